"""A figure that the reader moves: precomputed pictures and curves behind a slider.

Nothing is computed on the page.  All pictures stand side by side in one small PNG, the numbers in
a list, and a few lines of plain JavaScript show what the slider points at; no library, no network.
:func:`slide` shows pictures beside curves, :func:`curves` curves alone.  Both make one output for
three readers, as :func:`fairtut.page.figures.show` does:

* where scripts run, the moving figure: an ``<input type="range">``, so that the arrow keys work,
  with a label, and a status line that a screen reader speaks;
* where they do not (GitHub's preview, an untrusted notebook, a browser without scripts, paper), a
  still picture.  The moving figure is ``hidden`` until its own script shows it, so nobody
  gets a slider that does nothing;
* a program that reads no HTML takes the still picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fairtut.errors import InputError
from fairtut.page.figures import png
from fairtut.page.live import Scale, Track, moving, sprite
from fairtut.page.markup import Bundle, escape, named, plain, present
from fairtut.page.style import GREY, PALETTE, axes, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BYTES: Final = 120_000
"""Most that the moving figure and its still picture may weigh together."""

__all__ = ["MOST_BYTES", "Track", "curves", "slide"]


def slide(
    stops: Sequence[float],
    pictures: Any,
    tracks: Sequence[Track],
    says: Sequence[str],
    *,
    still: Figure,
    label: str,
    ylabel: str,
    caption: str,
    alt: str,
    name: str,
    border: float = 0.5,
) -> Bundle | None:
    """Display a slider over precomputed pictures and curves; close the still figure.

    Parameters
    ----------
    stops : sequence of float
        Where the slider stops, at least three, in increasing order and equally far apart.
    pictures : tensor or array, shape (stops, 3, h, w)
        One per stop: uint8, or in [0, 1].
    tracks : sequence of Track
        At most six, with heights in [0, 1].
    says : sequence of str
        A sentence per stop, written below the slider and spoken by a screen reader.
    still : matplotlib.figure.Figure
        The same in one picture, for readers without scripts.
    label, ylabel : str
        What the slider changes, and what the curves' height is.
    caption, alt, name : str
        As in :func:`fairtut.page.figures.show`; ``alt`` describes the pictures.
    border : float
        Height at which the decision changes, drawn as a dashed line.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If lengths differ, stops are not equally far apart, a height leaves [0, 1], a text is
        missing, or the result weighs more than ``MOST_BYTES``.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.page.slider import Track, slide
    >>> from fairtut.page.style import axes
    >>> still, _ = axes("Three greys", height=1)
    >>> greys = np.stack([np.full((3, 2, 2), grey) for grey in (0.0, 0.5, 1.0)])
    >>> shown = slide(
    ...     [0, 1, 2], greys, [Track("P(light)", [0.1, 0.5, 0.9])], ["Dark.", "Grey.", "Light."],
    ...     still=still, label="grey", ylabel="P", caption="A grey.", alt="A patch.", name="grey",
    ... )
    >>> print(shown)
    [slider grey: A grey.]
    >>> [sentence in shown.data["text/html"] for sentence in ("Dark.", "Light.")]
    [True, True]
    """

    def build() -> tuple[Scale, str]:
        _check(stops, tracks, says, (label, ylabel, caption, alt), name, (0.0, 1.0))
        step = np.diff(np.asarray(stops, dtype=float))
        if not np.allclose(step, step[0]):
            raise InputError(f"slider {name!r}: its stops must be equally far apart")
        if len(pictures) != len(stops):
            raise InputError(f"slider {name!r}: {len(stops)} stops need as many pictures")
        face = (
            f'<div class="ft-face" role="img" aria-label="{escape(alt)}" style="'
            f"flex:none;width:9.5rem;aspect-ratio:{np.shape(pictures)[-1]}/"
            f"{np.shape(pictures)[-2]};image-rendering:pixelated;background:"
            f'url(data:image/png;base64,{sprite(pictures)}) 50% 0 / {len(stops)}00% 100%"></div>'
        )
        return Scale(stops, (0.0, 1.0), border=border), face

    return _shown(build, tracks, says, still, label, ylabel, caption, alt, name)


def curves(
    stops: Sequence[float],
    heights: Mapping[str, Sequence[float]],
    *,
    says: Sequence[str],
    label: str,
    ylabel: str,
    ylim: tuple[float, float],
    caption: str,
    alt: str,
    name: str,
    even: bool = False,
    border: float | None = None,
    still: Figure | None = None,
) -> Bundle | None:
    """Display a slider over precomputed curves alone; close the still figure.

    A chapter computes the curves in the experiment and lets its readers walk along them; readers
    without scripts get all stops in one picture:

    >>> weights = [0.0, 0.1, 1.0]
    >>> shown = curves(
    ...     weights, {"accuracy": [0.9, 0.8, 0.6], "gap": [0.3, 0.2, 0.0]},
    ...     says=["No adversary.", "A little costs a little.", "Much costs much."],
    ...     label="weight of the adversary", ylabel="share", ylim=(0, 1), even=True,
    ...     caption="What the weight does.", alt="Two falling curves.", name="weight",
    ... )
    >>> print(shown)
    [slider weight: What the weight does.]

    Parameters
    ----------
    stops : sequence of float
        Where the slider stops, at least three, in increasing order.
    heights : mapping of str to sequence of float
        At most six curves: the name in the legend, and the height at each stop within `ylim`.
    says : sequence of str
        A sentence per stop, written below the slider and spoken by a screen reader.  Write its
        numbers by a format, as ``f"At λ = {s:g} the gap is {gap:.3f}."``.
    label, ylabel : str
        What the slider changes, and what the curves' height is.
    ylim : (float, float)
        Lower and upper end of the heights' axis.
    caption, alt, name : str
        As in :func:`fairtut.page.figures.show`.
    even : bool
        Draw the stops equally far apart whatever their value, as for 0, .01, .1 and 1.
    border : float, optional
        A height that is marked by a dashed line.
    still : matplotlib.figure.Figure, optional
        A picture for readers without scripts; by default the curves as they are.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If lengths differ, stops do not increase, a height leaves `ylim` or is missing, a text is
        missing, or the result weighs more than ``MOST_BYTES``.
    """
    tracks = [Track(title, y) for title, y in heights.items()]

    def build() -> tuple[Scale, str]:
        _check(stops, tracks, says, (label, ylabel, caption, alt), name, ylim)
        return Scale(stops, ylim, border=border, even=even), ""

    return _shown(build, tracks, says, still, label, ylabel, caption, alt, name)


def _shown(
    build: Callable[[], tuple[Scale, str]],
    tracks: Sequence[Track],
    says: Sequence[str],
    still: Figure | None,
    label: str,
    ylabel: str,
    caption: str,
    alt: str,
    name: str,
) -> Bundle | None:
    """Check, draw and weigh a slider; the still figure is closed whatever happens."""
    import matplotlib.pyplot as plt

    try:
        scale, face = build()
        still = still or _drawn(scale, tracks, label, ylabel)
        picture = png(still)
    finally:
        if still is not None:
            plt.close(still)
    page = moving(scale, tracks, says, face=face, still=picture, label=label, ylabel=ylabel,
                  caption=caption, alt=alt, name=name)  # fmt: skip
    if len(page) > MOST_BYTES:
        raise InputError(
            f"the slider {name!r} weighs {len(page)} bytes, at most {MOST_BYTES}: use fewer or "
            "smaller pictures"
        )
    text = f"[slider {name}: {plain(caption)}]"
    return present(Bundle({"text/html": page, "image/png": picture, "text/plain": text}))


def _drawn(scale: Scale, tracks: Sequence[Track], label: str, ylabel: str) -> Figure:
    """Draw all stops of the curves in one picture."""
    fig, ax = axes("", height=3.2, legend_width=1.6)
    places = range(len(scale.stops)) if scale.even else scale.stops
    for i, track in enumerate(tracks):
        ax.plot(places, track.y, **look(i)._asdict(), label=track.name)
    if scale.border is not None:
        ax.axhline(scale.border, color=GREY, lw=1.2, ls="--")
    if scale.even:
        ax.set_xticks(places, [f"{stop:g}" for stop in scale.stops])
    ax.set(xlabel=label, ylabel=ylabel, ylim=scale.ylim)
    fig.legend(loc="outside right upper")
    return fig


def _check(
    stops: Sequence[float],
    tracks: Sequence[Track],
    says: Sequence[str],
    texts: tuple[str, ...],
    name: str,
    ylim: tuple[float, float],
) -> None:
    named(name)
    if not all(text.strip() for text in (*texts, *says)):
        raise InputError(f"slider {name!r}: label, ylabel, caption, alt and says need words")
    if len(stops) < 3 or not (np.diff(np.asarray(stops, dtype=float)) > 0).all():
        raise InputError(f"slider {name!r}: give at least three stops, in increasing order")
    if not 1 <= len(tracks) <= len(PALETTE):
        raise InputError(f"slider {name!r}: give one to {len(PALETTE)} tracks, not {len(tracks)}")
    if {len(says), *(len(track.y) for track in tracks)} != {len(stops)}:
        raise InputError(f"slider {name!r}: {len(stops)} stops need as many heights and sentences")
    heights = np.array([list(track.y) for track in tracks], dtype=float)
    low, high = ylim
    if not (low < high and ((heights >= low) & (heights <= high)).all()):
        raise InputError(f"slider {name!r}: heights must lie in [{low:g}, {high:g}], none missing")
