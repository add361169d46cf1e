r"""Simulated crowd workers whose errors are correlated.

FR-Train builds its clean validation set by crowdsourcing.  In the answers that its authors
released, one worker is right on about 62 % of the questions, and a majority of 11 on 66 %
(COMPAS) and 72 % (Adult).  Eleven *independent* workers of 62 % would reach about 80 %: the
errors are shared, because some questions mislead almost everyone.  The model here gives each
question its own probability of being answered correctly,

.. math:: p_i \sim \mathrm{Beta}(a, b), \qquad
          \frac{a}{a+b} = \text{single accuracy}, \qquad \rho = \frac{1}{a+b+1},

so that the number of right answers among k is beta-binomial and :math:`\rho` is the correlation of
two workers' correctness on one question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.runtime.seeds import numpy_rng


@dataclass(frozen=True)
class Reference:
    """What was measured on a real crowd (an answer of 3 or 4 on a 1-4 scale counts as yes).

    Attributes
    ----------
    single, majority : float
        Share of right answers of one worker, and of the majority of ``k``.
    single_by_label, majority_by_label : (float, float)
        The same on items whose true label is 0, and 1.
    items, k : int
        Number of questions, and answers per question.
    source : str
        Where the answers come from.

    Examples
    --------
    A majority of the real crowd gained 4 points, where independent workers would gain far more:

    >>> from fairtut.data.crowd import REFERENCE, CrowdModel
    >>> crowd = REFERENCE["compas"]
    >>> round(crowd.majority - crowd.single, 3)
    0.044
    >>> CrowdModel(crowd.single, rho=0.0).majority_accuracy(crowd.k) - crowd.single > 0.15
    True
    """

    single: float
    majority: float
    single_by_label: tuple[float, float]
    majority_by_label: tuple[float, float]
    items: int
    k: int
    source: str


_RELEASE = "answers released with FR-Train (Roh et al. 2020), measured by this project"

REFERENCE: Mapping[str, Reference] = {
    "compas": Reference(0.617, 0.661, (0.649, 0.581), (0.719, 0.599), 440, 11, _RELEASE),
    "adult": Reference(0.632, 0.723, (0.552, 0.713), (0.619, 0.827), 3046, 11, _RELEASE),
}
"""Accuracies of the two released crowds."""


@dataclass(frozen=True)
class CrowdModel:
    """Correctness of annotators: mean accuracy and correlation within a question.

    Attributes
    ----------
    single : float
        Probability that one annotator is right, in (0, 1).
    rho : float
        Correlation of two annotators' correctness on one question, in [0, 1]: 0 is independence,
        1 means that all give the same answer.

    Raises
    ------
    fairtut.errors.InputError
        If a number is out of its range.

    Notes
    -----
    With the module's Beta law, ``rho`` is 1 / (a + b + 1), and a majority is right with the upper
    tail of a beta-binomial probability.

    Examples
    --------
    Three independent annotators of .8 reach .8³ + 3 · .8² · .2 = .896; three copies of one gain
    nothing:

    >>> from fairtut.data.crowd import CrowdModel
    >>> [round(CrowdModel(0.8, rho).majority_accuracy(k=3), 3) for rho in (0.0, 1.0)]
    [0.896, 0.8]
    >>> model = CrowdModel.fit(single=0.8, majority=0.85, k=3)
    >>> 0 < model.rho < 1, round(model.majority_accuracy(k=3), 6)
    (True, 0.85)
    """

    single: float
    rho: float

    def __post_init__(self) -> None:
        if not 0.0 < self.single < 1.0:
            raise InputError(f"single accuracy is {self.single}: give a number inside (0, 1)")
        if not 0.0 <= self.rho <= 1.0:
            raise InputError(f"rho is {self.rho}: give a number in [0, 1]")

    @classmethod
    def fit(cls, single: float, majority: float, k: int = 11) -> CrowdModel:
        """Find the correlation at which a majority of ``k`` has the accuracy ``majority``.

        Parameters
        ----------
        single, majority : float
            Accuracy of one annotator and of the majority of ``k``.
        k : int
            Odd number of annotators.

        Returns
        -------
        CrowdModel
            With the given ``single``.

        Raises
        ------
        fairtut.errors.InputError
            If k is even, or no correlation gives that majority: it must lie between ``single``
            (rho = 1) and what independent annotators reach (rho = 0).
        """
        from scipy.optimize import brentq

        independent = cls(single, 0.0).majority_accuracy(k)
        low, high = sorted((single, independent))
        if not low <= majority <= high:
            raise InputError(
                f"a majority of {k} annotators of accuracy {single:.3f} is right between "
                f"{low:.3f} and {high:.3f} of the time, not {majority:.3f}"
            )
        if majority == independent:
            return cls(single, 0.0)
        if majority == single:
            return cls(single, 1.0)
        rho = brentq(lambda r: cls(single, r).majority_accuracy(k) - majority, 0.0, 1.0)
        return cls(single, float(rho))

    def majority_accuracy(self, k: int = 11) -> float:
        r"""Probability that the majority of ``k`` (odd) annotators is right, in closed form.

        .. math:: P(R > k / 2), \qquad R \sim \mathrm{BetaBinomial}(k, a, b),

        with a and b as above in this module; R is binomial for rho = 0.  For rho = 1 the answer is
        ``single``.

        Parameters
        ----------
        k : int
            Odd number of annotators.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        fairtut.errors.InputError
            If k is even or below 1.
        """
        from scipy.stats import betabinom, binom

        _check_odd(k)
        if self.rho < 1e-9:
            return float(binom.sf(k // 2, k, self.single))
        if self.rho > 1.0 - 1e-9:
            return self.single
        return float(betabinom.sf(k // 2, k, *self._shape()))

    def _shape(self) -> tuple[float, float]:
        """Return Beta's a and b; only for rho inside (0, 1)."""
        total = (1.0 - self.rho) / self.rho
        return self.single * total, (1.0 - self.single) * total

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw each question's probability of a right answer, shape (n,)."""
        if self.rho < 1e-9:
            return np.full(n, self.single)
        if self.rho > 1.0 - 1e-9:
            return (rng.random(n) < self.single).astype(np.float64)
        return rng.beta(*self._shape(), size=n)


