"""Run a chapter on the simulated device, cell by cell, and say what the device did.

A program of its own, since what torch was told about the device cannot be taken back::

    python -m tests.device.chapter 05_reprogramming_text OUT [--no-double] [--preset smoke]

One bad cell does not stop the rest, so a run shows everything that is wrong at once.  The last line
is JSON: ``cells``, ``bad`` (where and why), ``kernels``, ``waits`` and ``device``, which the saved
record names.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.device import simulated
from tools import cells as notebooks


def main(argv: Sequence[str] | None = None) -> int:
    """Run one chapter; the exit status says whether a cell failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.device.chapter", description=__doc__)
    parser.add_argument("chapter")
    parser.add_argument("out", type=Path, help="an empty folder for the record and the cache")
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--no-double", action="store_true", help="refuse float64")
    args = parser.parse_args(argv)
    os.environ |= {"FAIRTUT_DEVICE": simulated.KIND, "FAIRTUT_CACHE": str(args.out / "cache"),
                   "FAIRTUT_QUIET": "1", "MPLBACKEND": "agg"}  # fmt: skip
    with simulated.device(double=not args.no_double) as counts:
        cells = _cells(args.chapter, args.preset, args.out / "results")
        bad = _execute(args.chapter, cells)
    waits = [[*where, n] for where, n in counts.waits.most_common(15)]
    print(json.dumps({"cells": len(cells), "bad": bad, "kernels": counts.kernels,
                      "synchronised": sum(counts.waits.values()), "waits": waits,
                      "device": _named(args.out / "results")}))  # fmt: skip
    return int(bool(bad))


def _cells(chapter: str, preset: str, results: Path) -> list[tuple[int, str]]:
    """Return number and source of each code cell, with our parameters in the place of its own."""
    path = simulated.ROOT / "notebooks" / f"{chapter}.py"
    found = []
    for number, cell in enumerate(notebooks.read(path).cells):
        source = cell.source
        if "parameters" in notebooks.tags(cell):
            source += f"\npreset, results_dir = {preset!r}, {str(results)!r}"
        if cell.cell_type == "code":
            found.append((number, source))
    return found


def _execute(chapter: str, cells: list[tuple[int, str]]) -> list[str]:
    names: dict[str, Any] = {"__name__": "__main__"}
    bad = []
    for number, source in cells:
        try:
            exec(compile(source, f"{chapter}.{number}.cells", "exec"), names)
        except Exception as error:
            where = [
                f
                for f in traceback.extract_tb(error.__traceback__)
                if "site-packages" not in f.filename
            ]
            last = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in where[:0:-1][:6])
            bad.append(f"cell {number}: {type(error).__name__}: {str(error)[:300]} ({last})")
            print(bad[-1], file=sys.stderr, flush=True)
    return bad


def _named(results: Path) -> str | None:
    """Return what the record says that it ran on."""
    files = [p for p in results.rglob("*.json") if "unfinished" not in p.name]
    return json.loads(files[0].read_text())["device"]["type"] if files else None


if __name__ == "__main__":
    sys.exit(main())
