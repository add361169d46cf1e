"""The rules: what one measurement says about a claim, in a word and a sentence.

Each word says as much as the statistics carry and no more:

%WORDS%

and these are the rules:

%RULES%
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fairtut.evidence.claim import Claim
from fairtut.evidence.looks import LOOKS, GrownMeasurement, level
from fairtut.evidence.measurements import Measurement
from fairtut.evidence.spelling import number, points, powers
from fairtut.metrics.trainings import Chance

#: The words for a claim, with what each says.
WORDS: Final = {
    "reproduced": "The whole interval of our number lies within the tolerance of the paper's, "
    "or within the limit that was claimed.",
    "consistent": "The paper's number is within the tolerance of our mean, and another run of ours "
    "could have given it; our interval is too wide to say more. It is not counted as holding.",
    "trend reproduced": "The direction holds: the interval excludes 0, or the limit is kept. The "
    "size is not claimed.",
    "partly": "Of several parts some hold and some fail.",
    "not reproduced": "The interval contradicts the claim, or leaves room only for an effect that "
    "is too small to matter.",
    "inconclusive": "The interval leaves both possible. What would decide it is said.",
    "not tested": "No number of ours can say anything about it; the reason is said.",
}
ANSWERS: Final = ("yes", "no", "unclear", "not tested")
"""What a question of ours is answered with; its counts are never added to a paper's."""

RULES: Final = {
    "interval": "With m trainings on the same people, each side is the root of two squares: the "
    "t-interval over trainings and the bootstrap over people of their mean. Where each training "
    "has its own people, the t-interval; for repeated splits of the same people, the one "
    "corrected for what splits share. Repeated initialisations of one draw are averaged first.",
    "number": "The interval lies inside the paper's number ± the tolerance: reproduced. Both do "
    "not meet: not reproduced. Our mean lies inside it, and the paper's number in our 95 % "
    "prediction interval for what it published, whose half-width is at most the stated `wide` "
    "(3 tolerances): consistent.",
    "direction": "The interval excludes 0 on the claimed side: trend reproduced. On the other "
    "side, or it lies wholly within the smallest effect that matters (1 point, where the claim "
    "states no other): not reproduced.",
    "bound": "The interval of the cost lies wholly below the limit: reproduced. Wholly above: not "
    "reproduced.",
    "same": "The interval lies inside ± the limit: reproduced. Wholly outside: not reproduced.",
    "exact": "Every single value differs from the stated one by at most the tolerance: reproduced, "
    "else not reproduced. A value that could not be computed counts as a miss.",
    "scaled": "Where our data or model are smaller than the paper's, a bound that holds is a "
    "trend: the size is not claimed.",
    "one training": "It has no interval over trainings: inconclusive, whatever its number is. "
    "Initialisations on one trained part of the method (DVGE's encoder) are one training; a "
    "pretrained model that the method takes as given (LASSI's Glow) is its input.",
    "looks": f"A record that grows is judged at {', '.join(map(str, LOOKS))} trainings, as planned "
    "before its first run. Its chance of error is split evenly: at each look intervals are made at "
    f"{100 * level(0.95, len(LOOKS)):.1f} % and a p counts {len(LOOKS)} times, so the chance that "
    "any look gives a wrong word stays below 5 %. A record that was planned at one look, as it has "
    "no such note, has 95 %.",
    "several": "All parts hold: the weakest of their words. Some hold and some fail: partly. "
    "Some fail and none holds: not reproduced. Otherwise inconclusive. A part that nobody "
    "measured is no failure; one where the method gave no value leaves the whole inconclusive.",
    "many": "Among all directions of a paper the share of false discoveries is held at 5 % "
    "(Benjamini and Hochberg); what falls out is inconclusive.",
    "repeats": "A claim whose measurements were all tested by earlier ones, in the same way and to "
    "the digit, is the same evidence: counted once, in a paper as below a headline.",
    "rivals": "A comparison with a rival that did no more than the constant is not tested, where "
    "the claim names the rival's own gain. Nor is what follows from a method that works, where its "
    "own effect is not beyond 0.",
    "messages": "A headline of a paper follows from those of its claims that were tested: some "
    "hold and some fail, partly; at least two thirds fail and none holds, not reproduced; none "
    "fails and at least two thirds hold or are consistent, the weakest of their words; otherwise "
    "inconclusive.",
    "questions": "What the paper does not claim is a question of ours: yes, no, unclear or not "
    "tested. It counts for no paper.",
    "record": "The paper preset is preferred to the laptop preset, and either to nothing; smoke "
    "runs never count unless asked for by name. A record counts only if its configuration is its "
    "preset's.",
}
"""The rules in words, shown in the book beside the scoreboard."""

