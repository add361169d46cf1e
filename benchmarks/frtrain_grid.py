"""Speed of FR-Train on its poisoned grid, with its agreement checked in the same run.

    python benchmarks/frtrain_grid.py [--quick]

Trains 9 fairness weights × 15 seeds of the released poisoned setting (10,000 full-batch epochs on
1,800 + 200 rows of the embedded synthetic data) and compares CPU seconds per run, and the
classifiers themselves, with the plain loop below: one run at a time, torch modules, autograd and
torch optimisers, as most code writes it.  The C++ compiler's seconds count, from an empty cache.
The last line is one JSON object; exit status 1 if the classifiers differ.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # compile in this process: its CPU time is seen
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fairtut.data.poison import flip_labels
from fairtut.data.synthetic.gaussians import zafar
from fairtut.data.tabular import Table, split
from fairtut.methods.frtrain import RELEASED_POISONED, Config, linear_logit, train
from fairtut.metrics import accuracy, disparate_impact
from tools import calibration

LAMBDAS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.52)
SEEDS = range(15)
PLAIN_RUNS = ((0.1, 0), (0.3, 7), (0.52, 14))  # (lambda_f, seed) that the plain loop repeats
TOLERANCE, BUDGET = 1e-4, 2900  # BUDGET: times the loop of tools/calibration.py


def plain_run(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    clean: tuple[np.ndarray, np.ndarray, np.ndarray],
    lambda_f: float,
    seed: int,
    config: Config,
) -> np.ndarray:
    """One run of the released algorithm, epoch by epoch: the classifier, (d + 1,)."""
    x, y_sign = _tensors(*rows)
    x_clean, y_sign_clean = _tensors(*clean)
    s, y = x[:, -1:], (y_sign + 1) / 2
    d, hidden = x.shape[1], config.hidden
    classifier = nn.Linear(d, 1)
    fairness = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())
    robustness = nn.Sequential(
        nn.Linear(d + 1, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1), nn.Sigmoid()
    )
    torch.manual_seed(seed)
    for layer in (classifier, fairness[0], robustness[0], robustness[2]):
        nn.init.normal_(layer.weight, 0.0, config.init_std)
        nn.init.zeros_(layer.bias)
    adam = torch.optim.Adam(classifier.parameters(), lr=config.lr_classifier)
    descend_f = torch.optim.SGD(fairness.parameters(), lr=config.lr_f)
    descend_r = torch.optim.SGD(robustness.parameters(), lr=config.lr_r)
    bce = nn.BCELoss()
    real, fake = torch.ones(len(x_clean), 1), torch.zeros(len(x), 1)
    seen_clean = torch.cat([x_clean, y_sign_clean], 1)
    weight, last = torch.ones(len(x), 1), 0.0

    for epoch in range(config.epochs):
        logit = classifier(x)
        fixed = logit.detach()
        descend_f.zero_grad()
        bce(fairness(fixed), s).backward()
        descend_f.step()

        descend_r.zero_grad()
        seen = torch.cat([x, fixed], 1)
        loss_r = (bce(robustness(seen_clean), real) + bce(robustness(seen), fake)) / 2
        loss_r.backward()
        descend_r.step()

        if epoch < config.warmup:
            loss = config.warmup_scale * bce((torch.tanh(logit) + 1) / 2, y)
        elif epoch % config.every == 0:
            if epoch % 100 == 0:
                with torch.no_grad():
                    mix = torch.sigmoid(torch.tensor(last / loss_r.item() - 3))
                    weight = mix * robustness(seen) + (1 - mix)
            loss_c = functional.binary_cross_entropy_with_logits(logit, y, weight=weight)
            loss_f = functional.binary_cross_entropy(fairness(logit), s, weight=weight)
            through = logit if config.r_gradient else fixed
            loss_g = bce(robustness(torch.cat([x, through], 1)), fake)
            keep = 1 - lambda_f - config.lambda_r
            loss = keep * loss_c - lambda_f * loss_f - config.lambda_r * loss_g
        else:
            continue
        adam.zero_grad()
        loss.backward()
        adam.step()
        last = loss.item()
    return np.concatenate([p.detach().numpy().ravel() for p in classifier.parameters()])


def _tensors(x: np.ndarray, s: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs with the sensitive attribute last, (n, d), and labels in {-1, +1}, (n, 1)."""
    inputs = np.column_stack([x, s]).astype(np.float32)
    return torch.from_numpy(inputs), torch.from_numpy(2 * y[:, None].astype(np.float32) - 1)


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children, the compiler among them."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def data() -> tuple[Table, np.ndarray, Table, Table]:
    """Training rows, their poisoned labels, the clean set and the test rows."""
    parts = split(zafar(3000, seed=0), {"train": 1800, "clean": 200, "test": 1000}, seed=0)
    rows = parts["train"]
    poisoned = flip_labels(rows.x, rows.s, rows.y, fraction=0.1).y
    return rows, poisoned, parts["clean"], parts["test"]


