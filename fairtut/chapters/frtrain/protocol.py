"""Run every method on every draw, score it on both splits, and select on one of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fairtut.chapters.frtrain.draws import Draw
from fairtut.chapters.frtrain.methods import CONTROLS, METHODS, TABLE, Decisions, Family
from fairtut.chapters.frtrain.presets import Preset
from fairtut.data.tabular import Table
from fairtut.lab import grid
from fairtut.lab.choice import within
from fairtut.metrics import DEFINITIONS, group_table
from fairtut.runtime.code import told
from fairtut.runtime.presets import choose

SCORES = {"acc": "accuracy", "di": "di", "dp": "demographic_parity_gap", "eo": "equalized_odds_gap"}
"""Column of the result frame → metric."""

KEYS = ["data", "draw", "training", "method", "init"]


def score(decisions: Decisions, table: Table) -> dict[str, np.ndarray]:
    """Score decisions of shape (..., n) on a table; each metric has shape (...)."""
    counts = group_table(table.y, decisions.astype(np.int8), table.s, classes=(0, 1), groups=(0, 1))
    return {column: DEFINITIONS[name].of_table(counts) for column, name in SCORES.items()}


def score_family(family: Family, draw: Draw) -> pd.DataFrame:
    """Return one row per setting and initialisation, with scores on both splits."""
    settings, inits = family.select.shape[:2]
    frame = pd.DataFrame(
        {
            "step": np.repeat(np.arange(settings), inits),
            "setting": np.repeat(np.asarray(family.settings, float), inits),
            "init": np.tile(np.arange(inits), settings),
        }
    )
    for part in ("select", "test"):
        scores = score(getattr(family, part), getattr(draw, part))
        for column, values in scores.items():
            frame[f"{part}_{column}"] = values.reshape(-1)
    return frame


def plan(preset: Preset) -> dict[str, tuple[str, ...]]:
    """Return the methods that are run on clean and on poisoned labels.

    Controls for poison need no run on clean labels; fairlearn's peer is left out where the preset
    says so or the package is missing.
    """
    peer = preset.peer and importlib.util.find_spec("fairlearn") is not None
    controls = tuple(name for name in CONTROLS if peer or name != "peer")
    return {"clean": (*TABLE, *(["peer"] if peer else [])), "poisoned": (*TABLE, *controls)}


def run_draw(
    draw: Draw, preset: Preset, methods: Mapping[str, Iterable[str]] | None = None
) -> pd.DataFrame:
    """Run methods on one draw.

    Parameters
    ----------
    draw : Draw
    preset : Preset
    methods : mapping, optional
        Training labels (``"clean"``, ``"poisoned"``) → names in
        :data:`~fairtut.chapters.frtrain.methods.METHODS`; default :func:`plan`.

    Returns
    -------
    DataFrame
        One row per training labels, method, setting and initialisation.
    """
    frames = []
    for training, names in (methods or plan(preset)).items():
        for name in names:
            family = choose(METHODS, name, "method")(draw, training, preset)
            frame = score_family(family, draw)
            frames.append(
                frame.assign(data=draw.name, draw=draw.index, training=training, method=name)
            )
    return pd.concat(frames, ignore_index=True)


def run_draws(
    make: Callable[[int], Draw],
    preset: Preset,
    work: Callable[[Draw, Preset], pd.DataFrame] = run_draw,
    what: str = "draws",
    draws: int | None = None,
) -> pd.DataFrame:
    """Apply ``work`` to every draw of the preset, ``preset.jobs`` draws at a time.

    Parameters
    ----------
    make : callable
        Makes draw number ``i``.
    work : callable
        Returns a frame for a draw; default :func:`run_draw`.
    what : str
        Name of the progress bar.
    draws : int, optional
        How many draws; default all of the preset.
    """
    listed = cells(make, preset, work, what, draws)
    found = grid.run(listed, jobs=preset.jobs, what=what)
    return pd.concat([pd.DataFrame(columns) for columns in found.values()], ignore_index=True)


def cells(
    make: Callable[[int], Draw],
    preset: Preset,
    work: Callable[[Draw, Preset], pd.DataFrame] = run_draw,
    what: str = "draws",
    draws: int | None = None,
) -> list[grid.Cell]:
    """Return one cell per draw; arguments are those of :func:`run_draws`.

    The draws are made here, so that a cell's key depends on their data.
    """
    counts = ("draws", "side_draws", "jobs")  # a draw is the same in a longer run
    settings = {k: v for k, v in asdict(preset).items() if k not in counts}
    found = []
    for index in range(draws or preset.draws):
        draw = make(index)
        config = {"draw": draw, "work": told(work), "preset": settings}
        spec = grid.Spec(what, partial(_columns, draw, preset, work), config)
        found.append(grid.Cell(spec, index))
    return found


def _columns(
    draw: Draw, preset: Preset, work: Callable[[Draw, Preset], pd.DataFrame], index: int
) -> dict[str, Any]:
    """Return a frame's columns as what can be kept: arrays of numbers, lists of words."""
    frame = work(draw, preset)
    return {
        name: column.to_list() if column.dtype.kind not in "biuf" else column.to_numpy()
        for name, column in frame.items()
    }


def chosen(
    frame: pd.DataFrame, limit: float, by: str = "select", metric: str = "di"
) -> pd.DataFrame:
    """Select a setting per draw, training labels, method and initialisation.

    The rule: among the settings that keep the fairness limit on the ``select`` split, the most
    accurate there; if none keeps it, the fairest, with ``satisfied`` False.  Where no setting has
    a fairness value (nobody is accepted, so the ratio is 0/0), it is the most accurate one.

    Parameters
    ----------
    frame : DataFrame
        From :func:`run_draws`.
    limit : float
        Smallest disparate impact, or largest gap.
    by : {"select", "test"}
        Split that the rule looks at.  ``"test"`` is what the public notebooks do; it is here only
        to measure what that is worth.
    metric : {"di", "dp", "eo"}
        The fairness metric of the limit.

    Returns
    -------
    DataFrame
        One row per run, with columns ``acc``, ``di``, ``dp`` and ``eo`` of the test split.
    """
    larger = DEFINITIONS[SCORES[metric]].larger_is_fairer
    rows = []
    for _, group in frame.groupby(KEYS, sort=False):
        accuracy, fairness = (group[f"{by}_{column}"].to_numpy() for column in ("acc", metric))
        choice = within(accuracy, fairness, limit, larger_is_fairer=larger)
        row = group.iloc[choice.index].copy()
        row["satisfied"] = choice.satisfied
        rows.append(row)
    picked = pd.DataFrame(rows)
    names = {f"test_{column}": column for column in SCORES}
    return picked[[*KEYS, "setting", "satisfied", *names]].rename(columns=names)
