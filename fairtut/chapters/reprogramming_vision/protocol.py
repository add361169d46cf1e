"""The trade-off: every method, criterion and λ, for all seeds, on the same people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from fairtut.chapters.reprogramming_vision.models import (
    Floats,
    Kept,
    Spec,
    base,
    margins,
    random_trigger,
    scores,
    trained,
)
from fairtut.chapters.reprogramming_vision.presets import TRIGGERS, Preset
from fairtut.chapters.reprogramming_vision.tasks import Task, people
from fairtut.lab import grid
from fairtut.lab.choice import fairest
from fairtut.lab.controls import Gap
from fairtut.methods.reprogramming import TriggerModule, collapsed
from fairtut.metrics.panels import Panel

JUDGED: Final = ("val", "test")
GAPS: Final[Mapping[str, Gap]] = {"dp": Panel.dp, "eo": lambda panel, y_hat: panel.deo(y_hat) / 2}
"""Difference of acceptance rates, and mean of the differences of TPRs and of FPRs."""

Key = tuple[str, str, float]
"""Method, criterion, λ."""


@dataclass(frozen=True)
class Result:
    """What one trained thing decides.

    Attributes
    ----------
    spec : Spec
    seed : int
    margin : mapping of str to array, shape (n,)
        ``val`` and ``test`` → difference of the two logits; positive means decided for class 1.
    history : list of dict
        As in :class:`~fairtut.chapters.reprogramming_vision.models.Kept`.
    taken : float
        Share of the training at which the judged state was taken; 1 is the last epoch.
    starved : bool
        No snapshot kept the accuracy floor.
    pixels : array, shape (3, h, w), or None
        The trigger, zero outside its mask.
    """

    spec: Spec
    seed: int
    margin: Mapping[str, Floats]
    history: list[dict[str, float]] = field(repr=False, default_factory=list)
    taken: float = 1.0
    starved: bool = False
    pixels: Floats | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Board:
    """Everything of the trade-off.

    Attributes
    ----------
    y, s : mapping of str to int array, shape (n,)
        Of the ``val`` and the ``test`` people.
    base : list of Result
        Per seed.
    random : mapping of str to list of Result
        Border and patch → the untrained trigger of each seed.
    results : mapping of Key to list of Result
        Per seed.
    """

    y: Mapping[str, NDArray[np.int64]]
    s: Mapping[str, NDArray[np.int64]]
    base: list[Result]
    random: Mapping[str, list[Result]]
    results: Mapping[Key, list[Result]]

    def people(self, part: str) -> Panel:
        """Return the people of a part, without resamples."""
        return Panel(self.y[part], self.s[part], n_resamples=0)

    def lams(self, method: str, criterion: str) -> list[float]:
        """Return the λ of a curve, ascending, without the control λ = 0."""
        return sorted(k[2] for k in self.results if k[:2] == (method, criterion) and k[2] > 0)

    def several(self, method: str, criterion: str = "", lam: float = 0.0) -> list[Result]:
        """Return the results of all seeds; method ``base`` or ``random-border`` need no λ."""
        if method == "base":
            return self.base
        if method.startswith("random-"):
            return self.random[method.removeprefix("random-")]
        return self.results[method, criterion, lam]

    def decisions(self, results: Sequence[Result], part: str = "test") -> NDArray[np.bool_]:
        """Return decisions, (seeds, n)."""
        return np.stack([one.margin[part] for one in results]) > 0

    def scores(self, results: Sequence[Result], part: str) -> dict[str, float]:
        """Return accuracy, dp, eo, positive rate and collapsed share, averaged over seeds."""
        each = [
            scores(self.y[part], y_hat.astype(int), self.s[part])
            for y_hat in self.decisions(results, part)
        ]
        return {name: float(np.mean([one[name] for one in each])) for name in each[0]}

    def fallen(self, results: Sequence[Result], part: str = "test") -> bool:
        """Whether a seed answers (nearly) the same to everybody, or no better than a constant."""
        y = self.y[part]
        usual = np.bincount(y).max() / len(y)
        return any(
            collapsed(y_hat.astype(int)) is not None or (y_hat == y).mean() <= usual
            for y_hat in self.decisions(results, part)
        )

    def pick(self, method: str, criterion: str, cost: float) -> float | None:
        """Return the λ that validation chooses at a price, or None.

        The least mean bias over seeds among the λ whose mean accuracy is at most ``cost`` below
        BASE's and of which no seed collapsed; all on validation people.
        """
        lams = self.lams(method, criterion)
        if not lams:
            return None
        before, tried = self._validation
        seen = [tried[method, criterion, lam] for lam in lams]
        bias = np.array([found[criterion] for found, _ in seen])
        barred = np.isnan(bias) | [fallen for _, fallen in seen]
        accuracy = [found["accuracy"] for found, _ in seen]
        choice = fairest(accuracy, bias, before - cost, barred=barred)
        return lams[choice.index] if choice.satisfied else None

    @cached_property
    def _validation(self) -> tuple[float, dict[Key, tuple[dict[str, float], bool]]]:
        """BASE's accuracy, and of every key its scores and whether it fell, on validation."""
        tried = {
            key: (self.scores(several, "val"), self.fallen(several, "val"))
            for key, several in self.results.items()
        }
        return self.scores(self.base, "val")["accuracy"], tried


