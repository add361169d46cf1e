"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from fairtut.errors import InputError


class MLP(nn.Module):
    """A stack of linear layers with LeakyReLU between them.

    Parameters
    ----------
    inputs : int
        Width of the input.
    hidden : sequence of int
        Widths of the hidden layers; empty for a single linear layer.
    outputs : int
        Width of the output, which has no activation.
    generator : torch.Generator, optional
        Source of the initial weights (He-normal; biases 0), so that two networks built with equal
        seeds are equal whatever was drawn before.

    Notes
    -----
    Input ``(n, inputs)``, output ``(n, outputs)``.

    Examples
    --------
    >>> from fairtut.models.mlp import MLP
    >>> import torch
    >>> MLP(3, hidden=[8], outputs=1)(torch.zeros(5, 3)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int] = (),
        outputs: int = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden, outputs]
        if min(widths) < 1:
            raise InputError(f"layer widths must be at least 1, got {widths}")
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            linear = nn.Linear(fan_in, fan_out)
            nn.init.kaiming_normal_(linear.weight, 0.2, generator=generator)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, inputs)`` to ``(n, outputs)``."""
        return self.layers(x)  # type: ignore[no-any-return]
