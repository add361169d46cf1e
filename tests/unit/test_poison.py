"""Label flips: the released attack, its definition, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairtut.data.poison import flip_labels, margins
from fairtut.data.synthetic.gaussians import zafar
from fairtut.errors import InputError, UnknownName


@pytest.fixture(scope="module")
def data():
    return zafar(1000, seed=5)


def released() -> Path:
    root = os.environ.get("FAIRTUT_DATA")
    if not root or not (Path(root) / "frtrain" / "y_poi.npy").is_file():
        pytest.skip("FAIRTUT_DATA has no frtrain/ folder with the authors' arrays")
    return Path(root) / "frtrain"


@pytest.mark.real
@pytest.mark.parametrize("coding", ["plus-minus", "zero-one"])
def test_the_recipe_returns_the_200_released_flips(coding):
    folder = released()
    x, s, y = (np.load(folder / f"{k}_synthetic.npy")[:2000] for k in ("X", "s1", "y"))
    target = np.load(folder / "y_poi.npy")
    if coding == "zero-one":
        y, target = (y > 0).astype(int), (target > 0).astype(int)
    poison = flip_labels(x, s, y, fraction=0.1)
    np.testing.assert_array_equal(poison.y, target)
    assert poison.count == poison.flipped.sum() == 200
    assert (y[poison.flipped] == 1).sum() == 190
    assert poison.cutoff == pytest.approx(4.06, abs=0.01)


def test_margins_agree_with_scikit_learn(data):
    from sklearn.linear_model import LogisticRegression

    inputs = np.column_stack([data.x, data.s]).astype(float)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000).fit(inputs, data.y)
    expected = model.decision_function(inputs) * np.where(data.y == 1, 1, -1)
    np.testing.assert_allclose(margins(data.x, data.s, data.y), expected, atol=2e-3)


def test_the_largest_margins_of_the_group_are_flipped_and_nothing_else(data):
    poison = flip_labels(data.x, data.s, data.y, count=80, group=0)
    m = margins(data.x, data.s, data.y)
    assert poison.flipped.sum() == 80 and not poison.flipped[data.s == 1].any()
    kept = (data.s == 0) & ~poison.flipped
    assert m[poison.flipped].min() == poison.cutoff >= m[kept].max()
    np.testing.assert_array_equal(poison.y != data.y, poison.flipped)
    assert poison.y.dtype == data.y.dtype


def test_scale_of_a_feature_does_not_change_who_is_flipped(data):
    plain = flip_labels(data.x, data.s, data.y, fraction=0.1)
    scaled = flip_labels(data.x * [1000.0, 0.001], data.s, data.y, fraction=0.1)
    np.testing.assert_array_equal(plain.flipped, scaled.flipped)


def test_the_attack_hurts_more_than_random_flips(data):
    from sklearn.linear_model import LogisticRegression

    inputs = np.column_stack([data.x, data.s])

    def accuracy(labels):
        return LogisticRegression(C=1e6).fit(inputs, labels).score(inputs, data.y)

    attack = flip_labels(data.x, data.s, data.y, fraction=0.1)
    random = flip_labels(data.x, data.s, data.y, fraction=0.1, method="random", seed=1)
    assert random.count == attack.count == 100 and np.isnan(random.cutoff)
    assert not random.flipped[data.s == 0].any()
    assert accuracy(attack.y) < accuracy(random.y) - 0.01


def test_random_flips_follow_the_seed(data):
    def draw(seed):
        return flip_labels(data.x, data.s, data.y, count=50, method="random", seed=seed).flipped

    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()


def test_separable_data_still_gives_finite_margins():
    x = np.r_[np.linspace(-2, -1, 20), np.linspace(1, 2, 20)][:, None]
    s = np.tile([0, 1], 20)
    m = margins(x, s, x[:, 0] > 0)
    assert np.isfinite(m).all() and (m > 0).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"fraction": 0.0}, "inside"),
        ({"fraction": 1.0}, "inside"),
        ({"fraction": -0.1}, "inside"),
        ({"fraction": 0.9}, "only"),
        ({"count": 0}, "at least one"),
        ({}, "either fraction or count"),
        ({"fraction": 0.1, "count": 5}, "either fraction or count"),
        ({"count": 5, "group": 7}, "only 0 members"),
    ],
)
def test_impossible_requests_are_refused(data, options, match):
    with pytest.raises(InputError, match=match) as caught:
        flip_labels(data.x, data.s, data.y, **options)
    assert "\n" not in str(caught.value)


def test_bad_arrays_are_refused(data):
    with pytest.raises(InputError, match="shapes do not fit"):
        flip_labels(data.x, data.s[:-1], data.y, count=3)
    with pytest.raises(InputError, match="s must be 0 or 1"):
        flip_labels(data.x, data.s + 1, data.y, count=3)
    with pytest.raises(InputError, match="both 0 and 1"):
        flip_labels(data.x, data.s, np.ones(len(data)), count=3)
    with pytest.raises(InputError, match="NaN"):
        flip_labels(np.where(data.x > 3, np.nan, data.x), data.s, data.y, count=3)
    with pytest.raises(UnknownName, match="margin, random"):
        flip_labels(data.x, data.s, data.y, count=3, method="margins")


@pytest.mark.parametrize("moved", ["x", "s", "y"])
@pytest.mark.parametrize("call", [margins, lambda *a: flip_labels(*a, count=1)])
def test_rows_in_another_order_are_refused(call, moved):
    given = {
        "x": pd.DataFrame({"a": [-3.0, -1.0, 1.0, 5.0]}),
        "s": pd.Series([1, 1, 1, 0]),
        "y": pd.Series([0, 0, 1, 1]),
    }
    call(*given.values())
    given[moved] = given[moved].iloc[::-1]
    with pytest.raises(InputError, match="have different indexes: align them"):
        call(*given.values())
