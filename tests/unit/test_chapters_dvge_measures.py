"""The numbers of the DVGE chapter, recomputed by hand from decisions about made-up people."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairtut.chapters import dvge as study
from fairtut.chapters.dvge.ablation import Reading
from fairtut.chapters.dvge.measures import Scores
from fairtut.chapters.dvge.presets import Sweep
from fairtut.metrics.entry import Entry

Floats = NDArray[np.float64]

SWEEP = Sweep(eta1=(0.0, 0.5, 1.0), eta2=(0.0, 0.4), chosen=((0.5, 0.0), (1.0, 0.4)))
PICKED = [2, 5]  # the places of `chosen` in the grid, by hand
COUNTS = {"dvge-n": 6, "dvge-d": 6, "removed-n": 2, "removed-d": 2, "ffvae": 2, "fdvae": 2,
          "adt": 2, "threshold": 5, "noise": 3}  # fmt: skip
KINDS = [pytest.param(True, id="shared people"), pytest.param(False, id="people of each split")]


def world(shared: bool = True, n: int = 240, runs: int = 2) -> study.Board:
    """Return decisions that lean to a group, the less so the later the setting."""
    rng = np.random.default_rng(5)
    shape = (n,) if shared else (runs, n)
    y = {part: rng.integers(0, 2, shape) for part in ("val", "test")}
    s = {part: rng.integers(0, 2, shape) for part in ("val", "test")}

    def margins(part: str, count: int) -> Floats:
        lean = np.linspace(1.4, 0.2, count)[:, None, None]
        signal = 1.2 * (2 * y[part] - 1) + lean * (2 * s[part] - 1)
        return signal + rng.normal(size=(count, runs, n)) * (1.6 - lean / 2)

    decided = {
        name: {part: (margins(part, count) > 0).astype(np.int8) for part in y}
        for name, count in COUNTS.items()
    }
    margin = {part: margins(part, 1)[0].astype(np.float32) for part in y}
    for name in ("plain-n", "plain-d"):
        decided[name] = {part: (m[None] > 0).astype(np.int8) for part, m in margin.items()}
    return study.Board("made-up", y, s, decided, SWEEP, 480, margin)


def people(board: study.Board, part: str, run: int) -> tuple[NDArray, NDArray]:
    y, s = board.y[part], board.s[part]
    return (y, s) if y.ndim == 1 else (y[run], s[run])


def by_hand(board: study.Board, method: str, gap: str, part: str, run: int) -> Floats:
    """Return accuracy and gap of every setting, (settings, 2)."""
    y, s = people(board, part, run)
    among = np.ones_like(y, bool) if gap == "dp" else y == 1
    rows = [
        ((d == y).mean(), abs(d[among & (s == 1)].mean() - d[among & (s == 0)].mean()))
        for d in board.decisions[method][part][:, run]
    ]
    return np.array(rows)


def worst(board: study.Board, encoder: str, gap: str) -> list[float]:
    own = [by_hand(board, f"plain-{encoder}", gap, "test", run)[0, 1] for run in range(2)]
    return [float(np.mean(own))] * 2 if board.y["test"].ndim == 1 else own


def constant(board: study.Board, run: int) -> float:
    share = people(board, "test", run)[0].mean()
    return float(max(share, 1 - share))


def integral(known: Floats, found: Floats, floor: float, limit: float) -> float:
    """Return the mean gain over gaps from 0 to a limit, of what nothing beats where it is known."""
    front = [
        i for i, (a, g) in enumerate(known)
        if not any(b >= a and h <= g and (b, h) != (a, g) for b, h in known)
    ]  # fmt: skip
    ends = sorted({0.0, limit, *(g for g in found[front, 1] if g < limit)})
    steps = (
        (high - low) * max([0.0, *(a - floor for a, g in found[front] if g <= low)])
        for low, high in pairwise(ends)
    )
    return float(sum(steps) / limit)


def values(found: dict[str, Entry]) -> dict[str, Floats]:
    return {name: np.array(entry.values, float) for name, entry in found.items()}


def alike(one: dict[str, Floats], other: dict[str, Floats]) -> None:
    assert one.keys() == other.keys()
    for name, expected in one.items():
        np.testing.assert_allclose(other[name], expected, atol=1e-9, err_msg=name)


# ---------------------------------------------------------------- fronts


@pytest.mark.parametrize("shared", KINDS)
def test_accuracies_and_gaps_are_shares_of_people(shared: bool) -> None:
    board = world(shared)
    scores = Scores(board, resamples=0)
    for method in ("dvge-n", "adt", "plain-d"):
        for gap in ("dp", "eo"):
            for part in ("val", "test"):
                plane = scores.plane(method, gap, part)
                for run in range(2):
                    found = np.column_stack([v[:, run, 0] for v in plane])
                    np.testing.assert_allclose(found, by_hand(board, method, gap, part, run))


@pytest.mark.parametrize("shared", KINDS)
@pytest.mark.parametrize("gap", ["dp", "eo"])
def test_a_fronts_number_is_the_integral_of_its_definition(shared: bool, gap: str) -> None:
    board = world(shared)
    scores = Scores(board, resamples=0)
    for method, encoder, picks in (
        ("dvge-n", "n", None), ("dvge-n", "n", PICKED), ("dvge-d", "n", PICKED), ("adt", "d", None),
    ):  # fmt: skip
        found = scores.area(method, encoder, gap, picks)[:, 0]
        some = slice(None) if picks is None else picks
        for run, limit in enumerate(worst(board, encoder, gap)):
            known, measured = (by_hand(board, method, gap, p, run)[some] for p in ("val", "test"))
            expected = integral(known, measured, constant(board, run), limit)
            assert found[run] == pytest.approx(expected, abs=1e-9), (method, run)
        assert (found > 0.01).all(), "the case is no trivial one"


@pytest.mark.parametrize("shared", KINDS)
def test_the_mixing_line_is_worth_the_area_below_a_straight_line(shared: bool) -> None:
    board = world(shared)
    scores = Scores(board, resamples=0)
    for gap in ("dp", "eo"):
        found = scores.mixing("n", gap)[:, 0]
        for run, limit in enumerate(worst(board, "n", gap)):
            accuracy, own = by_hand(board, "plain-n", gap, "test", run)[0]
            t = (np.arange(20_000) + 0.5) / 20_000 * limit  # midpoints: exact on straight lines
            gained = (accuracy - constant(board, run)) * np.minimum(t / own, 1)
            assert found[run] == pytest.approx(gained.mean(), abs=1e-6)


@pytest.mark.parametrize("shared", KINDS)
def test_panels_are_differences_of_the_fronts_that_they_name(shared: bool) -> None:
    board = world(shared)
    raw = study.measures.panels(Scores(board, resamples=0), "spot")
    assert {(entry.n, entry.unit, len(entry.values)) for entry in raw.values()} == {
        (240, "fraction", 2)
    }
    found = values(raw)
    expected: dict[str, Floats] = {}
    for e in "dn":
        for gap in ("dp", "eo"):
            ours = found[f"front.spot.{e}.{gap}.dvge"]
            for rival in ("adt", "ffvae", "fdvae", "removed"):
                theirs = found[f"front.spot.{e}.{gap}.{rival}"]
                expected[f"panel.spot.{e}.{gap}.{rival}"] = ours - theirs
            line = found[f"front.spot.{e}.{gap}.mixing"]
            expected[f"control.mixing.spot.{e}.{gap}"] = ours - line
    alike(expected, {name: found[name] for name in expected})
    for gap in ("dp", "eo"):
        d = np.array([
            integral(
                *(by_hand(board, "dvge-d", gap, p, run)[PICKED] for p in ("val", "test")),
                constant(board, run), limit,
            )
            for run, limit in enumerate(worst(board, "n", gap))
        ])  # fmt: skip
        gain = d - found[f"front.spot.n.{gap}.dvge"]
        np.testing.assert_allclose(found[f"d3.spot.{gap}.d-minus-n-plus-1"], gain + 0.01)
        np.testing.assert_allclose(found[f"d3.spot.{gap}.n-minus-d-plus-1"], 0.01 - gain)
    assert len(raw) == 4 * (2 * 4 + 6) + 2 * 2 + 1 + 2 * 4


def test_names_of_synthetic_claims_lead_to_the_same_measurements() -> None:
    found = study.measures.panels(Scores(world(), resamples=0), "spot")
    short = study.measures.synthetic(found, "spot", "faces")
    assert set(short) == {
        f"faces.{e}.{gap}.{what}"
        for e in "dn" for gap in ("dp", "eo") for what in ("removed", "mixing")
    }  # fmt: skip
    assert short["faces.d.eo.removed"] is found["panel.spot.d.eo.removed"]
    assert short["faces.n.dp.mixing"] is found["control.mixing.spot.n.dp"]


@pytest.mark.parametrize("shared", KINDS)
def test_no_number_depends_on_which_group_is_called_one_or_on_copies_of_everybody(
    shared: bool,
) -> None:
    board = world(shared)
    swapped = replace(board, s={part: 1 - s for part, s in board.s.items()})
    double = replace(
        board,
        y={part: np.concatenate([v, v], -1) for part, v in board.y.items()},
        s={part: np.concatenate([v, v], -1) for part, v in board.s.items()},
        decisions={
            name: {part: np.concatenate([d, d], -1) for part, d in of.items()}
            for name, of in board.decisions.items()
        },
        margin=None,
    )
    first = values(study.measures.panels(Scores(board, resamples=0), "spot"))
    for other in (swapped, double):
        alike(first, values(study.measures.panels(Scores(other, resamples=0), "spot")))


@pytest.mark.parametrize("shared", KINDS)
def test_test_labels_choose_nothing(shared: bool) -> None:
    """Turn every test label: what was chosen is as often right as it was wrong before."""
    board = world(shared)
    turned = replace(board, y=board.y | {"test": 1 - board.y["test"]})
    one, other = (Scores(b, resamples=0) for b in (board, turned))
    for e in "nd":
        both = one.at_limit(e, "dp")[:, 0] + other.at_limit(e, "dp")[:, 0]
        np.testing.assert_allclose(both, [1 - 2 * constant(board, run) for run in range(2)])
    named = {"dvge-n": "ours", "adt": "ADT", "threshold": "moved"}
    rows = [study.measures.table(scores, named, "dp") for scores in (one, other)]
    first, second = ([(row["method"], row["setting"]) for row in of] for of in rows)
    assert first == second
    for gap in ("dp", "eo"):
        np.testing.assert_array_equal(
            *(s.decided("groups", gap, "test") for s in (one, other))
        )  # fmt: skip


def test_choosing_on_test_people_is_never_worse_for_the_number() -> None:
    """The audit's difference is that of four pairs of numbers, and choosing late gains by it."""
    board = world()
    scores = Scores(board, resamples=0)
    found = study.measures.panels(scores, "spot")["audit.selection.spot"].values
    late = []
    for e in "dn":
        for gap in ("dp", "eo"):
            for run, limit in enumerate(worst(board, e, gap)):
                known, test = (
                    by_hand(board, f"dvge-{e}", gap, p, run)[PICKED] for p in ("val", "test")
                )
                floor = constant(board, run)
                late.append(
                    integral(test, test, floor, limit) - integral(known, test, floor, limit)
                )
    assert min(late) >= 0
    np.testing.assert_allclose(found, np.reshape(late, (4, 2)).mean(0), atol=1e-12)


