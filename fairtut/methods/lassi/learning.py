"""Training of the representation R, and of the consumers that classify its codes.

>>> learned = train(z, y, a, (z_valid, y_valid), config=preset("lassi"))  # doctest: +SKIP
>>> head = consumer(encode(learned.representation, z), y, config=preset("lassi"))  # doctest: +SKIP
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.config import Config
from fairtut.methods.lassi.inputs import check
from fairtut.methods.lassi.losses import Learner, losses
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.selection import fit_best
from fairtut.methods.lassi.vectors import check_latents
from fairtut.runtime.fit import Draws, descend, fit
from fairtut.runtime.seeds import stream_seed, torch_rng


@dataclass(frozen=True)
class Learned:
    """A trained representation.

    Attributes
    ----------
    representation : Representation
        In evaluation mode and frozen, as it was after the best epoch.
    head : nn.Linear or None
        The auxiliary classifier of the training; consumers have their own.
    decoder : nn.Sequential or None
    best : int
        The epoch that was kept, from 0.
    history : list of dict
        Means per epoch of the losses, and the same on the validation split with ``valid_``.

    Examples
    --------
    Transfer learns from latents alone, so there is a decoder and no classifier:

    >>> import torch
    >>> from fairtut.methods.lassi import Config, train
    >>> z = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    >>> config = Config(0, 0, 1.0, hidden=(4,), outputs=2, epochs=2, batch=16)
    >>> learned = train(z, None, None, (z, None), config=config)
    >>> learned.head is None, learned.decoder(learned.representation(z)).shape
    (True, torch.Size([32, 3]))
    >>> len(learned.history), any(p.requires_grad for p in learned.representation.parameters())
    (2, False)
    """

    representation: Representation
    head: nn.Linear | None
    decoder: nn.Sequential | None
    best: int
    history: list[dict[str, float]] = field(repr=False)


def train(
    z: Tensor,
    y: Tensor | None,
    directions: Tensor | None,
    valid: tuple[Tensor, Tensor | None],
    *,
    config: Config,
    seed: int = 0,
    device: torch.device | str = "cpu",
    checkpoint: str | os.PathLike[str] | None = None,
) -> Learned:
    """Train R as the configuration says: Naive, DataAug, LASSI or transfer.

    After each epoch the validation split is scored, always on the same draws.  The epoch with the
    lowest validation loss is kept; if the losses are classification alone (Naive, DataAug), the
    one with the highest validation accuracy, DataAug's copies included.

    Parameters
    ----------
    z : Tensor, shape (n, q)
    y : int64 tensor, shape (n,)
        Classes 0, 1, ...; None where the classification weight is 0.
    directions : Tensor, shape (k, q) or (q,)
        Attribute vectors; None for Naive.
    valid : (Tensor, Tensor or None)
        Latents and labels of the validation split.
    config : Config
    seed : int
    device : torch.device or str
    checkpoint : path-like, optional
        Makes the training resumable (``fairtut.runtime.fit``).

    Raises
    ------
    fairtut.errors.InputError
        For NaN, shapes that do not fit, directions that are zero or linearly dependent (in the
        cube: zero), labels that are missing, not whole numbers, or of a single class.

    Returns
    -------
    Learned

    Examples
    --------
    Each loss with a weight is logged, for the training rows and for the validation rows:

    >>> import torch
    >>> from fairtut.methods.lassi import Config, train
    >>> z = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    >>> y, direction = (z[:, 0] > 0).long(), torch.tensor([0.0, 0.0, 1.0])
    >>> config = Config(similarity=0.1, hidden=(4,), outputs=2, epochs=2, batch=16)
    >>> learned = train(z, y, direction, (z, y), config=config)
    >>> sorted(learned.history[0])[:4]
    ['accuracy', 'classification', 'loss', 'similarity']

    The epoch with the lowest validation loss is kept:

    >>> scores = [epoch["valid_loss"] for epoch in learned.history]
    >>> learned.best == scores.index(min(scores))
    True
    """
    c = config
    check_latents(z)
    classes = check_labels(z, y) if c.classification else 0
    if c.classification:
        check_labels(*valid, classes=classes, what="validation")
    learner = Learner(z.shape[1], classes, c, torch_rng(seed, "learner")).to(device, z.dtype)
    z, a = _place(learner, z, directions, c)
    z_valid, _ = _place(learner, valid[0], directions, c, "validation")
    y, y_valid = (v if v is None else v.to(device).long() for v in (y, valid[1]))
    # one pass over memory per update instead of ten, for tens of millions of weights
    adam = torch.optim.Adam(learner.parameters(), c.lr, fused=True)
    draws = torch_rng(seed, "similar")

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        label = None if y is None else y[rows]
        found = losses(learner.train(), z[rows], label, a, c, draws)
        descend(adam, found["loss"])
        return found

    history, best = fit_best(
        learner, len(z), step, lambda: scores(learner, z_valid, y_valid, a, c, seed),
        by="valid_loss" if c.similarity or c.reconstruction else "valid_accuracy",
        higher=not (c.similarity or c.reconstruction),
        epochs=c.epochs, batch=c.batch, seed=stream_seed(seed, "learning"), what="representation",
        device=device, keep={"adam": adam, "draws": Draws(draws)}, checkpoint=checkpoint,
        about={"config": c, "z": z, "y": y, "a": a, "valid": (z_valid, y_valid)},
    )  # fmt: skip
    learner.eval().requires_grad_(False)
    return Learned(learner.representation, learner.head, learner.decoder, best, history)


@torch.no_grad()
def scores(
    learner: Learner, z: Tensor, y: Tensor | None, directions: Tensor, config: Config, seed: int
) -> dict[str, float]:
    """Return mean losses in evaluation mode, as ``valid_loss`` and so on; draws repeat per seed."""
    rng, totals = torch_rng(seed, "validation"), dict[str, float]()
    with evaluating(learner):
        for start in range(0, len(z), config.batch):
            rows = slice(start, start + config.batch)
            label = None if y is None else y[rows]
            for name, value in losses(learner, z[rows], label, directions, config, rng).items():
                share = len(z[rows]) / len(z)
                totals[name] = totals.get(name, 0.0) + share * float(value)
    return {f"valid_{name}": value for name, value in totals.items()}


@torch.no_grad()
def encode(r: Representation, z: Tensor, batch: int = 4096) -> Tensor:
    """Return plain codes of latents in evaluation mode, on the device of R.

    Parameters
    ----------
    r : Representation
        Its mode is afterwards what it was before.
    z : Tensor, shape (n, q)
    batch : int
        Latents at a time.

    Returns
    -------
    Tensor, shape (n, d)
        Not smoothed.

    Raises
    ------
    fairtut.errors.InputError
        If the latents have another shape, or hold NaN or infinity.

    Examples
    --------
    With all weights 1 this R gives a latent above -2 the code z + 3, and any other one the code 1:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.lassi import Representation, encode
    >>> r = Representation(1, (1,), 1)
    >>> _ = [nn.init.ones_(weight) for weight in r.parameters()]
    >>> encode(r, torch.tensor([[0.0], [4.0], [-9.0]])).round().tolist()
    [[3.0], [7.0], [1.0]]
    >>> r.training
    True
    """
    check_latents(z, "given")
    device = next(r.parameters()).device
    with evaluating(r):
        return torch.cat([r(part.to(device)) for part in z.split(batch)])


def consumer(codes: Tensor, y: Tensor, *, config: Config, seed: int = 0) -> nn.Linear:
    """Train a linear classifier on codes with Gaussian noise, fresh in each step.

    Parameters
    ----------
    codes : Tensor, shape (n, d)
        From :func:`encode`: plain ones, not smoothed.
    y : int64 tensor, shape (n,)
        Classes 0, 1, ...
    config : Config
        Of which ``sigma_rs`` and what starts with ``consumer_`` are used.
    seed : int

    Returns
    -------
    nn.Linear
        Codes to logits, frozen, ready for :func:`fairtut.methods.lassi.certify`.

    Raises
    ------
    fairtut.errors.InputError
        For NaN, or labels that do not fit or are of a single class.

    Examples
    --------
    The noise is small beside the distance of the two classes, so all are told apart:

    >>> import torch
    >>> from fairtut.methods.lassi import Config, consumer
    >>> codes, y = torch.tensor([[9.0], [7.0], [-7.0], [-9.0]]), torch.tensor([1, 1, 0, 0])
    >>> config = Config(sigma_rs=0.5, consumer_epochs=50, consumer_lr=0.1)
    >>> head = consumer(codes, y, config=config)
    >>> head(codes).argmax(1).tolist(), head.weight.requires_grad
    ([1, 1, 0, 0], False)
    """
    c, classes = config, check_labels(codes, y, what="consumer's")
    label = y.to(codes.device).long()
    head = linear(codes.shape[1], classes, generator=torch_rng(seed, "consumer")).to(codes)
    adam = torch.optim.Adam(head.parameters(), c.consumer_lr)
    noise = torch_rng(seed, "noise", device=str(codes.device))

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        clean = codes[rows]
        eta = torch.randn(clean.shape, generator=noise, device=clean.device, dtype=clean.dtype)
        loss = functional.cross_entropy(head(clean + c.sigma_rs * eta), label[rows])
        descend(adam, loss)
        return {"loss": loss}

    fit(
        len(codes), step, epochs=c.consumer_epochs, batch=c.consumer_batch,
        seed=stream_seed(seed, "consumer"), what="consumer", device=codes.device,
    )  # fmt: skip
    return head.requires_grad_(False)


def check_labels(
    z: Tensor, y: Tensor | None, *, classes: int | None = None, what: str = "training"
) -> int:
    """Return the number of classes, or raise ``InputError`` for labels that do not fit."""
    check_latents(z, what)
    if y is None or y.shape != (len(z),):
        shape = None if y is None else tuple(y.shape)
        raise InputError(f"{what} labels have shape {shape}: need one for each of {len(z)} latents")
    found = y.unique().tolist()
    if any(v % 1 or v < 0 for v in found):
        raise InputError(f"{what} labels must be whole numbers from 0 up: found {found[:5]}")
    if classes is None and len(found) < 2:
        raise InputError(f"{what} labels are all {found[0]:g}: two classes are needed")
    if classes is not None and found[-1] >= classes:
        raise InputError(f"{what} labels hold class {found[-1]:g}, unknown in training: drop it")
    return int(found[-1]) + 1


def _place(
    learner: Learner, z: Tensor, directions: Tensor | None, c: Config, what: str = "training"
) -> tuple[Tensor, Tensor]:
    """Return latents (n, q) and directions (k, q) on the learner's device, checked."""
    check_latents(z, what)
    q = learner.representation.linears[0].in_features
    if len(z) < 2 or z.shape[1] != q:
        raise InputError(f"{what} latents have shape {tuple(z.shape)}: need at least 2, ({q}) each")
    device = next(learner.parameters()).device
    if directions is None or not c.moves:
        if c.moves:
            raise InputError("these losses need attribute vectors: pass directions of (k, q)")
        return z.to(device), z[:0].to(device)
    if c.law == "cube" and directions.ndim == 2:  # many vectors of one attribute may be dependent
        for one in directions:
            check(learner, z[:1], one)
        return z.to(device), directions.to(z).to(device)
    return check(learner, z, directions)
