r"""Certificates with planted counterexamples: networks whose truth is known beforehand.

A network here reads one number p of a latent and computes a piecewise linear :class:`Profile` g(p)
as one coordinate of its code; the head decides for class 1 where g is above a border.  Along the
directions, :math:`p = p_0 + u^\top t`, so a similarity set is an interval of p, and whether the
decision changes in it can be read off the corners of g.  All numbers are sums of few powers of two:
neither single nor double precision rounds any of them, and so the truth is exact, down to spikes of
a millionth of the set and flips exactly at its ends.

Two truths belong to each latent (:class:`Case`):

* ``constant``: the *plain* decision is the same on the whole set; a tie counts as a change;
* ``differs``: the decisions of the *smoothed* model at the latent and at the planted similar latent
  ``other`` differ for certain.  More than 0.6 of the mass of f lies on one point at each, so this
  point is the smallest ball with half of the mass.

Where ``differs`` is False, a smoothed decision at ``other`` may still be another one: whoever
certifies is asked (:mod:`~fairtut.methods.lassi.attack`).

>>> step = Profile(np.array([0.0, 0.5]), np.array([-1.0, 1.0]))
>>> case = build("step", Plan(step, np.array([-2.0, 0.5])), np.random.default_rng(0))
>>> case.constant.tolist()  # the first set ends before the step, the second holds the crossing
[True, False]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtr
from torch import Tensor, nn

from fairtut.methods.lassi.networks import Representation, linear

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LATENTS: Final = 8
"""Latents of a case."""
SURE: Final = 0.6
"""Mass on one point that makes it the smoothed code, but for a chance far below any alpha."""
_READS: Final = {1: (1.0,), 2: (1.0, 0.75), 3: (1.0, 0.5, 1.0)}
"""How p moves with t, u; lengths 1, 1.25 and 1.5."""


@dataclass(frozen=True)
class Profile:
    """A piecewise linear function of one number.

    Parameters
    ----------
    knots, values : float arrays, shape (m,)
        Corners, in increasing order.
    left, right : float
        Slopes outside of the corners.
    """

    knots: Floats
    values: Floats
    left: float = 0.0
    right: float = 0.0

    def __call__(self, p: Floats) -> Floats:
        """Return g at numbers of any shape."""
        before = self.left * np.minimum(p - self.knots[0], 0)
        after = self.right * np.maximum(p - self.knots[-1], 0)
        return np.interp(p, self.knots, self.values) + before + after

    def range(self, low: float, high: float) -> tuple[float, float]:
        """Return the least and the largest value on an interval."""
        inside = self.knots[(self.knots > low) & (self.knots < high)]
        seen = self(np.array([low, *inside, high]))
        return float(seen.min()), float(seen.max())

    def steady(self, p: float, spread: float) -> tuple[float, float]:
        """Return the value that g takes with the largest mass under N(p, spread²), and the mass."""
        flat = np.concatenate([[self.left == 0], np.diff(self.values) == 0, [self.right == 0]])
        ends = np.concatenate([[-np.inf], self.knots, [np.inf]])
        mass = np.diff(ndtr((ends - p) / spread)) * flat
        value = np.concatenate([self.values[:1], self.values])
        totals = {v: float(mass[value == v].sum()) for v in np.unique(value)}
        best = max(totals, key=lambda v: totals[v])
        return float(best), totals[best]


@dataclass(frozen=True)
class Case:
    """Latents of one network, and the truth about each.

    Parameters
    ----------
    kind : str
        What is planted.
    encoder, classifier : nn.Module
        Latents (n, q) to codes (n, d), and codes to logits.
    z : Tensor, shape (b, q)
    directions : Tensor, shape (k, q)
    other : Tensor, shape (b, q)
        One similar latent per latent, fixed before anything is drawn.
    epsilon, sigma : float
        Radius of the similarity set and noise, in units of the directions.
    constant, differs : bool arrays, shape (b,)
        The truth (see the module).  Of input that nobody can certify, such as NaN: False and True.
    """

    kind: str
    encoder: nn.Module
    classifier: nn.Module
    z: Tensor
    directions: Tensor
    other: Tensor
    epsilon: float
    sigma: float
    constant: Bools
    differs: Bools


@dataclass(frozen=True)
class Plan:
    """What a kind plants; :func:`build` makes the networks.

    Parameters
    ----------
    profile : Profile
    positions : float array, shape (b,)
        p of the latents.
    border : float
        The head decides for class 1 where g is above it.
    epsilon, sigma : float
    k : int or None
        Directions; drawn if None.
    size : float
        Scale of the directions, a power of two.
    origin : float or None
        Scale of the latent with p = 0; that of the directions if None.
    gain : float
        Scale of codes.
    dull : int
        Units that never switch on, and copies of others.
    change : callable, optional
        From the finished case and a generator to another case.
    """

    profile: Profile
    positions: Floats
    border: float = 0.0
    epsilon: float = 1.0
    sigma: float = 1.0
    k: int | None = None
    size: float = 1.0
    origin: float | None = None
    gain: float = 1.0
    dull: int = 2
    change: Callable[[Case, np.random.Generator], Case] | None = None


def build(kind: str, plan: Plan, rng: np.random.Generator) -> Case:
    """Return the case of a plan: networks, latents and truth."""
    k = plan.k or int(rng.choice([1, 1, 1, 2, 3]))
    u = np.array(_READS[k])
    a, reads, origin = _space(u, plan, rng)
    p, length = plan.positions, float(np.linalg.norm(u))
    z = origin + p[:, None] * a[0]
    reach, spread = plan.epsilon * length, plan.sigma * length
    # Towards zero, so that the similar latent is inside; exact for one direction.
    t = np.floor(plan.epsilon * u / length * 2**20) / 2**20
    side = np.array([_far_side(plan, float(x), float(u @ t), spread) for x in p])
    low_high = np.array([plan.profile.range(x - reach, x + reach) for x in p]) - plan.border
    constant = (low_high[:, 0] > 0) | (low_high[:, 1] < 0)
    differs = np.array([
        _flips(plan, float(x), float(x + s * (u @ t)), spread)
        for x, s in zip(p, side, strict=True)
    ])  # fmt: skip
    encoder, classifier = _networks(plan, reads, rng)
    latents, directions, other = (
        torch.from_numpy(v).float() for v in (z, a, z + (side[:, None] * t) @ a)
    )
    case = Case(
        kind, encoder, classifier, latents, directions, other,
        plan.epsilon, plan.sigma, constant, differs,
    )  # fmt: skip
    return case if plan.change is None else plan.change(case, rng)


def _far_side(plan: Plan, p: float, step: float, spread: float) -> float:
    """Return the end of the set, -1 or 1, at which most of the mass is decided otherwise."""
    here = plan.profile.steady(p, spread)[0] > plan.border
    ends = {s: plan.profile.steady(p + s * step, spread) for s in (1.0, -1.0)}
    return max(ends, key=lambda s: ends[s][1] * ((ends[s][0] > plan.border) != here))


def _flips(plan: Plan, p: float, q: float, spread: float) -> bool:
    """Return whether the smoothed decisions at p and q differ for certain."""
    (one, sure), (two, also) = (plan.profile.steady(x, spread) for x in (p, q))
    apart = (one > plan.border) != (two > plan.border) and plan.border not in (one, two)
    return bool(apart and min(sure, also) >= SURE)


def _space(u: Floats, plan: Plan, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return directions (k, q), the row (q,) that reads p, and a latent (q,) with p = 0."""
    k = len(u)
    first = np.tril(rng.integers(-1, 2, (k, k)) / 2, -1) + np.diag(2.0 ** rng.integers(-1, 2, k))
    rest = rng.integers(-2, 3, (k, 2)) / 2
    reads = rng.integers(-2, 3, 2) / 4
    lead = solve_triangular(first, u - rest @ reads, lower=True)
    a = plan.size * np.concatenate([first, rest, np.zeros((k, 1))], 1)
    row = np.concatenate([lead, reads, [1.0]]) / plan.size
    origin = rng.integers(-8, 9, k + 3) / 8 * (plan.size if plan.origin is None else plan.origin)
    origin[-1] = -(row[:-1] @ origin[:-1]) * plan.size  # the last coordinate balances the others
    return a, row, origin


