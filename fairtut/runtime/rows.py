"""Large arrays on disk, written in pieces and read as needed, each byte checked once per process.

The file is an ``.npy`` with a seal behind it.  It is written by plain writes, which a full disk
turns into an error: a write to mapped memory would kill the process.
"""

from __future__ import annotations

import functools
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import CorruptFile
from fairtut.runtime import seal
from fairtut.runtime.io import atomic_path, cannot_keep

Floats = NDArray[np.float32]


def write_rows(
    path: Path, shape: tuple[int, ...], pieces: Iterable[Floats], facts: Mapping[str, Any]
) -> None:
    """Write float32 rows that come in pieces; the file is whole, sealed, or not there.

    Parameters
    ----------
    path : pathlib.Path
    shape : tuple of int
        Of all pieces together.
    pieces : iterable of float32 array
        Arrays whose rows follow each other.
    facts : mapping
        What the seal says; see :func:`fairtut.runtime.cache.facts`.

    Raises
    ------
    fairtut.errors.MissingData
        If there is no room, or nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        need, room = 4 * math.prod(shape), shutil.disk_usage(path.parent).free
        if need > room:  # say so now, and not after an hour's work
            raise OSError(f"{need >> 20} MiB are needed and {room >> 20} MiB are free")
        with atomic_path(path) as temporary:
            with open(temporary, "wb") as stream:
                head = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(stream, head)
                for piece in pieces:
                    stream.write(np.ascontiguousarray(piece, dtype="<f4").data)
            seal.seal(temporary, facts)
    except OSError as error:
        raise cannot_keep(path, error) from error


def read_rows(path: Path, facts: Mapping[str, Any]) -> Floats:
    """Return the rows of a file, mapped: only what is used is read, a write stays in memory.

    The whole file is read and checked at the first call in a process, and again if the file was
    replaced.

    Raises
    ------
    fairtut.errors.CorruptFile
        If a byte of it has changed, or it holds something else.
    """
    info = path.stat()
    said = _verified(path, info.st_ino, info.st_size, info.st_mtime_ns)
    if said != facts:
        raise CorruptFile(f"{path} holds something else: delete it")
    rows: Floats = np.load(path, mmap_mode="c", allow_pickle=False)
    return rows


@functools.lru_cache(maxsize=256)
def _verified(path: Path, *stamp: int) -> dict[str, Any]:
    return seal.verify(path)
