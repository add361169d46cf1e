r"""R at many draws of noise: draws that lie near each other share the signs of most units.

With several attributes a certificate needs R at :math:`z + A^\top t` for thousands of t in few
dimensions.  Among draws of one cell, a unit of the first layer that is on for all of them is
linear in t, one that is off for all of them is 0, and only the others take part in the wide
product:

.. math:: W_2 (p + S t)_+ = W_2^{\text{on}} (p + S t)^{\text{on}} +
          W_2^{\text{both}} (p + S t)_+^{\text{both}},

where the first term is a map of k numbers.  Units of deeper layers that are off in all of a cell
are left out as well.  Nothing is approximated; rounding differs from that of the plain product.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from fairtut.methods.lassi.networks import Folded

CELL = 512
"""Draws of a cell, at most: fewer share more signs, and each cell copies its weights."""
WORTH = 2**17
"""Numbers in the second weight from which cells are faster than one plain product."""


class Nearby:
    """R behind its first layer, for draws of k numbers.

    Parameters
    ----------
    folded : Folded
        Its deeper layers in the precision to compute in.

    Examples
    --------
    >>> from fairtut.methods.lassi.networks import Representation
    >>> r = Representation(8, (16, 4), 2, generator=torch.Generator().manual_seed(0))
    >>> folded = r.eval().fold()
    >>> start, slopes = folded.first(torch.ones(1, 8), torch.eye(2, 8))
    >>> t = torch.randn(1000, 2, generator=torch.Generator().manual_seed(1)).double()
    >>> codes = Nearby(folded)(start[0], slopes, t)
    >>> torch.allclose(codes, folded.rest(start[0] + t @ slopes))
    True
    """

    def __init__(self, folded: Folded) -> None:
        # rows of a transposed weight are whole units, and are copied fast
        turned = tuple((weight.T.contiguous(), bias) for weight, bias in folded.deeper)
        self._deeper = replace(folded, deeper=turned).deeper

    @staticmethod
    def serves(folded: Folded, n: int) -> bool:
        """Return whether cells are faster than the plain product, for n draws."""
        weight = folded.deeper[0][0]  # on a graphics processor each choice of rows would wait
        return weight.device.type == "cpu" and weight.numel() >= WORTH and n > CELL

    def __call__(self, start: Tensor, slopes: Tensor, t: Tensor) -> Tensor:
        """Return codes.

        Parameters
        ----------
        start : Tensor, shape (h,)
            The first layer before its ReLU at t = 0, of one image.
        slopes : Tensor, shape (k, h)
        t : Tensor, shape (n, k)
            Of their type.

        Returns
        -------
        Tensor, shape (n, d)
        """
        codes = t.new_empty(len(t), len(self._deeper[-1][1]))
        for rows in cells(t, CELL):
            codes[rows] = self._cell(start, slopes, t[rows])
        return codes

    def _cell(self, start: Tensor, slopes: Tensor, t: Tensor) -> Tensor:
        (weight, bias), *deeper = self._deeper
        before = torch.addmm(start, t, slopes)  # (n, h)
        count = (before > 0).sum(0)
        on, both = ((count == len(t)), (count > 0) & (count < len(t)))
        whole, mixed = on.nonzero()[:, 0], both.nonzero()[:, 0]
        linear = torch.cat([start[None], slopes])[:, whole] @ weight.index_select(0, whole)
        hidden = torch.addmm(bias + linear[0], t, linear[1:])  # (n, width)
        hidden.addmm_(before[:, mixed].relu_(), weight.index_select(0, mixed))
        for weight, bias in deeper:
            seen = (hidden > 0).any(0).nonzero()[:, 0]
            hidden = torch.addmm(bias, hidden[:, seen].relu_(), weight.index_select(0, seen))
        return hidden


def cells(t: Tensor, size: int) -> list[Tensor]:
    """Return the rows of t, (n, k), in cells of neighbours: halves along the longer side.

    Parameters
    ----------
    t : Tensor, shape (n, k)
    size : int
        Rows of a cell, at most.

    Returns
    -------
    list of int64 tensor
        Every row once.

    Examples
    --------
    >>> cells(torch.tensor([[3.0], [1.0], [2.0], [0.0]]), 2)
    [tensor([3, 1]), tensor([2, 0])]
    """
    found, todo = [], [torch.arange(len(t), device=t.device)]
    while todo:
        rows = todo.pop()
        if len(rows) <= size:
            found.append(rows)
            continue
        part = t[rows]
        longer = int((part.amax(0) - part.amin(0)).argmax())
        rows = rows[part[:, longer].argsort(stable=True)]
        todo += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
    return found
