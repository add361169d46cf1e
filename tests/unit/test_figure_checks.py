"""Text follows each figure of a chapter: on made-up notebooks, and what does not count as text."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.figure_checks import unread

PNG = new_output("display_data", {"image/png": "iVBO", "text/plain": "a figure"})
SVG = new_output("display_data", {"text/html": "<figure><svg></svg></figure>"})
TABLE = new_output("execute_result", {"text/html": "<table></table>", "text/markdown": "A b c d."})
SAID = new_output("display_data", {"text/markdown": "The bar has a length of 3.", "text/plain": ""})
TEXT = new_markdown_cell("The left bar is longer than the right one.")


def code(*outputs, tags=()):
    return new_code_cell("draw()", outputs=list(outputs), metadata={"tags": list(tags)})


def places(*parts):
    return unread(new_notebook(cells=list(parts)))


@pytest.mark.parametrize("picture", [PNG, SVG])
def test_a_figure_needs_text_after_it(picture):
    assert places(TEXT, code(picture)) == [1]
    assert places(code(picture), TEXT) == []
    assert places(code(picture), code(), TEXT) == []


@pytest.mark.parametrize(
    "between",
    [
        "## A heading of four words.",
        "## A heading\n\nThe left bar is longer than the right one.",
        "(label)=\n## A heading\nand text in its line.",
        "```{exercise}\nWhy is the left bar longer?\n```",
        "```{solution-start} bars\n```",
        "| a | table | of | words |\n|---|---|---|---|",
        "$$a + b + c = d.$$",
        "<div>Why is the left bar longer?</div>",
        "Bars.",
        "",
    ],
)
def test_what_is_no_running_text_does_not_count(between):
    assert places(code(PNG), new_markdown_cell(between), code(PNG), TEXT) == [0]


def test_the_text_stands_before_the_next_figure():
    assert places(code(PNG), code(PNG), TEXT) == [0]
    assert places(code(PNG), TEXT, code(PNG), TEXT) == []
    assert places(code(PNG, PNG), TEXT) == []  # a row of figures is read together


def test_a_computed_sentence_is_text_and_a_table_is_none():
    assert places(code(PNG, SAID)) == []
    assert places(code(PNG), code(SAID)) == []
    assert places(code(SAID, PNG)) == [0]
    assert places(code(PNG), code(TABLE)) == [0]


def test_what_must_be_unfolded_neither_asks_for_text_nor_is_it():
    assert places(code(PNG, tags=["hide-cell"])) == []
    assert places(code(PNG), code(SAID, tags=["hide-cell"])) == [0]
    assert places(code(PNG, tags=["hide-input"])) == [0]
