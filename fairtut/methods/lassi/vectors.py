r"""Attribute vectors: directions in Glow's latent space along which one attribute changes.

Four ways to find them, all from latents z (n, q) of the training split: the mean difference (as in
Glow's paper), the normal of a linear separator (Denton et al.), that normal freed from the
target's (Ramaswamy et al.), and, in :mod:`~fairtut.methods.lassi.discover`, directions that a
classifier depends on, found without labels of an attribute (Li and Xu).  Lengths differ, so the
radius of the similarity set does too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from fairtut.errors import InputError
from fairtut.methods.lassi.networks import linear
from fairtut.methods.lassi.selection import fit_best
from fairtut.runtime.fit import descend
from fairtut.runtime.precision import double
from fairtut.runtime.seeds import stream_seed, torch_rng

ROWS: Final = 4096
"""Latents that are handled at a time where all of them are needed."""

EPSILON: Final = {"mean": 1.0, "perpendicular": 10.0, "ramaswamy": 1.0, "discover": 10.0}
"""Released radius of the similarity set per way (FairFace, by mean difference: 0.5)."""


def mean_difference(z: Tensor, s: Tensor) -> Tensor:
    """Return the mean of the latents with the attribute minus that of the others.

    Parameters
    ----------
    z : Tensor, shape (n, q)
    s : tensor of 0 and 1, shape (n,)

    Returns
    -------
    Tensor, shape (q,)
        Not normalised: the length says how far the two groups are apart.

    Raises
    ------
    fairtut.errors.InputError
        For NaN or infinity, wrong shapes, labels other than 0 and 1, or a single class.

    Examples
    --------
    The means are (2, 0) with the attribute and (0, 3) without:

    >>> import torch
    >>> from fairtut.methods.lassi import mean_difference
    >>> z = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 4.0]])
    >>> mean_difference(z, torch.tensor([1, 1, 0, 0])).tolist()
    [2.0, -3.0]
    """
    s = double(check_binary(z, s).to(z.device))
    weight = s / s.sum() - (1 - s) / (1 - s).sum()
    parts = zip(weight.split(ROWS), z.split(ROWS), strict=True)
    total = torch.zeros(z.shape[1], dtype=s.dtype, device=s.device)
    for w, rows in parts:  # in double precision, as many terms nearly cancel
        total += w @ double(rows)
    return total.to(z.dtype).to(z.device)


@dataclass(frozen=True)
class SeparatorConfig:
    """Hyper-parameters of a linear separator; the defaults are the released ones."""

    epochs: int = 3
    batch: int = 512
    lr: float = 1e-3


@dataclass(frozen=True)
class Separator:
    """A hyperplane between two classes of latents.

    Attributes
    ----------
    weight : Tensor, shape (q,)
        Unit normal, towards the class 1.
    bias : float
    """

    weight: Tensor
    bias: float

    def score(self, z: Tensor) -> Tensor:
        """Return the signed distance of latents (n, q) from the hyperplane, (n,)."""
        return z @ self.weight + self.bias


def separator(
    z: Tensor,
    s: Tensor,
    valid: tuple[Tensor, Tensor],
    *,
    config: SeparatorConfig | None = None,
    seed: int = 0,
) -> Separator:
    """Fit a logistic regression and keep the epoch with the lowest validation loss.

    Parameters
    ----------
    z : Tensor, shape (n, q)
    s : tensor of 0 and 1, shape (n,)
    valid : (Tensor, Tensor)
        Latents and labels of the validation split.
    config : ``fairtut.methods.lassi.vectors.SeparatorConfig``, optional
    seed : int

    Raises
    ------
    fairtut.errors.InputError
        As :func:`mean_difference`, for both splits.

    Returns
    -------
    ``fairtut.methods.lassi.vectors.Separator``
        Its normal has length 1, so that its scores are distances.

    Examples
    --------
    Four points on the two sides of the second axis, which separates them best:

    >>> import torch
    >>> from fairtut.methods.lassi import separator
    >>> from fairtut.methods.lassi.vectors import SeparatorConfig
    >>> z = torch.tensor([[4.0, 1.0], [4.0, -1.0], [-4.0, 1.0], [-4.0, -1.0]])
    >>> s = torch.tensor([1, 1, 0, 0])
    >>> found = separator(z, s, (z, s), config=SeparatorConfig(epochs=100, batch=4, lr=0.1))
    >>> found.weight.round().abs().tolist(), found.score(z).round().tolist()
    ([1.0, 0.0], [4.0, 4.0, -4.0, -4.0])
    """
    c = config or SeparatorConfig()
    label = check_binary(z, s).to(z)
    z_valid, label_valid = valid[0].to(z), check_binary(*valid, what="validation").to(z)
    head = linear(z.shape[1], 1, generator=torch_rng(seed, "separator")).to(z)
    adam = torch.optim.Adam(head.parameters(), c.lr)

    def loss(rows: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(head(rows)[:, 0], target)

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        value = loss(z[rows], label[rows])
        descend(adam, value)
        return {"loss": value}

    @torch.no_grad()
    def score() -> dict[str, float]:
        return {"valid_loss": float(loss(z_valid, label_valid))}

    fit_best(
        head, len(z), step, score, by="valid_loss", epochs=c.epochs, batch=c.batch,
        seed=stream_seed(seed, "separator"), what="separator", device=z.device,
        keep={"adam": adam},
    )  # fmt: skip
    weight = head.weight.detach()[0]  # (q,)
    return Separator(weight / weight.norm(), float(head.bias.detach() / weight.norm()))


def perpendicular(
    z: Tensor,
    s: Tensor,
    valid: tuple[Tensor, Tensor],
    *,
    config: SeparatorConfig | None = None,
    seed: int = 0,
) -> Tensor:
    """Return the unit normal of :func:`separator`, (q,), towards the class 1.

    Parameters and errors as in :func:`separator`.  It says which way the attribute changes and not
    how far, so the radius of the similarity set is larger than for a mean difference (``EPSILON``).

    References
    ----------
    Denton, Hutchinson, Mitchell and Gebru: Detecting bias with generative counterfactual face
    attribute augmentation, 2019.

    Examples
    --------
    >>> import torch
    >>> from fairtut.methods.lassi import mean_difference, perpendicular
    >>> from fairtut.methods.lassi.vectors import SeparatorConfig
    >>> z, s = torch.tensor([[4.0], [-4.0]]), torch.tensor([1, 0])
    >>> perpendicular(z, s, (z, s), config=SeparatorConfig(epochs=100, batch=2, lr=0.1)).tolist()
    [1.0]
    >>> mean_difference(z, s).tolist()
    [8.0]
    """
    return separator(z, s, valid, config=config, seed=seed).weight


def ramaswamy(z: Tensor, sensitive: Separator, target: Separator) -> Tensor:
    r"""Return the direction that mirrors the sensitive score and keeps the target's.

    With the unit normals :math:`w_g, w_t` and :math:`c = w_g \cdot w_t`, the direction
    :math:`d = w_g - c w_t` leaves the target's score alone, and moving a latent by
    :math:`-2 (w_g \cdot z + b_g) / (1 - c^2) \, d` changes the sign of its sensitive score.

    Parameters
    ----------
    z : Tensor, shape (n, q)
        The training split.
    sensitive, target : ``fairtut.methods.lassi.vectors.Separator``

    Returns
    -------
    Tensor, shape (q,)
        Along d, as long as those displacements are on average.

    Raises
    ------
    fairtut.errors.InputError
        If latents are not finite or do not fit, or the two normals are parallel.

    References
    ----------
    Ramaswamy, Kim and Russakovsky: Fair attribute classification through latent space de-biasing,
    CVPR 2021.

    Examples
    --------
    The normals have c = .6, so d = (.64, -.48), and the sensitive scores are 3 on average:

    >>> import torch
    >>> from fairtut.methods.lassi import ramaswamy
    >>> from fairtut.methods.lassi.vectors import Separator
    >>> sensitive = Separator(torch.tensor([1.0, 0.0]), 0.0)
    >>> target = Separator(torch.tensor([0.6, 0.8]), 0.0)
    >>> found = ramaswamy(torch.tensor([[2.0, 0.0], [-4.0, 5.0]]), sensitive, target)
    >>> found.round(decimals=3).tolist()  # 2 * 3 / .64 times d
    [6.0, -4.5]
    >>> abs(float(found @ target.weight)) < 1e-5  # nothing changes for the target
    True
    """
    check_latents(z)
    if not len(sensitive.weight) == len(target.weight) == z.shape[1]:
        raise InputError(
            f"separators of latents of length {len(sensitive.weight)} and {len(target.weight)} for "
            f"latents of length {z.shape[1]}: fit them on these"
        )
    c = float(sensitive.weight @ target.weight)
    if 1 - c * c < 1e-6:
        raise InputError(
            "the separators of the sensitive attribute and of the target are parallel: nothing "
            "changes the one without the other"
        )
    d = sensitive.weight - c * target.weight
    apart = torch.cat([sensitive.score(part).abs() for part in z.split(ROWS)]).mean()
    return 2 * apart / (1 - c * c) * d


def check_latents(z: Tensor, what: str = "training") -> None:
    """Raise ``InputError`` unless z is (n, q), with rows, and finite."""
    if z.ndim != 2 or not len(z):
        raise InputError(f"{what} latents have shape {tuple(z.shape)}: need (n, q), n at least 1")
    for start in range(0, len(z), ROWS):
        bad = (~z[start : start + ROWS].isfinite().all(1)).nonzero()
        if len(bad):
            raise InputError(
                f"{what} latents hold NaN or infinity (first in row {start + int(bad[0])}): encode "
                "again"
            )


def check_binary(z: Tensor, s: Tensor, what: str = "training") -> Tensor:
    """Return s, or raise ``InputError`` unless it has one 0 or 1 per latent, and both occur."""
    check_latents(z, what)
    if s.shape != (len(z),):
        raise InputError(f"{what} labels have shape {tuple(s.shape)} for {len(z)} latents")
    found = s.unique().tolist()
    if found != [0, 1]:
        raise InputError(f"{what} labels must be 0 and 1, and both occur: found {found[:5]}")
    return s
