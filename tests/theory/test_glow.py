"""Glow against autograd, closed forms and layers written a second time."""

import importlib.util
import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn import functional

from fairtut.errors import CorruptFile, InputError
from fairtut.models.glow import Glow, dequantise, preprocess, to_pictures
from fairtut.models.glow.layers import Coupling, FlowStep, ZeroConv, squeeze, unsqueeze
from fairtut.runtime import checkpoints
from fairtut.runtime.seeds import torch_rng

ROOT = Path(__file__).resolve().parents[2]
EXACT = 1e-10
"""A million roundings of double precision: a few dozen layers of some hundred terms each make less
than a hundredth of that, and what is wrong by a term is off by more than .001."""


def flow(
    size: int, blocks: int, flows: int = 2, filters: int = 8, *,
    seed: int = 0, noise: float = 0.1, **kinds: object,
) -> Glow:  # fmt: skip
    """Return an initialised flow whose every weight has moved: nothing is at its tame start."""
    rng = torch_rng(seed, "glow")
    glow = Glow(size, blocks, flows, filters, generator=rng, **kinds)
    glow.initialise(pictures(16, glow, rng), rng)
    with torch.no_grad():
        for weight in glow.parameters():
            weight += (
                noise * torch.randn(weight.shape, generator=rng) / max(weight.shape[0], 1) ** 0.5
            )
    return glow.requires_grad_(False)


def pictures(n: int, glow: Glow, rng: torch.Generator) -> Tensor:
    shape = (n, glow.channels, glow.size, glow.size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=rng)


# --- what the flow sees -----------------------------------------------------------------------


