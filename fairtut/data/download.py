"""Bring the bytes here: from a web address, or from CelebA's shared drive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from fairtut.data.cards import File
from fairtut.data.local import digest
from fairtut.errors import CorruptFile, MissingData
from fairtut.runtime.io import atomic_path
from fairtut.runtime.progress import quiet

BLOCK: Final = 1 << 13
"""Bytes that are written at a time: what an interruption may cost."""
LIMIT: Final = 1 << 28
"""Most bytes of an answer unless the caller allows more: what is fetched has at most 3 million."""
TIMEOUT: Final = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes of an answer."""


def download(url: str, target: Path, sha256: str | None = None, limit: int = LIMIT) -> Path:
    """Download ``url`` to ``target``; go on where an earlier try stopped.

    The bytes gather in ``<target>.part``, which survives an interruption, and are renamed to
    ``target`` once they are whole and have the digest ``sha256``.

    Parameters
    ----------
    url : str
        Where the file is.
    target : pathlib.Path
        File to write; its folder is made if it is not there.
    sha256 : str, optional
        Digest that the bytes must have.
    limit : int
        Most bytes that are taken.

    Returns
    -------
    pathlib.Path
        ``target``.

    Raises
    ------
    fairtut.errors.MissingData
        If the host cannot be reached, refuses, or keeps breaking off.
    fairtut.errors.CorruptFile
        If the whole file has another digest, also after a fresh start, or more than ``limit``
        bytes.

    Examples
    --------
    Four bytes are here already when a try fails (only http and https are spoken):

    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.download import download
    >>> with tempfile.TemporaryDirectory() as here:
    ...     size = Path(here, "table.csv.part").write_bytes(b"half")
    ...     download("ftp://example.org/table.csv", Path(here, "table.csv"))
    Traceback (most recent call last):
        ...
    fairtut.errors.MissingData: cannot download from example.org (InvalidSchema; 4 bytes are kept
    and the next try goes on from there)
    """
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists() and part.stat().st_size > 0
    _stream_all(url, part, limit)
    if sha256 is not None:
        got = digest(part)[0]
        if got != sha256 and resumed:  # the file on the host may have changed between the tries
            part.unlink()
            _stream_all(url, part, limit)
            got = digest(part)[0]
        if got != sha256:
            part.unlink()
            raise CorruptFile(
                f"{url} sent another file than the pinned one (sha256 expected {sha256[:12]}, got "
                f"{got[:12]}): try later, or see the official page for a new edition"
            )
    os.replace(part, target)
    return target


def _stream_all(url: str, part: Path, limit: int) -> None:
    """Fill ``part``; try again as long as each try brings new bytes."""
    import requests

    host = urlsplit(url).netloc
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _stream(url, part, limit)
            return
        except requests.RequestException as error:
            have = part.stat().st_size if part.exists() else 0
            if have > before:
                continue
            response = error.response
            kind = type(error).__name__ if response is None else f"status {response.status_code}"
            kept = f"; {have} bytes are kept and the next try goes on from there" if have else ""
            raise MissingData(f"cannot download from {host} ({kind}{kept})") from error


def _stream(url: str, part: Path, limit: int) -> None:
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
            return _stream(url, part, limit)
        response.raise_for_status()
        resume = response.status_code == 206 and told.startswith(f"bytes {have}-")
        if not resume:
            have = 0
        begun, due = have, int(response.headers.get("Content-Length") or 0)
        if have + due > limit:
            part.unlink(missing_ok=True)
            raise CorruptFile(_too_large(url, limit))
        mode: Literal["ab", "wb"] = "ab" if resume else "wb"
        bar = _bar(part.stem, have + due if due else 0, have)
        # unbuffered and in small blocks: a break or a kill costs at most one block
        with open(part, mode, buffering=0) as sink, bar:
            for block in response.iter_content(BLOCK):
                have += len(block)
                if have > limit:  # a host need not say how much it will send
                    break
                sink.write(block)
                bar.update(len(block))
        if have > limit:
            part.unlink()
            raise CorruptFile(_too_large(url, limit))
        if due and have != begun + due:
            raise requests.exceptions.ChunkedEncodingError("the answer ended early")
    return None


def _too_large(url: str, limit: int) -> str:
    return f"{url} sends more than the {limit} bytes that are due: see the official page"


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


def from_torchvision(file: File, folder: Path) -> None:
    """Fetch a CelebA file from the shared drive whose ids torchvision maintains.

    Parameters
    ----------
    file : File
        What to fetch; its name is looked up among CelebA's, and its digest is compared.
    folder : pathlib.Path
        Where to put it.

    Raises
    ------
    fairtut.errors.MissingData
        If torchvision is not there or knows no such file, or the drive refuses or sends another
        file.

    Examples
    --------
    A stand-in for torchvision, with a drive of one file, shows what is asked for:

    >>> import hashlib, sys, tempfile
    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> from unittest import mock
    >>> from fairtut.data.cards import File
    >>> from fairtut.data.download import from_torchvision
    >>> drive = SimpleNamespace(
    ...     CelebA=SimpleNamespace(file_list=[("its id", "its md5", "a.txt")]),
    ...     download_file_from_google_drive=lambda i, where, name: Path(where, name).write_text(i),
    ... )
    >>> names = ("torchvision", "torchvision.datasets", "torchvision.datasets.utils")
    >>> file = File("a.txt", sha256=hashlib.sha256(b"its id").hexdigest())
    >>> with tempfile.TemporaryDirectory() as here:
    ...     with mock.patch.dict(sys.modules, dict.fromkeys(names, drive)):
    ...         from_torchvision(file, Path(here))
    ...     Path(here, "a.txt").read_text()
    'its id'
    """
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
