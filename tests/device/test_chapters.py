"""Every chapter runs on the simulated device, and the device does the work (`make device`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.device.simulated import KIND, ROOT
from tools.common import chapters, child_environment

ON_CPU = {"01_frtrain"}
"""Small tabular models that train faster on a CPU: the chapter says so, and so does its record."""

pytestmark = pytest.mark.skipif(
    os.environ.get("FAIRTUT_DEVICE_CHAPTERS", "") in ("", "0"),
    reason="twenty minutes on two cores: `make device` runs it, and the nightly",
)


@pytest.mark.parametrize("double", [True, False], ids=["float64", "no-float64"])
@pytest.mark.parametrize("chapter", [path.stem for path in chapters()])
@pytest.mark.timeout(3000)
def test_a_chapter_runs_on_the_device(chapter: str, double: bool, tmp_path) -> None:
    program = [sys.executable, "-W", "ignore", "-m", "tests.device.chapter", chapter, str(tmp_path)]
    done = subprocess.run(
        [*program, *([] if double else ["--no-double"])],
        cwd=ROOT, env=child_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["bad"] == []
    assert seen["device"] == ("cpu" if chapter in ON_CPU else KIND)
    # what the record names did the work, and what it does not name did none
    assert seen["kernels"] == 0 if chapter in ON_CPU else seen["kernels"] > 1000
