"""Verdicts: each rule by hand, and the properties that a judge must have."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t as student

from fairtut.errors import RecordError, UnknownName
from fairtut.evidence import verdicts
from fairtut.evidence.claims import KINDS, Claim
from fairtut.evidence.records import Measurement, Record
from fairtut.page import results
from fairtut.page.results import VERDICTS, Verdict, judge


def claim(kind: str = "number", **changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "paper": "toy",
        "chapter": "toy",
        "id": "x",
        "where": "Table 1",
        "says": "It works.",
        "kind": kind,
        "metric": "accuracy",
        "unit": "fraction",
        "measure": ("x",),
    }
    if kind in ("number", "exact"):
        fields |= {"value": 0.8, "tolerance": 2.0 if kind == "number" else 1e-6}
    else:
        fields["direction"] = "positive"
    return Claim(**{**fields, **changes})


def record(
    values: Any = None, preset: str = "laptop", data: str = "synthetic", **more: Any
) -> Record:
    made = Record(chapter="toy", preset=preset, data=data)
    for name, numbers in ({"x": values} if values is not None else more).items():
        made.measure(name, numbers, n=1000, unit="fraction")
    return made


def one(claim: Claim, *records: Record, preset: str | None = None) -> Verdict:
    (verdict,) = judge([claim], records, preset)
    assert verdict.verdict in VERDICTS
    assert "\n" not in verdict.reason
    assert verdict.reason
    return verdict


# --- number ---------------------------------------------------------------------------------


def test_a_number_is_reproduced_when_the_widened_interval_contains_it() -> None:
    values = [0.80, 0.82, 0.84]
    half = float(student.ppf(0.975, 2)) * 0.02 / math.sqrt(3)
    inside, outside = 0.82 + half + 0.0199, 0.82 + half + 0.0201
    yes = one(claim(value=inside), record(values))
    no = one(claim(value=outside), record(values))
    assert (yes.verdict, no.verdict) == ("reproduced", "not reproduced")
    assert yes.values["ours"] == pytest.approx(0.82)
    assert yes.values["low"] == pytest.approx(0.82 - half)
    assert yes.values["high"] == pytest.approx(0.82 + half)
    assert yes.values["n_seeds"] == 3
    assert yes.values["delta_points"] == pytest.approx(100 * (0.82 - inside))
    assert yes.values["paper"] == inside
    assert yes.values["tolerance"] == 2
    assert "lies in" in yes.reason
    assert "lies outside" in no.reason


def test_the_boundary_belongs_to_the_interval() -> None:
    # no spread, so the widened interval is exactly [.78, .82]
    assert one(claim(value=0.82), record([0.8, 0.8])).verdict == "reproduced"
    assert one(claim(value=0.8200001), record([0.8, 0.8])).verdict == "not reproduced"


@pytest.mark.parametrize(
    ("unit", "value", "measured"),
    [("points", 80.0, 82.0), ("fraction", 0.80, 0.82), ("nats", 0.5, 0.52), ("count", 5, 7)],
)
def test_a_point_means_the_same_in_each_unit(unit: str, value: float, measured: float) -> None:
    made = Record("toy", "laptop", "synthetic")
    made.measure("x", [measured, measured], n=1, unit=unit)
    asked = claim(value=value, unit=unit)
    verdict = one(asked, made)
    assert verdict.verdict == "reproduced"
    assert verdict.values["delta_points"] == pytest.approx(2)
    made.measurements["x"] = Measurement((measured * 1.001, measured * 1.001), 1, unit)
    assert one(asked, made).verdict == "not reproduced"


def test_initialisations_of_one_draw_are_averaged_first() -> None:
    nested = record([[0.7, 0.9], [0.8, 0.8], [0.78, 0.86]])
    plain = record([0.8, 0.8, 0.82])
    assert one(claim(), nested).values == pytest.approx(one(claim(), plain).values)
    # six initialisations of one draw are still one draw
    assert one(claim(), record([[0.8] * 6])).verdict == "not tested"


@pytest.mark.parametrize("kind", ["number", "trend", "scaled"])
def test_one_seed_has_no_interval(kind: str) -> None:
    verdict = one(claim(kind), record([0.8]))
    assert verdict.verdict == "not tested"
    assert verdict.reason == "1 seed: no interval"


# --- trend, scaled --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["trend", "scaled"])
@pytest.mark.parametrize(
    ("values", "direction", "verdict", "part"),
    [
        ([0.02, 0.03, 0.04], "positive", "trend reproduced", "excludes 0"),
        ([-0.02, -0.03, -0.04], "negative", "trend reproduced", "excludes 0"),
        ([0.02, 0.03, 0.04], "negative", "not reproduced", "opposite sign"),
        ([-0.02, -0.03, -0.04], "positive", "not reproduced", "opposite sign"),
        ([-0.02, 0.03, 0.04], "positive", "not reproduced", "includes 0"),
        ([-0.02, 0.03, 0.04], "negative", "not reproduced", "includes 0"),
        ([0.0, 0.0, 0.0], "positive", "not reproduced", "includes 0"),
    ],
)
def test_a_trend_needs_an_interval_on_its_side(
    kind: str, values: list[float], direction: str, verdict: str, part: str
) -> None:
    found = one(claim(kind, direction=direction), record(values))
    assert found.verdict == verdict
    assert part in found.reason


def test_scaled_is_never_more_than_a_trend() -> None:
    assert one(claim("scaled", value=0.8), record([0.8, 0.8])).verdict == "trend reproduced"


# --- exact ----------------------------------------------------------------------------------


def test_exact_asks_every_single_value() -> None:
    assert one(claim("exact"), record([0.8])).verdict == "reproduced"
    assert one(claim("exact"), record([[0.8, 0.8], 0.8])).verdict == "reproduced"
    missed = one(claim("exact"), record([[0.8, 0.80001], 0.8]))
    assert missed.verdict == "not reproduced"
    assert "1·10⁻⁵" in missed.reason
    assert missed.values["n_seeds"] == 3
    assert missed.values["high"] == 0.80001


def test_exact_does_not_blame_the_rounding_of_the_record() -> None:
    value = 1234.56789  # stored as 1234.57
    assert one(claim("exact", value=value), record([value])).verdict == "reproduced"
    assert one(claim("exact", value=1234.576), record([value])).verdict == "not reproduced"


def test_a_missing_value_is_a_miss_for_exact_and_named_for_the_rest() -> None:
    made = Record("toy", "laptop", "synthetic")
    made.measure("x", [0.8, None, 0.8], n=1, unit="fraction", note="the fit diverged")
    exact, number = one(claim("exact"), made), one(claim(), made)
    assert exact.verdict == "not reproduced"
    assert number.verdict == "reproduced"
    assert number.values["n_seeds"] == 2
    for verdict in (exact, number):
        assert "1 of 3 without a value: the fit diverged" in verdict.reason
    made.measurements["x"] = Measurement((None, None), 1, "fraction", "diverged")
    assert one(claim("exact"), made).verdict == one(claim(), made).verdict == "not tested"


# --- several measurements -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad", "best"),
    [
        ("exact", [0.8], [0.9], "reproduced"),
        ("number", [0.8, 0.8], [0.9, 0.9], "reproduced"),
        ("trend", [0.1, 0.1], [-0.1, -0.1], "trend reproduced"),
        ("scaled", [0.1, 0.1], [-0.1, -0.1], "trend reproduced"),
    ],
)
def test_all_some_or_none_of_several(kind: str, good: Any, bad: Any, best: str) -> None:
    asked = claim(kind, measure=("a", "b"))
    assert one(asked, record(a=good, b=good)).verdict == best
    partly = one(asked, record(a=good, b=bad))
    assert partly.verdict == one(asked, record(a=bad, b=good)).verdict == "partly"
    assert one(asked, record(a=bad, b=bad)).verdict == "not reproduced"
    assert partly.reason.startswith("1 of 2 pass: a: ")
    assert [part.passed for part in partly.parts] == [True, False]
    assert partly.values["ours"] == pytest.approx(bad[0])  # the least favourable one is shown


def test_a_measurement_that_is_missing_is_not_a_pass() -> None:
    asked = claim(measure=("a", "b"))
    verdict = one(asked, record(a=[0.8, 0.8]))
    assert verdict.verdict == "partly"
    assert "does not measure it" in verdict.reason


# --- which record ---------------------------------------------------------------------------


def test_paper_goes_before_laptop_and_smoke_counts_only_when_asked_for() -> None:
    smoke, laptop, paper = (
        record([x, x], preset=p) for p, x in (("smoke", 0.1), ("laptop", 0.8), ("paper", 0.3))
    )
    assert one(claim(), smoke, laptop, paper).record == "toy/paper-synthetic"
    assert one(claim(), paper, laptop, smoke).values["ours"] == pytest.approx(0.3)
    assert one(claim(), smoke, laptop).record == "toy/laptop-synthetic"
    assert one(claim(), smoke).verdict == "not tested"
    assert one(claim(), smoke, paper, preset="smoke").values["ours"] == pytest.approx(0.1)
    assert one(claim(), smoke, paper, preset="laptop").verdict == "not tested"
    with pytest.raises(UnknownName, match="laptop"):
        judge([claim()], [], preset="labtop")
    with pytest.raises(UnknownName):
        judge([], [], preset="labtop")


def test_a_record_that_does_not_measure_the_claim_is_passed_over() -> None:
    paper = record(y=[1, 1], preset="paper")
    assert one(claim(), paper, record([0.8, 0.8])).record == "toy/laptop-synthetic"


def test_the_data_of_the_claim_choose_the_record() -> None:
    fake, real = record([0.8, 0.8]), record([0.1, 0.1], data="real")
    assert one(claim(), real, fake).values["ours"] == pytest.approx(0.8)
    assert one(claim(data="real"), fake, real).values["ours"] == pytest.approx(0.1)
    assert one(claim(data="real"), fake).verdict == "not tested"
    assert one(claim(data="any"), fake).verdict == "reproduced"
    assert one(claim(data="any"), fake, real).record == "toy/laptop-real"


def test_another_chapter_never_decides() -> None:
    other = record([0.8, 0.8])
    other.chapter = "other"
    assert one(claim(), other).verdict == "not tested"


def test_what_nobody_measured_is_not_tested() -> None:
    verdict = one(claim())
    assert (verdict.verdict, verdict.record) == ("not tested", None)
    assert verdict.reason == "no committed record measures it"
    assert verdict.values["paper"] == 0.8
    assert verdict.values["ours"] is None


def test_untested_keeps_its_reason_whatever_the_records_hold() -> None:
    verdict = one(claim(untested="needs 40 GPU hours"), record([0.8, 0.8]))
    assert (verdict.verdict, verdict.reason) == ("not tested", "needs 40 GPU hours")


def test_different_units_are_an_error_that_names_both() -> None:
    with pytest.raises(RecordError, match=r"points.*fraction|fraction.*points"):
        one(claim(unit="points"), record([0.8, 0.8]))


# --- properties -----------------------------------------------------------------------------

FRACTION = st.floats(0, 1).map(lambda x: float(f"{x:.6g}"))
DRAWS = st.lists(st.one_of(FRACTION, st.lists(FRACTION, min_size=1, max_size=3)), min_size=2)


@given(DRAWS, FRACTION, st.floats(0, 50), st.floats(0, 50), st.sampled_from(["number", "exact"]))
def test_widening_the_tolerance_never_takes_a_reproduction_away(
    values: list[Any], value: float, a: float, b: float, kind: str
) -> None:
    made = record(values)
    narrow, wide = (
        one(claim(kind, value=value, tolerance=t), made).verdict for t in sorted((a, b))
    )
    assert not (narrow == "reproduced" and wide == "not reproduced")


@given(st.lists(FRACTION, min_size=2), st.randoms())
def test_the_order_of_seeds_does_not_matter(values: list[float], random: Any) -> None:
    shuffled = random.sample(values, len(values))
    a, b = one(claim(), record(values)), one(claim(), record(shuffled))
    assert a.verdict == b.verdict
    assert a.values == pytest.approx(b.values)


@given(st.lists(st.floats(-1, 1), min_size=2))
def test_a_trend_cannot_hold_in_both_directions(values: list[float]) -> None:
    made = record(values)
    found = {one(claim("trend", direction=d), made).verdict for d in ("positive", "negative")}
    assert found != {"trend reproduced"}


@given(st.lists(st.floats(-1, 1), min_size=2))
def test_turning_the_sign_turns_the_direction(values: list[float]) -> None:
    assume(max(values) > min(values))
    turned = [-x for x in values]
    here = one(claim("trend", direction="positive"), record(values)).verdict
    assert here == one(claim("trend", direction="negative"), record(turned)).verdict


# --- what others see ------------------------------------------------------------------------


def test_the_rules_are_in_the_docstring_and_cover_each_kind() -> None:
    assert set(KINDS) <= set(verdicts.RULES)
    for rule in verdicts.RULES.values():
        assert rule in (verdicts.__doc__ or "")


def test_a_verdict_goes_into_json() -> None:
    made = Record("toy", "laptop", "synthetic")
    made.measure("x", [0.8, None], n=1, unit="fraction", note="diverged")
    for kind in KINDS:
        body = one(claim(kind), made).as_dict()
        assert json.loads(json.dumps(body, allow_nan=False)) == body


def test_a_chapter_judges_its_own_run_in_the_place_of_the_committed_one(monkeypatch: Any) -> None:
    mine, other = claim(id="a.one"), claim(id="b.two.end")
    run, old = record([0.9, 0.9, 0.9]), record([0.1, 0.1, 0.1])
    monkeypatch.setattr(results, "load_claims", lambda paper: [mine, other])
    monkeypatch.setattr(results, "load_records", lambda: [old])
    assert [v.id for v in results.of_chapter(run, "a.")] == ["a.one"]
    assert [v.id for v in results.of_chapter(run, suffix=".end")] == ["b.two.end"]
    (found,) = results.of_chapter(run, "a.")
    assert found.values["ours"] == pytest.approx(0.9)
