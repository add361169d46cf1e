"""People with a label and a group, both 0 or 1, resampled together: the plain panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fairtut.errors import InputError
from fairtut.foreign import plain
from fairtut.metrics.group_panels import GroupPanel
from fairtut.metrics.labels import named_rows, same_rows
from fairtut.metrics.values import FloatArray


class Panel(GroupPanel):
    """People with a label and a group, both 0 or 1, and joint resamples of them.

    Parameters
    ----------
    y, s : array-like of 0 and 1, shape (n,)
    n_resamples : int
    seed : int

    Raises
    ------
    fairtut.errors.InputError
        If shapes or indexes differ, or a value is not 0 or 1.

    Notes
    -----
    Beside the metrics of a :class:`GroupPanel` it has gaps by a short name.  These are differences
    of means, so they take a decision that is a probability too.

    Examples
    --------
    >>> panel = Panel([0, 0, 0, 1, 1, 1], [0, 1, 1, 0, 0, 1], n_resamples=50)
    >>> plain, fairer = [0, 1, 1, 0, 1, 1], [0, 0, 1, 0, 1, 1]
    >>> float(panel.deo(plain)[0]), float(panel.metric("deo", plain)[0])
    (1.5, 1.5)
    >>> panel.interval(panel.dp(fairer) - panel.dp(plain)).value < 0
    True
    """

    def __init__(
        self, y: ArrayLike, s: ArrayLike, *, n_resamples: int = 1000, seed: int = 0
    ) -> None:
        same_rows(y=y, s=s)
        people = np.asarray(plain(y)), np.asarray(plain(s))
        shapes = [v.shape for v in people]
        if shapes[0] != shapes[1] or len(shapes[0]) != 1 or shapes[0] == (0,):
            raise InputError(f"y and s have shapes {shapes[0]}, {shapes[1]}: need (n,) twice")
        if not all(np.isin(v, (0, 1)).all() for v in people):  # before halves become whole
            raise InputError("y and s must hold 0 and 1 only")
        truth, self.s = (v.astype(int) for v in people)
        both = (0, 1)
        super().__init__(
            truth, self.s, classes=both, groups=both, n_resamples=n_resamples, seed=seed
        )
        self._known = named_rows(y=y, s=s)

    @classmethod
    def unlabelled(cls, n: int, *, n_resamples: int = 1000, seed: int = 0) -> Panel:
        """Return n people (images, latents) of one label and one group, for plain means."""
        return cls(np.zeros(n, int), np.zeros(n, int), n_resamples=n_resamples, seed=seed)

    def majority(self, labels: ArrayLike) -> FloatArray:
        """Return the share of the more frequent of two labels 0 and 1, of shape (..., n)."""
        ones = self.mean(labels)
        return np.maximum(ones, 1 - ones)

    def constant(self) -> FloatArray:
        """Return the accuracy of the constant classifier: everybody gets the frequent label."""
        return self.majority(self.y)

    def signed_gap(self, y_hat: ArrayLike, label: int | None = None) -> FloatArray:
        """Return P(y_hat = 1 | s = 1) - P(y_hat = 1 | s = 0), among people with a label if given.

        With ``label=1`` the gap of true-positive rates, with ``label=0`` of false-positive rates.
        """
        chance = np.asarray(y_hat)
        if chance.size and (chance.min() < 0 or chance.max() > 1):
            raise InputError("y_hat must hold decisions 0 and 1, or chances of a 1, in [0, 1]")
        kept = np.ones(self.n, bool) if label is None else self.y == label
        one, zero = (self.mean(y_hat, kept & (self.s == group)) for group in (1, 0))
        return one - zero

    def dp(self, y_hat: ArrayLike) -> FloatArray:
        """Return the demographic-parity gap, the absolute difference of acceptance rates."""
        return np.abs(self.signed_gap(y_hat))

    def deo(self, y_hat: ArrayLike) -> FloatArray:
        """Return DEO, the sum of the absolute TPR and FPR gaps (``deo`` in the definitions)."""
        return np.abs(self.signed_gap(y_hat, 1)) + np.abs(self.signed_gap(y_hat, 0))
