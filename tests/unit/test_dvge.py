"""DVGE's grids and its estimator: the same as training one by one, and the encoder untouched."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName
from fairtut.methods.dvge import DVGE, Config, fit_classifiers, fit_grid, logits
from fairtut.methods.dvge.focus import FOCI, focus
from fairtut.methods.dvge.training import start
from fairtut.metrics import demographic_parity_gap
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import stream_seed, torch_rng

torch.set_num_threads(1)

TINY = Config(hidden=(8, 6), lr=5e-3, batch=32, epochs=3)


def people(n: int = 200, seed: int = 0, d: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, labels and an attribute that share a direction."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(n, d, generator=rng)
    noise = 0.4 * torch.randn(2, n, generator=rng)
    y = z[:, 0] + 0.7 * z[:, 1] + noise[0] > 0
    s = z[:, 0] - 0.5 * z[:, 2] + noise[1] > 0
    return z, y.long(), s.long()


def weights(net: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten(1) for p in net.parameters()], 1)  # (k, all)


# --------------------------------------------------------------------------------- the grid


@pytest.fixture(scope="module")
def focused() -> tuple[Tensor, Tensor, Tensor]:
    z, y, s = people()
    return z, y, focus(fit_classifiers(z, s, TINY), z)[0]


@pytest.mark.parametrize("changes", [{}, {"eps": 0.1}, {"normalise": True, "focus": "logit_pred"}])
def test_results_do_not_depend_on_chunks_or_jobs(focused, changes):
    config = replace(TINY, **changes)
    grid = [
        fit_grid(*focused, (0.0, 0.5), (0.0, 0.3, 0.6), config, (0, 4), chunk=chunk, jobs=jobs)
        for chunk, jobs in ((1, 1), (2, 2), (99, 1))
    ]
    for other in grid[1:]:
        torch.testing.assert_close(weights(other.net), weights(grid[0].net), rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(other.eta2, grid[0].eta2)
    assert grid[0].eta1.tolist() == [0, 0, 0, 0.5, 0.5, 0.5] * 2
    assert grid[0].eta2.tolist() == [0, 0.3, 0.6] * 4
    assert grid[0].seed.tolist() == [0] * 6 + [4] * 6 and grid[0].run.tolist() == [0] * 6 + [1] * 6
    w = weights(grid[0].net)
    assert torch.pdist(w).min() > 1e-3  # every strength and every seed leads elsewhere


def test_no_strength_is_plain_training(focused):
    """The corner of the grid against a loop of its own, written from the paper's text."""
    z, y, f_sens = focused
    grid = fit_grid(z, y, f_sens, (0.0, 1.0), (0.0, 1.0), TINY, (7,))
    net = start(7, 1, z, TINY).member(0)
    adam = torch.optim.Adam(net.parameters(), TINY.lr)
    for epoch in range(TINY.epochs):
        rng = torch_rng(stream_seed(7, "order", epoch + 1), "shuffle")
        order = torch.randperm(len(z), generator=rng)
        for rows in order[: len(z) // 32 * 32].split(32):
            adam.zero_grad()
            functional.cross_entropy(net(z[rows]), y[rows]).backward()
            adam.step()
    torch.testing.assert_close(grid.logits(z)[0], net(z), rtol=1e-4, atol=1e-4)
    assert grid.epoch.tolist() == [3] * 4


def test_the_task_focus_waits_for_the_warm_up(focused):
    z, y, f_sens = focused
    short = replace(TINY, epochs=1)
    for warmup, same in ((1, True), (0, False)):
        net = fit_grid(z, y, f_sens, (0.5,), (0.0, 2.0), replace(short, warmup=warmup)).net
        w = weights(net)
        assert torch.allclose(w[0], w[1], atol=1e-6) is same


def test_runs_have_codes_of_their_own():
    """Splits of a small table: what run r gives is what it gives alone."""
    many = [people(seed=i) for i in range(2)]
    z, y, s = (torch.stack(parts) for parts in zip(*many, strict=True))
    d = fit_classifiers(z, s, TINY, (1, 2))
    f_sens = focus(d, z)
    assert f_sens.shape == z.shape
    grid = fit_grid(z, y, f_sens, (0.5,), (0.0, 0.5), TINY, (1, 2), validation=(z, y))
    for r in range(2):
        alone = fit_grid(
            z[r], y[r], f_sens[r], (0.5,), (0.0, 0.5), TINY, (r + 1,), validation=(z[r], y[r])
        )
        torch.testing.assert_close(alone.logits(z[r]), grid.logits(z)[2 * r : 2 * r + 2])
        # a decision may flip only where its logit is zero up to rounding
        margin = alone.logits(z[r]).diff(dim=-1).abs().numpy()
        flipped = np.asarray(alone.decisions(z[r]) != grid.decisions(z)[2 * r : 2 * r + 2])
        assert not (flipped & (margin.reshape(flipped.shape) > 1e-4)).any()


def test_the_best_epoch_on_validation_is_kept():
    z, y, _ = people()
    held = people(seed=9)[:2]
    config = replace(TINY, epochs=6, lr=0.05)
    seeds = (0, 1, 2, 3)
    kept = fit_grid(z, y, None, (0.0,), (0.0,), config, seeds, validation=held)
    per_epoch = np.stack(
        [
            fit_grid(z, y, None, (0.0,), (0.0,), replace(config, epochs=e), seeds).decisions(
                held[0]
            )
            for e in range(1, 7)
        ]
    )  # (epochs, seeds, n)
    scores = (per_epoch == held[1].numpy()).mean(-1)
    np.testing.assert_array_equal(kept.epoch, scores.argmax(0) + 1)
    np.testing.assert_array_equal(
        (kept.decisions(held[0]) == held[1].numpy()).mean(-1), scores.max(0)
    )
    assert len(set(kept.epoch.tolist())) > 1  # or the test shows nothing


def test_what_a_grid_refuses():
    z, y, _ = people(60)
    good = {"z": z, "y": y, "f_sens": z, "eta1": (0.1,), "eta2": (0.0,), "config": TINY}
    for change, message in [
        ({"eta1": ()}, "need some"),
        ({"seeds": ()}, "need some"),
        ({"eta2": (-0.1,)}, "at least 0"),
        ({"eta1": (float("nan"),)}, "at least 0"),
        ({"f_sens": None}, "pass f_sens"),
        ({"f_sens": z[:-1]}, "f_sens has shape"),
        ({"z": z[:, :, None]}, "codes have shape"),
        ({"z": z * float("nan")}, "NaN"),
        ({"y": y[:-1]}, "labels have shape"),
        ({"y": y * 0}, "single class"),
        ({"y": y * 2}, "code them 0 and 1"),
        ({"validation": (z, y[:-1])}, "validation labels"),
    ]:
        with pytest.raises(InputError, match=message):
            fit_grid(**(good | change))
    with pytest.raises(UnknownName, match="focus"):
        Config(focus="loss")
    with pytest.raises(InputError, match="at least 0"):
        Config(eps=-1.0)


# ----------------------------------------------------------------------------- the estimator


def encoder() -> nn.Sequential:
    """Something with state that an unguarded forward pass would change."""
    torch.manual_seed(3)
    return nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 5), nn.Dropout(0.5))


