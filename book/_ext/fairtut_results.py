"""Claims, records and verdicts on the page, computed when the book is built.

========================  ==========================================================================
``{scoreboard}``          without an argument: one card per paper with its headlines; with a
                          paper's id: its headlines and, folded, one row per claim
``{verdict-rules}``       the rules that turn records into verdicts, in words
``{calibration}``         a figure: how often the judge is wrong on worlds whose truth is known
``{judgement-changes}``   how many claims had which word in the first edition, and have now
``{measured}``            a role, ``{measured}`frtrain/laptop-synthetic:table1.frtrain.accuracy```:
                          the mean over seeds with its interval; a second part ``|value`` or
                          ``|interval`` or ``|n`` picks one of the three
========================  ==========================================================================

A name that does not exist is a warning, so the build with ``-W`` fails: prose cannot quote a
number that no run has measured.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from fairtut.errors import FairtutError
from fairtut.evidence import calibration
from fairtut.evidence.claims import CLAIMS_DIR, chapter_id
from fairtut.evidence.origin import study_of
from fairtut.evidence.records import Record, committed_results
from fairtut.evidence.spelling import NOTHING, number, points
from fairtut.evidence.standing import remarks
from fairtut.evidence.verdicts import RULES
from fairtut.lab.asked import CONTROLS
from fairtut.page import calibrated, figures, results, scoreboard
from fairtut.page.markup import escape
from fairtut.page.prose import BADGES, verdict_badge
from fairtut.page.questions import introduced
from fairtut.page.tables import interval, reason
from fairtut.runtime import code

WRITERS = ("fairtut.page.tables", "fairtut.page.front", "fairtut.page.cards",
           "fairtut.page.calibrated")  # fmt: skip
"""The modules that import all those that compute and write what a table says."""


def badge(verdict: str, count: int | None = None) -> nodes.inline:
    """Return a verdict as an inline badge, with a count in front where one is given."""
    text = verdict if count is None else f"{count} {verdict}"
    return nodes.inline("", text, classes=["ft-verdict", BADGES[verdict]])


def cell(*content: nodes.Node | str) -> nodes.entry:
    """Return a cell of a table with one paragraph."""
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
    group += nodes.thead("", nodes.row("", *[cell(head) for head in heads]))
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


def fold(title: str, *content: nodes.Node, word: str = "", why: str = "") -> list[nodes.Node]:
    """Return content that is folded until the reader opens it.

    Parameters
    ----------
    title : str
        What one clicks on.
    *content : nodes
    word, why : str
        A verdict before the title, and small print below it.
    """
    mark = f"{verdict_badge(word)} " if word else ""
    small = f'<span class="ft-where">{escape(why)}</span>' if why else ""
    says = f'<span class="ft-says">{escape(title)}</span>'
    opened = f'<details class="ft-fold"><summary>{mark}{says}{small}</summary>'
    return [nodes.raw("", opened, format="html"), *content,
            nodes.raw("", "</details>", format="html")]  # fmt: skip


def counted(words: Counter[str]) -> list[nodes.Node | str]:
    """Return a badge with its count for each word that occurs."""
    found: list[nodes.Node | str] = []
    for word in BADGES:
        if words[word]:
            found += [badge(word, words[word]), " "]
    return found


def line(*content: nodes.Node | str, classes: tuple[str, ...] = ()) -> nodes.paragraph:
    """Return a paragraph of nodes and texts."""
    made = nodes.paragraph("", classes=list(classes))
    for part in content:
        made += nodes.Text(part) if isinstance(part, str) else part
    return made


def headlines(found: Iterable[results.Headline]) -> nodes.Element:
    """Return a list of headlines, each behind its word."""
    listed = nodes.bullet_list(classes=["ft-headlines"])
    for one in found:
        says = line(badge(one.verdict), " ", one.says)
        why = line(f"{one.where}: {one.reason}.", classes=("ft-where",))
        listed += nodes.list_item("", says, why)
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
        card += headlines(one.headlines)
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


FIRST = Path(__file__).with_name("first_edition.json")
"""The verdicts of the first edition's judge by paper and claim, and digests of its records."""


def moved(before: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], Counter[str]]:
    """Return how often each word became which: (group, word before) to the words now."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for verdict in results.judge(results.load_claims(), results.load_records()):
        word = before.get(verdict.paper, {}).get(verdict.id, "no claim yet")
        found[scoreboard.group(verdict), word][verdict.verdict] += 1
    return dict(found)


def other_records(judged: Mapping[str, str]) -> list[str]:
    """Name the committed records that are not those which the first edition's judge saw."""
    folder = committed_results()
    if folder is None:
        return []
    now = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
           for p in sorted(folder.glob("*/*.json"))}  # fmt: skip
    return sorted(name for name in {*now, *judged} if now.get(name) != judged.get(name))


class JudgementChanges(SphinxDirective):
    """``{judgement-changes}``."""

    def run(self) -> list[nodes.Node]:
        """Return a row for each kind of claim and each word of the first edition."""
        watch(self.env)
        first = json.loads(FIRST.read_text(encoding="utf-8"))
        before, others = first["verdicts"], other_records(first["records"])
        rows = [
            [cell(scoreboard.GROUPS[group]), cell(f"{sum(now.values())} {word}"),
             cell(*counted(now))]
            for (group, word), now in sorted(
                moved(before).items(), key=lambda item: list(scoreboard.GROUPS).index(item[0][0])
            )
        ]  # fmt: skip
        whole = table(["", "first edition", "now"], rows, "moved", [30, 25, 45])
        said = (
            f"The first judge saw other records of these: {', '.join(others)}."
            if others
            else ("Both judges saw the same records, to the byte.")
        )
        return [whole, nodes.paragraph("", said, classes=["ft-where"])]


class Calibration(SphinxDirective):
    """``{calibration}``."""

    def run(self) -> list[nodes.Node]:
        """Return the figure, and a sentence with the worst places."""
        watch(self.env)
        found = calibration.table()
        worst = calibrated.largest(found)
        once = found[(found["looks"] == "once") & (found["trainings"] > 1)]
        over = int((once["wrong"] > calibration.LEVEL).sum())
        told = (
            f"Judged once, more than 5 % of the words are wrong at {over} of {len(once)} places; "
            f"the worst has {100 * once['wrong'].max():.1f} %. With three looks that share the "
            f"chance, the worst has {_worst(worst, 'split')}; with three looks as if each were the "
            f"only one, {_worst(worst, 'naive')}."
        )
        bundle = figures.show(
            calibrated.drawn(found),
            name="calibration",
            caption="**How often is our judge wrong?** Shares of wrong words in simulated worlds, "
            f"{calibration.MANY:,} for each place; the dashed line is at 5 %. {told}",
            alt="A row for each kind of world with three pairs of lines: one look, three looks "
            f"with the chance split, three looks as if each were one. {told}",
        )
        assert bundle is not None  # no kernel runs here
        return [nodes.raw("", bundle.data["text/html"], format="html")]


def _worst(found: Any, looks: str) -> str:
    return f"{100 * found.loc[found['looks'] == looks, 'wrong'].max():.1f} %"


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
    app.add_directive("calibration", Calibration)
    app.add_directive("judgement-changes", JudgementChanges)
    app.add_role("measured", Measured())
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False}
