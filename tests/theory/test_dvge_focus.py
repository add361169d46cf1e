"""DVGE: its formulas by finite differences and closed forms, and what each reading does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName
from fairtut.methods.dvge import Config, ablation, clip, clip_as_printed, fit_classifiers, perturb
from fairtut.methods.dvge.focus import FOCI, focus
from fairtut.models.mlp import MLP
from fairtut.models.stacked import StackedMLP

torch.set_num_threads(1)

SIGNED = st.floats(-3, 3, allow_subnormal=False)


def draw(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


def stack(count: int = 3) -> StackedMLP:
    return StackedMLP(count, 4, (9, 7), 2, generator=torch.Generator().manual_seed(1)).double()


def score(net: StackedMLP, z: Tensor, kind: str, target: Tensor, at: Tensor) -> Tensor:
    """What is differentiated, (k, n); the predicted class is the one ``at`` the unmoved codes."""
    logits, predicted = net(z), net(at).argmax(-1)
    if kind == "logit_1":
        return logits[..., 1]
    if kind == "logit_pred":
        return logits.gather(-1, predicted[..., None])[..., 0]
    label = predicted if kind == "loss_pred" else target
    return -logits.log_softmax(-1).gather(-1, label[..., None])[..., 0]


@pytest.mark.parametrize("kind", FOCI)
def test_each_focus_is_the_gradient_by_finite_differences(kind):
    net, z = stack(), draw(3, 6, 4)
    target = (draw(3, 6, seed=2) > 0).long()
    found, h = focus(net, z, kind, target), 1e-6
    with torch.no_grad():
        for j in range(4):
            e = h * torch.eye(4, dtype=torch.float64)[j]
            ahead, behind = (score(net, z + sign * e, kind, target, z) for sign in (1, -1))
            torch.testing.assert_close(
                found[..., j], (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-7
            )


def test_the_loss_of_the_predicted_class_and_its_logit_have_opposite_signs():
    net, z = stack(), draw(3, 8, 4)
    logits = net(z).detach()
    p, predicted = logits.softmax(-1).max(-1)
    slope = 2 * focus(net, z, "logit_1") - _gradient_of_both(net, z)  # of logit_1 - logit_0
    slope = torch.where(predicted[..., None] == 1, slope, -slope)  # of the predicted one's lead
    torch.testing.assert_close(focus(net, z, "loss_pred"), -(1 - p[..., None]) * slope)


def _gradient_of_both(net: nn.Module, z: Tensor) -> Tensor:
    leaf = z.clone().requires_grad_(True)
    return torch.autograd.grad(net(leaf).sum(), leaf)[0]


@pytest.mark.parametrize("kind", FOCI)
def test_networks_and_rows_never_mix(kind):
    net, z, target = stack(), draw(5, 4), torch.tensor([0, 1, 1, 0, 1])
    shared = focus(net, z, kind, target)
    assert shared.shape == (3, 5, 4)
    for i in range(3):
        alone = net.member(i).double()
        torch.testing.assert_close(focus(alone, z, kind, target), shared[i])
        one_row = focus(alone, z[2:3], kind, target[2:3])
        torch.testing.assert_close(one_row[0], shared[i, 2])


def test_many_rows_go_in_pieces(monkeypatch):
    net, z, target = stack(), draw(3, 11, 4), (draw(11) > 0).long()
    whole = focus(net, z, "loss_true", target)
    monkeypatch.setattr("fairtut.methods.dvge.focus._ROWS", 4)
    torch.testing.assert_close(focus(net, z, "loss_true", target), whole)


def test_the_network_is_evaluated_and_left_as_it_was():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    net[1].eval()  # one part frozen, as in fine-tuning
    before = {name: value.clone() for name, value in net.state_dict().items()}
    z = draw(6, 4).float()
    with torch.no_grad():  # also inside somebody's no_grad
        first, again = focus(net, z), focus(net, z)
    assert torch.equal(first, again) and not first.requires_grad
    assert [m.training for m in net.modules()] == [True, True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_what_cannot_be_differentiated():
    with pytest.raises(UnknownName, match="loss_pred"):
        focus(stack(), draw(5, 4), "loss_prd")
    with pytest.raises(InputError, match="pass target"):
        focus(stack(), draw(5, 4), "loss_true")
    with pytest.raises(InputError, match="two logits"):
        focus(MLP(4, (3,), 1).double(), draw(5, 4))


# ------------------------------------------------------------------------ clip and perturbation


@settings(max_examples=50, deadline=None)
@given(st.lists(SIGNED, min_size=1, max_size=8), st.floats(0, 2, allow_subnormal=False))
def test_the_clip_is_the_nearest_point_of_a_box(values, eps):
    v = torch.tensor(values, dtype=torch.float64)
    clipped = clip(v, eps)
    np.testing.assert_array_equal(clipped.numpy(), np.minimum(np.maximum(values, -eps), eps))
    assert torch.equal(clip(-v, eps), -clipped)  # which the printed one is not
    printed = clip_as_printed(v, eps)
    assert torch.equal(printed[v > eps], v[v > eps])
    assert torch.equal(printed[v <= eps], clipped[v <= eps])


def test_no_clip_and_wrong_clips():
    v = draw(5)
    assert clip(v, None) is v
    for eps in (-0.1, float("nan")):
        with pytest.raises(InputError, match="at least 0"):
            clip(v, eps)
        with pytest.raises(InputError, match="at least 0"):
            perturb(v, None, None, 1.0, 1.0, eps)


def test_the_perturbation_by_hand():
    z = torch.tensor([[1.0, 1.0]])
    f_sens, f_task = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, -2.0]])
    assert perturb(z, f_sens, f_task, 0.1, 0.5).tolist() == [
        [pytest.approx(1.3), pytest.approx(2.4)]
    ]
    clipped = perturb(z, f_sens, f_task, 0.1, 0.5, eps=0.4)
    torch.testing.assert_close(clipped, torch.tensor([[1.3, 1.4]]))
    unit = perturb(z, f_sens, f_task, 1.0, 0.5, normalise=True)
    torch.testing.assert_close(unit, torch.tensor([[1.6, 2.3]]))
    assert torch.equal(perturb(z, None, None, 1.0, 1.0), z)


def test_each_network_has_its_own_strength():
    z, f_sens, f_task = draw(5, 4), draw(5, 4, seed=1), draw(3, 5, 4, seed=2)
    eta1, eta2 = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.3, 0.0, 2.0])
    moved = perturb(z, f_sens, f_task, eta1, eta2, eps=0.7)
    assert moved.shape == (3, 5, 4)
    for i in range(3):
        alone = perturb(z, f_sens, f_task[i], float(eta1[i]), float(eta2[i]), eps=0.7)
        torch.testing.assert_close(moved[i], alone)


@pytest.mark.parametrize("length", [0.0, 1e-30])
def test_no_gradient_has_no_direction(length):
    f = torch.full((2, 3), length)
    moved = perturb(torch.zeros(2, 3), f, None, 1.0, 0.0, normalise=True)
    assert moved.isfinite().all() and moved.abs().max() < 1e-6


@pytest.mark.parametrize(("kind", "sign"), [("loss_pred", 1), ("loss_true", 1), ("logit_pred", -1)])
def test_a_small_step_moves_the_loss_to_first_order(kind, sign):
    """η1 F_sens raises d's loss by η1 |F|² for a loss; a logit lowers that of its class."""
    net, z = stack(1), draw(40, 4)
    predicted = net(z).argmax(-1)[0]
    f, eta = focus(net, z, kind, predicted), 1e-4
    moved = perturb(z, f, None, eta, 0.0)
    losses = [
        functional.cross_entropy(net(codes)[0], predicted, reduction="none").detach()
        for codes in (z, moved[0])
    ]
    rise = losses[1] - losses[0]
    if kind == "logit_pred":
        assert (rise < 0).double().mean() > 0.9  # the other logit moves, too
    else:
        torch.testing.assert_close(rise, sign * eta * f[0].square().sum(-1), rtol=5e-3, atol=1e-9)


