"""Shapes, lines and letters of a drawn mechanism; :mod:`fairtut.page.mechanism` places them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.page.figures import INK
from fairtut.page.style import GREY, PALETTE, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    Outline = Callable[["Rect"], Patch]

FILL: Final = 0.14
"""How strong the colour of a box is behind its text."""
_POINTS: Final = 101
"""Points of an arrow that are tested."""


@dataclass(frozen=True)
class Rect:
    """A rectangle with sides along the axes, in inches.

    Examples
    --------
    >>> from fairtut.page.sketch import Rect
    >>> one = Rect.around((1, 1), width=2, height=1)
    >>> one, one.centre
    (Rect(x0=0.0, y0=0.5, x1=2.0, y1=1.5), (1.0, 1.0))
    >>> one.meets(Rect(2, 0, 3, 2)), one.grown(0.25).meets(Rect(2, 0, 3, 2))  # a rim is no overlap
    (False, True)
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def around(cls, at: tuple[float, float], width: float, height: float) -> Rect:
        """Return the rectangle of a size around a point."""
        x, y = at
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @classmethod
    def hull(cls, rects: Iterable[Rect]) -> Rect:
        """Return the smallest rectangle that holds some."""
        corners = np.array([(r.x0, r.y0, r.x1, r.y1) for r in rects])
        low, high = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
        return cls(float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    @property
    def width(self) -> float:
        """From left to right."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.y1 - self.y0

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def sides(self) -> tuple[Rect, Rect, Rect, Rect]:
        """Its sides, a fiftieth of an inch thick."""
        x0, y0, x1, y1 = self.x0, self.y0, self.x1, self.y1
        lines = (Rect(x0, y0, x1, y0), Rect(x0, y1, x1, y1), Rect(x0, y0, x0, y1),
                 Rect(x1, y0, x1, y1))  # fmt: skip
        one, two, three, four = (line.grown(0.01) for line in lines)
        return one, two, three, four

    def grown(self, by: float) -> Rect:
        """Return it with a margin on all sides."""
        return Rect(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def meets(self, other: Rect) -> bool:
        """Tell whether two rectangles share more than a rim."""
        across = self.x0 < other.x1 and other.x0 < self.x1
        return across and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, other: Rect) -> bool:
        """Tell whether another lies inside, up to rounding."""
        low = self.x0 - 1e-9 <= other.x0 and self.y0 - 1e-9 <= other.y0
        return low and other.x1 <= self.x1 + 1e-9 and other.y1 <= self.y1 + 1e-9

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which of the points (n, 2) lie inside."""
        x, y = points.T
        return (self.x0 < x) & (x < self.x1) & (self.y0 < y) & (y < self.y1)


@dataclass(frozen=True)
class Curve:
    """A quadratic Bézier curve: three points (3, 2), in inches.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.page.sketch import Curve, Rect
    >>> curve = Curve(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 0.0]]))
    >>> curve.at(0.5).tolist()  # half as high as its middle corner
    [1.0, 1.0]
    >>> curve.meets(Rect(0.5, 0.5, 1.5, 1.5)), curve.meets(Rect(0.5, 1.5, 1.5, 2.5))
    (True, False)
    """

    corners: NDArray[np.float64]

    @classmethod
    def between(cls, one: Rect, other: Rect, bend: float) -> Curve:
        """Return the curve from the rim of a rectangle to the rim of another.

        It bows to its left by half of `bend` times the distance of the centres.

        Raises
        ------
        fairtut.errors.InputError
            If nothing of it lies between the rectangles.
        """
        a, b = np.array(one.centre), np.array(other.centre)
        middle = (a + b) / 2 + bend * np.array([a[1] - b[1], b[0] - a[0]])
        whole = cls(np.array([a, middle, b]))
        # a small gap between the rims and the arrow, at its head a larger one
        outside = ~one.grown(0.02).contains(whole.points) & ~other.grown(0.05).contains(
            whole.points
        )
        if not outside.any():
            raise InputError("an arrow has no room between its boxes: move them apart")
        shares = np.linspace(0, 1, _POINTS)[outside]
        return whole.cut(float(shares[0]), float(shares[-1]))

    @property
    def points(self) -> NDArray[np.float64]:
        """Points (101, 2) along the curve."""
        return np.array([self.at(t) for t in np.linspace(0, 1, _POINTS)])

    def at(self, t: float) -> NDArray[np.float64]:
        """Return the point (2,) at a parameter from 0 to 1."""
        a, b, c = self.corners
        return np.asarray((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c)

    def cut(self, start: float, end: float) -> Curve:
        """Return the part between two parameters."""
        a, b, c = self.corners
        blend = (1 - start) * (1 - end) * a + (start + end - 2 * start * end) * b + start * end * c
        return Curve(np.array([self.at(start), blend, self.at(end)]))

    def meets(self, rect: Rect) -> bool:
        """Tell whether it passes through a rectangle."""
        return bool(rect.contains(self.points).any())

    def beside(self, t: float, side: float, words: Rect, gap: float) -> Rect:
        """Return where a text of a size stands beside the point at t, left (1) or right (-1)."""
        a, b, c = self.corners
        along = (1 - t) * (b - a) + t * (c - b)
        away = side * np.array([-along[1], along[0]]) / (np.hypot(*along) or 1.0)
        far = gap + (abs(away[0]) * words.width + abs(away[1]) * words.height) / 2
        x, y = self.at(t) + far * away
        return Rect.around((float(x), float(y)), words.width, words.height)


def _rounded(share: float) -> Outline:
    """Return boxes whose corners are round by a share of the smaller side."""

    def outline(rect: Rect) -> Patch:
        from matplotlib.patches import FancyBboxPatch

        radius = share * min(rect.width, rect.height)
        style = f"round,pad=0,rounding_size={radius:.4f}" if radius else "square,pad=0"
        return FancyBboxPatch((rect.x0, rect.y0), rect.width, rect.height, boxstyle=style)

    return outline


def _sided(*, left: bool, cut: float = 0.35) -> Outline:
    """Return boxes that end in a point to the right, and to the left, too, where asked."""

    def outline(rect: Rect) -> Patch:
        from matplotlib.patches import Polygon

        depth, y = cut * rect.height, rect.centre[1]
        nose = depth if left else 0.0
        corners = [(rect.x0 + nose, rect.y0), (rect.x1 - depth, rect.y0), (rect.x1, y),
                   (rect.x1 - depth, rect.y1), (rect.x0 + nose, rect.y1)]  # fmt: skip
        return Polygon([*corners, (rect.x0, y)] if left else corners, closed=True)

    return outline


@dataclass(frozen=True)
class Role:
    """How boxes of a role look.

    Attributes
    ----------
    color : str
        Of rim and fill.
    shape, means : str
        In the caption.
    outline : callable
        From a rectangle to its patch.
    margin : float
        Room at the left and right of the text, as a share of its height.
    double : bool
        Whether a second rim stands inside the first.

    Examples
    --------
    >>> from fairtut.page.sketch import ROLES, Rect
    >>> [name for name, role in ROLES.items() if role.double]
    ['frozen']
    >>> box = ROLES["adversary"].outline(Rect(0, 0, 2, 1))
    >>> len(box.get_xy()) - 1, ROLES["adversary"].shape  # the first corner stands twice
    (6, 'six corners')
    """

    color: str
    shape: str
    means: str
    outline: Outline
    margin: float = 0.0
    double: bool = False


ROLES: Final[dict[str, Role]] = {
    "data": Role(PALETTE[0], "rectangle", "data", _rounded(0)),
    "model": Role(PALETTE[4], "round corners", "a model that is trained", _rounded(0.3)),
    "adversary": Role(PALETTE[1], "six corners", "an adversary", _sided(left=True), 0.3),
    "loss": Role(PALETTE[2], "round ends", "a loss", _rounded(0.5), 0.2),
    "frozen": Role(GREY, "double rim", "frozen", _rounded(0), 0.05, double=True),
    "output": Role(PALETTE[3], "one point", "what comes out", _sided(left=False), 0.3),
}
"""Look by role, the same in the whole book; shapes differ, so that colour only helps."""


def canvas(width: float, height: float, points: float) -> tuple[Figure, Axes]:
    """Return a figure whose one axes has inches as units and nothing but what is drawn.

    Parameters
    ----------
    width, height : float
        Inches.
    points : float
        Size of the letters.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
        It fills the figure; the origin is the lower left corner.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.sketch import canvas
    >>> fig, ax = canvas(width=4, height=2, points=10)
    >>> fig.get_size_inches().tolist(), [float(end) for end in (*ax.get_xlim(), *ax.get_ylim())]
    ([4.0, 2.0], [0.0, 4.0, 0.0, 2.0])
    >>> plt.close(fig)
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.layout_engine import PlaceHolderLayoutEngine

    settings: Any = {**STYLE, "font.size": points, "figure.constrained_layout.use": False}
    with mpl.rc_context(settings):  # other figures keep their style
        fig = plt.figure(figsize=(width, height))
        ax = fig.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    # saving restores the engine it found, and takes none for "as the style says": a warning
    fig.set_layout_engine(PlaceHolderLayoutEngine(True, False))
    ax.set_axis_off()
    fig.points = points  # type: ignore[attr-defined]
    return fig, ax


def write(ax: Axes, at: tuple[float, float], text: str, **looks: Any) -> Any:
    """Write a text around a point, and return it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        From :func:`canvas`, which sets the size of the letters.
    at : (float, float)
        The middle of the text, in inches.
    text : str
    **looks
        For :meth:`matplotlib.axes.Axes.text`, such as ``style="italic"``.

    Returns
    -------
    matplotlib.text.Text

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.sketch import canvas, write
    >>> fig, ax = canvas(width=4, height=2, points=12)
    >>> text = write(ax, (2, 1), "a note", style="italic")
    >>> text.get_position(), text.get_ha(), float(text.get_fontsize())
    ((2, 1), 'center', 12.0)
    >>> plt.close(fig)
    """
    size = ax.figure.points  # type: ignore[union-attr]
    return ax.text(*at, text, ha="center", va="center", fontsize=size, color=INK,
                   family="DejaVu Sans", linespacing=1.15, **looks)  # fmt: skip


def measured(ax: Axes, at: tuple[float, float], text: str) -> Rect:
    r"""Return the rectangle that a text would take.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        From :func:`canvas`.
    at : (float, float)
        The middle of the text, in inches.
    text : str

    Returns
    -------
    Rect
        In inches; the text itself is taken away again.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.sketch import canvas, measured
    >>> fig, ax = canvas(width=4, height=2, points=10)
    >>> one, two = measured(ax, (2, 1), "one line"), measured(ax, (2, 1), "one line\nand more")
    >>> two.height > one.height, len(ax.texts)
    (True, 0)
    >>> plt.close(fig)
    """
    written = write(ax, at, text)
    extent = ax.transData.inverted().transform(written.get_window_extent())
    written.remove()
    (x0, y0), (x1, y1) = extent
    return Rect(float(x0), float(y0), float(x1), float(y1))


def free(what: str, rect: Rect, taken: dict[str, Rect]) -> None:
    """Take a place for a box or a text.

    Parameters
    ----------
    what : str
        How a message calls it.
    rect : Rect
    taken : dict of str to Rect
        Places that are taken; this one is added.

    Raises
    ------
    fairtut.errors.InputError
        If something is there.

    Examples
    --------
    >>> from fairtut.page.sketch import Rect, free
    >>> taken = {}
    >>> free("box 'x'", Rect(0, 0, 2, 1), taken)
    >>> free("box 'f'", Rect(1, 0, 3, 1), taken)
    Traceback (most recent call last):
    fairtut.errors.InputError: box 'f' covers box 'x': move one of them
    >>> list(taken)
    ["box 'x'"]
    """
    for other, there in taken.items():
        if rect.meets(there):
            raise InputError(f"{what} covers {other}: move one of them")
    taken[what] = rect


def draw_box(ax: Axes, rect: Rect, text: str, role: str) -> None:
    """Draw a box with its text.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        From :func:`canvas`.
    rect : Rect
    text : str
    role : str
        A key of :data:`~fairtut.page.mechanism.ROLES`.

    Raises
    ------
    KeyError
        If there is no such role.

    Examples
    --------
    What is frozen has a second rim:

    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.sketch import Rect, canvas, draw_box
    >>> fig, ax = canvas(width=4, height=2, points=10)
    >>> draw_box(ax, Rect(0.2, 0.5, 1.8, 1.5), "input", "data")
    >>> len(ax.patches)
    1
    >>> draw_box(ax, Rect(2.2, 0.5, 3.8, 1.5), "model", "frozen")
    >>> len(ax.patches), [text.get_text() for text in ax.texts]
    (3, ['input', 'model'])
    >>> plt.close(fig)
    """
    look = ROLES[role]
    shape = look.outline(rect)
    shape.set(facecolor=(*_rgb(look.color), FILL), edgecolor=look.color, linewidth=1.8)
    ax.add_patch(shape)
    if look.double:
        inner = look.outline(rect.grown(-0.05))
        inner.set(facecolor="none", edgecolor=look.color, linewidth=1.0)
        ax.add_patch(inner)
    write(ax, rect.centre, text)


def draw_arrow(ax: Axes, curve: Curve, *, dashed: bool) -> None:
    """Draw an arrow along a curve, its head at the end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        From :func:`canvas`.
    curve : Curve
    dashed : bool

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.sketch import Curve, Rect, canvas, draw_arrow
    >>> fig, ax = canvas(width=4, height=2, points=10)
    >>> draw_arrow(ax, Curve.between(Rect(0, 0, 1, 2), Rect(3, 0, 4, 2), bend=0), dashed=False)
    >>> (arrow,) = ax.patches
    >>> arrow.get_linestyle()
    '-'
    >>> plt.close(fig)
    """
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    path = Path(curve.corners, [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    ax.add_patch(
        FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=13, color=INK, linewidth=1.4,
                        linestyle=(0, (4, 2.5)) if dashed else "-", shrinkA=0, shrinkB=0)
    )  # fmt: skip


def draw_frame(ax: Axes, rect: Rect) -> None:
    """Draw the dashed frame of a group.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        From :func:`canvas`.
    rect : Rect

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.sketch import Rect, canvas, draw_frame
    >>> fig, ax = canvas(width=4, height=2, points=10)
    >>> draw_frame(ax, Rect(1, 0.5, 3, 1.5))
    >>> (frame,) = ax.patches
    >>> float(frame.get_width()), float(frame.get_height()), frame.get_fill()
    (2.0, 1.0, False)
    >>> plt.close(fig)
    """
    from matplotlib.patches import Rectangle

    ax.add_patch(
        Rectangle((rect.x0, rect.y0), rect.width, rect.height, fill=False, edgecolor=INK,
                  linewidth=1.0, linestyle=(0, (2, 2.5)), alpha=0.8)
    )  # fmt: skip


def _rgb(color: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(color)
