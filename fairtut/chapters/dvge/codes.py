"""The methods that only need codes: plain g, DVGE's grid, removal, a moved threshold.

Images and tables share them.  A *run* is a seed; the runs of images share their codes (n, d), and
each split of a table has its own (runs, n, d).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.dvge.presets import Sweep
from fairtut.lab.controls import swept
from fairtut.methods import dvge, latent
from fairtut.methods.dvge.focus import focus

Ints = NDArray[np.int8]
Decisions = dict[str, Ints]
"""Part, ``val`` or ``test``, to decisions (settings, runs, n)."""

Parts = Mapping[str, Tensor]
"""Part, also ``train``, to codes or labels."""

PARTS: Final = ("val", "test")
CUTS: Final = 41
"""Thresholds of the moved-threshold control."""


@dataclass(frozen=True)
class Trial:
    """What classifiers on codes are trained for, and how.

    Attributes
    ----------
    y, s : mapping of str to int64 tensor, shape (n,) or (runs, n)
    config : dvge.Config
    seeds : tuple of int
        One per run.
    sweep : Sweep
    jobs : int
    """

    y: Parts
    s: Parts
    config: dvge.Config
    seeds: tuple[int, ...]
    sweep: Sweep
    jobs: int

    def play(self, z: Parts, name: str, *, control: bool) -> dict[str, Decisions]:
        """Run plain g, DVGE and removal on codes, and the moved threshold if asked."""
        grid, origin = self.train(z), self.points().index((0.0, 0.0))
        whole = self.decide(grid, z)
        found = {
            f"dvge-{name}": whole,
            f"plain-{name}": {part: d[origin : origin + 1] for part, d in whole.items()},
        }
        ranked = latent.correlations(z["train"], self.s["train"]).abs().argsort(1, descending=True)
        found[f"removed-{name}"] = self.plain(
            {part: _without(codes, ranked[:, :count]) for part, codes in z.items()}
            for count in self.sweep.removed
        )
        if control:
            found["threshold"] = moved(
                {part: self._margin(grid, z[part])[origin] for part in PARTS}
            )
        return found

    def points(self) -> list[tuple[float, float]]:
        """Return the points of DVGE's grid in their order."""
        return [(a, b) for a in self.sweep.eta1 for b in self.sweep.eta2]

    def train(self, z: Parts, kind: str | None = None) -> dvge.Grid:
        """Train d, then g at every point of the grid; ``kind`` says what is differentiated."""
        config = replace(self.config, focus=kind or self.config.focus)
        d = dvge.fit_classifiers(
            z["train"], self.s["train"], config, self.seeds,
            validation=(z["val"], self.s["val"]), jobs=self.jobs,
        )  # fmt: skip
        f_sens = focus(d, z["train"], config.focus, self.s["train"])  # (runs, n, d)
        return dvge.fit_grid(
            z["train"], self.y["train"], f_sens, self.sweep.eta1, self.sweep.eta2, config,
            self.seeds, validation=(z["val"], self.y["val"]), jobs=self.jobs,
        )  # fmt: skip

    def decide(self, grid: dvge.Grid, z: Parts) -> Decisions:
        """Return the decisions of a grid, (points, runs, n) by part."""
        return {part: self._by_run(grid.decisions(z[part])) for part in PARTS}

    def plain(self, each: Iterable[Parts]) -> Decisions:
        """Train g on several kinds of codes, as they are; one setting for each."""
        found = []
        for z in each:
            net = dvge.fit_classifiers(
                z["train"], self.y["train"], self.config, self.seeds,
                validation=(z["val"], self.y["val"]), jobs=self.jobs,
            )  # fmt: skip
            found.append({part: dvge.logits(net, z[part]).argmax(-1) for part in PARTS})
        return {
            part: np.stack([one[part].cpu().numpy().astype(np.int8) for one in found])
            for part in PARTS
        }

    def _margin(self, grid: dvge.Grid, z: Tensor) -> NDArray[np.float32]:
        """Return the difference of the two logits, (points, runs, n)."""
        logits = grid.logits(z)  # (runs x points, n, 2)
        return self._by_run((logits[..., 1] - logits[..., 0]).cpu().numpy())

    def _by_run(self, values: NDArray[Any]) -> NDArray[Any]:
        """(runs x points, n) to (points, runs, n)."""
        return values.reshape(len(self.seeds), -1, values.shape[-1]).swapaxes(0, 1)


def moved(margin: Mapping[str, NDArray[np.float32]]) -> Decisions:
    """Return decisions (cuts, runs, n) from margins (runs, n) by part."""
    return {part: y_hat.astype(np.int8) for part, y_hat in swept(margin, CUTS).items()}


def _without(z: Tensor, dimensions: Tensor) -> Tensor:
    """Set dimensions to 0: z (n, d) and (1, count), or each run's own, (runs, n, d)."""
    kept = z.clone()
    index = dimensions.to(z.device)
    index = index if z.ndim == 2 else index[:, None]
    return kept.scatter_(-1, index.expand(*z.shape[:-1], -1), 0.0)
