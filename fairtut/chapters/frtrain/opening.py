"""How the chapter opens: its settings, its seeds, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fairtut.chapters.frtrain.presets import Preset, configuration
from fairtut.chapters.frtrain.side import DEVICE
from fairtut.lab.chapter import Chapter


def _seeds(cfg: Preset) -> dict[str, list[int]]:
    return {"draws": list(range(cfg.draws)), "inits": list(range(cfg.inits))}


def _size(cfg: Preset) -> str:
    return f"{cfg.draws} data draws x {cfg.inits} initialisations"


def _grown(cfg: Preset, trainings: int) -> Preset:
    return replace(cfg, draws=trainings, side_draws=trainings)  # a draw is a training here


CHAPTER: Final[Chapter[Preset]] = Chapter(
    "frtrain",
    configuration,
    _seeds,
    _size,
    minutes={"smoke": 1, "laptop": 9, "paper": 60},
    device=DEVICE,
    grown=_grown,
)
