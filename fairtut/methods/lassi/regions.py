r"""Exact verdicts for several attributes: branch and bound over boxes that cover the ball.

**Is the decision constant?**  With a linear head, the lead of the decision y over a class j is
a sum of codes.  Its lower bound in a box (:mod:`~fairtut.methods.lassi.bounds`) is positive: the
box is done.  It is not: the network is evaluated where the bound is least, and if another class
leads there, the decision changes, at a point that can be shown.  Else the box is halved.  Errors of
the bounds shrink with the square of a box, so that few are needed far from the border.

**How far do codes move?**  In a box around c let w be the direction of the middle of the bounds
from f(0).  Then :math:`\|f - f(0)\|^2` is the square along w, which the same backward bound limits,
plus the square across w, which is 0 in the middle and limited forwards.  Boxes that cannot beat the
farthest code found so far by more than the stated share are given up.

**Rounding.**  A lead or a distance must win by more than rounding takes in its worst case
(:meth:`~fairtut.methods.lassi.bounds.Local.rounding`), so a tie is never called constant.
Everything is about the folded network in double precision.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtut.methods.lassi.bounds import Boxes, Forms, Local, least
from fairtut.methods.lassi.classifier import margins
from fairtut.runtime.seeds import torch_rng

_NUMBERS = 2**22
"""Numbers of one layer's forms that are held at a time: 32 MB."""
_BATCH = 2048
"""Boxes that are looked at together, at most."""
_TRIED = 256
"""Points of the ball that are tried before any bound."""


@dataclass(frozen=True)
class Limit:
    """When a search gives up.

    Parameters
    ----------
    regions : int
        Boxes that are bounded.
    end : float or None
        When ``time.monotonic()`` says this; None is never.
    """

    regions: int
    end: float | None = None

    def reached(self, seen: int) -> bool:
        """Say whether the search is over after so many boxes."""
        return seen >= self.regions or (self.end is not None and time.monotonic() >= self.end)


@dataclass(frozen=True)
class Leads:
    """How far the decision leads other classes, as sums of codes.

    Parameters
    ----------
    prediction : int
        The decision at t = 0.
    weight : float64 tensor, shape (m, d)
        A row for each other class that can lead or tie.
    bias : float64 tensor, shape (m,)
    rounding : float64 tensor, shape (m,)
        What a lead may lose.
    """

    prediction: int
    weight: Tensor
    bias: Tensor
    rounding: Tensor

    @classmethod
    def of(cls, head: nn.Linear, code: Tensor, rounding: Tensor) -> Leads:
        """Return the leads of the decision at a code (d,); codes lose up to `rounding`, (d,)."""
        prediction = int(margins(head, code[None])[0])
        weight = head.weight.detach().to(code)
        bias = weight.new_zeros(len(weight)) if head.bias is None else head.bias.detach().to(code)
        # a class with the same weights and a smaller bias never leads; with an equal one it ties
        others = (weight != weight[prediction]).any(1) | (bias >= bias[prediction])
        others[prediction] = False
        sizes = weight.abs() + weight[prediction].abs()
        both = bias.abs() + bias[prediction].abs()
        lost = 2 * sizes @ rounding + 8 * torch.finfo(torch.float64).eps * both
        apart, ahead = weight[prediction] - weight, bias[prediction] - bias
        return cls(prediction, apart[others], ahead[others], lost[others])

    def at(self, codes: Tensor) -> Tensor:
        """Return the least lead less its rounding, and with it, of codes (d, b): (2, b)."""
        lead = self.weight @ codes + self.bias[:, None]
        return torch.stack([(lead + sign * self.rounding[:, None]).amin(0) for sign in (-1, 1)])


@dataclass(frozen=True)
class Settled:
    """What a search says of the decision.

    Parameters
    ----------
    constant : bool or None
        None if it was not settled.
    where : Tensor, shape (k,), or None
        A point at which another class leads.
    regions : int
        Boxes that were bounded.
    """

    constant: bool | None
    where: Tensor | None
    regions: int


Assess = Callable[[Boxes, list[Forms]], tuple[Tensor, Tensor] | None]
"""Boxes and their forms to which of them stay open, and a rank, small first; None to stop."""


def settle(local: Local, leads: Leads, epsilon: float, limit: Limit) -> Settled:
    """Decide whether the decision at t = 0 leads everywhere in the ball."""
    where: list[Tensor] = []

    def looked(points: Tensor) -> bool:
        """Say whether points (k, b) end the search: a change, or a tie, which nothing can prove."""
        low, high = leads.at(local.at(points))
        if float(high.min()) < 0:
            where.append(points[:, high.argmin()])
        return float(low.min()) <= 0

    def assess(boxes: Boxes, forms: list[Forms]) -> tuple[Tensor, Tensor] | None:
        worst = boxes.low.new_full((len(boxes),), math.inf)
        points = boxes.middle
        for weight, bias, lost in zip(leads.weight, leads.bias, leads.rounding, strict=True):
            constant, slope = local.below(weight[:, None].expand(-1, len(boxes)), boxes, forms)
            value, point = least(constant + bias - lost, slope, boxes, epsilon)
            points = torch.where(value < worst, point, points)
            worst = torch.minimum(worst, value)
        return None if looked(points) else (worst <= 0, worst)

    if len(leads.weight) == 0:
        return Settled(True, None, 0)
    seen, rest = 0, torch.ones(1)
    if not looked(tried(len(local.affine[0]) - 1, epsilon)):
        seen, rest = search(local, epsilon, limit, assess)
    if where:
        return Settled(False, where[-1], seen)
    return Settled(None if len(rest) else True, None, seen)


