"""The drawings of the FAAP chapter.

Each function returns a figure that :func:`fairtut.page.figures.show` puts on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.metrics import Estimate
from fairtut.page.canvas import grid, interval, whiskers
from fairtut.page.style import GREY, MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS: Mapping[str, str] = {
    "normal": "normal", "fair": "fair", "lf": "LF (label flip)", "rg": "RG (reversed gradient)",
}  # fmt: skip
SHORT: Mapping[str, str] = {"normal": "normal", "fair": "fair", "lf": "LF", "rg": "RG"}
TARGETS: Mapping[str, str] = {
    "celeba.smiling": "Smiling", "celeba.attractive": "Attractive",
    "celeba.blond_hair": "Blond_Hair",
}  # fmt: skip
"""The paper's tables on CelebA."""


def claim_arrows(rows: Mapping[str, Mapping[str, float]], tables: Mapping[str, str]) -> Figure:
    """Draw table 1 of the paper: an arrow per deployed model from plain to perturbed images.

    Parameters
    ----------
    rows : mapping of str to mapping
        Whose numbers, such as ``paper`` → claim id ``table1.<table>.<kind>[-faap].<acc|deo>`` →
        number.  A row of panels each.
    tables : mapping
        Table name, such as ``celeba.smiling``, → title.
    """
    size = (6.0, 0.7 + 2.3 * len(rows))
    fig, axes = grid(len(rows), len(tables), size, sharex="col", sharey="col")
    for line, (whose, numbers) in zip(axes, rows.items(), strict=True):
        for ax, (name, title) in zip(line, tables.items(), strict=True):
            _arrows(ax, numbers, name)
            ax.set_title(title if len(rows) == 1 else f"{title}, {whose}", fontsize=10)
        line[0].set_ylabel("accuracy")
    for ax in axes.flat:
        ax.locator_params(nbins=3)
    for ax in axes[-1]:
        ax.invert_xaxis()
        ax.set_xlabel("DEO (less →)")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig


def _arrows(ax: Axes, numbers: Mapping[str, float], table: str) -> None:
    for i, kind in enumerate(KINDS):
        before, after = (
            (
                numbers[f"table1.{table}.{kind}{tail}.deo"],
                numbers[f"table1.{table}.{kind}{tail}.acc"],
            )
            for tail in ("", "-faap")
        )
        look: dict[str, Any] = {"color": PALETTE[i], "marker": MARKERS[i]}
        ax.annotate("", after, before, arrowprops={"arrowstyle": "->", "color": PALETTE[i]})
        ax.plot(*before, mfc="none", ls="", **look)
        ax.plot(*after, ls="", label=KINDS[kind], **look)


def deployed(panels: Mapping[str, Mapping[tuple[str, str], Estimate]], metric: str) -> Figure:
    """Draw a metric of every deployed model on plain, noisy and perturbed images.

    Parameters
    ----------
    panels : mapping of str to mapping of (kind, version) to Estimate
        Title → versions ``plain``, ``noise`` and ``faap`` of each model.
    metric : str
        The axis label.
    """
    looks = {"plain": "as deployed", "noise": "random noise of size ε", "faap": "with FAAP"}
    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    fig, axes = grid(down, across, (6.0, 0.7 + 1.8 * down))
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, (title, found) in zip(axes.flat, panels.items(), strict=False):
        kinds = [kind for kind in KINDS if (kind, "plain") in found]
        for j, (version, label) in enumerate(looks.items()):
            for i, kind in enumerate(kinds):
                e, y = found[kind, version], -i + 0.22 * (1 - j)
                interval(ax, e, y, color=PALETTE[j], lw=2, alpha=0.8)
                ax.plot(e.value, y, MARKERS[j], color=PALETTE[j], label=None if i else label)
        ax.set(yticks=[-i for i in range(len(kinds))], yticklabels=[SHORT[k] for k in kinds])
        ax.set_title(title, fontsize=10)
        ax.locator_params(axis="x", nbins=4)
        ax.set_xlim(left=0)
    for ax in axes[-1]:
        ax.set_xlabel(metric)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3)
    return fig


def points(
    accuracy: Mapping[tuple[str, str], Estimate], deo: Mapping[tuple[str, str], Estimate]
) -> pd.DataFrame:
    """Return a point with its intervals for every model, plain and with FAAP.

    Parameters
    ----------
    accuracy, deo : mapping of (kind, version) to Estimate

    Returns
    -------
    DataFrame
        What :func:`fairtut.page.plots.plot_tradeoff` draws with ``draw=None``.
    """
    rows = []
    for kind, version in accuracy:
        if version == "noise":
            continue
        row: dict[str, Any] = {"method": KINDS[kind] + ("" if version == "plain" else " + FAAP")}
        for name, e in (("accuracy", accuracy[kind, version]), ("deo", deo[kind, version])):
            row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
        rows.append(row)
    return pd.DataFrame(rows)


