"""A trigger for any torch classifier: fit, transform, predict, save, load, export."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fairtut.data.images import as_pixels
from fairtut.errors import CorruptFile, InputError
from fairtut.methods.deciding import decisions, look, per_class, told
from fairtut.methods.exporting import export
from fairtut.methods.inputs import check_images, whole
from fairtut.methods.reprogramming.game import Config
from fairtut.methods.reprogramming.training import train_trigger
from fairtut.methods.reprogramming.trigger import Border, Patch, Shape, TriggerModule, standard
from fairtut.metrics.labels import same_rows
from fairtut.runtime import checkpoints
from fairtut.runtime.device import device_of
from fairtut.runtime.seeds import torch_rng


class Trigger:
    """One constant trigger that is put into every image before a classifier sees it.

    Parameters
    ----------
    module : TriggerModule
        Trained (:meth:`fit` makes one) or random (:meth:`random`).
    history : sequence of dict
        Of its training (:class:`~fairtut.methods.reprogramming.training.Fit`).
    cells : int64 tensor, shape (groups, classes), optional
        People in the tuning data by s and y.

    Examples
    --------
    >>> trigger = Trigger.fit(model, images, y, s, criterion="eo", lam=10)  # doctest: +SKIP
    >>> y_hat = trigger.predict(model, new_images)  # doctest: +SKIP
    >>> y_hat = trigger.predict(another_model, new_images)  # transfer  # doctest: +SKIP
    """

    def __init__(
        self,
        module: TriggerModule,
        history: Sequence[dict[str, float]] = (),
        cells: Tensor | None = None,
    ) -> None:
        self.module = module.eval().requires_grad_(False)
        self.history, self.cells = list(history), cells

    @classmethod
    def fit(
        cls,
        model: nn.Module,
        images: Any,
        y: Any,
        s: Any,
        *,
        shape: Shape | str = "border",
        values: str = "tanh",
        start: float = 1.0,
        centre: float = 0.0,
        config: Config | None = None,
        seed: int = 0,
        checkpoint: str | os.PathLike[str] | None = None,
        **changes: Any,
    ) -> Trigger:
        """Train a trigger; the model is not changed, and needed again only to predict.

        Parameters
        ----------
        model : nn.Module
            Images (n, c, h, w) in [0, 1] to logits (n, classes), or (n, 1) of class 1.
        images : array or tensor, shape (n, c, h, w)
            uint8, or floating point in [0, 1]; not those that trained the model.
        y, s : array or tensor of whole numbers, shape (n,)
            Label in 0..classes-1, group in 0..groups-1.
        shape : Patch, Border, "patch" or "border"
            A name stands for the paper's size, scaled to the images.
        values : {"tanh", "sigmoid"}
            Range of the trigger's pixels.
        start, centre : float
            The trigger starts uniform on (centre - start, centre + start) before the bound; 1 and 0
            as released, loud noise with which many a model begins near a constant answer.
        config : Config, optional
        seed : int
        checkpoint : path-like, optional
            Makes an interrupted training resumable.
        **changes
            Single hyper-parameters, such as ``criterion="dp"`` or ``lam=3``.

        Raises
        ------
        fairtut.errors.InputError
            For bad images or labels, one class, a missing group, a trigger that does not fit, or
            pandas columns whose indexes differ.
        fairtut.errors.UnknownName
            For a shape, range or criterion that does not exist.
        """
        known = [f.name for f in fields(Config)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise InputError(f"Trigger has no hyper-parameter {unknown[0]!r}: known are {known}")
        same_rows(images=images, y=y, s=s)
        x = check_images(images)
        device = device_of(model)
        if isinstance(shape, str):
            shape = standard(shape, x.shape[2], x.shape[3])
        done = train_trigger(
            model, x.to(device), whole("y", y).to(device), whole("s", s).to(device),
            shape=shape, values=values, start=start, centre=centre,
            config=replace(config or Config(), **changes), seed=seed, checkpoint=checkpoint,
        )  # fmt: skip
        assert isinstance(done.module, TriggerModule)
        return cls(done.module, done.history, done.cells)

    @classmethod
    def random(
        cls, shape: Shape | str, size: tuple[int, int], *, values: str = "tanh", seed: int = 0
    ) -> Trigger:
        """Return the untrained trigger that a training of this seed starts from: a control."""
        if isinstance(shape, str):
            shape = standard(shape, *size)
        return cls(TriggerModule(shape, size, values=values, generator=torch_rng(seed, "trigger")))

    @property
    def image(self) -> Tensor:
        """The trigger's pixels, (c, h, w), zero outside its mask."""
        return self.module.pixels()

    def to(self, device: torch.device | str) -> Trigger:
        """Return the same trigger on a device: :meth:`load` and :meth:`random` make one on CPU."""
        return Trigger(copy.deepcopy(self.module).to(device), self.history, self.cells)

    @torch.no_grad()
    def transform(self, images: Any, batch: int = 512) -> Tensor:
        """Return triggered images (n, c, h, w); with ``tanh`` some pixels are negative."""
        parts = check_images(images).to(self.module.weight.device).split(batch)
        return torch.cat([self.module(as_pixels(rows)) for rows in parts])

    def logits(self, model: nn.Module, images: Any, batch: int = 512) -> Tensor:
        """Return any classifier's logits (n, classes) on triggered images, on its own device.

        A single logit z of class 1 becomes the two logits (0, z).
        """
        net = copy.deepcopy(model).eval()  # modes and statistics of the caller's stay as they are
        ours = self.to(device_of(net, self.module.weight.device))
        parts = check_images(images).split(batch)
        with torch.no_grad():
            return torch.cat([per_class(look(net, ours.transform(rows))) for rows in parts])

    def predict(self, model: nn.Module, images: Any) -> Tensor:
        """Return any classifier's decisions (n,) on triggered images, on its own device.

        Warns if nearly everybody gets one class
        (:class:`~fairtut.methods.deciding.ConstantWarning`).
        """
        return told(decisions(self.logits(model, images)), "the model behind this trigger")

    def on_null(self, model: nn.Module, value: float = 0.0) -> Tensor:
        """Return a classifier's probabilities (classes,) for this trigger on an empty image.

        With a classifier of the *sensitive attribute* it shows what the trigger alone claims.

        Parameters
        ----------
        model : nn.Module
        value : float
            Of every pixel of the empty image, in [0, 1]: the paper does not say which it used.
        """
        blank = torch.full((1, *self.module.weight.shape), value)
        return torch.softmax(self.logits(model, blank)[0], 0)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trigger; :meth:`load` reads it."""
        module = self.module
        card = {
            "kind": type(module.shape).__name__,
            "shape": asdict(module.shape),
            "size": list(module.size),
            "values": module.values,
            "channels": module.weight.shape[0],
        }
        return checkpoints.save(path, module, {"trigger": card})

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the trigger as TorchScript for images of its size, any batch.

        Parameters
        ----------
        path : path-like
            ``torch.jit.load(path)`` gives a module that maps float images (n, c, h, w) in [0, 1]
            to triggered ones, without this package.
        """
        return export(self.module, torch.rand(2, *self.module.weight.shape), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trigger:
        """Read a trigger that :meth:`save` wrote.

        Raises
        ------
        fairtut.errors.CorruptFile
            If the file is no such checkpoint.
        """
        try:
            card = checkpoints.read_card(path)["trigger"]
            kind = {"Patch": Patch, "Border": Border}[card["kind"]]
            module = TriggerModule(
                kind(**card["shape"]), tuple(card["size"]),
                values=card["values"], channels=card["channels"],
            )  # fmt: skip
        except (KeyError, TypeError):
            raise CorruptFile(f"{path} is no trigger that Trigger.save wrote: name one") from None
        checkpoints.load(path, module)
        return cls(module)
