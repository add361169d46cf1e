"""The schema of a record's file: which keys, which types, and how it is written.

The keys are described in :mod:`fairtut.evidence.records`, which is what other code uses.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from fairtut.errors import RecordError
from fairtut.evidence.claims import ID, POINT
from fairtut.evidence.fields import LARGEST, short
from fairtut.runtime.presets import DATA_MODES, PRESETS

SCHEMA: Final = 2
"""The version of the schema; a file of another version is refused."""

WITHOUT_CODE: Final = 1
"""The version before records named their code; such a file has no ``code`` and is still read."""

KEYS: Final[dict[str, type | tuple[type, ...]]] = {
    "schema": int,
    "chapter": str,
    "preset": str,
    "data": str,
    "datasets": list,
    "seeds": dict,
    "device": dict,
    "versions": dict,
    "minutes": (int, float),
    "config": dict,
    "code": dict,
    "measurements": dict,
}
"""The keys of a record in the order in which they are written, and their types."""

CHAPTER: Final = re.compile(r"[a-z][a-z0-9_]*")
TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_DATASET: Final = {"name": str, "rows": int, "digest": str, "source": str}
_MEASUREMENT: Final = {"values", "n", "unit", "note", "people", "overlap"}
_OPTIONAL: Final = {"note", "people", "overlap"}


def significant(x: float, digits: int = 6) -> float:
    """Round to a number of significant digits; a negative zero becomes zero.

    Examples
    --------
    >>> from fairtut.evidence.schema import significant
    >>> significant(0.123456789)
    0.123457
    """
    return float(f"{x:.{digits}g}") + 0.0


def _is_number(x: Any) -> bool:
    """Whether ``x`` is a finite number that a float can hold."""
    return type(x) in (int, float) and abs(x) <= LARGEST


def check_record(body: Any, where: str) -> None:
    """Check the content of a record's file.

    Raises
    ------
    fairtut.errors.RecordError
        Led by ``where``, naming the key that is wrong and the fix.
    """
    if not isinstance(body, dict):
        raise RecordError(f"{where}: a record is a JSON object: run the chapter again")
    if type(body.get("schema")) is not int or body["schema"] not in (WITHOUT_CODE, SCHEMA):
        raise RecordError(
            f"{where}: schema {short(body.get('schema'))} is not {SCHEMA}: run the chapter again "
            "with this version of fairtut"
        )
    if "unfinished" in body:
        raise RecordError(f"{where}: this run did not end: run the chapter again")
    keys = {k: v for k, v in KEYS.items() if k != "code" or body["schema"] == SCHEMA}
    for key, kind in keys.items():
        if key not in body:
            raise RecordError(f"{where}: {key} is missing: run the chapter again")
        if not isinstance(body[key], kind) or isinstance(body[key], bool):
            wanted = kind.__name__ if isinstance(kind, type) else "number"
            raise RecordError(f"{where}: {key} must be a {wanted}, got {short(body[key])}")
    if extra := sorted(set(body) - set(keys)):
        raise RecordError(f"{where}: unknown key {short(extra[0])}: remove it")
    for key, known in (("preset", PRESETS), ("data", DATA_MODES)):
        if body[key] not in known:
            raise RecordError(f"{where}: {key} {short(body[key])} is not one of {', '.join(known)}")
    check_chapter(body["chapter"], where)
    if not 0 <= body["minutes"] <= LARGEST:
        raise RecordError(f"{where}: minutes {short(body['minutes'])} must be a number from 0")
    for entry in body["datasets"]:
        check_dataset(entry, where)
    for name, values in body["seeds"].items():
        if not isinstance(values, list) or not all(
            type(s) is int and 0 <= s < 2**63 for s in values
        ):
            raise RecordError(
                f"{where}: seeds[{short(name)}] must be a list of whole numbers from 0"
            )
    tag = body["device"].get("tag")
    if body["device"].get("type", "cpu") != "cpu" and not (
        isinstance(tag, str) and TAG.fullmatch(tag)
    ):
        raise RecordError(f"{where}: device has no tag that is one word: run the chapter again")
    for name, measurement in body["measurements"].items():
        check_measurement(name, measurement, where)


def check_chapter(chapter: str, where: str) -> str:
    """Return a chapter's id if it is one word, which also names a folder."""
    if not CHAPTER.fullmatch(chapter):
        raise RecordError(f"{where}: chapter {short(chapter)} must be one lower-case word")
    return chapter


