r"""Center smoothing of R (Kumar and Goldstein, 2021) as LASSI uses it, one image at a time.

Let :math:`f(t) = R(z + A^\top t)` with :math:`t \sim N(0, \sigma^2 I_k)`: the noise lives in the
span of the attribute vectors only.  The smoothed code is the centre c of a small ball that holds
half of the mass of f; :func:`smooth` estimates it, checks the ball on fresh draws (or abstains) and
measures on fresh draws again how far the mass reaches.

Why :math:`d_{cs} = 3 q` holds with probability :math:`1 - \alpha` for any one z' of the set that is
fixed beforehand (and does not abstain): let
:math:`Q_0 = \Phi(\Phi^{-1}(1/2 + D) + \epsilon/\sigma)`.

1. By Hoeffding's inequality the ball of radius q around c holds :math:`Q_0` of the mass at z, but
   for a chance of :math:`\alpha_2` (the level is :math:`Q_0` plus the inequality's margin).
2. A set of Gaussian mass :math:`Q_0` keeps :math:`1/2 + D` after a shift by at most
   :math:`\epsilon` (Neyman and Pearson), so the same ball holds :math:`1/2 + D` at z'.
3. But for a chance of :math:`\alpha_1 / 2`, half of the draws at z' lie in it, as
   :math:`d_1 \le D`.  A candidate among *those* draws has them all within 2 q; so the best
   candidate's ball at z' has a radius of at most 2 q.
4. But for a chance of :math:`\alpha_1 / 2`, the check on fresh draws shows that this ball holds at
   least :math:`1/2 - D` at z'.  Two sets whose masses add up to 1 meet (f is continuous, so that
   what it reaches is connected), hence the two centres are at most q + 2 q apart.

**A pair at a time.**  Steps 3 and 4 spend :math:`\alpha_1` at z', where other draws are made.  So
:math:`1 - \alpha` is the chance of being right about the *pair* z, z', not about the whole set at
once: for m of its members together the chance of an error is at most
:math:`\alpha_2 + m \alpha_1`.  All of this is about exact arithmetic; rounding is in no bound.

**Few candidates are enough.**  The published search tries all n draws.  Step 3 only needs *one*
candidate inside a ball with at least half of the mass.  The first m of n independent draws miss it
with a chance of at most :math:`2^{-m}`: below 1e-77 for the default m = 256.  That chance is *not*
part of :math:`\alpha`, so a handful of candidates would cost more than is stated.  Everything
else, the factor 2 included, stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from fairtut.errors import InputError
from fairtut.runtime.precision import double

_BLOCK = 32
"""Candidate centres whose distances to all draws are held at a time."""


class Cloud(Protocol):
    """Codes f(t) of n draws of noise."""

    def first(self, m: int) -> Tensor:
        """Return the codes of the first m draws, (..., m, d)."""

    def distances(self, centers: Tensor) -> Tensor:
        """Return the distances from centres (..., c, d) to all codes, (..., c, n)."""


Law = Callable[[Tensor], Cloud]
"""f for one image, however it is evaluated: noise (..., n, k) to its codes."""


@dataclass(frozen=True)
class Points:
    """A cloud of codes that were computed one by one, (..., n, d)."""

    codes: Tensor

    def first(self, m: int) -> Tensor:
        """Return the first m codes, (..., m, d)."""
        return self.codes[..., :m, :]

    def distances(self, centers: Tensor) -> Tensor:
        """Return the distances from centres (..., c, d) to all codes, (..., c, n)."""
        if centers.shape[-2] == 1:
            return (self.codes - centers).norm(dim=-1)[..., None, :]
        origin, seen = self._seen  # from the mean, squares of near codes do not cancel
        moved = centers - origin
        product = moved @ seen.mT  # (..., c, n)
        square = moved.square().sum(-1)[..., None] + seen.square().sum(-1)[..., None, :]
        return square.sub_(product, alpha=2).clamp_min_(0).sqrt_()

    @cached_property
    def _seen(self) -> tuple[Tensor, Tensor]:
        origin = self.codes.mean(-2, keepdim=True)
        return origin, self.codes - origin


@dataclass(frozen=True)
class Smoothing:
    r"""Settings of center smoothing; the defaults are the released ones.

    Parameters
    ----------
    epsilon : float
        Radius of the similarity set in units of the attribute vectors, at least 0.
    sigma : float
        Deviation of the noise, positive (published: 0.65 epsilon).
    n : int
        Draws of each of the three stages.
    alpha : float
        Chance of a wrong certificate about one pair z, z'; half each for :math:`\alpha_1` (at z')
        and :math:`\alpha_2` (at z).
    slack : float
        D, in (0, 1/2).
    candidates : int or None
        How many draws are tried as the centre; None tries all of them, as published.

    Raises
    ------
    fairtut.errors.InputError
        For values out of range, and for an n with which every image would abstain: the message
        names the smallest usable n.
    """

    epsilon: float = 1.0
    sigma: float = 0.65
    n: int = 10_000
    alpha: float = 0.01
    slack: float = 0.05
    candidates: int | None = 256

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise InputError(f"sigma must be a positive number, got {self.sigma}")
        if not (math.isfinite(self.epsilon) and self.epsilon >= 0):
            raise InputError(f"epsilon must be a number of at least 0, got {self.epsilon}")
        if not (0 < self.alpha < 1 and 0 < self.slack < 0.5):
            raise InputError(
                f"alpha {self.alpha} must lie in (0, 1) and slack {self.slack} in (0, 1/2)"
            )
        if self.candidates is not None and self.candidates < 1:
            raise InputError(f"candidates must be at least 1, or None for all: {self.candidates}")
        if self.n < self.smallest_n:
            least = self.smallest_n
            fix = f"the smallest usable n is {least}"
            if math.isinf(least):
                fix = "no n is large enough: raise sigma or lower epsilon"
            raise InputError(f"with n = {self.n} every image would abstain: {fix}")

    @property
    def d1(self) -> float:
        r"""Hoeffding's margin of the coverage check, at :math:`\alpha_1 / 2` a side."""
        return math.sqrt(math.log(4 / self.alpha) / (2 * self.n))

    @property
    def needed(self) -> float:
        """Least share of fresh draws in the ball; below it the certificate abstains."""
        return 0.5 - self.slack + self.d1

    @property
    def mass(self) -> float:
        r""":math:`Q_0 = \Phi(\Phi^{-1}(1/2 + D) + \epsilon/\sigma)`, the mass q must hold."""
        return float(ndtr(ndtri(0.5 + self.slack) + self.epsilon / self.sigma))

    @property
    def level(self) -> float:
        """Q, the level of the empirical quantile: the mass and Hoeffding's margin for it.

        The quantile is interpolated between two draws, so it may stand lower than the draw that
        Hoeffding's inequality asks for, by less than one draw in n.
        """
        return self.mass + math.sqrt(math.log(2 / self.alpha) / (2 * self.n))

    @cached_property
    def smallest_n(self) -> float:
        """Least n with which an image can be certified at all (infinite if there is none)."""
        check = math.log(4 / self.alpha) / (2 * self.slack**2)
        left = 1 - self.mass
        if left < 1e-12:
            return math.inf
        return max(math.ceil(check), math.ceil(math.log(2 / self.alpha) / (2 * left**2)))


