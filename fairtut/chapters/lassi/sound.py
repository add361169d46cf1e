"""Does a certificate hold: search the similarity sets of certified images for another decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.chapters.lassi import listing
from fairtut.chapters.lassi.directions import directions
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.measures import numbers
from fairtut.chapters.lassi.presets import NOISE, Preset, voting
from fairtut.chapters.lassi.protocol import Cell, Spec, encoder, head
from fairtut.methods.lassi.certify import classify, smooth_codes
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.learning import encode
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.similar import draw_similar
from fairtut.metrics.entry import Entry
from fairtut.runtime.seeds import torch_rng

TRIED: Final = 6
"""Similar latents per image whose decision is computed with all of its noise."""
DENSE: Final = 21
"""Similar latents per image for certificates without sampling (one attribute)."""


@dataclass(frozen=True)
class Search:
    """What the search of one cell found.

    Attributes
    ----------
    setting : str
    images, tried : int
        Certified images, and their similar latents that got a decision.
    contradicted : int
        Certified images with a similar latent that is decided otherwise.
    moved : float
        Farthest that a smoothed code moved, in units of its certified distance.
    alpha : float
        Chance of a wrong certificate about one similar latent of an image.
    free_images, free_contradicted : int
        The same for certificates without sampling.
    """

    setting: str
    images: int
    tried: int
    contradicted: int
    moved: float
    alpha: float
    free_images: int
    free_contradicted: int


def search(world: World, preset: Preset, cells: Sequence[Cell]) -> list[Search]:
    """Search around certified images of LASSI's first seed in every setting.

    ``preset.checked`` images in all.  Each image is tried at the two ends of the first attribute's
    axis and at random members of its set; its certificate claims that the smoothed model decides
    all of them alike.

    Parameters
    ----------
    world : World
    preset : Preset
    cells : sequence of Cell
        Of table 1.
    """
    ours = [c for c in cells if c.spec.method == "lassi"]
    settings = dict.fromkeys(c.spec.setting for c in ours)
    firsts = [next(c for c in ours if c.spec.setting == setting) for setting in settings]
    each = math.ceil(preset.checked / len(firsts))
    listed = [
        listing.listed(
            world, preset, one.spec, _search, "sound",
            (listing.tabled(world, preset, one.spec).spec,), count=each,
        )
        for one in firsts
    ]  # fmt: skip
    found: list[Search] = listing.run(world, preset, listed, "soundness")
    return found


def _search(
    world: World, preset: Preset, spec: Spec, seed: int, cell: Cell, *_: object, count: int
) -> Search:
    rows = world.evaluated("test", preset.every)
    r = encoder(world, preset, spec)
    a = directions(world, preset, spec.setting, spec.way, spec.task)
    sigma = spec.sigmas[0]
    consumer = head(world, spec, encode(r, world.z("train")), sigma)
    smoothing = preset.smoothing(spec.config)
    free = _free(world, preset, cell, r, consumer, a, count)
    alpha = smoothing.alpha + voting(sigma).alpha
    chosen = np.flatnonzero(cell.published.fair)[:count]
    if not len(chosen):
        return Search(spec.setting, 0, 0, 0, 0.0, alpha, *free)
    ids = rows[chosen]
    z = world.z("test")[torch.from_numpy(ids)]
    t = _members(len(z), len(a), spec.config.epsilon, spec.stream("sound"))
    seeds = spec.stream("center", "test"), spec.stream("sound", "center")
    here = smooth_codes(r, z, a, smoothing, seed=seeds[0], ids=ids.tolist())
    moved = (z[:, None] + t @ a).flatten(0, 1)  # (images * TRIED, q)
    there = smooth_codes(r, moved, a, smoothing, seed=seeds[1])
    votes = classify(consumer, there, voting(sigma), seed=spec.stream("sound", "vote"))
    said = votes.prediction.reshape(len(z), TRIED)
    otherwise = (said >= 0) & (said != cell.published.prediction[chosen][:, None])
    apart = (there.r_cs.unflatten(0, (len(z), TRIED)) - here.r_cs[:, None]).norm(dim=2)
    ratio = apart.cpu().numpy() / here.d_cs[:, None]
    return Search(
        spec.setting, len(z), int((said >= 0).sum()), int(otherwise.any(1).sum()),
        float(np.nanmax(ratio, initial=0.0)), alpha, *free,
    )  # fmt: skip


def _members(images: int, k: int, epsilon: float, seed: int) -> Tensor:
    """Return coordinates of members of each image's set, (images, TRIED, k)."""
    t = draw_similar((images, TRIED), k, epsilon, generator=torch_rng(seed))
    t[:, :2] = 0
    t[:, 0, 0], t[:, 1, 0] = -epsilon, epsilon
    return t


def _free(
    world: World, preset: Preset, cell: Cell, r: Representation, consumer: nn.Linear, a: Tensor,
    count: int,
) -> tuple[int, int]:  # fmt: skip
    """Check certificates without sampling on a dense grid: every decision is computed exactly."""
    found = None if cell.exact is None else cell.exact.free
    if found is None:
        return 0, 0
    epsilon, rows = cell.spec.config.epsilon, world.evaluated("test", preset.every)
    chosen = np.flatnonzero(found.fair)[: max(count // 2, 1)]
    if not len(chosen):
        return 0, 0
    z = world.z("test")[torch.from_numpy(rows[chosen])]
    t = torch.linspace(-epsilon, epsilon, DENSE)
    moved = (z[:, None] + t[:, None] * a[0]).flatten(0, 1)
    said = certify_exactly(r, consumer, moved, a, epsilon, NOISE * epsilon).prediction
    same = said.reshape(len(z), DENSE) == found.prediction[chosen][:, None]
    return len(z), int((~same).any(1).sum())


def measures(found: Sequence[Search]) -> dict[str, Entry]:
    """Return the measurements of a search.

    ``exact.contradicted`` counts the contradicted images beyond what the stated confidence allows
    (``sound.allowed``: the confidence times the images, rounded up, as if each were tried once;
    with several similar latents each, the proof would allow more), ``exact.free-contradicted`` all
    of those without sampling.
    """
    images, free = sum(s.images for s in found), sum(s.free_images for s in found)
    contradicted = sum(s.contradicted for s in found)
    allowed = math.ceil(sum(s.images * s.alpha for s in found))
    body = {
        "sound.contradicted": (contradicted, "count"),
        "sound.allowed": (allowed, "count"),
        "exact.contradicted": (max(contradicted - allowed, 0), "count"),
        "sound.moved": (max(s.moved for s in found), "ratio"),
    }
    entries = {key: numbers([value], max(images, 1), unit) for key, (value, unit) in body.items()}
    if free:
        wrong = sum(s.free_contradicted for s in found)
        entries["exact.free-contradicted"] = numbers([wrong], free, "count")
    return entries
