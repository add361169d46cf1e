r"""The paper's theorem by exact enumeration, and the network for which it does not hold.

**Two vocabularies.**  A label Y and a group Z, dependent through a confounder, write a text: words
:math:`X^y` drawn given Y from one vocabulary, words :math:`X^z` drawn given Z from another.  The
posteriors :math:`q_y = p(Y \mid X^y)` and :math:`q_z = p(Z \mid X^z)` are sufficient, and the
Bayes classifier is

.. math::  h(q_y, q_z)_y \;\propto\; \sum_z p(y, z)\, \frac{q_y(y)}{p(y)}\, \frac{q_z(z)}{p(z)} .

A trigger is one more word of the second vocabulary, so :math:`q_z(z) \to \propto q_z(z)\,
p(z \mid \delta) / p(z)`.  As :math:`p(z \mid \delta) \to 1` the posterior saturates for every text
and :math:`I(\hat Y; Z \mid Y) \to 0` (theorem 1), provided that no word rules z out.

**Pooling.**  A network that averages local features and applies a linear head is additive: what a
trigger adds to the logit is the same for every image.  It moves a threshold, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.adversarial import mutual_information

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What a classifier's decisions give away.

    Attributes
    ----------
    given_y : float
        I(Ŷ; Z | Y) in nats: 0 exactly under equalised odds.
    marginal : float
        I(Ŷ; Z) in nats: 0 exactly under demographic parity.
    accuracy : float
    rates : array, shape (2, 2)
        P(Ŷ = 1 | Y = y, Z = z).
    """

    given_y: float
    marginal: float
    accuracy: float
    rates: Array


class TwoVocabularies:
    """The model of the theorem, with every text enumerated.

    Parameters
    ----------
    joint : array-like, shape (2, 2)
        P(Y = y, Z = z), all positive.
    words_y, words_z : array-like, shape (2, v)
        P(word | Y = y) and P(word | Z = z); each row sums to 1.
    length : int
        Words of each kind in a text.

    Raises
    ------
    fairtut.errors.InputError
        If these are no distributions, or there are more than a million texts.
    """

    def __init__(
        self, joint: ArrayLike, words_y: ArrayLike, words_z: ArrayLike, length: int = 1
    ) -> None:
        self.joint = np.asarray(joint, float)
        if self.joint.shape != (2, 2) or not (self.joint > 0).all():
            raise InputError("the joint of Y and Z must be 2 x 2 and positive")
        if not np.isclose(self.joint.sum(), 1):
            raise InputError(f"the joint of Y and Z sums to {self.joint.sum():g}: it must be 1")
        self.p_y, self.p_z = self.joint.sum(1), self.joint.sum(0)
        self.texts_y = _texts("words_y", words_y, length)  # P(text | y), (2, a)
        self.texts_z = _texts("words_z", words_z, length)  # P(text | z), (2, b)
        if self.texts_y.shape[1] * self.texts_z.shape[1] > 1_000_000:
            raise InputError("more than a million texts: use fewer words, or shorter texts")

    def posteriors(self, trigger: float | None = None) -> tuple[Array, Array]:
        """Return q_y (2, a) and q_z (2, b) of every text, with a trigger if it is given.

        Parameters
        ----------
        trigger : float, optional
            p(Z = 1 | trigger word), in [0, 1]; P(Z = 1) is a word that says nothing.
        """
        q_y = self.p_y[:, None] * self.texts_y
        q_z = self.p_z[:, None] * self.texts_z
        if trigger is not None:
            if not 0 <= trigger <= 1:
                raise InputError(f"p(z | trigger) = {trigger}: a probability is in [0, 1]")
            q_z = q_z * (np.array([1 - trigger, trigger]) / self.p_z)[:, None]
        if not (q_z.sum(0) > 0).all():
            raise InputError("a text and the trigger contradict each other: keep words possible")
        return q_y / q_y.sum(0), q_z / q_z.sum(0)

    def h(self, q_y: Array, q_z: Array) -> Array:
        """Return the Bayes classifier's P(Y = 1 | text), (a, b), from the two posteriors."""
        ratio_y, ratio_z = q_y / self.p_y[:, None], q_z / self.p_z[:, None]
        weights = np.einsum("yz,ya,zb->yab", self.joint, ratio_y, ratio_z)
        return np.asarray(weights[1] / weights.sum(0))

    def triggered(self, trigger: float | None = None, *, soft: bool = False) -> Outcome:
        """Measure the frozen Bayes classifier on texts with the trigger.

        Parameters
        ----------
        trigger : float, optional
            p(Z = 1 | trigger word); None is the classifier as deployed.
        soft : bool
            Draw Ŷ from the posterior instead of thresholding it at one half.
        """
        score = self.h(*self.posteriors(trigger))
        return self.outcome(score if soft else (score > 0.5).astype(float))

    def threshold(self, at: float) -> Outcome:
        """Measure the deployed classifier without a trigger at another threshold: the control."""
        return self.outcome((self.h(*self.posteriors()) > at).astype(float))

    def outcome(self, positive: Array) -> Outcome:
        """Measure decisions given as P(Ŷ = 1 | text), (a, b)."""
        rates = np.einsum("ya,zb,ab->yz", self.texts_y, self.texts_z, positive)
        table = self.joint * np.stack([1 - rates, rates])  # P(ŷ, y, z), (2, 2, 2)
        given_y = sum(
            self.p_y[y] * mutual_information(np.maximum(table[:, y], 0)) for y in range(2)
        )
        marginal = mutual_information(np.maximum(table.sum(1), 0))
        accuracy = float(table[0, 0].sum() + table[1, 1].sum())
        return Outcome(float(given_y), marginal, accuracy, rates)


