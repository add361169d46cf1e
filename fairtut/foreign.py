"""Columns and tables of polars as arrays: rows are taken by place, for polars has no index.

Masked arrays of numpy become plain ones here, too, where nothing of them is masked.

polars is never imported here: whoever passes its data has imported it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]


def collected(**columns: object) -> None:
    """Raise ``InputError`` for a query or an expression of polars, which hold no rows.

    Parameters
    ----------
    **columns : object
        By the names that a message should use.

    Examples
    --------
    >>> collected(y=[0, 1], s=None)
    """
    for name, values in columns.items():
        if _is(values, "LazyFrame"):
            raise InputError(f"{name} is a polars LazyFrame, which holds no rows: collect it first")
        if _is(values, "Expr"):
            raise InputError(f"{name} is a polars expression, which holds no rows: pass a column")


def plain(values: Any) -> Any:
    """Return a column or a table of polars as an array, anything else as it is.

    A list or tuple that holds columns becomes a list of arrays.  Dates stay dates: they are no
    numbers.

    Raises
    ------
    fairtut.errors.InputError
        If values are masked: what is behind a mask is no value.

    Examples
    --------
    >>> plain([0, 1])
    [0, 1]
    """
    if isinstance(values, np.ma.MaskedArray):
        return unmasked(values)
    if isinstance(values, (list, tuple)):
        kind = _kind("Series")
        return [plain(v) for v in values] if any(isinstance(v, kind) for v in values) else values
    if _is(values, "DataFrame"):
        columns = attributes(values)
        if len({c.dtype for c in columns}) == 1:
            return np.stack(columns, axis=1)
        table = np.empty((len(values), len(columns)), dtype=object)
        for j, column in enumerate(columns):
            table[:, j] = column
        return table
    return _column(values) if _is(values, "Series") else values


def unmasked(values: Any) -> Array:
    """Return a masked array of numpy as a plain one, if nothing of it is masked.

    Raises
    ------
    fairtut.errors.InputError
        If something is.

    Examples
    --------
    >>> unmasked(np.ma.array([0, 1], mask=[False, False])).tolist()
    [0, 1]
    """
    hidden = int(np.ma.getmaskarray(values).sum())
    if hidden:
        raise InputError(f"{hidden} values are masked, so missing: drop or impute those rows first")
    return np.asarray(values.data)


def attributes(values: Any) -> Any:
    """Return the columns of a table of polars (or of a column of records) as a list of arrays.

    Anything else is as in :func:`plain`.  No column changes another one's type.

    Examples
    --------
    >>> attributes([0, 1])
    [0, 1]
    """
    if _is(values, "Series") and hasattr(values.dtype, "fields"):
        values = values.struct.unnest()
    if _is(values, "DataFrame"):
        return [_column(series) for series in values.get_columns()]
    return plain(values)


def numbers(name: str, x: Any) -> Any:
    """Return a table of polars as floating-point numbers (n, k), anything else as it is.

    Raises
    ------
    fairtut.errors.InputError
        If a column holds no numbers, such as words or dates; for a query without rows.

    Examples
    --------
    >>> numbers("x", [[0.5]])
    [[0.5]]
    """
    collected(**{name: x})
    if not _is(x, "DataFrame"):
        return plain(x)
    for column, dtype in x.schema.items():
        if not (dtype.is_numeric() or dtype == _polars().Boolean):
            raise InputError(
                f"{name} has a column {column!r} that holds {dtype}: turn it into numbers, or "
                "leave it out"
            )
    single = all(dtype == _polars().Float32 for dtype in x.schema.values())
    return x.cast(_polars().Float32 if single else _polars().Float64).to_numpy(order="c")


def as_pandas(name: str, table: Any) -> Any:
    """Return a table of polars as a data frame, without pyarrow; anything else as it is.

    Whole numbers and flags stay what they are beside missing values.

    Raises
    ------
    fairtut.errors.InputError
        For a single column and for a query without rows.

    Examples
    --------
    >>> as_pandas("mine", {"a": [1]})
    {'a': [1]}
    """
    collected(**{name: table})
    if _is(table, "Series"):
        raise InputError(f"{name} is one polars Series: pass a DataFrame")
    if not _is(table, "DataFrame"):
        return table
    import pandas as pd

    return pd.DataFrame({series.name: _pandas(series) for series in table.get_columns()})


def _pandas(series: Any) -> pd.Series:
    import pandas as pd

    kind = series.dtype
    long = "128" in str(kind)
    if kind.is_integer() and series.null_count() and not long:
        return pd.Series(series.to_list(), dtype=str(kind))  # Int64, UInt8 and so on
    if kind == _polars().Boolean and series.null_count():
        return pd.Series(series.to_list(), dtype="boolean")
    if kind.is_temporal() and kind != _polars().Time:
        return pd.Series(series.to_numpy())
    if kind.is_float() or (kind.is_integer() and not long) or kind == _polars().Boolean:
        return pd.Series(series.to_numpy())
    return pd.Series(_objects(series), dtype=object)


def _column(series: Any) -> Array:
    """Return a column as an array: numbers and flags as such, anything else as objects."""
    kind = series.dtype
    if "128" in str(kind) and kind.is_integer():
        short = series.cast(_polars().Int64, strict=False)
        series = short if short.null_count() == series.null_count() else series
        kind = series.dtype
    if kind.is_nested() or kind.is_float() or kind == _polars().Null:
        return np.asarray(series.to_numpy())
    if kind == _polars().Boolean or (kind.is_integer() and "128" not in str(kind)):
        return np.asarray(series.to_numpy())  # with gaps: NaN, or None among objects
    return _objects(series)


def _objects(series: Any) -> Array:
    array = np.empty(len(series), dtype=object)
    for row, value in enumerate(series.to_list()):
        array[row] = value
    return array


def _polars() -> Any:
    return sys.modules["polars"]


def _is(values: object, kind: str) -> bool:
    return isinstance(values, _kind(kind))


def _kind(name: str) -> Any:
    """Return a class of polars, or no class at all where nobody has imported it."""
    return getattr(sys.modules.get("polars"), name, ())
