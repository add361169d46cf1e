"""What an audit once let pass in silence: a gate that could not close, groups that melted away."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from fairtut import cli
from fairtut.audit import Limit, audit, read, sheet
from fairtut.audit.counting import spelled
from fairtut.audit.limits import reach
from fairtut.errors import DataError, FairtutError, InputError
from fairtut.metrics import DEFINITIONS, group_table, metric

N = 400
RNG = np.random.default_rng(0)
Y, S = RNG.integers(0, 2, N), RNG.integers(0, 2, N)
Y_HAT = np.where(RNG.random(N) < 0.6 + 0.2 * S, Y, 1 - Y)
SCORE = np.round(0.3 * Y + 0.1 * S + 0.5 * RNG.random(N), 3)
WEIGHT = RNG.random(N) + 0.1
GAPS = [name for name, one in DEFINITIONS.items() if one.larger_is_fairer is False]
TIGHT = [Limit("deo", 0.01)]


def answers(*columns, limits=TIGHT, **more):
    found = audit(*columns, limits=limits, n_resamples=100, **more)
    return [one.answer for one in found.judged]


def write(folder: Path, rows=None, **columns) -> Path:
    """A file with labels, decisions, groups and scores; ``rows`` may change its lines."""
    table = {"y": Y, "d": Y_HAT, "s": S, "p": SCORE, **columns}
    lines = [",".join(table), *(",".join(str(v[i]) for v in table.values()) for i in range(N))]
    path = folder / "p.csv"
    path.write_text("\n".join(rows(lines) if rows else lines) + "\n", encoding="utf-8")
    return path


def gate(path: Path, *words: str, s=("--s", "s"), decided=("--y-hat", "d")) -> int:
    fixed = ["--limit", "deo=.01", "--resamples", "100"]
    return cli.main(["audit", str(path), "--y", "y", *decided, *s, *fixed, *words])


# --- one group ------------------------------------------------------------------------------


LONE = {
    "a constant column": ({"s": np.zeros(N)}, r"one group only \(0\): a gap needs two"),
    "a constant word": ({"s": ["f"] * N}, r"one group only \(f\)"),
    "two constant columns": ({"s": [["f"] * N, ["x"] * N]}, r"one group only \(f, x\)"),
    "no groups": ({}, r"one group only \(all\): .* pass s or more members"),
    "one member": ({"members": {"a": S}}, r"one group only \(a\)"),
    "a table of one": ({"members": pd.DataFrame({"a": S})}, r"one group only \(a\)"),
    "one under two names": ({"members": {"a": S, "b": S}}, r"one group only \(a = b\)"),
    "no members": ({"members": {}}, "members names no group"),
    "an empty table": ({"members": pd.DataFrame(index=range(N))}, "members names no group"),
    "a name twice": (
        {"members": pd.DataFrame(np.stack([S, 1 - S], 1), columns=["a", "a"])},
        "members names 'a' twice",
    ),
    "both": ({"s": S, "members": {"a": S, "b": 1 - S}}, "s and members .* pass one of them"),
}


@pytest.mark.parametrize("what", LONE)
def test_a_gap_of_one_group_is_refused(what):
    given, match = LONE[what]
    with pytest.raises(InputError, match=match):
        answers(Y, Y_HAT, **given)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_no_limit_is_kept_by_one_group(name):
    with pytest.raises(InputError, match="one group only"):
        answers(Y, Y_HAT, np.zeros(N), limits=[Limit(name, 0.5)])


@pytest.mark.parametrize(
    "words",
    [
        ("--s", "one"),
        ("--members", "s"),
        ("--members", "s,s"),
        ("--members", "s", "--members", "s"),
    ],
)
def test_the_gate_is_no_gate_of_one_group(tmp_path, capsys, words):
    assert gate(write(tmp_path, one=[0] * N), s=words) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("option", ["--s", "--members"])
def test_a_column_is_named_once(tmp_path, capsys, option):
    path = write(tmp_path, t=1 - S)
    assert gate(path, s=(option, "s,t")) == 1
    assert gate(path, s=(option, "s,t,s")) == 2
    assert f"{option} names column 's' twice" in capsys.readouterr().err


def test_two_members_are_two_groups():
    assert answers(Y, Y_HAT, members={"a": S, "b": 1 - S}) == ["exceeded"]
    assert answers(Y, Y_HAT, S, sample_weight=1.0 * S) == ["not measured"]  # nobody counts in 0


def test_decisions_do_not_stand_in_for_labels(tmp_path, capsys):
    with pytest.raises(InputError, match="y is None"):
        answers(None, Y_HAT, S)
    assert gate(write(tmp_path), decided=("--y-hat", "y")) == 2
    assert "both --y and --y-hat" in capsys.readouterr().err


@pytest.mark.parametrize("decision", [0, 1])
def test_decisions_that_are_all_alike_are_told(decision):
    def told(y_hat):
        return "decided alike" in " ".join(audit(Y, y_hat, S, n_resamples=100).notes)

    assert told(np.full(N, decision))
    assert not told(Y_HAT)


# --- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("bound", [np.inf, -np.inf, np.nan])
def test_a_limit_is_finite(name, bound):
    with pytest.raises(InputError, match=f"limit {name}="):
        Limit(name, bound)


@pytest.mark.parametrize("text", ["deo=0_1", "dp=1_0", "dp=inf", "eo_half=1e999", "di=_1"])
def test_a_limit_is_a_number(text):
    with pytest.raises(InputError, match="limit"):
        Limit.of(text)


def extreme(groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All groups but the last get everything, and nearly everybody is in the last."""
    n = 40_000
    s = np.where(np.arange(n) < 2 * (groups - 1), np.arange(n) // 2, groups - 1)
    y = np.arange(n) % 2
    return y, (s < groups - 1).astype(int), s


@pytest.mark.parametrize("groups", [2, 3, 5])
@pytest.mark.parametrize("name", ["dp", "dp_half", "eo_half", "eo_code", "eo_code_half"])
def test_a_deviation_reaches_as_far_as_is_said(name, groups):
    """The bound is approached by people at the extreme, and nobody drawn at random is beyond."""
    top = reach(name, groups, True)
    assert top * 0.99 < float(metric(name)(*extreme(groups))) <= top
    rng = np.random.default_rng(0)
    for _ in range(100):
        s = rng.choice(groups, 60, p=rng.dirichlet(np.full(groups, 0.5)))
        y, y_hat = rng.integers(0, 2, 60), (rng.random(60) < rng.random(groups)[s]).astype(int)
        value = metric(name).of_table(group_table(y, y_hat, s, groups=range(groups)))
        assert not value > top + 1e-12  # NaN where a cell is empty


@pytest.mark.parametrize(
    "name", [k for k in DEFINITIONS if DEFINITIONS[k].larger_is_fairer is False]
)
@pytest.mark.parametrize("groups", [2, 4])
def test_a_limit_out_of_reach_is_refused(name, groups):
    s = np.arange(N) % groups
    top = reach(name, groups, True)
    assert top <= max(2, groups - 1)
    assert answers(Y, Y_HAT, s, limits=[Limit(name, top)]) == ["kept"]
    with pytest.raises(InputError, match=rf"{name} runs from 0 to .*a fraction, not per cent"):
        answers(Y, Y_HAT, s, limits=[Limit(name, top * 1.01)])


def test_overlapping_groups_may_leave_everybody_else_out():
    """Two small groups get everything and nobody else anything: the sum is nearly 2."""
    few = {"a": np.arange(N) < 4, "b": np.arange(N) < 8}
    found = audit(np.arange(N) % 2, (np.arange(N) < 8).astype(int), members=few, n_resamples=100)
    assert 1.9 < found.definitions["dp"].value <= reach("dp", 2, False) == 2
    assert answers(Y, Y_HAT, members=few, limits=[Limit("dp", 2)])


# --- names of groups ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [("01", "1"), ("1_0", "10"), ("1e3", "1000"), ("+1", "1"), ("-0", "0"), ("1.0", "1"),
     ("True", "true"), ("1", "٠١"), ("9007199254740993", "9007199254740992")],
)  # fmt: skip
def test_groups_in_a_file_are_told_apart_by_their_text(tmp_path, one, other):
    path = write(tmp_path, s=np.where(S, one, other))
    found = read(path, y="y", y_hat="d", s=["s"])
    assert {str(v) for v in found.s[0]} == {one, other}
    assert gate(path) == 1


