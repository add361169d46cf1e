"""What no program can catch, kill -9 and a full disk: the result is the same, or one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KILLS = 8
TOY = """
import json, os, random, signal, sys, time
from pathlib import Path

import torch
from torch import nn

from fairtut.errors import MissingData
from fairtut.runtime.checkpoints import load_or_train, state_digest
from fairtut.runtime.fit import Draws, descend, fit
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)


def toy(folder):
    rng, noise = torch_rng(0, "net"), torch_rng(0, "noise")
    x, net, made = torch.randn(64, 5, generator=rng), nn.Linear(5, 1), [0]
    with torch.no_grad():
        net.weight.normal_(generator=rng)
        net.bias.zero_()

    def train(module, part):
        adam = torch.optim.Adam(module.parameters(), 0.05)

        def step(rows, done):
            made[0] += 1
            adam.param_groups[0]["lr"] = 0.05 * (1 - done)
            loss = module(x[rows] + torch.randn(8, 5, generator=noise)).square().mean()
            descend(adam, loss)
            return {"loss": loss}

        keep = {"net": module, "adam": adam, "noise": Draws(noise)}
        history = fit(64, step, epochs=30, batch=8, seed=3, keep=keep, checkpoint=part)
        return {"history": history, "steps": int(adam.state[module.bias]["step"])}

    card = load_or_train(net, {"what": "toy"}, train, Path(folder), resumable=True)
    card["digest"] = state_digest(net)
    return {"card": card, "made": made[0]}


def forked(work):
    # the imports cost seconds, the toy a part of one
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid
"""
KILLED = """
folder, kills = sys.argv[1], int(sys.argv[2])
first = toy(folder + "/whole")  # here, so that what takes time at a first call is behind the forks
start = time.monotonic()
os.waitpid(forked(lambda: toy(folder + "/timed")), 0)
whole = time.monotonic() - start
hits = 0
for number in range(kills):
    pid = forked(lambda: toy(folder + "/killed"))
    time.sleep(random.Random(number).uniform(0, 1.6 * whole / kills))
    os.kill(pid, signal.SIGKILL)
    hits += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
print(json.dumps([first, toy(folder + "/killed"), hits]))
"""
FULL = """
import resource

room = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    toy(sys.argv[1])
except MissingData as error:
    print(error)
"""


def run(tmp_path: Path, script: str, argument: int) -> str:
    """Run the toy; from a file, because the code of a training is in its key."""
    program = tmp_path / "toy.py"
    program.write_text(TOY + script)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "kept"), str(argument)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_at_any_moment_changes_nothing(tmp_path: Path) -> None:
    """Eight kills at random moments: the same weights, history and number of steps."""
    found: list[Any] = json.loads(run(tmp_path, KILLED, KILLS))
    whole, killed, hits = found
    assert hits >= KILLS // 2, "the kills came too late to say anything"
    for one in (whole, killed):
        one["card"].pop("loaded")
    assert killed["card"] == whole["card"] and whole["card"]["steps"] == whole["made"] == 240
    assert killed["made"] < 240, "it went on from what a kill left"
    left = {path.suffix for path in (tmp_path / "kept" / "killed").iterdir()}
    assert left <= {".pt", ".tmp"} and ".pt" in left


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the size of files")
def test_a_full_disk_is_one_sentence_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: also torch's own writer meets it."""
    (sentence,) = run(tmp_path, FULL, 1000).splitlines()
    assert ".part in " in sentence and "set FAIRTUT_CACHE to a folder with room" in sentence
    assert list((tmp_path / "kept").iterdir()) == []
    assert run(tmp_path, FULL, 1 << 20) == ""  # with room, the same training ends
    assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".pt"]
