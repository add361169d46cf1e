"""From factors to pixels: read the cues, paint back to front, blur, add sensor noise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from fairtut.data.synthetic.faces import features as face
from fairtut.data.synthetic.faces import head as skull
from fairtut.data.synthetic.faces.canvas import Canvas, Traits, mix
from fairtut.data.synthetic.faces.factors import NOISE_BANK, NUISANCE
from fairtut.data.synthetic.faces.law import ATTRIBUTES
from fairtut.errors import InputError
from fairtut.runtime.seeds import torch_rng

#: Least height and width, in pixels.
MIN_SIZE = 16
CHUNK_PIXELS = 1 << 18
"""Pixels painted at a time: planes that stay in a core's cache."""
NOISE, BLUR = 0.030, 0.5
"""Standard deviation of the sensor's noise, and weight of the blurred image, at nuisance 1."""


def traits(factors: pd.DataFrame, device: torch.device | str) -> Traits:
    """Read what is drawn, each (n, 1, 1): cues are strengths plus quirks, cut to [0, 1]."""
    cues = {
        a: np.clip(factors[a].to_numpy() + factors[f"quirk_{a}"].to_numpy(), 0, 1)
        for a in ATTRIBUTES
    }
    cues |= {name: factors[name].to_numpy() for name in ("skin_tone", *NUISANCE)}
    # Attractive is an opinion: its only trace is symmetry, eye size and smooth skin
    cues["polish"] = cues["Attractive"]
    cues["child"] = np.clip((17 - factors["age"].to_numpy()) / 14, 0, 1)
    return {
        name: torch.tensor(column, dtype=torch.float32, device=device).view(-1, 1, 1)
        for name, column in cues.items()
    }


def paint(t: Traits, size: int, windows: bool = True) -> Tensor:
    """Paint faces without sensor effects: float (n, 3, size, size) in [0, 1]."""
    canvas = Canvas.blank(t, size, windows)
    c = skull.colours(t)
    skull.background(canvas, t)
    skull.body(canvas, t, c)
    skull.back_hair(canvas, t, c)
    skull.neck(canvas, t, c)
    skull.ears(canvas, t, c)
    skull.head(canvas, t, c)
    skull.beard(canvas, t, c)
    face.cheeks(canvas, t, c)
    face.ageing(canvas, t, c)
    face.nose(canvas, t, c)
    face.mouth(canvas, t, c)
    face.eyes(canvas, t, c)
    face.brows(canvas, t, c)
    skull.front_hair(canvas, t, c)
    face.glasses(canvas, t, c)
    return canvas.whole.rgb


def blurred(rgb: Tensor) -> Tensor:
    """Blur with the weights (1, 2, 1) / 4 in both directions; the outermost pixels keep theirs."""
    out = rgb.clone()
    out[..., 1:-1] += 0.25 * (rgb[..., 2:] + rgb[..., :-2]) - 0.5 * rgb[..., 1:-1]
    rows = out.clone()
    rows[..., 1:-1, :] += 0.25 * (out[..., 2:, :] + out[..., :-2, :]) - 0.5 * out[..., 1:-1, :]
    return rows


def noise_bank(size: int) -> Tensor:
    """Draw the sensor's normal numbers, with enough of them again for pictures of ``size``.

    Box and Muller's transform of uniform numbers in blocks of 16, as ``torch.randn`` does it, but
    in float64 and rounded to multiples of 2**-16: torch's own has another last place where the
    processor has other vector instructions.
    """
    uniform = torch.rand(NOISE_BANK, generator=torch_rng(0, "faces", "noise")).double()
    first, second = uniform.view(-1, 2, 8).unbind(1)
    radius, angle = torch.sqrt(-2 * torch.log1p(-first)), 2 * math.pi * second
    bank = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)
    bank = (bank * 2**16).round().div(2**16).float().flatten()
    return torch.cat([bank] + [bank] * -(-3 * size**2 // NOISE_BANK))


def sensor(rgb: Tensor, t: Traits, draws: Tensor, bank: Tensor) -> Tensor:
    """Blur, add noise that is read from ``bank`` at each face's offset, round to uint8."""
    n, _, size, _ = rgb.shape
    weight = (BLUR * t["blur"].abs()).clamp(max=1).unsqueeze(1)
    # every row of the view is the stretch of the bank that begins at its number
    stretches = bank.as_strided((NOISE_BANK, 3 * size * size), (1, 1))
    noise = stretches[draws].view(n, 3, size, size)
    level = (NOISE * t["noise"].abs()).unsqueeze(1)
    out = mix(rgb, blurred(rgb), weight).add_(level * noise)
    return out.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def render(
    factors: pd.DataFrame,
    size: int = 64,
    *,
    device: torch.device | str = "cpu",
    chunk: int | None = None,
    clean: bool = False,
    windows: bool = True,
) -> Tensor:
    """Draw people.

    Parameters
    ----------
    factors : DataFrame, n rows
        Columns :data:`~fairtut.data.synthetic.faces.factors.COLUMNS`.
    size : int
        Height and width in pixels, at least
        :data:`~fairtut.data.synthetic.faces.picture.MIN_SIZE`.
    device : torch.device or str
        Where to paint; the result stays there.
    chunk : int, optional
        Faces painted at a time; does not change the result.
    clean : bool
        Leave out blur and noise.
    windows : bool
        Paint each feature only where it can be; False paints everything everywhere (for tests).

    Returns
    -------
    Tensor of uint8, shape (n, 3, size, size)
        RGB images.

    Raises
    ------
    fairtut.errors.InputError
        If the size is too small or there is nobody to draw.

    Examples
    --------
    How many faces are painted at a time makes no difference:

    >>> from fairtut.data.synthetic.faces import render, sample
    >>> factors = sample(3, seed=0, size=16).factors
    >>> pictures = render(factors, size=16)
    >>> pictures.shape, bool((render(factors, size=16, chunk=1) == pictures).all())
    (torch.Size([3, 3, 16, 16]), True)
    """
    if size < MIN_SIZE:
        raise InputError(f"size is {size}: faces need at least {MIN_SIZE} pixels")
    if len(factors) == 0:
        raise InputError("factors have no rows: give at least one face to draw")
    step = chunk or max(1, CHUNK_PIXELS // size**2)
    bank = noise_bank(size).to(device)
    out = torch.empty(len(factors), 3, size, size, dtype=torch.uint8, device=device)
    with torch.no_grad():
        for start in range(0, len(factors), step):
            rows = factors.iloc[start : start + step]
            t = traits(rows, device)
            rgb = paint(t, size, windows)
            if clean:
                t = {**t, "blur": t["blur"] * 0, "noise": t["noise"] * 0}
            draws = torch.tensor(rows["noise_draw"].to_numpy(), dtype=torch.int64, device=device)
            out[start : start + step] = sensor(rgb, t, draws, bank)
    return out
