"""FR-Train's schedule: against a plain loop, against its special cases, and its symmetries."""

import importlib.util
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from fairtut.data.poison import flip_labels
from fairtut.data.synthetic.gaussians import zafar
from fairtut.errors import InputError, UnknownName
from fairtut.methods import fair_baselines as linear
from fairtut.methods.frtrain import (
    LABEL_FED,
    RELEASED_CLEAN,
    RELEASED_POISONED,
    VARIANTS,
    Config,
    FRTrain,
    debiasing,
    steps,
    train,
    training,
)
from fairtut.runtime.fuse import why_not_fused

SHORT = replace(
    RELEASED_POISONED, epochs=231, warmup=90, lr_classifier=0.01, lr_f=0.05, lr_r=0.05
)  # re-weighs at epochs 100 and 200
ROUNDED = SHORT.epochs * 2.0**-23
"""What rounding can make of a number below two: half a last place (2**-24) at each of the two sums
that an epoch adds to it, all to one side.  Seen on two processors: at most 2e-7."""
RUNS = {"lambda_f": [0.1, 0.5, 0.3], "seeds": [0, 1, 2]}


@pytest.fixture(scope="module")
def people():
    rows = zafar(300, seed=3)
    poisoned = flip_labels(rows.x[:240], rows.s[:240], rows.y[:240], fraction=0.1).y
    return (rows.x[:240], rows.s[:240], poisoned), (rows.x[240:], rows.s[240:], rows.y[240:])


def run(people, config=SHORT, **options):
    rows, clean = people
    clean = clean if config.r_input != "none" else None
    return train(
        *rows, clean, config=config, **({"fused": False, "device": "cpu"} | RUNS | options)
    )


