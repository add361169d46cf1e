"""Write the README's table of chapters: ``python -m tools.front`` after records have changed.

The table stands between two comments; the rest of the README is written by hand.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fairtut.page import front
from tools import repo
from tools.common import ROOT, ToolError, exit_with, write_atomically

README: Final = ROOT / "README.md"
OPEN: Final = "<!-- chapters: written by `python -m tools.front` -->"
CLOSE: Final = "<!-- /chapters -->"


def block() -> str:
    """Return what belongs between the comments."""
    return front.readme(repo.slug(repo.address()))


def placed(text: str, table: str) -> str:
    """Return a README with `table` between its comments.

    Raises
    ------
    ToolError
        If the comments do not stand there once.
    """
    pattern = re.compile(f"{re.escape(OPEN)}\n.*?{re.escape(CLOSE)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ToolError(f"the README needs {OPEN!r} and {CLOSE!r} once, each on its line")
    return pattern.sub(lambda _: f"{OPEN}\n\n{table}\n\n{CLOSE}", text)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table, or say that it is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tools.front", description=__doc__)
    parser.parse_args(argv)
    return write(README, block())


def write(path: Path, table: str) -> int:
    """Write a table into a README if it is not there already, and say which."""
    text = path.read_text(encoding="utf-8")
    new = placed(text, table)
    if new != text:
        write_atomically(path, new)
    print(f"{path.name}: {'as it was' if new == text else 'written'}")
    return 0


if __name__ == "__main__":
    exit_with(main)
