"""Drawn faces: what the certificate cannot know, the true counterfactual of each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.lassi import listing
from fairtut.chapters.lassi.directions import directions
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.measures import Table, minus
from fairtut.chapters.lassi.presets import SETTINGS, Preset, voting
from fairtut.chapters.lassi.protocol import Cell, Spec, encoder, head
from fairtut.data.synthetic import faces
from fairtut.methods.lassi.certify import classify, smooth_codes
from fairtut.methods.lassi.learning import encode
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.models.glow import Glow
from fairtut.runtime.progress import progress

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Twins:
    """Evaluated test people and their true counterfactuals, in Glow's latent space.

    Attributes
    ----------
    setting : str
    x : uint8 tensor, shape (m, 3, h, w)
        Pictures of the counterfactuals.
    z : Tensor, shape (m, q)
        Their latents.
    t : Tensor, shape (m, k)
        The point of the similarity set's span that is nearest to the counterfactual, in units of
        the attribute vectors; the sign is that of the change (positive: the attribute appears).
    moved : float array, shape (m,)
        Distance between the two latents.
    outside : float array, shape (m,)
        Distance from the counterfactual's latent to the nearest member of the similarity set,
        divided by ``moved``: 0 inside the set (also where the picture stays the same), 1 where the
        set does not help at all.
    """

    setting: str
    x: Tensor
    z: Tensor
    t: Tensor
    moved: Floats
    outside: Floats


def twins(crowd: faces.Faces, glow: Glow, world: World, preset: Preset, setting: str) -> Twins:
    """Draw every evaluated test person again with the setting's attributes mirrored; encode.

    Parameters
    ----------
    crowd : Faces
        The people behind ``world``.
    glow, world, preset
    setting : str
        With one attribute or several; all of them change.
    """
    rows = world.evaluated("test", preset.every)
    people = crowd.select(world.rows("test")[rows])
    other = people
    for name in SETTINGS[setting].attributes:
        other = faces.counterfactual(other, name)
    z = world.z("test")[torch.from_numpy(rows)]
    there = glow.encode(other.images.x).cpu()
    a = directions(world, preset, setting)  # (k, q)
    t, *shares = nearest(there - z, a, preset.config("lassi").epsilon)
    before = people.true[list(SETTINGS[setting].attributes)].to_numpy().astype(bool)
    sign = torch.from_numpy(np.where(before, -1.0, 1.0)).float()
    return Twins(setting, other.images.x, there, t * sign, *(v.double().numpy() for v in shares))


def nearest(delta: Tensor, a: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Say where latents at differences (m, q) lie against a similarity set.

    Returns
    -------
    t : Tensor, shape (m, k)
        Coordinates of the nearest point of the span.
    moved, outside : Tensors, shape (m,)
        See :class:`Twins`.  With several vectors ``outside`` takes t shortened to the ball, which
        is nearly the nearest member, and never nearer than it.
    """
    t = torch.linalg.lstsq(a.T.double(), delta.T.double()).solution.T.float()
    inside = t * (epsilon / t.norm(dim=1, keepdim=True)).clamp_max(1)
    moved = delta.norm(dim=1)
    still = moved == 0  # a change too small for five bits: the very same latent
    outside = torch.where(still, 0.0, (delta - inside @ a).norm(dim=1) / moved)
    return t, moved, outside


def measures(
    crowd: faces.Faces, glow: Glow, world: World, preset: Preset, cells: Sequence[Cell]
) -> dict[str, Entry]:
    """Push the true counterfactuals through the certified models of table 1.

    Names are ``faces.truth.<setting>.``: ``outside`` (see :class:`Twins`), ``direction`` (share
    whose nearest point has the right sign, first attribute), both also minus one half with
    ``-half``, and per method ``flips`` (decisions that differ), ``certified-flips`` (certified and
    different, of the certified), and ``lassi.flips-vs-naive``.

    Parameters
    ----------
    crowd, glow, world, preset
    cells : sequence of Cell
        Of table 1.  Naive and LASSI take part, with the seeds that both have.
    """
    table = Table(cells, preset)
    found: dict[str, Entry] = {}
    for setting in progress(table.settings, "counterfactuals", len(table.settings)):
        pairs = {m: table.of(setting, m)[: preset.seeds] for m in ("naive", "lassi")}
        if not all(pairs.values()):
            continue
        other, name = twins(crowd, glow, world, preset, setting), f"faces.truth.{setting}"
        values = {"outside": other.outside, "outside-half": other.outside - 0.5}
        values |= {"direction": (other.t[:, 0] > 0).numpy().astype(float)}
        values |= {"direction-half": values["direction"] - 0.5}
        for key, value in values.items():
            found[f"{name}.{key}"] = table.panel.measurement(table.panel.mean(value[None]))
        jobs = [cell for some in pairs.values() for cell in some]
        listed = [
            listing.listed(world, preset, cell.spec, _decide, "twins", z=other.z) for cell in jobs
        ]
        said = listing.run(world, preset, listed, f"twins {setting}")
        found |= flips(table.panel, name, pairs, dict(zip(map(id, jobs), said, strict=True)))
    return found


def _decide(world: World, preset: Preset, spec: Spec, *_: object, z: Tensor) -> NDArray[np.int64]:
    """Return what a cell's certified model says about other latents, -1 where it abstains."""
    rows = world.evaluated("test", preset.every)
    r = encoder(world, preset, spec)
    consumer = head(world, spec, encode(r, world.z("train")), spec.sigmas[0])
    a = directions(world, preset, spec.setting)
    centers = smooth_codes(
        r, z, a, preset.smoothing(spec.config), seed=spec.stream("twin"), ids=rows.tolist()
    )
    votes = classify(consumer, centers, voting(spec.sigmas[0]), seed=spec.stream("twin vote"))
    return votes.prediction


def flips(panel: Panel, name: str, pairs: dict[str, list[Cell]], said: Any) -> dict[str, Entry]:
    """Return how often decisions differ; ``said`` maps ``id(cell)`` to those about the others."""
    found: dict[str, Entry] = {}
    every: dict[str, Floats] = {}
    for method, cells in pairs.items():
        differs = np.stack([_differs(cell, said[id(cell)]) for cell in cells])
        certified = np.stack([cell.published.fair for cell in cells])
        every[method], share = panel.mean(differs), panel.mean(certified)
        with np.errstate(invalid="ignore", divide="ignore"):
            among = panel.mean(differs & certified) / share  # of the certified, on each resample
        found[f"{name}.{method}.flips"] = panel.measurement(every[method])
        found[f"{name}.{method}.certified-flips"] = panel.measurement(among)
    gap = minus(every["lassi"], every["naive"])
    found[f"{name}.lassi.flips-vs-naive"] = panel.measurement(gap)
    return found


def _differs(cell: Cell, there: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where both get a decision, and not the same one."""
    here = cell.published.prediction
    return np.asarray((here >= 0) & (there >= 0) & (here != there))
