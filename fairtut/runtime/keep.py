"""Results of functions, kept as plain arrays and JSON: found again, checked, or made anew.

A file is an ``.npz`` of arrays without pickles, one of them the tree (JSON) that says how they
stand in dataclasses, mappings, lists and tuples, and a seal (:mod:`fairtut.runtime.seal`).
Reading one never runs code; a file that is cut, changed or of something else is made again.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import CorruptFile
from fairtut.runtime import cache, seal
from fairtut.runtime.io import atomic_path, stamp
from fairtut.runtime.locks import beside, locked

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]

log = logging.getLogger(__name__)
TREE: Final = "tree"


def kept(
    make: Callable[[], T], about: Mapping[str, Any], *, device: torch.device | str = "cpu"
) -> T:
    """Return what ``make()`` returns: from the cache where it was made before, else made and kept.

    Parameters
    ----------
    make : callable
        Takes no arguments (use :func:`functools.partial`) and returns dataclasses of this package,
        mappings, lists, tuples, arrays, numbers, text and None.
    about : mapping
        Everything that the result depends on besides the code of ``make``: settings, and digests
        of data.  See :func:`fairtut.runtime.cache.key_of`.
    device : torch.device or str
        Where the work is done; another device's results are others.
    """
    return kept_at(*place(make, about, device), make)


def kept_at(path: Path, facts: Mapping[str, str], make: Callable[[], T]) -> T:
    """Return what is kept in a file, else make it and keep it there, one process at a time.

    Parameters
    ----------
    path, facts
        From :func:`place`.
    make : callable
        Takes no arguments.
    """
    seen = stamp(path)
    found = found_at(path, facts)
    if found is None:
        with locked(beside(path)):
            if stamp(path) != seen:  # another process was faster
                found = found_at(path, facts)
            if found is None:
                found = (make(),)
                write(path, found[0], facts)
    value: T = found[0]
    return value


def recall(
    make: Callable[..., T], about: Mapping[str, Any], *, device: torch.device | str = "cpu"
) -> T | None:
    """Return what :func:`kept` kept for the same arguments, None if there is nothing."""
    found = found_at(*place(make, about, device))
    return None if found is None else found[0]


def place(
    make: Callable[..., Any], about: Mapping[str, Any], device: torch.device | str = "cpu"
) -> tuple[Path, dict[str, str]]:
    """Return the file of a result, and what its seal must say."""
    facts = cache.facts(make, about, device)
    return cache.cache_folder() / "cells" / f"{facts['key']}.npz", facts


def write(path: Path, value: Any, facts: Mapping[str, str]) -> None:
    """Write a result atomically; where that fails, say so and go on with the result.

    Raises
    ------
    TypeError
        If the value holds something that cannot be kept.
    """
    arrays: Arrays = {}
    text = json.dumps(pack(value, arrays))
    arrays[TREE] = np.frombuffer(text.encode(), dtype=np.uint8)
    try:
        with atomic_path(path) as temporary:
            with open(temporary, "wb") as stream:
                np.savez(stream, **arrays)  # type: ignore[arg-type]
            seal.seal(temporary, facts)
    except OSError as error:
        log.warning("a result is used and not kept in %s: %s", path, error.strerror or error)


def found_at(path: Path, facts: Mapping[str, str]) -> tuple[Any] | None:
    """Return the value in a file, in a tuple; None if it is not there or not what it should be.

    What is wrong with a file is said in one sentence.
    """
    try:
        return (read(path, facts),)
    except FileNotFoundError:
        return None
    except (OSError, CorruptFile) as error:
        log.warning("made again, because %s", error)
        return None


def read(path: Path, facts: Mapping[str, str]) -> Any:
    """Return the value in a file.

    Raises
    ------
    fairtut.errors.CorruptFile
        If a byte of it has changed, or it is the result of something else.
    """
    contents, said = seal.unsealed(path)
    if said != facts:
        raise CorruptFile(f"{path} holds the result of something else: delete it")
    try:
        with np.load(io.BytesIO(contents), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        module = facts["function"].split(":")[0]
        return unpack(json.loads(arrays.pop(TREE).tobytes()), arrays, module)
    except Exception as error:  # a forged file may do anything to a reader, but run code
        what = " ".join(str(error).split())[:120]
        raise CorruptFile(f"{path} cannot be read ({what}): delete it") from error


# --- values as a tree of JSON, with arrays beside it --------------------------------------------


def pack(value: Any, arrays: Arrays) -> Any:
    """Return a value as JSON, putting its arrays into ``arrays``.

    Raises
    ------
    TypeError
        If something in it is of another type.
    """
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.hasobject:
            raise TypeError("an array of Python objects cannot be kept: use numbers or text")
        name = str(len(arrays))
        arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "scalar": name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value) in (list, tuple):
        items = [pack(one, arrays) for one in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, Mapping):
        return {"dict": [[pack(k, arrays), pack(v, arrays)] for k, v in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {
            f.name: pack(getattr(value, f.name), arrays) for f in dataclasses.fields(kind) if f.init
        }
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise TypeError(f"a {type(value).__name__} cannot be kept: use dataclasses, arrays and numbers")


def unpack(tree: Any, arrays: Arrays, module: str) -> Any:
    """Return the value of a tree; its classes are this package's or those of ``module``."""
    if isinstance(tree, list):
        return [unpack(one, arrays, module) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "scalar" in tree:
        return arrays[tree["scalar"]][()]
    if "tuple" in tree:
        return tuple(unpack(one, arrays, module) for one in tree["tuple"])
    if "dict" in tree:
        return {unpack(k, arrays, module): unpack(v, arrays, module) for k, v in tree["dict"]}
    fields = {name: unpack(one, arrays, module) for name, one in tree["fields"].items()}
    return _dataclass(tree["class"], module)(**fields)


def _dataclass(name: str, module: str) -> Callable[..., Any]:
    """Return a dataclass by its name; nothing else can be named."""
    home, _, inner = name.partition(":")
    if home != module and not home.startswith("fairtut."):
        raise TypeError(f"{name} is no class of this package")
    found: Any = sys.modules[home]  # a file must not choose what is imported
    for part in inner.split("."):
        found = getattr(found, part)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise TypeError(f"{name} is no dataclass")
    return found
