"""Bring your own: a data frame becomes a table."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.columns import (
    as_frame,
    few,
    missing_told,
    named_once,
    no_id,
    numbers,
    spelled_once,
)
from fairtut.data.columns import missing as gaps_of
from fairtut.data.encoding import Strings, encode
from fairtut.data.given import merged
from fairtut.data.table import Table, both_sides
from fairtut.errors import InputError, UnknownName
from fairtut.foreign import as_pandas

if TYPE_CHECKING:
    import pandas as pd

_COARSE: Final = 1e-3
"""Share of a column's spread that rounding to single precision may take."""


def from_frame(
    frame: pd.DataFrame,
    *,
    target: str,
    sensitive: str,
    positive: object = None,
    group: object = None,
    features: Sequence[str] | None = None,
    favourable: int = 1,
    missing: str = "refuse",
    name: str = "own data",
) -> Table:
    """Turn a data frame of your own into a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person; or one of polars, or another library's that has ``to_pandas``.
    target, sensitive : str
        Columns of the label and of the sensitive attribute.
    positive : object, optional
        The value of ``target`` that becomes y = 1.  It may be left out where the column holds 0
        and 1, -1 and 1, or booleans.
    group : object, optional
        The value of ``sensitive`` that becomes s = 1, everything else s = 0.  Needed where the
        column has more than two values; by default the larger of the two.
    features : sequence of str, optional
        Input columns; by default all others.  Numbers stay numbers, words and flags become 0/1
        columns.
    favourable : {0, 1}
        The label that is good for the person.
    missing : {"refuse", "drop"}
        Whether rows without a value are an error, or are dropped and counted.  Nothing is filled
        here: what to fill with is learned from training rows only.
    name : str
        What to call the data in figures and messages.

    Returns
    -------
    Table
        Its ``ids`` are the frame's index, by which predictions are joined back, so it names every
        row once; polars has none, and they are the numbers of the rows.

    Raises
    ------
    fairtut.errors.InputError
        If a column is missing or holds NaN or infinity, if one value is spelled in two ways, if
        a row repeats the header or the index names two rows alike, if the sensitive attribute is
        not binary, if there is only one group or one class, if the target is among the inputs, if a
        column of words names every row (an id) or one holds
        dates, or if single precision would merge the values of a column.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"age": [20, 30, 40, 50], "sex": list("fmfm"), "hired": ["no", "yes", "yes", "no"]},
    ...     index=["Ada", "Ben", "Cem", "Dov"],
    ... )
    >>> table = from_frame(people, target="hired", sensitive="sex", positive="yes")
    >>> table.y.tolist(), table.groups, table.ids.tolist()
    ([0, 1, 1, 0], ('f', 'm'), ['Ada', 'Ben', 'Cem', 'Dov'])
    """
    frame = as_frame(as_pandas(name, frame), name)
    chosen = _chosen(frame, target, sensitive, features, name)
    _no_header(frame, [target, sensitive, *chosen], name)
    frame, dropped = _complete(frame, [target, sensitive, *chosen], missing, name)
    _joined_by(frame, name)
    y, labels = _two_labels(frame[target].to_numpy(), target, positive, name)
    s, groups = _two_groups(frame[sensitive].to_numpy(), sensitive, group, name)
    x, names, numeric = _encode_frame(frame, chosen, name)
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
            labels=labels,
            favourable=favourable,
            numeric=numeric,
            rows_dropped=dropped,
            ids=frame.index.to_numpy(),
        )
    )


def _chosen(
    frame: pd.DataFrame,
    target: str,
    sensitive: str,
    features: Sequence[str] | None,
    name: str,
) -> list[str]:
    """Return the input columns, each of which is there once and is not the target."""
    if isinstance(features, str):
        raise InputError(f"{name}: features={features!r} is one text: give a list, [{features!r}]")
    if target == sensitive:
        raise InputError(f"{name}: {target!r} is both target and sensitive: name two columns")
    others = [c for c in frame.columns if c not in (target, sensitive)]
    chosen = list(features) if features is not None else list(dict.fromkeys(others))
    named_once(frame, (target, sensitive, *chosen), name)
    if target in chosen:
        raise InputError(f"{name}: the target {target!r} is among the features: leave it out")
    if len({str(column) for column in chosen}) < len(chosen):
        raise InputError(f"{name}: features name a column twice ({few(chosen, 20)}): name it once")
    if not chosen:
        raise InputError(f"{name}: no input columns besides {target!r} and {sensitive!r}")
    return chosen


def _no_header(frame: pd.DataFrame, columns: Sequence[Any], name: str) -> None:
    """Refuse a row that repeats the names of its columns, as where two files were joined."""
    same = [frame[c].map(lambda v, c=c: isinstance(v, str) and v.strip() == c) for c in columns]
    rows = np.flatnonzero(np.all([column.to_numpy(dtype=bool) for column in same], axis=0))
    if len(rows):
        raise InputError(
            f"{name}: row {rows[0]} (index {frame.index.tolist()[rows[0]]!r}) repeats the header "
            f"({few(columns)}): drop it, and turn the columns into numbers again"
        )


