"""What would make an estimator wrong without a word is refused, and nothing else is touched."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.adversarial import contingency, trained_bound
from fairtut.methods.dvge import DVGE
from fairtut.methods.faap import FAAP
from fairtut.methods.fair_baselines import design, logistic
from fairtut.methods.frtrain import VARIANTS, FRTrain, linear_logit
from fairtut.methods.inputs import check_images, check_rows, check_weights, whole
from fairtut.methods.lassi import Smoothing, Voting
from fairtut.methods.lassi.estimator import LASSI
from fairtut.methods.lassi.inputs import check
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.refusals import check_known
from fairtut.methods.reprogramming import Patch, Trigger
from fairtut.models.glow import Glow
from fairtut.models.mlp import MLP
from fairtut.models.stacked import StackedMLP
from fairtut.models.text import TextClassifier
from fairtut.models.vae import ConvVAE
from fairtut.runtime import checkpoints
from fairtut.runtime.seeds import torch_rng

SMALL = {"hidden": (4,), "epochs": 1, "batch": 16}
NOISE = {"smoothing": Smoothing(0.5, 0.4, n=2000), "voting": Voting(0.5, n=2000)}
DEBIASING = replace(VARIANTS["debiasing-clean"], epochs=3, warmup=1)


class Net(nn.Module):
    """A classifier of pictures, always with the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Tanh())
        self.f = torch.nn.utils.skip_init(nn.Linear, 12, 2, bias=False)
        with torch.no_grad():
            self.f.weight.copy_(torch.randn(2, 12, generator=torch_rng(0, "silence")))

    def forward(self, x: Tensor) -> Tensor:
        return self.f(self.g(x))


MADE: dict[str, Callable[[], Any]] = {
    "DVGE": lambda: DVGE(nn.Identity(), **SMALL),
    "LASSI": lambda: LASSI(nn.Identity(), outputs=4, **SMALL, **NOISE),
    "FAAP": lambda: FAAP(Net(), width=2, blocks=1, **SMALL),
    "Trigger": lambda: Trigger(Net(), shape=Patch(4), **SMALL),
    "FRTrain": lambda: FRTrain(0.5, config=DEBIASING, fused=False),
}
ON_ROWS = ("DVGE", "LASSI")
"""Those that hand a data frame's columns to a network, by place."""


def people(name: str, n: int = 64) -> tuple[Any, Any, Any]:
    """Return rows (n, 3) or pictures (n, 3, 8, 8), labels and groups: each pair equally often."""
    rng = torch_rng(1, "silence")
    y, s = torch.arange(n) % 2, torch.arange(n) // 2 % 2
    if name in ("FAAP", "Trigger"):
        return torch.rand(n, 3, 8, 8, generator=rng), y, s
    x = torch.randn(n, 3, generator=rng)
    x[:, 0] += y
    return (x.numpy(), y.numpy(), s.numpy()) if name == "FRTrain" else (x, y, s)


def ask(name: str, how: str, model: Any, x: Any, *more: Any) -> Any:
    """Ask an estimator, FR-Train with the groups of the people."""
    given = {"s": people(name)[2][: len(x)]} if name == "FRTrain" else {}
    return getattr(model, how)(x, *more, **given)


def fitted(name: str, x: Any = None) -> Any:
    rows, y, s = people(name)
    return MADE[name]().fit(rows if x is None else x, y, s=s)


