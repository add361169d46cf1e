"""Whether text follows each figure of a chapter, so that a reader learns how to read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from tools import cells

_DRAWN: Final = re.compile(r"<(?:svg|img|canvas)\b")
_UNSEEN: Final = frozenset({"remove-cell", "remove-output", "hide-cell", "hide-output"})
_HEADING: Final = re.compile(r"#{1,6} .*")
_LABEL: Final = re.compile(r"\([\w-]+\)=")
_OTHER: Final = re.compile(r"`{3}|:{3}|\$\$|\||<|!\[|---")
"""How a block starts that is no running text: code, a directive, a formula, a table, a picture."""
_SENTENCE: Final = re.compile(r"(?:\S+\s+){3,}\S*[.:?!]")
"""Running text has a sentence of four words or more."""

Part = Literal["figure", "heading", "text"]


def unread(notebook: cells.Notebook) -> list[int]:
    """Return the places of the cells whose figures no running text follows.

    Several figures of one cell are read together.  Text counts where it stands before the next
    figure of another cell and before the next heading, in a Markdown cell or as a sentence that a
    cell computes.  A caption is no such text, nor is what a reader has to unfold.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
    >>> picture = new_output("display_data", {"image/png": "iVBO"})
    >>> cell = new_code_cell(outputs=[picture])
    >>> unread(new_notebook(cells=[cell, new_markdown_cell("The left bar is the longest.")]))
    []
    >>> unread(new_notebook(cells=[cell, new_markdown_cell("## The next thing")]))
    [0]
    """
    found: list[int] = []
    waiting: int | None = None
    for place, cell in enumerate(notebook.cells):
        if _UNSEEN & set(cells.tags(cell)):
            continue
        for part in _parts(cell):
            if part == "figure":
                if waiting is not None and waiting != place:
                    found.append(waiting)
                waiting = place
            elif waiting is not None:
                found += [waiting] if part == "heading" else []
                waiting = None
    return found + ([] if waiting is None else [waiting])


def _parts(cell: Any) -> Iterator[Part]:
    """Yield what a cell shows, in order."""
    if cell.cell_type == "markdown":
        yield from _blocks(cell.source)
        return
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        html = "".join(data.get("text/html", ""))
        if any(kind.startswith("image/") for kind in data) or _DRAWN.search(html):
            yield "figure"
        elif "text/markdown" in data and not html:  # a table has both forms
            yield from _blocks("".join(data["text/markdown"]))


def _blocks(markdown: str) -> Iterator[Part]:
    """Yield the headings and the running texts of a piece of Markdown."""
    for block in re.split(r"\n\s*\n", markdown):
        text = block.strip()
        while match := _HEADING.match(text) or _LABEL.match(text):
            if match.re is _HEADING:
                yield "heading"
            text = text[match.end() :].strip()
        if not _OTHER.match(text) and _SENTENCE.search(text):
            yield "text"
