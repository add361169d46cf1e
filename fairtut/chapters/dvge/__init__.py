"""The experiments of the DVGE chapter.

The five files that every chapter has:

* :mod:`~fairtut.chapters.dvge.presets`: every size
* :mod:`~fairtut.chapters.dvge.protocol`: every method on a task of images
* :mod:`~fairtut.chapters.dvge.measures`: fronts and numbers with intervals of the decisions
* :mod:`~fairtut.chapters.dvge.side`: what stands beside tables and panels
* :mod:`~fairtut.chapters.dvge.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.dvge.opening`: how the chapter opens
* :mod:`~fairtut.chapters.dvge.tasks`: what is predicted for whom
* :mod:`~fairtut.chapters.dvge.encoders`: encoders, trained and kept
* :mod:`~fairtut.chapters.dvge.adt`: the end-to-end rival
* :mod:`~fairtut.chapters.dvge.codes`: the methods that only need codes
* :mod:`~fairtut.chapters.dvge.credit`: the same on South German Credit
* :mod:`~fairtut.chapters.dvge.ablation`: tables 1 and 2 under every convention
* :mod:`~fairtut.chapters.dvge.asking`: whether DVGE beats what costs nothing
* :mod:`~fairtut.chapters.dvge.mechanisms`: drawings of how it works
"""

from fairtut.chapters.dvge import ablation, credit, encoders, measures, side
from fairtut.chapters.dvge.asking import beaten
from fairtut.chapters.dvge.encoders import encoder
from fairtut.chapters.dvge.presets import DVGE, Preset, configuration, for_real
from fairtut.chapters.dvge.protocol import Board, all_cells, play
from fairtut.chapters.dvge.tasks import SETTINGS, Task, task_of

__all__ = [
    "DVGE",
    "SETTINGS",
    "Board",
    "Preset",
    "Task",
    "ablation",
    "all_cells",
    "beaten",
    "configuration",
    "credit",
    "encoder",
    "encoders",
    "for_real",
    "measures",
    "play",
    "side",
    "task_of",
]
