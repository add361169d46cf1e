"""Images in a tar archive, packed or not: read in order, and never more than a block in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import posixpath
import shutil
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Self

from fairtut.data.archives import leads_out
from fairtut.data.images.sources import IMAGE_LIMIT, Entry, Source, plain_path
from fairtut.errors import CorruptFile

RATIO: Final = 100
"""How many times its size an archive of images may inflate to (photographs: hardly more than 1)."""
FREE: Final = 1 << 26
"""Bytes that any archive may inflate to."""
BLOCK: Final = 1 << 16
HEADER: Final = 1 << 20
"""Bytes that are read at once at most, also of the headers that tarfile reads as a whole."""
_GZIP, _BZIP2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
_ENDS = (".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz")
_XZ_MEMORY: Final = 1 << 27  # the largest preset needs 65 MiB
_BROKEN = (
    tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError,
    RecursionError,
)  # fmt: skip


def is_tar(path: Path) -> bool:
    """Tell whether a file is a tar archive or a packed one, or is called so and is no zip."""
    head = _head(path)
    if head.startswith((_GZIP, _BZIP2, _XZ)) or head[257:262] == b"ustar":
        return True
    return path.name.lower().endswith(_ENDS) and not head.startswith(b"PK")


def _head(path: Path) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(512)


class Tar(Source):
    """The members of a tar archive.

    A packed archive can only be read from its beginning: once for the names, and once for the
    wanted members, which are put into a file without a name.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self.path = path
        self._spool: IO[bytes] | None = None
        self._places: dict[int, int] = {}
        self._lock = threading.Lock()
        plain: dict[str, Entry] = {}
        links = []
        for number, info, _ in self._members():
            name, target = self._checked(info)
            if target is not None:
                links.append((name, target))
            elif info.isreg():
                entry = plain[name] = Entry(name, info.size, number)
                self.entries.append(entry)
        for name, target in links:  # a link is another name of what it points to
            if target in plain:
                entry = plain[name] = Entry(name, plain[target].size, plain[target].where)
                self.entries.append(entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._spool is not None:
            self._spool.close()

    def _checked(self, info: tarfile.TarInfo) -> tuple[str, str | None]:
        """Return a member's path, and what it points to if it is a link."""
        if leads_out(info.name):
            raise CorruptFile(
                f"{self.title}: refusing {info.name!r}, a path that leads out of the folder"
            )
        if info.isreg() and info.size > IMAGE_LIMIT:
            raise CorruptFile(
                f"{self.title}: refusing {info.name!r}, {info.size} bytes where at most "
                f"{IMAGE_LIMIT} are due: take it out of the archive"
            )
        name = plain_path(info.name)
        if not (info.islnk() or info.issym()):
            return name, None
        base = posixpath.dirname(info.name) if info.issym() else ""
        target = posixpath.normpath(posixpath.join(base, info.linkname))
        if leads_out(target):
            raise CorruptFile(
                f"{self.title}: refusing {info.name!r}, a link that leads out of the archive: "
                "pack the file that it points to"
            )
        return name, plain_path(target)

    def _members(self) -> Iterator[tuple[int, tarfile.TarInfo, tarfile.TarFile]]:
        """Yield each member with its number and the archive, open at its data."""
        try:
            with _unpacked(self.path) as stream, tarfile.open(fileobj=stream, mode="r:") as bundle:
                number = 0
                while (info := bundle.next()) is not None:
                    yield number, info, bundle
                    # else a million empty members stay in memory
                    bundle.members.clear()  # type: ignore[attr-defined]
                    number += 1
                stream.drain()
        except CorruptFile:
            raise
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's trouble, not the archive's
            raise CorruptFile(
                f"{self.path} is not a whole tar archive ({error}): delete it and fetch it again"
            ) from error

    def prepare(self, entries: Sequence[Entry], scratch: Path) -> None:
        """Put the members that will be read into a file without a name in ``scratch``."""
        wanted = {entry.where: entry.size for entry in entries}
        need, room = sum(wanted.values()), shutil.disk_usage(scratch).free
        if need > room:
            raise OSError(f"{need >> 20} MiB are needed and {room >> 20} MiB are free")
        self._spool = tempfile.TemporaryFile(dir=scratch, prefix=".", suffix=".tmp")  # noqa: SIM115
        for number, info, bundle in self._members():
            if number in wanted:
                self._places[number] = self._spool.tell()
                member = bundle.extractfile(info)
                assert member is not None
                shutil.copyfileobj(member, self._spool, BLOCK)
                if self._spool.tell() - self._places[number] != wanted[number]:
                    raise CorruptFile(f"{self.title}: {info.name} ends early: fetch it again")

    def identity(self, entry: Entry) -> Hashable:
        """Return the member's number, which links share with their target."""
        number: int = entry.where
        return number

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a member."""
        with self._lock:
            if self._spool is None:
                self.prepare(self.entries, Path(tempfile.gettempdir()))
            assert self._spool is not None
            self._spool.seek(self._places[entry.where])
            return self._spool.read(entry.size)


@contextmanager
def _unpacked(path: Path) -> Iterator[Any]:
    """Open an archive as a guarded stream of what it unpacks to."""
    head, size = _head(path), os.path.getsize(path)
    stream: Any
    with open(path, "rb") as packed:
        if head.startswith(_GZIP):
            stream = gzip.GzipFile(fileobj=packed)
        elif head.startswith(_BZIP2):
            stream = bz2.BZ2File(packed)
        elif head.startswith(_XZ):
            stream = io.BufferedReader(_Xz(packed), BLOCK)
        else:
            yield Guarded(packed, size, path.name, seeks=True)
            return
        with stream:
            yield Guarded(stream, size, path.name)


class _Xz(io.RawIOBase):
    """An xz stream with a limit on the memory that it may ask for, which ``lzma.open`` lacks."""

    def __init__(self, packed: IO[bytes]) -> None:
        self.packed, self.inner = packed, lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not (self.inner.eof and not self.inner.unused_data.strip(b"\0")):
            if self.inner.eof:  # another stream follows
                rest = self.inner.unused_data.lstrip(b"\0")
                self.inner = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            else:
                rest = self.packed.read(BLOCK) if self.inner.needs_input else b""
                if not rest and self.inner.needs_input:
                    raise EOFError("it ends early")
            data = self.inner.decompress(rest, len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Guarded:
    """A stream that is read forwards, and refuses to become too much.

    Parameters
    ----------
    stream : file-like
        What the archive unpacks to.
    packed : int
        Bytes of the archive.
    name : str
        What messages call it.
    seeks : bool
        Whether the stream can jump.
    """

    def __init__(self, stream: Any, packed: int, name: str, seeks: bool = False) -> None:
        self.stream, self.name, self.seeks, self.at = stream, name, seeks, 0
        self.limit = max(FREE, RATIO * packed)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        if not 0 <= size <= HEADER:
            raise CorruptFile(
                f"{self.name} holds a header of {size} bytes: it is no archive of images"
            )
        data: bytes = self.stream.read(size)
        self.at += len(data)
        if self.at > self.limit:
            raise CorruptFile(
                f"{self.name} inflates to more than {RATIO} times its size: unpack it yourself and "
                "give the folder of the images"
            )
        return data

    def seek(self, to: int) -> int:
        """Go forward to a place."""
        if self.seeks:
            self.at = self.stream.seek(to)
        while self.at < to and self.read(min(BLOCK, to - self.at)):
            pass
        return self.at

    def drain(self) -> None:
        """Go to the end, where packed streams keep the checksum of what they hold."""
        while not self.seeks and self.read(BLOCK):
            pass

    def tell(self) -> int:
        """Return the place."""
        return self.at
