"""Tables of people: encoded inputs, one binary sensitive attribute, one binary label.

A :class:`Table` can be split and standardised; the loaders that make one are in
:mod:`fairtut.data.tabular`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.data.given import named_as, same_order, single
from fairtut.errors import InputError
from fairtut.foreign import numbers, plain
from fairtut.runtime.seeds import numpy_rng


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
    ids : ndarray, shape (n,)
        What joins a row back to where it came from: the data frame's index, or the number of the
        row among those that were read; it stays with the row when rows are taken.
    digest : str
        sha256 over the three arrays ``x``, ``s`` and ``y``.
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
    ids: NDArray[Any] = field(default_factory=lambda: np.arange(0))
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        same_order(self.name, x=self.x, s=self.s, y=self.y, ids=self.ids)
        named_as(self.name, self.x, self.feature_names)
        single(self.name, self.x, self.feature_names)
        x = np.ascontiguousarray(numbers(f"{self.name}: x", self.x), dtype="<f4")
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
            values = np.asarray(plain(getattr(self, key)))
            if values.shape != (len(x),) or not np.isin(values, (0, 1)).all():
                raise InputError(f"{self.name}: {key} must be {len(x)} values, each 0 or 1")
            object.__setattr__(self, key, values.astype(np.int8))
        ids = np.asarray(self.ids) if np.size(self.ids) else np.arange(len(x))
        if ids.shape != (len(x),):
            raise InputError(f"{self.name}: {ids.shape} ids for {len(x)} rows: give one each")
        object.__setattr__(self, "ids", ids)
        sha = hashlib.sha256(f"{x.shape}".encode())
        for array in (self.x, self.s, self.y):
            sha.update(np.ascontiguousarray(array).tobytes())
        object.__setattr__(self, "digest", sha.hexdigest())

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: ArrayLike) -> Table:
        """Return a table of the given rows (indices or a mask)."""
        index = np.asarray(rows)
        rows_of = {key: getattr(self, key)[index] for key in ("x", "s", "y", "ids")}
        return replace(self, **rows_of)

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

    Raises
    ------
    fairtut.errors.InputError
        If it is applied to a table with another number of columns.

    Examples
    --------
    The mean of the first column is 3 and its spread 1; the second is a flag and stays:

    >>> import numpy as np
    >>> from fairtut.data.table import Standardiser, Table
    >>> x, half = np.array([[2.0, 1.0], [4.0, 0.0]]), np.array([0, 1])
    >>> table = Table(x, half, half, ("age", "married"), "own", "sex", "own people", numeric=(0,))
    >>> Standardiser.fit(table)(table).x.tolist()
    [[-1.0, 1.0], [1.0, 0.0]]
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


def both_sides(table: Table) -> Table:
    """Return the table if it has two groups and two classes.

    Parameters
    ----------
    table : Table

    Returns
    -------
    Table
        The same.

    Raises
    ------
    fairtut.errors.InputError
        If all rows have one ``s`` or one ``y``, or there are none.

    Examples
    --------
    >>> from fairtut.data.table import both_sides
    >>> from fairtut.data.tabular import load
    >>> table = load("zafar", n=20)
    >>> both_sides(table) is table
    True
    >>> both_sides(table.take(table.s == 1))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: zafar: only one group (every row has s = 1): fairness compares two,
    check the sensitive column
    """
    for key, values, what in (("s", table.s, "group"), ("y", table.y, "class")):
        if len(np.unique(values)) < 2:
            found = f"every row has {key} = {values[0]}" if len(values) else "there are no rows"
            raise InputError(
                f"{table.name}: only one {what} ({found}): fairness compares two, check the "
                f"{'sensitive column' if key == 's' else 'target'}"
            )
    return table


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

    Examples
    --------
    >>> from fairtut.data.table import split
    >>> from fairtut.data.tabular import load
    >>> parts = split(load("zafar", n=100, seed=0), {"fit": 60, "test": 40})
    >>> {name: len(part.y) for name, part in parts.items()}
    {'fit': 60, 'test': 40}
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
    """Return the row numbers of each part.

    Parameters
    ----------
    s, y : array_like of 0 and 1, shape (n,)
        Groups and labels.
    sizes, seed, stratify
        As in :func:`split`.

    Returns
    -------
    dict of str to ndarray of int64, shape (n_part,)
        Disjoint rows, in random order.

    Raises
    ------
    fairtut.errors.InputError
        As :func:`split`.

    Examples
    --------
    Five people in each of the four cells of (s, y); every part holds them in proportion:

    >>> import numpy as np
    >>> from fairtut.data.table import split_rows
    >>> s, y = np.repeat([0, 0, 1, 1], 5), np.repeat([0, 1, 0, 1], 5)
    >>> rows = split_rows(s, y, {"train": 12, "test": 8}, seed=0)
    >>> {part: np.bincount(2 * s[some] + y[some]).tolist() for part, some in rows.items()}
    {'train': [3, 3, 3, 3], 'test': [2, 2, 2, 2]}
    """
    same_order("split", s=s, y=y)
    given = [np.asarray(plain(values)) for values in (s, y)]
    for what, values in zip("sy", given, strict=True):
        if values.ndim != 1 or not np.isin(values, (0, 1)).all():
            raise InputError(f"{what} must hold 0 and 1 only, one for each row")
    if len(given[0]) != len(given[1]):
        raise InputError(f"s has {len(given[0])} rows, y has {len(given[1])}: give one of each")
    cell = 2 * given[0].astype(np.int64) + given[1].astype(np.int64)
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
