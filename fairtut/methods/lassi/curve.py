r"""One attribute: R along the line :math:`z + t a` is a polygon, known by its corners.

With batch norm folded, R is made of linear maps and ReLUs, so :math:`f(t) = R(z + t a)` is linear
between the values of t at which some unit changes sign.  Those values are found layer by layer:

* Layer 1 before its ReLU is :math:`p + t s`, so unit i bends at :math:`-p_i / s_i`.  Whichever way
  it crosses, the slope of layer 2 then grows by :math:`|s_i|` times column i of the second weight:
  two cumulative sums give layer 2 at every bend, without a matrix product.
* A deeper layer is linear between neighbouring bends, so a unit of it crosses zero at most once
  between two of them, and exactly where its two ends have opposite signs.

The distance to a centre c then follows from the distances of the corners alone.  With
:math:`f(t) = (1-u) f_j + u f_{j+1}`,

.. math:: \|f(t) - c\|^2 = (1-u)\|f_j - c\|^2 + u\|f_{j+1} - c\|^2 - u(1-u)\|f_{j+1} - f_j\|^2,

so neither 30,000 network evaluations nor 30,000 codes are ever needed.  Corners are computed in
double precision, distances from several centres at a time in single precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.lassi.inputs import fits
from fairtut.methods.lassi.networks import Folded

CLOSE = 1e-8
"""Share of a squared distance that rounding may take."""
DRIFT = 1e-10
"""How far the running sums of layer 2 may stand from its value at the right end."""


@dataclass(frozen=True)
class Curve:
    """A polygon f(t), linear between its corners; the law of an image with one attribute.

    Parameters
    ----------
    t : float64 tensor, shape (m,)
        Where the corners stand, in increasing order.
    points : float64 tensor, shape (m, d)
        The corners.
    """

    t: Tensor
    points: Tensor

    @cached_property
    def edges(self) -> Tensor:
        """Squared lengths of the edges, (m - 1,)."""
        return self.points.diff(dim=0).square().sum(1)

    @cached_property
    def _seen(self) -> tuple[Tensor, Tensor]:
        """f(0), and all corners as seen from it: squares of small numbers lose less."""
        origin = self.at(self.t.new_zeros(1))[0] if self.t[0] <= 0 <= self.t[-1] else self.points[0]
        return origin, self.points - origin

    @cached_property
    def _lengths(self) -> Tensor:
        """Squared distances of the corners from f(0), (m,)."""
        return self._seen[1].square().sum(1)

    @cached_property
    def rounding(self) -> float:
        r"""Bound on the rounding of a squared distance between two points of the curve.

        With corners at most M from f(0), a squared distance is a sum of d products of at most
        :math:`(2M)^2`, interpolated between two corners: :math:`32 (d + 8) u M^2`, u the unit of
        double precision, is more than all its roundings by their worst case, and more than those of
        a squared distance from the foot on an edge.
        """
        farthest = float(self._lengths.max())
        return 32 * (self.points.shape[1] + 8) * float(torch.finfo(torch.float64).eps) * farthest

    def locate(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the edge that holds each t, (n,), and how far along it stands, in [0, 1]."""
        t = t.to(self.t)
        if bool(((t < self.t[0]) | (t > self.t[-1])).any()):
            raise InputError(
                f"t lies outside the curve's [{self.t[0]:g}, {self.t[-1]:g}]: trace it further"
            )
        edge = (torch.searchsorted(self.t, t, right=True) - 1).clamp(0, len(self.t) - 2)
        length = self.t[edge + 1] - self.t[edge]
        return edge, torch.where(length > 0, (t - self.t[edge]) / length, 0)

    def at(self, t: Tensor) -> Tensor:
        """Return f(t), (n,) to (n, d)."""
        edge, share = self.locate(t)
        return torch.lerp(self.points[edge], self.points[edge + 1], share[:, None])

    def __call__(self, t: Tensor) -> OnCurve:
        """Return the cloud of f at noise t, (n, 1)."""
        return OnCurve(self, *self.locate(t[:, 0]))

    def corner_distances(self, centers: Tensor) -> Tensor:
        """Return squared distances from centres (c, d) to the corners, (c, m)."""
        origin, corners = self._seen
        seen = centers.to(corners) - origin
        square = seen.square().sum(1)[:, None] + self._lengths  # (c, m)
        return torch.addmm(square, seen, corners.T, alpha=-2).clamp_min_(0)

    @cached_property
    def _along(self) -> tuple[Tensor, Tensor]:
        """Unit vectors of the edges, (m - 1, d), and how far along them their first corners lie."""
        step = self.points.diff(dim=0)
        size = step.norm(dim=1, keepdim=True)
        unit = torch.where(size > 0, step / size.clamp_min(1e-300), 0)
        return unit, (unit * self._seen[1][:-1]).sum(1)

    def seen(self, centers: Tensor) -> Seen:
        """Return how the curve lies around centres (c, d)."""
        unit, start = self._along
        foot = (centers.to(self.points) - self._seen[0]) @ unit.T - start
        return Seen(self.corner_distances(centers), foot)

    def within(self, epsilon: float) -> Tensor:
        r"""Return the corners of the part with :math:`|t| \le \epsilon`, both ends among them."""
        ends = self.at(self.t.new_tensor([-epsilon, epsilon]))
        return torch.cat([ends[:1], self.points[self.t.abs() < epsilon], ends[1:]])


@dataclass(frozen=True)
class Seen:
    """A curve as seen from centres.

    Parameters
    ----------
    square : Tensor, shape (c, m)
        Squared distances to the corners.
    foot : Tensor, shape (c, m - 1)
        Where on the line through each edge the nearest point is, counted from the first corner.
    """

    square: Tensor
    foot: Tensor


