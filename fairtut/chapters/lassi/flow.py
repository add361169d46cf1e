"""Glow, trained once and kept, and the latents of all images, on disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.lassi.presets import Flow, Preset
from fairtut.data.images import ImageSet
from fairtut.errors import CorruptFile, UnknownName
from fairtut.methods.lassi import glow_training
from fairtut.metrics.entry import Entry
from fairtut.models.glow import Glow, preprocess, to_pictures
from fairtut.runtime import cache, fit
from fairtut.runtime.checkpoints import load_or_train, state_digest
from fairtut.runtime.progress import progress
from fairtut.runtime.rows import read_rows, write_rows
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.threads import torch_threads

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

PARTS: Final = ("train", "val", "test")
CHECKED: Final = 64
"""Pictures on which the way there and back is checked."""
SCORED: Final = 1024
"""Validation pictures on which bits per dimension are measured, at most."""


@dataclass(frozen=True)
class Trained:
    """A trained Glow.

    Attributes
    ----------
    glow : Glow
        Frozen.
    bits : mapping of str to float
        Bits per dimension of ``train`` and ``val`` pictures, each on at most :data:`SCORED`.
    scored : mapping of str to int
        Pictures behind each of them.
    history : list of dict
        Means per epoch of its training.
    seconds : float
        CPU seconds that its training took, when it was trained: of all pieces, if it was
        interrupted.
    """

    glow: Glow
    bits: Mapping[str, float]
    scored: Mapping[str, int]
    history: list[dict[str, float]] = field(repr=False)
    seconds: float


@dataclass(frozen=True)
class World:
    """Latents and labels of a set of images; small enough to be handed to another process.

    Attributes
    ----------
    name : str
    digest : str
        Of the images and of the Glow: everything that is trained on latents depends on it.
    folder : pathlib.Path
        Where the latents are.
    facts : mapping of str to str
        What the seals of their files say.
    frame : DataFrame
        Labels, a row per image.
    split : ndarray of str, shape (n,)
    device : str
        Where representations are trained.
    """

    name: str
    digest: str
    folder: Path
    frame: pd.DataFrame = field(repr=False)
    split: NDArray[np.str_] = field(repr=False)
    device: str = "cpu"
    facts: dict[str, str] = field(default_factory=dict, repr=False)

    def z(self, part: str) -> Tensor:
        """Return the latents of ``"train"``, ``"val"`` or ``"test"``, (n, q), read as needed.

        Raises
        ------
        fairtut.errors.CorruptFile
            If a byte of the file is not as it was written: :func:`world` makes it again.
        """
        return torch.from_numpy(read_rows(self.folder / f"{part}.npy", self.facts | {"part": part}))

    def rows(self, part: str) -> NDArray[np.int64]:
        """Return the rows of a part in ``frame``, in the order of its latents."""
        return np.flatnonzero(self.split == part)

    def labels(self, name: str, part: str) -> Tensor:
        """Return an attribute of a part as classes, int64 (n,)."""
        if name not in self.frame.columns:
            raise UnknownName.of(f"attribute of {self.name}", name, self.frame.columns)
        return torch.from_numpy(self.frame[name].to_numpy()[self.rows(part)].astype(np.int64))

    def evaluated(self, part: str, every: int) -> NDArray[np.int64]:
        """Return which images of a part are certified: the first, and every so manyth after it."""
        return np.arange(0, len(self.rows(part)), every)

    def knows(self, *names: str) -> bool:
        """Return whether all these attributes have two values in this set's training part."""
        here = set(self.frame.columns)
        return all(n in here and len(self.labels(n, "train").unique()) > 1 for n in names)


