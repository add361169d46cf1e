"""What a certificate needs of its input: floating latents, finite weights, a number for each image.

What unusual input would make wrong in silence is refused here, by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.refusals import unmasked

MEMORY: Final = 2**30
"""Bytes that a certificate may take."""


def check(
    encoder: Callable[[Tensor], Tensor], z: ArrayLike | Tensor, directions: ArrayLike | Tensor
) -> tuple[Tensor, Tensor]:
    """Return latents (b, q) and directions (k, q) as a certificate needs them.

    They come back on the encoder's device, in at least single precision.

    Raises
    ------
    fairtut.errors.InputError
        As :func:`certify`.
    """
    z, directions = _tensor("latents", z), _tensor("directions", directions)
    if z.ndim != 2:
        raise InputError(f"latents have shape {tuple(z.shape)}: need (images, q)")
    if not z.is_floating_point():
        raise InputError(
            f"latents are {str(z.dtype).removeprefix('torch.')}, and a direction would be rounded "
            "to whole numbers: pass z.float()"
        )
    bad = (~z.isfinite().all(1)).nonzero()
    if len(bad):
        raise InputError(f"latents hold NaN or infinity (first in row {int(bad[0])}): encode again")
    vectors = directions[None] if directions.ndim == 1 else directions
    if vectors.ndim != 2 or vectors.shape[1] != z.shape[1] or len(vectors) == 0:
        raise InputError(
            f"directions have shape {tuple(directions.shape)}: need (k, {z.shape[1]}), the length "
            "of a latent"
        )
    sound_weights(encoder, "the encoder")
    z = z.to(torch.promote_types(z.dtype, torch.float32))
    vectors = vectors.to(z.dtype)  # before they are checked: a cast can make them zero or infinite
    unit = torch.nn.functional.normalize(vectors.cpu().double(), dim=1)
    if not unit.isfinite().all() or int(torch.linalg.matrix_rank(unit, tol=1e-6)) < len(unit):
        raise InputError(
            f"the {len(unit)} directions are zero, not finite or linearly dependent: drop one"
        )
    device = z.device
    if isinstance(encoder, nn.Module):
        device = next((p.device for p in encoder.parameters()), device)
    return z.to(device), vectors.to(device)


def _tensor(what: str, values: ArrayLike | Tensor) -> Tensor:
    unmasked(**{what: values})
    try:
        return torch.as_tensor(values if isinstance(values, Tensor) else np.asarray(values))
    except (TypeError, ValueError):
        raise InputError(f"{what} hold no numbers: pass a tensor or an array of them") from None


def sound_weights(module: object, who: str) -> None:
    """Raise InputError if a module's weights or statistics are not finite, or of half precision.

    Examples
    --------
    >>> broken = nn.Linear(2, 2)
    >>> _ = broken.weight.data.fill_(float("nan"))
    >>> sound_weights(broken, "the classifier")
    Traceback (most recent call last):
    fairtut.errors.InputError: the classifier holds NaN or infinity in weight: train it again
    """
    for name, value in module.state_dict().items() if isinstance(module, nn.Module) else ():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        if torch.finfo(value.dtype).bits < 32:
            kind = str(value.dtype).removeprefix("torch.")
            raise InputError(
                f"{who} has {kind} weights ({name}), too coarse for a certificate: use .float()"
            )
        # one pass without copies: both ends are NaN if any number is
        if value.numel() and not torch.stack(torch.aminmax(value)).isfinite().all():
            raise InputError(f"{who} holds NaN or infinity in {name}: train it again")


def fits(what: str, *shape: int, each: int, fix: str) -> None:
    r"""Raise InputError if arrays of one image would take more than a GiB, before they are made.

    Parameters
    ----------
    what : str
    *shape : int
    each : int
        Bytes for each number, with all copies that are made of it.
    fix : str
        What to do about it.

    Examples
    --------
    >>> fits("noisy codes", 10_000, 512, each=12, fix="lower n")
    >>> fits("noisy codes", 10_000, 50_000, each=12, fix="lower n")
    Traceback (most recent call last):
    fairtut.errors.InputError: noisy codes (10,000 x 50,000) would take 5.6 GiB: lower n
    """
    size = math.prod(shape) * each
    if size > MEMORY:
        lengths = " x ".join(f"{length:,}" for length in shape)
        raise InputError(f"{what} ({lengths}) would take {size / 2**30:.1f} GiB: {fix}")


def numbered(z: Tensor, ids: Sequence[int] | None) -> Sequence[int]:
    """Return the number of each latent, which names its stream of draws; 0, 1, ... without `ids`.

    Raises InputError if there is no latent, or not one number for each.
    """
    streams = range(len(z)) if ids is None else ids
    if len(streams) != len(z) or len(z) == 0:
        raise InputError(f"{len(z)} latents and {len(streams)} ids: need one id each, at least one")
    return streams
