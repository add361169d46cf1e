"""Tables of people: encoded inputs, one binary sensitive attribute, one binary label.

Encoding rules, the same for every loader: numbers stay as they are (scale them with a
:class:`Standardiser` that saw training rows only); a category with two levels is one 0/1 column,
with more levels one 0/1 column per level; levels come from all rows, statistics never do.  The
sensitive attribute is not among the inputs ``x``: a method that may use it appends ``s``.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.data import files
from fairtut.errors import CorruptFile, DataError, InputError, UnknownName
from fairtut.runtime.seeds import numpy_rng

if TYPE_CHECKING:
    import pandas as pd

Strings = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Table:
    """A data set that is ready for a model, and where it came from.

    Attributes
    ----------
    x : ndarray of float32, shape (n, d)
        Encoded inputs, unscaled.
    s : ndarray of int8, shape (n,)
        Sensitive attribute in {0, 1}; ``groups`` names the two groups.
    y : ndarray of int8, shape (n,)
        Label in {0, 1}; ``labels`` names the two outcomes.
    feature_names : tuple of str
        Names of the d columns of ``x``.
    name, sensitive, source : str
        Data set, sensitive attribute, and one line that says which edition of which file.
    groups, labels : (str, str)
        What 0 and 1 mean in ``s`` and ``y``.
    favourable : int
        The label that is good for the person: 1, or 0 where y = 1 is a harm (recidivism).
    numeric : tuple of int
        Columns of ``x`` that hold numbers rather than 0/1 flags.
    rows_dropped : tuple of (str, int)
        Reason, and number of rows of the file that are not here.
    digest : str
        sha256 over the three arrays.
    """

    x: NDArray[np.float32]
    s: NDArray[np.int8]
    y: NDArray[np.int8]
    feature_names: tuple[str, ...]
    name: str
    sensitive: str
    source: str
    groups: tuple[str, str] = ("0", "1")
    labels: tuple[str, str] = ("0", "1")
    favourable: int = 1
    numeric: tuple[int, ...] = ()
    rows_dropped: tuple[tuple[str, int], ...] = ()
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        x = np.ascontiguousarray(self.x, dtype="<f4")
        if x.ndim != 2 or x.shape[1] != len(self.feature_names):
            raise InputError(f"{self.name}: x is {x.shape}, names: {len(self.feature_names)}")
        if not np.isfinite(x).all():
            bad = self.feature_names[int(np.flatnonzero(~np.isfinite(x).all(axis=0))[0])]
            raise InputError(
                f"{self.name}: feature {bad!r} holds NaN or infinite values: drop or fill"
            )
        if self.favourable not in (0, 1):
            raise InputError(f"{self.name}: favourable is {self.favourable!r}: give 0 or 1")
        object.__setattr__(self, "x", x)
        for key in ("s", "y"):
            values = np.asarray(getattr(self, key))
            if values.shape != (len(x),) or not np.isin(values, (0, 1)).all():
                raise InputError(f"{self.name}: {key} must be {len(x)} values, each 0 or 1")
            object.__setattr__(self, key, values.astype(np.int8))
        sha = hashlib.sha256(f"{x.shape}".encode())
        for array in (self.x, self.s, self.y):
            sha.update(np.ascontiguousarray(array).tobytes())
        object.__setattr__(self, "digest", sha.hexdigest())

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: ArrayLike) -> Table:
        """Return a table of the given rows (indices or a mask)."""
        index = np.asarray(rows)
        return replace(self, x=self.x[index], s=self.s[index], y=self.y[index])

    def summary(self) -> dict[str, float]:
        """Return n, d, the share of group 1, and P(y=1) overall and per group (NaN if empty)."""

        def rate(values: NDArray[np.int8]) -> float:
            return float(values.mean()) if len(values) else float("nan")

        by_group = {f"base_rate_s{g}": rate(self.y[self.s == g]) for g in (0, 1)}
        return {
            "n": len(self),
            "d": self.x.shape[1],
            "share_s1": rate(self.s),
            "base_rate": rate(self.y),
            **by_group,
        }


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Mean and spread of the numeric columns of *training* rows, to apply to any rows.

    Attributes
    ----------
    mean, scale : ndarray of float64, shape (d,)
        0 and 1 for flag columns and for constant columns' scale.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, train: Table) -> Standardiser:
        """Measure the numeric columns of ``train``."""
        mean, scale = np.zeros(train.x.shape[1]), np.ones(train.x.shape[1])
        columns = list(train.numeric)
        values = train.x[:, columns].astype(np.float64)
        mean[columns] = values.mean(axis=0)
        spread = values.std(axis=0)
        scale[columns] = np.where(spread > 0, spread, 1.0)
        return cls(mean, scale)

    def __call__(self, table: Table) -> Table:
        """Return ``table`` with standardised numeric columns."""
        if table.x.shape[1] != len(self.mean):
            raise InputError(
                f"{table.name} has {table.x.shape[1]} features, the standardiser {len(self.mean)}"
            )
        return replace(table, x=((table.x - self.mean) / self.scale).astype(np.float32))


# --- splitting -----------------------------------------------------------------------------------


def split(
    table: Table, sizes: Mapping[str, int | float], seed: int = 0, stratify: bool = True
) -> dict[str, Table]:
    """Split a table into named, disjoint parts.

    Parameters
    ----------
    table : Table
        What to split.
    sizes : mapping of str to int or float
        Rows (int) or share of all rows (float) per part, such as
        ``{"train": 1800, "val": 200, "select": 500, "test": 1000}``.  Rows left over are unused.
    seed : int
        Root seed.
    stratify : bool
        Keep the shares of the four cells (s, y) in every part.  Without it a small validation part
        can be far off: FR-Train's own has P(y=1) = .435 where the training part has .507.

    Returns
    -------
    dict of str to Table
        In the order of ``sizes``, rows shuffled.

    Raises
    ------
    fairtut.errors.InputError
        If a size is not positive or the parts need more rows than there are.
    """
    rows = split_rows(table.s, table.y, sizes, seed, stratify)
    return {part: table.take(index) for part, index in rows.items()}


def split_rows(
    s: ArrayLike,
    y: ArrayLike,
    sizes: Mapping[str, int | float],
    seed: int = 0,
    stratify: bool = True,
) -> dict[str, NDArray[np.int64]]:
    """Return the row numbers of each part; arguments as in :func:`split`."""
    cell = 2 * np.asarray(s, dtype=np.int64) + np.asarray(y, dtype=np.int64)
    n = len(cell)
    counts = {part: _part_size(part, size, n) for part, size in sizes.items()}
    if sum(counts.values()) > n:
        asked = ", ".join(f"{part} {count}" for part, count in counts.items())
        raise InputError(f"the parts need {sum(counts.values())} rows ({asked}), there are {n}")
    rng = numpy_rng(seed, "split")
    order = rng.permutation(n)
    if stratify:
        # Spread each cell's members evenly over [0, 1), from a random start: a contiguous run of
        # the sorted keys then holds every cell in proportion, whatever the sizes of the runs.
        key = np.empty(n)
        for value in range(4):
            members = order[cell[order] == value]
            key[members] = (np.arange(len(members)) + rng.random()) / max(len(members), 1)
        order = np.argsort(key, kind="stable")
    bounds = np.cumsum([0, *counts.values()])
    runs = (order[a:b] for a, b in pairwise(bounds))
    return {part: rng.permutation(run) for part, run in zip(counts, runs, strict=True)}


def _part_size(part: str, size: int | float, n: int) -> int:
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    # + 1e-9: 0.29 * 100 is 28.999999999999996
    count = int(size) if whole else int(float(size) * n + 1e-9)
    if count < 1 or (not whole and float(size) > 1.0):
        raise InputError(
            f"part {part!r} has size {size!r}: give a number of rows, or a share in (0, 1]"
        )
    return count


# --- reading -------------------------------------------------------------------------------------


def _read(
    text: str, where: str, names: Sequence[str] | None, delimiter: str = ","
) -> tuple[dict[str, Strings], int]:
    """Read delimited text into columns; ``names`` None takes them from the first line.

    Raises ``CorruptFile`` where a row has too few or too many fields.
    """
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    header = list(names) if names is not None else [c.strip() for c in next(reader, [])]
    rows = []
    for row in reader:
        if not row or row[0].startswith("|"):  # blank line, or the banner of adult.test
            continue
        if len(row) != len(header):
            raise CorruptFile(
                f"{where}, line {reader.line_num}: {len(row)} fields where {len(header)} are due "
                "(cut off?): delete the file and fetch it again"
            )
        rows.append(row)
    columns: dict[str, Strings] = {}
    for position, name in enumerate(header):
        if name not in columns:  # the official COMPAS file repeats two names: the first one counts
            values = [row[position].strip() for row in rows]
            columns[name] = np.array(values, dtype=np.str_)
    return columns, len(rows)


def _load_file(
    located: files.Located, path: str, names: Sequence[str] | None, delimiter: str = ","
) -> dict[str, Strings]:
    """Read one verified file; fewer rows than the official file holds is an error."""
    entry = next(f.file for f in located.files if f.file.path == path)
    where = f"{located.dataset.name}: {path}"
    try:
        text = located.read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{where} is not UTF-8 text ({error.reason}): fetch it again") from error
    columns, n = _read(text, where, names, delimiter)
    if entry.rows is not None and n < entry.rows:
        raise CorruptFile(
            f"{where} holds {n} rows where the official file has {entry.rows} (cut off?): delete "
            "it and fetch it again, or load your own rows with tabular.from_frame"
        )
    return columns


def _need(columns: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in columns:
            raise DataError(f"{where} has no column {name!r} (found: {', '.join(columns)})")


def _numbers(values: Strings, what: str) -> NDArray[np.float64]:
    try:
        return np.where(values == "", "nan", values).astype(np.float64)
    except ValueError as error:
        raise DataError(f"{what} holds text where numbers are due ({error})") from error


def _flags(name: str, values: Strings) -> tuple[NDArray[np.float64], list[str]]:
    """One-hot columns (n, levels); a category with two levels becomes one column (n, 1)."""
    levels = np.unique(values)
    kept = levels[1:] if len(levels) == 2 else levels
    return (values[:, None] == kept).astype(np.float64), [f"{name}={level}" for level in kept]


def _encode(
    columns: Mapping[str, Strings], numeric: Sequence[str], features: Sequence[str], where: str
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Encode ``features`` in order: inputs (n, d), their names, and the numeric positions."""
    _need(columns, features, where)
    blocks: list[NDArray[np.float64]] = []
    names: list[str] = []
    numbers: list[int] = []
    for feature in features:
        if feature in numeric:
            numbers.append(len(names))
            blocks.append(_numbers(columns[feature], f"{where}, column {feature!r}")[:, None])
            names.append(feature)
        else:
            block, block_names = _flags(feature, columns[feature])
            blocks.append(block)
            names.extend(block_names)
    return np.concatenate(blocks, axis=1), tuple(names), tuple(numbers)


