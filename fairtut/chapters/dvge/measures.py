r"""Fronts chosen on validation and measured on test, and one number for each.

The number is that of :mod:`fairtut.lab.plane`, above the gap of the unmitigated g.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.chapters.dvge.protocol import Board
from fairtut.chapters.dvge.tasks import PARTS
from fairtut.lab import board as lab
from fairtut.lab.controls import Gap
from fairtut.lab.pairs import paired
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

Floats = NDArray[np.float64]
GAPS: Final[Mapping[str, Gap]] = {
    "dp": Panel.dp,
    "eo": lambda panel, y_hat: np.abs(panel.signed_gap(y_hat, 1)),
}
"""Demographic parity, and equal opportunity: the gap of true-positive rates."""
RESAMPLES: Final = 300
LIMIT: Final = 0.5  # of the plain model's gap, where DVGE is compared with the constant


class Scores(lab.Board):
    """Every method of a board in the planes of its two gaps, on validation and on test.

    Parameters
    ----------
    board : Board
    resamples : int
        Of the test people; 0 where every run has people of its own.
    """

    def __init__(self, board: Board, resamples: int = RESAMPLES) -> None:
        self.board = board
        people: dict[str, Panel | list[Panel]] = {}
        for part in PARTS:
            y, s = board.y[part], board.s[part]
            if y.ndim == 1:
                people[part] = Panel(y, s, n_resamples=resamples if part == "test" else 0)
            else:
                people[part] = [Panel(*one, n_resamples=0) for one in zip(y, s, strict=True)]
        decisions: dict[Any, lab.Decisions] = dict(board.decisions)
        if board.margin is not None:
            for name, gap in GAPS.items():
                decisions["groups", name] = paired(board.margin, people["val"], board.s, gap)
        super().__init__(people, decisions, GAPS)

    def reference(self, encoder: str, gap: str) -> Floats:
        """Return the gap of the unmitigated g on test, the mean over runs that share people."""
        gaps = self.plane(f"plain-{encoder}", gap, "test").gap[0, :, 0]
        return np.full(self.runs, gaps.mean()) if self.shared else gaps

    def area(
        self, method: str, encoder: str, gap: str, pick: ArrayLike | None = None, on: str = "val"
    ) -> Floats:
        """Return the number of a method's front, (runs, 1 + resamples).

        Parameters
        ----------
        method, gap, on
            As in :meth:`fairtut.lab.board.Board.front`.
        encoder : str
            ``n`` or ``d``: whose unmitigated g is the reference.
        pick : int array, optional
            Which settings take part; default all.
        """
        return self.front(method, gap, self.reference(encoder, gap), pick, on)

    def mixing(self, encoder: str, gap: str) -> Floats:
        """Return the number of the mixing line of the unmitigated g with the constant."""
        return self.line(f"plain-{encoder}", gap, self.reference(encoder, gap))

    def at_limit(self, encoder: str, gap: str) -> Floats:
        """Return DVGE's test accuracy over the constant, at half the plain gap on validation."""
        accuracy, away = (v[..., 0] for v in self.plane(f"dvge-{encoder}", gap, "val"))
        limits = LIMIT * self.plane(f"plain-{encoder}", gap, "val").gap[0, :, 0]
        picks = []
        for run, limit in enumerate(limits):
            allowed = away[:, run] <= limit
            best = np.where(allowed, accuracy[:, run], -1.0).argmax()
            picks.append(best if allowed.any() else away[:, run].argmin())
        return self.plane(f"dvge-{encoder}", gap, "test").at(picks).accuracy - self.constant()

    def entry(self, draws: ArrayLike) -> Entry:
        """Return a measurement from values and resamples, (runs, 1 + resamples)."""
        body = super().entry(draws)
        return body if self.shared else replace(body, overlap=self.n / self.board.trained)


