"""Sizes and hyper-parameters of the FAAP chapter, all in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fairtut.methods.deployed import KINDS, Training
from fairtut.methods.faap import Config
from fairtut.runtime.presets import configured

_STRENGTH: Mapping[str, Mapping[str, float]] = {
    "Smiling": {"fair": 10.0, "rg": 0.5},
    "Attractive": {"fair": 1.0, "rg": 0.3},
    "Blond_Hair": {"fair": 1.0, "rg": 0.5},
    "Happy": {"fair": 0.3, "rg": 0.5},
}
_LOOKS: Mapping[str, Mapping[str, str]] = {
    # the gap is small and lies in few decisions: the adversary must count these, and weigh a lot
    "Smiling": {"fair": "decision_and_label", "rg": "logit"},
    # with so few blond men the linear adversary on (logit, label) finds nothing to hold on to
    "Blond_Hair": {"fair": "features", "rg": "logit"},
}
_OWN: Mapping[str, Mapping[str, Mapping[str, Any]]] = {"Smiling": {"fair": {"lr_adversary": 0.05}}}
_BETA: Mapping[str, float] = {"Smiling": 0.5, "Attractive": 1.0, "Blond_Hair": 0.5, "Happy": 0.5}


@dataclass(frozen=True)
class Preset:
    """Everything that the chapter's experiments depend on.

    Attributes
    ----------
    faces : int
        Synthetic faces that are drawn.
    half : int
        Most images of each training half: the deployed model learns from one, FAAP from the other.
    size : int
        Pixels of a side.
    width : int
        Channels of the deployed ResNet-18's first stage (64 in the paper).
    targets : mapping of str to int
        Attribute → number of cells, each with a seed that draws the halves and initialises every
        network.
    training : Training
        Of the deployed models.
    strength : mapping of str to mapping
        Target → the adversary's weight for ``fair`` and for ``rg``, chosen on validation images
        with a seed that is not reported.
    own : mapping of str to mapping of str to mapping
        Target → kind → changes to its training, chosen in the same way.
    flip_rate : float
        Share of labels flipped for ``lf``, chosen in the same way.
    faap : Config
    beta : mapping of str to float
        Target → weight of the target's loss, chosen in the same way.
    headline : str
        The target of the sweeps, the transfer and the pictures.
    only_t : tuple of str
        Targets for which the only-T ablation is trained.
    sweeps : mapping of str to tuple
        Hyper-parameter → values that are tried on the LF model of the headline target.
    probe : int
        Rows that a fresh probe is trained on.
    api_epochs : int
        Passes over the validation images for the black boxes.
    jobs : int
        Cells that are run at the same time, one process each.
    kinds : tuple of str
        Kinds of deployed models.
    brief : bool
        Leave out what only repeats a point on more models (for ``smoke``).
    root : int
        The root seed of the run; see :meth:`seeds`.
    """

    faces: int
    half: int
    size: int
    width: int
    targets: Mapping[str, int]
    training: Training
    faap: Config
    strength: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: _STRENGTH)
    own: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=lambda: _OWN)
    flip_rate: float = 0.3
    beta: Mapping[str, float] = field(default_factory=lambda: _BETA)
    headline: str = "Attractive"
    only_t: tuple[str, ...] = ()
    sweeps: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    probe: int = 8000
    api_epochs: int = 12
    jobs: int = 2
    kinds: tuple[str, ...] = KINDS
    brief: bool = False
    root: int = 0

    def seeds(self, target: str) -> range:
        """Return the seeds of a target's cells; other root seeds have other cells."""
        first = 100 * self.root
        return range(first, first + self.targets[target])

    def deployed(self, target: str, kind: str = "normal") -> Training:
        """Return the training of one kind of deployed model of a target."""
        strength = tuple(sorted(self.strength[target].items()))
        looks = tuple(sorted(_LOOKS[target].items())) if target in _LOOKS else self.training.looks
        own = self.own.get(target, {}).get(kind, {})
        shared = replace(self.training, strength=strength, looks=looks, flip_rate=self.flip_rate)
        return replace(shared, **own)

    def generator(self, target: str, **changes: Any) -> Config:
        """Return FAAP's configuration for a target, with single settings changed."""
        return replace(self.faap, **({"beta": self.beta[target]} | changes))


