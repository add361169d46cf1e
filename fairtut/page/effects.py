"""Effects that a page speaks of: asserted where the page is made, told where they are absent.

A sentence such as "the gap closes" is about one run: the committed one.  There it is an assertion,
and so it is in the small run of every push.  A reader who takes another seed or other data may see
no effect: the chapter then runs on and says so.

>>> expect = Effects("laptop", "synthetic", seed=3)
>>> expect(False, "the gap closes", "the gap does not close with this seed")
the gap does not close with this seed
False
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Final

PINNED: Final = frozenset({("smoke", "synthetic", 0), ("laptop", "synthetic", 0)})
"""The runs whose effects are asserted: the one of every push, and the one that is committed."""

NOTED: Final = "FAIRTUT_EFFECTS"
"""Variable of the environment: the file to which every effect is noted, a line of JSON each."""


class Answer(int):
    """A truth value that a notebook does not print below a cell that ends with it.

    Examples
    --------
    >>> from fairtut.page.effects import Answer
    >>> Answer(True), Answer(0)
    (True, False)
    >>> "the gap closes" if Answer(False) else "the gap stays"
    'the gap stays'
    """

    def __repr__(self) -> str:
        return repr(bool(self))

    def _ipython_display_(self) -> None: ...


class MissingEffect(AssertionError):
    """An effect that a page speaks of is absent in a run that must show it."""


@dataclass(frozen=True)
class Effects:
    """What a run must show, by its preset, its data and its seed.

    Attributes
    ----------
    preset, data : str
        Names from ``fairtut.runtime.presets``.
    seed : int
        The root seed of the chapter.

    Examples
    --------
    The committed run must show what the page says; another seed need not:

    >>> from fairtut.page.effects import Effects
    >>> Effects("laptop", "synthetic", seed=0)(False, "the gap closes", "it stays")
    Traceback (most recent call last):
    fairtut.page.effects.MissingEffect: this run must show that the gap closes; it shows: it stays
    >>> Effects("laptop", "synthetic", seed=1)(False, "the gap closes", "it stays")
    it stays
    False
    """

    preset: str
    data: str
    seed: int

    @property
    def pinned(self) -> bool:
        """Whether an absent effect stops this run."""
        return (self.preset, self.data, self.seed) in PINNED

    def __call__(self, holds: Any, sentence: str, otherwise: str, *, only: str = "") -> Answer:
        """Check an effect.

        Parameters
        ----------
        holds : bool
            Whether the effect is there; NaN counts as absent.
        sentence : str
            What the page says.
        otherwise : str
            What is said instead where the effect is absent and the run goes on.
        only : str, optional
            The one preset in which the effect is asserted (a small run may be too small to show
            it); by default every pinned run.

        Returns
        -------
        Answer
            Whether the effect is there; true or false, and silent at the end of a cell.

        Raises
        ------
        MissingEffect
            In a pinned run without the effect.
        """
        # NaN is truthy, and equal to nothing: an undefined effect is no effect
        there, asserted = bool(holds == holds) and bool(holds), only in ("", self.preset)
        if path := os.environ.get(NOTED):
            line = {"sentence": sentence, "there": there, "asserted": asserted, "seed": self.seed}
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if not there and self.pinned and asserted:
            raise MissingEffect(f"this run must show that {sentence}; it shows: {otherwise}")
        if not there:
            print(otherwise)
        return Answer(there)
