"""A number with its interval, and what the interval is over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtut.errors import InputError
from fairtut.metrics.values import FloatArray

PEOPLE = "percentile bootstrap over people"
PAIRED_PEOPLE = "paired percentile bootstrap over people"
SEEDS = "t over seeds"
PAIRED_SEEDS = "paired t over seeds"
SPLITS = "corrected t over splits"


class IntervalWarning(UserWarning):
    """An interval could not be computed or rests on fewer resamples than asked for."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes
    ----------
    value, low, high : float
        Point estimate and interval; the interval is NaN when there is none.  Plain floats: a gate
        compares by :meth:`below` and :meth:`above`, which do not let NaN through.
    n : int
        People (bootstrap) or seeds (t).
    level : float
        Nominal coverage, such as .95.
    method : str
        How the interval was made, and over what: people or seeds.
    n_nan : int
        Bootstrap resamples in which the metric was undefined.
    """

    value: float
    low: float
    high: float
    n: int
    level: float
    method: str
    n_nan: int = 0

    def excludes(self, value: float = 0.0) -> bool:
        """Whether the interval lies wholly on one side of a value; False without an interval."""
        return bool(self.low > value or self.high < value)

    def below(self, bound: float) -> bool:
        """Whether the whole interval lies below a bound: what a test of one's own can assert.

        A number that is NaN is neither below a bound nor above, so ``not (e.high >= .1)`` lets
        through what was never measured. This raises there, and so does :meth:`above`.

        Raises
        ------
        fairtut.errors.InputError
            If there is no interval, or the bound is NaN.

        Examples
        --------
        >>> found = Estimate(0.05, 0.02, 0.08, 500, 0.95, PEOPLE)
        >>> found.below(0.1), found.below(0.06), found.above(0.01)
        (True, False, True)
        >>> Estimate(0.05, float("nan"), float("nan"), 2, 0.95, PEOPLE).below(0.1)
        Traceback (most recent call last):
        fairtut.errors.InputError: .050 [no interval] cannot be held against 0.1: bring more people
        """
        return bool(self._against(self.high, bound) < bound)

    def above(self, bound: float) -> bool:
        """Whether the whole interval lies above a bound (see :meth:`below`)."""
        return bool(self._against(self.low, bound) > bound)

    def _against(self, end: float, bound: float) -> float:
        if np.isnan([self.value, self.low, self.high]).any():
            raise InputError(f"{self} cannot be held against {bound:g}: bring more people")
        if np.isnan(bound):
            raise InputError("a bound is NaN: give a number, such as 0.1")
        return end

    def __float__(self) -> float:
        """Return the point estimate."""
        return self.value

    def __format__(self, spec: str) -> str:
        """Format as ``.814 [.801, .827]``; the specification is that of one number."""
        spec = spec or ".3f"
        value, low, high = (_short(v, spec) for v in (self.value, self.low, self.high))
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{value} [no interval]"
        return f"{value} [{low}, {high}]"

    def __str__(self) -> str:
        """Return the number with its interval to three decimals."""
        return format(self, "")


def percentiles(value: float, draws: FloatArray, n: int, level: float, method: str) -> Estimate:
    """Percentile interval from the resamples in which a quantity is defined.

    The one rule for undefined resamples: they are NaN, they are left out, and they are counted.
    Where they are many, the interval is conditional: on resamples in which every cell has somebody.

    Parameters
    ----------
    value : float
        The quantity on the people as they are; where it is NaN, so is the interval.
    draws : float array, any shape
        The quantity on each resample.
    n : int
        People.
    level : float
        Nominal coverage.
    method : str
        What the estimate says of itself.
    """
    undefined, low, high = int(np.isnan(draws).sum()), np.nan, np.nan
    if undefined < draws.size and not np.isnan(value):
        tail = 100 * (1 - level) / 2
        low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return Estimate(float(value), float(low), float(high), n, level, method, undefined)


def _short(value: float, spec: str) -> str:
    """A formatted number without the zero before its decimal point."""
    text = format(value, spec)
    if text.startswith("-") and not any(digit in text for digit in "123456789n"):
        text = text[1:]  # rounded to nothing: zero has no sign
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def check_level(level: float) -> None:
    """Refuse a coverage that is not between 0 and 1.

    Raises
    ------
    fairtut.errors.InputError
        Such as for 95 in the place of .95.
    """
    if not 0 < level < 1:
        raise InputError(f"level={level} is not a coverage between 0 and 1: use 0.95")
