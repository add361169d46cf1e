"""Find, download and verify the files of a data set; never guess, never substitute.

Files live in ``$FAIRTUT_DATA/<name>/``, or in the per-user cache folder where that variable is not
set.  Every pinned digest is checked before a byte is used.  The one way out, for a file of your
own that follows the official format, is ``FAIRTUT_VERIFY=off``: digests are then not compared,
and everything made from the file says "not verified".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairtut.data.archives import MEMBER_LIMIT, extract_member
from fairtut.data.download import BLOCK, TIMEOUT, download
from fairtut.data.fetch import fetch_missing
from fairtut.data.local import (
    CHUNK,
    Found,
    Located,
    data_root,
    digest,
    edition,
    find,
    folder_of,
    how_to_get,
    verifying,
)
from fairtut.data.registry import DATASETS, Dataset, dataset
from fairtut.errors import CorruptFile, MissingData

__all__ = [
    "BLOCK",
    "CHUNK",
    "MEMBER_LIMIT",
    "TIMEOUT",
    "Found",
    "Located",
    "Status",
    "data_root",
    "digest",
    "download",
    "extract_member",
    "get",
    "locate",
    "status",
    "verify",
    "verifying",
]


@dataclass(frozen=True)
class Status:
    """One line of ``fairtut data list``.

    ``state`` is ``"embedded"``, ``"ready"``, ``"partial"``, ``"absent"`` or, after a deep check,
    ``"verified"`` or ``"corrupt"``; ``detail`` says what is missing, odd or wrong.

    Examples
    --------
    >>> from fairtut.data.files import status
    >>> states = {entry.name: entry.state for entry in status()}
    >>> states["zafar"], states["faces"]  # both are generated
    ('embedded', 'embedded')
    >>> set(states.values()) <= {"embedded", "ready", "partial", "absent"}  # nothing was read
    True
    """

    name: str
    title: str
    licence: str
    terms: str
    state: str
    folder: Path
    detail: str = ""


def locate(name: str) -> Located:
    """Find the files of a data set on this machine, without reading them.

    Parameters
    ----------
    name : str
        Of a data set in the registry.

    Returns
    -------
    Located
        Each file has an empty label, for no digest was compared.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such data set.
    fairtut.errors.MissingData
        If a file is missing: names it, its official address, the folder for it and the terms.

    Examples
    --------
    Any file of the right name is found, whatever is in it:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.files import locate
    >>> with tempfile.TemporaryDirectory() as here, mock.patch.dict(os.environ, FAIRTUT_DATA=here):
    ...     folder = Path(here, "compas")
    ...     folder.mkdir()
    ...     Path(folder, "compas-scores-two-years.csv").touch()
    ...     [(found.paths[0].name, found.label) for found in locate("compas").files]
    [('compas-scores-two-years.csv', '')]
    """
    entry = dataset(name)
    folder = folder_of(entry)
    found = [find(folder, file) for file in entry.files]
    for file, hit in zip(entry.files, found, strict=True):
        if hit is None:
            raise MissingData(how_to_get(entry, file, folder, f"{file.path} is not there"))
    return Located(entry, folder, tuple(hit for hit in found if hit is not None))


def verify(name: str) -> Located:
    """Find the files of a data set and compare every pinned digest.

    Parameters
    ----------
    name : str
        Of a data set in the registry.

    Returns
    -------
    Located
        Each file has the label of its edition (:class:`~fairtut.data.local.Found`).

    Raises
    ------
    fairtut.errors.CorruptFile
        If a file is neither the official one nor an accepted variant.
    fairtut.errors.MissingData, fairtut.errors.UnknownName
        As :func:`locate`.

    Examples
    --------
    A file of your own is no official one, and passes only where it is asked for:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.files import verify
    >>> from fairtut.errors import CorruptFile
    >>> with tempfile.TemporaryDirectory() as here:
    ...     os.mkdir(f"{here}/compas")
    ...     Path(here, "compas", "compas-scores-two-years.csv").touch()
    ...     for mode in ("on", "off"):
    ...         with mock.patch.dict(os.environ, FAIRTUT_DATA=here, FAIRTUT_VERIFY=mode):
    ...             try:
    ...                 print(verify("compas").files[0].label)
    ...             except CorruptFile:
    ...                 print("refused")
    refused
    not verified
    """
    located = locate(name)
    checked = tuple(Found(f.file, f.paths, edition(located.dataset, f)) for f in located.files)
    return Located(located.dataset, located.folder, checked)


def get(name: str) -> Located:
    """Return the verified files of a data set, downloading what is missing.

    An interrupted download keeps its bytes in a ``.part`` file and goes on from there; a file
    appears under its own name only once it is whole and verified.

    Parameters
    ----------
    name : str
        Of a data set in the registry.

    Returns
    -------
    Located
        As :func:`verify`.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such data set.
    fairtut.errors.MissingData
        If a file is missing and cannot be fetched from here.
    fairtut.errors.CorruptFile
        If what is there, or what the host sent, is not what the registry pins.

    Examples
    --------
    No official digest is known of a file that you place, and its line for captions says so:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.files import get
    >>> with tempfile.TemporaryDirectory() as here:
    ...     os.mkdir(f"{here}/civil_comments")
    ...     Path(here, "civil_comments", "all_data_with_identities.csv").touch()
    ...     with mock.patch.dict(os.environ, FAIRTUT_DATA=here, FAIRTUT_VERIFY="on"):
    ...         get("civil_comments").source
    'Civil Comments with identities (WILDS edition) [not pinned], CC0 1.0'
    """
    entry = dataset(name)
    folder = folder_of(entry)
    missing = any(find(folder, file) is None for file in entry.files)
    if missing and entry.source != "hand":
        fetch_missing(entry, folder)
    return verify(name)


def status(deep: bool = False) -> tuple[Status, ...]:
    """Describe every data set on this machine; ``deep`` also compares digests.

    Examples
    --------
    >>> from fairtut.data.files import status
    >>> {entry.name for entry in status()} >= {"adult", "celeba"}
    True
    """
    return tuple(_status(entry, deep) for entry in DATASETS.values())


def _status(entry: Dataset, deep: bool) -> Status:
    folder = folder_of(entry)
    missing = [file.path for file in entry.files if find(folder, file) is None]
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
