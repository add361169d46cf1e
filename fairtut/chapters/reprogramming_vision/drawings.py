"""The drawings of the chapter on Fairness Reprogramming in images.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.metrics import Estimate
from fairtut.page.canvas import faces, grid, interval, legend_below, whiskers
from fairtut.page.figures import INK
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE, look

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairtut.evidence.records import Record

Floats = NDArray[np.float64]
Points = Sequence[tuple[float, float]]

METHODS: Final[Mapping[str, str]] = {
    "base": "BASE, as deployed",
    "patch": "patch",
    "border": "border",
    "advin": "AdvIn (from scratch)",
    "advpost": "AdvPost (tuned)",
    "random-patch": "random patch",
    "random-border": "random border",
    "lam0": "border, λ = 0",
}
"""The paper's methods and then our controls, in the order of every figure."""

PAPERS: Final = tuple(METHODS)[:5]


def claim(points: Mapping[str, Mapping[str, Points]], constant: float) -> Figure:
    """Draw the paper's trade-off, with the constant classifier that it leaves out.

    Parameters
    ----------
    points : mapping of str to mapping of str to sequence of (accuracy, bias)
        ``dp`` and ``eo`` → method of :data:`METHODS` → the published points.
    constant : float
        Accuracy of the constant classifier, which has no gap.
    """
    fig, axes = grid(1, 2, (7.4, 3.5), sharey=True)
    titles = {"dp": "demographic parity", "eo": "equalised odds"}
    for ax, (criterion, title) in zip(axes[0], titles.items(), strict=True):
        for i, method in enumerate(PAPERS):
            label = METHODS[method]
            accuracy, bias = zip(*points[criterion][method], strict=True)
            ax.plot(bias, accuracy, ls="", marker=MARKERS[i], color=PALETTE[i], label=label)
        (top, gap), end = points[criterion]["base"][0], (0.0, constant)
        ax.plot([gap, end[0]], [top, end[1]], color=GREY, ls=LINES[3], lw=1.6,
                label="mixing line (ours)")  # fmt: skip
        ax.plot(*end, "X", color=GREY, ms=8, label="constant classifier (ours)")
        ax.invert_xaxis()
        ax.set(title=title, xlabel=f"bias ({criterion.upper()}), fairer by this metric →")
    axes[0, 0].set_ylabel("accuracy →")
    legend_below(fig, axes[0, 0], 3)
    return fig


def points(
    found: Mapping[tuple[str, float], tuple[Estimate, Estimate]],
) -> pd.DataFrame:
    """Return what :func:`fairtut.page.plots.plot_tradeoff` draws with ``draw=None``.

    Parameters
    ----------
    found : mapping of (method, setting) to (accuracy, bias)
    """
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "method": method, "setting": setting,
                "accuracy": acc.value, "accuracy_low": acc.low, "accuracy_high": acc.high,
                "bias": bias.value, "bias_low": bias.low, "bias_high": bias.high,
            }
            for (method, setting), (acc, bias) in found.items()
        ]
    )  # fmt: skip


def recorded(
    record: Record,
    grids: Mapping[str, Mapping[str, Sequence[float]]],
    criterion: str,
    least: float,
) -> dict[str, list[tuple[Estimate, Estimate]]]:
    """Return what :func:`photographs` draws of a record for one criterion.

    Parameters
    ----------
    record : Record
        Of a run of the chapter.
    grids : mapping of str to mapping of str to sequence of float
        Method → criterion → λ; λ = 0 is a control and left out.
    criterion : {"eo", "dp"}
    least : float
        Points with less accuracy are left out, BASE excepted.
    """
    names = {m: [m] for m in ("base", "random-patch", "random-border")}
    for method, several in grids.items():
        names[method] = [f"{method}.{criterion}.lam{lam:g}" for lam in several[criterion] if lam]
    found = {
        method: [
            (record.estimate(f"{i}.acc"), record.estimate(f"{i}.{criterion}"))
            for i in names[method]
            if method == "base" or record.estimate(f"{i}.acc").value >= least
        ]
        for method in METHODS
        if method in names
    }
    return {method: several for method, several in found.items() if several}


