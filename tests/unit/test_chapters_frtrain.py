"""The experiments of the FR-Train chapter: draws, every method once, selection, audits."""

import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from fairtut.chapters.frtrain import (
    AUDIT_LAMBDA,
    CONTROLS,
    FRTRAIN,
    METHODS,
    NAMES,
    TABLE,
    Family,
    audit_draw,
    beaten,
    chosen,
    crowd_draw,
    example,
    for_real,
    free_draw,
    measures,
    odds_draw,
    run_draw,
    run_draws,
    synthetic_draw,
)
from fairtut.chapters.frtrain.protocol import KEYS, plan
from fairtut.chapters.frtrain.side import CROWD_METHODS, _same_mix
from fairtut.data.crowd import CrowdModel
from fairtut.data.poison import flip_labels
from fairtut.errors import UnknownName
from fairtut.lab import asked, pairs
from fairtut.methods.frtrain import train
from fairtut.metrics import accuracy, demographic_parity_gap, disparate_impact
from fairtut.runtime.seeds import stream_seed

_FAST = {"epochs": 111, "warmup": 40}
TINY = replace(
    FRTRAIN["smoke"],
    draws=2,
    inits=2,
    sizes={"train": 240, "clean": 60, "select": 150, "test": 200},
    clean=replace(FRTRAIN["smoke"].clean, **_FAST),
    poisoned=replace(FRTRAIN["smoke"].poisoned, **_FAST),
    label_fed=replace(FRTRAIN["smoke"].label_fed, **_FAST),
    rml_steps=60,
)
PARTS = ("train", "clean", "select", "test")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def draw():
    return synthetic_draw(0, TINY)


@pytest.fixture(scope="module")
def frame():
    """Two draws of some methods."""
    methods = {"clean": ("lr", "fc"), "poisoned": ("lr", "lbc", "ad")}
    return pd.concat(
        [run_draw(synthetic_draw(i, TINY), TINY, methods) for i in range(2)], ignore_index=True
    )


# ---------------------------------------------------------------- draws


def test_parts_are_disjoint_and_of_the_right_size(draw):
    parts = [getattr(draw, part) for part in PARTS]
    assert {p: len(t) for p, t in zip(PARTS, parts, strict=True)} == dict(TINY.sizes)
    rows = np.concatenate([part.x for part in parts])
    assert len(np.unique(rows, axis=0)) == len(rows)  # continuous features: a row names itself


def test_draws_repeat_and_differ(draw):
    same, other, seeded = (
        synthetic_draw(0, TINY), synthetic_draw(1, TINY), synthetic_draw(0, TINY, seed=1),
    )  # fmt: skip
    for part in PARTS:
        np.testing.assert_array_equal(getattr(same, part).x, getattr(draw, part).x)
        for unlike in (other, seeded):
            assert not np.isin(getattr(unlike, part).x[:, 0], getattr(draw, part).x[:, 0]).any()
    np.testing.assert_array_equal(same.poison.y, draw.poison.y)


def test_a_tenth_of_the_training_labels_is_flipped_and_nothing_else(draw):
    clean, poisoned = draw.labels("clean"), draw.labels("poisoned")
    np.testing.assert_array_equal(clean, draw.train.y)
    np.testing.assert_array_equal(poisoned != clean, draw.poison.flipped)
    assert draw.poison.flipped.sum() == 24
    assert (draw.train.s[draw.poison.flipped] == 1).all()
    recipe = flip_labels(draw.train.x, draw.train.s, draw.train.y, fraction=0.1)
    np.testing.assert_array_equal(recipe.flipped, draw.poison.flipped)
    with pytest.raises(UnknownName, match="did you mean 'poisoned'"):
        draw.labels("poison")


def test_a_crowd_is_as_good_as_its_model():
    large = synthetic_draw(0, replace(TINY, sizes=TINY.sizes | {"clean": 4000}))
    model = CrowdModel.fit(0.617, 0.661)
    noisy = large.with_crowd(model, seed=0)
    right = (noisy.clean.y == large.clean.y).mean()
    assert right == pytest.approx(0.661, abs=4 * np.sqrt(0.661 * 0.339 / 4000))
    np.testing.assert_array_equal(noisy.clean.x, large.clean.x)
    assert noisy.train is large.train and noisy.test is large.test
    np.testing.assert_array_equal(noisy.clean.y, large.with_crowd(model, seed=0).clean.y)
    assert (noisy.clean.y != large.with_crowd(model, seed=1).clean.y).any()


# ---------------------------------------------------------------- methods


