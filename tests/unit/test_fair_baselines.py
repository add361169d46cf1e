"""The linear baselines against independent solvers and their own optimality conditions."""

import sys

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from fairtut.data.poison import flip_labels
from fairtut.data.synthetic.gaussians import zafar
from fairtut.errors import InputError, MissingExtra
from fairtut.methods import fair_baselines as linear
from fairtut.metrics import disparate_impact


@pytest.fixture(scope="module")
def rows():
    people = zafar(600, seed=5)
    return people.x, people.s, people.y


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(0).gamma(1.0, size=600)


def sklearn_theta(x, s, y, weight=None):
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(np.column_stack([x, s]).astype(float), y, sample_weight=weight)
    return np.r_[model.coef_[0], model.intercept_]


def loss(theta, x, s, y, weight=None):
    margin = (2.0 * y - 1) * (linear.design(x, s) @ theta)
    return float(np.average(np.logaddexp(0, -margin), weights=weight))


def gradient(theta, x, s, y, weight=None):
    a = linear.design(x, s)
    return (
        a.T @ ((expit(a @ theta) - y) * (1 if weight is None else weight / weight.mean())) / len(a)
    )


def covariance(x, s):
    return ((s - s.mean())[:, None] * linear.design(x, s)).mean(0)


# ---------------------------------------------------------------- logistic regression


def test_logistic_is_scikit_learns(rows, weight):
    np.testing.assert_allclose(linear.logistic(*rows), sklearn_theta(*rows), atol=2e-4)
    np.testing.assert_allclose(
        linear.logistic(*rows, weight), sklearn_theta(*rows, weight), atol=2e-4
    )


def test_a_row_of_weight_two_is_the_row_twice(rows):
    times = np.random.default_rng(1).integers(0, 4, 600)
    doubled = tuple(np.repeat(a, times, axis=0) for a in rows)
    np.testing.assert_allclose(linear.logistic(*rows, times), linear.logistic(*doubled), atol=1e-6)
    scaled = linear.logistic(*rows, 1000.0 * times)
    np.testing.assert_allclose(linear.logistic(*rows, times), scaled, atol=1e-9)


def test_separable_rows_stay_finite():
    x = np.linspace(-1, 1, 20)[:, None]
    theta = linear.logistic(x, np.tile([0, 1], 10), (x[:, 0] > 0).astype(int))
    assert np.isfinite(theta).all() and theta[0] > 5


# ---------------------------------------------------------------- FC

BOUNDS = (0.0, 0.01, 0.05, 0.2, 0.4, np.inf)


@pytest.mark.parametrize("weighted", [False, True])
def test_constraints_hold_and_the_solution_is_optimal(rows, weight, weighted):
    w = weight if weighted else None
    thetas = linear.fairness_constraints(*rows, BOUNDS, w)
    c = covariance(*rows[:2])
    free = linear.logistic(*rows, w)
    assert abs(c @ free) > 0.4  # all bounds but the last bind
    for bound, theta in zip(BOUNDS[:-1], thetas[:-1], strict=True):
        assert abs(c @ theta) == pytest.approx(bound, abs=1e-7)
        # KKT: at the optimum the gradient is a multiple of the constraint's, pushing outwards
        slope = gradient(theta, *rows, w)
        multiplier = -(slope @ c) / (c @ c)
        np.testing.assert_allclose(slope + multiplier * c, 0, atol=2e-5)
        assert multiplier * np.sign(c @ free) > 0
    np.testing.assert_allclose(thetas[-1], free, atol=1e-6)


def test_a_looser_bound_fits_better_and_is_less_fair(rows):
    thetas = linear.fairness_constraints(*rows, BOUNDS)
    losses = [loss(theta, *rows) for theta in thetas]
    assert (np.diff(losses) < 0).all()
    a = linear.design(*rows[:2])
    di = [float(disparate_impact(None, (a @ t > 0).astype(int), rows[1])) for t in thetas]
    assert di[0] > 0.8 > di[-1]