def farthest(
    local: Local, epsilon: float, limit: Limit, gap: float, lost: float
) -> tuple[float, float, int]:
    """Return a distance from f(0) that the ball reaches, one it does not exceed, and boxes.

    The second stands at most `gap`, a share, above the first, and what rounding has `lost`, unless
    the limit comes first.
    """
    k = len(local.affine[0]) - 1
    middle = local.at(local.affine[0].new_zeros(k, 1))  # (d, 1)
    best = float((local.at(tried(k, epsilon)) - middle).norm(dim=0).max())
    ceiling = 0.0

    def assess(boxes: Boxes, forms: list[Forms]) -> tuple[Tensor, Tensor]:
        nonlocal best, ceiling
        away = forms[-1].value - middle
        w = away / away.norm(dim=0).clamp_min(1e-300)
        constant, slope = local.below(-w, boxes, forms)
        value, points = least(constant + (w * middle).sum(0), slope, boxes, epsilon)
        best = max(best, float((local.at(points) - middle).norm(dim=0).max()))
        along, across = _spreads(w, forms[-1], boxes.half)
        back = along - away.norm(dim=0)  # the other way along w, in large boxes
        bound = torch.hypot(torch.maximum(-value, back), across) + lost
        stay = bound > (1 + gap) * best + 2 * lost
        ceiling = max(ceiling, float(bound[~stay].max()) if not stay.all() else 0.0)
        return stay, -bound

    seen, rest = search(local, epsilon, limit, assess)
    return best, max(ceiling, best + lost, float(-rest.min()) if len(rest) else 0.0), seen


def _spreads(w: Tensor, codes: Forms, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far codes lie from those in the middle, along unit vectors w and across, (b,)."""
    error = codes.error.norm(dim=0)
    along = (w * codes.slope).sum(1)  # (k, b)
    across = (codes.slope - w * along[:, None]).norm(dim=1)
    return (half * along.abs()).sum(0) + error, (half * across).sum(0) + error


def search(local: Local, epsilon: float, limit: Limit, assess: Assess) -> tuple[int, Tensor]:
    """Halve boxes until none is open; return how many were bounded, and the ranks of those left."""
    k = len(local.affine[0]) - 1
    widest = max(local.size, *(len(units) for units in local.units), 1)
    batch = max(min(_NUMBERS // ((k + 2) * widest), _BATCH), 1)
    boxes = Boxes.whole(k, epsilon)
    order = boxes.low.new_full((1,), -math.inf)
    seen = 0
    while len(order) and not limit.reached(seen):
        best = order.argsort()
        mine, boxes = boxes[best[:batch]], boxes[best[batch:]]
        mine_order, order = order[best[:batch]], order[best[batch:]]
        seen += len(mine)
        forms = local.forms(mine)
        found = assess(mine, forms)
        if found is None:
            return seen, torch.cat([mine_order, order])
        rows = found[0].nonzero()[:, 0]
        halves = mine[rows].halves(_longest(local, mine, forms)[rows])
        kept, meets = halves.within(epsilon)
        boxes = Boxes(torch.cat([boxes.low, kept.low], 1), torch.cat([boxes.high, kept.high], 1))
        order = torch.cat([order, found[1][rows].repeat(2)[meets]])
    return seen, order


def _longest(local: Local, boxes: Boxes, forms: list[Forms]) -> Tensor:
    """Return along which axis the units that switch move most, (b,)."""
    half = boxes.half
    moved = half * 1e-9  # where nothing switches: the longest side
    for form in forms[:-1]:
        open_ = form.value.abs() < form.spread(half)
        moved = moved + half * (form.slope.abs() * open_).sum(1)
    return moved.argmax(0)


def tried(k: int, epsilon: float) -> Tensor:
    """Return points of the ball that are tried before any bound, (k, m): ends, border, inside."""
    rng = torch_rng(0, "regions", k)
    t = torch.randn(k, _TRIED, generator=rng, dtype=torch.float64)
    t = t / t.norm(dim=0)
    t[:, ::2] *= torch.rand(_TRIED // 2, generator=rng, dtype=torch.float64) ** (1 / k)
    ends = torch.eye(k, dtype=torch.float64)
    return epsilon * (1 - 1e-15) * torch.cat([ends, -ends, 0 * ends[:, :1], t], 1)
