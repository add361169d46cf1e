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

    Returns
    -------
    dict of str to float
        By paper; one without a tested direction is left out.

    References
    ----------
    Benjamini & Hochberg: Controlling the false discovery rate, JRSS B 57, 1995.

    Examples
    --------
    Of three tests the second smallest p would have to be at most 2/3 of .05: .04 is no discovery.

    >>> from fairtut.evidence.discoveries import limits
    >>> from fairtut.evidence.verdicts import Part, Verdict
    >>> def tested(p):
    ...     part = Part(f"x{p}", "trend reproduced", "", {}, p=p)
    ...     about = ("toy", part.measure, None, "paper", "direction", False, False)
    ...     return Verdict(*about, part.word, "", "", "", {}, parts=(part,))
    >>> limits([tested(0.01), tested(0.04), tested(0.2)])
    {'toy': 0.01}
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
    """Tell whether an interval excludes 0, but not so clearly as the number of tests asks for.

    Parameters
    ----------
    p : float or None
        Two-sided p of 0; None where no direction was tested.
    limit : float
        Of the claim's paper, from :func:`limits`.

    Returns
    -------
    bool
        True where p lies above the limit and below :data:`RATE`.

    Examples
    --------
    Of what lies below .05, the limit of .01 keeps the first and loses the second.

    >>> from fairtut.evidence.discoveries import lost
    >>> lost(0.01, limit=0.01), lost(0.04, limit=0.01), lost(0.2, limit=0.01)
    (False, True, False)
    """
    return p is not None and limit < p < RATE