def panels(scores: Scores, name: str) -> dict[str, Entry]:
    """Return the measurements of a setting's panels, messages and controls.

    Parameters
    ----------
    scores : Scores
    name : str
        The setting as the claims call it, such as ``celeba-male-oval``.
    """
    found: dict[str, Floats] = {}
    chosen = scores.board.chosen()
    for gap in GAPS:
        both = {}
        for e in ("d", "n"):
            ours = both[e] = scores.area(f"dvge-{e}", e, gap, chosen)
            for rival in ("adt", "ffvae", "fdvae", "removed"):
                method = f"removed-{e}" if rival == "removed" else rival
                theirs = scores.area(method, e, gap)
                found[f"panel.{name}.{e}.{gap}.{rival}"] = ours - theirs
                found[f"front.{name}.{e}.{gap}.{rival}"] = theirs
            found[f"front.{name}.{e}.{gap}.dvge"] = ours
            found[f"front.{name}.{e}.{gap}.whole-grid"] = scores.area(f"dvge-{e}", e, gap)
            found[f"front.{name}.{e}.{gap}.mixing"] = scores.mixing(e, gap)
            found[f"control.mixing.{name}.{e}.{gap}"] = ours - scores.mixing(e, gap)
            found[f"control.threshold.{name}.{e}.{gap}"] = ours - scores.area("threshold", e, gap)
            found[f"control.constant.{name}.{e}.{gap}"] = scores.at_limit(e, gap)
        # on one scale, that of the plain encoder's reference
        gain = scores.area("dvge-d", "n", gap, chosen) - both["n"]
        found[f"d3.{name}.{gap}.d-minus-n-plus-1"] = gain + 0.01
        found[f"d3.{name}.{gap}.n-minus-d-plus-1"] = 0.01 - gain
    found[f"audit.selection.{name}"] = np.mean([
        scores.area(f"dvge-{e}", e, gap, chosen, on="test")
        - scores.area(f"dvge-{e}", e, gap, chosen)
        for e in ("d", "n") for gap in GAPS
    ], axis=0)  # fmt: skip
    found |= slopes(scores, name)
    return {key: scores.entry(draws) for key, draws in found.items()}


def synthetic(found: Mapping[str, Entry], name: str, prefix: str) -> dict[str, Entry]:
    """Return the comparisons that claims on synthetic data wait for, under their names.

    Parameters
    ----------
    found : mapping of str to Entry
        From :func:`panels`.
    name, prefix : str
        The setting, and what the claims call the data: ``faces`` or ``applicants``.
    """
    out = {}
    for e in ("d", "n"):
        for gap in GAPS:
            out[f"{prefix}.{e}.{gap}.removed"] = found[f"panel.{name}.{e}.{gap}.removed"]
            out[f"{prefix}.{e}.{gap}.mixing"] = found[f"control.mixing.{name}.{e}.{gap}"]
    return out


def slopes(scores: Scores, name: str) -> dict[str, Floats]:
    """Return D4: least-squares slopes of gaps and accuracy on η1 and η2 over the grid."""
    sweep = scores.board.sweep
    eta1, eta2 = np.array([(a, b) for a in sweep.eta1 for b in sweep.eta2]).T
    along = eta2 == 0.0
    first = (eta1[along] - eta1[along].mean()) / np.square(eta1[along] - eta1[along].mean()).sum()
    # the slope on η2 with η1 held: each η1 has its own level
    second = (eta2 - eta2.mean()) / np.square(eta2 - eta2.mean()).sum()
    found = {}
    for e in ("d", "n"):
        for gap in GAPS:
            away = scores.plane(f"dvge-{e}", gap, "test").gap[along]  # (settings, runs, 1 + R)
            found[f"d4.{name}.{e}.eta1-{gap}"] = _slope(first, away)
        accuracy = scores.plane(f"dvge-{e}", "dp", "test").accuracy
        found[f"d4.{name}.{e}.eta1-acc"] = _slope(first, accuracy[along])
        found[f"d4.{name}.{e}.eta2-acc"] = _slope(second, accuracy)
    return found


def _slope(weights: Floats, values: Floats) -> Floats:
    return np.stack([weights @ np.ascontiguousarray(run) for run in values.swapaxes(0, 1)])


def table(scores: Scores, names: Mapping[str, str], gap: str) -> list[dict[str, Any]]:
    """Return every point of every method with its intervals, for the trade-off figure.

    Parameters
    ----------
    scores : Scores
    names : mapping of str to str
        Method → name in the legend.
    gap : str
    """
    rows: list[dict[str, Any]] = []
    for method, label in names.items():
        among = scores.board.chosen() if method.startswith("dvge-") else None
        front = scores.plane(method, gap, "val").front(among=among)
        rows += [{"method": label, **row} for row in scores.points(method, gap, front)]
    return rows
