"""Everything that is trained: BASE, triggers and the paper's baselines, each kept once trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from fairtut.chapters.reprogramming_text.corpus import by_group, corpus, network, share_of
from fairtut.chapters.reprogramming_text.presets import CRITERIA, METHODS, TRIGGERS, Preset
from fairtut.data.comments import CommentSet
from fairtut.lab import grid as lab
from fairtut.lab import keep
from fairtut.methods.reprogramming import Config, train_text, train_text_weights, train_words
from fairtut.methods.reprogramming.text import text_logits
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.runtime.seeds import torch_rng

PARTS: Final = ("val", "test")
NEITHER: Final = "none"
"""The criterion of λ = 0: as released for text, the adversary is skipped."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes
    ----------
    method : str
        One of :data:`~fairtut.chapters.reprogramming_text.presets.METHODS`, or ``random`` (an
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
    def build() -> Any:
        return network(tokens, preset, seed, classes).to(tokens.ids.device)

    def train(model: Any) -> Mapping[str, Any]:
        b = preset.base
        return {"history": train_text(model, part, epochs=b.epochs, batch=b.batch, lr=b.lr,
                                      seed=seed)}  # fmt: skip

    return keep.network(build, train, _card(tokens, preset, seed) | {"what": what})[0]


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

    def build() -> Any:
        if job.method in ("advin", "advpost"):
            return network(tokens, preset, job.seed).to(tokens.ids.device)
        return WordTrigger(
            tokens.tokenizer, job.count, placement=job.placement,
            mode="hard" if job.method == "random" else job.method,
            generator=torch_rng(job.seed, "trigger"),
        ).to(tokens.ids.device)  # fmt: skip

    if job.method == "random":
        return build().requires_grad_(False), {"history": [], "truncated": 0}

    def train(module: Any) -> Mapping[str, Any]:
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

    about = _card(tokens, preset, job.seed) | {"job": job, "config": config}
    return keep.network(build, train, about)


def margins(model: Any, part: CommentSet, trigger: WordTrigger | None = None) -> Any:
    """Return the logit of toxic minus that of harmless, float32 array (n,)."""
    logits = text_logits(model, part, trigger)
    return (logits[:, 1] - logits[:, 0]).float().cpu().numpy()


def _of_base(tokens: CommentSet, preset: Preset, seed: int) -> Cell:
    """Train BASE, and decide about validation and test."""
    model = base(tokens, preset, seed)
    return Cell({name: margins(model, tokens.part(name)) for name in PARTS}, {})


def _of_job(tokens: CommentSet, preset: Preset, job: Job, seed: int, *first: Cell) -> Cell:
    """Train one job, and decide about validation and test."""
    parts = {name: tokens.part(name) for name in PARTS}
    module, card = trained(tokens, preset, job)
    last = card["history"][-1] if card["history"] else {}
    if not isinstance(module, WordTrigger):
        return Cell({name: margins(module, part) for name, part in parts.items()}, last)
    model = base(tokens, preset, seed)
    return Cell(
        {name: margins(model, part, module) for name, part in parts.items()}, last,
        tuple(tokens.tokenizer.decode(module.token_ids().tolist())), int(card["truncated"]),
    )  # fmt: skip


def play(tokens: CommentSet, preset: Preset, jobs: Iterable[Job | int]) -> dict[Job | int, Cell]:
    """Run jobs, several at a time, each when BASE is there; an int is the seed of a plain BASE."""
    listed = {job: cell(tokens, preset, job) for job in jobs}
    found = lab.run(listed.values(), jobs=preset.jobs, device=tokens.ids.device, what="trainings")
    return {job: found[one.key] for job, one in listed.items()}


def cell(tokens: CommentSet, preset: Preset, job: Job | int) -> lab.Cell:
    """Return the cell of a job; all but AdvIn, which starts anew, need BASE."""
    seed = job if isinstance(job, int) else job.seed
    card = _card(tokens, preset, seed)
    first = lab.Spec("BASE", partial(_of_base, tokens, preset), card)
    if isinstance(job, int):
        return lab.Cell(first, seed)
    name = " ".join(str(value) for key, value in asdict(job).items() if key != "seed")
    about = card | {"job": job, "config": settings(preset, job.method, job)}
    needs = () if job.method == "advin" else (first,)
    return lab.Cell(lab.Spec(name, partial(_of_job, tokens, preset, job), about, needs), seed)


def grid(preset: Preset) -> list[Job | int]:
    """Return everything that the trade-off needs."""
    found: list[Job | int] = list(preset.run_seeds())
    for seed in preset.run_seeds():
        found.append(random_words(preset, seed))
        for method in METHODS:
            found += [job for c in CRITERIA for job in sweep(preset, method, c, seed)]
    return found


def all_cells(
    preset: Preset, data: str, seed: int, device: torch.device | str = "cpu"
) -> list[lab.Cell]:
    """Return the cells of the trade-off of a run of the chapter.

    Parameters as in :func:`fairtut.shards.fill`, with the preset itself.
    """
    tokens = corpus(preset, data == "real", device)
    jobs = dict.fromkeys(grid(preset))  # λ = 0 is the same job for both criteria
    return [cell(tokens, preset, job) for job in jobs]


def random_words(preset: Preset, seed: int) -> Job:
    """Return the untrained trigger of a seed."""
    return Job("random", NEITHER, 0.0, seed, preset.count)


def sweep(preset: Preset, method: str, criterion: str, seed: int) -> list[Job]:
    """Return a method's jobs from the smallest λ to the largest."""
    return [
        Job(method, criterion if lam else NEITHER, lam, seed, preset.count)
        for lam in preset.lams[method]
    ]
