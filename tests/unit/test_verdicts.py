"""Verdicts: each rule by hand, and the properties that a judge must have."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t as student

from fairtut.errors import RecordError, UnknownName
from fairtut.evidence import rules
from fairtut.evidence.claim import KINDS, Claim, Message
from fairtut.evidence.messages import judge_messages
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
        fields |= {"wide": 6.0} if kind == "number" else {}
    elif kind == "same":
        fields["limit"] = 1.0
    else:
        fields["direction"] = "positive"
        fields |= {"effect": 1.0} if kind == "direction" else {"limit": 0.0}
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

HALF = float(student.ppf(0.975, 2)) * 0.01 / math.sqrt(3)  # of three draws with spread .01
DRAWN = [0.80, 0.81, 0.82]


@pytest.mark.parametrize(
    ("away", "tolerance", "wide", "word"),
    [
        (0.0, 100 * HALF + 0.01, 99, "reproduced"),
        (0.0, 100 * HALF - 0.01, 99, "consistent"),
        (0.0, 100 * HALF - 0.01, 100 * 2 * HALF - 0.01, "inconclusive"),  # too wide to agree
        (0.021, 2.0, 99, "inconclusive"),  # further from our mean than the tolerance
        (0.019, 2.0, 99, "consistent"),
        (2 * HALF - 1e-5, 200.0 * HALF, 99, "consistent"),  # √(1 + 3) half-widths: a single run
        (2 * HALF + 1e-5, 200.0 * HALF + 1, 99, "inconclusive"),
        (2 * HALF, 100.0 * HALF - 0.1, 99, "not reproduced"),
    ],
)
def test_a_number_is_judged_by_its_whole_interval(
    away: float, tolerance: float, wide: float, word: str
) -> None:
    asked = claim(value=0.81 + away, tolerance=tolerance, wide=wide)
    verdict = one(asked, record(DRAWN))
    assert verdict.verdict == word
    assert verdict.values["ours"] == pytest.approx(0.81)
    assert verdict.values["low"] == pytest.approx(0.81 - HALF)
    assert verdict.values["high"] == pytest.approx(0.81 + HALF)
    assert (verdict.values["trainings"], verdict.values["people"]) == (3, 1000)
    assert verdict.values["delta_points"] == pytest.approx(-100 * away, abs=1e-9)
    assert bool(verdict.decide) == (word == "inconclusive")


def test_noise_is_not_rewarded() -> None:
    """A wide interval contains the paper's number, and says nothing about it."""
    assert one(claim(), record([0.5, 0.8, 1.1])).verdict == "inconclusive"


def test_the_mean_of_more_runs_is_predicted_more_narrowly() -> None:
    asked = claim(value=0.81 + 1.9 * HALF, tolerance=190 * HALF + 0.1, wide=99.0)
    assert one(asked, record(DRAWN)).verdict == "consistent"
    assert one(replace(asked, runs=3), record(DRAWN)).verdict == "inconclusive"


def test_the_boundary_belongs_to_the_interval() -> None:
    # no spread, so the interval is a point
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
    assert one(claim(), record([[0.8] * 6])).verdict == "inconclusive"


@pytest.mark.parametrize("kind", ["number", "direction", "bound", "same"])
@pytest.mark.parametrize("people", [None, (0.79, 0.81)])
def test_one_training_decides_nothing(kind: str, people: Any) -> None:
    made = Record("toy", "laptop", "synthetic")
    made.measure("x", [0.8], n=1000, unit="fraction", people=people)
    verdict = one(claim(kind), made)
    assert verdict.verdict == "inconclusive"
    assert "one training" in verdict.reason
    assert "second training" in verdict.decide


def test_seeds_on_one_encoder_are_one_training() -> None:
    made = record([0.1, 0.1, 0.1])
    assert one(claim("direction"), made).verdict == "trend reproduced"
    verdict = one(claim("direction", initialisations=True), made)
    assert (verdict.verdict, verdict.values["trainings"]) == ("inconclusive", 1)
    assert "initialisations on one encoder" in verdict.reason
    assert verdict.values["ours"] == pytest.approx(0.1)


