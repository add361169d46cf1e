"""Thresholds per group for any gap: the frontier of post-processing, chosen on validation people.

:func:`fairtut.lab.controls.per_group` is exact, and knows one gap.  Here a pair is sought among the
quantiles of both groups, so that a board's own gap decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.lab.choice import fairest
from fairtut.lab.controls import Bools, Gap, Margins, cuts
from fairtut.metrics.panels import Panel

BUDGETS: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Accuracy that a pair may lose on validation people: settings along the pairs' own front."""

CUTS: Final = 25
"""Thresholds that are tried in a group, quantiles of its scores, beside the deployed one."""


def chosen(
    margin: Margins, people: Panel, s: ArrayLike, gap: Gap, budgets: Sequence[float] = BUDGETS
) -> NDArray[np.float64]:
    """Return the pair of thresholds with the least gap for each budget of accuracy.

    Parameters
    ----------
    margin : float array, shape (n,)
        Scores; the deployed threshold is 0 for both groups, which is always among the candidates.
    people : Panel
        Who the pair is chosen on.
    s : array-like of 0 and 1, shape (n,)
        Whose threshold is whose.
    gap : callable
        Of decisions about ``people``, such as ``Panel.dp``.
    budgets : sequence of float
        Accuracy that a pair may lose, against the most accurate pair.

    Returns
    -------
    float array, shape (budgets, 2)
        Accepted are scores above them.

    Examples
    --------
    The scores of group 1 are 2 too high, and so is its threshold:

    >>> import numpy as np
    >>> from fairtut.lab.pairs import chosen
    >>> from fairtut.metrics.panels import Panel
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> chosen(np.array([-1.0, 1.0, 1.0, 3.0]), people, people.s, Panel.dp, budgets=[0.0]).tolist()
    [[-1.0, 1.0]]
    """
    group = np.asarray(s).astype(int)
    own = [margin[group == g] for g in (0, 1)]
    tried = [np.append(np.unique(cuts(m, CUTS)) if len(m) else [], 0.0) for m in own]
    pairs = np.stack(np.meshgrid(*tried, indexing="ij"), -1).reshape(-1, 2)
    y_hat = margin > pairs[:, group]
    accuracy, away = people.accuracy(y_hat)[:, 0], gap(people, y_hat)[:, 0]
    picks = [fairest(accuracy, away, accuracy.max() - budget).index for budget in budgets]
    return np.asarray(pairs[picks], float)


def paired(
    margin: Mapping[str, Margins], people: Panel | Sequence[Panel], s: Mapping[str, NDArray[Any]],
    gap: Gap, budgets: Sequence[float] = BUDGETS,
) -> dict[str, Bools]:  # fmt: skip
    """Return decisions with a threshold for each group: a method of a board.

    Parameters
    ----------
    margin : mapping of str to float array, shape (seeds, n)
        Part to scores; the pairs of each seed are chosen on those of ``val``.
    people : Panel, or sequence of Panel
        The validation people, of all seeds or of each.
    s : mapping of str to array of 0 and 1, shape (n,) or (seeds, n)
        Part to groups.
    gap, budgets
        As in :func:`chosen`.

    Returns
    -------
    dict of str to bool array, shape (budgets, seeds, n)

    Examples
    --------
    The scores of group 1 are 2 too high.  With a threshold for each group, all is decided right:

    >>> import numpy as np
    >>> from fairtut.lab.pairs import paired
    >>> from fairtut.metrics.panels import Panel
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> margin = {part: np.array([[-1.0, 1.0, 1.0, 3.0]]) for part in ("val", "test")}
    >>> groups = dict.fromkeys(margin, people.s)
    >>> paired(margin, people, groups, Panel.dp, budgets=[0.0])["test"].astype(int).tolist()
    [[[0, 1, 0, 1]]]
    """
    known = margin["val"]
    panels: Iterable[Panel] = [people] * len(known) if isinstance(people, Panel) else people
    groups = np.broadcast_to(s["val"], known.shape)
    limits = np.stack(
        [
            chosen(m, panel, g, gap, budgets)
            for m, panel, g in zip(known, panels, groups, strict=True)
        ],
        axis=1,
    )  # (budgets, seeds, 2)
    found = {}
    for part, scores in margin.items():
        whose = np.broadcast_to(s[part], (len(budgets), *scores.shape)).astype(int)
        found[part] = scores > np.take_along_axis(limits, whose, axis=-1)
    return found
