"""Where the bytes of images come from: a folder, one archive, or several.

Nothing is unpacked to disk: members of archives are read where they are.
"""

from __future__ import annotations

import os
import unicodedata
import zipfile
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fairtut.data.archives import UNREADABLE, safe_member
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

    def prepare(self, entries: Sequence[Entry], scratch: Path) -> None:
        """Say which files will be read; ``scratch`` is a folder with room."""

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a file; raises ``CorruptFile`` if they are damaged."""
        raise NotImplementedError

    def identity(self, entry: Entry) -> Hashable:
        """Return what two entries share only if they are one file under two names."""
        return id(entry)

    def resolve(self, names: Sequence[str]) -> list[Entry | None]:
        """Find each name: the entry with that path, else the one whose path ends in it.

        ``000001.jpg`` finds ``img_align_celeba/000001.jpg``; ``train/1.jpg`` never finds
        ``val/1.jpg``.

        Raises
        ------
        fairtut.errors.DataError
            If two files answer to one name equally well.
        """
        names = [plain_path(name) for name in names]
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

    def near(self, names: Sequence[str]) -> tuple[str, str] | None:
        """Return the first name that an entry has in other capitals, and that entry's path."""
        names = [plain_path(name) for name in names]
        depths = {name.count("/") + 1 for name in names}
        endings = {
            "/".join(entry.path.split("/")[-depth:]).casefold(): entry.path
            for entry in self.entries
            for depth in depths
        }
        found = ((name, endings.get(name.casefold())) for name in names)
        return next(((name, path) for name, path in found if path is not None), None)


def plain_path(path: str) -> str:
    """Return a path with ``/`` between its parts and letters composed (NFC), as most write it."""
    return unicodedata.normalize("NFC", path).replace("\\", "/").removeprefix("./")


def files_below(
    root: Path, prefix: str = "", top: str = "", linked: bool = False
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every file below a folder with its path there, in order of the paths' parts.

    Links are followed where they stay inside the folder and do not lead round in a circle.

    Raises
    ------
    fairtut.errors.CorruptFile
        If a link leads out of the folder: names it.
    """
    top = top or os.path.realpath(root)
    with os.scandir(root) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        link = entry.is_symlink()
        if link and not _inside(os.path.realpath(entry.path), top):
            raise CorruptFile(
                f"refusing {entry.path}, a link that leads out of {top}: copy what it points to "
                "into the folder, or delete the link"
            )
        if not os.path.isdir(entry.path):
            if os.path.isfile(entry.path):
                yield f"{prefix}{entry.name}", entry
        elif not (link and (linked or _circle(root, entry))):
            yield from files_below(Path(entry.path), f"{prefix}{entry.name}/", top, linked or link)


def _inside(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip(os.sep) + os.sep)


def _circle(root: Path, entry: os.DirEntry[str]) -> bool:
    """Tell whether a link in a folder leads to that folder or one around it."""
    return _inside(os.path.realpath(root), os.path.realpath(entry.path))


class Folder(Source):
    """Every file below a folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.entries = [
            Entry(plain_path(name), entry.stat().st_size, entry.path)
            for name, entry in files_below(root)
        ]

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a file."""
        with open(entry.where, "rb") as stream:
            data = stream.read(IMAGE_LIMIT + 1)
        if len(data) > IMAGE_LIMIT:
            raise CorruptFile(f"{self.title}: {entry.path} has more than {IMAGE_LIMIT} bytes")
        return data

    def identity(self, entry: Entry) -> Hashable:
        """Return the file's place on the disk, which links share; some disks do not say it."""
        info = os.stat(entry.where)
        return (info.st_dev, info.st_ino) if info.st_ino else os.path.realpath(entry.where)


class Zips(Source):
    """The members of one or more zip archives."""

    def __init__(self, paths: Sequence[Path], stack: ExitStack) -> None:
        super().__init__(", ".join(path.name for path in paths))
        for path in paths:
            try:
                bundle = stack.enter_context(zipfile.ZipFile(path))
            except UNREADABLE as error:
                raise CorruptFile(
                    f"{path} is not a whole zip archive ({error}): delete it and fetch it again"
                ) from error
            members = [name for name in bundle.namelist() if not name.endswith(("/", "\\"))]
            infos = [safe_member(bundle, name, path.name, IMAGE_LIMIT) for name in members]
            self.entries += [
                Entry(plain_path(i.filename), i.file_size, (bundle, i, path.name)) for i in infos
            ]

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a member; its checksum is compared."""
        bundle, info, archive = entry.where
        try:
            with bundle.open(info) as stream:
                # no more than is declared: a member that lies inflates to any size
                data: bytes = stream.read(info.file_size)
                if len(data) < info.file_size:
                    raise EOFError("it ends early")
        except UNREADABLE as error:
            raise CorruptFile(f"{archive}: {entry.path} cannot be unpacked ({error})") from error
        return data


@contextmanager
def opened_source(paths: Sequence[Path]) -> Iterator[Source]:
    """Open a folder, a tar archive (packed or not), or one or more zip archives.

    What a file is, its first bytes say, not its name.

    Raises
    ------
    fairtut.errors.CorruptFile
        If an archive is broken, or holds a member with an absolute path or ``..`` in its name.
    """
    from fairtut.data.images.tars import Tar, is_tar

    with ExitStack() as stack:
        if paths[0].is_dir():
            yield Folder(paths[0])
        elif is_tar(paths[0]):
            yield stack.enter_context(Tar(paths[0]))
        else:
            yield Zips(paths, stack)
