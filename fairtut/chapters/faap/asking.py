"""Does FAAP beat what costs nothing?  Five questions of :mod:`fairtut.lab.asked`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.faap.measures import prefix
from fairtut.chapters.faap.protocol import Cell, Task
from fairtut.data.images import ImageSet
from fairtut.lab.asked import asked
from fairtut.lab.board import Board, Decisions
from fairtut.lab.controls import swept
from fairtut.lab.pairs import paired
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

CUTS: Final = 41
"""Thresholds of the moved threshold's front."""


def beaten(images: ImageSet, cells: Sequence[Cell], headline: str) -> dict[str, Entry]:
    """Ask about FAAP on every deployed model of the headline target.

    Thresholds are chosen on validation people, and everything is measured on test people.

    Parameters
    ----------
    images : ImageSet
    cells : sequence of Cell
        The seeds of the target.
    headline : str
        The target, as :func:`fairtut.chapters.faap.measures.prefix` wants it.
    """
    task = Task(images, cells[0].target, 0)
    rows = task.evaluated().numpy()
    y, s = (v.cpu().numpy()[rows] for v in (task.y, task.s))
    parts = {part: images.split[rows] == part for part in ("val", "test")}
    people = {
        "val": Panel(y[parts["val"]], s[parts["val"]], n_resamples=0),
        "test": Panel(y[parts["test"]], s[parts["test"]]),
    }
    first, rivals = prefix(images, cells[0].target, headline), ("threshold", "groups", "noise")
    found: dict[str, Entry] = {}
    for kind in cells[0].patients:
        board = Board(people, _decisions(cells, kind, parts, people), {"deo": Panel.deo})
        found |= asked(board, f"{first}.{kind}", "faap", "deo", "plain", {r: r for r in rivals})
    return found


def _decisions(
    cells: Sequence[Cell], kind: str, parts: Mapping[str, NDArray[np.bool_]],
    people: Mapping[str, Panel],
) -> dict[str, Decisions]:  # fmt: skip
    """Return what one kind of model decides: as it is, with noise, with FAAP, and its controls."""
    margin = {
        version: {
            part: np.stack([c.patients[kind].margin[version][of] for c in cells])
            for part, of in parts.items()
        }
        for version in ("plain", "noise", "faap")
    }
    found: dict[str, Decisions] = {
        version: {part: m[None] > 0 for part, m in of.items()} for version, of in margin.items()
    }
    plain = margin["plain"]
    found["threshold"] = swept(plain, CUTS)
    groups = {part: of.s for part, of in people.items()}
    found["groups"] = dict(paired(plain, people["val"], groups, Panel.deo))
    return found
