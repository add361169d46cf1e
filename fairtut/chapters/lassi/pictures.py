"""What the chapter draws of single people: curves of codes, balls, searches and swings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.chapters.lassi.directions import directions
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.presets import EQUAL, METHODS, NOISE, Preset, voting
from fairtut.chapters.lassi.protocol import Bools, Cell, Floats, Spec, encoder, head
from fairtut.methods.lassi.center import smooth
from fairtut.methods.lassi.certify import draw
from fairtut.methods.lassi.classifier import vote
from fairtut.methods.lassi.curve import Curve, trace
from fairtut.methods.lassi.exact import REACH, certify_exactly
from fairtut.methods.lassi.learning import encode
from fairtut.methods.lassi.networks import Representation
from fairtut.runtime.precision import double
from fairtut.runtime.seeds import numpy_rng
from fairtut.runtime.threads import torch_threads

_HALVINGS = 12
"""Of the interval in which the largest certified radius is looked for."""
_SHOWN = 600
"""Noisy codes that are drawn."""


@dataclass(frozen=True)
class Model:
    """A representation and its consumer along one attribute vector.

    Attributes
    ----------
    spec : Spec
    representation : Representation
    head : nn.Linear
    sigma : float
        Noise on codes that the head was trained with, and is certified with.
    direction : Tensor, shape (q,)
    """

    spec: Spec
    representation: Representation
    head: nn.Linear
    sigma: float
    direction: Tensor

    def curve(self, z: Tensor, reach: float) -> Curve:
        """Return the curve of codes of one latent (q,) for ``|t| <= reach``."""
        folded = self.representation.fold()
        start, slope = folded.first(z[None].to(self.direction), self.direction[None])
        return trace(folded, start[0], slope[0], reach)


@dataclass(frozen=True)
class Look:
    """Center smoothing of one person, in the space of codes (d numbers).

    Attributes
    ----------
    corners, part : arrays (m, d), (j, d)
        Of the curve where the noise reaches, and within the similarity set.
    plain, center : arrays (d,)
        R(z) and the smoothed code.
    draws : array (l, d)
        Some noisy codes.
    radius, d_cs, d_rs : float
        Of the ball with half of the draws; certified distances (NaN for an abstention).
    normal : array (d,)
    offset : float
        Of the border between the two classes.
    """

    corners: Floats
    part: Floats
    plain: Floats
    center: Floats
    draws: Floats
    radius: float
    d_cs: float
    d_rs: float
    normal: Floats
    offset: float


def models(world: World, preset: Preset, cells: Sequence[Cell]) -> dict[str, Model]:
    """Return the model of each cell by its method, with consumers of equal noise on codes."""
    found = {}
    with torch_threads(1):
        for cell in cells:
            spec = cell.spec
            r = encoder(world, preset, spec)
            consumer = head(world, spec, encode(r, world.z("train")), EQUAL)
            (a,) = directions(world, preset, spec.setting, spec.way, spec.task)
            found[spec.method] = Model(spec, r, consumer, EQUAL, a.to(world.device))
    return found


def first_cells(cells: Sequence[Cell], setting: str) -> list[Cell]:
    """Return a setting's first cell of each method."""
    mine = [cell for cell in cells if cell.spec.setting == setting]
    return [next(c for c in mine if c.spec.method == method) for method in METHODS]


def someone(cells: Sequence[Cell]) -> int:
    """Return an evaluated test image that tells the story, by its place among them.

    LASSI certifies it at equal noise and the others do not, the naive decision changes within its
    similarity set, and nobody is like that whose naive code moves farther.  A wish that nobody
    fulfils beside those before it is dropped.
    """
    naive, aug, lassi = ({c.spec.method: c for c in cells}[method] for method in METHODS)
    assert naive.exact is not None
    wishes: list[Bools] = [
        lassi.test[EQUAL].fair, ~naive.test[EQUAL].fair, ~naive.exact.fair, ~aug.test[EQUAL].fair,
    ]  # fmt: skip
    granted = np.ones(len(naive.y), dtype=bool)
    for wish in wishes:
        granted = granted & wish if (granted & wish).any() else granted
    return int(np.where(granted, naive.exact.distance, -1).argmax())