def _binary(values: Strings, levels: tuple[str, str], what: str) -> NDArray[np.int8]:
    """Map ``levels`` to 0 and 1; anything else in the file is an error."""
    odd = np.setdiff1d(values, levels)
    if len(odd):
        raise DataError(f"{what} holds {str(odd[0])!r} where {levels[0]!r} or {levels[1]!r} is due")
    return (values == levels[1]).astype(np.int8)


def _both(table: Table) -> Table:
    """Return the table if it has two groups and two classes, else raise ``InputError``."""
    for key, values, what in (("s", table.s, "group"), ("y", table.y, "class")):
        if len(np.unique(values)) < 2:
            found = f"every row has {key} = {values[0]}" if len(values) else "there are no rows"
            raise InputError(
                f"{table.name}: only one {what} ({found}): fairness compares two, check the "
                f"{'sensitive column' if key == 's' else 'target'}"
            )
    return table


# --- the data sets of the papers -----------------------------------------------------------------

ADULT_COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
)
_ADULT_NUMERIC = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
_ADULT_DROPPED = ("fnlwgt", "race", "sex", "income")
_SCHOOL = {
    **dict.fromkeys(("1st-4th", "5th-6th", "7th-8th"), "prim-middle-school"),
    **dict.fromkeys(("9th", "10th", "11th", "12th"), "high-school"),
}


