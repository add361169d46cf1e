"""How often the judge is wrong: its rules on worlds whose truth is known.

The rules stand here once more, as functions of whole arrays of worlds (the interval, the interval
for a published number, one function per kind); a test holds them against the judge's own.  In every
world a claim holds by a margin that is known: by 0, by half of the smallest effect that matters, or
by all of it.  A word is *wrong*

* if it is good (*reproduced*, *trend reproduced*) although the claim holds by nothing;
* if it is *not reproduced* although the claim holds by the smallest effect that matters.

Both are the hardest places: a claim that fails by more is called good less often.

The committed table says that at most one word in twenty is wrong, with three exceptions, all with
a spread over trainings that is small beside the error over people, so that trainings add little to
the interval: an absolute gap whose truth is near 0, and a change of gaps of a hundred people, are
too large on average, because what people without number would cancel is folded up (and more
trainings do not help: the people stay the same); a mean of a hundred lognormal losses has a normal
interval that is too short on one side.  Looking three times as if each look were the only one
leaves more than one in twenty in every world.
"""

from __future__ import annotations

import ast
import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from fairtut.evidence.worlds import WORLDS, Floats, Seen, error

if TYPE_CHECKING:
    import pandas as pd

Words = NDArray[np.str_]
Ends = tuple[Floats, Floats]

LEVEL: Final = 0.05
KINDS: Final = ("number", "direction", "bound", "same")
GOOD: Final = ("reproduced", "trend reproduced")
TRAININGS: Final = (1, 2, 3, 6)
LOOKS: Final = (3, 6, 12)
PEOPLE: Final = (100, 1000, 10_000)
SPREADS: Final = {"small": 0.25, "equal": 1.0, "large": 3.0}
"""The spread over trainings, in units of the error over people."""

MANY: Final = 10_000
FILE: Final = Path(__file__).with_name("calibration.csv")
_KEYS: Final = ("world", "spread", "people", "trainings", "looks", "kind")


class Size(NamedTuple):
    """What a claim grants: the smallest effect that matters, and tolerance and limit."""

    effect: float
    limit: float


# The rules, on arrays of worlds


def joint(v: Floats, s: Floats, m: int, people: Ends | None = None, level: float = LEVEL) -> Ends:
    """Return the interval that has both sources of chance, trainings and people.

    Parameters
    ----------
    v, s : array, shape (worlds,)
        Mean and standard deviation (ddof 1) over trainings.
    m : int
        Trainings, at least 2.
    people : pair of array, optional
        Ends of the 95 % interval over people; without it s holds both.
    level : float
        One minus the coverage; the interval over people is widened as a normal one.

    Returns
    -------
    pair of array, shape (worlds,)
        Lower and upper ends.
    """
    return _ends(v, t.ppf(1 - level / 2, m - 1) * s * np.sqrt(1 / m), people, level, crowds=1)


def foreseen(v: Floats, s: Floats, m: int, people: Ends | None = None, runs: int = 1) -> Ends:
    """Return the interval for the mean of `runs` trainings of somebody else, on other people."""
    half = t.ppf(1 - LEVEL / 2, m - 1) * s * np.sqrt(1 / m + 1 / runs)
    return _ends(v, half, people, LEVEL, crowds=2)


def _ends(v: Floats, half: Floats, people: Ends | None, level: float, crowds: int) -> Ends:
    low, high = (v, v) if people is None else people
    wider = crowds * (norm.ppf(1 - level / 2) / norm.ppf(1 - LEVEL / 2)) ** 2
    down = np.sqrt(half**2 + wider * np.maximum(0, v - low) ** 2)
    up = np.sqrt(half**2 + wider * np.maximum(0, high - v) ** 2)
    return v - down, v + up


def number(
    v: Floats, ends: Ends, theirs: Ends, value: float, tolerance: float, wide: float
) -> Words:
    """Return the word about a published number; all arguments in the unit of the measurement."""
    (low, high), (least, most) = ends, theirs
    inside = (value - tolerance <= low) & (high <= value + tolerance)
    apart = (high < value - tolerance) | (low > value + tolerance)
    near = np.abs(v - value) <= tolerance
    meets = near & (least <= value) & (value <= most) & ((most - least) / 2 <= wide)
    return np.select(
        [inside, apart, meets], ["reproduced", "not reproduced", "consistent"], "inconclusive"
    )


def direction(ends: Ends, sign: int, effect: float) -> Words:
    """Return the word about a direction."""
    near, far = (ends[0], ends[1]) if sign > 0 else (-ends[1], -ends[0])
    nothing = (far < 0) | ((near >= -effect) & (far <= effect))
    return np.select([near > 0, nothing], ["trend reproduced", "not reproduced"], "inconclusive")


def bound(ends: Ends, sign: int, limit: float, granted: float = 0.0) -> Words:
    """Return the word about a cost of at most `limit`."""
    low, high = (-ends[1], -ends[0]) if sign > 0 else ends
    return np.select(
        [granted + high <= limit, granted + low > limit], ["reproduced", "not reproduced"],
        "inconclusive",
    )  # fmt: skip


def same(ends: Ends, limit: float) -> Words:
    """Return the word about no change beyond `limit`."""
    low, high = ends
    return np.select(
        [(low >= -limit) & (high <= limit), (low > limit) | (high < -limit)],
        ["reproduced", "not reproduced"], "inconclusive",
    )  # fmt: skip


# Claims with a known margin


def said(
    kind: str, seen: Seen, m: int, margin: float, size: Size, sign: int, level: float = LEVEL
) -> Words:
    """Return the words about a claim that holds by a margin.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    seen : Seen
    m : int
        How many of its trainings are looked at; one training is no word.
    margin : float
        By how much the claim holds: how far the truth lies from 0 on the claimed side, within the
        tolerance or within the limit.
    size : Size
    sign : {1, -1}
        The claimed side, or the side on which the truth is off.
    level : float
        As in :func:`joint`.

    Returns
    -------
    array of str, shape (worlds,)
    """
    if m < 2:
        return np.full(len(seen.values), "inconclusive")
    place = {
        "direction": sign * margin, "number": sign * (size.limit - margin),
        "bound": sign * (margin - size.limit), "same": sign * (size.limit - margin),
    }[kind]  # fmt: skip
    off = place - seen.truth  # the measurement is moved to where the claim holds by the margin
    v, s = seen.values[:, :m].mean(1) + off, seen.values[:, :m].std(1, ddof=1)
    low, high = seen.people(m)
    people = (low + off, high + off)
    ends = joint(v, s, m, people, level)
    if kind == "direction":
        return direction(ends, sign, size.effect)
    if kind == "bound":
        return bound(ends, sign, size.limit)
    if kind == "same":
        return same(ends, size.limit)
    return number(v, ends, foreseen(v, s, m, people), 0.0, size.limit, 3 * size.limit)


def first(words: Iterable[Words]) -> Words:
    """Return, of the words at successive looks, the first that is one."""
    found, *later = words
    for word in later:
        found = np.where(found == "inconclusive", word, found)
    return found


def sizes(world: str, people: int) -> tuple[Size, Size]:
    """Return a claim of the usual size (effect one point, limit two) and one that these see."""
    seen = error(world, people)
    return Size(0.01, 0.02), Size(3 * seen, 6 * seen)


def _shares(
    kind: str, seen: Seen, looks: tuple[int, ...], level: float, claims: tuple[Size, Size]
) -> dict[str, float]:
    """Return shares: of wrong words at the worst size and side, of any words at the usual size."""
    found: dict[str, list[float]] = {"good": [], "bad": [], "none": [], "half": [], "effect": []}
    for size in claims:
        for truth, part in (("none", 0.0), ("half", 0.5), ("effect", 1.0)):
            for sign in (1, -1):
                margin = part * size.effect
                words = first([said(kind, seen, m, margin, size, sign, level) for m in looks])
                if truth == "none":
                    found["good"].append(float(np.isin(words, GOOD).mean()))
                if truth == "effect":
                    found["bad"].append(float((words == "not reproduced").mean()))
                if size is claims[0]:
                    found[truth].append(float((words != "inconclusive").mean()))
    worst = {f"wrong_{key}": max(found[key]) for key in ("good", "bad")}
    return worst | {
        f"decided_{key}": float(np.mean(found[key])) for key in ("none", "half", "effect")
    }


