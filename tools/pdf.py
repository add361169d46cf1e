"""Print the built book into one PDF with an outline: ``make pdf``.

Each page is printed by a browser without a window, so that the file shows what the page shows; the
prints are joined in the order of the table of contents, and a link to another page of the book
leads to its place in the file.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

from tools import book
from tools.browser import headless, served, settle
from tools.common import BUILD, exit_with, shown

OUT = BUILD / "fairtut-book.pdf"
ROWS = frozenset({"book/scoreboard"})
"""Pages whose folded rows stay folded: two hundred pages of claims, which are a CSV as well."""
# What a reader of paper cannot unfold is unfolded, but for code: that is in the notebooks.
_UNFOLD = "document.querySelectorAll('details:not(.hide)').forEach(d => d.open = true)"


def printed(site: Path, pages: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    """Return each page's title and its print, by the page's name.

    Parameters
    ----------
    site : pathlib.Path
        The folder of ``index.html``, built with its own MathJax.
    pages : sequence of str
        Names without ``.html``, in the order of the book.
    """
    from selenium.webdriver.common.print_page_options import PrintOptions

    options = PrintOptions()
    options.background, options.scale = True, 0.8
    found = {}
    with (
        tempfile.TemporaryDirectory() as profile,
        served(site) as address,
        headless(Path(profile)) as driver,
    ):
        for page in pages:
            driver.get(f"{address}/{page}.html")
            settle(driver)
            driver.execute_script("document.documentElement.dataset.theme = 'light'")
            if page not in ROWS:
                driver.execute_script(_UNFOLD)
            title = driver.title.split(" — ")[0]
            found[f"{address}/{page}.html"] = title, base64.b64decode(driver.print_page(options))
    return found


def joined(prints: Mapping[str, tuple[str, bytes]]) -> Any:
    """Return one writer of all prints, with an outline, and links that stay inside.

    Parameters
    ----------
    prints : mapping of str to (str, bytes)
        For each page's address its title and its PDF.
    """
    from pypdf import PdfWriter

    writer, first = PdfWriter(), {}
    for address, (title, content) in prints.items():
        first[address] = len(writer.pages)
        writer.append(io.BytesIO(content), import_outline=False)
        writer.add_outline_item(title=title, page_number=first[address])
    for page in writer.pages:
        _turn_inside(writer, page, first)
    writer.compress_identical_objects()
    return writer


def _turn_inside(writer: Any, page: Any, first: Mapping[str, int]) -> None:
    """Let links to the book's own pages lead to their place, and drop those to no page of it."""
    from pypdf.generic import ArrayObject, NameObject

    hosts = {address.split("/", 3)[2] for address in first}
    kept = ArrayObject()
    for link in page.get("/Annots", ()):
        action = link.get_object().get("/A", {})
        target = urldefrag(str(action.get("/URI", ""))).url
        if target in first:
            place = writer.pages[first[target]].indirect_reference
            del link.get_object()["/A"]
            link.get_object()[NameObject("/Dest")] = ArrayObject([place, NameObject("/Fit")])
        elif any(f"://{host}/" in target for host in hosts):
            continue  # a download or a page of Sphinx's: there is none beside a file
        kept.append(link)
    if "/Annots" in page:
        page[NameObject("/Annots")] = kept


def main(argv: Sequence[str] | None = None) -> int:
    """Build the book from the committed outputs, print it and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tools.pdf", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args(argv).out
    html = book.site(BUILD / "print", offline=True)
    writer = joined(printed(html, book.pages()))
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    with part.open("wb") as file:
        writer.write(file)
    os.replace(part, out)
    print(f"{shown(out)}: {len(writer.pages)} pages, {out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    exit_with(main)
