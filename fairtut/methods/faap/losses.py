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
        The sensitive attribute.
    """
    return functional.cross_entropy(guess, s)


def fairness_loss(guess: Tensor, s: Tensor, alpha: float) -> Tensor:
    r"""Equation 4: :math:`L_G^{fair} = -L_D - \alpha H(D(g(\hat x)))`, which G minimises.

    The first term alone would be content with a D that is confidently *wrong*; the entropy rewards
    a D that does not know.
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
    alpha, beta : float
        Weights of the entropy and of the target's loss.
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
