"""The comments of a preset, and the parts of them that an experiment needs."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from fairtut.chapters.reprogramming_text.presets import ENCODER, Preset
from fairtut.data.comments import SPLITS, CommentSet, civil_comments, hate_speech
from fairtut.data.synthetic.comments import comments
from fairtut.errors import InputError, MissingData
from fairtut.models.text import TextClassifier, load_pretrained
from fairtut.runtime.seeds import numpy_rng, torch_rng

RATES: Final = {"christian": 0.05, "muslim": 0.65, "other_religions": 0.25}
"""Invented shares of toxic comments by group, far apart so that the gap of BASE is large."""


def corpus(preset: Preset, real: bool, device: torch.device | str = "cpu") -> CommentSet:
    """Return the comments of a preset on a device, in four disjoint splits.

    Everything that is trained on them, or decides about them, runs there.

    Raises
    ------
    fairtut.errors.MissingData
        If real comments, or the encoder, are not there: says what is missing.
    """
    return _read(preset, real).to(device)


def _read(preset: Preset, real: bool) -> CommentSet:
    if not real:
        rates = {name: RATES[name] for name in preset.groups}
        return comments(
            preset.comments, preset.root, rates=rates, silent=0.1, both=0.2, length=preset.length
        )
    options: dict[str, Any] = {"groups": preset.groups, "length": preset.length}
    if preset.encoder:
        options["tokenizer"] = load_pretrained(encoder_folder())[1]
        return civil_comments(seed=preset.root, **options)
    found = hate_speech(seed=preset.root, size=preset.size, **options)
    return found if preset.most is None else _thinned(found, preset.most)


def encoder_folder() -> str:
    """Return the folder of the saved encoder.

    Raises
    ------
    fairtut.errors.MissingData
        If the environment does not name one.
    """
    folder = os.environ.get(ENCODER, "").strip()
    if not folder:
        raise MissingData(f"no encoder: set {ENCODER} to the folder of a saved BERT")
    return folder


def network(tokens: CommentSet, preset: Preset, seed: int, classes: int = 2) -> Any:
    """Return a fresh classifier for these comments, untrained but for a pretrained encoder."""
    if preset.encoder:
        torch.manual_seed(seed)  # its new head draws from the global stream
        return load_pretrained(encoder_folder(), classes)[0]
    return TextClassifier(
        len(tokens.tokenizer), classes, positions=preset.positions, width=preset.width,
        heads=preset.heads, layers=preset.layers, dropout=preset.dropout,
        generator=torch_rng(seed, "base"),
    )  # fmt: skip


def _thinned(found: CommentSet, most: int) -> CommentSet:
    """Keep the first rows of every split, in the proportion that leaves ``most`` to train."""
    share = min(1.0, most / int((found.split == "train").sum()))
    rows = [np.flatnonzero(found.split == part) for part in SPLITS]
    return found.select(np.concatenate([r[: int(np.ceil(share * len(r)))] for r in rows]))


def share_of(tune: CommentSet, ratio: float, seed: int) -> CommentSet:
    """Return a random share of the tuning comments, at least two per group.

    Drawn anew until every group and both labels are in it: without them nothing can be tuned.

    Raises
    ------
    fairtut.errors.InputError
        If a thousand draws do not find such a share.
    """
    if ratio >= 1:
        return tune
    rng = numpy_rng(seed, "share")
    count = max(round(ratio * len(tune)), 2 * len(tune.group_names))
    for _ in range(1000):
        part = tune.select(rng.permutation(len(tune))[:count])
        mentioned = part.groups.sum(0)
        if 0 < int(part.y.sum()) < count and ((mentioned > 0) & (mentioned < count)).all():
            return part
    raise InputError(f"{count} tuning comments never hold every group: take a larger share")


def by_group(tokens: CommentSet) -> CommentSet:
    """Return the comments that mention exactly one group, with the group as their label."""
    alone = tokens.select((tokens.groups.sum(1) == 1).cpu().numpy())
    return replace(alone, y=alone.groups.long().argmax(1), digest="")
