r"""The linear baselines of the FR-Train table: LR, FC, LBC, RML, and an independent peer.

Every method returns classifiers of the same form as FR-Train's: ``theta`` with the weights of
``[x, s]`` and the bias last, so that :func:`fairtut.methods.frtrain.linear_logit` scores them
all.  Each takes optional row weights, which is how a two-step pipeline ("sanitise, then train
fairly") is built: :func:`learned_weights` first, the fair learner second.

References
----------
* FC: Zafar, Valera, Gomez Rodriguez, Gummadi.  Fairness constraints.  AISTATS 2017, eq. (4).
* LBC: Jiang, Nachum.  Identifying and correcting label bias.  AISTATS 2020, algorithm 1.
* RML: Ren, Zeng, Yang, Urtasun.  Learning to reweight examples.  ICML 2018, algorithm 1.
* Exponentiated gradient: Agarwal et al.  A reductions approach.  ICML 2018 (from fairlearn).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from fairtut.errors import InputError, MissingExtra
from fairtut.methods.inputs import Triple, check_rows, check_weights
from fairtut.methods.refusals import unmasked
from fairtut.metrics.labels import same_rows

Floats = NDArray[np.float64]

RIDGE = 1e-6  # keeps separable draws finite; far below any digit that is reported


def design(x: ArrayLike, s: ArrayLike) -> Floats:
    """Return ``[x, s, 1]``, (n, k + 2).

    Parameters
    ----------
    x : array-like, shape (n, k)
    s : array-like, shape (n,)

    Returns
    -------
    ndarray, shape (n, k + 2)

    Raises
    ------
    fairtut.errors.InputError
        If the shapes do not fit, values are masked, or pandas indexes differ.

    Examples
    --------
    >>> from fairtut.methods.fair_baselines import design
    >>> design([[2, 3], [4, 5]], [0, 1]).tolist()
    [[2.0, 3.0, 0.0, 1.0], [4.0, 5.0, 1.0, 1.0]]
    """
    same_rows(x=x, s=s)
    unmasked(x=x, s=s)
    features, group = np.asarray(x, float), np.asarray(s, float)
    if features.ndim != 2 or group.shape != (len(features),):
        raise InputError(f"x and s have shapes {features.shape} and {group.shape}: (n, k), (n,)")
    return np.column_stack([features, group, np.ones(len(features))])


def _rows(
    name: str, x: ArrayLike, s: ArrayLike, y: ArrayLike, *, both: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Return the design matrix (n, k + 2), the group and the label (n,) of checked rows."""
    features, group, label = check_rows(name, x, s, y, both=both)
    return design(features, group), np.asarray(group, float), np.asarray(label, float)


def _loss(theta: Floats, a: Floats, sign: Floats, weight: Floats) -> tuple[float, Floats]:
    """Weighted mean logistic loss and its gradient; ``sign`` is ±1."""
    margin = sign * (a @ theta)
    value = float(weight @ np.logaddexp(0, -margin)) / len(a) + RIDGE / 2 * float(theta @ theta)
    slope = -a.T @ (weight * sign * expit(-margin)) / len(a) + RIDGE * theta
    return value, slope


def _weights(weight: ArrayLike | None, n: int) -> Floats:
    """Row weights of mean 1, (n,)."""
    if weight is None:
        return np.ones(n)
    values = check_weights(weight, n)
    return np.asarray(values * (n / values.sum()), float)


