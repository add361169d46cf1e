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
from fairtut.data.columns import GAPS, alike
from fairtut.errors import CorruptFile, DataError

Strings = NDArray[np.str_]

WIDEST: Final = 1 << 24
"""Letters, of 4 bytes each, that all columns may take up, each as wide as its longest field."""


def read_columns(
    text: str,
    where: str,
    names: Sequence[str] | None,
    delimiter: str = ",",
    *,
    verified: bool = False,
) -> tuple[dict[str, Strings], int]:
    r"""Read delimited text into columns.

    Blank lines and lines that begin with ``|`` are left out; spaces around a field go.

    Parameters
    ----------
    text : str
        The content of a file.
    where : str
        What messages call the file.
    names : sequence of str or None
        Names of the columns; None takes them from the first line.
    delimiter : str
        What stands between two fields.
    verified : bool
        Whether these are the official bytes: of their columns of one name the first counts.  In
        another file such columns must agree.

    Returns
    -------
    columns : dict of str to ndarray of str, shape (n,)
    n : int
        Rows.

    Raises
    ------
    fairtut.errors.CorruptFile
        If a row has too few or too many fields, or a field holds a line break or is too long for
        a table.
    fairtut.errors.DataError
        If two columns of one name differ.

    Examples
    --------
    >>> from fairtut.data.encoding import read_columns
    >>> columns, n = read_columns("age, sex\n30, f\n41, m\n", "own.csv", None)
    >>> n, columns["age"].tolist(), columns["sex"].tolist()
    (2, ['30', '41'], ['f', 'm'])
    >>> read_columns("30, f\n41\n", "own.csv", ["age", "sex"])
    Traceback (most recent call last):
        ...
    fairtut.errors.CorruptFile: own.csv, line 2: 1 fields where 2 are due (cut off?): delete the
    file and fetch it again
    """
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    header = list(names) if names is not None else [c.strip() for c in next(reader, [])]
    rows: list[list[str]] = []
    for row in _lines(reader, where):
        if not row or row[0].startswith("|"):  # blank line, or the banner of adult.test
            continue
        if len(row) != len(header):
            raise CorruptFile(
                f"{where}, line {reader.line_num}: {len(row)} fields where {len(header)} are due "
                "(cut off?): delete the file and fetch it again"
            )
        if any("\n" in field or "\r" in field for field in row):
            raise CorruptFile(
                f"{where}, row {len(rows) + 1} (up to line {reader.line_num}): a field holds a "
                "line break, and with it other rows (an unclosed quotation mark?): fetch it again"
            )
        rows.append(row)
    _check_width(rows, where)
    columns: dict[str, Strings] = {}
    for position, name in enumerate(header):
        values = np.array([row[position].strip() for row in rows], dtype=np.str_)
        kept = columns.setdefault(name, values)
        if name and not verified and not np.array_equal(kept, values):
            raise DataError(
                f"{where} has two columns called {name!r} that differ: rename or drop one"
            )
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
    r"""Read one verified file; fewer rows than the official file holds is an error.

    Parameters
    ----------
    located : Located
        A data set whose files are here.
    path : str
        Which of its files, as the registry calls it.
    names, delimiter
        As in :func:`read_columns`.

    Returns
    -------
    dict of str to ndarray of str, shape (n,)

    Raises
    ------
    fairtut.errors.CorruptFile
        If the file is no UTF-8 text or no table, or has too few rows.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.encoding import load_file
    >>> from fairtut.data.local import Found, Located
    >>> from fairtut.data.registry import Dataset, File
    >>> card = Dataset("own", "Own people", "CC0", "Anyone.", "https://example.org", "own")
    >>> with tempfile.TemporaryDirectory() as here:
    ...     file = Path(here, "own.csv")
    ...     size = file.write_text("age\n30\n41\n")
    ...     located = Located(card, Path(here), (Found(File("own.csv", rows=2), (file,)),))
    ...     load_file(located, "own.csv", None)["age"].tolist()
    ['30', '41']
    """
    found = next(f for f in located.files if f.file.path == path)
    entry, official = found.file, found.label not in ("", "not pinned", "not verified")
    where = f"{located.dataset.name}: {path}"
    try:
        text = located.read_bytes(path).decode("utf-8-sig")  # some editors add a mark
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{where} is not UTF-8 text ({error.reason}): fetch it again") from error
    columns, n = read_columns(text, where, names, delimiter, verified=official)
    if entry.rows is not None and n < entry.rows:
        raise CorruptFile(
            f"{where} holds {n} rows where the official file has {entry.rows} (cut off?): delete "
            "it and fetch it again, or load your own rows with tabular.from_frame"
        )
    return columns