# --- direction, bound, same -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "direction", "verdict", "part"),
    [
        ([0.02, 0.03, 0.04], "positive", "trend reproduced", "claimed side"),
        ([-0.02, -0.03, -0.04], "negative", "trend reproduced", "claimed side"),
        ([0.02, 0.03, 0.04], "negative", "not reproduced", "other side"),
        ([-0.02, -0.03, -0.04], "positive", "not reproduced", "other side"),
        ([-0.02, 0.03, 0.04], "positive", "inconclusive", "includes 0"),
        ([-0.02, 0.03, 0.04], "negative", "inconclusive", "includes 0"),
        ([0.001, -0.001, 0.0], "positive", "not reproduced", "nothing beyond 1 points"),
        ([0.0, 0.0, 0.0], "positive", "not reproduced", "nothing beyond"),
    ],
)
def test_a_direction_needs_an_interval_on_its_side(
    values: list[float], direction: str, verdict: str, part: str
) -> None:
    found = one(claim("direction", direction=direction), record(values))
    assert found.verdict == verdict
    assert part in found.reason


@pytest.mark.parametrize(
    ("values", "direction", "granted", "verdict"),
    [
        # 3 points granted: the number is what is left of them
        ([0.02, 0.021, 0.022], "positive", 3.0, "reproduced"),
        ([-0.02, -0.021, -0.022], "positive", 3.0, "not reproduced"),
        ([-0.03, 0.0, 0.03], "positive", 3.0, "inconclusive"),
        # nothing granted: the number is the cost
        ([0.02, 0.021, 0.022], "negative", 0.0, "reproduced"),
        ([0.05, 0.051, 0.052], "negative", 0.0, "not reproduced"),
        ([-0.02, -0.021, -0.022], "positive", 0.0, "reproduced"),
    ],
)
def test_a_bound_is_kept_by_the_whole_interval_of_the_cost(
    values: list[float], direction: str, granted: float, verdict: str
) -> None:
    asked = claim("bound", direction=direction, granted=granted, limit=3.0)
    found = one(asked, record(values))
    assert found.verdict == verdict
    assert "with a limit of 3" in found.reason
    if verdict == "reproduced":
        assert one(replace(asked, scaled=True), record(values)).verdict == "trend reproduced"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.01, 0.0, -0.01], "inconclusive"),
        ([0.001, 0.0, -0.001], "reproduced"),
        ([0.1, 0.101, 0.102], "not reproduced"),
        ([-0.1, -0.101, -0.102], "not reproduced"),
    ],
)
def test_the_same_is_an_interval_inside_the_limit(values: list[float], verdict: str) -> None:
    assert one(claim("same", limit=2.0), record(values)).verdict == verdict


# --- exact ----------------------------------------------------------------------------------


def test_exact_asks_every_single_value() -> None:
    assert one(claim("exact"), record([0.8])).verdict == "reproduced"
    assert one(claim("exact"), record([[0.8, 0.8], 0.8])).verdict == "reproduced"
    missed = one(claim("exact"), record([[0.8, 0.80001], 0.8]))
    assert missed.verdict == "not reproduced"
    assert "1·10⁻⁵" in missed.reason
    assert (missed.values["trainings"], missed.values["low"]) == (0, None)
    assert missed.values["ours"] == pytest.approx(0.8, abs=1e-4)


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
    assert number.values["trainings"] == 2
    for verdict in (exact, number):
        assert "1 of 3 without a value: the fit diverged" in verdict.reason
    made.measurements["x"] = Measurement((None, None), 1, "fraction", "diverged")
    assert one(claim("exact"), made).verdict == one(claim(), made).verdict == "not tested"


# --- several measurements, questions, rivals, repeats ---------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad", "best"),
    [
        ("exact", [0.8], [0.9], "reproduced"),
        ("number", [0.8, 0.8], [0.9, 0.9], "reproduced"),
        ("direction", [0.1, 0.1], [-0.1, -0.1], "trend reproduced"),
        ("bound", [0.1, 0.1], [-0.1, -0.1], "reproduced"),
    ],
)
def test_all_some_or_none_of_several(kind: str, good: Any, bad: Any, best: str) -> None:
    asked = claim(kind, measure=("a", "b"))
    assert one(asked, record(a=good, b=good)).verdict == best
    partly = one(asked, record(a=good, b=bad))
    assert partly.verdict == one(asked, record(a=bad, b=good)).verdict == "partly"
    assert one(asked, record(a=bad, b=bad)).verdict == "not reproduced"
    assert partly.reason.startswith("1 of 2 hold: a: ")
    assert [part.word for part in partly.parts] == [best, "not reproduced"]
    assert partly.values["ours"] == pytest.approx(bad[0])  # the part that fails is shown


