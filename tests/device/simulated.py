"""A pretend accelerator: tensors that say ``sim:0``, hold CPU numbers, and obey a device's rules.

torch lets a backend be written in Python.  Ours computes on the CPU and is strict about *where*
things are, which is all that a machine without a GPU can test:

* an operation on tensors of two devices raises, and so does a device's mask on a CPU tensor;
* random numbers must come from a generator of the device, and NumPy cannot read a tensor there;
* kernels are counted, and so is everything that makes a device wait: copies to the host, ``item()``
  and boolean indices, each with the line of ours that asked for it;
* double precision can be refused, as Apple's processors do (:attr:`Counts.double`).

It says nothing about speed, memory, streams, or how a real device rounds.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._pytree import tree_flatten, tree_map

KIND = "sim"
NAME = "Simulated S1 device"
ROOT = Path(__file__).resolve().parents[2]

# These make a result from tensors of the host and of the device, or only look at the host's.
_MIXERS = {"copy_", "_to_copy", "_foreach_copy_"}
_INDEXING = {"index", "_unsafe_index", "index_put", "index_put_", "_index_put_impl_"}
# Beside pointwise operations, these take a single number from the host.
_TAKES_NUMBERS = {"where", "index_put", "index_put_", "fill_", "masked_fill", "masked_fill_"}
_NO_KERNEL = {
    "view", "_unsafe_view", "expand", "permute", "transpose", "t", "select", "slice", "unsqueeze",
    "squeeze", "split", "split_with_sizes", "unbind", "as_strided", "detach", "alias", "diagonal",
    "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "unfold",
    "_reshape_alias", "lift_fresh", "is_same_size", "set_",
}  # fmt: skip
_WAITS = {
    "_local_scalar_dense", "nonzero", "_unique2", "unique_dim", "unique_consecutive",
    "masked_select", "equal", "bincount",
}  # fmt: skip


class WrongDevice(RuntimeError):
    """What a real device reports when an operation is given tensors of two devices."""


class Counts:
    """What the device did; ``double`` says whether it takes float64."""

    def __init__(self) -> None:
        self.kernels = 0
        self.waits: Counter[tuple[str, str]] = Counter()
        self.double = True

    def reset(self) -> None:
        """Count from zero."""
        self.kernels = 0
        self.waits.clear()

    def wait(self, kind: str) -> None:
        """Note that the device was waited for, and where."""
        self.waits[kind, _place()] += 1


counts = Counts()


def _place() -> str:
    """Return the innermost line of ours: a file of the project outside this folder, or a cell."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        ours = name.startswith(f"{ROOT}/fairtut") or name.endswith(".cells")
        if ours:
            return f"{name.removeprefix(f'{ROOT}/')}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"


class Tensor(torch.Tensor):
    """A tensor on the device: it has a shape and a device, ``inner`` has the numbers."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor, requires_grad: bool = False) -> Tensor:
        """Wrap a CPU tensor."""
        shown = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, device=torch.device(KIND, 0), requires_grad=requires_grad,
        )  # fmt: skip
        shown.inner = inner
        return shown

    def __init__(self, *_: Any, **__: Any) -> None: ...

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation."""
        return run(op, *args, **(kwargs or {}))

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"{self.inner!r} on {KIND}"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.dim() == 0 else repr(self)

    def tolist(self) -> Any:
        """Return the numbers, as a real device does after a copy to the host."""
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Refuse: NumPy cannot read a device's memory."""
        raise TypeError(f"can't convert {KIND}:0 device type tensor to numpy: use .cpu() first")

    __array__ = numpy

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            with torch.no_grad():
                new: Any = self.detach().clone()
            new.requires_grad_(self.requires_grad)
            new._is_param = getattr(self, "_is_param", False)
            new.grad = None if self.grad is None else self.grad.__deepcopy__(memo)
            memo[id(self)] = new
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.inner.detach().clone().__reduce_ex__(protocol)


