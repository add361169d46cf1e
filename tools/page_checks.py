"""What no reader may see on a page: marks of formulas, ids, and numbers as a machine writes them.

Only text is read: code, scripts, drawings and formulas are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag

from tools import cells

_UNREAD: Final = "script, style, code, pre, svg, math, textarea, .math, mjx-container, head"
_INLINE: Final = frozenset({"a", "b", "em", "i", "span", "strong", "sub", "sup", "abbr"})
_FORMULA: Final = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
_MARKDOWN: Final = re.compile(
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$(?=\S)[^$\n]*\$|<script.*?</script>", re.DOTALL
)
_FAULTS: Final = {
    "a dollar sign": re.compile(r"\$"),
    "an exponent of a machine": re.compile(r"\d[eE][-+]\d\d"),
    "a zero with a sign": re.compile(r"(?<![\w.)\]])[-−]0(?:\.0+)?(?![.,]?\w)"),
    "the noise of a float": re.compile(r"\d\.\d{10,}"),
}


def visible(html: str) -> str:
    """Return what a reader of `html` sees as running text; blocks stand on lines of their own."""
    soup = BeautifulSoup(html, "html.parser")
    for element in soup.select(_UNREAD):
        element.decompose()
    parts: list[str] = []
    for node in soup.descendants:
        if isinstance(node, Tag) and node.name not in _INLINE:
            parts.append("\n")
        elif type(node) is NavigableString:
            parts.append(str(node))
    return _FORMULA.sub("", "".join(parts))


def text_faults(text: str, ids: Iterable[str] = ()) -> Iterator[str]:
    """Name each thing in running text that a reader should not see, with the words around it."""
    for name, pattern in _FAULTS.items():
        for match in pattern.finditer(text):
            around = text[max(0, match.start() - 40) : match.end() + 20]
            yield f"{name}: {' '.join(around.split())!r}"
    # an id without a dot may be a plain word
    dotted = {id for id in ids if "." in id}
    words = {word.strip(".,:;()[]") for word in text.split()}
    for id in sorted(dotted & words):
        yield f"a raw id: {id!r}"


def html_faults(html: str, ids: Iterable[str] = ()) -> list[str]:
    """Return the faults of a page, or of an output, in HTML."""
    return list(text_faults(visible(html), ids))


def _shown(output: Any) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        return visible("".join(data["text/html"]))
    return _MARKDOWN.sub("", "".join(data.get("text/markdown", "")))


def notebook_faults(notebook: cells.Notebook, ids: Iterable[str] = ()) -> list[str]:
    """Return the faults of what a chapter shows beside its code.

    What `print` writes stands as code on the page, and is left out like code.
    """
    ids = tuple(ids)
    found = []
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            texts = [_MARKDOWN.sub("", cell.source)]
        else:
            texts = [_shown(output) for output in cell.get("outputs", [])]
        found += [f"cell {place} shows {f}" for text in texts for f in text_faults(text, ids)]
    return found


def untested_faults(html: str, judged: Iterable[tuple[str, str]]) -> list[str]:
    """Return the rows that say *not tested* although a record judges the claim.

    Parameters
    ----------
    html : str
        A page or an output.
    judged : iterable of (str, str)
        The words and the place in the paper of every claim that a record judges.
    """
    known = {(_plain(says), _plain(where)) for says, where in judged}
    found = []
    for row in BeautifulSoup(html, "html.parser").select("tr"):
        if "not tested" not in {_plain(mark.get_text()) for mark in row.select(".ft-verdict")}:
            continue
        text = _plain(row.get_text(" "))
        found += [
            f"not tested, but judged: {says!r}"
            for says, where in sorted(known)
            if text.startswith(says) and where in text
        ]
    return found


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`$*]", "", text).split())
