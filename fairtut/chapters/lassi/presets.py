"""Sizes and hyper-parameters of the LASSI chapter, all in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fairtut.errors import UnknownName
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.classifier import Voting
from fairtut.methods.lassi.config import Config
from fairtut.methods.lassi.config import preset as released
from fairtut.methods.lassi.discover import DiscoverConfig
from fairtut.methods.lassi.glow_training import TrainConfig
from fairtut.methods.lassi.vectors import EPSILON
from fairtut.runtime.presets import configured

METHODS: Final = ("naive", "dataaug", "lassi")
EQUAL: Final = 2.5
"""LASSI's noise on codes on CelebA, which the baselines get too in a control."""
NOISE: Final = 0.65
"""Deviation of the noise of center smoothing, in units of the set's radius."""


@dataclass(frozen=True)
class Setting:
    """Sensitive attributes along which similar people differ.

    Attributes
    ----------
    attributes : tuple of str
    title : str
        For figures.
    """

    attributes: tuple[str, ...]
    title: str


SETTINGS: Final[Mapping[str, Setting]] = {
    "pale": Setting(("Pale_Skin",), "Pale Skin"),
    "young": Setting(("Young",), "Young"),
    "blond": Setting(("Blond_Hair",), "Blond Hair"),
    "makeup": Setting(("Heavy_Makeup",), "Heavy Makeup"),
    "pale-young": Setting(("Pale_Skin", "Young"), "Pale + Young"),
    "pale-young-blond": Setting(("Pale_Skin", "Young", "Blond_Hair"), "Pale + Young + Blond"),
    "bald": Setting(("Bald",), "Bald"),
    "chubby": Setting(("Chubby",), "Chubby"),
    "black": Setting(("Black",), "race Black"),
    "found": Setting((), "found without labels"),
}
"""What may differ between similar people, by name; the first six are the poster's, in its order."""

TASKS: Final[Mapping[str, str]] = {
    "smiling": "Smiling",
    "high-cheekbones": "High_Cheekbones",
    "mouth-open": "Mouth_Slightly_Open",
    "lipstick": "Wearing_Lipstick",
    "makeup": "Heavy_Makeup",
    "wavy-hair": "Wavy_Hair",
    "eyebrows": "Arched_Eyebrows",
    "earrings": "Wearing_Earrings",
    "attractive": "Attractive",
    "age2": "age2",
    "age3": "age3",
}
"""What is predicted: name in measurements → attribute; the first seven are the transfer tasks."""


@dataclass(frozen=True)
class Row:
    """A comparison beside table 1: a task, a setting, and how its attribute vectors are found."""

    task: str
    setting: str
    way: str = "mean"


@dataclass(frozen=True)
class Flow:
    """A Glow and its training."""

    blocks: int
    flows: int
    filters: int
    training: TrainConfig


@dataclass(frozen=True)
class Transfer:
    """R without labels, then a consumer per task.

    Attributes
    ----------
    tasks, settings : tuple of str
        Keys of :data:`TASKS` and :data:`SETTINGS`.
    seeds : int
    epochs : int
        Of R; 20 as released.
    """

    tasks: tuple[str, ...]
    settings: tuple[str, ...]
    seeds: int
    epochs: int


@dataclass(frozen=True)
class Race:
    """FairFace: two or three age groups, sensitive is the race label Black.

    Attributes
    ----------
    tasks : tuple of str
        ``age2`` and ``age3``.
    flow : Flow
        FairFace has a Glow of its own, as released.
    seeds, epochs : int
        Of R.
    every : int
        Every how-manyth test image is evaluated.
    """

    tasks: tuple[str, ...]
    flow: Flow
    seeds: int
    epochs: int
    every: int


