"""The board of controls, with a toy method: what is chosen where, what is compared with what."""

import numpy as np
import pytest

from fairtut.errors import InputError
from fairtut.lab import controls
from fairtut.lab.board import Board
from fairtut.lab.choice import Choice, beats, fairest, within
from fairtut.lab.plane import Plane, front_number
from fairtut.metrics import DEFINITIONS, Estimate, group_table, hypervolume, pareto_front
from fairtut.metrics.panels import Panel

GAPS = {"dp": Panel.dp, "eo": lambda panel, y_hat: np.abs(panel.signed_gap(y_hat, 1))}
SEEDS, N = 3, 400


def world(seed: int = 0, runs: int | None = None):
    """Return labels and groups by part, of everybody or of each run."""
    rng = np.random.default_rng(seed)
    shape = (N,) if runs is None else (runs, N)
    s = {part: rng.integers(0, 2, shape) for part in ("val", "test")}
    y = {part: (rng.random(shape) < 0.35 + 0.2 * s[part]).astype(int) for part in s}
    return y, s


def scores(y, s, seed: int = 1, favour: float = 1.0):
    """Return margins that favour group 1, (seeds, n) by part."""
    rng = np.random.default_rng(seed)
    return {
        part: (2 * y[part] - 1 + favour * (2 * s[part] - 1) + rng.normal(size=(SEEDS, N)))
        for part in y
    }


def toy(seed: int = 0, resamples: int = 40, runs: int | None = None) -> Board:
    """Return a board: a biased model, fairer ones, a moved threshold and random decisions."""
    y, s = world(seed, runs)
    rng = np.random.default_rng(seed + 9)
    margin = scores(y, s)
    fairer = [scores(y, s, favour=f) for f in (0.6, 0.3, 0.0)]
    methods = {
        "model": {part: margin[part][None] > 0 for part in y},
        "ours": {part: np.stack([m[part] for m in fairer]) > 0 for part in y},
        "threshold": controls.swept(margin, 21),
        "random": {part: rng.random((5, SEEDS, N)) < 0.5 for part in y},
    }
    return Board(people(y, s, resamples), methods, GAPS)


def people(y, s, resamples):
    draws = {"val": 0, "test": resamples}
    if y["val"].ndim == 1:
        return {part: Panel(y[part], s[part], n_resamples=draws[part]) for part in y}
    rows = {part: zip(y[part], s[part], strict=True) for part in y}
    return {part: [Panel(*one, n_resamples=0) for one in rows[part]] for part in y}


# ---------------------------------------------------------------- planes


@pytest.mark.parametrize("gap", ["dp", "eo"])
def test_a_plane_holds_what_the_metrics_package_counts(gap):
    board, (y, s) = toy(), world()
    plane = board.plane("ours", gap, "test")
    assert plane.accuracy.shape == plane.gap.shape == (3, SEEDS, 41)
    name = {"dp": "demographic_parity_gap", "eo": "equal_opportunity_gap"}[gap]
    for i, seed in ((0, 0), (2, 1)):
        y_hat = board.decisions["ours"]["test"][i, seed].astype(int)
        counted = group_table(y["test"], y_hat, s["test"], classes=(0, 1), groups=(0, 1))
        assert plane.gap[i, seed, 0] == pytest.approx(float(DEFINITIONS[name].of_table(counted)))
        assert plane.accuracy[i, seed, 0] == pytest.approx((y_hat == y["test"]).mean())


def test_seeds_with_people_of_their_own_are_measured_on_them():
    board, (y, _) = toy(runs=SEEDS, resamples=0), world(runs=SEEDS)
    assert not board.shared and toy().shared
    right = board.decisions["ours"]["test"] == y["test"]
    np.testing.assert_allclose(board.plane("ours", "dp", "test").accuracy[..., 0], right.mean(-1))
    share = y["test"].mean(1)
    np.testing.assert_allclose(board.constant()[:, 0], np.maximum(share, 1 - share))


def test_a_method_may_have_decisions_for_each_gap():
    board = toy()
    both = {("own", "dp"): board.decisions["ours"], ("own", "eo"): board.decisions["random"]}
    other = Board(board.people, both, GAPS)
    for gap, same in (("dp", "ours"), ("eo", "random")):
        np.testing.assert_array_equal(
            other.decided("own", gap, "val"), board.decisions[same]["val"]
        )


