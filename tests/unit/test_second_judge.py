"""The second judge on claims and records whose words are worked out by hand.

Two equal values have no spread, so the interval is the one over people, to the digit; two values
v - h and v + h have the t-interval v ± 12.7062 h.
"""

import json

import numpy as np
import pytest
import yaml

from tests.second_judge import LEVEL, chance, interval, judged, threshold

HEAD = {"schema": 2, "preset": "laptop", "data": "synthetic", "datasets": [], "seeds": {},
        "device": {}, "versions": {}, "minutes": 1, "config": {}, "code": {}}  # fmt: skip
EIGHT_TO_13 = {"values": [10, 10], "people": [8, 13]}
TURN = 12.706205  # t(.975) of one degree of freedom


def measured(values=(10, 10), n=100, unit="points", **more):
    found = {"values": list(values), "n": n, "unit": unit, **more}
    return found | ({"note": "one is missing"} if None in found["values"] else {})


@pytest.fixture
def words(tmp_path):
    """Return a function that judges claims of one paper on records of its chapter."""

    def judge(claims, records, messages=(), **options):
        for folder in ("claims", "results/toy"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        paper = {"paper": "toy", "chapter": "07_toy", "claims": claims, "messages": list(messages)}
        (tmp_path / "claims" / "toy.yaml").write_text(yaml.safe_dump(paper))
        for record in records if isinstance(records, list) else [records]:
            body = HEAD | {"chapter": "toy"} | record
            name = f"results/toy/{body['preset']}-{body['data']}.json"
            (tmp_path / name).write_text(json.dumps(body))
        said = judged(tmp_path / "claims", tmp_path / "results", **options)
        return tuple({name: word for (_, name), word in part.items()} for part in said)

    return judge


@pytest.fixture
def word(words):
    """Return a function that judges one claim on one measurement."""
    return lambda claim, found: words(
        [{"id": "a", **claim}], {"measurements": {"a": measured(**found)}}
    )[0]["a"]


def number(value, tolerance, **more):
    return {"kind": "number", "value": value, "tolerance": tolerance, **more}


def up(**more):
    return {"kind": "direction", "direction": "positive", **more}


def costs(limit, **more):
    return {"kind": "bound", "direction": "positive", "limit": limit, **more}


@pytest.mark.parametrize(
    ("claim", "found", "wanted"),
    [
        # a number, I = [8, 13]: inside value ± tolerance, ends included
        (number(8, 5), EIGHT_TO_13, "reproduced"),
        # the prediction interval is [10 - 2√2, 10 + 3√2] = [7.17, 14.24], half of its width 3.54
        (number(8, 4.5), EIGHT_TO_13, "consistent"),
        (number(8, 4.5, wide=3.6), EIGHT_TO_13, "consistent"),
        (number(8, 4.5, wide=3.5), EIGHT_TO_13, "inconclusive"),
        (number(7.5, 0.5), EIGHT_TO_13, "inconclusive"),  # meets at 8, and wide is 1.5
        (number(7.5, 0.5, wide=4), EIGHT_TO_13, "inconclusive"),  # 2.5 from the mean
        (number(7, 1.5, wide=4), EIGHT_TO_13, "inconclusive"),
        (number(7, 0.5), EIGHT_TO_13, "not reproduced"),
        (number(14, 0.5), EIGHT_TO_13, "not reproduced"),
        # of one run: 10 ± 12.706 √2 √(1/2 + 1) = 10 ± 22.0; of the mean of two: 10 ± 17.97
        (number(-10, 20, wide=30), {"values": [9, 11]}, "consistent"),
        (number(-10, 20, wide=30, runs=2), {"values": [9, 11]}, "inconclusive"),
        (number(-7, 20, wide=30, runs=2), {"values": [9, 11]}, "consistent"),
        # with overlap .5: I = 10 ± 17.97, for two runs 10 ± 12.706 √2 √1.5 = 10 ± 22.0
        (number(-11, 21, wide=30, runs=2), {"values": [9, 11], "overlap": 0.5}, "consistent"),
        (number(-13, 23, wide=30, runs=2), {"values": [9, 11], "overlap": 0.5}, "inconclusive"),
        # one point of a fraction is .01
        (number(0.25, 25), {"values": [0.5, 0.5], "unit": "fraction"}, "reproduced"),
        (number(0.25, 24), {"values": [0.5, 0.5], "unit": "fraction"}, "not reproduced"),
        # a direction
        (up(), EIGHT_TO_13, "trend reproduced"),
        (up(direction="negative"), EIGHT_TO_13, "not reproduced"),
        (up(), {"people": [0, 13]}, "inconclusive"),  # 0 is not above 0
        (up(), {"values": [0.5, 0.5], "people": [-1, 1]}, "not reproduced"),  # no point either way
        (up(effect=0.75), {"values": [0.5, 0.5], "people": [-1, 1]}, "inconclusive"),
        (up(direction="negative"), {"values": [0.5, 0.5], "people": [-1, 2]}, "inconclusive"),
        (up(), {"values": [0.01, 0.01], "people": [-0.01, 0.01], "unit": "nats"}, "not reproduced"),
        (up(effect=3), {"values": [2, 2], "people": [1, 3]}, "trend reproduced"),
        # both sources of chance: 10 ± √(6² + 8²) = [0, 20], and a hair less
        (up(), {"values": [10 - 6.001 / TURN, 10 + 6.001 / TURN], "people": [2, 18]},
         "inconclusive"),
        (up(), {"values": [10 - 5.999 / TURN, 10 + 5.999 / TURN], "people": [2, 18]},
         "trend reproduced"),
        (up(), {"values": [10 - 9 / TURN, 10 + 9 / TURN], "people": [11, 18]}, "trend reproduced"),
        # splits of the same people: 15 ± 17.97, without what they share 15 ± 12.7
        (up(), {"values": [14, 16]}, "trend reproduced"),
        (up(), {"values": [14, 16], "overlap": 0.5}, "inconclusive"),
        (up(), {"values": [14, 16], "overlap": 0.5, "people": [14, 16]}, "inconclusive"),
        (up(), {"values": [14, 16], "overlap": 0.1, "people": [0, 30]}, "trend reproduced"),
        # draws: initialisations are averaged, gaps left out
        (up(), {"values": [[9, 11], [10, 10]]}, "trend reproduced"),
        (up(), {"values": [[10], [9, 11], None]}, "trend reproduced"),
        (up(), {"values": [10, None]}, "inconclusive"),
        (up(), {"values": [[9, 11]]}, "inconclusive"),
        (up(), {"values": [None, None]}, "not tested"),
        # a cost of -I = [-13, -8], of 20 - I = [7, 12]
        (costs(-8), EIGHT_TO_13, "reproduced"),
        (costs(-8, scaled=True), EIGHT_TO_13, "trend reproduced"),
        (costs(-8.5), EIGHT_TO_13, "inconclusive"),
        (costs(-13), EIGHT_TO_13, "inconclusive"),
        (costs(-13.5), EIGHT_TO_13, "not reproduced"),
        (costs(12, granted=20), EIGHT_TO_13, "reproduced"),
        (costs(11, granted=20), EIGHT_TO_13, "inconclusive"),
        (costs(6, granted=20), EIGHT_TO_13, "not reproduced"),
        (costs(13, direction="negative"), EIGHT_TO_13, "reproduced"),
        (costs(12, direction="negative"), EIGHT_TO_13, "inconclusive"),
        (costs(7, direction="negative"), EIGHT_TO_13, "not reproduced"),
        # no change
        ({"kind": "same", "limit": 13}, EIGHT_TO_13, "reproduced"),
        ({"kind": "same", "limit": 13, "scaled": True}, EIGHT_TO_13, "trend reproduced"),
        ({"kind": "same", "limit": 12}, EIGHT_TO_13, "inconclusive"),
        ({"kind": "same", "limit": 8}, EIGHT_TO_13, "inconclusive"),
        ({"kind": "same", "limit": 7}, EIGHT_TO_13, "not reproduced"),
        ({"kind": "same", "limit": 7}, {"values": [-9, -9], "people": [-13, -8]}, "not reproduced"),
        # an identity: every single value, with the rounding of six digits
        ({"kind": "exact", "value": 3}, {"values": [3]}, "reproduced"),
        ({"kind": "exact", "value": 3}, {"values": [[3, 3.001], 3]}, "not reproduced"),
        ({"kind": "exact", "value": 3}, {"values": [3, None]}, "not reproduced"),
        ({"kind": "exact", "value": 3.811466}, {"values": [3.81146]}, "reproduced"),
        ({"kind": "exact", "value": 3.811467}, {"values": [3.81146]}, "not reproduced"),
        ({"kind": "exact", "value": 3, "tolerance": 0.5}, {"values": [3.5, 2.5]}, "reproduced"),
        ({"kind": "exact", "value": 0, "source": "ours"}, {"values": [0]}, "reproduced"),
        # a question
        (up(source="ours"), EIGHT_TO_13, "yes"),
        (up(source="ours", direction="negative"), EIGHT_TO_13, "no"),
        (up(source="ours"), {"people": [0, 13]}, "unclear"),
        (up(source="ours"), {"values": [None]}, "not tested"),
        (up(untested="no such data"), EIGHT_TO_13, "not tested"),
        (up(measure="b"), EIGHT_TO_13, "not tested"),
    ],
)  # fmt: skip
def test_one_measurement(word, claim, found, wanted):
    assert word(claim, found) == wanted


POSITIVE, NEGATIVE, OPEN, GONE = (
    measured(**m)
    for m in (EIGHT_TO_13, {"values": [-10, -10]}, {"people": [-1, 21]}, {"values": [None]})
)


@pytest.mark.parametrize(
    ("found", "wanted", "answer"),
    [
        ([POSITIVE, POSITIVE], "trend reproduced", "yes"),
        ([POSITIVE, GONE], "inconclusive", "unclear"),
        ([POSITIVE, OPEN], "inconclusive", "unclear"),
        ([POSITIVE, NEGATIVE], "partly", "no"),
        ([POSITIVE, OPEN, NEGATIVE], "partly", "no"),
        ([OPEN, NEGATIVE], "not reproduced", "no"),
        ([GONE, NEGATIVE], "not reproduced", "no"),
        ([GONE, GONE], "not tested", "not tested"),
    ],
)
def test_several_measurements(words, found, wanted, answer):
    names = [f"m{i}" for i in range(len(found))]
    claims = [{"id": "a", **up(measure=names)}, {"id": "b", **up(measure=names, source="ours")}]
    said, _ = words(claims, {"measurements": dict(zip(names, found, strict=True))})
    assert said == {"a": wanted, "b": answer}


def test_the_weakest_word_of_parts(words):
    claim = {"id": "a", **number(8, 4.5, measure=["m", "n"])}  # consistent, and inside
    inside = measured(values=[8, 8])
    said, _ = words([claim], {"measurements": {"m": POSITIVE, "n": inside}})
    assert said == {"a": "consistent"}


@pytest.mark.parametrize(
    ("rival", "wanted"),
    [
        (measured([0, -0.1]), "not tested"),
        (measured([0, None]), "not tested"),
        (measured([None, None]), "not tested"),
        (measured([0, 0.1]), "trend reproduced"),
        (None, "trend reproduced"),  # the record does not hold it
    ],
)
def test_a_rival_must_have_trained(words, rival, wanted):
    found = {"a": POSITIVE} | ({} if rival is None else {"r": rival})
    assert words([{"id": "a", **up(rival="r")}], {"measurements": found})[0] == {"a": wanted}


# False discoveries


def test_chances_by_hand():
    assert chance(measured([14, 16])) == pytest.approx(0.0423787, rel=1e-5)  # |t| = 15, 1 degree
    assert chance(measured([14, 16], overlap=0.5)) == pytest.approx(0.0598, rel=1e-2)
    assert chance(measured([2, 2], people=[0, 9])) == pytest.approx(0.05)
    assert chance(measured([-2, -2], people=[-9, -0.5])) == pytest.approx(0.00898, rel=1e-2)
    three_four_five = measured([5 - 3 / TURN, 5 + 3 / TURN], people=[1, 6])
    assert chance(three_four_five) == pytest.approx(0.05, rel=1e-6)
    assert chance(measured([0, 0])) == chance(measured([-1, 1])) == 1
    assert chance(measured([1, 1])) == chance(measured([1, 1], people=[1, 1])) == 0


def test_a_chance_below_the_level_is_an_interval_without_0():
    rng, seen = np.random.default_rng(0), set()
    for i in range(300):
        found = measured(rng.normal(2, 1, 2 + i % 3).tolist())
        mean = np.mean(found["values"])
        if i % 2:
            found["people"] = [mean - rng.exponential(2), mean + rng.exponential(2)]
        elif i % 4:
            found["overlap"] = 0.3
        low, high = interval(found)
        seen.add(low > 0 or high < 0)
        assert (chance(found) < LEVEL) == (low > 0 or high < 0)
    assert len(seen) == 2


def test_the_steps_go_up():
    assert threshold([0.0455, 0.0455, 1e-9]) == 0.0455  # the third step is .05
    assert threshold([0.0455, 0.0455, 1e-9, 0.5]) == 1e-9  # the third of four is .0375
    assert threshold([0.0125, 0.9, 0.9, 0.9]) == 0.0125
    assert threshold([0.2]) == threshold([]) == -1


@pytest.mark.parametrize(
    ("fourth", "lost"),
    [
        (up(), True),
        (up(direction="negative", effect=2), True),
        (up(source="ours"), False),
        (up(source="replication"), False),
        (up(untested="no"), False),
        ({"kind": "same", "limit": 1}, False),
    ],
)
def test_a_null_claim_more_takes_weak_ones_along(words, fourth, lost):
    weak, other = measured([2, 2], people=[0.04, 3.96]), measured([2, 2], people=[0.041, 4])
    found = {"s": POSITIVE, "w": weak, "x": other, "d": OPEN}
    claims = [{"id": "s", **up()}, {"id": "w", **up()}, {"id": "x", **up()}]
    said, _ = words([*claims, {"id": "d", **fourth}], {"measurements": found})
    word = "inconclusive" if lost else "trend reproduced"
    assert (said["s"], said["w"], said["x"]) == ("trend reproduced", word, word)


def test_a_weak_contradiction_falls_out_too_and_no_effect_stays(words):
    weak, none = measured([2, 2], people=[0.04, 3.96]), measured([0, 0], people=[-0.5, 0.5])
    claims = [{"id": "a", **up(direction="negative")}, {"id": "b", **up()}]
    said, _ = words(claims, {"measurements": {"a": weak, "b": none}})
    assert said == {"a": "inconclusive", "b": "not reproduced"}


def test_a_repeat_is_weighed_once_and_shares_its_fate(words):
    """Were the repeat weighed, the two would carry each other over the second step."""
    weak = measured([2, 2], people=[0.19, 3.96])  # p = .0303: above .05 / 2, below .05 2 / 3
    claims = [{"id": "w", **up()}, {"id": "again", **up(measure="w")}]
    said, _ = words(claims, {"measurements": {"w": weak}})
    assert said == {"w": "trend reproduced", "again": "trend reproduced"}
    said, _ = words([*claims, {"id": "d", **up()}], {"measurements": {"w": weak, "d": OPEN}})
    assert said == {"w": "inconclusive", "again": "inconclusive", "d": "inconclusive"}


# Messages


def says(*children):
    return {"id": "message", "says": "It helps.", "where": "abstract", "children": list(children)}


KINDS_OF_CHILD = {
    "good": (up(), POSITIVE),
    "bad": (up(), NEGATIVE),
    "open": (up(), OPEN),
    "gone": (up(), GONE),
    "inside": (number(10, 5), POSITIVE),
    "mixed": (up(measure=["x", "y"]), POSITIVE),
}


@pytest.mark.parametrize(
    ("children", "wanted"),
    [
        (["good", "good", "open"], "trend reproduced"),  # two thirds
        (["good", "open"], "inconclusive"),
        (["good", "good", "open", "gone"], "trend reproduced"),
        (["good", "inside"], "trend reproduced"),  # the weakest word
        (["inside", "inside", "open"], "reproduced"),
        (["good", "good", "good", "bad"], "partly"),
        (["bad", "open"], "inconclusive"),
        (["bad", "bad", "open"], "not reproduced"),
        (["good", "mixed"], "partly"),
        (["mixed", "gone"], "partly"),
        (["gone"], "not tested"),
        ([], "not tested"),
        (["open"], "inconclusive"),
    ],
)
def test_a_message_follows_from_its_claims(words, children, wanted):
    claims, found = [], {"x": POSITIVE, "y": NEGATIVE}
    for i, kind in enumerate(children):
        claim, measurement = KINDS_OF_CHILD[kind]
        claims.append({"id": f"t.{i}", **claim})
        found[f"t.{i}"] = measurement | {"n": 100 + i}  # other people, so no repeat
    _, said = words(claims, {"measurements": found}, [says("t.*")])
    assert said == {"message": wanted}


def test_a_repeat_is_no_further_child(words):
    claims = [{"id": "a", **up()}, {"id": "b", **up()}, {"id": "c", **up(measure="a")}]
    found = {"a": POSITIVE, "b": OPEN}
    _, said = words(claims, {"measurements": found}, [says("*"), says("c") | {"id": "other"}])
    assert said == {
        "message": "inconclusive",
        "other": "trend reproduced",  # below another headline it counts
    }  # one of two, not two of three


@pytest.mark.parametrize("other", [up(source="ours"), {"kind": "exact", "value": 1}])
def test_questions_and_identities_are_no_children(words, other):
    claims = [{"id": name, **up()} for name in "ab"] + [{"id": "c", **other, "measure": "b"}]
    _, said = words(claims, {"measurements": {"a": POSITIVE, "b": OPEN}}, [says("*")])
    assert said == {"message": "inconclusive"}
    claims.append({"id": "d", **up()})
    found = {"a": POSITIVE, "b": OPEN, "d": POSITIVE | {"n": 99}}
    _, said = words(claims, {"measurements": found}, [says("*")])
    assert said == {"message": "trend reproduced"}  # two of three, not two of four


@pytest.mark.parametrize(
    "change",
    [
        {"values": [10, 10.5]}, {"n": 99}, {"people": [8, 13.5]}, {"people": None},
    ],
)  # fmt: skip
def test_other_evidence_is_no_repeat(words, change):
    other = {k: v for k, v in (POSITIVE | change).items() if v is not None}
    claims = [{"id": "a", **up()}, {"id": "b", **up()}, {"id": "c", **up()}]
    found = {"a": POSITIVE, "b": other, "c": OPEN}
    _, said = words(claims, {"measurements": found}, [says("a", "b", "c")])
    assert said == {"message": "trend reproduced"}


@pytest.mark.parametrize(("value", "wanted"), [(10, "inconclusive"), (10.5, "reproduced")])
def test_numbers_repeat_only_with_the_same_value(words, value, wanted):
    claims = [{"id": "a", **number(10, 5)}, {"id": "b", **number(value, 6, measure="a")}]
    claims.append({"id": "c", **up()})
    _, said = words(claims, {"measurements": {"a": POSITIVE, "c": OPEN}}, [says("*")])
    assert said == {"message": wanted}


# Which record


def record(word, preset="laptop", data="synthetic", **more):
    return {"preset": preset, "data": data, "measurements": {"a": word, **more}}


@pytest.mark.parametrize(
    ("claim", "records", "wanted"),
    [
        ({}, [record(POSITIVE), record(NEGATIVE, "paper")], "not reproduced"),
        ({}, [record(POSITIVE), record(NEGATIVE, data="real")], "trend reproduced"),
        ({"data": "real"}, [record(POSITIVE), record(NEGATIVE, data="real")], "not reproduced"),
        ({"data": "any"}, [record(POSITIVE), record(NEGATIVE, data="real")], "not reproduced"),
        ({"data": "any"}, [record(POSITIVE, "paper"), record(NEGATIVE, data="real")],
         "trend reproduced"),
        ({}, [record(POSITIVE, "smoke")], "not tested"),
        ({"data": "real"}, [record(POSITIVE)], "not tested"),
        ({"measure": ["a", "b"]}, [record(POSITIVE, b=POSITIVE), record(NEGATIVE, "paper")],
         "trend reproduced"),
    ],
)  # fmt: skip
def test_the_record_of_a_claim(words, claim, records, wanted):
    assert words([{"id": "a", **up(), **claim}], records)[0] == {"a": wanted}


def test_a_smoke_run_counts_when_asked_for(words):
    said, _ = words([{"id": "a", **up()}], [record(POSITIVE, "smoke")], smoke=True)
    assert said == {"a": "trend reproduced"}


def test_a_record_with_a_fault_does_not_count(words, monkeypatch):
    from fairtut.evidence import standing

    monkeypatch.setattr(
        standing, "fault", lambda found: "other numbers" * (found.preset == "paper")
    )
    said, _ = words([{"id": "a", **up()}], [record(POSITIVE), record(NEGATIVE, "paper")])
    assert said == {"a": "trend reproduced"}
