"""The experiments of the FAAP chapter.

:mod:`~fairtut.studies.faap.presets` holds every size, :mod:`~fairtut.studies.faap.cells` trains
and questions one target and seed, :mod:`~fairtut.studies.faap.table` runs them all,
:mod:`~fairtut.studies.faap.measures` turns them into numbers with intervals, and
:mod:`~fairtut.studies.faap.transfer`, :mod:`~fairtut.studies.faap.saliency` and
:mod:`~fairtut.studies.faap.extras` hold the experiments beside the table.
"""

from fairtut.studies.faap import extras, measures, saliency, transfer
from fairtut.studies.faap.cells import Cell, Noise, Patient, Task, deploy, generator, see
from fairtut.studies.faap.presets import FAAP, Preset, configuration, for_lfw, for_real
from fairtut.studies.faap.table import all_cells, run_cells

__all__ = [
    "FAAP",
    "Cell",
    "Noise",
    "Patient",
    "Preset",
    "Task",
    "all_cells",
    "configuration",
    "deploy",
    "extras",
    "for_lfw",
    "for_real",
    "generator",
    "measures",
    "run_cells",
    "saliency",
    "see",
    "transfer",
]
