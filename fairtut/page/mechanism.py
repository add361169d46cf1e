"""Drawn mechanisms: who plays, what flows between them, what is trained and what is frozen.

A :class:`Diagram` holds boxes with roles, arrows with labels, notes and dashed groups, in inches
from the lower left corner.  A chapter keeps one function per drawing in its ``mechanisms.py``,
which returns ``diagram.figure()``, and shows it by :func:`fairtut.page.figures.show`:

>>> d = Diagram(width=6, height=2)
>>> d.box("x", (0.9, 1.2), "picture x", role="data")
>>> d.box("f", (4.2, 1.2), "classifier f", role="frozen")
>>> d.arrow("x", "f", "a batch")
>>> d.note((4.2, 0.5), "never changes")
>>> fig = d.figure()

The role of a box has one colour and one shape in the whole book (:data:`ROLES`); the caption says
which, as :func:`~fairtut.page.figures.show` appends the notes of a figure.  Letters grow with the
width, so that they are at least :data:`~fairtut.page.figures.LEAST` pixels high where the page is
390 pixels wide, and what does not fit is refused: a label that would cover a box, boxes that
overlap, an arrow through a third box.  Lines of a text are broken by the writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from fairtut.errors import InputError, UnknownName
from fairtut.page import sketch
from fairtut.page.figures import LEAST, NARROW, note
from fairtut.page.sketch import ROLES, Curve, Rect

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS: Final = 10.0
_PAD: Final = 0.09
"""Inches between a box's text and its rim, and that labels keep from everything."""

__all__ = ["LEAST", "NARROW", "ROLES", "Diagram"]


@dataclass(frozen=True)
class _Box:
    at: tuple[float, float]
    text: str
    role: str
    size: tuple[float, float] | None


@dataclass(frozen=True)
class _Arrow:
    start: str
    end: str
    label: str
    bend: float
    dashed: bool


