"""Beside the trade-off: number of words, placement, tuning data, transfer, the trigger alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from fairtut.chapters.reprogramming_text.corpus import by_group
from fairtut.chapters.reprogramming_text.crowd import Floats
from fairtut.chapters.reprogramming_text.measures import Board, Measured
from fairtut.chapters.reprogramming_text.presets import CRITERIA, TRIGGERS, Preset
from fairtut.chapters.reprogramming_text.protocol import (
    Cell,
    Job,
    base,
    margins,
    play,
    reader,
    trained,
)  # fmt: skip
from fairtut.data.comments import CommentSet
from fairtut.methods.reprogramming.text import on_empty, text_logits
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.metrics.entry import Entry
from fairtut.runtime.precision import double

SAME: Final = 0.01
"""One point: what "about the same" means in claims on the sweeps."""
TUNED: Final = ("hard", "advpost")
"""What the tuning data are shrunk for."""


def fixed(preset: Preset, method: str, criterion: str, seed: int) -> Job:
    """Return the job at the method's fixed λ: that of the grid nearest to it."""
    lam = min(preset.lams[method], key=lambda v: abs(v - preset.fixed[method]))
    return Job(method, criterion, lam, seed, preset.count)


def variations(preset: Preset) -> list[Job]:
    """Return the jobs of the sweeps."""
    found = []
    for seed in preset.run_seeds():
        hard = fixed(preset, "hard", "dp", seed)
        found += [replace(hard, count=m) for m in preset.counts]
        found += [replace(fixed(preset, m, "dp", seed), placement="front") for m in TRIGGERS]
        found += [
            replace(fixed(preset, m, "dp", seed), ratio=r) for m in TUNED for r in preset.ratios
        ]
    return found


class Varied:
    """The sweeps, measured on the board's test comments.

    Parameters
    ----------
    tokens : CommentSet
    board : Board
        Of the trade-off; its trainings are not repeated.
    """

    def __init__(self, tokens: CommentSet, board: Board) -> None:
        self.tokens, self.board, self.preset = tokens, board, board.preset
        new = [job for job in variations(self.preset) if job not in board.cells]
        self.cells: dict[Job | int, Cell] = {**board.cells, **play(tokens, self.preset, new)}

    def change(self, jobs: Iterable[Job], criterion: str = "dp") -> tuple[Floats, Floats]:
        """Return accuracy and bias minus BASE's, (seeds, 1 + R), of one job per seed."""
        y_hat = np.stack([self.cells[job].margin["test"] for job in jobs]) >= 0
        crowd, (accuracy, bias) = self.board.crowd["test"], self.board.base(criterion)
        return crowd.accuracy(y_hat) - accuracy, crowd.bias(y_hat, criterion) - bias

    def measures(self) -> Measured:
        """Return the measurements of the number of words, the placement and the tuning data."""
        preset, seeds = self.preset, self.board.seeds
        found: dict[str, Floats] = {}
        for m in preset.counts:
            jobs = [replace(fixed(preset, "hard", "dp", s), count=m) for s in seeds]
            _, found[f"words.{m}.change"] = self.change(jobs)
        last = found[f"words.{max(preset.counts)}.change"]
        found["words.flat"] = SAME - np.abs(last - found["words.5.change"])
        for method in TRIGGERS:
            ours = [fixed(preset, method, "dp", s) for s in seeds]
            theirs = [replace(job, placement="front") for job in ours]
            for name, jobs in (("end", ours), ("front", theirs)):
                first = f"placement.{method}.{name}"
                found[f"{first}.cost"], found[f"{first}.change"] = self.change(jobs)
            found[f"placement.{method}.difference"] = (
                found[f"placement.{method}.front.change"] - found[f"placement.{method}.end.change"]
            )
        for method in TUNED:
            for ratio in preset.ratios:
                jobs = [replace(fixed(preset, method, "dp", s), ratio=ratio) for s in seeds]
                first = f"ratio.{method}.{100 * ratio:g}"
                found[f"{first}.cost"], found[f"{first}.change"] = self.change(jobs)
            least = f"ratio.{method}.{100 * min(preset.ratios):g}.change"
            found[f"ratio.{method}.least"] = found[least]
            found[f"ratio.{method}.loss"] = found[least] - found[f"ratio.{method}.100.change"]
        return {key: self.board.crowd["test"].entry(v) for key, v in found.items()}


