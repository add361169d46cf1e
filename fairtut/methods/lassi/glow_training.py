"""Training of Glow: maximum likelihood, on one processor or on many.

Under ``torchrun`` each process takes its share of every batch, and the flow that comes out is the
one that a single process would have trained with the same batch, up to rounding::

    # train_flow.py, started by: torchrun --nproc-per-node 8 train_flow.py
    with distributed() as device:
        train(glow, x, config=TrainConfig(), seed=0, device=device, checkpoint="flow.part")
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from fairtut.data.images import augment
from fairtut.errors import InputError
from fairtut.models.glow import Glow, dequantise
from fairtut.models.glow.layers import Coupling
from fairtut.runtime.device import pick_device
from fairtut.runtime.fit import Draws, Stateful, fit
from fairtut.runtime.seeds import stream_seed, torch_rng


@dataclass(frozen=True)
class TrainConfig:
    """Hyper-parameters of a Glow's training.

    Attributes
    ----------
    steps : int
        Updates.
    batch : int
        Pictures per update, over all processes together.
    lr, lr_end : float
        Adam's learning rate: it rises linearly over ``warmup`` updates, then falls along half a
        cosine from ``lr`` to ``lr_end``.
    warmup : int
    clip : float
        Largest norm of the gradient; a longer one is shortened to it.
    flips : bool
        Whether pictures are mirrored at random.
    ema : float
        Decay of the moving average of the weights, which then are the result; 0 for none.
    initial : int
        Pictures that initialise ActNorm.
    autocast : bool
        Coupling nets in bfloat16, which pays only on processors that have it.
    """

    steps: int = 2500
    batch: int = 32
    lr: float = 1e-3
    lr_end: float = 3e-5
    warmup: int = 100
    clip: float = 50.0
    flips: bool = True
    ema: float = 0.0
    initial: int = 256
    autocast: bool = False


def train(
    glow: Glow,
    x: Tensor,
    *,
    config: TrainConfig,
    seed: int,
    device: torch.device | str = "cpu",
    checkpoint: str | os.PathLike[str] | None = None,
) -> list[dict[str, float]]:
    """Train a flow in place and leave it frozen, on ``device``.

    Parameters
    ----------
    glow : Glow
        If it is fresh, ActNorm is initialised first.
    x : uint8 tensor, shape (n, channels, size, size)
    config : TrainConfig
    seed : int
    device : torch.device or str
    checkpoint : path-like, optional
        Makes the training resumable (``fairtut.runtime.fit``); all processes of one
        training must see the same file.

    Returns
    -------
    list of dict
        Means per epoch: ``bits`` per dimension, ``norm`` of the gradient before clipping.

    Raises
    ------
    fairtut.errors.InputError
        If the configuration or the pictures do not fit, or an update would not be finite: the
        flow then holds its last finite weights.
    """
    rank, world = _place()
    _check(x, config, world)
    glow.to(device).requires_grad_(True)
    x = x.to(device)
    if rank == 0 and not glow.initialised:
        draws = torch_rng(seed, "initial")
        rows = torch.randperm(len(x), generator=draws)[: config.initial]
        glow.initialise(x[rows.to(x.device)], draws)
    run = _Run(glow, config, seed, rank, world)
    history = fit(
        len(x), lambda rows, done: run.step(x[rows], done),
        epochs=config.steps / max(len(x) // config.batch, 1), batch=config.batch,
        seed=stream_seed(seed, "glow"), what="Glow", device=device,
        keep=run.state(), checkpoint=checkpoint, about={"config": config, "x": x},
    )  # fmt: skip
    run.finish()
    return history


class _Run:
    """One process's part in a training."""

    def __init__(self, glow: Glow, config: TrainConfig, seed: int, rank: int, world: int) -> None:
        self.glow, self.config, self.rank, self.world = glow, config, rank, world
        _autocast(glow, config.autocast)
        self.objective: nn.Module = _Bits(glow)
        if world > 1:
            # its constructor sends rank 0's weights and buffers, so ActNorm's start, to everybody
            self.objective = nn.parallel.DistributedDataParallel(self.objective)
        self.average = copy.deepcopy(glow).requires_grad_(False) if config.ema else None
        self.weights = list(glow.parameters())
        self.adam = torch.optim.Adam(self.weights, config.lr)
        # every process draws for the whole batch: one process or many, the noise is the same
        self.flips = torch_rng(seed, "flips")
        self.noise = torch_rng(seed, "noise", device=str(glow.device))

    def step(self, x: Tensor, done: float) -> dict[str, Tensor]:
        """Make one update; ``x`` is the whole batch, of which this process takes its share."""
        c = self.config
        done_steps = round(done * c.steps)
        self.adam.param_groups[0]["lr"] = learning_rate(c, done_steps)
        u = dequantise(augment(x, self.flips) if c.flips else x, self.noise)
        bits = self.objective(u[self.rank :: self.world])
        self.adam.zero_grad(set_to_none=True)
        bits.backward()
        norm = nn.utils.clip_grad_norm_(self.weights, c.clip)
        bits = bits.detach()
        if self.world > 1:
            dist.all_reduce(bits)
            bits /= self.world
        if not torch.isfinite(bits + norm):  # the same in every process: none is left waiting
            raise InputError(
                f"Glow: bits per dimension {float(bits):g}, gradient norm {float(norm):g} at step "
                f"{done_steps}: use a smaller lr than {c.lr:g}, a longer warmup or a smaller clip"
            )
        self.adam.step()
        self._average(done_steps)
        return {"bits": bits, "norm": norm}

    @torch.no_grad()
    def _average(self, done_steps: int) -> None:
        if self.average is None:
            return
        # early weights are poor: let the average forget them sooner
        decay = min(self.config.ema, (1 + done_steps) / (10 + done_steps))
        for mean, weight in zip(self.average.parameters(), self.weights, strict=True):
            mean.lerp_(weight, 1 - decay)

    def state(self) -> dict[str, Stateful]:
        """Return everything that a resumed training needs."""
        parts: dict[str, Any] = {"glow": self.glow, "adam": self.adam}
        parts |= {"flips": Draws(self.flips), "noise": Draws(self.noise)}
        return parts if self.average is None else parts | {"average": self.average}

    def finish(self) -> None:
        """Put the average, if there is one, in the flow's place, and freeze it."""
        if self.average is not None:
            self.glow.load_state_dict(self.average.state_dict())
        _autocast(self.glow, False)
        self.glow.requires_grad_(False)


