"""What is kept of earlier runs, in one file: to go on with it on another machine."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fairtut import campaign, doctor
from fairtut.data.archives import UNREADABLE, extract_member
from fairtut.errors import CorruptFile, InputError
from fairtut.runtime import inventory, seal
from fairtut.runtime.cache import cache_folder
from fairtut.runtime.io import atomic_path

CARRIED: Final = ("cells", "models")
"""Folders of the cache that travel; pictures and their codes are made again faster than sent."""
_NAME: Final = re.compile(r"(?:cells|models)(?:/[\w@=+-][\w.@=+-]*)+|campaign/[a-z0-9-]+\.json")
_ENTRY: Final = 1024  # bytes that a file's two entries take at most, names included
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


@dataclass(frozen=True)
class Packed:
    """What was written, and what had no room."""

    file: Path
    files: int
    left: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in one line."""
        rest = f"; no room for {len(self.left)}: {', '.join(self.left[:5])}" if self.left else ""
        return f"{self.file}: {self.files} files, {self.file.stat().st_size / 1e6:,.1f} MB{rest}"


def pack(file: str | os.PathLike[str], most: float = 60.0) -> Packed:
    """Write what this version of the code can use into a zip: results of cells, then models.

    Parameters
    ----------
    file : path-like
        The archive; it appears only when it is whole.
    most : float
        Megabytes that it may have.  The smallest files come first, and what has no room is named.

    Raises
    ------
    fairtut.errors.InputError
        If there is nothing to pack, or ``most`` is not positive.
    """
    if not most > 0:
        raise InputError(f"{most} MB: give a positive size, such as 60")
    root, items = doctor.kept()
    paths = _ordered(root, items)
    if not paths:
        raise InputError(f"{root} holds nothing that this version can use: run a chapter first")
    left: list[str] = []
    used = 0
    with (
        atomic_path(Path(file)) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as bundle,
    ):
        for path in paths:
            name = path.relative_to(root).as_posix()
            # before packing it, its size is only bounded: by what it has unpacked
            if used + path.stat().st_size + _ENTRY > most * 1e6:
                left.append(name)
                continue
            info = zipfile.ZipInfo(name, _EPOCH)
            bundle.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
            used += info.compress_size + _ENTRY
    return Packed(Path(file), len(paths) - len(left), tuple(left))


def unpack(file: str | os.PathLike[str]) -> int:
    """Add what an archive holds to the cache, and return how many files were new.

    A file is taken in only if it is whole, as its seal says; one that is there stays.  Whether it
    is used is decided as always: by its key, which names the code, torch and the processor.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the archive cannot be read, a name in it is none of the cache's, or a file is damaged.
    """
    root, new = cache_folder(), 0
    try:
        with zipfile.ZipFile(file) as bundle:
            names = bundle.namelist()
    except (*UNREADABLE, OSError) as error:
        raise CorruptFile(f"{Path(file).name} cannot be read ({error}): pack it again") from error
    for name in names:
        if not _NAME.fullmatch(name):
            raise CorruptFile(f"{Path(file).name}: {name!r} is no file of a cache: pack it again")
    with tempfile.TemporaryDirectory(prefix=".unpack.", dir=root) as folder:
        for name in names:
            if (root / name).exists():
                continue
            whole = extract_member(file, name, Path(folder) / "member")
            if not name.startswith("campaign/"):
                seal.verify(whole)
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(whole, root / name)
            new += 1
    return new


def _ordered(root: Path, items: Sequence[inventory.Item]) -> list[Path]:
    """Return the files that travel: journals, results of cells, then models, small ones first."""
    usable = [p for item in items if item.state == inventory.USED for p in item.files]
    known = [p for p in usable if p.relative_to(root).parts[0] in CARRIED]
    journals = sorted((root / campaign.FOLDER).glob("*.json"))
    return journals + sorted(known, key=lambda p: (p.relative_to(root).parts[0], p.stat().st_size))
