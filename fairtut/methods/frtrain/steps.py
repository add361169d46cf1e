r"""The arithmetic of one FR-Train epoch, for many runs at once, with gradients in closed form.

Shapes: ``B`` runs, ``n`` training rows, ``m`` clean rows, ``d`` classifier inputs (the features
and ``s``), ``H`` hidden units of the robustness discriminator :math:`D_R`.  Everything here is a
pure function of tensors, so that an epoch can be fused into a few kernels; ``tests/theory``
checks each gradient against autograd.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

LEAK = 0.2  # negative slope of D_R's LeakyReLU
WIDE = 8  # more classifier inputs than this: a matrix product beats an unrolled sum


class State(NamedTuple):
    """Parameters of all runs; the first dimension is the run."""

    w: Tensor  # (B, d + 1) classifier, bias last
    f: Tensor  # (B, 3) D_F: slope on the logit, slope on the label (0 for "di"), bias
    r: Tensor  # (B, H, d + 2) first layer of D_R: inputs, label channel, bias
    v: Tensor  # (B, H) second layer of D_R
    c: Tensor  # (B,) output bias of D_R


class Rows(NamedTuple):
    """The data that a batch of runs shares, one row per input so that rows are contiguous."""

    x: Tensor  # (d, n + m) classifier inputs: training rows, then clean rows
    y: Tensor  # (n,) training labels in {0, 1}
    s: Tensor  # (n,) sensitive attribute in {0, 1}
    label: Tensor  # (n + m,) labels in {-1, +1}
    clean: Tensor  # (n + m,) 1 for clean rows: the target of D_R
    share: Tensor  # (n + m,) weight of a row in the loss of D_R: 1/(2n) or 1/(2m)


class Moments(NamedTuple):
    """Adam's running moments of the classifier and its step count."""

    first: Tensor  # (B, d + 1)
    second: Tensor  # (B, d + 1)
    step: Tensor  # ()


def _by_matrix(x: Tensor) -> bool:
    """Whether sums over rows are matrix products: these do not fuse, but win where nothing does."""
    return x.shape[0] > WIDE or not torch.compiler.is_compiling()


def logits(w: Tensor, x: Tensor) -> Tensor:
    """Return the classifier's logits ``w·x + b``, (B, n)."""
    if x.shape[0] > WIDE:
        return torch.addmm(w[:, -1:], w[:, :-1], x)
    out = w[:, 0, None] * x[0] + w[:, -1:]
    for j in range(1, x.shape[0]):  # a sum of products fuses, a matrix product does not
        out = out + w[:, j, None] * x[j]
    return out


def fair_score(f: Tensor, logit: Tensor, y: Tensor) -> Tensor:
    """Return ``D_F``, the guessed probability of ``s = 1``, (B, n)."""
    return torch.sigmoid(f[:, 0, None] * logit + f[:, 1, None] * y + f[:, 2, None])


def step_fairness(f: Tensor, logit: Tensor, data: Rows, lr: Tensor, eo: bool) -> Tensor:
    """One descent step of D_F on BCE(D_F(logit[, y]), s), for every run."""
    error = (fair_score(f, logit, data.y) - data.s) / data.s.shape[0]  # (B, n)
    on_label = (error * data.y).sum(-1) if eo else torch.zeros_like(f[:, 1])
    return f - lr * torch.stack([(error * logit).sum(-1), on_label, error.sum(-1)], -1)


def _pre_activation(r: Tensor, x: Tensor, channel: Tensor) -> Tensor:
    """Inputs of D_R's LeakyReLU, (B, H, n): features, the label channel and the bias."""
    d = x.shape[0]
    if d > WIDE:
        out = (r[:, :, :d].reshape(-1, d) @ x).view(r.shape[0], r.shape[1], -1)  # (B, H, n)
    else:
        out = r[:, :, 0, None] * x[0]
        for j in range(1, d):
            out = out + r[:, :, j, None] * x[j]
    return out + r[:, :, d, None] * channel[:, None, :] + r[:, :, d + 1, None]


def score_robust(state: State, x: Tensor, channel: Tensor) -> Tensor:
    """Return the logit of D_R for each row, (B, n)."""
    pre = _pre_activation(state.r, x, channel)
    leaky = torch.maximum(pre, LEAK * pre)
    if _by_matrix(x):
        return torch.baddbmm(state.c[:, None, None], state.v[:, None, :], leaky)[:, 0]
    return (leaky * state.v[..., None]).sum(1) + state.c[:, None]


