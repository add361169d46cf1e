"""Groups that may overlap, as identities in a comment do: gaps, and what a training set holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fairtut.errors import InputError, UnknownName


def deviations(y: Any, y_hat: Any, groups: Any, reduce: str = "mean") -> dict[str, float]:
    r"""Return the paper's DP and EO for groups that may overlap, 0 for a fair classifier.

    DP is the mean (or sum) over groups of :math:`|P(\hat y = 1) - P(\hat y = 1 | z)|`, EO that of
    :math:`(|\mathrm{FPR} - \mathrm{FPR}_z| + |\mathrm{FNR} - \mathrm{FNR}_z|) / 2`; rates without
    z are those of all comments, mentioned groups or not.  NaN where a rate has no comments.

    Parameters
    ----------
    y, y_hat : arrays or tensors of 0 and 1, shape (n,)
    groups : boolean array or tensor, shape (n, g)
    reduce : {"mean", "sum"}
        The paper prints the sum, its code computes the mean.
    """
    truth, decided, member = (
        np.asarray(v.cpu() if isinstance(v, Tensor) else v, dtype=bool) for v in (y, y_hat, groups)
    )
    if truth.shape != decided.shape or member.shape[:1] != truth.shape or member.ndim != 2:
        raise InputError(
            f"y {truth.shape}, y_hat {decided.shape}, groups {member.shape}: need (n,), (n,) "
            "and (n, g)"
        )
    if reduce not in ("mean", "sum"):
        raise UnknownName.of("reduction", reduce, ("mean", "sum"))

    def away(wrong: Any, among: Any) -> Any:
        """|rate of all - rate of each group|, (g,), of ``wrong`` among the rows ``among``."""
        count = member[among].sum(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = (member[among] & wrong[among, None]).sum(0) / count
            return np.abs(np.divide(wrong[among].sum(), among.sum()) - rates)

    parity = away(decided, np.ones_like(truth))
    odds = (away(decided, ~truth) + away(~decided, truth)) / 2
    scale = len(parity) if reduce == "mean" else 1
    return {"dp": float(parity.sum()) / scale, "eo": float(odds.sum()) / scale}


def members(y: Tensor, groups: Tensor, classes: int, names: Sequence[str]) -> Tensor:
    """Count comments by group and label, (g, classes); raise where nothing can be learnt.

    Parameters
    ----------
    y : int64 tensor, shape (n,)
    groups : bool tensor, shape (n, g)
    classes : int
        Logits of the model.
    names : sequence of str, length g

    Raises
    ------
    fairtut.errors.InputError
        If y has one value or one without a logit, or a group has nobody or everybody.
    """
    labels = torch.unique(y)
    if len(labels) < 2 or int(labels[-1]) >= classes:
        raise InputError(
            f"tuning comments have y = {labels[:5].tolist()}, the model {classes} logits: need two "
            "or more of 0, 1, ..."
        )
    counts = torch.stack([torch.bincount(y[member], minlength=classes) for member in groups.T])
    for name, n in zip(names, counts.sum(1).tolist(), strict=True):
        if n in (0, len(y)):
            who = "no" if n == 0 else "every"
            raise InputError(f"{who} tuning comment mentions {name!r}: leave it out, or add some")
    return counts.cpu()