def training(history: Sequence[Mapping[str, float]], share: float) -> Figure:
    """Draw FAAP's training: how often D is right, and how unsure it is, by epoch.

    Parameters
    ----------
    history : sequence of mapping
        From :func:`fairtut.methods.faap.train`.
    share : float
        Share of the larger group: what guessing gives.
    """
    fig, axes = grid(1, 2, (6.0, 2.6))
    epochs = range(1, len(history) + 1)
    panels = (
        ("d_accuracy", share, "accuracy of D"),
        ("d_entropy", np.log(2), "entropy of D, nats"),
    )
    for ax, (name, reference, label) in zip(axes[0], panels, strict=True):
        ax.plot(epochs, [row[name] for row in history], "o-", color=PALETTE[0])
        ax.axhline(reference, ls=":", color=GREY)
        ax.set(xlabel="epoch", ylabel=label, xticks=list(epochs))
    axes[0, 0].annotate("larger group", (1, share), (2, 3), textcoords="offset points", fontsize=9)
    axes[0, 1].annotate("ln 2", (1, np.log(2)), (2, -10), textcoords="offset points", fontsize=9)
    return fig


def readers(
    panels: Mapping[str, tuple[Mapping[tuple[str, str], Estimate], float]],
) -> Figure:
    """Draw what different readers get right about the group, before and after.

    Parameters
    ----------
    panels : mapping of str to (mapping of (kind, reader) to Estimate, float)
        Title → readers ``linear``, ``mlp``, ``linear-faap``, ``mlp-faap`` and ``d-faap`` of each
        model, and the share of the larger group.
    """
    names = {
        "linear": "linear probe, before", "mlp": "MLP probe, before", "d-faap": "D, after",
        "linear-faap": "fresh linear probe, after", "mlp-faap": "fresh MLP probe, after",
    }  # fmt: skip
    fig, axes = grid(1, len(panels), (3.0 * len(panels), 3.8))
    for ax, (title, (found, share)) in zip(axes[0], panels.items(), strict=True):
        kinds = [kind for kind in KINDS if (kind, "mlp") in found]
        for i, kind in enumerate(kinds):
            for j, (reader, label) in enumerate(names.items()):
                e, y = found[kind, reader], -i + 0.15 * (2 - j)
                interval(ax, e, y, color=PALETTE[j], lw=1.6)
                ax.plot(e.value, y, MARKERS[j], color=PALETTE[j], ms=5, label=None if i else label)
        ax.axvline(share, ls=":", color=GREY, label="guessing the larger group")
        ax.set(yticks=[-i for i in range(len(kinds))], yticklabels=[SHORT[k] for k in kinds])
        ax.locator_params(axis="x", nbins=4)
        ax.set_xlabel("share read correctly")
        ax.set_title(title, fontsize=10)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    return fig


def sweeps(frame: pd.DataFrame) -> Figure:
    """Draw accuracy and DEO along every hyper-parameter of a sweep.

    Parameters
    ----------
    frame : DataFrame
        From :func:`fairtut.chapters.faap.side.sweep`.
    """
    names = list(dict.fromkeys(frame["parameter"]))
    fig, axes = grid(1, len(names), (2.4 * len(names), 2.9), sharey=True)
    for ax, name in zip(axes[0], names, strict=True):
        part = frame[frame["parameter"] == name].sort_values("value")
        ticks = range(len(part))
        ends = part["low"], part["high"]
        whiskers(ax, ticks, part["deo"], of_y=ends, lw=1.5, color=PALETTE[0])
        ax.plot(ticks, part["deo"], "o-", color=PALETTE[0], label="DEO")
        ax.plot(ticks, part["acc"], "s--", color=PALETTE[1], label="accuracy")
        ax.set(xticks=list(ticks), xticklabels=[str(v) for v in part["value"]], xlabel=name)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    return fig


