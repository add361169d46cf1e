"""The drawings of the FR-Train chapter.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.  What is
taught stands in the chapter; how it is drawn stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.chapters.frtrain import NAMES, TABLE, Draw, example
from fairtut.errors import RecordError
from fairtut.metrics import over_seeds
from fairtut.page.canvas import interval
from fairtut.page.style import GREY, LINES, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairtut.evidence.records import Record

ALARM = PALETTE[1]  # what was tampered with


def _panels(count: int, *, size: tuple[float, float], **options: Any) -> tuple[Figure, list[Axes]]:
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, count, figsize=size, squeeze=False, **options)
    return fig, list(axes[0])


def claim_arrows(published: Mapping[str, float], limit: float) -> Figure:
    """Draw the paper's table: an arrow per method from clean to poisoned labels.

    Parameters
    ----------
    published : mapping
        Claim id ``table.<training>.<method>.<column>`` → the paper's number.
    limit : float
        Disparate impact of the 80 % rule.
    """
    fig, (ax,) = _panels(1, size=(6.6, 4.4))
    left = {"lr", "rml-fc", "lbc"}  # names that would collide on the right
    for i, method in enumerate(TABLE):
        rows = (f"table.{training}.{method}" for training in ("clean", "poisoned"))
        clean, poisoned = ((published[f"{row}.di"], published[f"{row}.acc"]) for row in rows)
        colour, side = PALETTE[i % len(PALETTE)], -1 if method in left else 1
        ax.annotate("", poisoned, clean, arrowprops={"arrowstyle": "->", "color": colour})
        ax.plot(*clean, "o", color=colour, mfc="none")
        ax.plot(*poisoned, "o", color=colour)
        ax.annotate(
            NAMES[method], poisoned, (8 * side, -3), textcoords="offset points", fontsize=8,
            ha="right" if side < 0 else "left",
        )  # fmt: skip
    ax.axvline(limit, ls=":", lw=1, color=GREY)
    ax.set(xlabel="disparate impact (fairer to the right)", ylabel="test accuracy")
    ax.set_xlim(0.34, 0.94)
    return fig


def toy(found: Mapping[tuple[str, str], example.Threshold]) -> Figure:
    """Draw the ten people with clean and poisoned labels and the best thresholds.

    Parameters
    ----------
    found : mapping
        ``(labels, classifier)`` → threshold, with labels ``"clean"`` and ``"poisoned"`` and
        classifiers ``"plain"`` and ``"fair"``.
    """
    fig, (ax,) = _panels(1, size=(6.6, 2.4))
    for row, labels in enumerate((example.LABELS, example.poisoned())):
        for i, (who, label) in enumerate(zip(example.GROUPS, labels, strict=True)):
            flipped = label != example.LABELS[i]
            ax.scatter(
                10 - i, -row, s=250, marker="s" if label else "p", color=PALETTE[who], zorder=2,
                edgecolor=ALARM if flipped else "none", linewidth=2.5, facecolor=PALETTE[2 * who],
            )  # fmt: skip
            ax.annotate("AB"[who], (10 - i, -row), ha="center", va="center", color="white")
    for row, name in enumerate(("clean", "poisoned")):
        for kind, style, shift in (("plain", "-", -0.07), ("fair", "--", 0.07)):
            cut = 10.5 - found[name, kind].accepted + shift
            ax.plot([cut, cut], [-row - 0.4, -row + 0.4], style, color=GREY, lw=2.2)
    ax.set(yticks=[0, -1], yticklabels=["clean", "poisoned"], xticks=[], ylim=(-1.6, 0.6))
    ax.grid(False)
    return fig


def information(curves: Mapping[float, ArrayLike], ratios: ArrayLike) -> Figure:
    """Draw mutual information against disparate impact, one curve per acceptance rate."""
    fig, (ax,) = _panels(1, size=(6.0, 3.6))
    for i, (rate, info) in enumerate(curves.items()):
        ax.plot(ratios, info, ls=LINES[i], color=PALETTE[i], label=f"$p_1$ = {rate:g}")
    ax.set(xlabel="disparate impact", ylabel="mutual information in nats")
    ax.legend(title="acceptance rate of group 1")
    return fig


def people(draw: Draw, shown: NDArray[np.int64]) -> Figure:
    """Draw some training rows with true and with poisoned labels, flips marked by rings."""
    fig, axes = _panels(2, size=(7.2, 3.4), sharex=True, sharey=True)
    for ax, training in zip(axes, ("clean", "poisoned"), strict=True):
        y = draw.labels(training)[shown]
        for k in range(4):
            group, label = divmod(k, 2)
            rows = shown[(draw.train.s[shown] == group) & (y == label)]
            x1, x2 = draw.train.x[rows, 0], draw.train.x[rows, 1]
            ax.scatter(
                x1, x2, s=10, marker="o" if label else "x", lw=0.8,
                color=PALETTE[2 * group], label=f"s = {group}, y = {label}",
                rasterized=True,  # hundreds of marks are smaller as a picture
            )  # fmt: skip
        ax.set(title=f"{training} labels", xlabel="$x_1$")
    hit = draw.train.x[shown[draw.poison.flipped[shown]]]
    axes[1].scatter(hit[:, 0], hit[:, 1], s=44, facecolor="none", edgecolor=ALARM, lw=0.9)
    axes[0].set_ylabel("$x_2$")
    axes[0].legend(fontsize=7, loc="lower right")
    return fig


def paths(runs: Mapping[str, NDArray[np.float64]], epochs: int, limit: float) -> Figure:
    """Draw disparate impact during training; each array is (recorded epochs, runs)."""
    fig, axes = _panels(len(runs), size=(7.2, 3.2), sharey=True)
    for ax, (title, values) in zip(axes, runs.items(), strict=True):
        at = np.linspace(epochs / len(values), epochs, len(values))
        for i, run in enumerate(values.T):
            ax.plot(at, run, lw=1.2, color=PALETTE[i % len(PALETTE)], ls=LINES[i % len(LINES)])
        ax.axhline(limit, ls=":", color=GREY, lw=1)
        ax.set(title=title, xlabel="epoch", ylim=(0, 1.02))
    axes[0].set_ylabel("test disparate impact")
    return fig


def scores(outputs: Mapping[str, ArrayLike], flipped: NDArray[np.bool_]) -> Figure:
    """Draw what the robustness discriminator says of flipped and of untouched rows."""
    fig, axes = _panels(len(outputs), size=(7.2, 3.0), sharey=True)
    for ax, (title, output) in zip(axes, outputs.items(), strict=True):
        values = np.asarray(output)
        for mask, name, i in ((~flipped, "untouched", 0), (flipped, "flipped", 1)):
            ax.hist(
                values[mask], bins=np.linspace(0, 1, 41).tolist(), density=True, alpha=0.75,
                label=name, color=PALETTE[i], hatch=("", "//")[i],
            )  # fmt: skip
        ax.set(title=title, xlabel="mean output of $D_R$", xlim=(0, 1))
    axes[0].set_ylabel("density of training rows")
    axes[-1].legend()
    return fig


def pairs(values: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str) -> Figure:
    """Draw means with t-intervals over draws: one row per method, one mark per condition.

    Parameters
    ----------
    values : mapping
        Condition → method → one value per draw.
    xlabel : str
        What is measured.
    """
    methods = list(next(iter(values.values())))
    fig, (ax,) = _panels(1, size=(6.4, 0.9 + 0.55 * len(methods)))
    for i, (name, per_method) in enumerate(values.items()):
        for row, method in enumerate(methods):
            height = row + (i - (len(values) - 1) / 2) * 0.3
            _interval(ax, per_method[method], height, i, name if row == 0 else None)
    ax.set(yticks=range(len(methods)), yticklabels=methods, xlabel=xlabel)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.legend()
    return fig


def _interval(ax: Axes, values: Sequence[float], height: float, i: int, label: str | None) -> None:
    found = over_seeds(values)
    if not np.isnan(found.low):
        interval(ax, found, height, color=PALETTE[i], lw=1.6)
    ax.plot(found.value, height, "os^"[i], color=PALETTE[i], label=label)


def real_panels(record: Record, sets: Sequence[str], methods: Sequence[str]) -> Figure:
    """Draw the selected models of each real data set, clean and poisoned labels, from a record.

    Raises
    ------
    fairtut.errors.RecordError
        If the record measures none of them: it is of another chapter.
    """
    if not any(f"real.{s}.table.poisoned.{m}.acc" in record for s in sets for m in methods):
        raise RecordError(
            f"{record.name} measures nothing on {', '.join(sets)}: pass a record of chapter "
            "frtrain on real data"
        )
    fig, axes = _panels(len(sets), size=(7.2, 0.9 + 0.42 * len(methods)), sharey=True)
    for ax, name in zip(axes, sets, strict=True):
        for row, method in enumerate(methods):
            for i, training in enumerate(("clean", "poisoned")):
                key = f"real.{name}.table.{training}.{method}.acc"
                if key in record:
                    draws = [v for v in record.measured(key).draws() if v is not None]
                    _interval(ax, draws, row + (i - 0.5) * 0.26, i, training if row == 0 else None)
        ax.set(title=name, yticks=range(len(methods)), yticklabels=[NAMES[m] for m in methods])
        ax.grid(False, axis="y")
    axes[0].invert_yaxis()
    axes[len(axes) // 2].set_xlabel("test accuracy of the selected model")
    axes[0].legend(fontsize=8)
    return fig