def step(g_y: ArrayLike, g_z: ArrayLike, panels: Mapping[str, Mapping[str, ArrayLike]]) -> Figure:
    """Draw two gradients in a plane and what different updates make of them.

    Parameters
    ----------
    g_y, g_z : array-like, shape (2,)
        Gradients of the label's and of the adversary's loss.
    panels : mapping of str to mapping of str to array-like (2,)
        Title → name of an update → the direction that it descends *along* (it is drawn as given).
    """
    y, z = np.asarray(g_y, float), np.asarray(g_z, float)
    fig, axes = grid(1, len(panels), (2.6 * len(panels) + 0.4, 3.3), sharex=True, sharey=True)
    u = z / np.linalg.norm(z)
    across = np.array([-u[1], u[0]])  # moves here leave the adversary's loss as it is
    ends = [y, z, *(np.asarray(v, float) for p in panels.values() for v in p.values())]
    reach = 1.4 * max(float(np.abs(v).max()) for v in ends)
    for ax, (title, arrows) in zip(axes[0], panels.items(), strict=True):
        ax.plot(*np.outer(across, [-9 * reach, 9 * reach]), color=GREY, ls=LINES[1], lw=1,
                label="no change of the adversary's loss")  # fmt: skip
        drawn = {"$g_y$": y, "$g_z$": z} | {k: np.asarray(v, float) for k, v in arrows.items()}
        for i, (name, v) in enumerate(drawn.items()):
            ax.quiver(0, 0, *v, color=PALETTE[i], angles="xy", scale_units="xy", scale=1,
                      width=0.013, label=name, zorder=3 + i)  # fmt: skip
            tip = v * (1 + 0.13 * reach / max(float(np.linalg.norm(v)), 1e-9))
            ax.annotate(name, tip, color=PALETTE[i], fontsize=10, ha="center", va="center")
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
        ax.set_title(title, fontsize=9)
    fig.legend(*[part[:1] for part in axes[0, 0].get_legend_handles_labels()],
               loc="outside lower center", fontsize=8)  # fmt: skip
    return fig


def theorem(
    trigger: ArrayLike, found: Mapping[str, ArrayLike], thresholds: Points, triggers: Points,
    base: tuple[float, float],
) -> Figure:  # fmt: skip
    """Draw the exact information against the trigger's strength, and against moved thresholds.

    Parameters
    ----------
    trigger : array-like, shape (k,)
        p(s = 1 | trigger word), in (0, 1).
    found : mapping of str to array-like (k,)
        Name → nats.
    thresholds, triggers : sequence of (nats, accuracy)
        Points of the right panel.
    base : (nats, accuracy)
        The classifier as deployed.
    """
    fig, axes = grid(1, 2, (7.4, 4.0))
    p = np.asarray(trigger, float)
    for i, (name, values) in enumerate(found.items()):
        axes[0, 0].plot(_log_odds(p), values, color=PALETTE[i], ls=LINES[i], label=name)
    ticks = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999]
    ticks = [t for t in ticks if p.min() <= t <= p.max()]
    axes[0, 0].set_xticks(_log_odds(np.array(ticks)), [f"{t:g}" for t in ticks])
    axes[0, 0].set(xlabel="p(s = 1 | trigger word)", ylabel="nats", ylim=(0, None))
    axes[0, 0].legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    ax = axes[0, 1]
    ax.plot(*zip(*sorted(thresholds), strict=True), color=GREY, ls="", marker=".", ms=5,
            label="moved thresholds")  # fmt: skip
    ax.plot(*zip(*triggers, strict=True), color=PALETTE[1], ls="", marker="s", ms=5,
            label="trigger words")  # fmt: skip
    ax.plot(*base, "o", color=PALETTE[0], ms=8, label="as deployed", zorder=4)
    ax.invert_xaxis()
    ax.set(xlabel="I(ŷ; s | y), nats; fairer →", ylabel="accuracy →")
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return fig


