"""Cells of the tables: train R and its consumers, certify the evaluated images, remember it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.chapters.lassi.directions import directions, found_card
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.presets import EQUAL, METHODS, NOISE, TASKS, Preset, voting
from fairtut.methods.lassi.certify import Certificates, classify, smooth_codes
from fairtut.methods.lassi.config import Config
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.learning import consumer, encode, train
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.seeds import stream_seed
from fairtut.runtime.stopwatch import Stopwatch

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

K = TypeVar("K")
_CONSUMER: Final = ("sigma_rs", "consumer_epochs", "consumer_batch", "consumer_lr")


@dataclass(frozen=True)
class Spec:
    """What one cell is.

    Attributes
    ----------
    method : str
        ``naive``, ``dataaug``, ``lassi``, ``transfer`` or ``plain``.
    task : str
        Key of ``TASKS``; what consumers predict.
    setting : str
        Key of ``SETTINGS``.
    seed : int
    config : Config
        Of R and its consumers; its ``sigma_rs`` is the published noise on codes.
    sigmas : tuple of float
        The noises that consumers are trained and certified with, the published one first.
    way : str
        How the attribute vectors were found.
    choose : bool
        Whether validation images are certified, too.
    free : bool
        Whether images are certified without sampling, too (one attribute only).
    """

    method: str
    task: str
    setting: str
    seed: int
    config: Config
    sigmas: tuple[float, ...]
    way: str = "mean"
    choose: bool = False
    free: bool = False

    @property
    def own(self) -> tuple[str, ...]:
        """What R depends on: without attribute vectors it is the same for every setting."""
        task = (self.task,) if self.config.classification else ()
        moved = (self.setting, self.way) if self.config.moves else ()
        return (self.method, *task, *moved)

    def stream(self, *purpose: str) -> int:
        """Return the seed of a stream that no other cell has."""
        name = (self.method, self.task, self.setting, self.way)
        return stream_seed(self.seed, "lassi", *name, *purpose)


@dataclass(frozen=True)
class Certified:
    """Certificates of m images, as arrays (m,); see ``Certificates``."""

    prediction: Ints
    fair: Bools
    d_cs: Floats
    d_rs: Floats

    @classmethod
    def of(cls, found: Certificates) -> Certified:
        """Keep what the tables need."""
        return cls(found.prediction, found.fair, found.d_cs, found.d_rs)

    def right(self, y: Ints) -> Bools:
        """Return who is decided as the label says; an abstention is an error."""
        return np.asarray(self.prediction == y)


@dataclass(frozen=True)
class Exact:
    """What holds without sampling, for one attribute; arrays (m,).

    Attributes
    ----------
    fair : bool
        Whether the unsmoothed decision is constant on the similarity set.
    free : Certified or None
        Certificates without sampling, where they were asked for.
    distance : float
        Largest distance of a code in the set from R(z).
    corners : int
        Of the curve in the set.
    """

    fair: Bools
    free: Certified | None
    distance: Floats
    corners: Ints


@dataclass(frozen=True)
class Cell:
    """A representation with its consumers, and what was certified.

    Attributes
    ----------
    spec : Spec
    y, y_val : int arrays
        Labels of the evaluated test and validation images.
    test, val : dict of float to Certified
        By noise on codes; ``val`` is empty unless a noise is to be chosen.
    exact : Exact or None
        For one attribute, with the consumer of the published noise.
    y_test, plain : int arrays
        Labels of *all* test images, and the decisions of the unsmoothed C∘R.
    seconds : dict of str to float
        CPU seconds: ``smoothing`` and ``images``.
    """

    spec: Spec
    y: Ints
    y_val: Ints
    test: dict[float, Certified]
    val: dict[float, Certified]
    exact: Exact | None
    y_test: Ints
    plain: Ints
    seconds: dict[str, float]

    @property
    def published(self) -> Certified:
        """Certificates at the published noise."""
        return self.test[self.spec.sigmas[0]]


def plan(preset: Preset) -> list[Spec]:
    """Return the cells of table 1.

    Baselines are certified at every noise that is tried, on validation images too.
    """
    specs = []
    for method in METHODS:
        config = preset.config(method)
        chosen = method != "lassi"
        tried = (*preset.sigmas, EQUAL) if chosen else ()
        sigmas = tuple(dict.fromkeys((config.sigma_rs, *tried)))
        count = preset.baseline_seeds if chosen else preset.seeds
        specs += [
            Spec(method, preset.task, setting, seed, config, sigmas, choose=chosen, free=True)
            for setting in preset.settings for seed in preset.run_seeds(count)
        ]  # fmt: skip
    return specs


def _of_representation(spec: Spec) -> Config:
    """Return the settings that R depends on; the others are as by default."""
    config = replace(spec.config, **{name: getattr(Config, name) for name in _CONSUMER})
    return config if config.moves else replace(config, epsilon=Config.epsilon)


def representation_card(world: World, preset: Preset, spec: Spec) -> dict[str, Any]:
    """Return the card of a cell's representation: everything that its training depends on."""
    config = _of_representation(spec)
    card = {
        "what": "lassi", "world": world.digest, "own": spec.own, "seed": spec.seed,
        "root": preset.root if config.moves else 0, **asdict(config),
    }  # fmt: skip
    if spec.way == "discover" and config.moves:
        card["discover"] = found_card(world, preset)
    return card


