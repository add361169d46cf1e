"""Checkpoints: whole or absent, never somebody else's numbers, and never code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fairtut.errors import CorruptFile
from fairtut.runtime.checkpoints import (
    cache_folder,
    key_of,
    load,
    load_or_train,
    read_card,
    save,
    state_digest,
)

torch.set_num_threads(1)
CARD = {"what": "toy", "seed": 3, "accuracy": 0.5}


def net(seed: int = 0, width: int = 4) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def rewrite(path: Path, **changes: Any) -> None:
    torch.save(torch.load(path, weights_only=True) | changes, path)


# --- digest ---------------------------------------------------------------------------------


def test_the_digest_sees_every_bit_of_parameters_and_buffers() -> None:
    assert state_digest(net()) == state_digest(net())
    for name in net().state_dict():
        other = net()
        value = other.state_dict()[name]  # shares memory with the module
        flat = value.view(-1)
        flat[-1:] = torch.nextafter(flat[-1:], flat[-1:] + 1) if value.is_floating_point() else 7
        assert state_digest(other) != state_digest(net()), name


def test_the_digest_sees_names_types_and_shapes() -> None:
    assert state_digest(net(width=4)) != state_digest(net(width=5))
    assert state_digest(net()) != state_digest(net().double())
    same = nn.Sequential(nn.Flatten(), *net())  # equal bytes under other names
    assert state_digest(same) != state_digest(net())


def test_the_digest_ignores_modes_and_memory_layout() -> None:
    other = net().eval().requires_grad_(False)
    weight = other[0].weight
    other[0].weight = nn.Parameter(weight.t().contiguous().t(), requires_grad=False)
    assert not other[0].weight.is_contiguous()
    assert state_digest(other) == state_digest(net())


# --- save and load --------------------------------------------------------------------------


def test_weights_and_card_survive_the_round_trip(tmp_path: Path) -> None:
    path = save(tmp_path / "sub" / "m.pt", net(1), CARD)
    fresh = net(2)
    assert load(path, fresh) == CARD
    assert state_digest(fresh) == state_digest(net(1))
    assert read_card(path) == CARD
    assert [p.name for p in path.parent.iterdir()] == ["m.pt"]  # no temporary file


def test_a_killed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "m.pt", net(1), CARD)

    def broken(_: object, target: Any) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(KeyboardInterrupt):
        save(path, net(2), CARD)
    assert [p.name for p in tmp_path.iterdir()] == ["m.pt"]
    load(path, fresh := net(3))
    assert state_digest(fresh) == state_digest(net(1))


def test_a_changed_tensor_is_damage(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", net(), CARD)
    state = net().state_dict()
    state["0.bias"][0] += 1e-6
    rewrite(path, state=state)
    with pytest.raises(CorruptFile, match="digest differs") as caught:
        load(path, net())
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_never_gives_other_weights(tmp_path: Path) -> None:
    """Each flip is found, or is in a byte that means nothing."""
    path = save(tmp_path / "m.pt", net(), CARD)
    whole = path.read_bytes()
    weight = net()[0].weight.detach().numpy().tobytes()
    at = whole.find(weight)
    assert at > 0
    found = 0
    places = [at, at + len(weight) - 1, *range(7, len(whole), len(whole) // 40)]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        fresh = net(9)
        try:
            load(path, fresh)
        except CorruptFile as error:
            assert "\n" not in str(error)
            found += 1
        else:
            assert state_digest(fresh) == state_digest(net()), place
    assert found >= 2


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_cut_file_is_no_checkpoint(tmp_path: Path, cut: int) -> None:
    path = save(tmp_path / "m.pt", net(), CARD)
    path.write_bytes(path.read_bytes()[:cut])
    for read in (lambda: load(path, net()), lambda: read_card(path)):
        with pytest.raises(CorruptFile, match="delete it and train again") as caught:
            read()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", [net(width=5), nn.Linear(3, 4)])
def test_another_architecture_is_told_in_one_line(tmp_path: Path, other: nn.Module) -> None:
    path = save(tmp_path / "m.pt", net(), CARD)
    with pytest.raises(CorruptFile, match="not a checkpoint of this model") as caught:
        load(path, other)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_missing_file_is_missing_not_corrupt(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.pt", net())


class Bomb:
    """What an attacker would hide in a pickle: unpickling it touches a file."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return Path.touch, (self.victim,)


@pytest.mark.parametrize("how", ["pickle", "torch", "inside"])
def test_a_checkpoint_never_runs_code(tmp_path: Path, how: str) -> None:
    victim, path = tmp_path / "pwned", tmp_path / "m.pt"
    save(path, net(), CARD)
    if how == "pickle":
        path.write_bytes(pickle.dumps(Bomb(victim), protocol=2))
    elif how == "torch":
        torch.save(Bomb(victim), path)
    else:
        rewrite(path, card=Bomb(victim))
    for read in (lambda: load(path, net()), lambda: read_card(path)):
        with pytest.raises(CorruptFile):
            read()
    assert not victim.exists()
    # the bomb works: an unsafe reader would have set it off
    if how == "torch":
        torch.load(path, weights_only=False)
        assert victim.exists()


# --- load_or_train --------------------------------------------------------------------------


class Trainer:
    """A training that counts how often it is run and notes what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def __call__(self, module: Any) -> Mapping[str, Any]:
        self.given.append(state_digest(module))
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(1.0)
        return {"accuracy": 0.75}


def test_a_model_is_trained_once_and_then_found(tmp_path: Path) -> None:
    train, first, second = Trainer(), net(), net()
    card = {"seed": 1, "width": 4}
    assert load_or_train(first, card, train, tmp_path) == {
        **card,
        "accuracy": 0.75,
        "loaded": False,
    }
    assert load_or_train(second, card, train, tmp_path) == {
        **card,
        "accuracy": 0.75,
        "loaded": True,
    }
    assert len(train.given) == 1
    assert state_digest(first) == state_digest(second) != state_digest(net())
    load_or_train(net(), card | {"seed": 2}, train, tmp_path)  # anything else is another model
    assert len(train.given) == 2


@pytest.mark.parametrize(
    "damage",
    ["cut", "tensor", "architecture"],
)
def test_a_damaged_cache_costs_time_and_never_a_number(tmp_path: Path, damage: str) -> None:
    train, first = Trainer(), net()
    load_or_train(first, CARD, train, tmp_path)
    (path,) = tmp_path.glob("*.pt")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "tensor":
        state = torch.load(path, weights_only=True)["state"]
        rewrite(path, state=state | {"0.bias": state["0.bias"] + 5})
    else:
        rewrite(path, state=net(4, width=4).state_dict() | {"extra": torch.zeros(1)})
    again = net()
    assert load_or_train(again, CARD, train, tmp_path)["loaded"] is False
    # it started from the fresh module, not from what the damaged file held
    assert train.given[1] == train.given[0] == state_digest(net())
    assert state_digest(again) == state_digest(first)
    assert load_or_train(net(), CARD, train, tmp_path)["loaded"] is True


def test_the_key_depends_on_every_entry_and_not_on_their_order() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    others = [{"a": 2, "b": [1, 2]}, {"a": 1, "b": [2, 1]}, {"a": 1}, {"a": 1, "c": [1, 2]}]
    assert len({key_of(card) for card in others} | {key_of({"a": 1, "b": [1, 2]})}) == 5


def test_the_cache_goes_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    load_or_train(net(), CARD, Trainer())
    assert (tmp_path / "models" / f"{key_of(CARD)}.pt").is_file()
