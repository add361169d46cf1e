"""Controls against simulation: random mixing, a brute-force integral, coverage of the answers."""

import numpy as np
import pytest

from fairtut.lab.choice import beats
from fairtut.lab.controls import matched_gap, mixed_gap
from fairtut.lab.plane import Plane, front_number, line_number
from fairtut.metrics import pareto_front
from fairtut.metrics.fronts import dominated
from fairtut.metrics.panels import Panel

N = 4000


def model(seed: int = 0, favour: float = 0.8):
    """Return people and the decisions of a model that favours group 1."""
    rng = np.random.default_rng(seed)
    s = rng.integers(0, 2, N)
    y = (rng.random(N) < 0.3 + 0.1 * s).astype(int)
    margin = 2 * y - 1 + favour * (2 * s - 1) + rng.normal(size=N)
    return Panel(y, s, n_resamples=0), (margin > 0).astype(int)


def plane(panel: Panel, y_hat) -> Plane:
    return Plane(panel.accuracy(y_hat), panel.dp(y_hat))


# ---------------------------------------------------------------- constant and mixing line


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_constant_is_the_better_of_two_constant_answers(share):
    y = (np.arange(1000) < 1000 * share).astype(int)
    panel = Panel(y, y, n_resamples=300)
    answers = panel.accuracy(np.stack([np.zeros(1000), np.ones(1000)]))
    np.testing.assert_allclose(panel.constant(), answers.max(0))
    assert panel.constant()[0] == pytest.approx(max(share, 1 - share))
    np.testing.assert_allclose(panel.majority(1 - y), panel.majority(y))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_mixing_line_is_the_mean_of_random_mixtures(share):
    panel, y_hat = model()
    rng = np.random.default_rng(3)
    times = 400
    mine = rng.random((times, N)) < share  # these people are decided by the model
    usual = int(panel.y.mean() > 0.5)
    mixed = np.where(mine, y_hat, usual)
    accuracy, gap = panel.accuracy(mixed)[:, 0], panel.signed_gap(mixed)[:, 0]
    one = plane(panel, y_hat)
    wanted = panel.constant() + share * (one.accuracy - panel.constant())
    line = mixed_gap(wanted, panel.constant(), one)
    # a mean of 400 simulations: five standard errors
    for simulated, value in ((accuracy, wanted[0]), (gap, line[0])):
        assert abs(simulated.mean() - value) < 5 * simulated.std() / np.sqrt(times)
    assert line[0] == pytest.approx(share * one.gap[0])


def test_the_line_ends_at_the_model_and_at_the_constant():
    panel, y_hat = model()
    one, low = plane(panel, y_hat), panel.constant()
    for line in (mixed_gap, matched_gap):
        np.testing.assert_allclose(line(one.accuracy, low, one), one.gap)
        np.testing.assert_allclose(line(one.accuracy + 0.1, low, one), one.gap)
        np.testing.assert_allclose(line(low, low, one), 0, atol=1e-12)
        np.testing.assert_allclose(line(low - 0.1, low, one), 0)


def test_a_model_no_better_than_the_constant_has_no_line():
    worse = Plane(np.array([0.5]), np.array([0.2]))
    # the two answers differ, and each chapter says which one it gives
    assert mixed_gap(0.55, 0.6, worse)[0] == pytest.approx(0.1)
    assert matched_gap(0.55, 0.6, worse)[0] == 0.2
    same = Plane(np.array([0.6]), np.array([0.2]))
    assert mixed_gap(0.6, 0.6, same)[0] == matched_gap(0.6, 0.6, same)[0] == 0.2


def test_a_rival_is_mixed_with_the_constant_below_and_with_the_model_above():
    rng = np.random.default_rng(5)
    panel, y_hat = model()
    fair, rival_hat = model(favour=0.0)
    np.testing.assert_array_equal(fair.y, panel.y)
    rival_hat = np.where(rng.random(N) < 0.1, 1 - rival_hat, rival_hat)  # less accurate, and fair
    top, rival, low = plane(panel, y_hat), plane(panel, rival_hat), panel.constant()
    assert low < rival.accuracy < top.accuracy
    half = (low + rival.accuracy) / 2
    assert matched_gap(half, low, top, rival)[0] == pytest.approx(rival.gap[0] / 2)
    half = (top.accuracy + rival.accuracy) / 2
    wanted = (top.gap + rival.gap) / 2
    np.testing.assert_allclose(matched_gap(half, low, top, rival), wanted)
    np.testing.assert_allclose(matched_gap(rival.accuracy, low, top, rival), rival.gap)
    np.testing.assert_allclose(matched_gap(top.accuracy + 1, low, top, rival), top.gap)
    useless = Plane(low - 0.1, 0 * low)
    np.testing.assert_allclose(matched_gap(half, low, top, useless), mixed_gap(half, low, top))


