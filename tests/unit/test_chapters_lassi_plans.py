"""What LASSI's cells depend on, who shares a representation, and what single people look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtut.chapters import lassi as study
from fairtut.chapters.lassi import directions, flow, listing, pictures, protocol, results_drawn
from fairtut.chapters.lassi.opening import CHAPTER
from fairtut.chapters.lassi.presets import EQUAL, NOISE, voting
from fairtut.chapters.lassi.protocol import Certified, Exact
from fairtut.data.images import ImageSet
from fairtut.errors import InputError, UnknownName
from fairtut.methods.lassi.config import Config
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.vectors import EPSILON
from fairtut.metrics import Estimate
from fairtut.runtime.presets import PRESETS
from fairtut.runtime.seeds import torch_rng

REAL = study.for_real(study.LASSI["laptop"], "laptop")
WORLD: Any = SimpleNamespace(digest="d", name="faces", knows=lambda *_: True)
FACES = tuple((name, data) for name in PRESETS for data in ("synthetic", "real"))
OF_CONSUMERS = {"sigma_rs", "consumer_epochs", "consumer_batch", "consumer_lr"}
OTHER: dict[str, Any] = {"law": "cube", "hidden": (3,)}


def plans(preset: study.Preset) -> dict[str, list[study.Spec]]:
    found = {
        "table": study.plan(preset), "beside": study.side.plan(WORLD, preset),
        "transfer": study.transfer.plan(preset),
    }  # fmt: skip
    return found | ({"race": study.race.plan(preset)} if preset.race else {})


def changed(config: Config, name: str) -> Config:
    value = getattr(config, name)
    return replace(config, **{name: OTHER.get(name, value + 1 if name not in OTHER else None)})


# --- presets and seeds ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), FACES)
def test_no_two_cells_share_a_name_a_seed_or_a_stream(name: str, data: str) -> None:
    preset = study.configuration(name, data, 0)
    for what, specs in plans(preset).items():
        assert specs, what
        keys = [listing.tabled(WORLD, preset, spec).key for spec in specs]
        assert len(set(keys)) == len(keys), what
        streams = [
            spec.stream(*purpose) for spec in specs
            for purpose in (("center", "test"), ("vote", "test"), ("center", "val"), ("sound",))
        ]  # fmt: skip
        assert len(set(streams)) == len(streams), what


@pytest.mark.parametrize(("name", "data"), FACES)
def test_methods_have_equal_budgets_and_differ_by_their_losses_and_noise(
    name: str, data: str
) -> None:
    preset = study.configuration(name, data, 0)
    configs = {m: preset.config(m) for m in study.METHODS}
    lawful = {"similarity", "augment", "sigma_rs"}
    for config in configs.values():
        differs = {
            f.name for f in fields(Config)
            if getattr(config, f.name) != getattr(configs["naive"], f.name)
        }  # fmt: skip
        assert differs <= lawful
    assert configs["lassi"].similarity > 0 == configs["naive"].similarity
    assert configs["dataaug"].augment > 0 == configs["naive"].augment
    plain, moved = preset.config("plain"), preset.config("transfer")
    assert plain == replace(moved, similarity=0.0) and moved.classification == 0
    for way, epsilon in EPSILON.items():
        assert preset.config("lassi", way).epsilon == epsilon
    # a name says everything but the sizes, which are the preset's
    race = preset.config("lassi", name="lassi-fairface", epochs=3)
    assert (race.epochs, race.outputs, race.hidden) == (3, preset.outputs, preset.hidden)


def test_another_root_seed_has_other_seeds_everywhere_and_the_same_cells() -> None:
    for name, data in FACES:
        zero, one = (plans(study.configuration(name, data, root)) for root in (0, 1))
        for what, specs in zero.items():
            assert {s.seed for s in specs}.isdisjoint(s.seed for s in one[what])
            assert [replace(s, seed=s.seed + 100) for s in specs] == one[what]


@given(st.integers(1, 9), st.integers(0, 3))
def test_a_grown_record_keeps_its_first_seeds(trainings: int, root: int) -> None:
    preset = study.configuration("paper", "real", root)
    grown = CHAPTER.enlarged(preset, trainings)
    for what, specs in plans(grown).items():
        seeds = sorted({s.seed for s in specs})
        assert seeds == list(range(100 * root, 100 * root + trainings)), what
    assert CHAPTER.seeds(grown) == dict.fromkeys(("lassi", "baselines"), seeds)


def test_the_papers_sizes_are_the_posters() -> None:
    paper = study.configuration("paper", "real", 0)
    assert len(np.arange(0, 19_962, paper.every)) == 312  # of CelebA's test images
    assert paper.config("lassi").hidden == Config.hidden and paper.outputs == Config.outputs
    assert (paper.epochs, paper.transfer.epochs, paper.seeds) == (Config.epochs, 20, 5)
    assert paper.settings == tuple(study.SETTINGS)[:6]
    assert paper.transfer.tasks == tuple(study.TASKS)[:7]
    assert paper.race is not None and paper.race.tasks == ("age2", "age3")
    sized = study.race.sized(paper)
    assert (sized.every, sized.epochs, sized.flow) == (32, 5, paper.race.flow)
    with pytest.raises(InputError, match=r"no FairFace: use for_real\(\)"):
        study.race.sized(study.LASSI["paper"])


# --- what a representation depends on ---------------------------------------------------------


@pytest.mark.parametrize("method", ["naive", "dataaug", "lassi"])
def test_the_card_of_a_representation_names_all_that_it_learns_from_and_nothing_else(
    method: str,
) -> None:
    config = REAL.config(method)
    spec = study.Spec(method, "smiling", "pale", 0, config, (2.5,))

    def card(one: study.Spec) -> dict[str, Any]:
        return protocol.representation_card(WORLD, REAL, one)

    mine = card(spec)
    for field in fields(Config):
        other = card(replace(spec, config=changed(config, field.name)))
        ours = field.name not in OF_CONSUMERS
        if field.name == "epsilon":
            ours = config.moves  # without a walk its radius is nobody's
        if field.name in ("similarity", "augment") and method == "naive":
            continue  # then it is another method
        assert (other != mine) == ours, field.name
    assert card(replace(spec, seed=1)) != mine
    assert card(replace(spec, task="lipstick")) != mine
    for name, value in (("setting", "young"), ("way", "ramaswamy")):
        moved = card(replace(spec, **{name: value})) != mine  # type: ignore[arg-type]
        assert moved == config.moves, name
    for name, value in (("choose", True), ("free", True), ("sigmas", (5.0,))):
        assert card(replace(spec, **{name: value})) == mine, name  # type: ignore[arg-type]


def test_without_labels_the_task_is_nothing_to_a_representation() -> None:
    spec = study.transfer.plan(REAL)[0]
    assert spec.config.classification == 0
    one, other = (
        protocol.representation_card(WORLD, REAL, replace(spec, task=task))
        for task in ("smiling", "lipstick")
    )
    assert one == other


@pytest.mark.parametrize("change", ["n", "candidates", "every", "every_val", "root"])
def test_a_cell_depends_on_how_it_is_certified(change: str) -> None:
    spec = study.plan(REAL)[-1]
    mine = listing.about(WORLD, REAL, spec)
    other = replace(REAL, **{change: 2 * getattr(REAL, change) + 1})
    assert listing.about(WORLD, other, spec) != mine
    grown = replace(REAL, seeds=9, jobs=7, settings=("pale",), faces=1, checked=1, beside=())
    assert listing.about(WORLD, grown, spec) == mine, "how much else is run does not matter"


def test_other_latents_are_another_cell() -> None:
    spec = study.plan(REAL)[-1]

    def config(z: torch.Tensor) -> Any:
        return listing.listed(WORLD, REAL, spec, lambda: None, "twins", z=z).spec.config

    z = torch.zeros(3, 2)
    assert config(z) == config(z.clone()) != config(z + 1)


# --- worlds and vectors -----------------------------------------------------------------------


def small_world(z: torch.Tensor, labels: dict[str, torch.Tensor]) -> Any:
    def known(*names: str) -> bool:
        return set(names) <= set(labels)

    return SimpleNamespace(z=lambda _: z, labels=lambda name, _: labels[name], knows=known,
                           digest="w", device="cpu")  # fmt: skip


def test_vectors_are_described_by_length_reach_and_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = torch_rng(0, "z")
    z = torch.randn(60, 5, generator=rng)
    names = ("Pale_Skin", "Young", "Smiling")
    labels = {name: torch.randint(0, 2, (60,), generator=rng) for name in names}
    world = small_world(z, labels)
    monkeypatch.setattr(
        directions, "_kept", lambda make, about, world: torch.from_numpy(np.asarray(make()))
    )
    preset = replace(REAL, settings=("pale", "pale-young"), beside=())
    mean = {
        name: (z[s == 1].mean(0) - z[s == 0].mean(0)).double().numpy()
        for name, s in labels.items()
    }  # fmt: skip
    frame = directions.summary(world, preset)
    assert list(frame.setting) == ["pale", "young"], "each attribute once"
    assert (frame.epsilon == 1).all() and (frame.reach == frame.length).all()
    for row, name in zip(frame.itertuples(), names, strict=False):
        a, b = mean[name], mean["Smiling"]
        assert row.length == pytest.approx(np.linalg.norm(a), rel=1e-5)
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert row.cosine == pytest.approx(cosine, abs=1e-5)
    table = directions.cosines(world, preset)
    a, b = mean["Pale_Skin"], mean["Young"]
    assert table.loc["Pale Skin", "Young"] == pytest.approx(
        a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5
    )
    np.testing.assert_allclose(np.diag(table), 1, rtol=1e-5)
    both = directions.directions(world, preset, "pale-young")
    np.testing.assert_allclose(both.numpy(), np.stack([mean[n] for n in names[:2]]), atol=1e-5)


def test_bits_are_told_with_the_pictures_behind_them() -> None:
    class Glow:
        encode = decode = staticmethod(lambda x: x)

    x = torch.zeros(3, 3, 4, 4, dtype=torch.uint8)
    images: Any = SimpleNamespace(x=x)
    glow: Any = Glow()
    glow.decode = lambda z: flow.to_pictures(flow.preprocess(z)) + 0.25
    found = flow.measures(
        flow.Trained(glow, {"train": 3.0, "val": 4.0}, {"train": 7, "val": 5}, [], 0.0), images
    )
    assert {k: (v.values, v.n) for k, v in found.items() if k != "exact.return"} == {
        "flow.bits": ([4.0], 5), "flow.bits-train": ([3.0], 7)
    }  # fmt: skip
    assert found["exact.return"].values == [pytest.approx(0.25)]


def test_people_of_a_world_are_those_of_its_parts() -> None:
    import pandas as pd

    split = np.array(["train", "test", "val", "train", "test", "test"])
    frame = pd.DataFrame({"Young": [True, False, True, True, True, False], "Bald": [False] * 6})
    world = flow.World("faces", "d", SimpleNamespace(), frame, split)  # type: ignore[arg-type]
    assert world.labels("Young", "test").tolist() == [0, 1, 0]
    assert world.rows("train").tolist() == [0, 3] and world.evaluated("test", 2).tolist() == [0, 2]
    assert not world.knows("Bald") and not world.knows("Young"), "one value tells nothing"
    frame.loc[0, "Young"] = False
    assert world.knows("Young") and not world.knows("Young", "Bald")
    with pytest.raises(UnknownName, match="attribute of faces"):
        world.labels("Yuong", "test")


def test_fairface_keeps_a_fifth_of_the_training_images_for_choices() -> None:
    import pandas as pd

    order = ["0-2", "20-29", "30-39", "40-49"]
    ages = pd.Categorical(order * 25, categories=order, ordered=True)
    frame = pd.DataFrame({"age": ages, "race": ["Black", "Indian"] * 50})
    split = np.array(["train"] * 70 + ["test"] * 30)
    x = torch.zeros(100, 3, 8, 8, dtype=torch.uint8)
    made = [
        study.race.prepared(ImageSet(x, frame, split, "fairface", "made up", digest))
        for digest in ("1" * 8, "2" * 8)
    ]
    one, other = made
    assert (one.split[70:] == "test").all() and (one.split[:70] == "val").sum() == 14
    assert (one.split == other.split).all() and one.digest != other.digest
    assert one.attributes["age2"].tolist() == [0, 0, 1, 1] * 25
    assert one.attributes["age3"].tolist() == [0, 1, 1, 2] * 25


# --- single people ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> pictures.Model:
    """An untrained representation whose batch norms have seen some latents."""
    rng = torch_rng(0, "model")
    r = Representation(6, (12, 8), 4, generator=rng)
    with torch.no_grad():
        r.train()(torch.randn(200, 6, generator=rng))
    head = torch.nn.Linear(4, 2)
    with torch.no_grad():
        head.weight.copy_(torch.randn(2, 4, generator=rng))
        head.bias.copy_(torch.randn(2, generator=rng))
    spec = study.Spec("lassi", "smiling", "pale", 0, REAL.config("lassi"), (2.5,))
    a = torch.randn(6, generator=rng)
    return pictures.Model(spec, r.eval().requires_grad_(False), head, EQUAL, a)


LATENTS = torch.randn(5, 6, generator=torch_rng(1, "latents"))


def test_a_curve_is_the_network_along_the_vector(model: pictures.Model) -> None:
    for z in LATENTS:
        assert pictures.agreement(model, z, 50, 0) < 1e-4
    wrong = replace(model, direction=model.direction * torch.tensor([1.0, 1, 1, 1, 1, 1.01]))
    t = torch.linspace(-1, 1, 9, dtype=torch.float64)
    codes = [m.curve(LATENTS[0], 1.0).at(t) for m in (model, wrong)]
    assert float((codes[0] - codes[1]).norm(dim=1).max()) > 1e-3


def test_a_swing_is_the_heads_probability_at_every_stop(model: pictures.Model) -> None:
    stops = [-2.0, -0.5, 0.0, 1.5]
    for z in LATENTS:
        moved = z + torch.tensor(stops)[:, None] * model.direction
        wanted = torch.sigmoid(model.head(model.representation(moved)) @ torch.tensor([-1.0, 1]))
        np.testing.assert_allclose(pictures.swings(model, z, stops), wanted.detach(), atol=1e-4)


def test_a_search_finds_more_with_more_draws_and_never_too_much(model: pictures.Model) -> None:
    draws = (1, 4, 16, 400)
    found = pictures.reached(model, LATENTS, draws, 0)
    assert found.shape == (5, 4) and (np.diff(found, axis=1) >= 0).all()
    assert (found <= 1 + 1e-9).all() and (found[:, -1] > 0.9).all()
    assert not np.array_equal(found, pictures.reached(model, LATENTS, draws, 1))


def test_what_is_seen_of_a_person_are_the_numbers_of_the_certificate(
    model: pictures.Model,
) -> None:
    preset = replace(study.LASSI["smoke"], n=5000)
    seen = pictures.look(model, LATENTS[0], preset, 3)
    w, b = (p.detach().double().numpy() for p in (model.head.weight, model.head.bias))
    np.testing.assert_allclose(seen.normal, w[1] - w[0])
    assert seen.offset == pytest.approx(b[1] - b[0])
    code = model.representation(LATENTS[:1])[0].numpy()
    np.testing.assert_allclose(seen.plain, code, atol=1e-4)
    inside = np.linalg.norm(seen.draws - seen.center, axis=1) <= seen.radius
    # half of all draws lie in the ball: of the shown ones half, within six deviations
    assert abs(inside.mean() - 0.5) < 6 * 0.5 / np.sqrt(len(seen.draws))
    assert seen.radius < seen.d_cs
    ends = [model.representation(LATENTS[:1] + t * model.direction)[0].numpy() for t in (-1.0, 1.0)]
    np.testing.assert_allclose(seen.part[[0, -1]], ends, atol=1e-4)


@pytest.mark.parametrize("limit", [0.0, 0.37, 0.9, 2.0])
def test_the_certified_part_ends_where_the_certificate_does(
    model: pictures.Model, monkeypatch: pytest.MonkeyPatch, limit: float
) -> None:
    asked: list[float] = []

    def certify(r: Any, head: Any, z: Any, a: Any, radius: float, sigma: float) -> Any:
        asked.append(sigma)
        return SimpleNamespace(fair=np.array([radius < limit]))

    monkeypatch.setattr(pictures, "certify_exactly", certify)
    found = pictures.certified_part(model, LATENTS[0])
    epsilon = model.spec.config.epsilon
    assert set(asked) == {NOISE * epsilon}, "one and the same smoothed model"
    if limit == 0:
        assert found is None
    else:
        assert found is not None and found[0] == -found[1]
        wanted = min(limit, epsilon)
        assert wanted - epsilon / 2**11 <= found[1] <= wanted


def someones(**changes: Any) -> list[study.Cell]:
    """Return the cells of three methods about four people; LASSI certifies all of them."""
    yes, no = np.ones(4, bool), np.zeros(4, bool)
    found = []
    for method in study.METHODS:
        spec = study.Spec(method, "smiling", "pale", 0, REAL.config(method), (EQUAL,))
        fair = changes.get(method, yes if method == "lassi" else no)
        exact = Exact(changes.get("constant", no), None, changes.get("distance", np.arange(4.0)),
                      np.ones(4, int))  # fmt: skip
        test = {EQUAL: Certified(np.zeros(4, int), fair, np.ones(4), np.ones(4))}
        y = np.zeros(4, int)
        found.append(study.Cell(spec, y, y, test, {}, exact, y, y, {}))
    return found


def test_the_story_is_told_of_the_one_who_fulfils_the_wishes_and_moves_farthest() -> None:
    one = np.eye(4, dtype=bool)
    assert pictures.someone(someones()) == 3
    assert pictures.someone(someones(lassi=~one[3])) == 2, "LASSI must certify"
    assert pictures.someone(someones(naive=one[3])) == 2, "Naive must not"
    assert pictures.someone(someones(constant=one[3])) == 2, "the decision must change"
    assert pictures.someone(someones(dataaug=one[3] | one[2])) == 1
    # a wish that nobody fulfils is dropped, and those before it are kept
    assert pictures.someone(someones(lassi=one[0] | one[1], naive=np.ones(4, bool))) == 1
    assert pictures.someone(someones(distance=np.array([9.0, 0, 1, 2]))) == 0


def test_first_cells_are_one_of_each_method_and_their_distances_by_name() -> None:
    some = someones()
    later = [replace(c, spec=replace(c.spec, seed=5)) for c in some]
    other = [replace(c, spec=replace(c.spec, setting="young")) for c in some]
    assert pictures.first_cells([*other, *reversed(some), *later], "pale") == some
    free = Certified(np.zeros(4, int), np.ones(4, bool), np.full(4, 5.0), np.full(4, 6.0))
    exact = Exact(np.ones(4, bool), free, np.full(4, 1.0), np.ones(4, int))
    cell = replace(some[0], exact=exact, test={EQUAL: replace(free, d_cs=np.full(4, 2.0))})
    found = {what: float(v[0]) for (_, what), v in pictures.distances({"naive": cell}).items()}
    assert found == {
        "farthest similar code": 1.0, "certified d_cs, without sampling": 5.0,
        "certified d_cs": 2.0, "certified d_rs": 6.0,
    }  # fmt: skip


# --- drawn shares -----------------------------------------------------------------------------


def about(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 100, 0.95, "bootstrap over people")


def spans(ax: Any, pick: Callable[[Any], bool] = lambda _: True) -> list[tuple[float, ...]]:
    """Return the four ends of every line that is no mark."""
    lines = [ln for ln in ax.lines if len(ln.get_xdata()) == 2 and pick(ln)]
    return [(*map(float, ln.get_xdata()), *map(float, ln.get_ydata())) for ln in lines]


@settings(max_examples=5)
@given(st.lists(st.floats(0.1, 0.9), min_size=4, max_size=4))
def test_a_plane_draws_both_intervals_of_every_row_in_percent(numbers: list[float]) -> None:
    import matplotlib.pyplot as plt

    plt.close("all")
    a, f, b, g = numbers
    acc = {("x", "one"): about(a, 0.02), ("x", "two"): about(b, 0.03)}
    fair = {("x", "one"): about(f, 0.04), ("x", "two"): about(g, 0.05)}
    looks = {"one": ("#0f99d3", "o"), "two": ("#bf3621", "s")}
    fig = results_drawn.plane(acc, fair, {"x": "X"}, {"x": 0.6}, looks)
    wanted = []
    for right, sure, half, wide in ((a, f, 2, 4), (b, g, 3, 5)):
        x, y = 100 * sure, 100 * right
        wanted += [(x - wide, x + wide, y, y), (x, x, y - half, y + half)]
    assert spans(fig.axes[0]) == [pytest.approx(one) for one in wanted]
    plt.close(fig)


def test_looseness_draws_the_intervals_of_what_people_were_sampled_for() -> None:
    values = {"certified": 0.1, "sampling-free": 0.2, "constant": 0.7}
    found = {
        ("x", m, what): about(v + 0.01 * i, 0.05)
        for i, m in enumerate(study.METHODS) for what, v in values.items()
    }  # fmt: skip
    ax = results_drawn.looseness(found, {"x": "X"}).axes[0]
    wanted = [
        (100 * (values[what] + 0.01 * i) - 5, 100 * (values[what] + 0.01 * i) + 5, -i + up, -i + up)
        for what, up in (("constant", 0.28), ("certified", 0.0)) for i in range(3)
    ]  # fmt: skip
    assert spans(ax) == [pytest.approx(one) for one in wanted]
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == pytest.approx([70, 71, 72, 20, 21, 22, 10, 11, 12])


def test_votes_have_the_noise_that_a_consumer_has() -> None:
    for sigma in (0.1, 2.5, 10.0):
        assert voting(sigma).sigma == sigma
        assert voting(sigma).cap / sigma == pytest.approx(voting(1.0).cap)
