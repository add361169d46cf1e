"""What a chapter writes out in plain lines, taken from its cells: it stands nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def written(stem: str, *names: str, old: str = "", new: str = "", **space: Any) -> dict[str, Any]:
    """Return a namespace with functions, classes and constants of a chapter.

    Parameters
    ----------
    stem : str
        The chapter's file, such as ``"01_frtrain"``.
    *names : str
        What to take: their first definitions, in the order in which they are needed.
    old, new : str
        A piece of their text, which stands there once, and what to put in its place.
    **space
        What the code expects to be imported.
    """
    source = (NOTEBOOKS / f"{stem}.py").read_text(encoding="utf-8")
    tree = ast.parse(re.sub(r"(?m)^[%!].*$", "", source))
    first: dict[str, ast.stmt] = {}
    for node in tree.body:  # an exercise may put something else under a name
        first.setdefault(_name(node), node)
    found = [first[name] for name in names]
    text = "\n\n".join(ast.get_source_segment(source, node) or "" for node in found)
    assert not old or text.count(old) == 1, old
    exec(compile(text.replace(old, new) if old else text, f"{stem}, plain", "exec"), space)
    return space


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return ""
