"""Hold networks still while a method looks at them, and put them back as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def evaluating(*models: object) -> Iterator[None]:
    """Keep modules in evaluation mode, then give every part its own mode back.

    Parameters
    ----------
    *models : nn.Module or callable
        What is no module has no mode and is left alone.

    Yields
    ------
    None

    Examples
    --------
    >>> from fairtut.methods.holding import evaluating
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout().eval())
    >>> with evaluating(net, abs):
    ...     [part.training for part in net.modules()]
    [False, False, False]
    >>> [part.training for part in net.modules()]  # the dropout was off before
    [True, True, False]
    """
    nets = [model for model in models if isinstance(model, nn.Module)]
    modes = [(part, part.training) for net in nets for part in net.modules()]
    try:
        for net in nets:
            net.eval()
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def frozen(*models: nn.Module) -> Iterator[None]:
    """Keep models in evaluation mode and without parameter gradients, then restore both.

    Evaluation mode keeps the running statistics of batch norm as they are; gradients still flow
    *through* the models to their inputs.

    Examples
    --------
    >>> from fairtut.methods.holding import frozen
    >>> from torch import nn
    >>> net = nn.Linear(2, 1)
    >>> with frozen(net):
    ...     net.weight.requires_grad, net.training
    (False, False)
    >>> net.weight.requires_grad, net.training
    (True, True)
    """
    flags = [(p, p.requires_grad) for model in models for p in model.parameters()]
    with evaluating(*models):
        try:
            for parameter, _ in flags:
                parameter.requires_grad_(False)
            yield
        finally:
            for parameter, flag in flags:
                parameter.requires_grad_(flag)
