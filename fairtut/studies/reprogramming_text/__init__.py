"""The experiments of the chapter on word triggers.

:mod:`~fairtut.studies.reprogramming_text.presets` holds every size,
:mod:`~fairtut.studies.reprogramming_text.corpus` the comments,
:mod:`~fairtut.studies.reprogramming_text.cells` trains,
:mod:`~fairtut.studies.reprogramming_text.crowd` measures groups that overlap,
:mod:`~fairtut.studies.reprogramming_text.board` chooses on validation and compares,
:mod:`~fairtut.studies.reprogramming_text.extras` holds sweeps, transfer and the null input,
:mod:`~fairtut.studies.reprogramming_text.attribution` integrates gradients,
:mod:`~fairtut.studies.reprogramming_text.theorem` tests the theorem on texts, and
:mod:`~fairtut.studies.reprogramming_text.checks` what must hold exactly.
"""

from fairtut.studies.reprogramming_text import (
    attribution,
    board,
    cells,
    checks,
    corpus,
    crowd,
    extras,
    theorem,
)  # fmt: skip
from fairtut.studies.reprogramming_text.cells import all_cells
from fairtut.studies.reprogramming_text.presets import (
    CRITERIA,
    METHODS,
    TEXTS,
    TRIGGERS,
    Preset,
    configuration,
    for_real,
)  # fmt: skip

__all__ = [
    "CRITERIA",
    "METHODS",
    "TEXTS",
    "TRIGGERS",
    "Preset",
    "all_cells",
    "attribution",
    "board",
    "cells",
    "checks",
    "configuration",
    "corpus",
    "crowd",
    "extras",
    "for_real",
    "theorem",
]
