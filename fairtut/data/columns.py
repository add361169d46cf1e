"""What the columns of somebody's own table say, and what of it cannot be read in one way only."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Number, Rational
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fairtut.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

GAPS: Final = frozenset(
    {"", "nan", "na", "n/a", "#n/a", "none", "null", "nil", "<na>", "nat", "?", "-"}
)
"""Words, as :func:`alike` returns them, that stand where a value is missing."""
_WHOLE: Final = re.compile(r"([+-]?)0*(\d+)(?:\.0*)?", re.ASCII)
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d"
_NO_REAL: Final = (complex, np.complexfloating, np.timedelta64)
"""What Python counts among the numbers, too."""
_LONG: Final = 20
"""No word for a missing value has so many letters."""
_FEW_LEVELS: Final = 20
"""So many levels a column of words may have in a small table."""


def as_frame(table: Any, name: str) -> pd.DataFrame:
    """Return a data frame, also from another library's that has ``to_pandas``.

    Examples
    --------
    >>> import pandas as pd
    >>> as_frame(pd.DataFrame({"a": [1]}), "mine").shape
    (1, 1)
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "to_pandas"):
        return pd.DataFrame(table.to_pandas())
    raise InputError(
        f"{name}: a {type(table).__name__} is no data frame: read it first, as in "
        "pandas.read_csv(path)"
    )


def named_once(frame: pd.DataFrame, columns: Sequence[object], name: str) -> None:
    """Raise ``InputError`` unless the frame has each column once.

    Examples
    --------
    >>> import pandas as pd
    >>> named_once(pd.DataFrame({"age": [1]}), ["agee"], "mine")
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: mine has no column 'agee' (found: age)
    """
    found = list(frame.columns)
    for column in columns:
        if column not in found:
            raise InputError(f"{name} has no column {column!r} (found: {few(found, 20)})")
        if found.count(column) > 1:
            raise InputError(
                f"{name} has {found.count(column)} columns called {column!r}: rename them"
            )


def missing(frame: pd.DataFrame, columns: Sequence[object]) -> dict[object, np.ndarray]:
    """Return, for each column that has any, which rows have no value, as booleans of shape (n,).

    A word that says so (:data:`GAPS`) is no value, in whatever capitals.

    Examples
    --------
    >>> import pandas as pd
    >>> missing(pd.DataFrame({"a": [1, None], "b": [1, 2]}), ["a", "b"])["a"].tolist()
    [False, True]
    >>> missing(pd.DataFrame({"a": ["x", "N/A"]}), ["a"])["a"].tolist()
    [False, True]
    """
    gaps = {
        column: frame[column].isna().to_numpy(dtype=bool) | _gap_words(frame[column])
        for column in columns
    }
    return {column: rows for column, rows in gaps.items() if rows.any()}


def _gap_words(series: pd.Series) -> np.ndarray:
    """Return which entries are words for "no value", such as "N/A", shape (n,)."""
    values = series.tolist()
    said = {v for v in values if isinstance(v, str) and len(v) < _LONG and alike(v) in GAPS}
    return np.array([isinstance(v, str) and v in said for v in values], dtype=bool)


def missing_told(gaps: dict[object, np.ndarray], name: str, n: int) -> InputError:
    """Return one sentence on all gaps, and what to do.

    Examples
    --------
    >>> str(missing_told({"a": np.array([False, True])}, "mine", 2)).split(":")[1].strip()
    "column 'a' has no value in 1 of 2 rows (1 rows in all)"
    """
    told = ", ".join(f"column {column!r} has no value in {r.sum()}" for column, r in gaps.items())
    rows = int(np.any(list(gaps.values()), axis=0).sum())
    return InputError(
        f"{name}: {told} of {n} rows ({rows} rows in all): drop them with missing='drop', or fill "
        "them first, as in frame.fillna({column: value}) with values of the training rows; a word "
        "such as 'None', 'N/A', '?' or '-' counts as no value: to keep it as one, rename it, as in "
        "frame.replace({column: {'None': 'nobody'}})"
    )


