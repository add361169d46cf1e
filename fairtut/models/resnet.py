"""Residual networks of any width with their normalisation inside, split where a method needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName

STEMS = ("standard", "small")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """Map pixels in [0, 1] to ``(x - mean) / std`` per channel.

    It stands *inside* every classifier of this suite, so that images, perturbations and their
    bound all live in [0, 1].

    Examples
    --------
    >>> from fairtut.models.resnet import Normalise
    >>> import torch
    >>> Normalise((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))(torch.ones(1, 3, 2, 2)).unique().tolist()
    [1.0]
    """

    def __init__(
        self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, 3, h, w)`` to the same shape."""
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        return (x - mean) / std


class FaceClassifier(nn.Module):
    """A classifier ``f(g(x))``: images to a latent code, the code to logits.

    Parameters
    ----------
    features : nn.Module
        Maps normalised images (n, 3, h, w) to codes (n, d).
    width : int
        The width d of the code.
    classes : int
        Number of logits.

    Attributes
    ----------
    g : nn.Sequential
        Normalisation and features: images in [0, 1] to codes.
    f : nn.Linear
        Codes to logits.

    Examples
    --------
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> model = plain_cnn(width=4)
    >>> model.g(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 32])
    """

    def __init__(self, features: nn.Module, width: int, classes: int = 2) -> None:
        super().__init__()
        self.g = nn.Sequential(Normalise(), features)
        self.f = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, 3, h, w) in [0, 1] to logits (n, classes)."""
        return cast(Tensor, self.f(self.g(x)))


def resnet18(
    width: int = 64,
    classes: int = 2,
    *,
    stem: str = "standard",
    weights: str | None = None,
) -> FaceClassifier:
    """Build a ResNet-18 of torchvision's blocks, at any width.

    Parameters
    ----------
    width : int
        Channels of the first stage; the code has ``8 * width`` numbers.  64 is the published
        network.
    classes : int
        Number of logits.
    stem : {"standard", "small"}
        ``standard``: 7x7 convolution of stride 2 and a max-pool, so a 64-pixel face ends as a 2x2
        map.  ``small``: 3x3 of stride 1 and no pool, so it ends as 8x8 (for Grad-CAM).
    weights : str, optional
        Name of torchvision weights such as ``"IMAGENET1K_V1"``; needs width 64, the standard stem
        and the network (torchvision downloads them).

    Raises
    ------
    fairtut.errors.UnknownName
        If the stem does not exist.
    fairtut.errors.InputError
        If the width is not positive, or weights are asked for another network than the published.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016.

    Examples
    --------
    >>> from fairtut.models.resnet import resnet18
    >>> import torch
    >>> resnet18(width=8, classes=2)(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 2])
    """
    from torchvision.models.resnet import BasicBlock, ResNet
    from torchvision.models.resnet import resnet18 as published

    if stem not in STEMS:
        raise UnknownName.of("stem", stem, STEMS)
    if width < 1:
        raise InputError(f"width {width}: a network needs at least one channel")
    if weights is not None:
        if width != 64 or stem != "standard":
            raise InputError(f"weights {weights!r} fit width 64 and the standard stem only")
        net = published(weights=weights)
    else:
        net = published(weights=None)
        if width != 64:
            _narrow(net, BasicBlock, width)
        if stem == "small":
            net.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
            net.maxpool = cast(Any, nn.Identity())
        _initialise(net)
    assert isinstance(net, ResNet)
    net.fc = cast(Any, nn.Identity())
    return FaceClassifier(net, 8 * width, classes)


def _narrow(net: Any, block: Any, width: int) -> None:
    """Rebuild the stages of torchvision's network with another number of channels."""
    net.inplanes = width
    net.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
    net.bn1 = nn.BatchNorm2d(width)
    for stage in range(4):
        stride = 1 if stage == 0 else 2
        layer = net._make_layer(block, width * 2**stage, 2, stride=stride)
        setattr(net, f"layer{stage + 1}", layer)


def _initialise(net: nn.Module) -> None:
    """He-normal convolutions, as in torchvision; needed again after stages were rebuilt."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def plain_cnn(width: int = 16, classes: int = 2) -> FaceClassifier:
    """Build a plain convolutional network in the manner of VGG: a stand-in for a black box.

    Examples
    --------
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> plain_cnn(width=4)(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 2])
    """
    layers: list[nn.Module] = []
    channels = 3
    for stage in range(4):
        out = width * 2**stage
        layers += [
            nn.Conv2d(channels, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return FaceClassifier(nn.Sequential(*layers), channels, classes)


def shufflenet(classes: int = 2) -> FaceClassifier:
    """Build torchvision's ShuffleNetV2 (x0.5): another stand-in for a black box.

    Examples
    --------
    >>> from fairtut.models.resnet import shufflenet
    >>> import torch
    >>> shufflenet().eval()(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 2])
    """
    from torchvision.models import shufflenet_v2_x0_5

    net = shufflenet_v2_x0_5(weights=None)
    width = net.fc.in_features
    net.fc = cast(Any, nn.Identity())
    return FaceClassifier(net, width, classes)