def test_whole_numbers_stay_numbers(tmp_path):
    assert read(write(tmp_path), y="y", y_hat="d", s=["s"]).s[0].tolist() == S.tolist()
    path = write(tmp_path, y=np.where(Y, "1.0", "00"))  # labels may be written in two ways
    assert read(path, y="y", y_hat="d", s=["s"]).y.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "labels",
    [[("a, b", "c"), ("a", "b, c")], [1, "1"], [1, "1", "'1'"], [("1", 1), (1, "1")], [0, "f"]],
)
def test_no_two_names_are_the_same(labels):
    assert list(spelled(labels)) == labels
    assert len(set(spelled(labels).values())) == len(labels)


def test_names_stay_plain_where_they_can():
    assert spelled([("f", 0), ("m", 0)]) == {("f", 0): "f, 0", ("m", 0): "m, 0"}


def test_things_that_write_themselves_alike_are_counted():
    class Mute:
        def __repr__(self):
            return "mute"

    assert list(spelled([Mute(), Mute()]).values()) == ["mute (0)", "mute (1)"]


@pytest.mark.parametrize(
    "s",
    [[np.where(S, "a, b", "a"), np.where(S, "c", "b, c")], [1 if v else "1" for v in S]],
    ids=["commas", "a number and its text"],
)
def test_every_group_is_in_the_json_and_on_the_page(s):
    found = audit(Y, Y_HAT, s, score=SCORE, n_resamples=100)
    kept = json.loads(json.dumps(found.as_dict()))
    for part in ("groups", "rates", "scores"):
        assert len(kept[part]) == 2, part
    assert sum(kept["groups"].values()) == N
    page = BeautifulSoup(sheet(found, title="t"), "html.parser")
    heads = [tag.get_text() for tag in page.find_all("th", {"scope": "row"})]
    assert all(heads.count(name) == 2 for name in kept["groups"])  # rates and scores


