"""Word triggers: exact projection, straight-through gradients, places, and a trained one."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from fairtut.data.comments import CommentSet, Vocabulary
from fairtut.data.synthetic.comments import comments
from fairtut.errors import InputError, UnknownName
from fairtut.methods.reprogramming import Config, Discriminator, Game
from fairtut.methods.reprogramming.overlap import deviations, members
from fairtut.methods.reprogramming.text import (
    TEXT,
    TextGame,
    on_empty,
    text_logits,
    train_text,
    train_text_weights,
    train_words,
)
from fairtut.methods.reprogramming.words import WordTrigger, on_simplex, with_room
from fairtut.metrics import demographic_parity_deviation, equalized_odds_deviation
from fairtut.models.text import TextClassifier
from fairtut.runtime.checkpoints import state_digest
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)

RATES = {"christian": 0.1, "muslim": 0.6, "black": 0.4}
TINY = replace(TEXT, hidden=(8,), epochs=2, lam=2.0)
WORDS = Vocabulary.build(["aa bb cc dd ee ff"], least=1)
IDS = torch.tensor([[2, 4, 5, 6, 3, 0, 0], [2, 7, 3, 0, 0, 0, 0], [2, 8, 4, 7, 5, 9, 3]])


def net(vocabulary: int = len(WORDS), positions: int = 20, **changes: Any) -> TextClassifier:
    given: dict[str, Any] = {"width": 16, "heads": 2, "layers": 1} | changes
    return TextClassifier(
        vocabulary, positions=positions, generator=torch_rng(0, "net"), **given
    ).eval()


def word_trigger(count: int = 3, seed: int = 0, **options: str) -> WordTrigger:
    return WordTrigger(WORDS, count, generator=torch_rng(seed, "trigger"), **options)


@pytest.fixture(scope="module")
def drawn() -> CommentSet:
    return comments(1500, 0, rates=RATES, silent=0.1, ambiguity=0.25)


@pytest.fixture(scope="module")
def base(drawn: CommentSet) -> TextClassifier:
    """A classifier that learnt the groups' rates from the train split."""
    model = TextClassifier(
        len(drawn.tokenizer), positions=32, width=32, heads=2, layers=1, dropout=0.0,
        generator=torch_rng(0, "base"),
    )  # fmt: skip
    train_text(model, drawn.part("train"), epochs=8, batch=32, lr=5e-3, seed=0)
    return model


# --- the simplex ----------------------------------------------------------------------------


def bisection(v: np.ndarray) -> np.ndarray:
    """Project one row by bisection on the shift, an independent way."""
    low, high = v.min() - 1.0, v.max()
    for _ in range(200):
        tau = (low + high) / 2
        low, high = (tau, high) if np.maximum(v - tau, 0).sum() > 1 else (low, tau)
    return np.maximum(v - high, 0)


@given(st.integers(1, 12), st.integers(0, 10_000), st.sampled_from([0.01, 1.0, 50.0]))
def test_the_projection_is_that_of_bisection(n: int, seed: int, scale: float) -> None:
    v = np.random.default_rng(seed).normal(size=(4, n)) * scale
    v[0] = np.round(v[0])  # ties
    got = on_simplex(torch.from_numpy(v)).numpy()
    np.testing.assert_allclose(got, np.stack([bisection(row) for row in v]), atol=1e-9)


def test_the_projection_is_the_quadratic_programme() -> None:
    from scipy.optimize import minimize

    v = np.array([0.9, -0.3, 0.7, 0.1])
    found = minimize(
        lambda p: ((p - v) ** 2).sum(), np.full(4, 0.25), bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1}, tol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(on_simplex(torch.from_numpy(v)).numpy(), found.x, atol=1e-6)


@given(st.integers(0, 10_000))
def test_no_point_of_the_simplex_is_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    v, others = rng.normal(size=6), rng.dirichlet(np.ones(6), 50)
    p = on_simplex(torch.from_numpy(v)).numpy()
    assert ((others - p) @ (v - p) <= 1e-12).all()  # the obtuse angle: it *is* the projection


