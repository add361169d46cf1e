"""Tables read no further than a table can go: a size, and a length for each record."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from fairtut.errors import CorruptFile

RECORD: Final = 1 << 20
"""Longest line of a table in bytes, line breaks between quotation marks included."""
TABLE: Final = 1 << 27
"""Largest table of labels in bytes (CelebA's has 26 million)."""
COMMENTS: Final = 1 << 30
"""Largest table of comments in bytes (the largest known has 800 million)."""


class Bounded(io.RawIOBase):
    r"""A stream that refuses to become more than a table, whatever it is unpacked from.

    Parameters
    ----------
    stream : binary file
        Uncompressed.
    path : pathlib.Path
        What messages call it.
    limit, record : int
        Bytes in all, and of one record.

    Raises
    ------
    fairtut.errors.CorruptFile
        While it is read, as soon as either limit is passed.

    Examples
    --------
    >>> import io
    >>> from pathlib import Path
    >>> from fairtut.data.bounded import Bounded
    >>> table = b"a,b\n1,2\n"
    >>> io.BufferedReader(Bounded(io.BytesIO(table), Path("t.csv"), limit=8)).read() == table
    True
    >>> io.BufferedReader(Bounded(io.BytesIO(table), Path("t.csv"), limit=7)).read()
    Traceback (most recent call last):
        ...
    fairtut.errors.CorruptFile: t.csv unpacks to more than 7 bytes: cut it into smaller tables
    """

    def __init__(
        self, stream: IO[bytes], path: Path, limit: int = TABLE, record: int = RECORD
    ) -> None:
        self.stream, self.path, self.limit, self.record = stream, path, limit, record
        self.total = self.length = 0
        self.quoted = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes and count them."""
        data = self.stream.read(min(len(buffer), self.record))
        buffer[: len(data)] = data
        self.total += len(data)
        end = self._last_end(data)
        self.length = self.length + len(data) if end < 0 else len(data) - end - 1
        if self.total > self.limit:
            raise CorruptFile(
                f"{self.path} unpacks to more than {self.limit} bytes: cut it into smaller tables"
            )
        if self.length > self.record:
            raise CorruptFile(
                f"{self.path} has a line of more than {self.record} bytes (a quotation mark that "
                "is never closed?): it is no table"
            )
        return len(data)

    def _last_end(self, data: bytes) -> int:
        """Return where the last record of a block ends, -1 if none does."""
        if b'"' not in data:
            return -1 if self.quoted else data.rfind(b"\n")
        values = np.frombuffer(data, np.uint8)
        inside = (np.cumsum(values == ord('"')) + self.quoted) % 2 == 1
        self.quoted = bool(inside[-1])
        ends = np.flatnonzero((values == ord("\n")) & ~inside)
        return int(ends[-1]) if len(ends) else -1
