"""Unpack one member of an archive, safely."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

from fairtut.data.local import CHUNK
from fairtut.errors import CorruptFile
from fairtut.runtime.io import atomic_path

MEMBER_LIMIT: Final = 1 << 30
"""Largest archive member, in bytes, that is unpacked unless the caller allows more."""

UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, UnicodeError,
)  # fmt: skip
"""What zipfile raises, between them, on archives that are damaged."""


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

    Examples
    --------
    >>> import tempfile, zipfile
    >>> from pathlib import Path
    >>> from fairtut.data.archives import extract_member
    >>> with tempfile.TemporaryDirectory() as here:
    ...     archive = Path(here, "all.zip")
    ...     with zipfile.ZipFile(archive, "w") as bundle:
    ...         bundle.writestr("deep/table.csv", "x,y")
    ...     extract_member(archive, "deep/table.csv", Path(here, "table.csv")).read_text()
    'x,y'
    """
    name = Path(archive).name
    try:
        with zipfile.ZipFile(archive) as bundle:
            info = safe_member(bundle, member, name, limit)
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
    except UNREADABLE as error:
        raise CorruptFile(
            f"{name} is not a whole zip archive ({error}): delete it and fetch it again"
        ) from error
    return Path(target)


def safe_member(bundle: zipfile.ZipFile, member: str, name: str, limit: int) -> zipfile.ZipInfo:
    """Return a member of an open archive, or say why it is refused.

    Parameters
    ----------
    bundle : zipfile.ZipFile
        The open archive.
    member : str
        Name of the member in the archive.
    name : str
        What messages call the archive.
    limit : int
        Largest size in bytes that the member may declare.

    Returns
    -------
    zipfile.ZipInfo
        What the archive says about the member.

    Raises
    ------
    fairtut.errors.CorruptFile
        As :func:`extract_member`, except for the digest.

    Examples
    --------
    >>> import io, zipfile
    >>> from fairtut.data.archives import safe_member
    >>> bundle = zipfile.ZipFile(io.BytesIO(), "w")
    >>> bundle.writestr("table.csv", "x,y")
    >>> safe_member(bundle, "table.csv", "all.zip", limit=3).file_size
    3
    >>> safe_member(bundle, "table.csv", "all.zip", limit=2)
    Traceback (most recent call last):
        ...
    fairtut.errors.CorruptFile: all.zip: refusing 'table.csv', 3 bytes where at most 2 are due:
    take it out of the archive
    >>> bundle.close()
    """
    if leads_out(member):
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
            f"{name}: refusing {member!r}, {info.file_size} bytes where at most {limit} are due: "
            "take it out of the archive"
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile inflates the other kinds without a limit
        raise CorruptFile(
            f"{name}: refusing {member!r}, packed by method {info.compress_type}: pack the archive "
            "again with deflate, the usual method"
        )
    if info.flag_bits & 0x1:
        raise CorruptFile(f"{name}: {member!r} is encrypted: pack the archive without a password")
    return info


def leads_out(path: str) -> bool:
    """Tell whether a member's path, or a link's target, leads out of the folder that it is in.

    Examples
    --------
    >>> from fairtut.data.archives import leads_out
    >>> leads_out("../x"), leads_out("a/x")
    (True, False)
    """
    parts = path.replace("\\", "/").split("/")
    return parts[0] == "" or ".." in parts or re.match("[A-Za-z]:", path) is not None
