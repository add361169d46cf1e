r"""Fronts chosen on validation and measured on test, and one number for each.

The number is the hypervolume above a reference (accuracy of the constant classifier, gap of the
unmitigated g), divided by that gap: the accuracy gained over the constant, averaged over limits on
the gap between 0 and what doing nothing gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.metrics import hypervolume, pareto_front
from fairtut.metrics.panels import Panel
from fairtut.studies.dvge.board import Board

Floats = NDArray[np.float64]
GAPS: Final = ("dp", "eo")
"""Demographic parity, and equal opportunity: the gap of true-positive rates."""
RESAMPLES: Final = 300
LIMIT: Final = 0.5  # of the plain model's gap, where DVGE is compared with the constant

Entry = dict[str, Any]


@dataclass(frozen=True)
class Plane:
    """Accuracy and gap of every setting of one method, for one run.

    ``accuracy`` and ``gap`` are (settings, 1 + resamples): the value, then its resamples.
    """

    accuracy: Floats
    gap: Floats


class Scores:
    """Every method of a board in the planes of its two gaps, on validation and on test.

    Parameters
    ----------
    board : Board
    resamples : int
        Of the test people; 0 where every run has people of its own.
    """

    def __init__(self, board: Board, resamples: int = RESAMPLES) -> None:
        self.board = board
        self.shared = board.y["test"].ndim == 1
        self.resamples = resamples if self.shared else 0
        self.runs = board.decisions["plain-n"]["test"].shape[1]
        self._panels = {
            part: [
                Panel(y, s, n_resamples=self.resamples if part == "test" else 0)
                for y, s in zip(*self._people(part), strict=True)
            ]
            for part in ("val", "test")
        }
        self._planes: dict[tuple[str, str, str], list[Plane]] = {}

    def _people(self, part: str) -> tuple[Any, Any]:
        y, s = self.board.y[part], self.board.s[part]
        return (y[None], s[None]) if self.shared else (y, s)

    def panel(self, part: str, run: int) -> Panel:
        """Return the people of a run."""
        return self._panels[part][0 if self.shared else run]

    @property
    def n(self) -> int:
        """Test people of a run."""
        return int(self.board.y["test"].shape[-1])

    def planes(self, method: str, part: str, gap: str) -> list[Plane]:
        """Return the plane of each run."""
        key = (method, part, gap)
        if key not in self._planes:
            decided = self.board.decisions[method][part]
            self._planes[key] = [
                _plane(self.panel(part, run), decided[:, run], gap) for run in range(self.runs)
            ]
        return self._planes[key]

    def constant(self, run: int) -> Floats:
        """Return the accuracy of the constant classifier on test, (1 + resamples,)."""
        panel = self.panel("test", run)
        positives = panel.mean(panel.y)
        return np.maximum(positives, 1 - positives)

    def reference(self, encoder: str, gap: str, run: int) -> float:
        """Return the gap of the unmitigated g on test: the mean over runs that share people."""
        gaps = [plane.gap[0, 0] for plane in self.planes(f"plain-{encoder}", "test", gap)]
        return float(np.mean(gaps)) if self.shared else float(gaps[run])

    def area(
        self, method: str, encoder: str, gap: str, pick: Any = None, on: str = "val"
    ) -> Floats:
        """Return the number of a method's front, (runs, 1 + resamples).

        Parameters
        ----------
        method, gap : str
        encoder : str
            ``n`` or ``d``: whose unmitigated g is the reference.
        pick : int array, optional
            Which settings take part; default all.
        on : {"val", "test"}
            The people that the front is chosen on; ``test`` is what one should not do.
        """
        out = []
        for run in range(self.runs):
            known = self.planes(method, on, gap)[run]
            plane = self.planes(method, "test", gap)[run]
            some = np.arange(len(known.gap)) if pick is None else np.asarray(pick)
            front = some[pareto_front(_points(known, some, 0), larger_is_fairer=False)]
            worst = self.reference(encoder, gap, run)
            out.append([
                _area(_points(plane, front, r), base, worst)
                for r, base in enumerate(self.constant(run))
            ])  # fmt: skip
        return np.array(out)

    def mixing(self, encoder: str, gap: str) -> Floats:
        """Return the number of the mixing line of the unmitigated g with the constant.

        The line is straight, so its area has a closed form.
        """
        out = []
        for run in range(self.runs):
            plane = self.planes(f"plain-{encoder}", "test", gap)[run]
            worst, gain = self.reference(encoder, gap, run), plane.accuracy[0] - self.constant(run)
            with np.errstate(invalid="ignore", divide="ignore"):
                part = np.where(
                    plane.gap[0] <= worst,
                    1 - plane.gap[0] / (2 * worst),  # a triangle, and beside it all of the gain
                    worst / (2 * plane.gap[0]),
                )
            out.append(np.maximum(gain, 0) * part)
        return np.array(out)

    def at_limit(self, encoder: str, gap: str) -> Floats:
        """Return DVGE's test accuracy over the constant, at half the plain gap on validation."""
        out = []
        for run in range(self.runs):
            known = self.planes(f"dvge-{encoder}", "val", gap)[run]
            limit = LIMIT * self.planes(f"plain-{encoder}", "val", gap)[run].gap[0, 0]
            allowed = known.gap[:, 0] <= limit
            best = np.argmax(np.where(allowed, known.accuracy[:, 0], -1.0))
            best = best if allowed.any() else np.argmin(known.gap[:, 0])
            plane = self.planes(f"dvge-{encoder}", "test", gap)[run]
            out.append(plane.accuracy[best] - self.constant(run))
        return np.array(out)

    def entry(self, draws: Floats) -> Entry:
        """Return a measurement from values and resamples, (runs, 1 + resamples)."""
        if self.shared:
            return self.panel("test", 0).measurement(draws)
        values = [None if np.isnan(value) else float(value) for value in draws[:, 0]]
        body: Entry = {"values": values, "n": self.n, "unit": "fraction"}
        if None in values:
            body["note"] = "a cell of the table is too small"
        return body | {"overlap": self.n / self.board.trained}


