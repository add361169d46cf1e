r"""The projected update: utility, without the part that helps the adversary, minus its gradient.

With :math:`g_y, g_z` the gradients of the label's and the adversary's cross-entropy and
:math:`u = g_z / \lVert g_z \rVert`, one descends along

.. math::  G = g_y - \langle g_y, u \rangle u - \lambda g_z ,

per parameter tensor.  So :math:`\lambda = 0` is not "no fairness": the component along u is gone
all the same.

References
----------
Zhang, Lemoine, Mitchell: Mitigating unwanted biases with adversarial learning, AIES 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def projected(
    g_y: Sequence[Tensor],
    g_z: Sequence[Tensor],
    lam: float | Tensor,
    *,
    project: bool = True,
    eps: float = 1e-12,
) -> list[Tensor]:
    r"""Return the direction G to descend along, one tensor per parameter tensor.

    Parameters
    ----------
    g_y, g_z : sequence of tensors
        Gradients of the label's and of the adversary's cross-entropy, pair by pair of one shape.
    lam : float
        :math:`\lambda \ge 0`, the weight of the adversary's gradient.
    project : bool
        False gives the paper's printed objective, :math:`g_y - \lambda g_z`.
    eps : float
        Gradients of the adversary shorter than this count as shorter than a unit vector, so that
        a vanishing one projects nothing away (the released code divides by zero there).

    Returns
    -------
    list of tensors

    Examples
    --------
    Here u = (0, 1), so the second number of g_y goes; then half of g_z is taken away:

    >>> import torch
    >>> from fairtut.methods.reprogramming import projected
    >>> g_y, g_z = [torch.tensor([3.0, 4.0])], [torch.tensor([0.0, 2.0])]
    >>> projected(g_y, g_z, 0.5)[0].tolist()
    [3.0, -1.0]
    >>> projected(g_y, g_z, 0.0)[0].tolist()  # not the gradient of the label's loss
    [3.0, 0.0]
    >>> projected(g_y, g_z, 0.5, project=False)[0].tolist()
    [3.0, 3.0]
    """
    directions = []
    for towards_y, towards_z in zip(g_y, g_z, strict=True):
        direction = towards_y - lam * towards_z
        if project:
            u = towards_z / towards_z.norm().clamp_min(eps)
            direction = direction - (towards_y * u).sum() * u
        directions.append(direction)
    return directions
