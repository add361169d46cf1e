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
:math:`\alpha_2 + m \alpha_1`.

**Few candidates are enough.**  The published search tries all n draws.  Step 3 only needs *one*
candidate inside a ball with at least half of the mass.  The first m of n independent draws miss it
with a chance of at most :math:`2^{-m}`: below 1e-77 for the default m = 256.  That chance is part
of :math:`\alpha`: the margins share what it leaves.  Everything else, the factor 2 included, stays
as it is.

**Rounding.**  Steps 1 to 4 speak of real numbers.  Distances that decide (the candidate's ball, the
check, the reach) come from differences in double precision, or from squares where those are as
good; :data:`ROUNDING` covers what is left, at z and at z'.  The search among candidates uses a
matrix product: every candidate that it cannot tell from the best, by a bound on its rounding, is
measured again.  Codes that are not finite are infinitely far; where they leave no
finite ball, the certificate abstains.  What is rounded *inside* the encoder is not covered: the
statement is about the function whose codes were handed over, continuous between its draws.
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

ROUNDING = 1 + 1e-6
"""Factor on certified distances: more than the rounding of every distance that decides."""
_BLOCK = 32
"""Candidate centres whose distances to all draws are held at a time."""
_NUMBERS = 2**22
"""Numbers of a block of differences between codes and centres: 32 MB."""
_MIDDLE = 65
"""Codes whose median is the origin that distances are computed from."""


