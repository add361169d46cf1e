"""DVGE's trainings in worlds with a known truth, its cells, its presets, and its tasks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from fairtut.chapters import dvge as study
from fairtut.chapters.dvge import adt, codes, tasks
from fairtut.chapters.dvge.opening import CHAPTER
from fairtut.data.images import ImageSet
from fairtut.errors import UnknownName
from fairtut.evidence.claims import load_claims
from fairtut.lab import grid
from fairtut.lab.plan import Plan
from fairtut.methods.dvge import FOCI, Config
from fairtut.runtime.device import pick_device
from fairtut.runtime.presets import DATA_MODES, PRESETS

N = 900
PARTS = {"train": slice(0, 500), "val": slice(500, 650), "test": slice(650, N)}
SMALL = Config(hidden=(16,), batch=64, epochs=5, lr=2e-2)


def cut(values: Tensor) -> dict[str, Tensor]:
    return {part: values[..., rows, :] for part, rows in PARTS.items()}


@pytest.fixture(scope="module")
def played() -> SimpleNamespace:
    """Two trainings whose codes have s in dimension 0 or 2; y needs that dimension and the next.

    A trial gets no test labels: whoever looked for them would fail.
    """
    first = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
    s, y = (first[:, 0] > 0).long(), (first[:, 0] + 0.8 * first[:, 1] > 0).long()
    z = cut(torch.stack([first, first.roll(2, -1)]))
    known = {name: {p: v[PARTS[p]] for p in ("train", "val")} for name, v in (("y", y), ("s", s))}
    sweep = study.DVGE["smoke"].sweep
    trial = codes.Trial(known["y"], known["s"], SMALL, (0, 1), sweep, 1)
    decided, trained = trial.play(z, "n")
    controls, margin = trial.controls(trained, z)
    return SimpleNamespace(
        trial=trial, z=z, y=y, s=s, decided=decided | controls, margin=margin, sweep=sweep
    )


def test_plain_g_is_the_origin_of_the_grid_and_agrees_with_logistic_regression(played) -> None:
    grid_of = played.decided["dvge-n"]["test"]
    assert grid_of.shape == (6, 2, 250)
    np.testing.assert_array_equal(played.decided["plain-n"]["test"][0], grid_of[0])
    alone = played.trial.plain([played.z])["test"][0]
    assert (alone != grid_of[0]).mean() < 0.01  # the same training, in another batch of networks
    assert (alone != grid_of[-1]).mean() > 0.03
    for run, z in enumerate(played.z["train"]):
        model = LogisticRegression().fit(z, played.y[:500])
        assert (model.predict(played.z["test"][run]) == grid_of[0, run]).mean() > 0.95


def test_removal_takes_from_each_training_its_own_dimension(played) -> None:
    y = played.y[650:].numpy()
    for setting, count in enumerate(played.sweep.removed):
        for run in range(2):
            said = played.decided["removed-n"]["test"][setting, run]
            z, test = (played.z[p][run].numpy().copy() for p in ("train", "test"))
            away = [abs(np.corrcoef(column, played.s[:500])[0, 1]) for column in z.T]
            gone = np.argsort(away)[-count:]
            assert gone[-1] == (0, 2)[run], "the world is as it is meant to be"
            z[:, gone] = test[:, gone] = 0
            rival = LogisticRegression().fit(z, played.y[:500]).predict(test)
            # four standard deviations of a share of 250 people
            assert abs((said == y).mean() - (rival == y).mean()) < 0.12
            assert (said == y).mean() < (played.decided["plain-n"]["test"][0, run] == y).mean()


def test_margins_decide_as_plain_g_and_noise_hurts_more_the_stronger_it_is(played) -> None:
    for part in ("val", "test"):
        plain = played.decided["plain-n"][part][0]
        np.testing.assert_array_equal(played.margin[part] > 0, plain == 1)
    noisy = played.decided["noise"]["test"]
    assert noisy.shape == (len(codes.NOISE), 2, 250)
    kept = (noisy == played.decided["plain-n"]["test"]).mean((1, 2))
    assert (np.diff(kept) < 0).all() and kept[0] > 0.85 and kept[-1] < 0.8
    val = played.decided["noise"]["val"]
    assert (val[0, 0] != (played.margin["val"][0] > 0)).any()


def test_moved_thresholds_are_quantiles_of_the_validation_scores(played) -> None:
    margin = played.margin
    found = codes.moved(margin)
    other = codes.moved(margin | {"test": margin["test"][:, ::-1]})
    np.testing.assert_array_equal(found["val"], other["val"])
    np.testing.assert_array_equal(found["test"][..., ::-1], other["test"])
    limits = np.quantile(margin["val"], np.linspace(0, 1, codes.CUTS), axis=-1)
    for i in (0, 13, codes.CUTS - 1):
        np.testing.assert_array_equal(found["test"][i], margin["test"] > limits[i][:, None])
    assert found["val"][0].sum() == 2 * 149 and not found["val"][-1].any()


def test_a_grid_is_read_point_by_point_in_the_order_of_its_names() -> None:
    sweep = study.DVGE["smoke"].sweep
    trial = codes.Trial({}, {}, SMALL, (7, 8, 9), sweep, 1)
    points = trial.points()
    assert points == [(a, b) for a in (0.0, 0.5, 1.0) for b in (0.0, 0.4)]
    stacked = np.array([[100 * run + point] * 2 for run in range(3) for point in range(6)])
    ordered = [[100 * run + point for run in range(3)] for point in range(6)]
    np.testing.assert_array_equal(trial._by_run(stacked)[..., 0], ordered)
    board = study.Board("b", {}, {}, {}, sweep, 1)
    assert [points[i] for i in board.chosen()] == list(sweep.chosen)
    moved = codes.Trial({}, {}, SMALL, (0,), replace(sweep, eta1=(1.0, 0.0), eta2=(0.4, 0.0)), 1)
    assert moved.points()[moved._origin()] == (0.0, 0.0)


@given(st.data())
@settings(max_examples=20)
def test_removed_dimensions_are_zero_and_all_others_stay(data: st.DataObject) -> None:
    runs, d = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    gone = [data.draw(st.lists(st.integers(0, d - 1), min_size=1, max_size=1)) for _ in range(runs)]
    z = torch.rand(runs, 4, d, generator=torch.Generator().manual_seed(0)) + 1
    found = codes._without(z, torch.tensor(gone))
    for run, (dimension,) in enumerate(gone):
        assert not found[run, :, dimension].any()
        others = [i for i in range(d) if i != dimension]
        assert torch.equal(found[run][:, others], z[run][:, others])
    flat = codes._without(z[0], torch.tensor(gone[:1]))
    assert torch.equal(flat, found[0]) and bool((z > 0).all()), "the codes themselves stay"


# ---------------------------------------------------------------- credit


@pytest.fixture(scope="module")
def tiny_credit() -> study.Preset:
    preset = study.DVGE["smoke"]
    few = replace(
        preset.credit, splits=2, rows=200, latent=4,
        vae=replace(preset.credit.vae, epochs=1, hidden=(8,), reencode=1),
        classifier=Config(hidden=(8,), batch=16, epochs=4, lr=3e-2),  # an epoch is chosen
        adt=replace(preset.credit.adt, epochs=1),
    )  # fmt: skip
    return replace(preset, credit=few, root=3)


def test_every_split_of_credit_is_decided_by_every_method_and_test_labels_by_none(
    tiny_credit: study.Preset,
) -> None:
    people = study.credit.applicants(tiny_credit, "age", real=False)
    assert people.x["train"].shape[:2] == (2, 100) and people.y["test"].shape == (2, 60)
    assert not torch.equal(people.y["test"][0], people.y["test"][1]), (
        "splits have people of their own"
    )
    done = study.credit.play(people, "german-age-risk", tiny_credit)
    shapes = {name: of["test"].shape for name, of in done.board.decisions.items()}
    each = dict.fromkeys(("removed-n", "removed-d", "ffvae", "fdvae", "adt"), 2)
    each |= {"dvge-n": 6, "dvge-d": 6, "plain-n": 1, "plain-d": 1, "threshold": 41, "noise": 4}
    assert shapes == {name: (count, 2, 60) for name, count in each.items()}
    assert done.board.trained == 100 and len(done.refits) == 2
    assert set(done.seconds) >= {"encoder-n", "ffvae"} and min(done.seconds.values()) > 0
    turned = replace(
        people, y={**people.y, "test": 1 - people.y["test"]},
        s={**people.s, "test": 1 - people.s["test"]},
    )  # fmt: skip
    again = study.credit.play(turned, "german-age-risk", tiny_credit).board
    np.testing.assert_array_equal(again.y["test"], 1 - done.board.y["test"])
    for name, of in done.board.decisions.items():
        np.testing.assert_array_equal(again.decisions[name]["test"], of["test"], err_msg=name)


def test_another_root_seed_splits_and_trains_otherwise(tiny_credit: study.Preset) -> None:
    one, other = (
        study.credit.applicants(replace(tiny_credit, root=root), "age", real=False)
        for root in (3, 4)
    )
    assert not torch.equal(one.x["train"], other.x["train"])
    seeds = [
        study.credit._trial(one, replace(tiny_credit, root=root)).seeds for root in (0, 3, 4)
    ]  # fmt: skip
    assert seeds == [(0, 1), (3000, 3001), (4000, 4001)]


# ---------------------------------------------------------------- twins and times


def test_twins_are_counted_as_changed_where_the_code_moves_across_the_line(monkeypatch) -> None:
    """An encoder whose first dimension is the drawn sex, which decides y: twins change sides."""
    z = torch.randn(N, 3, generator=torch.Generator().manual_seed(2))
    z[:, 0] = 2 * torch.where(z[:, 0] > 0, 1.0, -1.0)
    y = s = (z[:, 0] > 0).long()
    rows = torch.arange(N)
    task = study.Task("made-up", y, s, *(rows[r] for r in PARTS.values()))
    preset = replace(study.DVGE["smoke"], seeds=2, classifier=SMALL)
    found = SimpleNamespace(z=z, codes=lambda x: x.float())
    monkeypatch.setattr(study.side, "encoder", lambda *_, **__: found)

    def flips(twins: Tensor) -> dict[str, list[float]]:
        images = SimpleNamespace(x=None)
        entries = study.side.flips(images, twins, task, preset, "n")  # type: ignore[arg-type]
        assert {entry.n for entry in entries.values()} == {250}
        return {name.removeprefix("faces.n."): list(e.values) for name, e in entries.items()}

    same = flips(z[650:])
    assert same == {"flips-plain": [0, 0], "flips": [0, 0], "flips-change": [0, 0]}
    sides = flips(z[650:] * torch.tensor([-1.0, 1, 1]))
    assert min(sides["flips-plain"]) > 0.97
    change = np.subtract(sides["flips"], sides["flips-plain"])
    np.testing.assert_allclose(sides["flips-change"], change)


def test_a_refit_stands_against_its_own_trainings(monkeypatch) -> None:
    z = torch.randn(60, 3, generator=torch.Generator().manual_seed(2))
    took = {("n", 0): 8.0, ("n", 1): 2.0, ("ffvae-0", 0): 64.0, ("ffvae-0", 1): 4.0}

    def encoder(images, preset, name, seed, codes=True):
        return SimpleNamespace(z=z, seconds=took[name, seed])

    monkeypatch.setattr(study.side, "encoder", encoder)
    laps = iter([4.0, 1.0])
    monkeypatch.setattr(
        study.side, "Stopwatch", lambda device: SimpleNamespace(lap=lambda: next(laps))
    )
    label, rows = (z[:, 0] > 0).long(), torch.arange(60)
    task = study.Task("made-up", label, label, rows[:40], rows[40:50], rows[50:])
    preset = replace(study.DVGE["smoke"], seeds=2, classifier=replace(SMALL, epochs=1))
    found = study.side.refit(SimpleNamespace(), task, preset)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.exp(found["d5.celeba.encoder"].values), [4 / 8, 1 / 2])
    np.testing.assert_allclose(np.exp(found["d5.celeba.ffvae"].values), [4 / 64, 1 / 4])
    assert found["d5.celeba.seconds"].values == [4.0, 1.0] and found["d5.celeba.seconds"].n == 40


# ---------------------------------------------------------------- tasks and cells


def photographs(n: int = 120, seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    split = np.resize(["train", "train", "val", "test"], n).astype("<U5")
    columns = {k: rng.random(n) < 0.5 for k in ("Male", "Young", "Attractive", "Oval_Face")}
    x = torch.from_numpy(rng.integers(0, 256, (n, 3, 16, 16), dtype=np.uint8))
    return ImageSet(x, pd.DataFrame(columns), split, "celeba", "made up", f"{seed}" * 8)


@pytest.mark.parametrize("name", list(study.SETTINGS))
def test_a_task_predicts_its_target_in_the_parts_of_the_data(name: str) -> None:
    images = photographs()
    task = study.task_of(images, name, 20)
    assert torch.equal(task.y, images.labels(study.SETTINGS[name].target))
    parts = {"train": task.train, "val": task.val, "test": task.test}
    for part, rows in parts.items():
        assert set(images.split[rows]) == {part}
    assert [len(rows) for rows in parts.values()] == [20, 30, 30]
    label = torch.arange(120)
    stacked = label.view(1, -1, 1).expand(2, -1, 3)
    for part, rows in parts.items():
        assert torch.equal(task.cut(label)[part], rows)
        assert torch.equal(task.cut(stacked)[part], rows.view(1, -1, 1).expand(2, -1, 3))
    y, s = task.people("test")
    np.testing.assert_array_equal(y, task.y[task.test])
    np.testing.assert_array_equal(s, task.s[task.test])


def test_fewer_rows_are_always_the_same_ones_in_their_order() -> None:
    rows = torch.arange(1000) * 3
    few = tasks.some(rows, 100)
    assert len(few) == 100 and torch.equal(few, tasks.some(rows, 100))
    assert set(few.tolist()) <= set(rows.tolist()) and bool((few.diff() > 0).all())
    # chance would put 50 in either half: six standard deviations of a hypergeometric number
    assert 50 - 6 * 4.75 < int((few < 1500).sum()) < 50 + 6 * 4.75
    assert tasks.some(rows, None) is rows and tasks.some(rows, 1000) is rows


def test_the_cells_of_a_run_are_of_one_plan_and_start_from_the_plain_encoder(
    monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    preset = replace(
        study.DVGE["smoke"], faces=40, size=16, seeds=2,
        settings=("male-attractive", "maleyoung-attractive"),
    )  # fmt: skip
    listed = study.all_cells(preset, "synthetic", 0)
    keys = [cell.key for cell in listed]
    assert len(set(keys)) == len(keys)
    assert grid.kept(listed) == {}  # one plan takes them all: no two specs share a name
    names = {name for name, _ in keys}
    assert len(names) == 2 + 2 + 2 * 2 + 2 * 2  # n and d, FFVAE, FD-VAE and ADT by setting
    assert {seed for _, seed in keys} == {0, 1}
    for cell in listed:
        first = cell.spec.name in ("encoder n", "encoder d")
        assert [need.key for need in cell.needs] == ([] if first else [("encoder n", cell.seed)])


def places(preset: study.Preset, images: ImageSet) -> dict[str, object]:
    """Return where the plan of a run keeps every encoder and ADT, by name."""
    task = study.task_of(images, preset.settings[0], preset.most)
    listed = [*study.encoders.cells(images, preset), *adt.cells(images, task, preset)]
    plan = Plan.of(listed, pick_device("cpu"))
    return {name: plan.places[name, seed][0] for name, seed in plan.wanted if seed == 0}


def test_a_setting_changes_the_cells_that_depend_on_it_and_no_others(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    preset, images = study.DVGE["smoke"], photographs()
    usual = places(preset, images)

    def changed(images: ImageSet = images, **changes: object) -> set[str]:
        found = places(replace(preset, **changes), images)  # type: ignore[arg-type]
        assert set(found) == set(usual)
        return {name for name in usual if found[name] != usual[name]}

    assert changed(photographs(seed=1)) == changed(latent=9) == changed(most=50) == set(usual)
    assert changed(vae=replace(preset.vae, lr=1e-4)) == set(usual)
    assert changed(seeds=5, jobs=2, etas=(1.0,), foci=("loss_pred",)) == set()
    assert changed(classifier=SMALL) == set()
    tuned = {name for name in usual if "vae" in name}
    assert changed(tuned=0.4) == tuned and len(tuned) == 4
    assert changed(adt=replace(preset.adt, lr=1e-4)) == {n for n in usual if n.startswith("ADT")}
    other = replace(preset.sweep, fdvae=(1.0, 50.0))
    assert changed(sweep=other) == {"encoder fdvae-1 for male-attractive"}


# ---------------------------------------------------------------- presets


@pytest.mark.parametrize("data", DATA_MODES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_only_what_there_is(name: str, data: str) -> None:
    preset = study.configuration(name, data, 2)
    sweep = preset.sweep
    grid_of = [(a, b) for a in sweep.eta1 for b in sweep.eta2]
    assert (0.0, 0.0) in grid_of and set(sweep.chosen) <= set(grid_of)
    assert (0.0, 0.0) not in sweep.chosen, "the model as it is takes no place of DVGE's"
    assert set(preset.settings) <= set(study.SETTINGS)
    assert set(preset.credit.settings) <= set(study.credit.GROUPS)
    assert preset.classifier.focus in preset.foci and set(preset.foci) <= set(FOCI)
    assert preset.credit.classifier.focus == preset.classifier.focus
    assert list(preset.etas) == sorted(set(preset.etas)) and preset.etas[-1] == 1.0
    assert max(sweep.removed) < min(preset.latent, preset.credit.latent)
    alone = study.DVGE[name]
    assert (preset.sweep, preset.etas, preset.foci) == (alone.sweep, alone.etas, alone.foci)
    if data == "real":
        assert all(study.SETTINGS[s].target == "Oval_Face" or "young" in s for s in preset.settings)


def test_the_papers_strengths_are_the_columns_of_its_tables() -> None:
    columns = {
        c.id.split(".eta")[1] for c in load_claims("dvge") if c.id.startswith("table1.d.eta")
    }
    for name in ("laptop", "paper"):
        assert [str(eta) for eta in study.DVGE[name].etas] == sorted(columns, key=float)


def test_root_seeds_share_no_training() -> None:
    runs = [study.configuration("paper", "real", root) for root in range(4)]
    for seeds in (
        [set(preset.run_seeds()) for preset in runs],
        [{1000 * p.root + split for split in range(p.credit.splits)} for p in runs],
    ):
        assert len(set.union(*seeds)) == sum(map(len, seeds))
    usual = study.configuration("laptop", "synthetic", 0)
    more = CHAPTER.enlarged(usual, 5)
    assert list(more.run_seeds())[: usual.seeds] == list(usual.run_seeds())
    assert CHAPTER.seeds(more) == {"trainings": [0, 1, 2, 3, 4], "splits": list(range(20))}
    assert CHAPTER.size(usual) == "2 tasks of images, 2 of credit"


def test_unknown_names_of_a_configuration_are_told() -> None:
    with pytest.raises(UnknownName, match=r"'labtop'.*did you mean 'laptop'"):
        study.configuration("labtop", "synthetic", 0)
    with pytest.raises(UnknownName, match="data mode 'reel'"):
        study.configuration("smoke", "reel", 0)