def quietly(call: Callable[[], Any]) -> Any:
    """Return what a call gives, without a remark on constant decisions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


# columns

KINDS = ("pandas", "polars")


def frame(kind: str, x: Any, names: str = "abc") -> Any:
    """Return rows as a data frame with one-letter names."""
    values = np.asarray(x)
    if kind == "pandas":
        return pd.DataFrame(values, columns=list(names))
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: values[:, i] for i, name in enumerate(names)})


LATER = {
    "DVGE": ("predict", "predict_proba", "decision_function", "encode", "sensitive_focus",
             "task_focus", "score"),
    "LASSI": ("predict", "predict_proba", "transform", "certify", "latents", "score"),
    "FRTrain": ("predict", "predict_proba", "decision_function", "score"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "how"), [(name, how) for name in LATER for how in LATER[name]])
def test_columns_in_another_order_are_refused(name: str, how: str, kind: str) -> None:
    x, y, _ = people(name)
    rows = frame(kind, x)
    model = fitted(name, rows)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    labels = (y[:8],) if how == "score" else ()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names")
        ask(name, how, model, rows[:8], *labels)
        for other in (rows[["c", "b", "a"]], frame(kind, x, "abd")):
            with pytest.raises(ValueError, match=r"another order|feature names") as said:
                ask(name, how, model, other[:8], *labels)
            assert name == "FRTrain" or isinstance(said.value, InputError)


@pytest.mark.parametrize("name", ON_ROWS)
def test_validation_rows_have_the_columns_of_fit(name: str) -> None:
    x, y, s = people(name)
    rows = frame("pandas", x)
    held = (y, s) if name == "DVGE" else (y,)
    MADE[name]().fit(rows, y, s=s, validation=(rows, *held))
    with pytest.raises(InputError, match="validation x has other columns"):
        MADE[name]().fit(rows, y, s=s, validation=(rows[["c", "b", "a"]], *held))


@pytest.mark.parametrize("name", LATER)
def test_names_on_one_side_only_are_said_in_scikit_learn_s_words(name: str) -> None:
    x, _, _ = people(name)
    rows = frame("pandas", x)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        ask(name, "predict_proba", fitted(name, rows), x)
    unnamed = fitted(name)
    assert not hasattr(unnamed, "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        ask(name, "predict_proba", unnamed, rows)
    numbered = fitted(name, pd.DataFrame(np.asarray(x)))
    assert not hasattr(numbered, "feature_names_in_"), "as scikit-learn: numbers are no names"


@pytest.mark.parametrize("name", ON_ROWS)
def test_names_of_several_kinds_are_refused_with_the_fix(name: str) -> None:
    x, y, s = people(name)
    mixed = pd.DataFrame(np.asarray(x), columns=["a", 1, 2])
    with pytest.raises(InputError, match=r"astype\(str\)"):
        MADE[name]().fit(mixed, y, s=s)


@pytest.mark.parametrize("name", ON_ROWS)
def test_a_file_keeps_the_names(name: str, tmp_path: Path) -> None:
    x, y, s = people(name)
    rows = frame("pandas", x)
    for i, given in enumerate((rows, x)):
        model = fitted(name, given)
        again = type(model).load(model.save(tmp_path / f"{i}.pt"), nn.Identity())
        assert torch.equal(again.predict_proba(given), model.predict_proba(given))
        if given is rows:
            with pytest.raises(InputError, match="other columns"):
                again.predict(rows[["c", "b", "a"]])
        else:
            with pytest.warns(UserWarning, match="fitted without feature names"):
                again.predict_proba(rows)
    again.fit(x, y, s=s).fit(rows, y, s=s)
    assert list(again.feature_names_in_) == ["a", "b", "c"], "a later fit has its own names"


@pytest.mark.parametrize("name", ON_ROWS)
def test_a_file_without_names_is_read_as_before(name: str, tmp_path: Path) -> None:
    model = fitted(name, frame("pandas", people(name)[0]))
    at = model.save(tmp_path / "new.pt")
    card = checkpoints.read_card(at)
    inner = card if name == "DVGE" else card["lassi"]
    assert inner.pop("columns") == ["a", "b", "c"]
    parts = nn.ModuleList(model._nets) if name == "DVGE" else model._parts
    old = checkpoints.save(tmp_path / "old.pt", parts, card)
    rows = frame("pandas", people(name)[0])[["c", "b", "a"]]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names")
        type(model).load(old, nn.Identity()).predict_proba(rows)
    inner["columns"] = "abc"
    with pytest.raises(CorruptFile):
        type(model).load(checkpoints.save(at, parts, card), nn.Identity())


# random numbers


def states() -> list[Any]:
    """Return where the caller's three sources of random numbers stand."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  the caller's
    assert not isinstance(keys, int)
    return [torch.get_rng_state().tolist(), [kind, keys.tolist(), *rest], random.getstate()]


