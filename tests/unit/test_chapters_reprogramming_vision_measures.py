"""The numbers on image triggers by hand: choices, controls, what stands beside, where nets look."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairtut.chapters import reprogramming_vision as study
from fairtut.chapters.reprogramming_vision import exact, look, measures, models, multi, null, side
from fairtut.chapters.reprogramming_vision.measures import Measured
from fairtut.chapters.reprogramming_vision.opening import CHAPTER
from fairtut.chapters.reprogramming_vision.presets import (
    CRITERIA,
    TRIGGERS,
    Preset,
    configuration,
)  # fmt: skip
from fairtut.chapters.reprogramming_vision.protocol import Board, Result, _plan, settings, specs
from fairtut.chapters.reprogramming_vision.published import CONSTANT, POINTS, mixing
from fairtut.methods.reprogramming import Border, Patch, TriggerModule
from fairtut.runtime.presets import PRESETS
from fairtut.runtime.seeds import numpy_rng

N, SEEDS = 300, 3
EVERY = [(name, data) for name in PRESETS for data in ("synthetic", "real")]
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "border": {"eo": (0.0, 1.0, 3.0), "dp": (0.0, 3.0)}, "patch": {"eo": (1.0,), "dp": (1.0,)},
    "advin": {"eo": (1.0,), "dp": (1.0,)}, "advpost": {"eo": (0.3, 1.0), "dp": (3.0,)},
}  # fmt: skip
PRESET = replace(study.VISION["laptop"], grids=GRIDS, seeds=SEEDS, costs=(0.01, 0.5))


def noise(*what: Any, n: int = N) -> np.ndarray:
    return numpy_rng(0, repr(what)).normal(size=n)


def result(spec: study.Spec, seed: int, y: Any, s: Any) -> Result:
    """Decide less unfairly, and with more noise, as λ grows."""
    gap = 0.9 / (1 + spec.lam + (spec.method == "patch")) if spec.lam else 0.9
    loud = 1.3 if spec.method.startswith("random") else 1 + 0.3 * spec.lam
    margin = {
        part: (2.0 * y[part] - 1 + gap * (2 * s[part] - 1)
               + loud * noise(spec, seed, part)).astype("f4")
        for part in y
    }  # fmt: skip
    pixels = np.full((3, 4, 4), spec.lam, "f4") if spec.method in TRIGGERS else None
    return Result(spec, seed, margin, pixels=pixels)


def board() -> Board:
    rng = np.random.default_rng(0)
    s = {part: rng.integers(0, 2, N) for part in ("val", "test")}
    y = {part: (rng.random(N) < 0.4).astype(int) for part in s}

    def several(spec: study.Spec) -> list[Result]:
        return [result(spec, seed, y, s) for seed in range(SEEDS)]

    results = {(one.method, one.criterion, one.lam): several(one) for one in specs(PRESET)}
    random = {m: several(study.Spec(f"random-{m}", "", 0.0)) for m in TRIGGERS}
    return Board(y, s, several(study.Spec("base", "", 0.0)), random, results)


def hand(y: Any, s: Any, y_hat: Any) -> dict[str, float]:
    """Return accuracy, dp, eo and positive rate with plain means."""
    rate = {
        (k, g): y_hat[(s == g) & (k is None or y == k)].mean() if k is None
        else y_hat[(s == g) & (y == k)].mean()
        for k in (None, 0, 1) for g in (0, 1)
    }  # fmt: skip
    gaps = {k: abs(rate[k, 1] - rate[k, 0]) for k in (None, 0, 1)}
    return {"acc": (y_hat == y).mean(), "dp": gaps[None], "eo": (gaps[0] + gaps[1]) / 2,
            "positive": y_hat.mean()}  # fmt: skip


def judged(made: Board, several: Sequence[Result], what: str, part: str = "test") -> np.ndarray:
    y, s = made.y[part], made.s[part]
    return np.array([hand(y, s, one.margin[part] > 0)[what] for one in several])


# --- scores and choices -----------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_scores_are_plain_means_whoever_is_called_a_group(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, s, y_hat = (rng.integers(0, 2, 60) for _ in range(3))
    y[:4], s[:4] = (0, 0, 1, 1), (0, 1, 0, 1)
    found, wanted = models.scores(y, y_hat, s), hand(y, s, y_hat)
    assert found["accuracy"] == pytest.approx(wanted["acc"])
    for name in ("dp", "eo", "positive"):
        assert found[name] == pytest.approx(wanted[name])
    order = rng.permutation(60)
    for other in (models.scores(y, y_hat, 1 - s), models.scores(y[order], y_hat[order], s[order]),
                  models.scores(*(np.tile(v, 3) for v in (y, y_hat, s)))):  # fmt: skip
        assert other == pytest.approx(found)
    turned = models.scores(1 - y, 1 - y_hat, s)
    assert turned["positive"] == pytest.approx(1 - found["positive"])
    assert {k: turned[k] for k in ("accuracy", "dp", "eo")} == pytest.approx(
        {k: found[k] for k in ("accuracy", "dp", "eo")}
    )


def test_scores_are_those_of_fairlearn() -> None:
    fairlearn = pytest.importorskip("fairlearn.metrics")
    rng = np.random.default_rng(4)
    y, s, y_hat = (rng.integers(0, 2, 200) for _ in range(3))
    found = models.scores(y, y_hat, s)
    dp = fairlearn.demographic_parity_difference(y, y_hat, sensitive_features=s)
    eo = fairlearn.equalized_odds_difference(y, y_hat, sensitive_features=s, agg="mean")
    assert (found["dp"], found["eo"]) == (pytest.approx(dp), pytest.approx(eo))


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("method", ["border", "advpost"])
def test_a_pick_is_the_least_bias_that_the_price_allows(method: str, criterion: str) -> None:
    made = board()
    top = judged(made, made.base, "acc", "val").mean()
    lams = made.lams(method, criterion)
    assert 0.0 not in lams, "the control is never picked"
    tried = {lam: made.results[method, criterion, lam] for lam in lams}
    accuracy = {lam: judged(made, v, "acc", "val").mean() for lam, v in tried.items()}
    bias = {lam: judged(made, v, criterion, "val").mean() for lam, v in tried.items()}
    picks = []
    for cost in np.linspace(-0.2, 0.5, 29):
        allowed = [lam for lam in lams if accuracy[lam] >= top - cost]
        wanted = min(allowed, key=bias.__getitem__) if allowed else None
        assert made.pick(method, criterion, cost) == wanted
        picks.append(wanted)
    assert picks[0] is None and picks[-1] is not None
    with_numbers = [bias[lam] for lam in picks if lam is not None]
    assert (np.diff(with_numbers) <= 0).all(), "a higher price never buys more bias"


def test_nothing_of_the_test_people_reaches_a_pick() -> None:
    made, other = board(), board()
    for one in itertools.chain(other.base, *other.results.values()):
        one.margin["test"][:] = noise("other", one.spec, one.seed)
    other.y["test"][:] = 1 - other.y["test"]
    other.s["test"][:] = 1 - other.s["test"]
    for method, grid in GRIDS.items():
        for criterion, cost in itertools.product(grid, (0.0, 0.05, 0.5)):
            assert made.pick(method, criterion, cost) == other.pick(method, criterion, cost)


def test_a_model_no_better_than_a_constant_has_fallen() -> None:
    made = board()
    y = made.y["test"]
    usual = np.where(np.arange(N) < 0, 1, -1.0)  # nobody is accepted: the frequent answer

    def one(margin: np.ndarray) -> list[Result]:
        return [replace(made.base[0], margin={"test": margin})]

    assert made.fallen(one(usual)) and made.fallen(one(-usual))
    assert not made.fallen(one(2.0 * y - 1))
    half = 2.0 * y - 1
    half[np.flatnonzero(y == 0)[: (y == 1).sum()]] *= -1  # as many mistakes as the constant has
    assert (half > 0).mean() == pytest.approx(2 * y.mean()) and made.fallen(one(half))
    half[np.flatnonzero(y == 0)[0]] *= -1
    assert not made.fallen(one(half)), "one person more"
    assert made.fallen([made.base[0], *one(usual)]), "one seed is enough"


# --- the table --------------------------------------------------------------------------------


def path(a: float, low: float, model: Any, rival: Any = None) -> float:
    """Return the bias at an accuracy on the way constant, rival, model."""
    stops = [(low, 0.0), *([rival] if rival and rival[0] > low else []), model]
    for (x0, b0), (x1, b1) in itertools.pairwise(stops):
        if a <= x1 or (x1, b1) == model or x1 >= model[0]:
            share = (a - x0) / (x1 - x0) if x1 > x0 else 1.0
            return float(b0 + np.clip(share, 0, 1) * (b1 - b0))
    raise AssertionError


def test_the_tables_numbers_are_those_of_their_names() -> None:
    made = board()
    found = measures.table(made, PRESET.costs, n_resamples=5)
    values = {k: np.array(v.values) for k, v in found.items() if v.values != [None]}
    y = made.y["test"]
    low = max(y.mean(), 1 - y.mean())
    base = {k: judged(made, made.base, k) for k in ("acc", "dp", "eo")}

    def close(name: str, wanted: Any) -> None:
        np.testing.assert_allclose(values[name], wanted, atol=1e-6, err_msg=name)

    for (method, criterion, lam), several in made.results.items():
        for what in ("acc", "dp", "eo", "positive"):
            close(f"{method}.{criterion}.lam{lam:g}.{what}", judged(made, several, what))
    close("base.acc-over-constant", base["acc"] - low)
    for name in ("base", "random-border", "random-patch"):
        for c in CRITERIA:
            close(f"{name}.{c}-half", judged(made, made.several(name), c) / 2)
    yes = np.stack([one.margin["test"] > 0 for one in made.base])
    s = made.s["test"]
    close("base.dp-signed", yes[:, s == 1].mean(1) - yes[:, s == 0].mean(1))
    close("base.tpr-gap", yes[:, (s == 1) & (y == 1)].mean(1) - yes[:, (s == 0) & (y == 1)].mean(1))
    seen, below = 0, []
    for method, c in itertools.product(GRIDS, CRITERIA):
        lam = made.pick(method, c, 0.5)
        assert lam is not None
        name = f"{method}.{c}.cost0.5"
        several = made.results[method, c, lam]
        acc, bias = judged(made, several, "acc"), judged(made, several, c)
        close(f"{name}.acc", acc)
        close(f"{name}.bias", bias)
        close(f"{name}.change", bias - base[c])
        top = list(zip(base["acc"], base[c], strict=True))
        line = [path(a, low, model) for a, model in zip(acc, top, strict=True)]
        close(f"{name}.vs-mixing", bias - line)
        below.append(bool((acc < base["acc"]).all()))
        rivals: dict[str, Sequence[Result]] = {
            f"vs-{r}": made.results[r, c, made.pick(r, c, 0.5) or 0.0]
            for r in ("advin", "advpost") if r != method
        }  # fmt: skip
        if method in TRIGGERS:
            rivals["vs-random"] = made.random[method]
        if method == "border":
            rivals["vs-lam0"] = made.results[method, c, 0.0]
        for what, rival in rivals.items():
            pairs = zip(judged(made, rival, "acc"), judged(made, rival, c), strict=True)
            met = [path(a, low, m, r) for a, m, r in zip(acc, top, pairs, strict=True)]
            close(f"{name}.{what}", bias - met)
            if what == "vs-advin":
                close(f"{name}.vs-advin-less-1", bias - met - 0.01)
            if what == "vs-advpost":
                close(f"{name}.relative", bias / np.where(np.array(met) > 0, met, np.nan) - 1)
                assert found[f"{name}.relative"].unit == "ratio"
            seen += 1
        asked = {k.rpartition(".")[2] for k in found if k.startswith(f"{name}.vs-")}
        assert asked - {"vs-mixing", "vs-threshold", "vs-advin-less-1"} == set(rivals)
    assert seen == 2 * (4 + 3 + 1 + 1)
    assert sum(below) >= 3, "else every way ends at BASE"


def test_figure_3_is_read_at_the_published_price_in_the_published_unit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = board()
    asked: list[tuple[str, str, float]] = []
    with monkeypatch.context() as patch:
        pick = Board.pick
        patch.setattr(Board, "pick", lambda self, *of: (asked.append(of), pick(self, *of))[1])
        found = measures.table(made, (), n_resamples=5)
    assert asked == [
        (method, c, pytest.approx(POINTS[c]["base"][0][0] - accuracy + 0.005))  # half a point
        for c in CRITERIA
        for method in ("border", "patch", "advin", "advpost")
        for accuracy, _ in POINTS[c][method]
    ]
    for c, method in itertools.product(CRITERIA, GRIDS):
        top, _ = POINTS[c]["base"][0]
        for i, (accuracy, _) in enumerate(POINTS[c][method], 1):
            name, lam = f"fig3.{c}.{method}.{i}", made.pick(method, c, top - accuracy + 0.005)
            if lam is None:
                assert found[f"{name}.bias"].values == [None]
                assert found[f"{name}.change"].note == measures.NOBODY
                continue
            bias = judged(made, made.results[method, c, lam], c)
            unit = 0.5 if c == "dp" else 1.0
            np.testing.assert_allclose(found[f"{name}.bias"].values, unit * bias, atol=1e-6)
            change = bias - judged(made, made.base, c)
            np.testing.assert_allclose(found[f"{name}.change"].values, change, atol=1e-6)


@given(st.floats(0, 1))
def test_the_published_mixing_line_is_straight_between_its_ends(share: float) -> None:
    for c in CRITERIA:
        top, bias = POINTS[c]["base"][0]
        between = CONSTANT + share * (top - CONSTANT)
        assert mixing(c, between) == pytest.approx(share * bias, abs=1e-9)
        assert mixing(c, top + 0.01) == bias and mixing(c, CONSTANT - 0.01) == 0


def test_a_moved_threshold_keeps_its_accuracy_on_validation_and_no_more_bias() -> None:
    made = board()
    floors = [judged(made, made.base, "acc", "val")[i] - 0.03 for i in range(SEEDS)]
    for c in CRITERIA:
        swapped = replace(made, y={**made.y, "test": made.y["val"]},
                          s={**made.s, "test": made.s["val"]},
                          base=[replace(b, margin={**b.margin, "test": b.margin["val"]})
                                for b in made.base])  # fmt: skip
        found = Measured(swapped, 0).moved(c, floors)
        assert (found["acc"][:, 0] >= np.array(floors) - 1e-9).all()
        assert (found[c][:, 0] <= judged(made, made.base, c, "val") + 1e-9).all()
        assert (found[c][:, 0] < judged(made, made.base, c, "val")).any()


# --- beside the trade-off ---------------------------------------------------------------------


def played(made: Board, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, int]]:
    """Let side experiments train nothing; return what they asked for."""
    asked: list[tuple[Any, int]] = []

    def run_many(task: Any, preset: Any, plan: Any) -> list[Result]:
        asked.extend(plan)
        return [result(spec, seed, made.y, made.s) for spec, seed in plan]

    monkeypatch.setattr(side, "run_many", run_many)
    return asked


def test_the_strength_beside_is_the_headlines_else_the_middle_one() -> None:
    made = board()
    for c in CRITERIA:
        assert side.strength(made, PRESET, "border", c) == made.pick("border", c, PRESET.costs[1])
    dear = replace(PRESET, costs=(0.5, -0.5))
    assert side.strength(made, dear, "advpost") == 1.0  # of .3 and 1
    assert side.strength(made, replace(dear, costs=(-0.5,)), "border") == 3.0


def test_ratios_are_compared_with_the_whole_and_with_advpost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, task = board(), SimpleNamespace()
    asked = played(made, monkeypatch)
    preset = replace(PRESET, ratios=(1.0, 0.25), side_seeds=2)
    frame, found = side.ratios(task, preset, made)  # type: ignore[arg-type]
    methods = ("border", "patch", "advpost")
    lams = {m: side.strength(made, preset, m) for m in methods}
    assert asked == [
        (study.Spec(m, "eo", lams[m], 0.25), seed) for m in methods for seed in range(2)
    ]
    assert set(zip(frame.method, frame.ratio, frame.seed, strict=True)) == set(
        itertools.product(methods, (0.25, 1.0), range(2))
    )
    eo = {
        (m, r): judged(made, [result(study.Spec(m, "eo", lams[m], r), i, made.y, made.s)
                              for i in range(2)], "eo")
        for m in methods for r in (0.25, 1.0)
    }  # fmt: skip
    before = judged(made, made.base, "eo")[:2]
    for (m, r), values in eo.items():
        name = f"ratio.{m}.r{r:g}"
        wanted = {"eo": values, "change": values - before, "vs-whole": values - eo[m, 1.0]}
        if m != "advpost":
            wanted["vs-advpost"] = values - eo["advpost", r]
        for what, numbers in wanted.items():
            np.testing.assert_allclose(found[f"{name}.{what}"].values, numbers, atol=1e-6)
    assert found["ratio.patch.r1.change"].note is None
    for one in made.results["patch", "eo", lams["patch"]]:
        one.margin["test"][:] = -1.0
    _, found = side.ratios(task, preset, made)  # type: ignore[arg-type]
    assert found["ratio.patch.r1.change"].note == side.FALLEN
    assert found["ratio.patch.r0.25.change"].note is None


def test_sizes_are_the_usual_one_and_the_others_from_small_to_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = board()
    asked = played(made, monkeypatch)
    preset = replace(PRESET, sizes={"border": (9, 1), "patch": (20,)}, side_seeds=1)
    frame, found = side.sizes(SimpleNamespace(), preset, made)  # type: ignore[arg-type]
    assert [(s.method, s.size, seed) for s, seed in asked] == [
        ("border", 9, 0), ("border", 1, 0), ("patch", 20, 0)
    ]  # fmt: skip
    shape = preset.shape("border")
    assert isinstance(shape, Border)
    width = shape.width
    assert sorted(frame[frame.method == "border"]["size"]) == [1, width, 9]
    lam = side.strength(made, preset, "border")
    large, small = (
        [result(study.Spec("border", "eo", lam, 1.0, size), 0, made.y, made.s)] for size in (9, 1)
    )
    for what, name in (("acc", "acc-gain"), ("eo", "eo-gain")):
        gain = judged(made, large, what) - judged(made, small, what)
        np.testing.assert_allclose(found[f"size.border.{name}"].values, gain, atol=1e-6)
    usual = judged(made, made.results["border", "eo", lam][:1], "eo")
    np.testing.assert_allclose(found[f"size.border.s{width}.eo"].values, usual, atol=1e-6)


@pytest.mark.parametrize("seeds", [1, 3])
def test_triggers_are_put_before_the_next_base(monkeypatch: pytest.MonkeyPatch, seeds: int) -> None:
    made = board()
    made = replace(
        made, base=made.base[:seeds], results={k: v[:seeds] for k, v in made.results.items()}
    )
    task: Any = SimpleNamespace(images=SimpleNamespace(x=torch.zeros(1)), test=torch.tensor([0]))
    monkeypatch.setattr(side, "base", lambda task, preset, seed: seed)
    monkeypatch.setattr(side, "rebuilt", lambda task, preset, one: (one.spec, one.seed))
    monkeypatch.setattr(side, "margins", lambda model, x, trigger: noise(model, trigger))
    frame, found = side.transfer(task, replace(PRESET, seeds=seeds), made)
    others = [1, 2, 0] if seeds > 1 else [1]
    assert list(frame.seed) == others * 4
    y, s = made.y["test"], made.s["test"]
    for method, c in itertools.product(TRIGGERS, CRITERIA):
        own = made.results[method, c, side.strength(made, PRESET, method, c)]
        there = np.array([
            hand(y, s, noise(other, (one.spec, one.seed)) > 0)[c]
            for one, other in zip(own, others, strict=True)
        ])  # fmt: skip
        before = judged(made, made.base, c)[others if seeds > 1 else [0]]
        gap = there - judged(made, own, c)
        name = f"transfer.{method}.{c}"
        for what, wanted in (("change", there - before), ("vs-own", gap),
                             ("vs-own-less-2", gap - 0.02)):  # fmt: skip
            np.testing.assert_allclose(found[f"{name}.{what}"].values, wanted, atol=1e-6)


class Brightness(torch.nn.Module):
    """Say "man" the more surely, the brighter an image is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = 3 * (x.mean((1, 2, 3)) - 0.5)
        return torch.stack([torch.zeros_like(one), one], 1)


