"""A network is built, trained and kept once, with a card that its settings make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fairtut.lab.keep import network
from fairtut.runtime.checkpoints import read_card, state_digest


@dataclass(frozen=True)
class Config:
    lr: float = 0.1
    hidden: tuple[int, ...] = (4,)


class Trained:
    """Counts its trainings; each is one step of gradient descent."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, net: nn.Linear) -> dict[str, Any]:
        self.count += 1
        with torch.no_grad():
            net.weight -= 0.5
        return {"history": [{"loss": 0.25}]}


def built() -> nn.Linear:
    net = nn.Linear(2, 1)
    nn.init.constant_(net.weight, 1.0)
    nn.init.constant_(net.bias, 0.0)
    return net


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    return tmp_path


def test_it_is_trained_once_and_comes_back_frozen_to_the_bit() -> None:
    train = Trained()
    about = {"what": "toy", "config": Config(), "seed": 3}
    (first, card), (second, again) = (network(built, train, about) for _ in range(2))
    assert train.count == 1
    assert state_digest(first) == state_digest(second) and first is not second
    assert first.weight.tolist() == [[0.5, 0.5]]
    for net in (first, second):
        assert not net.training and not any(p.requires_grad for p in net.parameters())
    assert card.pop("loaded") is False and again.pop("loaded") is True
    assert card == again


def test_the_card_is_made_from_the_settings(cache: Path) -> None:
    network(built, Trained(), {"what": "toy", "config": Config(), "digest": "0f", "half": None})
    (file,) = (cache / "models").iterdir()
    config = {"kind": "Config", "lr": 0.1, "hidden": [4]}
    settings = {"what": "toy", "config": config, "digest": "0f", "half": None}
    assert read_card(file) == settings | {"history": [{"loss": 0.25}]}


def test_every_setting_counts() -> None:
    train, config = Trained(), Config()
    for about in (
        {"config": config},
        {"config": replace(config, lr=0.2)},
        {"config": replace(config, hidden=(4, 4))},
        {"config": config, "seed": 1},
    ):
        network(built, train, about)
    assert train.count == 4


def test_a_network_goes_on_from_another() -> None:
    """The second stage is built from the first, which is trained once for both kinds."""
    first, second = Trained(), Trained()

    def start() -> nn.Linear:
        return network(built, first, {"stage": 1})[0]

    for kind in ("a", "b"):
        net, _ = network(start, second, {"stage": 2, "kind": kind})
        assert net.weight.tolist() == [[0.0, 0.0]]
    assert (first.count, second.count) == (1, 2)


def test_a_resumable_training_gets_a_checkpoint(tmp_path: Path) -> None:
    parts = []

    def train(net: nn.Linear, part: Path) -> dict[str, Any]:
        parts.append(part)
        part.write_text("an epoch")
        return {}

    network(built, train, {"what": "toy"}, folder=tmp_path / "own", resumable=True)
    assert [part.parent for part in parts] == [tmp_path / "own"]
    assert not parts[0].exists(), "the part is removed when the network is kept"