@pytest.fixture(scope="module")
def reference(people):
    return run(people)


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "frtrain_grid.py"
    spec = importlib.util.spec_from_file_location("frtrain_grid", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------- against independent code


@pytest.mark.parametrize(
    "config",
    [
        SHORT,
        replace(SHORT, r_gradient=False, every=4, lambda_r=0.1, warmup_scale=1.0),
    ],
    ids=["poisoned", "clean"],
)
def test_the_plain_loop_finds_the_same_classifiers(people, benchmark, config):
    rows, clean = people
    out = run(people, config)
    for b, (lam, seed) in enumerate(zip(*RUNS.values(), strict=True)):
        plain = benchmark.plain_run(rows, clean, lam, seed, config)
        np.testing.assert_allclose(out.theta[b], plain, atol=ROUNDED)
    assert out.weight_range[0] < 1  # the epochs of this test do re-weigh


@pytest.mark.skipif(why_not_fused() is not None, reason="epochs are not fused on this machine")
def test_fused_epochs_give_the_same_numbers(people, reference, caplog):
    with caplog.at_level(logging.WARNING):
        fused = run(people, fused=True)
    assert not caplog.records, "the epochs were not fused after all"
    np.testing.assert_allclose(fused.theta, reference.theta, atol=ROUNDED)
    np.testing.assert_allclose(fused.weights, reference.weights, atol=ROUNDED)
    np.testing.assert_allclose(fused.r_score, reference.r_score, atol=ROUNDED)


@pytest.mark.parametrize("criterion", ["di", "eo"])
def test_the_initialisation_is_torchs_in_the_released_order(criterion):
    d, config = 3, Config(criterion=criterion)
    found = training.initial([1, 5], d, config)
    inputs = {"di": 1, "eo": 2}[criterion]
    for b, seed in enumerate((1, 5)):
        layers = [
            nn.Linear(d, 1), nn.Linear(inputs, 1), nn.Linear(d + 1, config.hidden),
            nn.Linear(config.hidden, 1),
        ]  # fmt: skip
        torch.manual_seed(seed)
        for layer in layers:
            nn.init.normal_(layer.weight, 0.0, 0.2)
        w, f, r, v = (layer.weight.detach() for layer in layers)
        assert torch.equal(found.w[b, :d], w[0]) and found.w[b, d] == 0
        assert torch.equal(found.f[b, :inputs], f[0]) and not found.f[b, inputs:].any()
        assert torch.equal(found.r[b, :, : d + 1], r) and not found.r[b, :, d + 1].any()
        assert torch.equal(found.v[b], v[0]) and found.c[b] == 0


def test_the_released_weights_use_the_loss_before_the_step_and_the_output_after_it(people):
    rows, clean = people
    data = training.prepare(*rows, clean, SHORT)
    loop = training._Loop(replace(SHORT, lr_r=5.0), data, fused=False)
    before = training.initial([0, 1], 3, SHORT)
    after, logit = loop.kernels[0](before, data, loop.rates)
    last = torch.tensor([0.7, 3.0])
    loop._reweight(before, after, logit, last)

    def output(state):
        hidden = state.r[:, :, :3] @ data.x[:, :240] + state.r[:, :, 4:]
        hidden = nn.functional.leaky_relu(hidden + state.r[:, :, 3:4] * logit[:, None], 0.2)
        return torch.sigmoid((state.v[:, None] @ hidden)[:, 0] + state.c[:, None])

    channel = torch.where(data.clean > 0, data.label, steps.logits(before.w, data.x))
    loss = steps.robust_loss(before, channel, data)
    assert (loss - steps.robust_loss(after, channel, data)).abs().min() > 0.1  # the step is visible
    mix = torch.sigmoid(last / loss - 3)[:, None]
    torch.testing.assert_close(loop.weight, mix * output(after) + 1 - mix)
    assert loop.weight_range == (loop.weight.min(), max(1.0, float(loop.weight.max())))


# ---------------------------------------------------------------- batches


def test_each_run_of_a_batch_is_the_run_alone(people, reference):
    for b, (lam, seed) in enumerate(zip(*RUNS.values(), strict=True)):
        alone = run(people, lambda_f=[lam], seeds=[seed])
        np.testing.assert_allclose(alone.theta[0], reference.theta[b], atol=ROUNDED)
        np.testing.assert_allclose(alone.weights[0], reference.weights[b], atol=ROUNDED)


def test_batches_of_a_cache_size_are_put_together_again(people, reference, monkeypatch):
    whole = run(people, record_every=100)
    monkeypatch.setattr(training, "WORKING_SET", 2 * 300)  # two runs fit: 2 + 1 and a repetition
    parts = run(people, record_every=100)
    assert whole.path.shape == parts.path.shape == (2, 3, 4)
    for name in ("theta", "weights", "r_score", "path"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=ROUNDED)
    for part, other in zip(parts.state, whole.state, strict=True):
        torch.testing.assert_close(part, other, atol=1e-5, rtol=0)
    np.testing.assert_allclose(parts.weight_range, whole.weight_range, atol=ROUNDED)
    np.testing.assert_array_equal(parts.seeds, [0, 1, 2])
    np.testing.assert_array_equal(whole.theta, reference.theta)  # recording changes nothing


@pytest.mark.parametrize(
    ("runs", "rows"), [(1, 10), (135, 2000), (45, 2000), (7, 10**9), (27, 900)]
)
def test_batches_cover_every_run_in_order(runs, rows):
    found = training._batches(runs, rows, on_cpu=True)
    assert found.reshape(-1)[:runs].tolist() == list(range(runs))
    assert found.size - runs < len(found)  # fewer repetitions than batches
    assert found.shape[1] * rows <= training.WORKING_SET or found.shape[1] == 1
    assert training._batches(runs, rows, on_cpu=False).shape == (1, runs)


# ---------------------------------------------------------------- special cases


def test_without_adversaries_it_is_logistic_regression(people):
    config = replace(
        debiasing(SHORT), epochs=1500, warmup=0, every=1, lr_classifier=0.05
    )  # fmt: skip
    out = run(people, config, lambda_f=[0.0], seeds=[4])
    np.testing.assert_allclose(out.theta[0], linear.logistic(*people[0]), atol=2e-4)


def test_debiasing_is_frtrain_without_its_robustness_discriminator(people):
    """lambda_r = 0 and no weights: D_R still learns, and the classifier must not notice."""
    blind = replace(SHORT, lambda_r=0.0, weights="none")
    assert run(people, blind).r_score is not None
    plain = run(people, debiasing(SHORT))
    np.testing.assert_allclose(run(people, blind).theta, plain.theta, atol=ROUNDED)
    assert plain.r_score is None and plain.weight_range == (1.0, 1.0)
    other = run(people, replace(SHORT, weights="none"))  # but with lambda_r it does
    assert np.abs(other.theta - plain.theta).max() > 1e-3


def test_a_detached_robustness_term_is_debiasing_with_another_mix(people):
    """The audit's claim on the clean run: Adam ignores the common factor 1 - lambda_r."""
    detached = replace(SHORT, r_gradient=False, weights="none", warmup=0, lambda_r=0.1)
    lam = np.array([0.1, 0.5, 0.3])
    out = run(people, detached, lambda_f=lam.tolist())
    plain = run(people, replace(debiasing(SHORT), warmup=0), lambda_f=(lam / 0.9).tolist())
    np.testing.assert_allclose(out.theta, plain.theta, atol=1e-4)


def test_the_label_fed_discriminator_sees_the_poison_and_the_released_one_does_not(people):
    config = replace(LABEL_FED, epochs=601, warmup=100, lr_classifier=0.01, lr_f=0.05, lr_r=0.5)
    rows, _ = people
    flipped = flip_labels(
        *(a[:240] for a in (rows[0], rows[1], zafar(300, seed=3).y)), fraction=0.1
    )
    flipped = flipped.flipped
    out = run(people, config)
    gap = out.r_score[:, ~flipped].mean() - out.r_score[:, flipped].mean()
    assert gap > 0.1
    np.testing.assert_allclose(out.weights.mean(1), 1, atol=1e-5)
    released = run(people).r_score
    assert abs(released[:, ~flipped].mean() - released[:, flipped].mean()) < 0.05


def test_equalized_odds_gives_the_discriminator_the_label(people):
    out = run(people, replace(debiasing(SHORT), criterion="eo"))
    assert (out.state.f[:, 1] != 0).all()
    assert not run(people, debiasing(SHORT)).state.f[:, 1].any()


def test_the_fairness_weight_lowers_what_the_logit_tells(people):
    rows, _ = people
    out = run(people, replace(debiasing(SHORT), epochs=1200), lambda_f=[0.0, 0.9], seeds=[0, 0])
    gap = [
        logit[rows[1] == 1].mean() - logit[rows[1] == 0].mean() for logit in out.logit(*rows[:2])
    ]
    assert abs(gap[1]) < 0.5 * abs(gap[0])


# ---------------------------------------------------------------- symmetries


def test_the_order_of_the_rows_does_not_matter(people, reference):
    rows, clean = people
    order, clean_order = (np.random.default_rng(0).permutation(len(p[1])) for p in people)
    shuffled = tuple(a[order] for a in rows), tuple(a[clean_order] for a in clean)
    out = run(shuffled)
    np.testing.assert_allclose(out.theta, reference.theta, atol=1e-4)
    np.testing.assert_allclose(out.weights, reference.weights[:, order], atol=1e-4)


def test_the_other_outcome_gives_the_opposite_classifier(people, reference, monkeypatch):
    """Exchange the two labels and mirror the start: every logit changes its sign."""
    original = training.initial

    def mirrored(*args):
        state = original(*args)
        r = state.r.clone()
        r[:, :, -2] *= -1  # the channel that sees the label
        return state._replace(w=-state.w, f=-state.f, r=r)

    monkeypatch.setattr(training, "initial", mirrored)
    out = run(tuple((x, s, 1 - y) for x, s, y in people))
    np.testing.assert_allclose(out.theta, -reference.theta, atol=ROUNDED)
    np.testing.assert_allclose(out.weights, reference.weights, atol=ROUNDED)


def test_equal_row_weights_change_nothing_and_zero_ones_remove_a_row(people):
    config = debiasing(SHORT)
    plain = run(people, config)
    weighted = run(people, config, row_weight=np.ones(240)).theta
    np.testing.assert_allclose(weighted, plain.theta, atol=ROUNDED)
    # without the fairness adversary a row of weight 0 is a row that is not there
    weight = np.ones(240)
    weight[:40] = 0
    fewer = tuple(a[40:] for a in people[0]), people[1]
    options = {"lambda_f": [0.0], "seeds": [0]}
    without = run(fewer, config, **options)
    # the mean is over all rows, so the loss is scaled by 200 / 240, which Adam ignores
    np.testing.assert_allclose(
        run(people, config, row_weight=weight, **options).theta, without.theta, atol=1e-4
    )


# ---------------------------------------------------------------- results and errors


def test_what_comes_back(people, reference):
    assert reference.theta.shape == (3, 4) and reference.weights.shape == (3, 240)
    assert reference.r_score.shape == (3, 240) and reference.path.shape == (0, 3, 4)
    low, high = reference.weight_range
    assert 0 < low < reference.weights.min() + 1e-6 and high == 1.0
    x, s, _ = people[1]
    by_hand = [t[0] * x[:, 0] + t[1] * x[:, 1] + t[2] * s + t[3] for t in reference.theta]
    np.testing.assert_allclose(reference.logit(x, s), by_hand, atol=1e-5)
    assert training.linear_logit(reference.theta[0], x, s).shape == (60,)
    recorded = run(people, record_every=77)
    assert recorded.path.shape == (3, 3, 4)
    np.testing.assert_array_equal(recorded.path[-1], recorded.theta)


def test_wide_inputs_train_like_narrow_ones(people):
    """Columns of zeros take the matrix path and must not matter."""
    wide = tuple((np.column_stack([x, np.zeros((len(x), steps.WIDE))]), s, y) for x, s, y in people)
    config = debiasing(SHORT)
    narrow, padded = run(people, config, seeds=[0] * 3), run(wide, config, seeds=[0] * 3)
    assert padded.theta.shape[1] == narrow.theta.shape[1] + steps.WIDE
    assert np.isfinite(padded.theta).all()


def test_the_estimator_is_train(people):
    rows, clean = people
    config = replace(LABEL_FED, epochs=60, warmup=20)
    model = FRTrain(0.4, config=config, random_state=7, fused=False)
    with pytest.raises(NotFittedError, match="not fitted"):
        model.predict(clean[0], s=clean[1])
    x, s, y = rows
    assert model.fit(x, y, s=s, clean=(clean[0], clean[2], clean[1])) is model
    out = run(people, config, lambda_f=[0.4], seeds=[7])
    np.testing.assert_array_equal(model.theta_, out.theta[0])
    p_hat = model.predict_proba(clean[0], s=clean[1])
    np.testing.assert_allclose(p_hat.sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(clean[0], s=clean[1]), p_hat[:, 1] > 0.5)


@pytest.mark.parametrize("far", [lambda x: 5e4 * x, lambda x: x + 1e6])
def test_the_estimator_refuses_features_of_another_scale(people, far):
    (x, s, y), clean = people
    model = FRTrain(0.4, config=replace(LABEL_FED, epochs=60, warmup=20), fused=False)
    with pytest.raises(InputError, match=r"column \d of x stands .* standardise"):
        model.fit(far(x), y, s=s, clean=(clean[0], clean[2], clean[1]))


def test_the_estimator_does_not_keep_a_training_that_diverged(people):
    (x, s, y), clean = people
    wild = replace(LABEL_FED, epochs=60, warmup=20, lr_classifier=1e38)
    model = FRTrain(0.4, config=wild, fused=False)
    with pytest.raises(InputError, match="diverged"):
        model.fit(x, y, s=s, clean=(clean[0], clean[2], clean[1]))
    with pytest.raises(NotFittedError, match="not fitted"):
        model.predict(x, s=s)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lambda_f": [0.6, 0.1, 0.1]}, r"lambda_f must lie in \[0, 0.6\)"),
        ({"lambda_f": [-0.1, 0.1, 0.1]}, "lambda_f must lie"),
        ({"lambda_f": [float("nan")] * 3}, "lambda_f must lie"),
        ({"lambda_f": [0.1]}, "one value of each per run"),
        ({"lambda_f": [], "seeds": []}, "one value of each per run"),
        ({"row_weight": np.ones(240)}, "row_weight cannot be kept"),
        ({"device": "abacus"}, "'abacus' cannot be used"),
    ],
)
def test_settings_that_mean_nothing_are_refused(people, change, message):
    with pytest.raises(InputError, match=message) as caught:
        run(people, **change)
    assert "\n" not in str(caught.value)


