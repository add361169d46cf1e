"""The DVGE experiments: fronts from decisions, and the claims that wait for measurements."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut.chapters import dvge as study
from fairtut.chapters.dvge.codes import moved as threshold
from fairtut.chapters.dvge.presets import Sweep
from fairtut.data.images import ImageSet
from fairtut.errors import InputError
from fairtut.evidence.claims import load_claims
from fairtut.lab.asked import CONTROLS
from fairtut.metrics import DEFINITIONS, group_table
from fairtut.runtime.presets import PRESETS, choose

SWEEP = Sweep(eta1=(0.0, 0.5, 1.0), eta2=(0.0, 0.4), chosen=((0.5, 0.0), (1.0, 0.4)))


def board(n: int = 300, runs: int = 2, shared: bool = True, seed: int = 0) -> study.Board:
    """Decisions that get less accurate and less unfair from setting to setting."""
    rng = np.random.default_rng(seed)
    shape = (n,) if shared else (runs, n)
    y = {part: rng.integers(0, 2, shape) for part in ("val", "test")}
    s = {part: rng.integers(0, 2, shape) for part in ("val", "test")}

    def decided(settings: int) -> dict[str, np.ndarray]:
        out = {}
        for part in ("val", "test"):
            margin = 1.5 * (2 * y[part] - 1) + (2 * s[part] - 1)
            noise = rng.normal(size=(settings, runs, n)) * (1 + np.arange(settings))[:, None, None]
            out[part] = (margin + noise > 0).astype(np.int8)
        return out

    counts = {"dvge-n": 6, "dvge-d": 6, "plain-n": 1, "plain-d": 1, "removed-n": 2,
              "removed-d": 2, "ffvae": 2, "fdvae": 2, "adt": 2, "threshold": 5}  # fmt: skip
    return study.Board("made-up", y, s, {k: decided(v) for k, v in counts.items()}, SWEEP, 500)


def test_planes_are_those_of_the_metrics_package():
    scores = study.measures.Scores(board())
    plane = scores.plane("dvge-n", "eo", "test")
    y_hat = scores.board.decisions["dvge-n"]["test"][3, 1]
    counted = group_table(scores.board.y["test"], y_hat, scores.board.s["test"], positive=1)
    gap = float(DEFINITIONS["equal_opportunity_gap"].of_table(counted))
    assert plane.gap[3, 1, 0] == pytest.approx(gap)
    assert plane.accuracy[3, 1, 0] == pytest.approx((y_hat == scores.board.y["test"]).mean())


def test_the_reference_is_the_mean_over_runs_that_share_people():
    one = study.measures.Scores(board(), resamples=0)
    gaps = one.plane("plain-n", "dp", "test").gap[0, :, 0]
    np.testing.assert_allclose(one.reference("n", "dp"), gaps.mean())
    split = study.measures.Scores(board(shared=False))
    np.testing.assert_array_equal(
        split.reference("n", "dp"), split.plane("plain-n", "dp", "test").gap[0, :, 0]
    )
    assert gaps[0] != gaps[1]


def test_the_limit_is_half_the_plain_gap_on_validation():
    scores = study.measures.Scores(board(), resamples=0)
    known, found = (scores.plane("dvge-n", "dp", part) for part in ("val", "test"))
    limits = scores.plane("plain-n", "dp", "val").gap[0, :, 0] / 2
    for run, gained in enumerate(scores.at_limit("n", "dp")[:, 0]):
        allowed = np.flatnonzero(known.gap[:, run, 0] <= limits[run])
        assert len(allowed)
        best = allowed[known.accuracy[allowed, run, 0].argmax()]
        assert gained == found.accuracy[best, run, 0] - scores.constant()[0, 0]


def test_a_front_without_a_gap_is_worth_its_whole_gain():
    one = board()
    perfect = {part: one.y[part][None, None].repeat(2, 1).astype(np.int8) for part in one.y}
    one.decisions["adt"] = perfect  # right about everybody: accuracy 1, equal opportunity gap 0
    scores = study.measures.Scores(one)
    gained = scores.area("adt", "n", "eo")[:, 0]
    np.testing.assert_allclose(gained, 1 - scores.constant()[0, 0])


def test_splits_are_not_taken_for_independent_people():
    scores = study.measures.Scores(board(shared=False))
    found = scores.entry(scores.area("adt", "n", "dp"))
    assert found.overlap == pytest.approx(300 / 500) and found.people is None


def test_moved_thresholds_keep_the_order_of_the_scores():
    rng = np.random.default_rng(0)
    margin = {part: rng.normal(size=(2, 50)).astype("f4") for part in ("val", "test")}
    moved = threshold(margin)["test"]
    assert (np.diff(moved.sum(-1), axis=0) <= 0).all()
    assert (np.diff(moved, axis=0) <= 0).all()  # nobody comes back


def test_times_become_log_ratios_per_split():
    one = study.credit.Played(board(shared=False), {"encoder-n": 20.0, "ffvae": 80.0}, [1.0, 2.0])
    found = study.side.credit_times(one)
    np.testing.assert_allclose(np.exp(found["d5.german.encoder"].values), [0.1, 0.2])
    np.testing.assert_allclose(np.exp(found["d5.german.ffvae"].values), [0.1, 0.2])  # 4 FFVAEs


def reading() -> study.ablation.Reading:
    etas = tuple(round(0.1 * i, 1) for i in range(1, 11))
    scores = np.stack([np.linspace(0.75, 0.65, 10), np.linspace(0.74, 0.66, 10)])
    foci = ("loss_pred", "logit_pred", "logit_1", "loss_true")
    probes = {(f, p): scores for f in foci for p in ("perturbed", "raw")}
    probes |= {("loss_pred", p): scores for p in ("mixed-perturbed", "mixed-raw")}
    none = np.array([0.8, 0.81])
    return study.ablation.Reading(none, none - 0.06, probes, etas, 0.58, 400)


def test_slopes_and_saturation_have_the_right_sign():
    found = study.ablation.measures(reading(), "table1.d")
    assert all(v < 0 for v in found["table1.d.loss_pred.perturbed.slope"].values)
    assert all(v < 0 for v in found["table1.d.loss_pred.perturbed.saturation"].values)


def test_every_claim_waits_for_something_that_the_study_measures():
    names = ("celeba-male-oval", "celeba-maleyoung-attractive", *study.credit.GROUPS)
    made: set[str] = set()
    for name in names:
        made |= set(study.measures.panels(study.measures.Scores(board(), resamples=0), name))
    for row in ("table1", "table2"):
        for e in ("d", "n"):
            made |= set(study.ablation.measures(reading(), f"{row}.{e}"))
    for name in ("faces", "applicants"):
        found = study.measures.panels(study.measures.Scores(board(), resamples=0), name)
        made |= set(study.measures.synthetic(found, name, name))
    for e in ("d", "n"):
        made |= set(study.ablation.measures(reading(), f"faces.{e}"))
    for claim in load_claims("dvge"):
        for wanted in () if claim.untested else (*claim.measure, *claim.rival):
            if wanted.split(".")[0] in ("audit", "exact", "d5") or "flips" in wanted:
                continue  # these are run below, or in the chapter
            assert wanted in made, f"{claim.id} waits for {wanted}"


def images(n: int = 240) -> ImageSet:
    rng = np.random.default_rng(0)
    split = np.resize(["train", "train", "val", "test"], n).astype("<U5")
    names = ("Male", "Young", "Attractive", "Oval_Face")
    columns = {name: rng.random(n) < 0.5 for name in names}
    x = torch.from_numpy(rng.integers(0, 256, (n, 3, 16, 16), dtype=np.uint8))
    return ImageSet(x, pd.DataFrame(columns), split, "celeba", "made up", "0" * 8)


def tiny() -> study.Preset:
    from fairtut.methods.dvge import Config
    from fairtut.methods.latent import Config as Encoding
    from fairtut.methods.latent import reversal

    quick = Encoding("vae", epochs=0.5, batch=16, hidden=(8,), reencode=0.5)
    return replace(
        study.DVGE["smoke"], size=16, width=2, vae=quick, tuned=0.3, settings=("male-oval",),
        classifier=Config(hidden=(8,), batch=32, epochs=1),
        adt=reversal.Config(hidden=(8,), epochs=0.5, batch=16), etas=(0.5, 1.0),
    )  # fmt: skip


def test_a_whole_board_of_images(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    people, preset = images(), tiny()
    task = study.task_of(people, "male-oval", preset.most)
    played = study.play(people, task, preset)
    shapes = {k: v["test"].shape for k, v in played.decisions.items()}
    assert shapes["dvge-n"] == (6, 2, 60) and shapes["adt"] == (2, 2, 60)
    assert shapes["ffvae"] == shapes["fdvae"] == shapes["removed-d"] == (2, 2, 60)
    assert shapes["noise"] == (4, 2, 60) and shapes["threshold"] == (41, 2, 60)
    plain = played.decisions["plain-n"]["test"][0]
    assert ((played.margin["test"] > 0) == plain).all()
    asked = study.beaten(study.measures.Scores(played, resamples=20), "male-oval")
    assert set(asked) == {f"beats.male-oval.n.{g}.{c}" for g in ("dp", "eo") for c in CONTROLS}
    again = study.play(people, task, preset)  # from the kept encoders
    assert all((again.decisions[k]["test"] == v["test"]).all() for k, v in played.decisions.items())
    found = study.side.audit(study.encoders.codes(people, preset, "n"), task, preset)
    found |= study.side.invariants(people, task, preset)
    exact = [c for c in load_claims("dvge") if c.kind == "exact"]
    assert {m for c in exact for m in c.measure} <= set(found)
    for claim in exact:
        for wanted in claim.measure:
            assert found[wanted].values[0] == pytest.approx(claim.value, abs=1e-6), claim.id


def test_the_first_dimension_of_ffvae_for_a_group_of_one(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    from fairtut.chapters.dvge.encoders import usable

    people, preset = images(), tiny()
    one = usable(people, preset, "ffvae-0", study.task_of(people, "male-oval", None))
    two = usable(people, preset, "ffvae-0", study.task_of(people, "maleyoung-attractive", None))
    z = torch.stack([
        study.encoder(people, preset, "ffvae-0", seed=seed).z for seed in preset.run_seeds()
    ])  # fmt: skip
    assert one.shape[-1] == z.shape[-1] - 1 and two.shape[-1] == z.shape[-1] - 2
    assert torch.equal(one[..., -1], z[..., -1])  # Young's dimension stays for a gap by Male


def test_every_training_has_encoders_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    people, preset = images(), tiny()
    z = study.encoders.codes(people, preset, "n")
    assert z.shape[0] == preset.seeds and not torch.equal(z[0], z[1])
    alone = study.encoder(people, replace(preset, seeds=1), "n")
    assert torch.equal(z[0], alone.z), "a first training is the same beside others"
    task = study.task_of(people, "male-oval", None)
    one, both = (
        study.ablation.read(codes, task, replace(preset, seeds=len(codes))) for codes in (z[:1], z)
    )
    np.testing.assert_allclose(one.none, both.none[:1])
    for key, scores in one.probes.items():
        np.testing.assert_allclose(scores, both.probes[key][:1], err_msg=str(key))


def test_a_run_needs_a_cell_for_every_encoder_of_every_training(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    preset = tiny()
    listed = study.encoders.cells(images(), preset)
    assert {cell.seed for cell in listed} == set(preset.run_seeds())
    assert len(listed) == preset.seeds * len(study.encoders.configs(preset))


def test_codes_have_a_mean_variance_of_one(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    people, preset = images(), tiny()
    found = study.encoder(people, preset, "n")
    train = torch.from_numpy(people.split == "train")
    assert float(found.z[train].var(0).mean()) == pytest.approx(1, rel=1e-4)
    torch.testing.assert_close(found.codes(people.x), found.z)


def test_the_conjunction_is_young_women_against_the_rest():
    people = images()
    task = study.task_of(people, "maleyoung-attractive", None)
    male, young = people.labels("Male"), people.labels("Young")
    assert torch.equal(task.s == 1, (male == 0) & (young == 1))
    with pytest.raises(InputError, match="no group"):
        from fairtut.chapters.dvge.tasks import group

        group(people, ("Young", "Male"))


def test_all_rivals_have_as_many_settings():
    for name in PRESETS:
        sweep = choose(study.DVGE, name).sweep
        counts = {len(sweep.chosen), len(sweep.ffvae), len(sweep.fdvae), len(sweep.adt)}
        assert counts == {len(sweep.removed)}


@pytest.mark.parametrize("data", ["synthetic", "real"])
@pytest.mark.parametrize("name", PRESETS)
def test_all_rivals_of_images_start_from_the_plain_encoder_and_have_as_many_passes(name, data):
    preset = study.configuration(name, data, 0)
    assert preset.adt.epochs == preset.tuned
    kinds = {config.kind: config.epochs for config in study.encoders.configs(preset).values()}
    assert kinds["ffvae"] == kinds["fdvae"] == preset.tuned
