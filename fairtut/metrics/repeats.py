"""Student's t over seeds and over repeated splits.

These intervals answer "would another training run give another number?"; those of
:mod:`fairtut.metrics.intervals` answer the same about other people.  The two are never mixed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

import numpy as np

from fairtut.errors import InputError
from fairtut.foreign import plain
from fairtut.metrics.estimates import (
    PAIRED_SEEDS,
    SEEDS,
    SPLITS,
    Estimate,
    IntervalWarning,
    check_level,
)
from fairtut.metrics.labels import same_rows
from fairtut.metrics.values import FloatArray


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
    fairtut.errors.InputError
        No values, estimates instead of numbers, or a mapping or table, whose names are no values.

    Examples
    --------
    >>> from fairtut.metrics import over_seeds
    >>> print(over_seeds([0.80, 0.81, 0.82]))
    .810 [.785, .835]
    """
    return _t_interval(_per_seed(values), level, SEEDS)


def paired_over_seeds(
    a: Sequence[float] | Sequence[Sequence[float]],
    b: Sequence[float] | Sequence[Sequence[float]],
    level: float = 0.95,
) -> Estimate:
    """t-interval of the mean of a - b, seed by seed; arguments as in :func:`over_seeds`.

    Examples
    --------
    >>> from fairtut.metrics import paired_over_seeds
    >>> print(paired_over_seeds([0.80, 0.81, 0.82], [0.70, 0.72, 0.71]))
    .100 [.075, .125]
    """
    same_rows(a=a, b=b)
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
    fairtut.errors.InputError
        No values, or an overlap that is not positive.

    References
    ----------
    Nadeau & Bengio: Inference for the generalization error, Machine Learning 52, 2003.

    Examples
    --------
    >>> from fairtut.metrics import over_splits
    >>> print(over_splits([0.80, 0.81, 0.82], overlap=0.5))
    .810 [.771, .849]
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


def _numbers(values: Any) -> Any:
    """A sequence as a list; a mapping or a table would be read by its names, and a set unordered.

    A single number is returned as it is.
    """
    if isinstance(values, (Mapping, Set, str, bytes)) or hasattr(values, "columns"):
        raise InputError(
            f"values are a {type(values).__name__}: pass a list of numbers, one per seed, such as "
            "list(values.values()) of a dict"
        )
    alone = not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0
    return values if alone else list(plain(values))


def _per_seed(values: Sequence[Any]) -> FloatArray:
    """One number per seed, repeated initialisations averaged; shape (n_seeds,)."""
    items = [_numbers(item) for item in _numbers(values)]
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
    check_level(level)
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