def test_classes_that_print_alike_are_told_apart():
    y, y_hat = ([{0: 1, 1: "1"}[v] for v in column.tolist()] for column in (Y, Y_HAT))
    found = audit(y, y_hat, S, positive="1", n_resamples=100).as_dict()
    assert found["classes"] == ["1", "'1'"]
    assert found["positive"] == "'1'"


# --- thresholds, numbers and words of a file ------------------------------------------------


@pytest.mark.parametrize("cut", ["nan", "inf", "-inf", "50", "-1", "1"])
def test_a_threshold_parts_people(tmp_path, capsys, cut):
    path = write(tmp_path)
    assert gate(path, f"--threshold={cut}", decided=("--score", "p")) == 2
    assert "decides alike for everybody: column 'p' runs from" in capsys.readouterr().err


def test_the_default_threshold_parts_people_too(tmp_path):
    with pytest.raises(InputError, match=r"threshold 0\.5 decides alike"):
        read(write(tmp_path, p=SCORE / 3), y="y", score="p", s=["s"])


def test_decisions_and_a_threshold_are_one_too_many(tmp_path):
    with pytest.raises(InputError, match="--threshold too"):
        read(write(tmp_path), y="y", y_hat="d", score="p", s=["s"], threshold=0.5)


@pytest.mark.parametrize("option", ["score", "weight"])
@pytest.mark.parametrize("cell", ["1_0", "_1", "1__0", "f", "inf", "1e999"])
def test_a_number_is_one_for_other_programs_too(tmp_path, option, cell):
    path = write(tmp_path, x=[cell, *SCORE[1:]])
    with pytest.raises(DataError, match="column 'x' holds"):
        read(path, y="y", y_hat="d", s=["s"], **{option: "x"})


@pytest.mark.parametrize(
    "words", [("true", "false"), ("yes", "no"), ("1_0", "0_0"), ("2", "0"), ("Yes", "0")]
)
def test_decisions_in_other_words_are_refused(tmp_path, words):
    path = write(tmp_path, d=np.where(Y_HAT, *words))
    with pytest.raises(DataError, match=r"column 'd' holds .* no label in column 'y'.*same words"):
        read(path, y="y", y_hat="d", s=["s"])


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_favourable_label_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="--positive is empty"):
        read(write(tmp_path), y="y", y_hat="d", s=["s"], positive=text)


