"""What the scoreboard says of a paper: kinds of claims apart, repeats once, controls by answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from fairtut.evidence.claims import Claim, Message, Paper
from fairtut.evidence.records import Record
from fairtut.evidence.verdicts import Verdict, judge
from fairtut.lab.asked import CONTROLS, identifier
from fairtut.page import scoreboard

PAPER = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy", "07_toy")


def claim(id: str, **changes: object) -> Claim:
    made = Claim(
        paper="toy", chapter="toy", id=id, where="W", says="S.", kind="direction",
        metric="accuracy", unit="fraction", direction="positive", effect=1.0, measure=(id,),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def record(**values: list[float]) -> Record:
    made = Record("toy", "laptop", "synthetic")
    for name, numbers in values.items():
        made.measure(name, numbers, n=100, unit="fraction")
    return made


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    head = Message("toy", "headline.works", "It works.", "abstract", ("*",))
    monkeypatch.setattr(scoreboard, "load_messages", lambda paper: [head])
    claims = [
        claim("good", parent=head.id),
        claim("same", measure=("good",), parent=head.id),
        claim("bad", parent=head.id),
        claim("open", parent=head.id),
        claim("ours", source="ours"),
        claim("code", source="released code"),
        claim("law", kind="exact", value=0.5, tolerance=1e-6),
    ]
    made = record(good=[0.1, 0.1], bad=[-0.1, -0.1], open=[-0.1, 0.1], ours=[0.2, 0.2],
                  code=[0.3, 0.3], law=[0.5])  # fmt: skip
    return judge(claims, [made])


def test_kinds_of_claims_are_counted_apart_and_repeats_once(verdicts: list[Verdict]) -> None:
    found = scoreboard.standing(PAPER, verdicts, [])
    words = {"trend reproduced": 1, "not reproduced": 1, "inconclusive": 1}
    assert found.counts == {
        "paper": Counter(words),
        "released code": Counter({"trend reproduced": 1}),
        "replication": Counter(),
        "identities": Counter({"reproduced": 1}),
        "questions": Counter({"yes": 1}),
    }
    assert found.answer.startswith("Of 3 claims of the paper that we could test, 1 hold, 1 fail")
    (headline,) = found.headlines
    assert (headline.verdict, headline.counts) == ("partly", words)


def test_the_controls_are_answered_from_the_best_record_that_asked(
    verdicts: list[Verdict],
) -> None:
    asked = {identifier(f"m{i}", name): [0.1, 0.1] for i in range(2) for name in CONTROLS}
    asked[identifier("m0", "noise")] = [-0.1, -0.1]
    asked[identifier("m1", "noise")] = [0.1]
    drawn, real = record(**asked), record(x=[0.1])
    real.data = "real"
    found = scoreboard.standing(PAPER, verdicts, [real, drawn])
    assert found.asked_on == "synthetic"
    assert found.controls["noise"] == {"no": 1, "unclear": 1}
    assert all(found.controls[name] == {"yes": 2} for name in CONTROLS if name != "noise")
    assert scoreboard.standing(PAPER, verdicts, [real]).controls == {}
    other = replace(PAPER, chapter="08_another")
    assert scoreboard.standing(other, verdicts, [drawn]).controls == {}
