"""LASSI's numbers recomputed by hand: shares, differences, choices, searches and constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from fairtut.chapters import lassi as study
from fairtut.chapters.lassi import asking, audit, measures, several, sound, transfer, truth
from fairtut.chapters.lassi.protocol import Certified, Exact
from fairtut.chapters.lassi.several import Several
from fairtut.chapters.lassi.sound import Search
from fairtut.methods.lassi.vectors import mean_difference
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.runtime.seeds import torch_rng

N = 90
SIGMAS = (10.0, 2.5, 5.0)


def certified(rng: np.random.Generator, n: int = N, classes: int = 2) -> Certified:
    """Draw predictions with abstentions, and certificates for some who do not abstain."""
    said = rng.integers(-1, classes, n)
    return Certified(said, (rng.random(n) < 0.5) & (said >= 0), np.ones(n), np.ones(n))


def cell(method: str, seed: int, *, setting: str = "pale", classes: int = 2) -> study.Cell:
    """Draw a cell whose certificates, labels and exact verdicts are all at random."""
    y = np.random.default_rng(7).integers(0, classes, N)
    rng = np.random.default_rng([seed, study.METHODS.index(method), len(setting)])
    lassi = method == "lassi"
    sigmas = (2.5,) if lassi else SIGMAS
    spec = study.Spec(
        method, "smiling", setting, seed, study.LASSI["smoke"].config(method), sigmas,
        choose=not lassi, free=True,
    )  # fmt: skip
    test = {sigma: certified(rng, classes=classes) for sigma in sigmas}
    val = {} if lassi else {sigma: certified(rng, classes=classes) for sigma in sigmas}
    exact = Exact(rng.random(N) < 0.7, certified(rng, classes=classes), np.ones(N), np.ones(N, int))
    y_test = np.random.default_rng(8).integers(0, classes, 3 * N)
    return study.Cell(spec, y, y, test, val, exact, y_test, y_test, {})


def cells(**changes: Any) -> list[study.Cell]:
    counts = {"naive": 4, "dataaug": 3, "lassi": 2}
    return [cell(method, seed, **changes) for method, k in counts.items() for seed in range(k)]


def table(some: Sequence[study.Cell]) -> study.Table:
    return study.Table(some, study.LASSI["smoke"])


def remade(one: study.Cell, change: Callable[[Any], Any], labels: Callable[[Any], Any]) -> Any:
    """Return a cell whose arrays per image, and whose labels, are changed."""

    def of(found: Certified) -> Certified:
        return Certified(
            labels(change(found.prediction)), change(found.fair), change(found.d_cs),
            change(found.d_rs),
        )  # fmt: skip

    assert one.exact is not None and one.exact.free is not None
    exact = Exact(change(one.exact.fair), of(one.exact.free), change(one.exact.distance),
                  change(one.exact.corners))  # fmt: skip
    return replace(
        one, y=labels(change(one.y)), y_val=labels(change(one.y_val)), exact=exact,
        test={k: of(v) for k, v in one.test.items()}, val={k: of(v) for k, v in one.val.items()},
        y_test=labels(one.y_test),
    )  # fmt: skip


def values(found: dict[str, Entry]) -> dict[str, list[float]]:
    return {name: list(entry.values) for name, entry in found.items()}


# --- table 1 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_every_number_of_a_setting_is_the_mean_that_its_name_says(classes: int) -> None:
    some = cells(classes=classes)
    found = values(measures.measures(table(some), "t"))
    by = {m: [c for c in some if c.spec.method == m] for m in study.METHODS}
    often = np.bincount(some[0].y_test).argmax()

    def acc(c: study.Cell, sigma: float) -> float:
        return float(np.mean(c.test[sigma].prediction == c.y))

    def fair(c: study.Cell, sigma: float) -> float:
        return float(np.mean(c.test[sigma].fair))

    wanted: dict[str, list[float]] = {}
    first = {"naive": 10.0, "dataaug": 10.0, "lassi": 2.5}
    for m, group in by.items():
        name = f"t.pale.{m}"
        wanted[f"{name}.acc"] = [acc(c, first[m]) for c in group]
        wanted[f"{name}.fair"] = [fair(c, first[m]) for c in group]
        wanted[f"{name}.over-constant"] = [
            acc(c, first[m]) - np.mean(c.y == often) for c in group
        ]  # fmt: skip
        wanted[f"{name}.exact"] = [np.mean(c.exact.fair) for c in group if c.exact]
        wanted[f"{name}.free"] = [np.mean(c.exact.free.fair) for c in group if c.exact]  # type: ignore[union-attr]
        wanted[f"{name}.looseness"] = list(
            np.subtract(wanted[f"{name}.exact"], wanted[f"{name}.fair"])
        )
        wanted[f"{name}.free-gain"] = list(
            np.subtract(wanted[f"{name}.free"], wanted[f"{name}.fair"])
        )
        if m == "lassi":
            continue
        merit = {
            s: (np.mean([c.val[s].fair.mean() for c in group]),
                np.mean([np.mean(c.val[s].prediction == c.y_val) for c in group]), -s)
            for s in SIGMAS
        }  # fmt: skip
        best = max(merit, key=merit.__getitem__)
        for kind, sigma in (("equal", 2.5), ("best", best)):
            wanted[f"{name}.{kind}.acc"] = [acc(c, sigma) for c in group]
            wanted[f"{name}.{kind}.fair"] = [fair(c, sigma) for c in group]
    for rival, kind in ((r, k) for r in ("naive", "dataaug") for k in ("", "equal.", "best.")):
        theirs, ours = f"t.pale.{rival}.{kind}", "t.pale.lassi."
        gap = {k: [a - b for a, b in zip(wanted[ours + k], wanted[theirs + k], strict=False)]
               for k in ("acc", "fair")}  # fmt: skip
        wanted[f"{ours}{kind}fair-vs-{rival}"] = gap["fair"]
        wanted[f"{ours}{kind}acc-kept-{rival}"] = [g + 0.03 for g in gap["acc"]]
        if (rival, kind) == ("naive", ""):
            wanted[f"{ours}acc-vs-naive"] = gap["acc"]
            wanted[f"{ours}fair-vs-naive.over-90"] = [g - 0.9 for g in gap["fair"]]
            exact = np.subtract(wanted[f"{ours}exact"], wanted["t.pale.naive.exact"][:2])
            wanted[f"{ours}exact-vs-naive"] = list(exact)
            wanted[f"{ours}gap-loose-naive"] = list(np.array(gap["fair"]) - exact)
    wanted["t.pale.dataaug.fair-vs-naive"] = list(
        np.subtract(wanted["t.pale.dataaug.fair"], wanted["t.pale.naive.fair"][:3])
    )
    assert found.keys() == wanted.keys()
    for name, numbers in wanted.items():
        assert found[name] == pytest.approx(numbers), name


def test_the_order_of_people_and_the_names_of_classes_do_not_matter() -> None:
    some = cells()
    before = values(measures.measures(table(some), "t"))
    order = np.random.default_rng(1).permutation(N)
    swapped = {0: 1, 1: 0, -1: -1}
    for change, labels in (
        (lambda v: v[order], lambda v: v),
        (lambda v: v, np.vectorize(swapped.get)),
    ):
        after = values(measures.measures(table([remade(c, change, labels) for c in some]), "t"))
        assert after.keys() == before.keys()
        for name, numbers in before.items():
            assert after[name] == pytest.approx(numbers), name


def test_four_of_everybody_have_the_same_shares_and_half_the_interval() -> None:
    some = cells()
    four = [remade(c, lambda v: np.tile(v, 4), lambda v: v) for c in some]
    one, more = (measures.measures(table(x), "t") for x in (some, four))
    assert values(more) == {k: pytest.approx(v) for k, v in values(one).items()}
    ratios = []
    for name, entry in one.items():
        wide, narrow = (e.people for e in (entry, more[name]))
        assert wide is not None and narrow is not None
        ratios.append((narrow[1] - narrow[0]) / (wide[1] - wide[0]))
    assert np.mean(ratios) == pytest.approx(0.5, abs=0.06)


def tied(fair: dict[float, list[bool]], right: dict[float, list[bool]]) -> study.Table:
    """Return a table of one baseline whose validation certificates are given by noise."""
    one = cell("naive", 0)
    y = np.zeros(4, int)
    val = {
        s: Certified(np.where(right[s], 0, 1), np.array(fair[s]), np.ones(4), np.ones(4))
        for s in SIGMAS
    }
    return table([replace(one, val=val, y_val=y)])


def test_of_equal_shares_the_more_accurate_noise_is_best_and_then_the_smaller() -> None:
    half, all_, none = [True, True, False, False], [True] * 4, [False] * 4
    same = dict.fromkeys(SIGMAS, half)
    assert tied(same, dict.fromkeys(SIGMAS, half)).best("pale", "naive") == 2.5
    assert tied(same, {10.0: half, 2.5: none, 5.0: half}).best("pale", "naive") == 5.0
    assert tied(same, {10.0: all_, 2.5: half, 5.0: half}).best("pale", "naive") == 10.0
    # certified and wrong counts for the share, and not for those who are right and certified
    fair = {10.0: [True, True, True, False], 2.5: half, 5.0: none}
    right = {10.0: [False, False, False, True], 2.5: half, 5.0: all_}
    assert tied(fair, right).best("pale", "naive") == 10.0
    assert tied(fair, right).best("pale", "naive", right=True) == 2.5


def test_nothing_of_the_test_images_reaches_the_choice_of_a_noise() -> None:
    some = cells()
    rng = np.random.default_rng(5)
    other = [
        replace(c, y=1 - c.y, y_test=1 - c.y_test, test={s: certified(rng) for s in c.test})
        for c in some
    ]
    for method in study.METHODS:
        for right in (False, True):
            picked = [table(x).best("pale", method, right=right) for x in (some, other)]
            assert picked[0] == picked[1]
    turned = [replace(c, val={s: replace(v, fair=~v.fair) for s, v in c.val.items()}) for c in some]
    assert table(turned).best("pale", "naive") != table(some).best("pale", "naive")


def test_rivals_are_asked_about_at_their_noise_for_the_right_and_certified() -> None:
    some = cells()
    t = table(some)
    found = values(asking.beaten(t, "t"))
    both = {
        (m, s): [np.mean((c.test[s].prediction == c.y) & c.test[s].fair) for c in t.of("pale", m)]
        for m in study.METHODS for s in t.of("pale", m)[0].test
    }  # fmt: skip
    ours = both["lassi", 2.5]
    for name, rival in asking.RIVALS.items():
        theirs = both[rival, t.best("pale", rival, right=True)]
        gaps = [a - b for a, b in zip(ours, theirs, strict=False)]
        assert found[f"beats.t.pale.{name}"] == pytest.approx(gaps)
    alone = [c for c in some if c.spec.method != "dataaug"]
    assert "beats.t.pale.noise" not in asking.beaten(table(alone), "t")
    assert asking.beaten(table([c for c in some if c.spec.method != "lassi"]), "t") == {}


# --- entries ----------------------------------------------------------------------------------

SHARE = st.floats(0, 1).map(lambda v: round(v, 3))


@given(value=SHARE, published=SHARE, half=st.floats(0, 0.2))
def test_near_holds_exactly_where_the_whole_interval_is_within_the_tolerance(
    value: float, published: float, half: float
) -> None:
    entry = Entry([value], 100, "fraction", None, (value - half, value + half))
    for what, tolerance in measures.NEAR.items():
        name = f"table1.pale.lassi.{what}"
        tests = measures.near({name: entry}, {name: published})
        ends = [tests[f"{name}-near.{end}"] for end in ("low", "high")]
        slack = tolerance - half - abs(value - published)
        if abs(slack) > 1e-9:
            assert all(e.people is not None and e.people[0] > 0 for e in ends) == (slack > 0)
        assert ends[0].values[0] + ends[1].values[0] == pytest.approx(2 * tolerance)


@given(st.lists(SHARE, min_size=1, max_size=4), st.floats(-1, 1))
def test_an_entry_moved_and_turned_twice_is_itself(numbers: list[float], by: float) -> None:
    entry = Entry(numbers, 9, "fraction", None, (min(numbers), max(numbers)))
    turned = measures.negative(entry)
    assert turned.people is not None and turned.people[0] <= turned.people[1]
    assert turned.values == [-v for v in numbers]
    assert measures.negative(turned) == entry
    back = measures.shifted(measures.shifted(entry, by), -by)
    assert back.values == pytest.approx(numbers) and back.people == pytest.approx(entry.people)
    bare = replace(entry, people=None)
    assert measures.shifted(bare, by).people is measures.negative(bare).people is None


def test_a_missing_number_says_that_every_image_abstained() -> None:
    assert measures.numbers([0.5, 1], 3, "ratio").note is None
    assert measures.numbers([0.5, np.nan], 3, "ratio").note == "every image abstained"


# --- transfer and FairFace --------------------------------------------------------------------


def test_transfer_counts_each_task_with_its_own_labels_and_majority() -> None:
    preset = study.LASSI["paper"]
    rng = np.random.default_rng(3)
    tasks = preset.transfer.tasks[:2]
    y = {task: rng.integers(0, 2, N) for task in tasks}
    often = {tasks[0]: 0, tasks[1]: 1}
    specs = [s for s in transfer.plan(preset) if s.setting == "young" and s.seed < 2]
    some = [transfer.Transferred(s, y, often, {t: certified(rng) for t in tasks}) for s in specs]
    found = values(transfer.measures(some, "x"))
    for task in tasks:
        name = f"x.young.{task}"
        ours, plain = ([t.test[task] for t in some if t.spec.method == k] for k in transfer.KINDS)
        acc = [np.mean(c.prediction == y[task]) for c in ours]
        assert found[f"{name}.acc"] == pytest.approx(acc)
        assert found[f"{name}.plain.acc"] == pytest.approx(
            [np.mean(c.prediction == y[task]) for c in plain]
        )
        over = np.array(acc) - np.mean(y[task] == often[task])
        assert found[f"{name}.over-constant"] == pytest.approx(over)
        gap = [a.fair.mean() - b.fair.mean() for a, b in zip(ours, plain, strict=True)]
        assert found[f"{name}.fair-vs-plain"] == pytest.approx(gap)
    assert len(found) == 6 * len(tasks)


def test_beside_and_fairface_use_the_same_differences_under_their_own_names() -> None:
    some = [c for c in cells() if c.spec.method != "dataaug"]
    usual = values(measures.measures(table(some), "t"))
    preset = study.LASSI["smoke"]
    beside = values(study.side.measures(some, preset, "b"))
    for name, numbers in beside.items():
        rest = name.removeprefix("b.smiling.pale.mean.")
        if rest == "lassi.below-half":
            assert numbers == pytest.approx([0.5 - v for v in usual["t.pale.lassi.fair"]])
        else:
            assert numbers == pytest.approx(usual[f"t.pale.{rest}"]), name
    black = [replace(c, spec=replace(c.spec, setting="black", task="age2")) for c in some]
    raced = values(study.race.measures(black, preset))
    assert raced == {
        name.replace("b.smiling.pale.mean", "fairface.age2"): pytest.approx(numbers)
        for name, numbers in beside.items() if not name.endswith("below-half")
    }  # fmt: skip


# --- the released constants -------------------------------------------------------------------


def test_the_audit_is_the_formulas_of_the_certificate() -> None:
    found = {name: entry.values[0] for name, entry in audit.measures().items()}
    n, alpha, slack = 10_000, 0.01, 0.05
    mass = norm.cdf(norm.ppf(0.5 + slack) + 1 / 0.65)
    level = mass + math.sqrt(math.log(2 / alpha) / (2 * n))
    assert found["audit.level"] == pytest.approx(level, rel=1e-9)
    needed = 0.5 - slack + math.sqrt(math.log(4 / alpha) / (2 * n))
    assert found["audit.coverage"] == pytest.approx(needed, rel=1e-9)
    votes = 100_000  # all of them for one class: Clopper and Pearson's bound
    cap = norm.ppf(beta.ppf(0.001, votes, 1))
    assert found["audit.cap"] == pytest.approx(cap, rel=1e-6)
    assert found["audit.cap-ratio"] == pytest.approx(10 / 2.5)
    assert found["audit.projection"] < 1e-9
    # a hyperplane w z + b = 0 is missed by |w z| (|w|^2 - 1): about |w|^2 times too far
    assert found["audit.released-projection"] == pytest.approx(math.log(3072 - 1), abs=0.3)


# --- does a certificate hold ------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9)), min_size=1, max_size=4))
def test_contradictions_count_beyond_what_the_confidence_allows(
    pairs: list[tuple[int, int]],
) -> None:
    some = [
        Search("pale", m, 6 * m, min(k, m), 0.1 * k, 0.011, 2 * k, k // 3) for m, k in pairs
    ]  # fmt: skip
    found = {name: entry.values[0] for name, entry in sound.measures(some).items()}
    allowed = math.ceil(sum(m * 0.011 for m, _ in pairs))
    wrong = sum(min(k, m) for m, k in pairs)
    assert found["sound.allowed"] == allowed and found["sound.contradicted"] == wrong
    assert found["exact.contradicted"] == max(wrong - allowed, 0)
    assert found["sound.moved"] == pytest.approx(0.1 * max(k for _, k in pairs))
    if any(k for _, k in pairs):
        assert found["exact.free-contradicted"] == sum(k // 3 for _, k in pairs)
    else:
        assert "exact.free-contradicted" not in found, "nobody was asked about"


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_search_begins_at_both_ends_and_stays_in_the_set(k: int) -> None:
    t = sound._members(40, k, 0.5, 3)
    assert t.shape == (40, sound.TRIED, k) and float(t.norm(dim=2).max()) <= 0.5 + 1e-6
    for place, end in ((0, -0.5), (1, 0.5)):
        wanted = torch.zeros(40, k)
        wanted[:, 0] = end
        assert torch.equal(t[:, place], wanted)
    inner = t[:, 2:]
    assert len(torch.unique(inner.reshape(-1, k), dim=0)) == 40 * (sound.TRIED - 2)
    assert torch.equal(sound._members(40, k, 0.5, 3), t)
    assert not torch.equal(sound._members(40, k, 0.5, 4)[:, 2:], inner)


# --- several attributes -----------------------------------------------------------------------


@given(st.integers(1, 60), st.data())
def test_shares_of_few_people_have_clopper_pearson_intervals(n: int, data: Any) -> None:
    k = data.draw(st.integers(0, n))
    found = several.share(np.arange(n) < k)
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    assert (found.value, found.n) == (pytest.approx(k / n), n)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_what_is_known_about_several_attributes() -> None:
    flags = {
        "constant": [True, True, True, False, False], "changes": [False, False, False, True, False],
        "certified": [True, False, False, False, False],
    }  # fmt: skip
    a = {name: np.array(v) for name, v in flags.items()}
    no, ones = np.zeros(5, bool), np.ones(5)
    d_cs = np.array([2.0, np.nan, 6.0, 3.0, np.nan])
    one = Several("lassi", "pale-young", a["constant"], a["changes"], no, no, a["certified"], d_cs,
                  ones, 2 * ones, np.ones(5, int))  # fmt: skip
    assert one.decided == pytest.approx(4 / 5)  # the last one is undecided
    assert one.missed.value == pytest.approx(2 / 5)
    assert one.loose == pytest.approx(1.5), "the median of 1, 3 and 1.5, without abstentions"


# --- drawn faces ------------------------------------------------------------------------------


def test_with_one_vector_the_nearest_member_is_the_nearest_on_a_grid() -> None:
    rng = torch.Generator().manual_seed(0)
    a, delta = torch.randn(1, 5, generator=rng), 2 * torch.randn(30, 5, generator=rng)
    _, moved, outside = truth.nearest(delta, a, 0.7)
    grid = torch.linspace(-0.7, 0.7, 4001)[:, None]
    best = torch.cdist(delta.double(), (grid @ a).double()).min(1).values
    np.testing.assert_allclose((outside * moved).numpy(), best.numpy(), rtol=1e-4)
    assert float(outside.max()) <= 1 + 1e-6, "the latent itself is a member"


def test_with_several_vectors_it_is_exact_if_they_are_perpendicular_and_else_never_nearer() -> None:
    rng = torch.Generator().manual_seed(1)
    delta = 2 * torch.randn(40, 6, generator=rng)
    square = torch.linalg.qr(torch.randn(6, 6, generator=rng))[0][:2]
    angle = torch.linspace(0, 2 * math.pi, 721)
    ring = torch.stack([angle.cos(), angle.sin()], 1)
    discs = torch.cat([r * ring for r in torch.linspace(0, 0.8, 81)])
    for a, exact in ((square, True), (square + torch.tensor([[0.0], [0.8]]) * square[:1], False)):
        _, moved, outside = truth.nearest(delta, a, 0.8)
        best = torch.cdist(delta.double(), (discs @ a).double()).min(1).values
        found = outside * moved
        assert bool((found >= best - 0.01).all()), "never nearer than the nearest member"
        if exact:
            np.testing.assert_allclose(found.numpy(), best.numpy(), atol=0.01)


def test_turning_the_latent_space_turns_nothing_that_is_measured() -> None:
    rng = torch.Generator().manual_seed(2)
    a, delta = torch.randn(2, 5, generator=rng), torch.randn(20, 5, generator=rng)
    turn = torch.linalg.qr(torch.randn(5, 5, generator=rng))[0]
    before, after = truth.nearest(delta, a, 0.5), truth.nearest(delta @ turn, a @ turn, 0.5)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_twins_of_a_world_that_is_as_the_method_supposes_lie_in_the_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attribute adds its vector: the sign is right for both groups, and nobody is outside."""
    rng = torch.Generator().manual_seed(0)
    a, has = torch.randn(1, 6, generator=rng), torch.arange(8) % 3 == 0
    z = torch.randn(8, 6, generator=rng) + has[:, None] * a
    rows = np.array([0, 3, 4, 7])

    class Crowd(SimpleNamespace):
        def select(self, some: Any) -> Crowd:
            images = SimpleNamespace(x=self.images.x[torch.as_tensor(some)])
            return Crowd(images=images, true=self.true.iloc[some])

    def mirrored(people: Crowd, name: str) -> Crowd:
        assert name == "Pale_Skin"
        before = torch.tensor(people.true[name].to_numpy())
        x = people.images.x + torch.where(before, -1.0, 1.0)[:, None] * a
        return Crowd(images=SimpleNamespace(x=x), true=people.true)

    crowd = Crowd(images=SimpleNamespace(x=z), true=pd.DataFrame({"Pale_Skin": has.numpy()}))
    world = SimpleNamespace(
        evaluated=lambda part, every: np.arange(len(rows)), rows=lambda part: rows,
        z=lambda part: z[torch.from_numpy(rows)],
    )  # fmt: skip
    monkeypatch.setattr(truth.faces, "counterfactual", mirrored)
    monkeypatch.setattr(truth, "directions", lambda *_: a)
    glow: Any = SimpleNamespace(encode=lambda x: x)
    made: Any = crowd
    found = truth.twins(made, glow, world, study.LASSI["smoke"], "pale")  # type: ignore[arg-type]
    np.testing.assert_allclose(found.t[:, 0].numpy(), 1, rtol=1e-4)
    np.testing.assert_allclose(found.outside, 0, atol=1e-4)
    np.testing.assert_allclose(found.moved, float(a.norm()), rtol=1e-5)


