"""Run a share of a chapter's cells and keep them, for a run of the chapter that reads them."""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from fairtut import chapters
from fairtut.errors import InputError, UnknownName
from fairtut.lab import grid
from fairtut.runtime import cache, parameters
from fairtut.runtime.device import pick_device


@dataclass(frozen=True)
class Filled:
    """What a call did: its share of all cells, and how many of them were there before."""

    chapter: str
    shard: str
    total: int
    share: int
    before: int
    folder: str

    def __str__(self) -> str:
        """Return it in one line."""
        return (
            f"{self.chapter}, shard {self.shard}: {self.share} of {self.total} cells are kept in "
            f"{self.folder}, {self.before} of them from before"
        )


def fill(
    chapter: str,
    preset: str,
    data: str,
    seed: int,
    shard: str = "1/1",
    jobs: int | None = None,
    trainings: int | None = None,
) -> Filled:
    """Run one share of a chapter's cells, with what they need, and keep them in the cache folder.

    Machines that share the folder (``FAIRTUT_CACHE``) fill it together, each with a share of its
    own; what two of them need is made by one while the other waits.  A run of the chapter with
    the same parameters then finds the cells.

    Parameters
    ----------
    chapter : str
        ``faap`` or ``02_faap``.
    preset, data, seed
        As in the chapter's parameters cell.
    shard : str
        Number and count, such as ``3/16``; ``1/1`` are all cells.
    jobs : int, optional
        Cells at once on a CPU; default the preset's.
    trainings : int, optional
        Of a record that grows (:mod:`fairtut.evidence.looks`); default the preset's.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such chapter, preset or data mode.
    fairtut.errors.InputError
        If the shard cannot be read, there is no such part, or the chapter cannot grow.
    fairtut.errors.CellFailed
        If cells failed, after all others of the share are kept.
    """
    warnings.filterwarnings("ignore", parameters.IDLE, UserWarning)
    part, of = _parsed(shard)
    study = _study(chapter)
    config: Any = study.configuration(preset, data, seed)
    if trainings is not None:
        opening: Any = importlib.import_module(f"{study.__name__}.opening")
        config = opening.CHAPTER.enlarged(config, trainings)
    device = pick_device(getattr(study, "DEVICE", "auto"))
    listed = study.all_cells(config, data, seed, device)
    mine = grid.shard(listed, part, of)
    before = len(grid.kept(mine, device))
    grid.run(mine, jobs=jobs or config.jobs, device=device, what=f"shard {shard}")
    name = study.__name__.rpartition(".")[2]
    return Filled(name, shard, len(listed), len(mine), before, str(cache.cache_folder()))


def _parsed(shard: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", shard.strip(), flags=re.ASCII)
    if found is None:
        raise InputError(f"shard {shard!r}: give a number and a count, such as 3/16")
    return int(found[1]), int(found[2])


def _study(chapter: str) -> ModuleType:
    """Return the package of a chapter's experiments."""
    short = chapter.lstrip("0123456789").lstrip("_")
    known = [module.name for module in pkgutil.iter_modules(chapters.__path__)]
    if short not in known:
        raise UnknownName.of("chapter", chapter, known)
    return importlib.import_module(f"fairtut.chapters.{short}")