def specs(preset: Preset) -> list[Spec]:
    """Return every training of the trade-off."""
    return [
        Spec(method, criterion, lam)
        for method, grids in preset.grids.items()
        for criterion, lams in grids.items()
        for lam in lams
    ]


def run_board(task: Task, preset: Preset) -> Board:
    """Train and judge everything; finished trainings are kept, so a run can be interrupted."""
    done = run_many(task, preset, _plan(preset))
    results: dict[Key, list[Result]] = {}
    for one in done:
        spec = one.spec
        results.setdefault((spec.method, spec.criterion, spec.lam), []).append(one)
    first = results.pop(("base", "", 0.0))
    random = {m: results.pop((f"random-{m}", "", 0.0)) for m in TRIGGERS}
    y, s = ({p: task.people(p)[i] for p in JUDGED} for i in (0, 1))
    return Board(y, s, first, random, results)


def _plan(preset: Preset) -> list[tuple[Spec | None, int]]:
    """Return BASE and every training of the trade-off, for all seeds."""
    return [(spec, seed) for spec in (None, *specs(preset)) for seed in preset.run_seeds()]


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[grid.Cell]:
    """Return the cells of the trade-off of a run of the chapter.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    task = Task.of(people(preset, data, device), preset)
    return [_cell(task, preset, *one) for one in _plan(preset)]


def run_many(task: Task, preset: Preset, plan: Sequence[tuple[Spec | None, int]]) -> list[Result]:
    """Run trainings, several at a time, in the order of the plan; None is BASE."""
    listed = [_cell(task, preset, spec, seed) for spec, seed in plan]
    found = grid.run(listed, jobs=preset.jobs, device=task.images.x.device, what="trainings")
    return [one for cell in listed for one in found[cell.key]]


def _cell(task: Task, preset: Preset, spec: Spec | None, seed: int) -> grid.Cell:
    """Return the cell of a training, which needs BASE."""
    config = settings(task, preset)
    first = grid.Spec("base", partial(_base, task, preset), config)
    if spec is None:
        return grid.Cell(first, seed)
    name = f"{spec.method} {spec.criterion} λ={spec.lam:g} ratio={spec.ratio:g} size={spec.size}"
    make = partial(_run, task, preset, spec)
    return grid.Cell(grid.Spec(name, make, config | {"spec": spec}, (first,)), seed)


def settings(task: Task, preset: Preset) -> dict[str, Any]:
    """Return everything that a result depends on besides its spec and seed."""
    left_out = ("grids", "seeds", "jobs", "costs", "ratios", "sizes", "multi", "side_seeds",
                "looked", "faces")  # fmt: skip
    used = {k: v for k, v in asdict(preset).items() if k not in left_out}
    return used | task.card() | {"test": len(task.test)}


def _base(task: Task, preset: Preset, seed: int) -> list[Result]:
    """Return what BASE decides, and what it decides of images with an untrained trigger."""
    model = base(task, preset, seed)
    named: list[tuple[str, TriggerModule | None]] = [("base", None)]
    named += [(f"random-{m}", random_trigger(task, preset, seed, m)) for m in TRIGGERS]
    return [
        Result(Spec(name, "", 0.0), seed, _judge(task, model, change)) for name, change in named
    ]


def _run(task: Task, preset: Preset, spec: Spec, seed: int, first: list[Result]) -> list[Result]:
    model = base(task, preset, seed)
    return [judged(task, model, trained(task, preset, seed, spec), spec, seed)]


def judged(task: Task, model: Any, kept: Kept, spec: Spec, seed: int) -> Result:
    """Return the decisions of a training's chosen state; triggers are put before ``model``."""
    module = kept.chosen
    if isinstance(module, TriggerModule):
        margin, pixels = _judge(task, model, module), module.pixels().cpu().numpy()
    else:
        margin, pixels = _judge(task, module), None
    return Result(spec, seed, margin, kept.history, kept.taken, kept.starved, pixels)


def _judge(task: Task, model: Any, change: TriggerModule | None = None) -> dict[str, Floats]:
    return {part: margins(model, task.images.x[task.rows(part)], change) for part in JUDGED}
