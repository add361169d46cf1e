"""What would have cost nothing: the constant, the mixing line, moved thresholds.

A threshold is chosen on one half of the people and decides about the other, and the other way
round, so that nobody is decided by a threshold that was fitted to them.  Each control may lose one
point of accuracy against the decisions that are audited, and is then as even as it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fairtut.lab import controls as lab
from fairtut.lab.plane import Plane
from fairtut.metrics import (
    Curve,
    Definition,
    Estimate,
    GroupPanel,
    GroupTable,
    Panel,
    Point,
    metric,
    mixing_line,
)
from fairtut.metrics.people import People
from fairtut.metrics.values import Array, FloatArray

BUDGET: Final = 0.01
"""Accuracy that a control may cost, as a fraction."""
_CUTS: Final = 200
MODEL: Final = "these decisions"
CONSTANT: Final = "constant"
MIXING: Final = "mixing line"
MOVED: Final = "moved threshold"
PER_GROUP: Final = "thresholds per group"


@dataclass(frozen=True, eq=False)
class Proposal:
    """Decisions that cost nothing, and the curves that the plane draws.

    Attributes
    ----------
    decisions : mapping of str to int array, shape (n,)
        Indexes into the classes, by the name of the control.
    constant : Point
    mixing, threshold : Curve
        Both without intervals.
    """

    decisions: Mapping[str, Array]
    constant: Point
    mixing: Curve
    threshold: Curve


@dataclass(frozen=True)
class Control:
    """A control, and what it does better than the decisions that are audited.

    Attributes
    ----------
    name : str
    accuracy, gap : Estimate
    accuracy_gained, gap_saved : Estimate
        Control minus these decisions, and these decisions minus control: positive is better for
        the control.  Zero for the decisions themselves.
    """

    name: str
    accuracy: Estimate
    gap: Estimate
    accuracy_gained: Estimate
    gap_saved: Estimate


def propose(
    people: People, belongs: Array, score: FloatArray, name: str, seed: int
) -> tuple[Proposal | None, list[str]]:
    """Return decisions by thresholds that were chosen on other people, and what to say of them.

    Parameters
    ----------
    people : People
        Two classes, one of them favourable; others get no controls.
    belongs : bool array, shape (n, G)
    score : float array, shape (n,)
    name : str
        The metric that a moved threshold is chosen by.
    seed : int
        Of the two halves.
    """
    if len(people.classes) != 2 or people.positive is None:
        return None, ["No controls: a threshold on a score needs two classes."]
    truth = (people.y == people.positive).astype(int)
    chosen = people.y_hat == people.positive
    margin, said = _margin(score, chosen)
    if truth.any() and not truth.all() and score[truth == 1].mean() < score[truth == 0].mean():
        said.append(
            "The score is higher, on average, for people without the favourable label: is it the "
            "score of the other class?"
        )
    cells = np.stack([belongs & (truth == k)[:, None] for k in (0, 1)]).sum(1)
    if cells.min() < 4:
        return None, [*said, "No controls: fewer than four people of a group share a label."]
    half = _halves(belongs, truth, seed)
    found = {CONSTANT: np.full(len(truth), int(_weighted_share(truth, people.weight) >= 0.5))}
    found[MOVED] = _crossed(half, lambda a, b: _moved(people, belongs, truth, margin, name, a, b))
    if people.weight is not None:
        said.append(f"No {PER_GROUP}: they are not chosen with weights.")
    elif belongs.shape[1] != 2 or not (belongs.sum(1) == 1).all():
        said.append(f"No {PER_GROUP}: they are for two groups that do not overlap.")
    else:
        found[PER_GROUP] = _crossed(half, lambda a, b: _per_group(belongs, truth, margin, a, b))
    every = GroupPanel(
        truth, members=belongs, classes=(0, 1), n_resamples=0, sample_weight=people.weight
    )
    plane = _curves(every, chosen.astype(int), found[CONSTANT], margin, name)
    decisions = {
        k: np.where(v == 1, people.positive, 1 - people.positive) for k, v in found.items()
    }
    return Proposal(decisions, *plane), said


def choose(
    proposal: Proposal,
    tables: Sequence[GroupTable],
    definition: Definition,
    estimate: Callable[[FloatArray], Estimate],
) -> tuple[Control, ...]:
    """Measure the audited decisions and every control in the same resamples.

    Parameters
    ----------
    proposal : Proposal
    tables : sequence of GroupTable
        Of the decisions that are audited, then of each proposed one; batch shape (1 + R,).
    definition : Definition
        A gap that mixes linearly.
    estimate : callable
        From draws (1 + R,) to a number with its interval.
    """
    names = [MODEL, *proposal.decisions]
    accuracy = [metric("accuracy").of_table(table) for table in tables]
    gap = [definition.of_table(table) for table in tables]
    lost = accuracy[0] - BUDGET
    at = names.index(CONSTANT)
    mixed = lab.mixed_gap(lost, accuracy[at], Plane(accuracy[0], gap[0]))
    names.insert(at + 1, MIXING)
    accuracy.insert(at + 1, np.maximum(lost, np.minimum(accuracy[at], accuracy[0])))
    gap.insert(at + 1, mixed)
    return tuple(
        Control(n, estimate(a), estimate(g), estimate(a - accuracy[0]), estimate(gap[0] - g))
        for n, a, g in zip(names, accuracy, gap, strict=True)
    )


def _margin(score: FloatArray, chosen: Array) -> tuple[FloatArray, list[str]]:
    """Return scores minus the threshold that the decisions came from, if they came from one."""
    if chosen.all():
        return score - np.nextafter(score.min(), -np.inf), []
    top = score[~chosen].max()
    if not chosen.any() or score[chosen].min() > top:
        return score - top, []
    cut = np.sort(score)[(~chosen).sum() - 1]
    return score - cut, [
        "The decisions are no threshold of the score: the controls start at the threshold that "
        "decides for as many people."
    ]


def _halves(belongs: Array, truth: Array, seed: int) -> Array:
    """Put every second person of each kind into the other half, in random order, (n,)."""
    rng = np.random.default_rng(seed)
    _, kind = np.unique(np.column_stack([belongs, truth]), axis=0, return_inverse=True)
    order = rng.permutation(len(truth))
    order = order[np.argsort(kind.reshape(-1)[order], kind="stable")]
    half = np.empty(len(truth), bool)
    half[order] = np.arange(len(truth)) % 2 == 0
    return half


def _crossed(half: Array, decide: Callable[[Array, Array], Array]) -> Array:
    """Decide about each half from the other."""
    out = np.empty(len(half), int)
    for known in (half, ~half):
        out[~known] = decide(known, ~known)
    return out


def _moved(
    people: People, belongs: Array, truth: Array, margin: FloatArray, name: str, a: Array, b: Array
) -> Array:
    weight = None if people.weight is None else people.weight[a]
    panel: Any = GroupPanel(
        truth[a], members=belongs[a], classes=(0, 1), n_resamples=0, sample_weight=weight
    )
    floor = float(panel.accuracy(margin[a] > 0)[0]) - BUDGET

    def gap(group: Any, y_hat: Array) -> FloatArray:
        return np.asarray(group.metric(name, y_hat))

    return margin[b] > lab.threshold(margin[a], panel, gap, floor, _CUTS)


def _per_group(belongs: Array, truth: Array, margin: FloatArray, a: Array, b: Array) -> Array:
    s = belongs[:, 1].astype(int)
    panel = Panel(truth[a], s[a], n_resamples=0)
    return lab.per_group(margin[None, a], panel, margin[None, b], s[b], budgets=(BUDGET,))[0, 0]


def _curves(
    panel: GroupPanel, chosen: Array, constant: Array, margin: FloatArray, name: str
) -> tuple[Point, Curve, Curve]:
    """Return the constant, the mixing line and the threshold at every cut, without intervals."""
    limits = np.unique(lab.cuts(margin, _CUTS))
    rows = np.vstack([chosen[None], constant[None], margin[None] > limits[:, None]])
    table = panel.tables(rows.astype(int))  # batch (2 + cuts, 1)
    accuracy = metric("accuracy").of_table(table)[:, 0]
    gap = metric(name).of_table(table)[:, 0]
    points = [Point(float(accuracy[i]), float(gap[i]), name) for i in range(2)]
    curve = Curve(accuracy[2:], gap[2:], limits, name)
    return points[1], mixing_line(*points), curve


def _weighted_share(truth: Array, weight: FloatArray | None) -> float:
    return float(np.average(truth, weights=weight))
