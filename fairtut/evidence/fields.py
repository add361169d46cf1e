"""Checked reading of YAML: every error names the file, the entry, the key and the fix.

``where`` leads each message, such as ``faap.yaml: claim table1.deo``.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from fairtut.errors import RecordError

LARGEST = 1e300
"""The largest number that a claim or a record may hold."""

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2  # an alias of an alias of a list grows with every level

# the same parser in C where PyYAML was built with it: ten times faster
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc, unused-ignore]
    """Safe YAML that also refuses a key given twice and reads ``1e-6`` as a number."""


def _mapping(loader: _Loader, node: Any) -> dict[str, Any]:
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RecordError(f"line {key.start_mark.line + 1}: a key must be a word")
    keys = [str(key.value) for key, _ in node.value]
    for i, key in enumerate(keys):
        if key in keys[:i]:
            line = node.value[i][0].start_mark.line + 1
            raise RecordError(f"line {line}: key {key!r} is given twice: keep one")
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
# YAML 1.1 takes 1e-6 for text because it has no dot
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789")
)


def short(value: Any) -> str:
    """Write a value for a message: in one line, however long or deep it is."""
    try:
        return _SHORT.repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python writes
        return f"of type {type(value).__name__}"


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a file whose content is a mapping; keys given twice are refused."""
    try:
        body = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except RecordError as error:
        raise RecordError(f"{file.name}: {error}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecordError(f"{file.name}: not valid YAML: {reason}") from error
    if not isinstance(body, dict):
        raise RecordError(f"{file.name}: must be a mapping that starts with a key such as `paper:`")
    return body


def check_keys(
    entry: Mapping[str, Any], where: str, *, required: Iterable[str], optional: Iterable[str]
) -> None:
    """Refuse unknown keys, with the nearest known one, and missing keys."""
    required, known = tuple(required), (*required, *optional)
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
            raise RecordError(f"{where}: unknown key {short(key)}: {fix}")
    missing = [key for key in required if key not in entry]
    if missing:
        raise RecordError(f"{where}: {', '.join(missing)} is missing: add the key")


def text(entry: Mapping[str, Any], key: str, where: str) -> str:
    """Return a text in one line."""
    value = entry[key]
    if not isinstance(value, str) or not value.strip():
        raise RecordError(f"{where}: {key} {short(value)} must be text: write it in quotes")
    return " ".join(value.split())


def number(entry: Mapping[str, Any], key: str, where: str) -> float | None:
    """Return a finite number, or None where the key is absent."""
    value: Any = entry.get(key)
    if key not in entry:
        return None
    if type(value) not in (int, float) or not abs(value) <= LARGEST:  # True is no number
        raise RecordError(
            f"{where}: {key} {short(value)} must be a finite number: write it unquoted"
        )
    return float(value)


def choice(value: str, key: str, known: tuple[str, ...], where: str) -> str:
    """Return a value that is one of a few."""
    if value not in known:
        raise RecordError(
            f"{where}: {key} {short(value)} is unknown: choose one of {', '.join(known)}"
        )
    return value


def optional_choice(
    entry: Mapping[str, Any], key: str, known: tuple[str, ...], where: str
) -> str | None:
    """Return a text that is one of a few, or None where the key is absent."""
    return choice(text(entry, key, where), key, known, where) if key in entry else None
