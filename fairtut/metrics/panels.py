"""Many decisions about the same people, resampled together.

A bootstrap over people answers "would another test set say the same of *these* models?".  When the
quantity of interest combines several decisions, such as the mean over three trained models of
(gap after - gap before), every resample must contain the same people for all of them.  A
:class:`Panel` draws the resamples once; each question is then two matrix products.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.metrics.estimates import Estimate, percentiles

FloatArray = NDArray[np.float64]

METHOD: Final = "95 % bootstrap over people"


class Panel:
    """People with a label and a group, and joint resamples of them.

    Parameters
    ----------
    y, s : array-like of 0 and 1, shape (n,)
    n_resamples : int
    seed : int

    Raises
    ------
    fairtut.errors.InputError
        If shapes differ or a value is not 0 or 1.

    Notes
    -----
    Every method returns an array whose last axis has ``1 + n_resamples`` entries: the value on the
    people as they are, then on each resample.  Differences and means of such arrays are therefore
    paired; :meth:`interval` turns one into a number with its percentile interval.
    """

    def __init__(
        self, y: ArrayLike, s: ArrayLike, *, n_resamples: int = 1000, seed: int = 0
    ) -> None:
        people = np.asarray(y), np.asarray(s)
        shapes = [v.shape for v in people]
        if shapes[0] != shapes[1] or len(shapes[0]) != 1 or shapes[0] == (0,):
            raise InputError(f"y and s have shapes {shapes[0]}, {shapes[1]}: need (n,) twice")
        if not all(np.isin(v, (0, 1)).all() for v in people):  # before halves become whole
            raise InputError("y and s must hold 0 and 1 only")
        self.y, self.s = (v.astype(int) for v in people)
        n = len(self.y)
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(n, np.full(n, 1 / n), n_resamples)  # (R, n)
        self.n = n
        self._weights = np.vstack([np.ones(n), counts]).astype(np.float32)  # (1 + R, n)

    @classmethod
    def unlabelled(cls, n: int, *, n_resamples: int = 1000, seed: int = 0) -> Panel:
        """Return n people (images, latents) of one label and one group, for plain means."""
        return cls(np.zeros(n, int), np.zeros(n, int), n_resamples=n_resamples, seed=seed)

    def mean(self, values: ArrayLike, where: ArrayLike | None = None) -> FloatArray:
        """Return the mean of per-person values (..., n), over the people in ``where``, (..., 1+R).

        An empty cell gives NaN.
        """
        table = np.asarray(values, np.float32)
        mask = np.ones(self.n, np.float32) if where is None else np.asarray(where, np.float32)
        if table.shape[-1] != self.n or mask.shape != (self.n,):
            raise InputError(f"values of shape {table.shape} for {self.n} people: one per person")
        flat = (table * mask).reshape(-1, self.n)  # (k, n)
        sums = (flat @ self._weights.T).astype(float)  # (k, 1 + R)
        size = (self._weights @ mask).astype(float)  # (1 + R,)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (sums / size).reshape(*table.shape[:-1], -1)

    def accuracy(self, y_hat: ArrayLike) -> FloatArray:
        """Return the accuracy of decisions (..., n)."""
        decided = np.asarray(y_hat)
        if decided.shape[-1:] != (self.n,):  # or numpy would stretch a single decision
            raise InputError(f"y_hat of shape {decided.shape} for {self.n} people: one per person")
        return self.mean(decided == self.y)

    def signed_gap(self, y_hat: ArrayLike, label: int | None = None) -> FloatArray:
        """Return P(y_hat = 1 | s = 1) - P(y_hat = 1 | s = 0), among people with a label if given.

        With ``label=1`` the gap of true-positive rates, with ``label=0`` of false-positive rates.
        """
        kept = np.ones(self.n, bool) if label is None else self.y == label
        one, zero = (self.mean(y_hat, kept & (self.s == group)) for group in (1, 0))
        return one - zero

    def dp(self, y_hat: ArrayLike) -> FloatArray:
        """Return the demographic-parity gap, the absolute difference of acceptance rates."""
        return np.abs(self.signed_gap(y_hat))

    def deo(self, y_hat: ArrayLike) -> FloatArray:
        """Return DEO, the sum of the absolute TPR and FPR gaps (``deo`` in the definitions)."""
        return np.abs(self.signed_gap(y_hat, 1)) + np.abs(self.signed_gap(y_hat, 0))

    def auc(self, score: ArrayLike, where: ArrayLike | None = None) -> FloatArray:
        """Return the area under the ROC curve of scores (..., n), over the people in ``where``.

        That is the share of pairs of a positive and a negative person in which the positive one
        has the higher score, ties counted as half; without such a pair it is NaN.
        """
        table = np.asarray(score, float)
        kept = np.ones(self.n, bool) if where is None else np.asarray(where, bool)
        if table.shape[-1:] != (self.n,) or kept.shape != (self.n,):
            raise InputError(f"scores of shape {table.shape} for {self.n} people: one per person")
        areas = [self._area(row[kept], kept) for row in table.reshape(-1, self.n)]
        return np.stack(areas).reshape(*table.shape[:-1], -1)

    def _area(self, score: FloatArray, kept: NDArray[np.bool_]) -> FloatArray:
        order = np.argsort(score)
        rows = np.flatnonzero(kept)[order]
        new = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # first row of each level
        if not len(rows):
            return np.full(len(self._weights), np.nan)
        weight = self._weights[:, rows].astype(float)
        positive, negative = (
            np.add.reduceat(weight * (self.y[rows] == label), new, axis=1) for label in (1, 0)
        )  # (1 + R, levels)
        below = np.cumsum(negative, axis=1) - negative / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = positive.sum(1) * negative.sum(1)
            area: FloatArray = (positive * below).sum(1) / pairs
        return area

    def interval(self, values: ArrayLike, level: float = 0.95) -> Estimate:
        """Return the value with its percentile interval; leading axes are averaged first.

        NaN resamples (an empty cell) are left out and counted.
        """
        draws: Any = np.asarray(values, float)
        draws = draws.reshape(-1, draws.shape[-1]).mean(0)  # (1 + R,)
        return percentiles(float(draws[0]), draws[1:], self.n, level, METHOD)

    def measurement(self, draws: ArrayLike) -> dict[str, Any]:
        """Return values with their resamples, (models, 1 + R), as a record holds them.

        That is what :meth:`fairtut.report.recording.Record.measure` takes as keywords: a value per
        model, and the interval over people of their mean.
        """
        found, table = self.interval(draws), np.atleast_2d(np.asarray(draws, float))
        body: dict[str, Any] = {"values": table[:, 0].tolist(), "n": self.n, "unit": "fraction"}
        if np.isnan(table[:, 0]).any():
            body["note"] = "a cell of the table is empty"
        if not np.isnan(found.low):
            body["people"] = (found.low, found.high)
        return body
