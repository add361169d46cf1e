"""The generator's promise: whatever its weights, no pixel moves further than epsilon."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtut.errors import InputError, UnknownName
from fairtut.models.perturb import BOUNDS, Perturber

torch.set_num_threads(1)

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def images(n: int, h: int, w: int, seed: int = 0) -> torch.Tensor:
    x = torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed))
    # both ends of the range, where the clamp to [0, 1] works
    return ((x - 0.5) * 1.6 + 0.5).clamp(0, 1)


@given(
    n=st.integers(1, 4),
    h=st.integers(1, 70),
    w=st.integers(1, 70),
    dtype=st.sampled_from(DTYPES),
    bound=st.sampled_from(BOUNDS),
    epsilon=st.sampled_from([0.0, 1 / 255, 0.05, 0.3, 1.0]),
    scale=st.sampled_from([0.0, 1.0, 100.0, 1e3, -1e3]),
    training=st.booleans(),
    blocks=st.integers(0, 2),
)
@settings(max_examples=40)
def test_no_pixel_moves_further_than_epsilon_or_leaves_the_range(
    n: int, h: int, w: int, dtype: torch.dtype, bound: str, epsilon: float, scale: float,
    training: bool, blocks: int,
) -> None:  # fmt: skip
    g = Perturber(3, blocks, epsilon=epsilon, bound=bound).train(training)
    with torch.no_grad():
        for parameter in g.parameters():
            parameter.mul_(scale)
    x = images(n, h, w).to(dtype)
    with torch.no_grad():
        x_hat = g(x)
    assert x_hat.shape == x.shape
    assert x_hat.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    # in the finer of both precisions: a half-precision difference would hide a violation
    change = (x_hat.double() - x.double()).abs().max()
    assert float(change) <= epsilon + 1e-6
    assert float(x_hat.min()) >= 0
    assert float(x_hat.max()) <= 1


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_bound_is_used_and_not_merely_kept(bound: str) -> None:
    """A generator that is pushed reaches epsilon in both directions."""
    g = Perturber(4, 1, epsilon=0.05, bound=bound).eval()
    x = torch.full((2, 3, 24, 24), 0.5)
    for sign in (1, -1):
        with torch.no_grad():
            g.body[-1].bias.fill_(sign * 50.0)
            change = g(x) - x
        torch.testing.assert_close(change, torch.full_like(x, sign * 0.05))


def test_a_small_output_passes_both_bounds_as_the_definition_says() -> None:
    x = images(2, 16, 24).mul(0.2).add(0.4)  # far from 0 and 1
    for bound in BOUNDS:
        g = Perturber(4, 1, epsilon=0.05, bound=bound).eval()
        with torch.no_grad():
            raw, change = g.raw(x), g(x) - x
        assert float(raw.abs().max()) > 0
        expected = 0.05 * torch.tanh(raw) if bound == "tanh" else raw.clamp(-0.05, 0.05)
        torch.testing.assert_close(change, expected, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bound", BOUNDS)
def test_epsilon_zero_is_the_identity(bound: str, dtype: torch.dtype) -> None:
    x = images(3, 13, 21).to(dtype)
    g = Perturber(4, 1, epsilon=0.0, bound=bound)
    assert torch.equal(g(x), x)


def test_padding_is_invisible_where_none_is_needed_and_cropped_where_it_is() -> None:
    """A 20x20 image is treated as its edge-padded 24x24 version, cropped."""
    g = Perturber(4, 1).eval()
    x = images(2, 20, 20)
    padded = torch.nn.functional.pad(x, (0, 4, 0, 4), mode="replicate")
    with torch.no_grad():
        torch.testing.assert_close(g(x), g(padded)[..., :20, :20])


def test_images_of_a_batch_do_not_see_each_other_once_the_generator_is_deployed() -> None:
    g = Perturber(4, 2)
    x = images(5, 16, 16)
    g(x)  # moves the running statistics away from their start
    g.eval()
    with torch.no_grad():
        together, alone = g(x), torch.cat([g(row[None]) for row in x])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("n", [1, 3])
def test_every_parameter_can_learn(n: int) -> None:
    g = Perturber(4, 2)
    x = images(n, 20, 17)
    (g(x) * images(n, 20, 17, seed=1)).sum().backward()
    for name, parameter in g.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_the_hard_clip_has_no_gradient_beyond_the_bound_but_tanh_has() -> None:
    found = {}
    for bound in BOUNDS:
        g = Perturber(4, 0, epsilon=0.05, bound=bound)
        with torch.no_grad():
            g.body[-1].bias.fill_(1.0)  # well above epsilon
        g(torch.full((1, 3, 16, 16), 0.5)).sum().backward()
        found[bound] = float(g.body[-1].bias.grad.abs().sum())
    assert found["clip"] == 0
    assert found["tanh"] > 0


@pytest.mark.parametrize(
    ("keywords", "error", "says"),
    [
        ({"epsilon": -0.01}, InputError, "epsilon -0.01"),
        ({"epsilon": 12.75}, InputError, "epsilon 12.75"),
        ({"epsilon": float("nan")}, InputError, "epsilon nan"),
        ({"bound": "tahn"}, UnknownName, "did you mean 'tanh'"),
        ({"width": 0}, InputError, "width 0"),
        ({"blocks": -1}, InputError, "blocks -1"),
    ],
)
def test_a_wrong_size_is_told_in_one_line(
    keywords: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        Perturber(**keywords)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_whole_numbers_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match=r"pass x\.float\(\) / 255"):
        Perturber(4, 0)(torch.ones(1, 3, 16, 16, dtype=dtype))
