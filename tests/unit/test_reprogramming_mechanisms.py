"""The drawn mechanisms of the chapter on image triggers: complete, and true to the sizes."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from fairtut.chapters.reprogramming_vision import mechanisms
from fairtut.methods import reprogramming as rp
from fairtut.page.figures import png

DRAWN = [
    mechanisms.players,
    mechanisms.shapes,
    mechanisms.linear_head,
    mechanisms.deafened,
    mechanisms.protocol,
]


def words(fig: Figure) -> str:
    return " ".join(text.get_text() for ax in fig.axes for text in ax.texts)


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
@pytest.mark.filterwarnings("error")
def test_every_mechanism_can_be_drawn_and_kept(draw: Callable[[], Figure]) -> None:
    fig = draw()
    assert len(words(fig)) > 40
    assert png(fig)
    plt.close(fig)


def test_the_shapes_have_the_sizes_of_the_package() -> None:
    fig = mechanisms.shapes()
    said = words(fig)
    for name, side in (("patch", "23 × 23"), ("border", "52 × 52")):
        mask = rp.standard(name, 64, 64).mask(64, 64)
        inside = int((mask if name == "patch" else ~mask).sum())
        assert inside == int(side.split()[0]) ** 2 and side in said
        assert f"{float(mask.float().mean()):.0%}".replace("%", " %") in said
    plt.close(fig)