def test_a_board_refuses_other_seeds_and_other_panels():
    board = toy()
    short = {part: d[:, :2] for part, d in board.decisions["ours"].items()}
    with pytest.raises(InputError, match="one shape"):
        Board(board.people, {**board.decisions, "short": short}, GAPS)
    with pytest.raises(InputError, match="one for each seed"):
        Board({p: [one, one] for p, one in board.people.items()}, board.decisions, GAPS)
    with pytest.raises(InputError, match="one shape"):
        Board(board.people, {}, GAPS)


# ---------------------------------------------------------------- chosen on validation


def flipped(board: Board) -> Board:
    """Return the board with other test labels, and the same validation people."""
    test = board.panels("test")[0]
    other = Panel(1 - test.y, test.s, n_resamples=0)
    return Board({**board.people, "test": other}, board.decisions, GAPS)


def test_nothing_that_is_chosen_sees_a_test_label():
    board = toy(resamples=0)
    other = flipped(board)
    assert not np.allclose(
        board.plane("ours", "eo", "test").gap, other.plane("ours", "eo", "test").gap
    )
    floors = [0.6, 0.7, 0.8]
    for method in ("ours", "threshold", "random"):
        for gap in GAPS:
            assert board.choose(method, gap, floors) == other.choose(method, gap, floors)
            fronts = [b.plane(method, gap, "val").front(1) for b in (board, other)]
            np.testing.assert_array_equal(*fronts)
    margin = scores(*world())
    val = board.panels("val")[0]
    accepted = controls.moved(margin["val"], margin["test"], val, Panel.dp, [0.5] * SEEDS, 51)
    assert (val.dp(controls.moved(margin["val"], margin["val"], val, Panel.dp, [0.5] * SEEDS, 51))
            <= val.dp(margin["val"] > 0)).all()  # fmt: skip
    assert accepted.shape == (SEEDS, N)


def test_a_front_is_chosen_on_validation_and_measured_on_test():
    board, worst = toy(), 0.4
    known, found = (board.plane("threshold", "dp", part) for part in ("val", "test"))
    number = board.front("threshold", "dp", worst)
    for run in range(SEEDS):
        front = pareto_front(np.column_stack([v[:, run, 0] for v in known]), False)
        for draw in (0, 7):
            points = np.column_stack([v[front, run, draw] for v in found])
            wanted = hypervolume(points, (board.constant()[0, draw], worst), False) / worst
            assert number[run, draw] == pytest.approx(wanted)
    seen = board.front("threshold", "dp", worst, on="test")[:, 0]
    assert (seen >= number[:, 0] - 1e-12).all()
    few = board.front("threshold", "dp", worst, among=[3, 4])[:, 0]
    assert (few <= seen).all()


def test_a_front_that_is_chosen_on_test_hides_what_selection_costs():
    """Validation believes in one setting and test in the other."""
    y, s = world()
    both = [(2 * y[part] - 1) * np.ones((1, SEEDS, N)) > 0 for part in ("val", "test")]
    chance = np.random.default_rng(4).random((1, SEEDS, N)) < 0.5
    split = {"val": np.concatenate([both[0], chance]), "test": np.concatenate([chance, both[1]])}
    board = Board(people(y, s, 0), {"split": split}, GAPS)
    assert (board.front("split", "eo", 0.4)[:, 0] < 0.05).all()
    gained = board.front("split", "eo", 0.4, on="test")[:, 0]
    np.testing.assert_allclose(gained, 1 - board.constant()[0, 0])


def test_the_number_of_a_front_can_be_undefined():
    board = toy(resamples=0)
    assert np.isnan(board.front("ours", "dp", 0.0)).all()
    plane = board.plane("ours", "dp", "test")
    empty = Plane(plane.accuracy, np.full_like(plane.gap, np.nan))
    assert np.isnan(front_number(plane, empty, 0.5, 0.3)).all()
    with pytest.raises(InputError, match="same settings"):
        front_number(plane, Plane(*(v[:1] for v in plane)), 0.5, 0.3)


# ---------------------------------------------------------------- the selection rule


def test_the_fairest_setting_above_the_floor_is_picked():
    accuracy, gap = [0.9, 0.88, 0.85, 0.6], [0.3, 0.1, 0.2, 0.0]
    assert fairest(accuracy, gap, 0.84) == Choice(1, True)
    assert fairest(accuracy, gap, 0.89) == Choice(0, True)
    assert fairest(accuracy, gap, -np.inf) == Choice(3, True)
    assert fairest(accuracy, gap, 0.95) == Choice(0, False)
    assert fairest(accuracy, gap, 0.84, barred=[0, 1, 0, 0]) == Choice(2, True)
    assert fairest(accuracy, [0.1, 0.1, 0.1, 0.1], 0.5) == Choice(0, True)
    with pytest.raises(InputError, match="settings"):
        fairest([], [], 0.5)
    with pytest.raises(InputError, match="settings"):
        fairest(accuracy, gap[:2], 0.5)


