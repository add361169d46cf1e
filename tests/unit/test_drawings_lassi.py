"""The drawings of LASSI: projections keep what they claim, figures show what they get."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from fairtut.chapters.lassi import drawings
from fairtut.chapters.lassi import results_drawn as results
from fairtut.chapters.lassi.drawings import METHODS, Flat, flatten
from fairtut.metrics import Estimate
from fairtut.page.style import use_style

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _styled() -> None:  # what every test gives back is in conftest
    use_style()


def estimate(value: float, half: float = 0.05) -> Estimate:
    return Estimate(value, value - half, value + half, 300, 0.95, "bootstrap over people")


def titles(fig: Figure) -> list[str]:
    return [ax.get_title(loc="left") for ax in fig.axes]


def words(fig: Figure) -> list[str]:
    return [text.get_text() for legend in fig.legends for text in legend.get_texts()]


def test_projection_keeps_the_distance_to_the_border():
    points, normal, offset = RNG.normal(size=(40, 7)), 3 * RNG.normal(size=7), 0.7
    flat = flatten(points, normal, offset)
    signed = (points @ normal + offset) / np.linalg.norm(normal)
    assert flat[:, 0] == pytest.approx(signed)


def test_projection_is_one_and_shows_the_longest_other_direction():
    # an orthogonal projection: no distance grows; in the plane of a flat cloud none shrinks either
    points, normal = RNG.normal(size=(40, 7)), RNG.normal(size=7)
    flat = flatten(points, normal, 0.0)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    assert (np.linalg.norm(flat[:, None] - flat, axis=2) <= apart + 1e-9).all()
    unit = normal / np.linalg.norm(normal)
    other = np.linalg.qr(np.stack([unit, RNG.normal(size=7)], 1))[0][:, 1]
    plane = np.outer(RNG.normal(size=30), unit) + np.outer(RNG.normal(size=30), other)
    apart = np.linalg.norm(plane[:, None] - plane, axis=2)
    seen = flatten(plane, normal, 1.0)
    assert np.linalg.norm(seen[:, None] - seen, axis=2) == pytest.approx(apart, abs=1e-9)


def test_projection_of_a_curve_along_the_normal_is_finite():
    normal = np.array([1.0, 0, 0])
    flat = flatten(np.outer(np.linspace(-1, 1, 5), normal), normal, 0.0)
    assert np.isfinite(flat).all() and flat[:, 1] == pytest.approx(0)


def look(d_cs: float, d_rs: float) -> SimpleNamespace:
    corners = RNG.normal(size=(9, 4))
    return SimpleNamespace(
        corners=corners, part=corners[2:6], plain=corners[3], center=corners[4],
        draws=RNG.normal(size=(50, 4)), radius=0.2, d_cs=d_cs, d_rs=d_rs,
        normal=np.array([0.0, 2, 0, 0]), offset=1.0,
    )  # fmt: skip


def test_flat_keeps_its_parts_apart():
    seen = look(1.0, 2.0)
    flat = Flat.of(seen)
    assert [len(flat.corners), len(flat.part), len(flat.draws)] == [9, 4, 50]
    assert flat.part == pytest.approx(flat.corners[2:6])
    assert flat.center[0] == pytest.approx(seen.center[1] + 0.5)
    assert (flat.radius, flat.d_cs, flat.d_rs) == (0.2, 1.0, 2.0)


def test_borders_say_who_is_certified():
    pairs = {"naive": (3.0, 2.0), "dataaug": (2.0, np.nan), "lassi": (1.0, 2.0)}
    fig = drawings.borders({m: Flat.of(look(*pair)) for m, pair in pairs.items()})
    assert titles(fig) == ["Naive: not certified", "DataAug: not certified", "LASSI: certified"]
    for ax, (d_cs, _) in zip(fig.axes, pairs.values(), strict=True):
        (outer,) = [ring for ring in ax.patches if ring.get_label() == "d_cs"]
        assert outer.radius == pytest.approx(d_cs)


def test_fading_names_methods_and_dashes_what_is_constant():
    shares = {"LASSI, constant": [1.0, 0.9], "LASSI, certified": [0.8, 0.5]}
    fig = drawings.fading([0.0, 1.0], shares)
    solid, dashed = sorted(fig.axes[0].lines, key=lambda line: line.get_linestyle() != "-")
    assert (solid.get_label(), dashed.get_label()) == ("LASSI, certified", "LASSI, constant")
    assert list(solid.get_ydata()) == [80, 50]
    assert solid.get_color() == dashed.get_color() == drawings.COLOURS["lassi"]


def test_thinned_corners_stay_near_the_curve():
    t = np.linspace(0, 1, 2001)
    points = np.stack([np.cos(3 * t), np.sin(3 * t)], 1)
    few = drawings.thinned(points)
    assert len(few) < 400 and (few[[0, -1]] == points[[0, -1]]).all()
    gaps = np.linalg.norm(points[:, None] - few, axis=2).min(1)
    assert gaps.max() < 0.004 * np.ptp(points, axis=0).max() * 1.01


def test_poster_has_a_point_per_cell():
    published = {("a", m): 0.1 * i for i, m in enumerate(METHODS)} | {
        ("b", m): 0.5 for m in METHODS
    }
    ax = drawings.poster(published, {"a": "A", "b": "B"}).axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["A", "B"]
    marks = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert [float(line.get_xdata()[0]) for line in marks[:3]] == pytest.approx([0, 10, 20])


def test_attacks_compare_with_a_straight_curve():
    # the largest of m uniform draws has the median 2^(-1/m)
    draws = (1, 10)
    t = np.abs(RNG.uniform(-1, 1, (4000, 10)))
    share = np.stack([t[:, 0], t.max(1)], 1)
    ax = drawings.attacks(draws, {"lassi": share}).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert lines["LASSI"] == pytest.approx(lines["a straight curve"], abs=0.03)


def test_caps_draw_every_noise_and_the_people():
    x = np.linspace(0, 2, 5)
    fig = drawings.caps(x, {0.5: x / 2, 2.5: x}, {2.5: (x, x)})
    assert words(fig) == ["exact distance", "votes, σ = 0.5", "votes, σ = 2.5", "people, σ = 2.5"]


def test_swing_puts_faces_above_curves_and_bars_below():
    import torch

    stops = [-1.0, -0.5, 0.0, 0.5, 1.0]
    fig = drawings.swing(
        stops, torch.rand(5, 3, 8, 8), {"a": [0.5] * 5, "b": [0.2] * 5},
        {"a": None, "b": (-0.5, 0.5)}, "P",
    )  # fmt: skip
    assert words(fig) == ["a", "b", "b: certified"]
    assert len(fig.axes[0].child_axes) == 5
    (bar,) = [line for line in fig.axes[0].lines if line.get_label() == "b: certified"]
    assert list(bar.get_xdata()) == [-0.5, 0.5] and max(bar.get_ydata()) < 0


def test_strips_join_a_row_and_name_its_ends():
    import torch

    rows = {"a": torch.rand(4, 3, 8, 8), "b": torch.rand(4, 3, 8, 8)}
    fig = drawings.strips(rows, 0.7, ("from", "to"))
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["from", ""]
    assert fig.axes[0].get_title(loc="right") == "to"
    shown = np.asarray(fig.axes[1].images[0].get_array())
    assert shown.shape == (8, 32, 3)
    assert (shown[:, 16:24] == rows["b"][2].permute(1, 2, 0).numpy()).all()  # the third picture


def test_shares_draw_percent_people_seeds_and_paper():
    found = {(c, r): estimate(0.5) for c in "xy" for r in ("one", "two")}
    fig = results.shares(
        found, {"x": "X", "y": "Y"}, "%", seeds={("x", "one"): estimate(0.5, 0.2)},
        published={("x", "two"): 0.9, ("x", "one"): 0.8},
    )  # fmt: skip
    assert titles(fig) == ["X", "Y"]
    assert words(fig) == ["interval over people", "over seeds", "the paper's number"]
    ends = [tuple(line.get_xdata()) for line in fig.axes[0].lines]
    assert (pytest.approx(45), pytest.approx(55)) in ends
    assert (pytest.approx(30), pytest.approx(70)) in ends and (pytest.approx(90),) in ends


def test_shares_leave_out_what_was_not_measured():
    found = {("x", "one"): estimate(0.5), ("x", "two"): estimate(0.5), ("y", "one"): estimate(0.1)}
    fig = results.shares(found, {"x": "X", "y": "Y"}, "%")
    assert [len(ax.lines) for ax in fig.axes] == [4, 2]


def test_plane_shows_the_constant_classifier_in_every_panel():
    cells = {(c, "one"): estimate(0.5) for c in "wxyz"}
    columns = {c: c.upper() for c in "wxyz"}
    paper = {"w": {"lassi": (0.98, 0.86)}}
    fig = results.plane(
        cells, cells, columns, dict.fromkeys(columns, 0.6), {"one": ("#0f99d3", "o")}, paper
    )
    shown = [ax for ax in fig.axes if ax.axison]
    assert len(shown) == 4
    for ax in shown:
        (constant,) = [ln for ln in ax.lines if ln.get_label() == "constant classifier"]
        assert [constant.get_xdata()[0], constant.get_ydata()[0]] == pytest.approx([100, 60])
    assert "LASSI (paper)" in words(fig)


def test_looseness_bars_have_the_shares_lengths():
    values = {"certified": 0.1, "sampling-free": 0.2, "constant": 0.7}
    found = {("x", m, what): estimate(v) for m in METHODS for what, v in values.items()}
    ax = results.looseness(found, {"x": "X"}).axes[0]
    assert sorted({round(bar.get_width()) for bar in ax.patches}) == [10, 20, 70]
    assert len(ax.patches) == 9
