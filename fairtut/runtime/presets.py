"""Presets: every size and hyper-parameter of a chapter, named and frozen in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

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


def configured(
    table: Mapping[str, T],
    for_real: Callable[[T, str], T],
    preset: str,
    data: str,
    **changes: Any,
) -> T:
    """Return the preset of a name, with what real data change and then ``changes``.

    Raises
    ------
    fairtut.errors.UnknownName
        If the preset or the data mode does not exist.
    """
    chosen = choose(table, preset)
    chosen = for_real(chosen, preset) if check_mode(data) == "real" else chosen
    return replace(chosen, **changes)  # type: ignore[type-var]
