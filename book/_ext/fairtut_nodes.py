"""Pieces of pages that the book's own directives share: badges, tables, folds and links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment

from fairtut.evidence.records import Record
from fairtut.evidence.standing import remarks
from fairtut.page.markup import escape
from fairtut.page.prose import BADGES, verdict_badge


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


def noted(records: Iterable[Record]) -> list[nodes.Node]:
    """Return a paragraph for each remark on records, as ``fairtut results`` prints them."""
    return [nodes.paragraph("", text, classes=["ft-where"]) for text in remarks(records)]


def watch(env: BuildEnvironment) -> None:
    """Remember that the present page shows results, so that a new record rebuilds it."""
    pages: set[str] = getattr(env, "fairtut_pages", set())
    pages.add(env.docname)
    env.fairtut_pages = pages  # type: ignore[attr-defined]
