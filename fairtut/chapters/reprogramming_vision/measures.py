"""From decisions to measurements: curves, controls and comparisons at an equal price.

All intervals are bootstraps over the test people of the *mean over seeds*
(:class:`~fairtut.metrics.panels.Panel`); the values of the seeds stand beside them.  Ids:

* ``<method>.<criterion>.lam<λ>.<what>``: ``acc``, ``dp``, ``eo``, ``positive``.
* ``<method>.<criterion>.cost<c>.<what>``: the λ that validation picked at that price; ``acc``,
  ``bias``, ``change`` against BASE's bias, and ``vs-mixing``, ``vs-threshold``, ``vs-random``,
  ``vs-lam0``, ``vs-advin``, ``vs-advpost``: bias minus the other's at the same accuracy
  (:meth:`Measured.matched`).
* ``fig3.<criterion>.<method>.<i>.<what>``: our curve at the price of the i-th published point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.reprogramming_vision.presets import CRITERIA, RETRAINED, TRIGGERS
from fairtut.chapters.reprogramming_vision.protocol import GAPS, Board, Result
from fairtut.chapters.reprogramming_vision.published import POINTS, READING, mixing
from fairtut.lab.controls import matched_gap, moved
from fairtut.lab.plane import Plane
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

Draws = NDArray[np.float64]

ROUNDING: Final = 0.005
"""Half a point: what "the same accuracy" means where a published price is compared."""

POINT: Final = 0.01

CUTS: Final = 201
"""Thresholds that the moved-threshold control tries beside the deployed one."""

NOBODY: Final = "no setting of ours keeps the accuracy on validation without collapsing"


class Measured:
    """A board's test people as a panel, and what is asked of its decisions.

    Parameters
    ----------
    board : Board
    n_resamples : int
    """

    def __init__(self, board: Board, n_resamples: int = 1000) -> None:
        self.board = board
        self.panel = Panel(board.y["test"], board.s["test"], n_resamples=n_resamples)
        self.base = self.of(board.base)

    def of(self, results: Sequence[Result]) -> dict[str, Draws]:
        """Return acc, dp and eo of several seeds, each (seeds, 1 + R)."""
        return self.rates(self.board.decisions(results))

    def rates(self, y_hat: NDArray[np.bool_]) -> dict[str, Draws]:
        """Return acc, dp, eo and positive rate of decisions (..., n), each (..., 1 + R)."""
        panel = self.panel
        return {
            "acc": panel.accuracy(y_hat),
            **{name: gap(panel, y_hat) for name, gap in GAPS.items()},
            "positive": panel.mean(y_hat),
        }

    def matched(
        self, criterion: str, accuracy: Draws, rival: Mapping[str, Draws] | None = None
    ) -> Draws:
        """Return the bias of a rival at another accuracy, (seeds, 1 + R).

        See :func:`fairtut.lab.controls.matched_gap`; without a rival, BASE's *mixing line*.
        """
        other = None if rival is None else Plane(rival["acc"], rival[criterion])
        model = Plane(self.base["acc"], self.base[criterion])
        return matched_gap(accuracy, self.panel.constant(), model, other)

    def moved(self, criterion: str, accuracies: Sequence[float]) -> dict[str, Draws]:
        """Return acc, dp and eo of BASE at another threshold, each (seeds, 1 + R).

        The threshold of each seed is the least biased on validation people that is there at least
        as accurate as the given number.
        """
        known, found = (np.stack([b.margin[p] for b in self.board.base]) for p in ("val", "test"))
        people = self.board.people("val")
        return self.rates(moved(known, found, people, GAPS[criterion], accuracies, CUTS))


def table(board: Board, costs: Sequence[float], n_resamples: int = 1000) -> dict[str, Entry]:
    """Return all measurements of the trade-off.

    Parameters
    ----------
    board : Board
    costs : sequence of float
        Losses of validation accuracy at which methods are compared.
    n_resamples : int
    """
    m = Measured(board, n_resamples)
    found: dict[str, Entry] = {}
    for name in ("base", *(f"random-{t}" for t in TRIGGERS)):
        rates = m.of(board.several(name))
        found |= _entries(m, name, rates)
        if name != "base":
            found[f"{name}.eo-vs-mixing"] = _of(m, rates["eo"] - m.matched("eo", rates["acc"]))
    y_hat = board.decisions(board.base)
    found["base.dp-signed"] = _of(m, m.panel.signed_gap(y_hat))
    found["base.tpr-gap"] = _of(m, m.panel.signed_gap(y_hat, 1))
    found["base.acc-over-constant"] = _of(m, m.base["acc"] - m.panel.constant())
    for (method, criterion, lam), several in board.results.items():
        name = f"{method}.{criterion}.lam{lam:g}"
        found |= {f"{name}.{what}": _of(m, draws) for what, draws in m.of(several).items()}
    for criterion in CRITERIA:
        for method in (*TRIGGERS, *RETRAINED):
            for cost in costs:
                found |= _picked(m, method, criterion, cost)
            found |= _published(m, method, criterion)
            points = POINTS[criterion][method]
            below = [bias < mixing(criterion, accuracy) - READING for accuracy, bias in points]
            found[f"published.{criterion}.{method}.below-mixing"] = Entry(
                [float(sum(below))], len(points), "count"
            )
    return found


def _of(m: Measured, draws: Draws) -> Entry:
    return m.panel.measurement(draws)


def _entries(m: Measured, name: str, rates: Mapping[str, Draws]) -> dict[str, Entry]:
    """Scores under one name, gaps in both of the paper's units."""
    found = {f"{name}.{what}": _of(m, draws) for what, draws in rates.items()}
    found |= {f"{name}.{what}-half": _of(m, rates[what] / 2) for what in ("dp", "eo")}
    return found


