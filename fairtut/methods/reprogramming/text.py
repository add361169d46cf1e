"""Word triggers for a frozen text classifier, where groups overlap, and the paper's baselines.

The same game as for images, with two differences: the adversary has one logit per group, since a
comment may mention several, and the trigger is brought back on the simplex after every step.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parameters_to_vector

from fairtut.data.comments import CommentSet, Tokenizer
from fairtut.errors import InputError
from fairtut.methods.reprogramming.discriminator import Discriminator
from fairtut.methods.reprogramming.game import Config, Game
from fairtut.methods.reprogramming.overlap import members
from fairtut.methods.reprogramming.training import Fit
from fairtut.methods.reprogramming.words import WordTrigger, with_room
from fairtut.runtime.fit import Draws, descend, fit
from fairtut.runtime.seeds import own_random_numbers, stream_seed, torch_rng

log = logging.getLogger(__name__)

TEXT: Final = Config(hidden=(128, 128), epochs=10, batch=32, drops=(), lr_d=1e-3, flip=False)
"""The paper's settings for text; lambda goes up to 100 (dp) and 1200 (eo, hard) in its grids."""
LR_WORDS: Final = 0.1
LR_WEIGHTS: Final = 1e-4


@dataclass(frozen=True)
class TextFit(Fit):
    """What was trained: as :class:`~fairtut.methods.reprogramming.training.Fit`.

    ``cells`` (g, classes) counts the comments that mention each group, by label: a comment counts
    once per group.  ``d_accuracy`` in the history is the mean over groups.

    Attributes
    ----------
    truncated : int
        Tuning comments that were cut to make room for the trigger.
    """

    truncated: int = 0


