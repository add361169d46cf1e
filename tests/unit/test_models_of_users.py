"""Networks, latents and groups as people bring them: handled, or refused in one sentence."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError, UnknownName
from fairtut.methods import deciding, faap, lassi
from fairtut.methods import reprogramming as rp
from fairtut.methods.dvge import DVGE
from fairtut.methods.dvge import Config as Strengths
from fairtut.runtime.seeds import torch_rng

GAME = rp.Config(hidden=(8,), epochs=2, batch=16)
PLAYERS = faap.Config(width=4, blocks=1, hidden=(8,), epochs=2, batch=16)
CODES = Strengths(hidden=(6,), batch=32, epochs=2)


class Net(nn.Module):
    """A classifier of pictures whose outputs have the shape that a test wants."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Tanh())
        self.f = nn.Linear(12, outputs)
        with torch.no_grad():
            for number, parameter in enumerate(self.f.parameters()):
                rng = torch_rng(number, "users")
                parameter.copy_(torch.randn(parameter.shape, generator=rng))

    def forward(self, x: Tensor) -> Tensor:
        return self.f(self.g(x))


class Single(nn.Module):
    """The same decisions by one logit, with an axis for it or without."""

    def __init__(self, net: Net, flat: bool) -> None:
        super().__init__()
        self.g, self.flat = net.g, flat
        self.f = nn.Linear(12, 1)
        with torch.no_grad():
            self.f.weight.copy_(net.f.weight[1:])
            self.f.bias.copy_(net.f.bias[1:])

    def forward(self, x: Tensor) -> Tensor:
        out = self.f(self.g(x))
        return out[:, 0] if self.flat else out


def pictures(n: int = 48) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.rand(n, 3, 12, 12, generator=torch_rng(4, "users"))
    return x, torch.arange(n) % 2, torch.arange(n) // 2 % 2


def two_and_one(flat: bool) -> tuple[Net, Single]:
    """A network of two logits, the first of which is always 0, and the same one with one logit."""
    net = Net()
    with torch.no_grad():
        net.f.weight[0] = 0
        net.f.bias[0] = 0
    return net, Single(net, flat)


@pytest.mark.parametrize("flat", [False, True])
def test_one_logit_trains_a_trigger_as_two_do(flat: bool) -> None:
    two, one = two_and_one(flat)
    x, y, s = pictures()
    ours, theirs = (
        rp.Trigger(net, config=GAME, random_state=3).fit(x, y, s=s) for net in (two, one)
    )
    torch.testing.assert_close(ours.image, theirs.image, atol=1e-4, rtol=0)
    start = rp.Trigger.random("border", (12, 12), random_state=3).image
    assert (ours.image - start).abs().max() > 0.01
    torch.testing.assert_close(ours.on_null(two), ours.on_null(one))


@pytest.mark.parametrize("flat", [False, True])
def test_one_logit_trains_a_generator_as_two_do(flat: bool) -> None:
    two, one = two_and_one(flat)
    x, y, s = pictures()
    ours, theirs = (
        faap.FAAP(net, config=PLAYERS, random_state=3).fit(x, y, s=s) for net in (two, one)
    )
    torch.testing.assert_close(ours.transform(x), theirs.transform(x), atol=1e-4, rtol=0)
    used = faap.FAAP(one, config=PLAYERS).use(ours.perturber)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", deciding.ConstantWarning)
        assert used.predict(x).tolist() == ours.predict(x).tolist()


def test_a_cross_entropy_of_one_logit_is_the_binary_one() -> None:
    z, y = torch.randn(40, generator=torch_rng(1)), torch.arange(40) % 2
    found = nn.functional.cross_entropy(deciding.per_class(z), y)
    torch.testing.assert_close(found, nn.functional.binary_cross_entropy_with_logits(z, y.float()))
    many = torch.rand(5, 3)
    assert deciding.per_class(many) is many


