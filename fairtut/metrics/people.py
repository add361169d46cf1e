"""People as codes, and their counts: labels, decisions and groups in, one table out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.foreign import attributes, collected
from fairtut.metrics.group import GroupTable
from fairtut.metrics.labels import (
    as_labels,
    encode,
    label_column,
    ordered,
    relabel,
    same_rows,
    score_column,
)
from fairtut.metrics.values import Array, FloatArray, Labels

_ROOM = 256  # powers of two: squares of weights, and sums of them, neither overflow nor vanish


class Reading(TypedDict, total=False):
    """Keywords of :func:`group_table` that every metric passes on."""

    positive: Hashable
    classes: Sequence[Hashable] | None
    groups: Sequence[Hashable] | None
    sample_weight: object


def group_table(
    y: object,
    y_hat: object,
    s: object = None,
    *,
    positive: Hashable = None,
    classes: Sequence[Hashable] | None = None,
    groups: Sequence[Hashable] | None = None,
    sample_weight: object = None,
) -> GroupTable:
    """Count people by group, label and decision.

    Parameters
    ----------
    y : array-like, shape (n,), or None
        Labels: numpy array, list, Series of pandas or polars, or torch tensor on any device.  None
        when the metric does not look at labels.
    y_hat : array-like, shape (..., n)
        Decisions (not scores).  Leading dimensions are a batch, such as one row per run.
    s : array-like, shape (n,), or several attributes, or None
        Group of each person.  A tuple or list of arrays, a data frame, or an (n, k) array is
        read as k attributes whose *observed* combinations are the groups.  None: one group.
    positive : hashable, optional
        The favourable class.  Default for the classes {0, 1} and {-1, 1}: 1.  Any other two
        classes have to be told apart by whoever knows them.
    classes, groups : sequence, optional
        Declares all labels and their order, also those that nobody in the data has.
    sample_weight : array-like, shape (n,), optional
        How much each person counts, finite and not negative.

    Returns
    -------
    GroupTable
        Counts of shape (..., G, K, K).

    Raises
    ------
    fairtut.errors.InputError
        Lengths or the indexes of pandas columns differ, nothing to count, a missing value, a score
        where a decision belongs, or a label outside the declared ones.

    Examples
    --------
    >>> from fairtut.metrics import group_table
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> table = group_table(y, y_hat, s)
    >>> table.selection_rate.tolist(), table.n.tolist()
    ([0.75, 0.25], [4, 4])
    """
    return read_people(
        y, y_hat, s, positive=positive, classes=classes, groups=groups, sample_weight=sample_weight
    ).table()


@dataclass(frozen=True, eq=False)
class People:
    """Labels as codes: what :func:`group_table` counts.

    Attributes
    ----------
    y, s : int array, shape (n,)
        Index into ``classes`` and ``groups``.
    y_hat : int array, shape (..., n)
        Index into ``classes``.
    groups, classes, positive
        As in :class:`GroupTable`.
    weight : float array, shape (n,), or None
        How much each person counts; None: as one.
    """

    y: NDArray[np.int64]
    y_hat: NDArray[np.int64]
    s: NDArray[np.int64]
    groups: Labels
    classes: Labels
    positive: int | None
    weight: FloatArray | None = None

    def table(self) -> GroupTable:
        """Count, with one ``bincount`` for the whole batch."""
        k, n = len(self.classes), len(self.y)
        size = len(self.groups) * k * k
        cell = (self.s * k + self.y) * k + self.y_hat  # (..., n)
        cell = cell.reshape(-1, n) + size * np.arange(cell.size // n)[:, None]  # (B, n)
        shape = (*self.y_hat.shape[:-1], len(self.groups), k, k)
        people = np.bincount(cell.ravel(), minlength=len(cell) * size).reshape(shape)
        names = (self.groups, self.classes, self.positive)
        if self.weight is None:
            return GroupTable(people, *names)
        each = np.broadcast_to(self.weight, cell.shape).ravel()
        counts = np.bincount(cell.ravel(), each, minlength=people.size).reshape(shape)
        return GroupTable(counts, *names, people)


def read_people(
    y: object,
    y_hat: object,
    s: object = None,
    *,
    positive: Hashable = None,
    classes: Sequence[Hashable] | None = None,
    groups: Sequence[Hashable] | None = None,
    sample_weight: object = None,
) -> People:
    """Check labels and turn them into codes; parameters and errors of :func:`group_table`."""
    collected(y_hat=y_hat)
    runs = hasattr(y_hat, "columns") and len(y_hat.columns) > 1  # then its rows are no people
    columns = {"y": y, "y_hat": None if runs else y_hat, **by_name(s)}
    same_rows(**columns, sample_weight=sample_weight)
    s = attributes(s)  # a table of polars, column by column
    truth = None if y is None else as_labels("y", y)
    guess = as_labels("y_hat", y_hat)
    for name, array in (("y", truth), ("y_hat", guess)):
        if array is not None and (array.ndim == 0 or array.size == 0):
            raise InputError(f"{name} is empty: pass one entry per person")
    if guess.ndim == 2 and guess.shape[1] == 1 and guess.shape[0] > 1:
        guess = guess[:, 0]  # a column of decisions, not n runs over one person
    n = guess.shape[-1]
    truth = guess[(0,) * (guess.ndim - 1)] if truth is None else label_column("y", truth, n)
    y_codes, y_seen = encode("y", truth)
    hat_codes, hat_seen = encode("y_hat", guess.reshape(-1))
    names = _classes(y_seen, hat_seen, classes, unlabelled=y is None)
    y_codes = relabel("y", y_codes, y_seen, names, "classes")
    hat_codes = relabel("y_hat", hat_codes, hat_seen, names, "classes").reshape(guess.shape)
    s_codes, group_names = _groups(s, n, groups)
    weight = None if sample_weight is None else checked_weights(sample_weight, n)
    favourable = _positive(positive, names)
    return People(y_codes, hat_codes, s_codes, group_names, names, favourable, weight)


def _classes(
    y_seen: Labels, hat_seen: Labels, declared: Sequence[Hashable] | None, *, unlabelled: bool
) -> Labels:
    """Class labels: declared, or {0, 1} or {-1, 1} when everything fits, or those of y."""
    if declared is not None:
        return _declared("classes", declared)
    seen = set(y_seen) | set(hat_seen)
    for pair in ((0, 1), (-1, 1)):
        if seen <= set(pair):
            return pair
    return tuple(ordered(seen)) if unlabelled else y_seen


def _declared(what: str, labels: Sequence[Hashable]) -> Labels:
    """Declared labels as plain Python objects, refused when one stands there twice."""
    names = tuple(v.item() if isinstance(v, np.generic) else v for v in labels)
    if not names or len(set(names)) < len(names):
        raise InputError(f"{what} must name each label once: got {list(names)}")
    return names


def checked_weights(sample_weight: object, n: int) -> FloatArray:
    """One weight per person, not all of them zero."""
    weight = score_column("sample_weight", sample_weight, n)
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise InputError("sample_weight must hold finite numbers, none negative and one above 0")
    return _in_range(weight)


def _in_range(weight: FloatArray) -> FloatArray:
    """Weights of which sums and squares have room, divided by a power of two where they had none.

    Only ratios of sums of weights are ever used, and these stay as they are to the last bit.
    """
    exponent = int(np.frexp(weight.max())[1])
    return weight if abs(exponent) <= _ROOM else np.ldexp(weight, -exponent)


def _positive(positive: Hashable, names: Labels) -> int | None:
    if positive is not None:
        if positive not in names:
            shown = ", ".join(map(repr, names))
            raise InputError(
                f"positive={positive!r} is none of the classes {shown}: pass one of them"
            )
        return names.index(positive)
    return names.index(1) if set(names) in ({0, 1}, {-1, 1}) else None


def columns_of(s: object, n: int) -> list[Array]:
    """The sensitive attributes, one (n,) array each."""
    if hasattr(s, "columns") and hasattr(s, "iloc"):  # a data frame, without importing pandas
        return [label_column("s", s.iloc[:, j], n) for j in range(len(s.columns))]
    if isinstance(s, (list, tuple)) and any(
        isinstance(v, list) or getattr(v, "ndim", 0) > 0 for v in s
    ):
        return [label_column("s", v, n) for v in s]
    array = as_labels("s", s)
    if array.ndim == 2 and len(array) == n:
        return [label_column("s", column.tolist(), n) for column in array.T]
    return [label_column("s", array, n)]


def by_name(s: object) -> dict[str, object]:
    """Several columns in a list by number, anything else as it is, for :func:`same_rows`."""
    if isinstance(s, (list, tuple)) and any(hasattr(v, "iloc") for v in s):
        return {f"s[{i}]": column for i, column in enumerate(s)}
    return {"s": s}


def _groups(
    s: object, n: int, declared: Sequence[Hashable] | None
) -> tuple[NDArray[np.int64], Labels]:
    """Group codes and labels; several attributes give the observed combinations, as tuples."""
    if s is None:
        return np.zeros(n, np.int64), ("all",)
    encoded = [encode("s", column) for column in columns_of(s, n)]
    if len(encoded) == 1:
        codes, seen = encoded[0]
    else:
        sizes = tuple(len(labels) for _, labels in encoded)
        joint = np.ravel_multi_index([c for c, _ in encoded], sizes)
        codes, present = encode("s", np.asarray(joint, dtype=np.int64))
        index = np.unravel_index(np.asarray(present, dtype=np.int64), sizes)
        columns = [[labels[i] for i in ix] for ix, (_, labels) in zip(index, encoded, strict=True)]
        seen = tuple(zip(*columns, strict=True))
    if declared is None:
        return codes, seen
    names = _declared("groups", declared)
    return relabel("s", codes, seen, names, "groups"), names
