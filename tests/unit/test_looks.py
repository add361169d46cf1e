"""A record grows at planned looks only, and each of its words pays for all of them."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import norm
from scipy.stats import t as student

from fairtut.errors import InputError, RecordError
from fairtut.evidence import calibration, looks
from fairtut.evidence.claim import Claim
from fairtut.evidence.recording import Record
from fairtut.evidence.records import load_record, load_records
from fairtut.evidence.standing import fault
from fairtut.evidence.verdicts import judge
from fairtut.lab.plan import Plan
from fairtut.metrics import Chance
from fairtut.runtime.device import pick_device
from tests.second_judge import judged

GROWING = ("dvge", "faap", "frtrain", "lassi", "reprogramming_text", "reprogramming_vision")
HALVES = (-1.0, 0.0, 1.0)
"""Deviations of three trainings with a spread of 1."""


def chapter(name: str) -> Any:
    return importlib.import_module(f"fairtut.chapters.{name}.opening").CHAPTER


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, asked: str = "", name: str = "frtrain",
    **changes: Any,
) -> Record:  # fmt: skip
    """Open a chapter as its notebook does, measure a little, and save the record."""
    monkeypatch.setenv(looks.VARIABLE, asked)
    record: Record = chapter(name).open("laptop", "synthetic", 0, folder, **changes).record
    record.measure("lr.accuracy", [0.8, 0.9], n=100, unit="fraction")
    record.save(folder)
    return record


# What is asked for


@pytest.mark.parametrize("text", ["", "0", "-3", "3.0", "six", "6:3", "3:3", "0:3", "3:6:12", "³"])
def test_what_is_no_number_of_trainings_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="give a number such as 6"):
        looks.parsed(text)


def test_nothing_is_asked_for_where_the_variable_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(looks.VARIABLE, raising=False)
    assert looks.asked() == (None, None)
    monkeypatch.setenv(looks.VARIABLE, " 6:12 ")
    assert looks.asked() == (12, 6)


def test_the_simulated_looks_are_those_of_the_judge() -> None:
    assert calibration.LOOKS == looks.LOOKS
    whole = 1 - calibration.LEVEL
    split = 1 - calibration.LEVEL / len(calibration.LOOKS)
    assert looks.level(whole, len(looks.LOOKS)) == pytest.approx(split, abs=1e-15)


# What a look costs


def grown(values: Any, **more: Any) -> looks.GrownMeasurement:
    made = Record("toy", "laptop", "synthetic", config=looks.noted(None, len(values)))
    found = made.measure("x", values, n=100, unit="points", **more)
    assert isinstance(found, looks.GrownMeasurement)
    return found


def test_the_interval_of_a_look_has_its_share_of_the_chance() -> None:
    shown = grown([10 + x for x in HALVES]).standard()
    inside = 1 - 0.05 / 3
    turn = inside * (2 / (1 - inside**2)) ** 0.5  # t with two degrees of freedom, closed form
    assert shown.high - 10 == pytest.approx(turn / 3**0.5, rel=1e-9) == 10 - shown.low
    assert shown.level == pytest.approx(inside)
    shown = grown([10, 10, 10], people=(8, 13)).standard()
    wider = norm.isf(0.05 / 6) / norm.isf(0.025)
    assert (shown.low, shown.high) == pytest.approx((10 - 2 * wider, 10 + 3 * wider), rel=1e-9)


def test_a_p_counts_as_often_as_there_are_looks() -> None:
    measured = grown([2 + x for x in HALVES])
    found = measured.chance()
    assert found is not None
    once = Chance(found.value, found.trainings, found.spread).p()
    assert found.p() == pytest.approx(3 * once, rel=1e-9)
    assert once == pytest.approx(2 * student.sf(2 * 3**0.5, 2), rel=1e-9)
    nothing = grown([0.01 + x for x in HALVES]).chance()
    assert nothing is not None and nothing.p() == 1.0


@pytest.mark.parametrize("mean", [2.0, 3.8, 4.2, 4.40, 4.42, 9.0])
def test_an_interval_without_0_is_a_p_below_the_level(mean: float) -> None:
    """The rule for many tests goes by p, that for a direction by the interval: they agree."""
    found = grown([mean + x for x in HALVES]).chance()
    assert found is not None
    assert (found.interval()[0] > 0) == (found.p() < 0.05) == (mean > 4.41)


def test_more_trainings_of_the_same_spread_pay_too() -> None:
    found = grown([4 + x for x in HALVES]).chance()
    assert found is not None
    inside = 1 - 0.05 / 3
    far = student.ppf((1 + inside) / 2, 11) / 12**0.5
    assert found.at(12).interval() == pytest.approx((4 - far, 4 + far), rel=1e-9)


def test_what_others_published_keeps_its_interval() -> None:
    values = [4 + x for x in HALVES]
    found = grown(values).chance()
    assert found is not None
    assert found.prediction(2) == Chance.of(values).prediction(2)


# Verdicts


CLAIM = Claim(
    "toy", "toy", "x", "Table 1", "It grows.", "direction", "gap", "points",
    direction="positive", effect=1.0, measure=("x",),
)  # fmt: skip


def test_a_word_at_one_look_may_be_none_at_one_of_three(tmp_path: Path) -> None:
    """A mean of 3 ± 1 is beyond t / sqrt 3 = 2.48 of one look, and not beyond 4.41 of three."""
    words = {}
    for name, trainings in (("once", None), ("grown", 3)):
        config = looks.noted(None, trainings)
        made = Record("toy", "laptop", "synthetic", seeds={"root": [0]}, config=config)
        made.device, made.code = {"type": "cpu"}, {"study": "0"}
        made.measure("x", [3 + x for x in HALVES], n=100, unit="points")
        made.save(tmp_path / name)
        (verdict,) = judge([CLAIM], load_records(tmp_path / name))
        words[name] = verdict.verdict
        assert ("98.3 % at one of 3 looks" in verdict.reason) == (name == "grown")
        (tmp_path / "claims").mkdir(exist_ok=True)
        claims = [{"id": "x", "kind": "direction", "direction": "positive"}]
        paper = {"paper": "toy", "chapter": "toy", "claims": claims}
        (tmp_path / "claims" / "toy.yaml").write_text(json.dumps(paper))
        assert judged(tmp_path / "claims", tmp_path / name)[0] == {("toy", "x"): words[name]}
    assert words == {"once": "trend reproduced", "grown": "inconclusive"}


def test_a_record_that_was_planned_at_one_look_is_read_as_ever() -> None:
    for record in load_records():
        kinds = {type(m) for m in record.measurements.values()}
        assert (looks.GrownMeasurement in kinds) == (looks.NOTE in record.config), record.name


# What counts


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("data", ["synthetic", "real"])
def test_a_chapter_grows_by_trainings_and_by_nothing_else(name: str, data: str) -> None:
    opening = chapter(name)
    before = opening.configuration("laptop", data, 2)
    first, more = (opening.seeds(opening.enlarged(before, m)) for m in (3, 6))
    for what, seeds in more.items():
        assert list(first[what]) == list(seeds)[: len(list(first[what]))], "the first ones stay"
    assert any(len(list(seeds)) == 6 for seeds in more.values())
    assert opening.enlarged(before, None) == before
    assert opening.enlarged(opening.enlarged(before, 6), 3) == opening.enlarged(before, 3)


@pytest.mark.parametrize("name", [name for name in GROWING if name != "lassi"])
def test_the_cells_of_the_first_trainings_come_from_the_store(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    study, device = importlib.import_module(f"fairtut.chapters.{name}"), pick_device("cpu")
    cfg = study.configuration("smoke", "synthetic", 0)
    few, many = (
        Plan.of(study.all_cells(chapter(name).enlarged(cfg, m), "synthetic", 0, device), device)
        for m in (3, 6)
    )
    assert few.places.items() < many.places.items()


@pytest.mark.parametrize("trainings", [2, 3, 5, 6, 12])
def test_only_planned_looks_count(
    trainings: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    record = run(tmp_path, monkeypatch, str(trainings))
    assert record.config["draws"] == trainings
    told, said = fault(load_record(record.place(tmp_path))), capsys.readouterr().out
    if trainings in looks.LOOKS:
        assert told == "" and f"{trainings} trainings: look" in said
        assert isinstance(record.measurements["lr.accuracy"], looks.GrownMeasurement)
    else:
        assert f"has {trainings} trainings, and planned looks are at 3, 6 or 12" in told
        assert "none of the planned looks" in said


def test_more_trainings_without_a_note_or_a_note_without_them_do_not_count() -> None:
    cfg = chapter("frtrain").configuration("laptop", "synthetic", 0)
    more = chapter("frtrain").enlarged(cfg, 12)
    for config, word in (
        (looks.noted(more, None), "draws"),
        (looks.noted(cfg, 12), "draws"),
        (looks.noted(more, 12) | {"limit": 0.5}, "limit"),
        (looks.noted(more, 12) | {"grown": {"trainings": 12, "look": 3, "looks": [12]}}, "looks"),
        (looks.noted(more, 12) | {"grown": 12}, "grown"),
    ):
        record = Record("frtrain", "laptop", "synthetic", seeds={"root": [0]}, config=config)
        record.code = {"study": "0"}
        assert word in fault(record)


def test_a_chapter_that_cannot_grow_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = replace(chapter("frtrain"), grown=None)
    monkeypatch.setattr("fairtut.chapters.frtrain.opening.CHAPTER", still)
    with pytest.raises(InputError, match="frtrain does not grow"):
        run(tmp_path, monkeypatch, "3")
    cfg = still.configuration("laptop", "synthetic", 7)
    record = Record("frtrain", "laptop", "synthetic", seeds={"root": [7]})
    record.config, record.code = looks.noted(cfg, 3), {"study": "0"}
    assert "(grown)" in fault(record)


# What stands at its place


def test_growing_replaces_what_grew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no record that grows and has 3 trainings"):
        run(tmp_path, monkeypatch, "3:6")
    run(tmp_path, monkeypatch, "3")
    record = run(tmp_path, monkeypatch, "3:6")
    with pytest.raises(InputError, match="has 3 trainings"):
        run(tmp_path, monkeypatch, "3:6")  # it has 6 now
    there = load_record(record.place(tmp_path)).config
    assert there["draws"] == 6 and there["grown"]["look"] == 2


def test_looks_cannot_be_added_or_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = run(tmp_path / "once", monkeypatch)
    with pytest.raises(RecordError, match="spent the whole chance"):
        run(tmp_path / "once", monkeypatch, "6")
    run(tmp_path / "grown", monkeypatch, "6")
    with pytest.raises(RecordError, match="FAIRTUT_TRAININGS to 3, 6 or 12"):
        run(tmp_path / "grown", monkeypatch)
    path = once.place(tmp_path / "once")
    path.write_text(path.read_text().replace(once.code["study"], "0" * 16))
    run(tmp_path / "once", monkeypatch, "6")  # other code makes other trainings
