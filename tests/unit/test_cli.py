"""The command line: what it prints, how it ends, and that an error is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import fairtut
from fairtut import cli, doctor, running
from fairtut.data import files
from fairtut.errors import InputError, UnknownName
from fairtut.evidence import claims, records
from fairtut.evidence.records import Record

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = """\
paper: toy
title: Toy
authors: Ada
venue: ICML
year: 2020
citation: toy
chapter: 07_toy
claims:
- {id: a.acc, where: T1, says: It is so., kind: number, metric: accuracy, unit: fraction,
   value: 0.8, tolerance: 2}
- {id: b.gap, where: T2, says: It grows., kind: direction, metric: gap, unit: fraction,
   direction: positive}
"""
CODE = """\
import os
from pathlib import Path
from fairtut.errors import InputError
Path(results_dir).mkdir(parents=True, exist_ok=True)
(Path(results_dir) / "seen.txt").write_text(f"{preset} {data} {seed} {Path.cwd().name}")
(Path(results_dir) / "trainings.txt").write_text(os.environ.get("FAIRTUT_TRAININGS", "none"))
if seed == 1:
    raise InputError("the rate must be below 1:\\n pass rate=0.5")
if seed == 2:
    1 / 0
"""


@pytest.fixture(autouse=True)
def _no_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAIRTUT_DEBUG", raising=False)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One paper with two claims, and a results folder that decides the first."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "toy.yaml").write_text(CLAIMS)
    monkeypatch.setattr(claims, "CLAIMS_DIR", tmp_path / "claims")
    record = Record("toy", "laptop", "synthetic")
    record.measure("a.acc", [0.80, 0.81, 0.82], n=100, unit="fraction")
    record.save(tmp_path / "results")
    smoke = Record("toy", "smoke", "synthetic")
    smoke.measure("b.gap", [0.1, 0.1], n=10, unit="fraction")
    smoke.save(tmp_path / "results")
    return tmp_path


def notebook_of(*cells: Any) -> Any:
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "x", "language": "python"}
    return notebook


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with notebooks/07_toy.ipynb that writes down its parameters."""
    parameters = 'preset = "laptop"\ndata = "synthetic"\nseed = 0\nresults_dir = "results"'
    cell = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook = notebook_of(cell, nbformat.v4.new_code_cell(CODE))
    for name in ("07_toy", "11_other"):
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
    monkeypatch.chdir(tmp_path)
    # the kernel's environment is this process's own: put back what the command changes
    for name in ("PYTHONPATH", "JUPYTER_PATH", "MPLBACKEND", "FAIRTUT_QUIET"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return tmp_path


def error_of(capsys: pytest.CaptureFixture[str], *words: str, status: int = 2) -> str:
    """Run a command that must fail; return its only line on standard error."""
    assert cli.main(words) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


# --- the command as a program ---------------------------------------------------------------


def program(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairtut", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_knows_its_version_and_its_status() -> None:
    done = program("--version")
    assert (done.returncode, done.stdout) == (0, f"fairtut {fairtut.__version__}\n")
    failed = program("run", "frtrain", "--preset", "labtop")
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: unknown preset 'labtop'")
    assert "did you mean 'laptop'" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    assert failed.stdout == ""


def test_the_command_line_imports_nothing_heavy() -> None:
    script = (
        "import sys, fairtut.cli as c; c.parser()\n"
        "print(sorted({'torch', 'numpy', 'pandas', 'matplotlib', 'scipy', 'yaml', 'papermill'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 2
    assert "usage: fairtut" in capsys.readouterr().err


# --- how errors end -------------------------------------------------------------------------


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def handler(_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_doctor", handler)


def test_an_unforeseen_error_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, RuntimeError("two\nlines"))
    assert error_of(capsys, "doctor", status=1) == "error: RuntimeError: two lines"


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, InputError("x"))
    monkeypatch.setenv("FAIRTUT_DEBUG", "1")
    with pytest.raises(InputError):
        cli.main(["doctor"])
    monkeypatch.setenv("FAIRTUT_DEBUG", "0")
    assert cli.main(["doctor"]) == 2


def test_an_interrupt_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m fairtut results | head -n 1"
    done = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("claim")


# --- results --------------------------------------------------------------------------------


def test_results_as_a_table(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["results", "--results-dir", str(toy / "results")]) == 0
    head, first, second, _, total, old = capsys.readouterr().out.splitlines()
    assert "half-width of 2.5" in first
    assert head.split()[:2] == ["claim", "paper"]
    assert "toy a.acc" in first
    assert "0.800  0.810 [0.785, 0.835]   3  +1.0" in first.replace("  3", "   3")
    assert first.index("consistent") == second.index("not tested")
    assert total == "What the paper claims: 1 consistent, 1 not tested"
    assert old.startswith("Made before records named their code: toy/laptop-synthetic")


def test_results_as_json(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["results", "--json", "--results-dir", str(toy / "results")]) == 0
    found = json.loads(capsys.readouterr().out)
    told = {"paper", "id", "parent", "source", "kind", "verdict", "reason", "values", "decide"}
    assert all(told <= set(entry) for entry in found)
    assert [entry["verdict"] for entry in found] == ["consistent", "not tested"]
    assert found[0]["values"]["ours"] == pytest.approx(0.81)


def test_results_of_one_preset_and_one_paper(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["results", "--json", "--results-dir", str(toy / "results")]
    assert cli.main([*words, "--preset", "smoke", "--paper", "toy"]) == 0
    verdicts = [entry["verdict"] for entry in json.loads(capsys.readouterr().out)]
    assert verdicts == ["not tested", "trend reproduced"]
    assert "unknown paper 'toi'" in error_of(capsys, "results", "--paper", "toi")
    assert "unknown preset" in error_of(capsys, "results", "--preset", "big")
    assert "nowhere" in error_of(capsys, "results", "--results-dir", "nowhere")


def test_a_spoilt_record_is_one_line(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (toy / "results" / "toy" / "paper-real.json").write_text("{")
    line = error_of(capsys, "results", "--results-dir", str(toy / "results"))
    assert "toy/paper-real.json" in line


def test_the_committed_results_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["results", "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), list)


# --- data -----------------------------------------------------------------------------------


def test_data_list_and_get_of_embedded_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    assert cli.main(["data", "list"]) == 0
    text = capsys.readouterr().out
    for entry in files.status():
        (line,) = [x for x in text.splitlines() if x.startswith(f"{entry.name} ")]
        assert entry.state in line
        assert entry.terms in line
    assert str(tmp_path) in text
    assert cli.main(["data", "get", "zafar"]) == 0
    assert cli.main(["data", "verify", "zafar"]) == 0
    assert "verified" in capsys.readouterr().out
    assert "unknown data set" in error_of(capsys, "data", "get", "adlut")


def test_what_is_missing_or_corrupt_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    assert "adult.data" in error_of(capsys, "data", "verify", "adult")
    (tmp_path / "adult").mkdir()
    for name in ("adult.data", "adult.test"):
        (tmp_path / "adult" / name).write_text("not the data")
    assert cli.main(["data", "verify"]) == 2
    out, err = capsys.readouterr()
    assert "corrupt" in out
    assert err.startswith("error: ")
    assert "adult.data" in err


def test_verifying_everything_goes_on_after_a_corrupt_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [
        files.Status(name, name, "CC0", "free", state, Path(), f"{name} detail")
        for name, state in (("a", "corrupt"), ("b", "verified"), ("c", "corrupt"))
    ]
    monkeypatch.setattr(files, "status", lambda deep=False: made if deep else [])
    assert cli.main(["data", "verify"]) == 2
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["a", "corrupt"],
        ["b", "verified"],
        ["c", "corrupt"],
    ]
    assert err == "error: a detail; c detail\n"


# --- doctor ---------------------------------------------------------------------------------


def test_the_doctor_reports_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    for part in ("versions", "device", "compiler", "extras", "data", "records", "cache", "disk"):
        assert f"\n{part} " in text
    assert f"fairtut {fairtut.__version__}" in text
    assert f"of {os.cpu_count()} cores" in text


def test_the_doctor_survives_what_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "laptop-synthetic.json").write_text("{")
    monkeypatch.setattr(records, "committed_results", lambda: tmp_path)
    monkeypatch.setattr(doctor, "EXTRAS", {"peers": ("no_such_package", "json")})
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "problem: toy/laptop-synthetic.json" in text
    assert "peers: missing no_such_package: pip install 'fairtut[peers]'" in text


# --- run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["toy", "07_toy", "notebooks/07_toy.ipynb"])
def test_a_chapter_is_found_by_each_of_its_names(house: Path, name: str) -> None:
    assert running.find_chapter(name) == house / "notebooks" / "07_toy.ipynb"


def test_a_chapter_is_found_from_below(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (house / "book" / "deep").mkdir(parents=True)
    monkeypatch.chdir(house / "book" / "deep")
    assert running.find_chapter("toy").name == "07_toy.ipynb"


def test_an_installed_package_carries_its_chapters(
    house: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They run in the current folder, also where that has notebooks of the reader's own."""
    package = tmp_path / "site" / "fairtut"
    (package / "_notebooks").mkdir(parents=True)
    (package / "_notebooks" / "01_frtrain.ipynb").write_text("{}")
    monkeypatch.setattr(running, "__file__", str(package / "running.py"))
    found = running.find_chapter("frtrain")
    assert found == package / "_notebooks" / "01_frtrain.ipynb"
    assert running.home_of(found) == Path.cwd() == house
    assert running.find_chapter("toy") == house / "notebooks" / "07_toy.ipynb"
    assert running.home_of(house / "notebooks" / "07_toy.ipynb") == house
    assert running.home_of(house / "elsewhere" / "a.ipynb") == house / "elsewhere"
    (tmp_path / "bare").mkdir()
    assert running.find_chapter("01_frtrain", tmp_path / "bare") == found


def test_an_unknown_chapter_names_those_that_exist(house: Path) -> None:
    with pytest.raises(UnknownName, match="toy, other; did you mean 'toy'"):
        running.find_chapter("toyy")
    with pytest.raises(InputError, match="no notebook"):
        running.find_chapter("notebooks/08_toy.ipynb")
    with pytest.raises(InputError, match="no notebook"):
        running.find_chapter("toy.py")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["toy", "--preset", "big"], "unknown preset 'big'"),
        (["toy", "--data", "fake"], "unknown data mode 'fake'"),
        (["tox"], "unknown chapter 'tox'"),
        (["toy", "--out", "notebooks/07_toy.ipynb"], "is no earlier run of 07_toy"),
        (["toy", "--out", "notebooks/11_other.ipynb"], "is no earlier run of 07_toy"),
        (["toy", "--out", "notebooks"], "name another file with --out"),
    ],
)
def test_names_are_checked_before_anything_runs(
    house: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    part: str,
) -> None:
    monkeypatch.setattr(cli, "execute", lambda *a: pytest.fail("it ran"))
    assert part in error_of(capsys, "run", *words)


def test_a_chapter_runs_with_its_parameters(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "toy", "--preset", "smoke", "--seed", "7", "--results-dir", "elsewhere"]
    assert cli.main(words) == 0
    seen = (house / "elsewhere" / "seen.txt").read_text()
    assert seen == f"smoke synthetic 7 {house.name}"
    out = house / "_build" / "runs" / "07_toy-smoke-synthetic-seed7.ipynb"
    assert out.is_file()
    assert capsys.readouterr().out.strip().endswith(str(out))
    source = (house / "notebooks" / "07_toy.ipynb").read_text()
    assert "outputs" in source
    assert "elsewhere" not in source


def test_a_number_of_trainings_reaches_the_chapter_and_nothing_after_it(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FAIRTUT_TRAININGS", raising=False)
    words = ["run", "toy", "--preset", "smoke", "--results-dir", "elsewhere"]
    assert cli.main([*words, "--trainings", "3:6"]) == 0
    assert (house / "elsewhere" / "trainings.txt").read_text() == "3:6"
    assert capsys.readouterr().out.strip().endswith("07_toy-smoke-synthetic-trainings6.ipynb")
    assert "FAIRTUT_TRAININGS" not in os.environ
    monkeypatch.setattr(cli, "execute", lambda *a: pytest.fail("it ran"))
    assert "trainings 'many': give a number" in error_of(capsys, *words, "--trainings", "many")


def test_variables_of_a_kernel_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTUT_A", "before")
    monkeypatch.delenv("FAIRTUT_B", raising=False)
    with running._set({"FAIRTUT_A": "now", "FAIRTUT_B": "now"}):
        assert os.environ["FAIRTUT_A"] == os.environ["FAIRTUT_B"] == "now"
    with running._set({"FAIRTUT_A": None}):
        assert os.environ["FAIRTUT_A"] == "before"
    assert os.environ["FAIRTUT_A"] == "before"
    assert "FAIRTUT_B" not in os.environ


def test_only_the_same_run_is_written_over(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters = {"preset": "smoke", "data": "synthetic", "seed": 0}
    made = {"input_path": "x/07_toy.ipynb", "parameters": {**parameters, "results_dir": "r"}}
    (house / "out.ipynb").write_text(json.dumps({"metadata": {"papermill": made}}))
    ran: list[Path] = []
    monkeypatch.setattr(cli, "execute", lambda notebook, out, *rest: ran.append(out))
    same = ["run", "toy", "--preset", "smoke", "--out", "out.ipynb"]
    assert cli.main(same) == 0
    assert ran == [house / "out.ipynb"]
    capsys.readouterr()
    for other in (["--seed", "3"], ["--data", "real"], ["--preset", "laptop"]):
        assert "is no earlier run" in error_of(capsys, *same, *other)
    assert "is no earlier run" in error_of(capsys, "run", "other", *same[2:])
    assert len(ran) == 1


def test_a_deliberate_error_of_a_chapter_is_its_own_line(
    house: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "toy", "--seed", "1", "--out", "o.ipynb"]) == 2
    err = capfd.readouterr().err
    assert err == "error: the rate must be below 1: pass rate=0.5\n"


def test_a_home_that_cannot_be_written_is_no_line_at_all(
    house: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (house / "home").touch()  # a file: nobody can write below it, not even root
    monkeypatch.setenv("HOME", str(house / "home"))
    for name in ("FAIRTUT_CACHE", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["run", "toy", "--seed", "1", "--out", "o.ipynb"]) == 2
    assert capfd.readouterr().err == "error: the rate must be below 1: pass rate=0.5\n"
    assert "IPYTHONDIR" not in os.environ
    monkeypatch.setenv("HOME", str(house))
    with running.kernel_folders():  # where the user's own can be used, they are
        assert "IPYTHONDIR" not in os.environ


@pytest.mark.parametrize(
    ("name", "value", "status", "text"),
    [
        ("MissingData", "adult is\nnot there", 2, "error: adult is not there\n"),
        ("KeyboardInterrupt", "", 130, "interrupted\n"),
        (
            "ZeroDivisionError",
            "division by zero",
            1,
            "error: 07_toy stopped in cell 4: ZeroDivisionError: division by zero (the notebook "
            "so far: ",
        ),
    ],
)
def test_every_failure_of_a_chapter_is_one_line(
    house: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    status: int,
    text: str,
) -> None:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    def fail(*_: Any, **__: Any) -> None:
        raise PapermillExecutionError(3, 4, "source", name, value, ["Traceback", "..."])

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    assert cli.main(["run", "toy"]) == status
    err = capsys.readouterr().err
    assert err.startswith(text)
    assert err.count("\n") == 1


def test_a_notebook_without_the_parameters_is_refused(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = nbformat.v4.new_code_cell("preset = 1", metadata={"tags": ["parameters"]})
    nbformat.write(notebook_of(cell), house / "notebooks" / "07_toy.ipynb")
    assert "no parameter data" in error_of(capsys, "run", "toy")


def test_without_papermill_the_extra_is_named(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "papermill", None)
    assert "pip install 'fairtut[notebooks]'" in error_of(capsys, "run", "toy")