def adult(sensitive: str = "sex", part: str = "all") -> Table:
    """Load Adult: who earned more than 50,000 dollars a year in the US census of 1994.

    Preprocessing after Zafar et al.: rows with a ``?`` are dropped; sex, race and the survey weight
    are not inputs; school years below the diploma are merged; the country is the US or not.
    ``relationship`` stays an input although Husband and Wife give the sex away.

    Parameters
    ----------
    sensitive : {"sex", "race"}
        s = 1 for Male, or for White (against all other races).
    part : {"all", "train", "test"}
        Rows of both official files in order, of ``adult.data``, or of ``adult.test``.

    Returns
    -------
    Table
        30,162 + 15,060 rows; y = 1 is an income above 50,000 dollars (favourable).
    """
    if sensitive not in ("sex", "race"):
        raise UnknownName.of("sensitive attribute of adult", sensitive, ("sex", "race"))
    if part not in ("all", "train", "test"):
        raise UnknownName.of("part of adult", part, ("all", "train", "test"))
    located = files.get("adult")
    read = [_load_file(located, path, ADULT_COLUMNS) for path in ("adult.data", "adult.test")]
    from_test = np.repeat([False, True], [len(c["age"]) for c in read])
    columns = {c: np.concatenate([half[c] for half in read]) for c in ADULT_COLUMNS}
    unknown = np.any([columns[c] == "?" for c in ADULT_COLUMNS], axis=0)
    columns = {c: v[~unknown] for c, v in columns.items()}
    columns["education"] = np.array([_SCHOOL.get(v, v) for v in columns["education"]])
    at_home = columns["native_country"] == "United-States"
    columns["native_country"] = np.where(at_home, "United-States", "other")
    features = [c for c in ADULT_COLUMNS if c not in _ADULT_DROPPED]
    x, names, numeric = _encode(columns, _ADULT_NUMERIC, features, "adult")
    income = np.char.rstrip(columns["income"], ".")  # adult.test ends its labels with a dot
    if sensitive == "sex":
        s, groups = _binary(columns["sex"], ("Female", "Male"), "adult: sex"), ("Female", "Male")
    else:
        s, groups = (columns["race"] == "White").astype(np.int8), ("not White", "White")
    dropped = (
        ("adult.data: a field is '?'", int(unknown[~from_test].sum())),
        ("adult.test: a field is '?'", int(unknown[from_test].sum())),
    )
    table = Table(
        x=x.astype(np.float32),
        s=s,
        y=_binary(income, ("<=50K", ">50K"), "adult: income"),
        feature_names=names,
        name="adult",
        sensitive=sensitive,
        source=located.source,
        groups=groups,
        labels=("<=50K", ">50K"),
        numeric=numeric,
        rows_dropped=dropped,
    )
    if part != "all":
        rows = from_test[~unknown] == (part == "test")
        table = replace(table.take(rows), rows_dropped=(dropped[part == "test"],))
    return _both(table)


