"""Synthetic people: the same for a seed, labels by the law, and exact counterfactuals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fairtut.data.synthetic import faces as f
from fairtut.data.synthetic.faces import factors as table
from fairtut.data.synthetic.faces.law import load
from fairtut.errors import InputError, UnknownName

N = 40_000


@pytest.fixture(scope="module")
def few():
    return f.sample(24, seed=2, annotator_noise=0.1)


@pytest.fixture(scope="module")
def crowd():
    """People without pictures, for questions about labels."""
    return table.draw(N, 5, load(), 1.0)


def test_the_same_seed_gives_the_same_faces_whatever_the_chunk(few):
    again = f.sample(24, seed=2, annotator_noise=0.1, chunk=5)
    assert torch.equal(again.images.x, few.images.x)
    assert again.images.digest == few.images.digest and again.factors.equals(few.factors)
    assert f.sample(24, seed=3, annotator_noise=0.1).images.digest != few.images.digest


def test_every_face_differs_and_fills_the_range(few):
    x = few.images.x.float()
    assert x.shape == (24, 3, 64, 64) and few.images.x.dtype == torch.uint8
    gaps = torch.pdist(x.flatten(1))
    assert gaps.min() > 1000  # 12,288 numbers that differ by 9 on average
    assert x.min() < 60 and x.max() > 240


@pytest.mark.parametrize("size", [16, 32, 64, 224])
def test_painting_features_in_their_windows_loses_nothing(size):
    rows = table.draw(6, 1, load(), 1.5)
    part, whole = (f.render(rows, size, windows=w).int() for w in (True, False))
    assert (part - whole).abs().max() <= 1  # a rounding step at most


def test_sizes_show_the_same_picture(few):
    small, large = (f.render(few.factors, s, clean=True).float() for s in (32, 128))
    means = torch.nn.functional.avg_pool2d(large, 4)
    assert (small - means).abs().mean() < 6


def test_labels_follow_the_law_alone_and_in_pairs(crowd):
    law, labels = load(), table.true_labels(crowd)
    for i, a in enumerate(f.ATTRIBUTES):
        for b in f.ATTRIBUTES[i:]:
            p = float(law.p @ (law.column(a) & law.column(b)))
            seen = float((labels[a] & labels[b]).mean())
            assert abs(seen - p) <= 4.5 * np.sqrt(p * (1 - p) / N) + 1e-12, (a, b)


def test_young_is_a_function_of_age_and_children_carry_nothing_adult(crowd):
    assert np.array_equal(crowd["Young"] >= 0.5, crowd["age"] <= 40)
    np.testing.assert_allclose(table.age_of(table.youth(crowd["age"].to_numpy())), crowd["age"])
    labels = table.true_labels(crowd)
    assert not labels.loc[crowd["age"] < 18, list(table.ADULT)].any(axis=None)
    assert set(labels["age_group"]) == set(f.AGE_GROUPS)
    assert table.age_group(np.array([2.9, 3, 69.9, 70, 99])).tolist() == [
        "0-2", "3-9", "60-69", "70+", "70+",
    ]  # fmt: skip


def test_skin_tone_is_uniform_and_tells_nothing_but_pale_skin(crowd):
    labels = table.true_labels(crowd)
    rest = ~labels["Pale_Skin"].to_numpy()
    shares = np.bincount(labels["tone_group"][rest], minlength=8)[1:] / rest.sum()
    assert np.all(np.abs(shares - 1 / 7) < 4.5 * np.sqrt(6 / 49 / rest.sum()))
    others = [a for a in f.ATTRIBUTES if a != "Pale_Skin"]
    r = [np.corrcoef(crowd["skin_tone"][rest], labels[a][rest])[0, 1] for a in others]
    assert np.abs(r).max() < 4.5 / np.sqrt(rest.sum())


def test_annotators_err_at_their_rate_and_only_then():
    noisy = f.sample(600, seed=1, size=16, annotator_noise=0.1)
    names = list(f.ATTRIBUTES)
    wrong = noisy.images.attributes[names].to_numpy() != noisy.true[names].to_numpy()
    assert abs(wrong.mean() - 0.1) < 4.5 * np.sqrt(0.09 / wrong.size)
    exact = f.sample(50, seed=1, size=16, annotator_noise=0.0)
    assert exact.images.attributes.equals(exact.true)
    parts = [int((noisy.images.split == p).sum()) for p in ("train", "val", "test")]
    assert parts == [420, 90, 90]


def test_a_dialled_population_has_the_asked_rates():
    people = f.sample(900, seed=4, size=16, dial={"target": "Smiling", "sensitive": "Male",
                                                  "p": (0.1, 0.9)})  # fmt: skip
    for s, p in ((False, 0.1), (True, 0.9)):
        rows = people.true.loc[people.true["Male"] == s, "Smiling"]
        assert abs(rows.mean() - p) < 4.5 * np.sqrt(p * (1 - p) / len(rows))
    assert "P(Smiling|Male=0,1)=(0.1, 0.9)" in people.images.source


@pytest.mark.parametrize("factor", f.FACTORS)
def test_a_counterfactual_changes_its_factor_and_nothing_else(few, factor):
    other = f.counterfactual(few, factor)
    moved = {factor} | ({"age", "Young"} if factor in ("age", "Young") else set())
    same = [c for c in few.factors if c not in moved]
    assert other.factors[same].equals(few.factors[same])
    for name in f.ATTRIBUTES:
        flipped = other.true[name] != few.true[name]
        assert flipped.all() if name in moved else not flipped.any()
        slips = few.images.attributes[name] != few.true[name]
        assert ((other.images.attributes[name] != other.true[name]) == slips).all()
    difference = (other.images.x != few.images.x).any(1).numpy()
    # a bald head shows no waves, and a quirk may hold a cue at the end of its range
    assert difference.any((1, 2)).mean() > 0.8, "the factor cannot be seen"
    assert not (difference & ~f.region(few, factor)).any(), "pixels outside the factor's region"
    if factor not in ("Male", "Young", "age"):
        assert difference.mean() < 0.75  # skin and hair are a part of the picture, too


def test_mirroring_twice_and_setting_the_old_value_give_the_old_picture(few):
    for factor in ("Male", "Smiling", "age"):
        back = f.counterfactual(f.counterfactual(few, factor), factor)
        gap = (back.images.x.int() - few.images.x.int()).abs()
        assert gap.max() <= 1 and back.true.equals(few.true)
    kept = f.counterfactual(few, "skin_tone", few.factors["skin_tone"].to_numpy())
    assert torch.equal(kept.images.x, few.images.x)
    light, dark = f.sweep(few, "skin_tone", (0.0, 1.0))
    assert set(light.true["tone_group"]) == {1} and set(dark.true["tone_group"]) == {7}
    assert light.images.x.float().mean() > dark.images.x.float().mean() + 5


def test_selecting_rows_keeps_everything_together(few):
    rows = np.array([5, 1, 9])
    part = few.select(rows)
    assert len(part) == 3 and torch.equal(part.images.x, few.images.x[rows])
    assert torch.equal(f.counterfactual(part, "Bald").images.x,
                       f.counterfactual(few, "Bald").images.x[rows])  # fmt: skip
    assert len(few.select(few.true["Male"].to_numpy())) == int(few.true["Male"].sum())


def test_a_linear_probe_reads_labels_better_than_chance_and_not_perfectly():
    people = f.sample(1000, seed=8, size=32, annotator_noise=0.0)
    x = people.images.x.float().flatten(1) / 255
    x = x - x.mean(0)
    y = torch.tensor(people.true[["Male", "Smiling", "Blond_Hair"]].to_numpy(dtype=np.float32))
    fit, rest = slice(0, 700), slice(700, 1000)
    # ridge regression in its dual form: weights = X' (X X' + c I)^-1 y
    gram = x[fit] @ x[fit].T + 30 * torch.eye(700)
    scores = x[rest] @ (x[fit].T @ torch.linalg.solve(gram, y[fit] - y[fit].mean(0)))
    for k, (low, high) in enumerate([(0.85, 0.995), (0.62, 0.97), (0.8, 0.99)]):
        truth = y[rest, k] > 0.5
        order = scores[:, k].argsort().argsort().float() + 1
        n1, n0 = int(truth.sum()), int((~truth).sum())
        area = float((order[truth].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))  # rank-sum AUC
        assert low < area < high


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 5, "size": 8}, "size is 8"),
        ({"n": 5, "annotator_noise": 0.5}, "annotator_noise is 0.5"),
        ({"n": 5, "nuisance": 2.0}, "nuisance is 2.0"),
        ({"n": 5, "splits": (0.5, 0.2, 0.2)}, "sum to 1"),
        ({"n": 5, "dial": {"target": "Smiling", "sensitive": "Male", "p": (-1, 0)}}, "p is"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message) as caught:
        f.sample(**options)
    assert "\n" not in str(caught.value)


def test_bad_factors_are_named(few):
    with pytest.raises(UnknownName, match="did you mean 'Smiling'"):
        f.counterfactual(few, "smiling")
    with pytest.raises(UnknownName, match="'hat'"):
        f.region(few, "hat")
    for value in (1.5, np.nan, np.zeros(3)):
        with pytest.raises(InputError, match="skin_tone: give one number or one per face"):
            f.counterfactual(few, "skin_tone", value)
    with pytest.raises(InputError, match="at least one face"):
        f.render(few.factors.iloc[:0])
