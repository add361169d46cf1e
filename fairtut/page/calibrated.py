"""How often the judge is wrong (:mod:`fairtut.evidence.calibration`), in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fairtut.errors import InputError
from fairtut.page.canvas import grid
from fairtut.page.figures import INK, note
from fairtut.page.style import GREY, LINES, PALETTE, need, use_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS: Final = {
    "once": ("o", PALETTE[0], "one look"),
    "split": ("^", PALETTE[4], "three looks, chance split"),
    "naive": ("s", PALETTE[1], "three looks, as if one"),
}
"""Way of looking to marker, colour and words."""

WORDS: Final = {True: "a good word", False: "“not reproduced”"}
#: Percent of words that may be wrong.
ALLOWED: Final = 5.0
_COLUMNS: Final = ("world", "spread", "people", "trainings", "looks", "kind", "word", "wrong")


def largest(found: pd.DataFrame) -> pd.DataFrame:
    """Return the worst place of each world, way of looking and word.

    Parameters
    ----------
    found : pandas.DataFrame
        From :func:`fairtut.evidence.calibration.table`; ``wrong`` is a share in [0, 1].

    Returns
    -------
    pandas.DataFrame
        The rows with the largest share ``wrong``; ``good`` is whether the word is a good one, and
        ``middle`` is the median share over all places.  Rows of one training are left out.

    Raises
    ------
    fairtut.errors.InputError
        A column is missing, or no row has two trainings.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtut.page.calibrated import largest
    >>> world = {"world": "share", "spread": "small", "people": 100, "looks": "once",
    ...          "kind": "same"}
    >>> rows = [{"trainings": 2, "wrong": 0.25}, {"trainings": 3, "wrong": 0.75}]
    >>> found = largest(pd.DataFrame([world | row | {"word": "reproduced"} for row in rows]))
    >>> found[["good", "trainings", "wrong", "middle"]].values.tolist()
    [[True, 3, 0.75, 0.5]]
    """
    need(found, _COLUMNS)
    judged = found[found["trainings"] > 1]
    if judged.empty:
        raise InputError("there is nothing to draw: pass rows with two or more trainings")
    judged = judged.assign(good=judged["word"] != "not reproduced")
    groups = judged.groupby(["world", "looks", "good"], sort=False)["wrong"]
    worst = judged.loc[groups.idxmax()]
    return worst.assign(middle=groups.median().to_numpy()).reset_index(drop=True)


def drawn(found: pd.DataFrame) -> Figure:
    """Draw, for each world, from the median share of wrong words to the largest.

    Parameters
    ----------
    found : pandas.DataFrame
        From :func:`fairtut.evidence.calibration.table`.

    Returns
    -------
    matplotlib.figure.Figure
        One row per world, in percent, with a dashed line at :data:`ALLOWED`.  A filled mark is a
        good word, a hollow one is "not reproduced".

    Raises
    ------
    fairtut.errors.InputError
        A column is missing, or no row has two trainings.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from fairtut.page.calibrated import drawn
    >>> world = {"world": "share", "spread": "small", "people": 100, "looks": "once",
    ...          "kind": "same"}
    >>> rows = [{"trainings": 2, "wrong": 0.25}, {"trainings": 3, "wrong": 0.75}]
    >>> fig = drawn(pd.DataFrame([world | row | {"word": "reproduced"} for row in rows]))
    >>> [float(end) for end in fig.axes[0].lines[0].get_xdata()]  # from the median to the worst
    [50.0, 75.0]
    >>> plt.close(fig)
    """
    import matplotlib as mpl

    worst = largest(found)
    with mpl.rc_context():  # a page that is built draws other figures afterwards
        use_style()
        return _drawn(worst)


def _drawn(worst: pd.DataFrame) -> Figure:
    worlds = list(dict.fromkeys(worst["world"]))
    fig, axes = grid(1, 1, (5.6, 0.72 * len(worlds) + 1.3))
    ax: Axes = axes[0, 0]
    for row in worst.itertuples(index=False):
        marker, colour, _ = LOOKS[row.looks]
        place = 2 * list(LOOKS).index(row.looks) + (not row.good)
        height = -worlds.index(row.world) + 0.3 - 0.12 * place
        ends = (100 * row.middle, 100 * row.wrong)
        ax.plot(ends, [height, height], color=colour, lw=1.4, alpha=0.6)
        ax.plot(ends[1], height, marker, color=colour, ms=5, mfc=colour if row.good else "none")
    ax.axvline(ALLOWED, color=INK, lw=0.9, ls=LINES[1])
    for i in range(1, len(worlds)):
        ax.axhline(0.5 - i, color=GREY, lw=0.5)
    ax.set(yticks=[-i for i in range(len(worlds))], ylim=(0.5 - len(worlds), 0.5))
    ax.set_yticklabels(worlds)
    ax.set_xlim(left=0)
    ax.set_xlabel("wrong words, % of worlds")
    ax.grid(False, axis="y")
    _legend(fig)
    note(fig, "A line goes from the median over all places to the worst one, which is marked.")
    return fig


def _legend(fig: Figure) -> None:
    from matplotlib.lines import Line2D

    def mark(marker: str, colour: str, label: str, face: str) -> Line2D:
        return Line2D([], [], ls="", marker=marker, color=colour, ms=5, mfc=face, label=label)

    handles = [mark(marker, colour, words, colour) for marker, colour, words in LOOKS.values()]
    handles += [mark("D", GREY, WORDS[good], GREY if good else "none") for good in WORDS]
    fig.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
