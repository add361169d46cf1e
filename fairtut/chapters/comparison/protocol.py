"""One cell: a method and a training, on the same faces, the same model and the same codes as all.

A training has a deployed model and an encoder of its own, which all methods share; each is trained
once and kept.  Then every method is fitted at each of its settings and asked about validation
people, test people and their twins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.chapters.comparison.presets import Preset
from fairtut.data import images as photographs
from fairtut.data.synthetic import faces
from fairtut.lab import grid, mitigation
from fairtut.lab.keep import network
from fairtut.lab.mitigation import Ground, Mitigation, Tried
from fairtut.methods import deployed, latent
from fairtut.models.resnet import FaceClassifier, resnet18
from fairtut.models.vae import ConvVAE
from fairtut.runtime.cache import key_of
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import numpy_rng, stream_seed, torch_rng

Ints = NDArray[np.int64]

PARTS: Final = ("train", "val", "test")
TWINS: Final = "twins"


@dataclass(frozen=True)
class Task:
    """Faces with two labels each: what was recorded, and what is true.

    Attributes
    ----------
    x : mapping of str to uint8 tensor, shape (n, 3, h, w)
        Part to pictures; drawn faces have ``twins`` as well, the test people with the other sex.
    y, truth, s : mapping of str to int array, shape (n,)
        Recorded label, label without mistakes, group.
    clean : int array
        Training rows whose label was checked.
    source, digest : str
        Where the faces come from, and a digest of all of this.
    """

    x: Mapping[str, Tensor]
    y: Mapping[str, Ints]
    truth: Mapping[str, Ints]
    s: Mapping[str, Ints]
    clean: Ints
    source: str
    digest: str


@dataclass(frozen=True)
class Models:
    """What is there before any method: the deployed model, and an encoder without labels."""

    classifier: FaceClassifier
    vae: ConvVAE


def task_of(preset: Preset, data: str, seed: int, device: torch.device | str = "cpu") -> Task:
    """Return the faces of a run, with labels that were recorded against one group.

    On photographs the true label is the one that they came with, so the truth is CelebA's word.
    """
    if data == "real":
        images, twins = photographs.load("celeba", size=preset.size, device=device), None
    else:
        drawn = faces.sample(
            preset.faces, seed=seed, size=preset.size, nuisance=preset.nuisance,
            annotator_noise=0.0, splits=preset.splits, device=device,
        )  # fmt: skip
        images = drawn.images
        twins = faces.counterfactual(drawn.select(images.split == "test"), preset.sensitive).images
    rows = {p: np.flatnonzero(images.split == p)[: preset.most.get(p)] for p in PARTS}
    truth, s = (images.labels(a).cpu().numpy() for a in (preset.target, preset.sensitive))
    x = {p: images.x[r] for p, r in rows.items()}
    right, group = ({p: v[r] for p, r in rows.items()} for v in (truth, s))
    y = {p: deployed.flip_labels(right[p], group[p], preset.flipped, seed) for p in PARTS}
    if twins is not None:
        x[TWINS], group[TWINS] = twins.x, twins.labels(preset.sensitive).cpu().numpy()
    order = numpy_rng(seed, "clean").permutation(len(rows["train"]))
    clean = np.sort(order[: preset.clean])
    about = [images.digest, preset.target, preset.sensitive, preset.flipped, dict(preset.most)]
    return Task(x, y, right, group, clean, images.source, key_of({"about": about, "clean": clean}))


# --- what every method shares -----------------------------------------------------------------


def classifier(task: Task, preset: Preset, seed: int) -> FaceClassifier:
    """Return the deployed model: loaded where it was trained before, else trained and kept."""
    x, config = task.x["train"], preset.deployed
    y, s = (torch.from_numpy(v["train"]).to(x.device) for v in (task.y, task.s))

    def build() -> FaceClassifier:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(seed, "compared"))
            return resnet18(preset.width).to(x.device)

    def train(net: FaceClassifier) -> Mapping[str, Any]:
        return deployed.train(net, x, y, s, kind="normal", config=config, seed=seed)

    about = {"what": "compared", "faces": task.digest, "width": preset.width, "seed": seed,
             "config": config}  # fmt: skip
    return network(build, train, about)[0]


def encoder(task: Task, preset: Preset, seed: int) -> ConvVAE:
    """Return a VAE of the training faces, without any label: loaded, or trained and kept."""
    x = task.x["train"]

    def build() -> ConvVAE:
        rng = torch_rng(seed, "vae")
        return ConvVAE(preset.latent, preset.size, preset.channels, generator=rng).to(x.device)

    def train(net: ConvVAE) -> Mapping[str, Any]:
        return {"history": latent.train(net, x, preset.vae, seed, what="encoder").history}

    about = {"what": "compared encoder", "faces": task.digest, "config": preset.vae, "seed": seed,
             "latent": preset.latent, "channels": preset.channels}  # fmt: skip
    return network(build, train, about)[0]


def probability(model: nn.Module, x: Tensor) -> NDArray[np.float64]:
    """Return the probability of the positive label of pictures, uint8 or in [0, 1], (n,)."""
    with torch.inference_mode():
        parts = [model(photographs.as_pixels(part)).softmax(1)[:, 1] for part in x.split(256)]
    return torch.cat(parts).double().cpu().numpy().clip(0, 1)


def ground(task: Task, preset: Preset, seed: int) -> Ground:
    """Return what every method of a training is given.

    ``pictures``; the deployed model's ``codes``, the last thing that it computes before its
    decision; its ``scores``; and ``latents``, the encoder's codes, scaled to unit variance.
    """
    models = Models(classifier(task, preset, seed), encoder(task, preset, seed))
    seen = {p: deployed.outputs(models.classifier, x) for p, x in task.x.items()}
    latents = {p: models.vae.codes(x) for p, x in task.x.items()}
    scale = latents["train"].std(0).clamp_min(1e-6)
    decide = {"pictures": partial(probability, models.classifier)}
    x: dict[str, Mapping[str, Any]] = {
        "pictures": task.x,
        "codes": {p: z.double().cpu().numpy() for p, (z, _) in seen.items()},
        "scores": {p: v.softmax(1)[:, 1].double().cpu().numpy() for p, (_, v) in seen.items()},
        "latents": {p: z / scale for p, z in latents.items()},
    }
    return Ground(x, task.y, task.s, decide, models, (task.clean, task.truth["train"][task.clean]),
                  seed)  # fmt: skip


# --- cells ------------------------------------------------------------------------------------


def cell(task: Task, preset: Preset, method: Mitigation, seed: int, *_: str) -> Tried:
    """Fit one method at all its settings in one training, and ask it about everybody."""
    return mitigation.tried(method, ground(task, preset, seed))


def cells(task: Task, preset: Preset, methods: Sequence[Mitigation]) -> list[grid.Cell]:
    """Return a cell for each method and training, after the models that all of them share.

    Cells are named by the target, too, so those of several targets can run side by side.
    """
    shared = {k: v for k, v in asdict(preset).items() if k in _SHARED}
    first = grid.Spec(
        _named(preset, "models"), partial(_models, task, preset), {"task": task.digest, **shared}
    )
    specs = [
        grid.Spec(
            _named(preset, method.name),
            partial(cell, task, preset, method),
            {"task": task.digest, "method": mitigation.about(method)},
            (first,),
        )
        for method in methods
    ]
    return grid.cells(specs, preset.run_seeds())


_SHARED: Final = ("deployed", "vae", "width", "latent", "channels", "size")


def _named(preset: Preset, what: str) -> str:
    return f"{preset.target}: {what}"


def _models(task: Task, preset: Preset, seed: int) -> str:
    both = classifier(task, preset, seed), encoder(task, preset, seed)
    return " ".join(state_digest(net) for net in both)


def compete(task: Task, preset: Preset, methods: Sequence[Mitigation]) -> dict[str, list[Tried]]:
    """Return what every method said in every training, from the store where it is there."""
    listed = cells(task, preset, methods)
    found = grid.run(listed, jobs=preset.jobs, device=task.x["train"].device, what="methods")
    seeds = preset.run_seeds()
    return {m.name: [found[_named(preset, m.name), k] for k in seeds] for m in methods}


__all__ = ["Models", "Task", "cell", "cells", "compete", "ground", "task_of"]
