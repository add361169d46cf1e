"""Every closed-form gradient of FR-Train against autograd, in double precision."""

import itertools

import pytest
import torch
from torch.nn import functional

from fairtut.methods.frtrain import steps
from fairtut.methods.frtrain.steps import Moments, Rows, State

# (runs, training rows, clean rows, classifier inputs, hidden units)
SHAPES = [(1, 7, 3, 3, 4), (3, 20, 6, 3, 16), (2, 13, 5, steps.WIDE, 5), (3, 17, 4, 12, 6)]
PATHS = ["eager", "fused"]
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(params=list(itertools.product(SHAPES, PATHS)), ids=lambda p: f"{p[0]}-{p[1]}")
def problem(request, monkeypatch):
    """Random parameters and rows; the arithmetic of the eager or of the fused path."""
    (runs, n, m, d, hidden), path = request.param
    if path == "fused":
        monkeypatch.setattr(steps, "_by_matrix", lambda x: x.shape[0] > steps.WIDE)
    rng = torch.Generator().manual_seed(n)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    def bits(*shape):
        return torch.randint(0, 2, shape, generator=rng).double()

    state = State(
        normal(runs, d + 1), normal(runs, 3), normal(runs, hidden, d + 2),
        normal(runs, hidden), normal(runs),
    )  # fmt: skip
    clean = (torch.arange(n + m) >= n).double()
    label = 2 * bits(n + m) - 1
    share = clean * 0.5 / m + (1 - clean) * 0.5 / n
    rows = Rows(normal(d, n + m), (label[:n] + 1) / 2, bits(n), label, clean, share)
    weight = normal(runs, n).abs()
    lam = torch.stack([normal(runs).abs() / 9, normal(runs).abs() / 9], 1)
    return state, rows, weight, lam


def autograd(loss_of, value):
    leaf = value.clone().requires_grad_()
    return torch.autograd.grad(loss_of(leaf).sum(), leaf)[0]


def logit_of(w, x):
    return torch.stack([row[:-1] @ x + row[-1] for row in w])


def fair_loss(f, logit, rows, weight=1.0):
    """BCE(D_F, s) of each run, written as the paper writes it."""
    guess = torch.sigmoid(f[:, :1] * logit + f[:, 1:2] * rows.y + f[:, 2:])
    target = rows.s.expand_as(guess)
    each = functional.binary_cross_entropy(guess, target, reduction="none")
    return (weight * each).mean(-1)


def robust_logit(state, x, channel):
    out = []
    for b in range(len(state.c)):
        seen = torch.cat([x, channel[b][None], torch.ones_like(channel[b][None])])  # (d + 2, n)
        hidden = functional.leaky_relu(state.r[b] @ seen, 0.2)
        out.append(state.v[b] @ hidden + state.c[b])
    return torch.stack(out)


def robust_loss(state, channel, rows):
    """½[BCE(D_R(clean), 1) + BCE(D_R(train), 0)] of each run."""
    n = len(rows.y)
    guess = torch.sigmoid(robust_logit(state, rows.x, channel))
    bce = functional.binary_cross_entropy
    halves = [
        bce(part, torch.full_like(part, target), reduction="none").mean(-1) / 2
        for part, target in ((guess[:, n:], 1.0), (guess[:, :n], 0.0))
    ]
    return sum(halves)


def combined(state, w, weight, lam, rows, through_r=True):
    """The classifier's loss of each run, from the formula of the module's docstring."""
    n = len(rows.y)
    logit = logit_of(w, rows.x[:, :n])
    plain = functional.binary_cross_entropy_with_logits(
        logit, rows.y.expand_as(logit), reduction="none"
    )
    seen = robust_logit(state, rows.x[:, :n], logit if through_r else logit.detach())
    robust = functional.binary_cross_entropy_with_logits(
        seen, torch.zeros_like(seen), reduction="none"
    ).mean(-1)
    lam_f, lam_r = lam.T
    kept = (1 - lam_f - lam_r) * (weight * plain).mean(-1)
    return kept - lam_f * fair_loss(state.f, logit, rows, weight) - lam_r * robust


def test_logits(problem):
    state, rows, _, _ = problem
    torch.testing.assert_close(steps.logits(state.w, rows.x), logit_of(state.w, rows.x), **CLOSE)


@pytest.mark.parametrize("eo", [False, True])
def test_fairness_discriminator_descends_its_bce(problem, eo):
    state, rows, _, _ = problem
    n = len(rows.y)
    f = state.f.clone()
    if not eo:
        f[:, 1] = 0
    logit = logit_of(state.w, rows.x[:, :n])
    slope = autograd(lambda value: fair_loss(value, logit, rows), f)
    if not eo:
        slope[:, 1] = 0  # for disparate impact the discriminator has no label to look at
    moved = steps.step_fairness(f, logit, rows, torch.tensor(0.3, dtype=torch.float64), eo)
    torch.testing.assert_close(moved, f - 0.3 * slope, **CLOSE)


