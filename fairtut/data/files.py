"""Find, download and verify the files of a data set; never guess, never substitute.

Files live in ``$FAIRTUT_DATA/<name>/``, or in the per-user cache folder where that variable is not
set.  Every pinned digest is checked before a byte is used.  The one way out, for a file of your
own that follows the official format, is ``FAIRTUT_VERIFY=off``: digests are then not compared,
and everything made from the file says "not verified".
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from fairtut.data.registry import DATASETS, Dataset, File, dataset
from fairtut.errors import CorruptFile, FairtutError, MissingData, UnknownName
from fairtut.runtime.io import atomic_path
from fairtut.runtime.progress import quiet

CHUNK = 1 << 20
BLOCK = 1 << 13
TIMEOUT = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes of an answer."""
MEMBER_LIMIT = 1 << 30
"""Largest archive member, in bytes, that is unpacked unless the caller allows more."""


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
        with _opened(path) as stream:
            return stream.read()

    @property
    def source(self) -> str:
        """One line for captions and records: title, edition and licence."""
        odd = dict.fromkeys(f.label for f in self.files if f.label not in ("", "official"))
        edition = f" [{'; '.join(odd)}]" if odd else ""
        return f"{self.dataset.title}{edition}, {self.dataset.licence}"


@dataclass(frozen=True)
class Status:
    """One line of ``fairtut data list``.

    ``state`` is ``"embedded"``, ``"ready"``, ``"partial"``, ``"absent"`` or, after a deep check,
    ``"verified"`` or ``"corrupt"``; ``detail`` says what is missing, odd or wrong.
    """

    name: str
    title: str
    licence: str
    terms: str
    state: str
    folder: Path
    detail: str = ""


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


def locate(name: str) -> Located:
    """Find the files of a data set on this machine, without reading them.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such data set.
    fairtut.errors.MissingData
        If a file is missing: names it, its official address, the folder for it and the terms.
    """
    entry = dataset(name)
    folder = _folder(entry)
    found = [_find(folder, file) for file in entry.files]
    for file, hit in zip(entry.files, found, strict=True):
        if hit is None:
            raise MissingData(_how_to_get(entry, file, folder, f"{file.path} is not there"))
    return Located(entry, folder, tuple(hit for hit in found if hit is not None))


def verify(name: str) -> Located:
    """Find the files of a data set and compare every pinned digest.

    Raises
    ------
    fairtut.errors.CorruptFile
        If a file is neither the official one nor an accepted variant.
    fairtut.errors.MissingData
        As :func:`locate`.
    """
    located = locate(name)
    checked = tuple(Found(f.file, f.paths, _edition(located.dataset, f)) for f in located.files)
    return Located(located.dataset, located.folder, checked)


def get(name: str) -> Located:
    """Return the verified files of a data set, downloading what is missing.

    An interrupted download keeps its bytes in a ``.part`` file and goes on from there; a file
    appears under its own name only once it is whole and verified.

    Raises
    ------
    fairtut.errors.MissingData
        If a file is missing and cannot be fetched from here.
    fairtut.errors.CorruptFile
        If what is there, or what the host sent, is not what the registry pins.
    """
    entry = dataset(name)
    folder = _folder(entry)
    missing = any(_find(folder, file) is None for file in entry.files)
    if missing and entry.source != "hand":
        _fetch_missing(entry, folder)
    return verify(name)


def status(deep: bool = False) -> tuple[Status, ...]:
    """Describe every data set on this machine; ``deep`` also compares digests."""
    return tuple(_status(entry, deep) for entry in DATASETS.values())


def _status(entry: Dataset, deep: bool) -> Status:
    folder = _folder(entry)
    missing = [file.path for file in entry.files if _find(folder, file) is None]
    state, detail = "ready", ""
    if not entry.files:
        state = "embedded"
    elif missing:
        state = "absent" if len(missing) == len(entry.files) else "partial"
        detail = "missing: " + ", ".join(missing)
    elif deep:
        try:
            labels = dict.fromkeys(f.label for f in verify(entry.name).files)
            state, detail = "verified", "; ".join(labels)
        except CorruptFile as error:
            state, detail = "corrupt", str(error)
    return Status(entry.name, entry.title, entry.licence, entry.terms, state, folder, detail)


# --- what is on the disk -------------------------------------------------------------------------


def _folder(entry: Dataset) -> Path:
    """Return the data set's folder: the first accepted one that exists, else the official one."""
    root = data_root()
    names = (entry.name, *entry.folders)
    return next((root / n for n in names if (root / n).is_dir()), root / entry.name)


def _present(folder: Path, path: str) -> Path | None:
    """Return ``folder/path`` or its gzipped twin, whichever is a file."""
    plain = folder / path
    twin = plain.with_name(plain.name + ".gz")
    return next((p for p in (plain, twin) if p.is_file()), None)


