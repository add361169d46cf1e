"""Every estimator around a network keeps one convention, which is scikit-learn's."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.dvge import DVGE
from fairtut.methods.estimating import NetworkEstimator
from fairtut.methods.faap import FAAP
from fairtut.methods.frtrain import VARIANTS, FRTrain
from fairtut.methods.inputs import weighted_rows
from fairtut.methods.lassi.estimator import LASSI
from fairtut.methods.reprogramming import Patch, Trigger
from fairtut.runtime import checkpoints
from fairtut.runtime.seeds import torch_rng


class Net(nn.Module):
    """A classifier of pictures, always with the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Tanh())
        self.f = nn.Linear(12, 2, bias=False)
        with torch.no_grad():
            self.f.weight.copy_(torch.randn(2, 12, generator=torch_rng(0, "convention")))

    def forward(self, x: Tensor) -> Tensor:
        return self.f(self.g(x))


SMALL = {"hidden": (4,), "epochs": 1, "batch": 16}
MADE: dict[str, Any] = {
    "FAAP": lambda **more: FAAP(Net(), width=2, blocks=1, **SMALL, **more),
    "Trigger": lambda **more: Trigger(Net(), shape=Patch(4), **SMALL, **more),
    "DVGE": lambda **more: DVGE(nn.Flatten(), **SMALL, **more),
    "LASSI": lambda **more: LASSI(nn.Flatten(), outputs=4, **SMALL, **more),
}
OTHER = {"FAAP": "epsilon", "Trigger": "lam", "DVGE": "eta1", "LASSI": "delta"}
"""A hyper-parameter of each, between which a search chooses."""


