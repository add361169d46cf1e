"""Attribute vectors without labels: directions that a classifier depends on (Li and Xu)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.methods.lassi.vectors import check_latents
from fairtut.runtime.fit import fit
from fairtut.runtime.seeds import stream_seed, torch_rng


@dataclass(frozen=True)
class DiscoverConfig:
    """Hyper-parameters of :func:`discover`; the defaults are the released ones.

    Attributes
    ----------
    count : int
        Directions to find.
    steps, batch, lr
        Adam updates per direction, latents per update, learning rate.
    walk : tuple of float
        Distances from the hyperplane at which a latent is decoded.
    penalty : float
        Weight of the squared cosines with the directions that are known.
    """

    count: int = 3
    steps: int = 2000
    batch: int = 4
    lr: float = 1e-3
    walk: tuple[float, ...] = (-5.0, 0.0, 5.0)
    penalty: float = 10.0


def discover(
    z: Tensor,
    decode: Callable[[Tensor], Tensor],
    classify: Callable[[Tensor], Tensor],
    known: Tensor | None = None,
    *,
    config: DiscoverConfig | None = None,
    seed: int = 0,
) -> Tensor:
    r"""Find directions along which a classifier's decision changes most, without labels.

    A latent is projected on a hyperplane (w, b) and moved along its normal; w follows the gradient
    of the changes in the classifier's probability, and stays away from the known directions.  The
    projection is :math:`z - w (w \cdot z + b) / \|w\|^2`; the released code divides only b by
    :math:`\|w\|^2`, which is a projection for a unit w alone.

    Parameters
    ----------
    z : Tensor, shape (n, q)
    decode : callable
        Latents (m, q) to images, differentiable, such as ``Glow.decode``.
    classify : callable
        Images to logits (m, 2), differentiable, in evaluation mode.  No weight of it or of
        ``decode`` gets a gradient.
    known : Tensor, shape (j, q), optional
        Directions to avoid, such as the target's own normal.
    config : DiscoverConfig, optional
    seed : int

    Returns
    -------
    Tensor, shape (count, q)
        Unit normals; each avoids the ones before it.

    Raises
    ------
    fairtut.errors.InputError
        If latents or known directions do not fit, or the walk has fewer than two stops.

    References
    ----------
    Li and Xu: Discover the unknown biased attribute of an image classifier, ICCV 2021.

    Examples
    --------
    A classifier that reads the first of two numbers gives itself away:

    >>> import torch
    >>> from fairtut.methods.lassi import DiscoverConfig, discover
    >>> z = torch.randn(16, 2, generator=torch.Generator().manual_seed(0))
    >>> classify = lambda x: torch.stack([-x[:, 0], x[:, 0]], 1)  # of "images" that are the latents
    >>> settings = DiscoverConfig(count=2, steps=60, lr=0.1)
    >>> found = discover(z, lambda z: z, classify, config=settings)
    >>> found.norm(dim=1).round(decimals=3).tolist()
    [1.0, 1.0]
    >>> found.abs().argmax(1).tolist()  # the second keeps away from the first
    [0, 1]
    """
    c = config or DiscoverConfig()
    check_latents(z)
    known = z[:0] if known is None else known.reshape(-1, known.shape[-1]).to(z)
    if known.shape[1] != z.shape[1] or not (known.isfinite().all() and known.norm(dim=1).all()):
        raise InputError(
            f"known directions of shape {tuple(known.shape)}: need finite ones, not zero, of "
            f"length {z.shape[1]}"
        )
    if len(c.walk) < 2 or c.count < 1:
        raise InputError(f"discover needs two stops and a count of 1, got {c.walk} and {c.count}")
    avoided = functional.normalize(known, dim=1)
    for number in range(c.count):
        found = _discover_one(z, decode, classify, avoided, c, seed, number)
        avoided = torch.cat([avoided, found[None]])  # (j + number + 1, q)
    return avoided[-c.count :]


def _discover_one(
    z: Tensor,
    decode: Callable[[Tensor], Tensor],
    classify: Callable[[Tensor], Tensor],
    avoided: Tensor,
    c: DiscoverConfig,
    seed: int,
    number: int,
) -> Tensor:
    rng = torch_rng(seed, "discover", number)
    plane = torch.randn(z.shape[1] + 1, generator=rng).to(z)
    w, b = nn.Parameter(plane[:-1].clone()), nn.Parameter(plane[-1].clone())
    adam = torch.optim.Adam([w, b], c.lr)
    stops = torch.tensor(c.walk).to(z)

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        walked = walk(z[rows], w, b, stops)  # (m, stops, q)
        p = classify(decode(walked.flatten(0, 1))).softmax(1)[:, 1].unflatten(0, walked.shape[:2])
        change = p.diff(dim=1).abs().mean()
        loss = -(1e-10 + change).log()
        if len(avoided):
            loss = loss + c.penalty * (avoided @ w / w.norm()).square().mean()
        w.grad, b.grad = torch.autograd.grad(loss, [w, b])  # and of no network's weights
        adam.step()
        return {"loss": loss, "change": change}

    fit(
        len(z), step, epochs=c.steps / max(len(z) // c.batch, 1), batch=c.batch,
        seed=stream_seed(seed, "discover", number), what="discover", device=z.device,
    )  # fmt: skip
    return (w / w.norm()).detach()


def walk(z: Tensor, w: Tensor, b: Tensor, stops: Tensor) -> Tensor:
    """Project latents (m, q) on the hyperplane (w, b) and move them along its unit normal.

    Returns (m, stops, q): at distance ``stops[i]``, (stops,), from the hyperplane.
    """
    on_plane = z - ((z @ w + b) / w.square().sum())[:, None] * w
    return on_plane[:, None] + stops[:, None] * (w / w.norm())
