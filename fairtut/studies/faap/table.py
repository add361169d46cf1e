"""Run the cells of the table, two at a time, and remember them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from fairtut.data.images import ImageSet
from fairtut.runtime.checkpoints import cache_folder
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
    from joblib import Memory

    memory = Memory(str(cache_folder() / "cells"), verbose=0)
    cached: Any = memory.cache(_cell, ignore=["images", "preset"])
    cell: Cell = cached(
        images, preset, settings(images, target, preset), target, seed, preset.kinds
    )
    return cell


def settings(images: ImageSet, target: str, preset: Preset) -> str:
    """Return everything that a cell depends on besides its target and seed, as JSON."""
    return json.dumps(
        {
            "images": images.digest,
            "deployed": {k: asdict(preset.deployed(target, k)) for k in preset.kinds},
            "faap": asdict(preset.generator(target)),
            "width": preset.width,
            "half": preset.half,
            "only_t": target in preset.only_t,
            "probe": preset.probe,
        },
        sort_keys=True,
        default=str,
    )


def _cell(
    images: ImageSet, preset: Preset, settings: str, target: str, seed: int, kinds: tuple[str, ...]
) -> Cell:
    return run_cell(images, target, seed, preset, kinds)
