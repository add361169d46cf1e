"""Verdicts: what the records say about each claim.

A verdict is always computed by :func:`judge` from claims that were written before the run and from
records of runs; nobody types one.  The words and the rules are in :mod:`fairtut.evidence.rules`,
what follows for a paper's headlines is in :mod:`fairtut.evidence.messages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from fairtut.errors import RecordError
from fairtut.evidence import rules
from fairtut.evidence.claim import Claim
from fairtut.evidence.discoveries import RATE, limits, lost
from fairtut.evidence.records import Record
from fairtut.evidence.rules import ANSWERS, GOOD, HOLDS, RULES, WORDS, Part
from fairtut.evidence.spelling import spelled
from fairtut.evidence.standing import fault
from fairtut.runtime.presets import PRESETS, choose

VERDICTS: Final = tuple(WORDS)
"""The words for a claim; a question of ours has one of :data:`~fairtut.evidence.rules.ANSWERS`."""

__all__ = ["ANSWERS", "HOLDS", "RULES", "VERDICTS", "Part", "Verdict", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What the records say about one claim.

    Attributes
    ----------
    paper, id, parent, source, kind, scaled, where, says
        From the claim.
    question : bool
        Whether it is a question of ours, which counts for no paper.
    verdict : str
        One of :data:`VERDICTS`, of a question one of :data:`~fairtut.evidence.rules.ANSWERS`.
    reason : str
        A plain sentence with the numbers.
    values : dict
        ``paper`` (its number or None), ``ours`` (mean), ``low``, ``high`` (interval; for an exact
        claim none), ``trainings``, ``people``, ``delta_points``
        (ours - paper), ``tolerance``, ``unit``.  With several measurements: those of the first
        part that has the verdict's word.
    decide : str
        What would decide it, where it is inconclusive.
    record : str or None
        The name of the record that decided it.
    repeats : str or None
        The earlier claim whose measurements it repeats: counted once.
    parts : tuple of Part
        One per measurement.

    Examples
    --------
    The paper's own claim counts for it; an identity or a repeat would not.

    >>> from fairtut.evidence.verdicts import Verdict
    >>> about = ("toy", "gain", None, "paper", "direction", False, False)
    >>> verdict = Verdict(*about, "trend reproduced", "", "Table 1", "It gains.", {})
    >>> verdict.holds, verdict.leaf
    (True, True)
    >>> verdict.as_dict()["record"] is None
    True
    """

    paper: str
    id: str
    parent: str | None
    source: str
    kind: str
    scaled: bool
    question: bool
    verdict: str
    reason: str
    where: str
    says: str
    values: dict[str, Any]
    decide: str = ""
    record: str | None = None
    repeats: str | None = None
    parts: tuple[Part, ...] = field(default=(), repr=False)

    @property
    def holds(self) -> bool:
        """Whether the claim holds, or the question is answered yes."""
        return self.verdict in (*HOLDS, "yes")

    @property
    def leaf(self) -> bool:
        """Whether it counts as one of the paper's claims (no identity, and no repeat)."""
        return self.source == "paper" and self.kind != "exact" and self.repeats is None

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the parts, as JSON can hold it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "parts"}


