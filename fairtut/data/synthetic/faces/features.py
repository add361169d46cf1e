"""What is drawn on the head: cheeks, eyes, brows, nose, mouth, lines of age, glasses."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtut.data.synthetic.faces.canvas import (
    POSE,
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
    stroke,
)

EYE_U, EYE_V, MOUTH_V = 0.315, 0.0, 0.53
EYES = [(74, 48, 34), (110, 74, 40), (86, 116, 74), (72, 124, 160), (96, 140, 176)]
INK = (38, 28, 34)


def ink(like: Tensor, rgb: tuple[float, float, float]) -> Tensor:
    """Return one colour (0..255) on the device of ``like``."""
    return colour(torch.tensor([rgb], device=like.device) / 255)


def centred(view: View, t: Traits, depth: float) -> tuple[Tensor, Tensor]:
    """Coordinates that follow the turn of the head, and the slant of an asymmetric face."""
    u = view.u - depth * POSE["turn"] * t["turn"]
    slant = 0.10 * (1 - t["polish"])
    return u, view.v + slant * u


def cheeks(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Blush, and for high cheekbones a light edge above a hollow."""
    w = canvas.window((-0.75, -0.05, 0.75, 0.8))
    u, v = centred(w, t, 0.5)
    bone, smile, made = t["High_Cheekbones"], t["Smiling"], t["Heavy_Makeup"]
    x = u.abs() - 0.47
    rosy = ink(u, (240, 120, 110)) * (0.45 + 0.55 * c["skin"])
    blush = blob(x, v - 0.27 + 0.03 * smile, 0.24, 0.17)
    w.paint(rosy, blush * (0.12 + 0.10 * smile + 0.38 * ramp(made, 0.2, 0.9)))
    high = ramp(bone, 0.1, 0.9)
    w.paint(c["shade"] * 0.9, 0.60 * high * blob(x - 0.07 + 0.5 * (v - 0.42), v - 0.44, 0.16, 0.2))
    w.paint(torch.ones_like(c["skin"]), 0.34 * high * blob(x, v - 0.17 + 0.35 * x, 0.17, 0.075))


