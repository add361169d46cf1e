"""Fetch what is missing of a data set, in the way that the data set is distributed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

from fairtut.data.archives import MEMBER_LIMIT, extract_member
from fairtut.data.cards import Dataset, File
from fairtut.data.download import LIMIT, download, from_torchvision
from fairtut.data.local import find, how_to_get
from fairtut.errors import CorruptFile, FairtutError, MissingData
from fairtut.runtime.locks import locked


def fetch_missing(entry: Dataset, folder: Path) -> None:
    """Bring every missing file into ``folder``.

    Parameters
    ----------
    entry : Dataset
        Says which files, and from where.
    folder : pathlib.Path
        Is made if it is not there.

    Raises
    ------
    fairtut.errors.MissingData
        If a file cannot be fetched, or the folder cannot be written.
    fairtut.errors.CorruptFile
        If what the host sent is not what the card pins.

    Examples
    --------
    The archive is here already, so its member is unpacked without a download, and the archive goes:

    >>> import tempfile, zipfile
    >>> from pathlib import Path
    >>> from fairtut.data.fetch import fetch_missing
    >>> from fairtut.data.registry import Dataset, File
    >>> file = File("own.csv", url="https://example.org/all.zip", member="deep/own.csv")
    >>> card = Dataset("own", "Own people", "CC0", "Anyone.", "https://example.org", "own", (file,))
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with zipfile.ZipFile(Path(here, "all.zip"), "w") as bundle:
    ...         bundle.writestr("deep/own.csv", "age")
    ...     fetch_missing(card, Path(here))
    ...     {path.name: path.read_text() for path in Path(here).iterdir()}
    {'own.csv': 'age'}
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder):
            # another process may have fetched some while this one waited for the lock
            for file in entry.files:
                if find(folder, file) is None:
                    _fetch(entry, file, folder)
            _drop_archives(entry, folder)
    except FairtutError:
        raise
    except OSError as error:
        raise MissingData(
            f"{entry.name}: cannot write in {folder} ({error.strerror or error}): set FAIRTUT_DATA "
            "to a folder with room that you may write to"
        ) from error


def lock(folder: Path) -> AbstractContextManager[None]:
    """Let one process at a time write in ``folder`` (where the system can lock files).

    Parameters
    ----------
    folder : pathlib.Path
        Is made if it is not there.

    Returns
    -------
    context manager
        The block inside runs while nobody else's does.

    Raises
    ------
    OSError
        If no lock file can be written.

    Examples
    --------
    The lock is a hidden file, and is gone afterwards:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.fetch import lock
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with lock(Path(here)):
    ...         print(os.listdir(here))
    ...     print(os.listdir(here))
    ['.lock']
    []
    """
    return locked(folder / ".lock", strict=True)


def _fetch(entry: Dataset, file: File, folder: Path) -> None:
    """Fetch one file in the way its data set is distributed."""
    try:
        if entry.source == "torchvision":
            from_torchvision(file, folder)
        elif file.url is None:
            raise MissingData(f"{file.path} has to be placed by hand")
        elif file.member is None:
            download(file.url, folder / file.path, file.sha256, file.size or LIMIT)
        else:
            archive = folder / _archive_name(file.url)
            if not archive.is_file():
                download(file.url, archive)
            _unpack(archive, file, folder)
    except MissingData as error:
        raise MissingData(how_to_get(entry, file, folder, str(error), tried=True)) from error


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
