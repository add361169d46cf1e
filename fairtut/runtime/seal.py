"""Seals: the last bytes of a kept file say what it is, and that every byte is as it was written.

A file that is kept for a later run is read long after it was written, by other code, from a disk
that may have been full, copied or edited.  :func:`seal` appends what the file claims to be (its
*facts*, as JSON) and a sha256 of everything before it; :func:`unsealed` and :func:`verify` hand
out nothing unless all of it fits.  The readers of ``.pt``, ``.npz`` and ``.npy`` do not mind what
comes after their own last byte, so a sealed file still opens with the usual tools.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from typing import IO, Any, Final

from fairtut.errors import CorruptFile
from fairtut.runtime.io import atomic_path

MARK: Final = b"\nfairtut seal 1\n"
_TAIL: Final = 8 + 32 + len(MARK)  # length of the facts, sha256, mark
_MOST: Final = 1 << 15  # bytes of facts: a zip's reader looks back 64 KiB for its directory
_BLOCK: Final = 1 << 20

PathLike = str | os.PathLike[str]


def seal(path: PathLike, facts: Mapping[str, Any]) -> None:
    """Append facts and a digest of the contents and the facts to a file that is complete.

    Parameters
    ----------
    path : path-like
        Usually the temporary file of :func:`fairtut.runtime.io.atomic_path`.
    facts : mapping
        What JSON can hold, at most 32 KiB of it.
    """
    text = json.dumps(facts, sort_keys=True).encode()
    if len(text) > _MOST:
        raise ValueError(f"{len(text)} bytes of facts: at most {_MOST} fit in a seal")
    with open(path, "r+b") as stream:
        sha = _sha(stream, os.fstat(stream.fileno()).st_size)
        last = text + struct.pack(">Q", len(text))
        sha.update(last)
        stream.seek(0, os.SEEK_END)
        stream.write(last + sha.digest() + MARK)


def write(path: PathLike, contents: bytes | memoryview, facts: Mapping[str, Any]) -> None:
    """Write a sealed file atomically (see :func:`seal`)."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(contents)
        seal(temporary, facts)


def facts_of(path: PathLike) -> dict[str, Any]:
    """Return what a sealed file claims to be, without reading its contents (raises as verify)."""
    with open(path, "rb") as stream:
        return _facts(stream, path)[0]


def verify(path: PathLike) -> dict[str, Any]:
    """Read a whole sealed file and return its facts.

    Raises
    ------
    fairtut.errors.CorruptFile
        If it has no seal, or any byte differs from what was sealed.
    """
    with open(path, "rb") as stream:
        facts, size, last = _facts(stream, path)
        stream.seek(0)
        sha = _sha(stream, size)
        sha.update(last[:-_TAIL] + last[-_TAIL:][:8])
        if sha.digest() != last[-_TAIL:][8:40]:
            raise CorruptFile(f"{path} is damaged (its digest differs): delete it")
        return facts


def unsealed(path: PathLike, limit: int | None = None) -> tuple[bytes, dict[str, Any]]:
    """Return the contents of a sealed file and its facts (raises as :func:`verify`).

    The bytes that are returned are those that were checked, even if the file changes meanwhile.
    A file of more than ``limit`` bytes is refused before it fills the memory.
    """
    with open(path, "rb") as stream:
        whole = stream.read(-1 if limit is None else limit + 1)
    if limit is not None and len(whole) > limit:
        raise CorruptFile(f"{path} is damaged (more than {limit} bytes): delete it")
    cut = len(whole) - _TAIL
    length = _length(whole[cut:] if cut >= 0 else b"", cut, path)
    if hashlib.sha256(whole[: cut + 8]).digest() != whole[cut + 8 : cut + 40]:
        raise CorruptFile(f"{path} is damaged (its digest differs): delete it")
    return whole[: cut - length], _parsed(whole[cut - length : cut], path)


def _facts(stream: IO[bytes], path: PathLike) -> tuple[dict[str, Any], int, bytes]:
    """Return the facts, the size of the contents, and all bytes after the contents."""
    size = os.fstat(stream.fileno()).st_size
    stream.seek(max(size - _TAIL, 0))
    tail = stream.read(_TAIL)
    length = _length(tail, size - _TAIL, path)
    stream.seek(size - _TAIL - length)
    text = stream.read(length)
    return _parsed(text, path), size - _TAIL - length, text + tail


def _length(tail: bytes, room: int, path: PathLike) -> int:
    """Return the length of the facts, from the last bytes of a file."""
    length = struct.unpack(">Q", tail[:8])[0] if len(tail) == _TAIL else -1
    if not tail.endswith(MARK) or not 0 <= length <= min(_MOST, room):
        raise CorruptFile(f"{path} is not whole (its seal is missing): delete it")
    return int(length)


def _parsed(text: bytes, path: PathLike) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise CorruptFile(f"{path} is damaged (its seal cannot be read): delete it")
    return facts


def _sha(stream: IO[bytes], size: int) -> Any:
    """Return the running sha256 of the first ``size`` bytes."""
    sha = hashlib.sha256()
    while size > 0 and (block := stream.read(min(_BLOCK, size))):
        sha.update(block)
        size -= len(block)
    return sha
