"""Training triggers: the step by hand, gradients by differences, and that it works on a toy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.reprogramming import (
    Border,
    Config,
    Discriminator,
    Game,
    Patch,
    Trigger,
    TriggerModule,
    collapsed,
    frozen_copy,
    train_trigger,
    train_weights,
)
from fairtut.metrics import accuracy, equalized_odds_gap
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.fit import descend
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)

TINY = Config(hidden=(8,), epochs=3, batch=16, lam=2.0)
SHAPES = [Patch(5), Border(2)]


class Net(nn.Module):
    """A small classifier with batch norm and dropout, so that touching it would show."""

    def __init__(self, classes: int = 2, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.g = nn.Sequential(
                nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.Tanh(),
                nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.2),
            )  # fmt: skip
            self.f = nn.Linear(24, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.f(self.g(x))


class Saturating(nn.Module):
    """Decides by how red an image is (y) and, unfairly, by tanh of how blue it is (s).

    A trigger that pushes the blue to where tanh is flat cuts the biased path, and its red can
    give back the constant that this costs: what no additive network allows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3, 2)  # of the mean colour
        self.head = nn.Linear(2, 2)
        with torch.no_grad():
            self.mix.weight.copy_(torch.tensor([[20.0, 0, 0], [0, 0, 25.0]]))
            self.mix.bias.copy_(torch.tensor([-10.0, -12.5]))
            self.head.weight.copy_(torch.tensor([[-1.0, -0.6], [1.0, 0.6]]))
            self.head.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        red, blue = self.mix(x.mean((2, 3))).unbind(1)
        return self.head(torch.stack([red, blue.tanh()], 1))


