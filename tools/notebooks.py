"""The chapters' life: pair, execute, commit outputs, check.

Examples
--------
::

    python -m tools.notebooks pair
    python -m tools.notebooks execute notebooks/01_frtrain.ipynb --preset smoke --out _build/runs
    python -m tools.notebooks commit-outputs notebooks/01_frtrain.ipynb
    python -m tools.notebooks check
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools import boxes, cells, execution, notebook_checks
from tools.common import BUILD, ToolError, chapters, exit_with, shown, write_atomically


def _sources(names: Sequence[str]) -> list[Path]:
    """Return the ``.py`` sources for the notebooks named, all chapters where none is.

    A name is a path, or the chapter's own, with its number or without: ``frtrain``.
    """
    if not names:
        return chapters()
    short = {path.stem.lstrip("0123456789_"): path for path in chapters()}
    found = [
        Path(name).with_suffix(".py")
        if Path(name).with_suffix(".py").is_file()
        else short.get(Path(name).stem.lstrip("0123456789_"), Path(name).with_suffix(".py"))
        for name in names
    ]
    for path in found:
        if not path.is_file():
            known = ", ".join(shown(p.with_suffix(".ipynb")) for p in chapters()) or "none yet"
            raise ToolError(f"no source {shown(path)}: the chapters are {known}")
    return found


def pair(names: Sequence[str]) -> int:
    """Write each chapter's notebook from its source, keeping outputs."""
    for source in _sources(names):
        print(f"paired {shown(cells.pair(source))}")
    return 0


def execute(
    names: Sequence[str],
    preset: str,
    data: str,
    out: Path,
    seed: int | None = None,
    results_dir: str | None = None,
    jobs: int = 2,
) -> int:
    """Execute chapters into the folder `out`; return 1 if one fails."""
    parameters: dict[str, object] = {"preset": preset, "data": data}
    if seed is not None:
        parameters["seed"] = seed
    parameters["results_dir"] = results_dir or shown(out / "results")
    tasks = []
    for source in _sources(names):
        notebook = source.with_suffix(".ipynb")
        if not notebook.is_file():
            notebook = source
        target = out / f"{source.stem}-{preset}-{data}.ipynb"
        tasks.append(execution.job(notebook, target, parameters))
    outcomes = execution.run_jobs(tasks, jobs)
    for outcome in outcomes:
        print(f"wrote {shown(Path(outcome.out))}")
    return int(any(outcome.error for outcome in outcomes))


def commit_outputs(names: Sequence[str], preset: str | None, data: str | None, jobs: int) -> int:
    """Execute chapters with their own defaults and store the outputs in the paired notebooks."""
    for name, given in (("preset", preset), ("data", data)):
        if given not in (None, cells.PARAMETERS[name]):
            raise ToolError(
                f"committed outputs are those of the defaults, {name}={cells.PARAMETERS[name]!r}: "
                f"for {name}={given!r} use `execute`"
            )
    sources = _sources(names)
    with tempfile.TemporaryDirectory() as folder:
        tasks = [
            execution.job(cells.pair(source), Path(folder) / f"{source.stem}.ipynb", {})
            for source in sources
        ]
        outcomes = execution.run_jobs(tasks, jobs)
        for source, outcome in zip(sources, outcomes, strict=True):
            if not outcome.error:
                _store(source, Path(outcome.out))
    return int(any(outcome.error for outcome in outcomes))


def _store(source: Path, executed: Path) -> None:
    """Tidy, stamp and cap the executed notebook, then put it beside its source."""
    notebook = cells.tidy(cells.read(executed))
    boxes.renew(notebook)
    cells.stamp(notebook, source.stem)
    text = cells.dumps(notebook)
    size = len(text.encode())
    target = source.with_suffix(".ipynb")
    if size > cells.SIZE_CAP:
        kept = BUILD / "too-large" / target.name  # it took minutes to make
        write_atomically(kept, text)
        sizes = [(len(str(cell.get("outputs", ""))), i) for i, cell in enumerate(notebook.cells)]
        largest, number = max(sizes)
        raise ToolError(
            f"{shown(target)} would have {size} bytes, at most {cells.SIZE_CAP}: "
            f"cell {number} alone stores {largest} (it is kept as {shown(kept)})"
        )
    write_atomically(target, text)
    print(f"committed outputs of {shown(target)} ({size / 1000:.0f} kB)")


def check(names: Sequence[str]) -> int:
    """Print what is wrong with the chapters; return 1 if anything is."""
    sources = _sources(names)
    found = [line for source in sources for line in notebook_checks.problems(source)]
    for line in found:
        print(line, file=sys.stderr)
    print(f"notebooks: {len(sources)} checked, {len(found)} problems")
    return int(bool(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.notebooks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("pair", "write the .ipynb from the .py, keeping outputs"),
        ("execute", "execute into a folder"),
        ("commit-outputs", "execute with the defaults and store the outputs in the notebook"),
        ("check", "check the committed notebooks"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("notebooks", nargs="*", help="default: every chapter")
        if name in ("execute", "commit-outputs"):
            default = (None, None) if name == "commit-outputs" else ("smoke", "synthetic")
            command.add_argument("--preset", default=default[0])
            command.add_argument("--data", default=default[1])
            command.add_argument("--jobs", type=int, default=2, help="notebooks at a time")
        if name == "execute":
            command.add_argument("--out", type=Path, default=BUILD / "runs")
            command.add_argument("--seed", type=int)
            command.add_argument("--results-dir", help="where records go (default: OUT/results)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status."""
    args = _parser().parse_args(argv)
    if args.command == "pair":
        return pair(args.notebooks)
    if args.command == "check":
        return check(args.notebooks)
    if args.command == "commit-outputs":
        return commit_outputs(args.notebooks, args.preset, args.data, args.jobs)
    return execute(
        args.notebooks, args.preset, args.data, args.out, args.seed, args.results_dir, args.jobs
    )


if __name__ == "__main__":
    exit_with(main)
