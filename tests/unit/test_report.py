"""The report of a chapter and its sheet of claims: computed, complete, and harmless to read."""

from __future__ import annotations

import html
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt

from fairtut import cli
from fairtut.errors import UnknownName
from fairtut.evidence import claims
from fairtut.evidence.records import Record
from fairtut.page.results import judge, load_claims, load_records, papers
from fairtut.report import report, sheet
from fairtut.report.text import BLANK, quoted, safe, sections

HEADINGS = [
    "Scope of reproducibility", "Methodology", "Results", "What was easy", "What was difficult",
    "Communication with the original authors",
]  # fmt: skip
EVIL = "a|b <script>x()</script> [y](javascript:z) ![w](v) <img src=u> `t` $\\\\href{s}{r}$ *q*"
CLAIMS = f"""\
paper: toy
title: "Toy {EVIL}"
authors: "Ada <b>L.</b>"
venue: ICML
year: 2020
citation: toy
chapter: 07_toy
messages:
- {{id: head.works, says: "It works {EVIL}", where: "T1 {EVIL}", children: ["a.*", "b.*"]}}
claims:
- {{id: a.acc, where: T1, says: "It is so {EVIL}", kind: number, metric: accuracy, unit: fraction,
   value: 0.8125, tolerance: 2}}
- {{id: b.gap, where: "T2 {EVIL}", says: It grows., kind: direction, metric: gap, unit: fraction,
   direction: positive}}
- {{id: b.gone, where: T2, says: It stays., kind: same, metric: gap, unit: fraction, limit: 2,
   untested: "No {EVIL}."}}
- {{id: q.ours, where: us, says: Does it., kind: bound, metric: gap, unit: fraction, limit: 1,
   direction: positive, source: ours}}
"""
PROSE = """\
# Toy

## The method
It is simple.

## What we did differently
| what | ours |
|---|---|
| size | small {cite}`ada1843` |

### More
[x](javascript:y) and <script>z()</script> and [w]: v

"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A paper, its notebook and a record, all with text that tries to do something."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "toy.yaml").write_text(CLAIMS)
    monkeypatch.setattr(claims, "CLAIMS_DIR", tmp_path / "claims")
    record = Record("toy", "laptop", "synthetic", minutes=3.5, seeds={"root": [0], "m": [1, 2, 3]})
    record.dataset(f"set {EVIL}", rows=7, digest="0123456789abcdef", source=f"from {EVIL}")
    record.device = {"type": "cpu", "name": EVIL, "tag": "cpu", "threads": 1}
    record.measure("a.acc", [0.80, 0.81, 0.82], n=100, unit="fraction")
    record.measure("b.gap", [0.1, None, 0.12, 0.11], n=9, unit="fraction", note=f"lost {EVIL}")
    record.save(tmp_path / "results")
    cells = [
        nbformat.v4.new_markdown_cell(PROSE),
        nbformat.v4.new_code_cell("1 / 0"),
        nbformat.v4.new_markdown_cell("More words.\n\n## Limits, and who\n**It** is small.\n"),
    ]
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, tmp_path / "notebooks" / "07_toy.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page(text: str) -> str:
    """Return what a reader's program makes of Markdown, with HTML let through."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def headings(text: str, level: int = 2) -> list[str]:
    return re.findall(rf"^#{{{level}}} (.*)$", text, flags=re.MULTILINE)


# Complete


def test_a_report_has_the_sections_that_reports_have(toy: Path) -> None:
    assert headings(report("toy", toy / "results")) == HEADINGS


def test_what_is_known_is_filled_in(toy: Path) -> None:
    text = report("07_toy", toy / "results")
    for known in ("| 3.5 |", "root: 1; m: 3", "| 0123456789ab |", "| 0.810 ["):
        assert known in text
    for v in judge(load_claims("toy"), load_records(toy / "results")):
        if v.leaf:
            row = next(line for line in text.splitlines() if f"| {safe(v.where)[:2]}" in line
                       and safe(v.says).replace("|", "\\|") in line)  # fmt: skip
            assert f"| {v.verdict} |" in row
    assert "Our questions, which the paper does not ask: 1 not tested" in text
    assert "1 of 2 tested claims hold, 1 is consistent, 1 more could not be tested" in text


