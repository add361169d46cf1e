"""Where the bytes of images come from: a folder, one archive, or several.

Nothing is unpacked to disk: members of archives are read where they are.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fairtut.data.archives import safe_member
from fairtut.errors import CorruptFile, DataError

IMAGE_LIMIT: Final = 1 << 26
"""Largest image file, in bytes, that is read."""


@dataclass(frozen=True)
class Entry:
    """A file of a source: its path there, its bytes, and what the source needs to read it."""

    path: str
    size: int
    where: Any


class Source:
    """Files by path, read one at a time from any thread.

    Parameters
    ----------
    title : str
        What messages call it.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.entries: list[Entry] = []

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a file; raises ``CorruptFile`` if they are damaged."""
        raise NotImplementedError

    def resolve(self, names: Sequence[str]) -> list[Entry | None]:
        """Find each name: the entry with that path, else the one whose path ends in it.

        ``000001.jpg`` finds ``img_align_celeba/000001.jpg``; ``train/1.jpg`` never finds
        ``val/1.jpg``.

        Raises
        ------
        fairtut.errors.DataError
            If two files answer to one name equally well.
        """
        depths = {name.count("/") + 1 for name in names}
        whole: dict[str, list[Entry]] = {}
        endings: dict[str, list[Entry]] = {}
        for entry in self.entries:
            whole.setdefault(entry.path, []).append(entry)
            parts = entry.path.split("/")
            for depth in depths:
                endings.setdefault("/".join(parts[-depth:]), []).append(entry)
        found: list[Entry | None] = []
        for name in names:
            answers = whole.get(name) or endings.get(name) or []
            if len(answers) > 1:
                raise DataError(
                    f"{self.title}: both {answers[0].path} and {answers[1].path} answer to "
                    f"{name!r}: write more of the path in the label file"
                )
            found.append(answers[0] if answers else None)
        return found


def files_below(root: Path, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every file below a folder with its path there, in order of the paths' parts."""
    with os.scandir(root) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            yield from files_below(Path(entry.path), f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield f"{prefix}{entry.name}", entry


class Folder(Source):
    """Every file below a folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        files = files_below(root)
        self.entries = [Entry(name, entry.stat().st_size, entry.path) for name, entry in files]

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a file."""
        return Path(entry.where).read_bytes()


class Zips(Source):
    """The members of one or more zip archives."""

    def __init__(self, paths: Sequence[Path], stack: ExitStack) -> None:
        super().__init__(", ".join(path.name for path in paths))
        for path in paths:
            try:
                bundle = stack.enter_context(zipfile.ZipFile(path))
            except (zipfile.BadZipFile, EOFError) as error:
                raise CorruptFile(
                    f"{path} is not a whole zip archive ({error}): delete it and fetch it again"
                ) from error
            members = [name for name in bundle.namelist() if not name.endswith("/")]
            infos = [safe_member(bundle, name, path.name, IMAGE_LIMIT) for name in members]
            self.entries += [Entry(i.filename, i.file_size, (bundle, i, path.name)) for i in infos]

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a member; its checksum is compared."""
        bundle, info, archive = entry.where
        try:
            data: bytes = bundle.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise CorruptFile(f"{archive}: {entry.path} cannot be unpacked ({error})") from error
        return data


class Tar(Source):
    """The members of a tar archive, which is read into memory as a whole."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        try:
            with tarfile.open(path) as bundle:
                for info in bundle:
                    stream = bundle.extractfile(info) if info.isreg() else None
                    if info.name.startswith("/") or ".." in info.name.split("/"):
                        raise CorruptFile(
                            f"{path.name}: refusing {info.name!r}, a path that leads out of the "
                            "folder"
                        )
                    if stream is not None:
                        self.entries.append(Entry(info.name, info.size, stream.read()))
        except (tarfile.TarError, zlib.error, EOFError) as error:
            raise CorruptFile(
                f"{path} is not a whole tar archive ({error}): delete it and fetch it again"
            ) from error

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a member."""
        data: bytes = entry.where
        return data


@contextmanager
def opened_source(paths: Sequence[Path]) -> Iterator[Source]:
    """Open a folder, a tar archive, or one or more zip archives.

    Raises
    ------
    fairtut.errors.CorruptFile
        If an archive is broken, or holds a member with an absolute path or ``..`` in its name.
    """
    with ExitStack() as stack:
        if paths[0].is_dir():
            yield Folder(paths[0])
        elif paths[0].suffix in (".tgz", ".tar", ".gz"):
            yield Tar(paths[0])
        else:
            yield Zips(paths, stack)
