"""Exact verdicts for two and three attributes, on trained networks of the chapter's size.

    python benchmarks/lassi_exact.py [--quick]

Naive and LASSI are trained on drawn latents; then each of 300 people is settled by itself, within a
limit of ten CPU seconds.  The sets of fifty of them are searched at 100,000 points each, and for
one attribute the boxes must agree with the curve.  Where auto_LiRPA is installed, nobody whom its
linear bounds prove constant may change.  The last line is one JSON object; exit status 1 if a
verdict is contradicted.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.errors import MissingExtra
from fairtut.methods import lassi
from fairtut.methods.lassi.attack import densely
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.plain_bounds import linear_bounds
from fairtut.runtime.seeds import torch_rng

PEOPLE, SEARCHED, POINTS, LIMIT, DECIDED = 300, 50, 10**5, 10.0, 0.95
LATENT, TRAIN = 64, 4000
HIDDEN, OUTPUTS = (512, 256), 128
QUICK = {"people": 20, "searched": 5, "points": 2000, "hidden": (64, 32), "outputs": 16}


def trained(
    method: str, hidden: tuple[int, ...], outputs: int
) -> tuple[Representation, nn.Linear, Tensor, Tensor]:
    """Return R and a head, latents (n, q) and three directions (3, q)."""
    rng = torch_rng(0, "exact", "people")
    z = torch.randn(TRAIN, LATENT, generator=rng)
    y = (z[:, :4].sum(1) + z[:, 4] * z[:, 5] > 0).long()
    a = torch.stack(
        [lassi.mean_difference(z, (z[:, 0] + z[:, 6 + i] > 0).long()) for i in range(3)]
    )
    config = replace(
        lassi.preset(method), hidden=hidden, outputs=outputs, epochs=6, batch=250, consumer_epochs=6
    )
    r = lassi.train(z, y, a, (z[:500], y[:500]), config=config, seed=0).representation
    head = lassi.consumer(lassi.encode(r, z), y, config=config, seed=0)
    return r, head, z, a


def settled(
    r: Representation, head: nn.Linear, z: Tensor, a: Tensor, searched: int, points: int
) -> dict[str, Any]:
    """Settle people one by one, and search some of their sets."""
    seconds, found = [], []
    for row in z:
        start = time.process_time()
        found.append(lassi.exact_fairness(r, head, row[None], a, 1.0, gap=0.05, seconds=LIMIT))
        seconds.append(time.process_time() - start)
    fair, undecided, deployed = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("fair", "undecided", "deployed")
    )
    changes = ~fair & ~undecided
    proved = proved_elsewhere(r, head, z, a)
    seen = densely(r, head, z[:searched], a, 1.0, points)
    return {
        "people": len(z),
        "decided": float(1 - undecided.mean()),
        "constant": int(fair.sum()),
        "changes_here": int(changes.sum()),
        "deployed_changes_too": int(deployed.sum()),
        "constant_but_changes": int((fair[:searched] & seen).sum()),
        "proved_elsewhere": None if proved is None else int(proved.sum()),
        "proved_but_changes": 0 if proved is None else int((proved & changes).sum()),
        "slowest_seconds": round(max(seconds), 2),
        "median_seconds": round(float(np.median(seconds)), 3),
        "boxes_most": int(max(one.regions.max() for one in found)),
    }


def proved_elsewhere(
    r: Representation, head: nn.Linear, z: Tensor, a: Tensor
) -> NDArray[np.bool_] | None:
    """Return whom auto_LiRPA's linear bounds prove constant; None where it is not installed."""
    try:
        return linear_bounds()(r, head, z, a, 1.0, 0.0, 0).fair
    except MissingExtra:
        return None


def along(r: Representation, head: nn.Linear, z: Tensor, a: Tensor) -> int:
    """Return for how many people boxes and curve disagree about one attribute."""
    curve, boxes = (
        lassi.exact_fairness(r, head, z, a[:1], 1.0, method=method)
        for method in ("curve", "regions")
    )
    known = ~(curve.undecided | boxes.undecided)
    return int((curve.fair != boxes.fair)[known].sum())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small networks, for a test")
    quick = parser.parse_args(argv).quick
    torch.set_num_threads(1)
    size = QUICK if quick else {}
    people, searched = size.get("people", PEOPLE), size.get("searched", SEARCHED)
    rows, disagree, start = {}, 0, time.process_time()
    for method in ("naive", "lassi"):
        model = trained(method, size.get("hidden", HIDDEN), size.get("outputs", OUTPUTS))
        r, head, z, a = model
        disagree += along(r, head, z[:people], a)
        for k in (2, 3):
            points = size.get("points", POINTS)
            rows[f"{method}, k = {k}"] = settled(r, head, z[:people], a[:k], searched, points)
            print(method, k, rows[f"{method}, k = {k}"], flush=True)
    contradicted = disagree + sum(
        row["constant_but_changes"] + row["proved_but_changes"] for row in rows.values()
    )
    decided = min(row["decided"] for row in rows.values())
    name = "lassi_exact: verdicts with several attributes" + (" (quick)" if quick else "")
    print(json.dumps({
        "benchmark": name, "seconds": round(time.process_time() - start, 1), "rows": rows,
        "points": size.get("points", POINTS), "curve_and_boxes_disagree": disagree,
        "decided_least": decided, "decided_reached": decided >= DECIDED,
        "contradicted": contradicted,
    }))  # fmt: skip
    return int(contradicted > 0)


if __name__ == "__main__":
    raise SystemExit(main())
