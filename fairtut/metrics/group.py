r"""Counts per group: the one table from which every group metric is computed.

A group metric of hard decisions depends on the data only through the counts
:math:`n[s, y, \hat y]`.  :func:`group_table` makes them with a single ``bincount``, and
:class:`GroupTable` turns them into rates.  Any number of leading batch dimensions may stand in
front of the counts, so a bootstrap, a threshold sweep and a hundred runs share the same code.

Two rules hold everywhere above this module.  A rate whose denominator is zero is NaN, never 0,
and a gap that involves a NaN is NaN: an unmeasured group is not an equally treated one.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError, UnknownName

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
FloatArray = NDArray[np.float64]
Labels = tuple[Hashable, ...]

#: Rates that :meth:`GroupTable.rate` knows, with the people that each one is a share of.
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
_SMALL_RANGE = 1 << 16  # integer labels within this range are counted, wider ones are sorted


class UndefinedMetricWarning(UserWarning):
    """A metric is NaN because its formula is 0/0 on these data."""


class EmptyGroupWarning(UndefinedMetricWarning):
    """A metric is NaN because a group has nobody in a cell that the metric divides by."""


class Reading(TypedDict, total=False):
    """Keywords of :func:`group_table` that every metric passes on."""

    positive: Hashable
    classes: Sequence[Hashable] | None
    groups: Sequence[Hashable] | None


class Value(float):
    """A metric's value: a float that remembers what it was measured on.

    It behaves, prints with a format, pickles and JSON-dumps as a float.

    Attributes
    ----------
    name : str
        Name of the metric.
    n : int
        Number of people in all.
    cells : dict of str to int
        Number of people behind each rate that entered, such as ``{"s=0, y=1": 412}``.
    """

    name: str
    n: int
    cells: Mapping[str, int]

    def __new__(
        cls, value: float, name: str = "", n: int = 0, cells: Mapping[str, int] | None = None
    ) -> Value:
        """Make a float that carries a name and its counts."""
        self = super().__new__(cls, value)
        self.name, self.n, self.cells = name, int(n), dict(cells or {})
        return self

    def __repr__(self) -> str:
        """Show the number with its name and n."""
        return f"Value({float(self)!r}, {self.name!r}, n={self.n})"

    __str__ = float.__repr__

    def __reduce__(self) -> tuple[type[Value], tuple[float, str, int, dict[str, int]]]:
        """Pickle with the counts."""
        return Value, (float(self), self.name, self.n, dict(self.cells))


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
    """

    counts: Array
    groups: Labels
    classes: Labels
    positive: int | None

    @property
    def batch(self) -> tuple[int, ...]:
        """Shape of the leading dimensions; ``()`` for a single table."""
        return self.counts.shape[:-3]

    @property
    def total(self) -> Array:
        """Number of people, shape (...)."""
        return np.asarray(self.counts.sum((-3, -2, -1)))

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
            One of :data:`RATES`.

        Raises
        ------
        UnknownName
            No such rate.
        InputError
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
        numerator, denominator = self.parts(name)
        return divide(numerator.sum(-1), denominator.sum(-1))

    def cells(self, name: str) -> dict[str, int]:
        """People behind a rate per group, such as ``{"s=0, y=1": 412}`` (single tables only)."""
        sizes = self.parts(name)[1]
        if sizes.ndim != 1:
            raise InputError("cells are named for one table, not a batch: index the counts first")
        suffix = self._cell_suffix(RATES[name])
        return {f"s={g}{suffix}": int(size) for g, size in zip(self.groups, sizes, strict=True)}

    def with_counts(self, counts: Array) -> GroupTable:
        """The same groups and classes with other counts, shape (..., G, K, K)."""
        return replace(self, counts=counts)

    def with_positive(self, positive: int) -> GroupTable:
        """The same counts with another favourable class, by index: one class versus the rest."""
        return replace(self, positive=positive)

    def resampled(self, n_resamples: int, rng: np.random.Generator) -> GroupTable:
        """Counts of bootstrap samples of the same people, batch shape (n_resamples,).

        Drawing n rows with replacement and counting them is by definition a multinomial draw
        with the observed cell shares: this *is* the row bootstrap, without the rows.
        """
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


