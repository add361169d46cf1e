"""Word triggers' numbers by hand: overlapping groups, choices, sweeps, the theorem's texts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtut.chapters import reprogramming_text as study
from fairtut.chapters.reprogramming_text import attribution, checks, corpus, side, theorem
from fairtut.chapters.reprogramming_text.crowd import Crowd, _centred
from fairtut.chapters.reprogramming_text.measures import RIVALS, Board, measures, table
from fairtut.chapters.reprogramming_text.opening import CHAPTER
from fairtut.chapters.reprogramming_text.protocol import (
    NEITHER,
    Cell,
    Job,
    cell,
    grid,
    margins,
    random_words,
    sweep,
)
from fairtut.chapters.reprogramming_text.protocol import settings as settings_of
from fairtut.data.comments import CommentSet
from fairtut.data.synthetic.comments import CUES, WORDS
from fairtut.errors import InputError
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.runtime.presets import PRESETS

torch.set_num_threads(1)
TINY = replace(
    study.TEXTS["smoke"], comments=500, seeds=3,
    lams={"soft": (0.0, 0.3, 1.0), "hard": (0.0, 1.0), "advin": (0.3, 1.0), "advpost": (0.0, 2.0)},
)  # fmt: skip


def crowd(y: Any, members: Any, resamples: int = 0) -> Crowd:
    part: Any = SimpleNamespace(y=torch.as_tensor(y), groups=torch.as_tensor(members))
    return Crowd(part, resamples)


def by_hand(y: Any, members: Any, y_hat: Any, criterion: str) -> np.ndarray:
    """Return each group's deviation from all comments, with loops."""
    found = []
    for own in np.asarray(members).T:
        if criterion == "dp":
            found.append(abs(y_hat.mean() - y_hat[own].mean()))
        else:
            rates = [(y_hat[y == k].mean(), y_hat[own & (y == k)].mean()) for k in (0, 1)]
            found.append(sum(abs(a - b) for a, b in rates) / 2)
    return np.array(found)


def people(seed: int, n: int = 60, groups: int = 3) -> tuple[Any, Any, Any]:
    """Draw labels, memberships and decisions; every group has both labels."""
    rng = np.random.default_rng(seed)
    y, members = rng.integers(0, 2, n), rng.random((n, groups)) < 0.4
    members[:2], y[:2] = True, (0, 1)
    return y, members, rng.random(n) < 0.3 + 0.4 * members[:, 0]


# --- groups that overlap ----------------------------------------------------------------------


@given(st.integers(0, 10_000), st.sampled_from(("dp", "eo")))
def test_a_bias_is_the_mean_deviation_of_groups_and_the_papers_is_their_sum(
    seed: int, criterion: str
) -> None:
    y, members, y_hat = people(seed)
    each, of = by_hand(y, members, y_hat, criterion), crowd(y, members)
    assert of.bias(y_hat, criterion)[0] == pytest.approx(each.mean())
    assert of.bias(y_hat, criterion, "sum")[0] == pytest.approx(each.sum())
    # calling harmless what was toxic, other names of groups, or everybody twice: the same
    assert of.bias(~y_hat, criterion)[0] == pytest.approx(each.mean())
    assert crowd(y, members[:, ::-1].copy()).bias(y_hat, criterion)[0] == pytest.approx(each.mean())
    twice = crowd(np.tile(y, 2), np.tile(members, (2, 1)))
    assert twice.bias(np.tile(y_hat, 2), criterion)[0] == pytest.approx(each.mean())
    np.testing.assert_allclose(
        of.rates(y_hat)[:, 0], [y_hat[own].mean() for own in members.T], rtol=1e-6
    )


def test_a_group_that_is_everybody_or_a_constant_answer_has_no_bias() -> None:
    y, members, y_hat = people(1)
    everybody = np.ones_like(members)
    for criterion in study.CRITERIA:
        assert crowd(y, everybody).bias(y_hat, criterion)[0] == pytest.approx(0, abs=1e-7)
        assert crowd(y, members).bias(np.ones_like(y_hat), criterion)[0] == pytest.approx(0)
        assert crowd(y, members).bias(y_hat, criterion)[0] > 0.01


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=12),
    st.floats(0, 1), st.sets(st.integers(0, 11), max_size=3),
)  # fmt: skip
def test_resamples_are_moved_to_their_value_and_not_below_zero(
    rest: list[float], value: float, lost: set[int]
) -> None:
    draws = np.array([[value, *rest]])
    draws[0, [1 + i for i in lost if i < len(rest)]] = np.nan
    found = _centred(draws)
    known = ~np.isnan(draws[0, 1:])
    np.testing.assert_array_equal(np.isnan(found[0, 1:]), ~known)
    assert found[0, 0] == value
    if known.any():
        moved = draws[0, 1:][known]
        moved = moved + value - moved.mean()
        np.testing.assert_allclose(found[0, 1:][known], moved.clip(0), atol=1e-12)
    only = np.array([[value]])
    assert _centred(only) is only


