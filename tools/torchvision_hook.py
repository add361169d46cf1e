"""Let torchvision from the package index be imported beside a CPU-only torch.

That torchvision is built for CUDA: beside a CPU torch its first import asks for the operator
schemas ``torchvision::nms`` and ``torchvision::qnms``, which nobody has defined, and fails.
Defining the two schemas just before that import is enough for models, transforms, datasets and
``make_grid`` (``ops.nms`` and ``io.decode_*`` stay missing).

``tools/make_env.sh`` copies this file into ``.venv`` and loads it from a ``.pth`` file, only
where the plain import fails.  It imports nothing but the standard library until then.
"""

import importlib.abc
import sys
from typing import Any

_kept_alive: list[Any] = []  # a Library that is collected takes its schemas with it


def define_schemas() -> None:
    """Define the operator schemas that torchvision expects; do nothing where they exist."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        try:
            library.define(schema)
        except RuntimeError:  # defined already: a torchvision that matches this torch
            continue
    _kept_alive.append(library)


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """A finder that finds nothing, but sees the first import of torchvision come by."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Define the schemas once, then step aside."""
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            define_schemas()


def install() -> None:
    """Put the finder in front of the others."""
    sys.meta_path.insert(0, _BeforeTorchvision())


if __name__ != "__main__":
    install()
