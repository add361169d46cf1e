"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from fairtut.errors import InputError

__all__ = ["MLP"]


def bare_linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a linear layer whose weights the caller draws; with a generator it draws none itself.

    torch fills a new layer from its global generator, and what a caller draws from that one must
    not depend on how many networks of ours were built before.  Without a generator of its own a
    network is drawn from the global one anyway, which stays in step with how it always was.

    Parameters
    ----------
    inputs, outputs : int
        Widths.
    generator : torch.Generator or None
        What the caller draws from.

    Examples
    --------
    >>> from fairtut.models.mlp import bare_linear
    >>> import torch
    >>> before = torch.get_rng_state()
    >>> bare_linear(3, 2, torch.Generator()).weight.shape
    torch.Size([2, 3])
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    if generator is None:
        return nn.Linear(inputs, outputs)
    made = torch.nn.utils.skip_init(nn.Linear, inputs, outputs)
    assert isinstance(made, nn.Linear)
    return made


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
            linear = bare_linear(fan_in, fan_out, generator)
            nn.init.kaiming_normal_(linear.weight, 0.2, generator=generator)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, inputs)`` to ``(n, outputs)``."""
        return self.layers(x)  # type: ignore[no-any-return]
