"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.reprogramming_vision.presets import Preset, configuration
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {"models": list(cfg.run_seeds())}


def _size(cfg: Preset) -> str:
    return f"{cfg.seeds} classifiers with their triggers"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(cfg, seeds=trainings, side_seeds=trainings)


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "reprogramming_vision",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 9, "paper": 600},
    real_minutes={"laptop": 95},
    grown=_grown,
)
