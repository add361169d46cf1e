"""Every method on one task: decisions about the same people, for every strength and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fairtut.data.images import ImageSet
from fairtut.methods import dvge, latent
from fairtut.methods.dvge.focus import focus
from fairtut.methods.latent import reversal
from fairtut.models.vae import ConvVAE
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.threads import torch_threads
from fairtut.studies.dvge.encoders import encoder, usable
from fairtut.studies.dvge.presets import Preset, Sweep
from fairtut.studies.dvge.tasks import Task

Ints = NDArray[np.int8]
CUTS: Final = 41
"""Thresholds of the moved-threshold control."""


@dataclass(frozen=True)
class Board:
    """All decisions of one setting.

    Attributes
    ----------
    name : str
        The setting.
    y, s : mapping of str to int array, shape (n,) or (runs, n)
        By part, ``val`` and ``test``; runs have people of their own where a table was split anew.
    decisions : mapping of str to mapping
        Method → part → int array (settings, runs, n).  Methods: ``plain``, ``dvge`` and
        ``removed`` with ``-n`` or ``-d`` for the encoder, ``ffvae``, ``fdvae``, ``adt`` and the
        control ``threshold``.  ``dvge-n.<focus>`` has another convention.
    sweep : Sweep
        The settings, in the order of the first axis.
    trained : int
        Rows that a run was trained on.
    """

    name: str
    y: Mapping[str, NDArray[Any]]
    s: Mapping[str, NDArray[Any]]
    decisions: dict[str, dict[str, Ints]]
    sweep: Sweep = field(repr=False)
    trained: int

    def chosen(self) -> NDArray[np.int64]:
        """Return which points of DVGE's grid stand against the baselines."""
        pairs = [(a, b) for a in self.sweep.eta1 for b in self.sweep.eta2]
        return np.array([pairs.index(pair) for pair in self.sweep.chosen])


def play(images: ImageSet, task: Task, preset: Preset) -> Board:
    """Run every method on an image setting."""
    codes = {name: encoder(images, preset, name).z for name in ("n", "d")}
    found: dict[str, dict[str, Ints]] = {}
    for name, z in codes.items():
        found |= of_codes(z, task, preset, name)
    for focus_name in preset.foci:
        # only for the first setting: each costs as much as everything else
        if task.name == preset.settings[0] and focus_name != preset.classifier.focus:
            grid = _grid(codes["n"], task, preset, focus_name)
            found[f"dvge-n.{focus_name}"] = _shaped(grid, codes["n"], task, preset)
    for kind, count in (("ffvae", len(preset.sweep.ffvae)), ("fdvae", len(preset.sweep.fdvae))):
        each = [usable(images, preset, f"{kind}-{i}", task) for i in range(count)]
        found[kind] = _stack([_plain(z, task, preset) for z in each])
    found["adt"] = _adversarial(images, task, preset)
    people = {part: task.people(part) for part in ("val", "test")}
    return Board(
        task.name, {p: v[0] for p, v in people.items()}, {p: v[1] for p, v in people.items()},
        found, preset.sweep, len(task.train),
    )  # fmt: skip


def of_codes(z: Tensor, task: Task, preset: Preset, name: str) -> dict[str, dict[str, Ints]]:
    """Run the methods that only need codes (n, d): plain, DVGE, removal, a moved threshold."""
    grid = _grid(z, task, preset, preset.classifier.focus)
    whole = _shaped(grid, z, task, preset)
    origin = [(a, b) for a in preset.sweep.eta1 for b in preset.sweep.eta2].index((0.0, 0.0))
    found = {
        f"dvge-{name}": whole,
        f"plain-{name}": {part: d[origin : origin + 1] for part, d in whole.items()},
    }
    ranked = (
        latent.correlations(z[task.train], task.s[task.train])[0].abs().argsort(descending=True)
    )
    fewer = [_without(z, ranked[:count]) for count in preset.sweep.removed]
    found[f"removed-{name}"] = _stack([_plain(kept, task, preset) for kept in fewer])
    if name == "n":
        margin = {
            part: _margin(grid, z[getattr(task, part)])[:, origin] for part in ("val", "test")
        }
        found["threshold"] = threshold(margin)
    return found


def threshold(margin: Mapping[str, NDArray[np.float32]]) -> dict[str, Ints]:
    """Return decisions (cuts, runs, n) of a moved threshold; cuts are quantiles on validation."""
    cuts = np.quantile(margin["val"], np.linspace(0, 1, CUTS), axis=-1)  # (cuts, runs)
    return {part: (m[None] > cuts[..., None]).astype(np.int8) for part, m in margin.items()}


