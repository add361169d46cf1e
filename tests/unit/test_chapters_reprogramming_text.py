"""The experiments with word triggers: overlapping groups, choices, fronts, the theorem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fairtut.chapters import reprogramming_text as study
from fairtut.chapters.reprogramming_text.corpus import by_group, corpus, encoder_folder, share_of
from fairtut.chapters.reprogramming_text.crowd import Crowd
from fairtut.chapters.reprogramming_text.measures import Board
from fairtut.chapters.reprogramming_text.protocol import Cell, grid, settings
from fairtut.chapters.reprogramming_text.side import readable, variations
from fairtut.data.comments import CommentSet, Vocabulary
from fairtut.data.synthetic.comments import WORDS
from fairtut.errors import CorruptFile, InputError, MissingData
from fairtut.evidence.claims import load_claims
from fairtut.lab.asked import CONTROLS
from fairtut.methods.reprogramming.keeping import load_words, save_words
from fairtut.methods.reprogramming.overlap import deviations
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.metrics import hypervolume, pareto_front
from fairtut.runtime import checkpoints
from fairtut.runtime.presets import PRESETS, choose
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
TINY = replace(
    study.TEXTS["smoke"], comments=600, width=8, lams={
        "soft": (0.0, 0.5), "hard": (0.0, 0.5), "advin": (0.5,), "advpost": (0.0, 0.5),
    },
    base=replace(study.TEXTS["smoke"].base, epochs=1),
    words=replace(study.TEXTS["smoke"].words, epochs=1),
    post=replace(study.TEXTS["smoke"].post, epochs=1),
    advin=replace(study.TEXTS["smoke"].advin, epochs=0.5), theorem=200, seeds=2,
)  # fmt: skip
ONE = replace(
    TINY, comments=300, seeds=1, width=4, heads=1, ratios=(0.5, 1.0), theorem=120,
    words=replace(TINY.words, batch=64), post=replace(TINY.post, batch=64),
)  # fmt: skip


@pytest.fixture(scope="module")
def tokens() -> CommentSet:
    return corpus(TINY, False)


@pytest.fixture(scope="module")
def board(tokens: CommentSet) -> Board:
    """Decisions that get less accurate and less unfair from setting to setting."""
    rng = np.random.default_rng(0)
    cells: dict = {}
    parts = {name: tokens.part(name) for name in ("val", "test")}
    for job in grid(TINY):
        noise = 1.0 if isinstance(job, int) else 1 + 3 * job.lam + (job.method == "random")
        margin = {}
        for name, part in parts.items():
            pull = (2.0 * part.y - 1 + part.groups[:, 1] - 1.0 * part.groups[:, 0]).numpy()
            margin[name] = (pull + noise * rng.normal(size=len(part))).astype(np.float32)
        cells[job] = Cell(margin, dict.fromkeys(("movement", "norm_y", "norm_z"), 1.0))
    return Board(tokens, TINY, cells, resamples=20)


# --- groups that overlap -------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["dp", "eo"])
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_a_crowd_measures_what_the_method_measures(
    tokens: CommentSet, criterion: str, reduce: str
) -> None:
    part = tokens.part("test")
    y_hat = np.random.default_rng(1).random((2, 3, len(part))) < 0.4
    bias = Crowd(part, 5).bias(y_hat, criterion, reduce)
    assert bias.shape == (2, 3, 6)
    wanted = deviations(part.y, y_hat[1, 2], part.groups, reduce)[criterion]
    assert bias[1, 2, 0] == pytest.approx(wanted, abs=1e-6)


def test_resamples_lie_around_their_value(tokens: CommentSet) -> None:
    crowd = Crowd(tokens.part("test"), 100)
    y_hat = np.random.default_rng(2).random((20, crowd.n)) < 0.5  # no group is different
    bias = crowd.bias(y_hat, "dp")
    assert (bias >= 0).all() and bias[:, 1:].std(1).min() > 0.005
    # without the correction a resample has half as much again
    assert bias[:, 1:].mean() == pytest.approx(bias[:, 0].mean(), rel=0.1)
    e = crowd.interval(bias)
    assert e.low <= e.value <= e.high


# --- choices and fronts --------------------------------------------------------------------


def test_the_choice_is_the_least_validation_bias_above_the_floor(board: Board) -> None:
    accuracy, bias = (v[..., 0] for v in board.plane("hard", "dp", "val"))
    for run, pick in enumerate(board.chosen("hard", "dp")):
        allowed = np.flatnonzero(accuracy[:, run] >= board.floor(run))
        if len(allowed):
            assert pick == allowed[bias[allowed, run].argmin()]
        else:
            assert pick == accuracy[:, run].argmax()


def test_bias_alone_chooses_the_constant_and_the_floor_refuses_it(
    tokens: CommentSet, board: Board
) -> None:
    cells = dict(board.cells)
    for seed in board.seeds:
        job = board.jobs("hard", "dp", seed)[1]
        nothing = {name: -np.ones_like(m) for name, m in cells[job].margin.items()}
        cells[job] = replace(cells[job], margin=nothing)
    other = Board(tokens, TINY, cells, resamples=2)
    assert other.collapses("hard", "dp")[1].all() and not other.collapses("hard", "dp")[0].any()
    assert (other.chosen("hard", "dp", floor=False) == 1).all()
    assert (other.chosen("hard", "dp") == 0).all()
    assert (other.plane("hard", "dp", "test")[1][1] == 0).all()


def test_a_front_is_chosen_on_validation_and_worth_its_area_on_test(board: Board) -> None:
    known = np.column_stack([v[:, 0, 0] for v in board.plane("threshold", "dp", "val")])
    found = np.column_stack([v[:, 0, 0] for v in board.plane("threshold", "dp", "test")])
    worst = board.base("dp")[1][0, 0]
    front = found[pareto_front(known, False)]
    low = board.crowd["test"].constant()[0]
    wanted = hypervolume(front, (low, worst), False) / worst
    assert board.area("threshold", "dp")[0, 0] == pytest.approx(wanted)


def test_the_mixing_line_is_what_many_mixtures_are(board: Board) -> None:
    low = float(board.crowd["test"].constant()[0])
    accuracy, bias = (float(v[0, 0]) for v in board.base("eo"))
    p = np.linspace(0, 1, 4001)
    mixed = np.column_stack([low + p * (accuracy - low), p * bias])
    wanted = hypervolume(mixed, (low, bias), False) / bias
    assert board.mixing("eo")[0, 0] == pytest.approx(wanted, abs=1e-3)
    half = board.mixed("eo", np.full_like(board.base("eo")[0], (low + accuracy) / 2))
    assert half[0, 0] == pytest.approx(bias / 2)


def test_each_trigger_is_asked_about_all_controls(board: Board) -> None:
    found = study.beaten(board)
    assert set(found) == {
        f"beats.{m}.{c}.{control}"
        for m in study.TRIGGERS for c in study.CRITERIA for control in CONTROLS
    }  # fmt: skip
    worst = board.base("dp").gap[:, 0]
    ours = board.number("soft", "dp", worst)[:, 0]
    assert found["beats.soft.dp.constant"].values == pytest.approx(ours.tolist())
    rivals = {name: board.number(name, "dp", worst)[:, 0] for name in ("threshold", "groups")}
    assert (rivals["threshold"] != rivals["groups"]).any(), "else nobody would see them swapped"
    for name, theirs in rivals.items():
        assert found[f"beats.soft.dp.{name}"].values == pytest.approx((ours - theirs).tolist())


def test_two_thresholds_know_who_is_mentioned(board: Board) -> None:
    """Within the comments that name a group, and within all others, nobody overtakes anybody."""
    margin = board._margins("base", "dp")["test"][0]  # (seeds, n)
    named = board.crowd["test"].members.any(1)
    y_hat = board.decisions["groups", "eo"]["test"]
    assert named.any() and not named.all()
    for of in (named, ~named):
        for run, order in enumerate(margin[:, of].argsort(-1)):
            assert (np.diff(y_hat[:, run][:, of][:, order].astype(int), axis=-1) >= 0).all()
    together = [y_hat[:, run][:, order].astype(int) for run, order in enumerate(margin.argsort(-1))]
    assert any((np.diff(one, axis=-1) < 0).any() for one in together)  # the two are not one


def test_moved_thresholds_never_bring_anybody_back(board: Board) -> None:
    moved = board.decided("threshold", "dp", "test").astype(int)
    assert (np.diff(moved, axis=0) <= 0).all()


def test_lambda_zero_is_one_training_for_both_criteria() -> None:
    jobs = [j for j in grid(TINY) if not isinstance(j, int) and j.lam == 0]
    assert {j.criterion for j in jobs} == {"none"}
    (job,) = {j for j in jobs if j.method == "soft" and j.seed == 0}
    assert settings(TINY, "soft", job).projection is False  # as released for text
    few = replace(job, ratio=0.1)
    assert settings(TINY, "soft", few).epochs == pytest.approx(10 * TINY.words.epochs)


# --- parts of the comments -----------------------------------------------------------------


def test_splits_are_disjoint_and_small_shares_hold_every_group(tokens: CommentSet) -> None:
    assert sum(len(tokens.part(p)) for p in ("train", "tune", "val", "test")) == len(tokens)
    tune = tokens.part("tune")
    few = share_of(tune, 0.01, 0)
    assert len(few) == 6 and few.groups.any(0).all() and 0 < int(few.y.sum()) < 6
    assert share_of(tune, 1.0, 0) is tune
    assert torch.equal(share_of(tune, 0.1, 3).ids, share_of(tune, 0.1, 3).ids)
    lonely = tune.select(tune.groups[:, 0].logical_not().numpy())
    with pytest.raises(InputError, match="never hold every group"):
        share_of(lonely, 0.5, 0)


def test_a_single_group_becomes_the_label(tokens: CommentSet) -> None:
    alone = by_group(tokens)
    assert (alone.groups.sum(1) == 1).all()
    assert alone.groups[torch.arange(len(alone)), alone.y].all()


def test_no_word_is_printed_unless_it_is_known_to_be_harmless() -> None:
    assert readable(["mosque", "xyz"], {"mosque"}) == ["mosque", "[masked]"]


def test_a_missing_encoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAIRTUT_ENCODER", raising=False)
    with pytest.raises(MissingData, match="set FAIRTUT_ENCODER"):
        encoder_folder()


def test_every_preset_has_what_the_chapter_needs() -> None:
    for name in PRESETS:
        for preset in (choose(study.TEXTS, name), study.for_real(study.TEXTS[name], name)):
            assert 5 in preset.counts and 1.0 in preset.ratios and min(preset.ratios) < 1
            assert set(preset.lams) == set(study.METHODS) and 0.0 not in preset.lams["advin"]
            assert preset.positions >= preset.length + max(preset.counts)


# --- triggers in files ---------------------------------------------------------------------


def test_a_trigger_comes_back_from_its_file(tmp_path: Path, tokens: CommentSet) -> None:
    trigger = WordTrigger(tokens.tokenizer, 3, mode="hard", placement="front",
                          generator=torch_rng(0, "x"))  # fmt: skip
    path = save_words(tmp_path / "t.pt", trigger, tokens.tokenizer)
    again = load_words(path, tokens.tokenizer)
    assert torch.equal(again.weight, trigger.weight) and len(again) == 3
    assert (again.mode, again.placement) == ("hard", "front")
    assert not again.weight.requires_grad
    other = Vocabulary((*tokens.tokenizer.tokens[:-1], "other"))  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="another vocabulary"):
        load_words(path, other)
    checkpoints.save(tmp_path / "m.pt", torch.nn.Linear(1, 1), {"what": "model"})
    with pytest.raises(CorruptFile, match="no word trigger"):
        load_words(tmp_path / "m.pt", tokens.tokenizer)


# --- the theorem ---------------------------------------------------------------------------


def test_the_network_is_the_enumerated_classifier_and_forgets_the_group() -> None:
    texts = study.theorem.texts(400, 0)
    law = study.theorem.law()
    exact = tuple(law.triggered(study.theorem.posterior(k) if k else None) for k in (0, 8))
    found = study.theorem._enumerated(law, exact, texts)
    assert found["exact.posterior-network"].values[0] < 1e-5
    assert exact[0].given_y > 0.03
    assert found["theorem.enumerated.information"].values[0] < 1e-9
    model = study.theorem.Posterior(texts.tokenizer)
    words = study.theorem.named(texts, "muslim", 8)
    from fairtut.chapters.reprogramming_text.protocol import margins

    far = texts.ids.clone()  # the same texts with every group word of the other group
    ids = [texts.tokenizer.pieces(w)[0] for w in ("imam", "church")]
    for name, word in (("muslim", ids[1]), ("christian", ids[0])):
        for w in WORDS[name]:
            far[texts.ids == texts.tokenizer.pieces(w)[0]] = word
    twins = replace(texts, ids=far, digest="")
    same = (margins(model, texts, words) > 0) == (margins(model, twins, words) > 0)
    assert same.mean() > 0.99  # nobody's group matters any more
    plain = (margins(model, texts) > 0) == (margins(model, twins) > 0)
    assert plain.mean() < 0.8


# --- everything once -----------------------------------------------------------------------


def test_a_whole_chapter_measures_what_the_claims_wait_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tokens = corpus(ONE, False)
    monkeypatch.setenv("FAIRTUT_CACHE", str(tmp_path))
    cells = study.protocol.play(tokens, ONE, grid(ONE))
    made = Board(tokens, ONE, cells, resamples=5)
    found = study.measures.measures(made)
    found |= study.side.Varied(tokens, made).measures()
    found |= study.side.transfer(tokens, made) | study.side.softening(tokens, made)
    found |= study.side.alone(tokens, made)[0] | study.theorem.run(ONE)[0]
    found |= study.checks.exact(tokens, made) | study.checks.audit(tokens, made)
    units = {key: entry.unit for key, entry in found.items()}
    assert f"ratio.hard.{100 * min(ONE.ratios):g}.change" in found
    for claim in load_claims("reprogramming_text"):
        for wanted in () if claim.untested else claim.measure:
            assert units.get(wanted) == claim.unit, f"{claim.id} waits for {wanted}"
        if claim.kind == "exact":
            (wanted,) = claim.measure
            values = found[wanted].values
            assert claim.value is not None and claim.tolerance is not None
            assert max(abs(v - claim.value) for v in values) <= claim.tolerance, claim.id
    jobs = [job for job in cells if not isinstance(job, int)]
    again = study.protocol.play(tokens, ONE, jobs)  # from the kept files
    for job in jobs:
        np.testing.assert_array_equal(again[job].margin["test"], cells[job].margin["test"])
        assert again[job].words == cells[job].words
    assert len(variations(ONE)) == len(ONE.counts) + 2 + 2 * len(ONE.ratios)
