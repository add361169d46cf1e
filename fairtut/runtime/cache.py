"""The cache: where kept results lie, and the keys under which they are found again.

A key is a digest of everything that a result depends on: what was asked for, the code that makes
it (:mod:`fairtut.runtime.code`), the version of torch, and the processor and device that did the
work.  A result is the same on every machine only up to rounding, and a training makes more of it:
a run must not mix what two processors made, so each finds its own.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtut.errors import InputError
from fairtut.runtime import code

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$FAIRTUT_CACHE``, else the user's cache.

    Where nothing can be written there, a temporary folder takes its place until the process ends,
    and one sentence says so.
    """
    return _writable(chosen_folder())


def chosen_folder() -> Path:
    """Return the folder that :func:`cache_folder` would use, without trying it."""
    chosen = os.environ.get("FAIRTUT_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("fairtut"))


@functools.cache
def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # permissions alone do not tell a read-only disk
            return folder
    except OSError as error:
        other = Path(tempfile.mkdtemp(prefix="fairtut-"))
        log.warning(
            "the cache folder %s cannot be written (%s): results are kept in %s until this "
            "process ends; FAIRTUT_CACHE names another folder",
            folder, error.strerror or error, other,
        )  # fmt: skip
        # the processes that this one starts share its folder, and do not say it again
        os.environ["FAIRTUT_CACHE"] = str(other)
        atexit.register(_remove, other, os.getpid())
        return other


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a fork
        shutil.rmtree(folder, ignore_errors=True)


def made_with(device: torch.device | str = "cpu") -> dict[str, str]:
    """Return which torch, processor and device make a result here.

    Returns
    -------
    dict
        ``torch``, its version; ``processor``, the instructions that its kernels use, such as
        ``AVX2``; ``device``, as it ends a record's name, such as ``cpu`` or ``h100``.
    """
    import torch

    from fairtut.runtime.device import describe_device

    return {
        "torch": str(torch.__version__),
        "processor": str(torch.backends.cpu.get_cpu_capability()),
        "device": str(describe_device(device)["tag"]),
    }


def facts(
    make: Callable[..., Any], about: Mapping[str, Any], device: torch.device | str = "cpu"
) -> dict[str, str]:
    """Return what the seal of a result says: who made it, with what, and under which key.

    Parameters
    ----------
    make : callable
        Makes the result; its name and its code are in the key.
    about : mapping
        Everything else that the result depends on (see :func:`key_of`).
    device : torch.device or str
        Where the work is done.
    """
    found = {"function": code.name(make), "code": code.digest(make), **made_with(device)}
    return found | {"key": key_of(found | {"about": about})}


def key_of(card: Mapping[str, Any]) -> str:
    """Return a short digest of a card: JSON, dataclasses, paths, and arrays by their content."""
    text = json.dumps(card, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Return what stands for a value in a key."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return [type(value).__qualname__, fields]
    if hasattr(value, "dtype"):
        return content_digest(value)
    if isinstance(value, Mapping):
        return dict(value)
    text = str(value)
    if " at 0x" in text:  # an address: the key would never be found again
        raise InputError(f"{text} cannot be part of a key: pass its settings or a digest")
    return text


def content_digest(value: Any) -> str:
    """Return a digest of arrays, tensors, and of mappings and sequences of them, to the bit."""
    sha = hashlib.sha256()
    _feed(sha, value)
    return sha.hexdigest()


def _feed(sha: Any, value: Any) -> None:
    if hasattr(value, "detach"):  # a tensor; as bytes, because numpy lacks some of its types
        flat = value.detach().cpu().contiguous().reshape(-1)
        sha.update(f"{value.dtype} {tuple(value.shape)}".encode())
        sha.update(flat.view(_bytes()).numpy())
    elif hasattr(value, "dtype") and hasattr(value, "tobytes"):
        sha.update(f"{value.dtype} {value.shape}".encode() + value.tobytes())
    elif isinstance(value, Mapping):
        for name in sorted(value, key=str):
            sha.update(f"{name!r}:".encode())
            _feed(sha, value[name])
    elif isinstance(value, list | tuple):
        sha.update(f"{len(value)} in a row".encode())
        for one in value:
            _feed(sha, one)
    else:
        sha.update(repr(value).encode())


def _bytes() -> Any:
    import torch

    return torch.uint8
