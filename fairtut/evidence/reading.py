"""Reading a claims file: every key checked, every error with its fix.

The keys are told in :mod:`fairtut.evidence.claims`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from fairtut.errors import RecordError
from fairtut.evidence.checked import (
    ABSENT,
    LARGEST,
    Line,
    Number,
    Strict,
    checked,
    one_of,
)
from fairtut.evidence.claim import (
    DATA,
    DIRECTIONS,
    EFFECT,
    EXACT_TOLERANCE,
    ID,
    KINDS,
    POINT,
    SOURCES,
    WIDE,
    Claim,
    Message,
    Paper,
    chapter_id,
    matches,
)
from fairtut.evidence.fields import read_yaml

_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "exact": ("value",),
    "number": ("value", "tolerance"),
    "direction": ("direction",),
    "bound": ("direction", "limit"),
    "same": ("limit",),
}
"""What each kind asks for."""
_MAY: Final[Mapping[str, tuple[str, ...]]] = {
    "exact": ("tolerance",),
    "number": ("wide", "runs"),
    "direction": ("effect", "scaled", "shown", "rival", "works"),
    "bound": ("granted", "scaled", "shown", "rival", "works"),
    "same": ("scaled", "shown", "rival", "works"),
}
"""And what else it may have, of the keys that not every kind has."""
_OWN: Final = ("tolerance", "wide", "runs", "direction", "effect", "limit", "granted", "scaled",
               "shown", "rival", "works")  # fmt: skip

Id = Annotated[str, Field(pattern=f"^(?:{ID.pattern})$")]
Ids = Id | Annotated[list[Id], Field(min_length=1)]
Points = Annotated[float, Field(ge=0, le=LARGEST)]

_LINE: Final = "text: write it in quotes"
_NUMBER: Final = "a finite number: write it unquoted"
_POINTS: Final = "a finite number that is not negative: write it unquoted"
_WORDS: Final = "lower-case words joined by dots, such as 'table1.lr.clean.accuracy'"
_IDS: Final = "a measurement id, lower-case words joined by dots, or a list of them"
_PATTERNS: Final = "a list of claims, or of patterns of them"


class MessageEntry(Strict):
    """A headline of the paper.

    Examples
    --------
    >>> from fairtut.evidence.checked import checked
    >>> from fairtut.evidence.reading import MessageEntry
    >>> entry = {"id": "fair", "says": "It is fair.", "where": "Abstract", "children": "*.gap"}
    >>> checked(MessageEntry, entry, "toy.yaml: message 0")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: toy.yaml: message 0: children '*.gap' must be
        a list of claims, or of patterns of them
    """

    id: Id = Field(description=_WORDS)
    says: Line = Field(description=_LINE)
    where: Line = Field(description=_LINE)
    children: list[str] = Field(description=_PATTERNS)


class ClaimEntry(Strict):
    """One claim; which keys it may have hangs on its kind.

    Examples
    --------
    >>> from fairtut.evidence.checked import checked
    >>> from fairtut.evidence.reading import ClaimEntry
    >>> entry = {"id": "a.gap", "where": "Table 1", "says": "It is fair.", "kind": "same"}
    >>> entry |= {"metric": "gap", "unit": "points"}
    >>> checked(ClaimEntry, {**entry, "limit": 1}, "toy.yaml: claim a.gap").source
    'paper'
    >>> checked(ClaimEntry, entry, "toy.yaml: claim a.gap")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: toy.yaml: claim a.gap: limit is missing:
        kind 'same' needs limit, fixed before the run
    """

    id: Id = Field(description=_WORDS)
    where: Line = Field(description=_LINE)
    says: Line = Field(description=_LINE)
    kind: str = one_of(KINDS)
    metric: Line = Field(description=_LINE)
    unit: str = one_of(POINT)
    value: Number = Field(default=ABSENT, description=_NUMBER)
    tolerance: Points = Field(default=ABSENT, description=_POINTS)
    wide: Points = Field(default=ABSENT, description=_POINTS)
    runs: int = Field(default=1, ge=1, description="a whole number, at least 1")
    direction: str = one_of(DIRECTIONS, ABSENT)
    effect: Points = Field(default=ABSENT, description=_POINTS)
    limit: Points = Field(default=ABSENT, description=_POINTS)
    granted: Points = Field(default=0.0, description=_POINTS)
    scaled: bool = Field(default=False, description="true or false")
    measure: Ids = Field(default=ABSENT, description=_IDS)
    shown: Id = Field(default=ABSENT, description="a measurement id: words joined by dots")
    rival: Ids = Field(default=[], description=_IDS)
    works: Ids = Field(default=[], description=_IDS)
    data: str = one_of(DATA, "synthetic")
    source: str = one_of(SOURCES, "paper")
    untested: Line = Field(default=ABSENT, description=_LINE)

    @model_validator(mode="after")
    def _of_its_kind(self) -> ClaimEntry:
        """Check that it has what its kind asks for, and nothing that belongs to another kind."""
        given, needs = self.model_fields_set, _NEEDS[self.kind]
        for key in needs:
            if key not in given:
                raise ValueError(
                    f"{key} is missing: kind {self.kind!r} needs {', '.join(needs)}, fixed before "
                    "the run"
                )
        for key in _OWN:
            if key in given and key not in (*needs, *_MAY[self.kind]):
                raise ValueError(
                    f"{key} does not belong to kind {self.kind!r}: delete the key or use another "
                    f"kind, one of {', '.join(KINDS)}"
                )
        for key in ("measure", "rival", "works"):
            names = getattr(self, key)
            if isinstance(names, list) and len(set(names)) < len(names):
                raise ValueError(f"{key} names the same measurement twice: keep one")
        return self


class PaperFile(Strict):
    """A claims file: its head; claims, headlines and changes are checked one by one.

    Examples
    --------
    >>> from fairtut.evidence.checked import checked
    >>> from fairtut.evidence.reading import PaperFile
    >>> body = {"paper": "toy", "title": "A toy", "authors": "Ada", "venue": "ICML", "year": 2020}
    >>> body |= {"citation": "toy2020", "chapter": "07_toy", "claims": []}
    >>> checked(PaperFile, body, "toy.yaml").messages
    []
    >>> checked(PaperFile, {**body, "autors": "Grace"}, "toy.yaml")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: toy.yaml: unknown key 'autors': did you mean 'authors'?
    """

    paper: Line = Field(description=_LINE)
    title: Line = Field(description=_LINE)
    authors: Line = Field(description=_LINE)
    venue: Line = Field(description=_LINE)
    year: int = Field(description="a whole number such as 2020")
    citation: Line = Field(description=_LINE)
    chapter: Line = Field(description=_LINE)
    claims: list[Any] = Field(description="a list of claims, each starting with `- id:`")
    messages: list[Any] = Field(default=[], description="a list, each starting with `- id:`")
    apart: list[str] = Field(default=[], description=_PATTERNS)
    initialisations: list[str] = Field(default=[], description=_PATTERNS)
    changes: Any = None


def read_claims(path: str | os.PathLike[str]) -> tuple[Paper, list[Claim]]:
    """Read and check one claims file.

    Parameters
    ----------
    path : path-like
        A file in YAML, as :mod:`fairtut.evidence.claims` tells it, named after its paper.

    Returns
    -------
    tuple
        The :class:`~fairtut.evidence.claim.Paper` and its claims, in the order of the file.

    Raises
    ------
    fairtut.errors.RecordError
        If the file does not follow the schema.

    Examples
    --------
    A direction that names no effect and no measurement has one point, and its own id.

    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from fairtut.evidence.reading import read_claims
    >>> claim = {"id": "a.gap", "where": "Table 1", "says": "It is fair.", "kind": "direction"}
    >>> claim |= {"metric": "gap", "unit": "points", "direction": "negative"}
    >>> body = {"paper": "toy", "title": "A toy", "authors": "Ada", "venue": "ICML", "year": 2020}
    >>> body |= {"citation": "toy2020", "chapter": "07_toy", "claims": [claim]}
    >>> with tempfile.TemporaryDirectory() as here:
    ...     path = Path(here, "toy.yaml")
    ...     _ = path.write_text(json.dumps(body))  # JSON is YAML, too
    ...     paper, claims = read_claims(path)
    >>> paper.chapter, claims[0].effect, claims[0].measure
    ('07_toy', 1.0, ('a.gap',))
    """
    file = Path(path)
    where = file.name
    body = checked(PaperFile, read_yaml(file), where)
    if body.paper != file.stem:
        raise RecordError(
            f"{where}: paper {body.paper!r} is not the file's name: rename the file to "
            f"{body.paper}.yaml or set paper: {file.stem}"
        )
    messages = tuple(
        _message(checked(MessageEntry, entry, f"{where}: message {i}"), body.paper)
        for i, entry in enumerate(body.messages)
    )
    head = Paper(
        id=body.paper,
        title=body.title,
        authors=body.authors,
        venue=body.venue,
        year=body.year,
        citation=body.citation,
        chapter=body.chapter,
        messages=messages,
    )
    claims = [
        _claim(checked(ClaimEntry, entry, f"{where}: claim {_called(entry, i)}"), head)
        for i, entry in enumerate(body.claims)
    ]
    _refuse_twins([*(c.id for c in claims), *(m.id for m in head.messages)], where)
    marked = [replace(c, initialisations=matches(c.id, body.initialisations)) for c in claims]
    return head, _under(marked, head.messages, body.apart, where)


def _called(entry: Any, number: int) -> str | int:
    """Return a claim's id where it can be read, else its number in the file."""
    named = entry.get("id") if isinstance(entry, dict) else None
    return named if isinstance(named, str) else number


