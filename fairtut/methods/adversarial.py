r"""What adversarial methods share: a ramp, and how much an adversary can learn, in nats.

Theorem 1 of FR-Train (and its twin, theorem 2) says that the best discriminator measures mutual
information.  For any function :math:`D_s(\hat y) \ge 0` with :math:`\sum_s D_s(\hat y) = 1`,

.. math::

   I(S; \hat Y) \;\ge\; \sum_s P(s)\, E_{\hat Y \mid s}[\log D_s(\hat Y)] + H(S),

with equality at :math:`D^*_s(\hat y) = P(s \mid \hat y)`.  The sum is minus the cross-entropy of
the discriminator, so ``I = H(S) - min BCE``, and every discriminator that cannot express
:math:`D^*` gives a lower bound.

References
----------
Roh, Lee, Whang, Suh.  FR-Train: a mutual information-based approach to fair and robust training.
ICML 2020.  The argument is Gibbs' inequality (Cover & Thomas, Elements of Information Theory).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import xlogy
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from fairtut.errors import InputError
from fairtut.methods.refusals import unmasked
from fairtut.models.mlp import MLP


def entropy(p: ArrayLike) -> float:
    """Return the entropy of a distribution, in nats.

    Parameters
    ----------
    p : array-like
        Probabilities or counts of any shape; they are normalised.

    Examples
    --------
    >>> from fairtut.methods.adversarial import entropy
    >>> round(float(entropy([0.5, 0.5])), 3)
    0.693
    """
    probabilities = _distribution(p)
    return float(-xlogy(probabilities, probabilities).sum())


def mutual_information(joint: ArrayLike) -> float:
    """Return the mutual information of two discrete variables, in nats.

    Parameters
    ----------
    joint : array-like, shape (a, b)
        Probabilities or counts of each pair of values; they are normalised.

    Returns
    -------
    float
        A number in ``[0, min(H(row), H(column))]``; 0 exactly when rows and columns are
        independent.

    Raises
    ------
    fairtut.errors.InputError
        If the table is not two-dimensional, is empty, or holds negative or non-finite entries.

    Examples
    --------
    >>> from fairtut.methods.adversarial import mutual_information
    >>> import numpy as np
    >>> round(float(mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]]))), 3)
    0.693
    """
    table = np.asarray(joint, float)
    if table.ndim != 2:
        raise InputError(f"a joint table has two dimensions, got shape {table.shape}")
    p = _distribution(table)
    outer = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    ratio = np.divide(p, outer, out=np.ones_like(p), where=p > 0)
    return max(float(xlogy(p, ratio).sum()), 0.0)  # rounding may leave -1e-17


def contingency(a: ArrayLike, b: ArrayLike) -> NDArray[np.int64]:
    """Count each pair of values of two discrete arrays of equal length, (levels a, levels b).

    Examples
    --------
    >>> from fairtut.methods.adversarial import contingency
    >>> contingency([0, 1, 1], [0, 0, 1]).tolist()
    [[1, 0], [1, 1]]
    """
    unmasked(a=a, b=b)
    left, right = np.asarray(a), np.asarray(b)
    if left.shape != right.shape or left.ndim != 1 or not len(left):
        raise InputError(f"need two equal 1-D arrays, got shapes {left.shape} and {right.shape}")
    i, rows = np.unique(left, return_inverse=True)
    j, columns = np.unique(right, return_inverse=True)
    counts = np.bincount(rows * len(j) + columns, minlength=len(i) * len(j))
    return counts.reshape(len(i), len(j))


def optimal_discriminator(joint: ArrayLike) -> NDArray[np.float64]:
    r"""Return :math:`D^*_s(\hat y) = P(s \mid \hat y)`, one column per value of :math:`\hat y`.

    Columns that never occur are NaN: no discriminator is wrong about them.

    Parameters
    ----------
    joint : array-like, shape (a, b)
        Probabilities or counts of ``(s, y_hat)``; they are normalised.

    Returns
    -------
    ndarray, shape (a, b)
        ``d[s, y_hat]`` in [0, 1]; each column sums to 1, or is NaN.

    Raises
    ------
    fairtut.errors.InputError
        If the table is empty, sums to 0, or holds negative or non-finite entries.

    Examples
    --------
    >>> from fairtut.methods.adversarial import optimal_discriminator
    >>> optimal_discriminator([[3, 1], [1, 3]]).tolist()  # of 4 accepted people, 3 are of group 1
    [[0.75, 0.25], [0.25, 0.75]]
    >>> optimal_discriminator([[1, 0], [1, 0]]).tolist()  # nobody is accepted
    [[0.5, nan], [0.5, nan]]
    """
    p = _distribution(np.asarray(joint, float))
    total = p.sum(0, keepdims=True)
    return np.asarray(np.divide(p, total, out=np.full_like(p, np.nan), where=total > 0))


def discriminator_bound(joint: ArrayLike, d: ArrayLike) -> float:
    """Evaluate the right-hand side of theorem 1 for any discriminator, in nats.

    Parameters
    ----------
    joint : array-like, shape (a, b)
        Distribution of ``(s, y_hat)``.
    d : array-like, shape (a, b)
        ``d[s, y_hat]``, the discriminator's probability of ``s``; each column sums to 1.

    Returns
    -------
    float
        At most ``mutual_information(joint)``; it can be negative, even ``-inf``.

    Raises
    ------
    fairtut.errors.InputError
        If the shapes differ, ``joint`` is no distribution, or a column of ``d`` that occurs is
        none.

    Examples
    --------
    >>> from fairtut.methods.adversarial import discriminator_bound, optimal_discriminator
    >>> joint = [[3, 1], [1, 3]]
    >>> round(discriminator_bound(joint, optimal_discriminator(joint)), 3)  # the mutual information
    0.131
    >>> abs(round(discriminator_bound(joint, [[0.5, 0.5], [0.5, 0.5]]), 9))  # a coin learns nothing
    0.0
    >>> discriminator_bound(joint, [[1, 0], [0, 1]])  # always sure, and sometimes wrong
    -inf
    """
    p, guess = _distribution(np.asarray(joint, float)), np.asarray(d, float)
    if guess.shape != p.shape:
        raise InputError(f"d has shape {guess.shape}, the joint table {p.shape}: must be equal")
    seen = p.sum(0) > 0
    if not np.allclose(guess[:, seen].sum(0), 1) or (guess[:, seen] < 0).any():
        raise InputError("d must hold probabilities whose columns sum to 1")
    with np.errstate(divide="ignore"):
        log_d = np.where(p > 0, np.log(np.where(p > 0, guess, 1.0)), 0.0)
    return float((p * log_d).sum() + entropy(p.sum(1)))


def ramp(done: float) -> float:
    """Return DANN's ramp from 0 to 1: 2 / (1 + exp(-10 p)) - 1 (Ganin et al., 2016).

    Parameters
    ----------
    done : float
        Share of the training that is done, p in [0, 1].

    Returns
    -------
    float
        In [0, 1): 0 at the start, ``tanh(5)`` at the end.

    References
    ----------
    Ganin et al.: Domain-adversarial training of neural networks, JMLR 2016.

    Examples
    --------
    >>> from fairtut.methods.adversarial import ramp
    >>> [round(ramp(done), 3) for done in (0, 0.1, 0.5, 1)]  # most of the rise is early
    [0.0, 0.462, 0.987, 1.0]
    """
    return float(2.0 / (1.0 + np.exp(-10.0 * done)) - 1.0)


def joint_of_ratio(rate: float, ratios: ArrayLike, share: float) -> NDArray[np.float64]:
    """Joint tables of ``(s, y_hat)`` in which group 1 is accepted at ``rate``.

    Parameters
    ----------
    rate : float
        Acceptance rate of group 1, in [0, 1].
    ratios : array-like, shape (k,)
        Acceptance rate of group 0 as a share of ``rate``; ``rate * ratio`` is in [0, 1].
    share : float
        Share of group 1, in [0, 1].

    Returns
    -------
    ndarray, shape (k, 2, 2)
        ``[ratio, s, y_hat]``; each table sums to 1.

    Examples
    --------
    >>> from fairtut.methods.adversarial import joint_of_ratio, mutual_information
    >>> tables = joint_of_ratio(0.8, ratios=[0.5, 1.0], share=0.5)
    >>> tables[0].round(3).tolist()  # group 0: 40% of its half are accepted; group 1: 80%
    [[0.3, 0.2], [0.1, 0.4]]
    >>> round(mutual_information(tables[1]), 9)  # equal rates: the decision says nothing about s
    0.0
    """
    accept = np.stack([rate * np.asarray(ratios), np.full(np.shape(ratios), rate)])  # (2, k)
    weight = np.array([1 - share, share])[:, None]
    return np.stack([weight * (1 - accept), weight * accept], -1).swapaxes(0, 1)


def trained_bound(
    u: ArrayLike,
    s: ArrayLike,
    *,
    hidden: Sequence[int] = (),
    steps: int = 300,
    seed: int = 0,
) -> float:
    """Lower-bound ``I(S; U)`` by a discriminator that is trained on all rows, in nats.

    Parameters
    ----------
    u : array-like, shape (n,) or (n, k)
        What the discriminator sees.
    s : array-like, shape (n,)
        The sensitive attribute, in {0, 1}.
    hidden : sequence of int
        Widths of hidden layers; none gives a logistic regression, the discriminator of FR-Train.
    steps, seed
        Most iterations of full-batch L-BFGS, and seed of the initialisation.

    Returns
    -------
    float
        ``H(S) - min BCE`` on the rows given.  It is a bound for the *empirical* distribution: with
        a large network and few rows it overstates what holds for new people.

    Raises
    ------
    fairtut.errors.InputError
        If lengths differ, there are fewer than two rows, entries are not finite, or ``s`` is not
        0 or 1.

    Examples
    --------
    >>> from fairtut.methods.adversarial import contingency, mutual_information, trained_bound
    >>> s = [0, 0, 0, 0, 1, 1, 1, 1]
    >>> y_hat = [0, 0, 0, 1, 0, 1, 1, 1]
    >>> round(mutual_information(contingency(s, y_hat)), 3)
    0.131
    >>> round(trained_bound(y_hat, s), 3)  # a logistic regression can express the best D here
    0.131
    """
    unmasked(u=u, s=s)
    inputs = torch.as_tensor(np.asarray(u, np.float32))
    inputs = inputs[:, None] if inputs.ndim == 1 else inputs
    group = torch.as_tensor(np.asarray(s, np.float32))
    if group.shape != inputs.shape[:1] or len(group) < 2 or not torch.isfinite(inputs).all():
        raise InputError("u and s need equal lengths, at least two rows and finite entries")
    if not torch.isin(group, torch.tensor([0.0, 1.0])).all():
        raise InputError("s must hold 0 and 1 only")
    spread = inputs.std(0, keepdim=True).clamp_min(1e-12)
    inputs = (inputs - inputs.mean(0, keepdim=True)) / spread  # one start fits every scale
    torch_seed = torch.Generator().manual_seed(seed)
    net = MLP(inputs.shape[1], hidden, 1, generator=torch_seed)
    loss = _fit(net, inputs, group, steps)
    share = float(group.mean())
    return entropy([share, 1 - share]) - loss


def _fit(net: nn.Module, x: Tensor, target: Tensor, steps: int) -> float:
    """Minimise the full-batch BCE and return the value reached."""
    net.double()
    x, target = x.double(), target.double()
    parameters = list(net.parameters())

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        vector_to_parameters(torch.from_numpy(flat), parameters)
        value = nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], target)
        slopes = torch.autograd.grad(value, parameters)
        return float(value.detach()), parameters_to_vector(slopes).numpy()

    start = parameters_to_vector(parameters).detach().numpy()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return float(found.fun)


def _distribution(p: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(p, float)
    total = values.sum()
    if not values.size or not np.isfinite(values).all() or (values < 0).any() or total <= 0:
        raise InputError("a distribution needs finite, non-negative entries with a positive sum")
    return np.asarray(values / total, float)
