"""Fuse a pure tensor function into one kernel where a compiler is at hand."""

from __future__ import annotations

import functools
import logging
import os
import shutil
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    # A sum's input is computed where it is summed.  By default whatever several sums share is
    # written to memory first: for the networks here an array that no cache holds.
    "realize_reads_threshold": 100,
    "realize_acc_reads_threshold": 100,
    "realize_opcount_threshold": 1000,
    # One rounding for a product and its sum, in one instruction.
    "cpp.enable_floating_point_contract_flag": "fast",
}
"""How small arrays are fused: fewer trips to memory, about half the time and compilation."""


@functools.cache
def why_not_fused() -> str | None:
    """Say in plain words why :func:`fuse` would run eagerly here, or None if it would fuse."""
    if os.environ.get("FAIRTUT_FUSE", "1") == "0":
        return "FAIRTUT_FUSE=0 is set"
    import torch

    if torch.cuda.is_available():
        return None
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return "no C++ compiler (g++ or clang++) is on the path"
    return None


def fuse(function: F) -> F:
    """Compile ``function`` with :func:`torch.compile`, or return it unchanged and say so once.

    The function must be pure: tensors in, tensors out, no in-place change.  Shapes are compiled
    as constants, so a first call with new shapes costs some seconds (kept on disk by torch for
    the next process).  If compiling fails at the first call, the eager function takes over: the
    numbers are the same to rounding, only slower.
    """
    reason = why_not_fused()
    if reason is not None:
        log.warning("running %s eagerly, slower but equal: %s", function.__name__, reason)
        return function
    import torch

    _allow_shapes(64)
    try:
        compiled = torch.compile(function, dynamic=False, options=OPTIONS)
    except RuntimeError:  # a torch that spells its options otherwise
        compiled = torch.compile(function, dynamic=False)
    state = {"fall_back": False}

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if state["fall_back"]:
            return function(*args)
        try:
            return compiled(*args)
        except torch._dynamo.exc.TorchDynamoException as error:
            first_line = str(error).strip().splitlines()[0]
            log.warning("running %s eagerly, slower but equal: %s", function.__name__, first_line)
            state["fall_back"] = True
            return function(*args)

    return cast(F, call)


def _allow_shapes(count: int) -> None:
    """Let one function be compiled for ``count`` shapes; torch gives up after 8 by itself."""
    import torch

    config: Any = torch._dynamo.config
    for name in ("recompile_limit", "cache_size_limit"):  # the second is the name before torch 2.6
        if hasattr(config, name):
            setattr(config, name, max(getattr(config, name), count))
            return
