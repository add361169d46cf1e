"""A deployed classifier, split into codes and logits without touching it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName


class Split:
    r"""See a classifier as :math:`f \circ g`: one forward pass gives the code and the logits.

    Parameters
    ----------
    model : nn.Module
        Any classifier: images (n, 3, h, w) in [0, 1] to logits (n, classes).  It is never changed.
    at : str
        Name of the submodule whose output is the code, as in ``model.named_modules()``.  Maps
        (n, d, h, w) are averaged over pixels.

    Raises
    ------
    fairtut.errors.UnknownName
        If the model has no submodule of that name.
    """

    def __init__(self, model: nn.Module, at: str = "g") -> None:
        known = dict(model.named_modules())
        if not at or at not in known:
            raise UnknownName.of("split point", at, [name for name in known if name])
        self.model, self.at = model, at
        self._layer = known[at]

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
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise InputError("the deployed model must return logits of shape (n, classes)")
        return caught[0], logits
