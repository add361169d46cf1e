r"""Certificates of individual fairness: decisions that hold for people who are similar.

For an image with latent z, similar people are :math:`S = \{z + A^\top t : \|t\| \le \epsilon\}`.
Center smoothing (:mod:`~fairtut.methods.lassi.center`) bounds how far R's smoothed code can move
within S by :math:`d_{cs}`; classifier smoothing (:mod:`~fairtut.methods.lassi.classifier`) says how
far it may move before the decision can change, :math:`d_{rs}`.  The image is certified fair if
:math:`d_{cs} < d_{rs}`.

For any one similar z' that is fixed beforehand, the smoothed model then decides as at z (or
abstains), with probability :math:`1 - \alpha_{cs} - \alpha_{rs}`.  Part of
:math:`\alpha_{cs}` is spent at z' (:mod:`~fairtut.methods.lassi.center`), so this is a promise per
pair and not about the whole of S at once.  It is about the class that wins with endlessly many
votes at z'; where that decision is sampled as well, it may be wrong with one more
:math:`\alpha_{rs}`.  And it is about exact arithmetic: no bound contains the rounding of a network.

>>> found = certify(encoder, head, z, a, Smoothing(1, 0.65), Voting(2.5))  # doctest: +SKIP
>>> found.path, found.fair.mean(), found[0].d_cs  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.center import Law, Points, Smoothing, smooth
from fairtut.methods.lassi.classifier import Voting, choose_path, vote
from fairtut.methods.lassi.curve import trace
from fairtut.methods.lassi.inputs import check, fits, numbered, sound_weights
from fairtut.methods.lassi.nearby import Nearby
from fairtut.methods.lassi.networks import Representation
from fairtut.metrics.labels import as_labels
from fairtut.runtime.precision import double, has_double
from fairtut.runtime.seeds import torch_rng

PATHS = ("curve", "folded", "generic")
"""How R is evaluated: its exact polygon (k = 1), folded on t, or as any network on latents."""
ROWS = 2048
"""Noisy codes that are evaluated at a time."""
COARSE = 100
"""Roundings of a latent that a direction must span where noise is added to latents (generic)."""


@dataclass(frozen=True)
class Centers:
    """Smoothed codes of images; several classifiers and noises can reuse them.

    Parameters
    ----------
    r_cs : Tensor, shape (b, d)
        Smoothed codes.
    d_cs : float array, shape (b,)
        How far they can move within the similarity set; NaN where center smoothing abstains.
    radius, share : float arrays, shape (b,)
        Radius of the ball that held half of the draws, and the share of fresh draws in it.
    error : float array, shape (b,)
        Distance of the smoothed code from the plain one, R(z).
    smoothing : Smoothing
    path : str
        One of ``PATHS``.

    Examples
    --------
    A code that leaves the attribute out cannot move, however the noise falls:

    >>> import torch
    >>> from fairtut.methods.lassi import Smoothing, smooth_codes
    >>> z, attribute = torch.tensor([[5.0, 1.0], [-5.0, 1.0]]), torch.tensor([0.0, 1.0])
    >>> centers = smooth_codes(lambda z: z[:, :1], z, attribute, Smoothing(n=2000))
    >>> centers.r_cs.tolist(), centers.d_cs.tolist(), centers.share.tolist()
    ([[5.0], [-5.0]], [0.0, 0.0], [1.0, 1.0])
    """

    r_cs: Tensor
    d_cs: np.ndarray
    radius: np.ndarray
    share: np.ndarray
    error: np.ndarray
    smoothing: Smoothing
    path: str


@dataclass(frozen=True)
class Certificate:
    """The certificate of one image (see :class:`Certificates`)."""

    prediction: int
    fair: bool
    reason: str
    d_cs: float
    d_rs: float
    n: int
    alpha: float
    sigma: float
    epsilon: float
    path: str


@dataclass(frozen=True)
class Certificates:
    r"""Certificates of images; ``len`` counts them and ``[i]`` is one of them.

    Parameters
    ----------
    prediction : int array, shape (b,)
        Decisions of the smoothed model, -1 where it abstains (count that as an error).
    reason : tuple of str
        Why it abstains: ``"center"``, ``"classifier"``, ``"limit"`` (the search of a certificate
        without sampling did not end), or empty.
    d_cs, d_rs : float arrays, shape (b,)
        Certified distances; NaN where that stage abstained or did not run.
    fair : bool array, shape (b,)
        Whether :math:`d_{cs} < d_{rs}`; False for abstentions.
    r_cs : Tensor, shape (b, d)
        Smoothed codes.
    n : int
        Draws per stage of center smoothing; 0 without sampling.
    alpha : float
        Chance of a wrong certificate about one similar latent, of both stages together; 0 without
        sampling.
    sigma, epsilon : float
        Noise of center smoothing and radius of the similarity set.
    path : str
        How it was computed, such as ``"curve+binomial"``.

    Examples
    --------
    The second number of a latent is the attribute, and the codes leave it out.

    >>> import torch
    >>> from fairtut.methods.lassi import Smoothing, Voting, certify
    >>> z, attribute = torch.tensor([[9.0, 1.0], [-9.0, 1.0]]), torch.tensor([0.0, 1.0])
    >>> decide = lambda code: torch.cat([-code, code], 1)  # class 1 where the code is positive
    >>> found = certify(
    ...     lambda z: z[:, :1], decide, z, attribute, Smoothing(n=2000), Voting(n=1000)
    ... )
    >>> len(found), found[1].prediction, found[1].fair
    (2, 0, True)

    With labels 1 and 1 the second decision is certified to be fair, and it is wrong:

    >>> found.scores([1, 1])
    {'acc': 0.5, 'fair': 1.0, 'fair_correct': 0.5, 'abstained': 0.0}
    """

    prediction: np.ndarray
    reason: tuple[str, ...]
    d_cs: np.ndarray
    d_rs: np.ndarray
    fair: np.ndarray
    r_cs: Tensor
    n: int
    alpha: float
    sigma: float
    epsilon: float
    path: str

    def __len__(self) -> int:
        return len(self.prediction)

    def __getitem__(self, i: int) -> Certificate:
        each = int(self.prediction[i]), bool(self.fair[i]), self.reason[i]
        distances = float(self.d_cs[i]), float(self.d_rs[i])
        return Certificate(
            *each, *distances, self.n, self.alpha, self.sigma, self.epsilon, self.path
        )

    @property
    def abstained(self) -> np.ndarray:
        """Whether each image got no decision, (b,)."""
        return self.prediction < 0

    def scores(self, y: ArrayLike) -> dict[str, float]:
        """Return shares of all images, with labels (b,): abstentions are errors and not fair.

        ``acc`` decided as the label says, ``fair`` certified whatever the label, ``fair_correct``
        both, and ``abstained``.
        """
        label = as_labels("y", y)
        if label.shape != self.prediction.shape:
            raise InputError(f"y has shape {label.shape}: need one label for {len(self)} images")
        right = self.prediction == label
        each = {"acc": right, "fair": self.fair, "fair_correct": right & self.fair}
        return {k: float(v.mean()) for k, v in (each | {"abstained": self.abstained}).items()}


def certify(
    encoder: Callable[[Tensor], Tensor],
    classifier: Callable[[Tensor], Tensor],
    z: ArrayLike | Tensor,
    directions: ArrayLike | Tensor,
    smoothing: Smoothing | None = None,
    voting: Voting | None = None,
    *,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    path: str | None = None,
) -> Certificates:
    """Certify the decisions of a classifier on top of an encoder, image by image.

    Parameters
    ----------
    encoder : callable
        Latents (n, q) to codes (n, d).  The fast paths need a :class:`Representation`; any other
        torch network runs on noisy latents.  Modules are evaluated in evaluation mode.
    classifier : callable
        Codes (n, d) to logits (n, classes).  ``nn.Linear`` makes votes nearly free.
    z : floating tensor or array, shape (b, q)
        Directions are cast to its type.  Half precision is taken as it is: a certificate is about
        the rounded latent.
    directions : tensor or array, shape (q,) or (k, q)
        Attribute vectors, linearly independent; `epsilon` and `sigma` are in units of them.
    smoothing, voting : optional
        Settings; the released ones if absent.
    seed : int
        Images draw from streams of this seed.  Give every method and attribute another one (see
        ``fairtut.runtime.seeds.stream_seed``), or all of them share their draws.
    ids : sequence of int, optional
        Number of each image, which names its stream: an image's certificate does not depend on
        the batch it comes in.  0, 1, ... if absent.
    path : str, optional
        Force one of ``PATHS`` for the encoder; the fastest that applies if absent.

    Returns
    -------
    Certificates
        Its field ``path`` says how both stages were computed.

    Raises
    ------
    fairtut.errors.InputError
        For latents that are whole numbers, NaN or infinite; directions of the wrong length,
        linearly dependent in the latents' precision, or (path generic) lost in their rounding;
        weights, codes or logits that are not finite or have half precision; a path that does not
        apply; or settings out of range (see :class:`Smoothing` and :class:`Voting`).

    References
    ----------
    Peychev, Ruoss, Balunović, Baader, Vechev: Latent space smoothing for individually fair
    representations, ECCV 2022.

    Examples
    --------
    People are similar if they differ in the second number of their latents.  An encoder that leaves
    it out is certified.  One that hands on ten times this number is not: its code moves too far.

    >>> import torch
    >>> from fairtut.methods.lassi import Smoothing, Voting, certify
    >>> z, attribute = torch.tensor([[9.0, 0.0]]), torch.tensor([0.0, 1.0])
    >>> decide = lambda code: torch.cat([-code, code], 1)  # class 1 where the code is positive
    >>> settings = Smoothing(), Voting(n=1000)
    >>> blind = certify(lambda z: z[:, :1], decide, z, attribute, *settings)
    >>> blind.prediction.tolist(), blind.d_cs.tolist(), blind.fair.tolist()
    ([1], [0.0], [True])
    >>> certify(lambda z: z[:, :1] + 10 * z[:, 1:], decide, z, attribute, *settings).fair.tolist()
    [False]
    """
    choose_path(classifier)  # before the long part
    sound_weights(classifier, "the classifier")
    centers = smooth_codes(encoder, z, directions, smoothing, seed=seed, ids=ids, path=path)
    return classify(classifier, centers, voting, seed=seed, ids=ids)


def smooth_codes(
    encoder: Callable[[Tensor], Tensor],
    z: ArrayLike | Tensor,
    directions: ArrayLike | Tensor,
    smoothing: Smoothing | None = None,
    *,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    path: str | None = None,
) -> Centers:
    """Run center smoothing alone; parameters and errors as in :func:`certify`.

    Returns
    -------
    Centers
        For :func:`classify`, with as many classifiers as are asked about.

    References
    ----------
    Kumar and Goldstein: Center smoothing: certified robustness for networks with structured
    outputs, NeurIPS 2021.

    Examples
    --------
    The encoder hands on the first number only.  Along the second no code moves.  Along the first a
    similar person's code is up to 1 away, and the bound that draws can give is 4.

    >>> import torch
    >>> from fairtut.methods.lassi import Smoothing, smooth_codes
    >>> z, first = torch.tensor([[5.0, 1.0]]), torch.tensor([1.0, 0.0])
    >>> for direction in (first.flip(0), first):
    ...     smooth_codes(lambda z: z[:, :1], z, direction, Smoothing()).d_cs.round().tolist()
    [0.0]
    [4.0]
    """
    smoothing = smoothing or Smoothing()
    z, directions = check(encoder, z, directions)
    chosen = encoder_path(encoder, len(directions), path)
    streams = numbered(z, ids)
    balls, plain = [], []
    with torch.no_grad(), evaluating(encoder):
        make = laws(chosen, encoder, z, directions)
        for i, stream in enumerate(streams):
            t = draw(smoothing, len(directions), seed, stream)
            law = make(i, float(t.abs().max()))
            t = t.to(z.device) if has_double(z.device) else t
            balls.append(smooth(law, t, smoothing))
            plain.append(law(torch.zeros(1, len(directions)).to(t.device)).first(1)[0])
    r_cs = torch.stack([ball.center for ball in balls])
    error = (r_cs - torch.stack(plain)).norm(dim=1)
    if not error.isfinite().all():
        raise InputError("the encoder gives NaN or infinity: check its weights and statistics")
    d_cs, radius, share = (
        torch.stack([double(getattr(ball, name)) for ball in balls]).cpu().numpy()
        for name in ("d_cs", "radius", "share")
    )
    r_cs = r_cs.float().to(z.device)
    return Centers(r_cs, d_cs, radius, share, double(error).cpu().numpy(), smoothing, chosen)


def classify(
    classifier: Callable[[Tensor], Tensor],
    centers: Centers,
    voting: Voting | None = None,
    *,
    seed: int = 0,
    ids: Sequence[int] | None = None,
) -> Certificates:
    """Run classifier smoothing on smoothed codes and compare; parameters as in :func:`certify`.

    Parameters
    ----------
    classifier : callable
    centers : Centers
        From :func:`smooth_codes`.
    voting : Voting, optional
    seed, ids : optional

    Returns
    -------
    Certificates

    Raises
    ------
    fairtut.errors.InputError
        If the classifier's logits have the wrong shape or are not finite.

    Examples
    --------
    The code can move by 1.  Votes with noise of .1 certify at most .25 and are not enough; with
    noise of 1 the same code is certified.

    >>> import numpy as np, torch
    >>> from fairtut.methods.lassi import Centers, Smoothing, Voting, classify
    >>> one, none = np.ones(1), np.zeros(1)
    >>> centers = Centers(torch.tensor([[9.0]]), one, none, one, none, Smoothing(), "generic")
    >>> decide = lambda code: torch.cat([-code, code], 1)
    >>> for sigma in (0.1, 1.0):
    ...     found = classify(decide, centers, Voting(sigma, n=1000))
    ...     print(found.d_rs.round(2).tolist(), found.fair.tolist())
    [0.25] [False]
    [2.46] [True]
    """
    voting = voting or Voting()
    streams = np.arange(len(centers.d_cs)) if ids is None else np.asarray(ids)
    sure = np.isfinite(centers.d_cs)
    with torch.no_grad(), evaluating(classifier):
        rows = centers.r_cs[torch.from_numpy(sure).to(centers.r_cs.device)]
        votes = vote(classifier, rows, voting, seed=seed, ids=streams[sure].tolist())
    prediction, d_rs = np.full(len(sure), -1), np.full(len(sure), math.nan)
    prediction[sure] = np.where(np.isnan(votes.d_rs), -1, votes.prediction)
    d_rs[sure] = votes.d_rs
    whys = np.where(sure, np.where(prediction < 0, "classifier", ""), "center")
    smoothing = centers.smoothing
    return Certificates(
        prediction, tuple(whys.tolist()), centers.d_cs, d_rs, centers.d_cs < d_rs, centers.r_cs,
        smoothing.n, smoothing.alpha + voting.alpha, smoothing.sigma, smoothing.epsilon,
        f"{centers.path}+{votes.path}",
    )  # fmt: skip


def draw(smoothing: Smoothing, k: int, seed: int, stream: int) -> Tensor:
    """Return the noise of one image, (3, n, k), float64, the same on every device."""
    rng = torch_rng(seed, "center", stream)
    return smoothing.sigma * torch.randn(3, smoothing.n, k, generator=rng, dtype=torch.float64)


def encoder_path(encoder: object, k: int, path: str | None) -> str:
    """Return the fastest path that applies, or check the one that was asked for."""
    foldable = isinstance(encoder, Representation)
    if path is None:
        return ("curve" if k == 1 else "folded") if foldable else "generic"
    if path not in PATHS:
        raise UnknownName.of("path", path, PATHS)
    if path != "generic" and not foldable:
        raise InputError(f"path {path!r} needs a Representation: leave path out for any network")
    if path == "curve" and k != 1:
        raise InputError(f"path 'curve' needs one direction, got {k}: leave path out")
    return path


def laws(
    path: str, encoder: Callable[[Tensor], Tensor], z: Tensor, directions: Tensor
) -> Callable[[int, float], Law]:
    """Return a function from an image's number and the curve's reach to the image's law."""
    if path == "generic":
        kind = _kind(encoder, z)
        _felt(kind, z, directions)
        moved = lambda i, part: (z[i] + _as(part, z) @ directions).to(kind)  # noqa: E731
        return lambda i, _: lambda t: _evaluate(lambda part: encoder(moved(i, part)), t)
    assert isinstance(encoder, Representation)
    folded = encoder.fold()
    start, slope = folded.first(z, directions)  # (b, h), (k, h)
    if path == "curve":
        return lambda i, reach: trace(folded, start[i], slope[0], reach)
    single = folded.float().to(z.device)
    low, high = (v.float().to(z.device) for v in (start, slope))
    near = Nearby(single)

    def folded_law(i: int, t: Tensor) -> Points:
        if Nearby.serves(single, len(t)):
            _fits(len(t), len(single.deeper[-1][1]))
            return Points(near(low[i], high, _as(t, low)))
        return _evaluate(lambda part: single.rest(torch.addmm(low[i], _as(part, low), high)), t)

    return lambda i, _: lambda t: folded_law(i, t)