def test_an_undefined_gap_is_the_last_resort():
    nan = float("nan")
    assert fairest([0.9, 0.8, 0.7], [nan, 0.5, 0.1], 0.75) == Choice(1, True)
    assert fairest([0.6, 0.9, 0.8], [0.0, nan, nan], 0.75) == Choice(1, True)


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_agrees_with_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    accuracy, gap = rng.integers(0, 6, (2, 30)) / 5  # many ties
    best = None
    for i in range(30):
        if accuracy[i] >= 0.6 and (best is None or gap[i] < gap[best]):
            best = i
    assert fairest(accuracy, gap, 0.6).index == best


def test_the_rule_turned_round_is_the_most_accurate_within_a_limit():
    accuracy, gap = [0.9, 0.88, 0.88, 0.6], [0.3, 0.15, 0.1, 0.0]
    assert within(accuracy, gap, 0.2) == Choice(2, True)  # a tie goes to the fairer
    assert within(accuracy, gap, 0.4) == Choice(0, True)
    assert within(accuracy, gap, -0.1) == Choice(3, False)
    ratio = [0.5, 0.7, 0.85, 1.0]
    assert within(accuracy, ratio, 0.8, larger_is_fairer=True) == Choice(2, True)
    nan = [float("nan")] * 4
    assert within(accuracy, nan, 0.2) == Choice(0, False)
    assert within(accuracy, [*nan[:3], 0.1], 0.2) == Choice(3, True)


@pytest.mark.parametrize("seed", range(5))
def test_both_sides_of_the_rule_meet_on_the_front(seed):
    """What is most accurate within a limit is fairest at its own accuracy, and the other way."""
    accuracy, gap = np.random.default_rng(seed).random((2, 40))
    first = within(accuracy, gap, 0.4).index
    assert fairest(accuracy, gap, accuracy[first]) == Choice(first, True)
    other = fairest(accuracy, gap, 0.7).index
    assert within(accuracy, gap, gap[other]) == Choice(other, True)


# ---------------------------------------------------------------- answers


def test_a_method_that_is_told_the_truth_beats_everything_and_chance_nothing():
    board, (y, _) = toy(), world()
    truth = {part: np.broadcast_to(y[part], (1, SEEDS, N)) for part in y}
    full = Board(board.people, {**board.decisions, "truth": truth}, GAPS)
    names = ("threshold", "ours", "random")
    found = full.compared("truth", "eo", "model", names)
    assert set(found) == {"constant", "mixing", *names}
    assert {one.answer for one in found.values()} == {"yes"}
    chance = full.compared("random", "eo", "model", ("threshold", "ours", "truth"))
    assert {chance[name].answer for name in ("mixing", "ours", "truth", "threshold")} == {"no"}
    assert chance["constant"].answer in ("no", "unclear")  # the number of a front is never below 0
    same = full.compared("ours", "eo", "model", ["ours"])["ours"]
    assert (same.difference.value, same.answer) == (0.0, "no")
    # fairer models of the same quality against the line to the constant
    fairer = full.compared("ours", "dp", "model")
    assert fairer["mixing"].answer == fairer["constant"].answer == "yes"


def test_an_answer_without_an_interval_is_unclear_and_without_a_number_not_tested():
    def answer(value: float, low: float, high: float) -> str:
        return beats(Estimate(value, low, high, 10, 0.95, "made up"))

    nan = float("nan")
    assert answer(0.1, 0.05, 0.2) == "yes"
    assert answer(-0.1, -0.2, -0.05) == "no"
    assert answer(0.1, -0.05, 0.2) == answer(0.1, 0.0, 0.2) == "unclear"
    assert (answer(0.1, nan, nan), answer(nan, nan, nan)) == ("unclear", "not tested")
    one = toy(runs=SEEDS, resamples=0)
    assert one.compared("ours", "dp", "model")["constant"].difference.n == SEEDS
    assert one.compared("ours", "dp", "model")["constant"].answer == "yes"


# ---------------------------------------------------------------- rows of a figure


