"""LASSI with one attribute: the curve is R itself, and what it says without sampling is true."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.lassi.certify import certify
from fairtut.methods.lassi.classifier import margins
from fairtut.methods.lassi.curve import Curve, trace
from fairtut.methods.lassi.exact import (
    ETA,
    certify_exactly,
    half_mass_center,
    mass,
    radius_of,
)
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
SHAPES = [(7, (9,), 4), (12, (16, 11), 6), (10, (8, 12, 9), 5)]


def random_r(q: int, hidden: tuple[int, ...], outputs: int, seed: int = 0) -> Representation:
    """R with random weights and batch statistics, in evaluation mode."""
    rng = torch_rng(seed, "r")
    r = Representation(q, hidden, outputs, generator=rng)
    for norm in r.norms:
        assert isinstance(norm, nn.BatchNorm1d)
        norm.running_mean.normal_(0, 0.3, generator=rng)
        norm.running_var.uniform_(0.05, 0.3, generator=rng)
        if norm.affine:
            norm.weight.data.uniform_(0.5, 1.5, generator=rng)
            norm.bias.data.normal_(0, 0.3, generator=rng)
    return r.eval()


def setting(
    shape: tuple[int, tuple[int, ...], int] = SHAPES[1], seed: int = 0, n: int = 1
) -> tuple[Representation, Tensor, Tensor]:
    """R, latents (n, q) and a direction (q,)."""
    rng = torch_rng(seed, "z")
    r = random_r(*shape, seed=seed)
    return r, torch.randn(n, shape[0], generator=rng), torch.randn(shape[0], generator=rng)


def curve_of(r: Representation, z: Tensor, a: Tensor, reach: float) -> Curve:
    start, slope = r.fold().first(z, a[None])
    return trace(r.fold(), start[0], slope[0], reach)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_r_along_the_line(shape: tuple[int, tuple[int, ...], int], seed: int) -> None:
    r, z, a = setting(shape, seed)
    curve = curve_of(r, z, a, 5.0)
    t = torch.cat([torch.linspace(-5, 5, 801, dtype=torch.float64), curve.t])
    direct = r.double()(z.double() + t[:, None] * a.double())
    assert torch.allclose(curve.at(t), direct, atol=1e-10)
    # no corner is missing: R is straight between neighbours
    middle = (curve.t[1:] + curve.t[:-1]) / 2
    straight = (curve.points[1:] + curve.points[:-1]) / 2
    assert torch.allclose(r(z.double() + middle[:, None] * a.double()), straight, atol=1e-10)
    assert len(curve.t) > 6 and bool((curve.t.diff() >= 0).all())


def test_distances_on_the_curve_are_distances_of_codes() -> None:
    r, z, a = setting()
    curve = curve_of(r, z, a, 5.0)
    t = torch.linspace(-5, 5, 500, dtype=torch.float64)[:, None]
    centers = curve.at(torch.linspace(-1, 1, 7)) + 0.1
    direct = torch.cdist(centers, curve.at(t[:, 0]))
    assert torch.allclose(curve(t).distances(centers).double(), direct, atol=1e-10)
    rough, length = curve(t).roughly(centers)
    error = curve(t).unit * (length[:, None] + direct).square()
    assert bool(((rough.double().square() - direct.square()).abs() <= error).all())
    assert torch.allclose(curve(t).distances(centers[:1]), direct[:1], atol=1e-10)
    assert torch.allclose(curve(t).first(9), curve.at(t[:9, 0]))
    with pytest.raises(InputError, match="outside the curve's \\[-5, 5\\]"):
        curve(t + 0.1)


def test_a_direction_that_does_nothing_gives_a_point() -> None:
    r, z, a = setting()
    r.linears[0].weight.data[:, 0] = 0
    a = torch.zeros_like(a)
    a[0] = 3.0
    curve = curve_of(r, z, a, 2.0)
    # two rows of one matrix product: equal up to its rounding, not to the bit on every processor
    assert len(curve.t) == 2
    assert torch.allclose(curve.points[0], curve.points[1], rtol=1e-12, atol=1e-12)
    head = linear(6, 2, generator=torch_rng(0))
    sure = certify_exactly(r, head, z, a)
    assert 0 <= sure.d_cs[0] < 1.1e-3 and sure.fair[0]  # the floor of the search
    assert 0 <= certify(r, head, z, a).d_cs[0] < 1e-8


# --- the plain model, exactly ----------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 4])
def test_the_exact_verdict_flips_where_the_decision_first_changes(classes: int) -> None:
    r, z, a = setting(seed=3, n=30)
    head = linear(6, classes, generator=torch_rng(4)).double()
    r.double()
    t = torch.linspace(-2, 2, 40_001, dtype=torch.float64)
    first = []
    for row in z.double():
        y_hat = head(r(row + t[:, None] * a.double())).argmax(1)
        changed = t[y_hat != y_hat[20_000]].abs()
        first.append(float(changed.min()) if len(changed) else math.inf)
    inside = [i for i, d in enumerate(first) if 0.01 < d < math.inf]
    assert len(inside) > 6
    for i in inside:
        for epsilon, fair in ((first[i] - 2e-4, True), (first[i] + 2e-4, False)):
            found = exact_fairness(r, head, z[i : i + 1].double(), a.double(), epsilon)
            assert bool(found.fair[0]) is fair
    assert exact_fairness(r, head, z.double(), a.double(), 0.0).fair.all()


def test_the_adversarial_distance_is_the_largest_of_a_dense_grid() -> None:
    r, z, a = setting(seed=5, n=20)
    found = exact_fairness(r, linear(6, 2), z, a, 1.0)
    t = torch.linspace(-1, 1, 4001)[:, None]
    for i, row in enumerate(z):
        dense = (r(row + t * a) - r(row[None])).norm(dim=1).max().item()
        assert dense <= found.distance[i] + 1e-5
        assert dense == pytest.approx(found.distance[i], rel=2e-3)
    assert (found.corners > 3).all()


# --- the certificate without sampling ----------------------------------------------------------


def straight() -> tuple[Representation, Tensor, Tensor, float]:
    """R whose units are all on, so that it is affine; and the length of its step per unit of t."""
    r, z, a = setting(n=3)
    for norm in list(r.norms)[:-1]:
        norm.bias.data.fill_(500.0)
    step = (r.double()(z.double() + a) - r(z.double())).norm(dim=1)[0].item()
    return r, z.double(), a.double(), step


def test_on_a_straight_line_everything_has_a_closed_form() -> None:
    r, z, a, step = straight()
    epsilon, sigma = 1.0, 0.65
    curve = curve_of(r, z[:1], a, 6 * sigma)
    middle = curve.at(torch.zeros(1))[0]
    for level in (0.3, 0.5, 0.9):
        expected = step * sigma * float(ndtri((1 + level) / 2))
        assert radius_of(curve, middle, sigma, level) == pytest.approx(expected, rel=1e-6)
    aside = curve.at(torch.tensor([0.4]))
    expected = float(ndtr(0.9 / sigma) - ndtr(-0.1 / sigma))
    assert mass(curve, curve.seen(aside), 0.5 * step, sigma).item() == pytest.approx(
        expected, abs=1e-8
    )

    found = certify_exactly(r, linear(6, 2).double(), z, a, epsilon, sigma)
    q = step * sigma * ndtri((1 + ndtr(epsilon / sigma)) / 2)
    # the centre need not be the middle: its ball may be one per cent larger than the least
    assert found.d_cs == pytest.approx((1 + 2 / (1 - ETA)) * q, rel=0.01)
    assert (found.d_cs >= (1 + 2 / (1 - ETA)) * q * (1 - 1e-9)).all()
    assert (found.alpha, found.n, found.path) == (0.0, 0, "exact+linear")


@pytest.mark.parametrize("seed", range(3))
def test_mass_is_the_share_of_draws_and_the_radius_its_inverse(seed: int) -> None:
    r, z, a = setting(seed=seed)
    sigma = 0.8
    curve = curve_of(r, z, a, 6 * sigma)
    t = sigma * torch.randn(200_000, 1, generator=torch_rng(seed), dtype=torch.float64)
    centers = curve.at(torch.tensor([-0.5, 0.0, 0.9]))
    distances = curve(t).distances(centers)
    for level in (0.2, 0.5, 0.95):
        for center, row in zip(centers, distances, strict=True):
            radius = radius_of(curve, center, sigma, level)
            held = mass(curve, curve.seen(center[None]), radius, sigma)
            assert held.item() == pytest.approx(level, abs=1e-8)
            assert held.item() >= level
            assert (row <= radius).double().mean().item() == pytest.approx(level, abs=0.006)


@pytest.mark.parametrize("seed", range(6))
def test_no_centre_has_a_much_smaller_ball(seed: int) -> None:
    r, z, a = setting(SHAPES[seed % 3], seed)
    sigma = 0.9
    curve = curve_of(r, z, a, 6 * sigma)
    chosen = radius_of(curve, half_mass_center(curve, sigma), sigma, 0.5)
    limit = float(ndtri(0.75)) * sigma
    grid = curve.at(torch.linspace(-limit, limit, 61))
    least = min(radius_of(curve, c, sigma, 0.5) for c in grid)
    assert (1 - ETA) * chosen <= least


def test_smoothed_codes_and_decisions_stay_within_the_exact_certificate() -> None:
    r, z, a = setting(seed=8, n=12)
    head = linear(6, 2, generator=torch_rng(8))
    head.weight.data *= 0.2
    head.bias.data[:] = torch.tensor([0.0, 1.0])
    found = certify_exactly(r, head, z, 0.1 * a, epsilon=1.0, sigma=0.65)
    moved, seen = [], 0
    for i, row in enumerate(z):
        steps = torch.linspace(-1, 1, 5)[:, None]
        near = certify_exactly(r, head, row + steps * 0.1 * a, 0.1 * a, epsilon=1.0, sigma=0.65)
        moved.append((near.r_cs - found.r_cs[i]).norm(dim=1).max().item() / found.d_cs[i])
        if found.fair[i]:
            seen += 1
            assert (near.prediction == found.prediction[i]).all()
    assert max(moved) <= 1
    assert seen >= 5
    assert max(moved) > 0.05  # the codes do move


def test_the_exact_certificate_is_tighter_than_the_sampled_one() -> None:
    r, z, a = setting(seed=9, n=10)
    head = linear(6, 2, generator=torch_rng(9))
    exact, sampled = certify_exactly(r, head, z, a), certify(r, head, z, a)
    ratio = exact.d_cs / sampled.d_cs
    assert np.all((ratio > 0.6) & (ratio < 1))
    y_hat, distance = margins(head, exact.r_cs)
    assert exact.d_rs == pytest.approx(distance.numpy(), rel=1e-4)
    assert (exact.prediction == y_hat.numpy()).all()


def test_exact_results_refuse_what_they_cannot_do() -> None:
    r, z, a = setting()
    head = linear(6, 2)
    with pytest.raises(InputError, match="one direction, got 2"):
        certify_exactly(r, head, z, torch.eye(12)[:2])
    with pytest.raises(InputError, match="one to 3 directions, got 4"):
        exact_fairness(r, head, z, torch.eye(12)[:4], 1.0)
    with pytest.raises(InputError, match="need a Representation"):
        exact_fairness(r, nn.Sequential(head), z, a, 1.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="epsilon must be a number of at least 0, got -1"):
        exact_fairness(r, head, z, a, -1.0)
    with pytest.raises(InputError, match="sigma must be a positive number, got 0"):
        certify_exactly(r, head, z, a, 1.0, 0)
