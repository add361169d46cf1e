"""What lies in the cache, and which of it no code of this version can reach.

The seal of a kept file (:mod:`fairtut.runtime.seal`) names what made it.  A key holds the same, so
a file that other code, another torch or another decoder made is never found again and can go.
What another processor made stays: machines may share the folder.  What has no seal of ours is
counted and left alone.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fairtut.errors import CorruptFile, InputError
from fairtut.runtime import code, seal

FOLDERS: Final = ("models", "cells", "latents", "images")
"""Where kept results lie; the folder of data may be the same, and is not looked at."""
USED, ELSEWHERE, STALE, UNKNOWN = "used", "elsewhere", "stale", "unknown"
STATES: Final = {
    USED: "that this version can use",
    ELSEWHERE: "made on another processor, kept for it",
    STALE: "that no code of this version can reach",
    UNKNOWN: "of unknown kind, never removed",
}
SET: Final = ("labels", "pixels.npy", ".lock")
"""Files of a set of decoded images; the seal of the first speaks for all."""
_DAY: Final = 24 * 3600.0  # seconds after which nobody still writes or waits for a file


@dataclass(frozen=True)
class Item:
    """Files that are kept or removed together.

    Attributes
    ----------
    files : tuple of Path
        The one that marks the item as whole comes first.
    size : int
        Bytes of all of them.
    state : str
        One of :data:`STATES`.
    """

    files: tuple[Path, ...]
    size: int
    state: str


def survey(root: Path, here: Mapping[str, str]) -> list[Item]:
    """Return everything that is kept below a cache folder.

    Parameters
    ----------
    root : Path
        See :func:`fairtut.runtime.cache.chosen_folder`.
    here : mapping
        What the seals of this version say besides the code, such as ``torch``.
    """
    return [item for folder in FOLDERS for item in _below(root / folder, here)]


def _below(folder: Path, here: Mapping[str, str]) -> Iterator[Item]:
    for parent, _, names in os.walk(folder):  # follows no links
        rest = set(names)
        if folder.name == "images" and SET[0] in rest:
            together = [name for name in SET if name in rest]
            yield _item([Path(parent, name) for name in together], here)
            rest -= set(together)
        for name in sorted(rest):
            yield _item([Path(parent, name)], here)


def _item(files: list[Path], here: Mapping[str, str]) -> Item:
    size = sum(path.lstat().st_size for path in files if os.path.lexists(path))
    return Item(tuple(files), size, _state(files[0], here))


def _state(path: Path, here: Mapping[str, str]) -> str:
    """Return the state of a file; one that is not understood is of unknown kind."""
    try:
        if path.is_symlink():
            return UNKNOWN
        if path.name.startswith(".") and path.suffix in (".tmp", ".lock"):  # what a kill leaves
            return STALE if time.time() - path.stat().st_mtime > _DAY else UNKNOWN
        return _state_of(seal.facts_of(path), here)
    except (OSError, CorruptFile):
        return UNKNOWN


def _state_of(facts: Mapping[str, Any], here: Mapping[str, str]) -> str:
    if "code" not in facts:  # true whatever the code, such as a digest of a file
        return USED
    differing = {name for name, value in here.items() if facts.get(name, value) != value}
    if differing - {"processor"}:
        return STALE
    module = str(facts.get("function", "")).partition(":")[0]
    if not module.startswith("fairtut."):  # a reader's own code, which may be anywhere
        return UNKNOWN
    if _digest(module) != facts["code"]:
        return STALE
    return ELSEWHERE if differing else USED


@functools.cache
def _digest(module: str) -> str | None:
    """Return the digest of a module's code, None if this version has no such module."""
    try:
        return code.digest(module)
    except ValueError:
        return None


def lines(items: Iterable[Item]) -> list[str]:
    """Return how large the cache is, and a line for each state that is there."""
    listed = list(items)
    said = [f"{amount(listed)} in all"] if listed else ["nothing is kept"]
    for state, words in STATES.items():
        if some := [item for item in listed if item.state == state]:
            said.append(f"{amount(some)} {words}")
    return said


def amount(items: Iterable[Item]) -> str:
    """Return how much the items take, such as ``1.5 MB in 3 files``."""
    items = list(items)
    count = sum(len(item.files) for item in items)
    megabytes = sum(item.size for item in items) / 1e6
    return f"{megabytes:,.1f} MB in {count:,} file{'' if count == 1 else 's'}"


def prune(items: Iterable[Item], root: Path) -> None:
    """Remove those items that no code of this version can reach, and folders left empty by that.

    Raises
    ------
    fairtut.errors.InputError
        If a file cannot be removed.
    """
    for item in items:
        if item.state != STALE:
            continue
        for path in item.files:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(
                    f"cannot remove {path} ({error.strerror or error}): only who may write to "
                    "the cache can prune it"
                ) from error
        _remove_empty(item.files[0].parent, root)


def _remove_empty(folder: Path, root: Path) -> None:
    while folder.parent != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
