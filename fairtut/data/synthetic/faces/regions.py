"""Where on the face each factor may be drawn, stated apart from the drawing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from fairtut.data.synthetic.faces.canvas import Box, Canvas
from fairtut.data.synthetic.faces.factors import FACTORS
from fairtut.data.synthetic.faces.people import Faces
from fairtut.data.synthetic.faces.picture import traits
from fairtut.errors import UnknownName

EVERYWHERE: Final[Box] = (-9.0, -9.0, 9.0, 9.0)
FEATURES: Final[Box] = (-0.72, -0.62, 0.72, 0.86)
MOUTH: Final[Box] = (-0.48, 0.26, 0.48, 0.86)
HAIR: Final[Box] = (-1.35, -1.4, 1.35, 1.9)
REGIONS: Final[Mapping[str, Box]] = {
    "Male": EVERYWHERE,
    "Young": EVERYWHERE,
    "age": EVERYWHERE,
    "Smiling": FEATURES,
    # spectacles follow the slant of an asymmetric face
    "Attractive": (-0.9, -0.62, 0.9, 0.86),
    "Blond_Hair": HAIR,
    "Wavy_Hair": HAIR,
    "Bald": HAIR,
    "Pale_Skin": (-1.0, -1.2, 1.0, 2.2),
    "skin_tone": (-1.0, -1.2, 1.0, 2.2),
    "Oval_Face": (-1.2, -1.4, 1.2, 1.3),
    "Heavy_Makeup": (-0.75, -0.34, 0.75, 0.8),
    "High_Cheekbones": (-0.75, -0.05, 0.75, 0.8),
    "Mouth_Slightly_Open": MOUTH,
    "Wearing_Lipstick": MOUTH,
    "Arched_Eyebrows": (-0.68, -0.62, 0.68, -0.08),
    "Eyeglasses": (-0.9, -0.36, 0.9, 0.34),
}
"""Boxes in the frame of the head; ``Male`` and age reach shoulders and all of the hair."""
MARGIN: Final = 0.12
"""How far a turned or asymmetric head shifts its features, in the frame's units."""
SENSOR: Final = 1.5
"""How far blur carries, in pixels."""


def region(faces: Faces, factor: str) -> NDArray[np.bool_]:
    """Return the pixels that may change when ``factor`` changes.

    Parameters
    ----------
    faces : Faces
        People; their pose places the region.
    factor : str
        One of :data:`~fairtut.data.synthetic.faces.FACTORS`.

    Returns
    -------
    ndarray of bool, shape (n, size, size)
        True inside the region.  What a counterfactual changes lies inside, not all of it changes.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such factor.

    Examples
    --------
    Spectacles are put on or taken off: no pixel outside the region changes, and some inside do.

    >>> from fairtut.data.synthetic.faces import counterfactual, region, sample
    >>> faces = sample(2, seed=0, size=32)
    >>> changed = faces.images.x != counterfactual(faces, "Eyeglasses").images.x
    >>> changed, inside = changed.any(dim=1).numpy(), region(faces, "Eyeglasses")
    >>> inside.shape, bool((changed & ~inside).any()), bool((changed & inside).any())
    ((2, 32, 32), False, True)
    """
    if factor not in REGIONS:
        raise UnknownName.of("factor", factor, FACTORS)
    u0, v0, u1, v1 = REGIONS[factor]
    view = Canvas.blank(traits(faces.factors, "cpu"), faces.size).whole
    wide = MARGIN + SENSOR * view.px
    inside = (view.u > u0 - wide) & (view.u < u1 + wide)
    inside &= (view.v > v0 - wide) & (view.v < v1 + wide)
    return torch.as_tensor(inside).numpy()
