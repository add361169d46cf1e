r"""Integrated gradients over word embeddings: which words move a toxicity logit, and by how much.

.. math::  a_i = \sum_k (e_{ik} - b_{ik}) \int_0^1
    \frac{\partial F(b + t (e - b))}{\partial e_{ik}}\, dt ,

with F the logit of toxic minus that of harmless, e the embeddings of ``[CLS]``, words, trigger and
``[SEP]``, and b the same sequence with ``[PAD]`` for every word, as released.  The attributions add
up to F(e) - F(b): *completeness*.

References
----------
Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.data.comments import Tokenizer
from fairtut.methods.reprogramming.words import WordTrigger

STEPS = 64


@dataclass(frozen=True)
class Attribution:
    """What each token contributed.

    Attributes
    ----------
    tokens : tuple of str
        ``[CLS]``, words, trigger, ``[SEP]``.
    values : float array, shape (t,)
        In units of the logit, positive towards toxic.
    trigger : range
        Places of the trigger's words.
    toxicity : float
        Probability of toxic.
    gap : float
        Sum of the values minus F(e) - F(b): 0 but for the numerical integral.
    """

    tokens: tuple[str, ...]
    values: NDArray[np.float64]
    trigger: range
    toxicity: float
    gap: float

    def scaled(self) -> NDArray[np.float64]:
        """Return the values divided by their Euclidean norm, as released."""
        norm = float(np.linalg.norm(self.values))
        return self.values / norm if norm > 0 else self.values


class _Catch:
    """Stands in for a model and keeps what a trigger hands to it."""

    def __init__(self, model: Any) -> None:
        self.table, self.positions = model.table, model.positions
        self.given: tuple[Tensor, Tensor, Tensor | None] | None = None

    def from_words(self, words: Tensor, mask: Tensor, order: Tensor | None = None) -> Tensor:
        self.given = (words, mask, order)
        return words[:, 0, :2]


def attribute(
    model: Any, ids: Tensor, trigger: WordTrigger | None, tokenizer: Tokenizer, steps: int = STEPS
) -> Attribution:
    """Attribute the decision about one comment to its words.

    Parameters
    ----------
    model : nn.Module that follows :class:`fairtut.models.text.TextModel`
        In evaluation mode.
    ids : int64 tensor, shape (1, t)
    trigger : WordTrigger, optional
        Stands before ``[SEP]``.
    tokenizer : Tokenizer
    steps : int
        Points of the Gauss-Legendre rule.
    """
    n = int((ids != tokenizer.pad).sum())
    ids = ids[:, :n]
    words, mask, order = sequence(model, ids, trigger)
    start = words.clone()
    start[:, 1:-1] = model.table[tokenizer.pad]
    t, weight = (torch.as_tensor(v, dtype=words.dtype, device=words.device) for v in _rule(steps))
    path = (start + t[:, None, None] * (words - start)).detach().requires_grad_(True)
    wide = mask.expand(steps, -1), None if order is None else order.expand(steps, -1)
    f = _margin(model.from_words(path, *wide))
    (slope,) = torch.autograd.grad(f.sum(), path)
    values = ((words - start)[0] * (weight[:, None, None] * slope).sum(0)).sum(1)
    with torch.no_grad():
        ends = [_margin(model.from_words(w, mask, order)) for w in (words, start)]
    m = 0 if trigger is None else len(trigger)
    names = tokenizer.decode(ids[0].tolist())
    added = [] if trigger is None else tokenizer.decode(trigger.token_ids().tolist())
    return Attribution(
        (*names[:-1], *added, names[-1]), values.cpu().double().numpy(), range(n - 1, n - 1 + m),
        float(torch.sigmoid(ends[0])), float(values.sum() - (ends[0] - ends[1])),
    )  # fmt: skip


def sequence(
    model: Any, ids: Tensor, trigger: WordTrigger | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return the embeddings that the model gets, their mask and their order."""
    if trigger is None:
        words = model.table[ids].detach()
        return words, torch.ones_like(ids, dtype=torch.bool), None
    catch = _Catch(model)
    with torch.no_grad():
        copy.deepcopy(trigger).to(ids.device)(catch, ids)  # type: ignore[arg-type]
    assert catch.given is not None
    return catch.given


def _margin(logits: Tensor) -> Tensor:
    return logits[:, 1] - logits[:, 0]


def _rule(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes in [0, 1] and their weights."""
    x, w = np.polynomial.legendre.leggauss(steps)
    return (x + 1) / 2, w / 2
