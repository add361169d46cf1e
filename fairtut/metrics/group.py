r"""Counts per group: the one table from which every group metric is computed.

A group metric of hard decisions depends on the data only through the counts
:math:`n[s, y, \hat y]`.  :func:`~fairtut.metrics.group_table` makes them with a single
``bincount``, and :class:`GroupTable` turns them into rates.  Any number of leading batch
dimensions may stand in front of the counts, so a bootstrap, a threshold sweep and a hundred runs
share the same code.

Two rules hold everywhere above this module.  A rate whose denominator is zero is NaN, never 0,
and a gap that involves a NaN is NaN: an unmeasured group is not an equally treated one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairtut.errors import InputError, UnknownName
from fairtut.metrics.values import Array, FloatArray, Labels, warn_empty

if TYPE_CHECKING:
    import pandas as pd

#: Rates that :meth:`fairtut.metrics.GroupTable.rate` knows, each with whom it is a share of.
RATES: Mapping[str, str] = {
    "selection_rate": "members",
    "tpr": "positives",
    "fnr": "positives",
    "fpr": "negatives",
    "tnr": "negatives",
    "ppv": "selected",
    "accuracy": "members",
    "joint_tp_rate": "members",
}


@dataclass(frozen=True, eq=False)
class GroupTable:
    """Counts of people by group, label and decision.

    Attributes
    ----------
    counts : array, shape (..., G, K, K)
        ``counts[..., g, j, k]`` people of group ``g`` have label ``classes[j]`` and got decision
        ``classes[k]``.  Leading dimensions are a batch (runs, resamples, thresholds).  Counts may
        be fractional: expected counts of a random mixture of two decision rules.
    groups : tuple, length G
        Group labels in sorted order; signed gaps are the second minus the first.
    classes : tuple, length K
        Class labels.
    positive : int or None
        Index in ``classes`` of the favourable class; None when more than one reading is possible.
    people : array, shape (..., G, K, K), optional
        Where ``counts`` are sums of weights: how many people stand behind them.
    everybody : array, shape (..., K, K), optional
        Where a person may be in several groups or in none: counts of all people.  Without it the
        groups share the people out, and everybody is their sum.

    Examples
    --------
    >>> from fairtut.metrics import group_table
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> table = group_table(y, y_hat, s)
    >>> table.counts.tolist()
    [[[1, 1], [0, 2]], [[2, 0], [1, 1]]]
    >>> table.tpr.tolist(), table.cells("tpr")
    ([1.0, 0.5], {'s=0, y=1': 2, 's=1, y=1': 2})
    """

    counts: Array
    groups: Labels
    classes: Labels
    positive: int | None
    people: Array | None = None
    everybody: Array | None = None

    @property
    def unweighted(self) -> GroupTable:
        """The same people, each counted as one."""
        return self if self.people is None else self.with_counts(self.people)

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the leading dimensions; ``()`` for a single table."""
        return self.counts.shape[:-3]

    @property
    def whole(self) -> Array:
        """Counts of all people, in whatever group, shape (..., K, K)."""
        return np.asarray(self.counts.sum(-3)) if self.everybody is None else self.everybody

    @property
    def total(self) -> Array:
        """Number of people, shape (...)."""
        if self.everybody is None:
            return np.asarray(self.counts.sum((-3, -2, -1)))
        return np.asarray(self.everybody.sum((-2, -1)))

    @property
    def n(self) -> Array:
        """Number of people in each group, shape (..., G)."""
        return np.asarray(self.counts.sum((-2, -1)))

    @property
    def selection_rate(self) -> FloatArray:
        r"""P(ŷ = positive | s), shape (..., G)."""
        return self._rate_with_warning("selection_rate")

    @property
    def tpr(self) -> FloatArray:
        """P(ŷ = positive | s, y = positive), shape (..., G)."""
        return self._rate_with_warning("tpr")

    @property
    def fpr(self) -> FloatArray:
        """P(ŷ = positive | s, y not positive), shape (..., G)."""
        return self._rate_with_warning("fpr")

    @property
    def tnr(self) -> FloatArray:
        """P(ŷ not positive | s, y not positive), shape (..., G)."""
        return self._rate_with_warning("tnr")

    @property
    def ppv(self) -> FloatArray:
        """P(y = positive | s, ŷ = positive), shape (..., G)."""
        return self._rate_with_warning("ppv")

    @property
    def accuracy(self) -> FloatArray:
        """P(ŷ = y | s) over all classes, shape (..., G)."""
        return self._rate_with_warning("accuracy")

    def parts(self, name: str) -> tuple[Array, Array]:
        """Numerator and denominator of a rate, each of shape (..., G).

        Parameters
        ----------
        name : str
            One of :data:`~fairtut.metrics.group.RATES`.

        Raises
        ------
        fairtut.errors.UnknownName
            No such rate.
        fairtut.errors.InputError
            The rate needs a positive class and none is known.
        """
        members = self.n
        if name == "accuracy":
            return np.trace(self.counts, axis1=-2, axis2=-1), members
        pos = self._positive()
        selected = self.counts[..., :, pos].sum(-1)  # (..., G, K) -> (..., G)
        hits = self.counts[..., pos, pos]
        positives = self.counts[..., pos, :].sum(-1)
        false_alarms, negatives = selected - hits, members - positives
        known = {
            "selection_rate": (selected, members),
            "tpr": (hits, positives),
            "fnr": (positives - hits, positives),
            "fpr": (false_alarms, negatives),
            "tnr": (negatives - false_alarms, negatives),
            "ppv": (hits, selected),
            "joint_tp_rate": (hits, members),
        }
        if name not in known:
            raise UnknownName.of("rate", name, RATES)
        return known[name]

    def rate(self, name: str) -> FloatArray:
        """A rate of every group, shape (..., G), range [0, 1]; NaN where nobody is counted."""
        return divide(*self.parts(name))

    def overall(self, name: str) -> FloatArray:
        """The same rate over all people, shape (...)."""
        table = self
        if self.everybody is not None:  # people of two groups would count twice in the sum
            one = self.everybody[..., None, :, :]
            table = replace(self, counts=one, groups=("all",), people=None, everybody=None)
        numerator, denominator = table.parts(name)
        return divide(numerator.sum(-1), denominator.sum(-1))

    def cells(self, name: str) -> dict[str, int]:
        """People behind a rate per group, such as ``{"s=0, y=1": 412}`` (single tables only)."""
        sizes = self.unweighted.parts(name)[1]
        if sizes.ndim != 1:
            raise InputError("cells are named for one table, not a batch: index the counts first")
        suffix = self._cell_suffix(RATES[name])
        return {f"s={g}{suffix}": int(size) for g, size in zip(self.groups, sizes, strict=True)}

    def with_counts(self, counts: Array, everybody: Array | None = None) -> GroupTable:
        """The same groups and classes with other counts, shape (..., G, K, K).

        Raises
        ------
        fairtut.errors.InputError
            Groups overlap, and the other counts of all people are not told.
        """
        if (everybody is None) != (self.everybody is None):
            raise InputError("groups that overlap need `everybody`, the counts of all, others none")
        return replace(self, counts=counts, people=None, everybody=everybody)

    def with_positive(self, positive: int) -> GroupTable:
        """The same counts with another favourable class, by index: one class versus the rest."""
        return replace(self, positive=positive)

    def resampled(self, n_resamples: int, rng: np.random.Generator) -> GroupTable:
        """Counts of bootstrap samples of the same people, batch shape (n_resamples,).

        Drawing n rows with replacement and counting them is by definition a multinomial draw
        with the observed cell shares: this *is* the row bootstrap, without the rows.

        Raises
        ------
        fairtut.errors.InputError
            The counts are weighted, or groups overlap: such counts are not multinomial.
        """
        if self.everybody is not None:
            raise InputError(
                "groups that overlap cannot be resampled from their counts: use GroupPanel"
            )
        if self.people is not None:
            raise InputError(
                "a table of weights cannot be resampled from its sums alone: call "
                "fairtut.metrics.bootstrap with y, y_hat, s and sample_weight"
            )
        return self.with_counts(multinomial(self.counts, n_resamples, rng))

    def to_frame(self) -> pd.DataFrame:
        """Every rate of a single table as a data frame, one row per group."""
        import pandas as pd

        names = [r for r in RATES if self.positive is not None or r == "accuracy"]
        columns = {"n": self.n} | {name: self.rate(name) for name in names}
        index = pd.Index([str(g) for g in self.groups], name="group")
        return pd.DataFrame(columns, index=index)

    def _positive(self) -> int:
        if self.positive is None:
            shown = ", ".join(map(repr, self.classes))
            raise InputError(
                f"no favourable class among {shown}: pass positive=<class>, or multiclass='worst'"
            )
        return self.positive

    def _cell_suffix(self, of: str) -> str:
        if of == "members":
            return ""
        pos = self.classes[self._positive()]
        rest = [c for c in self.classes if c != pos]
        negative = f"y={rest[0]}" if len(rest) == 1 else f"y!={pos}"
        return {
            "positives": f", y={pos}",
            "negatives": f", {negative}",
            "selected": f", y_hat={pos}",
        }[of]

    def _rate_with_warning(self, name: str) -> FloatArray:
        empty = self.parts(name)[1] == 0
        empty = empty.reshape(-1, len(self.groups)).any(0)
        warn_empty(name, self._empty_cells(RATES[name], empty), stacklevel=4)
        return self.rate(name)

    def _empty_cells(self, of: str, empty: Array) -> list[str]:
        suffix = self._cell_suffix(of)
        return [
            f"s={g}{suffix}" for g, is_empty in zip(self.groups, empty, strict=True) if is_empty
        ]


def divide(numerator: Array, denominator: Array) -> FloatArray:
    """Elementwise quotient that is NaN, quietly, where the denominator is zero."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def multinomial(counts: Array, n_resamples: int, rng: np.random.Generator) -> Array:
    """Bootstrap counts of one table of any shape; result (n_resamples, *counts.shape)."""
    n = int(counts.sum())
    draws = rng.multinomial(n, counts.ravel() / n, size=n_resamples)
    return draws.reshape(n_resamples, *counts.shape)
