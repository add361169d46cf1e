"""The verdict boxes of an executed chapter, with the records that stand beside it.

A chapter shows its boxes before its own record is saved, so they speak of the records of before:
where outputs are committed, the parts that follow from records are written once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fairtut.page.box import renewed

_ID = re.compile(r'<section class="ft-box" id="ft-(?:box|learned)-([a-z-]+)"')


def _shown(notebook: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the data of every box, and the paper that it speaks of."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            found = _ID.match("".join(data.get("text/html", "")))
            if found:
                yield data, found[1].replace("-", "_")


def stale(notebook: Any) -> list[str]:
    """Return the papers whose boxes do not say what the committed records say."""
    return sorted(
        {
            paper
            for data, paper in _shown(notebook)
            for kind in ("text/html", "text/markdown")
            if renewed(paper, "".join(data[kind])) != "".join(data[kind])
        }
    )


def renew(notebook: Any) -> None:
    """Write every box as the committed records have it, in place."""
    for data, paper in _shown(notebook):
        for kind in ("text/html", "text/markdown"):
            data[kind] = renewed(paper, "".join(data[kind]))