def test_every_row_of_the_table_and_every_control_has_a_name():
    assert list(NAMES)[: len(TABLE)] == list(TABLE) and set(NAMES) == set(METHODS)
    assert len(TABLE) == 9 and not set(TABLE) & set(CONTROLS)


@pytest.mark.parametrize("training", ["clean", "poisoned"])
@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_decides_for_both_splits(draw, name, training):
    if name == "peer":
        pytest.importorskip("fairlearn", reason="the peer is fairlearn's")
    family = METHODS[name](draw, training, TINY)
    assert isinstance(family, Family)
    settings, inits = family.select.shape[:2]
    assert settings == len(family.settings) and inits in (1, TINY.inits)
    assert family.select.shape == (settings, inits, 150)
    assert family.test.shape == (settings, inits, 200)
    assert family.select.dtype == family.test.dtype == bool
    assert family.test.any() and not family.test.all()
    if family.theta is not None:
        x, s = draw.test.x, draw.test.s
        logit = np.einsum("krd,nd->krn", family.theta, np.column_stack([x, s, np.ones(200)]))
        clear = np.abs(logit) > 1e-4
        np.testing.assert_array_equal((logit > 0)[clear], family.test[clear])


def test_who_sees_what(draw, monkeypatch):
    """Spoil the parts that a method must not use: it must not notice."""
    wrong = replace(draw, poison=replace(draw.poison, y=1 - draw.poison.y))
    no_clean = replace(draw, clean=replace(draw.clean, y=1 - draw.clean.y))

    def same(name, other):
        a, b = (METHODS[name](d, "poisoned", TINY).theta for d in (draw, other))
        return np.array_equal(a, b)

    assert same("oracle", wrong) and same("clean-only", wrong)
    assert not same("ad", wrong) and not same("clean-and-train", wrong)
    for name in ("lr", "fc", "lbc", "ad", "oracle"):
        assert same(name, no_clean)
    for name in ("rml", "frtrain", "clean-only", "clean-and-train"):
        assert not same(name, no_clean)


def test_the_plan(monkeypatch):
    assert plan(TINY) == {"clean": tuple(TABLE), "poisoned": (*TABLE, *list(CONTROLS)[:-1])}
    pytest.importorskip("fairlearn", reason="the peer is fairlearn's")
    assert plan(replace(TINY, peer=True))["clean"][-1] == "peer"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "peer" not in plan(replace(TINY, peer=True))["poisoned"]


# ---------------------------------------------------------------- frames


def test_the_frame(frame, draw):
    scores = ("acc", "di", "dp", "eo")
    expected = {*KEYS, "step", "setting", *(f"{p}_{c}" for p in ("select", "test") for c in scores)}
    assert set(frame.columns) == expected
    sizes = frame.groupby(["training", "method", "draw"], sort=False).size()
    assert (sizes["clean"]["fc"] == 3).all()  # three bounds, one start
    assert (sizes["poisoned"]["ad"] == 6).all()  # three settings, two starts
    row = frame[(frame["method"] == "lr") & (frame["draw"] == 0) & (frame["training"] == "clean")]
    decision = METHODS["lr"](draw, "clean", TINY).test[0, 0].astype(int)
    y, s = draw.test.y, draw.test.s
    found = row[["test_acc", "test_di", "test_dp"]].to_numpy()[0]
    by_hand = [
        accuracy(y, decision), disparate_impact(None, decision, s),
        demographic_parity_gap(None, decision, s),
    ]  # fmt: skip
    np.testing.assert_allclose(found, np.array(by_hand, float), atol=1e-12)


def test_unknown_methods_are_refused(draw):
    with pytest.raises(UnknownName, match=r"unknown method 'fr-train'.*did you mean 'frtrain'"):
        run_draw(draw, TINY, {"clean": ("fr-train",)})


def test_run_draws_is_run_draw_of_each(frame):
    methods = {"clean": ("lr", "fc"), "poisoned": ("lr", "lbc", "ad")}
    found = run_draws(lambda i: synthetic_draw(i, TINY), TINY, lambda d, p: run_draw(d, p, methods))
    pd.testing.assert_frame_equal(found, frame)
    one = run_draws(
        lambda i: synthetic_draw(i, TINY), TINY, lambda d, p: run_draw(d, p, methods), draws=1
    )
    assert set(one["draw"]) == {0}


