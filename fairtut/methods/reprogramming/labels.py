"""Labels and images as the method needs them: checked once, counted, put together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.inputs import whole
from fairtut.metrics.labels import same_rows

log = logging.getLogger(__name__)


def combined(attributes: Sequence[Any]) -> Tensor:
    r"""Return one label of :math:`2^k` classes from k binary attributes, :math:`\sum_i 2^i a_i`.

    Parameters
    ----------
    attributes : sequence of k arrays of 0 and 1, shape (n,)
        Three for the paper's 8 classes (blond hair, smiling, attractive), four for its 16.

    Returns
    -------
    int64 tensor, shape (n,)

    Raises
    ------
    fairtut.errors.InputError
        If there are none, they differ in length, or hold other values.

    Examples
    --------
    The first person has attributes 0 and 2, so 1 + 4:

    >>> from fairtut.methods.reprogramming import combined
    >>> combined([[1, 0, 0], [0, 1, 0], [1, 1, 0]]).tolist()
    [5, 6, 0]
    """
    same_rows(**{f"attribute {i}": values for i, values in enumerate(attributes)})
    columns = [whole(f"attribute {i}", values) for i, values in enumerate(attributes)]
    if not columns or len({column.shape for column in columns}) > 1:
        raise InputError("combining labels needs at least one attribute, all of one length")
    for i, column in enumerate(columns):
        if not torch.isin(column, torch.tensor([0, 1], device=column.device)).all():
            raise InputError(f"attribute {i} holds other values than 0 and 1: code it so")
    return torch.stack([column << i for i, column in enumerate(columns)]).sum(0)


def cells(y: Tensor, s: Tensor, classes: int) -> Tensor:
    """Count people by group and label, (groups, classes), and say which cells are empty.

    Raises
    ------
    fairtut.errors.InputError
        For labels outside 0..classes-1, a single label, or a group without members.
    """
    for name, values in (("y", y), ("s", s)):
        if len(torch.unique(values)) < 2 or int(values.min()) < 0:
            found = torch.unique(values)[:5].tolist()
            raise InputError(f"tuning data have {name} = {found}: need two or more of 0, 1, ...")
    if int(y.max()) >= classes:
        raise InputError(f"y goes up to {int(y.max())}, the model has {classes} logits: match them")
    groups = int(s.max()) + 1
    counts = torch.bincount(s * classes + y, minlength=groups * classes).view(groups, classes)
    for group in torch.nonzero(counts.sum(1) == 0).flatten().tolist():
        raise InputError(f"nobody in the tuning data has s = {group}: add some, or code s densely")
    empty = torch.nonzero(counts == 0).tolist()
    if empty:
        named = ", ".join(f"s={group}, y={label}" for group, label in empty[:6])
        log.warning("%d empty cells in the tuning data (%s): nothing is learnt about them",
                    len(empty), named)  # fmt: skip
    return counts.cpu()
