"""Reading a claims file: every key checked, every error with its fix.

The keys are told in :mod:`fairtut.evidence.claims`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from fairtut.errors import RecordError
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
from fairtut.evidence.fields import (
    check_keys,
    choice,
    number,
    optional_choice,
    read_yaml,
    short,
    text,
)

_PAPER_KEYS: Final = ("paper", "title", "authors", "venue", "year", "citation", "chapter", "claims")
_PAPER_OPTIONAL: Final = ("messages", "apart", "initialisations", "changes")
_MESSAGE_KEYS: Final = ("id", "says", "where", "children")
_CLAIM_REQUIRED: Final = ("id", "where", "says", "kind", "metric", "unit")
_CLAIM_OPTIONAL: Final = (
    *("value", "tolerance", "wide", "runs", "direction", "effect", "limit", "granted", "scaled"),
    *("measure", "shown", "rival", "works", "data", "source", "untested"),
)
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


def read_claims(path: str | os.PathLike[str]) -> tuple[Paper, list[Claim]]:
    """Read and check one claims file.

    Returns
    -------
    tuple
        The :class:`Paper` and its claims, in the order of the file.

    Raises
    ------
    fairtut.errors.RecordError
        If the file does not follow the schema.
    """
    file = Path(path)
    body = read_yaml(file)
    where = file.name
    check_keys(body, where, required=_PAPER_KEYS, optional=_PAPER_OPTIONAL)
    texts = {key: text(body, key, where) for key in _PAPER_KEYS if key not in ("year", "claims")}
    if texts["paper"] != file.stem:
        raise RecordError(
            f"{where}: paper {texts['paper']!r} is not the file's name: rename the file to "
            f"{texts['paper']}.yaml or set paper: {file.stem}"
        )
    if not isinstance(body["year"], int) or isinstance(body["year"], bool):
        raise RecordError(
            f"{where}: year {short(body['year'])} must be a whole number such as 2020"
        )
    if not isinstance(body["claims"], list):
        raise RecordError(f"{where}: claims must be a list of claims, each starting with `- id:`")
    head = Paper(
        texts["paper"],
        texts["title"],
        texts["authors"],
        texts["venue"],
        body["year"],
        texts["citation"],
        texts["chapter"],
        _messages(body.get("messages", []), texts["paper"], where),
    )
    claims = [_claim(entry, head, f"{where}: claim {i}") for i, entry in enumerate(body["claims"])]
    _refuse_twins([*(c.id for c in claims), *(m.id for m in head.messages)], where)
    shared = _patterns(body.get("initialisations", []), f"{where}: initialisations")
    marked = [replace(c, initialisations=matches(c.id, shared)) for c in claims]
    apart = _patterns(body.get("apart", []), f"{where}: apart")
    return head, _under(marked, head.messages, apart, where)


def _messages(entries: Any, paper: str, where: str) -> tuple[Message, ...]:
    if not isinstance(entries, list):
        raise RecordError(f"{where}: messages must be a list, each starting with `- id:`")
    found = []
    for i, entry in enumerate(entries):
        at = f"{where}: message {i}"
        if not isinstance(entry, dict):
            raise RecordError(f"{at}: must be a mapping that starts with `- id:`")
        check_keys(entry, at, required=_MESSAGE_KEYS, optional=())
        children = _patterns(entry["children"], f"{at}: children")
        name = text(entry, "id", at)
        _check_id(name, at)
        says, place = text(entry, "says", at), text(entry, "where", at)
        found.append(Message(paper, name, says, place, children))
    return tuple(found)


def _patterns(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RecordError(f"{what} must be a list of claims, or of patterns of them")
    return tuple(value)


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


def _claim(entry: Any, head: Paper, where: str) -> Claim:
    if not isinstance(entry, dict):
        raise RecordError(
            f"{where}: must be a mapping that starts with `- id:`, got {short(entry)}"
        )
    if isinstance(entry.get("id"), str):
        where = f"{where.split(': claim ')[0]}: claim {entry['id']}"
    check_keys(entry, where, required=_CLAIM_REQUIRED, optional=_CLAIM_OPTIONAL)
    texts = {key: text(entry, key, where) for key in _CLAIM_REQUIRED}
    _check_id(texts["id"], where)
    kind = choice(texts["kind"], "kind", KINDS, where)
    _check_kind(entry, kind, where)
    tolerance, wide = _tolerances(entry, kind, where)
    return Claim(
        paper=head.id,
        chapter=chapter_id(head.chapter),
        id=texts["id"],
        where=texts["where"],
        says=texts["says"],
        kind=kind,
        metric=texts["metric"],
        unit=choice(texts["unit"], "unit", tuple(POINT), where),
        value=number(entry, "value", where),
        tolerance=tolerance,
        wide=wide,
        runs=_runs(entry, where),
        direction=optional_choice(entry, "direction", DIRECTIONS, where),
        effect=_default(number(entry, "effect", where), EFFECT if kind == "direction" else None),
        limit=number(entry, "limit", where),
        granted=number(entry, "granted", where) or 0.0,
        scaled=_scaled(entry, where),
        measure=_ids(entry, "measure", where, texts["id"]),
        shown=_shown(entry, where),
        rival=_ids(entry, "rival", where) if "rival" in entry else (),
        works=_ids(entry, "works", where) if "works" in entry else (),
        data=optional_choice(entry, "data", DATA, where) or "synthetic",
        source=optional_choice(entry, "source", SOURCES, where) or "paper",
        untested=text(entry, "untested", where) if "untested" in entry else None,
    )


def _check_id(name: str, where: str) -> None:
    if not ID.fullmatch(name):
        raise RecordError(
            f"{where}: id {name!r} must be lower-case words joined by dots, such as "
            "'table1.lr.clean.accuracy'"
        )


def _check_kind(entry: Mapping[str, Any], kind: str, where: str) -> None:
    """Check that a claim has what its kind asks for, and nothing that belongs to another kind."""
    missing = [key for key in _NEEDS[kind] if key not in entry]
    if missing:
        raise RecordError(
            f"{where}: {missing[0]} is missing: kind {kind!r} needs {', '.join(_NEEDS[kind])}, "
            "fixed before the run"
        )
    foreign = [key for key in _OWN if key in entry and key not in (*_NEEDS[kind], *_MAY[kind])]
    if foreign:
        raise RecordError(
            f"{where}: {foreign[0]} does not belong to kind {kind!r}: delete the key or use "
            f"another kind, one of {', '.join(KINDS)}"
        )
    for key in ("tolerance", "wide", "effect", "limit", "granted"):
        value = number(entry, key, where)
        if value is not None and value < 0:
            raise RecordError(f"{where}: {key} {value:g} must not be negative")


def _tolerances(
    entry: Mapping[str, Any], kind: str, where: str
) -> tuple[float | None, float | None]:
    """Return the tolerance and the widest half-width, with what a kind assumes."""
    tolerance, wide = number(entry, "tolerance", where), number(entry, "wide", where)
    if kind == "exact":
        return _default(tolerance, EXACT_TOLERANCE), None
    return tolerance, _default(wide, None if tolerance is None else WIDE * tolerance)


def _default(value: float | None, other: float | None) -> float | None:
    return other if value is None else value


def _runs(entry: Mapping[str, Any], where: str) -> int:
    value = entry.get("runs", 1)
    if type(value) is not int or value < 1:
        raise RecordError(f"{where}: runs {short(value)} must be a whole number, at least 1")
    return value


def _scaled(entry: Mapping[str, Any], where: str) -> bool:
    value = entry.get("scaled", False)
    if not isinstance(value, bool):
        raise RecordError(f"{where}: scaled {short(value)} must be true or false")
    return value


def _refuse_twins(ids: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise RecordError(f"{where}: claim {name}: id is used twice: rename one of them")
        seen.add(name)


def _shown(entry: Mapping[str, Any], where: str) -> str | None:
    if "shown" not in entry:
        return None
    name = text(entry, "shown", where)
    if not ID.fullmatch(name):
        raise RecordError(f"{where}: shown {name!r} must be a measurement id: words joined by dots")
    return name


def _ids(entry: Mapping[str, Any], key: str, where: str, default: str = "") -> tuple[str, ...]:
    value = entry.get(key, default)
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and ID.fullmatch(name) for name in names):
        raise RecordError(
            f"{where}: {key} {short(value)} must be a measurement id or a list of them: "
            "lower-case words joined by dots"
        )
    if len(set(names)) < len(names):
        raise RecordError(f"{where}: {key} names the same measurement twice: keep one")
    return tuple(names)
