"""The claims of a paper as a sheet that its authors can check and sign."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fairtut.evidence.changes import digest
from fairtut.evidence.claims import Claim, Message, load_claims, load_messages
from fairtut.evidence.spelling import NOTHING
from fairtut.page.tables import markdown
from fairtut.report.text import WRITTEN, about, paper_of, safe


def sheet(chapter: str) -> str:
    """Return what we say that a paper claims, as its authors could check and sign it.

    Questions of ours are not on it.  Arguments and errors are those of
    :func:`~fairtut.report.report`.
    """
    paper = paper_of(chapter)
    claims = [c for c in load_claims(paper.id) if c.source != "ours"]
    messages = load_messages(paper.id)
    heads = ["says", "where", "the paper's number", "holds if", "right", "wrong"]
    parts = [
        f"# What we say that the paper claims: {safe(paper.title)}",
        about(paper),
        f"{WRITTEN} Please mark each line as right or wrong, and correct what is wrong: whether "
        "the paper says so, and whether the rule is a fair test of it.",
        f"Digest of these claims: `{_digest([*claims, *messages])}`. It changes with every word "
        "and number below, so a signature belongs to this text.",
    ]
    for message in messages:
        below = [c for c in claims if c.parent == message.id]
        parts += [f"## {safe(message.says)}", f"Where: {safe(message.where)}"]
        parts += [markdown(heads, map(_line, below))] if below else []
    rest = [c for c in claims if c.parent is None]
    parts += ["## Below no headline", markdown(heads, map(_line, rest))] if rest else []
    parts += ["## Signature", "Name:", "Date:", "Corrections:"]
    return "\n\n".join(parts) + "\n"


def _line(claim: Claim) -> list[str]:
    value = NOTHING if claim.value is None else f"{claim.value:g} ({claim.unit})"
    return [safe(claim.says), safe(claim.where), safe(value), safe(_rule(claim)), "☐", "☐"]


def _rule(claim: Claim) -> str:
    """Say in words when a claim holds."""
    if claim.untested:
        return f"not tested: {claim.untested}"
    limit, tolerance = f"{claim.limit or 0:g} points", f"{claim.tolerance or 0:g}"
    return (
        f"{claim.metric}: "
        + {
            "number": f"our number is within {tolerance} points of it",
            "exact": f"every single value is the number, up to {tolerance}",
            "direction": f"our difference is {claim.direction}, beyond chance (one that is surely "
            f"within ± {claim.effect or 0:g} points is none)",
            "bound": f"the cost is at most {limit}",
            "same": f"our difference is at most {limit}",
        }[claim.kind]
    )


def _digest(said: Iterable[Claim | Message]) -> str:
    return hashlib.sha256("\n".join(digest(one) for one in said).encode()).hexdigest()[:16]
