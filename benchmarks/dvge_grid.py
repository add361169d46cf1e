"""Speed of DVGE's grid on cached codes, with its agreement checked in the same run.

    python benchmarks/dvge_grid.py [--quick]

Trains 11 sensitive × 4 task strengths × 3 seeds on 20,000 Gaussian codes of 10 numbers in two
threads, and compares CPU seconds per run, and the networks themselves, with the plain loop below:
one run at a time, torch modules, both foci by autograd at every step, as the released code has it.
The last line is one JSON object; exit status 1 if the networks differ.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.methods.dvge import Config, Grid, fit_classifiers, fit_grid
from fairtut.methods.dvge.focus import focus
from fairtut.metrics import accuracy, demographic_parity_gap
from fairtut.models.stacked import StackedMLP
from fairtut.runtime.seeds import stream_seed, torch_rng
from tools import calibration

ETA1, ETA2, SEEDS = tuple(i / 10 for i in range(11)), (0.0, 0.2, 0.4, 0.8), (0, 1, 2)
# the plain loop repeats these, one of four without a task focus, as in the grid
PLAIN_RUNS = ((0.5, 0.0, 0), (0.3, 0.2, 1), (0.6, 0.4, 0), (1.0, 0.8, 2))
ROWS, TEST_ROWS, DIMENSIONS = 20_000, 10_000, 10
EXACT_TOLERANCE = 1e-6  # weights after two epochs in double precision; in single precision
# rounding grows: a focus turns round where it meets the decision boundary ..
TOLERANCE = 0.005  # .. and what counts is accuracy and parity gap, which seeds move by as much
RATIO, BUDGET = 2.0, 8600  # BUDGET: times the loop of tools/calibration.py


def people(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (n, 10), labels and sensitive attribute, which share one of three directions."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(n, DIMENSIONS, generator=rng)
    noise = torch.randn(2, n, generator=rng)
    y = z[:, 0] + 0.7 * z[:, 1] + 0.5 * z[:, 2] * z[:, 3] + 0.6 * noise[0] > 0
    s = z[:, 0] + 0.7 * z[:, 4] + 0.6 * noise[1] > 0
    return z, y.long(), s.long()


def plain_network(seed: int, hidden: Sequence[int]) -> nn.Sequential:
    """A network with the initial weights of that seed."""
    rng = torch_rng(seed, "classifier")
    layers: list[nn.Module] = []
    widths = [DIMENSIONS, *hidden, 2]
    for fan_in, fan_out in pairwise(widths):
        linear = nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            weight = torch.empty(fan_in, fan_out)
            nn.init.normal_(weight, std=(2 / 1.04 / fan_in) ** 0.5, generator=rng)
            linear.weight.copy_(weight.T)
            linear.bias.zero_()
        layers += [linear, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def plain_focus(net: nn.Module, z: Tensor) -> Tensor:
    """Gradient of the predicted class' cross-entropy with respect to the codes (b, d)."""
    leaf = z.clone().requires_grad_(True)
    logits = net(leaf)
    loss = functional.cross_entropy(logits, logits.argmax(1), reduction="sum")
    return torch.autograd.grad(loss, leaf)[0]


def plain_run(
    z: Tensor, y: Tensor, d: nn.Module, eta1: float, eta2: float, seed: int, config: Config
) -> nn.Module:
    """One run, batch by batch."""
    g = plain_network(seed, config.hidden).to(z.dtype)
    adam = torch.optim.Adam(g.parameters(), lr=config.lr)
    for epoch in range(config.epochs):
        rng = torch_rng(stream_seed(seed, "order", epoch + 1), "shuffle")
        order = torch.randperm(len(z), generator=rng)
        for start in range(0, len(z) - config.batch + 1, config.batch):
            rows = order[start : start + config.batch]
            codes, labels = z[rows], y[rows]
            change = eta1 * plain_focus(d, codes)
            if eta2 and epoch >= config.warmup:
                change = change - eta2 * plain_focus(g, codes)
            loss = functional.cross_entropy(g(codes + change), labels)
            adam.zero_grad()
            loss.backward()
            adam.step()
    return g


def compare(theirs: np.ndarray, ours: np.ndarray, y: Tensor, s: Tensor) -> dict[str, float]:
    """Largest differences between decisions (runs, n) of the two, and in what they come to."""
    label, group = y.numpy(), s.numpy()
    measures: dict[str, Callable[[np.ndarray], float]] = {
        "max_accuracy_diff": lambda yhat: accuracy(label, yhat),
        "max_dp_diff": lambda yhat: demographic_parity_gap(None, yhat, group),
    }
    result = {"decisions_differing": float((theirs != ours).mean())}
    for name, measure in measures.items():
        result[name] = max(abs(measure(a) - measure(b)) for a, b in zip(theirs, ours, strict=True))
    return result


