"""What a synthetic person is: continuous factors, and the labels that thresholds make of them.

A person is one row of a table.  Its columns are

* the fifteen attributes as strengths in [0, 1]; the label is ``strength >= 0.5``,
* ``skin_tone`` in [0, 1], light to dark, and ``age`` in years (``Young`` is a function of it),
* a *quirk* per attribute: how far this person's drawn cue lies from the strength, which is what
  makes the labels hard to read,
* nuisance: pose, light, colours, hair style, blur and sensor noise.

The picture is a function of the row alone, so the same row with one factor changed is an exact
counterfactual.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.data.synthetic.faces.law import ATTRIBUTES, Law
from fairtut.errors import InputError, UnknownName
from fairtut.runtime.seeds import numpy_rng

THRESHOLD: Final = 0.5
"""An attribute's label is 1 from this strength on."""
YOUNG_UNTIL: Final = 40.0
"""Age in years at which ``Young`` crosses the threshold."""
MAX_AGE: Final = 85.0
CHILDREN: Final = 0.3
"""Share of children among those young people who carry no attribute of :data:`ADULT`."""
ADULT: Final = ("Heavy_Makeup", "Wearing_Lipstick", "Bald", "Attractive")
TONE_GROUPS: Final = tuple(f"tone group {i}" for i in range(1, 8))
"""Seven equal bands of skin tone.  A band of a painted colour is not race, nor a proxy for it."""
AGE_GROUPS: Final = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+")
"""FairFace's age groups."""
AGE_STARTS: Final = (0, 3, 10, 20, 30, 40, 50, 60, 70)
NUISANCE: Final = (
    *("shift_x", "shift_y", "scale", "tilt", "turn"),
    *("light_x", "light_y", "light"),
    *("background", "background_shade", "clothes", "clothes_shade", "neckline"),
    *("hair_hue", "hair_shade", "hair_length", "hair_volume", "parting", "fringe"),
    *("eye_hue", "eye_size", "nose_size", "mouth_size", "face_width", "brow_height"),
    *("blur", "noise"),
)
"""Nuisance factors, each uniform in [-1, 1] times ``nuisance``."""
NOISE_BANK: Final = 1 << 20
"""Length of the bank of normal numbers in which ``noise_draw`` is an offset."""

QUIRK: Final[Mapping[str, float]] = {
    "Male": 0.16,
    "Young": 0.14,
    "Smiling": 0.12,
    "Attractive": 0.22,
    "Blond_Hair": 0.12,
    "Pale_Skin": 0.10,
    "Heavy_Makeup": 0.20,
    "Oval_Face": 0.30,
    "Wavy_Hair": 0.28,
    "High_Cheekbones": 0.25,
    "Mouth_Slightly_Open": 0.18,
    "Wearing_Lipstick": 0.18,
    "Arched_Eyebrows": 0.28,
    "Bald": 0.06,
    "Eyeglasses": 0.08,
}
"""Standard deviation of each quirk at ``nuisance=1``: the larger, the harder the label."""
#: The columns of a table of people.
COLUMNS: Final = (
    *ATTRIBUTES,
    *("skin_tone", "age"),
    *(f"quirk_{a}" for a in ATTRIBUTES),
    *NUISANCE,
    "noise_draw",
)
FACTORS: Final = (*ATTRIBUTES, "skin_tone", "age")
"""The factors that a counterfactual may change."""