def _networks(
    plan: Plan, row: Floats, rng: np.random.Generator
) -> tuple[Representation, nn.Linear]:
    """Return the encoder of a profile and its head."""
    g, outputs = plan.profile, int(rng.integers(2, 5))
    # The other coordinates of a code depend on g alone: where it stands still, so do they.
    mix = rng.integers(-2, 3, (outputs - 1, 2)) / 4
    table = np.vstack([g.values, mix @ np.vstack([g.values, g.values**2])])  # (d, m)
    if g.left or g.right:
        table[1:] = 0
    slopes = np.diff(table, axis=1) / np.diff(g.knots)
    zero = np.zeros((outputs, 1))
    tail = zero.copy()
    tail[0] = g.right
    bends = np.diff(np.hstack([zero, slopes, tail]), axis=1)  # (d, m)
    weight = np.vstack([np.tile(row, (len(g.knots), 1)), -row])
    bias = np.append(-g.knots, g.knots[0])
    tail[0] = -g.left
    out = np.hstack([bends, tail])
    picked = rng.permutation(len(bias))[: plan.dull]
    out[:, picked] /= 2  # copies share the weight of what they copy
    weight = np.vstack([weight, weight[picked], 0 * weight[picked]])
    bias = np.concatenate([bias, bias[picked], np.full(len(picked), -64.0)])
    out = np.hstack([out, out[:, picked], rng.integers(-2, 3, (outputs, len(picked)))])
    layers = [(weight, bias), (out, table[:, 0])]
    if rng.random() < 0.5:  # one layer more: both signs of each coordinate
        both = np.vstack([out, -out]), np.concatenate([table[:, 0], -table[:, 0]])
        layers[1:] = [both, (np.hstack([np.eye(outputs), -np.eye(outputs)]), np.zeros(outputs))]
    layers[-1] = (plan.gain * layers[-1][0], plan.gain * layers[-1][1])
    return _representation(layers, plan.gain, rng), _head(plan, outputs, rng)


