"""What the label files say, before any image is looked at; splits, subsets and halves of rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.bounded import Bounded
from fairtut.data.images.imageset import SPLITS, ImageSet
from fairtut.data.local import opened
from fairtut.errors import CorruptFile, DataError, InputError, UnknownName
from fairtut.runtime.seeds import numpy_rng

if TYPE_CHECKING:
    import pandas as pd

SPLIT_WORDS: Final = {
    "train": "train", "training": "train", "0": "train",
    "val": "val", "valid": "val", "validation": "val", "1": "val",
    "test": "test", "testing": "test", "2": "test",
}  # fmt: skip
"""How files spell the three splits."""


@dataclass(frozen=True)
class Labels:
    """The rows of a label file.

    Attributes
    ----------
    files : list of str
        Image of each row, as the file writes it.
    attributes : DataFrame, n rows
        Boolean, integer and category columns.
    split : ndarray of str, shape (n,)
        ``"train"``, ``"val"`` or ``"test"``.
    dropped : tuple of (str, int)
        Reason, and number of rows of the file that are not here.
    """

    files: list[str]
    attributes: pd.DataFrame
    split: NDArray[np.str_]
    dropped: tuple[tuple[str, int], ...] = ()

    def take(self, rows: NDArray[np.int64]) -> Labels:
        """Return the given rows."""
        files = [self.files[row] for row in rows]
        return Labels(files, self.attributes.iloc[rows], self.split[rows], self.dropped)


def read_table(path: Path, columns: Sequence[str | int], **options: Any) -> pd.DataFrame:
    """Read a label file with pandas and check that it has the columns.

    Raises
    ------
    fairtut.errors.DataError
        If it is no table, has no rows, lacks a column or has it twice, has rows longer than the
        header, or a line break in a cell: names the file, and the column or the row.
    """
    import pandas as pd

    try:
        with opened(path) as stream:
            frame = pd.read_csv(io.BufferedReader(Bounded(stream, path)), **options)
    except CorruptFile:
        raise
    except (ValueError, UnicodeDecodeError) as error:  # pandas' parsing errors are ValueErrors
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is not a table of labels ({reason})") from error
    # pandas takes what is too many for the index, and every value for the next column's
    if not options.keys() & {"header", "index_col"} and not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"{path}: rows have more fields than the header (a comma at the end?)")
    _one_line(frame, path)
    lacking = [name for name in columns if name not in frame.columns]
    if lacking:
        here = ", ".join(str(name) for name in frame.columns[:8])
        raise DataError(f"{path} has no column {lacking[0]!r}: it needs one (it has {here})")
    twice = [name for name in columns if f"{name}.1" in frame.columns]  # so pandas calls a second
    if twice:
        raise DataError(f"{path} has several columns called {twice[0]!r}: keep one")
    if frame.empty:
        raise DataError(f"{path} holds no rows: it needs one per image")
    return frame


def _one_line(frame: pd.DataFrame, path: Path) -> None:
    """Raise if a cell holds a line break: two stray quotation marks swallow the rows between."""
    whole = frame.reset_index()  # files may be the index
    for name, cells in whole.select_dtypes(exclude=["number", "bool"]).items():
        broken = np.flatnonzero(cells.astype(str).str.contains(r"[\r\n]").to_numpy(dtype=bool))
        if len(broken):
            cell = str(cells.iloc[broken[0]])
            row = broken[0] + 1 - (frame.columns[0] == 0)  # without a header, row 0 is the header
            raise DataError(
                f"{path}: column {name!r} holds a line break in data row {row}, in "
                f"{cell.splitlines()[0]!r} (an unclosed quotation mark?): no cell may hold one"
            )


def as_splits(values: Sequence[Any], path: Path) -> NDArray[np.str_]:
    """Translate a file's words or numbers for the splits; raises ``DataError`` for another."""
    # a column with gaps, or of another program, holds 0.0
    words = [str(value).strip().lower().removesuffix(".0") for value in values]
    odd = next((word for word in words if word not in SPLIT_WORDS), None)
    if odd is not None:
        raise DataError(f"{path}: split {odd!r} is none of {', '.join(SPLIT_WORDS)}")
    return np.array([SPLIT_WORDS[word] for word in words], dtype=np.str_)


