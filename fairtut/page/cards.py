"""A small drawing for each chapter's card: who stands where between the data and the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from fairtut.errors import UnknownName
from fairtut.page import figures
from fairtut.page.mechanism import Diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.2, 1.5
_LOW, _MIDDLE, _HIGH = 0.35, 0.75, 1.15


def frtrain() -> Figure:
    """Two adversaries train against one classifier.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure = frtrain()
    >>> "poison?" in {text.get_text() for axis in figure.axes for text in axis.texts}
    True
    >>> plt.close(figure)
    """
    d = Diagram(WIDTH, HEIGHT)
    d.box("x", (0.55, _MIDDLE), "flipped\nlabels", role="data")
    d.box("f", (2.0, _MIDDLE), "classifier", role="model")
    d.box("group", (3.5, _HIGH), "group?", role="adversary")
    d.box("poison", (3.5, _LOW), "poison?", role="adversary")
    d.arrow("x", "f")
    d.arrow("f", "group")
    d.arrow("f", "poison")
    return d.figure()


def faap() -> Figure:
    """A generator writes a small change onto each picture before a deployed model sees it.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure = faap()
    >>> "its own change" in {text.get_text() for axis in figure.axes for text in axis.texts}
    True
    >>> plt.close(figure)
    """
    d = Diagram(WIDTH, HEIGHT)
    d.box("x", (0.5, _LOW), "picture", role="data")
    d.box("g", (0.7, _HIGH), "generator", role="model")
    d.box("f", (2.2, _LOW), "deployed", role="frozen")
    d.box("group", (3.55, _LOW), "group?", role="adversary")
    d.arrow("x", "g")
    d.arrow("x", "f")
    d.arrow("g", "f", "its own change")
    d.arrow("f", "group")
    return d.figure()


def dvge() -> Figure:
    """Codes are pushed along a gradient before a classifier learns from them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure = dvge()
    >>> "push" in {text.get_text() for axis in figure.axes for text in axis.texts}
    True
    >>> plt.close(figure)
    """
    d = Diagram(WIDTH, HEIGHT)
    d.box("x", (0.5, _MIDDLE), "picture", role="data")
    d.box("z", (1.75, _MIDDLE), "code", role="frozen")
    d.box("s", (3.25, _HIGH), "group?", role="adversary")
    d.box("f", (3.25, _LOW), "classifier", role="model")
    d.arrow("x", "z")
    d.arrow("s", "z", "push", dashed=True)
    d.arrow("z", "f")
    return d.figure()


def reprogramming_vision() -> Figure:
    """One frame around every picture stands before a frozen classifier.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure = reprogramming_vision()
    >>> "group?" in {text.get_text() for axis in figure.axes for text in axis.texts}
    True
    >>> plt.close(figure)
    """
    return _trigger("picture", "one frame", "classifier")


def reprogramming_text() -> Figure:
    """The same five words stand behind every comment that a frozen filter reads.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure = reprogramming_text()
    >>> "group?" in {text.get_text() for axis in figure.axes for text in axis.texts}
    True
    >>> plt.close(figure)
    """
    return _trigger("comment", "five words", "filter")


def _trigger(text: str, trigger: str, frozen: str) -> Figure:
    d = Diagram(WIDTH, HEIGHT)
    d.box("x", (0.6, _HIGH), text, role="data")
    d.box("t", (0.6, _LOW), trigger, role="model")
    d.box("f", (2.1, _MIDDLE), frozen, role="frozen")
    d.box("group", (3.55, _MIDDLE), "group?", role="adversary")
    d.arrow("x", "f")
    d.arrow("t", "f")
    d.arrow("f", "group")
    return d.figure()


def lassi() -> Figure:
    """A generative model says who is similar; smoothing proves that they get one answer.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure = lassi()
    >>> "certificate" in {text.get_text() for axis in figure.axes for text in axis.texts}
    True
    >>> plt.close(figure)
    """
    d = Diagram(WIDTH, HEIGHT)
    d.box("x", (0.5, _HIGH), "picture", role="data")
    d.box("g", (1.65, _HIGH), "Glow", role="frozen")
    d.box("z", (3.2, _HIGH), "similar people", role="data")
    d.box("r", (1.3, _LOW), "smoothed", role="model")
    d.box("p", (3.2, _LOW), "certificate", role="output")
    d.arrow("x", "g")
    d.arrow("g", "z")
    d.arrow("z", "r")
    d.arrow("r", "p")
    return d.figure()


DRAWN: Final[Mapping[str, Callable[[], Figure]]] = {
    draw.__name__: draw
    for draw in (frtrain, faap, dvge, reprogramming_vision, reprogramming_text, lassi)
}
"""The drawing by paper; its docstring is what a reader hears who cannot see it."""


def drawing(paper: str) -> str:
    """Return the drawing of a paper's card as an ``<svg>`` element.

    Parameters
    ----------
    paper : str
        The paper's id, a key of :data:`DRAWN`.

    Returns
    -------
    str
        Its words stay text, its ids start with the card's name, and it says in ``aria-label`` what
        the drawing's function says.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such paper.

    Examples
    --------
    >>> from fairtut.page.cards import drawing
    >>> text = drawing("reprogramming_text")
    >>> text.startswith("<svg"), ">five words<" in text, 'id="card-reprogramming-text' in text
    (True, True, True)
    """
    import matplotlib.pyplot as plt

    if paper not in DRAWN:
        raise UnknownName.of("paper", paper, list(DRAWN))
    draw = DRAWN[paper]
    fig, words = draw(), str(draw.__doc__).partition("\n")[0]  # its first line: what is seen
    try:
        return figures.svg(fig, name=f"card-{paper.replace('_', '-')}", alt=words, title=words)
    finally:
        plt.close(fig)
