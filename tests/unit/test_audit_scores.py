"""AUC, Brier score and calibration of each group: by hand, by scikit-learn, and by simulation."""

import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import brier_score_loss, roc_auc_score

from fairtut.audit import audit, sheet
from fairtut.audit.scores import auc, by_group


def drawn(seed, n=600, groups=3):
    rng = np.random.default_rng(seed)
    y, s = rng.integers(0, 2, n), rng.integers(0, groups, n)
    score = np.round(np.clip(0.3 * y + 0.7 * rng.random(n), 0, 1), 2)  # with ties
    return y, s, score, rng.integers(0, 4, n).astype(float)


@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_agrees(weighted):
    y, s, score, weight = drawn(0)
    found = audit(
        y, score > 0.5, s, score=score, sample_weight=weight if weighted else None, positive=1,
        n_resamples=100,
    ).scores  # fmt: skip
    for group, one in found.items():
        who = s == group
        own = weight[who] if weighted else None
        expected = roc_auc_score(y[who], score[who], sample_weight=own)
        assert one["auc"].value == pytest.approx(expected, abs=1e-12)
        expected = brier_score_loss(y[who], score[who], sample_weight=own)
        assert one["brier"].value == pytest.approx(expected, abs=1e-12)
        gap = np.average(score[who] - y[who], weights=own)
        assert one["calibration"].value == pytest.approx(gap, abs=1e-12)


def test_equal_weights_are_none_and_delong_is_delong():
    """DeLong's variance, written with the pairs themselves, up to its n/(n-1)."""
    y, _, score, _ = drawn(1, n=120)
    plain = auc(y.astype(float), score, np.ones(120), level=0.95)
    same = auc(y.astype(float), score, np.full(120, 3.0), level=0.95)
    assert (same.low, same.high) == pytest.approx((plain.low, plain.high), abs=1e-12)
    ahead = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (
        score[y == 1][:, None] == score[y == 0]
    )
    area = ahead.mean()
    spread = math.sqrt(sum(ahead.mean(i).var() / ahead.shape[1 - i] for i in (0, 1)))
    half = norm.ppf(0.975) * spread / (area * (1 - area))
    ends = [1 / (1 + math.exp(-(math.log(area / (1 - area)) + sign * half))) for sign in (-1, 1)]
    assert (plain.low, plain.high) == pytest.approx(ends, abs=1e-12)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Two normal scores one deviation apart: the area is Phi(1/sqrt 2).  400 worlds of 150."""
    truth, held = norm.cdf(math.sqrt(0.5)), {"auc": 0, "calibration": 0}
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = (rng.random(150) < 0.4).astype(float)
        one = auc(y, rng.normal(y), np.ones(150), level=0.95)
        held["auc"] += one.low <= truth <= one.high
        p = rng.random(150)
        come = rng.random(150) < p  # calibrated
        (found,) = by_group(np.ones((150, 1), bool), (0,), come, p, None, 0.95).values()
        held["calibration"] += found["calibration"].low <= 0 <= found["calibration"].high
    for name, count in held.items():  # not below .93, at an error of one in ten thousand
        assert binomtest(count, 400, 0.93, alternative="less").pvalue > 1e-4, (name, count)


def test_what_cannot_be_said_is_not_said():
    y, score = np.ones(8), np.linspace(0, 1, 8)
    assert math.isnan(auc(y, score, np.ones(8), level=0.95).value)
    perfect = auc((score > 0.5).astype(float), score, np.ones(8), level=0.95)
    assert perfect.value == 1
    assert math.isnan(perfect.low)
    margins = audit([0, 1] * 40, [0, 1] * 40, [0, 0, 1, 1] * 20, score=np.arange(80.0), positive=1,
                    n_resamples=100)  # fmt: skip
    assert set(margins.scores[0]) == {"auc"}, "no probabilities"
    without = audit([0, 1] * 40, [0, 1] * 40, [0, 0, 1, 1] * 20, positive=1, n_resamples=100)
    assert without.scores == {}


def test_page_and_json_have_them():
    y, s, score, _ = drawn(2)
    found = audit(y, score > 0.5, s, score=score, positive=1, n_resamples=100)
    page = sheet(found, title="t")
    assert "How good the score is for each group" in page
    assert "DeLong" in page
    assert "but for those of the score" in page
    assert any("read as probabilities" in note for note in found.notes)
    kept = json.loads(json.dumps(found.as_dict()))["scores"]
    assert set(kept["0"]) == {"auc", "brier", "calibration"}
    assert kept["0"]["auc"]["interval"].startswith("linearised")
