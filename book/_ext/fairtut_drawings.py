"""``{all-drawings}``: a link to one zip of every figure of the chapters as SVG, for slides.

The figures are those of the committed notebooks, as the pages show them by daylight, each beside a
text with its caption.  Pixels inside a figure are those of drawn faces.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from fairtut_front import pack_beside, zip_link
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ZIP = "fairtut-drawings.zip"
"""Name of the file, beside the page that links to it."""
INK = "#1f2933"
"""What ``currentColor`` is where no page gives one."""
_FIGURE = re.compile(
    r'<figure class="ft-figure" id="fig-(?P<name>[\w-]+)">(?P<body>.*?)</figure>', re.DOTALL
)
_SVG = re.compile(r"<svg (?P<head>[^>]*)>(?P<body>.*?)</svg>", re.DOTALL)
_CAPTION = re.compile(r"<figcaption[^>]*>(.*?)</figcaption>", re.DOTALL)


class AllDrawings(SphinxDirective):
    """``{all-drawings}``."""

    def run(self) -> list[nodes.Node]:
        """Return the link; the file is written when the build has ended."""
        return [zip_link(ZIP, "every figure of the chapters as SVG, with its caption, for slides.")]


def drawn(notebook: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each figure of an executed notebook: its name, its SVG and its caption.

    Parameters
    ----------
    notebook : dict
        The JSON of an ``.ipynb``.
    """
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/html", ""))
            for figure in _FIGURE.finditer(text):
                if found := _SVG.search(figure["body"]):
                    caption = _CAPTION.search(figure["body"])
                    yield figure["name"], alone(found), _plain(caption[1] if caption else "")


def alone(found: re.Match[str]) -> str:
    """Return an SVG that needs no page around it: its ink is a colour, its size its own."""
    head = re.sub(r'\s*style="[^"]*"', "", found["head"])
    body = found["body"].replace("currentColor", INK)
    head = head.replace("currentColor", INK)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<svg {head}>{body}</svg>\n'


def _plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


def collected(source: Path) -> dict[str, bytes]:
    """Return the files of the zip by name, in order: SVGs by chapter, and their captions."""
    found: dict[str, bytes] = {}
    for path in sorted((source / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        captions = []
        for name, svg, caption in drawn(json.loads(path.read_text(encoding="utf-8"))):
            found[f"{path.stem}/{name}.svg"] = svg.encode()
            captions.append(f"{name}.svg\n{caption}\n")
        found[f"{path.stem}/captions.txt"] = "\n".join(captions).encode()
    return found


def pack_drawings(app: Sphinx, error: Exception | None) -> None:
    """Write the zip beside its page, after a build that went well."""
    pack_beside(app, error, collected, ZIP)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("all-drawings", AllDrawings)
    app.connect("build-finished", pack_drawings)
    return {"version": "1", "parallel_read_safe": True}
