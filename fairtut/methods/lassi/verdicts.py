r"""What truly holds for the plain model, C after R without noise, on the set of similar people.

**One attribute** (method ``"curve"``).  Between corners the curve f(t) = R(z + t a) is linear, and
so is every difference of two logits of a linear head; it keeps its sign on the whole of
:math:`|t| \le \epsilon` if and only if it keeps it at the corners and the two ends.  A norm is
convex, so on an edge :math:`\|f(t) - f(0)\|` is largest at an end.  Verdict and adversarial
distance are exact.

**Two and three attributes** (method ``"regions"``).  On the ball :math:`\|t\| \le \epsilon` the
same questions are settled by branch and bound (:mod:`~fairtut.methods.lassi.regions`).  The answer
is *constant* (proved), *changes here* (with the place), or *undecided* within the stated limit;
the distance is known between two numbers.

Both are about R's polygon in double precision: rounding is bounded outward, so a tie is never
called constant.  The network as deployed, in single precision, differs by its own rounding; where a
decision changes, it is asked as well.  With ``rounded=True`` and one attribute the statement is
about what computers do: :mod:`~fairtut.methods.lassi.rounding` bounds how far a code may be from
the curve, by e.  A decision is then constant only if it leads by more than e, and undecided if it
hangs by less.

>>> found = exact_fairness(encoder, head, z, directions, 1.0)  # doctest: +SKIP
>>> found.fair.mean(), found.undecided.mean()  # doctest: +SKIP
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fairtut.errors import InputError, UnknownName
from fairtut.methods.holding import evaluating
from fairtut.methods.lassi.bounds import Boxes, Local
from fairtut.methods.lassi.classifier import margins
from fairtut.methods.lassi.curve import Curve, trace
from fairtut.methods.lassi.inputs import check, sound_weights
from fairtut.methods.lassi.networks import Folded, Representation
from fairtut.methods.lassi.regions import Leads, Limit, farthest, settle
from fairtut.methods.lassi.rounding import Rounding

METHODS: Final = ("curve", "regions")
MOST: Final = 3
"""Attributes; the boxes that cover a ball grow exponentially with them."""


@dataclass(frozen=True)
class ExactFairness:
    """What holds for the plain model, C after R without noise, on similarity sets.

    Parameters
    ----------
    prediction : int array, shape (b,)
        Decisions at z.
    fair : bool array, shape (b,)
        Whether the decision is the same on the whole set, for certain.
    undecided : bool array, shape (b,)
        Whether the verdict hangs by less than rounding, as a tie does, or the search ended before
        it knew; such a decision is not fair.
    change : float array, shape (b, k)
        A point t of the ball where another class leads; NaN if none was found.
    deployed : bool array, shape (b,)
        Whether the network as it is, in its own precision, decides otherwise there, too.
    distance, bound : float arrays, shape (b,)
        A distance from R(z) that some code in the set reaches, and one that none exceeds.
    corners : int array, shape (b,)
        Corners of the curve in the set, 0 for a straight one; with regions, units that may switch.
    regions : int array, shape (b,)
        Boxes that were bounded, for verdict and distance together; 0 for the curve.
    method : str
        One of ``METHODS``.

    Examples
    --------
    With all weights 1 this R gives a latent above -2 the code z + 3, and any other one the code 1:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.lassi import Representation, exact_fairness
    >>> encoder, head = Representation(1, (1,), 1).eval(), nn.Linear(1, 2)
    >>> _ = [nn.init.ones_(weight) for weight in encoder.parameters()]
    >>> head.weight.data, head.bias.data = torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -3.0])
    >>> z, direction = torch.tensor([[5.0], [-2.5], [-9.0]]), torch.tensor([1.0])
    >>> found = exact_fairness(encoder, head, z, direction, epsilon=1.0)

    The second set holds the corner at -2, and from 1 the code gets to -1.5 + 3.  In the third no
    code moves:

    >>> len(found), found.corners.tolist(), found.distance.round(2).tolist()
    (3, [0, 1, 0], [1.0, 0.5, 0.0])
    """

    prediction: np.ndarray
    fair: np.ndarray
    undecided: np.ndarray
    change: np.ndarray
    deployed: np.ndarray
    distance: np.ndarray
    bound: np.ndarray
    corners: np.ndarray
    regions: np.ndarray
    method: str

    def __len__(self) -> int:
        return len(self.prediction)


class _Row(NamedTuple):
    prediction: int
    fair: bool
    undecided: bool
    change: list[float]
    distance: float
    bound: float
    corners: int
    regions: int


def exact_fairness(
    encoder: Representation,
    classifier: nn.Linear,
    z: Tensor,
    directions: Tensor,
    epsilon: float,
    *,
    rounded: bool = False,
    method: str | None = None,
    gap: float = 0.01,
    regions: int = 2**17,
    seconds: float | None = None,
) -> ExactFairness:
    r"""Decide exactly, up to rounding, whether decisions are constant on the similarity set.

    The set is that of all :math:`z + A^\top t` with :math:`\|t\| \le \epsilon`.

    Parameters
    ----------
    encoder : Representation
    classifier : nn.Linear
        Two or more classes.
    z : Tensor, shape (b, q)
    directions : Tensor, shape (q,) or (k, q)
        One to three attribute vectors, linearly independent.
    epsilon : float
        At least 0.
    rounded : bool
        Whether the rounding of both networks counts, in the type they have: the verdict is then
        about the model as deployed, on any processor.  Else it is about real numbers.  For curves.
    method : str, optional
        ``"curve"`` (one direction) or ``"regions"``; the first that applies if absent.
    gap : float
        Share by which ``bound`` may stand above ``distance``, positive; infinity spares the search
        for the distance.  For regions.
    regions : int
        Boxes that each search of a person may bound.  They are looked at in batches of some hundred
        MB at most.
    seconds : float, optional
        Wall time for each person, up to one batch of boxes; results then depend on the clock.

    Raises
    ------
    fairtut.errors.InputError
        For another kind of network, too many directions, bad latents, or limits out of range.

    Returns
    -------
    ExactFairness

    Examples
    --------
    With all weights 1 this R gives a latent above -2 the code z + 3, and the head's border is the
    code 3.  From the latent .5 it is crossed at t = -.5, and t = -1 is shown as a place where it
    was:

    >>> import torch
    >>> from torch import nn
    >>> from fairtut.methods.lassi import Representation, exact_fairness
    >>> encoder, head = Representation(1, (1,), 1).eval(), nn.Linear(1, 2)
    >>> _ = [nn.init.ones_(weight) for weight in encoder.parameters()]
    >>> head.weight.data, head.bias.data = torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -3.0])
    >>> z, direction = torch.tensor([[5.0], [0.5]]), torch.tensor([1.0])
    >>> found = exact_fairness(encoder, head, z, direction, epsilon=1.0)
    >>> found.fair.tolist(), found.change.tolist()
    ([True, False], [[nan], [-1.0]])
    >>> exact_fairness(encoder, head, z, direction, epsilon=0.4).fair.tolist()  # a smaller set
    [True, True]
    """
    if not (math.isfinite(epsilon) and epsilon >= 0):
        raise InputError(f"epsilon must be a number of at least 0, got {epsilon}")
    if not (gap > 0 and regions >= 1 and (seconds is None or seconds > 0)):
        raise InputError(
            f"gap {gap}, regions {regions} and seconds {seconds} must be positive numbers"
        )
    net = prepared(encoder, classifier, z, directions)
    chosen = _method(method, len(net.slopes), rounded)
    rows = []
    if chosen == "curve":
        kind = classifier.weight.dtype if rounded else torch.float64
        reach = epsilon or 1.0  # a point is read off a whole curve: a tiny one is rounding only
        for curve, error in curves(encoder, classifier, z, directions, reach, rounded):
            rows.append(on_curve(curve, classifier, epsilon, error, kind))
    judge = copy.deepcopy(classifier).cpu()  # where the boxes are
    for start in net.start if chosen == "regions" else ():
        end = None if seconds is None else time.monotonic() + seconds
        rows.append(_in_regions(net, judge, start, epsilon, Limit(regions, end), gap))
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in _Row._fields}
    deployed = _as_deployed(encoder, classifier, z, directions, columns["change"])
    return ExactFairness(**columns, deployed=deployed, method=chosen)


class Prepared(NamedTuple):
    """A network and what its first layer makes of latents, in double precision.

    ``start`` (b, h) and ``slopes`` (k, h) are those of ``folded.first`` for latents ``z`` (b, q)
    and ``directions`` (k, q).
    """

    folded: Folded
    z: Tensor
    directions: Tensor
    start: Tensor
    slopes: Tensor


def prepared(
    encoder: Representation, classifier: nn.Linear, z: Tensor, directions: Tensor
) -> Prepared:
    """Check what exact results need, and fold the network; parameters as in the functions above."""
    if not isinstance(encoder, Representation) or not isinstance(classifier, nn.Linear):
        raise InputError("exact results need a Representation and an nn.Linear: use certify()")
    z, directions = check(encoder, z, directions)
    if len(z) == 0:
        raise InputError("0 latents were given: need at least one")
    sound_weights(classifier, "the classifier")
    with torch.no_grad(), evaluating(encoder):
        folded = encoder.fold()
        return Prepared(folded, z, directions, *folded.first(z, directions))


def curves(
    encoder: Representation,
    classifier: nn.Linear,
    z: Tensor,
    direction: Tensor,
    reach: float,
    rounded: bool,
    kind: torch.dtype | None = None,
) -> Iterator[tuple[Curve, float]]:
    """Yield the curve of each image, and how far R in a type may be from it: 0 unless `rounded`."""
    net = prepared(encoder, classifier, z, direction)
    if len(net.slopes) != 1:
        raise InputError(f"a curve needs one direction, got {len(net.slopes)}: use certify()")
    with torch.no_grad(), evaluating(encoder):
        rounding = Rounding(encoder, kind) if rounded else None
        for latent, row in zip(net.z, net.start, strict=True):
            curve = trace(net.folded, row, net.slopes[0], reach)
            yield curve, rounding.codes(latent, net.directions[0], curve) if rounding else 0.0


def _method(name: str | None, k: int, rounded: bool) -> str:
    """Return the method that applies, or check the one that was asked for."""
    if k > MOST:
        raise InputError(f"exact results need one to {MOST} directions, got {k}: use certify()")
    name = ("curve" if k == 1 else "regions") if name is None else name
    if name not in METHODS:
        raise UnknownName.of("method", name, METHODS)
    if name == "regions" and rounded:
        raise InputError("rounding is bounded along curves only: leave rounded out")
    if name == "curve" and k != 1:
        raise InputError(f"method 'curve' needs one direction, got {k}: leave method out")
    return name


def on_curve(
    curve: Curve, classifier: nn.Linear, epsilon: float, error: float, kind: torch.dtype
) -> _Row:
    """Settle one person by the corners of the curve."""
    part, plain = curve.within(epsilon), curve.at(curve.t.new_zeros(1))
    y_hat, gap = margins(classifier, torch.cat([plain, part]), error, kind)
    fair = bool((y_hat == y_hat[0]).all() & (gap > 0).all())
    changed = ((y_hat != y_hat[0]) & (gap > 0))[1:] & (gap[0] > 0)
    t = torch.cat([curve.t[:1], curve.t[curve.t.abs() < epsilon], curve.t[-1:]])
    t = t[changed.to(t.device)].clamp(-epsilon, epsilon)
    first = math.nan if len(t) == 0 else float(t[t.abs().argmin()])
    distance = float((part - plain).norm(dim=1).max())
    return _Row(
        int(y_hat[0]), fair, not (fair or len(t)), [first], distance, distance + 2 * error,
        len(part) - 2, 0,
    )  # fmt: skip


def _in_regions(
    net: Prepared, classifier: nn.Linear, start: Tensor, epsilon: float, limit: Limit, gap: float
) -> _Row:
    """Settle one person by branch and bound, on the CPU: it is many small steps."""
    whole = Local.of(net.folded.to(torch.device("cpu")), start.cpu(), net.slopes.cpu())
    code = whole.at(net.slopes.new_zeros(len(net.slopes), 1).cpu())[:, 0]
    leads = Leads.of(classifier, code, whole.rounding(epsilon))
    local = whole.reduce(Boxes.whole(len(net.slopes), epsilon))
    found = settle(local, leads, epsilon, limit)
    lost = 2 * float(whole.rounding(epsilon).norm())
    reached, bound, seen = farthest(local, epsilon, limit, gap, lost)
    change = [math.nan] * len(net.slopes) if found.where is None else found.where.tolist()
    return _Row(
        leads.prediction, found.constant is True, found.constant is None, change,
        reached, bound, local.size, found.regions + seen,
    )  # fmt: skip


@torch.no_grad()
def _as_deployed(
    encoder: Representation, classifier: nn.Linear, z: Tensor, directions: Tensor, t: np.ndarray
) -> np.ndarray:
    """Say where the network in its own precision decides otherwise at z + A^T t than at z, (b,)."""
    z, directions = check(encoder, z, directions)
    known = ~np.isnan(t).any(1)
    there = z + torch.from_numpy(np.where(known[:, None], t, 0)).to(z) @ directions
    kind = next(encoder.parameters()).dtype  # latents may be finer than the network
    with evaluating(encoder, classifier):
        here, moved = (
            classifier(encoder(x.to(kind)).to(classifier.weight)).argmax(1).cpu().numpy()
            for x in (z, there)
        )
    return np.asarray(known & (here != moved))
