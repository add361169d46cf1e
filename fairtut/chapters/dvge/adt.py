"""ADT: an encoder and its task, trained end to end against a classifier of s."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from fairtut.chapters.dvge.encoders import encoder, spec
from fairtut.chapters.dvge.presets import Preset
from fairtut.chapters.dvge.tasks import PARTS, Decisions, Task
from fairtut.data.images import ImageSet
from fairtut.lab import grid
from fairtut.lab.keep import network
from fairtut.methods.latent import reversal
from fairtut.runtime.seeds import torch_rng


def adversarial(images: ImageSet, task: Task, preset: Preset) -> Decisions:
    """Train ADT end to end, for every strength and seed."""
    listed = cells(images, task, preset)
    found = grid.run(listed, jobs=preset.jobs, device=images.x.device, what="ADT")
    done = [found[cell.key] for cell in listed]
    shape = (len(preset.sweep.adt), preset.seeds, -1)
    return {
        part: np.stack([one[part] for one in done]).reshape(shape) for part in PARTS
    }  # fmt: skip


def cells(images: ImageSet, task: Task, preset: Preset) -> list[grid.Cell]:
    """Return one cell per strength and seed, strength by strength."""
    plain = spec(images, preset, "n", None)
    common = {
        "what": "adt", "images": images.digest, "task": task.name, "most": preset.most,
        "width": preset.width, "latent": preset.latent, "config": preset.adt, "start": preset.vae,
    }  # fmt: skip
    found: list[grid.Cell] = []
    for strength in preset.sweep.adt:
        about = common | {"strength": strength}
        make = partial(_adt, images, task, preset, about)
        one = grid.Spec(f"ADT {task.name} {strength}", make, about, (plain,))
        found += grid.cells([one], preset.run_seeds())
    return found


def _adt(
    images: ImageSet, task: Task, preset: Preset, about: Mapping[str, Any], seed: int, *_: str
) -> Decisions:
    config, rows = preset.adt, task.train

    def build() -> reversal.Reversal:
        # from the plain encoder's weights, as FFVAE and FD-VAE: all have had as many passes
        model = encoder(images, preset, "n", seed=seed, codes=False).model
        net = reversal.Reversal(model, config.hidden, torch_rng(seed, "adt"))
        return net.to(images.x.device).requires_grad_(True)

    def train(net: reversal.Reversal) -> dict[str, Any]:
        done = reversal.train(
            net.model, images.x[rows], task.y[rows], task.s[rows], about["strength"],
            config=config, seed=seed,
        )  # fmt: skip
        net.load_state_dict(done.net.state_dict())
        return {"history": done.history}

    net, _card = network(build, train, {**about, "seed": seed})
    return {
        part: net.decisions(images.x[getattr(task, part)])[0].cpu().numpy().astype(np.int8)
        for part in PARTS
    }
