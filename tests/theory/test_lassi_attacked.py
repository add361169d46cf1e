"""LASSI's certificates under attack: input that once gave wrong ones."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.lassi.center import ROUNDING, Points, Smoothing, medoid, smooth
from fairtut.methods.lassi.certify import certify, smooth_codes
from fairtut.methods.lassi.classifier import Voting, margins, vote
from fairtut.methods.lassi.curve import Curve, trace
from fairtut.methods.lassi.exact import (
    ETA,
    certify_exactly,
    half_mass_center,
    mass,
    radius_of,
)
from fairtut.methods.lassi.networks import Folded, Representation, linear
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
QUICK = Smoothing(epsilon=1, sigma=1, n=600, alpha=0.05, slack=0.1, candidates=32)
FEW = Voting(1.0, n0=100, n=1000)


@pytest.fixture
def model() -> tuple[Representation, nn.Linear, Tensor, Tensor]:
    """R in evaluation mode, a two-class head, latents (8, 10) and a direction (10,)."""
    rng = torch_rng(0)
    r = Representation(10, (12, 8), 5, generator=rng)
    z = torch.randn(8, 10, generator=rng)
    for _ in range(20):
        r(torch.randn(50, 10, generator=rng))
    return r.eval(), linear(5, 2, generator=rng), z, torch.randn(10, generator=rng) / 4


def every_path(r: nn.Module, head: nn.Module, z: Tensor, a: Tensor) -> list:
    """Calls of all certificates on the same input."""
    sampled = [
        lambda p=path: certify(r, head, z, a, QUICK, FEW, path=p)
        for path in ("curve", "folded", "generic")
    ]
    exact = [
        lambda: certify_exactly(r, head, z, a),  # type: ignore[arg-type]
        lambda: exact_fairness(r, head, z, a, 1.0),  # type: ignore[arg-type]
    ]
    return [*sampled, *exact]


# --- types -------------------------------------------------------


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.bool])
def test_whole_number_latents_are_refused(model: tuple, kind: torch.dtype) -> None:
    r, head, z, a = model
    for call in every_path(r, head, (4 * z).to(kind), a):
        with pytest.raises(InputError, match=r"rounded to whole numbers: pass z\.float\(\)"):
            call()


def test_half_latents_are_certified_in_single_precision(model: tuple) -> None:
    r, head, z, a = model
    small = 1e-6 * a  # at once zero in half precision
    half, single = (every_path(r, head, x, small) for x in (z.half(), z.half().float()))
    for i, (one, two) in enumerate(zip(half, single, strict=True)):
        if i == 2:  # the generic path adds noise to latents, in which so little is lost
            for call in (one, two):
                with pytest.raises(InputError, match="less than 100 roundings of the latents"):
                    call()
            continue
        found, wanted = one(), two()
        assert np.array_equal(found.fair, wanted.fair)
        first = found.d_cs if hasattr(found, "d_cs") else found.distance
        other = wanted.d_cs if hasattr(wanted, "d_cs") else wanted.distance
        assert np.array_equal(first, other, equal_nan=True)


def test_noise_below_the_rounding_of_latents_needs_double_precision(model: tuple) -> None:
    _, head, z, a = model
    small = a / a.norm() * 2.0**-30  # beside latents of length 3

    def step(x: Tensor) -> Tensor:
        t = (x - z[:1].to(x)) @ small.to(x) / small.to(x).square().sum()
        return 20 * (t[:, None] - 0.5).sign() * torch.ones(5).to(x)

    head.weight.data = torch.stack([-torch.ones(5), torch.ones(5)])
    head.bias.data.zero_()
    with pytest.raises(InputError, match=r"use \.double\(\) on latents and encoder"):
        certify(step, head, z[:1], small, QUICK, FEW)
    wide = z[:1].double()
    assert not certify(step, head.double(), wide, small.double(), QUICK, FEW).fair.any()
    assert certify(step, head.double(), wide, small.double() / 4, QUICK, FEW).fair.all()


def test_directions_are_checked_in_the_precision_of_the_latents(model: tuple) -> None:
    r, head, z, _ = model
    for size in (1e-60, 1e60):  # zero and infinite in single precision
        for call in every_path(r, head, z, torch.full((10,), size, dtype=torch.float64)):
            with pytest.raises(InputError, match="zero, not finite or linearly dependent"):
                call()


def test_half_precision_networks_are_refused(model: tuple) -> None:
    r, head, z, a = model
    with pytest.raises(InputError, match="the encoder has float16 weights"):
        certify(nn.Linear(10, 5).half(), head, z, a, QUICK, FEW)
    with pytest.raises(InputError, match="the classifier has bfloat16 weights"):
        certify(r, nn.Linear(5, 2).bfloat16(), z, a, QUICK, FEW)
    with pytest.raises(InputError, match="gives float16 codes"):
        certify(lambda x: r(x).half(), head, z, a, QUICK, FEW)


def test_a_double_encoder_takes_single_latents_and_the_reverse(model: tuple) -> None:
    r, _, z, a = model
    expected = smooth_codes(r, z, a, QUICK, path="generic").d_cs
    for encoder, latents in ((r.double(), z), (r.double(), z.double())):
        found = smooth_codes(encoder, latents, a, QUICK, path="generic").d_cs
        assert found == pytest.approx(expected, rel=1e-4, nan_ok=True)
    assert smooth_codes(r.float(), z.double(), a, QUICK, path="generic").d_cs == pytest.approx(
        expected, rel=1e-4, nan_ok=True
    )


def test_no_latents_are_refused(model: tuple) -> None:
    r, head, z, a = model
    for call in every_path(r, head, z[:0], a):
        with pytest.raises(InputError, match=r"0 latents .*at least one"):
            call()


# --- numbers that are not finite ---------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["weight", "bias"])
def test_a_broken_classifier_certifies_nobody(model: tuple, where: str, value: float) -> None:
    r, head, z, a = model
    getattr(head, where).data.view(-1)[1] = value
    for call in every_path(r, head, z, a):
        with pytest.raises(InputError, match=f"the classifier holds NaN or infinity in {where}"):
            call()
    for path in ("logits", "votes"):
        with pytest.raises(InputError, match="NaN or infinity"):
            vote(head, torch.randn(2, 5), FEW, path=path)


def test_a_broken_encoder_is_named(model: tuple) -> None:
    r, head, z, a = model
    r.norms[0].running_var.data[2] = math.nan
    for call in every_path(r, head, z, a):
        with pytest.raises(InputError, match=r"the encoder holds NaN or infinity in norms\.0"):
            call()


def test_a_code_of_nan_gets_no_vote(model: tuple) -> None:
    _, head, _, _ = model
    codes = torch.randn(4, 5, generator=torch_rng(1))
    codes[1, 0], codes[3, 2] = math.nan, math.inf
    whole = vote(head, codes, FEW, ids=[0, 1, 2, 3])
    assert whole.prediction.tolist()[1::2] == [-1, -1]
    assert np.isnan(whole.p_low[1::2]).all() and np.isnan(whole.d_rs[1::2]).all()
    rest = vote(head, codes[[0, 2]], FEW, ids=[0, 2])
    assert np.array_equal(whole.p_low[::2], rest.p_low)


def test_infinite_codes_are_far_and_do_not_become_the_centre() -> None:
    codes = torch.randn(600, 3, generator=torch_rng(0))
    codes[0] = math.inf
    codes[5, 1] = math.nan
    codes[9] = -math.inf
    center, radius = medoid(Points(codes), 600, 32)
    assert center.isfinite().all() and 0 < radius < 3
    assert Points(codes).distances(center[None])[0, [0, 5, 9]].isinf().all()
    # without a finite ball there is no certificate
    codes[:400] = math.inf
    t = torch.zeros(3, 600, 1)
    assert smooth(lambda _: Points(codes), t, QUICK).d_cs.isnan()


def test_an_encoder_that_overflows_gives_no_wrong_certificate(model: tuple) -> None:
    _, head, z, a = model

    def encoder(x: Tensor) -> Tensor:
        t = (x - x.mean(0)) @ a / a.square().sum()
        blow = torch.where(t.abs() > 2.5, torch.tensor(3e38) * 10, 0.0)  # infinite in the tail
        return 5 * t[:, None].sign() * torch.ones(5) + blow[:, None]

    head.weight.data = torch.stack([-torch.ones(5), torch.ones(5)])
    head.bias.data.zero_()
    found = certify(encoder, head, z[:1].expand(30, -1), a, QUICK, FEW, path="generic")
    assert not found.fair.any()  # the decision changes at t = 0


# --- the chance that all candidates miss -------------------------


def test_too_few_candidates_are_refused_and_enough_belong_to_alpha() -> None:
    for few in (1, 2, 3, 10):
        with pytest.raises(InputError, match=r"would miss the ball too often .* at least 11"):
            Smoothing(1, 1, 600, 0.05, 0.1, candidates=few)
    least = Smoothing(1, 1, 600, 0.05, 0.1, candidates=11)
    assert least.shared + 2.0**-11 == pytest.approx(0.05, abs=1e-15)
    missed = 2.0**-11
    check, reach = (2 * math.exp(-2 * 600 * m**2) for m in (least.d1, least.level - least.mass))
    # two sides of the check at z', one of the reach at z, and the miss: alpha, exactly
    assert check + reach / 2 + missed == pytest.approx(0.05, rel=1e-9)
    assert Smoothing(candidates=256).shared == Smoothing(candidates=None).shared == 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_certified_pairs_are_contradicted_within_the_chance(seed: int) -> None:
    # two heaps of codes that swap their masses within the set, at the fewest candidates
    setting = Smoothing(1, 1, 600, 0.05, 0.1, candidates=11)
    rng = torch_rng(seed, "heaps")
    law = lambda shift: (  # noqa: E731
        lambda t: Points(torch.tanh(4 * (t + shift)) + 0.01 * torch.randn(len(t), 1, generator=rng))
    )
    many, wrong, seen = 300, 0, 0
    for _ in range(many):
        here, there = (
            smooth(law(s), torch.randn(3, setting.n, 1, generator=rng), setting) for s in (0.0, 1.0)
        )
        if here.d_cs.isnan() or there.d_cs.isnan():
            continue
        seen += 1
        wrong += bool((here.center - there.center).norm() > here.d_cs)
    assert seen > many / 2
    assert stats.binomtest(wrong, seen, setting.alpha, alternative="greater").pvalue > 1e-4


# --- corners and rounding ----------------------------------------


@pytest.mark.parametrize("reach", [3.9, 2.0, 6 * 0.65, 1.7])
def test_a_unit_that_bends_at_the_left_end_counts_once(reach: float) -> None:
    rng = torch_rng(int(10 * reach))
    wrong = 0
    for _ in range(400):
        slope = torch.randn(6, generator=rng, dtype=torch.float64)
        start = torch.randn(6, generator=rng, dtype=torch.float64)
        start[:3] = reach * slope[:3]  # a root of -reach, up to its rounding
        deeper = (
            torch.randn(4, 6, generator=rng, dtype=torch.float64),
            torch.randn(4, generator=rng, dtype=torch.float64),
        )
        folded = Folded(torch.zeros(6, 1), torch.zeros(6), torch.zeros(6), (deeper,))
        curve = trace(folded, start, slope, reach)
        direct = (start + curve.t[:, None] * slope).relu() @ deeper[0].T + deeper[1]
        wrong += not torch.allclose(curve.points, direct, atol=1e-12, rtol=1e-12)
    assert wrong == 0


def tailed(ratio: float) -> Curve:
    """A wave with tails `ratio` times as long, a curve in two dimensions."""
    t = torch.linspace(-6, 6, 241, dtype=torch.float64)
    wave = torch.stack([t, (3 * t).sin()], 1)
    wave[t.abs() > 2] *= ratio
    return Curve(t, wave)


@pytest.mark.parametrize("ratio", [1.0, 1e4, 1e8])
def test_distances_keep_their_digits_beside_a_long_tail(ratio: float) -> None:
    curve = tailed(ratio)
    t = torch.randn(2000, 1, generator=torch_rng(0), dtype=torch.float64)
    t = t[t[:, 0].abs() < 1.9]
    direct = torch.cdist(
        curve.at(t[:20, 0]), curve.at(t[:, 0]), compute_mode="donot_use_mm_for_euclid_dist"
    )
    found = torch.cat([curve(t).distances(c[None]) for c in curve.at(t[:20, 0])])
    far = direct > 1e-3
    assert ((found - direct).abs()[far] <= 1e-7 * direct[far]).all()


@pytest.mark.parametrize("tail", [1.0, 1e4, 1e9])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_the_best_candidate_is_the_best_beside_a_heavy_tail(tail: float, kind: torch.dtype) -> None:
    codes = torch.randn(700, 4, generator=torch_rng(2), dtype=kind)
    codes[::5] *= tail
    center, radius = medoid(Points(codes), 700, 64)
    direct = torch.cdist(
        codes[:64].double(), codes.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    every = direct.kthvalue(350, -1).values
    assert every.min() * (1 - 1e-6) <= radius <= every.min() * ROUNDING
    assert (codes[:64] == center).all(1).any()


@pytest.mark.parametrize("ratio", [1.0, 1e3, 1e6, 1e12])
def test_a_radius_errs_on_the_large_side_and_ends(ratio: float) -> None:
    curve, sigma = tailed(ratio), 0.65
    center = curve.at(torch.tensor([0.3]))[0]
    began = time.process_time()
    radius = radius_of(curve, center, sigma, 0.9)
    assert time.process_time() - began < 20  # once it did not end
    fine = torch.linspace(-6 * sigma, 6 * sigma, 400_001, dtype=torch.float64)
    near = (curve.at(fine) - center).norm(dim=1)
    density = torch.exp(-(fine**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    held = float((density * (near <= radius)).sum() * (fine[1] - fine[0]))
    assert held >= 0.9 - 1e-4
    if ratio == 1:
        assert held <= 0.9 + 1e-4


def test_a_constant_stretch_ends_at_once() -> None:
    t = torch.tensor([-6.0, -1, 1, 6], dtype=torch.float64)
    points = torch.tensor([[-5.0, 3], [0, 0], [0, 0], [5, 3]], dtype=torch.float64)
    for wobble in (0.0, 1e-14, 1e-12):  # half of the mass on a point, up to rounding
        curve = Curve(t, points + wobble * torch.randn(4, 2, generator=torch_rng(0)))
        center = half_mass_center(curve, 0.65)
        assert center is not None and float(center.norm()) <= 1e-3


def test_a_search_without_an_end_gives_no_certificate(monkeypatch, model: tuple) -> None:
    r, head, z, a = model
    from fairtut.methods.lassi import exact

    monkeypatch.setattr(exact, "_PIECES", 4)
    found = certify_exactly(r, head, z, a)
    assert set(found.reason) == {"limit"}
    assert not found.fair.any() and (found.prediction == -1).all()


def test_a_steep_spike_is_no_certificate() -> None:
    # f rises by 10 within 2e-6 and falls again: every t beside it is near, the spike is far
    width, height = 2e-6, 10.0
    t = torch.tensor([-6, 0.2, 0.2 + width, 0.2 + 2 * width, 6], dtype=torch.float64)
    points = torch.tensor([[-1.0], [0], [height], [0], [1]], dtype=torch.float64)
    curve = Curve(t, points)
    assert curve.within(1.0).max() == height
    # its mass is too small to move the centre, and the certificate holds for the smoothed code
    center = half_mass_center(curve, 0.65)
    assert center is not None
    best = radius_of(curve, center, 0.65, 0.5)
    flat = Curve(t[[0, 1, 4]], points[[0, 1, 4]])
    least = half_mass_center(flat, 0.65)
    assert least is not None
    assert best <= radius_of(flat, least, 0.65, 0.5) / (1 - ETA) + 1e-5
    held = mass(curve, curve.seen(center[None]), best, 0.65)
    assert float(held) >= 0.5


# --- the head ----------------------------------------------------


def test_a_tiny_difference_of_rows_is_a_difference() -> None:
    head = linear(3, 2).double()
    head.weight.data[:] = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    head.weight.data[1, 0] += 1e-12
    head.bias.data.zero_()
    head.bias.data[1] = -1e-11  # the border lies 10 away from the origin
    codes = torch.tensor([[3.0, 0, 0], [30.0, 0, 0]])
    _, distance = margins(head, codes)
    assert bool((distance <= torch.tensor([7.0, 20.0]) + 1e-9).all())
    small = linear(2, 2)
    small.weight.data[:] = torch.tensor([[1e-30, 0.0], [0.0, 1e-30]])
    small.bias.data.zero_()
    assert margins(small, torch.tensor([[1.0, 0.0]]))[1] == pytest.approx(
        1 / math.sqrt(2), rel=1e-6
    )


def test_equal_rows_and_biases_are_a_tie_everywhere(model: tuple) -> None:
    r, head, z, a = model
    head.weight.data[1], head.bias.data[1] = head.weight.data[0], head.bias.data[0]
    for call in every_path(r, head, z, a):
        assert not call().fair.any()
    three = linear(5, 3)
    three.weight.data[:], three.bias.data = 0.0, torch.tensor([1.0, 0.0, 0.0])
    assert margins(three, torch.randn(2, 5))[1].isinf().all()  # losers may tie with each other


def test_a_set_of_one_point_on_the_border_is_not_fair() -> None:
    r = Representation(1, (2,), 2)
    r.linears[0].weight.data[:] = 1.0
    r.linears[0].bias.data[:] = torch.tensor([0.125, -0.125])
    r.linears[1].weight.data[:] = torch.tensor([[8.0, -8.0], [0.0, 0.0]])
    r.linears[1].bias.data[:] = torch.tensor([-1.0, 0.0])  # a step from -1 to 1 around 0
    for norm in r.norms:
        norm.eps = 0.0
    head = linear(2, 2)
    head.weight.data[:] = torch.tensor([[-0.5, 0.0], [0.5, 0.0]])
    head.bias.data.zero_()
    z = torch.tensor([[0.0], [0.0625]])
    for size in (1.0, 0.75, 3.0):
        found = exact_fairness(r.eval(), head, z, torch.tensor([size]), 0.0)
        assert found.fair.tolist() == [False, True]


def test_a_tie_is_never_fair(model: tuple) -> None:
    r, head, z, a = model
    head.weight.data.zero_()
    head.weight.data[0, 0] = 1.0
    head.bias.data.zero_()
    with torch.no_grad():
        head.bias.data[1] = float(r.fold()(z[:1])[0, 0])
    for call in every_path(r, head, z[:1], a):
        assert not call().fair.any()
