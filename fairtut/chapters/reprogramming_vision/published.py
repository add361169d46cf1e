"""What the paper's figures show for CelebA, read off by eye to about .002 in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from fairtut.lab.controls import mixed_gap
from fairtut.lab.plane import Plane

Points = tuple[tuple[float, float], ...]

CONSTANT: Final = 0.867
"""Accuracy of answering "not blond" for everybody in CelebA's test part."""

READING: Final = 0.004
"""Error of a published bias minus its mixing line: two readings of .002."""

POINTS: Final[Mapping[str, Mapping[str, Points]]] = {
    "dp": {
        "base": ((0.961, 0.094),),
        "patch": ((0.890, 0.020), (0.918, 0.040), (0.935, 0.060), (0.950, 0.078), (0.955, 0.088)),
        "border": ((0.917, 0.044), (0.936, 0.060), (0.953, 0.079), (0.961, 0.092)),
        "advin": ((0.897, 0.064), (0.930, 0.065), (0.934, 0.072), (0.939, 0.085), (0.945, 0.084)),
        "advpost": ((0.932, 0.073), (0.946, 0.083), (0.954, 0.079), (0.958, 0.097)),
    },
    "eo": {
        "base": ((0.961, 0.229),),
        "patch": ((0.890, 0.121), (0.917, 0.139), (0.934, 0.152), (0.950, 0.162), (0.955, 0.178)),
        "border": ((0.918, 0.161), (0.926, 0.162), (0.934, 0.163), (0.951, 0.167), (0.961, 0.171)),
        "advin": (
            (0.901, 0.153), (0.913, 0.167), (0.940, 0.185), (0.942, 0.177), (0.949, 0.185),
            (0.949, 0.196), (0.952, 0.181),
        ),
        "advpost": (
            (0.899, 0.140), (0.911, 0.165), (0.918, 0.168), (0.947, 0.209), (0.949, 0.211),
        ),
    },
}  # fmt: skip
"""Criterion → method → (accuracy, bias); the figures draw the bias with a minus sign.

The two axes seem to use different units: .094 fits *half* the difference of acceptance rates, .229
the average of the two odds' differences.
"""


def mixing(criterion: str, accuracy: float) -> float:
    """Return the bias of the published BASE mixed with the constant answer, at an accuracy."""
    base = Plane(*np.array(POINTS[criterion]["base"][0]))
    return float(mixed_gap(accuracy, CONSTANT, base))