# --- a board ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens() -> CommentSet:
    return corpus.corpus(TINY, False)


def cells_of(tokens: CommentSet, seed: int = 0) -> dict[Any, Cell]:
    """Return decisions that get less accurate and less unfair from setting to setting."""
    rng = np.random.default_rng(seed)
    made: dict[Any, Cell] = {}
    for job in dict.fromkeys(grid(TINY)):
        noise = 1.0 if isinstance(job, int) else 1 + 2 * job.lam + (job.method == "random")
        margin = {}
        for name in ("val", "test"):
            part = tokens.part(name)
            pull = (2.0 * part.y - 1 + part.groups[:, 1] - 1.0 * part.groups[:, 0]).numpy()
            margin[name] = (pull + noise * rng.normal(size=len(part))).astype(np.float32)
        last = {"movement": rng.random(), "norm_y": rng.random(), "norm_z": rng.random()}
        made[job] = Cell(margin, last)
    return made


@pytest.fixture(scope="module")
def board(tokens: CommentSet) -> Board:
    return Board(tokens, TINY, cells_of(tokens), resamples=10)


def test_every_measurement_is_what_its_name_says(tokens: CommentSet, board: Board) -> None:
    found = {name: np.array(entry.values) for name, entry in measures(board).items()}
    test = tokens.part("test")
    y, members = test.y.numpy(), test.groups.numpy()
    constant = max(y.mean(), 1 - y.mean())

    def score(job: Any, c: str) -> tuple[float, float]:
        y_hat = board.cells[job].margin["test"] >= 0
        return float((y_hat == y).mean()), float(by_hand(y, members, y_hat, c).mean())

    def close(name: str, wanted: Any) -> None:
        np.testing.assert_allclose(found[name], wanted, atol=1e-6, err_msg=name)

    seeds = range(3)
    for c in study.CRITERIA:
        base = np.array([score(seed, c) for seed in seeds])
        close("base.accuracy", base[:, 0])
        close("base.over-constant", base[:, 0] - constant)
        close(f"base.{c}", base[:, 1])
        close(f"base.{c}.sum", base[:, 1] * members.shape[1])
        noise = [score(random_words(TINY, s), c)[1] for s in seeds]
        close(f"random.{c}.change", noise - base[:, 1])
        for m in study.METHODS:
            picks = board.chosen(m, c)
            all_ = np.array([[score(job, c) for job in board.jobs(m, c, s)] for s in seeds])
            mine, name = all_[np.arange(3), picks], f"chosen.{c}.{m}"
            close(f"{name}.change", mine[:, 1] - base[:, 1])
            close(f"{name}.over-constant", mine[:, 0] - constant)
            close(f"{name}.lambda", np.array(TINY.lams[m])[picks])
            share = ((mine[:, 0] - constant) / (base[:, 0] - constant)).clip(0, 1)
            close(f"{name}.vs-mixing", mine[:, 1] - share * base[:, 1])
            if m == "advin":  # its grid has no 0
                assert f"{name}.vs-lambda0" not in found
                assert f"lambda0.{c}.{m}.change" not in found
            else:
                close(f"{name}.vs-lambda0", mine[:, 1] - all_[:, 0, 1])
                close(f"lambda0.{c}.{m}.change", all_[:, 0, 1] - base[:, 1])
            for rival in ("mixing", "threshold", "random"):
                close(f"front.{c}.{m}.vs-{rival}",
                      found[f"front.{c}.{m}"] - found[f"front.{c}.{rival}"])  # fmt: skip
        for m in study.TRIGGERS:
            front = found[f"front.{c}.{m}"]
            close(f"front.{c}.{m}.vs-advpost", front - found[f"front.{c}.advpost"])
            close(f"front.{c}.{m}.vs-advin-plus-1", front - found[f"front.{c}.advin"] + 0.01)
            for i, lam in enumerate(TINY.lams[m]):
                for key in ("movement", "norm_y", "norm_z"):
                    lasts = [board.cells[board.jobs(m, c, s)[i]].last[key] for s in seeds]
                    close(f"train.{c}.{m}.lambda{lam:g}.{key.replace('_', '-')}", lasts)
        assert {name.split(".")[2] for name in found if name.startswith(f"front.{c}.")} == {
            *RIVALS, "mixing"
        }  # fmt: skip
    each = [v for name, v in found.items() if name.startswith("audit.selection.") and
            not name.endswith("collapsed")]  # fmt: skip
    assert len(each) == 2 * len(study.METHODS)
    close("audit.selection.collapsed", np.mean(each, axis=0))


