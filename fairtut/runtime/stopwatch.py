"""How long a computation takes: CPU time on a processor, wall time on a device of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fairtut.runtime.device import wait_for

if TYPE_CHECKING:
    import torch


def clock(device: torch.device | str) -> str:
    """Return what the seconds of a :class:`Stopwatch` are, in words for a text or a table."""
    import torch

    return "processor time" if torch.device(device).type == "cpu" else "wall time"


class Stopwatch:
    """Seconds since it was made, or since the last lap.

    On the CPU they are the *process's CPU time*, all threads together: another job on the machine
    does not change them.  On a GPU the process waits while the device works, and its CPU time says
    nothing.  There they are *wall time*, and the device's queue is empty at both ends.

    Parameters
    ----------
    device : torch.device or str
        Where the computation runs.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        import torch

        self.device = torch.device(device)
        self._began = self._now()

    def _now(self) -> float:
        if self.device.type == "cpu":
            return time.process_time()
        wait_for(self.device)
        return time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since it was made or since the last lap, and begin the next."""
        now = self._now()
        seconds, self._began = now - self._began, now
        return seconds
