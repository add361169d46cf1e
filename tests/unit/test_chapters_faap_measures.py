"""The numbers of the FAAP chapter, recomputed by hand from margins about made-up people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from fairtut.chapters import faap as study
from fairtut.chapters.faap import asking
from fairtut.chapters.faap.measures import Measured, _chance
from fairtut.chapters.faap.saliency import Look
from fairtut.data.images import ImageSet
from fairtut.lab.board import Board
from fairtut.metrics.entry import Entry

N = 480
KINDS = ("normal", "fair", "lf", "rg")
READERS = ("linear", "linear-faap", "mlp", "mlp-faap", "target", "target-faap", "d-faap")
World = tuple[ImageSet, list[study.Cell]]


def world(
    target: str = "Smiling", name: str = "celeba", seeds: int = 2, lean: float = 1.2
) -> World:
    """Return people and models that favour men by `lean`, with FAAP by a third of it."""
    rng = np.random.default_rng(7)
    columns = pd.DataFrame(
        {c: rng.random(N) < share for c, share in ((target, 0.6), ("Male", 0.4))}
    )
    split = np.resize(["train", "val", "test", "test"], N)
    images = ImageSet(
        torch.zeros(N, 3, 4, 4, dtype=torch.uint8), columns, split, name, "made up", "0" * 8
    )
    rows = np.isin(split, ("test",) if name == "lfw" else ("val", "test"))
    y, s = (2.0 * columns[c].to_numpy()[rows] - 1 for c in (target, "Male"))

    def patient(kind: str) -> study.Patient:
        noise = rng.normal(size=len(y)) * 1.3
        margin = {
            version: (y + scale * lean * s + noise + 0.1 * rng.normal(size=len(y))).astype("f4")
            for version, scale in (("plain", 1), ("noise", 1), ("faap", 0.3), ("only-t", 0.8))
        }
        if kind not in ("lf", "rg"):
            del margin["only-t"]
        right = {reader: rng.random(len(y)) < 0.5 + 0.06 * i for i, reader in enumerate(READERS)}
        return study.Patient(kind, margin, right, [])

    cells = [study.Cell(target, seed, {k: patient(k) for k in KINDS}) for seed in range(seeds)]
    return images, cells


def mapped(cells: list[study.Cell], change: Callable[[NDArray], NDArray]) -> list[study.Cell]:
    """Return cells whose every array about people is changed."""

    def other(p: study.Patient) -> study.Patient:
        margin, right = ({k: change(v) for k, v in of.items()} for of in (p.margin, p.right))
        return replace(p, margin=margin, right=right)

    return [replace(c, patients={k: other(p) for k, p in c.patients.items()}) for c in cells]


def values(found: dict[str, Entry]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array(entry.values, float) for name, entry in found.items()}


def gaps(y: NDArray, s: NDArray, d: NDArray) -> dict[str, float]:
    """Return the scores of decisions about people, by their definitions."""

    def rate(group: int, label: int | None = None) -> float:
        return float(d[(s == group) & (True if label is None else y == label)].mean())

    tpr, fpr = (rate(1, label) - rate(0, label) for label in (1, 0))
    return {
        "acc": float((d == (y == 1)).mean()), "dp": abs(rate(1) - rate(0)),
        "deo": abs(tpr) + abs(fpr), "tpr-gap": tpr, "fpr-gap": fpr,
    }  # fmt: skip


@pytest.mark.parametrize("target", ["Smiling", "Attractive", "Blond_Hair"])
def test_every_number_of_the_table_follows_from_margins_by_its_definition(target: str) -> None:
    images, cells = world(target)
    raw = study.measures.table(images, cells)
    table = values({k.removeprefix(f"celeba.{target.lower()}."): v for k, v in raw.items()})
    evaluated = np.isin(images.split, ("val", "test"))
    parts = ("val", "test") if target == "Blond_Hair" else ("test",)
    keep = np.isin(images.split[evaluated], parts)
    y, s = (images.labels(c).numpy()[evaluated][keep] for c in (target, "Male"))
    assert {entry.n for entry in raw.values()} == {keep.sum()}
    base = max(y.mean(), 1 - y.mean())

    def scored(kind: str, seed: int, version: str) -> dict[str, float]:
        return gaps(y, s, cells[seed].patients[kind].margin[version][keep] > 0)

    for seed in range(2):
        expected: dict[str, float] = {}
        normal, fair = (scored(kind, seed, "plain") for kind in ("normal", "fair"))
        drop = scored("normal", seed, "faap")["deo"] - normal["deo"]
        expected["normal-faap.deo-vs-fair-plus-5"] = drop + normal["deo"] - fair["deo"] - 0.05
        for kind in KINDS:
            plain, noise, faap = (scored(kind, seed, v) for v in ("plain", "noise", "faap"))
            own = {f"{kind}.{k}": v for k, v in plain.items()}
            own |= {f"{kind}-faap.{k}": faap[k] for k in ("acc", "dp", "deo")}
            own |= {f"{kind}-faap.{k}-change": faap[k] - plain[k] for k in ("acc", "dp", "deo")}
            own |= {f"{kind}-noise.{k}": noise[k] for k in ("acc", "deo")}
            own[f"{kind}.acc-over-constant"] = plain["acc"] - base
            allowed = 0.05 if target == "Attractive" else 0.03
            own[f"{kind}-faap.acc-kept"] = faap["acc"] - plain["acc"] + allowed
            own[f"{kind}-faap.deo-vs-noise"] = faap["deo"] - noise["deo"]
            share = np.clip((faap["acc"] - base) / (plain["acc"] - base), 0, 1)
            own[f"{kind}-faap.deo-vs-mixing"] = faap["deo"] - share * plain["deo"]
            if kind != "normal":
                own |= {f"{kind}.{k}-vs-normal": plain[k] - normal[k] for k in ("dp", "deo")}
            if kind in ("lf", "rg"):
                alone = scored(kind, seed, "only-t")["deo"]
                own[f"{kind}-only-t.deo"] = alone
                own[f"{kind}-only-t.deo-vs-faap"] = alone - faap["deo"]
                own[f"{kind}-faap.gain-vs-normal"] = faap["deo"] - plain["deo"] - drop
            read = {r: v[keep].mean() for r, v in cells[seed].patients[kind].right.items()}
            own |= {f"{kind}.probe-{r}": v for r, v in read.items() if "target" not in r}
            own |= {
                f"{kind}.{r}-probe-change": read[f"{r}-faap"] - read[r] for r in ("linear", "mlp")
            }
            own[f"{kind}.target-probe-kept"] = read["target-faap"] - read["target"] + 0.05
            own[f"{kind}.fresh-over-d"] = read["mlp-faap"] - read["d-faap"]
            own[f"{kind}.fresh-over-majority"] = read["mlp-faap"] - max(s.mean(), 1 - s.mean())
            expected |= own
        oracle = {f"{kind}-faap.deo-vs-threshold" for kind in KINDS}
        chance = {"normal.dp-over-chance", "normal.deo-over-chance"}
        assert set(table) == set(expected) | oracle | chance
        for name, value in expected.items():
            assert table[name][seed] == pytest.approx(value, abs=1e-9), name


def test_the_fairness_gaps_are_those_of_fairlearn() -> None:
    fairlearn = pytest.importorskip("fairlearn.metrics", reason="agreement with a peer")
    images, cells = world()
    m = Measured(images, cells)
    found = values(study.measures.table(images, cells))
    for seed, y_hat in enumerate(m.decisions("lf", "faap")):
        about = {"y_true": m.panel.y, "y_pred": y_hat.astype(int), "sensitive_features": m.panel.s}
        dp = fairlearn.demographic_parity_difference(**about)
        frame = fairlearn.MetricFrame(
            metrics={"t": fairlearn.true_positive_rate, "f": fairlearn.false_positive_rate}, **about
        )
        assert found["celeba.smiling.lf-faap.dp"][seed] == pytest.approx(dp)
        deo = frame.difference()["t"] + frame.difference()["f"]
        assert found["celeba.smiling.lf-faap.deo"][seed] == pytest.approx(deo)


def test_calling_the_other_group_one_turns_signed_gaps_and_nothing_else() -> None:
    images, cells = world()
    turned = replace(images, attributes=images.attributes.assign(Male=~images.attributes["Male"]))
    one, other = (values(study.measures.table(i, cells)) for i in (images, turned))
    assert one.keys() == other.keys()
    for name, value in one.items():
        sign = -1 if name.endswith(("tpr-gap", "fpr-gap")) else 1
        np.testing.assert_allclose(other[name], sign * value, atol=1e-9, err_msg=name)


def test_neither_the_order_of_people_nor_copies_of_them_change_a_value() -> None:
    images, cells = world()
    before = values(study.measures.table(images, cells))
    evaluated = np.flatnonzero(np.isin(images.split, ("val", "test")))
    order = np.random.default_rng(1).permutation(len(evaluated))
    rows = np.arange(N)
    rows[evaluated] = evaluated[order]
    shuffled = images.select(rows), mapped(cells, lambda v: v[order])
    double = images.select(np.tile(np.arange(N), 2)), mapped(cells, lambda v: np.tile(v, 2))
    for other, several in (shuffled, double):
        for name, value in values(study.measures.table(other, several)).items():
            if not name.endswith(("over-chance", "vs-threshold")):  # these draw and cut
                np.testing.assert_allclose(value, before[name], atol=1e-9, err_msg=name)


def test_chance_is_the_gap_of_people_whose_group_was_drawn() -> None:
    """Decisions are given, groups are drawn: the mean gap of parity has a closed form."""
    images, cells = world(lean=0.0)
    m = Measured(images, cells)
    y_hat = m.decisions("normal")
    found = _chance(m, y_hat)
    men = int(m.panel.s.sum())
    spread = [
        np.sqrt(d.var(ddof=1) * (1 / men + 1 / (m.panel.n - men))) * np.sqrt(2 / np.pi)
        for d in y_hat
    ]  # the mean absolute value of a normal difference of shares
    # 50 shuffles, the same ones for both models: standard error .76 / sqrt(50) of the spread
    assert found["dp"] == pytest.approx(np.mean(spread), rel=4 * 0.76 / np.sqrt(50))
    assert 0 < found["dp"] < found["deo"] < 0.4
    assert _chance(m, np.ones_like(y_hat)) == {"dp": 0.0, "deo": 0.0}


@pytest.mark.parametrize(
    ("name", "target", "headline", "expected"),
    [
        ("celeba", "Smiling", "Smiling", "celeba.smiling"),
        ("celeba", "Blond_Hair", "Smiling", "celeba.blond_hair"),
        ("lfw", "Happy", "Happy", "lfw.smiling"),
        ("faces", "Attractive", "Attractive", "faces"),
        ("faces", "Smiling", "Attractive", "faces.smiling"),
        ("faces", "Happy", "Attractive", "faces.smiling"),
    ],
)
def test_the_first_words_of_an_id(name: str, target: str, headline: str, expected: str) -> None:
    images = ImageSet(
        torch.zeros(1, 3, 2, 2, dtype=torch.uint8), pd.DataFrame({"Male": [True]}), ["test"], name,
        "", "0",
    )  # fmt: skip
    assert study.measures.prefix(images, target, headline) == expected


def test_ids_of_several_targets_never_meet() -> None:
    made = [
        set(study.measures.table(*world(target, name), headline))
        for target, name, headline in (
            ("Smiling", "celeba", ""), ("Attractive", "celeba", ""), ("Happy", "lfw", ""),
            ("Attractive", "faces", "Attractive"), ("Smiling", "faces", "Attractive"),
        )
    ]  # fmt: skip
    assert len(set.union(*made)) == sum(map(len, made))


# ---------------------------------------------------------------- what costs nothing


def test_the_controls_are_chosen_on_validation_people_alone(monkeypatch) -> None:
    images, cells = world()
    boards: list[Board] = []

    def note(board: Board, *_: object) -> dict[str, Entry]:
        boards.append(board)
        return {}

    monkeypatch.setattr(asking, "asked", note)

    def decided(part: str) -> dict[str, NDArray]:
        """Return what is decided about test people when the labels of a part are turned."""
        label = images.attributes["Smiling"] ^ (images.split == part)
        boards.clear()
        other = replace(images, attributes=images.attributes.assign(Smiling=label))
        study.beaten(other, cells, "Smiling")
        assert len(boards) == len(KINDS)
        return {name: of["test"] for name, of in boards[KINDS.index("lf")].decisions.items()}

    usual = decided("nobody")
    assert set(usual) == {"plain", "noise", "faap", "threshold", "groups"}
    test = images.split[np.isin(images.split, ("val", "test"))] == "test"
    for version in ("plain", "noise", "faap"):
        margins = np.stack([c.patients["lf"].margin[version][test] for c in cells])
        np.testing.assert_array_equal(usual[version], margins[None] > 0)
    for part, same in (("train", True), ("test", True), ("val", False)):
        for name, decisions in decided(part).items():
            alike = np.array_equal(decisions, usual[name])
            assert alike == (same or name != "groups"), (part, name)


# ---------------------------------------------------------------- beside the table


def test_a_black_boxes_measurements_follow_from_its_answers() -> None:
    images, _ = world("Attractive")
    test = images.split == "test"
    y, s = (images.labels(c).numpy()[test] for c in ("Attractive", "Male"))
    rng = np.random.default_rng(0)
    versions = ("plain", "noise", "transfer", "single", "white-box")
    runs = [
        study.transfer.Transfer(
            "Attractive",
            {b: {v: rng.random(len(y)) < 0.3 + 0.4 * y for v in versions} for b in "ab"},
            {},
        )
        for _ in range(2)
    ]
    found = values(study.transfer.measures(images, runs))
    for box in "ab":
        for i, run in enumerate(runs):
            of = {v: gaps(y, s, said) for v, said in run.decisions[box].items()}
            deo = {v: one["deo"] for v, one in of.items()}
            expected = {f"{v}.deo": value for v, value in deo.items()} | {
                "acc-kept": of["transfer"]["acc"] - of["plain"]["acc"] + 0.05,
                "deo-change": deo["transfer"] - deo["plain"],
                "deo-vs-noise": deo["transfer"] - deo["noise"],
                "white-box-vs-transfer": deo["white-box"] - deo["transfer"],
            }
            for name, value in expected.items():
                assert found[f"transfer.{box}.{name}"][i] == pytest.approx(value), name
            assert len(found) == 2 * len(expected)


def look(plain: NDArray, faap: NDArray) -> Look:
    return Look("lf", np.arange(len(plain)), {"plain": plain, "faap": faap}, {})


def test_a_mouths_share_changes_by_the_mean_of_paired_differences() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(400), rng.random(100)
    nobody = Look("rg", np.arange(0), {}, {})
    shift = rng.normal(0.1, 0.2, 400)
    looks = [look(first, first + shift), look(second, second), nobody]
    found = study.saliency.measures({"random": looks, "selected": [nobody]})
    assert set(found) == {"cam.random.mouth", "cam.random.mouth-change"}
    change = found["cam.random.mouth-change"]
    np.testing.assert_allclose(change.values, [shift.mean(), 0.0], atol=1e-12)
    np.testing.assert_allclose(found["cam.random.mouth"].values, [first.mean(), second.mean()])
    assert change.n == 500
    # the mean of both looks moves with the first only: half of its standard error
    half = 1.96 * shift.std() / np.sqrt(400) / 2
    np.testing.assert_allclose(
        change.people, shift.mean() / 2 + np.array([-half, half]), atol=0.15 * half
    )
