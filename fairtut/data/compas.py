"""COMPAS: risk scores and new charges in Broward County."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairtut.data import files
from fairtut.data.encoding import (
    Strings,
    apply_rules,
    as_numbers,
    binary,
    encode,
    gaps,
    load_file,
    need,
    only,
)
from fairtut.data.table import Table, both_sides
from fairtut.errors import UnknownName

_RACES = ("African-American", "Caucasian")
_WORDS = {
    "race": (*_RACES, "Asian", "Hispanic", "Native American", "Other"),
    "sex": ("Female", "Male"),
    "age_cat": ("25 - 45", "Greater than 45", "Less than 25"),
    "c_charge_degree": ("F", "M", "O"),
}
"""What the official file holds, and nothing else: another spelling would be another level."""
_USED = (
    "days_b_screening_arrest",
    "is_recid",
    "c_charge_degree",
    "score_text",
    "race",
    "sex",
    "age_cat",
    "priors_count",
    "two_year_recid",
)


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

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such sensitive attribute.
    fairtut.errors.MissingData, fairtut.errors.CorruptFile
        As :func:`fairtut.data.files.get`, or if the file has fewer rows than the official one.
    fairtut.errors.DataError
        If a column is missing, or holds something that is no number or no known word.

    Examples
    --------
    A file of three rows stands in for the official one.  One screening is 40 days from the arrest:

    >>> import os, tempfile
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.compas import compas
    >>> from fairtut.data.registry import DATASETS, File
    >>> names = "days_b_screening_arrest,is_recid,c_charge_degree,score_text,race,sex,age_cat"
    >>> rows = f'''{names},priors_count,two_year_recid
    ... 1,0,F,Low,Caucasian,Male,25 - 45,0,0
    ... 1,1,M,Low,African-American,Male,25 - 45,2,1
    ... 40,1,F,Low,Caucasian,Male,25 - 45,2,1'''
    >>> own = replace(DATASETS["compas"], files=(File("compas-scores-two-years.csv"),))
    >>> with tempfile.TemporaryDirectory() as here:
    ...     os.mkdir(f"{here}/compas")
    ...     size = Path(here, "compas", own.files[0].path).write_text(rows)
    ...     with mock.patch.dict(os.environ, FAIRTUT_DATA=here):
    ...         with mock.patch.dict(DATASETS, compas=own):
    ...             table = compas()
    >>> table.s.tolist(), table.y.tolist(), table.rows_dropped[0][1]
    ([1, 0], [0, 1], 1)
    """
    if sensitive not in ("race", "sex"):
        raise UnknownName.of("sensitive attribute of compas", sensitive, ("race", "sex"))
    located, path = files.get("compas"), "compas-scores-two-years.csv"
    where = f"compas: {path}"
    columns = load_file(located, path, None)
    groups = _RACES if sensitive == "race" else ("Female", "Male")
    keep, dropped = apply_rules(_rules(columns, where, sensitive))
    columns = {c: v[keep] for c, v in columns.items()}
    other = "sex" if sensitive == "race" else "race"
    features = ("age_cat", other, "priors_count", "c_charge_degree")
    x, names, numeric = encode(columns, ("priors_count",), features, where)
    return both_sides(
        Table(
            x=x.astype(np.float32),
            s=binary(columns[sensitive], groups, f"{where}, {sensitive}"),
            y=binary(columns["two_year_recid"], ("0", "1"), f"{where}, two_year_recid"),
            feature_names=names,
            name="compas",
            sensitive=sensitive,
            source=located.source,
            groups=groups,
            labels=("no new charge", "new charge within two years"),
            favourable=0,
            numeric=numeric,
            rows_dropped=dropped,
            ids=np.flatnonzero(keep),
        )
    )


def _rules(
    columns: dict[str, Strings], where: str, sensitive: str
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Reason to drop, and the rows that it drops: ProPublica's filter, then the two groups."""
    need(columns, _USED, where)
    days = as_numbers(columns["days_b_screening_arrest"], f"{where}, days_b_screening_arrest")
    recid = as_numbers(columns["is_recid"], f"{where}, is_recid")
    empty = {column: gaps(columns[column]) for column in _WORDS}
    for column, known in _WORDS.items():
        only(columns[column][~empty[column]], known, f"{where}, {column}")
    rules = [
        ("screening not within 30 days of the arrest, or unknown", ~(np.abs(days) <= 30)),
        ("is_recid is -1 (no COMPAS case found)", (recid == -1) | np.isnan(recid)),
        ("c_charge_degree is O (ordinary traffic offence)", columns["c_charge_degree"] == "O"),
        # a file that was saved again has nothing in its place
        ("score_text is N/A", gaps(columns["score_text"])),
    ]
    lacking = np.any(list(empty.values()), axis=0)
    if lacking.any():  # the official file has none
        rules.append((f"no value in one of {', '.join(_WORDS)}", lacking))
    if sensitive == "race":
        other = ~np.isin(columns["race"], _RACES)
        rules.append(("race is neither African-American nor Caucasian", other))
    return rules