def people(n: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Return pictures (n, 3, 8, 8), labels and groups, each pair equally often."""
    x = torch.rand(n, 3, 8, 8, generator=torch_rng(1, "convention"))
    return x, torch.arange(n) % 2, torch.arange(n) // 2 % 2


def routed(estimator: Any) -> Any:
    """Return it, asking scikit-learn to hand the groups to ``fit``."""
    with sklearn.config_context(enable_metadata_routing=True):
        return estimator.set_fit_request(s=True)


@pytest.mark.parametrize("name", MADE)
def test_there_is_one_order_of_arguments(name: str) -> None:
    """Groups by name only: nobody can swap y and s."""
    kind = type(MADE[name]())
    for each in (kind, FRTrain):
        parameters = inspect.signature(each.fit).parameters
        assert list(parameters)[:5] == ["self", "x", "y", "s", "sample_weight"]
        for by_name in ("s", "sample_weight"):
            assert parameters[by_name].kind is inspect.Parameter.KEYWORD_ONLY
        assert "random_state" in inspect.signature(each).parameters
    x, y, s = people()
    with pytest.raises(TypeError, match="positional"):
        MADE[name]().fit(x, y, s)


@pytest.mark.parametrize("name", MADE)
def test_a_copy_has_the_settings_and_shares_the_network(name: str) -> None:
    one = routed(MADE[name](random_state=3, **{OTHER[name]: 0.125}))
    again = clone(one)
    assert again.get_params() == one.get_params() and again is not one
    assert again.get_params()[OTHER[name]] == 0.125 and again.random_state == 3
    assert again.get_metadata_routing().fit.requests["s"] is True
    networks = [v for v in one.get_params().values() if isinstance(v, nn.Module)]
    assert len(networks) == 1 and any(v is networks[0] for v in again.get_params().values())


@pytest.mark.parametrize("name", MADE)
def test_parameters_are_set_by_name(name: str) -> None:
    one = routed(MADE[name]())
    x, y, s = people()
    one.fit(x, y, s=s).set_params(**{OTHER[name]: 0.25}, random_state=5)
    assert (one.get_params()[OTHER[name]], one.random_state) == (0.25, 5)
    assert one.get_params()["hidden"] == (4,), "others stay"
    assert one.get_metadata_routing().fit.requests["s"] is True, "and what was asked for"
    with pytest.raises(InputError, match=r"call \.fit"):
        one.predict(x)  # of other settings
    before = one.get_params()
    with pytest.raises(InputError, match="no hyper-parameter 'epsilom'"):
        one.set_params(epsilom=0.1)
    assert one.get_params() == before, "a name that does not exist changes nothing"
    one.set_params(config=type(one.config)())
    assert one.config == type(one.config)() and one.random_state == 5


@pytest.mark.parametrize("name", MADE)
def test_the_seed_is_the_only_chance(name: str) -> None:
    x, y, s = people()
    first, same, other = (MADE[name](random_state=r).fit(x, y, s=s) for r in (0, 0, 1))
    assert torch.equal(first.predict_proba(x), same.predict_proba(x))
    assert not torch.equal(first.predict_proba(x), other.predict_proba(x))


@pytest.mark.parametrize("name", MADE)
def test_probabilities_decisions_and_classes_fit_together(name: str) -> None:
    x, y, s = people()
    one = MADE[name]().fit(x, y, s=s)
    p = one.predict_proba(x)
    assert one.classes_.tolist() == [0, 1] and p.shape == (64, 2)
    torch.testing.assert_close(p.sum(1), torch.ones(64))
    sure = (p[:, 0] - p[:, 1]).abs() > 1e-5
    assert sure.any() and torch.equal(one.predict(x)[sure], p.argmax(1)[sure])
    right = one.predict(x) == y
    assert one.score(x, y) == pytest.approx(float(right.double().mean()))
    assert one.score(x, y, sample_weight=right + 0.0) in (1.0, pytest.approx(1.0))
    assert 0 <= roc_auc_score(y, p[:, 1]) <= 1
    with pytest.raises(InputError, match="one label per row"):
        one.score(x, y[:-1])
    for wrong in (-1.0, float("nan")):
        with pytest.raises(InputError, match="finite, non-negative"):
            one.score(x, y, sample_weight=[wrong, *[1.0] * 63])


def fitted(name: str, seen: tuple[Tensor, Tensor, Tensor] | None = None, **more: Any) -> Any:
    """Return an estimator fitted to the same people; FRTrain to their first pixels."""
    x, y, s = seen or people()
    if name != "FRTrain":
        return MADE[name]().fit(x, y, s=s, **more)
    config = replace(VARIANTS["debiasing-clean"], epochs=30, warmup=10, every=1)
    return FRTrain(config=config, fused=False).fit(x.flatten(1)[:, :3].numpy(), y, s=s, **more)


def answers(name: str, one: Any) -> NDArray[Any]:
    """Return what it says of the same people."""
    x, _, s = people()
    if name != "FRTrain":
        return np.asarray(one.predict_proba(x))
    return np.asarray(one.predict_proba(x.flatten(1)[:, :3].numpy(), s=s))


ALL = [*MADE, "FRTrain"]


@pytest.mark.parametrize("name", ALL)
def test_equal_weights_equal_none_and_a_weight_of_0_is_nobody(name: str) -> None:
    x, y, s = people()
    none = answers(name, fitted(name))
    np.testing.assert_array_equal(answers(name, fitted(name, sample_weight=[0.3] * 64)), none)
    gone = torch.arange(64) % 5 == 4  # a part of every class and group
    weight = (~gone).double()
    others = torch.where(gone[:, None, None, None], 1 - x, x), y ^ gone.long(), s ^ gone.long()
    some = answers(name, fitted(name, sample_weight=weight))
    np.testing.assert_array_equal(some, answers(name, fitted(name, others, sample_weight=weight)))
    assert not np.allclose(some, none, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ALL)
def test_weights_that_do_not_fit_are_refused(name: str) -> None:
    _, y, s = people()
    for wrong, said in (
        ([-1.0, *[1.0] * 63], "finite, non-negative"),
        ([1.0] * 63, "row weights must be 64"),
        ([0.0] * 64, "all zero"),
        (np.full(64, 1j), "finite, non-negative"),
        (np.full(64, "2026-01-01", "datetime64[D]"), "finite, non-negative"),
        (y.double(), r"class|label|y = \[1\]"),  # one class is left
        (s.double(), r"class|group|both|s = \[1\]"),
    ):
        with pytest.raises(InputError, match=said):
            fitted(name, sample_weight=wrong)
    named = pd.Series(np.ones(64), [f"p{i}" for i in range(64)])
    with pytest.raises(InputError, match="index"):
        fitted(name, (people()[0], pd.Series(y.numpy(), named.index), s), sample_weight=named[::-1])
    equal = torch.ones(64, dtype=torch.bfloat16, requires_grad=True)
    np.testing.assert_array_equal(
        answers(name, fitted(name, sample_weight=equal)), answers(name, fitted(name))
    )


@pytest.mark.parametrize("order", [[0.5, 1.5, 1.5, 0.5], [1.0, 3.0], [2.0, 1.0, 2.0]])
def test_no_order_of_the_file_locks_onto_the_points(order: list[float]) -> None:
    """Rows that take turns get their share in every seed: binomial bounds, five deviations."""
    n = 480
    weight = np.resize(order, n)
    place = np.arange(n) % len(order)
    want = np.bincount(place, weight) * n / weight.sum()
    wide = 5 * np.sqrt(np.bincount(place) * 0.25)  # a row is rounded up or down, by chance
    for seed in range(40):
        found = np.bincount(place[weighted_rows(weight, n, seed)], minlength=len(order))
        assert (np.abs(found - want) <= wide).all()
        for value in set(order):
            of_value = weight == value
            drawn = of_value[weighted_rows(weight, n, seed)].sum()
            assert abs(drawn - weight[of_value].sum() * n / weight.sum()) < 1 + 1e-9


@pytest.mark.parametrize("size", [5e-324, 1e-9, 1.0, 1e308])
def test_equal_weights_of_any_size_are_none(size: float) -> None:
    for seed in range(20):
        np.testing.assert_array_equal(weighted_rows([size] * 999, 999, seed), np.arange(999))


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5, 1e-9, 1e9]), min_size=1, max_size=40).filter(
        any
    ),
    st.integers(0, 2**31),
)
def test_a_row_is_drawn_as_often_as_its_share_says(weights: list[float], seed: int) -> None:
    n, share = len(weights), np.array(weights) / sum(weights)
    rows = weighted_rows(weights, n, seed)
    times = np.bincount(rows, minlength=n)
    assert len(rows) == n and (np.diff(rows) >= 0).all()
    assert (np.abs(times - n * share) < 1 + 1e-9).all(), "rounded down or up"
    assert (times[share == 0] == 0).all()
    np.testing.assert_array_equal(weighted_rows([w * 8 for w in weights], n, seed), rows)


def test_draws_are_right_on_average() -> None:
    """Over seeds a row's mean number of draws is n p, within five standard errors."""
    weights = np.array([0.2, 1.0, 1.7, 3.1])
    times = np.array([np.bincount(weighted_rows(weights, 4, k), minlength=4) for k in range(2000)])
    error = times.std(0) / np.sqrt(len(times))
    assert (np.abs(times.mean(0) - 4 * weights / weights.sum()) <= 5 * error).all()


def test_weights_reach_fit_through_a_search_and_follow_a_new_attribute() -> None:
    x, y, s = people()
    weight = torch.rand(64, generator=torch_rng(4, "weights")).numpy()
    with sklearn.config_context(enable_metadata_routing=True):
        asks = MADE["DVGE"]().set_fit_request(s=True, sample_weight=True)
        scale = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scale, asks)
        pipe.fit(x.flatten(1).numpy(), y.numpy(), s=s.numpy(), sample_weight=weight)
        found = pipe.predict_proba(x.flatten(1).numpy())
    scaled = StandardScaler().fit_transform(x.flatten(1).numpy())
    by_hand = MADE["DVGE"]().fit(scaled, y, s=s, sample_weight=weight)
    np.testing.assert_array_equal(found, by_hand.predict_proba(scaled))
    mine = weight.copy()
    moved = MADE["DVGE"]().fit(scaled, y, s=1 - s, sample_weight=mine)
    mine[:] = 1  # the caller's own array
    moved.set_sensitive(s)
    np.testing.assert_array_equal(moved.predict_proba(scaled), by_hand.predict_proba(scaled))


