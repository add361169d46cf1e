"""The experiments of the chapter on image triggers.

The five files that every chapter has:

* :mod:`~fairtut.chapters.reprogramming_vision.presets`: every size
* :mod:`~fairtut.chapters.reprogramming_vision.protocol`: the whole trade-off
* :mod:`~fairtut.chapters.reprogramming_vision.measures`: numbers with intervals
* :mod:`~fairtut.chapters.reprogramming_vision.side`: fewer images, transfer, sizes
* :mod:`~fairtut.chapters.reprogramming_vision.drawings`: its figures

and what only this one needs:

* :mod:`~fairtut.chapters.reprogramming_vision.opening`: how the chapter opens
* :mod:`~fairtut.chapters.reprogramming_vision.tasks`: who trains what
* :mod:`~fairtut.chapters.reprogramming_vision.models`: the trainings
* :mod:`~fairtut.chapters.reprogramming_vision.multi`: 8 and 16 classes
* :mod:`~fairtut.chapters.reprogramming_vision.null`: empty images
* :mod:`~fairtut.chapters.reprogramming_vision.look`: Grad-CAM
* :mod:`~fairtut.chapters.reprogramming_vision.theory`: the theorem
* :mod:`~fairtut.chapters.reprogramming_vision.exact`: what must hold exactly
* :mod:`~fairtut.chapters.reprogramming_vision.published`: what the paper's figures show
* :mod:`~fairtut.chapters.reprogramming_vision.asking`: whether triggers beat what costs nothing
* :mod:`~fairtut.chapters.reprogramming_vision.mechanisms`: drawings of how it works
"""

from fairtut.chapters.reprogramming_vision import (
    exact,
    look,
    measures,
    models,
    multi,
    null,
    published,
    side,
    theory,
)
from fairtut.chapters.reprogramming_vision.asking import beaten
from fairtut.chapters.reprogramming_vision.models import Spec
from fairtut.chapters.reprogramming_vision.presets import VISION, Preset, configuration, for_real
from fairtut.chapters.reprogramming_vision.protocol import Board, Result, all_cells, run_board
from fairtut.chapters.reprogramming_vision.tasks import Task, crowd, people

__all__ = [
    "VISION",
    "Board",
    "Preset",
    "Result",
    "Spec",
    "Task",
    "all_cells",
    "beaten",
    "configuration",
    "crowd",
    "exact",
    "for_real",
    "look",
    "measures",
    "models",
    "multi",
    "null",
    "people",
    "published",
    "run_board",
    "side",
    "theory",
]