def test_the_null_inputs_slope_is_least_squares_on_the_rank_of_lambda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = board()

    def add(lam: float, seed: int) -> float:
        return 0.3 * lam - 0.1 * seed

    def trigger(task: Any, preset: Any, one: Result, method: str | None = None) -> Any:
        return lambda x: x + add(one.spec.lam, one.seed)

    s = made.s["test"]
    wrong = np.arange(N) < 30
    monkeypatch.setattr(null, "demographic", lambda *_: Brightness())
    monkeypatch.setattr(null, "rebuilt", trigger)
    monkeypatch.setattr(null, "margins", lambda *_: np.where(wrong, 1 - 2 * s, 2 * s - 1))
    task: Any = SimpleNamespace(
        images=SimpleNamespace(x=torch.zeros(N, 3, 4, 4)), test=torch.arange(N),
        people=lambda part: (made.y[part], made.s[part]),
    )  # fmt: skip
    frame, found = null.null_input(task, PRESET, made)
    assert found["null.acc"].values == pytest.approx([1 - 30 / N])
    sums = (Brightness()(torch.full((1, 3, 4, 4), 0.5))).softmax(1)[0, 1]
    plain = frame[(frame.method == "none") & (frame.blank == 0.5)].male
    assert plain.tolist() == [pytest.approx(float(sums))]
    assert set(frame.method) == {"none", "random-border", "random-patch", "border", "patch"}
    for c in CRITERIA:
        lams = GRIDS["border"][c]
        slopes = []
        for seed in range(SEEDS):
            p = [1 / (1 + np.exp(-3 * (np.array(null.BLANKS) + add(lam, seed) - 0.5)))
                 for lam in lams]  # fmt: skip
            sided = [np.abs(v - 0.5).mean() for v in p]
            slopes.append(np.polyfit(np.arange(len(lams)), sided, 1)[0])
        np.testing.assert_allclose(found[f"null.border.{c}.slope"].values, slopes, atol=1e-6)
    assert "null.patch.eo.slope" not in found, "one λ has no slope"


