"""Another processor's instructions on this one: what libraries may use is limited by variables.

    python -m tools.processors [--kinds native avx2 baseline] [--threads 1 2] [-- pytest arguments]

runs the quick tests (or those named) under every kind and number of threads, one after the other.
Numerical libraries choose their kernels when they start, by what the processor can do; the
variables below hide instructions from them.  Only x86 processors have these kinds.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tools.common import ONE_THREAD, ROOT, child_environment, exit_with

QUICK: Final = ("tests/unit", "tests/theory", "tests/data")
NUMERICAL: Final = (
    "tests/theory/test_frtrain_training.py",
    "tests/theory/test_lassi_curve.py",
    "tests/theory/test_lassi_learning.py",
    "tests/theory/test_dvge_focus.py",
    "tests/theory/test_glow.py",
    "tests/theory/test_word_triggers.py",
    "tests/unit/test_latent_training.py",
    "tests/unit/test_dvge.py",
    "tests/data/test_faces_processors.py",
)
"""Where kernels decide the numbers: what CI repeats with other instructions."""
KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "native": {},
    # most laptops and hosted runners
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL",
    },
    # the oldest instructions that the wheels run on
    "baseline": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-AVX512VL",
    },
}
"""Variables of each kind, for torch, oneDNN, MKL and the C library; NumPy's are asked for."""
HIDDEN: Final = {"native": (), "avx2": ("X86_V4", "AVX512"), "baseline": ("",)}
"""What the names of NumPy's features begin with that a kind does without."""


def name() -> str:
    """Return what this process may use of its processor: machine, torch's kernels, limits."""
    import torch

    limits = [f"{key}={os.environ.get(key, '')}" for key in KINDS["avx2"]]
    return "|".join([platform.machine(), torch.backends.cpu.get_cpu_capability(), *limits])


def environment(kind: str) -> dict[str, str]:
    """Return the variables that make this processor's libraries use the kernels of `kind`."""
    # where NumPy says which features it chooses between at run time; its stubs leave it out
    umath = importlib.import_module("numpy._core._multiarray_umath")
    hidden = (
        [f for f in umath.__cpu_dispatch__ if f.startswith(HIDDEN[kind])] if HIDDEN[kind] else []
    )
    return {**KINDS[kind], **({"NPY_DISABLE_CPU_FEATURES": " ".join(hidden)} if hidden else {})}


def missing(kind: str) -> str | None:
    """Say why this machine cannot run `kind` as something of its own, or None."""
    import torch

    if kind == "native":
        return None
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return f"a {platform.machine()} processor has no {kind} kernels"
    order = ("DEFAULT", "NO AVX", "AVX2", "AVX512")
    have = torch.backends.cpu.get_cpu_capability()
    if have in order and order.index(have) < order.index("AVX2"):
        return f"this processor has no AVX2 (torch says {have})"
    return None


def run(kind: str, threads: int, arguments: Sequence[str]) -> int:
    """Run pytest under one kind and number of threads; return its exit status."""
    print(f"\n== {kind}, {threads} thread{'s' if threads > 1 else ''} ==", flush=True)
    several = {name: str(threads) for name in ONE_THREAD}
    settings = {**child_environment(), **several, **environment(kind)}
    # threads that wait in a busy loop take the core from those that work
    settings.setdefault("OMP_WAIT_POLICY", "passive")
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", *(arguments or QUICK)]
    return subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode


def options_and_pytest(argv: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return what is ours and what stands behind ``--`` and is pytest's.

    Without the two dashes ``--threads 1 tests/unit`` is an error, not a path or a lost one.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    cut = given.index("--") if "--" in given else len(given)
    return given[:cut], given[cut + 1 :]


def verdict(ran: int, failed: Sequence[str], absent: Sequence[str]) -> str:
    """Return the last line: what failed, what was left out, how many settings passed.

    Parameters
    ----------
    ran : int
        How many pairs of a kind and a number of threads were run.
    failed, absent : sequence of str
        The pairs that failed, and the kinds that this machine cannot run.
    """
    left = f" (left out: {', '.join(absent)})" if absent else ""
    if failed:
        return f"FAILED: {', '.join(failed)}{left}"
    if not ran:
        return f"nothing was run{left}"
    return f"{ran} setting{'s' if ran > 1 else ''} passed{left}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests under the wanted kinds and threads, and print one verdict."""
    parser = argparse.ArgumentParser(prog="python -m tools.processors", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, min(2, os.cpu_count() or 1)])
    parser.add_argument("--numerical", action="store_true", help="only where kernels matter")
    given, arguments = options_and_pytest(argv)
    options = parser.parse_args(given)
    arguments = [*arguments, *NUMERICAL] if options.numerical else arguments
    ran, failed, absent = 0, [], []
    for kind in options.kinds:
        if reason := missing(kind):
            print(f"\n== {kind} == left out: {reason}")
            absent.append(kind)
            continue
        for threads in sorted(set(options.threads)):
            ran += 1
            if run(kind, threads, arguments):
                failed.append(f"{kind} with {threads}")
    print(verdict(ran, failed, absent))
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(main)
