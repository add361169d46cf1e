"""Residual networks: the published one at width 64, the same shape at any other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet18 as published

from fairtut.errors import InputError, UnknownName
from fairtut.models.resnet import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    FaceClassifier,
    Normalise,
    plain_cnn,
    resnet18,
    shufflenet,
)

torch.set_num_threads(1)


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def map_at(model: FaceClassifier, layer: str, side: int) -> torch.Tensor:
    """Return the output of a layer of the feature network for one image."""
    caught: list[torch.Tensor] = []
    module = dict(model.g.named_modules())[f"1.{layer}"]
    hook = module.register_forward_hook(lambda _, __, out: caught.append(out))
    with torch.no_grad():
        model.eval()(torch.rand(1, 3, side, side))
    hook.remove()
    return caught[0]


def test_width_64_is_the_published_network() -> None:
    ours, theirs = resnet18(64, classes=5).eval(), published(weights=None, num_classes=5).eval()
    assert parameters(ours.g) == parameters(theirs) - parameters(theirs.fc)
    features = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    ours.g[1].load_state_dict(features)  # strict: the same names and shapes
    ours.f.load_state_dict(theirs.fc.state_dict())
    x = torch.rand(2, 3, 64, 64)
    normal = (x - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(
        3, 1, 1
    )
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(normal))


@pytest.mark.parametrize("width", [1, 4, 12])
@pytest.mark.parametrize("stem", ["standard", "small"])
def test_any_width_has_eight_times_as_many_features(width: int, stem: str) -> None:
    model = resnet18(width, classes=3, stem=stem).eval()
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        z, logits = model.g(x), model(x)
        torch.testing.assert_close(logits, model.f(z))
    assert z.shape == (2, 8 * width)
    assert logits.shape == (2, 3)
    assert model.f.in_features == 8 * width


def test_a_narrow_network_has_the_published_shape_with_fewer_channels() -> None:
    narrow, wide = resnet18(16), resnet18(64)
    layers = [[type(m) for m in net.modules()] for net in (narrow, wide)]
    assert layers[0] == layers[1]
    for small, large in zip(narrow.g.parameters(), wide.g.parameters(), strict=True):
        # every channel count is a quarter, but for the three colours; kernels stay
        assert [a * (1 if a == 3 else 4) for a in small.shape[:2]] == list(large.shape[:2])
        assert small.shape[2:] == large.shape[2:]


@pytest.mark.parametrize(("stem", "side"), [("standard", 2), ("small", 8)])
def test_the_last_map_of_a_64_pixel_face(stem: str, side: int) -> None:
    assert map_at(resnet18(4, stem=stem), "layer4", 64).shape == (1, 32, side, side)


def test_rebuilt_stages_start_he_normal() -> None:
    """torchvision's scheme: standard deviation sqrt(2 / fan_out) in every convolution."""
    torch.manual_seed(0)
    for width, stem in ((32, "standard"), (64, "small")):
        for module in resnet18(width, stem=stem).modules():
            if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
                fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
                expected = (2 / fan_out) ** 0.5
                assert float(module.weight.detach().std()) == pytest.approx(expected, rel=0.08)


def test_pixels_are_normalised_inside_the_model() -> None:
    x = torch.rand(2, 3, 4, 4)
    out = Normalise()(x)
    for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)):
        torch.testing.assert_close(out[:, channel], (x[:, channel] - mean) / std)
    assert isinstance(resnet18(2).g[0], Normalise)
    assert not list(Normalise().parameters())  # constants: nothing that training could move


@pytest.mark.parametrize("build", [lambda: plain_cnn(4), shufflenet])
def test_the_stand_ins_split_like_the_others(build: object) -> None:
    model = build().eval()  # type: ignore[operator]
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        z = model.g(x)
        assert z.shape == (2, model.f.in_features)
        torch.testing.assert_close(model(x), model.f(z))
        assert model(x).shape == (2, 2)


@pytest.mark.parametrize(
    ("keywords", "error", "says"),
    [
        ({"width": 32, "weights": "IMAGENET1K_V1"}, InputError, "width 64"),
        ({"stem": "small", "weights": "IMAGENET1K_V1"}, InputError, "standard stem"),
        ({"width": 0}, InputError, "at least one channel"),
        ({"stem": "smal"}, UnknownName, "did you mean 'small'"),
    ],
)
def test_what_does_not_exist_is_refused(
    keywords: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        resnet18(**keywords)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
