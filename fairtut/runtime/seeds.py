"""Seeds that do not collide: one root seed, one independent stream per purpose."""

from __future__ import annotations

import contextlib
import random
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fairtut.errors import InputError

if TYPE_CHECKING:
    import torch


def stream_seed(seed: int, *purpose: str | int) -> int:
    """Derive the seed of a named stream.

    Two purposes never share random numbers, so changing how many draws one part of an experiment
    makes cannot change another part.

    Parameters
    ----------
    seed : int
        The root seed (what a reader sets).
    *purpose : str or int
        The name of the stream, such as ``("data", 3)``.  A trailing 0 counts as absent, so do not
        use both ``("data",)`` and ``("data", 0)``.

    Returns
    -------
    int
        A seed in ``[0, 2**32)``.

    Raises
    ------
    fairtut.errors.InputError
        If the seed or a number in the name is negative.
    """
    words = [zlib.crc32(p.encode()) if isinstance(p, str) else int(p) for p in purpose]
    if min(seed, *words, 0) < 0:
        raise InputError(f"seed {seed} of stream {purpose}: numbers must be at least 0")
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0])


def numpy_rng(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a NumPy generator for the named stream (see :func:`stream_seed`)."""
    return np.random.default_rng(stream_seed(seed, *purpose) if purpose else seed)


def torch_rng(seed: int, *purpose: str | int, device: str = "cpu") -> torch.Generator:
    """Return a torch generator for the named stream (see :func:`stream_seed`)."""
    import torch

    return torch.Generator(device=device).manual_seed(
        stream_seed(seed, *purpose) if purpose else seed
    )


@contextlib.contextmanager
def own_random_numbers(device: torch.device) -> Iterator[None]:
    """Within, torch's global generators may be seeded: after it they are as they were before.

    Dropout draws from them, and takes no generator of its own.
    """
    import torch

    elsewhere = device.type != "cpu"
    kind = device.type if elsewhere else "cuda"
    index = torch.get_device_module(device).current_device() if elsewhere else 0
    devices = [index if device.index is None else device.index] if elsewhere else []
    with torch.random.fork_rng(devices, device_type=kind):
        yield


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy's global state and torch; ask cuDNN for deterministic kernels."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  other libraries draw from it
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
