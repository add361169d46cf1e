"""What no reader may see on a page: marks of formulas, ids, and numbers as a machine writes them.

Only text is read: code, scripts, drawings and formulas are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag

from fairtut.page.results import Verdict
from tools import cells

_UNREAD: Final = "script, style, code, pre, svg, math, textarea, .math, mjx-container, head"
_UNTESTED: Final = "not tested"
_INLINE: Final = frozenset({"a", "b", "em", "i", "span", "strong", "sub", "sup", "abbr"})
_FORMULA: Final = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
_CODE: Final = re.compile(r"```.*?```|`[^`]*`|<script.*?</script>", re.DOTALL)
_DOLLARS: Final = re.compile(r"\$\$.*?\$\$|\$(?=\S)[^$\n]*\$", re.DOTALL)
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
    # the book draws no formula in an output's Markdown: its dollars stay
    return _CODE.sub("", "".join(data.get("text/markdown", "")))


def notebook_faults(notebook: cells.Notebook, ids: Iterable[str] = ()) -> list[str]:
    """Return the faults of what a chapter shows beside its code.

    What `print` writes stands as code on the page, and is left out like code.
    """
    ids = tuple(ids)
    found = []
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            texts = [_DOLLARS.sub("", _CODE.sub("", cell.source))]
        else:
            texts = [_shown(output) for output in cell.get("outputs", [])]
        found += [f"cell {place} shows {f}" for text in texts for f in text_faults(text, ids)]
    return found


def untested_faults(html: str, verdicts: Iterable[Verdict]) -> list[str]:
    """Return what a page calls *not tested* although a committed record judges it.

    Rows are known by the words of their claim and its place.  Claims that share both are counted:
    a table may call as many of them *not tested* as no record judges.

    Parameters
    ----------
    html : str
        A page or an output.
    verdicts : iterable of Verdict
        On every claim, from the committed records.
    """
    allowed: dict[tuple[str, str], int] = {}
    for verdict in verdicts:
        key = _plain(verdict.says), _plain(verdict.where)
        allowed[key] = allowed.get(key, 0) + (verdict.verdict == _UNTESTED)
    found = []
    for table in BeautifulSoup(html, "html.parser").select("table"):
        rows = [_plain(row.get_text(" ")) for row in table.select("tr") if _is_untested(row)]
        shown = Counter(_claim_of(text, allowed) for text in rows)
        found += [
            f"not tested, but judged: {key[0]!r}"
            for key, many in shown.items()
            if key is not None and many > allowed[key]
        ]
    return found


def _claim_of(row: str, known: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the words and the place of a row's claim: the longest that it tells."""
    told = [key for key in known if row.startswith(key[0]) and key[1] in row]
    return max(told, key=lambda key: (len(key[0]), len(key[1])), default=None)


def _is_untested(row: Tag) -> bool:
    return any(_plain(mark.get_text()) == _UNTESTED for mark in row.select(".ft-verdict"))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`$*]", "", text).split())