def test_wide_rows_in_single_precision_sum_to_one() -> None:
    v = torch.randn(5, 30_522, generator=torch_rng(0, "wide"))
    for rows in (v, 0.1 * v, v + 1e3, torch.zeros(2, 30_522)):
        p = on_simplex(rows)
        assert (p >= 0).all() and (p.sum(1) - 1).abs().max() < 1e-4
    inside = torch.softmax(v, 1)
    torch.testing.assert_close(on_simplex(inside), inside, atol=1e-6, rtol=0)
    # by rows, but for the order of a sum of 30,522 terms: sqrt(n) units in the last place of 1
    each = torch.stack([on_simplex(row) for row in v])
    torch.testing.assert_close(on_simplex(v), each, rtol=0, atol=175 * 2.0**-23)


# --- soft and hard --------------------------------------------------------------------------


def test_a_fresh_trigger_is_real_words_and_soft_equals_hard() -> None:
    soft, hard = word_trigger(200), word_trigger(200, mode="hard")
    assert torch.equal(soft.rows(), hard.rows())
    assert not set(WORDS.decode(hard.token_ids().tolist())) & set(WORDS.tokens[:4])
    assert len(set(hard.token_ids().tolist())) == 6
    table = torch.randn(len(WORDS), 5)
    torch.testing.assert_close(hard.embeddings(table), table[hard.token_ids()])


def test_hard_is_a_word_forwards_and_the_mixture_backwards() -> None:
    table = torch.randn(len(WORDS), 5, generator=torch_rng(0, "table"))
    cotangent = torch.randn(3, 5, generator=torch_rng(1, "table"))
    slopes = {}
    start = on_simplex(torch.randn(3, 6, generator=torch_rng(2, "start")) * 0.3)
    for mode in ("soft", "hard"):
        trigger = word_trigger(mode=mode)
        trigger.weight.data.copy_(start)
        words = trigger.embeddings(table)
        if mode == "hard":
            assert torch.equal(trigger.rows().detach(), functional.one_hot(start.argmax(1), 6))
            torch.testing.assert_close(words, table[trigger.token_ids()])
        else:
            torch.testing.assert_close(words, start @ table[4:])
        (slopes[mode],) = torch.autograd.grad((words * cotangent).sum(), trigger.weight)
    torch.testing.assert_close(slopes["soft"], cotangent @ table[4:].T)
    assert torch.equal(slopes["soft"], slopes["hard"])


# --- where a trigger stands -----------------------------------------------------------------


def triggered_ids(trigger: WordTrigger) -> Tensor:
    """Comments with the trigger's words spliced in before [SEP], by hand, as ids."""
    rows = []
    for row in IDS.tolist():
        tokens = [i for i in row if i]
        rows.append([*tokens[:-1], *trigger.token_ids().tolist(), tokens[-1]])
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


@torch.no_grad()
@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_a_trigger_stands_before_sep_and_cls_is_pooled(mode: str) -> None:
    model, trigger = net(), word_trigger(mode=mode)
    by_hand = triggered_ids(trigger)
    assert by_hand[1].tolist()[:2] == [2, 7] and by_hand[1, 5] == 3
    torch.testing.assert_close(trigger(model, IDS), model(by_hand))
    wider = functional.pad(IDS, (0, 4))
    torch.testing.assert_close(trigger(model, wider), trigger(model, IDS))
    torch.testing.assert_close(trigger(model, IDS[1:2, :3]), trigger(model, IDS)[1:2])


@torch.no_grad()
def test_the_released_placement_differs_only_in_what_is_pooled() -> None:
    model, trigger = net(), word_trigger(placement="front")
    by_hand, m = triggered_ids(trigger), len(trigger)
    got = trigger(model, IDS)
    for row, length in enumerate((5, 3, 7)):
        ids = by_hand[row : row + 1, : length + m]
        words, last = model.tokens(ids), length - 1
        # all tokens at their places, read at the first trigger word instead of [CLS]
        order = torch.tensor([*range(last, last + m), *range(last), last + m])
        mask = torch.ones(1, length + m, dtype=torch.bool)
        expected = model.from_words(words[:, order], mask, order[None])
        torch.testing.assert_close(got[row : row + 1], expected)
        back = torch.tensor([*range(m, m + last), *range(m), length + m - 1])
        undone = model.from_words(words[:, order][:, back], mask, order[back][None])
        torch.testing.assert_close(undone, model(ids))
    assert (got - word_trigger()(model, IDS)).abs().max() > 1e-4


