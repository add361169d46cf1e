"""One step of every training loop at the sizes of the preset ``paper``, on the simulated device.

Nobody runs that preset without a GPU, so this is where its networks and losses first meet one.
Widths, depths, picture sizes and weights of losses are the preset's own; batches are tiny, because
a device's rules do not depend on them.

Whatever makes a step wait is named here, loop by loop.  *From* the host come the rows of the batch,
and the draws of generators that live there so that every device sees the same ones.  *To* the host
goes nothing, but for a few single numbers that decide what is done next.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.optim import optimizer

from fairtut.chapters import dvge, lassi
from fairtut.chapters import faap as faap_study
from fairtut.chapters import frtrain as frtrain_study
from fairtut.chapters import reprogramming_text as text_study
from fairtut.chapters import reprogramming_vision as vision_study
from fairtut.data.comments import CommentSet
from fairtut.methods import deployed, faap, latent
from fairtut.methods import frtrain as fr
from fairtut.methods.dvge import training as classifiers
from fairtut.methods.lassi import glow_training, learning
from fairtut.methods.lassi.discover import discover
from fairtut.methods.latent import reversal
from fairtut.methods.reprogramming import (
    train_text,
    train_text_weights,
    train_trigger,
    train_weights,
    train_words,
)
from fairtut.models.glow import Glow
from fairtut.models.resnet import FaceClassifier, resnet18
from fairtut.models.vae import ConvVAE
from fairtut.runtime.seeds import torch_rng
from tests.device import simulated
from tests.device.simulated import KIND, Counts

torch.set_num_threads(1)

pytestmark = pytest.mark.skipif(
    os.environ.get("FAIRTUT_DEVICE_CHAPTERS", "") in ("", "0"),
    reason="two minutes of a core: `make device` runs it, and the nightly",
)

BATCH = 4
ITEM, FROM_HOST, TO_HOST = "_local_scalar_dense", "copy to the device", "copy to the host"
Y, S = torch.tensor([0, 1] * BATCH), torch.tensor([0, 0, 1, 1] * (BATCH // 2))


@pytest.fixture(params=[True, False], ids=["float64", "no-float64"])
def sim(request: pytest.FixtureRequest) -> Iterator[Counts]:
    with simulated.device(double=request.param) as counts:
        yield counts


def second_step(sim: Counts, train: Callable[[], object], updates: int = 1) -> Counter[str]:
    """Train for two steps; return what the second one waited for.  It must have used the device.

    Parameters
    ----------
    sim : Counts
    train : callable
        A whole training of two steps or more.
    updates : int
        How often a step calls an optimiser.
    """
    ends: list[tuple[int, Counter[str]]] = []

    def note(*_: object) -> None:
        waits: Counter[str] = Counter()
        for (kind, _place), times in sim.waits.items():
            waits[kind] += times
        ends.append((sim.kernels, waits))

    hook = optimizer.register_optimizer_step_post_hook(note)
    try:
        train()
    finally:
        hook.remove()
    (before, waited), (after, waits) = ends[updates - 1], ends[2 * updates - 1]
    assert after - before > 20
    return waits - waited


def pictures(side: int, seed: int = 0, n: int = len(Y)) -> Tensor:
    drawn = torch.randint(256, (n, 3, side, side), generator=torch_rng(seed), dtype=torch.uint8)
    return drawn.to(KIND)


def classifier(width: int, classes: int = 2) -> FaceClassifier:
    return resnet18(width, classes).to(KIND).eval().requires_grad_(False)


# --- chapter 1: the CPU, and it says so ---------------------------------------


def test_frtrain_stays_on_the_cpu_whatever_is_picked(
    sim: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTUT_DEVICE", KIND)
    preset = frtrain_study.configuration("paper", "synthetic")
    draw = frtrain_study.synthetic_draw(0, preset, 0)
    rows, clean = ((t.x, t.s, t.y) for t in (draw.train, draw.clean))
    config = replace(preset.poisoned, epochs=2, warmup=1)
    options = {"lambda_f": [0.1], "seeds": [0], "config": config, "fused": False}
    here = fr.train(*rows, clean, **options)
    assert sim.kernels == 0
    there = fr.train(*rows, clean, device=KIND, **options)  # where it is asked for, it works
    assert sim.kernels > 20
    assert there.theta == pytest.approx(here.theta, rel=1e-4, abs=1e-6)


# --- chapters 2 and 4: deployed models, FAAP, triggers ------------------------


def test_a_deployed_model(sim: Counts) -> None:
    preset = faap_study.configuration("paper", "synthetic", 0)
    config = replace(preset.deployed(preset.headline, "fair"), epochs=1, batch=BATCH)
    model, x = resnet18(preset.width).to(KIND), pictures(preset.size)
    y, s = Y.to(KIND), S.to(KIND)
    waits = second_step(
        sim, lambda: deployed.train(model, x, y, s, kind="fair", config=config, seed=0), updates=2
    )
    assert waits == {FROM_HOST: 2}  # rows, and which of them are mirrored


def test_faap(sim: Counts) -> None:
    preset = faap_study.configuration("paper", "synthetic", 0)
    config = preset.generator(preset.headline, epochs=1, batch=BATCH)
    split, x = faap.Split(classifier(preset.width), "g"), pictures(preset.size)
    y, s = Y.to(KIND), S.to(KIND)
    waits = second_step(sim, lambda: faap.train(split, x, y, s, config=config, seed=0), updates=2)
    assert waits == {FROM_HOST: 2}


@pytest.mark.parametrize("method", ["border", "patch", "advpost"])
def test_vision_triggers(sim: Counts, method: str) -> None:
    preset = vision_study.configuration("paper", "synthetic", 0)
    config = replace(preset.config(method, "eo", 1.0, len(Y)), epochs=1, batch=BATCH)
    model, x = classifier(preset.width), pictures(preset.size)
    y, s = Y.to(KIND), S.to(KIND)

    def train() -> None:
        if method == "advpost":
            train_weights(model, x, y, s, config=config, seed=0)
        else:
            train_trigger(
                model, x, y, s, shape=preset.shape(method), start=preset.start,
                centre=preset.centre, config=config, seed=0,
            )  # fmt: skip

    assert second_step(sim, train, updates=2) == {FROM_HOST: 2}


# --- chapter 3: encoders and classifiers on their codes -----------------------


@pytest.mark.parametrize(("name", "draws"), [("n", 1), ("d", 4), ("ffvae-0", 4), ("fdvae-0", 1)])
def test_encoders(sim: Counts, name: str, draws: int) -> None:
    """Noise of the codes; a shuffling adversary's second rows, their noise, and the shuffle."""
    preset = dvge.configuration("paper", "synthetic", 0)
    config = replace(dvge.encoders.configs(preset)[name], epochs=1, batch=BATCH, reencode=1)
    rng = torch_rng(0, "vae")
    model = ConvVAE(preset.latent, preset.size, preset.width, generator=rng).to(KIND)
    x, labels = pictures(preset.size), {}
    if name.startswith("ff"):
        labels = {"s": torch.stack([S, Y], 1).to(KIND)}
    elif name.startswith("fd"):
        labels = {"s": S[:, None].to(KIND), "y": Y.to(KIND)}
    updates = 1 if name == "n" else 2
    waits = second_step(sim, lambda: latent.train(model, x, config, 0, **labels), updates)
    assert waits == {FROM_HOST: 1 + draws}


