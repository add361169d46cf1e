"""Speed of a training step of LASSI's representation, with its gradients checked in the same run.

    python benchmarks/lassi_step.py [--quick]

Measures one full step (search over 10 draws, losses, gradients, Adam) of R at the published size on
a batch of 500 latents, against the plain step below, which adds t a to every latent and sends it
through all of R, as the released code does.  Checks that the search picks the same draws and that
all gradients agree.  The last line is one JSON object; exit status 1 if a check fails.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import copy
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor
from torch.nn import functional

from fairtut.methods.lassi.config import Config
from fairtut.methods.lassi.losses import Learner, attack, first_layer, losses
from fairtut.methods.lassi.similar import draw_similar
from fairtut.runtime.fit import descend
from fairtut.runtime.seeds import torch_rng

LATENT, BATCH, CHECKED, STEPS = 12288, 500, 32, 2
TOLERANCE, TARGET = 1e-5, 3.0
FULL = Config(similarity=0.05)
SMALL = Config(similarity=0.05, hidden=(64, 32), outputs=16)


def plain_search(learner: Learner, z: Tensor, a: Tensor, t: Tensor) -> Tensor:
    """The farthest of m similar latents by codes of all of them, in evaluation mode."""
    r = learner.representation.eval()
    with torch.no_grad():
        own = r(z)
        far = [(r(z + t[:, j] @ a) - own).norm(dim=1) for j in range(t.shape[1])]
    r.train()
    return t[torch.arange(len(z)), torch.stack(far).argmax(0)]


def plain_loss(learner: Learner, z: Tensor, y: Tensor, a: Tensor, t: Tensor, c: Config) -> Tensor:
    """Classification and similarity losses of a batch and its farthest similar latents."""
    r = learner.representation
    code = r(z)
    apart = (code - r(z + t @ a)).norm(dim=1)
    return functional.cross_entropy(learner.head(code), y) + c.similarity * apart.mean()


def draws(c: Config, n: int) -> Tensor:
    """The search's draws, the same for both sides."""
    return draw_similar((n, c.attack), 1, c.epsilon, generator=torch_rng(3))


def plain_step(learner: Learner, z: Tensor, y: Tensor, a: Tensor, c: Config) -> Callable[[], None]:
    """A step as released."""
    adam = torch.optim.Adam(learner.parameters(), c.lr)

    def step() -> None:
        t = plain_search(learner, z, a, draws(c, len(z)))
        descend(adam, plain_loss(learner, z, y, a, t, c))

    return step


def our_step(learner: Learner, z: Tensor, y: Tensor, a: Tensor, c: Config) -> Callable[[], None]:
    """A step of `fairtut.methods.lassi.learning.train`."""
    adam = torch.optim.Adam(learner.parameters(), c.lr, fused=True)
    return lambda: descend(adam, losses_of(learner, z, y, a, c))


def compare(learner: Learner, z: Tensor, y: Tensor, a: Tensor, c: Config) -> dict[str, float]:
    """Draws that the two searches choose differently, and differences of losses and gradients.

    Gradients are compared in double precision: in single precision, rounding of 12,288 terms puts a
    few of the million hidden units on the other side of zero.
    """
    found = farthest(learner, z, a, c)
    mine = losses_of(learner, z, y, a, c)  # first: each loss updates what the search uses
    single = mine - plain_loss(learner, z, y, a, found[1], c)
    twin, z, y, a = copy.deepcopy(learner).double(), z[:CHECKED].double(), y[:CHECKED], a.double()
    weights = list(twin.parameters())
    t = farthest(twin, z, a, c)[1]
    ours = torch.autograd.grad(losses_of(twin, z, y, a, c), weights)
    plain = torch.autograd.grad(plain_loss(twin, z, y, a, t, c), weights)
    apart = [(one - other).abs().max() for one, other in zip(ours, plain, strict=True)]
    return {
        "draws_differing": float((found[0] != found[1]).any(1).double().mean()),
        "loss_diff": float(single.detach().abs()),
        "max_abs_diff": float(max(apart)),
        "relative_diff": float(max(apart) / max(g.abs().max() for g in plain)),
    }


def farthest(learner: Learner, z: Tensor, a: Tensor, c: Config) -> tuple[Tensor, Tensor]:
    """The draws that our search and the plain one choose."""
    r, t = learner.representation, draws(c, len(z)).to(z)
    with torch.no_grad():
        mine = attack(r, *first_layer(r, z, a), t)
    return mine, plain_search(learner, z, a, t)


def losses_of(learner: Learner, z: Tensor, y: Tensor, a: Tensor, c: Config) -> Tensor:
    """Our loss, with the draws of :func:`draws`."""
    return losses(learner, z, y, a, c, torch_rng(3))["loss"]


def timed(step: Callable[[], None], times: int) -> float:
    """Least CPU seconds of a step."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return min(seconds)


def measure(q: int, c: Config) -> dict[str, object]:
    """Check, then time both sides."""
    rng = torch_rng(0)
    z, a = torch.randn(BATCH, q, generator=rng), torch.randn(1, q, generator=rng)
    a = 4 * functional.normalize(a)
    y = (z[:, 0] > 0).long()
    learner = Learner(q, 2, c, rng)
    warm = our_step(learner, z, y, a, c)
    for _ in range(STEPS):  # so that batch norm has statistics
        warm()
    found = compare(learner, z, y, a, c)
    twin = copy.deepcopy(learner)
    seconds = timed(our_step(learner, z, y, a, c), STEPS + 1)
    plain_seconds = timed(plain_step(twin, z, y, a, c), STEPS)
    agreement = (
        found["draws_differing"] <= 0.01
        and max(found["relative_diff"], found["loss_diff"]) <= TOLERANCE
    )
    return {
        "batch": BATCH,
        "q": q,
        "widths": [*c.hidden, c.outputs],
        "attack": c.attack,
        "seconds": round(seconds, 4),
        "plain_seconds": round(plain_seconds, 4),
        "ratio": round(plain_seconds / seconds, 2),
        "ratio_is": "CPU time of a plain training step with a 10-draw search, over ours",
        "max_abs_diff": found.pop("max_abs_diff"),
        "max_abs_diff_is": "entries of the gradient in double precision, ours and the plain one",
        **found,
        "agreement": bool(agreement),
        "ratio_reached": bool(plain_seconds / seconds >= TARGET),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small R; the tests use it")
    quick = parser.parse_args(argv).quick
    torch.set_num_threads(1)
    result = measure(1000, SMALL) if quick else measure(LATENT, FULL)
    name = "lassi_step: a training step of R" + (" (quick)" if quick else "")
    print(json.dumps({"benchmark": name, **result}))
    return 0 if result["agreement"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
