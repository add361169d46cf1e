r"""What a VAE can be trained for: one small class per kind, all with the same methods.

Every loss is the reconstruction plus weighted terms; a kind says which, and whether an adversary
plays against it.  :data:`KINDS` names them:

============ =====================================================================
``vae``      recon + KL
``beta``     recon + β KL (Higgins et al., ICLR 2017)
``factor``   recon + KL + γ TC by a discriminator (Kim & Mnih, ICML 2018)
``tc``       recon + KL + γ TC from the batch (Chen et al., NeurIPS 2018)
``ffvae``    one latent dimension per sensitive attribute, independent of the rest
             (Creager et al., ICML 2019)
``fdvae``    blocks for the label, the sensitive attribute and both, in the style of
             Park et al., AAAI 2021 (:mod:`~fairtut.methods.latent.fdvae`)
============ =====================================================================
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Generator, Tensor

from fairtut.errors import InputError, UnknownName
from fairtut.methods.latent.config import Config
from fairtut.methods.latent.fdvae import FDVAE
from fairtut.methods.latent.frame import Batch, Objective, Terms, wrong
from fairtut.methods.latent.objectives import (
    discriminator_loss,
    discriminator_tc,
    kl,
    minibatch_tc,
    permute_dims,
)
from fairtut.models.vae import VAE
from fairtut.runtime.seeds import torch_rng


class Beta(Objective):
    """β-VAE: a heavier KL term."""

    def terms(self, mu: Tensor, logvar: Tensor, z: Tensor, batch: Batch) -> Terms:
        """Return the KL term with its weight β."""
        return {"kl": (self.config.beta, kl(mu, logvar).mean(1))}


class BatchTC(Objective):
    """β-TCVAE: the total correlation from the posteriors of the batch, without an adversary."""

    def terms(self, mu: Tensor, logvar: Tensor, z: Tensor, batch: Batch) -> Terms:
        """Return KL and total correlation; the published loss is this with β = 1 + γ."""
        tc = minibatch_tc(z, mu, logvar, batch.n)
        return {**super().terms(mu, logvar, z, batch), "tc": (self.config.gamma, tc)}


class Factor(Objective):
    """FactorVAE: a discriminator learns to tell codes from shuffled ones."""

    shuffles = True

    def prepare(self, generator: Generator) -> None:
        """Make the discriminator."""
        self.adversary["d"] = self.network(generator, self.latent)

    def blocks(self) -> list[int]:
        """Return the widths of the parts of the code that should be independent."""
        return [1] * self.latent

    def terms(self, mu: Tensor, logvar: Tensor, z: Tensor, batch: Batch) -> Terms:
        """Return KL and the total correlation as the discriminator sees it."""
        tc = discriminator_tc(self.adversary["d"](z))
        return {**super().terms(mu, logvar, z, batch), "tc": (self.config.gamma, tc)}

    def adversary_loss(
        self, z: Tensor, second: Tensor, batch: Batch, generator: Generator
    ) -> Tensor:
        """Return the cross-entropy of telling z from the shuffled second batch."""
        shuffled = permute_dims(second, generator, self.blocks())
        d = self.adversary["d"]
        return discriminator_loss(d(z), d(shuffled))


class FFVAE(Factor):
    r"""FFVAE: the last dimensions b are the sensitive attributes, and independent of the rest.

    The encoder's mean output for :math:`b_j` is used as it is, without noise and KL term, as a
    latent and as the logit of :math:`s_j`.  The total correlation is that of
    :math:`q(z, b)` against :math:`q(z) \prod_j q(b_j)`: z moves as one block.
    """

    needs = ("s",)

    def prepare(self, generator: Generator) -> None:
        """Make the discriminator."""
        if self.latent <= self.attributes:
            raise InputError(
                f"{self.latent} latent dimensions: FFVAE needs one for each of "
                f"{self.attributes} attributes, and at least one more"
            )
        super().prepare(generator)

    def blocks(self) -> list[int]:
        """Return the widths of z and of each b."""
        return [self.latent - self.attributes] + [1] * self.attributes

    def draw(self, mu: Tensor, logvar: Tensor, generator: Generator) -> Tensor:
        """Return a sample of z, and b as it is."""
        z = super().draw(self.keep(mu), self.keep(logvar), generator)
        return torch.cat([z, mu[..., -self.attributes :]], -1)

    def terms(self, mu: Tensor, logvar: Tensor, z: Tensor, batch: Batch) -> Terms:
        """Return the KL term of z alone, the total correlation, and how well b predicts s."""
        tc = super().terms(self.keep(mu), self.keep(logvar), z, batch)
        return {**tc, "s": (self.config.alpha, wrong(z[..., -self.attributes :], batch.s))}

    def keep(self, codes: Tensor) -> Tensor:
        """Return the columns of z."""
        return codes[..., : -self.attributes]


KINDS: Final[dict[str, type[Objective]]] = {
    "vae": Objective,
    "beta": Beta,
    "factor": Factor,
    "tc": BatchTC,
    "ffvae": FFVAE,
    "fdvae": FDVAE,
}
"""What a VAE can be trained for, by name."""


def build(config: Config, model: VAE, seed: int, attributes: int = 1) -> Objective:
    """Return the objective that a configuration names, with fresh auxiliary networks.

    Parameters
    ----------
    config : Config
    model : VAE
        What will be trained; only its shape is read.
    seed : int
        Of the initial weights.
    attributes : int
        Sensitive attributes.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such kind.
    fairtut.errors.InputError
        If the code has too few dimensions for the kind.

    Returns
    -------
    Objective
        Of the class that :data:`KINDS` names.

    Examples
    --------
    FFVAE learns from s, and a downstream task may not use the dimension of s:

    >>> import torch
    >>> from fairtut.methods.latent import Config, build
    >>> from fairtut.models.table_vae import TableVAE
    >>> objective = build(Config("ffvae", hidden=(8,)), TableVAE(1, numeric=3, latent=4), seed=0)
    >>> type(objective).__name__, objective.needs
    ('FFVAE', ('s',))
    >>> objective.keep(torch.tensor([[1.0, 2.0, 3.0, 9.0]])).tolist()
    [[1.0, 2.0, 3.0]]
    """
    if config.kind not in KINDS:
        raise UnknownName.of("kind", config.kind, KINDS)
    return KINDS[config.kind](config, model, attributes, torch_rng(seed, "objective"))
