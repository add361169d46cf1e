"""The five questions: toy methods whose answers are known, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fairtut.errors import InputError, RecordError
from fairtut.evidence.recording import Record
from fairtut.lab import pairs
from fairtut.lab.asked import CONTROLS, answered, asked, identifier, untested
from fairtut.lab.board import Board, Scored
from fairtut.lab.choice import beats
from fairtut.lab.controls import swept
from fairtut.lab.envelope import mixed_number
from fairtut.lab.plane import Plane, front_number, line_number
from fairtut.metrics import Estimate
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.page import controls
from fairtut.page.style import GREY, PALETTE

PARTS, SEEDS, N = ("val", "test"), 3, 400
RIVALS = {"threshold": "threshold", "groups": "groups", "noise": "noise"}
NAN = float("nan")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    plt.close("all")


def crowd() -> tuple[np.ndarray, np.ndarray]:
    """Return labels and groups: a hundred people in each of the four cells."""
    y, s = (v.ravel() for v in np.indices((2, 2)).repeat(N // 4, axis=-1))
    return y, s


def wrong(y: np.ndarray, *cells: tuple[int, int, slice]) -> np.ndarray:
    """Return the truth with mistakes about some people, given as (label, group, which)."""
    y_hat = y.copy()
    for label, group, which in cells:
        start = N // 4 * (2 * label + group)
        people = np.arange(start, start + N // 4)[which]
        y_hat[people] = 1 - label
    return y_hat


def board(resamples: int = 300) -> Board:
    """Return a board of methods whose answers follow from their mistakes.

    The model as it is refuses 60 good people of group 0.  ``worse`` refuses these and 20 more,
    ``swapped`` makes the 60 mistakes of another model of the same accuracy and gap.
    """
    y, s = crowd()
    people = {
        part: Panel(y, s, n_resamples=resamples if part == "test" else 0) for part in PARTS
    }  # fmt: skip
    margin = np.where(wrong(y, (1, 0, slice(60))) == 1, 1.0, -1.0)
    told = {
        "model": wrong(y, (1, 0, slice(60))),
        "truth": y,
        "worse": wrong(y, (1, 0, slice(80)), (0, 1, slice(20))),
        "swapped": wrong(y, (1, 0, slice(40, 100))),
        "noise": wrong(y, (1, 0, slice(60)), (1, 1, slice(10)), (0, 1, slice(10))),
    }
    decisions = {
        name: {part: np.broadcast_to(y_hat == 1, (1, SEEDS, N)) for part in PARTS}
        for name, y_hat in told.items()
    }
    scores = {part: np.broadcast_to(margin, (SEEDS, N)) for part in PARTS}
    groups = dict.fromkeys(PARTS, s)
    decisions["threshold"] = dict(swept(scores, 11))
    decisions["groups"] = dict(pairs.paired(scores, people["val"], groups, Panel.deo))
    return Board(people, decisions, {"deo": Panel.deo})


def told(method: str, **rivals: str) -> dict[str, str]:
    """Return the answers of a method by the last word of their ids."""
    found = asked(board(), "x", method, "deo", "model", rivals or RIVALS)
    return {name.rpartition(".")[2]: entry.note.rpartition(" ")[2] for name, entry in found.items()}


# ---------------------------------------------------------------- answers


def test_all_five_are_asked_under_their_names() -> None:
    found = asked(board(), "x", "truth", "deo", "model", RIVALS)
    assert list(found) == [identifier("x", name) for name in CONTROLS]
    for entry in found.values():
        assert len(entry.values) == SEEDS and entry.n == N and entry.unit == "fraction"


def test_a_method_without_a_mistake_beats_every_control() -> None:
    assert set(told("truth").values()) == {"yes"}


def test_a_method_with_more_mistakes_beats_only_the_constant() -> None:
    found = told("worse")
    assert found.pop("constant") == "yes"  # it still is better than one answer for all
    assert set(found.values()) == {"no"}, found


def test_equal_decisions_do_not_beat_each_other() -> None:
    """No difference in any resample: that is a no, and nothing that more people would settle."""
    same = asked(board(), "x", "model", "deo", "model", {"noise": "model"})
    for control in ("mixing", "noise"):
        entry = same[identifier("x", control)]
        assert entry.values == [0.0] * SEEDS and entry.people == (0.0, 0.0)
        assert entry.note.endswith("no")


def test_as_many_other_mistakes_are_unclear() -> None:
    found = asked(board(), "x", "swapped", "deo", "model", {"noise": "model"})
    entry = found[identifier("x", "noise")]
    low, high = entry.people
    assert entry.values == pytest.approx([0.0] * SEEDS) and low < 0 < high
    assert entry.note.endswith("unclear")


def test_one_point_against_a_line_is_a_line_itself() -> None:
    """By hand: gain .45 and gap .1 where the model has .35 and .6 give .45 (1 - .1 / 1.2)."""
    y, _ = crowd()
    known = board(0)
    better = {part: (wrong(y, (1, 0, slice(10))) == 1)[None, None] for part in PARTS}
    better = {part: d.repeat(SEEDS, 1) for part, d in better.items()}
    whole = Board(known.people, {**known.decisions, "better": better}, known.gaps)
    found = whole.compared("better", "deo", "model")["mixing"]
    accuracy, plain = 1 - 10 / N - 0.5, 1 - 60 / N - 0.5
    expected = accuracy * (1 - 0.1 / 1.2) - plain / 2
    np.testing.assert_allclose(found.draws[:, 0], expected)


def test_the_answer_is_that_of_the_recorded_interval() -> None:
    """Three draws without a common interval: the t-interval decides; one draw has none."""
    for values, word in (
        ([0.1, 0.11, 0.12], "yes"), ([-0.1, -0.11, -0.12], "no"), ([0.3, -0.3, 0.1], "unclear"),
        ([0.1, 0.3, -0.02], "unclear"),  # a narrower interval than that of 95 % would lie above 0

        ([0.1], "unclear"), ([NAN, NAN], "not tested"),
    ):  # fmt: skip
        entry = answered(Entry(values, 5, "fraction"))
        assert entry.note == f"does it beat this control? {word}"
        record = Record(chapter="toy", preset="smoke", data="synthetic")
        record.measure("a.b", **vars(entry))
        assert beats(record.standard("a.b")) == word
    assert answered(Entry([0.1], 5, "fraction", "rare")).note.endswith("; rare")


def test_people_of_each_seed_and_scores_without_decisions() -> None:
    """A board of scores answers as the board of decisions that the scores are from."""
    y, s = crowd()
    known = board(0)
    own = {part: [Panel(y, s, n_resamples=0)] * SEEDS for part in PARTS}
    each = Board(own, known.decisions, known.gaps)
    planes = {
        (name, "deo", part): each.plane(name, "deo", part)
        for name in known.decisions
        for part in PARTS
    }
    scored = Scored(planes, each.constant()[:, 0], N)
    first, other = (
        asked(one, "x", "worse", "deo", "model", RIVALS) for one in (each, scored)
    )  # fmt: skip
    assert first == other and all(entry.people is None for entry in first.values())
    with pytest.raises(InputError, match="test people only"):
        scored.constant("val")


# ---------------------------------------------------------------- mixtures


def hull_area(gap: np.ndarray, gain: np.ndarray, limit: float) -> float:
    """Return the area below the envelope, from every pair of points at many limits."""
    x, y = np.append(gap, 0.0), np.append(gain, 0.0)
    grid = np.linspace(0, limit, 4001)
    best = np.zeros_like(grid)
    for i in range(len(x)):
        best = np.where(grid >= x[i], np.maximum(best, y[i]), best)
        for j in range(len(x)):
            if x[i] < x[j]:
                line = y[i] + (y[j] - y[i]) * (grid - x[i]) / (x[j] - x[i])
                best = np.where((grid >= x[i]) & (grid <= x[j]), np.maximum(best, line), best)
    return float(((best[1:] + best[:-1]) / 2).mean() * limit)


@pytest.mark.parametrize("seed", range(4))
def test_the_envelope_is_that_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = Plane(*(rng.random((9, 2, 3)) for _ in range(2)))
    plane.gap[0] = 0.0  # somebody has no gap at all
    first = Plane(*(v[..., :1] for v in plane))
    found = mixed_number(first, plane, 0.4, 0.6)
    for run in range(2):
        front = first.front(run)
        for draw in range(3):
            points = (plane.gap[front, run, draw], plane.accuracy[front, run, draw] - 0.4)
            assert found[run, draw] == pytest.approx(hull_area(*points, 0.6) / 0.6, abs=1e-3)


def test_the_envelope_of_one_point_is_the_mixing_line_and_no_front_is_worth_more() -> None:
    rng = np.random.default_rng(5)
    one = Plane(rng.random((1, 3, 50)), rng.random((1, 3, 50)))
    line = line_number(Plane(one.accuracy[0], one.gap[0]), 0.5, 0.4)
    np.testing.assert_allclose(mixed_number(one, one, 0.5, 0.4), line)
    several = Plane(rng.random((7, 3, 50)), rng.random((7, 3, 50)))
    steps, mixed = (f(several, several, 0.5, 0.4) for f in (front_number, mixed_number))
    assert (mixed >= steps - 1e-12).all() and (mixed > steps).any()


def test_an_envelope_without_numbers_has_none() -> None:
    plane = Plane(np.array([[[0.9]], [[0.7]]]), np.array([[[0.2]], [[NAN]]]))
    known = Plane(plane.accuracy, np.array([[[0.2]], [[0.1]]]))
    assert np.isnan(mixed_number(known, plane, 0.6, 0.2)).all()
    assert np.isnan(mixed_number(known, known, 0.6, 0.0)).all()
    nobody = Plane(plane.accuracy, np.full_like(plane.gap, NAN))  # no gap on validation people
    for number in (mixed_number, front_number):
        assert np.isnan(number(nobody, known, 0.6, 0.2)).all(), "never 0, as the constant has it"
        with pytest.raises(InputError, match="same settings"):
            number(known, Plane(*(v[:1] for v in known)), 0.6, 0.2)


# ---------------------------------------------------------------- thresholds per group


def test_pairs_are_the_least_gap_that_a_budget_allows() -> None:
    """Against every pair of scores, one by one."""
    rng = np.random.default_rng(0)
    s = np.arange(40) % 2
    y = (rng.random(40) < 0.25 + 0.5 * s).astype(int)  # unequal rates: parity costs accuracy
    margin = (2 * y - 1 + 1.5 * s + rng.normal(size=40)).astype(np.float32)
    people = Panel(y, s, n_resamples=0)
    found = pairs.chosen(margin, people, s, Panel.dp, (0.0, 0.2))
    cuts = [np.append(np.unique(np.quantile(margin[s == g], np.linspace(0, 1, 25))), 0.0)
            for g in (0, 1)]  # fmt: skip
    every = [margin > np.where(s == 0, a, b) for a in cuts[0] for b in cuts[1]]
    accuracy = [people.accuracy(y_hat)[0] for y_hat in every]
    for budget, pair in zip((0.0, 0.2), found, strict=True):
        least = min(
            people.dp(y_hat)[0]
            for y_hat, right in zip(every, accuracy, strict=True)
            if right >= max(accuracy) - budget
        )
        assert people.dp(margin > pair[s])[0] == pytest.approx(least)
    assert people.accuracy(margin > found[0][s])[0] > people.accuracy(margin > 0)[0]
    assert people.dp(margin > found[1][s])[0] < people.dp(margin > found[0][s])[0]


def test_pairs_see_no_test_label_and_follow_the_seed() -> None:
    y, s = crowd()
    rng = np.random.default_rng(1)
    margin = {part: rng.normal(size=(2, N)) + 2 * y - 1 + s for part in PARTS}
    val = Panel(y, s, n_resamples=0)
    groups = {"val": s, "test": np.stack([s, 1 - s])}  # of each seed
    found = pairs.paired(margin, [val, val], groups, Panel.dp)
    for run in range(2):
        limits = pairs.chosen(margin["val"][run], val, s, Panel.dp)
        for i, pair in enumerate(limits):
            whose = groups["test"][run]
            np.testing.assert_array_equal(found["test"][i, run], margin["test"][run] > pair[whose])


def test_a_group_without_validation_people_keeps_the_deployed_threshold() -> None:
    y = np.array([0, 1, 0, 1])
    people = Panel(y, np.zeros(4, int), n_resamples=0)
    found = pairs.chosen(np.array([-1.0, 1, -2, 2]), people, np.zeros(4), Panel.dp)
    assert (found[:, 1] == 0).all()


# ---------------------------------------------------------------- the drawing


def about(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, value - half, value + half, n=100, level=0.95, method="bootstrap")


FOUND = {
    "ours": {"a line": about(0.1), "a cut": about(-0.1), "noise": about(0.01)},
    "theirs": {"a line": about(NAN), "a cut": about(0.2), "noise": about(0.0)},
}


def test_a_mark_and_a_colour_say_the_answer() -> None:
    fig = controls.drawn(FOUND, "ours minus control →")
    ax = fig.axes[0]
    marks = {line.get_marker(): line for line in ax.lines if line.get_marker() != "None"}
    for mark, value, colour, height in (
        (">", 0.1, PALETTE[0], 0), ("<", -0.1, PALETTE[1], -1), ("o", 0.01, GREY, -2)
    ):  # fmt: skip
        np.testing.assert_allclose(marks[mark].get_xydata(), [[value, height]])
        assert marks[mark].get_color() == colour
    bars = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 2]
    assert any(np.allclose(bar, [[0.08, 0], [0.12, 0]]) for bar in bars)
    assert any(np.allclose(bar[:, 0], 0) for bar in bars)  # the line at zero
    assert [label.get_text() for label in ax.get_yticklabels()] == list(FOUND["ours"])
    assert [ax.get_title() for ax in fig.axes] == list(FOUND)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["yes", "no", "unclear"]


def test_what_was_not_tested_is_written_out() -> None:
    ax = controls.drawn(FOUND).axes[1]
    assert [(t.get_text(), t.get_position()[1]) for t in ax.texts] == [("not tested", 0)]
    row = controls.table(FOUND).set_index("does it beat")
    assert row.loc["a line"].tolist() == ["**yes** .100 [.080, .120]", "not tested"]
    assert row.loc["a cut"].tolist() == [
        "**no** -.100 [-.120, -.080]",
        "**yes** .200 [.180, .220]",
    ]
    assert row.loc["noise", "theirs"].startswith("**unclear**")


def test_many_methods_take_several_rows_and_none_is_refused() -> None:
    fig = controls.drawn({f"method {i}": FOUND["ours"] for i in range(6)})
    drawn = [ax for ax in fig.axes if ax.get_title()]
    assert len(drawn) == 6 and len({ax.get_position().y0 for ax in fig.axes}) == 3
    with pytest.raises(InputError, match="nothing to draw"):
        controls.drawn({})


def test_a_record_gives_what_was_asked_in_the_words_of_the_chapter() -> None:
    record = Record(chapter="toy", preset="smoke", data="synthetic")
    for id, entry in asked(board(), "x", "truth", "deo", "model", RIVALS).items():
        record.measure(id, **vars(entry))
    record.measure(identifier("x", "untrained"), **vars(untested(N, "there is no training")))
    found = controls.answers(record, {"x": "ours"}, {"noise": "dust", "untrained": "no training"})
    assert list(found["ours"]) == [*list(CONTROLS.values())[:4], "dust", "no training"]
    assert beats(found["ours"]["dust"]) == "yes"
    assert beats(found["ours"]["no training"]) == "not tested"
    assert record.measurements["beats.x.untrained"].note == "not tested: there is no training"
    with pytest.raises(RecordError, match="run the chapter again"):
        controls.answers(record, {"y": "theirs"})
