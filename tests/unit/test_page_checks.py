"""A page shows no mark of a formula, no id and no number as a machine writes it."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fairtut.page.results import Verdict
from tools import page_checks as pages


@pytest.mark.parametrize(
    "shown",
    [
        "costs $5",
        "1e-05",
        "2.3E+06",
        "-0.0",
        "−0.000",
        "[-0.0, 1]",
        "-0.10000000149",
        "d4.x.eta-dp",
    ],
)
def test_a_planted_fault_is_seen(shown):
    """Every kind of fault is found in running text, once."""
    faults = pages.html_faults(f"<p>It is <b>{shown}</b> here</p>", ids={"d4.x.eta-dp"})
    assert len(faults) == 1, faults


@pytest.mark.parametrize("shown", ["-0.012", "10-0", "−0.5", "1·10⁻⁵", "pages 3-0", "0.999", "eta"])
def test_what_a_reader_should_see_passes(shown):
    """Negative numbers, ranges and powers of ten are no faults."""
    assert pages.html_faults(f"<p>It is {shown} here</p>", ids={"eta"}) == []


@pytest.mark.parametrize(
    "hidden",
    [
        "<pre>$HOME 1e-05</pre>",
        "<code>-0.0</code>",
        "<script>x = 1e-05</script>",
        '<span class="math">\\(x\\) $</span>',
        "<p>\\(10 - 0.0 = $\\)</p>",
        '<a title="1e-05">here</a>',
    ],
)
def test_code_and_formulas_are_not_read(hidden):
    """What stands as code or formula is not running text."""
    assert pages.html_faults(hidden) == []


def test_a_number_in_two_elements_is_one_number():
    """Inline marks do not split a number, and cells of a table do not join two."""
    assert len(pages.html_faults("<p>1<b>e-05</b></p>")) == 1
    assert pages.html_faults("<td>1</td><td>e-05</td>") == []


ROW = '<tr><td><p>A is fair.</p><p>{}</p></td><td><span class="ft-verdict">{}</span></td></tr>'


def shown(*rows):
    return "<table>" + "".join(ROW.format(*row) for row in rows) + "</table>"


def on(verdict, where="table 1"):
    about = {"parent": None, "source": "paper", "kind": "direction", "scaled": False}
    told = {"reason": "r", "where": where, "says": "A is *fair*.", "values": {}}
    return Verdict("toy", "x", question=False, verdict=verdict, **about, **told)


def test_not_tested_beside_a_judged_claim_is_seen():
    """The row is found by the claim's words and place; other rows are left alone."""
    judged = [on("reproduced"), on("not tested", "table 2")]
    assert pages.untested_faults(shown(("table 1", "not tested")), judged)
    assert not pages.untested_faults(shown(("table 2", "not tested")), judged)
    assert not pages.untested_faults(shown(("table 1", "reproduced")), judged)


def test_claims_with_the_same_words_are_counted():
    """One of two twins may be called untested where no record judges one of the two."""
    twins = [on("reproduced"), on("not tested")]
    row = ("table 1", "not tested")
    assert not pages.untested_faults(shown(row, ("table 1", "reproduced")), twins)
    assert pages.untested_faults(shown(row, row), twins)
    assert not pages.untested_faults(shown(row) + shown(row), twins)  # the same one, shown twice


def test_dollars_in_a_computed_sentence_are_seen():
    """The book draws formulas of a Markdown cell, and none of an output."""
    text = "From $z$ it reads little."
    output = new_output("display_data", {"text/markdown": text})
    assert pages.notebook_faults(new_notebook(cells=[new_markdown_cell(text)])) == []
    assert pages.notebook_faults(new_notebook(cells=[new_code_cell(outputs=[output])]))


def test_a_place_inside_another_place_is_not_it():
    """The same words stand for two claims, whose places begin alike: each row is its own."""
    twins = [on("not tested", "figure 5"), on("not tested", "figure 5, on invented comments")]
    page = shown(*[(v.where, "not tested") for v in twins])
    assert pages.untested_faults(page, twins) == []
    judged = [twins[0], on("reproduced", "figure 5, on invented comments")]
    assert pages.untested_faults(page, judged) == ["not tested, but judged: 'A is fair.'"]
