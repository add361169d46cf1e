"""What stands beside table 1: other attribute vectors, other tasks, and where the method fails."""

from __future__ import annotations

from collections.abc import Sequence

from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.measures import Table, levels, negative, shifted, versus
from fairtut.chapters.lassi.presets import EQUAL, SETTINGS, TASKS, Preset, Row
from fairtut.chapters.lassi.protocol import Cell, Spec
from fairtut.metrics.entry import Entry


def rows(world: World, preset: Preset) -> list[Row]:
    """Return the comparisons of the preset whose labels these images have."""
    return [
        row for row in preset.beside
        if world.knows(TASKS[row.task], *SETTINGS[row.setting].attributes)
    ]  # fmt: skip


def plan(world: World, preset: Preset) -> list[Spec]:
    """Return a spec per row, method (Naive, LASSI) and seed."""
    specs = []
    for row in rows(world, preset):
        for method in ("naive", "lassi"):
            config = preset.config(method, row.way)
            sigmas = tuple(dict.fromkeys((config.sigma_rs, EQUAL)))
            specs += [
                Spec(method, row.task, row.setting, seed, config, sigmas, row.way)
                for seed in preset.run_seeds(preset.beside_seeds)
            ]
    return specs


def measures(cells: Sequence[Cell], preset: Preset, prefix: str) -> dict[str, Entry]:
    """Return levels and differences under ``<prefix>.<task>.<setting>.<way>``.

    ``lassi.below-half`` is one half minus LASSI's certified share.

    Parameters
    ----------
    cells : sequence of Cell
        Of :func:`plan`.
    preset : Preset
    prefix : str
        ``beside`` on photographs, ``faces.beside`` on drawn ones.
    """
    found: dict[str, Entry] = {}
    places = dict.fromkeys((c.spec.task, c.spec.setting, c.spec.way) for c in cells)
    for place in places:
        here = [c for c in cells if (c.spec.task, c.spec.setting, c.spec.way) == place]
        table, setting = Table(here, preset), place[1]
        name = ".".join((prefix, *place))
        for method in ("naive", "lassi"):
            found |= levels(table, setting, method, f"{name}.{method}")
        found |= versus(table, setting, "naive", f"{name}.lassi")
        found[f"{name}.lassi.below-half"] = shifted(negative(found[f"{name}.lassi.fair"]), 0.5)
    return found