def group_table(
    y: object,
    y_hat: object,
    s: object = None,
    *,
    positive: Hashable = None,
    classes: Sequence[Hashable] | None = None,
    groups: Sequence[Hashable] | None = None,
) -> GroupTable:
    """Count people by group, label and decision.

    Parameters
    ----------
    y : array-like, shape (n,), or None
        Labels: numpy array, list, pandas Series or torch tensor on any device.  None when the
        metric does not look at labels.
    y_hat : array-like, shape (..., n)
        Decisions (not scores).  Leading dimensions are a batch, such as one row per run.
    s : array-like, shape (n,), or several attributes, or None
        Group of each person.  A tuple or list of arrays, a data frame, or an (n, k) array is
        read as k attributes whose *observed* combinations are the groups.  None: one group.
    positive : hashable, optional
        The favourable class.  Default for two numeric classes: the larger one.
    classes, groups : sequence, optional
        Declares all labels and their order, also those that nobody in the data has.

    Returns
    -------
    GroupTable
        Counts of shape (..., G, K, K).

    Raises
    ------
    InputError
        Lengths differ, nothing to count, a missing value, a score where a decision belongs, or
        a label outside the declared ones.
    """
    return read_people(y, y_hat, s, positive=positive, classes=classes, groups=groups).table()


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
    """

    y: NDArray[np.int64]
    y_hat: NDArray[np.int64]
    s: NDArray[np.int64]
    groups: Labels
    classes: Labels
    positive: int | None

    def table(self) -> GroupTable:
        """Count, with one ``bincount`` for the whole batch."""
        k, n = len(self.classes), len(self.y)
        size = len(self.groups) * k * k
        cell = (self.s * k + self.y) * k + self.y_hat  # (..., n)
        cell = cell.reshape(-1, n) + size * np.arange(cell.size // n)[:, None]  # (B, n)
        counts = np.bincount(cell.ravel(), minlength=len(cell) * size)
        shape = (*self.y_hat.shape[:-1], len(self.groups), k, k)
        return GroupTable(counts.reshape(shape), self.groups, self.classes, self.positive)


def read_people(
    y: object,
    y_hat: object,
    s: object = None,
    *,
    positive: Hashable = None,
    classes: Sequence[Hashable] | None = None,
    groups: Sequence[Hashable] | None = None,
) -> People:
    """Check labels and turn them into codes; parameters and errors of :func:`group_table`."""
    truth = None if y is None else as_labels("y", y)
    guess = as_labels("y_hat", y_hat)
    for name, array in (("y", truth), ("y_hat", guess)):
        if array is not None and (array.ndim == 0 or array.size == 0):
            raise InputError(f"{name} is empty: pass one entry per person")
    if guess.ndim == 2 and guess.shape[1] == 1 and guess.shape[0] > 1:
        guess = guess[:, 0]  # a column of decisions, not n runs over one person
    n = guess.shape[-1]
    truth = guess[(0,) * (guess.ndim - 1)] if truth is None else _column("y", truth, n)
    y_codes, y_seen = _encode("y", truth)
    hat_codes, hat_seen = _encode("y_hat", guess.reshape(-1))
    names = _classes(y_seen, hat_seen, classes, unlabelled=y is None)
    y_codes = _relabel("y", y_codes, y_seen, names, "classes")
    hat_codes = _relabel("y_hat", hat_codes, hat_seen, names, "classes").reshape(guess.shape)
    s_codes, group_names = _groups(s, n, groups)
    return People(y_codes, hat_codes, s_codes, group_names, names, _positive(positive, names))


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


def warn_empty(name: str, empty: Sequence[str], stacklevel: int = 3) -> None:
    """Warn once that a metric is NaN because nobody is in the cells listed."""
    if not empty:
        return
    shown = "; ".join(empty[:5]) + ("; ..." if len(empty) > 5 else "")
    message = (
        f"{name} is NaN: nobody in {shown} (merge groups, add data, or report it as unmeasured)"
    )
    warnings.warn(message, EmptyGroupWarning, stacklevel=stacklevel)


# --- reading labels -------------------------------------------------------------------------


def as_labels(name: str, values: object) -> Array:
    """Numpy array of labels: torch tensors are fetched, integral floats become integers.

    Parameters
    ----------
    name : str
        What the labels are, for messages: ``"y"``, ``"y_hat"`` or ``"s"``.
    values : array-like
        Of any shape.

    Raises
    ------
    InputError
        Missing values, or numbers that are no labels.
    """
    torch = sys.modules.get("torch")  # never imported here: the metrics need no torch
    if torch is not None and isinstance(values, torch.Tensor):
        values = from_tensor(values)
    elif isinstance(values, (list, tuple)):
        values = _from_list(values)
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return _integral(name, array)
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    if array.dtype.kind in "OSUTM":
        return _objects(name, array)
    raise InputError(f"{name} has type {array.dtype}: pass integers, strings or other labels")


def from_tensor(tensor: Any) -> Array:
    """Numpy array of a torch tensor on any device; floats (also bfloat16) in double precision."""
    tensor = tensor.detach().cpu()
    return np.asarray((tensor.double() if tensor.is_floating_point() else tensor).numpy())


def _from_list(values: Sequence[Any]) -> Array:
    """Array of a list's items; mixed or composite labels stay Python objects."""
    items = [v.item() if getattr(v, "ndim", None) == 0 else v for v in values]
    plain = (bool, int, float, np.bool_, np.integer, np.floating)
    if all(isinstance(v, plain) for v in items) or all(isinstance(v, str) for v in items):
        return np.asarray(items)
    if any(isinstance(v, list) or getattr(v, "ndim", 0) > 0 for v in items):
        return np.stack([np.asarray(v) for v in items])
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _integral(name: str, array: Array) -> Array:
    """Whole-number floats as integers; anything else is a score or a gap in the data."""
    if np.isnan(array).any():
        raise InputError(f"{name} holds NaN: drop or impute those rows first")
    fractional = array[(array != np.floor(array)) | np.isinf(array)]
    if fractional.size:
        fix = {
            "y_hat": "a score: threshold it first, for example (p_hat > 0.5).astype(int)",
            "y": "not a class: bin it first",
        }.get(name, "not a group: bin it first")
        raise InputError(f"{name} holds {fractional.flat[0]:g}, {fix}")
    return array.astype(np.int64)


