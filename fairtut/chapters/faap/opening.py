"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.faap.presets import Preset, configuration
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {target: list(cfg.seeds(target)) for target in cfg.targets}


def _size(cfg: Preset) -> str:
    return f"{sum(cfg.targets.values())} cells of {len(cfg.kinds)} models each"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(cfg, targets=dict.fromkeys(cfg.targets, trainings))


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "faap",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 10, "paper": 600},
    real_minutes={"laptop": 100},
    grown=_grown,
)
