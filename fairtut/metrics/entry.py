"""A measured quantity as it is handed to a record: typed, so that no key can be misspelt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """What was measured, before a record rounds it, checks it and keeps it under a name.

    Attributes
    ----------
    values : sequence
        One entry per seed: a number, NaN or None where there is none, or a sequence of repeated
        initialisations.
    n : int
        Rows that each value was measured on.
    unit : str
        ``fraction``, ``points``, ``nats``, ``ratio``, ``count`` or ``s``.
    note : str or None
        Required where a value is missing: it says why.
    people : (float, float) or None
        95 % bootstrap interval over people of the mean of the values.
    overlap : float or None
        For values of repeated splits: rows of a test part divided by rows of a training part.
    """

    values: Sequence[Any]
    n: int
    unit: str
    note: str | None = None
    people: tuple[float, float] | None = None
    overlap: float | None = None
