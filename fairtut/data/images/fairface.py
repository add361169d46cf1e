"""FairFace: 97,698 labelled faces in seven race groups and nine age groups."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch

from fairtut.data.images.cache import Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import Labels, read_table
from fairtut.data.images.official import gather
from fairtut.errors import DataError

AGES: Final = (
    "0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70",
)  # fmt: skip
RACES: Final = (
    "Black", "East Asian", "Indian", "Latino_Hispanic", "Middle Eastern", "Southeast Asian",
    "White",
)  # fmt: skip
GENDERS: Final = ("Female", "Male")
"""What annotators could choose."""


def load(
    size: int = 64,
    device: str | torch.device = "cpu",
    limit: int | None = None,
    skip_corrupt: bool = False,
    resize: str = "crop",
) -> ImageSet:
    """Load FairFace.

    Returns
    -------
    ImageSet
        Boolean ``Male``, and the categories ``age`` (ordered), ``gender`` and ``race``, all of
        them annotators' guesses.  The official training and validation files are ``"train"`` and
        ``"test"``.

    Raises
    ------
    fairtut.errors.MissingData, fairtut.errors.CorruptFile, fairtut.errors.DataError
        As :func:`fairtut.data.images.load`.
    """
    archive = "fairface-img-margin025-trainval.zip"
    located, origin = gather("fairface", archive, (Path(archive).stem, "."))
    (train,) = located.paths("fairface_label_train.csv")
    (test,) = located.paths("fairface_label_val.csv")
    wanted = Wanted(size, resize, limit)
    return assemble(origin, lambda: read_labels(train, test), wanted, device, skip_corrupt)


def read_labels(train: Path, test: Path) -> Labels:
    """Read the two official label files.

    Raises
    ------
    fairtut.errors.DataError
        If a column is missing, or a value is none of those that annotators could choose.
    """
    import pandas as pd

    known = {"age": AGES, "gender": GENDERS, "race": RACES}
    tables = [read_table(path, ("file", *known)) for path in (train, test)]
    data = {}
    for column, values in known.items():
        for path, table in zip((train, test), tables, strict=True):
            odd = np.flatnonzero(~table[column].isin(values).to_numpy())
            if len(odd):
                raise DataError(
                    f"{path}: {column} {table[column].iloc[odd[0]]!r} in data row {odd[0] + 1} is "
                    f"none of {', '.join(values)}"
                )
        words = pd.concat([table[column] for table in tables], ignore_index=True)
        data[column] = pd.Categorical(words, categories=list(values), ordered=column == "age")
    files = [str(name) for table in tables for name in table["file"]]
    split = np.repeat(["train", "test"], [len(table) for table in tables])
    male = np.asarray(data["gender"] == "Male")
    return Labels(files, pd.DataFrame({"Male": male, **data}), split)
