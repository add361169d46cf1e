"""A paper's reproducibility report, and its claims as a sheet that its authors can check and sign.

Both are Markdown.  What claims, verdicts and records know is filled in; the chapter's own words are
taken from its notebook; what only a person can say is a marked blank.  Text from files is escaped:
it stands there as it was written, and no reader's program runs it.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from fairtut import __version__
from fairtut.errors import FairtutError, UnknownName
from fairtut.evidence import looks
from fairtut.evidence.changes import digest
from fairtut.evidence.claims import chapter_id
from fairtut.evidence.spelling import NOTHING, number
from fairtut.evidence.standing import fault, remarks
from fairtut.lab.asked import CONTROLS
from fairtut.page.markup import harmless
from fairtut.page.results import (
    ANSWERS,
    VERDICTS,
    Claim,
    Message,
    Paper,
    Record,
    Verdict,
    judge,
    load_claims,
    load_messages,
    load_records,
    papers,
)
from fairtut.page.scoreboard import GROUPS, Standing, standing
from fairtut.page.tables import interval, markdown, reason
from fairtut.running import find_chapter

DIFFERENTLY: Final = "What we did differently"
RELEASED: Final = "What the released code does"
LIMITS: Final = "Limits"
WRITTEN: Final = (
    "Claims are written before the runs that they are judged on; a later change has its date and "
    "its reason in the claims file."
)
BLANK: Final = "**[To be written: {}]**"
_SPECIAL: Final = re.compile(r"([\\`*_\[\]{}$~])")
_CITED: Final = re.compile(r"\{cite\}`([^`]*)`")


def report(chapter: str, results_dir: Path | None = None) -> str:
    """Return a chapter's reproducibility report.

    Parameters
    ----------
    chapter : str
        ``faap``, ``02_faap`` or a path to its notebook.
    results_dir : pathlib.Path, optional
        Other records than the committed ones.

    Raises
    ------
    fairtut.errors.UnknownName
        If no claims belong to such a chapter.
    """
    paper = _paper(chapter)
    records = load_records(results_dir)
    verdicts = judge(load_claims(paper.id), records)
    own = [r for r in records if r.chapter == chapter_id(paper.chapter) and r.preset != "smoke"]
    text = sections(chapter)
    parts = [
        f"# Reproducibility report: {safe(paper.title)}",
        f"{_about(paper)}  \nMade by fairtut {__version__} from its claims and records. What no "
        "program can say is a blank in bold.",
        "## Scope of reproducibility",
        *_scope(paper, load_claims(paper.id)),
        "## Methodology",
        *_methodology(own, text.get(DIFFERENTLY, "")),
        "## Results",
        *_results(paper, verdicts, own),
        "## What was easy",
        BLANK.format("what of the paper could be followed without questions"),
        "## What was difficult",
        BLANK.format("what took long, and what the paper does not say"),
        *_from_chapter("The released code", text.get(RELEASED, "")),
        *_from_chapter("Limits", text.get(LIMITS, "")),
        "## Communication with the original authors",
        BLANK.format("who was asked what, when, and what they answered"),
    ]
    return "\n\n".join(parts) + "\n"


def sheet(chapter: str) -> str:
    """Return what we say that a paper claims, as its authors could check and sign it.

    Questions of ours are not on it.  Arguments and errors are those of :func:`report`.
    """
    paper = _paper(chapter)
    claims = [c for c in load_claims(paper.id) if c.source != "ours"]
    messages = load_messages(paper.id)
    heads = ["says", "where", "the paper's number", "holds if", "right", "wrong"]
    parts = [
        f"# What we say that the paper claims: {safe(paper.title)}",
        _about(paper),
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


def sections(chapter: str) -> dict[str, str]:
    """Return the prose of a chapter's sections by heading, none where its notebook is not here.

    A section that begins with :data:`LIMITS` is found under that word alone.
    """
    try:
        notebook = json.loads(find_chapter(chapter).read_text(encoding="utf-8"))
        cells = [c for c in notebook["cells"] if c["cell_type"] == "markdown"]
        whole = "\n\n".join("".join(c["source"]) for c in cells)
    except (FairtutError, OSError, ValueError, KeyError, TypeError):
        return {}
    found: dict[str, str] = {}
    for part in re.split(r"^## ", whole, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        name = LIMITS if heading.startswith(LIMITS) else heading.strip()
        found.setdefault(name, body.strip())
    return found


def safe(text: object) -> str:
    r"""Write text from a file so that Markdown shows it as it is, in one line.

    >>> print(safe("a_b <b>*c*</b> [d](javascript:e)"))
    a\_b &lt;b&gt;\*c\*&lt;/b&gt; \[d\](javascript:e)
    """
    line = _SPECIAL.sub(r"\\\1", html.escape(" ".join(str(text).split()), quote=False))
    return re.sub(r"^(\d*)([-+#=.)])(?=[-+#=]*(\s|$))", r"\1\\\2", line)


def quoted(text: str) -> str:
    """Return a section of a chapter: its Markdown stays, what a program would run does not."""
    cited = _CITED.sub(r"[\1]", text)
    lower = re.sub(r"^#", "###", cited, flags=re.MULTILINE)  # below the report's own headings
    return harmless(lower).replace("]:", "&#93;:")  # where a link leads may be said elsewhere


# --- the parts ------------------------------------------------------------------------------


def _scope(paper: Paper, claims: Sequence[Claim]) -> list[str]:
    own = [c for c in claims if c.leaf]
    rows = []
    for message in load_messages(paper.id):
        below = [c for c in own if c.parent == message.id]
        untested = sum(c.untested is not None for c in below)
        rows.append([safe(message.says), safe(message.where), str(len(below)), str(untested)])
    said = (
        f"The paper's headlines, in our words, and below them {len(own)} of its claims (cells of "
        f"tables, points of figures, sentences) with their tolerances. {WRITTEN}"
    )
    heads = ["headline", "where", "claims below it", "of these not testable here"]
    return [said, markdown(heads, rows) if rows else BLANK.format("the paper's headlines")]


def _methodology(records: Sequence[Record], differently: str) -> list[str]:
    """Return data, runs with their cost, and what the chapter says that is different."""
    data = {
        (d["name"], str(d["rows"]), d["source"], d["digest"][:12]): None
        for record in records
        for d in record.datasets
    }
    runs = [
        [
            safe(record.name),
            safe("; ".join(f"{what}: {len(s)}" for what, s in record.seeds.items())),
            safe(_look(record)),
            safe(
                f"{record.device.get('name', NOTHING)}, {record.device.get('threads', 1)} threads"
            ),
            f"{record.minutes:g}",
            safe(record.code.get("study", NOTHING)),
        ]
        for record in records
    ]
    if not records:
        return [BLANK.format("no record is there: data, runs and their cost"), *_ours(differently)]
    heads = ["record", "seeds", "looks", "machine", "minutes", "digest of the code"]
    return [
        "### Data",
        markdown(["name", "rows", "source", "digest"], ([safe(x) for x in row] for row in data)),
        "### Runs and their cost",
        markdown(heads, runs),
        *_ours(differently),
    ]


def _ours(differently: str) -> list[str]:
    found = _from_chapter("What is different from the paper", differently)
    missing = BLANK.format("what is different from the paper, and why")
    return found or ["### What is different from the paper", missing]


def _results(paper: Paper, verdicts: Sequence[Verdict], records: Sequence[Record]) -> list[str]:
    stands = standing(paper, verdicts, records)
    headlines = [[safe(h.says), h.verdict, safe(h.reason)] for h in stands.headlines]
    counts = [
        f"- {GROUPS[group]}: "
        + ", ".join(f"{words[w]} {w}" for w in (*VERDICTS, *ANSWERS[:3]) if words[w])
        for group, words in stands.counts.items()
        if words
    ]
    leaves = [v for v in verdicts if v.leaf]
    rows = [
        [safe(v.says), safe(v.where), number(v.values["paper"]), interval(v.values),
         str(v.values["trainings"] or NOTHING), v.verdict, safe(reason(v.as_dict()))]
        for v in leaves
    ]  # fmt: skip
    heads = ["claim", "where", "paper", "ours [interval]", "trainings", "word", "reason"]
    return [
        stands.answer,
        markdown(["headline", "word", "how it follows"], headlines),
        "\n".join(counts),
        *_controls(stands),
        "### Every claim of the paper",
        markdown(heads, rows) if rows else BLANK.format("no claims"),
        *(["\n".join(f"- {safe(line)}" for line in remarks(records))] if remarks(records) else []),
    ]


def _controls(stands: Standing) -> list[str]:
    if not stands.controls:
        return []
    rows = [
        [CONTROLS[name], *(str(answers[word]) for word in ANSWERS[:3])]
        for name, answers in stands.controls.items()
        if answers
    ]
    return [
        f"### Does the method beat what costs nothing? ({stands.asked_on} data)",
        markdown(["control", *ANSWERS[:3]], rows),
    ]


def _from_chapter(title: str, text: str) -> list[str]:
    return [f"### {title}", quoted(text)] if text else []


def _machine(record: Record) -> str:
    threads = record.device.get("threads", 1)
    return f"{record.device.get('name', NOTHING)}, {threads} thread{'s' * (threads != 1)}"


def _look(record: Record) -> str:
    trainings = looks.trainings(record.config)
    if fault(record):
        return "does not count"
    return "one" if trainings is None else looks.told(trainings)


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


def _about(paper: Paper) -> str:
    return f"{safe(paper.authors)}: {safe(paper.title)}, {safe(paper.venue)} {paper.year}"


def _digest(said: Iterable[Claim | Message]) -> str:
    return hashlib.sha256("\n".join(digest(one) for one in said).encode()).hexdigest()[:16]


def _paper(chapter: str) -> Paper:
    """Return the paper that a chapter is about."""
    found = {chapter_id(paper.chapter): paper for paper in papers().values()}
    name = chapter_id(Path(chapter).stem)
    if name not in found:
        raise UnknownName.of("chapter", chapter, found)
    return found[name]
