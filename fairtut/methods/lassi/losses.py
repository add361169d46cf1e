r"""The losses of R, and the search for the similar latent whose code is farthest away.

.. math:: L = \lambda_1 CE(C(R(z)), y) + \lambda_2 \max(0, \|R(z) - R(z')\| - \delta)
          + \lambda_3 \|z - Q(R(z))\|, \quad z' = z + A^\top t,

means over a batch, with unsquared norms.  R's first layer is by far its widest, and t has k numbers
only, so :math:`W_1 (z + A^\top t) = W_1 z + (W_1 A^\top) t`: one product with W1 per batch serves
the code, every draw of the search, and the farthest latent's code with its gradient.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from fairtut.methods.lassi.config import Config
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.similar import draw_similar
from fairtut.runtime.precision import has_double

_CODES: Final = 2000
"""Codes that the search holds at a time."""


class Learner(nn.Module):
    """R, with the auxiliary classifier and the decoder that its losses need.

    Parameters
    ----------
    inputs : int
        Length q of a latent.
    classes : int
        0 for none.
    config : Config
    generator : torch.Generator
        Source of the initial weights.

    Attributes
    ----------
    representation : Representation
    head : nn.Linear or None
        None where the classification weight is 0.
    decoder : nn.Sequential or None
        None where the reconstruction weight is 0.
    """

    def __init__(self, inputs: int, classes: int, config: Config, generator: Generator) -> None:
        super().__init__()
        c = config
        self.representation = Representation(inputs, c.hidden, c.outputs, generator=generator)
        self.head = linear(c.outputs, classes, generator=generator) if c.classification else None
        self.decoder = decoder(inputs, c, generator) if c.reconstruction else None


def decoder(inputs: int, config: Config, generator: Generator) -> nn.Sequential:
    """Return Q from codes to latents: R's widths in reverse, batch norm and ReLU when hidden."""
    layers: list[nn.Module] = []
    width = config.outputs
    for out in reversed(config.hidden):
        layers += [linear(width, out, generator=generator), nn.BatchNorm1d(out), nn.ReLU()]
        width = out
    return nn.Sequential(*layers, linear(width, inputs, generator=generator))


def losses(
    learner: Learner,
    z: Tensor,
    y: Tensor | None,
    directions: Tensor,
    config: Config,
    generator: Generator,
) -> dict[str, Tensor]:
    """Return the losses of a batch, in the learner's mode.

    In training mode the original, similar and farthest latents are each normalised by their own
    batch statistics, and each updates the running ones; the search uses the running ones.

    Parameters
    ----------
    learner : Learner
    z : Tensor, shape (n, q)
    y : int64 tensor, shape (n,)
        May be None without a head.
    directions : Tensor, shape (k, q)
        May be of shape (0, q) where ``config.moves`` is false.
    config : Config
    generator : torch.Generator
        Draws similar latents: first the search's, then the copies.

    Returns
    -------
    dict of scalars
        ``loss``, the weighted total, and of its parts those with a weight: ``classification``
        (with ``accuracy``), ``similarity``, ``reconstruction``.
    """
    c, r, n, k = config, learner.representation, len(z), len(directions)
    start, slopes = first_layer(r, z, directions)
    worst = None
    if c.similarity:
        t = draw_similar((n, c.attack), k, c.epsilon, law=c.law, generator=generator).to(z)
        worst = attack(r, start.detach(), slopes.detach(), t)
    code = rest(r, start)
    parts: dict[str, Tensor] = {}
    if learner.head is not None:
        assert y is not None
        codes, labels = code, y
        if c.augment:
            t = draw_similar((n, c.augment), k, c.epsilon, law=c.law, generator=generator).to(z)
            copies = rest(r, (start[:, None] + t @ slopes).flatten(0, 1))  # (n * augment, d)
            codes, labels = (
                torch.cat([code, copies]),
                torch.cat([y, y.repeat_interleave(c.augment)]),
            )
        logits = learner.head(codes)
        parts["classification"] = functional.cross_entropy(logits, labels)
        parts["accuracy"] = _share(logits.argmax(1) == labels)
    if worst is not None:
        parts["similarity"] = similarity_loss(code, rest(r, start + worst @ slopes), c.delta)
    if learner.decoder is not None:
        parts["reconstruction"] = reconstruction_loss(z, learner.decoder(code))
    weighted = [getattr(c, name) * loss for name, loss in parts.items() if name != "accuracy"]
    return {"loss": torch.stack(weighted).sum()} | parts


def _share(right: Tensor) -> Tensor:
    """Return the share of a bool tensor (n,), in double precision where its device has it."""
    return right.to(torch.float64 if has_double(right.device) else torch.float32).mean()


def similarity_loss(code: Tensor, far: Tensor, delta: float) -> Tensor:
    r"""Return the mean of :math:`\max(0, \|R(z) - R(z')\| - \delta)` over codes (n, d)."""
    return ((code - far).norm(dim=1) - delta).relu().mean()


def reconstruction_loss(z: Tensor, again: Tensor) -> Tensor:
    r"""Return the mean of :math:`\|z - Q(R(z))\|` over latents (n, q)."""
    return (z - again).norm(dim=1).mean()


def first_layer(r: Representation, z: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the products of R's first weight with latents (n, h) and with directions (k, h)."""
    weight = r.linears[0].weight
    assert isinstance(weight, Tensor)
    product = torch.cat([z, directions]) @ weight.T  # (n + k, h)
    return product[: len(z)], product[len(z) :]


def rest(r: Representation, product: Tensor) -> Tensor:
    """Return codes (n, d) from products with R's first weight (n, h), in R's mode."""
    bias = r.linears[0].bias
    assert isinstance(bias, Tensor)
    hidden = product + bias
    for norm, layer in zip(r.norms[:-1], r.linears[1:], strict=True):
        hidden = layer(norm(hidden).relu())
    code: Tensor = r.norms[-1](hidden)
    return code


@torch.no_grad()
def attack(r: Representation, start: Tensor, slopes: Tensor, t: Tensor) -> Tensor:
    """Return for each latent the draw whose code is farthest from its own, in evaluation mode.

    Parameters
    ----------
    r : Representation
        In any mode: running statistics are used and not changed.
    start, slopes : Tensor, shapes (n, h) and (k, h)
        From :func:`first_layer`.
    t : Tensor, shape (n, m, k)
        Draws.

    Returns
    -------
    Tensor, shape (n, k)
    """
    folded = r.fold() if start.dtype == torch.float64 else r.fold().float()
    folded = folded.to(start.device)
    scale, shift = folded.scale.to(start), folded.shift.to(start)
    own, slopes = start * scale + shift, slopes * scale
    code = folded.rest(own.clone())[:, None]  # (n, 1, d)
    chosen = []
    size = max(_CODES // t.shape[1], 1)
    for low, center, draws in zip(own.split(size), code.split(size), t.split(size), strict=True):
        hidden = (draws @ slopes).add_(low[:, None])  # (b, m, h)
        moved = folded.rest(hidden.flatten(0, 1)).unflatten(0, draws.shape[:2])  # (b, m, d)
        best = (moved - center).norm(dim=2).argmax(1)  # (b,)
        chosen.append(draws[torch.arange(len(draws), device=t.device), best])
    return torch.cat(chosen)
