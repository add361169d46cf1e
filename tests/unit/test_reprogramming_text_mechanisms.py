"""The drawn mechanisms of the chapter on word triggers can be drawn, and show every player."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from fairtut.chapters.reprogramming_text import mechanisms


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (mechanisms.two_triggers, ["soft", "hard", "[SEP]", "filter f"]),
        (mechanisms.update, ["table E", "simplex", "nearest point"]),
        (mechanisms.players, ["trigger v", "filter f", "adversary d", "loss of s", "loss of y"]),
    ],
)
def test_a_drawing_names_what_it_is_about(draw: Callable[[], Figure], words: list[str]) -> None:
    """Every player stands in the drawing by name."""
    fig = draw()
    said = " ".join(text.get_text() for ax in fig.axes for text in ax.texts)
    plt.close(fig)
    assert not [word for word in words if word not in said]
