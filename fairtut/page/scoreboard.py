"""What the scoreboard says of a paper: its headlines, its claims, and what beats its method.

Counts of a paper's claims, of the released code, of identities and of our own questions stand side
by side and are never added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fairtut.evidence.claims import Paper, chapter_id, load_messages
from fairtut.evidence.messages import Headline, judge_messages
from fairtut.evidence.records import Record
from fairtut.evidence.standing import fault
from fairtut.evidence.verdicts import HOLDS, Verdict
from fairtut.lab.asked import CONTROLS
from fairtut.lab.choice import beats

GROUPS: Final[Mapping[str, str]] = {
    "paper": "What the paper claims",
    "released code": "About the released code",
    "replication": "What a replication of others claims",
    "identities": "Identities and algorithms, which must hold on every run",
    "questions": "Our questions, which the paper does not ask",
}
"""Kinds of claims that are never counted together, with their titles."""


@dataclass(frozen=True)
class Standing:
    """How a paper stands.

    Attributes
    ----------
    paper : Paper
    headlines : list of Headline
    counts : dict
        Group to the count of each word, repeats left out.
    controls : dict of str to dict of str to int
        Control to the count of each answer, over the methods and tasks that were asked about.
    asked_on : str
        The data on which the controls were asked; empty where no run asked.

    Examples
    --------
    >>> from collections import Counter
    >>> from fairtut.evidence.claims import Paper
    >>> from fairtut.page.scoreboard import Standing
    >>> words = Counter({"trend reproduced": 2, "partly": 1, "inconclusive": 1, "not tested": 5})
    >>> paper = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy2020", "07_toy")
    >>> print(Standing(paper, [], {"paper": words}, {}, "").answer)  # five were not tested
    Of 4 claims of the paper that we could test, 2 hold, 1 fail at least in part, and 1 are open.
    """

    paper: Paper
    headlines: list[Headline]
    counts: dict[str, Counter[str]]
    controls: dict[str, Counter[str]]
    asked_on: str

    @property
    def answer(self) -> str:
        """How many of the paper's claims hold, fail, and are open, in one sentence."""
        words = self.counts["paper"]
        held = sum(words[word] for word in HOLDS)
        failed = words["not reproduced"] + words["partly"]
        tested = sum(words.values()) - words["not tested"]
        near = f"{words['consistent']} are consistent, " if words["consistent"] else ""
        return (
            f"Of {tested} claims of the paper that we could test, {held} hold, {near}{failed} fail "
            f"at least in part, and {words['inconclusive']} are open."
        )


def group(verdict: Verdict) -> str:
    """Return the key of :data:`GROUPS` that a verdict is counted under.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    str
        ``identities`` for every exact claim, ``questions`` for what only we ask, else the source.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fairtut.evidence.claims import Claim
    >>> from fairtut.evidence.verdicts import judge
    >>> from fairtut.page.scoreboard import group
    >>> claim = Claim("toy", "toy", "gain", "T", "It helps.", "direction", "accuracy", "fraction",
    ...               direction="positive", effect=1.0, measure=("gain",))
    >>> [group(v) for v in judge([claim, replace(claim, id="asked", source="ours")], records=[])]
    ['paper', 'questions']
    """
    if verdict.kind == "exact":
        return "identities"
    return "questions" if verdict.question else verdict.source


def standing(paper: Paper, verdicts: Iterable[Verdict], records: Sequence[Record]) -> Standing:
    """Return how a paper stands, from the verdicts on its claims and the records.

    Parameters
    ----------
    paper : Paper
    verdicts : iterable of Verdict
        Of all papers, or of this one.
    records : sequence of Record
        The controls are read from the best of them that counts and asked.

    Returns
    -------
    Standing

    Raises
    ------
    fairtut.errors.UnknownName
        If the paper has no claims file.

    Examples
    --------
    The run beats noise, and no control else was asked about:

    >>> from unittest.mock import patch
    >>> from fairtut.evidence.claims import Paper
    >>> from fairtut.evidence.records import Record
    >>> from fairtut.page.scoreboard import standing
    >>> paper = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy2020", "07_toy")
    >>> run = Record("toy", "laptop", "synthetic")
    >>> _ = run.measure("beats.ours.noise", [0.1, 0.1], n=100, unit="fraction")
    >>> with patch("fairtut.page.scoreboard.load_messages", return_value=[]):
    ...     found = standing(paper, [], [run])
    >>> found.asked_on, dict(found.controls["noise"]), dict(found.controls["mixing"])
    ('synthetic', {'yes': 1}, {})
    """
    own = [v for v in verdicts if v.paper == paper.id]
    counts = {name: Counter[str]() for name in GROUPS}
    for verdict in own:
        if verdict.repeats is None:
            counts[group(verdict)][verdict.verdict] += 1
    found, asked_on = _controls([r for r in records if r.chapter == chapter_id(paper.chapter)])
    return Standing(paper, judge_messages(load_messages(paper.id), own), counts, found, asked_on)


def _controls(records: Sequence[Record]) -> tuple[dict[str, Counter[str]], str]:
    """Return the answers to the five questions, from the best record that asked them."""
    ordered = sorted(records, key=lambda r: (r.preset != "paper", r.data != "real", r.name))
    for record in (r for r in ordered if r.preset != "smoke" and not fault(r)):
        found = {name: Counter[str]() for name in CONTROLS}
        for id, measured in record.measurements.items():
            control = id.rsplit(".", 1)[-1]
            if id.startswith("beats.") and control in found:
                found[control][beats(measured.standard())] += 1
        if any(found.values()):
            return found, record.data
    return {}, ""
