"""The drawings of the DVGE chapter.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairtut.metrics import Estimate
from fairtut.page.canvas import faces, grid
from fairtut.page.figures import INK
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

FOCI: Mapping[str, str] = {
    "loss_pred": "loss of the predicted class", "logit_pred": "logit of the predicted class",
    "logit_1": "logit of class 1", "loss_true": "loss of the true label",
}  # fmt: skip
ENCODERS: Mapping[str, str] = {"d": "disentangled (D)", "n": "not disentangled (N)"}


def slides(published: Mapping[str, float], etas: Sequence[float]) -> Figure:
    """Draw tables 1 and 2 of the slides.

    Parameters
    ----------
    published : mapping
        Claim id ``table<1|2>.<d|n>.<none|removed|eta..>`` → the paper's number.
    etas : sequence of float
    """
    fig, axes = grid(1, 2, (6.4, 3.1), sharey=True)
    for ax, (name, title) in zip(axes[0], (("table1", "Male"), ("table2", "Male ∧ Young")),
                                 strict=True):  # fmt: skip
        for i, (e, label) in enumerate(ENCODERS.items()):
            line = [published[f"{name}.{e}.none"]]
            line += [published[f"{name}.{e}.eta{eta}"] for eta in etas]
            ax.plot(
                [0, *etas], line, marker=MARKERS[i], ms=4, color=PALETTE[i],
                label=f"DVGE-{e.upper()}",
            )  # fmt: skip
            gone = published[f"{name}.{e}.removed"]
            ax.axhline(
                gone, color=PALETTE[i], ls=LINES[1], lw=1, label=f"{label}: dimension removed"
            )
        ax.set(title=title, xlabel="η₁")
    axes[0, 0].set_ylabel("accuracy of reading s")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2, fontsize=9)
    return fig


def _apart(lines: Floats) -> Floats:
    """Return lines (m, points, 2) as one, (k, 2), that is interrupted between them."""
    rest = np.full((len(lines), 1, 2), np.nan)
    return np.concatenate([lines, rest], 1).reshape(-1, 2)


@dataclass(frozen=True)
class Side:
    """What one record holds of the slides' tables, for a drawing.

    Attributes
    ----------
    title : str
        Above the column.
    curves : mapping of (focus, encoder) to list of Estimate
        Accuracy of fresh classifiers at each strength.
    etas : sequence of float
        The strengths, 0 first.
    lines : mapping of str to float
        Horizontal lines: the majority's share, and what removing a dimension leaves.
    published : mapping of str to sequence of float
        Encoder → the slides' row, drawn dotted; empty for none.
    """

    title: str
    curves: Mapping[tuple[str, str], Sequence[Estimate]]
    etas: Sequence[float]
    lines: Mapping[str, float]
    published: Mapping[str, Sequence[float]] = field(default_factory=dict)


def falls(sides: Sequence[Side], foci: Sequence[str], ylabel: str) -> Figure:
    """Draw what fresh classifiers read against η1: a row per reading, a column per record.

    Parameters
    ----------
    sides : sequence of Side
        Drawn faces and photographs, say.
    foci : sequence of str
        Readings, from top to bottom; a side that lacks one says so.
    ylabel : str
    """
    fig, axes = grid(
        len(foci), len(sides), (3.1 * len(sides), 1.75 * len(foci) + 0.9), sharex=True, sharey="col"
    )
    for j, side in enumerate(sides):
        axes[0, j].set_title(f"{side.title}\n{FOCI[foci[0]]}", fontsize=9)
        for i, focus in enumerate(foci):
            if i:
                axes[i, j].set_title(FOCI[focus], fontsize=9)
            _fall(axes[i, j], side, focus)
        axes[-1, j].set_xlabel("η₁")
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel, fontsize=9)
    for ax in axes.flat:
        ax.locator_params(nbins=4)
    known: dict[str, Any] = {}
    for ax in axes.flat:
        known |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    fig.legend(known.values(), known.keys(), loc="outside lower center", ncols=2, fontsize=9)
    return fig


def _fall(ax: Axes, side: Side, focus: str) -> None:
    """Draw the curves of both encoders under one reading."""
    for i, (e, label) in enumerate(ENCODERS.items()):
        ends, colour = side.curves.get((focus, e)), PALETTE[i]
        if ends is None:
            ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", fontsize=9)
            continue
        ax.plot(side.etas, [v.value for v in ends], ls=LINES[i], color=colour, label=label)
        ax.fill_between(side.etas, [v.low for v in ends], [v.high for v in ends], color=colour,
                        alpha=0.2, lw=0)  # fmt: skip
        if len(side.published.get(e, ())) == len(side.etas):
            ax.plot(side.etas, side.published[e], ls=LINES[3], lw=1.2, color=colour,
                    label=f"slides, {e.upper()}")  # fmt: skip
    for j, (name, value) in enumerate(side.lines.items()):
        ax.axhline(value, color=GREY, lw=1, ls=LINES[4 - 2 * (j % 2)], label=name)


def beside(
    panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    xlabel: str,
    zero: float | None = 0.0,
) -> Figure:
    """Draw estimates with their intervals, those of two records side by side in each row.

    Parameters
    ----------
    panels : mapping of str to mapping of str to mapping of str to Estimate
        Title → source (drawn faces, photographs) → row → number.
    xlabel : str
    zero : float or None
        Where a dashed line is drawn.
    """
    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    rows = list(dict.fromkeys(name for one in panels.values() for part in one.values()
                              for name in part))  # fmt: skip
    size = (6.4, (0.34 * len(rows) + 0.5) * down + 0.8)
    fig, axes = grid(down, across, size, sharex=True, sharey=True)
    for ax, (title, one) in zip(axes.flat, panels.items(), strict=False):
        for i, (source, part) in enumerate(one.items()):
            _differences(ax, part, rows, i, source)
        if zero is not None:
            ax.axvline(zero, color=INK, lw=0.9, ls=LINES[1])
        ax.set_title(title, fontsize=10)
        ax.set_yticks([-i for i in range(len(rows))], rows)
        ax.locator_params(axis="x", nbins=4)
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    for ax in axes[-1]:
        ax.set_xlabel(xlabel, fontsize=9)
    handles, names = axes.flat[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2, fontsize=9)
    return fig


def _differences(
    ax: Axes, part: Mapping[str, Estimate], rows: Sequence[str], place: int, label: str
) -> None:
    """Draw one source's intervals a little above or below the middle of each row."""
    marker, colour = MARKERS[place], PALETTE[2 * place]
    heights = [0.16 - 0.32 * place - rows.index(name) for name in part]
    values = list(part.values())
    ax.plot([v.value for v in values], heights, marker, ms=5, color=colour, ls="", label=label)
    # one line for all of them; where there is no interval, as with one training, it is missing
    ends = [[(v.low, height), (v.high, height)] for v, height in zip(values, heights, strict=True)]
    if ends:
        ax.plot(*_apart(np.array(ends)).T, color=colour, lw=2)