def need(columns: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    """Raise unless every column is there.

    Parameters
    ----------
    columns : mapping or DataFrame
        Columns by name.
    names : iterable of str
        Those that must be there.
    where : str
        What messages call the file.

    Raises
    ------
    fairtut.errors.DataError
        Names the first column that is missing, and those that are there.

    Examples
    --------
    >>> from fairtut.data.encoding import need
    >>> need({"age": [30], "sex": ["f"]}, ["age"], "own.csv")
    >>> need({"age": [30], "sex": ["f"]}, ["race"], "own.csv")
    Traceback (most recent call last):
        ...
    fairtut.errors.DataError: own.csv has no column 'race' (found: age, sex)
    """
    for name in names:
        if name not in columns:
            raise DataError(f"{where} has no column {name!r} (found: {', '.join(columns)})")


def as_numbers(values: Strings, what: str) -> NDArray[np.float64]:
    """Read text as numbers, the empty text as NaN; there is no ``_`` between digits.

    Parameters
    ----------
    values : ndarray of str, shape (n,)
    what : str
        What messages call the column.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    fairtut.errors.DataError
        If a text is no number.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.data.encoding import as_numbers
    >>> as_numbers(np.array(["1.5", "", "-2"]), "own.csv, balance").tolist()
    [1.5, nan, -2.0]
    """
    if any("_" in value for value in np.unique(values)):  # Python reads 1_0 as 10
        raise DataError(f"{what} holds '_' where numbers are due: write them without")
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
    """Encode features in order: numbers as they are, categories as flags.

    Parameters
    ----------
    columns : mapping of str to ndarray of str, shape (n,)
    numeric : sequence of str
        Features that are numbers; the others are categories.
    features : sequence of str
        Which columns, in which order.
    where : str
        What messages call the file.

    Returns
    -------
    x : ndarray of float64, shape (n, d)
    names : tuple of str, length d
        A flag is called ``column=level``.
    numbers : tuple of int
        Columns of ``x`` that hold numbers.

    Raises
    ------
    fairtut.errors.DataError
        If a column is missing, or a number is text.

    Examples
    --------
    Two levels make one flag, three levels make three:

    >>> import numpy as np
    >>> from fairtut.data.encoding import encode
    >>> columns = {
    ...     "age": np.array(["30", "41", "52"]),
    ...     "sex": np.array(["f", "m", "f"]),
    ...     "job": np.array(["cook", "nurse", "smith"]),
    ... }
    >>> x, names, numbers = encode(columns, ["age"], ["age", "sex", "job"], "own.csv")
    >>> names, numbers
    (('age', 'sex=m', 'job=cook', 'job=nurse', 'job=smith'), (0,))
    >>> x[0].tolist()
    [30.0, 0.0, 1.0, 0.0, 0.0]
    """
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
    """Map two words to 0 and 1.

    Parameters
    ----------
    values : ndarray of str, shape (n,)
    levels : (str, str)
        The word for 0 and the word for 1.
    what : str
        What messages call the column.

    Returns
    -------
    ndarray of int8, shape (n,)

    Raises
    ------
    fairtut.errors.DataError
        If another word is in the file.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.data.encoding import binary
    >>> binary(np.array(["no", "yes", "no"]), ("no", "yes"), "own.csv, paid").tolist()
    [0, 1, 0]
    >>> binary(np.array(["no", "maybe"]), ("no", "yes"), "own.csv, paid")
    Traceback (most recent call last):
        ...
    fairtut.errors.DataError: own.csv, paid holds 'maybe' where 'no' or 'yes' is due
    """
    odd = np.setdiff1d(values, levels)
    if len(odd):
        raise DataError(f"{what} holds {str(odd[0])!r} where {levels[0]!r} or {levels[1]!r} is due")
    return (values == levels[1]).astype(np.int8)


def only(values: Strings, known: Sequence[str], what: str) -> None:
    """Raise ``DataError`` if a word is none of those that are known.

    Examples
    --------
    >>> from fairtut.data.encoding import only
    >>> only(np.array(["cook", "Cook"]), ["cook", "nurse"], "own.csv, job")
    Traceback (most recent call last):
        ...
    fairtut.errors.DataError: own.csv, job holds 'Cook', none of cook, nurse: spell it so
    """
    odd = np.setdiff1d(values, known)
    if len(odd):
        raise DataError(f"{what} holds {str(odd[0])!r}, none of {', '.join(known)}: spell it so")


def gaps(values: Strings) -> NDArray[np.bool_]:
    """Return which words say that a value is missing (:data:`fairtut.data.columns.GAPS`), (n,).

    Examples
    --------
    >>> from fairtut.data.encoding import gaps
    >>> gaps(np.array(["cook", "N/A", "", "?"])).tolist()
    [False, True, True, True]
    """
    return np.isin(values, [word for word in np.unique(values) if alike(word) in GAPS])


def apply_rules(
    rules: Sequence[tuple[str, NDArray[np.bool_]]],
) -> tuple[NDArray[np.bool_], tuple[tuple[str, int], ...]]:
    """Drop rows rule by rule; each row is counted under the first rule that it breaks.

    Parameters
    ----------
    rules : sequence of (str, ndarray of bool, shape (n,))
        Reason, and the rows that it drops; at least one.

    Returns
    -------
    keep : ndarray of bool, shape (n,)
    dropped : tuple of (str, int)
        Each reason, and how many rows it took from those that were left.

    Examples
    --------
    The first row breaks both rules and is counted once:

    >>> import numpy as np
    >>> from fairtut.data.encoding import apply_rules
    >>> child, idle = np.array([True, False, False]), np.array([True, True, False])
    >>> keep, dropped = apply_rules([("a child", child), ("no job", idle)])
    >>> keep.tolist(), dropped
    ([False, False, True], (('a child', 1), ('no job', 1)))
    """
    keep = np.ones(len(rules[0][1]), dtype=bool)
    dropped = []
    for reason, broken in rules:
        dropped.append((reason, int((keep & broken).sum())))
        keep &= ~broken
    return keep, tuple(dropped)