def run(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Check one operation, count it, and compute it on the CPU."""
    name = op._schema.name.split("::")[1]
    tensors = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, torch.Tensor)]
    device = kwargs.get("device")
    here = any(isinstance(t, Tensor) for t in tensors)
    there = here if device is None else _is_ours(device)
    _check_devices(op, name, tensors, args)
    _check_double(kwargs, tensors, name, there)
    _count(name, args, here, there)
    plain_args, plain_kwargs = tree_map(_plain, (args, kwargs))
    out = op(*plain_args, **plain_kwargs)
    written = [arg for arg in zip(op._schema.arguments, args, strict=False) if _written(arg[0])]
    if op._schema.returns and all(_written(r) for r in op._schema.returns):
        given = {a.name: v for a, v in written} | {
            a.name: kwargs[a.name] for a in op._schema.arguments if _written(a) and a.name in kwargs
        }
        return next(iter(given.values())) if len(given) == 1 else tuple(given.values())
    return tree_map(lambda v: Tensor(v) if isinstance(v, torch.Tensor) and there else v, out)


def _written(argument: Any) -> bool:
    return argument.alias_info is not None and bool(argument.alias_info.is_write)


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.inner
    return torch.device("cpu") if isinstance(value, torch.device) else value


def _check_devices(op: Any, name: str, tensors: list[torch.Tensor], args: Any) -> None:
    host = [t for t in tensors if not isinstance(t, Tensor)]
    if len(host) in (0, len(tensors)) or name in _MIXERS:
        return
    if name in _INDEXING:  # an index may come from the host, but not the other way round
        if isinstance(args[0], Tensor):
            counts.wait("index from the host")
            values = args[2] if len(args) > 2 else args[0]
            host = [] if isinstance(values, Tensor) else [values]
        else:
            raise WrongDevice(f"aten::{name}: an index on {KIND}:0 for a tensor on cpu")
    numbers = torch.Tag.pointwise in op.tags or name in _TAKES_NUMBERS or "_foreach" in name
    bad = [t for t in host if t.dim() > 0 or not numbers]
    if bad:
        shape = tuple(bad[0].shape)
        raise WrongDevice(f"aten::{name}: a tensor {shape} on cpu beside one on {KIND}:0")


def _check_double(kwargs: Any, tensors: list[torch.Tensor], name: str, there: bool) -> None:
    if counts.double or not there:
        return
    moved = tensors[0].dtype if name == "_to_copy" else None
    if kwargs.get("dtype", moved) == torch.float64:
        raise TypeError(f"{KIND}:0 does not support float64: use float32, or the CPU")


def _count(name: str, args: Any, here: bool, there: bool) -> None:
    if (here or there) and name not in _NO_KERNEL:
        counts.kernels += 1
    if name == "copy_":
        to, source = (isinstance(a, Tensor) for a in args[:2])
        if to != source:
            counts.wait("copy to the device" if to else "copy to the host")
    elif name == "_to_copy" and here != there:
        counts.wait("copy to the device" if there else "copy to the host")
    elif here and name in _WAITS:
        counts.wait(name)
    elif here and name in _INDEXING and any(
        i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1]
    ):  # fmt: skip
        counts.wait("boolean index")


class Generator(torch._C.Generator):
    """Stands in for torch's own class: the numbers are the CPU's, whatever device it is for."""

    kind: str

    def __new__(cls, device: Any = "cpu") -> Generator:
        """Make one for a device."""
        self = super().__new__(cls, "cpu")
        self.kind = torch.device(device).type
        return self

    def __init__(self, device: Any = "cpu") -> None: ...

    @property
    def device(self) -> torch.device:
        """What its numbers are for."""
        return torch.device(self.kind, 0) if self.kind == KIND else torch.device(self.kind)


class _Watch(TorchFunctionMode):
    """Looks at calls before torch does: further down nobody knows whose generator it was."""

    def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Check one call of torch."""
        kwargs = kwargs or {}
        generator = kwargs.get("generator")
        if generator is not None:
            on = kwargs.get("device")
            there = any(isinstance(a, Tensor) for a in args) if on is None else _is_ours(on)
            if (getattr(generator, "kind", "cpu") == KIND) != there:
                wanted, found = (KIND, "cpu") if there else ("cpu", KIND)
                raise WrongDevice(f"a generator of {found} for random numbers on {wanted}")
        return call(*args, **kwargs)


def _is_ours(device: Any) -> bool:
    return torch.device(device).type == KIND


class _Module:
    """What ``torch.sim`` must answer."""

    def is_available(self) -> bool:
        return True

    is_initialized = is_available

    def _is_in_bad_fork(self) -> bool:
        return False

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def manual_seed_all(self, seed: int) -> None: ...

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        return torch.zeros(8, dtype=torch.uint8)

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None: ...

    def synchronize(self, device: Any = None) -> None:
        counts.wait("synchronize")

    def get_device_name(self, device: Any = None) -> str:
        return NAME

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]

    def memory_stats(self, device: Any = None) -> dict[str, int]:
        return {"allocation.all.allocated": counts.kernels}


def register() -> None:
    """Tell torch about the device, once per process; nothing can take this back."""
    if getattr(torch, KIND, None) is not None:
        return
    backend_registration._setup_privateuseone_for_python_backend(KIND, backend_module=_Module())
    _library.fallback(run, "PrivateUse1")
    _library.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=) moves what it made


_library = torch.library.Library("_", "IMPL")


@contextlib.contextmanager
def device(double: bool = True) -> Iterator[Counts]:
    """Within, ``sim`` is a device that torch knows, and what it does is counted from zero."""
    from torch.optim import optimizer

    from fairtut.runtime import precision

    register()
    counts.reset()
    counts.double = double
    real, swap = torch.Generator, torch.__future__.get_swap_module_params_on_conversion()
    torch.Generator = Generator  # type: ignore[misc]
    torch.__future__.set_swap_module_params_on_conversion(True)
    optimizer._foreach_supported_types.append(Tensor)  # type: ignore[attr-defined]
    real_inference = torch.inference_mode  # its tensors keep no versions, and wrappers need them
    torch.inference_mode = lambda *_: torch.no_grad()  # type: ignore[assignment,misc]
    if not double:
        precision.SINGLE_ONLY.add(KIND)
    try:
        with _Watch():
            yield counts
    finally:
        torch.Generator = real  # type: ignore[misc]
        torch.inference_mode = real_inference  # type: ignore[misc]
        torch.__future__.set_swap_module_params_on_conversion(swap)
        optimizer._foreach_supported_types.remove(Tensor)  # type: ignore[attr-defined]
        precision.SINGLE_ONLY.discard(KIND)
        counts.double = True
