"""FAAP: a perturbation that makes a deployed classifier treat two groups more alike.

Wang et al.: *Fairness-aware adversarial perturbation towards bias mitigation for deployed deep
models*, CVPR 2022.  :mod:`~fairtut.methods.faap.losses` holds the paper's equations,
:mod:`~fairtut.methods.faap.training` its algorithm, :mod:`~fairtut.methods.faap.split` what "a
deployed model, split in g and f" means for any torch classifier, and
:class:`~fairtut.methods.faap.estimator.FAAP` puts them together.
"""

from fairtut.methods.faap.estimator import FAAP
from fairtut.methods.faap.losses import discriminator_loss, fairness_loss, generator_loss
from fairtut.methods.faap.split import Split
from fairtut.methods.faap.training import Config, Fit, Game, Pair, perturb, train
from fairtut.methods.holding import frozen

__all__ = [
    "FAAP",
    "Config",
    "Fit",
    "Game",
    "Pair",
    "Split",
    "discriminator_loss",
    "fairness_loss",
    "frozen",
    "generator_loss",
    "perturb",
    "train",
]
