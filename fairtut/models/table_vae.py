"""Variational autoencoders of mixed-type tables: many small ones, trained as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.models.stacked import StackedMLP
from fairtut.models.vae import VAE

_LOG_2PI: Final = math.log(2 * math.pi)


class TableVAE(VAE):
    """``members`` perceptron VAEs over rows of numbers and categories.

    A row is ``numeric`` z-scored numbers, then one one-hot block per category.  Given z, a number
    is a Gaussian of variance 1 and a category has a softmax.

    Parameters
    ----------
    members : int
        How many VAEs, for example one per split of the data.
    numeric : int
        Columns of numbers.
    categories : sequence of int
        Width of each one-hot block, in the order of the columns.
    latent : int
        Dimensions of the code.
    hidden : sequence of int
        Hidden layers of the encoder; the decoder has them in reverse.
    generator : torch.Generator, optional
        Source of the initial weights.

    Raises
    ------
    fairtut.errors.InputError
        If there are no columns, a block is narrower than 2, or rows are not as described.

    Examples
    --------
    >>> from fairtut.models.table_vae import TableVAE
    >>> import torch
    >>> vae = TableVAE(2, numeric=3, latent=4)
    >>> vae.codes(torch.zeros(2, 5, 3)).shape
    torch.Size([2, 5, 4])
    """

    def __init__(
        self,
        members: int,
        numeric: int,
        categories: Sequence[int] = (),
        latent: int = 8,
        hidden: Sequence[int] = (64, 64),
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        inputs = numeric + sum(categories)
        if numeric < 0 or inputs < 1 or any(width < 2 for width in categories):
            raise InputError(
                f"{numeric} numbers and blocks of {list(categories)}: need at least one column, "
                "and two values per category"
            )
        self.members, self.latent, self.inputs = members, latent, inputs
        self.widths = [numeric, *categories]
        self.encoder = StackedMLP(members, inputs, hidden, 2 * latent, generator=generator)
        self.decoder = StackedMLP(members, latent, hidden[::-1], inputs, generator=generator)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows (k, b, inputs), or (b, inputs) for all members, to 2 tensors (k, b, d)."""
        mu, logvar = self.encoder(x).chunk(2, 2)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Map codes (k, b, d) to means of numbers and logits of categories, (k, b, inputs)."""
        return cast(Tensor, self.decoder(z))

    def reconstruction(self, x: Tensor, z: Tensor) -> Tensor:
        """Return minus the log-likelihood of each row, (k, b), in nats."""
        found = self.decode(z).split(self.widths, 2)
        wanted = x.expand(self.members, *x.shape[-2:]).split(self.widths, 2)
        numbers = (found[0] - wanted[0]).square() + _LOG_2PI  # (k, b, numeric)
        nats = 0.5 * numbers.sum(2)
        for logits, block in zip(found[1:], wanted[1:], strict=True):  # (k, b, values)
            nats = nats - (block * functional.log_softmax(logits, 2)).sum(2)
        return nats

    @torch.no_grad()
    def codes(self, x: Tensor, batch: int = 512) -> Tensor:
        """Return the mean codes of all rows, (k, n, d)."""
        return torch.cat([self.encode(rows)[0] for rows in x.split(batch, -2)], 1)

    def check(self, x: Tensor) -> None:
        """Raise ``InputError`` unless x is (n, inputs) or (k, n, inputs), finite and one-hot."""
        fits = x.ndim == 2 or (x.ndim == 3 and len(x) == self.members)
        if not fits or x.shape[-1] != self.inputs:
            raise InputError(
                f"rows have shape {tuple(x.shape)}: need (n, {self.inputs}) or "
                f"({self.members}, n, {self.inputs})"
            )
        if not x.is_floating_point() or not x.isfinite().all():
            raise InputError("rows must be finite floating-point numbers: drop or impute NaN")
        for i, block in enumerate(x.split(self.widths, -1)[1:]):
            if not (((block == 0) | (block == 1)).all() and (block.sum(-1) == 1).all()):
                raise InputError(f"category {i} is not one-hot: encode it as 0s and a single 1")
