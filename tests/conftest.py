"""What every test shares: one thread, no window, repeatable hypothesis examples."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Before anything imports torch: two threads on a shared two-core machine are slower than one.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `tools` is not installed by the wheel
    sys.path.insert(0, str(ROOT))

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the property tests then skip themselves
    pass
else:
    settings.register_profile(
        "suite",
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture
def quick_benchmark():
    """Return a function that runs a benchmark at a tiny size and gives its one JSON object."""

    def run(name, **environment):
        script = ROOT / "benchmarks" / f"{name}.py"
        done = subprocess.run(
            [sys.executable, str(script), "--quick"],
            env=os.environ | environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(autouse=True)
def _own_drawings():
    """Give the look of figures back as it was, and close them: both are the whole process's."""
    before = sys.modules.get("matplotlib")
    if before is not None:
        with before.rc_context():
            yield
    else:
        yield
        if (now := sys.modules.get("matplotlib")) is not None:
            now.rc_file_defaults()
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")


@pytest.fixture(autouse=True)
def _no_patched_verdicts(request):
    """Forget verdicts that were kept while a test had put something else in the records' place."""
    yield
    box = sys.modules.get("fairtut.page.box")
    if box is not None and "monkeypatch" in request.fixturenames:
        getattr(box.stands, "cache_clear", lambda: None)()
