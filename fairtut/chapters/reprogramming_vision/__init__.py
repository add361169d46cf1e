"""The experiments of the chapter on image triggers.

:mod:`~fairtut.chapters.reprogramming_vision.presets` holds every size,
:mod:`~fairtut.chapters.reprogramming_vision.tasks` who trains what,
:mod:`~fairtut.chapters.reprogramming_vision.models` the trainings,
:mod:`~fairtut.chapters.reprogramming_vision.board` runs the whole trade-off and
:mod:`~fairtut.chapters.reprogramming_vision.measures` turns it into numbers with intervals;
``beside`` (fewer images, transfer, sizes), ``multi`` (8 and 16 classes), ``null`` (empty images),
``look`` (Grad-CAM), ``theory`` and ``exact`` stand beside it, and ``published`` holds what the
paper's figures show; ``asking`` asks whether triggers beat what costs nothing.
"""

from fairtut.chapters.reprogramming_vision import (
    beside,
    exact,
    look,
    measures,
    models,
    multi,
    null,
    published,
    theory,
)
from fairtut.chapters.reprogramming_vision.asking import beaten
from fairtut.chapters.reprogramming_vision.board import Board, Result, all_cells, run_board
from fairtut.chapters.reprogramming_vision.models import Spec
from fairtut.chapters.reprogramming_vision.presets import VISION, Preset, configuration, for_real
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
    "beside",
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
    "theory",
]