def _grid(z: Tensor, task: Task, preset: Preset, kind: str) -> dvge.Grid:
    """Train d, then g at every point of the grid; ``kind`` says what is differentiated."""
    config, seeds = replace(preset.classifier, focus=kind), list(preset.run_seeds())
    jobs = preset.jobs if z.device.type == "cpu" else 1
    known, y, s = z[task.train], task.y[task.train], task.s[task.train]
    held = (z[task.val], task.s[task.val])
    d = dvge.fit_classifiers(known, s, config, seeds, validation=held, jobs=jobs)
    f_sens = focus(d, known, kind, s)  # (runs, n, d)
    return dvge.fit_grid(
        known, y, f_sens, preset.sweep.eta1, preset.sweep.eta2, config, seeds,
        validation=(z[task.val], task.y[task.val]), jobs=jobs,
    )  # fmt: skip


def _shaped(grid: dvge.Grid, z: Tensor, task: Task, preset: Preset) -> dict[str, Ints]:
    """Return decisions (points of the grid, runs, n) by part."""
    runs = preset.seeds
    parts = {part: grid.decisions(z[getattr(task, part)]) for part in ("val", "test")}
    return {part: d.reshape(runs, -1, d.shape[-1]).swapaxes(0, 1) for part, d in parts.items()}


def _margin(grid: dvge.Grid, z: Tensor) -> NDArray[np.float32]:
    """Return margins (runs, points of the grid, n)."""
    logits = grid.logits(z)  # (k, n, 2)
    runs = len(np.unique(grid.run))
    margin = (logits[..., 1] - logits[..., 0]).cpu().numpy()
    return margin.reshape(runs, -1, margin.shape[-1])


def _plain(z: Tensor, task: Task, preset: Preset) -> dict[str, Ints]:
    """Train g on codes as they are; decisions (runs, n) by part."""
    net = dvge.fit_classifiers(
        z[task.train], task.y[task.train], preset.classifier, list(preset.run_seeds()),
        validation=(z[task.val], task.y[task.val]),
    )  # fmt: skip
    return {
        part: dvge.logits(net, z[getattr(task, part)]).argmax(-1).cpu().numpy().astype(np.int8)
        for part in ("val", "test")
    }


def _stack(each: Sequence[Mapping[str, Ints]]) -> dict[str, Ints]:
    return {part: np.stack([one[part] for one in each]) for part in ("val", "test")}


def _without(z: Tensor, dimensions: Tensor) -> Tensor:
    kept = z.clone()
    kept[:, dimensions.to(z.device)] = 0.0
    return kept


def _adversarial(images: ImageSet, task: Task, preset: Preset) -> dict[str, Ints]:
    """Train ADT end to end, for every strength and seed."""
    from joblib import Parallel, delayed

    jobs = preset.jobs if images.x.device.type == "cpu" else 1
    plan = [(strength, seed) for strength in preset.sweep.adt for seed in preset.run_seeds()]
    done = Parallel(n_jobs=jobs)(delayed(_adt)(images, task, preset, *one) for one in plan)
    shape = (len(preset.sweep.adt), preset.seeds, -1)
    return {
        part: np.stack([one[part] for one in done]).reshape(shape) for part in ("val", "test")
    }  # fmt: skip


def _adt(
    images: ImageSet, task: Task, preset: Preset, strength: float, seed: int
) -> dict[str, Ints]:
    config = preset.adt
    with torch_threads(1):
        rng = torch_rng(seed, "adt")
        model = ConvVAE(preset.latent, preset.size, preset.width, generator=rng)
        net = reversal.Reversal(model.to(images.x.device), config.hidden, rng).to(images.x.device)
        card = {
            "what": "adt", "images": images.digest, "task": task.name, "most": preset.most,
            "width": preset.width, "latent": preset.latent, "strength": strength, "seed": seed,
            "config": str(config),
        }  # fmt: skip

        def run(_: Any) -> dict[str, Any]:
            rows = task.train
            done = reversal.train(
                model, images.x[rows], task.y[rows], task.s[rows], strength, config=config,
                seed=seed,
            )  # fmt: skip
            net.load_state_dict(done.net.state_dict())
            return {"history": done.history}

        load_or_train(net, card, run)
        net.eval()
        return {
            part: net.decisions(images.x[getattr(task, part)])[0].cpu().numpy().astype(np.int8)
            for part in ("val", "test")
        }


__all__ = ["CUTS", "Board", "of_codes", "play", "threshold"]
