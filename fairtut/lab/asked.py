"""Does the method beat what costs nothing?  Five questions, asked in every chapter in one way.

An answer is a measurement: the method's number minus the control's, for every seed, with its
interval, under ``beats.<what>.<control>``; its note says the answer in a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from numpy.typing import ArrayLike

from fairtut.evidence.measurements import Measurement, as_draw
from fairtut.lab.board import Board
from fairtut.lab.choice import Answer, beats
from fairtut.metrics.entry import Entry

CONTROLS: Final[Mapping[str, str]] = {
    "constant": "the constant classifier",
    "mixing": "the mixing line",
    "threshold": "a moved threshold",
    "groups": "a threshold for each group",
    "noise": "noise",
}
"""What every method is asked about, in the order of figures and tables."""


def identifier(what: str, control: str) -> str:
    """Return the name of a measured answer, ``what`` being the method and the task.

    Examples
    --------
    >>> from fairtut.lab.asked import identifier
    >>> identifier("faap", "mixing")
    'beats.faap.mixing'
    """
    return f"beats.{what}.{control}"


def asked(
    board: Board, what: str, method: str, gap: str, model: str, controls: Mapping[str, str],
    worst: ArrayLike | None = None, among: ArrayLike | None = None,
) -> dict[str, Entry]:  # fmt: skip
    """Return a measurement for each question that a board answers.

    Parameters
    ----------
    board : Board
    what : str
        Words of the id: which method, on which task.
    method, gap, model, controls, worst, among
        As in :meth:`fairtut.lab.board.Board.compared`; the controls beside the constant and the
        mixing line are named as in :data:`CONTROLS`.

    Examples
    --------
    Four people, two of whom are decided wrongly by the model as it is:

    >>> import numpy as np
    >>> from fairtut.lab.board import Board
    >>> from fairtut.metrics.panels import Panel
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> both = {"val": people, "test": people}
    >>> y_hat = {"as it is": [0, 0, 1, 1], "ours": [0, 1, 0, 1]}
    >>> told = {k: dict.fromkeys(both, np.array([[v]])) for k, v in y_hat.items()}
    >>> board = Board(both, told, {"dp": Panel.dp})
    >>> asked(board, "ours", "ours", "dp", "as it is", {})["beats.ours.constant"].values
    [0.5]
    """
    found = board.compared(method, gap, model, controls, worst, among)
    return {identifier(what, name): answered(board.entry(one.draws)) for name, one in found.items()}


def answered(entry: Entry) -> Entry:
    """Return a measured difference, larger being better for the method, with its answer.

    The answer is that of the interval over people and trainings: one training decides nothing.

    Parameters
    ----------
    entry : ``fairtut.metrics.entry.Entry``
        The method's number minus the control's, a value per training.

    Returns
    -------
    ``fairtut.metrics.entry.Entry``
        The same, whose note begins with the answer.

    Raises
    ------
    fairtut.errors.RecordError
        If a value is infinite or no number.

    Examples
    --------
    Three trainings that agree have an interval above 0; one training has none:

    >>> from fairtut.lab.asked import answered
    >>> from fairtut.metrics.entry import Entry
    >>> answered(Entry([0.05, 0.05, 0.05], n=100, unit="fraction")).note
    'does it beat this control? yes'
    >>> answered(Entry([0.05], n=100, unit="fraction")).note
    'does it beat this control? unclear'
    """
    known = tuple(as_draw(value, "an answer") for value in entry.values)
    measured = Measurement(known, entry.n, entry.unit, entry.note, entry.people, entry.overlap)
    word: Answer = beats(measured.standard())
    notes = [f"does it beat this control? {word}", entry.note]
    return replace(entry, note="; ".join(note for note in notes if note))


def untested(n: int, why: str) -> Entry:
    """Return the measurement of a question that has no meaning, with the reason.

    Parameters
    ----------
    n : int
        People that the others are asked about.
    why : str

    Examples
    --------
    >>> from fairtut.lab.asked import untested
    >>> entry = untested(100, "the model is constant")
    >>> entry.note
    'not tested: the model is constant'
    """
    return Entry([None], n, "fraction", f"not tested: {why}")
