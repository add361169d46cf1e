"""The experiments of the FAAP chapter.

:mod:`~fairtut.chapters.faap.presets` holds every size, :mod:`~fairtut.chapters.faap.cells` trains
and questions one target and seed, :mod:`~fairtut.chapters.faap.table` runs them all,
:mod:`~fairtut.chapters.faap.measures` turns them into numbers with intervals, and
:mod:`~fairtut.chapters.faap.transfer`, :mod:`~fairtut.chapters.faap.saliency` and
:mod:`~fairtut.chapters.faap.extras` hold the experiments beside the table;
:mod:`~fairtut.chapters.faap.asking` asks whether FAAP beats what costs nothing.
"""

from fairtut.chapters.faap import extras, measures, saliency, transfer
from fairtut.chapters.faap.asking import beaten
from fairtut.chapters.faap.cells import Cell, Noise, Patient, Task, deploy, generator, see, treat
from fairtut.chapters.faap.presets import FAAP, Preset, configuration, for_lfw, for_real
from fairtut.chapters.faap.table import all_cells, run_cells

__all__ = [
    "FAAP",
    "Cell",
    "Noise",
    "Patient",
    "Preset",
    "Task",
    "all_cells",
    "beaten",
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
    "treat",
]
