"""Representations by variational autoencoders: plain, disentangled and fair ones.

A shared method: it serves every chapter that needs codes.  :mod:`~fairtut.methods.latent.kinds`
lists what a VAE can be trained for, :func:`~fairtut.methods.latent.train` trains it.
"""

from fairtut.methods.latent.config import Config
from fairtut.methods.latent.dimensions import correlations, remove, sensitive_dimension
from fairtut.methods.latent.frame import Objective
from fairtut.methods.latent.kinds import KINDS, build
from fairtut.methods.latent.training import Trained, train

__all__ = [
    "KINDS",
    "Config",
    "Objective",
    "Trained",
    "build",
    "correlations",
    "remove",
    "sensitive_dimension",
    "train",
]
