"""Speed of Glow's encoder, with its latents checked in the same run.

    python benchmarks/glow_encode.py [--quick]

Encodes pictures with the flow of LASSI's size (64 px, 4 x 32 steps, 512 filters) and with a small
one, and compares with the plain forward pass below: layer by layer as the paper lists them, in
torch's default memory order, with log-determinants and priors.  The last line is one JSON object;
exit status 1 if the latents differ.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import os
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

from fairtut.models.glow import Glow, preprocess
from fairtut.models.glow.layers import Coupling, FlowStep, ZeroConv

# name: size, blocks, flows, filters; pictures; repetitions of which the fastest counts
SIZES = {"lassi": ((64, 4, 32, 512), 8, 2), "small": ((32, 3, 8, 128), 256, 5)}
QUICK = {"lassi": ((16, 3, 4, 32), 8, 1), "small": ((8, 2, 2, 16), 8, 1)}
RATIO_TARGET, TOLERANCE = 1.3, 1e-5


def plain_zero_conv(conv: ZeroConv, x: Tensor) -> Tensor:
    padded = functional.pad(x, (1, 1, 1, 1), value=1.0)
    out = functional.conv2d(padded, conv.weight.contiguous(), conv.bias)
    return out * torch.exp(3 * conv.log_scale).view(1, -1, 1, 1)


def plain_coupling(coupling: Coupling, x: Tensor) -> Tensor:
    kept, moved = x.chunk(2, 1)
    first, _, second, _, last = coupling.net
    h = functional.relu(functional.conv2d(kept, first.weight.contiguous(), first.bias, padding=1))
    h = functional.relu(functional.conv2d(h, second.weight.contiguous(), second.bias))
    return torch.cat([kept, moved + plain_zero_conv(last, h)], 1)


def plain_step(step: FlowStep, x: Tensor) -> tuple[Tensor, Tensor]:
    n_pixels = x.shape[2] * x.shape[3]
    act = step.actnorm
    y = torch.exp(act.log_scale).view(1, -1, 1, 1) * (x + act.shift.view(1, -1, 1, 1))
    weight = step.mixing.weight()
    y = functional.conv2d(y, weight[:, :, None, None])
    log_det = n_pixels * (act.log_scale.sum() + step.mixing.log_s.sum())
    return plain_coupling(step.coupling, y), log_det


@torch.no_grad()
def plain(glow: Glow, x: Tensor) -> Tensor:
    """The forward pass of an additive flow as most code has it; latents (n, q)."""
    h = preprocess(x)
    log_prob = torch.zeros(len(h))
    latents = []
    for level, steps in enumerate(glow.levels):
        n, c, height, width = h.shape
        h = h.view(n, c, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
        h = h.reshape(n, 4 * c, height // 2, width // 2)
        for step in steps:
            h, log_det = plain_step(step, h)
            log_prob = log_prob + log_det
        if level < len(glow.levels) - 1:
            h, z = h.chunk(2, 1)
            mean, log_std = plain_zero_conv(glow.priors[level], h).chunk(2, 1)
        else:
            z = h
            mean, log_std = plain_zero_conv(glow.priors[level], torch.zeros_like(h)).chunk(2, 1)
        prior = torch.distributions.Normal(mean, log_std.exp())
        log_prob = log_prob + prior.log_prob(z).sum((1, 2, 3))
        latents.append(z.reshape(n, -1))
    assert torch.isfinite(log_prob).all()
    return torch.cat(latents, 1)


def made(sizes: tuple[int, int, int, int], n: int) -> tuple[Glow, Tensor]:
    """An initialised flow whose couplings do something, and pictures of smooth noise."""
    rng = torch.Generator().manual_seed(0)
    glow = Glow(*sizes, generator=rng)
    coarse = torch.rand(max(n, 8), 3, 4, 4, generator=rng)
    x = functional.interpolate(coarse, (sizes[0], sizes[0]), mode="bicubic").clamp(0, 1)
    x = (255 * x).to(torch.uint8)
    with torch.no_grad():
        for module in glow.modules():
            if isinstance(module, ZeroConv):
                module.weight.normal_(0, 0.02 / module.weight.shape[1] ** 0.5, generator=rng)
                module.bias.normal_(0, 0.02, generator=rng)
    glow.initialise(x[:8], rng)
    return glow.requires_grad_(False), x[:n]


def fastest(call: Callable[[], Tensor], repetitions: int) -> tuple[float, Tensor]:
    """CPU seconds of the fastest call, and its value."""
    best, value = float("inf"), call()
    for _ in range(repetitions):
        start = time.process_time()
        value = call()
        best = min(best, time.process_time() - start)
    return best, value


def measured(sizes: tuple[int, int, int, int], n: int, repetitions: int) -> dict[str, float]:
    glow, x = made(sizes, n)
    ours, z = fastest(lambda: glow.encode(x), repetitions)
    theirs, reference = fastest(
        lambda: torch.cat([plain(glow, rows) for rows in x.split(32)]), repetitions
    )
    return {
        "ours": ours / n,
        "plain": theirs / n,
        "diff": float((z - reference).abs().max()),
        "relative": float((z - reference).norm() / reference.norm()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny flows; the tests use it")
    sizes = QUICK if parser.parse_args(arguments).quick else SIZES
    torch.set_num_threads(1)
    runs = {name: measured(*how) for name, how in sizes.items()}
    lassi, small = runs["lassi"], runs["small"]
    relative = max(run["relative"] for run in runs.values())
    ratio = lassi["plain"] / lassi["ours"]
    result = {
        "benchmark": "Glow: pictures to latents, "
        + " and ".join(str(s[0]) for s in sizes.values()),
        "sizes_are": "pixels, blocks, flows per block, filters",
        "pictures": [how[1] for how in sizes.values()],
        "seconds": round(lassi["ours"], 5),
        "seconds_is": "CPU seconds per picture, the large flow",
        "plain_seconds": round(lassi["plain"], 5),
        "ratio": round(ratio, 2),
        "ratio_is": "plain forward pass over ours, the large flow",
        "small_ratio": round(small["plain"] / small["ours"], 2),
        "small_pictures_per_second": round(1 / small["ours"]),
        "max_abs_diff": max(run["diff"] for run in runs.values()),
        "max_abs_diff_is": "latents",
        "max_relative_diff": relative,
        "max_relative_diff_is": "norm of the difference over that of the latents, larger of both",
        "latents_equal": relative <= TOLERANCE,
        "ratio_reached": ratio >= RATIO_TARGET,
        "torch": torch.__version__,
    }
    print(json.dumps(result))
    return 0 if result["latents_equal"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
