"""The one training loop: epochs of shuffled batches, logged, and resumable after a kill."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from fairtut.errors import CorruptFile, InputError
from fairtut.runtime import cache, seal
from fairtut.runtime.io import cannot_keep, torch_bytes
from fairtut.runtime.progress import progress
from fairtut.runtime.seeds import torch_rng
from fairtut.runtime.stopwatch import Stopwatch

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.optim import Optimizer

SPENT: Final = "seconds"  # the name of this fact in a checkpoint's seal

Step = Callable[["Tensor", float], Mapping[str, "Tensor"]]
"""``step(rows, done)``: one update on the rows (b,), ``done`` the share of training behind it, in
[0, 1).  It returns the scalars to log."""


class Stateful(Protocol):
    """What can be saved and restored: modules and optimisers."""

    def state_dict(self) -> Any:
        """Return the state."""

    def load_state_dict(self, state: Any) -> Any:
        """Restore the state."""


def descend(optimiser: Optimizer, loss: Tensor) -> None:
    """Take one step down a loss, with gradients of this loss only."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


class Draws:
    """A random generator as a part to keep: without its state a resumed training draws anew."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def state_dict(self) -> Any:
        """Return where the generator stands."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: Any) -> Any:
        """Go on from there."""
        self.generator.set_state(state["state"])


def fit(
    n: int,
    step: Step,
    *,
    epochs: float,
    batch: int,
    seed: int,
    what: str = "training",
    device: Any = "cpu",
    keep: Mapping[str, Stateful] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> list[dict[str, float]]:
    """Run ``step`` on shuffled batches and return the mean of its scalars per epoch.

    Parameters
    ----------
    n : int
        Rows to draw batches from.
    step : callable
        See :data:`Step`.
    epochs : float
        Passes over the rows; 1.5 stops in the middle of the second.
    batch : int
        Rows per step; the incomplete batch at the end of a pass is dropped, unless it is the only.
    seed : int
        Of the shuffling.
    what : str
        Name of the progress bar.
    device : torch.device or str
        Where ``rows`` live.
    keep : mapping, optional
        Modules, optimisers and generators (:class:`Draws`) whose state belongs to the training.
    checkpoint : path-like, optional
        A file written after each epoch with the state of ``keep``; a later call with the same
        arguments goes on from there and gives the same numbers.  It stays at the end, so that a
        kill before the result is saved costs nothing: delete it once that is done.
    about : mapping, optional
        What the training depends on and ``keep`` does not hold at its start: settings and the data
        (tensors count by their content).  A checkpoint of a training with another ``about``, other
        arguments, another start or other code is refused.

    Raises
    ------
    fairtut.errors.InputError
        If there are no rows, no epochs, or a loss became NaN or infinite (it names the scalar).
    fairtut.errors.CorruptFile
        If the checkpoint is damaged or of another training.
    fairtut.errors.MissingData
        If the checkpoint cannot be written; the one before is still there.
    """
    import torch

    if n < 1 or epochs <= 0 or batch < 1:
        raise InputError(
            f"{what}: {n} rows, {epochs} epochs, batches of {batch}: need some of each"
        )
    per_epoch = max(n // batch, 1)
    total = max(round(per_epoch * epochs), 1)
    generator = torch_rng(seed, "shuffle")
    plan = {"n": n, "epochs": epochs, "batch": batch, "seed": seed, "what": what}
    kept = _Kept(keep or {}, checkpoint, step, {**plan, **(about or {})}, device)
    history = kept.resume()
    for epoch in progress(range(-(-total // per_epoch)), what):
        order = torch.randperm(n, generator=generator)  # drawn also for epochs that are done
        if epoch < len(history):
            continue
        sums: dict[str, Tensor] = {}
        steps = range(epoch * per_epoch, min((epoch + 1) * per_epoch, total))
        for i in steps:
            start = (i - epoch * per_epoch) * batch
            rows = order[start : start + batch].to(device)
            for name, value in step(rows, i / total).items():
                sums[name] = sums.get(name, torch.zeros((), device=device)) + value.detach()
        history.append(_means(sums, len(steps), what))
        kept.write(history)
    return history


def _means(sums: Mapping[str, Tensor], count: int, what: str) -> dict[str, float]:
    # one transfer per epoch: a .item() per step would make a GPU wait
    means = {name: float(value) / count for name, value in sums.items()}
    for name, value in means.items():
        if value != value or value in (float("inf"), float("-inf")):
            raise InputError(f"{what}: {name} became {value}: use a smaller learning rate")
    return means


class _Kept:
    """The state that survives a kill, and which training it belongs to."""

    def __init__(
        self,
        parts: Mapping[str, Stateful],
        path: str | os.PathLike[str] | None,
        step: Step,
        about: Mapping[str, Any],
        device: Any,
    ) -> None:
        self.parts, self.path = parts, Path(path) if path is not None else None
        self.facts: dict[str, Any] = {}
        self.before = 0.0
        self.watch = Stopwatch(device)
        if path is not None:
            # the start holds the seed's draws, the sizes and the optimiser's settings
            start = cache.content_digest({name: part.state_dict() for name, part in parts.items()})
            self.facts = cache.facts(step, {**about, "start": start}, device)

    def resume(self) -> list[dict[str, float]]:
        import torch

        if self.path is None or not self.path.is_file():
            return []
        try:
            contents, said = seal.unsealed(self.path)
            spent = said.pop(SPENT, 0.0)
            if said != self.facts:
                raise CorruptFile("another seed, setting, data or code")
            body = torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
            for name, part in self.parts.items():
                part.load_state_dict(body["parts"][name])
            history: list[dict[str, float]] = body["history"]
            self.before = float(spent)
            return history
        except Exception as error:
            what = " ".join(str(error).split())[:120]  # torch's messages have many lines
            raise CorruptFile(
                f"{self.path} does not fit this training ({what}): delete it to start over"
            ) from error

    def write(self, history: list[dict[str, float]]) -> None:
        if self.path is None:
            return
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        self.before += self.watch.lap()
        body = torch_bytes({"history": history, "parts": parts})
        try:
            seal.write(self.path, body, {**self.facts, SPENT: self.before})
        except OSError as error:  # what was kept before stays, and a later call goes on from there
            raise cannot_keep(self.path, error) from error


def seconds(checkpoint: str | os.PathLike[str]) -> float:
    """Return the seconds (see ``Stopwatch``) behind a checkpoint, of all calls together."""
    return float(seal.facts_of(checkpoint).get(SPENT, 0.0))