def test_flips_are_symmetric_and_need_two_decisions() -> None:
    rng = np.random.default_rng(0)
    panel = Panel.unlabelled(N, n_resamples=50)
    here, there = cell("lassi", 0), rng.integers(-1, 2, N)
    pairs = {"lassi": [here], "naive": [cell("naive", 0)]}
    said = {id(c): there for some in pairs.values() for c in some}
    found = values(truth.flips(panel, "x", pairs, said))
    mine = here.published.prediction
    differs = (mine >= 0) & (there >= 0) & (mine != there)
    assert found["x.lassi.flips"] == pytest.approx([differs.mean()])
    assert found["x.lassi.certified-flips"] == pytest.approx([differs[here.published.fair].mean()])
    gap = found["x.lassi.flips"][0] - found["x.naive.flips"][0]
    assert found["x.lassi.flips-vs-naive"] == pytest.approx([gap])
    swapped = replace(here, test={2.5: replace(here.published, prediction=there)})
    again = truth.flips(panel, "x", pairs | {"lassi": [swapped]}, said | {id(swapped): mine})
    assert values(again)["x.lassi.flips"] == found["x.lassi.flips"]


# --- vectors ----------------------------------------------------------------------------------


def test_the_noise_of_a_vector_is_what_random_labels_give_over_all_of_them() -> None:
    """E |difference of means|² over every labelling with so many ones, enumerated."""
    from itertools import combinations

    z = torch.randn(7, 4, generator=torch_rng(0, "z")).double()
    squares = []
    for some in combinations(range(7), 3):
        s = torch.zeros(7, dtype=torch.int64)
        s[list(some)] = 1
        squares.append(float(mean_difference(z, s).square().sum()))
    world: Any = SimpleNamespace(z=lambda _: z, labels=lambda *_: s)
    noise = study.directions._noise(world, "Young")
    assert noise**2 == pytest.approx(np.mean(squares), rel=1e-5)
