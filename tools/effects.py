"""How firmly do pinned runs show their effects?  The same chapters with other seeds.

    python -m tools.effects [--preset smoke] [--seeds 1:11] [notebooks ...]

A run of every push asserts what its page says (:mod:`fairtut.page.effects`).  It has one seed, so
an effect that is there by luck stays unnoticed until another processor rounds otherwise: a
training that gets stuck with one seed in ten gets stuck on one machine in ten, too.  Other seeds
are runs with chance drawn anew, and cost nothing but time.  An effect may be absent with
:data:`FEW` of the seeds at most.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fairtut.page.effects import NOTED
from tools import notebooks
from tools.common import BUILD, exit_with

FEW: Final = 0.1
"""Share of seeds with which an asserted effect may be absent."""


def counted(lines: Iterable[str]) -> dict[str, list[int]]:
    """Return with which seeds each asserted effect is absent (-1 stands for present), by sentence.

    Examples
    --------
    >>> line = '{"sentence": "it falls", "there": %s, "asserted": true, "seed": %d}'
    >>> counted([line % ("true", 1), line % ("false", 2)])
    {'it falls': [-1, 2]}
    """
    found: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        one = json.loads(line)
        if one["asserted"]:
            found[one["sentence"]].append(-1 if one["there"] else one["seed"])
    return dict(found)


def loose(found: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Return what to say of each effect that is absent with too many seeds.

    Examples
    --------
    >>> loose({"it falls": [-1] * 9 + [4], "it rises": [-1] * 8 + [4, 7]})
    {'it rises': 'absent with seeds 4, 7 (2 of 10)'}
    """
    said = {}
    for sentence, seeds in found.items():
        absent = sorted({seed for seed in seeds if seed >= 0})
        if len(absent) > FEW * len(seeds):
            named = ", ".join(map(str, absent))
            said[sentence] = f"absent with seeds {named} ({len(absent)} of {len(seeds)})"
    return said


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chapters with every seed, and say which effects hold by luck."""
    parser = argparse.ArgumentParser(prog="python -m tools.effects", description=__doc__)
    parser.add_argument("notebooks", nargs="*", help="default: every chapter")
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--seeds", default="1:11", help="first:last+1")
    options = parser.parse_args(argv)
    first, last = (int(part) for part in options.seeds.split(":"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ[NOTED] = str(Path(folder) / "effects.jsonl")
        for seed in range(first, last):
            out = BUILD / "effects" / str(seed)
            failed |= notebooks.execute(
                options.notebooks, options.preset, "synthetic", out, seed, None, 2
            )
        noted = Path(os.environ[NOTED])
        lines = noted.read_text(encoding="utf-8").splitlines() if noted.is_file() else []
    found = counted(lines)
    wrong = loose(found)
    for sentence, says in wrong.items():
        print(f"{says}: {sentence}", file=sys.stderr)
    print(f"{len(found)} asserted effects, {len(wrong)} hold by luck")
    return int(bool(failed or wrong or not found))


if __name__ == "__main__":
    exit_with(main)
