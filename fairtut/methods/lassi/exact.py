r"""One attribute without sampling: what the curve f(t) = R(z + t a) says for certain.

**Fairness of the plain model.**  Between corners f is linear, and so is every difference of two
logits of a linear head; it keeps its sign on the whole of :math:`|t| \le \epsilon` if and only if
it keeps it at the corners and the two ends.  So the verdict is exact, both ways.

**Adversarial distance.**  A norm is convex, so on an edge :math:`\|f(t) - f(0)\|` is largest at an
end: its maximum over :math:`|t| \le \epsilon` is the largest of finitely many numbers.

**A certificate without sampling** (ours, not the paper's).  With :math:`t \sim N(0, \sigma^2)`, the
mass of a ball around c is a sum over edges: on each, :math:`\|f - c\|^2 \le r^2` is a quadratic
inequality in t, so an interval.  Write :math:`r_{1/2}(c)` for the least radius with half of the
mass.  The smoothed code of *every* latent z' is a point c' of its own curve, with
:math:`|t| \le \Phi^{-1}(3/4) \sigma`, chosen such that

.. math:: (1 - \eta)\, r_{1/2}(c') \le \min_{|t| \le \Phi^{-1}(3/4) \sigma} r_{1/2}(f(t)).

Let q be the radius around z's centre c that holds :math:`\Phi(\epsilon/\sigma)` of the mass at z.

1. After a shift by at most :math:`\epsilon` the same ball holds half of the mass (Neyman and
   Pearson).  So the set T of the t with f(t) in it, seen from z', has mass one half at least.
2. T is closed.  The interval :math:`|t| \le \Phi^{-1}(3/4) \sigma` has mass one half; were T
   outside of it, T would fill the closure of the rest, which holds the interval's ends.  So some
   point f(t) of the interval lies in the ball, and every other point of the ball within 2 q of it:
   the minimum above is at most 2 q, and :math:`r_{1/2}(c') \le 2q / (1 - \eta)`.
3. The balls around c and c' hold half of the mass each, and f is continuous; so they meet, and
   :math:`\|c - c'\| \le d_{cs} = (1 + 2 / (1 - \eta))\, q`.

There is no chance in this: no alpha, no abstention, and it holds for the whole set at once.

**Which function.**  All three are about the network in real arithmetic.  It is computed in double
precision, and that rounding is in no bound; a network that is run in single precision differs from
it by more.  A decision that hangs by less may be another one on a computer.

The curve is cut at six deviations; q holds a
little more than it must (``_CUT``), which pays for the mass outside.  The minimum is bounded by
branch and bound: :math:`r_{1/2}` changes by no more than its centre moves, so a piece of the curve
of half-length h around f(t) cannot beat b if :math:`r_{1/2}(f(t)) > b + h`, and *one* evaluation of
a mass decides that.  The decision is that of the linear head at c, and it holds within the distance
of c to the nearest decision border.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import REACH, Certificates, check
from fairtut.methods.lassi.classifier import margins
from fairtut.methods.lassi.curve import Curve, trace
from fairtut.methods.lassi.networks import Representation

ETA = 0.01
"""How far the radius of the chosen centre may stand above the least one, as a share."""
_CUT = 1e-8
"""Mass added to one half: more than what lies beyond six deviations (2e-9)."""
_HALVINGS = 60
"""Of an interval of radii or of the curve: down to rounding."""


@dataclass(frozen=True)
class ExactFairness:
    """What holds for the plain model, C after R without noise, on a similarity set.

    Parameters
    ----------
    prediction : int array, shape (b,)
        Decisions at z.
    fair : bool array, shape (b,)
        Whether the decision is the same on the whole set.
    distance : float array, shape (b,)
        Largest distance of a code in the set from R(z).
    corners : int array, shape (b,)
        Corners of the curve in the set: 0 for a straight one.
    """

    prediction: np.ndarray
    fair: np.ndarray
    distance: np.ndarray
    corners: np.ndarray


def exact_fairness(
    encoder: Representation, classifier: nn.Linear, z: Tensor, direction: Tensor, epsilon: float
) -> ExactFairness:
    r"""Decide exactly, up to rounding, whether decisions are constant on :math:`|t| \le \epsilon`.

    Parameters
    ----------
    encoder : Representation
    classifier : nn.Linear
        Two or more classes.
    z : Tensor, shape (b, q)
    direction : Tensor, shape (q,) or (1, q)
    epsilon : float
        At least 0.

    Raises
    ------
    fairtut.errors.InputError
        For another kind of network, several directions, or bad latents.
    """
    if not (math.isfinite(epsilon) and epsilon >= 0):
        raise InputError(f"epsilon must be a number of at least 0, got {epsilon}")
    rows = []
    for curve in _curves(encoder, classifier, z, direction, max(epsilon, 1e-12)):
        part, plain = curve.within(epsilon), curve.at(curve.t.new_zeros(1))
        y_hat, gap = margins(classifier, torch.cat([plain, part]))
        same = bool((y_hat == y_hat[0]).all() & (gap > 0).all())
        farthest = float((part - plain).norm(dim=1).max())
        rows.append((int(y_hat[0]), same, farthest, len(part) - 2))
    prediction, fair, distance, corners = zip(*rows, strict=True)
    return ExactFairness(*(np.array(v) for v in (prediction, fair, distance, corners)))


def certify_exactly(
    encoder: Representation,
    classifier: nn.Linear,
    z: Tensor,
    direction: Tensor,
    epsilon: float = 1.0,
    sigma: float = 0.65,
) -> Certificates:
    """Certify without sampling (see the module): no chance is involved and nothing abstains.

    The certificate is about the network in real arithmetic, computed in double precision.

    Parameters and errors as in :func:`exact_fairness`; `sigma` is the noise of center smoothing.
    """
    smoothing = Smoothing(epsilon, sigma, n=2**62)  # checks epsilon and sigma
    level = float(ndtr(ndtri(0.5 + _CUT) + smoothing.epsilon / sigma))
    found, centers = [], []
    for curve in _curves(encoder, classifier, z, direction, REACH * sigma):
        center = half_mass_center(curve, sigma)
        q = radius_of(curve, center, sigma, min(level, 1 - _CUT))
        found.append((1 + 2 / (1 - ETA)) * q if level < 1 - _CUT else math.nan)
        centers.append(center)
    r_cs = torch.stack(centers)
    prediction, d_rs = (v.cpu().numpy() for v in margins(classifier, r_cs))
    d_cs = np.array(found)
    return Certificates(
        prediction, ("",) * len(d_cs), d_cs, d_rs, d_cs < d_rs, r_cs.float().to(z.device),
        0, 0.0, sigma, epsilon, "exact+linear",
    )  # fmt: skip


def mass(curve: Curve, square: Tensor, radius: Tensor | float, sigma: float) -> Tensor:
    """Return the Gaussian mass of the t whose f(t) lies within `radius` of centres.

    Parameters
    ----------
    curve : Curve
    square : Tensor, shape (c, m)
        ``curve.corner_distances(centers)``.
    radius : Tensor of shape (c,), or float
    sigma : float

    Returns
    -------
    Tensor, shape (c,)
    """
    bound = torch.as_tensor(radius, dtype=square.dtype, device=square.device).square()
    left, right, edge = square[:, :-1], square[:, 1:], curve.edges
    # On an edge the squared distance is left + (right - left - edge) u + edge u², u in [0, 1].
    half = (left + edge - right) / 2
    root = half.square() - edge * (left - bound.reshape(-1, 1))
    width = edge.clamp_min(1e-300)
    spread = root.clamp_min(0).sqrt()
    enter, leave = ((half - spread) / width).clamp(0, 1), ((half + spread) / width).clamp(0, 1)
    still = edge < 1e-30  # a point: all of it or nothing
    inside = torch.where(still, left <= bound.reshape(-1, 1), (root >= 0) & (leave > enter))
    enter, leave = torch.where(still, 0, enter), torch.where(still, 1, leave)
    start, length = curve.t[:-1], curve.t.diff()
    covered = torch.special.ndtr((start + leave * length) / sigma) - torch.special.ndtr(
        (start + enter * length) / sigma
    )
    return (covered * inside).sum(1)


def radius_of(
    curve: Curve, center: Tensor, sigma: float, level: float, tolerance: float = 1e-10
) -> float:
    """Return a radius around a centre (d,) that holds `level` of the mass.

    It is the least one up to `tolerance`, a share of it, and errs on the large side; the mass
    outside the curve counts as not held.
    """
    from scipy.optimize import brentq

    square = curve.corner_distances(center[None])

    def lacks(radius: float) -> float:
        return level - float(mass(curve, square, radius, sigma))

    high = float(square.max().sqrt())
    if lacks(0.0) <= 0:
        return 0.0
    if lacks(high) >= 0:
        return high
    radius = float(brentq(lacks, 0.0, high, xtol=1e-14 * high, rtol=tolerance))
    while lacks(radius) > 0:
        radius *= 1 + tolerance
    return radius


def half_mass_center(curve: Curve, sigma: float, eta: float = ETA) -> Tensor:
    r"""Return a point of the curve whose half-mass radius is the least up to a factor 1 - eta.

    The least over :math:`|t| \le \Phi^{-1}(3/4) \sigma`, by branch and bound along the curve.

    Returns
    -------
    Tensor, shape (d,)
    """
    limit = float(ndtri(0.75)) * sigma
    inner = curve.t[curve.t.abs() < limit]
    ends = curve.t.new_tensor([-limit, limit])
    knots = torch.cat([ends[:1], inner, ends[1:]])
    arc = torch.cat([ends.new_zeros(1), curve.at(knots).diff(dim=0).norm(dim=1).cumsum(0)])
    center = curve.at(curve.t.new_zeros(1))[0]
    best = radius_of(curve, center, sigma, 0.5, eta / 100)
    h = float(arc[-1]) / 16
    where = h * torch.arange(1, 16, 2, dtype=arc.dtype, device=arc.device)  # eight pieces
    for _ in range(_HALVINGS):
        if len(where) == 0 or best == 0 or h == 0:
            break
        points = curve.at(_on_arc(where, arc, knots))
        square = curve.corner_distances(points)
        goal = (1 - eta) * best
        reached = mass(curve, square, goal, sigma)
        if float(reached.max()) >= 0.5:
            center = points[reached.argmax()]
            best = radius_of(curve, center, sigma, 0.5, eta / 100)
            goal = (1 - eta) * best
        alive = mass(curve, square, goal + h, sigma) >= 0.5  # else no point of the piece can win
        h /= 2
        where = torch.cat([where[alive] - h, where[alive] + h])
    return center


def _on_arc(where: Tensor, arc: Tensor, knots: Tensor) -> Tensor:
    """Return the t at which the curve has run a given length from its first knot."""
    edge = (torch.searchsorted(arc, where, right=True) - 1).clamp(0, len(arc) - 2)
    length = arc[edge + 1] - arc[edge]
    share = torch.where(length > 0, (where - arc[edge]) / length, 0)
    return torch.lerp(knots[edge], knots[edge + 1], share.clamp(0, 1))


def _curves(
    encoder: Representation, classifier: nn.Linear, z: Tensor, direction: Tensor, reach: float
) -> Iterator[Curve]:
    """Yield the curve of each image."""
    if not isinstance(encoder, Representation) or not isinstance(classifier, nn.Linear):
        raise InputError("exact results need a Representation and an nn.Linear: use certify()")
    z, directions = check(encoder, z, direction)
    if len(directions) != 1:
        raise InputError(f"exact results need one direction, got {len(directions)}: use certify()")
    with torch.no_grad(), evaluating(encoder):
        folded = encoder.fold()
        start, slope = folded.first(z, directions)
        for row in start:
            yield trace(folded, row, slope[0], reach)
