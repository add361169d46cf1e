"""Many tests at once: which of a paper's directions are beyond chance among all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fairtut.evidence.verdicts import Verdict

RATE: Final = 0.05
"""The share of false discoveries that is accepted among a paper's directions."""


def limits(leaves: Iterable[Verdict]) -> dict[str, float]:
    """Return for each paper the largest p that is a discovery; below 0 where none is.

    Parameters
    ----------
    leaves : iterable of Verdict
        The paper's own claims, each once.

    References
    ----------
    Benjamini & Hochberg: Controlling the false discovery rate, JRSS B 57, 1995.
    """
    from scipy.stats import false_discovery_control  # here: scipy.stats is slow to import

    tests: dict[str, dict[str, float]] = defaultdict(dict)
    for verdict in leaves:  # several claims may test one measurement: it is one test
        tests[verdict.paper] |= {x.measure: x.p for x in verdict.parts if x.p is not None}
    found = {}
    for paper, each in tests.items():
        p = list(each.values())
        kept = [x for x, q in zip(p, false_discovery_control(p), strict=True) if q <= RATE]
        found[paper] = max(kept, default=-1.0)
    return found


def lost(p: float | None, limit: float) -> bool:
    """Tell whether an interval excludes 0, but not so clearly as the number of tests asks for."""
    return p is not None and limit < p < RATE
