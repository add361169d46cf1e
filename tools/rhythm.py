"""Count what a chapter has of words, drawings, checks and exercises: ``python -m tools.rhythm``.

It prints a table with the bars that every chapter is to reach.  ``--raise`` writes what is reached
today into the file that the tests hold chapters to; a value there only ever gets better.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fairtut.evidence.claims import chapter_id
from fairtut.page.tables import aligned
from fairtut.runtime.code import stripped
from tools import cells, figure_checks
from tools.common import ROOT, chapters, exit_with, write_atomically

FILE: Final = ROOT / "tests" / "book" / "rhythm.json"
CHAPTERS: Final = ROOT / "fairtut" / "chapters"
BARS: Final[Mapping[str, float]] = {
    "words": 3500,
    "markdown per code cell": 1.2,
    "mechanisms": 3,
    "checks": 5,
    "exercises": 5,
    "solved exercises": 5,
    "levels of exercises": 3,
    "exercises that break a line": 1,
    "interactive": 2,
    "boxes": 2,
    "open code": 0.15,
    "unread figures": 0,
    "figures with small letters": 0,
}
"""What every chapter is to reach; the last two are at most so many, the others at least."""
COLUMN: Final = 675
"""Pixels that a figure gets where the page is 1,280 pixels wide."""
SMALL: Final = 9.0
MOST: Final = frozenset({"unread figures", "figures with small letters"})

_FENCE: Final = re.compile(r"^(`{3,})[^\n]*\n.*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_MARKS: Final = re.compile(
    r"\$\$.*?\$\$|\$[^$\n]*\$|`[^`\n]*`|\]\([^)]*\)|^:{3,}[^\n]*$|^:\w+:[^\n]*$",
    re.MULTILINE | re.DOTALL,
)
_EXERCISE: Final = re.compile(r"^#+ Exercise \d+[^\n]*|^[`:]{3,}\{exercise\}[^\n]*", re.MULTILINE)
_LEVEL: Final = re.compile(r"\b(check|code|research)\b")
_OWNER: Final = re.compile(r"^(?:slider|quiz|box)\.")
_WORD: Final = re.compile(r"[A-Za-zÀ-ž][\w’'-]*")


def words(markdown: str) -> int:
    """Return how many words a piece of Markdown has: no code, no formulas, no addresses.

    >>> words("The **gap** of `f` is $x_1$, see [chapter 2](../notebooks/02.ipynb).")
    6
    """
    return len(_WORD.findall(_MARKS.sub(" ", _FENCE.sub("", markdown))))


def calls(sources: Sequence[str]) -> tuple[dict[str, int], set[str]]:
    """Return how often each name is called, and what is used of a module of mechanisms."""
    found: dict[str, int] = {}
    drawn: set[str] = set()
    imported: set[str] = set()
    for source in sources:
        tree = ast.parse(_plain(source))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".mechanisms"):
                imported |= {alias.asname or alias.name for alias in node.names}
            if not isinstance(node, ast.Call):
                continue
            name = _OWNER.sub("", ast.unparse(node.func))
            found[name] = found.get(name, 0) + 1
            if name.startswith("mechanisms.") or name in imported:
                drawn.add(name.removeprefix("mechanisms."))
    return found, drawn


def exercises(notebook: cells.Notebook) -> dict[str, float]:
    """Return how many exercises there are, have a solution below them, and at how many levels.

    An exercise is a heading or a directive; its solution is code before the next of either.
    """
    titles: list[str] = []
    solved: set[int] = set()
    for cell in notebook.cells:
        if cell.cell_type == "code" and titles and titles[-1]:
            solved.add(len(titles))
        elif cell.cell_type == "markdown":
            found = _EXERCISE.findall(cell.source)
            ended = not found and re.search(r"^#", cell.source, re.MULTILINE)
            titles += found or ([""] if ended else [])
    kept = [title.lower() for title in titles if title]
    return {
        "exercises": len(kept),
        "solved exercises": len(solved),
        "levels of exercises": len({level for title in kept for level in _LEVEL.findall(title)}),
        "exercises that break a line": sum("break" in title for title in kept),
    }


def open_share(notebook: cells.Notebook) -> float:
    """Return the share of the lines of code that stand on the page without a click."""
    lines = {True: 0, False: 0}
    for cell in cells.code_cells(notebook):
        folded = any(tag.startswith(("hide", "remove")) for tag in cells.tags(cell))
        lines[folded] += len(cell.source.split("\n"))
    return lines[False] / max(sum(lines.values()), 1)


def _plain(source: str) -> str:
    """Leave out lines that only IPython reads."""
    return "\n".join(
        line for line in source.split("\n") if not line.lstrip().startswith(("%", "!"))
    )


def count(source: Path) -> dict[str, float]:
    """Return what a chapter has, under the names of :data:`BARS`.

    Parameters
    ----------
    source : pathlib.Path
        Its ``.py``; figures are counted in the ``.ipynb`` beside it.
    """
    notebook, executed = cells.read(source), cells.read(source.with_suffix(".ipynb"))
    texts = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    called, drawn = calls(code)
    return {
        "words": sum(map(words, texts)),
        "markdown per code cell": round(len(texts) / max(len(code), 1), 2),
        "mechanisms": len(drawn),
        "checks": called.get("Check", 0),
        **exercises(notebook),
        "interactive": called.get("slide", 0) + called.get("curves", 0),
        "boxes": called.get("box", 0) + called.get("learned", 0),
        "open code": round(open_share(notebook), 2),
        "unread figures": len(figure_checks.unread(executed)),
        "figures with small letters": sum(size < SMALL for size in letters(executed)),
    }


def told(source: Path) -> dict[str, float]:
    """Return what is printed beside the bars: how much of the experiment's package is shown."""
    notebook = cells.read(source.with_suffix(".ipynb"))
    shown = shown_share(notebook, CHAPTERS / chapter_id(source.stem))
    return {"experiment shown": round(shown, 2)}


