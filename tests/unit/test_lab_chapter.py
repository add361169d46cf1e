"""A chapter opens by one call: checked, started, and changed where somebody asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from fairtut.errors import InputError, UnknownName
from fairtut.lab.chapter import Chapter, changed


@dataclass(frozen=True)
class Part:
    epsilon: float = 0.05
    epochs: int = 3


@dataclass(frozen=True)
class Toy:
    attack: Part = Part()
    defence: Part = Part(epsilon=0.2)
    width: int = 8
    root: int = 0


def toy(preset: str, data: str, seed: int) -> Toy:
    return Toy(width={"smoke": 2, "laptop": 8, "paper": 64}[preset], root=seed)


CHAPTER = Chapter(
    "faap",  # a name that claims know
    toy,
    lambda cfg: {"models": [cfg.root, cfg.root + 1]},
    lambda cfg: f"{cfg.width} units",
    minutes={"smoke": 1, "laptop": 10, "paper": 60},
    real_minutes={"laptop": 90},
    device="cpu",
)


def test_opening_checks_starts_and_says_what_will_run(tmp_path: Path, capsys) -> None:
    given, cfg, record, device = CHAPTER.open("laptop", "real", "7", str(tmp_path))
    assert given == ("laptop", "real", 7, tmp_path)
    assert cfg == Toy(width=8, root=7) and device == torch.device("cpu")
    assert record.seeds == {"root": [7], "models": [7, 8]}
    assert record.config["attack"] == {"epsilon": 0.05, "epochs": 3}
    said = capsys.readouterr().out
    assert "preset laptop, real data" in said and "8 units, about 90 min on two cores" in said


def test_a_change_is_in_the_settings_and_in_the_record(tmp_path: Path) -> None:
    _, cfg, record, _ = CHAPTER.open(
        "smoke", "synthetic", 0, tmp_path, width=3, **{"attack.epsilon": 0.1}
    )
    assert cfg == Toy(Part(epsilon=0.1), width=3)
    assert record.config["attack"]["epsilon"] == 0.1 and record.config["width"] == 3


def test_a_name_that_is_not_there_or_not_one_thing_is_an_error() -> None:
    with pytest.raises(UnknownName, match="did you mean 'width'"):
        changed(Toy(), {"wdith": 3})
    with pytest.raises(InputError, match=r"attack\.epsilon.*defence\.epsilon"):
        changed(Toy(), {"epsilon": 0.1})
    with pytest.raises(UnknownName):
        changed(Toy(), {"ttack.epsilon": 0.1})


def test_a_name_at_the_top_goes_before_the_same_name_inside() -> None:
    @dataclass(frozen=True)
    class Both:
        epochs: int = 1
        part: Part = Part()

    assert changed(Both(), {"epochs": 9}) == Both(epochs=9)
    assert changed(Both(), {"part.epochs": 9}) == Both(part=Part(epochs=9))


@pytest.mark.parametrize(
    "name",
    ["frtrain", "faap", "dvge", "reprogramming_vision", "reprogramming_text", "lassi"],
)
@pytest.mark.parametrize("preset", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("data", ["synthetic", "real"])
def test_every_chapter_knows_its_size_seeds_and_minutes(name: str, preset: str, data: str) -> None:
    import importlib

    chapter = importlib.import_module(f"fairtut.chapters.{name}.opening").CHAPTER
    cfg = chapter.configuration(preset, data, 0)
    assert chapter.name == name and chapter.size(cfg)
    assert all(list(values) for values in chapter.seeds(cfg).values())
    assert {preset} <= set(chapter.minutes) | set(chapter.real_minutes)
