r"""Triggers for text: m words, each a point of the probability simplex over the vocabulary.

The i-th trigger word has the embedding :math:`\delta_i = E^\top v_i`, with E the frozen table and
:math:`v_i` on the simplex.  *Soft* uses the mixture; *hard* uses the word where :math:`v_i` is
largest and passes its gradient straight through to :math:`v_i`.

The trigger stands after the text, before ``[SEP]``, and the classifier reads ``[CLS]`` as always.
The released code puts it before ``[CLS]`` with the position ids of the end, so that BERT pools the
first *trigger word*: ``placement="front"`` is that, as an ablation.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.data.comments import Tokenizer
from fairtut.errors import InputError, UnknownName
from fairtut.models.text import TextModel

MODES: Final = ("soft", "hard")
PLACEMENTS: Final = ("end", "front")


def on_simplex(v: Tensor) -> Tensor:
    r"""Return the Euclidean projection of each row on the probability simplex.

    It is :math:`\max(v - \tau, 0)` with the shift that makes the row sum to one, found exactly by
    sorting: :math:`\tau = (\sum_{i \le k} v_{(i)} - 1) / k` for the largest k whose
    :math:`v_{(k)}` exceeds it.

    Parameters
    ----------
    v : tensor, shape (..., n)

    References
    ----------
    Held, Wolfe, Crowder: Validation of subgradient optimization, Mathematical Programming 1974.
    """
    ordered = (v - v.amax(-1, keepdim=True)).sort(-1, descending=True).values  # no large sums
    count = torch.arange(1, v.shape[-1] + 1, device=v.device, dtype=v.dtype)
    shift = (ordered.cumsum(-1) - 1) / count
    k = (ordered > shift).sum(-1, keepdim=True)  # the first k, since the condition is monotone
    return (v - v.amax(-1, keepdim=True) - shift.gather(-1, k - 1)).clamp_min(0)


class WordTrigger(nn.Module):
    """A constant sequence of trigger words.

    Parameters
    ----------
    tokenizer : Tokenizer
        Only its ordinary tokens can be chosen: a hard trigger never decodes to ``[PAD]``.
    count : int
        Words of the trigger, m; 5 in the paper.
    mode : {"soft", "hard"}
    placement : {"end", "front"}
        Before ``[SEP]``; or before ``[CLS]`` in the tensor, as released.
    generator : torch.Generator, optional
        Draws the start: a random word each.  An untrained module is the *random trigger*.

    Attributes
    ----------
    weight : parameter, shape (m, k)
        The points of the simplex.
    ids : int64 tensor, shape (k,)
        Tokens that can be chosen.

    Raises
    ------
    fairtut.errors.UnknownName
        If mode or placement does not exist.
    fairtut.errors.InputError
        If there is no word to choose, or none is asked for.
    """

    ids: Tensor

    def __init__(
        self,
        tokenizer: Tokenizer,
        count: int = 5,
        *,
        mode: str = "soft",
        placement: str = "end",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise UnknownName.of("mode of a word trigger", mode, MODES)
        if placement not in PLACEMENTS:
            raise UnknownName.of("placement of a word trigger", placement, PLACEMENTS)
        ids = tokenizer.ordinary
        if count < 1 or not len(ids):
            raise InputError(f"a trigger of {count} words from {len(ids)}: need at least one each")
        self.mode, self.placement, self.pad = mode, placement, tokenizer.pad
        self.register_buffer("ids", ids.clone())
        start = torch.randint(len(ids), (count,), generator=generator)
        self.weight = nn.Parameter(functional.one_hot(start, len(ids)).float())

    def __len__(self) -> int:
        return len(self.weight)

    def rows(self) -> Tensor:
        """Return what the classifier gets, (m, k): mixtures, or one-hot with a gradient."""
        if self.mode == "soft":
            return self.weight
        top = functional.one_hot(self.weight.argmax(1), self.weight.shape[1])
        return top + (self.weight - self.weight.detach())  # the bracket is exactly zero

    def embeddings(self, table: Tensor) -> Tensor:
        """Return the trigger's word embeddings (m, d) in a model's table (v, d)."""
        return self.rows() @ table[self.ids]

    @torch.no_grad()
    def project(self) -> None:
        """Bring every row back on the simplex: after each step of an optimiser."""
        self.weight.copy_(on_simplex(self.weight))

    def token_ids(self) -> Tensor:
        """Return the id of each row's largest word, int64 (m,): the trigger itself if hard."""
        return self.ids[self.weight.argmax(1)]

    def forward(self, model: TextModel, ids: Tensor) -> Tensor:
        """Return a model's logits (n, classes) for triggered comments.

        Parameters
        ----------
        model : TextModel
        ids : int64 tensor, shape (n, t)
            ``[CLS]``, words, ``[SEP]``, padding, with room left for the trigger
            (:func:`with_room`).
        """
        lengths = (ids != self.pad).sum(1)
        words = functional.embedding(ids[:, : int(lengths.max())], model.table)
        put = _at_end if self.placement == "end" else _in_front
        return model.from_words(*put(words, self.embeddings(model.table), lengths))


def _at_end(words: Tensor, trigger: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, None]:
    """Put the trigger before ``[SEP]``: word embeddings (n, t + m, d) and their mask."""
    n, t, d = words.shape
    m = len(trigger)
    place = torch.arange(t + m, device=words.device).expand(n, -1)
    last = (lengths - 1)[:, None]  # where [SEP] stands
    # rows 0..t-1 of what is gathered from are the comment, rows t..t+m-1 the trigger
    inside = torch.where(place < last + m, t + place - last, place - m)
    index = torch.where(place < last, place, inside)
    both = torch.cat([words, trigger.expand(n, m, d)], 1)
    moved = both.gather(1, index[..., None].expand(n, t + m, d))
    return moved, place < last + 1 + m, None


def _in_front(words: Tensor, trigger: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Put the trigger before ``[CLS]``, with the position ids of the end, as released."""
    n, t, d = words.shape
    m = len(trigger)
    place = torch.arange(t, device=words.device).expand(n, -1)
    last = (lengths - 1)[:, None]
    ours = last + torch.arange(m, device=words.device)  # (n, m)
    theirs = torch.where(place < last, place, last + m)  # [SEP] moves behind; padding is masked
    mask = torch.cat([torch.ones_like(ours, dtype=torch.bool), place <= last], 1)
    return torch.cat([trigger.expand(n, m, d), words], 1), mask, torch.cat([ours, theirs], 1)


def with_room(ids: Tensor, tokenizer: Tokenizer, positions: int, count: int) -> tuple[Tensor, int]:
    """Cut comments, on purpose, so that a trigger fits into a model's positions.

    Parameters
    ----------
    ids : int64 tensor, shape (n, t)
        Padded on the right.
    tokenizer : Tokenizer
    positions : int
        Tokens that the model takes.
    count : int
        Words of the trigger (0 for none).

    Returns
    -------
    ids : int64 tensor, shape (n, min(t, positions - count))
        A comment that was cut keeps its beginning and its ``[SEP]``.
    truncated : int
        Comments that were cut.

    Raises
    ------
    fairtut.errors.InputError
        If no word of a comment would fit beside the trigger.
    """
    room = positions - count
    if room < 3:
        raise InputError(
            f"{count} trigger words leave {room} of {positions} positions: use fewer words, or a "
            "model with more positions"
        )
    long = (ids != tokenizer.pad).sum(1) > room
    cut = ids[:, :room].clone()
    if truncated := int(long.sum()):
        cut[long, room - 1] = tokenizer.end
    return cut, truncated