def judge(
    claims: Iterable[Claim], records: Sequence[Record], preset: str | None = None
) -> list[Verdict]:
    """Compute the verdict on every claim.

    A paper's claims are judged together, because among its directions the share of false
    discoveries is held: pass all of them, and pick afterwards.

    Parameters
    ----------
    claims : iterable of Claim
        From :func:`fairtut.evidence.claims.load_claims`.
    records : sequence of Record
        From :func:`fairtut.evidence.records.load_records`.
    preset : str, optional
        Use only records of this preset; default ``paper`` before ``laptop``, never ``smoke``.

    Returns
    -------
    list of Verdict
        In the order of the claims.  See :data:`~fairtut.evidence.rules.RULES` for the rules.

    Raises
    ------
    fairtut.errors.UnknownName
        If the preset does not exist.
    fairtut.errors.RecordError
        If a claim and its measurement have different units.

    Examples
    --------
    >>> from fairtut.evidence.claim import Claim
    >>> from fairtut.evidence.recording import Record
    >>> from fairtut.evidence.verdicts import judge
    >>> about = ("toy", "toy", "gain", "Table 1", "It gains.", "direction", "accuracy", "fraction")
    >>> claim = Claim(*about, direction="positive", effect=1.0, measure=("gain",))
    >>> record = Record("toy", "laptop", "synthetic")
    >>> _ = record.measure("gain", [0.04, 0.05, 0.06], n=1000, unit="fraction")
    >>> [verdict] = judge([claim], [record])
    >>> verdict.verdict, verdict.reason
    ('trend reproduced', '0.050 [0.025, 0.075] over 3 draws: excludes 0 on the claimed side')
    >>> judge([claim], [record], preset="paper")[0].reason
    'no committed record measures it'
    """
    presets = ("paper", "laptop") if preset is None else (preset,)
    choose(dict.fromkeys(PRESETS), presets[0])
    listed = list(claims)
    chosen = [_chosen(claim, _candidates(claim, records, presets)) for claim in listed]
    found = [_tested(claim, *pick) for claim, pick in zip(listed, chosen, strict=True)]
    same = _repeats(listed, [record for record, _ in chosen], found)
    counted = [v for v, first in zip(found, same, strict=True) if v.leaf and first is None]
    allowed = limits(counted)
    return [
        _worded(claim, record, replace(verdict, repeats=first), allowed.get(claim.paper, RATE))
        for claim, (record, _), verdict, first in zip(listed, chosen, found, same, strict=True)
    ]


def _candidates(claim: Claim, records: Iterable[Record], presets: tuple[str, ...]) -> list[Record]:
    """Return the records that may decide a claim, the preferred one first."""
    fitting = [
        r
        for r in records
        if r.chapter == claim.chapter and r.preset in presets and claim.data in ("any", r.data)
    ]
    return sorted(fitting, key=lambda r: (presets.index(r.preset), r.data != "real", r.name))


def _chosen(claim: Claim, candidates: Sequence[Record]) -> tuple[Record | None, str]:
    """Return the record that decides a claim, or why there is none."""
    if claim.untested:
        return None, claim.untested

    def held(record: Record) -> int:
        return sum(name in record.measurements for name in claim.measure)

    # sorting keeps the order of equals, so a record is passed over only for one that measures more
    able = sorted((r for r in candidates if held(r)), key=held, reverse=True)
    record = next((r for r in able if not fault(r)), None)
    if record is not None:
        return record, ""
    return None, fault(able[0]) if able else "no committed record measures it"


def _tested(claim: Claim, record: Record | None, reason: str) -> Verdict:
    """Test every part of a claim; its word does not know of other claims yet."""
    idle = None if record is None else _idle(claim, record)
    if record is None or idle:
        return _verdict(claim, "not tested", idle or reason, record)
    parts = tuple(_part(claim, name, record) for name in claim.measure)
    return _verdict(claim, rules.joined([p.word for p in parts]), "", record, parts)


def _idle(claim: Claim, record: Record) -> str | None:
    """Say which rival did no more than the constant, or that the method itself did nothing."""
    for name in claim.rival:
        if name in record.measurements:
            gained = [x for x in record.measurements[name].flat() if x is not None]
            if not any(x > 0 for x in gained):
                return f"the rival did not train: {spelled(name)} is never above 0"
    for name in claim.works:
        if name in record.measurements and not record.measurements[name].standard().excludes(0):
            return f"the method's own effect is not beyond 0: {spelled(name)}"
    return None