def test_the_figures_points_are_the_validation_front_measured_on_test() -> None:
    board = world()
    rows = study.measures.table(Scores(board, resamples=0), {"dvge-d": "D", "adt": "A"}, "eo")
    for label, method, among in (("D", "dvge-d", PICKED), ("A", "adt", [0, 1])):
        mine = [row for row in rows if row["method"] == label]
        known, test = (
            np.mean([by_hand(board, method, "eo", part, run) for run in range(2)], 0)
            for part in ("val", "test")
        )
        front = [
            i for i in sorted(among, key=lambda i: known[i, 1])
            if not any(known[j, 0] >= known[i, 0] and known[j, 1] < known[i, 1] for j in among)
        ]  # fmt: skip
        assert [row["setting"] for row in mine] == front
        drawn = [(row["accuracy"], row["gap"]) for row in mine]
        np.testing.assert_allclose(drawn, test[front])


@pytest.mark.parametrize("shared", KINDS)
def test_slopes_are_those_of_least_squares_with_a_level_for_each_eta(shared: bool) -> None:
    board = world(shared)
    found = study.measures.slopes(Scores(board, resamples=0), "spot")
    eta1, eta2 = np.array([(a, b) for a in SWEEP.eta1 for b in SWEEP.eta2]).T
    levels = (eta1[:, None] == np.array(SWEEP.eta1)).astype(float)
    for e in "dn":
        for run in range(2):
            points = {g: by_hand(board, f"dvge-{e}", g, "test", run) for g in ("dp", "eo")}
            still = eta2 == 0
            for name, column in (("dp", points["dp"][:, 1]), ("eo", points["eo"][:, 1]),
                                 ("acc", points["dp"][:, 0])):  # fmt: skip
                slope = np.polyfit(eta1[still], column[still], 1)[0]
                assert found[f"d4.spot.{e}.eta1-{name}"][run, 0] == pytest.approx(slope)
            design = np.column_stack([eta2, levels])
            slope = np.linalg.lstsq(design, points["dp"][:, 0], rcond=None)[0][0]
            assert found[f"d4.spot.{e}.eta2-acc"][run, 0] == pytest.approx(slope)


