"""Beside the trade-off: fewer tuning images, another BASE, other sizes of the trigger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
import torch

from fairtut.chapters.reprogramming_vision.measures import Measured
from fairtut.chapters.reprogramming_vision.models import Spec, base, margins, random_trigger
from fairtut.chapters.reprogramming_vision.presets import CRITERIA, TRIGGERS, Preset
from fairtut.chapters.reprogramming_vision.protocol import Board, Result, run_many
from fairtut.chapters.reprogramming_vision.tasks import Task
from fairtut.methods.reprogramming import TriggerModule
from fairtut.metrics.entry import Entry

FALLEN: Final = "a seed collapsed to a constant answer"
Found = tuple[pd.DataFrame, dict[str, Entry]]


def strength(board: Board, preset: Preset, method: str, criterion: str = "eo") -> float:
    """Return the λ of a method in the experiments beside: the headline's, else the middle one."""
    lam = board.pick(method, criterion, preset.costs[1 if len(preset.costs) > 1 else 0])
    lams = board.lams(method, criterion)
    return lam if lam is not None else lams[len(lams) // 2]


def _rows(m: Measured, several: Sequence[Result], **named: object) -> list[dict[str, object]]:
    rates = m.of(several)
    return [
        {**named, "seed": one.seed, **{k: float(v[i, 0]) for k, v in rates.items()},
         "collapsed": m.board.fallen([one])}
        for i, one in enumerate(several)
    ]  # fmt: skip


# ---------------------------------------------------------------- tuning ratio


def ratios(task: Task, preset: Preset, board: Board) -> Found:
    """Tune the border, the patch and AdvPost on a part of the tuning images, for EO.

    λ is what validation picked with all of them; the number of updates stays the same.  Returns a
    row per method, ratio and seed, and measurements ``ratio.<method>.r<ratio>.<eo|change>``,
    ``.vs-advpost`` (EO minus AdvPost's at the same ratio) and ``.vs-whole`` (minus the EO with all
    images).
    """
    methods = [m for m in (*TRIGGERS, "advpost") if board.lams(m, "eo")]
    seeds = preset.run_seeds()[: max(preset.side_seeds, 1)]
    lams = {method: strength(board, preset, method) for method in methods}
    plan = [
        (Spec(method, "eo", lams[method], ratio), seed)
        for method in methods for ratio in preset.ratios if ratio < 1 for seed in seeds
    ]  # fmt: skip
    several: dict[tuple[str, float], list[Result]] = {}
    for one in run_many(task, preset, plan):
        several.setdefault((one.spec.method, one.spec.ratio), []).append(one)
    for method in methods:
        several[method, 1.0] = board.results[method, "eo", lams[method]][: len(seeds)]
    m, rows, found = Measured(board), [], {}
    before = m.base["eo"][: len(seeds)]
    for (method, ratio), results in several.items():
        rows += _rows(m, results, method=method, ratio=ratio, lam=lams[method])
        rates, name = m.of(results), f"ratio.{method}.r{ratio:g}"
        found[f"{name}.eo"] = m.panel.measurement(rates["eo"])
        fallen = any(board.fallen([one]) for one in results)
        change = m.panel.measurement(rates["eo"] - before)
        found[f"{name}.change"] = replace(change, note=FALLEN) if fallen else change
        found[f"{name}.vs-whole"] = m.panel.measurement(
            rates["eo"] - m.of(several[method, 1.0])["eo"]
        )
        if method != "advpost" and ("advpost", ratio) in several:
            rival = m.of(several["advpost", ratio])["eo"]
            found[f"{name}.vs-advpost"] = m.panel.measurement(rates["eo"] - rival)
    return pd.DataFrame(rows), found


# ---------------------------------------------------------------- transfer


def transfer(task: Task, preset: Preset, board: Board) -> Found:
    """Put each seed's triggers before the BASE of the next seed, which they never saw.

    Same architecture and training images, another start and order.  Returns a row per trigger, and
    at the headline price ``transfer.<method>.<criterion>.change`` (bias minus that of the new BASE)
    and ``.vs-own`` (minus that before its own BASE; ``-less-2``: and minus .02).
    """
    seeds = list(preset.run_seeds())
    m, rows, found = Measured(board), [], {}
    test = task.images.x[task.test]
    for method in TRIGGERS:
        for criterion in CRITERIA:
            if not board.lams(method, criterion):
                continue
            lam = strength(board, preset, method, criterion)
            own = board.results[method, criterion, lam]
            moved = []
            for i, one in enumerate(own):
                other = seeds[(i + 1) % len(seeds)] if len(seeds) > 1 else seeds[0] + 1
                margin = margins(base(task, preset, other), test, rebuilt(task, preset, one))
                moved.append(Result(one.spec, other, {"test": margin}))
            rows += _rows(m, moved, method=method, criterion=criterion, lam=lam)
            here, there = (m.of(results)[criterion] for results in (own, moved))
            name = f"transfer.{method}.{criterion}"
            before = m.base[criterion]
            if len(seeds) > 1:
                before = np.roll(before, -1, axis=0)
            found[f"{name}.change"] = m.panel.measurement(there - before)
            found[f"{name}.vs-own"] = m.panel.measurement(there - here)
            found[f"{name}.vs-own-less-2"] = m.panel.measurement(there - here - 0.02)
    return pd.DataFrame(rows), found


def rebuilt(task: Task, preset: Preset, one: Result, method: str | None = None) -> TriggerModule:
    """Return the trigger of a result, from its pixels.

    Parameters
    ----------
    task, preset, one
    method : str, optional
        Its shape, where the result's spec does not name one (a random trigger).
    """
    if one.pixels is None:
        return random_trigger(task, preset, one.seed, method or one.spec.method)
    shape = preset.shape(one.spec.method, one.spec.size)
    module = TriggerModule(shape, (task.images.x.shape[2], task.images.x.shape[3]))
    with torch.no_grad():
        inside = torch.from_numpy(one.pixels).clamp(-1 + 1e-6, 1 - 1e-6)
        module.weight.copy_(torch.atanh(inside))
    return module.to(task.images.x.device).eval().requires_grad_(False)


# ---------------------------------------------------------------- size


def sizes(task: Task, preset: Preset, board: Board) -> Found:
    """Train triggers of other sizes with the headline's λ, for EO.

    Returns a row per size and seed, and per method ``size.<method>.s<pixels>.eo`` and
    ``size.<method>.acc-gain`` and ``.eo-gain``: largest minus smallest.
    """
    seeds = preset.run_seeds()[: max(preset.side_seeds, 1)]
    lams = {method: strength(board, preset, method) for method in preset.sizes}
    plan = [
        (Spec(method, "eo", lams[method], 1.0, size), seed)
        for method, several in preset.sizes.items() for size in several for seed in seeds
    ]  # fmt: skip
    results: dict[tuple[str, int], list[Result]] = {}
    for one in run_many(task, preset, plan):
        results.setdefault((one.spec.method, one.spec.size or 0), []).append(one)
    for method, lam in lams.items():
        usual = preset.shape(method)
        pixels = int(getattr(usual, "width", getattr(usual, "size", 0)))
        results[method, pixels] = board.results[method, "eo", lam][: len(seeds)]
    m, rows, found = Measured(board), [], {}
    rates = {}
    for (method, size), several in sorted(results.items()):
        rows += _rows(m, several, method=method, size=size, lam=lams[method])
        rates[method, size] = here = m.of(several)
        found[f"size.{method}.s{size}.eo"] = m.panel.measurement(here["eo"])
    for method in lams:
        order = sorted(size for name, size in results if name == method)
        low, high = rates[method, order[0]], rates[method, order[-1]]
        found[f"size.{method}.acc-gain"] = m.panel.measurement(high["acc"] - low["acc"])
        found[f"size.{method}.eo-gain"] = m.panel.measurement(high["eo"] - low["eo"])
    return pd.DataFrame(rows), found
