"""The claims schema: what is accepted, what is filled in, and what each mistake is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairtut.errors import RecordError, UnknownName
from fairtut.evidence.claims import POINT, Claim, chapter_id, load_claims, papers, read_claims

Write = Callable[..., Path]
NUMBER = """\
- id: table1.lr.accuracy
  where: Table 1, row LR
  says: Plain training keeps
    its accuracy.
  kind: number
  metric: accuracy
  unit: fraction
  value: 0.885
  tolerance: 2
"""
GROWS = """\
- id: fig2.gap
  where: Figure 2
  says: The gap grows.
  kind: direction
  metric: gap
  unit: points
  direction: negative
  measure: [fig2.gap.clean, fig2.gap.poisoned]
  data: any
  source: ours
"""
EXACT = """\
- id: theorem1
  where: Theorem 1
  says: The bound is tight.
  kind: exact
  metric: gap to the bound
  unit: nats
  value: 0
"""


def test_every_field_arrives_and_defaults_are_filled(write: Write) -> None:
    head, (number, trend, exact) = read_claims(write(NUMBER, GROWS, EXACT))
    assert (head.id, head.chapter, head.year, head.citation) == ("toy", "07_toy", 2020, "toy2020")
    assert number == Claim(
        paper="toy",
        chapter="toy",
        id="table1.lr.accuracy",
        where="Table 1, row LR",
        says="Plain training keeps its accuracy.",
        kind="number",
        metric="accuracy",
        unit="fraction",
        value=0.885,
        tolerance=2.0,
        wide=6.0,
        measure=("table1.lr.accuracy",),
        source="paper",
    )
    assert trend.measure == ("fig2.gap.clean", "fig2.gap.poisoned")
    assert (trend.direction, trend.data, trend.source) == ("negative", "any", "ours")
    assert (trend.tolerance, trend.effect, trend.sign, trend.scaled) == (None, 1.0, -1.0, False)
    assert (number.leaf, trend.leaf, exact.leaf) == (True, False, False)
    assert (number.question, trend.question) == (False, True)
    assert exact.tolerance == 1e-6


@pytest.mark.parametrize("text", ["1e-6", "1.0e-6", "0.000001"])
def test_numbers_in_scientific_notation_are_numbers(text: str, write: Write) -> None:
    _, (claim,) = read_claims(write(EXACT, f"  tolerance: {text}\n"))
    assert claim.tolerance == 1e-6


def test_untested_keeps_its_reason(write: Write) -> None:
    _, (claim,) = read_claims(write(NUMBER, "  untested: needs 40 GPU hours\n"))
    assert claim.untested == "needs 40 GPU hours"


@pytest.mark.parametrize(
    ("claims", "parts"),
    [
        ([NUMBER + "  tolerence: 2\n"], ["tolerence", "tolerance", "table1.lr.accuracy"]),
        ([NUMBER, NUMBER], ["table1.lr.accuracy", "twice", "rename"]),
        ([NUMBER + "  value: 3\n"], ["value", "twice", "line"]),
        ([NUMBER.replace("  metric: accuracy\n", "")], ["metric", "missing"]),
        ([NUMBER.replace("  value: 0.885\n", "")], ["value", "missing"]),
        ([NUMBER.replace("  tolerance: 2\n", "")], ["tolerance", "missing"]),
        ([NUMBER.replace("0.885", "'0.885'")], ["value", "number", "unquoted"]),
        ([NUMBER.replace("0.885", ".nan")], ["value", "finite"]),
        ([NUMBER.replace("0.885", "yes")], ["value", "number"]),
        ([NUMBER.replace("tolerance: 2", "tolerance: -2")], ["tolerance", "negative"]),
        ([NUMBER.replace("kind: number", "kind: numbr")], ["kind", "numbr", "direction"]),
        ([NUMBER.replace("unit: fraction", "unit: percent")], ["unit", "percent", "points"]),
        ([NUMBER.replace("id: table1", "id: Table 1")], ["id", "lower-case"]),
        ([NUMBER + "  direction: positive\n"], ["direction", "number"]),
        ([GROWS.replace("  direction: negative\n", "")], ["direction", "missing"]),
        ([GROWS.replace("negative", "down")], ["direction", "down", "positive"]),
        ([GROWS + "  tolerance: 2\n"], ["tolerance", "direction"]),
        ([GROWS + "  limit: 2\n"], ["limit", "direction", "bound"]),
        ([GROWS.replace("kind: direction", "kind: bound")], ["limit", "missing"]),
        ([GROWS + "  effect: -1\n"], ["effect", "negative"]),
        ([GROWS + "  scaled: 1\n"], ["scaled", "true or false"]),
        ([GROWS + "  rival: Someone Else\n"], ["rival", "measurement id"]),
        ([NUMBER + "  runs: 0\n"], ["runs", "whole number"]),
        ([NUMBER + "  granted: 1\n"], ["granted", "number"]),
        ([GROWS.replace("data: any", "data: fake")], ["data", "fake", "real"]),
        ([GROWS.replace("source: ours", "source: me")], ["source", "released code"]),
        ([GROWS.replace("[fig2.gap.clean, fig2.gap.poisoned]", "[]")], ["measure"]),
        ([GROWS.replace("fig2.gap.poisoned]", "fig2.gap.clean]")], ["measure", "twice"]),
        ([NUMBER.replace("Plain training keeps\n    its accuracy.", "3")],
         ["says", "text"]),
        (["- just words\n"], ["claim 0", "mapping"]),
    ],
)  # fmt: skip
def test_each_mistake_names_the_file_and_the_fix_in_one_line(
    claims: list[str], parts: list[str], write: Write
) -> None:
    with pytest.raises(RecordError) as caught:
        read_claims(write(*claims))
    message = str(caught.value)
    assert message.startswith("toy.yaml")
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("year: 2020", "year: two", "year"),
        ("paper: toy", "paper: other", "rename"),
        ("venue: ICML\n", "", "venue"),
        ("venue: ICML", "venu: ICML", "did you mean 'venue'"),
        ("claims:\n", "claims: 3\n", "claims"),
        ("title: A toy paper", "title: [", "not valid YAML"),
    ],
)
def test_the_head_is_checked_too(old: str, new: str, part: str, write: Write, head: str) -> None:
    claims = [] if old.startswith("claims") else [NUMBER]
    with pytest.raises(RecordError, match=part) as caught:
        read_claims(write(*claims, head=head.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_refused(write: Write) -> None:
    with pytest.raises(RecordError, match=r"toy\.yaml"):
        read_claims(write(head=""))


def test_papers_and_claims_come_in_chapter_order(tmp_path: Path, write: Write, head: str) -> None:
    write(NUMBER)
    first = head.replace("paper: toy", "paper: zebra").replace("07_toy", "01_zebra")
    write(EXACT, head=first, name="zebra.yaml")
    assert list(papers(tmp_path)) == ["zebra", "toy"]
    assert [c.id for c in load_claims(directory=tmp_path)] == ["theorem1", "table1.lr.accuracy"]
    assert [c.id for c in load_claims("toy", tmp_path)] == ["table1.lr.accuracy"]
    with pytest.raises(UnknownName, match="zebra"):
        load_claims("zebr", tmp_path)


def test_a_chapter_is_known_by_its_name_not_its_number() -> None:
    assert chapter_id("01_frtrain") == chapter_id("frtrain") == "frtrain"


def test_a_point_is_a_hundredth_of_a_fraction() -> None:
    assert POINT["fraction"] == 0.01
    assert POINT["points"] == 1


def test_the_claims_of_this_package_follow_the_schema() -> None:
    known = papers()
    ids = [(claim.paper, claim.id) for claim in load_claims()]
    assert len(set(ids)) == len(ids)
    assert {paper for paper, _ in ids} <= set(known)


MESSAGES = """\
messages:
- id: headline.keeps
  says: It keeps its accuracy.
  where: abstract
  children: ["table1.*"]
