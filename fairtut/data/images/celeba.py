"""CelebA: 202,599 faces of 10,177 people, 40 attributes, the official split."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch

from fairtut.data.images.cache import Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import Labels, as_splits, read_table
from fairtut.data.images.official import gather
from fairtut.errors import DataError

ATTRIBUTES: Final = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs",
    "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows",
    "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup",
    "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard",
    "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns",
    "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat",
    "Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young",
)  # fmt: skip
"""The 40 attributes; the file's header says which column is which."""


def load(
    size: int = 64,
    device: str | torch.device = "cpu",
    limit: int | None = None,
    skip_corrupt: bool = False,
    resize: str = "crop",
) -> ImageSet:
    """Load CelebA.

    Returns
    -------
    ImageSet
        Boolean columns :data:`ATTRIBUTES` and the integer ``identity``; the official split.

    Raises
    ------
    fairtut.errors.MissingData, fairtut.errors.CorruptFile, fairtut.errors.DataError
        As :func:`fairtut.data.images.load`.
    """
    located, origin = gather("celeba", "img_align_celeba.zip", ("img_align_celeba",))
    names = ("list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt")
    paths = [located.paths(name)[0] for name in names]
    wanted = Wanted(size, resize, limit)
    return assemble(origin, lambda: read_labels(*paths), wanted, device, skip_corrupt)


def read_labels(attributes: Path, partition: Path, identity: Path) -> Labels:
    """Read the three official label files.

    Raises
    ------
    fairtut.errors.DataError
        If a column is missing, a value is not -1 or 1, or a file lacks an image.
    """
    # the first line counts the rows; the header names one column fewer than the rows have
    frame = read_table(attributes, ATTRIBUTES, sep=r"\s+", skiprows=1, index_col=0)
    frame = frame[list(ATTRIBUTES)]
    values = frame.to_numpy()
    odd = np.argwhere((values != 1) & (values != -1))
    if len(odd):
        row, column = odd[0]
        raise DataError(
            f"{attributes}: {ATTRIBUTES[column]} of {frame.index[row]} is {values[row, column]}, "
            "neither -1 nor 1"
        )
    flags = frame == 1
    flags["identity"] = _aligned(identity, flags.index)
    split = as_splits(_aligned(partition, flags.index).tolist(), partition)
    return Labels([str(name) for name in flags.index], flags, split)


def _aligned(path: Path, files: object) -> np.ndarray:
    """Return the numbers of a two-column file in the order of ``files``."""
    table = read_table(path, (0, 1), sep=r"\s+", header=None, index_col=None)
    numbers = table.set_index(0)[1].reindex(files)
    if numbers.isna().any():
        raise DataError(f"{path} has no line for {numbers.index[numbers.isna()][0]}")
    return numbers.to_numpy(dtype=np.int64)