NOTHING = [".", "?", "NA", "#NA", "#N/A", "-nan", "+nan", "1.#IND", "-1.#QNAN", "#DIV/0!", "#REF!"]


@pytest.mark.parametrize("cell", NOTHING)
def test_every_word_for_nothing_is_missing(tmp_path, cell):
    path = write(tmp_path, s=[cell, *S[1:]])
    with pytest.raises(DataError, match="column 's' is missing for 1 of 400"):
        read(path, y="y", y_hat="d", s=["s"])


@pytest.mark.parametrize("blank", [",,,", " , , ,", '"",,,""'])
def test_people_without_any_cell_are_missing_and_not_gone(tmp_path, blank):
    path = write(tmp_path, lambda lines: [*lines[:3], blank, *lines[3:]])
    with pytest.raises(DataError, match="line 4"):
        read(path, y="y", y_hat="d", s=["s"])


@pytest.mark.parametrize("blank", [",,,", " , , ,", "", "  "])
def test_what_a_spreadsheet_leaves_below_its_table_is_no_people(tmp_path, blank):
    path = write(tmp_path, lambda lines: [*lines, blank, "", blank])
    assert len(read(path, y="y", y_hat="d", s=["s"]).y) == N


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e"])
def test_only_ends_of_lines_end_lines(tmp_path, mark):
    path = write(tmp_path, t=np.where(S, f"a{mark}b", "c"))
    found = read(path, y="y", y_hat="d", s=["t"])
    assert set(found.s[0]) == {f"a{mark}b", "c"}


# --- columns of other people ----------------------------------------------------------------

COLUMNS = ["y", "y_hat", "s", "s[0]", "score", "sample_weight", "members", "members['a']"]


def columns(change, which: str) -> dict:
    """All columns of an audit, one of them changed."""
    given = {"y": Y, "y_hat": Y_HAT, "score": SCORE, "sample_weight": WEIGHT}
    given = {name: pd.Series(v) for name, v in given.items()}
    both = {"a": pd.Series(S), "b": pd.Series(1 - S)}
    if which.startswith("s[") or which == "s":
        first = change(pd.Series(S)) if which != "s" else None
        return {**given, "s": change(pd.Series(S)) if first is None else [first, pd.Series(Y)]}
    if which == "members":
        return {**given, "members": change(pd.DataFrame(both))}
    if which.startswith("members["):
        return {**given, "members": {**both, "a": change(both["a"])}}
    return {**given, "s": pd.Series(S), which: change(given[which])}


@pytest.mark.parametrize("which", COLUMNS)
def test_columns_in_another_order_are_refused(which):
    with pytest.raises(InputError, match="have different indexes"):
        audit(**columns(lambda v: v.sample(frac=1, random_state=0), which), n_resamples=100)


def test_two_columns_alone_are_compared_as_well():
    shuffled = pd.DataFrame({"a": S, "b": 1 - S}).sample(frac=1, random_state=0)
    for name, values in (("sample_weight", WEIGHT), ("score", SCORE)):
        with pytest.raises(InputError, match="have different indexes"):
            audit(Y, Y_HAT, members=shuffled, **{name: pd.Series(values)}, n_resamples=100)


@pytest.mark.parametrize("which", [c for c in COLUMNS if c != "members"])
def test_masked_values_are_refused(which):
    with pytest.raises(InputError, match="masked values: drop or impute") as caught:
        audit(**columns(lambda v: np.ma.array(v.to_numpy(), mask=S == 1), which), n_resamples=100)
    assert str(caught.value).startswith(which)


@pytest.mark.parametrize("which", ["y", "s", "score"])
def test_a_mask_of_nothing_is_an_array(which):
    given = columns(lambda v: np.ma.array(v.to_numpy(), mask=False), which)
    assert audit(**given, n_resamples=100).n == N


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_scores_are_refused(value):
    with pytest.raises(InputError, match=r"score holds -?inf for 1 people"):
        audit(Y, Y_HAT, S, score=[value, *SCORE[1:]], n_resamples=100)


# --- levels and weights ---------------------------------------------------------------------


