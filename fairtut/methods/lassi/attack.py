"""Attack any certifier of individual fairness with planted counterexamples.

A certifier is a function from an encoder, a classifier, latents (b, q), directions (k, q), epsilon,
sigma and a seed to :class:`Verdicts`.  It is wrong where it calls a latent fair against what is
planted (:mod:`~fairtut.methods.lassi.planted_networks`), or where its own decision at the planted
similar latent is another one.

>>> nobody = lambda encoder, classifier, z, *_: Verdicts(np.zeros(len(z), bool), np.zeros(len(z)))
>>> found = attack(nobody, 44)
>>> found.given, found.wrong, found.sound
(0, 0, True)
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtut.errors import FairtutError, InputError
from fairtut.methods.lassi.networks import Representation
from fairtut.methods.lassi.planted import cases
from fairtut.methods.lassi.planted_networks import Case
from fairtut.methods.lassi.similar import draw_similar
from fairtut.runtime.seeds import torch_rng

if TYPE_CHECKING:
    import pandas as pd

ABOUT: Final = ("smoothed", "plain")
"""What a certificate may speak of: the certifier's own smoothed model, or C after R as it is."""
SURE: Final = 1e-3
"""More wrong ones than stated, if chance alone makes as many this rarely."""
_ROWS: Final = 10_000
"""Points of a set that are evaluated at a time."""


@dataclass(frozen=True)
class Verdicts:
    """What a certifier says about latents.

    Parameters
    ----------
    fair : bool array, shape (b,)
        Whether the decision is certified.
    prediction : int array, shape (b,)
        The decision that is certified; -1 where there is none.
    alpha : float
        Stated chance that the decisions at a latent and at one similar latent differ although the
        first is certified.
    """

    fair: NDArray[np.bool_]
    prediction: NDArray[np.int64]
    alpha: float = 0.0


Certifier = Callable[[nn.Module, nn.Module, Tensor, Tensor, float, float, int], Verdicts]
"""Encoder, classifier, latents, directions, epsilon, sigma and seed to verdicts."""


@dataclass
class Tally:
    """Counts of one kind of case, in latents.

    ``asked``, ``given`` (certified), ``wrong`` (of those), ``refused`` (by a clear error) and
    ``failed``, by what happened: the name of another exception, or ``"time"``.
    """

    asked: int = 0
    given: int = 0
    wrong: int = 0
    refused: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def crashes(self) -> str:
        """What failed, in words."""
        return ", ".join(f"{n} {name}" for name, n in self.failed.items())


@dataclass(frozen=True)
class Found:
    """What an attack found.

    Parameters
    ----------
    kinds : dict of str to Tally
    alpha : float
        The largest chance that was stated.
    seconds : float
        CPU time of the slowest call.
    mib : float
        How much the process's peak of memory rose; NaN where the system does not tell.
    """

    kinds: dict[str, Tally]
    alpha: float
    seconds: float
    mib: float

    def total(self) -> Tally:
        """Return the counts of all kinds together."""
        each = self.kinds.values()
        failed: Counter[str] = sum((t.failed for t in each), Counter())
        return Tally(
            sum(t.asked for t in each), sum(t.given for t in each), sum(t.wrong for t in each),
            sum(t.refused for t in each), failed,
        )  # fmt: skip

    @property
    def given(self) -> int:
        """Certificates."""
        return self.total().given

    @property
    def wrong(self) -> int:
        """Wrong certificates."""
        return self.total().wrong

    @property
    def sound(self) -> bool:
        """Whether no kind, nor all together, has more wrong certificates than stated."""
        return min(self.chance(t) for t in (*self.kinds.values(), self.total())) > SURE

    def chance(self, tally: Tally) -> float:
        """Return how rarely as many are wrong if the stated chance is true (one-sided binomial)."""
        from scipy.stats import binomtest

        if tally.given == 0:
            return 1.0
        test = binomtest(tally.wrong, tally.given, self.alpha, alternative="greater")
        return float(test.pvalue)

    def table(self) -> pd.DataFrame:
        """Return a row per kind, and one for all together."""
        import pandas as pd

        rows = self.kinds | {"all": self.total()}
        return pd.DataFrame([
            {"kind": kind, "asked": t.asked, "certified": t.given, "refused": t.refused,
             "failed": t.crashes, "wrong": t.wrong, "stated": self.alpha, "p": self.chance(t)}
            for kind, t in rows.items()
        ])  # fmt: skip


