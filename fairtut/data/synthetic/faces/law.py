"""The joint law of the attributes: how often each combination occurs among CelebA's people.

``law.json`` holds nothing but counts of combinations, made by :func:`count` from the official label
file and checked against it by a test.  :class:`Dial` re-weights the combinations so that one target
depends on one sensitive attribute exactly as strongly as a reader asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtut.errors import InputError, UnknownName

ATTRIBUTES: Final = (
    "Male",
    "Young",
    "Smiling",
    "Attractive",
    "Blond_Hair",
    "Pale_Skin",
    "Heavy_Makeup",
    "Oval_Face",
    "Wavy_Hair",
    "High_Cheekbones",
    "Mouth_Slightly_Open",
    "Wearing_Lipstick",
    "Arched_Eyebrows",
    "Bald",
    "Eyeglasses",
)
"""The fifteen binary attributes, named as in CelebA."""
MIN_PEOPLE: Final = 5
"""Combinations with fewer people are merged into their nearest neighbour."""


@dataclass(frozen=True)
class Law:
    """A distribution over combinations of binary attributes.

    Attributes
    ----------
    attributes : tuple of str
        Names, in the order of the columns of ``patterns``.
    patterns : ndarray of bool, shape (k, d)
        The combinations that occur.
    counts : ndarray of float, shape (k,)
        Their weights: people, or people re-weighted by a :class:`Dial`.
    merged : int
        People who were counted with the nearest combination because theirs is rare.
    """

    attributes: tuple[str, ...]
    patterns: NDArray[np.bool_]
    counts: NDArray[np.float64]
    merged: int = 0

    @property
    def p(self) -> NDArray[np.float64]:
        """Probability of each combination, shape (k,)."""
        return self.counts / self.counts.sum()

    def column(self, name: str) -> NDArray[np.bool_]:
        """Return one attribute of every combination, shape (k,)."""
        if name not in self.attributes:
            raise UnknownName.of("attribute", name, self.attributes)
        return self.patterns[:, self.attributes.index(name)]

    def rate(self, target: str, given: Mapping[str, bool] | None = None) -> float:
        """Return P(target = 1 | given), NaN where the condition never occurs."""
        inside = np.ones(len(self.counts), dtype=bool)
        for name, value in (given or {}).items():
            inside &= self.column(name) == bool(value)
        total = self.counts[inside].sum()
        hits = self.counts[inside & self.column(target)].sum()
        return float(hits / total) if total else float("nan")

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Draw ``n`` combinations, shape (n, d)."""
        return self.patterns[rng.choice(len(self.counts), size=n, p=self.p)]


@dataclass(frozen=True)
class Dial:
    """How strongly a target depends on a sensitive attribute.

    Attributes
    ----------
    target, sensitive : str
        Two different attributes.
    p : tuple of float
        P(target = 1 | sensitive = 0) and P(target = 1 | sensitive = 1), each in [0, 1].

    Raises
    ------
    fairtut.errors.InputError, fairtut.errors.UnknownName
        By :meth:`turn`, if ``p`` holds no two probabilities, the two attributes are the same or
        unknown, or nobody stands behind a cell that is to be filled.

    Examples
    --------
    Smiling is made rare among women and frequent among men; there are as many men as before:

    >>> from fairtut.data.synthetic.faces import Dial
    >>> from fairtut.data.synthetic.faces.law import load
    >>> law = load()
    >>> turned = Dial("Smiling", "Male", (0.1, 0.9)).turn(law)
    >>> [round(turned.rate("Smiling", {"Male": sex}), 6) for sex in (False, True)]
    [0.1, 0.9]
    >>> round(turned.rate("Male") - law.rate("Male"), 6) + 0.0
    0.0
    """

    target: str
    sensitive: str
    p: tuple[float, float]

    @classmethod
    def of(cls, dial: Dial | Mapping[str, Any]) -> Dial:
        """Accept a Dial or a mapping with its three fields."""
        if isinstance(dial, Dial):
            return dial
        try:
            return cls(dial["target"], dial["sensitive"], tuple(dial["p"]))
        except (KeyError, TypeError):
            raise InputError(
                f"dial is {dial!r}: give target, sensitive and p = (P(1|0), P(1|1))"
            ) from None

    def turn(self, law: Law) -> Law:
        """Re-weight ``law``: P(target | sensitive) becomes ``p``, all else stays conditional.

        P(sensitive) and the distribution of the other attributes given both stay as they are.
        """
        t, s = law.column(self.target), law.column(self.sensitive)
        if self.target == self.sensitive:
            raise InputError(f"dial: {self.target} cannot be both target and sensitive attribute")
        if len(self.p) != 2 or not all(0 <= q <= 1 for q in self.p):
            raise InputError(f"dial: p is {self.p}, give two probabilities in [0, 1]")
        counts = law.counts.copy()
        for group, rate in enumerate(self.p):
            members = s == bool(group)
            size = law.counts[members].sum()
            for label, share in ((False, 1 - rate), (True, rate)):
                cell = members & (t == label)
                people = law.counts[cell].sum()
                if share > 0 and people == 0:
                    raise InputError(
                        f"dial: nobody has {self.target}={int(label)} and "
                        f"{self.sensitive}={group}, so p cannot be {self.p}"
                    )
                counts[cell] *= share * size / people if people else 0.0
        return Law(law.attributes, law.patterns, counts, law.merged)


