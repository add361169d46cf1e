"""The LASSI experiments: measurements from certificates, and the claims that wait for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.chapters import lassi as study
from fairtut.chapters.lassi.presets import Row
from fairtut.chapters.lassi.protocol import Certified, Exact
from fairtut.chapters.lassi.sound import Search
from fairtut.chapters.lassi.transfer import Transferred
from fairtut.data.images import ImageSet
from fairtut.errors import InputError, UnknownName
from fairtut.evidence.claims import load_claims
from fairtut.lab import grid
from fairtut.lab.asked import CONTROLS
from fairtut.methods.lassi.vectors import mean_difference
from fairtut.models.glow import Glow
from fairtut.runtime.presets import PRESETS

M = 80
REAL = study.for_real(study.LASSI["laptop"], "laptop")
SHARE = {"naive": 0.05, "dataaug": 0.3, "lassi": 0.95, "transfer": 0.9, "plain": 0.1}


def certified(y: np.ndarray, fair: float, acc: float, seed: int) -> Certified:
    """Certificates of which the first share is fair, and the last image always abstains."""
    rng = np.random.default_rng(seed)
    right = rng.random(len(y)) < acc
    prediction = np.where(right, y, 1 - y)
    prediction[-1] = -1
    is_fair = np.arange(len(y)) < fair * len(y)
    return Certified(prediction, is_fair, np.full(len(y), 1.0), np.full(len(y), 2.0))


def cell(spec: study.Spec, part: dict[float, float] | None = None) -> study.Cell:
    """A cell whose test shares follow the method, and whose validation shares are given."""
    y = np.arange(M) % 2
    share = SHARE[spec.method]
    test = {s: certified(y, share, 0.85, spec.seed + 1) for s in spec.sigmas}
    val = {}
    if spec.choose:
        val = {s: certified(y, (part or {}).get(s, 0.0), 0.8, 0) for s in spec.sigmas}
    single = len(study.SETTINGS[spec.setting].attributes) <= 1
    exact = Exact(
        np.arange(M) < (0.5 + share / 2) * M, certified(y, share + 0.03, 0.85, 0),
        np.ones(M), np.ones(M, int),
    )  # fmt: skip
    return study.Cell(
        spec, y, y if spec.choose else y[:0], test, val, exact if single else None, y, y,
        {"smoothing": 1.0, "images": float(M)},
    )  # fmt: skip


def of(cells: list[study.Cell], setting: str, method: str) -> list[study.Cell]:
    return [c for c in cells if (c.spec.setting, c.spec.method) == (setting, method)]


# ---------------------------------------------------------------- the plan


def test_naive_has_one_representation_per_seed_and_the_others_one_per_setting():
    specs = study.plan(REAL)
    owns = {m: {(s.seed, *s.own) for s in specs if s.method == m} for m in study.METHODS}
    assert {m: len(v) for m, v in owns.items()} == {"naive": 4, "dataaug": 24, "lassi": 18}
    assert len({s.stream("center") for s in specs}) == len(specs), "no two cells share draws"
    assert all(s.sigmas[0] == {"lassi": 2.5}.get(s.method, 10.0) for s in specs)
    assert all(study.EQUAL in s.sigmas and s.choose for s in specs if s.method != "lassi")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_certified(name):
    for preset in (study.LASSI[name], study.for_real(study.LASSI[name], name)):
        for spec in study.plan(preset):
            smoothing = preset.smoothing(spec.config)  # raises if every image would abstain
            assert smoothing.sigma == pytest.approx(0.65 * spec.config.epsilon)
        assert preset.config("plain").similarity == 0 < preset.config("transfer").similarity
        assert {r.setting for r in preset.beside} <= set(study.SETTINGS)
    assert study.LASSI["paper"].outputs == 512
    assert study.LASSI["laptop"].baseline_seeds > study.LASSI["laptop"].seeds


def test_perpendicular_vectors_have_the_released_radius():
    assert REAL.config("lassi", "perpendicular").epsilon == 10
    assert REAL.config("lassi", name="lassi-fairface").epsilon == 0.5
    with pytest.raises(UnknownName, match="lasso"):
        REAL.config("lasso")


# ---------------------------------------------------------------- measurements


def test_shares_and_differences_are_those_of_the_certificates():
    cells = [cell(s) for s in study.plan(REAL)]
    found = study.measures.measures(study.Table(cells, REAL), "table1")
    ours, theirs = of(cells, "pale", "lassi"), of(cells, "pale", "naive")
    acc = [np.mean(c.published.prediction == c.y) for c in ours]
    assert found["table1.pale.lassi.acc"].values == pytest.approx(acc)
    gap = found["table1.pale.lassi.fair-vs-naive"]
    assert gap.values == pytest.approx([0.9] * 3) and gap.people[0] > 0.8
    assert found["table1.pale.lassi.acc-kept-naive"].values == pytest.approx(
        [
            a - np.mean(c.published.prediction == c.y) + 0.03
            for a, c in zip(acc, theirs, strict=False)
        ]
    ), "seed by seed: the spread holds the trainings of both"
    pairs = zip(ours, theirs, strict=False)
    paired = [np.mean(a.published.fair) - np.mean(b.published.fair) for a, b in pairs]
    assert gap.values == pytest.approx(paired)
    over = np.mean(ours[0].published.prediction == ours[0].y) - 0.5
    assert found["table1.pale.lassi.over-constant"].values[0] == pytest.approx(over)


def test_the_gap_is_split_into_looseness_and_what_holds_exactly():
    cells = [cell(s) for s in study.plan(REAL)]
    found = study.measures.measures(study.Table(cells, REAL), "table1")
    value = {k: float(np.mean(v.values)) for k, v in found.items()}
    for m in study.METHODS:
        name = f"table1.young.{m}"
        loose = value[f"{name}.exact"] - SHARE[m]
        assert value[f"{name}.looseness"] == pytest.approx(loose, abs=1e-6)
    gap, exact = (value[f"table1.young.lassi.{k}-vs-naive"] for k in ("fair", "exact"))
    assert value["table1.young.lassi.gap-loose-naive"] == pytest.approx(gap - exact)
    assert "table1.pale-young.naive.exact" not in found, "several attributes have no curve"


def test_the_noise_is_chosen_on_validation_images():
    part = {5.0: 0.4, 10.0: 0.1}
    cells = [cell(s, part) for s in study.plan(REAL)]
    table = study.Table(cells, REAL)
    assert table.best("pale", "dataaug") == 5.0
    # what happens on test images does not matter
    for c in of(cells, "pale", "dataaug"):
        c.test[1.25] = certified(c.y, 1.0, 1.0, 0)
    assert study.Table(cells, REAL).best("pale", "dataaug") == 5.0
    assert table.best("pale", "lassi") == 2.5, "LASSI keeps the published noise"


def test_near_is_two_one_sided_tests():
    cells = [cell(s) for s in study.plan(REAL)]
    found = study.measures.measures(study.Table(cells, REAL), "table1")
    name = "table1.pale.lassi.fair"
    for published, passes in ((0.98, (True, True)), (0.70, (True, False)), (1.2, (False, True))):
        tests = study.measures.near(found, {name: published, "table1.other.lassi.fair": 0.5})
        ends = [tests[f"{name}-near.{end}"].people for end in ("low", "high")]
        assert tuple(low > 0 for low, _ in ends) == passes
        assert all(low <= high for low, high in ends)
    assert len(tests) == 2, "what was not measured has no test"


def test_lassi_is_asked_about_people_who_are_right_and_certified():
    cells = [cell(s) for s in study.plan(REAL)]
    found = study.beaten(study.Table(cells, REAL), "table1")
    names = {name.rpartition(".")[2] for name in found}
    assert names == {*CONTROLS, "untrained"}
    assert {name.rpartition(".")[0] for name in found} == {
        f"beats.table1.{setting}" for setting in study.Table(cells, REAL).settings
    }
    mine = [c.published for c in of(cells, "pale", "lassi")]
    both = np.array([np.mean((p.prediction == cells[0].y) & p.fair) for p in mine])
    often = np.mean(cells[0].y == 0)  # the constant is right about half, and certified for all
    assert found["beats.table1.pale.constant"].values == pytest.approx(both - often)
    for rival in ("noise", "untrained"):
        assert found[f"beats.table1.pale.{rival}"].note.endswith("yes")
    for control in ("mixing", "threshold", "groups"):
        entry = found[f"beats.table1.pale.{control}"]
        assert entry.values == [None] and entry.note.startswith("not tested: ")


def test_the_frame_has_a_row_per_noise_and_seed():
    specs = study.plan(REAL)
    frame = study.Table([cell(s) for s in specs], REAL).frame()
    assert len(frame) == sum(len(s.sigmas) for s in specs)
    assert (frame.groupby(["setting", "method", "seed"])["published"].sum() == 1).all()


def transferred(preset: study.Preset) -> list[Transferred]:
    y = np.arange(M) % 2
    return [
        Transferred(
            spec, dict.fromkeys(preset.transfer.tasks, y), dict.fromkeys(preset.transfer.tasks, 0),
            {t: certified(y, SHARE[spec.method], 0.8, spec.seed) for t in preset.transfer.tasks},
        )
        for spec in study.transfer.plan(preset)
    ]  # fmt: skip


def test_transfer_is_compared_with_the_same_loss_without_similarity():
    specs = study.transfer.plan(REAL)
    assert len({(s.seed, *s.own) for s in specs if s.method == "plain"}) == REAL.transfer.seeds
    found = study.transfer.measures(transferred(REAL), "transfer")
    gap = found["transfer.pale.smiling.fair-vs-plain"]
    assert gap.values == pytest.approx([0.8] * REAL.transfer.seeds, abs=1e-6)


def test_what_was_found_is_counted_beyond_the_confidence():
    one = Search("pale", 100, 600, 3, 0.3, 0.011, 50, 0)
    found = study.sound.measures([one, replace(one, setting="young", contradicted=0)])
    assert found["sound.contradicted"].values == [3] and found["sound.allowed"].values == [3]
    assert found["exact.contradicted"].values == [0]
    found = study.sound.measures([one])
    assert found["exact.contradicted"].values == [1]
    assert found["exact.free-contradicted"].values == [0]


def test_every_claim_waits_for_a_measurement_that_the_chapter_makes():
    made: set[str] = set(study.audit.measures())
    for preset, prefix in ((REAL, "table1"), (study.LASSI["laptop"], "faces")):
        cells = [cell(s) for s in study.plan(preset)]
        found = study.measures.measures(study.Table(cells, preset), prefix)
        made |= set(found) | set(
            study.measures.near(found, dict.fromkeys(found_shares(found), 0.5))
        )
        real = prefix == "table1"
        first = "" if real else "faces."
        made |= set(study.transfer.measures(transferred(preset), f"{first}transfer"))
        beside = [cell(s) for s in study.side.plan(Everything(), preset)]
        made |= set(study.side.measures(beside, preset, f"{first}beside"))
    raced = [cell(s) for s in study.race.plan(REAL)]
    made |= set(study.race.measures(raced, REAL))
    made |= set(study.sound.measures([Search("pale", 1, 6, 0, 0.3, 0.011, 1, 0)]))
    made |= {"exact.return"}
    for setting in study.LASSI["laptop"].settings:
        made |= set(truths(setting))
    for claim in load_claims("lassi"):
        if claim.untested is None:
            lost = {*claim.measure, *([claim.shown] if claim.shown else [])} - made
            assert not lost, f"{claim.id} waits for {lost}"


def found_shares(found: dict) -> list[str]:
    return [name for name in found if name.rsplit(".", 1)[1] in ("acc", "fair")]


def truths(setting: str) -> dict:
    cells = [cell(s) for s in study.plan(REAL) if s.setting == setting]
    table = study.Table(cells, REAL)
    pairs = {m: table.of(setting, m)[:2] for m in ("naive", "lassi")}
    said = {id(c): c.published.prediction for some in pairs.values() for c in some}
    name = f"faces.truth.{setting}"
    found = study.truth.flips(table.panel, name, pairs, said)
    return found | {f"{name}.{k}": {} for k in ("direction-half", "outside-half")}


def test_flips_are_counted_among_those_who_got_two_decisions():
    setting = "pale"
    cells = [cell(s) for s in study.plan(REAL) if s.setting == setting]
    table = study.Table(cells, REAL)
    pairs = {m: table.of(setting, m)[:2] for m in ("naive", "lassi")}
    said = {}
    for some in pairs.values():
        for c in some:
            there = c.published.prediction.copy()
            there[:4] = 1 - there[:4]  # four other decisions among the certified
            there[4:8] = -1  # an abstention is no other decision
            said[id(c)] = there
    found = study.truth.flips(table.panel, "x", pairs, said)
    assert found["x.lassi.flips"].values == pytest.approx([4 / M] * 2)
    assert found["x.lassi.certified-flips"].values == pytest.approx([4 / (0.95 * M)] * 2)
    assert found["x.lassi.flips-vs-naive"].values == pytest.approx([0, 0], abs=1e-9)


class Everything:
    """Stands for a world that has every label."""

    def knows(self, *names: str) -> bool:
        return True


# ---------------------------------------------------------------- latents and small runs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    return tmp_path


def pictures(n: int = 160) -> ImageSet:
    rng = np.random.default_rng(0)
    y, s = rng.random(n) < 0.5, rng.random(n) < 0.4
    x = rng.integers(0, 60, (n, 3, 8, 8))
    x[y, :, 4:] += 120
    x[s, 0, :4] += 120
    split = np.array(["train", "val", "test", "train"] * (n // 4))
    frame = pd.DataFrame({"Smiling": y, "Heavy_Makeup": s})
    return ImageSet(torch.from_numpy(x.astype(np.uint8)), frame, split, "dots", "made up", "1" * 8)


@pytest.fixture
def small(cache: Path) -> tuple[study.Preset, ImageSet, Glow, study.World]:
    images = pictures()
    preset = replace(
        study.LASSI["smoke"], size=8, settings=("makeup",), hidden=(16,), outputs=4, epochs=2,
        batch=20, candidates=16, every=20, every_val=20, baseline_seeds=1,
    )  # fmt: skip
    glow = Glow(8, 1, 1, 4, generator=torch.Generator().manual_seed(0))
    glow.initialise(images.x[:50])
    glow.eval().requires_grad_(False)
    return preset, images, glow, study.world(images, glow, preset)


def test_latents_are_those_of_glow_in_the_order_of_each_part(small):
    preset, images, glow, world = small
    for part in ("train", "val", "test"):
        rows = torch.from_numpy(images.split == part)
        torch.testing.assert_close(world.z(part), glow.encode(images.x[rows]))
        assert torch.equal(world.labels("Smiling", part), images.labels("Smiling")[rows])
    assert study.flow.return_error(glow, images) < 1e-5
    file = world.folder / "test.npy"
    before = file.stat().st_mtime_ns
    assert study.world(images, glow, preset).digest == world.digest
    assert file.stat().st_mtime_ns == before, "encoded once"
    assert world.evaluated("test", 15).tolist() == [0, 15, 30]
    assert world.knows("Heavy_Makeup") and not world.knows("Heavy_Makeup", "Chubby")
    with pytest.raises(UnknownName, match="Chubby"):
        world.labels("Chubby", "test")


def test_vectors_are_computed_from_training_latents_and_kept(small):
    preset, _, _, world = small
    a = study.directions.directions(world, preset, "makeup")
    z, s = world.z("train"), world.labels("Heavy_Makeup", "train")
    torch.testing.assert_close(a[0], mean_difference(z, s))
    assert torch.equal(study.directions.directions(world, preset, "makeup"), a)
    unit = study.directions.directions(world, preset, "makeup", "perpendicular")
    assert float(unit.norm()) == pytest.approx(1)
    with pytest.raises(InputError, match="discovered"):
        study.directions.directions(world, preset, "found", "discover")
    frame = study.directions.summary(world, replace(preset, beside=()))
    assert frame["reach"][0] == pytest.approx(float(a.norm()))


def test_a_cell_is_made_once_and_does_not_depend_on_the_others(small):
    preset, _, _, world = small
    specs = study.plan(preset)
    cells = study.run_cells(world, preset, specs)
    alone = study.run_cells(world, preset, specs[-1:])[0]
    np.testing.assert_array_equal(alone.published.prediction, cells[-1].published.prediction)
    np.testing.assert_array_equal(alone.published.d_cs, cells[-1].published.d_cs)
    for c in cells:
        assert len(c.y) == len(c.published.fair) == 2 and c.exact is not None
        assert c.exact.free is not None
        assert c.test.keys() == (c.val.keys() if c.spec.choose else {2.5})
        decided = c.published.prediction >= 0
        assert (c.published.fair <= decided).all()
    other = study.run_cells(world, preset, [replace(specs[-1], seed=1)])[0]
    assert (other.published.d_cs != alone.published.d_cs).all()


def test_cells_need_the_representation_that_they_share(small):
    """Two certificates of one R train it once; another seed or another method is another R."""
    preset, _, _, world = small
    specs = study.plan(preset)
    again = replace(specs[-1], sigmas=(1.0,))
    listed = [study.listing.tabled(world, preset, one) for one in (*specs, again)]
    needs = {cell.key: [need.key for need in cell.needs] for cell in listed}
    assert all(len(first) == 1 for first in needs.values())
    ours, other = study.listing.tabled(world, preset, specs[-1]), listed[-1]
    assert ours.needs[0].spec.config == other.needs[0].spec.config
    assert ours.spec.config != other.spec.config
    assert len({first[0] for first in needs.values()}) == len({s.own for s in specs})


@pytest.mark.parametrize("change", [{"judge_epochs": 9}, {"task": "earrings"}])
def test_what_a_discovered_direction_depends_on_is_in_every_key(small, change):
    """Another judge finds another direction: neither R nor certificates along the old one count."""
    preset, _, _, world = small
    spec = replace(study.plan(preset)[-1], way="discover")
    assert spec.config.moves
    for key in (study.listing.about, study.protocol.representation_card):
        assert key(world, preset, spec) != key(world, replace(preset, **change), spec)
        usual = replace(spec, way="mean")
        assert key(world, preset, usual) == key(world, replace(preset, judge_epochs=9), usual)


def test_all_cells_are_those_that_the_chapter_runs(small, monkeypatch):
    preset, _, _, world = small
    monkeypatch.setattr(study.listing.flow, "trained", lambda *_: SimpleNamespace(glow=None))
    monkeypatch.setattr(study.listing.flow, "world", lambda *_: world)
    listed = study.all_cells(replace(preset, faces=20, size=16), "synthetic", 0)
    specs = study.plan(preset)
    assert len(listed) == len(specs) > 1
    assert [cell.seed for cell in listed] == [spec.seed for spec in specs]
    shares = [grid.shard(listed, part, 2) for part in (1, 2)]
    assert sorted(c.key for share in shares for c in share) == sorted(c.key for c in listed)


def test_certified_images_are_searched(small):
    preset, _, _, world = small
    cells = study.run_cells(world, preset, study.plan(preset))
    fair = cells[-1].published.fair.copy()
    found = study.sound.search(world, preset, cells)
    assert [f.images for f in found] == [int(fair.sum())]
    assert found[0].contradicted == found[0].free_contradicted == 0


# ---------------------------------------------------------------- FairFace and drawn faces


def test_fairface_classes_and_validation_part():
    ages = ["0-2", "10-19", "20-29", "30-39", "40-49", "more than 70"]
    order = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"]
    n = 60
    frame = pd.DataFrame({
        "age": pd.Categorical(ages * 10, categories=order, ordered=True),
        "race": pd.Categorical(["Black", "White"] * 30),
    })  # fmt: skip
    split = np.array(["train"] * 50 + ["test"] * 10)
    x = torch.zeros(n, 3, 8, 8, dtype=torch.uint8)
    images = study.race.prepared(ImageSet(x, frame, split, "fairface", "made up", "2" * 8))
    assert images.attributes["age2"][:6].tolist() == [0, 0, 0, 1, 1, 1]
    assert images.attributes["age3"][:6].tolist() == [0, 0, 1, 1, 2, 2]
    assert images.attributes["Black"][:2].tolist() == [True, False]
    assert [(images.split == p).sum() for p in ("train", "val", "test")] == [40, 10, 10]
    assert images.digest != "2" * 8
    with pytest.raises(InputError, match="FairFace"):
        study.race.plan(study.LASSI["laptop"])


def test_the_nearest_similar_latent_of_a_counterfactual():
    a = torch.tensor([[2.0, 0.0, 0.0]])
    delta = torch.tensor([[1.0, 1.0, 0.0], [6.0, 0.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    t, moved, outside = study.truth.nearest(delta, a, 1.0)
    torch.testing.assert_close(t[:, 0], torch.tensor([0.5, 3.0, 0.0, 0.0]))
    torch.testing.assert_close(outside * moved, torch.tensor([1.0, 4.0, 3.0, 0.0]))
    assert outside[-1] == 0, "a picture that stays the same lies in the set"


def test_rows_without_labels_are_left_out(small):
    preset, _, _, world = small
    found = Row("smiling", "found", "discover")
    rows = (Row("smiling", "makeup"), Row("attractive", "chubby"), found)
    assert study.side.rows(world, replace(preset, beside=rows)) == [rows[0], rows[2]]
