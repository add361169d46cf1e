"""DVGE for any encoder: train d and g on its codes, leave the encoder alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.deciding import told
from fairtut.methods.dvge.classifiers import Config, check, fit_classifiers, fit_grid
from fairtut.methods.dvge.focus import focus
from fairtut.methods.dvge.seen import Seen, names
from fairtut.methods.dvge.training import logits
from fairtut.methods.encoding import encoded
from fairtut.methods.estimating import NetworkEstimator, read_config, read_seed, with_changes
from fairtut.methods.inputs import whole
from fairtut.metrics.labels import same_rows
from fairtut.models.stacked import StackedMLP
from fairtut.runtime import checkpoints
from fairtut.runtime.device import device_of
from fairtut.runtime.seeds import stream_seed

MIN_CELL: Final = 10
"""Rows that each of the four cells of (y, s) must have: fewer say nothing about a group."""


class DVGE(NetworkEstimator):
    """Train a fairer classifier on the codes of a frozen encoder.

    Parameters
    ----------
    encoder : nn.Module or callable
        Inputs (n, ..) to codes (n, d).  A module is used in evaluation mode and never changed.
    eta1, eta2 : float
        Strengths of the sensitive and of the task focus, at least 0; no scale of theirs carries
        over from one kind of focus, encoder or network to another.
    config : Config, optional
        The focus, the clip and how d and g are trained.
    random_state : int
        Seed of initial weights and of the order of the rows.
    **changes
        Single hyper-parameters, such as ``focus="loss_true"`` or ``eps=0.1``.

    Attributes
    ----------
    classes_ : int array, shape (2,)
        0 and 1, after :meth:`fit`.
    feature_names_in_ : object array, shape (k,)
        Names of the columns that :meth:`fit` saw, if it was given a data frame.

    Raises
    ------
    fairtut.errors.InputError
        For a hyper-parameter that does not exist.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.dvge import DVGE
    >>> rng = torch.Generator().manual_seed(0)
    >>> x = torch.randn(200, 6, generator=rng)
    >>> y, male, young = (x[:, :3] > 0).long().T
    >>> dvge = DVGE(nn.Identity(), eta1=0.5, hidden=(8,), epochs=2).fit(x, y, s=male)
    >>> dvge.predict_proba(x[:5]).shape
    torch.Size([5, 2])

    For another attribute the codes are kept; only d and g are trained again:

    >>> dvge.set_sensitive(young).sensitive_focus(x[:5]).shape
    torch.Size([5, 6])
    """

    def __init__(
        self,
        encoder: nn.Module | Callable[[Any], Any],
        *,
        eta1: float = 0.5,
        eta2: float = 0.2,
        config: Config | None = None,
        random_state: int = 0,
        **changes: Any,
    ) -> None:
        self.encoder, self.eta1, self.eta2 = encoder, eta1, eta2
        self.config = with_changes("DVGE", config or Config(), changes)
        self.random_state = random_state
        self._seen: Seen | None = None
        self._nets: tuple[StackedMLP, StackedMLP] | None = None

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        s: Any,
        sample_weight: Any = None,
        validation: tuple[Any, Any, Any] | None = None,
    ) -> DVGE:
        """Encode once, train d on (z, s), then g on perturbed codes.

        Parameters
        ----------
        x : array or tensor, shape (n, ..)
            What the encoder reads.
        y, s : array or tensor of 0 and 1, shape (n,)
        sample_weight : array-like, shape (n,), optional
            How much each row counts: rows are drawn in proportion to it
            (:func:`~fairtut.methods.inputs.weighted_rows`), by the seed.  Validation rows count
            once each.
        validation : (x, y, s), optional
            With it d and g keep the epoch of the highest accuracy there, else the last.

        Raises
        ------
        fairtut.errors.InputError
            For codes that are not finite (n, d), lengths that differ, bad weights, a single class,
            or fewer than :data:`MIN_CELL` rows with some y and s; for pandas columns whose indexes
            differ; for validation rows with other columns, or another order of them.
        """
        self._forget()
        same_rows(x=x, y=y, s=s, sample_weight=sample_weight)
        if validation is not None:
            same_rows(**dict(zip(("validation x", "validation y", "validation s"), validation,
                                 strict=True)))  # fmt: skip
        held_x, held_y, held_s = validation or (None, None, None)
        columns = self._held_columns(x, held_x)
        z = self.encode(x)
        label = whole("y", y).to(z.device)
        self._check(z, label, whole("s", s).to(z.device), "training")
        drawn = None
        if sample_weight is not None:
            drawn = self._drawn(sample_weight, torch.arange(len(z)))[0]
        held = None
        if validation is not None:
            z_held = self.encode(held_x)
            held = z_held, whole("y", held_y).to(z_held.device)
        named = names(x, y, s, sample_weight), names(*(validation or ()))
        seen = Seen(z, label, drawn, held, named)
        self._train(seen, s, held_s)
        self._seen = seen
        self._saw(columns)
        return self

    def set_sensitive(self, s: Any, s_validation: Any = None) -> DVGE:
        """Train d and g for another sensitive attribute of the same rows.

        The encoder is neither trained nor run again.

        Parameters
        ----------
        s : array or tensor of 0 and 1, shape (n,)
        s_validation : array or tensor, optional
            Needed if :meth:`fit` had validation rows.

        Raises
        ------
        fairtut.errors.InputError
            Before :meth:`fit`, for what fit refuses, and for pandas columns whose indexes differ
            from those of the rows of fit.
        """
        if self._seen is None:
            raise InputError("there are no codes yet: call .fit(x, y, s=s) first")
        self._nets = None  # of another attribute, should this training fail
        self.__dict__.pop("classes_", None)
        self._train(self._seen, s, s_validation)
        return self

    def _train(self, seen: Seen, s: Any, s_validation: Any) -> None:
        """Train d and g on encoded rows, and keep them."""
        z, y = seen.z, seen.y
        same_rows(y=seen.named[0], s=s)
        same_rows(**{"validation y": seen.named[1], "s_validation": s_validation})
        group = whole("s", s).to(z.device)
        self._check(z, y, group, "training")
        if (drawn := seen.chosen) is not None:
            once = drawn.unique().to(z.device)  # copies of a row say nothing more about a group
            self._check(z[once], y[once], group[once], "weighted training")
            z, y, group = (column[drawn.to(z.device)] for column in (z, y, group))
        held = seen.held
        if held is not None and s_validation is None:
            raise InputError("the validation rows need the new attribute, too: pass s_validation")
        held_s = None if held is None else (held[0], whole("s", s_validation).to(z.device))
        seed = self.random_state
        d = fit_classifiers(
            z, group, self.config, [stream_seed(seed, "sensitive")], validation=held_s
        )
        f_sens = focus(d, z, self.config.focus, group)[0]
        g = fit_grid(z, y, f_sens, [self.eta1], [self.eta2], self.config, [seed], validation=held)
        self._nets, self.classes_ = (d, g.net), np.arange(2)

    def _forget(self) -> None:
        super()._forget()
        self._seen = self._nets = None

    def encode(self, x: Any) -> Tensor:
        """Return codes (n, d), detached, in batches, on the encoder's device; it stays as it is.

        Raises
        ------
        fairtut.errors.InputError
            For a data frame with other columns than :meth:`fit` saw, or another order of them, and
            for what the encoder cannot read.
        """
        self._same_columns(x)
        return encoded(self.encoder, x).float()

    @property
    def sensitive(self) -> StackedMLP:
        """The sensitive classifier d, a stack of one."""
        return self._fitted[0]

    @property
    def task(self) -> StackedMLP:
        """The task classifier g, a stack of one."""
        return self._fitted[1]

    def decision_function(self, x: Any) -> Tensor:
        """Return g's logits (n, 2) on raw codes: neither s nor d is needed any more."""
        return logits(self.task, self.encode(x))[0]

    def predict_proba(self, x: Any) -> Tensor:
        """Return probabilities (n, 2)."""
        return self.decision_function(x).softmax(1)

    def predict(self, x: Any) -> Tensor:
        """Return decisions (n,) in {0, 1}.

        Warns if nearly everybody gets one class
        (:class:`~fairtut.methods.deciding.ConstantWarning`).
        """
        return told(self.decision_function(x).argmax(1), "this DVGE")

    def sensitive_focus(self, x: Any, s: Any = None) -> Tensor:
        """Return F_sens (n, d); ``loss_true`` needs s."""
        same_rows(x=x, s=s)
        return self._focus(self.sensitive, x, None if s is None else whole("s", s))

    def task_focus(self, x: Any, y: Any = None) -> Tensor:
        """Return F_task (n, d) of the trained g; ``loss_true`` needs y."""
        same_rows(x=x, y=y)
        return self._focus(self.task, x, None if y is None else whole("y", y))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write d and g with their settings; :meth:`load` reads them.

        Neither the encoder is in the file nor anybody's code or label.
        """
        d, g = self._fitted
        card = asdict(self.config) | {"eta1": self.eta1, "eta2": self.eta2}
        about = {"dvge": card, "inputs": d.inputs, "random_state": self.random_state}
        return checkpoints.save(path, nn.ModuleList([d, g]), about | self._columns_card())

    @classmethod
    def load(cls, path: str | os.PathLike[str], encoder: nn.Module | Callable[[Any], Any]) -> DVGE:
        """Read classifiers that :meth:`save` wrote, for codes of the encoder they were trained on.

        Another encoder with codes of the same width would give decisions without any meaning:
        nothing in the file can tell.  :meth:`set_sensitive` needs :meth:`fit` first.

        Raises
        ------
        fairtut.errors.CorruptFile
            If the file is no such checkpoint.
        """
        card = checkpoints.read_card(path)
        try:
            settings: dict[str, Any] = dict(card["dvge"])
            eta1, eta2 = settings.pop("eta1"), settings.pop("eta2")
            config, seed = read_config(Config, settings), read_seed(card)
            rng = torch.Generator()  # these weights are overwritten: the global one stays
            shape: tuple[Any, ...] = 1, card["inputs"], config.hidden, 2
            nets = [StackedMLP(*shape, generator=rng) for _ in range(2)]
            made = cls(encoder, eta1=eta1, eta2=eta2, config=config, random_state=seed)
            made._read_columns(card)
        except (KeyError, TypeError, ValueError):
            raise CorruptFile(
                f"{path} holds no classifiers that DVGE.save wrote: name one"
            ) from None
        both = nn.ModuleList(nets)
        checkpoints.load(path, both)
        if isinstance(encoder, nn.Module):
            both.to(device_of(encoder))
        both.eval().requires_grad_(False)
        made._nets, made.classes_ = (nets[0], nets[1]), np.arange(2)
        return made

    @property
    def _fitted(self) -> tuple[StackedMLP, StackedMLP]:
        if self._nets is None:
            raise InputError("this DVGE has no classifiers yet: call .fit(x, y, s=s)")
        return self._nets

    def _focus(self, net: StackedMLP, x: Any, target: Tensor | None) -> Tensor:
        z = self.encode(x)
        return focus(net, z, self.config.focus, None if target is None else target.to(z.device))[0]

    @staticmethod
    def _check(z: Tensor, y: Tensor, s: Tensor, name: str) -> None:
        for what, values in (("y", y), ("s", s)):
            check(z, values, 1, f"{name} {what}:")
        cells = torch.bincount(2 * y + s, minlength=4).tolist()
        if min(cells) < MIN_CELL:
            i = cells.index(min(cells))
            raise InputError(
                f"only {cells[i]} {name} rows have y={i // 2} and s={i % 2}: at least {MIN_CELL} "
                "are needed, merge groups or bring more rows"
            )
