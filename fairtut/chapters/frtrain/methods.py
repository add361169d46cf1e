"""Every row of the FR-Train table, and the controls that it lacks, behind one signature.

A method takes a draw, the kind of training labels and the preset, and returns a
:class:`Family`: its decisions for each fairness setting and each initialisation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.chapters.frtrain.draws import Draw
from fairtut.chapters.frtrain.presets import Preset
from fairtut.data.tabular import Table
from fairtut.methods import fair_baselines as linear
from fairtut.methods.frtrain import Config, debiasing, linear_logit, train
from fairtut.runtime.seeds import stream_seed

Decisions = NDArray[np.bool_]
Triple = tuple[ArrayLike, ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Family:
    """A method at all its fairness settings.

    Attributes
    ----------
    settings : tuple of float, length K
        The method's own fairness knob.
    select, test : ndarray of bool, shape (K, R, n)
        Decisions for each setting and each of R initialisations.
    theta : ndarray, shape (K, R, d + 1), or None
        The classifiers, where decisions come from linear ones.
    """

    settings: tuple[float, ...]
    select: Decisions
    test: Decisions
    theta: NDArray[np.floating] | None = None


def triple(table: Table, y: ArrayLike | None = None) -> Triple:
    """Return ``(x, s, y)`` of a table, with other labels if given."""
    return table.x, table.s, table.y if y is None else y


def init_seeds(draw: Draw, preset: Preset) -> list[int]:
    """Seeds of the initialisations: other ones for each draw, the same for every method."""
    return [stream_seed(1, "frtrain", "init", draw.index, i) for i in range(preset.inits)]


def from_theta(draw: Draw, settings: Sequence[float], theta: ArrayLike) -> Family:
    """Build a family from linear classifiers, (K, R, d + 1)."""
    weights = np.asarray(theta)

    def decide(table: Table) -> Decisions:
        return linear_logit(weights, table.x, table.s) > 0

    return Family(tuple(settings), decide(draw.select), decide(draw.test), weights)


def adversarial(
    draw: Draw,
    rows: Triple,
    config: Config,
    grid: Sequence[float],
    preset: Preset,
    row_weight: NDArray[np.float64] | None = None,
    seeds: Sequence[int] | None = None,
) -> Family:
    """Train FR-Train or AD on ``rows`` for every setting of ``grid`` and every initialisation."""
    inits = list(seeds if seeds is not None else init_seeds(draw, preset))
    out = train(
        *rows, triple(draw.clean) if config.r_input != "none" else None,
        lambda_f=[lam for lam in grid for _ in inits], seeds=inits * len(grid),
        config=config, row_weight=row_weight, fused=preset.fused,
    )  # fmt: skip
    return from_theta(draw, grid, out.theta.reshape(len(grid), len(inits), -1))


def _config(training: str, preset: Preset) -> Config:
    return preset.clean if training == "clean" else preset.poisoned


def _stack(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, d + 1) of a method without a random start → (K, 1, d + 1)."""
    return theta[:, None]


# ------------------------------------------------------------------- rows of the paper's table


def lr(draw: Draw, training: str, preset: Preset) -> Family:
    """Plain logistic regression: one setting."""
    theta = linear.logistic(*triple(draw.train, draw.labels(training)))
    return from_theta(draw, (0.0,), theta[None, None])


def fc(draw: Draw, training: str, preset: Preset) -> Family:
    """Fairness constraints."""
    rows = triple(draw.train, draw.labels(training))
    bounds = preset.grid.covariance
    return from_theta(draw, bounds, _stack(linear.fairness_constraints(*rows, bounds)))


def lbc(draw: Draw, training: str, preset: Preset) -> Family:
    """Label bias correction."""
    rows = triple(draw.train, draw.labels(training))
    rounds = preset.grid.rounds
    return from_theta(draw, rounds, _stack(linear.label_bias_correction(*rows, rounds)))


def ad(draw: Draw, training: str, preset: Preset) -> Family:
    """Adversarial debiasing: FR-Train without its robustness discriminator."""
    rows = triple(draw.train, draw.labels(training))
    config = debiasing(_config(training, preset))
    return adversarial(draw, rows, config, preset.grid.debiasing, preset)


def _rml(draw: Draw, training: str, preset: Preset) -> linear.Reweighted:
    return _reweighted(draw, training, tuple(init_seeds(draw, preset)), preset.rml_steps)


@functools.lru_cache(maxsize=2)  # four methods of the table start from the same weights
def _reweighted(draw: Draw, training: str, seeds: tuple[int, ...], steps: int) -> linear.Reweighted:
    rows = triple(draw.train, draw.labels(training))
    return linear.learned_weights(*rows, triple(draw.clean), seeds, steps=steps)


def rml(draw: Draw, training: str, preset: Preset) -> Family:
    """Meta-learned row weights: one setting."""
    return from_theta(draw, (0.0,), _rml(draw, training, preset).theta[None])


def rml_fc(draw: Draw, training: str, preset: Preset) -> Family:
    """Two steps: RML's weights, then FC."""
    rows, bounds = triple(draw.train, draw.labels(training)), preset.grid.covariance
    weights = _rml(draw, training, preset).weight
    theta = [linear.fairness_constraints(*rows, bounds, w) for w in weights]
    return from_theta(draw, bounds, np.stack(theta, 1))