def _objects(name: str, array: Array) -> Array:
    """Check labels of any type for missing values; numbers in disguise become integers."""
    items = array.reshape(-1).tolist()
    if any(_missing(v) for v in items):
        raise InputError(f"{name} holds a missing value: drop or impute those rows first")
    if items and all(isinstance(v, (bool, int, float)) for v in items):
        numbers = np.asarray(items).reshape(array.shape)
        return _integral(name, numbers) if numbers.dtype.kind == "f" else numbers.astype(np.int64)
    return array


def _missing(value: object) -> bool:
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, float) and value != value


def _column(name: str, values: object, n: int) -> Array:
    """One label per person; an (n, 1) column is flattened."""
    array = as_labels(name, values)
    if array.ndim == 2 and array.shape == (n, 1):
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}: pass one entry per person")
    if len(array) != n:
        raise InputError(
            f"{name} has {len(array)} rows but y_hat has {n}: pass one per person in each"
        )
    return array


def _encode(name: str, flat: Array) -> tuple[NDArray[np.int64], Labels]:
    """Codes 0..K-1 and the sorted labels that occur."""
    if flat.dtype.kind == "i":
        low = int(flat.min())
        if int(flat.max()) - low < _SMALL_RANGE:
            seen = np.bincount(flat - low) > 0
            codes = (np.cumsum(seen) - 1)[flat - low]
            return codes, tuple((np.flatnonzero(seen) + low).tolist())
        labels, codes = np.unique(flat, return_inverse=True)
        return codes.reshape(-1), tuple(labels.tolist())
    items = flat.tolist()
    try:
        order = _sorted(set(items))
    except TypeError:
        raise InputError(
            f"{name} holds unhashable labels: use strings, numbers or tuples"
        ) from None
    place = {label: i for i, label in enumerate(order)}
    return np.fromiter((place[v] for v in items), np.int64, len(items)), tuple(order)


