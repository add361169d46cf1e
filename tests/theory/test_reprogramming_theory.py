"""Theorem 1 by enumeration, and why pooling with a linear head only moves a threshold."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fairtut.errors import InputError
from fairtut.methods.reprogramming import Border, Patch, TriggerModule
from fairtut.methods.reprogramming.theory import Pooled, TwoVocabularies, roc
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
JOINT = np.array([[0.45, 0.15], [0.10, 0.30]])
WORDS_Y = np.array([[0.7, 0.3], [0.3, 0.7]])
WORDS_Z = np.array([[0.8, 0.2], [0.2, 0.8]])


@pytest.fixture
def model() -> TwoVocabularies:
    return TwoVocabularies(JOINT, WORDS_Y, WORDS_Z, length=3)


def by_hand(length: int, trigger: float | None) -> tuple[float, float, float]:
    """I(Ŷ; Z | Y), I(Ŷ; Z) and accuracy by nested loops over every text, straight from Bayes."""
    p_z = JOINT.sum(0)
    on_trigger = np.ones(2) if trigger is None else np.array([1 - trigger, trigger]) / p_z
    table = np.zeros((2, 2, 2))  # ŷ, y, z
    texts = list(itertools.product(range(2), repeat=length))
    for a, b in itertools.product(texts, texts):
        write_y = [math.prod(WORDS_Y[y, w] for w in a) for y in range(2)]
        write_z = [math.prod(WORDS_Z[z, w] for w in b) for z in range(2)]
        seen = [[JOINT[y, z] * write_y[y] * write_z[z] * on_trigger[z] for z in range(2)]
                for y in range(2)]  # fmt: skip
        y_hat = int(sum(seen[1]) > sum(seen[0]))
        for y, z in itertools.product(range(2), range(2)):
            table[y_hat, y, z] += JOINT[y, z] * write_y[y] * write_z[z]

    def information(joint: np.ndarray) -> float:
        joint = joint / joint.sum()
        return sum(
            p * math.log(p / (joint[i].sum() * joint[:, j].sum()))
            for (i, j), p in np.ndenumerate(joint) if p > 0
        )  # fmt: skip

    given_y = sum(JOINT[y].sum() * information(table[:, y]) for y in range(2))
    return given_y, information(table.sum(1)), float(table[0, 0].sum() + table[1, 1].sum())


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("trigger", [None, 0.1, 0.7, 0.99])
def test_the_enumeration_is_bayes_rule_text_by_text(length: int, trigger: float | None) -> None:
    found = TwoVocabularies(JOINT, WORDS_Y, WORDS_Z, length).triggered(trigger)
    expected = by_hand(length, trigger)
    assert (found.given_y, found.marginal, found.accuracy) == pytest.approx(expected, abs=1e-12)


def test_theorem_1_information_given_the_label_vanishes(model: TwoVocabularies) -> None:
    assert model.triggered().given_y > 0.03
    soft = [model.triggered(t, soft=True).given_y for t in (0.9, 0.99, 0.999, 0.9999, 1.0)]
    assert all(a > b for a, b in itertools.pairwise(soft))
    assert soft[-1] == pytest.approx(0, abs=1e-12) and soft[-2] < 1e-5
    for t in (0.001, 0.999):  # either group will do
        hard = model.triggered(t)
        assert hard.given_y == pytest.approx(0, abs=1e-12)
        assert np.ptp(hard.rates, axis=1) == pytest.approx(0)  # equalised odds, exactly


def test_the_second_argument_saturates_for_every_text(model: TwoVocabularies) -> None:
    _, q_z = model.posteriors(1.0)
    assert np.array_equal(q_z, np.repeat([[0.0], [1.0]], 8, axis=1))
    q_y, _ = model.posteriors()
    constant = model.h(q_y, q_z)
    assert np.ptp(constant, axis=1) == pytest.approx(0)  # it depends on the label's words only
    assert np.ptp(constant, axis=0).min() > 0.5  # and it does depend on them


def test_the_theorem_gives_equalised_odds_not_parity(model: TwoVocabularies) -> None:
    """With unequal base rates fair decisions still tell the group, through the label."""
    done = model.triggered(0.999)
    assert done.given_y == pytest.approx(0, abs=1e-12) and done.marginal > 0.03
    assert done.accuracy > 0.75  # it is not the constant classifier that is so fair
    even = TwoVocabularies(np.full((2, 2), 0.25), WORDS_Y, WORDS_Z, 3)
    assert even.triggered(0.999).marginal == pytest.approx(0, abs=1e-12)


def test_no_threshold_of_the_classifier_does_what_the_trigger_does(
    model: TwoVocabularies,
) -> None:
    done = model.triggered(0.999)
    at_least = [
        control.given_y for t in np.linspace(0, 1, 201)
        if (control := model.threshold(t)).accuracy >= done.accuracy
    ]  # fmt: skip
    assert len(at_least) > 50 and min(at_least) > 0.01


def test_a_word_that_says_nothing_changes_nothing(model: TwoVocabularies) -> None:
    for soft in (False, True):
        plain, word = model.triggered(None, soft=soft), model.triggered(0.45, soft=soft)
        assert word.given_y == pytest.approx(plain.given_y, abs=1e-12)
        np.testing.assert_allclose(word.rates, plain.rates, atol=1e-12)


def test_without_regularity_the_path_stays_open() -> None:
    """A word that one group never writes outvotes every trigger short of certainty."""
    words = np.array([[0.5, 0.5], [1.0, 0.0]])  # only z = 0 writes the second word
    model = TwoVocabularies(JOINT, WORDS_Y, words, 2)
    assert model.triggered(1 - 1e-9, soft=True).given_y > 0.01
    with pytest.raises(InputError, match="contradict"):
        model.triggered(1.0)


@given(
    joint=st.lists(st.floats(0.05, 1), min_size=4, max_size=4),
    y=st.floats(0.05, 0.95), z=st.floats(0.05, 0.95), t=st.floats(0.01, 0.99),
    soft=st.booleans(),
)  # fmt: skip
@settings(max_examples=40)
def test_outcomes_are_probabilities_and_h_is_a_posterior(
    joint: list[float], y: float, z: float, t: float, soft: bool
) -> None:
    p = np.array(joint).reshape(2, 2) / sum(joint)
    model = TwoVocabularies(p, [[y, 1 - y], [0.4, 0.6]], [[z, 1 - z], [0.5, 0.5]], 2)
    found = model.triggered(t, soft=soft)
    assert 0 <= found.given_y <= math.log(2) and 0 <= found.marginal <= math.log(2)
    assert ((found.rates >= -1e-12) & (found.rates <= 1 + 1e-12)).all()
    score = model.h(*model.posteriors())
    mass = np.einsum("yz,ya,zb->ab", p, model.texts_y, model.texts_z)
    assert float((score * mass).sum()) == pytest.approx(p[1].sum())  # E P(Y | X) = P(Y)
    assert model.triggered().accuracy >= max(p.sum(1)) - 1e-12  # Bayes beats the constant


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((JOINT * 2, WORDS_Y, WORDS_Z, 1), "sums to 2"),
        ((np.eye(2) / 2, WORDS_Y, WORDS_Z, 1), "positive"),
        ((JOINT, WORDS_Y * 2, WORDS_Z, 1), "words_y"),
        ((JOINT, WORDS_Y, [[1.0, 0], [1.0, 0]], 1), "nobody writes"),
        ((JOINT, WORDS_Y, WORDS_Z, 0), "length"),
        ((JOINT, WORDS_Y, WORDS_Z, 11), "million"),
        ((JOINT, WORDS_Y, WORDS_Z, 30), "million"),
    ],
)
def test_what_is_no_such_model_is_refused(arguments: tuple, says: str) -> None:
    with pytest.raises(InputError, match=says):
        TwoVocabularies(*arguments)
    with pytest.raises(InputError, match="in \\[0, 1\\]"):
        TwoVocabularies(JOINT, WORDS_Y, WORDS_Z).triggered(1.5)


# --- pooling and a linear head --------------------------------------------------------------


def scores(net: nn.Module, trigger: TriggerModule, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        logits = net(trigger(x))
    return (logits[:, 1] - logits[:, 0]).numpy()


@pytest.mark.parametrize("shape", [Patch(5), Border(3)])
def test_a_trigger_adds_one_constant_to_a_pooled_linear_score(shape: Patch | Border) -> None:
    n = 200
    x = torch.rand(n, 3, 16, 16, generator=torch_rng(0, "x"), dtype=torch.double)
    y, s = np.arange(n) % 2, np.arange(n) // 2 % 2
    net = Pooled(generator=torch_rng(0, "net")).double()
    curved = nn.Sequential(net, nn.Tanh())  # one nonlinearity after
    found = []
    for seed in (0, 1):
        trigger = TriggerModule(shape, (16, 16), generator=torch_rng(seed, "trigger")).double()
        found.append([scores(f, trigger, x) for f in (net, curved)])
    (first, bent), (second, bent_too) = found
    shift = second - first
    assert np.ptp(shift) < 1e-12 and abs(shift[0]) > 1e-3
    assert np.array_equal(np.argsort(first), np.argsort(second))
    for group in (0, 1):  # so each group's curve stays, and only the point on it moves
        of = s == group
        np.testing.assert_array_equal(roc(first[of], y[of]), roc(second[of], y[of]))
    # a decision with the trigger is the other one's with a moved threshold
    assert np.array_equal(second > 0, first > -shift[0])
    assert np.ptp(bent_too - bent) > 1e-4  # the theorem needs this


def test_the_curve_is_the_one_of_every_threshold() -> None:
    score, y = np.array([0.9, 0.4, 0.4, 0.1, 0.7]), np.array([1, 0, 1, 0, 0])
    expected = [(np.mean(score[y == 0] >= t), np.mean(score[y == 1] >= t))
                for t in (0.9, 0.7, 0.4, 0.1)]  # fmt: skip
    np.testing.assert_allclose(roc(score, y), expected)
    with pytest.raises(InputError, match="both classes"):
        roc(score, np.ones(5))