@pytest.mark.parametrize("kind", FOCI)
def test_an_encoder_is_never_changed(kind):
    net, (x, y, s) = encoder(), people()
    before = state_digest(net)
    dvge = DVGE(net, focus=kind, config=TINY).fit(x, y, s=s)
    dvge.set_sensitive(x[:, 3] > 0)
    assert dvge.predict(x).shape == (200,)
    assert dvge.sensitive_focus(x, s).shape == dvge.task_focus(x, y).shape == (200, 5)
    assert state_digest(net) == before and all(p.grad is None for p in net.parameters())
    assert net.training and all(m.training for m in net.modules())


def test_another_attribute_needs_no_encoding():
    calls, (x, y, s) = [], people()

    def identity(rows: Tensor) -> Tensor:
        calls.append(len(rows))
        return rows

    other = (x[:, 3] > 0).long()
    dvge = DVGE(identity, eta1=1.0, config=TINY).fit(x, y, s=s)
    assert calls == [200]
    first = dvge.predict_proba(x)
    again = DVGE(identity, eta1=1.0, config=TINY).fit(x, y, s=other).predict_proba(x)
    calls.clear()
    dvge.set_sensitive(other)
    assert calls == []
    torch.testing.assert_close(dvge.predict_proba(x), again)
    assert (again - first).abs().max() > 1e-3
    torch.testing.assert_close(again.sum(1), torch.ones(200))


