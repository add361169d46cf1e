"""From a delimited file to numbers.

Encoding rules, the same for every loader: numbers stay as they are (scale them with a
:class:`~fairtut.data.table.Standardiser` that saw training rows only); a category with two levels
is one 0/1 column, with more levels one 0/1 column per level; levels come from all rows,
statistics never do.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data import files
from fairtut.errors import CorruptFile, DataError

Strings = NDArray[np.str_]

WIDEST: Final = 1 << 24
"""Letters, of 4 bytes each, that all columns may take up, each as wide as its longest field."""


def read_columns(
    text: str, where: str, names: Sequence[str] | None, delimiter: str = ","
) -> tuple[dict[str, Strings], int]:
    """Read delimited text into columns; ``names`` None takes them from the first line.

    Raises ``CorruptFile`` where a row has too few or too many fields.
    """
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    header = list(names) if names is not None else [c.strip() for c in next(reader, [])]
    rows = []
    for row in _lines(reader, where):
        if not row or row[0].startswith("|"):  # blank line, or the banner of adult.test
            continue
        if len(row) != len(header):
            raise CorruptFile(
                f"{where}, line {reader.line_num}: {len(row)} fields where {len(header)} are due "
                "(cut off?): delete the file and fetch it again"
            )
        rows.append(row)
    _check_width(rows, where)
    columns: dict[str, Strings] = {}
    for position, name in enumerate(header):
        if name not in columns:  # the official COMPAS file repeats two names: the first one counts
            values = [row[position].strip() for row in rows]
            columns[name] = np.array(values, dtype=np.str_)
    return columns, len(rows)


def _lines(reader: Iterator[list[str]], where: str) -> Iterator[list[str]]:
    """Yield the rows of a reader; a field too long for it is one sentence."""
    try:
        yield from reader
    except csv.Error as error:
        raise CorruptFile(f"{where} is no table ({error}): fetch it again") from error


def _check_width(rows: Sequence[Sequence[str]], where: str) -> None:
    """Refuse rows whose columns, as wide as their longest field, would fill the memory."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) * len(rows) > WIDEST:
        raise CorruptFile(
            f"{where} has a field of {max(widths)} letters among its {len(rows)} rows (a quotation "
            "mark that is never closed?): fetch it again"
        )


def load_file(
    located: files.Located, path: str, names: Sequence[str] | None, delimiter: str = ","
) -> dict[str, Strings]:
    """Read one verified file; fewer rows than the official file holds is an error."""
    entry = next(f.file for f in located.files if f.file.path == path)
    where = f"{located.dataset.name}: {path}"
    try:
        text = located.read_bytes(path).decode("utf-8-sig")  # some editors add a mark
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{where} is not UTF-8 text ({error.reason}): fetch it again") from error
    columns, n = read_columns(text, where, names, delimiter)
    if entry.rows is not None and n < entry.rows:
        raise CorruptFile(
            f"{where} holds {n} rows where the official file has {entry.rows} (cut off?): delete "
            "it and fetch it again, or load your own rows with tabular.from_frame"
        )
    return columns


def need(columns: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    """Raise ``DataError`` unless every column is there."""
    for name in names:
        if name not in columns:
            raise DataError(f"{where} has no column {name!r} (found: {', '.join(columns)})")


def as_numbers(values: Strings, what: str) -> NDArray[np.float64]:
    """Read text as numbers, the empty text as NaN."""
    try:
        return np.where(values == "", "nan", values).astype(np.float64)
    except ValueError as error:
        raise DataError(f"{what} holds text where numbers are due ({error})") from error


def _flags(name: str, values: Strings) -> tuple[NDArray[np.float64], list[str]]:
    """One-hot columns (n, levels); a category with two levels becomes one column (n, 1)."""
    levels = np.unique(values)
    kept = levels[1:] if len(levels) == 2 else levels
    return (values[:, None] == kept).astype(np.float64), [f"{name}={level}" for level in kept]


def encode(
    columns: Mapping[str, Strings], numeric: Sequence[str], features: Sequence[str], where: str
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Encode ``features`` in order: inputs (n, d), their names, and the numeric positions."""
    need(columns, features, where)
    blocks: list[NDArray[np.float64]] = []
    names: list[str] = []
    numbers: list[int] = []
    for feature in features:
        if feature in numeric:
            numbers.append(len(names))
            blocks.append(as_numbers(columns[feature], f"{where}, column {feature!r}")[:, None])
            names.append(feature)
        else:
            block, block_names = _flags(feature, columns[feature])
            blocks.append(block)
            names.extend(block_names)
    return np.concatenate(blocks, axis=1), tuple(names), tuple(numbers)


def binary(values: Strings, levels: tuple[str, str], what: str) -> NDArray[np.int8]:
    """Map ``levels`` to 0 and 1; anything else in the file is an error."""
    odd = np.setdiff1d(values, levels)
    if len(odd):
        raise DataError(f"{what} holds {str(odd[0])!r} where {levels[0]!r} or {levels[1]!r} is due")
    return (values == levels[1]).astype(np.int8)


def apply_rules(
    rules: Sequence[tuple[str, NDArray[np.bool_]]],
) -> tuple[NDArray[np.bool_], tuple[tuple[str, int], ...]]:
    """Drop rows rule by rule; each row is counted under the first rule that it breaks."""
    keep = np.ones(len(rules[0][1]), dtype=bool)
    dropped = []
    for reason, broken in rules:
        dropped.append((reason, int((keep & broken).sum())))
        keep &= ~broken
    return keep, tuple(dropped)
