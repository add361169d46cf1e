r"""Randomised smoothing of a consumer classifier (Cohen et al., 2019) around smoothed codes.

The smoothed decision at a code r is the class that wins most votes of :math:`C(r + \eta)`,
:math:`\eta \sim N(0, \sigma^2 I)`.  The class is chosen on ``n0`` draws, its votes m are counted on
``n`` fresh ones, and with the Clopper–Pearson lower bound :math:`p` of its share the decision
cannot change within :math:`d_{rs} = \sigma \Phi^{-1}(p)`, with probability :math:`1 - \alpha`.
Below one half it abstains.  A bound from n votes has a cap: all votes equal give
:math:`p = \alpha^{1/n}`, a radius of 3.811 sigma for the released n and alpha.

For a linear head no noise has to be drawn in the space of codes:

* **Two classes** (path ``binomial``): with :math:`w = w_1 - w_0` and the margin
  :math:`\mu = w^\top r + b_1 - b_0`, one vote is for class 1 with probability
  :math:`\Phi(\mu / (\sigma \|w\|))`, independently; so votes *are* binomial draws.
* **More classes** (path ``logits``): the noise reaches the decision only through the logits, as
  :math:`W\eta`.  With the QR decomposition :math:`W^\top = QU` it is :math:`U^\top (Q^\top \eta)`,
  and :math:`Q^\top \eta` is Gaussian noise in as many dimensions as there are classes.

Any other classifier is evaluated on noisy codes (path ``votes``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import betaincinv, ndtr, ndtri
from torch import Tensor, nn

from fairtut.errors import InputError
from fairtut.runtime.precision import double
from fairtut.runtime.seeds import numpy_rng, torch_rng

_NUMBERS = 2**22
"""Numbers of noise that are drawn at a time."""


@dataclass(frozen=True)
class Voting:
    """Settings of classifier smoothing; the defaults are the released ones.

    Parameters
    ----------
    sigma : float
        Deviation of the noise on codes, positive.
    n0, n : int
        Votes that choose the class, and votes that are counted.
    alpha : float
        Chance of a wrong certificate at one code.

    Raises
    ------
    fairtut.errors.InputError
        For values out of range, and for an n with which every image would abstain.
    """

    sigma: float = 2.5
    n0: int = 2000
    n: int = 100_000
    alpha: float = 0.001

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise InputError(f"the voting sigma must be a positive number, got {self.sigma}")
        if not 0 < self.alpha < 1:
            raise InputError(f"the voting alpha must lie in (0, 1), got {self.alpha}")
        least = math.ceil(math.log(self.alpha) / math.log(0.5))
        if self.n0 < 1 or self.n < least:
            raise InputError(
                f"with n0 = {self.n0} and n = {self.n} votes every image would abstain: "
                f"the smallest usable n0 is 1 and n {least}"
            )

    @property
    def cap(self) -> float:
        r"""Largest :math:`d_{rs}` that n votes can certify."""
        return self.sigma * float(ndtri(self.alpha ** (1 / self.n)))


@dataclass(frozen=True)
class Votes:
    """Decisions of the smoothed classifier.

    Parameters
    ----------
    prediction : int array, shape (b,)
        The class with most votes, whether or not it is certified; -1 for a code that holds NaN or
        infinity.
    p_low : float array, shape (b,)
        Lower bound of its share; NaN for such a code.
    d_rs : float array, shape (b,)
        Certified distance between codes; NaN where the classifier abstains.
    path : str
        ``"binomial"``, ``"logits"`` or ``"votes"``.
    """

    prediction: np.ndarray
    p_low: np.ndarray
    d_rs: np.ndarray
    path: str


def lower_bound(count: np.ndarray, n: int, alpha: float) -> np.ndarray:
    r"""Clopper–Pearson: the one-sided lower bound of a share, :math:`B^{-1}(\alpha; m, n-m+1)`."""
    count = np.asarray(count)
    return np.where(count > 0, betaincinv(np.maximum(count, 1), n - count + 1, alpha), 0.0)


def vote(
    classifier: Callable[[Tensor], Tensor],
    codes: Tensor,
    voting: Voting,
    *,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    path: str | None = None,
) -> Votes:
    """Certify a classifier around codes.

    Parameters
    ----------
    classifier : callable
        Codes (n, d) to logits (n, classes), in evaluation mode.
    codes : Tensor, shape (b, d)
        Finite.
    voting : Voting
    seed : int
    ids : sequence of int, optional
        Number of each image; it names the image's own stream of random numbers, so that results
        do not depend on how images are batched.  0, 1, ... if absent.
    path : str, optional
        Force a path; the fastest that applies if absent.

    Returns
    -------
    Votes

    Raises
    ------
    fairtut.errors.InputError
        If a path is asked for that does not apply, or logits have the wrong shape or are not
        finite.
    """
    path = choose_path(classifier, path)
    streams = list(range(len(codes)) if ids is None else ids)
    known = codes.isfinite().all(1)
    if not known.all():  # a vote on NaN would go to whatever class argmax names
        return _only(known.cpu().numpy(), vote(
            classifier, codes[known], voting, seed=seed, path=path,
            ids=[i for i, keep in zip(streams, known.tolist(), strict=True) if keep],
        ))  # fmt: skip
    if path == "binomial":
        assert isinstance(classifier, nn.Linear)
        share = _share_of_class_1(classifier, codes, voting.sigma)
        counts = [binomial(p, voting, seed, i) for p, i in zip(share, streams, strict=True)]
    else:
        noisy = _noisy_logits if path == "logits" else noisy_codes
        counts = [
            _by_counting(lambda m, rng, r=code: noisy(classifier, r, voting.sigma, m, rng),  # type: ignore[misc]
                         voting, torch_rng(seed, "votes", i, device=str(codes.device)))
            for code, i in zip(codes, streams, strict=True)
        ]  # fmt: skip
    top, count = np.array(counts, dtype=np.int64).reshape(-1, 2).T
    p_low = lower_bound(count, voting.n, voting.alpha)
    d_rs = np.where(p_low < 0.5, math.nan, voting.sigma * ndtri(p_low))
    return Votes(top, p_low, d_rs, path)


def _only(known: np.ndarray, votes: Votes) -> Votes:
    """Return votes of all codes, with no decision where a code is not finite."""
    prediction = np.full(len(known), -1)
    p_low, d_rs = np.full(len(known), math.nan), np.full(len(known), math.nan)
    prediction[known], p_low[known], d_rs[known] = votes.prediction, votes.p_low, votes.d_rs
    return Votes(prediction, p_low, d_rs, votes.path)


def choose_path(classifier: Callable[[Tensor], Tensor], path: str | None = None) -> str:
    """Return the fastest path that applies, or check the one that was asked for."""
    linear = isinstance(classifier, nn.Linear)
    classes = classifier.out_features if isinstance(classifier, nn.Linear) else 0
    if linear and classes < 2:
        raise InputError(f"the classifier gives {classes} logit: give one for each of 2 classes")
    if path is None:
        return ("binomial" if classes == 2 else "logits") if linear else "votes"
    if path not in ("binomial", "logits", "votes"):
        raise InputError(f"unknown voting path {path!r}: choose binomial, logits or votes")
    if path == "binomial" and classes != 2:
        found = f"{classes} classes" if linear else "a classifier that is not linear"
        raise InputError(
            f"the binomial path needs nn.Linear with two classes, got {found}: leave path out"
        )
    if path == "logits" and not linear:
        raise InputError("the logits path needs nn.Linear: leave path out to count votes")
    return path


def margins(
    head: nn.Linear, codes: Tensor, error: float = 0.0, kind: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    r"""Return the decision and the distance to where it changes, both (b,).

    For a linear head that distance is exact: the least
    :math:`((w_y - w_j)^\top r + b_y - b_j) / \|w_y - w_j\|` over the other classes j.  It is
    lowered by a bound on its rounding in double precision, so that of a tie is below 0.

    Parameters
    ----------
    head : nn.Linear
    codes : Tensor, shape (b, d)
    error : float
        How far the codes that the head will see may be from these; the distance shrinks by it.
    kind : torch.dtype
        Type in which the head will compute, whose rounding counts.

    Raises
    ------
    fairtut.errors.InputError
        If a logit is NaN or infinite.
    """
    codes, weight = double(codes), double(head.weight.detach())
    bias = weight.new_zeros(len(weight)) if head.bias is None else double(head.bias.detach())
    logits = codes @ weight.T + bias  # (b, classes)
    if not logits.isfinite().all():
        raise InputError("the head gives NaN or infinity: check its weights and the codes")
    y_hat = logits.argmax(1)
    apart = weight[y_hat][:, None] - weight  # (b, classes, d)
    # Equal rows never change places: no distance, however small the margin, unless the biases are
    # equal as well, a tie everywhere.  A tiny difference of rows is one, so its length is taken at
    # a scale at which its square does not vanish.
    scale = apart.abs().amax(-1)  # (b, classes)
    length = scale * (apart / scale.clamp_min(1e-300)[..., None]).norm(dim=-1)
    # Outward by the worst case of two sums of d + 1 products.
    lost = 4 * (codes.shape[1] + 4) * float(torch.finfo(kind).eps)
    size = (codes.abs() + error) @ weight.abs().T + bias.abs()  # (b, classes)
    size = size + size.gather(1, y_hat[:, None])
    ahead = logits.gather(1, y_hat[:, None]) - logits - lost * size
    others = torch.arange(len(weight), device=codes.device) != y_hat[:, None]
    never = torch.where(bias[y_hat][:, None] <= bias, 0.0, math.inf).to(ahead)
    distance = torch.where(scale > 0, ahead / length.clamp_min(1e-300) - error, never)
    distance = torch.where(others, distance, math.inf)
    return y_hat, distance.min(1).values


def _share_of_class_1(head: nn.Linear, codes: Tensor, sigma: float) -> np.ndarray:
    """Return the probability that one vote is for class 1, (b,)."""
    y_hat, distance = margins(head, codes)
    signed = torch.where(y_hat == 1, distance, -distance)
    return np.asarray(ndtr(signed.cpu().numpy() / sigma))


def binomial(p: float, voting: Voting, seed: int, stream: int) -> tuple[int, int]:
    """Return the chosen class and its votes, drawn from their law."""
    rng = numpy_rng(seed, "votes", stream)
    top = int(2 * rng.binomial(voting.n0, p) > voting.n0)
    return top, int(rng.binomial(voting.n, p if top else 1 - p))


def _by_counting(
    draw: Callable[[int, torch.Generator], Tensor], voting: Voting, rng: torch.Generator
) -> tuple[int, int]:
    """Return the chosen class and its votes, counted on logits (m, classes) of noisy codes."""
    top = int(tally(draw, voting.n0, rng).argmax())
    return top, int(tally(draw, voting.n, rng)[top])


def tally(
    draw: Callable[[int, torch.Generator], Tensor], total: int, rng: torch.Generator
) -> Tensor:
    """Return how many of `total` votes each class gets, (classes,).

    Parameters
    ----------
    draw : callable
        Gives the logits (n, classes) of up to so many noisy codes.
    total : int
    rng : torch.Generator
        Handed to `draw`.

    Raises
    ------
    fairtut.errors.InputError
        For logits of the wrong shape, NaN or infinity.
    """
    votes = torch.zeros(0)
    done = 0
    while done < total:
        logits = draw(total - done, rng)
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(
                f"the classifier gives logits of shape {tuple(logits.shape)}: need (n, classes)"
            )
        if not logits.isfinite().all():
            raise InputError("the classifier gives NaN or infinity: check its weights")
        part = logits.argmax(1).bincount(minlength=logits.shape[1])
        votes = part if done == 0 else votes + part
        done += len(logits)
    return votes


def noisy_codes(
    classifier: Callable[[Tensor], Tensor], code: Tensor, sigma: float, m: int, rng: torch.Generator
) -> Tensor:
    """Return the logits of up to m noisy copies of a code."""
    rows = min(m, max(_NUMBERS // len(code), 1))
    noise = torch.randn(rows, len(code), generator=rng, device=code.device, dtype=code.dtype)
    return classifier(code + sigma * noise)


def _noisy_logits(
    head: Callable[[Tensor], Tensor], code: Tensor, sigma: float, m: int, rng: torch.Generator
) -> Tensor:
    """Return logits (m, classes) with the law of a linear head's on noisy copies of a code."""
    assert isinstance(head, nn.Linear)
    upper = torch.linalg.qr(head.weight.detach().T, mode="r").R  # (min(d, classes), classes)
    noise = torch.randn(m, len(upper), generator=rng, device=code.device, dtype=code.dtype)
    return head(code[None]) + sigma * noise @ upper
