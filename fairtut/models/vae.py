"""Variational autoencoders: what every objective asks of one, and the convolutional one."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.data.images import as_pixels
from fairtut.errors import InputError
from fairtut.models.building import building

_HALVINGS: Final = 4  # convolutions of stride 2 on each side


class VAE(nn.Module):
    """An encoder q(z|x) and a decoder p(x|z): ``members`` of them, trained together, never mixed.

    Codes have the shape (k, b, d): k members, b rows, d latent dimensions.

    Attributes
    ----------
    members : int
        Networks trained together, k.
    latent : int
        Dimensions of the code, d.

    Examples
    --------
    Two VAEs of a table that start with biases of 0.  A row of zeros gets the code 0, and comes back
    as zeros; three Gaussians at their means cost half of 3 log(2 pi) nats.

    >>> import torch
    >>> from fairtut.models.table_vae import TableVAE
    >>> from fairtut.models.vae import VAE
    >>> vae, x = TableVAE(2, numeric=3, latent=4), torch.zeros(2, 1, 3)
    >>> isinstance(vae, VAE), vae.members, vae.latent
    (True, 2, 4)
    >>> vae.codes(x).shape, vae.codes(x).abs().max().tolist()
    (torch.Size([2, 1, 4]), 0.0)
    >>> [round(nats, 3) for nats in vae.reconstruction(x, vae.codes(x)).flatten().tolist()]
    [2.757, 2.757]
    """

    members: int
    latent: int

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of q(z|x), each (k, b, d)."""
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        """Return the parameters of p(x|z) for codes (k, b, d)."""
        raise NotImplementedError

    def reconstruction(self, x: Tensor, z: Tensor) -> Tensor:
        """Return minus log p(x|z) per member and row in nats, (k, b)."""
        raise NotImplementedError

    def codes(self, x: Tensor, batch: int = 512) -> Tensor:
        """Return the mean codes of all rows, without gradients."""
        raise NotImplementedError

    def check(self, x: Tensor) -> None:
        """Raise ``InputError`` if the rows do not fit this model."""
        raise NotImplementedError


class ConvVAE(VAE):
    """The VAE of DVGE's released code, for square images whose side is a multiple of 16.

    Encoder: four 4x4 convolutions of stride 2 with w, w, 2w, 2w channels, one over the whole map
    that is left to 8w features, and a 1x1 to mean and log-variance; the decoder mirrors it.

    Parameters
    ----------
    latent : int
        Dimensions of the code.
    size : int
        Side of the images in pixels; the paper's 64, or any multiple of 16.
    width : int
        Channels w of the first layer; 32 in the paper.
    generator : torch.Generator, optional
        Source of the initial weights (He-normal; biases 0).

    Raises
    ------
    fairtut.errors.InputError
        If a size does not fit, or images have another shape or range.

    Notes
    -----
    There is one member (k = 1).  Nothing in it behaves differently in evaluation mode.

    Deviation: the released weights start with a deviation of .02, which shrinks the signal in
    every layer.  Over the paper's million steps that does not matter; in a laptop's few thousand
    the code starts as a constant: on synthetic faces of 32 pixels the KL term was 0.0 nats after
    300 steps, against 10.7 with He's deviations.

    Examples
    --------
    >>> from fairtut.models.vae import ConvVAE
    >>> import torch
    >>> vae = ConvVAE(latent=10, size=32, width=8)
    >>> vae.codes(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    members = 1

    def __init__(
        self,
        latent: int = 10,
        size: int = 64,
        width: int = 32,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if size < 16 or size % 16:
            raise InputError(f"images of {size} pixels: the side must be a multiple of 16")
        if min(latent, width) < 1:
            raise InputError(f"latent {latent}, width {width}: need at least 1 of each")
        self.latent, self.size, self.width = latent, size, width
        left = size >> _HALVINGS  # side of the last map
        channels = [3, width, width, 2 * width, 2 * width]
        pairs = list(pairwise(channels))
        features = 8 * width
        with building(generator):
            down = [nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairs]
            up = [nn.ConvTranspose2d(b, a, 4, stride=2, padding=1) for a, b in reversed(pairs)]
            self.encoder = _relu_between(
                *down, nn.Conv2d(2 * width, features, left), nn.Conv2d(features, 2 * latent, 1)
            )
            self.decoder = _relu_between(
                nn.Conv2d(latent, features, 1), nn.ConvTranspose2d(features, 2 * width, left), *up
            )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=_he(module), generator=generator)
                nn.init.zeros_(cast(Tensor, module.bias))
        # a seventh faster on a CPU; the stubs do not know the argument
        cast(Any, self).to(memory_format=torch.channels_last)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pixels in [0, 1], (b, 3, h, w), to mean and log-variance, each (1, b, d)."""
        x = x.contiguous(memory_format=torch.channels_last)
        mu, logvar = self.encoder(x).flatten(1)[None].chunk(2, 2)  # (1, b, 2d) to 2 x (1, b, d)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """Map codes (1, b, d) to the logits of the pixels, (b, 3, h, w)."""
        return cast(Tensor, self.decoder(z[0, :, :, None, None]))

    def reconstruction(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the Bernoulli cross-entropy of each image, summed over pixels, (1, b), in nats."""
        loss = functional.binary_cross_entropy_with_logits(self.decode(z), x, reduction="none")
        return loss.sum((1, 2, 3))[None]

    @torch.no_grad()
    def codes(self, x: Tensor, batch: int = 512) -> Tensor:
        """Return the mean codes (b, d) of uint8 images, or of pixels in [0, 1]."""
        parts = [self.encode(as_pixels(rows))[0][0] for rows in x.split(batch)]
        return torch.cat(parts)

    def check(self, x: Tensor) -> None:
        """Raise ``InputError`` unless x holds images of this size, uint8 or in [0, 1]."""
        if x.ndim != 4 or x.shape[1:] != (3, self.size, self.size):
            raise InputError(
                f"images have shape {tuple(x.shape)}: need (n, 3, {self.size}, {self.size})"
            )
        if x.dtype == torch.uint8:
            return
        if not x.is_floating_point() or not ((x >= 0) & (x <= 1)).all():  # also finds NaN
            raise InputError(f"images of {x.dtype}: pixels must be uint8, or finite and in [0, 1]")


def _he(layer: nn.Conv2d | nn.ConvTranspose2d) -> float:
    """Return He's deviation for ReLU; a step of a transposed convolution thins what it sums."""
    seen = math.prod(layer.kernel_size)
    if isinstance(layer, nn.ConvTranspose2d):
        # from a single pixel each output sums one entry of the kernel, else (kernel / stride)^2
        seen = 4 if layer.stride[0] > 1 else 1
    return math.sqrt(2 / (layer.in_channels * seen))


def _relu_between(*layers: nn.Module) -> nn.Sequential:
    spaced: list[nn.Module] = []
    for layer in layers:
        spaced += [layer, nn.ReLU()]
    return nn.Sequential(*spaced[:-1])
