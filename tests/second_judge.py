"""A second judge, written from the rules alone: it shares no code with the first.

It reads claims and records itself, as plain YAML and JSON, and says one word for every claim and
every message.  Of the package it asks one thing: whether a record counts.
"""

from __future__ import annotations

import json
import math
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import brentq
from scipy.stats import norm, t

POINT = {"fraction": 0.01, "ratio": 0.01, "nats": 0.01, "points": 1, "count": 1, "s": 1}
GOOD = ("trend reproduced", "consistent", "reproduced")  # the weakest first
ANSWER = {
    **dict.fromkeys(GOOD, "yes"), "partly": "no", "not reproduced": "no",
    "inconclusive": "unclear", "not tested": "not tested",
}  # fmt: skip
LEVEL = 0.05


# Reading


def records(results_dir: Path, *, smoke: bool = False) -> list[dict]:
    """Return the records that count, paper scale before laptop and real data before drawn."""
    from fairtut.evidence.records import load_record
    from fairtut.evidence.standing import fault

    order = ["paper", "laptop", *(["smoke"] if smoke else [])]
    found = []
    for path in sorted(results_dir.glob("*/*.json")):
        body = json.loads(path.read_text("utf-8"))
        if body["preset"] in order and not fault(load_record(path)):
            for measurement in body["measurements"].values():
                measurement["looks"] = looks(body)
            found.append(body)
    return sorted(found, key=lambda r: (order.index(r["preset"]), r["data"] != "real"))


def looks(body: dict) -> int:
    """Return how often somebody planned to look at a record while it grows."""
    return len(body["config"].get("grown", {}).get("looks", [None]))


def listed(value) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def measures(claim: dict) -> list[str]:
    return listed(claim.get("measure", claim["id"]))


def chosen(claim: dict, chapter: str, have: list[dict]) -> dict:
    """Return the measurements of the record that a claim is judged on, none without a record."""
    data = claim.get("data", "synthetic")
    fit = [r for r in have if r["chapter"] == chapter and data in ("any", r["data"])]
    held = [sum(name in r["measurements"] for name in measures(claim)) for r in fit]
    return fit[held.index(max(held))]["measurements"] if fit else {}


def singles(found: dict) -> list:
    return [x for v in found["values"] for x in (v if isinstance(v, list) else [v])]


def draws(found: dict) -> np.ndarray:
    """Return one number per training: repeated initialisations are averaged, gaps left out."""
    rows = [v if isinstance(v, list) else [v] for v in found["values"]]
    rows = [[x for x in row if x is not None] for row in rows]
    return np.array([math.fsum(row) / len(row) for row in rows if row])


# One measurement


def interval(found: dict, runs: int | None = None) -> tuple[float, float]:
    """Return the interval of a mean; with `runs` that for so many runs that somebody else made.

    A mean that is looked at several times may be wrong each time with a part of the chance only.
    """
    x = draws(found)
    m, v, more = len(x), x.mean(), 0 if runs is None else 1 / runs
    wrong = LEVEL if runs is not None else LEVEL / found.get("looks", 1)
    half = t.ppf(1 - wrong / 2, m - 1) * x.std(ddof=1)
    half *= math.sqrt(1 / m + found.get("overlap", 0) + more)
    low, high = found["people"] if "people" in found and "overlap" not in found else (v, v)
    crowds = 1 if runs is None else 2  # theirs were other people
    crowds *= (norm.isf(wrong / 2) / norm.isf(LEVEL / 2)) ** 2
    down, up = (math.sqrt(half**2 + crowds * max(0, d) ** 2) for d in (v - low, high - v))
    return v - down, v + up


def chance(found: dict) -> float:
    """Return the error level, over all looks, at which the interval just touches 0."""
    return min(1.0, found.get("looks", 1) * chance_once(found))


def chance_once(found: dict) -> float:
    """Return the error level of a single look at which the interval just touches 0."""
    x = draws(found)
    m, v, s = len(x), x.mean(), x.std(ddof=1)
    if v == 0:
        return 1.0
    if "overlap" in found or "people" not in found:
        se = s * math.sqrt(1 / m + found.get("overlap", 0))
        return float(2 * t.sf(abs(v) / se, m - 1)) if se else 0.0
    low, high = found["people"]
    d = max(0, v - low if v > 0 else high - v)
    if s == 0 and d == 0:
        return 0.0

    def beyond(log: float) -> float:
        half = math.exp(log) / 2
        spread, crowd = t.isf(half, m - 1) * s / math.sqrt(m), norm.isf(half) / norm.isf(0.025) * d
        return math.hypot(spread, crowd) - abs(v)

    least = math.log(1e-300)
    return math.exp(brentq(beyond, least, 0, xtol=1e-13)) if beyond(least) > 0 else 0.0


