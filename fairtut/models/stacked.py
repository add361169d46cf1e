"""Many small perceptrons of one shape, evaluated and trained together.

Grids over hyper-parameters, seeds and splits need hundreds of networks that are too small to keep
a processor busy one at a time.  A :class:`StackedMLP` holds all their weights in one tensor per
layer; one batched matrix product moves all of them.  The networks never mix: the gradient of a
sum of losses is, for each network, the gradient of its own loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.models.mlp import MLP


class StackedMLP(nn.Module):
    """``count`` independent networks like :class:`fairtut.models.mlp.MLP`.

    Parameters
    ----------
    count : int
        How many networks.
    inputs : int
        Width of the input.
    hidden : sequence of int
        Widths of the hidden layers; empty for linear models.
    outputs : int
        Width of the output, which has no activation.
    generator : torch.Generator, optional
        Source of the initial weights (He-normal; biases 0).

    Raises
    ------
    fairtut.errors.InputError
        If the count or a width is less than 1, or an input has another shape.

    Notes
    -----
    Input ``(n, inputs)``, the same rows for every network, or ``(count, n, inputs)``; output
    ``(count, n, outputs)``.

    Examples
    --------
    >>> from fairtut.models.stacked import StackedMLP
    >>> import torch
    >>> StackedMLP(4, 3, hidden=[8])(torch.zeros(4, 5, 3)).shape
    torch.Size([4, 5, 1])
    """

    def __init__(
        self,
        count: int,
        inputs: int,
        hidden: Sequence[int] = (),
        outputs: int = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden, outputs]
        if min(count, *widths) < 1:
            raise InputError(f"need at least 1 network and widths of 1, got {count} of {widths}")
        self.count, self.inputs, self.outputs = count, inputs, outputs
        weights, biases = [], []
        for fan_in, fan_out in pairwise(widths):
            weight = torch.empty(count, fan_in, fan_out)
            # He's deviation for LeakyReLU(.2), as MLP has it
            nn.init.normal_(weight, std=(2 / (1 + 0.2**2) / fan_in) ** 0.5, generator=generator)
            weights.append(nn.Parameter(weight))
            biases.append(nn.Parameter(torch.zeros(count, 1, fan_out)))
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, inputs)`` or ``(count, n, inputs)`` to ``(count, n, outputs)``."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.inputs:
            raise InputError(f"input of shape {tuple(x.shape)}: need (.., n, {self.inputs})")
        if x.ndim == 3 and len(x) not in (1, self.count):
            raise InputError(f"input for {len(x)} networks, but there are {self.count}")
        h = x.expand(self.count, *x.shape[-2:])  # (count, n, inputs)
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias, h, weight)
            if i < last:
                h = nn.functional.leaky_relu(h, 0.2)
        return h

    def member(self, i: int) -> MLP:
        """Return network ``i`` on its own, with a copy of its weights."""
        widths = [self.inputs, *(int(w.shape[2]) for w in self.weights)]
        # a generator, so that weights which are overwritten take nothing from the global one
        alone = MLP(widths[0], widths[1:-1], widths[-1], generator=torch.Generator())
        linears = [m for m in alone.layers if isinstance(m, nn.Linear)]
        with torch.no_grad():
            for linear, weight, bias in zip(linears, self.weights, self.biases, strict=True):
                linear.weight.copy_(weight[i].T)
                linear.bias.copy_(bias[i, 0])
        return alone
