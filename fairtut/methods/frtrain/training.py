"""Train FR-Train, and adversarial debiasing as its half: many runs on one data set at once."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from fairtut.errors import InputError
from fairtut.methods.frtrain import steps
from fairtut.methods.frtrain.config import RELEASED_POISONED, Config
from fairtut.methods.frtrain.steps import Moments, Rows, State
from fairtut.methods.inputs import Triple, check_rows, check_weights
from fairtut.methods.refusals import unmasked
from fairtut.metrics.labels import same_rows
from fairtut.runtime.device import pick_device
from fairtut.runtime.fuse import fuse
from fairtut.runtime.threads import torch_threads

REWEIGHT_EVERY = 100  # epochs between two updates of the row weights

WORKING_SET = 1 << 16  # runs × rows trained together on a CPU: what its cache holds


@dataclass(frozen=True)
class Trained:
    """What a batch of ``B`` runs leaves behind.

    Attributes
    ----------
    theta : ndarray, shape (B, d + 1)
        Classifier of each run, bias last; ``d`` counts the features and ``s``.
    lambda_f, seeds : ndarray, shape (B,)
        The setting of each run.
    weights : ndarray, shape (B, n)
        Final weight of each training row.
    weight_range : tuple of float
        Smallest and largest weight that any row of any run ever had.
    r_score : ndarray, shape (B, n), or None
        Final output of the robustness discriminator on the training rows, in (0, 1).
    path : ndarray, shape (T, B, d + 1)
        Classifier after every ``record_every`` epochs; ``T = 0`` if nothing was recorded.
    state : ``fairtut.methods.frtrain.steps.State``
        Final parameters of all three networks, on the CPU.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fairtut.methods.frtrain import LABEL_FED, train
    >>> x, s, y = [[-1.0], [1.0]] * 4, [0, 0, 1, 1] * 2, [0, 1, 0, 1, 0, 1, 1, 0]
    >>> config = replace(LABEL_FED, epochs=101, warmup=1)
    >>> trained = train(
    ...     x, s, y, (x, s, y), lambda_f=[0, 0.2], seeds=[0, 0], config=config, fused=False
    ... )
    >>> trained.theta.shape, trained.logit(x, s).shape  # 2 runs; one feature, s and the bias
    ((2, 3), (2, 8))
    >>> trained.weights.mean(1).round(5).tolist()  # the discriminator's output, at mean 1
    [1.0, 1.0]
    """

    theta: NDArray[np.float32]
    lambda_f: NDArray[np.float64]
    seeds: NDArray[np.int64]
    weights: NDArray[np.float32]
    weight_range: tuple[float, float]
    r_score: NDArray[np.float32] | None
    path: NDArray[np.float32]
    state: State

    def logit(self, x: ArrayLike, s: ArrayLike) -> NDArray[np.float32]:
        """Return the logit of each row under each run, (B, n); the decision is ``logit > 0``."""
        return linear_logit(self.theta, x, s)


def linear_logit(theta: ArrayLike, x: ArrayLike, s: ArrayLike) -> NDArray[np.float32]:
    """Return ``theta·[x, s, 1]`` for each row: (n,) for one classifier, (..., n) for many.

    Parameters
    ----------
    theta : array-like, shape (k + 2,) or (..., k + 2)
        Weights of the features, of s, and the bias.
    x : array-like, shape (n, k)
    s : array-like, shape (n,)

    Returns
    -------
    float32 ndarray, shape (n,) or (..., n)

    Raises
    ------
    fairtut.errors.InputError
        If pandas columns have different indexes.

    Examples
    --------
    >>> from fairtut.methods.frtrain import linear_logit
    >>> x, s = [[2.0], [3.0]], [0, 1]
    >>> linear_logit([1.0, -2.0, 0.5], x, s).tolist()  # 2 + .5 and 3 - 2 + .5
    [2.5, 1.5]
    >>> linear_logit([[1.0, -2.0, 0.5], [0.0, 0.0, -1.0]], x, s).tolist()
    [[2.5, 1.5], [-1.0, -1.0]]
    """
    same_rows(x=x, s=s)
    unmasked(x=x, s=s)
    inputs = np.column_stack([np.asarray(x, np.float32), np.asarray(s, np.float32)])
    weights = np.asarray(theta, np.float32)
    return np.asarray(weights[..., :-1] @ inputs.T + weights[..., -1:], np.float32)


def initial(seeds: Sequence[int], d: int, config: Config) -> State:
    """Draw the released initialisation of each run: seed, then classifier, D_F, D_R."""
    drawn: list[State] = []
    for seed in seeds:
        rng = torch.Generator().manual_seed(int(seed))
        normal = functools.partial(torch.normal, 0.0, config.init_std, generator=rng)
        zero = torch.zeros(1)
        w = torch.cat([normal(size=(1, d))[0], zero])
        inputs = 2 if config.criterion == "eo" else 1
        f = torch.cat([normal(size=(1, inputs))[0], torch.zeros(3 - inputs)])
        r = torch.cat([normal(size=(config.hidden, d + 1)), torch.zeros(config.hidden, 1)], 1)
        drawn.append(State(w, f, r, normal(size=(1, config.hidden))[0], zero[0]))
    return State(*(torch.stack(part) for part in zip(*drawn, strict=True)))


def train(
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    clean: Triple | None = None,
    *,
    lambda_f: Sequence[float],
    seeds: Sequence[int],
    config: Config = RELEASED_POISONED,
    row_weight: ArrayLike | None = None,
    record_every: int = 0,
    fused: bool = True,
    device: str = "cpu",
) -> Trained:
    """Train ``B`` runs on one data set; run ``b`` uses ``lambda_f[b]`` and ``seeds[b]``.

    Parameters
    ----------
    x : array-like, shape (n, k)
        Training features, unscaled in the paper; ``s`` is appended as the last input.
    s, y : array-like, shape (n,)
        Sensitive attribute and (possibly poisoned) label, both in {0, 1}.
    clean : tuple of array-like, optional
        ``(x, s, y)`` of the clean set; needed unless ``config.r_input`` is ``"none"``.
    lambda_f, seeds : sequence of length B
        Fairness weight in [0, 1 - lambda_r) and initialisation seed of each run.
    config : Config
        Everything else; see :data:`~fairtut.methods.frtrain.VARIANTS`.
    row_weight : array-like, shape (n,), optional
        Fixed non-negative weights of the training rows, for two-step baselines.
    record_every : int
        Keep the classifier after every so many epochs; 0 keeps only the last.
    fused : bool
        Fuse an epoch into a few kernels where a compiler is at hand.
    device : str
        See ``fairtut.runtime.device.pick_device``.  The CPU by default: a step on such small
        tables is over before a GPU has begun.

    Returns
    -------
    Trained

    Raises
    ------
    fairtut.errors.InputError
        For wrong shapes, NaN, values other than 0 and 1, one class, one group, a ``lambda_f`` out
        of range, or row weights that ``config.weights`` would overwrite.

    Examples
    --------
    Two runs of one seed.  The fairness weight acts after the warm-up only.

    >>> from dataclasses import replace
    >>> from fairtut.methods.frtrain import RELEASED_CLEAN, debiasing, train
    >>> import numpy as np
    >>> x, s, y = [[-1.0], [1.0]] * 4, [0, 0, 1, 1] * 2, [0, 1, 0, 1, 1, 1, 0, 1]
    >>> short = replace(debiasing(RELEASED_CLEAN), epochs=20, warmup=10)
    >>> runs = train(
    ...     x, s, y, lambda_f=[0, 0.9], seeds=[0, 0], config=short, record_every=10, fused=False
    ... )
    >>> [np.allclose(one[0], one[1]) for one in runs.path]
    [True, False]
    """
    where = pick_device(device)
    rows = prepare(x, s, y, clean if config.r_input != "none" else None, config)
    lam = _check_lambda(lambda_f, seeds, config)
    weight = _check_weight(row_weight, len(seeds), len(rows.y), config)
    on_cpu = where.type == "cpu"
    data = Rows(*(part.to(where) for part in rows))
    with torch_threads(1) if on_cpu else contextlib.nullcontext(), torch.no_grad():
        start = initial(seeds, len(rows.x), config)
        ends = []
        for runs in _batches(len(seeds), rows.x.shape[1], on_cpu):
            loop = _Loop(config, data, fused)
            state = State(*(part[runs].to(where) for part in start))
            ends.append(loop.run(state, lam[runs].to(where), weight[runs].to(where), record_every))
    return _join(ends, np.asarray(lambda_f, float), np.asarray(seeds, np.int64))


def _batches(runs: int, rows: int, on_cpu: bool) -> NDArray[np.int64]:
    """Split run numbers into batches of one size, so that one compilation serves them all.

    Shape (batches, size); the last batch is filled up with repetitions of the last run.
    """
    most = max(WORKING_SET // rows, 1) if on_cpu else runs
    count = -(-runs // most)
    size = -(-runs // count)
    return np.arange(count * size).clip(max=runs - 1).reshape(count, size)


class _End(NamedTuple):
    """What one batch leaves behind; the run is the last but one dimension of ``path``."""

    state: State
    weight: Tensor
    weight_range: tuple[float, float]
    score: Tensor | None
    path: Tensor


def _join(ends: Sequence[_End], lambda_f: NDArray[np.float64], seeds: NDArray[np.int64]) -> Trained:
    """Put batches together again, without the repetitions of the last run."""
    runs = len(seeds)
    states = zip(*(end.state for end in ends), strict=True)
    state = State(*(torch.cat(part)[:runs].cpu() for part in states))
    scores = [end.score for end in ends if end.score is not None]
    low, high = zip(*(end.weight_range for end in ends), strict=True)
    return Trained(
        theta=state.w.numpy(),
        lambda_f=lambda_f,
        seeds=seeds,
        weights=torch.cat([end.weight for end in ends])[:runs].cpu().numpy(),
        weight_range=(min(low), max(high)),
        r_score=torch.cat(scores)[:runs].cpu().numpy() if scores else None,
        path=torch.cat([end.path for end in ends], 1)[:, :runs].cpu().numpy(),
        state=state,
    )


class _Loop:
    """The schedule of one batch of runs: which network moves in which epoch."""

    def __init__(self, config: Config, data: Rows, fused: bool) -> None:
        self.config, self.data = config, data
        one = functools.partial(torch.tensor, device=data.x.device)
        self.rates = one([config.lr_f, config.lr_r, config.lr_classifier, config.warmup_scale])
        eo = config.criterion == "eo"
        self.kernels = _kernels(eo, config.r_input, config.r_gradient, fused)
        self.weight = torch.ones(0)
        self.weight_range = (1.0, 1.0)

    def run(self, state: State, lam: Tensor, weight: Tensor, record_every: int) -> _End:
        """Run every epoch; the classifier is recorded after every ``record_every`` of them."""
        cfg, data = self.config, self.data
        discriminate, warm, classify = self.kernels
        zero = torch.zeros_like(state.w)
        moments = Moments(zero, zero, torch.zeros((), device=zero.device))
        self.weight = weight
        path, last_loss = [], torch.zeros(len(zero), device=zero.device)
        for epoch in range(cfg.epochs):
            before = state
            state, logit = discriminate(state, data, self.rates)
            moves = epoch < cfg.warmup or epoch % cfg.every == 0
            if epoch >= cfg.warmup and moves and epoch % REWEIGHT_EVERY == 0:
                self._reweight(before, state, logit, last_loss)
            if moves and self._loss_is_needed(epoch):
                last_loss = self._loss(state, logit, lam, epoch)
            if epoch < cfg.warmup:
                state, moments = warm(state, logit, self.weight, data, moments, self.rates)
            elif moves:
                state, moments = classify(state, logit, self.weight, lam, data, moments, self.rates)
            if record_every and (epoch + 1) % record_every == 0:
                path.append(state.w)
        recorded = torch.stack(path) if path else state.w.new_empty((0, *state.w.shape))
        return _End(state, self.weight, self.weight_range, self._final_score(state), recorded)

    def _loss_is_needed(self, epoch: int) -> bool:
        """The released rule looks at the loss of the update before a re-weighting."""
        following = epoch + 1
        while following >= self.config.warmup and following % self.config.every:
            following += 1
        released = self.config.weights == "released"
        return released and following >= self.config.warmup and following % REWEIGHT_EVERY == 0

    def _loss(self, state: State, logit: Tensor, lam: Tensor, epoch: int) -> Tensor:
        if epoch < self.config.warmup:
            return steps.warmup_loss(logit, self.weight, self.rates[3], self.data)
        return steps.combined_loss(state, logit, self.weight, lam, self.data)

    def _reweight(self, before: State, state: State, logit: Tensor, last_loss: Tensor) -> None:
        """Recompute the row weights from D_R: the released rule, or its output at mean 1."""
        if self.config.weights == "none":
            return
        score = torch.sigmoid(self._train_score(state, logit))  # (B, n)
        if self.config.weights == "normalised":
            self.weight = score / score.mean(-1, keepdim=True)
        else:
            channel = _channel(logit_all(before, self.data), self.data, self.config.r_input)
            d_loss = steps.robust_loss(before, channel, self.data)
            mix = torch.sigmoid(last_loss / d_loss - 3)[:, None]
            self.weight = mix * score + (1 - mix)
        low, high = self.weight_range
        self.weight_range = (
            min(low, float(self.weight.min())),
            max(high, float(self.weight.max())),
        )

    def _train_score(self, state: State, logit: Tensor) -> Tensor:
        n = len(self.data.y)
        channel = logit
        if self.config.r_input == "label":
            channel = self.data.label[:n].expand_as(logit)
        return steps.score_robust(state, self.data.x[:, :n], channel)

    def _final_score(self, state: State) -> Tensor | None:
        """Final outputs of D_R on the training rows, (B, n), or None without one."""
        if self.config.r_input == "none":
            return None
        logit = steps.logits(state.w, self.data.x[:, : len(self.data.y)])
        return torch.sigmoid(self._train_score(state, logit))


def logit_all(state: State, data: Rows) -> Tensor:
    """Logits of training and clean rows, (B, n + m)."""
    return steps.logits(state.w, data.x)


def _channel(logit: Tensor, data: Rows, r_input: str) -> Tensor:
    """What D_R sees as the label: the true one of clean rows, ``r_input`` of training rows."""
    if r_input == "label":
        return data.label.expand_as(logit)
    return torch.where(data.clean > 0, data.label, logit)


@functools.cache
def _kernels(
    eo: bool, r_input: str, through_r: bool, fused: bool
) -> tuple[Callable[..., Any], ...]:
    """Build the three kernels of a schedule; cached, so that shapes compile once a process."""

    def discriminate(state: State, data: Rows, rates: Tensor) -> tuple[State, Tensor]:
        n = data.y.shape[0]
        logit = logit_all(state, data)
        moved = state
        if r_input != "none":
            moved = steps.step_robust(state, _channel(logit, data, r_input), data, rates[1])
        logit = logit[:, :n]
        return moved._replace(f=steps.step_fairness(state.f, logit, data, rates[0], eo)), logit

    def warm(
        state: State, logit: Tensor, weight: Tensor, data: Rows, moments: Moments, rates: Tensor
    ) -> tuple[State, Moments]:
        grad = steps.grad_warmup(logit, weight, rates[3], data)
        w, moments = steps.adam(state.w, grad, moments, rates[2])
        return state._replace(w=w), moments

    def classify(
        state: State, logit: Tensor, weight: Tensor, lam: Tensor, data: Rows,
        moments: Moments, rates: Tensor,
    ) -> tuple[State, Moments]:  # fmt: skip
        grad = steps.grad_classifier(state, logit, weight, lam, data, through_r)
        w, moments = steps.adam(state.w, grad, moments, rates[2])
        return state._replace(w=w), moments

    kernels = (discriminate, warm, classify)
    return tuple(fuse(kernel) for kernel in kernels) if fused else kernels


def prepare(x: ArrayLike, s: ArrayLike, y: ArrayLike, clean: Triple | None, config: Config) -> Rows:
    """Check the data and lay it out for :mod:`~fairtut.methods.frtrain.steps`."""
    if clean is None and config.r_input != "none":
        raise InputError(
            "FR-Train needs a clean set: pass clean=(x, s, y), or use debiasing(config)"
        )
    parts = [check_rows("training", x, s, y, dtype=np.float32)]
    if clean is not None:
        parts.append(check_rows("clean", *clean, both=False, dtype=np.float32))
    if len({features.shape[1] for features, _, _ in parts}) > 1:
        widths = " and ".join(str(features.shape[1]) for features, _, _ in parts)
        raise InputError(f"training and clean rows have {widths} features: they must be equal")
    inputs = np.concatenate([np.column_stack([a, b]) for a, b, _ in parts])  # (n + m, d)
    labels = np.concatenate([c for _, _, c in parts])
    n, m = len(parts[0][0]), len(inputs) - len(parts[0][0])
    share = np.concatenate([np.full(n, 0.5 / n), np.full(m, 0.5 / max(m, 1))])
    is_clean = np.arange(n + m) >= n
    columns = (inputs.T, labels[:n], parts[0][1], 2 * labels - 1, is_clean, share)
    return Rows(*(torch.tensor(np.ascontiguousarray(c, np.float32)) for c in columns))


def _check_lambda(lambda_f: Sequence[float], seeds: Sequence[int], config: Config) -> Tensor:
    """Return (B, 2): lambda_f and lambda_r of each run."""
    values = np.asarray(lambda_f, np.float32)
    if values.shape != (len(seeds),) or not len(seeds):
        raise InputError(
            f"lambda_f has shape {values.shape} and seeds {len(seeds)} entries: "
            "give one value of each per run"
        )
    if not np.all((values >= 0) & (values < 1 - config.lambda_r)):
        raise InputError(
            f"lambda_f must lie in [0, {1 - config.lambda_r:g}) when lambda_r is "
            f"{config.lambda_r:g}, got {values.min():g} to {values.max():g}"
        )
    return torch.tensor(np.column_stack([values, np.full_like(values, config.lambda_r)]))


def _check_weight(row_weight: ArrayLike | None, runs: int, n: int, config: Config) -> Tensor:
    """Return the weights that every run starts with, (B, n)."""
    weight = torch.ones(runs, n)
    if row_weight is None:
        return weight
    if config.weights != "none":
        raise InputError(
            f'row_weight cannot be kept where weights="{config.weights}" replaces it: '
            'use weights="none"'
        )
    return weight * torch.as_tensor(check_weights(row_weight, n).astype(np.float32))
