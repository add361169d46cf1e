"""Autoencoders: shapes, likelihoods against torch's distributions, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch import distributions as dist
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.models.table_vae import TableVAE
from fairtut.models.vae import ConvVAE
from fairtut.runtime.checkpoints import state_digest

torch.set_num_threads(1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def conv(**changed: Any) -> ConvVAE:
    return ConvVAE(**{"latent": 3, "size": 16, "width": 4, "generator": seeded(), **changed})


def table(members: int = 3, **changed: Any) -> TableVAE:
    changed = {"latent": 4, "hidden": (7, 5), "generator": seeded(), **changed}
    return TableVAE(members, 2, (3, 2), **changed)


def rows(members: int = 3, n: int = 6, seed: int = 1) -> Tensor:
    """Draw rows of two numbers and two categories with 3 and 2 values, (k, n, 7)."""
    rng = seeded(seed)
    blocks = [torch.randint(0, v, (members, n), generator=rng) for v in (3, 2)]
    hot = [functional.one_hot(b, v).float() for b, v in zip(blocks, (3, 2), strict=True)]
    return torch.cat([torch.randn(members, n, 2, generator=rng), *hot], 2)


# --- the convolutional one ------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 32, 48])
def test_shapes_at_any_multiple_of_16(size: int) -> None:
    model, x = conv(size=size), torch.rand(5, 3, size, size)
    mu, logvar = model.encode(x)
    assert mu.shape == logvar.shape == (1, 5, 3)
    assert model.decode(mu).shape == x.shape
    assert model.reconstruction(x, mu).shape == (1, 5)
    assert model.codes(x).shape == (5, 3)


def test_the_papers_network_has_the_papers_layers() -> None:
    model = ConvVAE()
    shapes = [tuple(p.shape) for p in model.encoder.parameters() if p.ndim == 4]
    assert shapes == [
        (32, 3, 4, 4), (32, 32, 4, 4), (64, 32, 4, 4), (64, 64, 4, 4), (256, 64, 4, 4),
        (20, 256, 1, 1),
    ]  # fmt: skip
    mirrored = [tuple(p.shape) for p in model.decoder.parameters() if p.ndim == 4]
    # a transposed convolution stores (in, out, .., ..): the same sizes backwards
    assert mirrored == [(256, 10, 1, 1), *shapes[-2::-1]]


def test_reconstruction_is_the_bernoulli_likelihood() -> None:
    model, x = conv(), (torch.rand(4, 3, 16, 16) > 0.5).float()
    z = torch.randn(1, 4, 3)
    coins = dist.Bernoulli(logits=model.decode(z))
    torch.testing.assert_close(model.reconstruction(x, z)[0], -coins.log_prob(x).sum((1, 2, 3)))


def test_the_first_half_of_the_output_is_the_mean_and_codes_are_means() -> None:
    model = conv()
    x = (torch.rand(7, 3, 16, 16) * 255).to(torch.uint8)
    with torch.no_grad():
        out = model.encoder(x / 255.0).flatten(1)
        mu, logvar = model.encode(x / 255.0)
    torch.testing.assert_close(torch.cat([mu[0], logvar[0]], 1), out)
    codes = model.codes(x, batch=3)  # 3 + 3 + 1
    torch.testing.assert_close(codes, mu[0])
    assert not codes.requires_grad


def test_the_generator_alone_decides_the_weights() -> None:
    first = state_digest(conv())
    torch.manual_seed(5)
    assert state_digest(conv()) == first != state_digest(conv(generator=seeded(1)))


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 40}, {"latent": 0}, {"width": 0}])
def test_sizes_that_make_no_network(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"multiple of 16|at least 1"):
        conv(**wrong)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 3, 32, 32),
        torch.zeros(2, 1, 16, 16),
        torch.zeros(3, 16, 16),
        torch.full((2, 3, 16, 16), 1.5),
        torch.full((2, 3, 16, 16), float("nan")),
        torch.zeros(2, 3, 16, 16, dtype=torch.int64),
    ],
)
def test_images_that_do_not_fit(x: Tensor) -> None:
    with pytest.raises(InputError, match=r"need \(n, 3, 16, 16\)|in \[0, 1\]"):
        conv().check(x)


# --- the stacked one ------------------------------------------------------------------------


def test_reconstruction_of_a_table_is_its_likelihood() -> None:
    model, x = table(), rows()
    z = torch.randn(3, 6, 4)
    out = model.decode(z)
    numbers = dist.Normal(out[..., :2], 1.0).log_prob(x[..., :2]).sum(2)
    first = dist.OneHotCategorical(logits=out[..., 2:5]).log_prob(x[..., 2:5])
    second = dist.OneHotCategorical(logits=out[..., 5:]).log_prob(x[..., 5:])
    torch.testing.assert_close(model.reconstruction(x, z), -(numbers + first + second))


def test_tables_of_one_sort_only() -> None:
    x, z = rows(), torch.randn(3, 6, 4)
    numbers, words = TableVAE(3, 2, (), 4, (5,)), TableVAE(3, 0, (3, 2), 4, (5,))
    assert numbers.reconstruction(x[..., :2], z).shape == (3, 6)
    assert words.reconstruction(x[..., 2:], z).shape == (3, 6)


def test_members_do_not_mix_and_may_share_their_rows() -> None:
    model, x = table(), rows()
    codes = model.codes(x, batch=4)
    torch.testing.assert_close(codes, model.encode(x)[0])
    moved = x.clone()
    moved[1] += 1
    changed = (model.codes(moved) != codes).any((1, 2))
    assert changed.tolist() == [False, True, False]
    shared = model.codes(x[0])  # (n, inputs): the same rows for each
    torch.testing.assert_close(shared, model.codes(x[:1].expand(3, -1, -1)))
    z = torch.randn(3, 6, 4)
    torch.testing.assert_close(
        model.reconstruction(x[0], z), model.reconstruction(x[:1].expand(3, -1, -1), z)
    )


def test_the_decoder_mirrors_the_encoder() -> None:
    widths = [tuple(w.shape[1:]) for w in table().decoder.weights]
    assert widths == [(4, 5), (5, 7), (7, 7)]


@pytest.mark.parametrize(("numeric", "categories"), [(0, ()), (-1, (3,)), (2, (1,))])
def test_columns_that_make_no_table(numeric: int, categories: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="need at least one column"):
        TableVAE(2, numeric, categories)


def test_rows_that_do_not_fit() -> None:
    model, x = table(), rows()
    model.check(x)
    model.check(x[0])
    for bad in (x[:2], x[..., 1:], x[None], x[0, 0]):
        with pytest.raises(InputError, match="rows have shape"):
            model.check(bad)
    gap = x.clone()
    gap[0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        model.check(gap)
    for block, values in ((slice(2, 5), (1.0, 1.0, 0.0)), (slice(2, 5), (0.5, 0.5, 0.0))):
        soft = x.clone()
        soft[1, 2, block] = torch.tensor(values)
        with pytest.raises(InputError, match="category 0 is not one-hot"):
            model.check(soft)