@dataclass(frozen=True)
class Preset:
    """Everything that the chapter's experiments depend on.

    Attributes
    ----------
    faces, nuisance
        Synthetic faces that are drawn, and the factor on pose, light and background.
    size : int
        Pixels of a side.
    flow : Flow
    settings : tuple of str
        Of table 1.
    seeds, baseline_seeds : int
        Of LASSI, and of Naive and DataAug: R, consumers and certificates; Glow and the attribute
        vectors are shared.
    hidden, outputs, epochs, batch
        Of R.
    consumer_epochs : int
        Few images need more passes.
    sigmas : tuple of float
        Noises on codes that are tried for the baselines; one is chosen on validation images.
    n, candidates : int
        Draws of each stage of center smoothing, and candidate centres.
    every, every_val : int
        Every how-manyth test (validation) image is evaluated.
    checked : int
        Certified images whose similarity set is searched for a contradiction.
    beside : tuple of Row
        Other tasks and attribute vectors, for Naive and LASSI.
    beside_seeds : int
    discover : DiscoverConfig
    judge_epochs : int
        Passes for the image classifier that ``discover`` asks.
    transfer : Transfer
    race : Race or None
        None without FairFace.
    task : str
        The target of table 1.
    jobs : int
        Trainings and certifications that run at the same time.
    root : int
        The root seed.
    """

    faces: int
    size: int
    flow: Flow
    settings: tuple[str, ...]
    seeds: int
    baseline_seeds: int
    every: int
    every_val: int
    transfer: Transfer
    beside: tuple[Row, ...] = ()
    beside_seeds: int = 1
    hidden: tuple[int, ...] = (512, 256)
    outputs: int = 128
    epochs: int = 1
    batch: int = 500
    consumer_epochs: int = 1
    sigmas: tuple[float, ...] = (1.25, 2.5, 5.0, 10.0)
    n: int = 10_000
    candidates: int = 256
    checked: int = 200
    discover: DiscoverConfig = field(default_factory=DiscoverConfig)
    judge_epochs: int = 5
    race: Race | None = None
    nuisance: float = 1.0
    task: str = "smiling"
    jobs: int = 2
    root: int = 0

    def run_seeds(self, count: int) -> range:
        """Return the first seeds of this root seed; other root seeds have others."""
        return range(100 * self.root, 100 * self.root + count)

    def config(self, method: str, way: str = "mean", name: str = "", **changes: Any) -> Config:
        """Return a method's released setting at this preset's sizes.

        Parameters
        ----------
        method : str
            ``naive``, ``dataaug``, ``lassi``, ``transfer`` or ``plain`` (transfer without the
            similarity loss).
        way : str
            How the attribute vectors were found; it decides epsilon.
        name : str
            A released setting other than CelebA's, such as ``lassi-fairface``.
        **changes
            Further fields of :class:`~fairtut.methods.lassi.config.Config`.
        """
        if method not in (*METHODS, "transfer", "plain"):
            raise UnknownName.of("method", method, (*METHODS, "transfer", "plain"))
        base = released(name or {"plain": "transfer"}.get(method, method))
        sizes: dict[str, Any] = {
            "hidden": self.hidden, "outputs": self.outputs, "epochs": self.epochs,
            "batch": self.batch, "consumer_epochs": self.consumer_epochs,
        }  # fmt: skip
        if not name:
            sizes["epsilon"] = EPSILON[way]
        if method == "plain":
            sizes["similarity"] = 0.0
        return replace(base, **(sizes | changes))

    def smoothing(self, config: Config) -> Smoothing:
        """Return the settings of center smoothing for a configuration's similarity set."""
        return Smoothing(
            config.epsilon, NOISE * config.epsilon, n=self.n, candidates=self.candidates
        )


def voting(sigma: float) -> Voting:
    """Return the released settings of classifier smoothing at a noise on codes."""
    return Voting(sigma)


_ALL: Final = tuple(SETTINGS)[:6]
_SEVEN: Final = tuple(TASKS)[:7]
_VECTORS: Final = (
    *(Row("smiling", setting, "perpendicular") for setting in ("pale", "young", "blond")),
    Row("smiling", "blond", "ramaswamy"),
)
_FOUND: Final = Row("smiling", "found", "discover")
_EARRINGS: Final = tuple(Row("earrings", setting) for setting in ("pale", "young", "blond"))
_FAILURES: Final = (Row("attractive", "bald"), Row("attractive", "chubby"))
_WHOLE: Final = Transfer(
    _SEVEN, ("pale", "young", "pale-young", "pale-young-blond"), seeds=5, epochs=20
)  # fmt: skip

