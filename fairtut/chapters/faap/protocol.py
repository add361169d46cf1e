"""One cell of the table: a target and a seed, four deployed models, and FAAP on each.

A cell returns decisions and answers of probes about the *same* people for every model, so that
every comparison can be paired (:mod:`fairtut.metrics.panels`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.faap.presets import Preset
from fairtut.chapters.faap.probes import probe
from fairtut.data.images import ImageSet, halves, pixels
from fairtut.lab.keep import network
from fairtut.methods import deployed, faap
from fairtut.methods.faap.split import Split
from fairtut.models.perturb import Perturber
from fairtut.models.resnet import FaceClassifier, resnet18
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import stream_seed, torch_rng

SENSITIVE = "Male"
EVALUATED = ("val", "test")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Patient:
    """One deployed model before and after FAAP, as seen by the evaluated people.

    Attributes
    ----------
    margin : mapping of str to array, shape (n,)
        The difference of the two logits on ``plain`` images, with random ``noise`` of the same
        bound, with ``faap``, and with ``only-t`` where that was trained.  Positive means decided
        for the positive label.
    right : mapping of str to array, shape (n,)
        Whether a reader of the code is right: ``linear`` and ``mlp`` probes of s, ``target``
        probe of y, each with ``-faap`` for perturbed images, and the discriminator ``d-faap``.
    history : list of dict
        FAAP's training.
    """

    kind: str
    margin: Mapping[str, Floats]
    right: Mapping[str, Bools]
    history: list[dict[str, float]] = field(repr=False)


@dataclass(frozen=True)
class Cell:
    """The four patients of a target and a seed; ``rows`` index the evaluated people."""

    target: str
    seed: int
    patients: Mapping[str, Patient]


@dataclass(frozen=True)
class Task:
    """Images and labels of one target, cut in the parts of the protocol."""

    images: ImageSet
    target: str
    seed: int
    half: int | None = None

    @property
    def y(self) -> Tensor:
        """The label, (n,)."""
        return self.images.labels(self.target)

    @property
    def s(self) -> Tensor:
        """The sensitive attribute, (n,)."""
        return self.images.labels(SENSITIVE)

    def halves(self) -> tuple[Tensor, Tensor]:
        """Return the rows that train the deployed model and those that train FAAP.

        CelebA: two random halves of the training images, as in the paper.  LFW: the paper does not
        say which images train FAAP; we take its validation part.
        """
        if self.images.name == "lfw":
            masks = (self.images.split == "train", self.images.split == "val")
        else:
            masks = halves(self.images, self.seed)
        first, second = (torch.from_numpy(np.flatnonzero(mask)) for mask in masks)
        return _some(first, self.half, self.seed), _some(second, self.half, self.seed)

    def card(self) -> dict[str, Any]:
        """Return what every training on this task depends on."""
        return {
            "images": self.images.digest, "target": self.target, "seed": self.seed,
            "half": self.half,
        }  # fmt: skip

    def evaluated(self) -> Tensor:
        """Return the rows that were trained on by nobody: validation and test (LFW: test)."""
        parts = ("test",) if self.images.name == "lfw" else EVALUATED
        return torch.from_numpy(np.flatnonzero(np.isin(self.images.split, parts)))


def _some(rows: Tensor, most: int | None, seed: int) -> Tensor:
    """Return the rows, or a random choice of ``most`` of them in their order."""
    if most is None or len(rows) <= most:
        return rows
    order = torch.randperm(len(rows), generator=torch_rng(seed, "half"))
    return rows[order[:most].sort().values]


def deploy(task: Task, kind: str, preset: Preset, **changes: Any) -> FaceClassifier:
    """Return a deployed model: loaded where it was trained before, else trained and kept.

    All kinds of one seed share the first epochs; ``changes`` are to its
    :class:`~fairtut.methods.deployed.Training`.
    """
    config = replace(preset.deployed(task.target, kind), **changes)
    settings = asdict(config)  # what a kind does not use makes no other model
    settings |= {} if kind in ("fair", "rg") else {"strength": 0, "looks": ""}
    settings |= {} if kind == "lf" else {"flip_rate": 0, "flip": ""}
    build = partial(start, task, config, preset.width) if config.shared_epochs else None
    return _taught(task, kind, config, preset.width, settings | {"kind": kind}, build)


def start(task: Task, config: deployed.Training, width: int) -> FaceClassifier:
    """Return what all kinds of one seed start from: the first epochs of plain training."""
    settings = {k: getattr(config, k) for k in ("shared_epochs", "batch", "lr")}
    return _taught(task, "normal", config, width, settings | {"kind": "shared"}, shared=True)


def _taught(
    task: Task, kind: str, config: deployed.Training, width: int, settings: Mapping[str, Any],
    build: Callable[[], FaceClassifier] | None = None, shared: bool = False,
) -> FaceClassifier:  # fmt: skip
    """Return a classifier trained on the first half, from a fresh one or from what is built."""
    rows, _ = task.halves()
    x, y, s = task.images.x[rows], task.y[rows], task.s[rows]

    def fresh() -> FaceClassifier:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(task.seed, "deployed", task.target))
            return resnet18(width).to(x.device)

    def train(model: FaceClassifier) -> Mapping[str, Any]:
        return deployed.train(
            model, x, y, s, kind=kind, config=config, seed=task.seed, shared=shared
        )

    about = {"what": "deployed", **task.card(), "width": width, "stem": "standard", **settings}
    return network(build or fresh, train, about)[0]


def generator(
    task: Task, models: list[FaceClassifier], names: list[str], config: faap.Config
) -> tuple[Perturber, torch.nn.ModuleList, list[dict[str, float]]]:
    """Return FAAP's generator for a model (or several), with its discriminators and history."""
    _, rows = task.halves()
    x, y, s = task.images.x[rows], task.y[rows], task.s[rows]
    splits = [Split(model, "g") for model in models]

    def build() -> faap.Pair:
        return faap.Pair([m.f.in_features for m in models], config, task.seed).to(x.device)

    def train(pair: faap.Pair) -> Mapping[str, Any]:
        done = faap.train(splits, x, y, s, config=config, seed=task.seed, pair=pair)
        return {"history": done.history}

    about = {
        "what": "faap", **task.card(), "names": names,
        "models": [state_digest(m) for m in models], "config": config,
    }  # fmt: skip
    pair, card = network(build, train, about)
    return pair.g, pair.d, card["history"]


