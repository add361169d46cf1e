"""What a trigger alone claims: a classifier of the *group* looks at an empty image with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from fairtut.chapters.reprogramming_vision.models import classifier, margins
from fairtut.chapters.reprogramming_vision.presets import Preset
from fairtut.chapters.reprogramming_vision.protocol import Board
from fairtut.chapters.reprogramming_vision.side import rebuilt
from fairtut.chapters.reprogramming_vision.tasks import Task
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.models.resnet import FaceClassifier

BLANKS = (0.0, 0.5, 1.0)
"""Pixel values of the empty images; the paper does not say what its null input is."""


def demographic(task: Task, preset: Preset, seed: int) -> FaceClassifier:
    """Return a classifier of the sensitive attribute, BASE's architecture and training images."""
    card = task.card() | {"attributes": ["Male"]}
    return classifier(task.images.x[task.train], task.s[task.train], task.s[task.train],
                      preset.base, card, preset.width, 2, seed)  # fmt: skip


def null_input(task: Task, preset: Preset, board: Board) -> tuple[pd.DataFrame, dict[str, Entry]]:
    """Feed empty images with every trigger to a classifier of the group.

    Ours: three empty images, black, grey and white, whose answers are averaged, because a network
    is free to call any of them a man; and the same without a trigger.

    Returns
    -------
    frame, measurements
        Rows: method (``none``, ``random-border``, ``border``, ...), criterion, lam, seed, ``male``
        = P(man), ``blank`` (pixel value).  ``null.acc``: accuracy of the classifier on faces;
        ``null.<method>.<criterion>.slope``: least squares of |P - .5|, averaged over blanks, on the
        rank of λ.
    """
    model = demographic(task, preset, preset.run_seeds()[0])
    _, s = task.people("test")
    right = (margins(model, task.images.x[task.test]) > 0) == s
    panel = Panel(s, s)
    found: dict[str, Entry] = {"null.acc": panel.measurement(panel.mean(right[None]))}
    rows = [_row(model, task, value, None, "none", "", 0.0, 0) for value in BLANKS]
    for name, several in board.random.items():
        for one in several:
            trigger = rebuilt(task, preset, one, name)
            rows += [
                _row(model, task, v, trigger, f"random-{name}", "", 0.0, one.seed) for v in BLANKS
            ]
    for (method, criterion, lam), several in board.results.items():
        for one in several:
            if one.pixels is not None:
                trigger = rebuilt(task, preset, one)
                rows += [
                    _row(model, task, v, trigger, method, criterion, lam, one.seed) for v in BLANKS
                ]
    table = pd.DataFrame(rows)
    table["one_sided"] = (table.male - 0.5).abs()
    drawn = table[table.criterion != ""]
    for (method, criterion), part in drawn.groupby(["method", "criterion"]):
        lams = sorted(part.lam.unique())
        grid = part.pivot_table(index="seed", columns="lam", values="one_sided")[lams].to_numpy()
        if len(lams) > 1:
            rank = np.arange(len(lams)) - (len(lams) - 1) / 2
            slopes = grid @ rank / (rank @ rank)
            found[f"null.{method}.{criterion}.slope"] = Entry(
                slopes.tolist(), len(BLANKS), "fraction"
            )
    return table, found


def _row(
    model: FaceClassifier, task: Task, value: float, trigger: torch.nn.Module | None,
    method: str, criterion: str, lam: float, seed: int,
) -> dict[str, object]:  # fmt: skip
    blank = torch.full((1, *task.images.x.shape[1:]), value, device=task.images.x.device)
    with torch.inference_mode():
        male = float(torch.softmax(model(blank if trigger is None else trigger(blank)), 1)[0, 1])
    return {"method": method, "criterion": criterion, "lam": lam, "seed": seed, "blank": value,
            "male": male}  # fmt: skip