def _find(folder: Path, file: File) -> Found | None:
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
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, uncompressed; a broken gzip file raises ``CorruptFile``."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptFile(
            f"{path} is not a whole gzip file ({error}): delete it and fetch it again"
        ) from error


def digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file's uncompressed content."""
    info = path.stat()
    return _digest(path, info.st_size, info.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, mtime_ns: int) -> tuple[str, int]:
    # size and time belong to the key only: a file that changed is read again
    total, sha = 0, hashlib.sha256()
    with _opened(path) as stream:
        while block := stream.read(CHUNK):
            sha.update(block)
            total += len(block)
    return sha.hexdigest(), total


def _edition(entry: Dataset, found: Found) -> str:
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


def _how_to_get(entry: Dataset, file: File, folder: Path, why: str) -> str:
    """One line: what is missing, where it officially is, where to put it, under which terms."""
    member = f" (member {file.member})" if file.member else ""
    run = f", or run `fairtut data get {entry.name}`" if entry.source != "hand" else ""
    note = f" {entry.note}" if entry.note else ""
    return (
        f"{entry.name}: {why}: get {file.path} from {file.url or entry.homepage}{member} and put "
        f"it in {folder}{run}. Terms ({entry.licence}): {entry.terms}{note}"
    )


# --- how it gets there ---------------------------------------------------------------------------


