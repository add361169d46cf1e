"""Total correlation and its friends, against closed forms on Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch import distributions as dist

from fairtut.errors import InputError
from fairtut.methods.latent.objectives import (
    bernoulli_entropy,
    discriminator_loss,
    discriminator_tc,
    gaussian_tc,
    kl,
    minibatch_tc,
    permute_dims,
    sample,
)
from fairtut.models.stacked import StackedMLP

torch.set_num_threads(1)

D = 4
RHOS = (0.0, 0.3, 0.6)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def equicorrelated(rhos: tuple[float, ...] = RHOS, d: int = D) -> Tensor:
    """Covariances (k, d, d) with variances 1 and one correlation each."""
    rho = torch.tensor(rhos)[:, None, None]
    return rho + (1 - rho) * torch.eye(d)


def gaussian(covariance: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Draw (k, n, d) from N(0, covariance)."""
    k, d, _ = covariance.shape
    return torch.randn(k, n, d, generator=rng) @ torch.linalg.cholesky(covariance).mT


# --- the closed form ------------------------------------------------------------------------


@given(rho=st.floats(-0.3, 0.95), d=st.integers(2, 5))
@settings(max_examples=30)
def test_gaussian_tc_of_equal_correlations(rho: float, d: int) -> None:
    if rho <= -1 / (d - 1) + 0.01:
        return  # no covariance
    # eigenvalues 1 + (d - 1) rho, once, and 1 - rho, d - 1 times
    want = -0.5 * (math.log(1 + (d - 1) * rho) + (d - 1) * math.log(1 - rho))
    found = gaussian_tc(equicorrelated((rho,), d).double())
    assert float(found[0]) == pytest.approx(want, abs=1e-5)


def test_gaussian_tc_is_the_divergence_from_the_product_of_the_marginals() -> None:
    root = torch.randn(5, 5, generator=seeded()).double()
    cov = root @ root.T + torch.eye(5)
    product = dist.MultivariateNormal(torch.zeros(5).double(), torch.diag(cov.diagonal()))
    whole = dist.MultivariateNormal(torch.zeros(5).double(), cov)
    torch.testing.assert_close(gaussian_tc(cov), dist.kl_divergence(whole, product))
    scale = torch.diag(torch.tensor([0.1, 1, 2, 3, 10]).double())
    torch.testing.assert_close(gaussian_tc(scale @ cov @ scale), gaussian_tc(cov))  # unit-free


# --- the two estimates ----------------------------------------------------------------------


def by_discriminator(covariance: Tensor, steps: int = 800, batch: int = 512) -> Tensor:
    """FactorVAE's estimate: train a discriminator on ever new codes, then average its log-odds."""
    rng = seeded(1)
    d = StackedMLP(len(covariance), D, (64,), generator=rng)
    adam = torch.optim.Adam(d.parameters(), 5e-2, fused=True)
    for i in range(steps):
        adam.param_groups[0]["lr"] = 5e-2 * (1 - i / steps)
        z, second = gaussian(covariance, batch, rng), gaussian(covariance, batch, rng)
        loss = discriminator_loss(d(z), d(permute_dims(second, rng))).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        return discriminator_tc(d(gaussian(covariance, 100_000, rng)))


def by_batch(covariance: Tensor, b: int, n: int, *, stratified: bool = True) -> Tensor:
    """β-TCVAE's estimate where q(z) is N(0, covariance): the mean over disjoint batches.

    The posteriors N(mu_i, v I) have means from N(0, covariance - v I), so that their mixture over
    the data tends to the wanted Gaussian.
    """
    rng, v = seeded(2), 0.3
    mu = gaussian(covariance - v * torch.eye(D), n, rng)
    logvar = torch.full_like(mu, math.log(v))
    z = sample(mu, logvar, rng)
    batches = [slice(i, i + b) for i in range(0, n, b)]
    parts = [
        minibatch_tc(z[:, i], mu[:, i], logvar[:, i], n, stratified=stratified) for i in batches
    ]
    return torch.stack(parts).mean(0)


def test_both_estimates_agree_with_the_closed_form_within_a_tenth() -> None:
    cov = equicorrelated()
    want = gaussian_tc(cov)  # 0, .21 and .86 nats
    for found in (by_discriminator(cov), by_batch(cov, 1500, 1500)):
        assert (found[1:] > 0).all()
        assert found[0] < found[1] < found[2]
        torch.testing.assert_close(found[1:], want[1:], rtol=0.1, atol=0)
        assert abs(float(found[0])) < 0.02


def test_minibatch_weights_shift_the_estimate_and_stratified_ones_do_not() -> None:
    cov, n = equicorrelated(), 1024
    want = gaussian_tc(cov)
    stratified = by_batch(cov, 256, n)
    weighted = by_batch(cov, 256, n, stratified=False)
    # smaller batches are biased upwards or down by what the logarithm does to a noisy mean
    torch.testing.assert_close(stratified, want, rtol=0.15, atol=0.05)
    # each of the d marginal and the one joint log-density loses log n
    torch.testing.assert_close(weighted - (D - 1) * math.log(n), want, rtol=0.15, atol=0.15)


