"""The drawn mechanisms of the DVGE chapter: who is asked, what a step is, and where it counts.

Two are diagrams of boxes and arrows, two are planes whose arrows are computed from a linear
classifier, so that a drawing cannot promise what the formula does not do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import UnknownName
from fairtut.methods.dvge import FOCI
from fairtut.page.canvas import grid
from fairtut.page.mechanism import Diagram
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

SLOPE: Final = 1.8
"""How fast the drawn d becomes sure with the distance from its line."""
PEOPLE: Final = ((-1.7, 0), (-0.6, 0), (-0.3, 1), (0.5, 0), (0.9, 1), (2.0, 1))
"""The drawn people: place on d's axis, and s; two of them stand on the wrong side."""
TITLES: Final = {
    "loss_pred": "loss of the prediction:\nto the line",
    "loss_true": "loss of the true label:\naway from the own label",
    "logit_pred": "logit of the prediction:\naway from the line",
    "logit_1": "logit of class 1:\neverybody one way",
}


def players() -> Figure:
    """Draw where the gradients come from: two classifiers ask the code, none asks the encoder."""
    d = Diagram(width=6.4, height=4.1)
    d.box("x", (0.75, 2.05), "face x", role="data")
    d.box("f", (2.2, 2.05), "encoder f\n(frozen)", role="frozen")
    d.box("z", (3.75, 2.05), "code z", role="data")
    d.box("d", (5.5, 3.6), "d reads s", role="adversary")
    d.box("g", (5.5, 0.5), "g reads y", role="model")
    d.arrow("x", "f")
    d.arrow("f", "z")
    d.arrow("z", "d", "z", bend=0.2)
    d.arrow("z", "g", "z′", bend=-0.2)
    d.arrow("d", "z", "+ η₁ F_sens", bend=0.2, dashed=True)
    d.arrow("g", "z", "− η₂ F_task", bend=-0.2, dashed=True)
    return d.figure()


def uses() -> Figure:
    """Draw which codes g meets when it learns, and which when it decides."""
    d = Diagram(width=6.4, height=2.9)
    d.note((0.75, 2.7), "learning")
    d.box("z1", (0.75, 2.1), "code z", role="data")
    d.box("step", (2.5, 2.1), "step along\nF_sens, F_task", role="adversary")
    d.box("moved", (4.2, 2.1), "code z′", role="data")
    d.box("g1", (5.7, 2.1), "g learns y", role="model")
    d.note((0.75, 1.15), "use")
    d.box("z2", (0.75, 0.55), "code z", role="data")
    d.box("g2", (4.2, 0.55), "the same g", role="frozen")
    d.box("out", (5.7, 0.55), "decision", role="output")
    for a, b in (("z1", "step"), ("step", "moved"), ("moved", "g1"), ("z2", "g2"), ("g2", "out")):
        d.arrow(a, b)
    return d.figure()


def step(kind: str, u: Floats, s: NDArray[Any]) -> Floats:
    r"""Return the focus of a linear d along its axis.

    d has the logits :math:`(-ku/2, ku/2)` at the place u, with k = :data:`SLOPE`.

    Parameters
    ----------
    kind : str
        One of :data:`~fairtut.methods.dvge.FOCI`.
    u : array, shape (n,)
        Signed distances from the line where d is undecided.
    s : array of 0 and 1, shape (n,)
        True labels, for ``loss_true`` only.

    Returns
    -------
    array, shape (n,)
        The gradient with respect to u.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such kind.
    """
    if kind not in FOCI:
        raise UnknownName.of("focus", kind, FOCI)
    if kind == "logit_1":
        return np.full_like(u, SLOPE / 2)
    side = np.where(u > 0, 1.0, -1.0)
    if kind == "logit_pred":
        return SLOPE / 2 * side
    label = 2.0 * s - 1 if kind == "loss_true" else side
    wrong = 1 / (1 + np.exp(SLOPE * u * label))  # one minus the share that d gives to the label
    return np.asarray(-SLOPE * wrong * label)


