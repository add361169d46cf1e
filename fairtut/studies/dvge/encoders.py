"""Encoders of images, trained once and kept, and the codes that they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fairtut.data.images import ImageSet
from fairtut.methods import latent
from fairtut.models.vae import ConvVAE
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.stopwatch import Stopwatch
from fairtut.runtime.threads import torch_threads
from fairtut.studies.dvge.presets import Preset
from fairtut.studies.dvge.tasks import SETTINGS, Task, some, task_of


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
    from joblib import Parallel, delayed

    jobs = preset.jobs if images.x.device.type == "cpu" else 1
    names = list(configs(preset))
    first = [(name, None) for name in ("n", "d")]  # the others start from n
    shared = [(name, None) for name in names if name.startswith("ffvae")]
    own = [(n, s) for n in names if n.startswith("fdvae") for s in preset.settings]
    for group in (first, shared + own):
        Parallel(n_jobs=jobs)(delayed(_quietly)(images, preset, *one) for one in group)


def _quietly(images: ImageSet, preset: Preset, name: str, setting: str | None) -> None:
    with torch_threads(1):
        encoder(images, preset, name, setting, codes=False)


def encoder(
    images: ImageSet, preset: Preset, name: str, setting: str | None = None, codes: bool = True
) -> Encoder:
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
    codes : bool
        Whether to encode all images.
    """
    config = configs(preset)[name]
    start = None
    if name not in ("n", "d"):
        start = encoder(images, preset, "n", codes=False)
    model = _fresh(preset, images.x.device)
    if start is not None:
        model.load_state_dict(start.model.state_dict())
    s, y = _labels(images, preset, config.kind, setting)
    objective = latent.build(config, model, preset.root, 1 if s is None else s.shape[1])
    pair = torch.nn.ModuleDict({"model": model, "objective": objective}).to(images.x.device)
    card = {
        "what": "encoder", "images": images.digest, "most": preset.most, "width": preset.width,
        "latent": preset.latent, "seed": preset.root, "setting": setting, **asdict(config),
        "start": None if start is None else asdict(configs(preset)["n"]),
    }  # fmt: skip

    def run(_: Any) -> Mapping[str, Any]:
        watch = Stopwatch(images.x.device)
        rows = _training(images, preset)
        done = latent.train(
            model, images.x[rows], config, preset.root, s=None if s is None else s[rows],
            y=None if y is None else y[rows], objective=objective, what=f"encoder {name}",
        )  # fmt: skip
        return {"history": done.history, "seconds": watch.lap()}

    kept = load_or_train(pair, card, run)
    pair.eval().requires_grad_(False)
    known = model.codes(images.x[_training(images, preset)]) if codes else torch.ones(2, 1)
    found = Encoder(
        model, objective, torch.empty(0), float(known.var(0).mean().sqrt()) if codes else 1.0,
        kept["history"], float(kept["seconds"]),
    )  # fmt: skip
    return replace(found, z=found.codes(images.x)) if codes else found


def usable(images: ImageSet, preset: Preset, name: str, task: Task) -> Tensor:
    """Return what a task may see of FFVAE's or FD-VAE's codes, (n, d')."""
    found = encoder(images, preset, name, task.name if name.startswith("fdvae") else None)
    if name.startswith("ffvae"):
        kept = list(range(found.z.shape[1]))
        order = ("Male", "Young")  # of FFVAE's last dimensions
        for attribute in SETTINGS[task.name].sensitive:
            kept.remove(found.z.shape[1] - len(order) + order.index(attribute))
        return found.z[:, kept]
    return found.objective.keep(found.z * found.scale) / found.scale


def _fresh(preset: Preset, device: torch.device) -> ConvVAE:
    rng = torch_rng(preset.root, "vae")
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
