"""The rhythm of the chapters: what each has is at least what it had, on the way to the bars.

``python -m tools.rhythm`` prints the counts, with ``--raise`` it writes them into ``rhythm.json``
where they have become better.  A value there is never made worse by hand.
"""

from __future__ import annotations

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import cells, rhythm
from tools.common import chapters

HELD = json.loads(rhythm.FILE.read_text(encoding="utf-8"))
SOURCES = [pytest.param(source, id=source.stem) for source in chapters()]


@pytest.mark.parametrize("source", SOURCES)
def test_a_chapter_has_what_it_had(source):
    now = rhythm.count(source)
    lost = {
        name: (value, now[name])
        for name, value in HELD[source.stem].items()
        if rhythm.better(name, now[name], value) != rhythm.better(name, now[name], now[name])
    }
    assert lost == {}, "was, is"


def test_every_chapter_is_held_to_every_bar_and_to_no_more():
    assert list(HELD) == [source.stem for source in chapters()]
    for stem, held in HELD.items():
        assert list(held) == list(rhythm.BARS), stem
        for name, value in held.items():
            assert value >= rhythm.BARS[name] if name in rhythm.MOST else value <= rhythm.BARS[name]


@pytest.fixture
def toy(tmp_path):
    """Return a chapter with one of each, as a file."""
    text = """# A toy

One two `code` three $x$.

:::{exercise} code, break it
:label: toy-exercise-1

Four.
:::
"""
    code = [
        "from fairtut.chapters.toy import mechanisms\nshow(mechanisms.players())",
        "from fairtut.chapters.toy.mechanisms import walk\nshow(walk())\nshow(walk())",
        "%matplotlib inline\nbox('toy')\nquiz([Check('?'), quiz.Check('?')], name='a')\ncurves(1)",
    ]
    notebook = new_notebook(
        cells=[new_markdown_cell(text), new_markdown_cell("five"), *map(new_code_cell, code),
               new_markdown_cell("### Exercise 2 (check)"), new_markdown_cell("## End"),
               new_code_cell("drawings.curves(2)")]
    )  # fmt: skip
    file = tmp_path / "09_toy.ipynb"
    file.write_text(cells.dumps(notebook), encoding="utf-8")
    return file


def test_the_counts_by_hand(toy):
    assert rhythm.count(toy) == {
        "words": 10, "markdown per code cell": 1.0, "mechanisms": 2, "checks": 2, "exercises": 2,
        "solved exercises": 1, "levels of exercises": 2, "exercises that break a line": 1,
        "interactive": 1, "boxes": 1, "open code": 1.0, "unread figures": 0,
        "figures with small letters": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "other", "kept"),
    [("words", 3000, 2000, 3000), ("words", 9000, 2000, 3500), ("words", 1000, 2000, 2000),
     ("unread figures", 4, 2, 2), ("unread figures", 0, 3, 0)],
)  # fmt: skip
def test_the_better_value_is_kept(name, value, other, kept):
    assert rhythm.better(name, value, other) == kept


def test_a_loss_is_seen(toy, monkeypatch):
    monkeypatch.setattr(rhythm, "chapters", lambda: [toy])
    held = rhythm.raised({"09_toy": {"checks": 4, "words": 2}})
    assert held["09_toy"]["checks"] == 4 and held["09_toy"]["words"] == 10


def test_code_that_is_shown_is_found_again(tmp_path):
    shown = "def f(x: int) -> int:\n    # add\n    return x + 1\n"
    file = shown.replace("# add", '"""Docs."""') + "def g() -> None:\n    pass\n"
    (tmp_path / "a.py").write_text(file)
    cell = new_code_cell(outputs=[new_output("display_data", {"text/plain": shown})])
    notebook = new_notebook(cells=[cell])
    # two lines of f, two of g and one between them
    assert rhythm.shown_share(notebook, tmp_path) == pytest.approx(2 / 5)


def test_the_smallest_letters_at_the_width_of_a_column():
    index = '<tspan font-size="12px">x</tspan><tspan font-size="8px">i</tspan>'
    texts = f'<text font-size="9px">a</text><text>{index}</text>'
    html = f'<svg viewBox="0 0 1" width="1350">{texts}</svg>'
    cell = new_code_cell(outputs=[new_output("display_data", {"text/html": html})])
    assert rhythm.letters(new_notebook(cells=[cell])) == [pytest.approx(9 * 4 / 3 / 2)]


def test_code_stands_open_unless_a_tag_folds_it():
    folded = new_code_cell("a\nb\nc", metadata={"tags": ["hide-input"]})
    shown = new_code_cell("d", metadata={"tags": ["parameters"]})
    assert rhythm.open_share(new_notebook(cells=[folded, shown])) == pytest.approx(1 / 4)
