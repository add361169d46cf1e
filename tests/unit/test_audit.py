"""The audit of any model's decisions: its numbers, its limits, its page, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from fairlearn import metrics as fairlearn

from fairtut import cli
from fairtut.audit import Limit, audit, read, sheet
from fairtut.audit.controls import MODEL, MOVED, PER_GROUP, _crossed, _halves
from fairtut.audit.counting import joint
from fairtut.audit.limits import judge
from fairtut.errors import DataError, FairtutError, InputError, MissingData, UnknownName
from fairtut.metrics import DEFINITIONS, Estimate, GroupPanel, metric
from fairtut.metrics.people import read_people

NAN = float("nan")


def people(n=1500, groups=2, seed=0):
    """Labels, decisions, groups, scores and weights; the score is kinder to later groups."""
    rng = np.random.default_rng(seed)
    s, y = rng.integers(0, groups, n), rng.integers(0, 2, n)
    score = np.clip(0.35 * rng.random(n) + 0.3 * y + 0.12 * s, 0, 1)
    return y, (score > 0.4).astype(int), s, score, rng.random(n) + 0.1


def write(folder: Path, *rows: str, name: str = "p.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def file_of(folder: Path, n=400, **columns) -> Path:
    y, y_hat, s, score, weight = people(n)
    table = {"y": y, "d": y_hat, "s": s, "p": score, "w": weight, **columns}
    lines = [",".join(str(v[i]) for v in table.values()) for i in range(n)]
    return write(folder, ",".join(table), *lines)


# --- numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_fairlearn_agrees_where_definitions_coincide(groups, weighted):
    y, y_hat, s, _, weight = people(groups=groups)
    weight = weight if weighted else None
    found = audit(y, y_hat, s, sample_weight=weight, n_resamples=100).definitions
    options = {"sensitive_features": s, "sample_weight": weight}
    for ours, theirs in {
        "demographic_parity_gap": fairlearn.demographic_parity_difference(y, y_hat, **options),
        "demographic_parity_ratio": fairlearn.demographic_parity_ratio(y, y_hat, **options),
        "equal_opportunity_gap": fairlearn.equal_opportunity_difference(y, y_hat, **options),
        "equal_opportunity_ratio": fairlearn.equal_opportunity_ratio(y, y_hat, **options),
        "equalized_odds_max": fairlearn.equalized_odds_difference(y, y_hat, **options),
        "equalized_odds_mean": fairlearn.equalized_odds_difference(y, y_hat, agg="mean", **options),
    }.items():
        assert found[ours].value == pytest.approx(theirs, abs=1e-12), ours


def test_intersections_agree_with_fairlearn():
    y, y_hat, s, _, _ = people()
    other = np.random.default_rng(1).choice(["x", "y"], len(y))
    found = audit(y, y_hat, [s, other], n_resamples=100)
    both = [f"{a}{b}" for a, b in zip(s, other, strict=True)]
    expected = fairlearn.demographic_parity_difference(y, y_hat, sensitive_features=both)
    assert found.definitions["demographic_parity_gap"].value == pytest.approx(expected, abs=1e-12)
    assert len(found.groups) == 4


def test_every_definition_has_its_interval():
    y, y_hat, s, _, _ = people()
    found = audit(y, y_hat, s, n_resamples=200).definitions
    assert set(found) == set(DEFINITIONS)
    for name, one in found.items():
        assert one.value == pytest.approx(float(metric(name)(y, y_hat, s)), abs=1e-12)
        assert one.low < one.value < one.high or name == "group_accuracy_gap"
        assert one.method == "percentile bootstrap over people (200 resamples)"


def test_overlapping_groups_are_those_of_a_panel():
    y, y_hat, s, _, weight = people()
    rng = np.random.default_rng(3)
    members = {"a": s, "b": rng.integers(0, 2, len(y)), "c": rng.integers(0, 2, len(y))}
    found = audit(y, y_hat, members=members, sample_weight=weight, n_resamples=100)
    panel = GroupPanel(
        y, members=np.stack(list(members.values()), 1), sample_weight=weight, n_resamples=0
    )
    for name, one in found.definitions.items():
        assert one.value == pytest.approx(panel.metric(name, y_hat)[0], abs=1e-12), name
    assert "average_odds_difference" not in found.definitions
    assert "average_odds_difference has a sign" in " ".join(found.notes)


def test_decisions_are_resampled_together():
    """The counts of people by group and label are the same in every resample of every decision."""
    y, y_hat, s, _, _ = people()
    them = read_people(y, y_hat, s)
    belongs = them.s[:, None] == range(2)
    one, other = joint(them, belongs, (0, 1), [them.y_hat, 1 - them.y_hat], 50, 0)
    assert (one.counts.sum(-1) == other.counts.sum(-1)).all()
    assert (one.counts == other.counts[..., ::-1]).all()
    assert (one.total == len(y)).all() and len(np.unique(one.counts, axis=0)) > 40


def test_several_classes_report_the_worst():
    rng = np.random.default_rng(0)
    y, s = rng.choice(["a", "b", "c"], 900), rng.integers(0, 3, 900)
    y_hat = np.where(rng.random(900) < 0.7, y, rng.choice(["a", "b", "c"], 900))
    found = audit(y, y_hat, s, n_resamples=100)
    expected = metric("deo")(y, y_hat, s, multiclass="worst")
    assert found.definitions["deo"].value == pytest.approx(float(expected), abs=1e-12)
    assert found.base == {} and set(found.rates[0]) == {"accuracy"}
    assert "worst is reported" in found.notes[0]


def test_an_empty_cell_is_not_measured_and_fails():
    y, y_hat, s = [1, 0, 1, 1] * 30, [1, 0, 0, 1] * 30, [0, 0, 1, 1] * 30
    found = audit(y, y_hat, s, limits=[Limit("deo", 2.0), Limit("demographic_parity_gap", 1)])
    assert [one.answer for one in found.judged] == ["not measured", "kept"]
    assert found.fails() and found.as_dict()["definitions"]["deo"]["value"] is None
    assert "deo" in found.notes[-1]


# --- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bound", "numbers", "answer"),
    [
        ("deo", 0.1, (0.2, 0.15, 0.26), "exceeded"),
        ("deo", 0.2, (0.2, 0.15, 0.26), "undecided"),
        ("deo", 0.26, (0.2, 0.15, 0.26), "kept"),
        ("deo", 0.01, (0.05, 0.02, 0.12), "undecided"),  # reflected, the interval starts below 0
        ("deo", 2.0, (NAN, NAN, NAN), "not measured"),
        ("deo", 2.0, (0.1, NAN, NAN), "not measured"),
        ("di", 0.8, (0.6, 0.5, 0.7), "exceeded"),
        ("di", 0.8, (0.8, 0.7, 0.9), "undecided"),
        ("di", 0.8, (0.9, 0.8, 0.95), "kept"),
    ],
)
def test_a_limit_by_hand(name, bound, numbers, answer):
    found = judge(Limit(name, bound), Estimate(*numbers, 500, 0.95, "bootstrap"), 1000)
    assert found.answer == answer
    assert found.fails() == (answer in ("exceeded", "not measured"))
    assert found.fails(strict=True) == (answer != "kept")


@pytest.mark.parametrize(("undefined", "answer"), [(50, "kept"), (51, "not measured")])
def test_many_undefined_resamples_decide_nothing(undefined, answer):
    one = Estimate(0.1, 0.05, 0.15, 500, 0.95, "bootstrap", undefined)
    assert judge(Limit("deo", 0.5), one, 1000).answer == answer


def test_equal_groups_seldom_exceed_a_small_limit():
    """The gap's own interval is above .05 in two samples of five; the rule's, in fewer than one."""
    rng = np.random.default_rng(0)
    wrong = plain = 0
    for _ in range(60):
        s, y = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
        y_hat = (rng.random(200) < np.where(y == 1, 0.6, 0.3)).astype(int)
        (one,) = audit(y, y_hat, s, limits=[Limit("deo", 0.05)], n_resamples=100).judged
        wrong, plain = wrong + (one.answer == "exceeded"), plain + (one.found.low > 0.05)
    assert plain >= 15 and wrong <= 9


def test_a_signed_metric_is_limited_on_both_sides():
    y, y_hat, s, _, _ = people()
    limit = [Limit("average_odds_difference", 0.02)]
    for groups in (s, 1 - s):
        (one,) = audit(y, y_hat, groups, limits=limit, n_resamples=200).judged
        assert one.answer == "exceeded" and one.found.value > 0


@pytest.mark.parametrize("text", ["deo", "deo=", "deo=x", "deo=nan", "deo=10", "deo=-0.1", "=1"])
def test_bad_limits(text):
    with pytest.raises((InputError, UnknownName)):
        Limit.of(text)


# --- controls -------------------------------------------------------------------------------


def test_thresholds_per_group_close_the_gap_of_a_shifted_score():
    y, y_hat, s, score, _ = people(4000)
    found = audit(y, y_hat, s, score=score, n_resamples=200)
    by_name = {one.name: one for one in found.controls}
    assert by_name[MODEL].gap_saved.high == by_name[MODEL].accuracy_gained.high == 0
    assert by_name[PER_GROUP].gap_saved.low > 0.1
    assert by_name["constant"].gap.value == 0
    assert by_name["mixing line"].accuracy_gained.value == pytest.approx(-0.01, abs=1e-9)
    assert by_name[MOVED].accuracy_gained.value > -0.03


def test_nobody_is_decided_by_a_threshold_that_saw_them():
    y, _, s, _, _ = people(200)
    half = _halves(s[:, None] == range(2), y, 0)
    for kind in np.unique(2 * s + y):  # every kind of people is split evenly
        assert abs(half[2 * s + y == kind].sum() * 2 - (2 * s + y == kind).sum()) <= 2

    def seen(known, unknown):
        assert not (known & unknown).any() and (known | unknown).all()
        return np.full(unknown.sum(), known[0])

    assert (_crossed(half, seen) == (half != half[0])).all()


def test_without_two_classes_or_enough_people_no_threshold_is_moved():
    y, y_hat, s, score, weight = people(400)
    weighted = audit(y, y_hat, s, score=score, sample_weight=weight, n_resamples=100)
    assert PER_GROUP not in {c.name for c in weighted.controls} and weighted.controls
    few = audit([1, 0] * 6, [1, 0] * 6, [0, 0, 1, 1] * 3, score=[0.9, 0.1] * 6, n_resamples=100)
    assert few.controls == () and "No controls" in " ".join(few.notes)


def test_a_score_of_the_other_class_is_noticed():
    y, y_hat, s, score, _ = people(400)
    found = audit(y, y_hat, s, score=1 - score, n_resamples=100)
    assert "score of the other class?" in " ".join(found.notes)


# --- the file -------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_file_of_a_spreadsheet(tmp_path, mark):
    rows = [("y", "d", "s"), ("1", "1.0", "f"), ("0", "0", "m")]
    path = write(tmp_path, "\ufeff" + mark.join(rows[0]), *(mark.join(r) for r in rows[1:]))
    found = read(path, y="y", y_hat="d", s=["s"])
    assert found.y.tolist() == found.y_hat.tolist() == [1, 0]
    assert found.s[0].tolist() == ["f", "m"]


def test_words_and_truth_values_are_labels(tmp_path):
    path = write(tmp_path, "y,d,s", "True,false,1", "False,true,2")
    assert read(path, y="y", y_hat="d", s=["s"]).y_hat.tolist() == [0, 1]
    path = write(tmp_path, "y,d,s", "good,bad,1", "bad,good,2")
    found = read(path, y="y", y_hat="d", s=["s"], positive="good")
    assert found.positive == "good" and found.y.tolist() == ["good", "bad"]


BAD = {
    "a missing group": ("y,d,s\n1,1,f\n0,0,NaN\n", DataError, r"column 's' is missing for 1 of 2"),
    "an empty cell": ("y,d,s\n1,1,f\n0,0,\n", DataError, "first in line 3: ''"),
    "a short line": ("y,d,s\n1,1,f\n0,0\n", DataError, "line 3: 2 cells where the header has 3"),
    "a long line": ("y,d,s\n1,1,f,9\n", DataError, "line 2: 4 cells"),
    "a name twice": ("y,d,s,s\n1,1,f,m\n", DataError, "2 columns 's'"),
    "another name": ("y,d,S\n1,1,f\n", UnknownName, "unknown column 's': choose one of y, d, S"),
    "nobody": ("y,d,s\n", DataError, "no people"),
    "nothing": ("", UnknownName, "no header"),
    "scores as decisions": ("y,d,s\n1,0.83,f\n0,0.1,m\n", DataError, "pass it with --score"),
    "an open quote": ('y,d,s\n1,1,"f\n', DataError, "line 2"),
}


@pytest.mark.parametrize("what", BAD)
def test_files_that_are_refused(tmp_path, what):
    text, error, match = BAD[what]
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(error, match=match):
        read(path, y="y", y_hat="d", s=["s"])


def test_what_is_not_said_is_asked_for(tmp_path):
    path = file_of(tmp_path)
    for options, match in (
        ({"y_hat": "d"}, "--s COLUMN"),
        ({"s": ["s"]}, "--score COLUMN"),
        ({"s": ["s"], "score": "w"}, "--threshold"),
        ({"y_hat": "d", "members": ["p"]}, "must hold 0 and 1"),
    ):
        with pytest.raises(FairtutError, match=match):
            read(path, y="y", **options)
    with pytest.raises(MissingData, match="does not exist"):
        read(tmp_path / "no.csv", y="y", y_hat="d", s=["s"])
    with pytest.raises(InputError, match="which of 'bad' and 'good'"):
        audit(["good", "bad"] * 9, ["good", "bad"] * 9, [0, 0, 1] * 6)
    with pytest.raises(InputError, match="groups: an audit takes up to 50"):
        audit([0, 1] * 60, [0, 1] * 60, range(120))


# --- the command and its page ---------------------------------------------------------------


def command(path: Path, *words: str) -> int:
    base = ["audit", str(path), "--y", "y", "--s", "s", "--y-hat", "d", "--resamples", "200"]
    return cli.main([*base, *words])


def test_the_status_is_what_a_gate_reads(tmp_path, capsys):
    path = file_of(tmp_path)
    assert command(path) == 0
    assert command(path, "--limit", "deo=2") == 0
    assert command(path, "--limit", "deo=0.01") == 1
    assert "limit deo ≤ 0.01: exceeded" in capsys.readouterr().out
    found = read(path, y="y", y_hat="d", s=["s"])
    middle = float(metric("deo")(found.y, found.y_hat, found.s[0]))
    assert command(path, "--limit", f"deo={middle}") == 0
    assert command(path, "--limit", f"deo={middle}", "--strict") == 1
    assert command(path, "--limit", "deo=nan") == 2
    assert command(tmp_path / "no.csv") == 2
    assert command(path, "--html", str(path)) == 2
    assert command(path, "--json", str(tmp_path / "no" / "x.json")) == 2
    assert all(line.startswith("error: ") for line in capsys.readouterr().err.splitlines())


def test_not_measured_never_passes(tmp_path, capsys):
    path = write(tmp_path, "y,d,s", *["1,1,a", "1,0,b", "0,1,a"] * 20)
    assert command(path, "--limit", "deo=2") == 1
    assert "not measured" in capsys.readouterr().out


def test_the_page_stands_alone(tmp_path, capsys):
    nasty = np.where(np.arange(400) % 2, "<script>alert(1)</script>", "$x_1$ & _it")
    path = file_of(tmp_path, race=nasty)
    html, data = tmp_path / "a.html", tmp_path / "a.json"
    words = ["--score", "p", "--limit", "deo=0.1", "--html", str(html), "--json", str(data)]
    base = ["audit", str(path), "--y", "y", "--s", "race", "--y-hat", "d"]
    cli.main([*base, *words])
    text = html.read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert len(text.encode()) < 500_000
    assert not page.find_all("script") and "alert(1)" in page.get_text()
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert page.find("meta", {"name": "viewport"}) and "prefers-color-scheme:dark" in text
    assert len(page.find_all("svg", {"role": "img"})) == 2
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    kept = json.loads(data.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert kept["definitions"].keys() == DEFINITIONS.keys()
    for name, one in kept["definitions"].items():
        assert f"{one['value']:.3f}" in page.find("code", string=name).find_parent("tr").get_text()
    assert kept["limits"][0]["answer"] in page.get_text()


def test_fifty_groups_still_fit_on_a_page():
    y, y_hat, s, score, _ = people(6000, groups=50)
    assert len(sheet(audit(y, y_hat, s, score=score), title="many").encode()) < 500_000


def test_the_page_of_several_classes_has_no_plane():
    y, y_hat, s, score, _ = people(300)
    text = sheet(audit(y + (s == 1), y_hat, s, score=score, n_resamples=100), title="three")
    assert "What would have cost nothing" not in text and "No controls" in text