def number(claim: dict, found: dict, point: float) -> str:
    low, high = interval(found)
    value, tolerance = float(claim["value"]), float(claim["tolerance"])
    if value - tolerance * point <= low and high <= value + tolerance * point:
        return "reproduced"
    if high < value - tolerance * point or low > value + tolerance * point:
        return "not reproduced"
    least, most = interval(found, int(claim.get("runs", 1)))
    narrow = (most - least) / 2 <= float(claim.get("wide", 3 * tolerance)) * point
    near = abs(draws(found).mean() - value) <= tolerance * point
    return "consistent" if near and narrow and least <= value <= most else "inconclusive"


def direction(claim: dict, found: dict, point: float) -> str:
    sign = 1 if claim["direction"] == "positive" else -1
    near, far = sorted(sign * end for end in interval(found))
    effect = float(claim.get("effect", 1)) * point
    if near > 0:
        return "trend reproduced"
    return "not reproduced" if far < 0 or (near >= -effect and far <= effect) else "inconclusive"


def bound(claim: dict, found: dict, point: float) -> str:
    sign = 1 if claim["direction"] == "positive" else -1
    granted, limit = float(claim.get("granted", 0)) * point, float(claim["limit"]) * point
    low, high = sorted(granted - sign * end for end in interval(found))
    if high <= limit:
        return "trend reproduced" if claim.get("scaled") else "reproduced"
    return "not reproduced" if low > limit else "inconclusive"


def same(claim: dict, found: dict, point: float) -> str:
    low, high = interval(found)
    limit = float(claim["limit"]) * point
    if -limit <= low and high <= limit:
        return "trend reproduced" if claim.get("scaled") else "reproduced"
    return "not reproduced" if low > limit or high < -limit else "inconclusive"


def exact(claim: dict, found: dict) -> str:
    def hit(x) -> bool:
        if x is None:
            return False
        rounding = 0.5 * 10.0 ** (math.floor(math.log10(abs(x))) - 5) if x else 0
        return abs(x - float(claim["value"])) <= float(claim.get("tolerance", 1e-6)) + rounding

    every = singles(found)
    return "not tested" if not every else "reproduced" if all(map(hit, every)) else "not reproduced"


RULES = {"number": number, "direction": direction, "bound": bound, "same": same}


def part(claim: dict, found: dict | None) -> tuple[str, float | None]:
    """Return the word of one measurement of a claim, and its chance if that is weighed."""
    if found is None:
        return "not tested", None
    if claim["kind"] == "exact":
        return exact(claim, found), None
    count = len(draws(found))
    if count < 2 or claim.get("one training"):
        return "inconclusive" if count else "no value", None
    word = RULES[claim["kind"]](claim, found, POINT[found["unit"]])
    weighed = claim["kind"] == "direction" and claim.get("source", "paper") == "paper"
    return word, chance(found) if weighed else None


# A paper


def joined(words: list[str]) -> str:
    """Return the word of a claim from those of its parts."""
    asked = [word for word in words if word != "not tested"]
    tested = [word for word in asked if word != "no value"]
    good = [word for word in tested if word in GOOD]
    if not tested:
        return "not tested"
    if "not reproduced" in tested:
        return "partly" if good else "not reproduced"
    return min(good, key=GOOD.index) if len(good) == len(asked) else "inconclusive"


def idle(claim: dict, have: dict) -> bool:
    """Whether a rival of the claim did no more than the constant."""
    rivals = [have[name] for name in listed(claim.get("rival")) if name in have]
    own = [have[name] for name in listed(claim.get("works")) if name in have]
    nothing = [len(draws(m)) < 2 or interval(m)[0] <= 0 <= interval(m)[1] for m in own]
    return any((draws(rival) <= 0).all() for rival in rivals) or any(nothing)


def fingerprints(claim: dict, found: list[dict | None]) -> list[str]:
    """Return for each measurement what two claims share that rest on it, none without evidence."""
    if None in found or claim["kind"] == "exact":
        return []
    seen = claim["value"] if claim["kind"] == "number" else None
    about = [claim.get("source", "paper"), claim["kind"], claim.get("direction"), seen]
    about += [claim.get("effect", 1), claim.get("limit"), claim.get("granted", 0)]
    about += [claim.get("tolerance")]
    return [json.dumps([about, m["values"], m["n"], m.get("people")]) for m in found]


