"""Where a classifier of images looks: Grad-CAM through captum, as shares of heat."""

from __future__ import annotations

import warnings
from typing import Final

import torch
from torch import Tensor

from fairtut.errors import MissingExtra
from fairtut.models.resnet import FaceClassifier

LAYER: Final = "layer2"
"""The layer whose map is weighted.  The papers do not name one; the last one is 2x2 at 64 pixels,
which says nothing, and this one is 8x8."""


def heat(model: FaceClassifier, x: Tensor, layer: str = LAYER, batch: int = 64) -> Tensor:
    """Return Grad-CAM maps of the predicted class, (n, h, w), non-negative, each summing to 1.

    Parameters
    ----------
    model : FaceClassifier
        In evaluation mode.
    x : float tensor, shape (n, 3, h, w), in [0, 1]
    layer : str
        A layer of the feature network.
    batch : int
        Images at a time.

    Returns
    -------
    tensor, shape (n, h, w)
        A map without any heat is even.

    Raises
    ------
    fairtut.errors.MissingExtra
        If captum is not installed.
    KeyError
        If the feature network has no such layer.

    References
    ----------
    Selvaraju et al., Grad-CAM, ICCV 2017; computed by captum.

    Examples
    --------
    >>> from fairtut.methods.saliency import heat
    >>> from fairtut.models.resnet import resnet18
    >>> import torch
    >>> maps = heat(resnet18(width=2).eval(), torch.zeros(2, 3, 64, 64))
    >>> maps.shape, bool((maps >= 0).all())
    (torch.Size([2, 64, 64]), True)
    >>> maps.sum((1, 2)).round(decimals=3).tolist()  # shares of each image's heat
    [1.0, 1.0]
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its progress bar asks for widgets that it never shows
            from captum.attr import LayerAttribution, LayerGradCam
    except ImportError as error:
        raise MissingExtra.of("captum", "peers") from error

    method = LayerGradCam(model, dict(model.g.named_modules())[f"1.{layer}"])
    maps = []
    for part in x.split(batch):
        part = part.detach().requires_grad_(True)  # the model itself has no gradients
        with torch.no_grad():
            target = model(part).argmax(1)
        found = method.attribute(part, target=target, relu_attributions=True)
        big = LayerAttribution.interpolate(found, part.shape[-2:], "bilinear")
        maps.append(big[:, 0].detach())  # (b, 1, h, w) -> (b, h, w)
    out = torch.cat(maps)
    total = out.sum((1, 2), keepdim=True)
    return torch.where(total > 0, out / total, torch.full_like(out, 1 / out[0].numel()))
