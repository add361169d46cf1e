"""The cells of the chapter as the lab runs them: each needs its representation, trained once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

import torch

from fairtut.chapters.lassi import flow
from fairtut.chapters.lassi.directions import directions, found_card
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.presets import Preset
from fairtut.chapters.lassi.protocol import Cell, Spec, cell, encoder, plan, representation_card
from fairtut.data import images
from fairtut.data.synthetic import faces
from fairtut.lab import grid
from fairtut.runtime.cache import content_digest
from fairtut.runtime.checkpoints import state_digest

T = TypeVar("T")


def represented(world: World, preset: Preset, spec: Spec) -> grid.Spec:
    """Return the training of a representation, the same for all cells that share it."""
    name = " ".join((world.name, "R", *spec.own))
    return grid.Spec(
        name, partial(_represent, world, preset, spec), representation_card(world, preset, spec)
    )


def _represent(world: World, preset: Preset, spec: Spec, seed: int) -> str:
    return state_digest(encoder(world, preset, spec))


def about(world: World, preset: Preset, spec: Spec) -> dict[str, Any]:
    """Return everything that a cell depends on, beside its code and its representation."""
    found = found_card(world, preset) if spec.way == "discover" else None
    return {
        "world": world.digest, "spec": spec, "smoothing": asdict(preset.smoothing(spec.config)),
        "every": preset.every, "every_val": preset.every_val, "root": preset.root,
        "discover": found,
    }  # fmt: skip


def listed(
    world: World, preset: Preset, spec: Spec, make: Callable[..., Any], what: str,
    needs: tuple[grid.Spec, ...] = (), **more: Any,
) -> grid.Cell:  # fmt: skip
    """Return one cell of the lab's grid.

    Parameters
    ----------
    world, preset
    spec : Spec
        Holds its seed.
    make : callable
        Takes ``world``, ``preset``, ``spec``, the seed, and the results of what it needs.
    what : str
        Words that tell this kind of cell from others about the same spec.
    needs : tuple of lab specs
        Beside the representation.
    **more
        Further arguments of ``make``, by name; they belong to the cell's key.
    """
    name = " ".join((world.name, what, spec.method, spec.task, spec.setting, spec.way))
    done = partial(make, world, preset, spec, **more)
    named = {k: content_digest(v) if isinstance(v, torch.Tensor) else v for k, v in more.items()}
    config = about(world, preset, spec) | named
    first = represented(world, preset, spec)
    return grid.Cell(grid.Spec(name, done, config, (*needs, first)), spec.seed)


def run(world: World, preset: Preset, cells: Sequence[grid.Cell], what: str) -> list[Any]:
    """Return what cells made, in their order."""
    found = grid.run(cells, jobs=preset.jobs, device=world.device, what=what)
    return [found[one.key] for one in cells]


def tabled(world: World, preset: Preset, spec: Spec) -> grid.Cell:
    """Return a cell of table 1 or of a table like it."""
    return listed(world, preset, spec, cell, "cell")


def run_cells(world: World, preset: Preset, specs: Sequence[Spec]) -> list[Cell]:
    """Return a cell per spec, in order; finished ones are kept in the cache folder."""
    for spec in specs:  # once, before two processes wait for each other
        directions(world, preset, spec.setting, spec.way, spec.task)
    found: list[Cell] = run(world, preset, [tabled(world, preset, s) for s in specs], "cells")
    return found


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[grid.Cell]:
    """Return the cells of table 1 of a run of the chapter; Glow and its latents are made here.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    if data == "real":
        people = images.load("celeba", size=preset.size, device=device)
    else:
        crowd = faces.sample(
            preset.faces, seed=seed, size=preset.size, nuisance=preset.nuisance, device=device
        )
        people = crowd.images
    world = flow.world(people, flow.trained(people, preset).glow, preset)
    return [tabled(world, preset, spec) for spec in plan(preset)]
