r"""Focus, clip and perturbation: the formulas of DVGE.

.. math::

    F_{sens} = \nabla_z d(z), \qquad F_{task} = \nabla_z g(z), \qquad
    z' = z + \mathrm{Clip}_\epsilon\{\eta_1 F_{sens} - \eta_2 F_{task}\}

The formula does not say which number of the network is differentiated.  Four readings:

=============  ===================================================================================
kind           gradient of
=============  ===================================================================================
``loss_pred``  the cross-entropy of the predicted class: adding it makes d less sure
``logit_pred`` the predicted class' logit: what the authors' released code does
``logit_1``    class 1's logit: :math:`\nabla_z d(z)` to the letter, d being one score
``loss_true``  the cross-entropy of the true label, which the perturbed code then gives away
=============  ===================================================================================

With two logits :math:`\ell` and the predicted class p,
:math:`\nabla CE(\ell, p) = -(1 - P_p)\,\nabla(\ell_p - \ell_{1-p})`: the first two have opposite
signs, and the loss loses interest in people about whom the network is sure.

References
----------
Zhang et al.: Model debiasing via gradient-based explanation on representation, AIES 2023.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import InputError, UnknownName
from fairtut.methods.holding import evaluating
from fairtut.models.stacked import StackedMLP

FOCI: Final = ("loss_pred", "logit_pred", "logit_1", "loss_true")
_NO_LENGTH: Final = 1e-12  # shorter gradients count as zero
_ROWS: Final = 8192  # at once: the activations of more rows do not fit anywhere near the processor


def focus(
    net: nn.Module, z: Tensor, kind: str = "loss_pred", target: Tensor | None = None
) -> Tensor:
    """Return the gradient of a network's output with respect to each code.

    Parameters
    ----------
    net : nn.Module
        Codes to two logits: an ordinary network, or k at once (:class:`StackedMLP`).
    z : tensor, shape (n, d) or (k, n, d)
        Codes; with k networks, shared by them or each one's own.
    kind : str
        One of :data:`FOCI`.
    target : int64 tensor, shape (n,) or (k, n), optional
        True labels, for ``loss_true`` only.

    Returns
    -------
    tensor, shape (n, d), or (k, n, d) for k networks
        Detached.  The network is in evaluation mode meanwhile; neither its mode nor its
        gradients change.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such kind.
    fairtut.errors.InputError
        If ``loss_true`` has no labels, or the network has not two logits.
    """
    if kind not in FOCI:
        raise UnknownName.of("focus", kind, FOCI)
    if kind == "loss_true" and target is None:
        raise InputError("the focus loss_true differentiates the true label's loss: pass target")
    codes = z.expand(net.count, *z.shape[-2:]) if isinstance(net, StackedMLP) else z
    labels = None if target is None else target.expand(codes.shape[:-1])
    with evaluating(net), torch.enable_grad():
        parts = [
            _gradient(net, codes[..., i : i + _ROWS, :], kind,
                      None if labels is None else labels[..., i : i + _ROWS])
            for i in range(0, max(codes.shape[-2], 1), _ROWS)
        ]  # fmt: skip
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-2)


def _gradient(net: nn.Module, z: Tensor, kind: str, target: Tensor | None) -> Tensor:
    leaf = z.detach().clone().requires_grad_(True)
    logits = net(leaf)  # (.., n, 2)
    if logits.shape[-1] != 2:
        raise InputError(f"the network has {logits.shape[-1]} outputs: a focus needs two logits")
    predicted = logits.detach().argmax(-1)
    label = predicted if target is None or kind != "loss_true" else target
    # rows and networks never mix, so the gradient of the sum is each row's own gradient
    if kind == "logit_1":
        total = logits[..., 1].sum()
    elif kind == "logit_pred":
        total = logits.gather(-1, label.unsqueeze(-1)).sum()
    else:
        total = functional.cross_entropy(logits.flatten(0, -2), label.flatten(), reduction="sum")
    return torch.autograd.grad(total, leaf)[0]


def clip(v: Tensor, eps: float | None) -> Tensor:
    r"""Return :math:`\min(\max(v, -\epsilon), \epsilon)` for each entry.

    Parameters
    ----------
    v : tensor
    eps : float or None
        The bound, at least 0; None leaves v as it is, like the released code.

    Returns
    -------
    tensor
        Of the shape of v.

    Raises
    ------
    fairtut.errors.InputError
        If the bound is negative or NaN.

    Examples
    --------
    >>> from fairtut.methods.dvge import clip
    >>> import torch
    >>> clip(torch.tensor([-3.0, 0.5, 3.0]), 1.0).tolist()
    [-1.0, 0.5, 1.0]
    >>> clip(torch.tensor([-3.0, 0.5, 3.0]), None).tolist()
    [-3.0, 0.5, 3.0]
    """
    check_eps(eps)
    return v if eps is None else v.clamp(-eps, eps)


def clip_as_printed(v: Tensor, eps: float) -> Tensor:
    """Return the clip as the slides print it: v above eps, else max(v, -eps).

    Large positive entries stay unbounded, surely a slip; :func:`clip` is what must be meant.

    Parameters
    ----------
    v : tensor
    eps : float
        The bound, at least 0.

    Returns
    -------
    tensor
        Of the shape of v.

    Raises
    ------
    fairtut.errors.InputError
        If the bound is negative or NaN.

    Examples
    --------
    >>> from fairtut.methods.dvge import clip_as_printed
    >>> import torch
    >>> clip_as_printed(torch.tensor([-3.0, 0.5, 3.0]), 1.0).tolist()  # 3 stays
    [-1.0, 0.5, 3.0]
    """
    check_eps(eps)
    return torch.where(v > eps, v, v.clamp_min(-eps))


def check_eps(eps: float | None) -> None:
    """Raise ``InputError`` unless a bound is None or at least 0."""
    if eps is not None and not eps >= 0:
        raise InputError(f"eps is {eps}: the clip's bound is at least 0, or None for no clip")


def perturb(
    z: Tensor,
    f_sens: Tensor | None,
    f_task: Tensor | None,
    eta1: float | Tensor,
    eta2: float | Tensor,
    eps: float | None = None,
    normalise: bool = False,
) -> Tensor:
    r"""Return :math:`z' = z + \mathrm{Clip}_\epsilon\{\eta_1 F_{sens} - \eta_2 F_{task}\}`.

    Parameters
    ----------
    z : tensor, shape (n, d) or (k, n, d)
    f_sens, f_task : tensor or None
        The two foci, of a shape that fits z; None counts as 0.
    eta1, eta2 : float or tensor, shape (k,)
        Strengths, one for all or one per network.
    eps : float or None
        See :func:`clip`.
    normalise : bool
        Whether each row of a focus is scaled to length 1 first, so that an η means a distance.
        A zero gradient stays zero.

    Returns
    -------
    tensor, shape (n, d), or (k, n, d) where anything has k of it

    Raises
    ------
    fairtut.errors.InputError
        If the bound is negative or NaN.

    Examples
    --------
    >>> from fairtut.methods.dvge import perturb
    >>> import torch
    >>> z, f_sens, f_task = torch.ones(1, 2), torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    >>> perturb(z, f_sens, f_task, eta1=0.5, eta2=0.25).tolist()  # 1 + .5 * 2 and 1 - .25 * 4
    [[2.0, 0.0]]
    >>> perturb(z, f_sens, f_task, eta1=0.5, eta2=0.25, eps=0.5).tolist()  # no entry moves by more
    [[1.5, 0.5]]
    >>> perturb(z, f_sens, None, torch.tensor([0.0, 0.5]), 0.0).tolist()  # two networks at once
    [[[1.0, 1.0]], [[2.0, 1.0]]]
    """
    if f_sens is None and f_task is None:
        check_eps(eps)
        return z
    change = torch.zeros((), device=z.device)
    for sign, eta, f in ((1, eta1, f_sens), (-1, eta2, f_task)):
        if f is not None:
            strength = eta[:, None, None] if isinstance(eta, Tensor) and eta.ndim else eta
            change = change + sign * strength * (_unit(f) if normalise else f)
    return z + clip(change, eps)


def _unit(f: Tensor) -> Tensor:
    return f / f.norm(dim=-1, keepdim=True).clamp_min(_NO_LENGTH)
