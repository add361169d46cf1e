"""Methods that act on codes: the deployed model's, or those of an encoder without labels."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.chapters.comparison.imaging import labels
from fairtut.lab.mitigation import Floats, Ground
from fairtut.methods import dvge, fair_baselines, frtrain, lassi, latent
from fairtut.methods.latent import reversal
from fairtut.runtime.seeds import torch_rng


def sigmoid(logit: Any) -> Floats:
    """Return probabilities of logits (n,), in double precision."""
    from scipy.special import expit

    return np.asarray(expit(np.asarray(logit, float)), float)


@dataclass
class OnCodes:
    """What methods on the deployed model's codes share: every column to mean 0 and variance 1."""

    name: str
    settings: tuple[Any, ...]
    acts_on: ClassVar[str] = "codes"
    setting: Any = field(default=None, init=False, repr=False)
    seed: int = field(default=0, init=False, repr=False)

    def scaled(self, x: Any, *, fit: bool = False) -> Floats:
        """Return codes on the scale of the training codes."""
        if fit:
            self.mean, self.spread = x.mean(0), np.maximum(x.std(0), 1e-6)
        return np.asarray((x - self.mean) / self.spread, float)


@dataclass
class Reweighted(OnCodes):
    """Logistic regression whose labels are weighed by group until acceptance rates agree (LBC)."""

    asks_group: ClassVar[bool] = True

    def fit(self, x: Any, y: Any, *, s: Any) -> Reweighted:
        """Fit so many rounds of label bias correction."""
        z = self.scaled(x, fit=True)
        self.theta = fair_baselines.label_bias_correction(z, s, y, [int(self.setting)])[0]
        return self

    def predict_proba(self, x: Any, *, s: Any) -> Floats:
        """Return probabilities, (n,)."""
        return sigmoid(fair_baselines.design(self.scaled(x), s) @ self.theta)


@dataclass
class FRTrain(OnCodes):
    """FR-Train's classifier between two adversaries; one reads the group, one the clean set.

    ``recorded`` trains on all people with their recorded labels, ``clean`` on the checked people
    alone; both get the same clean set.
    """

    labels: str = "recorded"
    config: frtrain.Config = field(default_factory=frtrain.Config)
    asks_group: ClassVar[bool] = True

    def fit(self, x: Any, y: Any, *, s: Any, ground: Ground) -> FRTrain:
        """Train at one weight of the fairness term."""
        z, (rows, right) = self.scaled(x, fit=True), ground.clean
        clean = (z[rows], s[rows], right)
        x, s, y = clean if self.labels == "clean" else (z, s, y)
        self.done = frtrain.train(
            x, s, y, clean, lambda_f=[float(self.setting)], seeds=[self.seed], config=self.config,
            fused=False,  # compiling takes longer than so few epochs of one run
        )  # fmt: skip
        return self

    def predict_proba(self, x: Any, *, s: Any) -> Floats:
        """Return probabilities, (n,)."""
        return sigmoid(self.done.logit(self.scaled(x), s)[0])


@dataclass
class Plain(OnCodes):
    """A control: as many clean labels as FR-Train has, used in a plain logistic regression."""

    def fit(self, x: Any, y: Any, *, s: Any, ground: Ground) -> Plain:
        """Fit the checked people alone."""
        from sklearn.linear_model import LogisticRegression

        rows, right = ground.clean
        self.net = LogisticRegression(C=float(self.setting), max_iter=1000)
        self.net.fit(self.scaled(x, fit=True)[rows], right)
        return self

    def predict_proba(self, x: Any) -> Floats:
        """Return probabilities, (n,)."""
        return np.asarray(self.net.predict_proba(self.scaled(x))[:, 1], float)


# --- codes of an encoder without labels -------------------------------------------------------


@dataclass
class OnLatents:
    """What representation methods share."""

    name: str
    settings: tuple[Any, ...]
    acts_on: ClassVar[str] = "latents"
    setting: Any = field(default=None, init=False, repr=False)
    seed: int = field(default=0, init=False, repr=False)


@dataclass
class DVGE(OnLatents):
    """A classifier of codes that are pushed along a sensitive classifier's gradient."""

    config: dvge.Config = field(default_factory=dvge.Config)

    def fit(self, x: Tensor, y: Any, *, s: Any) -> DVGE:
        """Train d, then g at one pair of strengths."""
        eta1, eta2 = self.setting
        self.net = dvge.DVGE(
            nn.Identity(), eta1=eta1, eta2=eta2, config=self.config, random_state=self.seed
        )
        self.net.fit(x, y, s=s)
        return self

    def predict_proba(self, x: Tensor) -> Floats:
        """Return g's probabilities on raw codes, (n,)."""
        return numbers(self.net.predict_proba(x)[:, 1])

    def codes(self, x: Tensor) -> Any:
        """Return what g reads: the codes as they are."""
        return x.cpu().numpy()


