"""BASE, triggers and retrained models: trained once, kept with what validation said of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.chapters.reprogramming_vision.presets import TRIGGERS, Preset
from fairtut.chapters.reprogramming_vision.tasks import Task
from fairtut.data.images import as_pixels
from fairtut.lab.choice import fairest
from fairtut.lab.keep import network
from fairtut.methods import deployed
from fairtut.methods.deployed import Training
from fairtut.methods.reprogramming import (
    TriggerModule,
    collapsed,
    frozen_copy,
    train_trigger,
    train_weights,
)
from fairtut.metrics import group_table
from fairtut.metrics.definitions import metric
from fairtut.models.resnet import FaceClassifier, resnet18
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import numpy_rng, stream_seed, torch_rng

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Spec:
    """One training.

    Attributes
    ----------
    method : {"border", "patch", "advin", "advpost"}
    criterion : {"eo", "dp"}
    lam : float
    ratio : float
        Share of the tuning images.
    size : int or None
        Width of the border or side of the patch, in pixels; None is the paper's, scaled.
    """

    method: str
    criterion: str
    lam: float
    ratio: float = 1.0
    size: int | None = None


@dataclass(frozen=True)
class Kept:
    """What one training left.

    Attributes
    ----------
    chosen, last : nn.Module
        A trigger or a classifier: the snapshot that validation chose, and the end of training.
    snapshots : list of dict
        ``share`` of the training, ``accuracy``, ``dp``, ``eo`` and ``positive`` rate on
        validation people.
    taken : float
        Share of the training at which ``chosen`` was taken.
    starved : bool
        No snapshot kept the accuracy floor: ``chosen`` is then the most accurate one.
    history : list of dict
        Means per pass (:class:`~fairtut.methods.reprogramming.training.Fit`).
    """

    chosen: nn.Module
    last: nn.Module
    snapshots: list[dict[str, float]]
    taken: float
    starved: bool
    history: list[dict[str, float]] = field(repr=False)


# ---------------------------------------------------------------- BASE


def base(task: Task, preset: Preset, seed: int, *, plain: bool = False) -> FaceClassifier:
    """Return BASE, frozen: loaded where it was trained before, else trained and kept.

    Parameters
    ----------
    task, preset, seed
    plain : bool
        Stop after the ``shared_epochs``, where AdvIn begins.
    """
    x, y, s = task.images.x[task.train], task.y[task.train], task.s[task.train]
    return classifier(
        x, y, s, preset.base, task.card(), preset.width, task.classes, seed, plain=plain
    )


def classifier(
    x: Tensor, y: Tensor, s: Tensor, config: Training, card: Mapping[str, Any], width: int,
    classes: int, seed: int, plain: bool = False,
) -> FaceClassifier:  # fmt: skip
    """Train an ordinary classifier in one or two stages, each kept."""

    def fresh() -> FaceClassifier:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(seed, "vision base", classes))
            return resnet18(width, classes).to(x.device)

    def stage(build: Callable[[], FaceClassifier], shared: bool) -> FaceClassifier:
        def train(net: FaceClassifier) -> Mapping[str, Any]:
            return deployed.train(
                net, x, y, s, kind="normal", config=config, seed=seed, shared=shared
            )

        settings = {k: v for k, v in asdict(config).items() if not shared or k in _STAGE_ONE}
        about = {"what": "vision base", "width": width, "seed": seed, **card, "shared": shared}
        return network(build, train, about | settings)[0]

    if not config.shared_epochs:
        return fresh().eval().requires_grad_(False) if plain else stage(fresh, False)
    return stage(fresh, True) if plain else stage(partial(stage, fresh, True), False)


_STAGE_ONE = ("shared_epochs", "batch", "lr")


# ---------------------------------------------------------------- triggers, AdvIn, AdvPost


class _Two(nn.Module):
    """The chosen and the last state, saved together."""

    def __init__(self, chosen: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.chosen, self.last = chosen, last


def trained(task: Task, preset: Preset, seed: int, spec: Spec) -> Kept:
    """Return what a training left: loaded where it was run before, else run and kept."""
    model = base(task, preset, seed, plain=spec.method == "advin")
    rows = training_rows(task, preset, seed, spec)
    config = preset.config(spec.method, spec.criterion, spec.lam, len(rows))

    def build() -> _Two:
        if spec.method in TRIGGERS:
            blank: nn.Module = TriggerModule(preset.shape(spec.method, spec.size), _side(task))
            return _Two(blank, copy.deepcopy(blank)).to(task.images.x.device)
        return _Two(copy.deepcopy(model), copy.deepcopy(model))

    about = {
        "what": "vision", "model": state_digest(model), **task.card(), "seed": seed,
        "spec": spec, "config": config, "start": [preset.start, preset.centre],
        "snapshots": preset.snapshots, "floor": preset.floor,
    }  # fmt: skip

    def train(two: _Two) -> Mapping[str, Any]:
        watcher = _Watcher(task, preset, spec, base(task, preset, seed))
        x, y, s = task.images.x[rows], task.y[rows], task.s[rows]
        if spec.method in TRIGGERS:
            done = train_trigger(
                model, x, y, s, shape=preset.shape(spec.method, spec.size), start=preset.start,
                centre=preset.centre, config=config, seed=seed, watch=watcher,
            )  # fmt: skip
        else:
            done = train_weights(model, x, y, s, config=config, seed=seed, watch=watcher)
        watcher.look(done.module, 1.0)
        state, taken, starved = watcher.choice()
        two.chosen.load_state_dict(state)
        two.last.load_state_dict(done.module.state_dict())
        return {"history": done.history, "seen": watcher.seen, "taken": taken, "starved": starved}

    two, kept = network(build, train, about)
    return Kept(two.chosen, two.last, kept["seen"], kept["taken"], kept["starved"],
                kept["history"])  # fmt: skip


def training_rows(task: Task, preset: Preset, seed: int, spec: Spec) -> Tensor:
    """Return the rows that a method learns from: a random share of its part."""
    rows = task.train if spec.method == "advin" else task.tune
    if spec.ratio >= 1:
        return rows
    order = numpy_rng(seed, "tuning ratio").permutation(len(rows))
    return rows[torch.from_numpy(np.sort(order[: max(round(spec.ratio * len(rows)), 2)]))]


def random_trigger(task: Task, preset: Preset, seed: int, method: str) -> TriggerModule:
    """Return the untrained trigger of the released code's start, uniform on (-1, 1): a control."""
    shape = preset.shape(method)
    module = TriggerModule(shape, _side(task), generator=torch_rng(seed, "trigger"))
    return module.to(task.images.x.device).eval().requires_grad_(False)


