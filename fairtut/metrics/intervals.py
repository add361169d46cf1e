r"""Intervals: over people (bootstrap) and over seeds (Student's t).  The two are never mixed.

*Over people* answers "would other people from the same population give another number?" with the
classifier fixed.  *Over seeds* answers "would another training run?" with the people fixed or
redrawn.  An :class:`Estimate` says in ``method`` which of the two it is, and the functions over
seeds refuse estimates as input.

Why the bootstrap needs no rows.  A row bootstrap draws n rows with replacement, each of the n
with probability 1/n.  A draw lands in cell (s, y, ŷ) with probability n[s, y, ŷ]/n, independently
of the other draws, so the cell counts of a resample are exactly Multinomial(n, n[s, y, ŷ]/n), and
a metric of hard decisions depends on nothing else.  Sampling the 8 counts costs the same for 20
thousand people as for 20.

A percentile interval of an *unsigned* gap is honest away from 0 only: the gap of a resample is
positive even when the true gap is 0, so the interval all but never contains 0.  To ask whether
there is a difference at all, use the signed gap.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import numpy as np

from fairtut.errors import InputError
from fairtut.metrics.definitions import as_definition
from fairtut.metrics.group import GroupTable, multinomial
from fairtut.metrics.labels import as_labels, from_tensor
from fairtut.metrics.measuring import Definition, Multiclass
from fairtut.metrics.people import group_table, read_people
from fairtut.metrics.values import Array, FloatArray

PEOPLE = "percentile bootstrap over people"
PAIRED_PEOPLE = "paired percentile bootstrap over people"
SEEDS = "t over seeds"
PAIRED_SEEDS = "paired t over seeds"
SPLITS = "corrected t over splits"
_NAN_SHARE = 0.05  # more undefined resamples than this, and there is no interval

Metric = str | Definition | Callable[..., Any]


class IntervalWarning(UserWarning):
    """An interval could not be computed or rests on fewer resamples than asked for."""


class _Measure(Protocol):
    def __call__(self, y: object, y_hat: object, s: object) -> float: ...


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes
    ----------
    value, low, high : float
        Point estimate and interval; the interval is NaN when there is none.
    n : int
        People (bootstrap) or seeds (t).
    level : float
        Nominal coverage, such as .95.
    method : str
        How the interval was made, and over what: people or seeds.
    n_nan : int
        Bootstrap resamples in which the metric was undefined.
    """

    value: float
    low: float
    high: float
    n: int
    level: float
    method: str
    n_nan: int = 0

    def excludes(self, value: float = 0.0) -> bool:
        """Whether the interval lies wholly on one side of a value; False without an interval."""
        return bool(self.low > value or self.high < value)

    def __float__(self) -> float:
        """Return the point estimate."""
        return self.value

    def __format__(self, spec: str) -> str:
        """Format as ``.814 [.801, .827]``; the specification is that of one number."""
        spec = spec or ".3f"
        value, low, high = (_short(v, spec) for v in (self.value, self.low, self.high))
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{value} [no interval]"
        return f"{value} [{low}, {high}]"

    def __str__(self) -> str:
        """Return the number with its interval to three decimals."""
        return format(self, "")


def _short(value: float, spec: str) -> str:
    """A formatted number without the zero before its decimal point."""
    text = format(value, spec)
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def bootstrap(
    metric: Metric,
    y: object,
    y_hat: object,
    s: object = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
    multiclass: Multiclass = None,
    **options: Any,
) -> Estimate:
    """Percentile interval of a metric over people.

    Parameters
    ----------
    metric : str, Definition or callable
        A metric of this package by name or function (then only cell counts are resampled), or
        any ``f(y, y_hat, s) -> float`` (then rows are, in a Python loop).
    y, y_hat, s : array-like, shape (n,)
        As in :func:`fairtut.metrics.group_table`.
    n_resamples : int
        Number of bootstrap samples.
    level : float
        Nominal coverage in (0, 1).
    seed : int or numpy Generator
        Source of the resamples.
    multiclass : {"worst", "mean"}, optional
        Passed to the metric.
    **options
        ``positive``, ``classes``, ``groups``, and keywords of the metric such as ``reduce``.

    Returns
    -------
    Estimate
        Over people.  Resamples in which the metric is NaN (a small group vanished) are counted
        in ``n_nan``; above 5 % of them the interval is NaN, with a warning.

    Raises
    ------
    InputError
        Bad input, level or number of resamples.
    """
    reading = {k: options.pop(k) for k in ("positive", "classes", "groups") if k in options}
    definition = as_definition(metric, **options)
    if definition is None:
        if reading or options or multiclass:
            raise InputError("options belong to fairtut's metrics: bind them to the function first")
        return _row_bootstrap(cast(_Measure, metric), y, y_hat, s, n_resamples, level, seed)
    table = group_table(y, y_hat, s, **reading)
    return bootstrap_table(
        definition, table, n_resamples=n_resamples, level=level, seed=seed, multiclass=multiclass
    )


