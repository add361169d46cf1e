"""The tree of the committed claims: a paper's headline messages, and every claim below one."""

from __future__ import annotations

from collections import Counter

import pytest

from fairtut.evidence.claims import load_claims, load_messages, papers
from fairtut.evidence.records import load_records

PAPERS = sorted(papers())
APART = {
    "message.synergy", "table1.celeba.blond_hair.lf.dp", "table1.celeba.smiling.fair-faap.dp",
}  # fmt: skip
RIVALS = ("fig3.dp.advin.", "fig3.eo.advin.", "fig3.dp.advpost.", "fig3.eo.advpost.")
"""Points of a figure that tell about rivals alone."""


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_has_three_to_six_headlines(paper: str) -> None:
    messages = load_messages(paper)
    assert 3 <= len(messages) <= 6
    assert all(m.paper == paper and m.id.startswith("headline.") for m in messages)
    assert len({m.id for m in messages}) == len({m.says for m in messages}) == len(messages)
    assert all(m.says.endswith(".") and m.where for m in messages)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_claim_of_the_paper_stands_below_one_headline(paper: str) -> None:
    """Or apart, with a reason in the file; an identity where a headline names it in full."""
    named = {child for m in load_messages(paper) for child in m.children}
    names = {m.id for m in load_messages(paper)}
    for claim in load_claims(paper):
        aside = claim.id in APART or claim.id.startswith(RIVALS)
        expected = (claim.leaf and not aside) or (claim.id in named and claim.source == "paper")
        assert (claim.parent in names) == expected, claim.id
        assert expected or claim.parent is None, claim.id


@pytest.mark.parametrize("paper", PAPERS)
def test_no_headline_stands_alone(paper: str) -> None:
    below = Counter(claim.parent for claim in load_claims(paper))
    assert [m.id for m in load_messages(paper) if not below[m.id]] == []


def test_only_comparisons_have_a_rival() -> None:
    assert {c.kind for c in load_claims() if c.rival} <= {"direction", "bound", "same"}


@pytest.mark.parametrize("paper", PAPERS)
def test_every_rival_is_in_a_committed_record(paper: str) -> None:
    claims = load_claims(paper)
    records = [r for r in load_records() if r.chapter == claims[0].chapter]
    made = {name for record in records for name in record.measurements}
    # DVGE's real record was made before its rivals' fronts were measured
    later = ("front.",) if paper == "dvge" else ()
    lacking = [(c.id, n) for c in claims for n in (*c.rival, *c.works) if n not in made]
    assert [pair for pair in lacking if not pair[1].startswith(later)] == []
