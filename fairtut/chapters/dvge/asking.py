"""Does DVGE beat what costs nothing?  Five questions of :mod:`fairtut.lab.asked`."""

from __future__ import annotations

from fairtut.chapters.dvge.measures import GAPS, Scores
from fairtut.lab.asked import asked
from fairtut.metrics.entry import Entry


def beaten(scores: Scores, name: str) -> dict[str, Entry]:
    """Ask about DVGE on the plain encoder, for each gap; noise is noise on the codes.

    Parameters
    ----------
    scores : Scores
    name : str
        The setting as the claims call it, such as ``celeba-male-oval``.
    """
    rivals = {control: control for control in ("threshold", "groups", "noise")}
    found: dict[str, Entry] = {}
    for gap in GAPS:
        found |= asked(
            scores, f"{name}.n.{gap}", "dvge-n", gap, "plain-n", rivals,
            worst=scores.reference("n", gap), among=scores.board.chosen(),
        )  # fmt: skip
    return found
