"""The experiments of the LASSI chapter.

:mod:`~fairtut.chapters.lassi.presets` holds every size, :mod:`~fairtut.chapters.lassi.flow` trains
Glow and keeps latents, :mod:`~fairtut.chapters.lassi.directions` has the attribute vectors,
:mod:`~fairtut.chapters.lassi.cells` trains representations and certifies,
:mod:`~fairtut.chapters.lassi.listing` lists cells for the lab,
:mod:`~fairtut.chapters.lassi.table` makes table 1 of the cells,
:mod:`~fairtut.chapters.lassi.sound` looks for contradictions,
:mod:`~fairtut.chapters.lassi.transfer` makes table 2, :mod:`~fairtut.chapters.lassi.beside` has
other vectors and tasks, :mod:`~fairtut.chapters.lassi.race` FairFace,
:mod:`~fairtut.chapters.lassi.several` exact verdicts with several attributes,
:mod:`~fairtut.chapters.lassi.audit` what follows from the released settings,
:mod:`~fairtut.chapters.lassi.truth` the true counterfactuals of drawn faces, and
:mod:`~fairtut.chapters.lassi.asking` asks whether LASSI beats what costs nothing.
"""

from fairtut.chapters.lassi import (
    audit,
    beside,
    cells,
    directions,
    flow,
    race,
    several,
    sound,
    table,
    transfer,
    truth,
)
from fairtut.chapters.lassi.asking import beaten
from fairtut.chapters.lassi.cells import Cell, Spec, plan
from fairtut.chapters.lassi.flow import World, trained, world
from fairtut.chapters.lassi.listing import all_cells, run_cells
from fairtut.chapters.lassi.presets import (
    EQUAL,
    LASSI,
    METHODS,
    SETTINGS,
    TASKS,
    Preset,
    configuration,
    for_real,
    voting,
)
from fairtut.chapters.lassi.table import Table

__all__ = [
    "EQUAL",
    "LASSI",
    "METHODS",
    "SETTINGS",
    "TASKS",
    "Cell",
    "Preset",
    "Spec",
    "Table",
    "World",
    "all_cells",
    "audit",
    "beaten",
    "beside",
    "cells",
    "configuration",
    "directions",
    "flow",
    "for_real",
    "plan",
    "race",
    "run_cells",
    "several",
    "sound",
    "table",
    "trained",
    "transfer",
    "truth",
    "voting",
    "world",
]