def rml_lbc(draw: Draw, training: str, preset: Preset) -> Family:
    """Two steps: RML's weights, then LBC."""
    rows, rounds = triple(draw.train, draw.labels(training)), preset.grid.rounds
    weights = _rml(draw, training, preset).weight
    theta = [linear.label_bias_correction(*rows, rounds, w) for w in weights]
    return from_theta(draw, rounds, np.stack(theta, 1))


def rml_ad(draw: Draw, training: str, preset: Preset) -> Family:
    """Two steps: RML's weights, then AD."""
    rows, config = triple(draw.train, draw.labels(training)), _config(training, preset)
    weights, grid = _rml(draw, training, preset).weight, preset.grid.debiasing
    families = [
        adversarial(draw, rows, debiasing(config), grid, preset, weight, [seed])
        for seed, weight in zip(init_seeds(draw, preset), weights, strict=True)
    ]
    theta = [family.theta for family in families if family.theta is not None]
    return from_theta(draw, grid, np.concatenate(theta, 1))


def frtrain(draw: Draw, training: str, preset: Preset) -> Family:
    """FR-Train as released."""
    rows, config = triple(draw.train, draw.labels(training)), _config(training, preset)
    released = preset.grid.released_clean, preset.grid.released_poisoned
    return adversarial(draw, rows, config, released[training == "poisoned"], preset)


# ------------------------------------------------------------------- controls


def frtrain_label_fed(draw: Draw, training: str, preset: Preset) -> Family:
    """Our label-fed FR-Train: the discriminator sees labels, its output weighs rows."""
    rows = triple(draw.train, draw.labels(training))
    return adversarial(draw, rows, preset.label_fed, preset.grid.debiasing, preset)


def clean_only(draw: Draw, training: str, preset: Preset) -> Family:
    """AD on the clean set alone: it never sees the training rows."""
    config = debiasing(_config(training, preset))
    return adversarial(draw, triple(draw.clean), config, preset.grid.debiasing, preset)


def clean_and_train(draw: Draw, training: str, preset: Preset) -> Family:
    """AD on training and clean rows together, as if nobody suspected poison."""
    pairs = zip(triple(draw.train, draw.labels(training)), triple(draw.clean), strict=True)
    x, s, y = (np.concatenate([np.asarray(a), np.asarray(b)]) for a, b in pairs)
    config = debiasing(_config(training, preset))
    return adversarial(draw, (x, s, y), config, preset.grid.debiasing, preset)


def oracle(draw: Draw, training: str, preset: Preset) -> Family:
    """AD on the training rows with their true labels, in the schedule of ``training``."""
    config = debiasing(_config(training, preset))
    return adversarial(draw, triple(draw.train), config, preset.grid.debiasing, preset)


def peer(draw: Draw, training: str, preset: Preset) -> Family:
    """Fairlearn's exponentiated gradient (an independent implementation of a fair learner)."""
    decisions = linear.exponentiated_gradient(
        *triple(draw.train, draw.labels(training)),
        preset.grid.ratio,
        [(draw.select.x, draw.select.s), (draw.test.x, draw.test.s)],
        seed=stream_seed(1, "frtrain", "peer", draw.index),
    )
    select, test = (np.stack([d[part] for d in decisions])[:, None] > 0 for part in (0, 1))
    return Family(preset.grid.ratio, select, test)


# ------------------------------------------------------------------- equalized odds


def ad_odds(draw: Draw, training: str, preset: Preset) -> Family:
    """AD whose discriminator also sees the label."""
    rows = triple(draw.train, draw.labels(training))
    config = replace(debiasing(_config(training, preset)), criterion="eo")
    return adversarial(draw, rows, config, preset.grid.debiasing, preset)


def frtrain_odds(draw: Draw, training: str, preset: Preset) -> Family:
    """FR-Train whose fairness discriminator also sees the label."""
    rows = triple(draw.train, draw.labels(training))
    config = replace(_config(training, preset), criterion="eo")
    released = preset.grid.released_clean, preset.grid.released_poisoned
    return adversarial(draw, rows, config, released[training == "poisoned"], preset)


Method = Callable[[Draw, str, Preset], Family]

TABLE: dict[str, Method] = {
    "fc": fc,
    "lbc": lbc,
    "ad": ad,
    "rml-fc": rml_fc,
    "rml-lbc": rml_lbc,
    "rml-ad": rml_ad,
    "lr": lr,
    "rml": rml,
    "frtrain": frtrain,
}
"""The nine rows of the paper's table, in its order."""

CONTROLS: dict[str, Method] = {
    "label-fed": frtrain_label_fed,
    "clean-only": clean_only,
    "clean-and-train": clean_and_train,
    "oracle": oracle,
    "peer": peer,
}
"""What the paper's table lacks."""

ODDS: dict[str, Method] = {"ad-eo": ad_odds, "frtrain-eo": frtrain_odds}
"""The equalized-odds variants; no code was released for them."""

METHODS: dict[str, Method] = TABLE | CONTROLS | ODDS

NAMES: dict[str, str] = {
    "fc": "FC", "lbc": "LBC", "ad": "AD", "rml-fc": "RML+FC", "rml-lbc": "RML+LBC",
    "rml-ad": "RML+AD", "lr": "LR", "rml": "RML", "frtrain": "FR-Train",
    "label-fed": "FR-Train, label-fed (ours)", "clean-only": "AD, clean set only",
    "clean-and-train": "AD, training + clean set", "oracle": "AD, true labels",
    "peer": "exponentiated gradient", "ad-eo": "AD for equalized odds",
    "frtrain-eo": "FR-Train for equalized odds",
}  # fmt: skip
"""How each method is written in tables and figures."""
