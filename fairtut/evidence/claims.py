"""Claims: what a paper says, written down with a tolerance before anything is run.

``fairtut/claims/<paper>.yaml`` has these keys (*required* first, the others with their default):

===============  ===================================================================================
``paper``        the paper's id, which is the file's name without ``.yaml``
``title``        its title
``authors``      one line, as the reader should see it
``venue``        where it appeared
``year``         when
``citation``     its key in ``book/references.bib``
``chapter``      the stem of its notebook, such as ``01_frtrain``
``claims``       a list of claims
``changes``      none yet; what was changed since, when and why: :mod:`fairtut.evidence.changes`
===============  ===================================================================================

and each claim has

===============  ===================================================================================
``id``           unique in the file, words joined by dots: ``table1.frtrain.poisoned.accuracy``
``where``        table, figure, theorem or slide, and the row
``says``         one plain sentence, in our words, of what the paper says
``kind``         ``exact`` | ``number`` | ``trend`` | ``scaled``: the rule, as in
                 :mod:`fairtut.evidence.verdicts`
``metric``       what is measured, such as ``accuracy``
``unit``         ``fraction`` | ``points`` | ``nats`` | ``ratio`` | ``count`` | ``s``
``value``        the paper's number: required by ``exact`` and ``number``, optional (for the table
                 only) otherwise
``tolerance``    ``number``: required, in points; ``exact``: absolute, in the claim's unit, 1e-6;
                 a ``trend`` and a ``scaled`` claim have none
``direction``    ``trend`` and ``scaled``: required, ``positive`` or ``negative``, the sign of the
                 measured difference that supports the claim; the other kinds have none
``measure``      the measurement, or the list of measurements, that test it: the claim's ``id``
``shown``        for a trend or scaled claim: the measurement that is comparable with ``value`` and
                 shown beside it, where the tested one is a difference
``data``         the data it is tested on: ``synthetic`` (default) | ``real`` | ``any``
``origin``       ``paper`` (default) | ``audit`` (a claim about the released code) | ``control``
                 (a question that the paper does not ask)
``untested``     why no measurement is expected; then the verdict is "not tested" with this reason
===============  ===================================================================================

One **point** is .01 of a fraction, ratio or nat, and one unit of points, counts and seconds
(:data:`POINT`).  Anything else in the file is an error that names the file, the claim, the key and
the fix.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from fairtut.errors import RecordError, UnknownName
from fairtut.evidence.fields import (
    check_keys,
    choice,
    number,
    optional_choice,
    read_yaml,
    short,
    text,
)

KINDS: Final = ("exact", "number", "trend", "scaled")
DATA: Final = ("synthetic", "real", "any")
ORIGINS: Final = ("paper", "audit", "control")
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
CLAIMS_DIR: Final = Path(__file__).resolve().parents[1] / "claims"

_PAPER_KEYS: Final = ("paper", "title", "authors", "venue", "year", "citation", "chapter", "claims")
_CLAIM_REQUIRED: Final = ("id", "where", "says", "kind", "metric", "unit")
_CLAIM_OPTIONAL: Final = (
    "value",
    "tolerance",
    "direction",
    "measure",
    "shown",
    "data",
    "origin",
    "untested",
)
ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
"""What the id of a claim or of a measurement looks like."""


@dataclass(frozen=True)
class Paper:
    """The head of a claims file: which paper it is about and where its chapter stands."""

    id: str
    title: str
    authors: str
    venue: str
    year: int
    citation: str
    chapter: str


@dataclass(frozen=True)
class Claim:
    """One thing that a paper says, and how it is to be tested (fields as in the module's table).

    ``chapter`` is the chapter that measures it (:func:`chapter_id` of the file's ``chapter``);
    ``tolerance`` is in points for a ``number``, in the claim's unit for an ``exact`` claim.
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
    direction: str | None = None
    measure: tuple[str, ...] = ()
    shown: str | None = None
    data: str = "synthetic"
    origin: str = "paper"
    untested: str | None = None


def chapter_id(name: str) -> str:
    """Return a chapter's id, its notebook's stem without the number: ``01_frtrain`` → ``frtrain``.

    This is the name that records and their folders carry, so that renumbering the book moves no
    result.
    """
    return re.sub(r"^\d+_", "", name)


def papers(directory: str | os.PathLike[str] | None = None) -> dict[str, Paper]:
    """Return every paper that has a claims file, by id, in the order of their chapters.

    Parameters
    ----------
    directory : path-like, optional
        Where the files are; default the package's own.

    Raises
    ------
    fairtut.errors.RecordError
        If a file does not follow the schema.
    """
    heads = [read_claims(path)[0] for path in _files(directory)]
    return {head.id: head for head in sorted(heads, key=lambda head: (head.chapter, head.id))}


def load_claims(
    paper: str | None = None, directory: str | os.PathLike[str] | None = None
) -> list[Claim]:
    """Return the claims of one paper, or of all papers in the order of their chapters.

    Parameters
    ----------
    paper : str, optional
        A paper's id.
    directory : path-like, optional
        Where the files are; default the package's own.

    Raises
    ------
    fairtut.errors.UnknownName
        If no file is about ``paper``.
    fairtut.errors.RecordError
        If a file does not follow the schema.
    """
    files = _files(directory)
    known = [path.stem for path in files]
    if paper is not None:
        if paper not in known:
            raise UnknownName.of("paper", paper, known)
        return read_claims(files[known.index(paper)])[1]
    read = sorted((read_claims(path) for path in files), key=lambda r: (r[0].chapter, r[0].id))
    return [claim for _, claims in read for claim in claims]


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
    check_keys(body, where, required=_PAPER_KEYS, optional=("changes",))
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
    )
    claims = [_claim(entry, head, f"{where}: claim {i}") for i, entry in enumerate(body["claims"])]
    _refuse_twins((claim.id for claim in claims), where)
    return head, claims


def _files(directory: str | os.PathLike[str] | None) -> list[Path]:
    return sorted(Path(directory or CLAIMS_DIR).glob("*.yaml"))


def _claim(entry: Any, head: Paper, where: str) -> Claim:
    if not isinstance(entry, dict):
        raise RecordError(
            f"{where}: must be a mapping that starts with `- id:`, got {short(entry)}"
        )
    if isinstance(entry.get("id"), str):
        where = f"{where.split(': claim ')[0]}: claim {entry['id']}"
    check_keys(entry, where, required=_CLAIM_REQUIRED, optional=_CLAIM_OPTIONAL)
    texts = {key: text(entry, key, where) for key in _CLAIM_REQUIRED}
    if not ID.fullmatch(texts["id"]):
        raise RecordError(
            f"{where}: id {texts['id']!r} must be lower-case words joined by dots, such as "
            "'table1.lr.clean.accuracy'"
        )
    kind = choice(texts["kind"], "kind", KINDS, where)
    claim = Claim(
        paper=head.id,
        chapter=chapter_id(head.chapter),
        id=texts["id"],
        where=texts["where"],
        says=texts["says"],
        kind=kind,
        metric=texts["metric"],
        unit=choice(texts["unit"], "unit", tuple(POINT), where),
        value=number(entry, "value", where),
        tolerance=number(entry, "tolerance", where),
        direction=optional_choice(entry, "direction", DIRECTIONS, where),
        measure=_measures(entry, texts["id"], where),
        shown=_shown(entry, kind, where),
        data=optional_choice(entry, "data", DATA, where) or "synthetic",
        origin=optional_choice(entry, "origin", ORIGINS, where) or "paper",
        untested=text(entry, "untested", where) if "untested" in entry else None,
    )
    return _check_kind(claim, where)


def _check_kind(claim: Claim, where: str) -> Claim:
    """Check what the kind asks for and fill the default tolerance of an exact claim."""
    if claim.kind in ("trend", "scaled"):
        if claim.direction is None:
            raise RecordError(
                f"{where}: direction is missing: a {claim.kind} claim needs `direction: positive` "
                "or `negative`"
            )
        if claim.tolerance is not None:
            raise RecordError(
                f"{where}: tolerance does not belong to a {claim.kind} claim: its interval must "
                "exclude 0; delete the key"
            )
        return claim
    if claim.direction is not None:
        raise RecordError(
            f"{where}: direction does not belong to kind {claim.kind!r}: delete the key or use "
            "kind: trend"
        )
    if claim.value is None:
        raise RecordError(
            f"{where}: value is missing: kind {claim.kind!r} needs the paper's number"
        )
    if claim.tolerance is None:
        if claim.kind == "number":
            raise RecordError(f"{where}: tolerance is missing: give it in points, before the run")
        return replace(claim, tolerance=EXACT_TOLERANCE)
    if claim.tolerance < 0:
        raise RecordError(f"{where}: tolerance {claim.tolerance:g} must not be negative")
    return claim


def _refuse_twins(ids: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise RecordError(f"{where}: claim {name}: id is used twice: rename one of them")
        seen.add(name)


def _shown(entry: Mapping[str, Any], kind: str, where: str) -> str | None:
    if "shown" not in entry:
        return None
    name = text(entry, "shown", where)
    if not ID.fullmatch(name):
        raise RecordError(f"{where}: shown {name!r} must be a measurement id: words joined by dots")
    if kind not in ("trend", "scaled"):
        raise RecordError(
            f"{where}: shown does not belong to kind {kind!r}, which tests the number itself: "
            "delete the key"
        )
    return name


def _measures(entry: Mapping[str, Any], default: str, where: str) -> tuple[str, ...]:
    value = entry.get("measure", default)
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and ID.fullmatch(name) for name in names):
        raise RecordError(
            f"{where}: measure {short(value)} must be a measurement id or a list of them: "
            "lower-case words joined by dots"
        )
    if len(set(names)) < len(names):
        raise RecordError(f"{where}: measure names the same measurement twice: keep one")
    return tuple(names)
