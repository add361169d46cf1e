"""The moving figure of a slider: its axes and curves as SVG, and the page around them.

:mod:`fairtut.page.slider` checks what it is given and calls :func:`moving`.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.evidence.spelling import number
from fairtut.page.markup import escape, inline
from fairtut.page.style import GREY, LINES, PALETTE

COLOURS: Final = 64
"""Colours of the row of pictures."""
WIDE, HIGH, LEFT, TOP = 300, 150, 34, 8
"""Size of the drawing's plane and its margins, in units of its viewBox."""
MOST_TICKS: Final = 7
"""Stops that are equally far apart whatever their value are all named up to so many."""


@dataclass(frozen=True)
class Track:
    """One curve over the slider's range.

    Parameters
    ----------
    name : str
        In the legend.
    y : sequence of float
        Height at each stop.
    certified : (float, float) or None
        The part of the range, in the slider's units, that is certified; None for no part.

    Examples
    --------
    >>> from fairtut.page.live import Track
    >>> Track("gap", [0.3, 0.2, 0.0], certified=(0.0, 0.5)).certified
    (0.0, 0.5)
    >>> Track("gap", [0.3, 0.2, 0.0]).certified is None  # nothing is certified unless it is said
    True
    """

    name: str
    y: Sequence[float]
    certified: tuple[float, float] | None = None


