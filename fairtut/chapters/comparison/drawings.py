"""The chapter's figures: the plane of everybody, twins, two labels, the tree, the slide."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fairtut.chapters.comparison.measures import MADE
from fairtut.chapters.comparison.methods import COSTS, MODEL
from fairtut.chapters.comparison.side import Leaf
from fairtut.page.canvas import grid, interval, whiskers
from fairtut.page.figures import INK
from fairtut.page.mechanism import Diagram
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE, use_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairtut.metrics import Estimate

KINDS: Final = {
    "training": 0, "representation": 4, "input, one for all": 2, "input, one each": 1,
    "after the decision": 3,
}  # fmt: skip
"""Where a method acts, to its colour."""


def _colour(method: str) -> str:
    kind = COSTS[method].kind if method in COSTS else ""
    if method == MODEL or method in MADE or kind == "control":
        return INK if method == MODEL else GREY
    return PALETTE[KINDS[kind]] if kind in KINDS else PALETTE[5]


def _plane(ax: Axes, points: pd.DataFrame, constant: float) -> None:
    """Draw every method with a marker of its own, and what costs nothing as lines."""
    at = points.set_index("method")
    seen: dict[str, int] = {}
    for row in points.itertuples():
        name, colour = str(row.method), _colour(str(row.method))
        turn = seen[colour] = seen.get(colour, -1) + 1
        whiskers(
            ax, [row.deo], [row.accuracy], of_x=([row.deo_low], [row.deo_high]),
            of_y=([row.accuracy_low], [row.accuracy_high]), lw=0.8, color=colour, alpha=0.5,
        )  # fmt: skip
        ax.plot(row.deo, row.accuracy, MARKERS[turn % len(MARKERS)], color=colour, ms=7,
                mfc=colour if turn < len(MARKERS) else "none", label=MADE.get(name, name),
                zorder=3)  # fmt: skip
    if MODEL in at.index:
        end = at.loc[MODEL]
        ax.plot([0, end.deo], [constant, end.accuracy], color=GREY, ls=LINES[3], lw=1.4,
                label="a coin (mixing line)")  # fmt: skip
    ax.plot(0, constant, "X", color=GREY, ms=9, label="constant answer")
    ax.set(xlabel="DEO, fairer by this metric →", ylabel="accuracy →")
    ax.invert_xaxis()


def plane(points: pd.DataFrame, constant: float) -> Figure:
    """Draw all methods and the controls in the plane of accuracy and DEO.

    Parameters
    ----------
    points : DataFrame
        From :func:`fairtut.chapters.comparison.side.points`.
    constant : float
        Accuracy of the constant answer.
    """
    use_style()
    fig, axes = grid(1, 1, (6.4, 6.4))
    _plane(axes[0, 0], points, constant)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8)
    return fig


def planes(panels: Mapping[str, tuple[pd.DataFrame, float]]) -> Figure:
    """Draw a plane for each target or kind of face, with one legend for all.

    Parameters
    ----------
    panels : mapping of str to (DataFrame, float)
        Title to points and the constant answer's accuracy, as in :func:`plane`.
    """
    use_style()
    rows = -(-len(panels) // 2)
    fig, axes = grid(rows, 2, (8.2, 3.4 * rows + 2.4))
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    legend: dict[str, Artist] = {}
    for ax, (title, (points, constant)) in zip(axes.flat, panels.items(), strict=False):
        _plane(ax, points, constant)
        ax.set_title(title, fontsize=10)
        legend |= {k: v for v, k in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(legend.values(), legend, loc="outside lower center", ncols=4, fontsize=8)
    return fig


SAID: Final[Mapping[str, Mapping[str, Any]]] = {
    "yes": {"marker": "o", "color": PALETTE[3]},
    "no": {"marker": "x", "color": PALETTE[1]},
    "unclear": {"marker": "o", "color": GREY, "mfc": "none"},
    "not tested": {"marker": ".", "color": GREY, "ms": 3},
}
"""An answer, to how it is drawn: with a form of its own, for those who see no colours."""


def words(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw answers as marks: a panel per question, a row per method, a column per kind of face.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Question to :func:`fairtut.chapters.comparison.targets.words`; all have the same methods.
    """
    use_style()
    first = next(iter(tables.values()))
    fig, axes = grid(1, len(tables), (8.2, 0.27 * len(first) + 2.2), sharey=True)
    for ax, (title, table) in zip(axes[0], tables.items(), strict=True):
        said = table.set_index("method")
        for x, column in enumerate(said):
            for y, word in enumerate(said[column]):
                ax.plot(x, -y, ls="", **{"ms": 6, **SAID[word]})
        ax.set_title(title, fontsize=9)
        ax.set_xticks(range(said.shape[1]), list(said), rotation=60, ha="right", fontsize=8)
        ax.set(xlim=(-0.6, said.shape[1] - 0.4), yticks=[-y for y in range(len(said))])
        ax.set_yticklabels(list(said.index))
    handles = [axes[0, 0].plot([], [], ls="", label=w, **{"ms": 6, **SAID[w]})[0] for w in SAID]
    fig.legend(handles[:3], list(SAID)[:3], loc="outside lower center", ncols=3, fontsize=8)
    return fig


