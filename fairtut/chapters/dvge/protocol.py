"""Every method on one task: decisions about the same people, for every strength and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fairtut.chapters.dvge.adt import adversarial
from fairtut.chapters.dvge.adt import cells as adt_cells
from fairtut.chapters.dvge.codes import Margins, Trial
from fairtut.chapters.dvge.encoders import cells, codes, usable
from fairtut.chapters.dvge.presets import Preset, Sweep
from fairtut.chapters.dvge.tasks import PARTS, Decisions, Task, people, task_of
from fairtut.data.images import ImageSet
from fairtut.lab import grid
from fairtut.lab.grid import workers


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
        controls ``threshold`` and ``noise``.  ``dvge-n.<focus>`` has another convention.
    sweep : Sweep
        The settings, in the order of the first axis.
    trained : int
        Rows that a run was trained on.
    margin : mapping of str to float array, shape (runs, n), or None
        By part, the scores of ``plain-n``.
    """

    name: str
    y: Mapping[str, NDArray[Any]]
    s: Mapping[str, NDArray[Any]]
    decisions: dict[str, Decisions]
    sweep: Sweep = field(repr=False)
    trained: int
    margin: Margins | None = field(default=None, repr=False)

    def chosen(self) -> NDArray[np.int64]:
        """Return which points of DVGE's grid stand against the baselines."""
        pairs = [(a, b) for a in self.sweep.eta1 for b in self.sweep.eta2]
        return np.array([pairs.index(pair) for pair in self.sweep.chosen])


def play(images: ImageSet, task: Task, preset: Preset) -> Board:
    """Run every method on an image setting."""
    each = {name: task.cut(codes(images, preset, name)) for name in ("n", "d")}
    trial = Trial(
        task.cut(task.y), task.cut(task.s), preset.classifier, tuple(preset.run_seeds()),
        preset.sweep, workers(preset.jobs, images.x.device),
    )  # fmt: skip
    found: dict[str, Decisions] = {}
    for name, z in each.items():
        decided, trained = trial.play(z, name)
        found |= decided
        if name == "n":
            decided, margin = trial.controls(trained, z)
            found |= decided
    for kind in preset.foci:
        # only for the first setting: each costs as much as everything else
        if task.name == preset.settings[0] and kind != preset.classifier.focus:
            found[f"dvge-n.{kind}"] = trial.decide(trial.train(each["n"], kind), each["n"])
    for kind, count in (("ffvae", len(preset.sweep.ffvae)), ("fdvae", len(preset.sweep.fdvae))):
        found[kind] = trial.plain(
            task.cut(usable(images, preset, f"{kind}-{i}", task)) for i in range(count)
        )
    found["adt"] = adversarial(images, task, preset)
    y, s = ({p: v[p].cpu().numpy() for p in PARTS} for v in (trial.y, trial.s))
    return Board(task.name, y, s, found, preset.sweep, len(task.train), margin)


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[grid.Cell]:
    """Return the cells of a run of the chapter: every encoder, and ADT on every image setting.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    images = people(preset, data, seed, device)
    tasks = [task_of(images, name, preset.most) for name in preset.settings]
    ends = [cell for task in tasks for cell in adt_cells(images, task, preset)]
    return [*cells(images, preset), *ends]