def test_robustness_discriminator_descends_its_bce(problem):
    state, rows, _, _ = problem
    channel = torch.where(rows.clean > 0, rows.label, logit_of(state.w, rows.x))
    lr = torch.tensor(0.3, dtype=torch.float64)
    moved = steps.step_robust(state, channel, rows, lr)
    for name in ("r", "v", "c"):
        value = getattr(state, name)
        slope = autograd(
            lambda part, name=name: robust_loss(state._replace(**{name: part}), channel, rows),
            value,
        )
        torch.testing.assert_close(getattr(moved, name), value - lr * slope, **CLOSE)
    assert moved.w is state.w and moved.f is state.f


def test_robustness_logit_loss_and_slope(problem):
    state, rows, _, _ = problem
    channel = logit_of(state.w, rows.x)
    expected = robust_logit(state, rows.x, channel)
    torch.testing.assert_close(steps.score_robust(state, rows.x, channel), expected, **CLOSE)
    score, gain = steps.slope_robust(state, rows.x, channel)
    torch.testing.assert_close(score, expected, **CLOSE)
    slope = autograd(lambda value: robust_logit(state, rows.x, value), channel)
    torch.testing.assert_close(gain, slope, **CLOSE)
    torch.testing.assert_close(
        steps.robust_loss(state, channel, rows), robust_loss(state, channel, rows), **CLOSE
    )


def test_warmup(problem):
    state, rows, weight, _ = problem
    n, scale = len(rows.y), torch.tensor(0.1, dtype=torch.float64)

    def loss(w):
        p_hat = (torch.tanh(logit_of(w, rows.x[:, :n])) + 1) / 2
        each = functional.binary_cross_entropy(p_hat, rows.y.expand_as(p_hat), reduction="none")
        return scale * (weight * each).mean(-1)

    logit = logit_of(state.w, rows.x[:, :n]) / 4  # the probability of a large logit rounds to 1
    w = state.w / 4
    grad = steps.grad_warmup(logit, weight, scale, rows)
    torch.testing.assert_close(grad, autograd(loss, w), **CLOSE)
    torch.testing.assert_close(steps.warmup_loss(logit, weight, scale, rows), loss(w), **CLOSE)


@pytest.mark.parametrize("through_r", [False, True])
def test_classifier(problem, through_r):
    state, rows, weight, lam = problem
    logit = logit_of(state.w, rows.x[:, : len(rows.y)])
    grad = steps.grad_classifier(state, logit, weight, lam, rows, through_r)
    slope = autograd(lambda w: combined(state, w, weight, lam, rows, through_r), state.w)
    torch.testing.assert_close(grad, slope, **CLOSE)


def test_combined_loss(problem):
    state, rows, weight, lam = problem
    logit = logit_of(state.w, rows.x[:, : len(rows.y)])
    found = steps.combined_loss(state, logit, weight, lam, rows)
    torch.testing.assert_close(found, combined(state, state.w, weight, lam, rows), **CLOSE)


def test_a_relabelled_group_mirrors_the_fairness_discriminator(problem):
    """Calling group 0 group 1 turns D_F into -D_F and leaves the classifier's pull as it is."""
    state, rows, weight, lam = problem
    logit = logit_of(state.w, rows.x[:, : len(rows.y)])
    other_rows, other_state = rows._replace(s=1 - rows.s), state._replace(f=-state.f)
    lr = torch.tensor(0.3, dtype=torch.float64)
    moved = steps.step_fairness(state.f, logit, rows, lr, True)
    mirrored = steps.step_fairness(other_state.f, logit, other_rows, lr, True)
    torch.testing.assert_close(mirrored, -moved, **CLOSE)
    torch.testing.assert_close(
        steps.grad_classifier(other_state, logit, weight, lam, other_rows, True),
        steps.grad_classifier(state, logit, weight, lam, rows, True),
        **CLOSE,
    )


def test_adam_is_torchs():
    rng = torch.Generator().manual_seed(0)
    grads = torch.randn(40, 3, 5, generator=rng, dtype=torch.float64)
    w = torch.randn(3, 5, generator=rng, dtype=torch.float64)
    theirs = w.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.01)
    zero = torch.zeros_like(w)
    moments = Moments(zero, zero, torch.zeros((), dtype=torch.float64))
    for grad in grads:
        theirs.grad = grad.clone()
        optimiser.step()
        w, moments = steps.adam(w, grad, moments, torch.tensor(0.01, dtype=torch.float64))
    torch.testing.assert_close(w, theirs.detach(), rtol=1e-12, atol=1e-12)
    assert moments.step == 40
