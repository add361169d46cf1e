r"""The layers of Glow: each is invertible, and its log-determinant costs next to nothing.

One *step* of the flow is three layers in a row (Kingma & Dhariwal 2018, table 1):

===============  ========================================  =========================
layer            what it does to a feature map of c x h x w  its log-determinant
===============  ========================================  =========================
ActNorm          :math:`y = e^{s} (x + b)` per channel     :math:`hw \sum s`
1x1 convolution  :math:`y = W x` at each pixel             :math:`hw \log|\det W|`
coupling         :math:`y_2 = x_2 + net(x_1)`              0
===============  ========================================  =========================

Feature maps are in ``channels_last`` order: the convolutions are faster, and the numbers the same.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional


class ActNorm(nn.Module):
    """A shift and a scale per channel, ``y = exp(log_scale) * (x + shift)``.

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Give each channel of this batch, (n, c, h, w), mean 0 and variance 1."""
        std, mean = torch.std_mean(x, dim=(0, 2, 3), correction=0)
        self.shift.copy_(-mean)
        self.log_scale.copy_(-(std + 1e-6).log())


class Mixing(nn.Module):
    r"""An invertible 1x1 convolution, :math:`W = P (L + I) (U + \mathrm{diag}(\pm e^{s}))`.

    P and the signs stay what they are at the start, a random rotation; L and U are strictly
    triangular, so :math:`\log|\det W| = \sum s`.

    Parameters
    ----------
    channels : int
    generator : torch.Generator, optional
        Draws the rotation.
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int, generator: Generator | None = None) -> None:
        super().__init__()
        noise = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
        p, lower, upper = torch.linalg.lu(torch.linalg.qr(noise).Q)
        diagonal = upper.diagonal()
        self.register_buffer("permutation", p.float())
        self.register_buffer("sign", diagonal.sign().float())
        self.log_s = nn.Parameter(diagonal.abs().log().float())
        self.lower = nn.Parameter(lower.tril(-1).float())
        self.upper = nn.Parameter(upper.triu(1).float())

    def weight(self) -> Tensor:
        """Return W, (c, c)."""
        identity = torch.eye(len(self.sign), dtype=self.sign.dtype, device=self.sign.device)
        lower = self.lower.tril(-1) + identity
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_s.exp())
        return self.permutation @ lower @ upper


class ZeroConv(nn.Conv2d):
    """A 3x3 convolution that starts at zero, its output scaled by ``exp(3 log_scale)``.

    The border is padded with the constant 1, which tells the network where the picture ends.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.log_scale = nn.Parameter(torch.zeros(outputs))
        nn.init.zeros_(self.weight)
        nn.init.zeros_(cast(Tensor, self.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h, w)."""
        # padding with 1 = padding with 0, plus what a frame of ones alone would give; this way
        # the wide feature map is not copied for the sake of its border
        frame = functional.pad(x.new_zeros(1, 1, *x.shape[2:]), (1, 1, 1, 1), value=1.0)
        border = functional.conv2d(frame, self.weight.sum(1, keepdim=True))  # (1, outputs, h, w)
        return (super().forward(x) + border) * (3 * self.log_scale).exp()[:, None, None]


class Coupling(nn.Module):
    r"""Move half of the channels by a function of the other half.

    Additive: :math:`y_2 = x_2 + net(x_1)`.  Affine: :math:`y_2 = (x_2 + t) \sigma(r + 2)` with
    :math:`(r, t) = net(x_1)`.  Always :math:`y_1 = x_1`, so the same net undoes it.

    Parameters
    ----------
    channels : int
        Even.
    filters : int
        Width of the net.
    affine : bool
    generator : torch.Generator, optional
        Draws the initial weights, N(0, .05).

    Attributes
    ----------
    autocast : bool
        Whether the net alone runs in bfloat16.  For training only: latents would move by percents.
    """

    def __init__(
        self, channels: int, filters: int, affine: bool, generator: Generator | None = None
    ) -> None:
        super().__init__()
        half = channels // 2
        first, second = nn.Conv2d(half, filters, 3, padding=1), nn.Conv2d(filters, filters, 1)
        for conv in (first, second):
            nn.init.normal_(conv.weight, 0.0, 0.05, generator=generator)
            nn.init.zeros_(cast(Tensor, conv.bias))
        last = ZeroConv(filters, channels if affine else half)
        # each ReLU may overwrite its input: a convolution does not need its own output again
        self.net = nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), last)
        self.affine, self.autocast = affine, False

    def _net(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.autocast):
            return cast(Tensor, self.net(x)).to(x.dtype)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y, (n, c, h, w), and the log-determinant, (n,)."""
        kept, moved = x.chunk(2, 1)
        if not self.affine:
            return torch.cat([kept, moved + self._net(kept)], 1), x.new_zeros(len(x))
        gate, shift = self._net(kept).chunk(2, 1)
        log_scale = functional.logsigmoid(gate + 2)
        return torch.cat([kept, (moved + shift) * log_scale.exp()], 1), log_scale.sum((1, 2, 3))

    def inverse(self, y: Tensor) -> Tensor:
        """Return x, (n, c, h, w)."""
        kept, moved = y.chunk(2, 1)
        if not self.affine:
            return torch.cat([kept, moved - self._net(kept)], 1)
        gate, shift = self._net(kept).chunk(2, 1)
        return torch.cat([kept, moved * (-functional.logsigmoid(gate + 2)).exp() - shift], 1)


class FlowStep(nn.Module):
    """ActNorm, 1x1 convolution, coupling.

    Parameters
    ----------
    channels, filters : int
    affine : bool
    generator : torch.Generator, optional
    """

    def __init__(
        self, channels: int, filters: int, affine: bool, generator: Generator | None = None
    ) -> None:
        super().__init__()
        self.actnorm = ActNorm(channels)
        self.mixing = Mixing(channels, generator)
        self.coupling = Coupling(channels, filters, affine, generator)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return ActNorm and 1x1 convolution as one: W diag(e^s), (c, c), and W (e^s b), (c,)."""
        weight = self.mixing.weight() * self.actnorm.log_scale.exp()
        return weight, weight @ self.actnorm.shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y, (n, c, h, w), and the coupling's log-determinant, (n,)."""
        mixed = _pixelwise(x, *self.folded())
        out: tuple[Tensor, Tensor] = self.coupling(mixed)
        return out

    def log_det(self) -> Tensor:
        """Return the log-determinant of ActNorm and 1x1 convolution per pixel, a scalar."""
        return self.actnorm.log_scale.sum() + self.mixing.log_s.sum()

    def inverse(self, y: Tensor) -> Tensor:
        """Return x, (n, c, h, w)."""
        weight, bias = self.folded()
        back = torch.linalg.inv(weight)
        return _pixelwise(self.coupling.inverse(y), back, -back @ bias)


def _pixelwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply one linear map at each pixel: in ``channels_last`` order a single matrix product."""
    return functional.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


def squeeze(x: Tensor) -> Tensor:
    """Turn each 2x2 patch into four channels: (n, c, h, w) to (n, 4c, h/2, w/2)."""
    return functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)


def unsqueeze(x: Tensor) -> Tensor:
    """Undo :func:`squeeze`: (n, 4c, h, w) to (n, c, 2h, 2w)."""
    return functional.pixel_shuffle(x, 2)


def log_normal(z: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return log N(z; mean, exp(log_std)^2) summed over all but the first axis, (n,)."""
    scaled = (z - mean) * (-log_std).exp()
    each = -0.5 * (math.log(2 * math.pi) + scaled.square()) - log_std
    return each.sum((1, 2, 3))
