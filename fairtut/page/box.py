"""The verdict box: a chapter's question and answer, at its top and, understood, at its end.

A chapter calls :func:`box` once after its opening paragraphs and :func:`learned` in its last
section.  The chapter writes what only it can say: the answer in one or two sentences, what did
the work, what a reader will be able to do and should know.  The question, the paper's headlines
with their words and the minutes follow from :mod:`fairtut.page.questions`, the claims and the
committed records, by the judge.  Numbers in the texts are passed by name, as to
:func:`fairtut.page.prose.say`::

    box(
        "frtrain",
        objectives=["write the three losses of FR-Train as code"],
        prerequisites=["how a logistic regression is trained"],
        worked="The clean set did the work: plain training on it reaches {plain}.",
        answer="On drawn data, yes: {accuracy} at a disparate impact of {impact}.",
        accuracy=accuracy, impact=impact, plain=plain,
    )

The box speaks of the committed records.  A run may write one of them afterwards, so where outputs
are committed :func:`renewed` writes those parts once more, from the records as they are then.

The output is one piece of HTML that a program without style sheets still shows in order, with
Markdown and plain text behind it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fairtut.errors import InputError
from fairtut.evidence.claims import Paper, chapter_id
from fairtut.evidence.messages import Headline
from fairtut.evidence.standing import fault
from fairtut.page import results, scoreboard
from fairtut.page.markup import Bundle, escape, harmless, inline, plain, present
from fairtut.page.prose import filled, verdict_badge
from fairtut.page.questions import introduced

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "Held": results.HOLDS,
    "Consistent with our runs": ("consistent",),
    "Held in part": ("partly",),
    "Did not hold": ("not reproduced",),
    "Open": ("inconclusive",),
    "Not tested": ("not tested",),
}
"""What a headline's word is listed under, in this order."""

OURS: Final = "No paper claims anything here: what is asked of every method is a question of ours."
"""How a chapter without a paper is counted."""

_CUT: Final = "\x1f"
_LOOK: Final = (
    ":where(.ft-box){border:1px solid #76808d;border-left-width:5px;border-radius:.4rem;"
    "padding:.7rem 1rem;margin:1rem 0;max-width:52rem;text-align:left;overflow-wrap:anywhere}"
    ":where(.ft-box) :where(p,ul){margin:.3rem 0 .6rem}"
    ":where(.ft-box-question){font-size:1.15em;font-weight:600}"
    ":where(.ft-verdict){border:1px solid currentColor;border-radius:1em;padding:0 .5em;"
    "font-size:.85em;font-weight:600;white-space:nowrap}"
)
"""The look where the book's style sheet is absent; ``:where`` lets that one win."""


@dataclass(frozen=True)
class _Part:
    """A part of the box: its title, and a text or a list of (word, text); a word may be empty."""

    title: str
    items: Sequence[tuple[str, str]]
    listed: bool = True


def box(
    paper: str,
    *,
    objectives: Sequence[str],
    prerequisites: Sequence[str],
    worked: str,
    answer: str,
    **values: Any,
) -> Bundle | None:
    r"""Display a chapter's verdict box.

    Parameters
    ----------
    paper : str
        The paper's id, such as ``frtrain``, or the name of a chapter without a paper.
    objectives : sequence of str
        What a reader of the chapter will be able to do; each completes "you can …".
    prerequisites : sequence of str
        What the chapter takes for granted.
    worked : str
        One sentence: which part of the method, or of the data, did the work.
    answer : str
        The answer in one or two sentences, from the *real* record where there is one.
    **values
        What stands for ``{name}`` in `worked` and `answer`.  All texts are inline Markdown.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such paper.
    fairtut.errors.InputError
        If a text is empty, holds a decimal number typed by hand, or values and fields differ.

    Examples
    --------
    A chapter without a paper has no headlines.  Papers and records are left out here, so that
    the lines depend on no run.

    >>> from unittest.mock import patch
    >>> from fairtut.page.box import box
    >>> with patch.multiple("fairtut.page.results", papers=dict, load_records=list):
    ...     shown = box("comparison", objectives=["read a plane"], prerequisites=["what a gap is"],
    ...                 worked="The cut did.", answer="It costs {n} points.", n=2)
    >>> print(*str(shown).split("\n\n")[1:5], sep="\n")
    Answer. It costs 2 points.
    Counted. No paper claims anything here: what is asked of every method is a question of ours.
    What did the work. The cut did.
    Minutes. CPU: not run. GPU: not run.
    """
    _worded(objectives=objectives, prerequisites=prerequisites, worked=[worked], answer=[answer])
    answer, worked = _filled([answer, worked], values)
    return present(
        _bundle(paper, "box", [
            _Part("Answer", [("", answer)], listed=False),
            *_standing(paper),
            _Part("What did the work", [("", worked)], listed=False),
            _Part("Minutes", [("", minutes(paper))], listed=False),
            _Part("After this chapter you can", [("", text) for text in objectives]),
            _Part("You should know", [("", text) for text in prerequisites]),
        ])
    )  # fmt: skip


