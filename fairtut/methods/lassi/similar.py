r"""Random members of the similarity set :math:`S(x) = \{z + A^\top t : \|t\| \le \epsilon\}`."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from fairtut.errors import InputError, UnknownName

LAWS = ("ball", "cube")
"""Uniform in the k-ball, or each coordinate on its own (the 49 vectors of 3dshapes)."""


def draw_similar(
    shape: tuple[int, ...],
    k: int,
    epsilon: float,
    *,
    law: str = "ball",
    generator: Generator | None = None,
) -> Tensor:
    r"""Draw coordinates t of members of the similarity set.

    In the ball, a Gaussian vector gives the direction and :math:`\epsilon U^{1/k}` the length: on
    the segment (k = 1), in the disc (k = 2) and in any ball that is the uniform law.

    Parameters
    ----------
    shape : tuple of int
        How many draws, such as ``(images, 10)``.
    k : int
        Attribute vectors.
    epsilon : float
        Radius of the set, at least 0; half the side of the cube.
    law : str
        One of :data:`LAWS`.
    generator : torch.Generator, optional

    Returns
    -------
    float32 tensor, shape (\*shape, k)
        On the generator's device.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such law.
    fairtut.errors.InputError
        If epsilon is negative or not finite, or k is less than 1.
    """
    check_set(k, epsilon, law)
    device = generator.device if generator is not None else None
    if law == "cube":
        return epsilon * (2 * torch.rand(*shape, k, generator=generator, device=device) - 1)
    direction = torch.randn(*shape, k, generator=generator, device=device)
    u = torch.rand(*shape, 1, generator=generator, device=device)
    return epsilon * u ** (1 / k) * torch.nn.functional.normalize(direction, dim=-1)


def check_set(k: int, epsilon: float, law: str) -> None:
    """Raise for a similarity set that does not exist (as :func:`draw_similar`)."""
    if law not in LAWS:
        raise UnknownName.of("law of the similarity set", law, LAWS)
    if not (math.isfinite(epsilon) and epsilon >= 0):
        raise InputError(f"epsilon must be a number of at least 0, got {epsilon}")
    if k < 1:
        raise InputError(f"a similarity set needs at least one attribute vector, got {k}")
