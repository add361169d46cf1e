"""What a method of one's own must not do to others in silence, nor answer by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.errors import InputError
from fairtut.lab.mitigation import Ground, tried

rng = np.random.default_rng(3)
N = 60
SKILL = rng.uniform(0.05, 0.95, N)
Y, S = (SKILL > 0.5).astype(int), rng.integers(0, 2, N)
PARTS = ("train", "val", "test")


def ground(x: Any) -> Ground:
    return Ground({"scores": dict.fromkeys(PARTS, x)}, dict.fromkeys(PARTS, Y),
                  dict.fromkeys(PARTS, S))  # fmt: skip


class Plain:
    name, acts_on, settings = "plain", "scores", (0.0, 0.0, 0.0)

    def fit(self, x: Any, y: Any, *, s: Any) -> Any:
        return self

    def predict_proba(self, x: Any) -> Any:
        return x


class Learner(Plain):
    """A network made once, that one step of training moves."""

    def __init__(self) -> None:
        self.net = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(self.net.weight)

    def fit(self, x: Any, y: Any, *, s: Any) -> Any:
        with torch.no_grad():
            self.net.weight += 1
        return self

    def predict_proba(self, x: Any) -> Any:
        z = torch.as_tensor(x, dtype=torch.float32)[:, None]
        return torch.sigmoid(self.net(z)).detach().numpy()[:, 0]


def test_each_setting_is_fitted_from_the_same_start() -> None:
    method = Learner()
    found = tried(method, ground(SKILL))
    assert (found.p["test"] == found.p["test"][0]).all()
    assert float(method.net.weight.detach()) == 0.0  # the object itself stays as it is


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, pd.Series])
@pytest.mark.parametrize("place", ["fit", "predict_proba"])
def test_a_method_that_changes_its_input_changes_nobody_elses(kind: Any, place: str) -> None:
    def halved(self: Any, x: Any, *more: Any, **groups: Any) -> Any:
        x *= 0.5
        return self if place == "fit" else np.asarray(x)

    method = type("Halving", (Plain,), {place: halved})()
    rows = kind(SKILL.copy())
    found = tried(method, ground(rows))
    assert np.array_equal(np.asarray(rows), SKILL)
    expected = SKILL if place == "fit" else SKILL / 2
    assert np.allclose(found.p["test"], expected)


@pytest.mark.parametrize("named", [list(range(N)), [f"p{i}" for i in range(N)]])
def test_answers_in_another_order_are_refused(named: list[Any]) -> None:
    class Sorted(Plain):
        def predict_proba(self, x: Any) -> Any:
            return pd.Series(np.asarray(x), named).sort_values()

    x = pd.Series(SKILL, named)
    people = (dict.fromkeys(PARTS, pd.Series(v, named)) for v in (Y, S))
    with pytest.raises(InputError, match="another order"):
        tried(Sorted(), Ground({"scores": dict.fromkeys(PARTS, x)}, *people))


def test_answers_that_name_their_rows_in_order_are_taken() -> None:
    class Named(Plain):
        def predict_proba(self, x: Any) -> Any:
            return pd.Series(x)

    assert np.array_equal(tried(Named(), ground(SKILL)).p["test"][0], SKILL)


@pytest.mark.parametrize("said", [[0, 5, 7], ["no"] * N, [2] * N, [[True]] * N])
def test_a_certificate_is_true_or_false_for_each(said: Any) -> None:
    method = type("Sure", (Plain,), {"certified": lambda self, x: said})()
    with pytest.raises(InputError, match="true or false for each"):
        tried(method, ground(SKILL))


@pytest.mark.parametrize("said", [Y, Y == 1, Y.astype(float), (Y == 1).tolist()])
def test_certificates_of_0_and_1_are_taken(said: Any) -> None:
    method = type("Sure", (Plain,), {"certified": lambda self, x: said})()
    assert (tried(method, ground(SKILL)).certified["test"] == (Y == 1)).all()


def test_a_frozen_method_is_named() -> None:
    @dataclass(frozen=True)
    class Frozen(Plain):
        name: str = "cold"

    with pytest.raises(InputError, match="'cold' is frozen"):
        tried(Frozen(), ground(SKILL))


def test_columns_of_all_parts_stand_in_one_order() -> None:
    frame = pd.DataFrame({"a": SKILL, "b": -SKILL})
    people = (dict.fromkeys(PARTS, v) for v in (Y, S))
    with pytest.raises(InputError, match="codes of test has other columns"):
        Ground({"codes": dict.fromkeys(PARTS, frame) | {"test": frame[["b", "a"]]}}, *people)
