"""Everything that is trained: BASE, triggers and the paper's baselines, each kept once trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data.comments import CommentSet
from fairtut.methods.reprogramming import Config, train_text, train_text_weights, train_words
from fairtut.methods.reprogramming.text import text_logits
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.threads import torch_threads
from fairtut.studies.reprogramming_text.corpus import by_group, network, share_of
from fairtut.studies.reprogramming_text.presets import CRITERIA, METHODS, TRIGGERS, Preset

PARTS: Final = ("val", "test")
NEITHER: Final = "none"
"""The criterion of λ = 0: as released for text, the adversary is skipped."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes
    ----------
    method : str
        One of :data:`~fairtut.studies.reprogramming_text.presets.METHODS`, or ``random`` (an
        untrained trigger).
    criterion : str
        ``dp``, ``eo``, or ``none`` with λ = 0.
    lam : float
    seed : int
    count, placement
        Of a trigger.
    ratio : float
        Share of the tuning comments.
    """

    method: str
    criterion: str
    lam: float
    seed: int
    count: int = 5
    placement: str = "end"
    ratio: float = 1.0


@dataclass(frozen=True)
class Cell:
    """What came out.

    Attributes
    ----------
    margin : mapping of str to float array, shape (n,)
        Logit of toxic minus that of harmless, by part; 0 and more is called toxic.
    last : mapping of str to float
        Means of the last epoch: ``movement``, ``norm_y``, ``norm_z``, ``positive`` and others.
    words : tuple of str
        Tokens of a trigger, the largest of each row.
    truncated : int
        Tuning comments that were cut to make room.
    """

    margin: Mapping[str, NDArray[np.float32]]
    last: Mapping[str, float]
    words: tuple[str, ...] = ()
    truncated: int = 0


def base(tokens: CommentSet, preset: Preset, seed: int) -> Any:
    """Return BASE, trained on the train split and on nothing else."""
    return _classifier(tokens, tokens.part("train"), preset, seed, 2, "base")


def reader(tokens: CommentSet, preset: Preset, seed: int) -> Any:
    """Return a classifier of *groups*, trained on comments that mention exactly one."""
    part = by_group(tokens.part("train"))
    return _classifier(tokens, part, preset, seed, len(tokens.group_names), "groups")


def _classifier(
    tokens: CommentSet, part: CommentSet, preset: Preset, seed: int, classes: int, what: str
) -> Any:
    model = network(tokens, preset, seed, classes).to(tokens.ids.device)
    card = _card(tokens, preset, seed) | {"what": what}

    def run(_: Any) -> Mapping[str, Any]:
        b = preset.base
        return {"history": train_text(model, part, epochs=b.epochs, batch=b.batch, lr=b.lr,
                                      seed=seed)}  # fmt: skip

    load_or_train(model, card, run)
    return model.eval().requires_grad_(False)


def _card(tokens: CommentSet, preset: Preset, seed: int) -> dict[str, Any]:
    """Return what every training depends on."""
    net = {k: getattr(preset, k) for k in ("width", "heads", "layers", "dropout", "encoder")}
    return {"comments": tokens.digest, "seed": seed, "base": asdict(preset.base),
            "positions": preset.positions, **net}  # fmt: skip


def settings(preset: Preset, method: str, job: Job) -> Config:
    """Return the training's configuration for a job; fewer comments mean more passes."""
    config = {"advin": preset.advin, "advpost": preset.post}.get(method, preset.words)
    off = job.criterion == NEITHER
    return replace(
        config, lam=job.lam, projection=not off, criterion="dp" if off else job.criterion,
        epochs=config.epochs / job.ratio,
    )  # fmt: skip