LASSI: Mapping[str, Preset] = {
    "smoke": Preset(
        faces=2000,
        nuisance=0.1,
        size=16,
        flow=Flow(2, 2, 16, TrainConfig(steps=120, lr=3e-3, warmup=10, initial=128)),
        settings=("makeup", "pale-young"),
        seeds=1,
        baseline_seeds=1,
        hidden=(64, 32),
        outputs=16,
        epochs=4,
        batch=100,
        consumer_epochs=12,
        sigmas=(2.5, 10.0),
        n=5000,
        candidates=32,
        every=5,
        every_val=10,
        checked=8,
        transfer=Transfer(("smiling", "lipstick"), ("makeup",), seeds=1, epochs=4),
        beside=(_FOUND,),
        discover=DiscoverConfig(count=1, steps=40, lr=1e-2),
        judge_epochs=2,
        jobs=1,
    ),
    "laptop": Preset(
        faces=10_000,
        nuisance=0.5,
        size=32,
        flow=Flow(3, 4, 64, TrainConfig(steps=500)),
        settings=("pale", "young", "blond", "makeup", "pale-young"),
        seeds=2,
        baseline_seeds=3,
        every=15,
        every_val=30,
        candidates=64,
        hidden=(256, 128),
        outputs=64,
        epochs=3,
        batch=250,
        consumer_epochs=6,
        checked=100,
        transfer=Transfer(("smiling", "high-cheekbones", "lipstick"), ("pale",), seeds=2, epochs=4),
        beside=(*_VECTORS[:2], _VECTORS[3], _FOUND, _FAILURES[0]),
        discover=DiscoverConfig(count=1, steps=100, lr=1e-2),
        judge_epochs=3,
    ),
    "paper": Preset(
        faces=60_000,
        size=64,
        flow=Flow(4, 32, 512, TrainConfig(steps=200_000, batch=64, lr=1e-4, lr_end=1e-4, ema=0.0)),
        settings=_ALL,
        seeds=5,
        baseline_seeds=5,
        hidden=(2048, 1024),
        outputs=512,
        epochs=5,
        every=29,
        every_val=60,
        transfer=_WHOLE,
        beside=(*_VECTORS, _FOUND),
        beside_seeds=2,
        discover=DiscoverConfig(count=3),
        jobs=1,
    ),
}
"""The chapter's presets on synthetic faces; :func:`for_real` changes what photographs change."""


def for_real(preset: Preset, name: str) -> Preset:
    """Return the preset for CelebA and FairFace.

    ``laptop`` takes 37,540 training images at 32 pixels and evaluates every 15th of 4,640 test
    images; ``paper`` every 64th of 19,962, as published.  ``smoke`` only shows that the files are
    read.
    """
    if name == "smoke":
        return replace(preset, every=64, every_val=128, epochs=1, consumer_epochs=1)
    if name == "paper":
        race = Race(("age2", "age3"), preset.flow, seeds=5, epochs=5, every=32)
        return replace(
            preset, every=64, every_val=64, race=race,
            beside=(*preset.beside, *_EARRINGS, *_FAILURES),
        )  # fmt: skip
    flow = Flow(3, 8, 128, TrainConfig(steps=2000))
    return replace(
        preset,
        flow=flow,
        settings=_ALL,
        seeds=3,
        baseline_seeds=4,
        hidden=(512, 256),
        outputs=128,
        epochs=1,
        batch=500,
        consumer_epochs=1,
        every=15,
        every_val=30,
        checked=200,
        beside=(*_VECTORS, _FOUND, *_EARRINGS, *_FAILURES),
        beside_seeds=1,
        transfer=replace(_WHOLE, seeds=1, epochs=4),
        discover=DiscoverConfig(count=1, steps=200, lr=1e-2),
        judge_epochs=2,
        race=Race(
            ("age2", "age3"), replace(flow, training=TrainConfig(steps=500)),
            seeds=1, epochs=5, every=13,
        ),
    )  # fmt: skip


def configuration(preset: str, data: str, seed: int) -> Preset:
    """Return everything that a run with these parameters depends on."""
    return configured(LASSI, for_real, preset, data, root=seed)
