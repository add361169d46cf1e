"""What Glow sees of a picture: five bits per channel, between -1/2 and 1/2."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from fairtut.errors import InputError

BITS = 5


def preprocess(x: Tensor, bits: int = BITS) -> Tensor:
    """Quantise pictures: ``floor(255 x / 2^(8 - bits)) / 2^bits - 1/2``.

    Parameters
    ----------
    x : tensor, shape (n, c, h, w)
        uint8, or floating point in [0, 1].
    bits : int
        Bits kept of the eight.

    Returns
    -------
    tensor, shape (n, c, h, w)
        In [-1/2, 1/2); single precision, or double if the pictures were.

    Raises
    ------
    fairtut.errors.InputError
        If the pictures have another type, or values that are NaN or outside [0, 1].

    Examples
    --------
    >>> from fairtut.models.glow import preprocess
    >>> import torch
    >>> x = preprocess(torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2))
    >>> float(x.min()), float(x.max()) < 0.5
    (-0.5, True)
    """
    if x.dtype == torch.uint8:
        levels = (x >> (8 - bits)).float()
    elif x.is_floating_point():
        if not ((x >= 0) & (x <= 1)).all():
            raise InputError("pictures hold NaN or leave [0, 1]: scale them, or pass uint8")
        # half precision cannot count to 255
        x = x if x.dtype == torch.float64 else x.float()
        levels = (255 * x / 2 ** (8 - bits)).floor()
    else:
        raise InputError(f"pictures are {x.dtype}: pass uint8, or floating point in [0, 1]")
    return levels / 2**bits - 0.5


def dequantise(x: Tensor, generator: Generator | None = None, bits: int = BITS) -> Tensor:
    """Preprocess pictures and spread each value uniformly over its bin (training only).

    A density fitted to isolated values can grow without bound; with this noise its log-likelihood
    bounds that of the discrete values from below.

    Parameters
    ----------
    x : tensor, shape (n, c, h, w)
        See :func:`preprocess`.
    generator : torch.Generator, optional
        Draws the noise, on its own device.
    bits : int

    Examples
    --------
    >>> from fairtut.models.glow import dequantise
    >>> import torch
    >>> noisy = dequantise(torch.zeros(1, 1, 2, 2))
    >>> noisy.shape
    torch.Size([1, 1, 2, 2])
    """
    u = preprocess(x, bits)
    device = generator.device if generator is not None else u.device
    noise = torch.rand(u.shape, generator=generator, device=device, dtype=u.dtype)
    return u + noise.to(u.device) / 2**bits


def to_pictures(u: Tensor, bits: int = BITS) -> Tensor:
    """Return the middle of each value's bin, in [0, 1]: preprocessing it gives ``u`` again.

    Examples
    --------
    >>> from fairtut.models.glow import preprocess, to_pictures
    >>> import torch
    >>> x = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
    >>> bool(abs(to_pictures(preprocess(x)) - 1).max() < 0.05)
    True
    """
    return u + 0.5 + 0.5 / 2**bits
