"""A figure to take along: links that save it as SVG and as PNG, without a server."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Final

from fairtut.page.figures import svg
from fairtut.page.markup import Bundle, escape, named, present

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 110


def download(fig: Figure, *, name: str, alt: str, title: str) -> Bundle | None:
    """Display two links that save a figure, and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    name : str
        Of the files, lower-case words joined by hyphens.
    alt, title : str
        What the drawing shows, and its heading; both go into the SVG.

    Returns
    -------
    Bundle or None
        ``None`` inside a Jupyter kernel, where it is displayed at once.

    Raises
    ------
    fairtut.errors.InputError
        If the name is malformed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> print(download(Figure(), name="a-slide", alt="Nothing.", title="A slide"))
    A slide: a-slide.svg, a-slide.png
    """
    import matplotlib.pyplot as plt

    named(name)
    try:
        # black on white wherever it is opened: on a page of its own there is no theme
        drawn = svg(fig, name=name, alt=alt, title=title).replace(
            "<svg ", '<svg color="#1f2733" ', 1
        )
        buffer = io.BytesIO()
        fig.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    finally:
        plt.close(fig)
    files = {
        f"{name}.svg": ("image/svg+xml", drawn.encode()),
        f"{name}.png": ("image/png", buffer.getvalue()),
    }
    links = " · ".join(
        f'<a download="{file}" href="data:{kind};base64,{base64.b64encode(data).decode("ascii")}">'
        f"{file}</a>"
        for file, (kind, data) in files.items()
    )
    text = f"{title}: {', '.join(files)}"
    page = f'<p class="ft-download">{escape(title)}: {links}</p>'
    return present(Bundle({"text/html": page, "text/plain": text}))
