"""The comparison: who takes part, what is measured, and words that follow from the record alone."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fairtut import comparing
from fairtut.chapters import comparison as study
from fairtut.chapters.comparison import (
    coding,
    drawings,
    measures,
    mechanisms,
    methods,
    peers,
    protocol,
    side,
    targets,
)  # fmt: skip
from fairtut.chapters.comparison.opening import CHAPTER
from fairtut.chapters.comparison.presets import COMPARISON, configuration
from fairtut.data.synthetic import faces
from fairtut.errors import InputError, UnknownName
from fairtut.evidence.recording import Record
from fairtut.lab import mitigation
from fairtut.lab.mitigation import CUT, Ground
from fairtut.metrics.entry import Entry

TINY = replace(
    COMPARISON["smoke"], faces=220, width=4, clean=40, steps=2, channels=4, jobs=1, seeds=2,
    deployed=replace(COMPARISON["smoke"].deployed, epochs=1),
    adversary=replace(COMPARISON["smoke"].adversary, epochs=1),
    vae=replace(COMPARISON["smoke"].vae, epochs=1),
    classifier=replace(COMPARISON["smoke"].classifier, epochs=1),
    faap=replace(COMPARISON["smoke"].faap, epochs=0.5),
    frtrain=replace(COMPARISON["smoke"].frtrain, epochs=60, warmup=10),
    lassi=replace(COMPARISON["smoke"].lassi, epochs=1, consumer_epochs=1),
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Everybody on very few faces, once for all tests."""
    patch = pytest.MonkeyPatch()
    patch.setenv("FAIRTUT_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setenv("FAIRTUT_QUIET", "1")
    warnings.filterwarnings("ignore")
    task = study.task_of(TINY, "synthetic", 0)
    runs = study.compete(task, TINY, study.everybody(TINY))
    found = measures.played(task, runs, TINY.cost, n_resamples=50)
    record = Record.start(chapter="comparison", preset="smoke", data="synthetic", seed=0)
    record.keep(measures.measures(found))
    record.keep(measures.seconds(found))
    record.keep(measures.answers(found, [m.name for m in study.contestants(TINY)]))
    yield SimpleNamespace(task=task, runs=runs, found=found, record=record)
    patch.undo()


# --- faces and labels -------------------------------------------------------------------------


def test_labels_are_recorded_against_the_group_with_fewer_positives(world: Any) -> None:
    task = world.task
    for part in ("train", "val", "test"):
        y, truth, s = task.y[part], task.truth[part], task.s[part]
        poor = int(np.argmin([truth[s == g].mean() for g in (0, 1)]))
        changed = y != truth
        assert part == "val" or changed.any()
        assert (y[changed] == (s[changed] != poor)).all()
    assert (task.truth["train"][task.clean] >= 0).all() and len(task.clean) == TINY.clean


def test_twins_differ_by_the_group_alone(world: Any) -> None:
    task = world.task
    assert (task.s["twins"] == 1 - task.s["test"]).all()
    assert task.x["twins"].shape == task.x["test"].shape
    assert (task.x["twins"] != task.x["test"]).flatten(1).any(1).float().mean() > 0.9


def test_other_faces_flips_or_clean_people_are_another_digest(world: Any) -> None:
    for change in ({"flipped": 0.2}, {"clean": 10}, {"faces": 230}):
        assert study.task_of(replace(TINY, **change), "synthetic", 0).digest != world.task.digest
    assert study.task_of(replace(TINY, seeds=5), "synthetic", 0).digest == world.task.digest


# --- who takes part ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPARISON)
@pytest.mark.parametrize("data", ["synthetic", "real"])
def test_everybody_may_try_as_often_and_has_a_cost(name: str, data: str) -> None:
    cfg = configuration(name, data, 3)
    known = study.contestants(cfg)
    settings = mitigation.equal([*known, *study.controls(cfg)])
    assert all(len(one) >= settings for one in cfg.settings.values())
    named = [m.name for m in study.everybody(cfg)]
    assert len(set(named)) == len(named) and set(named) <= set(study.COSTS)
    assert len({measures.slug(n) for n in named}) == len(named)
    assert next(iter(cfg.run_seeds())) == 300


def test_what_costs_say_of_the_group_is_what_methods_ask_for() -> None:
    for method in study.everybody(COMPARISON["smoke"]):
        assert study.COSTS[method.name].group == bool(getattr(method, "asks_group", False))


def test_five_kinds_of_intervention_take_part() -> None:
    kinds = {study.COSTS[m.name].kind for m in methods.ours(COMPARISON["laptop"])}
    assert {"training", "representation", "input, one for all", "input, one each"} <= kinds
    assert {study.COSTS[n].kind for n in peers.LIBRARIES} >= {"after the decision"}


def test_an_absent_library_is_named_and_does_not_take_part(monkeypatch: Any) -> None:
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    assert peers.absent() == dict(peers.LIBRARIES)
    assert peers.present(TINY) == []
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda n: None if n == "cvxpy" else 1)
    assert list(peers.absent()) == ["error-parity"]