def outputs(notebook: cells.Notebook, kind: str) -> list[str]:
    """Return the outputs of one MIME type, in order."""
    data = [o.get("data", {}) for c in notebook.cells for o in c.get("outputs", [])]
    return ["".join(one[kind]) for one in data if kind in one]


def shown_share(notebook: cells.Notebook, package: Path) -> float:
    """Return the share of a package's lines, docstrings left out, whose functions are shown."""
    seen = {_bare(text) for text in outputs(notebook, "text/plain")} - {""}
    whole = shown = 0
    for path in sorted(package.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole += len(_bare(path.read_text(encoding="utf-8")).split("\n"))
        for node in tree.body:
            text = _bare(ast.unparse(node))
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and text in seen:
                shown += len(text.split("\n"))
    return shown / max(whole, 1)


def _bare(text: str) -> str:
    """Return code in one form, without docstrings and comments; nothing for what is no code."""
    try:
        return ast.unparse(stripped(ast.parse(text)))
    except (SyntaxError, ValueError):
        return ""


def letters(notebook: cells.Notebook) -> list[float]:
    """Return the pixels of each figure's smallest text in a column of :data:`COLUMN` pixels."""
    found = []
    for html in outputs(notebook, "text/html"):
        drawn = re.search(r'<svg[^>]* width="(\d+)".*?</svg>', html, re.DOTALL)
        texts = re.findall(r"<text.*?</text>", drawn[0], re.DOTALL) if drawn else []
        sizes = [re.findall(r'font-size="([\d.]+)', text) for text in texts]
        largest = [max(map(float, one)) for one in sizes if one]  # an index is smaller
        if drawn and largest:
            found.append(min(largest) * 4 / 3 * min(1.0, COLUMN / float(drawn[1])))
    return found


def better(name: str, value: float, other: float) -> float:
    """Return the better of two values, no better than the bar."""
    if name in MOST:
        return max(min(value, other), BARS[name])
    return min(max(value, other), BARS[name])


def raised(kept: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return what each chapter is held to: what it was, or has today where that is better."""
    found: dict[str, dict[str, float]] = {}
    for source in chapters():
        now, before = count(source), kept.get(source.stem, {})
        found[source.stem] = {
            name: better(name, value, before.get(name, value)) for name, value in now.items()
        }
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; write the file where asked."""
    parser = argparse.ArgumentParser(prog="python -m tools.rhythm", description=__doc__)
    parser.add_argument("--raise", dest="raising", action="store_true")
    args = parser.parse_args(argv)
    bars = {**BARS, "experiment shown": 0.15}
    found = [count(source) | told(source) for source in chapters()]
    rows = [[name, f"{bar:g}", *(f"{one[name]:g}" for one in found)] for name, bar in bars.items()]
    print(aligned(["", "bar", *(source.stem for source in chapters())], rows))
    if args.raising:
        kept: dict[str, Any] = {}
        if FILE.is_file():
            kept = json.loads(FILE.read_text(encoding="utf-8"))
        write_atomically(FILE, json.dumps(raised(kept), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    exit_with(main)