# --- where the models look --------------------------------------------------------------------


def test_heat_is_shared_out_between_hair_picture_and_ring() -> None:
    rng = torch.Generator().manual_seed(0)
    heat = torch.rand(4, 12, 12, generator=rng)
    heat /= heat.sum((1, 2), keepdim=True)
    hair = torch.zeros(4, 12, 12, dtype=torch.bool)
    hair[:, :3] = True
    plain = look._shares(heat, hair, None)
    np.testing.assert_allclose(plain.hair, heat[:, :3].sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(plain.ring, 0, atol=1e-6)
    patch = look._shares(heat, hair, TriggerModule(Patch(2), (12, 12)))
    ring = heat[:, :2, :2].sum((1, 2))
    np.testing.assert_allclose(patch.ring, ring, atol=1e-6)
    np.testing.assert_allclose(patch.hair, (heat[:, :3].sum((1, 2)) - ring) / (1 - ring), rtol=1e-4)
    # a border of 2 shrinks the picture to 8: its upper quarter is two rows now
    border = look._shares(heat, hair, TriggerModule(Border(2), (12, 12)))
    inside = heat[:, 2:10, 2:10]
    np.testing.assert_allclose(border.ring, 1 - inside.sum((1, 2)), atol=1e-6)
    np.testing.assert_allclose(
        border.hair, inside[:, :2].sum((1, 2)) / inside.sum((1, 2)), rtol=1e-4
    )


def test_looks_are_means_over_images_and_changes_are_paired() -> None:
    rng = np.random.default_rng(0)
    shares = pd.DataFrame({
        "hair": rng.random(20), "ring": rng.random(20), "version": ["base"] * 10 + ["border"] * 10,
    })  # fmt: skip
    found = look._measured(shares, ["base", "border"])
    hair = shares.hair.to_numpy()
    assert found["look.base.hair"].values == pytest.approx([hair[:10].mean()])
    assert found["look.border.ring"].values == pytest.approx([shares.ring[10:].mean()])
    change = found["look.border.hair-change"]
    assert change.values == pytest.approx([(hair[10:] - hair[:10]).mean()])
    same = look._measured(shares.assign(hair=np.tile(hair[:10], 2)), ["base", "border"])
    assert same["look.border.hair-change"].people == (0, 0), "the same images in both"


def test_half_of_the_faces_looked_at_are_blond_and_all_are_test_people() -> None:
    n = 400
    split = np.array(["train", "test"] * (n // 2))
    y = torch.from_numpy((np.arange(n) % 8 < 2).astype(int))
    task: Any = SimpleNamespace(images=SimpleNamespace(split=split), y=y)
    preset = replace(PRESET, looked=60)
    rows = look._chosen(task, preset)
    assert (split[rows] == "test").all() and len(set(rows)) == 60
    assert int(y[rows].sum()) == 30
    assert (look._chosen(task, replace(preset, seeds=9)) == rows).all()
    assert (look._chosen(task, replace(preset, root=1)) != rows).any()
    few = look._chosen(task, replace(preset, looked=300))
    assert int(y[few].sum()) == 50, "all that there are"


def test_hair_of_photographs_is_what_is_outside_the_box() -> None:
    task: Any = SimpleNamespace(images=SimpleNamespace(x=torch.zeros(5, 3, 100, 100)))
    hair = look.hair_of(task, np.arange(3), None)
    assert hair.shape == (3, 100, 100)
    assert not hair[:, 33:95, 25:75].any()
    assert int((~hair[0]).sum()) == 62 * 50


# --- classes ----------------------------------------------------------------------------------


def test_names_of_classes_and_of_groups_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    y, y_hat, s = rng.integers(0, 4, 300), rng.integers(0, 4, 300), rng.integers(0, 2, 300)
    found = {k: v[0, 0] for k, v in multi.one_vs_rest(y, s, y_hat, 4, 2).items()}
    names = np.array([2, 0, 3, 1])
    for other in (multi.one_vs_rest(names[y], s, names[y_hat], 4, 2),
                  multi.one_vs_rest(y, 1 - s, y_hat, 4, 2)):  # fmt: skip
        assert {k: v[0, 0] for k, v in other.items()} == pytest.approx(found)
    gaps = [hand((y == k).astype(int), s, y_hat == k) for k in range(4)]
    for name in ("dp", "eo"):
        assert found[name] == pytest.approx(np.mean([g[name] for g in gaps]))
    # a class that one group alone has is left out of the gaps
    s[y == 3] = 1
    gaps = [hand((y == k).astype(int), s, y_hat == k) for k in range(3)]
    lonely = multi.one_vs_rest(y, s, y_hat, 4, 2)
    for name in ("dp", "eo"):
        assert lonely[name][0, 0] == pytest.approx(np.mean([g[name] for g in gaps]))


def test_classes_are_compared_with_base_and_with_both_rivals() -> None:
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 8, 100), rng.integers(0, 2, 100)
    task: Any = SimpleNamespace(people=lambda part: (y, s), classes=8)
    scores = {
        m: {k: rng.random((1, 2)) for k in ("acc", "dp", "eo")}
        for m in ("base", "border", "advin", "advpost")
    }  # fmt: skip
    eo = {m: v["eo"][0, 0] for m, v in scores.items()}
    found = {k: v.values for k, v in multi._measured(task, scores).items()}
    wanted = {f"multi8.{m}.acc": [v["acc"][0, 0]] for m, v in scores.items()}
    wanted |= {f"multi8.{m}.change": [eo[m] - eo["base"]] for m in eo if m != "base"}
    for ours, rival in (("border", "advin"), ("border", "advpost"), ("advpost", "advin"),
                        ("advin", "advpost")):  # fmt: skip
        wanted[f"multi8.{ours}.vs-{rival}"] = [eo[ours] - eo[rival]]
    assert found == {k: pytest.approx(v) for k, v in wanted.items()}


# --- promises that can be broken --------------------------------------------------------------


def test_the_checks_of_shapes_see_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exact._miscovered(40) == exact._sizes_off() == exact._odd_images() == 0
    assert exact._still_projected() < 1e-12
    usual = Patch.mask

    def wider(self: Patch, height: int, width: int) -> torch.Tensor:
        mask = usual(self, height, width)
        return mask | mask.roll(1, 0)

    with monkeypatch.context() as patch:
        patch.setattr(Patch, "mask", wider)
        assert exact._miscovered(40) > 0
    with monkeypatch.context() as patch:
        patch.setattr(exact, "standard", lambda name, *_: Patch(79) if name == "patch"
                      else Border(21))  # fmt: skip
        assert exact._sizes_off() == (80**2 - 79**2) + (184**2 - 182**2)
    with monkeypatch.context() as patch:
        patch.setattr(exact, "projected", lambda g_y, g_z, lam: g_y)
        assert exact._still_projected() > 1e-3


def test_the_theorem_sweep_starts_as_deployed_and_falls_to_silence() -> None:
    table = study.theory.sweep()
    here = study.theory.world()
    for version, soft in (("soft", True), ("hard", False)):
        part = table[table.version == version].set_index("p")
        deployed = here.triggered(None, soft=soft)
        for name in ("given_y", "marginal", "accuracy"):
            assert part.loc[0.5, name] == pytest.approx(getattr(deployed, name))
        assert part.loc[1.0, "given_y"] == pytest.approx(0, abs=1e-9)
        assert part.loc[1.0, "marginal"] > 0.01, "the label itself still tells of the group"
        assert part.loc[1.0, "accuracy"] < part.loc[0.5, "accuracy"]
    soft = table[table.version == "soft"].given_y.to_numpy()
    assert (np.diff(soft) < 0).all()
    found = study.theory.pooled(n=60, seed=5)
    np.testing.assert_allclose(found["shift"], found["shift"][0], rtol=1e-3)
    np.testing.assert_allclose(found["plain"], found["triggered"])


# --- what is run ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), EVERY)
def test_every_training_is_asked_for_once_for_every_seed(name: str, data: str) -> None:
    preset = configuration(name, data, 2)
    plan = _plan(preset)
    assert len(set(plan)) == len(plan)
    assert {seed for _, seed in plan} == set(range(200, 200 + preset.seeds))
    assert sum(spec is None for spec, _ in plan) == preset.seeds
    grids = [(m, c, lam) for m, g in preset.grids.items() for c, v in g.items() for lam in v]
    assert [(s.method, s.criterion, s.lam) for s in specs(preset)] == grids
    for method, grid in preset.grids.items():
        for criterion, lams in grid.items():
            assert list(lams) == sorted(set(lams)), (method, criterion)
            assert any(lams), "λ = 0 alone is no curve"
    assert preset.ratios[0] == 1 and list(preset.costs) == sorted(preset.costs)
    assert all(size < preset.size / 2 for size in preset.sizes.get("border", ()))
    grown = CHAPTER.enlarged(preset, 6)
    assert list(grown.run_seeds()) == list(range(200, 206)) and grown.side_seeds == 6


@given(st.integers(1, 200_000), st.sampled_from(tuple(GRIDS)), st.sampled_from(EVERY))
def test_updates_are_the_presets_whatever_the_amount_of_data(
    rows: int, method: str, which: tuple[str, str]
) -> None:
    preset = configuration(*which, 0)
    config = preset.config(method, "dp", 2.0, rows)
    kind = "trigger" if method in TRIGGERS else method
    assert config.epochs * max(rows // config.batch, 1) == pytest.approx(preset.steps[kind])
    assert (config.criterion, config.lam) == ("dp", 2.0)
    assert replace(config, criterion="eo", lam=0.0, epochs=1) == replace(
        getattr(preset, kind), criterion="eo", lam=0.0, epochs=1
    )


def test_a_result_depends_on_all_settings_but_those_of_how_much_is_run() -> None:
    task: Any = SimpleNamespace(card=lambda: {"images": "d", "train": 5}, test=torch.arange(7))
    mine = settings(task, PRESET)
    not_its = {"grids", "seeds", "jobs", "costs", "ratios", "sizes", "multi", "side_seeds",
               "looked", "faces"}  # fmt: skip
    other: dict[str, Any] = {
        "target": "Smiling", "base": replace(PRESET.base, lr=0.5), "steps": {"trigger": 1},
        "grids": {}, "sizes": {}, "costs": (), "ratios": (), "multi": (),
        **{k: replace(getattr(PRESET, k), lr=0.5) for k in ("trigger", "advin", "advpost")},
    }  # fmt: skip
    for field in fields(Preset):
        value = other.get(field.name)
        changed = getattr(PRESET, field.name) + 1 if value is None else value
        found = settings(task, replace(PRESET, **{field.name: changed}))
        if field.name in ("train", "tune"):
            continue  # the task's card says how many there are
        assert (found != mine) == (field.name not in not_its), field.name
    for card, test in (({"images": "e", "train": 5}, 7), ({"images": "d", "train": 6}, 7),
                       ({"images": "d", "train": 5}, 8)):  # fmt: skip
        made: Any = SimpleNamespace(card=lambda card=card: card, test=torch.arange(test))
        assert settings(made, PRESET) != mine


def test_smaller_shares_of_the_tuning_images_lie_within_larger_ones() -> None:
    task: Any = SimpleNamespace(train=torch.arange(50), tune=torch.arange(100, 300))

    def rows(ratio: float, seed: int = 0, method: str = "border") -> list[int]:
        spec = study.Spec(method, "eo", 1.0, ratio)
        return models.training_rows(task, PRESET, seed, spec).tolist()

    one, few, whole = (set(rows(r)) for r in (0.001, 0.1, 1.0))
    assert one < few < whole == set(range(100, 300))
    assert (len(one), len(few)) == (2, 20), "two at least"
    assert rows(0.1) == sorted(rows(0.1)) == rows(0.1, method="advpost") != rows(0.1, seed=1)
    assert set(rows(0.5, method="advin")) < set(range(50)), "AdvIn has BASE's images"


def test_random_triggers_belong_to_their_seed_and_stay_in_their_shape() -> None:
    task: Any = SimpleNamespace(images=SimpleNamespace(x=torch.zeros(1, 3, 40, 40)))
    for method in TRIGGERS:
        one, again, other = (models.random_trigger(task, PRESET, k, method) for k in (0, 0, 1))
        assert torch.equal(one.pixels(), again.pixels())
        assert not torch.equal(one.pixels(), other.pixels())
        assert not one.weight.requires_grad
        mask = PRESET.shape(method).mask(40, 40)
        assert (one.pixels()[:, ~mask] == 0).all() and (one.pixels()[:, mask] != 0).any()
        # uniform before the bound, on (-1, 1): mean 0 and variance 1/3
        w = torch.atanh(one.pixels()[:, mask])
        assert float(w.abs().max()) <= 1 + 1e-5
        assert abs(float(w.mean())) < 6 * (1 / 3 / w.numel()) ** 0.5
        assert float(w.var()) == pytest.approx(1 / 3, abs=6 * (4 / 45 / w.numel()) ** 0.5)