class TextGame(Game):
    """One turn with overlapping groups; arguments as of :class:`Game`, ``s`` is bool (n, g)."""

    def read(self, guess: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return D's loss, the mean over groups, and how often it is right about one."""
        loss = functional.binary_cross_entropy_with_logits(guess, s.to(guess.dtype))
        return loss, ((guess > 0) == s).float().mean()

    def step(self, x: Tensor, y: Tensor, s: Tensor, done: float = 0.0) -> dict[str, Tensor]:
        """Update D and what moves, then bring a trigger back on the simplex."""
        scalars = super().step(x, y, s, done)
        if isinstance(self.moving, WordTrigger):
            self.moving.project()
            scalars["movement"] = (self.position().detach() - self.start).norm()
        return scalars


def train_words(
    model: Any,
    comments: CommentSet,
    *,
    count: int = 5,
    mode: str = "soft",
    placement: str = "end",
    config: Config = TEXT,
    seed: int,
    checkpoint: str | os.PathLike[str] | None = None,
) -> TextFit:
    """Train a word trigger; the model is never changed.

    Parameters
    ----------
    model : nn.Module that follows :class:`~fairtut.models.text.TextModel`
        Called with token ids (n, t) it returns logits (n, classes).
    comments : CommentSet
        Tuning comments, disjoint from those that trained the model.
    count, mode, placement
        As of ``fairtut.methods.reprogramming.words.WordTrigger``.
    config : Config
    seed : int
        Of the trigger's start, the discriminator and the order.
    checkpoint : path-like, optional
        Makes the training resumable (``fairtut.runtime.fit``).

    Raises
    ------
    fairtut.errors.InputError
        If y has one value, a group nobody or everybody, the model another vocabulary or no room.
    fairtut.errors.UnknownName
        If the mode, placement or criterion does not exist.

    Returns
    -------
    TextFit
        Its ``module`` is the ``WordTrigger``.

    Examples
    --------
    After training each of the two words is a mixture of the vocabulary, with weights that sum to 1:

    >>> import torch
    >>> from dataclasses import replace
    >>> from fairtut.data.synthetic.comments import comments
    >>> from fairtut.methods.reprogramming import train_words
    >>> from fairtut.methods.reprogramming.text import TEXT
    >>> from fairtut.models.text import TextClassifier
    >>> rng, tuning = torch.Generator().manual_seed(0), comments(100)
    >>> model = TextClassifier(len(tuning.tokenizer), width=8, heads=2, layers=1, generator=rng)
    >>> fit = train_words(model, tuning, count=2, config=replace(TEXT, epochs=1), seed=0)
    >>> fit.module.weight.sum(1).round(decimals=3).tolist(), bool((fit.module.weight >= 0).all())
    ([1.0, 1.0], True)
    >>> fit.cells.shape, len(tuning.group_names)  # of each group, by label
    (torch.Size([8, 2]), 8)
    """
    comments = comments.to(model.table.device)
    trigger = WordTrigger(
        comments.tokenizer, count, mode=mode, placement=placement,
        generator=torch_rng(seed, "trigger"),
    ).to(comments.ids.device)  # fmt: skip
    patient = copy.deepcopy(model).eval().requires_grad_(False)
    return _play(
        patient, lambda ids: trigger(patient, ids), trigger, lambda: trigger.weight, count,
        comments, lr=LR_WORDS, config=config, seed=seed, checkpoint=checkpoint,
    )  # fmt: skip


def train_text_weights(
    model: Any,
    comments: CommentSet,
    *,
    config: Config = TEXT,
    seed: int,
    checkpoint: str | os.PathLike[str] | None = None,
) -> TextFit:
    """Train all weights of a copy of the model by the same update: AdvIn, or AdvPost.

    A fresh model and the training comments make it **AdvIn**; the deployed one and the tuning
    comments make it **AdvPost**.  Parameters and errors as of :func:`train_words`.

    Returns
    -------
    TextFit
        Its ``module`` is the retrained copy.

    Examples
    --------
    The table of the copy moves, and that of the model stays:

    >>> import torch
    >>> from dataclasses import replace
    >>> from fairtut.data.synthetic.comments import comments
    >>> from fairtut.methods.reprogramming import train_text_weights
    >>> from fairtut.methods.reprogramming.text import TEXT
    >>> from fairtut.models.text import TextClassifier
    >>> rng, tuning = torch.Generator().manual_seed(0), comments(100)
    >>> model = TextClassifier(len(tuning.tokenizer), width=8, heads=2, layers=1, generator=rng)
    >>> before = model.table.clone()
    >>> fit = train_text_weights(model, tuning, config=replace(TEXT, epochs=1), seed=0)
    >>> torch.equal(model.table, before), torch.equal(fit.module.table, before)
    (True, False)
    """
    comments = comments.to(model.table.device)
    moving = copy.deepcopy(model).requires_grad_(True).train()
    return _play(
        moving, lambda ids: moving(_trimmed(ids, comments.tokenizer)), moving,
        lambda: parameters_to_vector(moving.parameters()), 0,
        comments, lr=LR_WEIGHTS, config=config, seed=seed, checkpoint=checkpoint,
    )  # fmt: skip


def train_text(
    model: Any,
    comments: CommentSet,
    *,
    epochs: float = 5,
    batch: int = 64,
    lr: float = 1e-3,
    seed: int,
    checkpoint: str | os.PathLike[str] | None = None,
) -> list[dict[str, float]]:
    """Train a classifier **in place** to predict y, nothing else: BASE.

    AdamW (weight decay .01) with linear decay; 1e-5 is the paper's rate, for BERT.

    Parameters
    ----------
    model, comments
        As of :func:`train_words`; the training comments.
    epochs, batch, lr, seed, checkpoint
        Of the training.

    Returns
    -------
    list of dict
        Means of ``loss`` and ``accuracy`` per epoch.

    Raises
    ------
    fairtut.errors.InputError
        If the model has another vocabulary or no room for a comment.

    Examples
    --------
    The model itself is trained, and is left in evaluation mode:

    >>> import torch
    >>> from fairtut.data.synthetic.comments import comments
    >>> from fairtut.methods.reprogramming import train_text
    >>> from fairtut.models.text import TextClassifier
    >>> rng, training = torch.Generator().manual_seed(0), comments(100)
    >>> model = TextClassifier(len(training.tokenizer), width=8, heads=2, layers=1, generator=rng)
    >>> before = model.table.clone()
    >>> history = train_text(model, training, epochs=2, seed=0)
    >>> len(history), sorted(history[0]), torch.equal(model.table, before), model.training
    (2, ['accuracy', 'loss'], False, False)
    """
    comments = comments.to(model.table.device)
    ids, _ = _checked(model, comments, 0)
    adam = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.01)
    draws = torch_rng(seed, "dropout")

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        adam.param_groups[0]["lr"] = lr * (1 - done)
        with _dropout(draws, ids):
            logits = model(_trimmed(ids[rows], comments.tokenizer))
        loss = functional.cross_entropy(logits, comments.y[rows])
        descend(adam, loss)
        right = (logits.argmax(1) == comments.y[rows]).float().mean()
        return {"loss": loss, "accuracy": right}

    model.train()
    history = fit(
        len(ids), step, epochs=epochs, batch=batch, seed=stream_seed(seed, "text"),
        what="text classifier", device=ids.device, checkpoint=checkpoint,
        keep={"model": model, "adam": adam, "draws": Draws(draws)},
        about={"comments": comments.digest},
    )  # fmt: skip
    model.zero_grad(set_to_none=True)  # what is deployed carries no gradients
    model.eval()
    return history


