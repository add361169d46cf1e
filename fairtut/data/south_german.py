"""South German Credit: which borrowers of a bank in the south of Germany paid back, 1973-1975.

:func:`south_german` gives a table whose inputs are 12 numbers and then 8 one-hot blocks
(:func:`layout`), so that a model of mixed-type rows can take it as it is; :func:`synthetic` gives
the same table from invented people where the file is not at hand.  The two never stand in for each
other in silence.  Rows of the official file are ordered by label, so shuffle before you split:
:func:`fairtut.data.repeats.repeated` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data import files
from fairtut.data.encoding import Strings, as_numbers, read_columns
from fairtut.data.registry import dataset
from fairtut.data.synthetic.credit import YOUNG, Columns, draw
from fairtut.data.table import Table, both_sides
from fairtut.errors import CorruptFile, DataError, MissingData, UnknownName

if TYPE_CHECKING:
    import pandas as pd

NAME: Final = "south_german_credit"
FILE: Final = "SouthGermanCredit.asc"
ROWS: Final = 1000

# English name: (German name of the official header, least value, greatest value)
_COLUMNS: Final[Mapping[str, tuple[str, int, int]]] = {
    "status": ("laufkont", 1, 4),
    "duration": ("laufzeit", 1, 120),
    "credit_history": ("moral", 0, 4),
    "purpose": ("verw", 0, 10),
    "amount": ("hoehe", 1, 1_000_000),
    "savings": ("sparkont", 1, 5),
    "employment_duration": ("beszeit", 1, 5),
    "installment_rate": ("rate", 1, 4),
    "personal_status_sex": ("famges", 1, 4),
    "other_debtors": ("buerge", 1, 3),
    "present_residence": ("wohnzeit", 1, 4),
    "property": ("verm", 1, 4),
    "age": ("alter", 18, 120),
    "other_installment_plans": ("weitkred", 1, 3),
    "housing": ("wohn", 1, 3),
    "number_credits": ("bishkred", 1, 4),
    "job": ("beruf", 1, 4),
    "people_liable": ("pers", 1, 2),
    "telephone": ("telef", 1, 2),
    "foreign_worker": ("gastarb", 1, 2),
    "credit_risk": ("kredit", 0, 1),
}
COLUMNS: Final = tuple(_COLUMNS)
"""English names of the 21 columns, in the order of the file."""
NOMINAL: Final = (
    "status",
    "credit_history",
    "purpose",
    "personal_status_sex",
    "other_debtors",
    "other_installment_plans",
    "housing",
    "job",
)
"""Columns whose codes have no order; the other inputs count as numbers."""


@dataclass(frozen=True)
class _Group:
    """A sensitive attribute: what s = 0 and s = 1 mean, and the columns that it is made from."""

    names: tuple[str, str]
    columns: tuple[str, ...]


SENSITIVE: Final[Mapping[str, _Group]] = {
    "age": _Group(("older than 25", "25 or younger"), ("age",)),
    "age<25": _Group(("25 or older", "younger than 25"), ("age",)),
    "age<33": _Group(("33 or older", "younger than 33"), ("age",)),
    "foreign_worker": _Group(("not a foreign worker", "foreign worker"), ("foreign_worker",)),
    "young-not-foreign": _Group(
        ("everybody else", "25 or younger and not a foreign worker"), ("age", "foreign_worker")
    ),
}
"""Sensitive attributes; the last is one corner of age and foreign worker against the rest."""


@dataclass(frozen=True)
class Layout:
    """Which columns of ``x`` are what: ``numeric`` numbers, then one block per category.

    ``categories`` holds the width of each one-hot block, in order.

    Examples
    --------
    >>> from fairtut.data.south_german import Layout, layout, synthetic
    >>> synthetic(40).x.shape
    (40, 49)
    >>> layout(synthetic(40)) == Layout(numeric=12, categories=(4, 5, 11, 4, 3, 3, 3, 4))
    True
    """

    numeric: int
    categories: tuple[int, ...]


def south_german(
    sensitive: str = "age",
    *,
    leave_out: bool = False,
    path: str | os.PathLike[str] | None = None,
) -> Table:
    """Load South German Credit (Groemping 2019): who paid a credit back as agreed.

    Parameters
    ----------
    sensitive : str
        A key of :data:`SENSITIVE`; ``"age"`` is s = 1 for 25 or younger.
    leave_out : bool
        Leave the columns that ``sensitive`` is made from out of the inputs.
    path : path-like, optional
        A copy of your own, with German or English headers, instead of the verified official file;
        the table then says "not verified".

    Returns
    -------
    Table
        1,000 rows in the file's order, y = 1 for a good credit (favourable); unscaled numbers
        first, then one-hot blocks with a column for every official code (:func:`layout`).

    Raises
    ------
    fairtut.errors.UnknownName
        If the sensitive attribute is unknown.
    fairtut.errors.MissingData, fairtut.errors.DataError
        If there is no file, or if it is corrupt, is the older Statlog file, or holds other columns,
        rows or codes than the official one.

    Examples
    --------
    Invented people in a file of your own stand in for the official one:

    >>> import tempfile
    >>> import pandas as pd
    >>> from fairtut.data.south_german import COLUMNS, south_german
    >>> from fairtut.data.synthetic.credit import draw
    >>> with tempfile.TemporaryDirectory() as here:
    ...     pd.DataFrame(draw(1000, seed=0))[list(COLUMNS)].to_csv(f"{here}/own.csv", index=False)
    ...     table = south_german("foreign_worker", path=f"{here}/own.csv")
    >>> table.x.shape, int(table.y.sum()), table.groups
    ((1000, 49), 700, ('not a foreign worker', 'foreign worker'))
    >>> table.source.endswith("[own.csv, not verified]")
    True
    """
    _known(sensitive)
    columns, source = _load(path)
    return _table(columns, sensitive, leave_out, NAME, source)


def synthetic(
    n: int = ROWS, seed: int = 0, sensitive: str = "age", *, leave_out: bool = False
) -> Table:
    """Draw invented people with the columns of South German Credit.

    Parameters
    ----------
    n, seed : int
        Rows (20 or more) and root seed.
    sensitive, leave_out
        As of :func:`south_german`.

    Returns
    -------
    Table
        Like :func:`south_german`'s; its name and source say that no person stands behind a row.
        Given risk and age group, columns are independent: results are easier than on real data.

    Raises
    ------
    fairtut.errors.UnknownName
        If the sensitive attribute is unknown.
    fairtut.errors.InputError
        If n is below 20, or all drawn people are of one group.

    Examples
    --------
    Risk and age group keep the shares of the real file, where 700 of 1,000 credits are good:

    >>> from fairtut.data.south_german import synthetic
    >>> table = synthetic(100, seed=0)
    >>> int(table.y.sum()), table.groups, table.source[:9]
    (70, ('older than 25', '25 or younger'), 'SYNTHETIC')
    """
    _known(sensitive)
    source = (
        f"SYNTHETIC: {n} invented people drawn from column counts of South German Credit, "
        f"independent given risk and age group, seed={seed}"
    )
    return _table(draw(n, seed), sensitive, leave_out, f"{NAME} (synthetic stand-in)", source)


def frame(path: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Return the raw file: official codes under English names, shape (1000, 21).

    Parameters
    ----------
    path : path-like, optional
        As of :func:`south_german`.

    Raises
    ------
    fairtut.errors.MissingData, fairtut.errors.DataError
        As :func:`south_german`.

    Examples
    --------
    Invented people stand in for the file:

    >>> import tempfile
    >>> import pandas as pd
    >>> from fairtut.data.south_german import COLUMNS, frame
    >>> from fairtut.data.synthetic.credit import draw
    >>> with tempfile.TemporaryDirectory() as here:
    ...     pd.DataFrame(draw(1000, seed=0))[list(COLUMNS)].to_csv(f"{here}/own.csv", index=False)
    ...     people = frame(f"{here}/own.csv")
    >>> people.shape, sorted(people["telephone"].unique().tolist())
    ((1000, 21), [1, 2])
    """
    import pandas as pd

    return pd.DataFrame(_load(path)[0])


