r"""R around one person: a small ReLU network of t, and linear bounds on it in boxes of t.

With batch norm folded, :math:`f(t) = R(z + A^\top t)` is a ReLU network of k inputs.  Units that
keep their sign on the whole similarity set are linear there and drop out (:meth:`Local.reduce`):
of thousands of units some dozens are left.  What is left of layer l sees t and all units before it,

.. math:: p_l = c_l + J_l t + M_l\, (h_1, \dots, h_{l-1}), \qquad h_l = \max(p_l, 0).

In a box of t, every unit has bounds :math:`[l, u]`.  A ReLU that switches in it lies between two
lines, :math:`\alpha p \le h \le \lambda (p - l)` with :math:`\lambda = u / (u - l)` and any
:math:`\alpha` in [0, 1].  *Forwards* both have the slope :math:`\lambda`, so that each unit is a
linear form and a constant error.  *Backwards* a sum of codes collects, unit by unit, the line that
bounds it (Zhang et al., 2018, CROWN; Singh et al., 2019, DeepPoly): a linear form below the sum in
the whole box.  Its least value on the box within the ball follows from duality (:func:`least`).

All boxes of a batch are handled at once; the last axis of every tensor counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fairtut.methods.lassi.networks import Folded

_STEPS = 24
"""Halvings of a multiplier; any value gives a bound, a better one a tighter bound."""


@dataclass(frozen=True)
class Boxes:
    """Boxes of t, each the smallest that holds its part of the ball.

    Parameters
    ----------
    low, high : float64 tensors, shape (k, b)
    """

    low: Tensor
    high: Tensor

    @classmethod
    def whole(cls, k: int, epsilon: float) -> Boxes:
        """Return one box around the ball."""
        high = torch.full((k, 1), epsilon, dtype=torch.float64)
        return cls(-high, high)

    def __len__(self) -> int:
        return self.low.shape[1]

    def __getitem__(self, rows: Tensor) -> Boxes:
        return Boxes(self.low[:, rows], self.high[:, rows])

    @property
    def middle(self) -> Tensor:
        """Centres, (k, b)."""
        return (self.low + self.high) / 2

    @property
    def half(self) -> Tensor:
        """Half of the sides, (k, b)."""
        return (self.high - self.low) / 2

    def halves(self, axis: Tensor) -> Boxes:
        """Return both halves of every box along its axis (b,), 2 b boxes."""
        cut = torch.zeros_like(self.low, dtype=torch.bool).scatter_(0, axis[None], True)
        middle = self.middle
        low = torch.cat([self.low, torch.where(cut, middle, self.low)], 1)
        high = torch.cat([torch.where(cut, middle, self.high), self.high], 1)
        return Boxes(low, high)

    def within(self, epsilon: float) -> tuple[Boxes, Tensor]:
        """Return boxes that meet the ball, shrunk to what they share with it, and which meet it."""
        near = torch.maximum(self.low, -self.high).clamp_min(0)  # of the point next to 0
        square = near.square()
        room = epsilon**2 * (1 + 1e-12) - (square.sum(0) - square)  # outward by more than rounding
        meets = (square.sum(0) <= epsilon**2 * (1 + 1e-12)) & (room >= 0).all(0)
        most = room.clamp_min(0).sqrt()
        low, high = torch.maximum(self.low, -most), torch.minimum(self.high, most)
        return Boxes(low, torch.maximum(low, high))[meets], meets


@dataclass(frozen=True)
class Forms:
    """Linear forms with an error around the middles of boxes: value + slope · (t - middle) ± error.

    Parameters
    ----------
    value : Tensor, shape (n, b)
    slope : Tensor, shape (k, n, b)
    error : Tensor, shape (n, b)
    """

    value: Tensor
    slope: Tensor
    error: Tensor

    def spread(self, half: Tensor) -> Tensor:
        """Return how far values lie from those in the middle, at most, (n, b)."""
        return (self.slope.abs() * half[:, None]).sum(0) + self.error


@dataclass(frozen=True)
class Local:
    """R around one person as a network of t; see the module.

    Parameters
    ----------
    affine : tuple of float64 tensors, shape (1 + k, n)
        Of each layer before its ReLU, the codes last: constants, then slopes along t.
    units : tuple of float64 tensors, shape (n, m)
        How it depends on the m units of all layers before it.
    """

    affine: tuple[Tensor, ...]
    units: tuple[Tensor, ...]

    @classmethod
    def of(cls, folded: Folded, start: Tensor, slopes: Tensor) -> Local:
        """Return the whole network of one person: start (h,) and slopes (k, h)."""
        affine, units = [torch.cat([start[None], slopes])], [start.new_zeros(len(start), 0)]
        for weight, bias in folded.deeper:  # a layer sees the one before it, and nothing earlier
            affine.append(torch.cat([bias[None], bias.new_zeros(len(slopes), len(bias))]))
            units.append(torch.nn.functional.pad(weight, (units[-1].shape[1], 0)))
        return cls(tuple(affine), tuple(units))

    @property
    def size(self) -> int:
        """Units that may switch."""
        return self.units[-1].shape[1]

    def rounding(self, epsilon: float) -> Tensor:
        """Return a bound on the rounding of each code, and of any bound on it, in the ball, (d,).

        Worst case of sums of this length, layer by layer: no intermediate number exceeds the sum
        of the sizes of its parts, and the lines around a ReLU at most double its argument's.
        """
        width = max(units.shape[1] for units in self.units) + len(self.affine[-1][0])
        unit = 16 * (width + len(self.affine[0]) + 8) * torch.finfo(torch.float64).eps
        size = lost = self.affine[0].new_zeros(0)
        for affine, units in zip(self.affine, self.units, strict=True):
            mine = affine[0].abs() + epsilon * affine[1:].abs().sum(0) + units.abs() @ size
            error = unit * mine + units.abs() @ lost
            size, lost = torch.cat([size, 2 * mine]), torch.cat([lost, 2 * error])
        return error

    def at(self, t: Tensor) -> Tensor:
        """Return codes at points t (k, b), as (d, b)."""
        seen = t.new_zeros(0, t.shape[1])
        for affine, units in zip(self.affine, self.units, strict=True):
            value = affine[0][:, None] + affine[1:].T @ t + units @ seen
            seen = torch.cat([seen, value.relu()])
        return value

    def forms(self, boxes: Boxes) -> list[Forms]:
        """Return forms of every layer before its ReLU and of the codes, forwards."""
        middle, half = boxes.middle, boxes.half
        k, b = middle.shape
        seen = Forms(middle.new_zeros(0, b), middle.new_zeros(k, 0, b), middle.new_zeros(0, b))
        found = []
        for affine, units in zip(self.affine, self.units, strict=True):
            form = Forms(
                affine[0][:, None] + affine[1:].T @ middle + units @ seen.value,
                affine[1:, :, None] + units @ seen.slope,
                units.abs() @ seen.error,
            )
            found.append(form)
            seen = _joined(seen, _relu(form, half))
        return found

    def reduce(self, boxes: Boxes) -> Local:
        """Return the same function on one box, without the units that keep their sign in it."""
        half = boxes.half
        affine: list[Tensor] = []
        units: list[Tensor] = []
        k = len(half)
        # every old unit as a sum of the new ones and of a linear form of t
        sums, parts = half.new_zeros(0, 0), half.new_zeros(1 + k, 0)
        for i, form in enumerate(self.forms(boxes)):
            own = self.affine[i] + parts @ self.units[i].T  # (1 + k, n)
            mine = self.units[i] @ sums  # (n, new units before)
            if i == len(self.units) - 1:
                return Local((*affine, own), (*units, mine))
            spread = form.spread(half)
            on, off = ((sign * form.value - spread)[:, 0] > 0 for sign in (1, -1))
            open_ = (~on & ~off).nonzero()[:, 0]
            affine.append(own[:, open_])
            units.append(mine[open_])
            rows = torch.cat([mine * on[:, None], mine.new_zeros(len(on), len(open_))], 1)
            rows[open_, mine.shape[1] + torch.arange(len(open_))] = 1
            sums = torch.cat([torch.nn.functional.pad(sums, (0, len(open_))), rows])
            parts = torch.cat([parts, own * on], 1)
        raise AssertionError("a network ends in its codes")

    def below(self, rows: Tensor, boxes: Boxes, forms: list[Forms]) -> tuple[Tensor, Tensor]:
        """Return linear forms below sums of codes, backwards.

        Parameters
        ----------
        rows : Tensor, shape (d, b)
            Weights of the sum in each box.
        boxes : Boxes
        forms : list of Forms
            ``self.forms(boxes)``.

        Returns
        -------
        constant : Tensor, shape (b,)
            At t = 0.
        slope : Tensor, shape (k, b)
        """
        half = boxes.half
        form = self.affine[-1] @ rows  # (1 + k, b)
        weight = self.units[-1].T @ rows  # (all units, b)
        for affine, units, bounds in reversed(
            list(zip(self.affine[:-1], self.units[:-1], forms[:-1], strict=True))
        ):
            before = units.shape[1]
            mine, weight = weight[before:], weight[:before]
            spread = bounds.spread(half)
            low, high = bounds.value - spread, bounds.value + spread
            share = _share(low, high)
            under = torch.where((low < 0) & (high > 0), (high > -low).to(low), share)
            slope = mine * torch.where(mine > 0, under, share)
            raised = -(mine.clamp_max(0) * share * low.clamp_max(0)).sum(0)
            form = form + affine @ slope
            form[0] += raised
            weight = weight + units.T @ slope
        return form[0], form[1:]


def least(constant: Tensor, slope: Tensor, boxes: Boxes, epsilon: float) -> tuple[Tensor, Tensor]:
    r"""Return lower bounds of linear forms on boxes within the ball, and points of small value.

    For any :math:`s > 0` the least value is at least that of
    :math:`g^\top t + (\|t\|^2 - \epsilon^2) / 2s` on the box, attained at :math:`-s g` clipped
    to it.  The best s is the largest with that point in the ball; halving finds it.

    Parameters
    ----------
    constant : Tensor, shape (b,)
    slope : Tensor, shape (k, b)
    boxes : Boxes
        All of them meet the ball.
    epsilon : float
        Radius of the ball.

    Returns
    -------
    value : Tensor, shape (b,)
    point : Tensor, shape (k, b)
        In the box and in the ball, but for rounding.
    """
    corner = torch.where(slope > 0, boxes.low, boxes.high)
    free = constant + (slope * corner).sum(0)
    high = 4 * epsilon * len(slope) / slope.abs().amax(0).clamp_min(1e-300)
    low = torch.zeros_like(high)
    for _ in range(_STEPS):
        s = (low + high) / 2
        inside = _clipped(slope, s, boxes).square().sum(0) <= epsilon**2
        low, high = torch.where(inside, s, low), torch.where(inside, high, s)
    point = _clipped(slope, low, boxes)
    beyond = (point.square().sum(0) - epsilon**2) / (2 * low.clamp_min(1e-300))
    value = torch.maximum(free, constant + (slope * point).sum(0) + beyond)
    inside = corner.square().sum(0) <= epsilon**2
    return torch.where(inside, free, value), torch.where(inside, corner, point)


def _clipped(slope: Tensor, s: Tensor, boxes: Boxes) -> Tensor:
    return torch.minimum(torch.maximum(-s * slope, boxes.low), boxes.high)


def _share(low: Tensor, high: Tensor) -> Tensor:
    r"""Return the slope of a unit's upper line: 1 if it is on, 0 if off, else u / (u - l)."""
    return high.clamp_min(0) / (high.clamp_min(0) - low.clamp_max(0)).clamp_min(1e-300)


def _relu(form: Forms, half: Tensor) -> Forms:
    """Return forms of units after their ReLU: both lines have the same slope."""
    spread = form.spread(half)
    low, high = form.value - spread, form.value + spread
    share = _share(low, high)
    raised = -share * low.clamp_max(0) / 2
    return Forms(share * form.value + raised, share * form.slope, share * form.error + raised)


def _joined(first: Forms, second: Forms) -> Forms:
    return Forms(
        torch.cat([first.value, second.value]),
        torch.cat([first.slope, second.slope], 1),
        torch.cat([first.error, second.error]),
    )
