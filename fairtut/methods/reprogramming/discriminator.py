"""The adversary: it reads the sensitive attribute from a classifier's logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName
from fairtut.models.mlp import MLP

CRITERIA: Final = ("dp", "eo")


class Discriminator(nn.Module):
    r"""Logits o (and, for equalised odds, the label) to logits of the sensitive attribute.

    Demographic parity reads :math:`[o, p]`, equalised odds :math:`[o, p, p \odot 1_y]`, with
    :math:`p = \mathrm{softmax}(o\,(1 + |c|))` and a learned scalar c that starts at 1.

    Parameters
    ----------
    criterion : {"dp", "eo"}
        Whether it also sees the label: only then is fooling it independence *given* the label.
    classes : int
        Number of labels, and of the classifier's logits.
    groups : int
        Number of values of the sensitive attribute.
    hidden : sequence of int
        Hidden layers; 512 in the released code (with ReLU, here the house's leaky ReLU).
    generator : torch.Generator, optional
        Source of the initial weights.

    Raises
    ------
    fairtut.errors.UnknownName
        If the criterion does not exist.
    fairtut.errors.InputError
        If there are fewer than two classes or groups.

    References
    ----------
    Zhang et al.: Fairness reprogramming, NeurIPS 2022.

    Examples
    --------
    Logits of 0 are probabilities of one half.  For equalised odds a third block holds that of the
    label alone, here of class 1:

    >>> import torch
    >>> from fairtut.methods.reprogramming import Discriminator
    >>> logits, y = torch.zeros(1, 2), torch.tensor([1])
    >>> Discriminator("dp").inputs(logits, y).tolist()
    [[0.0, 0.0, 0.5, 0.5]]
    >>> Discriminator("eo").inputs(logits, y).tolist()
    [[0.0, 0.0, 0.5, 0.5, 0.0, 0.5]]
    >>> Discriminator("eo", groups=3)(logits, y).shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        criterion: str,
        classes: int = 2,
        groups: int = 2,
        hidden: Sequence[int] = (512,),
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if criterion not in CRITERIA:
            raise UnknownName.of("criterion", criterion, CRITERIA)
        if classes < 2 or groups < 2:
            raise InputError(f"{classes} classes and {groups} groups: need at least two of each")
        self.criterion, self.classes = criterion, classes
        self.c = nn.Parameter(torch.ones(()))
        blocks = 2 if criterion == "dp" else 3
        self.net = MLP(blocks * classes, hidden, groups, generator=generator)

    def inputs(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return what the network reads, (n, 2 classes) or (n, 3 classes)."""
        p = torch.softmax(logits * (1 + self.c.abs()), 1)
        seen = [logits, p]
        if self.criterion == "eo":
            seen.append(p * functional.one_hot(y, self.classes))
        return torch.cat(seen, 1)

    def forward(self, logits: Tensor, y: Tensor) -> Tensor:
        """Map logits (n, classes) and labels (n,) to logits of s, (n, groups)."""
        return self.net(self.inputs(logits, y))  # type: ignore[no-any-return]