@pytest.mark.parametrize("name", MADE)
def test_the_caller_s_random_numbers_stay(name: str, tmp_path: Path) -> None:
    x, y, s = people(name)
    before = states()

    def same(what: str) -> None:
        assert states() == before, f"{what} drew from the caller's"

    model = MADE[name]().fit(x, y, s=s)
    same("fit")
    quietly(lambda: ask(name, "predict", model, x))
    quietly(lambda: ask(name, "score", model, x, y))
    ask(name, "predict_proba", model, x)
    same("predict")
    for how in ("transform", "certify", "sensitive_focus"):
        if hasattr(model, how):
            getattr(model, how)(x[:4])
            same(how)
    if hasattr(model, "save"):
        net = next(v for v in model.get_params().values() if isinstance(v, nn.Module))
        at = model.save(tmp_path / "one.pt")
        same("save")
        type(model).load(at, net)
        same("load")
    if hasattr(model, "export"):
        model.export(tmp_path / "two.pt", *((8,) if name == "FAAP" else ()))
        same("export")
    if name == "DVGE":
        model.set_sensitive(1 - s)
        model.task.member(0)
        same("set_sensitive")


BUILT: dict[str, Callable[[torch.Generator], nn.Module]] = {
    "ConvVAE": lambda rng: ConvVAE(2, 16, 2, generator=rng),
    "Glow": lambda rng: Glow(4, blocks=2, flows=1, filters=4, generator=rng),
    "TextClassifier": lambda rng: TextClassifier(10, width=8, heads=2, layers=1, generator=rng),
    "Representation": lambda rng: Representation(3, (4,), 2, generator=rng),
    "StackedMLP": lambda rng: StackedMLP(2, 3, [4], 2, generator=rng),
}