@pytest.mark.parametrize(("level", "text"), [(0.5, "50 %"), (0.57, "57 %"), (0.999, "99.9 %")])
def test_the_page_writes_the_level_that_was_used(level, text):
    found = audit(Y, Y_HAT, S, score=SCORE, limits=TIGHT, n_resamples=100, level=level)
    page = BeautifulSoup(sheet(found, title="t"), "html.parser").get_text()
    assert page.count(text) == 3
    assert "95 %" not in page
    assert found.as_dict()["level"] == level


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e-100, 7.0, 1e100, 1e200, 1e300])
@pytest.mark.parametrize("weight", [WEIGHT, np.ones(N)], ids=["drawn", "equal"])
def test_only_the_ratio_of_weights_counts(factor, weight):
    one, other = (
        audit(Y, Y_HAT, S, score=SCORE, sample_weight=w, limits=TIGHT, n_resamples=100).as_dict()
        for w in (weight, factor * weight)
    )
    assert leaves(other) == {k: near(v) for k, v in leaves(one).items()}


def leaves(tree, path=()) -> dict:
    """Everything in a JSON document by its path."""
    parts = enumerate(tree) if isinstance(tree, list) else getattr(tree, "items", tuple)()
    found = {k: v for key, part in parts for k, v in leaves(part, (*path, key)).items()}
    return found or {path: tree}


def near(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_light_groups_have_the_intervals_of_heavy_ones(factor):
    """The numbers of a group do not know what the others weigh."""
    heavy, light = (
        audit(Y, Y_HAT, S, score=SCORE, sample_weight=np.where(S, 1, c), n_resamples=100).scores
        for c in (1, factor)
    )
    for group in (0, 1):
        for name, one in heavy[group].items():
            got = light[group][name]
            assert (got.value, got.low, got.high) == pytest.approx((one.value, one.low, one.high))


@pytest.mark.parametrize("seed", range(5))
def test_pairs_that_are_all_in_order_have_no_interval(seed):
    """Whatever the weights add up to: rounding is no sign of a pair that is not."""
    weight = np.random.default_rng(seed).random(N)
    for score in (Y, 1 - Y):
        found = audit(Y, Y_HAT, S, score=score + 0.1 * S, sample_weight=weight, n_resamples=100)
        assert all(np.isnan([v["auc"].low, v["auc"].high]).all() for v in found.scores.values())


def test_refusals_are_one_line_that_names_a_fix():
    for given, _ in LONE.values():
        with pytest.raises(FairtutError) as caught:
            answers(Y, Y_HAT, **given)
        assert "\n" not in str(caught.value)
        assert "pass" in str(caught.value) or "give" in str(caught.value)


# --- labels of a file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["Yes", "yes", "no", "no"], "yes"),
        (["True", "False", "1", "0"], "1"),
        (["<=50K", ">50K", "<=50K.", ">50K."], ">50K"),
        (["fema\u200ble", "male", "female", "male"], "female"),
    ],
)
@pytest.mark.parametrize("column", ["y", "h"])
def test_two_spellings_of_a_label_are_no_two_classes(
    tmp_path: Path, labels: list[str], positive: str, column: str
) -> None:
    file = tmp_path / "p.csv"
    other = [labels[0], labels[2], labels[0], labels[2]]
    pairs = zip(labels, other, strict=True) if column == "y" else zip(other, labels, strict=True)
    rows = "".join(f"{a},{b},{'fm'[i % 2]}\n" for i, (a, b) in enumerate(pairs))
    file.write_text("y,h,s\n" + rows, encoding="utf-8")
    with pytest.raises(DataError, match="spell one label in one way"):
        read(file, y="y", y_hat="h", s=["s"], positive=positive)


def test_a_score_that_rounding_put_beside_one_is_one(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("y,p,s\n1,1.0000000000000002,f\n0,-1e-17,m\n1,.7,m\n0,.2,f\n")
    found = read(file, y="y", score="p", s=["s"])
    assert found.score is not None and found.score.tolist() == [1.0, 0.0, 0.7, 0.2]
    file.write_text("y,p,s\n1,1.01,f\n0,0,m\n")
    with pytest.raises(InputError, match="runs from"):
        read(file, y="y", score="p", s=["s"])


def test_a_dumped_null_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("y,h,s\n1,1,f\n0,1,\\N\n")
    with pytest.raises(DataError, match="missing"):
        read(file, y="y", y_hat="h", s=["s"])
