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


def claim(kind: str = "trend", **changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "paper": "toy", "chapter": "toy", "id": "x", "where": "Table 1", "says": "It works.",
        "kind": kind, "metric": "deo", "unit": "fraction", "measure": ("x",),
    }  # fmt: skip
    if kind in ("number", "exact"):
        fields |= {"value": 0.05, "tolerance": 1.0}
    else:
        fields["direction"] = "positive"
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


@pytest.mark.parametrize("kind", ["trend", "scaled"])
@pytest.mark.parametrize(
    ("people", "direction", "reproduced"),
    [
        ((0.02, 0.06), "positive", True),
        ((0.02, 0.06), "negative", False),
        ((-0.01, 0.06), "positive", False),
        ((0.0, 0.06), "positive", False),
        ((-0.06, -0.02), "negative", True),
    ],
)
def test_one_trained_model_is_enough_with_an_interval_over_people(
    kind: str, people: tuple[float, float], direction: str, reproduced: bool
) -> None:
    verdict = one(claim(kind, direction=direction), record(people, sum(people) / 2))
    best = "trend reproduced"
    assert (verdict.verdict == best) == reproduced
    assert verdict.verdict in (best, "not reproduced")
    assert (verdict.values["low"], verdict.values["high"]) == people
    assert verdict.values["n_seeds"] == 1
    assert "3000 people (1 trained model)" in verdict.reason


def test_the_interval_over_people_stands_in_for_that_over_draws() -> None:
    """Three models that differ widely: their t-interval includes 0, the people's does not."""
    values = [0.01, 0.02, 0.09]
    assert one(claim(), record(None, values)).verdict == "not reproduced"
    verdict = one(claim(), record((0.02, 0.06), values))
    assert verdict.verdict == "trend reproduced"
    assert "3 trained models" in verdict.reason
    assert verdict.values["n_seeds"] == 3
    assert "people" not in one(claim(), record(None, values)).reason


def test_a_number_is_compared_with_the_widened_interval_over_people() -> None:
    yes, no = (one(claim("number", value=v), record()) for v in (0.0699, 0.0701))
    assert (yes.verdict, no.verdict) == ("reproduced", "not reproduced")
    assert "3000 people" in yes.reason


def test_without_a_value_there_is_nothing_to_judge() -> None:
    verdict = one(claim(), record((0.02, 0.06), [None, None], note="both diverged"))
    assert verdict.verdict == "not tested"
    assert "both diverged" in verdict.reason
    assert one(claim(), record(None)).reason == "1 seed: no interval"


# --- shown ----------------------------------------------------------------------------------


def with_level(people: Any = (0.28, 0.36), values: Any = 0.32, **more: Any) -> Record:
    made = record()
    made.measure("level", values, people=people, n=3000, **({"unit": "fraction"} | more))
    return made


def test_the_shown_measurement_stands_beside_the_papers_number() -> None:
    asked = claim(value=0.30, shown="level")
    verdict, plain = (one(c, with_level()) for c in (asked, claim(value=0.30)))
    assert verdict.verdict == plain.verdict == "trend reproduced"
    assert verdict.reason == plain.reason  # the reason keeps the difference that was tested
    assert "difference .04" in verdict.reason or "difference 0.04" in verdict.reason
    assert plain.values["ours"] == pytest.approx(0.04)
    shown = verdict.values
    assert (shown["paper"], shown["ours"]) == (0.30, pytest.approx(0.32))
    assert (shown["low"], shown["high"]) == (0.28, 0.36)
    assert shown["delta_points"] == pytest.approx(2.0)


def test_what_is_shown_never_decides() -> None:
    for level in ((-0.9, -0.8), (0.8, 0.9)):
        made = with_level(level, sum(level) / 2)
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
        one(claim(value=0.3, shown="level"), with_level((28, 36), 32.0, unit="points"))


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
    rule = "direction: positive" if kind in ("trend", "scaled") else "tolerance: 1\n  value: 0.5"
    path = folder / "toy.yaml"
    path.write_text(
        f"{HEAD}- id: x\n  where: W\n  says: S.\n  kind: {kind}\n  metric: deo\n  unit: fraction\n"
        f"  {rule}\n  measure: x\n  shown: {shown}\n"
    )
    return path


@pytest.mark.parametrize("kind", ["trend", "scaled"])
def test_a_trend_may_show_another_measurement(tmp_path: Path, kind: str) -> None:
    _, (read,) = read_claims(written(tmp_path, kind, "level.plain"))
    assert (read.shown, read.measure) == ("level.plain", ("x",))


@pytest.mark.parametrize(
    ("kind", "shown", "says"),
    [
        ("number", "level", "shown does not belong to kind 'number'"),
        ("exact", "level", "shown does not belong to kind 'exact'"),
        ("trend", "Level One", "must be a measurement id"),
        ("trend", "[a, b]", "shown"),
    ],
)
def test_shown_where_it_means_nothing_is_refused(
    tmp_path: Path, kind: str, shown: str, says: str
) -> None:
    with pytest.raises(RecordError, match=says) as caught:
        read_claims(written(tmp_path, kind, shown))
    assert "\n" not in str(caught.value)
