"""Executing notebooks through papermill: one kernel each, one thread, two at a time, cached.

``python -m tools.execution`` is the worker: it reads one job as JSON from standard input and
writes one outcome as JSON to standard output.  A process per notebook keeps the environment of
the kernel under control and makes the kernel's CPU time measurable.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from tools import calibration, cells, processors
from tools.common import CACHE, ROOT, ToolError, child_environment, digest_of, shown

CELL_TIMEOUT = 3600  # seconds for one cell; the test suite sets its own limit per notebook


@dataclass(frozen=True)
class Job:
    """One notebook to execute.

    Attributes
    ----------
    notebook : str
        The ``.py`` or ``.ipynb`` to run.
    out : str
        Where the executed ``.ipynb`` goes.
    parameters : mapping
        Values for the parameters cell; empty means the notebook's defaults and no injected cell.
    label : str
        What the progress line calls it.
    cwd : str
        The kernel's working folder.
    """

    notebook: str
    out: str
    parameters: Mapping[str, Any]
    label: str
    cwd: str = str(ROOT)


@dataclass(frozen=True)
class Outcome:
    """What came of a :class:`Job`: wall seconds, the kernel's CPU seconds, the error if any."""

    out: str
    seconds: float
    cpu_seconds: float
    error: str | None


def job(notebook: Path, out: Path, parameters: Mapping[str, Any]) -> Job:
    """Build a job after checking that every parameter exists (papermill would only warn)."""
    source = cells.read(notebook)
    cell = cells.parameters_cell(source)
    known = (cells.literal_assignments(cell.source) or {}) if cell is not None else {}
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ToolError(
            f"{shown(notebook)} has no parameter {', '.join(unknown)}: its cell tagged "
            f"'parameters' defines {', '.join(known) or 'nothing'}"
        )
    values = {**known, **parameters}
    label = f"{notebook.stem} [{values.get('preset', '-')}, {values.get('data', '-')}]"
    return Job(str(notebook.resolve()), str(out.resolve()), dict(parameters), label)