class Cloud(Protocol):
    """Codes f(t) of n draws of noise."""

    def first(self, m: int) -> Tensor:
        """Return the codes of the first m draws, (..., m, d)."""

    def distances(self, centers: Tensor) -> Tensor:
        """Return distances from centres (..., c, d) to all codes, (..., c, n), float64.

        Up to a share of 1e-7; infinite where a code is not finite.
        """

    def roughly(self, centers: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return the same quickly, and a length l per centre, (..., c), that bounds its error.

        A distance s that was found has a true square of :math:`s^2 \pm u (l + s)^2`, with u the
        cloud's :attr:`unit`.
        """

    @property
    def unit(self) -> float:
        """The share u of :meth:`roughly`."""


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
        """Return the distances from centres (..., c, d) to all codes, (..., c, n), float64."""
        rows = max(_NUMBERS // max(centers.numel(), 1), 1)
        parts = [
            double(part[..., None, :, :] - centers[..., None, :]).norm(dim=-1)  # (..., c, rows)
            for part in self.codes.split(rows, -2)
        ]
        return torch.cat(parts, -1).nan_to_num_(nan=math.inf, posinf=math.inf)

    def roughly(self, centers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distances from a matrix product in double precision, and each length l."""
        origin, seen, squares = self._seen  # from the middle, squares of near codes do not cancel
        moved = double(centers) - origin
        length = moved.square().sum(-1)  # (..., c)
        square = length[..., None] + squares[..., None, :] - 2 * moved @ seen.mT  # (..., c, n)
        found = square.clamp_min_(0).sqrt_().nan_to_num_(nan=math.inf, posinf=math.inf)
        return found, 2 * length.sqrt()

    @property
    def unit(self) -> float:
        """Rounding of a matrix product of this length, by its worst case."""
        return 4 * (self.codes.shape[-1] + 8) * float(torch.finfo(torch.float64).eps)

    @cached_property
    def _seen(self) -> tuple[Tensor, Tensor, Tensor]:
        # The median of some codes: unlike their mean it stays near the many if a few are far.
        origin = double(self.codes[..., :_MIDDLE, :]).nanmedian(-2, keepdim=True).values
        origin = origin.nan_to_num(0, 0, 0)
        seen = self.codes.to(origin.device) - origin  # in double precision, as the origin
        return origin, seen, seen.norm(dim=-1).square()


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
        Chance of a wrong certificate about one pair z, z': that all candidates miss, and of the
        rest half each for :math:`\alpha_1` (at z') and :math:`\alpha_2` (at z).
    slack : float
        D, in (0, 1/2).
    candidates : int or None
        How many draws are tried as the centre; None tries all of them, as published.  At least
        :math:`\log_2(100/\alpha)`, so that missing the ball takes at most a hundredth of
        :math:`\alpha`.

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
        few = math.ceil(math.log2(100 / self.alpha))
        if self.candidates is not None and self.candidates < few:
            raise InputError(
                f"candidates = {self.candidates} would miss the ball too often for alpha = "
                f"{self.alpha}: at least {few}, or None for all"
            )
        if self.n < self.smallest_n:
            least = self.smallest_n
            fix = f"the smallest usable n is {least}"
            if math.isinf(least):
                fix = "no n is large enough: raise sigma or lower epsilon"
            raise InputError(f"with n = {self.n} every image would abstain: {fix}")

    @property
    def shared(self) -> float:
        """What the chance that all candidates miss leaves of alpha."""
        return self.alpha - (0.0 if self.candidates is None else 2.0**-self.candidates)

    @property
    def d1(self) -> float:
        r"""Hoeffding's margin of the coverage check, at :math:`\alpha_1 / 2` a side."""
        return math.sqrt(math.log(4 / self.shared) / (2 * self.n))

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
        """Q, the level of the empirical quantile, which is the mass and Hoeffding's margin."""
        return self.mass + math.sqrt(math.log(2 / self.shared) / (2 * self.n))

    @cached_property
    def smallest_n(self) -> float:
        """Least n with which an image can be certified at all (infinite if there is none)."""
        check = math.log(4 / self.shared) / (2 * self.slack**2)
        left = 1 - self.mass
        if left < 1e-12:
            return math.inf
        return max(math.ceil(check), math.ceil(math.log(2 / self.shared) / (2 * left**2)))


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
    # The order statistic itself: interpolating below it would give up part of Hoeffding's margin.
    rank = min(math.ceil(smoothing.level * smoothing.n), smoothing.n)
    d_cs = 3 * ROUNDING * reach.kthvalue(rank, -1).values
    certain = torch.clamp_min(0.5 - (share - smoothing.d1), smoothing.d1) <= smoothing.slack
    certain &= radius.isfinite() & d_cs.isfinite()
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
    radius : float64 tensor, shape (...)
        Infinite where no ball with half of the codes is finite.
    """
    centers = cloud.first(min(candidates or n, n))  # (..., c, d)
    half = (n + 1) // 2
    # Whoever may be the best, by bounds on rounding, is measured exactly: mostly one or two.
    low, order = _lower_bounds(cloud, centers, half).sort(-1)  # (..., c)
    center, radius = centers[..., 0, :].clone(), torch.full_like(low[..., 0], math.inf)
    for i in range(low.shape[-1]):
        if bool((radius <= ROUNDING**0.5 * low[..., i]).all()):
            break  # nobody else is smaller by more than the rounding that is paid for
        index = (
            order[..., i, None, None]
            .expand(*low.shape[:-1], 1, centers.shape[-1])
            .to(centers.device)
        )
        tried = centers.gather(-2, index)  # (..., 1, d)
        found = cloud.distances(tried)[..., 0, :].kthvalue(half, -1).values
        center = torch.where(
            (found < radius)[..., None].to(centers.device), tried[..., 0, :], center
        )
        radius = torch.minimum(radius, found)
    return center, radius


def _lower_bounds(cloud: Cloud, centers: Tensor, half: int) -> Tensor:
    """Return a lower bound on the radius of each candidate's half-mass ball, (..., c), float64.

    It is infinite for a candidate that cannot beat another one.
    """
    low = torch.full_like(double(centers[..., 0]), math.inf)  # (..., c)
    best = low[..., :1].clone()  # (..., 1): the least upper bound so far
    for start in range(0, centers.shape[-2], _BLOCK):
        block = slice(start, start + _BLOCK)
        found, length = cloud.roughly(centers[..., block, :])  # (..., block, n), (..., block)
        found, length = found.to(low.device), double(length)
        # Counting is cheaper than selecting, and few candidates beat the best so far.
        limit = best + math.sqrt(2 * cloud.unit) * (length + best)
        hopeful = (found <= limit[..., None].to(found)).sum(-1) >= half  # (..., block)
        radii = low.new_full(hopeful.shape, math.inf)
        radii[hopeful] = found[hopeful].kthvalue(half, -1).values.to(radii)
        error = cloud.unit * (length + radii).square()
        low[..., block] = (radii.square() - error).clamp_min(0).sqrt().nan_to_num(nan=math.inf)
        upper = (radii.square() + error).sqrt().nan_to_num(nan=math.inf)
        best = torch.minimum(best, upper.min(-1, keepdim=True).values)
    return low.masked_fill(low > best, math.inf)
