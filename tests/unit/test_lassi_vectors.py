"""Attribute vectors against closed forms, an independent fit, and planted directions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.methods.lassi.discover import DiscoverConfig, discover, walk
from fairtut.methods.lassi.vectors import (
    Separator,
    SeparatorConfig,
    mean_difference,
    perpendicular,
    ramaswamy,
    separator,
)
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)


def planted(n: int, q: int = 8, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Gaussian latents that the attribute moves along a, its labels, and a."""
    rng = torch_rng(seed, "planted")
    a = torch.randn(q, generator=torch_rng(7)) / 2
    s = (torch.rand(n, generator=rng) < 0.3).long()
    return torch.randn(n, q, generator=rng) + s[:, None] * a, s, a


def cosine(a: Tensor, b: Tensor) -> float:
    return float(functional.cosine_similarity(a.double(), b.double(), dim=0))


def test_the_mean_difference_is_the_planted_direction_within_its_sampling_error() -> None:
    z, s, a = planted(9000, 300)
    found = mean_difference(z, s)
    torch.testing.assert_close(found, z[s == 1].mean(0) - z[s == 0].mean(0), rtol=0, atol=1e-5)
    ones = int(s.sum())
    expected = 300 * (1 / ones + 1 / (len(s) - ones))  # of the squared length of the error
    assert 0.7 < float((found - a).square().sum()) / expected < 1.3
    assert float(found.norm()) == pytest.approx(float(a.norm()), rel=0.1)  # not normalised


def test_the_mean_difference_survives_a_large_common_mean() -> None:
    z, s, _ = planted(9000)
    torch.testing.assert_close(
        mean_difference(z.double() + 1e5, s), mean_difference(z.double(), s), rtol=0, atol=1e-7
    )


def test_perpendicular_is_the_normal_of_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    z, s, _ = planted(1500)
    config = SeparatorConfig(epochs=60, batch=250, lr=1e-2)
    found = separator(z, s, planted(500, seed=1)[:2], config=config)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(z.numpy(), s.numpy())
    w = torch.from_numpy(reference.coef_[0])
    assert cosine(found.weight, w) > 0.999
    assert found.bias == pytest.approx(float(reference.intercept_[0] / w.norm()), rel=0.04)
    assert float(found.weight.norm()) == pytest.approx(1, abs=1e-6)
    once = {"config": replace(config, epochs=1), "seed": 3}
    normal = perpendicular(z, s, (z, s), **once)
    assert torch.equal(normal, separator(z, s, (z, s), **once).weight)
    # the side of the class 1 is positive
    assert float(found.score(z[s == 1]).mean()) > float(found.score(z[s == 0]).mean())


def test_ramaswamy_mirrors_the_attribute_and_keeps_the_target() -> None:
    z = torch.randn(5000, 6, generator=torch_rng(0)).double()
    normals = functional.normalize(torch.randn(2, 6, generator=torch_rng(1)).double())
    sensitive, target = Separator(normals[0], 0.3), Separator(normals[1], -0.2)
    a = ramaswamy(z, sensitive, target)
    torch.testing.assert_close(target.score(z + 3 * a), target.score(z))
    c = float(normals[0] @ normals[1])
    d = normals[0] - c * normals[1]
    assert cosine(a, d) == pytest.approx(1)
    moves = -2 * sensitive.score(z)[:, None] / (1 - c * c) * d
    torch.testing.assert_close(sensitive.score(z + moves), -sensitive.score(z))
    torch.testing.assert_close(target.score(z + moves), target.score(z))
    assert float(a.norm()) == pytest.approx(float(moves.norm(dim=1).mean()))
    with pytest.raises(InputError, match="are parallel"):
        ramaswamy(z, sensitive, Separator(-normals[0], 0))
    with pytest.raises(InputError, match="for latents of length 5"):
        ramaswamy(z[:, :5], sensitive, target)


def test_a_walk_starts_on_the_hyperplane_and_goes_along_its_normal() -> None:
    rng = torch_rng(2)
    z, w = 5 * torch.randn(9, 6, generator=rng).double(), 4 * torch.randn(6, generator=rng).double()
    b, stops = torch.tensor(1.7).double(), torch.tensor([-5.0, 0.0, 5.0]).double()
    found = walk(z, w, b, stops)
    assert found.shape == (9, 3, 6)
    torch.testing.assert_close((found @ w + b) / w.norm(), stops.expand(9, 3))
    across = found - (found @ w)[..., None] * w / w.square().sum()
    kept = z - (z @ w)[:, None] * w / w.square().sum()
    torch.testing.assert_close(across, kept[:, None].expand(9, 3, 6))


class Biased(nn.Module):
    """A classifier of "images" that depends on the target's direction and on a planted one."""

    def __init__(self, target: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.6 * target + 0.4 * bias)

    def forward(self, x: Tensor) -> Tensor:
        logit = x.flatten(1) @ self.weight
        return torch.stack([-logit / 2, logit / 2], 1)


def test_discover_finds_the_planted_direction_and_then_others() -> None:
    q = 6
    basis = torch.linalg.qr(torch.randn(q, q, generator=torch_rng(3)))[0]
    classifier, mixing = Biased(basis[0], basis[1]).eval(), 2 * torch.eye(q)
    z = torch.randn(200, q, generator=torch_rng(4))
    seen: list[torch.Size] = []

    def decode(latents: Tensor) -> Tensor:
        seen.append(latents.shape)
        return (latents @ mixing / 2).unflatten(1, (1, 2, 3))

    config = DiscoverConfig(2, steps=300, batch=32, lr=0.1, walk=(-2, 0, 2))
    found = discover(z, decode, classifier, basis[0], config=config)
    assert found.shape == (2, q) and set(seen) == {(96, q)}
    assert torch.allclose(found.norm(dim=1), torch.ones(2))
    assert abs(cosine(found[0], basis[1])) > 0.97 and abs(cosine(found[0], basis[0])) < 0.1
    assert abs(cosine(found[1], found[0])) < 0.5  # the second avoids the first
    assert classifier.weight.grad is None
    config = replace(config, count=1, steps=150)
    free = discover(z, decode, classifier, config=config)
    assert abs(cosine(free[0], classifier.weight.detach())) > 0.95  # nothing known to avoid


def test_bad_input_is_named() -> None:
    z, s, _ = planted(40)
    broken = z.clone()
    broken[5, 0] = math.inf
    valid = (z, s)
    for call in (
        lambda z, s: mean_difference(z, s),
        lambda z, s: separator(z, s, valid),
        lambda z, s: separator(*valid, (z, s)),
    ):
        with pytest.raises(InputError, match=r"latents hold NaN or infinity \(first in row 5\)"):
            call(broken, s)
        with pytest.raises(InputError, match="must be 0 and 1, and both occur: found"):
            call(z, 0 * s)
        with pytest.raises(InputError, match="must be 0 and 1, and both occur: found"):
            call(z, 2 * s)
        with pytest.raises(InputError, match=r"labels have shape \(3,\) for 40 latents"):
            call(z, s[:3])
    for message, change in (
        (r"latents have shape \(8,\)", {"z": z[0]}),
        ("need finite ones, not zero, of length 8", {"known": z[0, :5]}),
        ("need finite ones, not zero", {"known": 0 * z[0]}),
        ("two stops", {"config": DiscoverConfig(walk=(0.0,))}),
    ):
        inputs = {"z": z, "decode": nn.Identity(), "classify": nn.Identity()} | change
        with pytest.raises(InputError, match=message):
            discover(**inputs)  # type: ignore[arg-type]
