"""CelebA: 202,599 faces of 10,177 people, 40 attributes, the official split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from fairtut.data.images.cache import Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import Labels, as_splits, read_table
from fairtut.data.images.official import gather
from fairtut.data.local import opened
from fairtut.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

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
        If a column is missing, a value is not -1 or 1, a number is not whole, a file lacks an image
        or lists it twice, or the first line counts other rows.
    """
    # the first line counts the rows; the header names one column fewer than the rows have
    frame = read_table(attributes, ATTRIBUTES, sep=r"\s+", skiprows=1, index_col=0)
    _counted(attributes, len(frame))
    _listed_once(attributes, frame.index)
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


def _counted(path: Path, rows: int) -> None:
    """Raise unless the first line counts the rows: a file that was cut would pass."""
    with opened(path) as stream:
        said = stream.readline(100).decode("utf-8", "replace").strip()
    if said != str(rows):
        raise DataError(
            f"{path}: its first line says {said!r}, but {rows} rows follow: fetch the file again, "
            "or write their number there"
        )


def _listed_once(path: Path, files: pd.Index) -> None:
    """Raise if a file of labels lists an image twice."""
    if files.has_duplicates:
        raise DataError(f"{path} lists {files[files.duplicated()][0]} twice: keep one line of it")


def _aligned(path: Path, files: pd.Index) -> np.ndarray:
    """Return the whole numbers of a two-column file in the order of ``files``."""
    import pandas as pd

    table = read_table(path, (0, 1), sep=r"\s+", header=None, index_col=None).set_index(0)
    _listed_once(path, table.index)
    values = pd.to_numeric(table[1], errors="coerce")
    odd = values.isna() | (values % 1 != 0)
    if odd.any():
        name = odd.index[odd][0]
        raise DataError(f"{path}: {name} has {str(table[1][name])!r}, which is no whole number")
    numbers = values.reindex(files)
    if numbers.isna().any():
        raise DataError(f"{path} has no line for {numbers.index[numbers.isna()][0]}")
    return numbers.to_numpy(dtype=np.int64)
