"""The scoreboard and the quoted numbers: computed at build time, wrong names refused."""

import sys

import pytest

from tools.common import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
extension = pytest.importorskip("fairtut_results", exc_type=ImportError)

from fairtut.report import results  # noqa: E402

pytestmark = pytest.mark.book


def test_every_verdict_has_a_badge_with_its_own_colour():
    assert set(extension.BADGES) == set(results.VERDICTS)
    css = (ROOT / "book/_static/custom.css").read_text(encoding="utf-8")
    assert len(set(extension.BADGES.values())) == len(results.VERDICTS)
    for name in extension.BADGES.values():
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
