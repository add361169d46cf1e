"""The experiments of the DVGE chapter.

:mod:`~fairtut.studies.dvge.presets` holds every size, :mod:`~fairtut.studies.dvge.tasks` says what
is predicted for whom, :mod:`~fairtut.studies.dvge.encoders` trains and keeps the encoders,
:mod:`~fairtut.studies.dvge.board` runs every method on a task of images and
:mod:`~fairtut.studies.dvge.credit` on South German Credit, :mod:`~fairtut.studies.dvge.fronts`
turns decisions into fronts and numbers, :mod:`~fairtut.studies.dvge.ablation` makes tables 1 and 2
under every convention, and :mod:`~fairtut.studies.dvge.extras` holds what stands beside them.
"""

from fairtut.studies.dvge import ablation, credit, encoders, extras, fronts
from fairtut.studies.dvge.board import Board, all_cells, play
from fairtut.studies.dvge.encoders import encoder
from fairtut.studies.dvge.presets import DVGE, Preset, configuration, for_real
from fairtut.studies.dvge.tasks import SETTINGS, Task, task_of

__all__ = [
    "DVGE",
    "SETTINGS",
    "Board",
    "Preset",
    "Task",
    "ablation",
    "all_cells",
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