if __doc__:  # one source for this docstring and for the book
    for _mark, _texts in (("%WORDS%", WORDS), ("%RULES%", RULES)):
        __doc__ = __doc__.replace(_mark, "\n".join(f"* **{k}**: {v}" for k, v in _texts.items()))

HOLDS: Final = ("trend reproduced", "reproduced")
"""The words for a claim that holds."""
GOOD: Final = ("trend reproduced", "consistent", "reproduced")
"""The words that do not speak against a claim, the weakest first."""
NO_VALUE: Final = "no value"
"""For a part whose method gave nothing: it is no part that nobody measured."""
_TRAININGS: Final = (*range(2, 13), 15, 20, 30, 50, 100)


@dataclass(frozen=True)
class Part:
    """What one measurement says about a claim.

    Attributes
    ----------
    measure : str
        The measurement's id.
    word : str
        A key of :data:`WORDS`, never ``partly``; or :data:`NO_VALUE`.
    reason : str
        A phrase with the numbers.
    values : dict
        As ``values`` of a :class:`~fairtut.evidence.verdicts.Verdict`.
    p : float or None
        Two-sided p of 0, for a direction that was tested.
    needs : int or None
        Trainings that would decide it where it is inconclusive: 1 where one more would give a
        spread at all, 0 where a hundred would not do.

    Examples
    --------
    >>> from fairtut.evidence.rules import Part, decides
    >>> part = Part("lr.gap", "inconclusive", "0.020 [-0.010, 0.050] over 3 draws", {}, needs=1)
    >>> part.p is None, decides([part])
    (True, 'at least a second training, to know a spread')
    """

    measure: str
    word: str
    reason: str
    values: dict[str, Any]
    p: float | None = None
    needs: int | None = None


def test(claim: Claim, name: str, measurement: Measurement) -> Part:
    """Apply a claim's rule to one measurement.

    Parameters
    ----------
    claim : Claim
    name : str
        The measurement's id.
    measurement : Measurement
        In the claim's unit.

    Returns
    -------
    Part
        Its word is not yet corrected for other tests of the paper.

    Examples
    --------
    Three draws with mean .05 and spread .01: 4.30, the t quantile, times .01 over the root of 3
    is .025.

    >>> from fairtut.evidence.claim import Claim
    >>> from fairtut.evidence.measurements import Measurement
    >>> from fairtut.evidence.rules import test
    >>> about = ("toy", "toy", "gain", "Table 1", "It gains.", "direction", "accuracy", "fraction")
    >>> claim = Claim(*about, direction="positive", effect=1.0)
    >>> part = test(claim, "gain", Measurement((0.04, 0.05, 0.06), n=1000, unit="fraction"))
    >>> part.word, part.reason
    ('trend reproduced', '0.050 [0.025, 0.075] over 3 draws: excludes 0 on the claimed side')
    """
    numbers = measurement.flat() if claim.kind == "exact" else measurement.draws()
    have = [x for x in numbers if x is not None]
    lost = ""
    if len(have) < len(numbers):
        missing = len(numbers) - len(have)
        lost = f" ({missing} of {len(numbers)} without a value: {measurement.note})"
    if not have:
        found = "not tested" if claim.kind == "exact" else NO_VALUE
        return Part(name, found, "no value" + lost, blank(claim))
    if claim.kind == "exact":
        part = _exact(claim, name, have)
        word = "not reproduced" if lost else part.word
        return replace(part, word=word, reason=part.reason + lost)
    chance = measurement.chance()
    assert chance is not None  # there is a value
    if claim.initialisations:
        chance = chance.at(1)
    part = _tested(claim, name, chance, measurement)
    return replace(part, reason=part.reason + lost)