def readings() -> Figure:
    """Draw the four readings of the gradient: what is differentiated, and for which class."""
    fig, axes = grid(2, 2, (6.4, 4.6), sharex=True, sharey=True)
    for ax, kind in zip(axes.flat, ("loss_pred", "loss_true", "logit_pred", "logit_1"),
                        strict=True):  # fmt: skip
        _plane(ax, kind)
        ax.set_title(TITLES[kind], fontsize=10)
    for ax, text in zip(axes[:, 0], ("of a loss", "of a logit"), strict=True):
        ax.set_ylabel(f"gradient {text}", fontsize=10)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    return fig


def _plane(ax: Axes, kind: str) -> None:
    """Draw people beside d's line, each with the step of a reading."""
    u, s = (np.array(values) for values in zip(*PEOPLE, strict=True))
    moves = 0.75 * step(kind, u.astype(float), s)
    heights = np.linspace(1.0, -1.0, len(u))
    for group in (0, 1):
        rows, colour = s == group, PALETTE[2 * group]
        ax.quiver(
            u[rows], heights[rows], moves[rows], 0 * moves[rows], color=colour, angles="xy",
            scale_units="xy", scale=1, width=0.012, headwidth=4,
        )  # fmt: skip
        ax.plot(u[rows], heights[rows], MARKERS[group], ls="", color=colour, label=f"s = {group}")
    ax.axvline(0, color=GREY, lw=1.2, ls=LINES[1], label="d undecided")
    ax.grid(visible=False)
    ax.set(xticks=[], yticks=[], xlim=(-2.8, 3.1), ylim=(-1.5, 1.5))


def strengths(eta1: float = 0.9, eta2: float = 0.7, eps: float = 1.0) -> Figure:
    """Draw what the two strengths and the clip do to one code.

    Parameters
    ----------
    eta1, eta2 : float
        Strengths of the drawn step.
    eps : float
        The clip's bound, drawn as a square.
    """
    from matplotlib.patches import Rectangle

    z = np.array([1.5, 1.3])  # right of d's line, above g's line
    sens = np.array([eta1 * step("loss_pred", z[:1], np.ones(1))[0] * 4, 0.0])
    task = np.array([0.0, -eta2 * step("loss_pred", z[1:], np.ones(1))[0] * 4])
    moved = z + np.clip(sens + task, -eps, eps)
    fig, axes = grid(1, 1, (6.0, 4.2))
    ax = axes[0, 0]
    ax.grid(visible=False)
    ax.axvline(0, color=PALETTE[1], lw=1.4, ls=LINES[1])
    ax.axhline(0, color=PALETTE[0], lw=1.4, ls=LINES[2])
    ax.text(0.06, -0.75, "d undecided", color=PALETTE[1], fontsize=10)
    ax.text(1.9, -0.25, "g undecided", color=PALETTE[0], fontsize=10)
    ax.add_patch(Rectangle((z - eps).tolist(), 2 * eps, 2 * eps, fill=False, ec=GREY,
                               ls=LINES[3], lw=1.2))  # fmt: skip
    ax.text(z[0] + eps, z[1] - eps + 0.06, "clip ε ", color=GREY, fontsize=10, ha="right")
    for start, end, colour, text, place in (
        (z, z + sens, PALETTE[1], "+ η₁ F_sens", (0.55, 1.05)),
        (z, z + task, PALETTE[0], "− η₂ F_task", (1.56, 1.75)),
        (z, moved, GREY, "", (0, 0)),
    ):
        ax.annotate("", end.tolist(), start.tolist(),
                    arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2})  # fmt: skip
        if text:
            ax.text(*place, text, color=colour, fontsize=10)
    for point, text, shift in ((z, "z", (0.08, -0.12)), (moved, "z′", (-0.25, 0.06))):
        ax.plot(*point, "o", ms=7, color=GREY)
        ax.text(point[0] + shift[0], point[1] + shift[1], text, fontsize=12)
    ax.set(xticks=[], yticks=[], xlim=(-0.5, 2.8), ylim=(-0.9, 2.5),
           xlabel="what d reads: one side is s = 0, the other s = 1",
           ylabel="what g reads: y = 0 below, y = 1 above")  # fmt: skip
    return fig
