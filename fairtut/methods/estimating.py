"""What scikit-learn asks of an estimator, for methods that work with somebody's network."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.columns import Names, column_names, read_names, same_columns
from fairtut.methods.inputs import check_weights, weighted_rows, whole
from fairtut.methods.refusals import check_known
from fairtut.metrics.labels import same_rows

C = TypeVar("C")


def with_changes(owner: str, config: C, changes: Mapping[str, Any]) -> C:
    """Return a frozen configuration with single hyper-parameters changed.

    Parameters
    ----------
    owner : str
        Whose it is, for the message.
    config : dataclass
    changes : mapping of str to object

    Raises
    ------
    fairtut.errors.InputError
        For a name that the configuration does not have.

    Examples
    --------
    >>> from fairtut.methods.faap import Config
    >>> with_changes("FAAP", Config(), {"epsilon": 0.03}).epsilon
    0.03
    """
    known = [f.name for f in fields(config)]  # type: ignore[arg-type]  # a dataclass of any kind
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise InputError(f"{owner} has no hyper-parameter {unknown[0]!r}: known are {known}")
    return replace(config, **changes)  # type: ignore[type-var]


def read_config(kind: type[C], settings: Mapping[str, Any]) -> C:
    """Return the configuration that a file holds: JSON's lists become the tuples that they were.

    Raises
    ------
    TypeError
        For what is no mapping, settings that the configuration does not have, and one number where
        several belong.

    Examples
    --------
    >>> import json
    >>> from dataclasses import asdict
    >>> from fairtut.methods.faap import Config
    >>> kept = json.dumps(asdict(Config(hidden=(8, 4))))
    >>> read_config(Config, json.loads(kept)) == Config(hidden=(8, 4))
    True
    """

    def tuples(value: Any) -> Any:
        return tuple(map(tuples, value)) if isinstance(value, (list, tuple)) else value

    if not isinstance(settings, Mapping):
        raise TypeError(f"settings are a {type(settings).__name__}, not a mapping")
    several = {f.name for f in fields(kind) if str(f.type).startswith("tuple")}  # type: ignore[arg-type]
    for name, value in settings.items():
        if name in several and not isinstance(value, (list, tuple)):
            raise TypeError(f"{name} is {value!r}, not a list")
    return kind(**{name: tuples(value) for name, value in settings.items()})


def read_seed(card: Mapping[str, Any]) -> int:
    """Return the seed that a file names: 0 where it is of before files did.

    Raises
    ------
    TypeError
        For what is no whole number from 0 up.

    Examples
    --------
    >>> read_seed({"random_state": 3}), read_seed({})
    (3, 0)
    """
    seed = card.get("random_state", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise TypeError(f"random_state is {seed!r}, not a whole number from 0 up")
    return seed


class NetworkEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """An estimator around a network, whose hyper-parameters are those of a configuration.

    A class of this kind keeps its constructor's arguments under their own names, has `config` and
    `random_state` among them, and takes single hyper-parameters as further keywords.  So
    ``get_params`` names each hyper-parameter, a search can set them, and a copy by
    ``sklearn.base.clone`` shares the network, which nobody changes, instead of copying it.

    Attributes
    ----------
    classes_ : int array, shape (k,)
        The classes that ``predict`` decides between, 0..k-1, after ``fit``.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from torch import nn
    >>> from fairtut.methods.dvge import DVGE
    >>> dvge = DVGE(nn.Flatten(), eta1=1.0, epochs=3)
    >>> dvge.get_params()["eta1"], dvge.get_params()["epochs"]
    (1.0, 3)
    >>> again = clone(dvge).set_params(eta1=0.5)
    >>> again.eta1, again.config == dvge.config, again.encoder is dvge.encoder
    (0.5, True, True)
    """

    config: Any
    random_state: int
    classes_: NDArray[np.int64]
    feature_names_in_: Names
    _columns_known = False  # whether it is known what fit saw: not before it, nor of an old file

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments, and each hyper-parameter by its name.

        Parameters
        ----------
        deep : bool
            Changes nothing: networks have no parameters of this kind.
        """
        own = {name: getattr(self, name) for name in self._get_param_names() if name != "config"}
        return own | {f.name: getattr(self.config, f.name) for f in fields(self.config)}

    def set_params(self, **params: Any) -> Self:
        """Change arguments or hyper-parameters; what was trained before is forgotten.

        Raises
        ------
        fairtut.errors.InputError
            For a name that does not exist.
        """
        if params:
            at_hand = self.get_params()
            if "config" in params:  # the whole of them, in place of the single ones
                at_hand = {k: v for k, v in at_hand.items() if not hasattr(self.config, k)}
            made = self._another(at_hand | params)  # before anything of this one is lost
            self.__dict__.clear()
            self.__dict__.update(made.__dict__)
        return self

    def __sklearn_clone__(self) -> Self:
        """Return an untrained copy around the same network."""
        return self._another(self.get_params())

    def _another(self, params: Mapping[str, Any]) -> Self:
        made = type(self)(**params)
        if (asked := vars(self).get("_metadata_request")) is not None:  # scikit-learn's routing
            made._metadata_request = copy.deepcopy(asked)
        return made

    def _forget(self) -> None:
        """Forget what an earlier fit left: one that fails must not leave it in its place."""
        for name in ("classes_", "feature_names_in_", "_columns_known"):
            self.__dict__.pop(name, None)

    def _saw(self, names: Names | None) -> None:
        """Keep the names of the columns that fit saw; None if they had none."""
        self._columns_known = True
        if names is not None:
            self.feature_names_in_ = names

    def _same_columns(self, x: Any, name: str = "x") -> None:
        if self._columns_known:
            seen = getattr(self, "feature_names_in_", None)
            same_columns(type(self).__name__, seen, name, x)

    def _held_columns(self, x: Any, held: Any) -> Names | None:
        """Return the names of fit's columns, after those of the validation rows were compared."""
        names = column_names("x", x)
        if held is not None:
            same_columns(type(self).__name__, names, "validation x", held)
        return names

    def _columns_card(self) -> dict[str, Any]:
        """Return what a file says of the columns: nothing if nobody knows."""
        names = getattr(self, "feature_names_in_", None)
        kept = None if names is None else names.tolist()
        return {"columns": kept} if self._columns_known else {}

    def _read_columns(self, card: Mapping[str, Any]) -> None:
        if "columns" in card:  # files of before say nothing
            self._saw(read_names(card["columns"]))

    def _drawn(self, sample_weight: Any, *columns: Tensor) -> tuple[Tensor, ...]:
        """Return columns with the rows that weights draw; as they are without, or if they differ.

        Columns of several lengths are for the training to refuse, in its own words.
        """
        if sample_weight is None or len({len(column) for column in columns}) > 1:
            return columns
        rows = torch.from_numpy(weighted_rows(sample_weight, len(columns[0]), self.random_state))
        return tuple(column[rows.to(column.device)] for column in columns)

    def score(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the decisions, weighted if weights are given.

        Parameters
        ----------
        x : array or tensor, shape (n, ..)
        y : array or tensor of whole numbers, shape (n,)
        sample_weight : array-like, shape (n,), optional

        Raises
        ------
        fairtut.errors.InputError
            For pandas columns whose indexes differ, labels of another length or that are none of
            ``classes_``, and weights that are no finite, non-negative numbers, one per row.
        """
        same_rows(x=x, y=y, sample_weight=sample_weight)
        y_hat, label = self.predict(x).cpu(), whole("y", y).cpu()
        if len(y_hat) != len(label):
            raise InputError(f"x has {len(y_hat)} rows and y {len(label)}: one label per row")
        known = getattr(self, "classes_", None)
        if known is None:  # nobody said which: those that the network decides between
            known = np.arange(cast(Any, self).predict_proba(x[:1]).shape[1])
        check_known("y", label.numpy(), known)
        weights = None if sample_weight is None else check_weights(sample_weight, len(label))
        return float(np.average((y_hat == label).numpy(), weights=weights))

    def predict(self, x: Any) -> Tensor:
        """Return decisions (n,); each estimator says how."""
        raise NotImplementedError
