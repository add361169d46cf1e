"""Experiments beside the table: sweeps, other adversaries, counterfactual faces, invariants.

:func:`floors` asks how low DEO could go without another model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fairtut.chapters.faap.measures import Measured
from fairtut.chapters.faap.presets import Preset
from fairtut.chapters.faap.probes import probe
from fairtut.chapters.faap.protocol import SENSITIVE, Cell, Task, deploy, generator, see
from fairtut.chapters.faap.table import settings, starting
from fairtut.data.images import ImageSet, augment, pixels
from fairtut.lab import grid
from fairtut.lab.controls import per_group
from fairtut.methods import faap
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.precision import full_precision
from fairtut.runtime.seeds import torch_rng


def people(images: ImageSet, target: str) -> tuple[torch.Tensor, Panel]:
    """Return the test rows of a target and the panel of these people."""
    rows = np.flatnonzero(images.split == "test")
    y, s = (images.labels(name).cpu().numpy()[rows] for name in (target, SENSITIVE))
    return torch.from_numpy(rows), Panel(y, s)


# ---------------------------------------------------------------- sweeps


def sweep(images: ImageSet, preset: Preset, kind: str = "lf") -> pd.DataFrame:
    """Change one hyper-parameter of FAAP at a time, on one patient of the headline target.

    Returns
    -------
    DataFrame
        One row per setting, with columns ``parameter``, ``value``, ``acc``, ``deo`` and the ends
        of DEO's interval over people.  The default setting appears in every parameter.
    """
    target = preset.headline
    seed = preset.seeds(target)[0]
    plan = [
        (name, value)
        for name, values in preset.sweeps.items()
        for value in (*values, getattr(preset.generator(target), name))
    ]
    shared = settings(images, target, kind, preset)
    first = starting(images, target, kind, preset)
    specs = {}
    for name, value in plan:
        config = preset.generator(target, **{name: value})
        make = partial(_setting, images, preset, kind, config)
        about = shared | {"setting": config}
        specs[name, value] = grid.Spec(f"{name} = {value}", make, about, first)
    found = grid.run(
        grid.cells(specs.values(), [seed]),
        jobs=preset.jobs, device=images.x.device, what="settings",
    )  # fmt: skip
    rows = [
        {"parameter": name, "value": value, **found[specs[name, value].name, seed]}
        for name, value in plan
    ]
    return pd.DataFrame(rows)


def _setting(
    images: ImageSet, preset: Preset, kind: str, config: faap.Config, seed: int, *began: str
) -> dict[str, float]:
    task = Task(images, preset.headline, seed, preset.half)
    model = deploy(task, kind, preset)
    g, _, _ = generator(task, [model], [kind], config)
    rows, panel = people(images, preset.headline)
    _, margin = see(model, images.x[rows], g)
    y_hat = margin > 0
    deo = panel.interval(panel.deo(y_hat))
    return {
        "acc": float(panel.accuracy(y_hat)[0]), "deo": deo.value, "low": deo.low, "high": deo.high,
    }  # fmt: skip


# ---------------------------------------------------------------- other ways to be unfair


def obvious(images: ImageSet, preset: Preset) -> dict[str, Entry]:
    """Train the RG model that the text suggests (adversary on the code), and uniform label flips.

    Both are compared with the normal model, in DEO; the first also in what a fresh probe reads.
    """
    target = preset.headline
    rows, panel = people(images, target)
    task = Task(images, target, preset.seeds(target)[0], preset.half)
    models = {
        "normal": deploy(task, "normal", preset),
        "features": deploy(task, "rg", preset, looks=(("rg", "features"),)),
        "uniform": deploy(task, "lf", preset, flip="uniform"),
    }
    learn = task.halves()[1][: preset.probe]
    deo, read = {}, {}
    for name, model in models.items():
        z, margin = see(model, images.x[rows])
        deo[name] = panel.deo(margin > 0)
        known, _ = see(model, images.x[learn])
        guess = probe(known, task.s[learn], z, hidden=(128,), seed=task.seed).numpy()
        read[name] = panel.mean(guess == panel.s)
    return {
        "rg.features.deo": panel.measurement(deo["features"]),
        "rg.features.deo-vs-normal": panel.measurement(deo["features"] - deo["normal"]),
        "rg.features.probe": panel.measurement(read["features"]),
        "rg.features.probe-vs-normal": panel.measurement(read["features"] - read["normal"]),
        "lf.uniform.deo": panel.measurement(deo["uniform"]),
        "lf.uniform.deo-vs-normal": panel.measurement(deo["uniform"] - deo["normal"]),
    }


# ---------------------------------------------------------------- other ways to be fair


_FIRST: Mapping[str, Any] = {
    "strength": (("fair", 0.3),), "looks": (("fair", "logit_and_label"),), "lr_adversary": 5e-3,
}  # fmt: skip
"""The fair training that was chosen first, with one seed."""


def other_fair(images: ImageSet, cells: Sequence[Cell], preset: Preset) -> dict[str, Entry]:
    """Compare the fair models of a target with two other trainings, seed by seed.

    ``longer`` has no adversary and as many epochs as fair; ``logit`` is what was chosen first, a
    weak and slow adversary on the logit and the label, with as many epochs as normal.

    Returns
    -------
    dict
        ``fair.acc-kept``: accuracy of fair minus normal, plus a point; ``fair.deo-vs-longer``;
        and for both others ``fair.<name>.deo`` and ``fair.<name>.deo-vs-normal``.
    """
    m = Measured(images, cells)
    spec = grid.Spec(
        f"{images.name} {m.target} other fair models",
        partial(_other_decisions, images, preset, m.target),
        {kind: settings(images, m.target, kind, preset) for kind in ("normal", "fair")},
        starting(images, m.target, "normal", preset),
    )
    others = list(
        grid.run(
            grid.cells([spec], [cell.seed for cell in cells]),
            jobs=preset.jobs, device=images.x.device, what="other fair models",
        ).values()
    )  # fmt: skip
    y_hat = {kind: m.decisions(kind) for kind in ("normal", "fair")}  # (seeds, n)
    y_hat |= {name: np.stack([of[name] for of in others])[:, m.keep] for name in others[0]}
    deo = {name: m.panel.deo(decided) for name, decided in y_hat.items()}
    price = m.panel.accuracy(y_hat["fair"]) - m.panel.accuracy(y_hat["normal"])
    found = {"fair.acc-kept": price + 0.01, "fair.deo-vs-longer": deo["fair"] - deo["longer"]}
    for name in others[0]:
        found[f"fair.{name}.deo"] = deo[name]
        found[f"fair.{name}.deo-vs-normal"] = deo[name] - deo["normal"]
    return {identifier: m.panel.measurement(draws) for identifier, draws in found.items()}


def _other_decisions(
    images: ImageSet, preset: Preset, target: str, seed: int, *began: str
) -> dict[str, NDArray[np.bool_]]:
    """Return the decisions of the two other models about the evaluated people, (n,) each."""
    task = Task(images, target, seed, preset.half)
    normal, fair = (preset.deployed(target, kind) for kind in ("normal", "fair"))
    models = {
        "longer": deploy(task, "normal", preset, epochs=fair.epochs),
        "logit": deploy(task, "fair", preset, epochs=normal.epochs, **_FIRST),
    }
    x = images.x[task.evaluated()]
    return {name: see(model, x)[1] > 0 for name, model in models.items()}


# ---------------------------------------------------------------- what the scores leave room for


POINTS = (0, 1, 2)
"""Points of accuracy that a threshold per group may cost."""


def floors(images: ImageSet, cells: Mapping[str, Sequence[Cell]]) -> dict[str, Entry]:
    """Return the least DEO of the normal models' scores, with a threshold for each group.

    Parameters
    ----------
    images : ImageSet
    cells : mapping of str to sequence of Cell
        As :func:`fairtut.chapters.faap.table.run_cells` returns them.

    Returns
    -------
    dict
        For every target ``floor.<target>.normal.``: ``deo`` as deployed; ``within-k``, the least
        DEO for at most k points of accuracy, with thresholds chosen on the evaluated people (an
        oracle); and ``auc-gap``, the AUC of men minus that of women.
    """
    found: dict[str, Entry] = {}
    for target, several in cells.items():
        m = Measured(images, several)
        panel, margins = m.panel, m.margins("normal", "plain")
        men, women = (panel.auc(margins, panel.s == group) for group in (1, 0))
        draws = {"deo": panel.deo(margins > 0), "auc-gap": men - women}
        # an empty cell leaves no thresholds, and DEO is NaN
        y_hat = per_group(margins, panel, margins, panel.s, [k / 100 for k in POINTS])
        draws |= {f"within-{k}": panel.deo(d) for k, d in zip(POINTS, y_hat, strict=True)}
        name = f"floor.{target.lower()}.normal"
        found |= {f"{name}.{what}": panel.measurement(values) for what, values in draws.items()}
    return found


# ---------------------------------------------------------------- counterfactual faces


def flips(
    images: ImageSet, twins: torch.Tensor, preset: Preset, kinds: Sequence[str] = ("normal", "lf")
) -> dict[str, Entry]:
    """Count decisions that change when only the drawn sex changes, before and after FAAP.

    Parameters
    ----------
    images : ImageSet
        Synthetic faces.
    twins : uint8 tensor, shape (m, 3, h, w)
        The counterfactual of each test face, in the order of the test rows.
    preset : Preset
    kinds : sequence of str
    """
    target = preset.headline
    rows, panel = people(images, target)
    found: dict[str, Entry] = {}
    for kind in kinds:
        share: dict[str, list[NDArray[np.float64]]] = {"plain": [], "faap": []}
        for seed in preset.seeds(target):
            task = Task(images, target, seed, preset.half)
            model = deploy(task, kind, preset)
            g, _, _ = generator(task, [model], [kind], preset.generator(target))
            for version, change in (("plain", None), ("faap", g)):
                _, here = see(model, images.x[rows], change)
                _, there = see(model, twins, change)
                share[version].append(panel.mean((here > 0) != (there > 0)))
        before, after = (np.stack(share[version]) for version in ("plain", "faap"))
        found[f"faces.{kind}.flips"] = panel.measurement(before)
        found[f"faces.{kind}-faap.flips"] = panel.measurement(after)
        found[f"faces.{kind}.flips-change"] = panel.measurement(after - before)
    return found


def dialled(images: ImageSet, other: ImageSet, preset: Preset) -> dict[str, Entry]:
    """Compare the normal model of CelebA's law with one whose training data has no dependence.

    Both decide about the same test people of ``images``; ``other`` holds faces whose target was
    drawn independently of the sensitive attribute.
    """
    target = preset.headline
    rows, panel = people(images, target)
    deo: dict[str, list[NDArray[np.float64]]] = {"law": [], "dialled": []}
    for seed in preset.seeds(target):
        for name, source in (("law", images), ("dialled", other)):
            model = deploy(Task(source, target, seed, preset.half), "normal", preset)
            _, margin = see(model, images.x[rows])
            deo[name].append(panel.deo(margin > 0))
    law, free = (np.stack(deo[name]) for name in ("law", "dialled"))
    return {
        "faces.dialled.deo": panel.measurement(free),
        "faces.dialled.deo-vs-law": panel.measurement(free - law),
    }


# ---------------------------------------------------------------- what must hold exactly


def invariants(images: ImageSet, target: str, preset: Preset, path: Any) -> dict[str, Entry]:
    """Take one step of the game and check what the algorithm promises; export G and compare.

    Parameters
    ----------
    images, target, preset
    path : path-like
        Where the exported pre-processor goes.
    """
    task = Task(images, target, preset.seeds(target)[0], preset.half)
    model = deploy(task, "normal", preset)
    config = preset.generator(target)
    _, rows = task.halves()
    x = augment(pixels(images.x[rows[: config.batch]]), torch_rng(0, "check"))
    y, s = task.y[rows[: config.batch]], task.s[rows[: config.batch]]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    digest = state_digest(model)
    split = faap.Split(model, "g")
    with faap.frozen(model):
        game = faap.Game([split], [model.f.in_features], config, 0, x.device)
        game.step(x, y, s)
        without = sum(p.grad is None or not p.grad.any() for p in game.g.parameters())
        with torch.no_grad(), full_precision():
            x_hat = game.g.eval()(x)
    changed = sum(not torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert (changed == 0) == (digest == state_digest(model))
    estimator = faap.FAAP(model, "g", config)
    estimator.use(game.g)
    script = torch.jit.load(estimator.export(path, x.shape[-1]))
    gap = (script(x.cpu()) - x_hat.cpu()).abs().max()
    values: Mapping[str, tuple[float, str]] = {
        "changed-tensors": (changed, "count"),
        "excess": (max(float((x_hat - x).abs().max()) - config.epsilon - 1e-7, 0.0), "fraction"),
        "outside": (float(((x_hat < 0) | (x_hat > 1)).float().mean()), "fraction"),
        "without-gradient": (without, "count"),
        "script-difference": (float(gap), "fraction"),
    }
    return {f"exact.{name}": Entry([value], len(x), unit) for name, (value, unit) in values.items()}
