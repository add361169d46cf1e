"""The losses of FAAP, one function per equation of section 4.2 of the paper."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def entropy(logits: Tensor) -> Tensor:
    r"""Return the entropy of each row's softmax in nats, (n, k) to (n,): at most :math:`\ln k`."""
    log_p = functional.log_softmax(logits, 1)
    return -(log_p.exp() * log_p).sum(1)


def discriminator_loss(guess: Tensor, s: Tensor) -> Tensor:
    r"""Equation 3: :math:`L_D = J(D(g(\hat x)), s)`, the cross-entropy that D minimises.

    Parameters
    ----------
    guess : Tensor, shape (n, 2)
        Logits of D on the codes of *perturbed* images.
    s : int64 tensor, shape (n,)
        The sensitive attribute, in {0, 1}.

    Returns
    -------
    Tensor, shape ()
        The mean over rows, in nats, at least 0; :math:`\ln 2` for an even guess.

    Examples
    --------
    >>> from fairtut.methods.faap import discriminator_loss
    >>> import torch
    >>> guess = torch.tensor([[0.75, 0.25]]).log()  # a softmax gives .75 and .25 back
    >>> round(float(discriminator_loss(guess, torch.tensor([0]))), 3)  # -ln .75
    0.288
    >>> round(float(discriminator_loss(guess, torch.tensor([1]))), 3)  # -ln .25
    1.386
    """
    return functional.cross_entropy(guess, s)


def fairness_loss(guess: Tensor, s: Tensor, alpha: float) -> Tensor:
    r"""Equation 4: :math:`L_G^{fair} = -L_D - \alpha H(D(g(\hat x)))`, which G minimises.

    The first term alone would be content with a D that is confidently *wrong*; the entropy rewards
    a D that does not know.

    Parameters
    ----------
    guess : Tensor, shape (n, 2)
        Logits of D on the codes of *perturbed* images.
    s : int64 tensor, shape (n,)
        The sensitive attribute, in {0, 1}.
    alpha : float
        Weight of the entropy, in nats.

    Returns
    -------
    Tensor, shape ()
        The mean over rows; it has no lower end.

    Examples
    --------
    Without the entropy a wrong D is worth more to G than an even one; with enough of it, less.

    >>> from fairtut.methods.faap import fairness_loss
    >>> import torch
    >>> even, wrong = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.1, 0.9]]).log()
    >>> s = torch.tensor([0])
    >>> [round(float(fairness_loss(guess, s, alpha=0)), 2) for guess in (even, wrong)]
    [-0.69, -2.3]
    >>> [round(float(fairness_loss(guess, s, alpha=10)), 2) for guess in (even, wrong)]
    [-7.62, -5.55]
    """
    return -discriminator_loss(guess, s) - alpha * entropy(guess).mean()


def generator_loss(
    guess: Tensor, logits: Tensor, s: Tensor, y: Tensor, alpha: float, beta: float
) -> Tensor:
    r"""Equations 5 and 6: :math:`L_G = L_G^{fair} + \beta J(f(g(\hat x)), y)`.

    Parameters
    ----------
    guess : Tensor, shape (n, 2)
        Logits of D.
    logits : Tensor, shape (n, classes)
        Logits of the deployed head f.
    s, y : int64 tensors, shape (n,)
        Sensitive attribute in {0, 1}, and class.
    alpha, beta : float
        Weights of the entropy and of the target's loss.

    Returns
    -------
    Tensor, shape ()
        The mean over rows.

    Examples
    --------
    >>> from fairtut.methods.faap import generator_loss
    >>> import torch
    >>> even, one = torch.zeros(1, 2), torch.tensor([1])  # D and f both guess .5 and .5
    >>> round(float(generator_loss(even, even, one, one, alpha=1, beta=3)), 3)  # (-1 - 1 + 3) ln 2
    0.693
    """
    return fairness_loss(guess, s, alpha) + beta * functional.cross_entropy(logits, y)


def confusion_loss(
    guess: Tensor, logits: Tensor, s: Tensor, y: Tensor, alpha: float, beta: float
) -> Tensor:
    """A bounded alternative to equation 6: D's cross-entropy to the uniform guess (ours).

    Minus a cross-entropy has no lower end, so G can gain by making D confidently wrong for ever.
    Here the best that G can do is an even guess.
    """
    even = -functional.log_softmax(guess, 1).mean(1)
    return (1 + alpha) * even.mean() + beta * functional.cross_entropy(logits, y)


def target_loss(
    guess: Tensor, logits: Tensor, s: Tensor, y: Tensor, alpha: float, beta: float
) -> Tensor:
    """Equation 5 alone: the "only-T" ablation of the paper's figure 4, without any D."""
    return functional.cross_entropy(logits, y)


OBJECTIVES = {"paper": generator_loss, "confusion": confusion_loss, "only-t": target_loss}
"""What G minimises, by name."""

__all__ = [
    "OBJECTIVES",
    "confusion_loss",
    "discriminator_loss",
    "entropy",
    "fairness_loss",
    "generator_loss",
    "target_loss",
]
