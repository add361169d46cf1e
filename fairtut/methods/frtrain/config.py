"""Settings of FR-Train: what the public code uses, and a variant of ours that sees labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fairtut.errors import InputError
from fairtut.runtime.presets import choose


@dataclass(frozen=True)
class Config:
    """Every hyper-parameter of one FR-Train run except ``lambda_f`` and the seed.

    Attributes
    ----------
    epochs, warmup : int
        Full-batch epochs in all, and those before the adversaries act on the classifier.
    every : int
        After the warm-up the classifier moves every ``every``-th epoch.
    lr_classifier, lr_f, lr_r : float
        Learning rates: Adam for the classifier, plain gradient descent for both discriminators.
    lambda_r : float
        Weight of the robustness term, in [0, 1).
    warmup_scale : float
        Factor on the classification loss during the warm-up.
    r_gradient : bool
        Whether the robustness term reaches the classifier.  The released clean run detaches it.
    r_input : {"logit", "label", "none"}
        What the robustness discriminator sees of a training row beside its features: the
        classifier's logit (released), the training label (label-fed, ours), or no discriminator at
        all (adversarial debiasing).
    weights : {"released", "normalised", "none"}
        How the robustness discriminator weighs training rows: the released rule
        ``a D_R + (1 - a)``, the output normalised to mean 1, or not at all.
    criterion : {"di", "eo"}
        Disparate impact, or equalized odds: then the fairness discriminator also sees the label.
    hidden : int
        Hidden units of the robustness discriminator.
    init_std : float
        Standard deviation of the normal initialisation of every weight; biases start at 0.
    """

    epochs: int = 10_000
    warmup: int = 500
    every: int = 5
    lr_classifier: float = 0.001
    lr_f: float = 0.001
    lr_r: float = 0.001
    lambda_r: float = 0.4
    warmup_scale: float = 0.1
    r_gradient: bool = True
    r_input: str = "logit"
    weights: str = "released"
    criterion: str = "di"
    hidden: int = 16
    init_std: float = 0.2

    def __post_init__(self) -> None:
        """Refuse names and ranges that have no meaning."""
        choose(dict.fromkeys(("logit", "label", "none")), self.r_input, "r_input")
        choose(dict.fromkeys(("released", "normalised", "none")), self.weights, "weights rule")
        choose(dict.fromkeys(("di", "eo")), self.criterion, "criterion")
        if not 0 <= self.lambda_r < 1:
            raise InputError(f"lambda_r is {self.lambda_r}: it must lie in [0, 1)")
        if min(self.epochs, self.every, self.hidden) < 1 or self.warmup < 0:
            raise InputError("epochs, every and hidden must be at least 1, and warmup at least 0")
        if self.r_input == "none" and (self.lambda_r > 0 or self.weights != "none"):
            raise InputError('r_input="none" needs lambda_r=0 and weights="none"')


RELEASED_CLEAN = Config(
    epochs=4_000, every=3, lr_classifier=0.005, lr_f=0.01, lambda_r=0.1, warmup_scale=1.0,
    r_gradient=False,
)  # fmt: skip
"""The public code's settings for clean data."""

RELEASED_POISONED = Config()
"""The public code's settings for poisoned data."""

LABEL_FED = Config(lr_r=0.1, lambda_r=0.0, r_gradient=False, r_input="label", weights="normalised")
"""A variant of ours: the discriminator sees the training labels, its output weighs the rows."""


def debiasing(config: Config) -> Config:
    """Return ``config`` without the robustness discriminator: adversarial debiasing (AD).

    Parameters
    ----------
    config : Config

    Returns
    -------
    Config
        With ``lambda_r`` 0, ``r_input`` and ``weights`` ``"none"``; everything else is kept.

    Examples
    --------
    >>> from fairtut.methods.frtrain import RELEASED_POISONED, debiasing
    >>> plain = debiasing(RELEASED_POISONED)
    >>> plain.lambda_r, plain.r_input, plain.weights, plain.epochs == RELEASED_POISONED.epochs
    (0.0, 'none', 'none', True)
    """
    return replace(config, lambda_r=0.0, r_gradient=False, r_input="none", weights="none")


VARIANTS: dict[str, Config] = {
    "released-clean": RELEASED_CLEAN,
    "released-poisoned": RELEASED_POISONED,
    "label-fed": LABEL_FED,
    "debiasing-clean": debiasing(RELEASED_CLEAN),
    "debiasing-poisoned": debiasing(RELEASED_POISONED),
}