def shares(found: Mapping[str, Estimate], xlabel: str, line: float | None = None) -> Figure:
    """Draw one share per method with its interval, the smallest at the top.

    Parameters
    ----------
    found : mapping of str to Estimate
    xlabel : str
    line : float, optional
        What a reader who knows nothing gets, as a vertical line.
    """
    use_style()
    order = sorted(found, key=lambda name: found[name].value)
    fig, axes = grid(1, 1, (6.0, 0.27 * len(order) + 0.9))
    ax = axes[0, 0]
    for i, name in enumerate(order):
        colour = _colour(name)
        interval(ax, found[name], -i, color=colour)
        ax.plot(found[name].value, -i, "o", color=colour, ms=5)
    if line is not None:
        ax.axvline(line, color=INK, lw=0.9, ls=LINES[1])
    ax.set(yticks=[-i for i in range(len(order))], xlabel=xlabel)
    ax.set_yticklabels(order)
    ax.grid(False, axis="y")
    return fig


def two_labels(rows: Mapping[str, tuple[tuple[float, float], tuple[float, float]]]) -> Figure:
    """Draw each method twice: judged by recorded labels (hollow) and by true ones (filled).

    Parameters
    ----------
    rows : mapping of str to pair of (DEO, accuracy)
        Recorded, then true.
    """
    use_style()
    fig, axes = grid(1, 1, (6.0, 4.6))
    ax = axes[0, 0]
    for name, (recorded, true) in rows.items():
        colour = _colour(name)
        ax.annotate("", true, recorded, arrowprops={"arrowstyle": "-", "color": colour, "lw": 1})
        ax.plot(*recorded, "o", color=colour, mfc="none", ms=6)
        ax.plot(*true, "o", color=colour, ms=6)
    ax.plot([], [], "o", color=INK, mfc="none", label="by recorded labels")
    ax.plot([], [], "o", color=INK, label="by true labels")
    ax.set(xlabel="DEO, fairer by this metric →", ylabel="accuracy →")
    ax.invert_xaxis()
    ax.legend(loc="lower left")
    return fig


def tree(leaves: Sequence[Leaf]) -> Figure:
    """Draw which method when: questions on the left, what the record puts first on the right."""
    step = 1.25
    d = Diagram(width=7.2, height=step * (len(leaves) + 1) - 0.1)
    top = step * (len(leaves) + 0.5)
    for i, leaf in enumerate(leaves):
        question = "\n".join(textwrap.wrap(leaf.question, 22))
        d.box(f"q{i}", (1.6, top - i * step), question, role="data")
        said = f"{leaf.best} (best of {leaf.rivals})\naccuracy {leaf.accuracy:.2f}, DEO "
        said += f"{leaf.deo:.2f}\nbeats a threshold: {leaf.over}"
        d.box(f"l{i}", (5.5, top - i * step), said, role="output")
        d.arrow(f"q{i}", f"l{i}", "yes")
        if i:
            d.arrow(f"q{i - 1}", f"q{i}", "no")
    last = len(leaves)
    d.box(
        "end", (1.6, top - last * step), "a moved threshold,\nor the model as it is", role="output"
    )
    d.arrow(f"q{last - 1}", "end", "no")
    return d.figure()


def slide(points: pd.DataFrame, constant: float, said: str) -> Figure:
    """Draw the one slide: the question, the answer, and the plane.

    Parameters
    ----------
    points, constant
        As in :func:`plane`.
    said : str
        The answer, without marks.
    """
    use_style()
    fig, axes = grid(1, 2, (11.0, 6.2), width_ratios=[1.5, 1])
    ax, side = axes[0]
    _plane(ax, points, constant)
    side.set_axis_off()
    handles, names = ax.get_legend_handles_labels()
    side.legend(handles, names, loc="lower left", ncols=1, fontsize=8)
    side.text(0, 1, textwrap.fill(said, 42), transform=side.transAxes, va="top", fontsize=11)
    fig.suptitle("Which intervention beats a coin, a threshold, a clean set?", x=0.02, ha="left")
    return fig
