r"""Two Gaussian classes with a sensitive attribute that depends on a rotated copy of the inputs.

The construction of Zafar et al. (2017), which FR-Train uses for its synthetic experiments.

.. math::

    x \mid y=1 &\sim N\left((2, 2),\; \begin{pmatrix}5 & 1\\ 1 & 5\end{pmatrix}\right), \qquad
    x \mid y=0 \sim N\left((-2, -2),\; \begin{pmatrix}10 & 1\\ 1 & 3\end{pmatrix}\right) \\
    x' &= x \begin{pmatrix}\cos\phi & -\sin\phi\\ \sin\phi & \cos\phi\end{pmatrix}, \qquad
    P(s=1 \mid x') = \frac{p(x' \mid y=1)}{p(x' \mid y=1) + p(x' \mid y=0)}

The classes have equal size.  The smaller the angle :math:`\phi`, the closer s follows y, and the
more an accurate classifier discriminates.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.data.table import Table
from fairtut.errors import InputError
from fairtut.runtime.seeds import numpy_rng

MEANS = np.array([[-2.0, -2.0], [2.0, 2.0]])
"""Mean of x in class 0 and class 1, shape (2, 2)."""
COVARIANCES = np.array([[[10.0, 1.0], [1.0, 3.0]], [[5.0, 1.0], [1.0, 5.0]]])
"""Covariance of x in class 0 and class 1, shape (2, 2, 2)."""
PHI = math.pi / 4
"""The angle of FR-Train's arrays."""


def rotate(x: ArrayLike, phi: float) -> NDArray[np.float64]:
    r"""Return :math:`x' = x R(\phi)` for row vectors x.

    Parameters
    ----------
    x : array_like, shape (n, 2)
    phi : float
        Angle in radians; row vectors turn clockwise.

    Returns
    -------
    ndarray of float64, shape (n, 2)

    Examples
    --------
    A quarter turn:

    >>> import math
    >>> from fairtut.data.synthetic.gaussians import rotate
    >>> (rotate([[1.0, 0.0], [0.0, 2.0]], math.pi / 2).round(6) + 0.0).tolist()
    [[0.0, -1.0], [2.0, 0.0]]
    """
    points = np.asarray(x, dtype=np.float64)
    c, s = math.cos(phi), math.sin(phi)
    return points @ np.array([[c, -s], [s, c]])


def posterior(x: ArrayLike, phi: float = PHI) -> NDArray[np.float64]:
    r"""Closed form of :math:`P(s=1 \mid x)`, the probability that a row is in group 1.

    Parameters
    ----------
    x : array_like, shape (n, 2)
        Inputs before the rotation.
    phi : float
        Angle of the rotation in radians.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities in [0, 1]: the logistic function of the log-density ratio of x'.

    Examples
    --------
    At the origin the squared distances are 4/3 and 44/29 and the determinants 24 and 29.  So the
    log-ratio is (44/29 - 4/3 + ln(29/24)) / 2 = .187, whatever the angle:

    >>> from fairtut.data.synthetic.gaussians import posterior
    >>> [posterior([[0.0, 0.0]], phi).round(3).item() for phi in (0.5, 1.0)]
    [0.547, 0.547]
    """
    rotated = rotate(x, phi)
    gap = _log_density(rotated, 1) - _log_density(rotated, 0)
    # beyond |gap| = 700, exp overflows while the probability is 0 or 1 to the last bit
    return 1.0 / (1.0 + np.exp(-np.clip(gap, -700.0, 700.0)))


def _log_density(x: NDArray[np.float64], label: int) -> NDArray[np.float64]:
    """Log-density of class ``label`` up to the constant that both classes share."""
    away = x - MEANS[label]
    precision = np.linalg.inv(COVARIANCES[label])
    distance = np.einsum("ni,ij,nj->n", away, precision, away)
    return -0.5 * (distance + math.log(np.linalg.det(COVARIANCES[label])))


def zafar(n: int = 3700, seed: int = 0, phi: float = PHI) -> Table:
    r"""Draw the two-Gaussian data set.

    Parameters
    ----------
    n : int
        Number of rows; half of them (rounded up) have y = 1.
    seed : int
        Root seed; the same seed gives the same rows.
    phi : float
        Angle in radians.  Smaller means more discrimination.

    Returns
    -------
    Table
        ``x`` (n, 2) unscaled, ``s`` and ``y`` in {0, 1}, rows in random order.

    Raises
    ------
    fairtut.errors.InputError
        If n < 4 or phi is not finite.

    Notes
    -----
    At phi = pi/4 the population has P(s=1) = .454, P(y=1|s=0) = .331 and P(y=1|s=1) = .703: the
    labels themselves have a disparate impact of .471.

    Examples
    --------
    >>> from fairtut.data.synthetic.gaussians import zafar
    >>> zafar(n=100, seed=0).x.shape
    (100, 2)
    """
    if n < 4:
        raise InputError(f"n is {n}: the two-Gaussian set needs at least 4 rows")
    if not math.isfinite(phi):
        raise InputError(f"phi is {phi}: give a finite angle in radians")
    rng = numpy_rng(seed, "zafar")
    y = rng.permutation(np.arange(n) < (n + 1) // 2).astype(np.int64)
    # x = mean + L z with the Cholesky factor of the row's own class
    factors = np.linalg.cholesky(COVARIANCES)
    x = MEANS[y] + np.einsum("nij,nj->ni", factors[y], rng.standard_normal((n, 2)))
    s = rng.random(n) < posterior(x, phi)
    return Table(
        x=x,
        s=s.astype(np.int8),
        y=y.astype(np.int8),
        feature_names=("x1", "x2"),
        name="zafar",
        sensitive="z",
        source=f"generated: two Gaussians, n={n}, seed={seed}, phi={phi:.4f}",
        numeric=(0, 1),
    )
