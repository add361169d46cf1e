"""The front: cards, the README's table and citations say what claims and records say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest

from fairtut.errors import UnknownName
from fairtut.page import cards, front, results
from tools import front as tool
from tools.common import ROOT, ToolError

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def found() -> list[front.Front]:
    return front.chapters()


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    assert plt.get_fignums() == []


def test_the_readme_is_as_the_records_say() -> None:
    """If this fails: ``python -m tools.front``."""
    text = tool.README.read_text(encoding="utf-8")
    assert tool.placed(text, tool.block()) == text


def test_every_chapter_is_there_with_its_headlines_counted(found: list[front.Front]) -> None:
    papers = list(results.papers().values())
    assert [one.stem for one in found] == [paper.chapter for paper in papers]
    for one, paper in zip(found, papers, strict=True):
        assert sum(one.headlines.values()) == len(paper.messages)
        assert one.title == f"{one.number} · {one.words.name}"
        assert one.stem.startswith(f"{one.number:02d}_")
        assert "minutes on drawn data" in one.minutes


def test_a_chapter_has_the_number_of_its_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paper may come behind the comparison, which is no paper's."""
    late = replace(results.papers()["frtrain"], chapter="08_frtrain")
    monkeypatch.setattr(front.results, "papers", lambda: {"frtrain": late})
    assert [one.number for one in front.chapters()] == [8]


def test_no_verdict_of_a_patched_test_is_kept() -> None:
    """The test above judged a paper under another name; whatever ran before, nobody sees that."""
    kept = front.box.stands("frtrain").paper.chapter
    assert kept == results.papers()["frtrain"].chapter


def test_every_word_has_a_dot_and_is_written_beside_it() -> None:
    assert sorted(front.DOTS) == sorted(results.VERDICTS)
    assert front.dots(Counter({"partly": 2})) == "◐◐ 2 partly"
    assert front.dots({}) == ""


def test_the_table_is_placed_between_its_comments_and_only_there(tmp_path: Path) -> None:
    text = f"a\n{tool.OPEN}\nold | <b>\n{tool.CLOSE}\nb\n"
    new = tool.placed(text, "| \\1 |")
    assert new == f"a\n{tool.OPEN}\n\n| \\1 |\n\n{tool.CLOSE}\nb\n"
    assert tool.placed(new, "| \\1 |") == new
    with pytest.raises(ToolError, match="once"):
        tool.placed("no comments", "x")
    file = tmp_path / "README.md"
    file.write_text(text, encoding="utf-8")
    tool.write(file, "| \\1 |")
    assert file.read_text(encoding="utf-8") == new


def test_links_of_the_table_lead_to_notebooks() -> None:
    text = front.readme("ann/book")
    for stem in re.findall(r"\]\(notebooks/(\w+)\.ipynb\)", text):
        assert (ROOT / "notebooks" / f"{stem}.ipynb").is_file()
        assert f"/github/ann/book/blob/main/notebooks/{stem}.ipynb" in text
    assert len(re.findall("Colab", text)) == len(results.papers())


def test_citations_are_whole_and_have_keys_of_their_own(found: list[front.Front]) -> None:
    texts = [front.citation(one, "https://example.org/r") for one in found]
    assert len({re.match(r"@incollection\{([\w-]+),", text)[1] for text in texts}) == len(found)  # type: ignore[index]
    for text in texts:
        assert text.count("{") == text.count("}")
        assert "https://example.org/r/blob/main/notebooks/0" in text


@pytest.mark.parametrize("paper", cards.DRAWN)
def test_drawings_speak_and_repeat_to_the_byte(paper: str) -> None:
    text = cards.drawing(paper)
    root = ElementTree.fromstring(text)
    words = str(cards.DRAWN[paper].__doc__).splitlines()[0]
    assert root.get("aria-label") == words and root.find(f"{SVG}title").text == words  # type: ignore[union-attr]
    assert text == cards.drawing(paper)
    assert len(text) < 12_000 and "currentColor" in text


def test_every_paper_has_a_drawing_and_no_other() -> None:
    assert list(cards.DRAWN) == list(results.papers())
    with pytest.raises(UnknownName, match="nobody"):
        cards.drawing("nobody")
    ids = [i for paper in cards.DRAWN for i in re.findall(r' id="([^"]+)"', cards.drawing(paper))]
    assert len(ids) == len(set(ids))
