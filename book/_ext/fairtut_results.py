"""Claims, records and verdicts on the page, computed when the book is built.

========================  ==========================================================================
``{scoreboard}``          without an argument: one row per paper, with the count of each verdict;
                          with a paper's id: one row per claim of that paper
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
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from fairtut.errors import FairtutError
from fairtut.evidence.claims import CLAIMS_DIR, chapter_id
from fairtut.evidence.origin import study_of
from fairtut.evidence.records import Record, committed_results
from fairtut.evidence.spelling import NOTHING, number, points
from fairtut.evidence.standing import remarks
from fairtut.evidence.verdicts import RULES
from fairtut.page import results
from fairtut.page.prose import BADGES
from fairtut.page.tables import interval
from fairtut.runtime import code

WRITERS = "fairtut.page.tables"
"""The module that imports all those that compute and write what a table says."""


def badge(verdict: str, count: int | None = None) -> nodes.inline:
    """Return a verdict as an inline badge, with a count in front where one is given."""
    text = verdict if count is None else f"{count} {verdict}"
    return nodes.inline("", text, classes=["ft-verdict", BADGES[verdict]])


def _cell(*content: nodes.Node | str) -> nodes.entry:
    paragraph = nodes.paragraph()
    for part in content:
        paragraph += nodes.Text(part) if isinstance(part, str) else part
    return nodes.entry("", paragraph)


def table(
    heads: list[str], rows: list[list[nodes.entry]], name: str, widths: list[int]
) -> nodes.Element:
    """Return a table inside a box that scrolls sideways on a narrow screen."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", nodes.row("", *[_cell(head) for head in heads]))
    group += nodes.tbody("", *[nodes.row("", *row) for row in rows])
    whole = nodes.table("", group, classes=["ft-scoreboard", f"ft-{name}"])
    return nodes.container("", whole, classes=["ft-scroll"])


def chapter_link(env: BuildEnvironment, chapter: str, text: str) -> nodes.Node:
    """Return a link to the chapter's page, or plain text while there is none."""
    target = f"notebooks/{chapter}"
    if target not in env.found_docs:
        return nodes.Text(text)
    link = addnodes.pending_xref(
        "",
        nodes.inline("", text),
        refdoc=env.docname,
        refdomain="std",
        reftype="doc",
        reftarget=f"/{target}",
        refexplicit=True,
        refwarn=True,
    )
    return link


def summary(env: BuildEnvironment) -> list[nodes.Node]:
    """Return the table of papers."""
    papers = results.papers()
    if not papers:
        return [nodes.paragraph("", "No claim has been written down yet.")]
    records = results.load_records()
    verdicts = results.judge(results.load_claims(), records)
    rows = []
    for paper in papers.values():
        counts = Counter(v.verdict for v in verdicts if v.paper == paper.id)
        badges: list[nodes.Node | str] = []
        for verdict in results.VERDICTS:
            if counts[verdict]:
                badges += [badge(verdict, counts[verdict]), " "]
        rows.append(
            [
                _cell(chapter_link(env, paper.chapter, paper.title)),
                _cell(f"{paper.authors}, {paper.venue} {paper.year}"),
                _cell(str(sum(counts.values()))),
                _cell(*badges),
            ]
        )
    whole = table(["Paper", "By", "Claims", "Verdicts"], rows, "papers", [38, 22, 8, 32])
    return [whole, *noted(records)]


def claims_table(paper: str) -> list[nodes.Node]:
    """Return the table of one paper's claims: what it reports, what we measure, the verdict."""
    claims, records = results.load_claims(paper), results.load_records()
    rows = []
    for verdict in results.judge(claims, records):
        values = verdict.values
        says = nodes.paragraph("", verdict.says)
        place = nodes.paragraph("", verdict.where, classes=["ft-where"])
        mark = _cell(badge(verdict.verdict))
        mark += nodes.paragraph("", verdict.reason, classes=["ft-where"])
        seeds, delta = values.get("n_seeds"), values.get("delta_points")
        rows.append(
            [
                nodes.entry("", says, place),
                _cell(number(values.get("paper"))),
                _cell(interval(values)),
                _cell(NOTHING if seeds is None else str(seeds)),
                _cell(NOTHING if delta is None else points(delta)),
                mark,
            ]
        )
    heads = ["Claim", "Paper", "Ours [95 %]", "Seeds", "Δ points", "Verdict"]
    chapters = {claim.chapter for claim in claims}
    whole = table(heads, rows, "claims", [36, 8, 16, 7, 8, 25])
    return [whole, *noted(record for record in records if record.chapter in chapters)]


def noted(records: Iterable[Record]) -> list[nodes.Node]:
    """Return a paragraph for each remark on records, as ``fairtut results`` prints them."""
    return [nodes.paragraph("", text, classes=["ft-where"]) for text in remarks(records)]


def watch(env: BuildEnvironment) -> None:
    """Remember that the present page shows results, so that a new record rebuilds it."""
    pages: set[str] = getattr(env, "fairtut_pages", set())
    pages.add(env.docname)
    env.fairtut_pages = pages  # type: ignore[attr-defined]


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
    digest = hashlib.sha256(Path(__file__).read_bytes())
    # a record counts only if its configuration is that of its chapter's presets
    chapters = [study_of(chapter_id(paper.chapter)) for paper in results.papers().values()]
    for module in (WRITERS, *(f"{name}.presets" for name in chapters if name)):
        digest.update(code.digest(module).encode())
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