def _sorted(labels: Iterable[Any]) -> list[Any]:
    labels = list(labels)
    try:
        return sorted(labels)
    except TypeError:  # mixed types have no order of their own
        return sorted(labels, key=lambda v: (type(v).__name__, repr(v)))


def _relabel(
    name: str, codes: NDArray[np.int64], seen: Labels, names: Labels, what: str
) -> NDArray[np.int64]:
    """Codes into ``seen`` become codes into ``names``."""
    place = {label: i for i, label in enumerate(names)}
    strange = [label for label in seen if label not in place]
    if strange:
        shown = ", ".join(map(repr, names))
        raise InputError(
            f"{name} holds {strange[0]!r}, which is none of {shown}: declare {what}=(...)"
        )
    moved: NDArray[np.int64] = np.asarray([place[label] for label in seen], dtype=np.int64)[codes]
    return moved


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
    return tuple(_sorted(seen)) if unlabelled else y_seen


def _declared(what: str, labels: Sequence[Hashable]) -> Labels:
    """Declared labels as plain Python objects, refused when one stands there twice."""
    names = tuple(v.item() if isinstance(v, np.generic) else v for v in labels)
    if not names or len(set(names)) < len(names):
        raise InputError(f"{what} must name each label once: got {list(names)}")
    return names


def _positive(positive: Hashable, names: Labels) -> int | None:
    if positive is not None:
        if positive not in names:
            shown = ", ".join(map(repr, names))
            raise InputError(
                f"positive={positive!r} is none of the classes {shown}: pass one of them"
            )
        return names.index(positive)
    numeric = all(isinstance(c, (bool, int)) for c in names)
    if len(names) == 2 and numeric:
        return max(range(2), key=lambda i: names[i])  # type: ignore[arg-type,return-value]
    return None


def _attributes(s: object, n: int) -> list[Array]:
    """The sensitive attributes, one (n,) array each."""
    if hasattr(s, "columns") and hasattr(s, "iloc"):  # a data frame, without importing pandas
        return [_column("s", s.iloc[:, j], n) for j in range(len(s.columns))]
    if isinstance(s, (list, tuple)) and any(
        isinstance(v, list) or getattr(v, "ndim", 0) > 0 for v in s
    ):
        return [_column("s", v, n) for v in s]
    array = as_labels("s", s)
    if array.ndim == 2 and len(array) == n:
        return [_column("s", column.tolist(), n) for column in array.T]
    return [_column("s", array, n)]


def _groups(
    s: object, n: int, declared: Sequence[Hashable] | None
) -> tuple[NDArray[np.int64], Labels]:
    """Group codes and labels; several attributes give the observed combinations, as tuples."""
    if s is None:
        return np.zeros(n, np.int64), ("all",)
    encoded = [_encode("s", column) for column in _attributes(s, n)]
    if len(encoded) == 1:
        codes, seen = encoded[0]
    else:
        sizes = tuple(len(labels) for _, labels in encoded)
        joint = np.ravel_multi_index([c for c, _ in encoded], sizes)
        codes, present = _encode("s", np.asarray(joint, dtype=np.int64))
        index = np.unravel_index(np.asarray(present, dtype=np.int64), sizes)
        columns = [[labels[i] for i in ix] for ix, (_, labels) in zip(index, encoded, strict=True)]
        seen = tuple(zip(*columns, strict=True))
    if declared is None:
        return codes, seen
    names = _declared("groups", declared)
    return _relabel("s", codes, seen, names, "groups"), names