# ---------------------------------------------------------------- LBC


def test_no_round_is_logistic_regression(rows, weight):
    found = linear.label_bias_correction(*rows, [0], weight)[0]
    np.testing.assert_allclose(found, linear.logistic(*rows, weight), atol=1e-6)


def test_the_first_round_by_hand(rows):
    x, s, y = rows
    accepted = linear.design(x, s) @ linear.logistic(*rows) > 0
    multiplier = np.array([accepted.mean() - accepted[s == g].mean() for g in (0, 1)])
    negative = 1 / (1 + np.exp(2 * multiplier[s]))  # Jiang & Nachum's weight of a negative
    by_hand = sklearn_theta(*rows, np.where(y == 1, 1 - negative, negative))
    np.testing.assert_allclose(linear.label_bias_correction(*rows, [1])[0], by_hand, atol=5e-4)


def test_rounds_lead_to_equal_rates_and_stay_there(rows):
    a, s = linear.design(*rows[:2]), rows[1]
    thetas = linear.label_bias_correction(*rows, [0, 100, 140])
    rates = [[(a @ t > 0)[s == g].mean() for g in (0, 1)] for t in thetas]
    gaps = [abs(p - q) for p, q in rates]
    assert gaps[0] > 0.3 and max(gaps[1:]) < 0.03


