"""Speed of painting synthetic faces, with their exactness checked in the same run.

    python benchmarks/synthetic_faces.py

Measures 10,000 faces at 64 px on one thread against painting every feature on the whole picture,
one face at a time (fewer faces, scaled).  Checks that a seed and any chunk give the same pictures,
that counterfactuals change pixels only inside their factor's region, and that a linear probe reads
every label better than chance and none perfectly.  The last line is one JSON object; exit status
1 if a check fails.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from fairtut.data.synthetic import faces as f

FACES, PLAIN_FACES, PAIRS, SIZE, BUDGET = 10_000, 40, 60, 64, 20.0
PROBE_ROWS, PENALTY = 3_000, 50.0
LOW, HIGH = 0.55, 0.98


def seconds_of(call) -> tuple[object, float]:
    """Result of a call and its CPU seconds."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def leaks(people: f.Faces) -> int:
    """Pixels that a counterfactual changed outside its factor's region, over all factors."""
    total = 0
    for factor in f.FACTORS:
        other = f.counterfactual(people, factor)
        moved = (other.images.x != people.images.x).any(1).numpy()
        total += int((moved & ~f.region(people, factor)).sum())
    return total


def probe(people: f.Faces) -> dict[str, float]:
    """Balanced accuracy of ridge regression on the pixels, half of the rows held out."""
    x = torch.nn.functional.avg_pool2d(people.images.x[:PROBE_ROWS].float() / 255, 2).flatten(1)
    x = x - x.mean(0)
    y = torch.tensor(people.true[list(f.ATTRIBUTES)].to_numpy(dtype=np.float32))[:PROBE_ROWS]
    half = PROBE_ROWS // 2
    # dual ridge: weights = X' (X X' + c I)^-1 y
    gram = x[:half] @ x[:half].T + PENALTY * torch.eye(half)
    fitted = torch.linalg.solve(gram, y[:half] - y[:half].mean(0))
    scores = x[half:] @ (x[:half].T @ fitted)
    result = {}
    for k, name in enumerate(f.ATTRIBUTES):
        truth = y[half:, k] > 0.5
        guess = scores[:, k] > scores[:, k].quantile(1 - y[:half, k].mean())
        right = [float((guess[truth == v] == v).float().mean()) for v in (True, False)]
        result[name] = round(sum(right) / 2, 3)
    return result


def main() -> int:
    torch.set_num_threads(1)
    f.sample(64, size=SIZE)  # warm up
    people, seconds = seconds_of(lambda: f.sample(FACES, seed=1, size=SIZE))
    few = people.factors.iloc[:PLAIN_FACES]
    plain, plain_seconds = seconds_of(lambda: f.render(few, SIZE, chunk=1, windows=False))
    plain_seconds *= FACES / PLAIN_FACES
    difference = int((plain.int() - people.images.x[:PLAIN_FACES].int()).abs().max())
    small = [f.sample(PAIRS, seed=2, size=SIZE, chunk=c).images.digest for c in (None, 7, PAIRS)]
    outside = leaks(f.sample(PAIRS, seed=2, size=SIZE))
    accuracy = probe(people)
    checks = {
        "same_for_seed_and_chunk": len(set(small)) == 1,
        "windows_agree": difference <= 1,
        "counterfactuals_stay_inside": outside == 0,
        "probe_in_bounds": all(LOW <= a <= HIGH for a in accuracy.values()),
    }
    result = {
        "benchmark": f"synthetic faces: {FACES} at {SIZE} px, labels and digest included",
        "faces": FACES,
        "size": SIZE,
        "seconds": round(seconds, 2),
        "reference_seconds": round(plain_seconds, 1),
        "ratio": round(plain_seconds / seconds, 1),
        "ratio_is": f"one face at a time without windows, {PLAIN_FACES} faces scaled, over ours",
        "max_abs_diff": difference,
        "max_abs_diff_is": "grey levels of 255 between the two",
        "pixels_outside_regions": outside,
        "probe_balanced_accuracy": accuracy,
        "probe_bounds": [LOW, HIGH],
        **checks,
        "within_budget": seconds <= BUDGET,
        "torch": torch.__version__,
    }
    print(json.dumps(result))
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
