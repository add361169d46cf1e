"""Claims, records and verdicts on the page, computed when the book is built.

========================  ==========================================================================
``{scoreboard}``          without an argument: one card per paper with its headlines; with a
                          paper's id: its headlines and, folded, one row per claim
``{verdict-rules}``       the rules that turn records into verdicts, in words
``{measured}``            a role, ``{measured}`frtrain/laptop-synthetic:table1.frtrain.accuracy```:
                          the mean over seeds with its interval; a second part ``|value`` or
                          ``|interval`` or ``|n`` picks one of the three
========================  ==========================================================================

A name that does not exist is a warning, so the build with ``-W`` fails: prose cannot quote a
number that no run has measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from fairtut_judgement import FIRST
from fairtut_nodes import badge, cell, chapter_link, counted, fold, line, noted, table, watch
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from fairtut.errors import FairtutError
from fairtut.evidence import calibration
from fairtut.evidence.claims import CLAIMS_DIR, chapter_id
from fairtut.evidence.origin import study_of
from fairtut.evidence.records import committed_results
from fairtut.evidence.spelling import NOTHING, number, points
from fairtut.evidence.verdicts import RULES
from fairtut.lab.asked import CONTROLS
from fairtut.page import results, scoreboard
from fairtut.page.questions import introduced
from fairtut.page.tables import interval, reason
from fairtut.runtime import code

WRITERS = ("fairtut.page.tables", "fairtut.page.front", "fairtut.page.cards",
           "fairtut.page.calibrated")  # fmt: skip
"""The modules that import all those that compute and write what a table says."""


def headlines(found: Iterable[results.Headline], *, reasons: bool = True) -> nodes.Element:
    """Return a list of headlines, each behind its word, with or without where and why."""
    listed = nodes.bullet_list(classes=["ft-headlines"])
    for one in found:
        says = line(badge(one.verdict), " ", one.says)
        why = [line(f"{one.where}: {one.reason}.", classes=("ft-where",))] if reasons else []
        listed += nodes.list_item("", says, *why)
    return listed


def controls_line(paper: scoreboard.Standing) -> nodes.paragraph:
    """Return what the paper's method beats, control by control."""
    if not paper.controls:
        return line("Does it beat what costs nothing? No committed run has asked.")
    on = "real data" if paper.asked_on == "real" else "drawn data"
    parts: list[nodes.Node | str] = [nodes.strong("", f"Does it beat, on {on}: ")]
    for i, (control, words) in enumerate(paper.controls.items()):
        parts += [" · " if i else "", f"{CONTROLS[control]}? ", *counted(words)]
    return line(*parts, classes=("ft-controls",))


def summary(env: BuildEnvironment) -> list[nodes.Node]:
    """Return a card per paper: its question, its headlines, and what beats it."""
    papers = results.papers()
    if not papers:
        return [nodes.paragraph("", "No claim has been written down yet.")]
    records = results.load_records()
    verdicts = results.judge(results.load_claims(), records)
    cards: list[nodes.Node] = []
    for paper in papers.values():
        one = scoreboard.standing(paper, verdicts, records)
        title = line(chapter_link(env, paper.chapter, paper.title), classes=("ft-title",))
        by = line(f"{paper.authors}, {paper.venue} {paper.year}", classes=("ft-where",))
        card = nodes.container("", title, by, classes=["ft-card"])
        card += line(nodes.strong("", introduced(paper.id).question))
        card += line(one.answer)
        card += headlines(one.headlines, reasons=False)  # they stand below, paper by paper
        card += controls_line(one)
        cards.append(card)
    return [*cards, *noted(records)]


def claims_table(paper: str) -> list[nodes.Node]:
    """Return what a paper claims and what we found, folded by headline and kind."""
    records = results.load_records()
    claims = results.load_claims(paper)  # first: it names the known papers
    verdicts = results.judge(claims, records)
    one = scoreboard.standing(results.papers()[paper], verdicts, records)
    found: list[nodes.Node] = [line(nodes.strong("", one.answer))]
    shown = {v.parent for v in verdicts if scoreboard.group(v) == "paper"}
    bare = [m for m in one.headlines if m.id not in shown]
    found += [headlines(bare)] if bare else []
    for name, title in scoreboard.GROUPS.items():
        rows = [v for v in verdicts if scoreboard.group(v) == name]
        if rows:
            found.append(line(f"{title}: ", *counted(one.counts[name])))
            found += folded(rows, one.headlines, title, marked=name == "paper")
    chapters = {claim.chapter for claim in claims}
    return [*found, *noted(record for record in records if record.chapter in chapters)]