def attack(
    certifier: Certifier,
    count: int,
    *,
    about: str = "smoothed",
    seed: int = 0,
    kinds: Sequence[str] | None = None,
    limit: float = 30.0,
) -> Found:
    """Ask a certifier about planted cases and count how often it is wrong.

    Parameters
    ----------
    certifier : callable
        See the module.
    count : int
        Cases, of a few latents each.
    about : str
        ``"smoothed"``: certificates speak of a smoothed model (by the smallest ball with half of
        the mass), whose decision at the planted similar latent is asked for, too; ``"plain"``:
        they say that the plain decision is constant on the set.
    seed, kinds
        As in :func:`~fairtut.methods.lassi.planted.cases`.
    limit : float
        CPU seconds of a call, after which it has failed.  Where the system has no timer, and beside
        the main thread, a call ends by itself and has failed afterwards.

    Raises
    ------
    fairtut.errors.InputError
        For another `about`.
    """
    if about not in ABOUT:
        raise InputError(f"about is {about!r}: choose one of {', '.join(ABOUT)}")
    tallies: dict[str, Tally] = {}
    alpha, slowest, before = 0.0, 0.0, _peak()
    for i, case in enumerate(cases(count, seed, kinds)):
        tally = tallies.setdefault(case.kind, Tally())
        tally.asked += len(case.z)
        start = time.process_time()
        try:
            with _timed(limit):
                verdicts, wrong = _judge(certifier, case, about, 2 * i)
        except FairtutError:
            tally.refused += len(case.z)
        except Exception as error:  # whatever a certifier does, the attack goes on
            name = "time" if isinstance(error, TimeoutError) else type(error).__name__
            tally.failed[name] += len(case.z)
        else:
            tally.given += int(verdicts.fair.sum())
            tally.wrong += int(wrong.sum())
            alpha = max(alpha, verdicts.alpha)
        slowest = max(slowest, time.process_time() - start)
    return Found(tallies, alpha, slowest, _peak() - before)


def densely(
    encoder: Representation, head: nn.Linear, z: Tensor, directions: Tensor, epsilon: float,
    points: int = 10**6, seed: int = 0,
) -> NDArray[np.bool_]:  # fmt: skip
    """Return whether another decision was found at random points of each similarity set, (b,).

    Parameters
    ----------
    encoder, head
        Evaluated in double precision.
    z : Tensor, shape (b, q)
    directions : Tensor, shape (k, q)
    epsilon : float
    points : int
        Of each set, uniform in the ball.
    seed : int
    """
    folded, weight, bias = (
        encoder.fold(),
        head.weight.detach().double(),
        head.bias.detach().double(),
    )
    start, slopes = folded.first(z, directions.reshape(-1, z.shape[1]))
    rng = torch_rng(seed, "dense")
    plain = (folded(z) @ weight.T + bias).argmax(1)
    found = torch.zeros(len(z), dtype=torch.bool)
    for _ in range(0, points, _ROWS):
        t = draw_similar((_ROWS,), len(slopes), epsilon, generator=rng).double()
        for i, row in enumerate(start):
            said = (folded.rest(row + t @ slopes) @ weight.T + bias).argmax(1)
            found[i] |= bool((said != plain[i]).any())
    return found.numpy()


def _judge(
    certifier: Certifier, case: Case, about: str, seed: int
) -> tuple[Verdicts, NDArray[np.bool_]]:
    """Return a certifier's verdicts on a case and which of them are wrong."""
    rest = case.directions, case.epsilon, case.sigma
    said = certifier(case.encoder, case.classifier, case.z, *rest, seed)
    if np.shape(said.fair) != (len(case.z),):
        raise ValueError(f"verdicts have shape {np.shape(said.fair)}: need one per latent")
    fair = np.asarray(said.fair, bool)
    if about == "plain":
        return said, fair & ~case.constant
    wrong = fair & case.differs
    if fair.any():
        with contextlib.suppress(FairtutError):  # no decision there, nothing to compare
            there = certifier(case.encoder, case.classifier, case.other[fair], *rest, seed + 1)
            here = np.asarray(said.prediction)[fair]
            wrong[fair] |= (there.prediction >= 0) & (there.prediction != here)
    return said, wrong


@contextlib.contextmanager
def _timed(limit: float) -> Iterator[None]:
    """Raise TimeoutError in a block that takes more than so many CPU seconds."""
    alarm = hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()
    start = time.process_time()

    def stop(*_: object) -> None:
        raise TimeoutError(f"no verdict in {limit:g} CPU s")

    if not alarm:
        yield
        if time.process_time() - start > limit:
            stop()
        return
    old = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)


def _peak() -> float:
    """Return the process's peak of memory so far in MiB, NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
