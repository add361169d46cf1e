"""What a report and a sheet of claims share: whose they are, and how foreign text is written."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Final

from fairtut.errors import FairtutError, UnknownName
from fairtut.evidence.claims import Paper, chapter_id, papers
from fairtut.page.markup import harmless
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
    lower = re.sub(r"^(?=###)", "#", cited, flags=re.MULTILINE)  # below the report's own heading
    return harmless(lower).replace("]:", "&#93;:")  # where a link leads may be said elsewhere


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


def paper_of(chapter: str) -> Paper:
    """Return the paper that a chapter is about."""
    found = {chapter_id(paper.chapter): paper for paper in papers().values()}
    name = chapter_id(Path(chapter).stem)
    if name not in found:
        raise UnknownName.of("chapter", chapter, found)
    return found[name]


def about(paper: Paper) -> str:
    """Return a paper's authors, title, venue and year."""
    return f"{safe(paper.authors)}: {safe(paper.title)}, {safe(paper.venue)} {paper.year}"
