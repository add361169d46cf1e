"""A chapter needs nothing but the wheel: no checkout, no neighbouring file, as on Colab."""

import json
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tools import cells, execution
from tools.common import CACHE, ROOT, chapters

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(900)]
CHAPTERS = [  # on the worker that ran the chapter at smoke, whose models it takes
    pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(path.stem))
    for path in chapters()
]
PROBE = "import fairtut as _f\nprint('FAIRTUT', _f.__file__)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel once."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("fairtut-*.whl")
    return built


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
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not {name.split("/")[0] for name in names} & {"tools", "tests", "results", "notebooks"}


@pytest.mark.parametrize("source", CHAPTERS)
def test_a_chapter_runs_alone_in_an_empty_folder(source, wheel, tmp_path):
    notebook = source.with_suffix(".ipynb")
    key = execution.cache_key(notebook, {"alone": True})
    mark = CACHE / f"alone-{source.stem}.json"
    if mark.is_file() and json.loads(mark.read_text())["key"] == key:
        return  # the same chapter, package and environment have passed before
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
         "--target", str(installed), str(wheel)],
        check=True,
    )  # fmt: skip
    models = tmp_path / "models"
    shutil.copytree(execution.cached(notebook).notebook.parent / "models", models)
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
    assert said.split()[1].startswith(str(installed)), said
    assert (empty / "results").is_dir(), "the record goes to results_dir below the working folder"
    CACHE.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({"key": key}))
    shutil.rmtree(installed)
