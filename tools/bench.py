"""Run every benchmark of ``benchmarks/`` and print its one JSON line."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.common import ROOT, child_environment, exit_with, shown

TIMEOUT = 3600  # seconds for one benchmark; the longest takes 25 minutes on a slow core


def scripts(folder: Path = ROOT / "benchmarks") -> list[Path]:
    """Return the benchmarks; a leading underscore marks a helper."""
    return sorted(p for p in folder.glob("*.py") if not p.name.startswith("_"))


def json_line(output: str) -> str | None:
    """Return the last line of `output` that is a JSON object, or None."""
    for line in reversed(output.splitlines()):
        try:
            if isinstance(json.loads(line), dict):
                return line
        except ValueError:
            continue
    return None


def run(script: Path) -> bool:
    """Run one benchmark; True if it ended well with a JSON line."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=ROOT, env=child_environment(), capture_output=True, text=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"{shown(script)}: FAILED, longer than {TIMEOUT} s", file=sys.stderr)
        return False
    line = json_line(done.stdout)
    if line is not None:
        print(line, flush=True)
    if done.returncode == 0 and line is not None:
        return True
    reason = (done.stderr.strip().splitlines() or ["it printed no JSON line"])[-1]
    print(
        f"{shown(script)}: FAILED after {time.monotonic() - began:.0f} s, {reason}", file=sys.stderr
    )
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Run all benchmarks, or those named."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("scripts", nargs="*", type=Path)
    chosen = parser.parse_args(argv).scripts or scripts()
    passed = [run(script) for script in chosen]
    print(f"benchmarks: {sum(passed)} of {len(passed)} passed")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    exit_with(main)
