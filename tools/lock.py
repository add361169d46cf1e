"""Write and check ``requirements.lock``: each package of the published site, by version and digest.

    python -m tools.lock [--upgrade]

A user's install stays loose (``requirements.txt``, ``pyproject.toml``).  The published pages are
built from the lock alone (``LOCKED=1 make env``), so that they can be built again, and so that a
file that somebody put in the place of another is refused.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tools.common import ROOT, ToolError, exit_with, shown

PYTHON: Final = "3.13"
"""The oldest Python that the lock serves; the published site is built with it."""
LOCK: Final = ROOT / "requirements.lock"
REQUIREMENTS: Final = ROOT / "requirements.txt"
COMPILE: Final = (
    "pip", "compile", "--quiet", "--universal", "--generate-hashes", f"--python-version={PYTHON}",
    "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
)  # fmt: skip
# What moves a package's source away from the registry that everybody shares, or picks another
# build of torch: its digests would be those of other files.
_ELSEWHERE: Final = ("UV_TORCH_BACKEND", "UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}(?=\s|\\|$)")
_ADDRESS: Final = re.compile(r"\w+://|(?m:^\s*-\S+)|(?m:^\s*[./~]\S*)|\s@\s")


def entries(text: str) -> Iterator[tuple[str, int]]:
    """Yield each requirement of a file of requirements with the number of its hashes."""
    for line in text.replace("\\\n", " ").splitlines():
        wanted = _HASH.sub("", line).split(" #")[0].strip()
        if wanted and not wanted.startswith("#"):
            yield wanted, len(_HASH.findall(line))


def problems(requirements: str, lock: str) -> Iterator[str]:
    """Yield what is wrong with a lock, one line each.

    Parameters
    ----------
    requirements, lock : str
        The texts of both files.
    """
    if found := _ADDRESS.search(re.sub(r"\\\n\s*", " ", lock)):
        yield f"the lock names an address, a path or an option: {found.group(0).strip()!r}"
        return
    pinned: dict[str, list[str]] = {}
    for text, hashes in entries(lock):
        try:
            one = Requirement(text)
        except InvalidRequirement:
            yield f"the lock has a line that is no requirement: {text}"
            continue
        versions = [part.version for part in one.specifier if part.operator == "=="]
        if len(versions) != 1 or len(one.specifier) != 1:
            yield f"{one.name} is not pinned to one version: {text}"
        elif not hashes:
            yield f"{one.name} has no hash"
        else:
            pinned.setdefault(canonicalize_name(one.name), []).append(versions[0])
    for text, _ in entries(requirements):
        one = Requirement(text)
        versions = pinned.get(canonicalize_name(one.name), [])
        if not versions:
            yield f"{one.name} is in requirements.txt and not in the lock"
        for version in versions:
            if not one.specifier.contains(version, prereleases=True):
                yield f"requirements.txt asks for {text}, the lock has {version}"


def find_uv() -> str:
    """Return the path of uv: this environment's, or the one that is installed.

    Raises
    ------
    ToolError
        If there is none; pip writes no lock with hashes.
    """
    beside = Path(sys.executable).with_name("uv")
    if found := str(beside) if beside.is_file() else shutil.which("uv"):
        return found
    raise ToolError("uv writes the lock and is not installed: pip install uv")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the lock and check it."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="the newest versions allowed")
    upgrade = ["--upgrade"] if parser.parse_args(argv).upgrade else []
    settings = {k: v for k, v in os.environ.items() if k not in _ELSEWHERE}
    command = [find_uv(), *COMPILE, *upgrade, "-o", LOCK.name, REQUIREMENTS.name]
    done = subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ToolError(f"uv could not write the lock: {' '.join(done.stderr.split())}")
    text = LOCK.read_text("utf-8")
    if wrong := list(problems(REQUIREMENTS.read_text("utf-8"), text)):
        raise ToolError("; ".join(wrong))
    print(f"wrote {shown(LOCK)}: {sum(1 for _ in entries(text))} packages")
    return 0


if __name__ == "__main__":
    exit_with(main)
