"""The crowd model: closed form against simulation, limits, and the real crowds."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, binom

from fairtut.data.crowd import REFERENCE, CrowdModel, annotate, majority
from fairtut.errors import InputError

N = 40_000


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_fit_reproduces_the_reference_by_simulation(name):
    ref = REFERENCE[name]
    model = CrowdModel.fit(ref.single, ref.majority)
    assert model.majority_accuracy() == pytest.approx(ref.majority, abs=1e-9)
    y = np.random.default_rng(0).integers(0, 2, N)
    answers = annotate(y, 11, model, seed=2)
    right = answers == y[:, None]
    # one item's mean of 11 answers has variance p(1-p)(1 + 10 rho)/11
    spread = math.sqrt(ref.single * (1 - ref.single) * (1 + 10 * model.rho) / 11)
    assert abs(right.mean() - ref.single) < 4.5 * spread / math.sqrt(N)
    got = (majority(answers) == y).mean()
    assert abs(got - ref.majority) < 4.5 * math.sqrt(ref.majority * (1 - ref.majority) / N)


def test_closed_form_is_the_integral_over_the_items_difficulty():
    model = CrowdModel(0.62, 0.2)
    a, b = 0.62 * 4, 0.38 * 4  # a + b = (1 - rho) / rho
    value, _ = quad(lambda p: binom.sf(5, 11, p) * beta.pdf(p, a, b), 0, 1)
    assert model.majority_accuracy(11) == pytest.approx(value, abs=1e-7)


def test_rho_is_the_correlation_of_two_workers_on_one_item():
    model = CrowdModel(0.62, 0.3)
    answers = annotate(np.ones(N, dtype=int), 2, model, seed=1).astype(float)
    observed = np.corrcoef(answers.T)[0, 1]
    assert abs(observed - 0.3) < 4.5 / math.sqrt(N)


def test_limits_of_independence_and_of_one_mind():
    independent = CrowdModel(0.62, 0.0)
    assert independent.majority_accuracy(11) == pytest.approx(0.80, abs=0.01)
    assert CrowdModel(0.62, 1e-7).majority_accuracy() == pytest.approx(
        independent.majority_accuracy(), abs=1e-5
    )
    one_mind = CrowdModel(0.62, 1.0)
    assert one_mind.majority_accuracy(11) == 0.62
    answers = annotate(np.ones(500, dtype=int), 11, one_mind, seed=0)
    assert (answers == answers[:, :1]).all()
    assert CrowdModel.fit(0.62, independent.majority_accuracy()).rho == 0.0
    assert CrowdModel.fit(0.62, 0.62).rho == 1.0


@pytest.mark.parametrize("rho", [0.02, 0.2, 0.7])
@pytest.mark.parametrize("single", [0.4, 0.62, 0.9])
@pytest.mark.parametrize("k", [3, 11])
def test_fit_inverts_the_closed_form(single, rho, k):
    model = CrowdModel(single, rho)
    assert CrowdModel.fit(single, model.majority_accuracy(k), k).rho == pytest.approx(rho, abs=1e-6)


def test_accuracy_may_depend_on_the_label():
    ref = REFERENCE["adult"]
    pair = tuple(
        CrowdModel.fit(a, b)
        for a, b in zip(ref.single_by_label, ref.majority_by_label, strict=True)
    )
    y = np.tile([0, 1], N // 2)
    right = annotate(y, 11, pair, seed=0) == y[:, None]
    assert right[y == 0].mean() == pytest.approx(0.552, abs=0.01)
    assert right[y == 1].mean() == pytest.approx(0.713, abs=0.01)


def test_answers_follow_the_seed_and_the_default_is_compas():
    y = np.tile([0, 1], 500)
    np.testing.assert_array_equal(annotate(y, seed=1), annotate(y, seed=1))
    assert (annotate(y, seed=1) != annotate(y, seed=2)).any()
    assert annotate(y).shape == (1000, 11) and annotate(y).dtype == np.int8
    compas = CrowdModel.fit(REFERENCE["compas"].single, REFERENCE["compas"].majority)
    np.testing.assert_array_equal(annotate(y, seed=4), annotate(y, 11, compas, seed=4))


def test_majority_counts():
    assert majority([[1, 1, 0], [0, 0, 1], [1, 1, 1]]).tolist() == [1, 0, 1]


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="odd"):
        majority([[0, 1]])
    with pytest.raises(InputError, match="odd"):
        CrowdModel(0.6, 0.1).majority_accuracy(10)
    with pytest.raises(InputError, match=r"between 0\.620 and 0\.79"):
        CrowdModel.fit(0.62, 0.9)
    with pytest.raises(InputError, match="between"):
        CrowdModel.fit(0.62, 0.5)
    with pytest.raises(InputError, match="single accuracy"):
        CrowdModel(1.2, 0.1)
    with pytest.raises(InputError, match="rho"):
        CrowdModel(0.6, -0.1)
    with pytest.raises(InputError, match="labels 0 and 1"):
        annotate([0, 2])
    with pytest.raises(InputError, match="at least one"):
        annotate([0, 1], k=0)
    with pytest.raises(InputError, match="0 and 1"):
        majority([[3, 1, 2]])


@pytest.mark.real
@pytest.mark.parametrize(("name", "stem"), [("compas", "COMPAS"), ("adult", "AdultCensus")])
def test_reference_is_what_the_released_answers_give(name, stem):
    root = os.environ.get("FAIRTUT_DATA")
    path = Path(root or "/") / "frtrain" / f"{stem}_crowdsourcing_data.csv"
    if not root or not path.is_file():
        pytest.skip("FAIRTUT_DATA has no frtrain/ folder with the released answers")
    with open(path, newline="") as stream:
        rows = list(csv.DictReader(stream))
    answers = np.array([[int(r[f"ans_{i}"]) >= 3 for i in range(1, 12)] for r in rows]).astype(int)
    y = np.array([int(r["true_label"]) > 0 for r in rows]).astype(int)
    ref, voted = REFERENCE[name], majority(answers)
    assert len(rows) == ref.items and answers.shape[1] == ref.k
    assert round(float((answers == y[:, None]).mean()), 3) == ref.single
    assert round(float((voted == y).mean()), 3) == ref.majority
    for label in (0, 1):
        of = y == label
        assert round(float((answers[of] == label).mean()), 3) == ref.single_by_label[label]
        assert round(float((voted[of] == label).mean()), 3) == ref.majority_by_label[label]
