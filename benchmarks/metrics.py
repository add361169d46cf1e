"""Speed of the bootstrap of a group metric, and of a panel of many models, checked as they run.

    python benchmarks/metrics.py

Measures 1,000 bootstrap resamples of the equalised odds gap on 20,000 people (cell counts drawn
from a multinomial) against the plain reference below, which resamples rows and recounts them for
every resample with boolean masks; the reference runs fewer resamples and is scaled.  Checks that
point estimates agree with fairlearn on a thousand random tables and that interval ends agree
with the plain bootstrap.

Measures then the same gap of 24 models on 1,001 resamples of 2,000 people, joint for all models,
against the plain reference on the rows of each resample; and checks that every definition on a few
resamples is what the loop over their rows gives, to rounding.

The last line is one JSON object; exit status 1 if a check fails.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fairlearn
import numpy as np
from fairlearn import metrics as fl

from fairtut import metrics as m

ROWS, RESAMPLES, REFERENCE_RESAMPLES, REPEATS = 20_000, 1_000, 500, 5
TABLES, FAIRLEARN_RESAMPLES = 1_000, 10
MODELS, PANEL_ROWS, PLAIN_MODELS, PANEL_BUDGET = 24, 2_000, 2, 0.1
TOLERANCE, BUDGET = 1e-12, 0.5
PEERS = [
    ("demographic_parity_difference", {}, "demographic_parity_gap"),
    ("demographic_parity_ratio", {}, "di"),
    ("equalized_odds_difference", {"agg": "worst_case"}, "equalized_odds_max"),
    ("equalized_odds_difference", {"agg": "mean"}, "equalized_odds_mean"),
    ("equal_opportunity_difference", {}, "equal_opportunity_gap"),
    ("equal_opportunity_ratio", {}, "equal_opportunity_ratio"),
]


def people(
    rng: np.random.Generator, rows: int = ROWS, models: tuple[int, ...] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, decisions and groups with a known gap."""
    s = rng.integers(0, 2, rows)
    y = (rng.random(rows) < 0.35 + 0.2 * s).astype(int)
    y_hat = (rng.random((*models, rows)) < np.where(y == 1, 0.7, 0.2) + 0.1 * s).astype(int)
    return y, y_hat, s


def plain_gap(y: np.ndarray, y_hat: np.ndarray, s: np.ndarray) -> float:
    """Sum of the TPR and FPR gaps, as most code writes it."""
    total = 0.0
    for label in (0, 1):
        rates = [y_hat[(s == g) & (y == label)].mean() for g in (0, 1)]
        total += abs(rates[0] - rates[1])
    return total


def plain_bootstrap(
    gap: Callable[..., float], n_resamples: int, *rows: np.ndarray
) -> tuple[np.ndarray, float]:
    """Resample rows, recount, one resample after the other: (draws, seconds)."""
    rng = np.random.default_rng(1)
    start = time.perf_counter()
    draws = []
    for _ in range(n_resamples):
        index = rng.integers(0, ROWS, ROWS)
        draws.append(gap(*(column[index] for column in rows)))
    return np.array(draws), time.perf_counter() - start


def fairlearn_gap(y: np.ndarray, y_hat: np.ndarray, s: np.ndarray) -> float:
    """The same quantity through fairlearn (twice its mean of the two gaps)."""
    return 2 * float(fl.equalized_odds_difference(y, y_hat, sensitive_features=s, agg="mean"))


def fastest(call: Callable[[], object]) -> float:
    """Least seconds of several calls, after one to warm up."""
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def largest_difference_to_fairlearn() -> float:
    """Point estimates on random tables of two to four groups, each metric in turn."""
    rng = np.random.default_rng(2)
    worst = 0.0
    for i in range(TABLES):
        theirs, options, ours = PEERS[i % len(PEERS)]
        groups = 2 + i % 3
        full = np.indices((groups, 2, 2)).reshape(3, -1)  # every cell once: fairlearn has no NaN
        extra = np.stack([rng.integers(0, k, 60) for k in (groups, 2, 2)])
        s, y, y_hat = np.concatenate([full, extra], axis=1)
        expected = getattr(fl, theirs)(y, y_hat, sensitive_features=s, **options)
        worst = max(worst, abs(m.metric(ours)(y, y_hat, s) - expected))
    return worst


