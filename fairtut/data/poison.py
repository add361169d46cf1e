r"""Label-flipping attacks on training data.

FR-Train's authors released poisoned labels but not the recipe.  The one below returns their 200
flips exactly: fit an (almost) unregularised logistic regression f to the clean training rows, with
the sensitive attribute among the inputs, and flip the labels of the members of one group that it
gets most confidently right, that is with the largest margins

.. math:: m_i = \tilde y_i \, f(x_i, s_i), \qquad \tilde y_i \in \{-1, +1\}.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.data.given import same_order
from fairtut.errors import InputError, UnknownName
from fairtut.runtime.seeds import numpy_rng

METHODS = ("margin", "random")
RIDGE = 1e-6
"""Penalty per row on standardised coefficients: only keeps separable data from diverging."""


@dataclass(frozen=True, eq=False)
class Poison:
    """Poisoned labels and what was done to get them.

    Attributes
    ----------
    y : ndarray, shape (n,)
        Labels after the attack, in the coding and type of the clean ones.
    flipped : ndarray of bool, shape (n,)
        True where the label was flipped.
    cutoff : float
        Smallest margin that was flipped; NaN for random flips.
    count : int
        Number of flips.
    method : str
        ``"margin"`` or ``"random"``.

    Examples
    --------
    Random flips have no cutoff, and labels keep their coding:

    >>> from fairtut.data.poison import flip_labels
    >>> x, s, y = [[-3.0], [-1.0], [1.0], [3.0]], [1, 1, 1, 0], [-1, -1, 1, 1]
    >>> poison = flip_labels(x, s, y, fraction=0.5, method="random")
    >>> poison.count, int(poison.flipped.sum()), poison.cutoff, sorted(set(poison.y.tolist()))
    (2, 2, nan, [-1, 1])
    >>> bool(poison.flipped[3])  # the one person of group 0
    False
    """

    y: NDArray[np.generic]
    flipped: NDArray[np.bool_]
    cutoff: float
    count: int
    method: str


def flip_labels(
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    *,
    fraction: float | None = None,
    count: int | None = None,
    group: int = 1,
    method: str = "margin",
    seed: int = 0,
) -> Poison:
    """Flip the labels of some members of one group.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Inputs without the sensitive attribute.
    s : array_like, shape (n,)
        Sensitive attribute in {0, 1}.
    y : array_like, shape (n,)
        Clean labels, two values: {0, 1} or {-1, 1}.
    fraction : float, optional
        Share of *all* rows to flip, in (0, 1); FR-Train flips 0.1.  Rounded to whole rows.
    count : int, optional
        Number of rows to flip; give this or ``fraction``.
    group : int
        Group whose labels are flipped.
    method : {"margin", "random"}
        The attack of the module's docstring, or a control that picks members at random.
    seed : int
        Root seed of the random control.

    Returns
    -------
    Poison

    Raises
    ------
    fairtut.errors.InputError
        If the fraction is outside (0, 1), the group has fewer members than flips, or the arrays do
        not fit together.

    Examples
    --------
    The row at 5 is the one that the model gets most confidently right, but it is not of group 1:

    >>> from fairtut.data.poison import flip_labels
    >>> x, s, y = [[-3.0], [-1.0], [1.0], [5.0]], [1, 1, 1, 0], [0, 0, 1, 1]
    >>> flip_labels(x, s, y, count=1).y.tolist()
    [1, 0, 1, 1]
    >>> flip_labels(x, s, y, count=1, group=0).y.tolist()
    [0, 0, 1, 0]
    """
    if method not in METHODS:
        raise UnknownName.of("poisoning method", method, METHODS)
    points, groups, labels = _checked(x, s, y)
    members = np.flatnonzero(groups == group)
    number = _number(fraction, count, len(labels), len(members), group)
    cutoff = float("nan")
    if method == "random":
        chosen = numpy_rng(seed, "poison").choice(members, size=number, replace=False)
    else:
        scores = margins(points, groups, labels)[members]
        order = np.argsort(-scores, kind="stable")[:number]  # ties: the earlier row first
        chosen, cutoff = members[order], float(scores[order[-1]])
    flipped = np.zeros(len(labels), dtype=bool)
    flipped[chosen] = True
    low, high = labels.min(), labels.max()
    poisoned = np.where(flipped, low + high - labels, labels).astype(labels.dtype)
    return Poison(poisoned, flipped, cutoff, number, method)


def margins(x: ArrayLike, s: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return each row's margin under a logistic regression of y on (x, s).

    Parameters
    ----------
    x, s, y
        As in :func:`flip_labels`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Logits times the label as -1 or 1: positive where the model is right; the larger, the more
        confidently.

    Raises
    ------
    fairtut.errors.InputError
        If the arrays do not fit together.

    Examples
    --------
    A line parts the two classes, so every margin is positive; far from the line they are larger:

    >>> from fairtut.data.poison import margins
    >>> found = margins([[-3.0], [-1.0], [1.0], [3.0]], [0, 1, 1, 0], [0, 0, 1, 1])
    >>> (found > 0).tolist(), bool(found[3] > found[2])
    ([True, True, True, True], True)
    """
    points, groups, labels = _checked(x, s, y)
    signs = np.where(labels == labels.max(), 1.0, -1.0)
    inputs = np.column_stack([points, groups])  # (n, d + 1)
    return signs * _logit(inputs, signs)