def test_five_bits_of_every_byte_whether_it_comes_as_integer_or_float() -> None:
    bytes_ = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    expected = torch.tensor([(k // 8) / 32 - 0.5 for k in range(256)]).view(1, 1, 16, 16)
    assert torch.equal(preprocess(bytes_), expected)
    for dtype in (torch.float32, torch.float64):
        assert torch.equal(preprocess(bytes_.to(dtype) / 255).float(), expected)
    assert expected.min() == -0.5 and expected.max() == 0.46875


def test_the_middle_of_a_bin_is_in_that_bin() -> None:
    u = preprocess(torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16))
    middle = to_pictures(u)
    assert torch.equal(preprocess(middle), u)
    assert torch.equal(preprocess(middle + 0.01), u) and torch.equal(preprocess(middle - 0.01), u)


def test_dequantised_values_fill_their_bins() -> None:
    x = torch.full((1, 1, 100, 100), 200, dtype=torch.uint8)
    inside = (dequantise(x, torch_rng(0)) - preprocess(x)) * 32
    assert 0 <= inside.min() < 0.01 and 0.99 < inside.max() < 1
    assert abs(float(inside.mean()) - 0.5) < 0.01


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.full((1, 3, 4, 4), 1.1), "leave"),
        (torch.full((1, 3, 4, 4), -0.1), "leave"),
        (torch.full((1, 3, 4, 4), float("nan")), "NaN"),
        (torch.zeros((1, 3, 4, 4), dtype=torch.int64), "int64"),
    ],
)
def test_values_that_are_no_pictures(x: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        preprocess(x)


# --- layout and inverse -----------------------------------------------------------------------


def test_the_layout_of_lassis_latents() -> None:
    glow = Glow(64, 4, 1, 4)
    assert glow.shapes == [(6, 32, 32), (12, 16, 16), (24, 8, 8), (96, 4, 4)]
    assert glow.q == 12288 == sum(math.prod(shape) for shape in glow.shapes)
    assert Glow(64, 3, 1, 4).shapes == [(6, 32, 32), (12, 16, 16), (48, 8, 8)]


def test_squeezing_puts_a_patch_into_channels() -> None:
    x = torch.arange(32.0).view(1, 2, 4, 4)
    y = squeeze(x)
    assert y.shape == (1, 8, 2, 2)
    assert y[0, :4, 0, 1].tolist() == [x[0, 0, 0, 2], x[0, 0, 0, 3], x[0, 0, 1, 2], x[0, 0, 1, 3]]
    assert torch.equal(unsqueeze(y), x)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize(
    ("size", "blocks", "channels", "n"), [(4, 1, 3, 1), (8, 3, 1, 2), (8, 2, 3, 5), (12, 2, 3, 1)]
)
def test_decoding_undoes_encoding(
    size: int, blocks: int, channels: int, n: int, affine: bool
) -> None:
    glow = flow(size, blocks, affine=affine, channels=channels)
    x = pictures(n, glow, torch_rng(1))
    rounded = to_pictures(preprocess(x))
    assert (glow.decode(glow.encode(x)) - rounded).abs().max() < 1e-4
    glow.double()
    assert (glow.decode(glow.encode(x)) - rounded).abs().max() < 1e-10
    z = torch.randn(n, glow.q, generator=torch_rng(2), dtype=torch.float64)
    u = glow.decode(z) - to_pictures(torch.zeros(())).double()
    assert (glow_latents(glow, u) - z).abs().max() < 1e-9


def glow_latents(glow: Glow, u: Tensor) -> Tensor:
    return torch.cat([z.flatten(1) for z in glow(u)[0]], 1)


@pytest.mark.parametrize("affine", [False, True])
def test_a_flow_of_lassis_depth_is_undone_in_single_precision(affine: bool) -> None:
    glow = flow(16, 4, 32, 16, affine=affine, noise=0.03)
    x = pictures(2, glow, torch_rng(1))
    z = glow.encode(x)
    assert (glow.decode(z) - to_pictures(preprocess(x))).abs().max() < 1e-4
    moved = (z - functional.normalize(preprocess(x).flatten(1))).abs().mean()
    assert moved > 0.1  # it was no identity


def test_encode_has_the_latents_of_the_density_in_one_layout_whatever_the_batch() -> None:
    # other batches take other kernels: in double precision their roundings are far below EXACT
    glow = flow(8, 2).double()
    x = pictures(7, glow, torch_rng(1))
    z = glow.encode(x)
    assert torch.equal(z, glow.encode(x))
    assert torch.allclose(z, glow.encode(x, batch=2), rtol=0, atol=EXACT)
    assert torch.allclose(z, glow.encode(x.double() / 255), rtol=0, atol=EXACT)
    assert torch.allclose(z, glow_latents(glow, preprocess(x).double()), rtol=0, atol=EXACT)
    parts = glow.split(z)
    assert [tuple(p.shape[1:]) for p in parts] == glow.shapes
    assert torch.equal(torch.cat([p.flatten(1) for p in parts], 1), z)
    assert not z.requires_grad


def test_pictures_can_be_differentiated_by_their_latents() -> None:
    glow = flow(4, 2, affine=True).double()
    x = pictures(1, glow, torch_rng(1))
    u = preprocess(x).double()
    up = torch.autograd.functional.jacobian(lambda u: glow_latents(glow, u)[0], u).reshape(48, 48)
    z = glow_latents(glow, u)
    down = torch.autograd.functional.jacobian(lambda z: glow.decode(z)[0], z).reshape(48, 48)
    assert torch.allclose(down @ up, torch.eye(48, dtype=torch.float64), atol=1e-8)
    assert not glow.decode(z).requires_grad


# --- density ----------------------------------------------------------------------------------


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize(("size", "blocks", "channels"), [(2, 1, 3), (4, 2, 3), (4, 1, 1)])
def test_the_density_is_the_priors_times_autograds_determinant(
    size: int, blocks: int, channels: int, affine: bool
) -> None:
    glow = flow(size, blocks, affine=affine, channels=channels).double()
    u = dequantise(pictures(1, glow, torch_rng(1)), torch_rng(2)).double()
    priors: list[Tensor] = []
    for prior in glow.priors:
        prior.register_forward_hook(lambda _, __, out: priors.append(out))
    latents, log_prob = glow(u)
    jacobian = torch.autograd.functional.jacobian(lambda u: glow_latents(glow, u)[0], u)
    expected = torch.linalg.slogdet(jacobian.reshape(glow.q, glow.q)).logabsdet
    assert abs(float(expected)) > 1  # else a missing determinant would pass
    for z, prior in zip(latents, priors[:blocks], strict=True):
        mean, log_std = prior.chunk(2, 1)
        expected = expected + Normal(mean, log_std.exp()).log_prob(z).sum()
    assert float(log_prob - expected) == pytest.approx(0, abs=1e-8)


def test_sampling_asks_the_priors_what_the_density_asked_them() -> None:
    """What a prior may look at is what decoding knows at that point, and nothing else."""
    glow = flow(8, 3).double()
    asked: list[Tensor] = []
    for prior in glow.priors:
        prior.register_forward_pre_hook(lambda _, given: asked.append(given[0]))
    x = glow.sample(2, 0.01, torch_rng(1))
    assert x.min() > 0 and x.max() < 1  # nothing was clamped
    asked.reverse()  # decoding starts at the deepest level
    down, asked = asked, []  # the hooks write to the new list
    glow(x - 0.5)
    assert len(down) == len(asked) == 3 and not asked[-1].any()
    for below, above in zip(down, asked, strict=True):
        assert torch.allclose(below, above, atol=1e-9)


def test_bits_of_an_untrained_flow_in_closed_form() -> None:
    """At the start a flow is a rotation into a standard normal."""
    glow = Glow(8, 2, 3, 8, generator=torch_rng(0)).double()
    x = pictures(5, glow, torch_rng(1))
    u = dequantise(x, torch_rng(2)).double()
    nats = 0.5 * glow.q * math.log(2 * math.pi) + 0.5 * u.square().sum((1, 2, 3))
    expected = nats / math.log(2) / glow.q + 5
    assert torch.allclose(glow.bits_per_dim(x, torch_rng(2)), expected, atol=1e-6)


def test_a_prior_from_the_kept_half_moves_the_density_of_the_other() -> None:
    glow = Glow(4, 2, 1, 4, generator=torch_rng(0)).double()
    glow.requires_grad_(False)
    u = dequantise(pictures(1, glow, torch_rng(1)), torch_rng(2)).double()
    (first, _), before = glow(u)
    with torch.no_grad():
        glow.priors[0].bias[: len(first[0])] += 0.3  # the means
    gained = Normal(0.3, 1).log_prob(first).sum() - Normal(0.0, 1).log_prob(first).sum()
    assert float(glow(u)[1] - before) == pytest.approx(float(gained))


# --- layers -----------------------------------------------------------------------------------


def test_the_zero_convolution_pads_with_ones() -> None:
    conv = ZeroConv(5, 4).double()
    x = torch.randn(2, 5, 6, 3, dtype=torch.float64, generator=torch_rng(0))
    assert torch.equal(conv(x), torch.zeros(2, 4, 6, 3, dtype=torch.float64))
    with torch.no_grad():
        for weight in conv.parameters():
            weight.copy_(torch.randn(weight.shape, generator=torch_rng(1)))
    padded = functional.pad(x, (1, 1, 1, 1), value=1.0)
    plain = functional.conv2d(padded, conv.weight, conv.bias)
    assert torch.allclose(conv(x), plain * torch.exp(3 * conv.log_scale)[:, None, None])


def test_an_additive_coupling_starts_as_the_identity() -> None:
    x = torch.randn(2, 6, 4, 4, generator=torch_rng(0))
    y, log_det = Coupling(6, 8, affine=False, generator=torch_rng(1))(x)
    assert torch.equal(y, x) and torch.equal(log_det, torch.zeros(2))
    y, log_det = Coupling(6, 8, affine=True, generator=torch_rng(1))(x)
    gate = 1 / (1 + math.exp(-2))  # not quite the identity: the paper's gate starts open, at .88
    assert torch.equal(y[:, :3], x[:, :3]) and torch.allclose(y[:, 3:], gate * x[:, 3:])
    assert torch.allclose(log_det, torch.tensor(3 * 16 * math.log(gate)))


def test_one_half_moves_the_other_and_nothing_else() -> None:
    step = next(iter(flow(4, 1).levels[0]))
    x = torch.randn(1, 12, 2, 2, generator=torch_rng(0))
    moved = x.clone()
    moved[:, 6:] += 1
    y, _ = step.coupling(x)
    assert torch.equal(y[:, :6], x[:, :6])
    assert torch.allclose(step.coupling(moved)[0] - y, moved - x, atol=1e-5)


def test_the_mixing_is_a_rotation_at_first_and_its_determinant_known_later() -> None:
    mixing = next(iter(Glow(4, 1, 1, 4, generator=torch_rng(0)).levels[0])).mixing
    weight = mixing.weight()
    assert torch.allclose(weight @ weight.T, torch.eye(12), atol=1e-5)
    assert abs(float(mixing.log_s.detach().sum())) < 1e-5
    mixing.double()  # what single precision makes of a determinant depends on its condition
    with torch.no_grad():
        for part in mixing.parameters():  # entries outside the triangles must not matter
            part += torch.randn(part.shape, generator=torch_rng(1))
    mixing.requires_grad_(False)
    log_det = torch.linalg.slogdet(mixing.weight()).logabsdet
    assert float(log_det) == pytest.approx(float(mixing.log_s.sum()), abs=1e-8)


def test_actnorm_is_folded_into_the_mixing_exactly() -> None:
    step: FlowStep = next(iter(flow(4, 1).double().levels[0]))
    x = torch.randn(3, 12, 2, 2, dtype=torch.float64, generator=torch_rng(0))
    act = step.actnorm
    y = act.log_scale.exp()[:, None, None] * (x + act.shift[:, None, None])
    mixed = torch.einsum("ij,njhw->nihw", step.mixing.weight(), y)
    assert torch.allclose(step(x)[0], step.coupling(mixed)[0], atol=1e-12)
    assert torch.allclose(step.inverse(step(x)[0]), x, atol=1e-10)


def test_after_initialisation_every_actnorm_gives_mean_0_and_variance_1() -> None:
    glow = Glow(8, 2, 3, 8, generator=torch_rng(0))
    with torch.no_grad():
        for level in glow.levels:
            for step in level:  # couplings that do something, so that later layers see it
                step.coupling.net[-1].weight.normal_(0, 0.1, generator=torch_rng(1))
    x = pictures(100, glow, torch_rng(2))
    glow.initialise(x, torch_rng(3))
    seen = []

    def check(step: FlowStep, inputs: tuple[Tensor]) -> None:
        act = step.actnorm
        y = act.log_scale.exp()[:, None, None] * (inputs[0] + act.shift[:, None, None])
        std, mean = torch.std_mean(y, dim=(0, 2, 3), correction=0)
        seen.append(max(float(mean.abs().max()), float((std - 1).abs().max())))

    glow.requires_grad_(False)
    for module in glow.modules():
        if isinstance(module, FlowStep):
            module.register_forward_pre_hook(check)
    glow(dequantise(x, torch_rng(3)))
    assert len(seen) == 6 and max(seen) < 1e-4
    with pytest.raises(InputError, match="initialised already"):
        glow.initialise(x)


def test_a_constant_channel_does_not_break_the_initialisation() -> None:
    glow = Glow(4, 1, 1, 4)
    glow.initialise(torch.zeros(4, 3, 4, 4, dtype=torch.uint8), torch_rng(0))
    assert all(torch.isfinite(w).all() for w in glow.parameters())


# --- sampling ---------------------------------------------------------------------------------


def test_temperature_is_the_factor_of_the_priors_deviations() -> None:
    glow = Glow(8, 2, 2, 8, generator=torch_rng(0))
    glow.requires_grad_(False).initialised.fill_(True)
    with torch.no_grad():
        glow.priors[1].bias[24:] += 0.7  # the log-deviations of the deep level
    x = glow.sample(400, 0.05, torch_rng(1))
    shallow, deep = glow(x - 0.5)[0]
    assert float(shallow.std()) == pytest.approx(0.05, rel=0.05)
    assert float(deep.std()) == pytest.approx(0.05 * math.exp(0.7), rel=0.05)


def test_samples_repeat_with_their_seed_and_at_temperature_zero_are_one_picture() -> None:
    glow = flow(8, 2).double()
    cold = glow.sample(3, 0.0, torch_rng(0))
    # rows of one batch may take different kernels, calls of one shape do not
    torch.testing.assert_close(cold[0], cold[1], rtol=0, atol=EXACT)
    assert torch.equal(cold, glow.sample(3, 0.0))
    warm = glow.sample(3, 0.7, torch_rng(0))
    assert torch.equal(warm, glow.sample(3, 0.7, torch_rng(0)))
    assert not torch.equal(warm, glow.sample(3, 0.7, torch_rng(1)))
    assert warm.shape == (3, 3, 8, 8) and warm.min() >= 0 and warm.max() <= 1


# --- what can be wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "blocks"), [(64, 7), (30, 2), (0, 1), (8, 0)])
def test_sizes_that_cannot_be_halved(size: int, blocks: int) -> None:
    with pytest.raises(InputError, match=r"multiple of|at least 1"):
        Glow(size, blocks, 1, 4)


@pytest.mark.parametrize("shape", [(2, 3, 8, 16), (3, 8, 8), (2, 1, 8, 8), (0, 3, 8, 8)])
def test_pictures_of_another_shape(shape: tuple[int, ...]) -> None:
    glow = flow(8, 2)
    for call in (glow.encode, glow.bits_per_dim, glow.forward, glow.initialise):
        with pytest.raises(InputError, match=r"needs \(n, 3, 8, 8\)"):
            call(torch.zeros(shape))


def test_latents_that_are_none() -> None:
    glow = flow(8, 2)
    with pytest.raises(InputError, match=r"need \(n, 192\)"):
        glow.decode(torch.zeros(2, 191))
    for value in (math.nan, math.inf):
        z = torch.zeros(3, glow.q)
        z[1, 5] = value
        with pytest.raises(InputError, match="row 1"):
            glow.decode(z)
    for temperature in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="temperature"):
            glow.sample(1, temperature)


