"""How a measured number and an id are written, in a terminal as on a page."""

from __future__ import annotations

import math
import re
from typing import Final

NOTHING = "–"
"""What stands where there is no number."""

_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(x: float | int | None) -> str:
    """Write a number as the book does: three decimals, fewer when it is large.

    >>> number(0.81449), number(1800), number(123.456), number(2.3e-7), number(None)
    ('0.814', '1,800', '123.5', '2.3·10⁻⁷', '–')
    """
    if x is None or (isinstance(x, float) and math.isnan(x)):
        return NOTHING
    if isinstance(x, int) or abs(x) >= 1000:
        return f"{x:,.0f}"
    if abs(x) >= 100:
        return f"{x:.1f}"
    # zero has no sign
    return f"{x + 0.0:.3f}" if abs(x) >= 0.001 or x == 0 else powers(f"{x:.2g}")


def points(x: float) -> str:
    """Write a difference in points with its sign; zero has none.

    >>> points(1.24), points(-0.36), points(-0.04)
    ('+1.2', '-0.4', '0.0')
    """
    rounded = round(x, 1) + 0.0
    return f"{rounded:+.1f}" if rounded else "0.0"


def powers(text: str) -> str:
    """Write the exponents of numbers as powers of ten, which everybody can read.

    >>> powers("from 2.3e-07 to 1e+06")
    'from 2.3·10⁻⁷ to 1·10⁶'
    """
    return re.sub(r"(?<=\d)e([+-]\d+)", lambda m: "·10" + f"{int(m[1])}".translate(_RAISED), text)


def spelled(id: str) -> str:
    """Write an id as words for a page.

    >>> spelled("poisoned.fr-train.accuracy"), spelled("d4.celeba-male_oval.eta0.5-dp")
    ('poisoned · fr train · accuracy', 'd4 · celeba male oval · eta0.5 dp')
    """
    return re.sub(r"[-_]", " ", re.sub(r"\.(?=[a-z])|(?<=[a-z])\.", " · ", id))
