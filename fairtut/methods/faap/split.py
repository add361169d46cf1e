"""A deployed classifier, split into codes and logits without touching it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.deciding import per_class


class Split:
    r"""See a classifier as :math:`f \circ g`: one forward pass gives the code and the logits.

    Parameters
    ----------
    model : nn.Module
        Any classifier: images (n, 3, h, w) in [0, 1] to logits (n, classes), or (n, 1) of class 1.
        It is never changed.
    at : str, optional
        Name of the submodule whose output is the code, as in ``model.named_modules()``.  Maps
        (n, d, h, w) are averaged over pixels.  Default ``"g"``, as the models here call it.

    Raises
    ------
    fairtut.errors.InputError
        If no name is given and the model has no ``g``, or it has no submodules at all.
    fairtut.errors.UnknownName
        If the model has no submodule of that name.

    Examples
    --------
    >>> from fairtut.methods.faap import Split
    >>> from torch import nn
    >>> import torch
    >>> model = nn.Sequential(
    ...     nn.Conv2d(3, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 1)
    ... )
    >>> codes, logits = Split(model, at="0")(torch.zeros(4, 3, 8, 8))
    >>> codes.shape, logits.shape  # maps are averaged, and one output becomes two logits
    (torch.Size([4, 5]), torch.Size([4, 2]))
    >>> torch.equal(logits[:, 1:], model(torch.zeros(4, 3, 8, 8)))  # the model is as it was
    True
    """

    def __init__(self, model: nn.Module, at: str | None = None) -> None:
        self.model = model
        self.at, self._layer = _layer(model, at)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes (n, d) and logits (n, classes)."""
        caught: list[Any] = []

        def catch(_: nn.Module, __: Any, out: Any) -> None:
            # at once, since a later layer may work in place
            if isinstance(out, Tensor):
                out = out.flatten(2).mean(2) if out.ndim > 2 else out.clone()  # (n, d)
            caught.append(out)

        hook = self._layer.register_forward_hook(catch)
        try:
            logits = self.model(x)
        finally:
            hook.remove()
        if len(caught) != 1 or not isinstance(caught[0], Tensor):
            raise InputError(
                f"split point {self.at!r} ran {len(caught)} times in a forward pass or gives no "
                "tensor: name a layer that runs once"
            )
        code = caught[0]
        # a model in half precision that takes our images: the players are in single precision
        return code.float() if torch.finfo(code.dtype).bits < 32 else code, per_class(logits)


def _layer(model: nn.Module, at: str | None) -> tuple[str, nn.Module]:
    """Return the name and the module of a split point."""
    if not isinstance(model, nn.Module):
        raise InputError(
            f"the deployed model is a {type(model).__name__}: FAAP needs a torch.nn.Module, to "
            "read the codes inside it"
        )
    known = {name: module for name, module in model.named_modules() if name}
    if not known:
        raise InputError(
            f"{type(model).__name__} has no submodules, so there is no code to read: give its "
            "layers names as attributes, or build it as nn.Sequential(features, head)"
        )
    if at is None and "g" not in known:
        raise InputError(
            f"{type(model).__name__} has no submodule 'g': say whose output is the code, "
            f"split=NAME, with NAME one of {', '.join(known)}"
        )
    name = "g" if at is None else at
    if name not in known:
        raise UnknownName.of("split point", name, known)
    return name, known[name]
