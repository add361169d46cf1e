"""Glow, a normalising flow: its layers, what it sees of a picture, and the flow itself."""

from fairtut.models.glow.flow import Glow
from fairtut.models.glow.pixels import dequantise, preprocess, to_pictures

__all__ = ["Glow", "dequantise", "preprocess", "to_pictures"]
