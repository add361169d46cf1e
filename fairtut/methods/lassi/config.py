"""Hyper-parameters of representation learning, with the released settings by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from fairtut.errors import InputError
from fairtut.methods.lassi.similar import check_set
from fairtut.runtime.presets import choose


@dataclass(frozen=True)
class Config:
    r"""Every hyper-parameter of R and of the consumers trained on it.

    Attributes
    ----------
    classification, similarity, reconstruction : float
        Weights :math:`\lambda_1, \lambda_2, \lambda_3` of the three losses, not all zero.
    delta : float
        Distance between similar codes that costs nothing.
    augment : int
        Random similar latents with the same label per image (DataAug).
    epsilon : float
        Radius of the similarity set in units of the attribute vectors, at least 0.
    law : str
        ``ball`` or ``cube`` (:mod:`~fairtut.methods.lassi.similar`).
    attack : int
        Draws of the search for the farthest similar latent.
    hidden : tuple of int
        Hidden layers of R, and in reverse of the decoder.
    outputs : int
        Length of a code.
    epochs, batch, lr
        Passes over the data, latents per update, Adam's learning rate.
    sigma_rs : float
        Deviation of the noise on codes that consumers are trained and certified with.
    consumer_epochs, consumer_batch, consumer_lr
        The same for a consumer classifier.

    Raises
    ------
    fairtut.errors.InputError
        For a value out of range.
    fairtut.errors.UnknownName
        If there is no such law.
    """

    classification: float = 1.0
    similarity: float = 0.0
    reconstruction: float = 0.0
    delta: float = 0.0
    augment: int = 0
    epsilon: float = 1.0
    law: str = "ball"
    attack: int = 10
    hidden: tuple[int, ...] = (2048, 1024)
    outputs: int = 512
    epochs: int = 5
    batch: int = 500
    lr: float = 1e-3
    sigma_rs: float = 2.5
    consumer_epochs: int = 1
    consumer_batch: int = 128
    consumer_lr: float = 1e-3

    def __post_init__(self) -> None:
        check_set(1, self.epsilon, self.law)
        for name in ("classification", "similarity", "reconstruction", "delta", "sigma_rs"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be a number of at least 0, got {value}")
        if not self.classification + self.similarity + self.reconstruction:
            raise InputError("all three loss weights are 0: R would learn nothing")
        if self.augment < 0 or (self.augment and not self.classification):
            raise InputError(
                f"augment = {self.augment}: copies are at least 0, and need a classification weight"
            )
        if self.attack < 1 or self.epochs < 1 or self.consumer_epochs < 1:
            raise InputError("attack, epochs and consumer_epochs must be at least 1")
        if self.batch < 2 or self.consumer_batch < 1:
            raise InputError(f"batch {self.batch}: batch norm needs 2 latents (a consumer 1)")

    @property
    def moves(self) -> bool:
        """Whether the losses use attribute vectors."""
        return bool(self.similarity or self.augment)


_FAIRFACE: Final = 0.5  # epsilon

PRESETS: Final = {
    "naive": Config(sigma_rs=10),
    "dataaug": Config(augment=10, sigma_rs=10),
    "lassi": Config(similarity=0.05),
    "lassi-earrings-makeup": Config(similarity=0.25),
    "transfer": Config(0, 0.05, 0.1, epochs=20, sigma_rs=0.5),
    "naive-fairface-2": Config(epsilon=_FAIRFACE, sigma_rs=5),
    "naive-fairface-3": Config(epsilon=_FAIRFACE, sigma_rs=0.1),
    "naive-fairface-9": Config(epsilon=_FAIRFACE, sigma_rs=0.1),
    "dataaug-fairface-2": Config(augment=10, epsilon=_FAIRFACE, sigma_rs=5),
    "dataaug-fairface-3": Config(augment=10, epsilon=_FAIRFACE),
    "dataaug-fairface-9": Config(augment=10, epsilon=_FAIRFACE, sigma_rs=1),
    "lassi-fairface": Config(similarity=0.1, epsilon=_FAIRFACE, sigma_rs=0.25),
    "transfer-fairface": Config(0, 0.1, 0.1, epsilon=_FAIRFACE, epochs=20, sigma_rs=0.1),
    "transfer-fairface-weak": Config(0.01, 0.1, 0.1, epsilon=_FAIRFACE, epochs=20, sigma_rs=0.1),
    "naive-3dshapes": Config(law="cube", sigma_rs=5),
    "lassi-3dshapes": Config(similarity=0.1, law="cube", attack=100, sigma_rs=1),
}
"""Settings as released; CelebA (64 and 128 pixels) where the name says no data set.

The noise ``sigma_rs`` differs per method: baselines get more of it, hence larger certified radii.
DataAug with several attributes at 128 pixels was trained with ``batch=250``.  ``epsilon`` fits
mean differences; :data:`fairtut.methods.lassi.vectors.EPSILON` has the others.
"""


def preset(name: str) -> Config:
    """Return the released setting of this name.

    Parameters
    ----------
    name : str
        One of ``PRESETS``.

    Returns
    -------
    Config

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such setting: the message names those that exist.

    Examples
    --------
    Naive training ignores who is similar.  LASSI weighs it with .05, and otherwise differs in the
    noise that its consumers get:

    >>> from dataclasses import replace
    >>> from fairtut.methods.lassi import preset
    >>> naive, lassi = preset("naive"), preset("lassi")
    >>> naive.similarity, lassi.similarity
    (0.0, 0.05)
    >>> naive.sigma_rs, lassi.sigma_rs
    (10, 2.5)
    >>> replace(naive, similarity=0.05, sigma_rs=2.5) == lassi
    True
    """
    return choose(PRESETS, name, "LASSI preset")
