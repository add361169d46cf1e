"""Text that a notebook shows: numbers, safe HTML, and objects that Jupyter displays."""

from __future__ import annotations

import html
import math
import re
import sys
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

NOTHING = "–"
"""What stands where there is no number."""

_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

T = TypeVar("T")


def number(x: float | int | None) -> str:
    """Write a number as the book does: three decimals, fewer when it is large.

    >>> number(0.81449), number(1800), number(123.456), number(2.3e-7), number(None)
    ('0.814', '1,800', '123.5', '2.3·10⁻⁷', '–')
    """
    if x is None or (isinstance(x, float) and math.isnan(x)):
        return NOTHING
    if isinstance(x, int) or abs(x) >= 1000:
        return f"{x:,.0f}"
    if abs(x) >= 100:
        return f"{x:.1f}"
    # zero has no sign
    return f"{x + 0.0:.3f}" if abs(x) >= 0.001 or x == 0 else powers(f"{x:.2g}")


def points(x: float) -> str:
    """Write a difference in points with its sign; zero has none.

    >>> points(1.24), points(-0.36), points(-0.04)
    ('+1.2', '-0.4', '0.0')
    """
    rounded = round(x, 1) + 0.0
    return f"{rounded:+.1f}" if rounded else "0.0"


def powers(text: str) -> str:
    """Write the exponents of numbers as powers of ten, which everybody can read.

    >>> powers("from 2.3e-07 to 1e+06")
    'from 2.3·10⁻⁷ to 1·10⁶'
    """
    return re.sub(r"(?<=\d)e([+-]\d+)", lambda m: "·10" + f"{int(m[1])}".translate(_RAISED), text)


def spelled(id: str) -> str:
    """Write an id as words for a page.

    >>> spelled("poisoned.fr-train.accuracy"), spelled("d4.celeba-male_oval.eta0.5-dp")
    ('poisoned · fr train · accuracy', 'd4 · celeba male oval · eta0.5 dp')
    """
    return re.sub(r"[-_]", " ", re.sub(r"\.(?=[a-z])|(?<=[a-z])\.", " · ", id))


def words(name: str) -> str:
    """Write a name of the code as words; anything else stays as it is.

    >>> words("other_religions"), words("$x_i$"), words("Blond_Hair")
    ('other religions', '$x_i$', 'Blond_Hair')
    """
    return name.replace("_", " ") if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", name) else name


def escape(text: object) -> str:
    """Escape text for HTML, in an element or in a quoted attribute."""
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
    """Drop the marks of inline Markdown."""
    return re.sub(r"[`$]|\*\*?(?=\S)|(?<=\S)\*\*?", "", text)


@dataclass(frozen=True)
class Bundle:
    """Something that Jupyter shows in the richest form that the reader's program knows.

    Attributes
    ----------
    data : dict
        From MIME type to content; always with ``text/plain``.
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
    """
    if "IPython" not in sys.modules:
        return thing
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return thing
    display(thing)
    return None
