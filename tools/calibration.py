"""How fast this machine is just now: budgets are ratios to a loop that is timed beside them."""

from __future__ import annotations

import time

ROUNDS = 40


def seconds() -> float:
    """Return the CPU seconds of a fixed loop of small and large array work, best of three.

    Seconds say little: a slower processor, or one that it is shared with, misses a budget for no
    fault of the code.  The loop does what a chapter does: small steps of torch, matrix products,
    and plain Python.
    """
    import torch

    rng = torch.Generator().manual_seed(0)
    wide, small = torch.rand(300, 300, generator=rng), torch.rand(30, generator=rng)
    taken = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(ROUNDS):
            (wide @ wide).relu_().sum()
            for _ in range(100):
                (small * 2 + 1).sum()
            sum(k * k for k in range(5_000))
        taken.append(time.process_time() - began)
    return min(taken)
