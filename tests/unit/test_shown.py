"""What a chapter makes for the page gets there: a table that is only made shows nothing."""

from __future__ import annotations

import ast

import pytest
from jupytext import reads

from tools.common import chapters

RETURNED = {"table", "results_table"}
"""They hand back what they made, so a cell shows it as its last statement, or by ``display``."""


def lost(cell: str) -> list[int]:
    """Return the lines of a cell on which a table is made that nobody sees."""
    body = ast.parse(cell).body
    return [
        node.lineno
        for node in ast.walk(ast.Module(body, []))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and isinstance(node.value.func.value, ast.Name)
        and (node.value.func.value.id == "tables" or node.value.func.attr in RETURNED)
        and node is not body[-1]
    ]


@pytest.mark.parametrize(
    "cell, lines",
    [
        ("tables.table(a)\nsay('b')", [1]),
        ("if a:\n    tables.results_table(a)", [2]),
        ("x = 1\ntables.table(a)", []),
        ("display(tables.table(a))\nsay('b')", []),
        ("shown = tables.table(a)\nshown", []),
    ],
)
def test_a_lost_table_is_seen(cell: str, lines: list[int]) -> None:
    assert lost(cell) == lines


@pytest.mark.parametrize("source", chapters(), ids=lambda path: path.stem)
def test_no_cell_makes_a_table_that_nobody_sees(source) -> None:
    cells = reads(source.read_text(encoding="utf-8"), fmt="py:percent").cells
    code = ["\n".join(
        line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))
    ) for cell in cells if cell.cell_type == "code"]  # fmt: skip
    assert code and {cell: lost(cell) for cell in code if lost(cell)} == {}
