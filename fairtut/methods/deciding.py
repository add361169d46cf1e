"""From a network's outputs to decisions, whatever habit its author had."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.methods.inputs import whole

FEW: Final = 20
"""People below whom one answer for all of them says nothing about a model."""


class ConstantWarning(UserWarning):
    """(Nearly) everybody gets one class: gaps between groups are then near 0 and mean nothing."""


def decisions(logits: Tensor) -> Tensor:
    """Return one decision per row.

    Parameters
    ----------
    logits : Tensor, shape (n, k), (n, 1) or (n,)
        One logit per class, or a single one of class 1 (before a sigmoid), as networks trained
        with a binary cross-entropy give it.

    Returns
    -------
    Tensor, shape (n,), int64
        Class of the largest logit; for a single one, whether it is above 0.

    Raises
    ------
    fairtut.errors.InputError
        For another shape, or outputs that are NaN.

    Examples
    --------
    >>> import torch
    >>> decisions(torch.tensor([[0.2, 1.0], [3.0, -1.0]])), decisions(torch.tensor([[2.0], [-1.0]]))
    (tensor([1, 0]), tensor([1, 0]))
    """
    if logits.ndim not in (1, 2) or logits.shape[-1:].numel() == 0:
        raise InputError(
            f"the model gives outputs of shape {tuple(logits.shape)}: need (n, classes) or (n, 1)"
        )
    if bool(logits.isnan().any()):
        raise InputError("the model gives NaN: check its weights and the scale of its input")
    if logits.ndim == 1 or logits.shape[1] == 1:
        return (logits.reshape(len(logits)) > 0).long()
    return logits.argmax(1)


def per_class(logits: Tensor) -> Tensor:
    """Return one logit for each class, where a model gives a single one of class 1.

    The softmax of (0, z) is (1 - p, p) with p the sigmoid of z, so a cross-entropy of the two is
    the binary one of z.

    Parameters
    ----------
    logits : Tensor, shape (n, k), (n, 1) or (n,)

    Returns
    -------
    Tensor, shape (n, k) or (n, 2)
        In single precision at least; (n, k) of that precision are returned as they are.

    Raises
    ------
    fairtut.errors.InputError
        For another shape.

    Examples
    --------
    >>> per_class(torch.tensor([[2.0], [-1.0]]))
    tensor([[ 0.,  2.],
            [ 0., -1.]])
    """
    if not isinstance(logits, Tensor) or logits.ndim not in (1, 2) or 0 in logits.shape[1:]:
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(
            f"the model must return logits of shape (n, classes), (n, 1) or (n,), and gives {found}"
        )
    if torch.finfo(logits.dtype).bits < 32:
        logits = logits.float()
    if logits.ndim == 2 and logits.shape[1] > 1:
        return logits
    one = logits.reshape(-1, 1)
    return torch.cat([torch.zeros_like(one), one], 1)


def look(model: Callable[[Tensor], Any], x: Tensor, of: nn.Module | None = None) -> Any:
    """Return what a model makes of its input, and say so where their precisions differ.

    Parameters
    ----------
    model : callable
    x : Tensor
    of : nn.Module, optional
        Whose weights to look at where that fails; default the model.

    Raises
    ------
    fairtut.errors.InputError
        Where it fails and has weights of another precision than its input.

    Examples
    --------
    >>> look(nn.Linear(2, 1).double(), torch.zeros(1, 2))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: the model has float64 weights and its input is float32: give a copy \
    of it in single precision, copy.deepcopy(model).float()
    """
    try:
        return model(x)
    except RuntimeError as error:
        kind = _another_kind(of or model, x)
        if kind is None or isinstance(error, torch.OutOfMemoryError):
            raise  # its author's error
        given = str(x.dtype).removeprefix("torch.")
        raise InputError(
            f"the model has {kind} weights and its input is {given}: give a copy of it in single "
            "precision, copy.deepcopy(model).float()"
        ) from error


def _another_kind(model: object, x: Tensor) -> str | None:
    for weight in model.parameters() if isinstance(model, nn.Module) else ():
        if weight.is_floating_point() and weight.dtype != x.dtype:
            return str(weight.dtype).removeprefix("torch.")
    return None


def collapsed(decisions: Any, tolerance: float = 0.005) -> int | None:
    """Return the class that (nearly) everybody gets, or None.

    A constant classifier has no gap at all: whoever reports a low bias has to look here first.

    Parameters
    ----------
    decisions : array or tensor of whole numbers, shape (n,)
    tolerance : float
        Share of people with another decision, at most.

    Examples
    --------
    >>> collapsed([1] * 400 + [0]), collapsed([1, 0]) is None
    (1, True)
    """
    counts = torch.bincount(whole("decisions", decisions))
    top = int(counts.argmax())
    return top if float(counts[top]) >= (1 - tolerance) * float(counts.sum()) else None


def told(decisions: Tensor, what: str) -> Tensor:
    """Return decisions (n,) as they are, with a warning if :data:`FEW` people or more are alike.

    Parameters
    ----------
    decisions : int64 tensor, shape (n,)
    what : str
        Who decides, such as ``"the model behind this trigger"``.

    Warns
    -----
    ConstantWarning
        Naming the class and the share that gets it.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     _ = told(torch.ones(30, dtype=torch.int64), "this model")
    >>> [str(one.message).split(":")[0] for one in seen]
    ['this model gives class 1 to 100.0% of 30 people']
    """
    top = collapsed(decisions) if len(decisions) >= FEW else None
    if top is not None:
        share = float((decisions == top).double().mean())
        warnings.warn(
            f"{what} gives class {top} to {share:.1%} of {len(decisions)} people: gaps between "
            "groups are near 0 for that reason alone, look at the accuracy",
            ConstantWarning,
            stacklevel=3,
        )
    return decisions
