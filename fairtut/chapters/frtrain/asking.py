"""Does FR-Train beat what costs nothing?  Five questions of :mod:`fairtut.lab.asked`.

The table keeps scores and no decisions, so the board is one of scores: each draw has people of its
own, and the gap is that of acceptance rates, because the front of a ratio has no area.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.chapters.frtrain.draws import Draw
from fairtut.chapters.frtrain.methods import Decisions, Family, triple
from fairtut.chapters.frtrain.presets import Preset
from fairtut.chapters.frtrain.protocol import score_family
from fairtut.lab.asked import asked
from fairtut.lab.board import Scored
from fairtut.lab.controls import swept
from fairtut.lab.pairs import paired
from fairtut.lab.plane import Plane
from fairtut.methods import fair_baselines as linear
from fairtut.methods.frtrain import linear_logit
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.runtime.seeds import numpy_rng

CUTS: Final = 41
"""Thresholds of the moved threshold."""
NOISE: Final = (0.25, 0.5, 1.0, 2.0)
"""Standard deviations of noise on a row, in those of the training rows."""
RIVALS: Final = ("threshold", "groups", "noise")
PARTS: Final = {"val": "select", "test": "test"}
"""The board's parts, as a draw calls them."""


def free_draw(draw: Draw, preset: Preset) -> pd.DataFrame:
    """Score what costs nothing on one draw: logistic regression on poisoned labels, changed.

    Returns
    -------
    DataFrame
        As :func:`fairtut.chapters.frtrain.protocol.run_draw`: ``lr`` as it is, ``constant``
        answers, a moved ``threshold``, thresholds for ``groups`` and ``noise`` on the rows.
    """
    frames = []
    for method, of in _decisions(draw).items():
        family = Family(tuple(range(len(of["test"]))), of["val"], of["test"])
        about = {"data": draw.name, "draw": draw.index, "training": "poisoned", "method": method}
        frames.append(score_family(family, draw).assign(**about))
    return pd.concat(frames, ignore_index=True)


def _decisions(draw: Draw) -> dict[str, dict[str, Decisions]]:
    """Return what each control decides by part, (settings, 1, n)."""
    theta = linear.logistic(*triple(draw.train, draw.labels("poisoned")))[None]
    tables = {part: getattr(draw, name) for part, name in PARTS.items()}
    margin = {p: linear_logit(theta, t.x, t.s) for p, t in tables.items()}  # (1, n)
    groups = {p: t.s.astype(int) for p, t in tables.items()}
    people = Panel(tables["val"].y, groups["val"], n_resamples=0)
    return {
        "lr": {p: m[None] > 0 for p, m in margin.items()},
        "constant": {p: np.stack([m < np.inf, m > np.inf]) for p, m in margin.items()},
        "threshold": swept(margin, CUTS),
        "groups": paired(margin, people, groups, Panel.dp),
        "noise": {p: _noisy(draw, theta, p) for p in tables},
    }


def _noisy(draw: Draw, theta: NDArray[np.floating], part: str) -> Decisions:
    """Return decisions about a part's rows with noise of every strength, (strengths, 1, n)."""
    table, spread = getattr(draw, PARTS[part]), draw.train.x.std(0)
    e = numpy_rng(draw.index, "frtrain", "noise", part).normal(size=table.x.shape)
    rows = [table.x + scale * spread * e for scale in NOISE]
    return np.stack([linear_logit(theta, x, table.s) > 0 for x in rows])


def beaten(frame: pd.DataFrame, free: pd.DataFrame, n: int) -> dict[str, Entry]:
    """Ask about FR-Train's front on poisoned labels, draw by draw, mean over initialisations.

    Parameters
    ----------
    frame : DataFrame
        From :func:`fairtut.chapters.frtrain.protocol.run_draws`.
    free : DataFrame
        The same draws with :func:`free_draw`.
    n : int
        Test rows of a draw.
    """
    of = {name: free[free["method"] == name] for name in ("lr", *RIVALS)}
    of["frtrain"] = frame.query("method == 'frtrain' and training == 'poisoned'")
    planes = {
        (method, "dp", part): Plane(
            _scores(rows, f"{name}_acc"), _scores(rows, f"{name}_dp")
        )
        for method, rows in of.items()
        for part, name in PARTS.items()
    }  # fmt: skip
    usual = _scores(free[free["method"] == "constant"], "test_acc").max(0)[:, 0]
    board = Scored(planes, usual, n)
    return asked(board, "frtrain", "frtrain", "dp", "lr", {name: name for name in RIVALS})


def _scores(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return means over initialisations, (settings, draws, 1)."""
    found = rows.groupby(["step", "draw"])[column].mean().unstack("draw")
    return found.to_numpy(np.float64)[..., None]
