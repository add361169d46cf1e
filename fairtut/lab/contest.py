"""Methods against the model as it is and against what costs nothing: one board, one rule, asked.

What :func:`fairtut.lab.mitigation.tried` returns for every method and training becomes a board.
The moved threshold and the thresholds per group are made from the scores of the model as it is, so
nobody has to bring them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import UnknownName
from fairtut.lab.asked import asked
from fairtut.lab.board import Board, Decisions
from fairtut.lab.choice import Choice
from fairtut.lab.controls import Gap, swept
from fairtut.lab.mitigation import ASKED, CUT, Tried, decisions
from fairtut.lab.pairs import paired
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

CUTS: Final = 41
"""Thresholds of the moved threshold's front."""
FREE: Final = ("threshold", "groups")
"""Controls that are made from the scores of the model as it is."""


def board(
    people: Mapping[str, Panel], runs: Mapping[str, Sequence[Tried]], model: str,
    gaps: Mapping[str, Gap], pairs_by: str,
) -> Board:  # fmt: skip
    """Return the board of methods, with the controls that are made from the model's own scores.

    Parameters
    ----------
    people : mapping of str to Panel
        ``val`` and ``test``.
    runs : mapping of str to sequence of Tried
        Method to what it said in every training; trainings are the same for all.
    model : str
        The method that is the model as it is.
    gaps : mapping of str to callable
    pairs_by : str
        The gap that thresholds per group are chosen by.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such model or gap.

    Examples
    --------
    >>> y, s = np.array([0, 0, 1, 1] * 5), np.array([0, 1] * 10)
    >>> p = np.where(y == 1, 0.8, np.where(s == 1, 0.6, 0.2))[None]
    >>> run = Tried({"val": p, "test": p}, {}, {}, 0.0, 0.0)
    >>> people = dict.fromkeys(ASKED, Panel(y, s, n_resamples=0))
    >>> found = board(people, {"model": [run]}, "model", {"deo": Panel.deo}, "deo")
    >>> found.plane("model", "deo", "test").gap[0, 0, 0].item()
    1.0
    >>> chosen(found, "threshold", "deo", "model", 0.05)[0].index >= 0
    True
    """
    for kind, name, known in (("method", model, runs), ("gap", pairs_by, gaps)):
        if name not in known:
            raise UnknownName.of(kind, name, known)
    margin = {part: np.stack([run.p[part][0] - CUT for run in runs[model]]) for part in ASKED}
    made: dict[str, Decisions] = {name: decisions(each) for name, each in runs.items()}
    made["threshold"] = swept(margin, CUTS)
    groups = {part: people[part].s for part in ASKED}
    made["groups"] = paired(margin, people["val"], groups, gaps[pairs_by])
    return Board(people, made, gaps)


def chosen(found: Board, method: str, gap: str, model: str, cost: float) -> list[Choice]:
    """Return the setting that validation people pick in each training.

    That is the one with the least gap among those that cost at most ``cost`` of the accuracy that
    the model as it is has on the same people (:func:`fairtut.lab.choice.fairest`).

    Parameters
    ----------
    found : Board
    method, gap, model : str
        Of the board; the first setting of ``model`` is the model as it is.
    cost : float
        Accuracy in [0, 1] that a setting may lose.

    Returns
    -------
    list of Choice
        One per training.

    Examples
    --------
    The second setting has no gap and costs .25 of accuracy:

    >>> import numpy as np
    >>> from fairtut.lab.board import Board
    >>> from fairtut.lab.contest import chosen
    >>> from fairtut.metrics.panels import Panel
    >>> people = dict.fromkeys(("val", "test"), Panel([0, 1, 1, 1], [0, 0, 1, 1], n_resamples=0))
    >>> y_hat = np.array([[[0, 1, 1, 1]], [[1, 1, 1, 1]]])
    >>> found = Board(people, {"ours": dict.fromkeys(people, y_hat)}, {"dp": Panel.dp})
    >>> [chosen(found, "ours", "dp", "ours", cost)[0].index for cost in (0.1, 0.25)]
    [0, 1]
    """
    floors = found.plane(model, gap, "val").accuracy[0, :, 0] - cost
    return found.choose(method, gap, list(floors))


def picked(runs: Sequence[Tried], choices: Sequence[Choice], part: str) -> NDArray[np.float64]:
    """Return the probabilities at the chosen settings.

    Parameters
    ----------
    runs : sequence of Tried, one per training
    choices : sequence of Choice, one per training
    part : str
        Such as ``test``.

    Returns
    -------
    float array, shape (seeds, n)

    Examples
    --------
    The first setting of one training, and the second of another:

    >>> import numpy as np
    >>> from fairtut.lab.choice import Choice
    >>> from fairtut.lab.contest import picked
    >>> from fairtut.lab.mitigation import Tried
    >>> run = Tried({"test": np.array([[0.1, 0.9], [0.3, 0.7]])}, {}, {}, 0.0, 0.0)
    >>> picked([run, run], [Choice(0, True), Choice(1, True)], "test").tolist()
    [[0.1, 0.9], [0.3, 0.7]]
    """
    return np.stack([run.p[part][c.index] for run, c in zip(runs, choices, strict=True)])


def answers(
    found: Board, methods: Mapping[str, str], gap: str, model: str, controls: Mapping[str, str],
) -> dict[str, Entry]:  # fmt: skip
    """Ask of every method whether it beats every control.

    Parameters
    ----------
    found : Board
    methods : mapping of str to str
        Method of the board to its word in the answer's name.
    gap, model : str
    controls : mapping of str to str
        Name in the answer to method of the board, besides the constant and the mixing line.

    Returns
    -------
    dict of str to Entry
        ``beats.<word>.<control>``; a method is not asked about itself.

    Examples
    --------
    Ours is always right and the constant half of the time.  The model as it is errs about 1 of 6
    people and has a gap, so its mixing line is worth (5/6 - 1/2) / 2 = 1/6:

    >>> import numpy as np
    >>> from fairtut.lab.contest import answers, board
    >>> from fairtut.lab.mitigation import Tried
    >>> from fairtut.metrics.panels import Panel
    >>> y, s = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 1, 0, 1, 1])
    >>> p = {"model": np.array([[0.1, 0.1, 0.1, 0.9, 0.9, 0.2]]), "ours": 1.0 * y[None]}
    >>> runs = {k: [Tried({"val": v, "test": v}, {}, {}, 0.0, 0.0)] * 3 for k, v in p.items()}
    >>> people = dict.fromkeys(("val", "test"), Panel(y, s, n_resamples=0))
    >>> found = board(people, runs, "model", {"deo": Panel.deo}, "deo")
    >>> given = answers(found, {"ours": "ours"}, "deo", "model", {})
    >>> {name: round(entry.values[0], 3) for name, entry in given.items()}
    {'beats.ours.constant': 0.5, 'beats.ours.mixing': 0.333}
    """
    answered: dict[str, Entry] = {}
    for method, word in methods.items():
        rivals = {name: own for name, own in controls.items() if own != method}
        answered |= asked(found, word, method, gap, model, rivals)
    return answered
