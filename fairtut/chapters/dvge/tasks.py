"""What is predicted and for whom: the four settings of the slides, and the parts of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.dvge.presets import Preset
from fairtut.data import images as photographs
from fairtut.data.images import ImageSet
from fairtut.data.synthetic import faces
from fairtut.errors import InputError
from fairtut.runtime.seeds import torch_rng

Rows = NDArray[np.int64]
Decisions = dict[str, NDArray[np.int8]]
"""Part, ``val`` or ``test``, to decisions (settings, runs, n)."""
PARTS: Final = ("val", "test")


@dataclass(frozen=True)
class Setting:
    """A task with its sensitive attributes.

    Attributes
    ----------
    target : str
        The attribute to predict.
    sensitive : tuple of str
        The attributes that should not matter.
    title : str
        For figures.
    """

    target: str
    sensitive: tuple[str, ...]
    title: str


SETTINGS: Final[Mapping[str, Setting]] = {
    "male-oval": Setting("Oval_Face", ("Male",), "Oval_Face, by Male"),
    "male-attractive": Setting("Attractive", ("Male",), "Attractive, by Male"),
    "maleyoung-attractive": Setting(
        "Attractive", ("Male", "Young"), "Attractive, young women and the rest"
    ),
}
"""The image settings by name; the second is not the slides', it is for drawn faces.  South German
Credit's are in :mod:`fairtut.chapters.dvge.credit`."""


def group(images: ImageSet, sensitive: tuple[str, ...]) -> Tensor:
    """Return the group that gaps are measured for, int64 (n,).

    One attribute is its own group.  "Male ∧ Young" is, as in the released code, *young women*
    against everybody else.
    """
    if sensitive == ("Male", "Young"):
        return (1 - images.labels("Male")) * images.labels("Young")
    if len(sensitive) != 1:
        raise InputError(f"no group is defined for {' and '.join(sensitive)}")
    return images.labels(sensitive[0])


@dataclass(frozen=True)
class Task:
    """The labels of a setting and the rows of each part.

    Attributes
    ----------
    name : str
        A key of :data:`SETTINGS`.
    y, s : int64 tensors, shape (n,)
    train, val, test : int64 tensors
        Rows.
    """

    name: str
    y: Tensor
    s: Tensor
    train: Tensor
    val: Tensor
    test: Tensor

    def cut(self, values: Tensor) -> dict[str, Tensor]:
        """Return the training, validation and test rows of labels (n,) or codes (.., n, d)."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        where = max(values.ndim - 2, 0)  # the axis of people
        return {name: values.index_select(where, rows.to(values.device))
                for name, rows in parts.items()}  # fmt: skip

    def people(self, part: str) -> tuple[Rows, Rows]:
        """Return y and s of ``"val"`` or ``"test"`` as arrays."""
        rows = getattr(self, part)
        y, s = self.y[rows].cpu().numpy(), self.s[rows].cpu().numpy()
        return y, s


def people(preset: Preset, data: str, seed: int, device: torch.device | str = "cpu") -> ImageSet:
    """Return the images of a run: CelebA for ``real``, else drawn faces."""
    if data == "real":
        return photographs.load("celeba", size=preset.size, device=device)
    return faces.sample(
        preset.faces, seed=seed, size=preset.size, nuisance=preset.nuisance, device=device
    ).images


def task_of(images: ImageSet, name: str, most: int | None) -> Task:
    """Return a setting's labels and parts; ``most`` limits the training rows."""
    setting = SETTINGS[name]
    train, val, test = (
        torch.from_numpy(np.flatnonzero(images.split == part)) for part in ("train", "val", "test")
    )
    return Task(
        name, images.labels(setting.target), group(images, setting.sensitive),
        some(train, most), val, test,
    )  # fmt: skip


def some(rows: Tensor, most: int | None) -> Tensor:
    """Return all rows, or a random choice of ``most`` in their order, always the same one."""
    if most is None or len(rows) <= most:
        return rows
    order = torch.randperm(len(rows), generator=torch_rng(0, "most"))
    return rows[order[:most].sort().values]
