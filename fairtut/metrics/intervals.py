"""Intervals over people: the bootstrap.

They answer "would other people from the same population give another number?" with the
classifier fixed.  Those of :mod:`fairtut.metrics.repeats` answer "would another training run?".
The two are never mixed: an :class:`~fairtut.metrics.Estimate` says in ``method`` which of the two
it is, and the functions over seeds refuse estimates as input.

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
from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np

from fairtut.errors import InputError
from fairtut.foreign import attributes
from fairtut.metrics.definitions import as_definition
from fairtut.metrics.estimates import (
    PAIRED_PEOPLE,
    PEOPLE,
    Estimate,
    IntervalWarning,
    check_level,
    percentiles,
)
from fairtut.metrics.group import GroupTable, multinomial
from fairtut.metrics.labels import as_labels, label_column, same_rows
from fairtut.metrics.measuring import Definition, Multiclass
from fairtut.metrics.people import People, Reading, by_name, columns_of, read_people
from fairtut.metrics.values import Array, FloatArray

_NUMBERS = 1 << 22  # of resampled counts that are held at a time
_NAN_SHARE = 0.05  # more undefined resamples than this, and a warning says so

Metric = str | Definition | Callable[..., Any]


class _Measure(Protocol):
    def __call__(self, y: object, y_hat: object, s: object) -> float: ...


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
        ``positive``, ``classes``, ``groups``, ``sample_weight`` (a resampled person takes it
        along), and keywords of the metric such as ``reduce``.

    Returns
    -------
    Estimate
        Over people.  Resamples in which the metric is NaN (a small group vanished) are left out
        and counted in ``n_nan``; above 5 % of them there is a warning.

    Raises
    ------
    fairtut.errors.InputError
        Bad input, level or number of resamples.

    Examples
    --------
    >>> from fairtut.metrics import bootstrap
    >>> y, y_hat, s = [1, 0] * 200, [1, 1, 1, 0] * 100, [0, 0, 1, 1] * 100
    >>> found = bootstrap("demographic_parity_gap", y, y_hat, s)
    >>> found.value, found.low < 0.5 < found.high
    (0.5, True)
    >>> found.method
    'percentile bootstrap over people (1000 resamples)'
    """
    reading = {k: options.pop(k) for k in Reading.__annotations__ if k in options}
    definition = as_definition(metric, **options)
    if definition is None:
        if reading or options or multiclass:
            raise InputError("options belong to fairtut's metrics: bind them to the function first")
        return _row_bootstrap(cast(_Measure, metric), y, y_hat, s, n_resamples, level, seed)
    people = read_people(y, y_hat, s, **reading)
    table = people.table()
    if people.weight is None or table.batch:  # a batch is refused below
        return bootstrap_table(
            definition, table, n_resamples=n_resamples, level=level, seed=seed,
            multiclass=multiclass,
        )  # fmt: skip
    _check(n_resamples, level)
    k = len(people.classes)
    cell = (people.s * k + people.y) * k + people.y_hat
    rng = np.random.default_rng(seed)
    sums = resampled_sums(cell, people.weight, (len(people.groups), k, k), n_resamples, rng)
    value = definition.measure(table, multiclass)
    draws = definition.of_table(table.with_counts(sums), multiclass)
    return _percentiles(value, draws, value.n, level, PEOPLE)


