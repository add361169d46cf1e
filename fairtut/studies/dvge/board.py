"""Every method on one task: decisions about the same people, for every strength and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.data.images import ImageSet
from fairtut.methods.latent import reversal
from fairtut.models.vae import ConvVAE
from fairtut.runtime.checkpoints import load_or_train
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.threads import torch_threads
from fairtut.studies.dvge.codes import PARTS, Decisions, Trial
from fairtut.studies.dvge.encoders import encoder, usable
from fairtut.studies.dvge.presets import Preset, Sweep
from fairtut.studies.dvge.tasks import Task


@dataclass(frozen=True)
class Board:
    """All decisions of one setting.

    Attributes
    ----------
    name : str
        The setting.
    y, s : mapping of str to int array, shape (n,) or (runs, n)
        By part, ``val`` and ``test``; runs have people of their own where a table was split anew.
    decisions : mapping of str to mapping
        Method → part → int array (settings, runs, n).  Methods: ``plain``, ``dvge`` and
        ``removed`` with ``-n`` or ``-d`` for the encoder, ``ffvae``, ``fdvae``, ``adt`` and the
        control ``threshold``.  ``dvge-n.<focus>`` has another convention.
    sweep : Sweep
        The settings, in the order of the first axis.
    trained : int
        Rows that a run was trained on.
    """

    name: str
    y: Mapping[str, NDArray[Any]]
    s: Mapping[str, NDArray[Any]]
    decisions: dict[str, Decisions]
    sweep: Sweep = field(repr=False)
    trained: int

    def chosen(self) -> NDArray[np.int64]:
        """Return which points of DVGE's grid stand against the baselines."""
        pairs = [(a, b) for a in self.sweep.eta1 for b in self.sweep.eta2]
        return np.array([pairs.index(pair) for pair in self.sweep.chosen])


def play(images: ImageSet, task: Task, preset: Preset) -> Board:
    """Run every method on an image setting."""
    codes = {name: task.cut(encoder(images, preset, name).z) for name in ("n", "d")}
    trial = Trial(
        task.cut(task.y), task.cut(task.s), preset.classifier, tuple(preset.run_seeds()),
        preset.sweep, preset.jobs if images.x.device.type == "cpu" else 1,
    )  # fmt: skip
    found: dict[str, Decisions] = {}
    for name, z in codes.items():
        found |= trial.play(z, name, control=name == "n")
    for kind in preset.foci:
        # only for the first setting: each costs as much as everything else
        if task.name == preset.settings[0] and kind != preset.classifier.focus:
            found[f"dvge-n.{kind}"] = trial.decide(trial.train(codes["n"], kind), codes["n"])
    for kind, count in (("ffvae", len(preset.sweep.ffvae)), ("fdvae", len(preset.sweep.fdvae))):
        found[kind] = trial.plain(
            task.cut(usable(images, preset, f"{kind}-{i}", task)) for i in range(count)
        )
    found["adt"] = _adversarial(images, task, preset)
    y, s = ({p: v[p].cpu().numpy() for p in PARTS} for v in (trial.y, trial.s))
    return Board(task.name, y, s, found, preset.sweep, len(task.train))


def _adversarial(images: ImageSet, task: Task, preset: Preset) -> Decisions:
    """Train ADT end to end, for every strength and seed."""
    from joblib import Parallel, delayed

    jobs = preset.jobs if images.x.device.type == "cpu" else 1
    plan = [(strength, seed) for strength in preset.sweep.adt for seed in preset.run_seeds()]
    done = Parallel(n_jobs=jobs)(delayed(_adt)(images, task, preset, *one) for one in plan)
    shape = (len(preset.sweep.adt), preset.seeds, -1)
    return {
        part: np.stack([one[part] for one in done]).reshape(shape) for part in PARTS
    }  # fmt: skip


def _adt(images: ImageSet, task: Task, preset: Preset, strength: float, seed: int) -> Decisions:
    config = preset.adt
    with torch_threads(1):
        rng = torch_rng(seed, "adt")
        model = ConvVAE(preset.latent, preset.size, preset.width, generator=rng)
        net = reversal.Reversal(model.to(images.x.device), config.hidden, rng).to(images.x.device)
        card = {
            "what": "adt", "images": images.digest, "task": task.name, "most": preset.most,
            "width": preset.width, "latent": preset.latent, "strength": strength, "seed": seed,
            "config": str(config),
        }  # fmt: skip

        def run(_: Any) -> dict[str, Any]:
            rows = task.train
            done = reversal.train(
                model, images.x[rows], task.y[rows], task.s[rows], strength, config=config,
                seed=seed,
            )  # fmt: skip
            net.load_state_dict(done.net.state_dict())
            return {"history": done.history}

        load_or_train(net, card, run)
        net.eval()
        return {
            part: net.decisions(images.x[getattr(task, part)])[0].cpu().numpy().astype(np.int8)
            for part in PARTS
        }
