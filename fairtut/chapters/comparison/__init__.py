"""The experiments of the comparison: all kinds of intervention on the same faces.

The five files that every chapter has:

* :mod:`~fairtut.chapters.comparison.presets`: every size
* :mod:`~fairtut.chapters.comparison.protocol`: one cell: a method in one training
* :mod:`~fairtut.chapters.comparison.measures`: numbers with intervals of the chosen settings
* :mod:`~fairtut.chapters.comparison.side`: who beats what, which one when, and the answer
* :mod:`~fairtut.chapters.comparison.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.comparison.opening`: how the chapter opens
* :mod:`~fairtut.chapters.comparison.methods`: who takes part, and what each asks for
* :mod:`~fairtut.chapters.comparison.imaging`: methods that act on pictures
* :mod:`~fairtut.chapters.comparison.coding`: methods that act on codes
* :mod:`~fairtut.chapters.comparison.peers`: libraries of others
* :mod:`~fairtut.chapters.comparison.targets`: further targets, and what all of them say together
* :mod:`~fairtut.chapters.comparison.mechanisms`: drawings of where methods act and are chosen
"""

from fairtut.chapters.comparison import measures, peers, side, targets
from fairtut.chapters.comparison.methods import (
    CONTROLS,
    COSTS,
    MODEL,
    all_cells,
    contestants,
    controls,
    cost_of,
    everybody,
)
from fairtut.chapters.comparison.presets import COMPARISON, Preset, configuration, with_jobs
from fairtut.chapters.comparison.protocol import Task, cell, compete, ground, task_of

__all__ = [
    "COMPARISON",
    "CONTROLS",
    "COSTS",
    "MODEL",
    "Preset",
    "Task",
    "all_cells",
    "cell",
    "compete",
    "configuration",
    "contestants",
    "controls",
    "cost_of",
    "everybody",
    "ground",
    "measures",
    "peers",
    "side",
    "targets",
    "task_of",
    "with_jobs",
]
