r"""Bounds that hold at every look: how far a smoothed code moves, and how far its decision holds.

The parts of :mod:`~fairtut.methods.lassi.sequential`, which has the procedure and the proof.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.lassi.center import ROUNDING, Law, Smoothing
from fairtut.methods.lassi.classifier import (
    Voting,
    choose_path,
    lower_bound,
    noisy_codes,
    tally,
    vote,
)
from fairtut.runtime.seeds import torch_rng

GROWTH = 1.25
"""Draws of a look over those of the one before."""
TRIED = 32
"""Draws that are tried as the centre, at most; more would widen the bounds of all."""
HOPELESS = 1e-3
"""Chance of giving up an image too early, each side and look; no part of any alpha."""
FIRST_VOTES = 500
"""Votes at the first look, at least."""
_NUMBERS = 2**22
"""Numbers of a block of differences between codes: 32 MB."""


@dataclass(frozen=True)
class Plan:
    """How many draws an image makes, and which order statistics are its bounds.

    Parameters
    ----------
    candidates : int
        Draws that are tried as the centre; f(0) is tried as well.
    rank : int
        The radius of a candidate is so many-th among its distances to the draws of the first look.
    looks : tuple of int
        Draws at each look; those that are candidates do not count.
    high : tuple of int
        Rank of the upper bound on the quantile at each look; may exceed the draws: no bound yet.
    low : tuple of int
        Rank of the lower bound, by which hopeless cases are given up; 0: no bound yet.
    """

    candidates: int
    rank: int
    looks: tuple[int, ...]
    high: tuple[int, ...]
    low: tuple[int, ...]


@cache
def plan(smoothing: Smoothing) -> Plan:
    """Return the draws and ranks of settings (see the proof).

    Examples
    --------
    >>> made = plan(Smoothing())
    >>> made.candidates, made.looks, made.rank
    (32, (1085, 1357, 1696, 2120, 2649), 551)
    """
    from scipy import stats  # slow to import

    m = max(min(smoothing.candidates or TRIED, TRIED), math.ceil(math.log2(100 / smoothing.alpha)))
    alpha, slack = smoothing.alpha - 2.0**-m, smoothing.slack
    first, rank = _first_look(alpha, slack, m + 1)
    for count in range(1, 100):
        looks = np.ceil(first * GROWTH ** np.arange(count)).astype(int)
        high = at_least(looks, smoothing.mass, alpha / (2 * (m + 1) * count))
        if high[-1] <= smoothing.level * looks[-1]:
            break
    low = stats.binom.ppf(HOPELESS, looks, smoothing.mass).astype(int)
    return Plan(m, rank, *(tuple(v.tolist()) for v in (looks, high, low)))


def at_least(n: np.ndarray | int, share: float, alpha: float) -> np.ndarray:
    """Return the least k such that Bin(n, share) reaches it with a chance of at most alpha."""
    from scipy import stats

    return np.asarray(stats.binom.isf(alpha, n, share)).astype(int) + 1


def _first_look(alpha: float, slack: float, candidates: int) -> tuple[int, int]:
    """Return the least n for steps 3 and 4 of the proof, and the rank of the radius."""
    from scipy import stats

    n = np.arange(1, math.ceil(2 * math.log(4 * candidates / alpha) / slack**2))
    rank = at_least(n, 0.5 - slack, alpha / (4 * candidates))
    enough = stats.binom.cdf(rank - 1, n, 0.5 + slack) <= alpha / 4
    least = int(enough.argmax())
    return int(n[least]), int(rank[least])


class Moves:
    """How far the smoothed code of one image moves: bounds on d_cs that tighten with draws.

    Parameters
    ----------
    law : Law
    t : Tensor, shape (draws, k)
        All noise that may be needed.
    smoothing : Smoothing
    """

    def __init__(self, law: Law, t: Tensor, smoothing: Smoothing) -> None:
        self.plan = plan(smoothing)
        self.law, self._t = law, t
        self.look, self.low, self.high = -1, 0.0, math.inf
        tried = torch.cat([t.new_zeros(1, t.shape[1]), t[: self.plan.candidates]])
        codes = law(tried).first(len(tried))
        self.plain = codes[0]
        if not self.plain.isfinite().all():
            raise InputError("the encoder gives NaN or infinity: check its weights and statistics")
        cloud = law(self._block(0))
        rows = max(_NUMBERS // (self.plan.looks[0] * codes.shape[1]), 1)
        apart = torch.cat([cloud.distances(part) for part in codes.split(rows)])  # (M, n_1)
        radii = apart.kthvalue(self.plan.rank, -1).values
        best = int(radii.argmin())
        self.center, self.radius = codes[best], float(radii[best])
        self._apart = apart[best]
        self._look()

    @property
    def left(self) -> bool:
        """Whether there is another look."""
        return self.look + 1 < len(self.plan.looks)

    @property
    def draws(self) -> int:
        """Evaluations of the encoder so far."""
        return self.plan.candidates + len(self._apart)

    def more(self) -> None:
        """Draw up to the next look."""
        fresh = self.law(self._block(self.look + 1)).distances(self.center[None])[0]
        self._apart = torch.cat([self._apart, fresh])
        self._look()

    def _block(self, look: int) -> Tensor:
        ends = (0, *self.plan.looks)
        return self._t[self.plan.candidates :][ends[look] : ends[look + 1]]

    def _look(self) -> None:
        self.look += 1
        high, low = self.plan.high[self.look], self.plan.low[self.look]
        if high <= len(self._apart):
            reach = 3 * ROUNDING * float(self._apart.kthvalue(high).values)
            self.high = min(self.high, reach)
        self.low = 3 * float(self._apart.kthvalue(low).values) if low else 0.0


class Ballot:
    """Votes at one code: bounds on d_rs that tighten with votes.

    Parameters
    ----------
    classifier : callable
    code : Tensor, shape (d,)
    voting : Voting
    seed, stream : int
        As in :func:`~fairtut.methods.lassi.classifier.vote`.
    """

    def __init__(
        self,
        classifier: Callable[[Tensor], Tensor],
        code: Tensor,
        voting: Voting,
        seed: int,
        stream: int,
    ) -> None:
        self.voting, self.low, self.high, self.lost = voting, 0.0, math.inf, False
        self._counted = self._for = 0
        self.looks: tuple[int, ...] = ()
        if choose_path(classifier) != "votes":
            whole = vote(classifier, code[None], voting, seed=seed, ids=[stream])
            self.top, self._counted = int(whole.prediction[0]), voting.n
            self.lost = bool(np.isnan(whole.d_rs[0]))
            self.low = self.high = 0.0 if self.lost else float(whole.d_rs[0])
            return
        halvings = max(int(math.log2(voting.n / FIRST_VOTES)), 0)
        self.looks = tuple(voting.n >> h for h in range(halvings, -1, -1))
        self._rng = torch_rng(seed, "early votes", stream, device=str(code.device))
        self._draw = lambda m, rng: noisy_codes(classifier, code, voting.sigma, m, rng)
        self.top = int(tally(self._draw, voting.n0, self._rng).argmax())
        self._share = voting.alpha / len(self.looks)
        self.more()

    @property
    def left(self) -> bool:
        """Whether there is another look."""
        return bool(self.looks) and not self.lost

    @property
    def votes(self) -> int:
        """Votes so far, with those that chose the class."""
        return self.voting.n0 + self._counted

    def more(self) -> None:
        """Vote up to the next look."""
        n, self.looks = self.looks[0], self.looks[1:]
        self._for += int(tally(self._draw, n - self._counted, self._rng)[self.top])
        self._counted = n
        p_low = float(lower_bound(np.array(self._for), n, self._share))
        p_high = 1 - float(lower_bound(np.array(n - self._for), n, HOPELESS))
        self.low = max(self.low, self.voting.sigma * float(ndtri(p_low)))
        self.high = self.voting.sigma * float(ndtri(p_high))
        self.lost = self.low <= 0 and (self.high <= 0 or not self.looks)
