"""Whether a device did the work that a record is about to credit it with.

A study that forgets to move its data trains on the CPU, whatever device was picked.  The numbers
are right and the device's name is not.  So the record notes at its start how much the device had
done by then, and looks again before it is saved.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from fairtut.runtime.device import describe_device

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

LEAST: Final = 1000
"""What :func:`amount` grows by in any chapter at any size, many times over; to pick a device and to
move data and networks there makes it grow by a few dozen."""


def amount(device: torch.device | str) -> int | None:
    """Return how much a device has done in this process so far.

    Nearly every operation puts its result into memory that it asks the device's allocator for, and
    the allocator counts.  Apple's does not: there it is the KiB that it holds.

    Parameters
    ----------
    device : torch.device or str

    Returns
    -------
    int or None
        None where it cannot be told: on the CPU, which everything uses, and with an allocator that
        does not count.

    Examples
    --------
    A GPU that has put five results into its memory, and the CPU:

    >>> from unittest.mock import Mock, patch
    >>> from fairtut.evidence.worked import amount
    >>> gpu = Mock()
    >>> gpu.memory_stats.return_value = {"allocation.all.allocated": 5}
    >>> with patch("torch.get_device_module", return_value=gpu):
    ...     amount("cuda")
    5
    >>> amount("cpu") is None
    True
    """
    import torch

    kind = torch.device(device).type
    if kind == "cpu":
        return None
    if kind == "mps":
        return int(torch.mps.driver_allocated_memory()) // 1024
    stats = getattr(torch.get_device_module(kind), "memory_stats", None)
    counted = {} if stats is None else stats(torch.device(device))
    results = int(counted.get("allocation.all.allocated", 0))
    counts = stats is not None and (results or not counted.get("allocated_bytes.all.peak", 0))
    return results if counts else None


class Watched:
    """A device whose work is counted from here on.

    Parameters
    ----------
    device : torch.device or str

    Examples
    --------
    A GPU that does nothing after it was picked was idle.

    >>> from unittest.mock import Mock, patch
    >>> from fairtut.evidence.worked import LEAST, Watched
    >>> gpu = Mock()
    >>> gpu.memory_stats.return_value = {"allocation.all.allocated": 5}
    >>> with patch("torch.get_device_module", return_value=gpu):
    ...     watched = Watched("cuda")
    ...     print(watched.idle())
    ...     gpu.memory_stats.return_value = {"allocation.all.allocated": 5 + LEAST}
    ...     print(watched.idle())
    True
    False
    """

    def __init__(self, device: torch.device | str) -> None:
        self._device, self._before = device, amount(device)

    def idle(self) -> bool:
        """Say whether it did too little for a chapter's work; no where that cannot be told."""
        now = amount(self._device)
        return self._before is not None and now is not None and now - self._before < LEAST

    def who_worked(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return what a record may say of its device.

        Parameters
        ----------
        named : dict
            What it says, from ``fairtut.runtime.device.describe_device``.

        Returns
        -------
        dict
            The same, or the CPU with what was ``asked_for``, and a warning is logged.
        """
        if named["type"] == "cpu" or not self.idle():
            return named
        log.warning(
            "%s was asked for and did nothing: the record names the CPU, which did the work",
            named["name"],
        )
        return {**describe_device("cpu"), "asked_for": named["name"]}
