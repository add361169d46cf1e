"""The drawn mechanisms of the chapter on word triggers: the words, the update, who learns.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairtut.page.mechanism import Diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def two_triggers() -> Figure:
    """Draw five words behind a comment, as mixtures (soft) and as words (hard)."""
    d = Diagram(width=6.6, height=3.6)
    d.box("v", (0.9, 1.8), "5 points v\non the simplex", role="model")
    d.box("soft", (2.9, 2.9), "soft: mixture\nof all words", role="model")
    d.box("hard", (2.9, 0.7), "hard: the\nlargest word", role="model")
    d.box("x", (4.7, 1.8), "[CLS] comment\n+ 5 words [SEP]", role="data")
    d.box("f", (6.0, 2.95), "filter f", role="frozen")
    d.arrow("v", "soft")
    d.arrow("v", "hard")
    d.arrow("soft", "x")
    d.arrow("hard", "x")
    d.arrow("x", "f")
    return d.figure()


def update() -> Figure:
    """Draw one update of a hard trigger: gradient by the table, step, projection, word."""
    d = Diagram(width=6.6, height=3.6)
    d.box("v", (0.8, 2.8), "point v", role="model")
    d.box("word", (2.6, 2.8), "largest word\n(one-hot)", role="model")
    d.box("E", (4.4, 2.8), "table E", role="frozen")
    d.box("G", (5.8, 2.8), "losses", role="loss")
    d.box("step", (4.4, 0.8), "step: v leaves\nthe simplex", role="model")
    d.box("near", (1.5, 0.8), "nearest point\nmax(v - τ, 0)", role="model")
    d.arrow("v", "word")
    d.arrow("word", "E")
    d.arrow("E", "G")
    d.arrow("G", "step", dashed=True)
    d.arrow("step", "near")
    d.arrow("near", "v")
    return d.figure()


def players() -> Figure:
    """Draw who is frozen and who learns: the filter, the adversary and the trigger."""
    d = Diagram(width=6.6, height=4.0)
    d.box("v", (0.9, 0.8), "trigger v", role="model")
    d.box("x", (0.9, 2.6), "comment\n+ words", role="data")
    d.box("f", (2.6, 2.6), "filter f", role="frozen")
    d.box("D", (4.3, 3.4), "adversary d", role="adversary")
    d.box("LD", (6.0, 3.4), "loss of s", role="loss")
    d.box("LY", (4.3, 2.0), "loss of y", role="loss")
    d.box("G", (4.3, 0.8), "update G", role="loss")
    d.arrow("v", "x")
    d.arrow("x", "f")
    d.arrow("f", "D")
    d.arrow("f", "LY")
    d.arrow("D", "LD")
    d.arrow("LD", "D", bend=0.6, dashed=True)
    d.arrow("LY", "G")
    d.arrow("LD", "G")
    d.arrow("G", "v", "teaches v", dashed=True)
    return d.figure()
