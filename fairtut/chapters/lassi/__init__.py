"""The experiments of the LASSI chapter.

The five files that every chapter has:

* :mod:`~fairtut.chapters.lassi.presets`: every size
* :mod:`~fairtut.chapters.lassi.protocol`: one cell: representations, consumers and certificates
* :mod:`~fairtut.chapters.lassi.measures`: table 1 of the cells
* :mod:`~fairtut.chapters.lassi.side`: other vectors and tasks
* :mod:`~fairtut.chapters.lassi.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.lassi.opening`: how the chapter opens
* :mod:`~fairtut.chapters.lassi.flow`: Glow and the latents
* :mod:`~fairtut.chapters.lassi.directions`: the attribute vectors
* :mod:`~fairtut.chapters.lassi.listing`: the list of all cells
* :mod:`~fairtut.chapters.lassi.sound`: the search for contradictions
* :mod:`~fairtut.chapters.lassi.transfer`: table 2
* :mod:`~fairtut.chapters.lassi.race`: FairFace
* :mod:`~fairtut.chapters.lassi.several`: exact verdicts with several attributes
* :mod:`~fairtut.chapters.lassi.audit`: what follows from the released settings
* :mod:`~fairtut.chapters.lassi.truth`: the true counterfactuals of drawn faces
* :mod:`~fairtut.chapters.lassi.pictures`: figures of single people
* :mod:`~fairtut.chapters.lassi.results_drawn`: figures of what is measured
* :mod:`~fairtut.chapters.lassi.asking`: whether LASSI beats what costs nothing
* :mod:`~fairtut.chapters.lassi.mechanisms`: drawings of how it works
"""

from fairtut.chapters.lassi import (
    audit,
    directions,
    flow,
    measures,
    protocol,
    race,
    several,
    side,
    sound,
    transfer,
    truth,
)
from fairtut.chapters.lassi.asking import beaten
from fairtut.chapters.lassi.flow import World, trained, world
from fairtut.chapters.lassi.listing import all_cells, run_cells
from fairtut.chapters.lassi.measures import Table
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
from fairtut.chapters.lassi.protocol import Cell, Spec, plan

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
    "configuration",
    "directions",
    "flow",
    "for_real",
    "measures",
    "plan",
    "protocol",
    "race",
    "run_cells",
    "several",
    "side",
    "sound",
    "trained",
    "transfer",
    "truth",
    "voting",
    "world",
]
