"""A chapter on disk stands everywhere where it should; each failure says what to do."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from fairtut import scaffold
from fairtut.runtime.presets import PRESETS
from fairtut.scaffold import places

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = places.chapters(ROOT)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param(name, place, id=f"{name}, {place.what}")
        for name in CHAPTERS
        for place in places.asked(name)
    ],
)
def test_a_chapter_stands_in_every_place(name: str, place: places.Place) -> None:
    at = places.spot(ROOT, name)
    if not place.stands(at):
        pytest.fail(f"{name} does not stand in {place.what}: {place.todo(at)}", pytrace=False)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_opens_under_its_own_name_at_every_size(name: str) -> None:
    opening: Any = importlib.import_module(f"fairtut.chapters.{name}.opening")
    chapter = opening.CHAPTER
    assert chapter.name == name
    assert tuple(chapter.minutes) == PRESETS, "minutes of every size are stated"
    for preset in PRESETS:
        settings = chapter.configuration(preset, "synthetic", 0)
        assert chapter.size(settings) and chapter.seeds(settings)


def test_a_place_that_is_lost_is_seen(tmp_path: Path) -> None:
    """In an empty folder a chapter stands nowhere, and each place says what to do about it."""
    at = places.Spot(tmp_path, "toy", "08_toy")
    lost = places.lacking(at)
    assert lost == list(places.PLACES)
    for one in lost:
        said = one.todo(at)
        assert "{" not in said.replace("```{scoreboard} toy", "") and len(said) > 20
    assert len({one.what for one in lost}) == len(lost)


def test_only_a_chapter_about_no_paper_is_spared() -> None:
    assert set(CHAPTERS) > places.WITHOUT_PAPER
    spared = set(places.PLACES) - set(places.asked("comparison"))
    assert spared == {one for one in places.PLACES if one.of_papers}
    assert list(places.asked("faap")) == list(places.PLACES)


def test_no_chapter_imports_the_scaffold() -> None:
    files = (ROOT / "fairtut" / "chapters").rglob("*.py")
    assert [file for file in files if "scaffold" in file.read_text(encoding="utf-8")] == []
    assert scaffold.checkout(ROOT / "book") == ROOT
