"""The experiments of the chapter on word triggers.

:mod:`~fairtut.chapters.reprogramming_text.presets` holds every size,
:mod:`~fairtut.chapters.reprogramming_text.corpus` the comments,
:mod:`~fairtut.chapters.reprogramming_text.cells` trains,
:mod:`~fairtut.chapters.reprogramming_text.crowd` measures groups that overlap,
:mod:`~fairtut.chapters.reprogramming_text.board` chooses on validation and compares,
:mod:`~fairtut.chapters.reprogramming_text.extras` holds sweeps, transfer and the null input,
:mod:`~fairtut.chapters.reprogramming_text.attribution` integrates gradients,
:mod:`~fairtut.chapters.reprogramming_text.theorem` tests the theorem on texts,
:mod:`~fairtut.chapters.reprogramming_text.checks` what must hold exactly, and
:mod:`~fairtut.chapters.reprogramming_text.asking` asks whether triggers beat what costs nothing.
"""

from fairtut.chapters.reprogramming_text import (
    attribution,
    board,
    cells,
    checks,
    corpus,
    crowd,
    extras,
    theorem,
)  # fmt: skip
from fairtut.chapters.reprogramming_text.asking import beaten
from fairtut.chapters.reprogramming_text.cells import all_cells
from fairtut.chapters.reprogramming_text.presets import (
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
    "beaten",
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
