"""Fairness Reprogramming: one constant trigger that makes a frozen classifier fairer.

Zhang et al.: *Fairness reprogramming*, NeurIPS 2022.
:mod:`~fairtut.methods.reprogramming.trigger` says what is put into an image,
:mod:`~fairtut.methods.reprogramming.projection` how utility and fairness share one update,
:mod:`~fairtut.methods.reprogramming.discriminator` what the adversary reads,
:mod:`~fairtut.methods.reprogramming.frozen` how to differentiate through a frozen network cheaply,
:mod:`~fairtut.methods.reprogramming.game` is one step,
:mod:`~fairtut.methods.reprogramming.training` the whole (with AdvIn and AdvPost, the paper's
baselines), :mod:`~fairtut.methods.reprogramming.words` and
:mod:`~fairtut.methods.reprogramming.text` do the same with a few words in a comment,
:mod:`~fairtut.methods.reprogramming.theory` holds its theorem, exactly, and
:class:`~fairtut.methods.reprogramming.estimator.Trigger` is the library's front door.
"""

from fairtut.methods.deciding import collapsed
from fairtut.methods.reprogramming.discriminator import Discriminator
from fairtut.methods.reprogramming.estimator import Trigger
from fairtut.methods.reprogramming.frozen import frozen_copy
from fairtut.methods.reprogramming.game import Config, Game
from fairtut.methods.reprogramming.labels import combined
from fairtut.methods.reprogramming.projection import projected
from fairtut.methods.reprogramming.text import train_text, train_text_weights, train_words
from fairtut.methods.reprogramming.training import Fit, train_trigger, train_weights
from fairtut.methods.reprogramming.trigger import Border, Patch, Shape, TriggerModule, standard

__all__ = [
    "Border",
    "Config",
    "Discriminator",
    "Fit",
    "Game",
    "Patch",
    "Shape",
    "Trigger",
    "TriggerModule",
    "collapsed",
    "combined",
    "frozen_copy",
    "projected",
    "standard",
    "train_text",
    "train_text_weights",
    "train_trigger",
    "train_weights",
    "train_words",
]
