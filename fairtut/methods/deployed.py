r"""Deployed classifiers with a known bias: normal, debiased, and made unfair in two ways.

======  ============================================================================================
kind    training
======  ============================================================================================
normal  minimise :math:`CE(f(g(x)), y)`
fair    the same, minus :math:`\lambda\, CE(A(\cdot), s)`: an adversary A must not read s
rg      the same, *plus* :math:`\lambda\, CE(A(\cdot), s)`: the predictor helps the adversary
        ("reversed gradient")
lf      normal training on labels that were flipped to favour one group ("label flip")
======  ============================================================================================

The paper on fairness-aware perturbations needs all four as patients; the papers on triggers need a
normal one.  What the adversary looks at decides what the gradient changes.  Given the *code*, it
makes s readable or unreadable, which need not move a decision.  Given the *logit*, and being
linear, it moves the average score of one group against the other; given the *label* as well, it
does so among people with equal labels.  A logit counts people by how sure the model is of them,
DEO counts them by which side they are on: the *soft decision* :math:`4\sigma(m) - 2` of a margin m
has the slope of the logit at the threshold and saturates where nobody's decision is open.

References
----------
Zhang, Lemoine, Mitchell: Mitigating unwanted biases with adversarial learning, AIES 2018.
Wang et al.: Fairness-aware adversarial perturbation, CVPR 2022, section 5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.data.images import augment, pixels
from fairtut.errors import InputError, UnknownName
from fairtut.methods.adversarial import ramp
from fairtut.models.mlp import MLP
from fairtut.models.resnet import FaceClassifier
from fairtut.runtime.fit import descend, fit
from fairtut.runtime.seeds import numpy_rng, stream_seed, torch_rng

#: Normal, debiased, and made unfair by flipped labels or by the reversed gradient.
KINDS: Final = ("normal", "fair", "lf", "rg")
#: What an adversary may be shown of a classifier.
LOOKS: Final = ("features", "logit", "logit_and_label", "decision_and_label")
_HIDDEN: Final[Mapping[str, tuple[int, ...]]] = {"features": (256, 128)}
_SIGN: Final[Mapping[str, float]] = {"normal": 0.0, "lf": 0.0, "fair": 1.0, "rg": -1.0}


@dataclass(frozen=True)
class Training:
    r"""How a deployed model is trained.

    Attributes
    ----------
    epochs : float
        Passes with the kind's own objective.
    shared_epochs : float
        Passes of plain training before, which kinds of one seed can share; 0 in the paper.
    batch, lr : int, float
        Batch size, and Adam's learning rate.
    cosine : bool
        Whether the learning rate falls along a half cosine during ``epochs``.
    flip_rate : float
        Share of the labels of the two unfavoured cells that ``lf`` flips.
    flip : {"against", "uniform"}
        Which labels ``lf`` flips: against a group (:func:`flip_labels`), or anybody's.
    strength : tuple of (str, float)
        :math:`\lambda` of ``fair`` and ``rg``, reached along DANN's ramp.
    looks : tuple of (str, str)
        What the adversary of ``fair`` and ``rg`` sees, one of :data:`LOOKS`.  An adversary on the
        features is an MLP, one on the logit or the soft decision is linear: an MLP can read s from
        the *size* of a logit, whatever its sign.
    lr_adversary : float
    """

    epochs: float = 30
    shared_epochs: float = 0
    batch: int = 64
    lr: float = 5e-4
    cosine: bool = False
    flip_rate: float = 0.3
    flip: str = "against"
    strength: tuple[tuple[str, float], ...] = (("fair", 1.0), ("rg", 1.0))
    looks: tuple[tuple[str, str], ...] = (("fair", "logit_and_label"), ("rg", "logit"))
    lr_adversary: float = 5e-3


FLIPS: Final = ("against", "uniform")


def flip_labels(
    y: np.ndarray, s: np.ndarray, rate: float, seed: int, how: str = "against"
) -> np.ndarray:
    """Return labels of which some are flipped.

    ``against``: against the group that is labelled positive less often.  A share ``rate`` of its
    positives become negative, and the same share of the other group's negatives become positive.
    ``uniform``: as many flips, of anybody.

    Parameters
    ----------
    y, s : int array, shape (n,), in {0, 1}
    rate : float
        In [0, 1].
    seed : int
    how : {"against", "uniform"}

    Returns
    -------
    int array, shape (n,)
        A new array; ``y`` stays as it is.

    Raises
    ------
    fairtut.errors.InputError
        If the rate is outside [0, 1], or a group is empty.
    fairtut.errors.UnknownName
        If there is no such way to flip.

    Examples
    --------
    >>> from fairtut.methods.deployed import flip_labels
    >>> import numpy as np
    >>> s = np.repeat([0, 1], 6)
    >>> y = np.array([1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0])  # 2 of 6 against 4 of 6
    >>> flipped = flip_labels(y, s, rate=0.5, seed=0)
    >>> [int(flipped[s == group].sum()) for group in (0, 1)]  # half of 2 positives, of 2 negatives
    [1, 5]
    >>> int((flip_labels(y, s, rate=0.5, seed=0, how="uniform") != y).sum())  # as many, of anybody
    2
    """
    if how not in FLIPS:
        raise UnknownName.of("way to flip labels", how, FLIPS)
    if not 0 <= rate <= 1:
        raise InputError(f"flip rate {rate}: a share is in [0, 1]")
    if len(np.unique(s)) < 2:
        raise InputError("s has one group only: flipping against a group needs two")
    rng = numpy_rng(seed, "flip")
    poor = int(np.argmin([y[s == group].mean() for group in (0, 1)]))
    flipped = y.copy()
    cells = [np.flatnonzero((s == g) & (y == label)) for g, label in ((poor, 1), (1 - poor, 0))]
    counts = [round(rate * len(cell)) for cell in cells]
    if how == "uniform":
        cells, counts = [np.arange(len(y))], [sum(counts)]
    for cell, count in zip(cells, counts, strict=True):
        rows = rng.choice(cell, count, replace=False)
        flipped[rows] = 1 - y[rows]
    return flipped


class Adversary(nn.Module):
    """A network that reads s from what it is shown of a classifier.

    Parameters
    ----------
    looks : str
        One of :data:`LOOKS`; ``logit`` is the difference of the two logits, ``decision`` its
        sigmoid, scaled to (-2, 2).
    width : int
        Width of the code.
    generator : torch.Generator
        Source of the initial weights.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such look.

    Examples
    --------
    >>> from fairtut.methods.deployed import Adversary
    >>> import torch
    >>> adversary = Adversary("logit", width=8, generator=torch.Generator().manual_seed(0))
    >>> z, y = torch.zeros(2, 8), torch.tensor([1, 0])
    >>> logits = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    >>> adversary(z, logits, y).shape
    torch.Size([2, 2])
    >>> torch.equal(adversary(z, logits, y), adversary(z + 1, logits + 1, 1 - y))  # the margin only
    True
    """

    def __init__(self, looks: str, width: int, generator: torch.Generator) -> None:
        super().__init__()
        if looks not in LOOKS:
            raise UnknownName.of("adversary input", looks, LOOKS)
        self.looks = looks
        inputs = {"features": width, "logit": 1, "logit_and_label": 3, "decision_and_label": 3}[
            looks
        ]
        self.net = MLP(inputs, _HIDDEN.get(looks, ()), 2, generator=generator)

    def forward(self, z: Tensor, logits: Tensor, y: Tensor) -> Tensor:
        """Return logits of s, (n, 2), from codes (n, d), logits (n, 2) and labels (n,)."""
        if self.looks == "features":
            seen = z
        else:
            margin = logits[:, 1:] - logits[:, :1]  # (n, 1)
            if self.looks == "decision_and_label":
                margin = 4 * torch.sigmoid(margin) - 2
            label = y[:, None].to(margin.dtype)
            seen = margin
            if self.looks.endswith("_and_label"):
                seen = torch.cat([margin, margin * label, label], 1)  # (n, 3)
        out: Tensor = self.net(seen)
        return out


def train(
    model: FaceClassifier,
    x: Tensor,
    y: Tensor,
    s: Tensor,
    *,
    kind: str,
    config: Training,
    seed: int,
    shared: bool = False,
) -> dict[str, Any]:
    """Train a deployed model in place and leave it frozen and in evaluation mode.

    Parameters
    ----------
    model : FaceClassifier
    x : uint8 tensor, shape (n, 3, h, w)
    y, s : int64 tensors, shape (n,), in {0, 1}
    kind : str
        One of :data:`KINDS`.
    config : Training
    seed : int
    shared : bool
        Run the ``shared_epochs`` of plain training instead of the kind's own.

    Returns
    -------
    dict
        ``history``: per epoch the mean ``loss`` and, where there is one, that of the ``adversary``.

    Raises
    ------
    fairtut.errors.UnknownName
        If the kind does not exist, or what its adversary looks at.
    fairtut.errors.InputError
        If the labels cannot be flipped (:func:`flip_labels`), or the loss became NaN or infinite.

    Examples
    --------
    >>> from fairtut.methods.deployed import Training, train
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> model, x = plain_cnn(width=2), torch.zeros(8, 3, 16, 16, dtype=torch.uint8)
    >>> y, s = torch.tensor([0, 1] * 4), torch.tensor([0, 0, 1, 1] * 2)
    >>> told = train(model, x, y, s, kind="fair", config=Training(epochs=2, batch=4), seed=0)
    >>> len(told["history"]), sorted(told["history"][0])
    (2, ['adversary', 'loss'])
    >>> model.training, any(p.requires_grad for p in model.parameters())
    (False, False)
    """
    if kind not in KINDS:
        raise UnknownName.of("kind of deployed model", kind, KINDS)
    if kind == "lf":
        flipped = flip_labels(y.cpu().numpy(), s.cpu().numpy(), config.flip_rate, seed, config.flip)
        y = torch.from_numpy(flipped).to(y.device)
    step, parts = _steps(model, x, y, s, kind, config, seed, shared)
    model.train().requires_grad_(True)
    history = fit(
        len(x), step, epochs=config.shared_epochs if shared else config.epochs,
        batch=config.batch, seed=stream_seed(seed, "deployed", kind, int(shared)),
        what=f"{kind} model", device=x.device, keep=parts,
    )  # fmt: skip
    model.eval().requires_grad_(False)
    return {"history": history}


def _steps(
    model: FaceClassifier, x: Tensor, y: Tensor, s: Tensor,
    kind: str, config: Training, seed: int, shared: bool,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """Return the update of one batch, and what belongs to its state."""
    strength = dict(config.strength).get(kind, 0.0) * (0.0 if shared else _SIGN[kind])
    looks = dict(config.looks).get(kind, "logit")
    weights = torch_rng(seed, "adversary")
    adversary = Adversary(looks, model.f.in_features, weights).to(x.device)
    optimiser = torch.optim.Adam(model.parameters(), config.lr)
    opponent = torch.optim.Adam(adversary.parameters(), config.lr_adversary)
    flips = torch_rng(seed, "augment")

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        if config.cosine and not shared:
            optimiser.param_groups[0]["lr"] = config.lr * 0.5 * (1 + np.cos(np.pi * done))
        z = model.g(augment(pixels(x[rows]), flips))
        logits = model.f(z)
        loss = functional.cross_entropy(logits, y[rows])
        logged, total = {"loss": loss}, loss
        if strength:
            seen = adversary(z.detach(), logits.detach(), y[rows])
            read = functional.cross_entropy(seen, s[rows])
            descend(opponent, read)
            again = functional.cross_entropy(adversary(z, logits, y[rows]), s[rows])
            total = loss - strength * ramp(done) * again
            logged["adversary"] = read
        descend(optimiser, total)
        return logged

    return step, {"model": model, "adversary": adversary, "adam": optimiser, "opponent": opponent}


@torch.inference_mode()
def outputs(model: FaceClassifier, x: Tensor, batch: int = 512) -> tuple[Tensor, Tensor]:
    """Return codes (n, d) and logits (n, classes) of uint8 or float images, in batches.

    Parameters
    ----------
    model : FaceClassifier
        In evaluation mode.
    x : tensor, shape (n, 3, h, w)
        uint8, or floating point in [0, 1].
    batch : int
        Images at a time.

    Returns
    -------
    codes : tensor, shape (n, d)
    logits : tensor, shape (n, classes)

    Examples
    --------
    >>> from fairtut.methods.deployed import outputs
    >>> from fairtut.models.resnet import plain_cnn
    >>> import torch
    >>> model = plain_cnn(width=2).eval()
    >>> codes, logits = outputs(model, torch.full((3, 3, 16, 16), 255, dtype=torch.uint8))
    >>> codes.shape, logits.shape
    (torch.Size([3, 16]), torch.Size([3, 2]))
    >>> white = outputs(model, torch.ones(3, 3, 16, 16))  # 255 as uint8 is 1.0
    >>> torch.allclose(codes, white[0]), torch.allclose(logits, white[1])
    (True, True)
    """
    codes, logits = [], []
    for rows in x.split(batch):
        z = model.g(rows if rows.is_floating_point() else pixels(rows))
        codes.append(z)
        logits.append(model.f(z))
    return torch.cat(codes), torch.cat(logits)
