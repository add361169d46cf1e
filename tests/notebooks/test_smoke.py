"""Every chapter runs at smoke within its budget, leaves a valid record, and needs only the wheel.

Nothing is measured for nobody: what a run measures is named by a claim or read by the chapter.

The execution is kept under ``_build/cache`` until the chapter, the package, the claims, the
records, the requirements or the Python version change; `make book` uses the same one.  One test a
chapter does everything, so that two workers run two chapters and neither waits for the other.
"""

import json
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tools import cells, execution
from tools.common import CACHE, ROOT, chapters

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(1800)]
CHAPTERS = [pytest.param(path, id=path.stem) for path in chapters()]
# times the loop of tools/calibration.py: a minute after imports where that takes .048 s, the least
# of the processors tried.  (Where it takes .07 s a minute is 850: wide vectors help the loop more
# than they help the small convolutions of chapters, so the shorter loop sets the number.)
CPU_BUDGET = 1250
PROBE = "import json as _j, fairtut as _f\nprint(_j.dumps([_f.__file__, record.unused()]))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel once for each worker."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("fairtut-*.whl")
    return built


@pytest.mark.parametrize("source", CHAPTERS)
def test_a_chapter_runs_in_the_checkout_and_alone(source, wheel, tmp_path):
    done = execution.cached(source.with_suffix(".ipynb"))
    check_cells(done)
    check_budget(done)
    check_record(source, done)
    check_alone(source, done, wheel, tmp_path)


def check_cells(done):
    """Every cell was executed, something is shown, and the parameters were injected once."""
    executed = cells.code_cells(cells.read(done.notebook))
    assert all(cell.execution_count for cell in executed if cell.source.strip())
    assert any(cell.outputs for cell in executed)
    injected = [cell for cell in executed if "injected-parameters" in cells.tags(cell)]
    assert len(injected) == 1


def check_budget(done):
    """A minute of CPU after imports, on a machine of the speed that it had beside."""
    used = done.cpu_seconds - done.import_cpu_seconds
    assert used <= CPU_BUDGET * done.calibration_seconds, done


def check_record(source, done):
    """The chapter left one record of this size, and it has measurements."""
    from fairtut.page.results import load_records

    chapter = source.stem.split("_", 1)[1]
    records = [r for r in load_records(done.results) if r.chapter == chapter]
    (record,) = [r for r in records if (r.preset, r.data) == ("smoke", "synthetic")]
    assert record.measurements


def check_alone(source, done, wheel, tmp_path):
    """A chapter needs nothing but the wheel, as on Colab, and uses all that it measures."""
    notebook = source.with_suffix(".ipynb")
    key = execution.cache_key(notebook, {"alone": PROBE})
    mark = CACHE / f"alone-{source.stem}.json"
    if mark.is_file() and json.loads(mark.read_text())["key"] == key:
        return  # the same chapter, package and environment have passed before
    installed, empty, models = (tmp_path / name for name in ("installed", "empty", "models"))
    empty.mkdir()
    shutil.copytree(done.notebook.parent / "models", models)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
         "--target", str(installed), str(wheel)],
        check=True,
    )  # fmt: skip
    copy = cells.read(notebook)
    copy.cells.append(nbformat.v4.new_code_cell(PROBE))
    alone = empty / notebook.name
    alone.write_text(cells.dumps(copy))
    job = execution.job(alone, tmp_path / "out.ipynb", {"preset": "smoke"})
    outcome = execution.run_job(
        execution.Job(job.notebook, job.out, job.parameters, job.label, cwd=str(empty)),
        {"PYTHONPATH": str(installed), "FAIRTUT_CACHE": str(models)},
    )
    assert outcome.error is None
    said = cells.code_cells(cells.read(tmp_path / "out.ipynb"))[-1].outputs[0].text
    package, unused = json.loads(said)
    assert package.startswith(str(installed)), said
    assert not unused, f"no claim names and no cell reads {unused}: do not measure them"
    assert (empty / "results").is_dir(), "the record goes to results_dir below the working folder"
    CACHE.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({"key": key}))
    shutil.rmtree(installed)


def test_the_wheel_holds_claims_records_and_types_but_no_smoke_run(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "fairtut/py.typed" in names
    claims = {f"fairtut/claims/{p.name}" for p in (ROOT / "fairtut/claims").glob("*.yaml")}
    records = {
        f"fairtut/_results/{p.relative_to(ROOT / 'results').as_posix()}"
        for p in (ROOT / "results").rglob("*.json")
        if not p.name.startswith("smoke-")
    }
    assert claims <= names
    assert records == {name for name in names if name.startswith("fairtut/_results/")}
    chapters_carried = {f"fairtut/_notebooks/{path.stem}.ipynb" for path in chapters()}
    assert chapters_carried == {name for name in names if name.startswith("fairtut/_notebooks/")}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not {name.split("/")[0] for name in names} & {"tools", "tests", "results", "notebooks"}