@dataclass(frozen=True)
class Ball:
    """What :func:`smooth` found; the leading shape is that of the draws without (n, k).

    Parameters
    ----------
    center : Tensor, shape (..., d)
        The smoothed code.
    radius : Tensor, shape (...)
        Radius of the ball that held half of the first draws.
    share : Tensor, shape (...)
        Share of the second draws in it.
    d_cs : Tensor, shape (...)
        Certified distance; NaN where the certificate abstains.
    """

    center: Tensor
    radius: Tensor
    share: Tensor
    d_cs: Tensor


def smooth(law: Law, t: Tensor, smoothing: Smoothing) -> Ball:
    """Run the three stages on given draws.

    Parameters
    ----------
    law : Law
        Evaluates f.
    t : Tensor, shape (3, ..., n, k)
        Noise: independent draws from N(0, sigma² I).
    smoothing : Smoothing
        Its ``n`` must be that of the draws.

    Returns
    -------
    Ball
    """
    center, radius = medoid(law(t[0]), smoothing.n, smoothing.candidates)
    share, reach = (law(part).distances(center[..., None, :])[..., 0, :] for part in t[1:])
    share = double(share <= radius[..., None]).mean(-1)
    d_cs = 3 * double(reach).quantile(smoothing.level, -1)
    certain = torch.clamp_min(0.5 - (share - smoothing.d1), smoothing.d1) <= smoothing.slack
    return Ball(center, radius, share, torch.where(certain, d_cs, math.nan))


def medoid(cloud: Cloud, n: int, candidates: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the candidate with the smallest ball that holds half of the codes, and its radius.

    Parameters
    ----------
    cloud : Cloud
    n : int
        Number of its codes.
    candidates : int or None
        The first so many codes are tried; None tries all, as published.

    Returns
    -------
    center : Tensor, shape (..., d)
    radius : Tensor, shape (...)
    """
    centers = cloud.first(min(candidates or n, n))  # (..., c, d)
    half = (n + 1) // 2
    radius = torch.full(centers.shape[:-2], math.inf, dtype=centers.dtype, device=centers.device)
    best = torch.zeros_like(radius, dtype=torch.int64)
    for start in range(0, centers.shape[-2], _BLOCK):
        found = cloud.distances(centers[..., start : start + _BLOCK, :])  # (..., block, n)
        # Counting is cheaper than selecting, and few candidates beat the best so far.
        hopeful = (found <= radius[..., None, None].to(found)).sum(-1) >= half  # (..., block)
        radii = torch.full(hopeful.shape, math.inf, dtype=radius.dtype, device=radius.device)
        radii[hopeful] = found[hopeful].kthvalue(half, -1).values.to(radii)
        least, index = radii.min(-1)
        best = torch.where(least < radius, start + index, best)
        radius = torch.minimum(radius, least)
    index = best[..., None, None].expand(*best.shape, 1, centers.shape[-1])
    return centers.gather(-2, index)[..., 0, :], radius
