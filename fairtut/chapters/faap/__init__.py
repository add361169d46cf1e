"""The experiments of the FAAP chapter.

The five files that every chapter has:

* :mod:`~fairtut.chapters.faap.presets`: every size
* :mod:`~fairtut.chapters.faap.protocol`: one cell: deployed models, and FAAP on each
* :mod:`~fairtut.chapters.faap.measures`: numbers with intervals
* :mod:`~fairtut.chapters.faap.side`: sweeps, other adversaries, counterfactual faces, invariants
* :mod:`~fairtut.chapters.faap.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.faap.opening`: how the chapter opens
* :mod:`~fairtut.chapters.faap.table`: the list of all cells
* :mod:`~fairtut.chapters.faap.probes`: fresh probes
* :mod:`~fairtut.chapters.faap.saliency`: where a model looks
* :mod:`~fairtut.chapters.faap.transfer`: models that nobody may look into
* :mod:`~fairtut.chapters.faap.asking`: whether FAAP beats what costs nothing
* :mod:`~fairtut.chapters.faap.mechanisms`: drawings of how it works
"""

from fairtut.chapters.faap import measures, saliency, side, transfer
from fairtut.chapters.faap.asking import beaten
from fairtut.chapters.faap.presets import FAAP, Preset, configuration, for_lfw, for_real
from fairtut.chapters.faap.protocol import Cell, Noise, Patient, Task, deploy, generator, see, treat
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
    "for_lfw",
    "for_real",
    "generator",
    "measures",
    "run_cells",
    "saliency",
    "see",
    "side",
    "transfer",
    "treat",
]
