"""Run the cells of the table, two at a time, and remember them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from fairtut.data.images import ImageSet
from fairtut.runtime.keep import kept
from fairtut.runtime.progress import progress
from fairtut.studies.faap.cells import Cell, run_cell
from fairtut.studies.faap.presets import Preset


def run_cells(
    images: ImageSet, preset: Preset, targets: Iterable[str] | None = None
) -> dict[str, list[Cell]]:
    """Return the cells of every target, one per seed.

    Finished cells are kept in the cache folder, so an interrupted run goes on where it was; a
    change of data or settings is another cell.

    Parameters
    ----------
    images : ImageSet
    preset : Preset
    targets : iterable of str, optional
        Default those of the preset.
    """
    from joblib import Parallel, delayed

    names = list(targets or preset.targets)
    jobs = [(target, seed) for target in names for seed in preset.seeds(target)]
    work = (
        delayed(remembered)(images, target, seed, preset)
        for target, seed in progress(jobs, "cells", len(jobs))
    )
    cells = Parallel(n_jobs=workers(images, preset))(work)
    return {name: [cell for cell in cells if cell.target == name] for name in names}


def workers(images: ImageSet, preset: Preset) -> int:
    """Return how many processes may work at once: one, where they would share an accelerator."""
    return preset.jobs if images.x.device.type == "cpu" else 1


def remembered(images: ImageSet, target: str, seed: int, preset: Preset) -> Cell:
    """Return one cell, from the cache where it was run before with the same settings."""
    make = partial(run_cell, images, target, seed, preset, preset.kinds)
    about = settings(images, target, preset) | {"target": target, "seed": seed}
    return kept(make, about, device=images.x.device)


def settings(images: ImageSet, target: str, preset: Preset) -> dict[str, Any]:
    """Return everything that a cell depends on besides its target and seed."""
    return {
        "images": images.digest,
        "kinds": preset.kinds,
        "deployed": {k: preset.deployed(target, k) for k in preset.kinds},
        "faap": preset.generator(target),
        "alone": preset.generator(target, objective="only-t"),
        "width": preset.width,
        "half": preset.half,
        "only_t": target in preset.only_t,
        "probe": preset.probe,
    }
