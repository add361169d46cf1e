"""The experiments of the DVGE chapter.

:mod:`~fairtut.chapters.dvge.presets` holds sizes, :mod:`~fairtut.chapters.dvge.tasks` says what
is predicted for whom, :mod:`~fairtut.chapters.dvge.encoders` trains and keeps the encoders,
:mod:`~fairtut.chapters.dvge.adt` the end-to-end rival,
:mod:`~fairtut.chapters.dvge.board` runs every method on a task of images and
:mod:`~fairtut.chapters.dvge.credit` on South German Credit, :mod:`~fairtut.chapters.dvge.fronts`
turns decisions into fronts and numbers, :mod:`~fairtut.chapters.dvge.ablation` makes tables 1 and 2
under every convention, :mod:`~fairtut.chapters.dvge.extras` holds what stands beside them, and
:mod:`~fairtut.chapters.dvge.asking` asks whether DVGE beats what costs nothing.
"""

from fairtut.chapters.dvge import ablation, credit, encoders, extras, fronts
from fairtut.chapters.dvge.asking import beaten
from fairtut.chapters.dvge.board import Board, all_cells, play
from fairtut.chapters.dvge.encoders import encoder
from fairtut.chapters.dvge.presets import DVGE, Preset, configuration, for_real
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
    "extras",
    "for_real",
    "fronts",
    "play",
    "task_of",
]
