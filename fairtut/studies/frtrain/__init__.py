"""The experiments of the FR-Train chapter: draws, the table's methods, selection, audits."""

from fairtut.studies.frtrain.audit import audit_draw, audits
from fairtut.studies.frtrain.draws import REAL_SETS, Draw, real_draw, synthetic_draw
from fairtut.studies.frtrain.methods import CONTROLS, METHODS, TABLE, Family
from fairtut.studies.frtrain.presets import FRTRAIN, Grid, Preset
from fairtut.studies.frtrain.table import chosen, curve, run_draw, run_draws

__all__ = [
    "CONTROLS",
    "FRTRAIN",
    "METHODS",
    "REAL_SETS",
    "TABLE",
    "Draw",
    "Family",
    "Grid",
    "Preset",
    "audit_draw",
    "audits",
    "chosen",
    "curve",
    "real_draw",
    "run_draw",
    "run_draws",
    "synthetic_draw",
]