@dataclass(frozen=True)
class OnCurve:
    """A cloud of codes on a curve, each known by its edge and its place on it, (n,)."""

    curve: Curve
    edge: Tensor
    share: Tensor

    def first(self, m: int) -> Tensor:
        """Return the first m codes, (m, d), in float64."""
        edge, share = self.edge[:m], self.share[:m, None]
        return torch.lerp(self.curve.points[edge], self.curve.points[edge + 1], share)

    def distances(self, centers: Tensor) -> Tensor:
        """Return the distances from centres (c, d) to all codes, (c, n), float64."""
        square = self._squares(centers, torch.float64)
        # a long tail leaves no digits for what is near: then the differences themselves
        if self.curve.rounding <= CLOSE * float(square.median(-1).values.min()):
            return square.clamp_min_(0).sqrt_()
        codes = self.first(len(self.share))
        return torch.stack([(codes - c).norm(dim=1) for c in centers.to(codes)])

    def roughly(self, centers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same in float32, and the distance of the farthest corner, (c,)."""
        length = self.curve.corner_distances(centers).max(-1).values.sqrt()
        return self._squares(centers, torch.float32).clamp_min_(0).sqrt_(), length

    @property
    def unit(self) -> float:
        """Rounding of an interpolation in single precision, with what squares lose before it."""
        lost = 4 * (self.curve.points.shape[1] + 8) * float(torch.finfo(torch.float64).eps)
        return 8 * float(torch.finfo(torch.float32).eps) + lost

    def _squares(self, centers: Tensor, kind: torch.dtype) -> Tensor:
        """Return squared distances (c, n), interpolated between those of the corners."""
        square = self.curve.corner_distances(centers).to(kind)
        sag = (self.share * (1 - self.share) * self.curve.edges[self.edge]).to(kind)  # (n,)
        left, right = (square.index_select(1, end) for end in (self.edge, self.edge + 1))
        return torch.lerp(left, right, self.share.to(kind)).sub_(sag)


def trace(folded: Folded, start: Tensor, slope: Tensor, reach: float) -> Curve:
    r"""Return f(t) = R(z + t a) for :math:`|t| \le` `reach` with all its corners.

    Parameters
    ----------
    folded : Folded
    start : float64 tensor, shape (h,)
        Of one image, from ``folded.first``.
    slope : float64 tensor, shape (h,)
        Of the attribute's direction, from ``folded.first``.
    reach : float
        Positive.

    Returns
    -------
    Curve
        Exact up to rounding in double precision.
    """
    t, values = _second_layer(folded, start, slope, reach)
    for weight, bias in folded.deeper[1:]:
        t, values = bend(t, values)
        _fits(len(t), len(weight))
        values = torch.addmm(bias, values.relu_(), weight.T)
    return Curve(t, values)


def _second_layer(
    folded: Folded, start: Tensor, slope: Tensor, reach: float
) -> tuple[Tensor, Tensor]:
    """Return the bends of layer 1 and both ends, (m,), and layer 2 there, (m, width)."""
    weight, bias = folded.deeper[0]
    root = -start / slope  # infinite or NaN where a unit does not move
    bends = root.abs() < reach
    unit = bends.nonzero()[:, 0]
    _fits(len(unit) + 2, len(weight))
    unit = unit[root[unit].argsort()]
    t = torch.cat([start.new_tensor([-reach]), root[unit], start.new_tensor([reach])])
    # A unit that bends is on before its bend exactly if it falls; another one is as at t = 0.  The
    # sign of its value at the left end would round differently, and its bend count twice.
    on = torch.where(bends, slope < 0, start > 0)
    left = torch.where(on, start - reach * slope, 0)
    # One row per unit of layer 2: sums along rows are several times as fast as down columns.
    grows = torch.cat([(weight @ (on * slope))[:, None], weight[:, unit] * slope[unit].abs()], 1)
    steps = grows.cumsum(1).mul_(t.diff())  # (width, m - 1): slope times length
    first = weight @ left + bias
    values = torch.cat([first[:, None], steps], 1).cumsum(1).T.contiguous()  # (m, width)
    last = weight @ (start + reach * slope).relu() + bias
    if bool(((values[-1] - last).abs() > DRIFT * (1 + last.abs())).any()):
        # steep pieces that cancel leave no digits in the sums: one matrix product, bend by bend
        values = (start + t[:, None] * slope).relu() @ weight.T + bias
    return t, values


def bend(t: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Add a corner wherever a unit changes sign between two neighbouring corners."""
    positive = values > 0
    edge, unit = (positive[:-1] != positive[1:]).nonzero(as_tuple=True)
    _fits(len(t) + len(edge), values.shape[1])
    left, right = values[edge, unit], values[edge + 1, unit]
    share = left / (left - right)
    between = values[edge].lerp_(values[edge + 1], share[:, None])
    between[torch.arange(len(edge), device=t.device), unit] = 0
    whole, order = torch.cat([t, torch.lerp(t[edge], t[edge + 1], share)]).sort(stable=True)
    place = order.argsort()  # of each old and each new corner
    merged = values.new_empty(len(whole), values.shape[1])
    merged[place[: len(t)]], merged[place[len(t) :]] = values, between
    return whole, merged


def _fits(corners: int, width: int) -> None:
    """Refuse a curve whose corners are too many; three copies stand beside each other at most."""
    fits("a curve's corners", corners, width, each=24, fix="use path='folded', with sampling")
