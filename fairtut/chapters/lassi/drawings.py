"""The drawings that explain LASSI: its claim, its codes, its balls and its caps.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page; the
measured results are drawn by :mod:`fairtut.chapters.lassi.results_drawn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.page.canvas import grid, inner
from fairtut.page.figures import INK
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairtut.chapters.lassi.pictures import Look

Floats = NDArray[np.float64]

METHODS: Final[Mapping[str, str]] = {"naive": "Naive", "dataaug": "DataAug", "lassi": "LASSI"}
COLOURS: Final[Mapping[str, str]] = dict(zip(METHODS, PALETTE, strict=False))


def poster(published: Mapping[tuple[str, str], float], rows: Mapping[str, str]) -> Figure:
    """Draw the certified shares of the poster's first table.

    Parameters
    ----------
    published : mapping of (row, method) to float
        Shares in [0, 1]; methods are the keys of ``METHODS``.
    rows : mapping of str to str
        Row → title, from top to bottom.
    """
    fig, axes = grid(1, 1, (6.8, 0.42 * len(rows) + 1.3))
    ax = axes[0, 0]
    for i, row in enumerate(rows):
        ends = [100 * published[row, method] for method in METHODS]
        ax.plot([min(ends), max(ends)], [-i, -i], color=GREY, lw=1, zorder=1)
        for j, method in enumerate(METHODS):
            ax.plot(ends[j], -i, ls="", marker=MARKERS[j], ms=8, color=COLOURS[method],
                    label=None if i else METHODS[method])  # fmt: skip
    ax.set(yticks=[-i for i in range(len(rows))], yticklabels=list(rows.values()), xlim=(-3, 103))
    ax.set_xlabel("certified people, %")
    fig.legend(loc="outside lower center", ncols=3)
    return fig


def strips(rows: Mapping[str, Any], size: float, ends: tuple[str, str] | None = None) -> Figure:
    """Draw labelled rows of pictures, each row as one strip: a page weighs less that way.

    Parameters
    ----------
    rows : mapping of str to tensor
        Title → pictures (n, 3, h, w), uint8 or in [0, 1]; all rows have the same n.
    size : float
        Inches of a picture.
    ends : (str, str), optional
        What stands above the first and the last column.
    """
    count = len(next(iter(rows.values())))
    fig, axes = grid(len(rows), 1, (size * count + 1.6, size * len(rows) + (0.3 if ends else 0.1)))
    for ax, (title, images) in zip(axes[:, 0], rows.items(), strict=True):
        strip = np.concatenate([*images.permute(0, 2, 3, 1).cpu().numpy()], axis=1)  # (h, n w, 3)
        ax.imshow(strip, interpolation="nearest")
        ax.set_axis_off()
        ax.text(-0.02, 0.5, title, transform=ax.transAxes, ha="right", va="center", fontsize=9)
    for side, text in zip(("left", "right"), ends or (), strict=False):
        axes[0, 0].set_title(text, fontsize=9, loc=side)
    return fig


@dataclass(frozen=True)
class Flat:
    """One person's codes, seen so that the decision border is a vertical line.

    Across is the signed distance to the border, which stands at 0; up is the direction in which
    the curve is longest otherwise.  Balls become discs of the same radius under such a projection.

    Parameters
    ----------
    corners, part, draws : arrays, shape (m, 2)
        Of the curve, of its part in the similarity set, and noisy codes.
    plain, center : arrays, shape (2,)
        R(z), and the smoothed code.
    radius, d_cs, d_rs : float
        Of the ball with half of the draws, and the two certified distances.
    """

    corners: Floats
    part: Floats
    draws: Floats
    plain: Floats
    center: Floats
    radius: float
    d_cs: float
    d_rs: float

    @classmethod
    def of(cls, seen: Look) -> Flat:
        """Project what the study saw of one person."""
        stacks = [seen.corners, seen.part, seen.draws, seen.plain[None], seen.center[None]]
        flat = flatten(np.concatenate(stacks), seen.normal, seen.offset)
        ends = np.cumsum([len(stack) for stack in stacks])[:-1]
        corners, part, draws, plain, center = np.split(flat, ends)
        return cls(corners, part, draws, plain[0], center[0], seen.radius, seen.d_cs, seen.d_rs)


def flatten(points: Floats, normal: Floats, offset: float) -> Floats:
    """Project points (m, d) on the border's normal and on the longest direction along it, (m, 2).

    Parameters
    ----------
    points : array, shape (m, d)
    normal : array, shape (d,)
        Difference of the two rows of the linear head, of any length but 0.
    offset : float
        Difference of its two biases.
    """
    length = np.linalg.norm(normal)
    unit = normal / length
    rest = points - np.outer(points @ unit, unit)
    rest = rest - rest.mean(0)
    up = np.linalg.svd(rest, full_matrices=False)[2][0]
    up = up - (up @ unit) * unit  # where nothing is left but rounding, it may point anywhere
    size = float(np.linalg.norm(up))
    return np.stack([(points @ normal + offset) / length, rest @ (up / max(size, 1e-300))], 1)


def borders(found: Mapping[str, Flat]) -> Figure:
    """Draw what a certificate compares: the ball of radius d_cs and the border, one panel each.

    Parameters
    ----------
    found : mapping of str to Flat
        Method → the same person.
    """
    fig, axes = grid(1, len(found), (2.9 * len(found) + 0.2, 3.5))
    for ax, (method, flat) in zip(axes[0], found.items(), strict=True):
        colour = COLOURS[method]
        ax.plot(*thinned(flat.corners).T, color=colour, lw=0.9, alpha=0.6)
        ax.plot(*thinned(flat.part).T, color=colour, lw=2.4, label="R(z + t a), |t| ≤ ε")
        _circle(ax, flat.center, flat.radius, LINES[3], "half of the draws")
        _circle(ax, flat.center, flat.d_cs, "-", "d_cs")
        ax.plot(*flat.plain, "o", color=colour, ms=6, label="R(z)")
        ax.plot(*flat.center, "+", color=INK, ms=9, mew=2, label="centre")
        ax.axvline(0, color=GREY, lw=1.6, ls=LINES[1], label="decision border")
        verdict = "certified" if flat.d_cs < flat.d_rs else "not certified"
        ax.set_title(f"{METHODS[method]}: {verdict}", fontsize=10)
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_xlabel("signed distance to the border")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8)
    return fig


def _circle(ax: Axes, center: Floats, radius: float, style: Any, label: str) -> None:
    from matplotlib.patches import Circle

    ring = Circle(
        (center[0], center[1]), radius, fill=False, ec=GREY, lw=1.4, ls=style, label=label
    )
    ax.add_patch(ring)


def attacks(draws: Sequence[int], reached: Mapping[str, Floats]) -> Figure:
    """Draw how much of the exact distance a search by random draws reaches.

    Parameters
    ----------
    draws : sequence of int
        Numbers of draws.
    reached : mapping of str to array (people, draws)
        Method → largest distance found as a share of the exact one.
    """
    fig, axes = grid(1, 1, (6.4, 3.2))
    ax = axes[0, 0]
    for i, (method, share) in enumerate(reached.items()):
        low, middle, high = inner(share, 0.8)
        ax.plot(draws, middle, marker=MARKERS[i], color=COLOURS[method], label=METHODS[method])
        ax.fill_between(draws, low, high, color=COLOURS[method], alpha=0.18, lw=0)
    m = np.array(draws, dtype=float)
    ax.plot(m, 0.5 ** (1 / m), color=GREY, ls=LINES[1], label="a straight curve")
    ax.set_xscale("log")
    ax.set(xlabel="random draws", ylabel="distance found / exact", ylim=(0, 1.02))
    ax.set_xticks(list(draws), labels=[str(d) for d in draws])
    ax.minorticks_off()
    fig.legend(loc="outside right upper")
    return fig


def caps(
    margins: Floats, radii: Mapping[float, Floats], seen: Mapping[float, tuple[Floats, Floats]]
) -> Figure:
    """Draw the radius that votes certify against the distance to the border.

    Parameters
    ----------
    margins : array, shape (m,)
        Distances to the border.
    radii : mapping of float to array (m,)
        sigma → radius for the expected number of votes; NaN where it abstains.
    seen : mapping of float to (array (b,), array (b,))
        sigma → distances and radii of real codes.
    """
    fig, axes = grid(1, 1, (6.4, 3.5))
    ax = axes[0, 0]
    ax.plot(margins, margins, color=GREY, ls=LINES[1], label="exact distance")
    for i, (sigma, radius) in enumerate(radii.items()):
        ax.plot(margins, radius, color=PALETTE[i], ls=LINES[i], label=f"votes, σ = {sigma:g}")
        if sigma in seen:
            ax.plot(*seen[sigma], ls="", marker=MARKERS[i], ms=4, mfc="none", color=PALETTE[i],
                    label=f"people, σ = {sigma:g}")  # fmt: skip
    ax.set(xlabel="distance of the code to the border", ylabel="certified, d_rs")
    ax.set_xlim(0, float(margins[-1]))
    ax.set_ylim(0, float(margins[-1]))
    fig.legend(loc="outside right upper")
    return fig


def swing(
    stops: Sequence[float],
    pictures: Any,
    heights: Mapping[str, Sequence[float]],
    certified: Mapping[str, tuple[float, float] | None],
    ylabel: str,
) -> Figure:
    """Draw the slider's content in one picture: a row of faces above the curves.

    Parameters
    ----------
    stops : sequence of float
    pictures : tensor, shape (stops, 3, h, w)
    heights, certified : mapping
        Name → heights at the stops, and the certified part or None.
    ylabel : str
    """
    fig, axes = grid(1, 1, (6.8, 3.9))
    ax = axes[0, 0]
    shown = np.unique(np.linspace(0, len(stops) - 1, 7).round().astype(int))
    span = stops[-1] - stops[0]
    for i in shown:
        left = (stops[i] - stops[0]) / span
        box = ax.inset_axes((left - 0.07, 1.03, 0.14, 0.36))
        box.imshow(pictures[i].permute(1, 2, 0).cpu().numpy(), interpolation="nearest")
        box.set_axis_off()
    for i, (name, line) in enumerate(heights.items()):
        ax.plot(stops, line, color=PALETTE[i], ls=LINES[i], label=name)
        if certified[name] is not None:
            ax.plot(certified[name], [-0.06 - 0.05 * i] * 2, color=PALETTE[i], lw=4,
                    solid_capstyle="butt", label=f"{name}: certified")  # fmt: skip
    ax.axhline(0.5, color=GREY, lw=1, ls=LINES[1])
    ax.set(xlabel="t", ylabel=ylabel, xlim=(stops[0], stops[-1]),
           ylim=(-0.1 - 0.05 * len(heights), 1.02), yticks=[0, 0.5, 1])  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    return fig


def fading(radii: Sequence[float], shares: Mapping[str, Sequence[float]]) -> Figure:
    """Draw shares of people over the radius of the similarity set.

    Parameters
    ----------
    radii : sequence of float
    shares : mapping of str to sequence of float
        "method, what" → shares in [0, 1]; a method's second curve is drawn in its colour, dashed.
    """
    fig, axes = grid(1, 1, (6.8, 3.4))
    ax = axes[0, 0]
    for name, line in shares.items():
        method = next(key for key, title in METHODS.items() if name.startswith(title))
        style = LINES[1] if "constant" in name else "-"
        ax.plot(radii, 100 * np.asarray(line), color=COLOURS[method], ls=style, label=name)
    ax.set(xlabel="radius of the similarity set, ε", ylabel="people, %", ylim=(-3, 103))
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    return fig


def thinned(points: Floats, share: float = 0.004) -> Floats:
    """Leave out corners (m, 2) nearer to the last one kept than a share of the whole extent.

    The first and the last corner stay.
    """
    least = share * float(np.ptp(points, axis=0).max())
    kept = [points[0]]
    for point in points[1:-1]:
        if float(np.linalg.norm(point - kept[-1])) >= least:
            kept.append(point)
    return np.array([*kept, points[-1]])
