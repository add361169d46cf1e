"""Every estimator around a network keeps one convention, which is scikit-learn's."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.dvge import DVGE
from fairtut.methods.estimating import NetworkEstimator
from fairtut.methods.faap import FAAP
from fairtut.methods.frtrain import FRTrain
from fairtut.methods.lassi.estimator import LASSI
from fairtut.methods.reprogramming import Patch, Trigger
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
        assert list(parameters)[:4] == ["self", "x", "y", "s"]
        assert parameters["s"].kind is inspect.Parameter.KEYWORD_ONLY
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
