"""Background, body, head and hair, from back to front."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtut.data.synthetic.faces.canvas import (
    Canvas,
    Traits,
    View,
    blob,
    colour,
    ellipse,
    gradient,
    hue,
    mix,
    ramp,
    root,
    sine,
)

SKIN = [
    (253, 224, 204),
    (246, 208, 178),
    (233, 184, 146),
    (208, 152, 112),
    (172, 116, 80),
    (132, 86, 58),
    (96, 62, 44),
]
"""Skin from light to dark, one stop per tone group."""
DARK_HAIR = [(36, 27, 28), (58, 38, 32), (94, 58, 40), (132, 78, 46)]
BLOND_HAIR = [(224, 178, 104), (242, 208, 138)]
GREY = (196, 196, 200)


def colours(t: Traits) -> dict[str, Tensor]:
    """Mix the colours that several parts share, each (n, 3, 1, 1)."""
    skin = gradient(SKIN, t["skin_tone"])
    pale = ramp(t["Pale_Skin"], 0.25, 0.85).unsqueeze(1)
    porcelain = colour(torch.tensor([[0.995, 0.95, 0.94]], device=skin.device))
    skin = mix(skin, porcelain, 0.62 * pale)
    dark = gradient(DARK_HAIR, 0.5 + 0.45 * t["hair_shade"])
    light = gradient(BLOND_HAIR, 0.5 + 0.5 * t["hair_hue"])
    hair = mix(dark, light, ramp(t["Blond_Hair"], 0.1, 0.9).unsqueeze(1))
    grey = colour(torch.tensor([GREY], device=skin.device) / 255)
    hair = mix(hair, grey, 0.85 * ramp(t["Young"], 0.5, 0.12).unsqueeze(1))
    warm = colour(torch.tensor([[0.80, 0.42, 0.36]], device=skin.device))
    shade = skin * mix(torch.ones_like(warm), warm, 0.42)
    cloth = hue(0.58 + 0.45 * t["clothes"], 0.55, 0.72 + 0.18 * t["clothes_shade"])
    return {"skin": skin, "shade": shade, "hair": hair, "cloth": cloth}


def jaw(t: Traits, u: Tensor, v: Tensor, grow: float | Tensor = 0.0) -> Tensor:
    """Distance to the outline of the head; ``grow`` makes it larger."""
    male, oval = t["Male"], t["Oval_Face"]
    child = t["child"]
    a = 0.745 + 0.03 * male + 0.06 * (0.5 - oval) + 0.02 * t["face_width"] + 0.03 * child
    b = 0.98 + 0.15 * (oval - 0.5) - 0.06 * child
    down = v.clamp(min=0)
    squeeze = 1 + (0.40 - 0.30 * male + 0.16 * (oval - 0.5) - 0.12 * child) * down * down
    x = (u / (a + grow) * squeeze).square()
    y = (v / (b + grow)).square()
    corner = (0.30 + 0.42 * male) * x * y * (v > 0)
    # the squircle x + y - kxy = 1 has outer branches: beyond its square, the square counts
    return (root(torch.maximum(x + y - corner, torch.maximum(x, y))) - 1) * a


def lit(t: Traits, view: View, base: Tensor, depth: float = 1.0) -> Tensor:
    """Shade a colour by the light's direction: (n, 3, h, w)."""
    side = 0.75 * t["light_x"] * view.u + (-0.55 + 0.3 * t["light_y"]) * view.v
    strength = depth * (0.16 + 0.07 * t["light"])
    glow = 1 + strength * side.clamp(-1.2, 1.2)
    return base * (glow * (1 + 0.06 * t["light"])).unsqueeze(1)


def background(canvas: Canvas, t: Traits) -> None:
    """A vertical gradient of one hue with a soft halo."""
    angle, tone = 0.55 + 0.5 * t["background"], t["background_shade"]
    top = hue(angle, 0.26, 0.93 + 0.06 * tone)
    low = hue(angle + 0.06, 0.40, 0.80 + 0.12 * tone)
    size = canvas.size
    y = (torch.arange(size, device=top.device) / (size - 1)).view(1, 1, size, 1)
    canvas.whole.rgb.copy_(mix(top, low, y).expand_as(canvas.whole.rgb))


