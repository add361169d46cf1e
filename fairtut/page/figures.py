"""Figures on the page: inline SVG that follows the reader's theme, with caption and alt text.

:func:`show` turns a matplotlib figure into one output with three readers in mind:

* a program that runs our HTML (the book, JupyterLab, Colab, nbviewer) shows inline SVG whose ink is
  ``currentColor``, so that it is legible on a light and on a dark page;
* a program that removes SVG and ``<style>`` from HTML that it does not trust (GitHub's preview, an
  untrusted notebook in JupyterLab) keeps the plain ``<img>`` that stands behind the SVG: the SVG
  sits in an element that is ``hidden`` unless the style inside the SVG itself is alive, and the
  same style hides the picture;
* a program that reads no HTML (PDF, e-mail) takes the ``image/png``.

Output is deterministic, byte for byte, so that a committed notebook changes only where the figure
does.
"""

from __future__ import annotations

import base64
import io
import math
import re
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from fairtut.errors import InputError
from fairtut.page.markup import Bundle, escape, inline, named, plain, present

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK: Final = "#1f2733"
"""The colour of text and axes while drawing; in the SVG it becomes ``currentColor``."""

POINT_CAP: Final = 3000
"""A scatter, mesh or marked line with more elements than this becomes a picture in the SVG."""

LEAST: Final = 7.0
"""Pixels of the smallest text, however narrow the page."""

NARROW: Final = 340
"""Pixels that a figure gets where the page is 390 pixels wide."""

PNG_DPI: Final = 72
_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "{http://www.w3.org/1999/xlink}href"
_FONT: Final = "DejaVu Sans, Verdana, Geneva, sans-serif"
_NOTES: Final = "_fairtut_notes"


def show(fig: Figure, *, caption: str, alt: str, name: str) -> Bundle | None:
    """Display a figure with its caption, and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        What to show.
    caption : str
        What the figure shows and what to see in it; inline Markdown and ``$mathematics$``.
        The notes that the plotting functions left (see :func:`note`) are appended.
    alt : str
        What a reader who cannot see it needs to know.
    name : str
        Lower-case words joined by hyphens, unique in the chapter; ids start with it.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If the caption or the alt text is empty, or the name is malformed.

    Examples
    --------
    >>> from fairtut.page.figures import show
    >>> from fairtut.page.style import axes
    >>> fig, _ = axes("A title")
    >>> show(fig, caption="Empty axes.", alt="Empty axes.", name="empty")
    [figure empty: Empty axes.]
    """
    import matplotlib.pyplot as plt

    for what, text in (("caption", caption), ("alt", alt)):
        if not text.strip():
            raise InputError(f"figure {name!r} has no {what}: pass {what}=... with a sentence")
    named(name)
    caption = " ".join([caption.strip(), *getattr(fig, _NOTES, [])])
    try:
        picture = png(fig)
        drawing = svg(fig, name=name, alt=alt, title=plain(caption).split(". ")[0])
    finally:
        plt.close(fig)
    data = {
        "text/html": _html(drawing, picture, caption, alt, name),
        "image/png": picture,
        "text/plain": f"[figure {name}: {plain(caption)}]",
    }
    return present(Bundle(data))


def note(fig: Figure, text: str) -> None:
    """Leave a sentence that :func:`show` appends to the caption, such as what a band means.

    Examples
    --------
    >>> from fairtut.page.figures import note
    >>> from fairtut.page.style import axes
    >>> fig, _ = axes("A title")
    >>> note(fig, "Bars are intervals.")
    """
    notes: list[str] = getattr(fig, _NOTES, [])
    if text not in notes:
        setattr(fig, _NOTES, [*notes, text])