def test_a_key_knows_the_method_and_not_how_often_it_is_trained() -> None:
    one, more = (study.everybody(replace(TINY, seeds=k, jobs=k)) for k in (1, 4))
    for a, b in zip(one, more, strict=True):
        assert mitigation.about(a) == mitigation.about(b)
    other = study.everybody(replace(TINY, steps=9))
    differ = [a.name for a, b in zip(one, other, strict=True)
              if mitigation.about(a) != mitigation.about(b)]  # fmt: skip
    assert differ == ["border", "patch"]


def test_photographs_have_no_twins_and_their_own_parts(world: Any, monkeypatch: Any) -> None:
    drawn = faces.sample(260, size=TINY.size, nuisance=TINY.nuisance)
    monkeypatch.setattr(protocol.photographs, "load", lambda name, **size: drawn.images)
    cfg = replace(TINY, most={"train": 150, "val": 30, "test": 35}, seeds=1)
    task = study.task_of(cfg, "real", 0)
    assert {part: len(x) for part, x in task.x.items()} == dict(cfg.most)
    some = [m for m in study.everybody(cfg) if m.name in ("as it is", "reweighting")]
    found = measures.played(task, study.compete(task, cfg, some), cfg.cost, n_resamples=20)
    measured = measures.measures(found)
    assert "reweighting.deo" in measured and "reweighting.twins" not in measured


# --- what was said ----------------------------------------------------------------------------


def test_everybody_answers_about_validation_test_and_twins(world: Any) -> None:
    n = {part: len(x) for part, x in world.task.x.items()}
    for name, runs in world.runs.items():
        for run in runs:
            assert {p: v.shape[1] for p, v in run.p.items()} == {
                p: n[p] for p in ("val", "test", "twins")
            }, name
            assert run.read["test"].shape == run.p["test"].shape
    assert [m for m, runs in world.runs.items() if runs[0].certified] == ["LASSI"]


def test_the_model_as_it_is_is_the_deployed_model(world: Any) -> None:
    ground = study.ground(world.task, TINY, 1)
    p = world.runs[study.MODEL][1].p["test"][0]
    assert np.allclose(p, ground.x["scores"]["test"], atol=1e-6)
    assert np.allclose(ground.decide["pictures"](world.task.x["test"]), p)


def test_a_repetition_comes_from_the_store(world: Any, monkeypatch: Any) -> None:
    def never(*args: Any) -> Any:
        raise AssertionError("trained again")

    monkeypatch.setattr(mitigation, "tried", never)
    again = study.compete(world.task, TINY, study.everybody(TINY)[:2])
    assert np.array_equal(again["as it is"][0].p["test"], world.runs["as it is"][0].p["test"])


def test_measures_are_those_of_the_decisions_at_the_chosen_settings(world: Any) -> None:
    found, name = world.found, "reweighting"
    p = np.stack([run.p["test"][c.index] for run, c in
                  zip(world.runs[name], found.picks[name], strict=True)])  # fmt: skip
    for label, prefix in ((world.task.y, ""), (world.task.truth, "truth.")):
        right = ((p > CUT) == label["test"]).mean(1)
        entry = world.record.measured(f"reweighting.{prefix}accuracy")
        assert np.allclose(entry.values, right, atol=1e-5)
    twins = np.stack([run.p["twins"][c.index] for run, c in
                      zip(world.runs[name], found.picks[name], strict=True)])  # fmt: skip
    flips = ((twins > CUT) != (p > CUT)).mean(1)
    assert np.allclose(world.record.measured("reweighting.twins").values, flips, atol=1e-5)