def colours(n: int, seed: int, side: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images whose red tells y (with noise) and whose blue tells s, independent of y."""
    rng = torch_rng(seed, "colours")
    y, s = torch.randint(0, 2, (2, n), generator=rng)
    level = torch.full((n, 3), 0.5)
    level[:, 0] += 0.03 * (2 * y - 1) + 0.03 * torch.randn(n, generator=rng)
    level[:, 2] += 0.05 * (2 * s - 1) + 0.01 * torch.randn(n, generator=rng)
    return level.clamp(0, 1)[:, :, None, None].expand(n, 3, side, side).contiguous(), y, s


def batch(n: int = 32, classes: int = 2, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.rand(n, 3, 10, 12, generator=torch_rng(seed, "batch"))
    return x, torch.arange(n) % classes, torch.arange(n) // classes % 2


def game(
    net: nn.Module, shape: Patch | Border, config: Config = TINY, double: bool = False
) -> tuple[Game, TriggerModule]:
    trigger = TriggerModule(shape, (10, 12), generator=torch_rng(0, "trigger"))
    d = Discriminator(config.criterion, hidden=(8,), generator=torch_rng(0, "d"))
    if double:
        trigger, d = trigger.double(), d.double()
    forward: Callable[[Tensor], Tensor] = lambda x: net(trigger(x))  # noqa: E731
    return Game(forward, trigger, trigger.pixels, d, config, 0.05), trigger


# --- one step -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("criterion", ["dp", "eo"])
def test_both_gradients_are_finite_differences_of_the_losses(
    shape: Patch | Border, criterion: str
) -> None:
    x, y, s = batch(6)
    net = frozen_copy(Net().double(), x[:2].double())
    play, trigger = game(net, shape, Config(criterion=criterion), double=True)
    found = play.gradients(x.double(), y, s)
    inside = torch.nonzero(trigger.mask.expand(3, 10, 12))
    places = [tuple(place) for place in inside[:: len(inside) // 5].tolist()]
    step = 1e-5
    for place in places:
        slopes = []
        for sign in (1, -1):
            with torch.no_grad():
                trigger.weight[place] += sign * step
                logits = net(trigger(x.double()))
                slopes.append((nn.functional.cross_entropy(logits, y),
                               nn.functional.cross_entropy(play.d(logits, y), s)))  # fmt: skip
                trigger.weight[place] -= sign * step
        for mine, plus, minus in zip((found.g_y, found.g_z), *slopes, strict=True):
            expected = float(plus - minus) / (2 * step)
            assert float(mine[0][place]) == pytest.approx(expected, rel=1e-5, abs=1e-9)
    for gradient in (found.g_y[0], found.g_z[0]):
        assert float(gradient[:, ~trigger.mask].abs().max()) == 0 < float(gradient.norm())


@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize("n", [1, 8])
def test_a_step_is_the_algorithm(project: bool, n: int) -> None:
    """One forward pass; D and the trigger both move by what was seen before either moved."""
    net = Net().eval().requires_grad_(False)
    config = Config(projection=project, lam=3.0)
    play, trigger = game(net, Patch(4), config)
    twin, other = game(net, Patch(4), config)
    x, y, s = batch(n)
    logged = play.step(x, y, s)
    logits = net(other(x))
    utility = nn.functional.cross_entropy(logits, y)
    guess = twin.d(logits, y)
    adversary = nn.functional.cross_entropy(guess, s)
    (g_y,) = torch.autograd.grad(utility, other.weight, retain_graph=True)
    (g_z,) = torch.autograd.grad(adversary, other.weight, retain_graph=True)
    direction = g_y - 3 * g_z
    if project:
        direction = direction - (g_y * g_z).sum() / (g_z * g_z).sum() * g_z
    twin.adam_d.zero_grad()
    adversary.backward(inputs=list(twin.d.parameters()))
    twin.adam_d.step()
    assert trigger.weight.grad is not None
    torch.testing.assert_close(trigger.weight.grad, direction, rtol=1e-4, atol=1e-6)
    other.weight.grad = trigger.weight.grad
    twin.adam.step()
    assert torch.equal(trigger.weight, other.weight)
    for mine, theirs in zip(play.d.parameters(), twin.d.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    moved = (trigger.pixels() - twin.start).norm()
    expected = {"utility": utility, "adversary": adversary, "norm_y": g_y.norm(),
                "norm_z": g_z.norm(), "movement": moved,
                "positive": (logits.argmax(1) == 1).float().mean(),
                "d_accuracy": (guess.argmax(1) == s).float().mean()}  # fmt: skip
    assert set(logged) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name].detach(), value.detach())
    assert float(logged["movement"]) > 0
    assert all(p.grad is None for p in net.parameters())


def test_the_baselines_take_the_same_step_with_all_weights() -> None:
    """Projected tensor by tensor, not along one long vector."""
    net, (x, y, s) = Net().eval(), batch(8)
    d = Discriminator("eo", hidden=(8,), generator=torch_rng(0, "d"))
    logits = net(x)
    parameters = list(net.parameters())
    g_y = torch.autograd.grad(nn.functional.cross_entropy(logits, y), parameters, retain_graph=True)
    g_z = torch.autograd.grad(nn.functional.cross_entropy(d(logits, y), s), parameters)
    play = Game(net, net, lambda: net.f.weight, d, TINY, 1e-3)
    play.step(x, y, s)
    for parameter, towards_y, towards_z in zip(parameters, g_y, g_z, strict=True):
        along = (towards_y * towards_z).sum() / towards_z.norm().clamp_min(1e-12) ** 2
        expected = towards_y - along * towards_z - TINY.lam * towards_z
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6)


def test_a_step_without_an_adversary_gradient_is_a_step_for_utility() -> None:
    net = Net().eval().requires_grad_(False)
    play, trigger = game(net, Patch(4), Config(lam=5.0, hidden=(8,)))
    for parameter in play.d.parameters():
        parameter.data.zero_()  # it says the same of everybody
    x, y, s = batch(8)
    (g_y,) = torch.autograd.grad(nn.functional.cross_entropy(net(trigger(x)), y), trigger.weight)
    logged = play.step(x, y, s)
    assert float(logged["norm_z"]) == 0
    torch.testing.assert_close(trigger.weight.grad, g_y)


def test_the_learning_rate_drops_where_the_configuration_says() -> None:
    play, _ = game(Net().eval().requires_grad_(False), Patch(4))
    rates = []
    for done in (0.0, 0.74, 0.75, 0.89, 0.9, 0.99):
        play.step(*batch(4), done)
        rates.append(play.adam.param_groups[0]["lr"])
    assert rates == pytest.approx([0.05, 0.05, 0.015, 0.015, 0.005, 0.005])
    assert play.adam_d.param_groups[0]["lr"] == 0.01


# --- training -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["uint8", "float"])
def test_the_frozen_model_is_bit_equal_before_and_after(shape: Patch | Border, kind: str) -> None:
    net = Net().train()  # the worst case: batch norm would move
    net.f.bias.requires_grad_(False)
    flags = [p.requires_grad for p in net.parameters()]
    before = state_digest(net)
    x, y, s = batch()
    images = (x * 255).to(torch.uint8) if kind == "uint8" else x
    done = train_trigger(net, images, y, s, shape=shape, config=TINY, seed=0)
    assert state_digest(net) == before and all(m.training for m in net.modules())
    assert [p.requires_grad for p in net.parameters()] == flags
    assert all(p.grad is None for p in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())
    start = TriggerModule(shape, (10, 12), generator=torch_rng(0, "trigger"))
    moved = (done.module.weight - start.weight).detach().abs()
    assert float(moved[:, start.mask].min()) > 0 == float(moved[:, ~start.mask].max())
    assert len(done.history) == 3 and done.cells.tolist() == [[8, 8], [8, 8]]
    assert not done.module.weight.requires_grad


def test_seeds_repeat_and_differ() -> None:
    def weight(seed: int, **changes: Any) -> Tensor:
        x, y, s = batch()
        return (
            Trigger(Net(), config=TINY, random_state=seed, **changes).fit(x, y, s=s).module.weight
        )

    assert torch.equal(weight(0), weight(0))
    assert not torch.equal(weight(0), weight(1))
    assert not torch.equal(weight(0), weight(0, flip=False))
    assert not torch.equal(weight(0), weight(0, criterion="dp"))


def test_a_trigger_starts_where_it_is_told() -> None:
    def ends(**changes: Any) -> tuple[float, float]:
        x, y, s = batch()
        done = Trigger(Net(), config=TINY, lr=0.0, **changes).fit(x, y, s=s)  # stays at its start
        low, high = torch.aminmax(done.module.weight)
        return float(low), float(high)

    low, high = ends(start=0.1, centre=0.5)
    assert 0.4 <= low < 0.45 and 0.55 < high <= 0.6
    low, high = ends()  # as released
    assert -1 <= low < -0.9 and 0.9 < high <= 1


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, monkeypatch) -> None:
    x, y, s = batch()
    path = tmp_path / "half.pt"
    for train in (
        lambda **more: train_trigger(Net(), x, y, s, shape=Border(2), config=TINY, seed=0, **more),
        lambda **more: train_weights(Net(), x, y, s, config=TINY, seed=0, **more),
    ):
        whole = train()
        calls, step = [], Game.step

        def dying(self: Game, *a: Any, calls=calls, step=step) -> dict[str, Tensor]:
            calls.append(1)
            if len(calls) == 4:  # in the second of three epochs, of two steps each
                raise KeyboardInterrupt
            return step(self, *a)

        with monkeypatch.context() as patch:
            patch.setattr(Game, "step", dying)
            with pytest.raises(KeyboardInterrupt):
                train(checkpoint=path)
        assert path.is_file()
        again = train(checkpoint=path)
        assert state_digest(again.module) == state_digest(whole.module)
        assert state_digest(again.discriminator) == state_digest(whole.discriminator)
        assert again.history == whole.history
        assert path.is_file()  # it stays until the caller has saved the result
        path.unlink()


def test_retraining_moves_a_copy_and_not_the_model() -> None:
    net, (x, y, s) = Net(), batch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        before = state_digest(net)
        done = train_weights(net, x, y, s, config=TINY, seed=0)
    assert state_digest(net) == before != state_digest(done.module)
    assert not any(m.training for m in done.module.modules())
    old = dict(net.named_parameters())
    for name, parameter in done.module.named_parameters():
        moved = float((parameter - old[name]).detach().abs().max())
        assert 0 < moved < 0.05, name  # every one, at the rate for weights
    assert done.history[-1]["movement"] > done.history[0]["movement"] > 0


@pytest.mark.parametrize("classes", [8, 16])
def test_many_classes_and_three_groups(classes: int, caplog: pytest.LogCaptureFixture) -> None:
    x, y, _ = batch(48, classes)
    s = torch.arange(48) % 3
    with caplog.at_level(logging.WARNING):
        trigger = Trigger(Net(classes), config=TINY, epochs=1).fit(x, y, s=s)
    assert trigger.cells is not None and trigger.cells.shape == (3, classes)
    assert int(trigger.cells.sum()) == 48
    assert ("empty cells" in caplog.text) == bool((trigger.cells == 0).any())
    assert trigger.predict(x).max() < classes


def test_it_works_on_one_image_a_batch_and_on_grey_images() -> None:
    class Grey(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.mean((1, 2, 3)), x[:, 0, 4, 4]], 1)

    x, y, s = batch(4)
    done = Trigger(Grey(), config=TINY, batch=1, shape="patch").fit(x[:, :1], y, s=s)
    assert done.image.shape == (1, 10, 12)
    assert done.transform(x[:1, :1]).shape == (1, 1, 10, 12)


# --- does it do anything --------------------------------------------------------------------


def gap(y: Tensor, y_hat: Tensor, s: Tensor) -> float:
    return float(equalized_odds_gap(y, y_hat, s, reduce="mean"))


def fitted(shape: Patch | Border, epochs: float, **changes: Any) -> Trigger:
    x, y, s = colours(1024, 0)
    trigger = Trigger(
        Saturating(), shape=shape, hidden=(32,), epochs=epochs, batch=128, flip=False, **changes
    )
    return trigger.fit(x, y, s=s)


@pytest.fixture(scope="module")
def trained() -> tuple[Trigger, nn.Module]:
    return fitted(Patch(3), 20, lam=1.0), Saturating()


def test_a_trigger_makes_a_saturating_model_fair_without_cost(
    trained: tuple[Trigger, nn.Module],
) -> None:
    trigger, net = trained
    x, y, s = colours(4000, 1)
    with torch.no_grad():
        before = net(x).argmax(1)
    after = trigger.predict(x, net)
    useful = fitted(Patch(3), 20, lam=0.0, projection=False).predict(x, net)
    assert gap(y, before, s) > 0.3
    assert gap(y, after, s) < 0.06 < 0.12 < gap(y, useful, s)  # not a side effect of utility
    assert float(accuracy(y, after)) > float(accuracy(y, before)) + 0.04  # here bias costs it
    assert collapsed(after) is None
    first, last = trigger.history[0], trigger.history[-1]
    assert last["movement"] > first["movement"] > 0
    assert last["d_accuracy"] < 0.6
    assert 0.4 < last["positive"] < 0.6


def test_a_trigger_moves_to_another_model(trained: tuple[Trigger, nn.Module]) -> None:
    trigger, _ = trained
    x, y, s = colours(4000, 2)
    unseen = Saturating()
    with torch.no_grad():
        unseen.mix.bias[1] += 0.4
        unseen.head.weight.mul_(1.1)
        before = unseen(x).argmax(1)
    assert gap(y, trigger.predict(x, unseen), s) < 0.4 * gap(y, before, s)


def test_a_lambda_that_is_too_large_collapses_and_is_seen() -> None:
    trigger, (x, y, s) = fitted(Border(1), 6, lam=10.0), colours(2000, 1)
    y_hat = trigger.predict(x, Saturating())
    assert gap(y, y_hat, s) < 0.01  # "fair", and useless
    assert collapsed(y_hat) == 0
    assert trigger.history[-1]["positive"] < 0.01


def test_training_d_alone_reads_the_group() -> None:
    """The adversary is one: against a trigger that cannot move it tells the groups apart."""
    x, y, s = colours(1024, 0)
    net, trigger = Saturating(), TriggerModule(Patch(1), (8, 8), generator=torch_rng(0, "t"))
    d = Discriminator("eo", hidden=(32,), generator=torch_rng(0, "d"))
    adam = torch.optim.Adam(d.parameters(), 0.01)
    logits = net(trigger(x)).detach()
    for _ in range(60):
        loss = nn.functional.cross_entropy(d(logits, y), s)
        descend(adam, loss)
    right = float((d(logits, y).argmax(1) == s).float().mean())
    assert right > 0.7


# --- what cannot be done --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"shape": Patch(11)}, InputError, "patch of 11 px"),
        ({"shape": Border(5)}, InputError, "border of 5 px"),
        ({"shape": "ring"}, UnknownName, "border"),
        ({"criterion": "eop"}, UnknownName, "eo"),
        ({"lambda_": 3}, InputError, "no hyper-parameter 'lambda_'"),
        ({"y": torch.zeros(32).long()}, InputError, "have y = \\[0\\]"),
        ({"s": torch.ones(32).long()}, InputError, "have s = \\[1\\]"),
        ({"s": 2 * (torch.arange(32) % 2)}, InputError, "nobody in the tuning data has s = 1"),
        ({"y": torch.arange(32) % 3}, InputError, "the model has 2 logits"),
        ({"y": np.linspace(0, 1, 32)}, InputError, "whole numbers"),
        ({"y": torch.arange(31) % 2}, InputError, "need \\(32,\\)"),
        ({"x": torch.rand(32, 10, 12)}, InputError, "n, c, h, w"),
        ({"x": torch.rand(32, 3, 10, 12) * 2}, InputError, "scale them"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(
    changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    x, y, s = batch()
    rows = {"x": x, "y": y, "s": s}
    settings = {name: changes[name] for name in changes if name not in rows}
    with pytest.raises(error, match=says) as caught:
        Trigger(Net(), config=TINY, **settings).fit(
            **rows | {k: changes.get(k, rows[k]) for k in rows}
        )
    assert "\n" not in str(caught.value)


def test_a_model_without_classes_is_refused() -> None:
    class Maps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1)

    with pytest.raises(InputError, match="logits of shape"):
        x, y, s = batch()
        Trigger(Maps(), config=TINY).fit(x, y, s=s)
