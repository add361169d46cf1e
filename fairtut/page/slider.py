"""A figure that the reader moves: a row of precomputed pictures behind a slider.

Nothing is computed on the page.  All pictures stand side by side in one small PNG, the numbers in
a list, and a few lines of plain JavaScript show the one that the slider points at; no library, no
network.  :func:`slide` turns them into one output for three readers, as
:func:`fairtut.page.figures.show` does:

* where scripts run, the moving figure: an ``<input type="range">``, so that the arrow keys work,
  with a label, and a status line that a screen reader speaks;
* where they do not (GitHub's preview, an untrusted notebook, a browser without scripts, paper), a
  still picture.  The moving figure is ``hidden`` until its own script shows it, so nobody
  gets a slider that does nothing;
* a program that reads no HTML takes the still picture.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.evidence.spelling import number
from fairtut.page.figures import png
from fairtut.page.markup import Bundle, escape, inline, plain, present
from fairtut.page.style import GREY, LINES, PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BYTES: Final = 120_000
"""Most that the moving figure and its still picture may weigh together."""
COLOURS: Final = 64
"""Colours of the row of pictures."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_WIDE, _HIGH, _LEFT, _TOP = 300, 150, 34, 8
"""Size of the drawing's plane and its margins, in units of its viewBox."""


@dataclass(frozen=True)
class Track:
    """One curve over the slider's range.

    Parameters
    ----------
    name : str
        In the legend.
    y : sequence of float
        Height at each stop, from 0 to 1.
    certified : (float, float) or None
        The part of the range, in the slider's units, that is certified; None for no part.
    """

    name: str
    y: Sequence[float]
    certified: tuple[float, float] | None = None


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
        At most six.
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
    """
    import matplotlib.pyplot as plt

    try:
        _check(stops, pictures, tracks, says, (label, ylabel, caption, alt), name)
        picture = png(still)
    finally:
        plt.close(still)
    low, high = stops[0], stops[-1]
    heights = [[round(float(v), 4) for v in track.y] for track in tracks]
    page = _PAGE.substitute(
        name=name, live=f"ft-{name}-live", quiet=f"ft-{name}-still", last=len(stops) - 1,
        start=len(stops) // 2, sprite=sprite(pictures), alt=escape(alt), label=escape(label),
        ratio=f"{np.shape(pictures)[-1]}/{np.shape(pictures)[-2]}", count=len(stops),
        chart=_chart(low, high, tracks, ylabel, border), legend=_legend(tracks), still=picture,
        caption=inline(caption), says=_script(list(says)), heights=_script(heights),
        texts=_script([f"{label}: {number(float(v))}" for v in stops]),
        left=_LEFT, top=_TOP, wide=_WIDE, high=_HIGH,
    )  # fmt: skip
    if len(page) > MOST_BYTES:
        raise InputError(
            f"the slider {name!r} weighs {len(page)} bytes, at most {MOST_BYTES}: use fewer or "
            "smaller pictures"
        )
    text = f"[slider {name}: {plain(caption)}]"
    return present(Bundle({"text/html": page, "image/png": picture, "text/plain": text}))


def sprite(pictures: Any) -> str:
    """Return pictures (n, 3, h, w) side by side as a PNG in base64."""
    from PIL import Image

    row = np.concatenate(list(_pixels(pictures).transpose(0, 2, 3, 1)), axis=1)  # (h, n w, 3)
    buffer = io.BytesIO()
    image = Image.fromarray(row).quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _pixels(pictures: Any) -> NDArray[np.uint8]:
    values = np.asarray(pictures.cpu() if hasattr(pictures, "cpu") else pictures)
    if values.dtype == np.uint8:
        return values
    return np.asarray(np.round(255 * np.clip(values, 0, 1)), dtype=np.uint8)


def _check(
    stops: Sequence[float],
    pictures: Any,
    tracks: Sequence[Track],
    says: Sequence[str],
    texts: tuple[str, ...],
    name: str,
) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"name {name!r} must be lower-case words joined by hyphens")
    if not all(text.strip() for text in (*texts, *says)):
        raise InputError(f"slider {name!r}: label, ylabel, caption, alt and says need words")
    step = np.diff(np.asarray(stops, dtype=float))
    if len(stops) < 3 or not (step > 0).all() or not np.allclose(step, step[0]):
        raise InputError(f"slider {name!r}: give at least three stops, equally far apart")
    lengths = {len(stops), len(pictures), len(says), *(len(track.y) for track in tracks)}
    if len(lengths) > 1:
        raise InputError(f"slider {name!r}: {len(stops)} stops need as many pictures, heights "
                         "and sentences")  # fmt: skip
    if not 1 <= len(tracks) <= len(PALETTE):
        raise InputError(f"slider {name!r}: give one to {len(PALETTE)} tracks, not {len(tracks)}")
    heights = np.array([list(track.y) for track in tracks], dtype=float)
    if not ((heights >= 0) & (heights <= 1)).all():
        raise InputError(f"slider {name!r}: heights must lie in [0, 1], none missing")


def _script(value: object) -> str:
    """Write a value as JavaScript that cannot end the script it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