def bootstrap_table(
    metric: Metric,
    table: GroupTable,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
    multiclass: Multiclass = None,
) -> Estimate:
    """The same interval from counts alone, for example those of a stored record."""
    _check(n_resamples, level)
    definition = _definition(metric)
    value = definition.measure(table, multiclass)
    resamples = table.resampled(n_resamples, np.random.default_rng(seed))
    return _percentiles(value, definition.of_table(resamples, multiclass), value.n, level, PEOPLE)


def bootstrap_difference(
    metric: Metric,
    y: object,
    y_hat: object,
    other_y_hat: object,
    s: object = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
    multiclass: Multiclass = None,
    **options: Any,
) -> Estimate:
    """Paired interval of metric(y_hat) - metric(other_y_hat) on the same people.

    The people are resampled once for both decisions, so what the two share cancels.  The joint
    counts n[s, y, ŷ, ŷ'] are multinomial, for the reason in the module's introduction.

    Parameters
    ----------
    metric, y, s, n_resamples, level, seed, multiclass, **options
        As in :func:`bootstrap`; the metric must be one of this package.
    y_hat, other_y_hat : array-like, shape (n,)
        Two decisions about each person.

    Returns
    -------
    Estimate
        Over people.
    """
    _check(n_resamples, level)
    reading = {k: options.pop(k) for k in ("positive", "classes", "groups") if k in options}
    definition = _definition(metric, **options)
    ours, theirs = _decisions(y_hat), _decisions(other_y_hat)
    if len(ours) != len(theirs):
        raise InputError(
            f"y_hat has {len(ours)} rows but other_y_hat has {len(theirs)}: decide the same people"
        )
    pair = np.stack([ours, theirs])  # (2, n)
    people = read_people(y, pair, s, **reading)
    both = people.table()
    first, second = (both.with_counts(both.counts[i]) for i in range(2))
    k = len(people.classes)
    cell = ((people.s * k + people.y) * k + people.y_hat[0]) * k + people.y_hat[1]
    size = len(people.groups) * k**3
    joint = np.bincount(cell, minlength=size).reshape(-1, k, k, k)  # (G, K, K, K)
    draws = multinomial(joint, n_resamples, np.random.default_rng(seed))  # (R, G, K, K, K)
    values = definition.of_table(first.with_counts(draws.sum(-1)), multiclass)
    other = definition.of_table(second.with_counts(draws.sum(-2)), multiclass)
    point = definition.measure(first, multiclass) - definition.measure(second, multiclass)
    return _percentiles(point, values - other, int(joint.sum()), level, PAIRED_PEOPLE)


def over_seeds(
    values: Sequence[float] | Sequence[Sequence[float]], level: float = 0.95
) -> Estimate:
    """Mean and t-interval over seeds, standard deviation with ddof = 1.

    Parameters
    ----------
    values : sequence of float, or of sequences
        One number per seed.  A nested list holds repeated initialisations of one data seed; they
        are averaged first, because they are not independent draws.
    level : float
        Nominal coverage in (0, 1).

    Returns
    -------
    Estimate
        Over seeds; NaN interval for a single seed, and NaN throughout (with a warning) when a
        seed's value is NaN.

    Raises
    ------
    InputError
        No values, or estimates instead of numbers.
    """
    return _t_interval(_per_seed(values), level, SEEDS)


def paired_over_seeds(
    a: Sequence[float] | Sequence[Sequence[float]],
    b: Sequence[float] | Sequence[Sequence[float]],
    level: float = 0.95,
) -> Estimate:
    """t-interval of the mean of a - b, seed by seed; arguments as in :func:`over_seeds`."""
    first, second = _per_seed(a), _per_seed(b)
    if len(first) != len(second):
        raise InputError(
            f"a has {len(first)} seeds but b has {len(second)}: pass the same seeds in both"
        )
    return _t_interval(first - second, level, PAIRED_SEEDS)


def over_splits(values: Sequence[float], overlap: float, level: float = 0.95) -> Estimate:
    r"""Mean and t-interval over repeated random splits of the same people.

    The splits share people, so their results are correlated and the plain interval is far too
    narrow.  The usual correction puts :math:`\tfrac1J + \tfrac{n_{test}}{n_{train}}` in the
    place of :math:`\tfrac1J`: however many splits, one data set is one data set.

    Parameters
    ----------
    values : sequence of float
        One number per split.
    overlap : float
        Rows of a test part divided by rows of a training part, above 0.
    level : float
        Nominal coverage in (0, 1).

    Returns
    -------
    Estimate
        As :func:`over_seeds`.

    Raises
    ------
    InputError
        No values, or an overlap that is not positive.

    References
    ----------
    Nadeau & Bengio: Inference for the generalization error, Machine Learning 52, 2003.
    """
    if not 0 < overlap < float("inf"):
        raise InputError(
            f"overlap {overlap}: pass rows of the test part / rows of the training part"
        )
    plain = _t_interval(_per_seed(values), level, SPLITS)
    wider = float(np.sqrt(1 + overlap * plain.n))  # sqrt((1/J + overlap) / (1/J))
    half = wider * (plain.high - plain.value)
    return replace(
        plain, low=plain.value - half, high=plain.value + half,
        method=f"{SPLITS} (ddof=1, {plain.n} splits)",
    )  # fmt: skip


