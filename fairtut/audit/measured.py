"""Every definition, every rate of a group and every limit, from one set of resamples."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from fairtut.audit.checking import check_columns, check_groups, finite_scores
from fairtut.audit.controls import Control, Proposal, choose, propose
from fairtut.audit.counting import belonging, joint, spelled
from fairtut.audit.limits import Judged, Limit, check_reach, judge
from fairtut.audit.scores import by_group, scaled
from fairtut.errors import InputError
from fairtut.metrics import DEFINITIONS, Definition, Estimate, GroupTable, metric
from fairtut.metrics.estimates import PEOPLE, check_level, percentiles
from fairtut.metrics.group import divide
from fairtut.metrics.measuring import Multiclass
from fairtut.metrics.people import People, read_people
from fairtut.metrics.values import Array, FloatArray

MOST_GROUPS: Final = 50
MOST_CLASSES: Final = 20
RATES: Final = ("selection_rate", "tpr", "fpr", "ppv", "accuracy")
"""What is shown of each group; without a favourable class only the last."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What was measured.

    Attributes
    ----------
    n : int
        People.
    groups, classes : tuple
    positive : hashable or None
        The favourable class; None where each of several is compared with the rest.
    weighted, overlapping : bool
    sizes : mapping of group to int
        People in each.
    base : mapping of group to Estimate
        Share of people with the favourable label; empty without one.
    rates : mapping of group to mapping of rate to Estimate
        In [0, 1].
    definitions : mapping of str to Estimate
        By the names of :data:`fairtut.metrics.DEFINITIONS`.
    judged : tuple of Judged
        One per limit.
    metric : str
        That the controls are compared in.
    controls : tuple of ``fairtut.audit.controls.Control``
    notes : tuple of str
        What a reader should know: what was left out and why, what was assumed.
    n_resamples : int
    scores : mapping of group to mapping of name to Estimate
        AUC of the score in each group; of scores in [0, 1] also the Brier score, and calibration:
        the mean score minus the share of people with the favourable label.  Empty without a score.
    level : float
        Of every interval.

    Examples
    --------
    >>> from fairtut.audit import Limit, audit
    >>> people = [1, 1, 0, 0] * 50, [1, 1, 1, 0] * 50, [0, 1, 1, 1] * 50
    >>> found = audit(*people, n_resamples=200)
    >>> found.n, found.groups, found.sizes
    (200, (0, 1), {0: 50, 1: 150})
    >>> sorted(found.rates[0])
    ['accuracy', 'fpr', 'ppv', 'selection_rate', 'tpr']
    """

    n: int
    groups: tuple[Hashable, ...]
    classes: tuple[Hashable, ...]
    positive: Hashable
    weighted: bool
    overlapping: bool
    sizes: Mapping[Hashable, int]
    base: Mapping[Hashable, Estimate]
    rates: Mapping[Hashable, Mapping[str, Estimate]]
    definitions: Mapping[str, Estimate]
    judged: tuple[Judged, ...]
    metric: str
    controls: tuple[Control, ...]
    proposal: Proposal | None
    notes: tuple[str, ...]
    n_resamples: int
    scores: Mapping[Hashable, Mapping[str, Estimate]] = field(default_factory=dict)
    level: float = 0.95

    @property
    def names(self) -> dict[Hashable, str]:
        """How each group is written, no two alike."""
        return spelled(self.groups)

    @property
    def coverage(self) -> str:
        """The level as a page writes it, such as ``95 %``."""
        return f"{100 * self.level:g} %"

    def fails(self, strict: bool = False) -> bool:
        """Whether a limit is exceeded or not measured, or with ``strict`` undecided."""
        return any(one.fails(strict) for one in self.judged)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it; what is not measured is None."""
        names, classes = self.names, spelled(self.classes)
        return {
            "n": self.n,
            "groups": {names[g]: self.sizes[g] for g in self.groups},
            "classes": list(classes.values()),
            "positive": None if self.positive is None else classes[self.positive],
            "weighted": self.weighted,
            "overlapping": self.overlapping,
            "interval": f"{next(iter(self.definitions.values())).method}",
            "level": self.level,
            "definitions": {k: _plain(v) for k, v in self.definitions.items()},
            "rates": {
                names[g]: {k: _plain(v) for k, v in rates.items()}
                for g, rates in self.rates.items()
            },
            "scores": {
                names[g]: {k: _plain(v) | {"interval": v.method} for k, v in one.items()}
                for g, one in self.scores.items()
            },
            "limits": [
                {
                    "metric": one.limit.metric,
                    "bound": one.limit.bound,
                    "answer": one.answer,
                    **_plain(one.found),
                }
                for one in self.judged
            ],
            "controls": {"metric": self.metric, "of": [_control(c) for c in self.controls]},
            "notes": list(self.notes),
        }


