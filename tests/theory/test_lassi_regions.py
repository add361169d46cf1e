"""LASSI with several attributes: what branch and bound says of the whole ball is true."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.lassi import bounds, regions
from fairtut.methods.lassi.bounds import Boxes, Forms, Local, least
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.regions import Limit, search
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.threads import torch_threads

SHAPES = [(7, (9,), 4), (12, (16, 11), 6), (10, (8, 12, 9), 5)]


@pytest.fixture(autouse=True)
def _one_thread():
    with torch_threads(1), torch.no_grad():
        yield


def setting(
    shape: tuple[int, tuple[int, ...], int], k: int, n: int = 4, length: float = 0.5
) -> tuple[Representation, Tensor, Tensor]:
    """R with random weights and statistics, latents (n, q) and directions (k, q), in double."""
    rng = torch_rng(k, "regions", len(shape[1]))
    r = Representation(*shape, generator=rng)
    for norm in r.norms:
        assert isinstance(norm, nn.BatchNorm1d)
        norm.running_mean.normal_(0, 0.3, generator=rng)
        norm.running_var.uniform_(0.05, 0.3, generator=rng)
    z, a = (torch.randn(m, shape[0], generator=rng).double() for m in (n, k))
    return r.double().eval(), z, length * a


def local_of(r: Representation, z: Tensor, a: Tensor) -> Local:
    folded = r.fold()
    start, slopes = folded.first(z, a)
    return Local.of(folded, start[0], slopes)


def in_boxes(boxes: Boxes, m: int) -> Tensor:
    """Points of boxes, corners among them, (k, m, b)."""
    k, b = boxes.low.shape
    share = torch.rand(k, m, b, generator=torch_rng(m), dtype=torch.float64)
    corners = torch.tensor(list(itertools.product((0.0, 1.0), repeat=k)))
    share[:, : 2**k] = corners.T.double()[:, :, None]
    return torch.lerp(boxes.low[:, None], boxes.high[:, None], share)


def some_boxes(k: int, b: int = 30) -> Boxes:
    """Boxes of all sizes that meet the unit ball."""
    rng = torch_rng(k, "boxes")
    middle = torch.empty(k, b, dtype=torch.float64).uniform_(-0.7, 0.7, generator=rng)
    half = 10 ** torch.linspace(-4, 0, b, dtype=torch.float64)
    half = half * torch.empty(k, b, dtype=torch.float64).uniform_(0.5, 1, generator=rng)
    return Boxes(middle - half, middle + half).within(1.0)[0]


# --- bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_forms_and_sums_of_codes_are_bounded_in_every_box(
    shape: tuple[int, tuple[int, ...], int], k: int
) -> None:
    r, z, a = setting(shape, k)
    local, boxes = local_of(r, z[:1], a), some_boxes(k)
    forms, t = local.forms(boxes), in_boxes(boxes, 200)
    codes = local.at(t.flatten(1)).unflatten(1, t.shape[1:])  # (d, m, b)
    away = t - boxes.middle[:, None]
    codes_form = forms[-1]
    middle = codes_form.value[:, None] + torch.einsum("kdb,kmb->dmb", codes_form.slope, away)
    assert bool(((codes - middle).abs() <= codes_form.error[:, None] + 1e-9).all())
    rows = torch.randn(shape[2], len(boxes), generator=torch_rng(1), dtype=torch.float64)
    constant, slope = local.below(rows, boxes, forms)
    below = constant + (slope[:, None] * t).sum(0)
    sums = torch.einsum("db,dmb->mb", rows, codes)
    assert bool((below <= sums + 1e-9).all())
    loose = (sums - below).amax(0)
    assert float(loose[boxes.half.amax(0) < 1e-3].max()) < 0.05  # and small boxes are tight


@pytest.mark.parametrize("steps", [2, bounds._STEPS])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_least_value_of_a_linear_form_on_a_box_within_the_ball(
    k: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "_STEPS", steps)  # a multiplier far from the best bounds, too
    boxes = some_boxes(k)
    rng = torch_rng(3)
    slope = torch.randn(k, len(boxes), generator=rng, dtype=torch.float64)
    constant = torch.randn(len(boxes), generator=rng, dtype=torch.float64)
    value, point = least(constant, slope, boxes, 1.0)
    t = in_boxes(boxes, 20_000)
    inside = t.square().sum(0) <= 1
    sampled = torch.where(inside, constant + (slope[:, None] * t).sum(0), math.inf).amin(0)
    assert bool((value <= sampled + 1e-12).all())
    reached = constant + (slope * point).sum(0)
    assert bool((point >= boxes.low - 1e-12).all() & (point <= boxes.high + 1e-12).all())
    assert float(point.norm(dim=0).max()) <= 1 + 1e-12
    if steps > 2:  # halving leaves 2^-24 of the multiplier: the point attains the bound
        assert float((reached - value).max()) < 1e-4


@pytest.mark.parametrize("k", [2, 3])
def test_units_that_keep_their_sign_drop_out_and_nothing_changes(k: int) -> None:
    r, z, a = setting(SHAPES[2], k, length=0.2)
    whole = local_of(r, z[:1], a)
    box = Boxes.whole(k, 1.0)
    local = whole.reduce(box)
    assert 0 < local.size < whole.size
    t = in_boxes(box, 500)[..., 0]
    assert torch.allclose(local.at(t), whole.at(t), atol=1e-10)
    assert torch.allclose(whole.at(t).T, r(z[:1] + t.T @ a), atol=1e-10)
    assert local.reduce(box).size == local.size


def test_halves_cover_the_ball() -> None:
    boxes = Boxes.whole(3, 1.0)
    for axis in (0, 1, 2, 0, 1, 2):
        boxes, _ = boxes.halves(torch.full((len(boxes),), axis)).within(1.0)
    t = torch.randn(3, 1000, 1, generator=torch_rng(0), dtype=torch.float64)
    t = t / t.norm(dim=0) * torch.linspace(0, 1, 1000, dtype=torch.float64)[:, None]
    held = (t >= boxes.low[:, None] - 1e-12) & (t <= boxes.high[:, None] + 1e-12)
    assert bool(held.all(0).any(1).all())
    assert float((boxes.high - boxes.low).prod(0).sum()) < 0.75 * 8  # the ball has 0.52 of its cube


# --- verdicts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("classes", [2, 3])
def test_with_one_attribute_regions_say_what_the_curve_says(
    shape: tuple[int, tuple[int, ...], int], classes: int
) -> None:
    r, z, a = setting(shape, 1, n=16)
    head = linear(shape[2], classes, generator=torch_rng(4)).double()
    head.bias.data -= head(r(z)).mean(0)  # the border runs through the middle of the people
    curve, boxes = (
        exact_fairness(r, head, z, a, 1.0, method=m, gap=1e-3) for m in ("curve", "regions")
    )
    assert not boxes.undecided.any()
    assert (boxes.fair == curve.fair).all() and (boxes.prediction == curve.prediction).all()
    assert (boxes.distance <= curve.distance * (1 + 1e-9)).all()
    assert (boxes.bound >= curve.distance * (1 - 1e-9)).all()
    assert (boxes.bound <= boxes.distance * (1 + 1.1e-3)).all()
    assert 2 <= curve.fair.sum() <= 14  # both kinds of people
    for found in (curve, boxes):
        assert (np.isnan(found.change[:, 0]) == found.fair).all()
        assert found.deployed[~found.fair].all()  # the network here runs in double precision


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_with_more_attributes_dense_sampling_finds_nothing_else(
    shape: tuple[int, tuple[int, ...], int], k: int
) -> None:
    r, z, a = setting(shape, k, n=6, length=0.4)
    head = linear(shape[2], 2, generator=torch_rng(5)).double()
    head.bias.data -= head(r(z)).mean(0)
    ball = torch.randn(20_000, k, generator=torch_rng(6), dtype=torch.float64)
    ball = ball / ball.norm(dim=1, keepdim=True)
    ball = ball * torch.rand(20_000, 1, generator=torch_rng(7)) ** (1 / k)
    small, large = (exact_fairness(r, head, z, a, epsilon, gap=0.05) for epsilon in (0.1, 1.0))
    assert small.fair.any() and not large.fair.all()
    for found, t in ((small, 0.1 * ball), (large, ball)):
        assert not found.undecided.any() and found.method == "regions" and len(found) == 6
        assert (found.bound <= 1.051 * found.distance).all()
        for i, row in enumerate(z):
            codes, plain = r(row + t @ a), r(row[None])
            same = head(codes).argmax(1) == found.prediction[i]
            assert bool(same.all()) or not found.fair[i]
            assert float((codes - plain).norm(dim=1).max()) <= found.bound[i] * (1 + 1e-9)
            if not found.fair[i]:
                there = torch.from_numpy(found.change[i])
                assert float(there.norm()) <= float(t.norm(dim=1).max()) * 1.001
                assert int(head(r((row + there @ a)[None])).argmax()) != found.prediction[i]
                assert found.deployed[i]


def test_latents_finer_than_the_network_and_the_reverse() -> None:
    r, z, a = setting(SHAPES[1], 2)
    head = linear(6, 2, generator=torch_rng(8))
    single = r.float()
    fine, coarse = (exact_fairness(single, head, x, a.to(x), 1.0) for x in (z, z.float()))
    assert (fine.fair == coarse.fair).all()
    assert len(exact_fairness(r.double(), head.double(), z.float(), a.float(), 1.0)) == len(z)


def spike(
    where: Tensor, width: float, height: float
) -> tuple[Representation, nn.Linear, Tensor, Tensor]:
    """A network of t whose class 1 leads by height - 1/2 at one point, and nowhere beyond width."""
    k = len(where)
    r = Representation(k, (2 * k, 1), 1, generator=torch_rng(0)).double().eval()
    for norm in r.norms:
        assert isinstance(norm, nn.BatchNorm1d)
        norm.eps = 0.0
    weights = torch.cat([torch.eye(k), -torch.eye(k)]).double()
    r.linears[0].weight.data, r.linears[0].bias.data = weights, -weights @ where
    r.linears[1].weight.data.fill_(-height / width)
    r.linears[1].bias.data.fill_(height)
    r.linears[2].weight.data.fill_(1.0)
    r.linears[2].bias.data.fill_(0.0)
    head = nn.Linear(1, 2).double()
    head.weight.data = torch.tensor([[0.0], [1.0]]).double()
    head.bias.data = torch.tensor([0.5, 0.0]).double()
    return r, head, torch.zeros(1, k).double(), torch.eye(k).double()


@pytest.mark.parametrize(("k", "width"), [(1, 1e-9), (2, 0.3), (2, 1e-7), (3, 1e-4)])
def test_a_spike_is_found_however_narrow_and_one_below_the_border_is_none(
    k: int, width: float
) -> None:
    where = torch.tensor([0.31, -0.57, 0.43]).double()[:k]
    verdicts = []
    for height in (0.51, 0.49, 0.5):
        found = exact_fairness(*spike(where, width, height), 1.0, method="regions", gap=math.inf)
        verdicts.append((bool(found.fair[0]), not found.undecided[0]))
        # the code is height at the spike and 0 in the middle
        assert found.distance[0] <= height * (1 + 1e-12) <= found.bound[0] * (1 + 1e-9)
    assert verdicts[:2] == [(False, True), (True, True)]
    assert verdicts[2][0] is False  # a tie is never constant


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_spike_counts_just_inside_the_ball_and_not_just_outside(k: int) -> None:
    where = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, -2.0]).double()[:k], dim=0)
    inside, outside = (
        exact_fairness(*spike(far * where, 1e-4, 1.0), 1.0, method="regions", gap=math.inf)
        for far in (0.999, 1.001)
    )
    assert not inside.undecided[0] and not inside.fair[0]
    assert not outside.undecided[0] and outside.fair[0]


def test_equal_rows_of_the_head_and_dead_units_are_no_change_but_for_a_tie() -> None:
    r, z, a = setting(SHAPES[1], 2)
    head = linear(6, 2, generator=torch_rng(0)).double()
    head.weight.data[1] = head.weight.data[0]
    for bias, tie in ((0.5, False), (0.0, True)):
        head.bias.data[:] = torch.tensor([0.0, bias])
        found = exact_fairness(r, head, z, a, 1.0, gap=math.inf)
        assert (found.fair == (not tie)).all() and (found.undecided == tie).all()
    for norm in list(r.norms)[:-1]:
        norm.bias.data.fill_(-500.0)  # all units are off: codes never move
    found = exact_fairness(r, linear(6, 2, generator=torch_rng(0)).double(), z, a, 1.0)
    assert found.fair.all() and (found.distance == 0).all() and (found.bound < 1e-6).all()


# --- limits -----------------------------------------------------------------------------------


def test_a_limit_leaves_people_undecided_and_the_distance_wide() -> None:
    r, z, a = setting(SHAPES[2], 3, n=6, length=0.3)
    head = linear(5, 2, generator=torch_rng(1)).double()
    head.bias.data -= head(r(z)).mean(0)
    sure = exact_fairness(r, head, z, a, 1.0, gap=0.02)
    for limits in ({"regions": 1}, {"seconds": 1e-9}):
        found = exact_fairness(r, head, z, a, 1.0, gap=0.02, **limits)
        assert found.undecided.any()
        assert not found.fair[found.undecided].any()
        assert (found.fair[~found.undecided] == sure.fair[~found.undecided]).all()
        assert (found.bound >= sure.distance * (1 - 1e-12)).all()
        assert (found.bound > sure.bound).any()
        assert (found.regions <= 2).all()
    rough = exact_fairness(r, head, z, a, 1.0, gap=math.inf)
    assert (rough.fair == sure.fair).all() and (rough.regions < sure.regions).all()


def test_a_batch_of_boxes_stays_within_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "_NUMBERS", 5000)
    r, z, a = setting(SHAPES[1], 3)
    local, held = local_of(r, z[:1], a), []

    def stay(boxes: Boxes, forms: list[Forms]) -> tuple[Tensor, Tensor]:
        held.append(sum(f.value.numel() + f.slope.numel() + f.error.numel() for f in forms[:1]))
        return torch.ones(len(boxes), dtype=torch.bool), torch.zeros(len(boxes))

    seen, rest = search(local, 1.0, Limit(500), stay)
    assert max(held) <= 5000 and len(held) > 10
    assert 500 <= seen < 600 and len(rest) > 100


def test_what_does_not_apply_is_refused() -> None:
    r, z, a = setting(SHAPES[0], 2)
    head = linear(4, 2).double()
    with pytest.raises(InputError, match="method 'curve' needs one direction, got 2"):
        exact_fairness(r, head, z, a, 1.0, method="curve")
    with pytest.raises(UnknownName, match="cells"):
        exact_fairness(r, head, z, a, 1.0, method="cells")
    with pytest.raises(InputError, match="gap 0, regions 10 and seconds None must be positive"):
        exact_fairness(r, head, z, a, 1.0, gap=0, regions=10)


@pytest.mark.slow
def test_the_benchmark_contradicts_nobody(quick_benchmark: Any) -> None:
    result = quick_benchmark("lassi_exact")
    assert result["contradicted"] == 0 and result["decided_reached"]