def _logit(inputs: NDArray[np.float64], signs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a logistic regression by damped Newton steps and return its logits, shape (n,)."""
    spread = inputs.std(axis=0)
    scaled = (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    design = np.column_stack([scaled, np.ones(len(scaled))])  # (n, d + 2)
    penalty = RIDGE * np.r_[np.ones(scaled.shape[1]), 0.0]
    theta = np.zeros(design.shape[1])

    def loss(t: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0.0, -signs * (design @ t)).mean() + 0.5 * penalty @ (t * t))

    for _ in range(100):
        wrong = 1.0 / (1.0 + np.exp(np.clip(signs * (design @ theta), -700.0, 700.0)))
        gradient = -(design.T @ (signs * wrong)) / len(design) + penalty * theta
        if np.abs(gradient).max() < 1e-10:
            break
        curvature = (design.T * (wrong * (1.0 - wrong))) @ design / len(design)
        # a floor on the diagonal keeps the step defined where columns repeat each other
        curvature += np.diag(penalty + 1e-12)
        step, size = np.linalg.solve(curvature, gradient), 1.0
        while loss(theta - size * step) > loss(theta) and size > 1e-6:
            size /= 2
        theta = theta - size * step
    return design @ theta


def _checked(
    x: ArrayLike, s: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.generic]]:
    same_order("labels to flip", x=x, s=s, y=y)
    points, groups, labels = np.asarray(x, dtype=np.float64), np.asarray(s), np.asarray(y)
    if points.ndim != 2 or groups.shape != (len(points),) or labels.shape != (len(points),):
        raise InputError(
            f"shapes do not fit: x {points.shape}, s {groups.shape}, y {labels.shape}; "
            "give (n, d), (n,) and (n,)"
        )
    if not np.isfinite(points).all():
        raise InputError("x holds NaN or infinite values: drop or fill those rows first")
    if not np.isin(groups, (0, 1)).all():
        raise InputError(f"s must be 0 or 1, found {np.unique(groups)[:5].tolist()}")
    if np.unique(labels).tolist() not in ([0, 1], [-1, 1]):
        raise InputError(f"y must hold both 0 and 1, or both -1 and 1: {np.unique(labels)[:5]}")
    return points, groups.astype(np.int64), labels


def _number(fraction: float | None, count: int | None, n: int, members: int, group: int) -> int:
    """Turn a share or a count into a number of flips that the group can bear."""
    if (fraction is None) == (count is None):
        raise InputError("give either fraction or count")
    if fraction is not None and not 0.0 < fraction < 1.0:
        raise InputError(f"fraction is {fraction}: give a share of all rows inside (0, 1)")
    number = round(fraction * n) if fraction is not None else int(count or 0)
    if number < 1:
        raise InputError(f"{number} labels to flip: ask for at least one")
    if number > members:
        raise InputError(
            f"{number} labels to flip but group {group} has only {members} members: ask for fewer"
        )
    return number