def transfer(tokens: CommentSet, board: Board) -> Measured:
    """Use the chosen triggers of one BASE on another one, of the next seed."""
    preset, crowd, test = board.preset, board.crowd["test"], tokens.part("test")
    seeds = board.seeds
    others = seeds[1:] + (seeds[:1] if len(seeds) > 1 else [seeds[0] + 1])
    found: Measured = {}
    models = {seed: base(tokens, preset, seed) for seed in others}
    plain = np.stack([margins(models[s], test) for s in others]) >= 0
    for c in CRITERIA:
        worst = crowd.bias(plain, c)
        for method in TRIGGERS:
            picks = board.chosen(method, c)
            jobs = [board.jobs(method, c, s)[i] for s, i in zip(seeds, picks, strict=True)]
            words = [trained(tokens, preset, job)[0] for job in jobs if isinstance(job, Job)]
            moved = np.stack([
                margins(models[s], test, t) for s, t in zip(others, words, strict=True)
            ])  # fmt: skip
            change = crowd.bias(moved >= 0, c) - worst
            own = board.at(method, c, picks)[1] - board.base(c)[1]
            first = f"transfer.{c}.{method}"
            found[f"{first}.change"] = crowd.entry(change)
            found[f"{first}.kept"] = crowd.entry(own - change + SAME)
            cost = crowd.accuracy(moved >= 0) - crowd.accuracy(plain)
            found[f"{first}.cost"] = crowd.entry(cost)
    return found


def alone(tokens: CommentSet, board: Board) -> tuple[Measured, dict[str, Any]]:
    """Show triggers without any comment to a classifier of groups.

    The null input is ``[CLS]``, the trigger, ``[SEP]``.

    Returns
    -------
    measured : dict
        How often the classifier is right about real memberships, the largest probability by λ,
        and the difference between the largest and the smallest λ > 0.
    shown : dict
        ``"<method>"`` → array (λ, groups), the mean over seeds.
    """
    preset = board.preset
    found: Measured = {}
    shown: dict[str, Any] = {}
    readers = {seed: reader(tokens, preset, seed) for seed in board.seeds}
    found |= _reads(tokens, readers)
    for method in TRIGGERS:
        p = []
        for seed, model in readers.items():
            jobs = [j for j in board.jobs(method, "eo", seed) if isinstance(j, Job)]
            words = [trained(tokens, preset, job)[0] for job in jobs]
            p.append([on_empty(model, t, tokens.tokenizer).cpu().numpy() for t in words])
        table = np.array(p)  # (seeds, lambdas, groups)
        shown[method] = table.mean(0)
        top = table.max(2)
        for i, lam in enumerate(preset.lams[method]):
            found[f"null.{method}.lambda{lam:g}"] = _entry(top[:, i], 1)
        found[f"null.{method}.one-sided"] = _entry(top[:, -1] - top[:, 1], 1)
    return found, shown


def _reads(tokens: CommentSet, readers: dict[int, Any]) -> Measured:
    """Return how often the classifiers are right about the only group of a test comment."""
    part = by_group(tokens.part("test"))
    right = np.array([
        float((text_logits(model, part).argmax(1) == part.y).float().mean())
        for model in readers.values()
    ])  # fmt: skip
    largest = float(torch.bincount(part.y).max()) / len(part)
    return {
        "null.reader": _entry(right, len(part)),
        "null.reader.over-largest": _entry(right - largest, len(part)),
    }


def softening(tokens: CommentSet, board: Board) -> Measured:
    """Return how a hard trigger changes the toxicity of harmless comments that mention a group.

    The paper shows one such comment; this is the mean over all of them, negative for the better.
    """
    preset, crowd, test = board.preset, board.crowd["test"], tokens.part("test")
    named = (crowd.y == 0) & crowd.members.any(1)
    found = []
    for seed in board.seeds:
        trigger, _ = trained(tokens, preset, fixed(preset, "hard", "dp", seed))
        model = base(tokens, preset, seed)
        before, after = (
            1 / (1 + np.exp(-margins(model, test, t).astype(float))) for t in (None, trigger)
        )
        found.append(crowd.mean(after - before, named))
    return {"example.softened": crowd.entry(np.stack(found))}


def _entry(values: Any, n: int, unit: str = "fraction") -> Entry:
    return Entry(np.asarray(values, float).tolist(), n, unit)


def readable(words: Iterable[str], harmless: Iterable[str]) -> list[str]:
    """Return tokens with everything masked that is not known to be harmless.

    A trigger that was tuned on real comments may hold a slur.  Nobody has a complete list of
    those; there is one of words that may be printed, and all others become ``[masked]``.
    """
    allowed = set(harmless)
    return [word if word in allowed else "[masked]" for word in words]


def biggest(trigger: WordTrigger) -> float:
    """Return how far the rows are from the simplex: of their sums from 1, and below 0."""
    w = double(trigger.weight.detach())
    off = torch.maximum((w.sum(1) - 1).abs().max(), (-w.min()).clamp_min(0))
    return float(off)