class Diagram:
    """A drawing of boxes and arrows.

    Parameters
    ----------
    width, height : float
        Inches; the width is at most 9.  Narrow and high reads better on a phone.

    Raises
    ------
    fairtut.errors.InputError
        If a side is not positive or the width exceeds 9 inches.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from fairtut.page.mechanism import Diagram
    >>> d = Diagram(width=4, height=1)
    >>> d.box("x", (0.8, 0.5), "input", role="data")
    >>> d.arrow("x", "f")
    Traceback (most recent call last):
    fairtut.errors.UnknownName: unknown box 'f': choose one of x
    >>> d.box("f", (3.2, 0.5), "model", role="frozen")
    >>> d.arrow("x", "f")
    >>> fig = d.figure()
    >>> fig.get_size_inches().tolist(), [text.get_text() for text in fig.axes[0].texts]
    ([4.0, 1.0], ['input', 'model'])
    >>> plt.close(fig)
    """

    def __init__(self, width: float = 8, height: float = 3.2) -> None:
        if not (0 < width <= 9 and height > 0):
            raise InputError(f"a drawing of {width} × {height} inches: use at most 9 × any height")
        self.width, self.height = float(width), float(height)
        self._boxes: dict[str, _Box] = {}
        self._arrows: list[_Arrow] = []
        self._notes: list[tuple[tuple[float, float], str]] = []
        self._groups: list[tuple[tuple[str, ...], str]] = []

    @property
    def points(self) -> float:
        """Size of the letters in points, 10, or more where the drawing is wide."""
        css = 96 * self.width  # pixels of the drawing at its full size
        return max(_POINTS, round(LEAST * css / NARROW * 0.75, 2))

    def box(
        self,
        id: str,
        at: tuple[float, float],
        text: str,
        *,
        role: str,
        size: tuple[float, float] | None = None,
    ) -> None:
        """Add a box; it is as large as its text needs unless a size is given.

        Parameters
        ----------
        id : str
            How arrows and groups call it.
        at : (float, float)
            Its centre.
        text : str
            Broken into lines by the writer.
        role : str
            A key of :data:`ROLES`.
        size : (float, float), optional
            Least width and height.

        Raises
        ------
        fairtut.errors.UnknownName
            If there is no such role.
        fairtut.errors.InputError
            If there is such a box already, or no text.
        """
        if role not in ROLES:
            raise UnknownName.of("role", role, list(ROLES))
        if id in self._boxes or not text.strip():
            raise InputError(f"box {id!r} is there already or has no text")
        self._boxes[id] = _Box(at, text, role, size)

    def arrow(
        self, start: str, end: str, label: str = "", *, bend: float = 0.0, dashed: bool = False
    ) -> None:
        """Add an arrow from rim to rim of two boxes that are there.

        Parameters
        ----------
        start, end : str
            Boxes.
        label : str
            Written beside the middle of the arrow, where nothing is covered.
        bend : float
            How far the arrow bows to its left, as a share of its length; negative to its right.
            Two arrows between the same boxes, there and back, each need a bend, of one sign.
        dashed : bool
            For what flows backwards, or does not flow.

        Raises
        ------
        fairtut.errors.UnknownName
            If there is no such box.
        """
        self._known(start, end)
        self._arrows.append(_Arrow(start, end, label, bend, dashed))

    def note(self, at: tuple[float, float], text: str) -> None:
        """Write a text around a point."""
        self._notes.append((at, text))

    def group(self, ids: Sequence[str], title: str) -> None:
        """Draw a dashed frame around boxes, with a title above it.

        Raises
        ------
        fairtut.errors.UnknownName
            If there is no such box.
        """
        self._known(*ids)
        self._groups.append((tuple(ids), title))

    def figure(self) -> Figure:
        """Return the drawing, to be passed to :func:`fairtut.page.figures.show`.

        Raises
        ------
        fairtut.errors.InputError
            If something leaves the drawing, two boxes or notes overlap, an arrow crosses a box
            that it does not belong to, a frame a box that is no member, or a label finds no room.
        """
        fig, ax = sketch.canvas(self.width, self.height, self.points)
        rects = {name: self._rect(ax, box) for name, box in self._boxes.items()}
        taken: dict[str, Rect] = {}
        for name, rect in rects.items():
            sketch.free(f"box {name!r}", rect, taken)
        for ids, title in self._groups:
            self._frame(ax, rects, ids, title, taken)
        for at, text in self._notes:
            sketch.free(f"note {text!r}", sketch.measured(ax, at, text), taken)
        paths = [self._path(arrow, rects) for arrow in self._arrows]
        for arrow, path in zip(self._arrows, paths, strict=True):
            sketch.draw_arrow(ax, path, dashed=arrow.dashed)
        for arrow, path in zip(self._arrows, paths, strict=True):
            if arrow.label:
                self._label(ax, arrow, path, paths, taken)
        for what, rect in taken.items():
            self._inside(what, rect)
        for name, box in self._boxes.items():
            sketch.draw_box(ax, rects[name], box.text, box.role)
        for at, text in self._notes:
            sketch.write(ax, at, text, style="italic")
        used = [role for role in ROLES if role in {box.role for box in self._boxes.values()}]
        if used:
            words = "; ".join(f"{ROLES[role].shape}: {ROLES[role].means}" for role in used)
            note(fig, f"{words[0].upper()}{words[1:]}.")
        return fig

    def _known(self, *ids: str) -> None:
        for id in ids:
            if id not in self._boxes:
                raise UnknownName.of("box", id, list(self._boxes))

    def _rect(self, ax: Axes, box: _Box) -> Rect:
        text = sketch.measured(ax, box.at, box.text)
        least = box.size or (0.0, 0.0)
        margin = ROLES[box.role].margin * text.height  # slanted and round sides need more room
        width = max(text.width + 2 * (_PAD + margin), least[0])
        return Rect.around(box.at, width, max(text.height + 2 * _PAD, least[1]))

    def _frame(
        self,
        ax: Axes,
        rects: dict[str, Rect],
        ids: tuple[str, ...],
        title: str,
        taken: dict[str, Rect],
    ) -> None:
        frame = Rect.hull([rects[id] for id in ids]).grown(1.6 * _PAD)
        for other, rect in rects.items():
            if other not in ids and rect.meets(frame):
                raise InputError(f"the frame {title!r} crosses box {other!r}: move the box")
        words = sketch.measured(ax, (0, 0), title)
        at = (frame.x0 + words.width / 2, frame.y1 + words.height / 2 + _PAD / 2)
        sketch.free(f"title {title!r}", Rect.around(at, words.width, words.height), taken)
        for i, side in enumerate(frame.sides):
            taken[f"side {i} of frame {title!r}"] = side
        sketch.draw_frame(ax, frame)
        sketch.write(ax, at, title)

    def _path(self, arrow: _Arrow, rects: dict[str, Rect]) -> Curve:
        one, other = rects[arrow.start], rects[arrow.end]
        path = Curve.between(one, other, arrow.bend)
        for name, rect in rects.items():
            if name not in (arrow.start, arrow.end) and path.meets(rect):
                raise InputError(
                    f"the arrow {arrow.start} → {arrow.end} crosses box {name!r}: give it a bend"
                )
        return path

    def _label(
        self, ax: Axes, arrow: _Arrow, path: Curve, paths: Sequence[Curve], taken: dict[str, Rect]
    ) -> None:
        """Write a label at the first place beside the arrow where it covers nothing."""
        words = sketch.measured(ax, (0, 0), arrow.label)
        page = Rect(0, 0, self.width, self.height)
        for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74):
            for side in (1.0, -1.0):
                rect = path.beside(share, side, words, 0.6 * _PAD)
                clear = page.holds(rect) and not any(r.meets(rect) for r in taken.values())
                if clear and not any(p.meets(rect) for p in paths):
                    taken[f"label {arrow.label!r} {len(taken)}"] = rect
                    sketch.write(ax, rect.centre, arrow.label)
                    return
        raise InputError(
            f"no room for the label {arrow.label!r} of {arrow.start} → {arrow.end}: move the "
            "boxes apart, break the label into lines, or bend the arrow"
        )

    def _inside(self, what: str, rect: Rect) -> None:
        if not Rect(0, 0, self.width, self.height).holds(rect):
            spans = np.round([rect.x0, rect.x1, rect.y0, rect.y1], 2).tolist()
            raise InputError(
                f"{what} leaves the drawing: it spans {spans[0]} to {spans[1]} of {self.width} "
                f"inches across and {spans[2]} to {spans[3]} of {self.height} up"
            )
