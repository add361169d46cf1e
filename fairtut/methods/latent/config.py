"""Settings of a training of representations."""

from __future__ import annotations

from dataclasses import dataclass

from fairtut.errors import InputError


@dataclass(frozen=True)
class Config:
    """Every hyper-parameter of a training; each kind reads the weights that it names.

    Attributes
    ----------
    kind : str
        The objective, a name in :data:`~fairtut.methods.latent.KINDS`.
    beta : float
        ``beta``: weight of the KL term (1 in every other kind).
    gamma : float
        ``factor``, ``tc``, ``ffvae``: weight of the total correlation.  The β of β-TCVAE is
        1 + gamma.
    alpha : float
        ``ffvae``, ``fdvae``: weight of predicting the labels from their dimensions.
    lam : float
        ``fdvae``: weight of hiding the labels from the other dimensions.
    epochs : float
        Passes over the data.
    batch : int
        Rows per step and member.
    lr, lr_d : float
        Adam's learning rates for the VAE (with its heads) and for its adversary.
    hidden : tuple of int
        Hidden layers of every auxiliary network: discriminators, heads, FD-VAE's re-encoder.
    reencode : float
        ``fdvae``: passes of the second stage over the codes; it takes about a thousand steps.

    Raises
    ------
    fairtut.errors.InputError
        If a weight is negative, or a learning rate is not positive.
    """

    kind: str = "factor"
    beta: float = 4.0
    gamma: float = 6.4
    alpha: float = 1.0
    lam: float = 1.0
    epochs: float = 10
    batch: int = 64
    lr: float = 5e-4
    lr_d: float = 5e-4
    hidden: tuple[int, ...] = (256, 256, 256)
    reencode: float = 10

    def __post_init__(self) -> None:
        """Refuse ranges that have no meaning."""
        weights = {name: getattr(self, name) for name in ("beta", "gamma", "alpha", "lam")}
        for name, value in weights.items():
            if not 0 <= value < float("inf"):
                raise InputError(f"{name} {value}: a weight is finite and at least 0")
        if not min(self.lr, self.lr_d) > 0:
            raise InputError(f"learning rates {self.lr} and {self.lr_d}: both must be positive")