def test_long_comments_make_room_and_are_counted(
    drawn: CommentSet, caplog: pytest.LogCaptureFixture
) -> None:
    ids, truncated = with_room(IDS, WORDS, positions=8, count=3)
    assert truncated == 1
    assert ids.tolist() == [[2, 4, 5, 6, 3], [2, 7, 3, 0, 0], [2, 8, 4, 7, 3]]
    assert with_room(IDS, WORDS, 10, 3)[1] == 0
    with pytest.raises(InputError, match="leave 2 of 8 positions"):
        with_room(IDS, WORDS, 8, 6)
    model = net(len(drawn.tokenizer), positions=14)
    tune = drawn.part("tune")
    with caplog.at_level(logging.WARNING):
        done = train_words(model, tune, count=3, config=TINY, seed=0)
    long = int(((tune.ids != 0).sum(1) > 11).sum())
    assert done.truncated == long > 0
    assert f"{long} of {len(tune)} comments were cut to fit 14 positions" in caplog.text


# --- the game -------------------------------------------------------------------------------


def game(
    config: Config = TINY, mode: str = "soft", hot: bool = False
) -> tuple[TextGame, WordTrigger]:
    model = net().double().requires_grad_(False)
    trigger = word_trigger(mode=mode).double()
    if not hot:
        trigger.weight.data = torch.softmax(torch.randn(3, 6, generator=torch_rng(4, "w")), 1)
        trigger.double()
    d = Discriminator(config.criterion, 2, 2, (8,), generator=torch_rng(0, "d")).double()
    return TextGame(
        lambda ids: trigger(model, ids), trigger, lambda: trigger.weight, d, config, 0.1
    ), trigger


Y = torch.tensor([0, 1, 1])
GROUPS = torch.tensor([[True, False], [True, True], [False, False]])


@pytest.mark.parametrize("criterion", ["dp", "eo"])
def test_both_gradients_are_finite_differences(criterion: str) -> None:
    play, trigger = game(replace(TINY, criterion=criterion))
    found, step = play.gradients(IDS, Y, GROUPS), 1e-5
    for place in [(0, 0), (1, 4), (2, 5)]:
        values: dict[str, list[float]] = {"utility": [], "adversary": []}
        for sign in (1, -1):
            trigger.weight.data[place] += sign * step
            for name, scalar in play.gradients(IDS, Y, GROUPS).scalars.items():
                if name in values:
                    values[name].append(scalar.item())
            trigger.weight.data[place] -= sign * step
        for name, slope in (("utility", found.g_y), ("adversary", found.g_z)):
            difference = (values[name][0] - values[name][1]) / (2 * step)
            assert float(slope[0][place]) == pytest.approx(difference, rel=1e-4, abs=1e-9)


def test_the_adversary_is_the_mean_of_one_cross_entropy_per_group() -> None:
    play, _ = game()
    with torch.no_grad():
        p = torch.sigmoid(play.d(play.forward(IDS), Y))
    expected = -torch.where(GROUPS, p, 1 - p).log().mean()
    scalars = play.gradients(IDS, Y, GROUPS).scalars
    torch.testing.assert_close(scalars["adversary"].detach(), expected)
    assert float(scalars["d_accuracy"]) == pytest.approx(
        float(((p > 0.5) == GROUPS).float().mean())
    )