def svg(fig: Figure, *, name: str, alt: str, title: str) -> str:
    """Return the figure as an ``<svg>`` element that can stand in a page with others.

    Ink is ``currentColor``, the background is transparent, every id starts with ``name``, no style
    reaches beyond the element, and it shrinks with the page.

    Examples
    --------
    >>> from fairtut.page.figures import svg
    >>> from fairtut.page.style import axes
    >>> fig, _ = axes("A title")
    >>> svg(fig, name="empty", alt="Empty axes.", title="Empty")[:4]
    '<svg'
    """
    import matplotlib as mpl

    _rasterise(fig)
    buffer = io.StringIO()
    with mpl.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": name, "savefig.pad_inches": 0.05,
         "path.simplify_threshold": 0.5}
    ):  # fmt: skip
        fig.savefig(
            buffer,
            format="svg",
            transparent=True,
            bbox_inches="tight",
            dpi=150,  # of rasterised parts
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    root = ElementTree.fromstring(buffer.getvalue())
    _drop(root, {"metadata", "style"})
    _restyle(root)
    _rename(root, name)
    _slim(root)
    width = float(root.get("viewBox", "0 0 480 0").split()[2]) * 4 / 3  # points to CSS pixels
    for key in ("height", "version"):
        root.attrib.pop(key, None)
    root.attrib.update(
        {
            "width": f"{width:.0f}",
            "style": f"max-width:100%;height:auto;min-width:{_least_width(root, width)}px",
            "fill": "currentColor",  # matplotlib writes no fill for black
            "font-family": _FONT,
            "stroke-linejoin": "round",
            "role": "img",
            "aria-label": alt,
        }
    )
    head = ElementTree.Element(f"{{{_SVG}}}title")
    head.text = title
    root.insert(0, head)
    ElementTree.register_namespace("", _SVG)
    return re.sub(r">\s+<", "><", ElementTree.tostring(root, encoding="unicode"))


def png(fig: Figure) -> str:
    """Return a small PNG on white, in base64: at most 32 colours, no metadata.

    Examples
    --------
    >>> from fairtut.page.figures import png
    >>> from fairtut.page.style import axes
    >>> png(axes("A title")[0])[:10]
    'iVBORw0KGg'
    """
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=PNG_DPI, facecolor="white", bbox_inches="tight")
    return _quantised(buffer.getvalue(), "RGB")


