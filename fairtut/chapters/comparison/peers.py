"""Peers from outside: libraries of others, each called as its own documentation says.

They act on what the deployed model gives and need everybody's group.  A library that is not
installed is said to be absent; nothing takes its place in silence.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np

from fairtut.chapters.comparison.presets import Preset
from fairtut.errors import MissingExtra
from fairtut.lab.mitigation import CUT, Floats, Ground, Mitigation

LIBRARIES: Final[Mapping[str, str]] = {
    "fairlearn thresholds": "fairlearn",
    "fairlearn reduction": "fairlearn",
    "error-parity": "error_parity",
    "OxonFair": "oxonfair",
}
"""Peer to the module that it needs."""

COSTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "fairlearn thresholds": {"kind": "after the decision", "weights": "none", "group": True},
    "fairlearn reduction": {"kind": "training", "weights": "codes"},
    "error-parity": {"kind": "after the decision", "weights": "none", "group": True},
    "OxonFair": {"kind": "after the decision", "weights": "none", "group": True},
}


def absent() -> dict[str, str]:
    """Return the peers that cannot take part here, with the module that is missing."""
    return {
        name: module
        for name, module in LIBRARIES.items()
        if any(importlib.util.find_spec(part) is None for part in _needs(module))
    }


def _needs(module: str) -> tuple[str, ...]:
    """Return a library with what it cannot be imported without."""
    return (module, "cvxpy", "ecos") if module == "error_parity" else (module,)


@dataclass
class Peer:
    """What peers share: they get a bound on the gap of odds, and decide with 0 and 1."""

    name: str
    settings: tuple[Any, ...]
    acts_on: ClassVar[str] = "scores"
    asks_group: ClassVar[bool] = True
    setting: Any = field(default=None, init=False, repr=False)
    seed: int = field(default=0, init=False, repr=False)


@dataclass
class Thresholds(Peer):
    """Fairlearn's ThresholdOptimizer, fitted on validation people as every threshold here.

    It takes no bound on the gap of odds, so what it equalises is its setting.
    """

    def fit(self, x: Any, y: Any, *, s: Any, ground: Ground) -> Thresholds:
        """Find thresholds for each group that keep the odds together."""
        with _told("fairlearn"):
            from fairlearn.postprocessing import ThresholdOptimizer
        self.net = ThresholdOptimizer(
            estimator=passed(), constraints=self.setting, prefit=True,
            predict_method="predict_proba",
        )  # fmt: skip
        held = ground.x["scores"]["val"][:, None]
        self.net.fit(held, ground.y["val"], sensitive_features=ground.s["val"])
        return self

    def predict_proba(self, x: Any, *, s: Any) -> Floats:
        """Return decisions; the library draws some of them, from the training's number."""
        return np.asarray(
            self.net.predict(x[:, None], sensitive_features=s, random_state=self.seed), float
        )


@dataclass
class Reduction(Peer):
    """Fairlearn's ExponentiatedGradient with a logistic regression of the model's codes."""

    acts_on: ClassVar[str] = "codes"
    asks_group: ClassVar[bool] = False

    def fit(self, x: Any, y: Any, *, s: Any) -> Reduction:
        """Train a mixture of classifiers whose odds differ by at most the setting."""
        with _told("fairlearn"):
            from fairlearn.reductions import EqualizedOdds, ExponentiatedGradient
        from sklearn.linear_model import LogisticRegression

        self.mean, self.spread = x.mean(0), np.maximum(x.std(0), 1e-6)
        self.net = ExponentiatedGradient(
            LogisticRegression(max_iter=300), EqualizedOdds(difference_bound=float(self.setting)),
            max_iter=15,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes of scikit-learn from inside the library
            self.net.fit((x - self.mean) / self.spread, y, sensitive_features=s)
        return self

    def predict_proba(self, x: Any) -> Floats:
        """Return decisions, drawn from the mixture by the training's number."""
        z = (x - self.mean) / self.spread
        return np.asarray(self.net.predict(z, random_state=self.seed), float)


@dataclass
class Unprocessing(Peer):
    """error-parity: the frontier of post-processing, by a linear program over both ROC curves."""

    def fit(self, x: Any, y: Any, *, s: Any, ground: Ground) -> Unprocessing:
        """Find the most accurate randomised thresholds within the tolerance."""
        with _told("error_parity"):
            from error_parity import RelaxedThresholdOptimizer
        self.net = RelaxedThresholdOptimizer(
            predictor=_first, constraint="equalized_odds", tolerance=float(self.setting),
            seed=self.seed,
        )  # fmt: skip
        held = ground.x["scores"]["val"][:, None]
        self.net.fit(X=held, y=ground.y["val"], group=ground.s["val"])
        return self

    def predict_proba(self, x: Any, *, s: Any) -> Floats:
        """Return decisions."""
        return np.asarray(self.net(x[:, None], group=s), float)


@dataclass
class Oxon(Peer):
    """OxonFair's thresholds for each group, from logits and on validation people."""

    def fit(self, x: Any, y: Any, *, s: Any, ground: Ground) -> Oxon:
        """Find the most accurate pair of thresholds within the bound."""
        with _told("oxonfair"):
            import oxonfair
        held, group = ground.x["scores"]["val"], ground.s["val"]
        self.net = oxonfair.DeepFairPredictor(
            ground.y["val"], logit(held)[:, None], group, use_actual_groups=True
        )
        self.net.fit(
            oxonfair.group_metrics.accuracy, oxonfair.group_metrics.equalized_odds,
            float(self.setting),
        )  # fmt: skip
        return self

    def predict_proba(self, x: Any, *, s: Any) -> Floats:
        """Return decisions."""
        import oxonfair

        people = oxonfair.DeepDataDict(np.zeros(len(x), int), logit(x)[:, None], np.asarray(s))
        return np.asarray(self.net.predict(people), float)


def present(preset: Preset) -> list[Mitigation]:
    """Return the peers that are installed, with as many settings as everybody."""
    own, gone = preset.settings, absent()
    listed: list[Mitigation] = [
        Thresholds("fairlearn thresholds", own["thresholds"]),
        Reduction("fairlearn reduction", own["peer"]),
        Unprocessing("error-parity", own["peer"]),
        Oxon("OxonFair", own["peer"]),
    ]
    return [peer for peer in listed if peer.name not in gone]


def passed() -> Any:
    """Return a fitted estimator whose probability is its input: the model has spoken already."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Passed(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self) -> None:
            self.classes_ = np.array([0, 1])

        def fit(self, x: Any, y: Any) -> Any:
            return self

        def predict_proba(self, x: Any) -> Floats:
            return np.column_stack([1 - x[:, 0], x[:, 0]])

        def predict(self, x: Any) -> Any:
            return (x[:, 0] > CUT).astype(int)

    return Passed()


def logit(p: Any) -> Floats:
    """Return log odds of probabilities, finite."""
    inside = np.clip(np.asarray(p, float), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(inside / (1 - inside)))


def _first(x: Any) -> Any:
    return np.asarray(x)[:, 0]


class _told:
    """Say which extra is missing where an import fails."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ImportError):
            raise MissingExtra.of(self.module, "peers") from error