def ageing(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Forehead lines, crow's feet, bags under the eyes, and folds beside the mouth."""
    w = canvas.window((-0.75, -0.6, 0.75, 0.75))
    u, v = centred(w, t, 0.6)
    old = ramp(t["Young"], 0.58, 0.1)
    rough = (0.8 * old + 0.16 * (1 - t["polish"])).clamp(max=1) * (1 - t["child"])
    x = u.abs()
    fold = stroke(x - 0.22 - 0.32 * (v - 0.30) - 0.03, v - 0.42, 0.19, 0.020)
    bag = stroke(v - 0.155 + 0.6 * (x - EYE_U).square(), x - EYE_U, 0.13, 0.017)
    feet = stroke((v + 0.02).abs() - 0.22 * (x - 0.53), x - 0.57, 0.065, 0.014)
    lines = torch.minimum(torch.minimum(fold, bag), feet)
    waves = (v + 0.44 + 0.05 * u * u).abs() - 0.055
    brow = stroke(waves, u, 0.30, 0.014)
    mask = torch.maximum(w.cover(lines), w.cover(brow) * old)
    w.paint(c["shade"] * 0.80, mask * 0.8 * rough)


def eyes(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Lids, whites, irises with a highlight, lashes and shadow."""
    w = canvas.window((-0.62, -0.30, 0.62, 0.24))
    u, v = centred(w, t, 0.8)
    x, y = u.abs() - EYE_U, v - EYE_V
    lash, made = 1 - t["Male"], ramp(t["Heavy_Makeup"], 0.15, 0.9)
    size = 1 + 0.10 * t["eye_size"] + 0.18 * (t["polish"] - 0.5) + 0.16 * t["child"]
    smile = ramp(t["Smiling"], 0.3, 1.0)
    half, up, low = 0.165 * size, 0.112 * size, (0.088 - 0.028 * smile) * size
    taper = 1 - (x / half).square()
    tilted = y + 0.12 * x
    lid = -tilted - up * taper
    shadow = hue(0.9 + 0.1 * t["eye_hue"], 0.5, 0.62) * (0.35 + 0.65 * c["skin"])
    w.paint(shadow, 0.85 * made * blob(x - 0.01, y + 0.10, 0.24, 0.15))
    inside = torch.maximum(lid, tilted - low * taper)
    opening = w.cover(inside * 0.85)
    w.paint(ink(u, (252, 250, 248)), opening)
    w.paint(c["shade"] * 0.8, 0.35 * opening * ramp(tilted, -0.03, -0.11))
    iris = gradient(EYES, 0.5 + 0.5 * t["eye_hue"])
    look = y + 0.008
    r = root(x.square() + look.square())
    radius = 0.083 * size
    disc = opening * w.cover(r - radius)
    w.paint(iris * 0.62, disc)
    w.paint(iris * 1.25, disc * ramp(look, -0.07, 0.07) * w.cover(r - 0.85 * radius) * 0.8)
    w.paint(ink(u, (16, 12, 16)), opening * w.cover(r - 0.048 * size))
    spark = root((x * torch.sign(u) + 0.028).square() + (y + 0.038).square())
    w.paint(torch.ones_like(c["skin"]), opening * w.cover(spark - 0.024))
    thick = 0.020 + 0.014 * lash + 0.016 * made
    wing = torch.where(x > 0, 1.0 + 0.18 * lash + 0.12 * made, torch.ones_like(x))
    arc = (1 - (x / (half * 1.04 * wing)).square()).clamp(min=-0.3)
    upper = (tilted + up * arc).abs() - thick * (1 - (x / (half * 1.18 * wing)).square())
    w.paint(ink(u, INK), w.cover(upper) * (0.80 + 0.2 * lash))
    under = (tilted - low * taper).abs() - 0.010 * (1 - (x / half).square())
    w.paint(c["shade"] * 0.7, 0.55 * w.cover(under))


def brows(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Two brows: thicker for men, arched or flat."""
    w = canvas.window((-0.68, -0.62, 0.68, -0.08))
    u, v = centred(w, t, 0.7)
    x = u.abs() - EYE_U - 0.02
    male, arched = t["Male"], ramp(t["Arched_Eyebrows"], 0.05, 0.95)
    height = -0.30 - 0.035 * t["brow_height"] + 0.03 * male - 0.02 * t["Smiling"]
    rise = 1 - ((x - 0.06) / 0.26).square()
    bend = height - (0.03 + 0.14 * arched) * rise + 0.06 * arched + 0.22 * x
    thick = (0.026 + 0.024 * male) * (1.05 - 1.2 * x).clamp(min=0.3)
    d = stroke(v - bend, x, 0.215, thick)
    tone = mix(c["hair"] * 0.62, ink(u, (52, 36, 32)), 0.45)
    w.paint(tone, w.cover(d) * (0.80 + 0.15 * male))


def nose(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """A soft bridge, a lit tip, and the shade under it."""
    w = canvas.window((-0.32, -0.25, 0.32, 0.48))
    u, v = centred(w, t, 1.3)
    size = 1 + 0.16 * t["nose_size"] + 0.10 * t["Male"] - 0.22 * t["child"]
    side = torch.where(t["light_x"] > 0, -1.0, 1.0)
    w.paint(c["shade"], 0.55 * blob(u - 0.075 * side, v - 0.08, 0.075, 0.26))
    w.paint(c["shade"] * 0.93, 0.75 * blob(u, v - 0.27, 0.165 * size, 0.10))
    w.paint(torch.ones_like(c["skin"]), 0.36 * blob(u + 0.02 * side, v - 0.20, 0.07 * size, 0.075))
    curve = v - 0.295 - 0.035 * (1 - (u / (0.115 * size)).square())
    w.paint(c["shade"] * 0.62, 0.8 * w.cover(stroke(curve, u, 0.12 * size, 0.017)))


def mouth(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Lips along a curve, with teeth behind them where they part."""
    w = canvas.window((-0.48, 0.26, 0.48, 0.86))
    u, v = centred(w, t, 0.9)
    smile, apart = t["Smiling"], ramp(t["Mouth_Slightly_Open"], 0.15, 1.0)
    red = ramp(t["Wearing_Lipstick"], 0.1, 0.9)
    half = (0.215 + 0.115 * smile) * (1 + 0.10 * t["mouth_size"] - 0.12 * t["child"])
    x = u / half
    taper = (1 - x * x).clamp(min=-3)
    sag = 0.215 * (smile - 0.22)
    y = v - MOUTH_V + 0.03 * t["child"] - sag * (taper - 0.55)
    gap = (0.105 * apart + 0.002) * taper
    cupid = 1 - 0.25 * (1 - (x / 0.22).square()).clamp(min=0)
    full = 1 + 0.22 * (1 - t["Male"]) + 0.12 * red
    upper, lower = 0.048 * full * taper * cupid, 0.062 * full * taper
    natural = mix(c["shade"], ink(u, (196, 92, 92)) * (0.4 + 0.6 * c["skin"]), 0.55)
    paint = ink(u, (196, 30, 62)) * (0.72 + 0.28 * c["skin"])
    lip = mix(natural, paint, 0.92 * red.unsqueeze(1))
    lips = torch.maximum(-y - 0.35 * gap - upper, y - 0.65 * gap - lower)
    mask = w.cover(lips * 0.9)
    glow = 1.10 * ramp(y, 0.0, 0.06) + 0.90 * ramp(y, 0.06, 0.0)
    w.paint(lip * glow.unsqueeze(1), mask)
    w.paint(torch.ones_like(lip), 0.25 * mask * blob(u, y - 0.65 * gap - 0.035, 0.13, 0.022))
    hole = w.cover(torch.maximum(-y - 0.35 * gap, y - 0.65 * gap) + 0.004)
    hole = hole * mask * ramp(apart, 0.0, 0.12)
    w.paint(ink(u, (84, 26, 34)), hole)
    teeth = w.cover(y + 0.35 * gap - 0.062 + 0.02 * x * x)
    w.paint(ink(u, (252, 248, 240)), hole * teeth * ramp(apart, 0.02, 0.3) * (0.55 + 0.4 * smile))
    seam = stroke(y, u, half, 0.013)
    w.paint(lip * 0.48, w.cover(seam) * (1 - ramp(apart, 0.02, 0.2)))
    corner = ellipse(u.abs() - half * 1.03, y, 0.028, 0.028)
    w.paint(c["shade"] * 0.72, 0.6 * w.cover(corner) * ramp(smile, 0.35, 0.9))


def glasses(canvas: Canvas, t: Traits, c: dict[str, Tensor]) -> None:
    """Round frames with a bridge, temples and a glare."""
    w = canvas.window((-0.9, -0.36, 0.9, 0.34))
    u, v = centred(w, t, 0.9)
    worn = ramp(t["Eyeglasses"], 0.32, 0.68)
    x, y = u.abs() - EYE_U - 0.01, v - 0.01
    r = root(x.square() + (y * 1.06).square()) - 0.245
    ring = r.abs() - 0.022
    bridge = torch.maximum((v + 0.06 + 0.25 * u * u).abs() - 0.02, x + 0.235)
    temple = torch.maximum((v + 0.05).abs() - 0.018, 0.24 - x)
    frame = torch.minimum(ring, torch.minimum(bridge, torch.maximum(temple, u.abs() - 0.78)))
    lens = w.cover(r)
    w.paint(ink(u, (214, 232, 244)), 0.14 * lens * worn)
    glare = ((x * torch.sign(u) + y + 0.16).abs() - 0.035) * 0.7
    w.paint(torch.ones_like(c["skin"]), 0.30 * lens * w.cover(glare) * worn)
    rim = hue(0.05 + 0.4 * t["clothes"], 0.5, 0.26)
    w.paint(rim, w.cover(frame) * worn)
