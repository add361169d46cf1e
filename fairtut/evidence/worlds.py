"""Worlds whose truth is known: people and trainings are drawn, and what a record holds is counted.

In every world training j has the true value theta + tau z_j, with z_j standard normal, and all
trainings of a world are measured on the same people.  Most people are decided the same way by two
trainings that agree: a person holds one uniform number u and is accepted by every training whose
rate exceeds u.  For the others (:data:`ALONE`) each training decides anew.  Only counts are drawn,
so that ten thousand worlds of ten thousand people take a second; their law is exact.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]

ALONE: Final = 0.2
"""Share of people whom each training decides anew."""

RESAMPLES: Final = 200
Z: Final = float(norm.ppf(0.975))
_QUANTILES: Final = norm.ppf((np.arange(4000) + 0.5) / 4000)
_RATE, _TOP, _FLAT = 0.8, 0.75, 0.7
_CLOSER: Final = (0.72, 0.68)
_LOSS, _OWN = 0.2, 0.1


@dataclass(frozen=True)
class Seen:
    """What was measured in many worlds.

    Attributes
    ----------
    values : array, shape (worlds, trainings)
    truth : float
        The mean over trainings that people without number would show.
    people : callable
        Takes a number k of trainings and returns the ends, each of shape (worlds,), of the 95 %
        interval over people for the mean of the first k.

    Examples
    --------
    Two worlds with three trainings each, and an interval over people that is always .1 wide:

    >>> import numpy as np
    >>> from fairtut.evidence.worlds import Seen
    >>> values = np.array([[0.5, 0.75, 0.25], [0.5, 0.5, 1.0]])
    >>> seen = Seen(values, 0.5, lambda k: (values[:, :k].mean(1), values[:, :k].mean(1) + 0.1))
    >>> seen.people(2)[0].tolist()
    [0.625, 0.5]
    """

    values: Floats
    truth: float
    people: Callable[[int], tuple[Floats, Floats]]


Law = Callable[[np.random.Generator, int, int, int, float], Seen]
"""Draws worlds: generator, worlds, people, trainings, and tau in units of the error over people."""


def share(rng: np.random.Generator, worlds: int, people: int, trainings: int, tau: float) -> Seen:
    """Draw the share of people who are accepted, .8: the mean of a decision.

    Parameters
    ----------
    rng : numpy.random.Generator
    worlds, people, trainings : int
        How many of each.
    tau : float
        The spread over trainings, in units of the :func:`error` over people.

    Returns
    -------
    Seen

    Examples
    --------
    Five people accept by fifths, and without a spread over trainings the truth is .8.

    >>> import numpy as np
    >>> from fairtut.evidence.worlds import share
    >>> seen = share(np.random.default_rng(0), worlds=2, people=5, trainings=3, tau=0.0)
    >>> seen.values.shape, round(seen.truth, 9)
    ((2, 3), 0.8)
    >>> bool(np.isin(seen.values * 5, range(6)).all())
    True
    """
    step = tau * error("share", people)
    rates = np.clip(_RATE + step * rng.standard_normal((worlds, trainings)), 0, 1)
    seen, law = _decided(rng, rates, people)
    truth = float(np.clip(_RATE + step * _QUANTILES, 0, 1).mean())
    return Seen(seen, truth, _normal(seen, law))


def new_people(
    rng: np.random.Generator, worlds: int, people: int, trainings: int, tau: float
) -> Seen:
    """Draw the share .8 where every training is measured on its own people.

    The spread over trainings then holds both sources of chance, and the interval over people has no
    width.

    Parameters
    ----------
    rng, worlds, people, trainings, tau
        As in :func:`share`.

    Returns
    -------
    Seen

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.evidence.worlds import new_people
    >>> seen = new_people(np.random.default_rng(0), worlds=2, people=10, trainings=3, tau=0.0)
    >>> low, high = seen.people(3)
    >>> bool((low == high).all()), round(seen.truth, 9)
    (True, 0.8)
    """
    step = tau * error("share", people)
    rates = np.clip(_RATE + step * rng.standard_normal((worlds, trainings)), 0, 1)
    seen = rng.binomial(people, rates) / people
    truth = float(np.clip(_RATE + step * _QUANTILES, 0, 1).mean())
    # the spread over trainings holds both sources of chance: no interval over people beside it
    return Seen(seen, truth, lambda k: (seen[:, :k].mean(1), seen[:, :k].mean(1)))


def loss(rng: np.random.Generator, worlds: int, people: int, trainings: int, tau: float) -> Seen:
    """Draw a mean loss of .2 nats whose law over people is lognormal (skewness 6.2).

    A person's loss is the same in all trainings, apart from a normal part of each training's own.

    Parameters
    ----------
    rng, worlds, people, trainings, tau
        As in :func:`share`.

    Returns
    -------
    Seen

    Examples
    --------
    The interval over people lies around the mean over the first trainings.

    >>> import numpy as np
    >>> from fairtut.evidence.worlds import loss
    >>> seen = loss(np.random.default_rng(0), worlds=2, people=10, trainings=3, tau=1.0)
    >>> low, high = seen.people(2)
    >>> bool(np.allclose((low + high) / 2, seen.values[:, :2].mean(1))), seen.truth
    (True, 0.2)
    """
    total, squares = np.zeros(worlds), np.zeros(worlds)
    for start in range(0, people, 500):
        block = np.exp(rng.standard_normal((worlds, min(500, people - start))) - 0.5)
        total += block.sum(1)
        squares += np.square(block).sum(1)
    mean = total / people
    own = rng.standard_normal((worlds, trainings)) * _OWN / np.sqrt(people)
    moved = tau * error("loss", people) * rng.standard_normal((worlds, trainings))
    common = _LOSS**2 * (squares / people - mean**2) / people
    law = common[:, None, None] + np.eye(trainings) * _OWN**2 / people
    seen = _LOSS * mean[:, None] + moved + own
    return Seen(seen, _LOSS, _normal(seen, law))


def gap(rng: np.random.Generator, worlds: int, people: int, trainings: int, tau: float) -> Seen:
    """Draw the absolute gap between two groups of equal size, .1: it is folded at 0.

    Parameters
    ----------
    rng, worlds, people, trainings, tau
        As in :func:`share`; ``people`` are both groups together, an even number.

    Returns
    -------
    Seen

    Examples
    --------
    Without a spread over trainings the rates are .75 and .65.

    >>> import numpy as np
    >>> from fairtut.evidence.worlds import gap
    >>> seen = gap(np.random.default_rng(0), worlds=2, people=20, trainings=3, tau=0.0)
    >>> seen.values.shape, round(seen.truth, 9)
    ((2, 3), 0.1)
    """
    return _gaps(rng, worlds, people, trainings, tau * error("gap", people), ((_TOP, 0.65),))


def gap_near_0(
    rng: np.random.Generator, worlds: int, people: int, trainings: int, tau: float
) -> Seen:
    """Draw the absolute gap of a model whose mean gap is 0, where the fold is worst.

    Parameters
    ----------
    rng, worlds, people, trainings, tau
        As in :func:`gap`.

    Returns
    -------
    Seen

    Examples
    --------
    No measured gap is below the truth, which is 0.

    >>> import numpy as np
    >>> from fairtut.evidence.worlds import gap_near_0
    >>> seen = gap_near_0(np.random.default_rng(0), worlds=50, people=20, trainings=3, tau=0.0)
    >>> seen.truth, bool((seen.values >= 0).all()), bool((seen.values.mean(1) > 0).any())
    (0.0, True, True)
    """
    step = tau * error("gap near 0", people)
    return _gaps(rng, worlds, people, trainings, step, ((_FLAT, _FLAT),))


def change(rng: np.random.Generator, worlds: int, people: int, trainings: int, tau: float) -> Seen:
    """Draw a method's absolute gap, .04, minus a plain model's, .1, on the same people.

    Parameters
    ----------
    rng, worlds, people, trainings, tau
        As in :func:`gap`.

    Returns
    -------
    Seen

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.evidence.worlds import change
    >>> seen = change(np.random.default_rng(0), worlds=2, people=20, trainings=3, tau=0.0)
    >>> seen.values.shape, round(seen.truth, 9)
    ((2, 3), -0.06)
    """
    step = tau * error("change", people) / np.sqrt(2)  # both models vary
    return _gaps(rng, worlds, people, trainings, step, (_CLOSER, (_TOP, 0.65)))


WORLDS: Final[dict[str, Law]] = {
    "share": share,
    "share, new people": new_people,
    "gap": gap,
    "gap near 0": gap_near_0,
    "change": change,
    "loss": loss,
}
"""What is measured, in words, and its law."""


def error(world: str, people: int) -> float:
    """Return the standard deviation over people of one training's value.

    Parameters
    ----------
    world : str
        A key of :data:`WORLDS`.
    people : int

    Examples
    --------
    A share of .8 among a hundred people: the root of .8 times .2 over 100.

    >>> from fairtut.evidence.worlds import error
    >>> round(error("share", people=100), 9), round(error("share", people=400), 9)
    (0.04, 0.02)
    """
    if world in ("share", "share, new people"):
        return float(np.sqrt(_RATE * (1 - _RATE) / people))
    if world == "loss":
        return float(np.sqrt((_LOSS**2 * (np.e - 1) + _OWN**2) / people))
    first, second = {
        "gap": (_TOP, 0.65), "gap near 0": (_FLAT, _FLAT), "change": (_CLOSER, (_TOP, 0.65)),
    }[world]  # fmt: skip
    if world != "change":
        return float(np.sqrt(_binary(np.array([first, second])).sum() / (people / 2)))
    a, b = np.array(first), np.array(second)
    apart = np.abs(a - b)  # the people between the two rates are decided differently
    each = (1 - ALONE) * (apart - apart**2) + ALONE * (_binary(a) + _binary(b))
    return float(np.sqrt(each.sum() / (people / 2)))


def _binary(rate: Floats) -> Floats:
    return rate * (1 - rate)


def _decided(rng: np.random.Generator, rates: Floats, people: int) -> tuple[Floats, Floats]:
    """Return shares accepted, shape (worlds, k), and the covariance of these means over people."""
    alone = round(ALONE * people)
    order = np.argsort(rates, axis=1)
    ranked = np.take_along_axis(rates, order, 1)
    edges = np.diff(ranked, axis=1, prepend=0.0, append=1.0).clip(0)
    cells = rng.multinomial(people - alone, edges / edges.sum(1, keepdims=True))
    together = np.empty_like(rates)
    np.put_along_axis(together, order, np.cumsum(cells, 1)[:, :-1].astype(float), 1)
    apart = rng.binomial(alone, rates).astype(float)
    both = np.minimum(together[:, :, None], together[:, None, :])
    both += apart[:, :, None] * apart[:, None, :] / alone
    diagonal = np.arange(rates.shape[1])
    seen = (together + apart) / people
    both[:, diagonal, diagonal] = together + apart
    return seen, (both / people - seen[:, :, None] * seen[:, None, :]) / people


def _normal(seen: Floats, law: Floats) -> Callable[[int], tuple[Floats, Floats]]:
    """Return the normal interval over people from the covariance (worlds, k, k) of the means."""

    @functools.cache
    def ends(k: int) -> tuple[Floats, Floats]:
        half = Z * np.sqrt(law[:, :k, :k].mean((1, 2)).clip(0))
        middle = seen[:, :k].mean(1)
        return middle - half, middle + half

    return ends


def _gaps(
    rng: np.random.Generator, worlds: int, people: int, trainings: int, step: float,
    models: tuple[tuple[float, float], ...],
) -> Seen:  # fmt: skip
    """Draw the first model's absolute gap, minus the second's if there are two."""
    groups: list[list[Floats]] = [[], []]
    truths = []
    for top, low in models:
        noise = step / 2 * rng.standard_normal((worlds, trainings))
        for group, rate, sign in zip(groups, (top, low), (1, -1), strict=True):
            group.append(np.clip(rate + sign * noise, 0, 1))
        moved = step / 2 * _QUANTILES
        each = np.clip(top + moved, 0, 1) - np.clip(low - moved, 0, 1)
        truths.append(float(np.abs(each).mean()))
    counted = [_decided(rng, np.concatenate(group, 1), people // 2) for group in groups]
    signed = counted[0][0] - counted[1][0]
    root = _root(counted[0][1] + counted[1][1])
    normals = rng.standard_normal((worlds, RESAMPLES, signed.shape[1]), dtype=np.float32)
    drawn = signed.astype(np.float32)[:, None, :] + normals @ root.swapaxes(1, 2)

    def folded(x: NDArray[Any]) -> NDArray[Any]:
        method, *plain = np.split(np.abs(x), len(models), axis=-1)
        return method - plain[0] if plain else method

    truth = truths[0] - sum(truths[1:])
    return Seen(folded(signed), truth, _moved(folded(signed), folded(drawn)))


def _moved(values: Floats, resampled: NDArray[Any]) -> Callable[[int], tuple[Floats, Floats]]:
    """Return the percentile interval of resamples, moved so that their mean is the value."""

    @functools.cache
    def ends(k: int) -> tuple[Floats, Floats]:
        means = resampled[:, :, :k].mean(2)
        low, high = np.quantile(means, (0.025, 0.975), axis=1)
        off = values[:, :k].mean(1) - means.mean(1)
        return low + off, high + off

    return ends


def _root(law: Floats) -> NDArray[np.float32]:
    """Return a root of each covariance (worlds, k, k), which may be singular."""
    size, turn = np.linalg.eigh(law)
    return (turn * np.sqrt(size.clip(0))[:, None, :]).astype(np.float32)
