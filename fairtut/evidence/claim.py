"""What a claim is: its kinds, units and sources, as classes.

:mod:`fairtut.evidence.claims` reads them from files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

KINDS: Final = ("exact", "number", "direction", "bound", "same")
DATA: Final = ("synthetic", "real", "any")
SOURCES: Final = ("paper", "released code", "replication", "ours")
DIRECTIONS: Final = ("positive", "negative")
POINT: Final[Mapping[str, float]] = {
    "fraction": 0.01,
    "points": 1.0,
    "nats": 0.01,
    "ratio": 0.01,
    "count": 1.0,
    "s": 1.0,
}
"""How much one point is, in each unit that a claim or a measurement may have."""

EXACT_TOLERANCE: Final = 1e-6
EFFECT: Final = 1.0
"""Points of the smallest effect that matters, the same for every direction that names no other."""
WIDE: Final = 3.0
"""A prediction interval is too wide to agree with anything beyond so many tolerances."""
ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
"""What the id of a claim or of a measurement looks like."""


@dataclass(frozen=True)
class Message:
    """A headline of a paper, in its own sense: a root of the tree of claims.

    Attributes
    ----------
    paper, id, says, where
        As in a claim.
    children : tuple of str
        Patterns of the claims below it.

    Examples
    --------
    >>> from fairtut.evidence.claim import Message
    >>> message = Message("toy", "headline.fair", "It is fair.", "Abstract", ("*.gap",))
    >>> message.holds("table1.lr.gap"), message.holds("table1.lr.accuracy")
    (True, False)
    """

    paper: str
    id: str
    says: str
    where: str
    children: tuple[str, ...]

    def holds(self, claim: str) -> bool:
        """Tell whether a claim's id is one of its children."""
        return matches(claim, self.children)


@dataclass(frozen=True)
class Paper:
    """The head of a claims file: which paper it is about and where its chapter stands.

    Attributes
    ----------
    id, title, authors, venue, year, citation, chapter
        As the file has them, with ``paper`` as the id: the table in :mod:`fairtut.evidence.claims`
        says what each is.
    messages : tuple of Message
        The paper's headlines.

    Examples
    --------
    >>> from fairtut.evidence.claim import Paper, chapter_id
    >>> paper = Paper("toy", "A toy", "Ada", "ICML", 2020, "toy2020", "07_toy")
    >>> chapter_id(paper.chapter), paper.messages
    ('toy', ())
    """

    id: str
    title: str
    authors: str
    venue: str
    year: int
    citation: str
    chapter: str
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One thing that a paper says, and how it is to be tested.

    The fields are the keys of the table in :mod:`fairtut.evidence.claims`; ``chapter`` is the
    chapter that measures it (:func:`~fairtut.evidence.claim.chapter_id` of the file's
    ``chapter``), ``parent`` the message above it, ``initialisations`` whether its seeds share one
    training.
    """

    paper: str
    chapter: str
    id: str
    where: str
    says: str
    kind: str
    metric: str
    unit: str
    value: float | None = None
    tolerance: float | None = None
    wide: float | None = None
    runs: int = 1
    direction: str | None = None
    effect: float | None = None
    limit: float | None = None
    granted: float = 0.0
    scaled: bool = False
    measure: tuple[str, ...] = ()
    shown: str | None = None
    rival: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    data: str = "synthetic"
    source: str = "paper"
    parent: str | None = None
    initialisations: bool = False
    untested: str | None = None

    @property
    def point(self) -> float:
        """One point in the claim's unit."""
        return POINT[self.unit]

    @property
    def sign(self) -> float:
        """1 where more supports the claim, -1 where less does."""
        return -1.0 if self.direction == "negative" else 1.0

    @property
    def question(self) -> bool:
        """Whether it is a question of ours, whose answer counts for no paper."""
        return self.source == "ours" and self.kind != "exact"

    @property
    def leaf(self) -> bool:
        """Whether it counts as a claim of the paper (not ours, and no identity)."""
        return self.source == "paper" and self.kind != "exact"


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a name is one of these, or fits one of these patterns.

    Parameters
    ----------
    name : str
        Such as the id of a claim.
    patterns : iterable of str
        As :func:`fnmatch.fnmatchcase` takes them: ``*`` stands for anything, dots too.

    Returns
    -------
    bool
        False without patterns.

    Examples
    --------
    >>> from fairtut.evidence.claim import matches
    >>> matches("table1.lr.accuracy", ["table2.*", "*.accuracy"])
    True
    >>> matches("table1.lr.accuracy", ["table1.lr"])
    False
    """
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def chapter_id(name: str) -> str:
    """Return a chapter's id, its notebook's stem without the number: ``01_frtrain`` → ``frtrain``.

    This is the name that records and their folders carry, so that renumbering the book moves no
    result.

    Examples
    --------
    >>> from fairtut.evidence.claim import chapter_id
    >>> chapter_id("02_faap")
    'faap'
    """
    return re.sub(r"^\d+_", "", name)
