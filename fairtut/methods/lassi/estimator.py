"""LASSI as one object, for any encoder: representations, decisions and certificates.

>>> lassi = LASSI(glow_encode, config="lassi").fit(x, y, s=male)  # doctest: +SKIP
>>> lassi.certify(x_new).scores(y_new)  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.errors import CorruptFile, InputError
from fairtut.methods.deciding import told
from fairtut.methods.encoding import encoded
from fairtut.methods.estimating import NetworkEstimator, read_config, read_seed, with_changes
from fairtut.methods.inputs import check_weights, whole
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.certify import Certificates, certify
from fairtut.methods.lassi.classifier import Voting
from fairtut.methods.lassi.config import Config, preset
from fairtut.methods.lassi.learning import consumer, encode, train
from fairtut.methods.lassi.networks import Representation, linear
from fairtut.methods.lassi.parts import Parts, coded, read_classes
from fairtut.methods.lassi.vectors import check_latents, mean_difference
from fairtut.methods.refusals import check_known
from fairtut.metrics.labels import same_rows
from fairtut.runtime import checkpoints
from fairtut.runtime.device import device_of
from fairtut.runtime.seeds import stream_seed, torch_rng

NOISE: Final = 0.65
"""The released noise of center smoothing, in radii of the similarity set."""


class LASSI(NetworkEstimator):
    r"""Learn a representation that is certifiably fair to similar people, and certify decisions.

    The encoder, such as a Glow's, stays as it is.  From its latents come the attribute's vector
    (:func:`~fairtut.methods.lassi.mean_difference`), the representation R and a linear
    consumer of its codes.  Similar people are :math:`\{z + t a : |t| \le \epsilon\}`.

    Parameters
    ----------
    encoder : nn.Module or callable
        Inputs (n, ..) to latents (n, q).  A module is used in evaluation mode and never changed.
    config : str or Config
        A released setting by name (:data:`~fairtut.methods.lassi.PRESETS`), or your own.
    smoothing : Smoothing, optional
        Default the released one for the configuration's radius: noise of :data:`NOISE` radii.
    voting : Voting, optional
        Default the released one with the configuration's ``sigma_rs``.
    random_state : int
        Seed of the split, of all trainings and of the draws of certificates.
    **changes
        Single hyper-parameters, such as ``epsilon=0.5``.

    Attributes
    ----------
    classes_ : int array, shape (k,)
        The labels that occur, sorted, after :meth:`fit`.
    feature_names_in_ : object array, shape (k,)
        Names of the columns that :meth:`fit` saw, if it was given a data frame.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such setting.
    fairtut.errors.InputError
        For a hyper-parameter that does not exist, or is out of its range.

    References
    ----------
    Peychev et al.: Latent space smoothing for individually fair representations, ECCV 2022.

    Examples
    --------
    >>> import torch
    >>> from fairtut.methods.lassi import Config, Smoothing, Voting
    >>> from fairtut.methods.lassi.estimator import LASSI
    >>> x = torch.randn(400, 6, generator=torch.Generator().manual_seed(0))
    >>> small = Config(similarity=0.1, hidden=(16,), outputs=4, epochs=2, batch=50, sigma_rs=0.5)
    >>> quick = {"smoothing": Smoothing(0.5, 0.4, n=2000), "voting": Voting(0.5, n=2000)}
    >>> lassi = LASSI(torch.nn.Identity(), config=small, **quick)
    >>> found = lassi.fit(x, (x[:, 1] > 0).long(), s=(x[:, 0] > 0).long()).certify(x[:3])
    >>> len(found), found.path.partition("+")[0]
    (3, 'curve')
    """

    def __init__(
        self,
        encoder: nn.Module | Callable[[Any], Any],
        *,
        config: str | Config = "lassi",
        smoothing: Smoothing | None = None,
        voting: Voting | None = None,
        random_state: int = 0,
        **changes: Any,
    ) -> None:
        self.encoder, self.random_state = encoder, random_state
        chosen = preset(config) if isinstance(config, str) else config
        self.config = with_changes("LASSI", chosen, changes)
        self.smoothing, self.voting = smoothing, voting
        self._parts: Parts | None = None

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        s: Any,
        sample_weight: Any = None,
        validation: tuple[Any, Any] | None = None,
        share: float = 0.2,
    ) -> LASSI:
        """Find the attribute's vector, train R, then a consumer on its codes.

        Parameters
        ----------
        x : array or tensor, shape (n, ..)
            What the encoder reads.
        y : array or tensor of whole numbers from 0 up, shape (n,)
        s : array or tensor of 0 and 1, shape (n,)
            Only the vector needs it: no decision does.
        sample_weight : array-like, shape (n,), optional
            How much each row counts: rows are drawn in proportion to it
            (:func:`~fairtut.methods.inputs.weighted_rows`), by the seed.  Rows for validation
            count once each, but rows of weight 0 are not set aside for it.
        validation : (x, y), optional
            Rows whose losses choose the epoch of R.
        share : float
            Without `validation`: the share of rows, drawn by the seed, that is set aside for it.

        Raises
        ------
        fairtut.errors.InputError
            For latents that are not finite (n, q), labels or weights that do not fit, a single
            class or group, a share outside (0, 1), or pandas columns whose indexes differ; for
            validation rows with other columns, or labels that do not occur in y.
        """
        self._forget()
        same_rows(x=x, y=y, s=s, sample_weight=sample_weight)
        columns = self._held_columns(x, None if validation is None else validation[0])
        z, label, group = self.latents(x), whole("y", y), whole("s", s)
        for name, values in (("y", label), ("s", group)):
            if len(values) != len(z):
                raise InputError(f"{name} has {len(values)} rows and x has {len(z)}")
        weight = check_weights(np.ones(len(z)) if sample_weight is None else sample_weight, len(z))
        if (weight == 0).any():
            some = torch.from_numpy(weight > 0)
            z, label, group = (column[some.to(column.device)] for column in (z, label, group))
            weight = weight[weight > 0]
        classes, label = coded(label)
        if validation is None:
            held = self._set_aside(len(z), share)
            valid = z[held], label[held]
            z, label, group = z[~held], label[~held], group[~held]
            weight = weight[~held.numpy()]
        else:
            same_rows(**dict(zip(("validation x", "validation y"), validation, strict=True)))
            held_y = whole("validation y", validation[1])
            check_known("validation y", held_y.cpu().numpy(), classes)
            codes_of = torch.from_numpy(classes).to(held_y.device)
            valid = self.latents(validation[0]), torch.searchsorted(codes_of, held_y)
        if sample_weight is not None:
            z, label, group = self._drawn(weight, z, label, group)
        a, seed, device = mean_difference(z, group), self.random_state, z.device
        learned = train(
            z, label, a, valid, config=self.config, seed=stream_seed(seed, "representation"),
            device=device,
        )  # fmt: skip
        codes = encode(learned.representation, z)
        head = consumer(codes, label, config=self.config, seed=stream_seed(seed, "consumer"))
        self._parts = Parts(learned.representation, head, a).eval().requires_grad_(False)
        self.classes_ = classes[: head.out_features]  # rows of the last ones may be set aside
        self._saw(columns)
        return self

    def _forget(self) -> None:
        super()._forget()
        self._parts = None

    def latents(self, x: Any) -> Tensor:
        """Return the encoder's latents (n, q), detached, in batches; the encoder stays as it is.

        Raises
        ------
        fairtut.errors.InputError
            For a data frame with other columns than :meth:`fit` saw, or another order of them, and
            for latents that are not finite (n, q).
        """
        self._same_columns(x)
        z = encoded(self.encoder, x)
        check_latents(z, "given")
        return z

    @property
    def representation(self) -> Representation:
        """R, frozen (raises ``InputError`` before :meth:`fit`)."""
        return self._fitted.representation

    @property
    def consumer(self) -> nn.Linear:
        """The linear classifier of codes, frozen."""
        return self._fitted.head

    @property
    def direction(self) -> Tensor:
        """The attribute's vector (q,), in latents."""
        return self._fitted.direction

    def transform(self, x: Any) -> Tensor:
        """Return plain codes (n, d): what a data producer hands on."""
        return encode(self.representation, self.latents(x))

    def certify(self, x: Any, *, ids: Sequence[int] | None = None) -> Certificates:
        """Return decisions of the smoothed model with their certificates, input by input.

        Parameters
        ----------
        x : array or tensor, shape (n, ..)
        ids : sequence of int, optional
            Number of each input, which names its draws, so that its certificate does not depend
            on the batch that it comes in; its place in `x` if absent.
        """
        seed = stream_seed(self.random_state, "certificates")
        parts = self._fitted
        found = certify(
            parts.representation, parts.head, self.latents(x), parts.direction, *self.noise,
            seed=seed, ids=ids,
        )  # fmt: skip
        decided = np.where(found.abstained, -1, self.classes_[found.prediction])
        return replace(found, prediction=decided)

    def predict_proba(self, x: Any) -> Tensor:
        """Return probabilities (n, k) of the plain consumer, in the order of ``classes_``."""
        with torch.no_grad():
            return self.consumer(self.transform(x)).softmax(1)

    def predict(self, x: Any) -> Tensor:
        """Return decisions (n,) of the plain consumer, which is not the certified model.

        The model that certificates speak of votes over noise and may abstain: its decisions are
        ``certify(x).prediction``.  Warns if nearly everybody gets one class.
        """
        with torch.no_grad():
            place = self.consumer(self.transform(x)).argmax(1)
        return told(torch.from_numpy(self.classes_).to(place.device)[place], "this LASSI")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write R, the consumer, the vector and all settings; :meth:`load` reads them.

        Neither the encoder is in the file nor anybody's latent or label.
        """
        parts = self._fitted
        card = {
            "config": asdict(self.config), "smoothing": asdict(self.noise[0]),
            "voting": asdict(self.noise[1]), "random_state": self.random_state,
            "inputs": len(parts.direction), "classes": parts.head.out_features,
            "labels": self.classes_.tolist(), **self._columns_card(),
        }  # fmt: skip
        return checkpoints.save(path, parts, {"lassi": card})

    @classmethod
    def load(cls, path: str | os.PathLike[str], encoder: nn.Module | Callable[[Any], Any]) -> LASSI:
        """Read what :meth:`save` wrote, for the encoder that it was trained on.

        Another encoder with latents of the same length would give decisions without any meaning:
        nothing in the file can tell.

        Raises
        ------
        fairtut.errors.CorruptFile
            If the file is no such checkpoint.
        """
        card = checkpoints.read_card(path)
        try:
            said = card["lassi"]
            config = read_config(Config, said["config"])
            made = cls(
                encoder, config=config, smoothing=Smoothing(**said["smoothing"]),
                voting=Voting(**said["voting"]), random_state=read_seed(said),
            )  # fmt: skip
            rng = torch.Generator()  # these weights are overwritten: the global one stays
            r = Representation(said["inputs"], config.hidden, config.outputs, generator=rng)
            head = linear(config.outputs, said["classes"], generator=rng)
            parts = Parts(r, head, torch.zeros(said["inputs"]))
            made.classes_ = read_classes(said)
            made._read_columns(said)
        except (KeyError, TypeError, ValueError):
            raise CorruptFile(f"{path} holds no LASSI that LASSI.save wrote: name one") from None
        checkpoints.load(path, parts)
        if isinstance(encoder, nn.Module):
            parts.to(device_of(encoder))
        made._parts = parts.eval().requires_grad_(False)
        return made

    @property
    def noise(self) -> tuple[Smoothing, Voting]:
        """Both laws of noise, as given, or the released ones for this configuration."""
        radius = self.config.epsilon
        return (
            self.smoothing or Smoothing(radius, NOISE * radius),
            self.voting or Voting(self.config.sigma_rs),
        )

    @property
    def _fitted(self) -> Parts:
        if self._parts is None:
            raise InputError("this LASSI has no representation yet: call .fit(x, y, s=s)")
        return self._parts

    def _set_aside(self, n: int, share: float) -> Tensor:
        """Return which of n rows are set aside, (n,): the same for the same seed."""
        aside = round(share * n)
        if not 0 < share < 1 or min(aside, n - aside) < 2:
            raise InputError(
                f"a share of {share} of {n} rows: both parts need at least 2, or pass validation"
            )
        order = torch.randperm(n, generator=torch_rng(self.random_state, "split"))
        held = torch.zeros(n, dtype=torch.bool)
        held[order[:aside]] = True
        return held