def test_adt(sim: Counts) -> None:
    preset = dvge.configuration("paper", "synthetic", 0)
    config, rng = replace(preset.adt, epochs=1, batch=BATCH), torch_rng(0, "vae")
    model = ConvVAE(preset.latent, preset.size, preset.width, generator=rng).to(KIND)
    x, y, s = pictures(preset.size), Y.to(KIND), S.to(KIND)
    waits = second_step(
        sim, lambda: reversal.train(model, x, y, s, preset.sweep.adt[0], config=config)
    )
    assert waits == {FROM_HOST: 1}


def test_classifiers_on_codes(sim: Counts) -> None:
    preset = dvge.configuration("paper", "synthetic", 0)
    config = replace(preset.classifier, epochs=1, warmup=0, batch=BATCH)
    z, f_sens = torch.randn(2, len(Y), preset.latent, generator=torch_rng(0)).to(KIND)
    task = classifiers.Task(0, z, Y.to(KIND), f_sens, preset.sweep.chosen[-2:])
    waits = second_step(sim, lambda: classifiers.train(task, config))
    assert waits == {FROM_HOST: 1}


# --- chapter 5: words ---------------------------------------------------------


@pytest.mark.parametrize("method", ["base", "soft", "hard", "advpost"])
def test_words(sim: Counts, method: str) -> None:
    """Padding is cut off, so that the longest comment's length has to be known: one wait."""
    preset = text_study.configuration("paper", "synthetic", 0)
    few = replace(preset, comments=600)  # their number changes no shape
    tokens = text_study.corpus.corpus(few, False, KIND)
    part = some_of(tokens.part("tune"), 2 * 16)
    model = text_study.corpus.network(tokens, few, 0).to(KIND)
    job = text_study.protocol.Job(method, "eo", 1.0, 0, preset.count)
    config = replace(text_study.protocol.settings(preset, method, job), epochs=1, batch=16)

    def train() -> None:
        if method == "base":
            train_text(model, part, epochs=1, batch=16, lr=preset.base.lr, seed=0)
        elif method == "advpost":
            train_text_weights(model, part, config=config, seed=0)
        else:
            train_words(model, part, count=preset.count, mode=method, config=config, seed=0)

    waits = second_step(sim, train, updates=1 if method == "base" else 2)
    assert waits == {FROM_HOST: 1, ITEM: 1}


