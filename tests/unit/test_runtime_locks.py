"""One maker at a time, and no lock that stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fairtut.runtime import inventory, locks
from fairtut.runtime.locks import beside, locked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")
HOLDER = """
import sys, time
from pathlib import Path
from fairtut.runtime.locks import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_threads_take_turns_and_nothing_is_left(tmp_path: Path) -> None:
    """Many threads open, lock and remove the same file; two within at once would be counted."""
    path, inside, most = tmp_path / "new" / "one.lock", [0], [0]

    def work() -> None:
        for _ in range(20):
            with locked(path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0002)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert list(path.parent.iterdir()) == []


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as holder:  # fmt: skip
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        got = threading.Event()

        def take() -> None:
            with locked(path):
                got.set()

        waiting = threading.Thread(target=take)
        waiting.start()
        assert not got.wait(0.3), "two processes had the lock"
        holder.kill()
        assert got.wait(60), "the lock of a killed process was not given back"
        waiting.join()
    assert not path.exists()


def test_an_error_within_gives_the_lock_back(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with pytest.raises(ZeroDivisionError), locked(path):
        _ = 1 / 0
    with locked(path):
        assert path.exists()


def test_where_no_lock_can_be_written_the_work_goes_on_or_the_error_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "one.lock"
    ran = []
    with locked(path):
        ran.append(1)
    assert ran == [1]
    with pytest.raises(OSError), locked(path, strict=True):
        ran.append(2)
    assert ran == [1]


def test_a_system_without_locks_works_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with locked(tmp_path / "one.lock", strict=True):
        assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_a_kill_left_is_removed_after_a_day(tmp_path: Path) -> None:
    left = beside(tmp_path / "cells" / "0f.npz")
    left.parent.mkdir()
    left.touch()
    assert locks.beside(Path("a/b.pt")) == Path("a/.b.pt.lock")
    assert [item.state for item in inventory.survey(tmp_path, {})] == [inventory.UNKNOWN]
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    assert [item.state for item in inventory.survey(tmp_path, {})] == [inventory.STALE]
