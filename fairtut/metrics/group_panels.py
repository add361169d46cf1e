r"""Many decisions about the same people, under every definition, resampled together.

A group metric of hard decisions needs the counts :math:`n[s, y, \hat y]` and nothing else.  So a
panel counts each resample into a :class:`~fairtut.metrics.GroupTable`, for all models at once, and
every definition works on that batch of tables: two models, or two hundred, can then be compared
on the same resamples.  Groups may overlap, as identities in a comment do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.foreign import plain
from fairtut.metrics.definitions import as_definition
from fairtut.metrics.group import GroupTable
from fairtut.metrics.labels import (
    as_labels,
    encode,
    from_tensor,
    named_rows,
    relabel,
    same_rows,
)
from fairtut.metrics.measuring import Definition, Multiclass
from fairtut.metrics.people import by_name, read_people
from fairtut.metrics.resamples import Resamples
from fairtut.metrics.values import Array, FloatArray, Labels


class GroupPanel(Resamples):
    r"""People with a label and one group, several or none, and joint resamples of them.

    With the weight :math:`w_{ri}` of person i in resample r (how often drawn, times the sample
    weight) and membership :math:`m_{ig} \in \{0, 1\}`, the table of model b in resample r is

    .. math:: n_{rb}[g, j, k] = \sum_i w_{ri}\, m_{ig}\, [y_i = j]\, [\hat y_{bi} = k],

    a matrix product for each cell (g, j) over the people in it.

    Parameters
    ----------
    y : array-like, shape (n,)
        Labels.
    s : array-like, shape (n,), or several attributes, optional
        Group of each person, as in :func:`fairtut.metrics.group_table`; None: one group.
    members : array-like of bool, shape (n, G), or data frame, optional
        In the place of ``s``: who belongs to which group.  A person may belong to several groups
        or to none.  "All people" in a definition then means all n, each of them once.
    positive, classes : optional
        The favourable class; all labels and their order.  As in ``group_table``, but taken from
        ``y`` alone: a decision that is no label of anybody has to be declared here.
    groups : sequence, optional
        Names of all groups; with ``members``, of its columns.
    sample_weight : array-like, shape (n,), optional
        How much each person counts.
    n_resamples, seed : int
        How many resamples, 0 or more, and their source: one seed, one set of them.

    Attributes
    ----------
    y : int array, shape (n,)
        Index into ``classes``.
    members : bool array, shape (n, G)
    classes, groups : tuple
    positive : int or None
        Index into ``classes``.

    Raises
    ------
    fairtut.errors.InputError
        If columns differ in length or index, both ``s`` and ``members`` are given, or a value has
        no place.

    Notes
    -----
    The last axis of what a method returns has ``1 + n_resamples`` entries: the value on the people
    as they are, then on each resample.  Where nobody is left to divide by, it is NaN; an interval
    is made from the resamples that are defined, and counts the others in ``n_nan``.

    Examples
    --------
    Two models and four people in two groups, of which the second person is in both and the fourth
    in none.

    >>> members = [[1, 0], [1, 1], [0, 1], [0, 0]]
    >>> panel = GroupPanel([1, 1, 0, 0], members=members, n_resamples=200)
    >>> dp = panel.metric("dp", [[1, 0, 0, 0], [1, 1, 1, 1]])  # sum of |rate of all - of a group|
    >>> dp.shape
    (2, 201)
    >>> dp[:, 0].tolist()  # |1/4 - 1/2| + |1/4 - 0|; the second model accepts everybody
    [0.5, 0.0]
    >>> paired = panel.interval(dp[0] - dp[1])
    >>> paired.value, paired.n, paired.n_nan > 0  # some resamples have nobody of a group
    (0.5, 4, True)
    """

    def __init__(
        self,
        y: object,
        s: object = None,
        *,
        members: object = None,
        positive: Hashable = None,
        classes: Sequence[Hashable] | None = None,
        groups: Sequence[Hashable] | None = None,
        sample_weight: object = None,
        n_resamples: int = 1000,
        seed: int = 0,
    ) -> None:
        if members is not None and s is not None:
            raise InputError("pass s or members, not both: they say the same thing in two ways")
        own = groups if members is None else None
        people = read_people(y, y, s, positive=positive, classes=classes, groups=own)
        columns = {"y": y, **by_name(s), "members": members, "sample_weight": sample_weight}
        same_rows(**columns)
        n = len(people.y)
        super().__init__(n, n_resamples=n_resamples, seed=seed, sample_weight=sample_weight)
        self._known = named_rows(**columns)
        self.y, self.classes, self.positive = people.y, people.classes, people.positive
        self.members, self.groups = people.s[:, None] == range(len(people.groups)), people.groups
        if members is not None:
            self.members, self.groups = _memberships(members, n, groups)

    def tables(self, y_hat: object) -> GroupTable:
        """Count every resample, by group, label and decision.

        Parameters
        ----------
        y_hat : array-like, shape (..., n)
            Decisions; leading dimensions are models, settings and seeds.

        Returns
        -------
        GroupTable
            Batch shape (..., 1 + R).  For several definitions of the same decisions, make it
            once and pass it to their :meth:`~fairtut.metrics.Definition.of_table`.

        Raises
        ------
        fairtut.errors.InputError
            If there is not one decision per person, or one is none of the classes.
        """
        codes, batch = self._codes(y_hat)
        shape = (*batch, len(self._weights), len(self.groups), *[len(self.classes)] * 2)
        cells = np.stack([self._counted(codes, who) for who in self.members.T], 2)
        names = self.groups, self.classes, self.positive
        if (self.members.sum(1) == 1).all():  # groups share the people out
            return GroupTable(cells.reshape(shape), *names)
        whole = self._counted(codes, np.ones(self.n, bool)).reshape(*shape[:-3], *shape[-2:])
        return GroupTable(cells.reshape(shape), *names, everybody=whole)

    def _codes(self, y_hat: object) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Decisions as an index into the classes, (models, n), and their leading shape."""
        self._same_people(y_hat=y_hat)
        decided = as_labels("y_hat", y_hat)
        if decided.shape[-1:] != (self.n,):
            raise InputError(f"y_hat of shape {decided.shape} for {self.n} people: one per person")
        codes, seen = encode("y_hat", decided.reshape(-1))
        codes = relabel("y_hat", codes, seen, self.classes, "classes")
        return codes.reshape(-1, self.n), decided.shape[:-1]

    def _counted(self, codes: NDArray[np.int64], who: NDArray[np.bool_]) -> FloatArray:
        """Sums of weights by label and decision among some people, (models, 1 + R, K, K)."""
        k, models = len(self.classes), len(codes)
        out = np.empty((models, len(self._weights), k, k))
        for label in range(k):
            rows = np.flatnonzero(who & (self.y == label))
            chosen = codes[:, None, rows] == np.arange(k)[:, None]  # (models, K, rows)
            flat = chosen.reshape(models * k, -1).astype(self._weights.dtype)
            sums = self._weights[:, rows] @ flat.T  # (1 + R, models * K)
            out[:, :, label] = sums.reshape(-1, models, k).swapaxes(0, 1)
        return out

    def metric(
        self,
        metric: str | Definition | Callable[..., Any],
        y_hat: object,
        *,
        multiclass: Multiclass = None,
        **options: Any,
    ) -> FloatArray:
        """Return a metric of decisions (..., n), shape (..., 1 + R).

        Parameters
        ----------
        metric : str, Definition or function
            One of :data:`fairtut.metrics.DEFINITIONS`, or a metric function of this package.
        y_hat : array-like, shape (..., n)
        multiclass : {"worst", "mean"}, optional
        **options
            Keywords of the metric, such as ``signed``.

        Raises
        ------
        fairtut.errors.InputError
            If the metric needs more than hard decisions, or these do not fit the people.
        fairtut.errors.UnknownName
            If no metric has the name.
        """
        definition = as_definition(metric, **options)
        if definition is None:
            raise InputError(
                f"{metric!r} is no metric of hard decisions from fairtut.metrics.DEFINITIONS: for "
                "scores use auc, for anything else loop over the people in rows(r)"
            )
        return definition.of_table(self.tables(y_hat), multiclass)

    def accuracy(self, y_hat: object) -> FloatArray:
        """Return the accuracy of decisions (..., n), shape (..., 1 + R), in one matrix product."""
        codes, batch = self._codes(y_hat)
        return self.mean((codes == self.y).reshape(*batch, self.n))

    def auc(self, score: ArrayLike, where: ArrayLike | None = None) -> FloatArray:
        """Return the area under the ROC curve of scores (..., n), over the people in ``where``.

        That is the share of pairs of a positive and a negative person in which the positive one
        has the higher score, ties counted as half; without such a pair it is NaN.
        """
        self._same_people(score=score, where=where)
        table = np.asarray(plain(score), float)
        if np.isnan(table).any():
            raise InputError("score holds NaN: drop or impute those rows first")
        kept = np.ones(self.n, bool) if where is None else np.asarray(where, bool)
        if table.shape[-1:] != (self.n,) or kept.shape != (self.n,):
            raise InputError(f"scores of shape {table.shape} for {self.n} people: one per person")
        if self.positive is None:
            raise InputError("scores rank a favourable class: pass positive=<class>")
        areas = [self._area(row[kept], kept) for row in table.reshape(-1, self.n)]
        return np.stack(areas).reshape(*table.shape[:-1], -1)

    def _area(self, score: FloatArray, kept: NDArray[np.bool_]) -> FloatArray:
        order = np.argsort(score)
        rows = np.flatnonzero(kept)[order]
        new = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # first row of each level
        if not len(rows):
            return np.full(len(self._weights), np.nan)
        weight, favourable = self._weights[:, rows].astype(float), self.y[rows] == self.positive
        positive, negative = (
            np.add.reduceat(weight * own, new, axis=1) for own in (favourable, ~favourable)
        )  # (1 + R, levels)
        below = np.cumsum(negative, axis=1) - negative / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = positive.sum(1) * negative.sum(1)
            area: FloatArray = (positive * below).sum(1) / pairs
        return area


def _memberships(
    members: Any, n: int, declared: Sequence[Hashable] | None
) -> tuple[NDArray[np.bool_], Labels]:
    """Who is in which group, (n, G), and the names of the groups."""
    names = declared
    if hasattr(members, "columns"):
        names = list(members.columns if declared is None else declared)
        if set(names) != set(members.columns):
            raise InputError(
                f"groups names {names} but members has the columns {list(members.columns)}: "
                "name the same ones"
            )
        members = members[names] if len(set(names)) == len(names) else members
    given = from_tensor(members) if hasattr(members, "detach") else plain(members)
    table: Array = np.asarray(given)
    if table.ndim != 2 or len(table) != n or not table.shape[1]:
        raise InputError(f"members has shape {table.shape} for {n} people: need (n, groups)")
    if not np.isin(table, (0, 1)).all():
        raise InputError("members must hold true and false, or 0 and 1, only")
    names = range(table.shape[1]) if names is None else names
    if len(names) != table.shape[1] or len(set(names)) < len(names):
        raise InputError(f"members has {table.shape[1]} columns: name each group once")
    return table.astype(bool), tuple(names)
