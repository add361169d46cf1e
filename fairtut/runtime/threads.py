"""Threads: small models are fastest on one, and two jobs must not fight for the cores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run the block with ``count`` torch threads, then restore what was set before.

    A full-batch step on 1,800 rows is shorter than waking a second thread: on a shared two-core
    machine two threads are several times slower than one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