def logistic(x: ArrayLike, s: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> Floats:
    """Logistic regression on ``[x, s]`` (LR), practically unregularised.

    Parameters
    ----------
    x : array-like, shape (n, k)
    s, y : array-like, shape (n,), in {0, 1}
    weight : array-like, shape (n,), optional

    Returns
    -------
    ndarray, shape (k + 2,)

    Raises
    ------
    fairtut.errors.InputError
        For rows or weights that :mod:`fairtut.methods.inputs` refuses: wrong shapes, NaN, one
        group, one class.  The other methods of this module raise the same.

    Examples
    --------
    >>> from fairtut.methods.fair_baselines import logistic
    >>> from fairtut.data.tabular import load
    >>> data = load("zafar")
    >>> logistic(data.x, data.y, data.s).shape
    (4,)
    """
    a, _, label = _rows("training", x, s, y)
    return _newton(a, label, _weights(weight, len(a)), np.zeros(a.shape[1]))


def _newton(a: Floats, y: Floats, w: Floats, start: Floats) -> Floats:
    """Fit a weighted logistic regression by Newton's method with step halving."""
    theta, sign = start, 2 * y - 1
    value, slope = _loss(theta, a, sign, w)
    for _ in range(50):
        p = expit(a @ theta)
        hessian = (a.T * (w * p * (1 - p))) @ a / len(a) + RIDGE * np.eye(a.shape[1])
        step = np.linalg.solve(hessian, slope)
        scale = 1.0
        while scale > 1e-8:
            trial = theta - scale * step
            new_value, new_slope = _loss(trial, a, sign, w)
            if new_value <= value:
                break
            scale /= 2
        if abs(value - new_value) < 1e-13:
            return trial
        theta, value, slope = trial, new_value, new_slope
    return theta


def fairness_constraints(
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    bounds: Sequence[float],
    weight: ArrayLike | None = None,
) -> Floats:
    r"""FC: logistic regression with a bound on the covariance of ``s`` and the logit.

    .. math:: \min_\theta L(\theta)\quad\text{s.t.}\quad
       \Bigl|\tfrac1n\sum_i (s_i - \bar s)\,\theta^\top x_i\Bigr| \le c

    Parameters
    ----------
    bounds : sequence of float
        The values of ``c``, each ≥ 0; ``inf`` gives plain logistic regression.

    Returns
    -------
    ndarray, shape (len(bounds), k + 2)

    Examples
    --------
    >>> from fairtut.methods.fair_baselines import fairness_constraints
    >>> from fairtut.data.tabular import load
    >>> data = load("zafar", n=500, seed=0)
    >>> len(fairness_constraints(data.x, data.s, data.y, bounds=[0.1]))
    1
    """
    a, group, label = _rows("training", x, s, y)
    w, sign = _weights(weight, len(a)), 2 * label - 1
    covariance = (group - group.mean()) @ a / len(a)
    free = _newton(a, label, w, np.zeros(a.shape[1]))
    return np.stack([_constrained(a, sign, w, covariance, c, free) for c in bounds])


def _constrained(
    a: Floats, sign: Floats, w: Floats, covariance: Floats, bound: float, free: Floats
) -> Floats:
    if not bound >= 0:
        raise InputError(f"the covariance bound is {bound}: it must be at least 0")
    if abs(covariance @ free) <= bound:
        return free  # the constraint does not bind
    # The problem is convex, so the optimum lies on the face that the free solution violates.
    face = np.copysign(bound, covariance @ free)
    found = minimize(
        _loss, free, (a, sign, w), jac=True, method="SLSQP",
        constraints={"type": "eq", "fun": lambda t: covariance @ t - face,
                     "jac": lambda t: covariance},
        options={"maxiter": 500, "ftol": 1e-12},
    )  # fmt: skip
    return np.asarray(found.x, float)


def label_bias_correction(
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    rounds: Sequence[int],
    weight: ArrayLike | None = None,
    rate: float = 1.0,
) -> Floats:
    r"""LBC: re-weigh labels by group until both groups are accepted equally often.

    A multiplier :math:`\mu_g` per group gives positives of the group the weight
    :math:`\sigma(2\mu_g)` and negatives :math:`1 - \sigma(2\mu_g)`; after each fit,
    :math:`\mu_g \mathrel{+}= \eta\,(P(\hat Y=1) - P(\hat Y=1\mid g))`.

    Parameters
    ----------
    x : array-like, shape (n, k)
    s, y : array-like, shape (n,), in {0, 1}
    rounds : sequence of int
        After how many rounds to keep the classifier; 0 is plain logistic regression.
    weight : array-like, shape (n,), optional
        Row weights, finite and non-negative.
    rate : float
        The step size :math:`\eta`.

    Returns
    -------
    ndarray, shape (len(rounds), k + 2)

    Raises
    ------
    fairtut.errors.InputError
        If ``rounds`` is empty or holds a negative number, and as :func:`logistic` says.

    References
    ----------
    Jiang, Nachum: Identifying and correcting label bias, AISTATS 2020, algorithm 1.

    Examples
    --------
    A feature that says nothing, and labels with odds 1:3 and 3:1 in the two groups.  Group 1 alone
    is accepted, so one round moves the multipliers by .5 and -.5, and the logits by 1 and -1.

    >>> from fairtut.methods.fair_baselines import design, label_bias_correction
    >>> x, s, y = [[0.0]] * 8, [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 0, 1, 1, 1]
    >>> theta = label_bias_correction(x, s, y, rounds=[0, 1])
    >>> (theta @ design([[0], [0]], [0, 1]).T).round(2).tolist()  # ln 3 is 1.10
    [[-1.1, 1.1], [-0.1, 0.1]]
    """
    if not len(rounds) or min(rounds) < 0:
        raise InputError("rounds must hold numbers of rounds, each at least 0")
    a, s_float, labels = _rows("training", x, s, y)
    base, group = _weights(weight, len(a)), s_float.astype(int)
    multiplier, kept = np.zeros(2), {}
    theta = _newton(a, labels, base, np.zeros(a.shape[1]))
    for step in range(max(rounds) + 1):
        kept[step] = theta
        accepted = a @ theta > 0
        # Row weights enter the loss only: rates are those of all rows, as in the covariance of FC.
        by_group = np.array([accepted[group == g].mean() for g in (0, 1)])
        multiplier = multiplier + rate * (accepted.mean() - by_group)
        positive = expit(2 * multiplier)[group]
        corrected = base * np.where(labels > 0, positive, 1 - positive)
        theta = _newton(a, labels, _weights(corrected, len(a)), theta)
    return np.stack([kept[r] for r in rounds])


@dataclass(frozen=True)
class Reweighted:
    """Result of :func:`learned_weights`.

    Attributes
    ----------
    theta : ndarray, shape (seeds, k + 2)
        Classifier of each seed.
    weight : ndarray, shape (seeds, n)
        Average weight that each training row received when it was drawn, scaled to mean 1.

    Examples
    --------
    >>> from fairtut.methods.fair_baselines import learned_weights
    >>> x, s, y = [[-1.0], [1.0]] * 4, [0, 0, 1, 1] * 2, [0, 1] * 4
    >>> found = learned_weights(x, s, y, (x, s, y), seeds=[0, 1, 2], steps=20, batch=8)
    >>> found.theta.shape, found.weight.shape
    ((3, 3), (3, 8))
    >>> found.weight.mean(1).round(6).tolist()
    [1.0, 1.0, 1.0]
    """

    theta: Floats
    weight: Floats


def learned_weights(
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    clean: Triple,
    seeds: Sequence[int],
    *,
    steps: int = 3000,
    batch: int = 100,
    lr: float = 0.05,
) -> Reweighted:
    r"""RML: weigh each training row by how much its gradient helps on the clean set.

    For a batch, the weight of row ``i`` is the non-negative part of minus the derivative of the
    clean loss in the weight, at weights 0.  For a linear model that is
    :math:`\max(\langle\nabla\ell_i, \nabla L_{clean}\rangle, 0)`, normalised to sum 1; a batch
    in which no row helps is skipped.  All seeds are trained at once.

    Parameters
    ----------
    x : array-like, shape (n, k)
    s, y : array-like, shape (n,), in {0, 1}
    clean : tuple of array-like
        ``(x, s, y)`` of the clean set.
    seeds : sequence of int
        Each draws its own start and its own batches.
    steps, batch, lr
        Steps of gradient descent, rows per step, learning rate.  The rate decides everything: at
        0.5 the published setting of other models diverges here.

    Returns
    -------
    Reweighted

    Raises
    ------
    fairtut.errors.InputError
        If training and clean rows differ in their features, and as :func:`logistic` says.

    References
    ----------
    Ren, Zeng, Yang, Urtasun: Learning to reweight examples for robust deep learning, ICML 2018,
    algorithm 1.

    Examples
    --------
    The label is the sign of the feature, but for the last training row.

    >>> from fairtut.methods.fair_baselines import learned_weights
    >>> x, s, y = [[-2], [-1], [1], [2]] * 2, [0] * 4 + [1] * 4, [0, 0, 1, 1] * 2
    >>> found = learned_weights(
    ...     [*x, [2]], [*s, 0], [*y, 0], clean=(x, s, y), seeds=[0], steps=50, batch=9
    ... )
    >>> (found.weight[0] > 0).astype(int).tolist()  # its gradient never helps on the clean rows
    [1, 1, 1, 1, 1, 1, 1, 1, 0]
    """
    a, _, label = _rows("training", x, s, y)
    a_clean, _, label_clean = _rows("clean", *clean, both=False)
    if a.shape[1] != a_clean.shape[1]:
        raise InputError(
            f"training and clean rows have {a.shape[1] - 2} and {a_clean.shape[1] - 2} features: "
            "they must be equal"
        )
    sign, sign_clean = 2 * label - 1, 2 * label_clean - 1
    rngs = [np.random.default_rng(seed) for seed in seeds]
    theta = np.stack([0.2 * rng.standard_normal(a.shape[1]) for rng in rngs])  # (S, k + 2)
    total, drawn = np.zeros((len(seeds), len(a))), np.zeros((len(seeds), len(a)))
    lanes = np.arange(len(seeds))[:, None]
    for _ in range(steps):
        rows = np.stack([rng.integers(0, len(a), batch) for rng in rngs])  # (S, batch)
        pull = _row_gradients(theta, a[rows], sign[rows])  # (S, batch, k + 2)
        towards = _row_gradients(theta, a_clean[None], sign_clean[None]).mean(1)
        gain = np.maximum(np.einsum("sbk,sk->sb", pull, towards), 0)
        size = gain.sum(1, keepdims=True)
        gain = np.divide(gain, size, out=np.zeros_like(gain), where=size > 0)
        theta = theta - lr * np.einsum("sb,sbk->sk", gain, pull)
        np.add.at(total, (lanes, rows), gain)
        np.add.at(drawn, (lanes, rows), 1)
    mean = np.divide(total, drawn, out=np.zeros_like(total), where=drawn > 0)
    return Reweighted(theta, mean / mean.mean(1, keepdims=True))


def _row_gradients(theta: Floats, a: Floats, sign: Floats) -> Floats:
    """Gradient of each row's logistic loss, (S, rows, k + 2)."""
    margin = sign * np.einsum("sbk,sk->sb", np.broadcast_to(a, (len(theta), *a.shape[1:])), theta)
    return np.asarray(-(sign * expit(-margin))[..., None] * a, float)


def exponentiated_gradient(
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    ratios: Sequence[float],
    targets: Sequence[tuple[ArrayLike, ArrayLike]],
    seed: int = 0,
    weight_on_s: bool = True,
) -> list[list[NDArray[np.int8]]]:
    """Fairlearn's exponentiated gradient with a demographic-parity ratio, as a peer.

    Parameters
    ----------
    x : array-like, shape (n, k)
    s, y : array-like, shape (n,), in {0, 1}
    ratios : sequence of float
        Lower bounds on the ratio of acceptance rates, in (0, 1].
    targets : sequence of (x, s)
        Rows to decide on.  The result is a randomised classifier; ``seed`` draws it once.
    weight_on_s : bool
        Whether ``s`` is an input, as for the other methods.

    Returns
    -------
    list of list of ndarray
        ``decisions[ratio][target]``, each in {0, 1}.

    Raises
    ------
    fairtut.errors.InputError
        As :func:`logistic` says.
    fairtut.errors.MissingExtra
        If fairlearn is not installed.

    References
    ----------
    Agarwal, Beygelzimer, Dudík, Langford, Wallach: A reductions approach to fair classification,
    ICML 2018; computed by fairlearn.

    Examples
    --------
    Both groups have the same features and labels.  So the plain classifier is fair, and stays.

    >>> from fairtut.methods.fair_baselines import exponentiated_gradient
    >>> x, s, y = [[-1.0], [1.0]] * 4, [0, 0, 0, 0, 1, 1, 1, 1], [0, 1] * 4
    >>> decisions = exponentiated_gradient(x, s, y, ratios=[0.8], targets=[([[-1], [1]], [0, 1])])
    >>> decisions[0][0].tolist()  # the first ratio, the first target
    [0, 1]
    """
    try:
        from fairlearn.reductions import DemographicParity, ExponentiatedGradient
    except ImportError as error:
        raise MissingExtra.of("fairlearn", "peers") from error
    from sklearn.linear_model import LogisticRegression

    check_rows("training", x, s, y)

    def inputs(features: ArrayLike, group: ArrayLike) -> Floats:
        both = design(features, group)[:, :-1]
        return both if weight_on_s else both[:, :-1]

    decisions = []
    for ratio in ratios:
        learner = ExponentiatedGradient(
            LogisticRegression(C=1e6, max_iter=500),
            DemographicParity(ratio_bound=ratio, ratio_bound_slack=0.01),
            max_iter=25,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sklearn's deprecation notes from inside fairlearn
            learner.fit(inputs(x, s), np.asarray(y), sensitive_features=np.asarray(s))
            decisions.append([
                np.asarray(learner.predict(inputs(*rows), random_state=seed), np.int8)
                for rows in targets
            ])  # fmt: skip
    return decisions
