"""What an outsider can learn: labels from a black box, an attribute from a code, heat from a map.

Also the table of sizes that the FAAP chapter's experiments run on.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fairtut.chapters.faap.presets import FAAP, Preset, for_real
from fairtut.chapters.faap.probes import probe
from fairtut.chapters.faap.saliency import MOUTH, heat, mouth_share
from fairtut.chapters.faap.transfer import BlackBox, jpeg, to_uint8
from fairtut.errors import InputError
from fairtut.methods.faap import Config
from fairtut.models.resnet import FaceClassifier, Normalise, plain_cnn, resnet18
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import torch_rng
from tests.toys import Brightness

torch.set_num_threads(1)


def even(*levels: int) -> Tensor:
    """Return one uniform 8x8 image per grey level."""
    return torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8)


def photo(n: int = 3, side: int = 16) -> Tensor:
    """Return smooth images, as JPEG likes them."""
    rng = torch_rng(0)
    rough = torch.rand(n, 3, 4, 4, generator=rng)
    return to_uint8(nn.functional.interpolate(rough, side, mode="bicubic").clamp(0, 1))


# --- black box ------------------------------------------------------------------------------


def test_only_labels_come_out_and_queries_are_counted() -> None:
    box = BlackBox(Brightness(), quality=None)  # type: ignore[arg-type]
    said = box.predict(even(0, 100, 127, 128, 255))
    assert isinstance(said, np.ndarray)
    assert said.dtype == np.int64
    assert said.tolist() == [0, 0, 0, 1, 1]
    box.predict(even(3, 4))
    assert box.queries == 7


def test_three_levels_are_cut_where_the_interface_says() -> None:
    # margins 10 (v / 255 - .5) of -1 and 1 are grey levels 102 and 153
    box = BlackBox(Brightness(), (-1.0, 1.0), quality=None)  # type: ignore[arg-type]
    assert box.predict(even(0, 101, 103, 152, 154, 255)).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_yes_or_no_is_the_models_own_decision_on_what_was_uploaded() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = plain_cnn(2).eval()
    x = photo(20)
    for quality in (None, 90):
        sent = x if quality is None else jpeg(x, quality)
        with torch.no_grad():
            logits = model(sent / 255)
        cut = float((logits[:, 1] - logits[:, 0]).median()) + 1e-6  # both answers occur
        expected = (logits[:, 1] - logits[:, 0] > cut).long()
        assert 0 < expected.sum() < 20
        assert BlackBox(model, (cut,), quality).predict(x).tolist() == expected.tolist()


def test_asking_does_not_change_the_model_whatever_its_mode() -> None:
    model = plain_cnn(2).train()
    before, box = state_digest(model), BlackBox(model)
    first = box.predict(photo(4))
    assert box.predict(photo(4)).tolist() == first.tolist()
    assert state_digest(model) == before
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    "images",
    [
        even(1, 2).float() / 255,
        (even(1, 2).float() / 255).requires_grad_(),
        even(1, 2).long(),
        even(1, 2)[0],
    ],
)
def test_tensors_that_are_no_files_are_refused_and_not_counted(images: Tensor) -> None:
    box = BlackBox(Brightness())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="takes uint8 images") as caught:
        box.predict(images)
    assert "\n" not in str(caught.value)
    assert box.queries == 0


def reachable(thing: Any, seen: set[int] | None = None) -> list[Any]:
    """Return everything that attributes and containers lead to."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    parts = list(getattr(thing, "__dict__", {}).values())
    if isinstance(thing, dict):
        parts += list(thing.values())
    elif isinstance(thing, list | tuple | set):
        parts += list(thing)
    return [thing, *(other for part in parts for other in reachable(part, seen))]


def test_no_attribute_leads_to_the_model() -> None:
    box = BlackBox(plain_cnn(2))
    box.predict(photo(2))
    found = reachable(box)
    assert len(found) > 3
    assert not [thing for thing in found if isinstance(thing, nn.Module | Tensor)]
    assert {name for name in dir(box) if not name.startswith("_")} == {
        "predict", "quality", "queries",
    }  # fmt: skip


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
@settings(max_examples=25)
def test_rounding_to_eight_bits_is_to_the_nearest(values: list[float]) -> None:
    x = torch.tensor(values)
    found = to_uint8(x)
    assert found.dtype == torch.uint8
    assert float((found / 255 - x).abs().max()) <= 0.5 / 255 + 1e-6


def test_eight_bits_survive_the_way_through_floats_and_ends_are_kept() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(every / 255), every)
    assert to_uint8(torch.tensor([-0.2, 1.3])).tolist() == [0, 255]


def test_an_upload_keeps_the_shape_and_changes_little() -> None:
    x = photo(3, side=24)[:, :, :, :20]  # not square
    near, far = jpeg(x, 95), jpeg(x, 5)
    assert near.shape == x.shape
    assert near.dtype == torch.uint8
    loss = [float((v.int() - x.int()).abs().float().mean()) for v in (near, far)]
    assert 0 < loss[0] < 6
    assert loss[1] > 2 * loss[0]
    colours = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    colours[:, 2] = 255  # channels are not swapped
    assert (jpeg(colours, 95).float().mean((0, 2, 3)) - torch.tensor([0, 0, 255])).abs().max() < 6


# --- fresh probes ---------------------------------------------------------------------------