def folded(
    rows: Iterable[results.Verdict],
    heads: Iterable[results.Headline],
    title: str,
    marked: bool,
) -> list[nodes.Node]:
    """Return a fold with a table for each headline above some claims.

    Parameters
    ----------
    rows : iterable of Verdict
    heads : iterable of Headline
    title : str
        Of the fold of claims that stand below none.
    marked : bool
        Whether a headline's word and reason stand on its fold.
    """
    known = {head.id: head for head in heads}
    listed = list(rows)
    found: list[nodes.Node] = []
    for parent in dict.fromkeys(verdict.parent for verdict in listed):
        below = [verdict for verdict in listed if verdict.parent == parent]
        head, many = known.get(parent or ""), f"{len(below)} rows"
        if head is not None and marked:
            why = f"{head.where}: {head.reason} ({many})."
            found += fold(head.says, rows_table(below), word=head.verdict, why=why)
        else:
            found += fold(f"{head.says if head else title} ({many})", rows_table(below))
    return found


def rows_table(verdicts: Iterable[results.Verdict]) -> nodes.Element:
    """Return one row per claim: what it says, the paper's number, ours, and the word."""
    rows = []
    for verdict in verdicts:
        values = verdict.values
        says = nodes.paragraph("", verdict.says)
        place = nodes.paragraph("", verdict.where, classes=["ft-where"])
        mark = cell(badge(verdict.verdict))
        mark += nodes.paragraph("", reason(verdict.as_dict()), classes=["ft-where"])
        trainings, delta = values["trainings"], values["delta_points"]
        rows.append(
            [
                nodes.entry("", says, place),
                mark,
                cell(number(values["paper"])),
                cell(interval(values)),
                cell(str(trainings) if trainings else NOTHING),
                cell(NOTHING if delta is None else points(delta)),
            ]
        )
    heads = ["Claim", "Verdict", "Paper", "Ours [95 %]", "Trainings", "Δ points"]
    return table(heads, rows, "claims", [34, 28, 8, 15, 8, 7])


class Scoreboard(SphinxDirective):
    """``{scoreboard} [paper]``."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table; an unknown paper or a broken record is an error of this line."""
        watch(self.env)
        try:
            return claims_table(self.arguments[0]) if self.arguments else summary(self.env)
        except FairtutError as error:
            raise self.error(str(error)) from error


class VerdictRules(SphinxDirective):
    """``{verdict-rules}``."""

    def run(self) -> list[nodes.Node]:
        """Return the rules as a definition list."""
        watch(self.env)
        items = [
            nodes.definition_list_item(
                "",
                nodes.term("", name),
                nodes.definition("", nodes.paragraph("", text)),
            )
            for name, text in RULES.items()
        ]
        return [nodes.definition_list("", *items)]


def quote(text: str) -> str:
    """Return the words for one measurement, ``record:measurement[|value|interval|n]``.

    Raises
    ------
    fairtut.errors.FairtutError
        If the record or the measurement does not exist.
    ValueError
        If `text` is not of that form.
    """
    address, _, part = text.partition("|")
    record_name, colon, measurement = address.partition(":")
    if not colon or part not in ("", "value", "interval", "n"):
        raise ValueError(f"{text!r} is not of the form record:measurement[|value|interval|n]")
    records = {record.name: record for record in results.load_records()}
    if record_name not in records:
        known = ", ".join(records) or "none"
        raise ValueError(f"there is no record {record_name!r}; the committed ones are: {known}")
    estimate = records[record_name].estimate(measurement)
    value = number(estimate.value)
    interval = f"[{number(estimate.low)}, {number(estimate.high)}]"
    seeds = f"{estimate.n} seed{'s' if estimate.n != 1 else ''}"
    whole = f"{value} ({seeds})" if estimate.n < 2 else f"{value} {interval}"
    return {"": whole, "value": value, "interval": interval, "n": seeds}[part]


class Measured(SphinxRole):
    """``{measured}`record:measurement```."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number, with its address as a tooltip."""
        watch(self.env)
        try:
            words = quote(self.text.strip())
        except (FairtutError, ValueError) as error:
            message = self.inliner.reporter.error(f"measured: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        node = nodes.inline(self.rawtext, words, classes=["ft-measured"])
        return [node], []


def state() -> str:
    """Return a digest of all that the tables follow from: claims, records and the code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    # a record counts only if its configuration is that of its chapter's presets
    chapters = [study_of(chapter_id(paper.chapter)) for paper in results.papers().values()]
    for module in (*WRITERS, *(f"{name}.presets" for name in chapters if name)):
        digest.update(code.digest(module).encode())
    for path in (FIRST, calibration.FILE):
        digest.update(path.read_bytes())
    folders = [folder for folder in (CLAIMS_DIR, committed_results()) if folder is not None]
    for folder in folders:
        for path in sorted(p for p in Path(folder).rglob("*") if p.suffix in {".yaml", ".json"}):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Name the pages to read again because a claim or a record has changed."""
    now = state()
    before = getattr(env, "fairtut_state", now)
    env.fairtut_state = now  # type: ignore[attr-defined]
    if now == before:
        return []
    return sorted(getattr(env, "fairtut_pages", set()) & env.found_docs)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, the role and the rebuild rule."""
    app.add_directive("scoreboard", Scoreboard)
    app.add_directive("verdict-rules", VerdictRules)
    app.add_role("measured", Measured())
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False}
