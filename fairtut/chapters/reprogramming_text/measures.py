"""Every method in the planes of both criteria: chosen on validation, measured on test."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.chapters.reprogramming_text.crowd import RESAMPLES, Crowd, Floats
from fairtut.chapters.reprogramming_text.presets import CRITERIA, METHODS, TRIGGERS, Preset
from fairtut.chapters.reprogramming_text.protocol import PARTS, Cell, Job, random_words, sweep
from fairtut.data.comments import CommentSet
from fairtut.lab import board as lab
from fairtut.lab.controls import mixed_gap, swept
from fairtut.lab.pairs import paired
from fairtut.lab.plane import Plane
from fairtut.methods.reprogramming import collapsed
from fairtut.metrics.entry import Entry

Bools = NDArray[np.bool_]
CUTS: Final = 41
"""Thresholds of the moved-threshold control, quantiles of BASE's validation margins."""
RIVALS: Final = (*METHODS, "random", "threshold")
"""Everything that has points in the plane beside BASE."""


class Board(lab.Board):
    """All decisions of a chapter's run.

    Parameters
    ----------
    tokens : CommentSet
    preset : Preset
    cells : mapping of Job to Cell
        From :func:`fairtut.chapters.reprogramming_text.protocol.play`.
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
        found: dict[Any, lab.Decisions] = {
            (method, c): {part: m >= 0 for part, m in self._margins(method, c).items()}
            for method in ("base", "random", *METHODS) for c in CRITERIA
        }  # fmt: skip
        plain = {part: m[0] for part, m in self._margins("base", "dp").items()}
        found["threshold"] = swept(plain, CUTS, at=True)
        # groups overlap, so the two thresholds are for comments that name one and for all others
        named = {part: of.members.any(1).astype(int) for part, of in self.crowd.items()}
        gaps = {c: partial(_bias, c) for c in CRITERIA}
        for c, gap in gaps.items():
            found["groups", c] = paired(plain, self.crowd["val"], named, gap)
        super().__init__(self.crowd, found, gaps)

    def jobs(self, method: str, criterion: str, seed: int) -> list[Job | int]:
        """Return a method's settings for a seed, in their order."""
        if method == "base":
            return [seed]
        if method == "random":
            return [random_words(self.preset, seed)]
        return [*sweep(self.preset, method, criterion, seed)]

    def _margins(self, method: str, criterion: str) -> dict[str, Floats]:
        """Return margins by part, (settings, seeds, n)."""
        jobs = [self.jobs(method, criterion, seed) for seed in self.seeds]
        return {
            part: np.stack(
                [np.stack([self.cells[job].margin[part] for job in row]) for row in jobs], 1
            )
            for part in PARTS
        }

    def floor(self, run: int) -> float:
        """Return the least validation accuracy that a choice may have, for one seed."""
        constant = float(self.constant("val")[0, 0])
        best = float(self.plane("base", "dp", "val").accuracy[0, run, 0])
        return constant + self.preset.keep * max(best - constant, 0.0)

    def chosen(self, method: str, criterion: str, floor: bool = True) -> NDArray[np.int64]:
        """Return the setting of each seed: the least validation bias above the accuracy floor.

        Where no setting reaches the floor, the most accurate one.  ``floor=False`` is selection by
        bias alone, as released: it likes the constant classifier.
        """
        floors = [self.floor(run) if floor else -np.inf for run in range(self.runs)]
        return np.array([one.index for one in self.choose(method, criterion, floors)])

    def at(self, method: str, criterion: str, picks: NDArray[np.int64]) -> Plane:
        """Return test accuracy and bias of one setting per seed, each (seeds, 1 + R)."""
        return self.plane(method, criterion, "test").at(picks)

    def base(self, criterion: str) -> Plane:
        """Return test accuracy and bias of BASE, each (seeds, 1 + R)."""
        return self.at("base", criterion, np.zeros(self.runs, int))

    def area(self, method: str, criterion: str) -> Floats:
        """Return the number of a method's front above BASE's bias, (seeds, 1 + R)."""
        return self.front(method, criterion, self.base(criterion).gap[:, 0])

    def mixing(self, criterion: str) -> Floats:
        """Return the number of the mixing line of BASE with the constant, (seeds, 1 + R)."""
        return self.line("base", criterion, self.base(criterion).gap[:, 0])

    def mixed(self, criterion: str, accuracy: Floats) -> Floats:
        """Return the bias of the mixing line at an accuracy (seeds, 1 + R)."""
        return mixed_gap(accuracy, self.constant(), self.base(criterion))

    def collapses(self, method: str, criterion: str) -> Bools:
        """Return which settings give (nearly) everybody one answer on test, (settings, seeds)."""
        y_hat = self.decided(method, criterion, "test").astype(np.int64)
        found: Bools = np.array([[collapsed(d) is not None for d in row] for row in y_hat])
        return found