@torch.no_grad()
def text_logits(
    model: Any, comments: CommentSet, trigger: WordTrigger | None = None, batch: int = 256
) -> Tensor:
    """Return any classifier's logits (n, classes), with or without a trigger, on its device.

    Comments that leave no room are cut, and a warning counts them.
    """
    net = copy.deepcopy(model).eval()
    device = net.table.device
    ids, _ = _checked(net, comments.to(device), 0 if trigger is None else len(trigger))
    parts = ids.split(batch)
    if trigger is None:
        return torch.cat([net(_trimmed(rows, comments.tokenizer)) for rows in parts])
    words = copy.deepcopy(trigger).to(device)  # it may come from another device, or from a file
    return torch.cat([words(net, rows) for rows in parts])


@torch.no_grad()
def on_empty(model: Any, trigger: WordTrigger, tokenizer: Tokenizer) -> Tensor:
    """Return probabilities (classes,) for a trigger alone, between ``[CLS]`` and ``[SEP]``.

    With a classifier of a *group* it shows what the trigger alone claims.
    """
    net = copy.deepcopy(model).eval()
    device = net.table.device
    ids = torch.tensor([[tokenizer.start, tokenizer.end]], device=device)
    return torch.softmax(copy.deepcopy(trigger).to(device)(net, ids)[0], 0)


def _play(
    model: Any, forward: Callable[[Tensor], Tensor], moving: nn.Module,
    position: Callable[[], Tensor], count: int, comments: CommentSet, *,
    lr: float, config: Config, seed: int, checkpoint: str | os.PathLike[str] | None,
) -> TextFit:  # fmt: skip
    ids, truncated = _checked(model, comments, count)
    with torch.no_grad():
        logits = copy.deepcopy(model).eval()(ids[:2])
    classes = logits.shape[1]
    counts = members(comments.y, comments.groups, classes, comments.group_names)
    d = Discriminator(
        config.criterion, classes, len(counts), config.hidden,
        generator=torch_rng(seed, "discriminator"),
    ).to(ids.device)  # fmt: skip
    game = TextGame(forward, moving, position, d, config, lr)
    draws = torch_rng(seed, "dropout")

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        with _dropout(draws, ids):
            return game.step(ids[rows], comments.y[rows], comments.groups[rows], done)

    history = fit(
        len(ids), step, epochs=config.epochs, batch=config.batch,
        seed=stream_seed(seed, "reprogramming"), what="reprogramming", device=ids.device,
        keep=game.state() | {"draws": Draws(draws)}, checkpoint=checkpoint,
        about={"config": config, "comments": comments.digest, "model": logits},
    )  # fmt: skip
    moving.eval().requires_grad_(False)
    return TextFit(moving, d.eval().requires_grad_(False), history, counts, truncated)


def _checked(model: Any, comments: CommentSet, count: int) -> tuple[Tensor, int]:
    """Return ids that fit into the model beside a trigger, and how many comments were cut."""
    if len(comments.tokenizer) > len(model.table):
        raise InputError(
            f"{comments.name} has {len(comments.tokenizer)} tokens, the model {len(model.table)}: "
            "encode the comments with the model's own tokenizer"
        )
    ids, truncated = with_room(comments.ids, comments.tokenizer, model.positions, count)
    if truncated:
        log.warning(
            "%s: %d of %d comments were cut to fit %d positions beside %d trigger words",
            comments.name, truncated, len(ids), model.positions, count,
        )  # fmt: skip
    return ids, truncated


def _trimmed(ids: Tensor, tokenizer: Tokenizer) -> Tensor:
    """Leave out the columns (n, t) that are padding in every row."""
    return ids[:, : int((ids != tokenizer.pad).sum(1).max())]


@contextlib.contextmanager
def _dropout(draws: torch.Generator, on: Tensor) -> Iterator[None]:
    """Within, dropout draws from its own stream and leaves the global one as it was."""
    with own_random_numbers(on.device):
        torch.manual_seed(int(torch.randint(2**31, (), generator=draws)))
        yield
