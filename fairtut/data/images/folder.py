"""Your own images: a folder or an archive, and a table that says what is on each."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from fairtut.data.columns import spelled_once
from fairtut.data.images.cache import Origin, Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import (
    SPLIT_WORDS,
    Labels,
    as_binary,
    as_splits,
    random_split,
    read_table,
    without_gaps,
)
from fairtut.data.images.official import stamp
from fairtut.data.images.sources import plain_path
from fairtut.data.local import digest
from fairtut.errors import DataError, MissingData

if TYPE_CHECKING:
    import pandas as pd

_SPLIT_NAMES: Final = ("partition", "set", "subset", "fold", "phase")
"""What a column of splits is called, too."""
_NUMBER: Final = r"\s*[+-]?(0|[1-9]\d{0,14})?(\.\d*)?([eE][+-]?\d+)?(?<=[\d.])\s*"
"""Numbers, but not codes such as 007, and no more digits than double precision keeps."""


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
        numbers, and words, and codes such as 007, become categories.  Gaps (empty, NA, nan, null,
        None) become NaN; only whoever asks for that column is refused.
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
        If the table lacks the file column or holds a gap in it, spells a split in another way or
        calls it by another name, or puts one image into two splits.
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
    frame = _read(table, file, split)
    names = without_gaps(frame[file], table)
    files = [plain_path(str(name).strip()) for name in names]
    if split in frame.columns:
        parts = as_splits(without_gaps(frame[split], table).tolist(), table)
    else:
        n, together = len(frame), files if len(set(files)) < len(files) else None
        parts = random_split(n, n * 6 // 10, n * 2 // 10, seed, together)
    attributes = frame.drop(columns=[file, split or file], errors="ignore")
    for column in attributes.columns:
        if split is not None and split not in frame.columns:
            _no_split(attributes[column], split, table)
        attributes[column] = _column(attributes[column], table)
    return Labels(files, attributes, parts)


def _read(table: Path, file: str, split: str | None) -> pd.DataFrame:
    """Read a table as text, with its columns named as the caller calls them."""
    plain = {"header": None, "dtype": str, "skipinitialspace": True, "encoding": "utf-8-sig"}
    frame = read_table(table, (), **plain)
    known = {name.strip().lower(): name for name in (split, file) if name is not None}
    header = [str(name).strip() for name in frame.iloc[0]]
    header = [known.get(name.lower(), name) for name in header]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{table} has several columns called {twice!r}: keep one")
    if file not in header:
        here = ", ".join(header[:8])
        raise DataError(
            f"{table} has no column {file!r}: it needs one, between commas (it has {here}); or "
            "pass its name as file=..."
        )
    if len(frame) < 2:
        raise DataError(f"{table} holds no rows: it needs one per image")
    return frame.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)


def _no_split(values: pd.Series, split: str, path: Path) -> None:
    """Raise if a column is a split under another name: a random one would mix what it parts."""
    words = set(values.dropna().str.strip().str.lower().str.removesuffix(".0"))
    alike = get_close_matches(str(values.name).lower(), (split.lower(), *_SPLIT_NAMES), 1, 0.75)
    if words and words <= set(SPLIT_WORDS) and ("train" in words or "training" in words or alike):
        raise DataError(
            f"{path} has no column {split!r}, but {values.name!r} holds splits: pass "
            f"split={str(values.name)!r}, or split=None for a random split"
        )


def _column(values: pd.Series, path: Path) -> Any:
    """Booleans where the column says yes or no in some way, numbers, else categories.

    A column with gaps stays, with NaN in them: nobody may need it, and whoever does is told.
    """
    import pandas as pd

    said = values.dropna()
    flags = as_binary(said)
    if flags is not None:
        if len(said) == len(values):
            return flags
        return pd.Series(flags.astype(float), index=said.index).reindex(values.index)
    if said.str.fullmatch(_NUMBER).all():
        return pd.to_numeric(values)
    words = values.str.strip()
    spelled_once(words.dropna().tolist(), values.name, str(path), frozenset())
    return words.astype("category")