def test_copies_of_a_row_say_nothing_more_about_a_group() -> None:
    _, y, s = people()
    weight = torch.ones(64, dtype=torch.float64)
    cell = ((y == 1) & (s == 1)).nonzero().flatten()
    weight[cell] = 0
    weight[cell[0]] = 16  # all of a cell's weight
    with pytest.raises(InputError, match="only 1 weighted training rows have y=1 and s=1"):
        fitted("DVGE", sample_weight=weight)


def test_what_frtrain_keeps_of_a_row_names_the_row() -> None:
    weight = torch.rand(64, generator=torch_rng(4, "weights")).double()
    one = fitted("FRTrain", sample_weight=weight)
    np.testing.assert_array_equal(one.rows_, weighted_rows(weight, 64, 0))
    assert one.trained_.weights.shape == (1, len(one.rows_))
    np.testing.assert_array_equal(fitted("FRTrain").rows_, np.arange(64))


MODEL: dict[str, Any] = {"FAAP": Net, "Trigger": Net, "DVGE": nn.Flatten, "LASSI": nn.Flatten}
"""What each is loaded around."""


@pytest.mark.parametrize("name", MADE)
def test_a_file_keeps_everything_but_the_network(name: str, tmp_path: Path) -> None:
    """Settings, seed and classes; so that fitting again what was loaded gives the same."""
    x, y, s = people()
    kept = MADE[name](random_state=3, **{OTHER[name]: 0.125}).fit(x, y, s=s)
    back = type(kept).load(kept.save(tmp_path / "kept.pt"), MODEL[name]())
    given = {"model", "encoder", "smoothing", "voting", "split"}  # networks, and what defaults mean
    ours, theirs = kept.get_params(), back.get_params()
    assert ours.keys() == theirs.keys() and ours["random_state"] == 3
    assert {k: v for k, v in ours.items() if k not in given} == {
        k: v for k, v in theirs.items() if k not in given
    }
    assert back.classes_.tolist() == [0, 1]
    torch.testing.assert_close(back.predict_proba(x), kept.predict_proba(x))
    again = clone(back).fit(x, y, s=s)
    torch.testing.assert_close(again.predict_proba(x), kept.predict_proba(x))


