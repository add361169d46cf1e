"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.dvge.presets import Preset, configuration
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {"trainings": list(cfg.run_seeds()), "splits": list(range(cfg.credit.splits))}


def _size(cfg: Preset) -> str:
    images, credit = len(cfg.settings), len(cfg.credit.settings)
    return f"{images} tasks of images, {credit} of credit"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(cfg, seeds=trainings)


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "dvge",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 8, "paper": 600},
    real_minutes={"laptop": 30},
    grown=_grown,
)
