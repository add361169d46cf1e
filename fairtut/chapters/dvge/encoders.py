"""Encoders of images, trained once and kept, and the codes that they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from fairtut.chapters.dvge.presets import Preset
from fairtut.chapters.dvge.tasks import SETTINGS, Task, some, task_of
from fairtut.data.images import ImageSet
from fairtut.lab import grid
from fairtut.lab.keep import network
from fairtut.methods import latent
from fairtut.models.vae import ConvVAE
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.stopwatch import Stopwatch


@dataclass(frozen=True)
class Encoder:
    """A trained encoder.

    Attributes
    ----------
    model : ConvVAE
    objective : latent.Objective
        With its auxiliary networks.
    z : Tensor, shape (n, d)
        Scaled mean codes of *all* images, see :meth:`codes`.
    scale : float
    history : list of dict
        Losses of its training, in nats.
    seconds : float
        How long its training took, when it was trained
        (:class:`~fairtut.runtime.stopwatch.Stopwatch`).
    """

    model: ConvVAE
    objective: latent.Objective
    z: Tensor
    scale: float
    history: list[dict[str, float]]
    seconds: float

    def codes(self, x: Tensor) -> Tensor:
        """Return mean codes divided by one number, so that their mean variance is 1, (n, d).

        The released code stores random samples, whose variance is about 1; a mean code varies
        less, and a step of η1 would be longer against it.  The number comes from training images.
        """
        return self.model.codes(x) / self.scale


def configs(preset: Preset) -> dict[str, latent.Config]:
    """Return what is trained, by name: ``n``, ``d``, and FFVAE and FD-VAE at every strength."""
    base, sweep = preset.vae, preset.sweep
    tuned = replace(base, epochs=preset.tuned)
    found = {"n": base, "d": replace(base, kind="factor")}
    for i, (alpha, gamma) in enumerate(sweep.ffvae):
        found[f"ffvae-{i}"] = replace(tuned, kind="ffvae", alpha=alpha, gamma=gamma)
    for i, lam in enumerate(sweep.fdvae):
        found[f"fdvae-{i}"] = replace(tuned, kind="fdvae", alpha=10.0, lam=lam)
    return found


def train_all(images: ImageSet, preset: Preset) -> None:
    """Train every encoder of the preset that is not kept yet, several at a time."""
    grid.run(cells(images, preset), jobs=preset.jobs, device=images.x.device, what="encoders")


def cells(images: ImageSet, preset: Preset) -> list[grid.Cell]:
    """Return one cell per encoder; FFVAE and FD-VAE start from the plain one."""
    known = configs(preset)
    plain = spec(images, preset, "n", None)
    specs = [plain, spec(images, preset, "d", None)]
    for name in known:
        if name.startswith("ffvae"):
            specs.append(spec(images, preset, name, None, plain))
    for name in known:
        if name.startswith("fdvae"):
            specs += [spec(images, preset, name, s, plain) for s in preset.settings]
    return grid.cells(specs, preset.run_seeds())


def spec(
    images: ImageSet, preset: Preset, name: str, setting: str | None, *needs: grid.Spec
) -> grid.Spec:
    """Return what the engine trains for an encoder, after what it starts from."""
    return grid.Spec(
        f"encoder {name}{f' for {setting}' if setting else ''}",
        partial(_digest, images, preset, name, setting),
        about(images, preset, name, setting),
        needs,
    )


def _digest(
    images: ImageSet, preset: Preset, name: str, setting: str | None, seed: int, *needs: str
) -> str:
    """Train an encoder and return the digest of its weights: the network itself is kept."""
    return state_digest(encoder(images, preset, name, setting, seed=seed, codes=False).model)


def about(images: ImageSet, preset: Preset, name: str, setting: str | None) -> dict[str, Any]:
    """Return everything that an encoder depends on besides its seed."""
    first = name in ("n", "d")
    return {
        "what": "encoder", "images": images.digest, "most": preset.most, "width": preset.width,
        "latent": preset.latent, "setting": setting,
        "config": configs(preset)[name], "start": None if first else configs(preset)["n"],
    }  # fmt: skip


def encoder(
    images: ImageSet, preset: Preset, name: str, setting: str | None = None, *,
    seed: int | None = None, codes: bool = True,
) -> Encoder:  # fmt: skip
    """Return an encoder: loaded where it was trained before, else trained and kept.

    Parameters
    ----------
    images : ImageSet
    preset : Preset
    name : str
        A key of :func:`configs`.
    setting : str, optional
        FD-VAE learns from the labels of a setting.  FFVAE learns Male and Young at once and
        serves every setting.
    seed : int, optional
        Which training; default the first of the run.
    codes : bool
        Whether to encode all images.
    """
    config, seed = configs(preset)[name], preset.run_seeds()[0] if seed is None else seed
    s, y = _labels(images, preset, config.kind, setting)

    def build() -> torch.nn.ModuleDict:
        model = _fresh(preset, seed, images.x.device)
        if name not in ("n", "d"):
            start = encoder(images, preset, "n", seed=seed, codes=False)
            model.load_state_dict(start.model.state_dict())
        objective = latent.build(config, model, seed, 1 if s is None else s.shape[1])
        both = torch.nn.ModuleDict({"model": model, "objective": objective})
        return both.to(images.x.device)

    def train(pair: torch.nn.ModuleDict) -> Mapping[str, Any]:
        watch = Stopwatch(images.x.device)
        rows = _training(images, preset)
        done = latent.train(
            _model(pair), images.x[rows], config, seed, s=None if s is None else s[rows],
            y=None if y is None else y[rows], objective=_objective(pair), what=f"encoder {name}",
        )  # fmt: skip
        return {"history": done.history, "seconds": watch.lap()}

    pair, card = network(build, train, {**about(images, preset, name, setting), "seed": seed})
    model = _model(pair)
    known = model.codes(images.x[_training(images, preset)]) if codes else torch.ones(2, 1)
    found = Encoder(
        model, _objective(pair), torch.empty(0),
        float(known.var(0).mean().sqrt()) if codes else 1.0, card["history"],
        float(card["seconds"]),
    )  # fmt: skip
    return replace(found, z=found.codes(images.x)) if codes else found


def _model(pair: torch.nn.ModuleDict) -> ConvVAE:
    return cast(ConvVAE, pair["model"])


def _objective(pair: torch.nn.ModuleDict) -> latent.Objective:
    return cast(latent.Objective, pair["objective"])


def codes(images: ImageSet, preset: Preset, name: str) -> Tensor:
    """Return the codes of every training's own encoder, ``n`` or ``d``, (seeds, n, d)."""
    each = (encoder(images, preset, name, seed=seed).z for seed in preset.run_seeds())
    return torch.stack(list(each))


