r"""Adversarial training (ADT): an encoder that helps one head and hinders another.

With an encoder E, a task head T, a sensitive head A and a gradient-reversal layer :math:`R_\lambda`
that is the identity forwards and multiplies gradients by :math:`-\lambda` backwards, one optimiser
minimises

.. math:: CE(T(E(x)), y) + CE(A(R_{\lambda_p}(E(x))), s), \qquad
          \lambda_p = \lambda\,\Bigl(\frac{2}{1 + e^{-10 p}} - 1\Bigr)

where p is the share of training that is done.  Encoder and task are trained together, so every
task and every sensitive attribute needs a training of its own.

References
----------
Ganin et al.: Domain-adversarial training of neural networks, JMLR 17, 2016.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.methods.adversarial import ramp
from fairtut.methods.latent.frame import take
from fairtut.models.stacked import StackedMLP
from fairtut.models.vae import VAE
from fairtut.runtime.fit import descend, fit
from fairtut.runtime.seeds import stream_seed, torch_rng


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, strength: Tensor) -> Tensor:
        ctx.save_for_backward(strength)
        return z.view_as(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (strength,) = ctx.saved_tensors
        return -strength * gradients[0], None


def reverse(z: Tensor, strength: Tensor) -> Tensor:
    """Return z; gradients that pass back are multiplied by minus ``strength``, which broadcasts."""
    return _Reverse.apply(z, strength)  # type: ignore[no-any-return, no-untyped-call]


@dataclass(frozen=True)
class Config:
    """How ADT is trained.

    Attributes
    ----------
    hidden : tuple of int
        Hidden layers of both heads.
    lr : float
        Adam's learning rate.
    batch : int
    epochs : float
    """

    hidden: tuple[int, ...] = (128, 128)
    lr: float = 1e-3
    batch: int = 64
    epochs: float = 5


class Reversal(nn.Module):
    """An encoder with its task head and its sensitive head.

    Parameters
    ----------
    model : VAE
        Only its encoder's mean is used; it may hold several members.
    hidden : tuple of int
    generator : torch.Generator
    """

    def __init__(self, model: VAE, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.model = model
        k, d = model.members, model.latent
        self.task = StackedMLP(k, d, hidden, 2, generator=generator)
        self.sensitive = StackedMLP(k, d, hidden, 2, generator=generator)

    @torch.no_grad()
    def decisions(self, x: Tensor, batch: int = 512) -> Tensor:
        """Return decisions in {0, 1} for images (n, ..) or tables (k, n, ..): int64, (k, n)."""
        every = torch.arange(x.shape[0 if x.ndim == 4 else -2], device=x.device)
        parts = [self.task(self.model.encode(take(x, rows))[0]) for rows in every.split(batch)]
        return torch.cat(parts, 1).argmax(-1)


@dataclass(frozen=True)
class Trained:
    """The end of a training: the networks, and the means of their losses per epoch."""

    net: Reversal
    history: list[dict[str, float]] = field(repr=False)


def train(
    model: VAE,
    x: Tensor,
    y: Tensor,
    s: Tensor,
    strength: float | Tensor,
    *,
    config: Config | None = None,
    seed: int = 0,
    what: str = "ADT",
) -> Trained:
    """Train encoder and heads from the weights that the model has.

    Parameters
    ----------
    model : VAE
        Trained in place; its decoder is left alone.
    x : Tensor
        uint8 images (n, 3, h, w) or a table (k, n, inputs).
    y, s : int64 tensors, shape (n,) or (k, n), in {0, 1}
    strength : float or Tensor of shape (k,)
        λ, at least 0; members may have different ones.
    config : Config, optional
    seed : int
    what : str
        For the progress bar.

    Raises
    ------
    fairtut.errors.InputError
        If rows do not fit the model, labels are not 0 and 1, or a strength is negative.
    """
    c = config or Config()
    model.check(x)
    n, k = x.shape[0] if x.ndim == 4 else x.shape[-2], model.members
    weight = torch.as_tensor(strength, dtype=torch.float32).expand(k)[:, None, None].to(x.device)
    if not ((weight >= 0) & weight.isfinite()).all():
        raise InputError(f"strength {strength}: λ is finite and at least 0")
    labels = [_labels(name, values, k, n).to(x.device) for name, values in (("y", y), ("s", s))]
    net = Reversal(model, c.hidden, torch_rng(seed, "heads")).to(x.device).train()
    players = [p for name, p in net.named_parameters() if "decoder" not in name]
    adam = torch.optim.Adam(players, c.lr)

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        z, _ = model.encode(take(x, rows))  # (k, b, d)
        task = _error(net.task(z), labels[0][:, rows])
        read = _error(net.sensitive(reverse(z, weight * ramp(done))), labels[1][:, rows])
        descend(adam, (task + read).sum())  # members never mix
        return {"task": task.mean(), "sensitive": read.mean()}

    history = fit(
        n, step, epochs=c.epochs, batch=c.batch, seed=stream_seed(seed, "adt"), what=what,
        device=x.device,
    )  # fmt: skip
    return Trained(net.eval().requires_grad_(False), history)


def _error(logits: Tensor, label: Tensor) -> Tensor:
    """Return the mean cross-entropy of each member: (k, b, 2) and (k, b) to (k,)."""
    loss = functional.cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="none")
    return loss.reshape(label.shape).mean(1)


def _labels(name: str, values: Tensor, members: int, n: int) -> Tensor:
    if values.shape not in ((n,), (members, n)) or not ((values == 0) | (values == 1)).all():
        raise InputError(
            f"{name} of shape {tuple(values.shape)}: need 0 and 1 for each of {n} rows"
        )
    return values.long().expand(members, n)
