"""Bring your own: a data frame becomes a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.encoding import Strings, encode
from fairtut.data.table import Table, both_sides
from fairtut.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_COARSE: Final = 1e-3
"""Share of a column's spread that rounding to single precision may take."""
_FEW_LEVELS: Final = 20
"""So many levels a column of words may have in a small table."""


def from_frame(
    frame: pd.DataFrame,
    *,
    target: str,
    sensitive: str,
    positive: object = 1,
    group: object = None,
    features: Sequence[str] | None = None,
    favourable: int = 1,
    name: str = "own data",
) -> Table:
    """Turn a data frame of your own into a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person.
    target, sensitive : str
        Columns of the label and of the sensitive attribute.
    positive : object
        The value of ``target`` that becomes y = 1.
    group : object, optional
        The value of ``sensitive`` that becomes s = 1, everything else s = 0.  Needed where the
        column has more than two values; by default the larger of the two.
    features : sequence of str, optional
        Input columns; by default all others.
    favourable : {0, 1}
        The label that is good for the person.
    name : str
        What to call the data in figures and messages.

    Returns
    -------
    Table

    Raises
    ------
    fairtut.errors.InputError
        If a column is missing or holds NaN or infinity, if the sensitive attribute is not binary,
        if there is only one group or one class, if a column of words names every row (an id), or
        if single precision would merge the values of a column.
    """
    chosen = [c for c in frame.columns if c not in (target, sensitive)]
    chosen = list(features) if features is not None else chosen
    for column in (target, sensitive, *chosen):
        _usable(frame, column, name)
    if not chosen:
        raise InputError(f"{name}: no input columns besides {target!r} and {sensitive!r}")
    values = frame[target].to_numpy()
    y = np.array([v == positive for v in values.tolist()], dtype=np.int8)
    seen = _distinct(values)
    if not y.any():
        raise InputError(f"{name}: {target!r} never is {positive!r} (found: {_few(seen)})")
    s, groups = _two_groups(frame[sensitive].to_numpy(), sensitive, group, name)
    x, names, numeric = _encode_frame(frame, chosen, name)
    rest = [str(v) for v in seen if v != positive]
    return both_sides(
        Table(
            x=_single(x, names, numeric, name),
            s=s,
            y=y,
            feature_names=names,
            name=name,
            sensitive=sensitive,
            source=f"{name}: a data frame of {len(frame)} rows",
            groups=groups,
            labels=(rest[0] if len(rest) == 1 else f"not {positive}", str(positive)),
            favourable=favourable,
            numeric=numeric,
        )
    )


def _usable(frame: pd.DataFrame, column: str, name: str) -> None:
    """Raise unless the column exists once and has a value in every row."""
    found = list(frame.columns)
    if column not in found:
        raise InputError(f"{name} has no column {column!r} (found: {_few(found, 20)})")
    if found.count(column) > 1:
        raise InputError(f"{name} has {found.count(column)} columns called {column!r}: rename them")
    missing = int(frame[column].isna().sum())
    if missing:
        raise InputError(
            f"{name}: column {column!r} has no value in {missing} of {len(frame)} rows: drop the "
            "rows or fill them"
        )


def _two_groups(
    values: NDArray[Any], sensitive: str, group: object, name: str
) -> tuple[NDArray[np.int8], tuple[str, str]]:
    seen = _distinct(values)
    if group is None and len(seen) > 2:
        raise InputError(
            f"{name}: sensitive column {sensitive!r} has {len(seen)} groups ({_few(seen)}) and two "
            "are needed: keep two, or pass group=... to compare one with all others"
        )
    one = seen[-1] if group is None else group
    if one not in seen:
        raise InputError(f"{name}: {sensitive!r} never is {group!r} (found: {_few(seen)})")
    rest = [v for v in seen if v != one]
    zero = str(rest[0]) if len(rest) == 1 else f"not {one}"
    return np.array([v == one for v in values.tolist()], dtype=np.int8), (zero, str(one))


def _encode_frame(
    frame: pd.DataFrame, chosen: Sequence[str], name: str
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Encode as the loaders do, with numbers and flags told apart by the column's type."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    columns: dict[str, Strings] = {}
    numeric = []
    for column in chosen:
        series = frame[column]
        if is_numeric_dtype(series.dtype) and not is_bool_dtype(series.dtype):
            numeric.append(column)
            # repr of a float reads back as the same float
            columns[column] = np.array([repr(float(v)) for v in series])
        else:
            columns[column] = np.array([str(v) for v in series], dtype=np.str_)
            _no_id(columns[column], column, name)
    return encode(columns, numeric, chosen, "the data frame")


def _no_id(values: Strings, column: str, name: str) -> None:
    """Refuse a column of words that names each person: every name would be an input of its own."""
    levels, rows = len(np.unique(values)), len(values)
    if levels > max(_FEW_LEVELS, rows / 2) or levels == rows > 2:
        raise InputError(
            f"{name}: column {column!r} has {levels} different texts in {rows} rows (an id? "
            "numbers kept as text?) and would become as many inputs: leave it out with "
            "features=[...], or turn it into numbers"
        )


def _single(
    x: NDArray[np.float64], names: Sequence[str], numeric: Sequence[int], name: str
) -> NDArray[np.float32]:
    """Return inputs in single precision, unless that would change what a column says."""
    with np.errstate(over="ignore"):  # what overflows is named below
        small = x.astype(np.float32)
    for j in numeric:
        column, kept = x[:, j], small[:, j]
        if not np.isfinite(column).all():
            continue  # the table says so
        spread, moved = float(np.std(column)), float(np.abs(kept - column).max())
        whole = np.array_equal(column, np.floor(column))  # such as years, cents, numbers of people
        merged = whole and len(np.unique(kept)) < len(np.unique(column))
        if merged or (spread > 0 and not moved <= _COARSE * spread):
            raise InputError(
                f"{name}: column {names[j]!r} does not fit single precision (values move by up to "
                f"{moved:.3g} at a spread of {spread:.3g}): subtract an offset or rescale it, or "
                "leave it out if it is an id"
            )
    return small


def _distinct(values: NDArray[Any]) -> list[Any]:
    return sorted(dict.fromkeys(values.tolist()), key=lambda v: (str(type(v)), v))


def _few(values: Sequence[object], most: int = 6) -> str:
    shown = ", ".join(str(v) for v in values[:most])
    return shown + (", ..." if len(values) > most else "")
