"""Algorithm 1 of the paper: D and G take turns, the deployed model stays as it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from fairtut.data.images import as_pixels, augment
from fairtut.errors import InputError, UnknownName
from fairtut.methods.deciding import look
from fairtut.methods.faap.losses import OBJECTIVES, discriminator_loss, entropy
from fairtut.methods.faap.split import Split
from fairtut.methods.holding import frozen
from fairtut.models.mlp import MLP
from fairtut.models.perturb import Perturber
from fairtut.runtime.fit import Draws, Stateful, descend, fit
from fairtut.runtime.seeds import stream_seed, torch_rng

_DECAY: Final = 0.5  # G's learning rate falls to zero over the last half of training


@dataclass(frozen=True)
class Config:
    """Every hyper-parameter of FAAP.

    Attributes
    ----------
    epsilon : float
        Bound on each pixel's change, for pixels in [0, 1].  The paper gives .05 and no range.
    alpha, beta : float
        Weights of the entropy and of the target's loss; the paper gives neither.
    objective : str
        What G minimises, a name in :data:`~fairtut.methods.faap.losses.OBJECTIVES`.
    bound : str
        ``tanh`` or ``clip`` (:class:`~fairtut.models.perturb.Perturber`).
    width, blocks : int
        Size of G.
    hidden : tuple of int
        Hidden layers of D.
    epochs : float
        Passes over the data.
    batch : int
    lr_g, lr_d : float
        Adam's learning rates, with ``momentum`` as its first decay.
    decay : bool
        Whether G's learning rate falls linearly to zero over the second half.
    """

    epsilon: float = 0.05
    alpha: float = 0.1
    beta: float = 1.0
    objective: str = "paper"
    bound: str = "tanh"
    width: int = 32
    blocks: int = 4
    hidden: tuple[int, ...] = (256, 128)
    epochs: float = 30
    batch: int = 64
    lr_g: float = 5e-4
    lr_d: float = 5e-4
    momentum: float = 0.5
    decay: bool = False


@dataclass(frozen=True)
class Fit:
    """A trained generator.

    Attributes
    ----------
    perturber : Perturber
        In evaluation mode.
    discriminators : nn.ModuleList
        One D per deployed model.
    history : list of dict
        Means per epoch: ``d`` (loss of D), ``g`` (loss of G), ``d_accuracy``, ``d_entropy``.

    Examples
    --------
    >>> from fairtut.methods.faap import Config, Split, train
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> models = [Split(plain_cnn(width=width).eval()) for width in (1, 2)]
    >>> x, y, s = torch.zeros(4, 3, 16, 16), torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    >>> fit = train(models, x, y, s, config=Config(width=2, blocks=0, epochs=3), seed=0)
    >>> len(fit.discriminators), fit.perturber.training  # one D per deployed model
    (2, False)
    >>> len(fit.history), sorted(fit.history[0])
    (3, ['d', 'd_accuracy', 'd_entropy', 'g'])
    """

    perturber: Perturber
    discriminators: nn.ModuleList
    history: list[dict[str, float]] = field(repr=False)


def train(
    splits: Split | Sequence[Split],
    x: Tensor,
    y: Tensor,
    s: Tensor,
    *,
    config: Config,
    seed: int,
    checkpoint: str | os.PathLike[str] | None = None,
    pair: Pair | None = None,
) -> Fit:
    """Train a generator against one deployed model, or against several at once.

    Parameters
    ----------
    splits : Split or sequence of Split
        The deployed model; with several (surrogates of a black box), each has its own D and the
        loss of G is the mean over them.
    x : tensor, shape (n, 3, h, w)
        uint8, or floating point in [0, 1].
    y, s : int64 tensors of 0 and 1, shape (n,)
        Label and sensitive attribute.  Needed here, never when the generator is used.
    config : Config
    seed : int
    checkpoint : path-like, optional
        Makes the training resumable (``fairtut.runtime.fit``).
    pair : Pair, optional
        The two players, built with the same seed; they are trained in place.  Default new ones.

    Returns
    -------
    Fit

    Raises
    ------
    fairtut.errors.InputError
        If s or y has a single class or other values than 0 and 1, shapes do not fit, or a loss
        became NaN or infinite.
    fairtut.errors.UnknownName
        If the objective does not exist.

    Examples
    --------
    >>> from fairtut.methods.faap import Config, Split, train
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> model, x = plain_cnn(width=2), torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    >>> y, s = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    >>> before = {name: value.clone() for name, value in model.state_dict().items()}
    >>> fit = train(Split(model), x, y, s, config=Config(width=2, blocks=0, epochs=2), seed=0)
    >>> all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    True
    >>> model.training  # its mode is given back, too
    True
    """
    splits = [splits] if isinstance(splits, Split) else list(splits)
    _check(x, y, s, config)
    flips = torch_rng(seed, "augment")
    with frozen(*[split.model for split in splits]):
        with torch.no_grad():
            first = [look(split, as_pixels(x[:2]), split.model) for split in splits]
        widths = [z.shape[1] for z, *_ in first]
        game = Game(splits, widths, config, seed, x.device, pair)

        def step(rows: Tensor, done: float) -> dict[str, Tensor]:
            return game.step(augment(as_pixels(x[rows]), flips), y[rows], s[rows], done)

        history = fit(
            len(x), step, epochs=config.epochs, batch=config.batch,
            seed=stream_seed(seed, "faap"), what="FAAP", device=x.device,
            keep=game.state() | {"flips": Draws(flips)}, checkpoint=checkpoint,
            about={"config": config, "x": x, "y": y, "s": s, "models": first},
        )  # fmt: skip
    return Fit(game.g.eval().requires_grad_(False), game.d.eval(), history)


class Pair(nn.Module):
    """The generator and its discriminators as they are before training.

    Parameters
    ----------
    widths : sequence of int
        Width of the code of each deployed model.
    config : Config
    seed : int
        Draws the weights; the two players have streams of their own.

    Attributes
    ----------
    g : Perturber
    d : nn.ModuleList
        One D per deployed model.

    Examples
    --------
    >>> from fairtut.methods.faap import Config, Pair
    >>> import torch
    >>> small = Config(width=2, blocks=0, hidden=())
    >>> pair = Pair([16, 32], small, seed=0)  # against two deployed models
    >>> pair.g(torch.zeros(1, 3, 16, 16)).shape, pair.d[1](torch.zeros(5, 32)).shape
    (torch.Size([1, 3, 16, 16]), torch.Size([5, 2]))
    >>> first = pair.g.body[0].weight
    >>> [torch.equal(first, Pair([16], small, seed).g.body[0].weight) for seed in (0, 1)]
    [True, False]
    """

    def __init__(self, widths: Sequence[int], config: Config, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(seed, "generator"))
            self.g = Perturber(
                config.width, config.blocks, epsilon=config.epsilon, bound=config.bound
            )
        self.d = nn.ModuleList(
            MLP(width, config.hidden, 2, generator=torch_rng(seed, "discriminator", i + 1))
            for i, width in enumerate(widths)
        )


class Game:
    """The two players of Algorithm 1, their optimisers, and one turn of the game.

    Parameters
    ----------
    splits : sequence of Split
        The deployed models, frozen (:func:`~fairtut.methods.holding.frozen`).
    widths : sequence of int
        Width of the code of each.
    config : Config
    seed : int
        Of the players that are built here.
    device : torch.device or str
    pair : Pair, optional
        The players; default new ones with these widths and this seed.

    Examples
    --------
    >>> from fairtut.methods.faap import Config, Game, Split, frozen
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> model, x = plain_cnn(width=2), torch.zeros(4, 3, 16, 16)
    >>> game = Game([Split(model)], [16], Config(width=2, blocks=0, hidden=()), seed=0)
    >>> with frozen(model):
    ...     told = game.step(x, torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1]))
    >>> sorted(told), bool(told["d_entropy"] <= 0.694)  # at most ln 2
    (['d', 'd_accuracy', 'd_entropy', 'g'], True)
    >>> [any(p.grad is not None for p in part.parameters()) for part in (game.g, game.d, model)]
    [True, True, False]
    """

    def __init__(
        self,
        splits: Sequence[Split],
        widths: Sequence[int],
        config: Config,
        seed: int,
        device: torch.device | str = "cpu",
        pair: Pair | None = None,
    ) -> None:
        pair = (pair or Pair(widths, config, seed)).to(device)
        self.g, self.d = pair.g, pair.d
        self.splits, self.config = splits, config
        betas = (config.momentum, 0.999)
        self.adam_g = torch.optim.Adam(self.g.parameters(), config.lr_g, betas)
        self.adam_d = torch.optim.Adam(self.d.parameters(), config.lr_d, betas)

    def step(self, x: Tensor, y: Tensor, s: Tensor, done: float = 0.0) -> dict[str, Tensor]:
        """Update D, then G, on images in [0, 1]; both look at the same perturbed images."""
        c = self.config
        if c.decay:
            self.adam_g.param_groups[0]["lr"] = c.lr_g * min(1.0, (1 - done) / _DECAY)
        x_hat = self.g(x)
        seen = [split(x_hat) for split in self.splits]  # per model: codes (n, d), logits (n, k)
        loss_d = torch.zeros((), device=x.device)
        if c.objective != "only-t":
            guesses = [d(z.detach()) for d, (z, _) in zip(self.d, seen, strict=True)]
            loss_d = torch.stack([discriminator_loss(guess, s) for guess in guesses]).mean()
            descend(self.adam_d, loss_d)
        guesses = [d(z) for d, (z, _) in zip(self.d, seen, strict=True)]  # the updated D
        objective = OBJECTIVES[c.objective]
        losses = [
            objective(guess, logits, s, y, c.alpha, c.beta)
            for guess, (_, logits) in zip(guesses, seen, strict=True)
        ]
        loss_g = torch.stack(losses).mean()
        descend(self.adam_g, loss_g)
        right = torch.stack([(guess.argmax(1) == s).float().mean() for guess in guesses])
        unsure = torch.stack([entropy(guess).mean() for guess in guesses])
        return {"d": loss_d, "g": loss_g, "d_accuracy": right.mean(), "d_entropy": unsure.mean()}

    def state(self) -> dict[str, Stateful]:
        """Return everything that a resumed training needs."""
        return {"g": self.g, "d": self.d, "adam_g": self.adam_g, "adam_d": self.adam_d}


def _check(x: Tensor, y: Tensor, s: Tensor, config: Config) -> None:
    if config.objective not in OBJECTIVES:
        raise UnknownName.of("objective", config.objective, OBJECTIVES)
    if x.ndim != 4 or x.shape[1] != 3:
        raise InputError(f"images have shape {tuple(x.shape)}: need (n, 3, h, w)")
    for name, values in (("y", y), ("s", s)):
        if values.shape != (len(x),):
            raise InputError(f"{name} has shape {tuple(values.shape)}: need ({len(x)},)")
        if len(torch.unique(values)) < 2:
            raise InputError(f"{name} has a single class: FAAP needs both to train on")
        if not torch.isin(values, torch.tensor([0, 1], device=values.device)).all():
            raise InputError(f"{name} holds {values.unique()[:5].tolist()}: code it as 0 and 1")


@torch.no_grad()  # not inference mode, whose images nobody could take a gradient through again
def perturb(perturber: nn.Module, x: Tensor, batch: int = 512) -> Tensor:
    """Return perturbed images in [0, 1], (n, 3, h, w), of uint8 or float images, in batches.

    Parameters
    ----------
    perturber : nn.Module
        Images in [0, 1] to perturbed images, in evaluation mode.
    x : tensor, shape (n, 3, h, w)
        uint8, or floating point in [0, 1].
    batch : int
        Images at a time.

    Returns
    -------
    tensor, shape (n, 3, h, w)
        In [0, 1], without a gradient.

    Examples
    --------
    >>> from fairtut.methods.faap import perturb
    >>> from fairtut.models.perturb import Perturber
    >>> import torch
    >>> g = Perturber(width=2, blocks=0, epsilon=0.05).eval()
    >>> x_hat = perturb(g, torch.full((3, 3, 16, 16), 255, dtype=torch.uint8), batch=2)
    >>> x_hat.shape, x_hat.dtype
    (torch.Size([3, 3, 16, 16]), torch.float32)
    >>> 0.9499 <= float(x_hat.min()) <= float(x_hat.max()) <= 1  # white cannot become whiter
    True
    """
    return torch.cat([perturber(as_pixels(rows)) for rows in x.split(batch)])
