"""One measured quantity: what a record holds under an id, and how raw values become that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import RecordError
from fairtut.evidence.schema import significant

if TYPE_CHECKING:
    from fairtut.metrics.estimates import Estimate
    from fairtut.metrics.trainings import Chance

PEOPLE: Final = "bootstrap over people of the mean over trained models"

Draw = float | None | list[float | None]
"""What one seed gave: a number, nothing, or one of these per initialisation."""


@dataclass(frozen=True)
class Measurement:
    """One measured quantity.

    Attributes
    ----------
    values : tuple
        One entry per seed: a number, ``None``, or a list of these (initialisations of one draw).
    n : int
        Rows that each value was measured on.
    unit : str
        A key of :data:`fairtut.evidence.claim.POINT`.
    note : str or None
        What a reader of the number must know; required where a value is ``None``.
    people : (float, float) or None
        A 95 % bootstrap interval over people for the mean of the values, where all trained models
        were measured on the same people.
    overlap : float or None
        Where the draws are repeated splits of the same people: rows of a test part divided by rows
        of a training part.  The interval is then corrected for what splits share.

    Examples
    --------
    Two draws, of which the second has two initialisations: they are averaged first.

    >>> from fairtut.evidence.measurements import Measurement
    >>> measurement = Measurement((0.5, [0.5, 1.0]), n=100, unit="fraction")
    >>> measurement.draws(), measurement.flat()
    ([0.5, 0.75], [0.5, 0.5, 1.0])
    >>> measurement.estimate().value
    0.625
    """

    values: tuple[Draw, ...]
    n: int
    unit: str
    note: str | None = None
    people: tuple[float, float] | None = None
    overlap: float | None = None

    def draws(self) -> list[float | None]:
        """Return one number per draw: its value, or the mean of its initialisations."""
        return [_mean(value) if isinstance(value, list) else value for value in self.values]

    def flat(self) -> list[float | None]:
        """Return every single value, initialisations of all draws one after another."""
        return [x for value in self.values for x in (value if isinstance(value, list) else [value])]

    def as_dict(self) -> dict[str, Any]:
        """Return what the record's file holds."""
        body = {"values": list(self.values), "n": self.n, "unit": self.unit}
        body |= {} if self.note is None else {"note": self.note}
        body |= {} if self.people is None else {"people": list(self.people)}
        return body if self.overlap is None else body | {"overlap": self.overlap}

    def chance(self) -> Chance | None:
        """Return the mean over trainings and how far chance moves it; None without a value."""
        from fairtut.metrics.trainings import Chance

        numbers = [x for x in self.draws() if x is not None]
        return Chance.of(numbers, self.people, self.overlap or 0.0) if numbers else None

    def estimate(self, level: float = 0.95) -> Estimate:
        """Return the mean over draws and its interval (draws without a value are left out).

        The interval is that over people where there is one, which says what other people would
        change for *these* trained models, and else the t-interval over draws, corrected where these
        are overlapping splits.  It is NaN throughout where no draw has a value: tables and figures
        show a gap there.  What verdicts and answers rest on is :meth:`standard`.
        """
        from fairtut.metrics import Estimate, over_seeds, over_splits
        from fairtut.metrics.estimates import SEEDS, SPLITS

        numbers = [x for x in self.draws() if x is not None]
        if not numbers:
            method = SEEDS if self.overlap is None else SPLITS
            return Estimate(math.nan, math.nan, math.nan, n=0, level=level, method=method)
        if self.people is not None:
            mean = math.fsum(numbers) / len(numbers)
            return Estimate(mean, *self.people, n=self.n, level=0.95, method=PEOPLE)
        if self.overlap is not None:
            return over_splits(numbers, self.overlap, level=level)
        return over_seeds(numbers, level=level)

    def standard(self, level: float = 0.95) -> Estimate:
        """Return the mean and its interval over people *and* trainings: what verdicts rest on.

        One training has no interval, and a quantity without a value is NaN throughout.
        """
        from fairtut.metrics.estimates import SEEDS, Estimate

        chance = self.chance()
        if chance is None:
            return Estimate(math.nan, math.nan, math.nan, n=0, level=level, method=SEEDS)
        return chance.estimate(self.n, level)


def entries(values: Any) -> Sequence[Any]:
    """Turn a number, sequence, array, series or tensor into a list of entries.

    Parameters
    ----------
    values : number, iterable or array
        What a chapter measured.

    Returns
    -------
    list
        One entry per seed.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.evidence.measurements import entries
    >>> entries(0.5), entries(np.array([[0.5, 1.0], [0.0, 0.5]]))
    ([0.5], [[0.5, 1.0], [0.0, 0.5]])
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    return list(values) if isinstance(values, Iterable) else [values]


def as_draw(value: Any, id: str) -> Draw:
    """Turn one seed's value into a rounded number, None, or a list of these; refuse infinity.

    Parameters
    ----------
    value : number, None, iterable or array
        NaN is no value, as None is.
    id : str
        The measurement's id, for the message.

    Returns
    -------
    float, None or list of these
        Numbers have six significant digits.

    Raises
    ------
    fairtut.errors.RecordError
        If a value is no number, or infinite.

    Examples
    --------
    >>> from fairtut.evidence.measurements import as_draw
    >>> as_draw(0.123456789, "a.b"), as_draw([0.5, float("nan")], "a.b")
    (0.123457, [0.5, None])
    >>> as_draw(float("inf"), "a.b")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: measurement 'a.b': a value is infinite: pass None and a note instead
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_single(x, id) for x in value]
    return _single(value, id)


def as_ends(people: Any, id: str) -> tuple[float, float]:
    """Turn the ends of an interval over people into two rounded numbers.

    Parameters
    ----------
    people : pair of number
        Lower and upper end.
    id : str
        The measurement's id, for the message.

    Returns
    -------
    pair of float
        With six significant digits.

    Raises
    ------
    fairtut.errors.RecordError
        If they are not two numbers.

    Examples
    --------
    >>> from fairtut.evidence.measurements import as_ends
    >>> as_ends([0.123456789, 0.5], "a.b")
    (0.123457, 0.5)
    >>> as_ends([0.5], "a.b")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: measurement 'a.b': people [0.5] must be the two ends of an interval
    """
    try:
        low, high = (significant(float(end)) for end in people)
    except (TypeError, ValueError):
        raise RecordError(
            f"measurement {id!r}: people {people!r} must be the two ends of an interval"
        ) from None
    return low, high


def _single(value: Any, id: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise RecordError(f"measurement {id!r}: value {value!r} must be a number") from None
    if math.isinf(number):
        raise RecordError(f"measurement {id!r}: a value is infinite: pass None and a note instead")
    return None if math.isnan(number) else significant(number)


def _mean(values: list[float | None]) -> float | None:
    numbers = [x for x in values if x is not None]
    return math.fsum(numbers) / len(numbers) if numbers else None
