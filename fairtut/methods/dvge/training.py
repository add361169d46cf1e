"""One chunk of classifiers on frozen codes, trained together: DVGE's step.

Everything else in this package prepares tasks for :func:`train` or reads what it returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fairtut.errors import UnknownName
from fairtut.methods.dvge.focus import FOCI, check_eps, focus, perturb
from fairtut.models.stacked import StackedMLP
from fairtut.runtime.fit import descend, fit
from fairtut.runtime.precision import double
from fairtut.runtime.seeds import stream_seed, torch_rng
from fairtut.runtime.threads import torch_threads

_ROWS: Final = 2048


@dataclass(frozen=True)
class Config:
    """How a classifier on codes is trained.

    Attributes
    ----------
    hidden : tuple of int
        Hidden layers.  The released code has 5 of 1,000, about 450 times the products, at a
        learning rate of 1e-5 and with 64 rows to a step.
    lr : float
        Adam's learning rate.
    batch, epochs : int
    warmup : int
        Epochs in which η2 counts as 0: F_task comes from the very network that is trained, and
        means nothing before that network has learned something.
    focus : str
        What both foci differentiate, one of :data:`~fairtut.methods.dvge.FOCI`.
    eps : float or None
        The clip's bound; None for no clip, like the released code.
    normalise : bool
        Whether foci are scaled to length 1.
    """

    hidden: tuple[int, ...] = (64, 64, 64)
    lr: float = 1e-3
    batch: int = 512
    epochs: int = 10
    warmup: int = 1
    focus: str = "loss_pred"
    eps: float | None = None
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.focus not in FOCI:
            raise UnknownName.of("focus", self.focus, FOCI)
        check_eps(self.eps)


@dataclass(frozen=True)
class Task:
    """Networks of one seed to train together, and codes to score after each epoch.

    Attributes
    ----------
    seed : int
        Of the initial weights, which all networks share, and of the order of the rows.
    z, target : tensor, shape (n, d) and (n,)
    f_sens : tensor, shape (n, d), or None
    etas : tuple of (float, float)
        η1 and η2 of each of the k networks.
    watch : tuple of (tensor, tensor)
        Codes (n, d) or (k, n, d), used as they are, and labels (n,).
    keep_best : bool
        Keep the epoch of the highest accuracy on the first of those, not the last.
    """

    seed: int
    z: Tensor
    target: Tensor
    f_sens: Tensor | None
    etas: tuple[tuple[float, float], ...]
    watch: tuple[tuple[Tensor, Tensor], ...] = ()
    keep_best: bool = False


@dataclass(frozen=True)
class Done:
    """What a task came to.

    Attributes
    ----------
    net : StackedMLP
        k networks in evaluation mode.
    scores : float array, shape (watched, epochs, k)
        Accuracy after each epoch.
    epoch : int array, shape (k,)
        Which epoch's weights these are, from 1.
    """

    net: StackedMLP
    scores: NDArray[np.float64]
    epoch: NDArray[np.int64]


def train_all(tasks: Sequence[Task], config: Config, jobs: int = 1) -> list[Done]:
    """Train tasks, ``jobs`` of them at a time.

    In threads: a chunk's matrix products leave Python to the others, and a process would first
    import torch for as long as a task takes.
    """
    with torch_threads(1):
        if jobs == 1:
            return [train(task, config) for task in tasks]
        from joblib import Parallel, delayed

        work = (delayed(train)(task, config) for task in tasks)
        done: list[Done] = Parallel(n_jobs=jobs, backend="threading")(work)
        return done


def train(task: Task, config: Config) -> Done:
    """Train the networks of one task."""
    net = start(task.seed, len(task.etas), task.z, config)
    adam = torch.optim.Adam(net.parameters(), config.lr, fused=True)
    scores = np.empty((len(task.watch), config.epochs, net.count))
    epoch = np.zeros(net.count, np.int64)
    kept = [p.detach().clone() for p in net.parameters()]
    for e in range(config.epochs):
        # one fit per epoch: its end is where the networks are scored
        fit(
            len(task.z), Step(task, config, net, adam, with_task=e >= config.warmup),
            epochs=1, batch=config.batch, seed=stream_seed(task.seed, "order", e + 1),
            what="classifiers", device=task.z.device,
        )  # fmt: skip
        for w, (codes, labels) in enumerate(task.watch):
            right = logits(net, codes).argmax(-1) == labels  # (k, n)
            scores[w, e] = double(right).mean(-1).cpu()
        better = np.full(net.count, True)
        if task.keep_best and task.watch and e > 0:
            better = scores[0, e] > scores[0, :e].max(0)
        epoch[better] = e + 1
        _copy(net.parameters(), kept, better)
    _copy(kept, net.parameters(), np.full(net.count, True))
    return Done(net.eval().requires_grad_(False), scores, epoch)


class Step:
    """One step of one epoch, as :func:`fairtut.runtime.fit.fit` calls it."""

    def __init__(
        self, task: Task, config: Config, net: StackedMLP, adam: torch.optim.Adam, with_task: bool
    ) -> None:
        self.task, self.config, self.net, self.adam = task, config, net, adam
        etas = torch.tensor(task.etas, dtype=task.z.dtype, device=task.z.device)
        self.eta1, self.eta2 = etas.T  # (k,) each
        self.with_task = with_task and bool(self.eta2.any())
        self.f_sens = task.f_sens if self.eta1.any() else None

    def __call__(self, rows: Tensor, done: float) -> dict[str, Tensor]:
        """Move all networks of the chunk by one batch (rows of the task); return their losses."""
        c, z, target = self.config, self.task.z[rows], self.task.target[rows]  # (b, d), (b,)
        f_sens = None if self.f_sens is None else self.f_sens[rows]  # (b, d)
        f_task = focus(self.net, z, c.focus, target) if self.with_task else None  # (k, b, d)
        out = self.net(perturb(z, f_sens, f_task, self.eta1, self.eta2, c.eps, c.normalise))
        labels = target.expand(out.shape[:2]).flatten()  # (k b,)
        total = functional.cross_entropy(out.flatten(0, 1), labels, reduction="sum")
        # each network's mean over its rows; a sum over networks, for none to weigh on another
        descend(self.adam, total / len(rows))
        return {"loss": total / len(labels)}


def start(seed: int, count: int, z: Tensor, config: Config) -> StackedMLP:
    """Return ``count`` networks with the initial weights of a seed, all the same."""
    one = StackedMLP(1, z.shape[-1], config.hidden, 2, generator=torch_rng(seed, "classifier"))
    return join([one], np.zeros(count, np.int64)).to(z.device, z.dtype)


def join(nets: Sequence[StackedMLP], order: NDArray[np.int64]) -> StackedMLP:
    """Return networks of several stacks in one, ``order`` counting through the stacks."""
    parts = list(zip(*[net.parameters() for net in nets], strict=True))
    hidden = [int(w.shape[-1]) for w in nets[0].weights][:-1]
    whole = StackedMLP(
        len(order), nets[0].inputs, hidden, nets[0].outputs,
        generator=torch.Generator(),  # these weights are overwritten: the global one stays
    )  # fmt: skip
    first = parts[0][0]
    whole.to(first.device, first.dtype)
    with torch.no_grad():
        for mine, theirs in zip(whole.parameters(), parts, strict=True):
            mine.copy_(torch.cat(theirs)[torch.from_numpy(order).to(first.device)])
    return whole.requires_grad_(first.requires_grad)


@torch.no_grad()
def _copy(source: Iterable[Tensor], target: Iterable[Tensor], which: NDArray[np.bool_]) -> None:
    """Copy the weights of some networks."""
    for a, b in zip(source, target, strict=True):
        chosen = torch.from_numpy(which).to(a.device)
        b[chosen] = a[chosen]


@torch.no_grad()
def logits(net: StackedMLP, z: Tensor) -> Tensor:
    """Return logits (k, n, 2) of codes (n, d) or (k, n, d), in batches of rows.

    Parameters
    ----------
    net : StackedMLP
        k networks with two outputs.
    z : tensor, shape (n, d) or (k, n, d)
        Codes, shared by the networks or each one's own.

    Returns
    -------
    tensor, shape (k, n, 2)
        Without a gradient.

    Examples
    --------
    >>> from fairtut.methods.dvge import logits
    >>> from fairtut.models.stacked import StackedMLP
    >>> import torch
    >>> net = StackedMLP(3, inputs=4, outputs=2)
    >>> logits(net, torch.zeros(5, 4)).shape  # 3 networks, 5 people
    torch.Size([3, 5, 2])
    >>> logits(net, torch.zeros(3, 5, 4)).requires_grad
    False
    """
    return torch.cat([net(rows) for rows in z.split(_ROWS, dim=-2)], dim=1)
