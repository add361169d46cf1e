"""South German Credit: every method on repeated splits, all splits trained at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from fairtut.chapters.dvge.codes import Trial
from fairtut.chapters.dvge.presets import Preset
from fairtut.chapters.dvge.protocol import Board
from fairtut.chapters.dvge.tasks import PARTS, Decisions
from fairtut.data import repeats, south_german
from fairtut.data.table import Table
from fairtut.methods import dvge, latent
from fairtut.methods.dvge.focus import focus
from fairtut.methods.latent import reversal
from fairtut.models.table_vae import TableVAE
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.stopwatch import Stopwatch

GROUPS: Final[Mapping[str, str]] = {
    "german-age-risk": "age",
    "german-agefw-risk": "young-not-foreign",
}
"""Setting → sensitive attribute of the data."""


@dataclass(frozen=True)
class Applicants:
    """A table split r times, as tensors.

    ``x`` maps a part to (r, n, inputs), ``y`` and ``s`` to (r, n).
    """

    table: Table
    x: Mapping[str, Tensor]
    y: Mapping[str, Tensor]
    s: Mapping[str, Tensor]


@dataclass(frozen=True)
class Played:
    """The board of a setting, and what each part took in CPU seconds.

    ``refits`` are the seconds of d and g alone, on single splits.
    """

    board: Board
    seconds: Mapping[str, float]
    refits: list[float]


def applicants(preset: Preset, sensitive: str, real: bool) -> Applicants:
    """Load South German Credit or its synthetic stand-in, and split it."""
    credit = preset.credit
    if real:
        table = south_german.south_german(sensitive)
    else:
        table = south_german.synthetic(credit.rows, preset.root, sensitive)
    cut = repeats.repeated(table, credit.splits, preset.root)
    return Applicants(
        table,
        {part: torch.from_numpy(x) for part, x in cut.x.items()},
        {part: torch.from_numpy(y).long() for part, y in cut.y.items()},
        {part: torch.from_numpy(s).long() for part, s in cut.s.items()},
    )


def play(people: Applicants, name: str, preset: Preset) -> Played:
    """Run every method on every split."""
    found: dict[str, Decisions] = {}
    clock, trial = _Clock(), _trial(people, preset)
    codes: dict[str, dict[str, Tensor]] = {}
    for short, kind in (("n", "vae"), ("d", "factor")):
        codes[short] = _codes(people, preset, replace(preset.credit.vae, kind=kind))
        clock.lap(f"encoder-{short}")
        decided, trained = trial.play(codes[short], short)
        found |= decided
        clock.lap(f"dvge-{short}")
        if short == "n":
            decided, margin = trial.controls(trained, codes[short])
            found |= decided
            clock.lap("controls")
    for kind, settings in _latent(preset).items():
        each = [_codes(people, preset, config) for config in settings]
        clock.lap(kind)
        found[kind] = trial.plain(each)
        clock.lap(f"{kind}-tasks")
    found["adt"] = _adversarial(people, preset)
    clock.lap("adt")
    board = Board(
        name, {p: people.y[p].numpy() for p in PARTS}, {p: people.s[p].numpy() for p in PARTS},
        found, preset.sweep, people.y["train"].shape[1], margin,
    )  # fmt: skip
    return Played(board, clock.laps, _refit(codes["n"], people, preset))


def _trial(people: Applicants, preset: Preset) -> Trial:
    seeds = tuple(1000 * preset.root + split for split in range(preset.credit.splits))
    return Trial(
        people.y, people.s, preset.credit.classifier, seeds, preset.sweep, preset.jobs
    )  # fmt: skip


class _Clock:
    """CPU seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._watch = Stopwatch()  # tables are small: this part stays on the CPU

    def lap(self, name: str) -> None:
        self.laps[name] = self._watch.lap()


def _latent(preset: Preset) -> dict[str, list[latent.Config]]:
    base, sweep = preset.credit.vae, preset.sweep
    return {
        "ffvae": [replace(base, kind="ffvae", alpha=a, gamma=g) for a, g in sweep.ffvae],
        "fdvae": [replace(base, kind="fdvae", alpha=10.0, lam=lam) for lam in sweep.fdvae],
    }


def _fresh(people: Applicants, preset: Preset, members: int) -> TableVAE:
    shape = south_german.layout(people.table)
    return TableVAE(
        members, shape.numeric, shape.categories, preset.credit.latent,
        generator=torch_rng(preset.root, "table"),
    )  # fmt: skip


def _codes(people: Applicants, preset: Preset, config: latent.Config) -> dict[str, Tensor]:
    """Train one VAE per split and return what a task may use of its codes, (r, n, d) by part."""
    x, s, y = people.x["train"], people.s["train"], people.y["train"]
    model = _fresh(people, preset, len(x))
    done = latent.train(model, x, config, preset.root, s=s[..., None], y=y, what=config.kind)
    with torch.no_grad():
        found = {part: done.objective.keep(model.codes(rows)) for part, rows in people.x.items()}
    # one number per split makes the mean variance 1, as for images
    scale = found["train"].var(1).mean(1).sqrt()[:, None, None]  # (r, 1, 1)
    return {part: z / scale for part, z in found.items()}


def _refit(z: Mapping[str, Tensor], people: Applicants, preset: Preset) -> list[float]:
    """Return CPU seconds of d and g on some splits: what a new sensitive attribute costs."""
    config, seconds = preset.credit.classifier, []
    for i in range(min(3, len(z["train"]))):
        watch = Stopwatch()
        codes, s, y = z["train"][i], people.s["train"][i], people.y["train"][i]
        d = dvge.fit_classifiers(codes, s, config, [i])
        f_sens = focus(d, codes, config.focus, s)
        dvge.fit_grid(codes, y, f_sens, (0.5,), (0.0,), config, [i])
        seconds.append(watch.lap())
    return seconds


def _adversarial(people: Applicants, preset: Preset) -> Decisions:
    """Train ADT for every strength and split at once; decisions (strengths, r, n) by part."""
    strengths, runs = preset.sweep.adt, preset.credit.splits
    times = len(strengths)
    model = _fresh(people, preset, times * runs)
    every = {part: x.repeat(times, 1, 1) for part, x in people.x.items()}
    weight = torch.tensor(strengths).repeat_interleave(runs)
    done = reversal.train(
        model, every["train"], people.y["train"].repeat(times, 1),
        people.s["train"].repeat(times, 1), weight, config=preset.credit.adt, seed=preset.root,
    )  # fmt: skip
    return {
        part: done.net.decisions(every[part]).numpy().astype(np.int8).reshape(times, runs, -1)
        for part in PARTS
    }