def _quantised(data: bytes, mode: str) -> str:
    """Return a PNG with 32 colours (and degrees of transparency in mode RGBA), in base64."""
    from PIL import Image

    image = Image.open(io.BytesIO(data)).convert(mode)
    method = Image.Quantize.FASTOCTREE if mode == "RGBA" else Image.Quantize.MEDIANCUT
    small = io.BytesIO()
    image.quantize(32, method=method, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode("ascii")


def _shrunk(href: str) -> str:
    """Quantise the picture of a rasterised part; other references stay as they are."""
    kind = "data:image/png;base64,"
    if not href.startswith(kind):
        return href
    return kind + _quantised(base64.b64decode(href.removeprefix(kind)), "RGBA")


def _html(drawing: str, picture: str, caption: str, alt: str, name: str) -> str:
    """Join the parts; see the module's docstring for why the picture stands behind the drawing."""
    live, still = f"ft-{name}-live", f"ft-{name}-still"
    style = f"#{live}{{display:block!important}}#{still}{{display:none!important}}"
    drawing = drawing.replace("</title>", f"</title><style>{style}</style>", 1)
    least, moved = re.search(r"min-width:(\d+)px", drawing), ""
    if least is not None and int(least[1]) > NARROW:
        # a wide drawing keeps its letters legible on a phone, and is moved sideways there instead
        says = escape(plain(caption).split(". ")[0])
        moved = f' tabindex="0" role="group" aria-label="{says}" style="overflow-x:auto"'
    return (
        f'<figure class="ft-figure" id="fig-{name}">\n'
        f'<div id="{live}" hidden="hidden"{moved}>{drawing}</div>\n'
        f'<img id="{still}" alt="{escape(alt)}" src="data:image/png;base64,{picture}">\n'
        f"<figcaption>{inline(caption)}</figcaption>\n"
        "</figure>"
    )


def _rasterise(fig: Figure) -> None:
    """Mark what has too many elements for SVG: together they count, and small ones stay sharp."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D

    def size(artist: Any) -> int:
        if isinstance(artist, Line2D):
            marked = artist.get_marker() not in (None, "", " ", "None", "none")
            return len(artist.get_xdata()) if marked else 0  # type: ignore[arg-type]
        values = artist.get_array()
        mesh = 0 if values is None else values.size
        return max(len(artist.get_offsets()), mesh, len(artist.get_paths()))

    artists = fig.findobj(lambda a: isinstance(a, Collection | Line2D))
    sizes = [size(artist) for artist in artists]
    if sum(sizes) <= POINT_CAP:
        return
    for artist, count in zip(artists, sizes, strict=True):
        if count > POINT_CAP / 20:
            artist.set_rasterized(True)


def _drop(root: ElementTree.Element, tags: set[str]) -> None:
    """Remove elements: ``<style>`` would restyle the whole page that holds the SVG."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in tags:
                parent.remove(child)


def _restyle(root: ElementTree.Element) -> None:
    """Turn styles into attributes, ink into ``currentColor``, and drop what says nothing."""
    for element in root.iter():
        for declaration in element.attrib.pop("style", "").split(";"):
            key, _, value = (part.strip() for part in declaration.partition(":"))
            if not key or (key == "font-family" and "DejaVu Sans Mono" not in value):
                continue
            if value.lower() in (INK, "#000000") and key in ("fill", "stroke"):
                value = "currentColor"
            element.set(key, value)
        if "d" in element.attrib:
            element.set("d", _shorten(element.attrib["d"]))
        turn = element.get("transform", "")
        if turn.startswith(("rotate(-0 ", "rotate(0 ")):
            del element.attrib["transform"]
        for key in ("x", "y"):
            if key in element.attrib:
                element.set(key, _shorten(element.attrib[key]))


def _shorten(numbers: str) -> str:
    """Keep two decimals (a hundredth of a point) and single spaces."""

    def two(match: re.Match[str]) -> str:
        return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")

    return " ".join(re.sub(r"-?\d+\.\d+(e-?\d+)?", two, numbers).split())


def _least_width(root: ElementTree.Element, width: float) -> int:
    """Return the width below which the smallest text would have fewer than ``LEAST`` pixels.

    Parameters
    ----------
    root : Element
        A drawing after :func:`_restyle`.
    width : float
        Of the whole drawing, in pixels.
    """
    sizes = []
    for text in root.iter(f"{{{_SVG}}}text"):
        parts = [text, *text.iter(f"{{{_SVG}}}tspan")]  # an index may be smaller than its letter
        found = [float(part.get("font-size", "0").removesuffix("px")) for part in parts]
        sizes += [max(found)] if max(found) else []
    return math.ceil(width * min(1.0, LEAST / (min(sizes) * 4 / 3))) if sizes else 0


def _slim(element: ElementTree.Element, fill: str = "currentColor") -> None:
    """Drop groups that say nothing, and a fill that is inherited anyway (``fill``).

    What stands in ``<defs>`` inherits from where it is used, and stays as it is.
    """
    if element.tag == f"{{{_SVG}}}defs":
        return
    if element.get("fill") == fill:
        del element.attrib["fill"]
    fill = element.get("fill", fill)
    for child in list(element):
        _slim(child, fill)
        if child.tag == f"{{{_SVG}}}g" and not child.attrib:
            place = list(element).index(child)
            element.remove(child)
            element[place:place] = list(child)


def _rename(root: ElementTree.Element, name: str) -> None:
    """Keep only the ids that something points at, and start them with ``name``."""
    pointer = re.compile(r"#([\w.-]+)")
    used: dict[str, str] = {}  # short ids, in the order of their first use
    for element in root.iter():
        if _XLINK in element.attrib:
            element.set("href", _shrunk(element.attrib.pop(_XLINK)))
        for key, value in element.attrib.items():
            if (key == "href" and value.startswith("#")) or value.startswith("url(#"):
                for identifier in pointer.findall(value):
                    used.setdefault(identifier, f"{name}-{len(used)}")
                element.set(key, pointer.sub(lambda found: f"#{used[found[1]]}", value))
    for element in root.iter():
        identifier = element.attrib.pop("id", "")
        if identifier in used:
            element.set("id", used[identifier])
