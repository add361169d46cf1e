"""The cluster's files: a job is alone, stops whole, and the rules know every chapter."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tools.common import chapters

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflow"
ALONE = WORKFLOW / "alone"
SNAKEMAKE = shutil.which(os.environ.get("SNAKEMAKE", "snakemake"))


def waited(true, seconds=30):
    """Wait until something holds, at most so long."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def lives(pid):
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_is_the_commands(status):
    assert subprocess.run([ALONE, "bash", "-c", f"exit {status}"], check=False).returncode == status


def test_each_job_has_a_folder_of_its_own_that_does_not_stay():
    told = [
        subprocess.run([ALONE, "bash", "-c", "echo $IPYTHONDIR; test -d $IPYTHONDIR"],
                       capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]  # fmt: skip
    assert len(set(told)) == 2
    assert not any(Path(folder).exists() for folder in told)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", ["stopped", "ended"])
def test_nothing_is_left_over(tmp_path, how):
    """A kernel that ignores being asked, under a command that is stopped or ends by itself."""
    told = tmp_path / "pid"
    stay = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    last = "time.sleep(600)" if how == "stopped" else "time.sleep(1)"
    program = (
        "import pathlib, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {stay!r}])\n"
        f"pathlib.Path({str(told)!r}).write_text(str(child.pid))\n{last}"
    )
    job = subprocess.Popen([ALONE, sys.executable, "-c", program])
    assert waited(lambda: told.exists() and told.read_text(encoding="utf-8"))
    kernel = int(told.read_text(encoding="utf-8"))
    assert lives(kernel)
    if how == "stopped":
        job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=60) == (143 if how == "stopped" else 0)
    assert waited(lambda: not lives(kernel))


def test_the_rules_know_every_chapter():
    text = (WORKFLOW / "Snakefile").read_text(encoding="utf-8")
    known = re.search(r'^KNOWN = "([^"]+)"', text, re.MULTILINE)[1].split()
    assert known == [source.stem[3:] for source in chapters()]


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_profiles_take_up_what_was_left(name):
    given = yaml.safe_load(
        (WORKFLOW / "profiles" / name / "config.yaml").read_text(encoding="utf-8")
    )
    assert given["rerun-incomplete"]
    assert given["keep-going"]
    assert given["retries"] >= 1


@pytest.mark.skipif(SNAKEMAKE is None, reason="snakemake is not installed")
def test_the_plan_has_every_share_once(tmp_path):
    done = subprocess.run(
        [SNAKEMAKE, "-s", WORKFLOW / "Snakefile", "--profile", WORKFLOW / "profiles/local", "-n",
         "-d", tmp_path, "--config", "chapters=faap,lassi", "preset=smoke", "shards=3"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = set(re.findall(r"fairtut cells (\w+) .*? --shard (\d)/3", done.stdout + done.stderr))
    assert told == {(c, str(n)) for c in ("faap", "lassi") for n in (1, 2, 3)}
