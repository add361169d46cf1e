"""Several targets in one record: each is measured like the first, its names begin with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import torch

from fairtut.chapters.comparison import side
from fairtut.chapters.comparison.measures import answers, measures, played, slug
from fairtut.chapters.comparison.methods import COSTS, contestants, everybody
from fairtut.chapters.comparison.presets import Preset
from fairtut.chapters.comparison.protocol import compete, task_of
from fairtut.evidence.recording import Record
from fairtut.metrics import Estimate
from fairtut.metrics.entry import Entry

TOLD: Final = "accuracy", "deo", "number"
"""What is measured of each method on a further target, beside its answers."""


@dataclass(frozen=True)
class OnTarget:
    """A record as if it were about one of its targets alone.

    Attributes
    ----------
    record : Record
    target : str
        The attribute that is predicted; one of :func:`targets_of`.
    """

    record: Record
    target: str

    def _full(self, id: str) -> str:
        return id if self.target == _first(self.record) else f"{slug(self.target)}.{id}"

    def __contains__(self, id: str) -> bool:
        """Return whether it was measured on this target."""
        return self._full(id) in self.record

    def estimate(self, id: str) -> Estimate:
        """Return the mean over trainings and the interval over people."""
        return self.record.estimate(self._full(id))

    def standard(self, id: str) -> Estimate:
        """Return the mean over trainings and the interval over people and trainings."""
        return self.record.standard(self._full(id))


def _first(record: Record) -> str:
    return str(record.config["target"])


def targets_of(record: Record) -> list[str]:
    """Return the targets that a record is about, the first of them the one without a prefix."""
    return [_first(record), *map(str, record.config.get("further", ()))]


def further(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> dict[str, Entry]:
    """Do everything once more on each further target, and return what is told of it.

    Parameters
    ----------
    preset : Preset
    data, seed
        As in the chapter's parameters cell.
    device : torch.device or str

    Returns
    -------
    dict of str to Entry
        ``<target>.<method>.<measure>`` for the measures of :data:`TOLD`,
        ``<target>.beats.<method>.<control>`` for the controls of ``side.ABOUT``, and
        ``<target>.constant.accuracy``.
    """
    entries: dict[str, Entry] = {}
    for target in preset.further:
        own = preset.by_target()[target]
        task = task_of(own, data, seed, device)
        found = played(task, compete(task, own, everybody(own)), own.cost)
        told = {k: e for k, e in measures(found).items() if k.rpartition(".")[2] in TOLD}
        told = {k: e for k, e in told.items() if ".truth." not in k}
        asked = answers(found, [m.name for m in contestants(own)])
        told |= {k: e for k, e in asked.items() if k.rpartition(".")[2] in side.ABOUT}
        entries |= {f"{slug(target)}.{k}": e for k, e in told.items()}
    return entries


# --- what the targets say together --------------------------------------------------------------

TOGETHER: Final = (
    "On photographs {methods} methods were asked on each of {targets} targets. Of these {pairs} "
    "answers {mixing} are *yes* about a coin, {threshold} about a moved threshold, {groups} about "
    "a threshold for each group, and {clean} about clean labels used plainly. {every}"
)
NOBODY: Final = "No method is known to beat a coin, a threshold and clean labels on every target."


def together(record: Record) -> dict[str, Any]:
    """Return what :data:`TOGETHER` is filled with, from a record of several targets."""
    views = [OnTarget(record, target) for target in targets_of(record)]
    methods = side.taking_part(views[0])
    counts = {
        control: sum(side.word(v, m, control) == "yes" for v in views for m in methods)
        for control in side.ABOUT
    }
    every = [m for m in methods if all(side.beats_all(v, m) for v in views)]
    said = f"Known to beat all three on every target: {', '.join(every)}." if every else NOBODY
    pairs = len(views) * len(methods)
    return {"targets": len(views), "methods": len(methods), "pairs": pairs, "every": said, **counts}


def words(records: Mapping[str, side.Told], control: str) -> pd.DataFrame:
    """Return a row per method: whether it beats a control, in a column per record.

    Parameters
    ----------
    records : mapping of str to Told
        Title of the column to what is read.
    control : str
        A name of :data:`fairtut.chapters.comparison.side.ASKED`.
    """
    methods = _methods(records.values())
    return pd.DataFrame(
        [
            {"method": m} | {title: side.word(r, m, control) for title, r in records.items()}
            for m in methods
        ]
    )


def agreement(one: side.Told, other: side.Told, controls: Sequence[str]) -> tuple[int, int, int]:
    """Return how many answers are the same word, how many say yes against no, and of how many.

    Methods that only one of the two asked about are left out.
    """
    methods = set(side.taking_part(one)) & set(side.taking_part(other))
    pairs = [(side.word(one, m, c), side.word(other, m, c)) for m in methods for c in controls]
    against = sum({a, b} == {"yes", "no"} for a, b in pairs)
    return sum(a == b for a, b in pairs), against, len(pairs)


def _methods(records: Iterable[side.Told]) -> Sequence[str]:
    part = {m for record in records for m in side.taking_part(record)}
    return [m for m in COSTS if m in part]


__all__ = [
    "TOGETHER", "TOLD", "OnTarget", "agreement", "further", "targets_of", "together",
    "words",
]  # fmt: skip