def test_a_part_that_cannot_be_tested_is_no_failure_and_is_said() -> None:
    asked = claim(measure=("a", "b"))
    verdict = one(asked, record(a=[0.8, 0.8]))
    assert verdict.verdict == "reproduced"
    assert "does not measure it" in verdict.reason
    assert one(asked, record(a=[0.9, 0.9])).verdict == "not reproduced"
    unclear = one(asked, record(a=[0.8, 0.8], b=[0.7, 0.9]))
    assert unclear.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("values", "answer"),
    [([0.1, 0.1], "yes"), ([-0.1, -0.1], "no"), ([-0.1, 0.1], "unclear"), ([0.1], "unclear")],
)
def test_a_question_of_ours_is_answered(values: list[float], answer: str) -> None:
    (found,) = judge([claim("direction", source="ours")], [record(values)])
    assert (found.verdict, found.question, found.leaf) == (answer, True, False)
    (none,) = judge([claim("direction", source="ours")], [])
    assert none.verdict == "not tested"
    (identity,) = judge([claim("exact", source="ours")], [record([0.8])])
    assert (identity.verdict, identity.question) == ("reproduced", False)


def test_what_follows_from_a_method_that_works_is_not_asked_where_it_does_nothing() -> None:
    asked = claim("direction", works=("own",))
    for own, word in (([0.2, 0.2], "trend reproduced"), ([-0.2, -0.2], "trend reproduced"),
                      ([-0.2, 0.2], "not tested"), ([0.2], "not tested")):  # fmt: skip
        found = one(asked, record(x=[0.1, 0.1], own=own))
        assert found.verdict == word
    assert "own effect is not beyond 0" in found.reason


def test_a_part_without_a_value_is_not_left_out() -> None:
    """At one price the method found nothing: what it does at others is not the whole claim."""
    made = record(a=[0.1, 0.1])
    made.measure("b", [None, None], n=10, unit="fraction", note="no setting keeps its accuracy")
    asked = claim("direction", measure=("a", "b"))
    assert one(asked, made).verdict == "inconclusive"
    assert one(claim("direction", measure=("b",)), made).verdict == "not tested"
    assert one(claim("direction", measure=("a", "c")), made).verdict == "trend reproduced"


def test_parts_that_were_all_tested_before_are_no_new_evidence() -> None:
    made = record(a=[0.1, 0.1], b=[0.2, 0.2])
    parts = [claim("direction", id=name, measure=(name,)) for name in "ab"]
    both = claim("direction", id="both", measure=("a", "b"))
    assert [v.repeats for v in judge([*parts, both], [made])] == [None, None, "a"]
    assert [v.repeats for v in judge([parts[0], both], [made])] == [None, None]


def test_a_rival_that_did_not_train_is_not_beaten() -> None:
    asked = claim("direction", rival=("theirs",))
    idle = record(x=[0.1, 0.1], theirs=[0.0, -0.01])
    found = one(asked, idle)
    assert found.verdict == "not tested"
    assert "the rival did not train" in found.reason
    assert one(asked, record(x=[0.1, 0.1], theirs=[0.0, 0.01])).verdict == "trend reproduced"
    assert one(asked, record(x=[0.1, 0.1])).verdict == "trend reproduced"


def test_the_same_numbers_are_counted_once() -> None:
    first, again = claim("direction", id="a"), claim("direction", id="b")
    found = judge([first, again], [record([0.1, 0.1])])
    assert [v.repeats for v in found] == [None, "a"]
    assert [v.leaf for v in found] == [True, False]
    # what asks something else of the same numbers is another claim
    bound = claim("bound", id="c", limit=1.0)
    for one_of, other in (
        (first, claim("direction", id="b", direction="negative")),
        (first, claim("direction", id="b", effect=5.0)),
        (bound, claim("bound", id="d", limit=2.0)),
        (bound, claim("bound", id="d", limit=1.0, granted=1.0)),
    ):
        found = judge([one_of, other], [record([0.1, 0.1])])
        assert [v.repeats for v in found] == [None, None]


