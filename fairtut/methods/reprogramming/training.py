"""Train a trigger for a frozen classifier, or, as the baselines do, the classifier itself."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from fairtut.data.images import as_pixels, augment
from fairtut.errors import InputError
from fairtut.methods.deciding import look, per_class
from fairtut.methods.reprogramming.discriminator import Discriminator
from fairtut.methods.reprogramming.frozen import frozen_copy
from fairtut.methods.reprogramming.game import Config, Game
from fairtut.methods.reprogramming.labels import cells
from fairtut.methods.reprogramming.trigger import Shape, TriggerModule
from fairtut.runtime.fit import Draws, fit
from fairtut.runtime.seeds import own_random_numbers, stream_seed, torch_rng

Watch = Callable[[nn.Module, float], None]

LR_TRIGGER: Final = 0.05
LR_WEIGHTS: Final = 1e-3


@dataclass(frozen=True)
class Fit:
    """What was trained.

    Attributes
    ----------
    module : nn.Module
        The trigger, or the retrained copy of the classifier; frozen, in evaluation mode.
    discriminator : Discriminator
    history : list of dict
        Means per epoch: ``utility`` and ``adversary`` (cross-entropies of y and s),
        ``d_accuracy``, ``norm_y`` and ``norm_z`` (of the two gradients), ``positive`` (share of
        decisions other than class 0) and ``movement`` (Euclidean, of the trigger's pixels or of
        the weights from their start).
    cells : int64 tensor, shape (groups, classes)
        People in the training data by s and y; zeros mark what could not be learnt.

    Examples
    --------
    Of three people in group 0 one has the label 1; group 1 holds one of each:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.reprogramming import Config, Patch, train_trigger
    >>> from fairtut.models.mlp import MLP
    >>> rng = torch.Generator().manual_seed(0)
    >>> model = nn.Sequential(nn.Flatten(), MLP(12, outputs=2, generator=rng))
    >>> x = torch.rand(5, 3, 2, 2, generator=rng)
    >>> y, s = torch.tensor([0, 0, 1, 0, 1]), torch.tensor([0, 0, 0, 1, 1])
    >>> config = Config(hidden=(4,), epochs=2, batch=5)
    >>> fit = train_trigger(model, x, y, s, shape=Patch(1), config=config, seed=0)
    >>> fit.cells.tolist(), len(fit.history)
    ([[2, 1], [1, 1]], 2)
    >>> fit.module(x).shape  # the trigger, which triggers images
    torch.Size([5, 3, 2, 2])
    """

    module: nn.Module
    discriminator: Discriminator
    history: list[dict[str, float]] = field(repr=False)
    cells: Tensor


def train_trigger(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    s: Tensor,
    *,
    shape: Shape,
    values: str = "tanh",
    start: float = 1.0,
    centre: float = 0.0,
    config: Config,
    seed: int,
    watch: Watch | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Fit:
    """Train a trigger; the model is never changed.

    Parameters
    ----------
    model : nn.Module
        Images (n, c, h, w) in [0, 1] to logits (n, classes), or (n, 1) of class 1.
    x : tensor, shape (n, c, h, w)
        Tuning images, uint8 or floating point in [0, 1]; the paper's are disjoint from BASE's.
    y, s : int64 tensors, shape (n,)
        Label in 0..classes-1 and group in 0..groups-1.
    shape : Patch or Border
    values : {"tanh", "sigmoid"}
        Range of the trigger's pixels.
    start, centre : float
        The trigger starts uniform on (centre - start, centre + start) before the bound.
    config : Config
    seed : int
        Of the trigger's start, the discriminator, the flips and the order.
    watch : callable, optional
        Is shown, after each step, what moves and the share of training behind it: for snapshots.
    checkpoint : path-like, optional
        Makes the training resumable (``fairtut.runtime.fit``).

    Raises
    ------
    fairtut.errors.InputError
        If shapes do not fit, y or s has one value, a group has no members, or the trigger leaves
        no image.

    Returns
    -------
    Fit
        Its ``module`` is a :class:`TriggerModule`.

    Examples
    --------
    A triggered image differs in the pixel of the patch, and no weight of the model has moved:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.reprogramming import Config, Patch, train_trigger
    >>> from fairtut.models.mlp import MLP
    >>> rng = torch.Generator().manual_seed(0)
    >>> model = nn.Sequential(nn.Flatten(), MLP(12, outputs=2, generator=rng))
    >>> x, y, s = torch.rand(4, 3, 2, 2, generator=rng), torch.arange(4) % 2, torch.arange(4) // 2
    >>> before, config = model(x), Config(hidden=(4,), epochs=1, batch=4, flip=False)
    >>> fit = train_trigger(model, x, y, s, shape=Patch(1), config=config, seed=0)
    >>> (fit.module(x) != x).any(1)[0].tolist()
    [[True, False], [False, False]]
    >>> torch.equal(model(x), before)
    True
    """
    trigger = TriggerModule(
        shape, (x.shape[2], x.shape[3]), values=values, channels=x.shape[1], start=start,
        centre=centre, generator=torch_rng(seed, "trigger"),
    ).to(x.device)  # fmt: skip
    patient = frozen_copy(model, as_pixels(x[:2]))
    with torch.no_grad():
        logits = look(patient, trigger(as_pixels(x[:2])))
    return _play(
        lambda images: patient(trigger(images)), trigger, trigger.pixels, logits, x, y, s,
        lr=LR_TRIGGER, config=config, seed=seed, watch=watch, checkpoint=checkpoint,
    )  # fmt: skip


def train_weights(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    s: Tensor,
    *,
    config: Config,
    seed: int,
    watch: Watch | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Fit:
    """Train all weights of a copy of the model by the same update: the paper's two baselines.

    A fresh network and the training set make it **AdvIn**; the deployed one and the tuning set
    make it **AdvPost**.  Parameters and errors as of :func:`train_trigger`.

    Returns
    -------
    Fit
        Its ``module`` is the retrained copy.

    Examples
    --------
    The weights of the copy move, and those of the model stay:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.reprogramming import Config, train_weights
    >>> from fairtut.models.mlp import MLP
    >>> rng = torch.Generator().manual_seed(0)
    >>> model = nn.Sequential(nn.Flatten(), MLP(12, outputs=2, generator=rng))
    >>> x, y, s = torch.rand(4, 3, 2, 2, generator=rng), torch.arange(4) % 2, torch.arange(4) // 2
    >>> before, config = model(x), Config(hidden=(4,), epochs=1, batch=4)
    >>> fit = train_weights(model, x, y, s, config=config, seed=0)
    >>> torch.equal(model(x), before), torch.equal(fit.module(x), before)
    (True, False)
    """
    moving = copy.deepcopy(model).eval().requires_grad_(True)
    with torch.no_grad():
        logits = look(moving, as_pixels(x[:2]))
    moving.train()
    return _play(
        moving, moving, lambda: parameters_to_vector(moving.parameters()), logits, x, y, s,
        lr=LR_WEIGHTS, config=config, seed=seed, watch=watch, checkpoint=checkpoint,
    )  # fmt: skip


def _play(
    forward: Callable[[Tensor], Tensor], moving: nn.Module, position: Callable[[], Tensor],
    logits: Tensor, x: Tensor, y: Tensor, s: Tensor, *,
    lr: float, config: Config, seed: int, watch: Watch | None,
    checkpoint: str | os.PathLike[str] | None,
) -> Fit:  # fmt: skip
    if y.shape != (len(x),) or s.shape != (len(x),):
        raise InputError(
            f"y and s have shapes {tuple(y.shape)}, {tuple(s.shape)}: need ({len(x)},)"
        )
    logits = per_class(logits)
    counts = cells(y, s, logits.shape[1])
    groups, classes = counts.shape
    d = Discriminator(
        config.criterion, classes, groups, config.hidden,
        generator=torch_rng(seed, "discriminator"),
    ).to(x.device)  # fmt: skip
    game = Game(lambda images: per_class(forward(images)), moving, position, d, config, lr)
    draws = torch_rng(seed, "augment")

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        images = augment(x[rows], draws) if config.flip else x[rows]
        with own_random_numbers(x.device):  # dropout of a retrained network draws from here
            torch.manual_seed(int(torch.randint(2**31, (), generator=draws)))
            logged = game.step(as_pixels(images), y[rows], s[rows], done)
        if watch is not None:
            watch(moving, done)
        return logged

    history = fit(
        len(x), step, epochs=config.epochs, batch=config.batch,
        seed=stream_seed(seed, "reprogramming"), what="reprogramming", device=x.device,
        keep=game.state() | {"draws": Draws(draws)}, checkpoint=checkpoint,
        about={"config": config, "x": x, "y": y, "s": s, "model": logits},
    )  # fmt: skip
    moving.eval().requires_grad_(False)
    return Fit(moving, d.eval().requires_grad_(False), history, counts)
