"""Image-to-image generators of bounded perturbations."""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName

BOUNDS: Final = ("tanh", "clip")
_STRIDE: Final = 8  # three halvings
_LEAST: Final = 16  # the bottleneck must keep more than one pixel, or its norms are undefined


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    # a bias before a norm has no effect and never gets a gradient
    conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return [conv, nn.InstanceNorm2d(outputs), nn.ReLU()]


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return [conv, nn.InstanceNorm2d(outputs), nn.ReLU()]


class _Residual(nn.Module):
    """Two 3x3 convolutions with reflection padding and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.body(x))


class Perturber(nn.Module):
    r"""A generator G with its bound: images in, bounded perturbed images out.

    :math:`\hat x = \mathrm{clamp}(x + \epsilon \tanh G(x), 0, 1)`, or, with ``bound="clip"``,
    :math:`\mathrm{clamp}(x + \mathrm{clamp}(G(x), -\epsilon, \epsilon), 0, 1)`.  Both reach the
    same images; the hard clip has no gradient where :math:`|G(x)| > \epsilon`.

    Parameters
    ----------
    width : int
        Channels after the first layer.
    blocks : int
        Residual blocks at an eighth of the side.
    epsilon : float
        The bound, in units of a pixel range of [0, 1].
    bound : {"tanh", "clip"}

    Raises
    ------
    fairtut.errors.InputError
        If epsilon is outside [0, 1] or a size is not positive.
    fairtut.errors.UnknownName
        If the bound does not exist.

    Notes
    -----
    The shape follows AdvGAN's generator (Xiao et al., IJCAI 2018), without dropout, since a
    deployed pre-processor should be deterministic.  Sides that are not multiples of 8 are padded
    with edge pixels and cropped again.

    Examples
    --------
    >>> from fairtut.models.perturb import Perturber
    >>> import torch
    >>> change = Perturber(width=8, blocks=1, epsilon=0.05)
    >>> change(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, width: int = 32, blocks: int = 4, *, epsilon: float = 0.05, bound: str = "tanh"
    ) -> None:
        super().__init__()
        if bound not in BOUNDS:
            raise UnknownName.of("bound", bound, BOUNDS)
        if not 0 <= epsilon <= 1:
            raise InputError(f"epsilon {epsilon}: pixels are in [0, 1], so it must be, too")
        if width < 1 or blocks < 0:
            raise InputError(f"width {width}, blocks {blocks}: need at least 1 and 0")
        self.epsilon, self.bound = float(epsilon), bound
        self.width, self.blocks = width, blocks
        self.body = nn.Sequential(
            *_down(3, width),
            *_down(width, 2 * width),
            *_down(2 * width, 4 * width),
            *[_Residual(4 * width) for _ in range(blocks)],
            *_up(4 * width, 2 * width),
            *_up(2 * width, width),
            nn.ConvTranspose2d(width, 3, 4, stride=2, padding=1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def raw(self, x: Tensor) -> Tensor:
        """Return the unbounded output of G, (n, 3, h, w), in single precision."""
        h, w = x.shape[-2:]
        right, bottom = (max(-side % _STRIDE, _LEAST - side) for side in (w, h))
        x = functional.pad(x.float(), (0, right, 0, bottom), mode="replicate")
        return cast(Tensor, self.body(x))[..., :h, :w]

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, h, w) in [0, 1] to perturbed images of the same shape.

        Half-precision images come back in single precision: their own grid is coarser than the
        bound needs to be exact.
        """
        if not x.is_floating_point():
            raise InputError(f"images are {x.dtype}: pass x.float() / 255, pixels in [0, 1]")
        raw = self.raw(x)
        x = x if x.dtype == torch.float64 else x.float()
        raw = raw.to(x.dtype)
        if self.bound == "tanh":
            delta = self.epsilon * torch.tanh(raw)
        else:
            delta = raw.clamp(-self.epsilon, self.epsilon)
        return (x + delta).clamp(0.0, 1.0)