claims:
"""


def test_each_claim_of_the_paper_stands_below_one_headline(write: Write, head: str) -> None:
    tree = head.replace("claims:\n", MESSAGES)
    paper, (number, grows, exact) = read_claims(write(NUMBER, GROWS, EXACT, head=tree))
    assert [m.id for m in paper.messages] == ["headline.keeps"]
    assert (number.parent, grows.parent, exact.parent) == ("headline.keeps", None, None)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('["table1.*"]', '["figure.*"]', "below no message"),
        ('["table1.*"]', "table1", "children 'table1' must be a list"),
        ("  where: abstract\n", "", "where is missing"),
        ("id: headline.keeps", "id: Head Line", "lower-case"),
        ("id: headline.keeps", "id: table1.lr.accuracy", "twice"),
        (
            "claims:",
            "- {id: headline.more, says: S., where: W, children: ['*lr*']}\nclaims:",
            "below headline.keeps, headline.more",
        ),
        (
            "claims:",
            "- {id: headline.idle, says: S., where: W, children: [x]}\nclaims:",
            "headline.idle has no claim below it",
        ),
    ],
)
def test_a_tree_with_a_mistake_is_refused(
    old: str, new: str, part: str, write: Write, head: str
) -> None:
    tree = head.replace("claims:\n", MESSAGES.replace(old, new))
    with pytest.raises(RecordError, match=part) as caught:
        read_claims(write(NUMBER, head=tree))
    assert "\n" not in str(caught.value)


def test_a_claim_may_stand_apart_and_an_identity_below_a_headline(write: Write, head: str) -> None:
    tree = MESSAGES.replace("messages:", "apart: ['table1.*']\nmessages:").replace(
        '["table1.*"]', "[theorem1]"
    )
    tree = head.replace("claims:\n", tree)
    _, (number, exact) = read_claims(write(NUMBER, EXACT, head=tree))
    assert (number.parent, exact.parent) == (None, "headline.keeps")


def test_a_file_says_whose_seeds_share_an_encoder(write: Write, head: str) -> None:
    marked = head.replace("claims:\n", "initialisations: ['table1.*']\nclaims:\n")
    _, (number, grows) = read_claims(write(NUMBER, GROWS, head=marked))
    assert (number.initialisations, grows.initialisations) == (True, False)
    with pytest.raises(RecordError, match="initialisations 'table1' must be a list"):
        read_claims(write(NUMBER, head=marked.replace("['table1.*']", "table1")))