def test_the_estimator_is_the_grid():
    x, y, s = people()
    held = people(seed=5)
    dvge = DVGE(lambda v: v, eta1=0.4, eta2=0.3, eps=0.2, config=TINY, random_state=6)
    dvge.fit(x.numpy(), y.numpy(), s=s.numpy(), validation=held)
    config = replace(TINY, eps=0.2)
    d = fit_classifiers(x, s, config, [stream_seed(6, "sensitive")], validation=held[::2])
    grid = fit_grid(x, y, focus(d, x)[0], (0.4,), (0.3,), config, (6,), validation=held[:2])
    torch.testing.assert_close(dvge.decision_function(x), grid.logits(x)[0])
    torch.testing.assert_close(dvge.sensitive_focus(x), focus(d, x)[0])
    with pytest.raises(InputError, match="s_validation"):
        dvge.set_sensitive(s)


def test_on_data_that_discriminate_the_sensitive_focus_lowers_the_gap():
    """With the literal score ∇z d(z) the codes shift along s, and g relies on s less."""
    x, y, s = people(3000)
    test = people(3000, seed=1)
    gaps = {}
    for eta1 in (0.0, 0.5):
        dvge = DVGE(lambda v: v, eta1=eta1, eta2=0.0, focus="logit_pred", config=TINY).fit(
            x, y, s=s
        )
        y_hat = dvge.predict(test[0])
        gaps[eta1] = demographic_parity_gap(None, y_hat.numpy(), test[2].numpy())
        assert (y_hat == test[1]).float().mean() > 0.7
    assert gaps[0.5] < gaps[0.0] - 0.05, gaps


def test_what_the_estimator_refuses():
    x, y, s = people(60)
    one_sided = torch.where(y == 1, 1, s)  # nobody with y=1 and s=0
    fit = DVGE(lambda v: v, config=TINY).fit
    for (*rows, group), message in [
        ((x, y[:-1], s), "training y: labels have shape"),
        ((x, y, s[:-1]), "training s: labels have shape"),
        ((x, y * 0, s), "y: labels have a single class"),
        ((x, y, s * 0 + 1), "s: labels have a single class"),
        ((x, y, s + 0.5), "s holds other values"),
        ((x * float("inf"), y, s), "NaN or infinity"),
        ((x, y, one_sided), "only 0 training rows have y=1 and s=0"),
    ]:
        with pytest.raises(InputError, match=message):
            fit(*rows, s=group)
    for bad in (lambda v: v[:, :, None], lambda v: v[:3], lambda v: v[:, 0]):
        with pytest.raises(InputError, match=r"must give \(n, d\)"):
            DVGE(bad).fit(x, y, s=s)
    with pytest.raises(InputError, match="at least 0"):
        DVGE(lambda v: v, eps=-0.1)
    with pytest.raises(InputError, match="at least 0"):
        more, label, group = people()
        DVGE(lambda v: v, eta1=-0.1, config=TINY).fit(more, label, s=group)
    with pytest.raises(InputError, match=r"call \.fit"):
        DVGE(lambda v: v).predict(x)
    with pytest.raises(InputError, match=r"call \.fit"):
        DVGE(lambda v: v).set_sensitive(s)


def test_logits_come_in_batches(monkeypatch):
    z, _, _ = people(50)
    net = start(0, 3, z, TINY)
    whole = logits(net, z)
    monkeypatch.setattr("fairtut.methods.dvge.training._ROWS", 7)
    torch.testing.assert_close(logits(net, z), whole)


# ----------------------------------------------------------------------------- the benchmark


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "dvge_grid.py"
    spec = importlib.util.spec_from_file_location("dvge_grid", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_agrees_and_says_so(benchmark, capsys):
    assert benchmark.main(["--quick"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["networks_agree"] and result["max_abs_diff"] < 1e-10
    assert result["runs"] == 8 and result["plain_runs"] == 2 and result["ratio"] > 0


def test_the_benchmark_sees_a_difference(benchmark):
    _, y, s = people()
    right = y.numpy()[None]
    same = benchmark.compare(right, right, y, s)
    assert set(same.values()) == {0.0}
    flipped = right.copy()
    flipped[0, s.numpy() == 1] = 0
    found = benchmark.compare(right, flipped, y, s)
    assert found["max_accuracy_diff"] == pytest.approx((right != flipped).mean())
    assert found["max_dp_diff"] > 0.1


def test_the_benchmark_fails_where_the_plain_loop_differs(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "plain_focus", lambda net, z: 3 * torch.randn_like(z))
    assert benchmark.main(["--quick"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["networks_agree"] is False