def bootstrap_table(
    metric: Metric,
    table: GroupTable,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
    multiclass: Multiclass = None,
) -> Estimate:
    """The same interval from counts alone, for example those of a stored record.

    Examples
    --------
    >>> from fairtut.metrics import bootstrap_table, group_table
    >>> table = group_table([1, 0] * 200, [1, 1, 1, 0] * 100, [0, 0, 1, 1] * 100)
    >>> found = bootstrap_table("accuracy", table)
    >>> found.value, found.n
    (0.75, 400)
    """
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

    Examples
    --------
    >>> from fairtut.metrics import bootstrap_difference
    >>> y, s = [1, 0] * 200, [0, 0, 1, 1] * 100
    >>> found = bootstrap_difference("accuracy", y, y, [1, 1, 1, 0] * 100, s)
    >>> found.value, found.excludes(0)
    (0.25, True)
    """
    _check(n_resamples, level)
    reading = {k: options.pop(k) for k in Reading.__annotations__ if k in options}
    definition = _definition(metric, **options)
    same_rows(y=y, y_hat=y_hat, other_y_hat=other_y_hat, **by_name(s),
              sample_weight=reading.get("sample_weight"))  # fmt: skip
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
    shape = (len(people.groups), k, k, k)
    draws = _joint(cell, people, shape, n_resamples, np.random.default_rng(seed))  # (R, G, K, K, K)
    values = definition.of_table(first.with_counts(draws.sum(-1)), multiclass)
    other = definition.of_table(second.with_counts(draws.sum(-2)), multiclass)
    point = definition.measure(first, multiclass) - definition.measure(second, multiclass)
    return _percentiles(point, values - other, len(cell), level, PAIRED_PEOPLE)


def resampled_sums(
    cell: Array,
    weight: FloatArray,
    shape: tuple[int, ...],
    n_resamples: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Sums of weights per cell in bootstrap samples of the same people.

    People of one cell and one weight are alike, so a resample draws from the kinds that occur:
    with equal weights these are the cells, and the draws those without weights.

    Parameters
    ----------
    cell : int array, shape (n,)
        Flat index into ``shape``.
    weight : float array, shape (n,)
    shape : tuple of int
        Of the table.
    n_resamples : int
    rng : numpy Generator

    Returns
    -------
    float array, shape (n_resamples, *shape)
    """
    size, (weights, code) = int(np.prod(shape)), np.unique(weight, return_inverse=True)
    counts = np.bincount(cell * len(weights) + code, minlength=size * len(weights))
    kinds = np.arange(size) if len(weights) == 1 else np.flatnonzero(counts)
    onto = np.zeros((len(kinds), size))  # from kinds to cells, with their weights
    onto[np.arange(len(kinds)), kinds // len(weights)] = weights[kinds % len(weights)]
    step = max(_NUMBERS // len(kinds), 1)
    parts = [
        multinomial(counts[kinds], min(step, n_resamples - done), rng) @ onto
        for done in range(0, n_resamples, step)
    ]
    return np.concatenate(parts).reshape(n_resamples, *shape)


# --- helpers --------------------------------------------------------------------------------


def _joint(
    cell: Array,
    people: People,
    shape: tuple[int, ...],
    n_resamples: int,
    rng: np.random.Generator,
) -> Array:
    """Resampled joint counts, or sums of weights, (R, *shape)."""
    if people.weight is not None:
        return resampled_sums(cell, people.weight, shape, n_resamples, rng)
    counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    return multinomial(counts, n_resamples, rng)


def _check(n_resamples: int, level: float) -> None:
    check_level(level)
    if not n_resamples * (1 - level) >= 2:  # else the ends lie beyond all resamples
        raise InputError(
            f"n_resamples={n_resamples} is too few for an interval at {level:g}: use 1000"
        )


def _definition(metric: Metric, **options: Any) -> Definition:
    definition = as_definition(metric, **options)
    if definition is None:
        raise InputError(
            f"{metric!r} is no metric of fairtut: use a name from fairtut.metrics.DEFINITIONS"
        )
    return definition


def _percentiles(value: float, draws: FloatArray, n: int, level: float, method: str) -> Estimate:
    """Percentile interval, with a warning where many resamples are undefined."""
    found = percentiles(value, draws, n, level, f"{method} ({draws.size} resamples)")
    if found.n_nan > _NAN_SHARE * draws.size and not np.isnan(value):
        warnings.warn(
            f"the metric is NaN in {found.n_nan} of {draws.size} resamples, the interval is of the "
            "others (a cell is too small: report its size beside the interval)",
            IntervalWarning,
            stacklevel=4,
        )
    return found


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
    people = read_people(y, y_hat, s)  # validates
    n = len(people.y)
    columns = [None if y is None else label_column("y", y, n), label_column("y_hat", y_hat, n),
               None if s is None else _attributes(s, n)]  # fmt: skip
    rng = np.random.default_rng(seed)

    def of(rows: Array) -> float:
        taken = [None if column is None else column[rows] for column in columns]
        return float(measure(*taken))

    value = of(np.arange(n))
    draws = np.array([of(rng.integers(0, n, n)) for _ in range(n_resamples)])
    return _percentiles(value, draws, n, level, PEOPLE)


def _attributes(s: object, n: int) -> Array:
    """Groups of people, (n,); of several attributes (n, k), each with its own kind of label."""
    each = columns_of(attributes(s), n)
    if len(each) == 1:
        return each[0]
    if len({column.dtype for column in each}) == 1:
        return np.stack(each, axis=-1)
    return np.stack([column.astype(object) for column in each], axis=-1)
