"""Sizes and hyper-parameters of the DVGE chapter, all in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from fairtut.methods.dvge import FOCI, Config
from fairtut.methods.latent import Config as Encoding
from fairtut.methods.latent import reversal
from fairtut.runtime.presets import configured

Pairs = tuple[tuple[float, float], ...]

_TENTHS: Final = tuple(round(0.1 * i, 1) for i in range(11))


@dataclass(frozen=True)
class Sweep:
    """What is tried of every method; all but the whole grid have the same number of settings.

    Attributes
    ----------
    eta1, eta2 : tuple of float
        The whole grid of DVGE is their product.
    chosen : tuple of (float, float)
        The points of the grid that stand against the baselines, fixed before the runs.
    ffvae : tuple of (float, float)
        FFVAE's α and γ.
    fdvae : tuple of float
        FD-VAE-style: weight λ of hiding.
    adt : tuple of float
        ADT's λ.
    removed : tuple of int
        How many of the dimensions that correlate most with s are set to 0.
    """

    eta1: tuple[float, ...] = _TENTHS
    eta2: tuple[float, ...] = (0.0, 0.2, 0.4, 0.8)
    chosen: Pairs = ((0.3, 0.0), (1.0, 0.0), (0.3, 0.4), (1.0, 0.4))
    ffvae: Pairs = ((1.0, 1.0), (10.0, 10.0), (100.0, 10.0), (100.0, 50.0))
    fdvae: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)
    adt: tuple[float, ...] = (0.03, 0.3, 1.0, 3.0)
    removed: tuple[int, ...] = (1, 2, 3, 5)


@dataclass(frozen=True)
class Credit:
    """The tabular half of the chapter.

    Attributes
    ----------
    splits : int
        Repeated stratified splits.
    settings : tuple of str
        Keys of :data:`fairtut.chapters.dvge.credit.GROUPS`.
    rows : int
        Rows of the synthetic stand-in.
    latent : int
    vae : Encoding
        Of the plain VAE; FactorVAE, FFVAE and FD-VAE take its epochs and batch.
    classifier : Config
        Of d and g, with the focus of DVGE.
    adt : reversal.Config
    """

    splits: int = 20
    settings: tuple[str, ...] = ("german-age-risk", "german-agefw-risk")
    rows: int = 1000
    latent: int = 8
    vae: Encoding = field(
        default_factory=lambda: Encoding("vae", epochs=60, batch=64, lr=2e-3, hidden=(64, 64))
    )
    classifier: Config = field(
        default_factory=lambda: Config(hidden=(64, 64), batch=64, epochs=15, lr=1e-3)
    )
    adt: reversal.Config = field(
        default_factory=lambda: reversal.Config(hidden=(64,), epochs=30, batch=64)
    )


@dataclass(frozen=True)
class Preset:
    """Everything that the chapter's experiments depend on.

    Attributes
    ----------
    faces : int
        Synthetic faces that are drawn.
    nuisance : float
        Factor on their pose, light and background; a short training finds the face only where
        there is little of it.
    most : int or None
        Most training images; None for all.
    size, width, latent : int
        Pixels of a side, first channels of the convolutional VAE, dimensions of its code.
    vae : Encoding
        Of the plain VAE (DVGE-N); FactorVAE (DVGE-D) is trained in the same way.
    tuned : float
        Passes for FFVAE, FD-VAE and ADT, which start from the plain VAE's weights.
    settings : tuple of str
        Names in :data:`fairtut.chapters.dvge.tasks.SETTINGS`.
    seeds : int
        Trainings.  Each has encoders of its own, of every kind, and the classifiers on them.
    classifier : Config
        Of d, g and the probes, with the focus of DVGE.
    adt : reversal.Config
        Its ``epochs`` are ``tuned``, so that all rivals have as many passes.
    sweep : Sweep
    etas : tuple of float
        Strengths of the ablation; the slides have .1 to 1.
    foci : tuple of str
        Conventions that are compared.
    credit : Credit
    jobs : int
        Trainings that run at the same time.
    root : int
        The root seed.
    """

    faces: int
    most: int | None
    size: int
    width: int
    vae: Encoding
    tuned: float
    settings: tuple[str, ...]
    seeds: int
    classifier: Config
    adt: reversal.Config
    latent: int = 10
    sweep: Sweep = field(default_factory=Sweep)
    etas: tuple[float, ...] = _TENTHS[1:]
    foci: tuple[str, ...] = FOCI
    credit: Credit = field(default_factory=Credit)
    nuisance: float = 1.0
    jobs: int = 2
    root: int = 0

    def run_seeds(self) -> range:
        """Return the seeds of the trainings; other root seeds have others."""
        return range(100 * self.root, 100 * self.root + self.seeds)


_BOTH: Final = ("male-oval", "maleyoung-attractive")
_DRAWN: Final = ("male-attractive", "maleyoung-attractive")
_SMALL: Final = Encoding("vae", epochs=8, batch=32, lr=2e-3, lr_d=1e-3, hidden=(128, 128))
_FEW: Final = Sweep(
    eta1=(0.0, 0.5, 1.0), eta2=(0.0, 0.4), chosen=((0.5, 0.0), (1.0, 0.4)),
    ffvae=((10.0, 10.0), (100.0, 50.0)), fdvae=(1.0, 100.0), adt=(0.3, 3.0), removed=(1, 3),
)  # fmt: skip

DVGE: Mapping[str, Preset] = {
    "smoke": Preset(
        faces=2400,
        most=None,
        size=32,
        width=8,
        vae=replace(_SMALL, epochs=4, reencode=2, hidden=(64,)),
        tuned=0.3,
        settings=("male-attractive",),
        seeds=2,
        classifier=Config(hidden=(64, 64), batch=128, epochs=12, lr=2e-3),
        adt=reversal.Config(hidden=(64,), epochs=0.3, batch=64),
        sweep=_FEW,
        etas=(0.3, 1.0),
        foci=("loss_pred", "logit_pred"),
        credit=Credit(
            splits=2,
            settings=("german-age-risk",),
            vae=Encoding("vae", epochs=4, batch=64, lr=4e-3, hidden=(32,), reencode=2),
            classifier=Config(hidden=(32,), batch=128, epochs=5, lr=5e-3),
            adt=reversal.Config(hidden=(32,), epochs=5),
        ),
        nuisance=0.1,
        jobs=1,
    ),
    "laptop": Preset(
        faces=5000,
        most=None,
        size=32,
        width=16,
        vae=_SMALL,
        tuned=2,
        settings=_DRAWN,
        seeds=3,
        classifier=Config(batch=256, epochs=12, lr=3e-3),
        adt=reversal.Config(epochs=2),
        credit=Credit(classifier=Config(hidden=(64, 64), batch=128, epochs=12, lr=2e-3)),
    ),
    "paper": Preset(
        faces=60_000,
        most=None,
        size=64,
        width=32,
        vae=Encoding("vae", epochs=300, batch=64, lr=1e-4, lr_d=1e-5, hidden=(1000,) * 5),
        tuned=30,
        settings=_BOTH,
        seeds=3,
        classifier=Config(hidden=(1000,) * 5, lr=1e-4, epochs=100),
        adt=reversal.Config(hidden=(1000,) * 2, epochs=30, lr=1e-4),
        jobs=1,
    ),
}
"""The chapter's presets on synthetic faces; :func:`for_real` changes what photographs change."""


DRAWN: Final = ("faces", "nuisance")
"""What only drawn faces depend on; a run on photographs measures nothing of it."""


def for_real(preset: Preset, name: str) -> Preset:
    """Return the preset for CelebA: at ``laptop`` 64 pixels, 15,000 images and six trainings.

    ``smoke`` only shows that the files are read.
    """
    settings = _BOTH[: len(preset.settings)]
    if name == "paper":
        return replace(preset, settings=settings)
    if name == "smoke":
        return replace(preset, settings=settings, most=3000)
    return replace(
        preset,
        seeds=6,
        most=15_000,
        size=64,
        vae=replace(_SMALL, epochs=10, batch=64),
        tuned=2,
        settings=settings,
        adt=reversal.Config(epochs=2),
        classifier=Config(batch=512, epochs=15, lr=3e-3),
        credit=Credit(),
    )


def configuration(preset: str, data: str, seed: int) -> Preset:
    """Return everything that a run with these parameters depends on."""
    return configured(DVGE, for_real, preset, data, root=seed)
