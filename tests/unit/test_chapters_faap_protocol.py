"""Who is trained on whom, what is kept under which settings, and what FAAP's side looks measure."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from fairtut.chapters import faap as study
from fairtut.chapters.faap import protocol, saliency, side, table, transfer
from fairtut.chapters.faap.opening import CHAPTER
from fairtut.data.images import ImageSet
from fairtut.lab.plan import Plan
from fairtut.runtime.device import pick_device
from fairtut.runtime.presets import DATA_MODES, PRESETS
from tests.toys import Brightness

N = 240


def numbered(name: str = "celeba", seed: int = 0) -> ImageSet:
    """Return people whose every pixel is their own number."""
    rng = np.random.default_rng(seed)
    x = torch.arange(N, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8)
    columns = pd.DataFrame({c: rng.random(N) < 0.5 for c in ("Attractive", "Smiling", "Male")})
    split = np.resize(["train", "train", "val", "test"], N)
    return ImageSet(x, columns, split, name, "made up", f"{seed}" * 8)


def reader(cut: float = 120) -> Any:
    """Return a model whose code is a person's number and that says yes to numbers above a cut."""

    def f(z: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(z), z - cut], 1)

    return SimpleNamespace(g=lambda x: 255 * x.mean((1, 2, 3))[:, None], f=f)


def mirrored(x: Tensor) -> Tensor:
    return (240 / 255 - x).clamp(0, 1)


class Bounded:
    """A change of images that has a bound to be compared with noise."""

    epsilon = 0.05

    def __init__(self, change: Any) -> None:
        self.change = change

    def __call__(self, x: Tensor) -> Tensor:
        return self.change(x)


# ---------------------------------------------------------------- people


@pytest.mark.parametrize("name", ["celeba", "lfw"])
def test_nobody_is_both_learned_from_and_evaluated(name: str) -> None:
    images = numbered(name)
    task = study.Task(images, "Smiling", 4)
    parts = [set(rows.tolist()) for rows in (*task.halves(), task.evaluated())]
    assert len(set.union(*parts)) == sum(map(len, parts)) == N
    expected = {"celeba": [60, 60, 120], "lfw": [120, 60, 60]}[name]
    assert [len(part) for part in parts] == expected
    assert set(images.split[list(parts[2])]) == ({"test"} if name == "lfw" else {"val", "test"})
    few = study.Task(images, "Smiling", 4, half=17).halves()
    for rows, whole in zip(few, parts, strict=False):
        assert len(rows) == 17 and set(rows.tolist()) <= whole and bool((rows.diff() > 0).all())


def test_a_seed_cuts_other_halves_and_evaluates_the_same_people() -> None:
    one, other = (study.Task(numbered(), "Smiling", seed) for seed in (0, 1))
    assert not torch.equal(one.halves()[0], other.halves()[0])
    assert torch.equal(one.evaluated(), other.evaluated())
    assert torch.equal(study.Task(numbered(), "Attractive", 0).halves()[0], one.halves()[0]), (
        "targets share their halves"
    )


def test_noise_moves_each_pixel_by_the_bound_to_either_side() -> None:
    grey = torch.full((40, 3, 16, 16), 0.5)
    first = study.Noise(0.05, seed=3)
    moved = first(grey)
    torch.testing.assert_close((moved - 0.5).abs(), torch.full_like(grey, 0.05))
    up = float((moved > 0.5).float().mean())
    assert abs(up - 0.5) < 5 * 0.5 / np.sqrt(grey.numel())
    assert not torch.equal(first(grey), moved), "every batch has noise of its own"
    assert torch.equal(study.Noise(0.05, seed=3)(grey), moved)
    assert not torch.equal(study.Noise(0.05, seed=4)(grey), moved)
    ends = study.Noise(0.05, seed=3)(torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)]))
    assert set(ends.unique().tolist()) == {
        0.0,
        1.0,
        float(np.float32(0.05)),
        float(np.float32(0.95)),
    }