CARD = {"FAAP": "faap", "Trigger": "trigger", "DVGE": "dvge", "LASSI": "lassi"}


def rewritten(name: str, at: Path, card: dict[str, Any]) -> Any:
    """Load a file of an estimator whose card is another one, sealed as such."""
    parts = {
        "FAAP": lambda one: one.perturber, "Trigger": lambda one: one.module,
        "DVGE": lambda one: nn.ModuleList(one._fitted), "LASSI": lambda one: one._fitted,
    }  # fmt: skip
    one = fitted(name)
    checkpoints.save(at, parts[name](one), card)
    return type(one).load(at, MODEL[name]())


@pytest.mark.parametrize("name", ["FAAP", "Trigger", "DVGE"])
def test_a_file_of_before_is_read(name: str, tmp_path: Path) -> None:
    """It names neither seed nor, for a trigger, the settings."""
    one = fitted(name)
    card = checkpoints.read_card(one.save(tmp_path / "new.pt"))
    old = {k: v for k, v in card.items() if k not in ("random_state", "settings", "classes")}
    assert old != card
    back = rewritten(name, tmp_path / "old.pt", old)
    assert back.random_state == 0
    x = people()[0]
    assert torch.equal(back.predict_proba(x), one.predict_proba(x))


@pytest.mark.parametrize("name", CARD)
def test_a_card_that_says_nonsense_is_no_estimator(name: str, tmp_path: Path) -> None:
    card = checkpoints.read_card(fitted(name).save(tmp_path / "new.pt"))
    own = CARD[name]
    wrong: list[dict[str, Any]] = [{}, card | {own: [1]}, card | {own: None}]
    if name == "Trigger":
        wrong += [card | {"settings": {"config": [1]}}, card | {"classes": "two"}]
        wrong += [card | {own: card[own] | {"values": "foo"}}, card | {"settings": [1]}]
    else:
        seed = {"random_state": "abc"}
        wrong += [card | {own: card[own] | seed} if name == "LASSI" else card | seed]
        several = (
            {"config": card[own]["config"] | {"hidden": 8}} if name == "LASSI" else {"hidden": 8}
        )
        wrong += [card | {own: card[own] | several}]
    for i, body in enumerate(wrong):
        with pytest.raises(CorruptFile, match=r"that .* wrote"):
            rewritten(name, tmp_path / f"{i}.pt", body)


