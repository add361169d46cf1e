"""Sentences whose numbers are computed, never typed.

>>> from fairtut.metrics import over_seeds
>>> say("FR-Train reaches {acc} over {n} draws.", acc=over_seeds([0.80, 0.81, 0.82]), n=3)
FR-Train reaches 0.810 [0.785, 0.835] over 3 draws.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

from fairtut.errors import InputError, UnknownName
from fairtut.evidence.spelling import NOTHING, number
from fairtut.evidence.verdicts import Verdict
from fairtut.metrics.estimates import Estimate
from fairtut.page.markup import Bundle, escape, harmless, present

BADGES: Final[Mapping[str, str]] = {
    "reproduced": "reproduced",
    "consistent": "consistent",
    "trend reproduced": "trend",
    "partly": "partly",
    "not reproduced": "not",
    "inconclusive": "inconclusive",
    "not tested": "untested",
    "yes": "yes",
    "no": "no",
    "unclear": "unclear",
}
"""The class of each verdict's and answer's badge; its colours are in the book's style sheet."""

_ZERO: Final = re.compile(r"\s*-0(\.0*)?%?\s*")  # what rounding leaves has no sign
_TYPED: Final = re.compile(r"\d*\.\d+")
_LINK: Final = re.compile(r"\]\([^)]*\)|<https?://[^>]*>")


def say(template: str, **values: Any) -> Bundle | None:
    """Display Markdown in which every number is computed.

    Parameters
    ----------
    template : str
        Markdown with ``{name}`` or ``{name:spec}`` where a value belongs; the specification is
        that of ``format`` for one number and is applied to each end of an interval too.
        Braces of mathematics are doubled.
    **values
        Numbers, :class:`~fairtut.metrics.Value`, :class:`~fairtut.metrics.Estimate` (written with
        its interval), :class:`~fairtut.evidence.verdicts.Verdict` (its word), or text without
        decimals.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If the template or a text holds a decimal number typed by hand, a value is missing, or one
        is not used.

    Examples
    --------
    >>> from fairtut.page.prose import say
    >>> print(say("Ten is {n}.", n=10))
    Ten is 10.
    """
    text = filled(template, values, harmless)
    return present(Bundle({"text/markdown": text, "text/plain": text}))


def filled(template: str, values: Mapping[str, Any], guard: Callable[[str], str] = str) -> str:
    """Return a template of :func:`say` with its values written in.

    >>> filled("It takes {n} rows, {share:.0%} of all.", {"n": 1800, "share": 0.25})
    'It takes 1,800 rows, 25% of all.'

    Parameters
    ----------
    template, values
        As :func:`say` takes them, with the same errors.
    guard : callable, optional
        Takes from a text among the values what the page would run.
    """
    return _Writer(guard).vformat(_checked(template, values), (), values)


def verdict_badge(verdict: str | Verdict) -> str:
    """Return a verdict as an HTML badge: its word, in a ``span`` that the book colours.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such verdict.

    Examples
    --------
    >>> from fairtut.page.prose import verdict_badge
    >>> "reproduced" in verdict_badge("reproduced")
    True
    """
    word = verdict.verdict if isinstance(verdict, Verdict) else verdict
    if word not in BADGES:
        raise UnknownName.of("verdict", word, list(BADGES))
    return f'<span class="ft-verdict {BADGES[word]}">{escape(word)}</span>'


def written(value: Any, spec: str = "") -> str:
    """Write one value as prose does.

    >>> written(0.8144), written(1800), written(True), written(None), written(0.25, ".0%")
    ('0.814', '1,800', 'yes', '–', '25%')
    """
    if getattr(value, "size", 1) == 1 and hasattr(value, "item"):  # NumPy scalars and the like
        value = value.item()
    if isinstance(value, Estimate):
        low, high = (written(end, spec) for end in (value.low, value.high))
        interval = "no interval" if NOTHING in (low, high) else f"{low}, {high}"
        return f"{written(value.value, spec)} [{interval}]"
    if isinstance(value, Verdict):
        return value.verdict
    if value is None or isinstance(value, bool):
        return {None: NOTHING, True: "yes", False: "no"}[value]
    if isinstance(value, str):
        if _TYPED.search(value):
            raise InputError(f"text {value!r} holds a number typed by hand: pass the number itself")
        return format(value, spec)
    if not isinstance(value, int | float):
        raise InputError(f"cannot write a {type(value).__name__} in prose: pass a number or text")
    missing = isinstance(value, float) and value != value
    if not spec or missing:
        return number(value)
    text = format(value, spec)
    return format(abs(value), spec) if _ZERO.fullmatch(text) else text


class _Writer(string.Formatter):
    def __init__(self, guard: Callable[[str], str]) -> None:
        self.guard = guard

    def format_field(self, value: Any, format_spec: str) -> str:
        text = written(value, format_spec)
        return self.guard(text) if isinstance(value, str) else text


def _checked(template: str, values: Mapping[str, Any]) -> str:
    """Refuse typed decimals, and fields and values that do not match."""
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InputError(
            f"the template is malformed ({error}): double the braces of maths"
        ) from None
    typed = _TYPED.findall(_LINK.sub("", "{}".join(text for text, *_ in pieces)))
    if typed:
        raise InputError(
            f"{typed[0]} is typed by hand: write {{name}} and pass the number as name=..."
        )
    fields = {re.split(r"[.\[]", name)[0] for _, name, _, _ in pieces if name is not None}
    _match(fields - set(values), "has {%s} but no value for it: pass %s=...")
    _match(set(values) - fields, "has no {%s}: use it in the text or do not pass %s")
    return template


def _match(names: set[str], problem: str) -> None:
    if names:
        name = min(names)
        raise InputError("the template " + problem % (name, name or "a name"))