def test_the_chapters_own_words_are_taken_and_the_rest_is_a_marked_blank(toy: Path) -> None:
    text = report("toy", toy / "results")
    assert "| size | small [ada1843] |" in text and "**It** is small." in text
    assert headings(text, 4) == ["More"], "below the report's own heading"
    assert "It is simple." not in text
    assert text.count("**[To be written: ") == 3
    (toy / "notebooks" / "07_toy.ipynb").unlink()
    text = report("toy", toy / "results")
    assert BLANK.format("what is different from the paper, and why") in text
    (toy / "empty").mkdir()
    assert BLANK.format("no record is there: data, runs and their cost") in report(
        "toy", toy / "empty"
    )


def test_sections_go_over_cells_of_code(toy: Path) -> None:
    found = sections("toy")
    assert set(found) == {"The method", "What we did differently", "Limits"}
    assert found["What we did differently"].endswith("More words.")
    (toy / "notebooks" / "07_toy.ipynb").write_text("{")
    assert sections("toy") == {}


@pytest.mark.parametrize("name", list(papers()))
def test_every_paper_has_a_report_and_a_sheet(name: str) -> None:
    text, claims_text = report(name), sheet(name)
    assert headings(text) == HEADINGS
    assert text.count("**[To be written: ") == 3
    own = [v for v in judge(load_claims(name), load_records()) if v.leaf]
    words = Counter(v.verdict for v in own)
    table = text.split("### Every claim of the paper")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert Counter(row.split(" | ")[-2] for row in rows) == words
    theirs = [c for c in load_claims(name) if c.source != "ours"]
    assert claims_text.count("| ☐ | ☐ |") == len(theirs)
    for claim in theirs:
        assert safe(claim.says).replace("|", "\\|") in claims_text


# Harmless


@pytest.mark.parametrize("make", [lambda t: report("toy", t / "results"), lambda _: sheet("toy")])
def test_nothing_that_stands_in_a_file_runs_or_leads_anywhere(toy: Path, make: object) -> None:
    text = make(toy)  # type: ignore[operator]
    shown = page(text)
    assert "<table>" in shown and "&lt;script&gt;" in shown
    for bad in ("<script", "<img", "<a ", "<b>", "href="):
        assert bad not in shown
    for line in text.splitlines():
        assert line.count("$") == line.count("\\$"), "no formula"
    # a bar inside a cell makes no column
    for table in re.findall(r"<table>.*?</table>", shown, flags=re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)
        assert len({len(re.findall("<t[hd]", row)) for row in rows}) == 1


@pytest.mark.parametrize(
    "text",
    ["# no heading", "- no item", "1. none", "1) none", "=== x", "--- x", "+ no", "> no quote",
     "two\n\nparagraphs", "a_b_c", "\\*x*", "~~no~~", "&lt;", "<!-- c -->", "http<a>"],
)  # fmt: skip
def test_text_is_shown_as_it_was_written(text: str) -> None:
    shown = page(safe(text))
    assert html.unescape(shown) == f"<p>{' '.join(text.split())}</p>\n"


def test_a_section_keeps_its_markdown_and_no_link() -> None:
    shown = page(quoted("**so** $x_i$ `c`\n\n[a][b] [c](d) <i>e</i>\n\n[b]: javascript:f\n"))
    assert "<strong>so</strong>" in shown and "<code>c</code>" in shown and "$x_i$" in shown
    assert "<a " not in shown and "<i>" not in shown


# To be signed


def test_the_sheet_has_what_the_paper_says_and_nothing_of_ours(toy: Path) -> None:
    text = sheet("toy")
    assert "0.8125 (fraction)" in text and "within 2 points" in text
    assert "not tested: No" in text and "Does it." not in text
    assert headings(text)[-1] == "Signature" and "Name:" in text


def test_a_signature_belongs_to_one_text(toy: Path) -> None:
    def digest() -> str:
        return re.findall(r"Digest of these claims: `([0-9a-f]{16})`", sheet("toy"))[0]

    file, before = toy / "claims" / "toy.yaml", digest()
    whole = file.read_text()
    assert digest() == before
    for old, new in (
        ("tolerance: 2", "tolerance: 3"),
        ("It grows.", "It falls."),
        ("It w", "He w"),
    ):
        file.write_text(whole.replace(old, new))
        assert digest() != before
    file.write_text(whole.replace("Does it.", "Does he."))
    assert digest() == before


# The command


def test_the_command_prints_either(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "toy", "--results-dir", "results"]) == 0
    assert capsys.readouterr().out == report("toy", toy / "results")
    assert cli.main(["report", "notebooks/07_toy.ipynb", "--claims"]) == 0
    assert capsys.readouterr().out == sheet("toy")
    assert cli.main(["report", "toyy"]) == 2
    assert "did you mean 'toy'" in capsys.readouterr().err
    with pytest.raises(UnknownName):
        sheet("other")
