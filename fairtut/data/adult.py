"""Adult: incomes in the US census of 1994."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairtut.data import files
from fairtut.data.encoding import Strings, binary, encode, gaps, load_file, only
from fairtut.data.table import Table, both_sides
from fairtut.errors import UnknownName

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
_NUMERIC = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
_RACES = ("Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White")
_WORDS = {
    "workclass": (
        "Federal-gov", "Local-gov", "Never-worked", "Private", "Self-emp-inc",
        "Self-emp-not-inc", "State-gov", "Without-pay",
    ),
    "education": (
        "10th", "11th", "12th", "1st-4th", "5th-6th", "7th-8th", "9th", "Assoc-acdm", "Assoc-voc",
        "Bachelors", "Doctorate", "HS-grad", "Masters", "Preschool", "Prof-school", "Some-college",
    ),
    "marital_status": (
        "Divorced", "Married-AF-spouse", "Married-civ-spouse", "Married-spouse-absent",
        "Never-married", "Separated", "Widowed",
    ),
    "occupation": (
        "Adm-clerical", "Armed-Forces", "Craft-repair", "Exec-managerial", "Farming-fishing",
        "Handlers-cleaners", "Machine-op-inspct", "Other-service", "Priv-house-serv",
        "Prof-specialty", "Protective-serv", "Sales", "Tech-support", "Transport-moving",
    ),
    "relationship": (
        "Husband", "Not-in-family", "Other-relative", "Own-child", "Unmarried", "Wife",
    ),
    "native_country": (
        "Cambodia", "Canada", "China", "Columbia", "Cuba", "Dominican-Republic", "Ecuador",
        "El-Salvador", "England", "France", "Germany", "Greece", "Guatemala", "Haiti",
        "Holand-Netherlands", "Honduras", "Hong", "Hungary", "India", "Iran", "Ireland", "Italy",
        "Jamaica", "Japan", "Laos", "Mexico", "Nicaragua", "Outlying-US(Guam-USVI-etc)", "Peru",
        "Philippines", "Poland", "Portugal", "Puerto-Rico", "Scotland", "South", "Taiwan",
        "Thailand", "Trinadad&Tobago", "United-States", "Vietnam", "Yugoslavia",
    ),
}  # fmt: skip
"""What the official files hold, and nothing else: another spelling would be another level."""
_NOT_INPUTS = ("fnlwgt", "race", "sex", "income")
_SCHOOL = {
    **dict.fromkeys(("1st-4th", "5th-6th", "7th-8th"), "prim-middle-school"),
    **dict.fromkeys(("9th", "10th", "11th", "12th"), "high-school"),
}


def adult(sensitive: str = "sex", part: str = "all") -> Table:
    r"""Load Adult: who earned more than 50,000 dollars a year in the US census of 1994.

    Preprocessing after Zafar et al.: rows with a ``?`` (or a word for a
    missing value in its place) are dropped; sex, race and the survey weight
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
        30,162 + 15,060 rows; y = 1 is an income above 50,000 dollars (favourable); ``ids`` count
        the rows of both files.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such sensitive attribute or part.
    fairtut.errors.MissingData, fairtut.errors.CorruptFile
        As :func:`fairtut.data.files.get`, or if a file has fewer rows than the official one.
    fairtut.errors.DataError
        If an income, a sex, a race or another word is none of the official ones.

    Examples
    --------
    Two files of three rows stand in for the official ones.  One row of each has a ``?``:

    >>> import os, tempfile
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.adult import adult
    >>> from fairtut.data.registry import DATASETS, File
    >>> line = "39, {}, 1, 9th, 5, Divorced, Sales, Unmarried, White, {}, 0, 0, 40, Cuba, {}"
    >>> kinds = (("Private", "Male", ">50K"), ("Private", "Female", "<=50K"), ("?", "Male", ">50K"))
    >>> rows = "\n".join(line.format(*kind) for kind in kinds)
    >>> own = replace(DATASETS["adult"], files=(File("adult.data"), File("adult.test")))
    >>> with tempfile.TemporaryDirectory() as here:
    ...     os.mkdir(f"{here}/adult")
    ...     sizes = [Path(here, "adult", file.path).write_text(rows) for file in own.files]
    ...     with mock.patch.dict(os.environ, FAIRTUT_DATA=here):
    ...         with mock.patch.dict(DATASETS, adult=own):
    ...             table = adult()
    >>> table.s.tolist(), table.y.tolist(), table.rows_dropped[0]
    ([1, 0, 1, 0], [1, 0, 1, 0], ("adult.data: a field is '?'", 1))
    """
    if sensitive not in ("sex", "race"):
        raise UnknownName.of("sensitive attribute of adult", sensitive, ("sex", "race"))
    if part not in ("all", "train", "test"):
        raise UnknownName.of("part of adult", part, ("all", "train", "test"))
    located = files.get("adult")
    columns, from_test = _read_both(located)
    unknown = _unknown(columns)
    columns = {c: v[~unknown] for c, v in columns.items()}
    for column, known in _WORDS.items():
        only(columns[column], known, f"adult: {column}")
    columns = _simplified(columns)
    inputs = [c for c in ADULT_COLUMNS if c not in _NOT_INPUTS]
    x, names, numeric = encode(columns, _NUMERIC, inputs, "adult")
    income = np.char.rstrip(columns["income"], ".")  # adult.test ends its labels with a dot
    s, groups = _groups(columns, sensitive)
    dropped = (
        ("adult.data: a field is '?'", int(unknown[~from_test].sum())),
        ("adult.test: a field is '?'", int(unknown[from_test].sum())),
    )
    table = Table(
        x=x.astype(np.float32),
        s=s,
        y=binary(income, ("<=50K", ">50K"), "adult: income"),
        feature_names=names,
        name="adult",
        sensitive=sensitive,
        source=located.source,
        groups=groups,
        labels=("<=50K", ">50K"),
        numeric=numeric,
        rows_dropped=dropped,
        ids=np.flatnonzero(~unknown),
    )
    if part != "all":
        rows = from_test[~unknown] == (part == "test")
        table = replace(table.take(rows), rows_dropped=(dropped[part == "test"],))
    return both_sides(table)


def _read_both(located: files.Located) -> tuple[dict[str, Strings], NDArray[np.bool_]]:
    """Columns of ``adult.data`` and then ``adult.test``, and which rows are of the latter."""
    read = [load_file(located, path, ADULT_COLUMNS) for path in ("adult.data", "adult.test")]
    from_test = np.repeat([False, True], [len(half["age"]) for half in read])
    return {c: np.concatenate([half[c] for half in read]) for c in ADULT_COLUMNS}, from_test


def _unknown(columns: dict[str, Strings]) -> NDArray[np.bool_]:
    """Return the rows with a ``?``, or what becomes of it in a file that was saved again."""
    words = [gaps(v) for c, v in columns.items() if c not in (*_NUMERIC, "fnlwgt")]
    return np.any([*words, *(v == "?" for v in columns.values())], axis=0)


def _simplified(columns: dict[str, Strings]) -> dict[str, Strings]:
    """Merge the school years below the diploma, and all countries but the US."""
    education = np.array([_SCHOOL.get(v, v) for v in columns["education"]])
    at_home = columns["native_country"] == "United-States"
    country = np.where(at_home, "United-States", "other")
    return {**columns, "education": education, "native_country": country}


def _groups(
    columns: dict[str, Strings], sensitive: str
) -> tuple[NDArray[np.int8], tuple[str, str]]:
    """The sensitive attribute and what its 0 and 1 mean."""
    if sensitive == "sex":
        groups = ("Female", "Male")
        return binary(columns["sex"], groups, "adult: sex"), groups
    only(columns["race"], _RACES, "adult: race")  # "white" would be counted among the others
    return (columns["race"] == "White").astype(np.int8), ("not White", "White")
