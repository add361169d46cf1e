"""The published JSON Schema of records and the check that reads them say the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtut.errors import RecordError
from fairtut.evidence.schema import SCHEMA, check_record, record_schema

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "results").glob("*/*.json"))
Change = Callable[[dict[str, Any]], object]


def sample() -> dict[str, Any]:
    body: dict[str, Any] = json.loads((ROOT / "results/faap/laptop-synthetic.json").read_text())
    body["measurements"] = {
        "a.b": {"values": [0.1, [0.2, None]], "n": 5, "unit": "fraction", "note": "one is missing"},
        "c": {"values": [1], "n": 1, "unit": "s", "people": [0.0, 2.0], "overlap": 0.5},
    }
    return body


def refused(body: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the schema and our check refuse a record."""
    found = jsonschema.Draft202012Validator(record_schema()).is_valid(body)
    try:
        check_record(body, "here")
    except RecordError:
        return not found, True
    return not found, False


def test_the_committed_file_is_the_schema() -> None:
    """To write it again: python -m fairtut.evidence.schema > book/_static/record.schema.json."""
    path = ROOT / "book" / "_static" / "record.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == record_schema()
    jsonschema.Draft202012Validator.check_schema(record_schema())


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_committed_record_fits(path: Path) -> None:
    body = json.loads(path.read_text(encoding="utf-8"))
    older = body["schema"] < SCHEMA  # from before records named their code: still read, not written
    assert refused(body) == (older, False)


def put(*keys: Any) -> Change:
    """Return a change: the last argument at the place that the others name."""

    def change(body: Any) -> None:
        for key in keys[:-2]:
            body = body[key]
        body[keys[-2]] = keys[-1]

    return change


A, C = ("measurements", "a.b"), ("measurements", "c")
FAULTS: dict[str, Change] = {
    "no minutes": lambda b: b.pop("minutes"),
    "unknown key": put("colour", "red"),
    "unfinished": put("unfinished", True),
    "chapter": put("chapter", "../x"),
    "preset": put("preset", "huge"),
    "data": put("data", "made-up"),
    "negative minutes": put("minutes", -1),
    "minutes in words": put("minutes", "five"),
    "seeds": put("seeds", "root", [-1]),
    "seeds are numbers": put("seeds", "root", 0),
    "half a seed": put("seeds", "root", [0.5]),
    "rows": put("datasets", 0, "rows", -1),
    "no digest": put("datasets", 0, "digest", ""),
    "a data set more": put("datasets", 0, "colour", "red"),
    "a device without tag": put("device", {"type": "cuda"}),
    "versions": put("versions", []),
    "id": put("measurements", "Not an id", {"values": [1], "n": 1, "unit": "s"}),
    "no values": put(*A, "values", []),
    "an empty draw": put(*A, "values", [[]]),
    "words": put(*A, "values", ["much"]),
    "a huge number": put(*A, "values", [1e301]),
    "nobody": put(*A, "n", 0),
    "unit": put(*A, "unit", "miles"),
    "a missing value without a word": lambda b: b["measurements"]["a.b"].pop("note"),
    "blank note": put(*A, "note", "  "),
    "one end": put(*C, "people", [0.0]),
    "three ends": put(*C, "people", [0.0, 1.0, 2.0]),
    "no overlap": put(*C, "overlap", 0),
    "another key": put(*C, "colour", "red"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_both_refuse_the_same(fault: str) -> None:
    body = sample()
    assert refused(copy.deepcopy(body)) == (False, False)
    FAULTS[fault](body)
    assert refused(body) == (True, True)
