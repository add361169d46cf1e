"""One cell of the table: a target and a seed, four deployed models, and FAAP on each.

A cell returns decisions and answers of probes about the *same* people for every model, so that
every comparison can be paired (:mod:`fairtut.metrics.panels`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.data.images import ImageSet, halves, pixels
from fairtut.methods import deployed, faap
from fairtut.methods.faap.split import Split
from fairtut.models.mlp import MLP
from fairtut.models.perturb import Perturber
from fairtut.models.resnet import FaceClassifier, resnet18
from fairtut.runtime.checkpoints import load_or_train, state_digest
from fairtut.runtime.seeds import stream_seed, torch_rng
from fairtut.runtime.threads import torch_threads
from fairtut.studies.faap.presets import Preset
from fairtut.studies.faap.probes import probe

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
    rows, _ = task.halves()
    x, y, s = task.images.x[rows], task.y[rows], task.s[rows]
    card = {
        "what": "deployed", "images": task.images.digest, "target": task.target,
        "seed": task.seed, "half": task.half, "width": preset.width, "stem": "standard",
    }  # fmt: skip

    def fresh() -> FaceClassifier:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(task.seed, "deployed", task.target))
            return resnet18(preset.width).to(x.device)

    def teach(kind: str, shared: bool) -> Any:
        def run(model: Any) -> Mapping[str, Any]:
            return deployed.train(
                model, x, y, s, kind=kind, config=config, seed=task.seed, shared=shared
            )

        return run

    model = fresh()
    if config.shared_epochs:
        common = {k: asdict(config)[k] for k in ("shared_epochs", "batch", "lr")}
        load_or_train(model, card | {"kind": "shared", **common}, teach("normal", True))
    settings = asdict(config) | ({} if kind in ("fair", "rg") else {"strength": 0, "looks": ""})
    settings |= {} if kind == "lf" else {"flip_rate": 0, "flip": ""}
    load_or_train(model, card | {"kind": kind, **settings}, teach(kind, False))
    return model.eval().requires_grad_(False)


def generator(
    task: Task, models: list[FaceClassifier], names: list[str], config: faap.Config
) -> tuple[Perturber, torch.nn.ModuleList, list[dict[str, float]]]:
    """Return FAAP's generator for a model (or several), with its discriminators and history."""
    _, rows = task.halves()
    x, y, s = task.images.x[rows], task.y[rows], task.s[rows]
    held = _Pair(models, config).to(x.device)
    card = {
        "what": "faap", "images": task.images.digest, "target": task.target, "seed": task.seed,
        "half": task.half, "names": names, "models": [state_digest(m) for m in models],
        **asdict(config),
    }  # fmt: skip

    def run(pair: Any) -> Mapping[str, Any]:
        splits = [Split(model, "g") for model in models]
        done = faap.train(splits, x, y, s, config=config, seed=task.seed)
        pair.g.load_state_dict(done.perturber.state_dict())
        pair.d.load_state_dict(done.discriminators.state_dict())
        return {"history": done.history}

    kept = load_or_train(held, card, run)
    held.eval().requires_grad_(False)
    return held.g, held.d, kept["history"]


class _Pair(torch.nn.Module):
    """A generator and its discriminators, saved together."""

    def __init__(self, models: list[FaceClassifier], config: faap.Config) -> None:
        super().__init__()
        self.g = Perturber(config.width, config.blocks, epsilon=config.epsilon, bound=config.bound)
        self.d = torch.nn.ModuleList(MLP(m.f.in_features, config.hidden, 2) for m in models)


def run_cell(
    images: ImageSet, target: str, seed: int, preset: Preset, kinds: tuple[str, ...] | None = None
) -> Cell:
    """Train and measure one cell.

    Parameters
    ----------
    images : ImageSet
    target : str
        The attribute to predict.
    seed : int
        Draws the halves and initialises every network.
    preset : Preset
    kinds : tuple of str, optional
        Default all of :data:`fairtut.methods.deployed.KINDS`.
    """
    with torch_threads(1):
        task = Task(images, target, seed, preset.half)
        patients = {kind: treat(task, kind, preset) for kind in kinds or deployed.KINDS}
    return Cell(target, seed, patients)


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