def test_the_task_focus_is_taken_off():
    net, z = stack(1), draw(40, 4)
    y = (draw(40, seed=3) > 0).long()
    f = focus(net, z, "loss_true", y)
    before, after = (
        functional.cross_entropy(net(codes)[0], y)
        for codes in (z, perturb(z, None, f, 0.0, 0.01)[0])
    )
    assert after < before  # the codes got easier


# -------------------------------------------------------------- which reading fits the ablation


def toy(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Gaussian codes of which two directions tell s, with noise."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 10, generator=rng)
    s = z[:, 0] + 0.6 * z[:, 1] + 0.4 * torch.randn(n, generator=rng) > 0
    return z, s.long()


def accuracies(kind: str) -> dict[str, np.ndarray]:
    config = Config(hidden=(24, 24), lr=4e-3, batch=128, epochs=4, focus=kind)
    found = ablation(*toy(2500, 0), *toy(2500, 1), (0.0, 0.1, 0.3, 0.6, 1.0), config, (0, 1))
    assert all((found.best[p] >= found.last[p]).all() for p in found.best)
    return {probe: values.mean(0) for probe, values in found.last.items()}


def test_two_readings_part_ways_on_the_perturbed_codes():
    loss, logit = accuracies("loss_pred"), accuracies("logit_pred")
    assert loss["perturbed"][0] == pytest.approx(logit["perturbed"][0])  # both plain training
    assert (np.diff(loss["perturbed"]) < -0.01).all()  # the fall of Table 1 ..
    assert loss["perturbed"][-1] < loss["perturbed"][0] - 0.1
    assert (abs(logit["perturbed"] - logit["perturbed"][0]) < 0.01).all()  # .. and none
    assert logit["raw"][-1] < logit["raw"][0] - 0.04  # where the fall is mere mismatch
    # a probe that met both kinds of codes reads the raw ones as before
    assert logit["mixed-raw"][-1] > logit["raw"][-1] + 0.03


def test_one_logit_only_shifts_the_codes():
    found = accuracies("logit_1")
    assert found["raw"][-1] < 0.65 < 0.75 < found["perturbed"][-1]


def test_what_the_ablation_refuses():
    z, s = toy(60, 0)
    for etas in ((), (float("nan"),)):
        with pytest.raises(InputError, match="strengths"):
            ablation(z, s, z, s, etas)
    with pytest.raises(UnknownName, match="mixed-raw"):
        ablation(z, s, z, s, (0.1,), probe_on=["mixed_raw"])
    with pytest.raises(InputError, match="evaluation"):
        ablation(z, s, z, s[:-1], (0.1,))


def test_one_kind_of_probe_alone_is_the_same_probe():
    z, s = toy(400, 0)
    config = Config(hidden=(8,), epochs=2, batch=50)
    whole = ablation(z, s, z, s, (0.0, 0.5), config, (3, 4))
    some = ablation(z, s, z, s, (0.0, 0.5), config, (3, 4), probe_on=["mixed-raw"])
    assert list(some.last) == ["mixed-raw"] and whole.last["raw"].shape == (2, 2)
    # accuracies on 400 rows: rounding may turn the decision of a row or two, another probe many
    np.testing.assert_allclose(some.last["mixed-raw"], whole.last["mixed-raw"], atol=2.5 / 400)
    d = fit_classifiers(z, s, config, (3, 4))
    torch.testing.assert_close(d.weights[0], whole.d.weights[0], rtol=1e-4, atol=1e-5)