def test_a_draw_is_run_once_for_its_data_settings_and_work(tmp_path):
    notes = tmp_path / "notes"  # a list that grows would be another closure, and another key
    notes.mkdir()

    def made():
        return sorted(int(note.name.split()[0]) for note in notes.iterdir())

    def work(draw, preset):
        (notes / f"{draw.index} {len(made())}").touch()
        row = {"draw": draw.index, "method": "lr", "acc": np.float32(0.5), "kept": True}
        return pd.DataFrame([row, row | {"acc": np.nan}])

    def make(i, seed=0):
        return synthetic_draw(i, TINY, seed)

    first, again = (run_draws(make, TINY, work) for _ in range(2))
    assert made() == [0, 1]
    pd.testing.assert_frame_equal(first, again)
    run_draws(make, replace(TINY, jobs=1, draws=3), work)
    assert made() == [0, 1, 2], "more draws make only the new ones"
    run_draws(partial(make, seed=1), TINY, work)
    assert made() == [0, 0, 1, 1, 2]
    run_draws(make, replace(TINY, rml_steps=61), work)
    assert made() == [0, 0, 0, 1, 1, 1, 2]


def test_draws_and_presets_travel_to_other_processes(draw):
    again = pickle.loads(pickle.dumps((draw, TINY)))
    np.testing.assert_array_equal(again[0].train.x, draw.train.x)


# ---------------------------------------------------------------- selection


def by_rule(rows, limit, split, metric):
    """The rule in plain words, one setting after the other."""
    keeps = (lambda v: v >= limit) if metric == "di" else (lambda v: v <= limit)
    best = None
    for row in rows.itertuples():
        fairness = getattr(row, f"{split}_{metric}")
        if keeps(fairness) and (best is None or getattr(row, f"{split}_acc") > best[0]):
            best = (getattr(row, f"{split}_acc"), True)
    if best is not None:
        return best
    column = rows[f"{split}_{metric}"]
    return (column.max() if metric == "di" else column.min()), False


@pytest.mark.parametrize("split", ["select", "test"])
@pytest.mark.parametrize(
    ("metric", "limit"), [("di", 0.8), ("di", 0.5), ("di", 1.1), ("dp", 0.1), ("eo", 0.3)]
)
def test_the_selection_rule(frame, split, metric, limit):
    picked = chosen(frame, limit, split, metric)
    groups = frame.groupby(KEYS, sort=False)
    assert len(picked) == groups.ngroups
    for (key, rows), row in zip(groups, picked.itertuples(), strict=True):
        assert key == tuple(getattr(row, k) for k in KEYS)
        value, satisfied = by_rule(rows, limit, split, metric)
        source = rows[rows["setting"] == row.setting].iloc[0]
        assert row.satisfied == satisfied
        assert source[f"{split}_{'acc' if satisfied else metric}"] == value
        assert (row.acc, row.di, row.dp, row.eo) == tuple(
            source[f"test_{c}"] for c in ("acc", "di", "dp", "eo")
        )
    assert picked["satisfied"].any() or limit > 1
    assert not picked["satisfied"].all() or limit < 0.5


# ---------------------------------------------------------------- audits


def test_the_audit_looks_inside(draw):
    frame = audit_draw(draw, TINY)
    assert frame.columns.tolist() == [
        "variant", "draw", "init", "acc", "di", "weight_min", "weight_max",
        "score_flipped", "score_kept", "weight_flipped", "weight_kept",
    ]  # fmt: skip
    assert len(frame) == 5 * TINY.inits
    by = dict(iter(frame.groupby("variant")))
    plain = by["debiasing, same mix"]
    assert plain["score_kept"].isna().all() and (plain["weight_kept"] == 1).all()
    off = by["released, weights off"]
    assert (off["weight_min"] == 1).all() and (off["weight_max"] == 1).all()
    released = by["released"]
    assert (released["weight_min"] < 1).all() and (released["weight_max"] == 1).all()
    clean = (draw.clean.x, draw.clean.s, draw.clean.y)
    seeds = [stream_seed(1, "frtrain", "init", 0, i) for i in range(2)]
    out = train(
        draw.train.x, draw.train.s, draw.poison.y, clean,
        lambda_f=[AUDIT_LAMBDA] * 2, seeds=seeds, config=TINY.poisoned, fused=False,
    )  # fmt: skip
    for which, rows in (("flipped", draw.poison.flipped), ("kept", ~draw.poison.flipped)):
        np.testing.assert_allclose(released[f"score_{which}"], out.r_score[:, rows].mean(1))
        np.testing.assert_allclose(released[f"weight_{which}"], out.weights[:, rows].mean(1))
    shares = draw.poison.flipped.mean()
    label_fed = by["label-fed"]
    mean = shares * label_fed["weight_flipped"] + (1 - shares) * label_fed["weight_kept"]
    np.testing.assert_allclose(mean, 1, atol=1e-5)


