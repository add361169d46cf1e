"""The drawings of what the LASSI chapter measures: shares, and how loose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fairtut.chapters.lassi.drawings import COLOURS, METHODS
from fairtut.metrics import Estimate
from fairtut.page.canvas import grid, interval
from fairtut.page.style import DIAMOND, GREY, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cells = Mapping[tuple[str, str], Estimate]


def shares(
    found: Cells,
    columns: Mapping[str, str],
    xlabel: str,
    *,
    seeds: Cells | None = None,
    published: Mapping[tuple[str, str], float] | None = None,
    colours: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw shares with their intervals: a panel per column, a line per row.

    Four columns stand two by two.

    Parameters
    ----------
    found : mapping of (column, row) to Estimate
        With intervals over people, in [0, 1].
    columns : mapping of str to str
        Column → title.
    xlabel : str
    seeds : mapping of (column, row) to Estimate, optional
        The same with intervals over seeds, drawn as a thin line below.
    published : mapping of (column, row) to float, optional
        The paper's numbers, in [0, 1].
    colours : mapping of str to str, optional
        Row → colour.
    limits : (float, float), optional
        Of the axes, in percent.
    """
    rows = list(dict.fromkeys(row for _, row in found))
    across = 2 if len(columns) == 4 else len(columns)
    down = -(-len(columns) // across)
    size = max(2.6 * across + 1.8, 6.4), (0.26 * len(rows) + 0.6) * down + 0.8
    fig, axes = grid(down, across, size, sharex=True, sharey=True)
    for ax, (column, title) in zip(axes.flat, columns.items(), strict=True):
        for i, row in enumerate(rows):
            if (column, row) not in found:
                continue
            colour = (colours or {}).get(row, PALETTE[0])
            _interval(ax, found[column, row], -i, colour, "people" if i == 0 else None)
            if seeds is not None and (column, row) in seeds:
                e = seeds[column, row]
                ax.plot([100 * e.low, 100 * e.high], [-i - 0.25] * 2, color=GREY, lw=1,
                        label="seeds" if i == 0 else None)  # fmt: skip
            if (column, row) in (published or {}):
                ax.plot(100 * (published or {})[column, row], -i, **DIAMOND, color=PALETTE[5],
                        zorder=5, label="paper" if i == 0 else None)  # fmt: skip
        ax.set_title(title, fontsize=10)
        ax.set(yticks=[-i for i in range(len(rows))], yticklabels=rows, xlim=limits)
    axes[-1, 0].set_xlabel(xlabel)
    names = {
        "people": "interval over people", "seeds": "over seeds", "paper": "the paper's number",
    }  # fmt: skip
    handles = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels()), strict=True))
    if len(handles) > 1:
        fig.legend([*handles.values()], [names[k] for k in handles], loc="outside lower center",
                   ncols=3)  # fmt: skip
    return fig


def _interval(ax: Axes, e: Estimate, height: float, colour: str, label: str | None) -> None:
    interval(ax, e, height, 100, color=colour, lw=2.2, label=label)
    ax.plot(100 * e.value, height, "o", color=colour, ms=5)


def plane(
    acc: Cells,
    fair: Cells,
    columns: Mapping[str, str],
    constant: Mapping[str, float],
    looks: Mapping[str, tuple[str, str]],
    published: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> Figure:
    """Draw accuracy against the certified share, a panel per column.

    Parameters
    ----------
    acc, fair : mapping of (column, row) to Estimate
        With intervals over people, in [0, 1]; a row that a column lacks is left out there.
    columns : mapping of str to str
        Column → title.
    constant : mapping of str to float
        Column → accuracy of the constant classifier, which is certified for everybody.
    looks : mapping of str to (str, str)
        Row → colour and marker.
    published : mapping, optional
        Column → method → the paper's certified share and accuracy.
    """
    across = 2 if len(columns) == 4 else min(len(columns), 3)
    down = -(-len(columns) // across)
    fig, axes = grid(
        down, across, (max(2.5 * across, 5.4), 2.4 * down + 0.9), sharex=True, sharey=True
    )
    for ax in axes.flat[len(columns) :]:
        ax.set_axis_off()
    for ax, (column, title) in zip(axes.flat, columns.items(), strict=False):
        for row, (colour, marker) in looks.items():
            if (column, row) not in fair:
                continue
            x, y = fair[column, row], acc[column, row]
            ax.plot([100 * x.low, 100 * x.high], [100 * y.value] * 2, color=colour, lw=1)
            ax.plot([100 * x.value] * 2, [100 * y.low, 100 * y.high], color=colour, lw=1)
            ax.plot(100 * x.value, 100 * y.value, ls="", marker=marker, color=colour, label=row,
                    mfc=colour if marker == "o" else "none")  # fmt: skip
        ax.plot(100, 100 * constant[column], "X", color=GREY, ms=8, label="constant classifier")
        for method, (share, right) in ((published or {}).get(column) or {}).items():
            ax.plot(100 * share, 100 * right, **DIAMOND, color=COLOURS[method], zorder=5,
                    label=f"{METHODS[method]} (paper)")  # fmt: skip
        ax.set_title(title, fontsize=10)
        ax.set_xlim(-4, 104)
    axes[-1, 0].set_xlabel("certified, %")
    axes[0, 0].set_ylabel("accuracy, %")
    both = [ax.get_legend_handles_labels() for ax in axes.flat]
    named = {name: handle for pair in both for handle, name in zip(*pair, strict=True)}
    fig.legend([*named.values()], [*named], loc="outside lower center", ncols=2, fontsize=8)
    return fig


def looseness(found: Mapping[tuple[str, str, str], Estimate], columns: Mapping[str, str]) -> Figure:
    """Draw what is certified within what could be: three bars that lie on each other.

    Parameters
    ----------
    found : mapping of (column, method, what) to Estimate
        What: ``certified``, ``sampling-free`` and ``constant``, shares in [0, 1].
    columns : mapping of str to str
        Column → title; four or more stand in two rows.
    """
    looks = {
        "constant": ("decision is constant (exact, plain model)", 0.22, 0.72),
        "sampling-free": ("certified without sampling", 0.5, 0.46),
        "certified": ("certified as published", 1.0, 0.2),
    }
    across = len(columns) if len(columns) < 4 else -(-len(columns) // 2)
    down = -(-len(columns) // across)
    size = max(2.3 * across + 1, 6.4), 1.8 * down + 0.8
    fig, axes = grid(down, across, size, sharex=True, sharey=True)
    for ax in axes.flat[len(columns) :]:
        ax.set_axis_off()
    for ax, (column, title) in zip(axes.flat, columns.items(), strict=False):
        for j, (what, (label, alpha, height)) in enumerate(looks.items()):
            for i, method in enumerate(METHODS):
                e = found[column, method, what]
                ax.barh(-i, 100 * e.value, height=height, color=COLOURS[method], alpha=alpha,
                        label=label if i == 2 else None, zorder=2 + j)  # fmt: skip
                if what != "sampling-free":
                    y = -i + (0.28 if what == "constant" else 0)
                    interval(ax, e, y, 100, color=GREY, lw=1.2, zorder=6)
        ax.set(xlim=(0, 102), yticks=[0, -1, -2], yticklabels=list(METHODS.values()))
        ax.set_title(title, fontsize=10)
        ax.grid(False, axis="y")
    axes[-1, 0].set_xlabel("people, %")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2, fontsize=9)
    return fig
