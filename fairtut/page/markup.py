"""Text that a notebook shows: safe HTML, and objects that Jupyter displays."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from fairtut.errors import InputError

T = TypeVar("T")

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


def words(name: str) -> str:
    """Write a name of the code as words; anything else stays as it is.

    >>> words("other_religions"), words("$x_i$"), words("Blond_Hair")
    ('other religions', '$x_i$', 'Blond_Hair')
    """
    return name.replace("_", " ") if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", name) else name


def named(name: str) -> str:
    """Return a name that ids on a page may start with; refuse any other.

    >>> named("players-of-the-game")
    'players-of-the-game'

    Raises
    ------
    fairtut.errors.InputError
        If it is not of lower-case words joined by hyphens.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"name {name!r} must be lower-case words joined by hyphens")
    return name


def escape(text: object) -> str:
    """Escape text for HTML, in an element or in a quoted attribute.

    Examples
    --------
    >>> from fairtut.page.markup import escape
    >>> escape("a < b")
    'a &lt; b'
    """
    return html.escape(str(text), quote=True)


UNSAFE_MATHS: Final = re.compile(
    r"\\(href|url|style|class|cssId|data|texttip|mathtip|toggle|mmlToken|bbox|unicode|require|let"
    r"|[gex]?def|(re)?new(command|environment))(?![a-zA-Z])"
)
"""Commands of formulas that reach the page around the formula: links, styles, definitions."""


def harmless(text: str) -> str:
    """Take from text in Markdown what a reader's program would run: tags, links, unsafe formulas.

    >>> harmless("a < b <b>c</b> [d](javascript:e)")
    'a < b &lt;b>c&lt;/b> [d&#93;(javascript:e)'
    """
    safe = re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", text).replace("](", "&#93;(")
    return UNSAFE_MATHS.sub(r"\1", safe)


def inline(text: str) -> str:
    """Turn the inline Markdown of a caption or cell into HTML: `code`, **strong** and *emphasis*.

    Everything else is escaped.  Mathematics in dollar signs is left for MathJax.

    Examples
    --------
    >>> from fairtut.page.markup import inline
    >>> inline("a *b* `c`")
    'a <em>b</em> <code>c</code>'
    """
    pieces = re.split(r"(`[^`]+`|\$[^$]+\$)", text)
    done = []
    for piece in pieces:
        if len(piece) > 2 and piece[0] == piece[-1] == "`":
            done.append(f"<code>{escape(piece[1:-1])}</code>")
        elif len(piece) > 2 and piece[0] == piece[-1] == "$" and not UNSAFE_MATHS.search(piece):
            done.append(f"\\({escape(piece[1:-1])}\\)")
        else:
            safe = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(piece))
            done.append(re.sub(r"\*(.+?)\*", r"<em>\1</em>", safe))
    return "".join(done)


def plain(text: str) -> str:
    """Drop the marks of inline Markdown.

    Examples
    --------
    >>> from fairtut.page.markup import plain
    >>> plain("a *b* `c`")
    'a b c'
    """
    return re.sub(r"[`$]|\*\*?(?=\S)|(?<=\S)\*\*?", "", text)


@dataclass(frozen=True)
class Bundle:
    """Something that Jupyter shows in the richest form that the reader's program knows.

    Attributes
    ----------
    data : dict
        From MIME type to content; always with ``text/plain``.

    Examples
    --------
    >>> from fairtut.page.markup import Bundle
    >>> Bundle({"text/plain": "shown in a terminal"})
    shown in a terminal
    """

    data: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return str(self.data["text/plain"])

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return dict(self.data)


def present(thing: T) -> T | None:
    """Display ``thing`` now if a Jupyter kernel runs this code, else hand it back.

    Returning ``None`` in a kernel keeps the last line of a cell from showing it a second time.

    Examples
    --------
    >>> from fairtut.page.markup import present
    >>> present(1)
    1
    """
    if "IPython" not in sys.modules:
        return thing
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return thing
    display(thing)
    return None