def _part(claim: Claim, name: str, record: Record) -> Part:
    measurement = record.measurements.get(name)
    if measurement is None:
        reason = f"record {record.name} does not measure it"
        return Part(name, "not tested", reason, rules.blank(claim))
    _check_unit(claim, name, record)
    return rules.test(claim, name, measurement)


def _check_unit(claim: Claim, name: str, record: Record) -> None:
    unit = record.measurements[name].unit
    if unit != claim.unit:
        raise RecordError(
            f"claim {claim.paper}:{claim.id} is in {claim.unit} but {record.name} measures "
            f"{name} in {unit}: give both the same unit"
        )


def _repeats(
    claims: Sequence[Claim], records: Sequence[Record | None], verdicts: Sequence[Verdict]
) -> list[str | None]:
    """Name for each claim an earlier one, where all its measurements were tested before."""
    first: dict[Any, str] = {}
    found: list[str | None] = []
    for claim, record, verdict in zip(claims, records, verdicts, strict=True):
        untested = verdict.verdict == "not tested" or claim.kind == "exact"
        if record is None or untested or not set(claim.measure) <= set(record.measurements):
            found.append(None)
            continue
        value = claim.value if claim.kind == "number" else None
        asked = (claim.effect, claim.limit, claim.granted, claim.tolerance)
        about = (claim.paper, claim.source, claim.kind, claim.direction, value, *asked)
        measured = [record.measurements[name] for name in claim.measure]
        keys = [(*about, str(m.values), m.n, m.people) for m in measured]
        known = [first.get(key) for key in keys]
        found.append(None if None in known else known[0])
        for key in keys:
            first.setdefault(key, claim.id)
    return found


def _worded(claim: Claim, record: Record | None, verdict: Verdict, limit: float) -> Verdict:
    """Give a verdict its last word: after false discoveries, and as an answer for a question."""
    parts = tuple(
        replace(
            part,
            word="inconclusive",
            reason=f"{part.reason}, but not beyond chance among all directions of this paper",
            needs=0,
        )
        if claim.leaf and lost(part.p, limit)
        else part
        for part in verdict.parts
    )
    if parts:
        found = rules.joined([part.word for part in parts])
        verdict = _verdict(claim, found, "", record, parts, verdict.repeats)
    word = rules.answer(verdict.verdict) if claim.question else verdict.verdict
    return replace(verdict, verdict=word)


def _verdict(
    claim: Claim,
    word: str,
    reason: str,
    record: Record | None = None,
    parts: tuple[Part, ...] = (),
    repeats: str | None = None,
) -> Verdict:
    telling = "not reproduced" if word == "partly" else word
    shown = next((p for p in parts if p.word == telling), parts[0] if parts else None)
    values = shown.values if shown else rules.blank(claim)
    if record is not None and parts:
        values = _level(claim, record, values)
    return Verdict(
        paper=claim.paper,
        id=claim.id,
        parent=claim.parent,
        source=claim.source,
        kind=claim.kind,
        scaled=claim.scaled,
        question=claim.question,
        verdict=word,
        reason=reason or _sentence(parts),
        where=claim.where,
        says=claim.says,
        values=values,
        decide=rules.decides(parts) if word == "inconclusive" else "",
        record=None if record is None else record.name,
        repeats=repeats,
        parts=parts,
    )


def _sentence(parts: Sequence[Part]) -> str:
    """Join the parts' reasons; with several, each is led by its measurement's name."""
    if len(parts) == 1:
        return parts[0].reason
    held = sum(part.word in GOOD for part in parts)
    each = "; ".join(f"{spelled(part.measure)}: {part.reason}" for part in parts)
    return f"{held} of {len(parts)} hold: {each}"


def _level(claim: Claim, record: Record, values: dict[str, Any]) -> dict[str, Any]:
    """Put the comparable measurement beside the paper's number; the tested one is in the reason."""
    if claim.shown is None or claim.shown not in record.measurements:
        return values
    _check_unit(claim, claim.shown, record)
    return rules.values(claim, record.measurements[claim.shown])
