"""Sizes and hyper-parameters of the FR-Train chapter, all in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fairtut.methods.frtrain import LABEL_FED, RELEASED_CLEAN, RELEASED_POISONED, Config
from fairtut.runtime.presets import configured


@dataclass(frozen=True)
class Grid:
    """Fairness settings of each method, from none to strong; nine of each.

    Attributes
    ----------
    released_clean, released_poisoned : tuple of float
        ``lambda_f`` of FR-Train.  The public notebooks stop at .85 and .52; ours reach nearer to
        ``1 - lambda_r``, so that no draw lacks a candidate with a disparate impact of .8.
    debiasing : tuple of float
        ``lambda_f`` where there is no ``lambda_r``: AD, its controls, label-fed FR-Train.
    covariance : tuple of float
        Bounds of FC.
    rounds : tuple of int
        Rounds of LBC.
    ratio : tuple of float
        Ratio bounds of the exponentiated gradient.
    """

    released_clean: tuple[float, ...] = (0.2, 0.4, 0.6, 0.7, 0.75, 0.8, 0.83, 0.85, 0.88)
    released_poisoned: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.52, 0.55, 0.58)
    debiasing: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
    covariance: tuple[float, ...] = (0.4, 0.2, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.0)
    rounds: tuple[int, ...] = (0, 1, 2, 3, 4, 6, 8, 12, 100)
    ratio: tuple[float, ...] = (0.6, 0.7, 0.8, 0.85, 0.88, 0.91, 0.94, 0.97, 0.99)


@dataclass(frozen=True)
class Preset:
    """Everything that the chapter's experiments depend on except the root seed.

    Attributes
    ----------
    draws, inits : int
        Independent data draws (the unit of every interval) and initialisations of each.
    side_draws : int
        Draws of the audit, the crowd and the equalized-odds experiments.
    sizes : mapping
        Rows of the ``train``, ``clean``, ``select`` and ``test`` parts of a synthetic draw.
    real_sizes : mapping of str to mapping
        The same for each real data set.
    poison : float
        Share of the training labels that is flipped.
    limit : float
        Disparate impact that a selected model must reach on the ``select`` part.
    clean, poisoned, label_fed : Config
        FR-Train's settings on clean and on poisoned labels, and those of our label-fed variant.
    rml_steps : int
        Steps of RML.
    peer : bool
        Whether fairlearn's exponentiated gradient is run.
    jobs : int
        Draws that are run at the same time, one process each.
    fused : bool
        Whether epochs are compiled; not worth it for a minute of work.
    """

    draws: int
    inits: int
    side_draws: int
    sizes: Mapping[str, int]
    real_sizes: Mapping[str, Mapping[str, int]]
    poison: float = 0.1
    limit: float = 0.8
    clean: Config = RELEASED_CLEAN
    poisoned: Config = RELEASED_POISONED
    label_fed: Config = LABEL_FED
    grid: Grid = field(default_factory=Grid)
    rml_steps: int = 3000
    peer: bool = True
    jobs: int = 2
    fused: bool = True


_SIZES = {"train": 1800, "clean": 200, "select": 500, "test": 1000}

_REAL = {
    "adult-sex": {"train": 3000, "clean": 150, "select": 3000, "test": 10_000},
    "compas-race": {"train": 2500, "clean": 125, "select": 900, "test": 1700},
    "compas-sex": {"train": 3000, "clean": 150, "select": 1000, "test": 2000},
}

_SHORT: dict[str, Any] = {
    "epochs": 500, "warmup": 100, "lr_classifier": 0.01, "lr_f": 0.02, "lr_r": 0.02,
}  # fmt: skip

_FEW = Grid(
    released_clean=(0.4, 0.8, 0.88),
    released_poisoned=(0.2, 0.45, 0.56),
    debiasing=(0.5, 0.8, 0.93),
    covariance=(0.4, 0.1, 0.0),
    rounds=(0, 4, 100),
    ratio=(0.7, 0.9, 0.97),
)

FRTRAIN: dict[str, Preset] = {
    "smoke": Preset(
        draws=3,
        inits=1,
        side_draws=2,
        sizes={"train": 900, "clean": 200, "select": 500, "test": 1000},
        real_sizes={
            name: {"train": 800, "clean": 100, "select": 600, "test": 1500} for name in _REAL
        },
        clean=replace(RELEASED_CLEAN, **_SHORT),
        poisoned=replace(RELEASED_POISONED, **_SHORT),
        label_fed=replace(LABEL_FED, **(_SHORT | {"lr_r": 0.3})),
        grid=_FEW,
        rml_steps=600,
        peer=False,
        jobs=1,
        fused=False,
    ),
    "laptop": Preset(draws=6, inits=3, side_draws=5, sizes=_SIZES, real_sizes=_REAL),
    "paper": Preset(draws=20, inits=5, side_draws=20, sizes=_SIZES, real_sizes=_REAL),
}
"""The chapter's presets.  ``laptop`` already has the paper's sizes; ``paper`` has more draws."""

REAL_CONFIG: dict[str, Any] = {
    "epochs": 2000, "warmup": 200, "lr_classifier": 0.01, "lr_f": 0.02, "lr_r": 0.02,
}  # fmt: skip
"""What real data changes.  The source gives no protocol for them; standardised inputs allow larger
steps, and a fifth of the epochs is enough for the curves to settle."""


def for_real(preset: Preset, name: str = "") -> Preset:
    """Return the preset with the settings for real data, which are those of every size."""
    change = dict(REAL_CONFIG)
    change["epochs"] = min(change["epochs"], int(preset.poisoned.epochs))
    draws = min(preset.draws, 5)  # splits of one data set: more of them add little
    return replace(
        preset,
        draws=draws,
        side_draws=min(preset.side_draws, draws),
        clean=replace(preset.clean, **change),
        poisoned=replace(preset.poisoned, **change),
        label_fed=replace(preset.label_fed, **(change | {"lr_r": preset.label_fed.lr_r})),
    )


def configuration(preset: str, data: str, seed: int = 0) -> Preset:
    """Return everything that a run with these parameters depends on except its seed."""
    return configured(FRTRAIN, for_real, preset, data)
