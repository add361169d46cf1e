"""The rounding of deployed networks: bounds against single, double and exact arithmetic."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.lassi.classifier import margins
from fairtut.methods.lassi.curve import Curve, trace
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.rounding import Rounding
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
EPSILON = 1.0


def network(
    seed: int, hidden: tuple[int, ...] = (16, 12), large: float = 1.0, offset: float = 0.0
) -> tuple[Representation, Tensor, Tensor]:
    """R with random statistics, a latent and a direction; large weights, means far from zero."""
    rng = torch_rng(seed, "rounding")
    r = Representation(10, hidden, 5, generator=rng)
    for layer, norm in zip(r.linears, r.norms, strict=True):
        assert isinstance(norm, nn.BatchNorm1d) and isinstance(layer, nn.Linear)
        assert norm.running_mean is not None and norm.running_var is not None
        layer.weight.data.mul_(large)
        layer.bias.data.add_(offset)
        norm.running_mean.normal_(0, 0.3, generator=rng).add_(offset)
        norm.running_var.uniform_(0.05, 0.3, generator=rng)
    return r.eval(), torch.randn(10, generator=rng), torch.randn(10, generator=rng)


def traced(r: Representation, z: Tensor, a: Tensor, reach: float = EPSILON) -> Curve:
    """The polygon."""
    folded = r.fold()
    start, slope = folded.first(z[None], a[None])
    return trace(folded, start[0], slope[0], reach)


@torch.no_grad()
@pytest.mark.parametrize(("large", "offset"), [(1, 0), (30, 0), (1, 1e3), (10, 1e5)])
@pytest.mark.parametrize("hidden", [(8,), (16, 12), (300, 40, 20)])
def test_the_bound_is_more_than_what_is_seen(
    hidden: tuple[int, ...], large: float, offset: float
) -> None:
    for seed in range(3):
        r, z, a = network(seed, hidden, large, offset)
        curve = traced(r, z, a)
        bound = Rounding(r).codes(z, a, curve)
        t = torch.linspace(-EPSILON, EPSILON, 1201)
        there = curve.at(t.double())
        for rows in (1, 7, 1201):  # kernels add in other orders for other shapes
            found = torch.cat([r(part) for part in (z + t[:, None] * a).split(rows)])
            seen = float((found.double() - there).norm(dim=1).max())
            assert 0 < seen <= bound, (seed, rows)
        # the same network in double precision is far nearer, and its bound is, too
        double = Rounding(r, torch.float64).codes(z, a, curve)
        assert double < 1e-6 * bound
        exact = r.double()(z.double() + t.double()[:, None] * a.double())
        assert float((exact - there).norm(dim=1).max()) <= double
        r.float()


def by_decimals(r: Representation, z: Tensor, a: Tensor, t: float) -> np.ndarray:
    """R(z + t a) with fifty digits."""
    exact = np.vectorize(Decimal, otypes=[object])
    with localcontext() as context:
        context.prec = 50
        x = exact(z.double().numpy()) + Decimal(t) * exact(a.double().numpy())
        for i, (layer, norm) in enumerate(zip(r.linears, r.norms, strict=True)):
            assert isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
            numbers = [layer.weight, layer.bias, norm.running_mean, norm.running_var]
            weight, bias, mean, var = (exact(v.detach().double().numpy()) for v in numbers)  # type: ignore[union-attr]
            x = (weight @ x + bias - mean) / np.array([(v + Decimal(norm.eps)).sqrt() for v in var])
            if i < len(r.linears) - 1:  # the weights of a fresh batch norm are 1 and 0
                x = np.where(x > 0, x, Decimal(0))
    return x


@torch.no_grad()
@pytest.mark.parametrize(("large", "offset"), [(1, 0), (30, 0), (1, 1e6)])
def test_the_curve_is_as_near_to_the_real_network_as_it_says(large: float, offset: float) -> None:
    for seed in range(2):
        r, z, a = network(seed, (8, 6), large, offset)
        curve = traced(r, z, a)
        bound = Rounding(r, torch.float64).codes(z, a, curve)
        t = torch.cat([curve.t, (curve.t[1:] + curve.t[:-1]) / 2]).tolist()  # corners, and between
        for place, code in zip(t, curve.at(torch.tensor(t, dtype=torch.float64)), strict=True):
            exact = by_decimals(r, z, a, place).astype(float)
            assert np.linalg.norm(code.numpy() - exact) <= bound < 1e-5


@torch.no_grad()
def test_what_hangs_by_less_than_rounding_is_undecided() -> None:
    """A border just beyond the curve: constant for real numbers, not for the deployed network."""
    silent = 0
    t = torch.linspace(-EPSILON, EPSILON, 20_001)
    for seed in range(20):
        r, z, a = network(seed, offset=100.0)
        head = linear(5, 2, generator=torch_rng(seed)).double()
        head.bias.data.zero_()
        curve = traced(r, z, a)
        normal = head.weight[1] - head.weight[0]
        low = float((curve.points @ normal).min())
        head.bias.data[0] = low - 1e-9 * abs(low)
        plain = exact_fairness(r, head, z[None], a, EPSILON)
        safe = exact_fairness(r, head, z[None], a, EPSILON, rounded=True)
        assert plain.fair.all() and not plain.undecided.any()
        assert safe.undecided.all() and not safe.fair.any()
        assert (safe.distance >= plain.distance).all()
        silent += len(head(r(z + t[:, None] * a).double()).argmax(1).unique()) > 1
        head.bias.data[0] = low - 1.0  # far beyond it, and across it
        assert exact_fairness(r, head, z[None], a, EPSILON, rounded=True).fair.all()
        head.bias.data[0] = float((curve.points @ normal).mean())
        across = exact_fairness(r, head, z[None], a, EPSILON, rounded=True)
        assert not across.fair.any()
        assert not across.undecided.any() or margins(head, curve.at(torch.zeros(1)))[1] < 0.1
    assert silent >= 5  # plain verdicts that the deployed network contradicts


def spike(width: float) -> Representation:
    """R(x) rises by ten at 0.2 and falls again, in two widths."""
    r = Representation(1, (3,), 1)
    for norm in r.norms:
        assert isinstance(norm, nn.BatchNorm1d) and norm.running_var is not None
        norm.running_var.fill_(1 - norm.eps)
    first, last = r.linears
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    first.weight.data[:] = 10 / width
    first.bias.data = -(10 / width) * (0.2 + width * torch.arange(3))
    last.weight.data = torch.tensor([[1.0, -2.0, 1.0]])
    last.bias.data.zero_()
    return r.eval()


@torch.no_grad()
def test_a_spike_narrower_than_rounding_is_undecided() -> None:
    head = linear(1, 2)
    head.weight.data = torch.tensor([[0.0], [1.0]])
    head.bias.data = torch.tensor([0.0, -9.0])
    a = torch.tensor([1.0])
    for start in (0.0, 0.19, 0.3):
        z = torch.tensor([[start]])
        narrow = exact_fairness(spike(2e-6), head, z, a, EPSILON, rounded=True)
        assert narrow.undecided.all() and not narrow.fair.any()
        wide = exact_fairness(spike(0.1), head, z, a, EPSILON, rounded=True)
        assert not wide.undecided.any() and not wide.fair.any()  # it changes, for certain
        few = exact_fairness(spike(0.1), head, z, a, 1e-3, rounded=True)
        assert few.fair.all() or start == 0.3


@torch.no_grad()
def test_trained_verdicts_stay_and_certificates_grow_by_next_to_nothing() -> None:
    rng = torch_rng(1)
    r = Representation(10, (16, 12), 5, generator=rng)
    for _ in range(20):
        r(torch.randn(50, 10, generator=rng))
    head, z = linear(5, 2, generator=rng), torch.randn(40, 10, generator=rng)
    a = torch.randn(10, generator=rng) / 6
    r.eval()
    plain, safe = (exact_fairness(r, head, z, a, EPSILON, rounded=b) for b in (False, True))
    decided = ~safe.undecided
    assert decided.mean() >= 0.95 and (plain.fair == safe.fair)[decided].all()
    assert np.array_equal(plain.prediction, safe.prediction)
    one, two = (certify_exactly(r, head, z, a, rounded=b) for b in (False, True))
    # the curve is traced further, so that the search may end elsewhere, within its one per cent
    assert two.d_cs == pytest.approx(one.d_cs, rel=0.02)


def test_sums_that_are_too_long_for_a_type_are_refused() -> None:
    r, z, a = network(0, (200,))
    with torch.no_grad(), pytest.raises(InputError, match=r"no rounding bound .* use \.double\(\)"):
        Rounding(r, torch.bfloat16).codes(z, a, traced(r, z, a))
