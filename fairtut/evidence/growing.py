"""The file of a record that is still being filled: what a run that stops half-way leaves behind.

It stands beside the record's place, as ``<preset>-<data>.json.unfinished``, says ``unfinished`` in
its content too, and is read by nobody: it counts for no verdict.  Saving the record removes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fairtut.evidence.schema import dump
from fairtut.runtime.io import atomic_write_text

SUFFIX: Final = ".unfinished"
EVERY: Final = 1.0
"""Seconds between two writes: a chapter measures hundreds of things in a row."""

_LOG: Final = logging.getLogger(__name__)


class Growing:
    """Writes what a record holds so far, at most once in :data:`EVERY` seconds.

    Parameters
    ----------
    final : pathlib.Path
        Where the finished record will stand.
    body : callable
        Returns what the file is to hold now.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.evidence.growing import Growing
    >>> with tempfile.TemporaryDirectory() as here:
    ...     growing = Growing(Path(here, "laptop-real.json"), lambda: {"minutes": 1.5})
    ...     growing.touch()
    ...     print(growing.path.name)
    ...     print(growing.path.read_text(), end="")
    ...     growing.done()
    ...     growing.path.exists()
    laptop-real.json.unfinished
    {
      "minutes": 1.5,
      "unfinished": true
    }
    False
    """

    def __init__(self, final: Path, body: Callable[[], dict[str, Any]]) -> None:
        self.path = final.with_name(final.name + SUFFIX)
        self._body = body
        self._written = -EVERY
        self._behind = False

    def touch(self) -> None:
        """Note that the record has grown, and write it unless that was done just now."""
        self._behind = True
        if time.monotonic() - self._written >= EVERY:
            self.flush()

    def flush(self, *_: Any) -> None:
        """Write what has not been written yet; a disk that is full is told and stops no run."""
        if not self._behind:
            return
        try:
            atomic_write_text(self.path, dump({**self._body(), "unfinished": True}))
        except OSError as error:
            _LOG.warning("the unfinished record %s could not be written: %s", self.path, error)
        self._behind = False
        self._written = time.monotonic()

    def done(self) -> None:
        """Remove the file: the record itself is there now."""
        self._behind = False
        self.path.unlink(missing_ok=True)


def after_every_cell(flush: Callable[..., None]) -> None:
    """Have a Jupyter kernel flush after every cell, also after one that failed.

    Parameters
    ----------
    flush : callable
        Called with what the kernel tells of the cell.  Outside of a kernel it is never called.

    Examples
    --------
    >>> from unittest.mock import Mock, patch
    >>> from fairtut.evidence.growing import after_every_cell
    >>> kernel = Mock()
    >>> with patch.dict("sys.modules", IPython=Mock(get_ipython=lambda: kernel)):
    ...     after_every_cell(print)
    >>> kernel.events.register.call_args.args
    ('post_run_cell', <built-in function print>)
    """
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None  # type: ignore[union-attr]
    if shell is not None:
        shell.events.register("post_run_cell", flush)
