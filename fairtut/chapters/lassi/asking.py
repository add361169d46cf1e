"""Does LASSI beat what costs nothing?  Five questions of :mod:`fairtut.lab.asked`.

They are asked about one share: people who are decided right *and* certified, because the constant
classifier is certified for everybody and right about few.  Three of the five have no meaning for a
certificate and say why; the untrained method is asked about in addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fairtut.chapters.lassi.measures import Floats, Table, at, constant, minus
from fairtut.lab.asked import answered, identifier, untested
from fairtut.metrics.entry import Entry

RIVALS: Final[Mapping[str, str]] = {"noise": "dataaug", "untrained": "naive"}
"""Augmentation with random similar people stands for noise; Naive trains without similarity."""

MEANINGLESS: Final[Mapping[str, str]] = {
    "mixing": "the share of a mixture is a mean of two shares, so one end of the line is best",
    "threshold": "a threshold moves before votes are counted, and no such model was certified",
    "groups": "everybody is compared with people similar to them, and nobody has a group",
}
"""Controls that ask nothing of a certificate, and why."""


def beaten(table: Table, prefix: str) -> dict[str, Entry]:
    """Ask about LASSI in every setting of a table.

    The rivals have their best noise for the share that is asked about, on validation images.

    Parameters
    ----------
    table : Table
    prefix : str
        As in :func:`fairtut.chapters.lassi.measures.measures`.
    """
    found: dict[str, Entry] = {}
    for setting in table.settings:
        if not table.of(setting, "lassi"):
            continue
        ours = _share(table, setting, "lassi")
        theirs = {"constant": table.draws(setting, "lassi", lambda c: c.y == constant(c.y_test))}
        for name, rival in RIVALS.items():
            if table.of(setting, rival):
                theirs[name] = _share(table, setting, rival, table.best(setting, rival, right=True))
        one = {
            name: answered(table.panel.measurement(minus(ours, draws)))
            for name, draws in theirs.items()
        }
        one |= {name: untested(table.panel.n, why) for name, why in MEANINGLESS.items()}
        found |= {identifier(f"{prefix}.{setting}", name): entry for name, entry in one.items()}
    return found


def _share(table: Table, setting: str, method: str, sigma: float | None = None) -> Floats:
    """Return the share of people who are right and certified, (seeds, 1 + resamples)."""
    pick = at(sigma)
    return table.draws(setting, method, lambda c: pick(c).right(c.y) & pick(c).fair)
