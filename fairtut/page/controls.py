"""Does the method beat what costs nothing?  One drawing and one table for all chapters.

What is shown are the measured answers of :mod:`fairtut.lab.asked`: differences, larger being better
for the method, so that the right of the line at zero is the method's side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from fairtut.errors import InputError
from fairtut.evidence.recording import Record
from fairtut.lab.asked import CONTROLS, identifier
from fairtut.lab.choice import Answer, beats
from fairtut.page.canvas import grid, interval
from fairtut.page.figures import INK
from fairtut.page.style import GREY, LINES, PALETTE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairtut.metrics import Estimate

Answers = Mapping[str, Mapping[str, "Estimate"]]
"""Method, then control, in words, to the method's number minus the control's."""

LOOKS: Final[Mapping[Answer, tuple[str, str]]] = {
    "yes": (">", PALETTE[0]),
    "no": ("<", PALETTE[1]),
    "unclear": ("o", GREY),
}
"""Marker and colour of an answer: each says it alone."""


def answers(
    record: Record, methods: Mapping[str, str], named: Mapping[str, str] | None = None
) -> dict[str, dict[str, Estimate]]:
    """Return the answers that a run measured.

    Parameters
    ----------
    record : Record
    methods : mapping of str to str
        What was asked about, as :func:`fairtut.lab.asked.asked` calls it, to its title.
    named : mapping of str to str, optional
        What a control is called in this chapter, such as ``{"noise": "random words"}``; further
        controls of the chapter go here, too.

    Returns
    -------
    dict of str to dict of str to Estimate
        Title, then control in words, to the method's number minus the control's.

    Raises
    ------
    fairtut.errors.RecordError
        If the run did not ask.

    Examples
    --------
    >>> from fairtut.evidence.records import Record
    >>> from fairtut.lab.asked import CONTROLS, identifier
    >>> from fairtut.page.controls import answers
    >>> run = Record("toy", "laptop", "synthetic")
    >>> for name in CONTROLS:
    ...     _ = run.measure(identifier("ours", name), [0.25, 0.25], n=100, unit="fraction")
    >>> found = answers(run, {"ours": "Our method"}, {"noise": "random words"})
    >>> len(found["Our method"]), found["Our method"]["random words"].value
    (5, 0.25)
    """
    words = {**CONTROLS, **(named or {})}
    return {
        title: {word: record.standard(identifier(what, name)) for name, word in words.items()}
        for what, title in methods.items()
    }


def drawn(found: Answers, xlabel: str = "method minus control →") -> Figure:
    """Draw a panel per method: an interval for each control, with the line at zero.

    Colour and marker both say the answer; a question without an answer is written out.

    Parameters
    ----------
    found : mapping of str to mapping of str to Estimate
        From :func:`answers`.
    xlabel : str
        Below the lowest panel on the left.

    Returns
    -------
    matplotlib.figure.Figure
        At most two panels side by side.

    Raises
    ------
    fairtut.errors.InputError
        There is no answer.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.metrics import Estimate
    >>> from fairtut.page.controls import drawn
    >>> better = Estimate(0.02, 0.01, 0.03, n=500, level=0.95, method="bootstrap")
    >>> worse = Estimate(-0.02, -0.03, -0.01, n=500, level=0.95, method="bootstrap")
    >>> fig = drawn({"ours": {"noise": better, "a moved threshold": worse}})
    >>> marks = [line.get_marker() for line in fig.axes[0].lines]
    >>> marks.count(">"), marks.count("<")  # one yes, one no
    (1, 1)
    >>> plt.close(fig)
    """
    rows = list(dict.fromkeys(name for one in found.values() for name in one))
    if not rows:
        raise InputError("there is nothing to draw: pass at least one answer")
    across = min(len(found), 2)  # so that letters are legible on a phone
    down = -(-len(found) // across)
    size = (max(1.8 * across + 2.2, 5.4), (0.3 * len(rows) + 0.7) * down + 0.7)
    fig, axes = grid(down, across, size, sharex=True, sharey=True)
    for ax in axes.flat[len(found) :]:
        ax.set_axis_off()
    for ax in axes.flat[max(len(found) - across, 0) :]:  # the lowest of each column
        ax.tick_params(labelbottom=True)
    for ax, (title, one) in zip(axes.flat, found.items(), strict=False):
        _panel(ax, one, rows)
        ax.set_title(title, fontsize=10)
    axes[-1, 0].set_xlabel(xlabel)
    _legend(fig)
    return fig


def table(found: Answers) -> pd.DataFrame:
    """Return a row per control and a column per method: the answer, and the difference.

    Parameters
    ----------
    found : mapping of str to mapping of str to Estimate
        From :func:`answers`.

    Returns
    -------
    pandas.DataFrame
        The column ``does it beat`` and one per method, as text with inline Markdown; empty where a
        method was not asked about a control.

    Examples
    --------
    >>> from fairtut.metrics import Estimate
    >>> from fairtut.page.controls import table
    >>> better = Estimate(0.02, 0.01, 0.03, n=500, level=0.95, method="bootstrap")
    >>> worse = Estimate(-0.02, -0.03, -0.01, n=500, level=0.95, method="bootstrap")
    >>> found = table({"A": {"noise": better}, "B": {"a moved threshold": worse}})
    >>> found.values.tolist()
    [['noise', '**yes** .020 [.010, .030]', ''],
     ['a moved threshold', '', '**no** -.020 [-.030, -.010]']]
    """
    import pandas as pd

    rows = list(dict.fromkeys(name for one in found.values() for name in one))
    return pd.DataFrame(
        [
            {"does it beat": row}
            | {title: _told(one[row]) if row in one else "" for title, one in found.items()}
            for row in rows
        ]
    )


def _told(e: Estimate) -> str:
    word = beats(e)
    return word if word == "not tested" else f"**{word}** {e}"


def _panel(ax: Axes, one: Mapping[str, Estimate], rows: list[str]) -> None:
    for row, e in one.items():
        height, word = -rows.index(row), beats(e)
        if word == "not tested":
            ax.text(0.03, height, word, transform=ax.get_yaxis_transform(), va="center",
                    fontsize=9)  # fmt: skip
            continue
        marker, colour = LOOKS[word]
        interval(ax, e, height, color=colour)
        ax.plot(e.value, height, marker, color=colour, ms=5)
    ax.axvline(0, color=INK, lw=0.9, ls=LINES[1])
    ax.set(yticks=[-i for i in range(len(rows))], ylim=(0.6 - len(rows), 0.6))
    ax.set_yticklabels(rows)
    ax.locator_params(axis="x", nbins=4)
    ax.grid(False, axis="y")


def _legend(fig: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker=marker, color=colour, ms=5, label=word)
        for word, (marker, colour) in LOOKS.items()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