# ---------------------------------------------------------------- what costs nothing


def test_a_method_that_changes_nothing_beats_no_mixing_line_and_a_perfect_one_beats_all() -> None:
    board = world()
    plain, right = board.decisions["plain-n"], {p: board.y[p] for p in ("val", "test")}

    def asked(places: dict[int, dict[str, NDArray]]) -> dict[str, Entry]:
        ours = {p: np.repeat(plain[p], 6, 0) for p in plain}
        for place, decided in places.items():
            for part in ours:
                ours[part][place] = decided[part]
        scores = Scores(replace(board, decisions=board.decisions | {"dvge-n": ours}), resamples=200)
        found = study.beaten(scores, "spot")
        assert {entry.n for entry in found.values()} == {240}
        return {name.removeprefix("beats.spot.n."): entry for name, entry in found.items()}

    nothing = asked({})
    for gap in ("dp", "eo"):
        line = nothing[f"{gap}.mixing"]
        assert line.values == [0, 0] and str(line.note).endswith("no")
    assert asked({1: right, 4: right}) == nothing, "only the chosen points of the grid are asked"
    # right about everybody: no error, and no gap of true-positive rates
    best = asked(dict.fromkeys(PICKED, right))
    gain = 1 - constant(board, 0)
    np.testing.assert_allclose(best["eo.constant"].values, gain)
    for control in ("mixing", "threshold", "groups", "noise"):
        more = best[f"eo.{control}"].values
        assert min(more) > 0 and max(more) < gain, control