def _side(task: Task) -> tuple[int, int]:
    return task.images.x.shape[2], task.images.x.shape[3]


class _Watcher:
    """Takes snapshots in the second half of a training and measures them on validation people."""

    def __init__(self, task: Task, preset: Preset, spec: Spec, model: FaceClassifier) -> None:
        self.task, self.spec, self.model = task, spec, model
        self.due = [0.5 + 0.5 * i / preset.snapshots for i in range(1, preset.snapshots)]
        self.seen: list[dict[str, float]] = []
        self.states: list[dict[str, Tensor]] = []
        y, _ = task.people("val")
        usual = np.bincount(y).max() / len(y)
        first = self.scores(logits(model, task.images.x[task.val]))["accuracy"]
        self.limit = usual + preset.floor * (first - usual)

    def __call__(self, module: nn.Module, done: float) -> None:
        if self.due and done >= self.due[0]:
            self.look(module, self.due.pop(0))

    def look(self, module: nn.Module, share: float) -> None:
        """Keep a state and its scores."""
        training = module.training
        module.eval()
        trigger = isinstance(module, TriggerModule)
        model, change = (self.model, module) if trigger else (module, None)
        found = logits(model, self.task.images.x[self.task.val], change)  # type: ignore[arg-type]
        module.train(training)
        self.seen.append({"share": share, **self.scores(found)})
        self.states.append({k: v.detach().clone() for k, v in module.state_dict().items()})

    def scores(self, found: Tensor) -> dict[str, float]:
        """Return accuracy, gaps and the share of decisions other than class 0, on validation."""
        y, s = self.task.people("val")
        y_hat = found.argmax(1).cpu().numpy()
        return scores(y, y_hat, s, self.task.classes)

    def choice(self) -> tuple[dict[str, Tensor], float, bool]:
        """Return the least biased snapshot above the floor, else the most accurate one."""
        accuracy, bias = ([one[k] for one in self.seen] for k in ("accuracy", self.spec.criterion))
        best = fairest(accuracy, bias, self.limit)
        return self.states[best.index], self.seen[best.index]["share"], not best.satisfied


def scores(y: Any, y_hat: Any, s: Any, classes: int = 2) -> dict[str, float]:
    """Return accuracy, both biases and the positive rate of decisions, all in [0, 1].

    ``dp`` is the difference of acceptance rates and ``eo`` the average of the two odds'
    differences; with more than two classes, the mean over classes against the rest.
    """
    table = group_table(y, y_hat, s, classes=tuple(range(classes)), groups=(0, 1))
    several: Literal["mean"] | None = "mean" if classes > 2 else None
    named = {
        "dp": metric("demographic_parity_gap"),
        "eo": metric("equalized_odds_gap").with_options(reduce="mean"),
    }
    found = {k: float(d.of_table(table, several)) for k, d in named.items()}
    return {
        "accuracy": float(np.mean(np.asarray(y) == y_hat)), **found,
        "positive": float(np.mean(np.asarray(y_hat) != 0)),
        "collapsed": float(collapsed(y_hat) is not None),
    }  # fmt: skip


# ---------------------------------------------------------------- decisions


@torch.inference_mode()
def logits(
    model: nn.Module, x: Tensor, trigger: TriggerModule | None = None, batch: int = 256
) -> Tensor:
    """Return logits (n, classes) of uint8 or float images, triggered first where asked."""
    fast = frozen_copy(model, as_pixels(x[:2]))
    fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts = []
    for part in x.split(batch):
        seen = as_pixels(part)
        seen = seen if trigger is None else trigger(seen)
        parts.append(fast(seen.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts)


def margins(model: nn.Module, x: Tensor, trigger: TriggerModule | None = None) -> Floats:
    """Return the difference of the two logits, (n,): positive means decided for class 1."""
    found = logits(model, x, trigger)
    return (found[:, 1] - found[:, 0]).cpu().numpy()