def trained(images: ImageSet, preset: Preset, flow: Flow | None = None) -> Trained:
    """Return the Glow of these images: loaded where it was trained before, else trained and kept.

    An interrupted training goes on where it was.

    Parameters
    ----------
    images : ImageSet
        Of ``preset.size`` pixels; its training part is used.
    preset : Preset
    flow : Flow, optional
        Instead of the preset's.
    """
    flow, device = flow or preset.flow, images.x.device
    rng = torch_rng(preset.root, "glow")
    glow = Glow(preset.size, flow.blocks, flow.flows, flow.filters, generator=rng).to(device)
    card = {
        "what": "glow", "images": images.digest, "seed": preset.root, **glow.architecture,
        **asdict(flow.training),
    }  # fmt: skip
    parts = {part: images.x[torch.from_numpy(images.split == part)] for part in PARTS[:2]}

    def run(model: Any, checkpoint: Path) -> dict[str, Any]:
        history = glow_training.train(
            model, parts["train"], config=flow.training, seed=preset.root, device=device,
            checkpoint=checkpoint,
        )  # fmt: skip
        seconds = fit.seconds(checkpoint)
        bits = {part: _bits(model, x[:SCORED]) for part, x in parts.items()}
        return {"history": history, "seconds": seconds, "bits": bits}

    with torch_threads(preset.jobs):
        kept = load_or_train(glow, card, run, resumable=True)
    glow.eval().requires_grad_(False)
    scored = {part: min(len(x), SCORED) for part, x in parts.items()}
    return Trained(glow, kept["bits"], scored, kept["history"], float(kept["seconds"]))


@torch.no_grad()
def _bits(glow: Glow, x: Tensor) -> float:
    """Return mean bits per dimension, with the same dequantisation noise each time."""
    rng = torch_rng(0, "bits")
    return float(torch.cat([glow.bits_per_dim(part, rng) for part in x.split(128)]).mean())


def world(images: ImageSet, glow: Glow, preset: Preset) -> World:
    """Encode all images once, keep their latents, and return them with their labels.

    Latents that are not as they were written are made again, and one sentence says so.
    """
    about = {"images": images.digest, "glow": state_digest(glow)}
    facts = cache.facts(_pieces, about, images.x.device)
    digest = facts["key"]
    folder = cache.cache_folder() / "latents" / digest
    frame = images.attributes.reset_index(drop=True)
    device = str(images.x.device)
    found = World(images.name, digest, folder, frame, images.split, device, facts)
    with torch_threads(preset.jobs):
        for part in PARTS:
            _encode(glow, images, found, part)
    return found


def _encode(glow: Glow, images: ImageSet, found: World, part: str) -> None:
    """Make the latents of a part, unless they are there."""
    try:
        found.z(part)
        return
    except FileNotFoundError:
        pass
    except CorruptFile as error:
        log.warning("latents are made again, because %s", error)
    rows = found.rows(part)
    write_rows(
        found.folder / f"{part}.npy", (len(rows), glow.q),
        _pieces(glow, images, rows, f"latents {part}"), found.facts | {"part": part},
    )  # fmt: skip


def _pieces(
    glow: Glow, images: ImageSet, rows: NDArray[np.int64], what: str
) -> Iterator[NDArray[np.float32]]:
    starts = range(0, len(rows), 512)
    for start in progress(starts, what, len(starts)):
        some = torch.from_numpy(rows[start : start + 512]).to(images.x.device)
        yield glow.encode(images.x[some]).cpu().numpy()


def return_error(glow: Glow, images: ImageSet) -> float:
    """Return the largest error of a pixel, in [0, 1], after the way to its latents and back."""
    x = images.x[:CHECKED]
    return float((glow.decode(glow.encode(x)) - to_pictures(preprocess(x))).abs().max())


def measures(found: Trained, images: ImageSet) -> dict[str, Entry]:
    """Return bits per dimension on training and validation pictures, and the error of the way back.

    Parameters
    ----------
    found : Trained
    images : ImageSet
    """
    out: dict[str, Entry] = {
        name: Entry([found.bits[part]], found.scored[part], "ratio")
        for name, part in (("flow.bits", "val"), ("flow.bits-train", "train"))
    }
    error = return_error(found.glow, images)
    return out | {"exact.return": Entry([error], CHECKED, "fraction")}