def compas(sensitive: str = "race") -> Table:
    """Load COMPAS: which defendants of Broward County were charged again within two years.

    ProPublica's filter leaves 6,172 of 7,214 rows: a screening within 30 days of the arrest, a
    known outcome, no ordinary traffic offence, a score.  Inputs after Zafar et al.: age category,
    number of priors, degree of the charge, and whichever of race and sex is not sensitive here.

    Parameters
    ----------
    sensitive : {"race", "sex"}
        s = 1 for Caucasian and 0 for African-American (other rows are dropped and counted), or
        s = 1 for Male (every race is kept).

    Returns
    -------
    Table
        y = 1 is recidivism as in the source: the *unfavourable* outcome (``favourable`` is 0).
    """
    if sensitive not in ("race", "sex"):
        raise UnknownName.of("sensitive attribute of compas", sensitive, ("race", "sex"))
    located, path = files.get("compas"), "compas-scores-two-years.csv"
    where = f"compas: {path}"
    columns = _load_file(located, path, None)
    used = ("days_b_screening_arrest", "is_recid", "c_charge_degree", "score_text", "race", "sex")
    _need(columns, (*used, "age_cat", "priors_count", "two_year_recid"), where)
    days = _numbers(columns["days_b_screening_arrest"], f"{where}, days_b_screening_arrest")
    rules: list[tuple[str, NDArray[np.bool_]]] = [
        ("screening not within 30 days of the arrest, or unknown", ~(np.abs(days) <= 30)),
        ("is_recid is -1 (no COMPAS case found)", columns["is_recid"] == "-1"),
        ("c_charge_degree is O (ordinary traffic offence)", columns["c_charge_degree"] == "O"),
        ("score_text is N/A", columns["score_text"] == "N/A"),
    ]
    groups = ("Female", "Male")
    if sensitive == "race":
        groups = ("African-American", "Caucasian")
        rules.append(
            ("race is neither African-American nor Caucasian", ~np.isin(columns["race"], groups))
        )
    keep, dropped = _apply(rules)
    columns = {c: v[keep] for c, v in columns.items()}
    other = "sex" if sensitive == "race" else "race"
    features = ("age_cat", other, "priors_count", "c_charge_degree")
    x, names, numeric = _encode(columns, ("priors_count",), features, where)
    return _both(
        Table(
            x=x.astype(np.float32),
            s=_binary(columns[sensitive], groups, f"{where}, {sensitive}"),
            y=_binary(columns["two_year_recid"], ("0", "1"), f"{where}, two_year_recid"),
            feature_names=names,
            name="compas",
            sensitive=sensitive,
            source=located.source,
            groups=groups,
            labels=("no new charge", "new charge within two years"),
            favourable=0,
            numeric=numeric,
            rows_dropped=dropped,
        )
    )