def pictures(rows: Mapping[str, Any], size: float = 0.62) -> Figure:
    """Draw labelled rows of pictures (n, 3, h, w) with pixels in [0, 1] or uint8."""
    return faces(rows, size)


def plane(
    z: Floats, s: NDArray[Any], moves: Mapping[float, Floats], boundary: Floats, side: int = 160
) -> NDArray[np.uint8]:
    """Return pictures of codes that move, for a slider: one per strength.

    Parameters
    ----------
    z : array, shape (n, 2)
    s : array, shape (n,)
    moves : mapping of float to array (n, 2)
        η1 → where the codes are then.
    boundary : array, shape (m, 2)
        Points of the line where the classifier is undecided.
    side : int
        Pixels of a picture.

    Returns
    -------
    uint8 array, shape (strengths, 3, side, side)
    """
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    pictures = []
    low, high = z.min(0) - 0.4, z.max(0) + 0.4
    for moved in moves.values():
        fig = plt.figure(figsize=(side / 80, side / 80), dpi=80, facecolor="white", layout="none")
        ax = fig.add_axes((0, 0, 1, 1), xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.set_axis_off()
        ax.plot(*boundary.T, color=GREY, lw=1.4, ls=LINES[1])
        for group in (0, 1):
            rows, colour = s == group, PALETTE[2 * group]
            ax.plot(*np.stack([z[rows], moved[rows]], 1).T, color=colour, lw=1, alpha=0.7)
            ax.plot(*moved[rows].T, MARKERS[group], ms=4, color=colour)
        canvas = FigureCanvasAgg(fig)
        canvas.draw()
        pictures.append(np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1).copy())
        plt.close(fig)
    return np.stack(pictures)
