"""One maker at a time: a lock file beside what is made, so that nothing is made twice."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)


def beside(path: Path) -> Path:
    """Return the lock file of a kept file: hidden, in the same folder."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def locked(path: Path, *, strict: bool = False) -> Iterator[None]:
    """Run the block while no other process, and no other thread, runs it for the same file.

    The lock is the system's (``flock``): it ends with the process that holds it, also with one
    that is killed, so no lock is ever stale.  On a folder that machines share it holds among them
    where the file system can do that.  The file itself is removed afterwards.

    Parameters
    ----------
    path : pathlib.Path
        The lock file; its folder is made if it is not there.
    strict : bool
        Raise where no lock file can be written.  Else the block runs unlocked: a kept file is
        written atomically all the same, and the worst case is that something is made twice, as
        on Windows.

    Raises
    ------
    OSError
        With ``strict`` only.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "one.lock")):
    ...     print([file.name for file in Path(folder).iterdir()])
    ['one.lock']
    """
    try:
        handle = _acquired(path)
    except OSError as error:
        if strict:
            raise
        log.debug("without a lock, because %s cannot be written: %s", path, error)
        handle = None
    try:
        yield
    finally:
        if handle is not None:
            # removed while it is ours: whoever waits for it sees that, and opens another
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            os.close(handle)


def _acquired(path: Path) -> int | None:
    """Wait for the lock and return its open file; None where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_still(path, handle):
                return handle
        except BaseException:  # also an interrupt while it waits
            os.close(handle)
            raise
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    """Tell whether an open file is the one at a path: another may have removed it meanwhile."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
