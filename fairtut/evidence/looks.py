"""A record that grows is judged at looks which were planned before its first run.

More trainings decide what few leave open.  Who adds some until a word appears, though, is wrong
more often than who looks once.  So the numbers of trainings at which a growing record is judged
are fixed (:data:`LOOKS`), a record notes in its configuration that it is one of them, and the
chance of error is split evenly over all of them: at each look intervals are made at the level
1 - .05/3, and a p is three times that of a single look.

That is Bonferroni's inequality: the chance that *any* look gives a wrong word is at most the sum of
the shares.  It holds whatever happens between looks: stopping at the first word or going on, and
looks that are left out.  (An interval for what a paper published keeps its 95 %: *consistent* says
less than any word that can be wrong.)

A record that notes nothing was planned at one look, its preset's own number of trainings, and has
the whole chance of error there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fairtut.errors import InputError
from fairtut.evidence.measurements import Measurement
from fairtut.evidence.origin import as_json
from fairtut.metrics.estimates import Estimate
from fairtut.metrics.trainings import Chance

LOOKS: Final = (3, 6, 12)
"""Trainings at which a growing record is judged."""

VARIABLE: Final = "FAIRTUT_TRAININGS"
"""Environment variable that asks a chapter for a number of trainings, such as ``6`` or ``3:6``."""

NOTE: Final = "grown"
"""Key of a record's configuration that holds :func:`note`."""

_ASKED: Final = re.compile(r"(?:(\d{1,3}):)?(\d{1,3})", flags=re.ASCII)


class Asked(NamedTuple):
    """How many trainings a record shall have, and how many the one has that stands there.

    Attributes
    ----------
    trainings : int or None
        None asks for as many as the preset has, in a record that does not grow.
    before : int or None
        None where the record begins now.

    Examples
    --------
    >>> from fairtut.evidence.looks import Asked
    >>> Asked(), Asked(6, before=3)
    (Asked(trainings=None, before=None), Asked(trainings=6, before=3))
    """

    trainings: int | None = None
    before: int | None = None


def parsed(text: str) -> Asked:
    """Return what ``6`` or ``3:6`` asks for.

    Raises
    ------
    fairtut.errors.InputError
        If it is neither, or asks for fewer trainings than there are.

    Examples
    --------
    >>> parsed("6"), parsed("3:6")
    (Asked(trainings=6, before=None), Asked(trainings=6, before=3))
    """
    found = _ASKED.fullmatch(text.strip())
    before, trainings = (int(x) if x else None for x in found.groups()) if found else (None, None)
    if not trainings or before == 0 or (before or 0) >= trainings:
        raise InputError(
            f"trainings {text!r}: give a number such as {LOOKS[1]}, or {LOOKS[0]}:{LOOKS[1]} where "
            "the record has the first and shall have the second"
        )
    return Asked(trainings, before)


def asked() -> Asked:
    """Return what :data:`VARIABLE` asks for; nothing where it is not set or empty.

    Returns
    -------
    Asked
        Of two None where nothing is asked for.

    Raises
    ------
    fairtut.errors.InputError
        As :func:`parsed`.

    Examples
    --------
    >>> import os
    >>> from unittest.mock import patch
    >>> from fairtut.evidence.looks import VARIABLE, asked
    >>> with patch.dict(os.environ, {VARIABLE: "3:6"}):
    ...     asked()
    Asked(trainings=6, before=3)
    """
    text = os.environ.get(VARIABLE, "").strip()
    return parsed(text) if text else Asked()


def note(trainings: int) -> dict[str, Any]:
    """Return what a record's configuration says of its look; ``look`` counts from 1.

    >>> note(6)
    {'trainings': 6, 'look': 2, 'looks': [3, 6, 12]}
    >>> note(5)["look"] is None
    True
    """
    look = LOOKS.index(trainings) + 1 if trainings in LOOKS else None
    return {"trainings": trainings, "look": look, "looks": list(LOOKS)}


def told(trainings: int) -> str:
    """Say in a line which look a number of trainings is.

    >>> told(6)
    '6 trainings: look 2 of 3 (3, 6, 12 trainings)'
    """
    look, of = note(trainings)["look"], f"({', '.join(map(str, LOOKS))} trainings)"
    if look is None:
        return f"{trainings} trainings: none of the planned looks {of}, so this does not count"
    return f"{trainings} trainings: look {look} of {len(LOOKS)} {of}"