def test_every_method_is_asked_about_every_control(world: Any) -> None:
    names = [m.name for m in study.contestants(TINY)]
    assert side.taking_part(world.record) == [m for m in study.COSTS if m in names]
    table = side.beaten(world.record, names)
    assert list(table)[1:] == list(side.ASKED.values())
    assert set(table.iloc[:, 1:].to_numpy().ravel()) <= {"yes", "no", "unclear", "not tested"}
    assert side.word(world.record, "nobody", "mixing") == "not tested"


# --- words follow from the record -------------------------------------------------------------


def told(answer: dict[tuple[str, str], float], numbers: dict[str, float]) -> Record:
    """Return a record in which methods beat controls by so much, with hardly any chance."""
    record = Record.start(chapter="comparison", preset="smoke", data="synthetic", seed=0)
    for method in ("DVGE", "FAAP", "OxonFair"):
        for control in ("mixing", "threshold", "groups", "clean"):
            gain = answer.get((method, control), -0.1)
            values = [gain - 1e-4, gain, gain + 1e-4]
            entry = Entry(values, 100, "fraction")
            record.keep({f"beats.{measures.slug(method)}.{control}": entry})
        for measure in ("number", "accuracy", "deo"):
            value = numbers[method] if measure == "number" else 0.5
            record.keep({f"{measures.slug(method)}.{measure}": Entry([value] * 3, 100, "fraction")})
    return record


NUMBERS = {"DVGE": 0.1, "FAAP": 0.2, "OxonFair": 0.3}


def test_another_record_has_another_answer_table_and_tree() -> None:
    nobody = told({}, NUMBERS)
    all_three = {("FAAP", c): 0.1 for c in side.SHORT}
    one = told(all_three, NUMBERS)
    two = told(all_three | {("DVGE", c): 0.1 for c in side.SHORT}, NUMBERS)
    said = [side.ANSWER.format(**side.answer(r)) for r in (nobody, one, two)]
    assert "None of them" in said[0] and "0 are known to beat a coin" in said[0]
    assert "Only FAAP beats all three" in said[1] and "1 are known to beat a coin" in said[1]
    assert "DVGE and FAAP beat all three" in said[2] and len(set(said)) == 3
    advice = [[leaf.advice for leaf in side.tree(r)] for r in (nobody, one, two)]
    free = "a moved threshold"
    assert advice == [[free] * 3, [free, free, "FAAP"], [free, "DVGE", "FAAP"]]


def test_the_tree_puts_the_highest_number_first() -> None:
    costs = {m: methods.Cost("input", weights="gradients") for m in ("DVGE", "FAAP")}
    for first, numbers in (("FAAP", NUMBERS), ("DVGE", NUMBERS | {"DVGE": 0.4})):
        (leaf,) = side.tree(told({}, numbers), costs)
        assert (leaf.best, leaf.rivals, leaf.over) == (first, 2, "no")


def test_every_method_fits_one_question_and_one_only() -> None:
    for name, cost in study.COSTS.items():
        if cost.kind not in ("control", "nothing"):
            assert sum(fits(cost) for fits in side.QUESTIONS.values()) == 1, name


# --- several targets in one record ------------------------------------------------------------


def on_two(second: dict[tuple[str, str], float]) -> Record:
    """Return a record in which FAAP beats everything on one target, and `second` on the other."""
    record = told({("FAAP", c): 0.1 for c in side.ABOUT}, NUMBERS)
    record.config |= {"target": "Attractive", "further": ["Wavy_Hair"]}
    other = told(second, NUMBERS | {"FAAP": 0.01})
    record.keep({name: entry(other, name) for name in other.measurements}, "wavy-hair.")
    return record


def entry(record: Record, name: str) -> Entry:
    return Entry(list(record.measured(name).values), 100, "fraction")


