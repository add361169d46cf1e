"""Your own images: a folder or an archive, and a table that says what is on each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fairtut.data.images.cache import Origin, Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import (
    Labels,
    as_binary,
    as_splits,
    random_split,
    read_table,
    without_gaps,
)
from fairtut.data.images.official import stamp
from fairtut.data.local import digest
from fairtut.errors import DataError, MissingData

if TYPE_CHECKING:
    import pandas as pd


def from_folder(
    path: str | os.PathLike[str],
    csv: str | os.PathLike[str],
    size: int = 64,
    device: str | torch.device = "cpu",
    limit: int | None = None,
    skip_corrupt: bool = False,
    resize: str = "crop",
    *,
    file: str = "file",
    split: str = "split",
    seed: int = 0,
    name: str | None = None,
) -> ImageSet:
    """Load your own images.

    Parameters
    ----------
    path : path-like
        A folder (with folders in it, if you like) or a zip or tar archive of images.
    csv : path-like
        A table with one row per image and a header.  A column written as 0/1, -1/1, true/false or
        yes/no becomes a boolean attribute, other numbers stay numbers, and words become
        categories.
    size, device, limit, skip_corrupt, resize
        As in :func:`fairtut.data.images.load`.
    file : str
        Column that names the image: its path in the folder, or the end of it.
    split : str
        Column of train, val (or valid, validation) and test, or of 0, 1 and 2.  Without such a
        column the rows are split at random in 60, 20 and 20 of a hundred.
    seed : int
        Draws the random split.
    name : str, optional
        What to call the set; the folder's name without it.

    Returns
    -------
    ImageSet

    Raises
    ------
    fairtut.errors.MissingData
        If the folder, the table, or every image is missing.
    fairtut.errors.DataError
        If the table lacks the file column, holds gaps, or spells a split in another way.
    fairtut.errors.CorruptFile
        If an image cannot be decoded, unless ``skip_corrupt``.
    """
    images, table = Path(path).expanduser().absolute(), Path(csv).expanduser().absolute()
    if not images.exists():
        raise MissingData(f"{images} is not there: give a folder or an archive of images")
    if not table.is_file():
        raise MissingData(f"{table} is not there: give a CSV file with a row per image")
    title = name or images.name.split(".")[0] or "images"
    marks = (stamp(path) if path.is_dir() else digest(path)[0] for path in (images, table))
    identity = (str(images), str(table), *marks)
    origin = Origin(title, f"{title}: images of your own", identity, (images,))
    wanted = Wanted(size, resize, limit, {"file": file, "split": split, "seed": seed})
    return assemble(
        origin, lambda: read_labels(table, file, split, seed), wanted, device, skip_corrupt
    )


def read_labels(table: Path, file: str = "file", split: str = "split", seed: int = 0) -> Labels:
    """Read a table of labels; as :func:`from_folder`."""
    frame = read_table(table, (file,), dtype={file: str}, skipinitialspace=True)
    frame.columns = [
        split if name.strip().lower() == split.lower() else name.strip()
        for name in map(str, frame.columns)
    ]
    if list(frame.columns).count(split) > 1:
        raise DataError(f"{table} has several columns called {split!r}: keep one")
    names = without_gaps(frame[file], table)
    files = [str(name).strip().replace("\\", "/").removeprefix("./") for name in names]
    if split in frame.columns:
        parts = as_splits(frame[split].tolist(), table)
    else:
        parts = random_split(len(frame), len(frame) * 6 // 10, len(frame) * 2 // 10, seed)
    attributes = frame.drop(columns=[file, split], errors="ignore")
    for column in attributes.columns:
        attributes[column] = _column(without_gaps(attributes[column], table))
    return Labels(files, attributes, parts)


def _column(values: pd.Series) -> Any:
    """Booleans where the column says yes or no in some way, numbers, else categories."""
    flags = as_binary(values)
    if flags is not None:
        return flags
    return values if values.dtype.kind in "if" else values.astype(str).astype("category")
