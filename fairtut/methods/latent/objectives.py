r"""The terms that objectives are built from, each per member of a stack.

Codes have the shape (k, b, d): k members, b rows, d dimensions.  The total correlation of a code
is :math:`TC = KL(q(z) \,\|\, \prod_j q(z_j))`, 0 exactly when its dimensions are independent; the
two published ways to estimate it are :func:`discriminator_tc` and :func:`minibatch_tc`.

References
----------
Kingma & Welling, Auto-encoding variational Bayes, ICLR 2014.
Kim & Mnih, Disentangling by factorising, ICML 2018 (FactorVAE).
Chen, Li, Grosse & Duvenaud, Isolating sources of disentanglement in VAEs, NeurIPS 2018 (β-TCVAE).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from fairtut.errors import InputError


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    r"""Return :math:`KL(N(\mu, \sigma^2) \| N(0, I))`, summed over d: (k, b, d) to (k, b), nats."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(-1)


def sample(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    """Draw z from N(mu, exp(logvar)), differentiably; the noise comes from a CPU generator."""
    # drawn on the CPU: the same numbers on every device, and a state that a checkpoint can keep
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype).to(mu.device)
    return mu + (0.5 * logvar).exp() * noise


def permute_dims(
    z: Tensor, generator: torch.Generator, blocks: Sequence[int] | None = None
) -> Tensor:
    """Shuffle each dimension over the rows on its own: the joint goes, the marginals stay.

    Parameters
    ----------
    z : Tensor, shape (k, b, d)
    generator : torch.Generator
        On the CPU.
    blocks : sequence of int, optional
        Widths of neighbouring dimensions that move together; by default each moves alone.

    Returns
    -------
    Tensor, shape (k, b, d)
        Every member and every block with a permutation of its own.
    """
    k, b, d = z.shape
    widths = torch.tensor([1] * d if blocks is None else list(blocks))
    if int(widths.sum()) != d:
        raise InputError(f"blocks of {widths.tolist()} do not make up {d} dimensions")
    order = torch.rand(k, b, len(widths), generator=generator).argsort(1)
    order = order.repeat_interleave(widths, 2)  # (k, b, blocks) to (k, b, d)
    return z.gather(1, order.to(z.device))


def discriminator_loss(true: Tensor, shuffled: Tensor) -> Tensor:
    """Return FactorVAE's loss of the discriminator: its mean cross-entropy, per member.

    Parameters
    ----------
    true, shuffled : Tensor, shape (k, b, 1)
        Log-odds "a true code, not a shuffled one" for true and for shuffled codes: the difference
        of the paper's two logits.

    Returns
    -------
    Tensor, shape (k,)
        Log 2 for a discriminator that knows nothing.
    """
    wrong = functional.softplus(-true) + functional.softplus(shuffled)
    return 0.5 * wrong.mean((1, 2))


def discriminator_tc(true: Tensor) -> Tensor:
    """Estimate the total correlation from the log-odds of true codes, (k, b, 1) to (k,), nats.

    The log-odds of the *best* discriminator are log q(z) - log prod q(z_j).  Another one's may
    even have a negative mean.
    """
    return true.mean((1, 2))


def minibatch_tc(
    z: Tensor, mu: Tensor, logvar: Tensor, n: int, *, stratified: bool = True
) -> Tensor:
    r"""Estimate the total correlation from the batch's own posteriors, per member, nats.

    The density of the code, :math:`q(z) = \frac1n \sum_j q(z \mid x_j)`, is a sum over all n rows
    of the data, of which a batch knows b.  ``stratified`` weights z's own row, which is always in
    the batch, with 1/n, and the b - 1 others with :math:`\frac{n-1}{n(b-1)}`: an unbiased estimate
    of q(z), and exact for b = n.  The published *weighted* sampling gives every row 1/(nb).

    Parameters
    ----------
    z, mu, logvar : Tensor, shape (k, b, d)
        Row i of z is drawn from N(mu_i, exp(logvar_i)).
    n : int
        Rows of the data.
    stratified : bool
        Whether to use the first weights.

    Returns
    -------
    Tensor, shape (k,)
        The weighted estimate is off by about (d - 1) log n, because each of its d + 1 densities is
        too small by the same factor; for its gradients a constant does not matter.

    Raises
    ------
    fairtut.errors.InputError
        If there are fewer than two rows, or more than n.
    """
    b = z.shape[1]
    if not 2 <= b <= n:
        raise InputError(f"a batch of {b} rows out of {n}: need at least 2 and at most all")
    gap = z[:, :, None] - mu[:, None]  # (k, b, b, d): row i of z under the posterior of row j
    log_q = -0.5 * (gap.square() / logvar.exp()[:, None] + logvar[:, None] + math.log(2 * math.pi))
    if stratified:
        weight = torch.full((b, b), (n - 1) / (n * (b - 1)), dtype=z.dtype, device=z.device)
        weight.fill_diagonal_(1 / n)
    else:
        weight = torch.full((b, b), 1 / (n * b), dtype=z.dtype, device=z.device)
    log_weight = weight.log()
    joint = torch.logsumexp(log_q.sum(3) + log_weight, 2)  # (k, b)
    marginals = torch.logsumexp(log_q + log_weight[:, :, None], 2)  # (k, b, d)
    return (joint - marginals.sum(2)).mean(1)


def gaussian_tc(covariance: Tensor) -> Tensor:
    """Return the total correlation of a Gaussian in nats, covariances (.., d, d) to (..)."""
    variances = covariance.diagonal(dim1=-2, dim2=-1)
    return 0.5 * (variances.log().sum(-1) - torch.linalg.slogdet(covariance).logabsdet)


def bernoulli_entropy(logits: Tensor) -> Tensor:
    """Return the entropy of each logit's coin in nats, in [0, log 2], element by element."""
    return functional.softplus(logits) - logits * torch.sigmoid(logits)
