"""One turn of what is trained and of its adversary, and the settings of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.methods.reprogramming.discriminator import Discriminator
from fairtut.methods.reprogramming.projection import projected
from fairtut.runtime.fit import Stateful


@dataclass(frozen=True)
class Config:
    r"""Every hyper-parameter of the training.

    Attributes
    ----------
    criterion : {"dp", "eo"}
        Demographic parity or equalised odds.
    lam : float
        :math:`\lambda`, the weight of the adversary's gradient.
    ramp : float
        Share of the training over which the weight grows from 0 to :math:`\lambda`; 0 in the
        paper.
    guard : float, optional
        The adversary's gradient counts only while D's loss is at most so many nats above that of
        a guess which knows what D is told of the label.  Without it (as released) a trigger that
        is faster than D gains by making D's errors extreme: logits run away, and all get one
        answer.
    projection : bool
        The projected update (as released), or the objective as printed, an ablation.
    hidden : tuple of int
        Hidden layers of the discriminator.
    epochs : float
        Passes over the data.
    batch : int
    lr : float, optional
        Adam's learning rate; by default the paper's, .05 for a trigger and .001 for weights.
    drops : tuple of (float, float)
        ``(share of training, factor)``: from there on the rate is ``lr`` times the factor.
    lr_d : float
        Of the discriminator's Adam, constant.
    flip : bool
        Whether images (never the trigger) are mirrored at random.
    """

    criterion: str = "eo"
    lam: float = 10.0
    ramp: float = 0.0
    guard: float | None = None
    projection: bool = True
    hidden: tuple[int, ...] = (512,)
    epochs: float = 20
    batch: int = 128
    lr: float | None = None
    drops: tuple[tuple[float, float], ...] = ((0.75, 0.3), (0.9, 0.1))
    lr_d: float = 0.01
    flip: bool = True


class Game:
    """What moves, the discriminator, their optimisers, and one turn of both.

    Parameters
    ----------
    forward : callable
        Images (n, c, h, w) in [0, 1] to logits (n, classes), through what moves.
    moving : nn.Module
        Its parameters are trained: those of a trigger, or of a whole network.
    position : callable
        Returns where it stands, whose distance from the start is logged.
    d : Discriminator
    config : Config
    lr : float
        Adam's rate unless the configuration names one.

    Examples
    --------
    Adam's first step moves each weight by the learning rate, up or down.  One of four pixels is the
    trigger's, so the whole step has this length; a weight outside the mask gets no gradient:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.reprogramming import Config, Discriminator, Game, Patch, TriggerModule
    >>> from fairtut.models.mlp import MLP
    >>> rng = torch.Generator().manual_seed(0)
    >>> trigger = TriggerModule(Patch(1), (2, 2), channels=1, generator=rng)
    >>> net = nn.Sequential(trigger, nn.Flatten(), MLP(4, outputs=2, generator=rng))
    >>> d = Discriminator("dp", generator=rng)
    >>> game = Game(net, trigger, lambda: trigger.weight, d, Config("dp"), lr=0.05)
    >>> x, y, s = torch.rand(4, 1, 2, 2, generator=rng), torch.arange(4) % 2, torch.arange(4) // 2
    >>> scalars = game.step(x, y, s)
    >>> round(float(scalars["movement"]), 4)
    0.05
    """

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        moving: nn.Module,
        position: Callable[[], Tensor],
        d: Discriminator,
        config: Config,
        lr: float,
    ) -> None:
        self.forward, self.moving, self.position = forward, moving, position
        self.d, self.config = d, config
        self.lr = config.lr if config.lr is not None else lr
        self.parameters = list(moving.parameters())
        self.adam = torch.optim.Adam(self.parameters, self.lr)
        self.adam_d = torch.optim.Adam(d.parameters(), config.lr_d)
        self.start = position().detach().clone()

    def read(self, guess: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return D's loss and how often it is right, from its logits (n, g) and groups (n,)."""
        return functional.cross_entropy(guess, s), (guess.argmax(1) == s).float().mean()

    def gradients(self, x: Tensor, y: Tensor, s: Tensor) -> Gradients:
        """Return both gradients of what moves, and D's own: one forward pass, two cotangents."""
        logits = self.forward(x)
        utility = functional.cross_entropy(logits, y)
        adversary, right = self.read(self.d(logits, y), s)
        at_z, *of_d = torch.autograd.grad(adversary, [logits, *self.d.parameters()])
        (at_y,) = torch.autograd.grad(utility, logits)
        # through the network twice, with different vectors: no weight of a frozen one is touched
        g_z = torch.autograd.grad(
            logits, self.parameters, at_z, retain_graph=True, materialize_grads=True
        )
        g_y = torch.autograd.grad(logits, self.parameters, at_y, materialize_grads=True)
        scalars = {
            "utility": utility,
            "adversary": adversary,
            "d_accuracy": right,
            "norm_y": _norm(g_y),
            "norm_z": _norm(g_z),
            "positive": (logits.argmax(1) != 0).float().mean(),
        }
        return Gradients(g_y, g_z, tuple(of_d), scalars)

    def step(self, x: Tensor, y: Tensor, s: Tensor, done: float = 0.0) -> dict[str, Tensor]:
        """Update D and what moves, both from one look at the images; return what to log."""
        c = self.config
        factors = [factor for share, factor in c.drops if done >= share]
        self.adam.param_groups[0]["lr"] = self.lr * (factors[-1] if factors else 1.0)
        found = self.gradients(x, y, s)
        lam: float | Tensor = c.lam * min(done / c.ramp, 1.0) if c.ramp else c.lam
        if c.guard is not None:
            excess = found.scalars["adversary"] - guess_loss(y, s, c.criterion)
            lam = lam * (excess < c.guard).float()
        direction = projected(found.g_y, found.g_z, lam, project=c.projection)
        _descend(self.adam_d, list(self.d.parameters()), found.of_d)
        _descend(self.adam, self.parameters, direction)
        movement = (self.position().detach() - self.start).norm()
        return found.scalars | {"movement": movement}

    def state(self) -> dict[str, Stateful]:
        """Return everything that a resumed training needs."""
        return {"moving": self.moving, "d": self.d, "adam": self.adam, "adam_d": self.adam_d}


@dataclass(frozen=True)
class Gradients:
    """One look at a batch: gradients of the two losses, of D, and what to log."""

    g_y: tuple[Tensor, ...]
    g_z: tuple[Tensor, ...]
    of_d: tuple[Tensor, ...]
    scalars: dict[str, Tensor]


def guess_loss(y: Tensor, s: Tensor, criterion: str) -> Tensor:
    """Return the cross-entropy of guessing s, in nats: by its share, or its share given the label.

    Parameters
    ----------
    y, s : int64 tensors, shape (n,)
    criterion : {"dp", "eo"}
        Equalised odds tells the adversary the label.
    """
    groups = int(s.max()) + 1
    known = y if criterion == "eo" else torch.zeros_like(y)
    joint = torch.bincount(known * groups + s).float() / len(s)
    alone = torch.bincount(known).float() / len(s)
    return torch.special.entr(joint).sum() - torch.special.entr(alone).sum()


def _norm(tensors: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([tensor.norm() for tensor in tensors]).norm()


def _descend(
    optimiser: torch.optim.Optimizer,
    parameters: list[nn.Parameter],
    directions: tuple[Tensor, ...] | list[Tensor],
) -> None:
    for parameter, direction in zip(parameters, directions, strict=True):
        parameter.grad = direction
    optimiser.step()