@dataclass(frozen=True)
class Scale:
    """Where values of the two axes stand in the drawing.

    Parameters
    ----------
    stops : sequence of float
        Increasing.
    ylim : (float, float)
    border : float or None
        A height that is marked.
    even : bool
        Whether stops are equally far apart whatever their value.

    Examples
    --------
    >>> from fairtut.page.live import Scale
    >>> weights = [0.0, 0.1, 1.0]
    >>> Scale(weights, (0, 1)).share(0.1), Scale(weights, (0, 1), even=True).share(0.1)
    (0.1, 0.5)
    >>> Scale(weights, (0, 2)).height(0.5)  # a quarter of the way up
    0.25
    >>> Scale(weights, (0, 1)).ticks, Scale(weights, (0, 1), even=True).ticks
    ([0.0, 0.5, 1.0], [0.0, 0.1, 1.0])
    """

    stops: Sequence[float]
    ylim: tuple[float, float]
    border: float | None = None
    even: bool = False

    def share(self, stop: float) -> float:
        """Return where on the horizontal axis a value stands, from 0 to 1."""
        if self.even:
            places = np.linspace(0, 1, len(self.stops))
            return float(np.interp(stop, np.asarray(self.stops, float), places))
        return (stop - self.stops[0]) / (self.stops[-1] - self.stops[0])

    def height(self, value: float) -> float:
        """Return where on the vertical axis a value stands, from 0 to 1."""
        low, high = self.ylim
        return (value - low) / (high - low)

    def x(self, stop: float) -> float:
        """Return the horizontal place of a value in units of the viewBox."""
        return round(LEFT + self.share(stop) * WIDE, 1)

    def y(self, value: float) -> float:
        """Return the vertical place of a value in units of the viewBox."""
        return round(TOP + (1 - self.height(value)) * HIGH, 1)

    @property
    def ticks(self) -> list[float]:
        """The values that are written below the horizontal axis."""
        if self.even and len(self.stops) <= MOST_TICKS:
            return [float(stop) for stop in self.stops]
        if self.even:
            return [float(self.stops[i]) for i in (0, len(self.stops) // 2, -1)]
        low, high = float(self.stops[0]), float(self.stops[-1])
        return [low, (low + high) / 2, high]


def moving(
    scale: Scale,
    tracks: Sequence[Track],
    says: Sequence[str],
    *,
    face: str,
    still: str,
    label: str,
    ylabel: str,
    caption: str,
    alt: str,
    name: str,
) -> str:
    """Return the HTML of a slider with its still picture.

    Parameters
    ----------
    scale : Scale
    tracks : sequence of Track
        At most six.
    says : sequence of str
        One per stop.
    face : str
        HTML of what stands beside the curves; its background moves.  Nothing where empty.
    still : str
        The still picture, a PNG in base64.
    label, ylabel, caption, alt, name : str
        As in :func:`fairtut.page.slider.slide`.

    Returns
    -------
    str
        A ``<figure>``, whose moving part is hidden until its own script shows it.  The slider
        starts at the middle stop.

    Examples
    --------
    >>> from fairtut.page.live import Scale, Track, moving
    >>> tracks = [Track("accuracy", [0.9, 0.8, 0.6]), Track("gap", [0.3, 0.2, 0.0])]
    >>> page = moving(Scale([0, 1, 2], (0, 1)), tracks, ["None.", "Some.", "Much."], face="",
    ...               still="", label="weight", ylabel="share", caption="C.", alt="A.",
    ...               name="weight")
    >>> page.count("<polyline"), page.count("<circle")  # a curve and a dot for each track
    (2, 2)
    >>> 'min="0" max="2" value="1"' in page
    True
    """
    return _PAGE.substitute(
        name=name, live=f"ft-{name}-live", quiet=f"ft-{name}-still", last=len(scale.stops) - 1,
        start=len(scale.stops) // 2, face=face, alt=escape(alt), label=escape(label),
        chart=_chart(scale, tracks, ylabel), legend=_legend(tracks), still=still,
        caption=inline(caption), says=_script(list(says)),
        shares=_script([round(scale.share(float(v)), 4) for v in scale.stops]),
        heights=_script([[round(scale.height(float(v)), 4) for v in t.y] for t in tracks]),
        texts=_script([f"{label}: {number(float(v))}" for v in scale.stops]),
        left=LEFT, top=TOP, wide=WIDE, high=HIGH,
    )  # fmt: skip


def sprite(pictures: Any) -> str:
    """Return pictures (n, 3, h, w) side by side as a PNG in base64.

    Parameters
    ----------
    pictures : tensor or array, shape (n, 3, h, w)
        uint8, or in [0, 1]; what lies outside is clipped.

    Returns
    -------
    str
        One picture, n w wide and h high, of at most :data:`COLOURS` colours.

    Examples
    --------
    >>> import base64
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from fairtut.page.live import sprite
    >>> row = sprite(np.zeros((5, 3, 2, 4)))
    >>> Image.open(io.BytesIO(base64.b64decode(row))).size  # five pictures of width 4
    (20, 2)
    """
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


def _script(value: object) -> str:
    """Write a value as JavaScript that cannot end the script it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


def _chart(scale: Scale, tracks: Sequence[Track], ylabel: str) -> str:
    """Draw axes, curves, bars of the certified parts, and a dot per curve for the script."""
    low, high = scale.ylim
    floor, right, barred = TOP + HIGH, LEFT + WIDE, any(t.certified for t in tracks)
    parts = [f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="currentColor"/>']
    if scale.border is not None:
        parts.append(f'<path d="M{LEFT} {scale.y(scale.border)}H{right}" stroke="{GREY}"'
                     ' stroke-dasharray="5 3"/>')  # fmt: skip
    parts += [
        *(f'<text x="{LEFT - 5}" y="{scale.y(v) + 4}" text-anchor="end">{v:.3g}</text>'
          for v in (low, (low + high) / 2, high)),
        *(f'<text x="{scale.x(v)}" y="{floor + 15}" text-anchor="middle">{v:.3g}</text>'
          for v in scale.ticks),
        f'<text transform="translate(9 {TOP + HIGH / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(ylabel)}</text>",
    ]  # fmt: skip
    for i, track in enumerate(tracks):
        line = " ".join(
            f"{scale.x(float(u))},{scale.y(float(v))}"
            for u, v in zip(scale.stops, track.y, strict=True)
        )
        parts.append(f'<polyline points="{line}" fill="none" {_stroke(i)}/>')
        bar = floor + 24 + 9 * i
        if track.certified is not None:
            ends = [min(max(v, scale.stops[0]), scale.stops[-1]) for v in track.certified]
            parts.append(f'<path d="M{scale.x(ends[0])} {bar}H{scale.x(ends[1])}" '
                         f'stroke="{PALETTE[i]}" stroke-width="5"/>')  # fmt: skip
        parts.append(f'<circle r="5" fill="{PALETTE[i]}"/>')
    size = f"0 0 {right + 14} {floor + 24 + (9 * len(tracks) if barred else 0)}"
    return (
        f'<svg viewBox="{size}" aria-hidden="true" fill="currentColor" font-size="11" '
        f'style="flex:1 1 18rem;max-width:30rem;height:auto">{"".join(parts)}</svg>'
    )


def _stroke(i: int) -> str:
    """Return how curve number i is drawn: colour, width and dashes."""
    dashes = ""
    if LINES[i] != "-":  # matplotlib's dashes are in line widths
        dashes = ' stroke-dasharray="{}"'.format(" ".join(f"{2 * v:g}" for v in LINES[i][1]))
    return f'stroke="{PALETTE[i]}" stroke-width="2"{dashes}'


def _legend(tracks: Sequence[Track]) -> str:
    """Name the curves beside a piece of each; a missing certificate is said in words."""
    barred = any(track.certified is not None for track in tracks)
    items = []
    for i, track in enumerate(tracks):
        what = " (no certificate)" if barred else ""
        if track.certified is not None:
            what = " (bar: certified from {:.2g} to {:.2g})".format(*track.certified)
        piece = (
            '<svg width="28" height="8" viewBox="0 0 28 8" aria-hidden="true">'
            f'<path d="M0 4H28" {_stroke(i)}/></svg>'
        )
        items.append(f'<span class="ft-key">{piece} {escape(track.name)}{what}</span>')
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
@{face}
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
  const says = @{says}, texts = @{texts}, shares = @{shares}, heights = @{heights};
  const [range, face, out] = ["input", ".ft-face", "output"].map(s => live.querySelector(s));
  const dots = [...live.querySelectorAll("circle")];
  const go = () => {
    const i = Number(range.value);
    if (face) face.style.backgroundPosition = 100 * i / @{last} + "% 0";
    dots.forEach((dot, k) => {
      dot.setAttribute("cx", @{left} + @{wide} * shares[i]);
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
