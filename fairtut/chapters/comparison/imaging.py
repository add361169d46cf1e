"""Methods that act on pictures: training again, triggers, perturbations, and their controls."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from fairtut.chapters.comparison.protocol import Models, probability
from fairtut.data.images import as_pixels
from fairtut.lab.mitigation import Floats, Ground
from fairtut.methods import deployed, faap
from fairtut.methods.reprogramming import Border, Config, Trigger
from fairtut.models.resnet import FaceClassifier
from fairtut.runtime.seeds import torch_rng


def labels(y: Any, s: Any, x: Tensor) -> list[Tensor]:
    """Return labels and groups as tensors where the inputs are."""
    return [torch.from_numpy(np.asarray(v)).to(x.device) for v in (y, s)]


@dataclass
class OnPictures:
    """What methods in front of the deployed model share; alone it is the model, untouched."""

    name: str
    settings: tuple[Any, ...]
    acts_on: ClassVar[str] = "pictures"
    setting: Any = field(default=None, init=False, repr=False)
    seed: int = field(default=0, init=False, repr=False)
    model: FaceClassifier = field(init=False, repr=False)

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> Any:
        """Take the model that is there."""
        shared: Models = ground.model
        self.model = shared.classifier
        return self

    def transform(self, x: Tensor) -> Tensor:
        """Return the pictures as they are."""
        return x

    def codes(self, x: Tensor) -> Any:
        """Return what the model's last layer reads of the pictures, (n, d)."""
        parts = [deployed.outputs(self.model, self.transform(part))[0] for part in x.split(512)]
        return torch.cat(parts).cpu().numpy()


@dataclass
class Adversarial(OnPictures):
    """The model trained again, against an adversary that reads the group from its decisions."""

    config: deployed.Training = field(default_factory=deployed.Training)

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> Adversarial:
        """Go on training a copy of the deployed model."""
        config = replace(self.config, strength=(("fair", float(self.setting)),))
        shared: Models = ground.model
        self.model = copy.deepcopy(shared.classifier)
        deployed.train(self.model, x, *labels(y, s, x), kind="fair", config=config, seed=self.seed)
        return self

    def predict_proba(self, x: Tensor) -> Floats:
        """Return the new model's probabilities, (n,)."""
        return probability(self.model, x)


@dataclass
class Longer(Adversarial):
    """A control: the model trained on as long as adversarial training, without its adversary."""

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> Longer:
        """Go on training a copy of the deployed model for a share of the passes."""
        config = replace(self.config, epochs=float(self.setting) * self.config.epochs)
        shared: Models = ground.model
        self.model = copy.deepcopy(shared.classifier)
        deployed.train(self.model, x, *labels(y, s, x), kind="normal", config=config,
                       seed=self.seed)  # fmt: skip
        return self


@dataclass
class Reprogrammed(OnPictures):
    """One trigger for every picture, learnt against an adversary; the weights stay."""

    shape: str = "border"
    steps: int = 80
    config: Config = field(default_factory=Config)
    trigger: Trigger = field(init=False, repr=False)

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> Reprogrammed:
        """Learn the trigger on training pictures."""
        super().fit(x, y, s=s, ground=ground)
        epochs = self.steps / max(len(x) // self.config.batch, 1)
        y, s = labels(y, s, x)
        self.trigger = Trigger(
            self.model, shape=self.shape, start=0.1, centre=0.5, config=self.config,
            lam=float(self.setting), epochs=epochs, random_state=self.seed,
        ).fit(x, y, s=s)  # fmt: skip
        return self

    def transform(self, x: Tensor) -> Tensor:
        """Return triggered pictures."""
        return self.trigger.transform(x)


@dataclass
class Untrained(OnPictures):
    """Borders that nobody trained, of several widths: what a loud frame does by itself."""

    def transform(self, x: Tensor) -> Tensor:
        """Return pictures in a random frame."""
        frame = Trigger.random(
            Border(int(self.setting)), (x.shape[2], x.shape[3]), random_state=self.seed
        )
        return frame.to(x.device).transform(x)


@dataclass
class Perturbed(OnPictures):
    """FAAP: a small change of its own for every picture; the model stays."""

    config: faap.Config = field(default_factory=faap.Config)
    faap: faap.FAAP = field(init=False, repr=False)

    def fit(self, x: Tensor, y: Any, *, s: Any, ground: Ground) -> Perturbed:
        """Train the generator on training pictures."""
        super().fit(x, y, s=s, ground=ground)
        y, s = labels(y, s, x)
        self.faap = faap.FAAP(
            self.model, "g", self.config, beta=float(self.setting), random_state=self.seed
        )
        self.faap.fit(x, y, s=s)
        return self

    def transform(self, x: Tensor) -> Tensor:
        """Return perturbed pictures in [0, 1]."""
        return self.faap.transform(x)


@dataclass
class Noise(OnPictures):
    """Random signs on all pixels, of FAAP's size and larger: a change that knows nothing."""

    epsilon: float = 0.05

    def transform(self, x: Tensor) -> Tensor:
        """Return noisy pictures in [0, 1]."""
        sign = torch.randint(0, 2, x.shape, generator=torch_rng(self.seed, "noise")) * 2.0 - 1
        change = self.epsilon * float(self.setting) * sign.to(x.device)
        return (as_pixels(x) + change).clamp(0, 1)