def _log_odds(p: Floats) -> Floats:
    return np.log(p / (1 - p))


def curves(
    panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    *,
    xlabels: Mapping[str, str],
    ylabel: str,
    references: Mapping[str, Estimate] | None = None,
) -> Figure:
    """Draw estimates along a setting, a panel per family and a line per method.

    Parameters
    ----------
    panels : mapping of str to mapping of str to mapping of str to Estimate
        Panel title → method → setting (as it is printed, in order) → estimate.
    xlabels : mapping of str to str
        Panel title → what the settings are.
    ylabel : str
    references : mapping of str to Estimate, optional
        Horizontal lines with their bands, such as BASE.
    """
    if not panels:
        raise InputError("there is nothing to draw: pass at least one panel")
    # three panels still have readable letters in a column of a page
    fig, axes = grid(1, len(panels), (max(4.2, 2.5 * len(panels) + 0.7), 3.4), sharey=True)
    order: list[str] = list(dict.fromkeys(m for lines in panels.values() for m in lines))
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        ticks = list(dict.fromkeys(tick for line in lines.values() for tick in line))
        for name, line in lines.items():
            i = order.index(name)
            x = np.array([ticks.index(t) for t in line]) + 0.07 * (i - (len(order) - 1) / 2)
            _line(ax, x, list(line.values()), i, name)
        for j, (name, e) in enumerate((references or {}).items()):
            ax.axhline(e.value, color=GREY, lw=1.3, ls=LINES[1 + j % 3], label=name)
            if j == 0:
                ax.axhspan(e.low, e.high, color=GREY, alpha=0.15, lw=0)
        ax.set_xticks(range(len(ticks)), ticks)
        ax.set(title=title, xlabel=xlabels.get(title, ""), xlim=(-0.5, len(ticks) - 0.5))
    axes[0, 0].set_ylabel(ylabel)
    found = {n: h for ax in axes[0] for h, n in zip(*ax.get_legend_handles_labels(), strict=True)}
    names = [n for n in (*order, *(references or {})) if n in found]
    handles = [found[name] for name in names]
    fig.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8)
    return fig


def _line(ax: Axes, x: Floats, points: Sequence[Estimate], i: int, label: str) -> None:
    values, style = [e.value for e in points], look(i)
    ends = [e.low for e in points], [e.high for e in points]
    whiskers(ax, x, values, of_y=ends, color=style.color)
    ax.plot(x, values, **style._asdict(), label=label)


