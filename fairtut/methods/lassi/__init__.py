"""LASSI: representations that are certifiably fair to similar people.

Peychev, Ruoss, Balunović, Baader, Vechev: *Latent space smoothing for individually fair
representations*, ECCV 2022.  :mod:`~fairtut.methods.lassi.vectors` and
:mod:`~fairtut.methods.lassi.discover` find attribute vectors,
:mod:`~fairtut.methods.lassi.learning` trains representations and consumers,
:mod:`~fairtut.methods.lassi.certify` certifies them and :mod:`~fairtut.methods.lassi.exact` does so
without sampling.  :mod:`~fairtut.methods.lassi.sequential` stops drawing when it knows enough.
:mod:`~fairtut.methods.lassi.verdicts` says what truly holds of the plain model.
"""

from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import Centers, Certificates, certify, classify, smooth_codes
from fairtut.methods.lassi.classifier import Voting
from fairtut.methods.lassi.config import PRESETS, Config, preset
from fairtut.methods.lassi.discover import DiscoverConfig, discover
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.learning import Learned, consumer, encode, train
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.sequential import EarlyCertificates, certify_early
from fairtut.methods.lassi.vectors import mean_difference, perpendicular, ramaswamy, separator
from fairtut.methods.lassi.verdicts import ExactFairness, exact_fairness

__all__ = [
    "PRESETS",
    "Centers",
    "Certificates",
    "Config",
    "DiscoverConfig",
    "EarlyCertificates",
    "ExactFairness",
    "Learned",
    "Representation",
    "Smoothing",
    "Voting",
    "certify",
    "certify_early",
    "certify_exactly",
    "classify",
    "consumer",
    "discover",
    "encode",
    "exact_fairness",
    "mean_difference",
    "perpendicular",
    "preset",
    "ramaswamy",
    "separator",
    "smooth_codes",
    "train",
]
