"""Arrays and frames as a caller gives them: one order of rows and columns, numbers that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.foreign import numbers


def same_order(name: str, **columns: object) -> None:
    """Raise unless all pandas columns have one index: rows are never aligned in silence.

    Parameters
    ----------
    name : str
        What messages call the data.
    **columns : array_like
        By the names that a message should use; what has no index is taken as it stands.

    Examples
    --------
    >>> import pandas as pd
    >>> same_order("mine", s=pd.Series([0, 1], ["a", "b"]), y=pd.Series([1, 0], ["b", "a"]))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: mine: s and y have different indexes: align them with .loc, or \
    pass .to_numpy() where rows already belong together
    """
    indexed: list[tuple[str, Any]] = [
        (key, v.index) for key, v in columns.items() if hasattr(v, "iloc") and hasattr(v, "index")
    ]
    for other, index in indexed[1:]:
        if not indexed[0][1].equals(index):
            raise InputError(
                f"{name}: {indexed[0][0]} and {other} have different indexes: align them with "
                ".loc, or pass .to_numpy() where rows already belong together"
            )


def named_as(name: str, x: Any, feature_names: Sequence[str]) -> None:
    """Raise if a frame's own columns are others than its names say, or stand in another order.

    Examples
    --------
    >>> import pandas as pd
    >>> named_as("mine", pd.DataFrame({"b": [1], "a": [2]}), ("a", "b"))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: mine: x has the columns b, a, feature_names are a, b: pass \
    x[list(feature_names)]
    """
    columns = getattr(x, "columns", None)
    if columns is None or type(columns).__name__ == "RangeIndex":  # a frame without names
        return
    if list(map(str, columns)) != list(map(str, feature_names)):
        raise InputError(
            f"{name}: x has the columns {', '.join(map(str, columns))}, feature_names are "
            f"{', '.join(feature_names)}: pass x[list(feature_names)]"
        )


def merged(column: NDArray[Any], kept: NDArray[np.float32]) -> bool:
    """Return whether single precision makes one of two whole numbers, such as years or cents.

    Examples
    --------
    >>> column = np.array([16777216.0, 16777217.0, 0.5])
    >>> merged(column, column.astype(np.float32))
    True
    """
    if not np.abs(column).max(initial=0) >= 1 << 24:  # smaller whole numbers all fit
        return False
    whole = column == np.floor(column)
    if not whole.all():  # from here on doubles have no fractions, so whole is no sign of a count
        whole &= np.abs(column) < 1 << 53
    return len(np.unique(kept[whole])) < len(np.unique(column[whole]))


def single(name: str, x: Any, feature_names: Sequence[str]) -> None:
    """Raise where inputs are dates or complex, or whole numbers that single precision merges.

    Examples
    --------
    >>> single("mine", [[16777216, 0], [16777217, 1]], ("id", "flag"))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: mine: feature 'id' holds whole numbers that single precision \
    merges (above 16777216): subtract an offset, or leave it out if it is an id
    """
    kinds = getattr(x, "dtypes", None) if hasattr(x, "iloc") else None
    given = np.asarray(numbers(f"{name}: x", x))
    for kind in [given.dtype] if kinds is None else list(kinds):
        if getattr(kind, "kind", "O") in "cmM":
            raise InputError(f"{name}: x holds {kind}: turn it into numbers, or leave it out")
    if given.ndim != 2 or given.dtype.kind not in "iuf" or given.dtype == np.float32:
        return
    with np.errstate(over="ignore"):  # the table names what overflows
        kept = given.astype(np.float32)
    for j, feature in enumerate(feature_names[: given.shape[1]]):
        if np.isfinite(kept[:, j]).all() and merged(given[:, j], kept[:, j]):
            raise InputError(
                f"{name}: feature {feature!r} holds whole numbers that single precision merges "
                "(above 16777216): subtract an offset, or leave it out if it is an id"
            )
