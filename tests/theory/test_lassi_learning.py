"""LASSI's learning: laws of draws, the fast step against a plain one, and what the losses do."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName
from fairtut.methods.lassi import learning
from fairtut.methods.lassi.config import PRESETS, Config, preset
from fairtut.methods.lassi.learning import Learned, consumer, encode, train
from fairtut.methods.lassi.losses import (
    Learner,
    attack,
    first_layer,
    losses,
    reconstruction_loss,
    similarity_loss,
)
from fairtut.methods.lassi.selection import Best
from fairtut.methods.lassi.similar import draw_similar
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
Q = 12
SMALL = Config(hidden=(10, 8), outputs=6, batch=40, epochs=2, consumer_batch=40)
SETTINGS = {
    "naive": SMALL,
    "dataaug": replace(SMALL, augment=3),
    "lassi": replace(SMALL, similarity=0.3, delta=0.01),
    "all": replace(SMALL, similarity=0.3, reconstruction=0.2, augment=2),
    "transfer": replace(SMALL, classification=0, similarity=0.3, reconstruction=0.2),
}


def people(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Latents whose first two coordinates decide y, and labels."""
    z = torch.randn(n, Q, generator=torch_rng(seed, "people"))
    return z, (z[:, 0] + 0.5 * z[:, 1] > 0).long()


def toy(config: Config, k: int = 1) -> tuple[Learner, Tensor, Tensor, Tensor]:
    """A learner that has seen batches, a batch and directions, in double precision."""
    learner = Learner(Q, 2, config, torch_rng(1)).double()
    z, y = people(40)
    for part in range(3):
        learner.representation(people(50, 5 + part)[0].double())
    a = torch.randn(k, Q, generator=torch_rng(2)).double()
    return learner, z.double(), y, a


# --- draws from the similarity set ---------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_draws_are_uniform_in_the_ball(k: int) -> None:
    t = draw_similar((400, 10), k, 2.0, generator=torch_rng(k)).flatten(0, 1).double()
    assert t.shape == (4000, k)
    radius = t.norm(dim=1).numpy() / 2
    assert stats.kstest(radius**k, "uniform").pvalue > 1e-3  # P(radius <= r) = r^k
    # and one coordinate of a uniform point of the k-ball: (1 + x) / 2 is Beta((k + 1) / 2, same)
    half = (t[:, 0].numpy() / 2 + 1) / 2
    assert stats.kstest(half, stats.beta((k + 1) / 2, (k + 1) / 2).cdf).pvalue > 1e-3


def test_the_cube_has_independent_uniform_coordinates() -> None:
    t = draw_similar((4000,), 3, 0.5, law="cube", generator=torch_rng(0)).double().numpy()
    for j in range(3):
        assert stats.kstest(t[:, j], stats.uniform(-0.5, 1).cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(np.abs(t).T) - np.eye(3)).max() < 0.06


def test_sets_that_do_not_exist_are_refused() -> None:
    assert not draw_similar((3,), 2, 0.0).any()
    for epsilon in (-0.1, math.nan):
        with pytest.raises(InputError, match="epsilon must be a number of at least 0, got"):
            draw_similar((3,), 1, epsilon)
    with pytest.raises(InputError, match="at least one attribute vector"):
        draw_similar((3,), 0, 1)
    with pytest.raises(UnknownName, match="law of the similarity set"):
        draw_similar((3,), 1, 1, law="sphere")


# --- the fast step is the plain one --------------------------------------------------------------


def plain_attack(learner: Learner, z: Tensor, a: Tensor, t: Tensor) -> Tensor:
    """The search as published, one draw of all images after the other, on full latents."""
    r = copy.deepcopy(learner.representation).eval()
    with torch.no_grad():
        far = torch.stack([(r(z) - r(z + t[:, j] @ a)).norm(dim=1) for j in range(t.shape[1])])
    return torch.stack([t[i, far[:, i].argmax()] for i in range(len(z))])