def test_the_same_mix_is_the_same_ratio():
    lam, lam_r = 0.52, TINY.poisoned.lambda_r
    mixed = _same_mix(lam, TINY)
    assert mixed / (1 - mixed) == pytest.approx(lam / (1 - lam - lam_r))


def test_crowd_and_odds_frames(draw):
    crowd = crowd_draw(draw, TINY, 0.617, 0.661)
    assert set(crowd["method"]) == set(CROWD_METHODS)
    assert set(crowd["training"]) == {"poisoned"}
    odds = odds_draw(draw, TINY)
    assert set(odds["method"]) == {"lr", "ad-eo", "frtrain-eo"}
    picked = chosen(odds, 0.1, metric="eo")
    found = measures.odds(picked, 200)
    ours, plain = (picked[picked["method"] == m]["eo"].mean() for m in ("frtrain-eo", "lr"))
    assert found["control.eo-frtrain-minus-lr"].values == pytest.approx([ours - plain])


def test_what_costs_nothing_is_logistic_regression_changed(draw, frame):
    free = free_draw(draw, TINY)
    of = {name: rows.reset_index(drop=True) for name, rows in free.groupby("method")}
    assert set(of) == {"lr", "constant", "threshold", "groups", "noise"}
    known = frame.query("method == 'lr' and training == 'poisoned' and draw == 0").iloc[0]
    for column in ("select_acc", "test_acc", "test_dp"):
        assert of["lr"][column].tolist() == [pytest.approx(known[column])]
    assert of["constant"]["test_acc"].sum() == pytest.approx(1)
    assert (of["constant"]["test_dp"] == 0).all()
    # on the rows that they are chosen on, pairs keep the accuracy that they may cost
    best = of["groups"]["select_acc"].max()
    assert best >= known["select_acc"]
    assert (of["groups"]["select_acc"] >= best - np.array(pairs.BUDGETS) - 1e-9).all()
    assert (np.diff(of["groups"]["select_dp"]) <= 1e-9).all()
    assert of["groups"]["select_dp"].min() < 0.02  # base rates differ: equal odds would leave more
    assert of["noise"]["test_acc"].iloc[-1] < known["test_acc"]  # twice the spread of the rows


def test_fr_train_is_asked_about_all_controls(frame):
    """With AD's scores in the place of FR-Train's; equal scores beat nothing."""
    free = pd.concat([free_draw(synthetic_draw(i, TINY), TINY) for i in range(2)])
    named = frame.query("method == 'ad'").assign(method="frtrain")
    found = beaten(named, free, 200)
    assert list(found) == [f"beats.frtrain.{name}" for name in asked.CONTROLS]
    assert all(len(entry.values) == 2 and entry.n == 200 for entry in found.values())
    plain = free.query("method == 'lr'").assign(method="frtrain")
    assert beaten(plain, free, 200)["beats.frtrain.mixing"].values == [0.0, 0.0]


def test_real_settings_keep_the_structure():
    real = for_real(FRTRAIN["laptop"])
    assert real.poisoned.epochs == 2000 and real.poisoned.lambda_r == 0.4
    assert real.label_fed.lr_r == FRTRAIN["laptop"].label_fed.lr_r
    assert for_real(FRTRAIN["smoke"]).poisoned.epochs == FRTRAIN["smoke"].poisoned.epochs


# ---------------------------------------------------------------- measures and the example


def test_measurements_are_paired_differences(frame):
    picked = chosen(frame, 0.8)
    table = measures.table(picked, 200)
    ad = table["table.poisoned.ad.acc"]
    assert ad.n == 200 and np.shape(ad.values) == (2, 2)  # draws × starts
    rows = picked[(picked["method"] == "ad") & (picked["draw"] == 1)]
    assert ad.values[1] == rows["acc"].tolist()
    np.testing.assert_allclose(
        measures.by_draw(picked, "ad", "poisoned", "acc"), np.mean(ad.values, 1)
    )


def test_the_example_has_the_numbers_of_the_slides():
    plain, fair = (example.best(example.LABELS, fair) for fair in (False, True))
    assert (plain.accuracy, plain.di) == (1.0, 0.5)
    assert (fair.accuracy, fair.di) == (0.8, 1.0)
    attacked, defended = (example.best(example.poisoned(), fair) for fair in (False, True))
    assert attacked.accuracy < plain.accuracy and attacked.di > plain.di
    assert defended.accuracy < fair.accuracy and defended.di == fair.di
