"""A batch of canvases, and the few shapes that a face is painted with.

Shapes are signed distances in the face's own frame: u to the right, v downwards, the head roughly
the unit disc.  A distance becomes a coverage in [0, 1] by a ramp one pixel wide, which is all the
antialiasing there is.  Every operation works on all faces of a batch at once.

The same people are the same bytes on every processor.  What is painted uses only sums, products,
quotients and comparisons in float32, which IEEE 754 rounds the same everywhere, one operation at a
time: no ``lerp`` and no ``addcmul``, which some processors fuse into one rounding.  Roots and sines
come from a library of the processor's vendor, so :func:`root` and :func:`sine` take them in float64
and round to float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from fairtut.runtime.precision import double

Box = tuple[float, float, float, float]
"""A box (u0, v0, u1, v1) in the face's frame."""
Traits = Mapping[str, Tensor]
"""Factors of a batch by name, each of shape (n, 1, 1)."""

SCALE: Final = 0.60
"""Half a head's height over half the image's, before the ``scale`` nuisance."""
CENTRE: Final = 0.0
REACH: Final = 1.5
"""The largest nuisance factor that windows allow for."""
POSE: Final[Mapping[str, float]] = {
    "shift_x": 0.07,
    "shift_y": 0.05,
    "scale": 0.07,
    "tilt": 0.13,
    "turn": 0.10,
}
"""Size of each pose factor: shifts and turn in frame units, scale relative, tilt in radians."""


@dataclass(frozen=True)
class View:
    """A window on the canvases: coordinates, pixels, and how to paint on them.

    Attributes
    ----------
    u, v : Tensor, shape (n, h, w)
        The face's frame at the pixels' centres.
    rgb : Tensor, shape (n, 3, h, w)
        The pixels in [0, 1], a view that painting changes.
    px : Tensor, shape (n, 1, 1)
        Width of a pixel in the face's frame.
    """

    u: Tensor
    v: Tensor
    rgb: Tensor
    px: Tensor

    def cover(self, distance: Tensor) -> Tensor:
        """Turn a signed distance (negative inside) into a coverage in [0, 1]."""
        return (0.5 - distance / self.px).clamp_(0, 1)

    def paint(self, colour: Tensor, mask: Tensor) -> None:
        """Lay ``colour``, (n, 3, 1, 1) or (n, 3, h, w), over the pixels with weight ``mask``."""
        mask = mask.unsqueeze(1)
        self.rgb.mul_(1 - mask).add_(colour * mask)

    def multiply(self, shade: Tensor) -> None:
        """Multiply the pixels by a grey ``shade`` (n, h, w)."""
        self.rgb.mul_(shade.unsqueeze(1))


@dataclass(frozen=True)
class Canvas:
    """The canvases of a batch, in the frame of the head and in that of the body.

    ``whole`` is the full image in the head's frame, which tilts; ``body`` in the frame that does
    not.
    """

    whole: View
    body: View
    size: int
    windows: bool = True

    @classmethod
    def blank(cls, t: Traits, size: int, windows: bool = True) -> Canvas:
        """Make empty canvases of ``size`` pixels for the poses in ``t``."""
        some = t["shift_x"]
        n, device = len(some), some.device
        axis = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2 / size) - 1
        x, y = axis.view(1, 1, size), axis.view(1, size, 1)
        pose = {name: t[name] * k for name, k in POSE.items()}
        scale = SCALE * (1 + pose["scale"])
        # the body follows the head's shift only half
        cx, cy = pose["shift_x"], CENTRE + pose["shift_y"]
        px = (2 / size) / scale
        rgb = torch.empty(n, 3, size, size, device=device)
        right, down = (x - cx) / scale, (y - cy) / scale
        cos, sin = sine(pose["tilt"], math.pi / 2), sine(pose["tilt"])
        u, v = cos * right + sin * down, cos * down - sin * right
        body_u = ((x - 0.5 * cx) / scale).expand(n, size, size)
        head = View(u, v, rgb, px)
        return cls(head, View(body_u, down.expand(n, size, size), rgb, px), size, windows)

    def window(self, box: Box) -> View:
        """Return the part of the canvases that ``box`` reaches under any pose within reach."""
        w = self.whole
        return View(self.crop(w.u, box), self.crop(w.v, box), self.crop(w.rgb, box), w.px)

    def below(self, v: float) -> View:
        """Return the rows of the body's frame that can lie below ``v``."""
        top = 0
        if self.windows:
            y = CENTRE - REACH * POSE["shift_y"] + v * SCALE * (1 - REACH * POSE["scale"])
            top = max(0, math.floor((y + 1) * self.size / 2) - 1)
        b = self.body
        return View(b.u[:, top:], b.v[:, top:], b.rgb[:, :, top:], b.px)

    def crop(self, plane: Tensor, box: Box) -> Tensor:
        """Cut the window of ``box`` out of ``(..., size, size)``, as a view."""
        if not self.windows:
            return plane
        left, top, right, bottom = reach(box, self.size)
        return plane[..., top:bottom, left:right]


