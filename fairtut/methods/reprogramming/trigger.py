r"""Triggers for images: where they stand, what room is made for them, how they are bounded.

A triggered image is :math:`\tilde x = g(x) + \delta`, where g makes room (it blanks a patch, or
shrinks the image inside a border) and :math:`\delta`, the same for every image, is zero elsewhere.
Sizes are sizes: the released command reads a border's number as the side of what *remains*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName

#: Where a patch may be.
CORNERS: Final = ("top-left", "top-right", "bottom-left", "bottom-right")
VALUES: Final = ("tanh", "sigmoid")
#: The paper's triggers.
SHAPES: Final = ("border", "patch")


@dataclass(frozen=True)
class Patch:
    """A square in a corner, in place of the image there.

    Attributes
    ----------
    size : int
        Side in pixels, corners included.
    corner : str
        One of :data:`~fairtut.methods.reprogramming.trigger.CORNERS`.

    Examples
    --------
    >>> from fairtut.methods.reprogramming import Patch
    >>> Patch(1, "top-right").mask(2, 3).int().tolist()
    [[0, 0, 1], [0, 0, 0]]
    """

    size: int
    corner: str = "top-left"

    def mask(self, height: int, width: int) -> Tensor:
        """Return where the trigger acts, bool (height, width).

        Raises
        ------
        fairtut.errors.InputError
            If the patch does not fit into the image, or leaves nothing of it.
        fairtut.errors.UnknownName
            If the corner does not exist.
        """
        if self.corner not in CORNERS:
            raise UnknownName.of("corner", self.corner, CORNERS)
        if not 1 <= self.size <= min(height, width) or self.size == max(height, width):
            raise InputError(
                f"a patch of {self.size} px does not fit into {height}x{width} px beside an image: "
                f"choose 1 to {min(height, width) - (height == width)}"
            )
        vertical, horizontal = self.corner.split("-")
        rows = slice(self.size) if vertical == "top" else slice(height - self.size, height)
        columns = slice(self.size) if horizontal == "left" else slice(width - self.size, width)
        mask = torch.zeros(height, width, dtype=torch.bool)
        mask[rows, columns] = True
        return mask

    def make_room(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return images (n, c, h, w) that are zero where the mask is set."""
        return x.masked_fill(mask, 0.0)


@dataclass(frozen=True)
class Border:
    """A ring around the image, which shrinks to fit inside.

    Attributes
    ----------
    width : int
        Of the ring, in pixels: 20 of 224 in the paper.

    Examples
    --------
    The image shrinks into the middle, and the ring is black until a trigger is added:

    >>> import torch
    >>> from fairtut.methods.reprogramming import Border
    >>> border = Border(1)
    >>> mask = border.mask(4, 4)
    >>> mask.int().tolist()
    [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
    >>> border.make_room(torch.ones(1, 1, 4, 4), mask).round().sum().item()
    4.0
    """

    width: int

    def mask(self, height: int, width: int) -> Tensor:
        """Return where the trigger acts, bool (height, width).

        Raises
        ------
        fairtut.errors.InputError
            If the ring has no width, or leaves no image.
        """
        if self.width < 1 or 2 * self.width >= min(height, width):
            raise InputError(
                f"a border of {self.width} px leaves no image of {height}x{width} px: "
                f"choose 1 to {(min(height, width) - 1) // 2}"
            )
        mask = torch.ones(height, width, dtype=torch.bool)
        mask[self.width : height - self.width, self.width : width - self.width] = False
        return mask

    def make_room(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return images (n, c, h, w), shrunk with antialiasing and zero on the ring."""
        height, width = mask.shape
        inner = (height - 2 * self.width, width - 2 * self.width)
        small = functional.interpolate(x, inner, mode="bilinear", antialias=True)
        return functional.pad(small, [self.width] * 4)


Shape = Patch | Border


def standard(name: str, height: int, width: int) -> Shape:
    """Return the paper's trigger (patch 80, border 20, of 224 pixels), scaled to an image's size.

    Parameters
    ----------
    name : str
        One of :data:`~fairtut.methods.reprogramming.trigger.SHAPES`.
    height, width : int
        Of the images, in pixels; the shorter side counts.

    Returns
    -------
    Patch or Border
        Of one pixel at least.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such shape.

    Examples
    --------
    >>> from fairtut.methods.reprogramming import standard
    >>> standard("patch", 224, 224), standard("border", 112, 200)
    (Patch(size=80, corner='top-left'), Border(width=10))
    """
    side = min(height, width)
    if name == "border":
        return Border(max(1, round(side * 20 / 224)))
    if name == "patch":
        return Patch(max(1, round(side * 80 / 224)))
    raise UnknownName.of("trigger shape", name, SHAPES)


class TriggerModule(nn.Module):
    r"""Puts one constant trigger into every image.

    Parameters
    ----------
    shape : Patch or Border
    size : (int, int)
        Height and width of the images.
    values : {"tanh", "sigmoid"}
        ``tanh``: trigger pixels in (-1, 1), so partly outside an image's range (as released);
        ``sigmoid``: in (0, 1), so that the triggered image is an image.
    channels : int
        Of the images.
    start, centre : float
        The start is uniform on (centre - start, centre + start) before the bound; 1 and 0 as
        released, which is a loud ring around black.
    generator : torch.Generator, optional
        Draws the start.  An untrained module is the
        *random trigger*, a control that the paper lacks.

    Attributes
    ----------
    mask : bool tensor, shape (h, w)
        Where the trigger acts; a weight outside never does, and gets no gradient.

    Raises
    ------
    fairtut.errors.UnknownName
        If the range of values does not exist.
    fairtut.errors.InputError
        If the shape leaves no image, or images have another size than the trigger.

    Examples
    --------
    With ``start=0`` every weight is the centre, 0, and a sigmoid makes it a grey of .5:

    >>> import torch
    >>> from fairtut.methods.reprogramming import Patch, TriggerModule
    >>> trigger = TriggerModule(Patch(1), (2, 2), values="sigmoid", channels=1, start=0.0)
    >>> trigger.pixels().tolist()  # zero outside the mask
    [[[0.5, 0.0], [0.0, 0.0]]]
    >>> trigger(torch.ones(1, 1, 2, 2)).tolist()
    [[[[0.5, 1.0], [1.0, 1.0]]]]
    """

    mask: Tensor

    def __init__(
        self,
        shape: Shape,
        size: tuple[int, int],
        *,
        values: str = "tanh",
        channels: int = 3,
        start: float = 1.0,
        centre: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if values not in VALUES:
            raise UnknownName.of("range of trigger values", values, VALUES)
        self.shape, self.size, self.values = shape, size, values
        self.register_buffer("mask", shape.mask(*size))
        uniform = torch.rand(channels, *size, generator=generator) * 2 - 1
        self.weight = nn.Parameter(centre + start * uniform)

    def pixels(self) -> Tensor:
        """Return the trigger, (c, h, w): bounded inside its mask, zero outside."""
        bounded = torch.tanh(self.weight) if self.values == "tanh" else torch.sigmoid(self.weight)
        return torch.where(self.mask, bounded, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map floating-point images (n, c, h, w) in [0, 1] to triggered ones of the same shape."""
        if tuple(x.shape[1:]) != tuple(self.weight.shape):
            raise InputError(
                f"images are {tuple(x.shape[1:])}, the trigger {tuple(self.weight.shape)}: "
                "resize the images, or fit a trigger for this size"
            )
        return self.shape.make_room(x, self.mask) + self.pixels()
