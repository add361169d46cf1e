"""Speed of the bootstrap of a group metric, with its agreement checked in the same run.

    python benchmarks/metrics.py

Measures 1,000 bootstrap resamples of the equalised odds gap on 20,000 people (cell counts drawn
from a multinomial) against the plain reference below, which resamples rows and recounts them for
every resample with boolean masks; the reference runs fewer resamples and is scaled.  Checks that
point estimates agree with fairlearn on a thousand random tables and that interval ends agree
with the plain bootstrap.  The last line is one JSON object; exit status 1 if a check fails.
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
TOLERANCE, BUDGET = 1e-12, 0.5
PEERS = [
    ("demographic_parity_difference", {}, "demographic_parity_gap"),
    ("demographic_parity_ratio", {}, "di"),
    ("equalized_odds_difference", {"agg": "worst_case"}, "equalized_odds_max"),
    ("equalized_odds_difference", {"agg": "mean"}, "equalized_odds_mean"),
    ("equal_opportunity_difference", {}, "equal_opportunity_gap"),
    ("equal_opportunity_ratio", {}, "equal_opportunity_ratio"),
]


def people(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, decisions and groups with a known gap."""
    s = rng.integers(0, 2, ROWS)
    y = (rng.random(ROWS) < 0.35 + 0.2 * s).astype(int)
    y_hat = (rng.random(ROWS) < np.where(y == 1, 0.7, 0.2) + 0.1 * s).astype(int)
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


def main() -> int:
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
    }
    print(json.dumps(result))
    return 0 if checks["point_estimates_agree"] and checks["interval_ends_agree"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
