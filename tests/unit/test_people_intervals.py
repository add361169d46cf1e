"""Intervals over people in records, and claims that show another measurement than they test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairtut.errors import RecordError
from fairtut.evidence.claims import Claim, read_claims
from fairtut.evidence.measurements import PEOPLE, Measurement
from fairtut.evidence.records import Record, load_record
from fairtut.evidence.schema import check_measurement
from fairtut.evidence.verdicts import Verdict
from fairtut.page.results import judge


def record(people: Any = (0.02, 0.06), values: Any = 0.04, **more: Any) -> Record:
    made = Record(chapter="toy", preset="laptop", data="synthetic")
    keywords: dict[str, Any] = {"n": 3000, "unit": "fraction"} | more
    made.measure("x", values, people=people, **keywords)
    return made


def claim(kind: str = "direction", **changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "paper": "toy", "chapter": "toy", "id": "x", "where": "Table 1", "says": "It works.",
        "kind": kind, "metric": "deo", "unit": "fraction", "measure": ("x",),
    }  # fmt: skip
    if kind in ("number", "exact"):
        fields |= {"value": 0.05, "tolerance": 1.0}
    else:
        fields |= {"direction": "positive", "effect": 1.0}
    return Claim(**{**fields, **changes})


def one(claim: Claim, made: Record) -> Verdict:
    (verdict,) = judge([claim], [made])
    assert "\n" not in verdict.reason
    json.dumps(verdict.as_dict(), allow_nan=False)
    return verdict


# --- records --------------------------------------------------------------------------------


def test_an_interval_over_people_survives_the_round_trip(tmp_path: Path) -> None:
    made = record((0.0212345678, 0.06))
    made.measure("plain", [0.1, 0.2], n=5, unit="fraction")
    path = made.save(tmp_path)
    back = load_record(path)
    assert back == made
    assert back.measurements["x"].people == (0.0212346, 0.06)  # six digits, as every number
    assert back.measurements["plain"].people is None
    stored = json.loads(path.read_text())["measurements"]
    assert stored["x"]["people"] == [0.0212346, 0.06]
    assert "people" not in stored["plain"]


def test_the_estimate_is_the_mean_over_models_with_that_interval() -> None:
    found = Measurement((0.03, [0.04, 0.06], None), 3000, "fraction", "one diverged", (0.02, 0.06))
    estimate = found.estimate()
    assert estimate.value == pytest.approx(0.04)
    assert (estimate.low, estimate.high, estimate.n) == (0.02, 0.06, 3000)
    assert estimate.method == PEOPLE
    without = Measurement((0.03, 0.05), 3000, "fraction").estimate()
    assert without.method != PEOPLE
    assert without.high > 0.1  # two draws: a wide t-interval


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "people",
    [
        (0.06, 0.02),
        (NAN, NAN),
        (0.0, INF),
        (-INF, 0.1),
        *[(), (0.1,), (0.1, 0.2, 0.3), ("a", "b"), (None, 1)],
    ],
)
def test_bad_pairs_are_refused_in_one_line(people: Any) -> None:
    with pytest.raises(RecordError, match="'x': people") as caught:
        record(people)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "people", [None, 0.1, [], [0.1], [0.1, 0.2, 0.3], [0.2, 0.1], ["0.1", "0.2"], [True, 1], {}]
)
def test_bad_pairs_in_a_file_are_refused_in_one_line(people: Any) -> None:
    body = {"values": [0.1], "n": 5, "unit": "fraction", "people": people}
    with pytest.raises(RecordError, match="people") as caught:
        check_measurement("x", body, "here")
    assert "\n" not in str(caught.value)
    check_measurement("x", body | {"people": [0.1, 0.1]}, "here")


# --- verdicts -------------------------------------------------------------------------------


def test_one_trained_model_decides_nothing_whatever_its_people_say() -> None:
    for direction in ("positive", "negative"):
        verdict = one(claim(direction=direction), record())
        assert (verdict.verdict, verdict.values["trainings"]) == ("inconclusive", 1)
        assert (verdict.values["low"], verdict.values["high"]) == (None, None)
    number = one(claim("number", value=0.04), record())
    assert number.verdict == "inconclusive"
    assert one(claim("exact", value=0.04), record()).verdict == "reproduced"


def test_an_interval_has_people_and_trainings() -> None:
    """Each side is the root of two squares, and with no spread it is the interval over people."""
    values = [0.03, 0.04, 0.05]
    half = 4.302653 * 0.01 / 3**0.5
    low, high = record((0.02, 0.045), values).standard("x").low, 0.04 + half
    assert low == pytest.approx(0.04 - (half**2 + 0.02**2) ** 0.5, abs=1e-6)
    assert record((0.04, 0.04), values).standard("x").high == pytest.approx(high, abs=1e-6)
    same = record((0.02, 0.06), [0.04, 0.04]).standard("x")
    assert (same.low, same.high) == (pytest.approx(0.02), pytest.approx(0.06))
    assert "trainings" in same.method and "3000 people" in same.method


def test_neither_source_of_chance_is_left_out() -> None:
    """Models that differ widely decide nothing, nor do people who do; both together decide."""
    wide, narrow = [0.01, 0.02, 0.09], [0.04, 0.04, 0.041]
    assert one(claim(), record((0.03, 0.05), wide)).verdict == "inconclusive"
    assert one(claim(), record((-0.01, 0.09), narrow)).verdict == "inconclusive"
    verdict = one(claim(), record((0.03, 0.05), narrow))
    assert verdict.verdict == "trend reproduced"
    assert "over 3 trainings and 3,000 people" in verdict.reason
    assert "people" not in one(claim(), record(None, narrow)).reason


def test_what_would_decide_it_is_enough_and_less_is_not() -> None:
    """With as many trainings of the same spread as it asks for, the claim is decided."""
    made = record((0.03, 0.05), [0.01, 0.04, 0.07])
    verdict = one(claim(), made)
    assert verdict.verdict == "inconclusive"
    asked = int(verdict.decide.split()[1])
    chance = made.measurements["x"].chance()
    assert chance is not None
    assert chance.at(asked).interval()[0] > 0 >= chance.at(asked - 1).interval()[0]


def test_more_people_are_asked_for_where_trainings_cannot_help() -> None:
    verdict = one(claim(), record((-0.01, 0.09), [0.04, 0.04, 0.041]))
    assert verdict.decide == "more than 100 trainings, or more people"


def test_without_a_value_there_is_nothing_to_judge() -> None:
    verdict = one(claim(), record((0.02, 0.06), [None, None], note="both diverged"))
    assert verdict.verdict == "not tested"
    assert "both diverged" in verdict.reason


# --- shown ----------------------------------------------------------------------------------


def with_level(people: Any = (0.28, 0.36), values: Any = (0.32, 0.32), **more: Any) -> Record:
    made = record(values=[0.04, 0.04])
    made.measure("level", values, people=people, n=3000, **({"unit": "fraction"} | more))
    return made


def test_the_shown_measurement_stands_beside_the_papers_number() -> None:
    asked = claim(value=0.30, shown="level")
    verdict, plain = (one(c, with_level()) for c in (asked, claim(value=0.30)))
    assert verdict.verdict == plain.verdict == "trend reproduced"
    assert verdict.reason == plain.reason  # the reason keeps the difference that was tested
    assert verdict.reason.startswith("0.040 [0.020, 0.060]")
    assert plain.values["ours"] == pytest.approx(0.04)
    shown = verdict.values
    assert (shown["paper"], shown["ours"]) == (0.30, pytest.approx(0.32))
    assert (shown["low"], shown["high"]) == (pytest.approx(0.28), pytest.approx(0.36))
    assert shown["delta_points"] == pytest.approx(2.0)


def test_what_is_shown_never_decides() -> None:
    for level in ((-0.9, -0.8), (0.8, 0.9)):
        made = with_level(level, [sum(level) / 2] * 2)
        assert one(claim(shown="level"), made).verdict == "trend reproduced"


@pytest.mark.parametrize(("values", "note"), [(0.32, None), ([None], "diverged")])
def test_a_shown_measurement_without_an_interval_does_not_break_the_table(
    values: Any, note: str | None
) -> None:
    verdict = one(claim(value=0.3, shown="level"), with_level(None, values, note=note))
    assert verdict.verdict == "trend reproduced"
    assert verdict.values["low"] is None


def test_a_shown_measurement_has_the_claims_unit() -> None:
    with pytest.raises(RecordError, match="same unit"):
        one(claim(value=0.3, shown="level"), with_level((28, 36), [32.0] * 2, unit="points"))


HEAD = """\
paper: toy
title: T
authors: A
venue: V
year: 2020
citation: c
chapter: 07_toy
claims:
"""


def written(folder: Path, kind: str, shown: str) -> Path:
    rule = "direction: positive" if kind == "direction" else "tolerance: 1\n  value: 0.5"
    path = folder / "toy.yaml"
    path.write_text(
        f"{HEAD}- id: x\n  where: W\n  says: S.\n  kind: {kind}\n  metric: deo\n  unit: fraction\n"
        f"  {rule}\n  measure: x\n  shown: {shown}\n"
    )
    return path


def test_a_direction_may_show_another_measurement(tmp_path: Path) -> None:
    _, (read,) = read_claims(written(tmp_path, "direction", "level.plain"))
    assert (read.shown, read.measure) == ("level.plain", ("x",))


@pytest.mark.parametrize(
    ("kind", "shown", "says"),
    [
        ("number", "level", "shown does not belong to kind 'number'"),
        ("exact", "level", "shown does not belong to kind 'exact'"),
        ("direction", "Level One", "must be a measurement id"),
        ("direction", "[a, b]", "shown"),
    ],
)
def test_shown_where_it_means_nothing_is_refused(
    tmp_path: Path, kind: str, shown: str, says: str
) -> None:
    with pytest.raises(RecordError, match=says) as caught:
        read_claims(written(tmp_path, kind, shown))
    assert "\n" not in str(caught.value)