@pytest.mark.parametrize("name", ["FAAP", "Trigger"])
def test_what_is_taken_from_elsewhere_is_copied(name: str) -> None:
    x, y, s = people()
    inner = {"FAAP": "perturber", "Trigger": "module"}[name]
    theirs = getattr(MADE[name]().fit(x, y, s=s), inner).train().requires_grad_(True)
    one = MADE[name]().use(theirs)
    before = one.transform(x)
    assert theirs.training and all(p.requires_grad for p in theirs.parameters())
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(1.0)
    assert torch.equal(one.transform(x), before)
    once = MADE[name]().fit(x, y, s=s)
    assert once.history
    assert once.use(getattr(one, inner)).history == [], "of its own training"


@pytest.mark.parametrize("name", MADE)
def test_a_search_hands_s_through(name: str) -> None:
    """What it finds is what the same folds by hand give."""
    x, y, s = people()
    setting = OTHER[name]
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            routed(MADE[name]()), {setting: [0.0625, 0.125]}, cv=[(range(48),
            range(48, 64))], refit=False, error_score="raise",
        )  # fmt: skip
        search.fit(x.numpy(), y.numpy(), s=s.numpy())
    by_hand = [
        MADE[name](**{setting: value}).fit(x[:48], y[:48], s=s[:48]).score(x[48:], y[48:])
        for value in (0.0625, 0.125)
    ]
    assert search.cv_results_["mean_test_score"].tolist() == pytest.approx(by_hand)


def test_an_estimator_on_codes_stands_in_a_pipeline() -> None:
    x, y, s = people()
    table = x.flatten(1).numpy() * 100
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), routed(DVGE(nn.Flatten(), **SMALL)))
        pipe.fit(table, y.numpy(), s=s.numpy())
        p = pipe.predict_proba(table)
    scaled = StandardScaler().fit_transform(table)
    alone = DVGE(nn.Flatten(), **SMALL).fit(scaled, y, s=s).predict_proba(scaled)
    np.testing.assert_array_equal(p, alone)


def test_all_of_this_kind_are_asked() -> None:
    def below(kind: type) -> set[str]:
        return {kind.__name__, *(n for sub in kind.__subclasses__() for n in below(sub))}

    ours = {n for n in below(NetworkEstimator) if n != "NetworkEstimator"}
    assert ours == set(MADE)


def test_a_trigger_without_a_model_says_what_to_do() -> None:
    x, y, s = people()
    loose = Trigger.random("border", (8, 8), random_state=2)
    with pytest.raises(InputError, match=r"Trigger\(model\)\.fit"):
        loose.fit(x, y, s=s)
    with pytest.raises(InputError, match=r"\.predict\(x, model\)"):
        loose.predict(x)
    assert loose.predict(x, Net()).shape == (64,)
