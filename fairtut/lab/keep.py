"""Build → train → keep: a network that is trained once, with a card made from its settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fairtut.runtime.checkpoints import load_or_train

if TYPE_CHECKING:
    from torch import nn

N = TypeVar("N", bound="nn.Module")


def network(
    build: Callable[[], N],
    train: Callable[..., Mapping[str, Any]],
    about: Mapping[str, Any],
    *,
    folder: Path | None = None,
    resumable: bool = False,
) -> tuple[N, dict[str, Any]]:
    """Return a trained network: loaded where it was trained before, else trained and kept.

    Parameters
    ----------
    build : callable
        Takes nothing and returns the network as it is before training, on its device.
    train : callable
        Takes that network, trains it in place, and returns what to add to the card: its history,
        scores, seconds.  With ``resumable`` it takes the path of a checkpoint, too.
    about : mapping
        Everything that the network depends on besides the code of ``train``: settings as they
        are (dataclasses, numbers, text), and digests of data and of other networks.  With what
        ``train`` returns it is the model's card.
    folder, resumable
        See ``fairtut.runtime.checkpoints.load_or_train``.

    Returns
    -------
    network : nn.Module
        In evaluation mode and frozen.
    card : dict
        ``about`` and what ``train`` returned, as JSON gives them back, and ``loaded``: whether
        it was trained before.

    Raises
    ------
    fairtut.errors.InputError
        If ``about`` holds something without a lasting name, such as a function.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from torch import nn
    >>> def train(net):
    ...     nn.init.constant_(net.weight, 2.0)
    ...     return {"loss": 0.5}
    >>> with tempfile.TemporaryDirectory() as here:
    ...     for _ in range(2):
    ...         net, card = network(
    ...             lambda: nn.Linear(1, 1), train, {"what": "toy"}, folder=Path(here)
    ...         )
    ...         print(float(net.weight), card)
    2.0 {'what': 'toy', 'loss': 0.5, 'loaded': False}
    2.0 {'what': 'toy', 'loss': 0.5, 'loaded': True}
    """
    net = build()
    card = {name: _plain(value) for name, value in about.items()}
    full = load_or_train(net, card, train, folder, resumable=resumable)
    net.eval().requires_grad_(False)
    return net, full


def _plain(value: Any) -> Any:
    """Return a dataclass as a mapping with its name, so that a card can be read; others as is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__qualname__, **dataclasses.asdict(value)}
    return value