def _bias(criterion: str, crowd: Any, y_hat: ArrayLike) -> Floats:
    found: Floats = crowd.bias(y_hat, criterion)
    return found


Measured = dict[str, Entry]


def measures(board: Board) -> Measured:
    """Return the measurements of the trade-off: fronts, chosen settings, controls."""
    crowd = board.crowd["test"]
    found: dict[str, Floats] = {"base.accuracy": board.base("dp")[0]}
    found["base.over-constant"] = found["base.accuracy"] - crowd.constant()
    for c in CRITERIA:
        bias = board.base(c).gap
        found[f"base.{c}"] = bias
        found[f"base.{c}.sum"] = crowd.bias(board.decided("base", c, "test")[0], c, "sum")
        areas = {method: board.area(method, c) for method in RIVALS} | {"mixing": board.mixing(c)}
        found |= {f"front.{c}.{name}": number for name, number in areas.items()}
        for method in METHODS:
            for control in ("mixing", "threshold", "random"):
                found[f"front.{c}.{method}.vs-{control}"] = areas[method] - areas[control]
            found |= _chosen(board, method, c)
        for method in TRIGGERS:
            found[f"front.{c}.{method}.vs-advpost"] = areas[method] - areas["advpost"]
            found[f"front.{c}.{method}.vs-advin-plus-1"] = areas[method] - areas["advin"] + 0.01
        found[f"random.{c}.change"] = board.plane("random", c, "test").gap[0] - bias
    return {key: crowd.entry(draws) for key, draws in found.items()} | _choices(board)


def _chosen(board: Board, method: str, c: str) -> dict[str, Floats]:
    """Return the chosen setting of a method on test, and λ = 0 where the grid has it."""
    first, worst = f"chosen.{c}.{method}", board.base(c).gap
    accuracy, bias = board.at(method, c, board.chosen(method, c))
    found = {
        f"{first}.change": bias - worst,
        f"{first}.over-constant": accuracy - board.crowd["test"].constant(),
        f"{first}.vs-mixing": bias - board.mixed(c, accuracy),
    }
    lams = board.preset.lams.get(method, ())
    if lams and lams[0] == 0:
        zero = board.at(method, c, np.zeros(len(board.seeds), int)).gap
        found[f"lambda0.{c}.{method}.change"] = zero - worst
        found[f"{first}.vs-lambda0"] = bias - zero
    return found


def _choices(board: Board) -> Measured:
    """Return what was chosen, what collapsed, and how far the triggers moved; values per seed."""
    found: Measured = {}

    def put(key: str, values: Any, unit: str) -> None:
        found[key] = Entry(np.asarray(values, float).tolist(), board.n, unit)

    for c in CRITERIA:
        for method in METHODS:
            lams = np.array(board.preset.lams[method])
            put(f"chosen.{c}.{method}.lambda", lams[board.chosen(method, c)], "ratio")
            fallen = board.collapses(method, c)
            put(f"collapse.{c}.{method}", fallen.mean(0), "fraction")
            blind = board.chosen(method, c, floor=False)
            put(f"audit.selection.{c}.{method}", fallen[blind, np.arange(len(blind))], "fraction")
            for i, lam in enumerate(lams if method in TRIGGERS else ()):
                lasts = [board.cells[board.jobs(method, c, s)[i]].last for s in board.seeds]
                for key in ("movement", "norm_y", "norm_z"):
                    name = f"train.{c}.{method}.lambda{lam:g}.{key.replace('_', '-')}"
                    put(name, [last[key] for last in lasts], "ratio")
    # the mean over methods and criteria of how often bias alone picks a constant answer
    each = [v.values for k, v in found.items() if k.startswith("audit.selection.")]
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
    rows: list[dict[str, Any]] = []
    for method, label in names.items():
        every = range(len(board.plane(method, criterion, "test").gap))
        for point in board.points(method, criterion, every):
            row = {column.replace("gap", "bias"): value for column, value in point.items()}
            rows.append({"method": label, **row})
    return rows