def simulate(
    world: str, spread: str, people: int, worlds: int = MANY, seed: int = 0,
    trainings: tuple[int, ...] = TRAININGS, growing: bool = True,
) -> Iterator[dict[str, object]]:  # fmt: skip
    """Yield one row per number of trainings, way of looking and kind of claim.

    Parameters
    ----------
    world : str
        A key of :data:`~fairtut.evidence.worlds.WORLDS`.
    spread : str
        A key of :data:`SPREADS`.
    people : int
    worlds : int
    seed : int
    trainings : tuple of int
        Each is looked at once.
    growing : bool
        Whether to look at 3, 6 and 12 trainings until there is a word, too: with the chance of
        error split over the looks, and without.
    """
    plans: list[tuple[int, str, tuple[int, ...], float]]
    plans = [(m, "once", (m,), LEVEL) for m in trainings]
    if growing:
        plans += [(12, "split", LOOKS, LEVEL / len(LOOKS)), (12, "naive", LOOKS, LEVEL)]
    place = [list(WORLDS).index(world), list(SPREADS).index(spread), people, seed]
    claims = sizes(world, people)
    for m, name, looks, level in plans:
        rng = np.random.default_rng([*place, m])
        seen = WORLDS[world](rng, worlds, people, m, SPREADS[spread])
        for kind in KINDS:
            head = dict(zip(_KEYS, (world, spread, people, m, name, kind), strict=True))
            yield {**head, **_shares(kind, seen, looks, level, claims)}


def make(worlds: int = MANY) -> pd.DataFrame:
    """Simulate all worlds: minutes."""
    import pandas as pd

    rows = [
        row
        for world in WORLDS
        for spread in SPREADS
        for people in PEOPLE
        for row in simulate(world, spread, people, worlds)
    ]
    return pd.DataFrame(rows)


# The committed table


def made_by() -> str:
    """Return a digest of the code that makes the table: comments and docstrings do not count."""
    from fairtut.runtime.code import stripped

    files = (Path(__file__), Path(__file__).with_name("worlds.py"))
    trees = [_spelled(stripped(ast.parse(file.read_text(encoding="utf-8")))) for file in files]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:16]


def _spelled(node: object) -> str:
    """Spell a syntax tree alike in every version of Python: empty fields come and go."""
    if isinstance(node, ast.AST):
        fields = [f"{k}={_spelled(v)}" for k, v in ast.iter_fields(node) if v not in (None, [])]
        return f"{type(node).__name__}({','.join(fields)})"
    return f"[{','.join(map(_spelled, node))}]" if isinstance(node, list) else repr(node)


def write(found: pd.DataFrame, path: Path = FILE) -> None:
    """Write the table with the digest of the code that made it."""
    body = found.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    path.write_text(f"# made by {made_by()}\n{body}", encoding="utf-8")


def read(path: Path = FILE) -> tuple[pd.DataFrame, str]:
    """Return the written table, and the digest of the code that made it."""
    import pandas as pd

    head, body = path.read_text(encoding="utf-8").split("\n", 1)
    return pd.read_csv(io.StringIO(body)), head.rpartition(" ")[2]


def table(path: Path = FILE) -> pd.DataFrame:
    """Return how often each word was wrong.

    Returns
    -------
    pandas.DataFrame
        ``world``, ``spread``, ``people``, ``trainings``, ``looks`` (``once``; ``split`` and
        ``naive`` at 3, 6 and 12 trainings), ``kind``, ``word``, ``wrong`` (share of worlds, at the
        worse of two sizes and sides) and ``decided`` (share of worlds with any word, at the usual
        size and the same truth).
    """
    import pandas as pd

    wide, _ = read(path)
    parts = []
    for column, truth in (("good", "none"), ("bad", "effect")):
        part = wide[list(_KEYS)].copy()
        trend = np.where(wide["kind"] == "direction", "trend reproduced", "reproduced")
        part["word"] = trend if column == "good" else "not reproduced"
        part["wrong"], part["decided"] = wide[f"wrong_{column}"], wide[f"decided_{truth}"]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
