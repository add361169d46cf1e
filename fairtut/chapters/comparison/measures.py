"""Numbers with intervals: what every method is worth at the setting that validation picked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.comparison.methods import CONTROLS, MODEL
from fairtut.chapters.comparison.protocol import TWINS, Task
from fairtut.lab import contest
from fairtut.lab.board import Board
from fairtut.lab.choice import Choice
from fairtut.lab.mitigation import CUT, Tried
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

Floats = NDArray[np.float64]
GAP: Final = "deo"
"""The gap that settings are chosen by and answers are about."""
MADE: Final = {"threshold": "moved threshold", "groups": "threshold per group"}
"""Controls that are made from the model's scores, with their titles."""


@dataclass(frozen=True)
class Played:
    """The board of a run, and everything that was said on it.

    Attributes
    ----------
    task : Task
    board : Board
        Judged by the recorded labels.
    truth : Panel
        The test people with the labels that are true.
    runs : mapping of str to sequence of Tried
        Method to trainings.
    picks : mapping of str to sequence of Choice
        Method or made control to the setting of each training.
    """

    task: Task
    board: Board
    truth: Panel
    runs: Mapping[str, Sequence[Tried]]
    picks: Mapping[str, Sequence[Choice]]

    @property
    def panel(self) -> Panel:
        """The test people with their recorded labels."""
        return self.board.panels("test")[0]

    def p(self, method: str, part: str = "test") -> Floats:
        """Return probabilities at the chosen settings, (seeds, n)."""
        return contest.picked(self.runs[method], self.picks[method], part)

    def y_hat(self, method: str) -> NDArray[Any]:
        """Return decisions about test people at the chosen settings, (seeds, n)."""
        made = self.board.decided(method, GAP, "test")
        return np.stack([made[c.index, i] for i, c in enumerate(self.picks[method])])

    def at(self, method: str, values: str) -> NDArray[Any]:
        """Return ``read`` or ``certified`` of test people at the chosen settings, (seeds, n)."""
        pairs = zip(self.runs[method], self.picks[method], strict=True)
        return np.stack([getattr(run, values)["test"][c.index] for run, c in pairs])


def slug(name: str) -> str:
    """Return a method's word in the name of a measurement.

    >>> slug("FR-Train, recorded")
    'fr-train-recorded'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def played(
    task: Task, runs: Mapping[str, Sequence[Tried]], cost: float, n_resamples: int = 1000
) -> Played:
    """Put every method on the board and pick its settings on validation people.

    Parameters
    ----------
    task : Task
    runs : mapping of str to sequence of Tried
        From :func:`fairtut.chapters.comparison.protocol.compete`.
    cost : float
        Accuracy that a setting may cost.
    n_resamples : int
    """
    people = {
        "val": Panel(task.y["val"], task.s["val"], n_resamples=0),
        "test": Panel(task.y["test"], task.s["test"], n_resamples=n_resamples),
    }
    truth = Panel(task.truth["test"], task.s["test"], n_resamples=n_resamples)
    board = contest.board(people, runs, MODEL, {GAP: Panel.deo}, GAP)
    names = [*runs, *MADE]
    picks = {name: contest.chosen(board, name, GAP, MODEL, cost) for name in names}
    return Played(task, board, truth, runs, picks)


def measures(found: Played, names: Sequence[str] | None = None) -> dict[str, Entry]:
    """Return ``<method>.<measure>`` for methods and made controls, default all of them.

    By decisions ``accuracy``, ``dp``, ``deo``, ``opportunity``; by scores ``auc-0``, ``auc-1`` and
    ``calibration-0``, ``calibration-1`` (mean score minus share of positives, by group); ``twins``
    where there are some, ``read`` (a fresh probe is right about the group), ``certified``;
    ``truth.accuracy``, ``truth.dp``, ``truth.deo``; and ``number``, the board's number of the
    method's front.
    """
    entries: dict[str, Entry] = {}
    worst = found.board.plane(MODEL, GAP, "test").gap[0, :, 0]
    for name in found.picks if names is None else names:
        draws = _decided(found, name)
        if name in found.runs:
            draws |= _scored(found, name)
        draws["number"] = found.board.number(name, GAP, worst)
        entries |= {f"{slug(name)}.{k}": found.board.entry(v) for k, v in draws.items()}
    if names is None:
        entries["constant.accuracy"] = found.board.entry(found.board.constant())
        entries["constant.read"] = found.board.entry(found.panel.majority(found.panel.s)[None])
    return entries


def _decided(found: Played, name: str) -> dict[str, Floats]:
    y_hat, measured = found.y_hat(name), dict[str, Floats]()
    for prefix, panel in (("", found.panel), ("truth.", found.truth)):
        measured |= {
            f"{prefix}accuracy": panel.accuracy(y_hat), f"{prefix}dp": panel.dp(y_hat),
            f"{prefix}deo": panel.deo(y_hat),
            f"{prefix}opportunity": np.abs(panel.signed_gap(y_hat, 1)),
        }  # fmt: skip
    return measured


def _scored(found: Played, name: str) -> dict[str, Floats]:
    panel, p, measured = found.panel, found.p(name), dict[str, Floats]()
    for group in (0, 1):
        own = panel.s == group
        measured[f"auc-{group}"] = panel.auc(p, own)
        measured[f"calibration-{group}"] = panel.mean(p - panel.y, own)
    measured["read"] = panel.mean(found.at(name, "read"))
    if found.runs[name][0].certified:
        measured["certified"] = panel.mean(found.at(name, "certified"))
    if TWINS in found.runs[name][0].p:
        measured["twins"] = panel.mean((found.p(name, TWINS) > CUT) != (p > CUT))
    return measured


def seconds(found: Played, names: Sequence[str] | None = None) -> dict[str, Entry]:
    """Return ``seconds.<method>.fit`` of one setting, and ``.decide`` about a thousand people."""
    entries: dict[str, Entry] = {}
    n = len(found.panel.y)
    for name in found.runs if names is None else names:
        runs = found.runs[name]
        first = f"seconds.{slug(name)}"
        entries[f"{first}.fit"] = Entry([run.fit_seconds for run in runs], n, "s")
        entries[f"{first}.decide"] = Entry([1000 * run.decide_seconds for run in runs], n, "s")
    return entries


def answers(found: Played, methods: Sequence[str]) -> dict[str, Entry]:
    """Ask of every method whether it beats every control (``beats.<method>.<control>``)."""
    here = {k: own for k, own in CONTROLS.items() if own in found.picks}
    return contest.answers(found.board, {m: slug(m) for m in methods}, GAP, MODEL, here)
