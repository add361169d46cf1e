"""The engine with a toy chapter: kept, resumed, shared, failing and killed cells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairtut.errors import CellFailed, InputError, MissingData
from fairtut.lab import grid, plan
from fairtut.lab.grid import Cell, Spec
from fairtut.runtime import keep

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which each making leaves a file; the cache lies beside it."""
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


def noted(folder: Path, name: str, seed: int) -> None:
    """Note that a cell was made; from any process, twice gives two files."""
    (folder / f"{name} {seed} {os.getpid()} {time.monotonic_ns()}").touch()


def made(folder: Path) -> dict[str, int]:
    """Return how often each cell was made."""
    return dict(Counter(" ".join(file.name.split()[:2]) for file in folder.iterdir()))


def toy(folder: Path, width: int = 3) -> dict[str, Spec]:
    """Return a base, two methods that need it, and one that needs nothing."""
    # local functions, so that they travel to other processes by value
    note = noted

    def base(folder: Path, seed: int) -> dict[str, Any]:
        note(folder, "base", seed)
        return {"x": np.random.default_rng(seed).normal(size=3)}

    def method(folder: Path, name: str, power: int, seed: int, base: dict[str, Any]) -> Any:
        note(folder, name, seed)
        return base["x"] ** power

    def alone(folder: Path, seed: int) -> float:
        note(folder, "alone", seed)
        return 0.1 * seed

    first = Spec("base", partial(base, folder), {"width": width})
    return {
        "base": first,
        "square": Spec("square", partial(method, folder, "square", 2), 2, (first,)),
        "cube": Spec("cube", partial(method, folder, "cube", 3), 3, (first,)),
        "alone": Spec("alone", partial(alone, folder), None),
    }


def listed(folder: Path, seeds: range = range(2), width: int = 3) -> list[Cell]:
    specs = toy(folder, width)
    return grid.cells([specs[name] for name in ("square", "cube", "alone")], seeds)


def same(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return list(one) == list(other) and all(np.array_equal(one[key], other[key]) for key in one)


ONCE = {f"{name} {seed}": 1 for name in ("base", "square", "cube", "alone") for seed in (0, 1)}


# --- making and finding again -----------------------------------------------------------------


def test_results_stand_under_name_and_seed_and_needs_come_first(folder: Path) -> None:
    found = grid.run(listed(folder))
    names = [("square", 0), ("cube", 0), ("alone", 0), ("square", 1), ("cube", 1), ("alone", 1)]
    assert list(found) == names
    x = np.random.default_rng(1).normal(size=3)
    np.testing.assert_array_equal(found["cube", 1], x**3)
    assert made(folder) == ONCE, "a dependency is made once for all that need it"


def test_a_second_run_makes_nothing_and_gives_the_same(folder: Path) -> None:
    first, second = (grid.run(listed(folder)) for _ in range(2))
    assert made(folder) == ONCE
    assert same(first, second)


def test_more_seeds_make_only_the_new_ones(folder: Path) -> None:
    grid.run(listed(folder, range(1)))
    grid.run(listed(folder, range(2)))
    assert made(folder) == ONCE


def test_a_change_below_makes_all_that_needs_it_again(folder: Path) -> None:
    grid.run(listed(folder, range(1)))
    grid.run(listed(folder, range(1), width=4))
    assert made(folder) == {"base 0": 2, "square 0": 2, "cube 0": 2, "alone 0": 1}


def test_a_dependency_that_nobody_waits_for_is_not_made_again(folder: Path) -> None:
    cells = listed(folder)
    grid.run(cells)
    base = toy(folder)["base"]
    about = {"config": base.config, "seed": 0, "needs": []}
    keep.place(base.make, about)[0].unlink()
    grid.run(cells)
    assert made(folder) == ONCE
    grid.run(grid.cells([base], [0]))  # somebody asks for it
    assert made(folder) == ONCE | {"base 0": 2}


def test_a_damaged_cell_is_made_again(folder: Path) -> None:
    grid.run(listed(folder))
    about = {"config": None, "seed": 0, "needs": []}
    path, _ = keep.place(toy(folder)["alone"].make, about)
    path.write_bytes(path.read_bytes()[:-1])
    grid.run(listed(folder))
    assert made(folder) == ONCE | {"alone 0": 2}


def test_results_that_cannot_be_kept_on_disk_are_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = grid.run(listed(folder))
    monkeypatch.setenv("FAIRTUT_CACHE", str(folder.parent / "other"))
    monkeypatch.setattr(keep, "write", lambda *_: None)
    assert same(grid.run(listed(folder)), wanted)


def test_two_specs_of_one_name_are_told_apart(folder: Path) -> None:
    one, other = toy(folder)["alone"], Spec("alone", lambda seed: seed, None)
    with pytest.raises(InputError, match="'alone'"):
        grid.run(grid.cells([one, other], [0]))
    assert list(grid.run(grid.cells([one, one], [0]))) == [("alone", 0)]


def test_nothing_asked_for_is_nothing() -> None:
    assert grid.run([]) == {}


# --- where cells run --------------------------------------------------------------------------


def test_an_absent_device_is_one_sentence_before_anything_runs(folder: Path) -> None:
    with pytest.raises(InputError, match=r"device 'cuda:63' cannot be used here"):
        grid.run(listed(folder), device="cuda:63")
    assert made(folder) == {}


@pytest.mark.parametrize(
    ("device", "at_once"), [("cpu", 4), ("cuda", 1), ("cuda:1", 1), ("mps", 1)]
)
def test_an_accelerator_is_not_shared(device: str, at_once: int) -> None:
    assert grid.workers(4, device) == at_once


def test_one_thread_per_cell_whatever_was_set() -> None:
    import torch

    from fairtut.runtime.threads import torch_threads

    with torch_threads(2):
        found = grid.run([Cell(Spec("threads", lambda _: torch.get_num_threads(), None), 0)])
        assert torch.get_num_threads() == 2
    assert found == {("threads", 0): 1}


class Lazy(Executor):
    """Runs a task when somebody asks for it, and notes which: an executor that nobody foresaw."""

    def __init__(self) -> None:
        self.tasks = 0
        self.closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks += 1
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=work).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.closed = True