def learned(paper: str, *, points: Sequence[str], answer: str, **values: Any) -> Bundle | None:
    r"""Display the box again at a chapter's end, with what there is to take along.

    Parameters
    ----------
    paper : str
        The paper's id.
    points : sequence of str
        What the chapter taught, a sentence each.
    answer : str
        As in :func:`box`, in the words that the reader has learnt since.
    **values
        What stands for ``{name}`` in `answer` and `points`.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.UnknownName, fairtut.errors.InputError
        As :func:`box`.

    Examples
    --------
    Papers are left out here, for speed:

    >>> from unittest.mock import patch
    >>> from fairtut.page.box import learned
    >>> with patch("fairtut.page.results.papers", dict):
    ...     shown = learned("comparison", points=["One plane holds {n}."], answer="Yes.", n=5)
    >>> print(*str(shown).split("\n\n")[1:4], sep="\n")
    Answer. Yes.
    What to take along
    * One plane holds 5.
    """
    _worded(points=points, answer=[answer])
    answer, *points = _filled([answer, *points], values)
    parts = [
        _Part("Answer", [("", answer)], listed=False),
        _Part("What to take along", [("", text) for text in points]),
        *_standing(paper),
    ]
    return present(_bundle(paper, "learned", parts))


def minutes(paper: str) -> str:
    """Say how long the committed runs of a paper's chapter took, and on what.

    Parameters
    ----------
    paper : str
        The paper's id, or the name of a chapter without a paper.

    Returns
    -------
    str
        Whole minutes for CPU and GPU, drawn data first; ``not run`` where no record counts.  Small
        runs (``smoke``) are left out.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> from fairtut.page.box import minutes
    >>> from fairtut.page.results import Record
    >>> run = Record("toy", "laptop", "synthetic", device={"threads": 2}, minutes=3.2)
    >>> with patch.multiple("fairtut.page.results", papers=dict, load_records=lambda: [run]):
    ...     minutes("toy")
    'CPU: 3 minutes on drawn data (`laptop`, 2 threads). GPU: not run.'
    """
    runs = _runs(paper)
    own = [r for r in runs if r.device.get("type", "cpu") == "cpu"]
    graphics = [r for r in runs if r not in own]
    return f"CPU: {_times(own)}. GPU: {_times(graphics)}."


def shortest(paper: str) -> str:
    """Say in a few words how long the fastest committed run of a paper's chapter took.

    Parameters
    ----------
    paper : str
        The paper's id, or the name of a chapter without a paper.

    Returns
    -------
    str
        Whole minutes, or ``not run yet`` where no record counts.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> from fairtut.page.box import shortest
    >>> from fairtut.page.results import Record
    >>> runs = [Record("toy", "laptop", "synthetic", minutes=8),
    ...         Record("toy", "laptop", "real", minutes=5)]
    >>> with patch.multiple("fairtut.page.results", papers=dict, load_records=lambda: runs):
    ...     shortest("toy"), shortest("another")
    ('5 minutes', 'not run yet')
    """
    runs = [run.minutes for run in _runs(paper)]
    return f"{min(runs):.0f} minutes" if runs else "not run yet"


def _runs(paper: str) -> list[results.Record]:
    """Return the committed records of a paper's chapter that count."""
    known = results.papers()
    chapter = chapter_id(known[paper].chapter) if paper in known else paper
    found = [r for r in results.load_records() if r.chapter == chapter]
    return [r for r in found if r.preset != "smoke" and not fault(r)]


def _times(runs: Iterable[results.Record]) -> str:
    said = []
    for run in sorted(runs, key=lambda r: (r.data != "synthetic", r.name)):
        data = {"synthetic": "drawn", "real": "real"}[run.data]
        count = run.device.get("threads", 1)
        threads = f"{count} thread{'s' if count != 1 else ''}"
        said.append(f"{run.minutes:.0f} minutes on {data} data (`{run.preset}`, {threads})")
    return ", ".join(said) or "not run"