def _broken(people, part, column, value, row=slice(None)):
    parts = [list(p) for p in people]
    parts[part][column] = np.array(parts[part][column], float)
    parts[part][column][row] = value
    return tuple(map(tuple, parts))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: _broken(p, 0, 0, np.nan, 5), r"training x holds NaN or infinity .*row 5"),
        (lambda p: _broken(p, 1, 0, np.inf, 2), r"clean x holds NaN or infinity .*row 2"),
        (lambda p: _broken(p, 0, 0, 1e300, 7), r"first in row 7"),  # infinite as float32
        (lambda p: _broken(p, 0, 1, 1.0), "training s is all 1"),
        (lambda p: _broken(p, 0, 2, 0.0), "training y is all 0"),
        (lambda p: _broken(p, 0, 2, -1.0, 3), r"training y must hold 0 and 1 only, found \[-1"),
        (lambda p: _broken(p, 0, 1, np.nan, 3), "training s must hold 0 and 1 only"),
        (lambda p: (tuple(a[:0] for a in p[0]), p[1]), "no training rows"),
        (lambda p: (p[0], tuple(a[:0] for a in p[1])), "no clean rows"),
        (lambda p: ((p[0][0][:-1], *p[0][1:]), p[1]), r"shapes \(239, 2\), \(240,\)"),
        (lambda p: ((p[0][0], p[0][1][:, None], p[0][2]), p[1]), r"\(240, 1\)"),
        (lambda p: ((p[0][0][:, 0], *p[0][1:]), p[1]), r"need \(n, k\)"),
        (lambda p: ((p[0][0], p[0][1], "no"), p[1]), "must hold numbers"),
        (lambda p: (p[0], (p[1][0][:, :1], *p[1][1:])), "have 2 and 1 features"),
    ],
)
def test_rows_that_mean_nothing_are_refused(people, spoil, message):
    with pytest.raises(InputError, match=message) as caught:
        run(spoil(people))
    assert "\n" not in str(caught.value)


