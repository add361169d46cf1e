"""What follows for a paper's headlines from the verdicts on its claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fairtut.evidence.claim import Message
from fairtut.evidence.rules import GOOD, HOLDS
from fairtut.evidence.verdicts import Verdict

MOST: Final = 2 / 3
"""The share of the tested claims below a headline that must hold, or fail."""


@dataclass(frozen=True)
class Headline:
    """The verdict on a message.

    Attributes
    ----------
    paper, id, says, where
        From the message.
    verdict : str
        One of :data:`fairtut.evidence.verdicts.VERDICTS`.
    counts : dict of str to int
        Its claims by word; one that repeats another of them is left out.

    Examples
    --------
    >>> from fairtut.evidence.messages import Headline
    >>> words = {"trend reproduced": 2, "inconclusive": 1, "not tested": 1}
    >>> headline = Headline("toy", "fair", "It is fair.", "Abstract", "trend reproduced", words)
    >>> headline.held, headline.tested
    (2, 3)
    >>> headline.reason
    '2 of 3 tested claims hold, 1 is open, 1 more could not be tested'
    """

    paper: str
    id: str
    says: str
    where: str
    verdict: str
    counts: dict[str, int]

    @property
    def held(self) -> int:
        """How many of its claims hold."""
        return sum(self.counts.get(word, 0) for word in HOLDS)

    @property
    def tested(self) -> int:
        """How many of its claims could be tested."""
        return sum(self.counts.values()) - self.counts.get("not tested", 0)

    @property
    def reason(self) -> str:
        """How the word follows from the claims."""
        if not self.tested:
            return f"none of its {sum(self.counts.values())} claims could be tested"
        failed = self.counts.get("not reproduced", 0) + self.counts.get("partly", 0)
        unclear = self.counts.get("inconclusive", 0)
        near, untested = self.counts.get("consistent", 0), self.counts.get("not tested", 0)
        said = [f"{self.held} of {self.tested} tested claims hold"]
        said += [f"{near} {_are(near)} consistent"] if near else []
        said += [f"{failed} fail at least in part"] if failed else []
        said += [f"{unclear} {_are(unclear)} open"] if unclear else []
        said += [f"{untested} more could not be tested"] if untested else []
        return ", ".join(said)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        names = ("paper", "id", "says", "where", "verdict", "counts", "reason")
        return {name: getattr(self, name) for name in names}


def judge_messages(messages: Iterable[Message], verdicts: Sequence[Verdict]) -> list[Headline]:
    """Return the verdict on every message, from those on the claims below it.

    Parameters
    ----------
    messages : iterable of Message
        From :func:`fairtut.evidence.claims.load_messages`.
    verdicts : sequence of Verdict
        From :func:`fairtut.evidence.verdicts.judge`; those of other papers are passed over.

    Returns
    -------
    list of Headline
        In the order of the messages; the rule is :func:`follows`.

    Examples
    --------
    One claim below a headline holds, and another one fails:

    >>> from fairtut.evidence.claim import Message
    >>> from fairtut.evidence.messages import judge_messages
    >>> from fairtut.evidence.verdicts import Verdict
    >>> def said(id, word):
    ...     about = ("toy", id, "fair", "paper", "direction", False, False)
    ...     return Verdict(*about, word, "", "", "", {})
    >>> verdicts = [said("a.gap", "trend reproduced"), said("b.gap", "not reproduced")]
    >>> message = Message("toy", "fair", "It is fair.", "Abstract", ("*.gap",))
    >>> [headline] = judge_messages([message], verdicts)
    >>> headline.verdict, headline.reason
    ('partly', '1 of 2 tested claims hold, 1 fail at least in part')
    """
    return [_headline(message, verdicts) for message in messages]


def follows(counts: Counter[str]) -> str:
    """Return a headline's word from the words of its claims.

    >>> follows(Counter({"trend reproduced": 5, "inconclusive": 2}))
    'trend reproduced'
    >>> follows(Counter({"trend reproduced": 5, "not reproduced": 1}))
    'partly'
    """
    tested = sum(counts.values()) - counts["not tested"]
    good = sum(counts[word] for word in GOOD)
    failed = counts["not reproduced"]
    if not tested:
        return "not tested"
    if counts["partly"] or (sum(counts[word] for word in HOLDS) and failed):
        return "partly"
    if not good and failed >= MOST * tested:
        return "not reproduced"
    if not failed and good >= MOST * tested:
        return next(word for word in GOOD if counts[word])
    return "inconclusive"


def _once(below: Sequence[Verdict]) -> list[Verdict]:
    """Leave out what repeats: the same evidence may stand below another headline, too."""
    named, seen, found = {v.id for v in below}, set[tuple[Any, ...]](), []
    for verdict in below:
        about = (verdict.kind, verdict.values["paper"] if verdict.kind == "number" else None)
        tested = {(*about, p.measure) for p in verdict.parts if p.word != "not tested"}
        if verdict.repeats not in named and not (tested and tested <= seen):
            found.append(verdict)
        seen |= tested
    return found


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _headline(message: Message, verdicts: Sequence[Verdict]) -> Headline:
    below = [v for v in verdicts if v.paper == message.paper and v.parent == message.id]
    counts = Counter(v.verdict for v in _once(below))
    return Headline(
        message.paper, message.id, message.says, message.where, follows(counts), dict(counts)
    )