def treat(task: Task, kind: str, preset: Preset) -> Patient:
    """Deploy one model, train FAAP on it, and collect decisions and probes."""
    model = deploy(task, kind, preset)
    g, judges, history = generator(task, [model], [kind], preset.generator(task.target))
    people = task.evaluated()
    versions: dict[str, Perturber | Noise] = {"noise": Noise(g.epsilon, task.seed), "faap": g}
    if task.target in preset.only_t and kind in ("lf", "rg"):
        alone = preset.generator(task.target, objective="only-t")
        versions["only-t"], _, _ = generator(task, [model], [kind], alone)
    plain, margin = see(model, task.images.x[people])
    margins, codes = {"plain": margin}, {"plain": plain}
    for name, change in versions.items():
        codes[name], margins[name] = see(model, task.images.x[people], change)
    right = _readers(task, model, g, codes, preset)
    with torch.inference_mode():
        right["d-faap"] = (judges[0](codes["faap"]).argmax(1) == task.s[people]).cpu().numpy()
    return Patient(kind, margins, right, history)


class Noise:
    """Random noise of the size of the bound: each pixel moves by plus or minus epsilon."""

    def __init__(self, epsilon: float, seed: int) -> None:
        self.epsilon, self.generator = epsilon, torch_rng(seed, "noise")

    def __call__(self, x: Tensor) -> Tensor:
        """Return images of the same shape, in [0, 1]."""
        sign = torch.randint(0, 2, x.shape, generator=self.generator).to(x) * 2 - 1
        return (x + self.epsilon * sign).clamp(0, 1)


@torch.inference_mode()
def see(model: FaceClassifier, x: Tensor, change: Any = None) -> tuple[Tensor, Floats]:
    """Return codes (n, d) and margins (n,) of images, changed first where asked."""
    codes, margins = [], []
    for part in x.split(256):
        batch = pixels(part)
        z = model.g(batch if change is None else change(batch))
        logits = model.f(z)
        codes.append(z)
        margins.append(logits[:, 1] - logits[:, 0])
    return torch.cat(codes), torch.cat(margins).cpu().numpy()


def _readers(
    task: Task, model: FaceClassifier, g: Perturber, codes: Mapping[str, Tensor], preset: Preset
) -> dict[str, Bools]:
    """Train fresh probes on codes of FAAP's training rows; test them on the evaluated people."""
    _, rows = task.halves()
    rows = rows[: preset.probe]
    people = task.evaluated()
    right: dict[str, Bools] = {}
    for name, change in (("plain", None), ("faap", g)):
        z, _ = see(model, task.images.x[rows], change)
        tail = "" if name == "plain" else "-faap"
        for reader, hidden, label in (
            ("linear", (), task.s),
            ("mlp", (128,), task.s),
            ("target", (), task.y),
        ):
            guess = probe(z, label[rows], codes[name], hidden=hidden, seed=task.seed)
            right[reader + tail] = (guess == label[people].cpu()).numpy()
    return right
