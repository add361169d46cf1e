"""What the metrics hand around: array types, a value with its counts, and its warnings."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FloatArray = NDArray[np.float64]
Labels = tuple[Hashable, ...]


class UndefinedMetricWarning(UserWarning):
    """A metric is NaN because its formula is 0/0 on these data."""


class EmptyGroupWarning(UndefinedMetricWarning):
    """A metric is NaN because a group has nobody in a cell that the metric divides by."""


class Value(float):
    """A metric's value: a float that remembers what it was measured on.

    It behaves, prints with a format, pickles and JSON-dumps as a float.

    Attributes
    ----------
    name : str
        Name of the metric.
    n : int
        Number of people in all.
    cells : dict of str to int
        Number of people behind each rate that entered, such as ``{"s=0, y=1": 412}``.

    Examples
    --------
    >>> from fairtut.metrics import Value
    >>> found = Value(0.25, "deo", n=8)
    >>> found, found + 1, found.n
    (Value(0.25, 'deo', n=8), 1.25, 8)
    """

    name: str
    n: int
    cells: Mapping[str, int]

    def __new__(
        cls, value: float, name: str = "", n: int = 0, cells: Mapping[str, int] | None = None
    ) -> Value:
        """Make a float that carries a name and its counts."""
        self = super().__new__(cls, value)
        self.name, self.n, self.cells = name, int(n), dict(cells or {})
        return self

    def __repr__(self) -> str:
        """Show the number with its name and n."""
        return f"Value({float(self)!r}, {self.name!r}, n={self.n})"

    __str__ = float.__repr__

    def __reduce__(self) -> tuple[type[Value], tuple[float, str, int, dict[str, int]]]:
        """Pickle with the counts."""
        return Value, (float(self), self.name, self.n, dict(self.cells))


def warn_empty(name: str, empty: Sequence[str], stacklevel: int = 3) -> None:
    """Warn once that a metric is NaN because nobody is in the cells listed."""
    if not empty:
        return
    shown = "; ".join(empty[:5]) + ("; ..." if len(empty) > 5 else "")
    message = (
        f"{name} is NaN: nobody in {shown} (merge groups, add data, or report it as unmeasured)"
    )
    warnings.warn(message, EmptyGroupWarning, stacklevel=stacklevel)
