"""What drawings of all chapters share: axes, a legend below, an interval, rows of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairtut.metrics import Estimate


def grid(rows: int, columns: int, size: tuple[float, float], **options: Any) -> Any:
    """Return a figure of `size` inches and its axes, always an array (rows, columns).

    Examples
    --------
    >>> from fairtut.page.canvas import grid
    >>> fig, axes = grid(1, 2, (4, 2))
    >>> axes.shape
    (1, 2)
    """
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=size, squeeze=False, **options)


def legend_below(fig: Figure, ax: Axes, columns: int) -> None:
    """Put the legend of one of the axes below all of them.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
        Its labels are written.
    columns : int
        Entries that stand side by side.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.canvas import grid, legend_below
    >>> fig, axes = grid(1, 2, (4, 2), layout="constrained")
    >>> for ax in axes.flat:
    ...     _ = ax.plot([0, 1], label="gap")
    >>> legend_below(fig, axes[0, 0], columns=1)
    >>> [text.get_text() for text in fig.legends[0].get_texts()]  # once, and not for each axes
    ['gap']
    >>> plt.close(fig)
    """
    handles, names = ax.get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=columns, fontsize=8)


def interval(ax: Axes, found: Estimate, height: float, scale: float = 1.0, **line: Any) -> None:
    """Draw an interval as a line at a height; `scale` 100 draws points of a share.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    found : Estimate
        Its ends ``low`` and ``high`` are drawn.
    height : float
        Where on the vertical axis.
    scale : float
        Factor of the ends.
    **line
        Colour and the like, for :meth:`matplotlib.axes.Axes.plot`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.metrics import Estimate
    >>> from fairtut.page.canvas import grid, interval
    >>> fig, axes = grid(1, 1, (4, 2))
    >>> found = Estimate(0.375, 0.25, 0.5, n=500, level=0.95, method="bootstrap")
    >>> interval(axes[0, 0], found, height=1, scale=100)
    >>> [float(end) for end in axes[0, 0].lines[0].get_xdata()]
    [25.0, 50.0]
    >>> plt.close(fig)
    """
    line = {"lw": 2, **line}
    ax.plot([scale * found.low, scale * found.high], [height, height], **line)


def whiskers(
    ax: Axes, x: Any, y: Any, *, of_x: tuple[Any, Any] | None = None,
    of_y: tuple[Any, Any] | None = None, lw: float = 1.0, **line: Any,
) -> None:  # fmt: skip
    """Draw intervals of points (k,), each from its own ends.

    An interval of resamples need not hold the point that it belongs to, by rounding or because
    the metric is skewed, so lengths to both sides, as error bars want them, may be negative.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array-like, shape (k,)
    of_x, of_y : pair of array-like, shape (k,)
        Low and high ends; where one is not finite, as with a single draw, nothing is drawn.
    lw : float
        Width of the lines, in points.
    **line
        Colour and the like.

    Examples
    --------
    The second of two points comes from a single draw and has no interval:

    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.canvas import grid, whiskers
    >>> fig, axes = grid(1, 1, (4, 2))
    >>> nan = float("nan")
    >>> whiskers(axes[0, 0], [0, 1], [0.5, 0.75], of_y=([0.25, nan], [0.625, nan]))
    >>> [line.tolist() for line in axes[0, 0].collections[0].get_segments()]
    [[[0.0, 0.25], [0.0, 0.625]]]
    >>> plt.close(fig)
    """
    for at, ends, draw in ((y, of_x, ax.hlines), (x, of_y, ax.vlines)):
        if ends is None:
            continue
        where, low, high = (np.asarray(v, float) for v in (at, *ends))
        known = np.isfinite(low) & np.isfinite(high)
        if known.any():
            draw(where[known], low[known], high[known], lw=lw, **line)


def inner(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return low end, median and high end of the inner `share` of values, along the first axis.

    Examples
    --------
    >>> from fairtut.page.canvas import inner
    >>> import numpy as np
    >>> inner(np.arange(101.0), 0.9).round(6).tolist()
    [5.0, 50.0, 95.0]
    """
    return np.quantile(values, ((1 - share) / 2, 0.5, (1 + share) / 2), axis=0)


def faces(rows: Mapping[str, Any], size: float = 0.78) -> Figure:
    """Draw labelled rows of pictures.

    Parameters
    ----------
    rows : mapping of str to tensor
        Title → images (n, 3, h, w), uint8 or in [0, 1].  A row with fewer images ends earlier.
    size : float
        Inches of a picture.

    Returns
    -------
    matplotlib.figure.Figure
        As many columns as the longest row has images.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import torch
    >>> from fairtut.page.canvas import faces
    >>> fig = faces({"before": torch.zeros(3, 3, 4, 4), "after": torch.ones(2, 3, 4, 4)})
    >>> len(fig.axes), sum(len(ax.images) for ax in fig.axes)
    (6, 5)
    >>> plt.close(fig)
    """
    count = max(len(images) for images in rows.values())
    fig, axes = grid(len(rows), count, (size * count + 1.0, size * len(rows) + 0.1))
    for line, (title, images) in zip(axes, rows.items(), strict=True):
        for ax in line:
            ax.set_axis_off()
        for ax, image in zip(line, images, strict=False):
            picture = image.permute(1, 2, 0).cpu().numpy()
            ax.imshow(picture, interpolation="nearest")
        line[0].text(
            -0.12, 0.5, title, transform=line[0].transAxes, ha="right", va="center", fontsize=8
        )
    return fig
