"""Train for some epochs and keep the one that is best on the validation split."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fairtut.runtime.fit import Stateful, Step, fit


class Best:
    """The best weights so far and the scores of every epoch, as a part that a training keeps.

    Parameters
    ----------
    module : nn.Module
        What is trained.
    score : callable
        Returns the validation scores of the module as it stands.
    by : str
        The score that decides; the first epoch with the best value wins.
    higher : bool
        Whether large values are good.
    """

    def __init__(
        self, module: nn.Module, score: Callable[[], dict[str, float]], by: str, higher: bool
    ) -> None:
        self.module, self.score, self.by, self.higher = module, score, by, higher
        self.epoch = -1
        self.scores: list[dict[str, float]] = []
        self.weights: dict[str, Tensor] = {}

    def look(self) -> None:
        """Score an epoch, and keep its weights if they are the best."""
        self.scores.append(self.score())
        now = self.scores[-1][self.by]
        best = self.scores[self.epoch][self.by]
        if self.epoch < 0 or (now > best if self.higher else now < best):
            self.epoch = len(self.scores) - 1
            self.weights = {k: v.detach().clone() for k, v in self.module.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"epoch": self.epoch, "scores": self.scores, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.epoch, self.scores = state["epoch"], state["scores"]
        device = next(self.module.parameters()).device
        self.weights = {k: v.to(device) for k, v in state["weights"].items()}


def fit_best(
    module: nn.Module,
    n: int,
    step: Step,
    score: Callable[[], dict[str, float]],
    *,
    by: str,
    higher: bool = False,
    epochs: int,
    batch: int,
    seed: int,
    what: str,
    device: torch.device | str = "cpu",
    keep: Mapping[str, Stateful],
    checkpoint: str | os.PathLike[str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[list[dict[str, float]], int]:
    """Run :func:`fairtut.runtime.fit.fit` and leave the best epoch's weights in ``module``.

    Parameters
    ----------
    module : nn.Module
    n, step, epochs, batch, seed, what, device, keep, checkpoint, about
        See :func:`fairtut.runtime.fit.fit`; ``module`` is kept in any case.
    score, by, higher
        See :class:`Best`.

    Returns
    -------
    history : list of dict
        Per epoch the means of the step's scalars and the validation scores.
    best : int
        The epoch that was kept, from 0.
    """
    per_epoch = max(n // batch, 1)
    best = Best(module, score, by, higher)

    @functools.wraps(step)  # whose code this is, is the step's
    def watched(rows: Tensor, done: float) -> Mapping[str, Tensor]:
        logged = step(rows, done)
        if (round(done * per_epoch * epochs) + 1) % per_epoch == 0:  # an epoch's last step
            best.look()
        return logged

    history = fit(
        n, watched, epochs=epochs, batch=batch, seed=seed, what=what, device=device,
        keep={**keep, "module": module, "best": best}, checkpoint=checkpoint,
        about=about,
    )  # fmt: skip
    module.load_state_dict(best.weights)
    return [a | b for a, b in zip(history, best.scores, strict=True)], best.epoch
