"""The quick tests in random order and surroundings: who leans on either fails in some.

    python -m tools.shuffle [--runs 5] [--seed 7] [-- pytest arguments]

Files are shuffled, and the tests inside each file.  One process runs them all, so what one test
leaves behind is there for every later one.  The seed draws what a terminal, a country and a build
server set, too: a test that reads a program's output may have read it as one of them prints it.
Each run prints its seed first; ``--seed`` repeats it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tools.common import ROOT, child_environment, exit_with
from tools.processors import QUICK, options_and_pytest

SURROUNDINGS: Final[Mapping[str, tuple[str | None, ...]]] = {
    "CI": (None, "true"),  # pytest then cuts no line of its summary
    "COLUMNS": (None, "40", "200"),
    "LC_ALL": (None, "C", "C.UTF-8"),
    "PYTHONHASHSEED": ("0", "1", "2", "3"),
    "PYTHONDONTWRITEBYTECODE": (None, "1"),
    "TZ": (None, "Pacific/Kiritimati", "America/St_Johns"),
}
"""Variables that others set, with values that no test may depend on; None: not set."""


def surroundings(seed: int) -> dict[str, str | None]:
    """Draw a value of each variable."""
    rng = random.Random(seed)
    return {name: rng.choice(values) for name, values in SURROUNDINGS.items()}


def run(seed: int, arguments: Sequence[str]) -> int:
    """Run pytest in the order and the surroundings that `seed` draws; return its exit status."""
    drawn = surroundings(seed)
    given = {name: value for name, value in drawn.items() if value is not None}
    said = " ".join(f"{name}={value}" for name, value in given.items())
    print(
        f"\n== random order, seed {seed} (again: make shuffle SEED={seed}), {said} ==", flush=True
    )
    environment = {k: v for k, v in child_environment().items() if k not in drawn} | given
    order = ("--random-order-bucket=module", f"--random-order-seed={seed}")
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", *order, *(arguments or QUICK)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests in the wanted number of orders, and print one verdict."""
    parser = argparse.ArgumentParser(prog="python -m tools.shuffle", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="number of orders, at least 1")
    parser.add_argument("--seed", type=int, help="repeat one order (default: drawn anew)")
    given, arguments = options_and_pytest(argv)
    options = parser.parse_args(given)
    if options.runs < 1:
        parser.error(f"--runs {options.runs}: at least one order is needed")
    drawn = random.SystemRandom().sample(range(1_000_000), options.runs)
    seeds = drawn if options.seed is None else [options.seed]
    failed = [str(seed) for seed in seeds if run(seed, arguments)]
    print(f"FAILED with seed {', '.join(failed)}" if failed else f"{len(seeds)} order(s) passed")
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(main)