def random_split(
    n: int, train: int, val: int, seed: int, groups: Sequence[Any] | None = None
) -> NDArray[np.str_]:
    """Split rows at random.

    Parameters
    ----------
    n, train, val : int
        Rows in all, and in the first two splits; the rest is for testing.
    seed : int
        Draws the order.
    groups : sequence, length n, optional
        Rows of one group stay together; a split then closes with the group that fills it.

    Returns
    -------
    ndarray of str, shape (n,)
    """
    rng = numpy_rng(seed, "image split")
    if groups is None:
        order = rng.permutation(n)
    else:
        _, code = np.unique(np.asarray(groups), return_inverse=True)
        rank = rng.permutation(int(code.max()) + 1)[code]
        order = np.argsort(rank, kind="stable")
    cuts = np.array([train, train + val])
    if groups is not None:
        # a cut inside a group moves to the group's end
        ranked = rank[order]
        cuts = np.searchsorted(ranked, ranked[np.clip(cuts, 1, n) - 1], side="right")
    split = np.full(n, "test", dtype="<U5")
    split[order[: cuts[1]]] = "val"
    split[order[: cuts[0]]] = "train"
    return split


def spread(split: NDArray[np.str_], limit: int, seed: int = 0) -> NDArray[np.int64]:
    """Choose ``limit`` rows at random with each split's share kept; in ascending order.

    A smaller ``limit`` chooses a subset of a larger one's rows.
    """
    place = np.empty(len(split))
    rng = numpy_rng(seed, "image limit")
    for name in SPLITS:
        rows = np.flatnonzero(split == name)
        # the j-th row of a shuffled split of m rows stands at (j + 1/2) / m
        place[rng.permutation(rows)] = (np.arange(len(rows)) + 0.5) / max(len(rows), 1)
    return np.sort(np.argsort(place, kind="stable")[:limit])


def halves(images: ImageSet, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Cut the training rows at random into two halves of equal size.

    Parameters
    ----------
    images : ImageSet
        Any set with training rows.
    seed : int
        The same seed cuts the same set in the same way.

    Returns
    -------
    (ndarray of bool, ndarray of bool), each of shape (n,)
        Disjoint masks for :meth:`ImageSet.select`; of an odd number, one row is in neither.

    Raises
    ------
    fairtut.errors.InputError
        If there are fewer than two training rows.

    Examples
    --------
    Five training rows make two halves of two; the test row is in neither:

    >>> import pandas as pd
    >>> import torch
    >>> from fairtut.data.images import ImageSet, halves
    >>> x, attributes = torch.zeros(6, 3, 8, 8, dtype=torch.uint8), pd.DataFrame({"a": [True] * 6})
    >>> images = ImageSet(x, attributes, ["train"] * 5 + ["test"], "own", "own images", "digest")
    >>> first, second = halves(images, seed=0)
    >>> int(first.sum()), int(second.sum()), bool((first & second).any())
    (2, 2, False)
    >>> bool(first[5] or second[5])
    False
    """
    rows = np.flatnonzero(images.split == "train")
    if len(rows) < 2:
        raise InputError(f"{images.name}: {len(rows)} training rows cannot be halved")
    rows = numpy_rng(seed, "image halves").permutation(rows)
    half = len(rows) // 2
    masks = np.zeros((2, len(images)), dtype=bool)
    masks[0, rows[:half]] = True
    masks[1, rows[half : 2 * half]] = True
    return masks[0], masks[1]


def without_gaps(values: pd.Series, path: Path) -> pd.Series:
    """Return the column; raises ``DataError`` that names it and the row if a value is missing."""
    gaps = np.flatnonzero(values.isna().to_numpy())
    if len(gaps):
        raise DataError(
            f"{path}: column {values.name!r} is empty in data row {gaps[0] + 1}: fill it or drop "
            "the row"
        )
    return values


def as_binary(values: pd.Series) -> NDArray[np.bool_] | None:
    """Return a column written as 0/1, -1/1, true/false or yes/no as booleans, else None."""
    words = values.astype(str).str.strip().str.lower().str.removesuffix(".0").to_numpy(dtype=str)
    seen = set(np.unique(words).tolist())
    for no, yes in (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes")):
        if seen <= {no, yes}:
            return np.asarray(words == yes)
    return None


def known_option(kind: str, value: Any, known: Sequence[Any]) -> None:
    """Raise ``UnknownName`` unless ``value`` is one of ``known``."""
    if value not in known:
        raise UnknownName.of(kind, value, [str(name) for name in known])
