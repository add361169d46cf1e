"""The experiments of the FR-Train chapter.

The five files that every chapter has:

* :mod:`~fairtut.chapters.frtrain.presets`: every size
* :mod:`~fairtut.chapters.frtrain.protocol`: every method on every draw, and the selection
* :mod:`~fairtut.chapters.frtrain.measures`: numbers with intervals
* :mod:`~fairtut.chapters.frtrain.side`: the audit of the released code
* :mod:`~fairtut.chapters.frtrain.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.frtrain.opening`: how the chapter opens
* :mod:`~fairtut.chapters.frtrain.draws`: the parts of a draw and their poisoned labels
* :mod:`~fairtut.chapters.frtrain.methods`: every row of the table behind one signature
* :mod:`~fairtut.chapters.frtrain.arrays`: the authors' own arrays
* :mod:`~fairtut.chapters.frtrain.example`: ten people on a line
* :mod:`~fairtut.chapters.frtrain.asking`: whether FR-Train beats what costs nothing
* :mod:`~fairtut.chapters.frtrain.mechanisms`: drawings of how it works
"""

from fairtut.chapters.frtrain import arrays, example, measures
from fairtut.chapters.frtrain.asking import beaten, free_draw
from fairtut.chapters.frtrain.draws import REAL_SETS, Draw, real_draw, synthetic_draw
from fairtut.chapters.frtrain.methods import CONTROLS, METHODS, NAMES, TABLE, Family
from fairtut.chapters.frtrain.presets import FRTRAIN, Grid, Preset, configuration, for_real
from fairtut.chapters.frtrain.protocol import chosen, run_draw, run_draws, score
from fairtut.chapters.frtrain.side import (
    AUDIT_LAMBDA,
    DEVICE,
    all_cells,
    audit_draw,
    crowd_draw,
    odds_draw,
)

__all__ = [
    "AUDIT_LAMBDA",
    "CONTROLS",
    "DEVICE",
    "FRTRAIN",
    "METHODS",
    "NAMES",
    "REAL_SETS",
    "TABLE",
    "Draw",
    "Family",
    "Grid",
    "Preset",
    "all_cells",
    "arrays",
    "audit_draw",
    "beaten",
    "chosen",
    "configuration",
    "crowd_draw",
    "example",
    "for_real",
    "free_draw",
    "measures",
    "odds_draw",
    "real_draw",
    "run_draw",
    "run_draws",
    "score",
    "synthetic_draw",
]
