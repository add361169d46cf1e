"""Build networks without a trace in torch's global random numbers."""

from __future__ import annotations

import contextlib

import torch

from fairtut.runtime.seeds import own_random_numbers

__all__: list[str] = []  # for the models' own use: no page of the reference


def building(generator: torch.Generator | None) -> contextlib.AbstractContextManager[None]:
    """Within, layers are built that a generator fills: the global one is then as it was before.

    torch fills each new layer from the global generator first.  Without a generator of its own a
    network is drawn from the global one anyway, and nothing is put back.

    Examples
    --------
    >>> from fairtut.models.building import building
    >>> before = torch.get_rng_state()
    >>> with building(torch.Generator()):
    ...     layer = torch.nn.Conv2d(3, 4, 3)
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    if generator is None:
        return contextlib.nullcontext()
    return own_random_numbers(torch.device("cpu"))