def plain_loss(learner: Learner, z: Tensor, y: Tensor, a: Tensor, c: Config) -> Tensor:
    """The loss of a batch as in the paper, by R on full latents, in training mode."""
    rng, r, k = torch_rng(9), learner.representation.train(), len(a)
    if c.similarity:
        t = plain_attack(
            learner, z, a, draw_similar((len(z), c.attack), k, c.epsilon, generator=rng).double()
        )
    code = r(z)
    total = torch.zeros((), dtype=z.dtype)
    if c.classification:
        groups = [functional.cross_entropy(learner.head(code), y, reduction="none")]
        if c.augment:
            s = draw_similar((len(z), c.augment), k, c.epsilon, generator=rng).double()
            moved = torch.cat([z[i] + s[i] @ a for i in range(len(z))])
            labels = torch.cat([y[i].expand(c.augment) for i in range(len(z))])
            groups.append(
                functional.cross_entropy(learner.head(r(moved)), labels, reduction="none")
            )
        total = total + c.classification * torch.cat(groups).mean()
    if c.similarity:
        norms = ((code - r(z + t @ a)) ** 2).sum(1).sqrt()
        total = total + c.similarity * torch.clamp(norms - c.delta, min=0).mean()
    if c.reconstruction:
        total = total + c.reconstruction * (learner.decoder(code) - z).pow(2).sum(1).sqrt().mean()
    return total


@pytest.mark.parametrize("k", [1, 3])
def test_the_search_is_the_plain_one_and_changes_nothing(k: int) -> None:
    learner, z, _, a = toy(SETTINGS["lassi"], k)
    t = draw_similar((len(z), 10), k, 1.0, generator=torch_rng(3)).double()
    before = state_digest(learner)
    found = attack(learner.representation, *first_layer(learner.representation, z, a), t)
    assert torch.equal(found, plain_attack(learner, z, a, t))
    assert learner.training and state_digest(learner) == before
    # in blocks and in single precision as well
    single, many = learner.float().representation, t.repeat(1, 300, 1).float()
    again = attack(single, *first_layer(single, z.float(), a.float()), many)
    assert (again.double() - found).abs().max() < 1e-6


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("k", [1, 2])
def test_a_step_is_the_plain_step(name: str, k: int) -> None:
    c = SETTINGS[name]
    mine, z, y, a = toy(c, k)
    theirs, start = copy.deepcopy(mine), copy.deepcopy(mine)
    for learner in (mine, theirs):
        adam = torch.optim.Adam(learner.parameters(), 1e-3, fused=learner is mine)
        if learner is mine:
            loss = losses(mine.train(), z, y, a, c, torch_rng(9))["loss"]
        else:
            loss = plain_loss(theirs, z, y, a, c)
        loss.backward()
        adam.step()
    state, reference, first = (x.state_dict() for x in (mine, theirs, start))
    moved = {n for n in state if not torch.equal(state[n], first[n])}
    assert {"representation.linears.0.weight", "representation.norms.2.running_mean"} <= moved
    batches = 1 + bool(c.similarity) + bool(c.augment)  # each updates the running statistics
    counter = "representation.norms.0.num_batches_tracked"
    assert int(state[counter] - first[counter]) == batches
    for key, value in state.items():
        torch.testing.assert_close(value, reference[key], rtol=0, atol=1e-9, msg=key)


def test_losses_in_closed_form() -> None:
    code = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    far = torch.tensor([[3.0, 4.0], [1.0, 1.0]])
    assert float(similarity_loss(code, far, 0)) == 2.5
    assert float(similarity_loss(code, far, 1)) == 2
    assert float(reconstruction_loss(far, code)) == 2.5
    same = code.clone().requires_grad_()
    similarity_loss(same, code, 0).backward()
    assert same.grad is not None and not same.grad.any()  # not NaN where codes coincide


# --- training -------------------------------------------------------------------------------------


def fitted(config: Config, seed: int = 0, **more: object) -> Learned:
    z, y = people(200)
    a = torch.eye(Q)[1:2] * 2  # along a coordinate that y depends on
    return train(z, y, a, people(100, 1), config=config, seed=seed, **more)  # type: ignore[arg-type]


def farthest(learned: Learned) -> float:
    """Mean over test latents of max ||R(z) - R(z + t a)|| on a fine grid of t."""
    z, r = people(100, 2)[0], learned.representation
    grid = torch.linspace(-1, 1, 41)
    moves = [
        (encode(r, z) - encode(r, z + float(t) * 2 * torch.eye(Q)[1])).norm(dim=1) for t in grid
    ]
    return float(torch.stack(moves).amax(0).mean())


def test_lassi_brings_similar_latents_together() -> None:
    longer = replace(SMALL, epochs=10, lr=5e-3)
    moved = {
        name: farthest(fitted(c))
        for name, c in {
            "naive": longer,
            "dataaug": replace(longer, augment=10),
            "lassi": replace(longer, similarity=0.5),
        }.items()
    }
    assert moved["lassi"] < 0.3 * moved["naive"] and moved["lassi"] < moved["dataaug"]
    assert moved["dataaug"] < moved["naive"]