def test_a_batch_of_all_rows_is_the_mixture_itself() -> None:
    rng = seeded(3)
    mu, logvar = torch.randn(2, 2, 9, 3, generator=rng).double()
    z = sample(mu, logvar, rng)
    for k in range(2):
        parts = dist.Normal(mu[k], (0.5 * logvar[k]).exp())
        even = dist.Categorical(torch.ones(9).double())
        joint = dist.MixtureSameFamily(even, dist.Independent(parts, 1)).log_prob(z[k])
        turned = dist.Normal(mu[k].T, (0.5 * logvar[k]).exp().T)
        ones = dist.Categorical(torch.ones(3, 9).double())
        marginals = dist.MixtureSameFamily(ones, turned).log_prob(z[k])  # (9, 3)
        want = (joint - marginals.sum(1)).mean()
        torch.testing.assert_close(minibatch_tc(z, mu, logvar, 9)[k], want)
        torch.testing.assert_close(
            minibatch_tc(z, mu, logvar, 9, stratified=False)[k], want + 2 * math.log(9)
        )


def test_the_stratified_density_is_unbiased() -> None:
    # over all batches that hold row 0, the estimate of q(z_0) averages to the whole mixture
    rng, n, b = seeded(4), 6, 3
    q = torch.rand(n, generator=rng).double()  # q(z_0 | x_j)
    others = [(i, j) for i in range(1, n) for j in range(i + 1, n)]
    weight = (n - 1) / (n * (b - 1))
    mean = np.mean([float(q[0] / n + weight * (q[i] + q[j])) for i, j in others])
    assert mean == pytest.approx(float(q.mean()))


@pytest.mark.parametrize(("b", "n"), [(1, 9), (5, 4)])
def test_batches_that_have_no_estimate(b: int, n: int) -> None:
    z = torch.zeros(1, b, 2)
    with pytest.raises(InputError, match="at least 2 and at most all"):
        minibatch_tc(z, z, z, n)


def test_the_best_discriminator_is_the_log_ratio_of_densities() -> None:
    # at the closed-form log-odds the loss has no slope: no scale or shift improves it
    cov, rng = equicorrelated((0.6,)).double(), seeded(5)
    z, second = (gaussian(cov.float(), 200_000, rng).double() for _ in range(2))
    whole = dist.MultivariateNormal(torch.zeros(D).double(), cov[0])
    apart = dist.Normal(torch.zeros(()).double(), 1.0)

    def odds(rows: Tensor) -> Tensor:
        return (whole.log_prob(rows) - apart.log_prob(rows).sum(-1))[..., None]

    change = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    true, shuffled = odds(z), odds(permute_dims(second, rng))
    discriminator_loss(*(change[0] * v + change[1] for v in (true, shuffled))).sum().backward()
    assert change.grad is not None
    assert change.grad.abs().max() < 0.005
    assert float(discriminator_tc(true)) == pytest.approx(float(gaussian_tc(cov)), rel=0.02)
    blind = torch.zeros(2, 5, 1)
    torch.testing.assert_close(discriminator_loss(blind, blind), torch.full((2,), math.log(2)))


# --- the other pieces -----------------------------------------------------------------------


def test_kl_is_torchs() -> None:
    mu, logvar = torch.randn(2, 3, 5, 4, generator=seeded())
    want = dist.kl_divergence(dist.Normal(mu, (0.5 * logvar).exp()), dist.Normal(0.0, 1.0))
    torch.testing.assert_close(kl(mu, logvar), want.sum(2))
    assert kl(mu * 0, logvar * 0).abs().max() == 0


def test_samples_have_their_mean_and_variance_and_carry_gradients() -> None:
    mu = torch.tensor([-1.0, 2.0]).expand(1, 50_000, 2).clone().requires_grad_()
    logvar = torch.tensor([0.0, -2.0]).expand(1, 50_000, 2).clone().requires_grad_()
    z = sample(mu, logvar, seeded())
    torch.testing.assert_close(z.mean((0, 1)), mu[0, 0], atol=0.02, rtol=0)
    torch.testing.assert_close(z.var((0, 1)), logvar[0, 0].exp(), rtol=0.03, atol=0)
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones_like(mu))
    torch.testing.assert_close(logvar.grad, 0.5 * (z - mu).detach())


def test_shuffling_keeps_marginals_and_loses_the_joint() -> None:
    z = gaussian(equicorrelated((0.9, 0.5)), 4000, seeded())
    shuffled = permute_dims(z, seeded(1))
    torch.testing.assert_close(shuffled.sort(1).values, z.sort(1).values, rtol=0, atol=0)
    for k in range(2):
        assert (torch.corrcoef(shuffled[k].T) - torch.eye(D)).abs().max() < 0.06
    same = permute_dims(z[:1].expand(2, -1, -1), seeded(1))
    assert not torch.equal(same[0], same[1])  # each member has permutations of its own


def test_blocks_move_together() -> None:
    z = gaussian(equicorrelated((0.8,)), 4000, seeded())
    shuffled = permute_dims(z, seeded(1), [2, 1, 1])
    found = torch.corrcoef(shuffled[0].T)
    assert float(found[0, 1]) == pytest.approx(float(torch.corrcoef(z[0].T)[0, 1]), abs=1e-5)
    assert max(abs(float(found[i, j])) for i, j in ((0, 2), (1, 2), (0, 3), (2, 3))) < 0.06
    with pytest.raises(InputError, match="do not make up 4"):
        permute_dims(z, seeded(), [2, 1])


def test_entropy_of_a_coin() -> None:
    logits = torch.tensor([-30.0, -2.0, 0.0, 0.5, 30.0])
    torch.testing.assert_close(bernoulli_entropy(logits), dist.Bernoulli(logits=logits).entropy())
    assert float(bernoulli_entropy(torch.zeros(()))) == pytest.approx(math.log(2))
