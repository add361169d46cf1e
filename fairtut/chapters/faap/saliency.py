"""Where a model looks: Grad-CAM and the share of its heat inside the mouth box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.faap.presets import Preset
from fairtut.chapters.faap.protocol import Task, deploy, generator, see
from fairtut.data.images import ImageSet, pixels
from fairtut.methods.saliency import heat
from fairtut.metrics.entry import Entry

MOUTH: Final[Mapping[str, tuple[float, float, float, float]]] = {
    "celeba": (0.62, 0.88, 0.28, 0.72),
    "lfw": (0.60, 0.80, 0.32, 0.68),
    "faces": (0.62, 0.88, 0.28, 0.72),
}
"""Top, bottom, left and right of the mouth box as shares of the side."""


def mouth_share(maps: Tensor, box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return the share of each map inside a box, (n,); even heat gives the box's area."""
    side_h, side_w = maps.shape[1:]
    top, bottom, left, right = box
    rows = slice(round(top * side_h), round(bottom * side_h))
    columns = slice(round(left * side_w), round(right * side_w))
    return maps[:, rows, columns].sum((1, 2)).cpu().double().numpy()


@dataclass(frozen=True)
class Look:
    """Grad-CAM of one patient on a set of test images.

    ``rows`` index the image set; ``shares`` maps a version (``plain``, ``only-t``, ``faap``) to
    the mouth shares (n,), ``maps`` to the maps of the first few images.
    """

    kind: str
    rows: NDArray[np.int64]
    shares: dict[str, NDArray[np.float64]]
    maps: dict[str, NDArray[np.float32]]


def looks(
    images: ImageSet, target: str, seed: int, preset: Preset, kind: str,
    *, selected: bool, count: int = 128, keep: int = 4,
) -> Look:  # fmt: skip
    """Explain a patient on images that FAAP corrected, or on images drawn at random.

    The paper shows images that were misclassified and are right with FAAP; that rule favours the
    method, so a random sample stands beside it.
    """
    task = Task(images, target, seed, preset.half)
    model = deploy(task, kind, preset)
    g, _, _ = generator(task, [model], [kind], preset.generator(target))
    changes: dict[str, Any] = {"plain": None, "faap": g}
    if target in preset.only_t and kind in ("lf", "rg"):
        alone = preset.generator(target, objective="only-t")
        changes["only-t"], _, _ = generator(task, [model], [kind], alone)
    rows = np.flatnonzero(images.split == "test")
    if selected:
        x, y = images.x[torch.from_numpy(rows)], task.y[torch.from_numpy(rows)].cpu().numpy()
        (_, before), (_, after) = see(model, x), see(model, x, g)
        rows = rows[((before > 0) != y) & ((after > 0) == y)]
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(rows, min(count, len(rows)), replace=False))
    shares, maps = {}, {}
    if not len(rows):
        return Look(kind, rows, {}, {})
    for version, change in changes.items():
        x = pixels(images.x[torch.from_numpy(rows)])
        with torch.no_grad():
            x = x if change is None else change(x)
        found = heat(model, x)
        shares[version] = mouth_share(found, MOUTH.get(images.name, MOUTH["faces"]))
        maps[version] = found[:keep].cpu().numpy()
    return Look(kind, rows, shares, maps)


def measures(found: Mapping[str, list[Look]]) -> dict[str, Entry]:
    """Return the change of the mouth share, over images of all looks of ``selected``/``random``."""
    out: dict[str, Entry] = {}
    rng = np.random.default_rng(0)
    for name, group in found.items():
        filled = [look for look in group if len(look.rows) > 1]
        if not filled:
            continue
        change = [look.shares["faap"] - look.shares["plain"] for look in filled]
        # the mean over looks of means over images; images of a look are resampled
        draws = np.mean(
            [c[rng.integers(0, len(c), (2000, len(c)))].mean(1) for c in change], axis=0
        )
        low, high = np.percentile(draws, [2.5, 97.5])
        n = sum(len(c) for c in change)
        out[f"cam.{name}.mouth-change"] = Entry(
            [float(c.mean()) for c in change], n, "fraction", people=(float(low), float(high))
        )
        plain = [float(look.shares["plain"].mean()) for look in filled]
        out[f"cam.{name}.mouth"] = Entry(plain, n, "fraction")
    return out
