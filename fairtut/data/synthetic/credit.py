"""Invented applicants whose columns follow the counts of South German Credit, for use offline.

``credit.json`` holds counts only: for each column, how many of the 1,000 people have each value
(or lie in each interval), per cell of credit risk and age (25 or younger).  It was made by
:func:`count` and is checked against the official file by a test.  A draw picks a cell and then
every column on its own, so within a cell the columns know nothing of each other: the stand-in
keeps each column's link with risk and age, and loses every other link of the real file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.runtime.seeds import numpy_rng

Columns = dict[str, NDArray[np.int64]]
"""Column name to official codes, each of shape (n,)."""

YOUNG: Final = 25
"""Greatest age that counts as young."""
EDGES: Final[Mapping[str, tuple[int, ...]]] = {
    "duration": (4, 7, 10, 13, 16, 19, 22, 25, 31, 37, 49, 73),
    "amount": (250, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 18_425),
    "age": (19, 22, 25, 26, 29, 33, 37, 41, 46, 51, 61, 76),
}
"""Ends of the intervals in which numbers are counted: from each end up to below the next."""


def cell_of(columns: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the cell of each person: 2 * (credit risk is good) + (young).

    Parameters
    ----------
    columns : mapping of str to ndarray of int64, shape (n,)
        Holds ``credit_risk``, 0 or 1, and ``age`` in years.

    Returns
    -------
    ndarray of int64, shape (n,)
        In 0..3.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.data.synthetic.credit import cell_of
    >>> cell_of({"credit_risk": np.array([0, 1, 1]), "age": np.array([40, 26, 25])}).tolist()
    [0, 2, 3]
    """
    return 2 * columns["credit_risk"] + (columns["age"] <= YOUNG)


def count(columns: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
    """Count every column per cell; this is what ``credit.json`` holds.

    Parameters
    ----------
    columns : mapping of str to ndarray of int64, shape (n,)
        Raw columns; ``credit_risk`` and ``age`` are among them.

    Returns
    -------
    dict
        ``people``: how many are in each of the four cells.  ``columns``: for each column its
        ``values`` (or the starts of its intervals) and, per cell, their ``counts``.

    Examples
    --------
    Three people in the cells 0, 2 and 3; two of them have a job of code 3:

    >>> import numpy as np
    >>> from fairtut.data.synthetic.credit import count
    >>> who = {"credit_risk": [0, 1, 1], "age": [40, 26, 25], "job": [2, 3, 3]}
    >>> counted = count({name: np.array(values) for name, values in who.items()})
    >>> counted["people"], counted["columns"]["job"]
    ([1, 0, 1, 1], {'values': [2, 3], 'counts': [[1, 0], [0, 0], [0, 1], [0, 1]]})
    """
    cell = cell_of(columns)
    body: dict[str, Any] = {"people": np.bincount(cell, minlength=4).tolist(), "columns": {}}
    for name, values in columns.items():
        if name == "credit_risk":
            continue
        starts = np.array(EDGES[name][:-1]) if name in EDGES else np.unique(values)
        bins = np.searchsorted(starts, values, side="right") - 1
        tally = [np.bincount(bins[cell == c], minlength=len(starts)).tolist() for c in range(4)]
        body["columns"][name] = {"values": starts.tolist(), "counts": tally}
    return body


def draw(n: int, seed: int) -> Columns:
    """Draw people as raw columns with English names.

    Parameters
    ----------
    n : int
        People, at least 20.
    seed : int
        Root seed.

    Returns
    -------
    dict of str to ndarray of int64, shape (n,)
        21 columns of official codes.

    Raises
    ------
    fairtut.errors.InputError
        If n < 20: fewer rows seldom hold both groups and both classes.

    Examples
    --------
    Every cell of risk and age is drawn in proportion, so 70 of 100 credits are good:

    >>> from fairtut.data.synthetic.credit import draw
    >>> people = draw(100, seed=0)
    >>> len(people), int(people["credit_risk"].sum())
    (21, 70)
    >>> bool((people["age"] >= 19).all() and (people["age"] < 76).all())
    True
    """
    if n < 20:
        raise InputError(f"n is {n}: the stand-in for South German Credit needs at least 20 rows")
    body, rng = load(), numpy_rng(seed, "south-german-stand-in")
    share = np.cumsum(body["people"]) / sum(body["people"])
    # every cell in proportion: 1,000 rows hold 700 good and 300 bad credits, as the file does
    cell = np.repeat(np.arange(4), np.diff(np.round(share * n).astype(np.int64), prepend=0))
    cell = rng.permutation(cell)
    columns: Columns = {}
    for name, held in body["columns"].items():
        values, tally = np.array(held["values"]), np.array(held["counts"])
        bins = np.empty(n, dtype=np.int64)
        for c in range(4):
            rows = np.flatnonzero(cell == c)
            bins[rows] = rng.choice(len(values), len(rows), p=tally[c] / tally[c].sum())
        columns[name] = values[bins]
        if name in EDGES:  # anywhere in the interval
            columns[name] = rng.integers(values[bins], np.array(EDGES[name][1:])[bins])
    return columns | {"credit_risk": cell // 2}


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """Return the counts that come with the package."""
    text = files(__package__).joinpath("credit.json").read_text(encoding="utf-8")
    body: dict[str, Any] = json.loads(text)
    return body