def test_any_executor_gives_the_same_and_stays_open(folder: Path) -> None:
    lazy = Lazy()
    found = grid.run(listed(folder), executor=lazy)
    assert made(folder) == ONCE
    assert lazy.tasks == len(ONCE) and not lazy.closed
    assert same(found, grid.run(listed(folder)))
    with ThreadPoolExecutor(2) as pool:
        grid.run(listed(folder), executor=pool)
    assert made(folder) == ONCE


@pytest.mark.slow
def test_processes_give_the_same_to_the_digit(folder: Path, monkeypatch: Any) -> None:
    wanted = grid.run(listed(folder))
    for number, pool in enumerate((None, ProcessPoolExecutor(1, mp_context=get_context("spawn")))):
        cache = folder.parent / f"cache {number}"
        monkeypatch.setenv("FAIRTUT_CACHE", str(cache))
        found = grid.run(listed(folder), jobs=2, executor=pool)
        assert same(found, wanted)
        assert {path.suffix for path in (cache / "cells").iterdir()} == {".npz"}, "no plan is left"
        if pool is not None:
            pool.shutdown()
    assert made(folder) == dict.fromkeys(ONCE, 3)
    pids = {file.name.split()[2] for file in folder.iterdir()}
    assert len(pids) >= 3, "the cells ran in processes of their own"


def test_a_worker_on_another_machine_is_refused(folder: Path) -> None:
    asked = plan.Plan.of(listed(folder), __import__("torch").device("cpu"))
    asked.home = -1  # as in a worker
    assert asked.work(("alone", 0)) == 0
    asked.machine = asked.machine | {"processor": "ABACUS"}
    with pytest.raises(InputError, match="ABACUS"):
        asked.work(("alone", 1))


# --- failing ----------------------------------------------------------------------------------