def count(labels: pd.DataFrame | str | Path, attributes: Sequence[str] = ATTRIBUTES) -> Law:
    """Count the combinations of ``attributes`` and merge the rare ones.

    Parameters
    ----------
    labels : DataFrame or path
        A row per person with truthy attribute columns, or the official ``list_attr_celeba.txt``.
    attributes : sequence of str
        Columns to count.

    Returns
    -------
    Law
        Combinations with at least :data:`MIN_PEOPLE` people, sorted.  Rarer ones are added to the
        combination that differs in the fewest attributes (the most frequent of several).
    """
    table = labels if isinstance(labels, pd.DataFrame) else read_official(Path(labels))
    unknown = [a for a in attributes if a not in table]
    if unknown:
        raise UnknownName.of("attribute", unknown[0], map(str, table.columns))
    rows = table[list(attributes)].to_numpy(dtype=bool)
    patterns, counts = np.unique(rows, axis=0, return_counts=True)
    rare = counts < MIN_PEOPLE
    if rare.all():
        raise InputError(f"no combination has {MIN_PEOPLE} people: count fewer attributes")
    kept, weights = patterns[~rare], counts[~rare].astype(np.int64)
    frequent = weights.copy()
    for pattern, people in zip(patterns[rare], counts[rare], strict=True):
        away = (kept != pattern).sum(1)
        nearest = np.lexsort((-frequent, away))[0]
        weights[nearest] += people
    return Law(tuple(attributes), kept, weights.astype(np.float64), int(counts[rare].sum()))


def read_official(path: Path) -> pd.DataFrame:
    """Read CelebA's label file: a row count, a line of names, then ±1 per person."""
    table = pd.read_csv(path, sep=r"\s+", skiprows=1)
    return table > 0


def to_json(law: Law) -> str:
    """Write a law as text: bit i of a code is attribute i."""
    codes = law.patterns @ (1 << np.arange(len(law.attributes)))
    order = np.argsort(codes)
    body = {
        "what": "people of CelebA per combination of attributes; bit i of a code is attribute i",
        "attributes": list(law.attributes),
        "people": int(law.counts.sum()),
        "merged_people": law.merged,
        "merged_is": f"people of combinations with fewer than {MIN_PEOPLE}, counted with the "
        "nearest more frequent combination",
        "codes": codes[order].tolist(),
        "counts": law.counts[order].astype(int).tolist(),
    }
    return json.dumps(body, indent=None, separators=(",", ":")) + "\n"


@lru_cache(maxsize=1)
def load() -> Law:
    """Return the law that comes with the package."""
    body = json.loads(files(__package__).joinpath("law.json").read_text(encoding="utf-8"))
    names = tuple(body["attributes"])
    codes = np.array(body["codes"])[:, None]
    patterns = (codes >> np.arange(len(names)) & 1).astype(bool)
    return Law(names, patterns, np.array(body["counts"], dtype=np.float64), body["merged_people"])