def heat(images: Mapping[str, Any], maps: Mapping[str, Any], box: Sequence[float]) -> Figure:
    """Draw Grad-CAM maps over faces with the mouth box.

    Parameters
    ----------
    images : mapping of str to tensor
        Row title → images (k, 3, h, w).
    maps : mapping of str to array
        Row title → maps (k, h, w).
    box : sequence of float
        Top, bottom, left and right of the mouth box as shares.
    """
    count = len(next(iter(images.values())))
    fig, axes = grid(len(images), count, (0.95 * count + 1.2, 0.95 * len(images) + 0.1))
    for line, (title, row) in zip(axes, images.items(), strict=True):
        for ax, image, warm in zip(line, row, maps[title], strict=True):
            side = image.shape[-1]
            ax.imshow(image.permute(1, 2, 0).cpu().numpy())
            ax.imshow(warm / warm.max(), cmap="magma", alpha=0.5)
            top, bottom, left, right = (edge * side for edge in box)
            ax.plot([left, right, right, left, left], [top, top, bottom, bottom, top], "w-", lw=0.8)
            ax.set_axis_off()
        line[0].text(
            -0.12, 0.5, title, transform=line[0].transAxes, ha="right", va="center", fontsize=9
        )
    return fig


def codes(
    points: Mapping[str, NDArray[np.float64]], y: Any, s: Any, names: Sequence[str]
) -> Figure:
    """Draw embedded codes, one panel per version, coloured by group and label.

    Parameters
    ----------
    points : mapping of str to array (n, 2)
    y, s : arrays (n,)
    names : (str, str)
        What the label and the group are called.
    """
    fig, axes = grid(1, len(points), (3.0 * len(points), 3.2))
    for ax, (title, xy) in zip(axes[0], points.items(), strict=True):
        for k in range(4):
            group, label = divmod(k, 2)
            rows = (s == group) & (y == label)
            ax.scatter(
                *xy[rows].T, s=9, color=PALETTE[2 * group], marker="o" if label else "x", lw=0.8,
                label=f"{names[1]} = {group}, {names[0]} = {label}", rasterized=True,
            )  # fmt: skip
        ax.set(title=title, xticks=[], yticks=[])
        ax.grid(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    return fig


def boxes(panels: Mapping[str, Mapping[tuple[str, str], Estimate]]) -> Figure:
    """Draw the DEO of the black boxes on plain, noisy and perturbed images.

    Parameters
    ----------
    panels : mapping of str to mapping of (box, version) to Estimate
        What the people are, such as ``photographs``, → what was measured on them.
    """
    looks = {
        "plain": "plain", "noise": "random noise", "single": "one surrogate",
        "transfer": "two surrogates", "white-box": "white box",
    }  # fmt: skip
    titles = {"a": "A: plain CNN", "b": "B: ShuffleNet"}
    fig, axes = grid(len(panels), 2, (6.0, 0.5 + 1.9 * len(panels)), sharey=True)
    for line, (people, found) in zip(axes, panels.items(), strict=True):
        for ax, (box, title) in zip(line, titles.items(), strict=True):
            for i, version in enumerate(looks):
                e = found[box, version]
                interval(ax, e, -i, color=PALETTE[i])
                ax.plot(e.value, -i, MARKERS[i], color=PALETTE[i])
            ax.set(yticks=[-i for i in range(len(looks))], yticklabels=list(looks.values()))
            ax.set_title(f"{title}, {people}", fontsize=9)
            ax.locator_params(axis="x", nbins=4)
            ax.set_xlim(left=0)
    for ax in axes[-1]:
        ax.set_xlabel("DEO")
    return fig


def toy(
    codes: Mapping[str, NDArray[np.float64]], y: Any, s: Any, head: NDArray[np.float64]
) -> Figure:
    """Draw the toy's codes (red, blue) with the line at which the deployed head decides.

    Parameters
    ----------
    codes : mapping of str to array (n, 2)
        Panel title → codes.
    y, s : arrays (n,) of 0 and 1
    head : array (2,)
        The head decides for 1 where ``codes @ head > 0``.
    """
    fig, axes = grid(1, len(codes), (3.0 * len(codes), 3.4), sharex=True, sharey=True)
    for ax, (title, z) in zip(axes[0], codes.items(), strict=True):
        for k in range(4):
            group, label = divmod(k, 2)
            rows = (s == group) & (y == label)
            ax.plot(
                *z[rows].T, ls="", ms=4, color=PALETTE[2 * group], marker="o" if label else "x",
                label=f"s = {group}, y = {label}",
            )  # fmt: skip
        ends = np.array([-4.0, 4.0])
        ax.plot(-head[1] / head[0] * ends, ends, "--", color=GREY, label="f decides")
        ax.set(title=title, xlabel="code 1, red", xlim=(-4, 4), ylim=(-4, 4))
        ax.locator_params(nbins=4)
    axes[0, 0].set_ylabel("code 2, blue")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig
