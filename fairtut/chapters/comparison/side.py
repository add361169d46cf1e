"""Beside the numbers: who beats what, what it asks for, which one when, and the answer.

Every word here is computed from a record, so another record has other words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pandas as pd

from fairtut.chapters.comparison.measures import MADE, slug
from fairtut.chapters.comparison.methods import CONTROLS, COSTS, MODEL, Cost
from fairtut.lab.asked import identifier
from fairtut.lab.choice import Answer, beats
from fairtut.metrics import Estimate

Costs = Mapping[str, Cost]


class Told(Protocol):
    """What is read here: a record, or a record as far as it is about one target."""

    def __contains__(self, id: str, /) -> bool:
        """Return whether it was measured."""

    def estimate(self, id: str, /) -> Estimate:
        """Return the mean and the interval over people."""

    def standard(self, id: str, /) -> Estimate:
        """Return the mean and the interval over people and trainings."""


ASKED: Final[Mapping[str, str]] = {
    "constant": "the constant answer",
    "mixing": "a coin (mixing line)",
    "threshold": "a moved threshold",
    "groups": "a threshold for each group",
    "noise": "noise",
    "untrained": "an untrained trigger",
    "clean": "clean labels, used plainly",
    "longer": "the model, trained on",
}
"""Control to its title, in the order of the table."""
SHORT: Final = "mixing", "threshold", "clean"
"""The three of the question: a coin, a threshold, a clean set."""
ABOUT: Final = "mixing", "threshold", "groups", "clean"
"""The controls that the answer counts, in its order."""


def word(record: Told, method: str, control: str) -> Answer:
    """Return whether a method beats a control; *not tested* where nobody asked."""
    name = identifier(slug(method), control)
    if name not in record:
        return "not tested"
    return beats(record.standard(name))


def taking_part(record: Told, costs: Costs = COSTS) -> list[str]:
    """Return the methods that a record asked about, in the order of their costs."""
    return [m for m in costs if identifier(slug(m), "mixing") in record]


def beaten(record: Told, methods: Sequence[str]) -> pd.DataFrame:
    """Return a row per method and a column per control, with the answers in words."""
    return pd.DataFrame(
        [
            {"does it beat": method}
            | {title: word(record, method, name) for name, title in ASKED.items()}
            for method in methods
        ]
    )


def value(record: Told, method: str, measure: str) -> Estimate:
    """Return a measured number of a method, over people and trainings."""
    return record.standard(f"{slug(method)}.{measure}")


def points(record: Told, methods: Sequence[str]) -> pd.DataFrame:
    """Return a row per method: accuracy and DEO at the chosen setting, with their intervals."""
    rows = []
    for method in methods:
        row: dict[str, Any] = {"method": method}
        for measure in ("accuracy", "deo"):
            e = record.estimate(f"{slug(method)}.{measure}")
            row |= {measure: e.value, f"{measure}_low": e.low, f"{measure}_high": e.high}
        rows.append(row)
    return pd.DataFrame(rows)


def numbers(record: Told, methods: Sequence[str], measures: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per method and a column per measure (name to title), with intervals."""
    rows = []
    for method in methods:
        row: dict[str, Any] = {"method": method}
        for measure, title in measures.items():
            name = f"{slug(method)}.{measure}"
            row[title] = str(record.standard(name)) if name in record else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def budget(record: Told, methods: Mapping[str, int], clean: int, costs: Costs) -> pd.DataFrame:
    """Return what every method asks for.

    Parameters
    ----------
    record : Told
    methods : mapping of str to int
        Method to how many settings were tried.
    clean : int
        People whose label was checked.
    costs : mapping of str to Cost
    """
    rows = []
    for method, tried in methods.items():
        cost, first = costs[method], f"seconds.{slug(method)}"
        rows.append(
            {
                "method": method, "acts on": cost.kind, "settings": tried,
                "clean labels": clean if cost.clean else 0, "needs of the model": cost.weights,
                "group at the decision": "yes" if cost.group else "no",
                "seconds to train": record.estimate(f"{first}.fit").value,
                "seconds for 1,000 pictures": record.estimate(f"{first}.decide").value,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


# --- which one when ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Leaf:
    """An end of the tree.

    Attributes
    ----------
    question : str
        What leads here if it is answered by yes.
    best : str
        The method that this record puts first among those that fit, or the control.
    rivals : int
        How many fitted.
    accuracy, deo : float
        At its chosen setting, on test people.
    over : {"yes", "no", "unclear", "not tested"}
        Whether it beats a moved threshold, which asks for nothing.
    """

    question: str
    best: str
    rivals: int
    accuracy: float
    deo: float
    over: Answer

    @property
    def advice(self) -> str:
        """What a reader should take: the method only where it is known to beat what is free."""
        return self.best if self.over == "yes" else "a moved threshold"


QUESTIONS: Final[Mapping[str, Callable[[Cost], bool]]] = {
    "May the group be asked at each decision?": lambda c: c.group,
    "May another model take its place?": lambda c: not c.group and c.weights == "its place",
    "May its last layer be trained again?": lambda c: not c.group and c.weights == "codes",
    "May only its input be changed?": lambda c: c.weights == "gradients",
}
"""From the most that one may do to the least; the first that is answered by yes decides."""


def tree(record: Told, costs: Costs = COSTS) -> list[Leaf]:
    """Return the leaf of each question that some method of the record fits."""
    methods, leaves = taking_part(record, costs), []
    for question, fits in QUESTIONS.items():
        among = [m for m in methods if fits(costs[m]) and m != MODEL]
        if not among:
            continue
        best = ranked(record, among)[0]
        leaves.append(
            Leaf(
                question, best, len(among), value(record, best, "accuracy").value,
                value(record, best, "deo").value, word(record, best, "threshold"),
            )
        )  # fmt: skip
    return leaves


def ranked(record: Told, methods: Sequence[str]) -> list[str]:
    """Return methods by the number of their front, the highest first, those without one last."""

    def last(method: str) -> tuple[bool, float]:
        worth = value(record, method, "number").value
        return math.isnan(worth), -worth

    return sorted(methods, key=last)


# --- the answer -------------------------------------------------------------------------------

ANSWER: Final = (
    "**{headline}** Of {methods} methods with equal settings, {mixing} are known to beat a coin, "
    "{threshold} a moved threshold, {groups} a threshold for each group, and {clean} as many clean "
    "labels used plainly."
)


def answer(record: Told, costs: Costs = COSTS) -> dict[str, Any]:
    """Return what the two sentences of the answer are filled with."""
    methods = taking_part(record, costs)
    counts = {name: sum(word(record, m, name) == "yes" for m in methods) for name in ABOUT}
    every = [m for m in methods if beats_all(record, m)]
    return {"headline": _headline(every), "methods": len(methods), **counts}


def beats_all(record: Told, method: str) -> bool:
    """Return whether a method is known to beat all three controls of the question."""
    return all(word(record, method, name) == "yes" for name in SHORT)


def _headline(every: Sequence[str]) -> str:
    if not every:
        return "None of them is known to beat all three."
    if len(every) == 1:
        return f"Only {every[0]} beats all three."
    return f"{', '.join(every[:-1])} and {every[-1]} beat all three."


def flat(record: Told, costs: Costs = COSTS) -> list[str]:
    """Return every method and control that has a point in the plane."""
    named = [*costs, *MADE]
    return [m for m in named if f"{slug(m)}.deo" in record]


__all__ = [
    "ABOUT", "ANSWER", "ASKED", "CONTROLS", "SHORT", "Leaf", "Told", "answer", "beaten",
    "beats_all", "budget", "flat", "numbers",
    "points", "ranked", "taking_part", "tree", "value", "word",
]  # fmt: skip
