"""Tables 1 and 2: what a fresh classifier reads from perturbed codes, under every convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fairtut.chapters.dvge.presets import Preset
from fairtut.chapters.dvge.tasks import Task
from fairtut.lab.grid import workers
from fairtut.methods import dvge, latent
from fairtut.metrics.entry import Entry

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What is read from one encoder's codes, for one sensitive attribute.

    Attributes
    ----------
    none, removed : float array, shape (seeds,)
        Accuracy from plain codes, and without the dimension that correlates most with s.
    probes : mapping of (focus, probe) to float array, shape (seeds, strengths)
        Highest accuracy over the epochs, as in the slides.
    etas : tuple of float
    majority : float
        Share of the larger group.
    n : int
        Evaluated people.
    """

    none: Floats
    removed: Floats
    probes: Mapping[tuple[str, str], Floats]
    etas: tuple[float, ...]
    majority: float
    n: int


def read(z: Tensor, task: Task, preset: Preset) -> Reading:
    """Run the ablation: probes learn on training rows and are scored on test rows.

    Parameters
    ----------
    z : Tensor, shape (seeds, n, d)
        Every training's own codes (:func:`fairtut.chapters.dvge.encoders.codes`).
    task, preset
    """
    parts = task.cut(z)
    s, known, test = task.s, parts["train"], parts["test"]
    jobs = workers(preset.jobs, z.device)
    seeds = list(preset.run_seeds())

    def run(codes: Tensor, scored: Tensor, etas: Any, focus: str, probes: Any) -> dvge.Ablation:
        config = replace(preset.classifier, focus=focus)
        return dvge.ablation(
            codes, s[task.train], scored, s[task.test], etas, config, seeds,
            probe_on=probes, jobs=jobs,
        )  # fmt: skip

    gone = latent.sensitive_dimension(known, s[task.train])
    kept, scored = latent.remove(known, gone), latent.remove(test, gone)
    removed = run(kept, scored, (0.0,), "loss_pred", ("raw",)).best["raw"][:, 0]
    found: dict[tuple[str, str], Floats] = {}
    for focus in preset.foci:
        # the mixed probe answers one question, about the slides' own reading
        probes = dvge.PROBES if focus == preset.classifier.focus else dvge.PROBES[:2]
        done = run(known, test, (0.0, *preset.etas), focus, probes)
        found |= {(focus, probe): scores for probe, scores in done.best.items()}
    none = found[preset.classifier.focus, "raw"][:, 0]
    share = float(s[task.test].float().mean())
    return Reading(
        none, removed, {key: scores[:, 1:] for key, scores in found.items()},
        preset.etas, max(share, 1 - share), len(task.test),
    )  # fmt: skip


def measures(reading: Reading, prefix: str) -> dict[str, Entry]:
    """Return the measurements of a table's row, such as ``table1.d``; t-intervals over seeds."""
    none, removed = reading.none, reading.removed
    found: dict[str, Floats] = {
        "none": none,
        "none.over-majority": none - reading.majority,
        "removed": removed,
        "removed.change": removed - none,
    }
    for (focus, probe), scores in reading.probes.items():
        first = f"{focus}.{probe}"
        for i, eta in enumerate(reading.etas):
            found[f"{first}.eta{eta}"] = scores[:, i]
            found[f"{first}.eta{eta}.change"] = scores[:, i] - none
            found[f"{first}.eta{eta}.vs-removed"] = scores[:, i] - removed
        if probe == "mixed-perturbed":
            last, plain = f"{first}.eta{reading.etas[-1]}", reading.probes[focus, "perturbed"]
            found[f"{last}.vs-perturbed"] = scores[:, -1] - plain[:, -1]
        found |= {f"{first}.{k}": v for k, v in _shape(none, scores, reading.etas).items()}
    return {
        f"{prefix}.{key}": Entry(values.tolist(), reading.n, "fraction")
        for key, values in found.items()
    }


def _shape(none: Floats, scores: Floats, etas: tuple[float, ...]) -> dict[str, Floats]:
    """Return the slope on η1 and, where .5 was run, how much less the second half takes away."""
    x = np.array([0.0, *etas])
    whole = np.column_stack([none, scores])  # (seeds, 1 + e)
    centred = x - x.mean()
    found = {"slope": whole @ centred / np.square(centred).sum()}
    if 0.5 in etas:
        half = scores[:, etas.index(0.5)]
        found["saturation"] = (half - scores[:, -1]) - (none - half)
    return found
