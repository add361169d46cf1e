"""A claim that moves without a dated reason fails here, whatever moved in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairtut.errors import RecordError
from fairtut.evidence.changes import DIGESTS, committed, digest, read_changes
from fairtut.evidence.claims import CLAIMS_DIR, load_claims, load_messages
from tools import claims as tool
from tools.common import ToolError

CLAIMS = """\
- id: table1.lr.accuracy
  where: Table 1, row LR
  says: Plain training keeps its accuracy.
  kind: number
  metric: accuracy
  unit: fraction
  value: 0.885
  tolerance: 2
- id: table1.lr.gap
  where: Table 1, row LR
  says: Plain training has a gap.
  kind: direction
  metric: gap
  unit: fraction
  direction: positive
"""
REASON = """\
changes:
- date: 2026-11-20
  ids: ["{ids}"]
  reason: The table was misread.
"""


@pytest.fixture
def folder(write: Callable[..., Path]) -> Path:
    home = write(CLAIMS).parent
    tool.stamp(home)
    return home


def edit(folder: Path, old: str, new: str, ids: str = "") -> None:
    text = (folder / "toy.yaml").read_text()
    assert old in text
    reason = REASON.format(ids=ids) if ids else ""
    (folder / "toy.yaml").write_text(text.replace(old, new) + reason)


def test_the_committed_digests_are_those_of_the_claims() -> None:
    assert tool.problems() == []


def test_every_committed_claim_has_its_digest() -> None:
    found = committed()
    said = [*load_claims(), *load_messages()]
    for one in said:
        assert found[one.paper]["claims"][one.id] == digest(one)
    assert sum(len(paper["claims"]) for paper in found.values()) == len(said)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tolerance: 2", "tolerance: 20"),
        ("value: 0.885", "value: 0.886"),
        ("direction: positive", "direction: negative"),
        ("says: Plain training has", "says: Fair training has"),
        ("kind: direction", "kind: direction\n  effect: 2"),
        ("metric: gap", "metric: gap\n  measure: other.gap"),
        ("metric: gap", "metric: gap\n  data: real"),
        ("metric: gap", "metric: gap\n  untested: too costly"),
        ("id: table1.lr.gap", "id: table1.lr.odds"),
    ],
)
def test_a_change_without_a_reason_fails_and_is_not_stamped(
    folder: Path, old: str, new: str
) -> None:
    before = (folder / DIGESTS.name).read_text()
    edit(folder, old, new)
    assert "has changed: add an entry" in tool.problems(folder)[0]
    with pytest.raises(ToolError, match="add an entry"):
        tool.stamp(folder)
    assert (folder / DIGESTS.name).read_text() == before


def test_a_change_with_a_reason_is_stamped_once(folder: Path) -> None:
    edit(folder, "tolerance: 2", "tolerance: 20", ids="table1.lr.acc*")
    assert "run `python -m tools.claims`" in tool.problems(folder)[0]
    tool.stamp(folder)
    assert tool.problems(folder) == []
    edit(folder, "tolerance: 20", "tolerance: 30")
    assert "add an entry" in tool.problems(folder)[0]  # an old reason explains no new change


def test_a_reason_must_name_what_changed_and_nothing_else(folder: Path) -> None:
    edit(folder, "tolerance: 2", "tolerance: 20", ids="table1.lr.gap")
    found = tool.problems(folder)
    assert len(found) == 2
    assert "table1.lr.accuracy has changed" in found[0]
    assert "names no claim that has changed" in found[1]


def test_comments_and_line_breaks_are_no_change(folder: Path) -> None:
    edit(folder, "says: Plain training has a gap.", "says: Plain training\n    has a gap.  # so")
    assert tool.problems(folder) == []


def test_a_reason_that_was_counted_may_not_go(folder: Path) -> None:
    edit(folder, "tolerance: 2", "tolerance: 20", ids="table1.lr.acc*")
    tool.stamp(folder)
    edit(folder, REASON.format(ids="table1.lr.acc*"), "")
    assert "are gone" in tool.problems(folder)[0]


def test_a_claim_taken_out_and_a_paper_taken_out_are_told(folder: Path) -> None:
    edit(folder, CLAIMS[CLAIMS.index("- id: table1.lr.gap") :], "")
    assert "table1.lr.gap has changed" in tool.problems(folder)[0]
    (folder / "toy.yaml").unlink()
    assert tool.problems(folder) == ["digests.json: there is no toy.yaml"]


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ("- ids: [x]\n  reason: y\n", "date is missing"),
        ("- date: soon\n  ids: [x]\n  reason: y\n", "must be a day"),
        ("- date: 2026-11-20\n  ids: x\n  reason: y\n", "list of claims"),
        ("- date: 2026-11-20\n  ids: [x]\n  reason: ' '\n", "must be text"),
        ("- date: 2026-11-20\n  ids: [x]\n  reason: y\n- date: 2026-11-19\n  ids: [x]\n"
         "  reason: y\n", "further up"),
        ("- x\n", "mapping"),
        ("  x: 1\n", "must be a list"),
    ],
)  # fmt: skip
def test_a_malformed_reason_is_told_in_one_line(folder: Path, entry: str, part: str) -> None:
    with (folder / "toy.yaml").open("a") as file:
        file.write("changes:\n" + entry)
    with pytest.raises(RecordError, match=part) as caught:
        read_changes(folder / "toy.yaml")
    assert "\n" not in str(caught.value)


def test_the_digests_file_has_one_line_per_claim() -> None:
    lines = (CLAIMS_DIR / DIGESTS.name).read_text().splitlines()
    assert len(lines) > len(load_claims())
    assert json.loads("\n".join(lines)) == committed()