def _plane(panel: Panel, y_hat: NDArray[Any], gap: str) -> Plane:
    label = 1 if gap == "eo" else None
    return Plane(panel.accuracy(y_hat), np.abs(panel.signed_gap(y_hat, label)))


def _points(plane: Plane, which: NDArray[Any], r: int) -> Floats:
    return np.column_stack([plane.accuracy[which, r], plane.gap[which, r]])


def _area(points: Floats, base: float, worst: float) -> float:
    if not worst > 0 or np.isnan(points).any():
        return float("nan")
    return hypervolume(points, (base, worst), larger_is_fairer=False) / worst


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
                found[f"panel.{name}.{e}.{gap}.{rival}"] = ours - scores.area(method, e, gap)
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
        planes = {gap: scores.planes(f"dvge-{e}", "test", gap) for gap in GAPS}
        accuracy = [plane.accuracy for plane in planes["dp"]]
        for gap in GAPS:
            found[f"d4.{name}.{e}.eta1-{gap}"] = np.stack(
                [first @ plane.gap[along] for plane in planes[gap]]
            )
        found[f"d4.{name}.{e}.eta1-acc"] = np.stack([first @ a[along] for a in accuracy])
        found[f"d4.{name}.{e}.eta2-acc"] = np.stack([second @ a for a in accuracy])
    return found


def table(scores: Scores, names: Mapping[str, str], gap: str) -> list[dict[str, Any]]:
    """Return every point of every method with its intervals, for the trade-off figure.

    Parameters
    ----------
    scores : Scores
    names : mapping of str to str
        Method → name in the legend.
    gap : str
    """
    rows = []
    for method, label in names.items():
        planes = scores.planes(method, "test", gap)
        known = scores.planes(method, "val", gap)
        keep = scores.board.chosen() if method.startswith("dvge-") else range(len(known[0].gap))
        mean = Plane(*(np.mean([getattr(p, k) for p in known], 0) for k in ("accuracy", "gap")))
        front = np.asarray(keep)[pareto_front(_points(mean, np.asarray(keep), 0), False)]
        for i in front:
            row: dict[str, Any] = {"method": label, "setting": int(i)}
            for column, key in (("accuracy", "accuracy"), ("gap", "gap")):
                draws = np.stack([getattr(p, key)[i] for p in planes])
                e = scores.panel("test", 0).interval(draws) if scores.shared else None
                row[column] = float(np.nanmean(draws[:, 0]))
                if e is not None:
                    row |= {f"{column}_low": e.low, f"{column}_high": e.high}
            rows.append(row)
    return rows
