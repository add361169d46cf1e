"""The theorems of FR-Train: the best discriminator measures mutual information."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import mutual_info_score

from fairtut.data.synthetic.gaussians import zafar
from fairtut.errors import InputError
from fairtut.methods.adversarial import (
    contingency,
    discriminator_bound,
    entropy,
    mutual_information,
    optimal_discriminator,
    trained_bound,
)
from fairtut.metrics import disparate_impact

LN2 = float(np.log(2))

shapes = st.tuples(st.integers(2, 4), st.integers(1, 6))
counts = shapes.flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 50)).filter(lambda t: t.sum() > 0)
)


def people_of(table):
    """One row per count of a table: (row value, column value)."""
    i, j = np.indices(table.shape).reshape(2, -1)
    return np.repeat(i, table.ravel()), np.repeat(j, table.ravel())


# ---------------------------------------------------------------- mutual information itself


@given(counts)
def test_mutual_information_is_scikit_learns(table):
    expected = mutual_info_score(None, None, contingency=table)
    assert mutual_information(table) == pytest.approx(expected, abs=1e-12)


@given(counts)
def test_mutual_information_from_entropies(table):
    """I = H(S) + H(U) - H(S, U), symmetric, between 0 and the smaller entropy."""
    rows, columns = entropy(table.sum(1)), entropy(table.sum(0))
    found = mutual_information(table)
    assert found == pytest.approx(rows + columns - entropy(table), abs=1e-12)
    assert found == pytest.approx(mutual_information(table.T), abs=1e-12)
    assert 0 <= found <= min(rows, columns) + 1e-12


@given(counts)
def test_contingency_counts_back(table):
    kept = table[table.sum(1) > 0][:, table.sum(0) > 0]  # values that nobody has leave no trace
    np.testing.assert_array_equal(contingency(*people_of(table)), kept)


def test_known_values():
    assert mutual_information([[1, 0], [0, 1]]) == pytest.approx(LN2, abs=1e-12)
    assert mutual_information([[2, 4], [3, 6]]) == 0
    assert entropy([1, 1, 1, 1]) == pytest.approx(2 * LN2, abs=1e-12)
    assert entropy([5, 0]) == 0


# ---------------------------------------------------------------- theorem 1


@given(counts)
def test_the_optimal_discriminator_attains_it(table):
    best = optimal_discriminator(table)
    assert discriminator_bound(table, best) == pytest.approx(mutual_information(table), abs=1e-12)
    seen = table.sum(0) > 0
    np.testing.assert_allclose(best[:, seen].sum(0), 1)
    assert np.isnan(best[:, ~seen]).all()


@given(counts, st.integers(0, 2**31), st.floats(0.05, 20))
def test_no_discriminator_exceeds_it(table, seed, sharpness):
    d = np.random.default_rng(seed).dirichlet([sharpness] * len(table), table.shape[1]).T
    d = np.clip(d, 1e-300, None)
    d /= d.sum(0)
    assert discriminator_bound(table, d) <= mutual_information(table) + 1e-12


@given(counts)
def test_the_bound_is_the_entropy_minus_the_cross_entropy(table):
    d = (table + 1.0) / (table + 1.0).sum(0)
    p = table / table.sum()
    cross = -(p * np.log(d)).sum()
    assert discriminator_bound(table, d) == pytest.approx(entropy(table.sum(1)) - cross, abs=1e-12)


def test_a_blind_discriminator_gives_nothing_and_a_wrong_one_less_than_nothing():
    table = np.array([[30, 10], [20, 40]])
    prior = np.repeat(table.sum(1, keepdims=True) / table.sum(), 2, 1)
    assert discriminator_bound(table, prior) == pytest.approx(0, abs=1e-12)
    best = optimal_discriminator(table)
    assert discriminator_bound(table, best[::-1]) < 0
    assert discriminator_bound(table, [[1, 1], [0, 0]]) == -np.inf


# ---------------------------------------------------------------- trained discriminators


@pytest.mark.parametrize(
    "table", [[[30, 10], [20, 40]], [[90, 10], [45, 55]], [[25, 25], [10, 10]]]
)
def test_a_logistic_discriminator_attains_it_on_two_by_two(table):
    """Two values of y_hat: a line through two points can be any D."""
    s, y_hat = people_of(np.array(table))
    found = trained_bound(y_hat.astype(float), s)
    assert found == pytest.approx(mutual_information(table), abs=1e-4)


def test_a_restricted_discriminator_gets_less():
    """Group 1 sits in the middle: a logistic curve cannot say so, a hidden layer can."""
    table = np.array([[40, 5, 40], [5, 60, 5]])
    s, u = people_of(table)
    exact = mutual_information(table)
    logistic = trained_bound(u.astype(float), s)
    wide = trained_bound(u.astype(float), s, hidden=(8,), steps=600)
    assert exact > 0.3 and logistic < 0.01 < 0.9 * exact < wide <= exact + 1e-4


def test_a_trained_bound_does_not_depend_on_the_scale_of_its_input():
    rows = zafar(500, seed=1)
    found = [trained_bound(rows.x @ [1, 1] * scale + 5, rows.s) for scale in (1.0, 1000.0)]
    assert found[0] > 0.05
    assert found[0] == pytest.approx(found[1], abs=1e-4)


# ---------------------------------------------------------------- theorem 2


@pytest.fixture(scope="module")
def triples():
    """Theorem 2's variables, cut into cells: which set a row is from, and its (x, s, label)."""
    rows = zafar(3000, seed=2)
    v = np.arange(3000) < 600
    label = np.where(v, rows.y, rows.x.sum(1) + rows.s > 1)  # train rows: a model's output
    cells = [np.digitize(column, [-2, 2]) for column in rows.x.T]
    return v.astype(int), np.ravel_multi_index([*cells, rows.s, label.astype(int)], (3, 3, 2, 2))


