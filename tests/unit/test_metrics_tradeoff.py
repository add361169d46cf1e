"""Controls, fronts and the selection rule, each against a plain loop or by hand."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairtut import metrics as m
from fairtut.errors import InputError

RNG = np.random.default_rng(0)
N = 300
S = RNG.integers(0, 3, N)
Y = (RNG.random(N) < 0.3 + 0.15 * S).astype(int)
SCORE = np.round(0.5 * Y + RNG.random(N), 2)  # rounded, so that there are ties
Y_HAT = (SCORE > 0.7).astype(int)


@pytest.mark.parametrize("name", ["demographic_parity_gap", "deo", "di", "eo_half", "dp_half"])
def test_moved_threshold_is_the_loop(name):
    thresholds = [0.7, 0.1, 0.95, 0.7]
    curve = m.moved_threshold(SCORE, Y, S, name, thresholds=thresholds)
    for i, t in enumerate(thresholds):
        decision = np.greater(SCORE, t).astype(int)
        assert curve.accuracy[i] == np.mean(decision == Y)
        assert curve.fairness[i] == m.metric(name)(Y, decision, S)
    assert curve.parameter.tolist() == thresholds


def test_moved_threshold_by_default_reaches_every_decision():
    curve = m.moved_threshold(SCORE, Y, S)
    assert len(curve.accuracy) == len(np.unique(SCORE)) + 1
    assert curve.accuracy[0] == Y.mean()  # everybody is positive
    assert curve.accuracy[-1] == np.mean(Y == 0)  # nobody is
    assert curve.fairness[0] == curve.fairness[-1] == 0.0
    assert np.isnan(m.moved_threshold(SCORE, Y, S, "di").fairness[-1])
    many = m.moved_threshold(RNG.random(5000), RNG.integers(0, 2, 5000), RNG.integers(0, 2, 5000))
    assert len(many.accuracy) <= 513
    same = m.moved_threshold(torch.tensor(SCORE), torch.tensor(Y), torch.tensor(S))
    assert np.array_equal(same.fairness, curve.fairness)


def test_moved_threshold_with_another_favourable_class():
    decision = np.where(SCORE > 0.7, 0, 1)  # a high score now means class 0
    curve = m.moved_threshold(SCORE, Y, S, thresholds=[0.7], positive=0)
    assert curve.accuracy[0] == np.mean(decision == Y)
    assert curve.fairness[0] == m.demographic_parity_gap(Y, decision, S, positive=0)


def test_moved_threshold_refuses():
    with pytest.raises(InputError, match="p_hat holds NaN"):
        m.moved_threshold(np.full(N, np.nan), Y, S)
    with pytest.raises(InputError, match="p_hat has shape"):
        m.moved_threshold(SCORE[:5], Y, S)
    with pytest.raises(InputError, match="two classes"):
        m.moved_threshold(SCORE, S, Y)
    with pytest.raises(InputError, match="at least one"):
        m.moved_threshold(SCORE, Y, S, thresholds=[])
    with pytest.raises(InputError, match="y holds NaN"):
        m.moved_threshold(SCORE, np.full(N, np.nan), S)


def test_constant_classifier():
    majority = m.constant_classifier(Y, S)
    decision = np.full(N, int(Y.mean() >= 0.5))
    assert majority.accuracy == np.mean(decision == Y)
    assert majority.fairness == 0.0
    assert m.constant_classifier(Y, S, "di", decision=1).fairness == 1.0
    assert np.isnan(m.constant_classifier(Y, S, "di", decision=0).fairness)
    assert m.constant_classifier([0, 1], [0, 1]).table.counts[..., 1].sum() == 2  # tie: larger
    joint = m.constant_classifier(Y, S, "joint_tp_gap", decision=1).fairness
    assert joint == m.joint_tp_gap(Y, np.ones(N, int), S)  # not 0: the base rates
    with pytest.raises(InputError, match="decision=3"):
        m.constant_classifier(Y, S, decision=3)


@pytest.mark.parametrize("name", ["demographic_parity_gap", "deo", "eo_half", "dp_half"])
def test_gaps_shrink_linearly_on_the_mixing_line(name):
    model, constant = m.point(Y, Y_HAT, S, name), m.constant_classifier(Y, S, name)
    exact = m.mixing_line(model, constant, steps=11)
    straight = m.mixing_line((model.accuracy, model.fairness), (constant.accuracy, 0.0), steps=11)
    assert exact.fairness == pytest.approx(exact.parameter * model.fairness)
    assert exact.fairness == pytest.approx(straight.fairness)
    assert exact.accuracy == pytest.approx(straight.accuracy)


def test_mixing_agrees_with_flipping_coins():
    model, constant = m.point(Y, Y_HAT, S, "di"), m.constant_classifier(Y, S, "di", decision=1)
    line = m.mixing_line(model, constant, steps=3)
    coins = np.where(RNG.random((4000, N)) < 0.5, Y_HAT, 1)
    table = m.group_table(Y, coins, S)
    assert line.accuracy[1] == pytest.approx(m.metric("accuracy").of_table(table).mean(), abs=3e-3)
    pooled = table.with_counts(table.counts.sum(0))
    assert line.fairness[1] == pytest.approx(float(m.metric("di").of_table(pooled)), abs=3e-3)


def test_mixing_with_all_negative_leaves_disparate_impact_alone():
    line = m.mixing_line(m.point(Y, Y_HAT, S, "di"), m.constant_classifier(Y, S, "di", decision=0))
    assert np.isnan(line.fairness[0])
    assert line.fairness[1:] == pytest.approx(m.disparate_impact(Y, Y_HAT, S))


def test_mixing_line_refuses():
    with pytest.raises(InputError, match="does not mix linearly"):
        m.mixing_line(m.Point(0.8, 0.5, "di"), (0.6, 1.0))
    with pytest.raises(InputError, match="use one metric"):
        m.mixing_line(m.Point(0.8, 0.5, "deo"), m.Point(0.6, 0.0, "dp"))
    with pytest.raises(InputError, match="different people"):
        m.mixing_line(m.point(Y, Y_HAT, S), m.constant_classifier(Y[:200], S[:200]))
    with pytest.raises(InputError, match="steps"):
        m.mixing_line((0.8, 0.5), (0.6, 0.0), steps=1)


GRID = st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(st.lists(GRID, max_size=12), st.booleans())
def test_front_is_what_nobody_beats(points, larger):
    front = m.pareto_front(np.array(points, float).reshape(-1, 2), larger)
    sign = 1 if larger else -1

    def beats(a, b):
        (a0, a1), (b0, b1) = (a[0], sign * a[1]), (b[0], sign * b[1])
        return a0 >= b0 and a1 >= b1 and (a0 > b0 or a1 > b1)

    free = {p for p in points if not any(beats(q, p) for q in points)}
    assert {points[i] for i in front} == free
    assert len(front) == len(free)  # equal points once
    assert all(points.index(points[i]) == i for i in front)  # and the first of them
    chosen = np.array([points[i] for i in front]).reshape(-1, 2)
    assert np.all(np.diff(chosen[:, 0]) > 0)
    assert np.all(sign * np.diff(chosen[:, 1]) < 0)


@given(st.lists(GRID, max_size=8), GRID, st.booleans())
def test_hypervolume_counts_unit_squares(points, reference, larger):
    sign = 1 if larger else -1
    covered = 0
    for i, j in itertools.product(range(-1, 8), repeat=2):  # square [i, i+1] x [j, j+1]
        fair_corner = j + 1 if larger else j
        ref_corner = j if larger else j + 1
        above = i >= reference[0] and sign * ref_corner >= sign * reference[1]
        below = any(a >= i + 1 and sign * f >= sign * fair_corner for a, f in points)
        covered += above and below
    area = m.hypervolume(np.array(points, float).reshape(-1, 2), reference, larger)
    assert area == pytest.approx(covered)


def test_points_carry_their_direction():
    points = [m.Point(0.9, 0.5, "di"), m.Point(0.8, 0.9, "di"), m.Point(0.7, 0.8, "di")]
    assert m.pareto_front(points).tolist() == [1, 0]
    assert m.hypervolume(points, (0.7, 0.4)) == pytest.approx(0.1 * 0.5 + 0.1 * 0.1)
    with pytest.raises(InputError, match="different metrics"):
        m.pareto_front([points[0], m.Point(0.8, 0.1, "deo")])
    with pytest.raises(InputError, match="which way is fairer"):
        m.pareto_front(np.array([[0.8, 0.1]]))
    with pytest.raises(InputError, match="which way is fairer"):
        m.pareto_front([m.Point(0.8, 0.1, "average_odds_difference")])
    with pytest.raises(InputError, match=r"shape \(2, 3\)"):
        m.pareto_front(np.ones((2, 3)), False)
    curve = m.moved_threshold(SCORE, Y, S, "di")
    assert not np.isnan(curve.fairness[m.pareto_front(curve)]).any()


def test_selection_rule():
    points = np.array([[0.90, 0.30], [0.85, 0.09], [0.85, 0.05], [0.95, np.nan], [0.80, 0.01]])
    picked = m.select(points, 0.10, larger_is_fairer=False)
    assert (picked.index, picked.satisfied) == (2, True)  # tie in accuracy: the fairer
    assert (picked.accuracy, picked.fairness, picked.limit) == (0.85, 0.05, 0.10)
    assert m.select(points, 0.30, larger_is_fairer=False).index == 0  # the limit itself is kept


def test_selection_falls_back_to_the_fairest_and_says_so():
    points = [m.Point(0.9, 0.5, "di"), m.Point(0.8, 0.7, "di"), m.Point(0.85, 0.7, "di")]
    picked = m.select(points, 0.8)
    assert (picked.index, picked.satisfied) == (2, False)
    assert m.select(points, 0.6) == m.Selection(2, 0.85, 0.7, True, 0.6)
    with pytest.raises(InputError, match="no candidate"):
        m.select([(0.9, np.nan)], 0.8, larger_is_fairer=True)
    with pytest.raises(InputError, match="no candidate"):
        m.select([], 0.8, larger_is_fairer=True)
