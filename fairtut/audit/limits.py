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
from dataclasses import dataclass
from typing import Final, Literal

from fairtut.errors import InputError
from fairtut.metrics import Estimate, metric

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
        In the metric's range.
    """

    metric: str
    bound: float

    def __post_init__(self) -> None:
        definition = metric(self.metric)
        low, high = definition.range
        low = 0.0 if definition.larger_is_fairer is None else low
        if math.isnan(self.bound) or not low <= self.bound <= high:
            raise InputError(
                f"limit {self.metric}={self.bound:g}: {self.metric} runs from {low:g} to {high:g} "
                "(a fraction, not per cent)"
            )

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
            number = float(bound)
        except ValueError:
            raise InputError(
                f"limit {text!r}: write a metric and a number, such as deo=0.1"
            ) from None
        return cls(metric(name.strip()).name, number)

    @property
    def sign(self) -> str:
        """``≤`` for what may not grow, ``≥`` for what may not fall."""
        return "≥" if metric(self.metric).larger_is_fairer else "≤"


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
