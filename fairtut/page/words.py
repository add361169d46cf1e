"""Highlighted words: what each word of a text contributed, for eyes and for screen readers.

Colour only repeats what stands there: every word carries its signed value, words of a trigger are
marked as such, and the same numbers follow as a table.  The backgrounds are translucent, so that
the page's own ink stays legible on a light and on a dark page (``tests/unit/test_highlight.py``
computes the contrast).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fairtut.errors import InputError
from fairtut.page.markup import Bundle, escape, inline, named, plain, present

TOWARDS: Final = (213, 94, 0)
AWAY: Final = (0, 114, 178)
"""Colours of positive and of negative contributions; the two stay apart for colour-blind eyes."""
DEEPEST: Final = 0.45
"""Opacity behind the largest contribution."""


@dataclass(frozen=True)
class Word:
    """A word and what it contributed.

    Attributes
    ----------
    text : str
    value : float
        Any finite number; its sign says in which direction.
    added : bool
        Whether it belongs to a trigger.

    Examples
    --------
    >>> from fairtut.page.words import Word
    >>> Word("kind", -0.2).added
    False
    """

    text: str
    value: float
    added: bool = False


def highlight(
    rows: Mapping[str, Sequence[Word]], *, caption: str, name: str,
    directions: tuple[str, str] = ("towards toxic", "towards harmless"),
) -> Bundle | None:  # fmt: skip
    """Display texts whose words are highlighted by their contribution.

    Parameters
    ----------
    rows : mapping of str to sequence of Word
        What each text is, such as ``as deployed: toxicity .15``, and its words in order.  Mask what
        must not be printed before it comes here.
    caption : str
        Inline Markdown.
    name : str
        Lower-case words joined by hyphens, unique in the chapter.
    directions : (str, str)
        What a positive and a negative value mean.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If there is no text, one has no words, a value is not finite, the caption is empty or the
        name is malformed.

    Examples
    --------
    >>> from fairtut.page.words import highlight
    >>> from fairtut.page.words import Word
    >>> found = highlight({"one": [Word("kind", -0.2)]}, caption="A word.", name="kind")
    >>> print(found)
    one: kind (−0.20)
    A word.
    """
    named(name)
    if not caption.strip():
        raise InputError(f"highlight {name!r}: give a caption")
    if not rows or not all(rows.values()):
        raise InputError(f"highlight {name!r}: a text has no words, or there is none")
    values = [word.value for words in rows.values() for word in words]
    if not all(math.isfinite(value) for value in values):
        raise InputError(f"highlight {name!r}: a contribution is not a finite number")
    largest = max(map(abs, values)) or 1.0
    marked = [_text(title, words, largest, directions) for title, words in rows.items()]
    tables = [_table(title, words, directions) for title, words in rows.items()]
    html = (
        f'<figure class="ft-figure" id="fig-{name}">\n'
        f'<div style="text-align:left">{"".join(marked)}</div>\n'
        '<details style="text-align:left"><summary>The same words and numbers as tables</summary>'
        f'<div class="ft-scroll">{"".join(tables)}</div></details>\n'
        f"<figcaption>{inline(caption)} {escape(_legend(directions))}</figcaption>\n</figure>"
    )
    flat = [f"{title}: " + " ".join(map(_plain, words)) for title, words in rows.items()]
    data = {"text/html": html, "text/plain": "\n".join([*flat, plain(caption)])}
    return present(Bundle(data))


def signed(value: float) -> str:
    """Write a contribution with its sign and two decimals; no sign where it rounds to nothing.

    Examples
    --------
    >>> from fairtut.page.words import signed
    >>> signed(-0.123), signed(0.001)
    ('−0.12', '0.00')
    """
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def _means(value: float, directions: tuple[str, str]) -> str:
    """Say in which direction a contribution goes, if it is written with a sign."""
    if signed(value) == "0.00":
        return "neither"
    return directions[0] if value > 0 else directions[1]


def opacity(value: float, largest: float) -> float:
    """Return how strong the background of a contribution is, in [0, :data:`DEEPEST`].

    Examples
    --------
    >>> from fairtut.page.words import opacity
    >>> opacity(0.5, 1.0)
    0.225
    """
    return DEEPEST * min(abs(value) / largest, 1.0)


def _text(title: str, words: Sequence[Word], largest: float, directions: tuple[str, str]) -> str:
    spans = "\n".join(_span(word, largest, directions) for word in words)
    return f'<p><strong>{escape(title)}</strong></p><p style="line-height:2.4">{spans}</p>'


def _span(word: Word, largest: float, directions: tuple[str, str]) -> str:
    red, green, blue = TOWARDS if word.value > 0 else AWAY
    line = "solid" if word.value > 0 else "dotted"
    direction = _means(word.value, directions)
    style = "padding:.1em .25em"
    if direction != "neither":
        style += (
            f";background:rgba({red},{green},{blue},{opacity(word.value, largest):.2f})"
            f";border-bottom:2px {line} rgb({red},{green},{blue})"
        )
    if word.added:
        style += ";outline:1px dashed currentColor"
    what = "trigger word, " if word.added else ""
    return (
        f'<span style="{style}" title="{escape(what + direction)}">{escape(word.text)}'
        f'<small style="margin-left:.3em">{signed(word.value)}</small></span>'
    )


def _table(title: str, words: Sequence[Word], directions: tuple[str, str]) -> str:
    head = "".join(f'<th scope="col">{h}</th>' for h in ("Word", "Part", "Contribution", "Means"))
    rows = "".join(
        f'<tr><th scope="row">{escape(w.text)}</th><td>{"trigger" if w.added else "text"}</td>'
        f"<td>{signed(w.value)}</td>"
        f"<td>{escape(_means(w.value, directions))}</td></tr>"
        for w in words
    )
    return (
        f'<table class="table"><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _legend(directions: tuple[str, str]) -> str:
    return (
        f"Positive numbers, solid underline: {directions[0]}; negative ones, dotted underline: "
        f"{directions[1]}. A dashed frame marks the words of the trigger."
    )


def _plain(word: Word) -> str:
    text = f"<{word.text}>" if word.added else word.text
    return f"{text} ({signed(word.value)})"