# ---------------------------------------------------------------- the number of a front


def integral(accuracy, gap, constant: float, worst: float, steps: int = 20_000) -> float:
    """Return the mean over limits on the gap of the best accuracy above the constant."""
    limits = (np.arange(steps) + 0.5) / steps * worst
    best = np.where(gap[None] <= limits[:, None], accuracy[None] - constant, 0.0).max(1)
    return float(np.maximum(best, 0).mean())


@pytest.mark.parametrize("seed", range(4))
def test_the_number_of_a_front_is_the_integral_over_limits(seed):
    rng = np.random.default_rng(seed)
    accuracy, gap = 0.5 + 0.4 * rng.random((12, 2, 3)), 0.5 * rng.random((12, 2, 3))
    found = Plane(accuracy, gap)
    constant, worst = np.array([0.6, 0.62, 0.58]), np.array([0.3, 0.35])
    known = Plane(*(np.zeros((12, 2, 1)) + v[..., :1] for v in found))
    number = front_number(known, found, constant, worst)
    for run in range(2):
        front = known.front(run)
        for draw in range(3):
            wanted = integral(
                accuracy[front, run, draw], gap[front, run, draw], constant[draw], worst[run]
            )
            assert number[run, draw] == pytest.approx(wanted, abs=1e-4)


def test_many_fronts_at_once_have_the_areas_of_each():
    rng = np.random.default_rng(2)
    accuracy, gap = rng.integers(0, 11, (2, 9, 60)) / 10  # ties in both
    gap[rng.random(gap.shape) < 0.1] = np.nan
    low, worst = rng.random((2, 60))
    for larger in (False, True):
        areas = dominated(accuracy, gap, (low, worst), larger_is_fairer=larger)
        for i, area in enumerate(areas):
            points = np.column_stack([accuracy[:, i], gap[:, i]])
            front = points[pareto_front(points, larger)]
            width = np.maximum((front[:, 1] - worst[i]) * (1 if larger else -1), 0)
            height = np.maximum(front[:, 0] - low[i], 0)
            corners = sum((h - before) * w for h, before, w in
                          zip(height, [0, *height[:-1]], width, strict=True))  # fmt: skip
            assert area == pytest.approx(corners, abs=1e-12)
    assert (
        dominated(accuracy[:0], gap[:0], (low, worst), larger_is_fairer=False).tolist() == [0] * 60
    )


@pytest.mark.parametrize("gap", [0.05, 0.2, 0.4])
def test_the_number_of_the_line_is_that_of_many_mixtures(gap):
    one, worst = Plane(np.array([[0.85]]), np.array([[gap]])), 0.2
    share = np.linspace(0, 1, 4001)
    wanted = integral(0.6 + share * 0.25, share * gap, 0.6, worst, steps=2000)
    assert line_number(one, 0.6, worst)[0, 0] == pytest.approx(wanted, abs=2e-4)
    assert line_number(Plane(one.accuracy - 0.3, one.gap), 0.6, worst)[0, 0] == 0


def test_a_front_through_the_line_is_worth_as_much_as_the_line():
    share = np.linspace(0, 1, 2001)[:, None, None]
    mixtures = Plane(0.6 + 0.25 * share, 0.2 * share)
    number = front_number(mixtures, mixtures, 0.6, 0.2)
    line = line_number(Plane(*(v[-1] for v in mixtures)), 0.6, 0.2)
    np.testing.assert_allclose(number, line, atol=1e-4)


# ---------------------------------------------------------------- answers


def test_no_difference_is_called_one_as_seldom_as_promised():
    """Two methods that are equally accurate: about 2.5 % "yes" and 2.5 % "no"."""
    rng = np.random.default_rng(0)
    times, n = 600, 300
    answers = []
    for i in range(times):
        y = rng.integers(0, 2, n)
        panel = Panel(y, y, n_resamples=200, seed=i)
        ours, theirs = (np.where(rng.random(n) < 0.2, 1 - y, y) for _ in range(2))
        difference = panel.accuracy(ours) - panel.accuracy(theirs)
        answers.append(beats(panel.interval(difference)))
    for word in ("yes", "no"):
        # 2.5 % of 600 is 15, give or take 3.8; 200 resamples make percentiles a little narrow
        assert 2 <= answers.count(word) <= 38
    assert answers.count("unclear") >= 0.88 * times


def test_a_true_difference_is_found_where_people_suffice():
    rng = np.random.default_rng(1)
    yes = 0
    for i in range(40):
        y = rng.integers(0, 2, 1500)
        panel = Panel(y, y, n_resamples=200, seed=i)
        ours, theirs = (np.where(rng.random(1500) < wrong, 1 - y, y) for wrong in (0.15, 0.25))
        yes += beats(panel.interval(panel.accuracy(ours) - panel.accuracy(theirs))) == "yes"
    assert yes == 40  # .1 is seven standard errors