def numbers(series: pd.Series, name: str) -> list[float] | None:
    """Return a column of numbers in double precision, None for flags and words.

    Numbers among objects (``Decimal``, or whole numbers beside others) are numbers too.

    Raises
    ------
    fairtut.errors.InputError
        If the column holds dates or complex numbers, or whole numbers that double precision would
        merge.

    Examples
    --------
    >>> import pandas as pd
    >>> numbers(pd.Series([1000000001, 1000000002], name="a"), "mine")
    [1000000001.0, 1000000002.0]
    >>> numbers(pd.Series(["x", "y"], name="a"), "mine") is None
    True
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    kind = getattr(series.dtype, "kind", "O")
    if kind in "cmM" or type(series.dtype).__name__ == "PeriodDtype":
        raise InputError(
            f"{name}: column {series.name!r} holds {series.dtype}: turn it into numbers, such as "
            "days since a date, or leave it out"
        )
    values = series.tolist()
    flags = is_bool_dtype(series.dtype) or any(isinstance(v, (bool, np.bool_)) for v in values)
    plain = is_numeric_dtype(series.dtype) or (
        kind == "O"
        and series.dtype == object
        and all(isinstance(v, Number) and not isinstance(v, _NO_REAL) for v in values)
    )
    if flags or not plain:
        return None
    read = [float(v) for v in values]
    exact = (Rational, Decimal)  # what double precision may have rounded
    pairs: list[tuple[Any, float]] = [
        (v, f) for v, f in zip(values, read, strict=True) if isinstance(v, exact)
    ]
    lost = next((v for v, f in pairs if math.isfinite(f) and v == int(v) != int(f)), None)
    if lost is not None:
        raise InputError(
            f"{name}: column {series.name!r} holds {lost}, a whole number of more than 53 bits, "
            "which no input can hold: leave it out if it is an id, or subtract an offset"
        )
    return read


def alike(value: object) -> str:
    """Return one text for all values that look the same, or say the same whole number.

    Capitals, blanks, quotation marks around it, invisible letters, and the ways in which Unicode
    writes one letter or one dash make no other value.

    Examples
    --------
    >>> alike("Fema\u200ble"), alike(' "01.0" '), alike(1.0)
    ('female', '1', '1')
    """
    if isinstance(value, (float, Decimal)) and math.isfinite(value) and value == int(value):
        return str(int(value))
    text = " ".join(unicodedata.normalize("NFKC", str(value)).split())
    kinds = [(letter, unicodedata.category(letter)) for letter in text]
    text = "".join(
        "-" if kind == "Pd" or letter == "\N{MINUS SIGN}" else letter
        for letter, kind in kinds
        if kind not in ("Cf", "Cc")
    )
    text = " ".join(text.split())
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip()
    whole = _WHOLE.fullmatch(text)
    if whole:
        return ("-" if whole[1] == "-" and whole[2] != "0" else "") + whole[2]
    return unicodedata.normalize("NFKC", text.casefold())


def spelled_once(
    values: Iterable[Any], column: object, name: str, gaps: frozenset[str] = GAPS
) -> None:
    """Raise ``InputError`` where two values of a column look like two spellings of one.

    So do texts that are :func:`alike`, and values of two types with the same text (1 and "1").  A
    word that a missing value becomes ("nan") is refused, too.

    Examples
    --------
    >>> spelled_once(["Male", "male"], "sex", "mine")
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: mine: column 'sex' holds both 'Male' and 'male': spell one value \
    in one way, as in frame[column].astype(str).str.strip().str.lower()
    """
    seen: dict[str, Any] = {}
    for _, value in dict.fromkeys((type(v), v) for v in values):  # True is not 1 here
        key = alike(value)
        if key in gaps:
            raise InputError(
                f"{name}: column {column!r} holds {value!r}, which looks like a missing value that "
                "became a word: make it None to have it counted as missing, or give it a name"
            )
        other = seen.setdefault(key, value)
        if other != value:
            raise InputError(
                f"{name}: column {column!r} holds both {other!a} and {value!a}: spell one value "
                "in one way, as in frame[column].astype(str).str.strip().str.lower()"
            )


def no_id(texts: np.ndarray, column: object, name: str) -> None:
    """Refuse a column of words that names each person: every name would be an input of its own.

    Examples
    --------
    >>> no_id(np.array(["red", "blue", "red"]), "colour", "mine")
    >>> no_id(np.array(["Ada", "Ben", "Cem"]), "name", "mine")
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: mine: column 'name' has 3 different texts in 3 rows (an id? \
    numbers kept as text?) and would become as many inputs: leave it out with features=[...], \
    or turn it into numbers
    """
    levels, rows = len(np.unique(texts)), len(texts)
    if levels > max(_FEW_LEVELS, rows / 2) or levels == rows > 2:
        raise InputError(
            f"{name}: column {column!r} has {levels} different texts in {rows} rows (an id? "
            "numbers kept as text?) and would become as many inputs: leave it out with "
            "features=[...], or turn it into numbers"
        )


def few(values: Sequence[object], most: int = 6) -> str:
    """Return the first of some values in words.

    Examples
    --------
    >>> few([3, 1, 2], most=2)
    '3, 1, ...'
    """
    shown = ", ".join(str(v) for v in values[:most])
    return shown + (", ..." if len(values) > most else "")
