"""Two sources of chance in one interval: other people, and another training.

A number that was measured on a few trained models and on the people of one test set would have come
out differently with other people, and with other trainings.  A bootstrap over people sees only the
first, a t-interval over trainings of models that share their test people only the second.
:class:`Chance` holds both.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fairtut.errors import InputError
from fairtut.metrics.estimates import SEEDS, SPLITS, Estimate, check_level

BOTH: Final = "over people and trainings"
ONE: Final = "one training: no interval over trainings"
_LEVEL: Final = 0.95
_SMALLEST: Final = 1e-12
"""No p is told smaller than this."""


@dataclass(frozen=True)
class Chance:
    r"""The mean of a few trainings, and how far chance moves it.

    Parameters
    ----------
    value : float
        Mean :math:`v` over the trainings.
    trainings : int
        Their number :math:`m`.
    spread : float
        Standard deviation :math:`s` over trainings (``ddof = 1``); 0 for one training.
    below, above : float
        Distances :math:`v - l` and :math:`u - v` to the ends of the 95 % interval over people, not
        negative; 0 where every training has people of its own, because then :math:`s` holds both.
    overlap : float
        For repeated splits of the same people: rows of a test part / rows of a training part.

    Examples
    --------
    >>> chance = Chance.of([0.10, 0.12, 0.14], people=(0.09, 0.16))
    >>> low, high = chance.interval()
    >>> round(low, 3), round(high, 3)
    (0.062, 0.184)
    """

    value: float
    trainings: int
    spread: float
    below: float = 0.0
    above: float = 0.0
    overlap: float = 0.0

    @classmethod
    def of(
        cls,
        values: Sequence[float],
        people: tuple[float, float] | None = None,
        overlap: float = 0.0,
    ) -> Chance:
        """Return the chance of these values: one finite number per training.

        Parameters
        ----------
        values : sequence of float
        people : (float, float), optional
            The 95 % bootstrap interval over people of the values' mean.
        overlap : float

        Raises
        ------
        fairtut.errors.InputError
            If there is no value, or one that is not finite.
        """
        if not len(values) or not all(math.isfinite(x) for x in values):
            raise InputError("values: pass one finite number per training, and at least one")
        m = len(values)
        mean = math.fsum(values) / m
        square = math.fsum((x - mean) ** 2 for x in values)
        spread = math.sqrt(square / (m - 1)) if m > 1 else 0.0
        low, high = people or (mean, mean)
        # a bootstrap of a skewed number may lie beside the number itself
        return cls(mean, m, spread, max(0.0, mean - low), max(0.0, high - mean), overlap)

    def interval(self, level: float = _LEVEL) -> tuple[float, float]:
        r"""Return the ends of the interval over trainings and people; NaN for one training.

        .. math::
            lo = v - \sqrt{(t_{m-1}\, s \sqrt{1/m + o})^2 + (z\,(v-l))^2}, \quad
            hi = v + \sqrt{(t_{m-1}\, s \sqrt{1/m + o})^2 + (z\,(u-v))^2}

        with the overlap :math:`o` of splits and :math:`z = 1` at 95 % (the MOVER form).

        References
        ----------
        Zou & Donner: Construction of confidence limits about effect measures, Statistics in
        Medicine 27, 2008.
        """
        return self._ends(level, self._error(), 1.0)

    def prediction(self, runs: int = 1, level: float = _LEVEL) -> tuple[float, float]:
        """Return where the mean of `runs` other trainings, on other people, would lie."""
        return self._ends(level, math.hypot(self._error(), self.spread / math.sqrt(runs)), 2.0)

    def p(self) -> float:
        """Return the two-sided p of 0: one minus the level at which the interval touches 0.

        It is NaN for one training.
        """
        from scipy.optimize import brentq  # here: scipy is slow to import

        if self.trainings < 2:
            return math.nan
        toward = self.below if self.value > 0 else self.above
        if not toward and not self._error():
            return 1.0 if self.value == 0 else 0.0

        def missing(p: float) -> float:
            t, z = quantile(1 - p, self.trainings), normal(1 - p)
            return math.hypot(t * self._error(), z * toward) - abs(self.value)

        low, high = _SMALLEST, 1.0 - _SMALLEST
        if missing(low) <= 0:
            return low
        if missing(high) >= 0:
            return 1.0
        # a level, 1 - p, tells no smaller p apart
        return float(brentq(missing, low, high, xtol=1e-15, maxiter=1000))

    def at(self, trainings: int, people: float = 1.0) -> Chance:
        """Return the same spreads with more trainings, and `people` times as many people."""
        less = 1 / math.sqrt(people)
        return replace(self, trainings=trainings, below=less * self.below, above=less * self.above)

    def estimate(self, n: int, level: float = _LEVEL) -> Estimate:
        """Return the mean with its interval as an estimate, which says what the interval is over.

        Parameters
        ----------
        n : int
            Rows that each value was measured on.
        level : float
            Nominal coverage.
        """
        check_level(level)
        low, high = self.interval(level)
        shared = bool(self.below or self.above)
        if self.trainings < 2:
            method = ONE
        elif shared:
            method = f"{BOTH} ({self.trainings} trainings, {n} people)"
        else:
            kind, word = (SPLITS, "splits") if self.overlap else (SEEDS, "seeds")
            method = f"{kind} (ddof=1, {self.trainings} {word})"
        counted = n if shared else self.trainings
        return Estimate(self.value, low, high, n=counted, level=level, method=method)

    def _error(self) -> float:
        """Standard error over trainings."""
        return self.spread * math.sqrt(1 / self.trainings + self.overlap)

    def _ends(self, level: float, error: float, draws: float) -> tuple[float, float]:
        if self.trainings < 2:
            return math.nan, math.nan
        t, z = quantile(level, self.trainings) * error, math.sqrt(draws) * normal(level)
        return (
            self.value - math.hypot(t, z * self.below),
            self.value + math.hypot(t, z * self.above),
        )


@functools.lru_cache(maxsize=4096)
def quantile(level: float, trainings: int) -> float:
    """Return the two-sided t quantile of a level, for the mean of so many trainings."""
    from scipy.special import stdtrit  # here: scipy is slow to import

    return float(stdtrit(trainings - 1, (1 + level) / 2))


@functools.lru_cache(maxsize=4096)
def normal(level: float) -> float:
    """Return how much wider an interval over people is at a level than at 95 %."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2) / ndtri((1 + _LEVEL) / 2))
