"""Every chapter runs at smoke within its budget and leaves a valid record.

The execution is kept under ``_build/cache`` until the chapter, the package, the claims, the
records, the requirements or the Python version change; `make book` uses the same one.
"""

import pytest

from tools import cells, execution
from tools.common import chapters

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(900)]
CHAPTERS = [  # a chapter's run stays on one worker, beside those of other chapters
    pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(path.stem))
    for path in chapters()
]
# times the loop of tools/calibration.py: a minute after imports where that takes .07 s
CPU_BUDGET = 850


@pytest.fixture(scope="module", params=CHAPTERS)
def run(request):
    """Return (source, cached execution at smoke)."""
    return request.param, execution.cached(request.param.with_suffix(".ipynb"))


def test_smoke_runs_and_shows_something(run):
    source, done = run
    executed = cells.code_cells(cells.read(done.notebook))
    assert all(cell.execution_count for cell in executed if cell.source.strip())
    assert any(cell.outputs for cell in executed)
    injected = [cell for cell in executed if "injected-parameters" in cells.tags(cell)]
    assert len(injected) == 1, source


def test_smoke_stays_within_its_cpu_budget(run):
    _, done = run
    used = done.cpu_seconds - done.import_cpu_seconds
    assert used <= CPU_BUDGET * done.calibration_seconds, done


def test_smoke_writes_a_valid_record(run):
    from fairtut.page.results import load_records

    source, done = run
    chapter = source.stem.split("_", 1)[1]
    records = [r for r in load_records(done.results) if r.chapter == chapter]
    (record,) = [r for r in records if (r.preset, r.data) == ("smoke", "synthetic")]
    assert record.measurements