def _message(entry: MessageEntry, paper: str) -> Message:
    return Message(paper, entry.id, entry.says, entry.where, tuple(entry.children))


def _claim(entry: ClaimEntry, head: Paper) -> Claim:
    """Return the claim, with what its kind assumes where the file says nothing."""
    fields = {key: getattr(entry, key) for key in ClaimEntry.model_fields}
    if entry.kind == "exact" and entry.tolerance is None:
        fields["tolerance"] = EXACT_TOLERANCE
    if entry.kind == "number" and entry.wide is None:
        fields["wide"] = WIDE * entry.tolerance
    if entry.kind == "direction" and entry.effect is None:
        fields["effect"] = EFFECT
    fields["measure"] = entry.id if entry.measure is None else entry.measure
    for key in ("measure", "rival", "works"):
        names = fields[key]
        fields[key] = (names,) if isinstance(names, str) else tuple(names)
    return Claim(paper=head.id, chapter=chapter_id(head.chapter), **fields)


def _under(
    claims: Sequence[Claim], messages: Sequence[Message], apart: Sequence[str], where: str
) -> list[Claim]:
    """Give every claim of the paper its parent; each has exactly one, or stands apart.

    An identity of the paper has one where a headline names it in full.
    """
    if not messages:
        return list(claims)
    found = []
    for claim in claims:
        wanted = claim.leaf and not matches(claim.id, apart)
        named = claim.source == "paper" and any(claim.id in m.children for m in messages)
        above = [m.id for m in messages if m.holds(claim.id)] if wanted or named else []
        if (wanted or named) and len(above) != 1:
            what = f"stands below {', '.join(above)}" if above else "stands below no message"
            raise RecordError(
                f"{where}: claim {claim.id} {what}: name it in the children of exactly one"
            )
        found.append(replace(claim, parent=above[0] if above else None))
    idle = [m.id for m in messages if not any(c.parent == m.id for c in found)]
    if idle:
        raise RecordError(f"{where}: message {idle[0]} has no claim below it: name its children")
    return found


def _refuse_twins(ids: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise RecordError(f"{where}: claim {name}: id is used twice: rename one of them")
        seen.add(name)
