"""Does a trigger beat what costs nothing?  Five questions of :mod:`fairtut.lab.asked`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from fairtut.chapters.reprogramming_vision.presets import CRITERIA, TRIGGERS
from fairtut.chapters.reprogramming_vision.protocol import GAPS, JUDGED, Board
from fairtut.lab import board as lab
from fairtut.lab.asked import asked
from fairtut.lab.controls import swept
from fairtut.lab.pairs import paired
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

CUTS: Final = 41
"""Thresholds of the moved threshold's front."""


def beaten(board: Board, n_resamples: int = 1000) -> dict[str, Entry]:
    """Ask about the front of each kind of trigger, λ by λ, for each criterion.

    Parameters
    ----------
    board : Board
    n_resamples : int
    """
    people = {
        "val": board.people("val"),
        "test": Panel(board.y["test"], board.s["test"], n_resamples=n_resamples),
    }
    whole = lab.Board(people, _decisions(board), GAPS)
    found: dict[str, Entry] = {}
    for method in TRIGGERS:
        rivals = {"threshold": "threshold", "groups": "groups", "noise": f"random-{method}"}
        for criterion in _trained(board, method):
            found |= asked(whole, f"{method}.{criterion}", method, criterion, "base", rivals)
    return found


def _decisions(board: Board) -> dict[Any, lab.Decisions]:
    """Return what BASE, the triggers and the controls decide."""
    plain = {part: np.stack([b.margin[part] for b in board.base]) for part in JUDGED}
    found: dict[Any, lab.Decisions] = {
        "base": {part: m[None] > 0 for part, m in plain.items()},
        "threshold": swept(plain, CUTS),
    }
    people = board.people("val")
    for criterion in CRITERIA:
        found["groups", criterion] = paired(plain, people, board.s, GAPS[criterion])
    for method in TRIGGERS:
        for criterion in _trained(board, method):
            every = [board.several(method, criterion, x) for x in board.lams(method, criterion)]
            found[method, criterion] = {
                part: np.stack([board.decisions(of, part) for of in every]) for part in JUDGED
            }
        noise = board.random[method]
        found[f"random-{method}"] = {p: board.decisions(noise, p)[None] for p in JUDGED}
    return found


def _trained(board: Board, method: str) -> list[str]:
    """Return the criteria that a trigger was trained for: a small run leaves some out."""
    return [criterion for criterion in CRITERIA if board.lams(method, criterion)]