def run_job(task: Job, environment: Mapping[str, str] | None = None) -> Outcome:
    """Execute one job in its own process; a failing cell is an outcome, not an exception.

    `environment` is added to what the kernel sees.
    """
    quiet = {"FAIRTUT_QUIET": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    began = time.monotonic()
    worker = subprocess.run(
        [sys.executable, "-m", "tools.execution"],
        input=json.dumps(asdict(task)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**child_environment(), **quiet, **(environment or {})},
        check=False,
    )
    if worker.returncode != 0:
        reason = (worker.stderr.strip().splitlines() or ["no message"])[-1]
        return Outcome(task.out, time.monotonic() - began, 0.0, reason)
    return Outcome(**json.loads(worker.stdout.splitlines()[-1]))


def run_jobs(
    tasks: Iterable[Job],
    jobs: int = 2,
    say: Callable[[str], None] = print,
    environment: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Execute the jobs, `jobs` at a time, with one line per notebook as it ends."""

    def one(task: Job) -> Outcome:
        outcome = run_job(task, environment)
        say(f"{task.label}: {outcome.seconds:.1f} s, {outcome.error or 'ok'}")
        return outcome

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return list(pool.map(one, tasks))


def _execute(task: Job) -> Outcome:
    """Worker side: run papermill and measure."""
    import resource

    import papermill
    from papermill.exceptions import PapermillExecutionError

    out = Path(task.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    source = Path(task.notebook)
    if source.suffix == ".py":  # papermill reads only .ipynb
        source = out.with_suffix(".source.ipynb")
        source.write_text(cells.dumps(cells.tidy(cells.read(Path(task.notebook)))))
    known = papermill.inspect_notebook(str(source))
    missing = sorted(set(task.parameters) - set(known))
    if missing:
        raise ToolError(f"papermill sees no parameter {', '.join(missing)} in {source.name}")
    began, error = time.monotonic(), None
    try:
        papermill.execute_notebook(
            str(source),
            str(out),
            parameters=dict(task.parameters),
            kernel_name="python3",
            cwd=task.cwd,
            progress_bar=False,
            execution_timeout=CELL_TIMEOUT,
        )
    except PapermillExecutionError as failure:
        error = f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}".splitlines()[0]
    finally:
        if source != Path(task.notebook):
            source.unlink(missing_ok=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Outcome(task.out, time.monotonic() - began, used.ru_utime + used.ru_stime, error)


# --- the cache ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cached:
    """A kept execution: the executed notebook, its records, and what it cost when it ran."""

    notebook: Path
    results: Path
    seconds: float
    cpu_seconds: float
    import_cpu_seconds: float
    calibration_seconds: float


def cache_key(notebook: Path, parameters: Mapping[str, Any], root: Path = ROOT) -> str:
    """Return the digest of everything that an execution depends on.

    The notebook's cells, the package (sources, claims, committed records), the requirements, the
    Python version, the kind of processor, and the versions of the numeric packages that are
    really installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    def installed(name: str) -> str:
        try:
            return f"{name}=={version(name)}"
        except PackageNotFoundError:
            return f"{name} missing"

    source = cells.read(notebook)
    body = json.dumps([[c.cell_type, c.source, cells.tags(c)] for c in source.cells])
    package = [
        path
        for path in (root / "fairtut").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".tmp"}
    ]
    records = [p for p in (root / "results").rglob("*.json") if not p.name.startswith("smoke-")]
    names = ("torch", "torchvision", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib")
    return digest_of(
        [*package, *records, root / "requirements.txt", root / "tools" / "execution.py"],
        body,
        json.dumps(dict(parameters), sort_keys=True),
        sys.version,
        processors.name(),
        *map(installed, names),
    )


def top_level_imports(notebook: Path) -> list[str]:
    """Return the import statements that stand at the top level of the notebook's cells."""
    found: list[str] = []
    for cell in cells.code_cells(cells.read(notebook)):
        try:
            body = ast.parse(cell.source).body
        except SyntaxError:  # a cell with magics imports nothing that we need to count
            continue
        found += [ast.unparse(n) for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    return found


def import_cpu_seconds(notebook: Path) -> float:
    """Measure the CPU seconds that a kernel of this notebook spends on starting and importing."""
    imports = "\n".join(top_level_imports(notebook))
    script = f"import time, ipykernel.ipkernel\n{imports}\nprint()\nprint(time.process_time())"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True, text=True, cwd=ROOT, env=child_environment(), check=False,
    )  # fmt: skip
    return float(done.stdout.split()[-1]) if done.returncode == 0 else 0.0


def cached(
    notebook: Path, preset: str = "smoke", data: str = "synthetic", cache: Path = CACHE
) -> Cached:
    """Return the execution of `notebook` at `preset`, from the cache where nothing has changed.

    Raises
    ------
    ToolError
        If a cell fails; the message names the cell, and the failed notebook is kept beside.
    """
    wanted = {"preset": preset, "data": data}
    name = f"{notebook.stem}-{preset}-{data}"
    results = cache.parent / "results"  # never the committed records
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):  # two tests may want the same chapter at once
        folder = cache / f"{name}-{cache_key(notebook, wanted)[:16]}"
        report = folder / "run.json"
        if not report.is_file():
            for old in cache.glob(f"{name}-*"):
                shutil.rmtree(old)
            _fill(notebook, {**wanted, "results_dir": shown(results)}, folder)
        else:
            print(f"{notebook.stem} [{preset}, {data}]: unchanged, from the cache")
        costs = json.loads(report.read_text())
    return Cached(folder / f"{notebook.stem}.ipynb", results, **costs)


def _fill(notebook: Path, parameters: Mapping[str, Any], folder: Path) -> None:
    """Execute into `folder`; ``run.json`` is written last and marks the entry as complete."""
    folder.mkdir(parents=True)
    out = folder / f"{notebook.stem}.ipynb"
    task = job(notebook, out, parameters)
    # models kept by an earlier version of the code must not stand in for training
    with calibration.beside() as speed:
        (outcome,) = run_jobs([task], jobs=1, environment={"FAIRTUT_CACHE": str(folder / "models")})
    if outcome.error:
        raise ToolError(f"{task.label} failed: {outcome.error} (see {shown(out)})")
    costs = {
        "seconds": round(outcome.seconds, 2),
        "cpu_seconds": round(outcome.cpu_seconds, 2),
        "import_cpu_seconds": round(import_cpu_seconds(notebook), 2),
        "calibration_seconds": round(speed(), 4),
    }
    (folder / "run.json").write_text(json.dumps(costs) + "\n")


if __name__ == "__main__":
    print(json.dumps(asdict(_execute(Job(**json.load(sys.stdin))))))
