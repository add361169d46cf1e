"""Triggers: sizes are right, nothing acts outside the mask, the frozen copy is the network."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
import torch.fx
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError, UnknownName
from fairtut.methods.reprogramming import (
    Border,
    Discriminator,
    Patch,
    Trigger,
    TriggerModule,
    collapsed,
    combined,
    frozen_copy,
    projected,
    standard,
)
from fairtut.methods.reprogramming import frozen as frozen_module
from fairtut.methods.reprogramming.labels import cells
from fairtut.methods.reprogramming.trigger import CORNERS
from fairtut.models.resnet import Normalise, resnet18
from fairtut.runtime import checkpoints
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
SIZES = [(12, 12), (9, 14), (15, 8)]


def images(n: int, height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch_rng(seed, "images"))


def module(shape: Patch | Border, height: int, width: int, **options: str) -> TriggerModule:
    return TriggerModule(shape, (height, width), generator=torch_rng(1, "start"), **options)


# --- where a trigger stands -----------------------------------------------------------------


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_patch_is_exactly_its_square_with_all_four_corners(
    corner: str, height: int, width: int
) -> None:
    size = 5
    mask = Patch(size, corner).mask(height, width)
    top = 0 if corner.startswith("top") else height - size
    left = 0 if corner.endswith("left") else width - size
    expected = {(top + i, left + j) for i in range(size) for j in range(size)}
    assert {tuple(place) for place in torch.nonzero(mask).tolist()} == expected
    for row, column in ((top, left), (top + 4, left), (top, left + 4), (top + 4, left + 4)):
        assert mask[row, column]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_border_is_a_ring_of_its_width(height: int, width: int) -> None:
    mask = Border(3).mask(height, width)
    for row in range(height):
        for column in range(width):
            depth = min(row, column, height - 1 - row, width - 1 - column)
            assert bool(mask[row, column]) == (depth < 3)


def test_standard_triggers_have_the_papers_sizes() -> None:
    assert standard("border", 224, 224) == Border(20)
    assert int((~Border(20).mask(224, 224)).sum()) == 184**2  # the released command leaves 20^2
    assert standard("patch", 224, 224) == Patch(80)
    assert (standard("border", 64, 64), standard("patch", 64, 80)) == (Border(6), Patch(23))
    with pytest.raises(UnknownName, match="patch"):
        standard("pach", 64, 64)


@pytest.mark.parametrize(
    ("shape", "height", "width"),
    [
        (Patch(13), 12, 20), (Patch(0), 12, 12), (Patch(12), 12, 12), (Patch(-1), 5, 5),
        (Border(6), 12, 20), (Border(0), 12, 12), (Border(5), 20, 9),
    ],
)  # fmt: skip
def test_a_trigger_that_leaves_no_image_is_refused(
    shape: Patch | Border, height: int, width: int
) -> None:
    with pytest.raises(InputError, match="choose 1 to") as caught:
        module(shape, height, width)
    assert "\n" not in str(caught.value)


def test_the_largest_triggers_that_fit_do() -> None:
    assert int(Patch(11).mask(12, 12).sum()) == 121
    assert int(Patch(12).mask(12, 13).sum()) == 144
    assert int((~Border(5).mask(12, 12)).sum()) == 4
    assert int((~Border(4).mask(9, 9)).sum()) == 1


def test_unknown_corners_and_ranges_are_refused() -> None:
    with pytest.raises(UnknownName, match="top-left"):
        Patch(3, "top").mask(8, 8)
    with pytest.raises(UnknownName, match="sigmoid"):
        module(Patch(3), 8, 8, values="sigmod")


# --- what it does to an image ---------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_patch_replaces_its_square_and_nothing_else(n: int, height: int, width: int) -> None:
    trigger, x = module(Patch(4, "bottom-right"), height, width), images(n, height, width)
    out, inside = trigger(x), trigger.mask
    assert torch.equal(out[..., ~inside], x[..., ~inside])
    for row in out:
        assert torch.equal(row[:, inside], torch.tanh(trigger.weight)[:, inside])


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_border_shrinks_the_image_as_pillow_does(n: int, height: int, width: int) -> None:
    trigger, x = module(Border(2), height, width), images(n, height, width)
    out, ring = trigger(x).detach(), trigger.mask
    for row, image in zip(out, x, strict=True):
        assert torch.equal(row[:, ring], torch.tanh(trigger.weight)[:, ring])
        for mine, channel in zip(row, image, strict=True):
            small = Image.fromarray(channel.numpy()).resize(
                (width - 4, height - 4), Image.Resampling.BILINEAR
            )
            np.testing.assert_allclose(mine[2:-2, 2:-2], np.asarray(small), atol=1e-5)


@pytest.mark.parametrize("shape", [Patch(4), Border(2)])
def test_weights_outside_the_mask_never_act_and_get_no_gradient(shape: Patch | Border) -> None:
    trigger, x = module(shape, 9, 14), images(2, 9, 14)
    before = trigger(x)
    for wild in (1e9, float("inf"), float("nan")):
        with torch.no_grad():
            trigger.weight[:, ~trigger.mask] = wild
        assert torch.equal(trigger(x), before)
    trigger = module(shape, 9, 14)
    (trigger(x) ** 2).sum().backward()
    gradient = trigger.weight.grad
    assert gradient is not None
    assert float(gradient[:, ~trigger.mask].abs().max()) == 0
    assert float(gradient[:, trigger.mask].abs().min()) > 0


@pytest.mark.parametrize(("values", "low"), [("tanh", -1.0), ("sigmoid", 0.0)])
def test_trigger_pixels_stay_in_their_range(values: str, low: float) -> None:
    trigger = module(Border(3), 12, 12, values=values)
    start = trigger.pixels().detach()[:, trigger.mask]
    assert low < float(start.min()) < float(start.max()) < 1
    if values == "tanh":
        assert float(start.abs().max()) <= math.tanh(1) and float(start.min()) < -0.5
    with torch.no_grad():
        trigger.weight.mul_(1e4)
    extreme = trigger.pixels().detach()
    assert low <= float(extreme.min()) and float(extreme.max()) <= 1
    assert float(extreme[:, ~trigger.mask].abs().max()) == 0  # sigmoid(0) = 1/2 stays inside


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="fit a trigger for this size"):
        module(Patch(4), 12, 12)(images(1, 12, 13))


# --- the frozen copy ------------------------------------------------------------------------


class Foreign(nn.Module):
    """A network that cannot be traced, with one batch norm and one convolution used twice."""

    def __init__(self, traceable: bool) -> None:
        super().__init__()
        self.traceable = traceable
        self.first = nn.Conv2d(3, 4, 3, padding="same")
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        if not self.traceable and float(x.detach().mean()) < -1e9:
            return x
        z = self.norm(self.conv(self.first((x - 0.5) / 0.2)))
        return self.head(self.drop(self.conv(z).relu().mean((2, 3))))


def lively(net: nn.Module) -> nn.Module:
    """Give batch norms statistics and scales that matter."""
    rng = torch_rng(3, "statistics")
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                assert values is not None
                values.data.copy_(torch.rand(values.shape, generator=rng) + 0.5)
    return net


@pytest.mark.parametrize("kind", ["resnet", "bare", "traceable", "foreign"])
@pytest.mark.parametrize("shape", [Patch(9), Border(4)])
def test_the_frozen_copy_has_the_networks_logits_and_gradient(
    kind: str, shape: Patch | Border
) -> None:
    torch.manual_seed(0)
    bare = nn.Sequential(
        nn.Conv2d(3, 5, 3, 2, 1, groups=1, bias=True), nn.BatchNorm2d(5), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(20, 2),
    )  # fmt: skip
    nets = {"resnet": resnet18(4), "bare": bare,
            "traceable": Foreign(True), "foreign": Foreign(False)}  # fmt: skip
    net = lively(nets[kind]).double().train()
    before = state_digest(net)
    x = images(5, 32, 40).double()
    copy = frozen_copy(net, x[:2])
    plain = net.eval()
    torch.testing.assert_close(copy(x), plain(x))
    gradients = []
    for through in (copy, plain):
        trigger = module(shape, 32, 40).double()
        weights = torch.linspace(-1, 2, 10, dtype=torch.double).view(5, 2)
        (through(trigger(x)) * weights).sum().backward()
        gradients.append(trigger.weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)
    assert float(gradients[1].abs().max()) > 0
    assert state_digest(net) == before
    rewritten = [m for m in copy.modules() if isinstance(m, frozen_module._FirstConvolution)]
    norms = [m for m in copy.modules() if isinstance(m, nn.BatchNorm2d)]
    assert isinstance(copy, torch.fx.GraphModule) == (kind != "foreign")
    if kind in ("resnet", "bare"):
        assert len(rewritten) == 1 and not norms
    else:
        assert not rewritten and norms  # "same" padding, and a convolution used twice: left alone


def test_only_arithmetic_with_constants_counts_as_normalisation() -> None:
    class Mixed(nn.Module):
        """Its first convolution sees something that differs between images."""

        def __init__(self) -> None:
            super().__init__()
            self.normal, self.conv = Normalise(), nn.Conv2d(3, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.normal(x) * x.mean((1, 2, 3), keepdim=True)).mean((2, 3))

    net, x = Mixed().double().eval(), images(3, 8, 8).double()
    found = []
    for through in (frozen_copy(net, x), net):
        trigger = module(Patch(3), 8, 8).double()
        (through(trigger(x)) ** 2).sum().backward()
        found.append(trigger.weight.grad)
    torch.testing.assert_close(found[0], found[1])


# --- the projected update -------------------------------------------------------------------

vector = st.lists(st.floats(-5, 5), min_size=6, max_size=6)


@given(y=vector, z=vector, lam=st.floats(0, 50))
@settings(max_examples=60)
def test_what_is_left_of_utility_is_orthogonal_to_the_adversary(
    y: list[float], z: list[float], lam: float
) -> None:
    g_y, g_z = (torch.tensor(v, dtype=torch.double).view(2, 3) for v in (y, z))
    (direction,) = projected([g_y], [g_z], lam)
    kept = direction + lam * g_z
    if float(g_z.norm()) > 1e-6:
        scale = float(g_z.norm() * (1 + g_y.norm()) * (1 + lam))
        assert float((kept * g_z).sum()) == pytest.approx(0, abs=1e-9 * max(scale, 1))
        along = (g_y * g_z).sum() / (g_z * g_z).sum() * g_z
        torch.testing.assert_close(kept, g_y - along, rtol=1e-6, atol=1e-7)
    (printed,) = projected([g_y], [g_z], lam, project=False)
    torch.testing.assert_close(printed, g_y - lam * g_z)


def test_the_projection_is_per_tensor_guarded_and_acts_at_lambda_zero() -> None:
    g_y = [torch.tensor([1.0, 1.0]), torch.tensor([3.0]), torch.tensor([2.0, 0.0])]
    g_z = [torch.tensor([5.0, 0.0]), torch.tensor([-2.0]), torch.zeros(2)]
    first, second, third = projected(g_y, g_z, 0.0)
    assert first.tolist() == [0.0, 1.0]
    assert second.tolist() == [0.0]
    assert third.tolist() == [2.0, 0.0]  # no NaN where the adversary has no gradient


# --- the discriminator ----------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 8])
def test_the_discriminator_sees_the_label_only_for_equalised_odds(classes: int) -> None:
    logits = torch.randn(5, classes, generator=torch_rng(0, "logits"))
    y = torch.arange(5) % classes
    for c in (1.0, -0.3):
        dp, eo = (Discriminator(criterion, classes) for criterion in ("dp", "eo"))
        for d in (dp, eo):
            d.c.data.fill_(c)
        sharp = np.exp(logits.numpy() * (1 + abs(c)))
        p = torch.from_numpy(sharp / sharp.sum(1, keepdims=True))
        masked = torch.zeros_like(p)
        for row in range(5):
            masked[row, y[row]] = p[row, y[row]]
        torch.testing.assert_close(dp.inputs(logits, y), torch.cat([logits, p], 1))
        torch.testing.assert_close(eo.inputs(logits, y), torch.cat([logits, p, masked], 1))
    assert torch.equal(dp(logits, y), dp(logits, (y + 1) % classes))
    assert not torch.equal(eo(logits, y), eo(logits, (y + 1) % classes))
    assert Discriminator("eo", classes, groups=3)(logits, y).shape == (5, 3)


def test_a_discriminator_without_a_criterion_or_groups_is_refused() -> None:
    with pytest.raises(UnknownName, match="dp"):
        Discriminator("equal odds")
    with pytest.raises(InputError, match="at least two"):
        Discriminator("dp", groups=1)


# --- labels, counts, collapse ---------------------------------------------------------------


def test_combined_labels_are_binary_numbers() -> None:
    label = combined([[0, 1, 0, 1], torch.tensor([0, 0, 1, 1]), np.array([1.0, 0, 0, 1])])
    assert label.tolist() == [4, 1, 2, 7]
    assert sorted(combined(np.indices((2, 2, 2, 2)).reshape(4, 16)).tolist()) == list(range(16))
    for bad in ([], [[0, 1], [1]], [[0, 2]], [[0.5, 1.0]]):
        with pytest.raises(InputError):
            combined(bad)


def test_collapse_names_the_class_that_everybody_gets() -> None:
    assert collapsed([0] * 50) == 0
    assert collapsed(torch.tensor([3] * 999 + [0])) == 3
    assert collapsed([0] * 90 + [1] * 10) is None
    assert collapsed([0] * 90 + [1] * 10, tolerance=0.1) == 0


def test_cells_are_counted_and_empty_ones_reported(caplog: pytest.LogCaptureFixture) -> None:
    y, s = torch.tensor([0, 1, 2, 0, 0]), torch.tensor([0, 0, 0, 1, 1])
    with caplog.at_level(logging.WARNING):
        assert cells(y, s, 3).tolist() == [[1, 1, 1], [2, 0, 0]]
    assert "2 empty cells" in caplog.text and "s=1, y=2" in caplog.text
    caplog.clear()
    assert cells(y[:4] % 2, torch.tensor([0, 0, 1, 1]), 2).sum() == 4


@pytest.mark.parametrize(
    ("y", "s", "says"),
    [
        ([0, 0, 0], [0, 1, 0], "have y"),
        ([0, 1, 0], [1, 1, 1], "have s"),
        ([0, 1, 0], [0, 2, 2], "nobody in the tuning data has s = 1"),
        ([0, 2, 1], [0, 1, 1], "2 logits"),
        ([0, -1, 1], [0, 1, 1], "have y"),
    ],
)
def test_labels_that_cannot_be_learnt_from_are_refused(
    y: list[int], s: list[int], says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        cells(torch.tensor(y), torch.tensor(s), 2)
    assert "\n" not in str(caught.value)


# --- the library's door ---------------------------------------------------------------------


def test_a_random_trigger_repeats_and_survives_a_file(tmp_path) -> None:
    x = (images(3, 16, 20) * 255).to(torch.uint8)
    for shape in (Patch(5, "top-right"), Border(2)):
        trigger = Trigger.random(shape, (16, 20), values="sigmoid", random_state=4)
        again = Trigger.load(trigger.save(tmp_path / "trigger.pt"))
        assert again.module.shape == shape
        assert torch.equal(again.transform(x), trigger.transform(x))
        assert torch.equal(Trigger.random(shape, (16, 20), values="sigmoid", random_state=4).image,
                           trigger.image)  # fmt: skip
        torch.testing.assert_close(trigger.transform(x), trigger.transform(x / 255))
        assert torch.equal(trigger.transform(x, batch=2), trigger.transform(x))
    with pytest.raises(CorruptFile, match="no trigger"):
        Trigger.load(checkpoints.save(tmp_path / "other.pt", nn.Linear(2, 2), {}))


def test_predictions_leave_the_classifier_as_it_was() -> None:
    net = resnet18(2).train()
    net.f.bias.requires_grad_(False)
    before = state_digest(net)
    trigger, x = Trigger.random("border", (32, 32)), images(4, 32, 32)
    y_hat = trigger.predict(x, net)
    assert net.training and state_digest(net) == before
    assert torch.equal(y_hat, net.eval()(trigger.transform(x)).argmax(1))


def test_the_null_input_is_the_trigger_on_an_empty_image() -> None:
    net = resnet18(2).eval()
    for shape, value in ((Patch(6), 0.0), (Border(3), 0.5)):
        trigger = Trigger.random(shape, (32, 32))
        p = trigger.on_null(net, value)
        picture = torch.full((3, 32, 32), value)
        picture[:, trigger.module.mask] = trigger.image[:, trigger.module.mask]
        torch.testing.assert_close(p, torch.softmax(net(picture[None])[0], 0).detach())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (torch.zeros(3, 8, 8), "n, c, h, w"),
        (torch.zeros(0, 3, 8, 8), "at least 1"),
        (torch.zeros(1, 3, 8, 8).long(), "uint8"),
        (torch.full((1, 3, 8, 8), 1.5), "scale them"),
        (torch.full((1, 3, 8, 8), float("nan")), "NaN or infinity"),
    ],
)
def test_bad_images_are_refused(bad: Tensor, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Trigger.random(Patch(3), (8, 8)).transform(bad)


@pytest.mark.parametrize("shape", [(6, 1), (6,)])
def test_one_logit_says_yes_above_zero(shape: tuple[int, ...]) -> None:
    """The largest of one column is the first one: everybody's yes was read as no."""

    class Yes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full(shape, 3.0)

    trigger = Trigger.random("border", (16, 16))
    assert trigger.predict(torch.rand(6, 3, 16, 16), Yes()).tolist() == [1] * 6
