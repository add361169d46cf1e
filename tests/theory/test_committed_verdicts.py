"""The committed verdicts are recomputed by a second judge, which shares no code with the first."""

from __future__ import annotations

import pytest

from fairtut.evidence.claims import CLAIMS_DIR, load_claims
from fairtut.evidence.records import committed_results, load_records
from fairtut.evidence.verdicts import judge
from tests.second_judge import judged


@pytest.fixture(scope="module")
def second():
    return judged(CLAIMS_DIR, committed_results())


@pytest.fixture(scope="module")
def first():
    return judge(load_claims(), load_records())


def differences(one: dict, other: dict) -> list[str]:
    both = sorted({*one, *other})
    return [
        f"{key}: {one.get(key)} | {other.get(key)}"
        for key in both
        if one.get(key) != other.get(key)
    ]


def test_both_judges_say_the_same_of_every_claim(first, second):
    said = {(verdict.paper, verdict.id): verdict.verdict for verdict in first}
    assert len(said) == len(first) > 0
    assert differences(said, second[0]) == []


def test_both_judges_say_the_same_of_every_message(first, second):
    from fairtut.evidence.claims import load_messages
    from fairtut.evidence.messages import judge_messages

    said = {(v.paper, v.id): v.verdict for v in judge_messages(load_messages(), first)}
    assert said
    assert differences(said, second[1]) == []


def test_a_difference_is_seen():
    one = {("toy", "a"): "reproduced", ("toy", "b"): "partly"}
    assert differences(one, one) == []
    assert differences(one, {("toy", "a"): "reproduced"}) == ["('toy', 'b'): partly | None"]
    assert len(differences(one, one | {("toy", "a"): "consistent"})) == 1
