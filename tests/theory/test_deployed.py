"""Deployed models: which labels are flipped, what an adversary sees, and which way it pushes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.deployed import (
    KINDS,
    Adversary,
    Training,
    flip_labels,
    outputs,
    ramp,
    train,
)
from fairtut.models.resnet import FaceClassifier
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)

# --- flipped labels -------------------------------------------------------------------------


def people(cells: tuple[int, int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return shuffled y, s with that many people in (y, s) = (0, 0), (1, 0), (0, 1), (1, 1)."""
    y = np.repeat([0, 1, 0, 1], cells)
    s = np.repeat([0, 0, 1, 1], cells)
    order = np.random.default_rng(seed).permutation(len(y))
    return y[order], s[order]


@given(
    cells=st.tuples(*[st.integers(1, 40)] * 4),
    rate=st.floats(0, 1),
    seed=st.integers(0, 5),
)
@settings(max_examples=60)
def test_flips_go_against_the_group_with_fewer_positives(
    cells: tuple[int, int, int, int], rate: float, seed: int
) -> None:
    y, s = people(cells)
    before = y.copy()
    flipped = flip_labels(y, s, rate, seed)
    assert np.array_equal(y, before)
    rates = [cells[1] / (cells[0] + cells[1]), cells[3] / (cells[2] + cells[3])]
    poor = int(np.argmin(rates))
    down, up = (s == poor) & (y == 1), (s != poor) & (y == 0)
    changed = flipped != y
    assert changed[down].sum() == round(rate * down.sum())
    assert changed[up].sum() == round(rate * up.sum())
    assert not changed[~(down | up)].any()
    # so the base rates move apart, or stay
    after = [flipped[s == g].mean() for g in (0, 1)]
    assert after[1 - poor] - after[poor] >= rates[1 - poor] - rates[poor] - 1e-12


def test_uniform_flips_are_as_many_and_of_anybody() -> None:
    y, s = people((400, 100, 200, 300))
    against, uniform = (flip_labels(y, s, 0.4, 0, how) for how in ("against", "uniform"))
    assert (uniform != y).sum() == (against != y).sum() == 40 + 80
    for group in (0, 1):
        for label in (0, 1):
            cell = (s == group) & (y == label)
            share = (uniform != y)[cell].mean()
            assert share == pytest.approx(0.12, abs=4 * math.sqrt(0.12 * 0.88 / cell.sum()))


