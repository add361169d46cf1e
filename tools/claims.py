"""Check the claims against their committed digests, and write new ones where each has its reason.

Examples
--------
::

    python -m tools.claims            # new digests, if every change has a dated reason
    python -m tools.claims --check    # only say what is wrong
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from fairtut.errors import FairtutError
from fairtut.evidence import changes
from fairtut.evidence.claims import CLAIMS_DIR
from tools.common import ToolError, exit_with, shown, write_atomically


def files(folder: Path = CLAIMS_DIR) -> list[Path]:
    """Return the claims files."""
    return sorted(folder.glob("*.yaml"))


def problems(folder: Path = CLAIMS_DIR) -> list[str]:
    """Return how the claims differ from their committed digests."""
    before = changes.committed(folder / changes.DIGESTS.name)
    papers = {path.stem for path in files(folder)}
    gone = [f"digests.json: there is no {name}.yaml" for name in sorted(set(before) - papers)]
    return gone + [
        line for path in files(folder) for line in changes.problems(path, before.get(path.stem, {}))
    ]


def stamp(folder: Path = CLAIMS_DIR) -> Path:
    """Write the digests of all claims.

    Raises
    ------
    ToolError
        If a claim has changed and no new entry of ``changes`` names it.
    """
    target = folder / changes.DIGESTS.name
    before = changes.committed(target) if target.is_file() else {}
    for path in files(folder):
        if found := changes.unexplained(path, before.get(path.stem, {})):
            raise ToolError(found[0] + (f" (and {len(found) - 1} more)" if found[1:] else ""))
    states = {path.stem: changes.state(path) for path in files(folder)}
    write_atomically(target, json.dumps(states, indent=1, ensure_ascii=False) + "\n")
    return target


def main(argv: Sequence[str] | None = None) -> int:
    """Write the digests, or only check them."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.claims",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    try:
        if not parser.parse_args(argv).check:
            print(f"wrote {shown(stamp())}")
            return 0
        found = problems()
    except FairtutError as error:
        raise ToolError(str(error)) from error
    print("\n".join([*found, f"claims: {len(files())} files checked, {len(found)} problems"]))
    return int(bool(found))


if __name__ == "__main__":
    exit_with(main)