def failing(folder: Path, error: Exception) -> list[Cell]:
    """Return the toy's cells, of which base fails for seed 0 until a file says that it is well."""
    specs = toy(folder)
    well = folder.parent / "well"

    def base(make: Any, seed: int) -> Any:
        if seed == 0 and not well.exists():
            raise error
        return make(seed)

    first = Spec("base", partial(base, specs["base"].make), {})
    needing = [Spec(n, specs[n].make, specs[n].config, (first,)) for n in ("square", "cube")]
    return grid.cells([*needing, specs["alone"]], range(2))


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_failing_cell_is_named_when_all_others_are_kept(folder: Path, jobs: int) -> None:
    rest = {name: 1 for name in ONCE if name not in ("base 0", "square 0", "cube 0")}
    with pytest.raises(CellFailed) as caught:
        grid.run(failing(folder, KeyError("lost")), jobs=jobs)
    text = str(caught.value)
    assert "\n" not in text
    assert "cell 'base' with seed 0 failed: KeyError: 'lost'" in text
    assert "4 of 6 cells are kept" in text
    assert isinstance(caught.value.__cause__, KeyError)
    assert made(folder) == rest
    (folder.parent / "well").touch()  # mended: only what was missing is made
    assert len(grid.run(failing(folder, KeyError("lost")), jobs=jobs)) == 6
    assert made(folder) == ONCE


def test_a_deliberate_error_speaks_for_itself(folder: Path) -> None:
    with pytest.raises(CellFailed, match=r"failed: no file here\. 4 of 6"):
        grid.run(failing(folder, MissingData("no file here")))


def test_several_failures_are_counted() -> None:
    def never(seed: int) -> int:
        raise ValueError(seed)

    with pytest.raises(CellFailed, match=r"ValueError: 0; so did 'a' with seed 1.* and more"):
        grid.run(grid.cells([Spec("a", never, None)], range(9)))


def test_what_cannot_be_kept_is_an_error_of_its_cell() -> None:
    with pytest.raises(CellFailed, match=r"cell 'odd' with seed 0 .*a set cannot be kept"):
        grid.run([Cell(Spec("odd", lambda seed: {seed}, None), 0)])


def test_an_interrupt_passes_and_what_is_done_is_kept(folder: Path) -> None:
    specs = toy(folder)

    def stop(seed: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grid.run(grid.cells([specs["alone"], Spec("stop", stop, None)], range(2)))
    assert made(folder) == {"alone 0": 1}
    grid.run(grid.cells([specs["alone"]], range(2)))
    assert made(folder) == {"alone 0": 1, "alone 1": 1}


@posix
@pytest.mark.slow
def test_a_killed_worker_is_one_sentence_and_a_second_run_goes_on(folder: Path) -> None:
    well = folder.parent / "well"

    def dies(seed: int) -> int:
        if not well.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return seed

    specs = [toy(folder)["alone"], Spec("dies", dies, None)]
    grid.run(grid.cells(specs[:1], range(2)))
    with pytest.raises(CellFailed, match=r"'dies' with seed \d failed: a process .* was killed"):
        grid.run(grid.cells(specs, range(2)), jobs=2)
    well.touch()
    found = grid.run(grid.cells(specs, range(2)), jobs=2)
    assert found["dies", 1] == 1
    assert made(folder) == {"alone 0": 1, "alone 1": 1}


# --- shards -----------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_shards_are_a_partition_and_nearly_even(of: int) -> None:
    parts = [grid.shard(range(23), part, of) for part in range(1, of + 1)]
    assert sorted(one for part in parts for one in part) == list(range(23))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("part", "of"), [(0, 2), (3, 2), (-1, 2), (1, 0)])
def test_a_shard_that_is_none_is_refused(part: int, of: int) -> None:
    with pytest.raises(InputError, match=f"shard {part}/{of}"):
        grid.shard("ab", part, of)