def threshold(chances: list[float]) -> float:
    """Return the largest chance that Benjamini and Hochberg's steps reject, -1 for none."""
    ranked = sorted(chances)
    lines = [LEVEL * (k + 1) / len(ranked) for k in range(len(ranked))]
    return max((p for p, line in zip(ranked, lines, strict=True) if p <= line), default=-1.0)


def leaves(paper: dict, have: list[dict]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the word of every claim, and which earlier claim it repeats."""
    chapter = paper["chapter"].lstrip("0123456789").lstrip("_")
    parts, repeats, first, said = {}, {}, {}, {}
    for claim in paper["claims"]:
        shared = any(fnmatchcase(claim["id"], p) for p in listed(paper.get("initialisations")))
        claim["one training"] = shared  # seeds of classifiers on one encoder
        name, measured = claim["id"], chosen(claim, chapter, have)
        found = [measured.get(key) for key in measures(claim)]
        blocked = claim.get("untested") or idle(claim, measured)
        parts[name] = [part(claim, None if blocked else m) for m in found]
        marks = fingerprints(claim, found)
        if marks and any(word not in ("not tested", "no value") for word, _ in parts[name]):
            if all(mark in first for mark in marks):
                repeats[name] = first[marks[0]]
            for mark in marks:
                first.setdefault(mark, name)
    once = {}
    for claim in paper["claims"]:
        if claim["id"] not in repeats:
            pairs = zip(measures(claim), parts[claim["id"]], strict=True)
            once |= {key: p for key, (_, p) in pairs if p is not None}
    most = threshold(list(once.values()))
    for claim in paper["claims"]:
        # a chance below the level is an interval without 0
        words = [
            "inconclusive" if p is not None and most < p < LEVEL else word
            for word, p in parts[claim["id"]]
        ]
        ours = claim.get("source") == "ours" and claim["kind"] != "exact"
        said[claim["id"]] = ANSWER[joined(words)] if ours else joined(words)
    return said, repeats


def above(paper: dict, words: dict[str, str], repeats: dict[str, str]) -> dict[str, str]:
    """Return the word of every message from those of its claims."""
    own = [c for c in paper["claims"] if c.get("source", "paper") == "paper"]
    aside = listed(paper.get("apart"))
    once = [c["id"] for c in own if c["kind"] != "exact"]
    once = [name for name in once if not any(fnmatchcase(name, p) for p in aside)]
    identities = [c["id"] for c in own if c["kind"] == "exact"]
    said = {}
    for message in paper.get("messages", []):
        patterns = listed(message["children"])
        named = [name for name in once if any(fnmatchcase(name, p) for p in patterns)]
        named += [name for name in identities if name in patterns]  # in full
        fresh, seen = [], set()
        for claim in (c for c in paper["claims"] if c["id"] in named):
            tested = words[claim["id"]] != "not tested"
            about = claim["kind"], claim["value"] if claim["kind"] == "number" else None
            keys = {(*about, key) for key in measures(claim)} if tested else set()
            if repeats.get(claim["id"]) not in named and not (keys and keys <= seen):
                fresh.append(claim["id"])
            seen |= keys
        named = fresh
        said[message["id"]] = parent([words[name] for name in named])
    return said


def parent(words: list[str]) -> str:
    tested = [word for word in words if word != "not tested"]
    good = [word for word in tested if word in GOOD]
    failed = tested.count("not reproduced")
    if not tested:
        return "not tested"
    if "partly" in tested or (failed and set(good) - {"consistent"}):
        return "partly"
    if failed and not good and 3 * failed >= 2 * len(tested):
        return "not reproduced"
    if not failed and 3 * len(good) >= 2 * len(tested):
        return min(good, key=GOOD.index)
    return "inconclusive"


def judged(claims_dir: Path, results_dir: Path, *, smoke: bool = False) -> tuple[dict, dict]:
    """Return {(paper, claim): word} and {(paper, message): word}."""
    have = records(results_dir, smoke=smoke)
    claims, messages = {}, {}
    for path in sorted(claims_dir.glob("*.yaml")):
        paper = yaml.safe_load(path.read_text("utf-8"))
        words, repeats = leaves(paper, have)
        claims |= {(paper["paper"], name): word for name, word in words.items()}
        said = above(paper, words, repeats)
        messages |= {(paper["paper"], name): word for name, word in said.items()}
    return claims, messages
