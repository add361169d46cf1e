"""The front of the book: cards of the chapters, their files, and hints at words.

========================  ==========================================================================
``{chapter-cards}``       a card per chapter: a drawing, its question, how the paper's headlines and
                          claims stand, the minutes, and where to run it
``{chapter-files}``       a row per chapter: notebook and source to download, and how to cite it
``{whole-book}``          a link to one zip of all chapters, as notebooks and as Python, and records
========================  ==========================================================================

A link into the glossary carries the first sentence of its definition as a title, which a browser
shows when the link is pointed at; nothing is fetched.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from fairtut_nodes import badge, cell, chapter_link, fold, line, noted, table, watch
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from fairtut.evidence.records import committed_results
from fairtut.page import cards, front
from fairtut.page.markup import plain
from fairtut.page.results import load_records

GLOSSARY = "book/glossary"
ZIP = "fairtut-book.zip"
"""Name of the whole book's file, beside the page that links to it."""
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: the same files give the same bytes on any day."""


def repository(env: BuildEnvironment) -> str:
    """Return the repository's address from the book's configuration."""
    return str(env.config.html_theme_options.get("repository_url", "")).rstrip("/")


def colab(env: BuildEnvironment, stem: str) -> nodes.reference:
    """Return a link that opens a chapter's notebook on Colab."""
    slug = "/".join(repository(env).split("/")[-2:])
    return nodes.reference("", "Colab", refuri=front.COLAB.format(slug=slug, stem=stem))


def download(env: BuildEnvironment, name: str, text: str) -> addnodes.download_reference:
    """Return a link that downloads a file of the book's source."""
    return addnodes.download_reference(
        "", "", nodes.literal("", text), refdoc=env.docname, reftarget=f"/{name}"
    )


def card(env: BuildEnvironment, one: front.Front) -> nodes.Element:
    """Return a chapter's card."""
    paper = one.stands.paper
    drawn = f'<div class="ft-drawn">{cards.drawing(paper.id)}</div>'
    whole = nodes.container("", classes=["ft-card", "ft-chapter"])
    whole += nodes.raw("", drawn, format="html")
    whole += line(chapter_link(env, one.stem, one.title), classes=("ft-title",))
    acts = f"{paper.authors}, {paper.venue} {paper.year}. Acts at {one.words.acts}."
    whole += line(acts, classes=("ft-where",))
    whole += line(nodes.strong("", one.words.question))
    heads: list[nodes.Node | str] = ["The paper's headlines: "]
    for word in front.DOTS:
        if one.headlines[word]:
            heads += [badge(word, one.headlines[word]), " "]
    whole += line(*heads, classes=("ft-heads",))
    whole += line(one.stands.answer)
    whole += line(plain(one.minutes), classes=("ft-where",))
    whole += line("Run it: ", colab(env, one.stem), " · ", *files(env, one.stem))
    return whole


def files(env: BuildEnvironment, stem: str) -> list[nodes.Node | str]:
    """Return links that download a chapter as a notebook and as plain Python."""
    notebook = download(env, f"notebooks/{stem}.ipynb", ".ipynb")
    return [notebook, " · ", download(env, f"notebooks/{stem}.py", ".py")]


class ChapterCards(SphinxDirective):
    """``{chapter-cards}``."""

    def run(self) -> list[nodes.Node]:
        """Return the cards, and what there is to say about the records."""
        watch(self.env)
        grid = nodes.container("", classes=["ft-cards"])
        grid += [card(self.env, one) for one in front.chapters()]
        return [grid, *noted(load_records())]


class ChapterFiles(SphinxDirective):
    """``{chapter-files}``."""

    def run(self) -> list[nodes.Node]:
        """Return a table of files, and folded BibTeX."""
        watch(self.env)
        found = front.chapters()
        rows = [
            [cell(chapter_link(self.env, one.stem, one.title)), cell(*files(self.env, one.stem)),
             cell(colab(self.env, one.stem))]
            for one in found
        ]  # fmt: skip
        listed: list[nodes.Node] = [
            table(["Chapter", "Download", "Run"], rows, "files", [50, 30, 20])
        ]
        for one in found:
            text = front.citation(one, repository(self.env))
            listed += fold(f"Cite {one.title}", nodes.literal_block(text, text, language="bibtex"))
        return listed


class WholeBook(SphinxDirective):
    """``{whole-book}``."""

    def run(self) -> list[nodes.Node]:
        """Return the link; the file is written when the build has ended."""
        return [zip_link(ZIP, "every chapter as a notebook and as Python, and the records.")]


def zip_link(name: str, says: str) -> nodes.Element:
    """Return a line that links to a zip beside the page and says what is in it."""
    link = nodes.reference("", "", nodes.literal("", name), refuri=name, classes=["download"])
    return line(link, f": {says}")


def whole_book(source: Path) -> dict[str, Path]:
    """Return the files of the whole book by their names in the zip, in order."""
    folder = source / "notebooks"
    found = [p for end in (".ipynb", ".py") for p in folder.glob(f"[0-9][0-9]_*{end}")]
    named = {f"notebooks/{path.name}": path for path in found}
    if (records := committed_results()) is not None:
        named |= {f"results/{p.parent.name}/{p.name}": p for p in records.glob("*/*.json")}
    return {name: named[name] for name in sorted(named)}


def pack(files: Mapping[str, Path | bytes], target: Path) -> None:
    """Write files into a zip whose bytes depend on names and contents alone."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as whole:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"fairtut/{name}", _NO_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            entry.create_system = 3  # else the bytes differ between Windows and the others
            whole.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())


def pack_book(app: Sphinx, error: Exception | None) -> None:
    """Write the whole book's zip beside its page, after a build that went well."""
    pack_beside(app, error, whole_book, ZIP)


def pack_beside(
    app: Sphinx,
    error: Exception | None,
    files: Callable[[Path], Mapping[str, Path | bytes]],
    name: str,
) -> None:
    """Write the zip of what `files` finds in the source beside its page, after a good build."""
    folder = Path(app.outdir) / "book"
    if error is None and app.builder.format == "html" and folder.is_dir():
        pack(files(Path(app.srcdir)), folder / name)


def definitions(env: BuildEnvironment) -> dict[str, str]:
    """Return the first sentence of every definition in the glossary, by the term's anchor."""
    found: dict[str, str] = {}
    if GLOSSARY not in env.found_docs:
        return found
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        text = next(item.findall(nodes.definition)).astext()
        for term in item.findall(nodes.term):
            found |= {str(anchor): sentence(text) for anchor in term["ids"]}
    return found


def sentence(text: str) -> str:
    """Return the first sentence of a text, on one line.

    >>> sentence("A share. It lies in [0, 1].")
    'A share.'
    """
    flat = " ".join(text.split())
    return re.split(r"(?<=[.?!])\s+(?=[A-Z])", flat, maxsplit=1)[0]


def hint(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each link into the glossary its definition as a title."""
    links = [
        link for link in doctree.findall(nodes.reference)
        if f"{GLOSSARY.rsplit('/', 1)[-1]}.html#term-" in str(link.get("refuri", ""))
    ]  # fmt: skip
    if not links:
        return
    known = definitions(app.env)
    for link in links:
        told = known.get(str(link["refuri"]).rsplit("#", 1)[1])
        if told:
            link["reftitle"] = told
            link["classes"] = [*link.get("classes", []), "ft-term"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the hints."""
    app.add_directive("chapter-cards", ChapterCards)
    app.add_directive("chapter-files", ChapterFiles)
    app.add_directive("whole-book", WholeBook)
    app.connect("doctree-resolved", hint)
    app.connect("build-finished", pack_book)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False}
