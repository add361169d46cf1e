r"""A frozen copy of a classifier through which a *constant* input's gradient is cheap.

Three things make a trigger's step cheaper than a training step of the same network, although it
goes backwards twice: no gradient of a weight is computed; batch norm in evaluation mode is part of
the convolution before it; and, since the trigger is the same in every image, its gradient is a sum
over images that can be taken *before* the first convolution's transpose,
:math:`\sum_i C^\top v_i = C^\top \sum_i v_i`, which then runs on one image instead of a batch.
"""

from __future__ import annotations

import copy
import logging
import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fairtut.runtime.precision import full_precision

log = logging.getLogger(__name__)
_SLOW = "a trigger's steps run on a plain copy of the model, slower and with the same numbers"
_AFFINE = (operator.add, operator.sub, operator.mul, operator.truediv)


def frozen_copy(model: nn.Module, x: Tensor) -> nn.Module:
    """Return a copy in evaluation mode for gradients of what all images share.

    The logits are the model's up to rounding.  The gradient of one image is *not* meaningful;
    the sum over the batch, which is the gradient of anything added to all images, is.  A network
    that cannot be traced, or whose rewritten copy disagrees, is copied as it is: the same numbers,
    in more time, and a warning says so.

    Parameters
    ----------
    model : nn.Module
        Images (n, c, h, w) to logits (n, classes); it is not touched.
    x : tensor, shape (n, c, h, w)
        A few images, to check that the copy agrees.

    Returns
    -------
    nn.Module
        No weight of it asks for a gradient.

    Examples
    --------
    A classifier whose logits are the pixels.  The true gradients of the two images are 1 and 3; the
    copy gives each their mean, and what is added to both gets 4 either way:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.reprogramming import frozen_copy
    >>> model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten())
    >>> _ = nn.init.ones_(model[0].weight)
    >>> x = torch.ones(2, 1, 1, 1, requires_grad=True)
    >>> for net in (model, frozen_copy(model, x.detach())):
    ...     loss = (net(x) * torch.tensor([[1.0], [3.0]])).sum()
    ...     torch.autograd.grad(loss, x)[0].flatten().tolist()
    [1.0, 3.0]
    [2.0, 2.0]
    """
    plain = copy.deepcopy(model).eval().requires_grad_(False)
    try:
        fast = _rewritten(fx.symbolic_trace(copy.deepcopy(plain)))
        with torch.no_grad(), full_precision():
            gap = float((fast(x) - plain(x)).abs().max())
            agrees = torch.allclose(fast(x), plain(x), rtol=1e-3, atol=1e-3)
    except Exception as error:  # whatever a foreign network does when traced, its plain copy works
        log.warning("%s; %s cannot be traced (%s)", _SLOW, type(model).__name__, _first(error))
        return plain
    if not agrees:
        log.warning("%s; the fast copy's logits differ by up to %.1e", _SLOW, gap)
    return fast if agrees else plain


def _first(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"


def _rewritten(net: fx.GraphModule) -> fx.GraphModule:
    modules = dict(net.named_modules())
    calls = [node for node in net.graph.nodes if node.op == "call_module"]
    once = {c.target for c in calls if sum(c.target == other.target for other in calls) == 1}
    for node in calls:
        before = node.args[0]
        if (
            isinstance(modules[str(node.target)], nn.BatchNorm2d)
            and isinstance(before, fx.Node)
            and before.target in once
            and type(modules.get(str(before.target))) is nn.Conv2d
            and len(before.users) == 1
        ):
            conv, norm = modules[str(before.target)], modules[str(node.target)]
            net.add_submodule(str(before.target), fuse_conv_bn_eval(conv, norm))
            node.replace_all_uses_with(before)
            net.graph.erase_node(node)
    for node in net.graph.nodes:
        conv = net.get_submodule(str(node.target)) if node.target in once else None
        if type(conv) is nn.Conv2d and _simple(conv) and _same_for_all(node.args[0]):
            net.add_submodule(str(node.target), _FirstConvolution(conv))
    net.delete_all_unused_submodules()
    net.recompile()
    return net


def _simple(conv: nn.Conv2d) -> bool:
    return conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


def _same_for_all(value: Any) -> bool:
    """Whether a value is the network's input up to arithmetic with constants: normalisation."""
    if not isinstance(value, fx.Node):
        return False
    if value.op == "placeholder":
        return True
    constant = all(not isinstance(v, fx.Node) or v.op == "get_attr" for v in value.args[1:])
    return value.target in _AFFINE and constant and _same_for_all(value.args[0])


class _FirstConvolution(nn.Module):
    """A convolution whose input gradient is the batch's mean: the sum over images is exact."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        c = self.conv
        settings = (c.stride, c.padding, c.dilation, c.groups)
        out: Tensor = _SharedInput.apply(x, c.weight, c.bias, settings)
        return out


class _SharedInput(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, settings: Any) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.settings = x.shape, settings
        return functional.conv2d(x, weight, bias, *settings)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        total = slopes[0].sum(0, keepdim=True)  # (1, channels, h', w')
        one = (1, *ctx.shape[1:])
        slope = conv2d_input(one, weight, total, *ctx.settings)
        return (slope / ctx.shape[0]).expand(ctx.shape), None, None, None
