"""The trade-off: every method, criterion and λ, for all seeds, on the same people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.lab import fairest
from fairtut.lab.controls import Gap
from fairtut.methods.reprogramming import TriggerModule, collapsed
from fairtut.metrics.panels import Panel
from fairtut.runtime.keep import kept
from fairtut.runtime.threads import torch_threads
from fairtut.studies.reprogramming_vision.models import (
    Floats,
    Kept,
    Spec,
    base,
    margins,
    random_trigger,
    scores,
    trained,
)
from fairtut.studies.reprogramming_vision.presets import TRIGGERS, Preset
from fairtut.studies.reprogramming_vision.tasks import Task

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
    snapshots, history : list of dict
        As in :class:`~fairtut.studies.reprogramming_vision.models.Kept`.
    taken : float
        Share of the training at which the judged state was taken; 1 is the last epoch.
    starved : bool
        No snapshot kept the accuracy floor.
    pixels : array, shape (3, h, w), or None
        The trigger, zero outside its mask.
    movement : float
        Euclidean distance of the trigger's last pixels from its start; NaN for whole networks.
    """

    spec: Spec
    seed: int
    margin: Mapping[str, Floats]
    snapshots: list[dict[str, float]] = field(repr=False, default_factory=list)
    history: list[dict[str, float]] = field(repr=False, default_factory=list)
    taken: float = 1.0
    starved: bool = False
    pixels: Floats | None = field(repr=False, default=None)
    movement: float = float("nan")


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
    seeds = preset.run_seeds()
    plan = [(None, seed) for seed in seeds]
    first = run_many(task, preset, plan)  # BASE first, since all the others need it
    rest = [(spec, seed) for spec in specs(preset) for seed in seeds]
    done = run_many(task, preset, rest)
    results: dict[Key, list[Result]] = {}
    for one in done:
        spec = one.spec
        results.setdefault((spec.method, spec.criterion, spec.lam), []).append(one)
    random = {m: [one for one in first if one.spec.method == f"random-{m}"] for m in TRIGGERS}
    y, s = ({p: task.people(p)[i] for p in JUDGED} for i in (0, 1))
    return Board(y, s, [one for one in first if one.spec.method == "base"], random, results)


def run_many(task: Task, preset: Preset, plan: Sequence[tuple[Spec | None, int]]) -> list[Result]:
    """Run trainings, several at a time, in the order of the plan."""
    from joblib import Parallel, delayed

    # every process gets the images once, and every n-th training
    jobs = workers(task, preset)
    shares = [list(range(i, len(plan), jobs)) for i in range(jobs)]
    done = Parallel(n_jobs=jobs)(
        delayed(_share)(task, preset, [plan[i] for i in share]) for share in shares if share
    )
    found: dict[int, list[Result]] = {}
    for share, results in zip(shares, done, strict=False):
        found.update(zip(share, results, strict=True))
    return [one for i in range(len(plan)) for one in found[i]]


def workers(task: Task, preset: Preset) -> int:
    """Return how many processes may work at once: one, where they would share an accelerator."""
    return preset.jobs if task.images.x.device.type == "cpu" else 1


def _share(
    task: Task, preset: Preset, plan: Sequence[tuple[Spec | None, int]]
) -> list[list[Result]]:
    about, device = settings(task, preset), task.images.x.device
    with torch_threads(1):
        return [
            kept(
                partial(_run, task, preset, spec, seed),
                about | {"spec": spec, "seed": seed}, device=device,
            )
            for spec, seed in plan
        ]  # fmt: skip


def settings(task: Task, preset: Preset) -> dict[str, Any]:
    """Return everything that a result depends on besides its spec and seed."""
    left_out = ("grids", "seeds", "jobs", "costs", "ratios", "sizes", "multi", "side_seeds",
                "looked", "faces")  # fmt: skip
    used = {k: v for k, v in asdict(preset).items() if k not in left_out}
    return used | task.card() | {"test": len(task.test)}


def _run(task: Task, preset: Preset, spec: Spec | None, seed: int) -> list[Result]:
    model = base(task, preset, seed)
    if spec is None:
        named: list[tuple[str, TriggerModule | None]] = [("base", None)]
        named += [(f"random-{m}", random_trigger(task, preset, seed, m)) for m in TRIGGERS]
        return [
            Result(Spec(name, "", 0.0), seed, _judge(task, model, change)) for name, change in named
        ]
    return [judged(task, model, trained(task, preset, seed, spec), spec, seed)]


def judged(task: Task, model: Any, kept: Kept, spec: Spec, seed: int) -> Result:
    """Return the decisions of a training's chosen state; triggers are put before ``model``."""
    module = kept.chosen
    if isinstance(module, TriggerModule):
        margin, pixels = _judge(task, model, module), module.pixels().cpu().numpy()
        movement = kept.history[-1]["movement"]
    else:
        margin, pixels, movement = _judge(task, module), None, float("nan")
    return Result(spec, seed, margin, kept.snapshots, kept.history, kept.taken, kept.starved,
                  pixels, movement)  # fmt: skip


def _judge(task: Task, model: Any, change: TriggerModule | None = None) -> dict[str, Floats]:
    return {part: margins(model, task.images.x[task.rows(part)], change) for part in JUDGED}
