"""Codes of an encoder that stays as it is: what methods on codes begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.foreign import numbers
from fairtut.methods.holding import evaluating
from fairtut.methods.refusals import unmasked
from fairtut.runtime.device import device_of

ROWS: Final = 512
"""Rows that are encoded at a time."""


def encoded(encoder: nn.Module | Callable[[Any], Any], x: Any) -> Tensor:
    """Return the codes of rows, detached, in batches, on the encoder's device.

    Parameters
    ----------
    encoder : nn.Module or callable
        Inputs (n, ..) to codes (n, d).  A module is used in evaluation mode and never changed;
        floating-point rows take the type of its weights.
    x : array, tensor or data frame, shape (n, ..)

    Raises
    ------
    fairtut.errors.InputError
        If the encoder gives something else than one code a row, or x holds no numbers or masked
        values.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from fairtut.methods.encoding import encoded
    >>> encoded(nn.Linear(3, 2), np.zeros((5, 3))).shape
    torch.Size([5, 2])
    """
    rows = _tensor(x)
    module = encoder if isinstance(encoder, nn.Module) else nn.Identity()
    kind = next((p.dtype for p in module.parameters() if p.is_floating_point()), rows.dtype)
    if rows.is_floating_point():  # numpy's are double, an encoder's single or half
        rows = rows.to(kind)
    parts = rows.to(device_of(module, rows.device)).split(ROWS)
    with evaluating(module), torch.no_grad():
        z = torch.cat([torch.as_tensor(encoder(part)) for part in parts])
    if z.ndim != 2 or len(z) != len(rows):
        raise InputError(
            f"the encoder turns {len(rows)} rows into {tuple(z.shape)}: it must give (n, d)"
        )
    return z


def _tensor(x: Any) -> Tensor:
    """Return rows as a tensor, also those of a data frame."""
    unmasked(x=x)
    given = numbers("x", x)
    try:  # a copy, as a data frame may hand out what must not be written to
        return torch.as_tensor(np.array(given) if hasattr(given, "columns") else given)
    except (TypeError, ValueError) as error:
        raise InputError("x holds text or objects: turn them into numbers first") from error