def test_points_are_means_over_seeds_with_their_intervals():
    board = toy()
    plane, rows = board.plane("ours", "dp", "test"), board.points("ours", "dp", [2, 0])
    assert [row["setting"] for row in rows] == [2, 0]
    for row in rows:
        for name, values in plane._asdict().items():
            e = board.panels("test")[0].interval(values[row["setting"]])
            assert row[name] == pytest.approx(e.value)
            assert (row[f"{name}_low"], row[f"{name}_high"]) == (e.low, e.high)
    alone = toy(runs=SEEDS, resamples=0).points("ours", "dp", [0])[0]
    assert set(alone) == {"setting", "accuracy", "gap"}


def test_a_plane_gives_one_setting_per_seed_and_its_front():
    plane = toy().plane("threshold", "dp", "val")
    at = plane.at([4, 0, 9])
    np.testing.assert_array_equal(at.gap[2], plane.gap[9, 2])
    mean = np.column_stack([v[..., 0].mean(1) for v in plane])
    np.testing.assert_array_equal(plane.front(), pareto_front(mean, False))
    assert set(plane.front(among=[2, 5, 7])) <= {2, 5, 7}


# ---------------------------------------------------------------- thresholds


def test_moved_thresholds_bring_nobody_back_and_start_at_the_quantiles():
    y, s = world()
    margin = scores(y, s)
    swept = controls.swept(margin, 11)
    for part, y_hat in swept.items():
        assert y_hat.shape == (11, SEEDS, N), part
        assert (np.diff(y_hat.astype(int), axis=0) <= 0).all()
    np.testing.assert_allclose(swept["val"].mean(-1), np.linspace(1, 0, 11)[:, None] * np.ones(3),
                               atol=2 / N)  # fmt: skip
    reached = controls.swept(margin, 11, at=True)["val"]
    assert reached[0].all() and not swept["val"][-1].any()
    np.testing.assert_array_equal(reached[-1].sum(-1), 1)  # the largest score reaches itself


def test_the_deployed_threshold_is_a_candidate_and_the_floor_is_kept():
    y, s = world()
    margin, val = scores(y, s)["val"], Panel(y["val"], s["val"], n_resamples=0)
    plain = margin > 0
    for floor in (0.0, 0.7, 0.99):
        y_hat = controls.moved(margin, margin, val, Panel.deo, [floor] * SEEDS, 101)
        least = np.minimum(floor, val.accuracy(plain)[:, 0])
        assert (val.accuracy(y_hat)[:, 0] >= least).all()
        assert (val.deo(y_hat) <= val.deo(plain)).all()
    perfect = 2.0 * y["val"] - 1
    assert controls.threshold(perfect, val, Panel.deo, 1.0, 3) in (-1.0, 0.0)


def test_thresholds_per_group_undo_a_shift_that_one_threshold_cannot():
    y, s = world()
    margin = scores(y, s, favour=1.5)
    val, test = (Panel(y[part], s[part], n_resamples=0) for part in ("val", "test"))
    budgets = (0.0, 0.05, 0.5)
    chosen = controls.per_group(margin["val"], val, margin["val"], s["val"], budgets)
    assert chosen.shape == (3, SEEDS, N)
    deo, acc = val.deo(chosen)[..., 0], val.accuracy(chosen)[..., 0]
    plain = val.accuracy(margin["val"] > 0)[:, 0]
    assert (np.diff(deo, axis=0) <= 1e-12).all()
    assert (acc >= plain - np.array(budgets)[:, None] - 1e-9).all()
    # at least as good as one threshold, on the people that both are chosen on
    for budget, both in zip(budgets, deo, strict=True):
        one = controls.moved(margin["val"], margin["val"], val, Panel.deo, plain - budget, 401)
        assert (both <= val.deo(one)[:, 0] + 1e-12).all()
    moved = controls.per_group(margin["val"], val, margin["test"], s["test"], budgets)
    assert (test.deo(moved)[1, :, 0] < test.deo(margin["test"] > 0)[:, 0] - 0.2).all()


def test_thresholds_per_group_need_every_cell():
    y, s = world()
    y["val"][s["val"] == 1] = 0
    val, margin = Panel(y["val"], s["val"], n_resamples=0), scores(y, s)
    with pytest.warns(UserWarning, match="least_deo"):
        y_hat = controls.per_group(margin["val"], val, margin["test"], s["test"], [0.0])
    assert not y_hat.any()