def body(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Shoulders in a garment."""
    w = canvas.below(1.1)
    male = t["Male"]
    broad = 1.22 + 0.16 * male - 0.25 * t["child"]
    top = 1.27 + 0.04 * t["clothes_shade"]
    arch = top + 0.34 * (w.u / broad).square() + 0.4 * (w.u / broad).square().square()
    cloth = lit(t, w, c["cloth"], 0.6)
    w.paint(cloth, w.cover(arch - w.v))


def neck(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Neck and neckline with the shadow that the chin throws."""
    w = canvas.below(0.35)
    half = 0.29 + 0.10 * t["Male"] - 0.06 * t["child"]
    line = ellipse(w.u, w.v - 1.22, half + 0.13, 0.30 + 0.12 * t["neckline"])
    column = torch.maximum(w.u.abs() - half - 0.10 * (w.v - 0.7).square(), w.v - 1.3)
    collar = w.cover(ellipse(w.u, w.v - 1.22, half + 0.2, 0.37 + 0.12 * t["neckline"]))
    w.paint(c["cloth"] * 0.82, collar * (w.v > 1.16))
    shape = torch.minimum(column, torch.maximum(line, 1.15 - w.v))
    mask = w.cover(torch.maximum(shape, 0.45 - w.v))
    w.paint(lit(t, w, c["skin"], 0.5), mask)
    w.paint(c["shade"] * 0.92, mask * 0.85 * ramp(w.v, 1.36, 0.98))


def length(t: Traits) -> Tensor:
    """Where the hair ends: below the ear for short hair, 1.6 for the longest."""
    want = 1.15 - 1.4 * ramp(t["Male"], 0.15, 0.85) + 0.42 * t["hair_length"]
    return want.clamp(-0.3, 1.6) - 1.2 * ramp(t["Bald"], 0.35, 0.7)


def wave(t: Traits, v: Tensor) -> Tensor:
    """How far wavy hair swings sideways at height v."""
    swing = 0.085 * ramp(t["Wavy_Hair"], 0.15, 0.9) * (0.4 + 0.6 * ramp(length(t), -0.2, 0.3))
    return swing * sine(11 * v + 2 * t["hair_hue"])


def strands(t: Traits, w: View, c: dict[str, Tensor]) -> Tensor:
    """Hair colour with light, and with bands that follow straight or wavy strands."""
    bend = 0.09 * ramp(t["Wavy_Hair"], 0.15, 0.9)
    across = w.u.abs() + bend * sine(11 * w.v + 3 * t["hair_hue"])
    bands = sine(24 * across + 2 * w.v)
    shine = 1 + (0.045 + 0.5 * bend) * bands
    crown = 0.13 * blob(w.u + 0.25 * t["light_x"], w.v + 0.82, 0.6, 0.22)
    return lit(t, w, c["hair"], 1.1) * (shine + crown).unsqueeze(1)


def back_hair(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """The hair behind face and neck, where it is long."""
    box = (-1.25, -1.3, 1.25, 1.9)
    w = canvas.window(box)
    c["strands"] = strands(t, canvas.whole, c)
    end = length(t)
    shown = ramp(end, -0.25, 0.15)
    wide = 0.66 + 0.27 * shown + 0.07 * t["hair_volume"] + 0.05 * ramp(t["Wavy_Hair"], 0.2, 0.9)
    x = w.u.abs() + wave(t, w.v)
    flare = 0.10 * (w.v - 0.2).clamp(min=0)
    lower = torch.maximum(x - wide - flare, w.v - end + 0.35 * w.u.square())
    shape = torch.maximum(lower, -0.25 - w.v)
    upper = torch.maximum(ellipse(x, w.v + 0.22, wide, 0.70 + 0.26 * shown), w.v + 0.2)
    mask = w.cover(torch.minimum(shape, upper)) * ramp(shown, 0.05, 0.3)
    w.paint(canvas.crop(c["strands"], box) * 0.82, mask)


def ears(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Two ears behind the cheeks."""
    w = canvas.window((-1.0, -0.3, 1.0, 0.4))
    x, y = w.u.abs() - 0.76, w.v - 0.05
    w.paint(lit(t, w, c["skin"] * 0.97), w.cover(ellipse(x, y, 0.12, 0.185)))
    w.paint(c["shade"], 0.7 * w.cover(ellipse(x - 0.015, y, 0.055, 0.11)))


def head(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """The head with soft shading towards its edge; keeps its coverage as ``c["face"]``."""
    w = canvas.whole
    d = jaw(t, w.u, w.v)
    mask = w.cover(d)
    c["face"] = mask
    skin = lit(t, w, c["skin"])
    rim = ramp(d, -0.34, 0.06) * 0.42
    w.paint(mix(skin, c["shade"], rim.unsqueeze(1)), mask)


def beard(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """A shadow of stubble on jaw and upper lip."""
    box = (-0.85, 0.0, 0.85, 1.2)
    w, inside = canvas.window(box), canvas.crop(c["face"], box)
    amount = ramp(t["Male"], 0.35, 0.95) * (1 - t["child"]) * (0.25 + 0.10 * t["hair_shade"])
    edge = 0.36 - 0.55 * (w.u.abs() - 0.25).clamp(min=0)
    area = ramp(w.v, edge - 0.08, edge + 0.16) * inside
    dark = mix(c["hair"] * 0.55, c["skin"] * 0.35, 0.5)
    w.paint(dark, area * amount)


def front_hair(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """The hair on the head: hairline, fringe, side locks; recedes with ``Bald``."""
    box = (-1.2, -1.4, 1.2, 1.3)
    w, inside = canvas.window(box), canvas.crop(c["face"], box)
    bald = ramp(t["Bald"], 0.3, 0.8)
    volume = 0.13 + 0.035 * t["hair_volume"] + 0.03 * ramp(t["Wavy_Hair"], 0.2, 0.9)
    x = w.u + wave(t, w.v) * torch.sign(w.u)
    volume = volume * (1 - 0.95 * bald)
    short = ramp(length(t), 0.3, -0.2)
    volume = volume * (1 - 0.85 * short * ramp(w.v, -0.75, -0.05))
    outer = jaw(t, x, w.v.clamp(max=0.0) + 0.06 * (1 - bald), volume)
    part = 0.16 * t["parting"] * w.u
    line = -0.58 + 0.08 * t["fringe"] - 0.75 * bald + (0.72 - 0.2 * t["fringe"]) * w.u.square()
    line = line + part - 0.06 * ramp(t["Young"], 0.45, 0.1)
    ripple = 0.03 * ramp(t["Wavy_Hair"], 0.2, 0.9) * sine(15 * w.u + 4 * t["parting"])
    fall = (w.v - line - ripple) * 0.8
    # side locks hang down to where the hair ends
    inner = 0.70 - 0.02 * t["hair_volume"] + 0.05 * (1 - ramp(length(t), -0.1, 0.6))
    lock = torch.maximum(inner - x.abs(), w.v - (0.12 * bald + length(t) * 0.75).clamp(-0.12, 0.9))
    shape = torch.maximum(torch.minimum(fall, lock), outer)
    mask = w.cover(shape) * (1 - 0.97 * ramp(t["Bald"], 0.6, 0.95))
    # a soft shadow of the fringe on the forehead
    soft = ramp(fall, 0.12, 0.0) * inside * 0.35 * (1 - bald)
    w.paint(c["shade"], soft)
    w.paint(canvas.crop(c["strands"], box), mask)
    gleam = blob(w.u + 0.22 + 0.1 * t["light_x"], w.v + 0.68, 0.26, 0.14)
    w.paint(torch.ones_like(c["skin"]), 0.45 * gleam * bald)