# ---------------------------------------------------------------- tables 1 and 2


def reading(
    none: Floats, removed: Floats, scores: Floats, etas: tuple[float, ...], *probes: str
) -> Reading:
    return Reading(none, removed, {("loss_pred", p): scores for p in probes}, etas, 0.58, 400)


unit = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(unit, unit, unit, unit), min_size=2, max_size=5))
@settings(max_examples=15)
def test_a_rows_measurements_are_differences_and_a_regression(
    rows: list[tuple[float, ...]],
) -> None:
    table, etas = np.array(rows, float), (0.5, 1.0)
    none, removed, scores = table[:, 0], table[:, 1], table[:, 2:]
    found = values(study.ablation.measures(reading(none, removed, scores, etas, "raw"), "t.d"))
    alike(
        {
            "t.d.none": none, "t.d.none.over-majority": none - 0.58, "t.d.removed": removed,
            "t.d.removed.change": removed - none,
            **{f"t.d.loss_pred.raw.eta{e}": scores[:, i] for i, e in enumerate(etas)},
            **{f"t.d.loss_pred.raw.eta{e}.change": scores[:, i] - none
               for i, e in enumerate(etas)},
            **{f"t.d.loss_pred.raw.eta{e}.vs-removed": scores[:, i] - removed
               for i, e in enumerate(etas)},
            "t.d.loss_pred.raw.slope": np.polyfit([0, *etas], table[:, [0, 2, 3]].T, 1)[0],
            # what the first half takes away less what the second does
            "t.d.loss_pred.raw.saturation": 2 * scores[:, 0] - scores[:, 1] - none,
        },
        found,
    )  # fmt: skip