def cells(path: str | os.PathLike[str] | None = None) -> dict[str, tuple[int, int]]:
    """Count people, and people with a good credit, in the four cells of age and foreign worker.

    Parameters
    ----------
    path : path-like, optional
        As of :func:`south_german`.

    Returns
    -------
    dict of str to (int, int)
        Cell to people and people with a good credit.

    Raises
    ------
    fairtut.errors.MissingData, fairtut.errors.DataError
        As :func:`south_german`.

    Examples
    --------
    Invented people stand in for the file; as in the file, 700 of 1,000 have a good credit:

    >>> import tempfile
    >>> import pandas as pd
    >>> from fairtut.data.south_german import COLUMNS, cells
    >>> from fairtut.data.synthetic.credit import draw
    >>> with tempfile.TemporaryDirectory() as here:
    ...     pd.DataFrame(draw(1000, seed=0))[list(COLUMNS)].to_csv(f"{here}/own.csv", index=False)
    ...     counted = cells(f"{here}/own.csv")
    >>> [sum(column) for column in zip(*counted.values())]
    [1000, 700]
    >>> list(counted)[:2]
    ['25 or younger, foreign', '25 or younger, not foreign']
    """
    columns = _load(path)[0]
    young, foreign = columns["age"] <= YOUNG, columns["foreign_worker"] == 1
    counted = {}
    for age, is_young in (("25 or younger", True), ("older than 25", False)):
        for origin, is_foreign in (("foreign", True), ("not foreign", False)):
            good = columns["credit_risk"][(young == is_young) & (foreign == is_foreign)]
            counted[f"{age}, {origin}"] = (len(good), int(good.sum()))
    return counted