_SWEEPS: Mapping[str, tuple[Any, ...]] = {
    "epsilon": (0.01, 0.02, 0.1),
    "alpha": (0.0, 1.0),
    "beta": (0.25, 2.0),
    "bound": ("clip",),
    "objective": ("confusion",),
}

_SMALL = Training(epochs=3, shared_epochs=2, lr=1e-3, cosine=True)
_BRIEF = Config(width=8, blocks=2, lr_g=1e-3, lr_d=1e-3, decay=True, epochs=1.5)

_CELEBA = ("Smiling", "Attractive", "Blond_Hair")

FAAP: dict[str, Preset] = {
    "smoke": Preset(
        faces=2000,
        half=900,
        size=32,
        width=8,
        targets={"Attractive": 1},
        training=replace(_SMALL, shared_epochs=4, epochs=3, lr=2e-3),
        faap=replace(_BRIEF, epochs=9, lr_g=2e-3, lr_d=2e-3, batch=32),
        kinds=("normal", "lf"),
        probe=500,
        api_epochs=3,
        jobs=1,
        brief=True,
    ),
    "laptop": Preset(
        faces=8000,
        half=2100,
        size=48,
        width=12,
        targets={"Attractive": 2},
        training=replace(_SMALL, shared_epochs=8, epochs=4),
        faap=replace(_BRIEF, epochs=5),
        only_t=("Attractive",),
        sweeps={"epsilon": (0.02, 0.1), "beta": (0.25, 2.0)},
        probe=3000,
        api_epochs=6,
    ),
    "paper": Preset(
        faces=60_000,
        half=81_385,
        size=64,
        width=64,
        targets=dict.fromkeys(_CELEBA, 3),
        training=Training(),
        faap=Config(),
        only_t=("Attractive",),
        sweeps=_SWEEPS,
    ),
}
"""The chapter's presets on synthetic faces; :func:`for_real` changes what photographs change."""


def for_real(preset: Preset, name: str) -> Preset:
    """Return the preset for CelebA's three targets and LFW's one, ``Happy``.

    ``laptop`` trains on 10,000 images of each half instead of 81,385, and takes an hour and a half
    on two cores; ``smoke`` only shows that the files are read.
    """
    if name == "paper":
        return replace(preset, headline="Smiling", only_t=("Smiling",))
    if name == "smoke":
        return replace(preset, targets={"Smiling": 1}, headline="Smiling", size=32)
    return replace(
        preset,
        half=10_000,
        size=64,
        width=16,
        targets={"Smiling": 6, "Attractive": 2, "Blond_Hair": 2},
        training=replace(_SMALL, shared_epochs=3, epochs=2),
        own={"Smiling": {"fair": {**_OWN["Smiling"]["fair"], "epochs": 3}}},
        faap=replace(_BRIEF, epochs=2),
        headline="Smiling",
        only_t=("Smiling",),
        sweeps={"epsilon": (0.01, 0.02, 0.1), "alpha": (0.0,), "beta": (2.0,), "bound": ("clip",)},
        probe=8000,
        api_epochs=10,
    )


LFW_TARGETS: Mapping[str, int] = {"Happy": 1}
"""Target → seeds on LFW, of which our edition has gender and emotion only."""


def for_lfw(preset: Preset) -> Preset:
    """Return the preset of the real run for LFW: fewer images, so more passes over them."""
    training = replace(preset.training, shared_epochs=4, epochs=3)
    faap = replace(preset.faap, epochs=5)
    return replace(
        preset, targets=LFW_TARGETS, headline="Happy", only_t=(), training=training, faap=faap
    )


def configuration(preset: str, data: str, seed: int) -> Preset:
    """Return everything that a run with these parameters depends on."""
    return configured(FAAP, for_real, preset, data, root=seed)
