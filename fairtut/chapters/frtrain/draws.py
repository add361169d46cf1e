"""One draw of the protocol: four disjoint parts, and the poisoned labels of the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.frtrain.presets import Preset
from fairtut.data.crowd import CrowdModel, annotate, majority
from fairtut.data.poison import Poison, flip_labels
from fairtut.data.synthetic.gaussians import zafar
from fairtut.data.tabular import Standardiser, Table, load, split
from fairtut.runtime.presets import choose
from fairtut.runtime.seeds import stream_seed

REAL_SETS: dict[str, tuple[str, str]] = {
    "compas-race": ("compas", "race"),
    "compas-sex": ("compas", "sex"),
    "adult-sex": ("adult", "sex"),
}
"""Real data set and sensitive attribute of each real experiment."""


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: it holds arrays
class Draw:
    """Data of one draw.

    Attributes
    ----------
    name : str
        Data set, such as ``"zafar"`` or ``"adult-sex"``.
    index : int
        Number of the draw.
    train, clean, select, test : Table
        Training rows with *true* labels, the clean set, the split on which settings are chosen,
        and the test rows, which are only ever evaluated.  ``y = 1`` is the favourable outcome.
    poison : Poison
        Poisoned labels of ``train`` and which rows were flipped.
    """

    name: str
    index: int
    train: Table
    clean: Table
    select: Table
    test: Table
    poison: Poison

    def labels(self, training: str) -> NDArray[np.int8]:
        """Return the training labels: ``"clean"`` or ``"poisoned"``."""
        known = {"clean": self.train.y, "poisoned": np.asarray(self.poison.y, np.int8)}
        return choose(known, training, "training")

    def with_crowd(self, model: CrowdModel, seed: int) -> Draw:
        """Return the draw with the clean set labelled by a simulated crowd (majority of 11)."""
        answers = annotate(self.clean.y, 11, model, seed=stream_seed(seed, "crowd", self.index))
        return replace(self, clean=replace(self.clean, y=majority(answers)))


def synthetic_draw(index: int, preset: Preset, seed: int = 0) -> Draw:
    """Draw a fresh two-Gaussian data set, unscaled as in the paper, and poison its labels."""
    rows = sum(preset.sizes.values())
    table = zafar(rows, seed=stream_seed(seed, "frtrain", "data", index))
    return _draw("zafar", index, table, preset.sizes, preset, seed)


def real_draw(name: str, index: int, preset: Preset, seed: int = 0) -> Draw:
    """Split a real data set at random, standardise it on its training part, and poison that.

    Labels are turned so that ``y = 1`` is the favourable outcome; for COMPAS that is "no new
    charge".  Splits of one data set overlap: their spread is that of resampling, not of new
    populations.
    """
    table = load(*choose(REAL_SETS, name, "real data set"))
    if table.favourable == 0:
        names = (table.labels[1], table.labels[0])
        table = replace(table, y=(1 - table.y).astype(np.int8), labels=names, favourable=1)
    sizes = choose(dict(preset.real_sizes), name, "real data set")
    return _draw(name, index, table, sizes, preset, seed, standardise=True)


def _draw(
    name: str,
    index: int,
    table: Table,
    sizes: Mapping[str, int],
    preset: Preset,
    seed: int,
    *,
    standardise: bool = False,
) -> Draw:
    parts = split(table, sizes, seed=stream_seed(seed, "frtrain", "split", index))
    if standardise:
        scale = Standardiser.fit(parts["train"])
        parts = {part: scale(rows) for part, rows in parts.items()}
    train = parts["train"]
    poison = flip_labels(train.x, train.s, train.y, fraction=preset.poison)
    return Draw(name, index, train, parts["clean"], parts["select"], parts["test"], poison)
