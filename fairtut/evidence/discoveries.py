"""Many tests at once: which of a paper's directions are beyond chance among all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fairtut.evidence.verdicts import Verdict

RATE: Final = 0.05
"""The share of false discoveries that is accepted among a paper's directions."""

Test = tuple[str, str, str]
"""Paper, claim and measurement."""


def falsely_discovered(leaves: Iterable[Verdict]) -> set[Test]:
    """Return the tests whose interval excludes 0, but not so clearly as their number asks for.

    Parameters
    ----------
    leaves : iterable of Verdict
        The paper's own claims, each once.
    """
    tests: dict[str, list[tuple[Test, float]]] = defaultdict(list)
    for verdict in leaves:
        for part in verdict.parts:
            if part.p is not None:
                tests[verdict.paper].append(((verdict.paper, verdict.id, part.measure), part.p))
    lost: set[Test] = set()
    for listed in tests.values():
        kept = rejected([p for _, p in listed])
        lost |= {t for (t, p), keep in zip(listed, kept, strict=True) if p < RATE and not keep}
    return lost


def rejected(p: Sequence[float], rate: float = RATE) -> list[bool]:
    """Return which hypotheses the procedure of Benjamini and Hochberg rejects.

    >>> rejected([0.001, 0.04, 0.03, 0.6])
    [True, False, False, False]

    References
    ----------
    Benjamini & Hochberg: Controlling the false discovery rate, JRSS B 57, 1995.
    """
    ordered = sorted(p)
    passed = [x for i, x in enumerate(ordered, start=1) if x <= rate * i / len(ordered)]
    limit = max(passed, default=-1.0)
    return [x <= limit for x in p]
