"""Fuse a pure tensor function into one kernel where a compiler is at hand."""

from __future__ import annotations

import functools
import getpass
import hashlib
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from torch import Tensor

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


FOLDER: Final = "fairtut-"
"""What the name of our folder in torch's compile cache begins with."""
SLACK: Final = 16.0
"""How many times as far from float64 a compiled function may be as the eager one is."""


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
    the next process, see :func:`use_own_cache`).  That call is compared with the eager function.
    If compiling fails, or the numbers differ by more than rounding, the eager function takes over:
    the numbers are right, only slower.
    """
    reason = why_not_fused()
    if reason is not None:
        log.warning("running %s eagerly, slower but equal: %s", function.__name__, reason)
        return function
    import torch

    try:
        use_own_cache()
    except OSError as error:
        log.warning("running %s eagerly, slower but equal: %s", function.__name__, error)
        return function
    _allow_shapes(64)
    try:
        compiled = torch.compile(function, dynamic=False, options=OPTIONS)
    except RuntimeError:  # a torch that spells its options otherwise
        compiled = torch.compile(function, dynamic=False)
    return cast(F, _guarded(function, compiled))


def _guarded(function: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Call ``compiled``, checked at each first shape; once it failed, call ``function``."""
    import torch

    checked: set[tuple[Any, ...]] = set()
    reasons: list[str] = []

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if reasons:
            return function(*args)
        shapes = tuple((t.shape, t.dtype, t.device) for t in _tensors(args))
        try:
            result = compiled(*args)
        except torch._dynamo.exc.TorchDynamoException as error:
            reasons.append(str(error).strip().splitlines()[0])
        else:
            reason = None if shapes in checked else _difference(function, args, result)
            if reason is None:
                checked.add(shapes)
                return result
            reasons.append(reason)
        log.warning("running %s eagerly, slower but equal: %s", function.__name__, reasons[0])
        return function(*args)

    return call


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested tuples and lists, in order."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)


def _difference(function: Callable[..., Any], args: tuple[Any, ...], result: Any) -> str | None:
    """Say by how much ``result`` differs from the eager function, or None if rounding explains it.

    What rounding explains is measured: the distance between the eager function and itself in
    float64, which knows how the function is conditioned, times :data:`SLACK`; and for a sum of n
    terms in another order sqrt(n) units in the last place of the largest number.
    """
    import torch

    eager = list(_tensors(function(*args)))
    exact = list(_tensors(function(*_in_float64(args)))) if _has_float64(eager) else eager
    longest = max((t.numel() for t in _tensors(args)), default=1)
    for got, wanted, truth in zip(_tensors(result), eager, exact, strict=True):
        if not got.is_floating_point():
            if not torch.equal(got, wanted):
                return "the compiled function gives other whole numbers"
            continue
        size = float(torch.nan_to_num(wanted.detach()).abs().max()) if wanted.numel() else 0.0
        unit = torch.finfo(got.dtype).eps * max(size, torch.finfo(got.dtype).tiny)
        explained = SLACK * (_distance(wanted, truth) + unit * longest**0.5)
        if not (seen := _distance(got, truth)) <= explained:
            return f"the compiled function is off by {seen:.1e}, rounding explains {explained:.1e}"
    return None


def _has_float64(tensors: list[Tensor]) -> bool:
    """Whether the device of the tensors computes in float64 (Apple's GPUs do not)."""
    return all(t.device.type != "mps" for t in tensors)


def _in_float64(value: Any) -> Any:
    """Return nested tuples and lists with their floating-point tensors in float64."""
    from torch.utils._pytree import tree_map

    def cast(leaf: Any) -> Any:
        return leaf.double() if hasattr(leaf, "double") and leaf.is_floating_point() else leaf

    return tree_map(cast, value)


def _distance(a: Tensor, b: Tensor) -> float:
    """Largest difference of two tensors; infinite and missing numbers must be at equal places."""
    import torch

    a, b = a.detach().to(b.dtype), b.detach()
    gap = torch.where((a == b) | (a.isnan() & b.isnan()), torch.zeros_like(b), (a - b).abs())
    return float(gap.nan_to_num(nan=float("inf")).max()) if gap.numel() else 0.0


def use_own_cache() -> Path:
    """Give torch's compile cache a folder that no other kind of processor uses, and return it.

    Torch's own key leaves out what the processor may use: code compiled under AVX-512 was loaded
    under AVX2 and computed other numbers in silence.  A home folder on a network drive or a
    container that moves has just this.  The folder lies in what ``TORCHINDUCTOR_CACHE_DIR`` names,
    or in torch's default.
    """
    default = Path(tempfile.gettempdir()) / f"torchinductor_{_user()}"
    set_by = Path(os.environ.get("TORCHINDUCTOR_CACHE_DIR") or default).resolve()
    # a process that we started inherits our folder: its own lies beside it, not inside
    base = set_by.parent if set_by.name.startswith(FOLDER) else set_by
    folder = base / f"{FOLDER}{cache_key()}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
    return folder


def cache_key() -> str:
    """Return a digest of what compiled code depends on: processor, limits, torch, user."""
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    limit = os.environ.get("ATEN_CPU_CAPABILITY", "")
    parts = [capability, limit, platform.machine(), _flags(), torch.__version__, _user()]
    return f"{capability.lower()}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"


def _flags() -> str:
    """Return what the processor says it can do; its name where the system has no list."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    kinds = ("model name", "flags", "CPU part", "Features")
    return "|".join(sorted({line for line in lines if line.startswith(kinds)}))


def _user() -> str:
    """Return the user's name, or number where a container gives none."""
    try:
        return getpass.getuser()
    except (KeyError, ModuleNotFoundError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _allow_shapes(count: int) -> None:
    """Let one function be compiled for ``count`` shapes; torch gives up after 8 by itself."""
    import torch

    config: Any = torch._dynamo.config
    for name in ("recompile_limit", "cache_size_limit"):  # the second is the name before torch 2.6
        if hasattr(config, name):
            setattr(config, name, max(getattr(config, name), count))
            return
