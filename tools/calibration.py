"""How fast this machine is just now: budgets are ratios to a loop that is timed beside them."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator

ROUNDS = 40
EVERY = 5.0  # seconds between two looks at the speed of a machine that others use as well


def seconds() -> float:
    """Return the CPU seconds of a fixed loop of small and large array work, best of three.

    Seconds say little: a slower processor, or one that it is shared with, misses a budget for no
    fault of the code.  The loop does what a chapter does: small steps of torch, matrix products,
    and plain Python.
    """
    return min(_loop() for _ in range(3))


@contextlib.contextmanager
def beside(every: float = EVERY) -> Iterator[Callable[[], float]]:
    """Time the loop again and again while the block runs; yield what gives its mean seconds.

    What takes minutes meets a machine at several speeds, and one look, before or after, may meet
    another one.
    """
    taken, done = [_loop()], threading.Event()

    def look() -> None:
        while not done.wait(every):
            taken.append(_loop())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: statistics.fmean(taken)
    finally:
        done.set()
        watcher.join()


def _loop() -> float:
    import torch

    rng = torch.Generator().manual_seed(0)
    wide, small = torch.rand(300, 300, generator=rng), torch.rand(30, generator=rng)
    began = time.thread_time()
    for _ in range(ROUNDS):
        (wide @ wide).relu_().sum()
        for _ in range(100):
            (small * 2 + 1).sum()
        sum(k * k for k in range(5_000))
    return time.thread_time() - began
