"""Where the models look: Grad-CAM, and the share of its heat on the hair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fairtut.chapters.reprogramming_vision.models import Spec, base, trained
from fairtut.chapters.reprogramming_vision.presets import Preset
from fairtut.chapters.reprogramming_vision.tasks import Task
from fairtut.data.images import as_pixels
from fairtut.data.synthetic import faces
from fairtut.methods.reprogramming import Border, TriggerModule
from fairtut.methods.saliency import heat
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.models.resnet import FaceClassifier
from fairtut.runtime.seeds import numpy_rng

FACE_BOX: Final = (0.33, 0.95, 0.25, 0.75)
"""Top, bottom, left and right of the face in an aligned photograph, as shares of the side."""


@dataclass(frozen=True)
class Looks:
    """Grad-CAM of BASE, BASE with the trigger, and AdvIn on the same test images.

    Attributes
    ----------
    rows : int array, shape (k,)
        Of the image set.
    maps : mapping of str to array, shape (k, h, w)
        ``base``, ``border``, ``advin`` → non-negative heat that sums to 1.
    images : mapping of str to array, shape (k, 3, h, w)
        What each saw, clipped to [0, 1]: to be shown for drawn faces only.
    shares : DataFrame
        Row per image and version: ``hair`` and ``ring`` shares of the heat; ``hair`` is a share of
        the heat that is on the picture, not on the trigger.
    """

    rows: NDArray[np.int64]
    maps: Mapping[str, NDArray[np.float32]]
    images: Mapping[str, NDArray[np.float32]]
    shares: pd.DataFrame


def hair_of(task: Task, rows: NDArray[np.int64], crowd: faces.Faces | None) -> Tensor:
    """Return masks of the hair, bool (k, h, w).

    Drawn faces: the pixels that change when only the colour of the hair does.  Photographs:
    everything outside a fixed box for the aligned face, so background counts as hair there.
    """
    side = task.images.x.shape[-1]
    if crowd is not None:
        some = crowd.select(rows)
        twin = faces.counterfactual(some, "Blond_Hair")
        return (some.images.x.int() - twin.images.x.int()).abs().amax(1).cpu() > 8
    top, bottom, left, right = (round(share * side) for share in FACE_BOX)
    outside = torch.ones(len(rows), side, side, dtype=torch.bool)
    outside[:, top:bottom, left:right] = False
    return outside


def looks(
    task: Task, preset: Preset, lams: Mapping[str, float], crowd: faces.Faces | None = None
) -> tuple[Looks, dict[str, Entry]]:
    """Explain BASE, BASE with the border for EO, and AdvIn, on test images drawn at random.

    The attribute is Blond_Hair, whatever the task's: the paper's message is about hair.  Half of
    the images are blond where there are enough.

    Parameters
    ----------
    task, preset
    lams : mapping
        λ of ``border`` and ``advin``.
    crowd : Faces, optional
        The drawn people behind the images.

    Returns
    -------
    looks, measurements
        ``look.<version>.hair`` and ``.ring``; ``look.<border|advin>.hair-change``: share minus
        BASE's, with an interval over images.
    """
    seed = preset.run_seeds()[0]
    if task.attributes != ("Blond_Hair",):
        task = Task.of(task.images, preset, ("Blond_Hair",))
    model = base(task, preset, seed)
    rows = _chosen(task, preset)
    x = as_pixels(task.images.x[torch.from_numpy(rows)])
    hair = hair_of(task, rows, crowd)
    versions: dict[str, tuple[FaceClassifier, TriggerModule | None]] = {"base": (model, None)}
    for method, lam in lams.items():
        kept: Any = trained(task, preset, seed, Spec(method, "eo", lam)).chosen
        versions[method] = (model, kept) if method == "border" else (kept, None)
    maps, seen, parts = {}, {}, []
    for name, (net, trigger) in versions.items():
        with torch.no_grad():
            shown = x if trigger is None else trigger(x)
        found = heat(net, shown)
        maps[name], seen[name] = found.cpu().numpy(), shown.clamp(0, 1).cpu().numpy()
        parts.append(_shares(found.cpu(), hair, trigger).assign(version=name, row=rows))
    shares = pd.concat(parts, ignore_index=True)
    return Looks(rows, maps, seen, shares), _measured(shares, list(versions))


def _chosen(task: Task, preset: Preset) -> NDArray[np.int64]:
    rng = numpy_rng(preset.root, "looked at")
    rows = np.flatnonzero(task.images.split == "test")
    y = task.y.cpu().numpy()[rows]
    half = preset.looked // 2
    some = [rng.permutation(rows[y == label])[:half] for label in (0, 1)]
    chosen: NDArray[np.int64] = np.sort(np.concatenate(some))
    return chosen


def _shares(heat: Tensor, hair: Tensor, trigger: TriggerModule | None) -> pd.DataFrame:
    """Shares of heat, (k,) each; masks are shrunk with the picture where a border shrinks it."""
    picture = torch.ones_like(heat, dtype=torch.bool)
    if trigger is not None:
        picture &= ~trigger.mask.cpu()
        if isinstance(trigger.shape, Border):
            hair = _shrunk(hair, trigger.shape.width)
    on = (heat * picture).sum((1, 2))
    safe = on.clamp_min(1e-9)
    return pd.DataFrame({
        "hair": ((heat * (hair & picture)).sum((1, 2)) / safe).numpy(),
        "ring": (1 - on).numpy(),
    })  # fmt: skip


def _shrunk(mask: Tensor, width: int) -> Tensor:
    side = mask.shape[-1] - 2 * width
    small = functional.interpolate(mask[:, None].float(), (side, side), mode="nearest")[:, 0]
    return functional.pad(small, [width] * 4) > 0.5


def _measured(shares: pd.DataFrame, versions: list[str]) -> dict[str, Entry]:
    wide = {v: shares[shares.version == v].reset_index(drop=True) for v in versions}
    found: dict[str, Entry] = {}
    for version, part in wide.items():
        for what in ("hair", "ring"):
            found[f"look.{version}.{what}"] = _mean(part[what].to_numpy())
        if version != "base":
            change = (part.hair - wide["base"].hair).to_numpy()
            found[f"look.{version}.hair-change"] = _mean(change)
    return found


def _mean(values: NDArray[np.float64]) -> Entry:
    """A mean over images with its bootstrap interval over them."""
    panel = Panel.unlabelled(len(values))
    return panel.measurement(panel.mean(values[None]))