def _fetch_missing(entry: Dataset, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder):
            # another process may have fetched some while this one waited for the lock
            for file in entry.files:
                if _find(folder, file) is None:
                    _fetch(entry, file, folder)
            _drop_archives(entry, folder)
    except FairtutError:
        raise
    except OSError as error:
        raise MissingData(
            f"{entry.name}: cannot write in {folder} ({error.strerror or error}): set FAIRTUT_DATA "
            "to a folder with room that you may write to"
        ) from error


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one process at a time write in ``folder`` (where the system can lock files)."""
    try:
        import fcntl
    except ImportError:  # Windows: no lock, and the worst case is a download repeated
        yield
        return
    with open(folder / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(entry: Dataset, file: File, folder: Path) -> None:
    """Fetch one file in the way its data set is distributed."""
    try:
        if entry.source == "torchvision":
            _from_torchvision(file, folder)
        elif file.url is None:
            raise MissingData(f"{file.path} has to be placed by hand")
        elif file.member is None:
            download(file.url, folder / file.path, file.sha256)
        else:
            archive = folder / _archive_name(file.url)
            if not archive.is_file():
                download(file.url, archive)
            _unpack(archive, file, folder)
    except MissingData as error:
        raise MissingData(_how_to_get(entry, file, folder, str(error))) from error


def _archive_name(url: str) -> str:
    return Path(urlsplit(url).path).name


def _drop_archives(entry: Dataset, folder: Path) -> None:
    """Delete archives whose members are now verified files."""
    for file in entry.files:
        if file.url and file.member:
            (folder / _archive_name(file.url)).unlink(missing_ok=True)


def _unpack(archive: Path, file: File, folder: Path) -> None:
    try:
        extract_member(
            archive,
            file.member or file.path,
            folder / file.path,
            limit=file.size or MEMBER_LIMIT,
            sha256=file.sha256,
        )
    except CorruptFile:
        archive.unlink(missing_ok=True)  # else the next `get` would trip over it again
        raise


def extract_member(
    archive: str | os.PathLike[str],
    member: str,
    target: str | os.PathLike[str],
    *,
    limit: int = MEMBER_LIMIT,
    sha256: str | None = None,
) -> Path:
    """Unpack one member of a zip archive, safely and atomically.

    Parameters
    ----------
    archive : path-like
        The zip file.
    member : str
        Name of the member in the archive.
    target : path-like
        File to write; it appears only when it is whole.
    limit : int
        Largest size in bytes.  A member that declares more, or that turns out to hold more, is
        refused.
    sha256 : str, optional
        Digest that the member must have.

    Returns
    -------
    pathlib.Path
        ``target``.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the archive is broken, or the member is absent, has an absolute path or ``..`` in its
        name, is a link, is too large, or has another digest.
    """
    name = Path(archive).name
    try:
        with zipfile.ZipFile(archive) as bundle:
            info = _safe_member(bundle, member, name, limit)
            with atomic_path(target) as temporary, bundle.open(info) as packed:
                sha, size = hashlib.sha256(), 0
                with open(temporary, "wb") as plain:
                    while block := packed.read(CHUNK):
                        size += len(block)
                        if size > limit:  # the declared size can lie
                            raise CorruptFile(f"{name}: {member} holds more than {limit} bytes")
                        sha.update(block)
                        plain.write(block)
                if sha256 is not None and sha.hexdigest() != sha256:
                    raise CorruptFile(
                        f"{name}: {member} is not the expected file (sha256 expected "
                        f"{sha256[:12]}, got {sha.hexdigest()[:12]}; {size} bytes): delete the "
                        "archive and fetch it again"
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CorruptFile(
            f"{name} is not a whole zip archive ({error}): delete it and fetch it again"
        ) from error
    return Path(target)


def _safe_member(bundle: zipfile.ZipFile, member: str, name: str, limit: int) -> zipfile.ZipInfo:
    parts = member.replace("\\", "/").split("/")
    if member.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise CorruptFile(f"{name}: refusing {member!r}, a path that leads out of the folder")
    try:
        info = bundle.getinfo(member)
    except KeyError as error:
        known = ", ".join(bundle.namelist()[:5])
        raise CorruptFile(f"{name} has no member {member!r} (it holds {known})") from error
    if stat.S_ISLNK(info.external_attr >> 16) or info.is_dir():
        raise CorruptFile(f"{name}: refusing {member!r}, a link or a folder")
    if info.file_size > limit:
        raise CorruptFile(
            f"{name}: refusing {member!r}, {info.file_size} bytes where at most {limit} are due"
        )
    if info.flag_bits & 0x1:
        raise CorruptFile(f"{name}: {member!r} is encrypted")
    return info


def download(url: str, target: Path, sha256: str | None = None) -> Path:
    """Download ``url`` to ``target``; go on where an earlier try stopped.

    The bytes gather in ``<target>.part``, which survives an interruption, and are renamed to
    ``target`` once they are whole and have the digest ``sha256``.

    Raises
    ------
    fairtut.errors.MissingData
        If the host cannot be reached, refuses, or keeps breaking off.
    fairtut.errors.CorruptFile
        If the whole file has another digest, also after a fresh start.
    """
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists() and part.stat().st_size > 0
    _stream_all(url, part)
    if sha256 is not None:
        got = digest(part)[0]
        if got != sha256 and resumed:  # the file on the host may have changed between the tries
            part.unlink()
            _stream_all(url, part)
            got = digest(part)[0]
        if got != sha256:
            part.unlink()
            raise CorruptFile(
                f"{url} sent another file than the pinned one (sha256 expected {sha256[:12]}, got "
                f"{got[:12]}): try later, or see the official page for a new edition"
            )
    os.replace(part, target)
    return target


def _stream_all(url: str, part: Path) -> None:
    """Fill ``part``; try again as long as each try brings new bytes."""
    import requests

    host = urlsplit(url).netloc
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _stream(url, part)
            return
        except requests.RequestException as error:
            have = part.stat().st_size if part.exists() else 0
            if have > before:
                continue
            response = error.response
            kind = type(error).__name__ if response is None else f"status {response.status_code}"
            kept = f"; {have} bytes are kept and the next try goes on from there" if have else ""
            raise MissingData(f"cannot download from {host} ({kind}{kept})") from error


def _stream(url: str, part: Path) -> None:
    """One request: append the rest of ``url`` to ``part``, or all of it if the host must."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    # identity: a transparently compressed answer would make byte offsets meaningless
    headers = {"Accept-Encoding": "identity", "User-Agent": "fairtut"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        told = response.headers.get("Content-Range", "")
        if response.status_code == 416 and have:
            if told.rpartition("/")[2] == str(have):
                return  # every byte is here already
            part.unlink()
            return _stream(url, part)
        response.raise_for_status()
        resume = response.status_code == 206 and told.startswith(f"bytes {have}-")
        if not resume:
            have = 0
        due = int(response.headers.get("Content-Length") or 0)
        mode: Literal["ab", "wb"] = "ab" if resume else "wb"
        bar = _bar(part.stem, have + due if due else 0, have)
        # unbuffered and in small blocks: a break or a kill costs at most one block
        with open(part, mode, buffering=0) as sink, bar:
            for block in response.iter_content(BLOCK):
                sink.write(block)
                bar.update(len(block))
        if due and part.stat().st_size != have + due:
            raise requests.exceptions.ChunkedEncodingError("the answer ended early")
    return None


def _bar(name: str, total: int, have: int) -> Any:
    """Return a progress bar; a silent one where nobody watches."""
    from tqdm import tqdm

    return tqdm(
        total=total or None,
        initial=have,
        desc=name,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=quiet(),
    )


def _from_torchvision(file: File, folder: Path) -> None:
    """Fetch a CelebA file from the shared drive whose ids torchvision maintains."""
    wanted = Path(file.path).name
    try:
        from torchvision.datasets import CelebA
        from torchvision.datasets.utils import download_file_from_google_drive

        drive_id = next(i for i, _, name in CelebA.file_list if name == wanted)
        with atomic_path(folder / file.path) as temporary:
            # torchvision returns at once if the name exists, so it gets a name that does not
            temporary.unlink()
            download_file_from_google_drive(drive_id, str(folder), temporary.name)
            got = digest(temporary)[0] if temporary.exists() else "nothing"
            if got != file.sha256:
                raise MissingData(f"the shared drive sent another file ({got[:12]})")
    except Exception as error:  # torchvision, its drive client and the drive fail in many ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingData(f"torchvision could not fetch {wanted} ({reason[:120]})") from error
