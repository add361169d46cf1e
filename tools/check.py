"""Everything that CI checks, step by step, with one clear last line.

Quick tests, notebook tests and book tests are separate pytest calls: mixed in one call, two
chapters end up on one worker.  All steps run even if one fails.

A pytest step that passed is not run again while no file of the tree, no installed requirement and
no data folder has changed: it says so, with its counts.  ``FRESH=1`` runs everything, and so does
any machine that sets ``CI``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tools import processors
from tools.common import CACHE, ROOT, child_environment, digest_of, exit_with, find_browser

_COUNT = re.compile(r"(\d+) (passed|failed|skipped|xfailed|xpassed|errors?)\b")
_SUMMARY = re.compile(r"\b\d+ \w+.* in \d[\d.]*s")
_NO_TESTS = 5  # pytest's exit status when nothing was collected


@dataclass(frozen=True)
class Step:
    """A named command; `tests` marks a pytest call, whose summary is counted."""

    name: str
    command: tuple[str, ...]
    tests: bool = False


def steps(root: Path = ROOT) -> list[Step]:
    """Return the steps, cheapest first."""

    def pytest(name: str, folders: Iterable[str], *options: str) -> list[Step]:
        there = [f"tests/{folder}" for folder in folders if (root / "tests" / folder).is_dir()]
        command = ("-m", "pytest", "-q", "--color=no", *options, *there)
        return [Step(name, command, tests=True)] if there else []

    return [
        Step("lint", ("-m", "ruff", "check", "--quiet", ".")),
        Step("types", ("-m", "mypy")),
        *pytest("tests", ("unit", "theory", "data"), "-n", "2"),
        # what torch is told about the simulated device cannot be taken back: a process of its own
        *pytest("device", ("device",)),
        *pytest("notebooks", ("notebooks",), "-n", "2"),
        *pytest("book", ("book",)),
    ]


def counts(lines: Iterable[str]) -> Counter[str]:
    """Return the numbers of the last pytest summary among `lines`."""
    for line in reversed(list(lines)):
        if _SUMMARY.search(line):
            return Counter(
                {name.rstrip("s") if name.startswith("error") else name: int(number)
                 for number, name in _COUNT.findall(line)}
            )  # fmt: skip
    return Counter()


def run(step: Step) -> tuple[bool, Counter[str], float]:
    """Run one step with its output shown as it comes."""
    print(f"\n== {step.name} ==", flush=True)
    began = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(
        [sys.executable, *step.command],
        cwd=ROOT,
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            print(line, end="", flush=True)
    status = process.returncode
    seen = counts(lines) if step.tests else Counter()
    fine = status == 0 or (step.tests and status == _NO_TESTS)
    return fine, seen, time.monotonic() - began


def _tree() -> set[Path]:
    """Return the tree's files: git's where there is git, else all but what the tools write."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if listing.returncode == 0:
            return {ROOT / name for name in listing.stdout.split("\0") if name}
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
    return {
        ROOT / path
        for path in found
        if not any(p in ("_build", "dist", "__pycache__") or p.startswith(".") for p in path.parts)
    }


def tree_digest() -> str:
    """Return a digest of what a test can depend on: the tree's files and its surroundings."""
    files = _tree()
    packages = sorted(f"{d.name}=={d.version}" for d in metadata.distributions())
    surroundings = (
        sys.version,
        processors.name(),
        str(find_browser()),
        os.environ.get("FAIRTUT_DATA", ""),
    )
    return digest_of([f for f in files if f.is_file()], *packages, *surroundings)


def run_or_recall(step: Step, key: str) -> tuple[bool, Counter[str], float]:
    """Run a step, or recall that it passed on exactly this tree."""
    memory = CACHE / f"passed-{step.name}-{key[:16]}.json"
    recall = step.tests and not (os.environ.get("CI") or os.environ.get("FRESH"))
    if recall and memory.is_file():
        seen = Counter(json.loads(memory.read_text()))
        print(f"\n== {step.name} == nothing changed since it passed (FRESH=1 runs it again)")
        return True, seen, 0.0
    fine, seen, seconds = run(step)
    if fine and step.tests and seen["passed"] and not seen["failed"] and not seen["error"]:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(seen))
    return fine, seen, seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Run all steps (or the named ones) and print the verdict."""
    known = steps()
    parser = argparse.ArgumentParser(prog="python -m tools.check", description=__doc__)
    parser.add_argument("steps", nargs="*", help=f"of: {', '.join(s.name for s in known)}")
    wanted = parser.parse_args(argv).steps
    unknown = sorted(set(wanted) - {step.name for step in known})
    if unknown:
        parser.error(f"unknown step {', '.join(unknown)}")
    total: Counter[str] = Counter()
    failed: list[str] = []
    times: list[str] = []
    key = tree_digest()
    for step in known:
        if wanted and step.name not in wanted:
            continue
        fine, seen, seconds = run_or_recall(step, key)
        total += seen
        times.append(f"{step.name} {seconds:.0f} s")
        if not fine:
            failed.append(step.name)
    tests = ", ".join(f"{total[name]} {name}" for name in
                      ("failed", "passed", "skipped", "xfailed", "xpassed", "error")
                      if total[name]) or "no tests"  # fmt: skip
    print()
    if find_browser() is None:
        print("browser tests were skipped: there is no chromium with chromedriver here")
    print("times: " + ", ".join(times))
    if failed:
        print(f"FAILED: {', '.join(failed)} ({tests})")
        return 1
    print(f"all checks passed: {tests}")
    return 0


if __name__ == "__main__":
    exit_with(main)