def layout(table: Table) -> Layout:
    """Describe the columns of a table of this module for a model of mixed-type rows.

    Parameters
    ----------
    table : Table
        From :func:`south_german` or :func:`synthetic`.

    Returns
    -------
    Layout

    Examples
    --------
    Age is a number; without it there is one number less:

    >>> from fairtut.data.south_german import layout, synthetic
    >>> layout(synthetic(40))
    Layout(numeric=12, categories=(4, 5, 11, 4, 3, 3, 3, 4))
    >>> layout(synthetic(40, leave_out=True)).numeric
    11
    """
    flags = [name for i, name in enumerate(table.feature_names) if i not in table.numeric]
    blocks = groupby(flags, key=lambda name: name.split("=")[0])
    return Layout(len(table.numeric), tuple(len(list(block)) for _, block in blocks))


def _known(sensitive: str) -> None:
    if sensitive not in SENSITIVE:
        raise UnknownName.of(f"sensitive attribute of {NAME}", sensitive, SENSITIVE)


def _load(path: str | os.PathLike[str] | None) -> tuple[Columns, str]:
    """Raw columns, and the line that says which edition they are from."""
    if path is None:
        located = files.get(NAME)
        data, where, source = located.read_bytes(FILE), f"{NAME}: {FILE}", located.source
    else:
        file = Path(path)
        if not file.is_file():
            raise MissingData(f"{NAME}: {file} is not a file: give the path of {FILE}")
        data, where = file.read_bytes(), f"{NAME}: {file.name}"
        source = f"{dataset(NAME).title} [{file.name}, not verified]"
    try:
        return _parse(data.decode("utf-8-sig"), where), source
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{where} is not UTF-8 text ({error.reason}): fetch it again") from error


def _parse(text: str, where: str) -> Columns:
    """Read and check the whole file: header, number of rows, whole numbers, ranges."""
    head = text.split("\n", 1)[0]
    delimiter = "," if "," in head else " "
    columns, n = read_columns(text, where, None, delimiter)
    found = [name.strip().lower() for name in columns]
    _check_header(found, where)
    if n != ROWS:
        raise CorruptFile(
            f"{where} holds {n} rows where the official file has {ROWS}: fetch it again"
        )
    return {
        name: _whole(values, name, where)
        for name, values in zip(COLUMNS, columns.values(), strict=True)
    }


def _check_header(found: Sequence[str], where: str) -> None:
    """Raise unless the header is the German or the English one, in the file's order."""
    if any(name[:1] == "a" and name[1:].isdigit() for name in found):
        raise DataError(
            f"{where} is the older Statlog file (codes such as A11), whose columns were found "
            f"wrong: get {FILE} with `fairtut data get {NAME}`"
        )
    german = tuple(name for name, _, _ in _COLUMNS.values())
    # the language of most names: a single foreign one is the mistake to report
    expected = max((german, COLUMNS), key=lambda names: len(set(found) & set(names)))
    for position, name in enumerate(expected):
        if name not in found:
            raise DataError(f"{where} has no column {name!r} (found: {', '.join(found)})")
        if found[position] != name:
            raise DataError(
                f"{where}: column {position + 1} is {found[position]!r} where {name!r} is due: "
                "restore the official order"
            )
    if len(found) > len(expected):
        raise DataError(f"{where} has a column {found[len(expected)]!r} too many: drop it")


def _whole(values: Strings, name: str, where: str) -> NDArray[np.int64]:
    """Read codes as whole numbers in the official range."""
    _, low, high = _COLUMNS[name]
    numbers = as_numbers(np.where(values == "NA", "", values), f"{where}, column {name!r}")
    odd = ~((numbers >= low) & (numbers <= high) & (numbers == np.round(numbers)))
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{where}, column {name!r} holds {str(values[row])!r} in row {row + 1} where a whole "
            f"number from {low} to {high} is due"
        )
    return numbers.astype(np.int64)


def _table(columns: Columns, sensitive: str, leave_out: bool, name: str, source: str) -> Table:
    group = SENSITIVE[sensitive]
    hidden = {"credit_risk", *(group.columns if leave_out else ())}
    inputs = [c for c in COLUMNS if c not in hidden]
    numeric = [c for c in inputs if c not in NOMINAL]
    blocks = [columns[c][:, None] for c in numeric]
    names = list(numeric)
    for column in (c for c in inputs if c in NOMINAL):
        _, low, high = _COLUMNS[column]
        codes = np.arange(low, high + 1)  # every official code, so that all tables look alike
        blocks.append(columns[column][:, None] == codes)  # (n, codes)
        names += [f"{column}={code}" for code in codes]
    return both_sides(
        Table(
            x=np.concatenate(blocks, axis=1).astype(np.float32),
            s=_group_of(columns, sensitive).astype(np.int8),
            y=columns["credit_risk"].astype(np.int8),
            feature_names=tuple(names),
            name=name,
            sensitive=sensitive,
            source=source,
            groups=group.names,
            labels=("bad credit", "good credit"),
            numeric=tuple(range(len(numeric))),
        )
    )


def _group_of(columns: Columns, sensitive: str) -> NDArray[np.bool_]:
    age, foreign = columns["age"], columns["foreign_worker"] == 1  # 2 is "no" in this edition
    return {
        "age": age <= YOUNG,
        "age<25": age < 25,
        "age<33": age < 33,
        "foreign_worker": foreign,
        "young-not-foreign": (age <= YOUNG) & ~foreign,
    }[sensitive]
