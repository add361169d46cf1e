"""Blocks for the label, for the sensitive attribute and for both, in the style of FD-VAE.

The exact loss of the paper could not be retrieved and there is no public code: this follows its
abstract, so call it "FD-VAE-style".  Stage 1 sorts information into three blocks.  Stage 2 leaves
the encoder alone and re-encodes the block that knows both, so that it keeps the label's part only.

References
----------
Park, Hwang, Kim & Byun, Learning disentangled representation for fair facial attribute
classification via fairness-aware information alignment, AAAI 2021.
"""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Generator, Tensor
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.methods.latent.frame import Batch, Objective, Terms, wrong
from fairtut.methods.latent.objectives import bernoulli_entropy
from fairtut.runtime.fit import descend, fit
from fairtut.runtime.seeds import stream_seed, torch_rng

_SLOW: Final = 0.2  # at the adversary's own pace the re-encoder only dodges it and hides nothing


class FDVAE(Objective):
    """FD-VAE-style: target, protected and mutual block, in this order; 10 dimensions as 4, 3, 3.

    Heads read y from (target, mutual) and s from (protected, mutual); adversaries try y from
    protected and s from target, and the encoder raises their entropy.
    """

    needs = ("s", "y")

    def prepare(self, generator: Generator) -> None:
        """Make heads, adversaries and the re-encoder."""
        third = self.latent // 3
        if not third:
            raise InputError(f"{self.latent} latent dimensions: FD-VAE needs at least 3")
        self.widths = t, p, m = [self.latent - 2 * third, third, third]
        self.heads["y"] = self.network(generator, t + m)
        self.heads["s"] = self.network(generator, p + m, self.attributes)
        self.adversary["y"] = self.network(generator, p)
        self.adversary["s"] = self.network(generator, t, self.attributes)
        self.remake = self.network(generator, m, m)

    def terms(self, mu: Tensor, logvar: Tensor, z: Tensor, batch: Batch) -> Terms:
        """Return KL, the error of the heads, and minus the entropy of the adversaries."""
        target, protected, mutual = z.split(self.widths, 2)
        y = self.heads["y"](torch.cat([target, mutual], 2))
        s = self.heads["s"](torch.cat([protected, mutual], 2))
        heads = wrong(y, batch.y) + wrong(s, batch.s)
        sure = -(unsure(self.adversary["y"](protected)) + unsure(self.adversary["s"](target)))
        return {
            **super().terms(mu, logvar, z, batch),
            "heads": (self.config.alpha, heads),
            "sure": (self.config.lam, sure),
        }

    def adversary_loss(
        self, z: Tensor, second: Tensor, batch: Batch, generator: Generator
    ) -> Tensor:
        """Return the cross-entropy of reading each label from the other one's block."""
        target, protected, _ = z.split(self.widths, 2)
        y, s = self.adversary["y"](protected), self.adversary["s"](target)
        return wrong(y, batch.y) + wrong(s, batch.s)

    def finish(self, codes: Tensor, s: Tensor, y: Tensor, seed: int, what: str) -> None:
        """Stage 2: re-encode the mutual block to help with y and to hide s.

        The adversary sees what :meth:`keep` returns: on the re-encoded block alone it would miss
        what only both blocks together tell.
        """
        c, rng = self.config, torch_rng(seed, "reencode")
        target, _, mutual = codes.split(self.widths, 2)
        t, _, m = self.widths
        head = self.network(rng, t + m).to(codes.device)
        adversary = self.network(rng, t + m, self.attributes).to(codes.device)
        players = [*self.remake.parameters(), *head.parameters()]
        adam = torch.optim.Adam(players, _SLOW * c.lr_d, (0.5, 0.999))
        adam_d = torch.optim.Adam(adversary.parameters(), c.lr_d, (0.5, 0.999))

        def step(rows: Tensor, done: float) -> dict[str, Tensor]:
            kept = torch.cat([target[:, rows], self.remake(mutual[:, rows])], 2)
            label, far = wrong(head(kept), y[:, rows]), far_from_even(adversary(kept))
            descend(adam, (c.alpha * label + c.lam * far).sum())
            loss_d = wrong(adversary(kept.detach()), s[:, rows])
            descend(adam_d, loss_d.sum())
            return {"y": label.mean(), "d": loss_d.mean()}

        fit(
            codes.shape[1], step, epochs=c.reencode, batch=c.batch,
            seed=stream_seed(seed, "reencode"), what=f"{what}: second stage", device=codes.device,
        )  # fmt: skip

    def keep(self, codes: Tensor) -> Tensor:
        """Return the target block and the re-encoded mutual block."""
        target, _, mutual = codes.split(self.widths, -1)
        remade = cast(Tensor, self.remake(mutual)).reshape(*codes.shape[:-1], -1)
        return torch.cat([target, remade], -1)


def unsure(logits: Tensor) -> Tensor:
    """Return the mean entropy of each member's guesses, summed over labels: (k, b, j) to (k,)."""
    return bernoulli_entropy(logits).sum(2).mean(1)


def far_from_even(logits: Tensor) -> Tensor:
    """Return the cross-entropy of even guesses to each member's, (k, b, j) to (k,): least at even.

    Unlike the entropy it has a slope where an adversary is sure, so that a re-encoder that starts
    without hiding anything can begin to.
    """
    even = 0.5 * (functional.softplus(logits) + functional.softplus(-logits))
    return even.sum(2).mean(1)