def test_nothing_of_the_test_comments_reaches_a_choice(tokens: CommentSet, board: Board) -> None:
    test = tokens.split == "test"
    y = tokens.y.clone()
    y[torch.from_numpy(test)] = (tokens.groups[torch.from_numpy(test)].sum(1) == 2).long()
    groups = tokens.groups.clone()
    groups[torch.from_numpy(test)] = groups[torch.from_numpy(test)].flip(1)
    rng = np.random.default_rng(9)
    others = {
        job: replace(one, margin={"val": one.margin["val"],
                                  "test": rng.normal(size=test.sum()).astype("f4")})
        for job, one in board.cells.items()
    }  # fmt: skip
    other = Board(replace(tokens, y=y, groups=groups, digest=""), TINY, others, resamples=0)
    for m, c in itertools.product(study.METHODS, study.CRITERIA):
        for floor in (True, False):
            np.testing.assert_array_equal(other.chosen(m, c, floor), board.chosen(m, c, floor))
    assert [other.floor(i) for i in range(3)] == [board.floor(i) for i in range(3)]
    assert other.constant("test")[0, 0] != board.constant("test")[0, 0]
    assert not np.allclose(other.base("dp").gap[:, 0], board.base("dp").gap[:, 0])


def test_the_floor_keeps_its_share_of_the_gain_over_the_constant(
    tokens: CommentSet, board: Board
) -> None:
    val = tokens.part("val").y.numpy()
    constant = max(val.mean(), 1 - val.mean())
    for run, seed in enumerate(board.seeds):
        best = ((board.cells[seed].margin["val"] >= 0) == val).mean()
        for keep in (0.0, 0.5, 1.0):
            board_of = Board.floor(
                SimpleNamespace(  # type: ignore[arg-type]
                    constant=board.constant, plane=board.plane, preset=replace(TINY, keep=keep)
                ), run,
            )  # fmt: skip
            assert board_of == pytest.approx(constant + keep * max(best - constant, 0))


def test_the_table_has_every_setting_with_its_name_and_interval(board: Board) -> None:
    names = {"base": "BASE", "hard": "hard trigger", "threshold": "moved"}
    rows = table(board, names, "eo")
    count = {"BASE": 1, "hard trigger": 2, "moved": 41}
    assert {k: sum(r["method"] == k for r in rows) for k in count} == count
    plane = board.plane("hard", "eo", "test")
    for row in (r for r in rows if r["method"] == "hard trigger"):
        for column, values in (("accuracy", plane.accuracy), ("bias", plane.gap)):
            assert row[column] == pytest.approx(values[row["setting"], :, 0].mean())
            assert row[f"{column}_low"] <= row[f"{column}_high"]
    assert not any("gap" in column for row in rows for column in row)


# --- what is trained --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), [(n, d) for n in PRESETS for d in ("synthetic", "real")])
def test_jobs_are_different_cells_with_the_settings_of_their_names(
    name: str, data: str, tokens: CommentSet
) -> None:
    preset = study.configuration(name, data, 1)
    jobs = list(dict.fromkeys([*grid(preset), *side.variations(preset)]))
    keys = [cell(tokens, preset, job).key for job in jobs]
    assert len(set(keys)) == len(jobs)
    seeds = {job if isinstance(job, int) else job.seed for job in jobs}
    assert seeds == set(range(100, 100 + preset.seeds))
    for job in jobs:
        if isinstance(job, int):
            continue
        needs = cell(tokens, preset, job).needs
        assert bool(needs) == (job.method != "advin"), "who starts anew needs no BASE"
        assert all(one.seed == job.seed for one in needs)
        if job.method != "random":
            config = settings_of(preset, job.method, job)
            assert config.projection == (job.lam > 0) and config.lam == job.lam
            usual = settings_of(preset, job.method, replace(job, ratio=1.0))
            # fewer comments mean more passes: as many updates
            assert config.epochs * job.ratio == pytest.approx(usual.epochs)
            assert replace(config, epochs=usual.epochs) == usual
    for method, lams in preset.lams.items():
        assert list(lams) == sorted(set(lams))
        several = sweep(preset, method, "eo", 100)
        assert [job.lam for job in several] == list(lams)
        assert {job.criterion for job in several if job.lam} == {"eo"}
        assert {job.criterion for job in several if not job.lam} <= {NEITHER}


def test_other_comments_or_networks_are_other_cells(tokens: CommentSet) -> None:
    job = Job("hard", "dp", 1.0, 0)

    def config(tokens: CommentSet, preset: study.Preset) -> Any:
        return cell(tokens, preset, job).spec.config

    mine = config(tokens, TINY)
    matters: dict[str, Any] = {
        "width": 64, "layers": 2, "dropout": 0.5, "counts": (1, 5, 9),
        "base": replace(TINY.base, epochs=9), "words": replace(TINY.words, lr=9.0),
    }  # fmt: skip
    for name, value in matters.items():
        assert config(tokens, replace(TINY, **{name: value})) != mine, name
    does_not: dict[str, Any] = {
        "seeds": 9, "jobs": 9, "ratios": (1.0,), "theorem": 9, "keep": 0.1,
        "advin": replace(TINY.advin, lr=9.0),
    }  # fmt: skip
    for name, value in does_not.items():
        assert config(tokens, replace(TINY, **{name: value})) == mine, name
    assert config(tokens.select(np.arange(len(tokens) - 1)), TINY) != mine


@given(st.sampled_from((*study.TRIGGERS, "advpost")), st.floats(0.01, 10))
def test_the_fixed_strength_is_the_nearest_of_the_grid(method: str, wanted: float) -> None:
    preset = replace(TINY, fixed={method: wanted})
    lam = side.fixed(preset, method, "dp", 0).lam
    assert abs(lam - wanted) == min(abs(v - wanted) for v in TINY.lams[method])


def test_a_grown_record_keeps_its_first_seeds() -> None:
    for root in (0, 2):
        preset = study.configuration("laptop", "real", root)
        grown = CHAPTER.enlarged(preset, 7)
        assert list(grown.run_seeds())[: preset.seeds] == list(preset.run_seeds())
        assert CHAPTER.seeds(grown) == {"models": list(range(100 * root, 100 * root + 7))}
        assert replace(grown, seeds=preset.seeds) == preset


# --- parts of the comments --------------------------------------------------------------------


@pytest.mark.parametrize("most", [10, 100, 10_000])
def test_a_thinned_set_keeps_the_first_rows_of_every_split_in_proportion(
    tokens: CommentSet, most: int
) -> None:
    thin = corpus._thinned(tokens, most)
    share = min(1, most / (tokens.split == "train").sum())
    for part in ("train", "tune", "val", "test"):
        whole, few = tokens.part(part), thin.part(part)
        assert len(few) == np.ceil(share * len(whole))
        assert torch.equal(few.ids, whole.ids[: len(few)])


@settings(max_examples=20)
@given(st.floats(0.02, 0.99), st.integers(0, 50))
def test_a_share_is_a_sample_of_the_asked_size_with_every_group(ratio: float, seed: int) -> None:
    tune = corpus.corpus(replace(TINY, comments=300), False).part("tune")
    few = corpus.share_of(tune, ratio, seed)
    assert len(few) == max(round(ratio * len(tune)), 2 * len(tune.group_names))
    rows = {tuple(row) for row in torch.cat([few.ids, few.y[:, None]], 1).tolist()}
    assert rows <= {tuple(row) for row in torch.cat([tune.ids, tune.y[:, None]], 1).tolist()}
    assert few.groups.any(0).all() and 0 < int(few.y.sum()) < len(few)


# --- beside the trade-off ---------------------------------------------------------------------


def noise_of(*what: Any, n: int) -> np.ndarray:
    """Return margins that are always the same for a model and a trigger."""
    from fairtut.runtime.seeds import numpy_rng

    return numpy_rng(0, repr(what)).normal(size=n).astype(np.float32)


