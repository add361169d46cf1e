"""Training of Glow: it learns, survives a kill, averages, clips, and spreads over processes."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.lassi import glow_training
from fairtut.methods.lassi.glow_training import TrainConfig, distributed, learning_rate, train
from fairtut.models.glow import Glow
from fairtut.runtime import checkpoints
from fairtut.runtime.seeds import torch_rng

ROOT = Path(__file__).resolve().parents[2]
QUICK = TrainConfig(steps=7, batch=8, lr=1e-3, warmup=3, initial=16)


class Kill(Exception):
    """What a test throws in place of a power cut."""


def fresh(flows: int = 1, **kinds: bool) -> Glow:
    return Glow(4, 2, flows, 8, generator=torch_rng(0, "glow"), **kinds)


def pictures(n: int = 24) -> Tensor:
    """Return ramps of random brightness: a flow can learn that neighbours are alike."""
    rng = torch_rng(0, "pictures")
    level = 150 * torch.rand(n, 3, 1, 1, generator=rng)
    slope = 20 * torch.rand(n, 3, 1, 1, generator=rng)
    ramp = level + slope * torch.arange(4.0) + 10 * torch.rand(n, 3, 4, 4, generator=rng)
    return ramp.to(torch.uint8)


def trained(config: TrainConfig = QUICK, checkpoint: Path | None = None) -> tuple[Glow, list]:
    glow = fresh()
    history = train(glow, pictures(), config=config, seed=3, checkpoint=checkpoint)
    return glow, history


def test_training_lowers_the_bits_of_pictures_it_did_not_see() -> None:
    x = pictures(200)
    config = TrainConfig(steps=60, batch=16, lr=3e-3, warmup=5, initial=64)
    glow = fresh(flows=2)
    history = train(glow, x[:150], config=config, seed=0)
    before = fresh(flows=2)
    before.initialise(x[:64])
    bits = [float(g.bits_per_dim(x[150:], torch_rng(1)).mean()) for g in (before.eval(), glow)]
    assert bits[1] < bits[0] - 0.5
    assert history[-1]["bits"] < history[0]["bits"]
    assert set(history[0]) == {"bits", "norm"}
    assert not any(weight.requires_grad for weight in glow.parameters())


def test_actnorm_is_initialised_from_training_pictures_once() -> None:
    still = TrainConfig(steps=3, batch=8, lr=0.0, lr_end=0.0, initial=16)
    glow, _ = trained(still)
    assert glow.initialised
    assert checkpoints.state_digest(glow) != checkpoints.state_digest(fresh())
    again = fresh()
    again.initialise(pictures()[:4], torch_rng(9))
    before = checkpoints.state_digest(again)
    train(again, pictures(), config=still, seed=3)
    assert checkpoints.state_digest(again) == before


@pytest.mark.parametrize("kill_at", [3, 5])  # after the first pass, in the middle of the second
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_killed_training_ends_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int, ema: float
) -> None:
    config = TrainConfig(steps=7, batch=8, warmup=3, initial=16, ema=ema)
    whole, history = trained(config)
    path, steps, step = tmp_path / "part.pt", 0, glow_training._Run.step

    def mortal(run: glow_training._Run, x: Tensor, done: float) -> dict[str, Tensor]:
        nonlocal steps
        if steps == kill_at:
            raise Kill
        steps += 1
        return step(run, x, done)

    with monkeypatch.context() as patch:
        patch.setattr(glow_training._Run, "step", mortal)
        with pytest.raises(Kill):
            trained(config, path)
    assert path.is_file()
    resumed, again = trained(config, path)
    assert checkpoints.state_digest(resumed) == checkpoints.state_digest(whole)
    assert again == history
    assert [p.name for p in tmp_path.iterdir()] == ["part.pt"]


def test_a_part_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.pt"
    trained(QUICK, path)
    other = pictures().clone()
    other[-1, 0, 0, 0] ^= 1
    for glow, x, config, seed in (
        (fresh(flows=2), pictures(), QUICK, 3),
        (fresh(), pictures(), QUICK, 4),
        (fresh(), pictures(), replace(QUICK, lr=2 * QUICK.lr), 3),
        (fresh(), pictures(), replace(QUICK, lr_end=2 * QUICK.lr_end), 3),
        (fresh(), other, QUICK, 3),
    ):
        with pytest.raises(CorruptFile, match="does not fit this training"):
            train(glow, x, config=config, seed=seed, checkpoint=path)
    train(fresh(), pictures(), config=QUICK, seed=3, checkpoint=path)


def test_the_average_is_an_average_of_the_weights() -> None:
    glow = fresh()
    glow.initialise(pictures(), torch_rng(1))
    config = TrainConfig(steps=30, batch=8, lr=1e-2, warmup=1, ema=0.5)
    run = glow_training._Run(glow, config, seed=0, rank=0, world=1)
    expected = [weight.detach().clone() for weight in glow.parameters()]
    for i in range(12):
        run.step(pictures()[:8], i / 30)
        decay = min(0.5, (1 + i) / (10 + i))
        expected = [
            decay * mean + (1 - decay) * weight.detach()
            for mean, weight in zip(expected, glow.parameters(), strict=True)
        ]
    last = [weight.detach().clone() for weight in glow.parameters()]
    run.finish()
    for mean, weight, final in zip(expected, glow.parameters(), last, strict=True):
        assert torch.allclose(mean, weight, atol=1e-6)
        assert not torch.equal(weight, final) or float(weight.abs().max()) == 0


def test_the_learning_rate_rises_and_falls() -> None:
    config = TrainConfig(steps=1000, lr=1e-3, lr_end=1e-5, warmup=10)
    assert learning_rate(config, 0) == pytest.approx(1e-4, rel=1e-2)
    assert learning_rate(config, 9) == pytest.approx(1e-3, rel=1e-2)
    assert learning_rate(config, 500) == pytest.approx((1e-3 + 1e-5) / 2)
    assert learning_rate(config, 1000) == pytest.approx(1e-5)


def test_a_long_gradient_is_cut_and_its_length_is_told() -> None:
    glow = fresh()
    glow.initialise(pictures(), torch_rng(1))
    run = glow_training._Run(glow, TrainConfig(clip=0.01), seed=0, rank=0, world=1)
    told = float(run.step(pictures(8), 0.0)["norm"])
    squares = [float(w.grad.square().sum()) for w in run.weights if w.grad is not None]
    assert told > 0.1
    assert sum(squares) ** 0.5 == pytest.approx(0.01, rel=1e-3)


def test_autocast_is_for_training_only() -> None:
    config = TrainConfig(steps=2, batch=8, initial=16, autocast=True)
    glow, history = trained(config)
    assert history[0]["bits"] == pytest.approx(trained(QUICK)[1][0]["bits"], rel=0.2)
    assert glow.encode(pictures()[:1]).dtype == torch.float32
    assert not any(getattr(module, "autocast", False) for module in glow.modules())


def test_an_update_that_is_not_finite_is_not_made(tmp_path: Path) -> None:
    glow, path = fresh(), tmp_path / "part.pt"
    wild = TrainConfig(steps=50, batch=8, lr=1e4, warmup=1, initial=16, clip=1e9)
    with pytest.raises(InputError, match=r"at step \d+: use a smaller lr than 10000") as caught:
        train(glow, pictures(), config=wild, seed=0, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert all(torch.isfinite(weight).all() for weight in glow.parameters())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (TrainConfig(steps=0), "steps"),
        (TrainConfig(ema=1.0), "ema"),
        (TrainConfig(initial=1), "initial"),
        (TrainConfig(batch=0), "batch"),
    ],
)
def test_configurations_that_cannot_be(config: TrainConfig, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(fresh(), pictures(), config=config, seed=0)


def test_training_pictures_are_bytes_of_the_right_shape() -> None:
    with pytest.raises(InputError, match="uint8"):
        train(fresh(), pictures().float(), config=QUICK, seed=0)
    with pytest.raises(InputError, match="needs"):
        train(fresh(), pictures()[:, :1], config=QUICK, seed=0)


# --- several processes ------------------------------------------------------------------------

_PROCESSES = """
import importlib.util, os, sys, torch
spec = importlib.util.spec_from_file_location("here", sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
torch.set_num_threads(1)
torch.optim.Adam([torch.zeros(1)])  # its slow import once, not twice
child = os.fork()
os.environ["RANK"] = os.environ["LOCAL_RANK"] = "0" if child else "1"
glow = here.fresh()
with here.distributed() as device:
    rank = torch.distributed.get_rank()
    if rank:  # another start than rank 0's: it must not matter
        glow = here.Glow(4, 2, 1, 8, generator=here.torch_rng(9))
    shares = set()
    glow.register_forward_pre_hook(lambda _, given: shares.add(len(given[0])))
    history = here.train(glow, here.pictures(), config=here.QUICK, seed=3, device=device)
torch.save((glow.state_dict(), history, shares), f"{sys.argv[2]}/{rank}.pt")
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_two_processes_train_the_flow_of_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROCESSES, __file__, str(tmp_path)]
    for _ in range(3):  # another program may take the free port before the processes do
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # what torchrun sets, without its own process
        place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        env = os.environ | place | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
        if "EADDRINUSE" not in done.stderr and "in use" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in (0, 1)]
    (first, history, shares), (second, _, others) = ranks
    assert shares == others == {QUICK.batch // 2}  # each did half of the work
    alone, alone_history = trained()
    for name, value in alone.state_dict().items():
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name].double(), value.double(), atol=1e-5), name
    assert history[-1]["bits"] == pytest.approx(alone_history[-1]["bits"], abs=1e-5)


def test_shares_of_a_batch_must_be_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glow_training, "_place", lambda: (0, 3))
    with pytest.raises(InputError, match="3 processes need a multiple of 3"):
        train(fresh(), pictures(), config=QUICK, seed=0)


def test_without_torchrun_a_script_works_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("FAIRTUT_DEVICE", "cpu")
    with distributed() as device:
        assert device == torch.device("cpu")
        assert not torch.distributed.is_initialized()
