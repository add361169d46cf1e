"""Which device a run uses, and how it is named in a record."""

from __future__ import annotations

import os
import platform
import re
from typing import TYPE_CHECKING

from fairtut.errors import InputError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> torch.device:
    """Choose the device: an explicit name, ``$FAIRTUT_DEVICE``, else CUDA, else the CPU.

    Apple's MPS is used where it is asked for by name only: nobody has run the chapters on it.

    Parameters
    ----------
    name : str
        ``"auto"`` or anything that :class:`torch.device` takes.

    Raises
    ------
    fairtut.errors.InputError
        If the named device does not exist on this machine, or has no memory left.
    """
    import torch

    wanted = (os.environ.get("FAIRTUT_DEVICE") or "auto") if name == "auto" else name
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
        return torch.device(wanted)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        if "out of memory" in str(error).lower():
            raise InputError(
                f"device {wanted!r} has no memory left: end what fills it, wait, or choose another "
                "(the FAIRTUT_DEVICE variable, or device=)"
            ) from error
        raise InputError(
            f"device {wanted!r} cannot be used here: choose cpu, cuda, cuda:N or mps "
            "(the FAIRTUT_DEVICE variable, or device=)"
        ) from error


def device_of(model: torch.nn.Module, default: torch.device | str = "cpu") -> torch.device:
    """Return where a network's weights are; ``default`` for one without weights."""
    import torch

    return next((p.device for p in model.parameters()), torch.device(default))


def describe_device(device: torch.device | str = "cpu") -> dict[str, str | int]:
    """Describe a device for a record.

    Returns
    -------
    dict
        ``type`` (``"cpu"``, ``"cuda"``, ``"mps"``), ``name`` as the vendor spells it, ``tag``, the
        short form that ends a record's file name, and ``threads``.
    """
    import torch

    kind = torch.device(device).type
    if kind not in ("cpu", "mps"):
        name = torch.get_device_module(kind).get_device_name(torch.device(device))
        words = [w for w in re.findall(r"[a-z0-9]+", name.lower()) if w not in _VENDOR_WORDS]
        tag = words[0] if words else kind
    else:
        name = platform.processor() or platform.machine()
        tag = kind
    return {"type": kind, "name": name, "tag": tag, "threads": torch.get_num_threads()}


def wait_for(device: torch.device | str) -> None:
    """Return when a device has finished what it was told to do: on a GPU calls return before."""
    import torch

    kind = torch.device(device).type
    if kind != "cpu":
        which = () if kind == "mps" else (device,)  # there is but one
        torch.get_device_module(device).synchronize(*which)


_VENDOR_WORDS = {"nvidia", "tesla", "geforce", "amd", "instinct", "quadro"}