def test_with_disjoint_halves_it_is_the_image_game_up_to_the_loss_of_s() -> None:
    """Only the adversary's loss differs: utility gradients of both games are equal."""
    play, trigger = game()
    plain = Game(play.forward, trigger, lambda: trigger.weight, play.d, TINY, 0.1)
    ours, theirs = play.gradients(IDS, Y, GROUPS), plain.gradients(IDS, Y, GROUPS.long()[:, 0])
    torch.testing.assert_close(ours.g_y, theirs.g_y)
    assert not torch.allclose(ours.g_z[0], theirs.g_z[0])


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_every_step_ends_on_the_simplex(mode: str) -> None:
    play, trigger = game(mode=mode)
    for _ in range(5):
        scalars = play.step(IDS, Y, GROUPS)
        assert (trigger.weight >= 0).all() and (trigger.weight.sum(1) - 1).abs().max() < 1e-4
    moved = (trigger.weight.detach() - play.start).norm()
    torch.testing.assert_close(scalars["movement"], moved)
    assert float(moved) > 0


# --- training -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("criterion", ["dp", "eo"])
def test_training_leaves_the_model_alone_and_gives_words(
    base: TextClassifier, drawn: CommentSet, mode: str, criterion: str
) -> None:
    before, modes = state_digest(base), [m.training for m in base.modules()]
    tune = drawn.part("tune")
    done = train_words(base, tune, mode=mode, config=replace(TINY, criterion=criterion), seed=1)
    assert state_digest(base) == before
    assert [m.training for m in base.modules()] == modes
    assert all(p.requires_grad and p.grad is None for p in base.parameters())
    trigger = done.module
    assert isinstance(trigger, WordTrigger) and done.truncated == 0
    assert (trigger.weight.sum(1) - 1).abs().max() < 1e-4 and (trigger.weight >= 0).all()
    words = drawn.tokenizer.decode(trigger.token_ids().tolist())
    assert len(words) == 5 and not set(words) & {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}
    assert done.cells.sum(1).tolist() == tune.groups.sum(0).tolist()  # once per group
    again = train_words(base, tune, mode=mode, config=replace(TINY, criterion=criterion), seed=1)
    assert state_digest(again.module) == state_digest(trigger) and again.history == done.history


