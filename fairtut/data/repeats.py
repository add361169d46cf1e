"""Repeated splits of one table, stacked: what many small networks train on as one.

The repeats cut the same people differently, so the spread between them is that of resampling one
data set, not of new populations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.table import Standardiser, Table, split_rows
from fairtut.errors import InputError
from fairtut.runtime.seeds import stream_seed

SIZES: Final[Mapping[str, float]] = MappingProxyType({"train": 0.5, "val": 0.2, "test": 0.3})
"""Share of the rows in each part."""


@dataclass(frozen=True, eq=False)
class Repeats:
    """One table, split r times; every mapping has the names of the parts as keys.

    Attributes
    ----------
    rows : mapping of str to ndarray of int64, shape (r, n_part)
        Row numbers of the table, disjoint within a repeat.
    x : mapping of str to ndarray of float32, shape (r, n_part, d)
        Inputs; numbers standardised with the training rows of the same repeat.
    s, y : mapping of str to ndarray of int8, shape (r, n_part)
        Sensitive attribute and label.

    Examples
    --------
    Within a repeat, the parts are disjoint:

    >>> from fairtut.data.repeats import repeated
    >>> from fairtut.data.tabular import load
    >>> found = repeated(load("zafar", n=20), n_repeats=2)
    >>> sorted(row for part in found.rows.values() for row in part[0].tolist()) == list(range(20))
    True
    >>> found.s["test"].shape, found.y["test"].shape
    ((2, 6), (2, 6))
    """

    rows: Mapping[str, NDArray[np.int64]]
    x: Mapping[str, NDArray[np.float32]]
    s: Mapping[str, NDArray[np.int8]]
    y: Mapping[str, NDArray[np.int8]]


def splits(
    table: Table, n_repeats: int, seed: int = 0, sizes: Mapping[str, int | float] = SIZES
) -> dict[str, NDArray[np.int64]]:
    """Return the row numbers of each part, shape (n_repeats, n_part), stratified on (s, y).

    Repeat i is the same whatever ``n_repeats`` is.

    Parameters
    ----------
    table : Table
        What to split.
    n_repeats : int
        How often, at least 1.
    seed : int
        Root seed.
    sizes : mapping of str to int or float
        Rows or share of rows per part, as of :func:`fairtut.data.table.split`.

    Returns
    -------
    dict of str to ndarray of int64, shape (n_repeats, n_part)

    Raises
    ------
    fairtut.errors.InputError
        If ``n_repeats`` is below 1 or the sizes do not fit.

    Examples
    --------
    >>> from fairtut.data.repeats import splits
    >>> from fairtut.data.tabular import load
    >>> table = load("zafar", n=20)
    >>> two, three = (splits(table, n, sizes={"train": 12, "test": 8}) for n in (2, 3))
    >>> two["train"].shape, two["test"].shape
    ((2, 12), (2, 8))
    >>> bool((three["train"][:2] == two["train"]).all())
    True
    """
    if n_repeats < 1:
        raise InputError(f"n_repeats is {n_repeats}: give at least 1")
    each = [
        split_rows(table.s, table.y, sizes, stream_seed(seed, "repeat", i + 1))
        for i in range(n_repeats)
    ]
    return {part: np.stack([rows[part] for rows in each]) for part in sizes}


def repeated(
    table: Table, n_repeats: int, seed: int = 0, sizes: Mapping[str, int | float] = SIZES
) -> Repeats:
    """Split a table repeatedly, standardise with training rows only, and stack.

    Arguments as of :func:`splits`; one part must be called ``"train"``.

    Returns
    -------
    Repeats

    Raises
    ------
    fairtut.errors.InputError
        As :func:`splits`, or if no part is called ``"train"``.

    Examples
    --------
    The training rows of every repeat have mean 0, which test rows need not have:

    >>> from fairtut.data.repeats import repeated
    >>> from fairtut.data.tabular import load
    >>> found = repeated(load("zafar", n=20), n_repeats=2)
    >>> {part: x.shape for part, x in found.x.items()}
    {'train': (2, 10, 2), 'val': (2, 4, 2), 'test': (2, 6, 2)}
    >>> bool(abs(found.x["train"].mean(axis=1)).max() < 1e-5)
    True
    """
    if "train" not in sizes:
        raise InputError(f"parts {', '.join(sizes)}: one must be called 'train'")
    rows = splits(table, n_repeats, seed, sizes)
    scalers = [Standardiser.fit(table.take(index)) for index in rows["train"]]
    x = {
        part: np.stack([f(table.take(i)).x for f, i in zip(scalers, index, strict=True)])
        for part, index in rows.items()
    }  # (r, n_part, d)
    s = {part: table.s[index] for part, index in rows.items()}
    y = {part: table.y[index] for part, index in rows.items()}
    return Repeats(rows, x, s, y)