# A chapter in a script: each cell takes a moment, and notes when it begins and ends.  Its
# processes are forks, since the imports cost seconds and the chapter a part of one.
TOY = """
import json, os, signal, sys, time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from fairtut.lab import grid
from fairtut.lab.grid import Spec

home = Path(sys.argv[1])


def note(name, seed, what):
    folder = Path(os.environ["FAIRTUT_CACHE"], "notes")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{seed} {what} {os.getpid()}").touch()


def noted(cache, what):
    names = [file.name.split() for file in (home / cache / "notes").iterdir()]
    return Counter(name for name, said, _ in names if said == what)


def base(seed):
    note("base", seed, "begun")
    time.sleep(0.3)
    note("base", seed, "done")
    return np.random.default_rng(seed).normal(size=3)


def method(power, seed, x):
    note(f"power{power}", seed, "begun")
    time.sleep(0.15)
    note(f"power{power}", seed, "done")
    return x ** power


first = Spec("base", base, None)
specs = [Spec(f"power{p}", partial(method, p), p, (first,)) for p in (1, 2, 3)]
cells = grid.cells(specs, range(2))


def begin(shard, cache):
    pid = os.fork()
    if pid == 0:
        try:
            os.environ["FAIRTUT_CACHE"] = str(home / cache)
            found = grid.run(grid.shard(cells, *map(int, shard.split("/"))))
            told = [[*key, *map(float.hex, value.tolist())] for key, value in found.items()]
            (home / f"{os.getpid()}.json").write_text(json.dumps(told))
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def end(pid):
    assert os.waitpid(pid, 0)[1] == 0
    return json.loads((home / f"{pid}.json").read_text())

"""
TOGETHER = """
both = [begin("1/1", "shared") for _ in range(2)]
found = [end(pid) for pid in both]
left = {path.suffix for path in (home / "shared" / "cells").iterdir()}
print(json.dumps([found, noted("shared", "begun"), noted("shared", "done"), list(left)]))
"""
SHARDS = """
killed, other = begin("1/2", "shared"), begin("2/2", "shared")
until = time.monotonic() + 120
while not list((home / "shared").glob(f"notes/* begun {killed}")):
    assert time.monotonic() < until
    time.sleep(0.002)
os.kill(killed, signal.SIGKILL)
hit = os.WIFSIGNALED(os.waitpid(killed, 0)[1])
again = begin("1/2", "shared")
parts = end(again) + end(other)
shards = [noted("shared", "begun"), noted("shared", "done")]
whole = end(begin("1/1", "shared"))
alone = end(begin("1/1", "own"))
print(json.dumps([hit, parts, shards, whole, noted("shared", "begun"), alone]))
"""
NAMES = ("base", "power1", "power2", "power3")
ALL = {f"{name}-{seed}": 1 for name in NAMES for seed in (0, 1)}


def script(tmp_path: Path, scenario: str) -> Any:
    program = tmp_path / "toy.py"
    program.write_text(TOY + scenario)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@posix
def test_two_processes_that_want_the_same_cells_make_each_once(tmp_path: Path) -> None:
    (first, second), begun, ended, left = script(tmp_path, TOGETHER)
    assert first == second and len(first) == 6
    assert begun == ended == ALL
    assert left == [".npz"], "no lock is left"


@posix
def test_two_shards_one_killed_and_started_again_are_one_run(tmp_path: Path) -> None:
    """Nothing is made twice but the one cell that the kill cut off; all values are equal."""
    hit, parts, (begun, ended), whole, after, alone = script(tmp_path, SHARDS)
    assert hit, "the kill came too late to say anything"
    assert ended == ALL
    assert sum(begun.values()) <= len(ALL) + 1
    assert after == begun, "the whole run makes nothing"
    assert whole == alone
    assert sorted(parts) == sorted(alone)


@pytest.mark.slow
def test_joblib_works_in_a_process_whose_grid_has_run() -> None:
    """Joblib shares one pool with everybody and cannot work with one that is not its own."""
    code = """
import math, tempfile
from unittest import mock
import os
from joblib import Parallel, delayed
from fairtut.lab.grid import Spec, cells, run

with tempfile.TemporaryDirectory() as here, mock.patch.dict(os.environ, FAIRTUT_CACHE=here):
    spec = Spec("root", math.sqrt, config=1)
    wanted = cells([spec], seeds=range(4))
    first = run(wanted, jobs=2)
    assert Parallel(n_jobs=2)(delayed(math.sqrt)(i) for i in range(4)) == list(first.values())
    assert run(cells([spec], seeds=range(8)), jobs=2)["root", 7] == math.sqrt(7)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
