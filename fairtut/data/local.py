"""What is on the disk: which folder, which file, and which edition of it.

Nothing here downloads or writes.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from fairtut.data.cards import Dataset, File
from fairtut.errors import CorruptFile, MissingData, UnknownName

CHUNK: Final = 1 << 20
"""Bytes that are read from a local file at a time."""

WHOLE: Final = 1 << 24
"""Bytes of the largest file that is read as a whole (Adult has 4 million)."""


@dataclass(frozen=True)
class Found:
    """A file that is on this machine: the paths that stand for it, and which edition they are.

    ``label`` is ``"official"``, the label of an accepted variant, ``"not pinned"`` (no official
    digest is known) or ``"not verified"``; it is empty before the digest was checked.
    """

    file: File
    paths: tuple[Path, ...]
    label: str = ""


@dataclass(frozen=True)
class Located:
    """A data set whose files are all on this machine."""

    dataset: Dataset
    folder: Path
    files: tuple[Found, ...]

    def paths(self, name: str) -> tuple[Path, ...]:
        """Return the path or paths that stand for the file that the registry calls ``name``."""
        for found in self.files:
            if found.file.path == name:
                return found.paths
        raise UnknownName.of("file", name, [f.file.path for f in self.files])

    def read_bytes(self, name: str) -> bytes:
        """Return the uncompressed content of a file that is stored as one file."""
        (path,) = self.paths(name)
        with opened(path) as stream:
            data: bytes = stream.read(WHOLE + 1)
        if len(data) > WHOLE:
            raise CorruptFile(f"{path} unpacks to more than {WHOLE} bytes: it is no {name}")
        return data

    @property
    def source(self) -> str:
        """One line for captions and records: title, edition and licence."""
        odd = dict.fromkeys(f.label for f in self.files if f.label not in ("", "official"))
        edition = f" [{'; '.join(odd)}]" if odd else ""
        return f"{self.dataset.title}{edition}, {self.dataset.licence}"


def data_root() -> Path:
    """Return the folder that holds one folder per data set (it need not exist yet)."""
    chosen = os.environ.get("FAIRTUT_DATA", "").strip()
    if not chosen:
        import pooch

        return Path(pooch.os_cache("fairtut"))
    root = Path(chosen).expanduser()
    if root.exists() and not root.is_dir():
        raise MissingData(f"FAIRTUT_DATA is not a folder: {root}; set it to the folder of the data")
    return root


def verifying() -> bool:
    """Tell whether digests are compared: True unless ``FAIRTUT_VERIFY=off``."""
    mode = os.environ.get("FAIRTUT_VERIFY", "on").strip().lower() or "on"
    if mode not in ("on", "off"):
        raise UnknownName.of("FAIRTUT_VERIFY mode", mode, ("on", "off"))
    return mode == "on"


def folder_of(entry: Dataset) -> Path:
    """Return the data set's folder: the first accepted one that exists, else the official one."""
    root = data_root()
    names = (entry.name, *entry.folders)
    return next((root / n for n in names if (root / n).is_dir()), root / entry.name)


def _present(folder: Path, path: str) -> Path | None:
    """Return ``folder/path`` or its gzipped twin, whichever is a file."""
    plain = folder / path
    twin = plain.with_name(plain.name + ".gz")
    return next((p for p in (plain, twin) if p.is_file()), None)


def find(folder: Path, file: File) -> Found | None:
    """Return the file or, failing that, the first variant that is there as a whole."""
    hit = _present(folder, file.path)
    if hit is not None:
        return Found(file, (hit,))
    for variant in file.variants:
        paths = [_present(folder, path) for path, _ in variant.files]
        present = tuple(p for p in paths if p is not None)
        if len(present) == len(paths):
            return Found(file, present)
    return None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, uncompressed; a broken gzip file raises ``CorruptFile``."""
    opener: Any = gzip.open if path.suffix.lower() == ".gz" or _packed(path) else open
    try:
        with opener(path, "rb") as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptFile(
            f"{path} is not a whole gzip file ({error}): delete it and fetch it again"
        ) from error


def _packed(path: Path) -> bool:
    """Tell whether a file is packed by gzip, whatever it is called."""
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file's uncompressed content."""
    total, sha = 0, hashlib.sha256()
    with opened(path) as stream:
        while block := stream.read(CHUNK):
            sha.update(block)
            total += len(block)
    return sha.hexdigest(), total


def edition(entry: Dataset, found: Found) -> str:
    """Name the edition of the file that is on the disk, or raise ``CorruptFile``."""
    if not verifying():
        return "not verified"
    got = tuple(digest(path) for path in found.paths)
    shas = tuple(sha for sha, _ in got)
    if shas == (found.file.sha256,):
        return "official"
    names = tuple(_plain_name(path) for path in found.paths)
    for variant in found.file.variants:
        if tuple((Path(p).name, sha) for p, sha in variant.files) == tuple(
            zip(names, shas, strict=True)
        ):
            return variant.label
    if found.file.sha256 is None and names == (Path(found.file.path).name,):
        return "not pinned"
    raise CorruptFile(_mismatch(entry, found, got))


def _plain_name(path: Path) -> str:
    return path.name.removesuffix(".gz")


def _mismatch(entry: Dataset, found: Found, got: tuple[tuple[str, int], ...]) -> str:
    pinned = {Path(p).name: sha for v in found.file.variants for p, sha in v.files}
    if found.file.sha256 is not None:
        pinned[Path(found.file.path).name] = found.file.sha256
    bad, sha, size = next(
        (path, sha, size)
        for path, (sha, size) in zip(found.paths, got, strict=True)
        if pinned.get(_plain_name(path)) != sha
    )
    of = f" of {found.file.size}" if found.file.size and len(found.paths) == 1 else ""
    again = "run" if entry.source != "hand" else f"fetch it again from {entry.homepage}, check with"
    return (
        f"{bad} is not the expected file (sha256 expected {pinned[_plain_name(bad)][:12]}, got "
        f"{sha[:12]}; {size}{of} bytes): delete it and {again} `fairtut data get {entry.name}`, or "
        "set FAIRTUT_VERIFY=off to use a file of your own"
    )


def how_to_get(entry: Dataset, file: File, folder: Path, why: str, tried: bool = False) -> str:
    """One line: what is missing, where it officially is, where to put it, under which terms.

    Where fetching was ``tried`` and failed, it does not say to run what just failed.
    """
    member = f" (member {file.member})" if file.member else ""
    run = f", or run `fairtut data get {entry.name}`" if entry.source != "hand" else ""
    run = ", or try again where the host can be reached" if tried else run
    note = f" {entry.note}" if entry.note else ""
    return (
        f"{entry.name}: {why}: get {file.path} from {file.url or entry.homepage}{member} and put "
        f"it in {folder}{run}. Terms ({entry.licence}): {entry.terms}{note}"
    )
