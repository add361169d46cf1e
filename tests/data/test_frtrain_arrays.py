"""The released variant on the authors' own arrays, where FAIRTUT_DATA holds them."""

import os

import numpy as np
import pytest

from fairtut.data.files import data_root
from fairtut.data.poison import flip_labels
from fairtut.methods.fair_baselines import logistic
from fairtut.methods.frtrain import RELEASED_CLEAN, RELEASED_POISONED, linear_logit, train
from fairtut.metrics import accuracy, disparate_impact

pytestmark = pytest.mark.real

TRAIN, CLEAN, TEST = slice(0, 1800), slice(2000, 2200), slice(2700, 3700)
FILES = ("X_synthetic", "s1_synthetic", "y_synthetic", "y_poi")


@pytest.fixture(scope="module")
def arrays():
    """x (n, 2), s, y, and the poisoned labels of the first 2,000 rows, all labels in {0, 1}."""
    if not os.environ.get("FAIRTUT_DATA"):
        pytest.skip("FAIRTUT_DATA is not set: the real files are not here")
    folder = data_root() / "frtrain"
    missing = [name for name in FILES if not (folder / f"{name}.npy").is_file()]
    if missing:
        pytest.skip(f"FAIRTUT_DATA holds no frtrain/{missing[0]}.npy")
    x, s, y, poisoned = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in FILES)
    return x[:, :2], s, (y + 1) / 2, (poisoned + 1) / 2


def scores(theta, arrays):
    x, s, y, _ = arrays
    decision = (linear_logit(theta, x[TEST], s[TEST]) > 0).astype(int)
    groups = s[TEST].astype(int)
    return float(accuracy(y[TEST].astype(int), decision)), float(
        disparate_impact(None, decision, groups)
    )


@pytest.mark.parametrize(
    ("config", "poison", "published"),
    [
        (RELEASED_CLEAN, False, {0.2: (0.867, 0.492), 0.85: (0.807, 0.818)}),
        (RELEASED_POISONED, True, {0.1: (0.842, 0.657), 0.52: (0.814, 0.827)}),
    ],
    ids=["clean", "poisoned"],
)
def test_the_printed_numbers(arrays, config, poison, published):
    """Accuracy and disparate impact that the two public notebooks print, seed 1."""
    x, s, y, poisoned = arrays
    labels = poisoned[TRAIN] if poison else y[TRAIN]
    out = train(
        x[TRAIN], s[TRAIN], labels, (x[CLEAN], s[CLEAN], y[CLEAN]),
        lambda_f=list(published), seeds=[1, 1], config=config, fused=False, device="cpu",
    )  # fmt: skip
    found = [scores(theta, arrays) for theta in out.theta]
    np.testing.assert_allclose(found, list(published.values()), atol=0.001)
    assert 0.95 < out.weight_range[0] < out.weight_range[1] <= 1  # the weights are all but off


def test_the_poisoning_recipe(arrays):
    x, s, y, poisoned = arrays
    found = flip_labels(x[:2000], s[:2000], y[:2000], count=200)
    np.testing.assert_array_equal(found.y, poisoned)
    assert int((poisoned != y[:2000])[TRAIN].sum()) == 179  # of the rows that are trained on


def test_plain_logistic_regression(arrays):
    x, s, y, poisoned = arrays
    for labels, expected in ((y, (0.883, 0.414)), (poisoned, (0.816, 0.453))):
        theta = logistic(x[TRAIN], s[TRAIN], labels[TRAIN])
        np.testing.assert_allclose(scores(theta, arrays), expected, atol=0.001)
