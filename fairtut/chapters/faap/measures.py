"""From cells to measurements: every number of the chapter's tables, with its interval.

All intervals are bootstraps over the evaluated people of the *mean over seeds*
(:class:`~fairtut.metrics.panels.Panel`): there are too few trained models for an interval over
seeds, so the values of the seeds are kept beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.faap.protocol import Cell, Task
from fairtut.data.images import ImageSet
from fairtut.lab.controls import mixed_gap, moved
from fairtut.lab.plane import Plane
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

POOLED: Final = ("Blond_Hair",)
"""Targets whose validation and test people are measured together: 44 blond men are too few."""

COST: Final[Mapping[str, float]] = {"Attractive": 0.05}
"""Accuracy that FAAP may cost, where it is not .03."""

CUTS: Final = 101
"""Thresholds that the moved-threshold control tries beside the deployed one."""

_LESS_FAIR: Final = 0.05  # "about as unfair" (C4) and "stays readable" (C5) mean within 5 points


class Measured:
    """The panel of one target's evaluated people, and its cells' decisions.

    Parameters
    ----------
    images : ImageSet
    cells : sequence of Cell
        The seeds of one target.
    """

    def __init__(self, images: ImageSet, cells: Sequence[Cell]) -> None:
        self.cells, self.target = cells, cells[0].target
        task = Task(images, self.target, 0)
        rows = task.evaluated().numpy()
        parts = ("val", "test") if self.target in POOLED else ("test",)
        self.keep = np.isin(images.split[rows], parts)
        y, s = (v.cpu().numpy()[rows][self.keep] for v in (task.y, task.s))
        self.panel = Panel(y, s)

    def margins(self, kind: str, version: str) -> NDArray[np.float32]:
        """Return margins of a model, (seeds, n)."""
        return np.stack([c.patients[kind].margin[version][self.keep] for c in self.cells])

    def decisions(self, kind: str, version: str = "plain") -> NDArray[np.bool_]:
        """Return decisions of a model, (seeds, n)."""
        return self.margins(kind, version) > 0

    def moved(self, kind: str, accuracy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return decisions of a model with a moved threshold, at an accuracy or more, (seeds, n).

        The threshold is chosen on the evaluated people themselves, per seed: an oracle.
        """
        margin = self.margins(kind, "plain")
        people = Panel(self.panel.y, self.panel.s, n_resamples=0)
        return moved(margin, margin, people, Panel.deo, accuracy[:, 0], CUTS)

    def right(self, kind: str, reader: str) -> NDArray[np.float64]:
        """Return the accuracy of a reader of the code, (seeds, 1 + R)."""
        return self.panel.mean(
            np.stack([c.patients[kind].right[reader][self.keep] for c in self.cells])
        )


def prefix(images: ImageSet, target: str, headline: str) -> str:
    """Return the first words of the measurement ids: ``celeba.smiling``, ``faces``."""
    name = {"Happy": "smiling"}.get(target, target.lower())
    if images.name not in ("celeba", "lfw"):
        return "faces" if target == headline else f"faces.{name}"
    return f"{images.name}.{name}"


def table(images: ImageSet, cells: Sequence[Cell], headline: str = "") -> dict[str, Entry]:
    """Return the measurements of one target: the table, the controls and the probes."""
    m = Measured(images, cells)
    kinds = list(cells[0].patients)
    found: dict[str, NDArray[np.float64]] = {}
    for kind in kinds:
        found |= _model(m, kind)
        found |= _treated(m, kind)
        found |= _probes(m, kind)
    found |= _between(m, kinds)
    first = prefix(images, m.target, headline)
    return {f"{first}.{name}": m.panel.measurement(draws) for name, draws in found.items()}


def _scores(m: Measured, kind: str, version: str) -> dict[str, NDArray[np.float64]]:
    y_hat = m.decisions(kind, version)
    return {"acc": m.panel.accuracy(y_hat), "dp": m.panel.dp(y_hat), "deo": m.panel.deo(y_hat)}


def _model(m: Measured, kind: str) -> dict[str, NDArray[np.float64]]:
    """The deployed model as it is: scores, signed gaps, and what its claims compare them with."""
    found = {f"{kind}.{k}": v for k, v in _scores(m, kind, "plain").items()}
    y_hat = m.decisions(kind)
    found[f"{kind}.tpr-gap"] = m.panel.signed_gap(y_hat, 1)
    found[f"{kind}.fpr-gap"] = m.panel.signed_gap(y_hat, 0)
    found[f"{kind}.acc-over-constant"] = found[f"{kind}.acc"] - m.panel.constant()
    if kind == "normal":
        chance = _chance(m, y_hat)
        found |= {f"normal.{k}-over-chance": found[f"normal.{k}"] - chance[k] for k in chance}
    else:
        normal = _scores(m, "normal", "plain")
        found |= {f"{kind}.{k}-vs-normal": found[f"{kind}.{k}"] - normal[k] for k in ("dp", "deo")}
    return found


