"""Certificates that stop early: their levels, every step of their proof, what they save."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.lassi import looks
from fairtut.methods.lassi.center import Points, Smoothing
from fairtut.methods.lassi.certify import certify
from fairtut.methods.lassi.classifier import Voting, margins
from fairtut.methods.lassi.looks import Ballot, Moves, at_least, plan
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.sequential import certify_early
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
SMALL = Smoothing(epsilon=1, sigma=1, n=400, alpha=0.1, slack=0.2, candidates=12)


def at_most(violations: int, trials: int, share: float) -> bool:
    """Whether a binomial test lets the share of violations be at most `share`."""
    return stats.binomtest(violations, trials, share, alternative="greater").pvalue > 1e-3


# --- levels ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    [Smoothing(), Smoothing(candidates=None), SMALL, Smoothing(sigma=1, n=1000, slack=0.1)],
)
def test_the_chances_of_a_plan_add_up_to_alpha(setting: Smoothing) -> None:
    made = plan(setting)
    many, first = made.candidates + 1, made.looks[0]
    spent = 2.0**-made.candidates
    too_small = stats.binom.sf(made.rank - 1, first, 0.5 - setting.slack)  # step 4, a candidate
    too_large = stats.binom.cdf(made.rank - 1, first, 0.5 + setting.slack)  # step 3
    mass = ndtr(ndtri(0.5 + setting.slack) + setting.epsilon / setting.sigma)
    short = stats.binom.sf(np.array(made.high) - 1, made.looks, mass)  # step 1, a candidate
    assert spent + many * too_small + too_large + many * short.sum() <= setting.alpha
    # and no rank is larger than it must be
    share = (setting.alpha - spent) / (2 * many * len(made.looks))
    assert (stats.binom.sf(np.array(made.high) - 2, made.looks, mass) > share).all()
    # one draw fewer would not do
    rank = at_least(first - 1, 0.5 - setting.slack, (setting.alpha - spent) / (4 * many))
    assert stats.binom.cdf(rank - 1, first - 1, 0.5 + setting.slack) > setting.alpha / 4 - spent
    # the last look is as tight as the full procedure, the ones before are not
    levels = np.divide(made.high, made.looks)
    assert levels[-1] <= setting.level and (levels[:-1] > setting.level).all()


def test_no_image_takes_a_tenth_of_the_draws_at_the_released_settings() -> None:
    made, released = plan(Smoothing()), Smoothing()
    assert made.candidates + made.looks[-1] < 3 * released.n / 10
    assert made.candidates + made.looks[0] < 3 * released.n / 25


# --- soundness by simulation -------------------------------------------------------------------


def after_all_looks(shift: float, trials: int) -> list[Moves]:
    """f(t) = t in three dimensions, seen from `shift`, by one who looks as often as possible."""
    rng = torch_rng(0, "pairs", int(10 * shift))
    moved = torch.tensor([shift, 0, 0], dtype=torch.float64)
    made = looks.plan(SMALL)
    most = made.candidates + made.looks[-1]
    found = []
    for noise in torch.randn(trials, most, 3, generator=rng, dtype=torch.float64):
        found.append(Moves(lambda t: Points(t + moved), noise, SMALL))
        while found[-1].left:
            found[-1].more()
    return found


def held(found: list[Moves], radius: np.ndarray, shift: float) -> np.ndarray:
    """The true mass of balls around the centres: noncentral chi-squared."""
    center = torch.stack([m.center for m in found]).numpy() - [shift, 0, 0]
    return np.asarray(stats.ncx2.cdf(radius**2, 3, (center**2).sum(1)))


def too_short(found: list[Moves]) -> int:
    """How many certified radii hold less than they must: each would certify too far."""
    q = np.array([m.high for m in found]) / 3
    return int((held(found, q, 0.0) < SMALL.mass).sum())


@pytest.mark.parametrize("trials", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_step_of_the_proof_holds_in_pairs_whose_truth_is_known(trials: int) -> None:
    here, there = after_all_looks(0.0, trials), after_all_looks(1.0, trials)
    q, radius = (np.array(v) for v in ([m.high / 3 for m in here], [m.radius for m in there]))
    assert at_most(too_short(here), trials, SMALL.alpha / 2)
    low = np.array([m.low for m in here]) / 3
    early = int((held(here, low, 0.0) > SMALL.mass).sum())  # the last look's bound alone
    assert at_most(early, trials, 2 * looks.HOPELESS)  # the centre was chosen on the same draws
    assert at_most(int((radius > 2 * q).sum()), trials, SMALL.alpha)
    small = held(there, radius, 1.0) <= 0.5 - SMALL.slack
    assert at_most(int(small.sum()), trials, SMALL.alpha / 4)
    centers = [torch.stack([m.center for m in side]) for side in (here, there)]
    apart = (centers[0] - centers[1]).norm(dim=1).numpy()
    assert at_most(int((apart > 3 * q).sum()), trials, SMALL.alpha)
    assert np.isfinite(q).all()  # nobody abstains


def test_looking_again_at_full_alpha_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation above can fail: bounds for one look, looked at every time, are too short."""
    made = plan(SMALL)
    every = tuple(range(made.looks[0], made.looks[-1], 6))
    once = tuple(at_least(np.array(every), SMALL.mass, SMALL.shared / 2).tolist())
    peeking = replace(made, looks=every, high=once, low=(1,) * len(every))
    monkeypatch.setattr(looks, "plan", lambda _: peeking)
    assert not at_most(too_short(after_all_looks(0.0, 1000)), 1000, SMALL.alpha / 2)


