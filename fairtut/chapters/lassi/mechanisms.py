"""The mechanisms of LASSI, drawn: who does what, the coupling, the walk, and the two balls.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.  Nothing in
them is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fairtut.page.figures import INK
from fairtut.page.mechanism import Diagram
from fairtut.page.style import GREY, LINES, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE: Final = 7.0
"""Inches of a drawing."""


def parties() -> Figure:
    """Draw the regulator, the producer and the consumer, and what each hands on."""
    d = Diagram(WIDE, 3.9)
    d.box("x", (0.65, 2.2), "person x", role="data")
    d.box("e", (2.1, 2.2), "Glow E", role="frozen")
    d.box("r", (4.1, 2.2), "encoder R", role="model")
    d.box("c", (5.95, 2.2), "classifier C", role="model")
    d.box("a", (2.1, 3.3), "vector a, radius ε", role="data")
    d.box("far", (4.1, 1.25), "d_cs", role="output")
    d.box("near", (5.95, 1.25), "d_rs", role="output")
    d.box("fair", (5.02, 0.3), "certified if d_cs < d_rs", role="output")
    d.arrow("x", "e")
    d.arrow("e", "r", "latent z")
    d.arrow("r", "c", "code")
    d.arrow("a", "r", "walk")
    d.arrow("r", "far")
    d.arrow("c", "near")
    d.arrow("far", "fair")
    d.arrow("near", "fair")
    d.group(["a"], "regulator")
    d.group(["r", "far"], "producer")
    d.group(["c", "near"], "consumer")
    return d.figure()


def coupling() -> Figure:
    """Draw an additive coupling and its way back."""
    d = Diagram(WIDE, 3.0)
    d.box("x1", (0.8, 2.6), "half x₁", role="data")
    d.box("x2", (0.8, 0.9), "half x₂", role="data")
    d.box("net", (3.3, 1.75), "any network", role="model")
    d.box("plus", (3.3, 0.9), "+", role="frozen", size=(0.5, 0.3))
    d.box("y1", (5.8, 2.6), "y₁ = x₁", role="output")
    d.box("y2", (5.8, 0.9), "y₂ = x₂ + net(x₁)", role="output")
    d.arrow("x1", "y1", "unchanged")
    d.arrow("x1", "net", "read")
    d.arrow("net", "plus")
    d.arrow("x2", "plus")
    d.arrow("plus", "y2")
    d.note((3.5, 0.25), "the way back: x₂ = y₂ − net(y₁), with the same network")
    return d.figure()


def walk() -> Figure:
    """Draw the attribute vector between two groups, a person's walk, and a true twin beside it."""
    d = Diagram(WIDE, 3.3)
    d.note((1.45, 0.2), "latents without the label")
    d.note((5.55, 3.1), "latents with it")
    d.note((3.1, 2.55), "vector a")
    d.note((3.95, 1.2), "person z")
    d.note((4.75, 0.6), "walk: z + t a, |t| ≤ ε")
    d.note((6.15, 2.3), "end of\nthe walk")
    d.note((5.2, 1.45), "true twin?")
    fig = d.figure()
    ax = fig.axes[0]
    rng = np.random.default_rng(0)
    without, step = np.array([1.6, 1.35]), np.array([2.3, 0.95])
    for middle, colour in ((without, GREY), (without + step, PALETTE[0])):
        cloud = middle + rng.normal(0, (0.42, 0.28), (14, 2))
        ax.plot(*cloud.T, ".", color=colour, ms=6, alpha=0.5)
        ax.plot(*middle, "o", color=colour, ms=9)
    _straight(ax, without, without + step, INK)
    person = np.array([3.15, 1.35])
    ends = np.array([person - step, person + step])
    ax.plot(*ends.T, color=PALETTE[1], lw=5, alpha=0.6, solid_capstyle="butt", zorder=1)
    ax.plot(*person, "o", color=PALETTE[1], ms=9)
    ax.plot(4.6, 1.75, "x", color=INK, ms=9, mew=2)
    return fig


def balls() -> Figure:
    """Draw both balls around a smoothed code, once with a certificate and once without."""
    d = Diagram(WIDE, 3.7)
    d.note((1.4, 3.5), "d_cs < d_rs: certified")
    d.note((5.2, 3.5), "d_cs > d_rs: not certified")
    d.note((3.5, 0.18), "dotted: q; full: d_cs = 3 q; dashed: d_rs; straight: border of C")
    fig = d.figure()
    for left, far in ((0.15, 0.75), (3.95, 1.4)):
        _compared(fig.axes[0], np.array([left + 1.25, 1.95]), far, 1.05)
    return fig


def _straight(ax: Axes, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.6, "shrinkA": 0, "shrinkB": 5}
    ax.annotate("", tuple(end), tuple(start), arrowprops=arrow)


def _compared(ax: Axes, middle: np.ndarray, far: float, near: float) -> None:
    """Draw the codes of similar people, the three balls around the centre, and the border."""
    from matplotlib.patches import Circle

    bent = np.array([(-1, 0.15), (0, -0.2), (1, 0.15)]) * far / 3.4
    ax.plot(*(middle + bent).T, color=PALETTE[2], lw=3.5)
    rings = (far / 3, LINES[3], GREY), (far, "-", PALETTE[1]), (near, LINES[1], PALETTE[0])
    for radius, style, colour in rings:
        ax.add_patch(Circle(tuple(middle), radius, fill=False, ls=style, ec=colour, lw=1.8))
    ax.plot(*middle, "+", color=INK, ms=9, mew=2)
    border = middle[0] + 1.04 * near
    ax.plot([border, border], [middle[1] - 1.35, middle[1] + 1.35], color=INK, lw=1.4)
