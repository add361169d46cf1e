"""The one style of all plots: looks of series, the axes to draw in, and how intervals are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fairtut.errors import InputError
from fairtut.metrics.repeats import over_seeds
from fairtut.page.figures import INK, note

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE: Final = ("#0f99d3", "#bf3621", "#c97f02", "#7555d8", "#4e8765", "#aa498a")
"""Blue, vermilion, amber, violet, green, purple."""

GREY: Final = "#76808d"
"""Controls and reference lines."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P")
LINES: Final[tuple[Any, ...]] = (
    "-",
    (0, (5, 2)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (1, 1.2)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)

STYLE: Final[Mapping[str, Any]] = {
    "figure.figsize": (6.8, 4.2),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "errorbar.capsize": 0,
}

DIAMOND: Final[Mapping[str, Any]] = {
    "marker": "D",
    "ls": "",
    "ms": 8,
    "mfc": "none",
    "mew": 1.6,
}
"""The paper's own numbers."""


class Look(NamedTuple):
    """How one series is drawn.

    Examples
    --------
    >>> from fairtut.page.style import Look
    >>> Look("#000000", "o", "-").marker
    'o'
    """

    color: str
    marker: str
    linestyle: Any


def look(i: int) -> Look:
    """Return the look of series number ``i``; the first 36 all differ.

    Examples
    --------
    >>> from fairtut.page.style import look
    >>> look(0)
    Look(color='#0f99d3', marker='o', linestyle='-')
    """
    turn = i // len(PALETTE)
    return Look(
        PALETTE[i % len(PALETTE)],
        MARKERS[(i + turn) % len(MARKERS)],
        LINES[(i + turn) % len(LINES)],
    )


def use_style() -> None:
    """Use the suite's style for every figure that is drawn from now on.

    Examples
    --------
    >>> from fairtut.page.style import use_style
    >>> use_style()
    """
    import matplotlib as mpl
    from cycler import cycler

    settings: Any = {**STYLE, "axes.prop_cycle": cycler(color=list(PALETTE))}
    mpl.rcParams.update(settings)


def summarise(
    frame: pd.DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    *,
    draw: str = "draw",
    level: float = 0.95,
) -> pd.DataFrame:
    """Average within draws, then give the mean over draws with its t-interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per group, draw (and initialisation).
    by, values : sequence of str
        Columns that name a group, and columns to summarise.
    draw : str
        The column that numbers independent draws.

    Returns
    -------
    pandas.DataFrame
        One row per group in the order of appearance: ``by``, then for each value ``<value>``,
        ``<value>_low``, ``<value>_high``, and ``n``, the number of draws.

    Examples
    --------
    >>> from fairtut.page.style import summarise
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"m": ["a"] * 3, "v": [0.1, 0.2, 0.3], "draw": [0, 1, 2]})
    >>> float(summarise(frame, ["m"], ["v"])["v"].round(3).iloc[0])
    0.2
    """
    import pandas as pd

    need(frame, [*by, *values, draw])
    drawn = frame.groupby([*by, draw], sort=False)[list(values)].mean()
    rows = []
    for key, part in drawn.groupby(level=list(by), sort=False) if by else [((), drawn)]:
        row = dict(zip(by, key, strict=True))
        for value in values:
            estimate = over_seeds(part[value].tolist(), level=level)
            row |= {
                value: estimate.value,
                f"{value}_low": estimate.low,
                f"{value}_high": estimate.high,
            }
        rows.append({**row, "n": len(part)})
    return pd.DataFrame(rows)


def axes(title: str, height: float = 4.2, legend_width: float = 0) -> tuple[Figure, Axes]:
    """Return a new figure in the style, with room for a legend beside its axes.

    Examples
    --------
    >>> from fairtut.page.style import axes
    >>> fig, ax = axes("A title")
    >>> ax.get_title(loc="left")
    'A title'
    """
    import matplotlib.pyplot as plt

    use_style()  # and not only here: legends and ticks read the style when they are made
    fig, ax = plt.subplots(figsize=(5.6 + legend_width, height))
    ax.set_title(title)
    return fig, ax


def need(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a frame that lacks a column.

    Examples
    --------
    >>> from fairtut.page.style import need
    >>> import pandas as pd
    >>> need(pd.DataFrame({"a": [1]}), ["a"])
    """
    for column in columns:
        if column not in frame.columns:
            have = ", ".join(map(str, frame.columns))
            raise InputError(f"the frame has no column {column!r}: it has {have}")


def points_of(
    frame: pd.DataFrame, by: Sequence[str], values: Sequence[str], draw: str | None, fig: Figure
) -> pd.DataFrame:
    """Return one row per point, with the intervals' ends where there are any.

    Parameters
    ----------
    frame : pandas.DataFrame
    by, values : sequence of str
        Columns that name a point, of which those that the frame lacks are left out, and columns to
        summarise.
    draw : str or None
        The column that numbers independent draws; with None the frame is returned as it is.
    fig : matplotlib.figure.Figure
        What its bars are is noted for its caption.

    Returns
    -------
    pandas.DataFrame
        As :func:`summarise` returns it.

    Raises
    ------
    fairtut.errors.InputError
        If a column is missing.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from fairtut.page.style import axes, points_of
    >>> frame = pd.DataFrame({"m": ["a", "a", "b"], "gap": [0.25, 0.75, 1.0], "draw": [0, 1, 0]})
    >>> fig, _ = axes("A title")
    >>> points_of(frame, ["m", "setting"], ["gap"], "draw", fig)[["m", "gap", "n"]].values.tolist()
    [['a', 0.5, 2], ['b', 1.0, 1]]
    >>> plt.close(fig)
    """
    by = [column for column in by if column in frame.columns]
    if draw is None:
        return frame
    points = summarise(frame, by, values, draw=draw)
    say_interval(fig, "t over seeds", points["n"].tolist())
    return points


def say_interval(fig: Figure, kind: str, counts: Sequence[int]) -> None:
    """Note what the bars are and over how many.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    kind : str
        The method of the estimates, such as ``t over seeds``.
    counts : sequence of int
        How many draws, or people, each interval is over; not empty.

    Examples
    --------
    The caption says it, below a figure that is shown:

    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.figures import show
    >>> from fairtut.page.style import say_interval
    >>> fig = plt.figure(figsize=(1, 1))
    >>> say_interval(fig, "t over seeds", [3, 5])
    >>> show(fig, caption="Gaps.", alt="Bars.", name="gaps")
    [figure gaps: Gaps. Bars and bands: 95 % t-intervals over 3 to 5 draws.]
    """
    least, most = min(counts), max(counts)
    if most < 2:
        note(fig, "No intervals: a single draw.")
        return
    many = f"{most}" if least == most else f"{least} to {most}"
    what = {
        "t over seeds": f"95 % t-intervals over {many} draws",
        "paired t over seeds": f"95 % paired t-intervals over {many} draws",
    }.get(kind, f"95 % intervals, {kind}, n = {most:,}")
    note(fig, f"Bars and bands: {what}.")
