"""A label table of somebody's own: its header, a split by another name, what its columns say."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fairtut.data.columns import GAPS, spelled_once
from fairtut.data.images.labels import SPLIT_WORDS, as_binary, read_table
from fairtut.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_SPLIT_NAMES: Final = ("partition", "set", "subset", "fold", "phase", "usage")
"""What a column of splits is called, too."""
_FLAG_NAMES: Final = frozenset(
    {"train", "training", "istrain", "istraining", "test", "testing", "istest", "holdout",
     "isval", "isvalid", "validation"}
)  # fmt: skip
"""What a column that says yes or no to one split is called."""
_WORDS: Final = {word for word in SPLIT_WORDS if not word.isdigit()} | {
    "dev", "eval", "holdout", "publictest", "privatetest",
}  # fmt: skip
"""Words for splits, those included that :func:`as_splits` does not know."""
_NUMBER: Final = r"[+-]?((0|[1-9]\d{0,14})(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
"""Numbers, but not codes such as 007, and no more digits than double precision keeps."""


def read_own(table: Path, file: str, split: str | None) -> pd.DataFrame:
    """Read a table as text, with its columns named as the caller calls them and gaps as NaN."""
    # gaps are told below: pandas knows "NA", but not "na", "NA " or "?"
    plain = {"header": None, "dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
    frame = read_table(table, (), skipinitialspace=True, **plain)
    known = {name.strip().lower(): name for name in (split, file) if name is not None}
    header = [str(name).strip() for name in frame.iloc[0]]
    header = [known.get(name.lower(), name) for name in header]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{table} has several columns called {twice!r}: keep one")
    if file not in header:
        here = ", ".join(header[:8])
        raise DataError(
            f"{table} has no column {file!r}: it needs one, between commas (it has {here}); or "
            "pass its name as file=..."
        )
    if len(frame) < 2:
        raise DataError(f"{table} holds no rows: it needs one per image")
    body = frame.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)
    return body.apply(told)


def told(values: pd.Series) -> pd.Series:
    """Return a column of texts without blanks around them, and NaN where they say nothing."""
    texts = values.astype(object).str.strip()  # no-break spaces, too
    return texts.mask(texts.str.lower().isin(GAPS)).astype(values.dtype)


def no_split(values: pd.Series, split: str, path: Path) -> None:
    """Raise if a column is a split under another name: a random one would mix what it parts."""
    said, name = _said(values), str(values.name)
    if not said or not _splits(said, name, split):
        return
    if said <= set(SPLIT_WORDS) and not _flag(said, name):
        raise DataError(
            f"{path} has no column {split!r}, but {name!r} holds splits: pass split={name!r}, or "
            "split=None for a random split"
        )
    raise DataError(
        f"{path} has no column {split!r}, but {name!r} may be one (it holds "
        f"{', '.join(sorted(said)[:4])}): is this the split? then call it {split!r} and write "
        "train, val and test; if not, rename it, or pass split=None for a random split"
    )


def no_flag(values: pd.Series, path: Path) -> None:
    """Raise if a column that is to be the split says yes or no to one: 0 would become train."""
    said = _said(values)
    if said and _flag(said, str(values.name)):
        raise DataError(
            f"{path}: column {values.name!r} says yes or no, not which split: write train, val or "
            "test"
        )


def _said(values: pd.Series) -> set[str]:
    """Return the different texts of a column, in small letters and without the 0 of 1.0."""
    return set(values.dropna().str.lower().str.removesuffix(".0"))


def _parts(name: str) -> set[str]:
    """Return the words of a column's name: is_train, is-train and isTrain have two."""
    return set(re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))


def _flag(said: set[str], name: str) -> bool:
    """Tell whether a column says yes or no to a split that its name names."""
    pairs = ({"0", "1"}, {"-1", "1"}, {"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"})
    return bool(_parts(name) & _FLAG_NAMES) and any(said <= pair for pair in pairs)


def _splits(said: set[str], name: str, split: str) -> bool:
    """Tell whether a column's name and texts look like a split."""
    if len(said & _WORDS) > 1 or said & {"train", "training"} or _flag(said, name):
        return True
    low = name.lower()
    alike = get_close_matches(low, (split.lower(), *_SPLIT_NAMES), 1, 0.75)
    named = _parts(name) & {split.lower(), *_SPLIT_NAMES} or "split" in low or "partition" in low
    return bool(alike or named) and said <= _WORDS | set(SPLIT_WORDS)


def column(values: pd.Series, path: Path) -> Any:
    """Booleans where the column says yes or no in some way, numbers, else categories.

    A column with gaps stays, with NaN in them: nobody may need it, and whoever does is told.
    """
    import pandas as pd

    said = values.dropna()
    flags = as_binary(said)
    if flags is not None:
        if len(said) == len(values):
            return flags
        return pd.Series(flags.astype(float), index=said.index).reindex(values.index)
    if said.str.fullmatch(_NUMBER).all():
        read = pd.to_numeric(said)
        if np.isfinite(read).all() and not _merged(said, read):
            return read.reindex(values.index)
    spelled_once(said.tolist(), values.name, str(path), frozenset())
    return values.astype("category")


def _merged(texts: pd.Series, read: pd.Series) -> bool:
    """Tell whether texts with an exponent share their number with others: codes, such as 1E2."""
    low = texts.str.lower()
    powers = read[low.str.contains("e")]
    return bool((low[read.isin(powers)].groupby(read).nunique() > 1).any())
