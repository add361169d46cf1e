"""The audit of the released FR-Train code, as experiments on the same draws."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import torch

from fairtut.chapters.frtrain.draws import REAL_SETS, Draw, real_draw, synthetic_draw
from fairtut.chapters.frtrain.methods import ODDS, from_theta, init_seeds, triple
from fairtut.chapters.frtrain.presets import Preset
from fairtut.chapters.frtrain.protocol import cells, run_draw, score
from fairtut.data.crowd import CrowdModel
from fairtut.lab import grid
from fairtut.methods.frtrain import Config, Trained, debiasing, train

DEVICE: Final = "cpu"
"""Where every training of the chapter runs: exact steps on tiny networks, a GPU would wait."""
AUDIT_LAMBDA = 0.52  # the poisoned run's setting in the paper's table
LABEL_FED_LAMBDA = 0.9  # about the same disparate impact without lambda_r in the mix


def audit_draw(draw: Draw, preset: Preset) -> pd.DataFrame:
    """Look inside the discriminators and weights of one draw.

    Returns
    -------
    DataFrame
        One row per variant and initialisation at the paper's ``lambda_f``: test ``acc`` and
        ``di``; smallest and largest row weight ever; mean output of the robustness discriminator
        on ``flipped`` and ``kept`` rows; mean final weight of both.
    """
    rows = triple(draw.train, draw.labels("poisoned"))
    variants: dict[str, tuple[Config, float]] = {
        "released": (preset.poisoned, AUDIT_LAMBDA),
        "released, weights off": (replace(preset.poisoned, weights="none"), AUDIT_LAMBDA),
        "released, gradient off": (replace(preset.poisoned, r_gradient=False), AUDIT_LAMBDA),
        "debiasing, same mix": (debiasing(preset.poisoned), _same_mix(AUDIT_LAMBDA, preset)),
        "label-fed": (preset.label_fed, LABEL_FED_LAMBDA),
    }
    frames = []
    for name, (config, lam) in variants.items():
        seeds = init_seeds(draw, preset)
        clean = triple(draw.clean) if config.r_input != "none" else None
        out = train(
            *rows, clean, lambda_f=[lam] * len(seeds), seeds=seeds, config=config,
            fused=preset.fused,
        )  # fmt: skip
        frames.append(_describe(name, out, draw))
    return pd.concat(frames, ignore_index=True)


def _same_mix(lam: float, preset: Preset) -> float:
    """The ``lambda_f`` at which AD has the same ratio of fairness to classification weight."""
    keep = 1 - lam - preset.poisoned.lambda_r
    return lam / (lam + keep)


def _describe(name: str, out: Trained, draw: Draw) -> pd.DataFrame:
    family = from_theta(draw, (0.0,), out.theta[None])
    scores = score(family.test[0], draw.test)
    flipped = draw.poison.flipped
    inits = len(out.seeds)
    nothing = np.full((inits, len(flipped)), np.nan)
    seen = out.r_score if out.r_score is not None else nothing
    return pd.DataFrame(
        {
            "variant": name,
            "draw": draw.index,
            "init": range(inits),
            "acc": scores["acc"],
            "di": scores["di"],
            "weight_min": out.weight_range[0],
            "weight_max": out.weight_range[1],
            "score_flipped": seen[:, flipped].mean(1),
            "score_kept": seen[:, ~flipped].mean(1),
            "weight_flipped": out.weights[:, flipped].mean(1),
            "weight_kept": out.weights[:, ~flipped].mean(1),
        }
    )


CROWD_METHODS = ("frtrain", "clean-only", "rml")


def crowd_draw(draw: Draw, preset: Preset, single: float, majority: float) -> pd.DataFrame:
    """Run the methods that use the clean set with that set labelled by a simulated crowd.

    Parameters
    ----------
    draw : Draw
    preset : Preset
    single, majority : float
        Accuracy of one answer and of the majority of 11, as measured on real answers.

    Returns
    -------
    DataFrame
        As :func:`~fairtut.chapters.frtrain.protocol.run_draw`, poisoned training labels only.
    """
    noisy = draw.with_crowd(CrowdModel.fit(single, majority), seed=0)
    return run_draw(noisy, preset, {"poisoned": CROWD_METHODS})


def odds_draw(draw: Draw, preset: Preset) -> pd.DataFrame:
    """Run the equalized-odds variants and plain logistic regression on poisoned labels."""
    return run_draw(draw, preset, {"poisoned": ("lr", *ODDS)})


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[grid.Cell]:
    """Return the cells of a run of the chapter: the table's draws, the audit's and those of odds.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    makers = {"zafar": partial(synthetic_draw, preset=preset, seed=seed)}
    if data == "real":
        makers = {name: partial(real_draw, name, preset=preset, seed=seed) for name in REAL_SETS}
    found = [cell for name, make in makers.items() for cell in cells(make, preset, what=name)]
    first = next(iter(makers.values()))
    found += cells(first, preset, audit_draw, "audit", preset.side_draws)
    return found + cells(first, preset, odds_draw, "odds", preset.side_draws)
