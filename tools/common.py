"""What the tools share: the tree's paths, the chapters, atomic writes, digests, errors."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "_build"
CACHE = BUILD / "cache"

#: One thread per process: on a shared two-core machine a second thread makes small models slower.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}


class ToolError(Exception):
    """Something the person at the keyboard can mend; the message is one line."""


def chapters(folder: Path = NOTEBOOKS) -> list[Path]:
    """Return the sources of all chapters, ``NN_name.py``, in reading order."""
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def shown(path: Path) -> str:
    """Return `path` as seen from the repository's root, for messages."""
    try:
        return path.resolve().relative_to(ROOT).as_posix()
    except ValueError:
        return path.as_posix()


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)  # mkstemp's 0600 would travel into archives and images
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def digest_of(files: Iterable[Path], *extra: str) -> str:
    """Return one sha256 over the names and contents of `files` and the `extra` strings."""
    digest = hashlib.sha256()
    for text in extra:
        digest.update(text.encode() + b"\0")
    for file in sorted(files):
        digest.update(shown(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def child_environment() -> dict[str, str]:
    """Return the environment for kernels and builders: one thread, this interpreter's tools."""
    environment = {**ONE_THREAD, **os.environ}
    environment.pop("JUPYTER_PATH", None)  # another environment's kernel would be found first
    environment.pop("MPLBACKEND", None)  # the kernel's inline backend draws into the notebook
    here = str(Path(sys.executable).parent)
    environment["PATH"] = here + os.pathsep + environment.get("PATH", "")
    return environment


def find_browser() -> tuple[str, str] | None:
    """Return the paths of chromium (or Chrome) and its driver, or None if one is missing."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((path for name in names if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def exit_with(main: Callable[[Sequence[str] | None], int]) -> None:
    """Run `main` and leave with its status; a :class:`ToolError` becomes one line and status 2."""
    try:
        status = main(None)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
