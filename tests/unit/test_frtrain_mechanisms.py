"""Chapter 1's drawn mechanisms: each names its parts, and its arrows are those of the method."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from fairtut.chapters.frtrain import mechanisms
from fairtut.page.mechanism import Diagram

SAID = {
    mechanisms.players: {"classifier f", "x, s, logit", "label loss"},
    mechanisms.rows: {"training rows", "clean set", "selection rows", "test rows", "some flipped"},
    mechanisms.weights: {"times −$λ_f$", "times −$λ_r$", "times 1 − $λ_f$ − $λ_r$"},
    mechanisms.readings: {"logit of f", "$D_R$, released", "training label\n(maybe flipped)"},
}


@pytest.mark.parametrize("draw", SAID)
def test_a_mechanism_names_its_parts(draw: Callable[[], Figure]) -> None:
    figure = draw()
    texts = {text.get_text() for ax in figure.axes for text in ax.texts}
    plt.close(figure)
    assert SAID[draw] <= texts


ARROWS = {
    mechanisms.players: {
        ("rows", "f"), ("f", "fair"), ("f", "robust"), ("f", "label"), ("clean", "robust"),
    },
    mechanisms.rows: {
        ("all", "train"), ("all", "clean"), ("all", "select"), ("all", "test"),
        ("train", "fit"), ("clean", "fit"), ("select", "pick"), ("test", "score"),
    },
    mechanisms.weights: {("label", "f"), ("fair", "f"), ("robust", "f")},
    mechanisms.readings: {("label", "ours"), ("logit", "theirs")},
}  # fmt: skip
"""Who is shown what: no label reaches the released discriminator or $D_F$, no score a test row."""


@pytest.mark.parametrize("draw", ARROWS)
def test_the_arrows_are_those_of_the_method(
    draw: Callable[[], Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, arrow = [], Diagram.arrow

    def seen(self: Diagram, start: str, end: str, *args: str, **keywords: float) -> None:
        drawn.append((start, end))
        arrow(self, start, end, *args, **keywords)

    monkeypatch.setattr(Diagram, "arrow", seen)
    plt.close(draw())
    assert set(drawn) == ARROWS[draw] and len(drawn) == len(ARROWS[draw])
