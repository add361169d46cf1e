"""What fit saw of the training rows, for whoever trains on another attribute of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Seen:
    """What fit saw and another attribute is trained on."""

    z: Tensor
    y: Tensor
    chosen: Tensor | None  # which of these rows the weights drew
    held: tuple[Tensor, Tensor] | None  # codes and labels of the validation rows
    named: tuple[Any, Any]  # the names of both parts' rows, if they have any


def names(*columns: Any) -> Any:
    """Return a column that holds the index of the first pandas column, None where there is none."""
    found = next((c for c in columns if hasattr(c, "iloc") and hasattr(c, "index")), None)
    return None if found is None else found.index.to_series()