def annotate(
    y: ArrayLike,
    k: int = 11,
    model: CrowdModel | tuple[CrowdModel, CrowdModel] | None = None,
    seed: int = 0,
) -> NDArray[np.int8]:
    """Simulate ``k`` annotators' answers for each item.

    Parameters
    ----------
    y : array_like, shape (n,)
        True labels in {0, 1}.
    k : int
        Annotators per item.
    model : CrowdModel or pair of CrowdModel, optional
        One model for all items, or one for items of label 0 and one for label 1 (real crowds say
        yes too often or too rarely).  Default: fitted to COMPAS in :data:`REFERENCE`.
    seed : int
        Root seed.

    Returns
    -------
    ndarray of int8, shape (n, k)
        Answers in {0, 1}.

    Raises
    ------
    fairtut.errors.InputError
        If a label is neither 0 nor 1, or ``k`` is below 1.

    Examples
    --------
    At a correlation of 1 all annotators of an item agree, right or wrong:

    >>> from fairtut.data.crowd import CrowdModel, annotate
    >>> answers = annotate([0, 1, 1, 0], k=3, model=CrowdModel(single=0.7, rho=1.0), seed=0)
    >>> answers.shape, [len(set(row)) for row in answers.tolist()]
    ((4, 3), [1, 1, 1, 1])
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise InputError("y must be a vector of labels 0 and 1")
    if k < 1:
        raise InputError(f"k is {k}: ask at least one annotator")
    if model is None:
        model = CrowdModel.fit(REFERENCE["compas"].single, REFERENCE["compas"].majority)
    by_label = model if isinstance(model, tuple) else (model, model)
    rng = numpy_rng(seed, "crowd")
    easiness = np.stack([m.draw(len(labels), rng) for m in by_label])  # (2, n)
    chance = easiness[labels.astype(np.int64), np.arange(len(labels))]  # (n,)
    right = rng.random((len(labels), k)) < chance[:, None]
    return np.where(right, labels[:, None], 1 - labels[:, None]).astype(np.int8)


def majority(answers: ArrayLike) -> NDArray[np.int8]:
    """Return the majority answer of each row of ``answers`` (n, k), k odd, as int8 (n,).

    Examples
    --------
    >>> from fairtut.data.crowd import majority
    >>> import numpy as np
    >>> majority(np.array([[1, 1, 0], [0, 0, 1]])).tolist()
    [1, 0]
    """
    votes = np.asarray(answers)
    if votes.ndim != 2 or not np.isin(votes, (0, 1)).all():
        raise InputError("answers must be an (n, k) array of 0 and 1")
    _check_odd(votes.shape[1])
    return (votes.sum(axis=1) > votes.shape[1] // 2).astype(np.int8)


def _check_odd(k: int) -> None:
    if k < 1 or k % 2 == 0:
        raise InputError(f"{k} annotators can tie: use an odd number")
