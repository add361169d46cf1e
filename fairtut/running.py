"""Find a chapter and execute it, with the reader's own folders left alone."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fairtut import errors
from fairtut.errors import FairtutError, InputError, MissingExtra, UnknownName

_DELIBERATE = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, FairtutError)
}
CARRIED: Final = "_notebooks"
"""The folder of an installed package that has the chapters."""


class Stopped(Exception):
    """A chapter failed in a way that nobody foresaw; the message is one line."""


def is_run_of(out: Path, notebook: Path, parameters: Mapping[str, Any]) -> bool:
    """Tell whether a file is what papermill made of this chapter with these parameters."""
    import json

    try:
        made = json.loads(out.read_text(encoding="utf-8"))["metadata"]["papermill"]
        same = Path(made["input_path"]).name == notebook.name
        return same and {key: made["parameters"].get(key) for key in parameters} == parameters
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def find_chapter(name: str, start: Path | None = None) -> Path:
    """Return the notebook of a chapter: a path, or a name looked up in ``notebooks``.

    Parameters
    ----------
    name : str
        ``frtrain``, ``01_frtrain`` or a path to an ``.ipynb``.
    start : pathlib.Path, optional
        The folder in which, and in whose parents, ``notebooks`` is looked for; default the
        current one.  Then come the package's checkout, and what an installed package carries.

    Raises
    ------
    fairtut.errors.UnknownName
        If no notebook has that name.
    fairtut.errors.InputError
        If there are no notebooks, or the path is no notebook.
    """
    given = Path(name)
    if given.suffix or len(given.parts) > 1:
        if given.suffix != ".ipynb" or not given.is_file():
            raise InputError(f"{name} is no notebook: give the path of an .ipynb that exists")
        return given.resolve()
    here = (start or Path.cwd()).resolve()
    package = Path(__file__).resolve().parent
    homes = [here, *here.parents, package.parent]
    shelves = [_named(folder) for folder in (*(h / "notebooks" for h in homes), package / CARRIED)]
    nearest: dict[str, Path] = next(filter(None, shelves), {})
    if not nearest:
        raise InputError(
            f"no folder 'notebooks' with .ipynb files in {here} or above: go to a checkout of "
            "fairtut or give the notebook's path"
        )
    own = nearest if name in nearest else next((s for s in shelves[-2:] if name in s), nearest)
    if name not in own:
        short = [key for key in own if not key[:1].isdigit()]
        raise UnknownName.of("chapter", name, short)
    return own[name].resolve()


def home_of(notebook: Path) -> Path:
    """Return the folder in which a chapter runs, and below which it writes.

    That is the checkout, or the notebook's own folder where it stands anywhere else.  A notebook
    that came with the installed package runs in the current folder: nobody writes into that.
    """
    if notebook.parent == Path(__file__).resolve().parent / CARRIED:
        return Path.cwd()
    return notebook.parent.parent if notebook.parent.name == "notebooks" else notebook.parent


def _named(folder: Path) -> dict[str, Path]:
    """Return the notebooks of a folder by their names, with their numbers and without."""
    known = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    return known | {stem.lstrip("0123456789").lstrip("_"): path for stem, path in known.items()}


def execute(
    notebook: Path,
    out: Path,
    parameters: Mapping[str, Any],
    cwd: Path,
    environment: Mapping[str, str | None] | None = None,
) -> None:
    """Execute a notebook through papermill.

    Parameters
    ----------
    notebook, out : pathlib.Path
    parameters : mapping
        What papermill sets.
    cwd : pathlib.Path
        The kernel's working folder.
    environment : mapping, optional
        Environment variables of the kernel; None leaves one as it is.

    Raises
    ------
    fairtut.errors.FairtutError
        What the chapter raised on purpose.
    fairtut.errors.MissingExtra
        If papermill is not installed.
    KeyboardInterrupt
        If the chapter was interrupted.
    """
    try:
        import papermill
        from papermill.exceptions import PapermillExecutionError
    except ImportError as error:
        raise MissingExtra.of("papermill", "notebooks") from error

    known = papermill.inspect_notebook(str(notebook))
    lacking = [key for key in parameters if key not in known]
    if lacking:
        raise InputError(
            f"{notebook.name} has no parameter {lacking[0]}: its cell tagged 'parameters' must "
            f"define {', '.join(parameters)}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    _prepare_kernel()
    try:
        with kernel_folders(), _set(environment or {}):
            papermill.execute_notebook(
                str(notebook),
                str(out),
                parameters=dict(parameters),
                kernel_name="python3",
                cwd=str(cwd),
                progress_bar=sys.stderr.isatty(),
                # a kernel that is shut down says so on stderr
                extra_arguments=["--log-level=CRITICAL"],
            )
    except PapermillExecutionError as error:
        what = " ".join(str(error.evalue).split())
        if error.ename == "KeyboardInterrupt":
            raise KeyboardInterrupt from error
        if error.ename in _DELIBERATE:
            raise FairtutError(what) from error
        raise Stopped(
            f"{notebook.stem} stopped in cell {error.exec_count}: {error.ename}: {what} "
            f"(the notebook so far: {out})"
        ) from error


def _prepare_kernel() -> None:
    """Make the kernel this interpreter's own, quiet, with this package and no other backend."""
    os.environ.pop("JUPYTER_PATH", None)  # another environment's kernel would be found first
    os.environ.pop("MPLBACKEND", None)  # the kernel's inline backend draws into the notebook
    os.environ.setdefault("FAIRTUT_QUIET", "1")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():  # not installed: the kernel must find it too
        paths = [str(checkout), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)


@contextlib.contextmanager
def kernel_folders() -> Iterator[None]:
    """Give IPython and matplotlib a folder where they cannot write at home, and remove it.

    They would make one too, say so between the chapter's lines, and leave it behind.
    """
    home = Path(os.path.expanduser("~"))
    kept = {"IPYTHONDIR": home / ".ipython", "MPLCONFIGDIR": home / ".config" / "matplotlib"}
    lacking = [
        name for name, path in kept.items() if name not in os.environ and not _can_write(path)
    ]
    with tempfile.TemporaryDirectory(prefix="fairtut-", ignore_cleanup_errors=True) as folder:
        os.environ.update(dict.fromkeys(lacking, folder))
        try:
            yield
        finally:
            for name in lacking:
                os.environ.pop(name, None)


@contextlib.contextmanager
def _set(environment: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables, and put back what was there."""
    kept = {name: os.environ.get(name) for name in environment}
    os.environ.update({name: value for name, value in environment.items() if value is not None})
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


def _can_write(folder: Path) -> bool:
    """Say whether a folder, or the nearest one above it that is there, can be written to."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=there):  # permissions alone do not tell a read-only disk
            return True
    except OSError:
        return False
