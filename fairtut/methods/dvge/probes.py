"""How much a fresh classifier still reads from perturbed codes (the slides' Tables 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.errors import InputError, UnknownName
from fairtut.methods.dvge.classifiers import check, fit_classifiers, own
from fairtut.methods.dvge.focus import focus, perturb
from fairtut.methods.dvge.training import Config, Task, train_all
from fairtut.models.stacked import StackedMLP
from fairtut.runtime.seeds import stream_seed, torch_rng

PROBES: Final = ("perturbed", "raw", "mixed-perturbed", "mixed-raw")
"""What a probe was trained on, if mixed, and what it is scored on."""


@dataclass(frozen=True)
class Ablation:
    """Accuracies of fresh sensitive classifiers, on the evaluation codes.

    Attributes
    ----------
    etas : float array, shape (e,)
        The strengths η1.
    best, last : dict of float array, shape (seeds, e)
        Per probe: the highest accuracy over the epochs, which is what the slides report and is
        selected on the very codes it is measured on, and that of the last epoch.
    d : StackedMLP
        The sensitive classifiers behind the focus, one per seed.

    Examples
    --------
    >>> from fairtut.methods.dvge import Config, ablation
    >>> import torch
    >>> z, s = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> found = ablation(z, s, z, s, (0, 1, 2), Config(hidden=(), epochs=2), seeds=(0, 1))
    >>> sorted(found.last), found.last["raw"].shape  # 2 seeds, 3 strengths
    (['mixed-perturbed', 'mixed-raw', 'perturbed', 'raw'], (2, 3))
    >>> bool((found.best["raw"] >= found.last["raw"]).all())  # the best epoch flatters the probe
    True
    """

    etas: NDArray[np.float64]
    best: dict[str, NDArray[np.float64]]
    last: dict[str, NDArray[np.float64]]
    d: StackedMLP


def ablation(
    z_train: Tensor,
    s_train: Tensor,
    z_eval: Tensor,
    s_eval: Tensor,
    etas: Sequence[float],
    config: Config | None = None,
    seeds: Sequence[int] = (0,),
    *,
    probe_on: Sequence[str] = PROBES,
    jobs: int = 1,
) -> Ablation:
    r"""Perturb codes with :math:`\eta_1 F_{sens}` and train a classifier of s on them anew.

    Parameters
    ----------
    z_train, z_eval : tensor, shape (n, d) or (seeds, n, d)
        Raw codes, shared or each seed's own.  Both are perturbed with d, which saw the former only.
    s_train, s_eval : int64 tensor of 0 and 1, shape (n,)
        The focus ``loss_true`` reads the true s of the evaluation rows, too: a leak that a probe
        may find, as the method's own.
    etas : sequence of float
        Strengths, of any sign; 0 is "no removal".
    config : Config, optional
        Of d and of the probes; its ``focus`` says what is differentiated.
    seeds : sequence of int
        Of d and of the probe.
    probe_on : sequence of str
        Some of :data:`PROBES`.  ``perturbed`` and ``raw``: one probe, trained on perturbed codes
        and scored on either.  ``mixed-..``: another, trained on codes of which a random half is
        perturbed; it tells what an ordinary shift between training and use has hidden.
    jobs : int
        Chunks at a time, in threads.

    Returns
    -------
    Ablation

    Raises
    ------
    fairtut.errors.InputError
        For an empty list or an infinite strength, or codes and labels that do not fit.
    fairtut.errors.UnknownName
        If there is no such probe.

    Examples
    --------
    One number per person, which is s itself.  Clipped steps of length 1 move everybody to 0, where
    nothing is left to read.

    >>> from fairtut.methods.dvge import Config, ablation
    >>> import torch
    >>> z, s = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> config = Config(hidden=(), epochs=20, lr=0.5, eps=1.0, normalise=True)
    >>> found = ablation(z, s, z, s, etas=(0.0, 2.0), config=config, probe_on=("perturbed",))
    >>> found.etas.tolist(), found.last["perturbed"].tolist()
    ([0.0, 2.0], [[1.0, 0.5]])
    """
    c = config or Config()
    for probe in probe_on:
        if probe not in PROBES:
            raise UnknownName.of("probe", probe, PROBES)
    if not len(etas) or not len(probe_on) or not np.isfinite(etas).all():
        raise InputError(f"{len(etas)} strengths, {len(probe_on)} probes: need some, finite")
    for name, z, s in (("training", z_train, s_train), ("evaluation", z_eval, s_eval)):
        check(z, s, len(seeds), name)
    d = fit_classifiers(z_train, s_train, c, seeds, jobs=jobs)
    f_train, f_eval = (
        focus(d, z, c.focus, s) for z, s in ((z_train, s_train), (z_eval, s_eval))
    )  # (seeds, n, d) each
    strength = torch.tensor(list(etas), dtype=z_eval.dtype, device=z_eval.device)
    pairs = tuple((float(eta), 0.0) for eta in etas)
    tasks = []
    for mixed in (False, True):
        if any(probe.startswith("mixed") is mixed for probe in probe_on):
            for r, seed in enumerate(seeds):
                known, scored = own(z_train, r, 2), own(z_eval, r, 2)  # (n, d) each
                kept = _half(f_train[r], seed) if mixed else f_train[r]
                moved = perturb(scored, f_eval[r], None, strength, 0.0, c.eps, c.normalise)
                watch = ((moved, s_eval), (scored, s_eval))  # (e, n, d) and (n, d)
                tasks.append(Task(stream_seed(seed, "probe"), known, s_train, kept, pairs, watch))
    done = train_all(tasks, c, jobs)
    scores: dict[str, NDArray[np.float64]] = {}  # (seeds, epochs, e) each
    for i, probe in enumerate(("perturbed", "raw")):
        scores[probe] = np.stack([one.scores[i] for one in done[: len(seeds)]])
        scores[f"mixed-{probe}"] = np.stack([one.scores[i] for one in done[-len(seeds) :]])
    return Ablation(
        np.asarray(etas, float), {p: scores[p].max(1) for p in probe_on},
        {p: scores[p][:, -1] for p in probe_on}, d,
    )  # fmt: skip


def _half(f: Tensor, seed: int) -> Tensor:
    """Return a focus with a random half of its rows set to zero."""
    keep = torch.rand(len(f), generator=torch_rng(seed, "mixed")) < 0.5
    return f * keep.to(f.device)[:, None]
