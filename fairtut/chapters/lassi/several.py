"""Exact verdicts beside certificates where several attributes differ at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from fairtut.chapters.lassi import listing
from fairtut.chapters.lassi.directions import directions
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.presets import SETTINGS, Preset, voting
from fairtut.chapters.lassi.protocol import Cell, Spec, encoder, head
from fairtut.methods.lassi.certify import certify
from fairtut.methods.lassi.learning import encode
from fairtut.methods.lassi.similar import draw_similar
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.metrics.estimates import Estimate
from fairtut.runtime.seeds import torch_rng

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

METHODS: Final = ("naive", "lassi")
PEOPLE: Final = 20
"""Evaluated test people of each row, the first ones."""
REGIONS: Final = 2**14
"""Boxes that one search of a person may bound."""
TRIED: Final = 1000
"""Random similar latents of each person that are decided by the network as it is."""
EXACT: Final = "Clopper-Pearson over people"
GAP: Final = 0.05
"""Share by which the bound on a distance may stand above one that is reached."""


@dataclass(frozen=True)
class Several:
    """One model of table 1 and one set of attributes; arrays (m,) over people.

    Attributes
    ----------
    method, setting : str
        The attributes may be more than those that the model was trained for.
    constant, changes : bool
        What is known of the plain decision on the similarity set; neither where it is undecided.
    deployed : bool
        Whether the network in its own precision changes its decision there, too.
    contradicted : bool
        Constant, and a random similar latent is decided otherwise all the same.
    certified : bool
    d_cs : float
        Certified distance; NaN for an abstention.
    distance, bound : float
        The farthest similar code lies between them.
    regions : int
    """

    method: str
    setting: str
    constant: Bools
    changes: Bools
    deployed: Bools
    contradicted: Bools
    certified: Bools
    d_cs: Floats
    distance: Floats
    bound: Floats
    regions: NDArray[np.int64]

    @property
    def decided(self) -> float:
        """Share of people about whom the answer is known."""
        return float((self.constant | self.changes).mean())

    @property
    def missed(self) -> Estimate:
        """Share of people whose decision is constant and not certified."""
        return share(self.constant & ~self.certified)

    @property
    def loose(self) -> float:
        """Median of the certified distance over that of the farthest similar code."""
        return float(np.nanmedian(self.d_cs / self.bound))


def share(flags: Bools) -> Estimate:
    """Return a share of people with its Clopper-Pearson interval.

    Examples
    --------
    >>> print(share(np.array([True, True, False, True])))
    .750 [.194, .994]
    """
    from scipy.stats import binomtest

    found = binomtest(int(flags.sum()), len(flags)).proportion_ci(method="exact")
    return Estimate(float(flags.mean()), found.low, found.high, len(flags), 0.95, EXACT)


def settled(world: World, preset: Preset, cells: Sequence[Cell]) -> list[Several]:
    """Settle the first people for Naive and LASSI, with two attributes and with three.

    The models are the first ones of table 1's smallest setting with several attributes; three
    attributes that no setting of the table has are those of "Pale + Young + Blond".

    Parameters
    ----------
    world, preset
    cells : sequence of Cell
        Of table 1.
    """
    sizes = {name: len(SETTINGS[name].attributes) for name in SETTINGS}
    pair = next((c.spec.setting for c in cells if sizes[c.spec.setting] == 2), None)
    if pair is None:
        return []
    firsts = {c.spec.method: c for c in reversed(cells) if c.spec.setting == pair}
    wider = [name for name, size in sizes.items() if size == 3]
    settings = [pair, *(name for name in wider if world.knows(*SETTINGS[name].attributes))]
    listed = [
        listing.listed(world, preset, firsts[method].spec, _settle, f"several {setting}",
                       setting=setting)
        for setting in settings for method in METHODS
    ]  # fmt: skip
    found: list[Several] = listing.run(world, preset, listed, "several attributes")
    return found


def _settle(world: World, preset: Preset, spec: Spec, *_: object, setting: str) -> Several:
    rows = world.evaluated("test", preset.every)[:PEOPLE]
    r, sigma = encoder(world, preset, spec), spec.sigmas[0]
    consumer = head(world, spec, encode(r, world.z("train")), sigma)
    z, a = world.z("test")[torch.from_numpy(rows)], directions(world, preset, setting)
    epsilon = spec.config.epsilon
    plain = exact_fairness(r, consumer, z, a, epsilon, gap=GAP, regions=REGIONS)
    members = draw_similar(
        (len(z), TRIED), len(a), epsilon,
        generator=torch_rng(spec.stream("several", "members", setting)),
    )  # fmt: skip
    said = np.stack([
        consumer(encode(r, row + t @ a)).argmax(1).cpu().numpy()
        for row, t in zip(z, members, strict=True)
    ])  # fmt: skip
    otherwise = (said != plain.prediction[:, None]).any(1)
    certified = certify(
        r, consumer, z, a, preset.smoothing(spec.config), voting(sigma),
        seed=spec.stream("several", setting), ids=rows.tolist(),
    )  # fmt: skip
    return Several(
        spec.method, setting, plain.fair, ~plain.fair & ~plain.undecided, plain.deployed,
        plain.fair & otherwise, certified.fair, certified.d_cs, plain.distance, plain.bound,
        plain.regions,
    )  # fmt: skip
