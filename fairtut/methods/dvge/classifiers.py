"""Classifiers on frozen codes: d, g under perturbation, and whole grids of them.

A *run* has a seed, and may have codes and labels of its own (one split of a small table, say).
Within a run every pair of strengths (η1, η2) is one network; they share initial weights and the
order of the rows, so that two of them differ by their strengths only.  The networks of a run are
trained together in chunks (:class:`~fairtut.models.stacked.StackedMLP`), and chunks in parallel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.dvge.training import Config, Task, join, logits, train_all
from fairtut.models.stacked import StackedMLP

__all__ = ["CHUNK", "Config", "Grid", "check", "fit_classifiers", "fit_grid"]

CHUNK: Final = 11
"""Networks trained at once: enough to hide a step's overhead, few enough for a core's cache."""


@dataclass(frozen=True)
class Grid:
    """Trained networks, one per run and pair of strengths.

    Attributes
    ----------
    net : StackedMLP
        Raw codes to two logits each.
    run, seed : int array, shape (k,)
        The run of each network, and its seed.
    eta1, eta2 : float array, shape (k,)
        The strengths of each network.
    epoch : int array, shape (k,)
        The epoch (from 1) whose weights were kept: the best on validation codes, else the last.

    Examples
    --------
    >>> from fairtut.methods.dvge import Config, fit_grid
    >>> import torch
    >>> z, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    >>> grid = fit_grid(z, y, None, (0,), (0, 1), Config(hidden=(), epochs=2), seeds=(3, 7))
    >>> grid.run.tolist(), grid.seed.tolist(), grid.eta2.tolist()  # 2 runs of 2 networks
    ([0, 0, 1, 1], [3, 3, 7, 7], [0.0, 1.0, 0.0, 1.0])
    >>> grid.logits(z).shape, grid.decisions(z).shape
    (torch.Size([4, 2, 2]), (4, 2))
    """

    net: StackedMLP = field(repr=False)
    run: NDArray[np.int64]
    seed: NDArray[np.int64]
    eta1: NDArray[np.float64]
    eta2: NDArray[np.float64]
    epoch: NDArray[np.int64]

    def logits(self, z: Tensor) -> Tensor:
        """Return logits (k, n, 2) of raw codes (n, d), or of each run's own (runs, n, d)."""
        each = z if z.ndim == 2 else z[torch.from_numpy(self.run).to(z.device)]
        return logits(self.net, each)

    def decisions(self, z: Tensor) -> NDArray[np.int8]:
        """Return decisions (k, n) in {0, 1} on raw codes (n, d) or (runs, n, d)."""
        return self.logits(z).argmax(-1).cpu().numpy().astype(np.int8)


def fit_classifiers(
    z: Tensor,
    target: Tensor,
    config: Config | None = None,
    seeds: Sequence[int] = (0,),
    *,
    validation: tuple[Tensor, Tensor] | None = None,
    jobs: int = 1,
) -> StackedMLP:
    """Train one plain classifier per run, such as the sensitive classifier d.

    Parameters
    ----------
    z : tensor, shape (n, d) or (runs, n, d)
        Codes, shared or each run's own.
    target : int64 tensor of 0 and 1, shape (n,) or (runs, n)
    config : Config, optional
    seeds : sequence of int
        One per run.
    validation : (z, target), optional
        With it the epoch of the highest accuracy on these is kept, else the last.
    jobs : int
        Chunks at a time, in threads.

    Returns
    -------
    StackedMLP
        One network per seed, in evaluation mode.

    Raises
    ------
    fairtut.errors.InputError
        For no seeds, NaN, a single class, or shapes that do not fit.

    Examples
    --------
    >>> from fairtut.methods.dvge import Config, fit_classifiers, logits
    >>> import torch
    >>> z, s = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1])
    >>> d = fit_classifiers(z, s, Config(hidden=(), epochs=20, lr=0.5), seeds=(0, 1))
    >>> logits(d, z).argmax(-1).tolist()  # both networks read s from the sign of the code
    [[0, 0, 1, 1], [0, 0, 1, 1]]
    """
    return fit_grid(
        z, target, None, (0.0,), (0.0,), config, seeds, validation=validation, jobs=jobs
    ).net