def _kind(encoder: object, z: Tensor) -> torch.dtype:
    """Return the precision that an encoder gets its latents in: its own, or theirs."""
    if not isinstance(encoder, nn.Module):
        return z.dtype
    return next((p.dtype for p in encoder.parameters() if p.is_floating_point()), z.dtype)


def _felt(kind: torch.dtype, z: Tensor, directions: Tensor) -> None:
    """Raise InputError if a step along directions hardly moves latents beyond their rounding."""
    farthest = float(z.cpu().double().norm(dim=1).max())
    least = float(torch.linalg.svdvals(directions.cpu().double()).min())
    if least < COARSE * torch.finfo(kind).eps * farthest:
        raise InputError(
            f"a step along the directions is less than {COARSE} roundings of the latents: use "
            ".double() on latents and encoder"
        )


def _as(part: Tensor, other: Tensor) -> Tensor:
    """Return noise with the type of another tensor, then on its device, which may lack its own."""
    return part.to(other.dtype).to(other.device)


def _fits(*shape: int) -> None:
    """Refuse noisy codes that are too many: they are kept in single and in double precision."""
    fits("noisy codes", *shape, each=12, fix="lower n, or use an encoder with shorter codes")


def _evaluate(codes: Callable[[Tensor], Tensor], t: Tensor) -> Points:
    """Return the cloud of codes at noise t, (n, k), evaluated in blocks of rows."""
    first = codes(t[:ROWS])
    _fits(len(t), *first.shape[1:])
    found = torch.cat([first, *(codes(part) for part in t[ROWS:].split(ROWS) if len(part))])
    if not found.is_floating_point() or torch.finfo(found.dtype).bits < 32:
        kind = str(found.dtype).removeprefix("torch.")
        raise InputError(f"the encoder gives {kind} codes, too coarse for a certificate: use float")
    return Points(found)
