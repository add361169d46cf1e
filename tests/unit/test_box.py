"""The verdict box: what is computed, what is escaped, and what it refuses."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from fairtut.errors import InputError, UnknownName
from fairtut.page import box as module
from fairtut.page import results, scoreboard
from fairtut.page.box import box, learned, minutes, renewed
from fairtut.page.markup import Bundle
from fairtut.page.questions import CHAPTERS
from tools import boxes

FOUND = [("partly", "Both parts <b>."), ("trend reproduced", "It works."), ("inconclusive", "So.")]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[results.Record]:
    """Stand in for the judge and the committed records."""
    paper = results.Paper("frtrain", "T", "A", "V", 2020, "c", "01_frtrain")
    heads = [results.Headline("frtrain", f"h{i}", says, "abstract", word, {word: 1})
             for i, (word, says) in enumerate(FOUND)]  # fmt: skip
    counts = {name: scoreboard.Counter({"inconclusive": 2}) for name in scoreboard.GROUPS}
    made = scoreboard.Standing(paper, heads, counts, {}, "")
    records = [results.Record("frtrain", "laptop", data) for data in ("real", "synthetic")]
    for record, many in zip(records, (90.4, 6.2), strict=True):
        record.minutes, record.device = many, {"type": "cpu", "threads": 2}
    monkeypatch.setattr(module, "stands", functools.cache(lambda paper: made))
    monkeypatch.setattr(results, "load_records", lambda: records)
    return records


def build(**changes: Any) -> Bundle:
    texts: dict[str, Any] = {
        "objectives": ["read `a` < b"], "prerequisites": ["logistic regression"],
        "worked": "The clean set: {share:.0%}.", "answer": "Yes, *mostly*: {n} & more.",
        "share": 0.25, "n": 1800,
    }  # fmt: skip
    found = box("frtrain", **texts | changes)
    assert isinstance(found, Bundle)
    return found


def test_words_and_minutes_come_from_the_judge_and_the_records(runs) -> None:
    page = BeautifulSoup(build().data["text/html"], "html.parser")
    assert page.select_one(".ft-box-question").text == CHAPTERS["frtrain"].question
    badges = [(b.text, b["class"]) for b in page.select(".ft-verdict")]
    assert badges == [
        ("trend reproduced", ["ft-verdict", "trend"]),
        ("partly", ["ft-verdict", "partly"]),
        ("inconclusive", ["ft-verdict", "inconclusive"]),
    ]
    heads = [p.text for p in page.select("p") if p.find("strong") and not p.text.count(".")]
    assert heads[:3] == ["Held", "Held in part", "Open"]
    told = "6 minutes on drawn data (laptop, 2 threads), 90 minutes on real data"
    assert told in page.text and "GPU: not run." in page.text
    assert "Yes, mostly: 1,800 & more." in page.text and "25%" in page.text


def test_minutes_of_another_device_are_told_apart(runs) -> None:
    runs[0].device = {"type": "cuda", "tag": "cuda", "threads": 1}
    assert minutes("frtrain") == (
        "CPU: 6 minutes on drawn data (`laptop`, 2 threads). "
        "GPU: 90 minutes on real data (`laptop`, 1 thread)."
    )


def test_texts_are_escaped_and_fall_back_to_plain_words(runs) -> None:
    found = build(objectives=["<script>x</script>"])
    assert "<script>x" not in found.data["text/html"]
    assert "<script" not in found.data["text/markdown"] and "&lt;b>" in found.data["text/markdown"]
    text = str(found)
    assert "trend reproduced: It works." in text and "**" not in text
    assert text.startswith(CHAPTERS["frtrain"].question)


def test_the_last_box_has_the_points_and_an_id_of_its_own(runs) -> None:
    found = learned("frtrain", points=["One: {x:.2f}.", "Two."], answer="No.", x=0.5)
    assert isinstance(found, Bundle)
    page, first = found.data["text/html"], build().data["text/html"]
    assert "<li>One: 0.50.</li><li>Two.</li>" in page and "It works." in page
    ids = [re.findall(r' id="([^"]+)"', html) for html in (first, page)]
    assert ids == [["ft-box-frtrain"], ["ft-learned-frtrain"]]


def test_the_same_box_twice_is_the_same_to_the_byte(runs) -> None:
    assert build().data == build().data


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"answer": "It is 0.81, {n}."}, "typed by hand"),
        ({"answer": "No number."}, "no {n}"),
        ({"worked": "{other} {share}"}, "no value for it"),
        ({"worked": " "}, "no worked"),
        ({"objectives": []}, "no objectives"),
        ({"prerequisites": "one text"}, "not one text"),
    ],
)
def test_wrong_arguments_are_named(runs, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build(**wrong)


def test_an_unknown_paper_is_named() -> None:
    with pytest.raises(UnknownName, match="nobody"):
        box("nobody", objectives=["a"], prerequisites=["b"], worked="c", answer="d")


def test_every_paper_has_its_question_and_every_word_its_place() -> None:
    assert list(CHAPTERS) == [*results.papers(), "comparison"]
    assert all(one.question.endswith("?") for one in CHAPTERS.values())
    listed = [word for words in module.HEADS.values() for word in words]
    assert sorted(listed) == sorted(results.VERDICTS)


def test_a_chapter_without_a_paper_has_a_box_and_counts_no_claims() -> None:
    found = box("comparison", objectives=["a"], prerequisites=["b"], worked="c", answer="d")
    assert isinstance(found, Bundle)
    page = BeautifulSoup(found.data["text/html"], "html.parser")
    assert page.select_one(".ft-box-question").text == CHAPTERS["comparison"].question
    assert not page.select(".ft-verdict") and module.OURS in page.text
    assert renewed("comparison", found.data["text/html"]) == found.data["text/html"]


def test_one_paper_from_its_own_claims_and_records() -> None:
    found = box("frtrain", objectives=["a"], prerequisites=["b"], worked="c", answer="d")
    assert isinstance(found, Bundle)
    page = BeautifulSoup(found.data["text/html"], "html.parser")
    assert len(page.select(".ft-verdict")) == len(results.load_messages("frtrain"))
    assert "minutes on drawn data" in page.text


@pytest.mark.parametrize("kind", ["text/html", "text/markdown"])
def test_a_box_is_renewed_with_the_records_that_came_later(runs, kind: str) -> None:
    """A run saves its record behind the box that speaks of it."""
    last = learned("frtrain", points=["**Strong** `p` < q."], answer="Yes.")
    assert isinstance(last, Bundle)
    before = [build().data[kind], last.data[kind]]
    assert [renewed("frtrain", text) for text in before] == before, "nothing has changed"
    heads = module.stands("frtrain").headlines
    heads[0], heads[2] = (
        replace(heads[i], verdict=w) for i, w in ((0, "reproduced"), (2, "partly"))
    )
    runs[0].minutes = 1234.0
    now = [build().data[kind], learned("frtrain", points=["**Strong** `p` < q."], answer="Yes.")]
    now[1] = now[1].data[kind]
    assert now != before
    assert [renewed("frtrain", text) for text in before] == now


def test_a_notebook_with_old_boxes_is_seen_and_mended(runs) -> None:
    html = build().data
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("box()")])
    book.cells[0].outputs = [nbformat.v4.new_output("display_data", dict(html))]
    assert boxes.stale(book) == []
    runs[0].minutes = 1234.0
    assert boxes.stale(book) == ["frtrain"]
    boxes.renew(book)
    assert boxes.stale(book) == []
    assert "1234 minutes" in book.cells[0].outputs[0]["data"]["text/html"]
