"""The drawn mechanisms of the chapter on image triggers: who plays, and what a border can do.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairtut.page.mechanism import Diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def players() -> Figure:
    """Draw one turn: what flows forward, and which gradients reach the trigger's pixels."""
    d = Diagram(width=6.6, height=4.5)
    d.box("x", (0.75, 3.7), "pictures x", role="data")
    d.box("w", (0.75, 1.6), "trigger\nδ = tanh(w)", role="model")
    d.box("seen", (2.5, 2.65), "g(x) + δ", role="data")
    d.box("f", (4.05, 2.65), "BASE\nfrozen", role="frozen")
    d.box("d", (5.65, 3.8), "discriminator\nd", role="adversary")
    d.box("z", (5.65, 0.55), "CE of s", role="loss")
    d.box("y", (4.05, 1.6), "CE of y", role="loss")
    d.box("G", (2.5, 0.55), "g_y − ⟨g_y, u⟩ u − λ g_z", role="loss")
    d.arrow("x", "seen", "make room")
    d.arrow("w", "seen", "the same\nfor all")
    d.arrow("seen", "f")
    d.arrow("f", "d", "logits o")
    d.arrow("d", "z")
    d.arrow("f", "y", "o")
    d.arrow("y", "G", "g_y", dashed=True)
    d.arrow("z", "G", "g_z", dashed=True)
    d.arrow("G", "w", "moves w", dashed=True)
    return d.figure()


def shapes() -> Figure:
    """Draw what a patch and a border do to a picture: the one covers, the other shrinks."""
    d = Diagram(width=6.6, height=3.9)
    d.box("x", (0.85, 1.95), "picture x\n64 × 64", role="data")
    d.box("cut", (2.75, 3.05), "blank a corner\n23 × 23", role="frozen")
    d.box("small", (2.75, 0.85), "shrink to 52 × 52,\nring of 6 empty", role="frozen")
    d.box("patch", (5.3, 3.05), "13 % are trigger;\nwhat lay there is lost", role="output")
    d.box("border", (5.3, 0.85), "34 % are trigger;\nall is there, blurred", role="output")
    d.arrow("x", "cut", "patch")
    d.arrow("x", "small", "border")
    d.arrow("cut", "patch", "+ δ")
    d.arrow("small", "border", "+ δ")
    d.note((4.0, 1.95), "The one loses a place, the other sharpness.")
    return d.figure()


def linear_head() -> Figure:
    """Draw why a border before a pooled linear network only moves its threshold."""
    d = Diagram(width=6.6, height=4.3)
    d.box("face", (0.95, 3.3), "inner picture\nof person i", role="data")
    d.box("ring", (0.95, 1.1), "ring δ, the\nsame for all", role="model")
    d.box("a", (2.75, 3.3), "local\nfeatures", role="frozen")
    d.box("b", (2.75, 1.1), "local\nfeatures", role="frozen")
    d.box("mean", (4.2, 2.2), "mean over\nplaces, then\nlinear", role="frozen")
    d.box("out", (5.8, 2.2), "logit\na_i + b", role="output")
    d.arrow("face", "a")
    d.arrow("ring", "b")
    d.arrow("a", "mean", "a_i")
    d.arrow("b", "mean", "b")
    d.arrow("mean", "out")
    d.note((4.9, 0.75), "a_i + b > 0 means a_i > −b:\nonly a moved threshold")
    return d.figure()


def deafened() -> Figure:
    """Draw the theorem's world: a loud word saturates what is known of s, for everybody."""
    d = Diagram(width=6.6, height=4.3)
    d.box("wy", (1.0, 3.5), "words drawn\ngiven y", role="data")
    d.box("ws", (1.0, 2.1), "words drawn\ngiven s", role="data")
    d.box("t", (1.0, 0.7), "trigger word:\n“s = 1”, loud", role="model")
    d.box("py", (3.2, 3.5), "p(y | its words)", role="frozen")
    d.box("ps", (3.2, 2.1), "p(s | its words)", role="frozen")
    d.box("h", (4.8, 2.8), "h", role="frozen")
    d.box("out", (5.85, 2.8), "ŷ", role="output")
    d.arrow("wy", "py")
    d.arrow("ws", "ps")
    d.arrow("t", "ps", "drowns the words")
    d.arrow("py", "h")
    d.arrow("ps", "h", "1 for all", dashed=True)
    d.arrow("h", "out")
    d.note(
        (4.75, 0.9), "ŷ then depends on the words\nof y alone: given y,\nit says nothing about s"
    )
    return d.figure()


def protocol() -> Figure:
    """Draw which people meet which step of one cell of the experiment."""
    d = Diagram(width=6.6, height=4.4)
    d.box("train", (0.95, 3.7), "training\npeople", role="data")
    d.box("tune", (0.95, 2.5), "tuning\npeople", role="data")
    d.box("val", (0.95, 1.4), "validation\npeople", role="data")
    d.box("test", (0.95, 0.45), "test people", role="data")
    d.box("base", (3.0, 3.7), "BASE", role="frozen")
    d.box("fit", (3.0, 2.5), "trigger, λ", role="model")
    d.box("snap", (5.3, 2.5), "a few\nsnapshots", role="model")
    d.box("one", (5.3, 1.4), "one of them", role="frozen")
    d.box("num", (5.3, 0.45), "accuracy, DP, EO", role="output")
    d.arrow("train", "base", "fit")
    d.arrow("base", "fit", "freeze")
    d.arrow("tune", "fit", "fit")
    d.arrow("fit", "snap")
    d.arrow("snap", "one")
    d.arrow("val", "one", "least bias above the floor")
    d.arrow("one", "num")
    d.arrow("test", "num", "decide")
    return d.figure()
