"""The cells of the table: for each target and seed, one per kind of deployed model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch

from fairtut.chapters.faap.presets import Preset, for_lfw
from fairtut.chapters.faap.protocol import Cell, Patient, Task, start, treat
from fairtut.data import images as photographs
from fairtut.data.images import ImageSet
from fairtut.data.synthetic import faces
from fairtut.lab import grid
from fairtut.methods.deployed import Training
from fairtut.runtime.checkpoints import state_digest


def run_cells(
    images: ImageSet, preset: Preset, targets: Iterable[str] | None = None
) -> dict[str, list[Cell]]:
    """Return the cells of every target, one per seed.

    Finished cells are kept in the cache folder, so an interrupted run goes on where it was; a
    change of data or settings is another cell.

    Parameters
    ----------
    images : ImageSet
    preset : Preset
    targets : iterable of str, optional
        Default those of the preset.
    """
    names = list(targets or preset.targets)
    found = grid.run(
        cells(images, preset, names), jobs=preset.jobs, device=images.x.device, what="cells"
    )

    def patients(target: str, seed: int) -> dict[str, Patient]:
        return {kind: found[_called(images, target, kind), seed] for kind in preset.kinds}

    return {
        target: [Cell(target, seed, patients(target, seed)) for seed in preset.seeds(target)]
        for target in names
    }


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[grid.Cell]:
    """Return the cells of a run of the chapter, on the chapter's own data.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    if data == "synthetic":
        drawn = faces.sample(preset.faces, seed=seed, size=preset.size, device=device)
        return cells(drawn.images, preset)
    celeba, lfw = (
        photographs.load(name, size=preset.size, device=device) for name in ("celeba", "lfw")
    )
    return [*cells(celeba, preset), *cells(lfw, for_lfw(preset))]


def cells(
    images: ImageSet, preset: Preset, targets: Iterable[str] | None = None
) -> list[grid.Cell]:
    """Return the cells of targets; the models of one target and seed share their first epochs."""
    return [
        cell
        for target in targets or preset.targets
        for cell in grid.cells(_specs(images, preset, target), preset.seeds(target))
    ]


def _specs(images: ImageSet, preset: Preset, target: str) -> list[grid.Spec]:
    return [
        grid.Spec(
            _called(images, target, kind),
            partial(_patient, images, target, kind, preset),
            settings(images, target, kind, preset),
            starting(images, target, kind, preset),
        )
        for kind in preset.kinds
    ]


def _called(images: ImageSet, target: str, kind: str) -> str:
    return f"{images.name} {target} {kind}"


def starting(images: ImageSet, target: str, kind: str, preset: Preset) -> tuple[grid.Spec, ...]:
    """Return the spec of what a deployed model starts from, where it shares its first epochs."""
    training, usual = (preset.deployed(target, k) for k in (kind, "normal"))
    if not training.shared_epochs:
        return ()
    config, others = (
        {"images": images.digest, "target": target, "half": preset.half, "width": preset.width,
         "epochs": one.shared_epochs, "batch": one.batch, "lr": one.lr}
        for one in (training, usual)
    )  # fmt: skip
    name = f"{images.name} {target} start{'' if config == others else f' of {kind}'}"
    return (grid.Spec(name, partial(_start, images, target, training, preset), config),)


def _start(images: ImageSet, target: str, training: Training, preset: Preset, seed: int) -> str:
    task = Task(images, target, seed, preset.half)
    return state_digest(start(task, training, preset.width))


def _patient(
    images: ImageSet, target: str, kind: str, preset: Preset, seed: int, *began: str
) -> Patient:
    return treat(Task(images, target, seed, preset.half), kind, preset)


def settings(images: ImageSet, target: str, kind: str, preset: Preset) -> dict[str, Any]:
    """Return everything that a patient depends on besides its seed."""
    return {
        "images": images.digest,
        "target": target,
        "kind": kind,
        "deployed": preset.deployed(target, kind),
        "faap": preset.generator(target),
        "alone": preset.generator(target, objective="only-t"),
        "width": preset.width,
        "half": preset.half,
        "only_t": target in preset.only_t,
        "probe": preset.probe,
    }
