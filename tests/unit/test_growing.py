"""A record is kept as it grows: a run that stops half-way leaves it, and nobody counts it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fairtut.errors import RecordError
from fairtut.evidence import growing
from fairtut.evidence.records import Record, load_record, load_records
from fairtut.runtime import io

ROOT = Path(__file__).resolve().parents[2]


def started(folder: Path) -> Record:
    return Record.start(
        chapter="07_toy", preset="laptop", data="synthetic", seed=0, results_dir=folder
    )


def unfinished(folder: Path) -> Path:
    return folder / "toy" / "laptop-synthetic.json.unfinished"


def test_every_measurement_is_on_disk_before_the_record_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "EVERY", 0.0)
    record = started(tmp_path)
    for i in range(3):
        record.measure(f"x{i}", [i], n=1, unit="s")
        assert len(json.loads(unfinished(tmp_path).read_text())["measurements"]) == i + 1
    assert load_records(tmp_path) == []
    path = record.save(tmp_path)
    assert path == tmp_path / "toy" / "laptop-synthetic.json"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_measurements_in_a_row_are_written_once_and_the_rest_when_the_cell_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(growing, "EVERY", 3600.0)
    monkeypatch.setattr(
        growing,
        "atomic_write_text",
        lambda path, text: written.append(io.atomic_write_text(path, text)),
    )
    record = started(tmp_path)
    for i in range(50):
        record.measure(f"x{i}", [i], n=1, unit="s")
    assert len(written) == 1
    assert record._growing is not None
    record._growing.flush()
    record._growing.flush()
    assert len(written) == 2
    assert len(json.loads(unfinished(tmp_path).read_text())["measurements"]) == 50


def test_an_unfinished_record_is_no_record_under_any_name(tmp_path: Path) -> None:
    started(tmp_path).measure("x", [1], n=1, unit="s")
    path = unfinished(tmp_path).with_suffix("")
    unfinished(tmp_path).rename(path)
    with pytest.raises(RecordError, match="did not end"):
        load_record(path)


def test_a_full_disk_is_told_and_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(growing, "atomic_write_text", full)
    record = started(tmp_path)
    record.measure("x", [1], n=1, unit="s")
    assert "No space left" in caplog.text
    assert list(record.measurements) == ["x"]


def test_a_folder_that_fails_at_the_end_is_named_with_the_fix(tmp_path: Path) -> None:
    record = Record("toy", "laptop", "synthetic")
    record.measure("x", [1], n=1, unit="s")
    (tmp_path / "toy").write_text("a file")
    with pytest.raises(RecordError, match=r"another folder, \.save"):
        record.save(tmp_path)
    assert record.save(tmp_path / "other").is_file()


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "Upper", "..", "x\n", "a.b"])
def test_a_chapter_is_one_word_and_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match="one lower-case word"):
        Record.start(chapter=name, preset="laptop", data="synthetic", seed=0, results_dir=tmp_path)


def test_git_does_not_see_an_unfinished_record() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "check-ignore", "results/faap/laptop-real.json.unfinished"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0


def test_in_a_kernel_a_failing_cell_keeps_what_it_had_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shells = pytest.importorskip("IPython.core.interactiveshell")
    monkeypatch.setattr(growing, "EVERY", 3600.0)
    shell = shells.InteractiveShell.instance()
    try:
        shell.user_ns.update(started=started, folder=tmp_path)
        shell.run_cell("record = started(folder)\nrecord.measure('a', [1], n=1, unit='s')")
        failed = shell.run_cell("record.measure('b', [1], n=1, unit='s')\nassert False")
        assert not failed.success
        kept = json.loads(unfinished(tmp_path).read_text())
        assert sorted(kept["measurements"]) == ["a", "b"]
    finally:
        shells.InteractiveShell.clear_instance()
