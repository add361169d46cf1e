"""The reproducibility report of a chapter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairtut import __version__
from fairtut.evidence import looks
from fairtut.evidence.claims import chapter_id
from fairtut.evidence.spelling import NOTHING, number
from fairtut.evidence.standing import fault, remarks
from fairtut.lab.asked import CONTROLS
from fairtut.page.results import (
    ANSWERS,
    VERDICTS,
    Claim,
    Paper,
    Record,
    Verdict,
    judge,
    load_claims,
    load_messages,
    load_records,
)
from fairtut.page.scoreboard import GROUPS, Standing, standing
from fairtut.page.tables import interval, markdown, reason
from fairtut.report.text import (
    BLANK,
    DIFFERENTLY,
    LIMITS,
    RELEASED,
    WRITTEN,
    about,
    paper_of,
    quoted,
    safe,
    sections,
)


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
    paper = paper_of(chapter)
    records = load_records(results_dir)
    verdicts = judge(load_claims(paper.id), records)
    own = [r for r in records if r.chapter == chapter_id(paper.chapter) and r.preset != "smoke"]
    text = sections(chapter)
    parts = [
        f"# Reproducibility report: {safe(paper.title)}",
        f"{about(paper)}  \nMade by fairtut {__version__} from its claims and records. What no "
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
            safe(_machine(record)),
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
        [CONTROLS[name], *(str(answers[word]) for word in ANSWERS)]
        for name, answers in stands.controls.items()
        if sum(answers.values())
    ]
    return [
        f"### Does the method beat what costs nothing? ({stands.asked_on} data)",
        markdown(["control", *ANSWERS], rows),
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