def some_of(comments: CommentSet, count: int) -> CommentSet:
    """Return the first comments: many enough that every group and both labels are among them."""
    return comments.select(list(range(count)))


# --- chapter 6: the flow, and what is learnt on its latents -------------------


def test_glow(sim: Counts) -> None:
    """A step that is not finite must not be taken, so the device is asked once whether it is."""
    preset = lassi.configuration("paper", "synthetic", 0)
    flow = preset.flow
    glow = Glow(preset.size, flow.blocks, flow.flows, flow.filters, generator=torch_rng(0))
    config = replace(flow.training, steps=2, batch=2, initial=2)
    x = pictures(preset.size, n=4)
    waits = second_step(
        sim, lambda: glow_training.train(glow, x, config=config, seed=0, device=KIND)
    )
    assert waits == {FROM_HOST: 2, ITEM: 1}


@pytest.mark.parametrize(
    ("method", "draws"), [("naive", 0), ("dataaug", 1), ("lassi", 1), ("transfer", 1)]
)
def test_representations(sim: Counts, method: str, draws: int) -> None:
    """R is folded in double precision before the worst similar latent is searched."""
    preset = lassi.configuration("paper", "synthetic", 0)
    config = preset.config(method, epochs=1, batch=BATCH)
    q = 3 * preset.size**2
    z = torch.randn(len(Y), q, generator=torch_rng(0))
    a = torch.randn(2, q, generator=torch_rng(1)) / 10
    y = Y if config.classification else None
    waits = second_step(
        sim, lambda: learning.train(z, y, a, (z, y), config=config, seed=0, device=KIND)
    )
    alone = method in ("lassi", "transfer") and not sim.double
    # R's three layers and their norms go there to be folded; six parts of what comes out return
    assert waits == Counter({FROM_HOST: 1 + draws + 6 * alone}) + Counter({TO_HOST: 15 * alone})


def test_consumers(sim: Counts) -> None:
    preset = lassi.configuration("paper", "synthetic", 0)
    config = preset.config("lassi", consumer_epochs=1, consumer_batch=BATCH)
    codes = torch.randn(len(Y), preset.outputs, generator=torch_rng(0)).to(KIND)
    waits = second_step(sim, lambda: learning.consumer(codes, Y, config=config))
    assert waits == {FROM_HOST: 1}


def test_directions_that_are_found(sim: Counts) -> None:
    preset = lassi.configuration("paper", "synthetic", 0)
    flow = preset.flow
    glow = Glow(preset.size, flow.blocks, flow.flows, flow.filters, generator=torch_rng(0))
    glow.to(KIND).initialise(pictures(preset.size, n=2), torch_rng(0))
    glow.eval().requires_grad_(False)
    judge = classifier(faap_study.configuration("paper", "synthetic", 0).width)
    z = glow.encode(pictures(preset.size, n=2))
    config = replace(preset.discover, count=1, steps=2, batch=1)
    waits = second_step(sim, lambda: discover(z, glow.decode, judge, config=config))
    assert waits == {FROM_HOST: 1, ITEM: 2}