def trained(tokens: CommentSet, preset: Preset, job: Job) -> tuple[Any, dict[str, Any]]:
    """Return the trigger or the retrained network of a job, and its card."""
    config = settings(preset, job.method, job)
    card = _card(tokens, preset, job.seed) | {"job": asdict(job), "config": asdict(config)}
    device = tokens.ids.device
    if job.method in ("advin", "advpost"):
        module = network(tokens, preset, job.seed).to(device)
    else:
        module = WordTrigger(
            tokens.tokenizer, job.count, placement=job.placement,
            mode="hard" if job.method == "random" else job.method,
            generator=torch_rng(job.seed, "trigger"),
        ).to(device)  # fmt: skip
    if job.method == "random":
        return module.requires_grad_(False), {"history": [], "truncated": 0}

    def run(_: Any) -> Mapping[str, Any]:
        part = tokens.part("train" if job.method == "advin" else "tune")
        part = share_of(part, job.ratio, job.seed)
        if job.method in TRIGGERS:
            done = train_words(
                base(tokens, preset, job.seed), part, count=job.count, mode=job.method,
                placement=job.placement, config=config, seed=job.seed,
            )  # fmt: skip
        else:
            start = module if job.method == "advin" else base(tokens, preset, job.seed)
            done = train_text_weights(start, part, config=config, seed=job.seed)
        module.load_state_dict(done.module.state_dict())
        return {"history": done.history, "truncated": done.truncated, "tuned_on": len(part)}

    kept = load_or_train(module, card, run)
    return module.eval().requires_grad_(False), kept


def margins(model: Any, part: CommentSet, trigger: WordTrigger | None = None) -> Any:
    """Return the logit of toxic minus that of harmless, float32 array (n,)."""
    logits = text_logits(model, part, trigger)
    return (logits[:, 1] - logits[:, 0]).float().cpu().numpy()


def cell(tokens: CommentSet, preset: Preset, job: Job | int) -> Cell:
    """Train one job, and decide about validation and test; an int is the seed of a plain BASE."""
    with torch_threads(1):
        parts = {name: tokens.part(name) for name in PARTS}
        if isinstance(job, int):
            model = base(tokens, preset, job)
            return Cell({name: margins(model, part) for name, part in parts.items()}, {})
        module, card = trained(tokens, preset, job)
        last = card["history"][-1] if card["history"] else {}
        if not isinstance(module, WordTrigger):
            return Cell({name: margins(module, part) for name, part in parts.items()}, last)
        model = base(tokens, preset, job.seed)
        return Cell(
            {name: margins(model, part, module) for name, part in parts.items()}, last,
            tuple(tokens.tokenizer.decode(module.token_ids().tolist())), int(card["truncated"]),
        )  # fmt: skip


def play(tokens: CommentSet, preset: Preset, jobs: Iterable[Job | int]) -> dict[Job | int, Cell]:
    """Run jobs, several at a time; BASE first, since everything waits for it."""
    from joblib import Parallel, delayed

    at_once = preset.jobs if tokens.ids.device.type == "cpu" else 1
    plan = list(dict.fromkeys(jobs))
    found: dict[Job | int, Cell] = {}
    for group in ([j for j in plan if isinstance(j, int)],
                  [j for j in plan if not isinstance(j, int)]):  # fmt: skip
        done = Parallel(n_jobs=at_once)(delayed(cell)(tokens, preset, job) for job in group)
        found |= dict(zip(group, done, strict=True))
    return found


def grid(preset: Preset) -> list[Job | int]:
    """Return everything that the trade-off needs."""
    found: list[Job | int] = list(preset.run_seeds())
    for seed in preset.run_seeds():
        found.append(random_words(preset, seed))
        for method in METHODS:
            found += [job for c in CRITERIA for job in sweep(preset, method, c, seed)]
    return found


def random_words(preset: Preset, seed: int) -> Job:
    """Return the untrained trigger of a seed."""
    return Job("random", NEITHER, 0.0, seed, preset.count)


def sweep(preset: Preset, method: str, criterion: str, seed: int) -> list[Job]:
    """Return a method's jobs from the smallest λ to the largest."""
    return [
        Job(method, criterion if lam else NEITHER, lam, seed, preset.count)
        for lam in preset.lams[method]
    ]
