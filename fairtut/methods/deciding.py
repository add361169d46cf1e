"""From a network's outputs to decisions, whatever habit its author had."""

from __future__ import annotations

from torch import Tensor

from fairtut.errors import InputError


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