def differences(
    panels: Mapping[str, Mapping[str, Estimate]],
    *,
    xlabels: Mapping[str, str],
    columns: int | None = None,
) -> Figure:
    """Draw differences with their intervals; negative, to the left, is less unfair.

    Parameters
    ----------
    panels : mapping of str to mapping of str to Estimate
        Panel title → row → estimate.  All panels share their rows; one may lack some.
    xlabels : mapping of str to str
        Panel title → axis label.
    columns : int, optional
        Panels beside each other; the others follow below.  Default: all of them.
    """
    rows = list(dict.fromkeys(row for found in panels.values() for row in found))
    if not rows:
        raise InputError("there is nothing to draw: pass at least one estimate")
    columns = columns or len(panels)
    lines = -(-len(panels) // columns)
    size = (2.9 * columns + 1.6, lines * (0.3 * len(rows) + 1.2))
    fig, axes = grid(lines, columns, size, sharey=True)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, (title, found) in zip(axes.flat, panels.items(), strict=False):
        for row, e in found.items():
            i = rows.index(row)
            mark, colour = ("o", GREY)
            if e.high < 0 or e.low > 0:  # both the colour and the mark say which side it is
                mark, colour = ("<", PALETTE[0]) if e.high < 0 else (">", PALETTE[1])
            interval(ax, e, -i, color=colour)
            ax.plot(e.value, -i, mark, color=colour, ms=5)
        ax.axvline(0, color=INK, lw=0.9, ls=LINES[1])
        ax.set(title=title, xlabel=xlabels.get(title, ""), yticks=[-i for i in range(len(rows))])
        ax.set_yticklabels(rows)
        ax.set_ylim(0.6 - len(rows), 0.6)
        ax.locator_params(axis="x", nbins=4)
        ax.grid(False, axis="y")
    return fig


def strengths(stops: Sequence[float], found: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """Draw shares at evenly spaced stops, and one half: the still picture of a slider.

    Parameters
    ----------
    stops : sequence of float
    found : mapping of str to sequence of float
        Name → a height in [0, 1] per stop.
    xlabel : str
        What the stops are.
    """
    fig, axes = grid(1, 1, (4.6, 3.2))
    ax = axes[0, 0]
    for i, (name, heights) in enumerate(found.items()):
        ax.plot(range(len(stops)), heights, **look(i)._asdict(), label=name)
    ax.axhline(0.5, color=GREY, lw=1.2, ls="--")
    ax.set_xticks(range(len(stops)), [f"{stop:g}" for stop in stops])
    ax.set(xlabel=xlabel, ylim=(0, 1))
    legend_below(fig, ax, 3)
    return fig


def photographs(
    found: Mapping[str, Mapping[str, Sequence[tuple[Estimate, Estimate]]]],
    constant: float,
    published: Mapping[str, Mapping[str, tuple[float, float]]],
) -> Figure:
    """Draw the planes of both criteria from a record, beside the paper's points.

    Parameters
    ----------
    found : mapping of str to mapping of str to sequence of (accuracy, bias)
        Criterion → method of :data:`METHODS` → its points, in the order of λ.
    constant : float
        Accuracy of the constant classifier, which has no gap.
    published : mapping of str to mapping of str to (accuracy, bias)
        Criterion → method → the paper's point whose price is nearest, in our unit.
    """
    fig, axes = grid(1, len(found), (3.7 * len(found), 3.9), sharey=True)
    for ax, (criterion, methods) in zip(axes[0], found.items(), strict=True):
        for name, several in methods.items():
            style = look(list(METHODS).index(name))
            y, x = ([pair[i] for pair in several] for i in (0, 1))
            at = [e.value for e in x], [e.value for e in y]
            ends = [([e.low for e in v], [e.high for e in v]) for v in (x, y)]
            whiskers(ax, *at, of_x=ends[0], of_y=ends[1], color=style.color)
            ax.plot(*at, **style._asdict(), label=METHODS[name])
            if name in published[criterion]:
                top, gap = published[criterion][name]
                ax.plot(gap, top, "D", mfc="none", color=style.color, ms=5)
        accuracy, bias = methods["base"][0]
        ax.plot([bias.value, 0], [accuracy.value, constant], color=GREY, ls=LINES[3], lw=1.6,
                label="mixing line")  # fmt: skip
        ax.plot(0, constant, "X", color=GREY, ms=8, label="constant classifier")
        ax.invert_xaxis()
        ax.set(xlabel=f"{criterion.upper()}, fairer by this metric →", ylim=(constant - 0.02, None))
    axes[0, 0].set_ylabel("accuracy →")
    legend_below(fig, axes[0, 0], 3)
    return fig


def triggered(rows: Mapping[str, Any], size: float = 0.6) -> Figure:
    """Draw labelled rows of triggered pictures; pixels outside [0, 1] are cut off to be shown.

    Parameters
    ----------
    rows : mapping of str to tensor
        Title → images (n, 3, h, w), uint8 or floating point.
    size : float
        Inches of a picture.
    """
    ready = {k: x.clamp(0, 1) if x.is_floating_point() else x for k, x in rows.items()}
    return faces(ready, size)
