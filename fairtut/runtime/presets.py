"""Presets: every size and hyper-parameter of a chapter, named and frozen in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fairtut.errors import UnknownName

PRESETS = ("smoke", "laptop", "paper")
"""The three sizes: seconds in CI, minutes on two cores, the paper's own on a GPU."""

DATA_MODES = ("synthetic", "real")
"""Embedded data that always works, or files that a person placed or downloads."""

T = TypeVar("T")


def choose(table: Mapping[str, T], name: str, kind: str = "preset") -> T:
    """Look up ``name`` in ``table``.

    Raises
    ------
    fairtut.errors.UnknownName
        With the names that exist, if ``name`` is not one of them.
    """
    if name not in table:
        raise UnknownName.of(kind, name, table)
    return table[name]


def check_mode(data: str) -> str:
    """Return ``data`` if it is one of :data:`DATA_MODES`, else raise ``UnknownName``."""
    if data not in DATA_MODES:
        raise UnknownName.of("data mode", data, DATA_MODES)
    return data