def test_chosen_triggers_are_moved_to_the_base_of_the_next_seed(
    tokens: CommentSet, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = board.crowd["test"]
    n = test.n
    monkeypatch.setattr(side, "base", lambda tokens, preset, seed: seed)
    monkeypatch.setattr(side, "trained", lambda tokens, preset, job: (job, {}))
    monkeypatch.setattr(side, "margins", lambda m, part, t=None: noise_of(m, t, n=len(part)))
    found = {name: np.array(e.values) for name, e in side.transfer(tokens, board).items()}
    for c, method in itertools.product(study.CRITERIA, study.TRIGGERS):
        picks = board.chosen(method, c)
        name = f"transfer.{c}.{method}"
        own = board.at(method, c, picks).gap[:, 0] - board.base(c).gap[:, 0]
        for i, (seed, other) in enumerate(((0, 1), (1, 2), (2, 0))):
            job = board.jobs(method, c, seed)[picks[i]]
            plain, moved = (noise_of(other, t, n=n) >= 0 for t in (None, job))
            change = test.bias(moved, c)[0] - test.bias(plain, c)[0]
            assert found[f"{name}.change"][i] == pytest.approx(change)
            assert found[f"{name}.kept"][i] == pytest.approx(own[i] - change + side.SAME)
            cost = test.accuracy(moved)[0] - test.accuracy(plain)[0]
            assert found[f"{name}.cost"][i] == pytest.approx(cost)


def test_a_trigger_alone_is_as_one_sided_as_its_largest_group(
    tokens: CommentSet, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = corpus.by_group(tokens.part("test"))

    def logits(model: int, some: CommentSet) -> torch.Tensor:
        """Be right about all comments but the first 2, 3, 4 of the three seeds."""
        said = some.y.clone()
        said[: 2 + model] = (said[: 2 + model] + 1) % 3
        return torch.nn.functional.one_hot(said, 3).float()

    def probabilities(model: int, job: Job, _: Any) -> torch.Tensor:
        top = 0.4 + 0.1 * job.lam + 0.01 * model
        return torch.tensor([(1 - top) / 2, top, (1 - top) / 2])

    monkeypatch.setattr(side, "reader", lambda tokens, preset, seed: seed)
    monkeypatch.setattr(side, "trained", lambda tokens, preset, job: (job, {}))
    monkeypatch.setattr(side, "text_logits", logits)
    monkeypatch.setattr(side, "on_empty", probabilities)
    found, shown = side.alone(tokens, board)
    right = [1 - (2 + seed) / len(part) for seed in range(3)]
    assert found["null.reader"].values == pytest.approx(right)
    largest = np.bincount(part.y.numpy()).max() / len(part)
    over = [share - largest for share in right]
    assert found["null.reader.over-largest"].values == pytest.approx(over)
    for method in study.TRIGGERS:
        lams = TINY.lams[method]
        for lam in lams:
            top = [0.4 + 0.1 * lam + 0.01 * seed for seed in range(3)]
            assert found[f"null.{method}.lambda{lam:g}"].values == pytest.approx(top)
        gain = 0.1 * (lams[-1] - lams[1])  # between the largest and the smallest λ > 0
        values = found[f"null.{method}.one-sided"].values
        assert values == pytest.approx([gain] * 3, abs=1e-6)
        np.testing.assert_allclose(shown[method][:, 1], [0.41 + 0.1 * lam for lam in lams],
                                   rtol=1e-5)  # fmt: skip


def test_softening_is_the_mean_over_harmless_comments_that_name_a_group(
    tokens: CommentSet, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side, "base", lambda tokens, preset, seed: seed)
    monkeypatch.setattr(side, "trained", lambda tokens, preset, job: (job, {}))
    monkeypatch.setattr(side, "margins", lambda m, part, t=None: noise_of(m, t, n=len(part)))
    test = tokens.part("test")
    kept = (test.y.numpy() == 0) & test.groups.numpy().any(1)
    wanted = []
    for seed in range(3):
        job = side.fixed(TINY, "hard", "dp", seed)
        before, after = (1 / (1 + np.exp(-noise_of(seed, t, n=len(test)))) for t in (None, job))
        wanted.append((after - before)[kept].mean())
    found = side.softening(tokens, board)["example.softened"].values
    assert found == pytest.approx(wanted, abs=1e-6)


def test_sweeps_are_changes_against_base_and_against_each_other(
    tokens: CommentSet, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = board.crowd["test"].n
    asked: list[Job] = []

    def play(tokens: CommentSet, preset: study.Preset, jobs: Any) -> dict[Job, Cell]:
        asked.extend(jobs)
        return {job: Cell({"test": noise_of(job, n=n)}, {}) for job in jobs}

    monkeypatch.setattr(side, "play", play)
    varied = side.Varied(tokens, board)
    assert not set(asked) & set(board.cells), "trainings of the trade-off are not repeated"
    found = {name: np.array(e.values) for name, e in varied.measures().items()}

    def change(jobs: list[Job]) -> np.ndarray:
        y_hat = np.stack([varied.cells[job].margin["test"] >= 0 for job in jobs])
        return board.crowd["test"].bias(y_hat, "dp")[:, 0] - board.base("dp").gap[:, 0]

    usual = [side.fixed(TINY, "hard", "dp", s) for s in range(3)]
    for m in TINY.counts:
        np.testing.assert_allclose(found[f"words.{m}.change"],
                                   change([replace(job, count=m) for job in usual]))  # fmt: skip
    gap = np.abs(found[f"words.{max(TINY.counts)}.change"] - found["words.5.change"])
    np.testing.assert_allclose(found["words.flat"], side.SAME - gap)
    front = change([replace(job, placement="front") for job in usual])
    np.testing.assert_allclose(found["placement.hard.difference"], front - change(usual))
    few = change([replace(job, ratio=0.1) for job in usual])
    np.testing.assert_allclose(found["ratio.hard.10.change"], few)
    np.testing.assert_allclose(found["ratio.hard.least"], few)
    np.testing.assert_allclose(found["ratio.hard.loss"], few - change(usual))


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_no_word_is_shown_that_is_not_allowed(words: list[str], harmless: set[str]) -> None:
    found = side.readable(words, harmless)
    for shown, word in zip(found, words, strict=True):
        assert shown == (word if word in harmless else "[masked]")


def test_how_far_a_trigger_is_from_the_simplex(tokens: CommentSet) -> None:
    trigger = WordTrigger(tokens.tokenizer, 2)
    assert side.biggest(trigger) == 0
    with torch.no_grad():
        trigger.weight[1, 3] += 0.25
    assert side.biggest(trigger) == pytest.approx(0.25)
    with torch.no_grad():
        trigger.weight.zero_()
        trigger.weight[:, 0], trigger.weight[:, 1] = 1.5, -0.5
    assert side.biggest(trigger) == pytest.approx(0.5), "sums of 1 with a negative entry"


# --- the theorem ------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3, 8])
def test_words_behind_a_text_are_the_theorems_trigger(count: int) -> None:
    """The network on a text and so many words is the enumerated h at p(z | the words)."""
    texts, law = theorem.texts(200, 0), theorem.law()
    piece = texts.tokenizer.pieces
    kinds = [[piece(CUES[k][0])[0] for k in (0, 1)],
             [piece(WORDS[g][0])[0] for g in theorem.GROUPS]]  # fmt: skip
    rows = [
        [texts.tokenizer.start, *a, *b, *[kinds[1][1]] * count, texts.tokenizer.end]
        for a in itertools.product(kinds[0], repeat=theorem.LENGTH)
        for b in itertools.product(kinds[1], repeat=theorem.LENGTH)
    ]
    net, ids = theorem.Posterior(texts.tokenizer), torch.tensor(rows)
    p = torch.softmax(net(ids), 1)[:, 1].detach().numpy()
    trigger = theorem.posterior(count) if count else None
    np.testing.assert_allclose(p, law.h(*law.posteriors(trigger)).ravel(), atol=1e-5)
    turned = ids[:, torch.randperm(ids.shape[1], generator=torch.Generator().manual_seed(0))]
    padded = torch.nn.functional.pad(ids, (0, 3), value=texts.tokenizer.pad)
    for other in (turned, padded):
        torch.testing.assert_close(net(other), net(ids), msg="neither order nor padding speaks")


@given(st.integers(0, 30))
def test_the_posterior_of_words_is_bayes_with_equal_base_rates(count: int) -> None:
    p = theorem.posterior(count)
    odds = (0.8 / 0.2) ** count
    assert p == pytest.approx(odds / (1 + odds))
    assert theorem.posterior(0) == 0.5 and theorem.posterior(count + 1) >= p


def test_texts_are_drawn_from_the_law() -> None:
    n = 3000
    texts = theorem.texts(n, 3)
    z = texts.groups[:, 1].long().numpy()
    assert (texts.groups.sum(1) == 1).all()
    names = [texts.tokenizer.decode(row.tolist()) for row in texts.ids]
    for y, s in itertools.product((0, 1), repeat=2):
        p = theorem.JOINT[y][s]
        share = ((texts.y.numpy() == y) & (z == s)).mean()
        assert abs(share - p) < 6 * np.sqrt(p * (1 - p) / n)
    cues = np.array([[sum(w in CUES[k] for w in row) for k in (0, 1)] for row in names])
    who = np.array([[sum(w in WORDS[g] for w in row) for g in theorem.GROUPS] for row in names])
    assert (cues.sum(1) == theorem.LENGTH).all() and (who.sum(1) == theorem.LENGTH).all()
    for counts, own, noise in ((cues, texts.y.numpy(), theorem.CUE_NOISE),
                               (who, z, theorem.GROUP_NOISE)):  # fmt: skip
        for label in (0, 1):
            wrong = counts[own == label][:, 1 - label] / theorem.LENGTH
            limit = 6 * np.sqrt(noise * (1 - noise) / (theorem.LENGTH * len(wrong)))
            assert abs(wrong.mean() - noise) < limit
    assert texts.digest != theorem.texts(n, 4).digest


def test_a_named_trigger_is_the_word_so_often() -> None:
    texts = theorem.texts(200, 0)
    trigger = theorem.named(texts, "mosque", 3)
    assert texts.tokenizer.decode(trigger.token_ids().tolist()) == ["mosque"] * 3
    assert not trigger.weight.requires_grad and side.biggest(trigger) == 0
    # a word of the group moves every text away from the others' side, never towards it
    net = theorem.Posterior(texts.tokenizer)
    change = margins(net, texts, trigger) - margins(net, texts)
    assert (change > 0).all()


# --- attributions and audits ------------------------------------------------------------------


@given(st.integers(1, 12), st.data())
def test_the_integration_rule_is_exact_for_polynomials(steps: int, data: Any) -> None:
    degree = data.draw(st.integers(0, 2 * steps - 1))
    t, weight = attribution._rule(steps)
    assert weight @ t**degree == pytest.approx(1 / (degree + 1))


def test_a_linear_models_words_are_worth_their_share_of_the_logit(tokens: CommentSet) -> None:
    rng = torch.Generator().manual_seed(0)
    size = len(tokens.tokenizer)
    logits = torch.randn(size, 2, generator=rng).double()

    class Linear:
        table, positions = logits, 64

        def from_words(self, words: Any, mask: Any, order: Any = None) -> Any:
            return (words * mask[..., None]).sum(1)

    ids = tokens.ids[:1]
    trigger = theorem.named(tokens, "mosque", 2).double()
    found = attribution.attribute(Linear(), ids, trigger, tokens.tokenizer, steps=2)
    known = [i for i in ids[0].tolist() if i != tokens.tokenizer.pad]
    word = tokens.tokenizer.pieces("mosque")[0]
    margin = (logits[:, 1] - logits[:, 0]).numpy()
    wanted = margin[[*known[1:-1], word, word]] - margin[tokens.tokenizer.pad]
    np.testing.assert_allclose(found.values[1:-1], wanted, atol=1e-9)
    assert found.values[[0, -1]].tolist() == [0, 0] and abs(found.gap) < 1e-9
    assert [found.tokens[i] for i in found.trigger] == ["mosque", "mosque"]
    assert np.linalg.norm(found.scaled()) == pytest.approx(1)
    nothing = replace(found, values=np.zeros(3))
    assert nothing.scaled().tolist() == [0, 0, 0]


def test_the_released_optimiser_loses_the_second_list() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2, bias=False))
    assert checks.no_decay(net) == (2, 0, 3), "two weights, and a bias that is lost"


def test_a_share_without_both_labels_is_refused(tokens: CommentSet) -> None:
    tune = tokens.part("tune")
    silent = replace(tune, y=torch.zeros_like(tune.y), digest="")
    with pytest.raises(InputError, match="never hold every group: take a larger share"):
        corpus.share_of(silent, 0.2, 0)
