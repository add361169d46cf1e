"""The contest by theory: a toy whose best threshold, best pair and best method are known."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fairtut.errors import InputError, UnknownName
from fairtut.lab import contest, mitigation
from fairtut.lab.mitigation import Ground, Mitigation, about, equal, tried
from fairtut.metrics.panels import Panel

PARTS = ("train", "val", "test")


@dataclass
class AsItIs:
    name: str = "as it is"
    acts_on: str = "scores"
    settings: tuple[float, ...] = (0.0,)

    def fit(self, x: Any, y: Any, *, s: Any) -> "AsItIs":
        return self

    def predict_proba(self, x: Any) -> Any:
        return x


@dataclass
class GroupShift:
    """Move the scores of one group: with the gap of the means all of it is gone."""

    name: str = "shift"
    acts_on: str = "scores"
    settings: tuple[float, ...] = (0.0, 1.0)
    asks_group = True

    def fit(self, x: Any, y: Any, *, s: Any) -> "GroupShift":
        self.gap = x[s == 1].mean() - x[s == 0].mean()
        return self

    def predict_proba(self, x: Any, *, s: Any) -> Any:
        return np.clip(x - self.setting * self.gap * (s - 0.5), 0, 1)  # type: ignore[attr-defined]


def people(n: int, seed: int) -> tuple[Any, Any, Any]:
    """Scores that would be right for everybody, but for a shift by group."""
    rng = np.random.default_rng(seed)
    s, skill = rng.integers(0, 2, n), rng.uniform(0.25, 0.75, n)
    return skill + 0.2 * (s - 0.5), (skill > 0.5).astype(int), s


def ground(seed: int = 0) -> Ground:
    drawn = {part: people(2000, 10 * seed + i) for i, part in enumerate(PARTS)}
    x, y, s = ({part: three[i] for part, three in drawn.items()} for i in range(3))
    return Ground({"scores": x}, y, s, seed=seed)


@pytest.fixture(scope="module")
def played() -> Any:
    grounds = [ground()] * 2  # two trainings of what is not random: no spread over trainings
    runs = {m.name: [tried(m, g) for g in grounds] for m in (AsItIs(), GroupShift())}
    of = {part: Panel(grounds[0].y[part], grounds[0].s[part], n_resamples=200) for part in PARTS}
    return runs, contest.board(of, runs, "as it is", {"deo": Panel.deo}, "deo")


def test_the_known_shift_is_chosen_and_removes_the_gap(played: Any) -> None:
    runs, board = played
    picks = contest.chosen(board, "shift", "deo", "as it is", 0.02)
    assert [c.index for c in picks] == [1, 1] and all(c.satisfied for c in picks)
    before, after = (board.plane(m, "deo", "test").gap[-1, 0, 0] for m in ("as it is", "shift"))
    assert before > 0.5 and after < 0.1
    assert board.plane("shift", "deo", "test").accuracy[1, 0, 0] > 0.97
    p = contest.picked(runs["shift"], picks, "test")
    assert p.shape == (2, 2000) and np.array_equal(p[0], runs["shift"][0].p["test"][1])


def test_it_beats_the_coin_and_the_threshold_but_not_thresholds_per_group(played: Any) -> None:
    _, board = played
    rivals = {"threshold": "threshold", "groups": "groups"}
    found = contest.answers(board, {"shift": "shift"}, "deo", "as it is", rivals)
    word = {k.rsplit(".", 1)[1]: str(e.note).split("? ")[1] for k, e in found.items()}
    assert word["constant"] == word["mixing"] == word["threshold"] == "yes"
    ahead = {k.rsplit(".", 1)[1]: e.values[0] for k, e in found.items()}
    # two thresholds undo the shift as well, up to the grid on which they are sought
    assert ahead["groups"] < 0.03 < 0.1 < ahead["threshold"]


def test_the_model_as_it_is_beats_nobody(played: Any) -> None:
    _, board = played
    found = contest.answers(board, {"as it is": "it"}, "deo", "as it is", {"self": "as it is"})
    assert "beats.it.self" not in found, "nobody is asked about itself"
    assert found["beats.it.mixing"].values == [0.0, 0.0]


def test_the_reader_of_scores_tells_the_group_before_and_not_after(played: Any) -> None:
    runs, _ = played
    before, after = (runs[m][0].read["test"][-1].mean() for m in ("as it is", "shift"))
    assert before > 0.6 and abs(after - 0.5) < 0.05


def test_a_method_is_copied_and_its_kind_is_checked() -> None:
    method = GroupShift()
    tried(method, ground())
    assert not hasattr(method, "gap") and not hasattr(method, "setting")
    assert isinstance(method, Mitigation)


def test_a_key_changes_with_settings_code_and_what_the_object_holds() -> None:
    one, other = about(GroupShift()), about(GroupShift(settings=(0.0, 0.5)))
    assert one != other and one["code"] == other["code"] != about(AsItIs())["code"]
    plain = SimpleNamespace(**{k: getattr(AsItIs(), k) for k in ("name", "acts_on", "settings")})
    plain.fit, plain.predict_proba = AsItIs.fit, AsItIs.predict_proba
    assert "own" in about(plain)  # not only dataclasses


def test_what_changes_its_input_is_decided_about_by_the_model() -> None:
    class Turned:
        name, acts_on, settings = "turned", "scores", (1,)

        def fit(self, x: Any, y: Any, *, s: Any, ground: Ground) -> None:
            self.seed_seen = ground.seed

        def transform(self, x: Any) -> Any:
            return 1 - x

    g = ground()
    with pytest.raises(InputError, match="nobody decides"):
        tried(Turned(), g)
    decide = Ground(g.x, g.y, g.s, decide={"scores": lambda x: x})
    assert np.allclose(tried(Turned(), decide).p["test"][0], 1 - g.x["scores"]["test"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"acts_on": "sound"}, "acts on 'sound'"),
        ({"settings": ()}, "no settings"),
        ({"predict_proba": lambda x: x + 1}, "lie in"),
        ({"predict_proba": lambda x: x[:3]}, "one finite probability"),
        ({"predict_proba": lambda x: x * np.nan}, "one finite probability"),
    ],
)
def test_bad_methods_are_named(change: dict[str, Any], words: str) -> None:
    method = AsItIs()
    for name, value in change.items():
        setattr(method, name, value)
    with pytest.raises(InputError, match=words):
        tried(method, ground())


def test_what_is_no_method_is_named() -> None:
    with pytest.raises(InputError, match="is a class"):
        mitigation.check(AsItIs)
    with pytest.raises(InputError, match="no fit"):
        mitigation.check(SimpleNamespace(name="x", acts_on="scores", settings=[1]))
    with pytest.raises(InputError, match="neither decides"):
        mitigation.check(SimpleNamespace(name="x", acts_on="scores", settings=[1], fit=len))


def test_nobody_tries_more_often_than_others() -> None:
    assert equal([GroupShift(), GroupShift(settings=(0.0, 0.5))]) == 2
    with pytest.raises(InputError, match="as it is 1"):
        equal([AsItIs(), GroupShift()])


def test_people_and_names_are_checked(played: Any) -> None:
    g = ground()
    with pytest.raises(InputError, match="values of s"):
        Ground(g.x, g.y, {part: s[:5] for part, s in g.s.items()})
    runs, _ = played
    with pytest.raises(UnknownName, match="nobody"):
        contest.board({}, runs, "nobody", {"deo": Panel.deo}, "deo")


def test_further_people_are_asked_about_and_nobody_learns_from_them() -> None:
    g = ground()
    x = {"scores": {**g.x["scores"], "twins": g.x["scores"]["test"][:7] + 0.1}}
    found = tried(GroupShift(), Ground(x, g.y, {**g.s, "twins": 1 - g.s["test"][:7]}))
    assert found.p["twins"].shape == (2, 7)