def youth(age: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the strength of ``Young``: 1 at birth, 1/2 at 40, 0 from 85 on."""
    return np.interp(age, (0.0, YOUNG_UNTIL, MAX_AGE), (1.0, THRESHOLD, 0.0))


def age_of(young: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert :func:`youth`."""
    return np.interp(young, (0.0, THRESHOLD, 1.0), (MAX_AGE, YOUNG_UNTIL, 0.0))


def draw(n: int, seed: int, law: Law, nuisance: float) -> pd.DataFrame:
    """Draw people: combinations from ``law``, strengths on their side of the threshold, nuisance.

    Parameters
    ----------
    n : int
        Number of people.
    seed : int
        Root seed.
    law : Law
        Joint law of the labels.
    nuisance : float
        Factor on all nuisance and quirks, 0 for none.

    Returns
    -------
    DataFrame, n rows
        The columns of :data:`COLUMNS`.
    """
    labels = pd.DataFrame(law.draw(n, numpy_rng(seed, "faces", "law")), columns=law.attributes)
    rng = numpy_rng(seed, "faces", "strength")
    rows: dict[str, NDArray] = {}
    for name in ATTRIBUTES:
        # at least .03 from the threshold, so that rounding never moves a label
        away = 0.03 + 0.47 * rng.beta(1.5, 1.5, n)
        rows[name] = steady(THRESHOLD + np.where(labels[name], away, -away))
    rows["age"] = steady(_ages(labels, numpy_rng(seed, "faces", "age")))
    rows["Young"] = youth(rows["age"])
    rng = numpy_rng(seed, "faces", "nuisance")
    # Pale skin is drawn from the lighter bands: a label about looks, and a rare one (4 %)
    rows["skin_tone"] = rng.random(n) * np.where(labels["Pale_Skin"], 3 / 7, 1.0)
    for name in ATTRIBUTES:
        z = steady(np.clip(rng.standard_normal(n), -3, 3))
        rows[f"quirk_{name}"] = nuisance * QUIRK[name] * z
    for name in NUISANCE:
        rows[name] = nuisance * rng.uniform(-1, 1, n)
    rows["noise_draw"] = rng.integers(0, NOISE_BANK, n)
    return pd.DataFrame(rows)[list(COLUMNS)]


def steady(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to multiples of 2**-32: logarithms and powers end differently in other libraries."""
    return np.round(drawn * 2.0**32) / 2.0**32


def _ages(labels: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.float64]:
    """Ages in years on the side of 40 that ``Young`` says."""
    n = len(labels)
    adult = YOUNG_UNTIL - 1 - 21 * rng.beta(1.4, 1.4, n)
    old = YOUNG_UNTIL + 1 + 43 * rng.beta(1.3, 1.6, n)
    child = 18 * rng.random(n)
    grown = labels[list(ADULT)].any(axis=1).to_numpy()
    young = np.where(~grown & (rng.random(n) < CHILDREN), child, adult)
    return np.where(labels["Young"], young, old)


def true_labels(factors: pd.DataFrame) -> pd.DataFrame:
    """Threshold the factors: bool attributes, ``tone_group`` 1..7 and ``age_group``."""
    labels = factors[list(ATTRIBUTES)] >= THRESHOLD
    labels["tone_group"] = tone_group(factors["skin_tone"].to_numpy())
    labels["age_group"] = age_group(factors["age"].to_numpy())
    return labels


def tone_group(tone: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the band of a skin tone, 1 (light) to 7 (dark)."""
    return np.clip((7 * tone).astype(np.int64), 0, 6) + 1


def age_group(age: NDArray[np.float64]) -> pd.Categorical:
    """Return FairFace's age group as an ordered category."""
    codes = np.searchsorted(AGE_STARTS, np.maximum(age, 0), side="right") - 1
    return pd.Categorical.from_codes(codes, list(AGE_GROUPS), ordered=True)


def changed(
    factors: pd.DataFrame, factor: str, value: float | NDArray[np.float64] | None
) -> pd.DataFrame:
    """Return the same people with one factor set to ``value``, or mirrored at its threshold.

    Parameters
    ----------
    factors : DataFrame
        People.
    factor : str
        One of :data:`FACTORS`.
    value : float or ndarray, shape (n,), optional
        In [0, 1]; for ``age`` in years, 0 to 100.  None mirrors a strength at the threshold, which
        flips the label of everybody; ``age`` mirrors like ``Young`` and ``skin_tone`` at 1/2.

    Raises
    ------
    fairtut.errors.UnknownName, fairtut.errors.InputError
        If the factor does not exist or a value is out of range.
    """
    if factor not in FACTORS:
        raise UnknownName.of("factor", factor, FACTORS)
    rows, top = factors.copy(), 100.0 if factor == "age" else 1.0
    if value is None:
        base = rows["Young" if factor == "age" else factor].to_numpy()
        new = 1 - base
        # exactly at the threshold the mirror image is the threshold: step below it
        new = np.where(base == THRESHOLD, np.nextafter(THRESHOLD, 0.0), new)
        new = age_of(new) if factor == "age" else new
    else:
        new = np.asarray(value, dtype=np.float64)
    if new.ndim > 1 or new.size not in (1, len(rows)) or not np.all((new >= 0) & (new <= top)):
        raise InputError(f"{factor}: give one number or one per face, each in [0, {top:g}]")
    rows[factor] = new
    if factor == "age":
        rows["Young"] = youth(rows["age"].to_numpy())
    if factor == "Young":
        rows["age"] = age_of(rows["Young"].to_numpy())
    return rows
