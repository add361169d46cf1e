"""FAAP as the chapter writes it out, against the package: equal, and unequal after any mistake."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.methods import faap
from fairtut.metrics import equalized_odds_gap
from fairtut.runtime.seeds import stream_seed, torch_rng
from tests.written import written as written_out

PLAIN = ("toy", "Deployed", "J", "H", "loss_of_d", "hide", "keep", "loss_of_g", "play")
NAMES = {
    "torch": torch, "nn": nn, "functional": functional, "faap": faap,
    "stream_seed": stream_seed, "torch_rng": torch_rng,
}  # fmt: skip
SMALL = faap.Config(
    width=4,
    blocks=1,
    hidden=(8,),
    epochs=2,
    batch=32,
    lr_g=8e-3,
    lr_d=8e-3,
    decay=True,
    beta=0.7,
)


def written(old: str = "", new: str = "") -> dict[str, Any]:
    """Take the chapter's data, losses and loop, with one piece of text changed."""
    return written_out("02_faap", *PLAIN, old=old, new=new, **NAMES)


def images(space: dict[str, Any], config: faap.Config, seed: int, by_hand: bool) -> Tensor:
    """Return perturbed test images of a generator that was trained either way."""
    model, learn, test = space["Deployed"](), space["toy"](128, seed), space["toy"](64, seed + 1)
    if by_hand:
        g = space["play"](model, *learn, config, seed)
    else:
        g = faap.train(faap.Split(model), *learn, config=config, seed=seed).perturber
    return faap.perturb(g, test[0])


@pytest.mark.parametrize(
    "changes", [{}, {"beta": 0.0}, {"alpha": 1.0}, {"epsilon": 0.2}, {"momentum": 0.9}], ids=str
)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_plain_loop_is_the_packages_training(changes: dict[str, float], seed: int) -> None:
    space, config = written(), replace(SMALL, **changes)
    mine, package = (images(space, config, seed, by_hand) for by_hand in (True, False))
    torch.testing.assert_close(mine, package, atol=1e-6, rtol=0)


MISTAKES = {
    "G helps D": ("return -J(guess, s) - alpha", "return J(guess, s) - alpha"),
    "G wants D sure": ("- alpha * H(guess)", "+ alpha * H(guess)"),
    "no entropy": ("- alpha * H(guess)", ""),
    "the entropy's sign": ("return -(log_p.exp() * log_p)", "return (log_p.exp() * log_p)"),
    "the entropy's axis": ("logits.log_softmax(1)", "logits.log_softmax(0)"),
    "D learns the label": ("detach()), s[rows])", "detach()), y[rows])"),
    "the group for the label": ("s[rows], y[rows], c.alpha", "s[rows], s[rows], c.alpha"),
    "alpha for beta": ("y[rows], c.alpha, c.beta", "y[rows], c.beta, c.alpha"),
    "no weight of the labels": ("+ beta * keep", "+ keep"),
    "no bound": ("c.epsilon * torch.tanh(g.raw(batch))", "g.raw(batch)"),
    "no tanh": ("torch.tanh(g.raw(batch))", "g.raw(batch)"),
    "the other direction": ("(batch + c.epsilon", "(batch - c.epsilon"),
    "nobody is mirrored": ("torch.where(flip, x[rows].flip(-1), x[rows])", "x[rows]"),
    "upside down": ("x[rows].flip(-1)", "x[rows].flip(-2)"),
    "codes of plain images": ("model.g(x_hat)", "model.g(batch) + 0 * model.g(x_hat)"),
    "D sees G": ("d(code.detach())", "d(code)"),
    "G is numb": ("code = model.g(x_hat)", "code = model.g(x_hat).detach()"),
    "D does not move": ("        adam_d.step()\n", ""),
    "old gradients in D": ("adam_d.zero_grad()", "None"),
    "old gradients in G": ("adam_g.zero_grad()", "None"),
    "the rate does not fall": ("c.lr_g * min(1, 2 - 2 * turn / (steps * c.epochs))", "c.lr_g"),
    "one order for all passes": ("if turn % steps == 0:", "if turn == 0:"),
}


@pytest.mark.parametrize(("old", "new"), MISTAKES.values(), ids=MISTAKES)
def test_any_mistake_in_the_plain_lines_is_seen(old: str, new: str) -> None:
    right, wrong = written(), written(old, new)
    package = images(right, SMALL, 0, by_hand=False)
    try:
        mine = images(wrong, SMALL, 0, by_hand=True)
    except RuntimeError:  # torch refuses a second pass through the same graph
        return
    assert float((mine - package).abs().max()) > 1e-3 * SMALL.epsilon


def test_the_toys_model_is_frozen_and_unfair_and_a_larger_weight_of_blue_is_the_reason() -> None:
    space = written()
    model, (x, y, s) = space["Deployed"](), space["toy"](4000, 3)
    assert not any(p.requires_grad for p in model.parameters())
    gap = float(equalized_odds_gap(y, model(x).argmax(1), s))
    model.f.weight.data[:, 1] = 0  # red alone
    fair = model(x).argmax(1)
    # equal noise in both groups, so equal rates up to sampling: four standard errors of two gaps
    assert float(equalized_odds_gap(y, fair, s)) < 4 * 2 * (2 * 0.25 / 700) ** 0.5 < gap
    assert abs(float(y[s == 1].float().mean()) - 0.65) < 4 * (0.25 / 2000) ** 0.5 * 1.1


def test_the_last_digit_of_the_entropy_leads_two_trainings_apart() -> None:
    """Why equality has to be strict: the chapter says that rounding alone makes another G."""
    config = replace(SMALL, epochs=5, beta=1.0, hidden=(16,))
    nudged = written(".sum(1).mean()", ".sum(1).mean() * (1 + 1.2e-7)")
    apart = []
    for space in (written(), nudged):
        model, learn, test = space["Deployed"](), space["toy"](384, 0), space["toy"](64, 1)
        apart.append(faap.perturb(space["play"](model, *learn, config, 0), test[0]))
    assert float((apart[0] - apart[1]).abs().max()) > 5e-3 * config.epsilon
