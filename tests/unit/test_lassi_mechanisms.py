"""The drawn mechanisms of LASSI: what they say about lengths is true of what they draw."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from fairtut.chapters.lassi import mechanisms
from fairtut.page.figures import png, svg


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    plt.close("all")


def words(fig: Figure) -> set[str]:
    return {text.get_text() for text in fig.axes[0].texts}


@pytest.mark.parametrize("name", ["parties", "coupling", "walk", "balls"])
@pytest.mark.filterwarnings("error")
def test_a_mechanism_is_saved_twice_without_a_warning(name):
    fig = getattr(mechanisms, name)()
    assert svg(fig, name=name, alt="a", title="t") and png(fig)


def test_three_parties_meet_in_one_certificate():
    said = words(mechanisms.parties())
    assert {"regulator", "producer", "consumer", "certified if d_cs < d_rs"} <= said


def test_the_full_ball_is_three_times_the_dotted_one_and_decides():
    fig = mechanisms.balls()
    radii = [ring.radius for ring in fig.axes[0].patches if isinstance(ring, Circle)]
    left, right = radii[:3], radii[3:]
    for q, far, _ in (left, right):
        assert far == pytest.approx(3 * q)
    assert left[1] < left[2] and right[1] > right[2]


def test_the_border_leaves_the_decisions_ball_and_the_codes_alone():
    ax = mechanisms.balls().axes[0]
    borders = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1
               and len(line.get_xdata()) == 2]  # fmt: skip
    codes = [max(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 3]
    rings = [ring for ring in ax.patches if isinstance(ring, Circle)]
    for i, border in enumerate(borders):
        near = rings[3 * i + 2]
        assert near.center[0] + near.radius < border and codes[i] < border
    assert len(borders) == len(codes) == 2


def test_the_walk_has_the_direction_of_the_vector():
    ax = mechanisms.walk().axes[0]
    means = [line for line in ax.lines if line.get_marker() == "o"]
    (start, end) = ([*line.get_xdata(), *line.get_ydata()] for line in means[:2])
    (walk,) = [line for line in ax.lines if line.get_linewidth() == 5]
    across, up = (float(v[1] - v[0]) for v in walk.get_data())
    assert across / up == pytest.approx((end[0] - start[0]) / (end[1] - start[1]))
    assert across == pytest.approx(2 * (end[0] - start[0]))  # from −ε to ε, with ε = 1
