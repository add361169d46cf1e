"""The interface of LASSI's certificates: bad input, paths, streams, reasons, fields."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.lassi import inputs
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import certify, classify, smooth_codes
from fairtut.methods.lassi.classifier import Voting, margins, vote
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
QUICK = Smoothing(epsilon=1, sigma=1, n=600, alpha=0.05, slack=0.1, candidates=32)
FEW = Voting(1.0, n0=100, n=1000)


@pytest.fixture
def model() -> tuple[Representation, nn.Linear, Tensor, Tensor]:
    """R that has seen batches, a two-class head, latents (6, 10) and three directions."""
    rng = torch_rng(0)
    r = Representation(10, (12, 8), 5, generator=rng)
    z = torch.randn(6, 10, generator=rng)
    for _ in range(20):
        r(torch.randn(50, 10, generator=rng))
    return r.eval(), linear(5, 2, generator=rng), z, torch.randn(3, 10, generator=rng) / 4


def test_folding_is_evaluation_mode(model: tuple) -> None:
    r, _, z, _ = model
    r.norms[0].weight.data.uniform_(0.5, 2)
    r.norms[1].bias.data.uniform_(-1, 1)
    folded = r.fold()
    with torch.no_grad():
        assert torch.allclose(folded(z).float(), r(z), atol=1e-5)
        assert not torch.allclose(folded(z).float(), r.train()(z), atol=1e-2)
    assert folded.weight.data_ptr() == r.linears[0].weight.data_ptr()  # 100 MB at full size
    start, slopes = folded.first(z, z[:2])
    assert (start.shape, slopes.shape, start.dtype) == ((6, 12), (2, 12), torch.float64)
    assert [w.dtype for w, _ in folded.float().deeper] == [torch.float32] * 2


def test_the_last_norm_has_no_parameters_and_seeds_repeat() -> None:
    one, two = (Representation(6, (5,), 4, generator=torch_rng(3)) for _ in range(2))
    assert not one.norms[-1].affine and one.norms[0].affine
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    for bad in ({"hidden": ()}, {"outputs": 0}, {"hidden": (3, 0)}):
        with pytest.raises(InputError, match="needs a hidden layer and widths of at least 1"):
            Representation(6, **bad)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": 0}, "sigma must be a positive number, got 0"),
        ({"sigma": -1.0}, "sigma must be a positive number, got -1"),
        ({"sigma": math.nan}, "sigma must be a positive number, got nan"),
        ({"epsilon": -0.1}, "epsilon must be a number of at least 0, got -0.1"),
        ({"n": 1000}, "with n = 1000 every image would abstain: the smallest usable n is 1199"),
        ({"n": 0}, "the smallest usable n is 1199"),
        ({"sigma": 0.1}, "no n is large enough: raise sigma or lower epsilon"),
        ({"alpha": 0}, "alpha 0 must lie"),
        ({"slack": 0.5}, "slack 0.5 in"),
        ({"candidates": 0}, "candidates = 0 would miss .* at least 14, or None for all"),
    ],
)
def test_settings_of_center_smoothing_are_checked(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(Smoothing(), **change)


def test_the_smallest_usable_n_is_the_smallest() -> None:
    for setting in (Smoothing(), QUICK, replace(QUICK, sigma=0.6, n=5000)):
        least = int(setting.smallest_n)
        kept = replace(setting, n=least)
        assert kept.d1 <= kept.slack and kept.level <= 1
        with pytest.raises(InputError, match=f"smallest usable n is {least}"):
            replace(setting, n=least - 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": 0}, "voting sigma must be a positive number, got 0"),
        ({"alpha": 1}, "voting alpha must lie in"),
        ({"n": 9}, "n = 9 votes every image would abstain: the smallest usable n0 is 1 and n 10"),
        ({"n0": 0}, "the smallest usable n0 is 1"),
    ],
)
def test_settings_of_votes_are_checked(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(Voting(), **change)


def test_bad_input_is_named(model: tuple) -> None:
    r, head, z, a = model
    broken = z.clone()
    broken[2, 3] = math.nan

    def bad(message: str, **change: object) -> None:
        inputs = {"encoder": r, "classifier": head, "z": z, "directions": a[0]} | change
        with pytest.raises(InputError, match=message):
            certify(**inputs, smoothing=QUICK, voting=FEW)  # type: ignore[arg-type]

    bad(r"latents hold NaN or infinity \(first in row 2\)", z=broken)
    bad(r"latents have shape \(10,\)", z=z[0])
    bad("0 latents and 0 ids", z=z[:0])
    bad("6 latents and 2 ids", ids=[0, 1])
    bad(r"directions have shape \(9,\): need \(k, 10\)", directions=a[0, :9])
    bad(r"directions have shape \(0, 10\)", directions=a[:0])
    bad("the 2 directions are zero, not finite or linearly dependent", directions=a[[0, 0]])
    bad("the 3 directions .* linearly dependent", directions=torch.stack([*a[:2], a[0] - a[1]]))
    bad("the 1 directions are zero", directions=0 * a[0])
    bad("not finite", directions=a[0] * math.nan)
    bad("needs one direction, got 3", directions=a, path="curve")
    bad("path 'folded' needs a Representation", encoder=nn.Linear(10, 5), path="folded")
    bad("gives 1 logit: give one for each", classifier=linear(5, 1))
    bad(r"logits of shape \(100,\)", classifier=lambda r: r[:, 0])
    bad("the encoder gives NaN", encoder=lambda z: z * math.nan)
    with pytest.raises(UnknownName, match=r"unknown path 'curv'.*did you mean 'curve'"):
        certify(r, head, z, a, path="curv")


def test_the_fastest_path_that_applies_is_taken_and_said(model: tuple) -> None:
    r, head, z, a = model
    three = linear(5, 3, generator=torch_rng(1))
    cases = [
        (r, head, a[0], "curve+binomial"),
        (r, head, a[:1], "curve+binomial"),
        (r, head, a, "folded+binomial"),
        (r, three, a[:2], "folded+logits"),
        (nn.Sequential(r), head, a[0], "generic+binomial"),
        (lambda z: r(z), nn.Sequential(three), a, "generic+votes"),
    ]
    for encoder, classifier, directions, path in cases:
        assert certify(encoder, classifier, z[:1], directions, QUICK, FEW).path == path
    for path in ("generic", "folded"):
        assert certify(r, head, z[:1], a[0], QUICK, FEW, path=path).path == f"{path}+binomial"


def test_two_class_paths_refuse_more_classes() -> None:
    codes = torch.randn(2, 5)
    with pytest.raises(InputError, match=r"needs nn\.Linear with two classes, got 3 classes"):
        vote(linear(5, 3), codes, FEW, path="binomial")
    with pytest.raises(InputError, match="got a classifier that is not linear"):
        vote(nn.Sequential(linear(5, 2)), codes, FEW, path="binomial")
    with pytest.raises(InputError, match="the logits path needs"):
        vote(nn.Sequential(linear(5, 2)), codes, FEW, path="logits")
    with pytest.raises(InputError, match="unknown voting path 'exact'"):
        vote(linear(5, 2), codes, FEW, path="exact")
    assert vote(linear(5, 3), codes, FEW, path="votes").path == "votes"


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("generic", [False, True])
def test_an_image_has_one_certificate_whatever_its_batch(
    model: tuple, k: int, generic: bool
) -> None:
    r, head, z, a = model
    if generic:
        head = nn.Sequential(head)
    path = "generic" if generic else None
    whole = certify(r, head, z, a[:k], QUICK, FEW, seed=4, path=path)
    alone = certify(r, head, z[[4, 2]], a[:k], QUICK, FEW, seed=4, ids=[4, 2], path=path)
    assert alone.d_cs == pytest.approx(whole.d_cs[[4, 2]], rel=1e-5, nan_ok=True)
    assert alone.d_rs == pytest.approx(whole.d_rs[[4, 2]], rel=1e-5, nan_ok=True)
    again = certify(r, head, z, a[:k], QUICK, FEW, seed=4, path=path)
    assert np.array_equal(whole.d_cs, again.d_cs, equal_nan=True)
    other = certify(r, head, z, a[:k], QUICK, FEW, seed=5, path=path)
    assert not np.isclose(whole.d_cs, other.d_cs).any()
    # two images share no draws
    same = certify(r, head, z[[0, 0]], a[:k], QUICK, FEW, seed=4, path=path)
    assert same.d_cs[0] != same.d_cs[1]


def test_networks_are_evaluated_in_evaluation_mode_and_left_as_they_were(model: tuple) -> None:
    r, head, z, a = model
    before = {name: value.clone() for name, value in r.state_dict().items()}
    expected = certify(r, head, z, a[0], QUICK, FEW, path="generic").d_cs
    r.train()
    r.norms[0].eval()
    head = nn.Sequential(nn.Dropout(0.9), head).train()
    found = certify(r, head, z, a[0], QUICK, FEW, path="generic")
    assert np.array_equal(found.d_cs, expected, equal_nan=True)
    assert r.training and not r.norms[0].training and head.training
    assert all(torch.equal(value, before[name]) for name, value in r.state_dict().items())
    assert not found.r_cs.requires_grad


def test_abstentions_have_a_reason_and_no_decision(model: tuple) -> None:
    r, head, z, a = model
    # at the smallest n about half of the images abstain in the check of the ball
    edge = replace(QUICK, n=int(QUICK.smallest_n))
    many = z[:1].expand(60, -1)
    found = certify(r, head, many, a[0], edge, FEW)
    center = np.array(found.reason) == "center"
    assert 5 < center.sum() < 55
    assert np.isnan(found.d_cs[center]).all() and np.isnan(found.d_rs[center]).all()
    centers = smooth_codes(r, many, a[0], edge)
    assert (centers.share[center] < edge.needed).all()
    assert (centers.share[~center] >= edge.needed).all()

    # a head whose border goes through the code cannot decide
    flat = linear(5, 2)
    flat.weight.data[1] = flat.weight.data[0] + 1
    flat.bias.data[1] = flat.bias.data[0] - centers.r_cs[0].sum()
    found = certify(r, flat, z[:1].expand(9, -1), a[0] * 1e-4, QUICK, FEW)
    assert "classifier" in found.reason
    for i, reason in enumerate(found.reason):
        assert (reason != "") == found.abstained[i] == (found.prediction[i] == -1)
        if reason == "classifier":
            assert np.isfinite(found.d_cs[i]) and np.isnan(found.d_rs[i])
        assert not (reason and found.fair[i])


def test_a_certificate_carries_its_settings(model: tuple) -> None:
    r, head, z, a = model
    found = certify(r, head, z, a[0], QUICK, FEW)
    assert len(found) == 6 and len(list(found)) == 6
    one = found[2]
    assert (one.n, one.sigma, one.epsilon, one.path) == (600, 1, 1, "curve+binomial")
    assert one.alpha == pytest.approx(0.05 + 0.001)
    assert one.d_cs == found.d_cs[2] and one.fair == (one.d_cs < one.d_rs)
    assert set(found.fair.tolist()) <= {True, False}


def test_fair_means_a_smaller_d_cs_and_centers_are_reused(model: tuple) -> None:
    r, head, z, a = model
    centers = smooth_codes(r, z, a[0] / 20, QUICK)
    near, far = (classify(head, centers, Voting(s)) for s in (0.01, 5.0))
    for found in (near, far):
        assert np.array_equal(found.fair, found.d_cs < found.d_rs)
        assert np.array_equal(found.d_cs, centers.d_cs, equal_nan=True)
    assert far.fair.sum() > near.fair.sum()
    with torch.no_grad():
        plain = r(z)
    assert centers.error == pytest.approx((centers.r_cs - plain).norm(dim=1).numpy(), abs=1e-5)
    sure = ~far.abstained
    assert (far.prediction[sure] == margins(head, centers.r_cs)[0].numpy()[sure]).all()


def test_rows_of_equal_weights_never_change_places() -> None:
    head = linear(3, 2)
    head.weight.data[1] = head.weight.data[0]
    head.bias.data[:] = torch.tensor([0.0, 1.0])
    found = vote(head, torch.randn(4, 3), FEW)
    assert (found.prediction == 1).all() and found.d_rs == pytest.approx(FEW.cap)


def test_scores_count_abstentions_as_errors(model: tuple) -> None:
    r, head, z, a = model
    found = certify(r, head, z, a[0], QUICK, FEW)
    found = replace(
        found,
        prediction=np.array([1, 1, 0, -1, 0, 1]),
        fair=np.array([True, False, True, False, False, True]),
    )
    scores = found.scores([1, 1, 1, 0, 0, 0])
    assert scores == pytest.approx(
        {"acc": 3 / 6, "fair": 3 / 6, "fair_correct": 1 / 6, "abstained": 1 / 6}
    )
    with pytest.raises(InputError, match="need one label for 6 images"):
        found.scores([1, 0])


@pytest.mark.slow
def test_the_benchmark_finds_agreement(quick_benchmark: Any) -> None:
    result = quick_benchmark("lassi_certify")
    assert result["agreement"] and result["ratio"] > 5
    assert result["paths"] == ["curve", "folded", "binomial"]


def rise(call: str) -> tuple[float, str]:
    """Return how many MiB a call adds to the peak of a fresh process, and how it ended."""
    code = (
        "import resource, torch\n"
        "from torch import nn\n"
        "from fairtut.errors import InputError\n"
        "from fairtut.methods.lassi.center import Smoothing\n"
        "from fairtut.methods.lassi.certify import smooth_codes\n"
        "from fairtut.methods.lassi.exact import certify_exactly\n"
        "from fairtut.methods.lassi.networks import Representation, linear\n"
        "torch.set_num_threads(1)\n"
        "rng = torch.Generator().manual_seed(0)\n"
        "few = Representation(8, (16, 16), 4, generator=rng).eval()\n"
        "z, a = torch.randn(1, 8, generator=rng), torch.eye(8)\n"
        "smooth_codes(few, z, a[:2], Smoothing())\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before, said = peak(), 'done'\n"
        "try:\n"
        f"    {call}\n"
        "except InputError as error:\n"
        "    said = str(error)\n"
        "print(peak() - before, said)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    grown, _, said = done.stdout.strip().partition(" ")
    return float(grown), said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are in other units elsewhere")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("smooth_codes(lambda x: x @ torch.ones(8, 50_000), z, a[:2])", "5.6 GiB: lower n"),
        ("smooth_codes(lambda x: x.repeat(1, 512), z, a[:2])", "done"),  # 4,096 numbers each
    ],
)
def test_a_certificate_takes_a_gib_at_most_or_is_refused(call: str, words: str) -> None:
    grown, said = rise(call)
    assert words in said
    assert grown <= 1024 + 64  # networks and latents of the call are in it


@pytest.mark.parametrize("path", ["curve", "folded", "generic"])
def test_what_would_not_fit_is_refused_with_the_fix(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MEMORY", 2000)
    r = Representation(8, (16, 16), 4, generator=torch_rng(0)).eval()
    with pytest.raises(InputError, match=r"would take 0.0 GiB: (lower n|use path='folded')"):
        smooth_codes(r, torch.ones(1, 8), torch.eye(8)[:1], path=path)
