"""The FAAP experiments: measurements from decisions, and the claims that wait for them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.chapters import faap as study
from fairtut.chapters.faap.measures import Measured
from fairtut.data.images import ImageSet
from fairtut.data.synthetic import faces
from fairtut.errors import UnknownName
from fairtut.evidence.claims import load_claims
from fairtut.lab.asked import CONTROLS
from fairtut.metrics import DEFINITIONS, group_table
from fairtut.runtime.presets import PRESETS, choose

N = 400
READERS = ("linear", "mlp", "target")


def world(name: str, targets: tuple[str, ...], seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    split = np.where(np.arange(N) % 2 == 0, "test", "val").astype("<U5")
    split[:100] = "train"
    columns = {t: rng.random(N) < 0.5 for t in (*targets, "Male")}
    x = torch.zeros(N, 3, 8, 8, dtype=torch.uint8)
    return ImageSet(x, pd.DataFrame(columns), split, name, "made up", "0" * 8)


def cells(images: ImageSet, target: str, seeds: int = 2, gap: float = 1.0) -> list[study.Cell]:
    """Cells whose models favour men by `gap`, and whose FAAP removes half of it."""
    s = images.labels("Male").numpy()
    y = images.labels(target).numpy()
    parts = ("test",) if images.name == "lfw" else ("val", "test")
    rows = np.isin(images.split, parts)
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed + 1)
        patients = {}
        for i, kind in enumerate(("normal", "fair", "lf", "rg")):
            strength = gap * (0.5, 0.2, 1.5, 1.0)[i]
            noise = rng.normal(size=N)

            def margin(scale: float, strength: float = strength, noise=noise) -> np.ndarray:
                return (2.0 * y - 1 + scale * strength * (2 * s - 1) + noise)[rows].astype("f4")

            margins = {"plain": margin(1), "noise": margin(1.01), "faap": margin(0.5)}
            if kind in ("lf", "rg"):
                margins["only-t"] = margin(0.9)
            right = {r + t: rng.random(rows.sum()) < 0.8 for r in READERS for t in ("", "-faap")}
            right["d-faap"] = rng.random(rows.sum()) < 0.6
            patients[kind] = study.Patient(kind, margins, right, [])
        found.append(study.Cell(target, seed, patients))
    return found


def test_scores_are_those_of_the_metrics_package():
    images = world("celeba", ("Smiling",))
    several = cells(images, "Smiling")
    table = study.measures.table(images, several)
    test = images.split == "test"
    y, s = (images.labels(n).numpy()[test] for n in ("Smiling", "Male"))
    inside = images.split[np.isin(images.split, ("val", "test"))] == "test"
    for kind in ("normal", "lf"):
        for i, cell in enumerate(several):
            y_hat = (cell.patients[kind].margin["plain"][inside] > 0).astype(int)
            counts = group_table(y, y_hat, s, classes=(0, 1), groups=(0, 1))
            for name, metric in (("acc", "accuracy"), ("deo", "deo")):
                wanted = float(DEFINITIONS[metric].of_table(counts))
                assert table[f"celeba.smiling.{kind}.{name}"].values[i] == pytest.approx(wanted)


def test_differences_have_the_sign_that_the_claims_speak_of():
    images = world("celeba", ("Smiling",))
    table = study.measures.table(images, cells(images, "Smiling"))

    def value(name: str) -> float:
        return float(np.mean(table[f"celeba.smiling.{name}"].values))

    assert value("lf.deo-vs-normal") > 0 > value("fair.deo-vs-normal")
    assert value("lf-faap.deo-change") < 0
    assert value("lf-faap.deo") - value("lf.deo") == pytest.approx(value("lf-faap.deo-change"))
    assert value("lf-only-t.deo-vs-faap") > 0
    assert value("lf-faap.gain-vs-normal") < 0
    kept = value("lf-faap.acc") - value("lf.acc") + 0.03
    assert value("lf-faap.acc-kept") == pytest.approx(kept)
    assert value("lf.fresh-over-d") > 0
    low, high = table["celeba.smiling.lf-faap.deo-change"].people
    assert low < value("lf-faap.deo-change") < high


def test_the_moved_threshold_is_never_worse_than_the_model():
    images = world("celeba", ("Smiling",))
    m = Measured(images, cells(images, "Smiling"))
    y_hat = m.decisions("lf")
    moved = m.panel.deo(m.moved("lf", m.panel.accuracy(y_hat)))
    assert (moved[:, 0] <= m.panel.deo(y_hat)[:, 0] + 1e-12).all()


def test_floors_stay_below_the_model_and_fall_with_the_budget():
    images = world("celeba", ("Smiling",))
    several = cells(images, "Smiling")
    found = study.side.floors(images, {"Smiling": several})
    table = study.measures.table(images, several)
    floor = {k.removeprefix("floor.smiling.normal."): v for k, v in found.items()}
    assert floor["deo"] == table["celeba.smiling.normal.deo"]
    assert {entry.n for entry in floor.values()} == {int((images.split == "test").sum())}
    steps = np.array([floor[name].values for name in ("deo", "within-0", "within-1", "within-2")])
    assert steps.shape == (4, 2)
    assert (np.diff(steps, axis=0) <= 1e-9).all()
    assert (steps[1] < steps[0] - 0.1).all()  # the models only favour men: thresholds undo that
    # noise among the men hurts their ranking, and theirs alone
    s = images.labels("Male").numpy()[np.isin(images.split, ("val", "test"))]
    for cell in several:
        margin = cell.patients["normal"].margin["plain"]
        margin += s * np.random.default_rng(9).normal(size=len(s)).astype("f4") * 3
    gap = study.side.floors(images, {"Smiling": several})["floor.smiling.normal.auc-gap"]
    assert gap.people[1] < 0
    assert all(value < -0.1 for value in gap.values)


def test_faap_is_asked_about_all_controls_on_every_model():
    """These models only favour men: group thresholds undo all of it, and FAAP half of it."""
    images = world("celeba", ("Smiling",))
    several = cells(images, "Smiling", seeds=3)
    found = study.beaten(images, several, "Smiling")
    assert set(found) == {
        f"beats.celeba.smiling.{kind}.{control}"
        for kind in ("normal", "fair", "lf", "rg")
        for control in CONTROLS
    }
    assert {entry.n for entry in found.values()} == {int((images.split == "test").sum())}
    word = {k.removeprefix("beats.celeba.smiling."): v.note for k, v in found.items()}
    for control in ("constant", "mixing", "noise"):
        assert word[f"lf.{control}"].endswith("yes")
    assert word["lf.groups"].endswith("no")
    # thresholds are chosen on validation people, and labels of test people change nothing there
    rows = images.split[np.isin(images.split, ("val", "test"))] == "val"
    for cell in several:
        cell.patients["lf"].margin["plain"][rows] *= -1
    other = study.beaten(images, several, "Smiling")
    assert other["beats.celeba.smiling.lf.groups"] != found["beats.celeba.smiling.lf.groups"]
    assert other["beats.celeba.smiling.lf.noise"] == found["beats.celeba.smiling.lf.noise"]


def test_other_fair_models_are_compared_with_the_same_normal_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    images = world("celeba", ("Smiling",))
    several = cells(images, "Smiling", seeds=3)  # fair models favour men less than normal ones

    def decide(images, preset, target, seed, *began):
        patients = several[seed].patients
        margin = {kind: patient.margin["plain"] for kind, patient in patients.items()}
        return {"longer": margin["normal"] > 0, "logit": margin["lf"] > 0}

    monkeypatch.setattr(study.side, "_other_decisions", decide)
    monkeypatch.setattr(study.side, "starting", lambda *_: ())
    found = study.side.other_fair(images, several, study.FAAP["smoke"])
    table = study.measures.table(images, several)
    for name, same in (
        ("fair.deo-vs-longer", "fair.deo-vs-normal"),
        ("fair.logit.deo", "lf.deo"),
        ("fair.logit.deo-vs-normal", "lf.deo-vs-normal"),
    ):
        assert found[name] == table[f"celeba.smiling.{same}"]
    assert found["fair.longer.deo-vs-normal"].values == [0, 0, 0]
    acc = (np.array(table[f"celeba.smiling.{kind}.acc"].values) for kind in ("fair", "normal"))
    np.testing.assert_allclose(found["fair.acc-kept"].values, next(acc) - next(acc) + 0.01)
    ids = {m for c in load_claims("faap") for m in c.measure if m.startswith("fair.")}
    assert ids and ids <= set(found)


def test_other_fair_models_are_trained_and_differ(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    drawn = faces.sample(600, 0, 16).images
    preset = replace(study.for_real(study.FAAP["laptop"], "laptop"), half=200, size=16, width=4)
    said = study.side._other_decisions(drawn, preset, "Smiling", 0)
    task = study.Task(drawn, "Smiling", 0, preset.half)
    x = drawn.x[task.evaluated()]
    said |= {
        kind: study.see(study.deploy(task, kind, preset), x)[1] > 0 for kind in ("normal", "fair")
    }
    assert {len(v) for v in said.values()} == {len(x)}
    assert len({v.tobytes() for v in said.values()}) == 4


def test_a_kind_can_have_a_training_of_its_own():
    preset = study.for_real(study.FAAP["laptop"], "laptop")
    normal, fair = (preset.deployed("Smiling", kind) for kind in ("normal", "fair"))
    assert fair == replace(normal, epochs=3, lr_adversary=0.05)
    assert preset.deployed("Attractive", "fair") == preset.deployed("Attractive", "rg")


def test_blond_pools_validation_and_test_people():
    images = world("celeba", ("Smiling", "Blond_Hair"))
    few = Measured(images, cells(images, "Smiling")).panel.n
    both = Measured(images, cells(images, "Blond_Hair")).panel.n
    assert few == int((images.split == "test").sum()) < both


def test_every_claim_waits_for_a_measurement_that_the_chapter_makes():
    celeba = world("celeba", ("Smiling", "Attractive", "Blond_Hair"))
    lfw, drawn = world("lfw", ("Happy",)), world("faces", ("Attractive",))
    made: set[str] = set()
    for images, names in ((celeba, ("Smiling", "Attractive", "Blond_Hair")), (lfw, ("Happy",))):
        for name in names:
            made |= set(study.measures.table(images, cells(images, name)))
    made |= set(study.measures.table(drawn, cells(drawn, "Attractive"), "Attractive"))
    made |= set(study.side.floors(celeba, {"Smiling": cells(celeba, "Smiling")}))
    beside = ("rg.features.", "lf.uniform.", "fair.", "faces.", "transfer.", "cam.", "exact.")
    for claim in load_claims("faap"):
        if claim.untested is None:
            wanted = {*claim.measure, *([claim.shown] if claim.shown else [])}
            lost = {name for name in wanted - made if not name.startswith(beside)}
            assert not lost, f"{claim.id} waits for {lost}"


def test_all_cells_of_table_1_are_claims():
    ids = [c.id for c in load_claims("faap") if c.id.startswith("table1.")]
    assert len(ids) == 6 * 4 * 6


def test_black_boxes_are_measured_on_the_same_people():
    images = world("celeba", ("Smiling",))
    test = images.split == "test"
    rng = np.random.default_rng(0)
    said = {
        box: {v: rng.random(test.sum()) < 0.5 for v in
              ("plain", "noise", "transfer", "single", "white-box")}
        for box in "ab"
    }  # fmt: skip
    run = study.transfer.Transfer("Smiling", said, {})
    found = study.transfer.measures(images, [run, run])
    change = found["transfer.a.deo-change"]
    expected = found["transfer.a.transfer.deo"].values[0] - found["transfer.a.plain.deo"].values[0]
    assert change.values == pytest.approx([expected, expected])
    ids = {m for c in load_claims("faap") for m in c.measure if m.startswith("transfer.")}
    assert ids <= set(found)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_know_what_they_train(name):
    preset = choose(study.FAAP, name)
    for cfg in (preset, study.for_real(preset, name), study.for_lfw(preset)):
        for target in cfg.targets:
            training = cfg.deployed(target)
            assert dict(training.strength)["fair"] > 0
            assert cfg.generator(target).beta == cfg.beta[target]
        assert cfg.headline in cfg.targets
        assert set(cfg.only_t) <= set(cfg.targets)
    assert {k for k, _ in study.FAAP["laptop"].deployed("Blond_Hair").looks} == {"fair", "rg"}


def test_an_unknown_target_is_named():
    images = world("celeba", ("Smiling",))
    with pytest.raises(UnknownName, match="Beard"):
        _ = study.Task(images, "Beard", 0).y


def test_halves_are_cut_again_and_again_in_the_same_way():
    images = world("celeba", ("Smiling",))
    task = study.Task(images, "Smiling", 3, half=20)
    first, second = task.halves()
    again, _ = study.Task(images, "Smiling", 3, half=20).halves()
    assert torch.equal(first, again)
    assert len(first) == len(second) == 20
    assert not set(first.tolist()) & set(second.tolist())
    assert (images.split[first] == "train").all()
    assert not set(task.evaluated().tolist()) & set(first.tolist())