def spread(grid: Grid, decisions: np.ndarray, y: Tensor, s: Tensor) -> dict[str, float]:
    """Mean standard deviation over the seeds, of accuracy and of the parity gap."""
    label, group = y.numpy(), s.numpy()
    values = np.array(
        [[accuracy(label, d), demographic_parity_gap(None, d, group)] for d in decisions]
    ).reshape(int(grid.run.max()) + 1, -1, 2)  # (runs, pairs, 2)
    deviation = values.std(0, ddof=1).mean(0)
    return {"seed_accuracy_sd": float(deviation[0]), "seed_dp_sd": float(deviation[1])}


def exact_difference(
    z: Tensor, y: Tensor, d: StackedMLP, run: tuple[float, float, int], config: Config
) -> float:
    """Largest difference of a weight between the two ways to train one run, in float64."""
    (eta1, eta2, seed), z = run, z.double()
    alone = d.member(0).double()
    plain = plain_run(z, y, alone, eta1, eta2, seed, config)
    f_sens = focus(alone, z, config.focus)
    ours = fit_grid(z, y, f_sens, (0.0, eta1), (eta2,), config, (seed,)).net
    layers = [p for pair in zip(ours.weights, ours.biases, strict=True) for p in pair]
    pairs = zip(plain.parameters(), layers, strict=True)  # biases (2, 1, out), weights transposed
    return max(float((p.detach() - q[1].T.squeeze(-1)).abs().max()) for p, q in pairs)


def measure(
    config: Config, eta1: Sequence[float], eta2: Sequence[float], seeds: Sequence[int], rows: int
) -> dict[str, object]:
    """Train the grid and the plain runs, and compare."""
    torch.set_num_threads(1)
    z, y, s = people(rows, 0)
    z_test, y_test, s_test = people(TEST_ROWS, 1)
    warm = replace(config, epochs=2)
    d: StackedMLP = fit_classifiers(z, s, config, [100])
    fit_grid(z[:1024], y[:1024], None, [0.0], [0.2], warm)  # torch imports some parts late

    start, cpu = time.perf_counter(), time.process_time()
    f_sens = focus(d, z, config.focus)[0]
    grid = fit_grid(z, y, f_sens, eta1, eta2, config, seeds, jobs=2)
    seconds = time.perf_counter() - start
    ours_cpu = time.process_time() - cpu
    decisions = grid.decisions(z_test)  # (k, n)

    picked = [run for run in PLAIN_RUNS if run[0] in eta1 and run[1] in eta2 and run[2] in seeds]
    alone = d.member(0)
    cpu = time.process_time()
    plain = [plain_run(z, y, alone, *run, config) for run in picked]
    plain_cpu = (time.process_time() - cpu) / len(picked)
    keys = list(zip(grid.eta1, grid.eta2, grid.seed, strict=True))
    members = [keys.index(run) for run in picked]
    with torch.no_grad():
        theirs = np.stack([net(z_test).argmax(1).numpy() for net in plain])
    exact = exact_difference(z, y, d, picked[-1], replace(config, epochs=2))
    found = compare(theirs, decisions[members], y_test, s_test)
    noise = spread(grid, decisions, y_test, s_test)
    agree = max(found["max_accuracy_diff"], found["max_dp_diff"]) <= TOLERANCE
    agree = agree and exact <= EXACT_TOLERANCE
    per_run = ours_cpu / len(keys)
    return {
        "runs": len(keys),
        "epochs": config.epochs,
        "rows": rows,
        "hidden": list(config.hidden),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(ours_cpu, 1),
        "cpu_seconds_per_run": round(per_run, 3),
        "plain_runs": len(picked),
        "plain_seconds_per_run": round(plain_cpu, 3),
        "ratio": round(plain_cpu / per_run, 2),
        "ratio_is": "CPU seconds per run, plain over ours",
        "max_abs_diff": exact,
        "max_abs_diff_is": "weights of one run after two epochs in float64, plain against ours",
        **found,
        **noise,
        "plain_accuracy": [round(accuracy(y_test.numpy(), yhat), 4) for yhat in theirs],
        "networks_agree": agree,
        "ratio_reached": plain_cpu / per_run >= RATIO,
        "within_budget": ours_cpu <= BUDGET * calibration.seconds(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 runs of 2 epochs, for a test")
    quick = parser.parse_args(argv).quick
    config, eta1, eta2, seeds, rows = Config(), ETA1, ETA2, SEEDS, ROWS
    if quick:
        config = replace(config, epochs=2, hidden=(32, 32))
        eta1, eta2, seeds, rows = (0.5, 1.0), (0.0, 0.8), (0, 2), 2048
    result = measure(config, eta1, eta2, seeds, rows)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    name = "dvge_grid: 11 x 4 strengths x 3 seeds on cached codes" + (" (quick)" if quick else "")
    print(json.dumps({"benchmark": name, **result, "versions": versions}))
    return 0 if result["networks_agree"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
