"""R at draws in cells is R at each draw, up to the rounding of its sums."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fairtut.methods.lassi import nearby
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import smooth_codes
from fairtut.methods.lassi.nearby import Nearby, cells
from fairtut.methods.lassi.networks import Folded, Representation
from fairtut.runtime.seeds import torch_rng


def network(seed: int, hidden: tuple[int, ...] = (96, 24)) -> Folded:
    r = Representation(10, hidden, 6, generator=torch_rng(seed, "nearby"))
    return r.eval().fold()


def rounding(folded: Folded, start: Tensor, slopes: Tensor, t: Tensor) -> Tensor:
    """Bound what two orders of the same sums may differ by, (n, d): the sum of absolute terms."""
    unit = float(torch.finfo(t.dtype).eps)
    size, terms = start.abs() + t.abs() @ slopes.abs(), len(slopes) + 1
    for weight, bias in folded.deeper:
        size, terms = size @ weight.abs().T + bias.abs(), terms + weight.shape[1] + 1
    return 2 * terms * unit * size


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 0.1, 3.0, 50.0])
def test_codes_are_those_of_the_plain_product(k: int, kind: torch.dtype, scale: float) -> None:
    rng = torch_rng(k, "draws")
    double = network(k)
    start, slopes = double.first(torch.randn(1, 10, generator=rng), torch.eye(10)[:k] * scale)
    folded = double.float() if kind is torch.float32 else double
    t = torch.randn(3000, k, generator=rng).to(kind)
    low, high = start[0].to(kind), slopes.to(kind)
    found = Nearby(folded)(low, high, t)
    plain = double.rest(start[0] + t.double() @ slopes)
    assert ((found - plain).abs() <= rounding(folded, low, high, t)).all()


def test_units_that_are_always_on_or_always_off_need_no_wide_product() -> None:
    folded = network(4)
    start, slopes = torch.ones(96).double() * 9, torch.zeros(2, 96).double()
    start[::2] = -9.0
    slopes[:, ::3] = 0.1
    t = torch.randn(1000, 2, generator=torch_rng(5)).double()
    found = Nearby(folded)(start, slopes, t)
    plain = folded.rest(start + t @ slopes)
    assert ((found - plain).abs() <= rounding(folded, start, slopes, t)).all()


@pytest.mark.parametrize(("n", "k", "size"), [(1, 3, 4), (7, 1, 7), (1000, 3, 64), (999, 2, 1)])
def test_cells_hold_every_row_once(n: int, k: int, size: int) -> None:
    t = torch.randn(n, k, generator=torch_rng(n, "cells"))
    found = cells(t, size)
    assert max(map(len, found)) <= size
    assert torch.cat(found).sort().values.tolist() == list(range(n))


def test_cells_hold_neighbours() -> None:
    """A cell's box is much smaller than that of as many rows in the order they were drawn."""
    t = torch.randn(4096, 3, generator=torch_rng(8, "cells"))
    span = lambda part: float((part.amax(0) - part.amin(0)).norm())  # noqa: E731
    near = sum(span(t[rows]) for rows in cells(t, 64))
    drawn = sum(span(part) for part in t.split(64))
    assert near < drawn / 2


def test_equal_rows_end() -> None:
    assert sum(map(len, cells(torch.zeros(1000, 3), 10))) == 1000


def test_certificates_are_those_of_the_plain_product(monkeypatch: pytest.MonkeyPatch) -> None:
    r = Representation(10, (96, 24), 6, generator=torch_rng(1, "nearby")).eval()
    z = torch.randn(2, 10, generator=torch_rng(2, "nearby"))
    smoothing = Smoothing(n=2000, slack=0.1)
    plain = smooth_codes(r, z, torch.eye(10)[:3], smoothing)
    calls = []
    real = Nearby.__call__
    monkeypatch.setattr(nearby, "WORTH", 1)
    monkeypatch.setattr(Nearby, "__call__", lambda *args: calls.append(1) or real(*args))
    cut = smooth_codes(r, z, torch.eye(10)[:3], smoothing)
    assert len(calls) == 3 * len(z)
    # codes have a size of about 1, and their sums some hundred terms in single precision
    assert abs(cut.d_cs / plain.d_cs - 1).max() < 1e-4
    assert abs(cut.share - plain.share).max() <= 4 / smoothing.n
