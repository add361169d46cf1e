"""The networks of LASSI: the representation R, its linear consumers, and R folded for speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.models.mlp import bare_linear
from fairtut.runtime.precision import double, has_double

_ROWS = 64
"""Rows of the first weight that are turned to double precision at a time."""


class Representation(nn.Module):
    """The encoder R: linear, batch norm and ReLU per hidden layer, then linear and batch norm.

    The last batch norm has no parameters, so that distances between codes have a fixed scale:
    two unrelated inputs lie about ``sqrt(2 * outputs)`` apart.

    Parameters
    ----------
    inputs : int
        Length q of a latent.
    hidden : sequence of int
        Widths of the hidden layers, at least one.
    outputs : int
        Length of a code.
    generator : torch.Generator, optional
        Source of the initial weights (torch's default law for linear layers).

    Raises
    ------
    fairtut.errors.InputError
        If a width is less than 1 or there is no hidden layer.

    Notes
    -----
    Input ``(n, inputs)``, output ``(n, outputs)``.

    Examples
    --------
    In training mode the codes of a batch have mean 0 and variance 1, whatever the latents' scale:

    >>> import torch
    >>> from fairtut.methods.lassi import Representation
    >>> rng = torch.Generator().manual_seed(0)
    >>> r = Representation(3, (16,), 4, generator=rng)
    >>> codes = r(100 * torch.randn(64, 3, generator=rng)).detach()
    >>> codes.shape, round(float(codes.square().mean()), 2)
    (torch.Size([64, 4]), 1.0)

    In evaluation mode it is a few linear maps with ReLU between them:

    >>> z = torch.randn(5, 3, generator=rng)
    >>> torch.allclose(r.eval()(z).double(), r.fold()(z), atol=1e-5)
    True
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int] = (2048, 1024),
        outputs: int = 512,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden, outputs]
        if not hidden or min(widths) < 1:
            raise InputError(f"R needs a hidden layer and widths of at least 1, got {widths}")
        self.linears = nn.ModuleList(linear(a, b, generator=generator) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            [*(nn.BatchNorm1d(w) for w in hidden), nn.BatchNorm1d(outputs, affine=False)]
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map latents ``(n, inputs)`` to codes ``(n, outputs)``."""
        last = len(self.linears) - 1
        for i, (layer, norm) in enumerate(zip(self.linears, self.norms, strict=True)):
            z = norm(layer(z))
            if i < last:
                z = z.relu()
        return z

    def fold(self) -> Folded:
        """Return what R computes in evaluation mode, as linear maps with ReLU between them.

        In double precision: on the CPU if R is on a device that has none.
        """
        folded = []
        for layer, norm in zip(self.linears, self.norms, strict=True):
            assert isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
            assert norm.running_mean is not None and norm.running_var is not None
            scale = (double(norm.running_var) + norm.eps).rsqrt()
            if norm.weight is not None:
                scale = scale * double(norm.weight.detach())
            shift = (double(layer.bias.detach()) - double(norm.running_mean)) * scale
            if norm.bias is not None:
                shift = shift + double(norm.bias.detach())
            folded.append((layer.weight.detach(), scale, shift))
        weight, scale, shift = folded[0]
        deeper = [(double(w) * a[:, None], b) for w, a, b in folded[1:]]
        return Folded(weight, scale, shift, tuple(deeper))


@dataclass(frozen=True)
class Folded:
    r"""R in evaluation mode, with every batch norm folded into the linear map before it.

    The noise of a certificate lives in k numbers t, so the widest layer is needed once per image:
    :math:`W_1 (z + A^\top t) = W_1 z + (W_1 A^\top) t`.

    Parameters
    ----------
    weight : Tensor, shape (h, q)
        First weight as it stands in R (not copied: it is by far the largest).
    scale, shift : float64 tensors, shape (h,)
        The first hidden layer before its ReLU is ``scale * (weight @ z) + shift``.
    deeper : tuple of (weight, bias)
        The layers after it in float64, a ReLU before each.
    """

    weight: Tensor
    scale: Tensor
    shift: Tensor
    deeper: tuple[tuple[Tensor, Tensor], ...]

    def first(self, z: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first hidden layer before its ReLU and how directions move it, in float64.

        Parameters
        ----------
        z : Tensor, shape (n, q)
        directions : Tensor, shape (k, q)

        Returns
        -------
        start : Tensor, shape (n, h)
        slopes : Tensor, shape (k, h)
            Change per unit of t.
        """
        rows = double(torch.cat([z, directions]))
        parts = [rows @ double(w).T for w in self.weight.split(_ROWS)]
        moved = torch.cat(parts, 1) * self.scale  # (n + k, h)
        return moved[: len(z)] + self.shift, moved[len(z) :]

    def rest(self, hidden: Tensor) -> Tensor:
        """Map the first hidden layer before its ReLU, (n, h), to codes; `hidden` is overwritten."""
        for weight, bias in self.deeper:
            hidden = torch.addmm(bias, hidden.relu_(), weight.T)
        return hidden

    def float(self) -> Folded:
        """Return the same with the deeper layers in float32."""
        return replace(self, deeper=tuple((w.float(), b.float()) for w, b in self.deeper))

    def to(self, device: torch.device) -> Folded:
        """Return the same with the deeper layers on a device.

        The first weight stays where it is; scale and shift, which are double precision, follow
        where the device has it.
        """
        deeper = tuple((w.to(device), b.to(device)) for w, b in self.deeper)
        if not has_double(device):
            return replace(self, deeper=deeper)
        scale, shift = self.scale.to(device), self.shift.to(device)
        return replace(self, scale=scale, shift=shift, deeper=deeper)

    def __call__(self, z: Tensor) -> Tensor:
        """Return codes (n, d) of latents (n, q) in float64."""
        return self.rest(self.first(z, z[:0])[0])


def linear(inputs: int, outputs: int, *, generator: torch.Generator | None = None) -> nn.Linear:
    """Return a linear layer with torch's default initial law, drawn from a generator of its own.

    A consumer classifier of LASSI is one such layer from codes to classes.
    """
    layer = bare_linear(inputs, outputs, generator)
    bound = 1 / math.sqrt(inputs)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
