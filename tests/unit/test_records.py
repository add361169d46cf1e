"""Records: what is collected, how it is written, and that a reader can trust what it reads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fairtut
from fairtut.errors import InputError, RecordError, UnknownName
from fairtut.evidence import records, schema
from fairtut.evidence.records import Record, committed, load_record, load_records
from fairtut.metrics.entry import Entry


def started(**changes: Any) -> Record:
    keywords: dict[str, Any] = {"chapter": "07_toy", "preset": "laptop", "data": "synthetic"}
    return Record.start(**{**keywords, "seed": 0, **changes})


def filled(**changes: Any) -> Record:
    record = started(**changes)
    record.dataset("train", rows=1800, digest="sha256:ab", source="gaussians, seed 0")
    record.measure("lr.accuracy", [0.88, 0.87, 0.89], n=1000, unit="fraction")
    return record


def test_a_record_survives_the_round_trip(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Preset:
        epochs: int = 10
        lambdas: tuple[float, ...] = (0.1, 0.123456789)

    record = filled(seeds={"data": range(3)}, config=Preset())
    record.measure("frtrain.di", [[0.8, 0.9], [0.7, None]], n=500, unit="ratio", note="diverged")
    path = record.save(tmp_path)
    assert path == tmp_path / "toy" / "laptop-synthetic.json"
    back = load_record(path)
    assert back == record
    assert back.seeds == {"root": [0], "data": [0, 1, 2]}
    assert back.config == {"epochs": 10, "lambdas": [0.1, 0.123456789]}
    assert back.versions["fairtut"] == fairtut.__version__
    assert back.versions["numpy"] == np.__version__
    assert back.device["type"] == "cpu"


def test_an_accelerator_is_named_in_the_file_but_a_cpu_is_not(tmp_path: Path) -> None:
    record = filled(preset="paper")
    record.device = {"type": "cuda", "name": "NVIDIA H100 80GB HBM3", "tag": "h100", "threads": 1}
    path = record.save(tmp_path)
    assert path.name == "paper-synthetic-h100.json"
    assert load_record(path).device["tag"] == "h100"


def test_each_measurement_is_one_line_and_keys_have_a_fixed_order(tmp_path: Path) -> None:
    record = filled()
    record.code = {"study": "0" * 16}
    record.measure("a.first", [1, 2], n=3, unit="count")
    text = record.save(tmp_path).read_text(encoding="utf-8")
    assert list(json.loads(text)) == list(schema.KEYS)
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if '"a.first"' in line)
    assert '"lr.accuracy": {"values": [0.88, 0.87, 0.89], "n": 1000, "unit"' in lines[first + 1]


def test_saving_twice_writes_the_same_text(tmp_path: Path) -> None:
    record = filled()
    record._clock = None
    first = record.save(tmp_path).read_text()
    assert load_record(record.save(tmp_path)).save(tmp_path).read_text() == first


@given(st.floats(min_value=-1e9, max_value=1e9, allow_nan=False))
def test_numbers_keep_six_significant_digits(x: float) -> None:
    record = Record("toy", "laptop", "synthetic")  # start() would ask for every version
    (value,) = record.measure("x", x, n=1, unit="s").values
    assert isinstance(value, float)
    assert value == pytest.approx(x, rel=5.1e-6, abs=1e-300)
    assert len(f"{value!r}".split("e")[0].replace("-", "").replace(".", "").strip("0")) <= 6


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.1, 0.2], [0.3, 0.4]]),
        pd.Series([[0.1, 0.2], [0.3, 0.4]]),
        ((0.1, 0.2), (0.3, 0.4)),
        [np.array([0.1, 0.2]), np.array([0.3, 0.4])],
    ],
)
def test_arrays_and_series_become_lists_of_draws(values: Any) -> None:
    m = started().measure("x", values, n=1, unit="fraction")
    assert m.values == ([0.1, 0.2], [0.3, 0.4])
    assert m.draws() == pytest.approx([0.15, 0.35])
    assert m.flat() == [0.1, 0.2, 0.3, 0.4]


def test_a_tensor_is_welcome() -> None:
    torch = pytest.importorskip("torch")
    assert started().measure("x", torch.tensor([0.5, 0.25]), n=1, unit="nats").values == (0.5, 0.25)


def test_missing_values_are_left_out_of_a_draw_and_kept_in_the_file() -> None:
    m = started().measure("x", [[0.2, None], [np.nan, None], 0.4], n=1, unit="s", note="diverged")
    assert m.values == ([0.2, None], [None, None], 0.4)
    assert m.draws() == [0.2, None, 0.4]


def test_a_measurement_without_any_value_is_nan_and_not_zero_or_an_error() -> None:
    for overlap, method in ((None, "t over seeds"), (0.4, "corrected t over splits")):
        record = started()
        record.measure("x", [None, np.nan], n=1, unit="fraction", note="empty", overlap=overlap)
        found = record.estimate("x")
        assert np.isnan([found.value, found.low, found.high]).all()
        assert found.method == method and str(found) == "nan [no interval]"
        assert not found.excludes()


@pytest.mark.parametrize(
    ("id", "values", "changes", "part"),
    [
        ("x", [0.1, None], {}, "note"),
        ("x", [0.1, float("nan")], {}, "note"),
        ("x", [0.1, float("inf")], {"note": "why"}, "infinite"),
        ("x", [], {}, "empty"),
        ("x", [[0.1], []], {}, "empty"),
        ("x", ["high"], {}, "number"),
        ("x", [0.1], {"n": 0}, "positive"),
        ("x", [0.1], {"unit": "percent"}, "percent"),
        ("x", [0.1], {"note": " "}, "note"),
        ("Two Words", [0.1], {}, "lower-case"),
        ("lr.accuracy", [0.1], {}, "already"),
    ],
)
def test_a_bad_measurement_is_refused_at_once(
    id: str, values: Any, changes: dict[str, Any], part: str
) -> None:
    record = filled()
    before = dict(record.measurements)
    with pytest.raises(RecordError, match=part) as caught:
        record.measure(id, values, **{"n": 10, "unit": "fraction", **changes})
    assert "\n" not in str(caught.value)
    assert record.measurements == before


def test_unknown_presets_and_data_modes_are_refused() -> None:
    with pytest.raises(UnknownName, match="laptop"):
        started(preset="labtop")
    with pytest.raises(UnknownName, match="synthetic"):
        started(data="synth")


def test_a_data_set_is_named_once_and_completely() -> None:
    record = filled()
    with pytest.raises(RecordError, match="already"):
        record.dataset("train", rows=1, digest="x", source="y")
    with pytest.raises(RecordError, match="digest"):
        record.dataset("test", rows=1, digest="", source="y")


def test_an_empty_record_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="empty"):
        started().save(tmp_path)
    assert not list(tmp_path.rglob("*"))


def spoil(path: Path, **changes: Any) -> None:
    body = json.loads(path.read_text())
    for key, value in changes.items():
        if value is ...:
            del body[key]
        else:
            body[key] = value
    path.write_text(json.dumps(body))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"schema": 99}, "schema 99"),
        ({"seeds": ...}, "seeds is missing"),
        ({"extra": 1}, "extra"),
        ({"minutes": "two"}, "minutes"),
        ({"minutes": True}, "minutes"),
        ({"preset": "huge"}, "huge"),
        ({"data": "fake"}, "fake"),
        ({"chapter": "other"}, "belongs to other/laptop-synthetic"),
        ({"chapter": "../other"}, "one lower-case word"),
        ({"schema": True}, "schema True"),
        ({"schema": 2}, "code is missing"),
        ({"unfinished": True}, "did not end"),
        ({"seeds": {"root": ["a"]}}, "whole numbers"),
        ({"datasets": [{"name": "x"}]}, "datasets: 0: rows is missing"),
        ({"device": {"type": "cuda"}}, "tag"),
        ({"measurements": {"x": {"values": [1]}}}, "x: n is missing"),
        ({"measurements": {"x": {"values": 1, "n": 1, "unit": "s"}}}, "values"),
        ({"measurements": {"x": {"values": ["1"], "n": 1, "unit": "s"}}}, "finite"),
        ({"measurements": {"x": {"values": [True], "n": 1, "unit": "s"}}}, "finite"),
        ({"measurements": {"x": {"values": [None], "n": 1, "unit": "s"}}}, "note"),
        ({"measurements": {"x": {"values": [1], "n": 1.5, "unit": "s"}}}, "whole number"),
    ],
)
def test_a_spoilt_file_is_told_in_one_line(
    tmp_path: Path, changes: dict[str, Any], part: str
) -> None:
    path = filled().save(tmp_path)
    spoil(path, **changes)
    with pytest.raises(RecordError, match=part) as caught:
        load_record(path)
    assert str(caught.value).startswith("toy/laptop-synthetic.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"schema": NaN}', "\xff"])
def test_half_a_file_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    path = filled().save(tmp_path)
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordError, match=r"toy/laptop-synthetic\.json") as caught:
        load_record(path)
    assert "\n" not in str(caught.value)


def test_stray_temporary_files_are_ignored(tmp_path: Path) -> None:
    path = filled().save(tmp_path)
    (path.parent / f".{path.name}.x1y2.tmp").write_text("{")
    (path.parent / ".hidden.json").write_text("{")
    (tmp_path / "loose.json").write_text("{")
    assert [r.name for r in load_records(tmp_path)] == ["toy/laptop-synthetic"]
    assert sorted(p.name for p in path.parent.iterdir() if p.suffix == ".json") == [
        ".hidden.json",
        path.name,
    ]


def test_a_run_that_is_killed_while_writing_leaves_the_old_record(tmp_path: Path) -> None:
    path = filled().save(tmp_path)
    before = path.read_text()
    program = (
        "import os, time\n"
        "from pathlib import Path\n"
        "from fairtut.runtime import io\n"
        "from fairtut.evidence.records import Record\n"
        "def stuck(fd):\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "io.os.fsync = stuck\n"
        "r = Record('toy', 'laptop', 'synthetic')\n"
        "r.measure('y', [1], n=1, unit='s')\n"
        f"r.save(Path({str(tmp_path)!r}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        child.send_signal(signal.SIGKILL)
    assert path.read_text() == before
    assert len(list(path.parent.iterdir())) == 2  # the record and the killed run's leftovers
    assert [list(r.measurements) for r in load_records(tmp_path)] == [["lr.accuracy"]]


def test_minutes_run_from_start_to_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.perf_counter()
    record = filled()
    monkeypatch.setattr(time, "perf_counter", lambda: now + 90)
    assert load_record(record.save(tmp_path)).minutes == pytest.approx(1.5, abs=0.02)


def test_committed_records_come_from_the_checkout_else_from_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "fairtut"
    package.mkdir(parents=True)
    monkeypatch.setattr(records.fairtut, "__file__", str(package / "__init__.py"))
    assert records.committed_results() is None
    assert load_records() == []
    filled().save(package / "_results")
    assert records.committed_results() == package / "_results"
    assert [r.preset for r in load_records()] == ["laptop"]
    (tmp_path / "site" / "pyproject.toml").touch()
    filled(preset="paper").save(tmp_path / "site" / "results")
    assert [r.preset for r in load_records()] == ["paper"]


def test_a_results_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        load_records(tmp_path / "nowhere")


def test_the_committed_records_of_this_checkout_are_valid() -> None:
    for record in load_records():
        assert record.measurements


def test_kept_entries_are_measured_under_their_names() -> None:
    record = Record.start(chapter="toy", preset="smoke", data="synthetic", seed=0)
    record.keep({"a.b": Entry([0.5], 3, "fraction")}, prefix="real.")
    record.keep({"a.b": Entry([0.25], 4, "fraction")})
    assert {k: (m.values, m.n) for k, m in record.measurements.items()} == {
        "real.a.b": ((0.5,), 3), "a.b": ((0.25,), 4),
    }  # fmt: skip
    with pytest.raises(RecordError, match="already in the record"):
        record.keep({"a.b": Entry([0.5], 3, "fraction")})


@pytest.mark.parametrize("kind", ["real", "synthetic"])
def test_the_committed_record_of_a_page_is_the_one_of_a_laptop(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for preset in ("smoke", "laptop", "paper"):
        filled(preset=preset, data=kind).save(tmp_path)
        if preset != "laptop":
            filled(chapter="08_other", preset=preset, data=kind).save(tmp_path)
    monkeypatch.setattr(records, "committed_results", lambda: tmp_path)
    assert committed("toy", kind).name == f"toy/laptop-{kind}"
    swapped = {"real": "synthetic", "synthetic": "real"}[kind]
    with pytest.raises(RecordError, match=rf"'toy' on '{swapped}' data: name one of toy/laptop"):
        committed("toy", swapped)
    with pytest.raises(RecordError, match="'other'"):
        committed("other", kind)