def _apply(
    rules: Sequence[tuple[str, NDArray[np.bool_]]],
) -> tuple[NDArray[np.bool_], tuple[tuple[str, int], ...]]:
    """Drop rows rule by rule; each row is counted under the first rule that it breaks."""
    keep = np.ones(len(rules[0][1]), dtype=bool)
    dropped = []
    for reason, broken in rules:
        dropped.append((reason, int((keep & broken).sum())))
        keep &= ~broken
    return keep, tuple(dropped)


# --- bring your own ------------------------------------------------------------------------------


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
        If a column is missing or holds NaN, if the sensitive attribute is not binary, or if there
        is only one group or one class.
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
    x, names, numeric = _encode_frame(frame, chosen)
    rest = [str(v) for v in seen if v != positive]
    return _both(
        Table(
            x=x.astype(np.float32),
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
    frame: pd.DataFrame, chosen: Sequence[str]
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...]]:
    """Encode as :func:`_encode` does, with numbers and flags told apart by the column's type."""
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
    return _encode(columns, numeric, chosen, "the data frame")


def _distinct(values: NDArray[Any]) -> list[Any]:
    return sorted(dict.fromkeys(values.tolist()), key=lambda v: (str(type(v)), v))


def _few(values: Sequence[object], most: int = 6) -> str:
    shown = ", ".join(str(v) for v in values[:most])
    return shown + (", ..." if len(values) > most else "")


# --- by name -------------------------------------------------------------------------------------


def _zafar(**options: Any) -> Table:
    from fairtut.data.synthetic.gaussians import zafar

    return zafar(**options)


LOADERS: dict[str, Callable[..., Table]] = {"zafar": _zafar, "adult": adult, "compas": compas}


def load(name: str, sensitive: str | None = None, **options: Any) -> Table:
    """Load a tabular data set by name.

    Parameters
    ----------
    name : str
        A key of :data:`LOADERS`.
    sensitive : str, optional
        Sensitive attribute; each data set has a default.
    **options
        Passed on, such as ``part="train"`` (adult) or ``n=3700, seed=0`` (zafar).

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such tabular data set or sensitive attribute.
    """
    if name not in LOADERS:
        raise UnknownName.of("tabular data set", name, LOADERS)
    if name == "zafar":
        if sensitive not in (None, "z"):
            raise UnknownName.of("sensitive attribute of zafar", sensitive, ("z",))
        return LOADERS[name](**options)
    return LOADERS[name](**options) if sensitive is None else LOADERS[name](sensitive, **options)
