r"""Comments whose groups overlap, resampled together, and the deviations of many decisions.

As in :func:`fairtut.methods.reprogramming.overlap.deviations`: the rate of each group against the
rate of *all* comments, averaged over groups (the released code) or summed (the paper's formula).
Both are definitions of the metrics: ``dp_half`` and ``eo_code_half``, or ``dp`` and ``eo_half``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.data.comments import CommentSet
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

Floats = NDArray[np.float64]
RESAMPLES: Final = 300


class Crowd(Panel):
    """The comments of a part.

    Parameters
    ----------
    part : CommentSet
    resamples : int

    Notes
    -----
    Results have the last axis of :class:`fairtut.metrics.panels.Panel`: the value, then its
    resamples.
    """

    def __init__(self, part: CommentSet, resamples: int = RESAMPLES) -> None:
        y = part.y.cpu().numpy()
        super().__init__(y, np.zeros_like(y), n_resamples=resamples)
        self.members = part.groups.cpu().numpy()  # (n, g): nobody, one or several
        self.groups = tuple(range(self.members.shape[1]))

    def bias(self, y_hat: ArrayLike, criterion: str, reduce: str = "mean") -> Floats:
        """Return DP or EO, 0 for a classifier that is fair by it, of decisions (..., n).

        Noise makes an absolute deviation larger, in every resample once more.  So resamples are
        moved until their mean is the value; an interval then lies around its number.
        """
        mean, total = {"dp": ("dp_half", "dp"), "eo": ("eo_code_half", "eo_half")}[criterion]
        return _centred(self.metric(mean if reduce == "mean" else total, y_hat))

    def rates(self, y_hat: ArrayLike) -> Floats:
        """Return the share that is called toxic in each group, (g, ..., 1 + R)."""
        return np.moveaxis(self.tables(y_hat).rate("selection_rate"), -1, 0)

    def entry(self, draws: ArrayLike, unit: str = "fraction") -> Entry:
        """Return a measurement from values per seed with their resamples, (seeds, 1 + R)."""
        return replace(self.measurement(draws), unit=unit)


def _centred(draws: Floats) -> Floats:
    """Move resamples (..., 1 + R) so that their mean is the value, and none is below 0."""
    if draws.shape[-1] < 2:
        return draws
    value, rest = draws[..., :1], draws[..., 1:]
    known = ~np.isnan(rest)
    mean = np.where(known, rest, 0).sum(-1, keepdims=True) / known.sum(-1, keepdims=True).clip(1)
    return np.concatenate([value, np.maximum(rest + value - mean, 0)], -1)
