"""Files that are either whole or absent: atomic writes by a rename in the same folder."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairtut.errors import MissingData


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary sibling of ``path`` that is renamed onto it on success.

    The rename happens inside one folder, so it is atomic on every POSIX file system and on
    Windows; a process that is killed before it leaves the old file untouched.  The temporary name
    starts with a dot and ends in ``.tmp``, which every reader of this package ignores.

    Parameters
    ----------
    path : path-like
        The file to write.  Missing parent folders are made.

    Yields
    ------
    pathlib.Path
        The temporary file to write to, in the folder of ``path``.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())  # else a crash can leave an empty file behind the new name
        # mkstemp makes the file private; the result gets the permissions of an ordinary file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` to ``path`` atomically and return the path."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def atomic_write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write ``text`` as UTF-8 to ``path`` atomically and return the path."""
    return atomic_write_bytes(path, text.encode("utf-8"))


def stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced; nothing where there is none."""
    try:
        info = path.stat()
    except OSError:
        return ()
    return info.st_ino, info.st_size, info.st_mtime_ns


def torch_bytes(value: Any) -> memoryview:
    """Return what :func:`torch.save` would write.

    Its own writer raises no OSError where a disk is full, so the bytes are written by us.
    """
    import torch

    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getbuffer()


def cannot_keep(path: Path, error: OSError) -> MissingData:
    """Return the error that says why a file of the cache cannot be written, and what to do."""
    return MissingData(
        f"cannot keep {path.name} in {path.parent} ({error.strerror or error}): set "
        "FAIRTUT_CACHE to a folder with room that you may write to"
    )
