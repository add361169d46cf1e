"""The drawings of the FAAP chapter show the numbers that they are given: read back from axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from fairtut.chapters.faap import drawings
from fairtut.evidence.claims import load_claims
from fairtut.metrics import Estimate

VERSIONS = ("plain", "noise", "faap")


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.02, value + 0.03, n=100, level=0.95, method="bootstrap")


def marks(ax: Axes) -> list[tuple[float, float]]:
    """Return the places of the single marks of an axes, in the order of drawing."""
    found = [line.get_xydata() for line in ax.lines if line.get_marker() not in ("None", "")]
    return [(float(xy[0, 0]), float(xy[0, 1])) for xy in found if len(xy) == 1]


def bars(ax: Axes) -> list[tuple[float, float, float]]:
    """Return low end, high end and height of the drawn intervals."""
    lines = [line.get_xydata() for line in ax.lines if line.get_marker() in ("None", "")]
    level = [xy for xy in lines if len(xy) == 2 and xy[0, 1] == xy[1, 1]]
    return [(float(xy[0, 0]), float(xy[1, 0]), float(xy[0, 1])) for xy in level]


def test_the_papers_table_is_drawn_from_its_claims() -> None:
    numbers = {c.id: float(c.value) for c in load_claims("faap") if c.id.startswith("table1.")}
    fig = drawings.claim_arrows({"paper": numbers}, drawings.TARGETS)
    for ax, (name, title) in zip(fig.axes, drawings.TARGETS.items(), strict=True):
        assert title in (ax.get_title(), ax.get_title(loc="left"))
        expected = [
            (numbers[f"table1.{name}.{kind}{tail}.deo"], numbers[f"table1.{name}.{kind}{tail}.acc"])
            for kind in drawings.KINDS for tail in ("", "-faap")
        ]  # fmt: skip
        assert marks(ax) == expected
        arrows = [(text.xyann, text.xy) for text in ax.texts]
        assert arrows == list(zip(expected[::2], expected[1::2], strict=True)), "plain to FAAP"
        assert ax.get_xlim()[0] > ax.get_xlim()[1], "less DEO to the right"
    plt.close(fig)


def test_two_tables_stand_in_rows_of_their_own() -> None:
    ids = [f"table1.t.{k}{tail}.{m}" for k in drawings.KINDS for tail in ("", "-faap")
           for m in ("acc", "deo")]  # fmt: skip
    rows = {
        whose: {name: base + 0.01 * i for i, name in enumerate(ids)}
        for whose, base in (("paper", 0.1), ("here", 0.5))
    }
    fig = drawings.claim_arrows(rows, {"t": "Target"})
    assert [marks(ax)[0] for ax in fig.axes] == [(pytest.approx(0.11), 0.1), (0.51, 0.5)]
    titles = [ax.get_title() or ax.get_title(loc="left") for ax in fig.axes]
    assert titles == ["Target, paper", "Target, here"]
    plt.close(fig)


def test_deployed_models_have_a_mark_and_an_interval_for_each_version() -> None:
    panels = {
        title: {
            (kind, version): estimate(base + 0.1 * i + 0.03 * j)
            for i, kind in enumerate(kinds) for j, version in enumerate(VERSIONS)
        }
        for title, base, kinds in (
            ("one", 0.1, ("normal", "fair", "lf", "rg")), ("two", 0.2, ("lf", "normal")),
            ("three", 0.3, ("normal",)),
        )
    }  # fmt: skip
    fig = drawings.deployed(panels, "DEO")
    for ax, found in zip(fig.axes, panels.values(), strict=False):
        rows = {t.get_text(): y for t, y in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
        kinds = [kind for kind in drawings.KINDS if (kind, "plain") in found]
        assert list(rows) == [drawings.SHORT[kind] for kind in kinds]
        expected = [(found[kind, version], kind) for version in VERSIONS for kind in kinds]
        assert len(marks(ax)) == len(bars(ax)) == len(expected)
        for (x, y), bar, (e, kind) in zip(marks(ax), bars(ax), expected, strict=True):
            assert (x, bar) == (e.value, (e.low, e.high, y))
            assert abs(y - rows[drawings.SHORT[kind]]) < 0.5
    assert not fig.axes[3].axison, "there is no fourth target"
    plt.close(fig)


def test_a_point_has_both_its_intervals_and_noise_has_none() -> None:
    def every(base: float) -> dict[tuple[str, str], Estimate]:
        return {(kind, v): estimate(base + 0.1 * (v == "faap")) for kind in ("normal", "lf")
                for v in VERSIONS}  # fmt: skip

    frame = drawings.points(every(0.8), every(0.2))
    assert frame["method"].tolist() == ["normal", "normal + FAAP", "LF (label flip)",
                                        "LF (label flip) + FAAP"]  # fmt: skip
    for name, base in (("accuracy", 0.8), ("deo", 0.2)):
        np.testing.assert_allclose(frame[name], [base, base + 0.1] * 2)
        np.testing.assert_allclose(frame[name] - frame[f"{name}_low"], 0.02)
        np.testing.assert_allclose(frame[f"{name}_high"] - frame[name], 0.03)


def test_a_training_is_drawn_epoch_by_epoch_beside_what_guessing_gives() -> None:
    history = [{"d_accuracy": 0.9 - 0.1 * i, "d_entropy": 0.2 + 0.1 * i} for i in range(4)]
    fig = drawings.training(history, 0.58)
    for ax, name, reference in zip(
        fig.axes, ("d_accuracy", "d_entropy"), (0.58, np.log(2)), strict=True
    ):
        drawn, level = (line.get_xydata() for line in ax.lines)
        np.testing.assert_allclose(drawn, [(i + 1, row[name]) for i, row in enumerate(history)])
        assert set(level[:, 1]) == {reference}
    plt.close(fig)


def test_readers_are_drawn_beside_the_share_of_the_larger_group() -> None:
    names = ("linear", "mlp", "d-faap", "linear-faap", "mlp-faap")
    found = {
        (kind, r): estimate(0.5 + 0.1 * i + 0.02 * j)
        for i, kind in enumerate(("normal", "lf")) for j, r in enumerate(names)
    }  # fmt: skip
    fig = drawings.readers({"faces": (found, 0.61)})
    (ax,) = fig.axes
    expected = [found[kind, reader] for kind in ("normal", "lf") for reader in names]
    assert [x for x, _ in marks(ax)] == [e.value for e in expected]
    assert [(low, high) for low, high, _ in bars(ax)] == [(e.low, e.high) for e in expected]
    assert [round(y) for _, y in marks(ax)] == [0] * 5 + [-1] * 5
    said = {str(line.get_label()): line.get_xdata() for line in ax.lines}
    assert set(said["guessing the larger group"]) == {0.61}
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert len(legend) == 6 and "D, after" in legend
    plt.close(fig)


def test_a_sweep_is_drawn_in_the_order_of_its_values() -> None:
    frame = pd.DataFrame({
        "parameter": ["epsilon", "epsilon", "epsilon", "bound", "bound"],
        "value": [0.1, 0.01, 0.05, "clip", "tanh"], "acc": [0.7, 0.9, 0.8, 0.75, 0.85],
        "deo": [0.1, 0.3, 0.2, 0.15, 0.25],
    })  # fmt: skip
    frame["low"], frame["high"] = frame["deo"] - 0.01, frame["deo"] + 0.02
    fig = drawings.sweeps(frame)
    for ax, name, order in zip(fig.axes, ("epsilon", "bound"), ([1, 2, 0], [3, 4]), strict=True):
        part = frame.iloc[order]
        drawn = {str(line.get_label()): line.get_ydata() for line in ax.lines}
        np.testing.assert_array_equal(drawn["DEO"], part["deo"])
        np.testing.assert_array_equal(drawn["accuracy"], part["acc"])
        assert [t.get_text() for t in ax.get_xticklabels()] == [str(v) for v in part["value"]]
        ends = np.array([segment[:, 1] for segment in ax.collections[0].get_segments()])
        np.testing.assert_allclose(ends, part[["low", "high"]])
        assert ax.get_xlabel() == name
    plt.close(fig)


def test_heat_lies_over_its_face_with_the_mouth_box() -> None:
    rng = torch.Generator().manual_seed(0)
    faces = {row: torch.rand(2, 3, 10, 10, generator=rng) for row in ("plain", "FAAP")}
    maps = {row: torch.rand(2, 10, 10, generator=rng).numpy() for row in faces}
    fig = drawings.heat(faces, maps, (0.6, 0.9, 0.2, 0.7))
    for place, ax in enumerate(fig.axes):
        row, i = ("plain", "FAAP")[place // 2], place % 2
        face, warm = (image.get_array() for image in ax.images)
        np.testing.assert_allclose(face, faces[row][i].permute(1, 2, 0))
        np.testing.assert_allclose(warm, maps[row][i] / maps[row][i].max())
        (box,) = ax.lines
        assert (min(box.get_xdata()), max(box.get_xdata())) == (2, 7)
        assert (min(box.get_ydata()), max(box.get_ydata())) == (6, 9)
    assert [t.get_text() for ax in fig.axes for t in ax.texts] == ["plain", "FAAP"]
    plt.close(fig)


@pytest.mark.parametrize("what", ["codes", "toy"])
def test_every_code_is_drawn_once_under_its_group_and_label(what: str) -> None:
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    panels = {title: rng.normal(size=(40, 2)) for title in ("before", "after")}
    head = np.array([2.0, -1.0])
    if what == "codes":
        fig = drawings.codes(panels, y, s, ("y", "s"))
    else:
        fig = drawings.toy(panels, y, s, head)
    for ax, xy in zip(fig.axes, panels.values(), strict=True):
        if what == "codes":
            drawn = {str(dots.get_label()): dots.get_offsets() for dots in ax.collections}
        else:
            drawn = {str(line.get_label()): line.get_xydata() for line in ax.lines}
            border = drawn.pop("f decides")
            np.testing.assert_allclose(border @ head, 0, atol=1e-12)
        for group in (0, 1):
            for label in (0, 1):
                expected = xy[(s == group) & (y == label)]
                np.testing.assert_allclose(drawn.pop(f"s = {group}, y = {label}"), expected)
        assert not drawn
    plt.close(fig)


def test_black_boxes_stand_in_panels_of_their_own() -> None:
    versions = ("plain", "noise", "single", "transfer", "white-box")
    panels = {
        people: {(box, v): estimate(base + 0.2 * (box == "b") + 0.02 * i)
                 for box in "ab" for i, v in enumerate(versions)}
        for people, base in (("faces", 0.1), ("photographs", 0.6))
    }  # fmt: skip
    fig = drawings.boxes(panels)
    for ax, (people, box) in zip(fig.axes, [(p, b) for p in panels for b in "ab"], strict=True):
        found = [panels[people][box, v] for v in versions]
        assert marks(ax) == [(e.value, -i) for i, e in enumerate(found)]
        assert bars(ax) == [(e.low, e.high, -i) for i, e in enumerate(found)]
        title = ax.get_title() or ax.get_title(loc="left")
        assert title.startswith(box.upper()) and title.endswith(people)
    assert len(fig.axes[0].get_yticklabels()) == 5
    plt.close(fig)