@functools.cache
def stands(paper: str) -> scoreboard.Standing:
    """Judge a paper on the committed records, once for all that speak of it."""
    claims, records = results.load_claims(paper), results.load_records()
    head: Paper = results.papers()[paper]
    return scoreboard.standing(head, results.judge(claims, records), records)


def renewed(paper: str, text: str) -> str:
    r"""Return a box with what follows from the records as they are now.

    Parameters
    ----------
    paper : str
        The paper's id.
    text : str
        The HTML or the Markdown of :func:`box` or :func:`learned`; other text stays as it is.

    Returns
    -------
    str
        The same text with its headlines, counts and minutes written anew; what the chapter wrote
        itself, such as the answer, is kept.

    Examples
    --------
    The old box tells of a run that is no longer among the records:

    >>> from unittest.mock import patch
    >>> from fairtut.page.box import renewed
    >>> old = "**A question?**\n\n**Answer.** Yes.\n\n**Minutes.** CPU: 9 minutes."
    >>> with patch.multiple("fairtut.page.results", papers=dict, load_records=list):
    ...     print(*renewed("toy", old).split("\n\n"), sep="\n")
    **A question?**
    **Answer.** Yes.
    **Minutes.** CPU: not run. GPU: not run.
    """
    html = text.lstrip().startswith("<section")
    start, write = ("<p><strong>", _html) if html else ("**", _safe)
    gap = "\n" if html else "\n\n"
    head, *parts = text.split(gap + start)
    tail = ""
    if html and parts:
        parts[-1], tail = parts[-1].removesuffix("\n</section>"), "\n</section>"
    titles = [part.partition("</strong>" if html else "**")[0].rstrip(".") for part in parts]
    standing = [write(part) for part in _standing(paper)]
    told = write(_Part("Minutes", [("", minutes(paper))], listed=False))
    found: list[str] = []
    for title, part in zip(titles, parts, strict=True):
        if title in HEADS or title == "Counted":
            found, standing = found + standing, []
        else:
            found.append(told if title == "Minutes" else start + part)
    return gap.join([head, *found]) + tail


def _standing(paper: str) -> list[_Part]:
    """Return the headlines under :data:`HEADS`, and how the paper's claims are counted.

    A chapter that is no paper's has none.
    """
    if paper not in results.papers():
        return [_Part("Counted", [("", OURS)], listed=False)]
    found = stands(paper)
    parts = []
    for title, words in HEADS.items():
        below: list[Headline] = [h for h in found.headlines if h.verdict in words]
        if below:
            parts.append(_Part(title, [(h.verdict, h.says) for h in below]))
    return [*parts, _Part("Counted", [("", found.answer)], listed=False)]


def _worded(**texts: Sequence[str]) -> None:
    for what, several in texts.items():
        if isinstance(several, str):
            raise InputError(f"the box takes a list of sentences as {what}, not one text")
        if not several or not all(text.strip() for text in several):
            raise InputError(f"the box has no {what}: pass {what}=... in words")


def _filled(texts: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Write the values into several texts that share them."""
    return filled(_CUT.join(texts), values).split(_CUT)


def _bundle(paper: str, kind: str, parts: Sequence[_Part]) -> Bundle:
    asked = introduced(paper).question
    body = "\n".join(_html(part) for part in parts)
    title = "Verdict" if kind == "box" else "What we learned"
    name = paper.replace("_", "-")
    page = (
        f'<section class="ft-box" id="ft-{kind}-{name}" aria-label="{title}">\n'
        f'<style>{_LOOK}</style>\n<p class="ft-box-question">{escape(asked)}</p>\n'
        f"{body}\n</section>"
    )
    text = "\n\n".join([f"**{asked}**", *(_markdown(part) for part in parts)])
    return Bundle({"text/html": page, "text/markdown": harmless(text), "text/plain": plain(text)})


def _html(part: _Part) -> str:
    texts = [
        (f"{verdict_badge(word)} " if word else "") + inline(text) for word, text in part.items
    ]
    if not part.listed:
        return f"<p><strong>{part.title}.</strong> {texts[0]}</p>"
    items = "".join(f"<li>{text}</li>" for text in texts)
    return f"<p><strong>{part.title}</strong></p>\n<ul>{items}</ul>"


def _markdown(part: _Part) -> str:
    texts = [(f"*{word}*: " if word else "") + text for word, text in part.items]
    if not part.listed:
        return f"**{part.title}.** {texts[0]}"
    return "\n".join([f"**{part.title}**", "", *(f"* {text}" for text in texts)])


def _safe(part: _Part) -> str:
    return harmless(_markdown(part))
