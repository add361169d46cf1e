"""Does a trigger beat what costs nothing?  Five questions of :mod:`fairtut.lab.asked`."""

from __future__ import annotations

from fairtut.chapters.reprogramming_text.measures import Board
from fairtut.chapters.reprogramming_text.presets import CRITERIA, TRIGGERS
from fairtut.lab.asked import asked
from fairtut.metrics.entry import Entry


def beaten(board: Board) -> dict[str, Entry]:
    """Ask about the front of each kind of trigger, for each criterion; noise is random words."""
    rivals = {"threshold": "threshold", "groups": "groups", "noise": "random"}
    found: dict[str, Entry] = {}
    for method in TRIGGERS:
        for c in CRITERIA:
            found |= asked(board, f"{method}.{c}", method, c, "base", rivals)
    return found
