"""Certifiers for comparison: ours as functions of one kind, and plain ones by others' methods.

:func:`ours` and :func:`others` name them with what they speak of, for
:func:`fairtut.methods.lassi.attack.attack`.  The plain center smoothing and votes are the published
algorithms and nothing more: whole numbers, NaN, few digits and modes of networks are not their
business.  They are what one would write first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.attack import Certifier, Verdicts
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import PATHS, Certificates, certify, draw
from fairtut.methods.lassi.classifier import Voting
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.plain_bounds import intervals
from fairtut.methods.lassi.sequential import certify_early
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.seeds import torch_rng

EARLY: Final = "stopping early"
BATCH: Final = 500
"""Noisy latents of the plain algorithm that are evaluated at a time."""


@dataclass(frozen=True)
class Settings:
    """Few draws with a large stated chance, so that many certificates can be tried.

    Parameters
    ----------
    n, alpha, slack, candidates
        Of :class:`~fairtut.methods.lassi.center.Smoothing`; the fewest candidates that it takes.
    voting : Voting
    """

    n: int = 600
    alpha: float = 0.05
    slack: float = 0.1
    candidates: int = 11
    voting: Voting = field(default_factory=lambda: Voting(1.0, n0=100, n=1000))

    def smoothing(self, epsilon: float, sigma: float) -> Smoothing:
        """Return the settings for a set and a noise."""
        return Smoothing(epsilon, sigma, self.n, self.alpha, self.slack, self.candidates)


def ours(settings: Settings | None = None) -> dict[str, tuple[Certifier, str]]:
    """Return our certifiers by name, each with what it speaks of."""
    set_to = settings or Settings()
    run: dict[str, Callable[..., Certificates]] = {p: partial(certify, path=p) for p in PATHS}
    run[EARLY] = certify_early
    sampled = {name: (_sampled(by, set_to), "smoothed") for name, by in run.items()}
    return sampled | {"without sampling": (_free, "smoothed"), "exact": (_exact, "plain")}


def others(settings: Settings | None = None) -> dict[str, tuple[Certifier, str]]:
    """Return plain certifiers by name, each with what it speaks of."""
    plain = _plain(settings or Settings())
    return {"plain smoothing": (plain, "smoothed"), "interval bounds": (intervals, "plain")}


def _sampled(by: Callable[..., Certificates], settings: Settings) -> Certifier:
    def call(
        encoder: nn.Module, classifier: nn.Module, z: Tensor, a: Tensor,
        epsilon: float, sigma: float, seed: int,
    ) -> Verdicts:  # fmt: skip
        smoothing, voting = settings.smoothing(epsilon, sigma), settings.voting
        found = by(encoder, classifier, z, a, smoothing, voting, seed=seed)
        # the decision at the similar latent is sampled as well
        return Verdicts(found.fair, found.prediction, found.alpha + voting.alpha)

    return call


def _free(
    encoder: Any, classifier: Any, z: Tensor, a: Tensor, epsilon: float, sigma: float, _: int
) -> Verdicts:
    found = certify_exactly(encoder, classifier, z, a, epsilon, sigma)
    return Verdicts(found.fair, found.prediction)


def _exact(
    encoder: Any, classifier: Any, z: Tensor, a: Tensor, epsilon: float, _: float, __: int
) -> Verdicts:
    found = exact_fairness(encoder, classifier, z, a, epsilon, regions=200)
    return Verdicts(found.fair, found.prediction)


# --- smoothing as published --------------------------------------


@dataclass(frozen=True)
class PlainBall:
    """What :func:`plain_center` finds: the centre (d,), d_cs and the share of fresh draws."""

    center: Tensor
    d_cs: float
    share: float


def plain_center(
    r: nn.Module, z: Tensor, a: Tensor, t: Tensor, smoothing: Smoothing, *tried: int
) -> list[PlainBall]:
    """Run center smoothing as published on one latent, without care for rounding.

    Parameters
    ----------
    r : nn.Module
    z : Tensor, shape (q,)
    a : Tensor, shape (k, q)
    t : Tensor, shape (3, n, k)
    smoothing : Smoothing
    *tried : int
        How many draws are tried as the centre; a ball each.
    """
    stages = [
        torch.cat([r(z + part @ a) for part in stage.split(BATCH)]) for stage in t.float()
    ]  # 3 of (n, d)
    half = (smoothing.n + 1) // 2
    # one place for all: thousands of small tensors scatter over the memory of a long run
    medians = stages[0].new_empty(max(tried))
    for i, c in enumerate(stages[0][: max(tried)]):
        medians[i] = (stages[0] - c).norm(dim=1).kthvalue(half).values
    found = []
    for m in tried:
        best = int(medians[:m].argmin())
        center = stages[0][best]
        share = float(((stages[1] - center).norm(dim=1) <= medians[best]).float().mean())
        reach = (stages[2] - center).norm(dim=1).double()
        d_cs = 3 * float(reach.quantile(smoothing.level, interpolation="higher"))
        found.append(PlainBall(center, d_cs, share))
    return found


def plain_votes(
    head: nn.Module, code: Tensor, voting: Voting, rng: torch.Generator
) -> tuple[int, float]:
    """Run classifier smoothing as published: the decision, and d_rs (NaN for an abstention)."""
    counts = []
    for n in (voting.n0, voting.n):
        votes = torch.zeros(2, dtype=torch.long)
        for start in range(0, n, 1000):
            noise = torch.randn(min(1000, n - start), len(code), generator=rng)
            part = head(code + voting.sigma * noise)
            votes = votes + part.argmax(1).bincount(minlength=2)
        counts.append(votes)
    top = int(counts[0].argmax())
    m = int(counts[1][top])
    low = stats.beta.ppf(voting.alpha, m, voting.n - m + 1)
    return top, float("nan") if low < 0.5 else voting.sigma * float(stats.norm.ppf(low))


def _plain(settings: Settings) -> Certifier:
    def call(
        encoder: nn.Module, classifier: nn.Module, z: Tensor, a: Tensor,
        epsilon: float, sigma: float, seed: int,
    ) -> Verdicts:  # fmt: skip
        smoothing, voting = settings.smoothing(epsilon, sigma), settings.voting
        fair, prediction = [], []
        with torch.no_grad(), evaluating(encoder, classifier):
            for i, row in enumerate(z):
                t = draw(smoothing, len(a), seed, i)
                ball = plain_center(encoder, row, a.float(), t, smoothing, smoothing.n)[0]
                rng = torch_rng(seed, "plain votes", i)
                top, d_rs = plain_votes(classifier, ball.center, voting, rng)
                sure = ball.share >= smoothing.needed
                fair.append(sure and ball.d_cs < d_rs)
                prediction.append(top if sure and d_rs == d_rs else -1)
        return Verdicts(np.array(fair), np.array(prediction), smoothing.alpha + 2 * voting.alpha)

    return call