def test_transfer_learns_to_reconstruct_without_labels() -> None:
    z, a = people(200)[0], torch.eye(Q)[1:2]
    c = replace(SMALL, classification=0, reconstruction=0.1, similarity=0.05, epochs=30, lr=5e-3)
    learned = train(z, None, a, (people(100, 1)[0], None), config=c)
    assert learned.head is None and learned.decoder is not None
    losses_ = [h["valid_reconstruction"] for h in learned.history]
    assert losses_[-1] < 0.9 * losses_[0]  # over seeds .85 with a deviation of .01
    assert learned.best == int(np.argmin([h["valid_loss"] for h in learned.history]))
    # the loss is what reconstructing R's codes costs
    again = learned.decoder(encode(learned.representation, people(100, 1)[0]))
    cost = float((again - people(100, 1)[0]).norm(dim=1).mean())
    assert cost == pytest.approx(losses_[learned.best], rel=1e-5)


def test_the_rule_of_selection() -> None:
    longer = replace(SMALL, epochs=6, lr=2e-2)
    for change in ({}, {"augment": 3}):
        learned = fitted(replace(longer, **change))
        accuracy = [h["valid_accuracy"] for h in learned.history]
        assert learned.best == int(np.argmax(accuracy))  # the first of the best
    learned = fitted(replace(longer, similarity=0.05))
    assert learned.best == int(np.argmin([h["valid_loss"] for h in learned.history]))
    kept = learned.representation
    assert not kept.training and not any(p.requires_grad for p in kept.parameters())


def test_best_keeps_the_weights_of_the_best_epoch() -> None:
    for higher, expected in ((False, 2.0), (True, 1.0)):
        net = nn.Linear(1, 1)
        values = iter([0.5, 0.7, 0.3, 0.3, 0.7])
        best = Best(net, lambda values=values: {"x": next(values)}, "x", higher)
        for epoch in range(5):
            nn.init.constant_(net.weight, epoch)
            best.look()
        assert float(best.weights["weight"]) == expected == best.epoch


@pytest.mark.parametrize("name", ["lassi", "all"])
def test_a_resumed_training_gives_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = replace(SETTINGS[name], epochs=3)
    whole = fitted(c, seed=4)
    calls = 0

    def dying(*inputs: object) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 10:  # in the second epoch: 5 updates and 3 of validation per epoch
            raise KeyboardInterrupt
        return losses(*inputs)  # type: ignore[arg-type]

    file = tmp_path / "part"
    with monkeypatch.context() as patch:
        patch.setattr(learning, "losses", dying)
        with pytest.raises(KeyboardInterrupt):
            fitted(c, seed=4, checkpoint=file)
    assert file.is_file()
    resumed = fitted(c, seed=4, checkpoint=file)
    assert file.is_file()  # it stays until the caller has saved the result
    assert state_digest(resumed.representation) == state_digest(whole.representation)
    assert resumed.history == whole.history and resumed.best == whole.best
    assert state_digest(fitted(c, seed=5).representation) != state_digest(whole.representation)


def test_a_consumer_learns_and_noise_makes_it_modest() -> None:
    z, y = people(2000)
    quick = replace(SMALL, consumer_epochs=4, consumer_lr=1e-2)
    heads = [consumer(z, y, config=replace(quick, sigma_rs=s)) for s in (0.0, 3.0)]
    accuracy = [float((h(z).argmax(1) == y).float().mean()) for h in heads]
    assert accuracy[0] > 0.97 and accuracy[1] > 0.8
    margins = [float((h.weight[1] - h.weight[0]).norm()) for h in heads]
    assert margins[1] < 0.3 * margins[0]
    # noise that is alike along every axis leaves the normal of the rule, (1, .5, 0, ...)
    normal = (heads[1].weight[1] - heads[1].weight[0]).detach()
    rule = torch.zeros(Q).index_copy(0, torch.tensor([0, 1]), torch.tensor([1.0, 0.5]))
    assert float(functional.cosine_similarity(normal, rule, dim=0)) > 0.85


# --- settings and errors --------------------------------------------------------------------------


