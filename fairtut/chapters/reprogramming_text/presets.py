"""Sizes and hyper-parameters of the chapter on word triggers, all in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from fairtut.data.comments import IDENTITIES, RELIGIONS
from fairtut.methods.reprogramming import Config
from fairtut.methods.reprogramming.text import TEXT
from fairtut.runtime.presets import configured

CRITERIA: Final = ("dp", "eo")
TRIGGERS: Final = ("soft", "hard")
METHODS: Final = ("soft", "hard", "advin", "advpost")
ENCODER: Final = "FAIRTUT_ENCODER"
"""Environment variable that names the folder of a saved BERT-like encoder (``paper``, real)."""

_LAMS: Final[Mapping[str, tuple[float, ...]]] = {
    "soft": (0.0, 0.1, 0.3, 1.0, 3.0), "hard": (0.0, 0.1, 0.3, 1.0, 3.0),
    "advin": (0.1, 0.3, 1.0), "advpost": (0.0, 0.3, 1.0, 2.0, 5.0),
}  # fmt: skip
_FIXED: Final[Mapping[str, float]] = {"soft": 1.0, "hard": 1.0, "advpost": 1.0}


@dataclass(frozen=True)
class Learning:
    """How a classifier is trained to predict: passes, batch and AdamW's rate."""

    epochs: float
    batch: int = 64
    lr: float = 3e-3


@dataclass(frozen=True)
class Preset:
    """Everything that the chapter's experiments depend on.

    Attributes
    ----------
    comments : int
        Synthetic comments that are drawn.
    groups : tuple of str
        Identity groups.
    length, size : int
        Tokens per comment, and of the vocabulary.
    width, heads, layers, dropout
        Of the small transformer.
    encoder : bool
        Take the encoder that :data:`ENCODER` names instead of it, and Civil Comments.
    base : Learning
        Of BASE and of the classifier of groups.
    words, post, advin : Config
        Of the triggers, of AdvPost and of AdvIn.
    lams : mapping of str to tuple of float
        Method to its grid; AdvIn has no 0, which is BASE.
    fixed : mapping of str to float
        The strength where another thing is varied, set before the runs.
    seeds : int
        Trained models: each seed has a BASE of its own and everything that follows from it.
    count : int
        Words of a trigger.
    counts : tuple of int
        Of the sweep.
    ratios : tuple of float
        Shares of the tuning comments.
    keep : float
        The accuracy floor: share of BASE's gain over the constant that has to stay, on validation.
    most : int or None
        Most training comments; None for all.
    theorem : int
        Texts of the experiment on the theorem.
    jobs : int
        Trainings that run at the same time.
    root : int
        The root seed.
    """

    comments: int
    base: Learning
    words: Config
    post: Config
    advin: Config
    seeds: int
    groups: tuple[str, ...] = RELIGIONS
    length: int = 24
    size: int = 3000
    width: int = 32
    heads: int = 2
    layers: int = 2
    dropout: float = 0.0
    encoder: bool = False
    lams: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: _LAMS)
    fixed: Mapping[str, float] = field(default_factory=lambda: _FIXED)
    count: int = 5
    counts: tuple[int, ...] = (1, 2, 3, 4, 5, 8)
    ratios: tuple[float, ...] = (0.01, 0.1, 1.0)
    keep: float = 0.5
    most: int | None = None
    theorem: int = 6000
    jobs: int = 2
    root: int = 0

    @property
    def positions(self) -> int:
        """Tokens that the small transformer takes: a whole comment beside the longest trigger."""
        return self.length + max(self.count, *self.counts)

    def run_seeds(self) -> range:
        """Return the seeds; other root seeds have others."""
        return range(100 * self.root, 100 * self.root + self.seeds)


_STEPS: Final = ((0.5, 0.3), (0.8, 0.1))
_WORDS: Final = replace(TEXT, epochs=6, lr=0.05, lr_d=0.01, drops=_STEPS)
_POST: Final = replace(TEXT, epochs=6, lr=1e-3, lr_d=0.01, drops=_STEPS)
_ADVIN: Final = replace(TEXT, epochs=4, batch=64, lr=3e-3, lr_d=0.01, drops=_STEPS)

TEXTS: Mapping[str, Preset] = {
    "smoke": Preset(
        comments=3500,
        base=Learning(4),
        words=replace(_WORDS, epochs=3),
        post=replace(_POST, epochs=4),
        advin=replace(_ADVIN, epochs=3),
        seeds=1,
        layers=1,
        lams={
            "soft": (0.0, 0.3, 1.0),
            "hard": (0.0, 0.3, 1.0),
            "advin": (0.3,),
            "advpost": (0.0, 1.0),
        },
        counts=(1, 5),
        ratios=(0.1, 1.0),
        theorem=2000,
        jobs=1,
    ),
    "laptop": Preset(
        comments=6000,
        base=Learning(4),
        words=_WORDS,
        post=_POST,
        advin=_ADVIN,
        seeds=3,
    ),
    "paper": Preset(
        comments=60_000,
        base=Learning(10),
        words=replace(_WORDS, epochs=30, lr=0.1),
        post=replace(_POST, epochs=30),
        advin=replace(_ADVIN, epochs=10),
        seeds=3,
        width=128,
        heads=4,
        layers=4,
        jobs=1,
    ),
}
"""The chapter's presets on synthetic comments; :func:`for_real` changes what real ones change."""


def for_real(preset: Preset, name: str) -> Preset:
    """Return the preset for real comments.

    ``smoke`` and ``laptop`` take Measuring Hate Speech, a substitute; ``paper`` takes Civil
    Comments and the encoder that :data:`ENCODER` names.
    """
    real = replace(
        preset, groups=IDENTITIES, length=32, layers=1, dropout=0.1, counts=(1, 2, 3, 5, 8)
    )
    if name == "paper":
        return replace(
            real,
            encoder=True,
            length=220,
            base=Learning(3, 32, 1e-5),
            words=replace(TEXT, epochs=10, lr=0.1),
            post=replace(TEXT, epochs=3, lr=1e-5),
            advin=replace(TEXT, epochs=3, lr=1e-5),
            lams={
                "soft": (0.0, 0.5, 5.0, 20.0, 100.0),
                "hard": (0.0, 0.1, 10.0, 30.0, 100.0),
                "advin": (0.1, 0.5, 5.0, 20.0),
                "advpost": (0.0, 0.1, 0.5, 1.0, 5.0),
            },
        )
    if name == "smoke":
        return replace(real, most=2000, counts=(1, 5), base=Learning(4, 64, 2e-3))
    return replace(
        real,
        base=Learning(3, 64, 2e-3),
        words=replace(_WORDS, epochs=3, batch=64),
        post=replace(_POST, epochs=3, batch=64),
        advin=replace(_ADVIN, epochs=3, lr=2e-3),
    )


def configuration(preset: str, data: str, seed: int) -> Preset:
    """Return everything that a run with these parameters depends on."""
    return configured(TEXTS, for_real, preset, data, root=seed)
