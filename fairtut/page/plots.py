"""The plots of every chapter, in one style.

Each function draws into a new figure and returns it; :func:`fairtut.page.figures.show` puts it
on the page.  A series is told apart by colour, marker *and* line style.  The six colours keep a
contrast of 3 : 1 on white and on a dark page and stay apart for readers with any of the three
kinds of colour blindness (``tests/unit/test_plots.py`` computes both).  Ink is the theme's own.

Every bar and band is a 95 % t-interval over independent draws, and the caption says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fairtut.errors import InputError
from fairtut.metrics import Estimate, over_seeds
from fairtut.page.figures import INK, note
from fairtut.page.plane import controls, plot_tradeoff
from fairtut.page.style import (
    DIAMOND,
    GREY,
    LINES,
    MARKERS,
    PALETTE,
    STYLE,
    axes,
    look,
    need,
    points_of,
    say_interval,
    summarise,
    use_style,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "GREY",
    "LINES",
    "MARKERS",
    "PALETTE",
    "STYLE",
    "controls",
    "look",
    "plot_bars_ci",
    "plot_curves",
    "plot_dots_by_seed",
    "plot_tradeoff",
    "summarise",
    "use_style",
]


def plot_curves(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    by: str | None = None,
    draw: str | None = "draw",
    order: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    references: Mapping[str, float] | None = None,
    logx: bool = False,
    title: str = "",
) -> Figure:
    """Draw the mean of ``y`` against ``x`` with its band over draws, one curve per ``by``.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per curve, ``x`` and draw; with ``draw=None`` one row per point, and a band where
        ``<y>_low`` and ``<y>_high`` exist.
    x, y, by, draw : str
        Columns.
    order, labels
        As in :func:`~fairtut.page.plane.plot_tradeoff`.
    xlabel, ylabel : str, optional
        Default: the columns' names.
    references : mapping of str to float, optional
        Horizontal lines with their names.
    logx : bool
        Whether ``x`` is logarithmic.
    title : str
        Optional title.

    Returns
    -------
    matplotlib.figure.Figure
        One axes; the band is a 95 % t-interval over draws.

    Raises
    ------
    fairtut.errors.InputError
        If a column is missing.

    Examples
    --------
    Two draws become one curve through their means:

    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from fairtut.page.plots import plot_curves
    >>> frame = pd.DataFrame({"step": [0, 1, 0, 1], "loss": [1.0, 0.5, 2.0, 1.0],
    ...                       "draw": [0, 0, 1, 1]})
    >>> fig = plot_curves(frame, x="step", y="loss")
    >>> [float(height) for height in fig.axes[0].lines[0].get_ydata()]
    [1.5, 0.75]
    >>> plt.close(fig)
    """
    need(frame, [x, y, *([by] if by else [])])
    fig, ax = axes(title, legend_width=1.6 if by or references else 0)
    points = points_of(frame, [*([by] if by else []), x], [y], draw, fig)
    names = list(order if order is not None else dict.fromkeys(frame[by])) if by else [None]
    for i, name in enumerate(names):
        part = (points[points[by] == name] if by else points).sort_values(x)
        style = look(i)
        label = None if name is None else (labels or {}).get(name, str(name))
        marked = style.marker if len(part) <= 30 else None
        ax.plot(part[x], part[y], **{**style._asdict(), "marker": marked}, label=label)
        if f"{y}_low" in part:
            band = (part[f"{y}_low"].to_numpy(float), part[f"{y}_high"].to_numpy(float))
            ax.fill_between(part[x].to_numpy(float), *band, color=style.color, alpha=0.2, lw=0)
    for name, value in (references or {}).items():
        ax.axhline(value, color=GREY, lw=1.2, ls=LINES[1], label=name)
    if logx:
        ax.set_xscale("log")
    ax.set_xlabel(xlabel or x)
    ax.set_ylabel(ylabel or y)
    if by or references:
        fig.legend(loc="outside right upper")
    return fig


def plot_bars_ci(
    estimates: Mapping[str, Estimate],
    *,
    xlabel: str,
    published: Mapping[str, float] | None = None,
    reference: float | None = 0.0,
    title: str = "",
) -> Figure:
    """Draw one horizontal bar per estimate, from the reference, with its interval.

    Parameters
    ----------
    estimates : mapping of str to Estimate
        From top to bottom.  All must have the same kind of interval.
    xlabel : str
        What is measured, with its unit.
    published : mapping of str to float, optional
        The paper's numbers, as hollow diamonds.
    reference : float or None
        Where bars start; with None there are dots instead of bars, for values that have no zero.
    title : str
        Optional title.

    Returns
    -------
    matplotlib.figure.Figure
        One axes with a row per estimate.

    Raises
    ------
    fairtut.errors.InputError
        If there are no estimates, or intervals over people and over seeds are mixed.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.metrics import Estimate
    >>> from fairtut.page.plots import plot_bars_ci
    >>> found = Estimate(0.75, 0.5, 1.0, n=5, level=0.95, method="t over seeds")
    >>> fig = plot_bars_ci({"ours": found}, xlabel="accuracy", reference=0.5)
    >>> [float(bar.get_width()) for bar in fig.axes[0].patches]  # from the reference
    [0.25]
    >>> plt.close(fig)
    """
    if not estimates:
        raise InputError("there is nothing to draw: pass at least one estimate")
    # a row without a value has no interval of any kind: it is left empty
    known = [e for e in estimates.values() if not np.isnan(e.value)] or list(estimates.values())
    kinds = sorted({_kind(estimate) for estimate in known})
    if len(kinds) > 1:
        raise InputError(f"intervals of two kinds ({', '.join(kinds)}): draw one figure for each")
    fig, ax = axes(title, height=1.1 + 0.38 * len(estimates))
    for row, (name, estimate) in enumerate(estimates.items()):
        if reference is not None:
            width = estimate.value - reference
            ax.barh(row, width, left=reference, height=0.6, color=PALETTE[0], alpha=0.75)
        _bar(ax, estimate, row, INK if reference is not None else PALETTE[0])
        if name in (published or {}):
            ax.plot((published or {})[name], row, **DIAMOND, color=PALETTE[1], zorder=5)
    _rows(ax, list(estimates), xlabel)
    if reference is not None:
        ax.axvline(reference, color=INK, lw=0.8)
    say_interval(fig, kinds[0], [estimate.n for estimate in known])
    if published:
        note(fig, "Hollow diamonds: the paper's own numbers.")
    return fig


def plot_dots_by_seed(
    values: Mapping[str, Sequence[Any]],
    *,
    xlabel: str,
    published: Mapping[str, float] | None = None,
    reference: float | None = None,
    title: str = "",
) -> Figure:
    """Draw one dot per draw, its initialisations as smaller dots, and the mean with its interval.

    Parameters
    ----------
    values : mapping of str to sequence
        Per row one entry per draw, which may be a list of initialisations: what a record's
        measurement holds.  ``None`` stands for a draw without a value.
    xlabel, published, title
        As in :func:`plot_bars_ci`.
    reference : float, optional
        A vertical line, such as 0 for differences.

    Returns
    -------
    matplotlib.figure.Figure
        One axes with a row per key.

    Raises
    ------
    fairtut.errors.InputError
        If there is no row.

    Examples
    --------
    The first draw has two initialisations, and its large dot is their mean; the last has no value:

    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.plots import plot_dots_by_seed
    >>> fig = plot_dots_by_seed({"ours": [[0.25, 0.75], 1.0, None]}, xlabel="accuracy")
    >>> small, large, *_ = fig.axes[0].lines
    >>> [float(x) for x in small.get_xdata()], [float(x) for x in large.get_xdata()]
    ([0.25, 0.75], [0.5, 1.0])
    >>> plt.close(fig)
    """
    if not values:
        raise InputError("there is nothing to draw: pass at least one row of values")
    fig, ax = axes(title, height=1.1 + 0.55 * len(values))
    counts = []
    for row, (name, entries) in enumerate(values.items()):
        style = look(row)
        draws = [[v for v in _listed(entry) if v is not None] for entry in entries]
        draws = [inits for inits in draws if inits]
        means = [float(np.mean(inits)) for inits in draws]
        counts.append(len(means))
        # a fixed ladder of heights keeps equal dots apart without random jitter
        heights = row + 0.24 * np.linspace(-1, 1, len(means)) if len(means) > 1 else [row]
        for inits, height in zip(draws, heights, strict=True):
            if len(inits) > 1:
                ax.plot(inits, [height] * len(inits), "o", ms=2.5, color=style.color, alpha=0.5)
        ax.plot(means, heights, ls="", marker=style.marker, color=style.color)
        if means:
            _bar(ax, over_seeds(means), row + 0.36, INK)
        if name in (published or {}):
            ax.plot((published or {})[name], row, **DIAMOND, color=INK, zorder=5)
    _rows(ax, list(values), xlabel)
    ax.set_ylim(len(values) - 0.4, -0.6)
    if reference is not None:
        ax.axvline(reference, color=GREY, lw=1.2, ls=LINES[1])
    note(fig, "Large marks: draws; small dots: their initialisations.")
    say_interval(fig, "t over seeds", counts)
    if published:
        note(fig, "Hollow diamonds: the paper's own numbers.")
    return fig


def _kind(estimate: Estimate) -> str:
    return estimate.method.split(" (")[0]


def _bar(ax: Axes, estimate: Estimate, row: float, color: str) -> None:
    """Draw a mean with its interval at a height."""
    if not np.isnan(estimate.low):
        ax.plot([estimate.low, estimate.high], [row, row], color=color, lw=1.6, zorder=4)
    ax.plot(estimate.value, row, "|", ms=9, mew=1.8, color=color, zorder=4)


def _rows(ax: Axes, names: Sequence[str], xlabel: str) -> None:
    ax.set_yticks(range(len(names)), labels=list(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)


def _listed(entry: Any) -> list[Any]:
    if hasattr(entry, "tolist"):
        entry = entry.tolist()
    return list(entry) if isinstance(entry, Iterable) else [entry]