def test_presets_are_the_released_settings() -> None:
    c = PRESETS
    assert {name: x.sigma_rs for name, x in c.items()} == {
        "naive": 10, "dataaug": 10, "lassi": 2.5, "lassi-earrings-makeup": 2.5, "transfer": 0.5,
        "naive-fairface-2": 5, "naive-fairface-3": 0.1, "naive-fairface-9": 0.1,
        "dataaug-fairface-2": 5, "dataaug-fairface-3": 2.5, "dataaug-fairface-9": 1,
        "lassi-fairface": 0.25, "transfer-fairface": 0.1, "transfer-fairface-weak": 0.1,
        "naive-3dshapes": 5, "lassi-3dshapes": 1,
    }  # fmt: skip
    for name, x in c.items():
        weights = (x.classification, x.similarity, x.reconstruction)
        kind = name.split("-")[0]
        assert x.epochs == (20 if kind == "transfer" else 5)
        assert x.augment == (10 if kind == "dataaug" else 0)
        assert x.epsilon == (0.5 if "fairface" in name else 1)
        if kind in ("naive", "dataaug"):
            assert weights == (1, 0, 0)
    assert c["lassi"].similarity == 0.05 and c["lassi-earrings-makeup"].similarity == 0.25
    assert c["lassi-fairface"].similarity == c["lassi-3dshapes"].similarity == 0.1
    found = c["transfer"]
    assert (found.classification, found.similarity, found.reconstruction) == (0, 0.05, 0.1)
    assert c["transfer-fairface-weak"].classification == 0.01
    with pytest.raises(UnknownName, match="LASSI preset"):
        preset("lasso")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"epsilon": -1.0}, "epsilon must be a number of at least 0, got -1"),
        ({"similarity": -0.1}, "similarity must be a number of at least 0, got -0.1"),
        ({"sigma_rs": math.nan}, "sigma_rs must be a number of at least 0, got nan"),
        ({"classification": 0}, "all three loss weights are 0"),
        ({"augment": -1}, "augment = -1"),
        ({"attack": 0}, "attack, epochs and consumer_epochs must be at least 1"),
        ({"batch": 1}, "batch norm needs 2 latents"),
    ],
)
def test_settings_are_checked(change: dict, error: str) -> None:
    with pytest.raises(InputError, match=error):
        replace(SMALL, **change)


def test_bad_input_is_named() -> None:
    z, y = people(50)
    a, v = torch.eye(Q)[:2], people(20, 1)
    broken = z.clone()
    broken[7, 3] = math.nan
    c = replace(SMALL, similarity=0.1)

    def bad(message: str, config: Config = c, **change: object) -> None:
        inputs = {"z": z, "y": y, "directions": a, "valid": v} | change
        with pytest.raises(InputError, match=message):
            train(**inputs, config=config)  # type: ignore[arg-type]

    bad(r"training latents hold NaN or infinity \(first in row 7\)", z=broken)
    bad("validation latents hold NaN", valid=(broken, y))
    bad(r"validation latents have shape \(20, 5\)", valid=(v[0][:, :5], v[1]))
    bad(r"training latents have shape \(12,\)", z=z[0])
    bad(r"directions have shape \(2, 11\): need \(k, 12\)", directions=a[:, 1:])
    bad("linearly dependent", directions=a[[0, 0]])
    bad("the 1 directions are zero", directions=torch.stack([a[0], 0 * a[0]]),
        config=replace(c, law="cube"))  # fmt: skip
    bad("pass directions", directions=None)
    bad("training labels are all 1: two classes are needed", y=torch.ones(50))
    bad("training labels must be whole numbers", y=y - 1)
    bad("training labels have shape None: need one for each of 50", y=None)
    bad("validation labels hold class 2, unknown in training", valid=(v[0], v[1] + 1))
    with pytest.raises(InputError, match="consumer's labels are all 0"):
        consumer(z, 0 * y, config=c)
    with pytest.raises(InputError, match="given latents hold NaN"):
        encode(fitted(replace(SMALL, epochs=1)).representation, broken)


def test_dependent_vectors_are_fine_in_the_cube() -> None:
    a = torch.stack([torch.eye(Q)[0], torch.eye(Q)[1], torch.eye(Q)[0] - torch.eye(Q)[1]])
    c = replace(SMALL, similarity=0.1, law="cube", epochs=1)
    assert train(*people(50), a, people(20, 1), config=c).best == 0


def test_the_benchmark_agrees(quick_benchmark: Any) -> None:
    result = quick_benchmark("lassi_step")
    assert result["agreement"] and result["ratio"] > 0