def test_codes_and_margins_come_in_the_order_of_the_images_however_many() -> None:
    x = torch.cat([numbered().x] * 3)  # 720 images, three batches
    calls: list[int] = []

    def change(batch: Tensor) -> Tensor:
        calls.append(len(batch))
        return batch / 2

    for factor, how in ((1.0, None), (0.5, change)):
        z, margin = study.see(reader(), x, how)
        numbers = factor * torch.arange(N).repeat(3).float()
        torch.testing.assert_close(z[:, 0], numbers)
        np.testing.assert_allclose(margin, numbers - 120, atol=1e-3)
    assert sum(calls) == 720


@pytest.mark.parametrize(("kind", "alone"), [("normal", False), ("lf", True), ("rg", True)])
def test_a_patient_is_seen_by_evaluated_people_and_read_by_probes_of_the_second_half(
    monkeypatch, kind: str, alone: bool
) -> None:
    task = study.Task(numbered(), "Attractive", 0)
    preset = replace(study.FAAP["smoke"], only_t=("Attractive",), probe=25)
    objectives, asked = [], []

    def generator(task, models, names, config):
        objectives.append(config.objective)
        g = mirrored if config.objective == "paper" else torch.zeros_like
        judge = nn.Linear(1, 2)  # D says 1 to codes above 120
        with torch.no_grad():
            judge.weight.copy_(torch.tensor([[0.0], [1.0]]))
            judge.bias.copy_(torch.tensor([0.0, -120.5]))
        return Bounded(g), [judge], [{}]

    def probe(z, label, z_test, *, hidden, seed):
        asked.append((z[:, 0].round().long(), label, z_test[:, 0].round().long(), hidden))
        return torch.ones(len(z_test), dtype=torch.long)

    monkeypatch.setattr(protocol, "deploy", lambda *_: reader())
    monkeypatch.setattr(protocol, "generator", generator)
    monkeypatch.setattr(protocol, "probe", probe)
    found = protocol.treat(task, kind, preset)
    rows, people = task.halves()[1][:25], task.evaluated()
    assert set(found.margin) == {"plain", "noise", "faap", *(["only-t"] if alone else [])}
    assert objectives == ["paper", *(["only-t"] if alone else [])]
    np.testing.assert_allclose(found.margin["plain"], people - 120.0, atol=1e-3)
    np.testing.assert_allclose(found.margin["faap"], 120.0 - people, atol=1e-3)
    assert np.abs(found.margin["noise"] - (people.numpy() - 120)).max() <= 0.05 * 255 + 1e-3
    names = ("linear", "mlp", "target")
    assert [hidden for *_, hidden in asked] == [(), (128,), ()] * 2
    for i, (known, label, tested, _) in enumerate(asked):
        seen = (lambda v: v) if i < 3 else (lambda v: 240 - v)
        assert torch.equal(known, seen(rows)) and torch.equal(tested, seen(people))
        truth = task.y if names[i % 3] == "target" else task.s
        assert torch.equal(label, truth[rows])
        right = found.right[names[i % 3] + ("" if i < 3 else "-faap")]
        np.testing.assert_array_equal(right, truth[people] == 1)
    said = (240 - people > 120).long()
    np.testing.assert_array_equal(found.right["d-faap"], said == task.s[people])


# ---------------------------------------------------------------- what is kept


def test_a_deployed_model_depends_on_what_its_kind_uses(monkeypatch) -> None:
    seen: list[dict[str, Any]] = []

    def network(build, train, about):
        seen.append(dict(about))
        return None, {}

    monkeypatch.setattr(protocol, "network", network)

    def card(kind: str, task: study.Task, **changes: Any) -> dict[str, Any]:
        study.deploy(task, kind, study.FAAP["smoke"], **changes)
        return seen[-1]

    task, kinds = study.Task(numbered(), "Attractive", 0, 30), ("normal", "fair", "lf", "rg")
    changes: dict[str, tuple[dict[str, Any], set[str]]] = {
        "strength": ({"strength": (("fair", 9.0), ("rg", 9.0))}, {"fair", "rg"}),
        "looks": ({"looks": (("fair", "features"), ("rg", "features"))}, {"fair", "rg"}),
        "flip rate": ({"flip_rate": 0.5}, {"lf"}),
        "flip": ({"flip": "uniform"}, {"lf"}),
        "epochs": ({"epochs": 7}, set(kinds)),
        "lr": ({"lr": 0.5}, set(kinds)),
    }
    usual = {kind: card(kind, task) for kind in kinds}
    assert len({repr(c) for c in usual.values()}) == 4
    for name, (change, concerned) in changes.items():
        assert {k for k in kinds if card(k, task, **change) != usual[k]} == concerned, name
    for other in (
        replace(task, seed=1), replace(task, target="Smiling"), replace(task, half=31),
        replace(task, images=numbered(seed=1)),
    ):  # fmt: skip
        assert all(card(kind, other) != usual[kind] for kind in kinds)
    starts = []
    for kind in kinds:
        study.protocol.start(task, study.FAAP["laptop"].deployed("Attractive", kind), 8)
        starts.append(seen[-1])
    assert starts[1:] == starts[:-1], "all kinds of a seed start from one network"