@pytest.mark.parametrize("name", BUILT)
def test_no_network_with_a_generator_moves_the_global_one(name: str) -> None:
    before = torch.get_rng_state()
    one, again = BUILT[name](torch_rng(7)), BUILT[name](torch_rng(7))
    assert torch.equal(torch.get_rng_state(), before)
    for (key, a), b in zip(one.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


def test_a_network_with_a_generator_draws_from_nothing_else() -> None:
    before = torch.get_rng_state()
    first, second = (MLP(3, [4], 2, generator=torch_rng(7)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b) and a.requires_grad
    weight = next(first.parameters())
    drawn = nn.init.kaiming_normal_(torch.empty(4, 3), 0.2, generator=torch_rng(7))
    assert torch.equal(weight, drawn), "its law and its first draw"
    assert torch.equal(StackedMLP(1, 3, [4], 2).member(0)(torch.zeros(1, 3)), torch.zeros(1, 2))


# labels that fit did not see


def coded(y: Any, kind: str) -> Any:
    """Return labels in another coding."""
    if kind == "-1 and 1":
        return 2 * y - 1
    if kind == "one of three":
        return (
            y + (np.arange(len(y)) == 3) * 2
            if isinstance(y, np.ndarray)
            else torch.where(torch.arange(len(y)) == 3, 3, y)
        )
    return np.asarray(y).astype(str)


@pytest.mark.parametrize("kind", ["-1 and 1", "one of three", "text"])
@pytest.mark.parametrize("name", MADE)
def test_a_score_of_labels_in_another_coding_is_refused(name: str, kind: str) -> None:
    x, y, _ = people(name)
    model = fitted(name)
    assert 0 <= quietly(lambda: ask(name, "score", model, x, y)) <= 1
    says = "which fit did not see" if kind != "text" or name == "FRTrain" else "holds text"
    with pytest.raises(InputError, match=says):
        quietly(lambda: ask(name, "score", model, x, coded(y, kind)))


def test_a_trigger_from_elsewhere_knows_its_model_s_classes() -> None:
    x, y, _ = people("Trigger")
    taken = MADE["Trigger"]().use(fitted("Trigger").module)
    assert 0 <= quietly(lambda: taken.score(x, y)) <= 1
    with pytest.raises(InputError, match=r"holds 2, .* knows \[0, 1\]"):
        quietly(lambda: taken.score(x, y + 1))


@pytest.mark.parametrize("values", [["2", "3"], ["0"], [0.5]])
def test_text_is_never_a_number(values: list[Any]) -> None:
    for many in (2, 200):  # numpy compares with few values and with many in two ways
        with pytest.raises(InputError, match="which fit did not see"):
            check_known("y", np.array(values), np.arange(many) + 2)
    check_known("y", np.array(["a"], dtype=object), np.array(["a", "b"]))


def test_groups_in_another_coding_are_refused() -> None:
    x, _, s = people("FRTrain")
    with pytest.raises(InputError, match="s holds '0', which fit did not see"):
        fitted("FRTrain").predict(x, s=s.astype(str))


# a fit that fails


@pytest.mark.parametrize("bad", ["y of one class", "pixels or rows of NaN", "a weight below 0"])
@pytest.mark.parametrize("name", MADE)
def test_a_fit_that_fails_leaves_no_earlier_one(name: str, bad: str) -> None:
    x, y, s = people(name)
    model, more = fitted(name), {}
    if bad == "y of one class":
        y = y * 0
    elif bad == "a weight below 0":
        more = {"sample_weight": -np.ones(len(y))}
    else:
        x = x * np.nan
    with pytest.raises(ValueError, match=r"."):
        model.fit(x, y, s=s, **more)
    with pytest.raises((InputError, NotFittedError), match=r"call \.?fit"):
        ask(name, "predict", model, people(name)[0])
    assert name == "FRTrain" or not hasattr(model, "classes_")
    assert not getattr(model, "history", None), "nor what it said of its training"


def test_a_failed_change_of_the_attribute_leaves_no_model_of_the_other() -> None:
    x, _, s = people("DVGE")
    model = fitted("DVGE")
    with pytest.raises(InputError, match="single class"):
        model.set_sensitive(s * 0)
    with pytest.raises(InputError, match=r"call \.fit"):
        model.predict(x)
    assert model.set_sensitive(1 - s).predict_proba(x).shape == (len(x), 2), "its codes are kept"


# classes that occur


def test_classes_are_the_labels_that_occur(tmp_path: Path) -> None:
    x, y, s = people("LASSI")
    dense, gaps = fitted("LASSI"), MADE["LASSI"]().fit(x, 2 * y + 3, s=s)
    assert gaps.classes_.tolist() == [3, 5]
    again = LASSI.load(gaps.save(tmp_path / "gaps.pt"), nn.Identity())
    for model in (gaps, again):
        assert torch.equal(model.predict_proba(x), dense.predict_proba(x)), "the same network"
        assert torch.equal(quietly(lambda m=model: m.predict(x)),
                           2 * quietly(lambda: dense.predict(x)) + 3)  # fmt: skip
        decided, of = dense.certify(x[:6]).prediction, model.certify(x[:6]).prediction
        assert of.tolist() == np.where(decided < 0, -1, 2 * decided + 3).tolist()
    assert quietly(lambda: gaps.score(x, 2 * y + 3)) == quietly(lambda: dense.score(x, y))
    with pytest.raises(InputError, match=r"y holds 4, .* knows \[3, 5\]"):
        quietly(lambda: gaps.score(x, y + 3))
    with pytest.raises(InputError, match="validation y holds 4, which fit did not see"):
        MADE["LASSI"]().fit(x, 2 * y + 3, s=s, validation=(x, y + 3))
    with pytest.raises(InputError, match="from 0 up"):
        MADE["LASSI"]().fit(x, 2 * y - 1, s=s)


def test_a_file_that_counts_its_classes_is_read_as_before(tmp_path: Path) -> None:
    model = fitted("LASSI")
    at = model.save(tmp_path / "new.pt")
    card = checkpoints.read_card(at)
    assert card["lassi"].pop("labels") == [0, 1]
    old = checkpoints.save(tmp_path / "old.pt", model._parts, card)
    assert LASSI.load(old, nn.Identity()).classes_.tolist() == [0, 1]
    for nonsense in ([1, 0], [0, 0], [0, 1, 2], ["0", "1"], 2):
        card["lassi"]["labels"] = nonsense
        with pytest.raises(CorruptFile):
            LASSI.load(checkpoints.save(tmp_path / "bad.pt", model._parts, card), nn.Identity())


# masked values


def masked(values: Any, some: bool = True) -> NDArray[Any]:
    """Return a masked array, of which the first value is masked, or none."""
    array = np.ma.array(np.asarray(values), mask=False)
    array.mask.flat[0] = some
    return array


@pytest.mark.parametrize("which", ["x", "y", "s", "sample_weight"])
@pytest.mark.parametrize("name", MADE)
def test_masked_values_do_not_count_as_present(name: str, which: str) -> None:
    x, y, s = people(name)
    given = {"x": x, "y": y, "s": s, "sample_weight": np.ones(len(y))}
    MADE[name]().fit(**given | {which: masked(given[which], some=False)})
    with pytest.raises(InputError, match="masked values: drop or impute those rows first"):
        MADE[name]().fit(**given | {which: masked(given[which])})


@pytest.mark.parametrize("name", MADE)
def test_masked_values_are_refused_after_fit(name: str) -> None:
    x, y, _ = people(name)
    model = fitted(name)
    for call in (
        lambda: ask(name, "predict", model, masked(x)),
        lambda: ask(name, "score", model, x, masked(y)),
        lambda: ask(name, "score", model, x, y, masked(np.ones(len(y)))),
    ):
        with pytest.raises(InputError, match="masked values"):
            quietly(call)


ROWS = np.arange(8.0).reshape(4, 2)
BITS = np.array([0, 1, 0, 1])
DOORS: dict[str, Callable[[], Any]] = {
    "rows": lambda: check_rows("training", masked(ROWS), BITS, BITS),
    "groups": lambda: check_rows("training", ROWS, masked(BITS), BITS),
    "labels": lambda: check_rows("training", ROWS, BITS, masked(BITS)),
    "a baseline": lambda: logistic(masked(ROWS), BITS, BITS),
    "a design": lambda: design(masked(ROWS), BITS),
    "a logit": lambda: linear_logit(np.ones(4), masked(ROWS), BITS),
    "a table": lambda: contingency(BITS, masked(BITS)),
    "a bound": lambda: trained_bound(ROWS, masked(BITS)),
    "weights": lambda: check_weights(masked(np.ones(4)), 4),
    "whole numbers": lambda: whole("y", masked(BITS)),
    "images": lambda: check_images(masked(np.zeros((1, 3, 8, 8)))),
    "images in a list": lambda: check_images([masked(np.zeros((3, 8, 8)))]),
    "latents": lambda: check(nn.Identity(), masked(ROWS), np.ones(2)),
    "directions": lambda: check(nn.Identity(), ROWS, masked(np.ones(2))),
}


@pytest.mark.parametrize("door", DOORS)
def test_masked_values_are_refused_at_every_door(door: str) -> None:
    with pytest.raises(InputError, match="masked values"):
        DOORS[door]()