class _Bits(nn.Module):
    """The objective as a module, because that is what can be distributed."""

    def __init__(self, glow: Glow) -> None:
        super().__init__()
        self.glow = glow

    def forward(self, u: Tensor) -> Tensor:
        """Return mean bits per dimension of dequantised pictures, a scalar."""
        return self.glow.bits(u).mean()


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the learning rate of update ``step``, counted from 0."""
    rising = min(1.0, (step + 1) / max(config.warmup, 1))
    falling = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return rising * (config.lr_end + (config.lr - config.lr_end) * falling)


@contextlib.contextmanager
def distributed() -> Iterator[torch.device]:
    """Join the other processes that ``torchrun`` started; yield this one's device.

    One process per GPU with nccl, or on CPUs with gloo.  Without ``torchrun`` it only picks the
    device, so a script works either way.
    """
    if "WORLD_SIZE" not in os.environ:
        yield pick_device()
        return
    on_gpu = torch.cuda.is_available()
    device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else "cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _place() -> tuple[int, int]:
    """Return this process's rank and how many there are."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def _autocast(glow: Glow, on: bool) -> None:
    for module in glow.modules():
        if isinstance(module, Coupling):
            module.autocast = on


def _check(x: Tensor, config: TrainConfig, world: int) -> None:
    if x.dtype != torch.uint8:
        raise InputError(f"training pictures are {x.dtype}: pass uint8")
    if config.steps < 1 or config.initial < 2 or not 0 <= config.ema < 1:
        raise InputError("need steps >= 1, initial >= 2 and 0 <= ema < 1")
    if min(config.batch, len(x)) % world or config.batch < world:
        raise InputError(f"batch {config.batch}: {world} processes need a multiple of {world}")