def panel_of_models() -> dict[str, object]:
    """Speed of one metric of many models on joint resamples, and agreement of all of them."""
    y, y_hat, s = people(np.random.default_rng(3), PANEL_ROWS, (MODELS,))
    panel = m.Panel(y, s, n_resamples=RESAMPLES)
    seconds = fastest(lambda: panel.metric("deo", y_hat))
    drawn = [panel.rows(r) for r in range(RESAMPLES + 1)]
    start = time.perf_counter()
    plain = [[plain_gap(y[i], own[i], s[i]) for i in drawn] for own in y_hat[:PLAIN_MODELS]]
    plain_seconds = (time.perf_counter() - start) * MODELS / PLAIN_MODELS
    worst = np.abs(panel.metric("deo", y_hat)[:PLAIN_MODELS] - plain).max()
    table = panel.tables(y_hat)
    for definition in m.DEFINITIONS.values():
        found = definition.of_table(table)
        for r in (0, 1, RESAMPLES):
            one = definition(y[drawn[r]], y_hat[-1][drawn[r]], s[drawn[r]])
            worst = max(worst, abs(found[-1, r] - one))
    return {
        "panel_models": MODELS,
        "panel_rows": PANEL_ROWS,
        "panel_seconds": round(seconds, 5),
        "panel_ratio": round(plain_seconds / seconds),
        "panel_ratio_is": f"plain metric on rows, {PLAIN_MODELS} models scaled, over ours",
        "panel_max_abs_diff": float(worst),
        "panel_agrees": bool(worst <= TOLERANCE),
        "panel_within_budget": bool(seconds <= PANEL_BUDGET),
    }


def main() -> int:
    panel = panel_of_models()
    rows = people(np.random.default_rng(0))
    seconds = fastest(lambda: m.bootstrap("deo", *rows, n_resamples=RESAMPLES))
    ours = m.bootstrap("deo", *rows, n_resamples=RESAMPLES)
    draws, plain_seconds = plain_bootstrap(plain_gap, REFERENCE_RESAMPLES, *rows)
    plain_seconds *= RESAMPLES / REFERENCE_RESAMPLES
    _, peer_seconds = plain_bootstrap(fairlearn_gap, FAIRLEARN_RESAMPLES, *rows)
    peer_seconds *= RESAMPLES / FAIRLEARN_RESAMPLES
    # Interval ends are random: the two may differ by Monte Carlo error.  A 2.5 % quantile of R
    # normal draws has a standard error of 2.67 sd / sqrt(R); allow four of the difference's.
    ends = np.quantile(draws, [0.025, 0.975])
    allowed = 4 * 2.67 * draws.std() * np.sqrt(1 / len(draws) + 1 / RESAMPLES)
    end_difference = float(np.abs(ends - [ours.low, ours.high]).max())
    difference = max(largest_difference_to_fairlearn(), abs(ours.value - plain_gap(*rows)))
    checks = {
        "point_estimates_agree": bool(difference <= TOLERANCE),
        "interval_ends_agree": bool(end_difference <= allowed),
        "within_budget": bool(seconds <= BUDGET),
    }
    result = {
        "benchmark": "metrics: bootstrap of the equalised odds gap",
        "rows": ROWS,
        "resamples": RESAMPLES,
        "seconds": round(seconds, 5),
        "reference_seconds": round(plain_seconds, 3),
        "ratio": round(plain_seconds / seconds, 1),
        "ratio_is": f"plain row bootstrap, {REFERENCE_RESAMPLES} resamples scaled, over ours",
        "fairlearn": fairlearn.__version__,
        "fairlearn_seconds": round(peer_seconds, 1),
        "fairlearn_ratio": round(peer_seconds / seconds),
        "fairlearn_ratio_is": f"{FAIRLEARN_RESAMPLES} resamples scaled, over ours",
        "max_abs_diff": difference,
        "max_abs_diff_is": f"point estimates, fairlearn on {TABLES} tables and plain on the rows",
        "interval": [ours.low, ours.high],
        "interval_end_diff": end_difference,
        "interval_end_diff_allowed": float(allowed),
        **checks,
        **panel,
    }
    print(json.dumps(result))
    needed = "point_estimates_agree", "interval_ends_agree", "panel_agrees"
    return 0 if all(result[name] for name in needed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