def test_the_seed_decides_who_is_flipped() -> None:
    y, s = people((50, 50, 50, 50))
    for how in ("against", "uniform"):
        first = flip_labels(y, s, 0.3, 1, how)
        assert np.array_equal(first, flip_labels(y, s, 0.3, 1, how))
        assert not np.array_equal(first, flip_labels(y, s, 0.3, 2, how))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([0, 1], [0, 1], -0.1, 0), InputError),
        (([0, 1], [0, 1], 1.1, 0), InputError),
        (([0, 1], [1, 1], 0.5, 0), InputError),
        (([0, 1], [0, 1], 0.5, 0, "agianst"), UnknownName),
    ],
)
def test_flips_that_mean_nothing_are_refused(
    arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    y, s, *rest = arguments
    with pytest.raises(error) as caught:
        flip_labels(np.array(y), np.array(s), *rest)
    assert "\n" not in str(caught.value)


# --- the adversary --------------------------------------------------------------------------


def test_danns_ramp() -> None:
    assert ramp(0) == 0
    assert ramp(0.1) == pytest.approx(math.tanh(0.5))  # 2 / (1 + e^-a) - 1 = tanh(a / 2)
    assert ramp(1) == pytest.approx(1, abs=1e-4)
    values = [ramp(p) for p in np.linspace(0, 1, 50)]
    assert values == sorted(values)


def depends(looks: str, what: str) -> bool:
    """Whether an adversary's answer depends on one thing that it might be shown."""
    rng = torch_rng(0)
    adversary = Adversary(looks, 6, torch_rng(1))
    shown = {"z": torch.randn(5, 6, generator=rng), "logits": torch.randn(5, 2, generator=rng),
             "y": torch.tensor([0, 1, 0, 1, 1])}  # fmt: skip
    before = adversary(*shown.values())
    assert before.shape == (5, 2)
    change = {"z": lambda v: v + 1, "y": lambda v: 1 - v,
              "logits": lambda v: v * 2, "level": lambda v: v + 3}[what]  # fmt: skip
    key = "logits" if what == "level" else what
    after = adversary(*(shown | {key: change(shown[key])}).values())
    return not torch.allclose(before, after, atol=1e-5)


@pytest.mark.parametrize(
    ("looks", "seen"),
    [
        ("features", {"z"}),
        ("logit", {"logits"}),
        ("logit_and_label", {"logits", "y"}),
        ("decision_and_label", {"logits", "y"}),
    ],
)
def test_each_adversary_sees_what_its_name_says(looks: str, seen: set[str]) -> None:
    # "level" adds the same to both logits: it does not move their difference
    assert {w for w in ("z", "logits", "y", "level") if depends(looks, w)} == seen


def test_an_adversary_on_the_logit_is_linear() -> None:
    """An MLP could read s from the size of a logit whatever its sign."""
    for looks in ("logit", "logit_and_label"):
        adversary = Adversary(looks, 6, torch_rng(1))
        z, y = torch.zeros(3, 6), torch.ones(3).long()
        margin = torch.tensor([-2.0, 0.0, 2.0])
        out = adversary(z, torch.stack([0 * margin, margin], 1), y)
        torch.testing.assert_close(out[0] + out[2], 2 * out[1])
    with pytest.raises(UnknownName, match="adversary input"):
        Adversary("logits", 6, torch_rng(1))


def shown(looks: str, margin: Tensor) -> Tensor:
    """What an adversary makes of margins (n,), as its logit of s, (n,)."""
    adversary = Adversary(looks, 6, torch_rng(1))
    y = torch.ones(len(margin)).long()
    logits = torch.stack([torch.zeros_like(margin), margin], 1)
    out = adversary(torch.zeros(len(margin), 6), logits, y)
    return out[:, 1] - out[:, 0]


def test_a_soft_decision_has_the_logits_slope_at_the_threshold_and_saturates() -> None:
    """Closed form: 4 sigmoid(m) - 2 = 2 tanh(m / 2), of slope 1 at 0 and bounded by 2."""
    slopes = []
    for looks in ("logit_and_label", "decision_and_label"):
        margin = torch.zeros(1, requires_grad=True)
        slopes += torch.autograd.grad(shown(looks, margin).sum(), margin)
    torch.testing.assert_close(slopes[0], slopes[1])
    margin = torch.tensor([-3.0, 0.0, 0.5, 3.0])
    expected = shown("logit_and_label", 2 * torch.tanh(margin / 2))
    torch.testing.assert_close(shown("decision_and_label", margin), expected)
    # more confidence in the same decision is nothing to an adversary that counts decisions
    sure, surer = shown("decision_and_label", torch.tensor([20.0, 40.0]))
    torch.testing.assert_close(sure, surer)
    assert not torch.isclose(*shown("logit_and_label", torch.tensor([20.0, 40.0])))


# --- training -------------------------------------------------------------------------------

QUICK = Training(epochs=12, batch=32, lr=0.03)


def toy(seed: int = 0) -> FaceClassifier:
    """A linear classifier of the three mean colours."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FaceClassifier(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 3)


def colours(n: int = 512, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Red tells y with noise, blue tells s, and y goes with s."""
    rng = torch_rng(seed, "colours")
    s = torch.randint(0, 2, (n,), generator=rng)
    y = (torch.rand(n, generator=rng) < 0.35 + 0.3 * s).long()
    level = torch.full((n, 3), 0.5) + 0.1 * torch.randn(n, 3, generator=rng)
    level[:, 0] += 0.12 * (2 * y - 1)
    level[:, 2] += 0.15 * (2 * s - 1)
    x = level.clamp(0, 1)[:, :, None, None].expand(n, 3, 4, 4)
    return (x * 255).round().to(torch.uint8), y, s


def gap(model: FaceClassifier, x: Tensor, s: Tensor) -> float:
    """Return the difference of the groups' mean margins."""
    _, logits = outputs(model, x)
    margin = logits[:, 1] - logits[:, 0]
    return float(margin[s == 1].mean() - margin[s == 0].mean())


def test_each_kind_moves_the_groups_scores_the_way_it_should() -> None:
    x, y, s = colours()
    config = replace(QUICK, strength=(("fair", 1.0), ("rg", 1.0)))
    found = {}
    for kind in KINDS:
        model = toy()
        done = train(model, x, y, s, kind=kind, config=config, seed=0)
        found[kind] = gap(model, x, s)
        assert len(done["history"]) == 12
        assert ("adversary" in done["history"][0]) == (kind in ("fair", "rg"))
        assert not any(m.training for m in model.modules())
        assert not any(p.requires_grad for p in model.parameters())
    assert found["fair"] < 0.7 * found["normal"]
    assert found["rg"] > 1.2 * found["normal"]
    assert found["lf"] > 1.1 * found["normal"]


def test_shared_epochs_and_strength_zero_are_plain_training() -> None:
    x, y, s = colours(64)
    config = replace(QUICK, epochs=5, shared_epochs=2)
    done = train(toy(), x, y, s, kind="fair", config=config, seed=0, shared=True)
    assert len(done["history"]) == 2
    assert set(done["history"][0]) == {"loss"}
    still = replace(config, strength=(("fair", 0.0),))
    assert set(train(toy(), x, y, s, kind="fair", config=still, seed=0)["history"][0]) == {"loss"}


def test_the_seed_alone_decides_the_model() -> None:
    x, y, s = colours(64)
    config = replace(QUICK, epochs=2)

    def made(seed: int, kind: str = "fair") -> str:
        model = toy()
        train(model, x, y, s, kind=kind, config=config, seed=seed)
        return state_digest(model)

    torch.manual_seed(1)
    first = made(0)
    torch.manual_seed(2)
    assert made(0) == first
    assert made(1) != first
    assert made(0, "rg") != first


def test_the_learning_rate_falls_along_a_cosine_only_if_asked() -> None:
    """With the rate going to zero, the last updates move less than the first."""
    x, y, s = colours(64)
    weights: dict[bool, Tensor] = {}
    for cosine in (False, True):
        model = toy()
        train(model, x, y, s, kind="normal", seed=0, config=replace(QUICK, cosine=cosine))
        weights[cosine] = model.f.weight - toy().f.weight.detach()
    assert 0 < float(weights[True].norm()) < float(weights[False].norm())


def test_an_unknown_kind_and_a_lost_loss_are_told_in_one_line() -> None:
    x, y, s = colours(64)
    with pytest.raises(UnknownName, match="kind of deployed model") as caught:
        train(toy(), x, y, s, kind="fiar", config=QUICK, seed=0)
    assert "\n" not in str(caught.value)
    lost_model = toy()
    nn.init.constant_(lost_model.f.weight, float("nan"))
    with pytest.raises(InputError, match="normal model: loss became nan") as lost:
        train(lost_model, x, y, s, kind="normal", config=QUICK, seed=0)
    assert "\n" not in str(lost.value)


def test_outputs_are_the_models_own_in_batches_of_any_size() -> None:
    model, (x, _, _) = toy().eval(), colours(20)
    with torch.no_grad():
        z, logits = model.g(x / 255), model(x / 255)
    for batch in (1, 7, 512):
        for images in (x, x / 255):
            found = outputs(model, images, batch)
            torch.testing.assert_close(found[0], z)
            torch.testing.assert_close(found[1], logits)