def word(claim: Claim, chance: Chance) -> str:
    """Return the word that a claim's rule gives for a number and how far chance moves it.

    Parameters
    ----------
    claim : Claim
        Of any kind but ``exact``.
    chance : Chance
        In the claim's unit.

    Returns
    -------
    str
        A key of :data:`WORDS`; *inconclusive* for one training.

    Examples
    --------
    The claimed limit is one point, which is .01 of a fraction.

    >>> from fairtut.evidence.claim import Claim
    >>> from fairtut.evidence.rules import word
    >>> from fairtut.metrics.trainings import Chance
    >>> about = ("toy", "toy", "gap", "Table 1", "It stays.", "same", "gap", "fraction")
    >>> claim = Claim(*about, limit=1.0)
    >>> word(claim, Chance.of([0.002, 0.003, 0.004])), word(claim, Chance.of([0.02, 0.03, 0.04]))
    ('reproduced', 'inconclusive')
    >>> word(claim, Chance.of([0.02]))
    'inconclusive'
    """
    if chance.trainings < 2:
        return "inconclusive"
    low, high = (x / claim.point for x in chance.interval())
    if claim.kind == "number":
        return _number(claim, chance, low, high)
    if claim.kind == "direction":
        near, far = sorted((claim.sign * low, claim.sign * high))
        if near > 0:
            return "trend reproduced"
        effect = claim.effect or 0.0
        return "not reproduced" if far < 0 or (near >= -effect and far <= effect) else _NEITHER
    limit = claim.limit or 0.0
    best = "trend reproduced" if claim.scaled else "reproduced"
    if claim.kind == "same":
        if -limit <= low and high <= limit:
            return best
        return "not reproduced" if low > limit or high < -limit else _NEITHER
    least, most = sorted(_rounded(claim.granted - claim.sign * x) for x in (low, high))
    return best if most <= limit else "not reproduced" if least > limit else _NEITHER


def needed(claim: Claim, chance: Chance) -> int:
    """Return how many trainings would decide a claim if mean and spread stay as they are.

    It is the least number at which the interval leaves one word; 0 where none of up to a hundred
    does.

    Parameters
    ----------
    claim : Claim
        Of any kind but ``exact``.
    chance : Chance
        In the claim's unit.

    Examples
    --------
    Mean 2 and spread 3 points: with 11 trainings half of the interval is 2.02, with 12 it is 1.91.

    >>> from fairtut.evidence.claim import Claim
    >>> from fairtut.evidence.rules import needed
    >>> from fairtut.metrics.trainings import Chance
    >>> about = ("toy", "toy", "gain", "Table 1", "It gains.", "direction", "accuracy", "points")
    >>> claim = Claim(*about, direction="positive", effect=1.0)
    >>> needed(claim, Chance.of([-1.0, 2.0, 5.0]))
    12
    """
    tried = (m for m in _TRAININGS if m > chance.trainings)
    return next((m for m in tried if word(claim, chance.at(m)) != _NEITHER), 0)


def decides(parts: Sequence[Part]) -> str:
    """Say what would decide a claim: the most that one of its undecided parts needs.

    Parameters
    ----------
    parts : sequence of Part

    Returns
    -------
    str
        A phrase; empty where no part is open.

    Examples
    --------
    >>> from fairtut.evidence.rules import Part, decides
    >>> parts = [Part(f"x{n}", "inconclusive", "", {}, needs=n) for n in (6, 12)]
    >>> decides(parts)
    'about 12 trainings or more, if mean and spread stay as they are'
    >>> decides([*parts, Part("x", "inconclusive", "", {}, needs=0)])
    'more than 100 trainings, or more people'
    """
    open_parts = [part for part in parts if part.word == _NEITHER and part.needs is not None]
    if not open_parts:
        return ""
    most = max(math.inf if part.needs == 0 else part.needs or 0 for part in open_parts)
    if most == 1:
        return "at least a second training, to know a spread"
    if math.isinf(most):
        return f"more than {_TRAININGS[-1]} trainings, or more people"
    return f"about {most} trainings or more, if mean and spread stay as they are"


def blank(claim: Claim) -> dict[str, Any]:
    """Return the values of a verdict that has none.

    Parameters
    ----------
    claim : Claim

    Returns
    -------
    dict
        The keys of a :class:`~fairtut.evidence.verdicts.Verdict`'s ``values``; of numbers only the
        paper's.

    Examples
    --------
    >>> from fairtut.evidence.claim import Claim
    >>> from fairtut.evidence.rules import blank
    >>> about = ("toy", "toy", "x", "Table 1", "It is 80 %.", "number", "accuracy", "fraction")
    >>> found = blank(Claim(*about, value=0.8, tolerance=2.0))
    >>> found["paper"], found["tolerance"], found["ours"], found["trainings"]
    (0.8, 2.0, None, 0)
    """
    return {
        "paper": claim.value,
        "ours": None,
        "low": None,
        "high": None,
        "trainings": 0,
        "people": None,
        "delta_points": None,
        "tolerance": claim.tolerance,
        "unit": claim.unit,
    }


def values(claim: Claim, measurement: Measurement) -> dict[str, Any]:
    """Return the values of a verdict: ours with its interval, beside the paper's.

    Parameters
    ----------
    claim : Claim
    measurement : Measurement
        In the claim's unit.

    Returns
    -------
    dict
        The keys of a :class:`~fairtut.evidence.verdicts.Verdict`'s ``values``.

    Examples
    --------
    Our mean of .85 is five points above the paper's .8.

    >>> from fairtut.evidence.claim import Claim
    >>> from fairtut.evidence.measurements import Measurement
    >>> from fairtut.evidence.rules import values
    >>> about = ("toy", "toy", "x", "Table 1", "It is 80 %.", "number", "accuracy", "fraction")
    >>> claim = Claim(*about, value=0.8, tolerance=2.0)
    >>> found = values(claim, Measurement((0.84, 0.86), n=1000, unit="fraction"))
    >>> round(found["ours"], 9), round(found["delta_points"], 9), found["trainings"]
    (0.85, 5.0, 2)
    """
    estimate = measurement.standard()
    ours, low, high = (
        None if math.isnan(x) else x for x in (estimate.value, estimate.low, estimate.high)
    )
    compared = claim.value is not None and ours is not None
    trainings = sum(x is not None for x in measurement.draws())
    if claim.initialisations and trainings:
        trainings, low, high = 1, None, None
    return blank(claim) | {
        "ours": ours,
        "low": low,
        "high": high,
        "trainings": trainings,
        "people": measurement.n,
        "delta_points": (ours - claim.value) / claim.point if compared else None,  # type: ignore[operator]
    }


def joined(parts: Sequence[str]) -> str:
    """Return the word for several parts, from theirs.

    >>> joined(["reproduced", "trend reproduced"]), joined(["reproduced", "not reproduced"])
    ('trend reproduced', 'partly')
    >>> joined(["reproduced", "inconclusive"]), joined(["reproduced", "not tested"])
    ('inconclusive', 'reproduced')
    """
    asked = [part for part in parts if part != "not tested"]
    tested = [part for part in asked if part != NO_VALUE]
    good = [part for part in tested if part in GOOD]
    if not tested:
        return "not tested"
    if "not reproduced" in tested:
        return "partly" if good else "not reproduced"
    return min(good, key=GOOD.index) if len(good) == len(asked) else _NEITHER


def answer(found: str) -> str:
    """Return a question's answer from the word that a claim would have got.

    Parameters
    ----------
    found : str
        A key of :data:`WORDS`.

    Returns
    -------
    str
        One of :data:`ANSWERS`.

    Examples
    --------
    >>> from fairtut.evidence.rules import answer
    >>> [answer(found) for found in ("trend reproduced", "partly", "inconclusive", "not tested")]
    ['yes', 'no', 'unclear', 'not tested']
    """
    if found in GOOD:
        return "yes"
    return {"not tested": "not tested", _NEITHER: "unclear"}.get(found, "no")


_NEITHER: Final = "inconclusive"


def _number(claim: Claim, chance: Chance, low: float, high: float) -> str:
    assert claim.value is not None and claim.tolerance is not None  # the reader requires both
    least, most = (claim.value / claim.point + side * claim.tolerance for side in (-1, 1))
    if _rounded(least - low) <= 0 and _rounded(high - most) <= 0:
        return "reproduced"
    if _rounded(least - high) > 0 or _rounded(low - most) > 0:
        return "not reproduced"
    first, last = (x / claim.point for x in chance.prediction(claim.runs))
    near = abs(chance.value / claim.point - claim.value / claim.point) <= claim.tolerance
    narrow = (last - first) / 2 <= (claim.wide or 0.0)
    agrees = near and narrow and first <= claim.value / claim.point <= last
    return "consistent" if agrees else _NEITHER


def _tested(claim: Claim, name: str, chance: Chance, measurement: Measurement) -> Part:
    found = word(claim, chance)
    p = chance.p() if claim.kind == "direction" and chance.trainings > 1 else None
    needs = None
    if found == _NEITHER:
        needs = 1 if chance.trainings < 2 else needed(claim, chance)
    shown = values(claim, measurement)
    over = _over(measurement, chance)
    if chance.trainings < 2:
        how = ": its seeds are initialisations on one encoder" if claim.initialisations else ""
        reason = f"{number(chance.value)} from one training: no interval over trainings{how}"
    else:
        reason = f"{number(chance.value)} [{number(shown['low'])}, {number(shown['high'])}] {over}"
        reason = f"{reason}: {_because(claim, chance, found)}"
    return Part(name, found, reason, shown, p, needs)


def _because(claim: Claim, chance: Chance, found: str) -> str:
    low, high = (x / claim.point for x in chance.interval())
    if claim.kind == "number":
        assert claim.value is not None
        return (
            f"the paper's {number(claim.value)} is "
            f"{points(chance.value / claim.point - claim.value / claim.point)} points from ours, "
            f"with a tolerance of {claim.tolerance:g} and a half-width of {(high - low) / 2:.1f}"
        )
    if claim.kind == "direction":
        if low > 0 or high < 0:
            side = "claimed" if found == "trend reproduced" else "other"
            return f"excludes 0 on the {side} side"
        return "includes 0" + (
            f" and nothing beyond {claim.effect:g} points" if found == "not reproduced" else ""
        )
    ends = sorted((low, high))
    if claim.kind == "bound":
        ends = sorted(claim.granted - claim.sign * x for x in ends)
        what = f"costs {points(ends[0])} to {points(ends[1])} points"
    else:
        what = f"differs by {points(ends[0])} to {points(ends[1])} points"
    return f"{what}, with a limit of {claim.limit:g}"


def _exact(claim: Claim, name: str, have: list[float]) -> Part:
    assert claim.value is not None and claim.tolerance is not None  # the reader requires both
    worst = max(have, key=lambda x: abs(x - claim.value))  # type: ignore[operator]
    # A record keeps six significant digits, so it cannot show a smaller difference than that.
    stored = 0.5 * 10.0 ** (math.floor(math.log10(abs(worst))) - 5) if worst else 0.0
    held = max(claim.tolerance, stored) >= abs(worst - claim.value)
    count = f"{len(have)} value" + "s" * (len(have) != 1)
    reason = powers(
        f"largest difference {abs(worst - claim.value):.2g} from {claim.value:g} over {count}, "
        f"{'within' if held else 'outside'} the tolerance of {claim.tolerance:.2g}"
    )
    shown = blank(claim) | {
        "ours": math.fsum(have) / len(have),
        "delta_points": (worst - claim.value) / claim.point,
    }
    return Part(name, "reproduced" if held else "not reproduced", reason, shown)


def _over(measurement: Measurement, chance: Chance) -> str:
    """Say over what the interval is, and its level where a record pays for several looks."""
    if measurement.overlap is not None:
        over = f"over {chance.trainings} splits of the same people"
    elif measurement.people is None:
        over = f"over {chance.trainings} draws"
    else:
        over = f"over {chance.trainings} trainings and {measurement.n:,} people"
    if isinstance(measurement, GrownMeasurement):
        share = 100 * level(0.95, measurement.looks)
        over += f", {share:.1f} % at one of {measurement.looks} looks"
    return over


def _rounded(x: float) -> float:
    """Return a difference in points; what rounding left of a boundary must decide nothing."""
    return round(x, 9)