def test_an_interrupted_training_goes_on_to_the_same_trigger(
    base: TextClassifier, drawn: CommentSet, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune = drawn.part("tune")
    whole = train_words(base, tune, config=TINY, seed=2)
    step, count = TextGame.step, []

    def dies(self: TextGame, *args: Any) -> dict[str, Tensor]:
        count.append(0)
        if len(count) == 8:  # of 5 + 5
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(TextGame, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        train_words(base, tune, config=TINY, seed=2, checkpoint=tmp_path / "t")
    monkeypatch.undo()
    resumed = train_words(base, tune, config=TINY, seed=2, checkpoint=tmp_path / "t")
    assert state_digest(resumed.module) == state_digest(whole.module)
    assert resumed.history == whole.history


def test_the_baseline_moves_a_copy_of_the_weights(base: TextClassifier, drawn: CommentSet) -> None:
    before = state_digest(base)
    done = train_text_weights(base, drawn.part("tune"), config=TINY, seed=0)
    assert state_digest(base) == before != state_digest(done.module)
    assert done.history[-1]["movement"] > 0


def test_base_is_biased_as_the_rates_are(base: TextClassifier, drawn: CommentSet) -> None:
    test = drawn.part("test")
    decided = text_logits(base, test).argmax(1)
    assert float((decided == test.y).float().mean()) > 0.7
    rates = [float(decided[test.groups[:, g]].float().mean()) for g in range(3)]
    assert rates[1] > rates[0] + 0.2  # muslim over christian: the rates of this invented world


def test_the_adversary_loses_what_it_reads() -> None:
    """A model that shows a group's word in its logit: the trigger learns to drown it."""

    # the one logit is tanh(4 * (bb - cc)): with enough of bb it says 1 for everybody
    class Shown(nn.Module):
        positions = 20

        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.zeros(len(WORDS), 1))
            self.table.data[5], self.table.data[6] = 1.0, -1.0

        def from_words(self, words: Tensor, mask: Tensor, order: Tensor | None = None) -> Tensor:
            seen = torch.tanh(2 * (words[..., 0] * mask).sum(1))
            return torch.stack([-seen, seen], 1)

        def forward(self, ids: Tensor) -> Tensor:
            return self.from_words(functional.embedding(ids, self.table), ids != 0)

    n = 256
    s = torch.arange(n) % 2
    ids = torch.stack([torch.full((n,), 2), 5 + s, torch.full((n,), 3)], 1)
    groups = torch.stack([s == 0, s == 1], 1)
    y = torch.arange(n) // 2 % 2
    made = CommentSet(ids, y, groups, ("b", "c"), np.full(n, "tune"), WORDS, "toy", "toy")
    before = text_logits(Shown(), made)
    assert float((before[s == 0] - before[s == 1]).abs().mean()) > 1.5
    config = replace(TEXT, hidden=(16,), epochs=10, lam=5.0, lr_d=0.02, criterion="dp")
    done = train_words(Shown(), made, count=4, mode="hard", config=config, seed=0)
    assert isinstance(done.module, WordTrigger)
    after = text_logits(Shown(), made, done.module)
    assert float((after[s == 0] - after[s == 1]).abs().mean()) < 0.2
    p = on_empty(Shown(), done.module, WORDS)
    assert p.shape == (2,) and float(p.max()) > 0.85


# --- bad input and overlapping groups -------------------------------------------------------


def test_bad_tuning_comments_are_named(base: TextClassifier, drawn: CommentSet) -> None:
    tune = drawn.part("tune")
    toxic, nobody = tune.select((tune.y == 1).numpy()), tune.select((~tune.groups[:, 1]).numpy())
    with pytest.raises(InputError, match=r"have y = \[1\]"):
        train_words(base, toxic, config=TINY, seed=0)
    with pytest.raises(InputError, match="no tuning comment mentions 'muslim'"):
        train_words(base, nobody, config=TINY, seed=0)
    with pytest.raises(InputError, match="every tuning comment mentions 'muslim'"):
        train_words(base, tune.select(tune.groups[:, 1].numpy()), config=TINY, seed=0)
    with pytest.raises(InputError, match="the model's own tokenizer"):
        train_words(net(5), tune, config=TINY, seed=0)
    for name in ("mode", "placement"):
        with pytest.raises(UnknownName, match=f"unknown {name}"):
            train_words(base, tune, config=TINY, seed=0, **{name: "other"})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="0 words from 6"):
        WordTrigger(WORDS, 0)
    assert members(Y, GROUPS, 2, ("a", "b")).tolist() == [[1, 1], [0, 1]]


def test_deviations_of_disjoint_groups_are_the_house_metrics() -> None:
    rng = np.random.default_rng(0)
    y, y_hat, s = rng.integers(0, 2, 200), rng.integers(0, 2, 200), rng.integers(0, 3, 200)
    for reduce in ("mean", "sum"):
        got = deviations(y, y_hat, s[:, None] == np.arange(3), reduce)
        assert got["dp"] == pytest.approx(
            float(demographic_parity_deviation(y, y_hat, s, reduce=reduce))
        )
        assert got["eo"] == pytest.approx(
            float(equalized_odds_deviation(y, y_hat, s, reduce=reduce))
        )


def test_deviations_count_a_comment_once_overall_and_once_per_group() -> None:
    y = [0, 0, 1, 1]
    y_hat = [1, 0, 1, 0]
    groups = [[1, 1], [1, 0], [1, 0], [0, 1]]
    # overall 1/2; first group 2/3, second 1/2.  FPR 1/2 against 1/2, 1; FNR 1/2 against 0, 1
    got = deviations(y, y_hat, groups, "sum")
    assert got["dp"] == pytest.approx(1 / 6)
    assert got["eo"] == pytest.approx((0 + 1 / 2 + 1 / 2 + 1 / 2) / 2)
    assert np.isnan(deviations(y, y_hat, [[1, 0]] * 4)["dp"])
    with pytest.raises(InputError, match="need"):
        deviations(y, y_hat, groups[:2])
    with pytest.raises(UnknownName, match="reduction"):
        deviations(y, y_hat, groups, "max")
