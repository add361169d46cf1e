"""Records and claims that somebody spoilt: one clear error each, whatever was done to them."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest

from fairtut.errors import RecordError
from fairtut.evidence.claims import CLAIMS_DIR, read_claims
from fairtut.evidence.records import Record, load_record

DEEP = 100_000


def saved(folder: Path) -> Path:
    record = Record("toy", "laptop", "synthetic")
    record.dataset("train", rows=10, digest="ab", source="drawn")
    record.measure("x", [[0.5, 0.25], 1.0], n=10, unit="fraction", people=(0.1, 0.9))
    return record.save(folder)


HOSTILE = {
    '"minutes": 0.0': [
        '"minutes": -1', '"minutes": 1e999', f'"minutes": {"9" * 400}', f'"minutes": {"9" * 5000}',
        '"minutes": 0.0, "minutes": 0.0', '"minutes": ' + "[" * DEEP + "]" * DEEP,
        '"minutes": "' + "x" * 10_000 + '"',
    ],
    '"n": 10,': [f'"n": {"9" * 400},', '"n": -1,', '"n": true,', '"n": 10, "n": 10,'],
    "[0.5, 0.25]": ["[1e999, 0]", f"[{'9' * 400}, 0]", "[[0.5], 0]", "[{}, 0]", '["\\ud800", 0]'],
    '"rows": 10': ['"rows": -1', f'"rows": {"9" * 400}', '"rows": 1, "rows": 1'],
    '"unit": "fraction"': ['"unit": ["fraction"]', '"unit": {}', '"unit": null'],
    '"people": [0.1, 0.9]': [f'"people": [0, {"9" * 400}]', '"people": [1e999, 1e999]'],
    '"seeds": {}': ['"seeds": {"root": [-1]}', '"seeds": {"a": 0, "a": 0}', '"seeds": []'],
    '"device": {}': ['"device": {"type": "cuda", "tag": "../x"}',
                     '"device": {"type": "cuda", "tag": 3}'],
    '"digest": "ab"': ['"digest": "\\ud800"', '"digest": ["ab"]'],
    '"x": {': ['"' + "x" * 300 + '": {', '"../x": {', '"x": {"x": {}, '],
    '"preset": "laptop"': ['"preset": ["laptop"]', '"preset": {}'],
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"), [(old, new) for old, many in HOSTILE.items() for new in many],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_a_hostile_record_is_one_error(tmp_path: Path, old: str, new: str) -> None:
    path = saved(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RecordError) as caught:
        load_record(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with path.open("r+b") as file:
        file.truncate(2**34)  # sparse
    with pytest.raises(RecordError, match="more than"):
        load_record(path)


def test_random_damage_is_an_error_or_a_valid_record(tmp_path: Path) -> None:
    path = saved(tmp_path)
    whole = path.read_bytes()
    chance = random.Random(0)
    for _ in range(1000):
        start = chance.randrange(len(whole))
        middle = bytes(chance.choices(b'{}[]",:-+.019eE\\u\xff', k=chance.randrange(4)))
        path.write_bytes(whole[:start] + middle + whole[start + chance.randrange(3) :])
        with contextlib.suppress(RecordError):  # any other exception fails
            json.dumps(load_record(path).as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "entry",
    [
        "value: " + "9" * 400, "value: " + "9" * 5000, "value: .inf", "value: .nan", "value: 1e999",
        "value: 1\n    value: 1", "tolerance: -1", "measure: " + "[" * DEEP + "]" * DEEP,
        "says: " + "[" * DEEP, "value: 2026-13-99 25:61:61", "unit: [fraction]",
        "? [a, b]\n    : 1",
        "value: !!python/object/apply:os.getcwd []",
        "measure: [&a [x, x, x, x], &b [*a, *a, *a, *a], &c [*b, *b, *b, *b], &d [*c, *c, *c, *c],"
        " &e [*d, *d, *d, *d], &f [*e, *e, *e, *e], &g [*f, *f, *f, *f], [*g, *g, *g, *g]]",
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_a_hostile_claim_is_one_error(tmp_path: Path, entry: str) -> None:
    head = (CLAIMS_DIR / "frtrain.yaml").read_text().split("claims:\n")[0]
    claim = "  - id: a\n    where: w\n    kind: number\n    metric: m\n"
    rest = {"says": "    says: s\n", "unit": "    unit: fraction\n",
            "tolerance": "    tolerance: 1\n", "value": "    value: 1\n"}  # fmt: skip
    given = "".join(line for key, line in rest.items() if not entry.startswith(key))
    (tmp_path / "frtrain.yaml").write_text(f"{head}claims:\n{claim}{given}    {entry}\n")
    with pytest.raises(RecordError) as caught:
        read_claims(tmp_path / "frtrain.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
