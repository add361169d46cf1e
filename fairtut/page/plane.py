"""The accuracy-fairness plane, the figure that every chapter shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fairtut.errors import InputError
from fairtut.evidence.spelling import number
from fairtut.metrics import (
    Curve,
    Point,
    constant_classifier,
    metric,
    mixing_line,
    moved_threshold,
    point,
)
from fairtut.page.canvas import whiskers
from fairtut.page.figures import INK, note
from fairtut.page.style import DIAMOND, GREY, Look, axes, look, need, points_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Published = Mapping[str, tuple[float, float]]
Control = Point | Curve

_CONTROLS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "constant": ("constant classifier", {"marker": "X", "ls": "", "ms": 8}),
    "mixing": ("mixing line", {"ls": (0, (1, 1.2)), "lw": 1.6}),
    "threshold": ("moved threshold", {"ls": (0, (5, 1.5)), "lw": 1.3}),
}


def plot_tradeoff(
    frame: pd.DataFrame,
    *,
    metric: str,
    constant: Point | Sequence[Point] | None,
    mixing: Curve | Sequence[Curve] | None,
    threshold: Curve | Sequence[Curve] | None,
    accuracy: str = "accuracy",
    fairness: str | None = None,
    method: str = "method",
    setting: str = "setting",
    draw: str | None = "draw",
    order: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    published: Published | None = None,
    limit: float | None = None,
    title: str = "",
) -> Figure:
    """Draw the accuracy-fairness plane: up is more accurate, right is fairer by this metric.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per method, setting and draw (and initialisation, averaged within the draw); with
        ``draw=None`` one row per point, and bars where ``<column>_low`` and ``<column>_high``
        exist.
    metric : str
        A name in :data:`fairtut.metrics.DEFINITIONS`; it gives the axis its label and direction.
    constant, mixing, threshold : Point, Curve or a sequence of these (one per draw), or None
        The controls that cost nothing, from :func:`controls` or from
        :func:`fairtut.metrics.constant_classifier`, :func:`~fairtut.metrics.mixing_line` and
        :func:`~fairtut.metrics.moved_threshold`.  They have no default: a chapter that leaves one
        out passes None, and the caption says so.
    accuracy, fairness, method, setting, draw : str
        Columns; ``fairness`` defaults to ``metric``.  Points are joined in the order of
        ``setting``.
    order : sequence of str, optional
        Methods to draw, in this order: the same order gives the same looks in every figure.
    labels : mapping, optional
        From a method to its name in the legend.
    published : mapping of str to (accuracy, fairness), optional
        The paper's points, drawn as hollow diamonds, in the method's colour where the key is a
        method.
    limit : float, optional
        The fairness limit of the chapter's selection rule, as a vertical line.
    title : str
        Optional title.

    Returns
    -------
    matplotlib.figure.Figure
        One axes, whose horizontal axis is turned round where less is fairer.

    Raises
    ------
    fairtut.errors.UnknownName
        If the metric does not exist.
    fairtut.errors.InputError
        If the metric is signed, a column is missing or a control is in another metric.

    Examples
    --------
    A gap is fairer where it is small, so the axis runs from large to small:

    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from fairtut.metrics import Point
    >>> from fairtut.page.plane import plot_tradeoff
    >>> frame = pd.DataFrame({"method": ["ours"], "dp": [0.1], "accuracy": [0.8]})
    >>> fig = plot_tradeoff(frame, metric="dp", draw=None, constant=Point(0.5, 0.0, "dp"),
    ...                     mixing=None, threshold=None)
    >>> left, right = fig.axes[0].get_xlim()
    >>> bool(left > right), [text.get_text() for text in fig.legends[0].get_texts()]
    (True, ['ours', 'constant classifier'])
    >>> plt.close(fig)
    """
    definition = _direction(metric)
    columns = [accuracy, fairness or metric]
    need(frame, [method, *columns])
    methods = list(order if order is not None else dict.fromkeys(frame[method]))
    fig, ax = axes(title, legend_width=2.2)
    points = points_of(frame, [method, setting], columns, draw, fig)
    for i, name in enumerate(methods):
        part = points[points[method] == name]
        if part.empty:
            raise InputError(f"the frame has no method {name!r}: take it out of `order`")
        if setting in part:
            part = part.sort_values(setting)
        _series(ax, part, columns, (labels or {}).get(name, name), look(i))
    lost = _controls(ax, fig, metric, constant=constant, mixing=mixing, threshold=threshold)
    _published(ax, published, methods)
    if limit is not None:
        ax.axvline(limit, color=GREY, lw=1, ls=(0, (1, 2)), label=f"limit {number(limit)}")
    if not definition.larger_is_fairer:
        ax.invert_xaxis()
    ax.set_xlabel(f"{definition.axis}, fairer by this metric →")
    ax.set_ylabel("accuracy →")
    _legend(ax, fig)
    if lost:
        note(fig, f"Not drawn: {', '.join(lost)}.")
    if published:
        note(fig, "Hollow diamonds: the paper's own numbers.")
    return fig


def controls(
    y: object,
    s: object,
    p_hat: object,
    metric: str,
    *,
    cut: float = 0.0,
    y_hat: object = None,
    positive: Any = 1,
) -> dict[str, Any]:
    """Measure the three controls of :func:`plot_tradeoff` for one unmitigated model.

    Parameters
    ----------
    y, s : array-like, shape (n,)
        Labels and groups of the people that the figure's methods are measured on.
    p_hat : array-like, shape (n,)
        Scores of the unmitigated model.
    metric : str
        The figure's fairness metric.
    cut : float
        The model decides for the positive class above it: 0 for logits, .5 for probabilities.
    y_hat : array-like, shape (n,), optional
        The model's decisions, where the scores only rank people and no number is its cut.
    positive : hashable
        The favourable label.

    Returns
    -------
    dict
        ``constant``, ``mixing`` and ``threshold``, to be passed on with ``**``.  The constant
        classifier gives everybody the most frequent label, or the positive one where the metric is
        undefined otherwise: a ratio of selection rates is 0/0 where nobody is selected.

    Raises
    ------
    fairtut.errors.InputError
        If somebody who is decided for has a lower score than somebody who is not.

    Examples
    --------
    The model chooses everybody of one group and nobody of the other.  A higher cut alone is right
    about all four, and halves the gap:

    >>> from fairtut.page.plane import controls
    >>> found = controls([0, 0, 0, 1], [0, 0, 1, 1], [-2, -1, 1, 2], "dp")
    >>> found["constant"].accuracy, found["constant"].fairness
    (0.75, 0.0)
    >>> best = found["threshold"].accuracy.argmax()
    >>> float(found["threshold"].accuracy[best]), float(found["threshold"].fairness[best])
    (1.0, 0.5)
    """
    y, p_hat = np.asarray(y), np.asarray(p_hat, float)
    if y_hat is None:
        y_hat = np.where(p_hat > cut, positive, y[y != positive].min())
    chosen = np.asarray(y_hat) == positive
    if chosen.any() and not chosen.all() and p_hat[chosen].min() < p_hat[~chosen].max():
        raise InputError("decisions and scores are of different models: pass those of one")
    model = point(y, y_hat, s, metric, positive=positive)
    constant = constant_classifier(y, s, metric, positive=positive)
    if np.isnan(constant.fairness):
        constant = constant_classifier(y, s, metric, decision=positive, positive=positive)
    return {
        "constant": constant,
        "mixing": mixing_line(model, constant),
        "threshold": moved_threshold(p_hat, y, s, metric, positive=positive),
    }


def _direction(name: str) -> Any:
    definition = metric(name)
    if definition.larger_is_fairer is None:
        raise InputError(f"metric {name!r} is signed, it has no fairer side: use its absolute gap")
    return definition


def _series(ax: Axes, part: pd.DataFrame, columns: Sequence[str], label: str, style: Look) -> None:
    y, x = columns
    ends = {
        axis: (part[f"{column}_low"], part[f"{column}_high"])
        for axis, column in (("of_x", x), ("of_y", y))
        if f"{column}_low" in part
    }
    whiskers(ax, part[x], part[y], **ends, lw=0.9, color=style.color, zorder=3)
    ax.plot(part[x], part[y], **style._asdict(), label=label, zorder=3)


def _controls(ax: Axes, fig: Figure, name: str, **controls: Any) -> list[str]:
    """Draw the controls and return the names of those that are missing."""
    lost = []
    for key, given in controls.items():
        label, style = _CONTROLS[key]
        if given is None:
            lost.append(f"the {label}")
            continue
        several = list(given) if isinstance(given, Sequence) else [given]
        for i, control in enumerate(several):
            if control.metric and metric(control.metric).axis != metric(name).axis:
                raise InputError(
                    f"the {label} is in {control.metric}, the figure in {name}: measure both in one"
                )
            alpha = 0.9 if len(several) == 1 else max(0.25, 0.9 / len(several) ** 0.5)
            _control(ax, fig, control, label if i == 0 else None, {**style, "alpha": alpha})
    return lost


def _control(
    ax: Axes, fig: Figure, control: Control, label: str | None, style: dict[str, Any]
) -> None:
    fairness = np.atleast_1d(np.asarray(control.fairness, float))
    accuracy = np.atleast_1d(np.asarray(control.accuracy, float))
    if np.isnan(fairness).all():  # such as disparate impact when nobody is selected
        ax.axhline(accuracy.max(), color=GREY, lw=1, ls=(0, (1, 3)), label=label)
        what = control.label or "control"
        note(fig, f"The metric is undefined for the {what}: its accuracy is the dotted line.")
        return
    ax.plot(fairness, accuracy, color=GREY, label=label, zorder=2, **style)


def _legend(ax: Axes, fig: Figure) -> None:
    """Put the methods first: matplotlib lists plain lines before lines with bars."""
    from matplotlib.container import ErrorbarContainer

    entries = list(zip(*ax.get_legend_handles_labels(), strict=True))
    entries.sort(key=lambda entry: not isinstance(entry[0], ErrorbarContainer))
    handles, names = zip(*entries, strict=True)
    fig.legend(handles, names, loc="outside right upper")


def _published(ax: Axes, published: Published | None, methods: Sequence[str]) -> None:
    for name, (accuracy, fairness) in (published or {}).items():
        color = look(methods.index(name)).color if name in methods else INK
        label = None if name in methods else f"{name} (paper)"
        ax.plot(fairness, accuracy, **DIAMOND, color=color, label=label, zorder=5)
