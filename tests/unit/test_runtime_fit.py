"""The training loop: every row once per pass, and a killed training that ends like another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import CorruptFile, InputError, MissingData
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.fit import Draws, fit
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)


class Kill(Exception):
    """What ends a training from outside."""


def watched(n: int, **keywords: Any) -> tuple[list[list[int]], list[float], list[dict[str, float]]]:
    """Run a training that learns nothing; return its batches, its progress and its history."""
    batches: list[list[int]] = []
    shares: list[float] = []

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        batches.append(rows.tolist())
        shares.append(done)
        return {"loss": torch.tensor(float(len(batches)))}

    keywords = {"epochs": 1, "batch": 4, "seed": 0, **keywords}
    return batches, shares, fit(n, step, **keywords)


def test_each_pass_sees_every_row_once_in_a_new_order() -> None:
    batches, shares, history = watched(12, epochs=3)
    passes = [[row for rows in batches[3 * i : 3 * i + 3] for row in rows] for i in range(3)]
    assert all(sorted(rows) == list(range(12)) for rows in passes)
    assert passes[0] != passes[1] != passes[2]
    assert shares == pytest.approx([i / 9 for i in range(9)])
    # the mean over the steps of each pass: 1, 2, 3 then 4, 5, 6 then 7, 8, 9
    assert [row["loss"] for row in history] == pytest.approx([2, 5, 8])


def test_the_seed_alone_decides_the_order() -> None:
    first = watched(12, seed=1)[0]
    torch.manual_seed(99)
    assert watched(12, seed=1)[0] == first
    assert watched(12, seed=2)[0] != first


def test_half_a_pass_and_incomplete_batches() -> None:
    batches, shares, history = watched(10, epochs=1.5)  # two whole batches per pass
    assert [len(rows) for rows in batches] == [4, 4, 4]
    assert len(history) == 2
    assert max(shares) < 1
    assert [len(rows) for rows in watched(3, epochs=2)[0]] == [3, 3]  # the only one is kept


@pytest.mark.parametrize("wrong", [{"n": 0}, {"epochs": 0}, {"epochs": -1}, {"batch": 0}])
def test_nothing_to_do_is_an_error(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="need some of each"):
        watched(wrong.pop("n", 8), **wrong)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_lost_stops_the_training_and_is_named(bad: float) -> None:
    with pytest.raises(InputError, match="toy: second became") as caught:
        fit(
            4, lambda *_: {"first": torch.tensor(0.0), "second": torch.tensor(bad)},
            epochs=5, batch=2, seed=0, what="toy",
        )  # fmt: skip
    assert "\n" not in str(caught.value)


# --- resuming -------------------------------------------------------------------------------


def training(
    path: Path | None, kill_at: int | None = None, keep_draws: bool = True
) -> tuple[str, list[dict[str, float]]]:
    """Train a small net with Adam and noisy inputs; return its digest and history."""
    rng = torch_rng(0, "net")
    x = torch.randn(24, 5, generator=rng)
    y = (x[:, 0] > 0).long()
    net = nn.Linear(5, 2)
    with torch.no_grad():
        net.weight.normal_(generator=rng)
        net.bias.zero_()
    adam = torch.optim.Adam(net.parameters(), 0.05)
    noise = torch_rng(0, "noise")
    steps = 0

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        nonlocal steps
        if steps == kill_at:
            raise Kill
        steps += 1
        adam.param_groups[0]["lr"] = 0.05 * (1 - done)
        noisy = x[rows] + 0.1 * torch.randn(len(rows), 5, generator=noise)
        loss = functional.cross_entropy(net(noisy), y[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        return {"loss": loss}

    keep: dict[str, Any] = {"net": net, "adam": adam}
    if keep_draws:
        keep["noise"] = Draws(noise)
    history = fit(24, step, epochs=4, batch=8, seed=3, keep=keep, checkpoint=path)
    return state_digest(net), history


@pytest.mark.parametrize("kill_at", [3, 6, 7, 11])  # after pass 1 or 2, or in the middle of one
def test_a_killed_training_ends_like_an_uninterrupted_one(tmp_path: Path, kill_at: int) -> None:
    whole = training(None)
    path = tmp_path / "t.pt"
    with pytest.raises(Kill):
        training(path, kill_at)
    assert path.is_file()
    assert training(path) == whole  # weights to the bit, and the whole history
    assert [p.name for p in tmp_path.iterdir()] == ["t.pt"]  # until its user has saved the result
    assert training(path, kill_at=0) == whole  # all there: no step is made again


def test_without_the_generators_state_the_numbers_would_differ(tmp_path: Path) -> None:
    """The test above can see what ``Draws`` is for."""
    path = tmp_path / "t.pt"
    with pytest.raises(Kill):
        training(path, 6, keep_draws=False)
    assert training(path, keep_draws=False) != training(None)


def test_passes_that_are_done_are_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "t.pt"
    with pytest.raises(Kill):
        training(path, 6)
    with pytest.raises(Kill):  # six of twelve steps are left, so the seventh is never reached
        training(path, 5)
    training(path, 3)  # and now at most three


@pytest.mark.parametrize("damage", ["text", "other parts", "other shapes"])
def test_a_checkpoint_of_another_training_is_refused_in_one_line(
    tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "t.pt"
    with pytest.raises(Kill):
        training(path, 6)
    if damage == "text":
        path.write_text("not a checkpoint")
    else:
        body = torch.load(path, weights_only=True)
        if damage == "other parts":
            del body["parts"]["adam"]
        else:
            body["parts"]["net"] = nn.Linear(7, 2).state_dict()
        torch.save(body, path)
    with pytest.raises(CorruptFile, match=r"t\.pt does not fit.*delete it") as caught:
        training(path)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.pt"
    with pytest.raises(Kill):
        training(path, 6)
    before = path.read_bytes()

    def broken(target: Any, _: object) -> None:
        Path(target).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("fairtut.runtime.seal.seal", broken)
    with pytest.raises(MissingData, match=r"cannot keep t\.pt .*disk full"):
        training(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.pt"]
