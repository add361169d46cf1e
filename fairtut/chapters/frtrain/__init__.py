"""The experiments of the FR-Train chapter: draws, the table's methods, selection, audits.

:mod:`~fairtut.chapters.frtrain.asking` asks whether FR-Train beats what costs nothing.
"""

from fairtut.chapters.frtrain import arrays, example, measures
from fairtut.chapters.frtrain.asking import beaten, free_draw
from fairtut.chapters.frtrain.audit import (
    AUDIT_LAMBDA,
    DEVICE,
    all_cells,
    audit_draw,
    crowd_draw,
    odds_draw,
)
from fairtut.chapters.frtrain.draws import REAL_SETS, Draw, real_draw, synthetic_draw
from fairtut.chapters.frtrain.methods import CONTROLS, METHODS, NAMES, TABLE, Family
from fairtut.chapters.frtrain.presets import FRTRAIN, Grid, Preset, configuration, for_real
from fairtut.chapters.frtrain.table import chosen, run_draw, run_draws, score

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