def reach(box: Box, size: int) -> tuple[int, int, int, int]:
    """Return the pixels (left, top, right, bottom) that a box of the head's frame may touch."""
    u0, v0, u1, v1 = box
    big, small = (SCALE * (1 + k * REACH * POSE["scale"]) for k in (1, -1))
    angle, turn = REACH * POSE["tilt"], REACH * POSE["turn"]
    xs, ys = [], []
    for a in (-angle, -angle / 2, 0.0, angle / 2, angle):
        for u in (u0 - turn, u1 + turn):
            for v in (v0, v1):
                for s in (big, small):
                    xs.append(s * (math.cos(a) * u - math.sin(a) * v))
                    ys.append(s * (math.sin(a) * u + math.cos(a) * v))
    dx, dy = REACH * POSE["shift_x"], REACH * POSE["shift_y"]
    edges = (min(xs) - dx, CENTRE + min(ys) - dy, max(xs) + dx, CENTRE + max(ys) + dy)
    pixel = [(e + 1) * size / 2 for e in edges]
    low = [max(0, math.floor(p) - 1) for p in pixel[:2]]
    high = [min(size, math.ceil(p) + 1) for p in pixel[2:]]
    return low[0], low[1], high[0], high[1]


def root(x: Tensor) -> Tensor:
    """Return the square root, rounded to float32 as IEEE 754 asks.

    A root of a float32 number lies at least 2**-51 (relative) from where the rounding to float32
    turns, so that an error in the last place of a float64 cannot reach it.
    """
    return double(x).sqrt_().float().to(x.device)


def sine(x: Tensor, shift: float = 0.0) -> Tensor:
    """Return sin(x + shift) in float32: libraries differ in the last place of a float64 only."""
    return double(x).add_(shift).sin_().float().to(x.device)


def mix(a: Tensor, b: Tensor, weight: float | Tensor) -> Tensor:
    """Mix two colours: ``a`` at weight 0, ``b`` at weight 1, exactly."""
    return a * (1 - weight) + b * weight


def ramp(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``."""
    t = ((x - low) / (high - low)).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def ellipse(x: Tensor, y: Tensor, a: float | Tensor, b: float | Tensor) -> Tensor:
    """Distance to an ellipse with half axes a and b, exact on the axes' scale of min(a, b)."""
    r = root((x / a).square_() + (y / b).square_())
    least = torch.minimum(torch.as_tensor(a), torch.as_tensor(b))
    return (r - 1) * least


def blob(x: Tensor, y: Tensor, a: float | Tensor, b: float | Tensor) -> Tensor:
    """Return a soft spot, 1 at the centre and 0 outside the ellipse (a, b)."""
    return (1 - (x / a).square_() - (y / b).square_()).clamp_(min=0).square_()


def stroke(y: Tensor, x: Tensor, half: float | Tensor, thick: float | Tensor) -> Tensor:
    """Distance to a line along y = 0 for |x| < half, thickest in the middle."""
    inner = y.abs() - thick * (1 - (x / half).square()).clamp_(min=0)
    return torch.maximum(inner, x.abs() - half)


def colour(rows: Tensor) -> Tensor:
    """Shape colours (n, 3) for painting."""
    return rows.view(-1, 3, 1, 1)


def gradient(stops: Sequence[tuple[float, float, float]], at: Tensor) -> Tensor:
    """Interpolate between equidistant colours (0..255) at positions in [0, 1]: (n, 3, 1, 1)."""
    table = torch.tensor(stops, device=at.device, dtype=torch.float32) / 255
    place = at.reshape(-1).clamp(0, 1) * (len(stops) - 1)
    low = place.floor().long().clamp(max=len(stops) - 2)
    return colour(mix(table[low], table[low + 1], (place - low).unsqueeze(1)))


def hue(angle: Tensor, saturation: float | Tensor, value: float | Tensor) -> Tensor:
    """Colours of a hue in turns: (n, 3, 1, 1)."""
    phases = torch.tensor([0.0, -1 / 3, 1 / 3], device=angle.device)
    wave = 0.5 + 0.5 * sine(2 * math.pi * (angle.reshape(-1, 1) + phases), math.pi / 2)
    sat = torch.as_tensor(saturation, device=angle.device).reshape(-1, 1)
    val = torch.as_tensor(value, device=angle.device).reshape(-1, 1)
    return colour(val * (1 - sat + sat * wave))
