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
from fairtut.methods.lassi.networks import Folded


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
        """A corner, and all corners as seen from it: squares of small numbers lose less."""
        origin = self.points[len(self.points) // 2]
        return origin, self.points - origin

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
        square = seen.square().sum(1)[:, None] + corners.square().sum(1)  # (c, m)
        return torch.addmm(square, seen, corners.T, alpha=-2).clamp_min_(0)

    def within(self, epsilon: float) -> Tensor:
        r"""Return the corners of the part with :math:`|t| \le \epsilon`, both ends among them."""
        ends = self.at(self.t.new_tensor([-epsilon, epsilon]))
        return torch.cat([ends[:1], self.points[self.t.abs() < epsilon], ends[1:]])


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
        """Return the distances from centres (c, d) to all codes, (c, n); float32 for c > 1."""
        square = self.curve.corner_distances(centers)
        sag = self.share * (1 - self.share) * self.curve.edges[self.edge]  # (n,)
        kind = torch.float32 if len(centers) > 1 else torch.float64
        square, share = square.to(kind), self.share.to(kind)
        left, right = (square.index_select(1, end) for end in (self.edge, self.edge + 1))
        return torch.lerp(left, right, share).sub_(sag.to(kind)).clamp_min_(0).sqrt_()


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
        t, values = _bend(t, values)
        values = torch.addmm(bias, values.relu_(), weight.T)
    return Curve(t, values)


def _second_layer(
    folded: Folded, start: Tensor, slope: Tensor, reach: float
) -> tuple[Tensor, Tensor]:
    """Return the bends of layer 1 and both ends, (m,), and layer 2 there, (m, width)."""
    weight, bias = folded.deeper[0]
    root = -start / slope  # infinite or NaN where a unit does not move
    unit = (root.abs() < reach).nonzero()[:, 0]
    unit = unit[root[unit].argsort()]
    t = torch.cat([start.new_tensor([-reach]), root[unit], start.new_tensor([reach])])
    left = start - reach * slope
    on = (left > 0) | ((left == 0) & (slope > 0))
    # One row per unit of layer 2: sums along rows are several times as fast as down columns.
    grows = torch.cat([(weight @ (on * slope))[:, None], weight[:, unit] * slope[unit].abs()], 1)
    steps = grows.cumsum(1).mul_(t.diff())  # (width, m - 1): slope times length
    first = weight @ left.relu() + bias
    return t, torch.cat([first[:, None], steps], 1).cumsum(1).T.contiguous()  # (m, width)


def _bend(t: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Add a corner wherever a unit changes sign between two neighbouring corners."""
    positive = values > 0
    edge, unit = (positive[:-1] != positive[1:]).nonzero(as_tuple=True)
    left, right = values[edge, unit], values[edge + 1, unit]
    share = left / (left - right)
    between = torch.lerp(values[edge], values[edge + 1], share[:, None])
    between[torch.arange(len(edge), device=t.device), unit] = 0
    whole, order = torch.cat([t, torch.lerp(t[edge], t[edge + 1], share)]).sort(stable=True)
    return whole, torch.cat([values, between])[order]