def test_a_flow_without_its_data_is_not_used() -> None:
    glow = Glow(8, 2, 1, 4)
    for call in (
        lambda: glow.encode(torch.zeros(1, 3, 8, 8)),
        lambda: glow.decode(torch.zeros(1, glow.q)),
        lambda: glow.sample(1),
    ):
        with pytest.raises(InputError, match="not trained"):
            call()


def test_a_checkpoint_brings_back_the_latents_to_the_bit(tmp_path: Path) -> None:
    glow = flow(8, 2, affine=True)
    x = pictures(4, glow, torch_rng(1))
    path = checkpoints.save(tmp_path / "glow.pt", glow, glow.architecture)
    again = Glow(**checkpoints.read_card(path))
    checkpoints.load(path, again)
    assert torch.equal(again.encode(x), glow.encode(x))
    assert torch.equal(again.encode(x), again.encode(x))


@pytest.mark.parametrize(
    "other", [{"flows": 3}, {"filters": 9}, {"blocks": 1}, {"affine": True}, {"channels": 1}]
)
def test_a_checkpoint_of_another_architecture(tmp_path: Path, other: dict[str, int]) -> None:
    glow = flow(8, 2)
    path = checkpoints.save(tmp_path / "glow.pt", glow, glow.architecture)
    with pytest.raises(CorruptFile, match="not a checkpoint of this model"):
        checkpoints.load(path, Glow(**(glow.architecture | other)))


def test_the_benchmarks_plain_flow_has_the_same_latents(capsys: pytest.CaptureFixture) -> None:
    path = ROOT / "benchmarks" / "glow_encode.py"
    spec = importlib.util.spec_from_file_location("glow_encode", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--quick"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["latents_equal"] and 0 < printed["max_relative_diff"] < 1e-5