def _picked(m: Measured, method: str, criterion: str, cost: float) -> dict[str, Entry]:
    """The λ that validation picks at a price, against every control and baseline."""
    name = f"{method}.{criterion}.cost{cost:g}"
    compared = ["change", "vs-mixing", "vs-threshold"]
    compared += [f"vs-{rival}" for rival in RETRAINED if rival != method]
    compared += ["vs-random"] if method in TRIGGERS else []
    compared += ["vs-lam0"] if method == "border" else []
    lam = m.board.pick(method, criterion, cost)
    if lam is None:
        names = ["acc", "bias", *compared]
        return {f"{name}.{what}": _missing(m, NOBODY) for what in names}
    several = m.board.results[method, criterion, lam]
    rates = m.of(several)
    bias = rates[criterion]
    found = {f"{name}.acc": _of(m, rates["acc"]), f"{name}.bias": _of(m, bias)}
    rivals: dict[str, Sequence[Result] | None] = {
        f"vs-{rival}": _pick(m.board, rival, criterion, cost) for rival in RETRAINED
    }
    rivals |= {
        "vs-random": m.board.random.get(method),
        "vs-lam0": m.board.results.get((method, criterion, 0.0)),
    }
    for what in compared:
        if what == "change":
            other: Draws | None = m.base[criterion]
        elif what == "vs-mixing":
            other = m.matched(criterion, rates["acc"])
        elif what == "vs-threshold":
            other = m.moved(criterion, _reached(m.board, several))[criterion]
        else:
            rival = rivals[what]
            met = None if rival is None else m.of(rival)
            other = None if met is None else m.matched(criterion, rates["acc"], met)
        found[f"{name}.{what}"] = _missing(m, NOBODY) if other is None else _of(m, bias - other)
        if what == "vs-advin" and other is not None:  # not inferior by more than a point
            found[f"{name}.vs-advin-less-1"] = _of(m, bias - other - POINT)
        if what == "vs-advpost" and other is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                relative = _of(m, bias / np.where(other > 0, other, np.nan) - 1)
            found[f"{name}.relative"] = replace(relative, unit="ratio")
    return found


def _pick(board: Board, method: str, criterion: str, cost: float) -> Sequence[Result] | None:
    lam = board.pick(method, criterion, cost)
    return None if lam is None else board.results[method, criterion, lam]


def _reached(board: Board, several: Sequence[Result]) -> list[float]:
    return [board.scores([one], "val")["accuracy"] for one in several]


def _missing(m: Measured, why: str) -> Entry:
    return Entry([None], m.panel.n, "fraction", why)


def _published(m: Measured, method: str, criterion: str) -> dict[str, Entry]:
    """Our curve where it costs as much accuracy as each published point does."""
    top, _ = POINTS[criterion]["base"][0]
    found: dict[str, Entry] = {}
    for i, (accuracy, _) in enumerate(POINTS[criterion][method], 1):
        name = f"fig3.{criterion}.{method}.{i}"
        lam = m.board.pick(method, criterion, top - accuracy + ROUNDING)
        if lam is None:
            found |= {f"{name}.{what}": _missing(m, NOBODY) for what in ("bias", "change")}
            continue
        bias = m.of(m.board.results[method, criterion, lam])[criterion]
        # the plotted demographic parity is half the difference of acceptance rates
        shown = bias / 2 if criterion == "dp" else bias
        found[f"{name}.bias"] = _of(m, shown)
        found[f"{name}.change"] = _of(m, bias - m.base[criterion])
    return found
