"""Which latent dimension knows the sensitive attribute, and a code without it."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtut.errors import InputError
from fairtut.runtime.precision import double


def correlations(z: Tensor, s: Tensor) -> Tensor:
    """Return the correlation of each dimension with s, 0 for one that never changes.

    Parameters
    ----------
    z : Tensor, shape (n, d) or (k, n, d)
    s : Tensor, shape (n,) or (k, n)

    Returns
    -------
    float64 tensor, shape (k, d)
        On the CPU if z is on a device without double precision; k is 1 where neither has members.

    Raises
    ------
    fairtut.errors.InputError
        If shapes do not fit, or s has a single value.

    Examples
    --------
    Three dimensions: one follows s, one never changes, one falls while s rises.

    >>> import torch
    >>> from fairtut.methods.latent import correlations
    >>> z = torch.tensor([[2.0, 7.0, 4.0], [2.0, 7.0, 3.0], [5.0, 7.0, 2.0], [5.0, 7.0, 1.0]])
    >>> correlations(z, torch.tensor([0, 0, 1, 1])).round(decimals=3).tolist()  # -2 / sqrt(5)
    [[1.0, 0.0, -0.894]]
    """
    if z.ndim not in (2, 3) or s.shape not in {z.shape[:-1], z.shape[-2:-1]}:
        raise InputError(f"z {tuple(z.shape)} and s {tuple(s.shape)}: need (.., n, d) and (.., n)")
    z = double(z if z.ndim == 3 else z[None])  # (k, n, d)
    s = double(s).to(z).expand(z.shape[:2])
    z, s = z - z.mean(1, keepdim=True), s - s.mean(1, keepdim=True)
    spread_z, spread_s = z.norm(dim=1), s.norm(dim=1, keepdim=True)  # (k, d), (k, 1)
    if not (spread_s > 0).all():
        raise InputError("s has a single value: nothing can be correlated with it")
    product = torch.einsum("knd,kn->kd", z, s)
    return torch.where(spread_z > 1e-9, product / (spread_z * spread_s).clamp_min(1e-12), 0.0)


def sensitive_dimension(z: Tensor, s: Tensor) -> Tensor:
    """Return the dimension with the largest absolute correlation with s, int64 (k,).

    Arguments and errors as of :func:`correlations`.

    Examples
    --------
    The sign does not matter:

    >>> import torch
    >>> from fairtut.methods.latent import sensitive_dimension
    >>> z = torch.tensor([[1.0, 9.0], [2.0, 9.0], [1.0, 4.0], [2.0, 4.0]])
    >>> sensitive_dimension(z, torch.tensor([0, 0, 1, 1])).tolist()
    [1]
    """
    return correlations(z, s).abs().argmax(1)


def remove(z: Tensor, index: Tensor) -> Tensor:
    """Return codes with one dimension set to 0.

    Parameters
    ----------
    z : Tensor, shape (n, d) or (k, n, d)
    index : int64 tensor, shape (k,)
        The dimension to clear for each member, as of :func:`sensitive_dimension`.

    Returns
    -------
    Tensor
        Of the shape of z; it stays as long as it was.

    Examples
    --------
    >>> import torch
    >>> from fairtut.methods.latent import remove
    >>> remove(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([1])).tolist()
    [[1.0, 0.0, 3.0], [4.0, 0.0, 6.0]]
    """
    kept = torch.ones(len(index), z.shape[-1], dtype=z.dtype, device=z.device)
    kept.scatter_(1, index[:, None].to(z.device), 0.0)
    return z * (kept[0] if z.ndim == 2 else kept[:, None])
