"""``fairtut cells``: shards fill the store that a run reads, and mistakes are one line."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fairtut import chapters, cli, shards
from fairtut.errors import InputError, UnknownName
from fairtut.lab import grid
from fairtut.lab.grid import Spec


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put a chapter of five cells in the place of all others; return what it was asked for."""
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path / "cache"))
    seen: list[Any] = []

    def configuration(preset: str, data: str, seed: int) -> SimpleNamespace:
        seen.append((preset, data, seed))
        return SimpleNamespace(jobs=1, root=seed)

    def make(seed: int) -> int:
        seen.append(seed)
        return seed**2

    def all_cells(config: Any, data: str, seed: int, device: Any) -> list[grid.Cell]:
        return grid.cells([Spec("square", make, data)], range(seed, seed + 5))

    study = SimpleNamespace(
        __name__="fairtut.chapters.toy", configuration=configuration, all_cells=all_cells
    )
    monkeypatch.setattr(shards, "_study", lambda name: study)
    return seen


def test_shards_fill_what_a_whole_run_finds(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shard in ("1/2", "2/2", "1/1"):
        words = ["cells", "toy", "--preset", "smoke", "--seed", "7", "--shard", shard]
        assert cli.main(words) == 0
    where = f"cells are kept in {tmp_path / 'cache'}"
    assert capsys.readouterr().out.splitlines() == [
        f"toy, shard 1/2: 3 of 5 {where}, 0 of them from before",
        f"toy, shard 2/2: 2 of 5 {where}, 0 of them from before",
        f"toy, shard 1/1: 5 of 5 {where}, 5 of them from before",
    ]
    parameters = ("smoke", "synthetic", 7)
    assert [one for one in asked if one == parameters] == [parameters] * 3
    assert [one for one in asked if one != parameters] == [7, 9, 11, 8, 10], "each is made once"


def test_another_seed_or_data_has_other_cells(asked: list[Any]) -> None:
    for seed, data in ((0, "synthetic"), (0, "real"), (5, "real")):
        assert shards.fill("toy", "smoke", data, seed).before == 0
    assert shards.fill("toy", "smoke", "real", 3).before == 5


def test_more_trainings_have_more_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    monkeypatch.setattr(grid, "run", lambda *a, **k: {})
    counts = []
    for words in ([], ["--trainings", "3"], ["--trainings", "6"]):
        assert cli.main(["cells", "faap", "--preset", "smoke", *words]) == 0
        counts.append(int(capsys.readouterr().out.split(" of ")[1].split()[0]))
    assert counts[1:] == [3 * counts[0], 6 * counts[0]]  # smoke trains once
    monkeypatch.setenv("FAIRTUT_TRAININGS", "3")
    assert cli.main(["cells", "faap", "--preset", "smoke"]) == 0
    assert f" of {counts[1]} " in capsys.readouterr().out


@pytest.mark.parametrize("shard", ["", "3", "a/b", "1/2/3", "-1/2", "1.5/2", "1/²"])
def test_a_shard_that_cannot_be_read_is_refused(asked: list[Any], shard: str) -> None:
    with pytest.raises(InputError, match="such as 3/16"):
        shards.fill("toy", "smoke", "synthetic", 0, shard)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1/0"])
def test_a_part_that_there_is_not_is_one_line(
    asked: list[Any], shard: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["cells", "toy", "--shard", shard]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: shard {shard}")


def test_an_unknown_chapter_names_those_that_exist() -> None:
    with pytest.raises(UnknownName, match="did you mean 'faap'"):
        shards.fill("fap", "smoke", "synthetic", 0)


@pytest.mark.parametrize("bad", [("tiny", "synthetic"), ("smoke", "fake")])
def test_presets_and_data_are_checked(bad: tuple[str, str]) -> None:
    with pytest.raises(UnknownName):
        shards.fill("faap", *bad, 0)


@pytest.mark.parametrize(
    "name", ["dvge", "faap", "frtrain", "reprogramming_text", "reprogramming_vision"]
)
def test_a_chapter_lists_the_cells_of_its_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are told apart, and nothing is run by listing."""
    from fairtut.runtime.device import pick_device

    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    study = shards._study(name)
    config = study.configuration("smoke", "synthetic", 3)
    cells = study.all_cells(config, "synthetic", 3, pick_device("cpu"))
    keys = [cell.key for cell in cells]
    assert len(set(keys)) == len(keys) > 1
    assert grid.kept(cells) == {}


@pytest.mark.parametrize("module", pkgutil.iter_modules(chapters.__path__), ids=lambda m: m.name)
def test_every_chapter_lists_its_cells(module: Any) -> None:
    found = importlib.import_module(f"fairtut.chapters.{module.name}")
    assert list(inspect.signature(found.all_cells).parameters) == [
        "preset", "data", "seed", "device",
    ]  # fmt: skip
