"""The image-trigger experiments: who trains what, what is kept, and what is measured of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.chapters import reprogramming_vision as study
from fairtut.chapters.reprogramming_vision import measures, models, multi, side
from fairtut.chapters.reprogramming_vision.measures import Measured
from fairtut.chapters.reprogramming_vision.protocol import Board, Result
from fairtut.data.images import ImageSet
from fairtut.errors import InputError
from fairtut.evidence.claims import load_claims
from fairtut.evidence.recording import Record
from fairtut.lab.asked import CONTROLS
from fairtut.methods.adversarial import entropy
from fairtut.methods.deployed import Training
from fairtut.methods.reprogramming import Config, Discriminator, Game, Patch, TriggerModule
from fairtut.methods.reprogramming.game import guess_loss
from fairtut.metrics import DEFINITIONS, group_table
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.presets import PRESETS, choose

SMALL = replace(
    study.VISION["smoke"],
    train=120, tune=80, size=16, width=2, target="Blond_Hair", snapshots=2,
    base=Training(epochs=1, shared_epochs=1, batch=40, lr=1e-2),
    trigger=Config(batch=40, hidden=(8,), lr=0.05), advin=Config(batch=40, hidden=(8,)),
    advpost=Config(batch=40, hidden=(8,)),
    steps={"trigger": 4, "advin": 2, "advpost": 2}, costs=(0.01, 0.03),
)  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))


def world(n: int = 400, size: int = 16, seed: int = 0) -> ImageSet:
    """Faces of two pixels: brightness says y, the other half says s."""
    rng = np.random.default_rng(seed)
    male = rng.random(n) < 0.5
    blond = rng.random(n) < np.where(male, 0.3, 0.6)
    x = rng.integers(60, 120, (n, 3, size, size))
    x[:, :, : size // 2] += 60 * blond[:, None, None, None]
    x[:, :, size // 2 :] += 60 * male[:, None, None, None]
    split = np.array(["train"] * 240 + ["val"] * 60 + ["test"] * (n - 300))
    columns = {"Blond_Hair": blond, "Male": male, "Smiling": rng.random(n) < 0.5,
               "Attractive": rng.random(n) < 0.5}  # fmt: skip
    pixels = torch.from_numpy(x.astype(np.uint8))
    return ImageSet(pixels, pd.DataFrame(columns), split, "faces", "made up", "0" * 8)


def test_the_four_parts_are_disjoint_and_equal_for_all_seeds():
    images = world()
    preset = replace(SMALL, held=30)
    task = study.Task.of(images, preset)
    parts = [set(task.rows(part).tolist()) for part in ("train", "tune", "val", "test")]
    assert [len(part) for part in parts] == [120, 80, 60, 130]
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert (images.split[task.train] == "train").all() and (images.split[task.val] == "val").all()
    assert (images.split[task.test] != "val").all()
    again = study.Task.of(images, replace(preset, seeds=7))
    assert torch.equal(again.tune, task.tune)
    assert not torch.equal(study.Task.of(images, replace(preset, root=1)).tune, task.tune)
    with pytest.raises(InputError, match="lower train or tune"):
        study.Task.of(images, replace(preset, train=200))


def test_scores_are_those_of_the_metrics_package():
    rng = np.random.default_rng(0)
    y, s, y_hat = (rng.integers(0, 2, 300) for _ in range(3))
    found = models.scores(y, y_hat, s)
    table = group_table(y, y_hat, s, classes=(0, 1), groups=(0, 1))
    assert found["eo"] == pytest.approx(float(DEFINITIONS["deo"].of_table(table)) / 2)
    assert found["dp"] == pytest.approx(float(DEFINITIONS["dp"].of_table(table)))
    assert found["accuracy"] == pytest.approx((y == y_hat).mean())
    assert models.scores(y, 0 * y, s)["collapsed"] == 1


def test_training_leaves_base_alone_is_kept_and_keeps_the_floor():
    task, spec = study.Task.of(world(), SMALL), study.Spec("border", "eo", 1.0)
    model = models.base(task, SMALL, 0)
    digest = state_digest(model)
    kept = models.trained(task, SMALL, 0, spec)
    assert state_digest(model) == digest == state_digest(models.base(task, SMALL, 0))
    assert [one["share"] for one in kept.snapshots] == [0.75, 1.0]
    again = models.trained(task, SMALL, 0, spec)
    assert state_digest(again.chosen) == state_digest(kept.chosen)
    for method in ("advin", "advpost"):
        other = models.trained(task, SMALL, 0, study.Spec(method, "dp", 1.0))
        assert state_digest(other.last) != digest
    few = models.training_rows(task, SMALL, 0, study.Spec("border", "eo", 1.0, ratio=0.25))
    assert len(few) == 20 and set(few.tolist()) <= set(task.tune.tolist())


def test_the_choice_is_the_least_biased_snapshot_above_the_floor():
    task = study.Task.of(world(), SMALL)
    watcher = models._Watcher(
        task, SMALL, study.Spec("border", "eo", 1.0), models.base(task, SMALL, 0)
    )
    watcher.limit = 0.8
    watcher.states = [{"i": torch.tensor(i)} for i in range(4)]
    rows = [(0.9, 0.3), (0.85, 0.1), (0.5, 0.0), (0.82, float("nan"))]
    watcher.seen = [{"share": i, "accuracy": a, "eo": b} for i, (a, b) in enumerate(rows)]
    assert watcher.choice() == (watcher.states[1], 1, False)
    watcher.limit = 0.95
    state, share, starved = watcher.choice()
    assert (share, starved) == (0, True) and state is watcher.states[0]


def _direction(config: Config, bad: bool, done: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the update of one step and the adversary's gradient; a bad D is wrong about all."""
    x, y = torch.rand(40, 3, 8, 8), torch.arange(40) % 2
    s = (torch.arange(40) // 2) % 2
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    trigger = TriggerModule(Patch(3), (8, 8))
    d = Discriminator(config.criterion, hidden=(4,))
    with torch.no_grad():
        x[s == 1] += 1  # the group is readable
        d.net.layers[-1].bias.copy_(torch.tensor([9.0, -9.0]) if bad else torch.zeros(2))
        net[1].weight.mul_(3)
    play = Game(lambda images: net(trigger(images)), trigger, trigger.pixels, d, config, 0.1)
    if not bad:  # a D that has learnt something
        for _ in range(200):
            found = play.gradients(x, y, s)
            for one, slope in zip(d.parameters(), found.of_d, strict=True):
                one.data -= 0.1 * slope
    g_z = play.gradients(x, y, s).g_z[0].clone()
    play.step(x, y, s, done)
    assert trigger.weight.grad is not None
    return trigger.weight.grad, g_z


def test_the_guard_ignores_a_discriminator_that_knows_nothing_and_the_ramp_starts_at_zero():
    torch.manual_seed(0)

    def towards(bad: bool, done: float = 0.9, **changes: object) -> float:
        update, g_z = _direction(Config(lam=3.0, hidden=(4,), **changes), bad, done)  # type: ignore[arg-type]
        return float((update * g_z).sum() / (g_z * g_z).sum())

    assert towards(True) == pytest.approx(-3, rel=1e-3)
    assert towards(True, guard=0.05) == pytest.approx(0, abs=1e-3)
    assert towards(False, guard=0.05) == pytest.approx(-3, rel=1e-3)
    assert towards(True, ramp=0.5, done=0.0) == pytest.approx(0, abs=1e-3)
    assert towards(True, ramp=0.5, done=0.25) == pytest.approx(-1.5, rel=1e-3)


def test_the_loss_of_a_guess_is_the_conditional_entropy():
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    s[y == 1] = rng.random((y == 1).sum()) < 0.1
    tensors = torch.from_numpy(y), torch.from_numpy(s)
    given = sum((y == k).mean() * entropy(np.bincount(s[y == k]) / (y == k).sum()) for k in (0, 1))
    assert float(guess_loss(*tensors, "eo")) == pytest.approx(given, rel=1e-5)
    alone = entropy(np.bincount(s) / len(s))
    assert float(guess_loss(*tensors, "dp")) == pytest.approx(alone, rel=1e-5)
    quiet = TriggerModule(Patch(3), (8, 8), start=0.1, centre=0.5)
    weight = quiet.weight.detach()
    assert float(weight.min()) >= 0.4 and float(weight.max()) <= 0.6


# ---------------------------------------------------------------- a board of made-up margins

N = 600


def board(seeds: int = 2, fall: float = 1.0, full: bool = False) -> Board:
    """Models that favour men by a gap, and methods that shrink it as λ grows."""
    rng = np.random.default_rng(0)
    s = {part: rng.integers(0, 2, N) for part in ("val", "test")}
    y = {part: (rng.random(N) < 0.4).astype(int) for part in s}

    def result(method: str, criterion: str, lam: float, gap: float, seed: int) -> Result:
        own = np.random.default_rng([seed, len(method)])
        margin = {
            part: (2.0 * y[part] - 1 + gap * (2 * s[part] - 1) + own.normal(size=N)).astype("f4")
            for part in s
        }
        pixels = np.zeros((3, 4, 4), "f4") if method in ("border", "patch") else None
        return Result(study.Spec(method, criterion, lam), seed, margin, pixels=pixels)

    def several(method: str, criterion: str, lam: float, gap: float) -> list[Result]:
        return [result(method, criterion, lam, gap, seed) for seed in range(seeds)]

    grids = study.VISION["laptop"].grids
    results = {
        (m, c, lam): several(m, c, lam, 1.0 / (1 + fall * lam)) for m, g in grids.items()
        for c, lams in g.items() for lam in lams
    }  # fmt: skip
    random = {m: several(f"random-{m}", "", 0.0, 1.2) for m in ("border", "patch")}
    return Board(y, s, several("base", "", 0.0, 1.0), random, results)


def test_measures_have_the_sign_and_the_values_that_claims_speak_of():
    made = board()
    table = measures.table(made, (0.01, 0.9), n_resamples=50)
    y, s = made.y["test"], made.s["test"]
    for i, one in enumerate(made.results["border", "eo", 3.0]):
        direct = models.scores(y, (one.margin["test"] > 0).astype(int), s)
        for name, key in (("acc", "accuracy"), ("dp", "dp"), ("eo", "eo")):
            assert table[f"border.eo.lam3.{name}"].values[i] == pytest.approx(direct[key])
    assert np.mean(table["border.eo.cost0.9.change"].values) < 0
    assert np.mean(table["base.acc-over-constant"].values) > 0
    picked = np.mean(table["border.eo.cost0.9.vs-mixing"].values)
    assert picked < 0 and np.mean(table["border.eo.cost0.9.vs-threshold"].values) < 0
    half, whole = (table[f"base.dp{end}"].values for end in ("-half", ""))
    assert half[0] * 2 == pytest.approx(whole[0])
    record = Record.start(chapter="reprogramming_vision", preset="smoke", data="synthetic", seed=0)
    for identifier, entry in table.items():
        record.measure(identifier, **vars(entry))


def test_each_trigger_is_asked_about_all_controls():
    made = board()
    found = study.beaten(made, n_resamples=50)
    assert set(found) == {
        f"beats.{method}.{c}.{control}"
        for method in ("border", "patch") for c in ("eo", "dp") for control in CONTROLS
    }  # fmt: skip
    assert all(entry.n == len(made.y["test"]) for entry in found.values())
    # a trigger that is its own noise beats nothing by it
    first = made.lams("border", "eo")
    same = replace(made, results={
        key: made.random["border"] if key[0] == "border" else of for key, of in made.results.items()
    })  # fmt: skip
    entry = study.beaten(same, n_resamples=50)["beats.border.eo.noise"]
    assert first and not np.any(entry.values) and entry.note.endswith("no")


def test_matched_meets_the_constant_the_rival_and_base():
    m = Measured(board(), 20)
    rival = m.of(m.board.results["border", "eo", 3.0])
    worse = {k: v - 0.05 if k == "acc" else v for k, v in rival.items()}
    base = m.base["acc"]
    np.testing.assert_allclose(m.matched("eo", base), m.base["eo"])
    np.testing.assert_allclose(m.matched("eo", worse["acc"], worse), worse["eo"])
    worse["acc"] = np.minimum(worse["acc"], base - 0.05)
    np.testing.assert_allclose(m.matched("eo", base, worse), m.base["eo"])
    positives = m.panel.mean(m.panel.y)
    constant = np.maximum(positives, 1 - positives) + 0 * base
    np.testing.assert_allclose(m.matched("eo", constant, rival), 0, atol=1e-12)
    # a rival that is no better than the constant is replaced by the line itself
    useless = {"acc": constant - 0.01, "eo": 0 * constant}
    np.testing.assert_allclose(m.matched("eo", base, useless), m.base["eo"])


def test_a_constant_classifier_is_never_picked_and_is_called_collapsed():
    made = board()
    for one in made.results["border", "eo", 3.0]:
        for part in ("val", "test"):
            one.margin[part][:] = -1.0
    assert made.pick("border", "eo", 1.0) in (0.3, 1.0)
    assert made.fallen(made.results["border", "eo", 3.0])
    assert made.pick("border", "eo", -1.0) is None
    table = measures.table(made, (-1.0,), n_resamples=20)
    missing = table["border.eo.cost-1.vs-mixing"]
    assert missing.values == [None] and "accuracy" in missing.note


def test_the_moved_threshold_is_chosen_on_validation():
    made = board()
    moved = Measured(made, 5).moved("eo", [0.0, 0.0])
    made.y["test"][:] = 1 - made.y["test"]  # other test labels: the same people are accepted
    again = Measured(made, 5).moved("eo", [0.0, 0.0])
    np.testing.assert_array_equal(moved["positive"], again["positive"])


def test_every_claim_waits_for_a_measurement_that_the_chapter_makes():
    made = board()
    ids = set(measures.table(made, (0.01, 0.03, 0.05, 0.9), n_resamples=5))
    beside_ids = ("ratio.", "transfer.", "size.", "multi", "null.", "look.", "theory.", "exact.")
    for claim in load_claims("reprogramming_vision"):
        if claim.untested is None:
            wanted = {*claim.measure, *([claim.shown] if claim.shown else [])}
            lost = {name for name in wanted - ids if not name.startswith(beside_ids)}
            lost -= {name for name in lost if made.pick(*_named(name)) is None}
            assert not lost, f"{claim.id} waits for {lost}"


def _named(name: str) -> tuple[str, str, float]:
    method, criterion, cost = name.split(".")[0], name.split(".")[1], name.split("cost")[1]
    return method, criterion, float(".".join(cost.split(".")[:2]))


def test_multi_class_gaps_are_means_over_classes_against_the_rest():
    rng = np.random.default_rng(0)
    y, y_hat, s = rng.integers(0, 4, 500), rng.integers(0, 4, 500), rng.integers(0, 2, 500)
    found = multi.one_vs_rest(y, s, y_hat, 4, n_resamples=10)
    direct = models.scores(y, y_hat, s, classes=4)
    assert found["eo"][0, 0] == pytest.approx(direct["eo"])
    assert found["dp"][0, 0] == pytest.approx(direct["dp"])
    assert found["acc"][0, 0] == pytest.approx(direct["accuracy"])


def test_the_exact_promises_hold_and_the_rest_of_the_theory_is_as_enumerated():
    task = study.Task.of(world(), SMALL)
    found = study.exact.invariants(task, SMALL)
    values = {name: entry.values[0] for name, entry in found.items()}
    assert values.pop("exact.released-border-share") == pytest.approx(0.992, abs=5e-4)
    assert max(values.values()) < 1e-6, values
    theory = {name: entry.values[0] for name, entry in study.theory.measures().items()}
    assert study.theory.world().triggered(None, soft=True).given_y > 0.01
    assert theory["theory.mi-saturated"] < 1e-12
    assert abs(study.theory.pooled()["shift"].mean()) > 1000 * theory["theory.pooled-spread"]


def test_a_rebuilt_trigger_is_the_trigger():
    task, spec = study.Task.of(world(), SMALL), study.Spec("patch", "eo", 1.0)
    kept = models.trained(task, SMALL, 0, spec)
    one = models.margins(models.base(task, SMALL, 0), task.images.x[task.test], kept.chosen)
    result = Result(spec, 0, {"test": one}, pixels=kept.chosen.pixels().numpy())
    again = side.rebuilt(task, SMALL, result)
    torch.testing.assert_close(again.pixels(), kept.chosen.pixels())


@pytest.mark.parametrize("name", PRESETS)
def test_presets_know_what_they_train(name):
    preset = choose(study.VISION, name)
    for cfg in (preset, study.for_real(preset, name)):
        assert cfg.ratios[0] == 1 and len(cfg.costs) >= 2
        for method, grid in cfg.grids.items():
            for criterion, lams in grid.items():
                config = cfg.config(method, criterion, lams[-1], cfg.tune)
                kind = "trigger" if method in ("border", "patch") else method
                steps = round(config.epochs * max(cfg.tune // config.batch, 1))
                assert (config.criterion, config.lam, steps) == (criterion, lams[-1],
                                                                 cfg.steps[kind])  # fmt: skip
    if name != "paper":
        assert preset.train + preset.tune <= 0.6 * preset.faces
    paper = study.VISION["paper"]
    assert (paper.shape("patch").size, paper.shape("border").width) == (80, 20)