def places(preset: study.Preset, images: ImageSet) -> dict[str, object]:
    plan = Plan.of(table.cells(images, preset), pick_device("cpu"))
    return {name: plan.places[name, seed][0] for name, seed in plan.cells if seed == 0}


def test_a_setting_changes_the_cells_that_depend_on_it_and_no_others(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    images = numbered()
    preset = replace(
        study.FAAP["smoke"], targets={"Attractive": 1, "Smiling": 2},
        kinds=("normal", "fair", "lf"), own={},
    )  # fmt: skip
    usual = places(preset, images)
    starts = {name for name in usual if name.endswith(" start")}
    assert len(starts) == 2 and len(usual) == 2 + 2 * 3

    def changed(images: ImageSet = images, **changes: Any) -> set[str]:
        found = places(replace(preset, **changes), images)
        assert set(found) == set(usual)
        return {name for name in usual if found[name] != usual[name]}

    patients = set(usual) - starts
    assert changed(numbered(seed=1)) == changed(width=9) == changed(half=31) == set(usual)
    assert changed(jobs=2, api_epochs=1, headline="Smiling", sweeps={"alpha": (0.0,)}) == set()
    assert changed(faap=replace(preset.faap, alpha=0.7)) == changed(probe=9) == patients
    smiling = {name for name in patients if "Smiling" in name}
    assert changed(only_t=("Smiling",)) == changed(beta={**preset.beta, "Smiling": 9.0}) == smiling
    own = places(replace(preset, own={"Smiling": {"fair": {"lr": 0.5}}}), images)
    assert set(own) - set(usual) == {"celeba Smiling start of fair"}
    assert {n for n in usual if own[n] != usual[n]} == {"celeba Smiling fair"}


def test_cells_come_back_under_their_target_seed_and_kind(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))

    def treat(task: study.Task, kind: str, preset: study.Preset) -> study.Patient:
        told = np.array([task.seed, len(kind), len(task.target)], np.float32)
        return study.Patient(kind, {"plain": told}, {}, [])

    monkeypatch.setattr(table, "treat", treat)
    preset = study.FAAP["smoke"]
    preset = replace(
        preset, targets={"Attractive": 1, "Smiling": 3}, kinds=("normal", "lf"), root=2,
        training=replace(preset.training, shared_epochs=0),
    )  # fmt: skip
    found = study.run_cells(numbered(), preset)
    assert {t: [c.seed for c in cells] for t, cells in found.items()} == {
        "Attractive": [200], "Smiling": [200, 201, 202],
    }  # fmt: skip
    for target, cells in found.items():
        for cell in cells:
            assert cell.target == target and list(cell.patients) == ["normal", "lf"]
            for kind, patient in cell.patients.items():
                assert patient.kind == kind
                assert patient.margin["plain"].tolist() == [cell.seed, len(kind), len(target)]
    assert list(study.run_cells(numbered(), preset, ["Smiling"])) == ["Smiling"]


# ---------------------------------------------------------------- sweeps and twins


