"""Self-checks: they work without a script, by keyboard and for a reader who listens."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup

from fairtut.errors import InputError
from fairtut.page.markup import Bundle
from fairtut.page.quiz import Check, quiz

CHECKS = [
    Check("Is 1 < 2?", ["no", "yes & always"], right=1, why="By **counting**."),
    Check("Which?", ["a", "b", "c"], right=0, why="<script>no</script>"),
]


def page(name: str = "demo") -> BeautifulSoup:
    found = quiz(CHECKS, name=name)
    assert isinstance(found, Bundle)
    return BeautifulSoup(found.data["text/html"], "html.parser")


def test_each_question_is_a_group_of_labelled_radio_buttons() -> None:
    groups = page().select("fieldset")
    assert [g.legend.text for g in groups] == ["1. Is 1 < 2?", "2. Which?"]
    for group, check in zip(groups, CHECKS, strict=True):
        buttons = group.select("input[type=radio]")
        assert len({b["name"] for b in buttons}) == 1 and len(buttons) == len(check.options)
        labels = [group.select_one(f'label[for="{b["id"]}"]').text for b in buttons]
        assert labels == list(check.options)
    assert groups[0].input["name"] != groups[1].input["name"]


def test_only_the_right_option_says_so_and_only_when_chosen() -> None:
    for group, check in zip(page().select("fieldset"), CHECKS, strict=True):
        told = group.select(".ft-told")
        assert all(t.has_attr("hidden") and t.parent["aria-live"] == "polite" for t in told)
        assert [t.text.startswith("✓") for t in told] == [
            k == check.right for k in range(len(check.options))
        ]
    style = page().style.string
    assert "input:checked~span>.ft-told{display:inline!important}" in style
    for group in page().select(".ft-option"):  # what the rule above needs
        assert [tag.name for tag in group.find_all(recursive=False)] == ["input", "label", "span"]


def test_the_answer_unfolds_with_its_reason() -> None:
    folds = page().select("details")
    assert [f.summary.text for f in folds] == ["Answer", "Answer"]
    assert folds[0].text.endswith("yes & alwaysBy counting.") and not folds[0].has_attr("open")


def test_no_script_no_form_no_network() -> None:
    text = str(page())
    assert not page().select("script, form, button") and "http" not in text
    assert "&lt;script&gt;no" in text


def test_ids_are_unique_and_start_with_the_name() -> None:
    ids = [tag["id"] for name in ("one", "two") for tag in page(name).select("[id]")]
    assert len(ids) == len(set(ids)) == 12
    assert all(i.startswith(("quiz-one", "quiz-two")) for i in ids)


def test_words_for_programs_without_html() -> None:
    found = quiz(CHECKS, name="demo")
    assert isinstance(found, Bundle)
    assert "1. Is 1 < 2?\n   - no\n   - yes & always\n\n   Answer: yes & always. By" in str(found)
    assert "<script" not in found.data["text/markdown"]
    assert found.data == quiz(CHECKS, name="demo").data  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"right": 2}, "no index"),
        ({"right": -1}, "no index"),
        ({"options": ["a"]}, "at least two"),
        ({"options": ["a", "a"]}, "all different"),
        ({"options": "ab"}, "need words"),
        ({"why": " "}, "need words"),
    ],
)
def test_wrong_checks_are_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Check(**{"question": "Q?", "options": ["a", "b"], "right": 0, "why": "w"} | wrong)


def test_wrong_quizzes_are_named() -> None:
    with pytest.raises(InputError, match="no questions"):
        quiz([], name="demo")
    with pytest.raises(InputError, match="lower-case"):
        quiz(CHECKS, name="A b")
