"""A record holds what a claim names or somebody reads, and names what is measured for nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairtut.errors import RecordError
from fairtut.evidence import used
from fairtut.evidence.claims import Claim
from fairtut.evidence.recording import Record
from fairtut.metrics.entry import Entry

CLAIM = Claim(
    "toy", "toy", "one", "Table 1", "The gap shrinks.", "trend", "dp", "fraction",
    measure=("ours.gap-change",), shown="ours.gap",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used, "_READ", {})
    monkeypatch.setattr(used, "papers", lambda: {"toy": None})
    monkeypatch.setattr(used, "load_claims", lambda _: [CLAIM])


def record(**changes: Any) -> Record:
    keywords: dict[str, Any] = {"chapter": "toy", "preset": "smoke", "data": "synthetic"}
    return Record.start(**{**keywords, "seed": 0, **changes})


def entry(value: float | None = 0.25) -> Entry:
    return Entry([value, 1 / 3], 7, "fraction", people=(0.1, 0.4))


def saved(made: Record, folder: Path) -> dict[str, Any]:
    made.save(folder)
    body = json.loads(made.place(folder).read_text())
    found: dict[str, Any] = body["measurements"]
    return found


def test_what_a_claim_names_is_kept_and_what_nobody_reads_is_not(tmp_path: Path) -> None:
    made = record()
    made.keep({name: entry() for name in ("gap", "gap-change", "acc", "auc")}, prefix="ours.")
    made.estimate("ours.acc")
    assert set(saved(made, tmp_path)) == {"ours.gap", "ours.gap-change", "ours.acc"}


def test_an_entry_is_the_same_whether_it_is_kept_or_measured(tmp_path: Path) -> None:
    kept, direct = record(), record()
    for name in ("ours.gap", "ours.acc"):
        kept.keep({name: entry()})
        direct.measure(name, **vars(entry()))
        assert kept.measured(name) == direct.measured(name)
    assert saved(kept, tmp_path / "a") == saved(direct, tmp_path / "b")


def test_asking_whether_there_is_one_is_no_use_of_it() -> None:
    made = record()
    made.keep({"ours.acc": entry()})
    assert "ours.acc" in made and "ours.auc" not in made
    assert "ours.acc" not in made.measurements
    with pytest.raises(RecordError, match=r"no measurement 'ours\.auc'"):
        made.measured("ours.auc")


def test_what_is_measured_for_nobody_is_named_until_it_is_read() -> None:
    made = record()
    made.measure("ours.gap", **vars(entry()))
    made.measure("ours.auc", **vars(entry()))
    assert made.unused() == ["ours.auc"]
    made.estimate("ours.auc")
    assert made.unused() == []


def test_a_figure_of_another_record_uses_the_id_here(tmp_path: Path) -> None:
    committed, made = record(data="real"), record()
    committed.measure("ours.auc", **vars(entry()))
    made.keep({"ours.auc": entry(), "ours.gap": entry()})
    committed.estimate("ours.auc")
    assert set(saved(made, tmp_path)) == {"ours.auc", "ours.gap"}
    other = record(chapter="other")
    other.keep({"ours.auc": entry()})
    assert other.unused() == ["ours.auc"], "another chapter has readers of its own"


def test_a_kind_that_nobody_wants_of_any_method_is_named() -> None:
    made = record()
    made.keep({f"{m}.{what}": entry() for m in ("ours", "theirs") for what in ("gap", "auc")})
    made.keep({"ours.lam0.1": entry(), "ours.lam0.3": entry(), "ours.eta2": entry()})
    made.estimate("ours.lam0.1")
    # theirs.gap is of a kind that a claim names, and lam0.3 of one that was read
    assert made.unused() == ["ours.auc", "ours.eta2", "theirs.auc"]


def test_no_name_is_kept_twice_and_nothing_is_kept_that_cannot_be_measured() -> None:
    made = record()
    made.keep({"ours.auc": entry()})
    for again in (made.keep, lambda one: made.measure("ours.auc", **vars(one["ours.auc"]))):
        with pytest.raises(RecordError, match="already in the record"):
            again({"ours.auc": entry()})
    for wrong, why in ((float("inf"), "infinite"), (None, "note")):
        with pytest.raises(RecordError, match=why):
            made.keep({"ours.acc": entry(wrong)})
    assert "ours.acc" not in made


def test_a_chapter_without_claims_keeps_everything() -> None:
    made = record(chapter="mine")
    made.keep({"ours.auc": entry()})
    assert list(made.measurements) == ["ours.auc"] == made.unused()
