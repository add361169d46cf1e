"""The command line: run a chapter, read the verdicts, look after data, cache and installation.

======  ============================================================================================
status  meaning
======  ============================================================================================
0       done
1       something that nobody foresaw, in one line (``FAIRTUT_DEBUG=1`` shows where); of ``audit``
        also: a limit is exceeded or could not be measured
2       an error that names its fix: ``error: ...``
130     interrupted
======  ============================================================================================

Importing this module is cheap: each command imports what it needs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fairtut import __version__, gate
from fairtut.errors import CorruptFile, FairtutError, InputError
from fairtut.running import Stopped, execute, find_chapter, home_of, is_run_of

if TYPE_CHECKING:
    from fairtut.data.files import Status
    from fairtut.evidence.verdicts import Verdict


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``fairtut``; default the process's own.
    """
    debug = os.environ.get("FAIRTUT_DEBUG", "") not in ("", "0")
    arguments = parser().parse_args(argv)
    try:
        status = arguments.handler(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has seen enough, as in `fairtut results | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        deliberate = isinstance(error, FairtutError | Stopped)
        text = str(error) if deliberate else f"{type(error).__name__}: {error}"
        print(f"error: {' '.join(text.split())}", file=sys.stderr)
        return 2 if isinstance(error, FairtutError) else 1
    return int(status or 0)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="fairtut", description="Five papers on fair machine learning, rebuilt and measured."
    )
    top.add_argument("--version", action="version", version=f"fairtut {__version__}")
    commands = top.add_subparsers(metavar="command", required=True)

    run = commands.add_parser("run", help="execute a chapter and write its record")
    run.add_argument("chapter", help="frtrain, 01_frtrain or a path to an .ipynb")
    run.add_argument("--preset", default="laptop", help="smoke, laptop (default) or paper")
    run.add_argument("--data", default="synthetic", help="synthetic (default) or real")
    run.add_argument("--seed", type=int, default=0, help="the root seed (default 0)")
    run.add_argument("--trainings", help="how often everything is trained: 3, 6, 12, or 3:6")
    run.add_argument("--results-dir", type=Path, help="where the record goes (default results)")
    run.add_argument("--out", type=Path, help="the executed notebook (default in _build/runs)")
    run.set_defaults(handler=_run)

    cells = commands.add_parser("cells", help="run a share of a chapter's cells and keep them")
    cells.add_argument("chapter", help="faap or 02_faap")
    cells.add_argument("--preset", default="laptop", help="smoke, laptop (default) or paper")
    cells.add_argument("--data", default="synthetic", help="synthetic (default) or real")
    cells.add_argument("--seed", type=int, default=0, help="the root seed (default 0)")
    cells.add_argument("--shard", default="1/1", help="which share, such as 3/16 (default all)")
    cells.add_argument("--trainings", help="how often everything is trained: 3, 6 or 12")
    cells.add_argument("--jobs", type=int, help="cells at once on a CPU (default the preset's)")
    cells.set_defaults(handler=_cells)

    campaign = commands.add_parser("campaign", help="work on all chapters for some minutes")
    campaign.add_argument("--preset", default="laptop", help="smoke, laptop (default) or paper")
    campaign.add_argument("--data", default="synthetic", help="synthetic (default) or real")
    campaign.add_argument("--seed", type=int, default=0, help="the root seed (default 0)")
    campaign.add_argument("--minutes", type=float, default=9.0, help="of this call (default 9)")
    campaign.add_argument("--chapters", help="only these, such as faap,lassi (default all)")
    campaign.add_argument("--plan", action="store_true", help="say what is to do, and do nothing")
    campaign.add_argument("--results-dir", type=Path, help="where records go (default results)")
    campaign.set_defaults(handler=_campaign)
    compare = commands.add_parser("compare", help="put a method of your own beside all others")
    compare.add_argument("method", help="mymodule:MyMethod, or what an installed package offers")
    compare.add_argument("--preset", default="laptop", help="smoke, laptop (default) or paper")
    compare.add_argument("--data", default="synthetic", help="synthetic (default) or real")
    compare.add_argument("--seed", type=int, default=0, help="the root seed (default 0)")
    compare.add_argument("--jobs", type=int, help="cells at once on a CPU (default the preset's)")
    compare.set_defaults(handler=_compare)

    results = commands.add_parser("results", help="show claims and their verdicts")
    results.add_argument("--paper", help="only this paper")
    results.add_argument("--preset", help="judge by this preset's records only")
    results.add_argument("--results-dir", type=Path, help="other records than the committed ones")
    results.add_argument("--json", action="store_true", help="a list of objects")
    results.set_defaults(handler=_results)

    report = commands.add_parser("report", help="write a paper's reproducibility report")
    report.add_argument("chapter", help="faap, 02_faap or a path to an .ipynb")
    report.add_argument("--results-dir", type=Path, help="other records than the committed ones")
    report.add_argument("--claims", action="store_true", help="the claims, to check and to sign")
    report.set_defaults(handler=_report)

    new = commands.add_parser("new", help="begin a chapter in a checkout")
    actions = new.add_subparsers(metavar="action", required=True)
    begin = actions.add_parser("chapter", help="lay out its files, and say what is left to do")
    begin.add_argument("name", help="a lower-case word, which names its package")
    begin.set_defaults(handler=_new_chapter)

    gate.add(commands)

    data = commands.add_parser("data", help="list, fetch and verify data sets")
    actions = data.add_subparsers(metavar="action", required=True)
    listing = actions.add_parser("list", help="what is here, and under which terms")
    listing.set_defaults(handler=_data_list)
    get = actions.add_parser("get", help="fetch a data set and verify it")
    get.add_argument("name")
    get.set_defaults(handler=_data_get)
    verify = actions.add_parser("verify", help="compare digests of one or of all data sets")
    verify.add_argument("name", nargs="?")
    verify.set_defaults(handler=_data_verify)

    cache = commands.add_parser("cache", help="look after what is kept of earlier runs")
    actions = cache.add_subparsers(metavar="action", required=True)
    prune = actions.add_parser("prune", help="remove what no code of this version can reach")
    prune.add_argument("--dry-run", action="store_true", help="say what would go, and keep it")
    prune.set_defaults(handler=_cache_prune)
    pack = actions.add_parser("pack", help="write what another machine can go on with into a file")
    pack.add_argument("file", type=Path)
    pack.add_argument("--most", type=float, default=60.0, help="megabytes (default 60)")
    pack.set_defaults(handler=_cache_pack)
    unpack = actions.add_parser("unpack", help="add what such a file holds")
    unpack.add_argument("file", type=Path)
    unpack.set_defaults(handler=_cache_unpack)

    doctor = commands.add_parser("doctor", help="say what this installation has and lacks")
    doctor.set_defaults(handler=_doctor)
    return top


# --- run ------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace) -> None:
    from fairtut.evidence import looks
    from fairtut.runtime.presets import PRESETS, check_mode, choose

    choose(dict.fromkeys(PRESETS), arguments.preset)
    check_mode(arguments.data)
    notebook = find_chapter(arguments.chapter)
    home = home_of(notebook)
    parameters = {"preset": arguments.preset, "data": arguments.data, "seed": arguments.seed}
    seed = f"-seed{arguments.seed}" if arguments.seed else ""
    asked = looks.asked() if arguments.trainings is None else looks.parsed(arguments.trainings)
    seed += "" if asked.trainings is None else f"-trainings{asked.trainings}"
    name = f"{notebook.stem}-{arguments.preset}-{arguments.data}{seed}.ipynb"
    out = (arguments.out or home / "_build" / "runs" / name).resolve()
    if out.exists() and not is_run_of(out, notebook, parameters):
        raise InputError(
            f"{out} exists and is no earlier run of {notebook.stem} with these parameters: name "
            "another file with --out"
        )
    if arguments.results_dir is not None:
        parameters["results_dir"] = str(arguments.results_dir.resolve())
    execute(notebook, out, parameters, home, {looks.VARIABLE: arguments.trainings})
    print(f"executed notebook: {out}")


# --- cells ----------------------------------------------------------------------------------


def _cells(arguments: argparse.Namespace) -> None:
    from fairtut import shards
    from fairtut.evidence import looks

    asked = (arguments.preset, arguments.data, arguments.seed, arguments.shard, arguments.jobs)
    wanted = looks.asked() if arguments.trainings is None else looks.parsed(arguments.trainings)
    filled = shards.fill(arguments.chapter, *asked, wanted.trainings)
    print(filled)


# --- campaign -------------------------------------------------------------------------------


def _campaign(arguments: argparse.Namespace) -> None:
    from fairtut import campaign

    names = arguments.chapters.split(",") if arguments.chapters else None
    folder = arguments.results_dir and str(arguments.results_dir.resolve())
    asked = campaign.Asked(arguments.preset, arguments.data, arguments.seed, folder)
    if not arguments.plan:
        campaign.go(asked, arguments.minutes, names)
    print(*campaign.lines(campaign.plan(asked, names)), sep="\n")


# --- compare --------------------------------------------------------------------------------


def _compare(arguments: argparse.Namespace) -> None:
    from fairtut.comparing import compare

    asked = (arguments.preset, arguments.data, arguments.seed, arguments.jobs)
    print(compare(arguments.method, *asked))


# --- results --------------------------------------------------------------------------------


def _results(arguments: argparse.Namespace) -> None:
    from fairtut.evidence.standing import remarks
    from fairtut.page.results import (
        judge,
        judge_messages,
        load_claims,
        load_messages,
        load_records,
    )

    records = load_records(arguments.results_dir)
    verdicts = judge(load_claims(arguments.paper), records, arguments.preset)
    if arguments.json:
        import json

        found = [verdict.as_dict() for verdict in verdicts]
        print(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False))
        return
    print(_verdict_lines(verdicts))
    for one in judge_messages(load_messages(arguments.paper), verdicts):
        print(f"{one.paper}: {one.verdict}: {one.says} ({one.reason})")
    chapters = {claim.chapter for claim in load_claims(arguments.paper)}
    print(*remarks(r for r in records if r.chapter in chapters), sep="\n")


def _verdict_lines(verdicts: Sequence[Verdict]) -> str:
    """Return the table for a terminal, and the count of each verdict."""
    import shutil
    from collections import Counter

    from fairtut.evidence.spelling import NOTHING, number, points
    from fairtut.page.scoreboard import GROUPS, group
    from fairtut.page.tables import aligned, interval, reason

    rows = []
    for v in verdicts:
        delta, n = v.values["delta_points"], v.values["trainings"]
        rows.append(
            [
                f"{v.paper} {v.id}",
                number(v.values["paper"]),
                interval(v.values),
                str(n or NOTHING),
                NOTHING if delta is None else points(delta),
                v.verdict,
                reason(v.as_dict()),
            ]
        )
    heads = ["claim", "paper", "ours [95 % interval]", "n", "Δ points", "verdict", "reason"]
    text = aligned(heads, rows)
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(
            line if len(line) <= width else line[: width - 1] + "…" for line in text.splitlines()
        )
    counts: dict[str, Counter[str]] = {title: Counter() for title in GROUPS.values()}
    for v in verdicts:
        if v.repeats is None:
            counts[GROUPS[group(v)]][v.verdict] += 1
    totals = [
        f"{title}: " + ", ".join(f"{n} {word}" for word, n in sorted(words.items()))
        for title, words in counts.items()
        if words
    ]
    return "\n".join([text, "", *(totals or ["no claims"])])


# --- report ---------------------------------------------------------------------------------


def _report(arguments: argparse.Namespace) -> None:
    from fairtut import report

    if arguments.claims:
        print(report.sheet(arguments.chapter), end="")
    else:
        print(report.report(arguments.chapter, arguments.results_dir), end="")


# --- new ------------------------------------------------------------------------------------


def _new_chapter(arguments: argparse.Namespace) -> None:
    from fairtut import scaffold

    root = scaffold.checkout(Path.cwd())
    print(scaffold.told(*scaffold.chapter(arguments.name, root), root))


# --- data -----------------------------------------------------------------------------------


def _data_list(arguments: argparse.Namespace) -> None:
    from fairtut.data import files

    print(_status_lines(files.status()))
    print(f"\nfolder: {files.data_root()} (FAIRTUT_DATA sets another)")


def _data_get(arguments: argparse.Namespace) -> None:
    from fairtut.data import files

    located = files.get(arguments.name)
    print(f"{located.source}\n{located.dataset.terms}\n{located.folder}")


def _data_verify(arguments: argparse.Namespace) -> None:
    from fairtut.data import files

    if arguments.name is not None:
        print(f"verified: {files.verify(arguments.name).source}")
        return
    found = files.status(deep=True)
    print(_status_lines(found))
    corrupt = [entry for entry in found if entry.state == "corrupt"]
    if corrupt:
        raise CorruptFile("; ".join(entry.detail for entry in corrupt))


def _status_lines(entries: Sequence[Status]) -> str:
    from fairtut.page.tables import aligned

    rows = [[e.name, e.state, e.licence, "; ".join(filter(None, [e.detail, e.terms]))]
            for e in entries]  # fmt: skip
    return aligned(["data set", "state", "licence", "detail and terms"], rows)


# --- cache ----------------------------------------------------------------------------------


def _cache_prune(arguments: argparse.Namespace) -> None:
    from fairtut import doctor
    from fairtut.runtime import inventory

    root, items = doctor.kept()
    print(*inventory.lines(items), f"folder {root} (FAIRTUT_CACHE sets another)", sep="\n")
    stale = [item for item in items if item.state == inventory.STALE]
    if not stale:
        print("nothing to remove")
    elif arguments.dry_run:
        print("--dry-run: nothing was removed")
    else:
        inventory.prune(items, root)
        print(f"removed what no code of this version can reach: {inventory.amount(stale)}")


def _cache_pack(arguments: argparse.Namespace) -> None:
    from fairtut import packed

    print(packed.pack(arguments.file, arguments.most))


def _cache_unpack(arguments: argparse.Namespace) -> None:
    from fairtut import packed

    print(f"{packed.unpack(arguments.file)} new files")


# --- doctor ---------------------------------------------------------------------------------


def _doctor(arguments: argparse.Namespace) -> None:
    from fairtut import doctor

    print(doctor.report())
