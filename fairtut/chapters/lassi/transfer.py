"""Transfer: R learns without labels, then anybody trains a consumer for a task of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.lassi import listing
from fairtut.chapters.lassi.directions import directions
from fairtut.chapters.lassi.flow import World
from fairtut.chapters.lassi.measures import constant, difference
from fairtut.chapters.lassi.presets import TASKS, Preset
from fairtut.chapters.lassi.protocol import Certified, Spec, certify_part, encoder, head
from fairtut.methods.lassi.learning import encode
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

KINDS: Final = ("transfer", "plain")
"""As published, and our control without the similarity loss."""


@dataclass(frozen=True)
class Transferred:
    """One representation and a consumer per task.

    Attributes
    ----------
    spec : Spec
    y : dict of str to int array, shape (m,)
        Task → labels of the evaluated test images.
    majority : dict of str to int
        Task → the most frequent class of all test images.
    test : dict of str to Certified
    """

    spec: Spec
    y: dict[str, NDArray[np.int64]]
    majority: dict[str, int]
    test: dict[str, Certified]


def plan(preset: Preset) -> list[Spec]:
    """Return a spec per kind, setting and seed; the task in it is not used for R."""
    specs = []
    for kind in KINDS:
        config = preset.config(kind, epochs=preset.transfer.epochs)
        specs += [
            Spec(kind, preset.task, setting, seed, config, (config.sigma_rs,))
            for setting in preset.transfer.settings
            for seed in preset.run_seeds(preset.transfer.seeds)
        ]
    return specs


def run(world: World, preset: Preset) -> list[Transferred]:
    """Train R of every spec, then the consumers of all tasks, and certify; kept in the cache."""
    specs = plan(preset)
    for spec in specs:
        directions(world, preset, spec.setting)
    tasks = preset.transfer.tasks
    listed = [
        listing.listed(world, preset, spec, _transferred, "transfer", tasks=tasks)
        for spec in specs
    ]  # fmt: skip
    found: list[Transferred] = listing.run(world, preset, listed, "transfer")
    return found


def _transferred(
    world: World, preset: Preset, spec: Spec, *needs: object, tasks: Sequence[str]
) -> Transferred:
    r, sigma = encoder(world, preset, spec), spec.sigmas[0]
    codes = encode(r, world.z("train"))
    heads = {task: (head(world, spec, codes, sigma, task), sigma) for task in tasks}
    a = directions(world, preset, spec.setting)
    test, _ = certify_part(world, preset, spec, r, heads, a, "test", preset.every)
    y = {task: world.labels(TASKS[task], "test").numpy() for task in tasks}
    rows = world.evaluated("test", preset.every)
    return Transferred(
        spec, {k: v[rows] for k, v in y.items()}, {k: constant(v) for k, v in y.items()}, test
    )


def measures(found: Sequence[Transferred], prefix: str) -> dict[str, Entry]:
    """Return accuracy, certified share and differences to the control, per setting and task.

    Parameters
    ----------
    found : sequence of Transferred
        From :func:`run`.
    prefix : str
        ``transfer`` on photographs, ``faces.transfer`` on drawn ones.
    """
    out: dict[str, Entry] = {}
    for setting in dict.fromkeys(one.spec.setting for one in found):
        ours, plain = (
            [one for one in found if (one.spec.setting, one.spec.method) == (setting, kind)]
            for kind in KINDS
        )
        for task, y in ours[0].y.items():
            panel = Panel(np.zeros_like(y), np.zeros_like(y))
            (right, fair), (right_plain, fair_plain) = (
                (panel.mean(np.stack([one.test[task].right(y) for one in some])),
                 panel.mean(np.stack([one.test[task].fair for one in some])))
                for some in (ours, plain)
            )  # fmt: skip
            name = f"{prefix}.{setting}.{task}"
            over = right - panel.mean(y == ours[0].majority[task])
            levels = {"acc": right, "fair": fair, "over-constant": over}
            levels |= {"plain.acc": right_plain, "plain.fair": fair_plain}
            out |= {f"{name}.{key}": panel.measurement(v) for key, v in levels.items()}
            out[f"{name}.fair-vs-plain"] = difference(panel, fair, fair_plain)
    return out
