"""Who trains what: four disjoint groups of people, the same for every seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.reprogramming_vision.presets import Preset
from fairtut.data import images as image_data
from fairtut.data.images import ImageSet
from fairtut.data.synthetic import faces
from fairtut.errors import InputError
from fairtut.methods.reprogramming import combined
from fairtut.runtime.seeds import numpy_rng

SENSITIVE: Final = "Male"
PARTS: Final = ("train", "tune", "val", "test")


def crowd(preset: Preset, device: torch.device | str = "cpu") -> faces.Faces:
    """Draw the synthetic people of a preset, half of them for training."""
    return faces.sample(
        preset.faces, seed=preset.root, size=preset.size, nuisance=preset.nuisance,
        splits=(0.6, 0.15, 0.25), device=device,
    )  # fmt: skip


def people(preset: Preset, data: str, device: torch.device | str = "cpu") -> ImageSet:
    """Return the images of a run: CelebA for ``real``, else drawn faces."""
    if data == "real":
        return image_data.load("celeba", size=preset.size, device=device)
    return crowd(preset, device).images


@dataclass(frozen=True, eq=False)
class Task:
    """Images, labels and the four disjoint parts of the protocol.

    Attributes
    ----------
    images : ImageSet
    attributes : tuple of str
        What is predicted: one attribute, or several that are combined to 2^k classes.
    y, s : int64 tensors, shape (n,)
        Label and sensitive attribute.
    train, tune, val, test : int64 tensors
        Rows that train BASE and AdvIn, that train triggers and AdvPost, that choose, that judge.
    """

    images: ImageSet
    attributes: tuple[str, ...]
    y: Tensor
    s: Tensor
    train: Tensor
    tune: Tensor
    val: Tensor
    test: Tensor

    @classmethod
    def of(cls, images: ImageSet, preset: Preset, attributes: Sequence[str] | None = None) -> Task:
        """Cut a set of images.

        Training rows are drawn in one order that depends on the root seed only: the first
        ``train`` are BASE's, the next ``tune`` the trigger's, and the next ``held`` join the
        images of the test part, where blond men are too few.

        Raises
        ------
        fairtut.errors.InputError
            If there are not enough training images.
        """
        names = tuple(attributes or (preset.target,))
        columns = [images.labels(name) for name in names]
        y = combined(columns) if len(columns) > 1 else columns[0]
        rows = np.flatnonzero(images.split == "train")
        most = preset.train + preset.tune
        if len(rows) < most:
            raise InputError(
                f"{images.name} has {len(rows)} training images, BASE and the triggers ask for "
                f"{most}: lower train or tune"
            )
        rows = numpy_rng(preset.root, "vision parts").permutation(rows)
        held = rows[most : most + preset.held]
        test = np.concatenate([np.flatnonzero(images.split == "test"), held])
        cut = (rows[: preset.train], rows[preset.train : most],
               np.flatnonzero(images.split == "val"), test)  # fmt: skip
        return cls(images, names, y, images.labels(SENSITIVE),
                   *(torch.from_numpy(np.sort(part)) for part in cut))  # fmt: skip

    @property
    def classes(self) -> int:
        """Number of labels."""
        return int(2 ** len(self.attributes))

    def rows(self, part: str) -> Tensor:
        """Return the rows of a part."""
        found: Tensor = getattr(self, part)
        return found

    def people(self, part: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return y and s of a part's people."""
        rows = self.rows(part)
        return self.y[rows].cpu().numpy(), self.s[rows].cpu().numpy()

    def card(self) -> dict[str, Any]:
        """Return what a trained model's card says about its data."""
        parts = {part: len(self.rows(part)) for part in ("train", "tune")}
        return {"images": self.images.digest, "attributes": list(self.attributes), **parts}
