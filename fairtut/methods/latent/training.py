"""Train a VAE for an objective, with its adversary where it has one; resumable."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.latent.config import Config
from fairtut.methods.latent.frame import Batch, Objective, take
from fairtut.methods.latent.kinds import KINDS, build
from fairtut.models.vae import VAE
from fairtut.runtime.fit import Draws, Stateful, descend, fit
from fairtut.runtime.seeds import stream_seed, torch_rng


@dataclass(frozen=True)
class Trained:
    """The end of a training.

    Attributes
    ----------
    model : VAE
        The model that was passed in, trained in place, in evaluation mode.
    objective : Objective
        With its auxiliary networks; ``objective.keep(codes)`` is what downstream tasks may use.
    history : list of dict
        Means per epoch over steps and members, in nats: ``loss``, ``recon``, the terms of the
        kind, and ``d``, the adversary's loss.

    Examples
    --------
    >>> import torch
    >>> from fairtut.methods.latent import Config, train
    >>> from fairtut.models.table_vae import TableVAE
    >>> x, s = torch.randn(32, 3, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 2
    >>> vae = TableVAE(1, numeric=3, latent=4, hidden=(8,))
    >>> trained = train(vae, x, Config("ffvae", hidden=(8,), epochs=2, batch=16), seed=0, s=s)
    >>> trained.model is vae, len(trained.history), vae.training
    (True, 2, False)
    >>> codes = vae.codes(x)  # one member
    >>> codes.shape, trained.objective.keep(codes).shape
    (torch.Size([1, 32, 4]), torch.Size([1, 32, 3]))
    """

    model: VAE
    objective: Objective
    history: list[dict[str, float]] = field(repr=False)


def train(
    model: VAE,
    x: Tensor,
    config: Config,
    seed: int,
    *,
    s: Tensor | None = None,
    y: Tensor | None = None,
    objective: Objective | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    what: str = "VAE",
) -> Trained:
    """Train a model in place, from the weights that it has.

    Parameters
    ----------
    model : VAE
        Fresh, or trained before: then this is a fine-tuning.
    x : Tensor
        uint8 images or pixels in [0, 1], (n, 3, h, w); or a table, (n, inputs) or (k, n, inputs).
        The training runs on its device.
    config : Config
    seed : int
    s : Tensor of 0 and 1, shape (n,), (n, attributes) or (k, n, attributes), optional
        Sensitive attributes; ``ffvae`` and ``fdvae`` need them.
    y : Tensor of 0 and 1, shape (n,) or (k, n), optional
        Label; ``fdvae`` needs it.
    objective : Objective, optional
        Auxiliary networks to go on with, from :func:`~fairtut.methods.latent.build`; by
        default fresh ones.
    checkpoint : path-like, optional
        Makes the training resumable (``fairtut.runtime.fit``); FD-VAE's second stage is
        short and starts anew.
    what : str
        Name for progress and errors.

    Returns
    -------
    Trained

    Raises
    ------
    fairtut.errors.InputError
        If x, s or y do not fit the model, or a label is missing.
    fairtut.errors.UnknownName
        If the kind does not exist.

    Examples
    --------
    The plain VAE minimises reconstruction plus KL; FactorVAE has a total correlation and an
    adversary:

    >>> import torch
    >>> from fairtut.methods.latent import Config, train
    >>> from fairtut.models.table_vae import TableVAE
    >>> x = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    >>> for kind in ("vae", "factor"):
    ...     vae = TableVAE(1, numeric=3, latent=2, hidden=(8,))
    ...     config = Config(kind, hidden=(8,), epochs=1, batch=16)
    ...     print(sorted(train(vae, x, config, seed=0).history[0]))
    ['kl', 'loss', 'recon']
    ['d', 'kl', 'loss', 'recon', 'tc']
    """
    model.check(x)
    n = _rows(x)
    labels = _labels("s", s, model.members, n, x), _labels("y", y, model.members, n, x)
    objective = objective or build(config, model, seed, labels[0].shape[2] or 1)
    if objective.config != config:
        raise InputError("the objective was built with other settings: pass the same config")
    for name, values in zip(("s", "y"), labels, strict=True):
        if name in objective.needs and not values.shape[2]:
            raise InputError(f"{config.kind} learns from {name}: pass {name}=")
    noise = torch_rng(seed, "noise")
    game = Game(model.to(x.device).train(), objective.to(x.device).train(), noise)

    def batch(rows: Tensor) -> Batch:
        return Batch(take(x, rows), n, *[values[:, rows] for values in labels])

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        again = rows
        if objective.shuffles:
            again = torch.randint(n, rows.shape, generator=noise).to(x.device)
        return game.step(batch(rows), take(x, again))

    history = fit(
        n, step, epochs=config.epochs, batch=config.batch, seed=stream_seed(seed, "vae"),
        what=what, device=x.device, keep=game.state(), checkpoint=checkpoint,
        about={"config": config, "x": x, "labels": dict(zip("sy", labels, strict=True))},
    )  # fmt: skip
    codes = model.codes(x)
    objective.finish(codes.expand(model.members, *codes.shape[-2:]), *labels, seed, what)
    return Trained(model.eval(), objective.eval(), history)


class Game:
    """A VAE and perhaps its adversary, their optimisers, and one turn of both.

    Parameters
    ----------
    model : VAE
    objective : Objective
    noise : torch.Generator
        On the CPU; every draw of the training comes from it.
    """

    def __init__(self, model: VAE, objective: Objective, noise: torch.Generator) -> None:
        self.model, self.objective, self.noise = model, objective, noise
        c = objective.config
        ours = [*model.parameters(), *objective.heads.parameters()]
        theirs = list(objective.adversary.parameters())
        self.adam = torch.optim.Adam(ours, c.lr, fused=True)
        self.adam_d = torch.optim.Adam(theirs, c.lr_d, (0.5, 0.999), fused=True) if theirs else None

    def step(self, batch: Batch, again: Tensor) -> dict[str, Tensor]:
        """Update the VAE, then the adversary on the same codes, detached.

        Parameters
        ----------
        batch : Batch
        again : Tensor
            Rows of a second batch, for objectives whose adversary shuffles.
        """
        loss, logs, z = self.objective.loss(self.model, batch, self.noise)
        descend(self.adam, loss.sum())
        if self.adam_d is not None:
            z = second = z.detach()
            if self.objective.shuffles:
                with torch.no_grad():
                    second = self.objective.draw(*self.model.encode(again), self.noise)
            loss_d = self.objective.adversary_loss(z, second, batch, self.noise)
            descend(self.adam_d, loss_d.sum())
            logs["d"] = loss_d.mean()
        return logs

    def state(self) -> dict[str, Stateful]:
        """Return everything that a resumed training needs."""
        parts: dict[str, Stateful] = {
            "model": self.model,
            "objective": self.objective,
            "adam": self.adam,
            "noise": Draws(self.noise),
        }
        return parts if self.adam_d is None else parts | {"adam_d": self.adam_d}


def _rows(x: Tensor) -> int:
    return x.shape[0] if x.ndim == 4 else x.shape[-2]


def _labels(name: str, values: Tensor | None, members: int, n: int, x: Tensor) -> Tensor:
    """Return labels as (k, n, j) of 0.0 and 1.0, on the device of x; j = 0 where there are none."""
    if values is None:
        return torch.zeros(members, n, 0, device=x.device)
    if name == "y" or values.ndim == 1:
        values = values[..., None]  # (n, 1) or (k, n, 1)
    shaped = values.ndim in (2, 3) and values.shape[-2] == n and values.shape[-1] > 0
    if not shaped or (values.ndim == 3 and len(values) != members):
        raise InputError(f"{name} does not fit {n} rows and {members} members")
    if not ((values == 0) | (values == 1)).all():
        raise InputError(f"{name} must hold 0 and 1 only: recode it")
    return values.expand(members, *values.shape[-2:]).to(x.device, torch.float32)


__all__ = ["KINDS", "Game", "Trained", "build", "train"]