def test_theorem_two_on_a_discretised_joint(triples):
    joint = contingency(*triples)
    exact = mutual_information(joint)
    assert exact > 0.005
    best = optimal_discriminator(joint)
    assert discriminator_bound(joint, best) == pytest.approx(exact, abs=1e-12)
    # a discriminator that sees the features but not the label knows less
    v, cell = triples
    without = optimal_discriminator(contingency(v, cell // 2))  # (2, feature cells)
    feature = np.unique(cell // 2, return_inverse=True)[1]
    column = dict(zip(cell, feature, strict=True))
    blind = without[:, [column[c] for c in np.unique(cell)]]
    assert discriminator_bound(joint, blind) < exact - 0.001


def test_the_halves_of_the_released_loss_make_the_entropy_ln_two(triples):
    """½ BCE(clean) + ½ BCE(train) is the loss at P(V = 1) = ½, whatever the sizes of the sets."""
    joint = contingency(*triples)
    halved = joint / joint.sum(1, keepdims=True)
    best = optimal_discriminator(halved)
    p_train, p_clean = halved
    with np.errstate(divide="ignore", invalid="ignore"):
        clean = -np.where(p_clean > 0, p_clean * np.log(best[1]), 0).sum()
        train = -np.where(p_train > 0, p_train * np.log(best[0]), 0).sum()
    assert mutual_information(halved) == pytest.approx(LN2 - (clean + train) / 2, abs=1e-12)
    assert entropy(halved.sum(1)) == pytest.approx(LN2, abs=1e-12)


# ---------------------------------------------------------------- and disparate impact


@given(arrays(np.int64, (2, 2), elements=st.integers(1, 12)))
def test_no_information_is_a_disparate_impact_of_one(table):
    s, y_hat = people_of(table)
    di = float(disparate_impact(None, y_hat, s))
    assert (mutual_information(table) < 1e-12) == (di > 1 - 1e-9)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mutual_information([1, 2]), "two dimensions"),
        (lambda: mutual_information(np.zeros((2, 2))), "positive sum"),
        (lambda: mutual_information(np.empty((0, 2))), "positive sum"),
        (lambda: mutual_information([[1, -1], [1, 1]]), "non-negative"),
        (lambda: mutual_information([[1, np.nan], [1, 1]]), "finite"),
        (lambda: contingency([1, 2], [1]), r"shapes \(2,\) and \(1,\)"),
        (lambda: contingency([], []), "two equal 1-D arrays"),
        (lambda: discriminator_bound(np.ones((2, 2)), np.ones((2, 3))), "must be equal"),
        (lambda: discriminator_bound(np.ones((2, 2)), np.ones((2, 2))), "sum to 1"),
        (lambda: discriminator_bound(np.ones((2, 2)), [[2, 2], [-1, -1]]), "probabilities"),
        (lambda: trained_bound([1.0, np.nan], [0, 1]), "finite"),
        (lambda: trained_bound([1.0, 2.0], [0]), "equal lengths"),
        (lambda: trained_bound([1.0], [0]), "at least two rows"),
        (lambda: trained_bound([1.0, 2.0], [-1, 1]), "0 and 1 only"),
    ],
)
def test_errors(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