def test_equal_rates_are_a_fixed_point():
    """Two groups with the same people: nothing to correct, so no round changes anything."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(100, 2))
    y = (x[:, 0] + rng.normal(size=100) > 0).astype(int)
    twice = np.vstack([x, x]), np.repeat([0, 1], 100), np.r_[y, y]
    thetas = linear.label_bias_correction(*twice, [0, 1, 30])
    np.testing.assert_allclose(thetas[1:], thetas[:1].repeat(2, 0), atol=1e-6)


# ---------------------------------------------------------------- RML


def test_learned_weights_are_the_two_level_derivative():
    """One step: the weight of a row is minus d(clean loss)/d(weight), by autograd through SGD."""
    people = zafar(40, seed=3)
    rows, clean = (tuple(a[part] for a in (people.x, people.s, people.y)) for part in
                   (slice(0, 30), slice(30, 40)))  # fmt: skip
    seed, batch, lr = 11, 12, 0.05
    found = linear.learned_weights(*rows, clean, [seed], steps=1, batch=batch, lr=lr)

    rng = np.random.default_rng(seed)
    theta = torch.tensor(0.2 * rng.standard_normal(4), requires_grad=True)
    drawn = rng.integers(0, 30, batch)
    a, b = (torch.tensor(linear.design(p[0], p[1])) for p in (rows, clean))
    y, y_clean = (torch.tensor(p[2], dtype=torch.float64) for p in (rows, clean))
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    eps = torch.zeros(batch, dtype=torch.float64, requires_grad=True)
    each = bce(a[drawn] @ theta, y[drawn], reduction="none")
    (slope,) = torch.autograd.grad(eps @ each, theta, create_graph=True)
    (pull,) = torch.autograd.grad(bce(b @ (theta - lr * slope), y_clean), eps)
    gain = (-pull).clamp_min(0)
    gain = gain / gain.sum()
    assert 0 < int((gain > 0).sum()) < batch  # some rows help, some do not
    (step,) = torch.autograd.grad(gain @ bce(a[drawn] @ theta, y[drawn], reduction="none"), theta)
    np.testing.assert_allclose(found.theta[0], (theta - lr * step).detach(), atol=1e-12)
    expected = np.zeros(30)
    for row in set(drawn.tolist()):
        expected[row] = gain.numpy()[drawn == row].mean()
    np.testing.assert_allclose(found.weight[0], expected / expected.mean(), atol=1e-9)


def test_learned_weights_prefer_untouched_rows_and_do_not_mix_seeds(rows):
    x, s, y = rows
    poison = flip_labels(x[:400], s[:400], y[:400], fraction=0.1)
    poisoned, flipped = poison.y, poison.flipped
    clean = x[400:500], s[400:500], y[400:500]
    both = linear.learned_weights(x[:400], s[:400], poisoned, clean, [3, 4], steps=400)
    assert both.weight.shape == (2, 400) and both.theta.shape == (2, 4)
    np.testing.assert_allclose(both.weight.mean(1), 1)
    assert (both.weight[:, ~flipped].mean(1) > 1.5 * both.weight[:, flipped].mean(1)).all()
    alone = linear.learned_weights(x[:400], s[:400], poisoned, clean, [4], steps=400)
    np.testing.assert_allclose(alone.theta[0], both.theta[1], atol=1e-10)


# ---------------------------------------------------------------- the peer


def test_exponentiated_gradient_raises_the_ratio(rows):
    pytest.importorskip("fairlearn", reason="the peer is fairlearn's")
    x, s, _ = rows
    loose, tight = linear.exponentiated_gradient(*rows, [0.3, 0.95], [(x, s)])
    di = [float(disparate_impact(None, d[0], s)) for d in (loose, tight)]
    assert di[0] < 0.7 < 0.8 < di[1]
    again = linear.exponentiated_gradient(*rows, [0.3], [(x, s)])
    np.testing.assert_array_equal(again[0][0], loose[0])


def test_a_missing_peer_says_what_to_install(rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "fairlearn", None)
    monkeypatch.setitem(sys.modules, "fairlearn.reductions", None)
    with pytest.raises(MissingExtra, match=r"pip install 'fairtut\[peers\]'"):
        linear.exponentiated_gradient(*rows, [0.8], [])


# ---------------------------------------------------------------- errors

METHODS = {
    "logistic": lambda *r: linear.logistic(*r),
    "fc": lambda *r: linear.fairness_constraints(*r, [0.1]),
    "lbc": lambda *r: linear.label_bias_correction(*r, [1]),
    "rml": lambda *r: linear.learned_weights(*r, r, [0], steps=1),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, s, y: (np.where(np.arange(600)[:, None] == 9, np.nan, x), s, y), "row 9"),
        (lambda x, s, y: (x, 0 * s, y), "s is all 0"),
        (lambda x, s, y: (x, s, 0 * y + 1), "y is all 1"),
        (lambda x, s, y: (x, s, 2 * y.astype(int) - 1), "0 and 1 only"),
        (lambda x, s, y: (x[:5], s, y), r"shapes \(5, 2\)"),
        (lambda x, s, y: (x[:, 0], s, y), r"need \(n, k\)"),
        (lambda x, s, y: (x[:0], s[:0], y[:0]), "no training rows"),
    ],
)
def test_rows_that_mean_nothing_are_refused(rows, method, spoil, message):
    with pytest.raises(InputError, match=message) as caught:
        method(*spoil(*rows))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: linear.fairness_constraints(*r, [-0.1]), "must be at least 0"),
        (lambda r: linear.fairness_constraints(*r, [float("nan")]), "must be at least 0"),
        (lambda r: linear.label_bias_correction(*r, []), "numbers of rounds"),
        (lambda r: linear.label_bias_correction(*r, [-1]), "at least 0"),
        (lambda r: linear.logistic(*r, np.ones(3)), "600 finite, non-negative"),
        (lambda r: linear.logistic(*r, np.zeros(600)), "all zero"),
        (lambda r: linear.learned_weights(*r, (r[0][:, :1], *r[1:]), [0]), "have 2 and 1 features"),
        (lambda r: linear.learned_weights(*r, (r[0][:0], r[1][:0], r[2][:0]), [0]), "no clean"),
        (lambda r: linear.design(r[0], r[1][:3]), r"\(600, 2\) and \(3,\)"),
    ],
)
def test_settings_that_mean_nothing_are_refused(rows, call, message):
    with pytest.raises(InputError, match=message):
        call(rows)
