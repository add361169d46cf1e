"""A record names a device only if that device did the work."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from fairtut.evidence import worked
from fairtut.evidence.records import Record, load_record


class Backend:
    """A device's module of torch: it counts results, and its allocator may keep no count."""

    def __init__(self, counts: bool = True) -> None:
        self.results, self.counts = 1, counts  # the one of the try when the device was picked

    def get_device_name(self, _: object) -> str:
        return "NVIDIA H100 80GB HBM3"

    def memory_stats(self, _: object) -> dict[str, int]:
        peak = {"allocated_bytes.all.peak": 512 * self.results}
        return peak | {"allocation.all.allocated": self.results if self.counts else 0}


def started(monkeypatch: pytest.MonkeyPatch, backend: object) -> Record:
    monkeypatch.setattr(torch, "get_device_module", lambda _: backend)
    record = Record.start(chapter="toy", preset="smoke", data="synthetic", seed=0, device="cuda")
    record.measure("a.b", [1.0], n=3, unit="ratio")
    return record


@pytest.mark.parametrize("done", [0, worked.LEAST - 1])
def test_a_device_that_did_nothing_is_not_named(
    done: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = Backend()
    record = started(monkeypatch, backend)
    backend.results += done
    with caplog.at_level(logging.WARNING):
        path = record.save(tmp_path)
    assert path.name == "smoke-synthetic.json"
    found = load_record(path).device
    assert (found["type"], found["asked_for"]) == ("cpu", "NVIDIA H100 80GB HBM3")
    assert "was asked for and did nothing" in caplog.text
    assert [p.name for p in tmp_path.rglob("*.json*")] == [path.name]


def test_a_device_that_worked_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backend = Backend()
    backend.results += 10**6  # before the record began: another chapter's, in the same process
    record = started(monkeypatch, backend)
    backend.results += worked.LEAST
    path = record.save(tmp_path)
    assert path.name == "smoke-synthetic-h100.json"
    assert load_record(path).device["type"] == "cuda" and "asked_for" not in record.device


def test_what_cannot_be_told_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = started(monkeypatch, Backend(counts=False))
    assert record.save(tmp_path).name == "smoke-synthetic-h100.json"
    assert worked.amount("cpu") is None
    monkeypatch.setattr(torch, "get_device_module", lambda _: object())
    assert worked.amount("cuda") is None


def test_apples_memory_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [2**20]
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: held[0])
    watched = worked.Watched("mps")
    assert watched.idle()
    held[0] += worked.LEAST * 1024
    assert not watched.idle()
