"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.lassi.presets import Preset, configuration
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {
        "lassi": list(cfg.run_seeds(cfg.seeds)),
        "baselines": list(cfg.run_seeds(cfg.baseline_seeds)),
    }


def _size(cfg: Preset) -> str:
    return f"{len(cfg.settings)} settings, {cfg.seeds} seeds"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(
        cfg,
        seeds=trainings,
        baseline_seeds=trainings,
        beside_seeds=trainings,
        transfer=replace(cfg.transfer, seeds=trainings),
        race=cfg.race and replace(cfg.race, seeds=trainings),
    )


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "lassi",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 8, "paper": 2000},
    real_minutes={"laptop": 90},
    grown=_grown,
)
