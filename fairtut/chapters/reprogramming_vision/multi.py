"""Eight and sixteen classes: combined attributes, every method once, one class against the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.chapters.reprogramming_vision.models import Spec, base, logits, trained
from fairtut.chapters.reprogramming_vision.presets import Preset
from fairtut.chapters.reprogramming_vision.protocol import settings
from fairtut.chapters.reprogramming_vision.tasks import Task
from fairtut.data.images import ImageSet
from fairtut.lab import grid
from fairtut.methods.reprogramming import TriggerModule, collapsed
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Decided:
    """Decisions of one method about the test people, (n,), in 0..classes-1."""

    method: str
    lam: float
    y_hat: NDArray[np.int64]


def one_vs_rest(
    y: NDArray[np.int64], s: NDArray[np.int64], y_hat: NDArray[np.int64], classes: int,
    n_resamples: int = 300,
) -> dict[str, Draws]:  # fmt: skip
    """Return acc, dp and eo of multi-class decisions, each (1, 1 + R).

    The gaps of each class against the rest are averaged over the classes that have members of both
    groups, as the released code does.
    """
    gaps: dict[str, list[Draws]] = {"dp": [], "eo": []}
    panel = Panel(y == 0, s, n_resamples=n_resamples)
    acc = panel.mean((y_hat == y)[None])
    for label in range(classes):
        own = y == label
        if len(np.unique(s[own])) < 2:
            continue
        # the same seed draws the same resamples, so classes stay paired
        one = Panel(own, s, n_resamples=n_resamples)
        gaps["dp"].append(one.dp((y_hat == label)[None]))
        gaps["eo"].append(one.deo((y_hat == label)[None]) / 2)
    return {"acc": acc, **{name: np.nanmean(found, axis=0) for name, found in gaps.items()}}


def run_multi(
    images: ImageSet, preset: Preset, lams: dict[str, float]
) -> tuple[dict[int, pd.DataFrame], dict[str, Entry]]:
    """Run BASE, the border, AdvIn and AdvPost on combined attributes, for EO and one seed.

    Parameters
    ----------
    images
    preset : Preset
        ``multi`` names three attributes for 8 classes and four for 16.
    lams : dict of str to float
        Method → λ, those of the binary headline.

    Returns
    -------
    frames : dict of int to DataFrame
        Number of classes → rows of method, lam, classes, acc, dp, eo, collapsed.
    measurements
        ``multi<k>.<method>.acc``, ``.change`` (EO minus BASE's),
        ``multi<k>.<trigger>.vs-advin``, ``.vs-advpost``, and ``multi<k>.advpost.vs-advin``.
    """
    tasks = [Task.of(images, preset, attributes) for attributes in preset.multi]
    listed = [
        grid.Cell(
            grid.Spec(
                f"{task.classes} classes",
                partial(_decide, task, preset, lams),
                settings(task, preset) | {"lams": lams},
            ),
            preset.run_seeds()[0],
        )
        for task in tasks
    ]
    done = grid.run(listed, jobs=preset.jobs, device=images.x.device, what="classes")
    several = [done[cell.key] for cell in listed]
    frames: dict[int, pd.DataFrame] = {}
    found: dict[str, Entry] = {}
    for task, decided in zip(tasks, several, strict=True):
        scores = {one.method: one_vs_rest(*task.people("test"), one.y_hat, task.classes)
                  for one in decided}  # fmt: skip
        frames[task.classes] = pd.DataFrame(
            {"method": one.method, "lam": one.lam, "classes": task.classes,
             **{k: float(v[0, 0]) for k, v in scores[one.method].items()},
             "collapsed": collapsed(one.y_hat) is not None}
            for one in decided
        )  # fmt: skip
        found |= _measured(task, scores)
    return frames, found


def _measured(task: Task, scores: dict[str, dict[str, Draws]]) -> dict[str, Entry]:
    y, s = task.people("test")
    panel, name = Panel(y == 0, s, n_resamples=1), f"multi{task.classes}"
    found: dict[str, Entry] = {}
    for method, rates in scores.items():
        found[f"{name}.{method}.acc"] = panel.measurement(rates["acc"])
        if method == "base":
            continue
        eo = rates["eo"]
        found[f"{name}.{method}.change"] = panel.measurement(eo - scores["base"]["eo"])
        for rival in ("advin", "advpost"):
            if method != rival and rival in scores:
                difference = eo - scores[rival]["eo"]
                found[f"{name}.{method}.vs-{rival}"] = panel.measurement(difference)
    return found


def _decide(task: Task, preset: Preset, lams: dict[str, float], seed: int) -> list[Decided]:
    model, x = base(task, preset, seed), task.images.x[task.test]

    def of(net: Any, change: TriggerModule | None = None) -> NDArray[np.int64]:
        found: NDArray[np.int64] = logits(net, x, change).argmax(1).cpu().numpy()
        return found

    decided = [Decided("base", 0.0, of(model))]
    for method, lam in lams.items():
        kept = trained(task, preset, seed, Spec(method, "eo", lam)).chosen
        trigger = isinstance(kept, TriggerModule)
        y_hat = of(model, kept) if trigger else of(kept)  # type: ignore[arg-type]
        decided.append(Decided(method, lam, y_hat))
    return decided