def test_a_clean_set_of_one_class_is_allowed_and_none_is_not(people):
    rows, (x, s, _) = people
    run((rows, (x, s, np.ones(len(s)))), replace(SHORT, epochs=3))
    with pytest.raises(InputError, match="needs a clean set"):
        train(*rows, config=SHORT, **RUNS)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(3), "240 finite, non-negative"),
        (np.full(240, -1.0), "non-negative"),
        (np.full(240, np.nan), "finite"),
        (np.zeros(240), "all zero"),
    ],
)
def test_row_weights_that_mean_nothing_are_refused(people, weight, message):
    with pytest.raises(InputError, match=message):
        run(people, debiasing(SHORT), row_weight=weight)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"r_input": "labels"}, UnknownName, "did you mean 'label'"),
        ({"weights": "all"}, UnknownName, "unknown weights rule"),
        ({"criterion": "dp"}, UnknownName, "choose one of di, eo"),
        ({"lambda_r": 1.0}, InputError, r"must lie in \[0, 1\)"),
        ({"epochs": 0}, InputError, "at least 1"),
        ({"warmup": -1}, InputError, "warmup at least 0"),
        ({"r_input": "none"}, InputError, 'needs lambda_r=0 and weights="none"'),
    ],
)
def test_a_config_that_means_nothing_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        Config(**change)


