"""FAAP for any torch classifier: fit, transform, save, load, export."""

from __future__ import annotations

import copy
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.deciding import decisions, look, per_class, told
from fairtut.methods.estimating import NetworkEstimator, read_config, read_seed, with_changes
from fairtut.methods.exporting import export
from fairtut.methods.faap.split import Split
from fairtut.methods.faap.training import Config, perturb, train
from fairtut.methods.holding import frozen
from fairtut.methods.inputs import check_images, whole
from fairtut.metrics.labels import same_rows
from fairtut.models.perturb import Perturber
from fairtut.runtime import checkpoints
from fairtut.runtime.device import device_of
from fairtut.runtime.seeds import own_random_numbers


class FAAP(NetworkEstimator):
    """Learn a pre-processor that lowers the bias of a classifier which stays as it is.

    Parameters
    ----------
    model : nn.Module
        Images (n, 3, h, w) in [0, 1] to logits (n, classes), or (n, 1) of class 1.
        It is never changed.
    split : str, optional
        Name of the submodule whose output is the code that D reads, as in
        ``model.named_modules()``.  Default ``"g"``, as the models here call it.
    config : Config, optional
        Hyper-parameters.
    random_state : int
        Seed of the players' initial weights and of the order of the rows.
    **changes
        Single hyper-parameters, such as ``epsilon=0.03``.

    Attributes
    ----------
    perturber : Perturber
        The trained generator, after :meth:`fit`.
    history : list of dict
        Losses per epoch.
    classes_ : int array, shape (2,)
        0 and 1, after :meth:`fit`.

    Raises
    ------
    fairtut.errors.InputError
        For a hyper-parameter or a model that FAAP cannot use.
    fairtut.errors.UnknownName
        If the model has no such split point.

    References
    ----------
    Wang et al. (2022), "Fairness-aware adversarial perturbation towards bias mitigation for
    deployed deep models", CVPR.

    Examples
    --------
    >>> import torch
    >>> from fairtut.methods.faap import FAAP
    >>> from fairtut.models.resnet import plain_cnn
    >>> rng = torch.Generator().manual_seed(0)
    >>> x = torch.rand(64, 3, 16, 16, generator=rng)
    >>> y, s = torch.arange(64) % 2, torch.arange(64) // 2 % 2
    >>> faap = FAAP(plain_cnn(width=2), epsilon=0.03, width=2, blocks=1, epochs=1)
    >>> moved = faap.fit(x, y, s=s).transform(x) - x
    >>> moved.shape, bool(moved.abs().max() <= 0.03 + 1e-6)
    (torch.Size([64, 3, 16, 16]), True)
    """

    def __init__(
        self,
        model: nn.Module,
        split: str | None = None,
        config: Config | None = None,
        *,
        random_state: int = 0,
        **changes: Any,
    ) -> None:
        self.config = with_changes("FAAP", config or Config(), changes)
        self._split = Split(model, split)
        self.model, self.split, self.random_state = model, self._split.at, random_state
        self._perturber: Perturber | None = None
        self.history: list[dict[str, float]] = []

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        s: Any,
        sample_weight: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> FAAP:
        """Train the generator.

        Parameters
        ----------
        x : array or tensor, shape (n, 3, h, w)
            Images, uint8, or floating point in [0, 1].
        y, s : array or tensor of 0 and 1, shape (n,)
        sample_weight : array-like, shape (n,), optional
            How much each row counts: rows are drawn in proportion to it
            (:func:`~fairtut.methods.inputs.weighted_rows`), by the seed.
        checkpoint : path-like, optional
            Makes an interrupted training resumable.

        Raises
        ------
        fairtut.errors.InputError
            For NaN, pixels outside [0, 1], shapes or weights that do not fit, a single class, or
            pandas columns whose indexes differ.
        """
        self._forget()
        same_rows(x=x, y=y, s=s, sample_weight=sample_weight)
        device = device_of(self.model)
        columns = check_images(x, 3), whole("y", y), whole("s", s)
        drawn = self._drawn(sample_weight, *columns)
        done = train(
            self._split, *[part.to(device) for part in drawn], config=self.config,
            seed=self.random_state, checkpoint=checkpoint,
        )  # fmt: skip
        self._perturber, self.history = done.perturber, done.history
        self.classes_ = np.arange(2)
        return self

    def _forget(self) -> None:
        super()._forget()
        self._perturber, self.history = None, []

    @property
    def perturber(self) -> Perturber:
        """The trained generator (raises ``InputError`` before :meth:`fit`)."""
        if self._perturber is None:
            raise InputError("this FAAP has no generator yet: call .fit(x, y, s=s)")
        return self._perturber

    def use(self, perturber: Perturber) -> FAAP:
        """Take a generator that was trained elsewhere, such as by ``train`` or loaded.

        It is copied to the model's device: one that was loaded from a file is on the CPU.
        """
        ours = copy.deepcopy(perturber).to(device_of(self.model))
        self._perturber, self.history = ours.eval().requires_grad_(False), []
        self.classes_ = np.arange(2)
        return self

    def transform(self, x: Any) -> Tensor:
        """Return the perturbed images in [0, 1]; needs neither label nor sensitive attribute."""
        return perturb(self.perturber, check_images(x, 3).to(device_of(self.perturber)))

    def predict_proba(self, x: Any) -> Tensor:
        """Return the deployed model's probabilities (n, classes) on the perturbed images."""
        return torch.cat([per_class(part).softmax(1) for part in self._outputs(x)])

    def predict(self, x: Any) -> Tensor:
        """Return the deployed model's decisions (n,) on the perturbed images.

        Warns if nearly everybody gets one class
        (:class:`~fairtut.methods.deciding.ConstantWarning`).
        """
        parts = [decisions(part) for part in self._outputs(x)]
        return told(torch.cat(parts), "the model behind this generator")

    def _outputs(self, x: Any) -> list[Any]:
        """Return what the model gives for each part of the perturbed images."""
        with torch.no_grad(), frozen(self.model):
            return [look(self.model, part) for part in self.transform(x).split(512)]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the generator with its hyper-parameters; :meth:`load` reads it.

        The deployed model is not in the file, and ``load_perturber`` needs none.
        """
        g = self.perturber  # may have come from elsewhere, with a bound of its own
        settings = asdict(self.config) | {
            "width": g.width, "blocks": g.blocks, "epsilon": g.epsilon, "bound": g.bound,
        }  # fmt: skip
        card = {"faap": settings, "split": self.split, "random_state": self.random_state}
        return checkpoints.save(path, g, card)

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: nn.Module, split: str | None = None) -> FAAP:
        """Read a generator that :meth:`save` wrote, and put it before a deployed model.

        Parameters
        ----------
        path : path-like
        model : nn.Module
            The one that it was trained for, or another one.
        split : str, optional
            Default the split point that it was trained with.

        Raises
        ------
        fairtut.errors.CorruptFile
            If the file is no such checkpoint.
        fairtut.errors.UnknownName
            If the model has no such split point.
        """
        perturber, config, card = _read(path)
        at = card.get("split") if split is None else split
        return cls(model, at, config, random_state=card["random_state"]).use(perturber)

    def export(self, path: str | os.PathLike[str], size: int | tuple[int, int]) -> Path:
        """Write the generator as TorchScript for images of one size, any batch.

        Parameters
        ----------
        path : path-like
            ``torch.jit.load(path)`` gives a module that maps float images (n, 3, h, w) in [0, 1]
            to perturbed images, without this package.
        size : int or (int, int)
            Side, or height and width.
        """
        h, w = (size, size) if isinstance(size, int) else size
        example = torch.rand(2, 3, h, w, generator=torch.Generator())  # the caller's stays
        return export(self.perturber, example, path)


def load_perturber(path: str | os.PathLike[str]) -> Perturber:
    """Read a generator that :meth:`FAAP.save` wrote.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the file is no such checkpoint.
    """
    return _read(path)[0]


def _read(path: str | os.PathLike[str]) -> tuple[Perturber, Config, dict[str, Any]]:
    """Return a saved generator, its hyper-parameters, and its file's card."""
    card = checkpoints.read_card(path)
    try:
        config = read_config(Config, card["faap"])
        card["random_state"] = read_seed(card)
    except (KeyError, TypeError):
        raise CorruptFile(f"{path} is no generator that FAAP.save wrote: name one") from None
    with own_random_numbers(torch.device("cpu")):  # its first weights are overwritten
        perturber = Perturber(
            config.width, config.blocks, epsilon=config.epsilon, bound=config.bound
        )
    checkpoints.load(path, perturber)
    return perturber.eval().requires_grad_(False), config, card
