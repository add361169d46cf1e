"""``fairtut audit``: its options, what it prints, and the status that a gate reads.

Importing this module is cheap: the work is imported when the command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtut.audit.measured import Audit


def add(commands: Any) -> None:
    """Add the command to the parsers of the command line."""
    audit = commands.add_parser(
        "audit",
        help="audit any model's decisions: all metrics, limits, controls",
        description="Audit the decisions in a text table with one person a line. Exit status: 0 "
        "no limit is exceeded, 1 a limit is exceeded or not measured, 2 bad input.",
    )
    audit.add_argument("predictions", type=Path, help="a CSV file with a header")
    audit.add_argument("--y", required=True, metavar="COL", help="the labels")
    audit.add_argument(
        "--s",
        action="append",
        default=[],
        metavar="COL[,COL]",
        help="who is in which group; several columns: their combinations",
    )
    audit.add_argument(
        "--members",
        action="append",
        default=[],
        metavar="COL,COL",
        help="instead of --s: a column of 0 and 1 for each of two or more overlapping groups",
    )
    audit.add_argument("--y-hat", metavar="COL", help="the decisions")
    audit.add_argument("--score", metavar="COL", help="the scores, higher for the favourable class")
    audit.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="instead of --y-hat: decided for above it (default .5 in [0, 1])",
    )
    audit.add_argument("--weight", metavar="COL", help="how much each person counts")
    audit.add_argument("--positive", metavar="VALUE", help="the favourable label")
    audit.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="METRIC=NUMBER",
        help="largest gap, or least ratio, that is allowed; may be repeated",
    )
    audit.add_argument("--strict", action="store_true", help="fail where a limit is undecided, too")
    audit.add_argument("--resamples", type=int, default=1000, metavar="R", help="default 1000")
    audit.add_argument("--seed", type=int, default=0, help="of the resamples (default 0)")
    audit.add_argument("--html", type=Path, metavar="FILE", help="write one page")
    audit.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    audit.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Audit, write what was asked for, and return the status for a gate."""
    from fairtut.audit import Limit, audit, read

    limits = [Limit.of(text) for text in arguments.limit]
    given = read(
        arguments.predictions,
        y=arguments.y,
        s=_split(arguments.s),
        members=_split(arguments.members),
        y_hat=arguments.y_hat,
        score=arguments.score,
        weight=arguments.weight,
        positive=arguments.positive,
        threshold=arguments.threshold,
    )
    found = audit(
        given.y,
        given.y_hat,
        given.s[0] if len(given.s) == 1 else (list(given.s) or None),
        members=given.members or None,
        score=given.score,
        sample_weight=given.weight,
        positive=given.positive,
        limits=limits,
        n_resamples=arguments.resamples,
        seed=arguments.seed,
        notes=given.notes,
    )
    print(_lines(found))
    _write(found, arguments)
    return 1 if found.fails(arguments.strict) else 0


def _split(columns: Sequence[str]) -> list[str]:
    return [name.strip() for text in columns for name in text.split(",") if name.strip()]


def _lines(found: Audit) -> str:
    """What a terminal shows: the definitions, the limits, the notes."""
    from fairtut.audit.sheet import written
    from fairtut.page.tables import aligned

    rows = [[name, written(one)] for name, one in found.definitions.items()]
    text = aligned(["metric", "value [95 % interval]"], rows)
    limits = [
        f"limit {one.limit.metric} {one.limit.sign} {one.limit.bound:g}: {one.answer}"
        for one in found.judged
    ]
    return "\n".join([text, "", *found.notes, *limits]).rstrip()


def _write(found: Audit, arguments: argparse.Namespace) -> None:
    import json

    from fairtut.audit.sheet import sheet
    from fairtut.errors import InputError
    from fairtut.runtime.io import atomic_write_text

    for path, what in ((arguments.html, "html"), (arguments.json, "json")):
        if path is None:
            continue
        if path.resolve() == arguments.predictions.resolve():
            raise InputError(f"--{what} {path} would overwrite the predictions")
        if not path.resolve().parent.is_dir():  # a word spelled wrongly makes no folder
            raise InputError(f"--{what} {path} cannot be written: there is no such folder")
        if what == "html":
            text = sheet(found, title=arguments.predictions.name)
        else:
            text = json.dumps(found.as_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        try:
            atomic_write_text(path, text)
        except OSError as error:
            raise InputError(f"--{what} {path} cannot be written: {error.strerror}") from None
        print(f"written: {path}")
