"""FR-Train for your own data: fit, predict, and a choice of the fairness weight."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from fairtut.errors import InputError
from fairtut.methods.frtrain.config import LABEL_FED, Config
from fairtut.methods.frtrain.training import Trained, train

_FAR = 30.0
"""Root mean square of a feature from which on the learning rates are senseless; standardised: 1."""


@dataclass
class FRTrain:
    """A linear classifier trained by FR-Train, with the habits of scikit-learn.

    Parameters
    ----------
    lambda_f : float
        Weight of the fairness adversary, in [0, 1 - config.lambda_r).
    config : Config
        Variant and hyper-parameters; by default the label-fed variant, which is ours.
    seed : int
        Seed of the initialisation.
    fused : bool
        Compile an epoch into a few kernels where a compiler is at hand; worth it from some
        thousand epochs on.

    Attributes
    ----------
    theta_ : ndarray, shape (k + 2,)
        Weights of the features, of ``s``, and the bias, after :meth:`fit`.
    trained_ : Trained
        Everything else that training left: discriminators, row weights.

    Examples
    --------
    >>> from fairtut.data.synthetic.gaussians import zafar
    >>> from fairtut.methods.frtrain import FRTrain, LABEL_FED
    >>> from dataclasses import replace
    >>> people, few = zafar(400, seed=0), zafar(100, seed=1)
    >>> model = FRTrain(0.5, replace(LABEL_FED, epochs=50, warmup=20), fused=False)
    >>> _ = model.fit(people.x, people.y, s=people.s, clean=(few.x, few.y, few.s))
    >>> model.predict(few.x, s=few.s).shape
    (100,)
    """

    lambda_f: float = 0.5
    config: Config = LABEL_FED
    seed: int = 0
    fused: bool = True
    theta_: NDArray[np.float32] = field(init=False, repr=False)
    trained_: Trained = field(init=False, repr=False)

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        s: ArrayLike,
        clean: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    ) -> FRTrain:
        """Train.

        Parameters
        ----------
        x : array-like, shape (n, k)
            Features of about unit scale (see :class:`~fairtut.data.table.Standardiser`): that is
            what the learning rates assume.
        y, s : array-like, shape (n,)
            Label and sensitive attribute, both in {0, 1}.
        clean : tuple of array-like, optional
            ``(x, y, s)`` of the clean set; needed unless ``config.r_input`` is ``"none"``.

        Raises
        ------
        fairtut.errors.InputError
            As :func:`~fairtut.methods.frtrain.train`; for features far from unit scale, and for a
            training that diverged.
        """
        _check_scale(x)
        ours = None if clean is None else (clean[0], clean[2], clean[1])
        self.trained_ = train(
            x, s, y, ours, lambda_f=[self.lambda_f], seeds=[self.seed], config=self.config,
            fused=self.fused,
        )  # fmt: skip
        if not np.isfinite(self.trained_.theta).all():
            del self.trained_
            raise InputError(
                "FR-Train diverged to NaN or infinity: lower the learning rates of config, or clip "
                "outliers of x"
            )
        self.theta_ = self.trained_.theta[0]
        return self

    def decision_function(self, x: ArrayLike, *, s: ArrayLike) -> NDArray[np.float32]:
        """Return the logit of each row, (n,)."""
        if not hasattr(self, "trained_"):
            raise InputError("this FRTrain is not fitted: call fit(x, y, s=s, clean=clean) first")
        return np.asarray(self.trained_.logit(x, s)[0], np.float32)

    def predict_proba(self, x: ArrayLike, *, s: ArrayLike) -> NDArray[np.float64]:
        """Return the score ``p_hat`` of the favourable outcome, (n,)."""
        return np.asarray(expit(self.decision_function(x, s=s)), float)

    def predict(self, x: ArrayLike, *, s: ArrayLike) -> NDArray[np.int8]:
        """Return the decision of each row, (n,) in {0, 1}."""
        return (self.decision_function(x, s=s) > 0).astype(np.int8)


def _check_scale(x: ArrayLike) -> None:
    """Refuse features far from unit scale: training would end in NaN, or in one class for all."""
    values = np.asarray(x, dtype=float)
    if values.ndim != 2 or len(values) == 0:
        return  # train says what is wrong
    away = np.sqrt(np.mean(values**2, axis=0))
    if (away > _FAR).any():
        worst = int(np.argmax(away))
        raise InputError(
            f"column {worst} of x stands {away[worst]:.3g} from 0 on average (root mean square): "
            "standardise the features, as with fairtut.data.tabular.Standardiser"
        )