def test_a_target_of_a_record_reads_as_a_record_of_its_own() -> None:
    record = on_two({("DVGE", "mixing"): 0.2})
    first, second = (targets.OnTarget(record, t) for t in targets.targets_of(record))
    assert (first.target, second.target) == ("Attractive", "Wavy_Hair")
    assert [side.word(v, "FAAP", "mixing") for v in (first, second)] == ["yes", "no"]
    assert [side.word(v, "DVGE", "mixing") for v in (first, second)] == ["no", "yes"]
    assert side.ranked(second, ["FAAP", "DVGE"]) == ["DVGE", "FAAP"]
    assert side.ranked(first, ["FAAP", "DVGE"]) == ["FAAP", "DVGE"]
    assert side.taking_part(second) == side.taking_part(record)
    assert second.estimate("dvge.number").value == pytest.approx(NUMBERS["DVGE"])
    assert "nobody.number" not in second


def test_what_the_targets_say_together_is_counted() -> None:
    apart = targets.together(on_two({("DVGE", "mixing"): 0.2}))
    assert {k: apart[k] for k in ("targets", "methods", "pairs")} == {
        "targets": 2, "methods": 3, "pairs": 6,
    }  # fmt: skip
    assert (apart["mixing"], apart["threshold"], apart["clean"]) == (2, 1, 1)
    assert apart["every"] == targets.NOBODY
    both = targets.together(on_two({("FAAP", c): 0.1 for c in side.SHORT}))
    assert both["every"].endswith("every target: FAAP.") and both["groups"] == 1
    assert targets.TOGETHER.format(**apart) != targets.TOGETHER.format(**both)


def test_agreement_counts_equal_words_and_yes_against_no() -> None:
    one, other = (targets.OnTarget(on_two({("DVGE", "mixing"): 0.2}), t)
                  for t in ("Attractive", "Wavy_Hair"))  # fmt: skip
    same, against, of = targets.agreement(one, other, side.SHORT)
    assert (same, against, of) == (5, 4, 9)  # FAAP differs thrice, DVGE once
    table = targets.words({"one": one, "other": other}, "mixing").set_index("method")
    assert table.loc["FAAP"].tolist() == ["yes", "no"]
    assert table.loc["OxonFair"].tolist() == ["no", "no"]


def test_every_answer_is_drawn_where_it_belongs() -> None:
    import matplotlib.pyplot as plt

    views = {t: targets.OnTarget(on_two({("DVGE", "mixing"): 0.2}), t)
             for t in ("Attractive", "Wavy_Hair")}  # fmt: skip
    table = targets.words(views, "mixing")
    fig = drawings.words({"a coin?": table, "again?": table})
    for ax in fig.axes:
        marks = {
            (int(line.get_xdata()[0]), -int(line.get_ydata()[0])): line.get_marker()
            for line in ax.lines
            if len(line.get_xdata())
        }
        names = [t.get_text() for t in ax.get_xticklabels()]
        for (x, y), mark in marks.items():
            assert mark == drawings.SAID[table[names[x]][y]]["marker"]
        assert len(marks) == table.shape[0] * len(views)
    plt.close(fig)


def test_further_targets_are_measured_like_the_first(world: Any) -> None:
    """The same target once more, as if it were another one, has the same numbers."""
    cfg = replace(TINY, target="Smiling", further=("Attractive",))
    entries = targets.further(cfg, "synthetic", 0)
    assert {k.partition(".")[0] for k in entries} == {"attractive"}
    for name in ("faap.accuracy", "dvge.deo", "lassi.number", "beats.adt.mixing"):
        there = np.array(world.record.measured(name).values, float)  # None is NaN
        again = np.array(entries[f"attractive.{name}"].values, float)
        assert np.allclose(again, there, atol=1e-5, equal_nan=True)
    kinds = {k.rpartition(".")[2] for k in entries}
    assert kinds == {*targets.TOLD, *side.ABOUT}


def test_a_preset_of_photographs_has_three_targets_and_cells_for_each() -> None:
    cfg = configuration("laptop", "real", 0)
    parts = cfg.by_target()
    assert list(parts) == [cfg.target, *cfg.further] and len(parts) == 3
    assert all(p.target == t and not p.further for t, p in parts.items())
    assert "3 targets" in CHAPTER.size(cfg)
    two = replace(TINY, further=("Smiling",))
    listed = study.all_cells(two, "synthetic", 0)
    assert len({cell.key for cell in listed}) == len(listed) == 4 * len(study.everybody(TINY))


# --- peers agree with their libraries called directly -----------------------------------------


