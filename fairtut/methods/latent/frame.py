"""The frame of every objective: reconstruction plus weighted terms, and perhaps an adversary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor, nn
from torch.nn import functional

from fairtut.data.images import as_pixels
from fairtut.methods.latent.config import Config
from fairtut.methods.latent.objectives import kl, sample
from fairtut.models.stacked import StackedMLP
from fairtut.models.vae import VAE


@dataclass(frozen=True)
class Batch:
    """Some rows of the data.

    Attributes
    ----------
    x : Tensor
        What the model encodes: images in [0, 1], (b, 3, h, w), or rows of a table, (k, b, inputs).
    n : int
        Rows of the whole data.
    s : Tensor of 0.0 and 1.0, shape (k, b, attributes)
    y : Tensor of 0.0 and 1.0, shape (k, b, 1)
        Where there are no labels, the last side is 0.
    """

    x: Tensor
    n: int
    s: Tensor
    y: Tensor


Terms = dict[str, tuple[float, Tensor]]
"""What a loss adds to the reconstruction: name to (weight, value per member (k,))."""


class Objective(nn.Module):
    """The plain VAE, and the frame of every other kind.

    Parameters
    ----------
    config : Config
    model : VAE
        What will be trained; only its shape is read.
    attributes : int
        Sensitive attributes.
    generator : Generator
        Source of the initial weights of auxiliary networks.

    Attributes
    ----------
    heads : nn.ModuleDict
        Auxiliary networks that are trained with the model.
    adversary : nn.ModuleDict
        Those that are trained against it, with :meth:`adversary_loss`.
    needs : tuple of str
        Labels without which the objective has no meaning: ``"s"``, ``"y"``.
    shuffles : bool
        Whether the adversary asks for codes of a second, independent batch.

    Examples
    --------
    With means of 1 and deviations of 1, the KL term is half a nat per dimension.  It counts once
    here, and beta times in the kind ``"beta"``:

    >>> import torch
    >>> from fairtut.methods.latent import Config, build
    >>> from fairtut.methods.latent.frame import Batch
    >>> from fairtut.models.table_vae import TableVAE
    >>> vae, x, none = TableVAE(1, numeric=3, latent=2), torch.zeros(1, 5, 3), torch.zeros(1, 5, 0)
    >>> mu, logvar, batch = torch.ones(1, 5, 2), torch.zeros(1, 5, 2), Batch(x, 5, none, none)
    >>> for kind in ("vae", "beta"):
    ...     weight, value = build(Config(kind), vae, seed=0).terms(mu, logvar, mu, batch)["kl"]
    ...     print(kind, weight, value.tolist())
    vae 1.0 [1.0]
    beta 4.0 [1.0]
    """

    needs: ClassVar[tuple[str, ...]] = ()
    shuffles: ClassVar[bool] = False

    def __init__(self, config: Config, model: VAE, attributes: int, generator: Generator) -> None:
        super().__init__()
        self.config, self.latent, self.attributes = config, model.latent, attributes
        self.members = model.members
        self.heads, self.adversary = nn.ModuleDict(), nn.ModuleDict()
        self.prepare(generator)

    def prepare(self, generator: Generator) -> None:
        """Make the auxiliary networks."""

    def network(self, generator: Generator, inputs: int, outputs: int = 1) -> StackedMLP:
        """Return a fresh auxiliary network per member."""
        return StackedMLP(self.members, inputs, self.config.hidden, outputs, generator=generator)

    def draw(self, mu: Tensor, logvar: Tensor, generator: Generator) -> Tensor:
        """Return codes to decode, (k, b, d), from the encoder's outputs."""
        return sample(mu, logvar, generator)

    def terms(self, mu: Tensor, logvar: Tensor, z: Tensor, batch: Batch) -> Terms:
        """Return what the loss adds to the reconstruction."""
        return {"kl": (1.0, kl(mu, logvar).mean(1))}

    def loss(
        self, model: VAE, batch: Batch, generator: Generator
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Return the loss of each member (k,), what to log, and the codes drawn (k, b, d)."""
        mu, logvar = model.encode(batch.x)
        z = self.draw(mu, logvar, generator)
        recon = model.reconstruction(batch.x, z).mean(1)  # (k,)
        loss, logs = recon, {"recon": recon.mean()}
        for name, (weight, value) in self.terms(mu, logvar, z, batch).items():
            loss = loss + weight * value
            logs[name] = value.mean()
        return loss, {"loss": loss.mean(), **logs}, z

    def adversary_loss(
        self, z: Tensor, second: Tensor, batch: Batch, generator: Generator
    ) -> Tensor:
        """Return the adversary's loss per member, (k,).

        Parameters
        ----------
        z : Tensor, shape (k, b, d)
            The codes of the batch, detached.
        second : Tensor, shape (k, b, d)
            Codes of another batch if the kind ``shuffles``, else z again.
        batch : ``fairtut.methods.latent.frame.Batch``
        generator : Generator
        """
        raise NotImplementedError

    def finish(self, codes: Tensor, s: Tensor, y: Tensor, seed: int, what: str) -> None:
        """Train what comes after the encoder, from mean codes (k, n, d) of all rows."""

    def keep(self, codes: Tensor) -> Tensor:
        """Return what a downstream task may use of mean codes, (.., n, d) to (.., n, d')."""
        return codes


def wrong(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the cross-entropy of 0/1 labels in nats, (k, b, j) to (k,): summed over the labels."""
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return loss.sum(2).mean(1)


def take(x: Tensor, rows: Tensor) -> Tensor:
    """Return some rows of images (n, 3, h, w), as pixels in [0, 1], or of a table (.., n, d)."""
    if x.ndim == 4:
        return as_pixels(x.index_select(0, rows))
    return x.index_select(x.ndim - 2, rows)
