"""The two-Gaussian set against its closed forms, computed here a second way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from fairtut.data.synthetic.gaussians import COVARIANCES, MEANS, PHI, posterior, rotate, zafar
from fairtut.errors import InputError

N = 200_000


@pytest.fixture(scope="module")
def big():
    return zafar(N, seed=1)


def population(phi: float) -> tuple[float, float, float]:
    """P(s=1), P(y=1|s=0), P(y=1|s=1) by Gauss-Hermite quadrature, not by sampling."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    z = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    w = np.outer(weights, weights).ravel() / weights.sum() ** 2
    q = [
        float(w @ posterior(MEANS[c] + z @ np.linalg.cholesky(COVARIANCES[c]).T, phi))
        for c in (0, 1)
    ]
    share = sum(q) / 2
    return share, (1 - q[1]) / 2 / (1 - share), q[1] / 2 / share


@pytest.mark.parametrize("label", [0, 1])
def test_class_moments_are_those_of_the_equations(big, label):
    x = big.x[big.y == label].astype(np.float64)
    n, mean = len(x), [(-2, -2), (2, 2)][label]
    cov = np.array([[[10, 1], [1, 3]], [[5, 1], [1, 5]]][label])
    # standard errors: sqrt(Sigma_jj / n) of a mean, sqrt((S_ii S_jj + S_ij^2) / n) of a covariance
    assert np.all(np.abs(x.mean(0) - mean) < 4.5 * np.sqrt(np.diag(cov) / n))
    se = np.sqrt((np.outer(np.diag(cov), np.diag(cov)) + cov**2) / n)
    assert np.all(np.abs(np.cov(x.T) - cov) < 4.5 * se)


def test_posterior_is_the_ratio_of_the_two_densities_at_the_rotated_point():
    x = np.random.default_rng(0).normal(0, 3, (50, 2))
    c, s = math.cos(0.6), math.sin(0.6)
    turned = np.stack([x[:, 0] * c + x[:, 1] * s, -x[:, 0] * s + x[:, 1] * c], 1)
    p = [multivariate_normal(MEANS[k], COVARIANCES[k]).pdf(turned) for k in (0, 1)]
    np.testing.assert_allclose(posterior(x, 0.6), p[1] / (p[0] + p[1]), rtol=1e-12)
    np.testing.assert_allclose(rotate(x, 0.6), turned)
    assert np.isfinite(posterior(np.array([[1e3, -1e3], [-1e3, 1e3]]))).all()


def test_s_is_drawn_with_the_posterior(big):
    p = posterior(big.x)
    bins = np.digitize(p, np.linspace(0, 1, 11)[1:-1])
    for b in range(10):
        inside = bins == b
        se = math.sqrt((p[inside] * (1 - p[inside])).sum()) / inside.sum()
        assert abs(big.s[inside].mean() - p[inside].mean()) < 4.5 * se, f"bin {b}"


def test_shares_match_quadrature_and_the_released_arrays_lie_within_sampling_error(big):
    share, p0, p1 = population(PHI)
    assert abs(big.s.mean() - share) < 4.5 * math.sqrt(share * (1 - share) / N)
    for group, rate in ((0, p0), (1, p1)):
        members = big.y[big.s == group]
        assert abs(members.mean() - rate) < 4.5 * math.sqrt(rate * (1 - rate) / len(members))
    # FR-Train's arrays: .441, .338, .706 on 3,700 rows
    n = 3700
    assert abs(0.441 - share) < 3 * math.sqrt(share * (1 - share) / n)
    assert abs(0.338 - p0) < 3 * math.sqrt(p0 * (1 - p0) / (n * (1 - share)))
    assert abs(0.706 - p1) < 3 * math.sqrt(p1 * (1 - p1) / (n * share))
    assert p0 / p1 == pytest.approx(0.48, abs=0.01)
    # what the docstring says
    assert (round(share, 3), round(p0, 3), round(p1, 3)) == (0.454, 0.331, 0.703)
    assert round(p0 / p1, 3) == 0.471


def test_a_smaller_angle_discriminates_more(big):
    impact = [population(phi)[1] / population(phi)[2] for phi in (0.2, 0.5, PHI, 1.1)]
    assert impact == sorted(impact)
    sharp = zafar(N // 10, seed=1, phi=0.2)

    def label_impact(table):
        return table.y[table.s == 0].mean() / table.y[table.s == 1].mean()

    assert label_impact(sharp) < label_impact(big)


def test_classes_are_balanced_shuffled_and_seeded():
    table = zafar(3701, seed=3)
    assert table.y.sum() == 1851 and table.x.shape == (3701, 2)
    # shuffled: the first 1000 rows are a random half-half sample
    assert abs(table.y[:1000].mean() - 0.5) < 4.5 * 0.5 / math.sqrt(1000)
    assert zafar(3701, seed=3).digest == table.digest
    assert zafar(3701, seed=4).digest != table.digest
    assert zafar(3701, seed=3, phi=1.0).digest != table.digest
    assert table.x.dtype == np.float32 and table.s.dtype == np.int8 and table.y.dtype == np.int8


def test_bad_arguments_are_named():
    with pytest.raises(InputError, match="n is 3"):
        zafar(3)
    with pytest.raises(InputError, match="phi is nan"):
        zafar(10, phi=float("nan"))
