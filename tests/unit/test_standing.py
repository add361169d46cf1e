"""A record counts for a verdict only if it ran what its preset says."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairtut.chapters import dvge, frtrain
from fairtut.errors import RecordError
from fairtut.evidence import origin
from fairtut.evidence.origin import as_json, differences, digest_of_cells
from fairtut.evidence.recording import Record
from fairtut.evidence.records import load_records
from fairtut.evidence.standing import fault, remarks
from fairtut.page import results


def a_record(data: str = "synthetic", seed: int = 0, **changes: Any) -> Record:
    config = frtrain.configuration("laptop", data)
    return Record.start(
        chapter="frtrain", preset="laptop", data=data, seed=seed, config=replace(config, **changes)
    )


@pytest.mark.parametrize("data", ["synthetic", "real"])
def test_a_run_of_its_preset_counts_and_any_other_does_not(data: str) -> None:
    assert fault(a_record(data, seed=3)) == ""
    told = fault(a_record(data, rml_steps=3001))
    assert "(rml_steps)" in told
    assert "does not count" in told
    assert "\n" not in told


def test_what_differs_deep_inside_is_named() -> None:
    cfg = frtrain.configuration("laptop", "synthetic")
    assert "(clean.epochs)" in fault(a_record(clean=replace(cfg.clean, epochs=1)))
    many = fault(a_record(draws=1, inits=1, side_draws=1, limit=0.5, poison=0.2))
    assert "and 2 more" in many


def test_the_root_seed_is_part_of_a_configuration() -> None:
    made = Record.start(
        chapter="dvge", preset="smoke", data="synthetic", seed=7,
        config=dvge.configuration("smoke", "synthetic", 7),
    )  # fmt: skip
    assert fault(made) == ""
    made.seeds["root"] = [8]
    assert "(root)" in fault(made)


def test_a_record_from_before_may_lack_keys_but_not_differ() -> None:
    made = a_record()
    del made.config["peer"]
    assert "(peer)" in fault(made)
    made.code = {}
    assert fault(made) == ""
    made.config["limit"] = 0.7
    assert "(limit)" in fault(made)


def test_an_unknown_chapter_cannot_be_compared() -> None:
    assert fault(Record("toy", "laptop", "synthetic")) == ""


def test_a_record_that_does_not_count_turns_no_verdict() -> None:
    claims = [c for c in results.load_claims("frtrain") if c.id == "table.clean.fc.acc"]
    good = next(r for r in load_records() if r.name == "frtrain/laptop-synthetic")
    assert results.judge(claims, [good])[0].verdict != "not tested"
    bad = replace(good, config={**good.config, "draws": 60})
    (found,) = results.judge(claims, [bad])
    assert found.verdict == "not tested"
    assert "(draws)" in found.reason
    paper = replace(bad, preset="paper")  # would be preferred if it counted
    assert results.judge(claims, [paper, good])[0].record == good.name


def test_the_committed_records_count() -> None:
    assert [text for text in map(fault, load_records()) if text] == []


def test_a_run_that_does_not_count_overwrites_none_that_does(tmp_path: Path) -> None:
    def run(folder: Path = tmp_path, **changes: Any) -> str:
        config = replace(frtrain.configuration("laptop", "synthetic"), **changes)
        record = Record.start(
            chapter="frtrain", preset="laptop", data="synthetic", seed=0, config=config,
            results_dir=folder,
        )  # fmt: skip
        record.measure("lr.accuracy", [0.8, 0.9], n=100, unit="fraction")
        return record.save(folder).read_text()

    first = run()
    with pytest.raises(
        RecordError, match=r"\(limit\).*laptop-synthetic\.json.*another results_dir"
    ):
        run(limit=0.5)
    late = a_record(limit=0.5)
    late.measure("lr.accuracy", [0.1], n=100, unit="fraction")
    with pytest.raises(RecordError, match="not overwritten"):
        late.save(tmp_path)
    assert (tmp_path / "frtrain/laptop-synthetic.json").read_text() == first
    run(tmp_path / "mine", limit=0.5)
    run(tmp_path / "mine", limit=0.4)  # neither counts
    run(tmp_path / "mine")
    run()


def test_another_seed_has_a_place_of_its_own(tmp_path: Path) -> None:
    for seed in (0, 3):
        record = a_record(seed=seed)
        record.measure("lr.accuracy", [0.8, 0.9], n=100, unit="fraction")
        record.save(tmp_path)
    found = sorted(record.name for record in load_records(tmp_path))
    assert found == ["frtrain/laptop-synthetic", "frtrain/laptop-synthetic-seed3"]


def test_remarks_name_what_is_old() -> None:
    made = a_record()
    assert remarks([made]) == []
    made.code = {"study": "0" * 16}
    assert remarks([made]) == ["Made by an earlier version of the code: frtrain/laptop-synthetic."]
    made.code = {}
    assert remarks([made]) == ["Made before records named their code: frtrain/laptop-synthetic."]
    made.config["draws"] = 60
    assert len(remarks([made])) == 2


def test_a_study_that_is_changed_changes_the_digest_in_its_records() -> None:
    from fairtut.runtime import code

    assert a_record().code == {"study": code.digest("fairtut.chapters.frtrain")}
    assert origin.code_of("toy") == {}


def test_parameters_and_comments_of_cells_do_not_count_and_code_does() -> None:
    first = digest_of_cells(['seed = 0\npreset = "laptop"', "x = 1  # so", "print(x)"])
    assert first == digest_of_cells(["seed = 5", 'preset = "smoke"', "x = 1", "print( x )"])
    assert first != digest_of_cells(["seed = 0", "x = 2", "print(x)"])
    assert first != digest_of_cells(["seed = 0", "x = 1"])
    released = ['source = "git+https://github.com/ann/fair-book@v1.0"', "pip(source)"]
    assert digest_of_cells(released) == digest_of_cells(
        ['source = "git+https://github.com/fairtut/fairtut"', "pip(source)"]
    )
    assert digest_of_cells(released) != digest_of_cells([released[0], "pip(source, 'peers')"])
    assert digest_of_cells(["%matplotlib inline"]) != digest_of_cells(["%matplotlib agg"])


def test_outside_a_kernel_no_cells_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert origin.cells_of_kernel() == {}


def test_differences_of_nested_configurations() -> None:
    have: dict[str, Any] = {"a": 1, "b": {"c": [1, 2]}, "d": 0}
    want: dict[str, Any] = {"a": 1, "b": {"c": [1, 3]}, "e": 0}
    assert differences(have, want) == ["b.c", "d", "e"]
    assert differences(have, want, partial=True) == ["b.c", "d"]
    assert as_json({"t": (1, 2)}) == json.loads('{"t": [1, 2]}')