def encoder(world: World, preset: Preset, spec: Spec) -> Representation:
    """Return a cell's representation: loaded where it was trained before, else trained and kept."""
    config, card = _of_representation(spec), representation_card(world, preset, spec)
    z = world.z("train")
    r = Representation(z.shape[1], config.hidden, config.outputs).to(world.device)

    def run(module: Any) -> dict[str, Any]:
        a = directions(world, preset, spec.setting, spec.way, spec.task) if config.moves else None
        name = TASKS[spec.task]
        y, y_val = (
            world.labels(name, part) if config.classification else None for part in ("train", "val")
        )
        learned = train(
            z, y, a, (world.z("val"), y_val), config=config, device=world.device,
            seed=stream_seed(spec.seed, "lassi", *spec.own),
        )  # fmt: skip
        module.load_state_dict(learned.representation.state_dict())
        return {"history": learned.history, "best": learned.best}

    load_or_train(r, card, run)
    return r.eval().requires_grad_(False)


def head(
    world: World, spec: Spec, codes: Tensor, sigma: float, task: str | None = None
) -> nn.Linear:
    """Return the consumer of training codes (n, d) at a noise; of another task if one is named."""
    task = task or spec.task
    y = world.labels(TASKS[task], "train")
    config = replace(spec.config, sigma_rs=sigma)
    return consumer(codes, y, config=config, seed=spec.stream("consumer", task, f"{sigma:g}"))


def cell(world: World, preset: Preset, spec: Spec, *_: object) -> Cell:
    """Train one representation and its consumers, certify, and settle exactly where that can be."""
    r, name = encoder(world, preset, spec), TASKS[spec.task]
    a = directions(world, preset, spec.setting, spec.way, spec.task)
    codes = encode(r, world.z("train"))
    heads = {sigma: (head(world, spec, codes, sigma), sigma) for sigma in spec.sigmas}
    certified = partial(certify_part, world, preset, spec, r, heads, a)
    test, seconds = certified("test", preset.every)
    val = certified("val", preset.every_val)[0] if spec.choose else {}
    first = heads[spec.sigmas[0]][0]
    y_test, y_val = (world.labels(name, part).numpy() for part in ("test", "val"))
    plain = first(encode(r, world.z("test"))).argmax(1).cpu().numpy()
    exact = _exactly(world, preset, spec, r, first, a) if len(a) == 1 else None
    rows, rows_val = world.evaluated("test", preset.every), world.evaluated("val", preset.every_val)
    return Cell(
        spec, y_test[rows], y_val[rows_val] if spec.choose else y_val[:0], test, val, exact,
        y_test, plain, seconds,
    )  # fmt: skip


def certify_part(
    world: World, preset: Preset, spec: Spec, r: Representation,
    heads: Mapping[K, tuple[nn.Linear, float]], a: Tensor, part: str, every: int,
) -> tuple[dict[K, Certified], dict[str, float]]:  # fmt: skip
    """Certify a part's evaluated images with every head; the smoothed codes serve them all.

    Parameters
    ----------
    world, preset, spec
    r : Representation
    heads : mapping to (nn.Linear, float)
        Consumers, each with its noise on codes.
    a : Tensor, shape (k, q)
    part : str
    every : int

    Returns
    -------
    dict
        Certificates by the key of the head.
    dict
        Seconds of ``smoothing`` (:class:`~fairtut.runtime.stopwatch.Stopwatch`), and the number of
        ``images``.
    """
    rows = world.evaluated(part, every)
    z, ids = world.z(part)[torch.from_numpy(rows)], rows.tolist()
    watch = Stopwatch(world.device)
    centers = smooth_codes(
        r, z, a, preset.smoothing(spec.config), seed=spec.stream("center", part), ids=ids
    )
    seconds = {"smoothing": watch.lap(), "images": float(len(rows))}
    found = {}
    for key, (h, sigma) in heads.items():
        votes = classify(h, centers, voting(sigma), seed=spec.stream("vote", part), ids=ids)
        found[key] = Certified.of(votes)
    return found, seconds


def _exactly(
    world: World, preset: Preset, spec: Spec, r: Representation, first: nn.Linear, a: Tensor
) -> Exact:
    z = world.z("test")[torch.from_numpy(world.evaluated("test", preset.every))]
    epsilon = spec.config.epsilon
    plain = exact_fairness(r, first, z, a, epsilon)
    free = None
    if spec.free:
        free = Certified.of(certify_exactly(r, first, z, a, epsilon, NOISE * epsilon))
    return Exact(plain.fair, free, plain.distance, plain.corners)