def _joined_by(frame: pd.DataFrame, name: str) -> None:
    """Refuse an index that names two rows: nothing could be joined back by it."""
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()].tolist()[0]
        raise InputError(
            f"{name}: the index holds {twice!r} more than once, and predictions are joined back by "
            "it: number the rows with frame.reset_index(drop=True)"
        )


def _complete(
    frame: pd.DataFrame, columns: Sequence[str], missing: str, name: str
) -> tuple[pd.DataFrame, tuple[tuple[str, int], ...]]:
    """Return the rows with a value in every column, and how many had none."""
    if missing not in ("refuse", "drop"):
        raise UnknownName.of("way with missing values", missing, ("refuse", "drop"))
    gaps = gaps_of(frame, columns)
    if not gaps:
        return frame, ()
    if missing == "refuse":
        raise missing_told(gaps, name, len(frame))
    lacking = np.any(list(gaps.values()), axis=0)
    return frame[~lacking], (("no value in a column that is used", int(lacking.sum())),)


def _two_labels(
    values: NDArray[Any], target: str, positive: object, name: str
) -> tuple[NDArray[np.int8], tuple[str, str]]:
    """Return 1 where the label is the positive one, and what 0 and 1 mean."""
    spelled_once(values.tolist(), target, name)
    seen = _distinct(values)
    if positive is None:
        if not set(seen) <= {0, 1} and not set(seen) <= {-1, 1}:
            raise InputError(
                f"{name}: {target!r} holds {few(seen)}: say which one is y = 1, as in "
                f"positive={seen[-1]!r}"
            )
        positive = 1
    if positive not in seen:
        raise InputError(f"{name}: {target!r} never is {positive!r} (found: {few(seen)})")
    return _one_of(values, seen, positive)


def _one_of(
    values: NDArray[Any], seen: Sequence[Any], one: object
) -> tuple[NDArray[np.int8], tuple[str, str]]:
    """Return 1 where a value is the one, and the names of the rest and the one."""
    said = next(v for v in seen if v == one)  # True was asked for as 1
    rest = [v for v in seen if v != one]
    zero = str(rest[0]) if len(rest) == 1 else f"not {said}"
    return np.array([v == one for v in values.tolist()], dtype=np.int8), (zero, str(said))


def _two_groups(
    values: NDArray[Any], sensitive: str, group: object, name: str
) -> tuple[NDArray[np.int8], tuple[str, str]]:
    spelled_once(values.tolist(), sensitive, name)
    seen = _distinct(values)
    if group is None and len(seen) > 2:
        raise InputError(
            f"{name}: sensitive column {sensitive!r} has {len(seen)} groups ({few(seen)}) and two "
            "are needed: keep two, or pass group=... to compare one with all others"
        )
    one = seen[-1] if group is None else group
    if one not in seen:
        raise InputError(f"{name}: {sensitive!r} never is {group!r} (found: {few(seen)})")
    return _one_of(values, seen, one)


def _encode_frame(
    frame: pd.DataFrame, chosen: Sequence[str], name: str
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Encode as the loaders do, with numbers and flags told apart by the column's type."""
    columns: dict[str, Strings] = {}
    numeric = []
    for column in chosen:
        series, key = frame[column], str(column)
        read = numbers(series, name)
        if read is not None:
            numeric.append(key)
            # repr of a float reads back as the same float
            columns[key] = np.array([repr(v) for v in read])
        else:
            _no_dates(series, name)
            columns[key] = np.array([str(v) for v in series], dtype=np.str_)
            no_id(columns[key], column, name)
            _spelled(series, name)
    return encode(columns, numeric, [str(c) for c in chosen], "the data frame")


def _no_dates(series: pd.Series, name: str) -> None:
    """Refuse dates, times and complex numbers that stand in a column of objects."""
    kinds = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
    for what, odd in (
        ("dates or times", [v for v in series if type(v).__name__ == "Period"]),
        ("dates or times", [v for v in series if isinstance(v, kinds)]),
        ("complex numbers", [v for v in series if isinstance(v, complex | np.complexfloating)]),
    ):
        if odd:
            raise InputError(
                f"{name}: column {series.name!r} holds {what}: turn it into numbers, such as days "
                "since a date, or leave it out"
            )


def _spelled(series: pd.Series, name: str) -> None:
    """As :func:`spelled_once`; refuses lists and the like."""
    try:
        spelled_once(series.tolist(), series.name, name)
    except TypeError:
        raise InputError(
            f"{name}: column {series.name!r} holds {type(series.iloc[0]).__name__}s, no single "
            "values: make a column of each, or leave it out"
        ) from None


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
        with np.errstate(over="ignore"):  # what is too far apart for a spread moves, too
            spread, moved = float(np.std(column)), float(np.abs(kept - column).max())
        # the spread of tiny numbers is zero, although they differ
        lost = np.any(column != column[0]) and not moved <= _COARSE * spread
        if lost or merged(column, kept):
            raise InputError(
                f"{name}: column {names[j]!r} does not fit single precision (values move by up to "
                f"{moved:.3g} at a spread of {spread:.3g}): subtract an offset or rescale it, or "
                "leave it out if it is an id"
            )
    return small


def _distinct(values: NDArray[Any]) -> list[Any]:
    return sorted(dict.fromkeys(values.tolist()), key=lambda v: (str(type(v)), v))
