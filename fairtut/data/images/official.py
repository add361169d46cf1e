"""Which official files of an image set are here, verified whenever they are read.

Reading an archive of images takes seconds, so which digests the files had is remembered, by size,
times and inode.  What is remembered only finds the set that was decoded from verified bytes (which
has a digest of its own); before a byte of the files is used again, they are verified again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fairtut.data.cards import File
from fairtut.data.images.cache import Origin, cache_root
from fairtut.data.images.sources import files_below
from fairtut.data.images.stored import MOST
from fairtut.data.local import (
    Found,
    Located,
    digest,
    edition,
    find,
    folder_of,
    how_to_get,
    verifying,
)
from fairtut.data.registry import dataset
from fairtut.errors import CorruptFile, MissingData
from fairtut.runtime import seal


def gather(name: str, archive: str, folders: Sequence[str]) -> tuple[Located, Origin]:
    """Find and verify the files of an image set.

    Parameters
    ----------
    name : str
        Of the data set in the registry.
    archive : str
        The registry's path of the archive of images.
    folders : sequence of str
        Folders, below the data set's, that stand for the archive where it was unpacked.

    Raises
    ------
    fairtut.errors.MissingData, fairtut.errors.CorruptFile
        As :func:`fairtut.data.files.verify`.
    """
    entry = dataset(name)
    folder = folder_of(entry)
    found = []
    for file in entry.files:
        hit = find(folder, file)
        if hit is None and file.path == archive:
            hit = _unpacked(folder, file, folders)
        if hit is None:
            raise MissingData(how_to_get(entry, file, folder, f"{file.path} is not there"))
        found.append(hit)
    pinned = json.dumps([asdict(file) for file in entry.files], sort_keys=True)
    here = Located(entry, folder, tuple(found))
    labels, identity, fresh = _verified(here, pinned)

    def confirm() -> None:
        if not fresh and _read(here) != (labels, identity):
            raise CorruptFile(f"{folder} changed behind its times: delete and fetch {name} again")

    checked = tuple(
        Found(hit.file, hit.paths, label) for hit, label in zip(found, labels, strict=True)
    )
    located = Located(entry, folder, checked)
    return located, Origin(name, located.source, identity, located.paths(archive), confirm)


def _unpacked(folder: Path, file: File, folders: Sequence[str]) -> Found | None:
    """Return the first folder that stands for the archive; ``"."`` does if it holds folders."""
    for name in folders:
        path = folder / name
        if path.is_dir() and (name != "." or any(child.is_dir() for child in path.iterdir())):
            return Found(file, (path,))
    return None


def stamp(path: Path) -> str:
    """Return what changes when a file, or any file of a folder, changes.

    Size, times and inode: the time of a change of status cannot be set back as that of the
    content can.
    """
    if not path.is_dir():
        return _mark(path.stat())
    sha = hashlib.sha256()
    for name, entry in files_below(path):
        sha.update(f"{name} {_mark(entry.stat())}\n".encode())
    return sha.hexdigest()


def _mark(info: os.stat_result) -> str:
    return f"{info.st_size}-{info.st_mtime_ns}-{info.st_ctime_ns}-{info.st_ino}"


def _verified(located: Located, pinned: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return the edition of each file, what identifies each path, and whether it was read now."""
    paths = [path for found in located.files for path in found.paths]
    stamps = [stamp(path) for path in paths]
    if not verifying():
        return ("not verified",) * len(located.files), tuple(stamps), True
    key = json.dumps([pinned, [str(path) for path in paths], stamps])
    memory = cache_root() / "verified" / hashlib.sha256(key.encode()).hexdigest()[:32]
    with contextlib.suppress(OSError, CorruptFile):  # not verified yet
        known, labels, identity = json.loads(seal.unsealed(memory, MOST)[0])
        if known == key:
            return tuple(labels), tuple(identity), False
    labels, identity = _read(located)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time only
        seal.write(memory, json.dumps([key, labels, identity]).encode(), {})
    return labels, identity, True


def _read(located: Located) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read every file: the edition of each, and what identifies each path."""
    paths = [path for found in located.files for path in found.paths]
    labels = tuple(_edition(located, found) for found in located.files)
    return labels, tuple(stamp(path) if path.is_dir() else digest(path)[0] for path in paths)


def _edition(located: Located, found: Found) -> str:
    if found.paths[0].is_dir():
        return "a folder of images, not verified"
    return edition(located.dataset, found)