def scores(n: int = 600) -> Ground:
    rng = np.random.default_rng(4)
    x, y, s = {}, {}, {}
    for part in ("train", "val", "test"):
        s[part] = rng.integers(0, 2, n)
        skill = rng.uniform(0, 1, n)
        y[part] = (skill + 0.2 * rng.standard_normal(n) > 0.5).astype(int)
        x[part] = np.clip(skill + 0.25 * (s[part] - 0.5), 0.01, 0.99)
    codes = {p: np.column_stack([v, v**2, s[p]]) for p, v in x.items()}
    return Ground({"scores": x, "codes": codes}, y, s, seed=7)


def said(peer: Any, ground: Ground, setting: Any) -> Any:
    return mitigation.tried(replace(peer, settings=(setting,)), ground).p["test"][0]


def test_fairlearn_thresholds_agree_with_fairlearn() -> None:
    post = pytest.importorskip("fairlearn.postprocessing")
    g = scores()
    held, people = g.x["scores"]["val"][:, None], g.x["scores"]["test"][:, None]
    for constraint in COMPARISON["laptop"].settings["thresholds"]:
        direct = post.ThresholdOptimizer(
            estimator=peers.passed(), constraints=constraint, prefit=True,
            predict_method="predict_proba",
        ).fit(held, g.y["val"], sensitive_features=g.s["val"])  # fmt: skip
        theirs = direct.predict(people, sensitive_features=g.s["test"], random_state=7)
        assert np.array_equal(said(peers.Thresholds("t", ()), g, constraint), theirs)