# --- helpers --------------------------------------------------------------------------------


def _check(n_resamples: int, level: float) -> None:
    if n_resamples < 1:
        raise InputError(f"n_resamples={n_resamples} is too few: use 1000")
    if not 0 < level < 1:
        raise InputError(f"level={level} is not a coverage between 0 and 1: use 0.95")


def _definition(metric: Metric, **options: Any) -> Definition:
    definition = as_definition(metric, **options)
    if definition is None:
        raise InputError(
            f"{metric!r} is no metric of fairtut: use a name from fairtut.metrics.DEFINITIONS"
        )
    return definition


def _percentiles(value: float, draws: FloatArray, n: int, level: float, method: str) -> Estimate:
    """Percentile interval; undefined resamples are counted, and too many of them veto it."""
    undefined = int(np.isnan(draws).sum())
    method = f"{method} ({draws.size} resamples)"
    low = high = float("nan")
    if undefined <= _NAN_SHARE * draws.size and not np.isnan(value):
        tail = (1 - level) / 2
        low, high = (float(q) for q in np.nanquantile(draws, [tail, 1 - tail]))
    elif undefined and not np.isnan(value):
        warnings.warn(
            f"no interval: the metric is NaN in {undefined} of {draws.size} resamples "
            "(a cell is too small; report its size instead)",
            IntervalWarning,
            stacklevel=4,
        )
    return Estimate(float(value), low, high, n, level, method, undefined)


def _decisions(y_hat: object) -> Array:
    """One decision vector, checked before two of them are stacked."""
    array = as_labels("y_hat", y_hat)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise InputError(f"y_hat has shape {array.shape}: pass one decision per person")
    return array


def _row_bootstrap(
    measure: _Measure,
    y: object,
    y_hat: object,
    s: object,
    n_resamples: int,
    level: float,
    seed: int | np.random.Generator,
) -> Estimate:
    """Bootstrap of any function of (y, y_hat, s) by resampling rows."""
    _check(n_resamples, level)
    group_table(y, y_hat, s)  # validates
    columns = [None if v is None else _rows(v) for v in (y, y_hat, s)]
    n = len(cast(Array, columns[1]))
    rng = np.random.default_rng(seed)

    def of(rows: Array) -> float:
        taken = [None if column is None else column[rows] for column in columns]
        return float(measure(*taken))

    value = of(np.arange(n))
    draws = np.array([of(rng.integers(0, n, n)) for _ in range(n_resamples)])
    return _percentiles(value, draws, n, level, PEOPLE)


def _rows(values: Any) -> Array:
    """An array with one row per person; several attributes become columns."""
    if hasattr(values, "detach"):
        values = from_tensor(values)
    if isinstance(values, (list, tuple)) and any(np.ndim(v) for v in values):
        return np.stack([np.asarray(v) for v in values], axis=-1)
    return np.asarray(values)


def _per_seed(values: Sequence[Any]) -> FloatArray:
    """One number per seed, repeated initialisations averaged; shape (n_seeds,)."""
    items = list(values)
    if not items:
        raise InputError("no values: pass one number per seed")
    flat = [v for item in items for v in (item if np.ndim(item) else [item])]
    if any(isinstance(v, Estimate) for v in flat):
        raise InputError(
            "these are estimates with intervals of their own: pass one plain number per seed"
        )
    if any(np.ndim(item) and len(item) == 0 for item in items):
        raise InputError("a seed has no values: pass at least one initialisation per seed")
    return np.array([float(np.mean(item)) for item in items])


def _t_interval(values: FloatArray, level: float, method: str) -> Estimate:
    _check(1, level)
    n = len(values)
    mean = float(values.mean())
    low = high = float("nan")
    if np.isnan(mean):
        lost = int(np.isnan(values).sum())
        message = f"no interval: {lost} of {n} seeds are NaN (report them, do not drop them)"
        warnings.warn(message, IntervalWarning, stacklevel=3)
    elif n > 1:
        from scipy.stats import t as student  # here: scipy.stats is slow to import

        half = float(student.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
        low, high = mean - half, mean + half
    return Estimate(mean, low, high, n, level, f"{method} (ddof=1, {n} seeds)")
