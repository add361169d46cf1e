"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.comparison.methods import contestants
from fairtut.chapters.comparison.presets import Preset, configuration
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {"trainings": list(cfg.run_seeds())}


def _size(cfg: Preset) -> str:
    found = contestants(cfg)
    of, targets = len(found[0].settings), 1 + len(cfg.further)
    times = f", {targets} targets" if cfg.further else ""
    return f"{len(found)} methods of {of} settings, {cfg.seeds} trainings{times}"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(cfg, seeds=trainings)


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "comparison",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 10, "paper": 600},
    real_minutes={"laptop": 30},
    grown=_grown,
)
