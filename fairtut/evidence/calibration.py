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
#: The kinds of claim that are simulated.
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
    """What a claim grants: the smallest effect that matters, and tolerance and limit.

    Attributes
    ----------
    effect, limit : float
        In the unit of the measurement, so .01 is one point of a fraction.

    Examples
    --------
    >>> from fairtut.evidence.calibration import Size
    >>> Size(effect=0.01, limit=0.02).limit
    0.02
    """

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

    See Also
    --------
    fairtut.metrics.Chance.interval : The formula, for one measurement.

    Examples
    --------
    With two trainings at -1 and 1 the spread is the root of 2, and half of the interval is the t
    quantile with one degree of freedom:

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import joint
    >>> low, high = joint(np.array([0.0]), np.array([2.0]) ** 0.5, m=2)
    >>> high.round(3).tolist()
    [12.706]

    Trainings that all agree leave the interval over people:

    >>> ends = np.array([-0.1]), np.array([0.2])
    >>> low, high = joint(np.array([0.0]), np.array([0.0]), m=3, people=ends)
    >>> low.round(9).tolist(), high.round(9).tolist()
    ([-0.1], [0.2])
    """
    return _ends(v, t.ppf(1 - level / 2, m - 1) * s * np.sqrt(1 / m), people, level, crowds=1)


def foreseen(v: Floats, s: Floats, m: int, people: Ends | None = None, runs: int = 1) -> Ends:
    """Return the interval for the mean of `runs` trainings of somebody else, on other people.

    Parameters
    ----------
    v, s, m, people
        As in :func:`joint`.
    runs : int
        Of how many trainings the other mean is, at least 1.

    Returns
    -------
    pair of array, shape (worlds,)
        Lower and upper ends at 95 %.

    Examples
    --------
    The root of 1/3 + 1 is twice the root of 1/3: one other run is half as certain as our three.

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import foreseen, joint
    >>> mean, spread = np.array([0.0]), np.array([1.0])
    >>> ratio = foreseen(mean, spread, m=3)[1] / joint(mean, spread, m=3)[1]
    >>> ratio.round(6).tolist()
    [2.0]
    """
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
    """Return the word about a published number; all arguments in the unit of the measurement.

    Parameters
    ----------
    v : array, shape (worlds,)
        Our mean.
    ends : pair of array, shape (worlds,)
        Its interval, from :func:`joint`.
    theirs : pair of array, shape (worlds,)
        Where another run would lie, from :func:`foreseen`.
    value, tolerance : float
        The published number, and how far from it still agrees.
    wide : float
        The greatest half-width of ``theirs`` that may say *consistent*.

    Returns
    -------
    array of str, shape (worlds,)

    Examples
    --------
    The published number is 10 with a tolerance of 2.  Our interval lies inside, outside, and across
    the edge, twice; only once does the published number lie where another run would.

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import number
    >>> mean = np.array([10, 15, 11, 11])
    >>> ends = np.array([9, 13, 8, 8]), np.array([11, 17, 14, 14])
    >>> theirs = np.array([8, 12, 7, 11]), np.array([12, 18, 15, 15])
    >>> number(mean, ends, theirs, value=10, tolerance=2, wide=6).tolist()
    ['reproduced', 'not reproduced', 'consistent', 'inconclusive']
    """
    (low, high), (least, most) = ends, theirs
    inside = (value - tolerance <= low) & (high <= value + tolerance)
    apart = (high < value - tolerance) | (low > value + tolerance)
    near = np.abs(v - value) <= tolerance
    meets = near & (least <= value) & (value <= most) & ((most - least) / 2 <= wide)
    return np.select(
        [inside, apart, meets], ["reproduced", "not reproduced", "consistent"], "inconclusive"
    )


def direction(ends: Ends, sign: int, effect: float) -> Words:
    """Return the word about a direction.

    Parameters
    ----------
    ends : pair of array, shape (worlds,)
        The interval, from :func:`joint`.
    sign : {1, -1}
        The claimed side of 0.
    effect : float
        The smallest effect that matters, in the unit of the measurement.

    Returns
    -------
    array of str, shape (worlds,)

    Examples
    --------
    Beyond 0, on both sides of it, and within an effect that is too small to matter:

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import direction
    >>> ends = np.array([1.0, -2.0, -0.5]), np.array([3.0, 4.0, 0.5])
    >>> direction(ends, sign=1, effect=1.0).tolist()
    ['trend reproduced', 'inconclusive', 'not reproduced']
    """
    near, far = (ends[0], ends[1]) if sign > 0 else (-ends[1], -ends[0])
    nothing = (far < 0) | ((near >= -effect) & (far <= effect))
    return np.select([near > 0, nothing], ["trend reproduced", "not reproduced"], "inconclusive")


def bound(ends: Ends, sign: int, limit: float, granted: float = 0.0) -> Words:
    """Return the word about a cost of at most `limit`.

    Parameters
    ----------
    ends : pair of array, shape (worlds,)
        The interval of the measured number, from :func:`joint`.
    sign : {1, -1}
        1 where the measured number is a gain, so that what it lacks is the cost; -1 where it is the
        cost itself.
    limit : float
        What it may cost, in the unit of the measurement.
    granted : float
        How much of the limit the measured number already contains.

    Returns
    -------
    array of str, shape (worlds,)

    Examples
    --------
    Costs of -1 to 1, of 3 to 4 and of 1 to 3, with a limit of 2:

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import bound
    >>> ends = np.array([-1.0, 3.0, 1.0]), np.array([1.0, 4.0, 3.0])
    >>> bound(ends, sign=-1, limit=2.0).tolist()
    ['reproduced', 'not reproduced', 'inconclusive']
    """
    low, high = (-ends[1], -ends[0]) if sign > 0 else ends
    return np.select(
        [granted + high <= limit, granted + low > limit], ["reproduced", "not reproduced"],
        "inconclusive",
    )  # fmt: skip


def same(ends: Ends, limit: float) -> Words:
    """Return the word about no change beyond `limit`.

    Parameters
    ----------
    ends : pair of array, shape (worlds,)
        The interval, from :func:`joint`.
    limit : float
        How far it may differ, in the unit of the measurement.

    Returns
    -------
    array of str, shape (worlds,)

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.evidence.calibration import same
    >>> ends = np.array([-1.0, 3.0, -1.0]), np.array([1.0, 4.0, 3.0])
    >>> same(ends, limit=2.0).tolist()
    ['reproduced', 'not reproduced', 'inconclusive']
    """
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

    Examples
    --------
    The interval over people reaches .01 to both sides.  A claim that holds by .05 is seen, one that
    holds by nothing is not, and one training is no word.

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import Size, said
    >>> from fairtut.evidence.worlds import Seen
    >>> seen = Seen(np.full((1, 3), 0.3), 0.3, lambda k: (np.array([0.29]), np.array([0.31])))
    >>> size = Size(effect=0.02, limit=0.04)
    >>> said("direction", seen, m=3, margin=0.05, size=size, sign=1).tolist()
    ['trend reproduced']
    >>> said("direction", seen, m=3, margin=0.0, size=size, sign=1).tolist()
    ['not reproduced']
    >>> said("direction", seen, m=1, margin=0.05, size=size, sign=1).tolist()
    ['inconclusive']
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
    """Return, of the words at successive looks, the first that is one.

    Parameters
    ----------
    words : iterable of array of str, shape (worlds,)
        One array per look, at least one.

    Returns
    -------
    array of str, shape (worlds,)
        *inconclusive* where no look gave another word.

    Examples
    --------
    The first world has its word at the second look, which the third cannot take back:

    >>> import numpy as np
    >>> from fairtut.evidence.calibration import first
    >>> looks = [["inconclusive", "inconclusive"], ["reproduced", "inconclusive"]]
    >>> looks += [["not reproduced", "not reproduced"]]
    >>> first(np.array(look) for look in looks).tolist()
    ['reproduced', 'not reproduced']
    """
    found, *later = words
    for word in later:
        found = np.where(found == "inconclusive", word, found)
    return found


def sizes(world: str, people: int) -> tuple[Size, Size]:
    """Return a claim of the usual size (effect one point, limit two) and one that these see.

    Parameters
    ----------
    world : str
        A key of :data:`~fairtut.evidence.worlds.WORLDS`.
    people : int
        How many people are measured: the second claim's effect is three of their standard errors.

    Returns
    -------
    pair of Size

    Examples
    --------
    The error of a share of .8 among a hundred people is .04, so they see an effect of .12.

    >>> from fairtut.evidence.calibration import sizes
    >>> usual, large = sizes("share", people=100)
    >>> usual.effect, round(large.effect, 9), round(large.limit, 9)
    (0.01, 0.12, 0.24)
    """
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

    Yields
    ------
    dict
        A row of the file: what was simulated, ``wrong_good`` and ``wrong_bad`` (shares of wrong
        words), and ``decided_none``, ``decided_half`` and ``decided_effect`` (shares of any words
        where a claim holds by nothing, by half of the effect and by all of it).

    Examples
    --------
    Two numbers of trainings and four kinds are eight rows, and one training decides nothing.

    >>> from fairtut.evidence.calibration import simulate
    >>> sized = {"worlds": 5, "trainings": (1, 3), "growing": False}
    >>> rows = list(simulate("share", "equal", people=100, **sized))
    >>> len(rows)
    8
    >>> {row["decided_effect"] for row in rows if row["trainings"] == 1}
    {0.0}
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
    """Simulate all worlds: minutes.

    Parameters
    ----------
    worlds : int
        How many of each.

    Returns
    -------
    pandas.DataFrame
        One row per row of :func:`simulate`.

    Examples
    --------
    Of one kind of world, one spread and a hundred people only: four numbers of trainings and two
    ways to look while they grow, for four kinds of claim.

    >>> from unittest.mock import patch
    >>> from fairtut.evidence import calibration, worlds
    >>> some = {"PEOPLE": (100,), "SPREADS": {"equal": 1.0}, "WORLDS": {"share": worlds.share}}
    >>> with patch.multiple(calibration, **some):
    ...     found = calibration.make(worlds=2)
    >>> len(found)
    24
    """
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
    """Return a digest of the code that makes the table: comments and docstrings do not count.

    Returns
    -------
    str
        16 hexadecimal digits, the same in every version of Python.

    Examples
    --------
    The committed table was made by the code as it is.

    >>> from fairtut.evidence.calibration import made_by, read
    >>> found, digest = read()
    >>> digest == made_by()
    True
    """
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
    """Write the table with the digest of the code that made it.

    Parameters
    ----------
    found : pandas.DataFrame
        From :func:`make`; numbers are written with four decimals.
    path : pathlib.Path
        Default: the committed file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from fairtut.evidence.calibration import write
    >>> with tempfile.TemporaryDirectory() as here:
    ...     path = Path(here, "small.csv")
    ...     write(pd.DataFrame({"world": ["share"], "wrong_good": [1 / 3]}), path)
    ...     path.read_text().splitlines()[1:]
    ['world,wrong_good', 'share,0.3333']
    """
    body = found.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    path.write_text(f"# made by {made_by()}\n{body}", encoding="utf-8")


def read(path: Path = FILE) -> tuple[pd.DataFrame, str]:
    """Return the written table, and the digest of the code that made it.

    Parameters
    ----------
    path : pathlib.Path
        Default: the committed file.

    Returns
    -------
    found : pandas.DataFrame
        As it was given to :func:`write`, with four decimals.
    digest : str
        What :func:`made_by` was then.

    Examples
    --------
    >>> from fairtut.evidence.calibration import KINDS, read
    >>> found, digest = read()
    >>> set(found["kind"]) == set(KINDS)
    True
    >>> len(digest)
    16
    """
    import pandas as pd

    head, body = path.read_text(encoding="utf-8").split("\n", 1)
    return pd.read_csv(io.StringIO(body)), head.rpartition(" ")[2]


def table(path: Path = FILE) -> pd.DataFrame:
    """Return how often each word was wrong.

    Parameters
    ----------
    path : pathlib.Path
        Default: the committed file.

    Returns
    -------
    pandas.DataFrame
        ``world``, ``spread``, ``people``, ``trainings``, ``looks`` (``once``; ``split`` and
        ``naive`` at 3, 6 and 12 trainings), ``kind``, ``word``, ``wrong`` (share of worlds, at the
        worse of two sizes and sides) and ``decided`` (share of worlds with any word, at the usual
        size and the same truth).

    Examples
    --------
    One training decides nothing.  Who looks three times as if each look were the only one is wrong
    more often than one time in twenty in every world.

    >>> from fairtut.evidence.calibration import table
    >>> found = table()
    >>> float(found.loc[found["trainings"] == 1, "decided"].max())
    0.0
    >>> worst = found[found["looks"] == "naive"].groupby("world")["wrong"].max()
    >>> bool((worst > 0.05).all())
    True
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