def test_a_sweep_changes_one_setting_at_a_time_and_shows_the_usual_one(
    monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))

    def setting(images, preset, kind, config, seed, *began):
        return {"acc": config.alpha, "deo": config.epsilon, "low": config.beta, "high": seed}

    monkeypatch.setattr(side, "_setting", setting)
    monkeypatch.setattr(side, "starting", lambda *_: ())
    preset = replace(
        study.FAAP["smoke"], sweeps={"epsilon": (0.02, 0.2), "alpha": (0.9,), "bound": ("clip",)}
    )
    usual = preset.generator("Attractive")
    frame = side.sweep(numbered(), preset)
    assert list(zip(frame["parameter"], frame["value"], strict=True)) == [
        ("epsilon", 0.02), ("epsilon", 0.2), ("epsilon", 0.05), ("alpha", 0.9),
        ("alpha", usual.alpha), ("bound", "clip"), ("bound", "tanh"),
    ]  # fmt: skip
    assert frame["deo"].tolist() == [0.02, 0.2, *[0.05] * 5]
    assert frame["acc"].tolist() == [*[usual.alpha] * 3, 0.9, *[usual.alpha] * 3]
    assert set(frame["low"]) == {usual.beta} and set(frame["high"]) == {0}


def test_twins_that_change_the_decision_are_counted_before_and_after(monkeypatch) -> None:
    images = numbered("faces")
    monkeypatch.setattr(side, "deploy", lambda *_: reader())
    monkeypatch.setattr(side, "generator", lambda *_: (torch.ones_like, None, None))
    preset = replace(study.FAAP["smoke"], targets={"Attractive": 2})
    test = images.x[images.split == "test"]
    numbers = np.flatnonzero(images.split == "test")
    nearer = (test.int() - 60).clamp_min(0).to(torch.uint8)  # numbers from 121 to 180 change sides
    found = side.flips(images, nearer, preset, ("lf",))
    share = ((numbers > 120) & (numbers <= 180)).mean()
    assert found["faces.lf.flips"].values == pytest.approx([share, share])
    assert found["faces.lf-faap.flips"].values == [0, 0]  # a generator that shows all the same
    assert found["faces.lf.flips-change"].values == pytest.approx([-share, -share])
    assert {entry.n for entry in found.values()} == {len(numbers)}


def test_dialled_faces_teach_a_model_that_the_same_people_judge(monkeypatch) -> None:
    images, other = numbered("faces"), numbered("faces", seed=1)
    cuts = {images.digest: 120.0, other.digest: 60.0}
    monkeypatch.setattr(side, "deploy", lambda task, *_: reader(cuts[task.images.digest]))
    found = side.dialled(images, other, study.FAAP["smoke"])
    rows = np.flatnonzero(images.split == "test")
    y, s = (images.labels(c).numpy()[rows] for c in ("Attractive", "Male"))
    deo = [
        sum(
            abs(np.subtract(*((rows[(y == label) & (s == g)] > cut).mean() for g in (1, 0))))
            for label in (0, 1)
        )
        for cut in (120, 60)
    ]
    assert found["faces.dialled.deo"].values == pytest.approx([deo[1]])
    assert found["faces.dialled.deo-vs-law"].values == pytest.approx([deo[1] - deo[0]])


# ---------------------------------------------------------------- black boxes and heat


def test_the_boxes_are_asked_five_times_about_the_test_people_and_know_no_surrogate(
    monkeypatch,
) -> None:
    images, taught = numbered(), []

    def generator(task, models, names, config):
        taught.append(tuple(names))
        shown = {2: torch.ones_like, 1: torch.zeros_like}[len(names)]
        return (shown if names[0] == "normal" else lambda x: x), None, None

    monkeypatch.setattr(transfer, "deploy", lambda *_: None)
    monkeypatch.setattr(transfer, "generator", generator)
    monkeypatch.setattr(transfer, "_box", lambda *_: Brightness())
    found = transfer.run_transfer(images, "Attractive", 0, study.FAAP["smoke"])
    assert taught == [("normal", "fair"), ("normal",), ("box a",), ("box b",)]
    numbers = np.flatnonzero(images.split == "test")
    assert found.queries == {"a": 5 * len(numbers), "b": 5 * len(numbers)}
    # a says yes above a margin of 0; of b's three levels, cut at -1 and 1, the upper two count
    for box, edge in (("a", 255 / 2), ("b", 255 * 0.4)):
        said = found.decisions[box]
        clear = np.abs(numbers - edge) > 4  # JPEG may move a grey level
        for version in ("plain", "white-box"):
            np.testing.assert_array_equal(said[version][clear], (numbers > edge)[clear])
        assert said["transfer"].all() and not said["single"].any()
        far = np.abs(numbers - edge) > 4 + 0.05 * 255
        np.testing.assert_array_equal(said["noise"][far], (numbers > edge)[far])


