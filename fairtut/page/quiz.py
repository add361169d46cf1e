"""Self-checks: a few questions whose answers unfold, without a script.

>>> shown = quiz(
...     [Check("What does the constant classifier's gap measure?",
...            ["nothing: it is always zero", "the base rates"], right=0,
...            why="Everybody gets the same answer, so no group differs.")],
...     name="constant",
... )
>>> print(str(shown).splitlines()[0])
1. What does the constant classifier's gap measure?

Every question is a group of radio buttons with a legend, so the arrow keys move in it and a screen
reader says what belongs together; a word beside the chosen option says whether it is right.  The
answer and its reason unfold below (``<details>``).  Where a program removes styles, the words stay
hidden and the answer still unfolds; one that reads no HTML gets questions and answers as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fairtut.errors import InputError
from fairtut.page.markup import Bundle, harmless, inline, named, plain, present

_LOOK: Final = (
    ":where(.ft-quiz) :where(fieldset){border:1px solid #76808d;border-radius:.4rem;"
    "padding:.5rem 1rem;margin:1rem 0;max-width:52rem;text-align:left;min-width:0}"
    ":where(.ft-quiz) :where(legend){font-weight:600;font-size:1em;padding:0 .3rem;float:none;"
    "width:auto}"
    ":where(.ft-option){margin:.25rem 0;display:flex;gap:.5rem;align-items:baseline;"
    "flex-wrap:wrap}"
    ":where(.ft-option) label{flex:0 1 auto;max-width:calc(100% - 2rem);margin:0}"
    ":where(.ft-quiz) summary{cursor:pointer}"
    ".ft-told[hidden]{display:none}"
    ".ft-option input:checked~span>.ft-told{display:inline!important}"
    ":where(.ft-told){font-weight:600}"
)
"""The look where the book's style sheet is absent; the word of the chosen option needs it."""


@dataclass(frozen=True)
class Check:
    """One question with its options.

    Parameters
    ----------
    question : str
        Inline Markdown, as the other texts.
    options : sequence of str
        At least two, all different.
    right : int
        The index of the right option, counted from 0 as in Python.
    why : str
        Why it is right, and what is wrong with the one that tempts.

    Raises
    ------
    fairtut.errors.InputError
        If a text is empty, an option stands twice or alone, or `right` is no index of the options.

    Examples
    --------
    >>> from fairtut.page.quiz import Check
    >>> check = Check("Is a gap of 0 proof of fairness?", ["yes", "no"], right=1, why="One metric.")
    >>> check.options[check.right]
    'no'
    >>> Check("Is it?", ["yes", "no"], right=2, why="It is.")
    Traceback (most recent call last):
    fairtut.errors.InputError: check 'Is it?': right=2 is no index of its 2 options, counted from 0
    """

    question: str
    options: Sequence[str]
    right: int
    why: str

    def __post_init__(self) -> None:
        texts = [self.question, *self.options, self.why]
        if isinstance(self.options, str) or not all(text.strip() for text in texts):
            raise InputError(f"check {self.question!r}: question, options and why need words")
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise InputError(f"check {self.question!r}: give at least two options, all different")
        if self.right not in range(len(self.options)):
            raise InputError(
                f"check {self.question!r}: right={self.right!r} is no index of its "
                f"{len(self.options)} options, counted from 0"
            )


def quiz(checks: Sequence[Check], *, name: str) -> Bundle | None:
    """Display questions for the reader to check themselves.

    Parameters
    ----------
    checks : sequence of Check
        In a chapter, five.
    name : str
        Lower-case words joined by hyphens, unique in the chapter; ids start with it.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If there is no question or the name is malformed.

    Examples
    --------
    >>> from fairtut.page.quiz import Check, quiz
    >>> check = Check("Is a gap of 0 proof of fairness?", ["yes", "no"], right=1, why="One metric.")
    >>> shown = quiz([check], name="gaps")
    >>> print(shown)
    1. Is a gap of 0 proof of fairness?
       - yes
       - no
    <BLANKLINE>
       Answer: no. One metric.
    >>> shown.data["text/html"].count('type="radio"')
    2
    """
    named(name)
    if not checks:
        raise InputError(f"quiz {name!r} has no questions: pass a list of Check(...)")
    body = "\n".join(_html(check, f"quiz-{name}-{i}", i) for i, check in enumerate(checks, 1))
    page = f'<div class="ft-quiz" id="quiz-{name}">\n<style>{_LOOK}</style>\n{body}\n</div>'
    text = "\n\n".join(_markdown(check, i) for i, check in enumerate(checks, 1))
    data = {"text/html": page, "text/markdown": harmless(text), "text/plain": plain(text)}
    return present(Bundle(data))


def _html(check: Check, id: str, i: int) -> str:
    options = "\n".join(
        f'<div class="ft-option"><input type="radio" name="{id}" id="{id}-{k}">'
        f'<label for="{id}-{k}">{inline(option)}</label>'
        f'<span aria-live="polite">{_told(k == check.right)}</span></div>'
        for k, option in enumerate(check.options)
    )
    return (
        f"<fieldset><legend>{i}. {inline(check.question)}</legend>\n{options}\n"
        f"<details><summary>Answer</summary><p><strong>{inline(check.options[check.right])}"
        f"</strong></p><p>{inline(check.why)}</p></details></fieldset>"
    )


def _told(right: bool) -> str:
    word, kind = ("✓ right", "reproduced") if right else ("✗ not this one", "not")
    return f'<span class="ft-told ft-verdict {kind}" hidden="hidden">{word}</span>'


def _markdown(check: Check, i: int) -> str:
    options = [f"   - {option}" for option in check.options]
    answer = f"   Answer: {check.options[check.right]}. {check.why}"
    return "\n".join([f"{i}. {check.question}", *options, "", answer])
