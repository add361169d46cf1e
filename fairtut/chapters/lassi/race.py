"""FairFace: age groups, certified for people who differ in how Black a face looks to Glow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch

from fairtut.chapters.lassi.measures import Table, levels, versus
from fairtut.chapters.lassi.presets import Preset, Race
from fairtut.chapters.lassi.protocol import Cell, Spec
from fairtut.data import images as data
from fairtut.data.images import ImageSet
from fairtut.errors import InputError
from fairtut.metrics.entry import Entry
from fairtut.runtime.cache import key_of
from fairtut.runtime.seeds import numpy_rng

HELD_OUT: Final = 0.2
"""Share of the training images that become validation images, as published."""
COMPARED: Final = ("naive", "lassi")
"""The methods that the claims on FairFace name."""
_CUTS: Final = {"age2": ("30-39",), "age3": ("20-29", "40-49")}
"""First age group of each class after the first."""


def plan_of(preset: Preset) -> Race:
    """Return the FairFace part of a preset."""
    if preset.race is None:
        raise InputError("this preset has no FairFace: use for_real(), data='real'")
    return preset.race


def sized(preset: Preset) -> Preset:
    """Return the preset that FairFace's cells run with."""
    race = plan_of(preset)
    return replace(preset, flow=race.flow, every=race.every, epochs=race.epochs)


def people(preset: Preset, device: torch.device | str = "cpu") -> ImageSet:
    """Load FairFace with the classes of this chapter and a validation part.

    Returns
    -------
    ImageSet
        Columns ``age2`` (30 years and older), ``age3`` (0 to 19, 20 to 39, 40 and older: 0, 1, 2)
        and ``Black`` are annotators' guesses.
    """
    return prepared(data.load("fairface", size=preset.size, device=device))


def prepared(images: ImageSet) -> ImageSet:
    """Add the classes of this chapter, and cut a validation part from the training images."""
    frame = images.attributes.reset_index(drop=True).copy()
    ages = list(frame["age"].cat.categories)
    codes = frame["age"].cat.codes.to_numpy()
    for name, starts in _CUTS.items():
        cuts = [ages.index(start) for start in starts]
        frame[name] = np.searchsorted(cuts, codes, side="right")
    frame["Black"] = (frame["race"] == "Black").to_numpy()
    split = images.split.astype("<U5")
    train = np.flatnonzero(split == "train")
    held = numpy_rng(0, "fairface", "valid").permutation(train)[: round(HELD_OUT * len(train))]
    split[held] = "val"
    digest = key_of({"images": images.digest, "held out": HELD_OUT, "cuts": _CUTS})
    return replace(images, attributes=frame, split=split, digest=digest)


def plan(preset: Preset) -> list[Spec]:
    """Return the cells: tasks, methods and seeds, with the released settings."""
    specs = []
    for task in plan_of(preset).tasks:
        for method in COMPARED:
            name = "lassi-fairface" if method == "lassi" else f"{method}-fairface-{task[-1]}"
            config = preset.config(method, name=name, epochs=plan_of(preset).epochs)
            ours = preset.config("lassi", name="lassi-fairface").sigma_rs
            sigmas = tuple(dict.fromkeys((config.sigma_rs, ours)))
            specs += [
                Spec(method, task, "black", seed, config, sigmas)
                for seed in preset.run_seeds(plan_of(preset).seeds)
            ]
    return specs


def measures(cells: Sequence[Cell], preset: Preset) -> dict[str, Entry]:
    """Return levels and differences under ``fairface.<task>``."""
    found: dict[str, Entry] = {}
    for task in dict.fromkeys(c.spec.task for c in cells):
        table = Table([c for c in cells if c.spec.task == task], preset)
        for method in COMPARED:
            found |= levels(table, "black", method, f"fairface.{task}.{method}")
        found |= versus(table, "black", "naive", f"fairface.{task}.lassi")
    return found
