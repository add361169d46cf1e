"""Small files that say whether they are whole: a digest first, then what it is the digest of."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from fairtut.errors import CorruptFile
from fairtut.runtime.io import atomic_write_bytes

MARK: Final = b"fairtut sealed sha256 "
_HEAD: Final = len(MARK) + 64 + 1


def write(path: str | os.PathLike[str], body: bytes) -> Path:
    """Write ``body`` below a line with its digest, atomically."""
    head = MARK + hashlib.sha256(body).hexdigest().encode() + b"\n"
    return atomic_write_bytes(path, head + body)


def read(path: str | os.PathLike[str], limit: int = 1 << 28) -> bytes:
    """Return what was written; the digest is compared before a byte of it is looked at.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    fairtut.errors.CorruptFile
        If it is not exactly what :func:`write` wrote, or longer than ``limit`` bytes.
    """
    with open(path, "rb") as stream:
        data = stream.read(limit + 1)
    body = data[_HEAD:]
    expected = MARK + hashlib.sha256(body).hexdigest().encode() + b"\n"
    if len(data) > limit or data[:_HEAD] != expected:
        raise CorruptFile(f"{path} is damaged (its digest differs): delete it")
    return body
