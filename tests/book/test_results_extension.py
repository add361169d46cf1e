"""The scoreboard and the quoted numbers: computed at build time, wrong names refused."""

import sys
from types import SimpleNamespace

import pytest

from tools.common import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
extension = pytest.importorskip("fairtut_results", exc_type=ImportError)
judgement = pytest.importorskip("fairtut_judgement", exc_type=ImportError)

from fairtut.evidence.standing import remarks  # noqa: E402
from fairtut.page import results  # noqa: E402
from fairtut.page.markup import escape  # noqa: E402
from fairtut.page.prose import BADGES  # noqa: E402

pytestmark = pytest.mark.book


def test_every_verdict_has_a_badge_with_its_own_colour():
    words = {*results.VERDICTS, *results.ANSWERS}
    assert set(BADGES) == words
    css = (ROOT / "book/_static/custom.css").read_text(encoding="utf-8")
    assert len(set(BADGES.values())) == len(words)
    for name in BADGES.values():
        assert f".ft-verdict.{name} " in css


@pytest.fixture
def records(monkeypatch):
    """Replace the committed records by one that is known."""
    record = results.Record(chapter="toy", preset="laptop", data="synthetic")
    values = (0.8, 0.82, 0.81)
    record.measurements["accuracy"] = results.Measurement(values=values, n=100, unit="fraction")
    record.measurements["one"] = results.Measurement(values=(0.5,), n=100, unit="fraction")
    monkeypatch.setattr(extension.results, "load_records", lambda: [record])


def test_quoted_number_carries_its_interval(records):
    # mean .81, sd .01, t(2) = 4.3027: half width .01 / sqrt(3) * 4.3027 = .0248
    assert extension.quote("toy/laptop-synthetic:accuracy") == "0.810 [0.785, 0.835]"
    assert extension.quote("toy/laptop-synthetic:accuracy|value") == "0.810"
    assert extension.quote("toy/laptop-synthetic:accuracy|interval") == "[0.785, 0.835]"
    assert extension.quote("toy/laptop-synthetic:accuracy|n") == "3 seeds"


@pytest.mark.filterwarnings("ignore")
def test_one_seed_has_no_interval(records):
    assert extension.quote("toy/laptop-synthetic:one") == "0.500 (1 seed)"


@pytest.mark.parametrize(
    "text",
    [
        "toy/laptop-synthetic",
        "toy/paper-real:accuracy",
        "toy/laptop-synthetic:recall",
        "toy/laptop-synthetic:accuracy|median",
    ],
)
def test_a_number_that_no_run_measured_is_refused(records, text):
    with pytest.raises((ValueError, extension.FairtutError)):
        extension.quote(text)


def test_the_scoreboard_page_shows_every_claim(pages):
    text = pages["book/scoreboard.html"].get_text(" ")
    for paper in results.papers().values():
        assert paper.title in text


def test_the_scoreboard_says_which_records_are_old(pages):
    text = pages["book/scoreboard.html"].get_text(" ")
    told = remarks(results.load_records())
    assert told
    for sentence in told:
        assert " ".join(sentence.split()) in " ".join(text.split())


def test_records_claims_and_code_make_a_page_stale(monkeypatch, tmp_path):
    """What the tables follow from is in the state; an unchanged state asks for no page."""
    env = SimpleNamespace(fairtut_pages={"book/scoreboard"}, found_docs={"book/scoreboard", "x"})

    def stale():
        return extension.outdated(None, env, set(), set(), set())

    assert stale() == stale() == []
    with monkeypatch.context() as patch:
        patch.setattr(extension.code, "digest", lambda module: f"changed {module}")
        assert stale() == ["book/scoreboard"]
    assert stale() == ["book/scoreboard"]
    for name, suffix in (("CLAIMS_DIR", "yaml"), ("committed_results", "json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"new.{suffix}").write_text("")
        folder = tmp_path / name
        monkeypatch.setattr(extension, name, folder if name.isupper() else lambda f=folder: f)
        assert stale() == ["book/scoreboard"]
    assert stale() == []


def test_the_code_that_writes_the_tables_is_in_the_state():
    evidence = ("evidence.spelling", "evidence.standing", "evidence.verdicts")
    for module in (*evidence, "page.markup", "page.prose"):
        known = {name for writer in extension.WRITERS for name in extension.code.modules(writer)}
        assert f"fairtut.{module}" in known


def test_every_word_of_the_first_edition_is_followed():
    """Each claim stands in one row: with the word that it had, or as one that was not there."""
    import json

    first = json.loads(judgement.FIRST.read_text(encoding="utf-8"))
    before = first["verdicts"]
    papers = {name.split("/")[0] for name in first["records"]}  # later chapters had no edition
    found = [name for name in judgement.other_records({}) if name.split("/")[0] in papers]
    assert found == sorted(first["records"]), "each record has its digest"
    rows = judgement.moved(before)
    assert sum(sum(now.values()) for now in rows.values()) == len(results.load_claims())
    known = {(p, name) for p, found in before.items() for name in found}
    now = {(c.paper, c.id) for c in results.load_claims()}
    fresh = sum(sum(n.values()) for (_, word), n in rows.items() if word == "no claim yet")
    assert fresh == len(now - known)


def test_a_fold_shows_its_title_as_text():
    opened, *_ = extension.fold("<b> & more")
    assert "&lt;b&gt; &amp; more" in opened.astext()
    opened, *_ = extension.fold("It works.", word="partly", why="2 < 3")
    assert (
        '<span class="ft-verdict partly">partly</span> <span class="ft-says">It' in opened.astext()
    )
    assert "2 &lt; 3" in opened.astext()


def test_each_headline_opens_its_claims_and_stands_there_once():
    html = "".join(node.astext() for node in extension.claims_table("frtrain"))
    for message in results.load_messages("frtrain"):
        says = f'<span class="ft-says">{escape(message.says)}</span>'
        assert html.count(says) == 1, message.id


def test_an_unknown_paper_is_told_with_the_known_ones():
    with pytest.raises(extension.FairtutError, match=r"unknown paper 'frtrian'.*frtrain"):
        extension.claims_table("frtrian")