def step_robust(state: State, channel: Tensor, data: Rows, lr: Tensor) -> State:
    r"""One descent step of D_R on ½[BCE(D_R(clean), 1) + BCE(D_R(train), 0)], for every run.

    With :math:`e_i` the error at the output, :math:`a_{ih}` the slope of hidden unit :math:`h` and
    :math:`M_h = \sum_i e_i a_{ih} \tilde x_i`, the gradients are :math:`v_h M_h` for the first
    layer and, because a LeakyReLU equals its slope times its input, :math:`r_h \cdot M_h` for the
    second: one pass over the rows serves both layers.
    """
    error = (torch.sigmoid(score_robust(state, data.x, channel)) - data.clean) * data.share
    active = _pre_activation(state.r, data.x, channel) > 0
    slope = torch.where(active, error[:, None], LEAK * error[:, None])  # (B, H, n + m)
    if _by_matrix(data.x):
        sums = [slope @ data.x.T, slope @ channel[..., None], slope.sum(-1, keepdim=True)]
        moment = torch.cat(sums, -1)  # (B, H, d + 2)
    else:
        sums = [(slope * row).sum(-1) for row in (*data.x, channel[:, None])]
        moment = torch.stack([*sums, slope.sum(-1)], -1)
    return state._replace(
        r=state.r - lr * state.v[..., None] * moment,
        v=state.v - lr * (state.r * moment).sum(-1),
        c=state.c - lr * error.sum(-1),
    )


def slope_robust(state: State, x: Tensor, channel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logit of D_R and its derivative in the label channel, both (B, n)."""
    pre = _pre_activation(state.r, x, channel)
    gain = (state.v * state.r[:, :, -2])[..., None]  # (B, H, 1)
    leaky = torch.maximum(pre, LEAK * pre)
    score = (leaky * state.v[..., None]).sum(1) + state.c[:, None]
    return score, torch.where(pre > 0, gain, LEAK * gain).sum(1)


def _into_classifier(back: Tensor, x: Tensor) -> Tensor:
    """Chain ``dLoss/dlogit`` (B, n) into the classifier's parameters, (B, d + 1)."""
    if _by_matrix(x):
        return torch.cat([back @ x.T, back.sum(-1, keepdim=True)], -1)
    return torch.stack([*((back * row).sum(-1) for row in x), back.sum(-1)], -1)


def grad_warmup(logit: Tensor, weight: Tensor, scale: Tensor, data: Rows) -> Tensor:
    """Gradient of ``scale`` × BCE(σ(2·logit), y), the warm-up loss of the released code."""
    n = data.y.shape[0]
    back = 2 * scale / n * weight * (torch.sigmoid(2 * logit) - data.y)
    return _into_classifier(back, data.x[:, :n])


def grad_classifier(
    state: State, logit: Tensor, weight: Tensor, lam: Tensor, data: Rows, through_r: bool
) -> Tensor:
    """Gradient of the combined loss in the classifier's parameters, (B, d + 1).

    ``lam`` is (B, 2): lambda_f and lambda_r of each run.  ``through_r`` says whether the
    robustness term reaches the classifier.
    """
    n = data.y.shape[0]
    lam_f, lam_r = lam[:, 0, None], lam[:, 1, None]
    fair = (fair_score(state.f, logit, data.y) - data.s) * state.f[:, 0, None]
    plain = torch.sigmoid(logit) - data.y
    back = weight * ((1 - lam_f - lam_r) * plain - lam_f * fair)
    if through_r:
        score, gain = slope_robust(state, data.x[:, :n], logit)
        back = back - lam_r * torch.sigmoid(score) * gain
    return _into_classifier(back / n, data.x[:, :n])


def adam(w: Tensor, grad: Tensor, moments: Moments, lr: Tensor) -> tuple[Tensor, Moments]:
    """One step of Adam (Kingma & Ba, 2015, algorithm 1) with its usual constants."""
    step = moments.step + 1
    first = 0.9 * moments.first + 0.1 * grad
    second = 0.999 * moments.second + 0.001 * grad * grad
    root = (second / (1 - 0.999**step)).sqrt() + 1e-8
    return w - lr * (first / (1 - 0.9**step)) / root, Moments(first, second, step)


def combined_loss(state: State, logit: Tensor, weight: Tensor, lam: Tensor, data: Rows) -> Tensor:
    """The classifier's combined loss of each run, (B,); only the released weighting needs it."""
    n = data.y.shape[0]
    plain = binary_cross_entropy_with_logits(logit, data.y.expand_as(logit), reduction="none")
    guess = state.f[:, 0, None] * logit + state.f[:, 1, None] * data.y + state.f[:, 2, None]
    fair = binary_cross_entropy_with_logits(guess, data.s.expand_as(guess), reduction="none")
    robust = softplus(score_robust(state, data.x[:, :n], logit)).mean(-1)
    keep = 1 - lam.sum(-1)
    weighted = keep * (weight * plain).mean(-1) - lam[:, 0] * (weight * fair).mean(-1)
    return weighted - lam[:, 1] * robust


def warmup_loss(logit: Tensor, weight: Tensor, scale: Tensor, data: Rows) -> Tensor:
    """The warm-up loss of each run, (B,), whose gradient is :func:`grad_warmup`."""
    loss = binary_cross_entropy_with_logits(2 * logit, data.y.expand_as(logit), reduction="none")
    return scale * (weight * loss).mean(-1)


def robust_loss(state: State, channel: Tensor, data: Rows) -> Tensor:
    """The loss of D_R, ½[BCE(clean, 1) + BCE(train, 0)], (B,); ln 2 for a blind one."""
    score = score_robust(state, data.x, channel)
    return ((softplus(score) - data.clean * score) * data.share).sum(-1)