def _chance(m: Measured, y_hat: NDArray[np.bool_], times: int = 50) -> dict[str, float]:
    """Return the mean gaps when group membership is shuffled: a gap is never exactly zero."""
    rng = np.random.default_rng(0)
    sums = {"dp": 0.0, "deo": 0.0}
    for _ in range(times):
        # shuffled within labels, so that base rates and cell sizes stay what they are
        s = m.panel.s.copy()
        for label in (0, 1):
            cell = np.flatnonzero(m.panel.y == label)
            s[cell] = rng.permutation(s[cell])
        shuffled = Panel(m.panel.y, s, n_resamples=1)
        sums["deo"] += float(shuffled.deo(y_hat)[:, 0].mean()) / times
        mixed = Panel(m.panel.y, rng.permutation(m.panel.s), n_resamples=1)
        sums["dp"] += float(mixed.dp(y_hat)[:, 0].mean()) / times
    return sums


def _treated(m: Measured, kind: str) -> dict[str, NDArray[np.float64]]:
    """The model with FAAP, with noise and with only-T, against itself and against controls."""
    before, after = _scores(m, kind, "plain"), _scores(m, kind, "faap")
    noise = _scores(m, kind, "noise")
    name = f"{kind}-faap"
    found = {f"{name}.{k}": v for k, v in after.items()}
    found |= {f"{name}.{k}-change": after[k] - before[k] for k in ("acc", "dp", "deo")}
    found[f"{name}.acc-kept"] = after["acc"] - before["acc"] + COST.get(m.target, 0.03)
    found |= {f"{kind}-noise.{k}": noise[k] for k in ("acc", "deo")}
    found[f"{name}.deo-vs-noise"] = after["deo"] - noise["deo"]
    model = Plane(before["acc"], before["deo"])
    mixed = mixed_gap(after["acc"], m.panel.constant(), model)
    found[f"{name}.deo-vs-mixing"] = after["deo"] - mixed
    found[f"{name}.deo-vs-threshold"] = after["deo"] - m.panel.deo(m.moved(kind, after["acc"]))
    if "only-t" in m.cells[0].patients[kind].margin:
        alone = found[f"{kind}-only-t.deo"] = m.panel.deo(m.decisions(kind, "only-t"))
        found[f"{kind}-only-t.deo-vs-faap"] = alone - after["deo"]
    return found


def _probes(m: Measured, kind: str) -> dict[str, NDArray[np.float64]]:
    """What readers of the code get right, before and after."""
    readers = ("linear", "linear-faap", "mlp", "mlp-faap", "target", "target-faap", "d-faap")
    right = {reader: m.right(kind, reader) for reader in readers}
    found = {f"{kind}.probe-{r}": v for r, v in right.items() if not r.startswith("target")}
    found[f"{kind}.linear-probe-change"] = right["linear-faap"] - right["linear"]
    found[f"{kind}.mlp-probe-change"] = right["mlp-faap"] - right["mlp"]
    found[f"{kind}.target-probe-kept"] = right["target-faap"] - right["target"] + _LESS_FAIR
    found[f"{kind}.fresh-over-d"] = right["mlp-faap"] - right["d-faap"]
    found[f"{kind}.fresh-over-majority"] = right["mlp-faap"] - m.panel.majority(m.panel.s)
    return found


def _between(m: Measured, kinds: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Comparisons of two models with FAAP."""
    if not {"normal", "fair"} <= set(kinds):
        return {}
    change = {
        kind: _scores(m, kind, "faap")["deo"] - _scores(m, kind, "plain")["deo"] for kind in kinds
    }
    found = {
        f"{kind}-faap.gain-vs-normal": change[kind] - change["normal"]
        for kind in ("lf", "rg")
        if kind in kinds
    }
    after, fair = _scores(m, "normal", "faap")["deo"], _scores(m, "fair", "plain")["deo"]
    found["normal-faap.deo-vs-fair-plus-5"] = after - fair - _LESS_FAIR
    return found


__all__ = ["COST", "POOLED", "Measured", "prefix", "table"]
