"""The four parameters of a chapter, checked before anything else runs.

papermill types a parameter by its looks: ``-p results_dir 2026`` hands over a whole number,
``-p seed 1e3`` a float and ``-p preset None`` nothing at all.  :func:`checked` turns what can be
meant in one way only into the right type, and refuses the rest in one sentence.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final, NamedTuple

from fairtut.errors import InputError
from fairtut.runtime.presets import PRESETS, check_mode, choose

SEEDS: Final = 2**32
"""Seeds are whole numbers below this, as NumPy wants them."""

IDLE: Final = r"A worker stopped while some jobs were given to the executor"
"""What joblib says of a worker that went home after five idle minutes, or between two jobs because
its memory had grown.

It starts another one at once and no result is lost: each waits for its job, and a worker that dies
with a job is an error of its own.  The remark shows a path of one machine.
"""

ROOM: Final = 2**20
"""Bytes that must fit into the results folder before a run begins; a record has at most half."""


class Checked(NamedTuple):
    """What a chapter was asked for, in the order of its parameters cell."""

    preset: str
    data: str
    seed: int
    results_dir: Path


def checked(preset: Any, data: Any, seed: Any, results_dir: Any) -> Checked:
    """Check and convert a chapter's four parameters, and try the results folder.

    From here on joblib's remark :data:`IDLE` is not shown, whichever study runs jobs.

    Parameters
    ----------
    preset, data : str
        Names from :mod:`fairtut.runtime.presets`.
    seed : int
        A whole number; ``1000.0`` and ``"7"`` are whole too.
    results_dir : path-like
        Where the record goes.  A relative one belongs to the checkout around the working folder,
        wherever in it the notebook was started, and to the working folder outside of one.

    Returns
    -------
    Checked
        With ``results_dir`` as an absolute path: checking twice changes nothing.

    Raises
    ------
    fairtut.errors.InputError
        If one has the wrong type, or nothing can be written to the results folder.
    """
    warnings.filterwarnings("ignore", IDLE, UserWarning)
    named = choose({name: name for name in PRESETS}, _word(preset, "preset"))
    mode, root = check_mode(_word(data, "data")), _seed(seed)
    return Checked(named, mode, root, probed(results_folder(_folder(results_dir))))


def results_folder(results_dir: str | os.PathLike[str], start: Path | None = None) -> Path:
    """Return the results folder that is meant by someone who works in ``start`` (default: here)."""
    here = (start or Path.cwd()).resolve()
    return (checkout(here) or here) / Path(results_dir).expanduser()


def seen(path: Path) -> Path:
    """Return a path as seen from the working folder, if both lie in one checkout.

    So no page shows where somebody's checkout lies.
    """
    here = Path.cwd().resolve()
    home = checkout(here)
    if home is None or not path.is_absolute() or not path.resolve().is_relative_to(home):
        return path
    return Path(os.path.relpath(path.resolve(), here))


def checkout(start: Path) -> Path | None:
    """Return the checkout of fairtut that holds ``start``, None outside of one."""
    for folder in (start, *start.parents):
        try:
            text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if re.search(r'^name = "fairtut"$', text, flags=re.MULTILINE):
            return folder
    return None


def probed(folder: Path) -> Path:
    """Return ``folder`` after writing to it: made if it was not there, and with room to spare.

    Raises
    ------
    fairtut.errors.InputError
        If it is a file, cannot be written to, or is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
            os.fsync(file.fileno())  # some file systems find out only here that they are full
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"results_dir {str(folder)!r} cannot hold a record ({reason}): name a folder that can "
            "be written to and has room"
        ) from None
    return folder


def _word(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(
            f"{name} {value!r} is a {type(value).__name__}: give a name in quotes, with papermill "
            f"`-r {name} NAME`"
        )
    return value.strip()


def _seed(value: Any) -> int:
    """Turn what can only mean a whole number into one; ``True`` means none."""
    fine = isinstance(value, int | float | str) and not isinstance(value, bool)
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value).strip()
    if not fine or not re.fullmatch(r"\d{1,10}", text, flags=re.ASCII) or int(text) >= SEEDS:
        raise InputError(f"seed {value!r} must be a whole number from 0 to {SEEDS - 1}, such as 0")
    return int(text)


def _folder(value: Any) -> Path:
    """Turn a path, a name or a whole number, which is a name that papermill misread, into a path.

    A float is not turned back: ``1e3`` and ``1000.0`` are different folders and the same number.
    """
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not (whole or isinstance(value, str | os.PathLike)) or not str(value).strip():
        raise InputError(
            f"results_dir {value!r} is no folder's name: give one in quotes, with papermill "
            "`-r results_dir NAME`"
        )
    return Path(str(value) if whole else os.fspath(value))
