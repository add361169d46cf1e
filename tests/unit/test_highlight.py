"""Highlighted words: numbers for everybody, colour as a help, legible on both pages."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from fairtut.errors import InputError
from fairtut.page.words import AWAY, DEEPEST, TOWARDS, Word, highlight, opacity, signed

WORDS = [Word("<b>", 0.5), Word("mosque", -1.0), Word("[masked]", 0.001, added=True)]
PAGES = {"light": ((31, 39, 51), (255, 255, 255)), "dark": ((221, 227, 234), (18, 18, 18))}


def made() -> str:
    bundle = highlight({"as deployed": WORDS}, caption="Two *words*.", name="demo")
    assert bundle is not None
    return str(bundle.data["text/html"])


class Reader(HTMLParser):
    """Collects what a program that reads the page aloud would find."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "tags are nested"

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells.append(data)


def test_every_word_and_number_stands_in_the_table_too() -> None:
    reader = Reader()
    reader.feed(made())
    assert reader.open == []
    assert reader.cells[:4] == ["Word", "Part", "Contribution", "Means"]
    assert reader.cells[4:] == [
        "<b>", "text", "+0.50", "towards toxic", "mosque", "text", "−1.00", "towards harmless",
        "[masked]", "trigger", "0.00", "neither",
    ]  # fmt: skip


def test_meaning_does_not_hang_on_colour() -> None:
    spans = re.findall(r"<span style=\"(.*?)\".*?</small>", made(), flags=re.S)
    assert ["solid" in s for s in spans] == [True, False, False]
    assert ["dotted" in s for s in spans] == [False, True, False]
    assert ["dashed" in s for s in spans] == [False, False, True]
    assert "&lt;b&gt;" in made() and "<b>" not in made()
    for need in ("<caption>", 'scope="col"', 'scope="row"', "<details", "<figcaption>"):
        assert need in made()
    assert "<style" not in made() and "<script" not in made()


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of WCAG 2, from 8-bit channels."""
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in colour
    ]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", [TOWARDS, AWAY])
def test_ink_keeps_its_contrast_on_the_deepest_background(
    page: str, colour: tuple[int, int, int]
) -> None:
    ink, paper = PAGES[page]
    behind = tuple(DEEPEST * c + (1 - DEEPEST) * p for c, p in zip(colour, paper, strict=True))
    a, b = sorted((luminance(ink), luminance(behind)))
    assert (b + 0.05) / (a + 0.05) >= 4.5


def test_strength_follows_the_size() -> None:
    assert opacity(0.0, 2.0) == 0 and opacity(-2.0, 2.0) == DEEPEST
    assert opacity(0.5, 2.0) == pytest.approx(DEEPEST / 4)
    assert signed(-0.004) == "0.00" and signed(-0.125) in ("−0.12", "−0.13")


def test_plain_text_names_the_trigger() -> None:
    bundle = highlight({"as deployed": WORDS}, caption="Two *words*.", name="demo")
    assert bundle is not None
    assert str(bundle) == ("as deployed: <b> (+0.50) mosque (−1.00) <[masked]> (0.00)\nTwo words.")


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ({}, {}, "has no words"),
        ({"a": []}, {}, "has no words"),
        ({"a": [Word("x", float("nan"))]}, {}, "not a finite number"),
        ({"a": [Word("x", 1.0)]}, {"caption": " "}, "give a caption"),
        ({"a": [Word("x", 1.0)]}, {"name": "A b"}, "lower-case words"),
    ],
)
def test_bad_input_is_named(rows: dict, options: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        highlight(rows, **{"caption": "c", "name": "n", **options})
