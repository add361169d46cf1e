"""The drawings of the DVGE chapter.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.metrics import Estimate, over_seeds
from fairtut.page import controls
from fairtut.page.canvas import faces, grid
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE

if TYPE_CHECKING:
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
    fig, axes = grid(1, 2, (7.2, 2.9), sharey=True)
    for ax, (name, title) in zip(axes[0], (("table1", "Male"), ("table2", "Male ∧ Young")),
                                 strict=True):  # fmt: skip
        for i, (e, label) in enumerate(ENCODERS.items()):
            line = [published[f"{name}.{e}.none"]]
            line += [published[f"{name}.{e}.eta{eta}"] for eta in etas]
            ax.plot(
                [0, *etas], line, marker=MARKERS[i], color=PALETTE[i], label=f"DVGE-{e.upper()}"
            )
            gone = published[f"{name}.{e}.removed"]
            ax.axhline(
                gone, color=PALETTE[i], ls=LINES[1], lw=1, label=f"{label}: dimension removed"
            )
        ax.set(title=title, xlabel="η₁")
    axes[0, 0].set_ylabel("accuracy of reading s")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8)
    return fig


def arrows(z: Floats, s: NDArray[Any], moves: Mapping[str, Floats], boundary: Floats) -> Figure:
    """Draw two-dimensional codes and where each convention moves them.

    Parameters
    ----------
    z : array, shape (n, 2)
    s : array, shape (n,)
    moves : mapping of str to array (n, 2)
        Focus → step.
    boundary : array, shape (m, 2)
        Points of the line where the classifier is undecided.
    """
    fig, axes = grid(2, -(-len(moves) // 2), (6.2, 5.4), sharex=True, sharey=True)
    low, high = z.min(0) - 0.5, z.max(0) + 0.5
    for ax, (name, step) in zip(axes.flat, moves.items(), strict=False):
        for group in (0, 1):
            rows, colour = s == group, PALETTE[2 * group]
            ax.quiver(
                *z[rows].T, *step[rows].T, color=colour, angles="xy", scale_units="xy", scale=1,
                width=0.006, headwidth=4,
            )  # fmt: skip
            ax.plot(*z[rows].T, MARKERS[group], ms=4, color=colour, label=f"s = {group}")
        ax.plot(*boundary.T, color=GREY, lw=1.2, ls=LINES[1])
        ax.set(xticks=[], yticks=[], xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.set_title(FOCI[name], fontsize=9)
    handles, names = axes.flat[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8)
    return fig


def conventions(
    frames: Mapping[tuple[str, str], pd.DataFrame],
    references: Mapping[str, float],
    published: Mapping[str, Sequence[float]],
) -> Figure:
    """Draw the accuracy of fresh classifiers against η1, a panel per convention.

    Parameters
    ----------
    frames : mapping of (focus, probe) to DataFrame
        From :func:`fairtut.chapters.dvge.ablation.frame`; probes ``perturbed`` and ``raw``.
    references : mapping of str to float
        Horizontal lines: the majority's share, and what removing a dimension leaves.
    published : mapping of str to sequence
        Encoder → the slides' row, drawn hollow.
    """
    foci = list(dict.fromkeys(focus for focus, _ in frames))
    fig, axes = grid(2, len(foci), (2.1 * len(foci) + 0.4, 4.4), sharex=True, sharey=True)
    for (focus, probe), frame in frames.items():
        ax = axes[0 if probe == "perturbed" else 1, foci.index(focus)]
        for i, (e, label) in enumerate(ENCODERS.items()):
            part = frame[frame["encoder"] == e].groupby("eta1")["accuracy"]
            ends = [over_seeds(list(values)) for _, values in part]
            x = [float(eta) for eta, _ in part]
            ax.plot(x, [v.value for v in ends], marker=MARKERS[i], ms=3, color=PALETTE[i],
                    label=label)  # fmt: skip
            ax.fill_between(x, [v.low for v in ends], [v.high for v in ends], color=PALETTE[i],
                            alpha=0.2, lw=0)  # fmt: skip
            if e in published and len(published[e]) == len(x):
                ax.plot(x, published[e], marker=MARKERS[i], ms=4, mfc="none", ls="",
                        color=PALETTE[i], alpha=0.7, label=f"slides, {e.upper()}")  # fmt: skip
        for j, (name, value) in enumerate(references.items()):
            ax.axhline(value, color=GREY, lw=1, ls=LINES[1 + j % 2], label=name)
    for ax, focus in zip(axes[0], foci, strict=True):
        ax.set_title(FOCI[focus], fontsize=8)
    for ax, text in zip(axes[:, 0], ("scored on z′", "scored on raw z"), strict=True):
        ax.set_ylabel(f"accuracy, {text}", fontsize=8)
    for ax in axes[1]:
        ax.set_xlabel("η₁")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8)
    return fig


def gains(found: Mapping[tuple[str, str], Estimate], columns: Mapping[str, str]) -> Figure:
    """Draw differences of fronts with their intervals, a panel per column.

    Parameters
    ----------
    found : mapping of (column, row) to Estimate
        DVGE's number minus a rival's; above 0 is better for DVGE.
    columns : mapping of str to str
        Column → title.
    """
    panels = {
        title: {row: e for (of, row), e in found.items() if of == column}
        for column, title in columns.items()
    }
    return controls.drawn(panels, "DVGE minus rival →")


def pictures(rows: Mapping[str, Any], size: float = 0.62) -> Figure:
    """Draw labelled rows of pictures (n, 3, h, w) with pixels in [0, 1] or uint8."""
    return faces(rows, size)
