r"""A certificate without sampling, for one attribute (ours, not the paper's).

The curve :math:`f(t) = R(z + t a)` is known by its corners.  With :math:`t \sim N(0, \sigma^2)`,
the mass of a ball around c is a sum over edges: on each, :math:`\|f - c\|^2 \le r^2` is a
quadratic inequality in t, so an interval.  Write :math:`r_{1/2}(c)` for the least radius with half
of the mass.  The smoothed code of *every* latent z' is a point c' of its own curve, with
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

There is no chance in this: no alpha, and it holds for the whole set at once.  The curve is cut at
six deviations; q holds a
little more than it must (``_CUT``), which pays for the mass outside.  The minimum is bounded by
branch and bound: :math:`r_{1/2}` changes by no more than its centre moves, so a piece of the curve
of half-length h around f(t) cannot beat b if :math:`r_{1/2}(f(t)) > b + h`, and *one* evaluation of
a mass decides that.  The decision is that of the linear head at c, and it holds within the distance
of c to the nearest decision border.

**Rounding.**  Squared distances on the curve carry a bound on their rounding
(:attr:`~fairtut.methods.lassi.curve.Curve.rounding`).  A radius that must hold a mass holds it even
if every distance is larger by that bound, a piece is given up only if it loses even if every
distance is smaller, and the margin of the head is rounded down.  The search ends at a radius of
``_FLOOR``, so that :math:`d_{cs} = q + \max(2 q, \text{floor}) / (1 - \eta)`.  A curve whose search
does not end within ``_PIECES`` pieces gets no certificate, with the reason ``"limit"``.  All of
this is about the curve, R's polygon in double precision.  With ``rounded=True`` the statement is
about what computers do: :mod:`~fairtut.methods.lassi.rounding` bounds how far a code may be from
the curve, by e.  The codes here come from the curve, so e is the rounding of double precision on
both sides of the shift, and q grows by 2 e.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import Certificates
from fairtut.methods.lassi.classifier import margins
from fairtut.methods.lassi.curve import Curve, Seen
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.verdicts import curves

REACH = 6.0
"""A curve is traced to so many deviations of the noise; what lies beyond has a mass of 2e-9."""
ETA = 0.01
"""How far the radius of the chosen centre may stand above the least one, as a share."""
_CUT = 1e-8
"""Mass added to one half: more than what lies beyond six deviations (2e-9)."""
_HALVINGS = 60
"""Of a piece of the curve: down to rounding."""
_FLOOR = 1e-3
"""A radius as good as 0; codes have a spread of about 1 in each coordinate."""
_PIECES = 2**14
"""Pieces of a curve that are open at a time; ordinary curves need some dozens."""
_NUMBERS = 2**22
"""Numbers of a block of distances: 32 MB."""


def certify_exactly(
    encoder: Representation,
    classifier: nn.Linear,
    z: Tensor,
    direction: Tensor,
    epsilon: float = 1.0,
    sigma: float = 0.65,
    *,
    rounded: bool = False,
) -> Certificates:
    """Certify without sampling (see the module): no chance is involved and nothing abstains.

    The certificate is about the network in real arithmetic, computed in double precision.  With
    `rounded` it also holds for the smoothed codes as they are computed here.

    Parameters and errors as in :func:`~fairtut.methods.lassi.exact_fairness`, with one
    direction; `sigma` is the noise of center smoothing.

    Returns
    -------
    Certificates
        With ``n`` and ``alpha`` 0; its ``path`` is ``"exact+linear"``.

    Examples
    --------
    With all weights 1 this R gives a latent above -2 the code z + 3.  So a similar code is at most
    1 away, the certificate says 3.7, and the border at 3 is 5 or 1 away:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.lassi import Representation, certify_exactly
    >>> encoder, head = Representation(1, (1,), 1).eval(), nn.Linear(1, 2)
    >>> _ = [nn.init.ones_(weight) for weight in encoder.parameters()]
    >>> head.weight.data, head.bias.data = torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -3.0])
    >>> z, direction = torch.tensor([[5.0], [1.0]]), torch.tensor([1.0])
    >>> found = certify_exactly(encoder, head, z, direction, epsilon=1.0, sigma=0.65)
    >>> found.d_rs.round(2).tolist(), found.d_cs.round(1).tolist()
    ([5.0, 1.0], [3.7, 3.7])
    >>> found.fair.tolist(), found.alpha
    ([True, False], 0.0)
    """
    smoothing = Smoothing(epsilon, sigma, n=2**62)  # checks epsilon and sigma
    level = float(ndtr(ndtri(0.5 + _CUT) + smoothing.epsilon / sigma))
    found, centers = [], []
    wide = REACH * sigma + (smoothing.epsilon if rounded else 0.0)  # what a similar latent reaches
    for curve, error in curves(encoder, classifier, z, direction, wide, rounded, torch.float64):
        center = half_mass_center(curve, sigma)
        centers.append(curve.at(curve.t.new_zeros(1))[0] if center is None else center)
        if center is None or level >= 1 - _CUT:
            found.append(math.nan)
            continue
        q = radius_of(curve, center, sigma, level) + 2 * error
        found.append(q + max(2 * q, _FLOOR) / (1 - ETA))
    r_cs = torch.stack(centers)
    prediction, d_rs = (v.cpu().numpy() for v in margins(classifier, r_cs))
    d_cs = np.array(found)
    lost = np.isnan(d_cs) & (level < 1 - _CUT)
    return Certificates(
        np.where(lost, -1, prediction), tuple(np.where(lost, "limit", "").tolist()),
        d_cs, d_rs, d_cs < d_rs, r_cs.float().to(z.device), 0, 0.0, sigma, epsilon, "exact+linear",
    )  # fmt: skip


def mass(curve: Curve, seen: Seen, radius: Tensor | float, sigma: float) -> Tensor:
    """Return the Gaussian mass of the t whose f(t) lies within `radius` of centres.

    Parameters
    ----------
    curve : Curve
    seen : Seen
        ``curve.seen(centers)``, for c centres.
    radius : Tensor of shape (c,), or float
    sigma : float

    Returns
    -------
    Tensor, shape (c,)
    """
    square, foot = seen.square, seen.foot
    bound = torch.as_tensor(radius, dtype=square.dtype, device=square.device).square()
    left, size = square[:, :-1], curve.edges.sqrt()
    # On an edge the squared distance is left - foot² + (x - foot)², x from 0 to its length.
    room = bound.reshape(-1, 1) - (left - foot.square())  # (c, m - 1)
    half = room.clamp_min(0).sqrt()
    width = size.clamp_min(1e-300)
    enter, leave = ((foot - half) / width).clamp(0, 1), ((foot + half) / width).clamp(0, 1)
    still = size == 0  # a point: all of it or nothing
    inside = torch.where(still, left <= bound.reshape(-1, 1), (room >= 0) & (leave > enter))
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

    seen = curve.seen(center[None])

    def lacks(radius: float) -> float:
        # distances may be larger than they were computed
        inner = math.sqrt(max(radius**2 - curve.rounding, 0.0))
        return level - float(mass(curve, seen, inner, sigma)) if radius else level

    high = math.sqrt(float(seen.square.max()) + 2 * curve.rounding)
    if high == 0:
        return 0.0  # a point
    if lacks(high) >= 0:
        return high
    radius = float(brentq(lacks, 0.0, high, xtol=1e-14 * high, rtol=tolerance))
    step = tolerance
    while lacks(radius) > 0 and radius < high:
        radius, step = min(radius * (1 + step) + 1e-14 * high, high), 2 * step
    return radius


def half_mass_center(curve: Curve, sigma: float, eta: float = ETA) -> Tensor | None:
    r"""Return a point of the curve whose half-mass radius is the least up to a factor 1 - eta.

    The least over :math:`|t| \le \Phi^{-1}(3/4) \sigma`, by branch and bound along the curve.

    Returns
    -------
    Tensor, shape (d,), or None
        None if more than ``_PIECES`` pieces were open: no point was shown to be nearly the best.
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
        if len(where) == 0 or best <= _FLOOR or h == 0:
            return center
        if len(where) > _PIECES:
            return None
        points = curve.at(_on_arc(where, arc, knots))
        reached = _masses(curve, points, (1 - eta) * best, sigma)
        if float(reached.max()) >= 0.5:
            center = points[reached.argmax()]
            best = min(best, radius_of(curve, center, sigma, 0.5, eta / 100))
        # else no point of the piece can win, even if distances are smaller than they were computed
        wide = math.sqrt(((1 - eta) * best + h) ** 2 + curve.rounding)
        alive = _masses(curve, points, wide, sigma) >= 0.5 - _CUT
        h /= 2
        where = torch.cat([where[alive] - h, where[alive] + h])
    return None


def _masses(curve: Curve, centers: Tensor, radius: float, sigma: float) -> Tensor:
    """Return :func:`mass` around centres (c, d), in blocks that fit into memory, (c,)."""
    rows = max(_NUMBERS // len(curve.t), 1)
    return torch.cat([
        mass(curve, curve.seen(part), radius, sigma) for part in centers.split(rows)
    ])  # fmt: skip


def _on_arc(where: Tensor, arc: Tensor, knots: Tensor) -> Tensor:
    """Return the t at which the curve has run a given length from its first knot."""
    edge = (torch.searchsorted(arc, where, right=True) - 1).clamp(0, len(arc) - 2)
    length = arc[edge + 1] - arc[edge]
    share = torch.where(length > 0, (where - arc[edge]) / length, 0)
    return torch.lerp(knots[edge], knots[edge + 1], share.clamp(0, 1))
