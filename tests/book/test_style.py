"""Colours of the book: every pair of text and background is legible in both modes."""

import re

import pytest

from tools.common import ROOT

pytestmark = pytest.mark.book
CSS = (ROOT / "book/_static/custom.css").read_text(encoding="utf-8")
PAIRS = [
    ("ink", "page"),
    ("ink", "stripe"),
    ("quiet", "page"),
    ("quiet", "stripe"),
    ("accent", "page"),
    ("good", "good-bg"),
    ("trend", "trend-bg"),
    ("partly", "partly-bg"),
    ("not", "not-bg"),
    ("untested", "untested-bg"),
]


def palette(mode):
    """Return the custom colours of a mode as {name: (r, g, b)}."""
    block = next(
        body
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", CSS)
        if f'data-theme="{mode}"' in selector and "--ft-page" in body
    )
    found = re.findall(r"--ft-([a-z-]+):\s*#([0-9a-fA-F]{6})", block)
    return {name: tuple(int(code[i : i + 2], 16) for i in (0, 2, 4)) for name, code in found}


def luminance(colour):
    """Relative luminance after WCAG 2.1."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio after WCAG 2.1, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_by_hand():
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_is_legible(mode, ink, ground):
    colours = palette(mode)
    assert contrast(colours[ink], colours[ground]) >= 4.5


def test_both_modes_define_the_same_colours():
    assert palette("light").keys() == palette("dark").keys()
