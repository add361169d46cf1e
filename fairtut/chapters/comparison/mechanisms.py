"""Drawn mechanisms: where methods act, how two labels arise, how a setting is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairtut.page.mechanism import Diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def places() -> Figure:
    """Draw the way from a picture to a decision, with what acts where."""
    d = Diagram(width=7.4, height=3.0)
    d.box("x", (0.8, 2.1), "picture", role="data")
    d.box("g", (2.8, 2.1), "encoder", role="model")
    d.box("f", (4.8, 2.1), "classifier", role="model")
    d.box("y", (6.6, 2.1), "decision", role="output")
    d.box("i", (0.8, 0.6), "FAAP, border,\npatch", role="frozen")
    d.box("r", (2.8, 0.6), "DVGE, FFVAE,\nADT, LASSI", role="frozen")
    d.box("t", (4.8, 0.6), "adversaries,\nweights", role="frozen")
    d.box("c", (6.6, 0.6), "thresholds", role="frozen")
    for one, other in (("x", "g"), ("g", "f"), ("f", "y")):
        d.arrow(one, other)
    for low, high in (("i", "x"), ("r", "g"), ("t", "f"), ("c", "y")):
        d.arrow(low, high)
    return d.figure()


def labels() -> Figure:
    """Draw how a recorded label comes from a true one, and who sees which."""
    d = Diagram(width=7.0, height=2.7)
    d.box("f", (0.9, 1.9), "face", role="data")
    d.box("t", (2.7, 1.9), "true label", role="data")
    d.box("r", (5.6, 1.9), "recorded label", role="data")
    d.box("m", (5.6, 0.5), "every method", role="model")
    d.box("c", (2.7, 0.5), "clean set", role="data")
    d.arrow("f", "t")
    d.arrow("t", "r", "mistakes, by group")
    d.arrow("r", "m")
    d.arrow("t", "c", "a few")
    d.arrow("c", "m", "some of them", dashed=True)
    return d.figure()


def choice() -> Figure:
    """Draw how a setting is chosen on one set of people and judged on another."""
    d = Diagram(width=7.2, height=2.7)
    d.box("s", (0.9, 1.35), "a method,\nequal settings", role="model")
    d.box("v", (3.1, 2.1), "validation\npeople", role="data")
    d.box("p", (5.9, 2.1), "fairest that costs\nat most δ", role="loss")
    d.box("t", (3.1, 0.6), "test people", role="data")
    d.box("b", (5.9, 0.6), "accuracy, DEO,\nanswers", role="output")
    d.arrow("s", "v")
    d.arrow("v", "p")
    d.arrow("s", "t")
    d.arrow("t", "b")
    d.arrow("p", "b", "one setting")
    return d.figure()
