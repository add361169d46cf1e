"""The drawn mechanisms of the FAAP chapter: they can be read on a phone, and tell the truth."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from fairtut.chapters.faap import mechanisms
from fairtut.page.mechanism import LEAST, NARROW
from fairtut.page.style import STYLE

DRAWN = {
    "players": mechanisms.players,
    "deployment": mechanisms.deployment,
    "two readers": mechanisms.two_readers,
    "entropy": mechanisms.entropy_term,
    "bound": lambda: mechanisms.bound(0.05),
}


@pytest.fixture(params=DRAWN)
def fig(request):
    with plt.rc_context(dict(STYLE)):
        fig = DRAWN[request.param]()
        fig.canvas.draw()
        yield fig
    plt.close(fig)


def words(fig):
    return [text for text in fig.findobj(Text) if text.get_text().strip() and text.get_visible()]


def test_a_phone_shows_letters_that_can_be_read(fig):
    inches = fig.get_size_inches()[0]
    pixels = [text.get_fontsize() / 72 / inches * NARROW for text in words(fig)]
    assert min(pixels) >= LEAST - 0.01


def test_the_players_are_named_and_the_model_is_frozen():
    fig = mechanisms.players()
    said = " ".join(text.get_text() for text in words(fig))
    plt.close(fig)
    for word in ("generator", "discriminator", "frozen g", "frozen f", "teaches D", "teaches G"):
        assert word in said
    assert "teaches f" not in said and "teaches g" not in said.replace("teaches G", "")


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.3, 1.0])
def test_the_drawn_pixels_keep_the_bound_and_stay_pixels(epsilon):
    pixels, moved = mechanisms.pixel_row(epsilon)
    assert np.abs(moved - pixels).max() <= epsilon + 1e-12
    assert min(pixels.min(), moved.min()) >= 0 and max(pixels.max(), moved.max()) <= 1
    assert pixels.min() == 0 and pixels.max() == 1  # the ends of the range are drawn, too
    if epsilon:
        assert np.abs(moved - pixels).max() > epsilon / 2  # and the bound is used


def test_the_soft_bound_has_a_slope_everywhere_and_the_hard_one_has_none_outside():
    fig = mechanisms.bound(0.05)
    soft, hard = (line.get_ydata() for line in fig.axes[1].get_lines())
    raw = fig.axes[1].get_lines()[0].get_xdata()
    plt.close(fig)
    assert (np.diff(soft) > 0).all() and np.abs(soft).max() < 0.05
    outside = (raw[1:] < -0.05) | (raw[:-1] > 0.05)  # steps that lie beyond the bound as a whole
    assert outside.sum() > 50
    assert (np.diff(hard)[outside] == 0).all() and np.abs(hard).max() == 0.05


def test_swapping_the_groups_mirrors_them_and_the_entropy_brings_both_to_the_border():
    fig = mechanisms.entropy_term()
    centres = [
        [line.get_xdata()[line.get_ydata().argmax()] for line in ax.get_lines()[:2]]
        for ax in fig.axes
    ]
    plt.close(fig)
    before, swapped, even = np.array(centres)
    assert (np.sign(before) == -np.sign(swapped)).all() and np.sign(before).tolist() == [-1, 1]
    assert np.abs(even).max() < 0.5 * np.abs(before).min()
