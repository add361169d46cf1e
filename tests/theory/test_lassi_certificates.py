"""LASSI's certificates: the published procedure, its levels, its proof's steps, its soundness."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from fairtut.methods.lassi.center import Points, Smoothing, medoid, smooth
from fairtut.methods.lassi.certify import certify, draw, smooth_codes
from fairtut.methods.lassi.classifier import Voting, lower_bound, margins, vote
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
QUICK = Smoothing(epsilon=1, sigma=1, n=500, alpha=0.05, slack=0.1, candidates=64)


def random_r(seed: int = 0, q: int = 14, hidden: tuple[int, ...] = (16, 12)) -> Representation:
    """R with random weights and batch statistics, in evaluation mode."""
    rng = torch_rng(seed, "r")
    r = Representation(q, hidden, 6, generator=rng)
    for norm in r.norms:
        assert isinstance(norm, nn.BatchNorm1d)
        norm.running_mean.normal_(0, 0.3, generator=rng)
        norm.running_var.uniform_(0.05, 0.3, generator=rng)
    return r.eval()


# --- the published constants -------------------------------------------------------------------


def test_the_levels_are_the_published_ones() -> None:
    for epsilon in (1.0, 0.5, 10.0):
        published = Smoothing(epsilon, 0.65 * epsilon)
        assert published.d1 == pytest.approx(0.01731, abs=5e-6)
        assert published.needed == pytest.approx(0.4673, abs=5e-5)
        assert published.mass == pytest.approx(0.95196, abs=5e-6)
        assert published.level == pytest.approx(0.96823, abs=1.1e-5)
    assert Voting(10).cap == pytest.approx(38.11, abs=5e-3)
    assert Smoothing().smallest_n == 1199
    table = {1200: (0.0500, 0.9989), 2000: (0.0387, 0.9884), 5000: (0.0245, 0.9750)}
    for n, (d1, level) in table.items():
        assert (Smoothing(n=n).d1, Smoothing(n=n).level) == pytest.approx((d1, level), abs=6e-5)


# --- the published algorithm, sample by sample -------------------------------------------------


def plain_certificate(
    encoder: Callable[[Tensor], Tensor], z: Tensor, a: Tensor, t: Tensor, setting: Smoothing
) -> tuple[np.ndarray, float, float]:
    """Smooth as published, one draw after the other, in double precision: (c, share, d_cs)."""
    codes = [encoder(z + part @ a).numpy() for part in t]  # 3 of (n, d)
    tried = codes[0][: setting.candidates]
    medians = [
        np.sort(np.sqrt(((codes[0] - c) ** 2).sum(1)))[(len(t[0]) + 1) // 2 - 1] for c in tried
    ]
    best = int(np.argmin(medians))
    center, r = tried[best], medians[best]
    share = np.mean(np.sqrt(((codes[1] - center) ** 2).sum(1)) <= r)
    d2 = math.sqrt(math.log(1 / (setting.alpha / 2)) / (2 * setting.n))
    level = stats.norm.cdf(stats.norm.ppf(0.5 + setting.slack) + setting.epsilon / setting.sigma)
    reach = np.sqrt(((codes[2] - center) ** 2).sum(1))
    d1 = math.sqrt(math.log(2 / (setting.alpha / 2)) / (2 * setting.n))
    if max(d1, 0.5 - (share - d1)) > setting.slack:
        return center, share, math.nan
    return center, share, 3 * float(np.quantile(reach, level + d2, method="higher"))


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("candidates", [64, None])
def test_every_path_is_the_published_algorithm_on_the_same_draws(
    k: int, candidates: int | None
) -> None:
    r, rng = random_r(k), torch_rng(k, "z")
    z, a = torch.randn(3, 14, generator=rng), torch.randn(k, 14, generator=rng)
    setting = Smoothing(1, 1, 500, 0.05, 0.1, candidates)
    paths = ["generic", "folded", *(["curve"] if k == 1 else [])]
    found = {path: smooth_codes(r, z, a, setting, seed=5, path=path) for path in paths}
    double = random_r(k).double()
    with torch.no_grad():
        for i, row in enumerate(z.double()):
            t = draw(setting, k, 5, i)
            center, share, d_cs = plain_certificate(double, row, a.double(), t, setting)
            for path in paths:
                mine = found[path]
                assert mine.d_cs[i] == pytest.approx(d_cs, rel=1e-4, nan_ok=True), path
                assert mine.r_cs[i].numpy() == pytest.approx(center, abs=1e-4), path
                assert mine.share[i] == pytest.approx(share, abs=0.0041), path  # two ties
    assert np.isfinite(found["generic"].d_cs).any()


def test_fast_and_plain_certificates_have_one_law() -> None:
    r, rng = random_r(1), torch_rng(1, "z")
    z, a = torch.randn(1, 14, generator=rng), torch.randn(1, 14, generator=rng)
    many = 60
    ours = smooth_codes(r, z.expand(many, -1), a, QUICK, seed=1).d_cs
    with torch.no_grad():
        theirs = [
            plain_certificate(r, z[0], a, draw(QUICK, 1, 2, i).float(), QUICK)[2]
            for i in range(many)
        ]
    found = [np.asarray(v)[np.isfinite(v)] for v in (ours, theirs)]
    assert min(len(v) for v in found) > many / 2
    assert stats.ks_2samp(*found).pvalue > 0.01


def test_few_candidates_find_a_ball_nearly_as_small() -> None:
    rng = torch_rng(3)
    for law in (torch.randn(40, 400, 2, generator=rng), torch.rand(40, 400, 1, generator=rng) ** 4):
        every = medoid(Points(law), 400)[1]
        some = medoid(Points(law), 400, 32)[1]
        assert (some >= every).all()
        # each ball with half of the points has a centre among 32 draws, but for 2^-32
        assert (some <= 2 * every).all()


# --- soundness by simulation --------------------------------------------------------------------


def at_most(violations: int, trials: int, share: float) -> bool:
    """Whether a binomial test lets the share of violations be at most `share`."""
    return stats.binomtest(violations, trials, share, alternative="greater").pvalue > 1e-3


def test_each_step_of_the_proof_holds_on_a_linear_gaussian_model() -> None:
    """10,000 certificates whose truth is known: f(t) = b t, so N(b s, b² σ²) around z + s a."""
    setting = Smoothing(epsilon=1, sigma=1, n=400, alpha=0.1, slack=0.2, candidates=12)
    rng, trials = torch_rng(7), 10_000
    steps = 1.3  # b
    wrong = dict.fromkeys(("mass", "shifted", "coverage", "distance"), 0)
    certified = 0
    for _ in range(trials // 500):
        noise = torch.randn(2, 3, 500, setting.n, 1, generator=rng) * setting.sigma
        here = smooth(lambda t: Points(steps * t), noise[0], setting)
        there = smooth(lambda t: Points(steps * (t + setting.epsilon)), noise[1], setting)
        c, r, q = (v.double().numpy() / steps for v in (here.center[:, 0], here.radius, here.d_cs))
        q = q / 3

        def held(radius: np.ndarray, shift: float, c: np.ndarray = c) -> np.ndarray:
            return np.asarray(ndtr(c + radius - shift) - ndtr(c - radius - shift))

        good = np.isfinite(q)
        certified += int(good.sum())
        wrong["mass"] += int((held(q, 0)[good] < ndtr(ndtri(0.7) + 1)).sum())
        wrong["shifted"] += int((held(q, 1)[good] < 0.7).sum())
        wrong["coverage"] += int((held(r, 0) < here.share.numpy() - setting.d1).sum())
        both = good & torch.isfinite(there.d_cs).numpy()
        apart = (here.center - there.center).norm(dim=1).double().numpy()
        wrong["distance"] += int((apart > here.d_cs.numpy())[both].sum())
    assert certified > 0.95 * trials
    assert at_most(wrong["mass"], trials, setting.alpha / 2)
    assert at_most(wrong["shifted"], trials, setting.alpha / 2)
    assert at_most(wrong["coverage"], trials, setting.alpha / 4)
    assert at_most(wrong["distance"], trials, setting.alpha)
    # the test can fail: without the margins half of the statements would be wrong
    assert 2 * wrong["mass"] < trials < 3 * certified


@pytest.mark.slow
def test_smoothed_codes_of_random_networks_stay_within_their_certificates() -> None:
    """10,000 certificates of 20 networks with 500 draws each of a point of the similarity set."""
    setting = Smoothing(epsilon=1, sigma=1, n=400, alpha=0.1, slack=0.2, candidates=12)
    violated = certified = 0
    for seed in range(20):
        rng = torch_rng(seed, "net")
        net = nn.Sequential(
            linear(2, 8, generator=rng), nn.Tanh(), linear(8, 3, generator=rng)
        )  # of t itself: k = 2
        with torch.no_grad():
            net[0].weight.mul_(4)
            noise = torch.randn(2, 3, 500, setting.n, 2, generator=rng)
            moved = torch.nn.functional.normalize(torch.randn(500, 1, 2, generator=rng), dim=-1)
            here = smooth(lambda t, f=net: Points(f(t)), noise[0], setting)
            there = smooth(lambda t, f=net, s=moved: Points(f(t + s)), noise[1], setting)
        both = here.d_cs.isfinite() & there.d_cs.isfinite()
        certified += int(both.sum())
        violated += int(((here.center - there.center).norm(dim=1) > here.d_cs)[both].sum())
    assert certified > 9000
    assert at_most(violated, certified, setting.alpha)


@pytest.mark.slow
def test_no_violation_around_certified_images_of_a_trained_model() -> None:
    """200 certified images of a trained model, their neighbours smoothed with fresh draws."""
    rng = torch_rng(0, "data")
    a = torch.randn(14, generator=rng) / 4
    z = torch.randn(600, 14, generator=rng)
    y = (z[:, :3].sum(1) + 0.5 * z @ a > 0).long()
    r = Representation(14, (32, 16), 6, generator=rng)
    head = linear(6, 2, generator=rng)
    adam = torch.optim.Adam([*r.parameters(), *head.parameters()], 1e-2)
    for _ in range(150):
        step = torch.randint(0, 600, (100,), generator=rng)
        adam.zero_grad()
        nn.functional.cross_entropy(head(r(z[step])), y[step]).backward()
        adam.step()
    setting = Smoothing(sigma=1, n=1000, slack=0.1, candidates=32)
    found = certify(r, head, z, a, setting, Voting(1.0), seed=1)
    chosen = np.flatnonzero(found.fair)[:200]
    assert len(chosen) == 200
    wrong = tried = 0
    for number, shift in enumerate(torch.linspace(-1, 1, 7)):
        near = certify(r, head, z[chosen] + shift * a, a, setting, Voting(1.0), seed=2 + number)
        decided = ~near.abstained
        tried += int(decided.sum())
        wrong += int((near.prediction != found.prediction[chosen])[decided].sum())
        moved = (near.r_cs - found.r_cs[chosen]).norm(dim=1).numpy()
        wrong += int((moved > found.d_cs[chosen])[decided].sum())
    assert tried > 1200
    assert wrong == 0


# --- votes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "alpha"), [(10, 0.05), (40, 0.001), (1000, 0.01)])
def test_the_lower_bound_is_clopper_pearsons(n: int, alpha: float) -> None:
    counts = np.arange(n + 1)
    bound = lower_bound(counts, n, alpha)
    assert bound[0] == 0 and np.all(np.diff(bound) > 0)
    # at the bound, as many votes or more have a chance of exactly alpha
    assert stats.binom.sf(counts[1:] - 1, n, bound[1:]) == pytest.approx(np.full(n, alpha))
    assert bound[n] == pytest.approx(alpha ** (1 / n))


@pytest.mark.parametrize("classes", [2, 3])
def test_votes_have_one_law_however_they_are_drawn(classes: int) -> None:
    head = linear(5, classes, generator=torch_rng(2))
    code = 0.4 * torch.randn(1, 5, generator=torch_rng(3))
    voting, many = Voting(1.0, n0=301, n=400), 400
    fast = vote(head, code.expand(many, -1), voting, seed=1)
    slow = vote(nn.Sequential(head), code.expand(many, -1), voting, seed=2)
    assert (fast.path, slow.path) == ("binomial" if classes == 2 else "logits", "votes")
    assert stats.ks_2samp(fast.p_low, slow.p_low).pvalue > 0.01
    tops = [np.bincount(v.prediction, minlength=classes) for v in (fast, slow)]
    assert abs(tops[0] - tops[1]).max() <= 5 * math.sqrt(many)


def test_the_votes_of_a_linear_head_certify_no_more_than_the_true_distance() -> None:
    head, trials = linear(4, 2, generator=torch_rng(5)), 10_000
    codes = torch.randn(trials, 4, generator=torch_rng(6))
    voting = Voting(2.5, n0=100, n=1000, alpha=0.05)
    found = vote(head, codes, voting)
    y_hat, distance = margins(head, codes)
    w = (head.weight[1] - head.weight[0]).double()
    by_hand = ((codes.double() @ w + head.bias[1] - head.bias[0]) / w.norm()).detach()
    assert torch.allclose(torch.where(y_hat == 1, distance, -distance), by_hand, atol=1e-6)
    sure = np.isfinite(found.d_rs)
    too_far = sure & (
        (found.prediction != y_hat.numpy()) | (found.d_rs > distance.detach().numpy())
    )
    assert at_most(int(too_far.sum()), trials, voting.alpha)
    assert too_far.sum() > 0.01 * trials  # and it is not far below: the bound is exact
    assert sure.mean() > 0.3
    assert np.nanmax(found.d_rs) <= voting.cap + 1e-9