def _chart(low: float, high: float, tracks: Sequence[Track], ylabel: str, border: float) -> str:
    """Draw axes, curves, bars of the certified parts, and a dot per curve for the script."""

    def x(value: float) -> float:
        return round(_LEFT + (value - low) / (high - low) * _WIDE, 1)

    def y(value: float) -> float:
        return round(_TOP + (1 - value) * _HIGH, 1)

    parts = [
        f'<path d="M{_LEFT} {_TOP}V{y(0)}H{x(high)}" fill="none" stroke="currentColor"/>',
        f'<path d="M{_LEFT} {y(border)}H{x(high)}" stroke="{GREY}" stroke-dasharray="5 3"/>',
        *(f'<text x="{_LEFT - 5}" y="{y(v) + 4}" text-anchor="end">{v:g}</text>'
          for v in (0, 0.5, 1)),
        *(f'<text x="{x(v)}" y="{y(0) + 15}" text-anchor="middle">{v:g}</text>'
          for v in (low, (low + high) / 2, high)),
        f'<text transform="translate(9 {y(0.5)}) rotate(-90)" text-anchor="middle">'
        f"{escape(ylabel)}</text>",
    ]  # fmt: skip
    for i, track in enumerate(tracks):
        places = np.linspace(low, high, len(track.y))
        line = " ".join(f"{x(u)},{y(v)}" for u, v in zip(places, track.y, strict=True))
        dashes = "" if LINES[i] == "-" else f' stroke-dasharray="{_dashes(LINES[i])}"'
        parts.append(f'<polyline points="{line}" fill="none" stroke="{PALETTE[i]}"'
                     f' stroke-width="2"{dashes}/>')  # fmt: skip
        bar = y(0) + 24 + 9 * i
        if track.certified is not None:
            ends = [min(max(v, low), high) for v in track.certified]
            parts.append(f'<path d="M{x(ends[0])} {bar}H{x(ends[1])}" stroke="{PALETTE[i]}"'
                         ' stroke-width="5"/>')  # fmt: skip
        parts.append(f'<circle r="5" fill="{PALETTE[i]}"/>')
    size = f"0 0 {_LEFT + _WIDE + 14} {y(0) + 24 + 9 * len(tracks)}"
    return (
        f'<svg viewBox="{size}" aria-hidden="true" fill="currentColor" font-size="11" '
        f'style="flex:1 1 18rem;max-width:30rem;height:auto">{"".join(parts)}</svg>'
    )


def _dashes(style: Any) -> str:
    """Turn matplotlib's dashes, in line widths, into SVG's."""
    return " ".join(f"{2 * v:g}" for v in style[1])


def _legend(tracks: Sequence[Track]) -> str:
    """Name the curves; a missing certificate is said in words."""
    items = []
    for i, track in enumerate(tracks):
        what = "no certificate"
        if track.certified is not None:
            what = "bar: certified from {:.2g} to {:.2g}".format(*track.certified)
        dot = f'<span style="color:{PALETTE[i]}" aria-hidden="true">●</span>'
        words = f"{escape(track.name)} ({what})"
        items.append(f'<span style="white-space:nowrap">{dot} {words}</span>')
    return " &ensp; ".join(items)


class _Template:
    """``string.Template`` with ``@{...}``: JavaScript and CSS are full of dollars and braces."""

    def __init__(self, text: str) -> None:
        self.text = text

    def substitute(self, **values: object) -> str:
        return re.sub(r"@\{(\w+)\}", lambda m: str(values[m[1]]), self.text)


_PAGE: Final = _Template("""\
<figure class="ft-figure" id="fig-@{name}">
<style>
#@{live} .ft-face {
  flex: none; width: 9.5rem; aspect-ratio: @{ratio}; image-rendering: pixelated;
  background: url(data:image/png;base64,@{sprite}) 50% 0 / @{count}00% 100%;
}
#@{live} label, #@{live} output { display: block; margin-top: .5rem; }
#@{live} output { min-height: 3em; }
#@{live} input { display: block; width: 100%; max-width: 40rem; }
@media print {
  #@{live} { display: none !important; }
  #@{quiet} { display: block !important; }
}
</style>
<div id="@{live}" hidden="hidden">
<div style="display:flex;flex-wrap:wrap;gap:1rem;align-items:center">
<div class="ft-face" role="img" aria-label="@{alt}"></div>
@{chart}
</div>
<label>@{label}
<input type="range" min="0" max="@{last}" value="@{start}" step="1"></label>
<output aria-live="polite"></output>
<p style="font-size:.85em;margin:0">@{legend}</p>
</div>
<img id="@{quiet}" alt="@{alt}" src="data:image/png;base64,@{still}">
<script>
(() => {
  const live = document.getElementById("@{live}"), quiet = document.getElementById("@{quiet}");
  if (!live || !quiet) return;
  const says = @{says}, texts = @{texts}, heights = @{heights};
  const [range, face, out] = ["input", ".ft-face", "output"].map(s => live.querySelector(s));
  const dots = [...live.querySelectorAll("circle")];
  const go = () => {
    const i = Number(range.value), share = i / @{last};
    face.style.backgroundPosition = 100 * share + "% 0";
    dots.forEach((dot, k) => {
      dot.setAttribute("cx", @{left} + @{wide} * share);
      dot.setAttribute("cy", @{top} + @{high} * (1 - heights[k][i]));
    });
    range.setAttribute("aria-valuetext", texts[i]);
    out.textContent = says[i];
  };
  range.addEventListener("input", go);
  live.hidden = false;
  quiet.style.display = "none";
  go();
})();
</script>
<figcaption>@{caption}</figcaption>
</figure>
""")