def ballots(alpha: float, trials: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Certified and true distances of a head that is not known to be linear, after all votes."""
    head = linear(2, 2, generator=torch_rng(5))
    codes = torch.randn(trials, 2, generator=torch_rng(6))
    voting = Voting(2.5, n0=50, n=4000, alpha=alpha)
    y_hat, true = margins(head, codes)
    found = []
    with torch.no_grad():
        for i, code in enumerate(codes):
            found.append(Ballot(nn.Sequential(head), code, voting, 0, i))
            while found[-1].left:
                found[-1].more()
    right = np.array([b.top for b in found]) == y_hat.numpy()
    signed = np.where(right, true.detach().numpy(), -true.detach().numpy())
    low, high = (np.array([getattr(b, side) for b in found]) for side in ("low", "high"))
    return low, high, signed


def test_votes_hold_at_every_look() -> None:
    trials = 1000
    low, high, true = ballots(0.05, trials)
    assert at_most(int(((low > 0) & (low > true)).sum()), trials, 0.05)
    assert at_most(int((high < true).sum()), trials, 4 * looks.HOPELESS)
    assert (low > 0).mean() > 0.5
    low, _, true = ballots(0.2, trials)  # 0.05 at each of four looks
    assert not at_most(int(((low > 0) & (low > true)).sum()), trials, 0.05)


def heaps(shift: float, rng: torch.Generator, setting: Smoothing) -> Moves:
    """Two heaps of codes beside a jump."""
    most = plan(setting).candidates + plan(setting).looks[-1]
    noise = torch.randn(most, 1, generator=rng, dtype=torch.float64)
    return Moves(lambda t: Points((t + shift).sign() + 0.01 * t), noise, setting)


def test_a_jump_between_two_heaps_is_covered() -> None:
    """Not continuous: the masses of two heaps change places within the set."""
    setting, rng = replace(SMALL, slack=0.1, n=600), torch_rng(0, "heaps")
    wrong, many = 0, 300
    for _ in range(many):
        here, there = (heaps(shift, rng, setting) for shift in (-0.5, 0.5))
        wrong += bool((here.center - there.center).norm() > here.high)
    assert at_most(wrong, many, setting.alpha)


# --- whole certificates ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> tuple[Representation, nn.Linear, Tensor, Tensor]:
    """R in evaluation mode, a head, latents (60, 12) and three directions; some are certified."""
    rng = torch_rng(0, "model")
    r = Representation(12, (24, 16), 6, generator=rng)
    for _ in range(20):
        r(torch.randn(100, 12, generator=rng))
    z, a = torch.randn(60, 12, generator=rng), torch.randn(3, 12, generator=rng) / 12
    return r.eval(), linear(6, 2, generator=rng), z, a


@pytest.mark.parametrize("linear_head", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_verdicts_are_those_of_the_full_procedure_but_near_the_border(
    model: tuple, k: int, linear_head: bool
) -> None:
    r, head, z, a = model
    setting, voting = Smoothing(candidates=32, n=4000), Voting(2.5, n=20_000)
    full = certify(r, head, z, a[:k], setting, voting, seed=1)
    judge = head if linear_head else nn.Sequential(head)
    early = certify_early(r, judge, z, a[:k], setting, voting, seed=2)
    assert early.path == full.path if linear_head else early.path.endswith("+votes")
    assert early.alpha == full.alpha and early.fair[~early.abstained].any()
    known = ~full.abstained & ~early.abstained
    clear = known & (np.abs(np.log(full.d_cs / full.d_rs)) > 0.3)  # d_cs varies by some per cent
    assert (full.fair == early.fair)[clear].all() and clear.sum() > 30
    assert (early.draws <= early.n).all() and early.draws.mean() < 3 * setting.n / 5
    assert (early.votes <= voting.n0 + voting.n).all()
    if not linear_head:
        assert early.votes.mean() < voting.n


def test_paths_and_batches_agree(model: tuple) -> None:
    r, head, z, a = model
    setting = Smoothing(sigma=1, n=1000, slack=0.1)
    whole = certify_early(r, head, z[:6], a[:1], setting, Voting(2.5), seed=3)
    for path in ("folded", "generic"):
        other = certify_early(r, head, z[:6], a[:1], setting, Voting(2.5), seed=3, path=path)
        assert other.path.startswith(path)
        assert np.array_equal(other.draws, whole.draws)
        assert other.d_cs == pytest.approx(whole.d_cs, rel=1e-4)
    part = certify_early(r, head, z[4:6], a[:1], setting, Voting(2.5), seed=3, ids=[4, 5])
    assert part.d_cs == pytest.approx(whole.d_cs[4:], rel=1e-6)
    assert part.d_rs == pytest.approx(whole.d_rs[4:], rel=1e-6, nan_ok=True)
    assert whole[0].d_cs == whole.d_cs[0] and len(whole) == 6


def test_codes_that_are_not_finite_are_far(model: tuple) -> None:
    _, head, z, a = model
    torch_nan = torch.tensor(math.nan)

    def encoder(limit: float) -> object:
        return lambda x: torch.where(
            ((x - z[0]).norm(dim=1) > limit * a.norm(dim=1).mean())[:, None], torch_nan, x[:, :6]
        )

    setting = Smoothing(sigma=1, n=1000, slack=0.1)
    found = certify_early(encoder(0.1), head, z[:1], a, setting, Voting(2.5))  # type: ignore[arg-type]
    assert found.reason == ("center",) and found.prediction[0] == -1 and not found.fair.any()
    assert np.isnan(found.d_cs[0])
    with pytest.raises(InputError, match="the encoder gives NaN or infinity"):
        certify_early(encoder(-1), head, z[:1], a, setting, Voting(2.5))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="need one id each"):
        certify_early(encoder(1), head, z[:1], a, setting, Voting(2.5), ids=[1, 2])  # type: ignore[arg-type]
