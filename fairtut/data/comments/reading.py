"""A CSV file of comments as a frame, unless its rows cannot be told apart.

A comma or a quotation mark too many moves values into other columns, or whole rows into one text,
and pandas reads on: such files are refused here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fairtut.data.bounded import COMMENTS, Bounded
from fairtut.data.local import opened
from fairtut.errors import CorruptFile, DataError, MissingData

if TYPE_CHECKING:
    import pandas as pd

# as a file of shares writes it: without blanks, and empty where nobody was asked
_NUMBER: Final = re.compile(r"[-+]?\d*\.?\d*(?:[eE][-+]?\d+)?")


def read(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    r"""Return the rows of a file, and its header as it stands there.

    Parameters
    ----------
    path : pathlib.Path
        May be compressed, as :func:`fairtut.data.local.opened` says.

    Raises
    ------
    fairtut.errors.MissingData
        If there is no such file.
    fairtut.errors.DataError
        If it is no CSV, or its rows have more fields than its header.

    Examples
    --------
    >>> import tempfile
    >>> from fairtut.data.comments.reading import read
    >>> with tempfile.TemporaryDirectory() as here:
    ...     file = Path(here, "own.csv")
    ...     size = file.write_text("comment_text,target,target\nNA,0.5,0.1\n")
    ...     frame, header = read(file)
    >>> frame["comment_text"].tolist(), header
    (['NA'], ('comment_text', 'target', 'target'))
    """
    import pandas as pd

    if not path.is_file():
        raise MissingData(f"{path} is not a file: name a CSV file of comments")
    try:
        header, first = _two_records(path)
        if len(first) > len(header):  # pandas would take the first fields for the rows' names
            raise DataError(
                f"{path}: rows have more fields than the header (a comma at the end?): remove "
                "what is too many, or name the column in the header"
            )
        # "None", "null" and "NA" are words here, only the empty field is missing
        with opened(path) as stream:
            bounded = io.BufferedReader(Bounded(stream, path, COMMENTS))
            return pd.read_csv(bounded, keep_default_na=False, na_values=[""]), header
    except DataError:
        raise
    except (ValueError, EOFError, OSError, csv.Error) as error:
        what = " ".join(str(error).split())[:120]
        raise CorruptFile(f"{path} cannot be read as CSV ({what}): fetch it again") from error


def _two_records(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of the header and of the first row, blank lines left out."""
    with opened(path) as stream:
        bounded = io.BufferedReader(Bounded(stream, path, COMMENTS))
        lines = io.TextIOWrapper(bounded, "utf-8-sig", newline="")
        filled = (tuple(row) for row in csv.reader(lines) if len(row) > 1 or "".join(row).strip())
        header = next(filled, ())
        return header, next(filled, ())


def whole_rows(frame: pd.DataFrame, shares: Sequence[str], where: str) -> None:
    r"""Raise where a text holds the end of one row and the beginning of another.

    Comments may hold line breaks, commas and numbers; what only a swallowed row holds is a line
    break, as many commas as a row has, and between them as many bare numbers as it has shares.

    Parameters
    ----------
    frame : pandas.DataFrame
    shares : sequence of str
        Columns that hold numbers, or nothing.
    where : str
        What messages call the file.

    Raises
    ------
    fairtut.errors.DataError
        Names the row.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtut.data.comments.reading import whole_rows
    >>> whole_rows(pd.DataFrame({"text": ["one, two,\nthree"], "y": [1.0]}), ["y"], "own.csv")
    >>> whole_rows(pd.DataFrame({"text": ["one,0.5\ntwo"], "y": [1.0]}), ["y"], "own.csv")
    Traceback (most recent call last):
        ...
    fairtut.errors.DataError: own.csv, row 1: 'text' holds a line break and the fields of another
    row (an unclosed quotation mark?): close it, or double it within a text
    """
    commas, numbers = len(frame.columns) - 1, len(set(shares))
    for column in (c for c in frame.columns if frame[c].dtype.kind not in "biuf"):
        texts = frame[column].tolist()
        for row, text in enumerate(texts):
            if isinstance(text, str) and _swallows(text, commas, numbers):
                raise DataError(
                    f"{where}, row {row + 1}: {column!r} holds a line break and the fields of "
                    "another row (an unclosed quotation mark?): close it, or double it within a "
                    "text"
                )


def _swallows(text: str, commas: int, numbers: int) -> bool:
    if ("\n" not in text and "\r" not in text) or text.count(",") < commas:
        return False
    fields = re.split(r"[,\r\n]", text.replace("\r\n", "\n"))
    bare = [field for field in fields if _NUMBER.fullmatch(field)]
    return len(bare) >= numbers and any(bare)


def named_once(header: Sequence[str], names: Iterable[str], where: str) -> None:
    """Raise if a column that is used stands twice: pandas would take the first in silence.

    Examples
    --------
    >>> from fairtut.data.comments.reading import named_once
    >>> named_once(("text", "target", "target"), ["text"], "own.csv")
    >>> named_once(("text", "target", "target"), ["target"], "own.csv")
    Traceback (most recent call last):
        ...
    fairtut.errors.DataError: own.csv has 2 columns called 'target': rename or drop one
    """
    for name in names:
        if header.count(name) > 1:
            raise DataError(
                f"{where} has {header.count(name)} columns called {name!r}: rename or drop one"
            )
