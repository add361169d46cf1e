"""What must hold exactly, and facts about the released code that can be run."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from fairtut.chapters.reprogramming_text.attribution import attribute, sequence
from fairtut.chapters.reprogramming_text.corpus import network
from fairtut.chapters.reprogramming_text.measures import Board, Measured
from fairtut.chapters.reprogramming_text.presets import TRIGGERS
from fairtut.chapters.reprogramming_text.protocol import Job, base, settings, trained
from fairtut.chapters.reprogramming_text.side import biggest, fixed
from fairtut.data.comments import CommentSet
from fairtut.methods.reprogramming.overlap import deviations
from fairtut.methods.reprogramming.words import WordTrigger, with_room
from fairtut.metrics.entry import Entry
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import numpy_rng


def exact(tokens: CommentSet, board: Board) -> Measured:
    """Check what the algorithm and its measures promise."""
    preset, seed = board.preset, board.seeds[0]
    model = base(tokens, preset, seed)
    before = state_digest(model)
    words = [trained(tokens, preset, job)[0] for job in _jobs(board)]
    hard = [t for t in words if t.mode == "hard"]
    ordinary = set(tokens.tokenizer.ordinary.tolist())
    outside = sum(int(i) not in ordinary for t in hard for i in t.token_ids())
    one_hot = max(float((t.rows().amax(1) - 1).abs().max()) for t in hard)
    test = tokens.part("test")
    few = test.select(np.arange(min(16, len(test))))
    # np.max, since max() may pass over a NaN
    gap = np.max([
        abs(attribute(model, few.ids[i : i + 1], t, tokens.tokenizer).gap)
        for i in range(len(few)) for t in (None, words[0])
    ])  # fmt: skip
    y_hat = numpy_rng(0, "check").random(len(test)) < 0.5  # any decisions will do
    both = [deviations(test.y, y_hat, test.groups, how) for how in ("mean", "sum")]
    ratio = np.array([both[1][c] / (len(test.group_names) * both[0][c]) for c in ("dp", "eo")])
    ratio = ratio[np.isfinite(ratio)]  # a criterion is undefined where a group lacks a label
    worst = float(ratio[np.abs(ratio - 1).argmax()]) if len(ratio) else np.nan
    crowd = board.crowd["test"]
    ours = [float(crowd.bias(y_hat, c)[0]) - both[0][c] for c in ("dp", "eo")]
    return {
        "exact.base-unchanged": _one(float(state_digest(model) != before), len(words), "count"),
        "exact.simplex": _one(max(biggest(t) for t in words), len(words), "fraction"),
        "exact.ordinary-words": _one(outside, len(hard), "count"),
        "exact.hard-is-one-word": _one(one_hot, len(hard), "fraction"),
        "exact.completeness": _one(float(gap), len(few), "nats"),
        "exact.sum-is-groups-times-mean": _one(worst, len(test), "ratio"),
        "exact.same-deviations": _one(float(np.nanmax(np.abs(ours))), len(test), "fraction"),
    }


def _jobs(board: Board) -> list[Job]:
    found = [
        job for seed in board.seeds for method in TRIGGERS for c in ("dp", "eo")
        for job in board.jobs(method, c, seed) if isinstance(job, Job)
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def audit(tokens: CommentSet, board: Board) -> Measured:
    """Show facts about the released code on our own models."""
    preset, seed = board.preset, board.seeds[0]
    net = network(tokens, preset, seed)
    twice = no_decay(net)
    room = tokens.ids.shape[1]
    long = int(((tokens.ids != tokens.tokenizer.pad).sum(1) + preset.count > room).sum())
    cut = with_room(tokens.ids, tokens.tokenizer, room, preset.count)[1]
    zero = settings(preset, "hard", Job("hard", "none", 0.0, seed))
    trigger: WordTrigger = trained(tokens, preset, fixed(preset, "hard", "dp", seed))[0]
    model = base(tokens, preset, seed)
    return {
        "audit.generator-second": _one(twice[1], twice[2], "count"),
        "audit.pooled": _one(_first(model, trigger, tokens), 1, "count"),
        "audit.no-room": _one(long - cut, len(tokens), "count"),
        "audit.lambda0-skips": _one(float(zero.projection), 1, "count"),
    }


def no_decay(net: nn.Module) -> tuple[int, int, int]:
    """Sort parameters as the released optimiser builder does, from one generator for both groups.

    Returns
    -------
    first, second, all : int
        Parameters that get weight decay, those that get none, and what there is.  The second list
        is built from a generator that the first has used up: biases and layer norms are lost.
    """
    named = net.named_parameters()
    plain = ("bias", "norm")
    first = [name for name, _ in named if not any(word in name for word in plain)]
    second = [name for name, _ in named if any(word in name for word in plain)]
    return len(first), len(second), len(list(net.named_parameters()))


@torch.no_grad()
def _first(model: Any, trigger: WordTrigger, tokens: CommentSet) -> float:
    """Return 1 if the released placement puts a trigger word where the classifier pools."""
    front = WordTrigger(tokens.tokenizer, len(trigger), mode="hard", placement="front")
    front = front.to(tokens.ids.device)
    front.load_state_dict(trigger.state_dict())
    words, _, _ = sequence(model, tokens.ids[:1], front)
    return float(torch.equal(words[0, 0], front.embeddings(model.table)[0]))


def _one(value: float, n: int, unit: str) -> Entry:
    return Entry([float(value)], int(n), unit)
