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

    Examples
    --------
    >>> from pathlib import Path
    >>> from fairtut.data.local import Found
    >>> from fairtut.data.registry import File
    >>> found = Found(File("t.csv"), (Path("own", "t.csv.gz"),))
    >>> found.paths[0].name, found.label  # nobody compared a digest yet
    ('t.csv.gz', '')
    """

    file: File
    paths: tuple[Path, ...]
    label: str = ""


@dataclass(frozen=True)
class Located:
    """A data set whose files are all on this machine.

    Attributes
    ----------
    dataset : Dataset
        Its card.
    folder : pathlib.Path
        Where its files are.
    files : tuple of Found
        In the order of the card.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.local import Found, Located
    >>> from fairtut.data.registry import Dataset, File
    >>> card = Dataset("own", "Own people", "CC0", "Anyone.", "https://example.org", "own")
    >>> with tempfile.TemporaryDirectory() as here:
    ...     size = Path(here, "t.csv").write_text("x,y")
    ...     found = Found(File("t.csv"), (Path(here, "t.csv"),), "not pinned")
    ...     located = Located(card, Path(here), (found,))
    ...     print(located.read_bytes("t.csv"), located.source)
    b'x,y' Own people [not pinned], CC0
    """

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
        """Title, edition and licence in one line, for captions and records."""
        odd = dict.fromkeys(f.label for f in self.files if f.label not in ("", "official"))
        edition = f" [{'; '.join(odd)}]" if odd else ""
        return f"{self.dataset.title}{edition}, {self.dataset.licence}"


def data_root() -> Path:
    """Return the folder that holds one folder per data set (it need not exist yet).

    Returns
    -------
    pathlib.Path
        That of the environment variable ``FAIRTUT_DATA``, else one in the user's cache folder.

    Raises
    ------
    fairtut.errors.MissingData
        If ``FAIRTUT_DATA`` names something that is no folder.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from fairtut.data.local import data_root
    >>> with mock.patch.dict(os.environ, FAIRTUT_DATA="my/data"):
    ...     data_root().parts
    ('my', 'data')
    """
    chosen = os.environ.get("FAIRTUT_DATA", "").strip()
    if not chosen:
        import pooch

        return Path(pooch.os_cache("fairtut"))
    root = Path(chosen).expanduser()
    if root.exists() and not root.is_dir():
        raise MissingData(f"FAIRTUT_DATA is not a folder: {root}; set it to the folder of the data")
    return root


def verifying() -> bool:
    """Tell whether digests are compared: True unless ``FAIRTUT_VERIFY=off``.

    Returns
    -------
    bool

    Raises
    ------
    fairtut.errors.UnknownName
        If the environment variable is neither ``on`` nor ``off`` (nor empty).

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from fairtut.data.local import verifying
    >>> for mode in ("on", "off", ""):
    ...     with mock.patch.dict(os.environ, FAIRTUT_VERIFY=mode):
    ...         print(verifying())
    True
    False
    True
    """
    mode = os.environ.get("FAIRTUT_VERIFY", "on").strip().lower() or "on"
    if mode not in ("on", "off"):
        raise UnknownName.of("FAIRTUT_VERIFY mode", mode, ("on", "off"))
    return mode == "on"


def folder_of(entry: Dataset) -> Path:
    """Return the data set's folder: the first accepted one that exists, else the official one.

    Parameters
    ----------
    entry : Dataset
        Its ``name`` comes first, then its ``folders``.

    Returns
    -------
    pathlib.Path
        Below :func:`data_root`.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest import mock
    >>> from fairtut.data.local import folder_of
    >>> from fairtut.data.registry import dataset
    >>> card = dataset("measuring_hate_speech")
    >>> with tempfile.TemporaryDirectory() as here, mock.patch.dict(os.environ, FAIRTUT_DATA=here):
    ...     before = folder_of(card).name
    ...     os.mkdir(f"{here}/text")
    ...     print(before, folder_of(card).name)
    measuring_hate_speech text
    """
    root = data_root()
    names = (entry.name, *entry.folders)
    return next((root / n for n in names if (root / n).is_dir()), root / entry.name)


def _present(folder: Path, path: str) -> Path | None:
    """Return ``folder/path`` or its gzipped twin, whichever is a file."""
    plain = folder / path
    twin = plain.with_name(plain.name + ".gz")
    return next((p for p in (plain, twin) if p.is_file()), None)


def find(folder: Path, file: File) -> Found | None:
    """Return the file or, failing that, the first variant that is there as a whole.

    Parameters
    ----------
    folder : pathlib.Path
        Of the data set.
    file : File
        What is sought: its path, the same path with ``.gz`` added, then its variants.

    Returns
    -------
    Found or None
        Without a label, for nothing was read; None if nothing is there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.local import find
    >>> from fairtut.data.registry import File
    >>> with tempfile.TemporaryDirectory() as here:
    ...     Path(here, "t.csv.gz").touch()
    ...     print(find(Path(here), File("t.csv")).paths[0].name, find(Path(here), File("u.csv")))
    t.csv.gz None
    """
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
    """Open a file for reading, uncompressed.

    Parameters
    ----------
    path : pathlib.Path
        A file; whether it is packed by gzip is seen from its name or its first two bytes.

    Yields
    ------
    binary file

    Raises
    ------
    fairtut.errors.CorruptFile
        If it is a broken gzip file: when it is opened, or while it is read.

    Examples
    --------
    >>> import gzip, tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.local import opened
    >>> with tempfile.TemporaryDirectory() as here:
    ...     path = Path(here, "packed, whatever its name")
    ...     size = path.write_bytes(gzip.compress(b"x,y"))
    ...     with opened(path) as stream:
    ...         print(stream.read())
    b'x,y'
    """
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
    """Return the sha256 and the size of a file's uncompressed content.

    Parameters
    ----------
    path : pathlib.Path
        A file, packed by gzip or not.

    Returns
    -------
    sha256 : str
        64 hexadecimal digits.
    size : int
        Bytes.

    Raises
    ------
    fairtut.errors.CorruptFile
        If it is a broken gzip file.

    Examples
    --------
    A packed file has the digest of what is in it:

    >>> import gzip, tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.local import digest
    >>> with tempfile.TemporaryDirectory() as here:
    ...     plain, packed = Path(here, "t.csv"), Path(here, "t.csv.gz")
    ...     sizes = plain.write_bytes(b"x,y"), packed.write_bytes(gzip.compress(b"x,y"))
    ...     print(digest(plain) == digest(packed), digest(packed)[1])
    True 3
    """
    total, sha = 0, hashlib.sha256()
    with opened(path) as stream:
        while block := stream.read(CHUNK):
            sha.update(block)
            total += len(block)
    return sha.hexdigest(), total


def edition(entry: Dataset, found: Found) -> str:
    """Name the edition of the file that is on the disk.

    Parameters
    ----------
    entry : Dataset
        Whose file it is; for the message.
    found : Found
        The file, and the paths that stand for it.

    Returns
    -------
    str
        A label, as :class:`Found` lists them.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the content is neither the official one nor an accepted variant.

    Examples
    --------
    >>> import hashlib, os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.local import edition, find
    >>> from fairtut.data.registry import File, Variant, dataset
    >>> sha = {text: hashlib.sha256(text.encode()).hexdigest() for text in ("all", "some")}
    >>> file = File("t.csv", None, None, sha["all"], variants=(
    ...     Variant("fewer rows", (("t.csv", sha["some"]),)),
    ... ))
    >>> strict = mock.patch.dict(os.environ, FAIRTUT_VERIFY="on")
    >>> with tempfile.TemporaryDirectory() as here, strict:
    ...     for text in ("all", "some"):
    ...         size = Path(here, "t.csv").write_text(text)
    ...         print(edition(dataset("adult"), find(Path(here), file)))
    official
    fewer rows
    """
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
    """Say in one line what is missing, where it officially is, where to put it, and the terms.

    Parameters
    ----------
    entry : Dataset
    file : File
        What is missing.
    folder : pathlib.Path
        Where it belongs.
    why : str
        What happened.
    tried : bool
        Whether fetching was tried and failed; the line then does not say to run what just failed.

    Returns
    -------
    str

    Examples
    --------
    >>> from pathlib import Path
    >>> from fairtut.data.local import how_to_get
    >>> from fairtut.data.registry import Dataset, File
    >>> card = Dataset("own", "Own", "CC0", "Anyone.", "https://example.org", "own", source="hand")
    >>> print(how_to_get(card, File("t.csv"), Path("own"), "t.csv is not there"))
    own: t.csv is not there: get t.csv from https://example.org and put it in own.
    Terms (CC0): Anyone.
    """
    member = f" (member {file.member})" if file.member else ""
    run = f", or run `fairtut data get {entry.name}`" if entry.source != "hand" else ""
    run = ", or try again where the host can be reached" if tried else run
    note = f" {entry.note}" if entry.note else ""
    return (
        f"{entry.name}: {why}: get {file.path} from {file.url or entry.homepage}{member} and put "
        f"it in {folder}{run}. Terms ({entry.licence}): {entry.terms}{note}"
    )
