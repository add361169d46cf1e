"""The drawings of the chapter on word triggers.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.metrics import Curve, Estimate, Point, mixing_line
from fairtut.page.canvas import grid, interval, legend_below
from fairtut.page.style import GREY, LINES, MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Points = Sequence[tuple[float, float]]

METHODS: Final[Mapping[str, str]] = {
    "soft": "soft trigger", "hard": "hard trigger", "advin": "AdvIn", "advpost": "AdvPost",
}  # fmt: skip
CRITERIA: Final[Mapping[str, str]] = {"dp": "demographic parity", "eo": "equalised odds"}
AXES: Final[Mapping[str, str]] = {"dp": "dp_half", "eo": "eo_code_half"}
"""Criterion → the metric whose axis it has: means over groups."""


def published(points: Mapping[tuple[str, str], Points], constant: float) -> Figure:
    """Draw the paper's figure for Civil Comments.

    Parameters
    ----------
    points : mapping of (criterion, method) to sequence of (accuracy, bias)
        ``base`` among the methods.
    constant : float
        Accuracy of calling nothing toxic.
    """
    fig, axes = grid(1, 2, (7.4, 3.3), sharey=True)
    for ax, (c, title) in zip(axes[0], CRITERIA.items(), strict=True):
        for i, (method, label) in enumerate(METHODS.items()):
            accuracy, bias = np.transpose(points[c, method])
            order = np.argsort(bias)
            ax.plot(bias[order], accuracy[order], marker=MARKERS[i], color=PALETTE[i],
                    ls=LINES[i % len(LINES)], label=label)  # fmt: skip
        accuracy, bias = points[c, "base"][0]
        ax.plot(bias, accuracy, "*", ms=12, color=GREY, label="BASE")
        ax.axhline(constant, color=GREY, lw=1, ls=LINES[1], label="nothing is toxic")
        ax.plot([0, bias], [constant, accuracy], color=GREY, lw=1.2, ls=(0, (1, 1.2)),
                label="mixing line")  # fmt: skip
        ax.invert_xaxis()
        ax.set(title=title, xlabel="bias, fairer by this metric →")
    axes[0, 0].set_ylabel("accuracy →")
    legend_below(fig, axes[0, 0], 4)
    return fig


def controls(board: Any, criterion: str) -> dict[str, Any]:
    """Return the three controls of the trade-off figure, as its keywords.

    Parameters
    ----------
    board : fairtut.chapters.reprogramming_text.measures.Board
    criterion : {"dp", "eo"}
    """
    metric, crowd = AXES[criterion], board.crowd["test"]
    constant = Point(float(crowd.constant()[0]), 0.0, metric)
    accuracy, bias = (float(v[:, 0].mean()) for v in board.base(criterion))
    model = Point(accuracy, bias, metric)
    moved = [v[..., 0].mean(1) for v in board.plane("threshold", criterion, "test")]
    cuts = np.arange(len(moved[0]), dtype=float)
    return {
        "constant": constant, "mixing": mixing_line(model, constant, steps=21),
        "threshold": Curve(moved[0], moved[1], cuts, metric),
    }  # fmt: skip


def relative(
    ours: Mapping[tuple[str, str], Points], paper: Mapping[tuple[str, str], Points]
) -> Figure:
    """Draw our points and the paper's on one scale: what is kept of BASE's gain and of its bias.

    Parameters
    ----------
    ours, paper : mapping of (criterion, method) to sequence of (gain kept, bias kept)
        0 is the constant classifier and 1 is BASE, on both axes.
    """
    fig, axes = grid(1, 2, (7.4, 3.5), sharey=True)
    for ax, (c, title) in zip(axes[0], CRITERIA.items(), strict=True):
        for i, (method, label) in enumerate(METHODS.items()):
            look = {"marker": MARKERS[i], "color": PALETTE[i], "ls": ""}
            gain, bias = np.transpose(ours[c, method])
            ax.plot(bias, gain, label=label, **look)
            gain, bias = np.transpose(paper[c, method])
            ax.plot(bias, gain, mfc="none", ms=8, **look)
        ax.plot([0, 1], [0, 1], color=GREY, lw=1.4, ls=(0, (1, 1.2)), label="mixing line")
        ax.plot(1, 1, "*", ms=12, color=GREY, label="BASE")
        ax.set(title=title, xlabel="share of BASE's bias that is left", ylim=(-0.35, 1.25))
        ax.set_xlim(1.5, -0.08)
    axes[0, 0].set_ylabel("share of BASE's gain that is kept")
    legend_below(fig, axes[0, 0], 3)
    return fig


def rates(
    before: Mapping[str, Estimate], after: Mapping[str, Mapping[str, Estimate]],
    truth: Mapping[str, float],
) -> Figure:  # fmt: skip
    """Draw the share of comments that is called toxic, by group.

    Parameters
    ----------
    before : mapping of str to Estimate
        Group → share under BASE.
    after : mapping of str to mapping
        Legend → the same for another model.
    truth : mapping of str to float
        Group → share that *is* toxic.
    """
    groups = list(before)
    fig, axes = grid(1, 1, (6.8, 0.42 * len(groups) + 1.5))
    ax = axes[0, 0]
    for j, (label, found) in enumerate({"BASE": before, **after}.items()):
        for i, group in enumerate(groups):
            e, y = found[group], -i + 0.2 * (1 - j)
            interval(ax, e, y, color=PALETTE[j])
            ax.plot(e.value, y, MARKERS[j], color=PALETTE[j], label=None if i else label)
    for i, group in enumerate(groups):
        ax.plot(truth[group], -i, "|", color=GREY, ms=22, label=None if i else "labelled toxic")
    ax.set(yticks=[-i for i in range(len(groups))], yticklabels=groups)
    ax.set_xlabel("share of the comments that mention the group")
    ax.set_xlim(left=0)
    legend_below(fig, ax, 4)
    return fig


def motion(found: Mapping[tuple[str, str], Mapping[float, Sequence[float]]]) -> Figure:
    """Draw how far triggers moved and how long both gradients were, by λ.

    Parameters
    ----------
    found : mapping of (quantity, method) to mapping
        Quantities ``movement``, ``norm-y`` and ``norm-z``; λ → values per seed.
    """
    titles = {
        "movement": "distance from the start", "norm-y": "gradient of the label",
        "norm-z": "gradient of the adversary",
    }  # fmt: skip
    fig, axes = grid(1, 3, (7.6, 2.9))
    for ax, (key, title) in zip(axes[0], titles.items(), strict=True):
        for i, method in enumerate(("soft", "hard")):
            rows = found[key, method]
            x = np.arange(len(rows))
            for values in np.transpose([list(v) for v in rows.values()]):
                ax.plot(x, values, MARKERS[i], ms=3.5, alpha=0.6, color=PALETTE[i])
            ax.plot(x, [np.mean(v) for v in rows.values()], color=PALETTE[i], ls=LINES[i],
                    label=METHODS[method])  # fmt: skip
        ax.set_xticks(range(len(rows)), labels=[f"{lam:g}" for lam in rows])
        ax.set_title(title, fontsize=9)
        ax.set(xlabel="λ", ylim=(0, None))
    legend_below(fig, axes[0, 0], 2)
    return fig


def claimed(tables: Mapping[str, Floats], lams: Mapping[str, Sequence[float]],
            groups: Sequence[str]) -> Figure:  # fmt: skip
    """Draw what a classifier of groups says about triggers without any comment.

    Parameters
    ----------
    tables : mapping of str to array, shape (λ, groups)
        Method → mean probabilities.
    lams : mapping of str to sequence of float
    groups : sequence of str
    """
    fig, axes = grid(1, len(tables), (7.2, 3.1), sharey=True)
    for ax, (method, table) in zip(axes[0], tables.items(), strict=True):
        x = np.arange(len(table))
        for i, (group, p) in enumerate(zip(groups, table.T, strict=True)):
            ax.plot(x, p, marker=MARKERS[i % len(MARKERS)], color=PALETTE[i % len(PALETTE)],
                    ls=LINES[i // len(PALETTE)], label=group)  # fmt: skip
        ax.axhline(1 / len(groups), color=GREY, lw=1, ls=LINES[1], label="one over the groups")
        ax.set_xticks(x, labels=[f"{lam:g}" for lam in lams[method]])
        ax.set(title=METHODS[method], xlabel="λ", ylim=(0, 1))
    axes[0, 0].set_ylabel("probability, trigger alone")
    legend_below(fig, axes[0, 0], 4 if len(groups) > 4 else len(groups) + 1)
    return fig


def theorem(shown: Any) -> Figure:
    """Draw what words of one group do: by enumeration, and on drawn texts.

    Parameters
    ----------
    shown : fairtut.chapters.reprogramming_text.theorem.Shown
    """
    fig, axes = grid(1, 2, (7.4, 3.2))
    left, right = axes[0]
    path = np.array([(o.given_y, o.accuracy) for o in shown.exact])
    cuts = np.array([(o.given_y, o.accuracy) for o in shown.threshold])
    left.plot(*cuts.T, "x", color=GREY, ms=4, label="another threshold")
    left.plot(*path.T, "o-", color=PALETTE[0], label="words of one group")
    for count, (x, y) in zip(shown.counts, path, strict=True):
        left.annotate(str(count), (x, y), (3, 4), textcoords="offset points", fontsize=8)
    left.invert_xaxis()
    left.set(xlabel="I(Ŷ; S | Y), nats; less →", ylabel="accuracy")
    names = {"exact": "exact classifier", "learned": "learned transformer"}
    for i, (key, label) in enumerate(names.items()):
        right.plot(shown.counts, shown.eo[key], marker=MARKERS[i], color=PALETTE[2 * i],
                   ls=LINES[i], label=label)  # fmt: skip
    right.set(xlabel="words of one group behind every text", ylabel="bias, equalised odds",
              ylim=(0, None))  # fmt: skip
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    return fig


def frame(rows: Mapping[Any, Estimate], x: str, y: str, by: str = "") -> pd.DataFrame:
    """Return estimates as rows with their intervals, for :func:`fairtut.page.plots.plot_curves`.

    Parameters
    ----------
    rows : mapping
        ``x`` → Estimate, or ``(by, x)`` → Estimate.
    """
    out = []
    for key, e in rows.items():
        place = {by: key[0], x: key[1]} if by else {x: key}
        out.append({**place, y: e.value, f"{y}_low": e.low, f"{y}_high": e.high})
    return pd.DataFrame(out)