def constant(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        net.f.bias.copy_(torch.tensor([-50.0, 50.0]))
    return net


def test_a_constant_model_is_said_with_its_share() -> None:
    x, y, s = pictures()
    trigger = rp.Trigger.random("border", (12, 12))
    generator = faap.FAAP(constant(Net()), config=PLAYERS).fit(x, y, s=s)
    codes = torch.randn(200, 4, generator=torch_rng(2))
    dvge = DVGE(lambda v: v, config=CODES).fit(codes, torch.arange(200) % 2, s=codes[:, 0] > 0)
    constant_codes = codes[:1].expand(40, 4)
    for call in (
        lambda: trigger.predict(x, constant(Net())),
        lambda: generator.predict(x),
        lambda: dvge.predict(constant_codes),
    ):
        with pytest.warns(deciding.ConstantWarning, match=r"gives class [01] to 100.0% of 4\d"):
            call()


def test_a_model_that_decides_or_a_few_people_get_no_warning() -> None:
    mixed = torch.arange(400) % 2
    nearly = (torch.arange(400) < 399).long()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert deciding.told(mixed, "it") is mixed
        deciding.told(torch.ones(deciding.FEW - 1).long(), "it")
    with pytest.warns(deciding.ConstantWarning, match="class 1 to 99.8% of 400"):
        deciding.told(nearly, "it")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_of_another_precision_is_refused_with_the_fix(kind: torch.dtype) -> None:
    x, y, s = pictures()
    net = Net().to(kind)
    good = faap.FAAP(Net(), config=PLAYERS).fit(x, y, s=s)
    for call in (
        lambda: rp.Trigger(net, config=GAME).fit(x, y, s=s),
        lambda: rp.Trigger.random("border", (12, 12)).predict(x, net),
        lambda: faap.FAAP(net, config=PLAYERS).fit(x, y, s=s),
        lambda: faap.FAAP(net, config=PLAYERS).use(good.perturber).predict(x),
    ):
        with pytest.raises(InputError, match=rf"{str(kind)[6:]} weights .* float32: .*\.float"):
            call()


class HalfInside(nn.Module):
    """A model in half precision that takes single precision, as deployed ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.f = nn.Linear(12, 2).bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        return self.f(self.g(x.bfloat16()))


def test_a_model_that_casts_its_input_itself_works() -> None:
    x, y, s = pictures()
    assert rp.Trigger(HalfInside(), config=GAME).fit(x, y, s=s).image.dtype == torch.float32
    assert faap.FAAP(HalfInside(), config=PLAYERS).fit(x, y, s=s).transform(x).isfinite().all()


@pytest.mark.parametrize("of", [torch.float64, torch.float32, torch.bfloat16])
def test_an_encoder_gets_rows_of_its_own_precision(of: torch.dtype) -> None:
    x = np.random.default_rng(0).normal(size=(200, 4))
    net = nn.Linear(4, 3).to(of)
    y, s = np.arange(200) % 2, np.arange(200) // 2 % 2
    found = DVGE(net, config=CODES).fit(x, y, s=s).encode(x)
    torch.testing.assert_close(found, net(torch.from_numpy(x).to(of)).detach().float())


def test_latents_and_directions_may_be_arrays() -> None:
    rng = torch_rng(0)
    r = lassi.Representation(6, (8,), 4, generator=rng).eval()
    head, z, a = nn.Linear(4, 2), torch.randn(3, 6, generator=rng), torch.randn(6, generator=rng)
    few = lassi.Smoothing(epsilon=1, sigma=1, n=600, alpha=0.05, slack=0.1, candidates=32)
    votes = lassi.Voting(1.0, n0=100, n=1000)
    ours = lassi.certify(r, head, z, a, few, votes)
    theirs = lassi.certify(r, head, z.numpy(), a.numpy(), few, votes)
    np.testing.assert_array_equal(ours.d_cs, theirs.d_cs)
    with pytest.raises(InputError, match="latents hold no numbers"):
        lassi.certify(r, head, np.array([["a", "b"]]), a, few, votes)
    with pytest.raises(InputError, match=r"pass z\.float"):
        lassi.certify(r, head, np.ones((3, 6), int), a, few, votes)


def fit_trigger(s: object) -> object:
    x, y, _ = pictures()
    return rp.Trigger(Net(), config=GAME).fit(x, y, s=s)


def fit_generator(s: object) -> object:
    x, y, _ = pictures()
    return faap.FAAP(Net(), config=PLAYERS).fit(x, y, s=s)


def fit_codes(s: object) -> object:
    x, y, _ = pictures()
    return DVGE(lambda v: v.flatten(1), config=CODES).fit(x, y, s=s)


@pytest.mark.parametrize("fit", [fit_trigger, fit_generator, fit_codes])
def test_groups_in_words_are_refused_with_the_fix(fit: Callable[[object], object]) -> None:
    words = np.where(pictures()[2] == 1, "women", "men")
    for s in (words, words.tolist(), words.astype(object)):
        with pytest.raises(InputError, match=r"s holds text or objects: .*return_inverse"):
            fit(s)
    fit(np.unique(words, return_inverse=True)[1])


def test_a_split_point_is_asked_for_in_one_sentence() -> None:
    class Bare(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3))

    body = nn.Sequential(nn.Flatten(), nn.Linear(432, 2))
    for model, at, says in (
        (body, None, "no submodule 'g': say whose output .* split=NAME, with NAME one of 0, 1"),
        (Bare(), None, "Bare has no submodules"),
        (Bare(), "g", "Bare has no submodules"),
        (lambda x: x, None, "needs a torch.nn.Module"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            faap.FAAP(model, at)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    with pytest.raises(UnknownName, match=r"unknown split point 'G'.*one of 0, 1"):
        faap.FAAP(body, "G")
    assert faap.FAAP(Net()).split == "g" and faap.FAAP(copy.deepcopy(body), "0").split == "0"


def test_each_estimator_is_read_as_it_was_written(tmp_path: Path) -> None:
    x, y, s = pictures()
    net, file = Net(), tmp_path / "it.pt"
    generator = faap.FAAP(net, "g.1", PLAYERS, epsilon=0.02).fit(x, y, s=s)
    again = faap.FAAP.load(generator.save(file), net)
    assert again.split == "g.1" and again.config == generator.config
    assert torch.equal(again.transform(x), generator.transform(x))
    assert faap.FAAP.load(file, net, "g").split == "g"
    codes = torch.randn(200, 4, generator=torch_rng(2))
    config = Strengths(hidden=(6, 5), batch=32, epochs=2, normalise=True)
    dvge = DVGE(lambda v: v, eta1=0.3, eta2=0.1, eps=0.5, focus="logit_pred", config=config)
    dvge.fit(codes, torch.arange(200) % 2, s=codes[:, 0] > 0)
    read = DVGE.load(dvge.save(file), lambda v: v)
    assert (read.eta1, read.eta2, read.config) == (0.3, 0.1, dvge.config)
    assert torch.equal(read.decision_function(codes), dvge.decision_function(codes))
    assert torch.equal(read.sensitive_focus(codes), dvge.sensitive_focus(codes))
    with pytest.raises(InputError, match=r"call \.fit"):
        read.set_sensitive(codes[:, 1] > 0)


def test_a_file_of_something_else_is_no_estimator(tmp_path: Path) -> None:
    file = rp.Trigger.random("border", (12, 12)).save(tmp_path / "t.pt")
    for read in (lambda: faap.FAAP.load(file, Net()), lambda: DVGE.load(file, lambda v: v)):
        with pytest.raises(CorruptFile, match="save wrote"):
            read()
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)
    with pytest.raises(CorruptFile):
        rp.Trigger.load(file)


@pytest.mark.parametrize("shape", ["patch", "border"])
def test_an_exported_trigger_gives_the_same_images(tmp_path: Path, shape: str) -> None:
    trigger = rp.Trigger.random(shape, (12, 16))
    loaded = torch.jit.load(trigger.export(tmp_path / "deep" / "t.ts"))
    for n in (1, 3, 5):
        x = torch.rand(n, 3, 12, 16, generator=torch_rng(n))
        torch.testing.assert_close(loaded(x), trigger.transform(x))
