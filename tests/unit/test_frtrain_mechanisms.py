"""Chapter 1's drawn mechanisms: each can be drawn, and says what the method's switches say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from fairtut.chapters.frtrain import mechanisms

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