def audit(
    y: object,
    y_hat: object,
    s: object = None,
    *,
    members: Mapping[str, Array] | None = None,
    score: object = None,
    sample_weight: object = None,
    positive: Hashable = None,
    limits: Sequence[Limit] = (),
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> Audit:
    """Measure decisions by every definition, with intervals from the same resamples.

    Parameters
    ----------
    y, y_hat, s, positive, sample_weight
        As in :func:`fairtut.metrics.group_table`.  Several classes without ``positive``: each
        against the rest, and the worst is reported.
    members : mapping of str to array of 0 and 1, shape (n,), or data frame, optional
        In the place of ``s``: groups that may overlap.
    score : array-like, shape (n,), optional
        Finite; higher for people who are rather decided for; the controls need it.
    limits : sequence of Limit
    n_resamples : int
        100 or more.
    level : float
        Coverage of the intervals, such as .95.
    seed : int
        Of the resamples, and of the halves that thresholds are chosen on.
    notes : sequence of str
        Sentences that go first in the audit's own.

    Raises
    ------
    fairtut.errors.InputError
        Bad input; two classes without a favourable one; one group only; too many groups or
        classes; a limit that no decisions could exceed.

    Examples
    --------
    >>> y, y_hat, s = [1, 1, 0, 0] * 50, [1, 1, 1, 0] * 50, [0, 1, 1, 1] * 50
    >>> found = audit(y, y_hat, s, limits=[Limit("demographic_parity_gap", 0.1)])
    >>> found.definitions["demographic_parity_gap"].value
    0.33333333333333337
    >>> found.judged[0].answer, found.fails()
    ('exceeded', True)
    """
    check_level(level)
    if n_resamples < 100:
        raise InputError(f"n_resamples={n_resamples} is too few for an interval: use 1000")
    check_columns(s, members, y=y, y_hat=y_hat, score=score, sample_weight=sample_weight)
    people = read_people(y, y_hat, s, positive=positive, sample_weight=sample_weight)
    if people.weight is not None:  # only ratios of weights count
        people = replace(people, weight=scaled(people.weight))
    belongs, groups = belonging(people, members)
    check_groups(belongs, groups)
    said = list(notes) + _check(people, groups)
    check_reach(limits, belongs)
    several: Multiclass = "worst" if people.positive is None else None
    shown = _controlled(limits)
    proposal, ranked = None, {}
    if score is not None:
        scores = finite_scores(score, len(people.y))
        proposal, why = propose(people, belongs, scores, shown, seed)
        said += why
        if people.positive is not None:
            truth = people.y == people.positive
            ranked = by_group(belongs, groups, truth, scores, people.weight, level)
            if "brier" in next(iter(ranked.values())):
                said.append("All scores lie between 0 and 1: they are read as probabilities.")
    decided = [people.y_hat, *(proposal.decisions.values() if proposal else ())]
    tables = joint(people, belongs, groups, decided, n_resamples, seed)

    def estimate(draws: FloatArray) -> Estimate:
        """The first entry with the percentiles of the others."""
        method = f"{PEOPLE} ({n_resamples} resamples)"
        return percentiles(float(draws[0]), draws[1:], len(people.y), level, method)

    own, defined = tables[0], {}
    for name, definition in DEFINITIONS.items():
        if definition.larger_is_fairer is None and (several or len(groups) != 2):
            said.append(f"{name} has a sign, so it needs two groups and a favourable class.")
            continue
        defined[name] = estimate(definition.of_table(own, several))
    answers = (_judged(one, own, several, estimate, n_resamples, level) for one in limits)
    controls = choose(proposal, tables, metric(shown), estimate) if proposal else ()
    base, rates = _rates(own, estimate)
    return Audit(
        n=len(people.y),
        groups=groups,
        classes=people.classes,
        positive=None if people.positive is None else people.classes[people.positive],
        weighted=people.weight is not None,
        overlapping=members is not None,
        sizes=dict(zip(groups, belongs.sum(0).tolist(), strict=True)),
        base=base,
        rates=rates,
        definitions=defined,
        judged=tuple(answers),
        metric=shown,
        controls=controls,
        proposal=proposal,
        notes=(*said, *_undefined(defined, n_resamples)),
        n_resamples=n_resamples,
        scores=ranked,
        level=level,
    )


def _check(people: People, groups: tuple[Hashable, ...]) -> list[str]:
    """Refuse what no page can hold; return what to say of classes and decisions."""
    k = len(people.classes)
    if people.y_hat.ndim != 1:
        raise InputError(f"y_hat has shape {people.y_hat.shape}: pass one decision per person")
    for count, most, what in ((len(groups), MOST_GROUPS, "groups"), (k, MOST_CLASSES, "classes")):
        if count > most:
            raise InputError(f"{count:,} {what}: an audit takes up to {most}; put some together")
    if people.positive is None and k <= 2:
        shown = " and ".join(map(repr, spelled(people.classes).values()))
        raise InputError(f"which of {shown} is the favourable class? pass it as positive")
    said = []
    if people.positive is None:
        said.append(f"{k} classes: each is compared with the rest, and the worst is reported.")
    if (people.y_hat == people.y_hat[0]).all():
        said.append("Everybody is decided alike: for that reason alone no selection rates differ.")
    return said


def _controlled(limits: Sequence[Limit]) -> str:
    """Name the metric of the controls: that of the first limit if it is a gap, else DEO."""
    gaps = [one.metric for one in limits if metric(one.metric).mixes_linearly]
    return next((name for name in gaps if metric(name).larger_is_fairer is False), "deo")


def _rates(
    table: GroupTable, estimate: Any
) -> tuple[dict[Hashable, Estimate], dict[Hashable, dict[str, Estimate]]]:
    """Base rate and every rate of each group."""
    known = RATES if table.positive is not None else ("accuracy",)
    found = {name: table.rate(name) for name in known}  # (1 + R, G)
    rates = {
        group: {name: estimate(values[:, i]) for name, values in found.items()}
        for i, group in enumerate(table.groups)
    }
    if table.positive is None:
        return {}, rates
    share = divide(table.parts("tpr")[1], table.n)
    return {group: estimate(share[:, i]) for i, group in enumerate(table.groups)}, rates


def _judged(
    limit: Limit,
    table: GroupTable,
    several: Multiclass,
    estimate: Any,
    n_resamples: int,
    level: float,
) -> Judged:
    """Judge a limit; of a signed metric its size, so that both signs may be too large."""
    definition: Definition = metric(limit.metric)
    if definition.larger_is_fairer is None and (several or len(table.groups) != 2):
        nan = math.nan
        return judge(limit, Estimate(nan, nan, nan, 0, level, PEOPLE), n_resamples)
    draws = definition.of_table(table, several)
    size = np.abs(draws) if definition.larger_is_fairer is None else draws
    return judge(limit, estimate(size), n_resamples)


def _undefined(found: Mapping[str, Estimate], n_resamples: int) -> list[str]:
    """Say which metrics are NaN, and which intervals rest on fewer resamples."""
    lost = [name for name, one in found.items() if math.isnan(one.value)]
    fewer = {n: one.n_nan for n, one in found.items() if one.n_nan and not math.isnan(one.value)}
    said = []
    if lost:
        said.append(
            f"Not measured, because nobody is in a cell that is divided by: {', '.join(lost)}."
        )
    if fewer:
        said.append(
            f"Undefined in some of {n_resamples:,} resamples, because a cell is small: "
            + ", ".join(f"{name} ({count})" for name, count in fewer.items())
            + "."
        )
    return said


def _plain(found: Estimate) -> dict[str, float | int | None]:
    known = {"value": found.value, "low": found.low, "high": found.high}
    numbers = {key: None if math.isnan(v) else v for key, v in known.items()}
    return {**numbers, "n": found.n, "undefined": found.n_nan}


def _control(one: Control) -> dict[str, Any]:
    parts = ("accuracy", "gap", "accuracy_gained", "gap_saved")
    return {"name": one.name, **{part: _plain(getattr(one, part)) for part in parts}}