def test_a_straight_fall_does_not_saturate_and_without_its_middle_nobody_says_so() -> None:
    none, etas = np.array([0.9, 0.8]), (0.25, 0.5, 1.0)
    scores = none[:, None] - 0.3 * np.array(etas)
    found = values(study.ablation.measures(reading(none, none, scores, etas, "raw"), "t"))
    np.testing.assert_allclose(found["t.loss_pred.raw.saturation"], 0, atol=1e-12)
    np.testing.assert_allclose(found["t.loss_pred.raw.slope"], -0.3)
    short = study.ablation.measures(reading(none, none, scores[:, ::2], (0.25, 1.0), "raw"), "t")
    assert "t.loss_pred.raw.slope" in short and "t.loss_pred.raw.saturation" not in short


def test_the_mixed_probe_is_compared_with_the_usual_one_at_the_last_strength() -> None:
    none, etas = np.array([0.9, 0.8]), (0.5, 1.0)
    usual, mixed = np.array([[0.7, 0.6], [0.7, 0.5]]), np.array([[0.8, 0.65], [0.9, 0.7]])
    probes = {("loss_pred", "perturbed"): usual, ("loss_pred", "mixed-perturbed"): mixed}
    found = values(study.ablation.measures(Reading(none, none, probes, etas, 0.6, 9), "t"))
    compared = [name for name in found if name.endswith("vs-perturbed")]
    assert compared == ["t.loss_pred.mixed-perturbed.eta1.0.vs-perturbed"]
    np.testing.assert_allclose(found[compared[0]], [0.05, 0.2])


def test_a_code_with_one_telling_dimension_can_be_read_until_that_is_gone() -> None:
    n = 900
    z = torch.randn(2, n, 4, generator=torch.Generator().manual_seed(3))
    s = (z[0, :, 1] > 0.4).long()  # a third of the people
    z[1] = z[0].roll(2, -1)  # the second training has it elsewhere
    rows = torch.arange(n)
    task = study.Task("made-up", s, s, rows[:500], rows[500:600], rows[600:])
    preset = study.DVGE["smoke"]
    tiny = replace(
        preset, seeds=2, etas=(0.5,), foci=("loss_pred",),
        classifier=replace(preset.classifier, hidden=(16,), batch=32, epochs=5, lr=2e-2),
    )  # fmt: skip
    found = study.ablation.read(z, task, tiny)
    share = float(s[600:].float().mean())
    assert found.n == 300 and found.majority == pytest.approx(1 - share)
    assert found.none.shape == (2,) and (found.none > 0.93).all()
    # the best of five epochs of guessing: three standard deviations above the larger group
    assert (found.removed < found.majority + 3 * np.sqrt(share * (1 - share) / 300)).all()
    assert {key: v.shape for key, v in found.probes.items()} == {
        ("loss_pred", probe): (2, 1)
        for probe in ("perturbed", "raw", "mixed-perturbed", "mixed-raw")
    }
