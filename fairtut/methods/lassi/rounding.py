r"""How far a network on a computer may be from the polygon that a certificate is about.

The curve f(t) = R(z + t a) of :mod:`~fairtut.methods.lassi.curve` is a statement about real
numbers.  R as deployed rounds: its input, every product and every sum.  In a type with unit
roundoff u, a sum of n products has an error of at most

.. math:: \gamma_{n+2} \Big(\sum_i |w_i x_i| + |b|\Big), \qquad
          \gamma_n = \frac{n u}{1 - n u},

*in whatever order a kernel adds*, with or without fused operations (Higham 2002, section 3.1).  So
the bound here holds for any batch shape, number of threads and processor that keeps to the type's
arithmetic; not for products in a shorter type (TF32, bfloat16).  The input is rounded as well, as
:math:`z + t a` is rarely a number of the type.  Underflow, of 1e-38 a product, is left out.

**Through the layers.**  With e a bound on the error of a layer's input, its output is off by at
most :math:`|W| e` and by the rounding of its own sums; unit by unit, and in length by at most
:math:`\|W\|_2 \|e\|`, which is far less when many errors meet.  Both are carried, and the smaller
counts.  Batch norm adds few operations, in one of two orders; :math:`\gamma_{16}` of the sizes that
meet covers both.  A unit that is off for every t, by more than its error, passes nothing on.  Sizes
are largest at a corner, because each unit is linear between corners, and at corners they are known.

**The curve itself** is computed in double precision.  Its corners are compared with the network
evaluated at the same t, which has the same kind of bound at double's u.  Between corners a unit may
truly bend a little beside the corner that was found for it, or bend where none was found because it
hardly crosses zero.  Either moves its value by no more than its own error, so each layer adds at
most as much as it has: the factor :math:`2^L` for L layers.

>>> bound = Rounding(encoder).codes(z[0], direction, curve)  # doctest: +SKIP
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.lassi.curve import Curve
from fairtut.methods.lassi.networks import Representation
from fairtut.runtime.precision import double

SURE = 1 + 1e-6
"""Factor that pays for computing the bound itself in double precision."""
_ROWS = 64
"""Rows of a weight that are turned to double precision at a time."""
_NORM = 16
"""Operations of a batch norm in evaluation mode, with room."""


@dataclass(frozen=True)
class _Layer:
    """A linear map, as it stands, and the batch norm after it as factors, (out, ...)."""

    weight: Tensor
    bias: Tensor
    scale: Tensor
    mean: Tensor
    shift: Tensor
    norm: float
    """Spectral norm of ``scale * weight``; infinite if it was not computed."""


class Rounding:
    """Bounds on the rounding of one encoder.

    Parameters
    ----------
    encoder : Representation
        In evaluation mode.
    kind : torch.dtype, optional
        Type in which it is deployed; that of its weights if absent.

    Raises
    ------
    fairtut.errors.InputError
        If layers are so wide that the type has no bound for their sums.
    """

    def __init__(self, encoder: Representation, kind: torch.dtype | None = None) -> None:
        kind = kind or next(encoder.parameters()).dtype
        self.unit = float(torch.finfo(kind).eps) / 2
        self.layers = [
            _layer(linear, norm, first=i == 0)
            for i, (linear, norm) in enumerate(zip(encoder.linears, encoder.norms, strict=True))
        ]

    def codes(self, z: Tensor, direction: Tensor, curve: Curve) -> float:
        """Return a bound on the distance of a deployed code from the curve, at every t of it.

        Parameters
        ----------
        z : Tensor, shape (q,)
        direction : Tensor, shape (q,)
        curve : Curve
            Of this encoder, latent and direction.
        """
        z, a = double(z), double(direction)
        units, moved, direct = self._units(z, a, curve.t)
        size = z.abs() + float(curve.t.abs().max()) * a.abs()  # (q,)
        deployed = self._error(size, units, self.unit, 0)
        # running sums: one more term for each corner, and sizes that do not cancel
        exact = float(torch.finfo(torch.float64).eps) / 2
        traced = self._error(size, [units[0] + moved, *units[1:]], exact, 2 * len(curve.t))
        beside = float((direct - curve.points).norm(dim=1).max())
        return SURE * (deployed + beside + 2.0 ** len(self.layers) * 2 * traced)

    def _units(self, z: Tensor, a: Tensor, t: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Return each unit's largest value and size, how far the first layer's move, and codes.

        Of shapes (2, out), (out,) and (m, d).
        """
        found = []
        start, slope = (_product(self.layers[0].weight, v) for v in (z, a))
        moved = (t[-1] - t[0]) * (self.layers[0].scale * slope).abs()
        values = start + t[:, None] * slope  # (m, out)
        for i, layer in enumerate(self.layers):
            if i:
                values = values.relu() @ double(layer.weight).T
            values = (values + layer.bias - layer.mean) * layer.scale + layer.shift
            found.append(torch.stack([values.amax(0), values.abs().amax(0)]))
        return found, moved, values

    def _error(self, size: Tensor, units: list[Tensor], u: float, more: int) -> float:
        """Return the bound on the length of a code's error, with roundoff u.

        `size` bounds the input, and sums have `more` terms.
        """
        error = _gamma(4, u) * size
        length = float(error.norm())
        for i, (layer, (top, large)) in enumerate(zip(self.layers, units, strict=True)):
            scale = layer.scale.abs()
            own = _gamma(len(size) + 2 + more, u)
            terms = _product(layer.weight.abs(), size + error) + layer.bias.abs()
            local = scale * own * terms
            passed = scale * _product(layer.weight.abs(), error)
            sizes = large + passed + local + 2 * scale * layer.mean.abs() + 2 * layer.shift.abs()
            local = local + _gamma(_NORM, u) * sizes
            far = min(float(passed.norm()), layer.norm * length)
            passed = passed.clamp_max(far)
            error, length = passed + local, far + float(local.norm())
            if i < len(self.layers) - 1:
                on = top > -error
                error, size = torch.where(on, error, 0), top.clamp_min(0)
                length = min(length, float(error.norm()))
        return length


def _layer(linear: nn.Module, norm: nn.Module, *, first: bool) -> _Layer:
    """Return a layer in double precision, but for its weight."""
    assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None and norm.running_var is not None
    scale = (double(norm.running_var) + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * double(norm.weight.detach())
    shift = torch.zeros_like(scale) if norm.bias is None else double(norm.bias.detach())
    weight = linear.weight.detach()
    length = math.inf  # of the first weight: large, and its input's error small
    if not first:
        length = float(torch.linalg.matrix_norm(scale[:, None] * double(weight), 2))
    bias, mean = double(linear.bias.detach()), double(norm.running_mean)
    return _Layer(weight, bias, scale, mean, shift, SURE * length)


def _product(weight: Tensor, x: Tensor) -> Tensor:
    """Return ``weight @ x`` in double precision, block by block."""
    return torch.cat([double(part) @ x for part in weight.split(_ROWS)])


def _gamma(n: int, u: float) -> float:
    """Return the worst relative error of n roundings."""
    if n * u >= 0.5:
        raise InputError(f"sums of {n} terms have no rounding bound in this type: use .double()")
    return n * u / (1 - n * u)
