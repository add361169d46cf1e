"""The drawn mechanisms of the FAAP chapter: who plays, what the bound does, who may read the code.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fairtut.page.canvas import grid
from fairtut.page.mechanism import Diagram
from fairtut.page.style import GREY, PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def players() -> Figure:
    """Draw one turn of the game: what flows forward, and which loss teaches whom."""
    d = Diagram(width=6.6, height=4.6)
    d.box("x", (0.55, 2.5), "image x", role="data")
    d.box("G", (1.85, 2.5), "generator\nG", role="model")
    d.box("g", (4.0, 2.5), "frozen g\n(x̂ → code)", role="frozen")
    d.box("f", (5.85, 2.5), "frozen f\n(code → y)", role="frozen")
    d.box("D", (4.0, 3.9), "discriminator D\n(code → s)", role="adversary")
    d.box("LD", (6.0, 3.9), "J(D, s)", role="loss")
    d.box("LG", (1.85, 0.7), "−J(D, s) − α H + β J(f, y)", role="loss")
    d.arrow("x", "G")
    d.arrow("G", "g")
    d.arrow("g", "f", "code")
    d.arrow("g", "D", "code")
    d.arrow("D", "LD")
    d.arrow("LD", "D", "teaches D", bend=0.55, dashed=True)
    d.arrow("D", "LG", "guess of s", bend=-0.12)
    d.arrow("f", "LG", "guess of y", bend=0.2)
    d.arrow("LG", "G", "teaches G", dashed=True)
    return d.figure()


def deployment() -> Figure:
    """Draw what is needed to train FAAP, and what is left when it is used."""
    d = Diagram(width=6.6, height=3.9)
    d.box("half", (0.95, 3.0), "images with\ny and s", role="data")
    d.box("game", (3.2, 3.0), "the game of\nG and D", role="adversary")
    d.box("model", (5.5, 3.0), "model, frozen\n(gradients pass)", role="frozen")
    d.box("x", (0.95, 0.8), "a new image", role="data")
    d.box("G", (2.75, 0.8), "G, fixed", role="model")
    d.box("same", (4.4, 0.8), "the same\nmodel", role="frozen")
    d.box("y", (5.95, 0.8), "decision", role="output")
    d.arrow("half", "game")
    d.arrow("game", "model", "codes", bend=0.0)
    d.arrow("game", "G", "keep G")
    d.arrow("x", "G")
    d.arrow("G", "same", "x̂")
    d.arrow("same", "y")
    return d.figure()


def two_readers() -> Figure:
    """Draw the reader that G was trained against beside one that comes later."""
    d = Diagram(width=6.6, height=3.6)
    d.box("x", (0.8, 1.8), "perturbed\nimages", role="data")
    d.box("g", (2.5, 1.8), "frozen g", role="frozen")
    d.box("D", (4.6, 2.9), "D: trained while\nG moved", role="adversary")
    d.box("fresh", (4.6, 0.7), "fresh reader:\ntrained on G's end", role="adversary")
    d.box("s", (6.1, 1.8), "s?", role="output")
    d.arrow("x", "g")
    d.arrow("g", "D", "codes")
    d.arrow("g", "fresh", "the same codes")
    d.arrow("D", "s")
    d.arrow("fresh", "s")
    return d.figure()


def bound(epsilon: float) -> Figure:
    """Draw what the bound allows: a row of pixels with its band, and the two ways to stay inside.

    Parameters
    ----------
    epsilon : float
        Most that a pixel may move, in a range of [0, 1].
    """
    fig, (axes,) = grid(1, 2, (6.0, 2.8))
    pixels, moved = pixel_row(epsilon)
    places = np.arange(len(pixels))
    low, high = (np.clip(pixels + sign * epsilon, 0, 1) for sign in (-1, 1))
    axes[0].fill_between(places, low, high, step="mid", color=GREY, alpha=0.35, lw=0)
    axes[0].plot(places, pixels, "o", mfc="none", color=GREY, label="x")
    axes[0].plot(places, moved, ".", color=PALETTE[0], label="x̂")
    axes[0].set(xlabel="pixel of a row", ylabel="grey value", ylim=(-0.02, 1.02))
    raw = np.linspace(-3, 3, 61)
    axes[1].plot(raw, epsilon * np.tanh(raw), color=PALETTE[0], label="ε tanh(G)")
    axes[1].plot(raw, np.clip(raw, -epsilon, epsilon), "--", color=PALETTE[1], label="clip(G, ±ε)")
    axes[1].set(xlabel="raw output of G", ylabel="change of the pixel")
    for ax in axes:
        ax.locator_params(nbins=4)
    axes[0].legend(loc="upper right")
    axes[1].legend(loc="lower right")
    return fig


def pixel_row(epsilon: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a row of pixels (16,) and the same pixels moved by at most epsilon, both in [0, 1]."""
    places = np.arange(16)
    pixels = np.clip(0.5 + 0.55 * np.sin(0.45 * places), 0, 1)
    raw = 2.5 * np.sin(2.1 * places)
    return pixels, np.clip(pixels + epsilon * np.tanh(raw), 0, 1)


def entropy_term() -> Figure:
    """Draw the codes of two groups along D's margin: as they are, swapped, and on the border."""
    titles = ("before", "−J: swapped", "with α H: even")
    fig, (axes,) = grid(1, 3, (6.0, 2.5), sharex=True, sharey=True)
    margin = np.linspace(-4, 4, 65)
    for ax, title, centre in zip(axes, titles, (-1.8, 1.8, 0.1), strict=True):
        for group, sign in ((0, 1), (1, -1)):
            heights = np.exp(-((margin - sign * centre) ** 2) / 0.8)
            ax.plot(margin, heights, "-" if group else "--", color=PALETTE[2 * group],
                    label=f"s = {group}")  # fmt: skip
        ax.axvline(0, color=GREY, ls=":")
        ax.set_title(title, fontsize=10)
        ax.set(yticks=[], xticks=[-3, 0, 3])
    axes[1].set_xlabel("margin of D: left it says 0, right it says 1")
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig
