"""Verdicts: what the records say about each claim.

There are five: ``reproduced``, ``trend reproduced``, ``partly``, ``not reproduced`` and
``not tested``.  A verdict is always computed by :func:`judge` from claims that were written before
the run and from records of runs; nobody types one.  The rules:

%RULES%

The interval is the 95 % t-interval of the mean over independent draws (``ddof = 1``); values that
are repeated initialisations of one draw are averaged first, because they are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from fairtut.errors import RecordError
from fairtut.evidence.claims import POINT, Claim
from fairtut.evidence.records import Measurement, Record
from fairtut.evidence.spelling import number, points, powers, spelled
from fairtut.evidence.standing import fault
from fairtut.runtime.presets import PRESETS, choose

VERDICTS: Final = ("reproduced", "trend reproduced", "partly", "not reproduced", "not tested")

RULES: Final = {
    "exact": (
        "Every single value differs from the stated one by at most the tolerance: reproduced. "
        "A value that could not be computed counts as a miss."
    ),
    "number": (
        "The 95 % t-interval over draws, widened on both sides by the tolerance, contains the "
        "paper's number: reproduced."
    ),
    "trend": (
        "The 95 % interval of the measured difference lies wholly on the claimed side of 0: "
        "trend reproduced."
    ),
    "scaled": "As for a trend, on smaller data or a smaller model than the paper's.",
    "several": (
        "A claim on several measurements: all pass gives its kind's best verdict, some partly, "
        "none not reproduced."
    ),
    "interval": (
        "The t-interval over draws; where a model is too costly to train often, and the record "
        "says so, the bootstrap interval over the test people of the mean over trained models. For "
        "repeated splits of the same people, the t-interval corrected for what splits share."
    ),
    "too few": (
        "Fewer than two draws with a value, and no interval over people: a number or a trend is "
        "not tested."
    ),
    "missing": "No record measures it, or the claim says why it is untested: not tested.",
    "record": (
        "The paper preset is preferred to the laptop preset, and either to nothing; smoke runs "
        "never count unless asked for by name."
    ),
    "configuration": (
        "A record counts only if its configuration is its preset's. One that was made before "
        "records named their code may lack what presets did not have then."
    ),
}
"""The rules in words, shown in the book beside the scoreboard."""

if __doc__:  # one source for this docstring and for the book
    __doc__ = __doc__.replace("%RULES%", "\n".join(f"* **{k}**: {v}" for k, v in RULES.items()))

_BEST: Final = {
    "exact": "reproduced",
    "number": "reproduced",
    "trend": "trend reproduced",
    "scaled": "trend reproduced",
}


@dataclass(frozen=True)
class Part:
    """What one measurement says about a claim.

    Attributes
    ----------
    measure : str
        The measurement's id.
    margin : float or None
        How far inside (>= 0) or outside (< 0) the rule's boundary it lies, in the claim's unit;
        ``None`` if it could not be tested.
    passed : bool
    reason : str
        A phrase with the numbers.
    values : dict
        As in :attr:`Verdict.values`.
    """

    measure: str
    margin: float | None
    passed: bool
    reason: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What the records say about one claim.

    Attributes
    ----------
    paper, id, origin, kind, where, says
        From the claim.
    verdict : str
        One of :data:`VERDICTS`.
    reason : str
        A plain sentence with the numbers.
    values : dict
        ``paper`` (its number or None), ``ours`` (mean), ``low``, ``high`` (interval; for an exact
        claim the least and the greatest value), ``n_seeds``, ``delta_points`` (ours - paper),
        ``tolerance``, ``unit``.  With several measurements: those of the least favourable one.
    record : str or None
        The name of the record that decided it.
    parts : tuple of Part
        One per measurement.
    """

    paper: str
    id: str
    verdict: str
    reason: str
    origin: str
    kind: str
    where: str
    says: str
    values: dict[str, Any]
    record: str | None = None
    parts: tuple[Part, ...] = field(default=(), repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the parts, as JSON can hold it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "parts"}


def judge(
    claims: Iterable[Claim], records: Sequence[Record], preset: str | None = None
) -> list[Verdict]:
    """Compute the verdict on every claim.

    Parameters
    ----------
    claims : iterable of Claim
        From :func:`fairtut.evidence.claims.load_claims`.
    records : sequence of Record
        From :func:`fairtut.evidence.records.load_records`.
    preset : str, optional
        Use only records of this preset; default ``paper`` before ``laptop``, never ``smoke``.

    Returns
    -------
    list of Verdict
        In the order of the claims.  See :data:`RULES` for the rules.

    Raises
    ------
    fairtut.errors.UnknownName
        If the preset does not exist.
    fairtut.errors.RecordError
        If a claim and its measurement have different units.
    """
    presets = ("paper", "laptop") if preset is None else (preset,)
    choose(dict.fromkeys(PRESETS), presets[0])
    return [_judge_one(claim, _candidates(claim, records, presets)) for claim in claims]


def _candidates(claim: Claim, records: Iterable[Record], presets: tuple[str, ...]) -> list[Record]:
    """Return the records that may decide a claim, the preferred one first."""
    fitting = [
        r
        for r in records
        if r.chapter == claim.chapter and r.preset in presets and claim.data in ("any", r.data)
    ]
    return sorted(fitting, key=lambda r: (presets.index(r.preset), r.data != "real", r.name))


def _judge_one(claim: Claim, candidates: Sequence[Record]) -> Verdict:
    if claim.untested:
        return _verdict(claim, "not tested", claim.untested)

    def held(record: Record) -> int:
        return sum(name in record.measurements for name in claim.measure)

    # sorting keeps the order of equals, so a record is passed over only for one that measures more
    able = sorted((r for r in candidates if held(r)), key=held, reverse=True)
    record = next((r for r in able if not fault(r)), None)
    if record is None:
        reason = fault(able[0]) if able else "no committed record measures it"
        return _verdict(claim, "not tested", reason)
    parts = tuple(_test(claim, name, record) for name in claim.measure)
    tested = [part for part in parts if part.margin is not None]
    if not tested:
        reason = _sentence(parts)
        return _verdict(claim, "not tested", reason, record.name, parts)
    passed = sum(part.passed for part in parts)
    if passed == len(parts):
        verdict = _BEST[claim.kind]
    else:
        verdict = "partly" if passed else "not reproduced"
    found = _verdict(claim, verdict, _sentence(parts), record.name, parts)
    return replace(found, values=_level(claim, record, found.values))


def _test(claim: Claim, name: str, record: Record) -> Part:
    """Apply the claim's rule to one measurement."""
    measurement = record.measurements.get(name)
    if measurement is None:
        return Part(name, None, False, f"record {record.name} does not measure it", _blank(claim))
    _check_unit(claim, name, record)
    numbers = measurement.flat() if claim.kind == "exact" else measurement.draws()
    lost = sum(x is None for x in numbers)
    have = [x for x in numbers if x is not None]
    needed = 1 if claim.kind == "exact" or measurement.people is not None else 2
    if len(have) < needed:
        reason = f"{_count(len(have), 'seed')}: no interval" if have else "no value"
        if lost:
            reason += f" ({lost} of {len(numbers)} without a value: {measurement.note})"
        return Part(name, None, False, reason, _blank(claim) | {"n_seeds": len(have)})
    rule = {"exact": _exact, "number": _number}.get(claim.kind, _trend)
    part = rule(claim, name, have, measurement)
    if not lost:
        return part
    reason = f"{part.reason} ({lost} of {len(numbers)} without a value: {measurement.note})"
    if claim.kind == "exact":
        return replace(part, reason=reason, passed=False, margin=-math.inf)
    return replace(part, reason=reason)


def _check_unit(claim: Claim, name: str, record: Record) -> None:
    unit = record.measurements[name].unit
    if unit != claim.unit:
        raise RecordError(
            f"claim {claim.paper}:{claim.id} is in {claim.unit} but {record.name} measures "
            f"{name} in {unit}: give both the same unit"
        )


def _exact(claim: Claim, name: str, have: list[float], _: Measurement) -> Part:
    assert claim.value is not None and claim.tolerance is not None  # the schema requires both
    worst = max(have, key=lambda x: abs(x - claim.value))  # type: ignore[operator]
    # A record keeps six significant digits, so it cannot show a smaller difference than that.
    stored = 0.5 * 10.0 ** (math.floor(math.log10(abs(worst))) - 5) if worst else 0.0
    margin = max(claim.tolerance, stored) - abs(worst - claim.value)
    word = "within" if margin >= 0 else "outside"
    reason = powers(
        f"largest difference {abs(worst - claim.value):.2g} from {claim.value:g} over "
        f"{_count(len(have), 'value')}, {word} the tolerance of {claim.tolerance:.2g}"
    )
    values = _blank(claim) | {
        "ours": math.fsum(have) / len(have),
        "low": min(have),
        "high": max(have),
        "n_seeds": len(have),
        "delta_points": (worst - claim.value) / POINT[claim.unit],
    }
    return Part(name, margin, margin >= 0, reason, values)


def _number(claim: Claim, name: str, have: list[float], measurement: Measurement) -> Part:
    assert claim.value is not None and claim.tolerance is not None  # the schema requires both
    values = _interval(claim, measurement)
    wide = claim.tolerance * POINT[claim.unit]
    outside = max(values["low"] - claim.value, claim.value - values["high"])
    # rounding of the subtraction must not decide a value that lies on the boundary
    margin = wide - outside
    margin = 0.0 if abs(margin) <= 1e-12 * max(1.0, abs(claim.value)) else margin
    word = "lies in" if margin >= 0 else "lies outside"
    reason = (
        f"the paper's {number(claim.value)} {word} our interval {_span(values)} widened by "
        f"{claim.tolerance:g} points ({_units(measurement, len(have))}, "
        f"difference {points(values['delta_points'])} points)"
    )
    return Part(name, margin, margin >= 0, reason, values)


def _trend(claim: Claim, name: str, have: list[float], measurement: Measurement) -> Part:
    values = _interval(claim, measurement)
    sign = 1.0 if claim.direction == "positive" else -1.0
    near, far = sorted((sign * values["low"], sign * values["high"]))
    if near > 0:
        word = f"excludes 0 on the claimed ({claim.direction}) side"
    else:
        word = "includes 0" if far >= 0 else "has the opposite sign"
    reason = (
        f"difference {number(values['ours'])}: interval {_span(values)} over "
        f"{_units(measurement, len(have))} {word}"
    )
    return Part(name, near, near > 0, reason, values)


def _interval(claim: Claim, measurement: Measurement) -> dict[str, Any]:
    estimate = measurement.estimate()
    delta = None if claim.value is None else (estimate.value - claim.value) / POINT[claim.unit]
    return _blank(claim) | {
        "ours": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n_seeds": sum(x is not None for x in measurement.draws()),
        "delta_points": delta,
    }


def _blank(claim: Claim) -> dict[str, Any]:
    return {
        "paper": claim.value,
        "ours": None,
        "low": None,
        "high": None,
        "n_seeds": 0,
        "delta_points": None,
        "tolerance": claim.tolerance,
        "unit": claim.unit,
    }


def _verdict(
    claim: Claim,
    verdict: str,
    reason: str,
    record: str | None = None,
    parts: tuple[Part, ...] = (),
) -> Verdict:
    tested = [part for part in parts if part.margin is not None]
    shown = min(tested, key=lambda part: part.margin or 0.0) if tested else None
    return Verdict(
        paper=claim.paper,
        id=claim.id,
        verdict=verdict,
        reason=reason,
        origin=claim.origin,
        kind=claim.kind,
        where=claim.where,
        says=claim.says,
        values=shown.values if shown else (parts[0].values if parts else _blank(claim)),
        record=record,
        parts=parts,
    )


def _sentence(parts: Sequence[Part]) -> str:
    """Join the parts' reasons; with several, each is led by its measurement's name."""
    if len(parts) == 1:
        return parts[0].reason
    passed = sum(part.passed for part in parts)
    each = "; ".join(f"{spelled(part.measure)}: {part.reason}" for part in parts)
    return f"{passed} of {len(parts)} pass: {each}"


def _units(measurement: Measurement, have: int) -> str:
    """Say over what the interval is."""
    if measurement.overlap is not None:
        return f"{_count(have, 'split')} of the same people"
    if measurement.people is None:
        return _count(have, "draw")
    return f"{measurement.n} people ({_count(have, 'trained model')})"


def _level(claim: Claim, record: Record, values: dict[str, Any]) -> dict[str, Any]:
    """Put the comparable measurement beside the paper's number; the tested one is in the reason."""
    if claim.shown is None or claim.shown not in record.measurements:
        return values
    shown = record.measurements[claim.shown]
    _check_unit(claim, claim.shown, record)
    if all(x is None for x in shown.draws()):
        return _blank(claim)
    found = _interval(claim, shown)  # one draw has no interval: None, as JSON has no NaN
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in found.items()}


def _count(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _span(values: dict[str, Any]) -> str:
    return f"[{number(values['low'])}, {number(values['high'])}]"
