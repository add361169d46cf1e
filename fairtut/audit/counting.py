"""The same resampled people for every decision: joint counts, drawn once and added up.

People who agree in groups, label and every decision are one kind.  The kinds are resampled, and
each decision's own table is a sum of them, so two numbers are about the same resampled people and
their difference has an interval too.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from fairtut.errors import InputError
from fairtut.foreign import plain
from fairtut.metrics import GroupTable
from fairtut.metrics.intervals import resampled_sums
from fairtut.metrics.people import People
from fairtut.metrics.values import Array, FloatArray


def joint(
    people: People,
    belongs: Array,
    groups: tuple[Hashable, ...],
    decided: Sequence[Array],
    n_resamples: int,
    seed: int,
) -> list[GroupTable]:
    """Count several decisions in the same resamples of the same people.

    Parameters
    ----------
    people : People
    belongs : bool array, shape (n, G)
    groups : tuple, length G
    decided : sequence of int array, shape (n,)
        Indexes into the classes.
    n_resamples, seed : int

    Returns
    -------
    list of GroupTable
        One per decision, batch shape (1 + n_resamples,): everybody once, then the resamples.
    """
    k, size = len(people.classes), len(groups)
    patterns, pattern = np.unique(belongs, axis=0, return_inverse=True)
    rows = np.stack([pattern.reshape(-1), people.y, *decided])
    kinds, kind = np.unique(rows, axis=1, return_inverse=True)  # (2 + decisions, kinds)
    weight = np.ones(len(people.y)) if people.weight is None else people.weight
    flat, count = kind.reshape(-1), kinds.shape[1]
    rng = np.random.default_rng(seed)
    sums = resampled_sums(flat, weight, (count,), n_resamples, rng)
    draws = np.vstack([np.bincount(flat, weight, count), sums])  # (1 + R, kinds)
    at, group = np.nonzero(patterns[kinds[0]])  # a kind stands once for each of its groups
    overlap = not (belongs.sum(1) == 1).all()
    tables = []
    for decision in kinds[2:]:
        cell = kinds[1] * k + decision  # (kinds,)
        counts = _summed(draws, at, group * k * k + cell[at], size * k * k)
        whole = _summed(draws, np.arange(count), cell, k * k).reshape(-1, k, k)
        tables.append(
            GroupTable(
                counts.reshape(-1, size, k, k),
                groups,
                people.classes,
                people.positive,
                everybody=whole if overlap else None,
            )
        )
    return tables


def named(label: Hashable) -> str:
    """Write a group or a class: of several attributes, one after the other.

    >>> named(("f", 0)), named("m")
    ('f, 0', 'm')
    """
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def spelled(labels: Sequence[Hashable]) -> dict[Hashable, str]:
    """Write several groups or classes so that no two are the same text, by label.

    >>> spelled([("a, b", "c"), ("a", "b, c")])
    {('a, b', 'c'): "('a, b', 'c')", ('a', 'b, c'): "('a', 'b, c')"}
    >>> spelled([1, "1"]), spelled([0, "f"])
    ({1: '1', '1': "'1'"}, {0: '0', 'f': 'f'})
    """
    for write in (named, repr):
        texts = [write(label) for label in labels]
        if len(set(texts)) == len(texts):
            break
    else:  # objects that write themselves alike
        texts = [f"{text} ({i})" for i, text in enumerate(texts)]
    return dict(zip(labels, texts, strict=True))


def _summed(draws: FloatArray, kind: Array, cell: Array, size: int) -> FloatArray:
    """Add up the kinds of each cell, (1 + R, size)."""
    order = np.argsort(cell, kind="stable")
    found, first = np.unique(cell[order], return_index=True)
    out = np.zeros((len(draws), size))
    if len(found):
        out[:, found] = np.add.reduceat(draws[:, kind[order]], first, axis=1)
    return out


def group_names(members: Any) -> list[Any]:
    """Names of the groups in a mapping or in a table."""
    return list(getattr(members, "columns", members))


def belonging(
    people: People, members: Mapping[str, Array] | None
) -> tuple[Array, tuple[Hashable, ...]]:
    """Who is in which group, (n, G), and the groups' names; a data frame of them will do."""
    if members is None:
        return people.s[:, None] == np.arange(len(people.groups)), people.groups
    columns = {name: np.asarray(plain(members[name])) for name in group_names(members)}
    for name, column in columns.items():
        if column.shape != people.y.shape or not np.isin(column, (0, 1)).all():
            raise InputError(f"members[{name!r}] must hold 0 or 1 for each of {len(people.y)}")
    return np.stack(list(columns.values()), -1).astype(bool), tuple(columns)
