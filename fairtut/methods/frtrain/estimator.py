"""FR-Train for your own data: an estimator with scikit-learn's conventions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from fairtut.errors import InputError
from fairtut.foreign import numbers, plain
from fairtut.methods.frtrain.config import VARIANTS, Config
from fairtut.methods.frtrain.training import train
from fairtut.methods.inputs import check_weights, weighted_rows
from fairtut.methods.refusals import check_known, unmasked
from fairtut.metrics.labels import as_labels, label_column, same_rows
from fairtut.runtime.presets import choose

_FAR: Final = 30.0
"""Root mean square of a feature from which on the learning rates are senseless; standardised: 1."""


class FRTrain(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A linear classifier trained by FR-Train.

    The sensitive attribute is asked for by name everywhere, ``s=``: it is an input of the
    classifier, too.  In a pipeline or a search it is handed through by scikit-learn's metadata
    routing, as in the example.

    Parameters
    ----------
    lambda_f : float
        Weight of the fairness adversary, in [0, 1 - config.lambda_r).
    config : str or Config
        Variant, by its name in :data:`~fairtut.methods.frtrain.VARIANTS`, or with hyper-parameters
        of your own; by default the label-fed variant, which is ours.
    random_state : int
        Seed of the initialisation.
    fused : bool
        Compile an epoch into a few kernels where a compiler is at hand; worth it from some
        thousand epochs on.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The labels, sorted.  The second one is the class whose probability the network gives.
    groups_ : ndarray, shape (2,)
        The two groups, sorted.
    theta_ : ndarray, shape (k + 2,)
        Weights of the features, of the second group, and the bias, after :meth:`fit`.
    trained_ : Trained
        Everything else that training left: discriminators, the weight of each row of `rows_`.
    rows_ : int array, shape (n,)
        Which rows were trained on: each once, or as the weights drew them.
    n_features_in_ : int
        How many features :meth:`fit` saw.

    References
    ----------
    Roh, Lee, Whang and Suh (2020), "FR-Train: A mutual information-based approach to fair and
    robust training", ICML.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import sklearn
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from fairtut.data.synthetic.gaussians import zafar
    >>> from fairtut.methods.frtrain import FRTrain, VARIANTS
    >>> people, few = zafar(400, seed=0), zafar(100, seed=1)
    >>> short = replace(VARIANTS["label-fed"], epochs=50, warmup=20)
    >>> model = FRTrain(0.5, config=short, fused=False)
    >>> _ = model.fit(people.x, people.y, s=people.s, clean=(few.x, few.y, few.s))
    >>> model.predict(few.x, s=few.s).shape, model.predict_proba(few.x, s=few.s).shape
    ((100,), (100, 2))

    With adversarial debiasing there is no clean set, and a pipeline is short:

    >>> plain = replace(VARIANTS["debiasing-clean"], epochs=50, warmup=20)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     asks = FRTrain(0.5, config=plain, fused=False)
    ...     asks = asks.set_fit_request(s=True).set_predict_request(s=True)
    ...     pipe = make_pipeline(StandardScaler(), asks).fit(people.x, people.y, s=people.s)
    ...     pipe.predict(few.x, s=few.s).shape
    (100,)
    """

    def __init__(
        self,
        lambda_f: float = 0.5,
        *,
        config: str | Config = "label-fed",
        random_state: int = 0,
        fused: bool = True,
    ) -> None:
        self.lambda_f = lambda_f
        self.config = config
        self.random_state = random_state
        self.fused = fused

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        s: ArrayLike,
        sample_weight: ArrayLike | None = None,
        clean: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    ) -> FRTrain:
        """Train.

        Parameters
        ----------
        x : array-like, shape (n, k)
            Features of about unit scale (see :class:`~fairtut.data.table.Standardiser`): that is
            what the learning rates assume.
        y : array-like, shape (n,)
            Label, of two kinds.
        s : array-like, shape (n,)
            Sensitive attribute, two groups.
        sample_weight : array-like, shape (n,), optional
            How much each row counts: rows are drawn in proportion to it
            (:func:`~fairtut.methods.inputs.weighted_rows`), by the seed.  Rows of the clean
            set count once each.
        clean : tuple of array-like, optional
            ``(x, y, s)`` of the clean set; needed unless ``config.r_input`` is ``"none"``.

        Raises
        ------
        fairtut.errors.InputError
            As :func:`~fairtut.methods.frtrain.train`; for pandas columns whose indexes differ,
            for bad weights, masked values, more than two classes or groups, features far from unit
            scale, and for a training that diverged.
        """
        for name in {"trained_", "theta_", "rows_"} & vars(self).keys():
            delattr(self, name)  # a fit that fails leaves no earlier one
        same_rows(x=x, y=y, s=s, sample_weight=sample_weight)
        self.classes_, self.groups_, rows = self._coded(x, y, s)
        n = len(rows[0])
        drawn = np.arange(n)
        if sample_weight is not None and len({len(column) for column in rows}) == 1:
            drawn = weighted_rows(sample_weight, n, self.random_state)
            rows = rows[0][drawn], rows[1][drawn], rows[2][drawn]
            for name, column in (("s", rows[1]), ("y", rows[2])):
                if len(np.unique(column)) < 2:
                    raise InputError(f"the weights leave a single class of {name}: both must count")
        ours = None
        if clean is not None:
            few, label, group = clean
            same_rows(**{"the clean set's x": few, "the clean set's y": label,
                         "the clean set's s": group})  # fmt: skip
            unmasked(**{"the clean set's x": few})
            numbers("the clean set's x", few)  # dates of polars would pass for numbers
            features = validate_data(self, few, dtype=np.float32, reset=False)
            ours = (features, _codes("the clean set's s", group, self.groups_),
                    _codes("the clean set's y", label, self.classes_))  # fmt: skip
        config = self.config
        if isinstance(config, str):
            config = choose(VARIANTS, config, "variant")
        trained = train(*rows, ours, lambda_f=[self.lambda_f], seeds=[self.random_state],
                        config=config, fused=self.fused)  # fmt: skip
        if not np.isfinite(trained.theta).all():
            raise InputError(
                "FR-Train diverged to NaN or infinity: lower the learning rates of config, or clip "
                "outliers of x"
            )
        self.trained_, self.theta_, self.rows_ = trained, trained.theta[0], drawn
        return self

    def decision_function(self, x: ArrayLike, *, s: ArrayLike) -> NDArray[np.float64]:
        """Return the logit of each row for the second class, (n,), in double precision.

        A row's logit does not depend on the rows that it comes with, as far as double precision
        goes: in single precision its last digit would.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before :meth:`fit`.
        fairtut.errors.InputError
            For a group that :meth:`fit` did not see, and for indexes that differ.
        """
        check_is_fitted(
            self, "theta_",
            msg="this %(name)s is not fitted: call fit(x, y, s=s, clean=clean) first",
        )  # fmt: skip
        same_rows(x=x, s=s)
        unmasked(x=x)
        numbers("x", x)
        features = validate_data(self, x, dtype=np.float64, reset=False)
        group = _codes("s", s, self.groups_)
        if len(group) != len(features):
            raise InputError(f"x has {len(features)} rows and s {len(group)}: one s per row")
        weights = self.theta_.astype(float)
        return np.asarray(features @ weights[:-2] + group * weights[-2] + weights[-1], float)

    def predict_proba(self, x: ArrayLike, *, s: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, (n, 2), in the order of ``classes_``."""
        second = np.asarray(expit(self.decision_function(x, s=s)), float)
        return np.column_stack([1 - second, second])

    def predict(self, x: ArrayLike, *, s: ArrayLike) -> NDArray[Any]:
        """Return the decision of each row, (n,), one of ``classes_``."""
        second = self.decision_function(x, s=s) > 0
        return np.asarray(self.classes_[second.astype(int)])

    def score(
        self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, s: ArrayLike
    ) -> float:
        """Return the accuracy, weighted if weights are given.

        Raises
        ------
        fairtut.errors.InputError
            For labels or groups that :meth:`fit` did not see, bad weights, and indexes that differ.
        """
        same_rows(x=x, y=y, s=s, sample_weight=sample_weight)
        unmasked(y=y)
        found = self.predict(x, s=s)
        label = label_column("y", y, len(found))
        check_known("y", label, self.classes_)  # in another coding each one would count as wrong
        right = found == label
        weights = None if sample_weight is None else check_weights(sample_weight, len(found))
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that this classifies into two classes and no more."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _coded(
        self, x: ArrayLike, y: ArrayLike, s: ArrayLike
    ) -> tuple[NDArray[Any], NDArray[Any], tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Return classes, groups, and (x, s, y) as the trainer takes them: s and y in {0, 1}."""
        same_rows(x=x, y=y, s=s)
        unmasked(x=x, y=y, s=s)
        numbers("x", x)
        y = plain(y)
        if y is not None and np.asarray(y).dtype == object:
            as_labels("y", y)  # says what is missing
        features, label = validate_data(self, x, y, dtype=np.float32)
        check_classification_targets(label)
        _check_scale(features)
        classes, groups = np.unique(as_labels("y", label)), np.unique(as_labels("s", s))
        for name, found, what in (("y", classes, "classes"), ("s", groups, "groups")):
            if len(found) == 1:
                raise InputError(f"{name} is all {found[0]!s}: one class or group cannot be used, "
                                 "FR-Train needs two")  # fmt: skip
            if len(found) > 2:
                raise InputError(
                    f"{name} holds {len(found)} {what}, {found[:5].tolist()}: Only binary "
                    f"classification is supported, with two {what}; merge them"
                )
        return classes, groups, (features, _codes("s", s, groups), _codes("y", label, classes))


def _codes(name: str, values: ArrayLike, known: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of each value among the two known ones, (n,) in {0, 1}."""
    unmasked(**{name: values})
    found = as_labels(name, values)
    found = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
    check_known(name, found, known)
    return np.asarray(np.searchsorted(known, found), np.int64)


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
