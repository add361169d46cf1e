"""Precision by name: double where a device has it, and full single precision where it matters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SINGLE_ONLY = {"mps"}
"""Kinds of devices without double precision: Apple's graphics processors refuse float64."""


def has_double(device: torch.device | str) -> bool:
    """Say whether a device computes in double precision."""
    import torch

    return torch.device(device).type not in SINGLE_ONLY


def double(values: Tensor) -> Tensor:
    """Return values in float64: where they are, or on the CPU if their device has none.

    The one way to ask for double precision of a tensor that may lie on any device.  What comes
    back may lie elsewhere, so whatever meets it goes through here as well.
    """
    return values.double() if has_double(values.device) else values.cpu().double()


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Within, float32 products and convolutions on a GPU keep all 23 bits of their numbers.

    By default cuDNN rounds the inputs of a convolution to 10 bits ("TF32"), which moves a result
    by 1e-3 of its size.  Training does not notice.  An exact check does, and so does whatever runs
    a network backwards.  On a CPU this changes nothing.
    """
    settings = _settings()
    before = [getattr(owner, name) for owner, name, _ in settings]
    try:
        for owner, name, full in settings:
            setattr(owner, name, full)
        yield
    finally:
        for (owner, name, _), value in zip(settings, before, strict=True):
            setattr(owner, name, value)


def _settings() -> list[tuple[object, str, object]]:
    """Return owner, name and full-precision value of each switch that this torch has."""
    from torch.backends import cuda, cudnn

    if hasattr(cudnn, "conv"):  # torch 2.9 named the switches anew, and the two sets do not mix
        owners = (cudnn.conv, cudnn.rnn, cuda.matmul)
        return [(owner, "fp32_precision", "ieee") for owner in owners]
    return [(cudnn, "allow_tf32", False), (cuda.matmul, "allow_tf32", False)]
