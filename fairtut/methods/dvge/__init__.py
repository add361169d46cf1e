"""DVGE: train on codes that were moved along two classifiers' gradients, encoder untouched.

Zhang et al.: *Model debiasing via gradient-based explanation on representation*, AIES 2023.
:mod:`~fairtut.methods.dvge.focus` holds the formulas, :mod:`~fairtut.methods.dvge.training` the
step, :mod:`~fairtut.methods.dvge.classifiers` whole grids of classifiers,
:mod:`~fairtut.methods.dvge.probes` what is left to read from perturbed codes, and
:class:`~fairtut.methods.dvge.estimator.DVGE` serves one's own encoder and data.
"""

from fairtut.methods.dvge.classifiers import Grid, fit_classifiers, fit_grid
from fairtut.methods.dvge.estimator import DVGE, MIN_CELL
from fairtut.methods.dvge.focus import FOCI, clip, clip_as_printed, perturb
from fairtut.methods.dvge.probes import PROBES, Ablation, ablation
from fairtut.methods.dvge.training import Config, logits

__all__ = [
    "DVGE",
    "FOCI",
    "MIN_CELL",
    "PROBES",
    "Ablation",
    "Config",
    "Grid",
    "ablation",
    "clip",
    "clip_as_printed",
    "fit_classifiers",
    "fit_grid",
    "logits",
    "perturb",
]
