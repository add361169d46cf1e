"""Speed of LASSI's certificates at full size, with their agreement checked in the same run.

    python benchmarks/lassi_certify.py [--quick]

Compares CPU seconds per image with the plain published algorithm below: noisy latents through the
whole of R (12288-2048-1024-512, random weights and batch statistics), for each of 10,000 codes the
median distance to all codes, votes on noisy codes.  The plain loop runs whole and once for one
attribute, and once for three; it needs more than a minute each time.  Both sides see the same
draws in the runs that are compared.  Certificates that stop early are compared with full ones for
three attributes: evaluations of R and verdicts of 300 people (a small R), and seconds.  The last
line is one JSON object; exit status 1 if the certificates differ.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import certify, draw, smooth_codes
from fairtut.methods.lassi.classifier import Voting, margins, vote
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.references import PlainBall, plain_center, plain_votes
from fairtut.methods.lassi.sequential import certify_early
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.seeds import torch_rng

FULL, SMALL = (12288, (2048, 1024), 512), (512, (128, 64), 32)
IMAGES, IMAGES_K3, CODES, REPEATS, PEOPLE = 32, 2, 1000, 60, 300
LENGTH = 24.0  # of directions: the curve then has as many corners as that of a trained naive R
SHORT = 0.6  # of directions of the people whose verdicts are compared: about half are fair
TARGET_DRAWS, NEAR, FEW = 10, 0.3, 3
TOLERANCE, TARGET, TARGET_K3, TARGET_VOTES, MEMORY = 1e-4, 300, 25, 1000, 1024


def model(shape: tuple[int, tuple[int, ...], int], seed: int = 0) -> tuple[Representation, Tensor]:
    """R with random batch statistics, and latents whose length is that of real ones."""
    rng = torch_rng(seed, "benchmark")
    r = Representation(*shape, generator=rng)
    for norm in r.norms:
        assert isinstance(norm, nn.BatchNorm1d)
        norm.running_mean.normal_(0, 0.3, generator=rng)
        norm.running_var.uniform_(0.2, 0.6, generator=rng)
    return r.eval(), 0.4 * torch.randn(IMAGES, shape[0], generator=rng)


def plain(r: nn.Module, z: Tensor, a: Tensor, t: Tensor, smoothing: Smoothing) -> list[PlainBall]:
    """Center smoothing as published: with all draws tried, and with the first few."""
    return plain_center(r, z, a, t, smoothing, smoothing.n, smoothing.candidates or smoothing.n)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gives."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def two_sample_p(smoothing: Smoothing) -> float:
    """Whether d_cs of the two sides, each on draws of its own, have one law (small R)."""
    r, z = model(SMALL, seed=1)
    a = torch.nn.functional.normalize(z[1:2]) * 4
    one = replace(smoothing, n=2000, slack=0.1, sigma=1.0)
    ours = smooth_codes(r, z[:1].expand(REPEATS, -1), a, one, seed=1).d_cs
    theirs = [plain(r, z[0], a, draw(one, 1, 2, i), one)[1].d_cs for i in range(REPEATS)]
    return float(stats.ks_2samp(ours[np.isfinite(ours)], theirs).pvalue)


def early_stops(smoothing: Smoothing) -> dict[str, Any]:
    """What stopping early saves, and whose verdict it changes (small R, three attributes)."""
    r, _ = model(SMALL, seed=5)
    rng = torch_rng(5, "people")
    z = 0.4 * torch.randn(PEOPLE, SMALL[0], generator=rng)
    directions = SHORT * torch.nn.functional.normalize(
        torch.randn(3, SMALL[0], generator=rng), dim=1
    )
    head, voting = linear(SMALL[2], 2, generator=rng), Voting(2.5)
    seconds, full = timed(lambda: certify(r, head, z, directions, smoothing, voting, seed=1))
    less, early = timed(lambda: certify_early(r, head, z, directions, smoothing, voting, seed=2))
    counted = certify_early(r, nn.Sequential(head), z, directions, smoothing, voting, seed=3)
    differ = full.fair != early.fair
    # both vary by some per cent with their draws, and d_rs is missing next to the border
    off = np.abs(np.log(full.d_cs / full.d_rs))[differ & ~full.abstained & ~early.abstained]
    return {
        "early_people": PEOPLE,
        "early_draws": round(float(early.draws.mean()), 1),
        "early_draws_most": int(early.draws.max()),
        "early_draws_ratio": round(3 * smoothing.n / float(early.draws.mean()), 1),
        "early_draws_ratio_other_heads": round(3 * smoothing.n / float(counted.draws.mean()), 1),
        "early_votes_ratio_other_heads": round(
            (voting.n0 + voting.n) / float(counted.votes.mean()), 1
        ),
        "early_seconds_ratio": round(seconds / less, 1),
        "early_fair": [round(float(one.fair.mean()), 3) for one in (full, early, counted)],
        "early_lost": int((full.fair & ~early.fair).sum()),
        "early_gained": int((early.fair & ~full.fair).sum()),
        "early_more_abstentions": int((early.abstained & ~full.abstained).sum()),
        "early_changes_lie_within": round(float(off.max(initial=0.0)), 3),
    }


def peak_mib() -> float:
    """Return the largest memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(shape: tuple[int, tuple[int, ...], int], smoothing: Smoothing) -> dict[str, object]:
    """Time both sides and compare them."""
    r, z = model(shape)
    directions = LENGTH * torch.nn.functional.normalize(
        torch.randn(3, shape[0], generator=torch_rng(2)), dim=1
    )
    before = peak_mib()  # of the libraries, the network and the pictures
    smooth_codes(r, z[:1], directions[:1], smoothing)  # torch imports some parts late
    seconds, curve = timed(lambda: smooth_codes(r, z, directions[:1], smoothing))
    seconds_k3, direct = timed(lambda: smooth_codes(r, z[:IMAGES_K3], directions, smoothing))
    head = linear(shape[2], 2, generator=torch_rng(3))
    seconds_early, _ = timed(lambda: certify_early(r, head, z[:IMAGES_K3], directions, smoothing))
    exact_seconds, _ = timed(lambda: certify_exactly(r, head, z, directions[0]))
    normal = torch.nn.functional.normalize(head.weight[1] - head.weight[0], dim=0)
    aside = 4 - margins(head, curve.r_cs)[1][0].float()  # a code four units from the border
    side = 2 * margins(head, curve.r_cs)[0][0] - 1
    codes = (curve.r_cs[0] + side * aside * normal).expand(CODES, -1)
    voting = Voting(2.5)
    vote_seconds, votes = timed(lambda: vote(head, codes, voting))
    every = smooth_codes(r, z[:1], directions[:1], replace(smoothing, candidates=None))
    corners = exact_fairness(r, head, z, directions[0], 4 * smoothing.sigma).corners
    more = peak_mib() - before

    differences, plain_seconds = [], []
    for k, mine in ((1, curve), (3, direct)):
        t = draw(smoothing, k, 0, 0)
        cost, balls = timed(lambda t=t, k=k: plain(r, z[0], directions[:k], t, smoothing))
        plain_seconds.append(cost)
        differences.append(abs(mine.d_cs[0] / balls[1].d_cs - 1))
        if k == 1:
            differences.append(abs(every.d_cs[0] / balls[0].d_cs - 1))
    rng = torch_rng(4)
    plain_vote_seconds, (_, plain_d_rs) = timed(lambda: plain_votes(head, codes[0], voting, rng))
    ours = votes.d_rs[np.isfinite(votes.d_rs)]
    vote_off = abs(plain_d_rs - ours.mean()) / ours.std(ddof=1)
    ratios = [plain_seconds[0] / seconds * len(z), plain_seconds[1] / seconds_k3 * IMAGES_K3]
    vote_ratio = plain_vote_seconds / vote_seconds * CODES
    p = two_sample_p(smoothing)
    early = early_stops(smoothing)
    alike = early["early_changes_lie_within"] <= NEAR and early["early_more_abstentions"] <= FEW
    return {
        "n": smoothing.n,
        "candidates": smoothing.candidates,
        "corners": int(np.median(corners)),  # within four deviations
        "seconds": round(seconds / len(z), 4),
        "seconds_k3": round(seconds_k3 / IMAGES_K3, 3),
        "seconds_without_sampling": round(exact_seconds / len(z), 4),
        "seconds_votes": round(vote_seconds / CODES, 6),
        "plain_seconds": round(plain_seconds[0], 2),
        "plain_seconds_k3": round(plain_seconds[1], 2),
        "plain_seconds_votes": round(plain_vote_seconds, 4),
        "ratio": round(ratios[0], 1),
        "ratio_is": "CPU seconds per center certificate, plain with all candidates over the curve",
        "ratio_k3": round(ratios[1], 1),
        "ratio_votes": round(vote_ratio, 1),
        "paths": [curve.path, direct.path, votes.path],
        "max_abs_diff": float(max(differences)),
        "max_abs_diff_is": "d_cs on the same draws and candidates, relative",
        "more_d_cs_with_few_candidates": float(curve.d_cs[0] / every.d_cs[0] - 1),
        "two_sample_p": p,
        "votes_off_in_deviations": float(vote_off),
        "seconds_k3_early": round(seconds_early / IMAGES_K3, 3),
        "ratio_k3_early": round(plain_seconds[1] / seconds_early * IMAGES_K3, 1),
        **early,
        "agreement": bool(max(differences) <= TOLERANCE and p > 1e-3 and vote_off < 4 and alike),
        "more_peak_mib": round(more),
        "ratios_reached": bool(
            ratios[0] >= TARGET
            and ratios[1] >= TARGET_K3
            and vote_ratio >= TARGET_VOTES
            and early["early_draws_ratio"] >= TARGET_DRAWS
        ),
        "memory_within_budget": more <= MEMORY,
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small R and n = 2000, for a test")
    quick = parser.parse_args(argv).quick
    torch.set_num_threads(1)
    smoothing = Smoothing(sigma=1.0, n=2000, slack=0.1) if quick else Smoothing()
    with torch.no_grad():
        result = measure(SMALL if quick else FULL, smoothing)
    name = "lassi_certify: center and classifier certificates" + (" (quick)" if quick else "")
    print(json.dumps({"benchmark": name, **result}))
    return 0 if result["agreement"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
