"""The tools that repeat the tests: other instructions, other orders."""

import shutil
import subprocess
import sys
import textwrap

import pytest

from tools import processors, shuffle
from tools.common import ROOT


@pytest.fixture
def ran(monkeypatch):
    """What would have been run, in order; nothing is."""
    calls = []
    monkeypatch.setattr(
        processors, "run", lambda kind, threads, paths: calls.append((kind, threads, *paths)) or 0
    )
    return calls


def test_arguments_of_pytest_stand_behind_two_dashes(ran):
    call = ["--kinds", "native", "--threads", "1", "--", "tests/unit/test_tree.py", "-x"]
    assert processors.main(call) == 0
    assert ran == [("native", 1, "tests/unit/test_tree.py", "-x")]
    with pytest.raises(SystemExit):  # a path is not a number of threads, and is not lost either
        processors.main(["--threads", "1", "tests/unit/test_tree.py"])


def test_a_kind_that_is_not_there_has_not_passed(ran, monkeypatch, capsys):
    monkeypatch.setattr(
        processors, "missing", lambda kind: None if kind == "native" else "too old a processor"
    )
    assert processors.main(["--kinds", "avx2", "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ran == [] and lines[-1] == "nothing was run (left out: avx2)"
    assert any("too old a processor" in line for line in lines)
    assert processors.main(["--threads", "1", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "2 settings passed (left out: avx2, baseline)"
    )
    assert len(ran) == 2


def test_a_kind_that_fails_is_named(ran, monkeypatch, capsys):
    monkeypatch.setattr(processors, "missing", lambda kind: None)
    monkeypatch.setattr(processors, "run", lambda kind, threads, paths: kind == "avx2")
    assert processors.main(["--threads", "1", "2"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAILED: avx2 with 1, avx2 with 2"


def test_an_order_is_repeated_by_its_seed_and_finds_what_leans_on_another_test(tmp_path):
    (tmp_path / "test_leaning.py").write_text(
        textwrap.dedent("""
        seen = []
        def test_first():
            seen.append(1)
        def test_second():
            assert seen
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]

    def outcome(seed: int) -> int:
        order = ["--random-order-bucket=module", f"--random-order-seed={seed}"]
        return subprocess.run(
            [*command, *order], cwd=tmp_path, capture_output=True, check=False
        ).returncode

    outcomes = [outcome(seed) for seed in range(6)]
    assert set(outcomes) == {0, 1}  # one order in two has them the wrong way round
    assert [outcome(seed) for seed in range(2)] == outcomes[:2]


def test_a_seed_draws_what_terminals_countries_and_build_servers_set(monkeypatch, capsys):
    drawn = [shuffle.surroundings(seed) for seed in range(200)]
    assert shuffle.surroundings(7) == drawn[7]
    for name, values in shuffle.SURROUNDINGS.items():
        assert {one[name] for one in drawn} == set(values)
    started = []

    def pretend(command, *, cwd, env, check):
        started.append(env)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", pretend)
    monkeypatch.setenv("COLUMNS", "77")
    for seed in range(20):
        assert shuffle.run(seed, ["-x"]) == 0
    for seed, env in enumerate(started):
        assert {name: env.get(name) for name in shuffle.SURROUNDINGS} == drawn[seed]
    assert "seed 19 " in capsys.readouterr().out


def test_a_figure_that_a_test_leaves_open_is_nobody_elses(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_leaving.py").write_text(
        textwrap.dedent("""
        import matplotlib.pyplot as plt
        def test_first():
            plt.figure(num=7)
        def test_second():
            assert plt.get_fignums() == []
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_every_order_is_run_and_the_failed_ones_can_be_repeated(monkeypatch, capsys):
    seeds = []
    monkeypatch.setattr(shuffle, "run", lambda seed, paths: seeds.append(seed) or len(seeds) == 2)
    assert shuffle.main(["--runs", "3"]) == 1
    assert len(set(seeds)) == 3
    assert capsys.readouterr().out.splitlines()[-1] == f"FAILED with seed {seeds[1]}"
    assert shuffle.main(["--seed", str(seeds[1]), "--", "-x"]) == 0
    assert seeds[3] == seeds[1]
    with pytest.raises(SystemExit):
        shuffle.main(["--runs", "0"])
