"""Triggers as chapters 4 and 5 write them out, against the package: equal for other seeds, too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtut.methods import reprogramming as rp
from fairtut.methods.reprogramming import Config, Discriminator
from fairtut.methods.reprogramming.text import TextGame
from fairtut.methods.reprogramming.words import WordTrigger, on_simplex
from fairtut.runtime.seeds import torch_rng
from tests.written import written

PICTURES = ("toy_people", "toy_network", "reprogram")
OFF = 9.0
"""A guard that never holds: the adversary counts from the first steps on."""
TEXT = ("ToyFilter", "toy_comments", "forward", "nearest", "reprogram")


def pictures_apart(network: int, lam: float, **changed: str) -> tuple[float, float]:
    """Return the largest difference of a pixel, and how far the plain trigger has gone."""
    plain = written(
        "04_reprogramming_vision", *PICTURES, torch=torch, nn=nn, F=functional,
        torch_rng=torch_rng, **changed,
    )  # fmt: skip
    f, people = plain["toy_network"](network), plain["toy_people"](200, "others")
    slow = plain["reprogram"](f, *people, lam=lam, steps=12, guard=OFF)
    config = rp.Config(
        criterion="eo", lam=lam, ramp=0.5, guard=OFF, hidden=(16,), epochs=12, batch=200,
        lr=0.02, lr_d=0.01, drops=(), flip=False,
    )  # fmt: skip
    x, y, s = people
    fast = rp.Trigger(f, shape=rp.Patch(4), start=0.1, centre=0.5, config=config).fit(x, y, s=s)
    gone = (slow - torch.tanh(torch.tensor(0.5))).abs()[:, :4, :4].max()
    return float((fast.image - slow).abs().max()), float(gone)


@pytest.mark.parametrize(("network", "lam"), [(1, 2.0), (2, 0.5), (3, 0.0)])
def test_the_plain_patch_is_the_package_s(network, lam):
    difference, gone = pictures_apart(network, lam)
    assert difference < 1e-3 < 0.05 < gone


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("g_y - now * g_z", "g_y + now * g_z"),
        ("(project * (g_y * u).sum()) * u", "0 * u"),
        ("x.masked_fill(mask, 0.0)", "x"),
    ],
)
def test_a_mistake_moves_pixels(old, new):
    assert pictures_apart(1, 2.0, old=old, new=new)[0] > 3e-3


def text_apart(seed: int, mode: str, lam: float, **changed: str) -> float:
    """Return the largest difference of a weight of a word between both versions."""
    plain = written(
        "05_reprogramming_text", *TEXT, torch=torch, functional=functional, torch_rng=torch_rng,
        **changed,
    )  # fmt: skip
    model = plain["ToyFilter"]()
    words = SimpleNamespace(ordinary=torch.arange(3, 9), pad=0)
    theirs: Any = WordTrigger(words, 2, mode=mode, generator=torch_rng(seed, "start")).double()
    d_mine, d_theirs = (
        Discriminator("dp", 2, 2, (8,), generator=torch_rng(seed, "d")).double() for _ in range(2)
    )
    batches = [plain["toy_comments"](48, seed + k) for k in range(25)]
    mine = plain["reprogram"](
        model, theirs.weight.detach(), d_mine, batches, mode == "hard", lam, 0.05, 0.01
    )
    game = TextGame(
        lambda ids: theirs(model, ids), theirs, lambda: theirs.weight, d_theirs,
        Config("dp", lam=lam, hidden=(8,), lr_d=0.01, drops=()), 0.05,
    )  # fmt: skip
    for batch in batches:
        game.step(*batch)
    return float((mine - theirs.weight.detach()).abs().max())


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize(("seed", "lam"), [(5, 1.0), (6, 0.3), (7, 3.0)])
def test_the_plain_words_are_the_package_s(seed, mode, lam):
    assert text_apart(seed, mode, lam) < 1e-6


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- lam * g_z", "+ lam * g_z"),
        ("- (g_y * u).sum() * u", ""),
        ("v.copy_(nearest(v))", "pass"),
        ("v.argmax(1)", "v.argmin(1)"),
    ],
)
def test_a_mistake_moves_words(old, new):
    assert text_apart(5, "hard", 1.0, old=old, new=new) > 1e-3


def test_the_slow_projection_is_the_fast_one():
    nearest = written("05_reprogramming_text", "nearest", torch=torch)["nearest"]
    v = 3 * torch.randn(40, 7, generator=torch_rng(0, "v"), dtype=torch.float64)
    torch.testing.assert_close(nearest(v), on_simplex(v))