def noted(settings: Any, trainings: int | None) -> dict[str, Any]:
    """Return settings as a record's configuration holds them, with the note of one that grows.

    Parameters
    ----------
    settings : dataclass or mapping
        A preset's hyper-parameters.
    trainings : int or None
        None for a record that does not grow.

    Returns
    -------
    dict
        What JSON can hold, with :func:`note` under :data:`NOTE` where it grows.

    Examples
    --------
    >>> from fairtut.evidence.looks import noted
    >>> noted({"rates": (0.1, 0.2)}, None)
    {'rates': [0.1, 0.2]}
    >>> noted({"rates": (0.1, 0.2)}, 6)["grown"]
    {'trainings': 6, 'look': 2, 'looks': [3, 6, 12]}
    """
    return as_json(settings) | ({} if trainings is None else {NOTE: note(trainings)})


def trainings(config: Mapping[str, Any]) -> int | None:
    """Return the trainings that a configuration notes, None where it notes none.

    Parameters
    ----------
    config : mapping
        A record's configuration.

    Returns
    -------
    int or None
        At least 1: a note of anything else is none.

    Examples
    --------
    >>> from fairtut.evidence.looks import noted, trainings
    >>> trainings(noted({}, 6)), trainings(noted({}, None))
    (6, None)
    """
    found = config.get(NOTE)
    number = found.get("trainings") if isinstance(found, Mapping) else None
    return number if type(number) is int and number > 0 else None


def planned(config: Mapping[str, Any]) -> int:
    """Return over how many looks a record's chance of error is split: 1 where it does not grow.

    Parameters
    ----------
    config : mapping
        A record's configuration.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    At whichever look a growing record is, it pays for all three.

    >>> from fairtut.evidence.looks import noted, planned
    >>> planned(noted({}, 3)), planned(noted({}, 12)), planned({})
    (3, 3, 1)
    """
    found = config.get(NOTE)
    looks = found.get("looks") if isinstance(found, Mapping) else None
    return max(1, len(looks)) if isinstance(looks, list) else 1


def level(whole: float, looks: int) -> float:
    """Return the level of the interval at one of so many looks.

    >>> round(level(0.95, 3), 4), level(0.95, 1)
    (0.9833, 0.95)
    """
    return whole if looks == 1 else 1 - (1 - whole) / looks


@dataclass(frozen=True)
class GrownChance(Chance):
    """A mean of trainings that was looked at as one of several planned looks.

    Attributes
    ----------
    looks : int
        Over how many looks the chance of error is split.
    """

    looks: int = len(LOOKS)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the interval at this look's share of the chance of error."""
        return super().interval(_level(level, self.looks))

    def p(self) -> float:
        """Return the p of one look times the number of looks, at most 1."""
        return min(1.0, self.looks * super().p())

    def estimate(self, n: int, level: float = 0.95) -> Estimate:
        """Return the mean with this look's interval, which names its own level."""
        fields = {key: value for key, value in vars(self).items() if key != "looks"}
        return Chance(**fields).estimate(n, _level(level, self.looks))


@dataclass(frozen=True)
class GrownMeasurement(Measurement):
    """A measurement of a record that grows: its standard interval pays for all planned looks."""

    looks: int = len(LOOKS)

    def chance(self) -> GrownChance | None:
        """Return the mean over trainings and how far chance moves it; None without a value."""
        found = super().chance()
        return None if found is None else GrownChance(**vars(found), looks=self.looks)


def paid(measurement: Measurement, config: Mapping[str, Any]) -> Measurement:
    """Return a record's measurement with the looks that it pays for.

    Parameters
    ----------
    measurement : Measurement
    config : mapping
        The configuration of its record.

    Returns
    -------
    Measurement
        The same where the record does not grow, else a :class:`GrownMeasurement`.

    Examples
    --------
    A p at one of three looks is three times that of a single look.

    >>> from fairtut.evidence.looks import noted, paid
    >>> from fairtut.evidence.measurements import Measurement
    >>> once = Measurement((0.04, 0.05, 0.06), n=1000, unit="fraction")
    >>> paid(once, {}) is once
    True
    >>> round(paid(once, noted({}, 3)).chance().p() / once.chance().p(), 6)
    3.0
    """
    looks = planned(config)
    return measurement if looks == 1 else GrownMeasurement(**vars(measurement), looks=looks)


_level = level  # methods have a parameter of that name
