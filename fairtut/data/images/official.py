"""Which official files of an image set are here, verified once and remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fairtut.data.cards import File
from fairtut.data.images.cache import Origin, cache_root
from fairtut.data.images.sources import files_below
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
from fairtut.errors import MissingData
from fairtut.runtime.io import atomic_write_text


def gather(name: str, archive: str, folders: Sequence[str]) -> tuple[Located, Origin]:
    """Find and verify the files of an image set.

    The digests of files that have not changed since they were last verified, by size and time of
    change, are remembered in the cache, because reading an archive of images takes seconds.

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
    labels, identity = _verified(Located(entry, folder, tuple(found)), pinned)
    checked = tuple(
        Found(hit.file, hit.paths, label) for hit, label in zip(found, labels, strict=True)
    )
    located = Located(entry, folder, checked)
    return located, Origin(name, located.source, identity, located.paths(archive))


def _unpacked(folder: Path, file: File, folders: Sequence[str]) -> Found | None:
    """Return the first folder that stands for the archive; ``"."`` does if it holds folders."""
    for name in folders:
        path = folder / name
        if path.is_dir() and (name != "." or any(child.is_dir() for child in path.iterdir())):
            return Found(file, (path,))
    return None


def stamp(path: Path) -> str:
    """Return what changes when a file, or any file of a folder, changes."""
    if not path.is_dir():
        info = path.stat()
        return f"{info.st_size}-{info.st_mtime_ns}"
    sha = hashlib.sha256()
    for name, entry in files_below(path):
        info = entry.stat()
        sha.update(f"{name} {info.st_size}-{info.st_mtime_ns}\n".encode())
    return sha.hexdigest()


def _verified(located: Located, pinned: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the edition of each file, and what identifies each path."""
    paths = [path for found in located.files for path in found.paths]
    stamps = [stamp(path) for path in paths]
    if not verifying():
        return ("not verified",) * len(located.files), tuple(stamps)
    key = json.dumps([pinned, [str(path) for path in paths], stamps])
    memory = cache_root() / "verified" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    try:
        labels, identity = json.loads(memory.read_text(encoding="utf-8"))
        return tuple(labels), tuple(identity)
    except (OSError, ValueError):
        pass  # not verified yet
    labels = tuple(_edition(located, found) for found in located.files)
    identity = tuple(
        mark if path.is_dir() else digest(path)[0] for path, mark in zip(paths, stamps, strict=True)
    )
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time only
        atomic_write_text(memory, json.dumps([labels, identity]))
    return labels, identity


def _edition(located: Located, found: Found) -> str:
    if found.paths[0].is_dir():
        return "a folder of images, not verified"
    return edition(located.dataset, found)
