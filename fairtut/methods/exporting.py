"""A trained module as TorchScript, for machines without this package."""

from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from fairtut.runtime.io import atomic_path


def export(module: nn.Module, example: Tensor, path: str | os.PathLike[str]) -> Path:
    """Write a module as TorchScript, whole or not at all.

    Parameters
    ----------
    module : nn.Module
        It is copied to the CPU and traced in evaluation mode.
    example : Tensor
        Input of the size that the file will take; its first axis may have any length later.
    path : path-like
        ``torch.jit.load(path)`` reads it.

    Examples
    --------
    >>> import tempfile
    >>> net, x = nn.Linear(2, 1), torch.ones(4, 2)
    >>> file = export(net, x[:1], Path(tempfile.mkdtemp()) / "net.pt")
    >>> bool(torch.equal(torch.jit.load(file)(x), net(x)))
    True
    """
    plain = copy.deepcopy(module).cpu().eval()
    with warnings.catch_warnings(), atomic_path(path) as temporary:
        warnings.simplefilter("ignore")  # tracing warns that sizes become constants: intended
        torch.jit.save(torch.jit.trace(plain, example), str(temporary))
    return Path(path)