def test_the_papers_rule_looks_at_the_people_that_faap_corrected(monkeypatch) -> None:
    images = numbered()
    monkeypatch.setattr(saliency, "deploy", lambda *_: reader())
    monkeypatch.setattr(saliency, "generator", lambda *_: (mirrored, None, None))
    monkeypatch.setattr(
        saliency, "heat", lambda model, x: torch.full((len(x), 50, 50), 1 / 2500)
    )  # fmt: skip
    preset = study.FAAP["smoke"]

    def looks(selected: bool, **options: Any) -> saliency.Look:
        return saliency.looks(images, "Attractive", 0, preset, "lf", selected=selected, **options)

    test = np.flatnonzero(images.split == "test")
    y = images.labels("Attractive").numpy()[test]
    wrong = test[(test > 120) != y]  # a mirrored face gets the other answer
    np.testing.assert_array_equal(looks(True).rows, wrong)
    assert 10 < len(wrong) < 50
    some = looks(False, count=20, keep=3)
    assert len(some.rows) == 20 and set(some.rows) <= set(test) and (np.diff(some.rows) > 0).all()
    np.testing.assert_array_equal(some.rows, looks(False, count=20).rows)
    assert not set(some.rows) <= set(wrong)
    top, bottom, left, right = saliency.MOUTH["celeba"]
    area = (bottom - top) * (right - left)
    for version in ("plain", "faap"):
        assert some.maps[version].shape == (3, 50, 50) and some.shares[version].shape == (20,)
        np.testing.assert_allclose(some.shares[version], area, rtol=1e-5)  # whole pixels, by choice


# ---------------------------------------------------------------- presets


@pytest.mark.parametrize("data", DATA_MODES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_its_kinds_alike_but_for_what_a_kind_may_change(
    name: str, data: str
) -> None:
    preset = study.configuration(name, data, 1)
    assert {"normal", "lf"} <= set(preset.kinds), "flips and floors need both"
    assert set(preset.only_t) <= {preset.headline}
    for parameter, values in preset.sweeps.items():
        usual = getattr(preset.generator(preset.headline), parameter)
        assert usual not in values and len(set(values)) == len(values)
    for target in preset.targets:
        usual = preset.deployed(target)
        for kind in preset.kinds:
            own = preset.own.get(target, {}).get(kind, {})
            assert preset.deployed(target, kind) == replace(usual, **own)
            assert preset.deployed(target, kind).shared_epochs == usual.shared_epochs
        changed = preset.generator(target, alpha=0.77)
        assert changed == replace(preset.generator(target), alpha=0.77)


def test_root_seeds_share_no_cell_and_a_grown_run_keeps_its_first() -> None:
    runs = [study.configuration("laptop", "real", root) for root in range(3)]
    for target in runs[0].targets:
        seeds = [set(preset.seeds(target)) for preset in runs]
        assert len(set.union(*seeds)) == sum(map(len, seeds))
    more = CHAPTER.enlarged(runs[1], 9)
    assert CHAPTER.seeds(more) == {target: list(range(100, 109)) for target in runs[1].targets}
    assert CHAPTER.seeds(runs[1])["Blond_Hair"] == [100, 101]
    assert CHAPTER.size(runs[1]) == "10 cells of 4 models each"


def test_lfw_is_trained_longer_on_one_target_of_its_own() -> None:
    for name in PRESETS:
        real = study.configuration(name, "real", 3)
        small = study.for_lfw(real)
        assert dict(small.targets) == {"Happy": 1} and small.headline == "Happy"
        assert not small.only_t and small.seeds("Happy") == range(300, 301)
        assert (small.width, small.size, small.kinds) == (real.width, real.size, real.kinds)
        assert replace(small.training, epochs=1, shared_epochs=1) == replace(
            real.training, epochs=1, shared_epochs=1
        )