@dataclass
class FFVAE(OnLatents):
    """An encoder that puts the group into one dimension, which is then left out."""

    encoding: latent.Config = field(default_factory=latent.Config)
    config: dvge.Config = field(default_factory=dvge.Config)
    acts_on: ClassVar[str] = "pictures"

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> FFVAE:
        """Train on from the shared encoder, then a classifier on what is kept."""
        alpha, gamma = self.setting
        config = replace(self.encoding, kind="ffvae", alpha=alpha, gamma=gamma)
        label, group = labels(y, s, x)
        vae = copy.deepcopy(ground.model.vae).requires_grad_(True)
        self.done = latent.train(vae, x, config, self.seed, s=group, what=self.name)
        self.scale = torch.ones(1)
        self.scale = self.kept(x).std(0).clamp_min(1e-6)
        self.net = dvge.fit_classifiers(self.kept(x), label, self.config, [self.seed])
        return self

    @torch.no_grad()
    def kept(self, x: Tensor) -> Tensor:
        """Return the codes without the group's dimension, scaled, (n, d - 1)."""
        return self.done.objective.keep(self.done.model.codes(x)) / self.scale.to(x.device)

    def codes(self, x: Tensor) -> Any:
        """Return the same as an array."""
        return self.kept(x).cpu().numpy()

    def predict_proba(self, x: Tensor) -> Floats:
        """Return probabilities, (n,)."""
        return numbers(dvge.logits(self.net, self.kept(x))[0].softmax(1)[:, 1])


@dataclass
class ADT(OnLatents):
    """Encoder and classifier trained end to end, with the group's gradient reversed."""

    config: reversal.Config = field(default_factory=reversal.Config)
    acts_on: ClassVar[str] = "pictures"

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> ADT:
        """Train on from the shared encoder's weights."""
        vae = copy.deepcopy(ground.model.vae).requires_grad_(True)
        label, group = labels(y, s, x)
        self.net = reversal.train(
            vae, x, label, group, float(self.setting), config=self.config, seed=self.seed
        ).net
        return self

    @torch.no_grad()
    def codes(self, x: Tensor) -> Any:
        """Return the new encoder's mean codes, (n, d)."""
        return self.net.model.codes(x).cpu().numpy()

    @torch.no_grad()
    def predict_proba(self, x: Tensor) -> Floats:
        """Return probabilities, (n,)."""
        return numbers(self.net.task(self.net.model.codes(x)[None])[0].softmax(1)[:, 1])


@dataclass
class LASSI(OnLatents):
    """A representation that moves little along the group's direction, and a linear consumer.

    Certified is whoever's decision is constant on the whole segment between both ends of a walk
    along that direction; for one direction that is computed, not sampled.
    """

    config: lassi.Config = field(default_factory=lassi.Config)

    def fit(self, x: Tensor, y: Any, *, s: Any) -> LASSI:
        """Train R against the worst similar code, then the consumer."""
        config = replace(self.config, similarity=float(self.setting))
        label, group = labels(y, s, x)
        self.a = lassi.mean_difference(x, group)
        held = torch.randperm(len(x), generator=torch_rng(self.seed, "held"))[: len(x) // 8]
        self.r = lassi.train(
            x, label, self.a, (x[held], label[held]), config=config, seed=self.seed,
            device=x.device,
        ).representation  # fmt: skip
        self.head = lassi.consumer(lassi.encode(self.r, x), label, config=config, seed=self.seed)
        return self

    def codes(self, x: Tensor) -> Any:
        """Return R's codes, (n, outputs)."""
        return lassi.encode(self.r, x).cpu().numpy()

    @torch.no_grad()
    def predict_proba(self, x: Tensor) -> Floats:
        """Return the consumer's probabilities, (n,)."""
        return numbers(self.head(lassi.encode(self.r, x)).softmax(1)[:, 1])

    def certified(self, x: Tensor) -> Any:
        """Return whose decision is constant, bool (n,)."""
        return lassi.exact_fairness(self.r, self.head, x, self.a, self.config.epsilon).fair


def numbers(p: Tensor) -> Floats:
    """Return probabilities in double precision, on the CPU."""
    return np.asarray(p.double().cpu().numpy(), float)
