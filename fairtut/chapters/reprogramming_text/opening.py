"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.reprogramming_text.presets import Preset, configuration
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {"models": list(cfg.run_seeds())}


def _size(cfg: Preset) -> str:
    return f"{cfg.seeds} deployed models"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(cfg, seeds=trainings)


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "reprogramming_text",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 7, "paper": 900},
    real_minutes={"laptop": 10},
    grown=_grown,
)