def _representation(
    layers: list[tuple[Floats, Floats]], gain: float, rng: np.random.Generator
) -> Representation:
    """Return R with these layers, through batch norms that change nothing in evaluation mode."""
    widths = [len(bias) for _, bias in layers]
    r = Representation(layers[0][0].shape[1], widths[:-1], widths[-1])
    for layer, norm, (weight, bias) in zip(r.linears, r.norms, layers, strict=True):
        assert isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
        assert norm.running_mean is not None and norm.running_var is not None
        mean, scale = rng.integers(-1, 2, len(bias)) * 1.0, 2.0 ** rng.integers(-2, 3, len(bias))
        if norm.affine:
            norm.weight.data[:] = torch.from_numpy(scale)
        else:  # no weight of its own: the linear map before it makes up for the scale
            weight, bias, mean = weight * scale[:, None], bias * scale, mean * gain
        layer.weight.data[:] = torch.from_numpy(weight)
        layer.bias.data[:] = torch.from_numpy(bias + mean)
        norm.eps = 0.0
        norm.running_mean[:] = torch.from_numpy(mean)
        norm.running_var[:] = torch.from_numpy(scale**2)
    return r.eval()


def _head(plan: Plan, outputs: int, rng: np.random.Generator) -> nn.Linear:
    """Return the head that decides for class 1 where the first coordinate is above the border."""
    head = linear(outputs, 2)
    shared = rng.integers(-2, 3, outputs) / 4  # of both classes, so it decides nothing
    side = np.eye(outputs)[0] / 2
    head.weight.data[:] = torch.from_numpy(np.stack([shared - side, shared + side]) / plan.gain)
    head.bias.data[:] = torch.tensor([plan.border / 2, -plan.border / 2])
    return head
