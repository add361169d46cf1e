"""The simulated device is as strict as a real one; the library keeps to its rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from fairtut.data.synthetic.comments import RATES, comments
from fairtut.evidence.records import Record, load_record
from fairtut.evidence.worked import LEAST
from fairtut.methods.dvge import DVGE
from fairtut.methods.dvge import Config as DVGEConfig
from fairtut.methods.faap.estimator import FAAP, load_perturber
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import certify
from fairtut.methods.lassi.classifier import Voting
from fairtut.methods.lassi.exact import certify_exactly
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.sequential import certify_early
from fairtut.methods.lassi.verdicts import exact_fairness
from fairtut.methods.reprogramming.estimator import Trigger
from fairtut.methods.reprogramming.keeping import load_words, save_words
from fairtut.methods.reprogramming.text import TEXT, on_empty, text_logits, train_words
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.models.glow import Glow
from fairtut.models.resnet import plain_cnn
from fairtut.models.text import TextClassifier
from fairtut.runtime.device import describe_device, pick_device
from fairtut.runtime.seeds import torch_rng
from tests.device import simulated
from tests.device.simulated import KIND, Counts, WrongDevice

torch.set_num_threads(1)


@pytest.fixture
def sim() -> Iterator[Counts]:
    with simulated.device() as counts:
        yield counts


# --- the device's own rules ------------------------------------------------


def test_tensors_of_two_devices_do_not_meet(sim: Counts) -> None:
    there, here = torch.ones(3, device=KIND), torch.ones(3)
    for meet in (lambda: there + here, lambda: here @ there, lambda: torch.cat([there, here])):
        with pytest.raises(WrongDevice, match="on cpu beside one on sim:0"):
            meet()
    with pytest.raises(WrongDevice, match="an index on sim:0 for a tensor on cpu"):
        here[there > 0]
    assert (there + torch.tensor(1.0)).device.type == KIND  # a single number may come along


def test_numpy_and_foreign_generators_are_refused(sim: Counts) -> None:
    there = torch.ones(3, device=KIND)
    with pytest.raises(TypeError, match=r"use \.cpu\(\) first"):
        there.numpy()
    with pytest.raises(TypeError, match=r"use \.cpu\(\) first"):
        np.asarray(there)
    with pytest.raises(WrongDevice, match="a generator of cpu for random numbers on sim"):
        torch.randn(2, device=KIND, generator=torch.Generator())
    with pytest.raises(WrongDevice, match="a generator of sim for random numbers on cpu"):
        torch.randn(2, generator=torch.Generator(KIND))


def test_kernels_and_waits_are_counted(sim: Counts) -> None:
    there = torch.arange(4.0).to(KIND)
    before = sim.kernels
    there.view(2, 2).mul(2).add(1)
    assert sim.kernels == before + 2  # a view is no kernel
    sim.reset()
    there.sum().item()
    there[there > 1]
    there.cpu()
    assert {kind for kind, _ in sim.waits} >= {"boolean index", "copy to the host"}
    assert sum(sim.waits.values()) >= 3


def test_double_precision_can_be_refused() -> None:
    with simulated.device(double=False):
        with pytest.raises(TypeError, match="does not support float64"):
            torch.zeros(2, device=KIND, dtype=torch.float64)
        with pytest.raises(TypeError, match="does not support float64"):
            torch.zeros(2, device=KIND).double()
        torch.zeros(2, device=KIND)


def test_gradients_are_those_of_the_cpu(sim: Counts) -> None:
    found = []
    for device in ("cpu", KIND):
        net = plain_cnn(4)
        net.load_state_dict({k: torch.full_like(v, 0.01) if v.is_floating_point() else v
                             for k, v in net.state_dict().items()})  # fmt: skip
        net = net.to(device).eval()
        x = torch.linspace(0, 1, 2 * 3 * 16 * 16).reshape(2, 3, 16, 16).to(device)
        net(x).square().sum().backward()
        found.append([p.grad.cpu() for p in net.parameters() if p.grad is not None])
    assert found[0] and all(torch.equal(a, b) for a, b in zip(*found, strict=True))


# --- the library -----------------------------------------------------------


def test_the_device_is_named_and_picked_by_its_name(sim: Counts) -> None:
    device = pick_device(KIND)
    assert device.type == KIND
    assert describe_device(device)["type"] == KIND


def test_a_record_names_what_did_the_work(sim: Counts, tmp_path) -> None:
    for turns, type_ in ((0, "cpu"), (LEAST, KIND)):
        record = Record.start(chapter="toy", preset="smoke", data="synthetic", seed=0, device=KIND)
        there = torch.ones(3, device=KIND)
        for _ in range(turns):
            there = there * 1
        record.measure("a.b", [there.sum().cpu()], n=3, unit="count")
        assert load_record(record.save(tmp_path)).device["type"] == type_


def test_a_trigger_meets_the_model_where_it_is(sim: Counts, tmp_path) -> None:
    model = plain_cnn(4).to(KIND)
    images = torch.rand(6, 3, 16, 16, generator=torch_rng(0))
    made = Trigger.random("border", (16, 16))
    read = Trigger.load(made.save(tmp_path / "t.pt"))
    for trigger in (made, read):
        found = trigger.predict(images, model)
        assert found.device.type == KIND and len(found) == 6
    y, s = torch.tensor([0, 1, 0, 1, 0, 1]), torch.tensor([0, 0, 1, 1, 0, 1])
    fitted = Trigger(model, shape="border", epochs=2, batch=6).fit(images, y, s=s)
    assert fitted.predict(images).device.type == KIND


def test_a_loaded_perturber_meets_the_model_where_it_is(sim: Counts, tmp_path) -> None:
    model = plain_cnn(4).to(KIND)
    split = next(name for name, m in model.named_modules() if isinstance(m, nn.AdaptiveAvgPool2d))
    images = torch.rand(8, 3, 16, 16, generator=torch_rng(1))
    y, s = torch.arange(8) % 2, (torch.arange(8) // 2) % 2
    faap = FAAP(model, split, epochs=1, batch=8, width=4, blocks=1).fit(images, y, s=s)
    assert faap.predict(images).device.type == KIND
    again = FAAP(model, split).use(load_perturber(faap.save(tmp_path / "g.pt")))
    assert torch.equal(again.predict(images).cpu(), faap.predict(images).cpu())


def test_words_meet_the_model_where_it_is(sim: Counts, tmp_path) -> None:
    drawn = comments(300, 0, rates=RATES)  # on the CPU, as every trigger here
    model = TextClassifier(
        len(drawn.tokenizer), positions=40, width=8, heads=2, layers=1, generator=torch_rng(0)
    )
    made = WordTrigger(drawn.tokenizer, 3, generator=torch_rng(1))
    wanted = text_logits(model, drawn, made)
    read = load_words(save_words(tmp_path / "w.pt", made, drawn.tokenizer), drawn.tokenizer)
    model.to(KIND)
    for trigger in (made, read):
        found = text_logits(model, drawn, trigger)
        assert found.device.type == KIND
        assert torch.allclose(found.cpu(), wanted, atol=1e-6)
    assert on_empty(model, made, drawn.tokenizer).device.type == KIND
    config = replace(TEXT, epochs=1)
    assert (
        train_words(model, drawn, count=3, config=config, seed=0).module.weight.device.type == KIND
    )


def test_dvge_meets_the_encoder_where_it_is(sim: Counts) -> None:
    encoder = nn.Linear(6, 4).to(KIND)
    x = torch.randn(200, 6, generator=torch_rng(0))
    y, s = torch.arange(200) % 2, (torch.arange(200) // 2) % 2
    small = DVGEConfig(hidden=(8,), batch=50, epochs=2)
    found = []
    for rows, label in ((x, y), (x.to(KIND), y), (x, y.to(KIND))):
        dvge = DVGE(encoder, config=small).fit(rows, label, s=s, validation=(rows, label, s))
        found.append(torch.as_tensor(dvge.predict(rows)).cpu())
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize("double", [True, False])
def test_certificates_are_those_of_the_cpu(double: bool) -> None:
    rng = torch_rng(0)
    r, head = Representation(10, (12, 8), 5, generator=rng).eval(), linear(5, 2, generator=rng)
    z, a = torch.randn(3, 10, generator=rng), torch.randn(10, generator=rng) / 4
    pair = torch.randn(2, 10, generator=rng) / 4
    settings = Smoothing(1, 1, 600, 0.05, 0.1, 32), Voting(1.0, n0=100, n=1000)

    def everything(device: str) -> list[np.ndarray]:
        parts = r.to(device), head.to(device), z.to(device), a.to(device)
        sampled = [certify(*parts, *settings, path=p) for p in ("curve", "folded", "generic")]
        sampled.append(certify_early(*parts, *settings))
        exact = certify_exactly(*parts), exact_fairness(*parts, 1.0)
        both = exact_fairness(*parts[:3], pair.to(device), 1.0)
        assert (both.deployed == ~np.isnan(both.change).any(1)).all()
        return [*(c.d_cs for c in sampled), *(c.d_rs for c in sampled), exact[0].d_cs,
                exact[1].distance, both.distance, both.fair]  # fmt: skip

    wanted = everything("cpu")
    with simulated.device(double=double) as counts:
        found = everything(KIND)
        assert counts.kernels > 10
        r.to("cpu"), head.to("cpu")
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("double", [True, False])
def test_glow_returns_on_the_device_what_it_was_given(double: bool) -> None:
    """Up to the 32 levels that it rounds pictures to: what it returned once comes back as it is."""
    with simulated.device(double=double):
        glow = Glow(8, 2, 2, 8, generator=torch_rng(1)).to(KIND).eval()
        x = torch.rand(2, 3, 8, 8, generator=torch_rng(0)).to(KIND)
        with torch.no_grad():
            glow.initialise(x, torch_rng(2, device=KIND))
            once = glow.decode(glow.encode(x))
            twice = glow.decode(glow.encode(once))
        assert (once - x).abs().max().item() < 1 / 32
        assert (twice - once).abs().max().item() < 1e-4