def look(model: Model, z: Tensor, preset: Preset, stream: int) -> Look:
    """Smooth one latent (q,) and return what can be seen of it."""
    smoothing = preset.smoothing(model.spec.config)
    t = draw(smoothing, 1, model.spec.seed, stream)
    curve = model.curve(z, max(REACH * smoothing.sigma, float(t.abs().max())))
    ball = smooth(curve, t.to(curve.t.device), smoothing)
    votes = vote(model.head, ball.center[None].float(), voting(model.sigma), ids=[stream])
    weight, bias = (double(v.detach()) for v in (model.head.weight, model.head.bias))
    parts = (
        curve.within(3 * smoothing.sigma), curve.within(smoothing.epsilon),
        curve.at(curve.t.new_zeros(1))[0], ball.center,
        curve(t[0].to(curve.t.device)).first(_SHOWN), weight[1] - weight[0],
    )  # fmt: skip
    corners, part, plain, center, draws, normal = (v.cpu().numpy() for v in parts)
    return Look(
        corners, part, plain, center, draws, float(ball.radius), float(ball.d_cs),
        float(votes.d_rs[0]), normal, float(bias[1] - bias[0]),
    )  # fmt: skip


def reached(model: Model, z: Tensor, draws: Sequence[int], seed: int) -> Floats:
    """Return the largest distance that random draws find as a share of the exact one.

    Parameters
    ----------
    model : Model
    z : Tensor, shape (b, q)
    draws : sequence of int
        Numbers of draws.
    seed : int

    Returns
    -------
    array, shape (b, len(draws))
    """
    epsilon, rng = model.spec.config.epsilon, numpy_rng(seed, "search")
    rows = []
    for one in z:
        curve = model.curve(one, epsilon)
        plain = curve.at(curve.t.new_zeros(1))
        exact = float((curve.points - plain).norm(dim=1).max())
        t = torch.from_numpy(rng.uniform(-epsilon, epsilon, max(draws)))
        far = (curve.at(t.to(plain.device)) - plain).norm(dim=1).cummax(0).values
        rows.append(far.cpu().numpy()[np.array(draws) - 1] / exact)
    return np.array(rows)


def swings(model: Model, z: Tensor, stops: Sequence[float]) -> Floats:
    """Return the plain model's probability of class 1 for ``z + t a``, (stops,)."""
    curve = model.curve(z, max(abs(t) for t in stops))
    codes = curve.at(torch.tensor(list(stops), dtype=torch.float64, device=curve.t.device))
    with torch.no_grad():
        share = model.head(codes.float().to(model.head.weight.device)).softmax(1)[:, 1]
    return np.asarray(share.cpu().double())


def certified_part(model: Model, z: Tensor) -> tuple[float, float] | None:
    """Return for which t the smoothed decision of one latent (q,) is certain; None for none.

    Without sampling, for one and the same smoothed model: its noise stays, only the radius of the
    similarity set changes, up to the chapter's.
    """
    epsilon = model.spec.config.epsilon

    def holds(radius: float) -> bool:
        found = certify_exactly(
            model.representation, model.head, z[None], model.direction, radius, NOISE * epsilon
        )
        return bool(found.fair[0])

    if holds(epsilon):
        return -epsilon, epsilon
    low, high = 0.0, epsilon
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (-low, low) if low > 0 else None


def agreement(model: Model, z: Tensor, count: int, seed: int) -> float:
    """Return the largest difference between the curve and the network itself.

    Parameters
    ----------
    model : Model
    z : Tensor, shape (q,)
    count : int
        Random t, normal with the noise of center smoothing.
    seed : int
    """
    sigma = NOISE * model.spec.config.epsilon
    t = torch.from_numpy(numpy_rng(seed, "agreement").normal(0, sigma, count))
    curve = model.curve(z, max(REACH * sigma, float(t.abs().max())))
    t = t.to(curve.t.device)
    a = model.direction
    direct = encode(model.representation, z.to(a) + t.to(a)[:, None] * a)
    return float((curve.at(t) - double(direct)).norm(dim=1).max())


def distances(cells: Mapping[str, Cell]) -> dict[tuple[str, str], Floats]:
    """Return the distances behind certificates, (m,) each, by method and by what they are."""
    found: dict[tuple[str, str], Floats] = {}
    for method, cell in cells.items():
        assert cell.exact is not None and cell.exact.free is not None
        shown = {
            "farthest similar code": cell.exact.distance,
            "certified d_cs, without sampling": cell.exact.free.d_cs,
            "certified d_cs": cell.published.d_cs,
            "certified d_rs": cell.published.d_rs,
        }
        found |= {(method, what): v for what, v in shown.items()}
    return found