def test_fairlearn_reduction_agrees_with_fairlearn() -> None:
    reductions = pytest.importorskip("fairlearn.reductions")
    from sklearn.linear_model import LogisticRegression

    g = scores()
    z = {p: g.x["codes"][p] for p in ("train", "test")}
    mean, spread = z["train"].mean(0), z["train"].std(0)
    for bound in (0.5, 0.05):
        direct = reductions.ExponentiatedGradient(
            LogisticRegression(max_iter=300), reductions.EqualizedOdds(difference_bound=bound),
            max_iter=15,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            direct.fit((z["train"] - mean) / spread, g.y["train"], sensitive_features=g.s["train"])
            theirs = direct.predict((z["test"] - mean) / spread, random_state=7)
            assert np.array_equal(said(peers.Reduction("r", ()), g, bound), theirs)


def test_oxonfair_agrees_with_oxonfair() -> None:
    oxonfair = pytest.importorskip("oxonfair")
    g, odds = scores(), oxonfair.group_metrics
    for bound in (0.5, 0.05):
        direct = oxonfair.DeepFairPredictor(
            g.y["val"], peers.logit(g.x["scores"]["val"])[:, None], g.s["val"],
            use_actual_groups=True,
        )  # fmt: skip
        direct.fit(odds.accuracy, odds.equalized_odds, bound)
        people = oxonfair.DeepDataDict(
            g.y["test"], peers.logit(g.x["scores"]["test"])[:, None], g.s["test"]
        )
        theirs = np.asarray(direct.predict(people), float)
        assert np.array_equal(said(peers.Oxon("o", ()), g, bound), theirs)


def test_error_parity_agrees_with_error_parity() -> None:
    for module in ("error_parity", "cvxpy", "ecos"):
        pytest.importorskip(module)
    from error_parity import RelaxedThresholdOptimizer

    g = scores()
    held, people = g.x["scores"]["val"][:, None], g.x["scores"]["test"][:, None]
    for bound in (0.5, 0.05):
        direct = RelaxedThresholdOptimizer(
            predictor=lambda x: x[:, 0], constraint="equalized_odds", tolerance=bound, seed=7
        )
        direct.fit(X=held, y=g.y["val"], group=g.s["val"])
        theirs = direct(people, group=g.s["test"])
        assert np.array_equal(said(peers.Unprocessing("u", ()), g, bound), theirs)


# --- single methods ---------------------------------------------------------------------------


def test_fr_train_on_the_clean_set_never_sees_a_recorded_label() -> None:
    g = scores(300)
    clean = (np.arange(80), g.y["train"][:80])
    frtrain = coding.FRTrain("f", (0.3,), "clean", TINY.frtrain)
    found = [
        mitigation.tried(frtrain, replace(g, y={**g.y, "train": y}, clean=clean)).p["test"]
        for y in (g.y["train"], 1 - g.y["train"])
    ]
    assert np.array_equal(*found)
    recorded = replace(frtrain, labels="recorded")
    other = mitigation.tried(recorded, replace(g, clean=clean)).p["test"]
    assert not np.array_equal(other, found[0])


# --- drawings and opening ---------------------------------------------------------------------


def test_everything_is_drawn(world: Any) -> None:
    import matplotlib.pyplot as plt

    points = side.points(world.record, side.flat(world.record))
    drawn = [
        drawings.plane(points, 0.5), drawings.slide(points, 0.5, "Two sentences."),
        drawings.tree(side.tree(world.record)),
        drawings.planes(dict.fromkeys("abc", (points, 0.5))),
        drawings.words({"a coin?": targets.words({"drawn": world.record}, "mixing")}),
        drawings.two_labels({"DVGE": ((0.2, 0.7), (0.1, 0.8))}),
        drawings.shares({"DVGE": side.value(world.record, "DVGE", "read")}, "share", 0.5),
        mechanisms.places(), mechanisms.labels(), mechanisms.choice(),
    ]  # fmt: skip
    labels = drawn[0].axes[0].get_legend_handles_labels()[1]
    assert {"as it is", "FAAP", "constant answer", "a coin (mixing line)"} <= set(labels)
    for fig in drawn:
        plt.close(fig)


def test_the_chapter_opens_grows_and_lists_its_cells(tmp_path: Any, capsys: Any) -> None:
    opened = CHAPTER.open("smoke", "synthetic", 0, str(tmp_path))
    assert "methods of 2 settings" in capsys.readouterr().out
    assert CHAPTER.enlarged(opened.settings, 6).seeds == 6
    listed = study.all_cells(TINY, "synthetic", 0)
    assert len(listed) == 2 * len(study.everybody(TINY))


# --- from the shell ---------------------------------------------------------------------------

MINE = """
import numpy as np
class Mine:
    name, acts_on, settings = "mine", "scores", (0.1, 0.2)
    def fit(self, x, y, *, s): pass
    def predict_proba(self, x): return np.clip(x + self.setting, 0, 1)
class Taken(Mine): name = "DVGE"
class Greedy(Mine): settings = (0.1, 0.2, 0.3)
thing = 3
"""


@pytest.fixture
def folder(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "mine_of_a_test.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_method_of_ones_own_stands_among_all(world: Any, folder: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(comparing.study, "configuration", lambda *asked: TINY)
    lines = comparing.compare("mine_of_a_test:Mine", "smoke", "synthetic", 0, 1).splitlines()
    assert next(line for line in lines if line.startswith("→")).split()[1] == "mine"
    assert any(line.startswith("a moved threshold") for line in lines)
    for name, words in (("Taken", "is taken"), ("Greedy", "more often")):
        with pytest.raises(InputError, match=words):
            comparing.compare(f"mine_of_a_test:{name}", "smoke", "synthetic", 0)


def test_what_cannot_be_found_is_named(folder: None) -> None:
    with pytest.raises(InputError, match="cannot be imported"):
        comparing.method("no_such_module:Mine")
    with pytest.raises(InputError, match="has no 'Nobody'"):
        comparing.method("mine_of_a_test:Nobody")
    with pytest.raises(InputError, match="no name"):
        comparing.method("mine_of_a_test:thing")
    with pytest.raises(UnknownName, match="entry point"):
        comparing.method("nobody")


def test_an_installed_package_offers_its_own(folder: None, monkeypatch: Any) -> None:
    from importlib.metadata import EntryPoint

    point = EntryPoint("theirs", "mine_of_a_test:Mine", comparing.GROUP)
    monkeypatch.setattr(comparing, "entry_points", lambda group: [point])
    assert comparing.method("theirs").name == "mine"


def test_torch_is_seeded_by_the_training_alone(world: Any) -> None:
    torch.manual_seed(99)
    ground = study.ground(world.task, TINY, 0)
    (method,) = [m for m in study.everybody(TINY) if m.name == "FAAP"]
    again = mitigation.tried(method, ground)
    assert np.allclose(again.p["test"], world.runs["FAAP"][0].p["test"], atol=1e-5)
