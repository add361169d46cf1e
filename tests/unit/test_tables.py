"""Tables: what each cell says, in HTML for everybody and in plain text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag

from fairtut.errors import InputError
from fairtut.evidence.verdicts import ANSWERS, VERDICTS, Verdict
from fairtut.metrics import over_seeds
from fairtut.page import tables
from fairtut.page.markup import Bundle
from fairtut.page.prose import BADGES


def verdict(word: str = "reproduced", **changes: Any) -> Verdict:
    values = {
        "paper": 0.814,
        "ours": 0.8104,
        "low": 0.7998,
        "high": 0.8211,
        "trainings": 5,
        "delta_points": -0.36,
        "tolerance": 2.0,
        "unit": "fraction",
    } | changes.pop("values", {})
    fields = {
        "paper": "toy",
        "id": "table.acc",
        "verdict": word,
        "reason": "it lies <inside> the interval",
        "parent": None,
        "source": "paper",
        "scaled": False,
        "question": False,
        "kind": "number",
        "where": "Table 1 | row A",
        "says": "It has an accuracy of `acc`.",
        "values": values,
    }
    return Verdict(**{**fields, **changes})


def page(bundle: Bundle) -> Tag:
    found = BeautifulSoup(bundle.data["text/html"], "html.parser").find("table")
    assert isinstance(found, Tag)
    return found


def cells(bundle: Bundle, row: int = 0) -> list[str]:
    body = page(bundle).select("tbody tr")[row]
    texts = (cell.get_text(" ", strip=True) for cell in body.find_all(["td", "th"]))
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]


def heads(bundle: Bundle) -> list[str]:
    return [cell.get_text() for cell in page(bundle).select("thead th")]


def test_the_results_table_says_everything_about_a_claim() -> None:
    bundle = tables.results_table([verdict()], caption="All of it.")
    assert dict(zip(heads(bundle), cells(bundle), strict=True)) == {
        "Claim": "It has an accuracy of acc . Table 1 | row A",
        "Paper": "0.814",
        "Ours [95 % interval]": "0.810 [0.800, 0.821]",
        "trainings": "5",
        "Δ points": "-0.4",
        "Tolerance": "2 points",
        "Verdict": "reproduced",
    }
    assert cells(bundle, 1) == ["it lies <inside> the interval"]  # below the numbers
    numbers, reason = page(bundle).select("tbody tr")
    claim = numbers.find("th")
    assert claim is not None
    assert (claim["scope"], claim["rowspan"]) == ("rowgroup", "2")
    assert int(str(reason.select_one("td")["colspan"])) == len(numbers.find_all("td"))  # type: ignore[index]


def test_what_was_not_measured_is_a_dash_not_a_zero() -> None:
    nothing = dict.fromkeys(("paper", "ours", "low", "high", "delta_points", "tolerance"))
    untested = verdict("not tested", kind="direction", values={**nothing, "trainings": 0})
    assert cells(tables.results_table([untested]))[1:6] == ["–"] * 5


def test_the_tolerance_of_an_exact_claim_is_in_its_own_unit() -> None:
    exact = verdict(kind="exact", values={"tolerance": 1e-6})
    assert cells(tables.results_table([exact]))[5] == "1·10⁻⁶"


@pytest.mark.parametrize("word", [*VERDICTS, *ANSWERS])
def test_a_verdict_is_a_word_and_the_class_only_repeats_it(word: str) -> None:
    badge = page(tables.results_table([verdict(word)])).find("span", class_="ft-verdict")
    assert badge is not None
    assert badge.get_text() == word
    assert badge["class"] == ["ft-verdict", BADGES[word]]


def test_a_frame_of_verdicts_gives_the_same_table() -> None:
    found = [verdict(), verdict("partly", id="b")]
    frame = pd.DataFrame([v.as_dict() for v in found])
    assert tables.results_table(frame).data == tables.results_table(found).data


def test_results_without_rows_are_still_a_table() -> None:
    assert page(tables.results_table([])).select("tbody tr") == []


def test_everybody_can_find_their_way() -> None:
    bundle = tables.results_table([verdict()], caption="What the *talk* says.")
    table = page(bundle)
    assert table.find("caption").get_text() == "What the talk says."
    assert {th["scope"] for th in table.select("thead th")} == {"col"}
    assert [th["scope"] for th in table.select("tbody th")] == ["rowgroup"]
    box = BeautifulSoup(bundle.data["text/html"], "html.parser").find("div", role="region")
    assert box is not None
    assert (box["tabindex"], box["class"]) == ("0", ["ft-scroll"])
    with pytest.raises(InputError, match="caption"):
        tables.results_table([verdict()], caption=" ")


def test_plain_text_is_a_markdown_table() -> None:
    bundle = tables.results_table([verdict()], caption="All.")
    lines = str(bundle).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("| Claim | Paper | Ours [95 % interval] |")
    assert set(lines[1]) == {"|", "-", " "}
    assert "Table 1 \\| row A" in lines[2]
    assert "| reproduced |" in lines[2]
    assert bundle.data["text/markdown"] == "All.\n\n" + str(bundle)


def test_a_frame_is_written_as_the_book_writes_numbers() -> None:
    frame = pd.DataFrame(
        {
            "method": ["RML+FC <x>", "`AD`"],
            "accuracy": [0.81449, np.nan],
            "rows": [1800, 90],
            "share": [0.25, 0.5],
            "ok": [True, False],
            "estimate": [over_seeds([0.1, 0.2, 0.3]), None],
        }
    )
    bundle = tables.table(frame, caption="A frame.", formats={"share": ".0%"})
    first = ["RML+FC <x>", "0.814", "1,800", "25%", "yes", "0.200 [-0.048, 0.448]"]
    assert cells(bundle) == first
    assert cells(bundle, 1) == ["AD", "–", "90", "50%", "no", "–"]
    sides = [th["style"] for th in page(bundle).select("thead th")]
    assert ["right" in side for side in sides] == [False, True, True, True, False, False]
    assert page(bundle).select("tbody code")[0].get_text() == "AD"


def test_numbers_of_mixed_columns_keep_their_kind() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 0.25]})
    assert cells(tables.table(frame, caption="x")) == ["1", "0.500"]


def test_a_format_for_no_column_is_an_error() -> None:
    with pytest.raises(InputError, match="'shar'"):
        tables.table(pd.DataFrame({"share": [1]}), caption="x", formats={"shar": ".0%"})


def test_columns_line_up_in_a_terminal() -> None:
    text = tables.aligned(["a", "long head", "free"], [["xx", "y", "z"], ["1", "2", ""]])
    assert text.splitlines() == ["a   long head  free", "xx  y          z", "1   2"]
