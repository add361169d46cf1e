"""Every method in the planes of both criteria: chosen on validation, measured on test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.comments import CommentSet
from fairtut.methods.reprogramming import collapsed
from fairtut.metrics import hypervolume, pareto_front
from fairtut.studies.reprogramming_text.cells import PARTS, Cell, Job, random_words, sweep
from fairtut.studies.reprogramming_text.crowd import RESAMPLES, Crowd, Floats
from fairtut.studies.reprogramming_text.presets import METHODS, Preset

Bools = NDArray[np.bool_]
CUTS: Final = 41
"""Thresholds of the moved-threshold control, quantiles of BASE's validation margins."""
RIVALS: Final = (*METHODS, "random", "threshold")
"""Everything that has points in the plane beside BASE."""


class Board:
    """All decisions of a chapter's run.

    Parameters
    ----------
    tokens : CommentSet
    preset : Preset
    cells : mapping of Job to Cell
        From :func:`fairtut.studies.reprogramming_text.cells.play`.
    resamples : int
    """

    def __init__(
        self, tokens: CommentSet, preset: Preset, cells: Mapping[Job | int, Cell],
        resamples: int = RESAMPLES,
    ) -> None:  # fmt: skip
        self.preset, self.cells = preset, cells
        self.seeds = list(preset.run_seeds())
        self.crowd = {
            part: Crowd(tokens.part(part), resamples if part == "test" else 0) for part in PARTS
        }
        self._planes: dict[tuple[str, str, str], tuple[Floats, Floats]] = {}

    @property
    def n(self) -> int:
        """Test comments."""
        return self.crowd["test"].n

    def jobs(self, method: str, criterion: str, seed: int) -> list[Job | int]:
        """Return a method's settings for a seed, in their order."""
        if method == "base":
            return [seed]
        if method == "random":
            return [random_words(self.preset, seed)]
        return [*sweep(self.preset, method, criterion, seed)]

    def decided(self, method: str, criterion: str, part: str) -> Bools:
        """Return decisions, (settings, seeds, n)."""
        if method == "threshold":
            rows = []
            for seed in self.seeds:
                known, margin = (self.cells[seed].margin[p] for p in ("val", part))
                cuts = np.quantile(known, np.linspace(0, 1, CUTS))
                rows.append(margin[None] >= cuts[:, None])
        else:
            rows = [
                np.stack([self.cells[j].margin[part] for j in self.jobs(method, criterion, s)]) >= 0
                for s in self.seeds
            ]
        return np.stack(rows, 1)

    def plane(self, method: str, criterion: str, part: str) -> tuple[Floats, Floats]:
        """Return accuracy and bias, each (settings, seeds, 1 + R)."""
        key = (method, criterion, part)
        if key not in self._planes:
            y_hat, crowd = self.decided(*key), self.crowd[part]
            self._planes[key] = crowd.accuracy(y_hat), crowd.bias(y_hat, criterion)
        return self._planes[key]

    def floor(self, run: int) -> float:
        """Return the least validation accuracy that a choice may have, for one seed."""
        constant = float(self.crowd["val"].constant()[0])
        best = float(self.plane("base", "dp", "val")[0][0, run, 0])
        return constant + self.preset.keep * max(best - constant, 0.0)

    def chosen(self, method: str, criterion: str, floor: bool = True) -> NDArray[np.int64]:
        """Return the setting of each seed: the least validation bias above the accuracy floor.

        Where no setting reaches the floor, the most accurate one.  ``floor=False`` is selection by
        bias alone, as released: it likes the constant classifier.
        """
        accuracy, bias = (v[..., 0] for v in self.plane(method, criterion, "val"))
        picks = []
        for run in range(len(self.seeds)):
            allowed = accuracy[:, run] >= (self.floor(run) if floor else -1.0)
            least = np.where(allowed, bias[:, run], np.inf)
            picks.append(int(least.argmin() if allowed.any() else accuracy[:, run].argmax()))
        return np.array(picks)

    def at(self, method: str, criterion: str, picks: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return test accuracy and bias of one setting per seed, each (seeds, 1 + R)."""
        runs = np.arange(len(self.seeds))
        accuracy, bias = self.plane(method, criterion, "test")
        return accuracy[picks, runs], bias[picks, runs]

    def base(self, criterion: str) -> tuple[Floats, Floats]:
        """Return test accuracy and bias of BASE, each (seeds, 1 + R)."""
        accuracy, bias = self.plane("base", criterion, "test")
        return accuracy[0], bias[0]

    def area(self, method: str, criterion: str) -> Floats:
        """Return the number of a method's front, (seeds, 1 + R).

        The hypervolume above (the constant's accuracy, BASE's bias), divided by that bias: the
        accuracy gained over the constant, averaged over limits on the bias from 0 to BASE's.
        """
        constant, worst = self.crowd["test"].constant(), self.base(criterion)[1][:, 0]
        known, (accuracy, bias) = (self.plane(method, criterion, p) for p in PARTS)
        out = []
        for run, limit in enumerate(worst):
            seen = np.column_stack([v[:, run, 0] for v in known])
            front = pareto_front(seen, larger_is_fairer=False)
            points = np.stack([accuracy[front, run], bias[front, run]], 1)  # (f, 2, 1 + R)
            out.append([
                _area(points[..., r], low, limit) for r, low in enumerate(constant)
            ])  # fmt: skip
        return np.array(out)

    def mixing(self, criterion: str) -> Floats:
        """Return the number of the mixing line of BASE with the constant, (seeds, 1 + R)."""
        accuracy, bias = self.base(criterion)
        gain, worst = np.maximum(accuracy - self.crowd["test"].constant(), 0), bias[:, :1]
        with np.errstate(invalid="ignore", divide="ignore"):
            # the line is straight: a triangle, and beside it all of the gain
            part = np.where(bias <= worst, 1 - bias / (2 * worst), worst / (2 * bias))
        mixed: Floats = gain * part
        return mixed

    def mixed(self, criterion: str, accuracy: Floats) -> Floats:
        """Return the bias of the mixing line at an accuracy (seeds, 1 + R)."""
        best, bias = self.base(criterion)
        constant = self.crowd["test"].constant()
        with np.errstate(invalid="ignore", divide="ignore"):  # BASE no better than the constant
            share = (accuracy - constant) / (best - constant)
        return np.clip(np.nan_to_num(share, nan=1.0), 0, 1) * bias

    def collapses(self, method: str, criterion: str) -> Bools:
        """Return which settings give (nearly) everybody one answer on test, (settings, seeds)."""
        y_hat = self.decided(method, criterion, "test").astype(np.int64)
        found: Bools = np.array([[collapsed(d) is not None for d in row] for row in y_hat])
        return found


def _area(points: Floats, low: float, worst: float) -> float:
    if not worst > 0 or np.isnan(points).any():
        return float("nan")
    return hypervolume(points, (low, worst), larger_is_fairer=False) / worst


Measured = dict[str, dict[str, Any]]


def measures(board: Board) -> Measured:
    """Return the measurements of the trade-off: fronts, chosen settings, controls."""
    crowd = board.crowd["test"]
    found: dict[str, Floats] = {"base.accuracy": board.base("dp")[0]}
    found["base.over-constant"] = found["base.accuracy"] - crowd.constant()
    for c in ("dp", "eo"):
        accuracy, bias = board.base(c)
        found[f"base.{c}"] = bias
        found[f"base.{c}.sum"] = crowd.bias(board.decided("base", c, "test")[0], c, "sum")
        areas = {method: board.area(method, c) for method in RIVALS}
        for method, number in areas.items():
            found[f"front.{c}.{method}"] = number
            found[f"front.{c}.{method}.vs-mixing"] = number - board.mixing(c)
            found |= _chosen(board, method, c)
        for method in METHODS:
            for control in ("threshold", "random"):
                found[f"front.{c}.{method}.vs-{control}"] = areas[method] - areas[control]
        for method in ("soft", "hard"):
            found[f"front.{c}.{method}.vs-advpost"] = areas[method] - areas["advpost"]
            found[f"front.{c}.{method}.vs-advin-plus-1"] = areas[method] - areas["advin"] + 0.01
        found[f"front.{c}.mixing"] = board.mixing(c)
        random = board.plane("random", c, "test")
        found[f"random.{c}.change"] = random[1][0] - bias
        found[f"random.{c}.cost"] = random[0][0] - accuracy
    return {key: crowd.entry(draws) for key, draws in found.items()} | _choices(board)


def _chosen(board: Board, method: str, c: str) -> dict[str, Floats]:
    """Return the chosen setting of a method on test, and λ = 0 where the grid has it."""
    first, (best, worst) = f"chosen.{c}.{method}", board.base(c)
    accuracy, bias = board.at(method, c, board.chosen(method, c))
    found = {
        f"{first}.accuracy": accuracy, f"{first}.bias": bias,
        f"{first}.change": bias - worst, f"{first}.cost": accuracy - best,
        f"{first}.over-constant": accuracy - board.crowd["test"].constant(),
        f"{first}.vs-mixing": bias - board.mixed(c, accuracy),
    }  # fmt: skip
    lams = board.preset.lams.get(method, ())
    if lams and lams[0] == 0:
        zero = board.at(method, c, np.zeros(len(board.seeds), int))
        found[f"lambda0.{c}.{method}.change"] = zero[1] - worst
        found[f"lambda0.{c}.{method}.cost"] = zero[0] - best
        found[f"{first}.vs-lambda0"] = bias - zero[1]
    return found


def _choices(board: Board) -> Measured:
    """Return what was chosen, what collapsed, and how far the triggers moved; values per seed."""
    found: Measured = {}

    def put(key: str, values: Any, unit: str) -> None:
        found[key] = {"values": np.asarray(values, float).tolist(), "n": board.n, "unit": unit}

    for c in ("dp", "eo"):
        for method in METHODS:
            lams = np.array(board.preset.lams[method])
            put(f"chosen.{c}.{method}.lambda", lams[board.chosen(method, c)], "ratio")
            fallen = board.collapses(method, c)
            put(f"collapse.{c}.{method}", fallen.mean(0), "fraction")
            blind = board.chosen(method, c, floor=False)
            put(f"audit.selection.{c}.{method}", fallen[blind, np.arange(len(blind))], "fraction")
            for i, lam in enumerate(lams):
                lasts = [board.cells[board.jobs(method, c, s)[i]].last for s in board.seeds]
                for key in ("movement", "norm_y", "norm_z"):
                    name = f"train.{c}.{method}.lambda{lam:g}.{key.replace('_', '-')}"
                    put(name, [last[key] for last in lasts], "ratio")
    # the mean over methods and criteria of how often bias alone picks a constant answer
    each = [v["values"] for k, v in found.items() if k.startswith("audit.selection.")]
    put("audit.selection.collapsed", np.mean(each, axis=0), "fraction")
    return found


def table(board: Board, names: Mapping[str, str], criterion: str) -> list[dict[str, Any]]:
    """Return every setting of every method with intervals over comments, for the trade-off.

    Parameters
    ----------
    board : Board
    names : mapping of str to str
        Method → name in the legend.
    criterion : str
    """
    rows, crowd = [], board.crowd["test"]
    for method, label in names.items():
        accuracy, bias = board.plane(method, criterion, "test")
        for i in range(len(accuracy)):
            row: dict[str, Any] = {"method": label, "setting": i}
            for column, draws in (("accuracy", accuracy[i]), ("bias", bias[i])):
                e = crowd.interval(draws)
                row |= {column: e.value, f"{column}_low": e.low, f"{column}_high": e.high}
            rows.append(row)
    return rows