def test_the_published_settings():
    """Table of the fact sheet, row by row: a slip here would spoil every number."""
    clean, poisoned = RELEASED_CLEAN, RELEASED_POISONED
    assert (clean.epochs, poisoned.epochs) == (4000, 10_000)
    assert (clean.every, poisoned.every) == (3, 5)
    rates = [(c.lr_classifier, c.lr_f, c.lr_r) for c in (clean, poisoned)]
    assert rates == [(0.005, 0.01, 0.001), (0.001, 0.001, 0.001)]
    assert (clean.lambda_r, poisoned.lambda_r) == (0.1, 0.4)
    assert (clean.warmup_scale, poisoned.warmup_scale) == (1.0, 0.1)
    assert (clean.r_gradient, poisoned.r_gradient) == (False, True)
    assert all(c.warmup == 500 and c.hidden == 16 and c.init_std == 0.2 for c in (clean, poisoned))
    assert VARIANTS["debiasing-clean"].r_input == "none"
    assert LABEL_FED.r_input == "label" and LABEL_FED.lambda_r == 0


def test_the_benchmark_runs_where_nothing_is_fused(quick_benchmark):
    """The whole script at a tiny size: it ends with one JSON object and agreement."""
    result = quick_benchmark("frtrain_grid", FAIRTUT_FUSE="0")
    assert result["max_abs_diff"] <= 1e-4 and result["classifiers_agree"]
    assert result["fused"] is False and "FAIRTUT_FUSE=0" in result["not_fused_because"]
    assert result["runs"] == 4 and result["ratio"] > 0 and result["seconds_compile"] >= 0
