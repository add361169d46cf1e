"""FR-Train as the chapter writes it out, against the package: equal, and unequal after mistakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from fairtut.methods import frtrain as fr
from tests.written import written

NAMES = ("bce", "networks", "move", "classifier_loss", "play")
SHORT = replace(
    fr.RELEASED_POISONED, epochs=121, warmup=60, lr_classifier=0.01, lr_f=0.05, lr_r=0.05
)
ROUNDING = 1e-3
"""Single precision over 121 epochs: at most 4e-6 under three kinds of kernels."""


def rows(n: int, seed: int, features: int = 2) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    s = rng.integers(0, 2, n)
    x = rng.normal(size=(n, features)) + 0.5 * s[:, None]
    y = (x.sum(1) + 0.7 * rng.normal(size=n) > 0.5).astype(int)
    return x, s, y


def apart(seed: int, lam: float, features: int = 2, **changed: str) -> float:
    """Return the largest difference of a weight between both versions."""
    play = written("01_frtrain", *NAMES, torch=torch, **changed)["play"]
    train, clean = rows(160, seed, features), rows(40, seed + 100, features)

    def column(values: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(values, np.float32))[:, None]

    def inputs(x: Any, s: Any) -> torch.Tensor:
        return torch.tensor(np.column_stack([x, s]).astype(np.float32))

    (x, s, y), (x_c, s_c, y_c) = train, clean
    slow = play(
        (inputs(x, s), column(s), column(y)), (inputs(x_c, s_c), column(y_c)), lam, seed, SHORT
    )
    fast = fr.train(x, s, y, clean, lambda_f=[lam], seeds=[seed], config=SHORT, fused=False)
    return float(np.abs(slow - fast.theta[0]).max())


@pytest.mark.parametrize(("seed", "lam", "features"), [(2, 0.1, 2), (3, 0.5, 1), (4, 0.4, 5)])
def test_the_plain_loop_is_the_fast_one(seed, lam, features):
    assert apart(seed, lam, features) < ROUNDING


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- lam_f * fair", "+ lam_f * fair"),
        ("(1 - lam_f - lam_r) * plain", "plain"),
        ("bce(2 * logit, y, weight)", "bce(logit, y, weight)"),
        ("robust = bce(fooled, torch.zeros_like(fooled))", "robust = 0 * fooled.sum()"),
        ("[x_c, 2 * y_c - 1]", "[x_c, y_c]"),
    ],
)
def test_a_mistake_is_no_rounding(old, new):
    assert apart(2, 0.5, old=old, new=new) > 3 * ROUNDING
