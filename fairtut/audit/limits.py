"""Limits on a metric, and whether the people at hand say that they are kept.

A limit is the largest gap, or the least ratio or accuracy, that is still allowed; of a signed
metric it is the largest size.  With the interval [low, high] of a gap and the limit L:

* **exceeded** where low > L and 2 · value - high > L,
* **kept** where high ≤ L,
* **not measured** where the value or an end is NaN, or more than 5 % of the resamples are,
* **undecided** where none of this holds.

For a ratio or an accuracy the same holds upside down.  The second half of the first line is there
because a gap of a resample is never negative: where two groups are treated alike, nearly every
percentile interval lies above 0, and above a small limit too.  Reflecting the upper half of the
interval at the value takes that bias out; it can only turn *exceeded* into *undecided*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fairtut.audit.numerals import numeral
from fairtut.errors import InputError
from fairtut.metrics import Estimate, metric
from fairtut.metrics.values import Array

Answer = Literal["kept", "exceeded", "undecided", "not measured"]
MOST_UNDEFINED: Final = 0.05
"""Share of undefined resamples above which nothing is said; the metrics warn at the same share."""


@dataclass(frozen=True)
class Limit:
    """What a metric may be at most (a gap) or at least (a ratio, an accuracy).

    Attributes
    ----------
    metric : str
        A name in :data:`fairtut.metrics.DEFINITIONS`.
    bound : float
        Finite, and in the metric's range; ``check_reach`` looks at the number of groups.
    """

    metric: str
    bound: float

    def __post_init__(self) -> None:
        definition = metric(self.metric)
        low, high = definition.range
        low = 0.0 if definition.larger_is_fairer is None else low
        if not (math.isfinite(self.bound) and low <= self.bound <= high):
            raise _outside(self, low, f"{high:g}" if math.isfinite(high) else "a finite number")

    @classmethod
    def of(cls, text: str) -> Limit:
        """Read ``deo=0.1``.

        Raises
        ------
        fairtut.errors.InputError
            If it is not a name and a number, or the number is outside the metric's range.
        fairtut.errors.UnknownName
            If no metric has the name.

        Examples
        --------
        >>> Limit.of("deo=0.1")
        Limit(metric='deo', bound=0.1)
        """
        name, _, bound = text.partition("=")
        try:
            number = numeral(bound)
        except ValueError:
            raise InputError(
                f"limit {text!r}: write a metric and a number, such as deo=0.1"
            ) from None
        return cls(metric(name.strip()).name, number)

    @property
    def sign(self) -> str:
        """``≤`` for what may not grow, ``≥`` for what may not fall."""
        return "≥" if metric(self.metric).larger_is_fairer else "≤"


def _outside(limit: Limit, low: float, high: str) -> InputError:
    name = limit.metric
    return InputError(
        f"limit {name}={limit.bound:g}: {name} runs from {low:g} to {high} "
        "(a fraction, not per cent)"
    )


def check_reach(limits: Sequence[Limit], belongs: Array) -> None:
    """Refuse a limit that these groups could not exceed, whatever is decided about them.

    Parameters
    ----------
    limits : sequence of Limit
    belongs : bool array, shape (n, G)

    Raises
    ------
    fairtut.errors.InputError
        The message says how far the metric reaches.
    """
    groups, apart = belongs.shape[1], bool((belongs.sum(1) == 1).all())
    for limit in limits:
        top = reach(limit.metric, groups, apart)
        if limit.bound > top:
            raise _outside(limit, 0.0, f"{top:.4g} for {groups} groups")


def reach(name: str, groups: int, apart: bool) -> float:
    """Return the least number that a metric of so many groups never exceeds.

    A deviation adds up each group's distance from everybody's rate.  Everybody's rate is a mean of
    those of groups that are apart, so it is near to one of them at least, and the sum stays below
    G - 1: all but one select everybody, and that one is nearly everybody and selects nobody.
    Groups that leave people out can all be far from everybody's rate.

    Parameters
    ----------
    name : str
    groups : int
        Two or more.
    apart : bool
        Whether everybody is in one group exactly.

    Examples
    --------
    >>> reach("dp", 2, True), reach("dp", 5, True), reach("dp", 5, False), reach("dp_half", 2, True)
    (1.0, 4.0, 5.0, 0.5)
    >>> reach("deo", 5, True)
    2.0
    """
    definition = metric(name)
    kind, options = definition.function.__name__, definition.options
    if kind not in ("demographic_parity_deviation", "equalized_odds_deviation"):
        return definition.range[1]
    total = groups - 1.0 if apart else float(groups)
    one = {"sum": total, "mean": total / groups, "max": 1.0}[options.get("reduce", "sum")]
    # of equalised odds two rates are added up, and halved unless the definition says otherwise
    return 2 * one if not options.get("halved", True) else one


@dataclass(frozen=True)
class Judged:
    """A limit and what the people at hand say about it.

    Attributes
    ----------
    limit : Limit
    found : Estimate
        The metric; the size of a signed one.
    answer : {"kept", "exceeded", "undecided", "not measured"}

    Examples
    --------
    >>> from fairtut.audit import Limit, audit
    >>> people = [1, 1, 0, 0] * 50, [1, 1, 1, 0] * 50, [0, 1, 1, 1] * 50
    >>> one = audit(*people, limits=[Limit("di", 0.8)], n_resamples=200).judged[0]
    >>> one.answer, one.limit.sign
    ('exceeded', '≥')
    """

    limit: Limit
    found: Estimate
    answer: Answer

    def fails(self, strict: bool = False) -> bool:
        """Whether a gate should close: exceeded or not measured, and if strict undecided."""
        return self.answer in ("exceeded", "not measured") or (
            strict and self.answer == "undecided"
        )


def judge(limit: Limit, found: Estimate, n_resamples: int) -> Judged:
    """Say whether a limit is kept.

    Parameters
    ----------
    limit : Limit
    found : Estimate
        Of the limit's metric; of a signed metric, of its absolute value.
    n_resamples : int
        That the interval was made from.

    Examples
    --------
    >>> gap = Estimate(0.2, 0.15, 0.26, n=500, level=0.95, method="bootstrap")
    >>> [judge(Limit("deo", bound), gap, 1000).answer for bound in (0.1, 0.2, 0.3)]
    ['exceeded', 'undecided', 'kept']
    >>> nan = float("nan")
    >>> judge(Limit("deo", 2.0), Estimate(nan, nan, nan, 500, 0.95, "bootstrap"), 1000).answer
    'not measured'
    """
    value, low, high, bound = found.value, found.low, found.high, limit.bound
    if metric(limit.metric).larger_is_fairer:  # upside down it is a gap
        value, low, high, bound = -value, -high, -low, -bound
    answer: Answer = "undecided"
    if math.isnan(value + low + high) or found.n_nan > MOST_UNDEFINED * n_resamples:
        answer = "not measured"
    elif min(low, 2 * value - high) > bound:
        answer = "exceeded"
    elif high <= bound:
        answer = "kept"
    return Judged(limit, found, answer)
