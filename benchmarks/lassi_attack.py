"""LASSI's certifiers under attack by planted counterexamples, beside plain ones.

    python benchmarks/lassi_attack.py [--quick] [--share 1.0]

Every certifier answers about the first so many of the same cases, the slow ones about fewer; ours
give more than 100,000 verdicts, and more than 100,000 certificates with ``--share 3.1``.  Linear
bounds by auto_LiRPA take part where it is installed (README).  Then two small R are trained, and
the sets of fifty people are searched at a million points each.  Tables come first, the last line is
one JSON object; exit status 1 if certificates of ours are wrong more often than they state, fail
other than by a clear error, or are contradicted.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from fairtut.errors import MissingExtra
from fairtut.methods import lassi
from fairtut.methods.lassi.attack import Certifier, Found, attack, densely
from fairtut.methods.lassi.plain_bounds import linear_bounds
from fairtut.methods.lassi.references import others, ours
from fairtut.runtime.seeds import torch_rng

CASES = {  # each of eight latents, mostly
    "curve": 2200, "folded": 2640, "generic": 2200, "stopping early": 2200,
    "without sampling": 880, "exact": 5500, "plain smoothing": 440, "interval bounds": 2200,
    "linear bounds": 220,
}  # fmt: skip
PEOPLE, POINTS, PLACES = 50, 10**6, 41
LIMIT = 60.0
PROBLEM = (16, 4000)  # length of a latent, people


def attacked(name: str, certifier: Certifier, about: str, cases: int) -> Found:
    """Attack one certifier and print its table."""
    start = time.process_time()
    found = attack(certifier, cases, about=about, limit=LIMIT)
    seconds = time.process_time() - start
    print(f"\n{name}, about the {about} model: {seconds:.0f} CPU s, slowest call "
          f"{found.seconds:.1f} s, peak of memory + {found.mib:.0f} MiB")  # fmt: skip
    print(found.table().to_string(index=False, float_format="{:.3g}".format), flush=True)
    return found


def theirs() -> dict[str, tuple[Certifier, str]]:
    """Return plain certifiers, with auto_LiRPA's where it is installed."""
    try:
        return others() | {"linear bounds": (linear_bounds(), "plain")}
    except MissingExtra as error:
        print(f"without linear bounds: {error}")
        return others()


def searched(method: str, points: int) -> dict[str, int]:
    """Train R and a head, certify people without sampling, and search their sets."""
    q, n = PROBLEM
    rng = torch_rng(0, "attack", "people")
    z = torch.randn(n, q, generator=rng)
    y = (z[:, :4].sum(1) + z[:, 4] * z[:, 5] > 0).long()
    a = lassi.mean_difference(z, (z[:, 0] + z[:, 6] > 0).long())
    config = replace(lassi.preset(method), hidden=(64, 32), outputs=16, epochs=6, batch=250,
                     consumer_epochs=6)  # fmt: skip
    r = lassi.train(z, y, a, (z[:500], y[:500]), config=config, seed=0).representation
    head = lassi.consumer(lassi.encode(r, z), y, config=config, seed=0)
    people = z[:PEOPLE]
    exact = lassi.exact_fairness(r, head, people, a, 1.0)
    free = lassi.certify_exactly(r, head, people, a)
    changes = densely(r, head, people, a, 1.0, points)
    t = torch.linspace(-1, 1, PLACES)
    wrong = 0
    for i in free.fair.nonzero()[0]:
        there = lassi.certify_exactly(r, head, people[i] + t[:, None] * a, a).prediction
        wrong += int((there != free.prediction[i]).any())
    return {
        "people": PEOPLE,
        "points": points,
        "constant": int(exact.fair.sum()),
        "constant_but_changes": int((exact.fair & changes).sum()),
        "changes_here": int((~exact.fair).sum()),
        "changes_here_found": int((~exact.fair & changes).sum()),
        "certified_without_sampling": int(free.fair.sum()),
        "contradicted_without_sampling": wrong,
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few cases and points, for a test")
    parser.add_argument("--share", type=float, default=1.0, help="of the cases")
    chosen = parser.parse_args(argv)
    torch.set_num_threads(1)
    share, points = (0.03, 10**4) if chosen.quick else (chosen.share, POINTS)
    mine, plain = (
        {k: attacked(k, *v, math.ceil(share * CASES[k])) for k, v in some.items()}
        for some in (ours(), theirs())
    )
    dense = {method: searched(method, points) for method in ("naive", "lassi")}
    totals = {k: v.total() for k, v in (mine | plain).items()}
    failed = sum(totals[k].failed.total() for k in mine)
    contradicted = sum(
        v["constant_but_changes"] + v["contradicted_without_sampling"] for v in dense.values()
    )
    sound = all(v.sound for v in mine.values()) and not failed and not contradicted
    print(json.dumps({
        "benchmark": "lassi_attack: planted counterexamples" + (" (quick)" if chosen.quick else ""),
        "verdicts": sum(totals[k].asked for k in mine),
        "certificates": sum(v.given for v in mine.values()),
        "wrong": {k: [v.wrong, v.given, v.alpha] for k, v in mine.items()},
        "wrong_is": "wrong certificates, certificates, stated chance",
        "failed": failed,
        "others_wrong": {k: [v.wrong, v.given, v.alpha] for k, v in plain.items()},
        "slowest_seconds": round(max(v.seconds for v in mine.values()), 2),
        "more_peak_mib": round(max(v.mib for v in mine.values())),
        "searched": dense,
        "sound": sound,
    }))  # fmt: skip
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
