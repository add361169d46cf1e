"""The JSON Schema of a record's file, for readers in any language.

    python -m fairtut.evidence.published > book/_static/record.schema.json

It says what :func:`fairtut.evidence.schema.check_record` checks, but for what JSON Schema cannot
say: that an interval's lower end comes first.  It is made from the same constants, and a test
holds both against each other.
"""

from __future__ import annotations

import json
from typing import Any, Final

from fairtut.evidence.claims import ID, POINT
from fairtut.evidence.fields import LARGEST
from fairtut.evidence.schema import CHAPTER, KEYS, SCHEMA, TAG
from fairtut.runtime.presets import DATA_MODES, PRESETS

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_NUMBER: Final = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
_VALUE: Final = {"anyOf": [_NUMBER, {"type": "null"}]}
_TEXT: Final = {"type": "string", "pattern": r"\S"}
_TYPES: Final = {str: "string", int: "integer", list: "array", dict: "object"}


def record_schema() -> dict[str, Any]:
    """Return the schema of records of today's version, as JSON Schema 2020-12.

    Examples
    --------
    >>> record_schema()["properties"]["preset"]
    {'enum': ['smoke', 'laptop', 'paper']}
    """
    known: dict[str, Any] = {
        "schema": {"const": SCHEMA},
        "chapter": {"type": "string", "pattern": _whole(CHAPTER.pattern)},
        "preset": {"enum": list(PRESETS)},
        "data": {"enum": list(DATA_MODES)},
        "datasets": {"type": "array", "items": _dataset()},
        "seeds": {"type": "object", "additionalProperties": _counts()},
        "device": _device(),
        "minutes": {"type": "number", "minimum": 0, "maximum": LARGEST},
        "measurements": {
            "type": "object",
            "propertyNames": {"maxLength": 200, "pattern": _whole(ID.pattern)},
            "additionalProperties": _measurement(),
        },
    }
    plain = {k: {"type": _TYPES[v]} for k, v in KEYS.items() if isinstance(v, type)}
    return {
        "$schema": DRAFT,
        "title": "A record of fairtut",
        "description": "What a run of a chapter measured, and with what.",
        **_object(plain | known, order=KEYS),
    }


def _measurement() -> dict[str, Any]:
    several = {"type": "array", "items": _VALUE, "minItems": 1}
    fields = {
        "values": {"type": "array", "minItems": 1, "items": {"anyOf": [*_VALUE["anyOf"], several]}},
        "n": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "unit": {"enum": list(POINT)},
        "note": _TEXT,
        "people": {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
        "overlap": {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST},
    }
    among = {"type": "array", "contains": {"type": "null"}}
    missing = {"contains": {"anyOf": [{"type": "null"}, among]}}
    return _object(fields, optional=("note", "people", "overlap")) | {
        "if": {"properties": {"values": missing}},
        "then": {"required": ["note"]},
    }


def _dataset() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    rows = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    return _object({"name": text, "rows": rows, "digest": text, "source": text})


def _device() -> dict[str, Any]:
    other = {"properties": {"type": {"not": {"const": "cpu"}}}, "required": ["type"]}
    tag = {"type": "string", "pattern": _whole(TAG.pattern)}
    named = {"properties": {"tag": tag}, "required": ["tag"]}
    return {"type": "object", "if": other, "then": named}


def _counts() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}}


def _object(
    fields: dict[str, Any], optional: tuple[str, ...] = (), order: Any = None
) -> dict[str, Any]:
    """Return the schema of an object that has these keys and no others."""
    names = list(order or fields)
    return {
        "type": "object",
        "properties": {name: fields[name] for name in names},
        "required": [name for name in names if name not in optional],
        "additionalProperties": False,
    }


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


if __name__ == "__main__":
    print(json.dumps(record_schema(), indent=2))
