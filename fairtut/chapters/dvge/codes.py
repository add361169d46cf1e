"""The methods that only need codes: plain g, DVGE's grid, removal, a moved threshold.

Images and tables share them.  A *run* is a training, with codes of its own, (runs, n, d); each
split of a table has people of its own as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.dvge.presets import Sweep
from fairtut.chapters.dvge.tasks import PARTS, Decisions
from fairtut.lab.controls import swept
from fairtut.methods import dvge, latent
from fairtut.methods.dvge.focus import focus
from fairtut.runtime.seeds import torch_rng

Parts = Mapping[str, Tensor]
"""Part, also ``train``, to codes or labels."""

Margins = dict[str, NDArray[np.float32]]
"""Part to scores (runs, n): positive is decided for class 1."""

CUTS: Final = 41
"""Thresholds of the moved-threshold control."""
NOISE: Final = (0.25, 0.5, 1.0, 2.0)
"""Strengths of the noise on codes, whose mean variance is 1."""


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

    def play(self, z: Parts, name: str) -> tuple[dict[str, Decisions], dvge.Grid]:
        """Run plain g, DVGE and removal on codes; return the grid's networks, too."""
        grid, origin = self.train(z), self._origin()
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
        return found, grid

    def controls(self, grid: dvge.Grid, z: Parts) -> tuple[dict[str, Decisions], Margins]:
        """Return what plain g decides at moved thresholds and on noisy codes, and its scores.

        Noise has a setting for each of :data:`NOISE`; nothing is trained for it.
        """
        margin = {part: self._margin(grid, z[part]) for part in PARTS}
        noise = {
            part: torch.randn(z[part].shape, generator=torch_rng(self.seeds[0], "noise", part))
            for part in PARTS
        }
        noisy = {
            part: np.stack(
                [self._margin(grid, z[part] + scale * e.to(z[part].device)) > 0 for scale in NOISE]
            ).astype(np.int8)
            for part, e in noise.items()
        }
        return {"threshold": moved(margin), "noise": noisy}, margin

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

    def _origin(self) -> int:
        """Return which point of the grid is plain g."""
        return self.points().index((0.0, 0.0))

    def _margin(self, grid: dvge.Grid, z: Tensor) -> NDArray[np.float32]:
        """Return the difference of plain g's two logits, (runs, n)."""
        logits = grid.logits(z)  # (runs x points, n, 2)
        margin: NDArray[np.float32] = self._by_run((logits[..., 1] - logits[..., 0]).cpu().numpy())[
            self._origin()
        ]
        return margin

    def _by_run(self, values: NDArray[Any]) -> NDArray[Any]:
        """(runs x points, n) to (points, runs, n)."""
        return values.reshape(len(self.seeds), -1, values.shape[-1]).swapaxes(0, 1)


def moved(margin: Margins) -> Decisions:
    """Return decisions (cuts, runs, n) from margins (runs, n) by part."""
    return {part: y_hat.astype(np.int8) for part, y_hat in swept(margin, CUTS).items()}


def _without(z: Tensor, dimensions: Tensor) -> Tensor:
    """Set dimensions to 0: z (n, d) and (1, count), or each run's own, (runs, n, d)."""
    kept = z.clone()
    index = dimensions.to(z.device)
    index = index if z.ndim == 2 else index[:, None]
    return kept.scatter_(-1, index.expand(*z.shape[:-1], -1), 0.0)