def fit_grid(
    z: Tensor,
    y: Tensor,
    f_sens: Tensor | None,
    eta1: Sequence[float],
    eta2: Sequence[float],
    config: Config | None = None,
    seeds: Sequence[int] = (0,),
    *,
    validation: tuple[Tensor, Tensor] | None = None,
    jobs: int = 1,
    chunk: int = CHUNK,
) -> Grid:
    """Train g for every pair of strengths and every run.

    Parameters
    ----------
    z : tensor, shape (n, d) or (runs, n, d)
        Raw codes, shared or each run's own.
    y : int64 tensor of 0 and 1, shape (n,) or (runs, n)
    f_sens : tensor, shape (n, d) or (runs, n, d), or None
        Focus of the frozen d on the same codes (:mod:`~fairtut.methods.dvge.focus`), which
        therefore never changes; F_task is taken anew at every step.  None if every η1 is 0.
    eta1, eta2 : sequence of float
        The grid is their product.
    config : Config, optional
    seeds : sequence of int
        One per run.
    validation : (z, y), optional
        Raw codes; see :func:`fit_classifiers`.
    jobs : int
        Chunks at a time, in threads.
    chunk : int
        Networks trained together; changes the speed, and the result by rounding only.

    Returns
    -------
    Grid
        Runs outermost, then ``eta1``, then ``eta2``.

    Raises
    ------
    fairtut.errors.InputError
        For an empty grid, a negative strength, a missing focus, NaN, a single class, or shapes
        that do not fit.

    Examples
    --------
    A focus that turns every code round, to its opposite: whoever learns from such codes decides the
    other way on the raw ones.

    >>> from fairtut.methods.dvge import Config, fit_grid
    >>> import torch
    >>> z, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    >>> config = Config(hidden=(), epochs=20, lr=0.5)
    >>> grid = fit_grid(z, y, -2 * z, eta1=(0.0, 1.0), eta2=(0.0,), config=config)
    >>> grid.eta1.tolist(), grid.decisions(z).tolist()
    ([0.0, 1.0], [[0, 1], [1, 0]])
    """
    pairs = list(product(eta1, eta2))
    if not pairs or not seeds:
        raise InputError(f"{len(pairs)} pairs of strengths, {len(seeds)} seeds: need some of each")
    for eta in (*eta1, *eta2):
        if not 0 <= eta < float("inf"):
            raise InputError(f"strength {eta}: η1 and η2 are finite and at least 0")
    if f_sens is None and any(eta1):
        raise InputError("η1 above 0 needs the sensitive focus: pass f_sens=focus(d, z)")
    check(z, y, len(seeds), "training")
    if f_sens is not None and f_sens.shape[-2:] != z.shape[-2:]:
        raise InputError(f"f_sens has shape {tuple(f_sens.shape)}: need that of z, {(*z.shape,)}")
    if validation is not None:
        check(*validation, len(seeds), "validation", both=False)
    parts = _parts(pairs, chunk)
    tasks = []
    for r, seed in enumerate(seeds):
        focus = None if f_sens is None else own(f_sens, r, 2)
        watch = (
            () if validation is None else ((own(validation[0], r, 2), own(validation[1], r, 1)),)
        )
        tasks += [
            Task(seed, own(z, r, 2), own(y, r, 1), focus, tuple(pairs[i] for i in part), watch,
                 keep_best=bool(watch))
            for part in parts
        ]  # fmt: skip
    done = train_all(tasks, config or Config(), jobs)
    # chunks hold the pairs in another order than the grid
    trained = [r * len(pairs) + i for r in range(len(seeds)) for part in parts for i in part]
    back = np.argsort(trained)
    run = np.repeat(np.arange(len(seeds)), len(pairs))
    values = np.tile(np.array(pairs, float), (len(seeds), 1))  # (k, 2)
    return Grid(
        net=join([one.net for one in done], back), run=run, seed=np.asarray(seeds)[run],
        eta1=values[:, 0], eta2=values[:, 1],
        epoch=np.concatenate([one.epoch for one in done])[back],
    )  # fmt: skip


def check(z: Tensor, target: Tensor, runs: int, name: str, both: bool = True) -> None:
    """Raise ``InputError`` unless codes and labels of ``runs`` runs can be trained on."""
    if z.ndim not in (2, 3) or (z.ndim == 3 and len(z) != runs):
        raise InputError(f"{name} codes have shape {tuple(z.shape)}: need (n, d) or ({runs}, n, d)")
    n = z.shape[-2]
    if target.shape not in ((n,), (runs, n)):
        raise InputError(f"{name} labels have shape {tuple(target.shape)}: need ({n},)")
    if not z.is_floating_point() or not torch.isfinite(z).all():
        raise InputError(f"{name} codes hold NaN or infinity, or no decimals: look at the encoder")
    if not torch.isin(target, torch.tensor([0, 1], device=target.device)).all():
        raise InputError(f"{name} labels hold {target.unique()[:5].tolist()}: code them 0 and 1")
    if both and (target.amin(-1) == target.amax(-1)).any():
        raise InputError(f"{name} labels have a single class: both are needed")


def own(values: Tensor, run: int, ndim: int) -> Tensor:
    """Return a run's own values, of ``ndim`` axes, of all runs' or of shared ones."""
    return values if values.ndim == ndim else values[run]


def _parts(pairs: Sequence[tuple[float, float]], chunk: int) -> list[list[int]]:
    """Split a run's pairs into chunks; those without F_task stay apart, they cost half."""
    parts = []
    for with_task in (True, False):
        chosen = [i for i, (_, eta2) in enumerate(pairs) if bool(eta2) is with_task]
        parts += [chosen[i : i + chunk] for i in range(0, len(chosen), chunk)]
    return parts
