"""A trigger for any torch classifier: fit, transform, predict, save, load, export."""

from __future__ import annotations

import copy
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.data.images import as_pixels
from fairtut.errors import CorruptFile, InputError
from fairtut.methods.deciding import decisions, look, per_class, told
from fairtut.methods.estimating import NetworkEstimator, read_config, read_seed, with_changes
from fairtut.methods.exporting import export
from fairtut.methods.inputs import check_images, whole
from fairtut.methods.reprogramming.game import Config
from fairtut.methods.reprogramming.training import train_trigger
from fairtut.methods.reprogramming.trigger import Border, Patch, Shape, TriggerModule, standard
from fairtut.metrics.labels import same_rows
from fairtut.runtime import checkpoints
from fairtut.runtime.device import device_of
from fairtut.runtime.seeds import torch_rng


class Trigger(NetworkEstimator):
    """One constant trigger that is put into every image before a classifier sees it.

    Parameters
    ----------
    model : nn.Module, optional
        Images (n, c, h, w) in [0, 1] to logits (n, classes), or (n, 1) of class 1.  It is never
        changed.  Without one, :meth:`predict` has to be told whom to ask.
    shape : Patch, Border, "patch" or "border"
        A name stands for the paper's size, scaled to the images.
    values : {"tanh", "sigmoid"}
        Range of the trigger's pixels.
    start, centre : float
        The trigger starts uniform on (centre - start, centre + start) before the bound; 1 and 0
        as released, loud noise with which many a model begins near a constant answer.
    config : Config, optional
        Hyper-parameters.
    random_state : int
        Seed of the trigger's start, the discriminator and the order of the rows.
    **changes
        Single hyper-parameters, such as ``criterion="dp"`` or ``lam=3``.

    Attributes
    ----------
    module : TriggerModule
        Trained by :meth:`fit`, or random (:meth:`random`).
    history : list of dict
        Of its training (:class:`~fairtut.methods.reprogramming.training.Fit`).
    cells : int64 tensor, shape (groups, classes), or None
        People in the tuning data by s and y; with weights, of the rows that were drawn.
    classes_ : int array, shape (classes,)
        0..classes-1, after :meth:`fit`.

    Raises
    ------
    fairtut.errors.InputError
        For a hyper-parameter that does not exist.

    References
    ----------
    Zhang et al. (2022), "Fairness reprogramming", NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from fairtut.methods.reprogramming import Patch, Trigger
    >>> from fairtut.models.resnet import plain_cnn
    >>> x = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> y, s = torch.arange(64) % 2, torch.arange(64) // 2 % 2
    >>> tiny = {"hidden": (4,), "epochs": 1}
    >>> trigger = Trigger(plain_cnn(width=2), shape=Patch(3), **tiny).fit(x, y, s=s)
    >>> int((trigger.transform(x) != x).any(1).sum(dim=(1, 2)).max()) <= 3 * 3
    True

    The same trigger before another model:

    >>> trigger.predict_proba(x[:5], plain_cnn(width=3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        *,
        shape: Shape | str = "border",
        values: str = "tanh",
        start: float = 1.0,
        centre: float = 0.0,
        config: Config | None = None,
        random_state: int = 0,
        **changes: Any,
    ) -> None:
        self.config = with_changes("Trigger", config or Config(), changes)
        self.model, self.shape, self.values = model, shape, values
        self.start, self.centre, self.random_state = start, centre, random_state
        self._module: TriggerModule | None = None
        self.history: list[dict[str, float]] = []
        self.cells: Tensor | None = None

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        s: Any,
        sample_weight: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Trigger:
        """Train a trigger for the model.

        Parameters
        ----------
        x : array or tensor, shape (n, c, h, w)
            Images, uint8, or floating point in [0, 1]; not those that trained the model.
        y, s : array or tensor of whole numbers, shape (n,)
            Label in 0..classes-1, group in 0..groups-1.
        sample_weight : array-like, shape (n,), optional
            How much each row counts: rows are drawn in proportion to it
            (:func:`~fairtut.methods.inputs.weighted_rows`), by the seed.
        checkpoint : path-like, optional
            Makes an interrupted training resumable.

        Raises
        ------
        fairtut.errors.InputError
            For bad images, labels or weights, one class, a missing group, a trigger that does not
            fit, pandas columns whose indexes differ, or without a model.
        fairtut.errors.UnknownName
            For a shape, range or criterion that does not exist.
        """
        model, shape = self._asked(None), self.shape
        self._forget()
        same_rows(x=x, y=y, s=s, sample_weight=sample_weight)
        images, device = check_images(x), device_of(model)
        if isinstance(shape, str):
            shape = standard(shape, images.shape[2], images.shape[3])
        drawn = self._drawn(sample_weight, images, whole("y", y), whole("s", s))
        done = train_trigger(
            model, *[part.to(device) for part in drawn],
            shape=shape, values=self.values, start=self.start, centre=self.centre,
            config=self.config, seed=self.random_state, checkpoint=checkpoint,
        )  # fmt: skip
        assert isinstance(done.module, TriggerModule)
        self.use(done.module)
        self.history, self.cells = list(done.history), done.cells
        if done.cells is not None:
            self.classes_ = np.arange(done.cells.shape[1])
        return self

    def _forget(self) -> None:
        super()._forget()
        self._module, self.history, self.cells = None, [], None

    def use(self, module: TriggerModule) -> Trigger:
        """Take a trigger that was trained elsewhere: a copy, so neither changes the other.

        What an earlier :meth:`fit` said of its own trigger is forgotten.
        """
        ours = copy.deepcopy(module).eval().requires_grad_(False)
        self._forget()
        self._module = ours
        return self

    @classmethod
    def random(
        cls, shape: Shape | str, size: tuple[int, int], *, values: str = "tanh",
        random_state: int = 0,
    ) -> Trigger:  # fmt: skip
        """Return the untrained trigger that a training of this seed starts from: a control."""
        if isinstance(shape, str):
            shape = standard(shape, *size)
        rng = torch_rng(random_state, "trigger")
        made = cls(shape=shape, values=values, random_state=random_state)
        return made.use(TriggerModule(shape, size, values=values, generator=rng))

    @property
    def module(self) -> TriggerModule:
        """What puts the trigger into images (raises ``InputError`` before :meth:`fit`)."""
        if self._module is None:
            raise InputError("this Trigger has no pixels yet: call .fit(x, y, s=s)")
        return self._module

    @property
    def image(self) -> Tensor:
        """The trigger's pixels, (c, h, w), zero outside its mask."""
        return self.module.pixels()

    def to(self, device: torch.device | str) -> Trigger:
        """Return the same trigger on a device: :meth:`load` and :meth:`random` make one on CPU."""
        moved = copy.copy(self)  # the model stays where it is, and is not copied
        moved._module = copy.deepcopy(self.module).to(device)
        return moved

    @torch.no_grad()
    def transform(self, x: Any, batch: int = 512) -> Tensor:
        """Return triggered images (n, c, h, w); with ``tanh`` some pixels are negative."""
        parts = check_images(x).to(self.module.weight.device).split(batch)
        return torch.cat([self.module(as_pixels(rows)) for rows in parts])

    def logits(self, x: Any, model: nn.Module | None = None, batch: int = 512) -> Tensor:
        """Return a classifier's logits (n, classes) on triggered images, on its own device.

        Parameters
        ----------
        x : array or tensor, shape (n, c, h, w)
        model : nn.Module, optional
            Another classifier than the trigger's own.  A single logit z of class 1 becomes the
            two logits (0, z).
        batch : int
            Images at a time.
        """
        net = copy.deepcopy(self._asked(model)).eval()  # the caller's modes and statistics stay
        ours = self.to(device_of(net, self.module.weight.device))
        parts = check_images(x).split(batch)
        with torch.no_grad():
            return torch.cat([per_class(look(net, ours.transform(rows))) for rows in parts])

    def predict_proba(self, x: Any, model: nn.Module | None = None) -> Tensor:
        """Return a classifier's probabilities (n, classes) on triggered images."""
        return self.logits(x, model).softmax(1)

    def predict(self, x: Any, model: nn.Module | None = None) -> Tensor:
        """Return a classifier's decisions (n,) on triggered images, on its own device.

        Warns if nearly everybody gets one class
        (:class:`~fairtut.methods.deciding.ConstantWarning`).
        """
        return told(decisions(self.logits(x, model)), "the model behind this trigger")

    def _asked(self, model: nn.Module | None) -> nn.Module:
        found = self.model if model is None else model
        if found is None:
            raise InputError(
                "this Trigger has no model: Trigger(model).fit(x, y, s=s) trains one for it, "
                ".predict(x, model) asks one"
            )
        return found

    def on_null(self, model: nn.Module | None = None, value: float = 0.0) -> Tensor:
        """Return a classifier's probabilities (classes,) for this trigger on an empty image.

        With a classifier of the *sensitive attribute* it shows what the trigger alone claims.

        Parameters
        ----------
        model : nn.Module
        value : float
            Of every pixel of the empty image, in [0, 1]: the paper does not say which it used.
        """
        blank = torch.full((1, *self.module.weight.shape), value)
        return torch.softmax(self.logits(blank, model)[0], 0)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trigger with its settings; :meth:`load` reads it."""
        module = self.module
        card = {
            "kind": type(module.shape).__name__,
            "shape": asdict(module.shape),
            "size": list(module.size),
            "values": module.values,
            "channels": module.weight.shape[0],
        }
        settings = {
            "config": asdict(self.config), "start": self.start, "centre": self.centre,
            "random_state": self.random_state,
        }  # fmt: skip
        about: dict[str, Any] = {"trigger": card, "settings": settings}
        if hasattr(self, "classes_"):
            about["classes"] = len(self.classes_)
        return checkpoints.save(path, module, about)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the trigger as TorchScript for images of its size, any batch.

        Parameters
        ----------
        path : path-like
            ``torch.jit.load(path)`` gives a module that maps float images (n, c, h, w) in [0, 1]
            to triggered ones, without this package.
        """
        size = self.module.weight.shape
        example = torch.rand(2, *size, generator=torch.Generator())  # the caller's stays
        return export(self.module, example, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: nn.Module | None = None) -> Trigger:
        """Read a trigger that :meth:`save` wrote, and put it before a model, if one is given.

        Raises
        ------
        fairtut.errors.CorruptFile
            If the file is no such checkpoint.
        """
        about = checkpoints.read_card(path)
        try:
            card, settings = about["trigger"], about.get("settings", {})  # {}: a file of before
            kind = {"Patch": Patch, "Border": Border}[card["kind"]]
            module = TriggerModule(
                kind(**card["shape"]), tuple(card["size"]),
                values=card["values"], channels=card["channels"],
                generator=torch.Generator(),  # these pixels are overwritten
            )  # fmt: skip
            if settings:
                config = read_config(Config, settings["config"])
                settings = settings | {"config": config, "random_state": read_seed(settings)}
            made = cls(model, shape=module.shape, values=module.values, **settings)
            classes = np.arange(about["classes"]) if "classes" in about else None
        except (KeyError, TypeError, ValueError):
            raise CorruptFile(f"{path} is no trigger that Trigger.save wrote: name one") from None
        checkpoints.load(path, module)
        made.use(module)
        if classes is not None:
            made.classes_ = classes
        return made