def _texts(name: str, words: ArrayLike, length: int) -> Array:
    p = np.asarray(words, float)
    if p.ndim != 2 or len(p) != 2 or (p < 0).any() or not np.allclose(p.sum(1), 1) or length < 1:
        raise InputError(f"{name} must be 2 x v probabilities, rows summing to 1, of length >= 1")
    if p.shape[1] ** length > 1_000_000:
        raise InputError("more than a million texts: use fewer words, or shorter texts")
    if (p.sum(0) == 0).any():
        raise InputError(f"{name} has a word that nobody writes: leave it out")
    return np.stack([reduce(np.kron, [row] * length) for row in p])  # (2, v ** length)


class Pooled(nn.Module):
    """Local features, their average over the image, a linear head: an *additive* classifier.

    Parameters
    ----------
    features : int
        Of each pixel, by a 1x1 convolution and ReLU, so that no feature sees two pixels.
    classes : int
    generator : torch.Generator, optional
        Source of the weights.
    """

    def __init__(
        self, features: int = 8, classes: int = 2, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.local = nn.Conv2d(3, features, 1)
        self.head = nn.Linear(features, classes)
        for parameter in self.parameters():
            nn.init.normal_(parameter, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, h, w) to logits (n, classes)."""
        out: Tensor = self.head(torch.relu(self.local(x)).mean((2, 3)))
        return out


def roc(score: ArrayLike, y: ArrayLike) -> Array:
    """Return the exact ROC of a score, (k, 2): FPR and TPR at each of its k thresholds.

    Two scores that differ by a constant have equal curves, whatever the constant.

    Raises
    ------
    fairtut.errors.InputError
        If a class is missing.
    """
    values, label = np.asarray(score, float), np.asarray(y)
    thresholds = np.unique(values)[::-1, None]
    if not ((label == 0).any() and (label == 1).any()):
        raise InputError("a ROC curve needs both classes in y")
    rates = [(values[label == c] >= thresholds).mean(1) for c in (0, 1)]
    return np.stack(rates, 1)
