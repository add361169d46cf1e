"""What a LASSI keeps of its training, and how its labels are coded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.lassi.networks import Representation


class Parts(nn.Module):
    """What is trained: R, its consumer and the attribute's vector."""

    direction: Tensor

    def __init__(self, representation: Representation, head: nn.Linear, direction: Tensor) -> None:
        super().__init__()
        self.representation, self.head = representation, head
        self.register_buffer("direction", direction)


def coded(label: Tensor) -> tuple[NDArray[np.int64], Tensor]:
    """Return the labels that occur, and each row's place among them: no output is for nobody."""
    classes, place = label.unique(return_inverse=True)
    if int(classes[0]) < 0:
        raise InputError(
            f"training labels must be whole numbers from 0 up: found {classes[:5].tolist()}"
        )
    return classes.cpu().numpy(), place


def read_classes(said: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the labels that a file names; files of before have a number of them, from 0 up."""
    labels = said.get("labels", list(range(said["classes"])))
    found = np.asarray(labels)
    if found.dtype.kind != "i" or found.shape != (said["classes"],) or (np.diff(found) < 1).any():
        raise ValueError(f"labels are {labels!r}, not {said['classes']} ascending whole numbers")
    return found.astype(np.int64)