def codes(n: int = 1600) -> tuple[Tensor, Tensor, Tensor]:
    """Return codes, a label that is linear in them, and one that is an exclusive or."""
    z = torch.randn(n, 3, generator=torch_rng(0, "codes"))
    z = z * torch.tensor([100.0, 1.0, 0.01]) + 5  # a probe must not depend on scales
    above = z > 5
    return z, above[:, 0].long(), (above[:, 0] ^ above[:, 2]).long()


def reads(label: Tensor, z: Tensor, hidden: tuple[int, ...], seed: int = 0) -> float:
    half = len(z) // 2
    guess = probe(z[:half], label[:half], z[half:], hidden=hidden, seed=seed)
    assert guess.shape == (half,)
    return float((guess == label[half:]).float().mean())


def test_a_linear_probe_reads_what_is_linear_and_a_hidden_one_more() -> None:
    z, linear, crossed = codes()
    assert reads(linear, z, ()) > 0.93
    assert reads(crossed, z, ()) < 0.65
    assert reads(crossed, z, (64,)) > 0.75
    noise = torch.randint(0, 2, (len(z),), generator=torch_rng(1))
    assert 0.43 < reads(noise, z, (64,)) < 0.57


def test_the_seed_alone_decides_a_probe() -> None:
    z, _, crossed = codes(400)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(probe(z, crossed, z, hidden=(16,), seed=3))
    assert torch.equal(*found)
    assert not torch.equal(found[0], probe(z, crossed, z, hidden=(16,), seed=4))


# --- heat -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(MOUTH))
@pytest.mark.parametrize("side", [48, 64])
def test_even_heat_gives_the_area_of_the_box(name: str, side: int) -> None:
    top, bottom, left, right = MOUTH[name]
    maps = torch.full((3, side, side), 1 / side**2)
    found = mouth_share(maps, MOUTH[name])
    assert found.shape == (3,)
    # each edge is rounded to a pixel
    error = ((bottom - top) + (right - left) + 1 / side) / side
    assert found == pytest.approx((bottom - top) * (right - left), abs=error)


def test_heat_is_counted_where_it_is() -> None:
    maps = torch.rand(2, 10, 20, generator=torch_rng(0))
    maps /= maps.sum((1, 2), keepdim=True)
    assert mouth_share(maps, (0, 1, 0, 1)) == pytest.approx(1)
    quarters = [(a, a + 0.5, b, b + 0.5) for a in (0, 0.5) for b in (0, 0.5)]
    assert sum(mouth_share(maps, box) for box in quarters) == pytest.approx(1)
    spot = torch.zeros(1, 10, 20)
    spot[0, 7, 3] = 1  # row 7 of 10, column 3 of 20
    assert mouth_share(spot, (0.7, 0.8, 0.15, 0.2)) == pytest.approx(1)
    assert mouth_share(spot, (0.15, 0.2, 0.7, 0.8)) == pytest.approx(0)


def test_a_map_is_a_distribution_over_pixels_and_leaves_the_model_alone() -> None:
    pytest.importorskip("captum")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = resnet18(2).eval().requires_grad_(False)
    before = state_digest(model)
    x = photo(5, side=32) / 255
    maps = heat(model, x, batch=2)
    assert maps.shape == (5, 32, 32)
    assert float(maps.min()) >= 0
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(5))
    assert not maps.requires_grad
    assert state_digest(model) == before
    torch.testing.assert_close(heat(model, x, batch=5), maps)


class Patches(nn.Module):
    """Averages patches into a map, the map into a code."""

    def __init__(self) -> None:
        super().__init__()
        self.layer2 = nn.Sequential(nn.AvgPool2d(4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.layer2(x).mean((2, 3))


def test_heat_lies_where_the_decision_was_made() -> None:
    pytest.importorskip("captum")
    model = FaceClassifier(Patches(), 3).eval()
    assert isinstance(model.g[0], Normalise)
    with torch.no_grad():
        model.f.weight.copy_(torch.tensor([[0.0] * 3, [1.0] * 3]))
        model.f.bias.copy_(torch.tensor([0.0, 1.0]))
    x = torch.zeros(1, 3, 32, 32)
    x[:, :, 16:, :16] = 1  # below, on the left
    maps = heat(model.requires_grad_(False), x)
    assert mouth_share(maps, (0.5, 1, 0, 0.5))[0] > 0.85
    # an image without any evidence gives even heat, not a division by zero
    blank = heat(model, torch.zeros(1, 3, 32, 32))
    torch.testing.assert_close(blank, torch.full((1, 32, 32), 1 / 1024))


# --- presets --------------------------------------------------------------------------------

PRESETS = [FAAP[name] for name in FAAP] + [for_real(FAAP[name], name) for name in FAAP]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_target_of_a_preset_has_its_settings(preset: Preset) -> None:
    assert preset.headline in preset.targets
    assert set(preset.only_t) <= set(preset.targets)
    assert set(preset.sweeps) <= {f.name for f in fields(Config)}
    for target, seeds in preset.targets.items():
        assert seeds > 0
        training, config = preset.deployed(target), preset.generator(target)
        assert {"fair", "rg"} <= set(dict(training.strength))
        assert 0 < training.flip_rate < 1
        assert config.epsilon == 0.05  # the paper's
        assert preset.generator(target, beta=7.0, epsilon=0.1).beta == 7.0


def test_the_paper_preset_has_the_papers_sizes() -> None:
    paper = FAAP["paper"]
    assert (paper.width, set(paper.targets)) == (64, {"Smiling", "Attractive", "Blond_Hair"})
    assert (paper.training.epochs, paper.training.batch, paper.training.lr) == (30, 64, 5e-4)