# --- many claims ----------------------------------------------------------------------------


def test_one_small_p_among_many_is_no_discovery() -> None:
    """An interval that excludes 0 by a little means nothing among forty."""
    close = record([0.10, 0.12, 0.14])  # p = .009
    names = [f"n{i}" for i in range(40)]
    for i, name in enumerate(names):
        close.measure(name, [-0.1, 0.11, 0.02 + i / 1000], n=1000, unit="fraction")
    alone = claim("direction")
    others = [claim("direction", id=name, measure=(name,)) for name in names]
    assert one(alone, close).verdict == "trend reproduced"
    found = judge([alone, *others], [close])
    assert found[0].verdict == "inconclusive"
    assert "not beyond chance among all directions" in found[0].reason
    # questions of ours are no claims of the paper and count for nothing
    ours = [replace(other, source="ours") for other in others]
    assert judge([alone, *ours], [close])[0].verdict == "trend reproduced"


# --- headlines ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ({"trend reproduced": 2, "inconclusive": 1}, "trend reproduced"),
        ({"trend reproduced": 3, "inconclusive": 2}, "inconclusive"),
        ({"trend reproduced": 9, "not reproduced": 1}, "partly"),
        ({"partly": 1}, "partly"),
        ({"not reproduced": 1, "inconclusive": 5}, "inconclusive"),
        ({"not reproduced": 4, "inconclusive": 2}, "not reproduced"),
        ({"consistent": 4, "inconclusive": 2}, "consistent"),
        ({"consistent": 4, "not reproduced": 1}, "inconclusive"),
        ({"reproduced": 5, "trend reproduced": 1, "not tested": 9}, "trend reproduced"),
        ({"reproduced": 5}, "reproduced"),
        ({"not tested": 3}, "not tested"),
        ({"inconclusive": 3}, "inconclusive"),
    ],
)
def test_a_headline_follows_from_its_claims(words: dict[str, int], verdict: str) -> None:
    message = Message("toy", "headline.works", "It works.", "abstract", ("c*",))
    found = [
        replace(one(claim()), id=f"c{i}", verdict=word, parent=message.id)
        for word, n in words.items()
        for i in range(n)
    ]
    (headline,) = judge_messages([message], found)
    assert headline.verdict == verdict
    assert sum(headline.counts.values()) == len(found)
    assert str(headline.tested) in headline.reason or not headline.tested


def test_the_same_evidence_counts_once_below_a_headline_and_again_below_another() -> None:
    made = record(a=[0.1, 0.1], b=[0.2, 0.2])
    heads = [Message("toy", f"headline.{k}", "It works.", "abstract", (f"{k}*",)) for k in "xy"]
    below = {"x1": ("a",), "x2": ("b",), "x3": ("a", "b"), "y1": ("a",)}
    claims = [
        claim("direction", id=name, measure=measure, parent=f"headline.{name[0]}")
        for name, measure in below.items()
    ]
    first, second = judge_messages(heads, judge(claims, [made]))
    assert first.counts == {"trend reproduced": 2}
    assert second.counts == {"trend reproduced": 1}


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
    found = {one(claim("direction", direction=d), made).verdict for d in ("positive", "negative")}
    assert found != {"trend reproduced"}


@given(st.lists(st.floats(-1, 1), min_size=2))
def test_turning_the_sign_turns_the_direction(values: list[float]) -> None:
    assume(max(values) > min(values))
    turned = [-x for x in values]
    here = one(claim("direction", direction="positive"), record(values)).verdict
    assert here == one(claim("direction", direction="negative"), record(turned)).verdict


# --- what others see ------------------------------------------------------------------------


def test_the_rules_are_in_the_docstring_and_cover_each_kind() -> None:
    assert set(KINDS) <= set(rules.RULES)
    for rule in (*rules.RULES.values(), *rules.WORDS.values()):
        assert rule in (rules.__doc__ or "")


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
