"""DVGE for any encoder: train d and g on its codes, leave the encoder alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.deciding import told
from fairtut.methods.dvge.classifiers import Config, check, fit_classifiers, fit_grid
from fairtut.methods.dvge.focus import focus
from fairtut.methods.dvge.training import logits
from fairtut.methods.encoding import encoded
from fairtut.methods.inputs import whole
from fairtut.metrics.labels import same_rows
from fairtut.models.stacked import StackedMLP
from fairtut.runtime import checkpoints
from fairtut.runtime.device import device_of
from fairtut.runtime.seeds import stream_seed

MIN_CELL: Final = 10
"""Rows that each of the four cells of (y, s) must have: fewer say nothing about a group."""


class DVGE:
    """Train a fairer classifier on the codes of a frozen encoder.

    Parameters
    ----------
    encoder : nn.Module or callable
        Inputs (n, ..) to codes (n, d).  A module is used in evaluation mode and never changed.
    eta1, eta2 : float
        Strengths of the sensitive and of the task focus, at least 0; no scale of theirs carries
        over from one kind of focus, encoder or network to another.
    eps : float or None
        The clip's bound; None for no clip.
    focus : str
        One of :data:`~fairtut.methods.dvge.focus.FOCI`.
    config : Config, optional
        How d and g are trained; the arguments above take the place of its own.

    Examples
    --------
    >>> dvge = DVGE(encoder, eta1=0.5).fit(x, y, male)  # doctest: +SKIP
    >>> y_hat = dvge.predict(x_new)  # doctest: +SKIP
    >>> dvge.set_sensitive(young)  # the codes are kept, only d and g are trained  # doctest: +SKIP
    """

    def __init__(
        self,
        encoder: nn.Module | Callable[[Any], Any],
        *,
        eta1: float = 0.5,
        eta2: float = 0.2,
        eps: float | None = None,
        focus: str = "loss_pred",
        config: Config | None = None,
    ) -> None:
        self.encoder, self.eta1, self.eta2 = encoder, eta1, eta2
        self.config = replace(config or Config(), focus=focus, eps=eps)
        self._rows: tuple[Tensor, Tensor] | None = None  # codes and labels of the training rows
        self._validation: tuple[Tensor, Tensor] | None = None
        self._named: tuple[Any, Any] = None, None  # the names of both parts' rows, if they have any
        self._nets: tuple[StackedMLP, StackedMLP] | None = None
        self._seed = 0

    def fit(
        self,
        x: Any,
        y: Any,
        s: Any,
        *,
        seed: int = 0,
        validation: tuple[Any, Any, Any] | None = None,
    ) -> DVGE:
        """Encode once, train d on (z, s), then g on perturbed codes.

        Parameters
        ----------
        x : array or tensor, shape (n, ..)
            What the encoder reads.
        y, s : array or tensor of 0 and 1, shape (n,)
        seed : int
        validation : (x, y, s), optional
            With it d and g keep the epoch of the highest accuracy there, else the last.

        Raises
        ------
        fairtut.errors.InputError
            For codes that are not finite (n, d), lengths that differ, a single class, or fewer
            than :data:`MIN_CELL` rows with some y and s; for pandas columns whose indexes differ.
        """
        same_rows(x=x, y=y, s=s)
        if validation is not None:
            same_rows(**dict(zip(("validation x", "validation y", "validation s"), validation,
                                 strict=True)))  # fmt: skip
        z = self.encode(x)
        label = whole("y", y).to(z.device)
        held = (None, None) if validation is None else validation[::2]
        self._check(z, label, whole("s", s).to(z.device), "training")
        self._rows, self._seed = (z, label), seed
        self._named = _names(x, y, s), _names(*(validation or ()))
        self._validation = None
        if validation is not None:
            z_held = self.encode(held[0])
            self._validation = (z_held, whole("y", validation[1]).to(z_held.device))
        return self.set_sensitive(s, held[1])

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
        if self._rows is None:
            raise InputError("there are no codes yet: call .fit(x, y, s) first")
        z, y = self._rows
        same_rows(y=self._named[0], s=s)
        same_rows(**{"validation y": self._named[1], "s_validation": s_validation})
        group = whole("s", s).to(z.device)
        self._check(z, y, group, "training")
        held = self._validation
        if held is not None and s_validation is None:
            raise InputError("the validation rows need the new attribute, too: pass s_validation")
        held_s = None if held is None else (held[0], whole("s", s_validation).to(z.device))
        seed = self._seed
        d = fit_classifiers(
            z, group, self.config, [stream_seed(seed, "sensitive")], validation=held_s
        )
        f_sens = focus(d, z, self.config.focus, group)[0]
        g = fit_grid(z, y, f_sens, [self.eta1], [self.eta2], self.config, [seed], validation=held)
        self._nets = d, g.net
        return self

    def encode(self, x: Any) -> Tensor:
        """Return codes (n, d), detached, in batches, on the encoder's device; it stays as it is."""
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
        return checkpoints.save(path, nn.ModuleList([d, g]), {"dvge": card, "inputs": d.inputs})

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
            config = Config(**settings | {"hidden": tuple(settings["hidden"])})
            nets = [StackedMLP(1, card["inputs"], config.hidden, 2) for _ in range(2)]
        except (KeyError, TypeError, ValueError):
            raise CorruptFile(
                f"{path} holds no classifiers that DVGE.save wrote: name one"
            ) from None
        both = nn.ModuleList(nets)
        checkpoints.load(path, both)
        if isinstance(encoder, nn.Module):
            both.to(device_of(encoder))
        both.eval().requires_grad_(False)
        made = cls(encoder, eta1=eta1, eta2=eta2, eps=config.eps, focus=config.focus, config=config)
        made._nets = nets[0], nets[1]
        return made

    @property
    def _fitted(self) -> tuple[StackedMLP, StackedMLP]:
        if self._nets is None:
            raise InputError("this DVGE has no classifiers yet: call .fit(x, y, s)")
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


def _names(*columns: Any) -> Any:
    """Return a column that holds the index of the first pandas column, None where there is none."""
    found = next((c for c in columns if hasattr(c, "iloc") and hasattr(c, "index")), None)
    return None if found is None else found.index.to_series()