def check_dataset(entry: Any, where: str) -> None:
    """Check one entry of ``datasets`` (raises as :func:`check_record`)."""
    if not isinstance(entry, dict) or set(entry) != set(_DATASET):
        raise RecordError(
            f"{where}: a data set has exactly {', '.join(_DATASET)}, got {short(entry)}"
        )
    for key, kind in _DATASET.items():
        if type(entry[key]) is not kind or entry[key] == "":
            raise RecordError(
                f"{where}: data set {short(entry['name'])}: {key} must be a {kind.__name__}"
            )
    if not 0 <= entry["rows"] < 2**63:
        raise RecordError(f"{where}: data set {short(entry['name'])}: rows must be a count")


def check_measurement(name: str, m: Any, where: str) -> None:
    """Check one entry of ``measurements`` (raises as :func:`check_record`)."""
    where = f"{where}: measurement {short(name)}"
    if not isinstance(m, dict) or not _MEASUREMENT - _OPTIONAL <= set(m) <= _MEASUREMENT:
        raise RecordError(f"{where}: must have values, n, unit and at most note, people, overlap")
    if len(name) > 200 or not ID.fullmatch(name):
        raise RecordError(f"{where}: an id is lower-case words joined by dots")
    values = m["values"]
    if not isinstance(values, list) or not values or [] in values:
        raise RecordError(f"{where}: values are empty: pass one per seed")
    flat = [x for value in values for x in (value if isinstance(value, list) else [value])]
    for x in flat:
        if x is not None and not _is_number(x):
            raise RecordError(f"{where}: value {short(x)} must be a finite number or null")
    if type(m["n"]) is not int or not 1 <= m["n"] < 2**63:
        raise RecordError(f"{where}: n {short(m['n'])} must be a positive whole number of rows")
    if not isinstance(m["unit"], str) or m["unit"] not in POINT:
        raise RecordError(f"{where}: unit {short(m['unit'])} is not one of {', '.join(POINT)}")
    note = m.get("note", "-")
    if not isinstance(note, str) or not note.strip():
        raise RecordError(f"{where}: note {short(note)} must be text")
    if "people" in m:
        _check_people(m["people"], where)
    overlap = m.get("overlap", 1.0)
    if not _is_number(overlap) or overlap <= 0:
        raise RecordError(f"{where}: overlap {short(overlap)} must be a positive number")
    if None in flat and "note" not in m:
        raise RecordError(f"{where}: a value is missing (null or NaN): say why with note=...")


def _check_people(bounds: Any, where: str) -> None:
    pair = isinstance(bounds, list) and len(bounds) == 2
    if not pair or not all(map(_is_number, bounds)):
        raise RecordError(f"{where}: people {short(bounds)} must be the two ends of an interval")
    if bounds[0] > bounds[1]:
        raise RecordError(f"{where}: people {bounds!r}: the lower end comes first")


def dump(body: dict[str, Any]) -> str:
    """Write JSON with one line per key, data set and measurement: small differences in git."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def block(value: Any) -> str:
        if isinstance(value, list) and value:
            rows = ",\n".join(f"    {line(entry)}" for entry in value)
            return f"[\n{rows}\n  ]"
        if isinstance(value, dict) and value:
            rows = ",\n".join(f"    {line(key)}: {line(entry)}" for key, entry in value.items())
            return f"{{\n{rows}\n  }}"
        return line(value)

    keys = ",\n".join(f"  {line(key)}: {block(value)}" for key, value in body.items())
    return f"{{\n{keys}\n}}\n"