def usable(images: ImageSet, preset: Preset, name: str, task: Task) -> Tensor:
    """Return what a task may see of FFVAE's or FD-VAE's codes, by training, (seeds, n, d')."""
    each = (_usable(images, preset, name, task, seed) for seed in preset.run_seeds())
    return torch.stack(list(each))


def _usable(images: ImageSet, preset: Preset, name: str, task: Task, seed: int) -> Tensor:
    setting = task.name if name.startswith("fdvae") else None
    found = encoder(images, preset, name, setting, seed=seed)
    if name.startswith("ffvae"):
        kept = list(range(found.z.shape[1]))
        order = ("Male", "Young")  # of FFVAE's last dimensions
        for attribute in SETTINGS[task.name].sensitive:
            kept.remove(found.z.shape[1] - len(order) + order.index(attribute))
        return found.z[:, kept]
    return found.objective.keep(found.z * found.scale) / found.scale


def _fresh(preset: Preset, seed: int, device: torch.device) -> ConvVAE:
    rng = torch_rng(seed, "vae")
    return ConvVAE(preset.latent, preset.size, preset.width, generator=rng).to(device)


def _training(images: ImageSet, preset: Preset) -> Tensor:
    rows = torch.from_numpy((images.split == "train").nonzero()[0])
    return some(rows, preset.most)


def _labels(
    images: ImageSet, preset: Preset, kind: str, setting: str | None
) -> tuple[Tensor | None, Tensor | None]:
    """Return the labels that a kind learns from: s (n, attributes) and y (n,)."""
    if kind == "ffvae":
        return torch.stack([images.labels("Male"), images.labels("Young")], 1), None
    if kind == "fdvae":
        task = task_of(images, str(setting), preset.most)
        return task.s[:, None], task.y
    return None, None
