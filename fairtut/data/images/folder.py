"""Your own images: a folder or an archive, and a table that says what is on each."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from fairtut.data.images.cache import Origin, Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import (
    Labels,
    as_splits,
    random_split,
    without_gaps,
)
from fairtut.data.images.official import stamp
from fairtut.data.images.own import column, no_flag, no_split, read_own
from fairtut.data.images.sources import plain_path
from fairtut.data.local import digest
from fairtut.errors import MissingData


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
    split: str | None = "split",
    seed: int = 0,
    name: str | None = None,
) -> ImageSet:
    r"""Load your own images.

    Parameters
    ----------
    path : path-like
        A folder (with folders in it, if you like) or a zip or tar archive of images.
    csv : path-like
        A table with one row per image and a header, in UTF-8 and between commas.  A column
        written as 0/1, -1/1, true/false or yes/no becomes a boolean attribute, other numbers stay
        numbers, and words, and codes such as 007 or 1E2 beside 10E1, become categories.  Gaps
        (empty, NA, N/A, nan, null, nil, None, ``?`` and ``-``, in any capitals) become NaN; only
        whoever asks for that column is refused.
    size, device, limit, skip_corrupt, resize
        As in :func:`fairtut.data.images.load`.
    file : str
        Column that names the image: its path in the folder, or the end of it.
    split : str or None
        Column of train, val (or valid, validation) and test, or of 0, 1 and 2.  Without such a
        column, or with None, the rows are split at random in 60, 20 and 20 of a hundred, all rows
        of one image together.
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
        If the table lacks the file column or holds a gap in it or a line break in any cell, spells
        a split in another way, holds what may be one under another name, or gives one image two
        splits or two labels.
    fairtut.errors.InputError
        If a column spells one word in two ways.
    fairtut.errors.CorruptFile
        If an image cannot be decoded, unless ``skip_corrupt``.

    Examples
    --------
    Two pictures of one colour, the second of them wider than high:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from PIL import Image
    >>> from fairtut.data.images import from_folder
    >>> with tempfile.TemporaryDirectory() as here:
    ...     Image.new("RGB", (8, 8), (255, 0, 0)).save(f"{here}/a.png")
    ...     Image.new("RGB", (32, 16), (0, 0, 255)).save(f"{here}/b.png")
    ...     table = Path(here, "labels.csv")
    ...     size = table.write_text("file,split,Smiling\na.png,train,yes\nb.png,test,no\n")
    ...     with mock.patch.dict(os.environ, FAIRTUT_CACHE=f"{here}/cache"):
    ...         images = from_folder(here, table, size=8)
    >>> images.x.shape, images.x[:, :, 0, 0].tolist()
    (torch.Size([2, 3, 8, 8]), [[255, 0, 0], [0, 0, 255]])
    >>> images.split.tolist(), images.attributes["Smiling"].tolist()
    (['train', 'test'], [True, False])
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


def read_labels(
    table: Path, file: str = "file", split: str | None = "split", seed: int = 0
) -> Labels:
    """Read a table of labels; as :func:`from_folder`."""
    frame = read_own(table, file, split)
    names = without_gaps(frame[file], table)
    files = [plain_path(str(name)) for name in names]
    if split in frame.columns:
        no_flag(frame[split], table)
        parts = as_splits(without_gaps(frame[split], table).tolist(), table)
    else:
        n, together = len(frame), files if len(set(files)) < len(files) else None
        parts = random_split(n, n * 6 // 10, n * 2 // 10, seed, together)
    attributes = frame.drop(columns=[file, split or file], errors="ignore")
    for name in attributes.columns:
        if split is not None and split not in frame.columns:
            no_split(attributes[name], split, table)
        attributes[name] = column(attributes[name], table)
    return Labels(files, attributes, parts)
