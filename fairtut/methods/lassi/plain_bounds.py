"""Bounds of the plain network by others' methods, as certifiers: intervals, and auto_LiRPA's.

They speak of the network without noise, in double precision, and round as their arithmetic does.
:mod:`fairtut.methods.lassi.references` puts them beside ours.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.errors import InputError, MissingExtra
from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.attack import Certifier, Verdicts
from fairtut.methods.lassi.networks import Folded, Representation


def intervals(
    encoder: nn.Module, classifier: nn.Module, z: Tensor, a: Tensor,
    epsilon: float, sigma: float, seed: int,
) -> Verdicts:  # fmt: skip
    """Bound every unit by an interval, layer by layer: coarse, simple, and about the plain model.

    In double precision without outward rounding; `sigma` and `seed` play no part.
    """
    if not isinstance(encoder, Representation) or not isinstance(classifier, nn.Linear):
        raise InputError("interval bounds need a Representation and an nn.Linear")
    with torch.no_grad(), evaluating(encoder):
        folded = encoder.fold()
        middle, slopes = folded.first(z.double(), a.double())
        # on a ball of t the first layer moves by at most epsilon times the length of its slope
        low, high = (middle + s * epsilon * slopes.norm(dim=0) for s in (-1, 1))
        y_hat, apart = _differences(folded, classifier, folded(z.double()))
        for weight, bias in folded.deeper[:-1]:
            low, high = _through(low.relu(), high.relu(), weight, bias)
        lead = torch.stack(
            [
                _through(lo.relu()[None], hi.relu()[None], *one)[0][0]
                for lo, hi, one in zip(low, high, apart, strict=True)
            ]
        )  # (b, classes - 1)
    return Verdicts((lead > 0).all(1).numpy(), y_hat.numpy())


def _differences(
    folded: Folded, head: nn.Linear, codes: Tensor
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Return decisions (b,) and, for each, the last layer joined with leads over other classes."""
    weight, bias = head.weight.double(), head.bias.double()
    last, shift = folded.deeper[-1]
    y_hat = (codes @ weight.T + bias).argmax(1)
    found = []
    for y in y_hat:
        lead = torch.arange(len(weight)) != y
        w, b = (weight[y] - weight)[lead], (bias[y] - bias)[lead]
        found.append((w @ last, w @ shift + b))
    return y_hat, found


def _through(low: Tensor, high: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return bounds behind a linear map."""
    up, down = weight.clamp_min(0).T, weight.clamp_max(0).T
    return low @ up + high @ down + bias, high @ up + low @ down + bias


def auto_lirpa() -> Any:
    """Import auto_LiRPA, also 0.3, the last on the package index, beside a torch of today.

    It asks for torch below 1.13, so it is no extra of this package:
    ``pip install --no-deps auto_LiRPA==0.3 appdirs ninja packaging pyyaml``.  What it misses are
    three names that NumPy and torch have moved.  NumPy's is lent while it is imported; torch's two
    are needed while it traces a network, and stay.

    Returns
    -------
    module

    Raises
    ------
    fairtut.errors.MissingExtra
        If it is not installed, or cannot be imported even so.
    """
    moved = "numpy.lib.arraysetops"
    lent = sys.modules.setdefault(moved, np) is np
    try:
        symbolic = importlib.import_module("torch.onnx.symbolic_helper")
        if not hasattr(symbolic, "_set_opset_version"):
            symbolic._set_opset_version = lambda version: None  # type: ignore[attr-defined]
        if not hasattr(torch._C.Node, "__getitem__"):
            torch._C.Node.__getitem__ = _attribute  # type: ignore[method-assign]
        importlib.import_module("auto_LiRPA.perturbations")
        return importlib.import_module("auto_LiRPA")
    except (ImportError, AttributeError) as error:
        raise MissingExtra(f"auto_LiRPA cannot be imported: {error}") from error
    finally:
        if lent:
            del sys.modules[moved]


def _attribute(node: Any, name: str) -> Any:
    """Return an attribute of a node of a traced graph, whatever its kind."""
    return getattr(node, node.kindOf(name))(name)


def linear_bounds(library: Any = None) -> Certifier:
    """Return a certifier by auto_LiRPA's linear bounds (CROWN), about the plain model.

    Parameters
    ----------
    library : module, optional
        With its ``BoundedModule``, ``BoundedTensor`` and ``PerturbationLpNorm``; default what
        :func:`auto_lirpa` imports.

    Raises
    ------
    fairtut.errors.MissingExtra
        If it cannot be imported.
    """
    library = auto_lirpa() if library is None else library
    bounded: Callable[[nn.Module, Tensor, float], Tensor] = _bounded(library)

    def call(
        encoder: nn.Module, classifier: nn.Module, z: Tensor, a: Tensor,
        epsilon: float, sigma: float, seed: int,
    ) -> Verdicts:  # fmt: skip
        if not isinstance(encoder, Representation) or not isinstance(classifier, nn.Linear):
            raise InputError("linear bounds need a Representation and an nn.Linear")
        with torch.no_grad(), evaluating(encoder):
            folded = encoder.fold()
            start, slopes = folded.first(z.double(), a.double())
            y_hat, apart = _differences(folded, classifier, folded(z.double()))
        origin = torch.zeros(1, len(a)).double()
        leads = [
            bounded(_of_t(folded, s, slopes, one), origin, epsilon)
            for s, one in zip(start, apart, strict=True)
        ]
        fair = [bool((lead > 0).all()) for lead in leads]
        return Verdicts(np.array(fair), y_hat.numpy())

    return call


def _bounded(library: Any) -> Callable[[nn.Module, Tensor, float], Tensor]:
    norm = getattr(library, "PerturbationLpNorm", None) or library.perturbations.PerturbationLpNorm

    def lower(net: nn.Module, middle: Tensor, epsilon: float) -> Tensor:
        ball = library.BoundedTensor(middle, norm(norm=2, eps=epsilon))
        return library.BoundedModule(net, middle).compute_bounds(x=(ball,), method="CROWN")[0]

    return lower


def _of_t(
    folded: Folded, start: Tensor, slopes: Tensor, last: tuple[Tensor, Tensor]
) -> nn.Sequential:
    """Return the leads of a decision as a network of t alone, in double precision."""
    layers: list[nn.Module] = []
    for weight, bias in [(slopes.T, start), *folded.deeper[:-1], last]:
        layer = nn.Linear(weight.shape[1], len(weight)).double()
        layer.weight.data, layer.bias.data = weight, bias
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
