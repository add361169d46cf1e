"""One image is in one split and says one thing, whatever it is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairtut.data.images.labels import Labels
from fairtut.data.images.sources import Entry, Source
from fairtut.errors import DataError


def said_once(source: Source, found: Sequence[Entry | None], labels: Labels, name: str) -> None:
    """Raise if one image is in two splits, or has two labels: a test would be no test.

    Parameters
    ----------
    source : Source
        Knows which entries are one image under two names.
    found : sequence of Entry or None, length n
        The image of each row, None where it is not there.
    labels : Labels, n rows
        What the rows say.
    name : str
        Of the set, for messages.

    Raises
    ------
    fairtut.errors.DataError
        Names the image, and the splits or the column.
    """
    known = [(row, entry) for row, entry in enumerate(found) if entry is not None]
    first: dict[object, int] = {}
    firsts = np.array([first.setdefault(source.identity(e), row) for row, e in known], dtype=int)
    rows = np.array([row for row, _ in known], dtype=int)
    again = firsts != rows
    if not again.any():
        return
    apart = np.flatnonzero(labels.split[rows] != labels.split[firsts])
    if len(apart):
        one, other = firsts[apart[0]], rows[apart[0]]
        raise DataError(
            f"{name}: {_called(found, one, other)} is in the splits {str(labels.split[one])!r} and "
            f"{str(labels.split[other])!r}: keep it in one"
        )
    _one_label(found, labels, firsts[again], rows[again], name)


def _one_label(
    found: Sequence[Entry | None],
    labels: Labels,
    firsts: NDArray[np.int_],
    rows: NDArray[np.int_],
    name: str,
) -> None:
    """Raise if a row and an earlier one of the same image have two values in a column."""
    for column in labels.attributes.columns:
        values = labels.attributes[column]
        one, other = (values.iloc[some].to_numpy(dtype=object) for some in (firsts, rows))
        there = values.notna().to_numpy()
        apart = np.flatnonzero((one != other) & there[firsts] & there[rows])
        if len(apart):
            at = apart[0]
            raise DataError(
                f"{name}: {_called(found, firsts[at], rows[at])} has both {str(one[at])!r} and "
                f"{str(other[at])!r} as {column!r}: keep one row of each image"
            )


def _called(found: Sequence[Entry | None], one: int, other: int) -> str:
    """Return the path of an image, or both if it has two."""
    paths = [entry.path for entry in (found[one], found[other]) if entry is not None]
    return " or ".join(dict.fromkeys(paths))