class _Reasons(logging.Handler):
    """Keeps why an epoch was not fused."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


def measure(config: Config, lambdas: Sequence[float], seeds: Sequence[int]) -> dict[str, object]:
    """Train the grid and the plain runs, and compare."""
    rows, poisoned, clean, test = data()
    training = (rows.x, rows.s, poisoned)
    clean_rows = (clean.x, clean.s, clean.y)
    reasons = _Reasons()
    logging.getLogger("fairtut.runtime.fuse").addHandler(reasons)
    grid = [(lam, seed) for lam in lambdas for seed in seeds]
    options = {"lambda_f": [lam for lam, _ in grid], "seeds": [seed for _, seed in grid]}

    start = cpu_seconds()
    once_each = replace(config, epochs=2, warmup=1, every=1)  # compiles every kernel
    train(*training, clean_rows, **options, config=once_each, device="cpu")
    compiled = cpu_seconds()
    ours = train(*training, clean_rows, **options, config=config, device="cpu")
    ours_seconds = cpu_seconds() - start
    compile_seconds = compiled - start

    checked = [run for run in PLAIN_RUNS if run in grid]
    torch.set_num_threads(1)
    plain_run(
        training, clean_rows, 0.1, 0, replace(config, epochs=2)
    )  # torch imports some parts late
    start = cpu_seconds()
    plain = [plain_run(training, clean_rows, lam, seed, config) for lam, seed in checked]
    plain_seconds = (cpu_seconds() - start) / len(checked)

    theta = np.stack([plain, ours.theta[[grid.index(run) for run in checked]]])  # (2, runs, d + 1)
    decisions = (linear_logit(theta, test.x, test.s) > 0).astype(np.int8)  # (2, runs, n)
    acc = np.array([[accuracy(test.y, d) for d in side] for side in decisions])
    di = np.array([[disparate_impact(None, d, test.s) for d in side] for side in decisions])
    difference = float(np.abs(theta[0] - theta[1]).max())
    return {
        "runs": len(grid),
        "epochs": config.epochs,
        "seconds": round(ours_seconds, 2),
        "seconds_compile": round(compile_seconds, 2),
        "seconds_per_run": round(ours_seconds / len(grid), 4),
        "plain_runs": len(checked),
        "plain_seconds_per_run": round(plain_seconds, 3),
        "ratio": round(plain_seconds / (ours_seconds / len(grid)), 2),
        "ratio_is": "CPU seconds per run, plain over ours with compiling",
        "ratio_without_compiling": round(
            plain_seconds / ((ours_seconds - compile_seconds) / len(grid)), 2
        ),
        "max_abs_diff": difference,
        "max_abs_diff_is": "classifier parameters, plain against ours",
        "decisions_differing": float((decisions[0] != decisions[1]).mean()),
        "max_accuracy_diff": float(np.abs(acc[0] - acc[1]).max()),
        "max_di_diff": float(np.abs(di[0] - di[1]).max()),
        "plain_acc_di": np.round(np.stack([acc[0], di[0]], 1), 4).tolist(),
        "fused": not reasons.found,
        "not_fused_because": reasons.found[0] if reasons.found else None,
        "classifiers_agree": difference <= TOLERANCE,
        "within_budget": ours_seconds <= BUDGET * calibration.seconds(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="4 runs of 300 epochs, for a test")
    quick = parser.parse_args(argv).quick
    config, lambdas, seeds = RELEASED_POISONED, LAMBDAS, list(SEEDS)
    if quick:
        config = replace(config, epochs=301, warmup=150)
        lambdas, seeds = (0.1, 0.52), [0, 14]
    with tempfile.TemporaryDirectory() as empty:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty  # what an earlier run compiled does not help
        result = measure(config, lambdas, seeds)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    name = "frtrain_grid: 9 fairness weights x 15 seeds, poisoned" + (" (quick)" if quick else "")
    print(json.dumps({"benchmark": name, **result, "versions": versions}))
    return 0 if result["classifiers_agree"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
