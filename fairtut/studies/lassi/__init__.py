"""The experiments of the LASSI chapter.

:mod:`~fairtut.studies.lassi.presets` holds every size, :mod:`~fairtut.studies.lassi.flow` trains
Glow and keeps latents, :mod:`~fairtut.studies.lassi.directions` has the attribute vectors,
:mod:`~fairtut.studies.lassi.cells` trains representations and certifies,
:mod:`~fairtut.studies.lassi.table` makes table 1 of the cells, :mod:`~fairtut.studies.lassi.sound`
looks for contradictions, :mod:`~fairtut.studies.lassi.transfer` makes table 2,
:mod:`~fairtut.studies.lassi.beside` has other vectors and tasks, :mod:`~fairtut.studies.lassi.race`
FairFace, :mod:`~fairtut.studies.lassi.several` exact verdicts with several attributes,
:mod:`~fairtut.studies.lassi.audit` what follows from the released settings, and
:mod:`~fairtut.studies.lassi.truth` the true counterfactuals of drawn faces.
"""

from fairtut.studies.lassi import (
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
from fairtut.studies.lassi.cells import Cell, Spec, plan, run_cells
from fairtut.studies.lassi.flow import World, trained, world
from fairtut.studies.lassi.presets import (
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
from fairtut.studies.lassi.table import Table

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
    "audit",
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
