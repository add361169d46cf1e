"""Checkpoints: whole or absent, never somebody else's numbers, and never code."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fairtut.errors import CorruptFile, InputError
from fairtut.runtime import cache, seal
from fairtut.runtime.cache import cache_folder, key_of
from fairtut.runtime.checkpoints import (
    load,
    load_or_train,
    read_card,
    save,
    state_digest,
)
from fairtut.runtime.fit import descend, fit

torch.set_num_threads(1)
CARD = {"what": "toy", "seed": 3, "accuracy": 0.5}


def net(seed: int = 0, width: int = 4) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def edit(path: Path, **changes: Any) -> None:
    torch.save(torch.load(path, weights_only=True) | changes, path)


def forge(path: Path, **changes: Any) -> None:
    """Write other contents under a seal that fits: what only a careful forger would do."""
    facts = seal.facts_of(path)
    edit(path, **changes)
    seal.seal(path, facts)


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

    def broken(target: Any, _: object) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("fairtut.runtime.seal.seal", broken)
    with pytest.raises(KeyboardInterrupt):
        save(path, net(2), CARD)
    assert [p.name for p in tmp_path.iterdir()] == ["m.pt"]
    load(path, fresh := net(3))
    assert state_digest(fresh) == state_digest(net(1))


def test_a_changed_tensor_is_damage(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", net(), CARD)
    state = net().state_dict()
    state["0.bias"][0] += 1e-6
    edit(path, state=state)
    with pytest.raises(CorruptFile, match="its seal is missing") as caught:
        load(path, net())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("card", [CARD | {"accuracy": 0.9}, CARD | {"seed": 4}])
def test_a_number_on_the_card_is_as_safe_as_a_weight(tmp_path: Path, card: dict[str, Any]) -> None:
    path = save(tmp_path / "m.pt", net(), CARD)
    old, new = (json.dumps(c).encode() for c in (CARD, card))
    whole = path.read_bytes()
    assert whole.count(old) == 1
    path.write_bytes(whole.replace(old, new))
    for read in (lambda: load(path, net()), lambda: read_card(path)):
        with pytest.raises(CorruptFile, match="its digest differs"):
            read()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    lost = net()
    with torch.no_grad():
        lost[0].weight[0, 0] = value
    path = save(tmp_path / "m.pt", lost, CARD)
    fresh = net(9)
    with pytest.raises(CorruptFile, match=r"values of 0\.weight that are not finite"):
        load(path, fresh)
    assert state_digest(fresh) == state_digest(net(9))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", net(), CARD)
    forge(path, format=3)
    with pytest.raises(CorruptFile, match="format 3"):
        load(path, net())


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
        seal.seal(path, {})  # whoever plants a file can seal it, too
    elif how == "torch":
        torch.save(Bomb(victim), path)
        seal.seal(path, {})
    else:
        forge(path, card=Bomb(victim))
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
    ["cut", "tensor", "architecture", "lost", "of another"],
)
def test_a_damaged_cache_costs_time_and_never_a_number(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    train, first = Trainer(), net()
    load_or_train(first, CARD, train, tmp_path)
    (path,) = tmp_path.glob("*.pt")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "tensor":
        state = torch.load(path, weights_only=True)["state"]
        edit(path, state=state | {"0.bias": state["0.bias"] + 5})
    elif damage == "architecture":
        forge(path, state=net(4, width=4).state_dict() | {"extra": torch.zeros(1)})
    elif damage == "lost":
        forge(path, state={k: v * float("nan") for k, v in net().state_dict().items()})
    else:
        load_or_train(net(3), CARD | {"seed": 9}, Trainer(), tmp_path)
        (other,) = set(tmp_path.glob("*.pt")) - {path}
        other.replace(path)
    again = net()
    with caplog.at_level("WARNING"):
        assert load_or_train(again, CARD, train, tmp_path)["loaded"] is False
    (said,) = caplog.messages
    assert said.startswith("trained again, because") and "\n" not in said
    # it started from the fresh module, not from what the damaged file held
    assert train.given[1] == train.given[0] == state_digest(net())
    assert state_digest(again) == state_digest(first)
    assert load_or_train(net(), CARD, train, tmp_path)["loaded"] is True


def test_another_code_torch_or_processor_trains_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Trainer()
    load_or_train(net(), CARD, train, tmp_path)
    for where, value in (
        ("fairtut.runtime.code.digest", lambda _: "0" * 16),
        ("torch.__version__", "99.0"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "ABACUS"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, value)
            assert load_or_train(net(), CARD, train, tmp_path)["loaded"] is False, where
    assert load_or_train(net(), CARD, train, tmp_path)["loaded"] is True


def test_a_card_reads_the_same_before_and_after_it_was_kept(tmp_path: Path) -> None:
    def train(_: nn.Module) -> dict[str, Any]:
        return {"pair": (1, 2), "nan": float("nan"), "tensor": torch.tensor(0.1).double()}

    first, second = (load_or_train(net(), CARD, train, tmp_path) for _ in range(2))
    assert (first.pop("loaded"), second.pop("loaded")) == (False, True)
    assert repr(first) == repr(second) and first["pair"] == [1, 2]


def test_a_lost_training_is_used_and_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def train(module: Any) -> dict[str, Any]:
        with torch.no_grad():
            module[0].bias.fill_(float("nan"))
        return {}

    assert load_or_train(module := net(), CARD, train, tmp_path)["loaded"] is False
    assert module[0].bias.isnan().all() and list(tmp_path.iterdir()) == []
    assert "values of 0.bias are not finite" in caplog.text


def test_a_mask_of_infinities_is_no_damage(tmp_path: Path) -> None:
    def masked() -> nn.Module:
        module = net()
        module.register_buffer("mask", torch.tensor([0.0, -float("inf")]))
        return module

    for loaded in (False, True):
        assert load_or_train(masked(), CARD, Trainer(), tmp_path)["loaded"] is loaded


def test_a_full_disk_costs_the_file_and_not_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert load_or_train(net(), CARD, train := Trainer(), tmp_path)["accuracy"] == 0.75
    assert len(train.given) == 1 and list(tmp_path.iterdir()) == []
    assert "used and not kept" in caplog.text and "No space left" in caplog.text


@pytest.mark.parametrize("damage", ["none", "cut", "flip", "text", "other"])
def test_a_part_is_gone_when_the_model_is_kept_and_not_before(tmp_path: Path, damage: str) -> None:
    """A part that is wrong is not believed, and what comes out is the same in any case."""

    class Kill(Exception):
        pass

    def trainer(kill_at: int | None) -> Any:
        def train(module: nn.Module, part: Path) -> dict[str, Any]:
            adam, steps = torch.optim.Adam(module.parameters(), 0.1), 0

            def step(rows: Any, done: float) -> Any:
                nonlocal steps
                steps += 1
                if steps == kill_at:
                    raise Kill
                loss = module(rows[:, None].float().expand(-1, 3)).square().mean()
                descend(adam, loss)
                return {"loss": loss}

            parts = {"net": module, "adam": adam}
            return {
                "history": fit(8, step, epochs=3, batch=4, seed=seed, keep=parts, checkpoint=part)
            }

        return train

    seed = 1
    whole = net()
    history = load_or_train(whole, CARD, trainer(None), tmp_path / "whole", resumable=True)
    with pytest.raises(Kill):
        load_or_train(net(), CARD, trainer(4), tmp_path / "two", resumable=True)
    (part,) = (tmp_path / "two").iterdir()
    assert part.suffix == ".part"
    if damage == "cut":
        part.write_bytes(part.read_bytes()[:-200])
    elif damage == "flip":
        body = bytearray(part.read_bytes())
        body[len(body) // 2] ^= 1
        part.write_bytes(body)
    elif damage == "text":
        part.write_text("not a checkpoint")
    elif damage == "other":  # of another seed, under the right name
        seed = 2
        part.unlink()
        with pytest.raises(Kill):
            load_or_train(net(), CARD, trainer(4), tmp_path / "two", resumable=True)
        seed = 1
    resumed = net()
    found = load_or_train(resumed, CARD, trainer(None), tmp_path / "two", resumable=True)
    assert state_digest(resumed) == state_digest(whole)
    assert found == history
    assert [p.suffix for p in (tmp_path / "two").iterdir()] == [".pt"]


# --- keys and folders -----------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    sizes: tuple[int, ...] = (1, 2)


def test_the_key_depends_on_every_entry_and_not_on_their_order() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    others: list[dict[str, Any]] = [
        {"a": 2, "b": [1, 2]}, {"a": 1, "b": [2, 1]}, {"a": 1}, {"a": 1, "c": [1, 2]},
        {"a": Settings()}, {"a": Settings(rate=0.2)}, {"a": Settings(sizes=(1, 3))},
        {"a": np.zeros(5000)}, {"a": np.zeros(5000, np.float32)}, {"a": torch.zeros(5000)},
        {"a": torch.zeros(5, 1000)}, {"a": np.eye(1, 5000, 2500)[0]},
        {"a": torch.zeros(2, dtype=torch.bfloat16)},
    ]  # fmt: skip
    assert len({key_of(card) for card in others} | {key_of({"a": 1, "b": [1, 2]})}) == 14
    assert key_of({"a": Settings()}) == key_of({"a": Settings()})


def test_an_address_is_no_part_of_a_key() -> None:
    with pytest.raises(InputError, match="cannot be part of a key"):
        key_of({"model": object()})


def test_the_cache_goes_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    load_or_train(net(), CARD, train := Trainer())
    assert (tmp_path / "models" / f"{cache.facts(train, CARD)['key']}.pt").is_file()


def test_a_cache_that_cannot_be_written_is_replaced_and_one_sentence_says_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    program = (
        "import os, subprocess, sys\n"
        "from fairtut.runtime.cache import cache_folder\n"
        "print(cache_folder())\n"
        "assert cache_folder() == cache_folder()\n"
        "again = [sys.executable, '-c', 'from fairtut.runtime.cache import *; cache_folder()']\n"
        "assert subprocess.run(again, check=True, stderr=-1).stderr == b''\n"
        "(cache_folder() / 'models').mkdir()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "FAIRTUT_CACHE": str(tmp_path / "file" / "x")},
    )  # fmt: skip
    (sentence,) = done.stderr.splitlines()
    assert "cannot be written (Not a directory)" in sentence and done.stdout.strip() in sentence
    assert not Path(done.stdout.strip()).exists()  # gone with the process
