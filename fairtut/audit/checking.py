"""What an audit refuses before it counts: rows that do not belong together, gaps, a lone group."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from fairtut.audit.counting import group_names, spelled
from fairtut.errors import InputError
from fairtut.foreign import collected
from fairtut.metrics.labels import same_rows, score_column
from fairtut.metrics.values import Array, FloatArray


def check_columns(s: object, members: Any, **others: object) -> None:
    """Refuse columns that are not about the same people, or that are missing or masked.

    Parameters
    ----------
    s, members
        As :func:`fairtut.audit.audit` takes them: at most one of the two.
    **others : object
        ``y`` and every other column, by the names that a message uses.

    Raises
    ------
    fairtut.errors.InputError
        No labels, two sources of groups, members without a name or with one twice, masked values,
        or pandas columns whose indexes differ.
    """
    collected(**others, s=s, members=members)
    if others["y"] is None:  # the metrics would take the decisions for the labels
        raise InputError("y is None: an audit compares decisions with labels, so pass them")
    if members is not None:
        _check_members(s, members)
    columns = {**others, **_of_s(s), **_of_members(members)}
    for name, column in columns.items():
        if np.ma.is_masked(column):  # as an array it would show what lies under the mask
            raise InputError(f"{name} holds masked values: drop or impute those rows first")
    same_rows(**columns)


def _check_members(s: object, members: Any) -> None:
    if s is not None:
        raise InputError("s and members both say who is in which group: pass one of them")
    names = group_names(members)
    if not names:
        raise InputError("members names no group: pass a column of 0 and 1 for each, or s")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"members names {twice!r} twice: give each group a name of its own")


def _of_s(s: object) -> dict[str, object]:
    """Several attributes by number, anything else as it is."""
    if isinstance(s, (list, tuple)) and any(getattr(v, "ndim", 0) for v in s):
        return {f"s[{i}]": column for i, column in enumerate(s)}
    return {"s": s}


def _of_members(members: Any) -> dict[str, object]:
    """A table, or one column beside the other."""
    if members is None or hasattr(members, "columns"):
        return {"members": members}
    return {f"members[{name!r}]": column for name, column in members.items()}


def check_groups(belongs: Array, groups: tuple[Hashable, ...]) -> None:
    """Refuse a single group, also one under several names: its gaps are 0 whatever is decided.

    Parameters
    ----------
    belongs : bool array, shape (n, G)
    groups : tuple, length G

    Raises
    ------
    fairtut.errors.InputError
        If all groups hold the same people.
    """
    if (belongs == belongs[:, :1]).all():
        shown = " = ".join(spelled(groups).values())
        raise InputError(f"one group only ({shown}): a gap needs two: pass s or more members")


def finite_scores(score: object, n: int) -> FloatArray:
    """Return one score per person; an infinite one has no distance from a threshold."""
    scores = score_column("score", score, n)
    infinite = scores[np.isinf(scores)]
    if len(infinite):
        raise InputError(
            f"score holds {infinite[0]:g} for {len(infinite):,} people: clip it to finite numbers"
        )
    return scores
