"""The experiments of the chapter on word triggers.

The five files that every chapter has:

* :mod:`~fairtut.chapters.reprogramming_text.presets`: every size
* :mod:`~fairtut.chapters.reprogramming_text.protocol`: everything that is trained
* :mod:`~fairtut.chapters.reprogramming_text.measures`: choice on validation, comparison on test
* :mod:`~fairtut.chapters.reprogramming_text.side`: sweeps, transfer and the null input
* :mod:`~fairtut.chapters.reprogramming_text.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.reprogramming_text.opening`: how the chapter opens
* :mod:`~fairtut.chapters.reprogramming_text.corpus`: the comments
* :mod:`~fairtut.chapters.reprogramming_text.crowd`: groups that overlap
* :mod:`~fairtut.chapters.reprogramming_text.attribution`: integrated gradients
* :mod:`~fairtut.chapters.reprogramming_text.theorem`: the theorem on texts
* :mod:`~fairtut.chapters.reprogramming_text.checks`: what must hold exactly
* :mod:`~fairtut.chapters.reprogramming_text.asking`: whether triggers beat what costs nothing
* :mod:`~fairtut.chapters.reprogramming_text.mechanisms`: drawings of how it works
"""

from fairtut.chapters.reprogramming_text import (
    attribution,
    checks,
    corpus,
    crowd,
    measures,
    protocol,
    side,
    theorem,
)  # fmt: skip
from fairtut.chapters.reprogramming_text.asking import beaten
from fairtut.chapters.reprogramming_text.presets import (
    CRITERIA,
    METHODS,
    TEXTS,
    TRIGGERS,
    Preset,
    configuration,
    for_real,
)  # fmt: skip
from fairtut.chapters.reprogramming_text.protocol import all_cells

__all__ = [
    "CRITERIA",
    "METHODS",
    "TEXTS",
    "TRIGGERS",
    "Preset",
    "all_cells",
    "attribution",
    "beaten",
    "checks",
    "configuration",
    "corpus",
    "crowd",
    "for_real",
    "measures",
    "protocol",
    "side",
    "theorem",
]
